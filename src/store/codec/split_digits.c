/*
 * A token with a digit in it is taken for a value, a token without for part of the template. Cheap, needs no training, and
 * right for most logs that programs print: words are constant, numbers and ids vary.
 */
#include "store/codec/split.h"

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

/* ---- compounds ---- */

/* Matches a pattern at p: 0 a digit, x a hex digit, M the name of a month, ' ' a blank, ? a blank or a digit, T a T or a
 * blank, everything else itself. */
static bool matches(const uint8_t *p, size_t len, const char *pattern)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (size_t i = 0; *pattern; pattern++, i++) {
        if (i >= len)
            return false;
        uint8_t c = p[i];
        switch (*pattern) {
        case '0':
            if (!is_digit(c))
                return false;
            break;
        case '?':
            if (!is_digit(c) && c != ' ')
                return false;
            break;
        case 'T':
            if (c != 'T' && c != ' ')
                return false;
            break;
        case 'x':
            if (!is_digit(c) && (unsigned)(c | 0x20) - 'a' > 5)
                return false;
            break;
        case 'M': {
            bool month = false;
            for (size_t m = 0; len - i >= 3 && m < sizeof months - 1 && !month; m += 3)
                month = memcmp(p + i, months + m, 3) == 0;
            if (!month)
                return false;
            i += 2;
            break;
        }
        default:
            if (c != (uint8_t)*pattern)
                return false;
        }
    }
    return true;
}

/* Z, +00:00 or +0000 behind a stamp. */
static size_t zone_length(const uint8_t *p, size_t len)
{
    if (len && *p == 'Z')
        return 1;
    if (!len || (*p != '+' && *p != '-'))
        return 0;
    return matches(p + 1, len - 1, "00:00") ? 6 : matches(p + 1, len - 1, "0000") ? 5 : 0;
}

/* 2006-01-02T15:04:05.999+00:00 and its kin. */
static size_t iso_length(const uint8_t *p, size_t len)
{
    if (!matches(p, len, "0000-00-00T00:00:00") && !matches(p, len, "0000/00/00T00:00:00"))
        return 0;
    size_t n = 19;
    if (len - n > 1 && (p[n] == '.' || p[n] == ',') && is_digit(p[n + 1])) {
        size_t end = n + 1;
        while (end < len && end - n <= 9 && is_digit(p[end]))
            end++;
        n = end;
    }
    return n + zone_length(p + n, len - n);
}

/* 02/Jan/2006:15:04:05 -0700 of access logs. */
static size_t clf_length(const uint8_t *p, size_t len)
{
    if (!matches(p, len, "00/M/0000:00:00:00"))
        return 0;
    return len >= 26 && p[20] == ' ' && zone_length(p + 21, len - 21) == 5 ? 26 : 20;
}

static size_t quad_length(const uint8_t *p, size_t len)
{
    size_t at = 0;
    for (unsigned part = 0; part < 4; part++) {
        size_t start = at;
        while (at < len && at - start < 3 && is_digit(p[at]))
            at++;
        if (at == start || (part < 3 && (at == len || p[at++] != '.')))
            return 0;
    }
    return at < len && (is_digit(p[at]) || (p[at] == '.' && len - at > 1 && is_digit(p[at + 1]))) ? 0 : at;
}

static bool is_token(uint8_t c)
{
    return is_digit(c) || (unsigned)(c | 0x20) - 'a' < 26 || c == '_';
}

size_t split_compound_end(bole_slice line, size_t at)
{
    const uint8_t *p = line.ptr + at;
    size_t len = line.len - at, n = 0;
    if (len < 7)
        return 0;
    if (is_digit(p[0])) {
        if (p[4] == '-' || p[4] == '/')
            n = iso_length(p, len);
        else if (p[2] == '/')
            n = clf_length(p, len);
        else if (p[1] == '.' || p[2] == '.' || p[3] == '.')
            n = quad_length(p, len);
    } else if (p[3] == ' ' && matches(p, len, "M ?0 00:00:00")) {
        n = 15;
    }
    if (!n && len >= 36 && p[8] == '-' && matches(p, len, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"))
        n = 36;
    return n && (n == len || !is_token(p[n])) ? at + n : 0;
}

/* ---- the splitter ---- */

/* A minus in front of a number, unless it joins it to a word. */
static size_t with_sign(bole_slice line, size_t start, size_t from)
{
    if (start == from || line.ptr[start - 1] != '-' || !is_digit(line.ptr[start]))
        return start;
    if (start - 1 > from ? is_token(line.ptr[start - 2]) && line.ptr[start - 2] != '_' : from > 0)
        return start;
    return start - 1;
}

/* A month in front of a day of syslog's "Jan  2 15:04:05". */
static size_t with_month(bole_slice line, size_t start, size_t end, size_t from)
{
    size_t back = end - start == 1 ? 5 : 4;
    if (end - start > 2 || start - from < back || line.ptr[start - 1] != ' ' || line.len - end < 9 || line.ptr[end + 3] != ':')
        return start;
    size_t month = start - back;
    if (month > 0 && is_token(line.ptr[month - 1]))
        return start;
    return matches(line.ptr + month, line.len - month, "M ?0 00:00:00") ? month : start;
}

uint32_t split_digits(struct splitter *s, bole_slice line)
{
    uint32_t count = 0;
    size_t from = 0, digit;
    while ((digit = mask_next(s->masks.digit, from, line.len)) < line.len) {
        size_t start = mask_run_start(s->masks.token, digit, from);
        size_t end = mask_next_clear(s->masks.token, digit, line.len);
        size_t stamp = with_month(line, start, end, from);
        size_t compound = split_compound_end(line, stamp);
        if (compound) {
            start = stamp;
            end = compound;
        } else {
            start = with_sign(line, start, from);
        }
        if (!split_add_slot(s, &count, line, start, end))
            break;
        from = end;
    }
    return count;
}

/* Part of a token between underscores: letters and digits behind them are a literal and a number, hex ids stay whole. */
static bool add_part(struct splitter *s, uint32_t *count, bole_slice line, size_t start, size_t end)
{
    size_t digit = mask_next(s->masks.digit, start, line.len);
    if (digit >= end)
        return true;
    if (mask_next_clear(s->masks.digit, digit, line.len) >= end)
        start = digit;
    return split_add_slot(s, count, line, start, end);
}

uint32_t split_numbers(struct splitter *s, bole_slice line)
{
    uint32_t count = 0;
    size_t from = 0, digit;
    while ((digit = mask_next(s->masks.digit, from, line.len)) < line.len) {
        size_t start = mask_run_start(s->masks.token, digit, from);
        size_t end = mask_next_clear(s->masks.token, digit, line.len);
        size_t compound = split_compound_end(line, start);
        from = compound ? compound : end;
        if (compound) {
            if (!split_add_slot(s, &count, line, start, compound))
                break;
            continue;
        }
        bool room = true;
        for (size_t part = start; room && part < end;) {
            const uint8_t *bar = memchr(line.ptr + part, '_', end - part);
            size_t part_end = bar ? (size_t)(bar - line.ptr) : end;
            room = part_end == part || add_part(s, &count, line, part, part_end);
            part = part_end + 1;
        }
        if (!room)
            break;
    }
    return count;
}
