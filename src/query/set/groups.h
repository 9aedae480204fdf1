/*
 * groups.h - rows with equal values, found by hash: a number for each set of values, from 0.
 *
 * Owner:   the arena. Threads: one.
 */
#ifndef QUERY_SET_GROUPS_H
#define QUERY_SET_GROUPS_H

#include "base/arena.h"
#include "base/buf.h"
#include "query/set/set.h"
#include "query/set/value.h"

#define GROUP_NONE SIZE_MAX

struct group {
    uint64_t   hash;
    uint32_t   index; /* in the order of their making */
    bole_slice key;  /* the values one after the other, each behind its length */
    void      *data; /* data_size bytes, zeroed when the group is made */
};

struct groups {
    struct arena  *arena;
    size_t         data_size;
    struct group **at;
    size_t         count, cap;
    struct group **slots; /* [slot_count], open addressing */
    size_t         slot_count;
    struct buf     key;   /* of the row at hand */
};

void groups_init(struct groups *g, struct arena *arena, size_t data_size);
void groups_deinit(struct groups *g);

/* The group of the row's values, made when it is new. NULL: no memory. */
struct group *groups_get(struct groups *g, const struct row *r, const struct ast_column *columns);
/* The same where nothing but the columns matters: a series that is known already is not looked up again. */
struct group *groups_get_series(struct groups *g, const struct set_row *row, const struct ast_column *columns);
/* True when the columns are labels, not __line__ or __timestamp__. */
bool groups_are_of_labels(const struct ast_column *columns);
struct group *groups_find(struct groups *g, const struct row *r, const struct ast_column *columns); /* NULL: not there */

/* The next value of a key; an empty one is absent: ptr NULL. */
bole_slice group_next_value(bole_slice *key);

/* Values in order, column by column; for qsort over `at`. */
int group_cmp(const void *a, const void *b);

#endif
