/*
 * objects.h - immutable things by name: segments, backups. A directory today, S3 when outgrown.
 *
 * Keys:    letters, digits, '-', '_', '.', '/'; no empty part, no part "." or ".."; 1 .. OBJECTS_KEY_MAX bytes.
 *          BOLE_E_INVALID otherwise.
 * Owner:   keys, parts and buffers are borrowed for the call.
 * Threads: any; one writer of a key at a time.
 * Errors:  BOLE_E_NOTFOUND, BOLE_E_FULL, BOLE_E_LIMIT (no descriptor left), BOLE_E_IO. A failed sync of names never
 *          returns: the process ends, because nobody can know any more which objects the disk holds.
 */
#ifndef OBJECTS_OBJECTS_H
#define OBJECTS_OBJECTS_H

#include "os/fs.h"

#define OBJECTS_KEY_MAX 255u /* bytes */

struct objects { const struct objects_ops *ops; };

/* An object on its way in, for those too large to hold. Nobody sees it before finish. One thread. */
struct object_writer { const struct object_writer_ops *ops; };

struct object_writer_ops {
    bole_status (*write)(struct object_writer *self, bole_slice bytes, struct bole_err *err);
    /* Durable on return (data, then directory). An existing object of that key is replaced whole. Called once. */
    bole_status (*finish)(struct object_writer *self, struct bole_err *err);
    void (*destroy)(struct object_writer *self); /* before finish: nothing of it is left */
};

struct objects_options {
    bole_slice uri; /* "file:DIR" (made when it is not there), "mem:" */
    struct fs *fs;
    /* A sync of names failed. NULL: log and _exit(1). A test's may return; every later change is then BOLE_E_IO. */
    void (*on_fatal)(const struct bole_err *err);
};

struct objects_ops {
    const char *scheme;
    bole_status (*open)(const struct objects_options *options, struct objects **ret_objects, struct bole_err *err);
    bole_status (*create)(struct objects *self, bole_slice key, struct object_writer **ret_writer, struct bole_err *err);
    /* Reads exactly len bytes at offset. A shorter object is BOLE_E_CORRUPT. */
    bole_status (*read)(struct objects *self, bole_slice key, uint64_t offset, size_t len, uint8_t *ret_bytes,
                        struct bole_err *err);
    bole_status (*size)(struct objects *self, bole_slice key, uint64_t *ret_bytes, struct bole_err *err);
    bole_status (*remove)(struct objects *self, bole_slice key, struct bole_err *err); /* a missing one is fine */
    /* Every key that begins with prefix, in no order. fn may not call back into the store; its failure stops and is returned
     * (without a message of its own). */
    bole_status (*list)(struct objects *self, bole_slice prefix, bole_status (*fn)(bole_slice key, void *ctx), void *ctx,
                        struct bole_err *err);
    void (*destroy)(struct objects *self);
};

/* Opens by scheme. An unknown one names the known ones. */
bole_status objects_open(const struct objects_options *options, struct objects **ret_objects, struct bole_err *err);

static inline bole_status objects_create(struct objects *o, bole_slice key, struct object_writer **ret_writer,
                                         struct bole_err *err)
{ return o->ops->create(o, key, ret_writer, err); }
static inline bole_status objects_read(struct objects *o, bole_slice key, uint64_t offset, size_t len, uint8_t *ret_bytes,
                                       struct bole_err *err)
{ return o->ops->read(o, key, offset, len, ret_bytes, err); }
static inline bole_status objects_size(struct objects *o, bole_slice key, uint64_t *ret_bytes, struct bole_err *err)
{ return o->ops->size(o, key, ret_bytes, err); }
static inline bole_status objects_remove(struct objects *o, bole_slice key, struct bole_err *err)
{
    return o->ops->remove(o, key, err);
}
static inline bole_status objects_list(struct objects *o, bole_slice prefix, bole_status (*fn)(bole_slice key, void *ctx),
                                       void *ctx, struct bole_err *err)
{ return o->ops->list(o, prefix, fn, ctx, err); }
static inline bole_status object_writer_write(struct object_writer *w, bole_slice bytes, struct bole_err *err)
{
    return w->ops->write(w, bytes, err);
}
static inline bole_status object_writer_finish(struct object_writer *w, struct bole_err *err) { return w->ops->finish(w, err); }
static inline void object_writer_destroy(struct object_writer *w) { if (w) w->ops->destroy(w); }

/* All of an object at once: the parts, one after the other. A put that failed may be tried again: it starts from nothing. */
bole_status objects_put(struct objects *o, bole_slice key, const bole_slice *parts, size_t part_count, struct bole_err *err);

static inline void objects_destroy(struct objects *o) { if (o) o->ops->destroy(o); }

extern const struct objects_ops objects_file_ops, objects_mem_ops;

/* For implementations: BOLE_E_INVALID for a key that breaks the rules above. */
bole_status objects_check_key(bole_slice key, struct bole_err *err);

#endif
