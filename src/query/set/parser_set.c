/*
 * parser_set.c - Bole's additions: distinct, dedup, sort, top, stats.
 *
 * What Loki accepts never comes here: behind a pipe it takes a name only with a comparison after it.
 */
#include <math.h>

#include "query/parser_impl.h"
#include "query/set/set.h"
#include "query/set/value.h"

static bool is_word(const struct token *t, const char *word)
{
    return (t->kind == TOKEN_IDENTIFIER || t->kind >= TOKEN_FIRST_WORD) && bole_slice_eq(t->text, bole_slice_str(word));
}

static bool accept_word(struct parser *p, const char *word)
{
    if (parser_failed(p) || !is_word(&p->token, word))
        return false;
    parser_advance(p);
    return !parser_failed(p);
}

/* Any word: a label may be called count or json. */
static bole_slice parse_word(struct parser *p)
{
    bole_slice name = {0};
    if (p->token.kind != TOKEN_IDENTIFIER && p->token.kind < TOKEN_FIRST_WORD)
        UNEXPECTED(p, TOKEN_IDENTIFIER);
    else
        name = parser_text(p);
    parser_advance(p);
    return name;
}

/* `a, b` or `(a, b)`; with_order: `a desc, b asc`. */
static struct ast_column *parse_columns(struct parser *p, bool with_order)
{
    struct ast_column *first = NULL, **tail = &first;
    bool in_parentheses = parser_accept(p, TOKEN_LPAREN);
    do {
        struct ast_column *c = parser_alloc(p, sizeof *c);
        if (!c)
            return NULL;
        c->name = parse_word(p);
        if (with_order && !accept_word(p, "asc"))
            c->descending = accept_word(p, "desc");
        *tail = c;
        tail = &c->next;
    } while (parser_accept(p, TOKEN_COMMA));
    if (in_parentheses)
        parser_expect(p, TOKEN_RPAREN);
    return first;
}

static uint32_t parse_count(struct parser *p, uint32_t min, uint32_t max)
{
    double v = p->token.number;
    if (p->token.kind == TOKEN_NUMBER && !(v >= min && v <= max && floor(v) == v))
        parser_fail(p, BOLE_E_INVALID, "a whole number from %u to %u is needed, not %.*s", min, max,
                    BOLE_SLICE_ARG(p->token.text));
    return parser_expect(p, TOKEN_NUMBER) ? (uint32_t)v : 0;
}

static bool is_end_of_stage(const struct parser *p)
{
    enum token_kind k = p->token.kind;
    return k != TOKEN_IDENTIFIER && k != TOKEN_LPAREN && k < TOKEN_FIRST_WORD;
}

static void parse_distinct(struct parser *p, struct ast_set *set)
{
    if (!is_end_of_stage(p))
        set->columns = parse_columns(p, false);
}

static void parse_dedup(struct parser *p, struct ast_set *set)
{
    if (parser_accept(p, TOKEN_BY))
        set->columns = parse_columns(p, false);
}

static void parse_sort(struct parser *p, struct ast_set *set)
{
    if (parser_expect(p, TOKEN_BY))
        set->columns = parse_columns(p, true);
}

static void parse_top(struct parser *p, struct ast_set *set)
{
    set->count = parse_count(p, 1, SET_TOP_MAX);
    if (parser_accept(p, TOKEN_BY))
        set->kind = SET_TOP_BY;
    set->columns = parse_columns(p, false);
    for (struct ast_column *c = set->columns; c; c = c->next)
        c->descending = set->kind == SET_TOP_BY;
}

/* ---- stats ---- */

static const struct { const char *name; enum stat_kind kind; } stat_names[] = {
    {"count", STAT_COUNT}, {"count_distinct", STAT_COUNT_DISTINCT}, {"sum", STAT_SUM}, {"avg", STAT_AVG},
    {"min", STAT_MIN}, {"max", STAT_MAX}, {"quantile", STAT_QUANTILE}, {"first", STAT_FIRST}, {"last", STAT_LAST},
};

/* p50, p99, p999: the digits behind 0. */
static bool read_percentile(bole_slice name, double *ret_quantile)
{
    double scale = 0.1, q = 0;
    if (name.len < 3 || name.len > 6 || name.ptr[0] != 'p')
        return false;
    for (size_t i = 1; i < name.len; i++)
        if (name.ptr[i] < '0' || name.ptr[i] > '9')
            return false;
    for (size_t i = 1; i < name.len; i++, scale /= 10)
        q += (name.ptr[i] - '0') * scale;
    *ret_quantile = round(q * 1e5) / 1e5;
    return true;
}

static bool find_stat(struct parser *p, struct ast_stat *s)
{
    for (size_t i = 0; i < sizeof stat_names / sizeof stat_names[0]; i++)
        if (is_word(&p->token, stat_names[i].name)) {
            s->kind = stat_names[i].kind;
            return true;
        }
    s->kind = STAT_QUANTILE;
    return p->token.kind == TOKEN_IDENTIFIER && read_percentile(p->token.text, &s->quantile);
}

const char *ast_stat_name(enum stat_kind kind)
{
    for (size_t i = 0; i < sizeof stat_names / sizeof stat_names[0]; i++)
        if (stat_names[i].kind == kind)
            return stat_names[i].name;
    return "";
}

/* The name of a column: count, sum_bytes, p99_9_took. */
static bole_slice name_stat(struct parser *p, const struct ast_stat *s)
{
    bole_slice name = S("count"), column = set_column_name(s->column);
    if (s->kind == STAT_QUANTILE) {
        name = arena_printf(&p->ast->arena, "p%.5g_%.*s", s->quantile * 100, BOLE_SLICE_ARG(column));
        for (size_t i = 0; name.ptr && i < name.len - column.len; i++)
            if (name.ptr[i] == '.' || name.ptr[i] == '-')
                ((uint8_t *)name.ptr)[i] = '_';
    } else if (s->column.len) {
        name = arena_printf(&p->ast->arena, "%s_%.*s", ast_stat_name(s->kind), BOLE_SLICE_ARG(column));
    }
    if (!name.ptr)
        parser_fail(p, BOLE_E_LIMIT, "memory limit of the query reached while parsing");
    return name;
}

static struct ast_stat *parse_stat(struct parser *p)
{
    struct ast_stat *s = parser_alloc(p, sizeof *s);
    if (!s)
        return NULL;
    if (!find_stat(p, s)) {
        parser_fail(p, BOLE_E_INVALID,
                    "stats has no function %.*s: there are count, count_distinct, sum, avg, min, max, quantile, p50 (or other "
                    "digits), first, last",
                    BOLE_SLICE_ARG(p->token.text));
        return NULL;
    }
    bool wants_number = s->kind == STAT_QUANTILE && is_word(&p->token, "quantile");
    parser_advance(p);
    parser_expect(p, TOKEN_LPAREN);
    bole_slice text;
    if (wants_number && parse_signed_number(p, &text, &s->quantile)) {
        if (!(s->quantile >= 0 && s->quantile <= 1))
            parser_fail(p, BOLE_E_INVALID, "a quantile lies between 0 and 1");
        s->quantile += 0.0; /* -0 */
        parser_expect(p, TOKEN_COMMA);
    }
    if (s->kind != STAT_COUNT || p->token.kind != TOKEN_RPAREN)
        s->column = parse_word(p);
    parser_expect(p, TOKEN_RPAREN);
    s->is_named = accept_word(p, "as");
    s->name = s->is_named ? parse_word(p) : name_stat(p, s);
    return s;
}

static void check_names(struct parser *p, const struct ast_set *set)
{
    for (const struct ast_stat *s = set->stats; s; s = s->next) {
        bool twice = false;
        for (const struct ast_stat *other = s->next; other; other = other->next)
            twice |= bole_slice_eq(other->name, s->name);
        for (const struct ast_column *c = set->columns; c; c = c->next)
            twice |= bole_slice_eq(set_column_name(c->name), s->name);
        if (twice)
            parser_fail(p, BOLE_E_INVALID, "stats makes two columns called %.*s: name one of them with `as`",
                        BOLE_SLICE_ARG(s->name));
    }
}

static void parse_stats(struct parser *p, struct ast_set *set)
{
    struct ast_stat **tail = &set->stats;
    do {
        *tail = parse_stat(p);
        if (!*tail)
            return;
        tail = &(*tail)->next;
    } while (parser_accept(p, TOKEN_COMMA));
    if (parser_accept(p, TOKEN_BY))
        set->columns = parse_columns(p, false);
    if (!parser_failed(p))
        check_names(p, set);
}

/* ---- join, context ---- */

static unsigned join_levels(const struct expr *e)
{
    unsigned most = 0;
    for (const struct ast_set *s = e->log.sets; s; s = s->next) {
        unsigned levels = s->kind == SET_JOIN ? 1 + join_levels(s->subquery) : 0;
        most = levels > most ? levels : most;
    }
    return most;
}

static void parse_join(struct parser *p, struct ast_set *set)
{
    if (!parser_expect(p, TOKEN_LPAREN))
        return;
    set->subquery = parse_expr(p);
    if (set->subquery && set->subquery->kind != EXPR_LOG)
        parser_fail(p, BOLE_E_INVALID, "join takes a log query in its parentheses, not a metric query");
    if (set->subquery && !parser_failed(p) && join_levels(set->subquery) >= SET_JOINS_MAX)
        parser_fail(p, BOLE_E_LIMIT, "joins are nested more than %u levels deep", SET_JOINS_MAX);
    parser_expect(p, TOKEN_RPAREN);
    if (!parser_accept(p, TOKEN_BY))
        parser_expect(p, TOKEN_ON);
    set->columns = parse_columns(p, false);
    if (!accept_word(p, "inner"))
        set->is_left = accept_word(p, "left");
}

static void parse_context(struct parser *p, struct ast_set *set)
{
    if (p->token.kind == TOKEN_NUMBER) {
        set->before = set->after = parse_count(p, 0, SET_CONTEXT_MAX);
        return;
    }
    do {
        uint32_t *count = is_word(&p->token, "before") ? &set->before : is_word(&p->token, "after") ? &set->after : NULL;
        if (!count) {
            parser_fail(p, BOLE_E_INVALID, "context takes a number of lines, `context 5`, or `context before=2 after=10`");
            return;
        }
        parser_advance(p);
        if (parser_expect(p, TOKEN_EQ))
            *count = parse_count(p, 0, SET_CONTEXT_MAX);
    } while (!parser_failed(p) && (is_word(&p->token, "before") || is_word(&p->token, "after")));
}

/* ---- which it is ---- */

struct set_name {
    const char   *word;
    enum set_kind kind;
    void (*parse)(struct parser *p, struct ast_set *set);
};

static const struct set_name set_names[] = {
    {"distinct", SET_DISTINCT, parse_distinct}, {"dedup", SET_DEDUP, parse_dedup}, {"sort", SET_SORT, parse_sort},
    {"top", SET_TOP_VALUES, parse_top},         {"stats", SET_STATS, parse_stats},
    {"join", SET_JOIN, parse_join},             {"context", SET_CONTEXT, parse_context},
    {"patterns", SET_PATTERNS, NULL},
};

static bool is_comparison(enum token_kind k)
{
    return k == TOKEN_EQ || k == TOKEN_RE || k == TOKEN_NRE || k == TOKEN_NEQ || token_is_between(k, TOKEN_CMP_EQ, TOKEN_LTE);
}

static const struct set_name *find_set(const struct parser *p)
{
    struct lexer ahead = p->lexer;
    if (parser_failed(p) || p->loki_only || (p->token.kind != TOKEN_IDENTIFIER && p->token.kind < TOKEN_FIRST_WORD))
        return NULL;
    for (size_t i = 0; i < sizeof set_names / sizeof set_names[0]; i++)
        if (is_word(&p->token, set_names[i].word))
            return is_comparison(lexer_next(&ahead).kind) ? NULL : &set_names[i];
    return NULL;
}

bool parser_at_set(const struct parser *p)
{
    return find_set(p) != NULL;
}

void parse_sets(struct parser *p, struct ast_set **tail)
{
    const struct set_name *name;
    for (bool more = true; more && (name = find_set(p));) {
        struct ast_set *set = parser_alloc(p, sizeof *set);
        if (!set)
            return;
        set->kind = name->kind;
        parser_advance(p);
        if (name->parse)
            name->parse(p, set);
        more = parse_stages(p, &set->stages, false);
        *tail = set;
        tail = &set->next;
    }
}
