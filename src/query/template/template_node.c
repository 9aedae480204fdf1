/* template_node.c - nodes as Go prints them, and where they stand: what the errors of a running template say. */
#include "query/template/letters.h"
#include "query/template/template_impl.h"

static void put_names(const struct node *n, struct text *out)
{
    for (const struct node_name *name = n->names; name; name = name->next) {
        text_put(out, S("."));
        text_put(out, name->name);
    }
}

static void put_list(const struct node *n, struct text *out)
{
    for (; n; n = n->next)
        node_print(n, out);
}

static void put_pipe(const struct node *pipe, struct text *out)
{
    for (const struct node *v = pipe->decls; v; v = v->next) {
        node_print(v, out);
        text_put(out, v->next ? S(", ") : pipe->is_assign ? S(" = ") : S(" := "));
    }
    for (const struct node *cmd = pipe->child; cmd; cmd = cmd->next) {
        node_print(cmd, out);
        if (cmd->next)
            text_put(out, S(" | "));
    }
}

/* A pipe within something else stands in parentheses. */
static void put_operand(const struct node *n, struct text *out)
{
    if (n->kind == NODE_PIPE)
        text_put(out, S("("));
    node_print(n, out);
    if (n->kind == NODE_PIPE)
        text_put(out, S(")"));
}

static void put_control(const struct node *n, bole_slice name, struct text *out)
{
    text_put(out, S("{{"));
    text_put(out, name);
    put_pipe(n->child, out);
    text_put(out, S("}}"));
    put_list(n->list, out);
    if (n->has_else)
        text_put(out, S("{{else}}"));
    put_list(n->else_list, out);
    text_put(out, S("{{end}}"));
}

void node_print(const struct node *n, struct text *out)
{
    switch (n->kind) {
    case NODE_TEXT: case NODE_IDENTIFIER: case NODE_NUMBER: case NODE_STRING: text_put(out, n->text); return;
    case NODE_ACTION:
        text_put(out, S("{{"));
        put_pipe(n->child, out);
        text_put(out, S("}}"));
        return;
    case NODE_IF: put_control(n, S("if "), out); return;
    case NODE_WITH: put_control(n, S("with "), out); return;
    case NODE_RANGE: put_control(n, S("range "), out); return;
    case NODE_TEMPLATE:
        text_put(out, S("{{template "));
        value_quote(out, n->text, false);
        if (n->child) {
            text_put(out, S(" "));
            put_pipe(n->child, out);
        }
        text_put(out, S("}}"));
        return;
    case NODE_BREAK: text_put(out, S("{{break}}")); return;
    case NODE_CONTINUE: text_put(out, S("{{continue}}")); return;
    case NODE_END: text_put(out, S("{{end}}")); return;
    case NODE_ELSE: text_put(out, S("{{else}}")); return;
    case NODE_PIPE: put_pipe(n, out); return;
    case NODE_COMMAND:
        for (const struct node *arg = n->child; arg; arg = arg->next) {
            put_operand(arg, out);
            if (arg->next)
                text_put(out, S(" "));
        }
        return;
    case NODE_DOT: text_put(out, S(".")); return;
    case NODE_NIL: text_put(out, S("nil")); return;
    case NODE_BOOL: text_put(out, n->value.truth ? S("true") : S("false")); return;
    case NODE_FIELD: put_names(n, out); return;
    case NODE_VARIABLE: text_put(out, n->text); put_names(n, out); return;
    case NODE_CHAIN: put_operand(n->child, out); put_names(n, out); return;
    }
}

bool node_list_is_empty(const struct node *n)
{
    for (; n; n = n->next) {
        if (n->kind != NODE_TEXT)
            return false;
        for (size_t i = 0; i < n->text.len; i++)
            if (!letter_is_space(n->text.ptr[i])) /* only blanks of ASCII are looked for */
                return false;
    }
    return true;
}

void node_where(const struct line_template *t, const struct node *n, size_t *ret_line, size_t *ret_column)
{
    *ret_line = 1;
    *ret_column = n->pos;
    for (size_t i = 0; i < n->pos && i < t->source.len; i++)
        if (t->source.ptr[i] == '\n') {
            ++*ret_line;
            *ret_column = n->pos - i - 1;
        }
}
