/*
 * Glushkov's construction: every rune of the pattern is a place; first, last and follow say which places come after one
 * another. A state is the set of places whose rune may have been the last; one that may hold bytes above 127 holds itself for
 * as long as they go on. States are found and their successors remembered when they are first reached.
 */
#include "store/codec/shadow.h"

#include "base/hash.h"
#include "base/utf8.h"

enum {
    PLACES_MAX = 256, WORDS = PLACES_MAX / 64,
    SYMBOLS = 129,                         /* 128: bytes above 127 */
    STATES_MAX = 512, SLOTS = STATES_MAX * 2,
    COUNT_MAX = 12,                        /* of {n,m}; more is taken for no limit */
    DEPTH_MAX = 64, STEPS_MAX = 20000,     /* of the parser */
    LEN_MAX = 64,                          /* a longer text is taken for one of this length or more */
    STATES_MIN = 16,
    PROBES_MAX = 4, PROBE_OFFSET_MAX = 15,
};

/* Entries of the table of states. */
#define ACCEPTS 0x80000000u
#define UNKNOWN UINT32_MAX

struct places { uint64_t w[WORDS]; };

/* Bytes that may stand at one distance from where a match begins. */
struct probe {
    unsigned offset;
    uint8_t  low[16], high[16]; /* byte b is one of them: low[b % 16] & high[b / 16] */
    uint8_t  is_member[256];
};

struct shadow {
    struct arena  *arena;
    unsigned       place_count, class_count;
    struct places  first, last, sticky;
    struct places  follow[PLACES_MAX];
    struct places  takes[SYMBOLS];         /* places that a symbol leads to; [class] once classes are made */
    uint8_t        class_of[256];          /* byte: symbols that no place tells apart */
    uint32_t       state_count;
    struct places  states[STATES_MAX];
    bool           accepts[STATES_MAX];
    unsigned       shift;                  /* 1 << shift is class_count or more */
    uint32_t      *next;                   /* [state << shift | class]: state behind it << shift, ACCEPTS; or UNKNOWN */
    uint32_t       state_cap;
    uint16_t       slots[SLOTS];           /* hash table: state + 1 */
    struct probe   probes[PROBES_MAX];
    unsigned       probe_count, offset_max;
};

static void add_all(struct places *a, const struct places *b)
{
    for (unsigned i = 0; i < WORDS; i++)
        a->w[i] |= b->w[i];
}

static bool meets(const struct places *a, const struct places *b)
{
    uint64_t any = 0;
    for (unsigned i = 0; i < WORDS; i++)
        any |= a->w[i] & b->w[i];
    return any;
}

/* ---- the pattern ---- */

struct fragment {
    bool          empty; /* may match nothing */
    struct places first, last;
};

struct parser {
    struct shadow *s;
    const uint8_t *next, *end;
    bool           fold;   /* (?i) */
    bool           failed;
    unsigned       depth, steps;
};

static const struct fragment nothing = {.empty = true};

static void fail(struct parser *p)
{
    p->failed = true;
    p->next = p->end;
}

static bool is_next(const struct parser *p, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(p->end - p->next) >= len && memcmp(p->next, text, len) == 0;
}

static bool take(struct parser *p, const char *text)
{
    bool yes = is_next(p, text);
    p->next += yes ? strlen(text) : 0;
    return yes;
}

static void add_byte(struct shadow_bytes *b, unsigned c) { b->low[c / 64] |= 1ull << c % 64; }
static bool has_byte(const struct shadow_bytes *b, unsigned c) { return b->low[c / 64] >> c % 64 & 1; }
static bool is_letter(unsigned c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

static void add_range(struct shadow_bytes *b, uint32_t from, uint32_t to)
{
    for (uint32_t c = from; c <= to && c < 0x80; c++)
        add_byte(b, c);
    b->high |= to >= 0x80;
}

/* Exact for bytes below 128, so that what it negates is exact, too. U+017F and U+212A are the only others that fold to them. */
static void fold(struct shadow_bytes *b)
{
    for (unsigned c = 'a'; c <= 'z'; c++)
        if (has_byte(b, c) || has_byte(b, c ^ 0x20)) {
            add_byte(b, c);
            add_byte(b, c ^ 0x20);
        }
    b->high |= has_byte(b, 'k') || has_byte(b, 's');
}

static void negate(struct shadow_bytes *b)
{
    b->low[0] = ~b->low[0];
    b->low[1] = ~b->low[1];
    b->high = true;
}

static struct fragment rune_of(struct parser *p, const struct shadow_bytes *bytes)
{
    struct shadow *s = p->s;
    struct fragment f = {0};
    if (s->place_count == PLACES_MAX) {
        fail(p);
        return nothing;
    }
    unsigned place = s->place_count++, word = place / 64;
    uint64_t bit = 1ull << place % 64;
    for (unsigned c = 0; c < 128; c++)
        if (has_byte(bytes, c))
            s->takes[c].w[word] |= bit;
    if (bytes->high) {
        s->takes[128].w[word] |= bit;
        s->sticky.w[word] |= bit;
    }
    f.first.w[word] = f.last.w[word] = bit;
    return f;
}

static struct fragment literal(struct parser *p, uint32_t rune)
{
    struct shadow_bytes b = {0};
    add_range(&b, rune, rune);
    if (p->fold) {
        if (rune >= 0x80)
            for (const char *c = "ksKS"; *c; c++)
                add_byte(&b, (unsigned)*c);
        fold(&b);
    }
    return rune_of(p, &b);
}

static void follow(struct shadow *s, const struct places *last, const struct places *first)
{
    for (unsigned w = 0; w < WORDS; w++)
        for (uint64_t left = last->w[w]; left; left &= left - 1)
            add_all(&s->follow[w * 64 + (unsigned)__builtin_ctzll(left)], first);
}

static struct fragment then(struct parser *p, struct fragment a, struct fragment b)
{
    struct fragment f = {a.empty && b.empty, a.first, b.last};
    follow(p->s, &a.last, &b.first);
    if (a.empty)
        add_all(&f.first, &b.first);
    if (b.empty)
        add_all(&f.last, &a.last);
    return f;
}

static bool take_posix(struct parser *p, struct shadow_bytes *ret, bool *ret_negative)
{
    static const struct { const char *name, *members;
    } sets[] = {
        {"alnum:]", "09AZaz"}, {"alpha:]", "AZaz"}, {"ascii:]", "\1\x7f"},  {"blank:]", "\t\t  "}, {"cntrl:]", "\1\x1f\x7f\x7f"},
        {"digit:]", "09"},     {"graph:]", "!~"},   {"lower:]", "az"},      {"print:]", " ~"},     {"punct:]", "!/:@[`{~"},
        {"space:]", "\t\r  "}, {"upper:]", "AZ"},   {"word:]", "09AZaz__"}, {"xdigit:]", "09AFaf"}};
    if (!take(p, "[:"))
        return false;
    *ret_negative = take(p, "^");
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (take(p, sets[i].name)) {
            for (const char *m = sets[i].members; *m; m += 2)
                add_range(ret, (uint8_t)m[0], (uint8_t)m[1]);
            if (sets[i].name[0] == 'c' || sets[i].name[1] == 's')
                add_byte(ret, 0);
            return true;
        }
    fail(p);
    return true;
}

/* \d and the like, behind the backslash. */
static bool take_perl(struct parser *p, struct shadow_bytes *ret, bool *ret_negative)
{
    static const char *const sets[] = {"d09", "w09AZaz__", "s\t\n\f\r  "};
    for (size_t i = 0; i < 3 && p->next < p->end; i++)
        if ((*p->next | 0x20) == (uint8_t)sets[i][0]) {
            *ret_negative = *p->next++ < 'a';
            for (const char *m = sets[i] + 1; *m; m += 2)
                add_range(ret, (uint8_t)m[0], (uint8_t)m[1]);
            return true;
        }
    return false;
}

/* \pL, \p{Greek}: which runes these are is not known here. */
static bool take_unicode(struct parser *p)
{
    if (p->next == p->end || (*p->next | 0x20) != 'p')
        return false;
    p->next++;
    if (p->next < p->end && *p->next == '{') {
        while (p->next < p->end && *p->next != '}')
            p->next++;
    }
    if (p->next == p->end)
        fail(p);
    else
        p->next++;
    return true;
}

static uint32_t take_hex(struct parser *p)
{
    bool braces = take(p, "{");
    uint32_t v = 0;
    for (unsigned i = 0; p->next < p->end && (braces ? *p->next != '}' : i < 2); i++) {
        uint8_t c = *p->next++;
        uint32_t digit = c <= '9' ? c - (uint32_t)'0' : (c | 0x20u) - 'a' + 10;
        if (digit > 15 || v > 0x10ffff)
            fail(p);
        v = v * 16 + (digit & 15);
    }
    if (braces && !take(p, "}"))
        fail(p);
    return v;
}

/* One rune that may be escaped; p->next stands behind the backslash. */
static uint32_t take_escaped(struct parser *p)
{
    static const char names[] = "aftnrv", values[] = "\a\f\t\n\r\v";
    if (p->next == p->end) {
        fail(p);
        return 0;
    }
    uint8_t c = *p->next++;
    const char *hit = c ? strchr(names, c) : NULL;
    if (c == 'x')
        return take_hex(p);
    if (hit)
        return (uint8_t)values[hit - names];
    if (is_letter(c) || (c >= '0' && c <= '9') || c >= 0x80)
        fail(p);
    return c;
}

static uint32_t take_rune(struct parser *p)
{
    size_t len;
    if (p->next == p->end) {
        fail(p);
        return 0;
    }
    uint32_t rune = utf8_decode(p->next, (size_t)(p->end - p->next), &len);
    p->next += len;
    return rune;
}

static void add_set(struct parser *p, struct shadow_bytes *to, struct shadow_bytes set, bool negative)
{
    if (p->fold)
        fold(&set);
    if (negative)
        negate(&set);
    to->low[0] |= set.low[0];
    to->low[1] |= set.low[1];
    to->high |= set.high;
}

static void take_member(struct parser *p, struct shadow_bytes *b, bool negative_class)
{
    struct shadow_bytes set = {0};
    bool negative = false;
    if (is_next(p, "[:") && take_posix(p, &set, &negative)) {
        add_set(p, b, set, negative);
        return;
    }
    bool escaped = take(p, "\\");
    if (escaped && take_perl(p, &set, &negative)) {
        add_set(p, b, set, negative);
        return;
    }
    if (escaped && take_unicode(p)) {
        if (!negative_class) /* else what it takes away is not known, and nothing is */
            add_range(b, 0, 0x80);
        return;
    }
    uint32_t from = escaped ? take_escaped(p) : take_rune(p), to = from;
    if (p->end - p->next >= 2 && p->next[0] == '-' && p->next[1] != ']') {
        p->next++;
        to = take(p, "\\") ? take_escaped(p) : take_rune(p);
    }
    add_range(&set, from, to);
    if (p->fold && set.high && !negative_class)
        for (const char *c = "ksKS"; *c; c++)
            add_byte(&set, (unsigned)*c);
    add_set(p, b, set, false);
}

static struct fragment take_class(struct parser *p)
{
    struct shadow_bytes b = {0};
    bool negative = take(p, "^");
    for (bool is_first = true; !p->failed && (is_first || !is_next(p, "]")); is_first = false) {
        if (p->next == p->end)
            fail(p);
        else
            take_member(p, &b, negative);
    }
    take(p, "]");
    if (negative)
        negate(&b);
    return rune_of(p, &b);
}

static struct fragment take_alternatives(struct parser *p);

/* Behind "(": flags change until the group that they stand in ends. */
static struct fragment take_group(struct parser *p)
{
    bool outside = p->fold;
    if (take(p, "?P<") || take(p, "?<")) {
        while (p->next < p->end && *p->next++ != '>')
            ;
    } else if (take(p, "?")) {
        bool on = true;
        for (; p->next < p->end && *p->next != ':' && *p->next != ')'; p->next++) {
            on = on && *p->next != '-';
            p->fold = *p->next == 'i' ? on : p->fold;
        }
        if (take(p, ")"))
            return nothing;
        take(p, ":");
    }
    struct fragment f = take_alternatives(p);
    if (!take(p, ")"))
        fail(p);
    p->fold = outside;
    return f;
}

static struct fragment take_atom(struct parser *p)
{
    struct shadow_bytes b = {0};
    bool negative = false;
    if (take(p, "("))
        return take_group(p);
    if (take(p, "["))
        return take_class(p);
    if (take(p, "^") || take(p, "$"))
        return nothing;
    if (take(p, ".")) {
        negate(&b);
        return rune_of(p, &b);
    }
    if (!take(p, "\\"))
        return literal(p, take_rune(p));
    for (const char *assertion = "bBAz"; *assertion; assertion++)
        if (p->next < p->end && *p->next == (uint8_t)*assertion) {
            p->next++;
            return nothing;
        }
    if (take_perl(p, &b, &negative)) {
        struct shadow_bytes set = {0};
        add_set(p, &set, b, negative);
        return rune_of(p, &set);
    }
    if (take_unicode(p)) {
        negate(&b);
        return rune_of(p, &b);
    }
    return literal(p, take_escaped(p));
}

/* {2}, {2,} or {2,3}; anything else in braces is text. UINT32_MAX: no limit. */
static bool take_counts(struct parser *p, uint32_t *ret_min, uint32_t *ret_max)
{
    const uint8_t *at = p->next + 1;
    uint32_t numbers[2] = {0, 0};
    unsigned digits[2] = {0, 0}, n = 0;
    for (; at < p->end && *at != '}'; at++) {
        if (*at == ',' && n == 0)
            n = 1;
        else if (*at >= '0' && *at <= '9' && digits[n]++ < 6)
            numbers[n] = numbers[n] * 10 + (*at - '0');
        else
            return false;
    }
    if (at >= p->end || !digits[0])
        return false;
    p->next = at + 1;
    *ret_min = numbers[0];
    *ret_max = n == 0 ? numbers[0] : digits[1] ? numbers[1] : UINT32_MAX;
    return true;
}

static struct fragment take_sequence(struct parser *p);

/* The same text once more, as places of its own. */
static struct fragment again(struct parser *p, const uint8_t *from, const uint8_t *to, bool fold_there)
{
    struct parser copy = {p->s, from, to, fold_there, p->failed, p->depth, p->steps};
    struct fragment f = take_sequence(&copy);
    p->steps = copy.steps;
    if (copy.failed)
        fail(p);
    return f;
}

static struct fragment repeat(struct parser *p, struct fragment atom, const uint8_t *from, const uint8_t *to, bool fold_there,
                              uint32_t min, uint32_t max)
{
    if (min > COUNT_MAX)
        min = COUNT_MAX;
    if (max > COUNT_MAX)
        max = UINT32_MAX;
    if (max == 0)
        return nothing;
    struct fragment all = nothing, last = atom;
    uint32_t copies = max == UINT32_MAX ? (min ? min : 1) : max;
    for (uint32_t i = 0; i < copies && !p->failed; i++) {
        last = i ? again(p, from, to, fold_there) : atom;
        if (i + 1 == copies && max == UINT32_MAX)
            follow(p->s, &last.last, &last.first);
        last.empty |= i >= min;
        all = then(p, all, last);
    }
    return all;
}

static struct fragment take_repeated(struct parser *p)
{
    const uint8_t *from = p->next;
    bool fold_there = p->fold;
    struct fragment f = take_atom(p);
    while (p->next < p->end && !p->failed) {
        const uint8_t *to = p->next;
        uint32_t min = 0, max = UINT32_MAX;
        if (*to == '*' || *to == '+' || *to == '?') {
            min = *to == '+';
            max = *to == '?' ? 1 : UINT32_MAX;
            p->next++;
        } else if (*to != '{' || !take_counts(p, &min, &max)) {
            break;
        }
        f = repeat(p, f, from, to, fold_there, min, max);
        take(p, "?");
    }
    return f;
}

static struct fragment take_sequence(struct parser *p)
{
    struct fragment f = nothing;
    if (++p->depth > DEPTH_MAX)
        fail(p);
    while (p->next < p->end && *p->next != '|' && *p->next != ')') {
        if (++p->steps > STEPS_MAX)
            fail(p);
        else
            f = then(p, f, take_repeated(p));
    }
    p->depth--;
    return f;
}

static struct fragment take_alternatives(struct parser *p)
{
    struct fragment f = take_sequence(p);
    while (take(p, "|")) {
        struct fragment other = take_sequence(p);
        f.empty |= other.empty;
        add_all(&f.first, &other.first);
        add_all(&f.last, &other.last);
    }
    return f;
}

/* ---- states: SHADOW_START is no place, SHADOW_ACCEPT is all of them ---- */

static void make_classes(struct shadow *s)
{
    uint8_t class_of_symbol[SYMBOLS];
    for (unsigned c = 0; c < SYMBOLS; c++) {
        unsigned class = 0;
        while (class < s->class_count && memcmp(&s->takes[class], &s->takes[c], sizeof s->takes[c]) != 0)
            class++;
        s->takes[class] = s->takes[c]; /* class <= c */
        s->class_count += class == s->class_count;
        class_of_symbol[c] = (uint8_t)class;
    }
    for (unsigned c = 0; c < 256; c++)
        s->class_of[c] = class_of_symbol[c < 128 ? c : 128];
}

static bool grow(struct shadow *s)
{
    uint32_t cap = s->state_cap ? s->state_cap * 2 : STATES_MIN;
    size_t row = sizeof *s->next << s->shift, old = s->state_cap * row;
    uint32_t *next = cap <= STATES_MAX ? arena_grow(s->arena, s->next, old, cap * row) : NULL;
    if (!next)
        return false;
    memset((uint8_t *)next + old, 0xff, cap * row - old);
    s->next = next;
    s->state_cap = cap;
    return true;
}

static uint32_t state_of(struct shadow *s, const struct places *places)
{
    uint64_t hash = hash64(bole_slice_from((const uint8_t *)places, sizeof *places));
    uint32_t slot = hash % SLOTS;
    for (; s->slots[slot]; slot = (slot + 1) % SLOTS)
        if (memcmp(&s->states[s->slots[slot] - 1], places, sizeof *places) == 0)
            return s->slots[slot] - 1u;
    if (s->state_count == s->state_cap && !grow(s))
        return SHADOW_ACCEPT;
    uint32_t state = s->state_count++;
    s->slots[slot] = (uint16_t)(state + 1);
    s->states[state] = *places;
    s->accepts[state] = meets(places, &s->last);
    return state;
}

/* Places that may come next, whatever the byte. */
static struct places places_after(const struct shadow *s, const struct places *from)
{
    struct places to = s->first;
    for (unsigned w = 0; w < WORDS; w++)
        for (uint64_t left = from->w[w]; left; left &= left - 1)
            add_all(&to, &s->follow[w * 64 + (unsigned)__builtin_ctzll(left)]);
    return to;
}

static struct places step(const struct shadow *s, const struct places *from, const struct places *takes, bool is_high)
{
    struct places to = places_after(s, from);
    for (unsigned w = 0; w < WORDS; w++)
        to.w[w] = (to.w[w] & takes->w[w]) | (is_high ? from->w[w] & s->sticky.w[w] : 0);
    return to;
}

/* Fills an entry of the table. */
static uint32_t next_entry(struct shadow *s, uint32_t at, uint8_t byte)
{
    uint8_t class = s->class_of[byte];
    struct places to = step(s, &s->states[at >> s->shift], &s->takes[class], byte >= 0x80);
    uint32_t state = state_of(s, &to);
    return s->next[at + class] = state << s->shift | (s->accepts[state] ? ACCEPTS : 0);
}

/* ---- where a match may begin ---- */

/* How often bytes stand in logs, about. */
static unsigned weight_of(unsigned byte)
{
    if (byte >= 0x80)
        return 1;
    if ((byte >= '0' && byte <= '9') || byte == ' ')
        return 6;
    return (byte >= 'a' && byte <= 'z') || byte == '.' || byte == '"' || byte == '/' || byte == '-' ? 4 : is_letter(byte) ? 2 : 1;
}

static unsigned make_probe(const struct shadow *s, const struct places *places, unsigned offset, struct probe *ret)
{
    unsigned weight = 0;
    *ret = (struct probe){.offset = offset};
    for (unsigned b = 0; b < 256; b++) {
        if (!meets(&s->takes[s->class_of[b]], places))
            continue;
        ret->is_member[b] = 1;
        ret->low[b % 16] |= b < 0x80 ? (uint8_t)(1u << b / 16) : 0;
        weight += weight_of(b);
    }
    for (unsigned i = 0; i < 8; i++)
        ret->high[i] = (uint8_t)(1u << i);
    return weight;
}

/* Where all matches have their first bytes at the same distance: up to where one may end, or a rune may be of several bytes. */
static void make_probes(struct shadow *s)
{
    enum { WEIGHT_MAX = 120 };
    struct places at = s->first;
    unsigned weights[PROBES_MAX];
    for (unsigned offset = 0; offset <= PROBE_OFFSET_MAX; offset++) {
        struct probe probe;
        unsigned weight = make_probe(s, &at, offset, &probe), i = s->probe_count;
        if (probe.is_member[0x80] == 0 && weight < WEIGHT_MAX) {
            for (; i && weights[i - 1] > weight; i--)
                if (i < PROBES_MAX) {
                    s->probes[i] = s->probes[i - 1];
                    weights[i] = weights[i - 1];
                }
            if (i < PROBES_MAX) {
                s->probes[i] = probe;
                weights[i] = weight;
                s->probe_count += s->probe_count < PROBES_MAX;
            }
        }
        if (meets(&at, &s->last) || meets(&at, &s->sticky))
            break;
        struct places next = {0};
        for (unsigned w = 0; w < WORDS; w++)
            for (uint64_t left = at.w[w]; left; left &= left - 1)
                add_all(&next, &s->follow[w * 64 + (unsigned)__builtin_ctzll(left)]);
        at = next;
        s->offset_max = offset + 1;
    }
}

static size_t find_portable(const struct shadow *s, bole_slice text, size_t from)
{
    for (; from + s->offset_max < text.len; from++) {
        uint8_t all = 1;
        for (unsigned i = 0; i < s->probe_count; i++)
            all &= s->probes[i].is_member[text.ptr[from + s->probes[i].offset]];
        if (all)
            return from;
    }
    return text.len;
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2")))
static size_t find_avx2(const struct shadow *s, bole_slice text, size_t from)
{
    enum { STRIDE = 32 };
    const __m256i nibble = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
    for (; from + s->offset_max + STRIDE <= text.len; from += STRIDE) {
        uint32_t hits = UINT32_MAX;
        for (unsigned i = 0; i < s->probe_count && hits; i++) {
            const struct probe *probe = &s->probes[i];
            __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)probe->low));
            __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)probe->high));
            __m256i bytes = _mm256_loadu_si256((const __m256i *)(text.ptr + from + probe->offset));
            __m256i a = _mm256_shuffle_epi8(low, _mm256_and_si256(bytes, nibble));
            __m256i b = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble));
            hits &= ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_and_si256(a, b), zero));
        }
        if (hits)
            return from + (unsigned)__builtin_ctz(hits);
    }
    return find_portable(s, text, from);
}
#endif

size_t shadow_find(const struct shadow *s, bole_slice text, size_t from)
{
    if (text.len <= s->offset_max || from >= text.len - s->offset_max)
        return text.len;
    if (s->probe_count == 0)
        return from;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return find_avx2(s, text, from);
#endif
    return find_portable(s, text, from);
}

/* ---- */

struct shadow *shadow_create(bole_slice pattern, struct arena *arena)
{
    struct shadow *s = arena_zalloc(arena, sizeof *s);
    if (!s)
        return NULL;
    s->arena = arena;
    struct parser p = {.s = s, .next = pattern.ptr, .end = pattern.ptr + pattern.len};
    struct fragment all = take_alternatives(&p);
    if (p.failed || p.next < p.end || all.empty)
        return NULL;
    s->first = all.first;
    s->last = all.last;
    bool high_apart = false; /* sticky places look at the symbol itself */
    for (unsigned w = 0; w < WORDS; w++)
        high_apart |= s->sticky.w[w] != 0;
    make_classes(s);
    if (high_apart) { /* a class of its own */
        struct places high = s->takes[s->class_of[128]];
        if (s->class_count == SYMBOLS)
            return NULL;
        s->takes[s->class_count] = high;
        memset(s->class_of + 128, (int)s->class_count++, 128);
    }
    while (1u << s->shift < s->class_count)
        s->shift++;
    struct places none = {0}, every;
    memset(&every, 0xff, sizeof every);
    for (unsigned i = s->place_count; i < PLACES_MAX; i++)
        every.w[i / 64] &= ~(1ull << i % 64);
    make_probes(s);
    return state_of(s, &none) == SHADOW_START && state_of(s, &every) == SHADOW_ACCEPT ? s : NULL;
}

uint32_t shadow_run(struct shadow *s, uint32_t state, bole_slice bytes)
{
    const uint8_t *end = bytes.ptr + bytes.len, *class_of = s->class_of;
    const uint32_t *next = s->next;
    uint32_t at = state << s->shift;
    for (const uint8_t *p = bytes.ptr; p < end; p++) {
        uint32_t entry = next[at + class_of[*p]];
        if (entry & ACCEPTS) {
            if (entry == UNKNOWN)
                entry = next_entry(s, at, *p);
            if (entry & ACCEPTS)
                return SHADOW_ACCEPT;
            next = s->next;
        }
        at = entry;
    }
    return at >> s->shift;
}

uint32_t shadow_pass(struct shadow *s, uint32_t state, bole_slice bytes, bool *accepts)
{
    uint32_t at = state << s->shift;
    for (size_t i = 0; i < bytes.len; i++) {
        uint32_t entry = s->next[at + s->class_of[bytes.ptr[i]]];
        if (entry == UNKNOWN)
            entry = next_entry(s, at, bytes.ptr[i]);
        *accepts |= entry >> 31;
        at = entry & ~ACCEPTS;
    }
    return at >> s->shift;
}

uint32_t shadow_pass_any(struct shadow *s, uint32_t state, const struct shadow_bytes *bytes, uint32_t min_len, uint32_t max_len,
                         bool *accepts)
{
    struct places takes = {0}, at = s->states[state], reached = {0}, old;
    for (unsigned c = 0; c < 128; c++)
        if (has_byte(bytes, c))
            add_all(&takes, &s->takes[s->class_of[c]]);
    if (bytes->high)
        add_all(&takes, &s->takes[s->class_of[128]]);
    min_len = min_len < LEN_MAX ? min_len : LEN_MAX;
    for (uint32_t len = 0;; len++) {
        if (len >= min_len) {
            old = reached;
            add_all(&reached, &at);
            /* What adds nothing here adds nothing later: a step of a union is the union of its steps. */
            if (len == max_len || (len > min_len && memcmp(&old, &reached, sizeof old) == 0))
                return state_of(s, &reached);
        }
        at = step(s, &at, &takes, bytes->high);
        *accepts |= meets(&at, &s->last);
    }
}

bool shadow_is_full(const struct shadow *s)
{
    return s->state_count == STATES_MAX;
}

uint32_t shadow_union(struct shadow *s, uint32_t a, uint32_t b)
{
    struct places both = s->states[a];
    if (a == b)
        return a;
    add_all(&both, &s->states[b]);
    return state_of(s, &both);
}
