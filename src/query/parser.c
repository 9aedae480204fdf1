/*
 * parser.c - the parser itself, and expressions: binary operators, literals, what stands between them.
 *
 * Recursive descent with precedence climbing. Loki's parser is made by yacc; where its error texts list what would have
 * been right, this parser lists the same tokens, since people search for these texts.
 */
#include "query/parser.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "query/parser_impl.h"
#include "query/set/ast_set.h"

/* ---- the parser itself ---- */

static void fail_at(struct parser *p, const char *message)
{
    if (parser_failed(p))
        return;
    size_t line, column;
    lexer_place(p->query, p->token.offset, &line, &column);
    line = p->token.has_no_line ? 0 : line;
    if (p->query.len == 0) {
        p->status = bole_fail(p->err, BOLE_E_INVALID, "parse error : %s", message);
        return;
    }
    p->status = bole_fail(p->err, BOLE_E_INVALID, "parse error at line %zu, col %zu: %s", line, column, message);
}

void parser_advance(struct parser *p)
{
    if (parser_failed(p))
        return;
    p->token = lexer_next(&p->lexer);
    if (p->token.kind == TOKEN_ERROR)
        fail_at(p, p->token.message);
}

bool parser_accept(struct parser *p, enum token_kind kind)
{
    if (parser_failed(p) || p->token.kind != kind)
        return false;
    parser_advance(p);
    return !parser_failed(p);
}

bool parser_expect(struct parser *p, enum token_kind kind)
{
    if (parser_accept(p, kind))
        return true;
    UNEXPECTED(p, kind);
    return false;
}

void parser_unexpected(struct parser *p, const enum token_kind *expected)
{
    char message[200];
    int n = snprintf(message, sizeof message, "syntax error: unexpected %s", token_name(p->token.kind));
    for (size_t i = 0; expected[i] != TOKEN_END; i++)
        n += snprintf(message + n, sizeof message - (size_t)n, "%s%s", i ? " or " : ", expecting ",
                      token_name(expected[i]));
    fail_at(p, message);
}

void parser_fail(struct parser *p, bole_status status, const char *fmt, ...)
{
    if (parser_failed(p))
        return;
    va_list args;
    char message[4 * sizeof p->err->msg]; /* more than fits: it is cut once, by bole_fail */
    va_start(args, fmt);
    err_vprint(message, sizeof message, fmt, args);
    va_end(args);
    p->status = bole_fail(p->err, status, "parse error : %s", message);
}

void parser_blame(struct parser *p, const struct bole_err **wrong, bole_status status, const char *fmt, ...)
{
    struct bole_err *e = *wrong ? NULL : parser_alloc(p, sizeof *e);
    if (!e)
        return;
    va_list args;
    char message[sizeof e->msg];
    va_start(args, fmt);
    err_vprint(message, sizeof message, fmt, args);
    va_end(args);
    bole_fail(e, status, "%s", message);
    *wrong = e;
}

void *parser_alloc(struct parser *p, size_t size)
{
    void *v = parser_failed(p) ? NULL : arena_zalloc(&p->ast->arena, size);
    if (!v)
        parser_fail(p, BOLE_E_LIMIT, "memory limit of the query reached while parsing");
    return v;
}

bole_slice parser_text(struct parser *p)
{
    bole_slice s = parser_failed(p) ? (bole_slice){0} : arena_copy(&p->ast->arena, p->token.text);
    if (!s.ptr)
        parser_fail(p, BOLE_E_LIMIT, "memory limit of the query reached while parsing");
    return s;
}

bool parser_enter(struct parser *p)
{
    if (++p->depth > PARSER_DEPTH_MAX)
        parser_fail(p, BOLE_E_LIMIT, "the query is nested more than %u levels deep", QUERY_DEPTH_MAX);
    return !parser_failed(p);
}

void parser_leave(struct parser *p)
{
    p->depth--;
}

/* ---- operators ---- */

struct binary_op {
    enum token_kind kind;
    unsigned        precedence;
    enum { ARITHMETIC, COMPARISON, SET } class;
};

static const struct binary_op binary_ops[] = {
    {TOKEN_OR, 1, SET}, {TOKEN_AND, 2, SET}, {TOKEN_UNLESS, 2, SET}, {TOKEN_CMP_EQ, 3, COMPARISON},
    {TOKEN_NEQ, 3, COMPARISON}, {TOKEN_GT, 3, COMPARISON}, {TOKEN_GTE, 3, COMPARISON}, {TOKEN_LT, 3, COMPARISON},
    {TOKEN_LTE, 3, COMPARISON}, {TOKEN_ADD, 4, ARITHMETIC}, {TOKEN_SUB, 4, ARITHMETIC}, {TOKEN_MUL, 5, ARITHMETIC},
    {TOKEN_DIV, 5, ARITHMETIC}, {TOKEN_MOD, 5, ARITHMETIC}, {TOKEN_POW, 6, ARITHMETIC},
};

static const struct binary_op *find_binary_op(enum token_kind kind)
{
    for (size_t i = 0; i < sizeof binary_ops / sizeof binary_ops[0]; i++)
        if (binary_ops[i].kind == kind)
            return &binary_ops[i];
    return NULL;
}

const char *ast_op_name(enum token_kind op)
{
    static const struct { enum token_kind kind; const char *word; } words[] = {
#define X(kind, word, name) {TOKEN_##kind, word},
        TOKEN_KINDS(X)
#undef X
    };
    return words[op].word ? words[op].word : token_name(op);
}

static bool is_range_function(enum token_kind k) { return token_is_between(k, TOKEN_RATE, TOKEN_ABSENT_OVER_TIME); }
static bool is_aggregate(enum token_kind k) { return token_is_between(k, TOKEN_SUM, TOKEN_SORT_DESC); }

struct expr *parser_new_expr(struct parser *p, enum expr_kind kind, enum token_kind op, const struct expr *left,
                             const struct expr *right)
{
    struct expr *e = parser_alloc(p, sizeof *e);
    if (!e)
        return NULL;
    e->kind = kind;
    e->op = op;
    unsigned l = left ? left->depth : 0, r = right ? right->depth : 0;
    e->depth = 1 + (l > r ? l : r);
    if (e->depth > QUERY_DEPTH_MAX)
        parser_fail(p, BOLE_E_LIMIT, "the query is nested more than %u levels deep", QUERY_DEPTH_MAX);
    return parser_failed(p) ? NULL : e;
}

bool parse_signed_number(struct parser *p, bole_slice *ret_text, double *ret_value)
{
    double sign = 1;
    if (parser_accept(p, TOKEN_SUB))
        sign = -1;
    else
        parser_accept(p, TOKEN_ADD);
    *ret_text = p->token.text;
    *ret_value = sign * p->token.number;
    return parser_expect(p, TOKEN_NUMBER);
}

void parser_check_number(struct parser *p, struct expr *e, bole_slice text, const char *role)
{
    bool is_hex = text.len > 1 && (text.ptr[1] | 0x20) == 'x', is_decimal = text.len && !is_hex;
    for (size_t i = 0; i < text.len; i++)
        is_decimal &= text.ptr[i] != '_' && (text.ptr[i] | 0x20) != 'b' && (text.ptr[i] | 0x20) != 'o';
    if (isnan(e->number))
        parser_blame(p, &e->wrong, BOLE_E_INVALID, "%s: strconv.ParseFloat: parsing \"%.*s\": %s", role, BOLE_SLICE_ARG(text),
                     is_decimal ? "value out of range" : "invalid syntax");
}

struct ast_pair *parse_names(struct parser *p)
{
    struct ast_pair *first = NULL, **tail = &first;
    if (!parser_expect(p, TOKEN_LPAREN))
        return NULL;
    if (parser_accept(p, TOKEN_RPAREN))
        return NULL;
    for (;;) {
        if (p->token.kind != TOKEN_IDENTIFIER) {
            if (first)
                UNEXPECTED(p, TOKEN_IDENTIFIER);
            else
                UNEXPECTED(p, TOKEN_IDENTIFIER, TOKEN_RPAREN);
            return NULL;
        }
        struct ast_pair *name = parser_alloc(p, sizeof *name);
        if (!name)
            return NULL;
        name->name = parser_text(p);
        *tail = name;
        tail = &name->next;
        parser_advance(p);
        if (parser_accept(p, TOKEN_RPAREN))
            return first;
        if (!parser_accept(p, TOKEN_COMMA)) {
            UNEXPECTED(p, TOKEN_COMMA, TOKEN_RPAREN);
            return NULL;
        }
    }
}

/* ---- operands ---- */

static struct expr *parse_literal(struct parser *p)
{
    struct expr *e = parser_new_expr(p, EXPR_LITERAL, TOKEN_NUMBER, NULL, NULL);
    bole_slice text;
    if (!e || !parse_signed_number(p, &text, &e->number))
        return NULL;
    parser_check_number(p, e, text, "unable to parse literal as a float");
    return e;
}

void parse_pipeline(struct parser *p, struct ast_log *log)
{
    struct ast_set **sets = &log->sets;
    struct ast_stage **tail = &log->stages;
    for (; *sets; sets = &(*sets)->next)
        tail = &(*sets)->stages;
    while (*tail)
        tail = &(*tail)->next;
    if (parse_stages(p, tail, false))
        parse_sets(p, sets);
}

static struct expr *parse_log(struct parser *p)
{
    struct expr *e = parser_new_expr(p, EXPR_LOG, TOKEN_LBRACE, NULL, NULL);
    if (!e)
        return NULL;
    e->log.matchers = parse_selector(p, &e->log.wrong);
    parse_pipeline(p, &e->log);
    return parser_failed(p) ? NULL : e;
}

static struct expr *parse_operand(struct parser *p)
{
    enum token_kind kind = p->token.kind;
    if (parser_failed(p))
        return NULL;
    if (kind == TOKEN_LPAREN) {
        parser_advance(p);
        struct expr *e = parse_expr(p);
        if (!parser_accept(p, TOKEN_RPAREN)) /* so much else could stand here that Loki lists nothing */
            UNEXPECTED(p);
        if (e && e->kind == EXPR_LOG && e->log.sets) /* LogQL itself knows no stages behind parentheses */
            parse_pipeline(p, &e->log);
        return parser_failed(p) ? NULL : e;
    }
    if (kind == TOKEN_LBRACE)
        return parse_log(p);
    if (is_range_function(kind))
        return parse_range_aggregation(p);
    if (is_aggregate(kind))
        return parse_aggregate(p);
    if (kind == TOKEN_LABEL_REPLACE)
        return parse_label_replace(p);
    if (kind == TOKEN_VECTOR)
        return parse_vector(p);
    if (kind == TOKEN_VARIANTS)
        return parse_variants(p);
    if (kind == TOKEN_NUMBER || kind == TOKEN_ADD || kind == TOKEN_SUB)
        return parse_literal(p);
    UNEXPECTED(p);
    return NULL;
}

/* bool, on (...), group_left (...) behind an operator. */
static void parse_matching(struct parser *p, struct expr *e)
{
    e->return_bool = parser_accept(p, TOKEN_BOOL);
    if (p->token.kind != TOKEN_ON && p->token.kind != TOKEN_IGNORING)
        return;
    struct ast_matching *m = parser_alloc(p, sizeof *m);
    if (!m)
        return;
    e->matching = m;
    m->on = p->token.kind == TOKEN_ON;
    parser_advance(p);
    m->names = parse_names(p);
    if (p->token.kind != TOKEN_GROUP_LEFT && p->token.kind != TOKEN_GROUP_RIGHT)
        return;
    m->cardinality = p->token.kind == TOKEN_GROUP_LEFT ? MATCH_GROUP_LEFT : MATCH_GROUP_RIGHT;
    parser_advance(p);
    if (p->token.kind == TOKEN_LPAREN)
        m->include = parse_names(p);
}

/* As Loki's own types are called: only log queries are refused. */
static const char *type_name(const struct expr *e)
{
    return e->log.stages ? "*syntax.PipelineExpr" : "*syntax.MatchersExpr";
}

static void check_binary(struct parser *p, struct expr *e, const struct binary_op *op)
{
    const char *name = ast_op_name(e->op);
    if (e->left->kind == EXPR_LOG || e->right->kind == EXPR_LOG)
        parser_blame(p, &e->wrong, BOLE_E_INVALID, "unexpected type for %s leg of binary operation (%s): %s",
                    e->left->kind == EXPR_LOG ? "left" : "right", name,
                    type_name(e->left->kind == EXPR_LOG ? e->left : e->right));
    if (op->class == SET && (e->left->kind == EXPR_LITERAL || e->right->kind == EXPR_LITERAL)) {
        bool left = e->left->kind == EXPR_LITERAL;
        parser_blame(p, &e->wrong, BOLE_E_INVALID, "unexpected literal for %s leg of logical/set binary operation (%s): %f",
                    left ? "left" : "right", name, left ? e->left->number : e->right->number);
    }
}

static struct expr *parse_binary(struct parser *p, unsigned min_precedence)
{
    if (!parser_enter(p))
        return NULL;
    struct expr *left = parse_operand(p);
    while (left && !parser_failed(p)) {
        const struct binary_op *op = find_binary_op(p->token.kind);
        if (!op || op->precedence < min_precedence)
            break;
        struct expr modifiers = {0};
        parser_advance(p);
        parse_matching(p, &modifiers);
        /* `^` is right-associative, all others go from left to right. */
        struct expr *right = parse_binary(p, op->kind == TOKEN_POW ? op->precedence : op->precedence + 1);
        struct expr *e = right ? parser_new_expr(p, EXPR_BINARY, op->kind, left, right) : NULL;
        if (!e)
            return NULL;
        e->left = left;
        e->right = right;
        e->return_bool = modifiers.return_bool;
        e->matching = modifiers.matching;
        check_binary(p, e, op);
        left = e;
    }
    parser_leave(p);
    return parser_failed(p) ? NULL : left;
}

struct expr *parse_expr(struct parser *p)
{
    return parse_binary(p, 1);
}

/* ---- entry points ---- */

bole_status parser_begin(struct parser *p, bole_slice text, struct budget *budget, struct bole_err *err)
{
    *p = (struct parser){.budget = budget, .err = err};
    if (text.len > QUERY_TEXT_MAX)
        return p->status = bole_fail(err, BOLE_E_LIMIT, "parse error : the query has %zu bytes, at most %u are allowed",
                                     text.len, QUERY_TEXT_MAX);
    p->ast = calloc(1, sizeof *p->ast);
    if (!p->ast)
        return p->status = bole_fail(err, BOLE_E_NOMEM, "parse error : no memory");
    arena_init(&p->ast->arena, budget);
    p->query = text;
    p->lexer = (struct lexer){.query = text, .arena = &p->ast->arena};
    return BOLE_OK;
}

bole_status parser_end(struct parser *p, struct ast **ret_ast)
{
    if (!parser_failed(p) && p->token.kind != TOKEN_END)
        UNEXPECTED(p);
    if (!parser_failed(p))
        p->status = ast_check(p->ast->root, p->budget, p->err);
    if (parser_failed(p))
        ast_destroy(p->ast);
    else
        *ret_ast = p->ast;
    return p->status;
}

static bole_status parse(bole_slice text, bool loki_only, struct budget *budget, struct ast **ret_ast, struct bole_err *err)
{
    struct parser p;
    struct bole_err unwanted;
    if (parser_begin(&p, text, budget, err ? err : &unwanted) == BOLE_OK) {
        p.loki_only = loki_only;
        parser_advance(&p);
        p.ast->root = parse_expr(&p);
    }
    return parser_end(&p, ret_ast);
}

bole_status ast_parse(bole_slice text, struct budget *budget, struct ast **ret_ast, struct bole_err *err)
{
    return parse(text, false, budget, ret_ast, err);
}

bole_status ast_parse_loki(bole_slice text, struct budget *budget, struct ast **ret_ast, struct bole_err *err)
{
    return parse(text, true, budget, ret_ast, err);
}

/* What begins otherwise is read as a query, for the text of its error. */
static bole_status refuse_selector(bole_slice text, struct budget *budget, struct bole_err *err)
{
    struct ast *ast = NULL;
    bole_status st = ast_parse_loki(text, budget, &ast, err);
    ast_destroy(ast);
    return st < 0 ? st : bole_fail(err, BOLE_E_INVALID, "only label matchers are supported");
}

bole_status ast_parse_selector(bole_slice text, struct budget *budget, struct ast **ret_ast, struct bole_err *err)
{
    struct parser p;
    struct bole_err unwanted;
    bole_slice begin = bole_slice_trim(text);
    if (begin.len && begin.ptr[0] != '{' && begin.ptr[0] != '#')
        return refuse_selector(text, budget, err ? err : &unwanted);
    if (parser_begin(&p, text, budget, err ? err : &unwanted) == BOLE_OK) {
        parser_advance(&p);
        p.ast->root = parser_new_expr(&p, EXPR_LOG, TOKEN_LBRACE, NULL, NULL);
        struct ast_matcher *matchers = parse_selector(&p, NULL);
        if (!parser_failed(&p) && p.token.kind != TOKEN_END)
            p.status = bole_fail(p.err, BOLE_E_INVALID, "only label matchers are supported");
        if (p.ast->root)
            p.ast->root->log.matchers = matchers;
    }
    return parser_end(&p, ret_ast);
}

bole_status ast_regex_compile(struct ast *ast, bole_slice pattern, unsigned flags, struct regex **ret_regex,
                              struct bole_err *err)
{
    struct ast_regex *node = arena_zalloc(&ast->arena, sizeof *node);
    if (!node)
        return bole_fail(err, BOLE_E_LIMIT, "memory limit of the query reached");
    bole_status st = regex_compile(pattern, flags, ast->arena.budget, &node->regex, err);
    if (st < 0)
        return st;
    node->next = ast->regexes;
    ast->regexes = node;
    *ret_regex = node->regex;
    return BOLE_OK;
}

void ast_destroy(struct ast *ast)
{
    if (!ast)
        return;
    for (struct ast_regex *r = ast->regexes; r; r = r->next)
        regex_destroy(r->regex);
    arena_deinit(&ast->arena);
    free(ast);
}
