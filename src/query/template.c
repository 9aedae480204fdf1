/*
 * template.c - parsing and running templates.
 *
 * A template is a flat array of nodes. `if` knows where its else part and its end are, so running is a loop with jumps;
 * only parenthesised pipelines recurse, at most NESTING_MAX deep.
 */
#include "query/template.h"

#include "base/err.h"
#include "query/template_impl.h"

enum { NESTING_MAX = 32, ARGS_MAX = 32, NODES_MAX = 4096 };

enum operand_kind { OPERAND_LABEL, OPERAND_VALUE, OPERAND_PIPELINE };

struct operand {
    enum operand_kind kind;
    bole_slice        label;
    struct value      value;
    struct command   *pipeline;
    struct operand   *next;
};

struct command { /* of a pipeline; its result is the last argument of the next one */
    const struct template_func *func; /* NULL: the one operand itself */
    struct operand             *args;
    const struct regex         *regex;
    struct command             *next;
};

enum node_kind { NODE_TEXT, NODE_PRINT, NODE_IF, NODE_JUMP };

struct node {
    enum node_kind  kind;
    bole_slice      text;
    struct command *pipeline; /* PRINT, IF */
    size_t          target;   /* IF: where to go when false; JUMP */
};

struct line_template {
    struct node *nodes;
    size_t       count;
};

/* ---- parsing ---- */

struct compiler {
    struct ast           *owner;
    bole_slice            rest;   /* of the action that is being read */
    struct line_template *t;
    size_t                cap;
    unsigned              nesting;
    struct bole_err      *err;
    bool                  failed;
};

static void refuse(struct compiler *c, bole_status status, const char *what, bole_slice name)
{
    if (!c->failed)
        bole_fail(c->err, status, "invalid line template: %s%s%.*s%s", what, name.len ? " \"" : "",
                  BOLE_SLICE_ARG(name), name.len ? "\"" : "");
    c->failed = true;
}

static void *compiler_alloc(struct compiler *c, size_t size)
{
    void *p = arena_zalloc(&c->owner->arena, size);
    if (!p)
        refuse(c, BOLE_E_LIMIT, "memory limit of the query reached", S(""));
    return p;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c >= 0x80;
}

static uint8_t next_char(struct compiler *c)
{
    while (c->rest.len && is_blank(c->rest.ptr[0]))
        c->rest = bole_slice_sub(c->rest, 1);
    return c->rest.len ? c->rest.ptr[0] : 0;
}

static bole_slice take_word(struct compiler *c)
{
    size_t i = 0;
    while (i < c->rest.len && is_word_char(c->rest.ptr[i]))
        i++;
    bole_slice word = {c->rest.ptr, i};
    c->rest = bole_slice_sub(c->rest, i);
    return word;
}

static struct command *parse_pipeline(struct compiler *c);

/* A string or number literal; LogQL's own lexer knows both syntaxes. */
static void parse_literal(struct compiler *c, struct operand *o)
{
    bool negative = c->rest.ptr[0] == '-' || c->rest.ptr[0] == '+';
    struct lexer lx = {.query = bole_slice_sub(c->rest, negative), .arena = &c->owner->arena};
    struct token t = lexer_next(&lx);
    o->kind = OPERAND_VALUE;
    if (t.kind == TOKEN_STRING && !negative) {
        o->value = (struct value){.kind = VALUE_TEXT, .text = t.text};
    } else if (t.kind == TOKEN_NUMBER) {
        bool is_float = memchr(t.text.ptr, '.', t.text.len) || memchr(t.text.ptr, 'e', t.text.len) || t.number >= 9e18;
        double v = c->rest.ptr[0] == '-' ? -t.number : t.number;
        o->value = (struct value){.kind = is_float ? VALUE_FLOAT : VALUE_INT, .number = v,
                                  .integer = is_float ? 0 : (int64_t)v};
    } else {
        refuse(c, BOLE_E_INVALID, "unexpected", (bole_slice){c->rest.ptr, c->rest.len > 20 ? 20 : c->rest.len});
        return;
    }
    c->rest = bole_slice_sub(c->rest, lx.at + negative);
}

/* .label, also .["a b"]? no: Go knows index for that. A bare `.` is the whole map, which nobody prints. */
static void parse_label(struct compiler *c, struct operand *o)
{
    c->rest = bole_slice_sub(c->rest, 1);
    o->kind = OPERAND_LABEL;
    o->label = take_word(c);
    if (o->label.len == 0)
        refuse(c, BOLE_E_UNSUPPORTED, "a bare . is not supported, name a label", S(""));
    else if (c->rest.len && c->rest.ptr[0] == '.')
        refuse(c, BOLE_E_INVALID, "a label has no fields:", o->label);
}

static struct operand *parse_operand(struct compiler *c)
{
    struct operand *o = compiler_alloc(c, sizeof *o);
    uint8_t ch = next_char(c);
    if (!o)
        return NULL;
    if (ch == '(') {
        c->rest = bole_slice_sub(c->rest, 1);
        o->kind = OPERAND_PIPELINE;
        o->pipeline = parse_pipeline(c);
        if (next_char(c) != ')')
            refuse(c, BOLE_E_INVALID, "unclosed left paren", S(""));
        c->rest = bole_slice_sub(c->rest, 1);
    } else if (ch == '.' && !(c->rest.len > 1 && c->rest.ptr[1] >= '0' && c->rest.ptr[1] <= '9')) {
        parse_label(c, o);
    } else if (ch == '"' || ch == '`' || ch == '-' || ch == '+' || ch == '.' || (ch >= '0' && ch <= '9')) {
        parse_literal(c, o);
    } else if (ch == '$') {
        refuse(c, BOLE_E_UNSUPPORTED, "variables are not supported", S(""));
    } else if (is_word_char(ch)) {
        bole_slice word = take_word(c);
        const struct template_func *func = template_func_find(word);
        bool truth = bole_slice_eq(word, S("true"));
        if (truth || bole_slice_eq(word, S("false"))) {
            o->kind = OPERAND_VALUE;
            o->value = (struct value){.kind = VALUE_BOOL, .truth = truth};
        } else if (func && func->args_min == 0) { /* a function without arguments as an argument: __line__ */
            o->kind = OPERAND_PIPELINE;
            o->pipeline = compiler_alloc(c, sizeof *o->pipeline);
            if (o->pipeline)
                o->pipeline->func = func;
        } else if (func) {
            refuse(c, BOLE_E_INVALID, "wrong number of args for", word);
        } else {
            refuse(c, BOLE_E_INVALID, "function not defined or not supported:", word);
        }
    } else {
        refuse(c, BOLE_E_INVALID, "unexpected", (bole_slice){c->rest.ptr, c->rest.len ? 1 : 0});
    }
    return c->failed ? NULL : o;
}

static void check_call(struct compiler *c, struct command *cmd, size_t args, bole_slice name)
{
    if (cmd->func && (args < cmd->func->args_min || args > cmd->func->args_max))
        refuse(c, BOLE_E_INVALID, "wrong number of args for", name);
    if (!c->failed && cmd->func && cmd->func->is_regex) {
        if (!cmd->args || cmd->args->kind != OPERAND_VALUE || cmd->args->value.kind != VALUE_TEXT) {
            refuse(c, BOLE_E_UNSUPPORTED, "the regular expression must be a literal in", name);
            return;
        }
        struct regex *regex = NULL;
        if (ast_regex_compile(c->owner, cmd->args->value.text, 0, &regex, c->err) < 0)
            c->failed = true;
        cmd->regex = regex;
    }
}

static bool ends_command(uint8_t c)
{
    return c == 0 || c == '|' || c == ')';
}

static struct command *parse_command(struct compiler *c, bool is_piped)
{
    struct command *cmd = compiler_alloc(c, sizeof *cmd);
    struct operand **tail = cmd ? &cmd->args : NULL;
    bole_slice name = {0};
    size_t args = is_piped;
    uint8_t ch = next_char(c);
    if (!cmd)
        return NULL;
    bole_slice before = c->rest;
    if (is_word_char(ch) && !(ch >= '0' && ch <= '9')) {
        name = take_word(c);
        cmd->func = template_func_find(name);
        if (!cmd->func) /* true, false, or an unknown name: the operand parser says which */
            c->rest = before;
    }
    for (; !c->failed && !ends_command(next_char(c)); args++) {
        *tail = parse_operand(c);
        if (!*tail)
            return NULL;
        tail = &(*tail)->next;
        if (args > ARGS_MAX - 2)
            refuse(c, BOLE_E_LIMIT, "too many arguments", name);
    }
    if (!cmd->func && (args != 1 || is_piped))
        refuse(c, BOLE_E_INVALID, args ? "only a function takes arguments" : "missing value for command", S(""));
    check_call(c, cmd, args, name);
    return c->failed ? NULL : cmd;
}

static struct command *parse_pipeline(struct compiler *c)
{
    struct command *first = NULL, **tail = &first;
    if (++c->nesting > NESTING_MAX)
        refuse(c, BOLE_E_LIMIT, "nested too deeply", S(""));
    do {
        if (first)
            c->rest = bole_slice_sub(c->rest, 1); /* the pipe */
        *tail = c->failed ? NULL : parse_command(c, first != NULL);
        if (!*tail)
            return NULL;
        tail = &(*tail)->next;
    } while (next_char(c) == '|');
    c->nesting--;
    return first;
}

static struct node *add_node(struct compiler *c, enum node_kind kind)
{
    struct line_template *t = c->t;
    if (t->count == NODES_MAX)
        refuse(c, BOLE_E_LIMIT, "too many actions", S(""));
    if (!c->failed && t->count == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 8;
        struct node *nodes = arena_grow(&c->owner->arena, t->nodes, c->cap * sizeof *nodes, cap * sizeof *nodes);
        if (!nodes)
            refuse(c, BOLE_E_LIMIT, "memory limit of the query reached", S(""));
        else
            t->nodes = nodes;
        c->cap = cap;
    }
    if (c->failed)
        return NULL;
    t->nodes[t->count] = (struct node){.kind = kind};
    return &t->nodes[t->count++];
}

/* An open `if`: its condition still waits for a place to jump to, and each finished branch for the end. */
struct open_if {
    size_t condition; /* SIZE_MAX behind a plain else */
    size_t jumps[64];
    size_t jump_count;
};

static void add_condition(struct compiler *c, struct open_if *open)
{
    struct command *pipeline = parse_pipeline(c);
    struct node *n = add_node(c, NODE_IF);
    if (!n)
        return;
    n->pipeline = pipeline;
    open->condition = c->t->count - 1;
}

static void close_branch(struct compiler *c, struct open_if *open)
{
    if (open->condition != SIZE_MAX)
        c->t->nodes[open->condition].target = c->t->count;
    open->condition = SIZE_MAX;
}

static void parse_else(struct compiler *c, struct open_if *open)
{
    if (open->condition == SIZE_MAX || open->jump_count == 64) {
        refuse(c, BOLE_E_INVALID, "unexpected {{else}}", S(""));
        return;
    }
    if (add_node(c, NODE_JUMP))
        open->jumps[open->jump_count++] = c->t->count - 1;
    close_branch(c, open);
    if (next_char(c) == 0 || c->failed)
        return;
    if (bole_slice_eq(take_word(c), S("if")))
        add_condition(c, open);
    else
        refuse(c, BOLE_E_INVALID, "unexpected text behind {{else", S(""));
}

/* What stands between {{ and }}. */
static void parse_action(struct compiler *c, bole_slice action, struct open_if *stack, size_t *depth)
{
    static const char *const unsupported[] = {"range", "with", "define", "template", "block", "break", "continue"};
    c->rest = action;
    next_char(c);
    if (bole_slice_starts(c->rest, S("/*")))
        return;
    bole_slice before = c->rest, word = take_word(c);
    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++)
        if (bole_slice_eq(word, bole_slice_str(unsupported[i])))
            refuse(c, BOLE_E_UNSUPPORTED, "not supported:", word);
    if (bole_slice_eq(word, S("if"))) {
        if (*depth == NESTING_MAX) {
            refuse(c, BOLE_E_LIMIT, "nested too deeply", S(""));
            return;
        }
        stack[*depth] = (struct open_if){0};
        add_condition(c, &stack[(*depth)++]);
    } else if (bole_slice_eq(word, S("else")) && *depth) {
        parse_else(c, &stack[*depth - 1]);
    } else if (bole_slice_eq(word, S("end")) && *depth) {
        struct open_if *open = &stack[--*depth];
        close_branch(c, open);
        for (size_t i = 0; i < open->jump_count; i++)
            c->t->nodes[open->jumps[i]].target = c->t->count;
    } else {
        c->rest = before;
        struct command *pipeline = c->failed ? NULL : parse_pipeline(c);
        struct node *n = add_node(c, NODE_PRINT);
        if (n)
            n->pipeline = pipeline;
    }
    if (!c->failed && next_char(c) != 0)
        refuse(c, BOLE_E_INVALID, "unexpected", (bole_slice){c->rest.ptr, 1});
}

/* The end of an action that begins at s: `}}` outside of strings. NULL: unclosed. */
static const uint8_t *action_end(bole_slice s)
{
    uint8_t quote = 0;
    for (size_t i = 0; i + 1 < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (quote) {
            if (c == '\\' && quote == '"')
                i++;
            else if (c == quote)
                quote = 0;
        } else if (c == '"' || c == '`') {
            quote = c;
        } else if (c == '}' && s.ptr[i + 1] == '}') {
            return s.ptr + i;
        }
    }
    return NULL;
}

static bole_slice trim_left(bole_slice s)
{
    while (s.len && is_blank(s.ptr[0]))
        s = bole_slice_sub(s, 1);
    return s;
}

static void add_text(struct compiler *c, bole_slice text)
{
    struct node *n = text.len ? add_node(c, NODE_TEXT) : NULL;
    if (n)
        n->text = text;
}

static void compile(struct compiler *c, bole_slice rest)
{
    struct open_if *stack = compiler_alloc(c, NESTING_MAX * sizeof *stack);
    size_t depth = 0;
    while (rest.len && !c->failed) {
        const uint8_t *open = memmem(rest.ptr, rest.len, "{{", 2);
        bole_slice text = {rest.ptr, open ? (size_t)(open - rest.ptr) : rest.len};
        rest = bole_slice_sub(rest, text.len + 2);
        bool trims_left = rest.len > 1 && rest.ptr[0] == '-' && is_blank(rest.ptr[1]);
        while (open && trims_left && text.len && is_blank(text.ptr[text.len - 1]))
            text.len--;
        add_text(c, text);
        if (!open)
            break;
        if (trims_left)
            rest = bole_slice_sub(rest, 1);
        const uint8_t *close = action_end(rest);
        if (!close) {
            refuse(c, BOLE_E_INVALID, "unclosed action", S(""));
            break;
        }
        bole_slice action = {rest.ptr, (size_t)(close - rest.ptr)};
        rest = bole_slice_sub(rest, action.len + 2);
        if (action.len > 1 && action.ptr[action.len - 1] == '-' && is_blank(action.ptr[action.len - 2])) {
            action.len--;
            rest = trim_left(rest);
        }
        parse_action(c, action, stack, &depth);
    }
    if (depth)
        refuse(c, BOLE_E_INVALID, "unexpected end: {{if}} without {{end}}", S(""));
}

bole_status template_compile(bole_slice text, struct ast *owner, struct line_template **ret_template,
                             struct bole_err *err)
{
    struct bole_err unwanted;
    struct compiler c = {.owner = owner, .err = err ? err : &unwanted};
    bole_slice copy = arena_copy(&owner->arena, text);
    c.t = compiler_alloc(&c, sizeof *c.t);
    if (!c.t || !copy.ptr)
        return bole_fail(c.err, BOLE_E_LIMIT, "memory limit of the query reached");
    compile(&c, copy);
    if (c.failed)
        return c.err->code;
    *ret_template = c.t;
    return BOLE_OK;
}

/* ---- running ---- */

static bool run_pipeline(const struct command *cmd, struct row *r, struct value *ret, struct bole_err *err);

static bool eval_operand(const struct operand *o, struct row *r, struct value *ret, struct bole_err *err)
{
    switch (o->kind) {
    case OPERAND_LABEL: *ret = (struct value){.kind = VALUE_TEXT, .text = row_text(r, o->label)}; return true;
    case OPERAND_VALUE: *ret = o->value; return true;
    case OPERAND_PIPELINE: break;
    }
    return run_pipeline(o->pipeline, r, ret, err);
}

static bool run_pipeline(const struct command *cmd, struct row *r, struct value *ret, struct bole_err *err)
{
    for (bool is_piped = false; cmd; cmd = cmd->next, is_piped = true) {
        struct value args[ARGS_MAX];
        size_t count = 0;
        for (const struct operand *o = cmd->args; o; o = o->next)
            if (!eval_operand(o, r, &args[count++], err))
                return false;
        if (!cmd->func) {
            *ret = args[0];
            continue;
        }
        if (is_piped)
            args[count++] = *ret;
        struct call call = {.func = cmd->func, .row = r, .args = args, .arg_count = count, .regex = cmd->regex,
                            .err = err};
        if (!template_func_call(&call, ret))
            return false;
    }
    return true;
}

bool template_run(const struct line_template *t, struct row *r, bole_slice *ret_text, struct bole_err *err)
{
    struct text out = text_begin(r->scratch, TEMPLATE_OUTPUT_MAX);
    for (size_t i = 0; i < t->count && !out.failed; i++) {
        const struct node *n = &t->nodes[i];
        struct value v;
        if (n->kind == NODE_JUMP) {
            i = n->target - 1;
        } else if (n->kind == NODE_TEXT) {
            text_put(&out, n->text);
        } else if (!run_pipeline(n->pipeline, r, &v, err)) {
            return false;
        } else if (n->kind == NODE_PRINT) {
            value_print(&v, &out);
        } else if (!value_is_true(&v)) {
            i = n->target - 1;
        }
    }
    if (out.failed) {
        bole_fail(err, BOLE_E_LIMIT, "the result of a template is too large");
        return false;
    }
    *ret_text = text_slice(&out);
    return true;
}

/* ---- which labels ---- */

static void pipeline_labels(const struct command *cmd, void (*fn)(bole_slice name, void *ctx), void *ctx)
{
    for (; cmd; cmd = cmd->next)
        for (const struct operand *o = cmd->args; o; o = o->next) {
            if (o->kind == OPERAND_LABEL)
                fn(o->label, ctx);
            else if (o->kind == OPERAND_PIPELINE)
                pipeline_labels(o->pipeline, fn, ctx);
        }
}

void template_labels(const struct line_template *t, void (*fn)(bole_slice name, void *ctx), void *ctx)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->nodes[i].kind == NODE_PRINT || t->nodes[i].kind == NODE_IF)
            pipeline_labels(t->nodes[i].pipeline, fn, ctx);
}
