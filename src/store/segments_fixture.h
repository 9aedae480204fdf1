/*
 * segments_fixture.h - a store on a disk in memory, filled with groups whose rows say which they are. For tests.
 */
#ifndef STORE_SEGMENTS_FIXTURE_H
#define STORE_SEGMENTS_FIXTURE_H

#include "store/life/check.h"
#include "store/store.h"

enum { ROWS_PER_GROUP = 60, BATCHES_PER_GROUP = 2, GROUPS_MAX = 2000 };

extern unsigned fixture_fatal_count;        /* syncs that failed for good */
extern struct clock_manual fixture_clock;

/* The store in /data. */
bole_status fixture_try_open(struct fs *fs, struct store **ret_store, struct bole_err *err);
struct store *fixture_open_store(struct fs *fs);

/* Group `lsn`: ROWS_PER_GROUP rows of two streams, the n-th saying "group LSN row N". */
void fixture_insert(struct store *s, uint64_t lsn);
void fixture_insert_groups(struct store *s, uint64_t from, uint64_t to);
void fixture_cut(struct store *s, uint64_t expected_lsn);

/* Every row of groups 1 .. n is there once, and no other; returns n. */
uint64_t fixture_check_view(struct store *s, struct view *view);
uint64_t fixture_check_store(struct store *s);

/* What `bole check` finds; fixture_fail_on_problem prints it. */
uint64_t fixture_problems_of(struct fs *fs, store_problem_fn *fn, void *ctx);
void fixture_fail_on_problem(const struct store_problem *problem, void *ctx);

#endif
