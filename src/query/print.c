/* print.c - a tree back to text, in the form that Loki's format_query gives to short queries. */
#include <stdio.h>

#include "base/timefmt.h"
#include "base/utf8.h"
#include "query/parser.h"
#include "query/units.h"
#include "shim/number.h"

/* What Go does not print as it is, of all that is met in logs: controls, format characters, blanks other than the blank, private
 * use. */
static bool is_printable(uint32_t code)
{
    static const struct { uint32_t first, last;
    } others[] = {
        {0x7f, 0xa0},     {0xad, 0xad},     {0x61c, 0x61c},   {0x180e, 0x180e},    {0x1680, 0x1680},
        {0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000},    {0xe000, 0xf8ff},
        {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0x10ffff},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (code >= others[i].first && code <= others[i].last)
            return false;
    return true;
}

static uint32_t code_point(const uint8_t *p, size_t len)
{
    uint32_t code = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (p[i] & 0x3f);
    return code;
}

void ast_print_string(bole_slice s, struct buf *out)
{
    static const char plain[] = "\a\b\f\n\r\t\v\\\"", letters[] = "abfnrtv\\\"";
    buf_put_u8(out, '"');
    for (size_t i = 0; i < s.len;) {
        uint8_t c = s.ptr[i];
        const char *hit = c ? strchr(plain, c) : NULL;
        size_t n = utf8_length(s.ptr + i, s.len - i);
        if (hit)
            buf_printf(out, "\\%c", letters[hit - plain]);
        else if (n == 0 || c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else if (n > 1 && !is_printable(code_point(s.ptr + i, n)))
            buf_printf(out, n > 3 ? "\\U%08x" : "\\u%04x", code_point(s.ptr + i, n));
        else
            buf_put(out, (bole_slice){s.ptr + i, n});
        i += n ? n : 1;
    }
    buf_put_u8(out, '"');
}

static void print_number(double v, struct buf *out)
{
    char text[NUMBER_TEXT_MAX];
    buf_put(out, (bole_slice){(const uint8_t *)text, number_format_g(v, text)});
}

static void print_duration(int64_t ns, struct buf *out)
{
    char text[64];
    bool whole = ns >= 0 && ns % 1000000 == 0;
    size_t n = whole ? units_format_prometheus(ns, text) : duration_format(ns, text);
    buf_put(out, (bole_slice){(const uint8_t *)text, n});
}

static const char *match_text(enum match_op op)
{
    static const char *const texts[] = {[MATCH_EQ] = "=", [MATCH_NE] = "!=", [MATCH_RE] = "=~", [MATCH_NRE] = "!~"};
    return texts[op];
}

static const char *compare_text(enum compare_op op)
{
    static const char *const texts[] = {"=", "!=", ">", ">=", "<", "<="};
    return texts[op];
}

void ast_print_matchers(const struct ast_matcher *matchers, struct buf *out)
{
    buf_put_u8(out, '{');
    for (const struct ast_matcher *m = matchers; m; m = m->next) {
        buf_put(out, m->name);
        buf_put_str(out, match_text(m->op));
        ast_print_string(m->value, out);
        if (m->next)
            buf_put_str(out, ", ");
    }
    buf_put_u8(out, '}');
}

static void print_filter(const struct label_filter *f, struct buf *out)
{
    if (f->kind == LABEL_FILTER_AND || f->kind == LABEL_FILTER_OR) {
        buf_put_str(out, "( ");
        for (const struct label_filter *child = f->children; child; child = child->next) {
            print_filter(child, out);
            if (child->next)
                buf_put_str(out, f->kind == LABEL_FILTER_AND ? " , " : " or ");
        }
        buf_put_str(out, " )");
        return;
    }
    buf_put(out, f->name);
    bool by_match = f->kind == LABEL_FILTER_TEXT || f->kind == LABEL_FILTER_IP;
    buf_put_str(out, by_match ? match_text(f->match) : compare_text(f->compare));
    switch (f->kind) {
    case LABEL_FILTER_NUMBER: print_number(f->number, out); break;
    case LABEL_FILTER_DURATION: print_duration(f->duration_ns, out); break;
    case LABEL_FILTER_BYTES: buf_printf(out, "%lluB", (unsigned long long)f->size_bytes); break;
    case LABEL_FILTER_IP:
        buf_put_str(out, "ip(");
        ast_print_string(f->text, out);
        buf_put_u8(out, ')');
        break;
    default: ast_print_string(f->text, out);
    }
}

/* Of a filter that leaves out lines "or" is no word for it: as Loki, each needle shows the operator. */
static void print_needles(const struct ast_needle *needles, const char *op, struct buf *out)
{
    for (const struct ast_needle *n = needles; n; n = n->next) {
        buf_put_str(out, n == needles || *op == '!' ? op : "or ");
        buf_put_str(out, n->is_ip ? "ip(" : "");
        ast_print_string(n->text, out);
        buf_put_str(out, n->is_ip ? ")" : "");
        buf_put_str(out, n->next ? " " : "");
    }
}

static void print_pairs(const struct ast_stage *stage, struct buf *out)
{
    for (const struct ast_pair *pair = stage->pairs; pair; pair = pair->next) {
        buf_put_str(out, pair == stage->pairs ? " " : ",");
        buf_put(out, pair->name);
        if (stage->kind == STAGE_DROP || stage->kind == STAGE_KEEP)
            buf_put_str(out, pair->has_match ? match_text(pair->match) : "");
        else
            buf_put_u8(out, '=');
        if (pair->is_rename)
            buf_put(out, pair->value);
        else if (pair->has_match || (stage->kind != STAGE_DROP && stage->kind != STAGE_KEEP))
            ast_print_string(pair->value, out);
    }
}

void ast_print_stage(const struct ast_stage *stage, struct buf *out)
{
    static const char *const line_ops[] = {"|= ", "!= ", "|~ ", "!~ ", "|> ", "!> "};
    static const char *const names[] = {
        [STAGE_JSON] = "json", [STAGE_LOGFMT] = "logfmt", [STAGE_REGEXP] = "regexp ", [STAGE_PATTERN] = "pattern ",
        [STAGE_UNPACK] = "unpack", [STAGE_LINE_FORMAT] = "line_format ", [STAGE_LABEL_FORMAT] = "label_format",
        [STAGE_LABEL_FILTER] = "", [STAGE_DROP] = "drop", [STAGE_KEEP] = "keep", [STAGE_DECOLORIZE] = "decolorize",
        [STAGE_FIELD_WORD] = "",
    };
    if (stage->kind == STAGE_FIELD_WORD) {
        buf_put_str(out, stage->strict ? "| not " : "| ");
        buf_put(out, stage->text);
        buf_put_u8(out, ':');
        ast_print_string(regex_pattern(stage->regex), out);
        return;
    }
    if (stage->kind == STAGE_LINE_FILTER) {
        print_needles(stage->needles, line_ops[stage->line_op], out);
        return;
    }
    buf_put_str(out, "| ");
    buf_put_str(out, names[stage->kind]);
    if (stage->kind == STAGE_LABEL_FILTER)
        print_filter(stage->filter, out);
    if (stage->kind == STAGE_REGEXP || stage->kind == STAGE_PATTERN || stage->kind == STAGE_LINE_FORMAT)
        ast_print_string(stage->text, out);
    buf_put_str(out, stage->strict ? " --strict" : "");
    buf_put_str(out, stage->keep_empty ? " --keep-empty" : "");
    print_pairs(stage, out);
}

static void print_log(const struct ast_log *log, struct buf *out)
{
    ast_print_matchers(log->matchers, out);
    for (const struct ast_stage *s = log->stages; s; s = s->next) {
        buf_put_u8(out, ' ');
        ast_print_stage(s, out);
    }
    ast_print_sets(log->sets, out);
}

static void print_names(const struct ast_pair *names, struct buf *out)
{
    buf_put_u8(out, '(');
    for (; names; names = names->next) {
        buf_put(out, names->name);
        buf_put_str(out, names->next ? "," : "");
    }
    buf_put_u8(out, ')');
}

static void print_grouping(const struct ast_grouping *g, struct buf *out)
{
    if (!g)
        return;
    buf_put_str(out, g->without ? " without " : " by ");
    print_names(g->names, out);
}

static void print_unwrap(const struct ast_unwrap *u, struct buf *out)
{
    static const char *const conversions[] = {"", "duration(", "duration_seconds(", "bytes("};
    buf_put_str(out, " | unwrap ");
    buf_put_str(out, conversions[u->conversion]);
    buf_put(out, u->label);
    buf_put_str(out, u->conversion == UNWRAP_NUMBER ? "" : ")");
    for (const struct ast_stage *s = u->filters; s; s = s->next) {
        buf_put_u8(out, ' ');
        ast_print_stage(s, out);
    }
}

static void print_range(const struct expr *e, struct buf *out)
{
    buf_put_str(out, ast_op_name(e->op));
    buf_put_u8(out, '(');
    if (e->has_number) {
        print_number(e->number, out);
        buf_put_u8(out, ',');
    }
    print_log(&e->log, out);
    if (e->unwrap)
        print_unwrap(e->unwrap, out);
    buf_put_u8(out, '[');
    print_duration(e->range_ns, out);
    buf_put_u8(out, ']');
    if (e->offset_ns) {
        buf_put_str(out, e->offset_ns < 0 ? " offset -" : " offset ");
        print_duration(e->offset_ns < 0 ? -e->offset_ns : e->offset_ns, out);
    }
    buf_put_u8(out, ')');
    print_grouping(e->grouping, out);
}

static void print_aggregate(const struct expr *e, struct buf *out)
{
    buf_put_str(out, ast_op_name(e->op));
    print_grouping(e->grouping, out);
    buf_put_u8(out, '(');
    if (e->has_number) {
        print_number(e->number, out);
        buf_put_u8(out, ',');
    }
    ast_print(e->left, out);
    buf_put_u8(out, ')');
}

static void print_binary(const struct expr *e, struct buf *out)
{
    buf_put_u8(out, '(');
    ast_print(e->left, out);
    buf_printf(out, " %s ", ast_op_name(e->op));
    buf_put_str(out, e->return_bool ? "bool " : "");
    if (e->matching) {
        buf_put_str(out, e->matching->on ? "on " : "ignoring ");
        print_names(e->matching->names, out);
        buf_put_u8(out, ' ');
        if (e->matching->cardinality != MATCH_ONE_TO_ONE) {
            buf_put_str(out, e->matching->cardinality == MATCH_GROUP_LEFT ? "group_left " : "group_right ");
            print_names(e->matching->include, out);
            buf_put_u8(out, ' ');
        }
    }
    ast_print(e->right, out);
    buf_put_u8(out, ')');
}

void ast_print(const struct expr *e, struct buf *out)
{
    switch (e->kind) {
    case EXPR_LOG: print_log(&e->log, out); break;
    case EXPR_RANGE: print_range(e, out); break;
    case EXPR_AGGREGATE: print_aggregate(e, out); break;
    case EXPR_BINARY: print_binary(e, out); break;
    case EXPR_LITERAL: print_number(e->number, out); break;
    case EXPR_VECTOR:
        buf_put_str(out, "vector(");
        print_number(e->number, out);
        buf_put_u8(out, ')');
        break;
    case EXPR_LABEL_REPLACE: {
        const bole_slice arguments[] = {e->destination, e->replacement, e->source, e->pattern};
        buf_put_str(out, "label_replace(");
        ast_print(e->left, out);
        for (size_t i = 0; i < 4; i++) {
            buf_put_u8(out, ',');
            ast_print_string(arguments[i], out);
        }
        buf_put_u8(out, ')');
        break;
    }
    }
}
