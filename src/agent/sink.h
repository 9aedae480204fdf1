/*
 * sink.h - where an agent's records go: this server's own ingest, the spool on the way to another Bole, or standard output.
 *
 * A sink with a spool makes the batch and where its inputs then stand (marks) durable in one write. So it also is what knows,
 * at the next start, how far the inputs are ahead of the checkpoint file.
 *
 * Owner:   the batch and everything in it is borrowed for the length of the call.
 * Threads: send is called on the agent's thread, one batch at a time.
 * Errors:  send may block until it knows. BOLE_OK: every record is durable, but *ret_refused of them, which were
 *          refused for good (over a limit). BOLE_AGAIN: nothing was kept, come again. BOLE_E_INVALID: the whole batch
 *          is refused for good, as by a server that answers 400. Anything else: not known or not possible now; the same
 *          batch is sent again until it is known to be durable.
 */
#ifndef AGENT_SINK_H
#define AGENT_SINK_H

#include "record/batch.h"

struct tail_record {
    int64_t    time_ns;
    bole_slice labels; /* canonical: record/labels.h; neighbours of one file share the bytes */
    bole_slice line;
    const struct batch_field *fields;
    size_t     field_count;
};

struct tail_batch {
    const struct tail_record *records; /* in the order of each input */
    size_t record_count;
    size_t size_bytes;                 /* of lines and fields */
    bole_slice marks;                  /* checkpoint entries of the inputs that gave something; empty for a sink without spool */
};

struct checkpoint;

struct tail_sink { const struct tail_sink_ops *ops; };

struct tail_sink_ops {
    bole_status (*send)(struct tail_sink *self, const struct tail_batch *batch, uint64_t *ret_refused,
                        struct bole_err *err);
    /* NULL, all three, for a sink without spool. restore: before the first send, once: fn gets the marks that are newer than the
     * checkpoint, in their order. checkpoint: adds what the sink wants to know again; saved: that is durable. */
    bole_status (*restore)(struct tail_sink *self, const struct checkpoint *c, void (*fn)(void *ctx, bole_slice marks), void *ctx,
                           struct bole_err *err);
    void (*checkpoint)(struct tail_sink *self, struct checkpoint *c);
    void (*saved)(struct tail_sink *self);
    void (*destroy)(struct tail_sink *self);
};

static inline bool tail_sink_has_spool(const struct tail_sink *s) { return s->ops->restore != NULL; }

static inline bole_status tail_sink_send(struct tail_sink *s, const struct tail_batch *batch, uint64_t *ret_refused,
                                         struct bole_err *err)
{
    return s->ops->send(s, batch, ret_refused, err);
}

static inline void tail_sink_destroy(struct tail_sink *s) /* NULL is fine */
{
    if (s)
        s->ops->destroy(s);
}

struct ingest;

struct process;

/* Into the ingest of the same process, as its worker number `worker`, for one tenant, through the rules of `process` (NULL:
 * there are none), which outlives it. */
bole_status tail_sink_ingest(struct ingest *in, unsigned worker, bole_slice tenant, struct process *process,
                             struct tail_sink **ret_sink, struct bole_err *err);

/* Lines of JSON on standard output, durable when they are written; through the rules of `process` (NULL: there are none). */
bole_status tail_sink_stdout(struct process *process, struct tail_sink **ret_sink, struct bole_err *err);

/* ---- into a spool ---- */

struct spool;

struct sink_spool_options {
    bole_slice tenant;       /* copied */
    struct process *process; /* rules that records pass before anything of them is written or sent; outlives the sink; NULL: none.
                              * The tenant stays what it is: a batch speaks for one */
    unsigned   lane_count;   /* as of the spool */
    const struct clock *clock;
    bool       no_wait;      /* tests: BOLE_AGAIN at once when the spool has no room */
};

/* The spool outlives the sink. */
bole_status tail_sink_spool(struct spool *spool, const struct sink_spool_options *options, struct tail_sink **ret_sink,
                            struct bole_err *err);

#endif
