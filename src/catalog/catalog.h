/*
 * catalog.h - what exists and how far the store has come: the one transactional table of contents.
 *
 * Embedded: SQLite (WAL mode, synchronous=FULL) on a VFS over os/fs, so that a failed sync is fatal here as well and a
 * test can cut the power. The schema is versioned; a newer one than this program knows is refused with what to do.
 *
 * Owner:   slices handed to callbacks are valid for the call.
 * Threads: any; calls are serialised inside. A callback may not call back into the catalogue.
 * Errors:  BOLE_E_CORRUPT when the file is not a sound catalogue; BOLE_E_FULL when the disk is (nothing changed; try
 *          again); BOLE_E_CONFLICT when another process has it open.
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include "base/arena.h"
#include "base/buf.h"
#include "os/fs.h"

struct catalog { const struct catalog_ops *ops; };

struct catalog_options {
    bole_slice uri; /* "sqlite:DIR/catalog.db" */
    struct fs *fs;
    /* A sync failed: nobody can know any more what the disk holds. NULL: log and _exit(1). A test's may return; every
     * later call on the catalogue then fails with BOLE_E_IO. */
    void (*on_fatal)(const struct bole_err *err);
};

#define CATALOG_DIGEST_SIZE 16u

struct catalog_segment {
    uint64_t   id;                       /* given by the caller, unique for ever */
    bole_slice key;                      /* in objects */
    uint64_t   size_bytes, raw_bytes, row_count;
    int64_t    min_time_ns, max_time_ns;
    uint64_t   min_lsn, max_lsn;
    int64_t    created_ns;
    int64_t    keep_ns;                  /* the newest row as retention counts */
    uint32_t   level;                    /* of merging; 0: a cut */
    uint32_t   group_streams;            /* the most label sets of one of its row groups */
    bole_slice tenant;                   /* of all its rows; empty: several */
    uint8_t    digest[CATALOG_DIGEST_SIZE]; /* of its rows */
};

struct catalog_item { bole_slice space, key, value; }; /* value.ptr NULL, to put: it is removed */

/* One change, all or nothing: a cut, a merge, a retention step. */
struct catalog_change {
    const struct catalog_segment *add;
    size_t add_count;
    const uint64_t *remove_ids;          /* an id that is not there: BOLE_E_NOTFOUND */
    size_t remove_count;
    const struct catalog_item *put;      /* items that are new, or have another value */
    size_t put_count;
    uint64_t position_lsn;               /* 0: unchanged. Never goes back: BOLE_E_CONFLICT */
};

struct catalog_ops {
    const char *scheme;
    bole_status (*open)(const struct catalog_options *options, struct catalog **ret_catalog, struct bole_err *err);
    bole_status (*position)(struct catalog *self, uint64_t *ret_lsn, struct bole_err *err);
    /* Segments by id; a row whose checksum does not match is BOLE_E_CORRUPT. */
    bole_status (*segments)(struct catalog *self, bole_status (*fn)(const struct catalog_segment *segment, void *ctx),
                            void *ctx, struct bole_err *err);
    bole_status (*commit)(struct catalog *self, const struct catalog_change *change, struct bole_err *err);
    uint64_t (*next_segment_id)(struct catalog *self); /* above every id ever committed, and not given before */
    /* Small named values (settings, marks). get: NOTFOUND; value copied into the arena. A value without a pointer removes. */
    bole_status (*get)(struct catalog *self, bole_slice space, bole_slice key, struct arena *arena,
                       bole_slice *ret_value, struct bole_err *err);
    bole_status (*put)(struct catalog *self, bole_slice space, bole_slice key, bole_slice value, struct bole_err *err);
    /* All items of a space, by key. */
    bole_status (*items)(struct catalog *self, bole_slice space,
                         bole_status (*fn)(bole_slice key, bole_slice value, void *ctx), void *ctx,
                         struct bole_err *err);
    /* Appends the bytes of a catalogue file that holds the same, to be opened elsewhere. */
    bole_status (*image)(struct catalog *self, struct buf *ret_bytes, struct bole_err *err);
    /* Integrity of the catalogue itself; one call of fn per problem. */
    bole_status (*check)(struct catalog *self, void (*fn)(const char *problem, void *ctx), void *ctx,
                         struct bole_err *err);
    void (*destroy)(struct catalog *self);
};

/* Opens by scheme; makes an empty catalogue when there is none. An unknown scheme names the known ones. */
bole_status catalog_open(const struct catalog_options *options, struct catalog **ret_catalog, struct bole_err *err);

static inline bole_status catalog_position(struct catalog *c, uint64_t *ret_lsn, struct bole_err *err)
{
    return c->ops->position(c, ret_lsn, err);
}

static inline bole_status catalog_segments(struct catalog *c,
                                           bole_status (*fn)(const struct catalog_segment *segment, void *ctx),
                                           void *ctx, struct bole_err *err)
{ return c->ops->segments(c, fn, ctx, err); }
static inline bole_status catalog_commit(struct catalog *c, const struct catalog_change *change, struct bole_err *err)
{
    return c->ops->commit(c, change, err);
}

static inline uint64_t catalog_next_segment_id(struct catalog *c) { return c->ops->next_segment_id(c); }
static inline bole_status catalog_get(struct catalog *c, bole_slice space, bole_slice key, struct arena *arena,
                                      bole_slice *ret_value, struct bole_err *err)
{ return c->ops->get(c, space, key, arena, ret_value, err); }
static inline bole_status catalog_put(struct catalog *c, bole_slice space, bole_slice key, bole_slice value,
                                      struct bole_err *err)
{ return c->ops->put(c, space, key, value, err); }
static inline bole_status catalog_items(struct catalog *c, bole_slice space,
                                        bole_status (*fn)(bole_slice key, bole_slice value, void *ctx), void *ctx,
                                        struct bole_err *err)
{ return c->ops->items(c, space, fn, ctx, err); }
static inline bole_status catalog_image(struct catalog *c, struct buf *ret_bytes, struct bole_err *err)
{
    return c->ops->image(c, ret_bytes, err);
}

static inline bole_status catalog_check(struct catalog *c, void (*fn)(const char *problem, void *ctx), void *ctx,
                                        struct bole_err *err)
{ return c->ops->check(c, fn, ctx, err); }
static inline void catalog_destroy(struct catalog *c) { if (c) c->ops->destroy(c); }

extern const struct catalog_ops catalog_sqlite_ops;

#endif
