/*
 * collapse.h - Loki's duplicate rule on the way in: finds the rows of collapse streams (record/batch.h) that are here already.
 *
 * Two rows are one record when tenant, labels, time, line and fields (in any order) are the same; the first stays. Rows are
 * remembered for two generations: those that came since the last cut began, and those before them. A row that comes again
 * later than that is a new record, and so is one that found no memory to be remembered in.
 *
 * Units:   16 to 32 bytes per remembered row, drawn from the budget.
 * Owner:   batches are borrowed until collapse_forget.
 * Threads: one at a time.
 * Errors:  none: without memory the rule is skipped.
 */
#ifndef STORE_COLLAPSE_H
#define STORE_COLLAPSE_H

#include "base/budget.h"
#include "base/random.h"
#include "record/batch.h"
#include "store/time_spans.h"

#define COLLAPSE_SECRET_SIZE 192u

struct collapse_entry {
    const struct batch *batch; /* NULL: cut since */
    uint64_t lsn;
    uint32_t first_row;        /* number of the batch's first row in its generation */
};

/* A row, in the table or in the list. */
struct collapse_slot {
    uint64_t hash;       /* 0: free */
    uint32_t check, row; /* more of the hash; number of the row in its generation */
};

struct collapse_generation {
    struct collapse_slot *slots;  /* [capacity] a table, or the first `used` are a list */
    size_t capacity, used;
    uint32_t row_count;           /* of the entries' batches */
    struct collapse_entry *entries; /* by first_row and by lsn */
    size_t entry_count, entry_capacity, cut_count; /* the first cut_count have no batch */
    struct time_spans spans;      /* of all rows that came in this generation */
    bool is_table;
};

struct collapse {
    struct budget *budget;
    uint8_t secret[COLLAPSE_SECRET_SIZE]; /* so that nobody can send rows that all fall into one place */
    struct collapse_generation now, before;
};

void collapse_init(struct collapse *c, struct budget *budget, struct random *random);
void collapse_deinit(struct collapse *c);

/* Remembers the rows of a batch. The result has bit r set for each row r that was here already: free it; NULL: no row was. */
uint64_t *collapse_batch(struct collapse *c, uint64_t lsn, const struct batch *b);

/* A cut begins: a new generation, unless rows of the one before wait for their cut. */
void collapse_turn(struct collapse *c);
/* Batches up to `lsn` are going away; their rows are known by 96 bits of hash from here on. */
void collapse_forget(struct collapse *c, uint64_t lsn);

#endif
