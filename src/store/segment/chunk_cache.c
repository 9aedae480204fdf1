#include "store/segment/chunk_cache.h"

#include <assert.h>
#include <stdlib.h>

enum {
    LARGEST_SHARE = 4,  /* no chunk takes more than a quarter */
    COUNT_MAX = 15,     /* what was used much once, and is no more, gives way soon: */
    HALVE_EVERY = 4096, /* questions, some dozens of queries */
};

void chunk_cache_init(struct chunk_cache *c, size_t bytes_max, struct budget *budget)
{
    *c = (struct chunk_cache){.bytes_max = bytes_max, .budget = budget};
    pthread_mutex_init(&c->lock, NULL);
}

static uint64_t hash_of(uint64_t file, uint64_t offset)
{
    uint64_t h = (file ^ offset) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 32;
}

static struct chunk_entry **slot_of(struct chunk_cache *c, uint64_t file, uint64_t offset)
{
    return &c->slots[hash_of(file, offset) % CHUNK_CACHE_SLOTS];
}

static uint8_t *count_of(struct chunk_cache *c, uint64_t file, uint64_t offset)
{
    return &c->counts[(hash_of(file, offset) >> 16) % CHUNK_CACHE_COUNTS];
}

/* ---- under the lock ---- */

static void unlink_entry(struct chunk_cache *c, struct chunk_entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
    e->newer = e->older = NULL;
}

static void link_newest(struct chunk_cache *c, struct chunk_entry *e)
{
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void release(struct chunk_cache *c, struct chunk_entry *e)
{
    if (e->holders || e->is_kept)
        return;
    budget_give(c->budget, sizeof *e + e->len);
    free(e);
}

static void forget(struct chunk_cache *c, struct chunk_entry *e)
{
    struct chunk_entry **at = slot_of(c, e->file, e->offset);
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    unlink_entry(c, e);
    c->used_bytes -= e->len;
    e->is_kept = false;
    release(c, e);
}

static struct chunk_entry *find(struct chunk_cache *c, uint64_t file, uint64_t offset)
{
    struct chunk_entry *e = *slot_of(c, file, offset);
    while (e && (e->file != file || e->offset != offset))
        e = e->next;
    return e;
}

static void count(struct chunk_cache *c, uint64_t file, uint64_t offset)
{
    uint8_t *times = count_of(c, file, offset);
    *times += *times < COUNT_MAX;
    if (++c->asked % HALVE_EVERY == 0)
        for (size_t i = 0; i < CHUNK_CACHE_COUNTS; i++)
            c->counts[i] /= 2;
}

/* Makes room by forgetting what was asked for less often than this one. */
static bool make_room(struct chunk_cache *c, uint64_t file, uint64_t offset, uint32_t len)
{
    if (len > c->bytes_max / LARGEST_SHARE)
        return false;
    while (c->used_bytes + len > c->bytes_max) {
        if (*count_of(c, c->oldest->file, c->oldest->offset) >= *count_of(c, file, offset))
            return false;
        forget(c, c->oldest);
    }
    return true;
}

/* ---- */

void chunk_cache_deinit(struct chunk_cache *c)
{
    while (c->oldest) {
        assert(!c->oldest->holders);
        forget(c, c->oldest);
    }
    pthread_mutex_destroy(&c->lock);
}

void chunk_cache_forget(struct chunk_cache *c, uint64_t file)
{
    pthread_mutex_lock(&c->lock);
    for (struct chunk_entry *e = c->newest, *older; e; e = older) {
        older = e->older;
        if (e->file == file)
            forget(c, e);
    }
    pthread_mutex_unlock(&c->lock);
}

struct chunk_entry *chunk_cache_get(struct chunk_cache *c, uint64_t file, uint64_t offset, uint32_t kind)
{
    pthread_mutex_lock(&c->lock);
    struct chunk_entry *e = find(c, file, offset);
    count(c, file, offset);
    if (e && e->kind != kind) /* a directory that is not sound */
        e = NULL;
    if (e) {
        unlink_entry(c, e);
        link_newest(c, e);
        e->holders++;
    }
    pthread_mutex_unlock(&c->lock);
    return e;
}

struct chunk_entry *chunk_cache_offer(struct chunk_cache *c, uint64_t file, uint64_t offset, uint32_t kind, uint32_t len)
{
    pthread_mutex_lock(&c->lock);
    bool fits = make_room(c, file, offset, len);
    pthread_mutex_unlock(&c->lock);
    if (!fits || !budget_take(c->budget, sizeof(struct chunk_entry) + len))
        return NULL;
    struct chunk_entry *e = malloc(sizeof *e + len);
    if (!e) {
        budget_give(c->budget, sizeof *e + len);
        return NULL;
    }
    *e = (struct chunk_entry){.file = file, .offset = offset, .kind = kind, .len = len, .holders = 1};
    return e;
}

void chunk_cache_keep(struct chunk_cache *c, struct chunk_entry *e)
{
    pthread_mutex_lock(&c->lock);
    if (!find(c, e->file, e->offset) && c->used_bytes + e->len <= c->bytes_max) { /* else another thread was faster */
        struct chunk_entry **slot = slot_of(c, e->file, e->offset);
        e->next = *slot;
        *slot = e;
        link_newest(c, e);
        c->used_bytes += e->len;
        e->is_kept = true;
    }
    pthread_mutex_unlock(&c->lock);
}

void chunk_cache_give_back(struct chunk_cache *c, struct chunk_entry *e)
{
    pthread_mutex_lock(&c->lock);
    assert(e->holders);
    e->holders--;
    release(c, e);
    pthread_mutex_unlock(&c->lock);
}
