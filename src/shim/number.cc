/*
 * number.cc - std::to_chars gives the shortest digits, this file puts the point and the zeros where Go puts them.
 *
 * to_chars with chars_format::fixed is not used: it prints the exact value of large doubles (1e23 as
 * 99999999999999991611392), Go pads the shortest digits with zeros.
 */
#include "shim/number.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace {

struct digits {
    char text[20];   /* without the point */
    int  count;
    int  exponent;   /* value = 0.d1d2d3... * 10^exponent */
    bool negative;
};

struct digits shortest(double value)
{
    struct digits d = {};
    char sci[40];
    auto end = std::to_chars(sci, sci + sizeof sci, value, std::chars_format::scientific).ptr;
    const char *p = sci;
    if (*p == '-') {
        d.negative = true;
        p++;
    }
    for (; p < end && *p != 'e'; p++)
        if (*p != '.')
            d.text[d.count++] = *p;
    int e = 0;
    if (p < end) {
        p++;
        if (p < end && *p == '+')
            p++;
        std::from_chars(p, end, e);
    }
    d.exponent = value == 0 ? 1 : e + 1;
    return d;
}

size_t put_special(double value, char *out)
{
    const char *text = std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
    size_t n = strlen(text);
    memcpy(out, text, n);
    return n;
}

size_t put_fixed(const struct digits &d, char *out)
{
    char *p = out;
    if (d.negative)
        *p++ = '-';
    if (d.exponent <= 0) {
        *p++ = '0';
        *p++ = '.';
        for (int i = d.exponent; i < 0; i++)
            *p++ = '0';
        memcpy(p, d.text, (size_t)d.count);
        return (size_t)(p + d.count - out);
    }
    for (int i = 0; i < d.exponent; i++)
        *p++ = i < d.count ? d.text[i] : '0';
    if (d.count > d.exponent) {
        *p++ = '.';
        for (int i = d.exponent; i < d.count; i++)
            *p++ = d.text[i];
    }
    return (size_t)(p - out);
}

size_t put_exponent(const struct digits &d, char *out)
{
    char *p = out;
    if (d.negative)
        *p++ = '-';
    *p++ = d.text[0];
    if (d.count > 1) {
        *p++ = '.';
        memcpy(p, d.text + 1, (size_t)d.count - 1);
        p += d.count - 1;
    }
    int e = d.exponent - 1;
    *p++ = 'e';
    *p++ = e < 0 ? '-' : '+';
    e = std::abs(e);
    if (e < 10)
        *p++ = '0';
    p = std::to_chars(p, p + 4, e).ptr;
    return (size_t)(p - out);
}

bool is_digit(char c, bool hex)
{
    return (c >= '0' && c <= '9') || (hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')));
}

bool equals_nocase(const char *p, size_t len, const char *lower)
{
    if (len != strlen(lower))
        return false;
    for (size_t i = 0; i < len; i++)
        if ((p[i] | 0x20) != lower[i])
            return false;
    return true;
}

bool parse_word(const char *p, size_t len, double *ret_value)
{
    double sign = 1;
    size_t skip = len && (*p == '+' || *p == '-');
    if (skip && *p == '-')
        sign = -1;
    if (equals_nocase(p + skip, len - skip, "inf") || equals_nocase(p + skip, len - skip, "infinity")) {
        *ret_value = sign * HUGE_VAL;
        return true;
    }
    if (equals_nocase(p, len, "nan")) { /* Go takes no sign here */
        *ret_value = std::nan("");
        return true;
    }
    return false;
}

/* Underscores stand between digits only, or between the base prefix and a digit; out gets the text without them. */
bool drop_underscores(const char *p, size_t len, bool hex, char *out, size_t *ret_len)
{
    size_t n = 0;
    char before = hex ? '0' : 0;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '_') {
            if (!is_digit(before, hex) || i + 1 >= len || !is_digit(p[i + 1], hex))
                return false;
        } else {
            out[n++] = p[i];
        }
        before = p[i];
    }
    *ret_len = n;
    return true;
}

/* from_chars refuses both ends of the range alike; Go reads what is too small as 0. */
bool parse_extreme(const char *p, size_t len, bool hex, double *ret_value)
{
    char copy[NUMBER_TEXT_MAX + 4];
    size_t skip = hex ? 2 : 0;
    if (len + skip >= sizeof copy)
        return false;
    memcpy(copy, "0x", 2);
    memcpy(copy + skip, p, len);
    copy[len + skip] = 0;
    *ret_value = strtod(copy, nullptr);
    return !std::isinf(*ret_value);
}

} // namespace

extern "C" size_t number_format(double value, char ret_text[NUMBER_TEXT_MAX])
{
    if (!std::isfinite(value))
        return put_special(value, ret_text);
    return put_fixed(shortest(value), ret_text);
}

extern "C" size_t number_format_g(double value, char ret_text[NUMBER_TEXT_MAX])
{
    if (!std::isfinite(value))
        return put_special(value, ret_text);
    struct digits d = shortest(value);
    int e = d.exponent - 1;
    if (e < -4 || e >= 6)
        return put_exponent(d, ret_text);
    return put_fixed(d, ret_text);
}

/* ret_is_large: it is a number, but too large. */
static bool parse_number(bole_slice text, double *ret_value, bool *ret_is_large)
{
    *ret_is_large = false;
    const char *p = (const char *)text.ptr;
    size_t len = text.len;
    if (len == 0 || len > NUMBER_TEXT_MAX)
        return false;
    if (parse_word(p, len, ret_value))
        return true;
    bool negative = *p == '-';
    if (*p == '+' || *p == '-') {
        p++;
        len--;
    }
    bool hex = len > 2 && p[0] == '0' && (p[1] | 0x20) == 'x';
    if (hex) {
        p += 2;
        len -= 2;
        if (!memchr(p, 'p', len) && !memchr(p, 'P', len))
            return false;
    }
    char plain[NUMBER_TEXT_MAX];
    if (!drop_underscores(p, len, hex, plain, &len))
        return false;
    if (len == 0 || !(is_digit(plain[0], hex) || plain[0] == '.'))
        return false; /* from_chars would take a second sign, "inf" and "nan(...)" */
    double value = 0;
    auto [end, ec] =
        std::from_chars(plain, plain + len, value, hex ? std::chars_format::hex : std::chars_format::general);
    if (end != plain + len && ec != std::errc::result_out_of_range)
        return false;
    if (ec == std::errc::result_out_of_range) {
        if (!parse_extreme(plain, len, hex, &value)) {
            *ret_is_large = end == plain + len;
            return false;
        }
    } else if (ec != std::errc()) {
        return false;
    }
    *ret_value = negative ? -value : value;
    return true;
}

extern "C" bool number_parse(bole_slice text, double *ret_value)
{
    bool is_large;
    return parse_number(text, ret_value, &is_large);
}

extern "C" bool number_is_too_large(bole_slice text)
{
    double value;
    bool is_large;
    return !parse_number(text, &value, &is_large) && is_large;
}
