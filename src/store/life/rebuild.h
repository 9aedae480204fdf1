/*
 * rebuild.h - a new catalogue for a directory that has lost its own, from what the segments say of themselves.
 *
 * Segments are immutable and know everything about their rows. What only the catalogue knows is which of two segments
 * with the same rows counts: between the end of a merge and the removal of its inputs both are there. Rows have numbers
 * (seq), so this can be found out: where all rows of a merge's results are in inputs that are there, the inputs count (the
 * merge was perhaps never finished), else the results. Marks of deletes are lost with the catalogue: rows whose segments
 * were not written anew yet are back.
 *
 * Threads: one. No server may run on the directory.
 */
#ifndef STORE_REBUILD_H
#define STORE_REBUILD_H

#include "store/life/check.h"

struct store_rebuild_stats {
    uint64_t segments, rows;  /* in the new catalogue */
    uint64_t superseded;      /* segments whose rows are in others: the next start removes their files */
    uint64_t damaged;         /* segments that cannot be read: now in DIR/damaged; each was a call of fn */
    uint64_t max_lsn;         /* of all rows; the position is this or min_position */
};

/* A catalog.db that is there becomes catalog.db.old, unless there is one of that name (BOLE_E_CONFLICT). min_position: what
 * the queue has forgotten. Nothing is changed before every segment has been looked at. */
bole_status store_rebuild(bole_slice dir, struct fs *fs, uint64_t min_position, store_problem_fn *fn, void *ctx,
                          struct store_rebuild_stats *ret_stats, struct bole_err *err);

#endif
