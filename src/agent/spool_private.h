/* spool_private.h - what spool.c (the log and its window) and lane.c (sending) share. */
#ifndef AGENT_SPOOL_PRIVATE_H
#define AGENT_SPOOL_PRIVATE_H

#include <pthread.h>

#include "agent/spool.h"
#include "queue/queue.h"

#define SPOOL_MOVES_MAX  64u  /* new producers of which older groups are still there */
#define SPOOL_MOVES_ROOM 256u /* found at a start, when the log could not be told what to forget */

struct spool_group { /* a group in the window */
    struct spool_group *next;
    uint64_t  lsn;
    size_t    size;     /* of the payload */
    uint64_t  open;     /* bit of a batch: not answered yet */
    unsigned  pins;     /* lanes that are sending from it */
    bool      gone;     /* not in the window any more: freed with the last pin */
    size_t    batch_count;
    struct cut_batch *batches; /* their bytes follow in the same allocation */
};

struct lane {
    struct spool  *spool;
    uint32_t       index;
    struct poster *poster;
    pthread_t      thread;
    bool           runs;
    /* guarded by the spool's lock */
    uint8_t        producer[BATCH_PRODUCER_SIZE];
    uint64_t       next_sequence;
    uint64_t       sent_high;   /* of the producer: what may have been sent before */
    uint64_t       backoff_ns, retry_at_ns;
    bool           rewound;     /* for a gap that has not been closed yet; or there is nothing to go back to: it was dropped */
};

struct spool_move {
    struct cut_move move;
    uint64_t lsn;
};

struct spool {
    struct spool_options options;
    struct queue   *queue;
    pthread_mutex_t append_lock; /* taken first: a stamp that was given is not overtaken by a new producer */
    pthread_mutex_t lock;        /* everything below */
    pthread_cond_t  changed;
    bool            stop;
    bool            loading;     /* one lane reads groups into the window */
    struct lane     lanes[CUT_LANES_MAX];
    unsigned        lane_count;  /* those that send: the configured ones, and those of an earlier life */
    struct spool_group *window, *window_last;
    size_t          window_count, window_bytes;
    uint64_t        loaded_lsn;  /* the last one that has been in the window */
    uint64_t        appended_lsn, answered_lsn, saved_lsn, released_lsn;
    uint64_t        checkpoint_lsn; /* of the checkpoint that is being written */
    uint64_t        bytes;       /* of groups behind answered_lsn */
    uint64_t        unreleased;  /* bytes answered since the last release */
    uint64_t        cut_number;
    uint64_t        progress_ns; /* last answer, or the first append behind an empty spool */
    struct spool_move moves[SPOOL_MOVES_ROOM];
    size_t          move_count;
    struct spool_stats stats;
};

/* lock held for all of these */
void spool_drop_window(struct spool *s);
void spool_pop_answered(struct spool *s);
void spool_unpin(struct spool_group *g);
bool spool_wants_load(const struct spool *s);
bole_status spool_load(struct spool *s, struct bole_err *err); /* gives the lock up meanwhile */
/* Everything that is kept goes again: the server has lost some of it. */
bole_status spool_rewind(struct spool *s, struct bole_err *err);

/* A new producer for what the lane has from `sequence` of its present one on. append_lock held, lock not. */
bole_status spool_move_lane(struct spool *s, uint32_t lane, const uint8_t from[BATCH_PRODUCER_SIZE], uint64_t from_sequence,
                            struct bole_err *err);
/* What a stamp of the group has become by moves made later. lock held. */
void spool_resolve(const struct spool *s, uint64_t lsn, uint32_t lane, struct batch_stamp *stamp);
void spool_draw_producer(struct spool *s, uint8_t ret_producer[BATCH_PRODUCER_SIZE]);

bole_status lane_start(struct lane *l, struct bole_err *err);
void lane_stop(struct lane *l);
/* Sends at most one batch. The result is when to come again: ns from now, UINT64_MAX: when something changes. *ret_answered:
 * a batch is durable. lock held, given up meanwhile. */
uint64_t lane_step(struct lane *l, bool *ret_answered);

#endif
