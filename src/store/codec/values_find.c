/*
 * Searching a column: what the stamp rules out costs nothing; a dictionary is searched once per distinct value, texts
 * end to end in one scan, numbers are compared as numbers where that is the same and else printed block by block and
 * scanned.
 */
#include <assert.h>

#include "base/unset.h"
#include "store/codec/find_bytes.h"
#include "store/codec/values_private.h"

/* ---- byte classes ---- */

/*
 * 64 classes: 0-9 each digit, 10-15 a to f each, 16-25 g to z in pairs, 26 A-F, 27 G-P, 28 Q-Z, 29 blank, 30 control
 * bytes, 31 bytes above 127, 32-63 each ASCII punctuation mark. Part of the format: docs/format/columns.md.
 */
static const uint8_t class_of[256] = {
    ['0'] = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ['a'] = 10, 11, 12, 13, 14, 15, 16, 16, 17, 17, 18, 18, 19, 19, 20, 20, 21, 21, 22, 22, 23, 23, 24, 24, 25, 25,
    ['A' ... 'F'] = 26, ['G' ... 'P'] = 27, ['Q' ... 'Z'] = 28, [' '] = 29,
    [0 ... 31] = 30, [127] = 30, [128 ... 255] = 31,
    ['!'] = 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46,
    [':'] = 47, 48, 49, 50, 51, 52, 53, ['['] = 54, 55, 56, 57, 58, 59, ['{'] = 60, 61, 62, 63,
};

unsigned values_class(uint8_t byte)
{
    return class_of[byte];
}

uint64_t values_classes(bole_slice s)
{
    enum { LONG = 1024 };
    uint64_t classes = 0;
    if (s.len < LONG) {
        for (size_t i = 0; i < s.len; i++)
            classes |= 1ull << class_of[s.ptr[i]];
        return classes;
    }
    uint8_t seen[256] = {0}; /* a store waits for nothing */
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t x = load_u64(s.ptr + i);
        for (unsigned k = 0; k < 8; k++)
            seen[x >> (8 * k) & 255] = 1;
    }
    for (; i < s.len; i++)
        seen[s.ptr[i]] = 1;
    for (unsigned c = 0; c < 256; c++)
        classes |= (uint64_t)seen[c] << class_of[c];
    return classes;
}

static bool is_word(uint8_t c)
{
    return (unsigned)c - '0' < 10 || (unsigned)(c | 0x20) - 'a' < 26 || c == '_';
}

/* Ends at the first byte that does not fit: most needles fit into few columns. */
bool values_may_contain(const struct values *v, bole_slice needle)
{
    if (needle.len > v->stamp.max_len)
        return false;
    for (size_t i = 0, word = 0; i < needle.len; i++) {
        word = is_word(needle.ptr[i]) ? word + 1 : 0;
        if (!(v->stamp.classes >> class_of[needle.ptr[i]] & 1) || word > v->stamp.word_max)
            return false;
    }
    return true;
}

/* ---- bits ---- */

static void set_bit(uint64_t *bits, uint32_t index)
{
    bits[index / 64] |= 1ull << index % 64;
}

static void set_all(uint64_t *bits, uint32_t count)
{
    memset(bits, 0xff, count / 64 * sizeof *bits);
    if (count % 64)
        bits[count / 64] = (1ull << count % 64) - 1;
}

/* 64 bytes of 0 or 1 to bits: each multiplication brings eight of them together in the highest byte. */
static uint64_t pack_flags(const uint8_t flags[64])
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 64; i += 8)
        word |= load_u64(flags + i) * 0x0102040810204080ull >> 56 << i;
    return word;
}

/* ---- texts that lie end to end ---- */

static void find_containing(const uint8_t *text, const uint32_t *starts, uint32_t count, bole_slice needle,
                            uint64_t *bits)
{
    uint32_t index = 0, at = starts[0];
    const uint8_t *hit;
    while ((hit = find_bytes(bole_slice_from(text + at, starts[count] - at), needle)) != NULL) {
        uint32_t found = (uint32_t)(hit - text);
        while (starts[index + 1] <= found)
            index++;
        if (found + needle.len <=
            starts[index + 1]) /* else across the border, as any that begins later in this value */
            set_bit(bits, index);
        at = starts[++index];
        if (index == count)
            return;
    }
}

/* Sets bit i where value i, at starts[i] of text, matches. The needle is not empty. */
static void find_in_text(const uint8_t *text, const uint32_t *starts, uint32_t count, enum values_match how,
                         bole_slice needle, uint64_t *bits)
{
    if (how == VALUES_CONTAINS) {
        find_containing(text, starts, count, needle, bits);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len = starts[i + 1] - starts[i];
        if (len < needle.len || (how == VALUES_EQUALS && len > needle.len))
            continue;
        const uint8_t *at = text + (how == VALUES_ENDS ? starts[i + 1] - needle.len : starts[i]);
        if (at[0] == needle.ptr[0] && memcmp(at, needle.ptr, needle.len) == 0)
            set_bit(bits, i);
    }
}

/* ---- dictionaries ---- */

/* Bits of the rows from those of the distinct values. */
static void spread(const struct ints *ids, uint32_t count, const uint64_t *matches, uint64_t *bits)
{
    for (uint32_t from = 0; from < count; from += 64) {
        uint32_t n = count - from < 64 ? count - from : 64;
        uint8_t flags[64] = {0};
        if (ids->width == 1) {
            const uint8_t *at = (const uint8_t *)ids->at + from;
            for (uint32_t i = 0; i < n; i++)
                flags[i] = matches[at[i] / 64] >> at[i] % 64 & 1;
        } else {
            for (uint32_t i = 0; i < n; i++) {
                uint64_t id = ints_offset(ids, from + i);
                flags[i] = matches[id / 64] >> id % 64 & 1;
            }
        }
        bits[from / 64] = pack_flags(flags);
    }
}

static void find_in_dictionary(const struct values *v, enum values_match how, bole_slice needle, uint64_t *bits)
{
    const struct values_detail *d = v->detail;
    uint64_t matches[VALUES_COUNT_MAX / 64] UNSET, any = 0, all = ~0ull;
    uint32_t words = (d->count + 63) / 64;
    memset(matches, 0, words * sizeof *matches);
    find_in_text(d->text, d->starts, d->count, how, needle, matches);
    for (uint32_t i = 0; i < words; i++) {
        any |= matches[i];
        all &= matches[i] | (i == words - 1 && d->count % 64 ? ~0ull << d->count % 64 : 0);
    }
    if (all == ~0ull)
        set_all(bits, v->count);
    else if (any)
        spread(&d->ids, v->count, matches, bits);
}

/* ---- numbers ---- */

#define FLAG_EQUAL(type)                                                                    \
    do {                                                                                    \
        const type *at = (const type *)(const void *)n->at + from, key = (type)offset;      \
        for (uint32_t i = 0; i < count; i++)                                                \
            flags[i] &= at[i] == key;                                                       \
    } while (0)

/* Clears flag i where number from + i is not lowest + offset. */
static void flag_equal(const struct ints *n, uint32_t from, uint32_t count, uint64_t offset, uint8_t flags[64])
{
    switch (n->width) {
    case 1: FLAG_EQUAL(uint8_t); break;
    case 2: FLAG_EQUAL(uint16_t); break;
    case 4: FLAG_EQUAL(uint32_t); break;
    case 8: FLAG_EQUAL(uint64_t); break;
    default: break; /* all are the lowest */
    }
}

static void find_equal_numbers(const struct values *v, bole_slice needle, uint64_t *bits)
{
    const struct values_detail *d = v->detail;
    int64_t words[VALUES_WORDS_MAX];
    uint64_t offset[VALUES_WORDS_MAX];
    struct datetime_cache cache = {0};
    if (!values_shape_parse(&d->shape, needle, 0, &cache, words))
        return;
    for (unsigned w = 0; w < d->words; w++) {
        const struct ints *n = &d->word[w];
        offset[w] = (uint64_t)words[w] - (uint64_t)n->lowest;
        if (n->width < 8 && offset[w] >> (8 * n->width))
            return;
    }
    for (uint32_t from = 0; from < v->count; from += 64) {
        uint32_t count = v->count - from < 64 ? v->count - from : 64;
        uint8_t flags[64] = {0};
        memset(flags, 1, count);
        for (unsigned w = 0; w < d->words; w++)
            flag_equal(&d->word[w], from, count, offset[w], flags);
        bits[from / 64] = pack_flags(flags);
    }
}

static void find_in_numbers(const struct values *v, enum values_match how, bole_slice needle, uint64_t *bits)
{
    enum { TEXT_SIZE = 64 * (2 * VALUES_AFFIX_MAX + 64 + 16), BLOCK = 512 };
    uint8_t text[TEXT_SIZE] UNSET;
    uint32_t starts[BLOCK + 1] UNSET;
    uint32_t block = TEXT_SIZE / (v->stamp.max_len + 16) / 64 * 64;
    block = block < BLOCK ? block : BLOCK;
    assert(block);
    for (uint32_t from = 0; from < v->count; from += block) {
        uint32_t count = v->count - from < block ? v->count - from : block;
        uint8_t *at = text;
        for (uint32_t i = 0; i < count; i++) {
            starts[i] = (uint32_t)(at - text);
            at = values_put(v, from + i, at);
        }
        starts[count] = (uint32_t)(at - text);
        find_in_text(text, starts, count, how, needle, bits + from / 64);
    }
}

void values_find(const struct values *v, enum values_match how, bole_slice needle, uint64_t *ret_bits)
{
    const struct values_detail *d = v->detail;
    memset(ret_bits, 0, ((size_t)v->count + 63) / 64 * sizeof *ret_bits);
    if (!values_may_contain(v, needle))
        return;
    if (needle.len == 0) {
        if (how != VALUES_EQUALS || v->stamp.max_len == 0)
            set_all(ret_bits, v->count);
        else if (v->stamp.min_len == 0)
            for (uint32_t i = 0; i < v->count; i++)
                if (values_len(v, i) == 0)
                    set_bit(ret_bits, i);
        return;
    }
    if (needle.len == v->stamp.max_len)
        how = VALUES_EQUALS; /* there is no room for more */
    switch (v->type) {
    case VALUES_CONST: {
        uint64_t match = 0;
        find_in_text(d->text, (const uint32_t[]){0, v->stamp.max_len}, 1, how, needle, &match);
        if (match)
            set_all(ret_bits, v->count);
        return;
    }
    case VALUES_RAW: find_in_text(d->text, d->starts, v->count, how, needle, ret_bits); return;
    case VALUES_DICT: find_in_dictionary(v, how, needle, ret_bits); return;
    default:
        if (how == VALUES_EQUALS && (v->type != VALUES_TIME || datetime_is_whole(&d->shape.time)))
            find_equal_numbers(v, needle, ret_bits);
        else
            find_in_numbers(v, how, needle, ret_bits);
    }
}
