/*
 * scan_context.h - what the parts of one scan of `segments:` share: the query, the streams, and the vector being filled.
 *
 * head_scan.c fills the vector from a batch of the head, group_scan.c from a row group of a segment; segments_scan.c
 * decides which part comes next.
 *
 * Threads: the scan's.
 */
#ifndef STORE_SCAN_CONTEXT_H
#define STORE_SCAN_CONTEXT_H

#include "store/codec/shadow.h"
#include "store/scan/predicate.h"
#include "store/scan/stream_table.h"

struct scan_context {
    const struct store_query *query;
    struct arena        arena;         /* as long as the scan */
    struct arena        vector_arena;  /* as long as the vector */
    struct stream_table streams;
    struct store_scan_stats stats;
    const struct removal *removals;    /* rows that readers must not see: store/life/removal.h */
    size_t              removal_count;
    int64_t             bound_ns;      /* store_scan_set_bound */
    bool                needs_lines;   /* projected, or a predicate looks at them */
    bool                needs_lengths; /* an aggregation adds them up */
    bool                needs_seqs;    /* it does not look at them */
    bool                takes_all;     /* every row, whatever the query says; streams are numbered as in the directory */
    struct shadow     **shadows;       /* [predicate_count] of regular expressions; NULL: there is none */
    struct vector       vector;
    void               *part;          /* head_scan or group_scan that filled the vector */
    uint64_t            seq[VECTOR_ROWS_MAX];
    uint32_t            stream[VECTOR_ROWS_MAX];
    uint32_t            line_length[VECTOR_ROWS_MAX]; /* with needs_lengths */
    bole_slice          lines[VECTOR_ROWS_MAX];
    struct buf          row_fields;    /* struct batch_field of the row last asked for */
    /* A callback of the vector ran out of memory and could not say so: the next store_scan_next does. */
    bole_status         deferred;
    struct bole_err     deferred_err;
};

static inline struct scan_context *scan_context_of(struct vector *v)
{
    return (struct scan_context *)(void *)((uint8_t *)v - offsetof(struct scan_context, vector));
}

/* The first failure is kept. */
void scan_context_defer(struct scan_context *ctx, bole_status status, const char *what);

/* Once the query and the arena are there. */
void scan_context_cast_shadows(struct scan_context *ctx);

/* Empties the vector for row_count rows, all selected. */
void scan_context_begin(struct scan_context *ctx, struct scan *scan, uint32_t row_count);

/* Line predicates on the selected rows, then the slices where they are projected. */
void scan_context_lines(struct scan_context *ctx, const struct line_block *b);
/* The lines as the vector's column. */
void scan_context_project(struct scan_context *ctx, const struct line_block *b);

static inline bool vector_is_empty(const struct vector *v) { return vector_first(v) >= v->row_count; }

/* False when rows with times from .. to inclusive all lie beyond the bound. */
static inline bool scan_context_in_bound(const struct scan_context *ctx, int64_t from_ns, int64_t to_ns)
{
    return ctx->query->direction == BACKWARD ? to_ns >= ctx->bound_ns : from_ns <= ctx->bound_ns;
}

#endif
