/*
 * ingest_private.h - what the files of ingest share. request.c: what workers do; commit.c: the committer and the cutter;
 * ingest.c: life and replay. Not for other modules.
 */
#ifndef INGEST_INGEST_PRIVATE_H
#define INGEST_INGEST_PRIVATE_H

#include <pthread.h>

#include "ingest/ingest.h"

#define GROUP_BATCHES_MAX 256u /* of one commit group */

struct extent { /* of one or more units */
    size_t units, bytes; /* encoded */
    size_t rows;
};

struct unit {
    struct unit           *next;
    struct batch          *batch;
    struct buf             encoded;
    struct ingest_request *waiters;
    struct ingest_request *owner; /* a large request that this is a part of; it waits on its last part */
};

/* True when one group can hold both. */
bool extents_fit(const struct extent *a, const struct extent *b);

static inline void extent_add(struct extent *e, const struct unit *u)
{
    e->units++;
    e->bytes += u->encoded.len;
    e->rows += u->batch->row_count;
}

struct ingest_request {
    struct ingest_request *next;    /* in a list of waiters */
    struct ingest         *in;
    struct worker         *worker;
    struct batch_builder  *own;     /* of a large request; NULL: the worker's open batch */
    struct unit           *first, *last; /* sealed parts of a large request... */
    struct extent          extent;  /* ... and how much they are */
    size_t                 held_bytes; /* drawn from the budget by them */
    struct ingest_lane    *lane;    /* the caller's; or NULL */
    enum { LANE_OPEN, LANE_TAKEN, LANE_STORED, LANE_AWAITED } lane_state; /* committer only; see lane_decide */
    struct batch_mark      mark;    /* where a small request began in the open batch */
    uint64_t               generation;
    uint32_t               rows, stored_rows; /* stored_rows: of a large request, so far */
    struct bole_err        failure; /* code < 0: a part of it was not committed, so no later part will be */
    void (*done)(bole_status status, const struct bole_err *err, void *ctx);
    void                  *done_ctx;
};

struct worker {
    pthread_mutex_t        lock;    /* held by a small request from begin to end */
    struct batch_builder  *open;    /* guarded by lock */
    struct batch_builder  *spare;   /* empty; committer and lock holder swap it with open */
    struct batch_builder  *large;   /* worker's thread only; empty, with the memory of a large request; or NULL */
    struct ingest_request *open_waiters; /* guarded by lock */
    struct ingest_request *spares;  /* guarded by lock: small requests that are over, to be used again */
    struct ingest_request *over;    /* committer only: become spares when these are used up */
    size_t                 over_count;
    struct unit           *first, *last; /* guarded by lock */
};

struct ingest {
    struct ingest_options options;  /* read-only after create */
    struct worker        *workers;
    _Atomic uint64_t      generation; /* numbers builders' contents: a stream index is valid for one of them */
    _Atomic bool          no_room;    /* the disk is full to its reserve, or the queue took no group and cannot grow */
    uint64_t              refusal_told_ns; /* committer only; mono, 0: never */
    bool                  shut_told;  /* cutter only: of no_room */
    uint64_t              opened_ns;  /* cutter only; mono: when no_room ended */

    pthread_mutex_t       lock;
    pthread_cond_t        work;     /* something was handed over, or stop */
    pthread_cond_t        settled;  /* a round of the committer ended */
    bool                  pending;  /* guarded by lock */
    bool                  stop;     /* guarded by lock */
    uint64_t              rounds;   /* guarded by lock: commit rounds ended */
    unsigned              turn;     /* committer only: the worker that is first in the next round */
    pthread_t             committer;
    bool                  committer_runs;

    pthread_mutex_t       cut_lock; /* one cut at a time */
    pthread_mutex_t       cutter_lock;
    pthread_cond_t        cutter_wake;
    atomic_bool           cutting;  /* changes to false under cutter_lock */
    pthread_cond_t        cut_over;
    bool                  cut_wanted; /* guarded by cutter_lock */
    bool                  room_wanted; /* guarded by cutter_lock: cut although the head is small */
    struct flush         *flushes;     /* guarded by cutter_lock: who waits for a cut; each on its thread's stack */
    bool                  cutter_stop; /* guarded by cutter_lock */
    pthread_t             cutter;
    bool                  cutter_runs;

    struct {
        _Atomic uint64_t rows, bytes, groups, requests, refused_full, refused_limit, commit_ns, bad_batches, lane_resent,
            lane_gaps;
    } count;
};

/* Seals the builder's rows, of a lane or NULL, and encodes them. After a failure they are still in the builder. */
bole_status unit_create(struct ingest *in, struct batch_builder *builder, const struct ingest_lane *lane, struct unit **ret_unit,
                        struct bole_err *err);
void unit_destroy(struct unit *u); /* NULL is fine */

/* Calls done and frees what the request still holds. */
void request_end(struct ingest_request *r, bole_status status, const struct bole_err *err);
/* And the request itself. */
void request_finish(struct ingest_request *r, bole_status status, const struct bole_err *err);

/* One cut of the store, then the queue may forget. Any thread; one at a time. */
bole_status ingest_cut(struct ingest *in, struct bole_err *err);
/* The same on the cutter's thread: what the cut before it has freed is in that thread's part of the heap. Waits. */
bole_status ingest_ask_cut(struct ingest *in, struct bole_err *err);
/* Asks the cutter to cut whatever is in the head: nothing else gives memory back before the next cut is due. Any thread. */
void ingest_make_room(struct ingest *in);
/* Compares the free space of the data directory with the reserve, and looks whether a full queue has room again. */
void ingest_watch_room(struct ingest *in);

void *committer_main(void *ingest);
void *cutter_main(void *ingest);

#endif
