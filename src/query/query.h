/*
 * query.h - LogQL on a store: parse once, run as often as wanted, read the result.
 *
 *   query_parse → query_exec → struct query_result → query_result_destroy
 *
 * Units:   times and durations in ns since 1970 UTC.
 * Owner:   a result owns everything it points to and does not need the query, the view or the store any more.
 * Threads: a parsed query is read-only: any number of threads may execute it. An execution runs on the calling thread.
 * Errors:  BOLE_E_INVALID     the query is wrong (400); parse errors are in Loki's words, so are pipeline errors
 *          BOLE_E_UNSUPPORTED a function that is known but not built yet (400); the text names it
 *          BOLE_E_LIMIT       a limit was reached (400); the text says which and what to do
 *          BOLE_E_CONFLICT    series do not match one to one (500 in Loki)
 *          BOLE_E_CANCELLED   the caller's callback said so
 *          others             the store's
 */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include "base/buf.h"
#include "query/row.h"
#include "store/store.h"

#define QUERY_POINTS_MAX  11000u            /* steps of one range query */
#define QUERY_ENTRIES_MAX 1000000u          /* limit of one log query */
#define QUERY_SERIES_MAX  20000u            /* series of one result or intermediate result */

struct query;
struct log_entries;

enum query_type { QUERY_LOG, QUERY_METRIC };

/* The text is copied. The budget (or NULL) is drawn on until query_destroy. */
bole_status query_parse(bole_slice text, struct budget *budget, struct query **ret_query, struct bole_err *err);
/* The same, or a query in plain words (docs/logql.md); the error is LogQL's. */
bole_status query_parse_words(bole_slice text, struct budget *budget, struct query **ret_query, struct bole_err *err);
void query_destroy(struct query *q); /* NULL is fine */

enum query_type query_type(const struct query *q);
/* True when an addition of Bole's looks at many rows at once (docs/logql.md): the result has its rows in order then, and they
 * do not go on behind the limit. */
bool query_is_set(const struct query *q);
bool query_is_selector(const struct query *q); /* a log query without any stage */
void query_format(const struct query *q, struct buf *out); /* canonical text: format_query */

/* The matchers of a selector, for series, labels, index/stats and volume: `{a="b"}`, `{}`; a pipeline is refused. */
struct query_selector;
bole_status query_selector_parse(bole_slice text, struct query_selector **ret_selector, struct bole_err *err);
void query_selector_destroy(struct query_selector *s);
const struct store_matcher *query_selector_matchers(const struct query_selector *s, size_t *ret_count);

/* The selector and the line filters of a query, for a request to delete; they live as long as the query. BOLE_E_INVALID: there
 * is more in it. */
bole_status query_delete_filters(struct query *q, struct store_delete_request *ret_request, struct bole_err *err);

/* ---- executing ---- */

/* A row's place in the one order that there is; unique. */
struct query_place {
    int64_t  time_ns;
    uint64_t seq;
};

struct query_request {
    struct store *store;
    struct view  *view;            /* NULL: a view of its own */
    bole_slice    tenant;
    /* More than one: the rows of all of these, whose streams then have a label __tenant_id__, on which matchers may choose.
     * Else `tenant` alone counts. */
    const bole_slice *tenants;
    size_t        tenant_count;
    /* Log query: entries with start <= time < end. Metric query: evaluated at start, start + step ... <= end. */
    int64_t       start_ns, end_ns;
    int64_t       step_ns;         /* > 0: range query; 0: instant query at end_ns */
    int64_t       interval_ns;     /* log query: entries closer than this to the last shown one are left out; 0: none */
    uint32_t      limit;           /* log query: entries; 0 is refused */
    const struct query_place *after; /* log query: only rows behind this one in the asked direction; NULL: all */
    uint64_t      known_seq;       /* log query: only rows committed behind this one, with a higher seq; 0: all */
    bole_slice    stream;          /* log query: only rows whose stream has exactly these canonical labels; ptr NULL: any */
    enum store_direction direction; /* log query: newest (BACKWARD) or oldest first */
    bool          categorize;      /* streams are told apart by stream labels alone (categorize-labels) */
    struct budget *budget;         /* memory of this execution and of its result; NULL: none */
    bool (*cancelled)(void *ctx);  /* asked every vector; NULL: never */
    void         *cancelled_ctx;
    const struct clock *clock;     /* for statistics; NULL: none are taken */
    struct query_explain *explain; /* what was done is written here (explain.h); NULL: nowhere */
    uint64_t      max_scan_bytes;  /* of lines that a store may look at; 0: no limit */
    struct buf   *whole_error;     /* an error that err cuts is written here whole, else nothing; NULL: nowhere */
};

struct query_stats {
    uint64_t rows_scanned, bytes_scanned; /* by the store */
    uint64_t rows_in;                     /* handed to the pipeline */
    uint64_t rows_out;                    /* samples or entries behind it */
    uint64_t entries;                     /* in the result */
    uint64_t parts_total, parts_pruned, bad_chunks;
    uint64_t exec_ns;
};

enum query_result_type { QUERY_STREAMS, QUERY_VECTOR, QUERY_MATRIX, QUERY_SCALAR };

struct query_entry {
    int64_t                 time_ns;
    uint64_t                seq;
    bole_slice              line;
    const struct row_label *labels; /* all of them with their origin, sorted by name; errors are parsed labels */
    size_t                  label_count;
};

struct query_stream {
    const struct row_label *labels; /* sorted by name; with `categorize` those of the stream only */
    size_t                  label_count;
    struct query_entry     *entries; /* in the asked direction */
    size_t                  entry_count;
};

struct query_point {
    int64_t time_ns;
    double  value;
};

struct query_series {
    const struct label *labels; /* sorted by name */
    size_t              label_count;
    struct query_point *points; /* VECTOR: one */
    size_t              point_count;
};

struct query_result {
    enum query_result_type type;
    struct query_stream   *streams; /* sorted by labels */
    size_t                 stream_count;
    /* With an addition of ours (set/set.h) the entries of all streams in the order of the answer, else NULL. */
    const struct query_entry *const *rows;
    size_t                 row_count;
    const bole_slice      *columns; /* of a table, whose rows have no stream: the names of its labels in order; else NULL */
    size_t                 column_count;
    struct query_series   *series;  /* sorted by labels, unless sort() ordered a vector */
    size_t                 series_count;
    struct query_point     scalar;
    struct query_stats     stats;
    struct arena           arena;   /* owns all of the above, but for the entries */
    struct log_entries    *log;     /* owns entries, their lines and labels: entries.h */
};

bole_status query_exec(const struct query *q, const struct query_request *request, struct query_result **ret_result,
                       struct bole_err *err);
void query_result_destroy(struct query_result *r); /* NULL is fine */

/* For a log query that is answered page by page. Nothing in front of the row `after` is looked at: the time range becomes
 * what lies behind it; false when that is nothing. */
bool query_request_clip(struct query_request *r);
void query_stats_add(struct query_stats *sum, const struct query_stats *one);

/* BOLE_E_LIMIT when more bytes of lines were looked at than `most` (0: no limit): for what is asked in pieces. */
bole_status query_check_scanned(uint64_t most, uint64_t scanned, struct bole_err *err);

/* ---- how many, when, how bad ---- */

#define QUERY_LEVELS_MAX 16u /* what is beyond them is counted as "other" */

/* Counts of the rows of a log query per bucket and detected_level (none: "unknown"). Bucket i is
 * [start + i * bucket, start + (i + 1) * bucket). */
struct query_histogram {
    int64_t    start_ns, bucket_ns;
    uint32_t   bucket_count;
    uint32_t   level_count;
    bole_slice levels[QUERY_LEVELS_MAX];  /* in the arena, as the counts */
    uint64_t  *counts[QUERY_LEVELS_MAX];  /* [bucket_count] */
    struct arena *arena;
};

/* The first three and `arena` (whose budget is the request's) are the caller's. Rows outside of the request's range or of the
 * buckets are not counted; its limit, direction and `after` do not matter. */
bole_status query_histogram(const struct query *q, const struct query_request *request, struct query_histogram *h,
                            struct query_stats *stats, struct bole_err *err);

/* ---- live tail ---- */

struct query_tail;

/* A log query, ready to be shown rows as they are committed. Not for metric queries. The query must outlive it.
 * One thread at a time. */
bole_status query_tail_create(const struct query *q, bole_slice tenant, struct budget *budget,
                              struct query_tail **ret_tail, struct bole_err *err);
void query_tail_destroy(struct query_tail *t); /* NULL is fine */

/* Shows it one batch of a committed group; rows get seq (lsn, first_row), (lsn, first_row + 1)... fn is called for the
 * matching rows in the order of the batch; the entry is valid during the call. A status other than BOLE_OK from fn ends
 * the batch and is returned. */
bole_status query_tail_batch(struct query_tail *t, uint64_t lsn, uint32_t first_row, const struct batch *batch,
                             bole_status (*fn)(const struct query_entry *entry, void *ctx), void *ctx,
                             struct bole_err *err);

#endif
