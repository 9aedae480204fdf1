/*
 * loki_set.h - distinct byte strings with two sums each: label names, values, series, volumes.
 *
 * Owner:   keys are copied. Threads: one at a time.
 * Errors:  NULL when the budget is used up.
 */
#ifndef SERVE_LOKI_SET_H
#define SERVE_LOKI_SET_H

#include "base/arena.h"

struct loki_set_item {
    bole_slice key;
    uint64_t   rows, bytes; /* the caller's; 0 at first */
    void      *data;        /* the caller's; NULL at first */
    uint64_t   hash;
};

struct loki_set {
    struct arena           arena;
    struct loki_set_item **table; /* open addressing; power of two */
    size_t                 table_size;
    size_t                 count;
};

void loki_set_init(struct loki_set *s, struct budget *budget);
void loki_set_deinit(struct loki_set *s);
void loki_set_reset(struct loki_set *s); /* empty again */

/* NULL: not there. */
struct loki_set_item *loki_set_find(const struct loki_set *s, bole_slice key);
/* Finds or adds. */
struct loki_set_item *loki_set_get(struct loki_set *s, bole_slice key);

/* All items sorted by key, as an array in the set's arena; NULL without memory. The set must not be added to afterwards. */
struct loki_set_item **loki_set_sorted(struct loki_set *s);

#endif
