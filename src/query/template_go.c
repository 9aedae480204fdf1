/* template_go.c - the functions that every Go template has: comparison, logic, printing. */
#include <stdio.h>

#include "query/template_impl.h"

/* ---- Go's own ---- */

enum { EQ, NE, LT, LE, GT, GE };

static bool compare(const struct value *a, const struct value *b, int *ret_order)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case VALUE_TEXT: *ret_order = bole_slice_cmp(a->text, b->text); return true;
    case VALUE_FLOAT: *ret_order = (a->number > b->number) - (a->number < b->number); return true;
    case VALUE_BOOL: *ret_order = a->truth - b->truth; return true;
    default: *ret_order = (a->integer > b->integer) - (a->integer < b->integer); return true;
    }
}

static bool fn_compare(struct call *c, struct value *ret)
{
    bool result = false;
    for (size_t i = 1; i < c->arg_count && !result; i++) {
        int order;
        if (!compare(&c->args[0], &c->args[i], &order))
            return call_fail(c, "incompatible types for comparison");
        switch (c->func->detail) {
        case EQ: result = order == 0; break;
        case NE: result = order != 0; break;
        case LT: result = order < 0; break;
        case LE: result = order <= 0; break;
        case GT: result = order > 0; break;
        default: result = order >= 0;
        }
    }
    *ret = value_bool(result);
    return true;
}

/* The first argument that decides, else the last: values, not booleans, as in Go. */
static bool fn_logic(struct call *c, struct value *ret)
{
    bool stop_at = c->func->detail;
    size_t i = 0;
    while (i + 1 < c->arg_count && value_is_true(&c->args[i]) != stop_at)
        i++;
    *ret = c->args[i];
    return true;
}

static bool fn_not(struct call *c, struct value *ret)
{
    *ret = value_bool(!value_is_true(&c->args[0]));
    return true;
}

static bool fn_len(struct call *c, struct value *ret)
{
    *ret = value_int((int64_t)c->args[0].text.len);
    return true;
}

static bool fn_print(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    for (size_t i = 0; i < c->arg_count; i++) {
        bool blank = c->func->detail || (i && c->args[i].kind != VALUE_TEXT && c->args[i - 1].kind != VALUE_TEXT);
        if (i && blank)
            text_put(&out, S(" "));
        value_print(&c->args[i], &out);
    }
    if (c->func->detail)
        text_put(&out, S("\n"));
    return call_finish(c, &out, ret);
}

enum {
    WIDTH_MAX = 1000000,   /* of a verb, and of the precision of %s: Go's */
    PRECISION_MAX = 1000,  /* of a number: digits that are computed */
    DIGITS_MAX = 310,      /* in front of the point of the largest double, and a sign */
};

/* One verb with its flags, width and precision: %-10s %05.2f %d %x %v %t. */
struct verb {
    bool   left, zero;
    size_t width;
    int    precision; /* -1: none */
    char   letter;
};

/* Digits, all of them; more than WIDTH_MAX stays that and one. */
static bole_slice take_count(bole_slice s, int *ret)
{
    for (*ret = 0; s.len && s.ptr[0] >= '0' && s.ptr[0] <= '9'; s = bole_slice_sub(s, 1))
        *ret = *ret > WIDTH_MAX ? *ret : *ret * 10 + (s.ptr[0] - '0');
    return s;
}

static bole_slice take_verb(bole_slice s, struct verb *ret)
{
    *ret = (struct verb){.precision = -1};
    for (; s.len && (s.ptr[0] == '-' || s.ptr[0] == '0'); s = bole_slice_sub(s, 1)) {
        ret->left |= s.ptr[0] == '-';
        ret->zero |= s.ptr[0] == '0';
    }
    int width;
    s = take_count(s, &width);
    ret->width = (size_t)width;
    if (s.len && s.ptr[0] == '.')
        s = take_count(bole_slice_sub(s, 1), &ret->precision);
    ret->letter = s.len ? (char)s.ptr[0] : 0;
    return bole_slice_sub(s, 1);
}

static unsigned long long magnitude(int64_t v)
{
    return v < 0 ? 0 - (unsigned long long)v : (unsigned long long)v;
}

/* False: the verb does not fit the value, or asks for too much. */
static bool put_verb(struct call *c, const struct verb *verb, const struct value *v, struct text *out)
{
    char number[DIGITS_MAX + 1 + PRECISION_MAX + 1];
    struct text body = call_begin(c);
    bool is_number = v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
    int n = -1, digits = verb->precision < 0 ? 6 : verb->precision;
    if (verb->width > WIDTH_MAX || verb->precision > (is_number ? PRECISION_MAX : WIDTH_MAX))
        return false;
    switch (verb->letter) {
    case 'v': case 's': case 't':
        value_print(v, &body);
        if (verb->precision >= 0 && verb->letter == 's' && body.len > (size_t)verb->precision)
            body.len = text_rune_offset(text_slice(&body), (size_t)verb->precision);
        break;
    case 'd':
        if (v->kind != VALUE_INT)
            return false;
        value_print(v, &body);
        break;
    case 'f': case 'e':
        if (is_number)
            n = snprintf(number, sizeof number, verb->letter == 'f' ? "%.*f" : "%.*e", digits, value_to_float(v));
        break;
    case 'x':
        if (v->kind == VALUE_INT)
            n = snprintf(number, sizeof number, "%s%llx", v->integer < 0 ? "-" : "", magnitude(v->integer));
        break;
    default: return false;
    }
    if (strchr("fex", verb->letter) && n < 0)
        return false;
    if (n >= 0)
        text_put(&body, (bole_slice){(const uint8_t *)number, (size_t)n});
    bole_slice s = text_slice(&body);
    size_t runes = text_runes(s), missing = verb->width > runes ? verb->width - runes : 0;
    bool negative = verb->zero && is_number && s.len && s.ptr[0] == '-';
    if (negative)
        text_put(out, S("-"));
    text_put_times(out, verb->zero && is_number ? S("0") : S(" "), verb->left ? 0 : missing);
    text_put(out, bole_slice_sub(s, negative));
    text_put_times(out, S(" "), verb->left ? missing : 0);
    return true;
}

static bool fn_printf(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    bole_slice s = c->args[0].text;
    size_t used = 1;
    while (s.len) {
        const uint8_t *percent = memchr(s.ptr, '%', s.len);
        size_t plain = percent ? (size_t)(percent - s.ptr) : s.len;
        text_put(&out, (bole_slice){s.ptr, plain});
        s = bole_slice_sub(s, plain + 1);
        if (!percent)
            break;
        struct verb verb;
        s = take_verb(s, &verb);
        if (verb.letter == '%')
            text_put(&out, S("%"));
        else if (used >= c->arg_count || !put_verb(c, &verb, &c->args[used++], &out))
            return call_fail(c, "bad verb, width or missing argument");
    }
    return call_finish(c, &out, ret);
}

/* ---- the table ---- */

const struct template_func template_go_funcs[] = {
    {"eq", fn_compare, 2, ARGS_MANY, "*", .detail = EQ}, {"ne", fn_compare, 2, 2, "*", .detail = NE},
    {"lt", fn_compare, 2, 2, "*", .detail = LT}, {"le", fn_compare, 2, 2, "*", .detail = LE},
    {"gt", fn_compare, 2, 2, "*", .detail = GT}, {"ge", fn_compare, 2, 2, "*", .detail = GE},
    {"and", fn_logic, 1, ARGS_MANY, "*", .detail = false}, {"or", fn_logic, 1, ARGS_MANY, "*", .detail = true},
    {"not", fn_not, 1, 1, "*"}, {"len", fn_len, 1, 1, "s"}, {"print", fn_print, 0, ARGS_MANY, "*"},
    {"println", fn_print, 0, ARGS_MANY, "*", .detail = 1}, {"printf", fn_printf, 1, ARGS_MANY, "s*"},
    {0},
};
