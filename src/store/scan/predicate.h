/*
 * predicate.h - predicates on columns: what fails is deselected. Everything here is exact: nothing is left to the caller.
 *
 * Threads: pure functions on the caller's vector.
 */
#ifndef STORE_PREDICATE_H
#define STORE_PREDICATE_H

#include "store/store.h"

/* Lines of a vector as they lie in one piece: row r is bytes[r ? ends[r - 1] : start .. ends[r]). */
struct line_block {
    const uint8_t  *bytes;
    const uint32_t *ends;
    uint32_t        start;
};

static inline bole_slice line_block_get(const struct line_block *b, uint32_t row)
{
    uint32_t from = row ? b->ends[row - 1] : b->start;
    return (bole_slice){b->bytes + from, b->ends[row] - from};
}

bool predicate_is_on_line(const struct store_predicate *p);
bool predicate_is_regex(const struct store_predicate *p);

void predicate_apply_lines(const struct store_predicate *p, struct vector *v, const struct line_block *b);

/* memo: for a dictionary, PREDICATE_UNKNOWN per value at first; each value is looked at once. NULL: no memory of values. */
enum { PREDICATE_UNKNOWN = 0, PREDICATE_PASSES = 1, PREDICATE_FAILS = 2 };
void predicate_apply_field(const struct store_predicate *p, struct vector *v, struct column *c, uint8_t *memo);

#endif
