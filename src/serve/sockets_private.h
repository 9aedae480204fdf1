/* sockets_private.h - what the files of the socket doors share. Not for other modules. */
#ifndef SERVE_SOCKETS_PRIVATE_H
#define SERVE_SOCKETS_PRIVATE_H

#include <pthread.h>

#include "os/loop.h"
#include "serve/sockets.h"

#define SOCKETS_RETRY_NS ((uint64_t)(100 * NS_PER_MS)) /* until ingest, or memory, is asked again */

typedef _Atomic uint64_t socket_counter;

struct socket_counters {
    socket_counter connections, connections_total, refused, evicted, failed, bytes, datagrams, records, cut, pauses;
    socket_counter rejected[RECEIVE_REASON_COUNT], dropped[SOCKET_DROP_COUNT];
};

static inline void count_up(socket_counter *c, uint64_t by)
{
    atomic_fetch_add_explicit(c, by, memory_order_relaxed);
}

struct socket_door {
    struct sockets            *sockets;
    struct socket_door_options options;
    struct net_addr            bound;
    struct loop_watch          listener;   /* fd -1: closed */
    struct loop_timer          accept_timer; /* set: accepting pauses */
    struct udp                *udp;        /* NULL: none */
    struct socket_counters     count;
};

struct sockets {
    struct sockets_options options;        /* defaults filled in; then read-only */
    struct budget          budget;         /* of what connections hold */
    struct receiver       *receiver;
    struct arena           arena;          /* of one call of a protocol */
    struct loop           *loop;
    pthread_t              thread;
    bool                   thread_started;
    struct socket_door    *doors;          /* [door_count] */
    size_t                 door_count;
    struct socket_conn    *oldest, *newest; /* by their last bytes */
    size_t                 conn_count;     /* open */
    size_t                 commits;        /* handed to ingest and not answered */
    bool                   draining, forced;
    uint64_t               grace_ns;
    struct loop_task       drain_task;
    struct loop_timer      drain_timer;
};

/* ---- sockets.c ---- */

/* For one call: what was in the arena goes. */
struct receive_input sockets_input(struct sockets *s, bole_slice body);
void sockets_count_result(struct socket_door *door, const struct socket_result *result);
/* Ingest, or the receiver, says "later". */
static inline bool is_later(const struct receive_result *r) { return r->status == 429 || r->status == 503; }
void sockets_check_drained(struct sockets *s);

/* ---- socket_conn.c: loop thread only ---- */

void socket_conn_accept(struct socket_door *door, int fd, const struct net_addr *peer); /* takes fd */
bool socket_conn_evict(struct sockets *s); /* closes the one that has been silent longest; false: none long enough */
void socket_conn_pump(struct socket_conn *c);
struct socket_conn *socket_conn_next(struct socket_conn *c);
void socket_conn_close(struct socket_conn *c);

/* ---- socket_udp.c ---- */

bole_status udp_create(struct socket_door *door, const struct net_addr *addr, struct bole_err *err);
void udp_drain(struct udp *u);   /* takes what is there, then closes */
bool udp_is_idle(const struct udp *u); /* drained, or NULL */
void udp_destroy(struct udp *u); /* NULL is fine */

#endif
