/*
 * wal_internal.h - the writer's object, shared by wal.c (append, read), wal_recover.c (opening), wal_prepare.c (files made
 * ready ahead) and wal_release.c (state, forgetting).
 *
 * Locks: release_lock before lock. No file is read, written or synced under `lock`.
 */
#ifndef QUEUE_WAL_INTERNAL_H
#define QUEUE_WAL_INTERNAL_H

#include <limits.h>
#include <pthread.h>

#include "queue/wal.h"
#include "queue/wal_file.h"
#include "queue/wal_survey.h"

enum { WAL_REUSE_MAX = 2 };                       /* released files kept for reuse */
#define WAL_FILL_SYNC_SIZE ((uint64_t)8 << 20)    /* a file in preparation is synced in steps, to leave room for appends */
#define WAL_HELPER_TICK_NS NS_PER_S               /* retry when the disk was full; note durable_lsn when idle */
#define WAL_FAILURE_LOG_NS (60 * (uint64_t)NS_PER_S) /* one line, however often no file can be made */

struct wal {
    struct queue base;
    /* Set when opened, then read-only. */
    struct fs *fs;
    const struct clock *clock;
    void (*on_fatal)(const struct bole_err *err);
    char dir[PATH_MAX];
    uint64_t file_size_min, file_size_max, reserve_bytes;
    bool has_helper;
    struct file *lock_file;
    struct file *dir_file; /* for syncs: kept open so that none fails for want of a descriptor */
    pthread_t helper;

    /* The appending thread only. */
    struct iovec *iov;
    size_t iov_cap;

    /* State file: whoever holds release_lock. */
    pthread_mutex_t release_lock;
    struct file *state_file;
    struct wal_state state; /* as last written */

    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t changed; /* a file is ready, or preparing it failed, or the helper has work */
    struct random *random;
    struct wal_file **files; /* with groups, by sequence; the last one may be `current` */
    size_t file_count, file_cap;
    struct wal_file *current; /* being appended to; in files; NULL: take the spare */
    struct wal_file *spare;   /* empty, durable, next */
    struct wal_file *reuse[WAL_REUSE_MAX]; /* released */
    size_t reuse_count;
    uint64_t next_sequence;
    uint64_t spare_need;      /* bytes that the spare must take, its header not counted */
    bool prepare_now;         /* the helper shall make a spare */
    bool prepare_failed;      /* there is none because it could not, for whatever reason: it tries again every tick */
    uint64_t failure_told_ns; /* mono; 0: never */
    uint64_t prepare_attempts;
    struct bole_err prepare_err; /* of the last attempt; code is BOLE_OK after a good one */
    uint64_t appended_lsn, released_lsn;
    uint64_t seen_lsn;        /* appended_lsn at the helper's last tick */
    uint64_t noted_lsn;       /* appended_lsn when the helper last wrote the state */
    bool helper_sleeps;       /* until somebody signals `changed` */
    bool appending;           /* current is in use by the appending thread */
    bool stopping, dead;
    struct queue_stats stats; /* the counters; the rest is filled in on request */
};

/* Ends the process, or marks the queue dead when on_fatal returns. Any thread, no lock held. Returns BOLE_E_IO. */
bole_status wal_fatal(struct wal *w, struct bole_err *err);

/* Of names in the directory. A failure is the end: the kernel may have dropped any of the changes, and would let the
 * next sync succeed. No lock held, but release_lock may be. */
bole_status wal_sync_dir(struct wal *w, struct bole_err *err);

bole_status wal_files_add(struct wal *w, struct wal_file *f, struct bole_err *err);

/* wal_recover.c: reads the directory and leaves the files in w, tail cut, damage set aside. */
bole_status wal_recover(struct wal *w, uint64_t min_lsn, struct bole_err *err);
/* Copies the damaged bytes of f to a file beside; failing is logged only. */
void wal_quarantine(struct wal *w, const struct wal_file *f, struct wal_span span);

/* wal_prepare.c. Both: lock held, given up meanwhile. */
void wal_prepare_spare(struct wal *w);          /* sets spare or prepare_err */
void *wal_helper_run(void *wal);                /* thread */
/* Closes and removes a file that is in no list any more. No lock held. */
void wal_file_discard(struct wal *w, struct wal_file *f);

/* wal_release.c. The first three: release_lock held. */
struct wal_state wal_state_now(struct wal *w); /* what there is to write now; nothing new is released */
bole_status wal_state_write(struct wal *w, struct wal_state next, struct bole_err *err);
bole_status wal_state_create(struct wal *w, struct bole_err *err); /* nothing to do when it is there */
bole_status wal_release(struct queue *self, uint64_t lsn, struct bole_err *err);
/* Forgets files that are released and unpinned. release_lock held. */
void wal_trim(struct wal *w);

#endif
