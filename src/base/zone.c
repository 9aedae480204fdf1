/*
 * zone.c - rules of time zones from the system's database (TZif, RFC 9636).
 *
 * The 64-bit part of a file is kept as it is read: times and types are looked at in place. Behind the last change the rule
 * of the footer ("CET-1CEST,M3.5.0,M10.5.0/3") holds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/timefmt.h"
#include "base/gotime.h"

enum { ZONE_SIZE_MAX = 16384, HEADER_SIZE = 44, ABBREVIATION_MAX = 11 };

struct rule_day { /* Mm.w.d, Jn or n, and the second of that day */
    char    kind; /* 'M', 'J', '0' */
    int     month, week, day;
    int64_t second;
};

struct rule {
    bool            is_set, has_summer;
    char            names[2][ABBREVIATION_MAX + 1];
    int32_t         offsets[2];
    struct rule_day from, to; /* of summer */
};

struct zone {
    const uint8_t *times, *indexes, *types, *names;
    size_t         time_count, type_count, name_size;
    struct rule    rule;
};

static uint32_t load32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t load64(const uint8_t *p)
{
    return (int64_t)((uint64_t)load32(p) << 32 | load32(p + 4));
}

/* ---- the footer ---- */

static bool take_number(const char **p, int64_t *ret)
{
    const char *s = *p;
    for (*ret = 0; *s >= '0' && *s <= '9' && *ret < 100000; s++)
        *ret = *ret * 10 + (*s - '0');
    bool found = s > *p;
    *p = s;
    return found;
}

static bool take_name(const char **p, char *ret)
{
    size_t n = 0;
    bool quoted = **p == '<';
    *p += quoted;
    for (; **p && (quoted ? **p != '>' : ((**p | 0x20) >= 'a' && (**p | 0x20) <= 'z')); ++*p) {
        if (n == ABBREVIATION_MAX)
            return false;
        ret[n++] = **p;
    }
    ret[n] = 0;
    *p += quoted && **p == '>';
    return n > 0;
}

/* [+-]hh[:mm[:ss]] */
static bool take_offset(const char **p, int64_t *ret)
{
    int64_t v, scale = 3600;
    bool negative = **p == '-';
    *p += **p == '-' || **p == '+';
    if (!take_number(p, ret))
        return false;
    *ret *= 3600;
    while (**p == ':' && scale > 1) {
        ++*p;
        scale /= 60;
        if (!take_number(p, &v))
            return false;
        *ret += v * scale;
    }
    *ret = negative ? -*ret : *ret;
    return true;
}

static bool take_day(const char **p, struct rule_day *ret)
{
    int64_t a, b, c;
    *ret = (struct rule_day){.kind = '0', .second = 7200};
    if (**p == 'M' || **p == 'J')
        ret->kind = *(*p)++;
    if (!take_number(p, &a))
        return false;
    ret->day = (int)a;
    if (ret->kind == 'M') {
        if (*(*p)++ != '.' || !take_number(p, &b) || *(*p)++ != '.' || !take_number(p, &c) || a < 1 || a > 12)
            return false;
        ret->month = (int)a;
        ret->week = (int)b;
        ret->day = (int)c;
    }
    if (**p == '/') {
        ++*p;
        return take_offset(p, &ret->second);
    }
    return true;
}

static bool parse_rule(const char *p, struct rule *r)
{
    int64_t offset;
    if (!take_name(&p, r->names[0]) || !take_offset(&p, &offset))
        return false;
    r->offsets[0] = (int32_t)-offset;
    r->is_set = true;
    if (!*p)
        return true;
    if (!take_name(&p, r->names[1]))
        return false;
    r->offsets[1] = r->offsets[0] + 3600;
    if (*p && *p != ',') {
        if (!take_offset(&p, &offset))
            return false;
        r->offsets[1] = (int32_t)-offset;
    }
    if (*p++ != ',' || !take_day(&p, &r->from) || *p++ != ',' || !take_day(&p, &r->to))
        return false;
    r->has_summer = true;
    return true;
}

/* Seconds since 1970, as if the zone were UTC, of the day in that year. */
static int64_t day_second(const struct rule_day *d, int64_t year)
{
    bool is_leap = year % 4 == 0 && (year % 100 || year % 400 == 0);
    int64_t begin = time_from_civil(year, 1, 1, 0, 0, 0);
    if (d->kind == 'J')
        return begin + (d->day - 1 + (is_leap && d->day >= 60)) * 86400LL + d->second;
    if (d->kind == '0')
        return begin + d->day * 86400LL + d->second;
    int64_t first = time_from_civil(year, (unsigned)d->month, 1, 0, 0, 0);
    int64_t next = d->month == 12 ? time_from_civil(year + 1, 1, 1, 0, 0, 0)
                                  : time_from_civil(year, (unsigned)d->month + 1, 1, 0, 0, 0);
    int64_t weekday = ((first / 86400 + 4) % 7 + 7) % 7;
    int64_t day = first + ((d->day - weekday + 7) % 7 + (d->week - 1) * 7LL) * 86400;
    while (day >= next)
        day -= 7 * 86400;
    return day + d->second;
}

static bool is_summer(const struct rule *r, int64_t second)
{
    struct gotime local = gotime_utc(second + r->offsets[0], 0);
    struct gotime_civil c;
    gotime_to_civil(&local, &c);
    int64_t from = day_second(&r->from, c.year) - r->offsets[0], to = day_second(&r->to, c.year) - r->offsets[1];
    return from <= to ? second >= from && second < to : second >= from || second < to;
}

/* ---- the file ---- */

struct counts {
    size_t utc, standard, leaps, times, types, names;
};

static bool read_header(const uint8_t *p, size_t size, struct counts *ret)
{
    if (size < HEADER_SIZE || memcmp(p, "TZif", 4) != 0)
        return false;
    *ret = (struct counts){load32(p + 20), load32(p + 24), load32(p + 28), load32(p + 32), load32(p + 36),
                           load32(p + 40)};
    return ret->times < ZONE_SIZE_MAX && ret->types < 256 && ret->types && ret->names < ZONE_SIZE_MAX &&
           ret->utc <= 256 && ret->standard <= 256 && ret->leaps < ZONE_SIZE_MAX;
}

static size_t body_size(const struct counts *c, size_t time_size)
{
    return c->times * time_size + c->times + c->types * 6 + c->names + c->leaps * (time_size + 4) + c->standard + c->utc;
}

static bool parse_file(const uint8_t *p, size_t size, struct zone *z)
{
    struct counts c;
    if (!read_header(p, size, &c) || p[4] < '2' || size - HEADER_SIZE < body_size(&c, 4))
        return false;
    size_t skip = HEADER_SIZE + body_size(&c, 4);
    if (!read_header(p + skip, size - skip, &c) || size - skip - HEADER_SIZE < body_size(&c, 8))
        return false;
    z->times = p + skip + HEADER_SIZE;
    z->time_count = c.times;
    z->indexes = z->times + c.times * 8;
    z->types = z->indexes + c.times;
    z->type_count = c.types;
    z->names = z->types + c.types * 6;
    z->name_size = c.names;
    size_t end = skip + HEADER_SIZE + body_size(&c, 8);
    char footer[80];
    size_t n = 0;
    for (size_t i = end + 1; i < size && p[i] != '\n' && n < sizeof footer - 1; i++)
        footer[n++] = (char)p[i];
    footer[n] = 0;
    if (n && !parse_rule(footer, &z->rule))
        z->rule = (struct rule){0};
    return true;
}

static bool is_good_name(bole_slice name)
{
    bool is_plain = name.len > 0 && name.len < 64 && name.ptr[0] != '/' && !memchr(name.ptr, '\\', name.len) &&
                    !memchr(name.ptr, 0, name.len);
    return is_plain && !memmem(name.ptr, name.len, "..", 2);
}

const struct zone *zone_load(bole_slice name, struct arena *arena)
{
    char path[128];
    struct zone *z = NULL;
    if (!is_good_name(name) || bole_slice_eq(name, S("UTC")) || bole_slice_eq(name, S("Local")))
        return NULL;
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", BOLE_SLICE_ARG(name));
    FILE *f = fopen(path, "rbe");
    uint8_t *bytes = f ? arena_bytes(arena, ZONE_SIZE_MAX) : NULL;
    size_t size = bytes ? fread(bytes, 1, ZONE_SIZE_MAX, f) : 0;
    if (f)
        fclose(f);
    if (size && size < ZONE_SIZE_MAX)
        z = arena_zalloc(arena, sizeof *z);
    return z && parse_file(bytes, size, z) ? z : NULL;
}

static void type_at(const struct zone *z, size_t type, int32_t *ret_offset, const char **ret_name)
{
    const uint8_t *p = z->types + (type < z->type_count ? type : 0) * 6;
    size_t name = p[5];
    *ret_offset = (int32_t)load32(p);
    *ret_name = "";
    if (name < z->name_size && memchr(z->names + name, 0, z->name_size - name))
        *ret_name = (const char *)z->names + name;
}

void zone_at(const struct zone *z, int64_t second, int32_t *ret_offset, const char **ret_name)
{
    size_t low = 0, high = z->time_count;
    while (low < high) { /* the first change behind that second */
        size_t half = low + (high - low) / 2;
        if (load64(z->times + half * 8) <= second)
            low = half + 1;
        else
            high = half;
    }
    if (low == z->time_count && z->rule.is_set) {
        bool summer = z->rule.has_summer && is_summer(&z->rule, second);
        *ret_offset = z->rule.offsets[summer];
        *ret_name = z->rule.names[summer];
        return;
    }
    type_at(z, low ? z->indexes[low - 1] : 0, ret_offset, ret_name);
}

bool zone_by_name(const struct zone *z, bole_slice name, int64_t second, int32_t *ret_offset)
{
    const char *found;
    int32_t offset;
    for (int pass = 0; pass < 2; pass++) /* one that holds at that time, else any of the name */
        for (size_t i = 0; i < z->type_count; i++) {
            type_at(z, i, ret_offset, &found);
            if (!bole_slice_eq(name, bole_slice_str(found)))
                continue;
            if (pass)
                return true;
            zone_at(z, second - *ret_offset, &offset, &found);
            if (bole_slice_eq(name, bole_slice_str(found))) {
                *ret_offset = offset;
                return true;
            }
        }
    return false;
}
