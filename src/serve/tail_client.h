/*
 * tail_client.h - one live tail: its query, its connection, what it has still to be sent.
 *
 * Threads: tail_feed, tail_lost, tail_flush: the hub's thread. The connection is cut by on_close on its loop, at any time.
 */
#ifndef SERVE_TAIL_CLIENT_H
#define SERVE_TAIL_CLIENT_H

#include <pthread.h>

#include "query/query.h"
#include "serve/tail_out.h"

struct tail {
    struct tail          *next;        /* the hub's */
    struct api           *api;
    struct tail_hub      *hub;
    struct budget         budget;      /* its own, without a limit, on that of all tails */
    atomic_uint           refs;
    uint64_t              position;    /* rows up to this LSN are history; set by tail_hub_join */
    struct query         *query;
    struct query_tail    *matcher;     /* hub's thread once the handler has joined the hub */
    bole_slice            tenant;      /* in tenant_text */
    char                  tenant_text[TENANT_MAX];
    uint64_t              delay_ns;
    uint64_t              oldest_ns;   /* mono: since when something waits; 0: nothing does; hub's thread */
    uint64_t              told_entries, told_dropped; /* already in the metrics; hub's thread */
    struct tail_out       out;         /* hub's thread */
    pthread_mutex_t       lock;
    struct http_exchange *x;           /* guarded by lock; NULL: not open yet, or gone */
    bool                  gone;        /* guarded by lock */
    uint16_t              close_code;  /* guarded by lock: tail_close came before it was open; 0: it did not */
    struct tail_out       history;     /* guarded by lock until history_over, then the hub's */
    bool                  history_over; /* guarded by lock */
    bool                  history_sent; /* hub's thread */
};

struct tail *tail_ref(struct tail *t);
void tail_unref(struct tail *t); /* NULL is fine */

/* Matches the rows of a batch that has just been committed as rows first_row... of group lsn. */
void tail_feed(struct tail *t, uint64_t lsn, uint32_t first_row, const struct batch *batch);
void tail_lost(struct tail *t, uint64_t row_count, int64_t time_ns);
/* BOLE_AGAIN: something waits. A failure: the client is gone. */
bole_status tail_flush(struct tail *t);
void tail_close(struct tail *t, uint16_t code, const char *reason);

/* The hub's side of the handler. From here on rows that are committed come through tail_feed. */
bole_status tail_hub_join(struct tail_hub *hub, struct tail *t, struct bole_err *err);
void tail_hub_wake(struct tail_hub *hub); /* a tail's history is over, or its client gone */

#endif
