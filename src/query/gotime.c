#include "query/gotime.h"

#include <stdio.h>

#include "base/timefmt.h"

static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August",
                                     "September", "October", "November", "December"};

enum part {
    YEAR4, YEAR2, MONTH_NAME, MONTH_SHORT, MONTH2, MONTH1, DAY_NAME, DAY_SHORT, DAY2, DAY1, DAY_BLANK, YEARDAY, HOUR24,
    HOUR12_2, HOUR12, MINUTE2, MINUTE1, SECOND2, SECOND1, PM_UPPER, PM_LOWER, ZONE_NAME, ZONE_Z, ZONE_COLON, ZONE_PLAIN,
};

/* Longest first where one is the beginning of another. */
static const struct { const char *text; enum part part; } parts[] = {
    {"January", MONTH_NAME}, {"Jan", MONTH_SHORT}, {"Monday", DAY_NAME}, {"Mon", DAY_SHORT}, {"MST", ZONE_NAME},
    {"2006", YEAR4}, {"002", YEARDAY}, {"01", MONTH2}, {"02", DAY2}, {"03", HOUR12_2}, {"04", MINUTE2}, {"05", SECOND2},
    {"06", YEAR2}, {"15", HOUR24}, {"1", MONTH1}, {"_2", DAY_BLANK}, {"2", DAY1}, {"3", HOUR12}, {"4", MINUTE1},
    {"5", SECOND1}, {"PM", PM_UPPER}, {"pm", PM_LOWER}, {"Z07:00", ZONE_Z}, {"Z0700", ZONE_Z}, {"-07:00", ZONE_COLON},
    {"-0700", ZONE_PLAIN}, {"-07", ZONE_PLAIN},
};

static int print_part(enum part part, const struct civil *t, char *out, size_t size)
{
    unsigned hour12 = t->hour % 12 ? t->hour % 12 : 12;
    switch (part) {
    case YEAR4: return snprintf(out, size, "%04lld", (long long)t->year);
    case YEAR2: return snprintf(out, size, "%02lld", (long long)(t->year % 100));
    case MONTH_NAME: return snprintf(out, size, "%s", months[t->month - 1]);
    case MONTH_SHORT: return snprintf(out, size, "%.3s", months[t->month - 1]);
    case MONTH2: return snprintf(out, size, "%02u", t->month);
    case MONTH1: return snprintf(out, size, "%u", t->month);
    case DAY_NAME: return snprintf(out, size, "%s", days[t->weekday]);
    case DAY_SHORT: return snprintf(out, size, "%.3s", days[t->weekday]);
    case DAY2: return snprintf(out, size, "%02u", t->day);
    case DAY1: return snprintf(out, size, "%u", t->day);
    case DAY_BLANK: return snprintf(out, size, "%2u", t->day);
    case YEARDAY: return snprintf(out, size, "%03u", t->yearday);
    case HOUR24: return snprintf(out, size, "%02u", t->hour);
    case HOUR12_2: return snprintf(out, size, "%02u", hour12);
    case HOUR12: return snprintf(out, size, "%u", hour12);
    case MINUTE2: return snprintf(out, size, "%02u", t->minute);
    case MINUTE1: return snprintf(out, size, "%u", t->minute);
    case SECOND2: return snprintf(out, size, "%02u", t->second);
    case SECOND1: return snprintf(out, size, "%u", t->second);
    case PM_UPPER: return snprintf(out, size, "%s", t->hour < 12 ? "AM" : "PM");
    case PM_LOWER: return snprintf(out, size, "%s", t->hour < 12 ? "am" : "pm");
    case ZONE_NAME: return snprintf(out, size, "UTC");
    case ZONE_Z: return snprintf(out, size, "Z");
    case ZONE_COLON: return snprintf(out, size, "+00:00");
    case ZONE_PLAIN: return snprintf(out, size, "+0000");
    }
    return 0;
}

/* .000 prints all digits, .999 drops zeros at the end. Returns how much of the layout it is; 0: no fraction. */
static size_t print_fraction(bole_slice layout, unsigned nanosecond, char *out, size_t size, size_t *ret_printed)
{
    size_t digits = 0;
    if (layout.len < 2 || (layout.ptr[0] != '.' && layout.ptr[0] != ',') ||
        (layout.ptr[1] != '0' && layout.ptr[1] != '9'))
        return 0;
    while (1 + digits < layout.len && layout.ptr[1 + digits] == layout.ptr[1])
        digits++;
    if (digits > 9 || (1 + digits < layout.len && layout.ptr[1 + digits] >= '0' && layout.ptr[1 + digits] <= '9'))
        return 0;
    char text[16];
    snprintf(text, sizeof text, "%c%09u", layout.ptr[0], nanosecond);
    size_t keep = 1 + digits;
    if (layout.ptr[1] == '9') {
        while (keep > 1 && text[keep - 1] == '0')
            keep--;
        keep -= keep == 1;
    }
    *ret_printed = keep < size ? keep : size;
    memcpy(out, text, *ret_printed);
    return 1 + digits;
}

size_t gotime_format(int64_t ns, bole_slice layout, char *ret_text, size_t size)
{
    struct civil t;
    size_t n = 0;
    time_to_civil(ns, &t);
    while (layout.len && n + 16 < size) {
        size_t used = 0, printed = 0;
        for (size_t i = 0; i < sizeof parts / sizeof parts[0] && !used; i++) {
            if (!bole_slice_starts(layout, bole_slice_str(parts[i].text)))
                continue;
            used = strlen(parts[i].text);
            printed = (size_t)print_part(parts[i].part, &t, ret_text + n, size - n);
        }
        if (!used)
            used = print_fraction(layout, t.nanosecond, ret_text + n, size - n, &printed);
        if (!used) {
            ret_text[n] = (char)layout.ptr[0];
            used = printed = 1;
        }
        n += printed;
        layout = bole_slice_sub(layout, used);
    }
    return n;
}
