/*
 * template_parse.c - tokens to nodes, by recursive descent in the order in which Go's text/template reads: an error must
 * be the one that Go finds first. Every `define` and `block` is a tree of its own with its own look-ahead and variables.
 */
#include <math.h>
#include <stdarg.h>

#include "base/err.h"
#include "query/template/template_impl.h"
#include "shim/number.h"

struct variable {
    bole_slice       name;
    struct variable *below;
};

struct parsing {
    struct template_lexer lexer;
    struct ast           *owner;
    struct line_template *t;
    struct bole_err      *err;
    size_t                node_count;
    unsigned              nesting;
    bool                  failed;
};

struct tree {
    struct parsing  *p;
    struct lex_token tokens[3];
    unsigned         peeked;
    struct variable *vars;
    unsigned         ranges; /* around this place */
    unsigned         action_line;
};

/* ---- errors ---- */

static void refuse(struct tree *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void refuse(struct tree *t, const char *fmt, ...)
{
    struct parsing *p = t->p;
    char why[256];
    va_list args;
    if (p->failed)
        return;
    va_start(args, fmt);
    err_vprint(why, sizeof why, fmt, args);
    va_end(args);
    bole_fail(p->err, BOLE_E_INVALID, "template: %.*s:%u: %s", BOLE_SLICE_ARG(p->t->name), t->tokens[0].line, why);
    p->failed = true;
}

static void refuse_size(struct parsing *p, const char *what)
{
    if (!p->failed)
        bole_fail(p->err, BOLE_E_LIMIT, "%s", what);
    p->failed = true;
}

static void *alloc(struct parsing *p, size_t size)
{
    void *m = arena_zalloc(&p->owner->arena, size);
    if (!m)
        refuse_size(p, "memory limit of the query reached");
    return m;
}

static struct text message(struct tree *t)
{
    return text_begin(&t->p->owner->arena, 1u << 20);
}

static bole_slice quoted(struct tree *t, bole_slice s)
{
    struct text out = message(t);
    value_quote(&out, s, false);
    return text_slice(&out);
}

static bole_slice token_text(struct tree *t, const struct lex_token *token)
{
    struct arena *arena = &t->p->owner->arena;
    if (token->type == LEX_EOF)
        return S("EOF");
    if (token->type == LEX_ERROR)
        return token->text;
    if (token->type > LEX_KEYWORD)
        return arena_printf(arena, "<%.*s>", BOLE_SLICE_ARG(token->text));
    if (token->text.len <= 10)
        return quoted(t, token->text);
    bole_slice cut = {token->text.ptr, text_rune_offset(token->text, 10)};
    return arena_printf(arena, "%.*s...", BOLE_SLICE_ARG(quoted(t, cut)));
}

static void refuse_token(struct tree *t, const struct lex_token *token, const char *context)
{
    bole_slice text = token_text(t, token);
    if (token->type != LEX_ERROR) {
        refuse(t, "unexpected %.*s in %s", BOLE_SLICE_ARG(text), context);
        return;
    }
    bool elsewhere = t->action_line && t->action_line != token->line;
    bool names_action = bole_slice_ends(text, S(" action"));
    if (elsewhere)
        refuse(t, "%.*s%s started at %.*s:%u", BOLE_SLICE_ARG(text), names_action ? "" : " in action",
               BOLE_SLICE_ARG(t->p->t->name), t->action_line);
    else
        refuse(t, "%.*s", BOLE_SLICE_ARG(text));
}

/* ---- tokens ---- */

static struct lex_token next(struct tree *t)
{
    if (t->peeked)
        t->peeked--;
    else
        t->tokens[0] = template_lex(&t->p->lexer);
    return t->tokens[t->peeked];
}

static struct lex_token peek(struct tree *t)
{
    if (!t->peeked) {
        t->peeked = 1;
        t->tokens[0] = template_lex(&t->p->lexer);
    }
    return t->tokens[t->peeked - 1];
}

static struct lex_token next_visible(struct tree *t)
{
    struct lex_token token;
    do
        token = next(t);
    while (token.type == LEX_SPACE);
    return token;
}

static struct lex_token peek_visible(struct tree *t)
{
    struct lex_token token = next_visible(t);
    t->peeked++;
    return token;
}

static struct lex_token expect(struct tree *t, enum token_type type, const char *context)
{
    struct lex_token token = next_visible(t);
    if (token.type != type)
        refuse_token(t, &token, context);
    return token;
}

/* ---- nodes ---- */

static struct node *new_node(struct tree *t, enum node_kind kind, size_t pos)
{
    if (++t->p->node_count > TEMPLATE_NODES_MAX)
        refuse_size(t->p, "too many actions in a template");
    struct node *n = t->p->failed ? NULL : alloc(t->p, sizeof *n);
    if (n) {
        n->kind = kind;
        n->pos = pos;
    }
    return n;
}

static bool enter(struct tree *t)
{
    if (++t->p->nesting > TEMPLATE_NESTING_MAX)
        refuse_size(t->p, "a template is nested too deeply");
    return !t->p->failed;
}

static void leave(struct tree *t)
{
    t->p->nesting--;
}

static void push_variable(struct tree *t, bole_slice name)
{
    struct variable *v = alloc(t->p, sizeof *v);
    if (v)
        *v = (struct variable){name, t->vars};
    t->vars = v ? v : t->vars;
}

static bool is_known(const struct tree *t, bole_slice name)
{
    for (const struct variable *v = t->vars; v; v = v->below)
        if (bole_slice_eq(v->name, name))
            return true;
    return false;
}

static struct node_name **add_name(struct tree *t, struct node_name **tail, bole_slice name)
{
    struct node_name *n = alloc(t->p, sizeof *n);
    if (!n)
        return tail;
    n->name = name;
    *tail = n;
    return &n->next;
}

/* ---- numbers ---- */

static bool looks_like_float(bole_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr(".eEpP", s.ptr[i]) && s.ptr[i])
            return true;
    return false;
}

static bool is_hex_int(bole_slice s)
{
    return s.len > 2 && s.ptr[0] == '0' && (s.ptr[1] | 0x20) == 'x' && !memchr(s.ptr, 'p', s.len) &&
           !memchr(s.ptr, 'P', s.len);
}

static void set_number(struct node *n, uint64_t magnitude, bool negative)
{
    n->is_uint = !negative || magnitude == 0;
    n->is_range_int = magnitude <= (uint64_t)INT64_MAX + negative;
    n->is_float = n->is_range_int || n->is_uint;
    n->as_int = n->is_range_int ? (int64_t)(negative ? 0 - magnitude : magnitude) : 0;
    n->as_float = negative ? -(double)magnitude : (double)magnitude;
    n->value = value_int(n->as_int);
}

static struct node *parse_number(struct tree *t, const struct lex_token *token)
{
    struct node *n = new_node(t, NODE_NUMBER, token->pos);
    bole_slice s = token->text;
    uint64_t magnitude;
    if (!n)
        return NULL;
    n->text = s;
    if (token->type == LEX_CHAR_CONSTANT) {
        bole_slice inner = bole_slice_sub(s, 1);
        uint32_t rune;
        bool is_byte;
        if (!template_unquote_char(&inner, '\'', &rune, &is_byte))
            refuse(t, "invalid syntax");
        else if (!bole_slice_eq(inner, S("'")))
            refuse(t, "malformed character constant: %.*s", BOLE_SLICE_ARG(s));
        else
            set_number(n, rune, false);
        return n;
    }
    if (token->type == LEX_COMPLEX || (s.len && s.ptr[s.len - 1] == 'i')) {
        refuse(t, "complex numbers are not supported: %.*s", BOLE_SLICE_ARG(s));
        return n;
    }
    bool sign = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+'), negative = sign && s.ptr[0] == '-';
    if (value_parse_uint(bole_slice_sub(s, sign), &magnitude) && (!negative || magnitude <= (uint64_t)INT64_MAX + 1)) {
        set_number(n, magnitude, negative);
        n->is_uint = n->is_uint && (!sign || magnitude == 0); /* +1 is no ParseUint */
        if (n->is_range_int || n->is_uint)
            return n;
    }
    double v;
    if (!number_parse(s, &v)) {
        refuse(t, "illegal number syntax: %.*s", BOLE_SLICE_ARG(quoted(t, s)));
        return n;
    }
    if (!looks_like_float(s)) {
        refuse(t, "integer overflow: %.*s", BOLE_SLICE_ARG(quoted(t, s)));
        return n;
    }
    n->is_float = true;
    n->as_float = v;
    n->is_range_int = v >= -9223372036854775808.0 && v < 9223372036854775808.0 && v == trunc(v);
    n->as_int = n->is_range_int ? (int64_t)v : 0;
    n->value = is_hex_int(s) ? value_int(n->as_int) : value_float(v);
    return n;
}

/* ---- operands ---- */

static struct node *parse_pipeline(struct tree *t, const char *context, enum token_type end);

static struct node *parse_string(struct tree *t, const struct lex_token *token)
{
    struct node *n = new_node(t, NODE_STRING, token->pos);
    bole_slice text;
    if (!n)
        return NULL;
    n->text = token->text;
    if (!template_unquote(&t->p->owner->arena, token->text, &text))
        refuse(t, "invalid syntax");
    else
        n->value = value_text(text);
    return n;
}

static struct node *parse_identifier(struct tree *t, const struct lex_token *token)
{
    struct node *n = new_node(t, NODE_IDENTIFIER, token->pos);
    if (!n)
        return NULL;
    n->text = token->text;
    n->func = template_func_find(token->text);
    if (!n->func)
        refuse(t, "function %.*s not defined", BOLE_SLICE_ARG(quoted(t, token->text)));
    return n;
}

static struct node *parse_term(struct tree *t)
{
    struct lex_token token = next_visible(t);
    struct node *n = NULL;
    switch (token.type) {
    case LEX_IDENTIFIER: return parse_identifier(t, &token);
    case LEX_DOT: return new_node(t, NODE_DOT, token.pos);
    case LEX_NIL: return new_node(t, NODE_NIL, token.pos);
    case LEX_STRING: case LEX_RAW_STRING: return parse_string(t, &token);
    case LEX_NUMBER: case LEX_COMPLEX: case LEX_CHAR_CONSTANT: return parse_number(t, &token);
    case LEX_VARIABLE:
        if (!is_known(t, token.text))
            refuse(t, "undefined variable %.*s", BOLE_SLICE_ARG(quoted(t, token.text)));
        n = new_node(t, NODE_VARIABLE, token.pos);
        if (n)
            n->text = token.text;
        return n;
    case LEX_FIELD:
        n = new_node(t, NODE_FIELD, token.pos);
        if (n)
            add_name(t, &n->names, bole_slice_sub(token.text, 1));
        return n;
    case LEX_BOOL:
        n = new_node(t, NODE_BOOL, token.pos);
        if (n)
            n->value = value_bool(token.text.ptr[0] == 't');
        return n;
    case LEX_LEFT_PAREN:
        if (enter(t))
            n = parse_pipeline(t, "parenthesized pipeline", LEX_RIGHT_PAREN);
        leave(t);
        return n;
    default: t->peeked++; return NULL;
    }
}

static bool has_no_fields(const struct node *n)
{
    return n->kind == NODE_BOOL || n->kind == NODE_STRING || n->kind == NODE_NUMBER || n->kind == NODE_NIL ||
           n->kind == NODE_DOT;
}

/* NULL: the next token is none; or it has failed. */
static struct node *parse_operand(struct tree *t)
{
    struct node *term = parse_term(t), *n = term;
    if (!term || t->p->failed || peek(t).type != LEX_FIELD)
        return t->p->failed ? NULL : term;
    size_t pos = peek(t).pos;
    if (term->kind == NODE_FIELD || term->kind == NODE_VARIABLE) {
        n->pos = pos; /* as in Go, which makes the node anew at the second field */
    } else {
        n = new_node(t, NODE_CHAIN, pos);
        if (n)
            n->child = term;
    }
    struct node_name **tail = n ? &n->names : NULL;
    while (tail && *tail)
        tail = &(*tail)->next;
    while (peek(t).type == LEX_FIELD && !t->p->failed)
        tail = add_name(t, tail, bole_slice_sub(next(t).text, 1));
    if (!t->p->failed && has_no_fields(term)) {
        struct text out = message(t);
        node_print(term, &out);
        refuse(t, "unexpected . after term %.*s", BOLE_SLICE_ARG(quoted(t, text_slice(&out))));
    }
    return t->p->failed ? NULL : n;
}

static void compile_regex(struct tree *t, struct node *command)
{
    struct node *func = command->child, *literal = func->next;
    struct regex *regex = NULL;
    if (func->kind != NODE_IDENTIFIER || !func->func->is_regex || !literal || literal->kind != NODE_STRING)
        return;
    /* A bad one fails when it is used, not before. */
    if (ast_regex_compile(t->p->owner, literal->value.text, 0, &regex, NULL) == BOLE_OK)
        func->regex = regex;
}

static struct node *parse_command(struct tree *t)
{
    struct node *cmd = new_node(t, NODE_COMMAND, peek_visible(t).pos);
    struct node **tail = cmd ? &cmd->child : NULL;
    size_t count = 0;
    while (!t->p->failed) {
        peek_visible(t);
        struct node *operand = parse_operand(t);
        if (t->p->failed)
            return NULL;
        if (operand) {
            *tail = operand;
            tail = &operand->next;
        }
        if (++count > TEMPLATE_ARGS_MAX)
            refuse_size(t->p, "too many arguments in a template");
        struct lex_token token = next(t);
        if (token.type == LEX_SPACE)
            continue;
        if (token.type == LEX_RIGHT || token.type == LEX_RIGHT_PAREN)
            t->peeked++;
        else if (token.type != LEX_PIPE)
            refuse_token(t, &token, "operand");
        break;
    }
    if (!t->p->failed && !cmd->child)
        refuse(t, "empty command");
    if (t->p->failed)
        return NULL;
    compile_regex(t, cmd);
    return cmd;
}

static void check_pipeline(struct tree *t, const struct node *pipe, const char *context)
{
    unsigned stage = 2;
    if (!pipe->child) {
        refuse(t, "missing value for %s", context);
        return;
    }
    for (const struct node *cmd = pipe->child->next; cmd; cmd = cmd->next, stage++)
        if (has_no_fields(cmd->child)) {
            refuse(t, "non executable command in pipeline stage %u", stage);
            return;
        }
}

static bool begins_operand(enum token_type type)
{
    switch (type) {
    case LEX_BOOL: case LEX_CHAR_CONSTANT: case LEX_COMPLEX: case LEX_DOT: case LEX_FIELD: case LEX_IDENTIFIER:
    case LEX_NUMBER: case LEX_NIL: case LEX_RAW_STRING: case LEX_STRING: case LEX_VARIABLE: case LEX_LEFT_PAREN:
        return true;
    default: return false;
    }
}

static void add_declaration(struct tree *t, struct node *pipe, const struct lex_token *token)
{
    struct node **tail = &pipe->decls, *n = new_node(t, NODE_VARIABLE, token->pos);
    if (!n)
        return;
    n->text = token->text;
    while (*tail)
        tail = &(*tail)->next;
    *tail = n;
    push_variable(t, token->text);
}

/* `$x :=`, `$x =`, and in a range `$i, $x :=` */
static void parse_declarations(struct tree *t, struct node *pipe, const char *context)
{
    for (unsigned count = 1; !t->p->failed; count++) {
        struct lex_token v = peek_visible(t);
        if (v.type != LEX_VARIABLE)
            return;
        next(t);
        struct lex_token behind = peek(t), visible = peek_visible(t);
        if (visible.type == LEX_ASSIGN || visible.type == LEX_DECLARE) {
            pipe->is_assign = visible.type == LEX_ASSIGN;
            next_visible(t);
            add_declaration(t, pipe, &v);
            return;
        }
        if (visible.type == LEX_CHAR && visible.text.ptr[0] == ',') {
            next_visible(t);
            add_declaration(t, pipe, &v);
            enum token_type type = LEX_ERROR;
            if (strcmp(context, "range") == 0 && count < 2) {
                type = peek_visible(t).type;
                if (type == LEX_VARIABLE || type == LEX_RIGHT || type == LEX_RIGHT_PAREN)
                    continue;
                refuse(t, "range can only initialize variables");
            }
            refuse(t, "too many declarations in %s", context);
            return;
        }
        if (behind.type == LEX_SPACE) { /* both are read again */
            t->tokens[1] = behind;
            t->tokens[2] = v;
            t->peeked = 3;
        } else {
            t->tokens[1] = v;
            t->peeked = 2;
        }
        return;
    }
}

static struct node *parse_pipeline(struct tree *t, const char *context, enum token_type end)
{
    struct node *pipe = new_node(t, NODE_PIPE, peek_visible(t).pos);
    if (!pipe)
        return NULL;
    struct node **tail = &pipe->child;
    parse_declarations(t, pipe, context);
    while (!t->p->failed) {
        struct lex_token token = next_visible(t);
        if (token.type == end) {
            check_pipeline(t, pipe, context);
            return pipe;
        }
        if (!begins_operand(token.type)) {
            refuse_token(t, &token, context);
            return NULL;
        }
        t->peeked++;
        *tail = parse_command(t);
        if (!*tail)
            return NULL;
        tail = &(*tail)->next;
    }
    return NULL;
}

/* ---- actions ---- */

static struct node *parse_item(struct tree *t);

/* Up to {{end}} or {{else}}, which *ret_end is. */
static struct node *parse_list(struct tree *t, struct node **ret_end)
{
    struct node *first = NULL, **tail = &first;
    *ret_end = NULL;
    while (!t->p->failed && peek_visible(t).type != LEX_EOF) {
        struct node *n = parse_item(t);
        if (!n)
            return NULL;
        if (n->kind == NODE_END || n->kind == NODE_ELSE) {
            *ret_end = n;
            return first;
        }
        *tail = n;
        tail = &n->next;
    }
    refuse(t, "unexpected EOF");
    return NULL;
}

static struct node *parse_control(struct tree *t, enum node_kind kind, const char *context)
{
    struct variable *vars = t->vars;
    struct node *n = new_node(t, kind, 0), *end;
    if (!n || !enter(t))
        return NULL;
    n->child = parse_pipeline(t, context, LEX_RIGHT);
    if (!n->child)
        return NULL;
    n->pos = n->child->pos;
    t->ranges += kind == NODE_RANGE;
    n->list = parse_list(t, &end);
    t->ranges -= kind == NODE_RANGE;
    if (t->p->failed)
        return NULL;
    if (end->kind == NODE_ELSE) {
        enum token_type type = peek(t).type;
        n->has_else = true;
        if ((kind == NODE_IF && type == LEX_IF) || (kind == NODE_WITH && type == LEX_WITH)) {
            next(t);
            n->else_list = parse_control(t, kind, context);
        } else {
            n->else_list = parse_list(t, &end);
            if (end && end->kind != NODE_END)
                refuse(t, "expected end; found {{else}}");
        }
    }
    t->vars = vars;
    leave(t);
    return t->p->failed ? NULL : n;
}

static struct node *parse_jump(struct tree *t, enum node_kind kind, size_t pos, const char *text)
{
    struct lex_token token = next_visible(t);
    if (token.type != LEX_RIGHT)
        refuse_token(t, &token, text);
    if (t->ranges == 0)
        refuse(t, "%s outside {{range}}", text);
    return new_node(t, kind, pos);
}

static struct node *parse_else(struct tree *t)
{
    struct lex_token token = peek_visible(t);
    if (token.type == LEX_IF || token.type == LEX_WITH)
        return new_node(t, NODE_ELSE, token.pos);
    token = expect(t, LEX_RIGHT, "else");
    return new_node(t, NODE_ELSE, token.pos);
}

static bool parse_name(struct tree *t, const struct lex_token *token, const char *context, bole_slice *ret)
{
    if (token->type != LEX_STRING && token->type != LEX_RAW_STRING)
        refuse_token(t, token, context);
    else if (!template_unquote(&t->p->owner->arena, token->text, ret))
        refuse(t, "invalid syntax");
    return !t->p->failed;
}

static struct template_part *find_part(const struct line_template *t, bole_slice name)
{
    for (struct template_part *part = t->parts; part; part = part->next)
        if (bole_slice_eq(part->name, name))
            return part;
    return NULL;
}

/* The last one that is not empty counts; two that are not are an error. */
static void add_part(struct tree *t, bole_slice name, struct node *nodes)
{
    struct template_part *part = find_part(t->p->t, name);
    if (!part) {
        part = alloc(t->p, sizeof *part);
        if (!part)
            return;
        *part = (struct template_part){name, nodes, t->p->t->parts};
        t->p->t->parts = part;
    } else if (node_list_is_empty(part->nodes)) {
        part->nodes = nodes;
    } else if (!node_list_is_empty(nodes)) {
        refuse(t, "template: multiple definition of template %.*s", BOLE_SLICE_ARG(quoted(t, name)));
    }
}

static void parse_part(struct tree *part, struct tree *blamed, bole_slice name, const char *context)
{
    struct node *end, *nodes;
    if (!enter(part))
        return;
    nodes = parse_list(part, &end);
    if (!part->p->failed && end->kind != NODE_END)
        refuse(blamed, "unexpected {{else}} in %s", context);
    if (!part->p->failed)
        add_part(part, name, nodes);
    leave(part);
}

static struct tree begin_tree(struct parsing *p)
{
    struct tree t = {.p = p};
    push_variable(&t, S("$"));
    return t;
}

static void parse_define(struct parsing *p)
{
    struct tree t = begin_tree(p);
    bole_slice name;
    struct lex_token token = next_visible(&t);
    if (!parse_name(&t, &token, "define clause", &name))
        return;
    expect(&t, LEX_RIGHT, "define clause");
    if (!p->failed)
        parse_part(&t, &t, name, "define clause");
}

static struct node *parse_block(struct tree *t)
{
    struct lex_token token = next_visible(t);
    struct node *n = new_node(t, NODE_TEMPLATE, token.pos);
    if (!n || !parse_name(t, &token, "block clause", &n->text))
        return NULL;
    n->child = parse_pipeline(t, "block clause", LEX_RIGHT);
    if (!n->child)
        return NULL;
    struct tree block = begin_tree(t->p);
    parse_part(&block, t, n->text, "block clause");
    return t->p->failed ? NULL : n;
}

static struct node *parse_template(struct tree *t)
{
    struct lex_token token = next_visible(t);
    struct node *n = new_node(t, NODE_TEMPLATE, token.pos);
    if (!n || !parse_name(t, &token, "template clause", &n->text))
        return NULL;
    if (next_visible(t).type != LEX_RIGHT) {
        t->peeked++;
        n->child = parse_pipeline(t, "template clause", LEX_RIGHT);
    }
    return t->p->failed ? NULL : n;
}

static struct node *parse_action(struct tree *t)
{
    struct lex_token token = next_visible(t);
    switch (token.type) {
    case LEX_BLOCK: return parse_block(t);
    case LEX_BREAK: return parse_jump(t, NODE_BREAK, token.pos, "{{break}}");
    case LEX_CONTINUE: return parse_jump(t, NODE_CONTINUE, token.pos, "{{continue}}");
    case LEX_ELSE: return parse_else(t);
    case LEX_END: token = expect(t, LEX_RIGHT, "end"); return new_node(t, NODE_END, token.pos);
    case LEX_IF: return parse_control(t, NODE_IF, "if");
    case LEX_RANGE: return parse_control(t, NODE_RANGE, "range");
    case LEX_TEMPLATE: return parse_template(t);
    case LEX_WITH: return parse_control(t, NODE_WITH, "with");
    default: break;
    }
    t->peeked++;
    struct node *n = new_node(t, NODE_ACTION, peek(t).pos);
    if (n)
        n->child = parse_pipeline(t, "command", LEX_RIGHT);
    return t->p->failed ? NULL : n;
}

static struct node *parse_item(struct tree *t)
{
    struct lex_token token = next_visible(t);
    struct node *n = NULL;
    if (token.type == LEX_TEXT) {
        n = new_node(t, NODE_TEXT, token.pos);
        if (n)
            n->text = token.text;
    } else if (token.type == LEX_LEFT) {
        t->action_line = token.line;
        n = parse_action(t);
        t->action_line = 0;
    } else {
        refuse_token(t, &token, "input");
    }
    return t->p->failed ? NULL : n;
}

static struct node *parse_top(struct tree *t)
{
    struct node *first = NULL, **tail = &first;
    while (!t->p->failed && peek(t).type != LEX_EOF) {
        if (peek(t).type == LEX_LEFT) {
            struct lex_token delim = next(t);
            if (next_visible(t).type == LEX_DEFINE) {
                parse_define(t->p);
                continue;
            }
            t->tokens[1] = delim;
            t->peeked = 2;
        }
        struct node *n = parse_item(t);
        if (n && (n->kind == NODE_END || n->kind == NODE_ELSE))
            refuse(t, "unexpected %s", n->kind == NODE_END ? "{{end}}" : "{{else}}");
        if (t->p->failed)
            return NULL;
        *tail = n;
        tail = &n->next;
    }
    return first;
}

static bole_slice only_label(const struct node *n)
{
    if (!n || n->next || n->kind != NODE_ACTION || n->child->child->next)
        return (bole_slice){0};
    const struct node *arg = n->child->child->child;
    bool is_one = !arg->next && arg->kind == NODE_FIELD && !arg->names->next;
    return is_one ? arg->names->name : (bole_slice){0};
}

bole_status template_parse(struct line_template *t, struct ast *owner, struct bole_err *err)
{
    struct parsing p = {.owner = owner, .t = t, .err = err};
    p.lexer = (struct template_lexer){.input = t->source, .line = 1, .start_line = 1, .arena = &owner->arena};
    struct tree tree = begin_tree(&p);
    struct node *nodes = parse_top(&tree);
    if (!p.failed)
        add_part(&tree, t->name, nodes);
    if (p.failed)
        return err->code;
    t->root = find_part(t, t->name);
    if (bole_slice_eq(t->name, S("line")))
        t->only_label = only_label(nodes);
    return BOLE_OK;
}
