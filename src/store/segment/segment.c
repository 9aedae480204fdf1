#include "store/segment/segment.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/log.h"

enum { BAD_OFFSETS_MAX = 1024 /* remembered per segment */ };

void segment_cache_init(struct segment_cache *c, struct objects *objects, struct budget *budget)
{
    *c = (struct segment_cache){.objects = objects, .budget = budget};
    pthread_mutex_init(&c->lock, NULL);
    chunk_cache_init(&c->chunks, CHUNK_CACHE_BYTES, budget);
}

void segment_cache_deinit(struct segment_cache *c)
{
    chunk_cache_deinit(&c->chunks);
    pthread_mutex_destroy(&c->lock);
}

void segment_key_of(uint64_t id, char ret_key[SEGMENT_KEY_SIZE])
{
    snprintf(ret_key, SEGMENT_KEY_SIZE, "%016llx.seg", (unsigned long long)id);
}

struct catalog_segment segment_describe(uint64_t id, bole_slice key, uint64_t size_bytes, const struct segment_totals *t)
{
    struct catalog_segment info = {.id = id,
                                   .key = key,
                                   .size_bytes = size_bytes,
                                   .raw_bytes = t->raw_bytes,
                                   .row_count = t->row_count,
                                   .min_time_ns = t->min_time_ns,
                                   .max_time_ns = t->max_time_ns,
                                   .min_lsn = t->min_lsn,
                                   .max_lsn = t->max_lsn,
                                   .created_ns = t->created_ns,
                                   .keep_ns = t->keep_ns,
                                   .level = t->level,
                                   .group_streams = t->group_streams,
                                   .tenant = t->tenant};
    store_u64(info.digest, t->digest.lo);
    store_u64(info.digest + 8, t->digest.hi);
    return info;
}

struct segment *segment_create(struct segment_cache *c, const struct catalog_segment *info)
{
    struct segment *s = calloc(1, sizeof *s + info->tenant.len);
    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    s->cache = c;
    s->info = *info;
    segment_key_of(info->id, s->key_text);
    s->info.key = bole_slice_str(s->key_text);
    if (info->tenant.len)
        memcpy(s->tenant_text, info->tenant.ptr, info->tenant.len);
    s->info.tenant = bole_slice_from(s->tenant_text, info->tenant.len);
    return s;
}

struct segment *segment_ref(struct segment *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

/* ---- the list of cached directories; all under the lock ---- */

static void unlink_segment(struct segment_cache *c, struct segment *s)
{
    *(s->newer ? &s->newer->older : &c->newest) = s->older;
    *(s->older ? &s->older->newer : &c->oldest) = s->newer;
    s->newer = s->older = NULL;
}

static void link_newest(struct segment_cache *c, struct segment *s)
{
    s->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = s;
    c->newest = s;
}

static void forget_directory(struct segment_cache *c, struct segment *s)
{
    unlink_segment(c, s);
    c->used_bytes -= segment_directory_size(s->directory);
    segment_directory_unref(s->directory);
    s->directory = NULL;
}

static void remember_directory(struct segment_cache *c, struct segment *s, struct segment_directory *d)
{
    if (s->directory)
        return; /* another thread was faster */
    s->directory = segment_directory_ref(d);
    c->used_bytes += segment_directory_size(d);
    link_newest(c, s);
    while (c->used_bytes > SEGMENT_CACHE_BYTES && c->oldest != s)
        forget_directory(c, c->oldest);
}

void segment_unref(struct segment *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_lock(&s->cache->lock);
    if (s->directory)
        forget_directory(s->cache, s);
    pthread_mutex_unlock(&s->cache->lock);
    chunk_cache_forget(&s->cache->chunks, hash64(s->info.key));
    struct bole_err err;
    /* A file that stays is removed at the next start. */
    if (atomic_load_explicit(&s->is_doomed, memory_order_relaxed) && objects_remove(s->cache->objects, s->info.key, &err) < 0)
        LOG(WARN, "the file of a merged segment could not be removed", " segment=%s reason=%s", s->key_text, LOGQS(err.msg));
    free(s->bad_offsets);
    free(s);
}

bole_status segment_directory_get(struct segment *s, struct segment_reader *reader,
                                  struct segment_directory **ret_directory, struct bole_err *err)
{
    struct segment_cache *c = s->cache;
    struct segment_directory *d = NULL;
    reader->key = s->info.key;
    pthread_mutex_lock(&c->lock);
    if (s->directory) {
        d = segment_directory_ref(s->directory);
        unlink_segment(c, s);
        link_newest(c, s);
    }
    pthread_mutex_unlock(&c->lock);
    if (!d) {
        /* It outlives the query that needs it first, so its memory is the store's. */
        bole_status st = segment_directory_read(reader, s->info.size_bytes, c->budget, &d, err);
        if (st < 0)
            return st;
        pthread_mutex_lock(&c->lock);
        remember_directory(c, s, d);
        pthread_mutex_unlock(&c->lock);
    }
    *ret_directory = d;
    return BOLE_OK;
}

/* ---- damage ---- */

static bool is_new_damage(struct segment *s, uint64_t offset)
{
    for (uint32_t i = 0; i < s->bad_count; i++)
        if (s->bad_offsets[i] == offset)
            return false;
    if (s->bad_count == BAD_OFFSETS_MAX)
        return false;
    uint64_t *grown = realloc(s->bad_offsets, (s->bad_count + 1) * sizeof *grown);
    if (!grown)
        return true; /* said again the next time */
    s->bad_offsets = grown;
    s->bad_offsets[s->bad_count++] = offset;
    return true;
}

void segment_note_damage(struct segment *s, uint64_t offset, const struct bole_err *why)
{
    pthread_mutex_lock(&s->cache->lock);
    bool is_new = is_new_damage(s, offset);
    pthread_mutex_unlock(&s->cache->lock);
    if (!is_new)
        return;
    atomic_fetch_add_explicit(&s->cache->bad_chunks, 1, memory_order_relaxed);
    LOG(ERROR, "bad chunk set aside: its rows are missing from answers", " segment=%s offset=%llu reason=%s",
        s->key_text, (unsigned long long)offset, LOGQS(why->msg));
}
