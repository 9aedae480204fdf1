/*
 * objects.h - immutable things by name: segments, backups. A directory today, S3 when outgrown.
 *
 * Keys:    letters, digits, '-', '_', '.', '/'; no empty part, no part "." or "..".
 * Threads: any.
 * Errors:  BOLE_E_NOTFOUND, BOLE_E_FULL, BOLE_E_IO.
 */
#ifndef OBJECTS_OBJECTS_H
#define OBJECTS_OBJECTS_H

#include "os/fs.h"

struct objects { const struct objects_ops *ops; };

struct objects_ops {
    const char *scheme;
    bole_status (*open)(bole_slice uri, struct fs *fs, struct objects **ret_objects, struct bole_err *err);
    /* Stores the concatenated parts under key; durable on return (data, then directory). An existing key is replaced whole. */
    bole_status (*put)(struct objects *self, bole_slice key, const bole_slice *parts, size_t part_count, struct bole_err *err);
    /* Reads exactly len bytes at offset. A shorter object is BOLE_E_CORRUPT. */
    bole_status (*read)(struct objects *self, bole_slice key, uint64_t offset, size_t len, uint8_t *ret_bytes, struct bole_err *err);
    bole_status (*size)(struct objects *self, bole_slice key, uint64_t *ret_bytes, struct bole_err *err);
    bole_status (*remove)(struct objects *self, bole_slice key, struct bole_err *err); /* a missing one is fine */
    bole_status (*list)(struct objects *self, bole_slice prefix, bole_status (*fn)(bole_slice key, void *ctx), void *ctx, struct bole_err *err);
    void (*destroy)(struct objects *self);
};

bole_status objects_open(bole_slice uri, struct fs *fs, struct objects **ret_objects, struct bole_err *err);

#endif
