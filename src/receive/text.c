/*
 * A stamp is read by small steps over a cursor: a step that does not fit leaves the cursor alone, so that formats are
 * tried one after another. The first byte decides which are tried at all.
 */
#include "receive/text.h"

#include "base/clock.h"
#include "base/timefmt.h"
#include "shim/number.h"

/* How many nanoseconds one of these is: the four units differ by factors of a thousand, and 10^10 is more seconds than
 * 64 bits of nanoseconds reach (2262), but milliseconds of 1970 only. */
static int64_t unix_unit(int64_t whole)
{
    uint64_t limit = 10000000000;
    int64_t unit = NS_PER_S;
    for (; unit > 1 && (uint64_t)whole >= limit; unit /= 1000)
        limit *= 1000;
    return unit;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool unix_time_parse(bole_slice text, int64_t *ret_ns)
{
    bool negative = text.len && text.ptr[0] == '-';
    size_t at = negative, from = at;
    int64_t whole = 0, ns;
    while (at < text.len && is_digit(text.ptr[at])) {
        if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, text.ptr[at++] - '0', &whole))
            return false;
    }
    if (at == from)
        return false;
    int64_t unit = unix_unit(whole), part = 0, scale = unit;
    if (at < text.len && text.ptr[at] == '.')
        for (at++; at < text.len && is_digit(text.ptr[at]); at++) {
            scale /= 10;
            part += scale * (text.ptr[at] - '0');
        }
    if (at < text.len) { /* 1.5e9: as a double, exact to a microsecond or so */
        double value;
        if ((text.ptr[at] | 0x20) != 'e' || !number_parse(text, &value) || !(value > -9.2e9 && value < 9.2e9))
            return false;
        *ret_ns = (int64_t)(value * 1e9);
        return true;
    }
    if (__builtin_mul_overflow(whole, unit, &ns) || __builtin_add_overflow(ns, part, &ns))
        return false;
    *ret_ns = negative ? -ns : ns;
    return true;
}

/* ---- steps ---- */

struct scan {
    const uint8_t *p, *end;
};

struct stamp {
    unsigned year, month, day, hour, minute, second;
    unsigned nanosecond;
    bool     has_year, has_zone;
    int      offset_s;
};

/* any_of is a short constant: inlined, this becomes a comparison or two. */
static inline __attribute__((always_inline)) bool take_char(struct scan *s, const char *any_of)
{
    if (s->p == s->end)
        return false;
    for (; *any_of; any_of++)
        if (*s->p == (uint8_t)*any_of) {
            s->p++;
            return true;
        }
    return false;
}

static bool take_number(struct scan *s, int width, unsigned *ret_value)
{
    unsigned v = 0;
    if (s->end - s->p < width)
        return false;
    for (int i = 0; i < width; i++) {
        if (!is_digit(s->p[i]))
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    s->p += width;
    *ret_value = v;
    return true;
}

/* One of `count` names of three letters, in any case; its place counts from 1. */
static bool take_name(struct scan *s, const char *names, unsigned count, unsigned *ret_place)
{
    if (s->end - s->p < 3)
        return false;
    uint8_t a = s->p[0] | 0x20, b = s->p[1] | 0x20, c = s->p[2] | 0x20;
    for (unsigned i = 0; i < count; i++, names += 3)
        if (a == names[0] && b == names[1] && c == names[2]) {
            s->p += 3;
            *ret_place = i + 1;
            return true;
        }
    return false;
}

static bool take_month(struct scan *s, struct stamp *t)
{
    return take_name(s, "janfebmaraprmayjunjulaugsepoctnovdec", 12, &t->month);
}

static bool take_year(struct scan *s, struct stamp *t)
{
    return take_number(s, 4, &t->year) && (t->has_year = true);
}

/* Two digits, or a blank and one. */
static bool take_day(struct scan *s, struct stamp *t)
{
    struct scan start = *s;
    if (take_number(s, 2, &t->day))
        return true;
    take_char(s, " ");
    if (take_number(s, 1, &t->day))
        return true;
    *s = start;
    return false;
}

/* hh:mm:ss with any fraction behind a point or comma. */
static bool take_clock(struct scan *s, struct stamp *t)
{
    struct scan start = *s;
    if (!take_number(s, 2, &t->hour) || !take_char(s, ":") || !take_number(s, 2, &t->minute) || !take_char(s, ":") ||
        !take_number(s, 2, &t->second)) {
        *s = start;
        return false;
    }
    start = *s;
    if (take_char(s, ".,") && s->p < s->end && is_digit(*s->p)) {
        for (unsigned scale = NS_PER_S / 10; s->p < s->end && is_digit(*s->p); s->p++, scale /= 10)
            t->nanosecond += scale * (*s->p - '0');
        return true;
    }
    *s = start;
    return true;
}

/* Z, GMT, UTC, +hh:mm, +hhmm, behind a blank or not. What is no zone is left alone. */
static void take_zone(struct scan *s, struct stamp *t)
{
    struct scan start = *s;
    unsigned hours, minutes, which;
    take_char(s, " ");
    bool west = s->p < s->end && *s->p == '-';
    if (take_name(s, "gmtutc", 2, &which) || take_char(s, "Z")) {
        t->has_zone = true;
    } else if (take_char(s, "+-") && take_number(s, 2, &hours) && (take_char(s, ":"), take_number(s, 2, &minutes)) &&
               hours < 24 && minutes < 60 && !(s->p < s->end && is_digit(*s->p))) {
        t->has_zone = true;
        t->offset_s = (int)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
    } else {
        *s = start;
    }
}

/* ---- formats: each begins where its stamp begins ---- */

/* yyyy-mm-dd or yyyy/mm/dd, then T, blank or _ and a clock; with `short_year` yy/mm/dd. */
static bool take_iso(struct scan *s, struct stamp *t, bool short_year)
{
    if (!(short_year ? take_number(s, 2, &t->year) : take_number(s, 4, &t->year)) || s->p == s->end)
        return false;
    const char separator[] = {(char)*s->p, 0};
    if ((*s->p != '-' && *s->p != '/') || (short_year && *s->p != '/'))
        return false;
    t->year += short_year ? 2000 : 0;
    t->has_year = true;
    if (!take_char(s, separator) || !take_number(s, 2, &t->month) || !take_char(s, separator) ||
        !take_number(s, 2, &t->day) || !take_char(s, "Tt _") || !take_clock(s, t))
        return false;
    take_zone(s, t);
    return true;
}

/* Nov 21 10:00:00, with the year before or behind the clock or not at all. */
static bool take_month_first(struct scan *s, struct stamp *t)
{
    if (!take_month(s, t) || !take_char(s, " ") || !take_day(s, t) || !take_char(s, " "))
        return false;
    struct scan clock = *s;
    if (take_year(s, t) && take_char(s, " ") && take_clock(s, t))
        return true;
    *s = clock;
    t->has_year = false;
    if (!take_clock(s, t))
        return false;
    struct scan behind = *s;
    if (!take_char(s, " ") || !take_year(s, t) ||
        (s->p < s->end && (is_digit(*s->p) || *s->p == '-' || *s->p == ':'))) {
        *s = behind;
        t->has_year = false;
    }
    return true;
}

/* 21 Nov 2026 10:00:00, or 21/Nov/2026:10:00:00 of web servers. */
static bool take_day_first(struct scan *s, struct stamp *t)
{
    if (!take_number(s, 2, &t->day) || !take_char(s, " /-") || !take_month(s, t) || !take_char(s, " /-") ||
        !take_year(s, t) || !take_char(s, " :") || !take_clock(s, t))
        return false;
    take_zone(s, t);
    return true;
}

/* ---- from a stamp to nanoseconds ---- */

static bool is_date(const struct stamp *t, unsigned year)
{
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return t->month >= 1 && t->month <= 12 && t->day >= 1 && t->day <= days[t->month - 1] &&
           (leap || t->month != 2 || t->day != 29) && t->hour < 24 && t->minute < 60 && t->second <= 60;
}

static bool in_year(const struct stamp *t, unsigned year, int local_offset_s, int64_t *ret_ns)
{
    if (!is_date(t, year) || year < 1678 || year > 2261)
        return false;
    int64_t seconds = time_from_civil(year, t->month, t->day, t->hour, t->minute, t->second);
    *ret_ns = (seconds - (t->has_zone ? t->offset_s : local_offset_s)) * NS_PER_S + t->nanosecond;
    return true;
}

enum { LEAP_DISTANCE = 8 }; /* years at most from one 29 February to the next */

static bool to_ns(const struct stamp *t, int64_t now_ns, int local_offset_s, int64_t *ret_ns)
{
    if (t->has_year)
        return in_year(t, t->year, local_offset_s, ret_ns);
    struct civil now;
    int64_t tomorrow = now_ns > INT64_MAX - 86400 * NS_PER_S ? INT64_MAX : now_ns + 86400 * NS_PER_S;
    time_to_civil(tomorrow, &now);
    for (unsigned back = 0; back <= LEAP_DISTANCE; back++)
        if (in_year(t, (unsigned)now.year - back, local_offset_s, ret_ns) && *ret_ns <= tomorrow)
            return true;
    return false;
}

/* ---- where the stamp is ---- */

enum { HEAD_MAX = 256, JSON_HEAD_MAX = 4096 }; /* bytes that are searched for it */

/* <34>, and the version of RFC 5424 behind it. */
static void skip_priority(struct scan *s)
{
    struct scan start = *s;
    unsigned digits = 0;
    if (!take_char(s, "<"))
        return;
    while (s->p < s->end && is_digit(*s->p) && digits < 3)
        s->p++, digits++;
    if (!digits || !take_char(s, ">")) {
        *s = start;
        return;
    }
    start = *s;
    if (!take_char(s, "1") || !take_char(s, " "))
        *s = start;
}

/* A number of at least ten digits that stands alone. */
static bool number_at(struct scan *at, int64_t *ret_ns)
{
    struct scan s = *at;
    const uint8_t *from = s.p;
    while (s.p < s.end && is_digit(*s.p))
        s.p++;
    if (s.p - from < 10)
        return false;
    if (s.end - s.p > 1 && *s.p == '.' && is_digit(s.p[1]))
        for (s.p++; s.p < s.end && is_digit(*s.p);)
            s.p++;
    if (s.p < s.end && !strchr(" \t])\",:;|}", *s.p))
        return false;
    at->p = s.p;
    return unix_time_parse(bole_slice_from(from, (size_t)(s.p - from)), ret_ns);
}

/* A stamp of any format right here, which the cursor is then behind; no other field of *t is set for a number. */
static bool take_stamp(struct scan *at, int64_t now_ns, int local_offset_s, struct stamp *t, int64_t *ret_ns)
{
    struct scan s = *at, start = s;
    bool found;
    unsigned weekday;
    *t = (struct stamp){0};
    if (s.p == s.end)
        return false;
    if (is_digit(*s.p)) {
        found = take_iso(&s, t, false) || (s = start, *t = (struct stamp){0}, take_day_first(&s, t)) ||
                (s = start, *t = (struct stamp){0}, take_iso(&s, t, true));
        if (!found) {
            *t = (struct stamp){.has_year = true, .has_zone = true};
            return number_at(at, ret_ns);
        }
    } else if (take_name(&s, "sunmontuewedthufrisat", 7, &weekday)) {
        take_char(&s, ",");
        if (!take_char(&s, " "))
            return false;
        start = s;
        found = take_day_first(&s, t) || (s = start, *t = (struct stamp){0}, take_month_first(&s, t));
    } else {
        found = take_month_first(&s, t);
        if (!found) {
            s = start;
            *t = (struct stamp){0};
            found = take_char(&s, "IWEF") && take_number(&s, 2, &t->month) && take_number(&s, 2, &t->day) &&
                    take_char(&s, " ") && take_clock(&s, t);
        }
    }
    if (!found || !to_ns(t, now_ns, local_offset_s, ret_ns))
        return false;
    at->p = s.p;
    return true;
}

static bool stamp_at(struct scan s, int64_t now_ns, int local_offset_s, int64_t *ret_ns)
{
    struct stamp t;
    return take_stamp(&s, now_ns, local_offset_s, &t, ret_ns);
}

bool text_stamp(bole_slice text, int64_t now_ns, int local_offset_s, struct text_stamp *ret_stamp)
{
    struct scan s = {text.ptr, text.ptr + text.len};
    struct stamp t;
    int64_t ns;
    if (!take_stamp(&s, now_ns, local_offset_s, &t, &ns))
        return false;
    *ret_stamp = (struct text_stamp){.ns = ns, .len = (size_t)(s.p - text.ptr), .has_zone = t.has_zone};
    return true;
}

static struct scan behind(bole_slice line, const void *hit, size_t len)
{
    const uint8_t *p = (const uint8_t *)hit + len;
    return (struct scan){p, line.ptr + line.len};
}

/* ts=... or time=... as a word of the line's head, msg=audit(...). */
static bool find_in_logfmt(bole_slice line, int64_t now_ns, int local_offset_s, int64_t *ret_ns)
{
    static const bole_slice keys[] = {S("ts="), S("time="), S("timestamp="), S("msg=audit(")};
    size_t head = line.len < HEAD_MAX ? line.len : HEAD_MAX;
    if (!memchr(line.ptr, '=', head))
        return false;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const uint8_t *hit = memmem(line.ptr, head, keys[i].ptr, keys[i].len);
        if (!hit || (hit > line.ptr && hit[-1] != ' '))
            continue;
        struct scan s = behind(line, hit, keys[i].len);
        take_char(&s, "\"");
        if (stamp_at(s, now_ns, local_offset_s, ret_ns))
            return true;
    }
    return false;
}

static bool is_time_key(bole_slice key)
{
    static const bole_slice keys[] = {S("time"), S("ts"), S("timestamp"), S("@timestamp"), S("_time")};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (bole_slice_eq(keys[i], key))
            return true;
    return false;
}

/* The first of such keys with a stamp behind it. Every colon is looked at: one inside a string has no key before it. */
static bool find_in_json(bole_slice line, int64_t now_ns, int local_offset_s, int64_t *ret_ns)
{
    size_t head = line.len < JSON_HEAD_MAX ? line.len : JSON_HEAD_MAX;
    const uint8_t *p = line.ptr, *end = line.ptr + head;
    while ((p = memchr(p, ':', (size_t)(end - p)))) {
        const uint8_t *key_end = p++ - 1;
        if (key_end <= line.ptr || *key_end != '"')
            continue;
        const uint8_t *key = key_end;
        while (key > line.ptr && key[-1] != '"' && key_end - key <= 10)
            key--;
        if (key == line.ptr || key[-1] != '"' || !is_time_key(bole_slice_from(key, (size_t)(key_end - key))))
            continue;
        struct scan s = {p, line.ptr + line.len};
        take_char(&s, " ");
        take_char(&s, "\"");
        if (stamp_at(s, now_ns, local_offset_s, ret_ns))
            return true;
    }
    return false;
}

/* [21/Nov/2026:10:00:00 +0000] behind address and user; 1234:M 21 Nov 2026 10:00:00. */
static bool find_in_head(bole_slice line, int64_t now_ns, int local_offset_s, int64_t *ret_ns)
{
    size_t head = line.len < HEAD_MAX ? line.len : HEAD_MAX;
    const uint8_t *bracket = memchr(line.ptr, '[', head);
    if (bracket && stamp_at(behind(line, bracket, 1), now_ns, local_offset_s, ret_ns))
        return true;
    const uint8_t *blank = is_digit(line.ptr[0]) ? memchr(line.ptr, ' ', head) : NULL;
    return blank && stamp_at(behind(line, blank, 1), now_ns, local_offset_s, ret_ns);
}

bool text_time_local(bole_slice line, int64_t now_ns, int local_offset_s, int64_t *ret_ns)
{
    struct scan s = {line.ptr, line.ptr + line.len};
    if (line.len < 10)
        return false;
    if (*s.p == '{')
        return find_in_json(line, now_ns, local_offset_s, ret_ns);
    skip_priority(&s);
    while (take_char(&s, " [(\"-"))
        continue;
    return stamp_at(s, now_ns, local_offset_s, ret_ns) || find_in_head(line, now_ns, local_offset_s, ret_ns) ||
           find_in_logfmt(line, now_ns, local_offset_s, ret_ns);
}

bool text_time(bole_slice line, int64_t now_ns, int64_t *ret_ns)
{
    return text_time_local(line, now_ns, 0, ret_ns);
}

int64_t text_time_reference(int64_t previous_ns, int64_t latest_ns)
{
    /* the last day: to_ns looks ahead by one */
    const int64_t day_ns = 86400 * NS_PER_S, ahead_ns = (365 - 31 - 1) * day_ns;
    int64_t reference;
    if (previous_ns == 0 || __builtin_add_overflow(previous_ns, ahead_ns, &reference) || reference > latest_ns)
        return latest_ns;
    return reference;
}

/* ---- values ---- */

bool time_value_parse(bole_slice text, int64_t *ret_ns)
{
    struct scan s = {text.ptr, text.ptr + text.len};
    struct stamp t = {0};
    if (text.len < 10 || text.ptr[4] != '-')
        return unix_time_parse(text, ret_ns);
    if (text.len == 10) /* a date alone */
        return take_number(&s, 4, &t.year) && take_char(&s, "-") && take_number(&s, 2, &t.month) &&
               take_char(&s, "-") && take_number(&s, 2, &t.day) && in_year(&t, t.year, 0, ret_ns);
    return take_iso(&s, &t, false) && s.p == s.end && in_year(&t, t.year, 0, ret_ns);
}
