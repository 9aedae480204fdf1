/*
 * wal_survey.h - what a directory of the write-ahead log holds: files in order, groups, and what is wrong. Reads only;
 * wal_check reports it, wal_recover.c acts on it.
 */
#ifndef QUEUE_WAL_SURVEY_H
#define QUEUE_WAL_SURVEY_H

#include "queue/wal.h"
#include "queue/wal_file.h"

#define WAL_STATE_NAME "state"
#define WAL_LOCK_NAME  "lock"
#define WAL_TMP_SUFFIX ".tmp"
#define WAL_BAD_SUFFIX ".bad"
#define WAL_OLD_SUFFIX ".old" /* released, waits to be used again */

typedef void wal_report_fn(const struct wal_problem *problem, void *ctx);

struct wal_survey {
    struct wal_file **files; /* by sequence; owned */
    size_t   file_count, file_cap;
    struct wal_state state;
    bool     state_found;    /* one good slot */
    bool     state_certain;  /* and the other is good or was never written */
    uint64_t next_sequence;  /* above every name and header */
    uint64_t first_lsn, last_lsn; /* of whole frames; 0: none */
    uint64_t durable_lsn;    /* highest group that anything in the directory calls durable */
    uint64_t frames, bytes, lost_groups, torn_bytes, problems;
    struct wal_file *last_file; /* holds the last frame; NULL: no frames */
    struct wal_span  last_frame;
    bool     tail_damaged;   /* durable groups are missing behind the last frame */
};

/* open_flags: FS_READ, or FS_WRITE to repair afterwards. report may be NULL. On failure there is nothing to release. */
bole_status wal_survey_init(struct wal_survey *sv, struct fs *fs, const char *dir, unsigned open_flags, wal_report_fn *report,
                            void *ctx, struct bole_err *err);
void wal_survey_deinit(struct wal_survey *sv); /* files that were taken (set to NULL) are the taker's */

/* dir/name; false when that is too long. */
bool wal_path(char *ret_path, size_t size, const char *dir, const char *name);

#endif
