/*
 * classify.h - which bytes of a line are letters, digits, separators or quotes, as one bit per byte: what the splitters walk.
 *
 * Bit i % 64 of word i / 64 stands for byte i; bits past the end of the line are clear. The fastest form that the processor
 * has is chosen at run time; classify_portable is the model they are tested against.
 *
 * Threads: pure functions.
 */
#ifndef STORE_CODEC_CLASSIFY_H
#define STORE_CODEC_CLASSIFY_H

#include "base/slice.h"

struct byte_masks {
    uint64_t *token;     /* [A-Za-z0-9_]: what the token index calls a token */
    uint64_t *digit;     /* [0-9] */
    uint64_t *separator; /* blank, tab, \ " ' ( ) , : ; < = > [ ] { | } and a few control bytes */
    uint64_t *quote;     /* " and \ */
};

static inline size_t masks_words(size_t len) { return (len + 63) / 64; }

/* Fills [masks_words(line.len)] words of each mask. */
void classify(bole_slice line, const struct byte_masks *ret_masks);
void classify_portable(bole_slice line, const struct byte_masks *ret_masks);

typedef void classify_fn(bole_slice line, const struct byte_masks *ret_masks);
classify_fn *classify_form(size_t index); /* that this processor has, the fastest first; NULL behind the last. For tests. */

/* The first set (clear) bit at or after `from` and before `len`, else `len`, which may be less than the line's length. */
size_t mask_next_far(const uint64_t *mask, size_t from, size_t len, uint64_t flip);

static inline size_t mask_next_of(const uint64_t *mask, size_t from, size_t len, uint64_t flip)
{
    if (from >= len)
        return len;
    uint64_t bits = (mask[from / 64] ^ flip) >> from % 64;
    if (!bits) /* seldom: words are short */
        return mask_next_far(mask, from, len, flip);
    size_t at = from + (size_t)__builtin_ctzll(bits);
    return at < len ? at : len;
}

static inline size_t mask_next(const uint64_t *mask, size_t from, size_t len)
{
    return mask_next_of(mask, from, len, 0);
}

static inline size_t mask_next_clear(const uint64_t *mask, size_t from, size_t len)
{
    return mask_next_of(mask, from, len, UINT64_MAX);
}

/* Where the run of set bits that holds `at` begins, `from` at the earliest. Bit `at` must be set, from <= at. */
static inline size_t mask_run_start(const uint64_t *mask, size_t at, size_t from)
{
    size_t word = at / 64;
    uint64_t clear = ~mask[word] & ((1ull << at % 64) - 1);
    while (!clear) {
        if (word * 64 <= from)
            return from;
        clear = ~mask[--word];
    }
    size_t start = word * 64 + 64 - (size_t)__builtin_clzll(clear);
    return start > from ? start : from;
}

/* Bits at .. at + len - 1, which must lie in the line; len is 1 .. 64. */
static inline uint64_t mask_window(const uint64_t *mask, size_t at, size_t len)
{
    size_t word = at / 64, shift = at % 64;
    uint64_t bits = mask[word] >> shift;
    if (shift + len > 64)
        bits |= mask[word + 1] << (64 - shift);
    return len < 64 ? bits & ((1ull << len) - 1) : bits;
}

static inline bool mask_has(const uint64_t *mask, size_t at)
{
    return mask[at / 64] >> at % 64 & 1;
}

#endif
