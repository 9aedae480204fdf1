/* template_time.c - the functions of templates for time, and the methods that times, durations, months and weekdays have. */
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "query/template/template_impl.h"

/* ---- functions ---- */

static bool put_int(struct call *c, int64_t v, struct value *ret)
{
    *ret = value_text(arena_printf(c->row->scratch, "%lld", (long long)v));
    return true;
}

/* Go's UnixNano and its kin wrap where the year is far away. */
static int64_t scaled(const struct gotime *t, int64_t per_second)
{
    return (int64_t)((uint64_t)t->second * (uint64_t)per_second + t->nanosecond / (uint64_t)(NS_PER_S / per_second));
}

static bool fn_unix(struct call *c, struct value *ret)
{
    return put_int(c, scaled(&c->args[0].time, NS_PER_S / c->func->detail), ret);
}

static bool is_whole_number(bole_slice s)
{
    size_t i = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+');
    bool any = i < s.len;
    for (; i < s.len; i++)
        any &= s.ptr[i] >= '0' && s.ptr[i] <= '9';
    return any;
}

/* Days, seconds, milliseconds, microseconds or nanoseconds by the number of characters, as Loki does. */
static bool fn_unix_to_time(struct call *c, struct value *ret)
{
    bole_slice s = c->args[0].text;
    struct value whole = value_text(s);
    bool is_int = is_whole_number(s), negative = s.len && s.ptr[0] == '-';
    uint64_t magnitude = 0;
    for (size_t i = negative || (s.len && s.ptr[0] == '+'); is_int && i < s.len; i++)
        if (__builtin_mul_overflow(magnitude, 10u, &magnitude) ||
            __builtin_add_overflow(magnitude, (uint64_t)(s.ptr[i] - '0'), &magnitude) ||
            magnitude > (uint64_t)INT64_MAX + negative) {
            struct text quoted = call_begin(c);
            value_quote(&quoted, s, false);
            return call_fail(c, "unable to parse time '%.*s': strconv.ParseInt: parsing %.*s: value out of range",
                             BOLE_SLICE_ARG(whole.text), BOLE_SLICE_ARG(text_slice(&quoted)));
        }
    if (!is_int) {
        struct text quoted = call_begin(c);
        value_quote(&quoted, s, false);
        return call_fail(c, "unable to parse time '%.*s': strconv.ParseInt: parsing %.*s: invalid syntax",
                         BOLE_SLICE_ARG(s), BOLE_SLICE_ARG(text_slice(&quoted)));
    }
    int64_t v = (int64_t)(negative ? 0 - magnitude : magnitude), ns;
    switch (s.len) {
    case 5: *ret = value_time(gotime_utc(v * 86400, 0)); return true;
    case 10: *ret = value_time(gotime_utc(v, 0)); return true;
    case 13: ns = v * NS_PER_MS; break;
    case 16: ns = v * NS_PER_US; break;
    case 19: ns = v; break;
    default: return call_fail(c, "unable to parse time '%.*s': %%!w(<nil>)", BOLE_SLICE_ARG(s));
    }
    *ret = value_time(gotime_from_ns(ns));
    return true;
}

static struct gotime now(void)
{
    return gotime_from_ns(clock_now_ns(&clock_system));
}

/* Times, and whole numbers as seconds; anything else is now, as in sprig. Always in local time. */
static bool fn_date(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    const struct value *v = &c->args[1];
    bool is_second = v->kind == VALUE_INT && (v->int_type == INT_PLAIN || v->int_type == INT_64);
    struct gotime t = v->kind == VALUE_TIME ? gotime_utc(v->time.second, v->time.nanosecond)
                      : is_second           ? gotime_utc(v->integer, 0)
                                            : now();
    gotime_print(&t, c->args[0].text, &out);
    return call_finish(c, &out, ret);
}

static bool fn_now(struct call *c, struct value *ret)
{
    (void)c;
    *ret = value_time(now());
    return true;
}

static struct gotime parse_or_zero(bole_slice layout, bole_slice text, const struct zone *zone)
{
    struct gotime t;
    return gotime_parse(layout, text, zone, &t) ? t : gotime_zero();
}

static bool fn_to_date(struct call *c, struct value *ret)
{
    *ret = value_time(parse_or_zero(c->args[0].text, c->args[1].text, NULL));
    return true;
}

enum { ZONE_COST = 16384 }; /* of reading a zone's file, in bytes of work */

static bool fn_to_date_in_zone(struct call *c, struct value *ret)
{
    if (!call_charge(c, ZONE_COST))
        return false;
    const struct zone *zone = zone_load(c->args[1].text, c->row->scratch);
    *ret = value_time(parse_or_zero(c->args[0].text, c->args[2].text, zone));
    return true;
}

/* ---- methods ---- */

enum method_detail {
    YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, NANOSECOND, WEEKDAY, YEARDAY, UNIX, UNIX_MILLI, UNIX_MICRO, UNIX_NANO,
    IS_ZERO, BEFORE, AFTER, EQUAL,
};

static bool method_part(struct call *c, struct value *ret)
{
    const struct gotime *t = &c->args[0].time;
    struct gotime_civil civil;
    gotime_to_civil(t, &civil);
    switch (c->func->detail) {
    case YEAR: *ret = value_int(civil.year); break;
    case MONTH: *ret = value_int(civil.month); ret->int_type = INT_MONTH; break;
    case DAY: *ret = value_int(civil.day); break;
    case HOUR: *ret = value_int(civil.hour); break;
    case MINUTE: *ret = value_int(civil.minute); break;
    case SECOND: *ret = value_int(civil.second); break;
    case NANOSECOND: *ret = value_int(t->nanosecond); break;
    case WEEKDAY: *ret = value_int(civil.weekday); ret->int_type = INT_WEEKDAY; break;
    case YEARDAY: *ret = value_int(civil.yearday); break;
    case UNIX: *ret = value_int64(t->second); break;
    case UNIX_MILLI: *ret = value_int64(scaled(t, 1000)); break;
    case UNIX_MICRO: *ret = value_int64(scaled(t, 1000000)); break;
    case UNIX_NANO: *ret = value_int64(scaled(t, NS_PER_S)); break;
    default: *ret = value_bool(t->second == gotime_zero().second && t->nanosecond == 0);
    }
    return true;
}

static int time_cmp(const struct gotime *a, const struct gotime *b)
{
    if (a->second != b->second)
        return a->second < b->second ? -1 : 1;
    return (a->nanosecond > b->nanosecond) - (a->nanosecond < b->nanosecond);
}

static bool method_compare(struct call *c, struct value *ret)
{
    int order = time_cmp(&c->args[0].time, &c->args[1].time);
    *ret = value_bool(c->func->detail == BEFORE ? order < 0 : c->func->detail == AFTER ? order > 0 : order == 0);
    return true;
}

static bool method_format(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    gotime_print(&c->args[0].time, c->args[1].text, &out);
    return call_finish(c, &out, ret);
}

static bool method_string(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    value_string(&c->args[0], &out);
    return call_finish(c, &out, ret);
}

static bool method_utc(struct call *c, struct value *ret)
{
    *ret = value_time(gotime_utc(c->args[0].time.second, c->args[0].time.nanosecond));
    return true;
}

static bool method_add(struct call *c, struct value *ret)
{
    struct gotime t = c->args[0].time;
    int64_t d = c->args[1].integer, ns = (int64_t)t.nanosecond + d % NS_PER_S;
    t.second += d / NS_PER_S + (ns >= NS_PER_S) - (ns < 0);
    t.nanosecond = (uint32_t)(ns < 0 ? ns + NS_PER_S : ns >= NS_PER_S ? ns - NS_PER_S : ns);
    *ret = value_time(t);
    return true;
}

/* What does not fit a duration is its largest or smallest. */
static bool method_sub(struct call *c, struct value *ret)
{
    const struct gotime *a = &c->args[0].time, *b = &c->args[1].time;
    int64_t ns;
    bool overflow = __builtin_mul_overflow(a->second - b->second, NS_PER_S, &ns) ||
                    __builtin_add_overflow(ns, (int64_t)a->nanosecond - (int64_t)b->nanosecond, &ns);
    *ret = value_int(!overflow ? ns : time_cmp(a, b) < 0 ? INT64_MIN : INT64_MAX);
    ret->int_type = INT_DURATION;
    return true;
}

/* Duration: detail is the unit in nanoseconds. */
static bool method_float(struct call *c, struct value *ret)
{
    int64_t unit = (int64_t)c->func->detail * NS_PER_S, v = c->args[0].integer;
    *ret = value_float((double)(v / unit) + (double)(v % unit) / (double)unit);
    return true;
}

static bool method_units(struct call *c, struct value *ret)
{
    *ret = value_int64(c->args[0].integer / c->func->detail);
    return true;
}

/* ---- the tables ---- */

const struct template_func template_time_funcs[] = {
    {"unixEpoch", fn_unix, 1, 1, "t", .detail = 1000000000}, {"unixEpochMillis", fn_unix, 1, 1, "t", .detail = 1000000},
    {"unixEpochNanos", fn_unix, 1, 1, "t", .detail = 1}, {"unixToTime", fn_unix_to_time, 1, 1, "s"},
    {"date", fn_date, 2, 2, "s*"}, {"now", fn_now, 0, 0, ""}, {"toDate", fn_to_date, 2, 2, "ss"},
    {"toDateInZone", fn_to_date_in_zone, 3, 3, "sss"},
    {0},
};

static const struct template_func time_methods[] = {
    {"Year", method_part, 0, 0, "", .detail = YEAR}, {"Month", method_part, 0, 0, "", .detail = MONTH},
    {"Day", method_part, 0, 0, "", .detail = DAY}, {"Hour", method_part, 0, 0, "", .detail = HOUR},
    {"Minute", method_part, 0, 0, "", .detail = MINUTE}, {"Second", method_part, 0, 0, "", .detail = SECOND},
    {"Nanosecond", method_part, 0, 0, "", .detail = NANOSECOND}, {"Weekday", method_part, 0, 0, "", .detail = WEEKDAY},
    {"YearDay", method_part, 0, 0, "", .detail = YEARDAY}, {"Unix", method_part, 0, 0, "", .detail = UNIX},
    {"UnixMilli", method_part, 0, 0, "", .detail = UNIX_MILLI},
    {"UnixMicro", method_part, 0, 0, "", .detail = UNIX_MICRO},
    {"UnixNano", method_part, 0, 0, "", .detail = UNIX_NANO}, {"IsZero", method_part, 0, 0, "", .detail = IS_ZERO},
    {"Before", method_compare, 1, 1, "t", .detail = BEFORE}, {"After", method_compare, 1, 1, "t", .detail = AFTER},
    {"Equal", method_compare, 1, 1, "t", .detail = EQUAL}, {"Format", method_format, 1, 1, "s"},
    {"String", method_string, 0, 0, ""}, {"UTC", method_utc, 0, 0, ""}, {"Local", method_utc, 0, 0, ""},
    {"Add", method_add, 1, 1, "d"}, {"Sub", method_sub, 1, 1, "t"},
    {0},
};

static const struct template_func duration_methods[] = {
    {"Hours", method_float, 0, 0, "", .detail = 3600}, {"Minutes", method_float, 0, 0, "", .detail = 60},
    {"Seconds", method_float, 0, 0, "", .detail = 1}, {"Milliseconds", method_units, 0, 0, "", .detail = 1000000},
    {"Microseconds", method_units, 0, 0, "", .detail = 1000}, {"Nanoseconds", method_units, 0, 0, "", .detail = 1},
    {"String", method_string, 0, 0, ""},
    {0},
};

static const struct template_func name_methods[] = {{"String", method_string, 0, 0, ""}, {0}}; /* of months and weekdays */

const struct template_func *template_method_find(const struct value *receiver, bole_slice name)
{
    const struct template_func *f = NULL;
    if (receiver->kind == VALUE_TIME)
        f = time_methods;
    else if (receiver->kind == VALUE_INT && receiver->int_type == INT_DURATION)
        f = duration_methods;
    else if (receiver->kind == VALUE_INT && (receiver->int_type == INT_MONTH || receiver->int_type == INT_WEEKDAY))
        f = name_methods;
    for (; f && f->name; f++)
        if (bole_slice_eq(name, bole_slice_str(f->name)))
            return f;
    return NULL;
}
