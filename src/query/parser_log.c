/* parser_log.c - selectors and the stages of a log pipeline. */
#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "base/utf8.h"
#include "query/parser_impl.h"
#include "query/stage/chain.h"
#include "query/stage/ip.h"
#include "query/stage/parse_json.h"
#include "query/stage/pattern.h"
#include "query/stage/simple_regex.h"
#include "query/template/template.h"
#include "query/units.h"

/* ---- selectors ---- */

static const struct { enum token_kind token; enum match_op op; } match_ops[] = {
    {TOKEN_EQ, MATCH_EQ}, {TOKEN_RE, MATCH_RE}, {TOKEN_NRE, MATCH_NRE}, {TOKEN_NEQ, MATCH_NE},
};

static bool find_match_op(enum token_kind kind, enum match_op *ret_op)
{
    for (size_t i = 0; i < 4; i++)
        if (match_ops[i].token == kind) {
            *ret_op = match_ops[i].op;
            return true;
        }
    return false;
}

static bool is_regex_op(enum match_op op)
{
    return op == MATCH_RE || op == MATCH_NRE;
}

static struct regex *compile_regex(struct parser *p, bole_slice pattern, unsigned flags)
{
    struct regex *regex = NULL;
    struct bole_err why = {0};
    if (!parser_failed(p) && ast_regex_compile(p->ast, pattern, flags, &regex, &why) < 0)
        parser_fail(p, why.code, "%s", why.msg);
    return regex;
}

static struct regex *compile_matcher(struct parser *p, enum match_op op, bole_slice value)
{
    return is_regex_op(op) ? compile_regex(p, value, REGEX_ANCHORED) : NULL;
}

static struct simple_regex find_simple(struct parser *p, bole_slice pattern, bool is_label)
{
    struct simple_regex simple = {0};
    if (!parser_failed(p) && !simple_regex_find(pattern, is_label, &p->ast->arena, &simple))
        parser_fail(p, BOLE_E_LIMIT, "memory limit of the query reached while parsing");
    return simple;
}

static bool accepts_empty(const struct ast_matcher *m)
{
    switch (m->op) {
    case MATCH_EQ: return m->value.len == 0;
    case MATCH_NE: return m->value.len > 0;
    case MATCH_RE: return regex_match(m->regex, (bole_slice){0});
    case MATCH_NRE: return !regex_match(m->regex, (bole_slice){0});
    }
    return true;
}

static struct ast_matcher *parse_matcher(struct parser *p)
{
    struct ast_matcher *m = parser_alloc(p, sizeof *m);
    if (!m)
        return NULL;
    m->name = parser_text(p);
    parser_advance(p);
    if (!find_match_op(p->token.kind, &m->op)) {
        UNEXPECTED(p, TOKEN_EQ, TOKEN_RE, TOKEN_NRE, TOKEN_NEQ);
        return NULL;
    }
    parser_advance(p);
    m->value = parser_text(p);
    parser_expect(p, TOKEN_STRING);
    m->regex = compile_matcher(p, m->op, m->value);
    return parser_failed(p) ? NULL : m;
}

struct ast_matcher *parse_selector(struct parser *p, const struct bole_err **wrong)
{
    struct ast_matcher *first = NULL, **tail = &first;
    bool selective = !wrong;
    if (!parser_expect(p, TOKEN_LBRACE))
        return NULL;
    while (!parser_accept(p, TOKEN_RBRACE) && !parser_failed(p)) {
        if (first && !parser_accept(p, TOKEN_COMMA)) {
            UNEXPECTED(p, TOKEN_RBRACE, TOKEN_COMMA);
            return NULL;
        }
        if (p->token.kind != TOKEN_IDENTIFIER) {
            if (first)
                UNEXPECTED(p, TOKEN_IDENTIFIER);
            else
                UNEXPECTED(p, TOKEN_IDENTIFIER, TOKEN_RBRACE);
            return NULL;
        }
        struct ast_matcher *m = parse_matcher(p);
        if (!m)
            return NULL;
        selective |= !accepts_empty(m);
        *tail = m;
        tail = &m->next;
    }
    if (!selective)
        parser_blame(
            p, wrong, BOLE_E_INVALID,
            "queries require at least one regexp or equality matcher that does not have an empty-compatible value. "
            "For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will");
    return parser_failed(p) ? NULL : first;
}

/* ---- errors of a stage ---- */

static void fail_stage(struct parser *p, struct ast_stage *stage, const struct bole_err *why)
{
    parser_blame(p, &stage->wrong, why->code ? why->code : BOLE_E_INVALID, "%s", why->msg);
}

/* ---- line filters ---- */

static bool find_line_op(enum token_kind kind, enum line_filter_op *ret_op)
{
    switch (kind) {
    case TOKEN_PIPE_EQ: *ret_op = LINE_CONTAINS; return true;
    case TOKEN_NEQ: *ret_op = LINE_NOT_CONTAINS; return true;
    case TOKEN_PIPE_RE: *ret_op = LINE_MATCHES; return true;
    case TOKEN_NRE: *ret_op = LINE_NOT_MATCHES; return true;
    case TOKEN_PIPE_PATTERN: *ret_op = LINE_PATTERN; return true;
    case TOKEN_NOT_PATTERN: *ret_op = LINE_NOT_PATTERN; return true;
    default: return false;
    }
}

static void settle_regex(struct parser *p, struct ast_needle *n)
{
    struct simple_regex simple = find_simple(p, n->text, false);
    n->passes_all = simple.passes_all;
    if (simple.pattern.ptr)
        n->regex = compile_regex(p, simple.pattern, 0);
}

/* "text" or ip("address") */
static struct ast_needle *parse_needle(struct parser *p, struct ast_stage *stage, struct bole_err *why)
{
    struct ast_needle *n = parser_alloc(p, sizeof *n);
    if (!n)
        return NULL;
    bool is_ip = n->is_ip = parser_accept(p, TOKEN_IP);
    if (is_ip)
        parser_expect(p, TOKEN_LPAREN);
    else if (p->token.kind != TOKEN_STRING)
        UNEXPECTED(p, TOKEN_STRING, TOKEN_IP);
    n->text = parser_text(p);
    parser_expect(p, TOKEN_STRING);
    if (is_ip)
        parser_expect(p, TOKEN_RPAREN);
    if (parser_failed(p))
        return NULL;
    bool plain = stage->line_op == LINE_CONTAINS || stage->line_op == LINE_NOT_CONTAINS;
    bool regex = stage->line_op == LINE_MATCHES || stage->line_op == LINE_NOT_MATCHES;
    bool is_out = stage->line_op == LINE_NOT_CONTAINS || stage->line_op == LINE_NOT_MATCHES || stage->line_op == LINE_NOT_PATTERN;
    struct bole_err here = {0};
    if (why->code && !is_out)
        return n;
    if (is_ip && !plain)
        bole_fail(&here, BOLE_E_INVALID, "ip: invalid operation");
    else if (is_ip)
        ip_compile(n->text, &p->ast->arena, &n->ip, &here);
    else if (regex && ast_regex_compile(p->ast, n->text, 0, &n->regex, &here) == BOLE_OK)
        settle_regex(p, n);
    else if (!plain && !regex)
        pattern_compile(n->text, true, &p->ast->arena, &n->pattern, &here);
    if (here.code) /* of what leaves lines out Loki makes the last alternative first */
        *why = here;
    return n;
}

/*
 * As Loki has it: an alternative that is empty counts for nothing, where there are others; and in a chain of |= an address is
 * looked for as mere text. What is printed stays.
 */
static void settle_or_chain(struct ast_stage *stage)
{
    bool any = false;
    if (stage->line_op == LINE_PATTERN || stage->line_op == LINE_NOT_PATTERN || stage->line_op == LINE_NOT_CONTAINS)
        return;
    for (struct ast_needle *n = stage->needles; n; n = n->next) {
        n->is_text = n->is_ip && stage->line_op == LINE_CONTAINS;
        n->passes_all |= n->text.len == 0;
        any |= !n->passes_all;
    }
    for (struct ast_needle *n = stage->needles; n && any && stage->line_op != LINE_NOT_MATCHES; n = n->next)
        n->is_idle = n->passes_all;
}

static void parse_line_filter(struct parser *p, struct ast_stage *stage)
{
    struct ast_needle **tail = &stage->needles;
    struct bole_err why = {0};
    stage->kind = STAGE_LINE_FILTER;
    do {
        parser_advance(p); /* the operator, or `or` */
        struct ast_needle *n = parse_needle(p, stage, &why);
        if (!n)
            return;
        *tail = n;
        tail = &n->next;
    } while (p->token.kind == TOKEN_OR && !parser_failed(p));
    bool is_chain = !parser_failed(p) && stage->needles->next;
    if (why.code && !(is_chain && stage->line_op == LINE_CONTAINS)) /* there it is mere text: below */
        fail_stage(p, stage, &why);
    else if (is_chain)
        settle_or_chain(stage);
}

/* ---- label filters ---- */

static bool find_compare_op(enum token_kind kind, enum compare_op *ret_op)
{
    switch (kind) {
    case TOKEN_EQ: case TOKEN_CMP_EQ: *ret_op = COMPARE_EQ; return true;
    case TOKEN_NEQ: *ret_op = COMPARE_NE; return true;
    case TOKEN_GT: *ret_op = COMPARE_GT; return true;
    case TOKEN_GTE: *ret_op = COMPARE_GE; return true;
    case TOKEN_LT: *ret_op = COMPARE_LT; return true;
    case TOKEN_LTE: *ret_op = COMPARE_LE; return true;
    default: return false;
    }
}

/* Of a text filter. */
static void compile_filter(struct parser *p, struct label_filter *f)
{
    if (!is_regex_op(f->match))
        return;
    f->regex = compile_regex(p, f->text, REGEX_WHOLE);
    struct simple_regex simple = find_simple(p, f->text, true);
    f->passes_all = simple.passes_all && f->match == MATCH_RE;
    if (simple.passes_all || simple.pattern.ptr)
        f->regex = compile_regex(p, simple.passes_all ? S("\\A") : simple.pattern, 0);
}

static void parse_text_operand(struct parser *p, struct label_filter *f, enum token_kind op)
{
    if (!find_match_op(op, &f->match)) {
        UNEXPECTED(p);
        return;
    }
    f->text = parser_text(p);
    parser_advance(p);
    compile_filter(p, f);
}

static void parse_ip_operand(struct parser *p, struct label_filter *f, enum token_kind op)
{
    struct bole_err why = {0};
    f->kind = LABEL_FILTER_IP;
    if (!find_match_op(op, &f->match) || is_regex_op(f->match)) {
        UNEXPECTED(p);
        return;
    }
    parser_advance(p);
    parser_expect(p, TOKEN_LPAREN);
    f->text = parser_text(p);
    parser_expect(p, TOKEN_STRING);
    parser_expect(p, TOKEN_RPAREN);
    if (!parser_failed(p) && ip_compile(f->text, &p->ast->arena, &f->ip, &why) < 0)
        parser_blame(p, &f->wrong, why.code, "%s", why.msg);
}

/* name op value: the value's type says what is compared. */
static void parse_comparison(struct parser *p, struct label_filter *f)
{
    bole_slice text;
    f->name = parser_text(p);
    parser_advance(p);
    enum token_kind op = p->token.kind;
    bool text_only = op == TOKEN_RE || op == TOKEN_NRE;
    if (!text_only && !find_compare_op(op, &f->compare)) {
        UNEXPECTED(p);
        return;
    }
    parser_advance(p);
    if (parser_failed(p))
        return;
    switch (text_only && p->token.kind != TOKEN_STRING ? TOKEN_END : p->token.kind) {
    case TOKEN_STRING: parse_text_operand(p, f, op); break;
    case TOKEN_IP: parse_ip_operand(p, f, op); break;
    case TOKEN_DURATION:
        f->kind = LABEL_FILTER_DURATION;
        f->duration_ns = p->token.duration_ns;
        parser_advance(p);
        break;
    case TOKEN_BYTES:
        f->kind = LABEL_FILTER_BYTES;
        f->size_bytes = units_bytes_as_shown(p->token.size_bytes); /* Loki's parts hand it on as text: 1KiB is 1000 */
        parser_advance(p);
        break;
    case TOKEN_NUMBER: case TOKEN_ADD: case TOKEN_SUB:
        f->kind = LABEL_FILTER_NUMBER;
        parse_signed_number(p, &text, &f->number);
        f->number = isnan(f->number) ? 0 : f->number;
        if (f->number == 0 && signbit(f->number)) /* Loki's parts hand it on as -0, which they read as a duration */
            f->kind = LABEL_FILTER_DURATION;
        break;
    default:
        if (text_only)
            UNEXPECTED(p, TOKEN_STRING);
        else
            UNEXPECTED(p);
    }
}

/* a and b and c become one flat list, so that long chains need no depth. Neither side has siblings yet. */
static struct label_filter *join_filters(struct parser *p, enum label_filter_kind kind, struct label_filter *left,
                                         struct label_filter *right)
{
    struct label_filter *f = left && right ? parser_alloc(p, sizeof *f) : NULL;
    if (!f)
        return NULL;
    f->kind = kind;
    f->children = left->kind == kind ? left->children : left;
    f->last_child = left->kind == kind ? left->last_child : left;
    f->last_child->next = right->kind == kind ? right->children : right;
    f->last_child = right->kind == kind ? right->last_child : right;
    unsigned l = left->depth + (left->kind != kind), r = right->depth + (right->kind != kind);
    f->depth = l > r ? l : r;
    if (f->depth > QUERY_DEPTH_MAX)
        parser_fail(p, BOLE_E_LIMIT, "the query is nested more than %u levels deep", QUERY_DEPTH_MAX);
    return f;
}

static struct label_filter *parse_filter_chain(struct parser *p);

static struct label_filter *parse_filter_operand(struct parser *p)
{
    struct label_filter *f = NULL;
    if (parser_accept(p, TOKEN_LPAREN)) {
        f = parse_filter_chain(p);
        if (!parser_accept(p, TOKEN_RPAREN))
            UNEXPECTED(p);
    } else if (p->token.kind == TOKEN_IDENTIFIER) {
        f = parser_alloc(p, sizeof *f);
        if (f)
            parse_comparison(p, f);
    } else {
        UNEXPECTED(p, TOKEN_IDENTIFIER, TOKEN_LPAREN);
    }
    return parser_failed(p) ? NULL : f;
}

/* An operator that waits for its right side. */
struct pending {
    struct label_filter *left;
    enum { PENDING_COMMA, PENDING_OR, PENDING_AND } op; /* in order of precedence, which the comma has none of */
    struct pending *below;
};

static struct pending *reduce_filter(struct parser *p, struct pending *top, struct label_filter **right)
{
    *right = join_filters(p, top->op == PENDING_OR ? LABEL_FILTER_OR : LABEL_FILTER_AND, top->left, *right);
    return top->below;
}

/* `and` binds tighter than `or`. A comma and mere juxtaposition mean `and`; having no precedence in Loki's grammar,
 * they take all that stands on their right: `a, b or c` is a and (b or c), `a or b, c` is a or (b and c). An explicit
 * stack keeps long chains from recursing. */
static struct label_filter *parse_filter_chain(struct parser *p)
{
    if (!parser_enter(p))
        return NULL;
    struct pending *top = NULL;
    struct label_filter *f = parse_filter_operand(p);
    while (f && !parser_failed(p)) {
        enum token_kind kind = p->token.kind;
        bool is_joined = kind == TOKEN_IDENTIFIER || kind == TOKEN_LPAREN;
        if (!is_joined && kind != TOKEN_COMMA && kind != TOKEN_AND && kind != TOKEN_OR)
            break;
        struct pending *op = parser_alloc(p, sizeof *op);
        if (!op)
            return NULL;
        op->op = kind == TOKEN_AND ? PENDING_AND : kind == TOKEN_OR ? PENDING_OR : PENDING_COMMA;
        while (f && op->op != PENDING_COMMA && top && top->op >= op->op)
            top = reduce_filter(p, top, &f);
        op->left = f;
        op->below = top;
        top = op;
        if (!is_joined)
            parser_advance(p);
        f = parse_filter_operand(p);
    }
    while (f && top)
        top = reduce_filter(p, top, &f);
    parser_leave(p);
    return parser_failed(p) ? NULL : f;
}

struct label_filter *parse_label_filter(struct parser *p)
{
    return parse_filter_chain(p);
}

/* ---- lists of pairs ---- */

static struct ast_pair *append_pair(struct parser *p, struct ast_pair ***tail)
{
    struct ast_pair *pair = parser_alloc(p, sizeof *pair);
    if (!pair)
        return NULL;
    pair->name = parser_text(p);
    if (!parser_expect(p, TOKEN_IDENTIFIER))
        return NULL;
    **tail = pair;
    *tail = &pair->next;
    return pair;
}

/* A key of logfmt: a word, with blanks around it. Loki's scanner and its grammar have a say each. */
static bole_status check_logfmt_name(bole_slice s, struct bole_err *err)
{
    size_t words = 0, i = 0;
    while (i < s.len) {
        uint8_t c = s.ptr[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (c == ' ' || c == '\t' || c == '\n') {
            i++;
            continue;
        }
        if (!is_word && words) {
            size_t n = utf8_length(s.ptr + i, s.len - i);
            return bole_fail(err, BOLE_E_INVALID, "cannot parse expression [%.*s]: unexpected char %.*s", BOLE_SLICE_ARG(s),
                             (int)(n ? n : 1), (const char *)s.ptr + i);
        }
        if (!is_word)
            break;
        if (words++)
            return bole_fail(err, BOLE_E_INVALID, "cannot parse expression [%.*s]: syntax error: unexpected KEY",
                             BOLE_SLICE_ARG(s));
        while (i < s.len && (is_word || (s.ptr[i] >= '0' && s.ptr[i] <= '9'))) {
            c = ++i < s.len ? s.ptr[i] : 0;
            is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        }
    }
    return words ? BOLE_OK
                 : bole_fail(err, BOLE_E_INVALID,
                             "cannot parse expression [%.*s]: syntax error: unexpected $end, expecting STRING or KEY",
                             BOLE_SLICE_ARG(s));
}

/* `a="x.y", b` behind json or logfmt */
static void parse_extractions(struct parser *p, struct ast_stage *stage)
{
    struct ast_pair **tail = &stage->pairs;
    struct bole_err why = {0};
    if (p->token.kind != TOKEN_IDENTIFIER)
        return;
    do {
        struct ast_pair *pair = append_pair(p, &tail);
        if (!pair)
            return;
        pair->value = pair->name;
        if (parser_accept(p, TOKEN_EQ)) {
            pair->value = parser_text(p);
            parser_expect(p, TOKEN_STRING);
        }
        if (stage->kind == STAGE_JSON && !why.code && !parser_failed(p))
            json_path_compile(pair->value, &p->ast->arena, &pair->path, &why);
        else if (stage->kind == STAGE_LOGFMT && !why.code)
            check_logfmt_name(pair->value, &why);
    } while (parser_accept(p, TOKEN_COMMA));
    if (why.code)
        fail_stage(p, stage, &why);
}

static void check_label_format(struct parser *p, const struct ast_stage *stage, struct bole_err *why)
{
    size_t count = 0;
    for (const struct ast_pair *a = stage->pairs; a && !why->code; a = a->next) {
        if (bole_slice_eq(a->name, LABEL_ERROR))
            bole_fail(why, BOLE_E_INVALID, "__error__ cannot be formatted");
        for (const struct ast_pair *b = a->next; b && !why->code; b = b->next)
            if (bole_slice_eq(a->name, b->name))
                bole_fail(why, BOLE_E_INVALID, "multiple label name '%.*s' not allowed in a single format operation",
                          BOLE_SLICE_ARG(a->name));
        if (++count > 500)
            bole_fail(why, BOLE_E_LIMIT, "at most 500 labels in a single format operation");
    }
}

static void compile_label_template(struct parser *p, struct ast_pair *pair, struct bole_err *why)
{
    if (template_compile(pair->value, S("label"), p->ast, &pair->template, why) < 0)
        bole_err_context(why, "invalid template for label '%.*s'", BOLE_SLICE_ARG(pair->name));
}

static void parse_label_format(struct parser *p, struct ast_stage *stage)
{
    struct ast_pair **tail = &stage->pairs;
    struct bole_err why = {0};
    do {
        struct ast_pair *pair = append_pair(p, &tail);
        if (!pair || !parser_expect(p, TOKEN_EQ))
            return;
        pair->is_rename = p->token.kind == TOKEN_IDENTIFIER;
        if (!pair->is_rename && p->token.kind != TOKEN_STRING) {
            UNEXPECTED(p, TOKEN_IDENTIFIER, TOKEN_STRING);
            return;
        }
        pair->value = parser_text(p);
        parser_advance(p);
    } while (parser_accept(p, TOKEN_COMMA));
    if (!parser_failed(p))
        check_label_format(p, stage, &why);
    for (struct ast_pair *pair = stage->pairs; pair && !why.code && !parser_failed(p); pair = pair->next)
        if (!pair->is_rename)
            compile_label_template(p, pair, &why);
    if (why.code)
        fail_stage(p, stage, &why);
}

/* `a, b="x"` behind drop or keep */
static void parse_label_list(struct parser *p, struct ast_stage *stage)
{
    struct ast_pair **tail = &stage->pairs;
    do {
        struct ast_pair *pair = append_pair(p, &tail);
        if (!pair)
            return;
        pair->has_match = find_match_op(p->token.kind, &pair->match);
        if (!pair->has_match)
            continue;
        parser_advance(p);
        pair->value = parser_text(p);
        parser_expect(p, TOKEN_STRING);
        pair->regex = compile_matcher(p, pair->match, pair->value);
    } while (parser_accept(p, TOKEN_COMMA));
}

/* ---- stages ---- */

static bole_slice parse_stage_text(struct parser *p)
{
    bole_slice s = parser_text(p);
    parser_expect(p, TOKEN_STRING);
    return s;
}

/* A regexp stage without a named group, or with one whose name is no label, is refused. */
static void check_groups(const struct regex *regex, struct bole_err *why)
{
    size_t named = 0, count = regex_group_count(regex);
    for (size_t i = 1; i <= count; i++) {
        bole_slice name = regex_group_name(regex, i);
        named += name.len > 0;
        for (size_t j = 1; j < i && name.len; j++)
            if (bole_slice_eq(name, regex_group_name(regex, j)))
                bole_fail(why, BOLE_E_INVALID, "duplicate extracted label name '%.*s'", BOLE_SLICE_ARG(name));
    }
    if (!named)
        bole_fail(why, BOLE_E_INVALID, "at least one named capture must be supplied");
}

static void parse_text_stage(struct parser *p, struct ast_stage *stage)
{
    struct bole_err why = {0};
    stage->text = parse_stage_text(p);
    if (parser_failed(p))
        return;
    if (stage->kind == STAGE_PATTERN)
        pattern_compile(stage->text, false, &p->ast->arena, &stage->pattern, &why);
    else if (stage->kind == STAGE_LINE_FORMAT) {
        if (template_compile(stage->text, S("line"), p->ast, &stage->template, &why) < 0)
            bole_err_context(&why, "invalid line template");
    } else if (ast_regex_compile(p->ast, stage->text, 0, &stage->regex, &why) == BOLE_OK) {
        check_groups(stage->regex, &why);
        stage->chain = chain_compile(stage->text, &p->ast->arena);
    }
    if (why.code && stage->kind == STAGE_LINE_FORMAT)
        fail_stage(p, stage, &why);
    else if (why.code)
        parser_fail(p, why.code, "invalid %s parser: %s", stage->kind == STAGE_PATTERN ? "pattern" : "regexp", why.msg);
}

static void parse_logfmt_flags(struct parser *p, struct ast_stage *stage)
{
    while (p->token.kind == TOKEN_PARSER_FLAG && !parser_failed(p)) {
        if (bole_slice_eq(p->token.text, S("--strict")))
            stage->strict = true;
        else
            stage->keep_empty = true;
        parser_advance(p);
    }
}

/* The stage behind a pipe. */
static void parse_stage(struct parser *p, struct ast_stage *stage)
{
    enum token_kind kind = p->token.kind;
    if (kind == TOKEN_IDENTIFIER || kind == TOKEN_LPAREN) {
        stage->kind = STAGE_LABEL_FILTER;
        stage->filter = parse_label_filter(p);
        return;
    }
    static const struct {
        enum token_kind token;
        enum stage_kind stage;
        void (*parse)(struct parser *p, struct ast_stage *stage);
    } table[] = {
        {TOKEN_JSON, STAGE_JSON, parse_extractions},       {TOKEN_REGEXP, STAGE_REGEXP, parse_text_stage},
        {TOKEN_PATTERN, STAGE_PATTERN, parse_text_stage},  {TOKEN_LINE_FORMAT, STAGE_LINE_FORMAT, parse_text_stage},
        {TOKEN_UNPACK, STAGE_UNPACK, NULL},                {TOKEN_LABEL_FORMAT, STAGE_LABEL_FORMAT, parse_label_format},
        {TOKEN_DECOLORIZE, STAGE_DECOLORIZE, NULL},        {TOKEN_DROP, STAGE_DROP, parse_label_list},
        {TOKEN_KEEP, STAGE_KEEP, parse_label_list},        {TOKEN_LOGFMT, STAGE_LOGFMT, parse_extractions},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].token != kind)
            continue;
        stage->kind = table[i].stage;
        parser_advance(p);
        if (kind == TOKEN_LOGFMT)
            parse_logfmt_flags(p, stage);
        if (table[i].parse)
            table[i].parse(p, stage);
        return;
    }
    UNEXPECTED(p);
}

bool parse_stages(struct parser *p, struct ast_stage **tail, bool unwrap_may_follow)
{
    while (!parser_failed(p)) {
        enum line_filter_op line_op;
        bool is_line_filter = find_line_op(p->token.kind, &line_op);
        if (!is_line_filter && !parser_accept(p, TOKEN_PIPE))
            return false;
        if (!is_line_filter && (unwrap_may_follow ? p->token.kind == TOKEN_UNWRAP : parser_at_set(p)))
            return true;
        struct ast_stage *stage = parser_alloc(p, sizeof *stage);
        if (!stage)
            return false;
        if (is_line_filter) {
            stage->line_op = line_op;
            parse_line_filter(p, stage);
        } else {
            parse_stage(p, stage);
        }
        *tail = stage;
        tail = &stage->next;
    }
    return false;
}
