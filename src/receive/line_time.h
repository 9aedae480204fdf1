/*
 * line_time.h - points in time as logs write them.
 *
 * Units:   ns since 1970 UTC. A stamp without a zone is read as UTC.
 * Threads: any.
 */
#ifndef RECEIVE_LINE_TIME_H
#define RECEIVE_LINE_TIME_H

#include "base/slice.h"

/* A number of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by its size (seconds below 2^31,
 * milliseconds below 2^31 * 1000, and so on); a fraction is of that unit. The whole slice must be it. */
bool unix_time_parse(bole_slice text, int64_t *ret_ns);

/* The value of a time field: RFC 3339 with or without its zone, or a number as above. The whole slice must be it. */
bool time_value_parse(bole_slice text, int64_t *ret_ns);

#endif
