/*
 * tail_hub.h - what the hub of live tails (tail.c) asks of a tail, whatever it is sent over.
 *
 * Threads: feed, lost, flush: the hub's. close: the hub's. The rest any.
 */
#ifndef SERVE_TAIL_HUB_H
#define SERVE_TAIL_HUB_H

#include "serve/tail.h"

struct tail_member;

struct tail_ops {
    /* Matches the rows of a batch that has just been committed as rows first_row... of group lsn. */
    void (*feed)(struct tail_member *m, uint64_t lsn, uint32_t first_row, const struct batch *batch);
    /* So many rows up to time_ns that nobody has matched. */
    void (*lost)(struct tail_member *m, uint64_t row_count, int64_t time_ns);
    /* BOLE_AGAIN: something waits. A failure: the client is gone, and the hub lets go of it. */
    bole_status (*flush)(struct tail_member *m);
    void (*close)(struct tail_member *m); /* the server stops */
    void (*ref)(struct tail_member *m);
    void (*unref)(struct tail_member *m);
};

struct tail_member { /* first in what is behind it */
    const struct tail_ops *ops;
    struct tail_member    *next;     /* the hub's */
    uint64_t               position; /* rows up to this LSN are history; set by tail_hub_join */
};

/* From here on rows that are committed come through `feed`. The hub takes a reference. BOLE_E_LIMIT: there are too many;
 * BOLE_E_CANCELLED: the server stops. */
bole_status tail_hub_join(struct tail_hub *hub, struct tail_member *m, struct bole_err *err);
void tail_hub_wake(struct tail_hub *hub); /* a tail's history is over, or its client gone */

#endif
