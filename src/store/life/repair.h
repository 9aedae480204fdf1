/*
 * repair.h - makes a damaged `segments:` directory whole again. For `bole check --repair`.
 *
 * A segment with a problem is written anew: row groups whose chunks are all well are copied, those of which only what follows from
 * their rows is damaged (the rollup, the token index) get it again from the rows, others are lost. The damaged file is kept in
 * DIR/damaged. One whose directory cannot be read is lost as a whole. Files that the catalogue does not know go there, too.
 *
 * Threads: one. The server must not run.
 */
#ifndef STORE_REPAIR_H
#define STORE_REPAIR_H

#include "store/life/check.h"

#define DAMAGED_DIR "damaged" /* in the data directory */

/* Moves the file of a segment there, durably, out of the way of the next start. dir: at most PATH_MAX / 2 bytes. */
bole_status store_move_damaged(struct fs *fs, const char *dir, bole_slice key, struct bole_err *err);

struct store_repair_stats {
    uint64_t damaged;              /* segments */
    uint64_t kept_rows, lost_rows; /* of those */
};

/* fn hears of every problem, as from store_check. BOLE_E_CORRUPT: the catalogue itself is damaged. */
bole_status store_repair(bole_slice dir, struct fs *fs, store_problem_fn *fn, void *ctx, struct store_repair_stats *ret_stats,
                         struct bole_err *err);

#endif
