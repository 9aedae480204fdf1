/*
 * set.h - Bole's additions at work: stages that look at many rows at once, chained behind the source of a log query.
 *
 *   source, ordinary stages ─► set ─► its ordinary stages ─► set ... ─► answer
 *
 * Rows are pushed, one at a time and in no order: each has a place, and the smaller place comes first in the answer. What
 * needs an order holds rows and gives them on in `finish`, places counting up. So each operator is one file with two
 * functions, and none cares where in the chain it stands.
 *
 * A row is a log line, or a row of a table (stats, top): then it has no stream, its labels are the columns, and its line is
 * the same in words. Tables get their time with the answer.
 *
 * Owner:   an operator lives in the arena of its execution; memory beside it is drawn from the request's budget and given
 *          back by `destroy`.
 * Threads: one.
 * Errors:  BOLE_END from `row` or set_emit: no more rows are wanted, which is fine.
 */
#ifndef QUERY_SET_SET_H
#define QUERY_SET_SET_H

#include "query/exec.h"
#include "query/set/ast_set.h"
#include "query/source.h"

struct buf;
struct kept;

/* ---- syntax; set/parser_set.c, set/print_set.c ---- */

const char *ast_stat_name(enum stat_kind kind);
void ast_print_set(const struct ast_set *set, struct buf *out);

/* ---- execution ---- */

struct set_place {
    uint64_t major, minor;
};

static inline int set_place_cmp(struct set_place a, struct set_place b)
{
    if (a.major != b.major)
        return a.major < b.major ? -1 : 1;
    return (a.minor > b.minor) - (a.minor < b.minor);
}

struct set_row {
    struct row      *row;
    uint64_t         seq;
    struct set_place place;
    uint32_t        *series; /* as source_row */
    uint32_t         count;  /* as source_row, where labels decide; else 0: it is one */
};

static inline uint32_t set_row_count(const struct set_row *row) { return row->count ? row->count : 1; }

/* What an operator must see of rows that nobody else looks at before it. */
struct set_needs {
    bool all;             /* the rows go on as they are */
    bool line;
    bool labels_decide;   /* as source_options */
    struct row_hints *hints; /* not `all`: named labels */
    bole_slice *names;    /* [SET_NAMES_MAX] those of hints */
};
enum { SET_NAMES_MAX = 256 };

struct set_op;

struct set_type {
    bool        streams;  /* gives rows on as they come, with their places */
    bool        is_table; /* makes rows of a table */
    size_t      size;     /* of the operator's struct, which begins with a set_op */
    bole_status (*init)(struct set_op *self, struct bole_err *err); /* NULL: nothing to do */
    bole_status (*row)(struct set_op *self, const struct set_row *row, struct bole_err *err);
    bole_status (*finish)(struct set_op *self, struct bole_err *err); /* NULL: nothing is held */
    void        (*destroy)(struct set_op *self); /* also after a failed init; NULL: only the arena is used */
    /* NULL: everything */
    void        (*needs)(const struct set_op *self, struct set_needs *needs);
    /* Not NULL: of many rows few are kept, and `needs` says what decides which. So where it is the first, its rows come twice: with that
     * alone, after which this gives what was kept, and then those few whole. */
    const struct kept *(*kept)(const struct set_op *self);
    /* NULL, or tried first where it is the first: everything that the rows would bring, without them. BOLE_E_UNSUPPORTED: not possible, and
     * nothing was done. */
    bole_status (*count)(struct set_op *self, const struct ast_log *log, struct bole_err *err);
    /* Both or neither: of rows that nothing looks at before, as source_sink. They have no row. */
    const struct line_reader *(*reader)(struct set_op *self);
    bole_status (*stored)(struct set_op *self, struct vector *v, uint32_t row, struct bole_err *err);
    /* NULL, or once all rows have come: those that it wants to see again, whole; in order, in the arena of the execution. */
    const struct set_place *(*again)(struct set_op *self, size_t *ret_count);
};

struct set_exec;

struct set_op {
    const struct set_type *type;
    const struct ast_set  *set;    /* NULL: the answer */
    struct set_exec       *x;
    struct set_op         *next;   /* NULL: behind the answer */
    struct pipeline        stages; /* what its rows pass on the way to the next */
    size_t                 limit;  /* rows beyond these are not wanted of it; SIZE_MAX: all are */
    /* Rows behind this place are not wanted any more; set by set_bound. */
    bool                   is_bound;
    struct set_place       bound;
    struct explain_stage  *cost;   /* NULL: not wanted */
};

/* The labels of a stream, copied: those of a row live no longer than its scan. */
struct set_base {
    const struct row_label *of, *copy; /* of NULL: a free slot */
};

struct set_exec {
    const struct query_request *request;
    struct view                *view;
    struct arena               *arena;   /* as long as the execution */
    struct query_stats         *stats;
    struct source              *source;  /* while it runs */
    struct set_op              *bounder; /* the first operator that holds rows */
    struct row                  row;     /* of set_emit_kept, set_emit_table */
    struct arena                scratch; /* of that row */
    struct row_label           *room;    /* ROW_LABELS_MAX + 2 */
    struct set_base            *bases;   /* [base_slots] open addressing */
    size_t                      base_count, base_slots;
    const struct set_place     *places;  /* [place_count], in order: the rows that are wanted; NULL: all */
    size_t                      place_count;
    size_t                      window;  /* dedup: rows that it may look at this time; SIZE_MAX: all */
    bool                        again;   /* they were not enough */
    struct query_explain       *explain; /* of its operators; NULL: not wanted */
    uint64_t                    emitted;  /* rows: now and then it is asked whether they are still wanted */
    uint64_t                    inner_ns; /* of what was called from the operator that runs: not its own cost */
};

/* Fills result as exec_log does, and its rows in order. */
bole_status exec_set(const struct expr *e, const struct query_request *request, struct view *view, struct query_result *result,
                     struct bole_err *err);

/* Hands a row on to the next operator. BOLE_END: enough. */
bole_status set_emit(struct set_op *op, const struct set_row *row, struct bole_err *err);

/* Rows that come after this place are not wanted any more. Only the first operator that holds rows can stop the source. */
void set_bound(struct set_op *op, struct set_place place);

/* A row of a table: columns in order, values NULL are absent. rank: its place. */
struct set_cell { bole_slice name, value; };
bole_status set_emit_table(struct set_op *op, uint64_t rank, const struct set_cell *cells, size_t count, struct bole_err *err);

/* "stats: 10000 groups need more than ... : <advice>" */
bole_status set_out_of_memory(const struct set_op *op, size_t count, const char *what, const char *advice, struct bole_err *err);

/* Runs a subquery of the same request, with all its rows, and shows them to fn in no order. */
typedef bole_status set_row_fn(const struct set_row *row, void *ctx, struct bole_err *err);
bole_status set_subquery(struct set_op *op, const struct expr *e, set_row_fn *fn, void *ctx, struct bole_err *err);

/* Is the answer of this query a table? */
bool set_is_table(const struct ast_set *sets);

/* The place of a stored row. */
struct set_place set_place_of(const struct set_exec *x, int64_t time_ns, uint64_t seq);

/* Adds a label to what must be seen. */
void set_needs_name(struct set_needs *needs, bole_slice name);

/* The name of the column with the counts. */
bole_slice set_top_count_name(const struct ast_set *set);

extern const struct set_type set_distinct, set_dedup, set_sort, set_top_values, set_stats, set_join, set_context, set_patterns;

#endif
