/*
 * client.h - libbole: push to a Bole server, query it, follow it. The command line itself stands on this.
 *
 * Speaks HTTP/1.1 (TLS with https://) through libcurl, which is loaded at the first use: a server that never calls out
 * does not pay for it.
 *
 * Owner:   the caller owns what it created; slices given to callbacks live for the call only.
 * Threads: one at a time per client.
 * Errors:  the server's text is the message. 401, 403 and 407 BOLE_E_DENIED, 404 NOTFOUND, 408 IO, 429 LIMIT, other 4xx
 *          INVALID, 503 FULL, other answers and everything of the network IO; a set stop flag BOLE_E_CANCELLED.
 */
#ifndef BOLE_CLIENT_H
#define BOLE_CLIENT_H

#include <signal.h>
#include <stdbool.h>

#include "bole/types.h"

struct bole_client;

/* What is NULL is taken from the environment: BOLE_..., or what logcli reads (LOKI_...), in that order. */
struct bole_client_options {
    const char *url;    /* "http://127.0.0.1:3100"; BOLE_ADDR, LOKI_ADDR, else that one */
    const char *token;  /* sent as bearer token; BOLE_TOKEN, LOKI_BEARER_TOKEN, else none */
    const char *tenant; /* sent as X-Scope-OrgID; several with | between for queries; BOLE_TENANT, LOKI_ORG_ID, else none */
    const char *username, *password; /* sent as basic authentication when there is no token; LOKI_USERNAME, LOKI_PASSWORD, else none */
    /* PEM file that the server's certificate is checked against; BOLE_CA_CERT, LOKI_CA_CERT_PATH, else the system's */
    const char *ca_cert;
    /* PEM files: who we are, for a server that asks; BOLE_CLIENT_CERT, LOKI_CLIENT_CERT_PATH, and ..._KEY, else none */
    const char *cert, *key;
    bool tls_skip_verify;   /* or LOKI_TLS_SKIP_VERIFY=true: takes any certificate: whoever sits between reads and changes everything */
    unsigned timeout_s;     /* a request may take so long in all; 0: as long as it takes */
    const volatile sig_atomic_t *stop; /* looked at often while waiting; NULL: never stops */
};

bole_status bole_client_create(const struct bole_client_options *options, struct bole_client **ret_client,
                               struct bole_err *err);
void bole_client_destroy(struct bole_client *c); /* NULL is fine */
const char *bole_client_url(const struct bole_client *c);
const char *bole_client_tenant(const struct bole_client *c); /* that requests name; NULL: none, the server's default */

/* Gets bytes of the answer as they come; anything but BOLE_OK from it ends the call and is returned. */
typedef bole_status bole_client_bytes_fn(bole_slice bytes, void *ctx, struct bole_err *err);

bole_status bole_client_get(struct bole_client *c, const char *path_and_query, bole_client_bytes_fn *fn, void *ctx,
                            struct bole_err *err);
bole_status bole_client_post(struct bole_client *c, const char *path_and_query, const char *content_type,
                             bole_slice body, bole_client_bytes_fn *fn, void *ctx, struct bole_err *err);

bole_status bole_client_delete(struct bole_client *c, const char *path_and_query, struct bole_err *err);

/* Of the last get, post, delete or flush: the body of an answer that was an error (empty: it was none; up to 64 KiB, valid
 * until the next call), and the seconds after which the server wants to be asked again (0: it said nothing; at most
 * 60). */
bole_slice bole_client_refusal(const struct bole_client *c);
unsigned bole_client_retry_after_s(const struct bole_client *c);
/* The number that it was answered with; 0: there was no answer. */
unsigned bole_client_http_status(const struct bole_client *c);

/* Opens a WebSocket and hands over an empty text when it stands, then every text message until the server or fn ends
 * it. A normal close is BOLE_OK. */
bole_status bole_client_follow(struct bole_client *c, const char *path_and_query, bole_client_bytes_fn *fn, void *ctx,
                               struct bole_err *err);

/* ---- rows: from the store, or as they come ---- */

struct bole_field {
    bole_slice name;
    bole_slice value;
};

struct bole_row {
    int64_t    time_ns;
    bole_slice line;
    bole_slice id; /* a permalink, and where a query goes on: bole_query_options.cursor; empty in a tail */
    const struct bole_field *labels; /* of the stream, sorted by name */
    size_t     label_count;
    const struct bole_field *fields; /* sent with the row, or found in its line by the query's parsers */
    size_t     field_count;
};

/* The row and all it points to is valid for the call. Anything but BOLE_OK ends the query or tail and is returned. */
typedef bole_status bole_row_fn(const struct bole_row *row, void *ctx, struct bole_err *err);

struct bole_query_options {
    const char *query;        /* LogQL, a log query */
    int64_t     start_ns, end_ns; /* both 0: the last hour */
    uint64_t    limit;        /* 0: all rows, however many */
    bool        forward;      /* oldest first */
    const char *cursor;       /* the id of the row behind which to go on; NULL: from the beginning */
    void      (*on_warning)(bole_slice text, void *ctx); /* rows that damage kept out; NULL: not told */
};

/* Rows one by one, as the server finds them: a result may be larger than memory. */
bole_status bole_client_query(struct bole_client *c, const struct bole_query_options *options, bole_row_fn *fn, void *ctx,
                              struct bole_err *err);

struct bole_tail_options {
    const char *query;        /* LogQL, a log query */
    int64_t     start_ns;     /* history since then; 0: an hour ago */
    uint32_t    limit;        /* rows of history; 0: 100 */
    const char *cursor;       /* of an earlier tail: all that was committed since; NULL: none */
    /* After each frame the place behind which a later tail goes on; NULL: not told. */
    void      (*on_cursor)(bole_slice cursor, void *ctx);
    void      (*on_dropped)(uint64_t row_count, void *ctx); /* we were too slow for so many rows; NULL: not told */
};

/* Rows of a frame come grouped by stream. Until fn, the stop flag or the server ends it. */
bole_status bole_client_tail(struct bole_client *c, const struct bole_tail_options *options, bole_row_fn *fn, void *ctx,
                             struct bole_err *err);

/* ---- push: records to the server, durable when flush returns BOLE_OK ---- */

struct bole_push;

bole_status bole_push_create(struct bole_client *c, struct bole_push **ret_push, struct bole_err *err);
void bole_push_destroy(struct bole_push *p); /* what was not flushed is gone; NULL is fine */
/* Labels as `{app="x"}`. Everything is copied. */
bole_status bole_push_add(struct bole_push *p, bole_slice labels, int64_t time_ns, bole_slice line,
                          const struct bole_field *fields, size_t field_count, struct bole_err *err);
size_t bole_push_size(const struct bole_push *p); /* bytes waiting */
void bole_push_clear(struct bole_push *p);        /* forgets what waits */
/* after a failure the records still wait: flush again */
bole_status bole_push_flush(struct bole_push *p, struct bole_err *err);

#endif
