/*
 * A text is worked on in windows: its bytes become bit masks (token_classify.c), the edges of the runs in them become
 * the borders of words, compounds are looked for where enough words are joined by single dots or dashes, and what is
 * left is hashed. A window that is not the last ends at a border that no word and no compound crosses. Where there is
 * none for 2 KB (a chain like a.b.c.d, or one giant token) the next window repeats the last words of the one before; a
 * giant token is passed over byte by byte and reported with ODD, because compounds that touch it are not looked for.
 */
#include "store/index/tokens.h"

#include <assert.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SKIPPED     0x80000000u /* in the start of a word: part of a UUID */
#define OVERLAP     5u          /* words that a compound can join */
#define JOINED_QUAD 3u
#define JOINED_UUID 4u

static bool is_word(uint8_t c)
{
    return (uint8_t)((c | 0x20) - 'a') < 26 || (uint8_t)(c - '0') < 10 || c == '_';
}

static bool is_digit(uint8_t c) { return (uint8_t)(c - '0') < 10; }
static bool is_high(uint8_t c) { return c > 127; }

void tokens_begin(struct tokens *t, bole_slice text, enum tokens_mode mode)
{
    assert(text.len <= UINT32_MAX);
    t->text = text;
    t->mode = mode;
    t->next = t->start = 0;
}

static void add(struct tokens *t, enum token_kind kind, size_t start, size_t len)
{
    size_t n = len < TOKEN_LEN_MAX ? len : TOKEN_LEN_MAX;
    uint64_t hash = kind == TOKEN_ODD || t->mode == TOKENS_COMPOUNDS ? 0 : XXH3_64bits(t->lower + start, n);
    assert(t->found_count < sizeof t->found / sizeof *t->found);
    t->found[t->found_count++] = (struct token){hash, (uint32_t)(t->start + start), (uint32_t)len, kind};
}

/* ---- borders ---- */

static inline uint64_t shifted(uint64_t bits, uint64_t before, unsigned by) { return bits << by | before >> (64 - by); }

/* Dots behind words, of which two more stand two to four bytes apart in front: the last ones of quads. */
static uint64_t quad_dots(uint64_t dots, uint64_t before)
{
    uint64_t second = dots & (shifted(dots, before, 2) | shifted(dots, before, 3) | shifted(dots, before, 4));
    uint64_t second_before = before & (before << 2 | before << 3 | before << 4);
    return second &
           (shifted(second, second_before, 2) | shifted(second, second_before, 3) | shifted(second, second_before, 4));
}

/* Dashes with three more before them, five bytes apart: the last ones of UUIDs. */
static uint64_t uuid_dashes(uint64_t dashes, uint64_t before)
{
    return dashes & shifted(dashes, before, 5) & shifted(dashes, before, 10) & shifted(dashes, before, 15);
}

/* The edges of the runs of word bytes among the first n bytes, and where compounds may be. */
static void find_words(struct tokens *t, size_t n)
{
    uint32_t count = 0;
    uint64_t carry = 0, dots_before = 0, dashes_before = 0;
    t->sign_count = 0;
    for (size_t i = 0; i * 64 < n; i++) {
        uint64_t word = t->masks[i].word, behind = word << 1 | carry, edges = word ^ behind;
        uint64_t dots = t->masks[i].dot & behind, dashes = t->masks[i].dash & behind;
        carry = word >> 63;
        for (; edges; edges &= edges - 1)
            t->borders[count++] = (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(edges);
        uint64_t signs = quad_dots(dots, dots_before) | uuid_dashes(dashes, dashes_before);
        for (; signs; signs &= signs - 1)
            t->signs[t->sign_count++] = (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(signs);
        dots_before = dots;
        dashes_before = dashes;
    }
    if (count & 1)
        t->borders[count++] = (uint32_t)n;
    t->word_count = count / 2;
}

/* The loop that costs: with the hash inlined it takes two thirds of the time. */
__attribute__((flatten)) static void add_words(struct tokens *t)
{
    struct token *out = t->found + t->found_count;
    for (uint32_t i = 0; i < t->word_count; i++) {
        uint32_t start = t->borders[2 * i], len = t->borders[2 * i + 1] - start;
        if (start & SKIPPED)
            continue;
        uint64_t hash = XXH3_64bits(t->lower + start, len < TOKEN_LEN_MAX ? len : TOKEN_LEN_MAX);
        *out++ = (struct token){hash, (uint32_t)t->start + start, len, TOKEN_WORD};
    }
    t->found_count = (uint32_t)(out - t->found);
}

static void add_high(struct tokens *t, size_t n)
{
    uint64_t any = 0;
    for (size_t i = 0; i * 64 < n; i++)
        any |= t->masks[i].high;
    if (!any)
        return;
    for (size_t start = 0, end; start < n; start = end + 1) {
        for (end = start; end < n && is_high(t->lower[end]); end++)
            ;
        if (end > start)
            add(t, TOKEN_HIGH, start, end - start);
    }
}

/* ---- compounds ---- */

static inline uint32_t word_start(const struct tokens *t, uint32_t i) { return t->borders[2 * i] & ~SKIPPED; }
static inline uint32_t word_end(const struct tokens *t, uint32_t i) { return t->borders[2 * i + 1]; }

static bool is_octet(const struct tokens *t, uint32_t start, uint32_t end)
{
    const uint8_t *p = t->lower + start;
    uint32_t len = end - start, value = 0;
    if (len > 3 || (len > 1 && p[0] == '0'))
        return false;
    for (uint32_t k = 0; k < len; k++) {
        if (!is_digit(p[k]))
            return false;
        value = value * 10 + (p[k] - '0');
    }
    return value <= 255;
}

static bool is_hex(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_digit(p[i]) && (uint8_t)(p[i] - 'a') > 5)
            return false;
    return true;
}

static void add_quad(struct tokens *t, uint32_t last)
{
    uint32_t first = last - JOINED_QUAD, first_start = word_start(t, first), last_end = word_end(t, last);
    if (!is_octet(t, word_start(t, last - 2), word_end(t, last - 2)) ||
        !is_octet(t, word_start(t, last - 1), word_end(t, last - 1)))
        return;
    uint32_t start = word_end(t, first) > first_start + 3 ? word_end(t, first) - 3 : first_start;
    uint32_t end = last_end < word_start(t, last) + 3 ? last_end : word_start(t, last) + 3;
    while (start < word_end(t, first) && !is_octet(t, start, word_end(t, first)))
        start++;
    while (end > word_start(t, last) && !is_octet(t, word_start(t, last), end))
        end--;
    if (start == word_end(t, first) || end == word_start(t, last))
        return;
    if (t->mode == TOKENS_COMPOUNDS)
        add(t, TOKEN_QUAD, first_start, last_end - first_start);
    else
        add(t, TOKEN_QUAD, start, end - start);
}

static void add_uuid(struct tokens *t, uint32_t last)
{
    uint32_t first = last - JOINED_UUID, start = word_end(t, first) - 8, end = word_start(t, last) + 12;
    if (word_end(t, first) - word_start(t, first) < 8 || word_end(t, last) < end)
        return;
    for (uint32_t i = first + 1; i < last; i++)
        if (word_end(t, i) - word_start(t, i) != 4 || !is_hex(t->lower + word_start(t, i), 4))
            return;
    if (!is_hex(t->lower + start, 8) || !is_hex(t->lower + end - 12, 12))
        return;
    if (t->mode == TOKENS_COMPOUNDS) {
        add(t, TOKEN_UUID, word_start(t, first), word_end(t, last) - word_start(t, first));
        return;
    }
    add(t, TOKEN_UUID, start, end - start);
    for (uint32_t i = first; i < last; i++)
        if (i > first || word_start(t, i) == start)
            t->borders[2 * i] |= SKIPPED;
}

/* The word that begins at `start`; word_count: none. */
static uint32_t word_at(const struct tokens *t, uint32_t start)
{
    uint32_t low = 0, high = t->word_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (word_start(t, middle) < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->word_count && word_start(t, low) == start ? low : t->word_count;
}

/* Whether words last - joins .. last are joined by one `sign` each. */
static bool is_chain(const struct tokens *t, uint32_t last, uint32_t joins, uint8_t sign)
{
    if (last < joins)
        return false;
    for (uint32_t i = last - joins; i < last; i++)
        if (word_start(t, i + 1) != word_end(t, i) + 1 || t->lower[word_end(t, i)] != sign)
            return false;
    return true;
}

static void find_compounds(struct tokens *t)
{
    for (uint32_t i = 0; i < t->sign_count; i++) {
        uint32_t last = word_at(t, t->signs[i] + 1);
        if (last == t->word_count)
            continue;
        if (t->lower[t->signs[i]] == '.' && is_chain(t, last, JOINED_QUAD, '.'))
            add_quad(t, last);
        else if (t->lower[t->signs[i]] == '-' && is_chain(t, last, JOINED_UUID, '-'))
            add_uuid(t, last);
    }
}

/* ---- windows ---- */

/* The last offset in a full window that neither a word, a run of high bytes nor a chain of words crosses; 0: none. */
static size_t last_border(const struct tokens *t)
{
    for (size_t i = TOKENS_WINDOW / 64; i-- > 0;) {
        const struct token_masks *m = &t->masks[i];
        uint64_t carry = i ? m[-1].high >> 63 : m->high & 1;
        uint64_t borders = ~(m->word | m->high | m->dot | m->dash) | (m->high ^ (m->high << 1 | carry));
        if (borders)
            return i * 64 + 63 - (size_t)__builtin_clzll(borders);
    }
    return 0;
}

static void clear_from(struct tokens *t, size_t n)
{
    if (n % 64 == 0)
        return;
    uint64_t inside = (1ull << n % 64) - 1;
    struct token_masks *m = &t->masks[n / 64];
    *m = (struct token_masks){m->word & inside, m->high & inside, m->dot & inside, m->dash & inside};
}

/* A token that fills the window: its end is looked for, its first bytes are hashed. */
static void add_giant(struct tokens *t, enum token_kind kind)
{
    size_t end = t->start + TOKENS_WINDOW;
    bool (*inside)(uint8_t) = kind == TOKEN_HIGH ? is_high : is_word;
    while (end < t->text.len && inside(t->text.ptr[end]))
        end++;
    if (t->mode != TOKENS_COMPOUNDS)
        add(t, kind, 0, end - t->start);
    t->next = end;
}

/* Too few words for an overlap: compounds may be missed, so all that they could be part of is ODD. */
static void add_odd_chain(struct tokens *t)
{
    size_t end = t->next;
    if (t->mode == TOKENS_COMPOUNDS) {
        while (end < t->text.len && (is_word(t->text.ptr[end]) || t->text.ptr[end] == '.' || t->text.ptr[end] == '-'))
            end++;
        t->next = end;
    }
    add(t, TOKEN_ODD, 0, end - t->start);
}

/* A full window without a border: drops the last word, which may go on, and sets where the next window begins. */
static void cut_chain(struct tokens *t)
{
    if (is_high(t->lower[0])) {
        t->word_count = 0;
        add_giant(t, TOKEN_HIGH);
        return;
    }
    uint32_t count = t->word_count;
    if (count > OVERLAP) {
        t->next = t->start + word_start(t, count - OVERLAP);
        t->word_count = count - 1;
        return;
    }
    uint32_t start = count ? word_start(t, count - 1) : TOKENS_WINDOW;
    if (start == 0 && word_end(t, 0) == TOKENS_WINDOW) {
        t->word_count = 0;
        add_giant(t, TOKEN_WORD);
    } else if (start == 0) {
        t->next = t->start + word_end(t, 0);
    } else {
        t->next = t->start + start;
        t->word_count = count ? count - 1 : 0;
    }
    if (t->mode != TOKENS_WORDS)
        add_odd_chain(t);
}

bool tokens_next(struct tokens *t, const struct token **ret_tokens, size_t *ret_count)
{
    size_t left = t->text.len - t->next, n = left < TOKENS_WINDOW ? left : TOKENS_WINDOW;
    if (!n)
        return false;
    t->start = t->next;
    t->next = t->start + n;
    t->found_count = 0;
    tokens_classify_form(0)(t->text.ptr + t->start, n, t->lower, t->masks);
    size_t border = left > n ? last_border(t) : n;
    if (border && border < n) {
        n = border;
        clear_from(t, n);
        t->next = t->start + n;
    }
    find_words(t, n);
    if (!border)
        cut_chain(t);
    if (t->mode != TOKENS_WORDS)
        find_compounds(t);
    if (t->mode != TOKENS_COMPOUNDS) {
        add_words(t);
        if (border)
            add_high(t, n);
    }
    *ret_tokens = t->found;
    *ret_count = t->found_count;
    return true;
}

bool tokens_is_border(struct tokens *t, bole_slice line, size_t at)
{
    static const enum tokens_mode modes[] = {TOKENS_WORDS, TOKENS_COMPOUNDS};
    for (size_t m = 0; m < 2; m++) {
        const struct token *found;
        size_t count;
        tokens_begin(t, line, modes[m]);
        while (tokens_next(t, &found, &count))
            for (size_t i = 0; i < count; i++)
                if (found[i].start < at && at - found[i].start < found[i].len)
                    return false;
    }
    return true;
}
