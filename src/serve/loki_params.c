/*
 * loki_params.c - see loki_params.h. The order of the checks is Loki's: of two mistakes a client sees the same one.
 */
#include "serve/loki_params.h"

#include <math.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "query/units.h"
#include "shim/number.h"

enum { SECONDS_DIGITS_MAX = 10, TEXT_SHOWN_MAX = 100 }; /* a longer integer is ns; bytes of a parameter in a message */

/* A whole decimal number with an optional sign, as Go's ParseInt(text, 10, 64). */
static bool parse_int(bole_slice s, int64_t *ret_value, bool *ret_overflow)
{
    *ret_overflow = false;
    bool negative = s.len && s.ptr[0] == '-';
    if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+'))
        s = bole_slice_sub(s, 1);
    if (!s.len)
        return false;
    int64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        int digit = s.ptr[i] - '0';
        *ret_overflow |= __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, negative ? -digit : digit, &v);
    }
    *ret_value = v;
    return !*ret_overflow;
}

static int shown(bole_slice text)
{
    return (int)(text.len > TEXT_SHOWN_MAX ? TEXT_SHOWN_MAX : text.len);
}

static bole_status fail_number(struct bole_err *err, const char *function, bole_slice text, bool overflow)
{
    return bole_fail(err, BOLE_E_INVALID, "strconv.%s: parsing \"%.*s\": %s", function, shown(text),
                     (const char *)text.ptr, overflow ? "value out of range" : "invalid syntax");
}

/* Whole seconds and the rest apart, the rest rounded to a ms: a double has no ns left at today's times. */
static bool seconds_to_ns(double seconds, int64_t *ret_ns)
{
    double whole;
    double rest = round(modf(seconds, &whole) * 1000) / 1000;
    if (fabs(whole) > 9.2e9)
        return false;
    return !__builtin_add_overflow((int64_t)whole * NS_PER_S, (int64_t)(rest * 1e9), ret_ns);
}

bole_status loki_parse_time(bole_slice text, int64_t fallback_ns, int64_t *ret_ns, struct bole_err *err)
{
    if (!text.len) {
        *ret_ns = fallback_ns;
        return BOLE_OK;
    }
    double seconds;
    if (memchr(text.ptr, '.', text.len) && number_parse(text, &seconds) && isfinite(seconds) && seconds_to_ns(seconds, ret_ns))
        return BOLE_OK;
    int64_t value;
    bool overflow;
    if (parse_int(text, &value, &overflow)) {
        if (text.len > SECONDS_DIGITS_MAX)
            *ret_ns = value;
        else if (__builtin_mul_overflow(value, NS_PER_S, ret_ns))
            return fail_number(err, "ParseInt", text, true);
        return BOLE_OK;
    }
    if (time_parse_rfc3339(text, ret_ns))
        return BOLE_OK;
    return fail_number(err, "ParseInt", text, overflow);
}

bole_status loki_parse_duration(bole_slice text, int64_t *ret_ns, struct bole_err *err)
{
    double seconds;
    if (number_parse(text, &seconds)) {
        if (isnan(seconds)) /* as Go's conversion does */
            seconds = (double)INT64_MIN / 1e9;
        if (fabs(seconds) * 1e9 > 9223372036854775807.0)
            return bole_fail(err, BOLE_E_INVALID, "cannot parse \"%.*s\" to a valid duration. It overflows int64", shown(text),
                             (const char *)text.ptr);
        *ret_ns = seconds * 1e9 <= (double)INT64_MIN ? INT64_MIN : (int64_t)(seconds * 1e9);
        return BOLE_OK;
    }
    if (units_prometheus_duration(text, ret_ns))
        return BOLE_OK;
    return bole_fail(err, BOLE_E_INVALID, "cannot parse \"%.*s\" to a valid duration", shown(text), (const char *)text.ptr);
}

bole_status loki_parse_bounds(const struct loki_text *text, int64_t now_ns, int64_t *ret_start_ns, int64_t *ret_end_ns,
                              struct bole_err *err)
{
    int64_t since_ns = LOKI_SINCE_DEFAULT, start_ns, end_ns;
    if (text->since.len && units_promql_duration(text->since, &since_ns, err) < 0) {
        bole_err_context(err, "could not parse 'since' parameter");
        return BOLE_E_INVALID;
    }
    bole_status st = loki_parse_time(text->end, now_ns, &end_ns, err);
    if (st < 0) {
        bole_err_context(err, "could not parse 'end' parameter");
        return st;
    }
    /* `since` counts back from the end, but never from a moment that has not come yet. */
    int64_t anchor_ns = end_ns < now_ns ? end_ns : now_ns, default_start_ns;
    if (__builtin_sub_overflow(anchor_ns, since_ns, &default_start_ns))
        default_start_ns = INT64_MIN;
    st = loki_parse_time(text->start, default_start_ns, &start_ns, err);
    if (st < 0) {
        bole_err_context(err, "could not parse 'start' parameter");
        return st;
    }
    *ret_start_ns = start_ns;
    *ret_end_ns = end_ns;
    return BOLE_OK;
}

bole_status loki_parse_limit(bole_slice text, uint64_t *ret_limit, struct bole_err *err)
{
    if (!text.len) {
        *ret_limit = LOKI_LIMIT_DEFAULT;
        return BOLE_OK;
    }
    int64_t value;
    bool overflow;
    if (!parse_int(text, &value, &overflow))
        return fail_number(err, "Atoi", text, overflow);
    if (value <= 0)
        return bole_fail(err, BOLE_E_INVALID, "limit must be a positive value");
    *ret_limit = (uint64_t)value;
    return BOLE_OK;
}

bole_status loki_check_limit(uint64_t limit, uint64_t max, struct bole_err *err)
{
    if (limit <= max)
        return BOLE_OK;
    return bole_fail(err, BOLE_E_INVALID,
                     "max entries limit per query exceeded, limit > max_entries_limit_per_query (%llu > %llu)",
                     (unsigned long long)limit, (unsigned long long)max);
}

bole_status loki_parse_direction(bole_slice text, enum store_direction *ret_direction, struct bole_err *err)
{
    if (!text.len || bole_slice_eq_nocase(text, S("backward")))
        *ret_direction = BACKWARD;
    else if (bole_slice_eq_nocase(text, S("forward")))
        *ret_direction = FORWARD;
    else
        return bole_fail(err, BOLE_E_INVALID, "invalid direction '%.*s'", shown(text),
                         (const char *)text.ptr);
    return BOLE_OK;
}

int64_t loki_align(int64_t t_ns, int64_t step_ns)
{
    int64_t rest = t_ns % step_ns, aligned;
    return __builtin_sub_overflow(t_ns, rest < 0 ? rest + step_ns : rest, &aligned) ? t_ns : aligned;
}

int64_t loki_default_step(int64_t start_ns, int64_t end_ns)
{
    int64_t length_ns;
    if (__builtin_sub_overflow(end_ns, start_ns, &length_ns))
        length_ns = INT64_MAX;
    int64_t seconds = length_ns / (250 * NS_PER_S);
    return (seconds > 1 ? seconds : 1) * NS_PER_S;
}

static bole_status parse_step(bole_slice text, struct loki_range *range, struct bole_err *err)
{
    range->step_ns = loki_default_step(range->start_ns, range->end_ns);
    bole_status st = text.len ? loki_parse_duration(text, &range->step_ns, err) : BOLE_OK;
    if (st < 0)
        return st;
    if (range->step_ns <= 0)
        return bole_fail(err, BOLE_E_INVALID,
                         "zero or negative query resolution step widths are not accepted. Try a positive integer");
    int64_t length_ns; /* as Go's, no more than 63 bits */
    if (__builtin_sub_overflow(range->end_ns, range->start_ns, &length_ns))
        length_ns = INT64_MAX;
    if (length_ns / range->step_ns > LOKI_POINTS_MAX)
        return bole_fail(err, BOLE_E_INVALID,
                         "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the "
                         "step parameter");
    return BOLE_OK;
}

bole_status loki_parse_range(const struct loki_text *text, int64_t now_ns, struct loki_range *ret_range, struct bole_err *err)
{
    struct loki_range range = {0};
    bole_status st = loki_parse_bounds(text, now_ns, &range.start_ns, &range.end_ns, err);
    if (st == BOLE_OK && range.end_ns < range.start_ns)
        st = bole_fail(err, BOLE_E_INVALID, "end timestamp must not be before or equal to start time");
    if (st == BOLE_OK)
        st = loki_parse_limit(text->limit, &range.limit, err);
    if (st == BOLE_OK)
        st = loki_parse_direction(text->direction, &range.direction, err);
    if (st == BOLE_OK)
        st = parse_step(text->step, &range, err);
    if (st == BOLE_OK && text->interval.len)
        st = loki_parse_duration(text->interval, &range.interval_ns, err);
    if (st == BOLE_OK && range.interval_ns < 0)
        st = bole_fail(err, BOLE_E_INVALID, "interval must be >= 0");
    if (st == BOLE_OK)
        *ret_range = range;
    return st;
}

bole_status loki_parse_instant(const struct loki_text *text, int64_t now_ns, struct loki_range *ret_range, struct bole_err *err)
{
    struct loki_range range = {0};
    bole_status st = loki_parse_limit(text->limit, &range.limit, err);
    if (st == BOLE_OK)
        st = loki_parse_time(text->time, now_ns, &range.start_ns, err);
    if (st == BOLE_OK)
        st = loki_parse_direction(text->direction, &range.direction, err);
    if (st < 0)
        return st;
    range.end_ns = range.start_ns;
    range.step_ns = NS_PER_S; /* one point: any step will do */
    *ret_range = range;
    return BOLE_OK;
}

bole_status loki_parse_delay(bole_slice text, uint32_t *ret_seconds, struct bole_err *err)
{
    int64_t value = 0;
    bool overflow;
    if (text.len && !parse_int(text, &value, &overflow))
        return fail_number(err, "Atoi", text, overflow);
    if (value < 0 || value > LOKI_DELAY_MAX)
        return bole_fail(err, BOLE_E_INVALID, "delay_for can't be greater than %u", LOKI_DELAY_MAX);
    *ret_seconds = (uint32_t)value;
    return BOLE_OK;
}
