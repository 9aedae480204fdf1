/*
 * wal.h - the embedded queue: a write-ahead log in one directory of preallocated files.
 *
 * One group is one frame and one sync. Files are named by their sequence (0000000000000001.wal), start at 1 MB, grow with
 * the backlog to 64 MB, are filled with zeros or reused before they are needed, so that an append changes no metadata.
 * What stands where: docs/format/wal.md; why: docs/decisions/.
 *
 * Units:   bytes; LSNs count groups.
 * Owner:   the queue owns its directory and holds a lock on it: a second opener gets BOLE_E_CONFLICT.
 * Threads: as queue.h says; one helper thread of its own (name "wal") prepares the next file.
 * Errors:  as queue.h says. Opening: BOLE_E_UNSUPPORTED for files of a later format. Damage found on the way never makes
 *          opening fail: it is logged, counted, and the bytes are copied to a .bad file beside.
 * Format:  docs/format/wal.md, version 1; layout repeated in wal_format.h.
 */
#ifndef QUEUE_WAL_H
#define QUEUE_WAL_H

#include "queue/queue.h"

#define WAL_FILE_SIZE_MIN ((uint64_t)1 << 20)
#define WAL_FILE_SIZE_MAX ((uint64_t)64 << 20)

struct wal_options {
    const char *dir;                     /* made when it is not there */
    struct fs *fs;
    const struct clock *clock;
    struct random *random;               /* file ids; used under the queue's own lock */
    uint64_t min_lsn;                    /* as in queue_options */
    void (*on_fatal)(const struct bole_err *err);
    uint64_t reserve_bytes;              /* as in queue_options */
    uint64_t file_size_min, file_size_max; /* 0: the constants above; multiples of 4096 */
    bool no_helper;                      /* tests: files are prepared by the append that needs them, always at the same call */
};

bole_status wal_open(const struct wal_options *options, struct queue **ret_queue, struct bole_err *err);

extern const struct queue_ops queue_wal_ops; /* scheme "wal", uri wal:DIR */

/* ---- looking at a directory without opening it for writing ---- */

/* What the log has been allowed to forget, from its state file alone; 0 when there is none. Whoever owns the position must
 * know at least as much: a store that is behind has lost something that the log cannot give again. */
bole_status wal_released_lsn(struct fs *fs, const char *dir, uint64_t *ret_lsn, struct bole_err *err);

enum wal_problem_kind {
    WAL_PROBLEM_TORN,        /* the last write before a crash, never acknowledged: harmless, cut off at the next start */
    WAL_PROBLEM_DAMAGED,     /* bytes that held durable groups do not match their checksum */
    WAL_PROBLEM_MISSING,     /* durable groups of which not even damaged bytes are there: a file is gone or cut short */
    WAL_PROBLEM_HEADER,      /* one or both copies of a file's header */
    WAL_PROBLEM_NAME,        /* a file has the name of another; its header is believed */
    WAL_PROBLEM_REPEATED,    /* groups that an earlier file has already: a copied file */
    WAL_PROBLEM_STATE,       /* the state file, or one of its two slots */
    WAL_PROBLEM_QUARANTINED, /* a .bad file of an earlier start */
};

struct wal_problem {
    enum wal_problem_kind kind;
    const char *file;              /* name inside the directory */
    uint64_t offset, size;         /* bytes concerned; size 0: not known */
    uint64_t first_lsn, last_lsn;  /* groups lost by it; 0: none */
    const char *text;              /* one line for people */
};

struct wal_check_result {
    uint64_t files, frames, bytes; /* bytes of payload that verified */
    uint64_t first_lsn, last_lsn;  /* that verified; 0: none */
    uint64_t released_lsn;
    uint64_t problems;             /* reported, torn tails not among them */
    uint64_t lost_groups;
};

/* Verifies every frame; report may be NULL. BOLE_OK when it could look, whatever it found; BOLE_E_UNSUPPORTED for a later
 * format. A directory that a server is writing to may show a torn tail, and damage where a file is being reused. */
bole_status wal_check(struct fs *fs, const char *dir, void (*report)(const struct wal_problem *problem, void *ctx), void *ctx,
                      struct wal_check_result *ret_result, struct bole_err *err);

#endif
