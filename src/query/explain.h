/*
 * explain.h - what a query did: which part of it the store took, what was left out without being read, what each stage cost.
 *
 * An execution whose request has one writes it down as it goes. Times cost two looks at the clock for each row and stage: only
 * then are they taken. Rows of a stage are those it has run on; where the engine knows the outcome already (the same values in
 * the same stream), or reads the values from columns, a stage runs on fewer rows than there were.
 *
 * Owner:   everything lives in the explain's arena. Threads: one.
 */
#ifndef QUERY_EXPLAIN_H
#define QUERY_EXPLAIN_H

#include "base/buf.h"
#include "query/pipeline.h"
#include "query/query.h"

struct ast_set;

#define EXPLAIN_SCANS_MAX 64u /* more are counted, but not shown */

struct explain_stage {
    bole_slice    text;
    uint64_t      rows_in, rows_out, ns;
    const char   *where;  /* "" : row by row */
    struct explain_stage *next;
};

struct explain_filter {
    bole_slice            text;
    enum store_consumed   consumed;
    struct explain_filter *next;
};

struct explain_scan {
    bole_slice             selector;
    int64_t                from_ns, to_ns;
    bool                   is_count; /* by the store alone, without rows */
    bool                   reads_line, reads_fields;
    struct explain_filter *filters;
    struct explain_stage  *stages;
    struct store_scan_stats store;
    uint64_t               rows_selected, rows_out; /* by the store; behind the stages */
    uint64_t               store_ns, all_ns;
    struct explain_scan   *next;
};

struct query_explain {
    struct arena          arena;
    const struct clock   *clock;
    bole_slice            query; /* canonical */
    struct explain_scan  *scans, **scans_tail;
    uint32_t              scan_count;
    struct explain_stage *sets, **sets_tail; /* Bole's own stages */
    uint64_t              all_ns, cpu_ns;
    uint64_t              rows; /* of the answer: entries, or series */
    bool                  failed; /* no memory for all of it */
};

void query_explain_init(struct query_explain *x, const struct clock *clock, struct budget *budget);
void query_explain_deinit(struct query_explain *x);

/* Parses nothing, runs the query, and throws its answer away. */
bole_status query_explain_run(const struct query *q, struct query_request *request, struct query_explain *x,
                              struct query_stats *ret_stats, struct bole_err *err);
/* One JSON object: docs/api.md. */
void query_explain_print(const struct query_explain *x, struct buf *out);

/* ---- for the executors ---- */

/* NULL: nothing is to be written down (also: no memory, or too many scans). */
struct explain_scan *explain_scan_add(struct query_explain *x, const struct ast_log *log, int64_t from_ns, int64_t to_ns);
void explain_scan_filters(struct query_explain *x, struct explain_scan *scan, const struct store_predicate *predicates,
                          size_t count);
/* A stage for each of those of the pipeline, whose costs these become. */
void explain_scan_stages(struct query_explain *x, struct explain_scan *scan, struct pipeline *p, const struct ast_stage *all);
void explain_pipeline(struct query_explain *x, struct pipeline *p, struct explain_stage ***tail);
struct explain_stage *explain_set(struct query_explain *x, const struct ast_set *set);

#endif
