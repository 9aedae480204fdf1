/*
 * store.h - where records rest and are found again. LogQL runs on anything that implements this.
 *
 * Rows enter through store_insert in groups, at the position (LSN) the queue gave them, and are visible to every view
 * taken afterwards. A cut makes everything up to one LSN durable in the store itself and moves the position that
 * queue_release may use: exactly once from queue to store.
 *
 * A reader works on a view: a counted, unchanging set of segments and head batches. Files die with their last view.
 *
 * Units:   times ns since 1970 UTC; ranges are [from, to).
 * Threads: insert one thread (the committer); cut one thread at a time; the rest any. A scan belongs to one thread.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/clock.h"
#include "catalog/catalog.h"
#include "os/fs.h"
#include "store/segment/digest.h"
#include "store/scan/line_shape.h"
#include "store/vector.h"

struct store { const struct store_ops *ops; };
struct view;   /* of one store; counted */
struct scan { const struct store_ops *ops; };
struct regex;  /* shim/regex.h */

/* ---- how long rows stay ---- */

/* On a stream label. An absent label reads as "". */
enum match_op { MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NRE };
struct store_matcher {
    enum match_op op;
    bole_slice    name;
    bole_slice    value;
    const struct regex *regex; /* RE, NRE: anchored */
};

struct store_keep_rule {
    bole_slice tenant;          /* empty: any */
    const struct store_matcher *matchers; /* all must hold */
    size_t     matcher_count;
    int64_t    keep_ns;         /* 0: for ever */
};

/* A row's age counts from its stamp, or from its receipt when the stamp lies ahead. What is too old goes with its segment,
 * or when that is written anew: at most a day after it is due. */
struct store_retention {
    const struct store_keep_rule *rules; /* the first that names a row's stream holds */
    size_t   rule_count;
    int64_t  keep_ns;           /* of rows that no rule names; 0: for ever */
    uint64_t max_bytes;         /* of segments on the disk: the oldest go first; 0: no limit */
};

struct store_options {
    bole_slice           uri;      /* "segments:DIR", "mem:" */
    struct fs           *fs;
    const struct clock  *clock;
    struct budget       *budget;   /* head, caches */
    size_t               head_max_bytes;    /* cut when the head holds this much; default 32 MB */
    uint64_t             cut_interval_ns;   /* or this old; default 5 min */
    /* A sync of the catalogue or of segments' names failed; must not return (in a test it may: the store is then dead). NULL: log and _exit(1). */
    void (*on_fatal)(const struct bole_err *err);
    const struct store_retention *retention; /* lives as long as the store; NULL: everything stays */
    int64_t              delete_delay_ns;   /* a request to delete can be taken back as long; the rows are out of sight at once */
    bool                 merges;   /* a thread of the store's own merges segments when they are due */
    uint64_t             min_position;      /* what the queue has forgotten already: a catalogue that knows less is refused */
};

/* ---- what is asked ---- */

enum store_predicate_kind {
    PREDICATE_LINE_CONTAINS,     /* value: needle, bytes */
    PREDICATE_LINE_NOT_CONTAINS,
    PREDICATE_LINE_MATCHES,      /* regex, unanchored */
    PREDICATE_LINE_NOT_MATCHES,
    PREDICATE_FIELD_EQ,          /* field `name` of the record (not of the stream, not parsed) is `value`; absent reads "" */
    PREDICATE_FIELD_NE,
};

enum store_consumed {
    CONSUMED_NONE,   /* the caller must test every selected row */
    CONSUMED_PARTLY, /* some rows that fail are already out; the caller must test the rest */
    CONSUMED_WHOLLY, /* every selected row passes */
};

struct store_predicate {
    enum store_predicate_kind kind;
    bole_slice                name;
    bole_slice                value;
    const struct regex       *regex;
    enum store_consumed       consumed; /* set by store_scan_open, the same for all vectors of the scan */
};

enum store_projection { PROJECT_LINE = 1, PROJECT_FIELDS = 2 }; /* time, seq and stream always come */
enum store_direction { BACKWARD, FORWARD };

/* Names of fields. What begins with "__" is among them always. */
struct store_fields { const bole_slice *names; size_t count; };

struct store_query {
    bole_slice                  tenant;
    int64_t                     from_ns, to_ns; /* from <= time < to */
    const struct store_matcher *matchers;       /* all must hold */
    size_t                      matcher_count;
    struct store_predicate     *predicates;     /* all must hold; consumed is written */
    size_t                      predicate_count;
    unsigned                    projection;
    bool                        ignores_seq;    /* what stands in seq does not matter */
    const struct line_reader   *reader;         /* of values instead of projected lines; NULL: none. May be set until the first
                                                 * store_scan_next. A store may ignore it */
    const struct store_fields  *only_fields;    /* others do not matter: rows may come as if they had none (vector.has_no_fields).
                                                 * NULL: all matter. Set when reader is. A store may ignore it */
    enum store_direction        direction;      /* which end of the range is worth visiting first */
    struct budget              *budget;         /* of the query: BOLE_E_LIMIT when it is used up */
    bool (*cancelled)(void *ctx);               /* asked now and then; NULL: never */
    void                       *cancelled_ctx;
};

struct store_scan_stats {
    uint64_t rows_scanned, bytes_scanned;      /* rows looked at; bytes of their lines */
    uint64_t parts_total, parts_pruned;        /* row groups and head batches */
    uint64_t bad_chunks;                       /* quarantined: the answer must carry a warning */
    /* Why parts were pruned; the others lie outside of the range. */
    uint64_t segments_total, segments_pruned;  /* by their range of time, unopened: each counts as a part */
    uint64_t pruned_by_tokens, pruned_by_streams, pruned_by_rows, pruned_by_bound; /* rows: no row passed the predicates */
};

/* Count or bytes of lines in buckets, without touching messages where the store can. */
struct store_aggregation {
    enum { AGGREGATE_COUNT, AGGREGATE_BYTES } what;
    int64_t  start_ns, bucket_ns;              /* bucket i is (start + (i-1) * bucket, start + i * bucket] */
    uint32_t bucket_count;
    bole_slice field;                          /* one more dimension: this field's value, but in streams that have a label
        of that name, which hides it; ptr NULL: none */
};
/* stream: numbers the label sets of one aggregation, from 0. labels are canonical and valid for the call only, as the value
 * (ptr NULL: none). The same cell may come several times: the caller adds up. */
typedef bole_status store_cell_fn(uint32_t stream, bole_slice labels, bole_slice field_value, uint32_t bucket_index,
                                  uint64_t value, void *ctx);

enum store_merge_what {
    STORE_MERGE_DUE,
    STORE_MERGE_EVERYTHING, /* also what makes fewer segments before it is due */
    STORE_MERGE_IDLE,       /* what is due, and what a machine does that has nothing else to do for some minutes */
};

struct store_merge_stats {
    uint64_t merges;
    uint64_t segments_in, segments_out;
    uint64_t bytes_read, bytes_written;     /* of files */
    uint64_t groups_copied, groups_encoded; /* row groups that went in */
    uint64_t failures;
};

/* ---- deletes ---- */

#define STORE_DELETE_ID_SIZE 17u /* 16 hex digits and a NUL */

struct store_delete_request {
    bole_slice tenant;
    bole_slice query;             /* as it was asked for, to be shown */
    const struct store_matcher *matchers;     /* all must hold */
    size_t     matcher_count;
    const struct store_predicate *predicates; /* all must hold; on lines only */
    size_t     predicate_count;
    int64_t    from_ns, to_ns;    /* both inclusive */
};

enum store_delete_state { STORE_DELETE_WAITS, STORE_DELETE_RUNS, STORE_DELETE_DONE, STORE_DELETE_CANCELLED };

/* One merge that took rows out: before = removed + others + after. */
struct store_delete_step {
    int64_t  time_ns;
    uint64_t rows;
    struct digest before, removed, others, after; /* others: by other deletes and by retention */
    const uint64_t *input_ids, *result_ids;       /* of segments */
    size_t   input_count, result_count;
};

struct store_delete_info {
    char       id[STORE_DELETE_ID_SIZE];
    enum store_delete_state state;
    bole_slice tenant, query;
    int64_t    from_ns, to_ns, created_ns, finished_ns; /* finished 0: not yet */
    uint64_t   rows;           /* removed so far; digest of them */
    struct digest digest;
    const struct store_delete_step *steps;
    uint32_t   step_count;
};
/* What is pointed to is valid for the call. */
typedef bole_status store_delete_fn(const struct store_delete_info *info, void *ctx);

struct store_retention_stats {             /* what has been kept long enough */
    uint64_t segments, bytes;               /* dropped as they were; bytes of files */
    uint64_t rows;                          /* also those of segments that were written anew without them */
};

struct store_stats {
    uint64_t position_lsn;                     /* everything up to here is durable in the store */
    uint64_t known_lsn; /* no lower, and nothing new may come at or below it: requests to delete speak of it */
    uint64_t head_rows, head_bytes, head_streams;
    uint64_t segment_count, segment_rows, segment_bytes, raw_bytes;
    uint64_t cuts_total, bad_chunks;
    struct store_merge_stats merges;           /* since the start */
    struct store_retention_stats retention;    /* likewise */
};

/* The files that make up a store at one moment, by their names below a data directory. They do not change until it is
 * closed. Of one thread. */
struct store_backup_file { bole_slice name; uint64_t size_bytes; };
struct store_backup {
    const struct store_backup_file *files; /* by name; "catalog.db", which knows the others, is the last */
    size_t file_count;
    bole_status (*read)(struct store_backup *self, size_t file, uint64_t offset, size_t len, uint8_t *ret_bytes,
                        struct bole_err *err);
    void (*close)(struct store_backup *self);
};

struct store_ops {
    const char *scheme;
    bole_status (*open)(const struct store_options *options, struct store **ret_store, struct bole_err *err);
    /* The LSN after which the queue must be read again. */
    uint64_t (*position)(struct store *self);
    /* Rows of the batches get seq (lsn, 0), (lsn, 1)... across the batches. Takes its own references. Visible on return, but
     * for rows of collapse streams (record/batch.h) that are there already: those are dropped, and leave gaps in seq. */
    bole_status (*insert)(struct store *self, uint64_t lsn, struct batch *const *batches, size_t batch_count,
                          struct bole_err *err);
    /* How far a producer (record/batch.h) has come: the highest sequence among its batches that were inserted, or 0; BOLE_E_LIMIT: 0, and there are too many. It holds
     * over a restart when every group after `position` is inserted again. */
    bole_status (*producer)(struct store *self, const uint8_t id[BATCH_PRODUCER_SIZE], uint64_t *ret_sequence,
                            struct bole_err *err);
    /* True when the head is full or old enough. */
    bool (*wants_cut)(struct store *self);
    /* Everything inserted before the call becomes durable here; *ret_lsn may be released by the queue. */
    bole_status (*cut)(struct store *self, uint64_t *ret_lsn, struct bole_err *err);

    /* Runs merges and returns when they are done; the answers to queries do not change. BOLE_E_FULL, BOLE_E_LIMIT: no room now. May
     * be NULL: there is nothing to merge. */
    bole_status (*merge)(struct store *self, enum store_merge_what what, struct store_merge_stats *ret_stats, struct bole_err *err);

    /* Rows that are there now and that the request names are in no view taken after it returns; they are taken out of the
     * segments by merges, once the delay is over. All three may be NULL: nothing can be deleted. BOLE_E_LIMIT: too many requests. */
    bole_status (*delete_rows)(struct store *self, const struct store_delete_request *request,
                               char ret_id[STORE_DELETE_ID_SIZE], struct bole_err *err);
    /* Every request of the tenant, also those that are done or were taken back, by id. */
    bole_status (*deletes)(struct store *self, bole_slice tenant, store_delete_fn *fn, void *ctx, struct bole_err *err);
    /* BOLE_E_CONFLICT: it runs or has run. BOLE_E_NOTFOUND. */
    bole_status (*delete_cancel)(struct store *self, bole_slice tenant, bole_slice id, struct bole_err *err);

    struct view *(*view)(struct store *self); /* NULL: no memory */
    void (*view_release)(struct store *self, struct view *view);

    bole_status (*scan_open)(struct store *self, struct view *view, struct store_query *query, struct scan **ret_scan,
                             struct bole_err *err);
    /* BOLE_END after the last vector. Parts are visited from the asked end, rows inside a vector lie in no promised order. */
    bole_status (*scan_next)(struct scan *scan, struct vector **ret_vector, struct bole_err *err);
    /* Canonical labels of a stream index seen in a vector of this scan; indexes are dense from 0. */
    bole_slice (*scan_stream)(const struct scan *scan, uint32_t stream);
    uint32_t (*scan_stream_count)(const struct scan *scan);
    /* Rows at time < bound (BACKWARD) or > bound (FORWARD) are not needed any more: how "newest N" stops early. */
    void (*scan_set_bound)(struct scan *scan, int64_t bound_ns);
    void (*scan_stats)(const struct scan *scan, struct store_scan_stats *ret_stats);
    void (*scan_close)(struct scan *scan);

    /* BOLE_E_UNSUPPORTED: declined, scan instead. Predicates must be empty or the store consumes them wholly. May be NULL. */
    bole_status (*aggregate)(struct store *self, struct view *view, struct store_query *query,
                             const struct store_aggregation *aggregation, store_cell_fn *fn, void *ctx,
                             struct store_scan_stats *ret_stats, struct bole_err *err);
    /* Every distinct label set with a row in the range that matches, once. Parts that lie half in the range may be counted
     * whole: a label set whose rows lie only in the other half may be among them. */
    bole_status (*streams)(struct store *self, struct view *view, const struct store_query *query,
                           bole_status (*fn)(bole_slice labels, void *ctx), void *ctx, struct bole_err *err);
    /* Per label set: rows and bytes in the range (index/stats). Parts that lie half in the range may be counted whole. */
    bole_status (*volume)(struct store *self, struct view *view, const struct store_query *query,
                          bole_status (*fn)(bole_slice labels, uint64_t rows, uint64_t bytes, void *ctx), void *ctx,
                          struct bole_err *err);
    /* What was cut. May be NULL: there are no files. */
    bole_status (*backup)(struct store *self, struct store_backup **ret_backup, struct bole_err *err);
    /* Small named values beside the rows, as in catalog.h; both may be NULL: they are forgotten. */
    bole_status (*put_notes)(struct store *self, const struct catalog_item *items, size_t count, struct bole_err *err);
    bole_status (*notes)(struct store *self, bole_slice space, bole_status (*fn)(bole_slice key, bole_slice value, void *ctx),
                         void *ctx, struct bole_err *err);
    void (*stats)(struct store *self, struct store_stats *ret_stats);
    void (*destroy)(struct store *self);
};

/* Opens by scheme. An unknown scheme names the known ones. */
bole_status store_open(const struct store_options *options, struct store **ret_store, struct bole_err *err);

static inline uint64_t store_position(struct store *s) { return s->ops->position(s); }
static inline bole_status store_insert(struct store *s, uint64_t lsn, struct batch *const *batches, size_t batch_count,
                                       struct bole_err *err)
{ return s->ops->insert(s, lsn, batches, batch_count, err); }
static inline bole_status store_producer(struct store *s, const uint8_t id[BATCH_PRODUCER_SIZE], uint64_t *ret_sequence,
                                         struct bole_err *err)
{ return s->ops->producer(s, id, ret_sequence, err); }
static inline bool store_wants_cut(struct store *s) { return s->ops->wants_cut(s); }
static inline bole_status store_cut(struct store *s, uint64_t *ret_lsn, struct bole_err *err)
{
    return s->ops->cut(s, ret_lsn, err);
}
static inline bole_status store_merge(struct store *s, enum store_merge_what what, struct store_merge_stats *ret_stats,
                                      struct bole_err *err)
{
    *ret_stats = (struct store_merge_stats){0};
    return s->ops->merge ? s->ops->merge(s, what, ret_stats, err) : BOLE_OK;
}
static inline bole_status store_delete_rows(struct store *s, const struct store_delete_request *request,
                                            char ret_id[STORE_DELETE_ID_SIZE], struct bole_err *err)
{ return s->ops->delete_rows ? s->ops->delete_rows(s, request, ret_id, err) : BOLE_E_UNSUPPORTED; }
static inline bole_status store_deletes(struct store *s, bole_slice tenant, store_delete_fn *fn, void *ctx, struct bole_err *err)
{ return s->ops->deletes ? s->ops->deletes(s, tenant, fn, ctx, err) : BOLE_OK; }
static inline bole_status store_delete_cancel(struct store *s, bole_slice tenant, bole_slice id, struct bole_err *err)
{ return s->ops->delete_cancel ? s->ops->delete_cancel(s, tenant, id, err) : BOLE_E_NOTFOUND; }
static inline struct view *store_view(struct store *s) { return s->ops->view(s); }
static inline void store_view_release(struct store *s, struct view *view) { if (view) s->ops->view_release(s, view); }
static inline bole_status store_scan_open(struct store *s, struct view *view, struct store_query *query, struct scan **ret_scan,
                                          struct bole_err *err)
{ return s->ops->scan_open(s, view, query, ret_scan, err); }
static inline bole_status store_scan_next(struct scan *scan, struct vector **ret_vector, struct bole_err *err)
{ return scan->ops->scan_next(scan, ret_vector, err); }
static inline bole_slice store_scan_stream(const struct scan *scan, uint32_t stream)
{
    return scan->ops->scan_stream(scan, stream);
}
static inline uint32_t store_scan_stream_count(const struct scan *scan) { return scan->ops->scan_stream_count(scan); }
static inline void store_scan_set_bound(struct scan *scan, int64_t bound_ns) { scan->ops->scan_set_bound(scan, bound_ns); }
static inline void store_scan_stats(const struct scan *scan, struct store_scan_stats *ret_stats)
{
    scan->ops->scan_stats(scan, ret_stats);
}
static inline void store_scan_close(struct scan *scan) { if (scan) scan->ops->scan_close(scan); }
static inline bole_status store_aggregate(struct store *s, struct view *view, struct store_query *query,
                                          const struct store_aggregation *aggregation, store_cell_fn *fn, void *ctx,
                                          struct store_scan_stats *ret_stats, struct bole_err *err)
{ return s->ops->aggregate ? s->ops->aggregate(s, view, query, aggregation, fn, ctx, ret_stats, err) : BOLE_E_UNSUPPORTED; }
static inline bole_status store_streams(struct store *s, struct view *view, const struct store_query *query,
                                        bole_status (*fn)(bole_slice labels, void *ctx), void *ctx, struct bole_err *err)
{ return s->ops->streams(s, view, query, fn, ctx, err); }
static inline bole_status store_volume(struct store *s, struct view *view, const struct store_query *query,
                                       bole_status (*fn)(bole_slice labels, uint64_t rows, uint64_t bytes, void *ctx), void *ctx,
                                       struct bole_err *err)
{ return s->ops->volume(s, view, query, fn, ctx, err); }
bole_status store_backup(struct store *s, struct store_backup **ret_backup, struct bole_err *err);
static inline bole_status store_put_notes(struct store *s, const struct catalog_item *items, size_t count, struct bole_err *err)
{ return s->ops->put_notes ? s->ops->put_notes(s, items, count, err) : BOLE_OK; }
static inline bole_status store_notes(struct store *s, bole_slice space,
                                      bole_status (*fn)(bole_slice key, bole_slice value, void *ctx), void *ctx,
                                      struct bole_err *err)
{ return s->ops->notes ? s->ops->notes(s, space, fn, ctx, err) : BOLE_OK; }
static inline void store_stats(struct store *s, struct store_stats *ret_stats) { s->ops->stats(s, ret_stats); }
static inline void store_destroy(struct store *s) { if (s) s->ops->destroy(s); }

/* True when the canonical label set passes all matchers. */
bool store_matches(bole_slice labels, const struct store_matcher *matchers, size_t matcher_count);

#endif
