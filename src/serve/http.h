/*
 * http.h - HTTP/1.1 server: event loops, strict parsing (RFC 9112), bodies straight into the request's arena.
 *
 * One epoll loop per thread, each with its own SO_REUSEPORT-free share of the connections (one loop accepts, the others
 * are handed sockets round-robin). A handler runs on its loop and either answers at once or defers: a deferred exchange
 * is finished later from any thread. Slow work (queries) is marked in the route and runs on the worker pool.
 *
 * Refused before any handler: everything RFC 9112 calls ambiguous (two lengths, length with chunked, obs-fold, bare CR
 * or LF, blank before the colon, unknown transfer codings...), a Host that is not ours, a foreign Origin on writes and
 * upgrades, bodies over the route's limit, decompressed bodies over theirs.
 *
 * Owner:   an exchange and all slices reached through it live until it is finished (http_reply, the end of a stream,
 *          a websocket's close callback).
 * Threads: handlers run on a loop or a pool thread, one thread at a time per exchange. http_reply, http_stream_*,
 *          http_ws_* may be called from any thread, one at a time per exchange.
 */
#ifndef SERVE_HTTP_H
#define SERVE_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/content.h"

struct http_server;
struct http_exchange;
struct net;

#define HTTP_BODY_PAD 64 /* readable zero bytes behind every body: simdjson and other wide readers need no copy */

typedef void http_handler(struct http_exchange *x, void *ctx);

enum http_method_bits { HTTP_GET = 1, HTTP_POST = 2, HTTP_PUT = 4, HTTP_DELETE = 8 }; /* GET implies HEAD */

enum http_route_flags {
    HTTP_POOL = 1,      /* handler may block: runs on the worker pool; 503 when 256 wait; not run for a GET nobody awaits */
    HTTP_WRITE = 2,     /* changes state: an Origin header, if sent, must be ours */
    HTTP_UPGRADE = 4,   /* may become a WebSocket: Origin as with HTTP_WRITE */
    HTTP_PIECES = 16,    /* a body without a coding comes in pieces, and may be of any length: http_body_open */
    HTTP_NO_FORM = 32,  /* the body is none, whatever its type says: curl -d, and clients without a thought, call everything a form */
    HTTP_NO_HEAD = 64,   /* GET does not imply HEAD: 405 */
    HTTP_OR_NOTHING = 128, /* GET, POST and DELETE that the path has no route for are 404, not 405 */
    HTTP_RAW_BODY = 8,  /* leave Content-Encoding alone: the handler decodes (snappy in Loki's push is part of the type) */
};

struct http_route {
    unsigned      methods;
    const char   *path;           /* "/loki/api/v1/label/{name}/values"; a last "{rest*}" takes everything */
    http_handler *handler;
    void         *ctx;
    unsigned      flags;
    size_t        body_max_bytes; /* on the wire, in pieces of what one may have to be; 0: the server's default */
    size_t        decoded_max_bytes; /* after decompression; 0: the server's default */
};

struct http_options {
    bole_slice listen;                /* "127.0.0.1:3100", "[::1]:0", ":3100" */
    const struct http_route *routes;  /* borrowed for the server's life */
    size_t route_count;
    http_handler *fallback;           /* no route matched; NULL: 404 "404 page not found\n" */
    void *fallback_ctx;
    unsigned loop_count, pool_count;  /* 0: chosen from the CPUs (loops at most 4, pool at least 2) */
    const bole_slice *host_names;     /* http_host.h; borrowed for the server's life; NULL: none */
    size_t host_name_count;
    const char *tls_cert_path, *tls_key_path; /* PEM; NULL: plain */
    size_t connection_max;            /* default 20,000 */
    size_t body_max_bytes, decoded_max_bytes, header_max_bytes; /* defaults 32 MB, 128 MB, 32 KB */
    /* Defaults 10, 60 (in which 1 KiB of a body comes, or its end), 120, 30 s. A WebSocket is pinged after a quarter of the idle timeout, has a twelfth of it
     * to answer, and may take nothing for a third of the write timeout. */
    uint64_t header_timeout_ns, body_timeout_ns, idle_timeout_ns, write_timeout_ns;
    struct budget *budget;            /* requests' arenas draw on it; NULL: none */
    const struct clock *clock;
    struct net *net;                  /* NULL: net_posix */
};

/* Binds and listens; no thread runs yet. */
bole_status http_server_create(const struct http_options *options, struct http_server **ret_server, struct bole_err *err);
bole_status http_server_start(struct http_server *s, struct bole_err *err);
unsigned http_server_port(const struct http_server *s);
/* Stops accepting, lets requests in flight finish for at most grace_ns, closes idle connections and WebSockets (1001),
 * joins its threads. */
void http_server_drain(struct http_server *s, uint64_t grace_ns);
/* Drains with no grace if that was not done. Answers may still come between drain and destroy; before destroy whoever
 * answers must be through (joined). NULL is fine. */
void http_server_destroy(struct http_server *s);

/* Called on each loop thread at the end of every round of events: ingest closes its open batch here. */
void http_server_on_round(struct http_server *s, void (*fn)(unsigned loop_index, void *ctx), void *ctx);

struct http_stats {
    uint64_t connections_open, connections_total, requests_total, bytes_in_total, bytes_out_total, refused_total;
    uint64_t by_class[6]; /* answers by status / 100 */
};
void http_server_stats(const struct http_server *s, struct http_stats *ret_stats);

/* ---- the request ---- */

unsigned   http_method(const struct http_exchange *x);
bole_slice http_path(const struct http_exchange *x);              /* decoded once, without the query */
bole_slice http_path_param(const struct http_exchange *x, bole_slice name); /* decoded; empty when absent */
bole_slice http_header(const struct http_exchange *x, bole_slice name);     /* any case; first one; ptr NULL: absent */
/* All of that name, in order: call with *at = 0 first; false after the last one. */
bool       http_header_next(const struct http_exchange *x, bole_slice name, size_t *at, bole_slice *ret_value);
size_t http_body_sent(const struct http_exchange *x);     /* its bytes as they came */
bole_slice http_body(const struct http_exchange *x);  /* decompressed unless HTTP_RAW_BODY; HTTP_BODY_PAD zeros behind it */
bole_slice http_remote(const struct http_exchange *x);            /* "127.0.0.1": the client's address */
/* HTTP_PIECES: more will follow, http_body is what there is, from that byte of the body on. Then the handler may, instead of an answer,
 * say how much of it is taken (any thread): it is called again with the rest and what has come behind it, at least twice as much when
 * nothing was taken. With or without more it may ask for the same later. What http_arena gave is gone then. */
bool http_body_open(const struct http_exchange *x);
uint64_t http_body_offset(const struct http_exchange *x);
void http_body_taken(struct http_exchange *x, size_t size);
void http_body_later(struct http_exchange *x, uint64_t wait_ns);
unsigned   http_loop_index(const struct http_exchange *x);
struct arena *http_arena(struct http_exchange *x);                /* lives as long as the exchange, or its piece; one thread at a time */
/* For HTTP_RAW_BODY, before http_body: replaces the body by its decoded form. False: an answer was given. */
bool http_undo_coding(struct http_exchange *x, enum content_coding coding);

/* Query string and, for POSTs of type application/x-www-form-urlencoded without HTTP_NO_FORM, the body; decoded. ptr NULL: absent. */
bole_slice http_param(struct http_exchange *x, bole_slice name);
/* All values of a repeated parameter ("match[]"), in order: call with *at = 0 first; false after the last one. */
bool http_param_next(struct http_exchange *x, bole_slice name, size_t *at, bole_slice *ret_value);

/* ---- the answer: exactly one of the four ---- */

struct http_reply {
    unsigned    status;          /* 200 when 0 */
    const char *content_type;    /* NULL: none */
    bole_slice  body;            /* copied before the call returns, unless body_static */
    bool        body_static;     /* body outlives the server: sent in place */
    const char *headers;         /* more header lines, each ended by CRLF, or NULL; never from untrusted bytes */
};
void http_reply(struct http_exchange *x, const struct http_reply *reply);
/* text/plain, as Loki's errors: no newline is added. */
void http_reply_text(struct http_exchange *x, unsigned status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The answer that fits the status: INVALID 400, LIMIT and NOMEM 429 with Retry-After, FULL 503 with Retry-After,
 * NOTFOUND 404, CANCELLED 499, UNSUPPORTED 501, the rest 500. */
void http_reply_err(struct http_exchange *x, const struct bole_err *err);
/* Takes the bytes of `body` (the buf is empty afterwards); gzip when the client accepts it and it pays. */
void http_reply_buf(struct http_exchange *x, unsigned status, const char *content_type, struct buf *body);

/* Chunked answer, written bit by bit from a pool thread, never from a loop. http_stream_write blocks while the client is
 * slow (bounded buffer); BOLE_E_CANCELLED when it is gone or too slow: stop working. After a successful begin
 * http_stream_end must come, whatever write said; after a failed one any other answer. */
bole_status http_stream_begin(struct http_exchange *x, unsigned status, const char *content_type);
bole_status http_stream_write(struct http_exchange *x, bole_slice bytes);
void        http_stream_end(struct http_exchange *x);

/* True once the client has gone, or has shut its sending side: long work on the pool asks now and then. */
bool http_cancelled(const struct http_exchange *x);

/* ---- WebSocket (RFC 6455; framing by wslay; text frames) ---- */

struct http_ws_callbacks {
    void (*on_text)(struct http_exchange *x, bole_slice text, void *ctx); /* may be NULL; on the loop */
    void (*on_close)(struct http_exchange *x, void *ctx);                 /* last call: x is gone afterwards; on the loop */
};
bool http_is_upgrade(const struct http_exchange *x);
bole_status http_ws_accept(struct http_exchange *x, const struct http_ws_callbacks *callbacks, void *ctx, struct bole_err *err);
/* Queues one text message, of valid UTF-8. BOLE_AGAIN when the client's bounded buffer (HTTP_WS_BUFFER_MAX) is full: nothing
 * queued; BOLE_E_LIMIT when the message alone is larger; BOLE_E_CANCELLED when the WebSocket is closed or closing. */
#define HTTP_WS_BUFFER_MAX (1u << 20) /* bytes */
bole_status http_ws_send(struct http_exchange *x, bole_slice text);
void http_ws_close(struct http_exchange *x, uint16_t code, const char *reason);
/* http_ws_send and http_ws_close are safe from any thread until on_close has returned. */

#endif
