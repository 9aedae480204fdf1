/*
 * gotime.h - points in time as Go's package time has them: read by a layout
 * ("2006-01-02T15:04:05.000Z07:00"), in zones of the system's time zone database. Local time is UTC.
 *
 * Format:  the reference time of Go's package time: Mon Jan 2 15:04:05 MST 2006.
 * Threads: any.
 */
#ifndef BASE_GOTIME_H
#define BASE_GOTIME_H

#include "base/arena.h"

struct gotime {
    int64_t  second;     /* since 1970 UTC; the years are 0 to 9999 where a layout was read */
    uint32_t nanosecond;
    int32_t  offset;     /* east of UTC, seconds */
    char     zone[12];   /* "CET"; "": none, the offset is printed instead */
};

struct zone; /* rules of one time zone */

static inline struct gotime gotime_utc(int64_t second, uint32_t nanosecond)
{
    return (struct gotime){.second = second, .nanosecond = nanosecond, .zone = "UTC"};
}

struct gotime gotime_from_ns(int64_t ns);
struct gotime gotime_zero(void); /* 0001-01-01 00:00:00 UTC: what Go answers where a text is no time */

/* time.ParseInLocation; zone NULL: UTC. False: the text is not of that form. */
bool gotime_parse(bole_slice layout, bole_slice text, const struct zone *zone, struct gotime *ret);

/* NULL: none of that name; the caller takes UTC then. Lives in the arena. "UTC", "Local" and "" are NULL, too. */
const struct zone *zone_load(bole_slice name, struct arena *arena);
/* What holds at a second since 1970. */
void zone_at(const struct zone *z, int64_t second, int32_t *ret_offset, const char **ret_name);
/* The offset that goes with an abbreviation, near that second. */
bool zone_by_name(const struct zone *z, bole_slice name, int64_t second, int32_t *ret_offset);

/* NULL: there is no such month (1..12) or weekday (0..6). */
const char *gotime_month_name(int64_t month);
const char *gotime_weekday_name(int64_t weekday);

struct gotime_civil { /* in the zone of the time */
    int64_t  year;
    unsigned month, day, hour, minute, second, weekday, yearday;
};
void gotime_to_civil(const struct gotime *t, struct gotime_civil *ret);

#endif
