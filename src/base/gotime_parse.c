/* gotime_parse.c - reading a point in time by a layout, as lenient and as strict as Go's time.ParseInLocation. */
#include "base/timefmt.h"
#include "base/gotime_impl.h"

struct reading {
    bole_slice rest;
    int64_t    year;
    int        month, day, yearday; /* -1: not given */
    int        hour, minute, second;
    uint32_t   nanosecond;
    bool       am, pm, is_utc, has_offset, is_range_error;
    int32_t    offset;
    bole_slice zone; /* abbreviation */
};

static bool is_digit(bole_slice s, size_t i)
{
    return i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9';
}

/* One digit or two; with `fixed` two. */
static bool take_two(bole_slice *s, bool fixed, int *ret)
{
    if (!is_digit(*s, 0) || (fixed && !is_digit(*s, 1)))
        return false;
    size_t n = is_digit(*s, 1) ? 2 : 1;
    *ret = n == 2 ? (s->ptr[0] - '0') * 10 + (s->ptr[1] - '0') : s->ptr[0] - '0';
    *s = bole_slice_sub(*s, n);
    return true;
}

static bool take_three(bole_slice *s, bool fixed, int *ret)
{
    size_t n = 0;
    *ret = 0;
    for (; n < 3 && is_digit(*s, n); n++)
        *ret = *ret * 10 + (s->ptr[n] - '0');
    *s = bole_slice_sub(*s, n);
    return n > 0 && (!fixed || n == 3);
}

/* A name in any letter case. */
static bool take_name(bole_slice *s, const char *(*name)(int64_t), int first, int last, bool is_short, int *ret)
{
    for (*ret = first; *ret <= last; ++*ret) {
        bole_slice wanted = bole_slice_str(name(*ret));
        if (is_short)
            wanted.len = 3;
        if (s->len >= wanted.len && bole_slice_eq_nocase((bole_slice){s->ptr, wanted.len}, wanted)) {
            *s = bole_slice_sub(*s, wanted.len);
            return true;
        }
    }
    return false;
}

/* Digits behind the point at s[0], `count` of them; more than nine are cut. */
static void take_fraction(struct reading *r, size_t count)
{
    uint32_t v = 0;
    for (size_t i = 1; i <= 9; i++)
        v = v * 10 + (i <= count ? (uint32_t)(r->rest.ptr[i] - '0') : 0);
    r->nanosecond = v;
    r->rest = bole_slice_sub(r->rest, count + 1);
}

static size_t fraction_digits(bole_slice s)
{
    size_t n = 0;
    if (s.len < 2 || (s.ptr[0] != '.' && s.ptr[0] != ','))
        return 0;
    while (is_digit(s, n + 1))
        n++;
    return n;
}

static bool take_second(struct reading *r, bool fixed, bole_slice layout)
{
    bole_slice before;
    size_t digits;
    if (!take_two(&r->rest, fixed, &r->second) || r->second >= 60)
        return false;
    size_t n = fraction_digits(r->rest);
    enum part next = n ? gotime_next_part(&layout, &before, &digits) : PART_NONE;
    if (n && next != FRACTION_0 && next != FRACTION_9) /* the text has a fraction that the layout does not know */
        take_fraction(r, n);
    return true;
}

static bool take_half(struct reading *r, bole_slice am, bole_slice pm)
{
    r->am = bole_slice_starts(r->rest, am);
    r->pm = bole_slice_starts(r->rest, pm);
    r->rest = bole_slice_sub(r->rest, 2);
    return r->am || r->pm;
}

static bool take_offset(struct reading *r, enum part part)
{
    bool is_colon = part == ZONE_COLON || part == ZONE_Z_COLON || part == ZONE_COLON_SECOND || part == ZONE_Z_COLON_SECOND;
    bool is_hour = part == ZONE_HOUR || part == ZONE_Z_HOUR;
    bool has_second = part == ZONE_SECOND || part == ZONE_Z_SECOND || part == ZONE_COLON_SECOND ||
                      part == ZONE_Z_COLON_SECOND;
    int values[3] = {0};
    bole_slice s = r->rest;
    if (part >= ZONE_Z && part <= ZONE_Z_COLON_SECOND && s.len && s.ptr[0] == 'Z') {
        r->is_utc = true;
        r->rest = bole_slice_sub(s, 1);
        return true;
    }
    if (s.len == 0 || (s.ptr[0] != '+' && s.ptr[0] != '-'))
        return false;
    bool negative = s.ptr[0] == '-';
    s = bole_slice_sub(s, 1);
    for (int i = 0; i < (is_hour ? 1 : has_second ? 3 : 2); i++) {
        if (i && is_colon) {
            if (s.len == 0 || s.ptr[0] != ':')
                return false;
            s = bole_slice_sub(s, 1);
        }
        if (!take_two(&s, true, &values[i]))
            return false;
    }
    if (values[0] > 24 || values[1] > 60 || values[2] > 60)
        return false;
    r->offset = (values[0] * 60 + values[1]) * 60 + values[2];
    r->offset = negative ? -r->offset : r->offset;
    r->has_offset = r->offset != -1; /* Go's own mark for "none" */
    r->rest = s;
    return true;
}

/* +5, -12: 0 when it is none. */
static size_t signed_hours(bole_slice s, int *ret)
{
    size_t n = 1;
    *ret = 0;
    if (s.len < 2 || (s.ptr[0] != '+' && s.ptr[0] != '-'))
        return 0;
    for (; is_digit(s, n) && *ret < 1000; n++)
        *ret = *ret * 10 + (s.ptr[n] - '0');
    *ret = s.ptr[0] == '-' ? -*ret : *ret;
    return n > 1 && *ret > -24 && *ret < 24 ? n : 0;
}

static size_t zone_name_length(bole_slice s)
{
    int hours;
    size_t upper = 0;
    if (s.len < 3)
        return 0;
    if (bole_slice_starts(s, S("ChST")) || bole_slice_starts(s, S("MeST")))
        return 4;
    if (bole_slice_starts(s, S("GMT")))
        return 3 + signed_hours(bole_slice_sub(s, 3), &hours);
    if (s.ptr[0] == '+' || s.ptr[0] == '-')
        return signed_hours(s, &hours);
    while (upper < 6 && upper < s.len && s.ptr[upper] >= 'A' && s.ptr[upper] <= 'Z')
        upper++;
    switch (upper) {
    case 5: return s.ptr[4] == 'T' ? 5 : 0;
    case 4: return s.ptr[3] == 'T' || bole_slice_starts(s, S("WITA")) ? 4 : 0;
    case 3: return 3;
    default: return 0;
    }
}

static bool take_zone_name(struct reading *r)
{
    if (bole_slice_starts(r->rest, S("UTC"))) {
        r->is_utc = true;
        r->rest = bole_slice_sub(r->rest, 3);
        return true;
    }
    size_t n = zone_name_length(r->rest);
    r->zone = (bole_slice){r->rest.ptr, n};
    r->rest = bole_slice_sub(r->rest, n);
    return n > 0;
}

static void skip_blank(struct reading *r)
{
    if (r->rest.len && r->rest.ptr[0] == ' ')
        r->rest = bole_slice_sub(r->rest, 1);
}

static bool take_year(struct reading *r, size_t digits)
{
    int64_t v = 0;
    for (size_t i = 0; i < digits; i++) {
        if (!is_digit(r->rest, i))
            return false;
        v = v * 10 + (r->rest.ptr[i] - '0');
    }
    r->year = digits == 4 ? v : v >= 69 ? 1900 + v : 2000 + v;
    r->rest = bole_slice_sub(r->rest, digits);
    return true;
}

static bool take_part(struct reading *r, enum part part, size_t digits, bole_slice layout)
{
    int unused;
    switch (part) {
    case YEAR4: return take_year(r, 4);
    case YEAR2: return take_year(r, 2);
    case MONTH_NAME: return take_name(&r->rest, gotime_month_name, 1, 12, false, &r->month);
    case MONTH_SHORT: return take_name(&r->rest, gotime_month_name, 1, 12, true, &r->month);
    case MONTH1: case MONTH2: return take_two(&r->rest, part == MONTH2, &r->month) && r->month > 0 && r->month <= 12;
    case DAY_NAME: return take_name(&r->rest, gotime_weekday_name, 0, 6, false, &unused);
    case DAY_SHORT: return take_name(&r->rest, gotime_weekday_name, 0, 6, true, &unused);
    case DAY_BLANK: skip_blank(r); return take_two(&r->rest, false, &r->day);
    case DAY1: case DAY2: return take_two(&r->rest, part == DAY2, &r->day);
    case YEARDAY_BLANK: skip_blank(r); skip_blank(r); return take_three(&r->rest, false, &r->yearday);
    case YEARDAY: return take_three(&r->rest, true, &r->yearday);
    case HOUR24: return take_two(&r->rest, false, &r->hour) && r->hour < 24;
    case HOUR12: case HOUR12_2: return take_two(&r->rest, part == HOUR12_2, &r->hour) && r->hour <= 12;
    case MINUTE1: case MINUTE2: return take_two(&r->rest, part == MINUTE2, &r->minute) && r->minute < 60;
    case SECOND1: case SECOND2: return take_second(r, part == SECOND2, layout);
    case PM_UPPER: return take_half(r, S("AM"), S("PM"));
    case PM_LOWER: return take_half(r, S("am"), S("pm"));
    case ZONE_NAME: return take_zone_name(r);
    case FRACTION_0:
        if (fraction_digits(r->rest) < digits)
            return false;
        take_fraction(r, digits);
        return true;
    case FRACTION_9:
        if (fraction_digits(r->rest))
            take_fraction(r, fraction_digits(r->rest));
        return true;
    default: return take_offset(r, part);
    }
}

static bole_slice cut_blanks(bole_slice s)
{
    while (s.len && s.ptr[0] == ' ')
        s = bole_slice_sub(s, 1);
    return s;
}

/* The text between parts; runs of blanks are equal to each other. */
static bool take_text(struct reading *r, bole_slice text)
{
    while (text.len) {
        if (text.ptr[0] == ' ') {
            if (r->rest.len && r->rest.ptr[0] != ' ')
                return false;
            text = cut_blanks(text);
            r->rest = cut_blanks(r->rest);
            continue;
        }
        if (r->rest.len == 0 || r->rest.ptr[0] != text.ptr[0])
            return false;
        text = bole_slice_sub(text, 1);
        r->rest = bole_slice_sub(r->rest, 1);
    }
    return true;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 || year % 400 == 0);
}

static int days_in(int month, int64_t year)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

static bool settle_date(struct reading *r)
{
    if (r->yearday >= 0) {
        int month = 1, day = r->yearday;
        if (day < 1 || day > 365 + is_leap(r->year))
            return false;
        for (; day > days_in(month, r->year); month++)
            day -= days_in(month, r->year);
        if ((r->month >= 0 && r->month != month) || (r->day >= 0 && r->day != day))
            return false;
        r->month = month;
        r->day = day;
    }
    r->month = r->month < 0 ? 1 : r->month;
    r->day = r->day < 0 ? 1 : r->day;
    return r->day >= 1 && r->day <= days_in(r->month, r->year);
}

static void set_zone(struct gotime *t, int32_t offset, bole_slice name)
{
    size_t n = name.len < sizeof t->zone ? name.len : sizeof t->zone - 1;
    t->offset = offset;
    memset(t->zone, 0, sizeof t->zone);
    if (n)
        memcpy(t->zone, name.ptr, n);
}

static void zone_or_utc(const struct zone *z, int64_t second, int32_t *ret_offset, const char **ret_name)
{
    *ret_offset = 0;
    *ret_name = "UTC";
    if (z)
        zone_at(z, second, ret_offset, ret_name);
}

/* Where the text names no zone: as time.Date, which looks twice and takes the second answer near a change. */
static void settle_local(struct gotime *t, int64_t local, const struct zone *z)
{
    int32_t offset;
    const char *name;
    zone_or_utc(z, local, &offset, &name);
    if (offset)
        zone_or_utc(z, local - offset, &offset, &name);
    t->second = local - offset;
    zone_or_utc(z, t->second, &offset, &name);
    set_zone(t, offset, bole_slice_str(name));
}

static void settle_zone(struct reading *r, struct gotime *t, int64_t local, const struct zone *z)
{
    int32_t offset;
    const char *name;
    if (r->is_utc) {
        t->second = local;
        set_zone(t, 0, S("UTC"));
    } else if (r->has_offset) {
        t->second = local - r->offset;
        zone_or_utc(z, t->second, &offset, &name);
        bool is_here = offset == r->offset && (!r->zone.len || bole_slice_eq(r->zone, bole_slice_str(name)));
        set_zone(t, r->offset, is_here ? bole_slice_str(name) : r->zone);
    } else if (r->zone.len) {
        int hours = 0;
        if (z && zone_by_name(z, r->zone, local, &offset)) {
            t->second = local - offset;
            zone_or_utc(z, t->second, &offset, &name);
            set_zone(t, offset, bole_slice_str(name));
            return;
        }
        if (bole_slice_starts(r->zone, S("GMT")))
            signed_hours(bole_slice_sub(r->zone, 3), &hours);
        t->second = local; /* Go keeps the instant as if it were UTC */
        set_zone(t, hours * 3600, r->zone);
    } else {
        settle_local(t, local, z);
    }
}

bool gotime_parse(bole_slice layout, bole_slice text, const struct zone *zone, struct gotime *ret)
{
    struct reading r = {.rest = text, .month = -1, .day = -1, .yearday = -1};
    for (;;) {
        bole_slice before;
        size_t digits;
        enum part part = gotime_next_part(&layout, &before, &digits);
        if (!take_text(&r, before))
            return false;
        if (part == PART_NONE)
            break;
        if (!take_part(&r, part, digits, layout))
            return false;
    }
    if (r.rest.len || !settle_date(&r))
        return false;
    r.hour = r.pm && r.hour < 12 ? r.hour + 12 : r.am && !r.pm && r.hour == 12 ? 0 : r.hour;
    int64_t local = time_from_civil(r.year, (unsigned)r.month, (unsigned)r.day, (unsigned)r.hour, (unsigned)r.minute,
                                    (unsigned)r.second);
    *ret = (struct gotime){.nanosecond = r.nanosecond};
    settle_zone(&r, ret, local, zone);
    return true;
}
