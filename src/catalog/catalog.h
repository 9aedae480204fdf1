/*
 * catalog.h - what exists and how far the store has come: the one transactional table of contents.
 *
 * Embedded: SQLite (WAL mode, synchronous=FULL) on a VFS over os/fs, so that a failed sync is fatal here as well and a
 * test can cut the power. Schema is versioned; a newer one than this program knows is refused with what to do.
 *
 * Threads: any; calls are serialised inside.
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include "base/arena.h"
#include "os/fs.h"

struct catalog { const struct catalog_ops *ops; };

struct catalog_segment {
    uint64_t   id;                       /* given by the caller, unique for ever */
    bole_slice key;                      /* in objects */
    uint64_t   size_bytes, raw_bytes, row_count;
    int64_t    min_time_ns, max_time_ns;
    uint64_t   min_lsn, max_lsn;
    int64_t    created_ns;
};

/* One change, all or nothing: a cut, a merge, a retention step. */
struct catalog_change {
    const struct catalog_segment *add;
    size_t add_count;
    const uint64_t *remove_ids;
    size_t remove_count;
    uint64_t position_lsn;               /* 0: unchanged. Never goes back: BOLE_E_CONFLICT */
};

struct catalog_ops {
    const char *scheme;                  /* "sqlite:DIR/catalog.db" */
    bole_status (*open)(bole_slice uri, struct fs *fs, struct catalog **ret_catalog, struct bole_err *err);
    bole_status (*position)(struct catalog *self, uint64_t *ret_lsn, struct bole_err *err);
    /* Segments by id; slices valid for the call of fn. */
    bole_status (*segments)(struct catalog *self, bole_status (*fn)(const struct catalog_segment *segment, void *ctx), void *ctx, struct bole_err *err);
    bole_status (*commit)(struct catalog *self, const struct catalog_change *change, struct bole_err *err);
    uint64_t (*next_segment_id)(struct catalog *self); /* above every id ever committed */
    /* Small named values (settings, marks). get: NOTFOUND; value copied into the arena. */
    bole_status (*get)(struct catalog *self, bole_slice space, bole_slice key, struct arena *arena, bole_slice *ret_value, struct bole_err *err);
    bole_status (*put)(struct catalog *self, bole_slice space, bole_slice key, bole_slice value, struct bole_err *err);
    /* Integrity of the catalogue itself; one call of fn per problem. */
    bole_status (*check)(struct catalog *self, void (*fn)(const char *problem, void *ctx), void *ctx, struct bole_err *err);
    void (*destroy)(struct catalog *self);
};

bole_status catalog_open(bole_slice uri, struct fs *fs, struct catalog **ret_catalog, struct bole_err *err);

#endif
