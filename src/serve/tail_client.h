/*
 * tail_client.h - one live tail: its query, its connection, what it has still to be sent.
 *
 * Threads: what the hub asks (tail_hub.h): its own. The connection is cut by on_close on its loop, at any time.
 */
#ifndef SERVE_TAIL_CLIENT_H
#define SERVE_TAIL_CLIENT_H

#include <pthread.h>

#include "query/query.h"
#include "serve/tail_hub.h"
#include "serve/tail_out.h"

struct tail {
    struct tail_member    member;      /* first */
    struct api           *api;
    struct tail_hub      *hub;
    struct budget         budget;      /* its own, without a limit, on that of all tails */
    atomic_uint           refs;
    struct query         *query;
    struct query_tail    *matcher;     /* hub's thread once the handler has joined the hub */
    bole_slice            tenant;      /* in tenant_text */
    char                  tenant_text[TENANT_MAX];
    uint64_t              delay_ns;
    bool                  is_ours;     /* asked by the `cursor` parameter, which Loki has not */
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

#endif
