/* gotime_print.c - a time by a layout of Go. */
#include <stdio.h>

#include "base/gotime_impl.h"
#include "query/template/gotime_print.h"

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
    case MONTH_NAME: text_put(out, bole_slice_str(gotime_month_name(c->month))); return;
    case MONTH_SHORT: text_put(out, (bole_slice){(const uint8_t *)gotime_month_name(c->month), 3}); return;
    case MONTH2: put(out, c->month, 2, '0'); return;
    case MONTH1: put(out, c->month, 0, ' '); return;
    case DAY_NAME: text_put(out, bole_slice_str(gotime_weekday_name(c->weekday))); return;
    case DAY_SHORT: text_put(out, (bole_slice){(const uint8_t *)gotime_weekday_name(c->weekday), 3}); return;
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
