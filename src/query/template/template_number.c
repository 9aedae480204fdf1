/* template_number.c - the functions of templates for numbers, the record itself and sizes. Numbers are sprig's. */
#include <math.h>

#include "base/clock.h"
#include "query/template/decimal.h"
#include "query/template/template_impl.h"
#include "query/units.h"
#include "shim/number.h"

/* ---- numbers ---- */

static bool fn_bytes(struct call *c, struct value *ret)
{
    uint64_t v;
    struct bole_err err;
    if (units_bytes(c->args[0].text, &v, &err) < 0)
        return call_fail(c, "%s", err.msg);
    *ret = value_float((double)v);
    return true;
}

static bool fn_duration(struct call *c, struct value *ret)
{
    int64_t ns;
    struct bole_err err;
    if (units_go_duration(c->args[0].text, &ns, &err) < 0)
        return call_fail(c, "%s", err.msg);
    *ret = value_float((double)(ns / NS_PER_S) + (double)(ns % NS_PER_S) / 1e9);
    return true;
}

static bool fn_convert(struct call *c, struct value *ret)
{
    *ret = c->func->detail ? value_float(value_to_float(&c->args[0])) : value_int(value_to_int(&c->args[0]));
    return true;
}

enum { DECIMAL_COST = 4096 }; /* of one operation, in bytes of work */
enum { ADD, SUBTRACT, MULTIPLY, DIVIDE, MODULO, MAXIMUM, MINIMUM };

static bool fn_int_math(struct call *c, struct value *ret)
{
    uint64_t v = c->arg_count ? (uint64_t)value_to_int(&c->args[0]) : 0; /* unsigned: wraps like Go's */
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
    *ret = value_int64((int64_t)v);
    return true;
}

/* math.Max and math.Min: NaN wins, and +0 is more than -0. */
static double extreme(double a, double b, bool is_max)
{
    if (isinf(a) && (a > 0) == is_max)
        return a;
    if (isinf(b) && (b > 0) == is_max)
        return b;
    if (isnan(a) || isnan(b))
        return NAN;
    if (a == 0 && b == 0)
        return (signbit(a) != 0) == is_max ? b : a;
    return is_max == (a > b) ? a : b;
}

static bool fn_float_extreme(struct call *c, struct value *ret)
{
    double v = value_to_float(&c->args[0]);
    for (size_t i = 1; i < c->arg_count; i++)
        v = extreme(v, value_to_float(&c->args[i]), c->func->detail == MAXIMUM);
    *ret = value_float(v);
    return true;
}

static bool take_decimal(struct call *c, double v, struct decimal *ret)
{
    char text[NUMBER_TEXT_MAX];
    if (isnan(v) || isinf(v))
        return call_fail(c, "Cannot create a Decimal from %.*s", (int)number_format_g(v, text), text);
    decimal_from(v, ret);
    return true;
}

/* In decimal, as sprig computes: 0.1 + 0.2 is 0.3. addf begins at 0. */
static bool fn_float_math(struct call *c, struct value *ret)
{
    struct decimal all, next;
    size_t i = 0;
    if (!take_decimal(c, c->func->detail == ADD ? 0 : value_to_float(&c->args[i++]), &all))
        return false;
    for (bool fits = true; i < c->arg_count; i++) {
        if (!take_decimal(c, value_to_float(&c->args[i]), &next) || !call_charge(c, DECIMAL_COST))
            return false;
        switch (c->func->detail) {
        case ADD: fits = decimal_add(&all, &next, false); break;
        case SUBTRACT: fits = decimal_add(&all, &next, true); break;
        case MULTIPLY: fits = decimal_multiply(&all, &next); break;
        default:
            if (next.count == 0)
                return call_fail(c, "decimal division by 0");
            fits = decimal_divide(&all, &next);
        }
        if (!fits)
            return call_fail(c, "the result is too large");
    }
    *ret = value_float(decimal_to(&all));
    return true;
}

static bool fn_ceil(struct call *c, struct value *ret)
{
    double v = value_to_float(&c->args[0]);
    *ret = value_float(c->func->detail ? ceil(v) : floor(v));
    return true;
}

/* As math.Pow(10, n) computes, to the last bit: by squares, with the exponent apart. */
static double power_of_ten(int64_t n)
{
    int exponent, sum = 0;
    double square = frexp(10, &exponent), product = 1;
    for (uint64_t i = n < 0 ? 0 - (uint64_t)n : (uint64_t)n; i; i >>= 1) {
        if (exponent > 4096) {
            sum += exponent;
            break;
        }
        if (i & 1) {
            product *= square;
            sum += exponent;
        }
        square *= square;
        exponent *= 2;
        if (square < 0.5) {
            square += square;
            exponent--;
        }
    }
    return n < 0 ? ldexp(1 / product, -sum) : ldexp(product, sum);
}

static bool fn_round(struct call *c, struct value *ret) /* round value digits [half]: as sprig, also below zero */
{
    double v = value_to_float(&c->args[0]), half = c->arg_count > 2 ? c->args[2].number : 0.5;
    double scale = power_of_ten(c->args[1].integer), shifted = scale * v, whole;
    double fraction = modf(shifted, &whole);
    *ret = value_float((fraction >= half ? ceil(shifted) : floor(shifted)) / scale);
    return true;
}

/* ---- the record itself ---- */

static bool fn_line(struct call *c, struct value *ret)
{
    *ret = value_text(c->row->line);
    return true;
}

static bool fn_timestamp(struct call *c, struct value *ret)
{
    *ret = value_time(gotime_from_ns(c->row->time_ns));
    return true;
}

/* ---- the table ---- */

const struct template_func template_number_funcs[] = {
    {"bytes", fn_bytes, 1, 1, "s"}, {"duration", fn_duration, 1, 1, "s"},
    {"duration_seconds", fn_duration, 1, 1, "s"}, {"int", fn_convert, 1, 1, "*"},
    {"float64", fn_convert, 1, 1, "*", .detail = 1}, {"add", fn_int_math, 0, ARGS_MANY, "*", .detail = ADD},
    {"sub", fn_int_math, 2, 2, "**", .detail = SUBTRACT}, {"mul", fn_int_math, 1, ARGS_MANY, "*", .detail = MULTIPLY},
    {"div", fn_int_math, 2, 2, "**", .detail = DIVIDE}, {"mod", fn_int_math, 2, 2, "**", .detail = MODULO},
    {"max", fn_int_math, 1, ARGS_MANY, "*", .detail = MAXIMUM},
    {"min", fn_int_math, 1, ARGS_MANY, "*", .detail = MINIMUM},
    {"addf", fn_float_math, 0, ARGS_MANY, "*", .detail = ADD},
    {"subf", fn_float_math, 1, ARGS_MANY, "*", .detail = SUBTRACT},
    {"mulf", fn_float_math, 1, ARGS_MANY, "*", .detail = MULTIPLY},
    {"divf", fn_float_math, 1, ARGS_MANY, "*", .detail = DIVIDE},
    {"maxf", fn_float_extreme, 1, ARGS_MANY, "*", .detail = MAXIMUM},
    {"minf", fn_float_extreme, 1, ARGS_MANY, "*", .detail = MINIMUM}, {"ceil", fn_ceil, 1, 1, "*", .detail = 1},
    {"floor", fn_ceil, 1, 1, "*"}, {"round", fn_round, 2, ARGS_MANY, "*if"}, {"__line__", fn_line, 0, 0, ""},
    {"__timestamp__", fn_timestamp, 0, 0, ""},
    {0},
};
