/*
 * labelset.h - label sets of series, each held once and known by its number.
 *
 * Owner:   sets and their texts live in the arena. Threads: one.
 */
#ifndef QUERY_LABELSET_H
#define QUERY_LABELSET_H

#include "query/row.h"
#include "record/labels.h"

struct label_set {
    const struct label *labels; /* sorted by name */
    size_t              count;
    uint64_t            hash;
};

struct label_sets {
    struct arena     *arena;
    struct label_set *sets;
    size_t            count, cap;
    uint32_t         *slots; /* open addressing: number + 1; 0 free */
    size_t            slot_count;
};

#define LABEL_SET_NONE UINT32_MAX

/* The number of the set, copying it when it is new. LABEL_SET_NONE: no memory. labels is sorted by name. */
uint32_t label_sets_intern(struct label_sets *s, const struct label *labels, size_t count);

/* LABEL_SET_NONE: not there. */
uint32_t label_sets_find(const struct label_sets *s, const struct label *labels, size_t count);

uint64_t label_set_hash(const struct label *labels, size_t count);
int      label_set_cmp(const struct label *a, size_t a_count, const struct label *b, size_t b_count);
bool     label_set_eq(const struct label *a, size_t a_count, const struct label *b, size_t b_count);
/* NULL: not there. */
const struct label *label_set_find(const struct label *labels, size_t count, bole_slice name);

/* Takes out those without a value; returns how many are left. */
size_t labels_drop_empty(struct label *labels, size_t count);

/* Sorts by name, in place. */
void labels_sort(struct label *labels, size_t count);
void row_labels_sort(struct row_label *labels, size_t count);

/* {a="b", c="d"} */
void label_set_print(const struct label *labels, size_t count, struct buf *out);

#endif
