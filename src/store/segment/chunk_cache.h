/*
 * chunk_cache.h - chunks that queries read lately, decompressed and checked: most of the time of a small query goes into
 * unpacking them.
 *
 * Bounded in bytes. When it is full a chunk gets in only if it was asked for more often than the one that was not asked for
 * longest: a scan of everything neither empties the cache nor pays for it.
 *
 * Owner:   one per store. An entry that was handed out stays as it is until it is given back, whatever the cache does meanwhile.
 * Threads: any.
 * Errors:  none: without memory, or room in the budget, nothing is kept.
 */
#ifndef STORE_CHUNK_CACHE_H
#define STORE_CHUNK_CACHE_H

#include <pthread.h>

#include "base/budget.h"
#include "base/slice.h"

#define CHUNK_CACHE_BYTES (16u * 1024 * 1024)

struct chunk_entry {
    uint64_t file, offset;       /* which chunk: a hash of its segment's key, where it begins */
    uint32_t kind, len;
    uint32_t holders;            /* guarded by the cache's lock, as what follows */
    bool     is_kept;            /* by the cache */
    struct chunk_entry *newer, *older, *next; /* next: of those with the same slot */
    uint8_t  bytes[];
};

enum { CHUNK_CACHE_SLOTS = 1024, CHUNK_CACHE_COUNTS = 8192 };

struct chunk_cache {
    size_t bytes_max;       /* set at init, then read-only */
    struct budget *budget;  /* same; or NULL */
    pthread_mutex_t lock;
    /* Guarded by lock: */
    struct chunk_entry *slots[CHUNK_CACHE_SLOTS];
    struct chunk_entry *newest, *oldest;
    size_t   used_bytes;
    uint8_t  counts[CHUNK_CACHE_COUNTS]; /* how often chunks were asked for, by hash; halved now and then */
    uint32_t asked;
};

void chunk_cache_init(struct chunk_cache *c, size_t bytes_max, struct budget *budget);
void chunk_cache_deinit(struct chunk_cache *c); /* when every entry was given back */

/* Held: to be given back. NULL: it is not there. */
struct chunk_entry *chunk_cache_get(struct chunk_cache *c, uint64_t file, uint64_t offset, uint32_t kind);

/* An entry for a chunk that was not there, held, whose `len` bytes the caller fills before it calls chunk_cache_keep, or gives it
 * back unfilled. NULL: not worth it. */
struct chunk_entry *chunk_cache_offer(struct chunk_cache *c, uint64_t file, uint64_t offset, uint32_t kind, uint32_t len);
void chunk_cache_keep(struct chunk_cache *c, struct chunk_entry *e);

void chunk_cache_give_back(struct chunk_cache *c, struct chunk_entry *e);

void chunk_cache_forget(struct chunk_cache *c, uint64_t file); /* all of its chunks: it is gone */

#endif
