/*
 * matrix.h - the value of a metric expression over all steps: what range aggregations make and operators combine.
 *
 * A row is a series: one value per step, and a bit that says whether it has one there. Absent is not zero and not NaN.
 *
 * Owner:   everything lives in the evaluation's arena. Threads: one.
 */
#ifndef QUERY_MATRIX_H
#define QUERY_MATRIX_H

#include "query/ast.h"
#include "query/labelset.h"
#include "query/query.h"

struct matrix_row {
    const struct label *labels; /* sorted by name */
    size_t              label_count;
    double             *values;  /* [steps] */
    uint64_t           *present; /* bit per step */
};

struct matrix {
    struct matrix_row *rows;
    size_t             count, cap;
    bool               is_scalar;  /* no rows: `scalar` at every step */
    double             scalar;
    bool               is_ordered; /* sort() put the rows in the order of the answer */
};

struct eval {
    const struct query_request *request;
    struct view                *view;
    struct arena               *arena;
    struct query_stats         *stats;
    int64_t                     start_ns, step_ns; /* step i is start + i * step */
    size_t                      steps;
    bool                        splits_hours; /* Loki asks for each hour by itself: exec_metric.c */
    struct bole_err            *err;
};

static inline bool matrix_has(const struct matrix_row *row, size_t step)
{
    return row->present[step / 64] >> (step % 64) & 1;
}

static inline void matrix_set(struct matrix_row *row, size_t step, double value)
{
    row->values[step] = value;
    row->present[step / 64] |= 1ull << (step % 64);
}

/* A new row without values; NULL after setting e->err: no memory, or QUERY_SERIES_MAX. The labels are borrowed. */
struct matrix_row *matrix_add(struct eval *e, struct matrix *m, const struct label *labels, size_t label_count);

/* By labels: so that ties and sums of floats do not depend on the order in which a store has its rows. */
void matrix_sort(struct matrix *m);
int  matrix_row_cmp(const struct matrix_row *a, const struct matrix_row *b);

/* A scalar where a vector is needed: Loki's words. */
bole_status eval_not_a_vector(struct eval *e);
bole_status eval_out_of_memory(const struct eval *e);

/* Evaluates an expression. */
bole_status eval_expr(struct eval *e, const struct expr *x, struct matrix *ret);

bole_status eval_range(struct eval *e, const struct expr *x, const struct ast_grouping *outer, struct matrix *ret);
bole_status eval_aggregate(struct eval *e, const struct expr *x, const struct matrix *operand, struct matrix *ret);
bole_status eval_binary(struct eval *e, const struct expr *x, const struct matrix *left, const struct matrix *right,
                        struct matrix *ret);
bole_status eval_label_replace(struct eval *e, const struct expr *x, const struct matrix *operand, struct matrix *ret);

/* The labels that by/without (or on/ignoring) leave, in order; out has room for count. Returns how many. */
size_t labels_reduce(const struct label *labels, size_t count, const struct ast_pair *names, bool keep,
                     struct label *out);

#endif
