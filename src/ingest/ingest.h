/*
 * ingest.h - from decoded records to the acknowledgement: admission, the open batches, the group commit.
 *
 * Each worker (an HTTP loop, a file tailer) has one open batch that its small requests append to; a large request builds
 * batches of its own and compresses them itself. One committer thread takes whatever is there when the last sync is done
 * (no timer), seals and compresses the open batches, makes them one group of the queue, hands the group to the store,
 * and only then calls back: acknowledged = durable = searchable. It also cuts the store when it wants to be cut.
 *
 * Threads: a request belongs to its worker's thread, one at a time per worker, and must be committed or rolled back before
 *          the next begins. `done` is called on the committer thread: be short.
 */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include "queue/queue.h"
#include "store/store.h"

struct ingest;
struct ingest_request;

#define INGEST_RESERVE_DEFAULT (256ull * 1024 * 1024) /* bytes of free space */

struct ingest_options {
    struct queue       *queue;
    struct store       *store;
    const struct clock *clock;
    struct budget      *budget;       /* rows between admission and the store */
    struct fs          *fs;
    const char         *data_dir;     /* its free space is watched; NULL: not */
    /* Free space below which nothing is taken (fs_reserve). The queue has its own: what is taken until
     * the next look at the disk has room there. */
    uint64_t            reserve_bytes;
    unsigned            worker_count;
    /* Called on the committer thread with what has just become searchable: live tail. May be NULL. */
    void (*on_commit)(uint64_t lsn, struct batch *const *batches, size_t batch_count, void *ctx);
    void *on_commit_ctx;
};

struct ingest_stats {
    uint64_t rows_total, bytes_total, groups_total, requests_total;
    uint64_t refused_full_total, refused_limit_total;
    uint64_t commit_ns_total;
    uint64_t lane_resent_total, lane_gaps_total; /* requests of lanes that were stored before; that came too early */
    uint64_t bad_batches_total;  /* found in the queue at start: kept aside, not stored */
    bool     no_room;            /* now: requests are refused because the disk has no room */
};

/* Reads the queue after the store's position into the store, then starts the committer. */
bole_status ingest_create(const struct ingest_options *options, struct ingest **ret_ingest, struct bole_err *err);
void ingest_destroy(struct ingest *in); /* commits what was handed over, stops the thread; NULL is fine */

/* Admission: about size_bytes of records are coming. BOLE_E_LIMIT (429: later) or BOLE_E_FULL (503: no room on the
 * disk). */
bole_status ingest_begin(struct ingest *in, unsigned worker, size_t size_bytes, struct ingest_request **ret_request,
                         struct bole_err *err);

/* The place of a request in what one producer sends: 1, 2, 3... Each is stored once, however often it comes, and none before
 * the one in front of it. Filled in by the caller, who keeps it until `done`; the last two are told there. */
struct ingest_lane {
    uint8_t  producer[BATCH_PRODUCER_SIZE]; /* not all zero */
    uint64_t sequence;
    uint64_t wanted;     /* with BOLE_E_CONFLICT: the sequence that comes next */
    bool     was_stored; /* it is stored since an earlier time: of this request nothing was */
};

/* The same for a request of a lane: one whose rows fit one commit group, or it fails with BOLE_E_LIMIT. Its commit may be
 * BOLE_E_CONFLICT, a gap; without rows it takes its place in the lane nevertheless. */
bole_status ingest_begin_lane(struct ingest *in, unsigned worker, size_t size_bytes, struct ingest_lane *lane,
                              struct ingest_request **ret_request, struct bole_err *err);

/* A stream as its caller knows it. Fill in the first three (canonical labels, record/labels.h; slices live as long as the
 * handle is used), zero the rest; the same handle is cheapest when used for all of a request's records of that stream. */
struct ingest_stream {
    bole_slice tenant;
    bole_slice labels;
    uint8_t    flags;      /* enum batch_stream_flags */
    uint32_t   index;      /* ingest's own: place in the batch that ... */
    uint64_t   generation; /* ... this names */
};

/* Adds one record; everything is copied. BOLE_E_LIMIT: it breaks a limit of record.h, or memory is full; the message
 * says which, nothing was added, and the request may go on with its next record. */
bole_status ingest_add(struct ingest_request *r, int64_t time_ns, struct ingest_stream *stream, bole_slice line,
                       const struct batch_field *fields, size_t field_count, struct bole_err *err);
uint32_t ingest_rows(const struct ingest_request *r);

/* Memory, for whoever has to tell "later" from "never" (base/budget.h: budget_task_max): what records of size_bytes draw
 * from the budget on their way, about, and what those of a request draw already. */
size_t ingest_memory(size_t size_bytes);
size_t ingest_held_bytes(const struct ingest_request *r);

/* The request is over: `done` is called once, with BOLE_OK after the rows are durable and searchable, or with the error.
 * A request without rows is done at once, on this thread, unless it is of a lane. After an error none of its rows is stored, unless they were
 * too many for one commit group (QUEUE_GROUP_SIZE_MAX encoded, SEQ_ROWS_MAX rows): then the message says how many are. */
void ingest_commit(struct ingest_request *r, void (*done)(bole_status status, const struct bole_err *err, void *ctx), void *ctx);
void ingest_rollback(struct ingest_request *r); /* none of its rows will be stored */

/* Commits everything handed over so far, cuts the store, waits: POST /flush. */
bole_status ingest_flush(struct ingest *in, struct bole_err *err);
void ingest_get_stats(const struct ingest *in, struct ingest_stats *ret_stats);

#endif
