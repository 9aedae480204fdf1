/*
 * arena.h - memory with one lifetime: many allocations, one release. Per request, per query, per block being built.
 *
 * Owner:   the arena owns every byte it hands out; nothing is freed one by one.
 * Threads: one at a time. The budget may be shared.
 * Errors:  NULL when the budget or the allocator has no more: the caller answers BOLE_E_LIMIT for that one task.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/budget.h"
#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *block; /* newest; NULL while empty */
    struct budget      *budget;
    uint8_t            *next;  /* free room of the newest block */
    uint8_t            *end;
};

void arena_init(struct arena *a, struct budget *budget); /* budget may be NULL; takes no memory yet */
void arena_deinit(struct arena *a);
void arena_reset(struct arena *a); /* empty again; the first block is kept for reuse */

/* Aligned to 16 bytes; not zeroed. size 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_zalloc(struct arena *a, size_t size);
/* count * size with overflow checked, zeroed. */
void *arena_array(struct arena *a, size_t count, size_t size);

/* A copy of s in the arena; ptr is NULL only when there is no room (an empty slice gets a valid pointer). */
bole_slice arena_copy(struct arena *a, bole_slice s);
/* Bytes that need no alignment, packed tightly. */
uint8_t *arena_bytes(struct arena *a, size_t size);
bole_slice arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Lengthens the newest allocation in place when it can, else copies. old_size is what was asked for before. */
void *arena_grow(struct arena *a, void *old, size_t old_size, size_t new_size);

size_t arena_used(const struct arena *a); /* bytes drawn from the budget */

#endif
