/*
 * hash_set.h - a set of 64-bit hashes. What is hashed comes from outside, so the slot depends on a secret multiplier:
 * crafted tokens cannot crowd into one place.
 */
#ifndef STORE_INDEX_HASH_SET_H
#define STORE_INDEX_HASH_SET_H

#include <stdlib.h>

#include "base/budget.h"
#include "base/slice.h"

struct hash_set {
    uint64_t      *slots; /* 0: free */
    size_t         count;
    uint32_t       bits;  /* 0: nothing allocated yet */
    uint64_t       multiplier; /* random and odd */
    struct budget *budget;
};

enum hash_set_result { HASH_SET_FULL = -1, HASH_SET_THERE = 0, HASH_SET_NEW = 1 };

static inline size_t hash_set_size(const struct hash_set *s) { return s->bits ? sizeof(uint64_t) << s->bits : 0; }

static inline uint64_t *hash_set_slot(const struct hash_set *s, uint64_t hash)
{
    size_t mask = ((size_t)1 << s->bits) - 1, i = (size_t)(hash * s->multiplier >> (64 - s->bits));
    while (s->slots[i] && s->slots[i] != hash)
        i = (i + 1) & mask;
    return &s->slots[i];
}

static inline void hash_set_prefetch(const struct hash_set *s, uint64_t hash)
{
    if (s->bits)
        __builtin_prefetch(&s->slots[hash * s->multiplier >> (64 - s->bits)]);
}

bool hash_set_grow(struct hash_set *s);
void hash_set_deinit(struct hash_set *s);

static inline void hash_set_reset(struct hash_set *s)
{
    if (s->count)
        memset(s->slots, 0, hash_set_size(s));
    s->count = 0;
}

/* FULL: no memory, nothing has changed. */
static inline enum hash_set_result hash_set_add(struct hash_set *s, uint64_t hash)
{
    hash += hash == 0;
    if (!s->bits || s->count * 2 >= (size_t)1 << s->bits)
        if (!hash_set_grow(s))
            return HASH_SET_FULL;
    uint64_t *slot = hash_set_slot(s, hash);
    if (*slot)
        return HASH_SET_THERE;
    *slot = hash;
    s->count++;
    return HASH_SET_NEW;
}

#endif
