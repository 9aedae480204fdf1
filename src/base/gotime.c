/* gotime.c - calendars, and the parts of a layout. */
#include "base/gotime.h"

#include "base/clock.h"
#include "base/timefmt.h"
#include "base/gotime_impl.h"

static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August",
                                     "September", "October", "November", "December"};

const char *gotime_month_name(int64_t month)
{
    return month >= 1 && month <= 12 ? months[month - 1] : NULL;
}

const char *gotime_weekday_name(int64_t weekday)
{
    return weekday >= 0 && weekday <= 6 ? days[weekday] : NULL;
}

struct gotime gotime_from_ns(int64_t ns)
{
    int64_t second = ns / NS_PER_S, rest = ns % NS_PER_S;
    return rest < 0 ? gotime_utc(second - 1, (uint32_t)(rest + NS_PER_S)) : gotime_utc(second, (uint32_t)rest);
}

struct gotime gotime_zero(void)
{
    return gotime_utc(-62135596800, 0);
}

void gotime_to_civil(const struct gotime *t, struct gotime_civil *ret)
{
    /* 400 years are 146097 days: the same calendar, within what time_to_civil takes. */
    const int64_t era_seconds = 146097LL * 86400;
    int64_t local = t->second + t->offset, era = local / era_seconds - (local % era_seconds < 0);
    struct civil c;
    int64_t in_era = local - era * era_seconds; /* from 1970 on: up to the year 2370 */
    int64_t shift = in_era > era_seconds / 2 ? 1 : 0;
    time_to_civil((in_era - shift * era_seconds) * NS_PER_S, &c);
    *ret = (struct gotime_civil){c.year + (era + shift) * 400, c.month, c.day, c.hour, c.minute, c.second, c.weekday,
                                 c.yearday};
}

/* ---- layouts ---- */

/* Longest first where one is the beginning of another. */
static const struct { const char *text; enum part part; } parts[] = {
    {"January", MONTH_NAME}, {"Jan", MONTH_SHORT}, {"Monday", DAY_NAME}, {"Mon", DAY_SHORT}, {"MST", ZONE_NAME},
    {"2006", YEAR4}, {"002", YEARDAY}, {"01", MONTH2}, {"02", DAY2}, {"03", HOUR12_2}, {"04", MINUTE2}, {"05", SECOND2},
    {"06", YEAR2}, {"15", HOUR24}, {"1", MONTH1}, {"_2", DAY_BLANK}, {"__2", YEARDAY_BLANK}, {"2", DAY1}, {"3", HOUR12},
    {"4", MINUTE1}, {"5", SECOND1}, {"PM", PM_UPPER}, {"pm", PM_LOWER}, {"Z070000", ZONE_Z_SECOND},
    {"Z07:00:00", ZONE_Z_COLON_SECOND}, {"Z0700", ZONE_Z}, {"Z07:00", ZONE_Z_COLON}, {"Z07", ZONE_Z_HOUR},
    {"-070000", ZONE_SECOND}, {"-07:00:00", ZONE_COLON_SECOND}, {"-0700", ZONE_PLAIN}, {"-07:00", ZONE_COLON},
    {"-07", ZONE_HOUR},
};

static bool is_digit_at(bole_slice s, size_t i)
{
    return i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9';
}

/* .000 or ,999: how long it is; 0: no fraction. */
static size_t fraction_length(bole_slice s, enum part *ret_part)
{
    size_t n = 1;
    if (s.len < 2 || (s.ptr[0] != '.' && s.ptr[0] != ',') || (s.ptr[1] != '0' && s.ptr[1] != '9'))
        return 0;
    while (n < s.len && s.ptr[n] == s.ptr[1])
        n++;
    *ret_part = s.ptr[1] == '0' ? FRACTION_0 : FRACTION_9;
    return is_digit_at(s, n) ? 0 : n;
}

static size_t part_length(bole_slice s, enum part *ret_part)
{
    if (!memchr("JM0123456_PpZ-.,", s.ptr[0], 16)) /* what a part begins with */
        return 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].text[0] != (char)s.ptr[0])
            continue;
        size_t n = strlen(parts[i].text);
        if (!bole_slice_starts(s, (bole_slice){(const uint8_t *)parts[i].text, n}))
            continue;
        bool is_word = s.len > n && s.ptr[n] >= 'a' && s.ptr[n] <= 'z'; /* "Month" is not "Mon" */
        if (is_word && (parts[i].part == MONTH_SHORT || parts[i].part == DAY_SHORT))
            continue;
        if (parts[i].part == DAY_BLANK && bole_slice_starts(s, S("_2006")))
            continue; /* a line in front of a year */
        *ret_part = parts[i].part;
        return n;
    }
    return fraction_length(s, ret_part);
}

enum part gotime_next_part(bole_slice *layout, bole_slice *ret_before, size_t *ret_digits)
{
    bole_slice s = *layout;
    enum part part = PART_NONE;
    for (size_t i = 0; i < s.len; i++) {
        size_t n = part_length((bole_slice){s.ptr + i, s.len - i}, &part);
        if (!n)
            continue;
        *ret_before = (bole_slice){s.ptr, i};
        *layout = (bole_slice){s.ptr + i + n, s.len - i - n};
        *ret_digits = n - 1;
        return part;
    }
    *ret_before = s;
    *layout = (bole_slice){0};
    return PART_NONE;
}
