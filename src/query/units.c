#include "query/units.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "query/parser.h"
#include "shim/number.h"

static const struct unit {
    const char *name;
    int64_t     ns;
} go_units[] = {
    {"ns", 1}, {"us", NS_PER_US}, {"\xc2\xb5s", NS_PER_US} /* U+00B5 */, {"\xce\xbcs", NS_PER_US} /* U+03BC */,
    {"ms", NS_PER_MS}, {"s", NS_PER_S}, {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S},
};

static const struct unit prometheus_units[] = {
    {"y", 365 * 86400 * NS_PER_S}, {"w", 7 * 86400 * NS_PER_S}, {"d", 86400 * NS_PER_S}, {"h", 3600 * NS_PER_S},
    {"m", 60 * NS_PER_S}, {"s", NS_PER_S}, {"ms", NS_PER_MS},
};

enum { GO_UNIT_COUNT = sizeof go_units / sizeof go_units[0],
       PROMETHEUS_UNIT_COUNT = sizeof prometheus_units / sizeof prometheus_units[0] };

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Digits at *at; false when there are none or they do not fit. */
static bool take_digits(bole_slice s, size_t *at, int64_t *ret_value)
{
    int64_t v = 0;
    size_t from = *at;
    for (; *at < s.len && is_digit(s.ptr[*at]); (*at)++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, s.ptr[*at] - '0', &v))
            return false;
    *ret_value = v;
    return *at > from;
}

/* The fraction as nanoseconds of `unit_ns`; digits beyond what an int64 holds are passed over, as in Go. */
static int64_t take_fraction(bole_slice s, size_t *at, double *ret_scale, bool *ret_any)
{
    int64_t v = 0;
    bool overflow = false;
    *ret_scale = 1;
    for (*ret_any = false; *at < s.len && is_digit(s.ptr[*at]); (*at)++, *ret_any = true) {
        int64_t next;
        overflow |= __builtin_mul_overflow(v, 10, &next) || __builtin_add_overflow(next, s.ptr[*at] - '0', &next);
        if (overflow)
            continue;
        v = next;
        *ret_scale *= 10;
    }
    return v;
}

static const struct unit *find_unit(const struct unit *units, size_t count, bole_slice name)
{
    for (size_t i = 0; i < count; i++)
        if (bole_slice_eq(name, bole_slice_str(units[i].name)))
            return &units[i];
    return NULL;
}

/* As Go's package time quotes: bytes outside of ASCII one by one. A text too long for a message is cut. */
struct quoted { char text[256]; };

static struct quoted quote(bole_slice s)
{
    struct quoted q;
    size_t n = 0;
    q.text[n++] = '"';
    for (size_t i = 0; i < s.len && n < sizeof q.text - 8; i++) {
        uint8_t c = s.ptr[i];
        if (c < ' ' || c >= 0x80) {
            n += (size_t)snprintf(q.text + n, 5, "\\x%02x", c);
            continue;
        }
        if (c == '"' || c == '\\')
            q.text[n++] = '\\';
        q.text[n++] = (char)c;
    }
    q.text[n++] = '"';
    q.text[n] = 0;
    return q;
}

static bole_status invalid_duration(bole_slice text, struct bole_err *err)
{
    return bole_fail(err, BOLE_E_INVALID, "time: invalid duration %s", quote(text).text);
}

bole_status units_go_duration(bole_slice text, int64_t *ret_ns, struct bole_err *err)
{
    size_t at = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+');
    bool negative = at && text.ptr[0] == '-';
    int64_t total = 0;
    if (text.len == at + 1 && text.ptr[at] == '0') {
        *ret_ns = 0;
        return BOLE_OK;
    }
    if (at == text.len)
        return invalid_duration(text, err);
    while (at < text.len) {
        int64_t whole = 0, fraction = 0;
        double scale = 1;
        bool any_fraction = false;
        size_t from = at;
        bool any_whole = take_digits(text, &at, &whole);
        if (!any_whole && at > from)
            return invalid_duration(text, err);
        if (at < text.len && text.ptr[at] == '.') {
            at++;
            fraction = take_fraction(text, &at, &scale, &any_fraction);
        }
        if (!any_whole && !any_fraction)
            return invalid_duration(text, err);
        size_t unit_from = at;
        while (at < text.len && text.ptr[at] != '.' && !is_digit(text.ptr[at]))
            at++;
        bole_slice name = {text.ptr + unit_from, at - unit_from};
        if (name.len == 0)
            return bole_fail(err, BOLE_E_INVALID, "time: missing unit in duration %s", quote(text).text);
        const struct unit *unit = find_unit(go_units, GO_UNIT_COUNT, name);
        if (!unit)
            return bole_fail(err, BOLE_E_INVALID, "time: unknown unit %s in duration %s", quote(name).text,
                             quote(text).text);
        if (__builtin_mul_overflow(whole, unit->ns, &whole) || __builtin_add_overflow(total, whole, &total) ||
            __builtin_add_overflow(total, (int64_t)((double)fraction * ((double)unit->ns / scale)), &total))
            return invalid_duration(text, err);
    }
    *ret_ns = negative ? -total : total;
    return BOLE_OK;
}

static bole_status not_a_duration(bole_slice text, struct bole_err *err)
{
    struct buf quoted;
    if (!err)
        return BOLE_E_INVALID;
    buf_init(&quoted, NULL);
    ast_print_string(text, &quoted);
    bole_fail(err, BOLE_E_INVALID, "not a valid duration string: %.*s", BOLE_SLICE_ARG(buf_slice(&quoted)));
    buf_deinit(&quoted);
    return BOLE_E_INVALID;
}

static bole_status unknown_unit(bole_slice name, bole_slice text, struct bole_err *err)
{
    struct buf names, whole;
    buf_init(&names, NULL);
    buf_init(&whole, NULL);
    ast_print_string(name, &names);
    ast_print_string(text, &whole);
    bole_fail(err, BOLE_E_INVALID, "unknown unit %.*s in duration %.*s", (int)names.len, (const char *)names.ptr, (int)whole.len,
              (const char *)whole.ptr);
    buf_deinit(&whole);
    buf_deinit(&names);
    return BOLE_E_INVALID;
}

bole_status units_promql_duration(bole_slice text, int64_t *ret_ns, struct bole_err *err)
{
    if (bole_slice_eq(text, S("0"))) {
        *ret_ns = 0;
        return BOLE_OK;
    }
    int64_t total = 0;
    const struct unit *allowed = prometheus_units;
    size_t at = 0;
    if (text.len == 0)
        return bole_fail(err, BOLE_E_INVALID, "empty duration string");
    while (at < text.len) {
        int64_t v;
        bool any = take_digits(text, &at, &v);
        size_t from = at;
        while (at < text.len && !is_digit(text.ptr[at]))
            at++;
        bole_slice name = {text.ptr + from, at - from};
        const struct unit *unit = find_unit(prometheus_units, PROMETHEUS_UNIT_COUNT, name);
        if (any && name.len && !unit)
            return unknown_unit(name, text, err);
        if (!any || !unit || unit < allowed)
            return not_a_duration(text, err);
        if (__builtin_mul_overflow(v, unit->ns, &v) || __builtin_add_overflow(total, v, &total))
            return bole_fail(err, BOLE_E_INVALID, "duration out of range");
        allowed = unit + 1;
    }
    *ret_ns = total;
    return BOLE_OK;
}

/* The exponent of a size's unit: "k", "kb" 1000, "ki", "kib" 1024. */
static bool size_factor(const uint8_t *p, size_t len, double *ret_factor)
{
    static const char letters[] = "kmgtpe";
    uint8_t lower[3];
    if (len > sizeof lower)
        return false;
    for (size_t i = 0; i < len; i++)
        lower[i] = p[i] >= 'A' && p[i] <= 'Z' ? p[i] | 0x20 : p[i];
    *ret_factor = 1;
    if (len == 0 || (len == 1 && lower[0] == 'b'))
        return true;
    const char *letter = memchr(letters, lower[0], sizeof letters - 1);
    bool binary = len > 1 && lower[1] == 'i';
    size_t rest = len - 1 - binary;
    if (!letter || rest > 1 || (rest == 1 && lower[len - 1] != 'b'))
        return false;
    for (const char *l = letters; l <= letter; l++)
        *ret_factor *= binary ? 1024 : 1000;
    return true;
}

uint64_t units_bytes_as_shown(uint64_t bytes)
{
    double unit = 1;
    if (bytes < 10)
        return bytes;
    while ((double)bytes / unit >= 1000 && unit < 1e18)
        unit *= 1000;
    double shown = floor((double)bytes / unit * 10 + 0.5) / 10;
    shown = shown >= 10 ? nearbyint(shown) : shown;
    double value = shown * unit;
    return value >= 18446744073709551615.0 ? bytes : (uint64_t)value;
}

bole_status units_bytes(bole_slice text, uint64_t *ret_bytes, struct bole_err *err)
{
    uint8_t digits[64];
    size_t at = 0, count = 0;
    for (; at < text.len && (is_digit(text.ptr[at]) || text.ptr[at] == '.' || text.ptr[at] == ','); at++)
        if (text.ptr[at] != ',' && count < sizeof digits)
            digits[count++] = text.ptr[at];
    double value, factor;
    if (count == sizeof digits || !number_parse((bole_slice){digits, count}, &value))
        return bole_fail(err, BOLE_E_INVALID, "strconv.ParseFloat: parsing \"%.*s\": invalid syntax", (int)count,
                         (const char *)digits);
    bole_slice unit = bole_slice_trim(bole_slice_sub(text, at));
    if (!size_factor(unit.ptr, unit.len, &factor)) {
        uint8_t lower[128];
        unit.len = unit.len < sizeof lower ? unit.len : sizeof lower;
        for (size_t i = 0; i < unit.len; i++)
            lower[i] = unit.ptr[i] >= 'A' && unit.ptr[i] <= 'Z' ? unit.ptr[i] | 0x20 : unit.ptr[i];
        return bole_fail(err, BOLE_E_INVALID, "unhandled size name: %.*s", (int)unit.len, (const char *)lower);
    }
    value *= factor;
    if (value >= 18446744073709551615.0)
        return bole_fail(err, BOLE_E_INVALID, "too large: %.*s", BOLE_SLICE_ARG(text));
    *ret_bytes = (uint64_t)value;
    return BOLE_OK;
}

bole_status units_float(bole_slice text, double *ret_value, struct bole_err *err)
{
    if (number_parse(text, ret_value))
        return BOLE_OK;
    if (!err)
        return BOLE_E_INVALID;
    struct buf quoted;
    buf_init(&quoted, NULL);
    ast_print_string(text, &quoted);
    bole_fail(err, BOLE_E_INVALID, "strconv.ParseFloat: parsing %.*s: %s", BOLE_SLICE_ARG(buf_slice(&quoted)),
              number_is_too_large(text) ? "value out of range" : "invalid syntax");
    buf_deinit(&quoted);
    return BOLE_E_INVALID;
}

size_t units_format_prometheus(int64_t ns, char ret_text[64])
{
    int64_t ms = ns / NS_PER_MS;
    size_t n = 0;
    for (size_t i = 0; i < PROMETHEUS_UNIT_COUNT; i++) {
        int64_t unit_ms = prometheus_units[i].ns / NS_PER_MS;
        /* Years, weeks and days are only used when nothing is left over. */
        if (ms < unit_ms || (i < 3 && ms % unit_ms))
            continue;
        n += (size_t)snprintf(ret_text + n, 64 - n, "%lld%s", (long long)(ms / unit_ms), prometheus_units[i].name);
        ms %= unit_ms;
    }
    return n ? n : (size_t)snprintf(ret_text, 64, "0s");
}
