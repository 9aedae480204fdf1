/*
 * source.h - the rows of a log selector out of a store, each through the pipeline.
 *
 * Matchers and, where they can say it, line filters go to the store as predicates; what the store did not consume
 * wholly runs here. Work on stream labels is done once per stream.
 *
 * Threads: one.
 */
#ifndef QUERY_SOURCE_H
#define QUERY_SOURCE_H

#include "query/pipeline.h"
#include "query/query.h"

struct source_stream {
    const struct row_label *labels; /* sorted */
    size_t                  count;
    bool                    is_known;
    bool                    is_out;    /* the request wants another one */
    uint32_t                series;    /* the caller's: LABEL_SET_NONE at first */
};

struct source_options {
    const struct query_request *request;
    struct view                *view;
    const struct ast_log       *log;
    const struct row_hints     *hints;       /* NULL: everything is wanted */
    int64_t                     from_ns, to_ns;
    enum store_direction        direction;
    bool                        wants_line;   /* the caller looks at the line */
    bool                        wants_labels; /* the caller looks at the labels */
    bool
        wants_hinted; /* of labels the caller looks at those that hints name, if they name some; at all where there is an error */
    bool                        labels_decide; /* the caller looks at nothing else but time and seq */
    bool                        ignores_seq;
    struct arena               *arena;        /* plan, streams */
    struct query_stats         *stats;
};

struct source;

/* series: the caller's, LABEL_SET_NONE at first; rows with the same labels have the same one. Where it is set, the labels may be
 * missing. NULL: nothing is known of the labels. */
struct source_row {
    struct row           *row;
    uint64_t              seq;
    uint32_t             *series;
    uint32_t              count; /* of rows that this stands for, all of which count alike; 1 without counts_alike */
};

struct source_sink {
    /* Asked before anything is done with a row; NULL: all rows are wanted. */
    bool (*wants)(int64_t time_ns, uint64_t seq, void *ctx);
    /* Is it all the same which times between from and to, inclusive, rows have? NULL: no. */
    bool (*counts_alike)(int64_t from_ns, int64_t to_ns, void *ctx);
    bole_status (*row)(struct source *s, const struct source_row *row, void *ctx, struct bole_err *err);
    /* Both or neither: where nothing looks at a row before the caller it may be shown as the store has it, read by the caller's reader,
     * which is asked for before each scan. The line is projected. */
    const struct line_reader *(*reader)(void *ctx);
    bole_status (*stored)(struct vector *v, uint32_t row, void *ctx, struct bole_err *err);
    void *ctx;
};

bole_status source_run(const struct source_options *options, const struct source_sink *sink, struct bole_err *err);

/* From inside sink->row: rows beyond this time are not needed any more. */
void source_set_bound(struct source *s, int64_t bound_ns);

/* The matchers of a selector in the store's form; NULL: no memory. */
struct store_matcher *source_matchers(const struct ast_matcher *list, struct arena *arena, size_t *ret_count);

/* Which one of the names [count] rows must be asked for, because streams that match have no such label; len 0: none. `aggregate` of
 * the store can then count by them. BOLE_E_UNSUPPORTED: there are several, or a name that only a row decides on. */
bole_status source_only_field(struct store *store, struct view *view, const struct store_query *query, const bole_slice *names,
                              size_t count, bole_slice *ret_field, struct bole_err *err);

/* "query: memory limit of 64 MB reached ..." */
bole_status query_out_of_memory(const struct query_request *request, struct bole_err *err);
/* What a call of the store returned: where it had no room, the error says so in a query's words. */
bole_status query_store_status(const struct query_request *request, bole_status st, struct bole_err *err);

#endif
