#include "query/range_funcs.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"

static double sum(const struct range_window *w)
{
    double total = 0;
    for (size_t i = 0; i < w->count; i++)
        total += w->samples[i].value;
    return total;
}

/* A running mean: the sum of large values may overflow where their mean does not. */
static double mean(const struct range_window *w)
{
    double m = 0;
    for (size_t i = 0; i < w->count; i++) {
        double v = w->samples[i].value, n = (double)(i + 1);
        if (isinf(m) && ((isinf(v) && (m > 0) == (v > 0)) || (!isinf(v) && !isnan(v))))
            continue;
        m += v / n - m / n;
    }
    return m;
}

/* Welford's, population form. */
static double variance(const struct range_window *w)
{
    double m = 0, squares = 0;
    for (size_t i = 0; i < w->count; i++) {
        double delta = w->samples[i].value - m;
        m += delta / (double)(i + 1);
        squares += delta * (w->samples[i].value - m);
    }
    return squares / (double)w->count;
}

/* NaN only when there is nothing else. */
static double extreme(const struct range_window *w, int sign)
{
    double best = w->samples[0].value;
    for (size_t i = 1; i < w->count; i++) {
        double v = w->samples[i].value;
        if (isnan(best) || (sign > 0 ? v > best : v < best))
            best = v;
    }
    return best;
}

static int cmp_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    if (isnan(x) || isnan(y))
        return isnan(y) - isnan(x); /* NaN first */
    return (x > y) - (x < y);
}

double quantile(double q, double *values, size_t count)
{
    if (count == 0 || isnan(q))
        return NAN;
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    qsort(values, count, sizeof *values, cmp_doubles);
    double rank = q * (double)(count - 1);
    size_t lower = (size_t)floor(rank), upper = lower + 1 < count ? lower + 1 : count - 1;
    double weight = rank - floor(rank);
    return values[lower] * (1 - weight) + values[upper] * weight;
}

static double window_quantile(const struct range_window *w)
{
    for (size_t i = 0; i < w->count; i++)
        w->scratch[i] = w->samples[i].value;
    return quantile(w->parameter, w->scratch, w->count);
}

/*
 * Loki's reading of Prometheus' rate(). Resets are added up. What is meant to be an extrapolation to the start of the window
 * takes stamps in ns for ms: the range then counts as so many microseconds, and is hardly anything beside the samples.
 */
static double rate_counter(const struct range_window *w)
{
    const struct range_sample *s = w->samples;
    size_t n = w->count;
    double seconds = (double)(w->end_ns - w->begin_ns) / 1e9, last = 0;
    if (n < 2)
        return 0;
    double increase = s[n - 1].value - s[0].value;
    for (size_t i = 0; i < n; i++) {
        if (s[i].value < last)
            increase += last;
        last = s[i].value;
    }
    double sampled = (double)(s[n - 1].time_ns - s[0].time_ns) / 1000;
    double to_start = (double)((w->end_ns - w->begin_ns) / NS_PER_MS) / 1000;
    double average = sampled / (double)(n - 1);
    if (increase > 0 && s[0].value >= 0) {
        double to_zero = sampled * (s[0].value / increase);
        to_start = to_zero < to_start ? to_zero : to_start;
    }
    double reach = sampled + (to_start < average * 1.1 ? to_start : average / 2);
    return increase * (reach / sampled) / seconds;
}

double range_value(enum token_kind op, const struct range_window *w)
{
    switch (op) {
    case TOKEN_SUM_OVER_TIME: return sum(w);
    case TOKEN_RATE: return sum(w) / ((double)(w->end_ns - w->begin_ns) / 1e9);
    case TOKEN_RATE_COUNTER: return rate_counter(w);
    case TOKEN_AVG_OVER_TIME: return mean(w);
    case TOKEN_MIN_OVER_TIME: return extreme(w, -1);
    case TOKEN_MAX_OVER_TIME: return extreme(w, 1);
    case TOKEN_STDVAR_OVER_TIME: return variance(w);
    case TOKEN_STDDEV_OVER_TIME: return sqrt(variance(w));
    case TOKEN_QUANTILE_OVER_TIME: return window_quantile(w);
    case TOKEN_FIRST_OVER_TIME: return w->samples[0].value;
    case TOKEN_LAST_OVER_TIME: return w->samples[w->count - 1].value;
    default: return NAN;
    }
}
