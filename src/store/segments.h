/*
 * segments.h - the store `segments:DIR`: a head of batches, immutable segment files, a catalogue. For its own files only.
 *
 *   DIR/catalog.db      what exists, and the position
 *   DIR/segments/ID.seg one file per cut
 *
 * Lock order: store->insert_lock, store->lock, then cache.lock. None is held over I/O.
 */
#ifndef STORE_SEGMENTS_H
#define STORE_SEGMENTS_H

#include "store/backends.h"
#include "store/collapse.h"
#include "store/group_count.h"
#include "store/head.h"
#include "store/segment.h"

#define HEAD_BYTES_DEFAULT      (64u * 1024 * 1024)
#define HEAD_ROWS_MAX           (1u << 20) /* cut then: it keeps the memory of a cut within 40 MB beside the file */
#define CUT_INTERVAL_DEFAULT_NS (300ull * 1000000000)

/* Unchanging; a new one takes its place with every cut. */
struct segment_set {
    atomic_uint refs;
    size_t      count;
    struct segment *segments[]; /* counted; by id */
};

struct segments_store {
    struct store base;
    struct fs *fs;
    const struct clock *clock;
    size_t   head_max_bytes;
    uint64_t cut_interval_ns;
    uint8_t  id[SEGMENT_ID_SIZE];
    struct objects *objects;
    struct catalog *catalog;
    struct segment_cache cache;
    pthread_mutex_t insert_lock; /* a group is looked through and inserted, a cut begins or ends: one at a time */
    struct collapse collapse;    /* guarded by insert_lock */
    pthread_mutex_t lock;
    struct head head;          /* guarded by lock */
    struct segment_set *set;   /* guarded by lock; counted */
    uint64_t position_lsn;     /* guarded by lock */
    uint64_t cuts_total;       /* guarded by lock */
};

struct view {
    struct segment_set  *set; /* counted */
    struct head_snapshot head;
};

static inline struct segments_store *segments_of(struct store *self)
{
    return (struct segments_store *)self;
}

struct segment_set *segment_set_create(size_t count); /* NULL: no memory; the caller fills segments */
void segment_set_unref(struct segment_set *set);

/* segments_open.c */
bole_status segments_open(const struct store_options *options, struct store **ret_store, struct bole_err *err);
void segments_destroy(struct store *self);

/* segments_scan.c */
bole_status segments_scan_open(struct store *self, struct view *view, struct store_query *query, struct scan **ret_scan, struct bole_err *err);
bole_status segments_scan_next(struct scan *scan, struct vector **ret_vector, struct bole_err *err);
bole_slice segments_scan_stream(const struct scan *scan, uint32_t stream);
uint32_t segments_scan_stream_count(const struct scan *scan);
void segments_scan_set_bound(struct scan *scan, int64_t bound_ns);
void segments_scan_stats(const struct scan *scan, struct store_scan_stats *ret_stats);
void segments_scan_close(struct scan *scan);
/* For aggregations, right after opening: row groups go to the counter where it can count them; the vectors of the others come
 * without seq and, when bytes are counted, with the lengths of their lines. */
void segments_scan_count_only(struct scan *scan, const struct group_counter *counter);
const uint32_t *segments_scan_lengths(const struct scan *scan);

/* segments_sum.c */
bole_status segments_aggregate(struct store *self, struct view *view, struct store_query *query, const struct store_aggregation *aggregation,
                               store_cell_fn *fn, void *ctx, struct store_scan_stats *ret_stats, struct bole_err *err);
bole_status segments_streams(struct store *self, struct view *view, const struct store_query *query,
                             bole_status (*fn)(bole_slice labels, void *ctx), void *ctx, struct bole_err *err);
bole_status segments_volume(struct store *self, struct view *view, const struct store_query *query,
                            bole_status (*fn)(bole_slice labels, uint64_t rows, uint64_t bytes, void *ctx), void *ctx,
                            struct bole_err *err);

#endif
