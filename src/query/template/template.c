/*
 * template.c - running templates.
 *
 * The tree of nodes is walked as Go's text/template does, with the same idea of "the node at hand" (x->at): its place and
 * its text begin every error. What is made lives in the row's scratch. Every node that runs costs a little of the row's
 * work, so that `range` over numbers and templates that call themselves come to an end.
 */
#include "query/template/template.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/err.h"
#include "query/template/template_impl.h"

struct variable {
    bole_slice   name;
    struct value value;
};

struct execution {
    const struct line_template *t;
    const struct template_part *part; /* the one that runs */
    struct row                 *row;
    struct text                 out;
    const struct node          *at;
    struct variable            *vars;
    size_t                      var_count, var_cap, var_base; /* the running part sees those from var_base on */
    unsigned                    depth;
    const struct value_map     *labels; /* made on demand */
    struct value                dollar;
    bole_slice                  error;
};

enum outcome { WALK_ON, WALK_BREAK, WALK_CONTINUE, WALK_FAILED };

bole_status template_compile(bole_slice text, bole_slice name, struct ast *owner, struct line_template **ret_template,
                             struct bole_err *err)
{
    struct bole_err unwanted;
    struct line_template *t = arena_zalloc(&owner->arena, sizeof *t);
    bole_slice copy = arena_copy(&owner->arena, text);
    err = err ? err : &unwanted;
    if (!t || !copy.ptr)
        return bole_fail(err, BOLE_E_LIMIT, "memory limit of the query reached");
    *t = (struct line_template){.source = copy, .name = name};
    bole_status st = template_parse(t, owner, err);
    if (st == BOLE_OK)
        *ret_template = t;
    return st;
}

/* ---- errors ---- */

/* `template: line:1:3: executing "line" at <.x>: ` and the text */
static bool fail(struct execution *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct execution *x, const char *fmt, ...)
{
    char text[2304];
    size_t line, column;
    va_list args;
    struct text out = text_begin(x->row->scratch, TEMPLATE_OUTPUT_MAX);
    if (x->error.len)
        return false;
    node_where(x->t, x->at, &line, &column);
    text_put(&out, S("template: "));
    text_put(&out, x->t->name);
    size_t n = err_print(text, sizeof text, ":%zu:%zu: executing ", line, column);
    text_put(&out, (bole_slice){(const uint8_t *)text, n});
    value_quote(&out, x->part->name, false);
    text_put(&out, S(" at <"));
    node_print(x->at, &out);
    text_put(&out, S(">: "));
    va_start(args, fmt);
    n = err_vprint(text, sizeof text, fmt, args);
    va_end(args);
    text_put(&out, (bole_slice){(const uint8_t *)text, n});
    x->error = out.failed ? S("template: failed") : text_slice(&out);
    return false;
}

static bool fail_size(struct execution *x, bole_slice text)
{
    if (!x->error.len)
        x->error = text;
    return false;
}

static bool no_room(struct execution *x)
{
    x->row->out_of_memory = true;
    return fail_size(x, S("template: memory limit of the query reached"));
}

static bole_slice node_text(struct execution *x, const struct node *n)
{
    struct text out = text_begin(x->row->scratch, TEMPLATE_OUTPUT_MAX);
    node_print(n, &out);
    return text_slice(&out);
}

/* ---- variables ---- */

static bool push_variable(struct execution *x, bole_slice name, const struct value *v)
{
    if (x->var_count == TEMPLATE_VARS_MAX)
        return fail_size(x, S("template: too many variables"));
    if (x->var_count == x->var_cap) {
        size_t cap = x->var_cap ? x->var_cap * 2 : 8;
        struct variable *vars = arena_grow(x->row->scratch, x->vars, x->var_cap * sizeof *vars, cap * sizeof *vars);
        if (!vars)
            return no_room(x);
        x->vars = vars;
        x->var_cap = cap;
    }
    x->vars[x->var_count++] = (struct variable){name, *v};
    return true;
}

static struct value *find_variable(struct execution *x, bole_slice name)
{
    if (bole_slice_eq(name, S("$")))
        return &x->dollar;
    for (size_t i = x->var_count; i-- > x->var_base;)
        if (bole_slice_eq(x->vars[i].name, name))
            return &x->vars[i].value;
    fail(x, "undefined variable: %.*s", BOLE_SLICE_ARG(name));
    return NULL;
}

/* ---- the labels as a map ---- */

static bool make_labels(struct execution *x)
{
    struct row *r = x->row;
    struct value_map *m = arena_zalloc(r->scratch, sizeof *m);
    if (m)
        m->entries = arena_array(r->scratch, r->count + 2, sizeof *m->entries);
    if (!m || !m->entries)
        return no_room(x);
    for (size_t i = 0; i < r->count; i++)
        m->entries[m->count++] = (struct value_entry){r->labels[i].name, value_text(r->labels[i].value)};
    if (r->error.len)
        m->entries[m->count++] = (struct value_entry){LABEL_ERROR, value_text(r->error)};
    if (r->error_details.len)
        m->entries[m->count++] = (struct value_entry){LABEL_ERROR_DETAILS, value_text(r->error_details)};
    qsort(m->entries, m->count, sizeof *m->entries, value_entry_cmp);
    m->is_text = true;
    x->labels = m;
    r->template_bytes += m->count * sizeof *m->entries;
    return true;
}

/* Where the labels are wanted whole. */
static bool settle(struct execution *x, struct value *v)
{
    if (v->kind != VALUE_ROW)
        return true;
    if (!x->labels && !make_labels(x))
        return false;
    *v = (struct value){.kind = VALUE_MAP, .map = x->labels};
    return true;
}

/* ---- evaluation ---- */

struct arguments { /* of a command: the nodes behind its first, and what comes from the pipe */
    const struct node  *nodes;
    const struct value *piped; /* VALUE_MISSING: nothing */
};

static const struct value nothing = {.kind = VALUE_MISSING};

static bool eval_pipe(struct execution *x, const struct value *dot, const struct node *pipe, struct value *ret);
static bool eval_function(struct execution *x, const struct value *dot, const struct node *n, const struct node *blamed,
                          struct arguments args, struct value *ret);

static bool is_bare(struct execution *x, const struct node *first, struct arguments args)
{
    if (!args.nodes && args.piped->kind == VALUE_MISSING)
        return true;
    return fail(x, "can't give argument to non-function %.*s", BOLE_SLICE_ARG(node_text(x, first)));
}

static bool call_method(struct execution *x, const struct value *dot, const struct value *receiver, bole_slice name,
                        const struct node *blamed, struct arguments args, struct value *ret, bool *ret_found);

static bool eval_field(struct execution *x, const struct value *dot, struct value receiver, bole_slice name,
                       const struct node *blamed, struct arguments args, struct value *ret)
{
    bool has_args = args.nodes || args.piped->kind != VALUE_MISSING, found = false;
    if (receiver.kind == VALUE_NIL) {
        if (receiver.boxed)
            return fail(x, "nil pointer evaluating interface {}.%.*s", BOLE_SLICE_ARG(name));
        *ret = receiver;
        return true;
    }
    if (receiver.kind != VALUE_ROW && receiver.kind != VALUE_MAP) {
        if (receiver.kind == VALUE_TIME && (bole_slice_eq(name, S("wall")) || bole_slice_eq(name, S("ext")) ||
                                            bole_slice_eq(name, S("loc"))))
            return fail(x, "%.*s is an unexported field of struct type time.Time", BOLE_SLICE_ARG(name));
        bool done = call_method(x, dot, &receiver, name, blamed, args, ret, &found);
        return found ? done
                     : fail(x, "can't evaluate field %.*s in type %s", BOLE_SLICE_ARG(name), value_static_type(&receiver));
    }
    if (has_args)
        return fail(x, "%.*s is not a method but has arguments", BOLE_SLICE_ARG(name));
    if (receiver.kind == VALUE_ROW) {
        *ret = value_text(row_text(x->row, name));
        return true;
    }
    const struct value *hit = value_map_find(receiver.map, name);
    *ret = hit ? *hit : receiver.map->is_text ? value_text(S("")) : (struct value){.boxed = true};
    return true;
}

static bool eval_fields(struct execution *x, const struct value *dot, struct value receiver,
                        const struct node_name *name, const struct node *blamed, struct arguments args,
                        struct value *ret)
{
    struct arguments none = {NULL, &nothing};
    for (; name->next; name = name->next)
        if (!eval_field(x, dot, receiver, name->name, blamed, none, &receiver))
            return false;
    return eval_field(x, dot, receiver, name->name, blamed, args, ret);
}

static bool eval_variable(struct execution *x, const struct value *dot, const struct node *n, struct arguments args,
                          struct value *ret)
{
    x->at = n;
    struct value *v = find_variable(x, n->text);
    if (!v)
        return false;
    if (n->names)
        return eval_fields(x, dot, *v, n->names, n, args, ret);
    *ret = *v;
    return is_bare(x, n, args) && settle(x, ret);
}

/* What a chain's fields are taken from. */
static bool eval_chain_head(struct execution *x, const struct value *dot, const struct node *n, struct value *ret)
{
    struct arguments none = {NULL, &nothing};
    x->at = n;
    if (n->kind == NODE_PIPE)
        return eval_pipe(x, dot, n, ret);
    return eval_function(x, dot, n, n, none, ret); /* parentheses and functions: others have fields of their own */
}

static bool eval_chain(struct execution *x, const struct value *dot, const struct node *n, struct arguments args,
                       struct value *ret)
{
    struct value head;
    x->at = n;
    return eval_chain_head(x, dot, n->child, &head) && eval_fields(x, dot, head, n->names, n, args, ret);
}

static bool eval_number(struct execution *x, const struct node *n, struct value *ret)
{
    x->at = n;
    if (!n->is_range_int && n->value.kind == VALUE_INT)
        return fail(x, "%.*s overflows int", BOLE_SLICE_ARG(n->text));
    *ret = n->value;
    return true;
}

static bool eval_command(struct execution *x, const struct value *dot, const struct node *cmd, const struct value *piped,
                         struct value *ret)
{
    const struct node *first = cmd->child;
    struct arguments args = {first->next, piped};
    switch (first->kind) {
    case NODE_FIELD: x->at = first; return eval_fields(x, dot, *dot, first->names, first, args, ret);
    case NODE_CHAIN: return eval_chain(x, dot, first, args, ret);
    case NODE_VARIABLE: return eval_variable(x, dot, first, args, ret);
    case NODE_IDENTIFIER: return eval_function(x, dot, first, cmd, args, ret);
    case NODE_PIPE: return is_bare(x, first, args) && eval_pipe(x, dot, first, ret);
    default: break;
    }
    x->at = first;
    if (!is_bare(x, first, args))
        return false;
    switch (first->kind) {
    case NODE_DOT: *ret = *dot; return settle(x, ret);
    case NODE_NIL: return fail(x, "nil is not a command");
    case NODE_NUMBER: return eval_number(x, first, ret);
    default: *ret = first->value; return true;
    }
}

static bool step(struct execution *x)
{
    x->row->template_bytes += TEMPLATE_STEP_BYTES;
    if (x->row->template_bytes > TEMPLATE_WORK_MAX)
        return fail(x, "the template takes too many steps or works on too much text");
    return true;
}

static bool eval_pipe(struct execution *x, const struct value *dot, const struct node *pipe, struct value *ret)
{
    struct value v = nothing;
    x->at = pipe;
    if (++x->depth > TEMPLATE_DEPTH_MAX)
        return fail(x, "exceeded maximum template depth (%d)", TEMPLATE_DEPTH_MAX);
    if (!step(x))
        return false;
    for (const struct node *cmd = pipe->child; cmd; cmd = cmd->next) {
        struct value next = {0};
        if (!eval_command(x, dot, cmd, &v, &next))
            return false;
        v = value_unboxed(next);
    }
    for (const struct node *decl = pipe->decls; decl; decl = decl->next) {
        struct value *old = pipe->is_assign ? find_variable(x, decl->text) : NULL;
        if (pipe->is_assign ? !old : !push_variable(x, decl->text, &v))
            return false;
        if (old)
            *old = v;
    }
    *ret = v;
    x->depth--;
    return true;
}

/* ---- arguments ---- */

static bool can_be_nil(char type) { return type == '*' || type == 'v'; }

static bool fits(const struct value *v, char type)
{
    switch (type) {
    case 's': return v->kind == VALUE_TEXT;
    case 'i': return v->kind == VALUE_INT && v->int_type == INT_PLAIN;
    case 'f': return v->kind == VALUE_FLOAT;
    case 't': return v->kind == VALUE_TIME;
    case 'd': return v->kind == VALUE_INT && v->int_type == INT_DURATION;
    default: return true;
    }
}

static bool check_type(struct execution *x, struct value *v, char type)
{
    if (v->kind == VALUE_NIL && !v->boxed && !can_be_nil(type))
        return fail(x, "invalid value; expected %s", template_param_type(type));
    if (!fits(v, type))
        return fail(x, "wrong type for value; expected %s; got %s", template_param_type(type),
                    v->kind == VALUE_NIL ? value_static_type(v) : value_type(v));
    if (v->kind != VALUE_NIL && type != 'v')
        v->boxed = false;
    return settle(x, v);
}

static bool eval_constant(struct execution *x, const struct node *n, char type, struct value *ret)
{
    static const char *const expected[] = {"string", "integer", "float"};
    if (can_be_nil(type)) {
        if (n->kind == NODE_NUMBER)
            return eval_number(x, n, ret);
        *ret = n->value;
        return true;
    }
    bool is_number = n->kind == NODE_NUMBER;
    if (type == 's' && n->kind == NODE_STRING) {
        *ret = n->value;
        return true;
    }
    if ((type == 'i' || type == 'd') && is_number && n->is_range_int) {
        *ret = value_int(n->as_int);
        ret->int_type = type == 'd' ? INT_DURATION : INT_PLAIN;
        return true;
    }
    if (type == 'f' && is_number && n->is_float) {
        *ret = value_float(n->as_float);
        return true;
    }
    bole_slice text = node_text(x, n);
    if (type == 't')
        return fail(x, "can't handle %.*s for arg of type %s", BOLE_SLICE_ARG(text), template_param_type(type));
    return fail(x, "expected %s; found %.*s", expected[type == 's' ? 0 : type == 'f' ? 2 : 1], BOLE_SLICE_ARG(text));
}

static bool eval_argument(struct execution *x, const struct value *dot, const struct node *n, char type,
                          struct value *ret)
{
    struct arguments none = {NULL, &nothing};
    bool done;
    x->at = n;
    switch (n->kind) {
    case NODE_DOT: *ret = *dot; return check_type(x, ret, type);
    case NODE_NIL:
        *ret = (struct value){0};
        return can_be_nil(type) || fail(x, "cannot assign nil to %s", template_param_type(type));
    case NODE_FIELD: done = eval_fields(x, dot, *dot, n->names, n, none, ret); break;
    case NODE_VARIABLE: done = eval_variable(x, dot, n, none, ret); break;
    case NODE_PIPE: done = eval_pipe(x, dot, n, ret); break;
    case NODE_IDENTIFIER: done = eval_function(x, dot, n, n, none, ret); break;
    case NODE_CHAIN: done = eval_chain(x, dot, n, none, ret); break;
    default: return eval_constant(x, n, type, ret);
    }
    return done && check_type(x, ret, type);
}

static bool check_count(struct execution *x, const struct template_func *f, size_t written, size_t all)
{
    bool many = f->args_max == ARGS_MANY;
    if (all < f->args_min && many)
        return fail(x, "wrong number of args for %s: want at least %u got %zu", f->name, f->args_min, written);
    if (!many && all != f->args_min)
        return fail(x, "wrong number of args for %s: want %u got %zu", f->name, f->args_min, all);
    return true;
}

/* `and` and `or` look at no more arguments than they need. */
static bool eval_logic(struct execution *x, const struct value *dot, struct arguments args, bool stop_at,
                       struct value *ret)
{
    for (const struct node *n = args.nodes; n; n = n->next) {
        if (!eval_argument(x, dot, n, 'v', ret))
            return false;
        if (value_is_true(ret) == stop_at)
            return true;
    }
    if (args.piped->kind != VALUE_MISSING)
        *ret = *args.piped;
    return true;
}

static bool call_function(struct execution *x, const struct value *dot, const struct template_func *f,
                          const struct regex *regex, const struct value *receiver, const struct node *blamed,
                          struct arguments args, struct value *ret)
{
    bool is_piped = args.piped->kind != VALUE_MISSING, stop_at;
    size_t written = 0, count = 0, first = receiver != NULL;
    for (const struct node *n = args.nodes; n; n = n->next)
        written++;
    if (!check_count(x, f, written, written + is_piped))
        return false;
    if (template_func_is_logic(f, &stop_at))
        return eval_logic(x, dot, args, stop_at, ret);
    struct value few[4], *all = few;
    if (first + written + is_piped > sizeof few / sizeof few[0])
        all = arena_alloc(x->row->scratch, (first + written + is_piped) * sizeof *all);
    if (!all)
        return no_room(x);
    if (receiver)
        all[count++] = *receiver;
    for (const struct node *n = args.nodes; n; n = n->next, count++)
        if (!eval_argument(x, dot, n, template_func_param(f, count - first), &all[count]))
            return false;
    if (is_piped) {
        all[count] = *args.piped;
        if (!check_type(x, &all[count], template_func_param(f, count - first)))
            return false;
        count++;
    }
    struct call call = {.func = f, .row = x->row, .args = all, .arg_count = count, .regex = regex, .first = args.nodes};
    if (template_func_call(&call, ret))
        return true;
    x->at = blamed;
    return fail(x, "error calling %s: %.*s", f->name, BOLE_SLICE_ARG(call.reason));
}

static bool eval_function(struct execution *x, const struct value *dot, const struct node *n, const struct node *blamed,
                          struct arguments args, struct value *ret)
{
    x->at = n;
    return call_function(x, dot, n->func, n->regex, NULL, blamed, args, ret);
}

static bool call_method(struct execution *x, const struct value *dot, const struct value *receiver, bole_slice name,
                        const struct node *blamed, struct arguments args, struct value *ret, bool *ret_found)
{
    const struct template_func *f = template_method_find(receiver, name);
    *ret_found = f != NULL;
    return f && call_function(x, dot, f, NULL, receiver, blamed, args, ret);
}

/* ---- walking ---- */

static enum outcome walk_list(struct execution *x, const struct value *dot, const struct node *n);

static void put_value(struct execution *x, const struct value *v)
{
    if (v->kind == VALUE_NIL || v->kind == VALUE_MISSING)
        text_put(&x->out, S("<no value>"));
    else
        value_print(v, &x->out);
}

static enum outcome walk_action(struct execution *x, const struct value *dot, const struct node *n)
{
    const struct node *first = n->child->child->child;
    bool is_label = dot->kind == VALUE_ROW && first->kind == NODE_FIELD && !first->names->next && !first->next &&
                    !n->child->child->next && !n->child->decls;
    struct value v;
    if (is_label) { /* what most templates are made of */
        text_put(&x->out, row_text(x->row, first->names->name));
        return WALK_ON;
    }
    x->at = n;
    if (!eval_pipe(x, dot, n->child, &v))
        return WALK_FAILED;
    x->at = n;
    if (!n->child->decls)
        put_value(x, &v);
    return WALK_ON;
}

static enum outcome walk_condition(struct execution *x, const struct value *dot, const struct node *n)
{
    struct value v;
    size_t mark = x->var_count;
    x->at = n;
    if (!eval_pipe(x, dot, n->child, &v))
        return WALK_FAILED;
    enum outcome outcome = value_is_true(&v) ? walk_list(x, n->kind == NODE_WITH ? &v : dot, n->list)
                                             : walk_list(x, dot, n->else_list);
    x->var_count = mark;
    return outcome;
}

/* One round: index NULL where there is none. */
static enum outcome walk_round(struct execution *x, const struct node *n, const struct value *index,
                               const struct value *element)
{
    const struct node *pipe = n->child, *first = pipe->decls, *second = first ? first->next : NULL;
    static const struct value no_index = {0};
    size_t mark = x->var_count;
    index = index ? index : &no_index;
    if (first && pipe->is_assign) {
        struct value *v = find_variable(x, first->text), *w = second ? find_variable(x, second->text) : NULL;
        if (!v || (second && !w))
            return WALK_FAILED;
        *v = second ? *index : *element;
        if (w)
            *w = *element;
    } else if (first) {
        x->vars[mark - 1].value = *element;
        if (second)
            x->vars[mark - 2].value = *index;
    }
    if (!step(x))
        return WALK_FAILED;
    enum outcome outcome = walk_list(x, element, n->list);
    x->var_count = mark;
    return outcome == WALK_CONTINUE ? WALK_ON : outcome;
}

static enum outcome walk_rounds(struct execution *x, const struct node *n, const struct value *v, size_t count)
{
    enum outcome outcome = WALK_ON;
    for (size_t i = 0; i < count && outcome == WALK_ON; i++) {
        struct value index = value_int((int64_t)i), element = index;
        if (v->kind == VALUE_INT) {
            element.int_type = v->int_type;
            outcome = walk_round(x, n, NULL, &element);
        } else if (v->kind == VALUE_LIST) {
            outcome = walk_round(x, n, &index, &v->list.items[i]);
        } else {
            index = value_text(v->map->entries[i].key);
            outcome = walk_round(x, n, &index, &v->map->entries[i].value);
        }
    }
    return outcome == WALK_BREAK ? WALK_ON : outcome;
}

static enum outcome walk_range(struct execution *x, const struct value *dot, const struct node *n)
{
    struct value v;
    size_t mark = x->var_count, count = 0;
    x->at = n;
    if (!eval_pipe(x, dot, n->child, &v) || !settle(x, &v))
        return WALK_FAILED;
    struct text printed = text_begin(x->row->scratch, TEMPLATE_OUTPUT_MAX);
    switch (v.kind) {
    case VALUE_INT:
        if (n->child->decls && n->child->decls->next) {
            value_print(&v, &printed);
            fail(x, "can't use %.*s to iterate over more than one variable", BOLE_SLICE_ARG(text_slice(&printed)));
            return WALK_FAILED;
        }
        count = v.integer > 0 ? (size_t)v.integer : 0;
        break;
    case VALUE_LIST: count = v.list.count; break;
    case VALUE_MAP: count = v.map->count; break;
    case VALUE_NIL: break;
    default:
        value_print(&v, &printed);
        fail(x, "range can't iterate over %.*s", BOLE_SLICE_ARG(text_slice(&printed)));
        return WALK_FAILED;
    }
    enum outcome outcome = count ? walk_rounds(x, n, &v, count) : walk_list(x, dot, n->else_list);
    x->var_count = mark;
    return outcome;
}

static const struct template_part *find_part(const struct line_template *t, bole_slice name)
{
    for (const struct template_part *part = t->parts; part; part = part->next)
        if (bole_slice_eq(part->name, name))
            return part;
    return NULL;
}

/* The called one sees its own variables only. */
static enum outcome walk_template(struct execution *x, const struct value *dot, const struct node *n)
{
    const struct template_part *part = find_part(x->t, n->text), *caller = x->part;
    struct value v = {0};
    x->at = n;
    if (!part) {
        struct text name = text_begin(x->row->scratch, TEMPLATE_OUTPUT_MAX);
        value_quote(&name, n->text, false);
        fail(x, "template %.*s not defined", BOLE_SLICE_ARG(text_slice(&name)));
        return WALK_FAILED;
    }
    if (n->child && !eval_pipe(x, dot, n->child, &v))
        return WALK_FAILED;
    size_t mark = x->var_count, base = x->var_base;
    struct value dollar = x->dollar;
    x->var_base = mark;
    x->part = part;
    x->dollar = v;
    enum outcome outcome = walk_list(x, &v, part->nodes);
    if (outcome == WALK_FAILED)
        return outcome;
    x->var_count = mark;
    x->var_base = base;
    x->part = caller;
    x->dollar = dollar;
    return WALK_ON;
}

static enum outcome walk(struct execution *x, const struct value *dot, const struct node *n)
{
    switch (n->kind) {
    case NODE_TEXT: text_put(&x->out, n->text); return WALK_ON;
    case NODE_ACTION: return walk_action(x, dot, n);
    case NODE_IF: case NODE_WITH: return walk_condition(x, dot, n);
    case NODE_RANGE: return walk_range(x, dot, n);
    case NODE_TEMPLATE: return walk_template(x, dot, n);
    case NODE_BREAK: return WALK_BREAK;
    default: return WALK_CONTINUE;
    }
}

static enum outcome walk_list(struct execution *x, const struct value *dot, const struct node *n)
{
    enum outcome outcome = WALK_ON;
    if (++x->depth > TEMPLATE_DEPTH_MAX) {
        fail(x, "exceeded maximum template depth (%d)", TEMPLATE_DEPTH_MAX);
        return WALK_FAILED;
    }
    for (; n && outcome == WALK_ON; n = n->next) {
        outcome = walk(x, dot, n);
        if (x->out.failed) {
            fail_size(x, S("template: the result of a template is too large"));
            outcome = WALK_FAILED;
        }
    }
    x->depth--;
    return outcome;
}

bool template_run(const struct line_template *t, struct row *r, bole_slice *ret_text)
{
    struct execution x = {.t = t, .part = t->root, .row = r, .out = text_begin(r->scratch, TEMPLATE_OUTPUT_MAX)};
    struct value dot = {.kind = VALUE_ROW};
    if (t->only_label.len) { /* Loki takes the value as it is, and knows no __error__ here */
        const struct row_label *l = row_find(r, t->only_label);
        *ret_text = l ? l->value : S("");
        return true;
    }
    x.dollar = dot;
    if (walk_list(&x, &dot, t->root->nodes) == WALK_FAILED) {
        *ret_text = x.error;
        return false;
    }
    *ret_text = text_slice(&x.out);
    return true;
}

/* ---- which labels ---- */

static void node_labels(const struct node *n, void (*fn)(bole_slice name, void *ctx), void *ctx)
{
    for (; n; n = n->next) {
        for (const struct node_name *name = n->names; name; name = name->next)
            fn(name->name, ctx);
        node_labels(n->child, fn, ctx);
        node_labels(n->list, fn, ctx);
        node_labels(n->else_list, fn, ctx);
        if (n->kind == NODE_STRING)
            fn(n->value.text, ctx); /* `index . "label"` */
    }
}

void template_labels(const struct line_template *t, void (*fn)(bole_slice name, void *ctx), void *ctx)
{
    for (const struct template_part *part = t->parts; part; part = part->next)
        node_labels(part->nodes, fn, ctx);
}

static bool names_labels(const struct node *n)
{
    for (; n; n = n->next) {
        bool is_map = n->kind == NODE_DOT || (n->kind == NODE_VARIABLE && !n->names && bole_slice_eq(n->text, S("$")));
        if (is_map || !names_labels(n->child) || !names_labels(n->list) || !names_labels(n->else_list))
            return false;
    }
    return true;
}

bool template_names_labels(const struct line_template *t)
{
    for (const struct template_part *part = t->parts; part; part = part->next)
        if (!names_labels(part->nodes))
            return false;
    return true;
}
