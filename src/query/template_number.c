/* template_number.c - the functions of templates for numbers, the record itself and time. Numbers are sprig's. */
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "query/gotime.h"
#include "query/template_impl.h"
#include "query/units.h"

/* ---- numbers ---- */

static bool fn_bytes(struct call *c, struct value *ret)
{
    uint64_t v;
    if (units_bytes(c->args[0].text, &v, c->err) < 0)
        return false;
    *ret = value_float((double)v);
    return true;
}

static bool fn_duration(struct call *c, struct value *ret)
{
    int64_t ns;
    if (units_go_duration(c->args[0].text, &ns, c->err) < 0)
        return false;
    *ret = value_float((double)ns / NS_PER_S);
    return true;
}

static bool fn_convert(struct call *c, struct value *ret)
{
    *ret = c->func->detail ? value_float(value_to_float(&c->args[0])) : value_int(value_to_int(&c->args[0]));
    return true;
}

enum { ADD, SUBTRACT, MULTIPLY, DIVIDE, MODULO, MAXIMUM, MINIMUM };

static bool fn_int_math(struct call *c, struct value *ret)
{
    uint64_t v = (uint64_t)value_to_int(&c->args[0]); /* unsigned: wraps like Go's */
    for (size_t i = 1; i < c->arg_count; i++) {
        int64_t a = (int64_t)v, b = value_to_int(&c->args[i]);
        switch (c->func->detail) {
        case ADD: v += (uint64_t)b; break;
        case SUBTRACT: v -= (uint64_t)b; break;
        case MULTIPLY: v *= (uint64_t)b; break;
        case MAXIMUM: v = (uint64_t)(a > b ? a : b); break;
        case MINIMUM: v = (uint64_t)(a < b ? a : b); break;
        default:
            if (b == 0)
                return call_fail(c, "runtime error: integer divide by zero");
            v = b == -1 ? (c->func->detail == DIVIDE ? -v : 0) : (uint64_t)(c->func->detail == DIVIDE ? a / b : a % b);
        }
    }
    *ret = value_int((int64_t)v);
    return true;
}

static bool fn_float_math(struct call *c, struct value *ret)
{
    double v = value_to_float(&c->args[0]);
    for (size_t i = 1; i < c->arg_count; i++) {
        double b = value_to_float(&c->args[i]);
        switch (c->func->detail) {
        case ADD: v += b; break;
        case SUBTRACT: v -= b; break;
        case MULTIPLY: v *= b; break;
        case MAXIMUM: v = fmax(v, b); break;
        case MINIMUM: v = fmin(v, b); break;
        default:
            if (b == 0)
                return call_fail(c, "decimal division by 0");
            v /= b;
        }
    }
    *ret = value_float(v);
    return true;
}

static bool fn_ceil(struct call *c, struct value *ret)
{
    double v = value_to_float(&c->args[0]);
    *ret = value_float(c->func->detail ? ceil(v) : floor(v));
    return true;
}

static bool fn_round(struct call *c, struct value *ret) /* round value digits [half] */
{
    double v = value_to_float(&c->args[0]), half = c->arg_count > 2 ? value_to_float(&c->args[2]) : 0.5;
    double scale = pow(10, (double)value_to_int(&c->args[1])), shifted = v * scale, whole;
    double fraction = modf(shifted, &whole);
    *ret = value_float((fabs(fraction) >= half ? whole + (v < 0 ? -1 : 1) : whole) / scale);
    return true;
}

/* ---- the record itself, and time ---- */

static bool fn_line(struct call *c, struct value *ret)
{
    *ret = value_text(c->row->line);
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
        return call_fail(c, "wrong type: a time is wanted");
    char text[32];
    int n = snprintf(text, sizeof text, "%lld", (long long)(c->args[0].integer / c->func->detail));
    bole_slice s = row_copy(c->row, (bole_slice){(const uint8_t *)text, (size_t)n});
    *ret = value_text(s);
    return true;
}

/* Seconds, milliseconds, microseconds or nanoseconds by the number of digits, as Loki does. */
static bool fn_unix_to_time(struct call *c, struct value *ret)
{
    int64_t v = value_to_int(&c->args[0]), scale = 0;
    switch (c->args[0].text.len) {
    case 5: scale = 86400 * NS_PER_S; break;
    case 10: scale = NS_PER_S; break;
    case 13: scale = NS_PER_MS; break;
    case 16: scale = NS_PER_US; break;
    case 19: scale = 1; break;
    default: return call_fail(c, "unable to parse time");
    }
    *ret = (struct value){.kind = VALUE_TIME};
    return __builtin_mul_overflow(v, scale, &ret->integer) ? call_fail(c, "unable to parse time") : true;
}

static bool fn_date(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    size_t size = GOTIME_SIZE(c->args[0].text.len);
    if (c->args[1].kind != VALUE_TIME)
        return call_fail(c, "wrong type: a time is wanted");
    char *text = (char *)text_extend(&out, size);
    if (text)
        out.len = gotime_format(c->args[1].integer, c->args[0].text, text, size);
    return call_finish(c, &out, ret);
}

/* ---- the table ---- */

const struct template_func template_number_funcs[] = {
    {"bytes", fn_bytes, 1, 1, "s"}, {"duration", fn_duration, 1, 1, "s"},
    {"duration_seconds", fn_duration, 1, 1, "s"}, {"int", fn_convert, 1, 1, "n"},
    {"float64", fn_convert, 1, 1, "n", .detail = 1}, {"add", fn_int_math, 1, ARGS_MANY, "n", .detail = ADD},
    {"sub", fn_int_math, 2, 2, "n", .detail = SUBTRACT}, {"mul", fn_int_math, 1, ARGS_MANY, "n", .detail = MULTIPLY},
    {"div", fn_int_math, 2, 2, "n", .detail = DIVIDE}, {"mod", fn_int_math, 2, 2, "n", .detail = MODULO},
    {"max", fn_int_math, 1, ARGS_MANY, "n", .detail = MAXIMUM},
    {"min", fn_int_math, 1, ARGS_MANY, "n", .detail = MINIMUM},
    {"addf", fn_float_math, 1, ARGS_MANY, "n", .detail = ADD},
    {"subf", fn_float_math, 1, ARGS_MANY, "n", .detail = SUBTRACT},
    {"mulf", fn_float_math, 1, ARGS_MANY, "n", .detail = MULTIPLY},
    {"divf", fn_float_math, 1, ARGS_MANY, "n", .detail = DIVIDE},
    {"maxf", fn_float_math, 1, ARGS_MANY, "n", .detail = MAXIMUM},
    {"minf", fn_float_math, 1, ARGS_MANY, "n", .detail = MINIMUM}, {"ceil", fn_ceil, 1, 1, "n", .detail = 1},
    {"floor", fn_ceil, 1, 1, "n"}, {"round", fn_round, 2, 3, "n"}, {"__line__", fn_line, 0, 0, ""},
    {"__timestamp__", fn_timestamp, 0, 0, ""}, {"unixEpoch", fn_unix, 1, 1, "*", .detail = 1000000000},
    {"unixEpochMillis", fn_unix, 1, 1, "*", .detail = 1000000}, {"unixEpochNanos", fn_unix, 1, 1, "*", .detail = 1},
    {"unixToTime", fn_unix_to_time, 1, 1, "s"}, {"date", fn_date, 2, 2, "s*"},
    {0},
};
