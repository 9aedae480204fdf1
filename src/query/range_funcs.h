/*
 * range_funcs.h - the value of one window of samples: sum_over_time and its kin.
 *
 * Format:  Prometheus' and Loki's definitions, as docs/logql.md lists them. Threads: any.
 */
#ifndef QUERY_RANGE_FUNCS_H
#define QUERY_RANGE_FUNCS_H

#include "query/lexer.h"

struct range_sample {
    int64_t  time_ns;
    uint64_t seq;
    double   value;
};

struct range_window {
    const struct range_sample *samples; /* in order of (time, seq) */
    size_t                     count;   /* at least 1 */
    int64_t                    begin_ns, end_ns; /* (begin, end] */
    double                     parameter;        /* of quantile_over_time */
    double                    *scratch;          /* quantile_over_time: room for count */
};

double range_value(enum token_kind op, const struct range_window *w);

/* Linear interpolation between the sorted values, which it sorts in place. q < 0 is -Inf, q > 1 is +Inf. */
double quantile(double q, double *values, size_t count);

#endif
