/* Civil dates after Howard Hinnant's "chrono-compatible low-level date algorithms" (days from March, eras of 400
 * years). */
#include "base/timefmt.h"

#include <stdio.h>

#include "base/clock.h"

int64_t time_from_civil(int64_t year, unsigned month, unsigned day, unsigned hour, unsigned minute, unsigned second)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    int64_t days = era * 146097 + (int64_t)day_of_era - 719468;
    return days * 86400 + hour * 3600 + minute * 60 + second;
}

void time_to_civil(int64_t ns, struct civil *c)
{
    int64_t seconds = ns / NS_PER_S, rest = ns % NS_PER_S;
    if (rest < 0) {
        rest += NS_PER_S;
        seconds--;
    }
    int64_t days = seconds / 86400, in_day = seconds % 86400;
    if (in_day < 0) {
        in_day += 86400;
        days--;
    }
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    c->day = doy - (153 * mp + 2) / 5 + 1;
    c->month = mp < 10 ? mp + 3 : mp - 9;
    c->year = (int64_t)yoe + era * 400 + (c->month <= 2);
    c->hour = (unsigned)(in_day / 3600);
    c->minute = (unsigned)(in_day / 60 % 60);
    c->second = (unsigned)(in_day % 60);
    c->nanosecond = (unsigned)rest;
    c->weekday = (unsigned)(((days + 4) % 7 + 7) % 7);
    c->yearday = (unsigned)(days - time_from_civil(c->year, 1, 1, 0, 0, 0) / 86400) + 1;
}

static char *put_digits(char *at, unsigned v, int width)
{
    for (int i = width - 1; i >= 0; i--, v /= 10)
        at[i] = (char)('0' + v % 10);
    return at + width;
}

size_t time_format_rfc3339(int64_t ns, int digits, char text[TIME_TEXT_MAX])
{
    struct civil c;
    time_to_civil(ns, &c);
    char *at = put_digits(text, (unsigned)c.year, 4);
    *at++ = '-';
    at = put_digits(at, c.month, 2);
    *at++ = '-';
    at = put_digits(at, c.day, 2);
    *at++ = 'T';
    at = put_digits(at, c.hour, 2);
    *at++ = ':';
    at = put_digits(at, c.minute, 2);
    *at++ = ':';
    at = put_digits(at, c.second, 2);
    char fraction[9];
    put_digits(fraction, c.nanosecond, 9);
    if (digits < 0)
        for (digits = 9; digits > 0 && fraction[digits - 1] == '0';)
            digits--;
    if (digits > 0) {
        *at++ = '.';
        memcpy(at, fraction, (size_t)digits);
        at += digits;
    }
    *at++ = 'Z';
    *at = 0;
    return (size_t)(at - text);
}

static bool read_digits(bole_slice *s, int width, unsigned *ret_value)
{
    if (s->len < (size_t)width)
        return false;
    unsigned v = 0;
    for (int i = 0; i < width; i++) {
        uint8_t c = s->ptr[i];
        if (c < '0' || c > '9')
            return false;
        v = v * 10 + (c - '0');
    }
    *s = bole_slice_sub(*s, (size_t)width);
    *ret_value = v;
    return true;
}

static bool read_char(bole_slice *s, const char *any_of)
{
    if (!s->len || !s->ptr[0] || !strchr(any_of, s->ptr[0]))
        return false;
    *s = bole_slice_sub(*s, 1);
    return true;
}

static bool read_fraction(bole_slice *s, unsigned *ret_ns)
{
    unsigned ns = 0, scale = 100000000;
    if (!s->len || s->ptr[0] < '0' || s->ptr[0] > '9')
        return false;
    for (; s->len && s->ptr[0] >= '0' && s->ptr[0] <= '9'; *s = bole_slice_sub(*s, 1), scale /= 10)
        ns += (s->ptr[0] - '0') * scale; /* digits past the ninth: scale is 0 */
    *ret_ns = ns;
    return true;
}

bool time_parse_rfc3339(bole_slice s, int64_t *ret_ns)
{
    static const uint8_t month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day, hour, minute, second, ns = 0;
    if (!read_digits(&s, 4, &year) || !read_char(&s, "-") || !read_digits(&s, 2, &month) || !read_char(&s, "-") ||
        !read_digits(&s, 2, &day) || !read_char(&s, "Tt ") || !read_digits(&s, 2, &hour) || !read_char(&s, ":") ||
        !read_digits(&s, 2, &minute) || !read_char(&s, ":") || !read_digits(&s, 2, &second))
        return false;
    if (read_char(&s, ".,") && !read_fraction(&s, &ns))
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1] || (month == 2 && day == 29 && !leap) ||
        hour > 23 || minute > 59 || second > 60)
        return false;
    int64_t offset_s = 0;
    if (!read_char(&s, "Zz")) {
        bool west = s.len && s.ptr[0] == '-';
        unsigned oh, om;
        if (!read_char(&s, "+-") || !read_digits(&s, 2, &oh) || (read_char(&s, ":"), !read_digits(&s, 2, &om)) ||
            oh > 23 || om > 59)
            return false;
        offset_s = (int64_t)(oh * 3600 + om * 60) * (west ? -1 : 1);
    }
    if (s.len)
        return false;
    int64_t total;
    if (__builtin_mul_overflow(time_from_civil(year, month, day, hour, minute, second) - offset_s, NS_PER_S, &total) ||
        __builtin_add_overflow(total, (int64_t)ns, &total))
        return false;
    *ret_ns = total;
    return true;
}

static int64_t read_unit(bole_slice *s)
{
    static const struct {
        bole_slice name;
        int64_t ns;
    } units[] = {
        {S("ns"), 1},          {S("us"), NS_PER_US},       {S("\xc2\xb5s"), NS_PER_US}, {S("\xce\xbcs"), NS_PER_US},
        {S("ms"), NS_PER_MS},  {S("s"), NS_PER_S},         {S("m"), 60 * NS_PER_S},     {S("h"), 3600 * NS_PER_S},
        {S("d"), 86400 * NS_PER_S}, {S("w"), 604800 * NS_PER_S}, {S("y"), 31536000 * NS_PER_S}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (bole_slice_starts(*s, units[i].name)) {
            *s = bole_slice_sub(*s, units[i].name.len);
            return units[i].ns;
        }
    return 0;
}

bool duration_parse(bole_slice s, bool sign, bool fractions, int64_t *ret_ns)
{
    bool negative = s.len && s.ptr[0] == '-';
    if (sign)
        read_char(&s, "+-");
    if (bole_slice_eq(s, S("0"))) {
        *ret_ns = 0;
        return true;
    }
    int64_t total = 0;
    do {
        int64_t whole = 0, part;
        size_t digits = 0;
        double fraction = 0, scale = 0.1;
        for (; s.len && s.ptr[0] >= '0' && s.ptr[0] <= '9'; s = bole_slice_sub(s, 1), digits++)
            if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, s.ptr[0] - '0', &whole))
                return false;
        if (fractions && read_char(&s, "."))
            for (; s.len && s.ptr[0] >= '0' && s.ptr[0] <= '9'; s = bole_slice_sub(s, 1), digits++, scale /= 10)
                fraction += (s.ptr[0] - '0') * scale;
        int64_t unit = digits ? read_unit(&s) : 0;
        if (!unit || __builtin_mul_overflow(whole, unit, &part) || __builtin_add_overflow(total, part, &total) ||
            __builtin_add_overflow(total, (int64_t)(fraction * (double)unit + 0.5), &total))
            return false;
    } while (s.len);
    *ret_ns = sign && negative ? -total : total;
    return true;
}

/* Digits of v with `decimals` of them behind the point, trailing zeros and a bare point left out. */
static char *put_decimal(char *at, uint64_t v, int decimals)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%0*llu", decimals + 1, (unsigned long long)v);
    memcpy(at, digits, (size_t)(n - decimals));
    at += n - decimals;
    int used = decimals;
    while (used > 0 && digits[n - decimals + used - 1] == '0')
        used--;
    if (used) {
        *at++ = '.';
        memcpy(at, digits + n - decimals, (size_t)used);
        at += used;
    }
    return at;
}

size_t duration_format(int64_t ns, char text[TIME_TEXT_MAX])
{
    uint64_t v = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    char *at = text;
    if (ns < 0)
        *at++ = '-';
    if (v == 0) {
        strcpy(at, "0s");
        return (size_t)(at + 2 - text);
    }
    if (v < (uint64_t)NS_PER_S) {
        int decimals = v < (uint64_t)NS_PER_US ? 0 : v < (uint64_t)NS_PER_MS ? 3 : 6;
        at = put_decimal(at, v, decimals);
        const char *unit = decimals == 0 ? "ns" : decimals == 3 ? "\xc2\xb5s" : "ms";
        strcpy(at, unit);
        return (size_t)(at - text) + strlen(unit);
    }
    uint64_t minutes = v / (60 * (uint64_t)NS_PER_S);
    if (minutes >= 60)
        at += sprintf(at, "%lluh", (unsigned long long)(minutes / 60));
    if (minutes)
        at += sprintf(at, "%llum", (unsigned long long)(minutes % 60));
    at = put_decimal(at, v % (60 * (uint64_t)NS_PER_S), 9);
    strcpy(at, "s");
    return (size_t)(at + 1 - text);
}
