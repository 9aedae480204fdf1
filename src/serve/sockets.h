/*
 * sockets.h - the doors that are not HTTP: TCP, TLS and UDP listeners for the protocols of receive/socket.h.
 *
 * All of them share one thread, which is one of ingest's workers. TCP: a connection's bytes are kept until the records
 * made of them are durable, and while ingest has no room (429, 503) nothing more is read, so that the sender waits and
 * nothing is lost. UDP has nobody to tell: what cannot be taken waits in the kernel's buffer, and what is lost is counted
 * by its reason.
 *
 * Owner:   everything in the options is borrowed and outlives the sockets.
 * Threads: create, start, drain, destroy: one thread. Statistics: any.
 */
#ifndef SERVE_SOCKETS_H
#define SERVE_SOCKETS_H

#include "receive/socket.h"
#include "serve/tls.h"

struct sockets;

struct socket_door_options {
    const char                   *name;     /* in metrics and in the log */
    const struct socket_protocol *protocol;
    bole_slice                    listen;   /* "127.0.0.1:5140" */
    struct tls_context           *tls;      /* or NULL; then also UDP, when the protocol has datagrams */
    struct socket_settings        settings;
};

struct sockets_options {
    const struct socket_door_options *doors;
    size_t                 door_count;
    struct ingest         *ingest;
    unsigned               worker;          /* of ingest: this thread's */
    struct receive_options receive;         /* its clock and budget are set here */
    struct budget         *budget;          /* an eighth of it is for what connections hold */
    const struct clock    *clock;
    struct net            *net;             /* NULL: net_posix */
    struct random         *random;
    bole_slice             tenant;          /* of all records that come in here */
    size_t                 connection_max;  /* of all doors together; 0: 4096 */
    uint64_t               message_timeout_ns; /* in which a message that has begun moves on by 1 KiB, or ends; 0: 60 s */
    uint64_t               write_timeout_ns;   /* for a client that does not take its replies; 0: 30 s */
};

/* Why something was lost that no receiver has refused. The names are values of the metric's label `reason`. */
enum socket_drop {
    SOCKET_DROP_BUFFER,    /* UDP: the kernel's receive buffer was full */
    SOCKET_DROP_MEMORY,    /* UDP: no memory for records halfway through a handful of datagrams */
    SOCKET_DROP_COMMIT,    /* UDP: the group commit failed */
    SOCKET_DROP_INCOMPLETE, /* UDP: parts of a message did not come */
    SOCKET_DROP_COUNT,
};
const char *socket_drop_name(enum socket_drop drop);

struct socket_stats { /* of one door */
    const char *name;
    uint64_t    connections, connections_total;
    uint64_t    refused_total;       /* connections, over the limit */
    uint64_t    evicted_total;       /* connections closed for a new one: the one that was silent longest */
    uint64_t    failed_total;        /* connections ended for what they sent: handshakes, timeouts, malformed streams */
    uint64_t    bytes_total, datagrams_total;
    uint64_t    records_total;       /* durable */
    uint64_t    cut_total;
    uint64_t    pauses_total;        /* times that reading stopped because ingest had no room */
    uint64_t    rejected_total[RECEIVE_REASON_COUNT], dropped_total[SOCKET_DROP_COUNT];
};

/* Listens. Port 0 takes a free one, for TCP and UDP the same. */
bole_status sockets_create(const struct sockets_options *options, struct sockets **ret_sockets, struct bole_err *err);
bole_status sockets_start(struct sockets *s, struct bole_err *err);
/* Takes what has arrived, waits until it is durable, answers, closes; after grace_ns without that. */
void sockets_drain(struct sockets *s, uint64_t grace_ns);
void sockets_destroy(struct sockets *s); /* drained or not; NULL is fine */

size_t   sockets_count(const struct sockets *s);
unsigned sockets_port(const struct sockets *s, size_t door_index);
bool     sockets_has_udp(const struct sockets *s, size_t door_index);
void     sockets_stats(const struct sockets *s, size_t door_index, struct socket_stats *ret_stats);

#endif
