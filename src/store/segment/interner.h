/*
 * interner.h - equal byte strings get equal small numbers, in the order they are met.
 *
 * Owner:   the strings are borrowed: they must outlive the interner or its next reset.
 * Threads: one.
 */
#ifndef STORE_INTERNER_H
#define STORE_INTERNER_H

#include <stdbool.h>

#include "base/slice.h"

struct interned {
    bole_slice text;
    uint32_t   hash;
    uint32_t   tag;
};

struct interner {
    struct interned *items; /* [count] */
    uint32_t *slots;        /* item + 1; 0: free */
    uint32_t  count, capacity, slot_count;
};

void interner_init(struct interner *in); /* takes no memory yet */
void interner_deinit(struct interner *in);
void interner_reset(struct interner *in); /* empty again, memory kept */

/* The number of (tag, text); false when there is no memory. */
bool interner_put(struct interner *in, uint32_t tag, bole_slice text, uint32_t *ret_id);

#endif
