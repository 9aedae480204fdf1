/*
 * template_printf.c - Go's fmt: Sprint, Sprintln and Sprintf with its flags, its argument indexes and what it writes where a
 * verb does not fit a value ("%!d(string=a)"): in Go that is text and no error.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "query/template/letters.h"
#include "query/template/template_impl.h"
#include "shim/number.h"

enum {
    COUNT_MAX   = 1000000, /* of width and precision: Go's */
    PRECISION_MAX = 1100,  /* of a float: digits behind it are zeros */
    FLOAT_SIZE  = 310 + PRECISION_MAX + 20,
};

struct printing {
    struct text        *out;
    struct arena       *arena;
    bole_slice          format;
    size_t              at;
    const struct value *args;
    size_t              arg_count, arg;
    bool                reordered, good_index, after_index;
    bool                plus, minus, sharp, space, zero, plus_v, sharp_v;
    bool                has_width, has_precision, is_error;
    int                 width, precision;
};

/* ---- padding ---- */

static void put_padding(struct printing *p, int n, bool zeros)
{
    if (n > 0)
        text_put_times(p->out, zeros && !p->minus ? S("0") : S(" "), (size_t)n);
}

static void put_padded(struct printing *p, bole_slice s, bool zeros)
{
    int runes = p->has_width && p->width ? (int)text_runes(s) : 0, missing = p->has_width ? p->width - runes : 0;
    if (!p->minus)
        put_padding(p, missing, zeros);
    text_put(p->out, s);
    if (p->minus)
        put_padding(p, missing, zeros);
}

static void print_value(struct printing *p, const struct value *v, uint32_t verb, unsigned depth);

static void put_verb(struct printing *p, uint32_t verb)
{
    uint8_t bytes[4];
    text_put(p->out, (bole_slice){bytes, utf8_encode(verb, bytes)});
}

static void put_str(struct printing *p, const char *s)
{
    text_put(p->out, bole_slice_str(s));
}

static void bad_verb(struct printing *p, const struct value *v, uint32_t verb)
{
    put_str(p, "%!");
    put_verb(p, verb);
    if (v->kind == VALUE_NIL) {
        put_str(p, "(<nil>)");
        return;
    }
    bool was_error = p->is_error;
    p->is_error = true;
    put_str(p, "(");
    put_str(p, value_type(v));
    put_str(p, "=");
    print_value(p, v, 'v', 0);
    put_str(p, ")");
    p->is_error = was_error;
}

/* ---- integers ---- */

static void put_unicode(struct printing *p, uint64_t v)
{
    struct text body = text_begin(p->arena, TEMPLATE_OUTPUT_MAX);
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llX", (unsigned long long)v);
    int precision = p->has_precision && p->precision > 4 ? p->precision : 4;
    text_put(&body, S("U+"));
    text_put_times(&body, S("0"), precision > n ? (size_t)(precision - n) : 0);
    text_put(&body, (bole_slice){(const uint8_t *)digits, (size_t)n});
    if (p->sharp && v <= 0x10ffff && letter_is_print((uint32_t)v)) {
        uint8_t bytes[4];
        text_put(&body, S(" '"));
        text_put(&body, (bole_slice){bytes, utf8_encode((uint32_t)v, bytes)});
        text_put(&body, S("'"));
    }
    p->out->failed |= body.failed;
    put_padded(p, text_slice(&body), false);
}

static size_t digits_of(uint64_t v, unsigned base, bool upper, char ret[72])
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    size_t n = 0;
    char reversed[72];
    do
        reversed[n++] = digits[v % base];
    while (v /= base);
    for (size_t i = 0; i < n; i++)
        ret[i] = reversed[n - 1 - i];
    return n;
}

static void put_integer(struct printing *p, uint64_t v, unsigned base, bool is_signed, uint32_t verb)
{
    struct text body = text_begin(p->arena, TEMPLATE_OUTPUT_MAX);
    char digits[72];
    bool negative = is_signed && (int64_t)v < 0;
    size_t precision = 0;
    v = negative ? 0 - v : v;
    if (p->has_precision) {
        precision = (size_t)p->precision;
        if (precision == 0 && v == 0) {
            put_padding(p, p->has_width ? p->width : 0, false);
            return;
        }
    } else if (p->zero && !p->minus && p->has_width) {
        int room = p->width - (negative || p->plus || p->space);
        precision = room > 0 ? (size_t)room : 0;
    }
    size_t n = digits_of(v, base, verb == 'X', digits), zeros = precision > n ? precision - n : 0;
    text_put(&body, negative ? S("-") : p->plus ? S("+") : p->space ? S(" ") : S(""));
    if (verb == 'O')
        text_put(&body, S("0o"));
    if (p->sharp && base == 2)
        text_put(&body, S("0b"));
    if (p->sharp && base == 16)
        text_put(&body, verb == 'X' ? S("0X") : S("0x"));
    if (p->sharp && base == 8 && !zeros && digits[0] != '0')
        text_put(&body, S("0"));
    text_put_times(&body, S("0"), zeros);
    text_put(&body, (bole_slice){(const uint8_t *)digits, n});
    p->out->failed |= body.failed;
    put_padded(p, text_slice(&body), false);
}

static void put_character(struct printing *p, uint64_t v, bool quoted)
{
    struct text body = text_begin(p->arena, 64);
    uint8_t bytes[4];
    uint32_t c = v > 0x10ffff ? 0xfffd : (uint32_t)v;
    if (quoted)
        value_quote_rune(&body, c, p->plus);
    else
        text_put(&body, (bole_slice){bytes, utf8_encode(c, bytes)});
    put_padded(p, text_slice(&body), p->zero);
}

static void print_integer(struct printing *p, const struct value *v, uint32_t verb)
{
    bool is_signed = v->int_type != INT_BYTE;
    uint64_t u = (uint64_t)v->integer;
    switch (verb) {
    case 'v':
        if (p->sharp_v && !is_signed) {
            p->sharp = true;
            put_integer(p, u, 16, false, 'v');
            p->sharp = false;
        } else {
            put_integer(p, u, 10, is_signed, verb);
        }
        return;
    case 'd': put_integer(p, u, 10, is_signed, verb); return;
    case 'b': put_integer(p, u, 2, is_signed, verb); return;
    case 'o': case 'O': put_integer(p, u, 8, is_signed, verb); return;
    case 'x': case 'X': put_integer(p, u, 16, is_signed, verb); return;
    case 'c': put_character(p, u, false); return;
    case 'q': put_character(p, u, true); return;
    case 'U': put_unicode(p, u); return;
    default: bad_verb(p, v, verb);
    }
}

/* ---- floats ---- */

/* The exponent of C's %a has no leading zero, Go's has two digits at least; and C writes the shortest as it likes. */
static int format_hex(double v, int precision, bool upper, char *out, size_t size)
{
    char text[FLOAT_SIZE];
    if (v == 0)
        precision = precision < 0 ? 0 : precision;
    if (precision < 0)
        snprintf(text, sizeof text, "%a", v);
    else
        snprintf(text, sizeof text, "%.*a", precision, v);
    char *exponent = strchr(text, 'p');
    if (!exponent)
        return snprintf(out, size, "%s", text);
    *exponent = 0;
    long power = strtol(exponent + 1, NULL, 10);
    char *lead = strchr(text, 'x') + 1;
    if (*lead == '2') { /* rounded up: Go begins with a 1 */
        *lead = '1';
        power++;
    }
    int n = snprintf(out, size, "%sp%c%02ld", text, power < 0 ? '-' : '+', labs(power));
    for (int i = 0; upper && i < n; i++)
        if (out[i] >= 'a' && out[i] <= 'z')
            out[i] ^= 0x20;
    return n;
}

/* %b: the mantissa as a whole number and the power of two. */
static int format_binary(double v, char *out, size_t size)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff);
    uint64_t mantissa = bits & ((1ull << 52) - 1);
    if (exponent)
        mantissa |= 1ull << 52;
    else
        exponent = 1;
    return snprintf(out, size, "%s%llup%+d", bits >> 63 ? "-" : "", (unsigned long long)mantissa, exponent - 1075);
}

/* strconv.FormatFloat; precision -1: the shortest that reads back. */
static size_t format_float(double v, char verb, int precision, char *out)
{
    size_t size = FLOAT_SIZE;
    char lower = (char)(verb | 0x20);
    bool upper = verb < 'a';
    if (isnan(v) || isinf(v))
        return number_format_g(v, out);
    int n;
    if (lower == 'x') {
        n = format_hex(v, precision, upper, out, size);
    } else if (lower == 'b') {
        n = format_binary(v, out, size);
    } else if (lower == 'g' && precision < 0) {
        n = (int)number_format_g(v, out);
        for (int i = 0; upper && i < n; i++)
            out[i] = out[i] == 'e' ? 'E' : out[i];
    } else {
        char format[8] = {'%', '.', '*', lower == 'f' ? 'f' : verb};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        n = snprintf(out, size, format, precision, v);
#pragma GCC diagnostic pop
    }
    return (size_t)n;
}

/* `#` keeps the point and the zeros: digits that are wanted but not there are put in front of the exponent. */
static void put_sharp(struct text *out, bole_slice number, uint32_t verb, int precision)
{
    size_t tail = number.len;
    int digits = 0;
    bool has_point = false, nonzero = false;
    if (verb == 'v' || verb == 'g' || verb == 'G' || verb == 'x')
        digits = precision < 0 ? 6 : precision;
    for (size_t i = 1; i < number.len; i++) {
        uint8_t c = number.ptr[i];
        if (c == '.') {
            has_point = true;
            continue;
        }
        bool is_exponent = (c | 0x20) == 'p' || ((c | 0x20) == 'e' && verb != 'x' && verb != 'X');
        if (is_exponent) {
            tail = i;
            break;
        }
        nonzero |= c != '0';
        digits -= nonzero;
    }
    text_put(out, (bole_slice){number.ptr, tail});
    if (!has_point) {
        digits -= tail == 2 && number.ptr[1] == '0';
        text_put(out, S("."));
    }
    text_put_times(out, S("0"), digits > 0 ? (size_t)digits : 0);
    text_put(out, (bole_slice){number.ptr + tail, number.len - tail});
}

static void put_float(struct printing *p, double v, uint32_t verb, int precision)
{
    struct text body = text_begin(p->arena, TEMPLATE_OUTPUT_MAX);
    char number[FLOAT_SIZE + 1];
    precision = p->has_precision ? p->precision : precision;
    int computed = precision > PRECISION_MAX ? PRECISION_MAX : precision;
    char lower = (char)(verb | 0x20);
    size_t n = format_float(v, (char)verb, computed, number + 1);
    bool has_sign = number[1] == '-' || number[1] == '+';
    char *begin = number + has_sign;
    n += !has_sign;
    if (!has_sign)
        number[0] = '+';
    if (p->space && begin[0] == '+' && !p->plus)
        begin[0] = ' ';
    if (begin[1] == 'I' || begin[1] == 'N') {
        bool cut = begin[0] == '+' && !p->plus && (begin[1] == 'N' || has_sign || true);
        if (begin[1] == 'N' && !p->space && !p->plus)
            cut = true;
        else if (begin[1] == 'I')
            cut = false;
        put_padded(p, (bole_slice){(uint8_t *)begin + cut, n - cut}, false);
        return;
    }
    bole_slice s = {(uint8_t *)begin, n};
    if (precision > computed && (lower == 'f' || lower == 'e' || lower == 'x')) { /* the rest is zeros */
        size_t tail = n;
        for (size_t i = 1; i < n && lower != 'f'; i++)
            if ((begin[i] | 0x20) == (lower == 'e' ? 'e' : 'p'))
                tail = i;
        text_put(&body, (bole_slice){s.ptr, tail});
        text_put_times(&body, S("0"), (size_t)(precision - computed));
        text_put(&body, bole_slice_sub(s, tail));
    } else if (p->sharp && verb != 'b') {
        put_sharp(&body, s, verb, precision);
    } else {
        text_put(&body, s);
    }
    p->out->failed |= body.failed;
    s = text_slice(&body);
    if (p->out->failed)
        return;
    if (!p->plus && s.ptr[0] == '+') {
        put_padded(p, bole_slice_sub(s, 1), p->zero);
    } else if (p->zero && !p->minus && p->has_width && p->width > (int)s.len) {
        text_put(p->out, (bole_slice){s.ptr, 1});
        put_padding(p, p->width - (int)s.len, true);
        text_put(p->out, bole_slice_sub(s, 1));
    } else {
        put_padded(p, s, p->zero);
    }
}

static void print_float(struct printing *p, const struct value *v, uint32_t verb)
{
    switch (verb) {
    case 'v': put_float(p, v->number, 'g', -1); return;
    case 'b': case 'g': case 'G': case 'x': case 'X': put_float(p, v->number, verb, -1); return;
    case 'f': case 'e': case 'E': put_float(p, v->number, verb, 6); return;
    case 'F': put_float(p, v->number, 'f', 6); return;
    default: bad_verb(p, v, verb);
    }
}

/* ---- text ---- */

static bole_slice cut_runes(const struct printing *p, bole_slice s)
{
    if (p->has_precision)
        s.len = text_rune_offset(s, (size_t)p->precision);
    return s;
}

static bool can_backquote(bole_slice s)
{
    for (size_t n; s.len; s = bole_slice_sub(s, n)) {
        uint32_t c = utf8_decode(s.ptr, s.len, &n);
        if (c == 0xfeff || (c == 0xfffd && n == 1) || (c < ' ' && c != '\t') || c == '`' || c == 0x7f)
            return false;
    }
    return true;
}

static void put_hex_text(struct printing *p, bole_slice s, bool upper)
{
    struct text body = text_begin(p->arena, TEMPLATE_OUTPUT_MAX);
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    bole_slice prefix = upper ? S("0X") : S("0x");
    if (p->has_precision && (size_t)p->precision < s.len)
        s.len = (size_t)p->precision;
    for (size_t i = 0; i < s.len && !body.failed; i++) {
        if (p->space && i)
            text_put(&body, S(" "));
        if (p->sharp && (p->space || !i))
            text_put(&body, prefix);
        const uint8_t two[] = {(uint8_t)digits[s.ptr[i] >> 4], (uint8_t)digits[s.ptr[i] & 15]};
        text_put(&body, (bole_slice){two, 2});
    }
    p->out->failed |= body.failed;
    put_padded(p, text_slice(&body), p->zero);
}

static void put_quoted(struct printing *p, bole_slice s)
{
    struct text body = text_begin(p->arena, TEMPLATE_OUTPUT_MAX);
    s = cut_runes(p, s);
    if (p->sharp && can_backquote(s)) {
        text_put(&body, S("`"));
        text_put(&body, s);
        text_put(&body, S("`"));
    } else {
        value_quote(&body, s, p->plus);
    }
    p->out->failed |= body.failed;
    put_padded(p, text_slice(&body), p->zero);
}

static void print_text(struct printing *p, const struct value *v, bole_slice s, uint32_t verb)
{
    if (verb == 'v')
        verb = p->sharp_v ? 'q' : 's';
    switch (verb) {
    case 's': put_padded(p, cut_runes(p, s), p->zero); return;
    case 'x': case 'X': put_hex_text(p, s, verb == 'X'); return;
    case 'q': put_quoted(p, s); return;
    default: bad_verb(p, v, verb);
    }
}

/* ---- any value ---- */

static void print_entries(struct printing *p, const struct value *v, uint32_t verb, unsigned depth)
{
    bool is_map = v->kind == VALUE_MAP;
    size_t count = is_map ? v->map->count : v->list.count;
    if (p->sharp_v) {
        put_str(p, value_type(v));
        put_str(p, "{");
    } else {
        put_str(p, is_map ? "map[" : "[");
    }
    for (size_t i = 0; i < count && !p->out->failed; i++) {
        if (i)
            put_str(p, p->sharp_v ? ", " : " ");
        if (is_map) {
            struct value key = value_text(v->map->entries[i].key);
            print_value(p, &key, verb, depth + 1);
            put_str(p, ":");
        }
        print_value(p, is_map ? &v->map->entries[i].value : &v->list.items[i], verb, depth + 1);
    }
    put_str(p, p->sharp_v ? "}" : "]");
}

/* String() of a type that has it. */
static bool print_string(struct printing *p, const struct value *v, uint32_t verb)
{
    struct text body = text_begin(p->arena, TEMPLATE_OUTPUT_MAX);
    bool wants_text = verb == 'v' || verb == 's' || verb == 'x' || verb == 'X' || verb == 'q';
    if (p->is_error || p->sharp_v || !wants_text || !value_string(v, &body))
        return false;
    print_text(p, v, text_slice(&body), verb);
    return true;
}

/* With a verb for numbers Go shows the insides of a time, addresses included: nobody can want that. */
static void print_time(struct printing *p, const struct value *v, uint32_t verb)
{
    struct text body = text_begin(p->arena, 256);
    bool is_text = verb == 'x' || verb == 'X' || verb == 'q';
    value_string(v, &body);
    print_text(p, v, text_slice(&body), is_text ? verb : 's');
}

static void print_value(struct printing *p, const struct value *v, uint32_t verb, unsigned depth)
{
    switch (v->kind) {
    case VALUE_NIL: case VALUE_MISSING:
        if (depth) { /* in a list or a map any verb will do */
            put_str(p, p->sharp_v ? "interface {}(nil)" : "<nil>");
        } else if (verb == 'v') {
            put_padded(p, S("<nil>"), p->zero);
        } else {
            bad_verb(p, v, verb);
        }
        return;
    case VALUE_TEXT: print_text(p, v, v->text, verb); return;
    case VALUE_BOOL:
        if (verb == 't' || verb == 'v')
            put_padded(p, v->truth ? S("true") : S("false"), p->zero);
        else
            bad_verb(p, v, verb);
        return;
    case VALUE_INT:
        if (!print_string(p, v, verb))
            print_integer(p, v, verb);
        return;
    case VALUE_FLOAT: print_float(p, v, verb); return;
    case VALUE_TIME: print_time(p, v, verb); return;
    default: print_entries(p, v, verb, depth);
    }
}

static void print_argument(struct printing *p, const struct value *v, uint32_t verb)
{
    if (verb == 'T')
        put_padded(p, cut_runes(p, v->kind == VALUE_NIL ? S("<nil>") : bole_slice_str(value_type(v))), p->zero);
    else if (verb == 'w' || verb == 'p')
        bad_verb(p, v, verb);
    else
        print_value(p, v, verb, 0);
}

/* ---- the format ---- */

static uint8_t format_char(const struct printing *p)
{
    return p->at < p->format.len ? p->format.ptr[p->at] : 0;
}

static bool take_count(struct printing *p, int *ret)
{
    size_t begin = p->at;
    for (*ret = 0; format_char(p) >= '0' && format_char(p) <= '9'; p->at++) {
        if (*ret > COUNT_MAX) {
            *ret = 0;
            p->at = p->format.len; /* as Go: the rest of the format is lost */
            return false;
        }
        *ret = *ret * 10 + (format_char(p) - '0');
    }
    return p->at > begin;
}

/* `[3]` */
static void take_index(struct printing *p)
{
    p->after_index = false;
    if (format_char(p) != '[')
        return;
    p->reordered = true;
    const uint8_t *open = p->format.ptr + p->at;
    const uint8_t *close = memchr(open, ']', p->format.len - p->at);
    int index = 0;
    size_t begin = p->at;
    if (!close) {
        p->good_index = false;
        p->at++;
        return;
    }
    struct printing inner = {.format = {open + 1, (size_t)(close - open - 1)}};
    bool is_number = take_count(&inner, &index) && inner.at == inner.format.len && index <= COUNT_MAX;
    p->at = begin + (size_t)(close - open) + 1;
    if (is_number && index >= 1 && (size_t)index <= p->arg_count) {
        p->arg = (size_t)index - 1;
        p->after_index = true;
        return;
    }
    p->good_index = false;
    p->after_index = is_number && index >= 0;
}

/* `*`: the next argument. */
static bool take_argument(struct printing *p, int *ret)
{
    *ret = 0;
    if (p->arg >= p->arg_count)
        return false;
    const struct value *v = &p->args[p->arg++];
    if (v->kind != VALUE_INT || v->integer > COUNT_MAX || v->integer < -COUNT_MAX)
        return false;
    *ret = (int)v->integer;
    return true;
}

static void take_width(struct printing *p)
{
    take_index(p);
    if (format_char(p) != '*') {
        p->has_width = take_count(p, &p->width);
        if (p->after_index && p->has_width)
            p->good_index = false;
        return;
    }
    p->at++;
    p->has_width = take_argument(p, &p->width);
    if (!p->has_width)
        put_str(p, "%!(BADWIDTH)");
    if (p->width < 0) {
        p->width = -p->width;
        p->minus = true;
        p->zero = false;
    }
    p->after_index = false;
}

static void take_precision(struct printing *p)
{
    if (p->at + 1 >= p->format.len || format_char(p) != '.')
        return;
    p->at++;
    if (p->after_index)
        p->good_index = false;
    take_index(p);
    if (format_char(p) == '*') {
        p->at++;
        p->has_precision = take_argument(p, &p->precision) && p->precision >= 0;
        if (!p->has_precision)
            put_str(p, "%!(BADPREC)");
        p->after_index = false;
        return;
    }
    take_count(p, &p->precision);
    p->has_precision = true;
}

static void take_flags(struct printing *p)
{
    p->plus = p->minus = p->sharp = p->space = p->zero = p->plus_v = p->sharp_v = false;
    p->has_width = p->has_precision = false;
    p->width = p->precision = 0;
    for (;; p->at++)
        switch (format_char(p)) {
        case '#': p->sharp = true; break;
        case '0': p->zero = true; break;
        case '+': p->plus = true; break;
        case '-': p->minus = true; break;
        case ' ': p->space = true; break;
        default: return;
        }
}

static void print_verb(struct printing *p)
{
    size_t n;
    uint32_t verb = utf8_decode(p->format.ptr + p->at, p->format.len - p->at, &n);
    p->at += n;
    if (verb == '%') {
        put_str(p, "%");
    } else if (!p->good_index || p->arg >= p->arg_count) {
        put_str(p, "%!");
        put_verb(p, verb);
        put_str(p, p->good_index ? "(MISSING)" : "(BADINDEX)");
    } else {
        if (verb == 'v' || verb == 'w') {
            p->sharp_v = p->sharp;
            p->plus_v = p->plus;
            p->sharp = p->plus = false;
        }
        print_argument(p, &p->args[p->arg++], verb);
    }
}

static void print_extra(struct printing *p)
{
    p->at = p->format.len;
    take_flags(p);
    put_str(p, "%!(EXTRA ");
    for (size_t i = p->arg; i < p->arg_count && !p->out->failed; i++) {
        const struct value *v = &p->args[i];
        if (i > p->arg)
            put_str(p, ", ");
        if (v->kind == VALUE_NIL) {
            put_str(p, "<nil>");
            continue;
        }
        put_str(p, value_type(v));
        put_str(p, "=");
        print_value(p, v, 'v', 0);
    }
    put_str(p, ")");
}

void template_printf(struct call *c, bole_slice format, const struct value *args, size_t count, struct text *out)
{
    struct printing p = {.out = out, .arena = c->row->scratch, .format = format, .args = args, .arg_count = count};
    while (p.at < format.len && !out->failed) {
        const uint8_t *percent = memchr(format.ptr + p.at, '%', format.len - p.at);
        size_t plain = percent ? (size_t)(percent - format.ptr) - p.at : format.len - p.at;
        text_put(out, (bole_slice){format.ptr + p.at, plain});
        p.at += plain;
        if (!percent)
            break;
        p.at++;
        p.good_index = true;
        p.after_index = false;
        take_flags(&p);
        take_width(&p);
        take_precision(&p);
        if (!p.after_index)
            take_index(&p);
        if (p.at >= format.len) {
            put_str(&p, "%!(NOVERB)");
            break;
        }
        print_verb(&p);
    }
    if (!p.reordered && p.arg < count)
        print_extra(&p);
}

void template_print(const struct value *args, size_t count, bool is_line, struct text *out)
{
    for (size_t i = 0; i < count; i++) {
        if (i && (is_line || (args[i].kind != VALUE_TEXT && args[i - 1].kind != VALUE_TEXT)))
            text_put(out, S(" "));
        value_print(&args[i], out);
    }
    if (is_line)
        text_put(out, S("\n"));
}
