/*
 * spool.h - batches on their way to a server: durable here before they are sent, kept until the server has called them
 * durable, sent again with the same bytes as often as it takes, stored once.
 *
 * A group of the spool is a cut (cut.h) in a write-ahead log (queue/wal.h). Its batches belong to lanes; a lane has a
 * producer, numbers its batches 1, 2, 3... and has one of them in flight. The server knows what it has of each producer, so
 * a batch whose answer was lost is not stored twice.
 *
 *   agent's thread   spool_append      one write, one sync; then the positions move on
 *   lane's thread    post, wait, post  until the server says 200
 *   both             spool_saved       what is answered and whose positions are in the checkpoint file may be forgotten
 *
 * While the server answers, SPOOL_WINDOW groups wait and no more: the files themselves are the buffer, and what is written
 * now does not stand behind what was written long ago. When it has not answered for away_ns, up to spool_bytes are taken in,
 * so that a file that is truncated or deleted meanwhile loses nothing. Then nothing more is taken, or the oldest is dropped.
 *
 * Units:   bytes; ns of mono_ns.
 * Threads: spool_append, spool_restore, spool_checkpoint, spool_saved: one, the agent's. spool_get_stats: any.
 * Errors:  a sync that fails ends the process (queue.h): nobody knows any more what the disk holds.
 */
#ifndef AGENT_SPOOL_H
#define AGENT_SPOOL_H

#include "agent/checkpoint.h"
#include "agent/cut.h"
#include "agent/poster.h"
#include "base/clock.h"
#include "base/random.h"
#include "os/fs.h"

#define SPOOL_WINDOW         8u                               /* groups, and */
#define SPOOL_WINDOW_BYTES   (4u * 1024 * 1024)               /* bytes of them that are held in memory (one group at least) */
#define SPOOL_BYTES_DEFAULT  (256ull * 1024 * 1024)
#define SPOOL_AWAY_NS        (5000 * (uint64_t)NS_PER_MS)
#define SPOOL_RETRY_FIRST_NS (100 * (uint64_t)NS_PER_MS)
#define SPOOL_RETRY_MAX_NS   (30000 * (uint64_t)NS_PER_MS)

struct spool;

struct spool_options {
    const char *dir;            /* made when it is not there; locked */
    struct fs *fs;
    const struct clock *clock;
    struct random *random;      /* producers, jitter, the log's file ids: by several threads, unless no_threads is set */
    unsigned lane_count;        /* 1 .. CUT_LANES_MAX */
    bole_status (*make_poster)(void *ctx, struct poster **ret_poster, struct bole_err *err); /* one for each lane */
    void *make_poster_ctx;
    uint64_t spool_bytes;       /* of batches kept while the server is away; 0: SPOOL_BYTES_DEFAULT */
    bool drop_oldest;           /* when that is full, instead of waiting */
    uint64_t away_ns;           /* 0: SPOOL_AWAY_NS */
    uint64_t reserve_bytes;     /* of the disk, that the spool leaves free */
    void (*on_fatal)(const struct bole_err *err); /* as in queue.h */
    bool no_threads;            /* tests: spool_step sends */
    uint64_t file_size_max;     /* tests: of the log's files; 0: 8 MB */
};

bole_status spool_open(const struct spool_options *options, struct spool **ret_spool, struct bole_err *err);
void spool_destroy(struct spool *s); /* stops the lanes; what was not answered is kept; NULL is fine */

/* Before anything else: takes up what an earlier life has left, calls fn with the marks of every cut that the checkpoint does
 * not know, in the order of the cuts, and begins to send. */
bole_status spool_restore(struct spool *s, const struct checkpoint *c, void (*fn)(void *ctx, bole_slice marks), void *ctx,
                          struct bole_err *err);

/* The producer and sequence for a lane's next batch; nobody else may append between this and spool_append. */
void spool_begin(struct spool *s);
struct batch_stamp spool_next_stamp(struct spool *s, uint32_t lane);
/* Makes the cut durable and hands its batches, which carry those stamps, to the lanes; number and is_move of the cut are
 * filled in. Ends what spool_begin began, also after a failure: BOLE_E_FULL, BOLE_E_IO: the disk takes nothing now, and
 * nothing was kept. Without a cut (NULL) nothing happens. */
bole_status spool_append(struct spool *s, struct cut *cut, struct bole_err *err);

/* Is there room for another group? Waits for it for at most wait_ns. BOLE_AGAIN: there is none. */
bole_status spool_wait_room(struct spool *s, uint64_t wait_ns, struct bole_err *err);

/* Into the checkpoint: how far the lanes are. When that has been made durable, spool_saved. */
void spool_checkpoint(struct spool *s, struct checkpoint *c);
void spool_saved(struct spool *s);

/* One look at each lane, without threads. True when a batch was answered as durable. */
bool spool_step(struct spool *s);

struct spool_stats {
    uint64_t groups, bytes;         /* not answered yet */
    uint64_t batches_sent, records_sent, bytes_sent; /* answered as durable */
    uint64_t duplicates;            /* of them, those that the server had before */
    uint64_t records_rejected;      /* by the server, for good */
    uint64_t retries;
    uint64_t gaps, new_producers;   /* 409; lanes that had to begin again */
    uint64_t batches_dropped, records_dropped; /* spool full, drop_oldest */
    bool     is_away;               /* the server has not answered for away_ns */
    bool     is_full;               /* and the spool takes no more */
    char     last_error[256];       /* of sending; "" when the last answer was a good one */
};
void spool_get_stats(struct spool *s, struct spool_stats *ret_stats);

#endif
