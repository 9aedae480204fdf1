/*
 * template_funcs.c - the functions of templates: Loki's own names first, then sprig's, then Go's comparison and printing.
 *
 * Conversions follow sprig: where a number is wanted, text that is none counts as 0.
 */
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/timefmt.h"
#include "base/utf8.h"
#include "query/gotime.h"
#include "query/template_impl.h"
#include "query/units.h"
#include "shim/number.h"

/* ---- values ---- */

void value_print(const struct value *v, struct text *out)
{
    char text[NUMBER_TEXT_MAX];
    size_t n = 0;
    switch (v->kind) {
    case VALUE_TEXT: text_put(out, v->text); return;
    case VALUE_INT: n = (size_t)snprintf(text, sizeof text, "%lld", (long long)v->integer); break;
    case VALUE_FLOAT: n = number_format_g(v->number, text); break;
    case VALUE_BOOL: text_put(out, v->truth ? S("true") : S("false")); return;
    case VALUE_TIME: n = gotime_format(v->integer, S("2006-01-02 15:04:05.999999999 -0700 MST"), text, sizeof text); break;
    }
    text_put(out, (bole_slice){(const uint8_t *)text, n});
}

bool value_is_true(const struct value *v)
{
    switch (v->kind) {
    case VALUE_TEXT: return v->text.len > 0;
    case VALUE_INT: return v->integer != 0;
    case VALUE_FLOAT: return v->number != 0;
    case VALUE_BOOL: return v->truth;
    case VALUE_TIME: return true;
    }
    return false;
}

static struct value text_value(bole_slice s) { return (struct value){.kind = VALUE_TEXT, .text = s}; }
static struct value int_value(int64_t v) { return (struct value){.kind = VALUE_INT, .integer = v, .number = (double)v}; }
static struct value float_value(double v) { return (struct value){.kind = VALUE_FLOAT, .number = v}; }
static struct value bool_value(bool v) { return (struct value){.kind = VALUE_BOOL, .truth = v}; }

static double to_float(const struct value *v)
{
    double d = 0;
    switch (v->kind) {
    case VALUE_TEXT: return number_parse(v->text, &d) ? d : 0;
    case VALUE_INT: return (double)v->integer;
    case VALUE_FLOAT: return v->number;
    case VALUE_BOOL: return v->truth;
    case VALUE_TIME: return 0;
    }
    return 0;
}

static int64_t to_int(const struct value *v)
{
    if (v->kind == VALUE_INT)
        return v->integer;
    double d = to_float(v);
    return d >= -9.2e18 && d <= 9.2e18 ? (int64_t)d : 0;
}

static bool fail(struct call *c, const char *what)
{
    bole_fail(c->err, BOLE_E_INVALID, "template: error calling %s: %s", c->func->name, what);
    return false;
}

/* Text built for a result; false when it found no room. */
static struct text begin(struct call *c)
{
    return text_begin(c->row->scratch, TEMPLATE_OUTPUT_MAX);
}

static bool finish(struct call *c, const struct text *t, struct value *ret)
{
    *ret = text_value(text_slice(t));
    return t->failed ? fail(c, "the result is too large") : true;
}

/* ---- text ---- */

enum { LOWER, UPPER, TITLE };

static bool fn_case(struct call *c, struct value *ret)
{
    bole_slice s = row_copy(c->row, c->args[0].text);
    uint8_t *p = (uint8_t *)s.ptr;
    bool word_begins = true;
    for (size_t i = 0; i < s.len; i++) {
        bool lower = p[i] >= 'a' && p[i] <= 'z', upper = p[i] >= 'A' && p[i] <= 'Z';
        if (c->func->detail == LOWER ? upper : lower && (c->func->detail == UPPER || word_begins))
            p[i] ^= 0x20;
        word_begins = p[i] == ' ' || p[i] == '\t' || p[i] == '\n';
    }
    *ret = text_value(s);
    return true;
}

enum { TRIM_LEFT = 1, TRIM_RIGHT = 2 };

static bool in_set(uint8_t c, bole_slice set)
{
    return set.len && memchr(set.ptr, c, set.len);
}

static bole_slice trim_set(bole_slice s, bole_slice set, int sides)
{
    while ((sides & TRIM_LEFT) && s.len && in_set(s.ptr[0], set))
        s = bole_slice_sub(s, 1);
    while ((sides & TRIM_RIGHT) && s.len && in_set(s.ptr[s.len - 1], set))
        s.len--;
    return s;
}

static bool fn_trim_space(struct call *c, struct value *ret)
{
    *ret = text_value(trim_set(c->args[0].text, S(" \t\n\v\f\r"), TRIM_LEFT | TRIM_RIGHT));
    return true;
}

static bool fn_trim_set(struct call *c, struct value *ret) /* (s, set): Go's order */
{
    *ret = text_value(trim_set(c->args[0].text, c->args[1].text, c->func->detail));
    return true;
}

static bool fn_trim_all(struct call *c, struct value *ret) /* (set, s): sprig's order */
{
    *ret = text_value(trim_set(c->args[1].text, c->args[0].text, TRIM_LEFT | TRIM_RIGHT));
    return true;
}

static bole_slice trim_affix(bole_slice s, bole_slice affix, int side)
{
    if (s.len < affix.len)
        return s;
    bole_slice end = {s.ptr + (side == TRIM_LEFT ? 0 : s.len - affix.len), affix.len};
    if (!bole_slice_eq(end, affix))
        return s;
    return side == TRIM_LEFT ? bole_slice_sub(s, affix.len) : (bole_slice){s.ptr, s.len - affix.len};
}

static bool fn_trim_affix(struct call *c, struct value *ret)
{
    *ret = text_value(trim_affix(c->args[0].text, c->args[1].text, c->func->detail));
    return true;
}

static bool fn_trim_affix_sprig(struct call *c, struct value *ret)
{
    *ret = text_value(trim_affix(c->args[1].text, c->args[0].text, c->func->detail));
    return true;
}

static bool replace(struct call *c, bole_slice s, bole_slice old, bole_slice new, int64_t limit, struct value *ret)
{
    struct text out = begin(c);
    while (old.len && limit != 0) {
        const uint8_t *hit = s.len ? memmem(s.ptr, s.len, old.ptr, old.len) : NULL;
        if (!hit)
            break;
        size_t before = (size_t)(hit - s.ptr);
        text_put(&out, (bole_slice){s.ptr, before});
        text_put(&out, new);
        s = bole_slice_sub(s, before + old.len);
        limit--;
    }
    text_put(&out, s);
    return finish(c, &out, ret);
}

static bool fn_replace(struct call *c, struct value *ret) /* Replace s old new n */
{
    return replace(c, c->args[0].text, c->args[1].text, c->args[2].text, c->args[3].integer, ret);
}

static bool fn_replace_sprig(struct call *c, struct value *ret) /* replace old new s */
{
    return replace(c, c->args[2].text, c->args[0].text, c->args[1].text, -1, ret);
}

enum { CONTAINS, HAS_PREFIX, HAS_SUFFIX };

static bool fn_contains(struct call *c, struct value *ret)
{
    bole_slice part = c->args[0].text, s = c->args[1].text;
    bool found = part.len == 0;
    if (!found && s.len >= part.len)
        switch (c->func->detail) {
        case CONTAINS: found = memmem(s.ptr, s.len, part.ptr, part.len) != NULL; break;
        case HAS_PREFIX: found = bole_slice_starts(s, part); break;
        default: found = memcmp(s.ptr + s.len - part.len, part.ptr, part.len) == 0;
        }
    *ret = bool_value(found);
    return true;
}

static bool fn_repeat(struct call *c, struct value *ret)
{
    struct text out = begin(c);
    for (int64_t i = 0; i < c->args[0].integer && !out.failed && c->args[1].text.len; i++)
        text_put(&out, c->args[1].text);
    return finish(c, &out, ret);
}

/* Bytes, as sprig's substr; out of range is cut to the text. */
static bole_slice cut(bole_slice s, int64_t from, int64_t to)
{
    int64_t len = (int64_t)s.len;
    from = from < 0 ? 0 : from > len ? len : from;
    to = to < from ? from : to > len ? len : to;
    return (bole_slice){s.ptr + from, (size_t)(to - from)};
}

static bool fn_substr(struct call *c, struct value *ret)
{
    bole_slice s = c->args[2].text;
    int64_t to = c->args[1].integer < 0 ? (int64_t)s.len : c->args[1].integer;
    *ret = text_value(s.len ? cut(s, c->args[0].integer, to) : s);
    return true;
}

static bool fn_trunc(struct call *c, struct value *ret)
{
    int64_t n = c->args[0].integer, len = (int64_t)c->args[1].text.len;
    bole_slice s = c->args[1].text;
    *ret = text_value(!s.len ? s : n >= 0 ? cut(s, 0, n) : cut(s, n < -len ? 0 : len + n, len));
    return true;
}

static bool fn_indent(struct call *c, struct value *ret)
{
    struct text out = begin(c);
    bole_slice s = c->args[1].text;
    int64_t width = c->args[0].integer < 1000 ? c->args[0].integer : 1000;
    for (bool more = true; more;) {
        const uint8_t *end = s.len ? memchr(s.ptr, '\n', s.len) : NULL;
        if (out.len || c->func->detail)
            text_put(&out, S("\n"));
        for (int64_t i = 0; i < width; i++)
            text_put(&out, S(" "));
        text_put(&out, (bole_slice){s.ptr, end ? (size_t)(end - s.ptr) : s.len});
        more = end != NULL;
        s = end ? bole_slice_sub(s, (size_t)(end - s.ptr) + 1) : s;
    }
    return finish(c, &out, ret);
}

static size_t rune_count(bole_slice s)
{
    size_t runes = 0;
    for (size_t i = 0; i < s.len; runes++) {
        size_t n = utf8_length(s.ptr + i, s.len - i);
        i += n ? n : 1;
    }
    return runes;
}

/* Where rune `index` begins. */
static size_t rune_offset(bole_slice s, size_t index)
{
    size_t i = 0;
    for (; i < s.len && index; index--) {
        size_t n = utf8_length(s.ptr + i, s.len - i);
        i += n ? n : 1;
    }
    return i;
}

/* Cut or padded to a width; alignRight keeps the end. */
static bool fn_align(struct call *c, struct value *ret)
{
    struct text out = begin(c);
    bole_slice s = c->args[1].text;
    size_t runes = rune_count(s), width = c->args[0].integer > 0 ? (size_t)c->args[0].integer : 0;
    bool right = c->func->detail;
    if (width > TEMPLATE_OUTPUT_MAX)
        return fail(c, "the result is too large");
    if (runes >= width) {
        size_t at = rune_offset(s, right ? runes - width : width);
        *ret = text_value(right ? bole_slice_sub(s, at) : (bole_slice){s.ptr, at});
        return true;
    }
    if (!right)
        text_put(&out, s);
    for (size_t i = runes; i < width; i++)
        text_put(&out, S(" "));
    if (right)
        text_put(&out, s);
    return finish(c, &out, ret);
}

static bool fn_regex_replace(struct call *c, struct value *ret)
{
    struct text out = begin(c);
    text_put_replaced(&out, c->regex, c->args[1].text, c->args[2].text, c->func->detail);
    return finish(c, &out, ret);
}

static bool fn_count(struct call *c, struct value *ret)
{
    bole_slice s = c->args[1].text, match;
    int64_t n = 0;
    if (!s.ptr)
        s = S("");
    for (size_t at = 0; at <= s.len && regex_find(c->regex, s, at, &match, 1); n++)
        at = (size_t)(match.ptr - s.ptr) + (match.len ? match.len : 1);
    *ret = int_value(n);
    return true;
}

static bool fn_default(struct call *c, struct value *ret)
{
    *ret = value_is_true(&c->args[1]) ? c->args[1] : c->args[0];
    return true;
}

/* ---- encodings ---- */

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool fn_b64enc(struct call *c, struct value *ret)
{
    struct text out = begin(c);
    bole_slice s = c->args[0].text;
    for (size_t i = 0; i < s.len; i += 3) {
        size_t n = s.len - i < 3 ? s.len - i : 3;
        uint32_t v = (uint32_t)s.ptr[i] << 16 | (n > 1 ? (uint32_t)s.ptr[i + 1] << 8 : 0) | (n > 2 ? s.ptr[i + 2] : 0);
        uint8_t four[4];
        for (size_t k = 0; k < 4; k++)
            four[k] = k <= n ? (uint8_t)base64_alphabet[v >> (18 - 6 * k) & 63] : '=';
        text_put(&out, (bole_slice){four, 4});
    }
    return finish(c, &out, ret);
}

static bool fn_b64dec(struct call *c, struct value *ret)
{
    struct text out = begin(c);
    bole_slice s = trim_set(c->args[0].text, S("="), TRIM_RIGHT);
    uint32_t v = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < s.len; i++) {
        const char *hit = s.ptr[i] ? strchr(base64_alphabet, s.ptr[i]) : NULL;
        if (!hit)
            return fail(c, "illegal base64 data");
        v = v << 6 | (uint32_t)(hit - base64_alphabet);
        bits += 6;
        if (bits >= 8) {
            uint8_t byte = (uint8_t)(v >> (bits - 8));
            text_put(&out, (bole_slice){&byte, 1});
            bits -= 8;
        }
    }
    return finish(c, &out, ret);
}

static bool fn_urlencode(struct call *c, struct value *ret)
{
    struct text out = begin(c);
    bole_slice s = c->args[0].text;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t b = s.ptr[i];
        bool plain = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || in_set(b, S("-_.~"));
        char hex[4];
        snprintf(hex, sizeof hex, "%%%02X", b);
        text_put(&out, plain ? (bole_slice){&b, 1} : b == ' ' ? S("+") : (bole_slice){(const uint8_t *)hex, 3});
    }
    return finish(c, &out, ret);
}

static int hex_value(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

static bool fn_urldecode(struct call *c, struct value *ret)
{
    struct text out = begin(c);
    bole_slice s = c->args[0].text;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t b = s.ptr[i] == '+' ? ' ' : s.ptr[i];
        if (b == '%') {
            int high = i + 2 < s.len ? hex_value(s.ptr[i + 1]) : -1, low = i + 2 < s.len ? hex_value(s.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return fail(c, "invalid URL escape");
            b = (uint8_t)(high << 4 | low);
            i += 2;
        }
        text_put(&out, (bole_slice){&b, 1});
    }
    return finish(c, &out, ret);
}

/* ---- numbers ---- */

static bool fn_bytes(struct call *c, struct value *ret)
{
    uint64_t v;
    if (units_bytes(c->args[0].text, &v, c->err) < 0)
        return false;
    *ret = float_value((double)v);
    return true;
}

static bool fn_duration(struct call *c, struct value *ret)
{
    int64_t ns;
    if (units_go_duration(c->args[0].text, &ns, c->err) < 0)
        return false;
    *ret = float_value((double)ns / NS_PER_S);
    return true;
}

static bool fn_convert(struct call *c, struct value *ret)
{
    *ret = c->func->detail ? float_value(to_float(&c->args[0])) : int_value(to_int(&c->args[0]));
    return true;
}

enum { ADD, SUBTRACT, MULTIPLY, DIVIDE, MODULO, MAXIMUM, MINIMUM };

static bool fn_int_math(struct call *c, struct value *ret)
{
    uint64_t v = (uint64_t)to_int(&c->args[0]); /* unsigned: wraps like Go's */
    for (size_t i = 1; i < c->arg_count; i++) {
        int64_t a = (int64_t)v, b = to_int(&c->args[i]);
        switch (c->func->detail) {
        case ADD: v += (uint64_t)b; break;
        case SUBTRACT: v -= (uint64_t)b; break;
        case MULTIPLY: v *= (uint64_t)b; break;
        case MAXIMUM: v = (uint64_t)(a > b ? a : b); break;
        case MINIMUM: v = (uint64_t)(a < b ? a : b); break;
        default:
            if (b == 0)
                return fail(c, "runtime error: integer divide by zero");
            v = b == -1 ? (c->func->detail == DIVIDE ? -v : 0) : (uint64_t)(c->func->detail == DIVIDE ? a / b : a % b);
        }
    }
    *ret = int_value((int64_t)v);
    return true;
}

static bool fn_float_math(struct call *c, struct value *ret)
{
    double v = to_float(&c->args[0]);
    for (size_t i = 1; i < c->arg_count; i++) {
        double b = to_float(&c->args[i]);
        switch (c->func->detail) {
        case ADD: v += b; break;
        case SUBTRACT: v -= b; break;
        case MULTIPLY: v *= b; break;
        case MAXIMUM: v = fmax(v, b); break;
        case MINIMUM: v = fmin(v, b); break;
        default:
            if (b == 0)
                return fail(c, "decimal division by 0");
            v /= b;
        }
    }
    *ret = float_value(v);
    return true;
}

static bool fn_ceil(struct call *c, struct value *ret)
{
    double v = to_float(&c->args[0]);
    *ret = float_value(c->func->detail ? ceil(v) : floor(v));
    return true;
}

static bool fn_round(struct call *c, struct value *ret) /* round value digits [half] */
{
    double v = to_float(&c->args[0]), half = c->arg_count > 2 ? to_float(&c->args[2]) : 0.5;
    double scale = pow(10, (double)to_int(&c->args[1])), shifted = v * scale, whole;
    double fraction = modf(shifted, &whole);
    *ret = float_value((fabs(fraction) >= half ? whole + (v < 0 ? -1 : 1) : whole) / scale);
    return true;
}

/* ---- the record itself, and time ---- */

static bool fn_line(struct call *c, struct value *ret)
{
    *ret = text_value(c->row->line);
    return true;
}

static bool fn_timestamp(struct call *c, struct value *ret)
{
    *ret = (struct value){.kind = VALUE_TIME, .integer = c->row->time_ns};
    return true;
}

static bool fn_unix(struct call *c, struct value *ret)
{
    if (c->args[0].kind != VALUE_TIME)
        return fail(c, "wrong type: a time is wanted");
    char text[32];
    int n = snprintf(text, sizeof text, "%lld", (long long)(c->args[0].integer / c->func->detail));
    bole_slice s = row_copy(c->row, (bole_slice){(const uint8_t *)text, (size_t)n});
    *ret = text_value(s);
    return true;
}

/* Seconds, milliseconds, microseconds or nanoseconds by the number of digits, as Loki does. */
static bool fn_unix_to_time(struct call *c, struct value *ret)
{
    int64_t v = to_int(&c->args[0]), scale = 0;
    switch (c->args[0].text.len) {
    case 5: scale = 86400 * NS_PER_S; break;
    case 10: scale = NS_PER_S; break;
    case 13: scale = NS_PER_MS; break;
    case 16: scale = NS_PER_US; break;
    case 19: scale = 1; break;
    default: return fail(c, "unable to parse time");
    }
    *ret = (struct value){.kind = VALUE_TIME};
    return __builtin_mul_overflow(v, scale, &ret->integer) ? fail(c, "unable to parse time") : true;
}

static bool fn_date(struct call *c, struct value *ret)
{
    char text[256];
    if (c->args[1].kind != VALUE_TIME)
        return fail(c, "wrong type: a time is wanted");
    size_t n = gotime_format(c->args[1].integer, c->args[0].text, text, sizeof text);
    *ret = text_value(row_copy(c->row, (bole_slice){(const uint8_t *)text, n}));
    return true;
}

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
            return fail(c, "incompatible types for comparison");
        switch (c->func->detail) {
        case EQ: result = order == 0; break;
        case NE: result = order != 0; break;
        case LT: result = order < 0; break;
        case LE: result = order <= 0; break;
        case GT: result = order > 0; break;
        default: result = order >= 0;
        }
    }
    *ret = bool_value(result);
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
    *ret = bool_value(!value_is_true(&c->args[0]));
    return true;
}

static bool fn_len(struct call *c, struct value *ret)
{
    *ret = int_value((int64_t)c->args[0].text.len);
    return true;
}

static bool fn_print(struct call *c, struct value *ret)
{
    struct text out = begin(c);
    for (size_t i = 0; i < c->arg_count; i++) {
        bool blank = c->func->detail || (i && c->args[i].kind != VALUE_TEXT && c->args[i - 1].kind != VALUE_TEXT);
        if (i && blank)
            text_put(&out, S(" "));
        value_print(&c->args[i], &out);
    }
    if (c->func->detail)
        text_put(&out, S("\n"));
    return finish(c, &out, ret);
}

static void pad(struct text *out, size_t count, char with)
{
    for (; count && !out->failed; count--)
        text_put(out, (bole_slice){(const uint8_t *)&with, 1});
}

/* One verb with its flags, width and precision: %-10s %05.2f %d %q %x %v %t. */
struct verb {
    bool   left, zero;
    size_t width;
    int    precision; /* -1: none */
    char   letter;
};

static bole_slice take_verb(bole_slice s, struct verb *ret)
{
    *ret = (struct verb){.precision = -1};
    for (; s.len && (s.ptr[0] == '-' || s.ptr[0] == '0'); s = bole_slice_sub(s, 1)) {
        ret->left |= s.ptr[0] == '-';
        ret->zero |= s.ptr[0] == '0';
    }
    for (; s.len && s.ptr[0] >= '0' && s.ptr[0] <= '9' && ret->width < 1000; s = bole_slice_sub(s, 1))
        ret->width = ret->width * 10 + (s.ptr[0] - '0');
    if (s.len && s.ptr[0] == '.') {
        ret->precision = 0;
        for (s = bole_slice_sub(s, 1); s.len && s.ptr[0] >= '0' && s.ptr[0] <= '9' && ret->precision < 100; s = bole_slice_sub(s, 1))
            ret->precision = ret->precision * 10 + (s.ptr[0] - '0');
    }
    ret->letter = s.len ? (char)s.ptr[0] : 0;
    return bole_slice_sub(s, 1);
}

/* False: the verb does not fit the value. */
static bool put_verb(struct call *c, const struct verb *verb, const struct value *v, struct text *out)
{
    char number[512];
    struct text body = begin(c);
    bool is_number = v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
    int n = -1;
    switch (verb->letter) {
    case 'v': case 's': case 't':
        value_print(v, &body);
        if (verb->precision >= 0 && verb->letter == 's' && body.len > (size_t)verb->precision)
            body.len = rune_offset(text_slice(&body), (size_t)verb->precision);
        break;
    case 'd':
        if (v->kind != VALUE_INT)
            return false;
        value_print(v, &body);
        break;
    case 'f': n = snprintf(number, sizeof number, "%.*f", verb->precision < 0 ? 6 : verb->precision, to_float(v)); break;
    case 'e': n = snprintf(number, sizeof number, "%.*e", verb->precision < 0 ? 6 : verb->precision, to_float(v)); break;
    case 'x': n = snprintf(number, sizeof number, "%llx", (unsigned long long)v->integer); break;
    default: return false;
    }
    if (n >= 0 && !is_number)
        return false;
    if (n >= 0)
        text_put(&body, (bole_slice){(const uint8_t *)number, (size_t)n});
    bole_slice s = text_slice(&body);
    size_t runes = rune_count(s), missing = verb->width > runes ? verb->width - runes : 0;
    bool negative = verb->zero && is_number && s.len && s.ptr[0] == '-';
    if (negative)
        text_put(out, S("-"));
    pad(out, verb->left ? 0 : missing, verb->zero && is_number ? '0' : ' ');
    text_put(out, bole_slice_sub(s, negative));
    pad(out, verb->left ? missing : 0, ' ');
    return true;
}

static bool fn_printf(struct call *c, struct value *ret)
{
    struct text out = begin(c);
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
            return fail(c, "bad verb or missing argument");
    }
    return finish(c, &out, ret);
}

/* ---- the table ---- */

enum { MANY = 255 };

static const struct template_func funcs[] = {
    {"ToLower", fn_case, 1, 1, "s", .detail = LOWER}, {"ToUpper", fn_case, 1, 1, "s", .detail = UPPER},
    {"lower", fn_case, 1, 1, "s", .detail = LOWER}, {"upper", fn_case, 1, 1, "s", .detail = UPPER},
    {"title", fn_case, 1, 1, "s", .detail = TITLE},
    {"TrimSpace", fn_trim_space, 1, 1, "s"}, {"trim", fn_trim_space, 1, 1, "s"},
    {"Trim", fn_trim_set, 2, 2, "ss", .detail = TRIM_LEFT | TRIM_RIGHT},
    {"TrimLeft", fn_trim_set, 2, 2, "ss", .detail = TRIM_LEFT}, {"TrimRight", fn_trim_set, 2, 2, "ss", .detail = TRIM_RIGHT},
    {"TrimPrefix", fn_trim_affix, 2, 2, "ss", .detail = TRIM_LEFT}, {"TrimSuffix", fn_trim_affix, 2, 2, "ss", .detail = TRIM_RIGHT},
    {"trimAll", fn_trim_all, 2, 2, "ss"},
    {"trimPrefix", fn_trim_affix_sprig, 2, 2, "ss", .detail = TRIM_LEFT},
    {"trimSuffix", fn_trim_affix_sprig, 2, 2, "ss", .detail = TRIM_RIGHT},
    {"Replace", fn_replace, 4, 4, "sssi"}, {"replace", fn_replace_sprig, 3, 3, "sss"},
    {"contains", fn_contains, 2, 2, "ss", .detail = CONTAINS}, {"hasPrefix", fn_contains, 2, 2, "ss", .detail = HAS_PREFIX},
    {"hasSuffix", fn_contains, 2, 2, "ss", .detail = HAS_SUFFIX},
    {"repeat", fn_repeat, 2, 2, "is"}, {"substr", fn_substr, 3, 3, "iis"}, {"trunc", fn_trunc, 2, 2, "is"},
    {"indent", fn_indent, 2, 2, "is"}, {"nindent", fn_indent, 2, 2, "is", .detail = 1},
    {"alignLeft", fn_align, 2, 2, "is"}, {"alignRight", fn_align, 2, 2, "is", .detail = 1},
    {"regexReplaceAll", fn_regex_replace, 3, 3, "sss", true}, {"regexReplaceAllLiteral", fn_regex_replace, 3, 3, "sss", true, 1},
    {"count", fn_count, 2, 2, "ss", true}, {"default", fn_default, 2, 2, "**"},
    {"b64enc", fn_b64enc, 1, 1, "s"}, {"b64dec", fn_b64dec, 1, 1, "s"},
    {"urlencode", fn_urlencode, 1, 1, "s"}, {"urldecode", fn_urldecode, 1, 1, "s"},
    {"bytes", fn_bytes, 1, 1, "s"}, {"duration", fn_duration, 1, 1, "s"}, {"duration_seconds", fn_duration, 1, 1, "s"},
    {"int", fn_convert, 1, 1, "n"}, {"float64", fn_convert, 1, 1, "n", .detail = 1},
    {"add", fn_int_math, 1, MANY, "n", .detail = ADD}, {"sub", fn_int_math, 2, 2, "n", .detail = SUBTRACT},
    {"mul", fn_int_math, 1, MANY, "n", .detail = MULTIPLY}, {"div", fn_int_math, 2, 2, "n", .detail = DIVIDE},
    {"mod", fn_int_math, 2, 2, "n", .detail = MODULO}, {"max", fn_int_math, 1, MANY, "n", .detail = MAXIMUM},
    {"min", fn_int_math, 1, MANY, "n", .detail = MINIMUM},
    {"addf", fn_float_math, 1, MANY, "n", .detail = ADD}, {"subf", fn_float_math, 1, MANY, "n", .detail = SUBTRACT},
    {"mulf", fn_float_math, 1, MANY, "n", .detail = MULTIPLY}, {"divf", fn_float_math, 1, MANY, "n", .detail = DIVIDE},
    {"maxf", fn_float_math, 1, MANY, "n", .detail = MAXIMUM}, {"minf", fn_float_math, 1, MANY, "n", .detail = MINIMUM},
    {"ceil", fn_ceil, 1, 1, "n", .detail = 1}, {"floor", fn_ceil, 1, 1, "n"}, {"round", fn_round, 2, 3, "n"},
    {"__line__", fn_line, 0, 0, ""}, {"__timestamp__", fn_timestamp, 0, 0, ""},
    {"unixEpoch", fn_unix, 1, 1, "*", .detail = 1000000000}, {"unixEpochMillis", fn_unix, 1, 1, "*", .detail = 1000000},
    {"unixEpochNanos", fn_unix, 1, 1, "*", .detail = 1}, {"unixToTime", fn_unix_to_time, 1, 1, "s"},
    {"date", fn_date, 2, 2, "s*"},
    {"eq", fn_compare, 2, MANY, "*", .detail = EQ}, {"ne", fn_compare, 2, 2, "*", .detail = NE},
    {"lt", fn_compare, 2, 2, "*", .detail = LT}, {"le", fn_compare, 2, 2, "*", .detail = LE},
    {"gt", fn_compare, 2, 2, "*", .detail = GT}, {"ge", fn_compare, 2, 2, "*", .detail = GE},
    {"and", fn_logic, 1, MANY, "*", .detail = false}, {"or", fn_logic, 1, MANY, "*", .detail = true},
    {"not", fn_not, 1, 1, "*"}, {"len", fn_len, 1, 1, "s"}, {"print", fn_print, 0, MANY, "*"},
    {"println", fn_print, 0, MANY, "*", .detail = 1}, {"printf", fn_printf, 1, MANY, "s*"},
};

const struct template_func *template_func_find(bole_slice name)
{
    for (size_t i = 0; i < sizeof funcs / sizeof funcs[0]; i++)
        if (bole_slice_eq(name, bole_slice_str(funcs[i].name)))
            return &funcs[i];
    return NULL;
}

bool template_func_call(struct call *c, struct value *ret)
{
    const char *wanted = c->func->args;
    for (size_t i = 0; i < c->arg_count; i++) {
        struct value *v = &c->args[i];
        if (*wanted == 's' && v->kind != VALUE_TEXT)
            return fail(c, "wrong type for value; expected string");
        if (*wanted == 'i' && v->kind != VALUE_INT)
            return fail(c, "wrong type for value; expected int");
        if (*wanted && wanted[1]) /* the last letter goes for all that follow */
            wanted++;
    }
    return c->func->fn(c, ret);
}
