#include "receive/line_time.h"

#include "base/clock.h"
#include "base/timefmt.h"
#include "shim/number.h"

/* How many nanoseconds one of these is: the four units differ by factors of a thousand, and 2^31 seconds end in 2038. */
static int64_t unix_unit(int64_t whole)
{
    int64_t limit = 1ll << 31, unit = NS_PER_S;
    while (unit > 1 && (whole >= limit || whole < -limit)) {
        limit *= 1000;
        unit /= 1000;
    }
    return unit;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool unix_time_parse(bole_slice text, int64_t *ret_ns)
{
    bool negative = text.len && text.ptr[0] == '-';
    size_t at = negative, from = at;
    int64_t whole = 0, ns;
    while (at < text.len && is_digit(text.ptr[at])) {
        if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, text.ptr[at++] - '0', &whole))
            return false;
    }
    if (at == from)
        return false;
    int64_t unit = unix_unit(whole), part = 0, scale = unit;
    if (at < text.len && text.ptr[at] == '.')
        for (at++; at < text.len && is_digit(text.ptr[at]); at++) {
            scale /= 10;
            part += scale * (text.ptr[at] - '0');
        }
    if (at < text.len) { /* 1.5e9: as a double, exact to a microsecond or so */
        double value;
        if ((text.ptr[at] | 0x20) != 'e' || !number_parse(text, &value) || !(value > -9.2e9 && value < 9.2e9))
            return false;
        *ret_ns = (int64_t)(value * 1e9);
        return true;
    }
    if (__builtin_mul_overflow(whole, unit, &ns) || __builtin_add_overflow(ns, part, &ns))
        return false;
    *ret_ns = negative ? -ns : ns;
    return true;
}

bool time_value_parse(bole_slice text, int64_t *ret_ns)
{
    if (text.len < 10 || text.ptr[4] != '-')
        return unix_time_parse(text, ret_ns);
    if (time_parse_rfc3339(text, ret_ns))
        return true;
    uint8_t zoned[TIME_TEXT_MAX];
    size_t len = text.len;
    if (len > sizeof zoned - 10)
        return false;
    memcpy(zoned, text.ptr, len);
    if (len == 10) { /* a date alone */
        memcpy(zoned + len, "T00:00:00", 9);
        len += 9;
    }
    zoned[len++] = 'Z';
    return time_parse_rfc3339(bole_slice_from(zoned, len), ret_ns);
}
