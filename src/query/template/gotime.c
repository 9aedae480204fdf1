/* gotime.c - the parts of a layout, and printing by one. */
#include "query/template/gotime.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/timefmt.h"
#include "query/template/gotime_impl.h"

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

/* ---- printing ---- */

static void put(struct text *out, int64_t v, int width, char pad)
{
    char text[32];
    int n = snprintf(text, sizeof text, pad == '0' ? "%0*lld" : "%*lld", width, (long long)v);
    text_put(out, (bole_slice){(const uint8_t *)text, (size_t)n});
}

static void put_offset(struct text *out, int32_t offset, enum part part)
{
    int32_t all = offset < 0 ? -offset : offset;
    bool is_colon = part == ZONE_COLON || part == ZONE_Z_COLON || part == ZONE_COLON_SECOND || part == ZONE_Z_COLON_SECOND;
    bool has_second = part == ZONE_SECOND || part == ZONE_Z_SECOND || part == ZONE_COLON_SECOND ||
                      part == ZONE_Z_COLON_SECOND;
    /* Go takes the sign from whole minutes. */
    text_put(out, offset / 60 < 0 ? S("-") : S("+"));
    put(out, all / 3600, 2, '0');
    if (part == ZONE_HOUR || part == ZONE_Z_HOUR)
        return;
    text_put(out, is_colon ? S(":") : S(""));
    put(out, all / 60 % 60, 2, '0');
    if (!has_second)
        return;
    text_put(out, is_colon ? S(":") : S(""));
    put(out, all % 60, 2, '0');
}

/* .000 prints all digits, nine at most, .999 drops zeros at the end. */
static void put_fraction(struct text *out, uint32_t nanosecond, enum part part, uint8_t point, size_t digits)
{
    char text[16];
    snprintf(text, sizeof text, "%09u", nanosecond);
    size_t keep = digits < 9 ? digits : 9;
    if (part == FRACTION_9) {
        while (keep && text[keep - 1] == '0')
            keep--;
        if (keep == 0)
            return;
    }
    text_put(out, (bole_slice){&point, 1});
    text_put(out, (bole_slice){(const uint8_t *)text, keep});
}

static void put_zone_name(struct text *out, const struct gotime *t)
{
    if (t->zone[0]) {
        text_put(out, bole_slice_str(t->zone));
        return;
    }
    int32_t all = t->offset < 0 ? -t->offset : t->offset;
    text_put(out, t->offset / 60 < 0 ? S("-") : S("+"));
    put(out, all / 3600, 2, '0');
    put(out, all / 60 % 60, 2, '0');
}

static void put_part(struct text *out, enum part part, const struct gotime *t, const struct gotime_civil *c)
{
    unsigned hour12 = c->hour % 12 ? c->hour % 12 : 12;
    switch (part) {
    case YEAR4: put(out, c->year, c->year < 0 ? 5 : 4, '0'); return;
    case YEAR2: put(out, (c->year < 0 ? 0 : c->year) % 100, 2, '0'); return;
    case MONTH_NAME: text_put(out, bole_slice_str(months[c->month - 1])); return;
    case MONTH_SHORT: text_put(out, (bole_slice){(const uint8_t *)months[c->month - 1], 3}); return;
    case MONTH2: put(out, c->month, 2, '0'); return;
    case MONTH1: put(out, c->month, 0, ' '); return;
    case DAY_NAME: text_put(out, bole_slice_str(days[c->weekday])); return;
    case DAY_SHORT: text_put(out, (bole_slice){(const uint8_t *)days[c->weekday], 3}); return;
    case DAY2: put(out, c->day, 2, '0'); return;
    case DAY1: put(out, c->day, 0, ' '); return;
    case DAY_BLANK: put(out, c->day, 2, ' '); return;
    case YEARDAY: put(out, c->yearday, 3, '0'); return;
    case YEARDAY_BLANK: put(out, c->yearday, 3, ' '); return;
    case HOUR24: put(out, c->hour, 2, '0'); return;
    case HOUR12_2: put(out, hour12, 2, '0'); return;
    case HOUR12: put(out, hour12, 0, ' '); return;
    case MINUTE2: put(out, c->minute, 2, '0'); return;
    case MINUTE1: put(out, c->minute, 0, ' '); return;
    case SECOND2: put(out, c->second, 2, '0'); return;
    case SECOND1: put(out, c->second, 0, ' '); return;
    case PM_UPPER: text_put(out, c->hour < 12 ? S("AM") : S("PM")); return;
    case PM_LOWER: text_put(out, c->hour < 12 ? S("am") : S("pm")); return;
    case ZONE_NAME: put_zone_name(out, t); return;
    case ZONE_Z: case ZONE_Z_COLON: case ZONE_Z_HOUR: case ZONE_Z_SECOND: case ZONE_Z_COLON_SECOND:
        if (t->offset == 0) {
            text_put(out, S("Z"));
            return;
        }
        put_offset(out, t->offset, part);
        return;
    default: put_offset(out, t->offset, part); return;
    }
}

void gotime_print(const struct gotime *t, bole_slice layout, struct text *out)
{
    struct gotime_civil c;
    gotime_to_civil(t, &c);
    while (layout.len && !out->failed) {
        bole_slice before, whole = layout;
        size_t digits;
        enum part part = gotime_next_part(&layout, &before, &digits);
        text_put(out, before);
        if (part == FRACTION_0 || part == FRACTION_9)
            put_fraction(out, t->nanosecond, part, whole.ptr[before.len], digits);
        else if (part != PART_NONE)
            put_part(out, part, t, &c);
    }
}
