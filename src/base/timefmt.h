/*
 * timefmt.h - points in time and durations as text.
 *
 * Units: nanoseconds since 1970 UTC. Years 1678 to 2261 fit an int64.
 */
#ifndef BASE_TIMEFMT_H
#define BASE_TIMEFMT_H

#include "base/slice.h"

#define TIME_TEXT_MAX 40

struct civil { /* proleptic Gregorian, UTC */
    int64_t year;
    unsigned month, day;          /* 1..12, 1..31 */
    unsigned hour, minute, second;
    unsigned nanosecond;
    unsigned weekday;             /* 0 Sunday */
    unsigned yearday;             /* 1..366 */
};

void time_to_civil(int64_t ns, struct civil *ret_civil);
/* Seconds since 1970 of a civil time; fields out of range are not checked. */
int64_t time_from_civil(int64_t year, unsigned month, unsigned day, unsigned hour, unsigned minute, unsigned second);

/* "2026-11-21T10:00:00.123Z"; digits: 0..9 of the fraction, -1: as many as needed (RFC3339Nano). Returns the length. */
size_t time_format_rfc3339(int64_t ns, int digits, char ret_text[TIME_TEXT_MAX]);

/* RFC 3339 with any fraction and offset; a blank or `t` may stand for `T`. The whole slice must be it. */
bool time_parse_rfc3339(bole_slice text, int64_t *ret_ns);

/* Go and Prometheus durations: "1h30m", "1.5s", "250ms", "1d", "2w", "1y" (365 d); a sign only when `sign`.
 * Prometheus' own form has no fractions: `fractions` says whether they are allowed. */
bool duration_parse(bole_slice text, bool sign, bool fractions, int64_t *ret_ns);

/* Go's Duration.String(): "1h30m0s", "1.5s", "250ms", "0s". */
size_t duration_format(int64_t ns, char ret_text[TIME_TEXT_MAX]);

#endif
