/* Objects in memory, for tests and for `mem:` stores. A list is enough: nobody has many. */
#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "objects/objects.h"

struct entry {
    struct entry *next;
    size_t   size;
    size_t   key_len;
    uint8_t *bytes; /* of its own, so that a replaced object keeps its place */
    uint8_t  key[];
};

struct mem_objects {
    struct objects base;
    pthread_mutex_t lock;
    struct entry *first; /* guarded by lock */
};

static struct mem_objects *mem_of(struct objects *self)
{
    return (struct mem_objects *)self;
}

static struct entry **find(struct mem_objects *o, bole_slice key)
{
    struct entry **at = &o->first;
    while (*at && !bole_slice_eq(bole_slice_from((*at)->key, (*at)->key_len), key))
        at = &(*at)->next;
    return at;
}

static uint8_t *join(const bole_slice *parts, size_t part_count, size_t *ret_size)
{
    size_t size = 0, at = 0;
    for (size_t i = 0; i < part_count; i++)
        size += parts[i].len;
    uint8_t *bytes = malloc(size + 1);
    for (size_t i = 0; bytes && i < part_count; i++) {
        if (parts[i].len)
            memcpy(bytes + at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    *ret_size = size;
    return bytes;
}

static bole_status mem_put(struct objects *self, bole_slice key, const bole_slice *parts, size_t part_count,
                           struct bole_err *err)
{
    struct mem_objects *o = mem_of(self);
    bole_status st = objects_check_key(key, err);
    if (st < 0)
        return st;
    size_t size;
    uint8_t *bytes = join(parts, part_count, &size);
    struct entry *fresh = malloc(sizeof *fresh + key.len);
    if (!bytes || !fresh) {
        free(bytes);
        free(fresh);
        return bole_fail(err, BOLE_E_NOMEM, "objects: no memory for %zu bytes", size);
    }
    *fresh = (struct entry){.size = size, .bytes = bytes, .key_len = key.len};
    memcpy(fresh->key, key.ptr, key.len);
    pthread_mutex_lock(&o->lock);
    struct entry **at = find(o, key), *old = *at;
    fresh->next = old ? old->next : NULL;
    *at = fresh;
    pthread_mutex_unlock(&o->lock);
    if (old)
        free(old->bytes);
    free(old);
    return BOLE_OK;
}

static bole_status not_found(bole_slice key, struct bole_err *err)
{
    return bole_fail(err, BOLE_E_NOTFOUND, "objects: no object %.*s", BOLE_SLICE_ARG(key));
}

static bole_status mem_read(struct objects *self, bole_slice key, uint64_t offset, size_t len, uint8_t *ret_bytes,
                            struct bole_err *err)
{
    struct mem_objects *o = mem_of(self);
    bole_status st = BOLE_OK;
    pthread_mutex_lock(&o->lock);
    struct entry *e = *find(o, key);
    if (!e)
        st = not_found(key, err);
    else if (offset > e->size || len > e->size - offset)
        st = bole_fail(err, BOLE_E_CORRUPT, "objects: %.*s ends at %zu, wanted %zu bytes at %llu", BOLE_SLICE_ARG(key),
                       e->size, len, (unsigned long long)offset);
    else
        memcpy(ret_bytes, e->bytes + offset, len);
    pthread_mutex_unlock(&o->lock);
    return st;
}

static bole_status mem_size(struct objects *self, bole_slice key, uint64_t *ret_bytes, struct bole_err *err)
{
    struct mem_objects *o = mem_of(self);
    pthread_mutex_lock(&o->lock);
    struct entry *e = *find(o, key);
    if (e)
        *ret_bytes = e->size;
    pthread_mutex_unlock(&o->lock);
    return e ? BOLE_OK : not_found(key, err);
}

static bole_status mem_remove(struct objects *self, bole_slice key, struct bole_err *err)
{
    struct mem_objects *o = mem_of(self);
    bole_status st = objects_check_key(key, err);
    if (st < 0)
        return st;
    pthread_mutex_lock(&o->lock);
    struct entry **at = find(o, key), *e = *at;
    if (e)
        *at = e->next;
    pthread_mutex_unlock(&o->lock);
    if (e)
        free(e->bytes);
    free(e);
    return BOLE_OK;
}

static bole_status mem_list(struct objects *self, bole_slice prefix, bole_status (*fn)(bole_slice key, void *ctx),
                            void *ctx, struct bole_err *err)
{
    struct mem_objects *o = mem_of(self);
    bole_status st = BOLE_OK;
    pthread_mutex_lock(&o->lock);
    for (struct entry *e = o->first; st >= 0 && e; e = e->next) {
        bole_slice key = {e->key, e->key_len};
        if (bole_slice_starts(key, prefix))
            st = fn(key, ctx);
    }
    pthread_mutex_unlock(&o->lock);
    return st;
}

static void mem_destroy(struct objects *self)
{
    struct mem_objects *o = mem_of(self);
    for (struct entry *e = o->first, *next; e; e = next) {
        next = e->next;
        free(e->bytes);
        free(e);
    }
    pthread_mutex_destroy(&o->lock);
    free(o);
}

static bole_status mem_open(bole_slice uri, struct fs *fs, struct objects **ret_objects, struct bole_err *err)
{
    struct mem_objects *o = calloc(1, sizeof *o);
    if (!o)
        return bole_fail(err, BOLE_E_NOMEM, "objects: no memory");
    o->base.ops = &objects_mem_ops;
    pthread_mutex_init(&o->lock, NULL);
    *ret_objects = &o->base;
    return BOLE_OK;
}

const struct objects_ops objects_mem_ops = {
    .scheme = "mem",
    .open = mem_open,
    .put = mem_put,
    .read = mem_read,
    .size = mem_size,
    .remove = mem_remove,
    .list = mem_list,
    .destroy = mem_destroy,
};
