/*
 * gotime.h - points in time printed by a Go layout ("2006-01-02T15:04:05.000Z07:00"), in UTC.
 *
 * Format:  the reference time of Go's package time: Mon Jan 2 15:04:05 MST 2006. Threads: any.
 */
#ifndef QUERY_GOTIME_H
#define QUERY_GOTIME_H

#include "base/slice.h"

#define GOTIME_SIZE(layout_len) (2 * (size_t)(layout_len) + 32) /* bytes that any time fits in: "1" may become "12" */

/* Returns the length; what does not fit is cut. */
size_t gotime_format(int64_t ns, bole_slice layout, char *ret_text, size_t size);

#endif
