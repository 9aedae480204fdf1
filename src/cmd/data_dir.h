/*
 * data_dir.h - a data directory that is filled with the files of a backup (store_backup_file's names), one after the other.
 *
 * Segments are durable one by one; catalog.db, which makes them count, comes when all of them are there. Until then
 * the directory is what it was before, whatever happens.
 *
 * Threads: one.
 * Errors:  BOLE_E_CORRUPT: a name that no backup has, or a file too many. Those of fs.h and objects.h.
 */
#ifndef CMD_DATA_DIR_H
#define CMD_DATA_DIR_H

#include "base/buf.h"
#include "cmd/progress.h"
#include "objects/objects.h"
#include "store/life/check.h"

struct data_dir;

/* Makes the directory where it is not there, and locks it: BOLE_E_CONFLICT while a server runs on it. A directory that a
 * server has written to is BOLE_E_INVALID; for a restore (must_be_empty) also one with a backup. */
bole_status data_dir_open(const char *path, bool must_be_empty, struct data_dir **ret_dir, struct bole_err *err);
void data_dir_close(struct data_dir *d); /* NULL is fine; a file that was begun and not ended is gone */

/* Names and sizes of the segments that are there, sorted: a line "segments/KEY SIZE" each. */
bole_status data_dir_list(struct data_dir *d, struct buf *ret_lines, struct bole_err *err);

bole_status data_dir_begin(struct data_dir *d, bole_slice name, struct bole_err *err);
bole_status data_dir_write(struct data_dir *d, bole_slice bytes, struct bole_err *err);
bole_status data_dir_end(struct data_dir *d, struct bole_err *err);

/* After catalog.db has come: it takes the place of the one before, and segments that it does not know are removed. */
bole_status data_dir_finish(struct data_dir *d, struct bole_err *err);

/* Reads all segments that came, against their checksums and the catalogue; problems go to standard output. */
struct data_dir_result {
    uint64_t segments, rows, bytes;     /* of the catalogue now */
    uint64_t new_segments, new_bytes;   /* that came */
    uint64_t problems;                  /* of those */
};
void data_dir_print_problem(const struct store_problem *p, void *ctx); /* a store_problem_fn: the same */
void data_dir_print(const char *path, const struct data_dir_result *r); /* one line on standard output */
bole_status data_dir_verify(struct data_dir *d, struct data_dir_result *ret_result, struct bole_err *err);

#endif
