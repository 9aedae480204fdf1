/*
 * segments.h - the store `segments:DIR`: a head of batches, immutable segment files, a catalogue. For its own files only.
 *
 *   DIR/catalog.db      what exists, and the position
 *   DIR/segments/ID.seg one file per cut or merge
 *
 * Lock order: merge_lock, deletes_lock, change_lock, insert_lock, lock, then cache.lock. The first is held as long as merges go on, the
 * second over one transaction of the catalogue, none of the others over I/O.
 */
#ifndef STORE_SEGMENTS_H
#define STORE_SEGMENTS_H

#include "store/backends.h"
#include "store/collapse.h"
#include "store/life/deletion.h"
#include "store/scan/group_count.h"
#include "store/head.h"
#include "store/producers.h"
#include "store/segment/segment.h"

#define HEAD_BYTES_DEFAULT      (32u * 1024 * 1024)
#define HEAD_ROWS_MAX           (1u << 20) /* cut then: it keeps the memory of a cut within 40 MB beside the file */
#define CUT_INTERVAL_DEFAULT_NS (300ull * 1000000000)

/* Unchanging; a new one takes its place with every cut and merge. */
struct segment_set {
    atomic_uint refs;
    size_t      count;
    struct segment *segments[]; /* counted; by id */
};

struct merger; /* segments_backup.c */
bole_status segments_backup(struct store *self, struct store_backup **ret_backup, struct bole_err *err);

/* segments_merge.c */

struct segments_store {
    struct store base;
    struct fs *fs;
    struct budget *budget;
    const struct clock *clock;
    size_t   head_max_bytes;
    uint64_t cut_interval_ns;
    uint8_t  id[SEGMENT_ID_SIZE];
    struct objects *objects;
    struct catalog *catalog;
    struct segment_cache cache;
    struct text_memory *text_memory; /* what the families' text was found to be */
    pthread_mutex_t change_lock; /* whoever changes the catalogue's segments and then `set` */
    pthread_mutex_t insert_lock; /* a group is looked through and inserted, a cut begins or ends: one at a time */
    struct collapse collapse;    /* guarded by insert_lock */
    pthread_mutex_t lock;
    struct head head;          /* guarded by lock */
    struct producers producers; /* guarded by lock */
    struct segment_set *set;   /* guarded by lock; counted */
    uint64_t position_lsn;     /* guarded by lock */
    uint64_t cuts_total;       /* guarded by lock */
    bool     is_cutting;       /* guarded by lock */
    pthread_cond_t cut_done;   /* with lock */
    pthread_mutex_t deletes_lock;   /* whoever changes the state of a delete */
    struct deletion_set *deletions; /* those that are not finished; NULL: none. Changed under deletes_lock and lock; counted */
    int64_t delete_delay_ns;
    const struct store_retention *retention; /* NULL: everything stays */
    struct merger *merger;
    char     dir[];
};

struct view {
    struct segment_set  *set; /* counted */
    struct deletion_set *deletions; /* counted; NULL: none */
    struct head_snapshot head;
};

static inline size_t view_removals(const struct view *v, const struct removal **ret_removals)
{
    *ret_removals = v->deletions ? v->deletions->removals : NULL;
    return v->deletions ? v->deletions->count : 0;
}

static inline struct segments_store *segments_of(struct store *self)
{
    return (struct segments_store *)self;
}

struct segment_set *segment_set_create(size_t count); /* NULL: no memory; the caller fills segments */
struct segment_set *segment_set_ref(struct segment_set *set);
struct segment_set *segments_borrow_set(struct segments_store *s); /* the one of now, counted */
void segment_set_unref(struct segment_set *set);

/* What becomes different in one step: in the catalogue, then for readers. */
struct segments_change {
    const struct catalog_segment *add;
    size_t add_count;
    struct segment *const *remove;    /* of the store's set; their files go with their last reader */
    size_t remove_count;
    const struct catalog_item *put;   /* changes with it */
    size_t put_count;
    const struct head_snapshot *cut;  /* leaves the head, and moves the position; NULL: none */
};
/* A failure changes nothing; after BOLE_E_IO nobody knows whether the catalogue has the change: the next start will. */
bole_status segments_change(struct segments_store *s, const struct segments_change *change, struct bole_err *err);

/* segments_merge.c */
bole_status segments_start_merger(struct segments_store *s, bool with_thread, struct bole_err *err);
void segments_stop_merger(struct segments_store *s);
void segments_wake_merger(struct segments_store *s); /* something may be due */
bole_status segments_merge(struct store *self, enum store_merge_what what, struct store_merge_stats *ret_stats,
                           struct bole_err *err);
/* Joins groups of some segments, or compresses an old one with more effort, if that is worth it. */
bole_status segments_use_idle_time(struct segments_store *s, bool *ret_done, struct bole_err *err);
struct store_merge_stats segments_merge_stats(struct segments_store *s);
void segments_count_retention(struct segments_store *s, const struct store_retention_stats *more);
struct store_retention_stats segments_retention_stats(struct segments_store *s);

/* segments_retain.c; only for whoever holds the merge lock */
bole_status segments_retain(struct segments_store *s, struct bole_err *err);
/* A segment that segments_retain looked at and that has to be written anew, or NULL. Of the set, not counted. */
struct segment *segments_half_due(struct segments_store *s, const struct segment_set *set);

/* segments_open.c */
bole_status segments_open(const struct store_options *options, struct store **ret_store, struct bole_err *err);
void segments_destroy(struct store *self);

/* segments_scan.c */
bole_status segments_scan_open(struct store *self, struct view *view, struct store_query *query, struct scan **ret_scan,
                               struct bole_err *err);
bole_status segments_scan_next(struct scan *scan, struct vector **ret_vector, struct bole_err *err);
bole_slice segments_scan_stream(const struct scan *scan, uint32_t stream);
uint32_t segments_scan_stream_count(const struct scan *scan);
void segments_scan_set_bound(struct scan *scan, int64_t bound_ns);
void segments_scan_stats(const struct scan *scan, struct store_scan_stats *ret_stats);
void segments_scan_close(struct scan *scan);
/* For aggregations, right after opening: row groups go to the counter where it can count them; the vectors of the others come
 * without seq and, when bytes are counted, with the lengths of their lines. */
void segments_scan_count_only(struct scan *scan, const struct group_counter *counter);
bool segments_scan_hides_field(const struct scan *scan, uint32_t stream); /* behind a label of the same name */
const uint32_t *segments_scan_lengths(const struct scan *scan);

/* segments_sum.c */
bole_status segments_aggregate(struct store *self, struct view *view, struct store_query *query,
                               const struct store_aggregation *aggregation, store_cell_fn *fn, void *ctx,
                               struct store_scan_stats *ret_stats, struct bole_err *err);
bole_status segments_streams(struct store *self, struct view *view, const struct store_query *query,
                             bole_status (*fn)(bole_slice labels, void *ctx), void *ctx, struct bole_err *err);
bole_status segments_volume(struct store *self, struct view *view, const struct store_query *query,
                            bole_status (*fn)(bole_slice labels, uint64_t rows, uint64_t bytes, void *ctx), void *ctx,
                            struct bole_err *err);

#endif
