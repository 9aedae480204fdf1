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

/* ---- writing ---- */

struct mem_writer {
    struct object_writer base;
    struct mem_objects *objects;
    struct entry *entry; /* NULL after finish */
    size_t capacity;     /* of its bytes */
};

static bole_status mem_writer_write(struct object_writer *self, bole_slice bytes, struct bole_err *err)
{
    struct mem_writer *w = (struct mem_writer *)self;
    struct entry *e = w->entry;
    if (bytes.len > w->capacity - e->size) {
        size_t capacity = e->size + bytes.len + w->capacity / 2;
        uint8_t *grown = realloc(e->bytes, capacity);
        if (!grown)
            return bole_fail(err, BOLE_E_NOMEM, "objects: no memory for %zu bytes", capacity);
        e->bytes = grown;
        w->capacity = capacity;
    }
    if (bytes.len)
        memcpy(e->bytes + e->size, bytes.ptr, bytes.len);
    e->size += bytes.len;
    return BOLE_OK;
}

static bole_status mem_writer_finish(struct object_writer *self, struct bole_err *err)
{
    struct mem_writer *w = (struct mem_writer *)self;
    struct mem_objects *o = w->objects;
    pthread_mutex_lock(&o->lock);
    struct entry **at = find(o, bole_slice_from(w->entry->key, w->entry->key_len)), *old = *at;
    w->entry->next = old ? old->next : NULL;
    *at = w->entry;
    pthread_mutex_unlock(&o->lock);
    w->entry = NULL;
    if (old)
        free(old->bytes);
    free(old);
    return BOLE_OK;
}

static void mem_writer_destroy(struct object_writer *self)
{
    struct mem_writer *w = (struct mem_writer *)self;
    if (w->entry)
        free(w->entry->bytes);
    free(w->entry);
    free(w);
}

static const struct object_writer_ops mem_writer_ops = {
    .write = mem_writer_write,
    .finish = mem_writer_finish,
    .destroy = mem_writer_destroy,
};

static bole_status mem_create(struct objects *self, bole_slice key, struct object_writer **ret_writer, struct bole_err *err)
{
    bole_status st = objects_check_key(key, err);
    if (st < 0)
        return st;
    struct mem_writer *w = calloc(1, sizeof *w);
    struct entry *e = w ? calloc(1, sizeof *e + key.len) : NULL;
    if (!e) {
        free(w);
        return bole_fail(err, BOLE_E_NOMEM, "objects: no memory");
    }
    e->key_len = key.len;
    memcpy(e->key, key.ptr, key.len);
    *w = (struct mem_writer){.base.ops = &mem_writer_ops, .objects = mem_of(self), .entry = e};
    *ret_writer = &w->base;
    return BOLE_OK;
}

/* ---- reading ---- */

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
    else if (len)
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

static bole_status mem_open(const struct objects_options *options, struct objects **ret_objects, struct bole_err *err)
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
    .create = mem_create,
    .read = mem_read,
    .size = mem_size,
    .remove = mem_remove,
    .list = mem_list,
    .destroy = mem_destroy,
};
