/*
 * Nearly all lines are settled without parsing. Every name that can hold a level contains "level", "sever" or "lvl", so
 * one pass for the rare letter v says whether the line is worth a JSON or logfmt scan at all. The words are found by
 * their first two letters behind an edge: all three are tested for 16 positions at once, and what remains is compared
 * in full. With AVX2 words and names are looked for in one pass by three letters each, 32 positions at once: a byte's two
 * halves choose from tables which beginnings it may be part of (after Langdale's Teddy).
 *
 * The rules are those of Loki's distributor (pkg/distributor/field_detection.go, August 2026); see level.h.
 */
#include "process/level.h"

#include "base/bytes.h"

#ifdef __x86_64__
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { BLOCK = 16 };

/* ---- 16 positions at once ---- */

#ifdef __SSE2__
static inline __m128i load_block(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Bit i: p[i] is v or V. */
static inline unsigned mask_v(const uint8_t *p)
{
    __m128i lower = _mm_or_si128(load_block(p), _mm_set1_epi8(0x20));
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(lower, _mm_set1_epi8('v')));
}

/* Bit i: p[i] is " or a backslash. */
static inline unsigned mask_quote(const uint8_t *p)
{
    __m128i c = load_block(p);
    return (unsigned)_mm_movemask_epi8(
        _mm_or_si128(_mm_cmpeq_epi8(c, _mm_set1_epi8('"')), _mm_cmpeq_epi8(c, _mm_set1_epi8('\\'))));
}

/* Bit i: p[i] and p[i + 1] may be the first letters of a level word and p[i - 1] may be an edge: a superset, made of
 * cheap ranges. Reads p[-1 .. BLOCK]. */
static inline unsigned mask_word(const uint8_t *p)
{
    __m128i second = _mm_or_si128(load_block(p + 1), _mm_set1_epi8(0x20));
    __m128i letters =
        _mm_or_si128(_mm_cmpeq_epi8(second, _mm_set1_epi8('r')), _mm_cmpeq_epi8(second, _mm_set1_epi8('n')));
    letters = _mm_or_si128(letters, _mm_cmpeq_epi8(second, _mm_set1_epi8('a')));
    letters = _mm_or_si128(letters, _mm_cmpeq_epi8(second, _mm_set1_epi8('e')));
    __m128i c = _mm_or_si128(load_block(p), _mm_set1_epi8(0x20));
    __m128i from_c = _mm_sub_epi8(c, _mm_set1_epi8('c'));
    __m128i initial = _mm_cmpeq_epi8(_mm_min_epu8(from_c, _mm_set1_epi8('f' - 'c')), from_c);
    initial = _mm_or_si128(initial, _mm_cmpeq_epi8(c, _mm_set1_epi8('i')));
    initial = _mm_or_si128(initial, _mm_cmpeq_epi8(c, _mm_set1_epi8('t')));
    initial = _mm_or_si128(initial, _mm_cmpeq_epi8(c, _mm_set1_epi8('w')));
    __m128i before = load_block(p - 1);
    __m128i lower = _mm_or_si128(before, _mm_set1_epi8(0x20));
    __m128i edge = _mm_cmpeq_epi8(_mm_min_epu8(before, _mm_set1_epi8('(')), before); /* controls, blank, quotes, ( */
    edge = _mm_or_si128(edge, _mm_cmpeq_epi8(before, _mm_set1_epi8('=')));
    edge = _mm_or_si128(edge, _mm_cmpeq_epi8(_mm_max_epu8(lower, _mm_set1_epi8('{')), lower)); /* [ { | and above */
    return (unsigned)_mm_movemask_epi8(_mm_and_si128(_mm_and_si128(initial, letters), edge));
}
#else
static inline unsigned mask_v(const uint8_t *p)
{
    unsigned mask = 0;
    for (unsigned i = 0; i < BLOCK; i++)
        mask |= (unsigned)((p[i] | 0x20) == 'v') << i;
    return mask;
}

static inline unsigned mask_quote(const uint8_t *p)
{
    unsigned mask = 0;
    for (unsigned i = 0; i < BLOCK; i++)
        mask |= (unsigned)(p[i] == '"' || p[i] == '\\') << i;
    return mask;
}

static inline unsigned mask_word(const uint8_t *p)
{
    unsigned mask = 0;
    for (unsigned i = 0; i < BLOCK; i++) {
        uint8_t c = p[i] | 0x20, second = p[i + 1] | 0x20, b = p[i - 1];
        bool initial = (c >= 'c' && c <= 'f') || c == 'i' || c == 't' || c == 'w';
        bool letters = second == 'r' || second == 'n' || second == 'a' || second == 'e';
        mask |= (unsigned)(initial && letters && (b <= '(' || b == '=' || (b | 0x20) >= '{')) << i;
    }
    return mask;
}
#endif

/* ---- names and values ---- */

static const bole_slice names[] = {
    S("level"),        S("LEVEL"), S("Level"), S("log.level"), S("severity"),      S("SEVERITY"),      S("Severity"),
    S("SeverityText"), S("lvl"),   S("LVL"),   S("Lvl"),       S("severity_text"), S("Severity_Text"),
    S("SEVERITY_TEXT"),
};
enum { NAME_COUNT = sizeof names / sizeof *names, NAME_LEN_MIN = 3, NAME_LEN_MAX = 13 };

unsigned level_name_rank(bole_slice name)
{
    if (name.len < NAME_LEN_MIN || name.len > NAME_LEN_MAX ||
        ((name.ptr[0] | 0x20) != 'l' && (name.ptr[0] | 0x20) != 's'))
        return LEVEL_RANK_NONE;
    for (unsigned i = 0; i < NAME_COUNT; i++)
        if (bole_slice_eq(names[i], name))
            return i;
    return LEVEL_RANK_NONE;
}

unsigned level_logger_rank(bole_slice name)
{
    static const bole_slice more[] = {S("log_level"), S("levelname"), S("loglevel"), S("record_level_name")};
    unsigned rank = level_name_rank(name);
    if (rank != LEVEL_RANK_NONE || !name.len || (name.ptr[0] != 'l' && name.ptr[0] != 'r'))
        return rank;
    for (unsigned i = 0; i < sizeof more / sizeof *more; i++)
        if (bole_slice_eq(more[i], name))
            return NAME_COUNT + i;
    return LEVEL_RANK_NONE;
}

/* In logfmt case does not matter. */
static unsigned name_rank_nocase(bole_slice name)
{
    if (name.len < NAME_LEN_MIN || name.len > NAME_LEN_MAX)
        return LEVEL_RANK_NONE;
    for (unsigned i = 0; i < NAME_COUNT; i++)
        if (bole_slice_eq_nocase(names[i], name))
            return i;
    return LEVEL_RANK_NONE;
}

struct word {
    bole_slice text;
    bole_slice level;
};

static const struct word values[] = {
    {S("info"), S("info")},         {S("inf"), S("info")},   {S("information"), S("info")}, {S("error"), S("error")},
    {S("err"), S("error")},         {S("warn"), S("warn")},  {S("wrn"), S("warn")},         {S("warning"), S("warn")},
    {S("debug"), S("debug")},       {S("dbg"), S("debug")},  {S("trace"), S("trace")},      {S("trc"), S("trace")},
    {S("critical"), S("critical")}, {S("fatal"), S("fatal")},
};

static bole_slice known_level(bole_slice value)
{
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (bole_slice_eq_nocase(values[i].text, value))
            return values[i].level;
    return (bole_slice){0};
}

bole_slice level_normalize(bole_slice value)
{
    bole_slice level = known_level(value);
    return level.ptr ? level : value;
}

bole_slice level_of_logger(bole_slice value)
{
    static const bole_slice of_ten[] = {S("trace"), S("debug"), S("info"), S("warn"), S("error"), S("fatal")};
    bool number = value.len == 2 && value.ptr[0] >= '1' && value.ptr[0] <= '6' && value.ptr[1] == '0';
    return number ? of_ten[value.ptr[0] - '1'] : level_normalize(value);
}

bole_slice level_of_severity_number(bole_slice text)
{
    size_t at = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+');
    unsigned number = 0;
    if (at == text.len || text.len > 10)
        return S("info");
    for (size_t i = at; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return S("info");
        number = number > 1000 ? number : number * 10 + (text.ptr[i] - '0');
    }
    static const bole_slice of_four[] = {S("trace"), S("debug"), S("info"), S("warn"), S("error"), S("fatal")};
    if (number == 0)
        return S("unknown");
    if (text.ptr[0] == '-')
        return S("trace"); /* below 1 and not 0: Loki's comparisons end here */
    return number <= 24 ? of_four[(number - 1) / 4] : S("unknown");
}

/* ---- the line as JSON ---- */

/* p stands behind an opening quote; returns its closing one, or end. */
static const uint8_t *string_end(const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        if (end - p >= BLOCK) {
            unsigned mask = mask_quote(p);
            if (!mask) {
                p += BLOCK;
                continue;
            }
            p += __builtin_ctz(mask);
        }
        if (*p == '"')
            return p;
        p += *p == '\\' && end - p > 1 ? 2 : 1;
    }
    return end;
}

static const uint8_t *skip_blanks(const uint8_t *p, const uint8_t *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

/* p stands at [ or {; returns what follows its partner, or end. */
static const uint8_t *container_end(const uint8_t *p, const uint8_t *end)
{
    size_t depth = 0;
    for (; p < end; p++) {
        if (*p == '"')
            p = string_end(p + 1, end);
        else if (*p == '[' || *p == '{')
            depth++;
        else if ((*p == ']' || *p == '}') && --depth == 0)
            return p + 1;
        if (p >= end)
            break;
    }
    return end;
}

enum { JSON_LEVELS = 2 }; /* of nesting that are searched */

/* p stands behind the { of an object. The first string under a level's name goes to *ret_value; returns what follows
 * the object, or end when it found one or the text is broken. */
static const uint8_t *search_object(const uint8_t *p, const uint8_t *end, int depth, bole_slice *ret_value)
{
    for (;;) {
        p = skip_blanks(p, end);
        if (p == end || *p != '"')
            return p < end && *p == '}' ? p + 1 : end;
        const uint8_t *key = p + 1, *key_end = string_end(key, end);
        p = key_end < end ? skip_blanks(key_end + 1, end) : end;
        if (p == end || *p != ':')
            return end;
        p = skip_blanks(p + 1, end);
        if (p == end)
            return end;
        if (*p == '"') {
            const uint8_t *value = p + 1, *value_end = string_end(value, end);
            if (value_end == end)
                return end;
            if (level_name_rank(bole_slice_from(key, (size_t)(key_end - key))) != LEVEL_RANK_NONE) {
                *ret_value = bole_slice_from(value, (size_t)(value_end - value));
                return end;
            }
            p = value_end + 1;
        } else if (*p == '{' && depth + 1 < JSON_LEVELS) {
            p = search_object(p + 1, end, depth + 1, ret_value);
        } else if (*p == '{' || *p == '[') {
            p = container_end(p, end);
        } else {
            while (p < end && *p != ',' && *p != '}')
                p++;
        }
        p = skip_blanks(p, end);
        if (p < end && *p == ',')
            p++;
        else if (p == end || *p != '}')
            return end;
    }
}

/* ---- the line as logfmt ---- */

/* One pair, as Loki's decoder reads it; NULL at the end of the line or where it is no logfmt. */
static const uint8_t *next_pair(const uint8_t *p, const uint8_t *end, bole_slice *ret_key, bole_slice *ret_value)
{
    *ret_value = (bole_slice){0};
    while (p < end && *p <= ' ')
        p++;
    const uint8_t *key = p;
    while (p < end && *p > ' ' && *p != '=' && *p != '"')
        p++;
    *ret_key = bole_slice_from(key, (size_t)(p - key));
    if (p == key || (p < end && *p == '"'))
        return NULL;
    if (p == end || *p <= ' ')
        return p;
    const uint8_t *value = ++p;
    if (p < end && *p == '"') {
        p = string_end(++value, end);
        if (p == end)
            return NULL;
        *ret_value = bole_slice_from(value, (size_t)(p - value));
        return p + 1;
    }
    while (p < end && *p > ' ') {
        if (*p == '=' || *p == '"')
            return NULL;
        p++;
    }
    *ret_value = bole_slice_from(value, (size_t)(p - value));
    return p;
}

static bole_slice search_logfmt(bole_slice line)
{
    const uint8_t *p = line.ptr, *end = line.ptr + line.len;
    bole_slice key, value, best = {0};
    unsigned best_rank = LEVEL_RANK_NONE;
    while (best_rank > 0 && (p = next_pair(p, end, &key, &value))) {
        unsigned rank = name_rank_nocase(key);
        if (rank < best_rank) {
            best_rank = rank;
            best = value;
        }
    }
    return best;
}

/* ---- words ---- */

enum { EDGE_LEFT = 1, EDGE_RIGHT = 2, EDGE_BOTH = 3 };

/* What may stand beside a level word. A colon on the left is none: it makes a compound (misc:error). */
static const uint8_t edges[256] = {
    [' '] = EDGE_BOTH, ['\t'] = EDGE_BOTH, ['\n'] = EDGE_BOTH, ['['] = EDGE_BOTH,  ['('] = EDGE_BOTH,
    ['{'] = EDGE_BOTH, ['"'] = EDGE_BOTH,  ['\''] = EDGE_BOTH, ['='] = EDGE_BOTH,  ['|'] = EDGE_BOTH,
    [']'] = EDGE_RIGHT, [')'] = EDGE_RIGHT, ['}'] = EDGE_RIGHT, [':'] = EDGE_RIGHT, [','] = EDGE_RIGHT,
    ['!'] = EDGE_RIGHT,
};

/* The first four letters, as a little-endian number. */
#define FOUR(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/* Told apart by their beginning in one comparison. */
static const struct {
    uint32_t   four, mask;
    bole_slice rest; /* behind the four letters */
    bole_slice level;
} words[] = {
    {FOUR('i', 'n', 'f', 'o'), ~0u, S(""), S("info")},      {FOUR('e', 'r', 'r', 'o'), ~0u, S("r"), S("error")},
    {FOUR('w', 'a', 'r', 'n'), ~0u, S(""), S("warn")},      {FOUR('w', 'a', 'r', 'n'), ~0u, S("ing"), S("warn")},
    {FOUR('d', 'e', 'b', 'u'), ~0u, S("g"), S("debug")},    {FOUR('t', 'r', 'a', 'c'), ~0u, S("e"), S("trace")},
    {FOUR('f', 'a', 't', 'a'), ~0u, S("l"), S("fatal")},    {FOUR('c', 'r', 'i', 't'), ~0u, S("ical"), S("critical")},
    {FOUR('e', 'r', 'r', 0), 0xffffff, S(""), S("error")},
};

static bole_slice word_at(const uint8_t *p, const uint8_t *end)
{
    size_t left = (size_t)(end - p);
    if (left < 3)
        return (bole_slice){0};
    uint32_t four = (left > 3 ? load_u32(p) : FOUR(p[0], p[1], p[2], 0)) | 0x20202020;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if ((four & words[i].mask) != words[i].four)
            continue;
        bole_slice rest = words[i].rest;
        size_t len = (words[i].mask == ~0u ? 4 : 3) + rest.len;
        if (len > left || !bole_slice_eq_nocase(bole_slice_from(p + len - rest.len, rest.len), rest))
            continue;
        if (len == left || (edges[p[len]] & EDGE_RIGHT))
            return words[i].level;
    }
    return (bole_slice){0};
}

static bole_slice search_words(bole_slice line)
{
    const uint8_t *p = line.ptr, *end = line.ptr + line.len;
    if (line.len == 0)
        return S("unknown");
    bole_slice level = word_at(p, end);
    for (p++; !level.ptr && end - p > BLOCK; p += BLOCK)
        for (unsigned mask = mask_word(p); mask && !level.ptr; mask &= mask - 1) {
            const uint8_t *at = p + __builtin_ctz(mask);
            if (edges[at[-1]] & EDGE_LEFT)
                level = word_at(at, end);
        }
    for (; !level.ptr && p < end; p++)
        if (edges[p[-1]] & EDGE_LEFT)
            level = word_at(p, end);
    return level.ptr ? level : S("unknown");
}

/* ---- the line ---- */

/* The v at `at` is that of level, severity or lvl. */
static bool is_name_v(bole_slice line, size_t at)
{
    const uint8_t *v = line.ptr + at;
    size_t before = at, behind = line.len - at - 1;
    if (before < 1 || behind < 1)
        return false;
    if ((v[-1] | 0x20) == 'l')
        return (v[1] | 0x20) == 'l';
    return before >= 2 && behind >= 2 && (v[-1] | 0x20) == 'e' && (v[1] | 0x20) == 'e' &&
           (((v[-2] | 0x20) == 'l' && (v[2] | 0x20) == 'l') || ((v[-2] | 0x20) == 's' && (v[2] | 0x20) == 'r'));
}

/* False when no name of a level can be in the line. */
static bool may_hold_name(bole_slice line)
{
    size_t at = 0;
    for (; line.len - at >= BLOCK; at += BLOCK)
        for (unsigned mask = mask_v(line.ptr + at); mask; mask &= mask - 1)
            if (is_name_v(line, at + (unsigned)__builtin_ctz(mask)))
                return true;
    for (; at < line.len; at++)
        if ((line.ptr[at] | 0x20) == 'v' && is_name_v(line, at))
            return true;
    return false;
}

/* For any line, on any processor. */
bole_slice level_of_line_portable(bole_slice line)
{
    if (may_hold_name(line)) {
        bole_slice body = bole_slice_trim(line), value = {0};
        if (body.len && body.ptr[0] == '{' && body.ptr[body.len - 1] == '}')
            search_object(body.ptr + 1, body.ptr + body.len, 0, &value);
        else
            value = search_logfmt(line);
        bole_slice level = known_level(value);
        if (level.ptr)
            return level;
    }
    return search_words(line);
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))

enum { WIDE = 32, WIDE_READS = WIDE + 2, NAME_BIT = 0x80 };

/* Which of eight beginnings of three letters a byte may be part of, as first, second and third; in lower case, where the
 * high half of a letter is 6 or 7: inf, err, war, deb, tra, fat, cri, and what is around the v of level, sever and lvl.
 * d and t share their low half, and so do b and r. */
static const uint8_t low_half[3][16] = {
    {['i' & 15] = 1, ['e' & 15] = 2 | NAME_BIT, ['w' & 15] = 4, ['d' & 15] = 8 | 16, ['f' & 15] = 32,
     ['c' & 15] = 64, ['l' & 15] = NAME_BIT},
    {['n' & 15] = 1, ['r' & 15] = 2 | 16 | 64, ['a' & 15] = 4 | 32, ['e' & 15] = 8, ['v' & 15] = NAME_BIT},
    {['f' & 15] = 1, ['r' & 15] = 2 | 4 | 8, ['a' & 15] = 16, ['t' & 15] = 32, ['i' & 15] = 64,
     ['l' & 15] = NAME_BIT, ['e' & 15] = NAME_BIT},
};
static const uint8_t high_half[3][16] = {
    {[6] = 1 | 2 | 8 | 32 | 64 | NAME_BIT, [7] = 4 | 16},
    {[6] = 1 | 4 | 8 | 32, [7] = 2 | 16 | 64 | NAME_BIT},
    {[6] = 1 | 8 | 16 | 64 | NAME_BIT, [7] = 2 | 4 | 32},
};

AVX2 static inline __m256i beginnings(const uint8_t *p, unsigned letter)
{
    __m256i bytes = _mm256_or_si256(_mm256_loadu_si256((const __m256i *)(const void *)(p + letter)),
                                    _mm256_set1_epi8(0x20));
    __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)low_half[letter]));
    __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)high_half[letter]));
    __m256i upper = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
    return _mm256_and_si256(_mm256_shuffle_epi8(low, bytes), _mm256_shuffle_epi8(high, upper));
}

/* Bits of the 32 places where a level word, or the part of a name, may begin. Reads WIDE_READS bytes. */
AVX2 static inline uint32_t places(const uint8_t *p, uint32_t *ret_vs)
{
    __m256i all = _mm256_and_si256(_mm256_and_si256(beginnings(p, 0), beginnings(p, 1)), beginnings(p, 2));
    *ret_vs = (uint32_t)_mm256_movemask_epi8(all);
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(all, _mm256_setzero_si256()));
}

/* The places from `at` on that `bits` names: true when one is a name; the first word goes to *level. */
static inline bool look_at(bole_slice line, size_t at, uint32_t bits, uint32_t vs, bole_slice *level)
{
    for (; vs; vs &= vs - 1)
        if (is_name_v(line, at + (unsigned)__builtin_ctz(vs) + 1))
            return true;
    for (; bits && !level->ptr; bits &= bits - 1) {
        const uint8_t *p = line.ptr + at + (unsigned)__builtin_ctz(bits);
        if (p == line.ptr || (edges[p[-1]] & EDGE_LEFT))
            *level = word_at(p, line.ptr + line.len);
    }
    return false;
}

/* False: a name may be in the line. Else *ret_level is that of its first word. */
AVX2 static bool search_avx2(bole_slice line, bole_slice *ret_level)
{
    uint8_t few[WIDE_READS] = {0};
    size_t at = 0;
    uint32_t bits, vs;
    *ret_level = (bole_slice){0};
    if (line.len < WIDE_READS) {
        memcpy(few, line.ptr, line.len);
        bits = places(few, &vs);
        return !look_at(line, 0, bits, vs, ret_level);
    }
    for (; line.len - at >= WIDE_READS; at += WIDE) {
        bits = places(line.ptr + at, &vs);
        if (bits && look_at(line, at, bits, vs, ret_level))
            return false;
    }
    size_t last = line.len - WIDE_READS; /* what is left is less than a block: a block that overlaps what was done */
    uint32_t rest = at - last < WIDE ? ~0u << (at - last) : 0;
    bits = places(line.ptr + last, &vs) & rest;
    return !look_at(line, last, bits, vs & rest, ret_level);
}
#endif

bole_slice level_of_line(bole_slice line)
{
#if defined(__x86_64__)
    bole_slice level;
    if (line.len && __builtin_cpu_supports("avx2") && search_avx2(line, &level)) /* a load and a test of a constant */
        return level.ptr ? level : S("unknown");
#endif
    return level_of_line_portable(line);
}
