/* template_value.c - values: their types, their truth, their conversions, and how Go's %v prints them. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/timefmt.h"
#include "base/utf8.h"
#include "query/template/letters.h"
#include "query/template/template_impl.h"
#include "shim/number.h"

/* ---- types ---- */

const char *value_type(const struct value *v)
{
    static const char *const ints[] = {"int", "int64", "uint8", "time.Duration", "time.Month", "time.Weekday"};
    switch (v->kind) {
    case VALUE_NIL: case VALUE_MISSING: return "nil";
    case VALUE_TEXT: return "string";
    case VALUE_INT: return ints[v->int_type];
    case VALUE_FLOAT: return "float64";
    case VALUE_BOOL: return "bool";
    case VALUE_TIME: return "time.Time";
    case VALUE_LIST: return "[]interface {}";
    case VALUE_ROW: return "map[string]string";
    case VALUE_MAP: return v->map->is_text ? "map[string]string" : "map[string]interface {}";
    }
    return "";
}

const char *value_static_type(const struct value *v)
{
    return v->boxed ? "interface {}" : value_type(v);
}

bool value_is_true(const struct value *v)
{
    switch (v->kind) {
    case VALUE_NIL: case VALUE_MISSING: return false;
    case VALUE_TEXT: return v->text.len > 0;
    case VALUE_INT: return v->integer != 0;
    case VALUE_FLOAT: return v->number != 0;
    case VALUE_BOOL: return v->truth;
    case VALUE_TIME: return true;
    case VALUE_LIST: return v->list.count > 0;
    case VALUE_MAP: return v->map->count > 0;
    case VALUE_ROW: return true;
    }
    return false;
}

int value_entry_cmp(const void *a, const void *b)
{
    const struct value_entry *x = a, *y = b;
    return bole_slice_cmp(x->key, y->key);
}

const struct value *value_map_find(const struct value_map *m, bole_slice key)
{
    struct value_entry wanted = {.key = key};
    const struct value_entry *hit =
        m->count ? bsearch(&wanted, m->entries, m->count, sizeof wanted, value_entry_cmp) : NULL;
    return hit ? &hit->value : NULL;
}

/* ---- conversions ---- */

/* Digits without their underscores, which stand between digits only; a prefix counts as one. */
static bool clean_digits(bole_slice s, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '_') {
            if (n + 1 >= size)
                return false;
            out[n++] = (char)s.ptr[i];
        } else if (i == 0 || i + 1 == s.len || s.ptr[i + 1] == '_') {
            return false;
        }
    }
    out[n] = 0;
    return n > 0;
}

bool value_parse_uint(bole_slice s, uint64_t *ret)
{
    char text[80];
    if (!clean_digits(s, text, sizeof text))
        return false;
    const char *p = text;
    int base = 10;
    if (p[0] == '0' && p[1]) {
        char c = (char)(p[1] | 0x20);
        base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
        p += c == 'x' || c == 'b' || c == 'o' ? 2 : 1;
    }
    char *end;
    if (!((*p >= '0' && *p <= '9') || (base == 16 && (*p | 0x20) >= 'a' && (*p | 0x20) <= 'f')))
        return false;
    if (p[0] == '0' && (p[1] | 0x20) == 'x') /* strtoull would take a second prefix */
        return false;
    errno = 0;
    *ret = strtoull(p, &end, base);
    return *end == 0 && errno == 0;
}

static bool parse_int(bole_slice s, int64_t *ret)
{
    uint64_t magnitude;
    bool sign = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+'), negative = sign && s.ptr[0] == '-';
    if (!value_parse_uint(bole_slice_sub(s, sign), &magnitude) || magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *ret = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

/* "12.34" without its fraction, when it is nothing but that. */
static bole_slice cut_decimals(bole_slice s)
{
    size_t i = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+'), whole;
    while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9')
        i++;
    whole = i;
    if (i == s.len || s.ptr[i] != '.')
        return s;
    for (i++; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return s;
    bool has_digits = whole && s.ptr[whole - 1] >= '0' && s.ptr[whole - 1] <= '9';
    return has_digits ? (bole_slice){s.ptr, whole} : S("0");
}

double value_to_float(const struct value *v)
{
    double d = 0;
    switch (v->kind) {
    case VALUE_TEXT: return number_parse(v->text, &d) ? d : 0;
    case VALUE_INT: return (double)v->integer;
    case VALUE_FLOAT: return v->number;
    case VALUE_BOOL: return v->truth;
    default: return 0;
    }
}

int64_t value_to_int(const struct value *v)
{
    int64_t i = 0;
    switch (v->kind) {
    case VALUE_TEXT: return parse_int(cut_decimals(v->text), &i) ? i : 0;
    case VALUE_INT: return v->integer;
    case VALUE_FLOAT: /* what Go does with floats that are too large on amd64 */
        return v->number >= -9223372036854775808.0 && v->number < 9223372036854775808.0 ? (int64_t)v->number : INT64_MIN;
    case VALUE_BOOL: return v->truth;
    default: return 0;
    }
}

/* ---- printing ---- */

static const char hex_digits[] = "0123456789abcdef";

static void put_hex_escape(struct text *out, char letter, uint32_t value, int digits)
{
    uint8_t text[10] = {'\\', (uint8_t)letter};
    for (int i = 0; i < digits; i++)
        text[2 + i] = (uint8_t)hex_digits[value >> (4 * (digits - 1 - i)) & 15];
    text_put(out, (bole_slice){text, (size_t)digits + 2});
}

static void put_quoted_rune(struct text *out, uint32_t c, uint8_t quote, bool ascii_only)
{
    static const char letters[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
    uint8_t bytes[4] = {'\\'};
    const char *hit = c && c < 0x80 ? strchr(values, (int)c) : NULL;
    if (c == quote || c == '\\') {
        bytes[1] = (uint8_t)c;
        text_put(out, (bole_slice){bytes, 2});
    } else if (c < 0x80 || !ascii_only ? letter_is_print(c) : false) {
        text_put(out, (bole_slice){bytes, utf8_encode(c, bytes)});
    } else if (hit) {
        bytes[1] = (uint8_t)letters[hit - values];
        text_put(out, (bole_slice){bytes, 2});
    } else if (c < ' ' || c == 0x7f) {
        put_hex_escape(out, 'x', c, 2);
    } else {
        put_hex_escape(out, c < 0x10000 ? 'u' : 'U', c, c < 0x10000 ? 4 : 8);
    }
}

void value_quote(struct text *out, bole_slice s, bool ascii_only)
{
    text_put(out, S("\""));
    while (s.len && !out->failed) {
        size_t n;
        uint32_t c = utf8_decode(s.ptr, s.len, &n);
        if (c == 0xfffd && n == 1)
            put_hex_escape(out, 'x', s.ptr[0], 2);
        else
            put_quoted_rune(out, c, '"', ascii_only);
        s = bole_slice_sub(s, n);
    }
    text_put(out, S("\""));
}

void value_quote_rune(struct text *out, uint32_t rune, bool ascii_only)
{
    bool is_bad = rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000);
    text_put(out, S("'"));
    put_quoted_rune(out, is_bad ? 0xfffd : rune, '\'', ascii_only);
    text_put(out, S("'"));
}

static void put_number(struct text *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put_number(struct text *out, const char *fmt, ...)
{
    char text[40];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    text_put(out, (bole_slice){(const uint8_t *)text, (size_t)n});
}

/* Of a type that has String(): false for the others. */
bool value_string(const struct value *v, struct text *out)
{
    char text[TIME_TEXT_MAX];
    const char *name = NULL;
    if (v->kind == VALUE_TIME) {
        gotime_print(&v->time, S("2006-01-02 15:04:05.999999999 -0700 MST"), out);
        return true;
    }
    if (v->kind != VALUE_INT)
        return false;
    switch (v->int_type) {
    case INT_DURATION:
        text_put(out, (bole_slice){(const uint8_t *)text, duration_format(v->integer, text)});
        return true;
    case INT_MONTH:
        name = gotime_month_name(v->integer);
        if (!name)
            put_number(out, "%%!Month(%lld)", (long long)v->integer);
        break;
    case INT_WEEKDAY:
        name = gotime_weekday_name(v->integer);
        if (!name)
            put_number(out, "%%!Weekday(%lld)", (long long)v->integer);
        break;
    default: return false;
    }
    text_put(out, bole_slice_str(name));
    return true;
}

static void print_map(const struct value_map *m, struct text *out)
{
    text_put(out, S("map["));
    for (size_t i = 0; i < m->count && !out->failed; i++) {
        if (i)
            text_put(out, S(" "));
        text_put(out, m->entries[i].key);
        text_put(out, S(":"));
        value_print(&m->entries[i].value, out);
    }
    text_put(out, S("]"));
}

void value_print(const struct value *v, struct text *out)
{
    char text[NUMBER_TEXT_MAX];
    switch (v->kind) {
    case VALUE_TEXT: text_put(out, v->text); return;
    case VALUE_BOOL: text_put(out, v->truth ? S("true") : S("false")); return;
    case VALUE_FLOAT: text_put(out, (bole_slice){(const uint8_t *)text, number_format_g(v->number, text)}); return;
    case VALUE_INT:
        if (!value_string(v, out))
            put_number(out, "%lld", (long long)v->integer);
        return;
    case VALUE_TIME: value_string(v, out); return;
    case VALUE_MAP: print_map(v->map, out); return;
    case VALUE_LIST:
        text_put(out, S("["));
        for (size_t i = 0; i < v->list.count && !out->failed; i++) {
            if (i)
                text_put(out, S(" "));
            value_print(&v->list.items[i], out);
        }
        text_put(out, S("]"));
        return;
    default: text_put(out, S("<nil>")); return;
    }
}
