/*
 * A pattern is a row of fields of fixed width and bytes that stand for themselves; a fraction may follow the seconds
 * (and the epoch). So every field lies at a place that is known, up to the fraction.
 *
 *   Y year, 4 digits    M month, 2 digits   h hour, m minute, s second, 2 digits each
 *   y year, 2 digits    b month, 3 letters  U seconds since 1970, 10 digits
 *   D day, 2 digits     e day, with blank   a day of the week, 3 letters
 */
#include "store/codec/datetime.h"

#include <assert.h>

#include "base/clock.h"
#include "base/timefmt.h"
#include "store/codec/values_private.h"

static const char *const patterns[] = {
    "Y-M-DTh:m:s",    "Y-M-D h:m:s",  "Y/M/D h:m:s", "D/b/Y:h:m:s", "b e h:m:s",   "a b e h:m:s Y", "a b D h:m:s Y",
    "a, D b Y h:m:s", "D b Y h:m:s",  "D-b-Y h:m:s", "M/D/Y h:m:s", "D/M/Y h:m:s", "D.M.Y h:m:s",   "Y.M.D h:m:s",
    "M-D h:m:s",      "M/D h:m:s",    "M.D h:m:s",   "Y-M-D-h.m.s", "Y-M-D_h:m:s", "YMD-h:m:s",     "YMD h:m:s",
    "YMDThms",        "YMDhms",       "yMD h:m:s",   "yMD hms",     "y/M/D h:m:s", "b D h:m:s",     "b D Y h:m:s",
    "b e Y h:m:s",    "b D, Y h:m:s", "MD h:m:s",    "Y-M-DTh:m",   "Y-M-D h:m",   "Y-M-D",         "Y/M/D",
    "D/b/Y",          "D-b-Y",        "D.M.Y",       "h:m:s",       "U",
};
const unsigned datetime_pattern_count = sizeof patterns / sizeof patterns[0];

enum { DAY_S = 86400, EPOCH_MIN_S = 1000000000 }; /* below: fewer than 10 digits */
static const int64_t lowest_s = -8520336000, highest_s = 7258118399; /* 1700-01-01 to 2199-12-31 */
static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char weekdays[] = "SunMonTueWedThuFriSat";

static unsigned width_of(char field)
{
    switch (field) {
    case 'Y': return 4;
    case 'U': return 10;
    case 'b':
    case 'a': return 3;
    case 'y': case 'M': case 'D': case 'e': case 'h': case 'm': case 's': return 2;
    default: return 1;
    }
}

static bool has(const struct datetime_format *f, char field)
{
    return strchr(patterns[f->pattern], field) != NULL;
}

/* Seconds that one unit of a form without fraction takes. */
static int64_t unit_s(const struct datetime_format *f)
{
    return has(f, 's') || has(f, 'U') ? 1 : has(f, 'm') ? 60 : DAY_S;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* ---- fractions ---- */

/* Digits that a fraction is written with. */
static unsigned fraction_len(const struct datetime_format *f, int64_t fraction)
{
    if (f->fraction == DATETIME_FIXED)
        return f->digits;
    if (fraction == 0)
        return 0;
    unsigned len = f->digits;
    if (f->fraction == DATETIME_TRIMMED)
        for (; fraction % 10 == 0; fraction /= 10)
            len--;
    else if (f->fraction == DATETIME_GROUPS)
        for (; fraction % 1000 == 0; fraction /= 1000)
            len -= 3;
    return len;
}

/* The fraction at p, digits and separator, in units of the form. False: not one that prints back so. */
static bool parse_fraction(const struct datetime_format *f, const uint8_t *p, size_t len, int64_t *ret_fraction,
                           size_t *ret_len)
{
    size_t from = f->separator != 0, digits = 0;
    uint64_t v = 0;
    *ret_len = 0;
    *ret_fraction = 0;
    if (f->digits == 0)
        return true;
    if (f->fraction == DATETIME_FIXED)
        digits = f->digits;
    else if (len > 0 && p[0] == f->separator)
        while (from + digits < len && digits < f->digits && (uint8_t)(p[from + digits] - '0') < 10)
            digits++;
    if (digits == 0)
        return true;
    if (len < from + digits || (from && p[0] != f->separator) || !values_parse_digits(p + from, digits, &v))
        return false;
    *ret_fraction = (int64_t)v * powers[f->digits - digits];
    *ret_len = from + digits;
    return fraction_len(f, *ret_fraction) == digits;
}

/* ---- reading ---- */

struct fields {
    int64_t  year, epoch_s, fraction;
    unsigned month, day, weekday, hour, minute, second;
    uint64_t seen; /* FIELD(letter) of those that were there */
    size_t   second_at, end_at; /* where second and fraction are */
};

#define FIELD(letter) (1ull << ((letter) & 63)) /* letters of fields differ in their low six bits */

static bool parse_two(const uint8_t *p, unsigned low, unsigned high, unsigned *ret)
{
    unsigned a = (unsigned)p[0] - '0', b = (unsigned)p[1] - '0', v = a * 10 + b;
    *ret = v;
    return a < 10 && b < 10 && v >= low && v <= high;
}

static bool parse_name(const uint8_t *p, const char *names, unsigned count, unsigned *ret)
{
    for (unsigned i = 0; i < count; i++)
        if (memcmp(p, names + 3 * (size_t)i, 3) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

static bool parse_field(char field, const uint8_t *p, struct fields *v)
{
    unsigned high, low;
    uint64_t epoch;
    switch (field) {
    case 'Y':
        v->year = parse_two(p, 0, 99, &high) && parse_two(p + 2, 0, 99, &low) ? high * 100 + low : 0;
        return v->year >= 1700 && v->year < 2200;
    case 'y': v->year = parse_two(p, 0, 99, &low) ? low : 0; return v->year > 0 || (p[0] == '0' && p[1] == '0');
    case 'M': return parse_two(p, 1, 12, &v->month);
    case 'b': return parse_name(p, months, 12, &v->month) && ++v->month;
    case 'D': return parse_two(p, 1, 31, &v->day);
    case 'e':
        if (p[0] != ' ')
            return parse_two(p, 10, 31, &v->day);
        v->day = (unsigned)p[1] - '0';
        return v->day - 1 < 9;
    case 'a': return parse_name(p, weekdays, 7, &v->weekday);
    case 'h': return parse_two(p, 0, 23, &v->hour);
    case 'm': return parse_two(p, 0, 59, &v->minute);
    case 's': return parse_two(p, 0, 59, &v->second);
    case 'U':
        if (!values_parse_digits(p, 10, &epoch) || epoch < EPOCH_MIN_S || epoch > (uint64_t)highest_s)
            return false;
        v->epoch_s = (int64_t)epoch;
        return true;
    default: return *p == (uint8_t)field;
    }
}

/* Reads the front of text; returns the length read, 0 when it is not of this form. */
static size_t parse_fields(const struct datetime_format *f, bole_slice text, struct fields *v)
{
    size_t at = 0;
    for (const char *field = patterns[f->pattern]; *field; field++) {
        unsigned width = width_of(*field);
        if (text.len - at < width || !parse_field(*field, text.ptr + at, v))
            return 0;
        if (width > 1)
            v->seen |= FIELD(*field);
        at += width;
        if (*field == 's' || *field == 'U') {
            size_t len;
            if (!parse_fraction(f, text.ptr + at, text.len - at, &v->fraction, &len))
                return 0;
            v->second_at = at - width;
            at += len;
            v->end_at = at;
        }
    }
    return at;
}

static int64_t days_of(int64_t year, unsigned month, unsigned day, struct datetime_cache *c)
{
    if (c->month != month || c->day != day || c->year != year) {
        c->days = time_from_civil(year, month, day, 0, 0, 0) / DAY_S;
        c->year = year;
        c->month = month;
        c->day = day;
    }
    return c->days;
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* The day of a date without year or with two digits of it, nearest to near_s. */
static bool nearest_date(const struct fields *v, int64_t near_s, struct datetime_cache *cache, int64_t *ret_days)
{
    struct civil near;
    if (near_s < INT64_MIN / NS_PER_S) /* a second that begins before time does */
        near_s = INT64_MIN / NS_PER_S;
    time_to_civil(near_s * NS_PER_S, &near);
    bool short_year = v->seen & FIELD('y'), found = false;
    int64_t step = short_year ? 100 : 1, base = short_year ? near.year - near.year % 100 + v->year : near.year;
    int64_t best = INT64_MAX, best_year = 0;
    for (int64_t year = base - step; year <= base + step; year += step) {
        if (year < 1700 || year > 2199 || v->day > days_in_month(year, v->month))
            continue;
        int64_t distance = time_from_civil(year, v->month, v->day, 0, 0, 0) - near_s;
        distance = distance < 0 ? -distance : distance;
        if (distance < best) {
            best = distance;
            best_year = year;
            found = true;
        }
    }
    if (found)
        *ret_days = days_of(best_year, v->month, v->day, cache);
    return found;
}

static bool days_of_fields(const struct fields *v, int64_t near_s, struct datetime_cache *cache, int64_t *ret_days)
{
    if (!v->month) { /* time of day only */
        int64_t day = floor_div(near_s, DAY_S),
                off = v->hour * 3600ll + v->minute * 60 + v->second - (near_s - day * DAY_S);
        *ret_days = day + (off < -DAY_S / 2) - (off > DAY_S / 2);
        return true;
    }
    if (!(v->seen & FIELD('Y')))
        return nearest_date(v, near_s, cache, ret_days);
    if (v->day > 28 && v->day > days_in_month(v->year, v->month))
        return false;
    *ret_days = days_of(v->year, v->month, v->day, cache);
    return true;
}

/* A text that differs from one before in second and fraction only: most do, and it takes a quarter of the time. */
static bool parse_within_minute(const struct datetime_format *f, bole_slice text, int64_t near_s,
                                const struct datetime_cache *c, int64_t *ret_stamp)
{
    unsigned second;
    int64_t fraction;
    size_t len;
    if (c->end_at == 0 || text.len != c->text.len || memcmp(text.ptr, c->text.ptr, c->second_at) != 0 ||
        memcmp(text.ptr + c->end_at, c->text.ptr + c->end_at, text.len - c->end_at) != 0 ||
        near_s - c->near_s > DAY_S / 4 || near_s - c->near_s < -DAY_S / 4)
        return false;
    size_t at = c->second_at + 2u;
    if (!parse_two(text.ptr + c->second_at, 0, 59, &second) ||
        !parse_fraction(f, text.ptr + at, c->end_at - at, &fraction, &len) || at + len != c->end_at)
        return false;
    *ret_stamp = c->minute + second * powers[f->digits] + fraction;
    return true;
}

bool datetime_parse(const struct datetime_format *f, bole_slice text, int64_t near_ns, struct datetime_cache *cache,
                    int64_t *ret_stamp)
{
    struct fields v = {0};
    int64_t near_s = floor_div(near_ns, NS_PER_S);
    if (parse_within_minute(f, text, near_s, cache, ret_stamp))
        return true;
    if (text.len == 0 || parse_fields(f, text, &v) != text.len)
        return false;
    int64_t seconds = v.epoch_s, unit = v.seen & (FIELD('s') | FIELD('U')) ? 1 : v.seen & FIELD('m') ? 60 : DAY_S;
    if (!seconds) {
        int64_t days;
        if (!days_of_fields(&v, near_s, cache, &days))
            return false;
        if (v.seen & FIELD('a') && (unsigned)(((days + 4) % 7 + 7) % 7) != v.weekday)
            return false;
        seconds = days * DAY_S + v.hour * 3600ll + v.minute * 60 + v.second;
    }
    if (seconds < lowest_s || seconds > highest_s)
        return false;
    *ret_stamp = seconds / unit * powers[f->digits] + v.fraction; /* whole units: exact also below 0 */
    if (v.seen & FIELD('s') && f->fraction == DATETIME_FIXED) {
        cache->text = text;
        cache->second_at = (uint8_t)v.second_at;
        cache->end_at = (uint8_t)v.end_at;
        cache->minute = (seconds - v.second) * powers[f->digits];
        cache->near_s = near_s;
    }
    return true;
}

/* A fraction as the first value has it. */
static void detect_fraction(struct datetime_format *f, bole_slice rest)
{
    bool epoch = has(f, 'U');
    size_t from = rest.len && (rest.ptr[0] == '.' || (!epoch && (rest.ptr[0] == ',' || rest.ptr[0] == ':'))) ? 1 : 0,
           digits = 0;
    while (from + digits < rest.len && (uint8_t)(rest.ptr[from + digits] - '0') < 10)
        digits++;
    if (digits == 0 || digits > 9 || (from == 0 && (!epoch || digits % 3)))
        return;
    f->separator = from ? rest.ptr[0] : 0;
    f->digits = (uint8_t)digits;
}

/* Digits, letters and other bytes where the pattern has them, up to its fraction: most patterns end here at once. */
static bool looks_like(const char *pattern, bole_slice text)
{
    size_t at = 0;
    for (; *pattern && *pattern != 's' && *pattern != 'U'; at += width_of(*pattern++)) {
        uint8_t c = at < text.len ? text.ptr[at] : 0;
        bool digit = (uint8_t)(c - '0') < 10, ok;
        switch (*pattern) {
        case 'Y': case 'y': case 'M': case 'D': case 'h': case 'm': ok = digit; break;
        case 'e': ok = digit || c == ' '; break;
        case 'a': case 'b': ok = (uint8_t)(c - 'A') < 26; break;
        default: ok = c == (uint8_t)*pattern;
        }
        if (!ok)
            return false;
    }
    return at < text.len || (!*pattern && at == text.len);
}

/* The length of the front of text up to the fraction. */
static size_t whole_len(const char *pattern)
{
    size_t len = 0;
    for (; *pattern; pattern++) {
        len += width_of(*pattern);
        if (*pattern == 's' || *pattern == 'U')
            break;
    }
    return len;
}

bool datetime_detect(bole_slice text, unsigned from, int64_t near_ns, struct datetime_format *ret_format,
                     size_t *ret_len)
{
    for (unsigned p = from; p < datetime_pattern_count; p++) {
        if (!looks_like(patterns[p], text))
            continue;
        struct datetime_format f = {.pattern = (uint8_t)p};
        if (has(&f, 's') || has(&f, 'U'))
            detect_fraction(&f, bole_slice_sub(text, whole_len(patterns[p])));
        struct datetime_cache cache = {0};
        struct fields v = {0};
        int64_t stamp;
        size_t len = parse_fields(&f, text, &v);
        if (len == 0 || (len < text.len && (uint8_t)(text.ptr[len] - '0') < 10) ||
            !datetime_parse(&f, bole_slice_from(text.ptr, len), near_ns, &cache, &stamp))
            continue;
        *ret_format = f;
        *ret_len = len;
        return true;
    }
    return false;
}

/* ---- stored formats ---- */

bool datetime_format_valid(const struct datetime_format *f)
{
    if (f->pattern >= datetime_pattern_count || f->digits > 9 || f->fraction > DATETIME_OPTIONAL)
        return false;
    if (f->digits == 0)
        return f->fraction == DATETIME_FIXED && f->separator == 0;
    return unit_s(f) == 1 && (f->fraction == DATETIME_FIXED || f->separator) &&
           (f->fraction != DATETIME_GROUPS || f->digits % 3 == 0);
}

void datetime_of_ns(const struct datetime_format *f, const int64_t *time_ns, uint32_t count, int64_t *ret_stamps)
{
#define DIVIDE(unit)                                   \
    for (uint32_t i = 0; i < count; i++)               \
        ret_stamps[i] = floor_div(time_ns[i], (unit)); \
    break
    int64_t unit = f->digits ? powers[9 - f->digits] : unit_s(f) * NS_PER_S;
    switch (unit) { /* a division by what the compiler knows is a multiplication */
    case 1: DIVIDE(1);
    case NS_PER_US: DIVIDE(NS_PER_US);
    case NS_PER_MS: DIVIDE(NS_PER_MS);
    case NS_PER_S: DIVIDE(NS_PER_S);
    default: DIVIDE(unit);
    }
#undef DIVIDE
}

void datetime_range(const struct datetime_format *f, int64_t *ret_lowest, int64_t *ret_highest)
{
    int64_t low = has(f, 'U') ? EPOCH_MIN_S : lowest_s, unit = unit_s(f), units = powers[f->digits];
    *ret_lowest = floor_div(low, unit) * units;
    *ret_highest = floor_div(highest_s, unit) * units + units - 1;
}

bool datetime_is_whole(const struct datetime_format *f)
{
    return has(f, 'Y') || has(f, 'U');
}

/* ---- printing ---- */

static unsigned len_of(const struct datetime_format *f, unsigned fraction_digits)
{
    unsigned len = fraction_digits ? fraction_digits + (f->separator != 0) : 0;
    for (const char *field = patterns[f->pattern]; *field; field++)
        len += width_of(*field);
    return len;
}

unsigned datetime_len(const struct datetime_format *f, int64_t stamp)
{
    int64_t unit = powers[f->digits];
    return len_of(f, fraction_len(f, stamp - floor_div(stamp, unit) * unit));
}

unsigned datetime_len_min(const struct datetime_format *f)
{
    return len_of(f, f->fraction == DATETIME_FIXED ? f->digits : 0);
}

unsigned datetime_len_max(const struct datetime_format *f)
{
    return len_of(f, f->digits);
}

unsigned datetime_word_max(const struct datetime_format *f)
{
    unsigned longest = 0, run = 0;
    for (const char *field = patterns[f->pattern]; *field; field++) {
        bool is_sign = width_of(*field) == 1 && *field != 'T' && *field != '_';
        run = is_sign ? 0 : run + width_of(*field);
        longest = run > longest ? run : longest;
        if (*field == 's' || *field == 'U') {
            run = (f->separator == '.' || f->separator == ',' ? 0 : run + 1) + f->digits;
            longest = run > longest ? run : longest;
        }
    }
    return longest;
}

static uint8_t *print_fraction(const struct datetime_format *f, int64_t fraction, uint8_t *out)
{
    unsigned len = fraction_len(f, fraction);
    if (len == 0)
        return out;
    if (f->separator)
        *out++ = f->separator;
    return values_print_digits(out, (uint64_t)(fraction / powers[f->digits - len]), len);
}

uint8_t *datetime_print(const struct datetime_format *f, int64_t stamp, uint8_t *out)
{
    struct civil c;
    int64_t units = floor_div(stamp, powers[f->digits]), fraction = stamp - units * powers[f->digits],
            seconds = units * unit_s(f);
    time_to_civil(seconds * NS_PER_S, &c);
    for (const char *field = patterns[f->pattern]; *field; field++) {
        unsigned width = width_of(*field);
        switch (*field) {
        case 'Y': values_print_digits(out, (uint64_t)c.year, 4); break;
        case 'y': values_print_digits(out, (uint64_t)c.year % 100, 2); break;
        case 'M': values_print_digits(out, c.month, 2); break;
        case 'b': memcpy(out, months + 3 * (size_t)(c.month - 1), 3); break;
        case 'D':
        case 'e':
            values_print_digits(out, c.day, 2);
            if (*field == 'e' && c.day < 10)
                *out = ' ';
            break;
        case 'a': memcpy(out, weekdays + 3 * (size_t)c.weekday, 3); break;
        case 'h': values_print_digits(out, c.hour, 2); break;
        case 'm': values_print_digits(out, c.minute, 2); break;
        case 's': values_print_digits(out, c.second, 2); break;
        case 'U': values_print_digits(out, (uint64_t)seconds, 10); break;
        default: *out = (uint8_t)*field;
        }
        out += width;
        if (*field == 's' || *field == 'U')
            out = print_fraction(f, fraction, out);
    }
    return out;
}

/* ---- printing within a few days ---- */

void datetime_days_init(struct datetime_days *d, const struct datetime_format *f, int64_t lowest, bole_slice prefix,
                        bole_slice suffix)
{
    size_t len = prefix.len + datetime_len_max(f) + suffix.len, at = prefix.len;
    *d = (struct datetime_days){.digits = f->digits, .len = (uint8_t)len};
    if (len > sizeof d->text[0] || f->fraction != DATETIME_FIXED || !has(f, 's'))
        return;
    int64_t day = DAY_S * powers[f->digits];
    d->first = floor_div(lowest, day) * day;
    for (const char *field = patterns[f->pattern]; *field; field++) {
        switch (*field) {
        case 'h': d->hour_at = (uint8_t)at; break;
        case 'm': d->minute_at = (uint8_t)at; break;
        case 's': d->second_at = (uint8_t)at; break;
        default: break;
        }
        at += width_of(*field);
        if (*field == 's' && f->digits) {
            d->fraction_at = (uint8_t)(at + (f->separator != 0));
            at = d->fraction_at + f->digits;
        }
    }
    int64_t first_of_all, last_of_all;
    datetime_range(f, &first_of_all, &last_of_all);
    for (unsigned i = 0; i < DATETIME_DAYS && d->first + i * day <= last_of_all; i++) {
        uint8_t text[DATETIME_LEN_MAX + 16];
        size_t n = (size_t)(datetime_print(f, d->first + i * day, text) - text);
        if (prefix.len)
            memcpy(d->text[i], prefix.ptr, prefix.len);
        memcpy(d->text[i] + prefix.len, text, n);
        if (suffix.len)
            memcpy(d->text[i] + prefix.len + n, suffix.ptr, suffix.len);
        d->end += (uint64_t)day;
    }
}

static void print_two(uint8_t *out, unsigned v)
{
    out[0] = (uint8_t)('0' + v / 10);
    out[1] = (uint8_t)('0' + v % 10);
}

uint8_t *datetime_days_print(const struct datetime_days *d, int64_t stamp, uint8_t *out)
{
    uint64_t offset = (uint64_t)stamp - (uint64_t)d->first, seconds;
    switch (d->digits) { /* divisions by what the compiler knows */
    case 0: seconds = offset; break;
    case 3: seconds = offset / 1000; break;
    case 6: seconds = offset / 1000000; break;
    case 9: seconds = offset / 1000000000; break;
    default: seconds = offset / (uint64_t)powers[d->digits];
    }
    unsigned day = (unsigned)seconds / DAY_S, in_day = (unsigned)seconds % DAY_S;
    const uint8_t *text = d->text[day];
    for (unsigned i = 0; i < d->len; i += 16)
        memcpy(out + i, text + i, 16);
    print_two(out + d->hour_at, in_day / 3600);
    print_two(out + d->minute_at, in_day / 60 % 60);
    print_two(out + d->second_at, in_day % 60);
    if (d->digits) {
        unsigned fraction = (unsigned)(offset - seconds * (uint64_t)powers[d->digits]);
        uint8_t *at = out + d->fraction_at + d->digits;
        for (unsigned i = d->digits; i >= 2; i -= 2, fraction /= 100)
            print_two(at -= 2, fraction % 100);
        if (d->digits % 2)
            at[-1] = (uint8_t)('0' + fraction);
    }
    return out + d->len;
}

bole_slice datetime_alphabet(const struct datetime_format *f, uint8_t ret_text[128])
{
    size_t len = 10;
    memcpy(ret_text, "0123456789", 10);
    for (const char *field = patterns[f->pattern]; *field; field++)
        if (width_of(*field) == 1)
            ret_text[len++] = (uint8_t)*field;
    if (f->separator)
        ret_text[len++] = f->separator;
    if (has(f, 'e'))
        ret_text[len++] = ' ';
    if (has(f, 'b')) {
        memcpy(ret_text + len, months, sizeof months - 1);
        len += sizeof months - 1;
    }
    if (has(f, 'a')) {
        memcpy(ret_text + len, weekdays, sizeof weekdays - 1);
        len += sizeof weekdays - 1;
    }
    return bole_slice_from(ret_text, len);
}
