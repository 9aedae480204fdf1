/* print_set.c - Bole's additions back to text. */
#include "query/parser.h"
#include "query/set/set.h"
#include "shim/number.h"

static void print_columns(const char *before, const struct ast_column *columns, const char *after, struct buf *out)
{
    if (columns)
        buf_put_str(out, before);
    for (const struct ast_column *c = columns; c; c = c->next) {
        buf_put(out, c->name);
        buf_put_str(out, c->next ? ", " : "");
    }
    if (columns)
        buf_put_str(out, after);
}

static void print_stats(const struct ast_set *set, struct buf *out)
{
    for (const struct ast_stat *s = set->stats; s; s = s->next) {
        char number[NUMBER_TEXT_MAX];
        buf_put_str(out, s == set->stats ? " " : ", ");
        buf_put_str(out, ast_stat_name(s->kind));
        buf_put_u8(out, '(');
        if (s->kind == STAT_QUANTILE) {
            buf_put(out, (bole_slice){(const uint8_t *)number, number_format_g(s->quantile, number)});
            buf_put_str(out, ", ");
        }
        buf_put(out, s->column);
        buf_put_u8(out, ')');
        buf_put_str(out, s->is_named ? " as " : "");
        buf_put(out, s->is_named ? s->name : (bole_slice){0});
    }
    print_columns(" by (", set->columns, ")", out);
}

static void print_sort(const struct ast_set *set, struct buf *out)
{
    for (const struct ast_column *c = set->columns; c; c = c->next) {
        buf_put_str(out, c == set->columns ? " by " : ", ");
        buf_put(out, c->name);
        buf_put_str(out, c->descending ? " desc" : "");
    }
}

void ast_print_set(const struct ast_set *set, struct buf *out)
{
    static const char *const names[] = {[SET_DISTINCT] = "distinct", [SET_DEDUP] = "dedup", [SET_SORT] = "sort",
                                        [SET_TOP_BY] = "top", [SET_TOP_VALUES] = "top", [SET_STATS] = "stats",
                                        [SET_JOIN] = "join", [SET_CONTEXT] = "context", [SET_PATTERNS] = "patterns"};
    buf_printf(out, "| %s", names[set->kind]);
    switch (set->kind) {
    case SET_DISTINCT: print_columns(" ", set->columns, "", out); break;
    case SET_DEDUP: print_columns(" by (", set->columns, ")", out); break;
    case SET_SORT: print_sort(set, out); break;
    case SET_TOP_BY:
    case SET_TOP_VALUES:
        buf_printf(out, " %u", set->count);
        print_columns(set->kind == SET_TOP_BY ? " by (" : " (", set->columns, ")", out);
        break;
    case SET_STATS: print_stats(set, out); break;
    case SET_PATTERNS: break;
    case SET_JOIN:
        buf_put_str(out, " (");
        ast_print(set->subquery, out);
        print_columns(") on (", set->columns, ")", out);
        buf_put_str(out, set->is_left ? " left" : "");
        break;
    case SET_CONTEXT:
        if (set->before == set->after)
            buf_printf(out, " %u", set->before);
        else
            buf_printf(out, " before=%u after=%u", set->before, set->after);
        break;
    }
}

void ast_print_sets(const struct ast_set *sets, struct buf *out)
{
    for (const struct ast_set *set = sets; set; set = set->next) {
        buf_put_u8(out, ' ');
        ast_print_set(set, out);
        for (const struct ast_stage *s = set->stages; s; s = s->next) {
            buf_put_u8(out, ' ');
            ast_print_stage(s, out);
        }
    }
}
