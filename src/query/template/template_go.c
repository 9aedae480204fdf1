/* template_go.c - the functions that every Go template has: comparison, logic, indexes, printing, escaping. */
#include <stdio.h>

#include "base/utf8.h"
#include "query/template/letters.h"
#include "query/template/template_impl.h"

/* ---- comparison ---- */

enum { EQ, NE, LT, LE, GT, GE };
enum basic { BASIC_NONE, BASIC_BOOL, BASIC_INT, BASIC_FLOAT, BASIC_TEXT, BASIC_UINT };

static enum basic basic_kind(const struct value *v)
{
    switch (v->kind) {
    case VALUE_BOOL: return BASIC_BOOL;
    case VALUE_INT: return v->int_type == INT_BYTE ? BASIC_UINT : BASIC_INT;
    case VALUE_FLOAT: return BASIC_FLOAT;
    case VALUE_TEXT: return BASIC_TEXT;
    default: return BASIC_NONE;
    }
}

static bool are_integers(enum basic a, enum basic b)
{
    return (a == BASIC_INT || a == BASIC_UINT) && (b == BASIC_INT || b == BASIC_UINT);
}

/* What is no basic kind: nil, maps, lists, times. */
static bool compare_others(struct call *c, const struct value *a, const struct value *b, bool *ret)
{
    if (a->kind != b->kind && a->kind != VALUE_NIL && b->kind != VALUE_NIL) {
        struct text left = call_begin(c), right = call_begin(c);
        template_printf(c, S("%s"), a, 1, &left); /* the one with %s and the other with %v: so does Go */
        value_print(b, &right);
        return call_fail(c, "non-comparable types %.*s: %s, %s: %.*s", BOLE_SLICE_ARG(text_slice(&left)), value_type(a),
                         value_type(b), BOLE_SLICE_ARG(text_slice(&right)));
    }
    if (a->kind == VALUE_NIL || b->kind == VALUE_NIL) {
        *ret = a->kind == b->kind;
        return true;
    }
    if (b->kind == VALUE_TIME) {
        *ret = a->time.second == b->time.second && a->time.nanosecond == b->time.nanosecond &&
               a->time.offset == b->time.offset && strcmp(a->time.zone, b->time.zone) == 0;
        return true;
    }
    struct text printed = call_begin(c); /* Go prints a reflect.Value with %s, and its type */
    template_printf(c, S("%s"), b, 1, &printed);
    return call_fail(c, "non-comparable type %.*s: %s", BOLE_SLICE_ARG(text_slice(&printed)), value_type(b));
}

static bool is_equal(struct call *c, const struct value *a, const struct value *b, bool *ret)
{
    enum basic x = basic_kind(a), y = basic_kind(b);
    *ret = false;
    if (x != y && !are_integers(x, y)) {
        bool both = a->kind != VALUE_NIL && b->kind != VALUE_NIL;
        return both ? call_fail(c, "incompatible types for comparison: %s and %s", value_type(a), value_type(b)) : true;
    }
    switch (x) {
    case BASIC_BOOL: *ret = a->truth == b->truth; return true;
    case BASIC_FLOAT: *ret = a->number == b->number; return true;
    case BASIC_TEXT: *ret = bole_slice_eq(a->text, b->text); return true;
    case BASIC_INT: case BASIC_UINT: *ret = a->integer == b->integer; return true;
    case BASIC_NONE: break;
    }
    return compare_others(c, a, b, ret);
}

static bool is_less(struct call *c, const struct value *a, const struct value *b, bool *ret)
{
    enum basic x = basic_kind(a), y = basic_kind(b);
    if (x == BASIC_NONE || y == BASIC_NONE)
        return call_fail(c, "invalid type for comparison");
    if (x != y && !are_integers(x, y))
        return call_fail(c, "incompatible types for comparison: %s and %s", value_type(a), value_type(b));
    switch (x) {
    case BASIC_FLOAT: *ret = a->number < b->number; return true;
    case BASIC_TEXT: *ret = bole_slice_cmp(a->text, b->text) < 0; return true;
    case BASIC_BOOL: return call_fail(c, "invalid type for comparison");
    default: *ret = a->integer < b->integer; return true;
    }
}

static bool is_at_most(struct call *c, const struct value *a, const struct value *b, bool *ret)
{
    return is_less(c, a, b, ret) && (*ret || is_equal(c, a, b, ret));
}

static bool fn_compare(struct call *c, struct value *ret)
{
    const struct value *a = &c->args[0], *b = &c->args[1];
    bool result = false, done;
    switch (c->func->detail) {
    case NE: done = is_equal(c, a, b, &result); break;
    case LT: case GE: done = is_less(c, a, b, &result); break;
    default: done = is_at_most(c, a, b, &result);
    }
    *ret = value_bool(c->func->detail == LT || c->func->detail == LE ? result : !result);
    return done;
}

static bool fn_eq(struct call *c, struct value *ret)
{
    bool result = false;
    if (c->arg_count < 2)
        return call_fail(c, "missing argument for comparison");
    for (size_t i = 1; i < c->arg_count && !result; i++)
        if (!is_equal(c, &c->args[0], &c->args[i], &result))
            return false;
    *ret = value_bool(result);
    return true;
}

/* ---- logic ---- */

/* The first argument that decides, else the last: values, not booleans, as in Go. The caller takes no more arguments than
 * that. */
static bool fn_logic(struct call *c, struct value *ret)
{
    *ret = c->args[c->arg_count - 1];
    return true;
}

bool template_func_is_logic(const struct template_func *f, bool *ret_stop_at)
{
    *ret_stop_at = f->detail;
    return f->fn == fn_logic;
}

static bool fn_not(struct call *c, struct value *ret)
{
    *ret = value_bool(!value_is_true(&c->args[0]));
    return true;
}

/* ---- lists, maps and text ---- */

static bool fn_len(struct call *c, struct value *ret)
{
    const struct value *v = &c->args[0];
    switch (v->kind) {
    case VALUE_TEXT: *ret = value_int((int64_t)v->text.len); return true;
    case VALUE_LIST: *ret = value_int((int64_t)v->list.count); return true;
    case VALUE_MAP: *ret = value_int((int64_t)v->map->count); return true;
    case VALUE_NIL:
        return v->boxed ? call_fail(c, "len of nil pointer")
                        : call_fail(c, "reflect: call of reflect.Value.Type on zero Value");
    default: return call_fail(c, "len of type %s", value_type(v));
    }
}

static bool take_index(struct call *c, const struct value *index, size_t max, size_t *ret)
{
    if (index->kind == VALUE_NIL)
        return call_fail(c, "cannot index slice/array with nil");
    if (index->kind != VALUE_INT)
        return call_fail(c, "cannot index slice/array with type %s", value_type(index));
    if (index->integer < 0 || (uint64_t)index->integer > max)
        return call_fail(c, "index out of range: %lld", (long long)index->integer);
    *ret = (size_t)index->integer;
    return true;
}

static bool index_map(struct call *c, const struct value_map *m, const struct value *key, struct value *ret)
{
    if (key->kind == VALUE_NIL)
        return call_fail(c, "value is nil; should be of type string");
    if (key->kind != VALUE_TEXT)
        return call_fail(c, "value has type %s; should be string", value_type(key));
    const struct value *hit = value_map_find(m, key->text);
    *ret = hit ? *hit : m->is_text ? value_text(S("")) : (struct value){.boxed = true};
    return true;
}

static bool fn_index(struct call *c, struct value *ret)
{
    struct value item = c->args[0];
    size_t at = 0;
    if (item.kind == VALUE_NIL)
        return call_fail(c, "index of untyped nil");
    for (size_t i = 1; i < c->arg_count; i++) {
        if (item.kind == VALUE_NIL)
            return call_fail(c, "index of nil pointer");
        if (item.kind == VALUE_MAP) {
            if (!index_map(c, item.map, &c->args[i], &item))
                return false;
            continue;
        }
        if (item.kind != VALUE_LIST && item.kind != VALUE_TEXT)
            return call_fail(c, "can't index item of type %s", value_type(&item));
        size_t count = item.kind == VALUE_LIST ? item.list.count : item.text.len;
        if (!take_index(c, &c->args[i], count, &at))
            return false;
        if (at == count) /* Go's own check lets it through */
            return call_fail(c, "reflect: %s index out of range", item.kind == VALUE_LIST ? "slice" : "string");
        item = item.kind == VALUE_LIST
                   ? item.list.items[at]
                   : (struct value){.kind = VALUE_INT, .int_type = INT_BYTE, .integer = item.text.ptr[at]};
    }
    *ret = item;
    return true;
}

static bool fn_slice(struct call *c, struct value *ret)
{
    struct value item = value_unboxed(c->args[0]);
    size_t count = c->arg_count - 1, at[3] = {0};
    if (item.kind == VALUE_NIL)
        return call_fail(c, "slice of untyped nil");
    if (count > 3)
        return call_fail(c, "too many slice indexes: %zu", count);
    if (item.kind == VALUE_TEXT && count == 3)
        return call_fail(c, "cannot 3-index slice a string");
    if (item.kind != VALUE_TEXT && item.kind != VALUE_LIST)
        return call_fail(c, "can't slice item of type %s", value_type(&item));
    size_t len = item.kind == VALUE_LIST ? item.list.count : item.text.len;
    at[1] = len;
    for (size_t i = 0; i < count; i++) {
        if (c->args[i + 1].boxed) /* unlike index, slice does not look into the box */
            return call_fail(c, "cannot index slice/array with type interface {}");
        if (!take_index(c, &c->args[i + 1], len, &at[i]))
            return false;
    }
    if (at[0] > at[1])
        return call_fail(c, "invalid slice index: %zu > %zu", at[0], at[1]);
    if (count == 3 && at[1] > at[2])
        return call_fail(c, "invalid slice index: %zu > %zu", at[1], at[2]);
    if (item.kind == VALUE_TEXT) {
        *ret = value_text((bole_slice){item.text.ptr + at[0], at[1] - at[0]});
        return true;
    }
    item.list.items += item.list.items ? at[0] : 0;
    item.list.count = at[1] - at[0];
    *ret = item;
    return true;
}

/* No value of a template is a function. */
static bool fn_call(struct call *c, struct value *ret)
{
    (void)ret;
    if (c->args[0].kind == VALUE_NIL)
        return call_fail(c, "call of nil");
    struct text callee = call_begin(c);
    if (c->first)
        node_print(c->first, &callee);
    else if (c->args[0].kind == VALUE_TEXT)
        text_put(&callee, c->args[0].text);
    else
        text_put(&callee, arena_printf(c->row->scratch, "<%s Value>", value_type(&c->args[0])));
    return call_fail(c, "non-function %.*s of type %s", BOLE_SLICE_ARG(text_slice(&callee)), value_type(&c->args[0]));
}

/* ---- printing ---- */

static bool fn_print(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    template_print(c->args, c->arg_count, c->func->detail, &out);
    return call_finish(c, &out, ret);
}

static bool fn_printf(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    template_printf(c, c->args[0].text, c->args + 1, c->arg_count - 1, &out);
    return call_finish(c, &out, ret);
}

/* ---- escaping ---- */

static bole_slice argument_text(struct call *c, bool *ret_fits)
{
    *ret_fits = true;
    if (c->arg_count == 1 && c->args[0].kind == VALUE_TEXT)
        return c->args[0].text;
    struct text out = call_begin(c);
    for (size_t i = 0; i < c->arg_count; i++) {
        struct value *v = &c->args[i];
        if (v->kind == VALUE_NIL)
            *v = value_text(S("<no value>")); /* what a template prints for it */
    }
    template_print(c->args, c->arg_count, false, &out);
    *ret_fits = !out.failed;
    return text_slice(&out);
}

static bole_slice html_escape(uint8_t c)
{
    switch (c) {
    case 0: return S("\xef\xbf\xbd");
    case '"': return S("&#34;");
    case '\'': return S("&#39;");
    case '&': return S("&amp;");
    case '<': return S("&lt;");
    case '>': return S("&gt;");
    default: return (bole_slice){0};
    }
}

static bool fn_html(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    bool fits;
    bole_slice s = argument_text(c, &fits);
    size_t done = 0;
    for (size_t i = 0; i < s.len && !out.failed; i++) {
        bole_slice escape = html_escape(s.ptr[i]);
        if (!escape.len)
            continue;
        text_put(&out, (bole_slice){s.ptr + done, i - done});
        text_put(&out, escape);
        done = i + 1;
    }
    text_put(&out, bole_slice_sub(s, done));
    out.failed |= !fits;
    return call_finish(c, &out, ret);
}

static void put_js(struct text *out, bole_slice rune, uint32_t c)
{
    char text[16];
    const char *hit = c && c < 0x80 ? strchr("\\'\"", (int)c) : NULL;
    bool special = c < ' ' || (c < 0x80 && strchr("<>&=", (int)c)) || (c >= 0x80 && !letter_is_print(c));
    if (hit)
        text_put(out, S("\\"));
    if (!special) {
        text_put(out, rune);
        return;
    }
    int n = snprintf(text, sizeof text, "\\u%04X", c);
    text_put(out, (bole_slice){(const uint8_t *)text, (size_t)n});
}

static bool fn_js(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    bool fits;
    bole_slice s = argument_text(c, &fits);
    for (size_t n; s.len && !out.failed; s = bole_slice_sub(s, n)) {
        uint32_t rune = utf8_decode(s.ptr, s.len, &n);
        put_js(&out, (bole_slice){s.ptr, n}, rune);
    }
    out.failed |= !fits;
    return call_finish(c, &out, ret);
}

static bool fn_urlquery(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    bool fits;
    text_put_url(&out, argument_text(c, &fits));
    out.failed |= !fits;
    return call_finish(c, &out, ret);
}

/* ---- the table ---- */

const struct template_func template_go_funcs[] = {
    {"eq", fn_eq, 1, ARGS_MANY, "v", .detail = EQ}, {"ne", fn_compare, 2, 2, "vv", .detail = NE},
    {"lt", fn_compare, 2, 2, "vv", .detail = LT}, {"le", fn_compare, 2, 2, "vv", .detail = LE},
    {"gt", fn_compare, 2, 2, "vv", .detail = GT}, {"ge", fn_compare, 2, 2, "vv", .detail = GE},
    {"and", fn_logic, 1, ARGS_MANY, "v", .detail = false}, {"or", fn_logic, 1, ARGS_MANY, "v", .detail = true},
    {"not", fn_not, 1, 1, "v"}, {"len", fn_len, 1, 1, "v"}, {"index", fn_index, 1, ARGS_MANY, "v"},
    {"slice", fn_slice, 1, ARGS_MANY, "v"}, {"call", fn_call, 1, ARGS_MANY, "v"},
    {"print", fn_print, 0, ARGS_MANY, "*"}, {"println", fn_print, 0, ARGS_MANY, "*", .detail = 1},
    {"printf", fn_printf, 1, ARGS_MANY, "s*"}, {"html", fn_html, 0, ARGS_MANY, "*"}, {"js", fn_js, 0, ARGS_MANY, "*"},
    {"urlquery", fn_urlquery, 0, ARGS_MANY, "*"},
    {0},
};
