/*
 * loki_params.h - the request parameters of Loki's API: times, steps, limits, directions, with Loki's defaults and texts.
 *
 * Pure functions over text, so that the table of what a real Loki answers can be run against them. A parameter whose ptr
 * is NULL or whose length is 0 is absent, as in Loki.
 *
 * Units:  ns since 1970 UTC; durations ns.
 * Errors: BOLE_E_INVALID with the text that the client sees, word for word Loki's where Loki has one.
 * Source: grafana/loki pkg/loghttp/params.go and query.go; what a real one answers beats both.
 */
#ifndef SERVE_LOKI_PARAMS_H
#define SERVE_LOKI_PARAMS_H

#include "base/slice.h"
#include "store/store.h"

#define LOKI_LIMIT_DEFAULT  100u
#define LOKI_SINCE_DEFAULT  (3600ll * 1000000000) /* ns */
#define LOKI_POINTS_MAX     11000                 /* steps of one range query */
#define LOKI_DELAY_MAX      5u                    /* seconds a tail may be asked to wait */

struct loki_text { /* as the client sent them */
    bole_slice start, end, since, time, limit, direction, step, interval;
};

struct loki_range {
    int64_t              start_ns, end_ns;
    int64_t              step_ns, interval_ns; /* interval 0: every entry */
    uint64_t             limit;
    enum store_direction direction;
};

/* An integer of more than ten digits is ns, a shorter one and a float are seconds; else RFC 3339. Absent: fallback_ns. */
bole_status loki_parse_time(bole_slice text, int64_t fallback_ns, int64_t *ret_ns, struct bole_err *err);

/* "30", "0.5", "1h30m", "1d": seconds or a Prometheus duration, which has no fractions. */
bole_status loki_parse_duration(bole_slice text, int64_t *ret_ns, struct bole_err *err);

/* start, end, since: the last hour when nothing is said. end < start is not checked here. */
bole_status loki_parse_bounds(const struct loki_text *text, int64_t now_ns, int64_t *ret_start_ns, int64_t *ret_end_ns,
                              struct bole_err *err);

/* 1 and up; absent: the default. The cap is loki_check_limit's: Loki applies it to log queries only. */
bole_status loki_parse_limit(bole_slice text, uint64_t *ret_limit, struct bole_err *err);
bole_status loki_check_limit(uint64_t limit, uint64_t max, struct bole_err *err);
bole_status loki_parse_direction(bole_slice text, enum store_direction *ret_direction, struct bole_err *err);

/* Everything of a range query, checked as Loki checks it. */
bole_status loki_parse_range(const struct loki_text *text, int64_t now_ns, struct loki_range *ret_range, struct bole_err *err);
/* Everything of an instant query: start = end = the time. */
bole_status loki_parse_instant(const struct loki_text *text, int64_t now_ns, struct loki_range *ret_range, struct bole_err *err);

/* The step when none is asked for: a 250th of the range in whole seconds, at least one. */
int64_t loki_default_step(int64_t start_ns, int64_t end_ns);

/* The last multiple of the step at or before t; t itself where time has no such. */
int64_t loki_align(int64_t t_ns, int64_t step_ns);

/* Seconds a tail's entries may be held back: 0 .. LOKI_DELAY_MAX. */
bole_status loki_parse_delay(bole_slice text, uint32_t *ret_seconds, struct bole_err *err);

#endif
