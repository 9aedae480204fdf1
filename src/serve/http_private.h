/*
 * http_private.h - what the files of the HTTP server share. Nobody else includes it.
 *
 *   http_server.c    create, accept, drain          http_conn.c      a connection's states, reading and writing
 *   http_pool.c      worker threads                 http_exchange.c  a request and its answer
 *   http_stream.c    chunked answers                http_request.c   from the head to the whole body
 *   http_ws.c        WebSockets
 *
 * A connection belongs to one loop and is touched by its thread only. Its exchange is shared with whoever answers: the
 * loop owns it until the handler is called and again once it is done, in between the handler's side may touch what is
 * marked so. Input waits in the kernel while an exchange is under way: one request at a time per connection, so that
 * answers are in order and what a client can pile up is bounded by its socket.
 */
#ifndef SERVE_HTTP_PRIVATE_H
#define SERVE_HTTP_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "os/loop.h"
#include "os/net.h"
#include "serve/http.h"
#include "serve/http_chunk.h"
#include "serve/http_head.h"
#include "serve/http_host.h"
#include "serve/http_route.h"
#include "serve/tls.h"

enum {
    HTTP_SCRATCH_SIZE = 64 * 1024,     /* per loop: one receive */
    HTTP_BODY_STEP = 1024,             /* a body moves on by as much, or is silent */
    HTTP_BODY_DIRECT_MAX = 1 << 20,    /* announced bodies up to this are allocated at once */
    HTTP_PIECE_SIZE = 1 << 20,         /* of a body that comes in pieces, about */
    HTTP_REFUSED_BODY_MAX = 64 * 1024, /* a body nobody wants is read up to this, to keep the connection */
    HTTP_COALESCE_MAX = 64 * 1024,     /* answers of pipelined requests gathered for one send */
    HTTP_STREAM_BUFFER_MAX = 256 * 1024,
    HTTP_LINGER_MAX = 64 << 20,        /* bytes read and dropped: most clients send all of a body before they read why not */
    HTTP_DATE_SIZE = 29,               /* "Sat, 21 Nov 2026 10:00:00 GMT" */
};
#define HTTP_LINGER_NS ((uint64_t)(2 * NS_PER_S))

enum conn_state {
    CONN_HANDSHAKE, /* TLS */
    CONN_IDLE,      /* between requests: holds no buffer and no exchange */
    CONN_HEAD, CONN_BODY,
    CONN_HANDLER,   /* the exchange is with its handler */
    CONN_LATER,     /* and will be again, with the same piece of the body */
    CONN_WRITE,     /* the answer is complete and being sent */
    CONN_STREAM, CONN_WS,
    CONN_LINGER,    /* our side is shut down; reading until the peer's is */
    CONN_CLOSED,    /* waits for its exchange, or for the end of the round */
};

struct http_conn {
    struct loop_watch watch;
    struct loop_timer timer;
    struct loop_task  task;        /* adoption, going on reading, freeing: one of them at a time */
    struct http_loop *hl;
    struct http_conn *next, **link; /* the loop's list */
    struct http_exchange *x;
    struct tls_session   *tls;     /* NULL: plain */
    struct buf in;                 /* received, not yet parsed: from in_at on */
    size_t     in_at;
    struct buf out;                /* to be sent before the exchange's answer: from out_at on */
    size_t     out_at;
    uint64_t   since_ns;           /* start of this state, or its last progress where silence counts */
    size_t     linger_bytes;
    size_t     moved_bytes;        /* of a body, since since_ns */
    char       remote[NET_ADDR_TEXT_MAX];
    uint8_t    remote_len;
    uint8_t    state;              /* enum conn_state */
    bool       readable;           /* the kernel may have more for us */
    bool       peer_closed;        /* its side is shut down */
    bool       send_blocked;       /* the socket is full: wait for EPOLLOUT */
    bool       closing;            /* nothing is read any more; closed when everything is sent */
    bool       task_pending;
    bool       more_input;         /* bytes followed the current request when it was complete */
};

enum exchange_bits { X_RETURNED = 1, X_ANSWERED = 2 };

struct http_answer { /* filled by the answering side */
    uint8_t   *head;       /* in the exchange's arena, or a static text */
    size_t     head_len, date_at; /* date_at 0: the head has none */
    bole_slice body;
    struct buf owned;      /* of which body may be a part */
    unsigned   status;
};

struct http_exchange {
    struct loop_task done_task;    /* handler returned and answer complete: back to the loop */
    struct loop_task wake_task;    /* a stream or a WebSocket has something to do */
    struct http_exchange *next;    /* free list, pool queue */
    struct http_conn   *conn;      /* loop thread only */
    struct http_loop   *hl;
    const struct http_route *route; /* NULL: the fallback */
    struct arena arena;
    /* The request; read-only for the handler's side. */
    uint8_t   *base;               /* the head's bytes, in the arena */
    bole_slice path, body;
    struct http_match match;
    uint8_t   *body_direct;        /* announced bodies: the whole length, in the arena */
    struct buf body_buf;           /* large, chunked and decoded bodies */
    struct http_chunk *chunk;
    size_t     body_len, body_max;
    /* A body in pieces: http_body_open. */
    bool       pieces, body_open;
    bool       piece_done;         /* the handler is through with it; set by its side, as are these two */
    size_t     piece_taken;
    uint64_t   piece_wait_ns;      /* 0: no time is asked for */
    size_t     piece_min;          /* bytes that the next one has at least, unless it is the last */
    uint64_t   body_gone;          /* bytes of those before */
    struct arena piece_arena;
    char       remote[NET_ADDR_TEXT_MAX];
    uint8_t    remote_len;
    unsigned   refusal;            /* status to answer with once the body was read; 0: none */
    struct http_form_pair *pairs;
    size_t     pair_count;
    bool       pairs_ready;
    /* The answer. */
    struct http_answer  answer;
    size_t     answer_at;          /* bytes sent of head and body; loop thread */
    struct http_stream *stream;
    struct http_ws     *ws;
    bool       close_after;        /* loop thread, and the answering side before it answers */
    bool       with_handler;       /* from dispatch until done_task has run; loop thread */
    bool       ended;              /* done_task has run */
    atomic_bool wake_posted;
    atomic_bool cancelled;
    atomic_uint bits;              /* enum exchange_bits */
    struct http_head head;         /* last: large, and not cleared as a whole */
};

struct http_counters { /* written by one loop, read by any thread */
    _Atomic uint64_t requests, bytes_in, bytes_out, refused, by_class[6];
};

struct http_loop {
    struct http_server *server;
    struct loop *loop;
    unsigned index;
    pthread_t thread;
    bool thread_started;
    uint8_t *scratch;              /* HTTP_SCRATCH_SIZE */
    struct http_conn *conns;
    struct http_exchange *free_exchanges;
    unsigned free_exchange_count;
    uint64_t date_s;
    char date[HTTP_DATE_SIZE + 1];
    uint8_t host[64], host_len;    /* the last Host that was ours */
    bool draining, drain_forced;
    struct loop_task drain_task;
    struct loop_timer drain_timer;
    struct http_counters counters;
};

struct http_pool;

struct http_server {
    struct http_options options;   /* completed with the defaults; read-only */
    size_t body_fits;              /* bytes of a body that the budget can hold at all */
    struct http_routes *routes;
    struct http_hosts hosts;
    struct tls_context *tls;       /* NULL: plain */
    struct http_pool *pool;
    struct http_loop *loops;
    unsigned loop_count;
    struct net_addr bound;
    struct loop_watch listener;    /* on loop 0 */
    struct loop_timer accept_timer; /* accepting goes on after the descriptors ran out */
    struct loop_task resume_task;
    atomic_bool resume_posted;
    bool listening, accept_paused; /* loop 0 */
    unsigned next_loop;            /* loop 0 */
    _Atomic uint64_t open_count, total_count;
    uint64_t drain_grace_ns;       /* set before the drain tasks are posted */
    void (*on_round)(unsigned loop_index, void *ctx);
    void *on_round_ctx;
    bool started, drained;
};

static inline void counter_add(_Atomic uint64_t *counter, uint64_t by) /* single writer */
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by, memory_order_relaxed);
}

/* ---- http_conn.c; loop thread ---- */

struct http_conn *conn_create(struct http_loop *hl, int fd, const struct net_addr *peer); /* any thread; not yet watched */
void conn_adopt(struct http_conn *c);   /* begins to serve it on its loop */
void conn_pump(struct http_conn *c);    /* reads, parses, dispatches, sends, until it would wait */
void conn_close(struct http_conn *c);   /* at once; frees it when no handler holds its exchange */
void conn_drain(struct http_conn *c);   /* closes it when it is idle, else after its answer */
void conn_finish(struct http_exchange *x); /* handler returned and answer complete */
bool conn_has_unsent(const struct http_conn *c);
void conn_set_state(struct http_conn *c, enum conn_state state); /* and starts its time */
void conn_refuse(struct http_conn *c, unsigned status, const char *text); /* answers, then closes */
void conn_dispatch(struct http_conn *c); /* the request is complete */

/* ---- http_request.c; loop thread ---- */

/* Both take bytes from the front and return how many; the head returns 0 as long as it is incomplete. They may dispatch
 * or refuse the request, and so close the connection. */
size_t request_feed_head(struct http_conn *c, bole_slice bytes);
size_t request_feed_body(struct http_conn *c, bole_slice bytes);
/* For receiving an announced body in place: room for a part of the rest, NULL without memory; then how much came. */
uint8_t *request_body_room(struct http_exchange *x, size_t *ret_room);
void request_count_body(struct http_conn *c, size_t n, bool more_input);
void request_drop_piece(struct http_exchange *x); /* the handler has taken it */

/* ---- http_server.c ---- */

void server_conn_closed(struct http_server *s);
const char *loop_date(struct http_loop *hl);

/* ---- http_exchange.c ---- */

struct http_exchange *exchange_create(struct http_loop *hl); /* NULL: no memory */
void exchange_release(struct http_exchange *x);
/* Decodes the body and calls the handler; on the loop or on a pool thread. */
void exchange_run(struct http_exchange *x);
/* One of X_RETURNED, X_ANSWERED has happened: the second of them hands the exchange back. The last touch of x. */
void exchange_mark(struct http_exchange *x, unsigned bit);
/* An answer of the server itself, before or instead of the handler. */
void exchange_refuse(struct http_exchange *x, unsigned status, const char *text);
/* For a 413: what its sender, or the operator, can do. */
const char *exchange_size_advice(const struct http_exchange *x);
const char *http_status_text(unsigned status);
/* The head of an answer into the arena, with what every answer has. length SIZE_MAX: no Content-Length. */
bool exchange_build_head(struct http_exchange *x, unsigned status, const char *content_type, size_t length, const char *headers);

/* ---- http_pool.c ---- */

struct pool_wait { struct pool_wait *next, **link; struct http_exchange *x; uint64_t since_ns; };

bole_status pool_create(unsigned running_max, const struct clock *clock, struct http_pool **ret_pool, struct bole_err *err);
bool pool_stop(struct http_pool *p);     /* finishes what is queued; true once every thread is at its end */
void pool_destroy(struct http_pool *p);  /* waits for that; NULL is fine */
bool pool_submit(struct http_pool *p, struct http_exchange *x); /* false: the queue is full */
/* Around a handler's wait for its client, in which x may be told to give up; wait_on after every POOL_PATIENCE_NS of it. Pool
 * threads, without locks. */
#define POOL_PATIENCE_NS NS_PER_S /* a client that has read nothing for so long may be given up */
void pool_wait_begin(struct http_pool *p, struct pool_wait *w, struct http_exchange *x);
void pool_wait_on(struct http_pool *p);
void pool_wait_end(struct http_pool *p, struct pool_wait *w);

/* ---- http_stream.c, http_ws.c; loop thread ---- */

bool stream_take(struct http_exchange *x, struct buf *out); /* what was written since the last time; false: nothing */
void stream_gone(struct http_exchange *x);   /* the connection is closed */
void stream_give_up(struct http_exchange *x); /* any thread, while the writer waits: the answer is cut off where it is */
void stream_destroy(struct http_stream *s);  /* NULL is fine */

void ws_wake(struct http_exchange *x);       /* opens it */
bool ws_take(struct http_exchange *x);       /* frames what is queued into the connection's buffer; false: nothing */
void ws_receive(struct http_exchange *x, bole_slice bytes);
void ws_heard(struct http_exchange *x);      /* a sign that the client takes part */
uint64_t ws_deadline(const struct http_exchange *x);
void ws_time_is_up(struct http_exchange *x); /* the deadline has passed: ping, or give up */
bool ws_is_over(const struct http_exchange *x); /* both sides have closed */
void ws_drain(struct http_exchange *x);
void ws_gone(struct http_exchange *x);       /* the connection is closed */
void ws_finish(struct http_exchange *x);     /* tells on_close; the last one */

#endif
