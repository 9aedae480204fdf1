/*
 * kept.h - the best rows so far, at most `max`: a heap whose root is the worst of them.
 *
 * Memory is drawn from the request's budget; every kept row is given back by kept_drop or kept_deinit.
 *
 * Threads: one.
 */
#ifndef QUERY_SET_KEPT_H
#define QUERY_SET_KEPT_H

#include "query/entries.h"
#include "query/set/set.h"
#include "query/set/value.h"

struct kept_row {
    struct query_entry      entry;
    struct set_place        place;
    const struct row_label *base;  /* the labels of its stream, in the arena of the execution */
    size_t                  base_count;
    size_t                  index; /* in the heap */
    size_t                  size_bytes;
    struct kept_row        *link;  /* the caller's */
    uint64_t                hash, folded; /* the caller's */
    bole_slice              key;   /* the caller's, behind the values */
    struct set_value        values[]; /* [value_count]; texts are the entry's or stand behind them */
};

struct kept {
    struct set_exec    *x;
    struct log_entries *store; /* of lines and labels; its own list of entries is not used */
    struct kept_row   **at;
    size_t              count, cap, max;
    const struct ast_column *order; /* NULL: by place alone */
    size_t              value_count;
};

/* False: no memory. order: what sorts the rows, before their place. */
bool kept_init(struct kept *k, struct set_exec *x, size_t max, const struct ast_column *order);
void kept_deinit(struct kept *k); /* zeroed is fine */

/* A copy of the row, not yet in the heap; values: [value_count]. NULL: no memory. */
struct kept_row *kept_make(struct kept *k, const struct set_row *row, const struct set_value *values, bole_slice key);
void kept_drop(struct kept *k, struct kept_row *r);

static inline bool kept_is_full(const struct kept *k) { return k->count == k->max; }
/* True when a row with these values would be among the best. */
bool kept_wants(const struct kept *k, const struct set_value *values, struct set_place place);

/* Puts it in; *ret_out is the row that had to go, or NULL. False: no memory, nothing was done. */
bool kept_push(struct kept *k, struct kept_row *r, struct kept_row **ret_out);
/* A row that comes first of two with equal values takes the other's place. False: no memory. */
bool kept_replace(struct kept *k, struct kept_row *r, const struct set_row *row);

/* Into the order of the answer. */
void kept_sort(struct kept *k);

/* The row anew, in x->row, with its own place or `place`. */
bole_status kept_emit(struct set_op *op, const struct kept_row *r, struct set_place place, struct bole_err *err);
/* All rows in order, their rank as place, and ends when enough. */
bole_status kept_emit_all(struct set_op *op, struct kept *k, struct bole_err *err);
void kept_load(struct set_exec *x, const struct kept_row *r); /* into x->row */

#endif
