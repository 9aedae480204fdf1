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

/* The first set (clear) bit at or after `from`; `len` when there is none. */
static inline size_t mask_next(const uint64_t *mask, size_t from, size_t len)
{
    if (from >= len)
        return len;
    size_t word = from / 64, words = masks_words(len);
    uint64_t bits = mask[word] >> from % 64 << from % 64;
    while (!bits) {
        if (++word == words)
            return len;
        bits = mask[word];
    }
    return word * 64 + (size_t)__builtin_ctzll(bits);
}

static inline size_t mask_next_clear(const uint64_t *mask, size_t from, size_t len)
{
    if (from >= len)
        return len;
    size_t word = from / 64, words = masks_words(len);
    uint64_t bits = ~mask[word] >> from % 64 << from % 64;
    while (!bits) {
        if (++word == words)
            return len;
        bits = ~mask[word];
    }
    size_t at = word * 64 + (size_t)__builtin_ctzll(bits);
    return at < len ? at : len;
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

static inline bool mask_has(const uint64_t *mask, size_t at)
{
    return mask[at / 64] >> at % 64 & 1;
}

#endif
