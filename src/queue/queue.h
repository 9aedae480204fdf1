/*
 * queue.h - the durable queue between receiving and storing: what it has appended survives power loss.
 *
 * A group is what one commit makes durable: one or more encoded batches (record/batch_format.h), back to back. Groups
 * are numbered by LSN, from 1, without gaps. The store moves groups out and says so with queue_release; what has been
 * released may be forgotten, what has not comes back after a restart, in order, exactly once.
 *
 * Owner:   payloads are borrowed for the length of the call.
 * Threads: queue_append one thread (the committer); the rest any thread.
 * Errors:  append: BOLE_E_FULL when there is no room and none can be made (a full disk, no descriptor left; nothing was
 *          written; try again later), BOLE_E_IO when the disk refuses a write (the same). A failed sync never returns:
 *          the process ends, because nobody can know any more what the disk holds.
 */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "base/clock.h"
#include "base/random.h"
#include "os/fs.h"

#define QUEUE_GROUP_SIZE_MAX (16u * 1024 * 1024) /* bytes of one group */
#define QUEUE_LSN_MAX        ((1ull << 44) - 1)  /* seq = lsn << 20 | row: record/record.h */

struct queue { const struct queue_ops *ops; };

struct queue_options {
    bole_slice uri;              /* "wal:/var/lib/bole/wal", "mem:" */
    struct fs *fs;
    const struct clock *clock;
    struct random *random;
    uint64_t min_lsn;            /* groups are numbered above it: the store's own position, should the queue have lost its */
    uint64_t reserve_bytes;      /* of the disk, that making room for groups leaves free: fs_reserve */
    /* A sync failed: end the process, without waiting for the queue's threads. NULL: log and _exit(1). Should it return
     * (a test), the queue is dead: every later call gives BOLE_E_IO. */
    void (*on_fatal)(const struct bole_err *err);
};

struct queue_stats {
    uint64_t appended_lsn;       /* last durable group */
    uint64_t released_lsn;
    uint64_t bytes_on_disk;
    uint64_t room_bytes;         /* made ready: these can still be appended should the disk be full */
    bool     is_full;            /* more room cannot be made for now: room_bytes is all there is */
    uint64_t groups_total, syncs_total, bytes_total; /* appended since it was opened; bytes of payload */
    uint64_t sync_ns_total;      /* in write and sync */
    uint64_t torn_tail_bytes;    /* cut off when opened: written but never acknowledged */
    uint64_t corrupt_frames;     /* groups that were once durable and are lost, at least; found when opened or read */
};

struct queue_ops {
    const char *scheme;
    bole_status (*open)(const struct queue_options *options, struct queue **ret_queue, struct bole_err *err);
    /* Makes one group durable; returns when it is. Parts are concatenated; 1 .. QUEUE_GROUP_SIZE_MAX bytes in all. After
     * a failure nothing of it is there, and nothing of it comes back. */
    bole_status (*append)(struct queue *self, const bole_slice *parts, size_t part_count, uint64_t *ret_lsn,
                          struct bole_err *err);
    /* Calls fn for every group after `after_lsn` that is not released, in order; the payload is borrowed for the call; an
     * fn that does not return BOLE_OK stops and is returned. A corrupt group that was once durable is skipped, counted in
     * stats, logged, and kept aside for `bole check`. */
    bole_status (*read)(struct queue *self, uint64_t after_lsn,
                        bole_status (*fn)(uint64_t lsn, bole_slice payload, void *ctx, struct bole_err *err), void *ctx,
                        struct bole_err *err);
    /* Everything up to lsn is safe elsewhere. An lsn that was released before changes nothing; one that was never appended
     * is BOLE_E_INVALID. */
    bole_status (*release)(struct queue *self, uint64_t lsn, struct bole_err *err);
    void (*stats)(struct queue *self, struct queue_stats *ret_stats);
    void (*destroy)(struct queue *self);
};

/* Opens by scheme. An unknown scheme names the known ones; a queue that is open elsewhere is BOLE_E_CONFLICT. */
bole_status queue_open(const struct queue_options *options, struct queue **ret_queue, struct bole_err *err);

/* For implementations: the bytes of a group, checked against the limits (BOLE_E_INVALID when there are none, BOLE_E_LIMIT). */
bole_status queue_group_size(const bole_slice *parts, size_t part_count, uint64_t *ret_bytes, struct bole_err *err);

static inline bole_status queue_append(struct queue *q, const bole_slice *parts, size_t part_count, uint64_t *ret_lsn,
                                       struct bole_err *err)
{ return q->ops->append(q, parts, part_count, ret_lsn, err); }
static inline bole_status queue_read(struct queue *q, uint64_t after_lsn,
                                     bole_status (*fn)(uint64_t lsn, bole_slice payload, void *ctx, struct bole_err *err),
                                     void *ctx, struct bole_err *err)
{ return q->ops->read(q, after_lsn, fn, ctx, err); }
static inline bole_status queue_release(struct queue *q, uint64_t lsn, struct bole_err *err)
{
    return q->ops->release(q, lsn, err);
}
static inline void queue_stats(struct queue *q, struct queue_stats *ret_stats) { q->ops->stats(q, ret_stats); }
static inline void queue_destroy(struct queue *q) { if (q) q->ops->destroy(q); }

#endif
