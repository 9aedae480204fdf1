/*
 * socket.h - protocols that come over sockets, without the sockets: the bytes of one connection, or some datagrams, in;
 * records in an ingest request and bytes to send back out.
 *
 * Whoever holds the sockets calls `take` with what has come and was not taken yet, commits the request, sends the reply
 * once that is durable, and drops the bytes that were used. A call that is refused for now (records.status is 429 or 503)
 * is made again later with the same bytes and with the session as it was before, as is one whose commit fails: a call
 * changes nothing but its session, and the session is plain bytes.
 *
 * Owner:   the input is borrowed for the call; what a result points to lives in the input's arena.
 * Threads: as receive.h: one call at a time for one receiver.
 */
#ifndef RECEIVE_SOCKET_H
#define RECEIVE_SOCKET_H

#include "base/random.h"
#include "receive/receive.h"

struct socket_settings { /* of one door; the same for all its connections */
    bole_slice shared_key; /* of the forward protocol; empty: none is asked for */
};

struct socket_input {
    struct receive_input in;   /* tenant, arena; body: what has come, for datagrams all of them together */
    bole_slice           sender; /* the peer's address without its port */
    bool                 at_end; /* nothing will follow the body */
    void                *session; /* session_size bytes; all zero before the first call, or as `start` left them */
    const struct socket_settings *settings;
};

struct socket_datagram {
    bole_slice bytes;
    bole_slice sender;
};

struct socket_result {
    struct receive_result records; /* status 429, 503: come again; another over 299: the connection ends */
    size_t     used;     /* bytes of the body, or datagrams, that need not be given again */
    size_t     wanted;   /* bytes that the body must have for the next call to make sense; 0: any more */
    bole_slice reply;    /* to be sent when the records are durable */
    bool       over;     /* the connection ends when the reply is sent */
    uint64_t   incomplete; /* messages dropped because parts of them did not come */
    uint64_t   cut;      /* messages over the limit of a record, of which the beginning was kept */
};

struct socket_protocol {
    const char *name;        /* value of the metrics' label `door` */
    const char *opening;     /* what must stand in front of messages at the beginning of a connection; NULL: nothing */
    size_t      session_size;
    size_t      message_max; /* bytes of one message of a connection */
    /* A connection begins; what is to be said first goes into the arena. NULL: the client speaks first. */
    void (*start)(const struct socket_input *in, struct random *random, bole_slice *ret_greeting);
    /* Takes the whole messages at the beginning of the body, as many as there are. */
    void (*take)(struct receiver *r, const struct socket_input *in, struct socket_result *ret_result);
    /* What the last call with this session gave is durable. NULL: nobody needs to know. */
    void (*stored)(struct receiver *r, const void *session);
    /* Takes datagrams; NULL: there are none. The session is the door's. */
    void (*take_datagrams)(struct receiver *r, const struct socket_input *in, const struct socket_datagram *datagrams,
                           size_t count, struct socket_result *ret_result);
    /* The door closes; releases what its session holds. NULL: that is nothing. Datagrams' sessions are never copied. */
    void (*end_datagrams)(void *session);
};

/* Each has its page in docs/receivers. */
extern const struct socket_protocol forward_protocol, gelf_protocol, relp_protocol, syslog_protocol;

#endif
