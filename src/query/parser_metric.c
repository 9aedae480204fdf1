/* parser_metric.c - range aggregations with unwrap and offset, vector aggregations, label_replace, vector. */
#include <math.h>

#include "base/err.h"
#include "query/parser_impl.h"

/* ---- grouping ---- */

/* by (a) or without (a), if there is one. */
static struct ast_grouping *parse_grouping(struct parser *p)
{
    if (p->token.kind != TOKEN_BY && p->token.kind != TOKEN_WITHOUT)
        return NULL;
    struct ast_grouping *g = parser_alloc(p, sizeof *g);
    if (!g)
        return NULL;
    g->without = p->token.kind == TOKEN_WITHOUT;
    parser_advance(p);
    g->names = parse_names(p);
    return g;
}

/* ---- range aggregations ---- */

static void parse_unwrap(struct parser *p, struct expr *e)
{
    struct ast_unwrap *u = parser_alloc(p, sizeof *u);
    if (!u)
        return;
    parser_advance(p); /* unwrap; its pipe is taken */
    enum token_kind conversion = p->token.kind;
    if (token_is_between(conversion, TOKEN_BYTES_CONV, TOKEN_DURATION_SECONDS_CONV)) {
        u->conversion = conversion == TOKEN_BYTES_CONV      ? UNWRAP_BYTES
                        : conversion == TOKEN_DURATION_CONV ? UNWRAP_DURATION
                                                            : UNWRAP_DURATION_SECONDS;
        parser_advance(p);
        parser_expect(p, TOKEN_LPAREN);
    } else if (conversion != TOKEN_IDENTIFIER) {
        UNEXPECTED(p, TOKEN_IDENTIFIER, TOKEN_BYTES_CONV, TOKEN_DURATION_CONV, TOKEN_DURATION_SECONDS_CONV);
    }
    u->label = parser_text(p);
    parser_expect(p, TOKEN_IDENTIFIER);
    if (conversion != TOKEN_IDENTIFIER)
        parser_expect(p, TOKEN_RPAREN);
    struct ast_stage **tail = &u->filters;
    while (parser_accept(p, TOKEN_PIPE)) {
        struct ast_stage *stage = parser_alloc(p, sizeof *stage);
        if (!stage)
            return;
        stage->kind = STAGE_LABEL_FILTER;
        stage->filter = parse_label_filter(p);
        *tail = stage;
        tail = &stage->next;
    }
    e->unwrap = u;
}

static void parse_offset(struct parser *p, struct expr *e)
{
    if (!parser_accept(p, TOKEN_OFFSET))
        return;
    e->offset_ns = p->token.duration_ns; /* a sign is part of it */
    parser_expect(p, TOKEN_DURATION);
}

static void parse_pipeline_and_unwrap(struct parser *p, struct expr *e)
{
    struct ast_stage **tail = &e->log.stages;
    while (*tail)
        tail = &(*tail)->next;
    if (parse_stages(p, tail, true)) {
        if (e->unwrap)
            UNEXPECTED(p);
        else
            parse_unwrap(p, e);
    }
}

/* `{a="b"} | json [5m] offset 1h`, with the range also in front of the pipeline, and any of it in parentheses. */
static void parse_log_range(struct parser *p, struct expr *e)
{
    if (!parser_enter(p))
        return;
    if (parser_accept(p, TOKEN_LPAREN)) {
        parse_log_range(p, e);
        parser_expect(p, TOKEN_RPAREN);
    } else {
        e->log.matchers = parse_selector(p, &e->log.wrong);
    }
    if (!e->has_range)
        parse_pipeline_and_unwrap(p, e);
    if (p->token.kind == TOKEN_RANGE && !parser_failed(p) && !e->has_range) {
        e->has_range = true;
        e->range_ns = p->token.duration_ns;
        parser_advance(p);
        parse_offset(p, e);
        if (!e->unwrap && !e->log.stages)
            parse_pipeline_and_unwrap(p, e);
    }
    parser_leave(p);
}

static bool has_grouping(enum token_kind op)
{
    return op == TOKEN_AVG_OVER_TIME || op == TOKEN_MIN_OVER_TIME || op == TOKEN_MAX_OVER_TIME ||
           op == TOKEN_STDDEV_OVER_TIME || op == TOKEN_STDVAR_OVER_TIME || op == TOKEN_QUANTILE_OVER_TIME ||
           op == TOKEN_FIRST_OVER_TIME || op == TOKEN_LAST_OVER_TIME;
}

static bool works_without_unwrap(enum token_kind op)
{
    return op == TOKEN_RATE || op == TOKEN_COUNT_OVER_TIME || op == TOKEN_BYTES_RATE || op == TOKEN_BYTES_OVER_TIME ||
           op == TOKEN_ABSENT_OVER_TIME;
}

static bool works_with_unwrap(enum token_kind op)
{
    return op != TOKEN_COUNT_OVER_TIME && op != TOKEN_BYTES_RATE && op != TOKEN_BYTES_OVER_TIME;
}

static void check_range(struct parser *p, struct expr *e)
{
    const char *name = ast_op_name(e->op);
    if (e->grouping && !has_grouping(e->op))
        parser_blame(p, &e->wrong, BOLE_E_INVALID, "grouping not allowed for %s aggregation", name);
    if (e->op == TOKEN_QUANTILE_OVER_TIME && !e->has_number)
        parser_blame(p, &e->wrong, BOLE_E_INVALID, "parameter required for operation %s", name);
    if (e->unwrap ? !works_with_unwrap(e->op) : !works_without_unwrap(e->op))
        parser_blame(p, &e->wrong, BOLE_E_INVALID, "invalid aggregation %s %s unwrap", name, e->unwrap ? "with" : "without");
    if (e->op != TOKEN_QUANTILE_OVER_TIME && e->has_number)
        parser_blame(p, &e->wrong, BOLE_E_INVALID, "parameter %g not supported for operation %s", e->number, name);
}

struct expr *parse_range_aggregation(struct parser *p)
{
    struct expr *e = parser_new_expr(p, EXPR_RANGE, p->token.kind, NULL, NULL);
    bole_slice number_text = {0};
    if (!e)
        return NULL;
    parser_advance(p);
    parser_expect(p, TOKEN_LPAREN);
    if (p->token.kind == TOKEN_NUMBER && !parser_failed(p)) {
        e->has_number = true;
        e->number = p->token.number;
        number_text = p->token.text;
        parser_advance(p);
        parser_expect(p, TOKEN_COMMA);
    }
    if (p->token.kind != TOKEN_LBRACE && p->token.kind != TOKEN_LPAREN && e->has_number)
        UNEXPECTED(p, TOKEN_LBRACE, TOKEN_LPAREN);
    else if (p->token.kind != TOKEN_LBRACE && p->token.kind != TOKEN_LPAREN)
        UNEXPECTED(p, TOKEN_NUMBER, TOKEN_LBRACE, TOKEN_LPAREN);
    parse_log_range(p, e);
    if (!e->has_range && e->unwrap)
        UNEXPECTED(p, TOKEN_RANGE, TOKEN_PIPE);
    else if (!e->has_range)
        UNEXPECTED(p);
    parser_expect(p, TOKEN_RPAREN);
    e->grouping = parse_grouping(p);
    parser_check_number(p, e, number_text, "invalid parameter for operation quantile_over_time");
    check_range(p, e);
    return parser_failed(p) ? NULL : e;
}

/* ---- vector aggregations ---- */

static bool wants_number(enum token_kind op)
{
    return op == TOKEN_TOPK || op == TOKEN_BOTTOMK || op == TOKEN_APPROX_TOPK;
}

static void check_aggregate(struct parser *p, struct expr *e, bole_slice number_text)
{
    const char *name = ast_op_name(e->op);
    if (wants_number(e->op) && !e->has_number)
        parser_blame(p, &e->wrong, BOLE_E_INVALID, "parameter required for operation %s", name);
    if (!wants_number(e->op) && e->has_number)
        parser_blame(p, &e->wrong, BOLE_E_INVALID, "unsupported parameter for operation %s(%.*s,", name,
                    BOLE_SLICE_ARG(number_text));
    bool is_whole = !number_text.len || !(memchr(number_text.ptr, '.', number_text.len) || memchr(number_text.ptr, 'e', number_text.len) ||
                                          memchr(number_text.ptr, 'E', number_text.len));
    if (e->has_number && (!is_whole || e->number != floor(e->number) || fabs(e->number) > 9e18))
        parser_blame(p, &e->wrong, BOLE_E_INVALID, "invalid parameter %s(%.*s,", name, BOLE_SLICE_ARG(number_text));
    if (e->has_number && e->number <= 0)
        parser_blame(p, &e->wrong, BOLE_E_INVALID, "invalid parameter (must be greater than 0) %s(%.*s", name,
                    BOLE_SLICE_ARG(number_text));
    if ((e->op == TOKEN_SORT || e->op == TOKEN_SORT_DESC) && e->grouping)
        parser_blame(p, &e->wrong, BOLE_E_INVALID, "sort and sort_desc doesn't allow grouping by ");
    if (e->op == TOKEN_APPROX_TOPK && e->grouping)
        parser_blame(p, &e->wrong, BOLE_E_INVALID, "grouping not allowed for %s aggregation", name);
}

struct expr *parse_aggregate(struct parser *p)
{
    enum token_kind op = p->token.kind;
    bole_slice number_text = {0};
    double number = 0;
    bool has_number = false;
    parser_advance(p);
    struct ast_grouping *grouping = parse_grouping(p);
    parser_expect(p, TOKEN_LPAREN);
    struct lexer at_number = p->lexer;
    struct token token = p->token;
    if (token.kind == TOKEN_NUMBER && !parser_failed(p)) {
        parser_advance(p);
        has_number = parser_accept(p, TOKEN_COMMA);
        if (has_number) {
            number = token.number;
            number_text = token.text;
        } else if (!parser_failed(p)) { /* `sum(1 + ...)`: a literal that begins an expression */
            p->lexer = at_number;
            p->token = token;
        }
    }
    struct expr *operand = parse_expr(p);
    if (!parser_failed(p) && (operand->kind == EXPR_LOG || p->token.kind != TOKEN_RPAREN))
        UNEXPECTED(p);
    parser_accept(p, TOKEN_RPAREN);
    if (!grouping)
        grouping = parse_grouping(p);
    struct expr *e = parser_new_expr(p, EXPR_AGGREGATE, op, operand, NULL);
    if (!e)
        return NULL;
    e->left = operand;
    e->grouping = grouping;
    e->has_number = has_number;
    e->number = number;
    check_aggregate(p, e, number_text);
    return parser_failed(p) ? NULL : e;
}

/* ---- functions that are neither ---- */

static bole_slice parse_string(struct parser *p)
{
    bole_slice s = parser_text(p);
    parser_expect(p, TOKEN_STRING);
    return s;
}

/* The error is that of the pattern with what Loki puts around it. */
static void compile_replaced(struct parser *p, struct expr *e)
{
    struct bole_err why = {0};
    struct regex *unused;
    if (parser_failed(p) || ast_regex_compile(p->ast, e->pattern, REGEX_WHOLE, &e->regex, &why) == BOLE_OK)
        return;
    bole_slice whole = arena_printf(&p->ast->arena, "^(?:%.*s)$", BOLE_SLICE_ARG(e->pattern));
    if (whole.ptr)
        ast_regex_compile(p->ast, whole, 0, &unused, &why);
    parser_blame(p, &e->wrong, why.code, "invalid regex in label_replace: %s", why.msg);
}

struct expr *parse_label_replace(struct parser *p)
{
    parser_advance(p);
    parser_expect(p, TOKEN_LPAREN);
    struct expr *operand = parse_expr(p);
    if (!parser_failed(p) && (operand->kind == EXPR_LOG || p->token.kind != TOKEN_COMMA))
        UNEXPECTED(p);
    struct expr *e = parser_new_expr(p, EXPR_LABEL_REPLACE, TOKEN_LABEL_REPLACE, operand, NULL);
    if (!e)
        return NULL;
    e->left = operand;
    bole_slice *arguments[] = {&e->destination, &e->replacement, &e->source, &e->pattern};
    for (size_t i = 0; i < 4; i++) {
        parser_expect(p, TOKEN_COMMA);
        *arguments[i] = parse_string(p);
    }
    parser_expect(p, TOKEN_RPAREN);
    compile_replaced(p, e);
    return parser_failed(p) ? NULL : e;
}

/* `variants(...) of (...)`: Loki knows it, and does not answer it unless it is told to. */
struct expr *parse_variants(struct parser *p)
{
    parser_advance(p);
    parser_expect(p, TOKEN_LPAREN);
    do {
        struct expr *e = parse_expr(p);
        if (!parser_failed(p) && e->kind == EXPR_LOG)
            UNEXPECTED(p);
    } while (parser_accept(p, TOKEN_COMMA));
    parser_expect(p, TOKEN_RPAREN);
    parser_expect(p, TOKEN_OF);
    parser_expect(p, TOKEN_LPAREN);
    struct expr *of = parser_new_expr(p, EXPR_RANGE, TOKEN_OF, NULL, NULL);
    if (of)
        parse_log_range(p, of);
    if (of && !of->has_range)
        UNEXPECTED(p);
    parser_expect(p, TOKEN_RPAREN);
    if (p->token.kind != TOKEN_END)
        UNEXPECTED(p);
    if (!parser_failed(p))
        p->status = bole_fail(p->err, BOLE_E_UNSUPPORTED, "multi variant queries are disabled for this instance");
    return NULL;
}

struct expr *parse_vector(struct parser *p)
{
    struct expr *e = parser_new_expr(p, EXPR_VECTOR, TOKEN_VECTOR, NULL, NULL);
    if (!e)
        return NULL;
    parser_advance(p);
    parser_expect(p, TOKEN_LPAREN);
    e->number = p->token.number;
    bole_slice text = p->token.text;
    parser_expect(p, TOKEN_NUMBER);
    parser_expect(p, TOKEN_RPAREN);
    parser_check_number(p, e, text, "unable to parse vectorExpr as a float");
    return parser_failed(p) ? NULL : e;
}
