/*
 * distinct.h - numbers the distinct byte strings of a column in the order in which they come first.
 *
 * Strings of up to 16 bytes are compared as two numbers. Work is bounded: values made to collide end the dictionary,
 * and the column is stored without one.
 *
 * Owner:   entries borrow the bytes of the values added. Threads: one at a time.
 */
#ifndef STORE_CODEC_DISTINCT_H
#define STORE_CODEC_DISTINCT_H

#include "base/slice.h"

#define DISTINCT_MAX  65536u
#define DISTINCT_NONE UINT32_MAX

struct distinct_entry {
    bole_slice value;
    uint64_t   first, last; /* up to 16 bytes: the value itself */
    uint32_t   hash;
};

struct distinct {
    struct distinct_entry *entries; /* [DISTINCT_MAX] */
    uint32_t *slots;                /* [2 * DISTINCT_MAX]: id + 1, 0 is free */
    uint32_t  count;
    uint32_t  mask;                 /* of the slots in use now; the table grows with count */
    uint32_t  probes_left;
};

bool distinct_init(struct distinct *d); /* false: no memory */
void distinct_deinit(struct distinct *d);
void distinct_reset(struct distinct *d, uint32_t value_count); /* empty, for a column of so many values */

/* The id of the value; DISTINCT_NONE when too many values collided. */
uint32_t distinct_add(struct distinct *d, bole_slice value);

#endif
