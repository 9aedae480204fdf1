/*
 * shape.h - what a token can hold: its class of characters and its length. From the shapes that occur in a row group it
 * can be proved that no longer token holds an id.
 *
 * A class is the narrowest in this order that has all bytes of the token; case counts (but for hex digits):
 *
 *   DIGITS [0-9]  HEX [0-9A-Fa-f]  LOWER [0-9a-z]  UPPER [0-9A-Z]  ALNUM [0-9A-Za-z]  WORD [0-9A-Za-z_]  HIGH above 127
 *
 * A token that holds text of one class as a part is of the same class or of one that includes it, and the longest run
 * of that class in it is as long as the text at least. Lengths are kept in 56 buckets, exact up to 47.
 */
#ifndef STORE_INDEX_SHAPE_H
#define STORE_INDEX_SHAPE_H

#include "base/slice.h"

enum shape_class {
    SHAPE_DIGITS, SHAPE_HEX, SHAPE_LOWER, SHAPE_UPPER, SHAPE_ALNUM, SHAPE_WORD, SHAPE_HIGH,
};
#define SHAPE_CLASSES 7u

/* Kinds of bytes, one bit each; 0 for bytes that are in no token. */
enum {
    KIND_DIGIT = 1,
    KIND_LOWER_HEX = 2,
    KIND_UPPER_HEX = 4,
    KIND_LOWER = 8,
    KIND_UPPER = 16,
    KIND_BAR = 32,
    KIND_HIGH = 64,
};

/* The kinds that a class allows. */
extern const uint8_t shape_allows[SHAPE_CLASSES];

extern const uint8_t shape_kind[256];

uint8_t shape_kinds(bole_slice text); /* of all its bytes together */

/* The narrowest class that allows these kinds. */
enum shape_class shape_class_of(uint8_t kinds);

static inline bool shape_includes(enum shape_class wide, enum shape_class narrow)
{
    return (shape_allows[narrow] & ~shape_allows[wide]) == 0;
}

/* The next maximal run of at least `least` bytes that class c allows, from *at on, which moves past it. Empty: none.
 * The run's own class may be narrower than c. */
bole_slice shape_next_run(bole_slice text, enum shape_class c, size_t least, size_t *at);

/* Buckets of lengths as bits of a word. */
#define SHAPE_BUCKETS 56u

uint32_t shape_bucket(size_t len);

static inline uint64_t shape_bit(size_t len) { return 1ull << shape_bucket(len); }

/* All buckets that may hold a length of n or more. */
static inline uint64_t shape_from(size_t n) { return ~0ull << shape_bucket(n) & ((1ull << SHAPE_BUCKETS) - 1); }

#endif
