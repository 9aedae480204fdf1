/*
 * check.h - is everything that a `segments:` directory holds still what was written? For `bole check DIR`.
 *
 * Reads every byte of every segment against its checksums, the directories against what they describe, the catalogue
 * against itself and against the files, the proofs of deletes: each step's digests must add up. The server must not run (the catalogue is locked: BOLE_E_CONFLICT). Nothing is
 * repaired, but opening the catalogue may fold its own log into it, as every start does.
 *
 * Threads: one.
 */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "catalog/catalog.h"
#include "objects/objects.h"

struct store_problem {
    bole_slice  file;   /* below DIR: "catalog.db", "segments/0000000000000001.seg" */
    uint64_t    offset; /* in the file */
    const char *what;
};

struct store_check_stats {
    uint64_t segments, chunks, rows, bytes; /* looked at */
    uint64_t deletes, deleted_rows;         /* requests that are done, and what merges took out for all */
    uint64_t problems;
};

typedef void store_problem_fn(const struct store_problem *problem, void *ctx);

/* BOLE_OK when it could look at everything, whatever it found: ret_stats->problems says. */
bole_status store_check(bole_slice dir, struct fs *fs, store_problem_fn *fn, void *ctx, struct store_check_stats *ret_stats,
                        struct bole_err *err);

/* One segment against its row of the catalogue. */
void store_check_segment(struct objects *objects, const struct catalog_segment *info, store_problem_fn *fn, void *ctx,
                         struct store_check_stats *stats);

#endif
