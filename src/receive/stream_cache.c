#include "receive/stream_cache.h"

#include <stdlib.h>

#include "base/hash.h"

enum { SLOTS_MIN = 64 };

void stream_cache_init(struct stream_cache *c, struct budget *budget)
{
    *c = (struct stream_cache){0};
    arena_init(&c->arena, budget);
}

void stream_cache_deinit(struct stream_cache *c)
{
    arena_deinit(&c->arena);
    free(c->slots);
    *c = (struct stream_cache){0};
}

void stream_cache_trim(struct stream_cache *c)
{
    c->request++;
    if (c->count <= STREAM_CACHE_ENTRIES_MAX && arena_used(&c->arena) <= STREAM_CACHE_BYTES_MAX)
        return;
    struct budget *budget = c->arena.budget;
    uint32_t request = c->request;
    stream_cache_deinit(c);
    stream_cache_init(c, budget);
    c->request = request;
}

static void insert(struct stream_cache *c, struct stream_entry *e)
{
    uint32_t mask = c->slot_count - 1, at = (uint32_t)e->hash & mask;
    while (c->slots[at])
        at = (at + 1) & mask;
    c->slots[at] = e;
}

static bool fit_one_more(struct stream_cache *c)
{
    if (2 * (c->count + 1) <= c->slot_count)
        return true;
    struct stream_entry **old = c->slots;
    uint32_t old_count = c->slot_count, slot_count = old_count ? 2 * old_count : SLOTS_MIN;
    struct stream_entry **slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return false;
    c->slots = slots;
    c->slot_count = slot_count;
    for (uint32_t i = 0; i < old_count; i++)
        if (old[i])
            insert(c, old[i]);
    free(old);
    return true;
}

/* The handle belongs to one request and one tenant: ingest fills in the rest again. */
static void set_up(struct stream_cache *c, struct stream_entry *e, bole_slice tenant)
{
    if (e->request == c->request)
        return;
    e->request = c->request;
    e->stream.tenant = tenant;
    e->stream.index = 0;
    e->stream.generation = 0;
}

struct stream_entry *stream_cache_find(struct stream_cache *c, uint64_t kind, bole_slice key, bole_slice tenant)
{
    if (!c->slot_count)
        return NULL;
    uint64_t hash = hash64_seed(key, kind);
    uint32_t mask = c->slot_count - 1;
    for (uint32_t at = (uint32_t)hash & mask; c->slots[at]; at = (at + 1) & mask) {
        struct stream_entry *e = c->slots[at];
        if (e->hash == hash && e->kind == kind && bole_slice_eq(e->key, key)) {
            set_up(c, e, tenant);
            return e;
        }
    }
    return NULL;
}

/* An absent slice stays absent. False: no memory. */
static bool keep(struct arena *a, bole_slice *s)
{
    if (!s->ptr)
        return true;
    *s = arena_copy(a, *s);
    return s->ptr != NULL;
}

struct stream_entry *stream_cache_add(struct stream_cache *c, uint64_t kind, bole_slice key, bole_slice tenant,
                                      const struct stream_entry *proto)
{
    struct stream_entry *e = arena_alloc(&c->arena, sizeof *e);
    if (!e || !fit_one_more(c))
        return NULL;
    *e = *proto;
    e->hash = hash64_seed(key, kind);
    e->kind = kind;
    e->key = arena_copy(&c->arena, key);
    e->request = c->request - 1;
    if (!e->key.ptr || !keep(&c->arena, &e->stream.labels) || !keep(&c->arena, &e->level) ||
        !keep(&c->arena, &e->refused))
        return NULL;
    insert(c, e);
    c->count++;
    set_up(c, e, tenant);
    return e;
}
