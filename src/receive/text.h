/*
 * text.h - points in time as logs write them.
 *
 * Units:   ns since 1970 UTC. A stamp without a zone is read as UTC, or as local_offset_s says.
 * Threads: any. Nothing is allocated.
 */
#ifndef RECEIVE_TEXT_H
#define RECEIVE_TEXT_H

#include "base/slice.h"

/* What a line says about its time, at its beginning or where its format has it:
 *
 *   2026-11-21T10:00:00.123Z   2026-11-21 10:00:00,123 +0200   2026/11/21 10:00:00   26/11/21 10:00:00
 *   Nov 21 10:00:00            Sat Nov 21 10:00:00.123 2026    Sat, 21 Nov 2026 10:00:00 GMT   21 Nov 2026 10:00:00
 *   1795255200   1795255200.123   1795255200123   (10 digits and more)
 *   <34>Nov 21 10:00:00 ...    <34>1 2026-11-21T10:00:00Z ...  I1121 10:00:00.123456 (glog)
 *   1.2.3.4 - - [21/Nov/2026:10:00:00 +0000] "GET ...          type=... msg=audit(1795255200.123:45)
 *   ts=... or time=... in logfmt, "time":"...", "ts":..., "timestamp":..., "@timestamp":... in JSON
 *
 * A bracket, quote or dash in front of a stamp is skipped. A stamp without a year is in the year that makes it the
 * latest one that is not more than a day ahead of now. False: nothing is found. */
bool text_time(bole_slice line, int64_t now_ns, int64_t *ret_ns);
bool text_time_local(bole_slice line, int64_t now_ns, int local_offset_s, int64_t *ret_ns);

/* The stamp that a text begins with, and nothing in front of it: how long it is, and whether it named its zone. */
struct text_stamp {
    int64_t ns;
    size_t  len; /* bytes */
    bool    has_zone;
};
bool text_stamp(bole_slice text, int64_t now_ns, int local_offset_s, struct text_stamp *ret_stamp);

/* What to give as now_ns for a line behind one of previous_ns (0: none yet) in a file whose last line is not later than
 * latest_ns: a stamp without a year is then in the year that goes on from there, December to January, and not in the
 * one that it alone would be given. Lines may be out of order by up to a month. */
int64_t text_time_reference(int64_t previous_ns, int64_t latest_ns);

/* A number of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by its size (seconds below
 * 10^10, milliseconds below 10^13, and so on); a fraction is of that unit. The whole slice must be it. */
bool unix_time_parse(bole_slice text, int64_t *ret_ns);

/* The value of a time field: RFC 3339 with or without its zone, or a number as above. The whole slice must be it. */
bool time_value_parse(bole_slice text, int64_t *ret_ns);

#endif
