/*
 * What is one value although separators stand in it: stamps, IPv4 addresses, UUIDs. The digits of a stamp lie at fixed places,
 * so that one comparison of bits tells nearly always that there is none.
 */
#include "store/codec/split.h"

struct stamp_form {
    const char *pattern; /* 0 a digit, M a letter, everything else itself */
    uint32_t    digits;  /* bit per digit of the pattern */
    uint8_t     len;
    bool        clf;     /* a zone follows behind a blank */
};

/* By how many digits they begin with. */
static const struct stamp_form four[] = {
    {"0000-00-00T00:00:00", 0x6db6f, 19}, {"0000-00-00 00:00:00", 0x6db6f, 19}, {"0000/00/00 00:00:00", 0x6db6f, 19},
};
static const struct stamp_form two[] = {
    {"00/MMM/0000:00:00:00", 0xdb783, 20, true}, {"00-00 00:00:00", 0x36db, 14}, {"00:00:00", 0xdb, 8},
    {"00/00/0000 00:00:00", 0x6dbdb, 19},
};
static const struct stamp_form eight[] = {{"00000000-00:00:00", 0x1b6ff, 17}};

/* Month, blank, day, time: the digits from the day on, whose first may be a blank. */
enum { SYSLOG_LEN = 15, SYSLOG_DIGITS = 0x6db0, SYSLOG_DAY = 0x10 };

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
static bool is_letter(uint8_t c) { return (unsigned)(c | 0x20) - 'a' < 26; }

static bool fits(const struct stamp_form *f, bole_slice line, size_t at, uint64_t digits)
{
    if (line.len - at < f->len || (digits & ((1ull << f->len) - 1)) != f->digits)
        return false;
    for (unsigned i = 0; i < f->len; i++) {
        uint8_t want = (uint8_t)f->pattern[i], c = line.ptr[at + i];
        if (want == 'M' ? !is_letter(c) : want != '0' && c != want)
            return false;
    }
    return true;
}

/* Z, +00:00 or +0000 behind a stamp. */
static size_t zone_len(const uint8_t *p, size_t len)
{
    if (len && *p == 'Z')
        return 1;
    if (len < 5 || (*p != '+' && *p != '-') || !is_digit(p[1]) || !is_digit(p[2]))
        return 0;
    const uint8_t *minutes = p + 3 + (p[3] == ':');
    return (size_t)(minutes - p) + 2 <= len && is_digit(minutes[0]) && is_digit(minutes[1]) ? (size_t)(minutes - p) + 2 : 0;
}

/* Where a stamp of this form ends, with fraction and zone. */
static size_t stamp_end(const struct splitter *s, bole_slice line, size_t at, const struct stamp_form *f)
{
    size_t end = at + f->len;
    if (line.len - end > 1 && (line.ptr[end] == '.' || line.ptr[end] == ',') && is_digit(line.ptr[end + 1])) {
        size_t fraction = mask_next_clear(s->masks.digit, end + 1, line.len);
        end = fraction - end <= 10 ? fraction : end;
    }
    size_t blank = f->clf && end < line.len && line.ptr[end] == ' ';
    size_t zone = zone_len(line.ptr + end + blank, line.len - end - blank);
    return zone ? end + blank + zone : end;
}

/* digits: bit per byte from `at` on, 32 of them. An address has 15 at most. */
static size_t address_end(bole_slice line, size_t at, uint64_t digits)
{
    for (unsigned part = 0;; part++) {
        unsigned len = (unsigned)__builtin_ctzll(~digits);
        if (len - 1 > 2)
            return 0;
        at += len;
        if (part == 3)
            return line.len - at > 1 && line.ptr[at] == '.' && is_digit(line.ptr[at + 1]) ? 0 : at;
        if (at == line.len || line.ptr[at] != '.')
            return 0;
        at++;
        digits >>= len + 1;
    }
}

static size_t uuid_end(bole_slice line, size_t at)
{
    const uint8_t *p = line.ptr + at;
    if (line.len - at < 36 || p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-')
        return 0;
    for (unsigned i = 0; i < 36; i++)
        if (!is_digit(p[i]) && (unsigned)(p[i] | 0x20) - 'a' > 5 && p[i] != '-')
            return 0;
    return at + 36;
}

/* "Jan  2 15:04:05" */
static size_t syslog_end(const struct splitter *s, bole_slice line, size_t at)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const uint8_t *p = line.ptr + at;
    if (line.len - at < SYSLOG_LEN || p[3] != ' ' || p[6] != ' ' || p[9] != ':' || p[12] != ':' ||
        (mask_window(s->masks.digit, at, SYSLOG_LEN) | SYSLOG_DAY) != SYSLOG_DIGITS ||
        (!is_digit(p[4]) && p[4] != ' '))
        return 0;
    for (unsigned m = 0; m < sizeof months - 1; m += 3)
        if (memcmp(p, months + m, 3) == 0)
            return at + SYSLOG_LEN;
    return 0;
}

static size_t any_end(const struct splitter *s, bole_slice line, size_t at, bool *ret_stamp)
{
    size_t left = line.len - at;
    uint64_t digits = mask_window(s->masks.digit, at, left < 32 ? left : 32);
    const struct stamp_form *forms = NULL;
    size_t count = 0, end = 0;
    if (digits & 1) /* no stamp begins like an address */
        end = address_end(line, at, digits);
    if (end)
        return end;
    *ret_stamp = true;
    switch (__builtin_ctzll(~digits)) {
    case 0: /* a letter */
        end = syslog_end(s, line, at);
        if (end)
            return end;
        break;
    case 2: forms = two; count = sizeof two / sizeof two[0]; break;
    case 4: forms = four; count = sizeof four / sizeof four[0]; break;
    case 8: forms = eight; count = sizeof eight / sizeof eight[0]; break;
    default: break;
    }
    for (size_t i = 0; i < count; i++)
        if (fits(&forms[i], line, at, digits))
            return stamp_end(s, line, at, &forms[i]);
    *ret_stamp = false;
    return uuid_end(line, at);
}

/* Nearly every word: neither the blank behind a month nor the dash of a UUID. */
static inline bool is_plain_word(const struct splitter *s, bole_slice line, size_t at)
{
    return !mask_has(s->masks.digit, at) && line.ptr[at + 3] != ' ' && (line.len - at < 36 || line.ptr[at + 8] != '-');
}

size_t split_compound_end(const struct splitter *s, bole_slice line, size_t at, bool *ret_stamp)
{
    *ret_stamp = false;
    if (line.len - at < 7 || is_plain_word(s, line, at))
        return 0;
    size_t end = any_end(s, line, at, ret_stamp);
    if (end == 0 || end == line.len)
        return end;
    /* 00:11:22:33 is no time of day */
    bool goes_on = *ret_stamp && line.ptr[end] == ':' && end + 1 < line.len && is_digit(line.ptr[end + 1]);
    return goes_on || mask_has(s->masks.token, end) ? 0 : end;
}
