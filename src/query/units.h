/*
 * units.h - durations and byte sizes: LogQL has three syntaxes for one unit.
 *
 *   where                     durations                          sizes
 *   in a query (`> 5m`)       Prometheus (d, w, y) or Go         as humanize.ParseBytes; the lexer limits the letters
 *   in a value                Go's time.ParseDuration: up to h,  humanize.ParseBytes: any letter case, "2,048", "7",
 *                             unit needed, sign, fractions       fractions cut off
 *   in `[5m]`                 Prometheus: no fractions           -
 *
 * Threads: any.
 */
#ifndef QUERY_UNITS_H
#define QUERY_UNITS_H

#include "base/slice.h"

/* Go's time.ParseDuration. On failure err gets Go's text: `time: missing unit in duration "90"`. */
bole_status units_go_duration(bole_slice text, int64_t *ret_ns, struct bole_err *err);

/* Prometheus' model.ParseDuration: whole numbers, units y w d h m s ms in this order, each once; "0" alone is fine. On failure err gets
 * its text. */
bole_status units_promql_duration(bole_slice text, int64_t *ret_ns, struct bole_err *err);

static inline bool units_prometheus_duration(bole_slice text, int64_t *ret_ns)
{
    return units_promql_duration(text, ret_ns, NULL) == BOLE_OK;
}

/* humanize.Bytes and back: two digits below ten, else whole ones, of a unit of thousands. */
uint64_t units_bytes_as_shown(uint64_t bytes);

/* humanize.ParseBytes. On failure err gets its text. */
bole_status units_bytes(bole_slice text, uint64_t *ret_bytes, struct bole_err *err);

/* strconv.ParseFloat with its error text. */
bole_status units_float(bole_slice text, double *ret_value, struct bole_err *err);

/* Prometheus' model.Duration: "1h30m", "5m", "0s"; only ms and above, which is all that a range can say. */
size_t units_format_prometheus(int64_t ns, char ret_text[64]);

#endif
