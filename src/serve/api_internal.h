/*
 * api_internal.h - what the files of the API share: the api itself and small helpers of every handler.
 */
#ifndef SERVE_API_INTERNAL_H
#define SERVE_API_INTERNAL_H

#include <pthread.h>

#include "serve/api.h"
#include "serve/metrics.h"
#include "serve/tail.h"

/* Flags of Loki's paths, whose methods are refused as Loki refuses them. */
#define LOKI_METHODS (HTTP_NO_HEAD | HTTP_OR_NOTHING)

struct api {
    struct api_options      options;  /* defaults filled in; then read-only */
    struct ingest          *ingest;   /* set by api_attach, then read-only */
    struct http_server     *server;
    const struct sockets   *sockets;  /* or NULL */
    struct tail_hub        *tails;
    struct source_keeper   *source_keeper; /* or NULL */
    pthread_mutex_t         saved_lock; /* orders those who write saved objects */
    struct http_route      *routes;   /* copies of the tables with ctx set */
    size_t                  route_count;
    struct receiver       **receivers; /* one per loop; read-only after api_attach */
    unsigned                receiver_count;
    int64_t                 started_ns;
    atomic_bool             stopping;
    atomic_uint             exports_open;
    struct metrics_counters counters;
    atomic_uint_fast64_t    splunk_acks; /* acknowledgements given out */
};

/* Each file of handlers has one table; api_create joins them. */
struct api_table { const struct http_route *routes; size_t count; };
extern const struct api_table tail_table, loki_query_table, loki_label_table, loki_detect_table, loki_index_table,
    loki_meta_table, loki_patterns_table, loki_delete_table, native_query_table, native_context_table, native_fields_table,
    native_admin_table, native_backup_table, native_dlq_table, native_saved_table, native_sources_table, push_table;
extern const struct api_table elastic_table, intake_table;

/* native_sources.c */
bole_status source_keeper_create(struct api *a, struct bole_err *err);
void source_keeper_destroy(struct api *a); /* writes what is new */

/* The tenant the request speaks for: X-Scope-OrgID, else "default". False: it was no valid name and 400 was answered. */
bool api_tenant(struct http_exchange *x, bole_slice *ret_tenant);

/* The same for a query, which may name several with '|' between: all of them as they were sent, each a valid name. */
bool api_tenants(struct http_exchange *x, bole_slice *ret_tenants);

/* True when the client asks for categorize-labels, by header or, since a browser cannot set headers on a WebSocket, by a
 * parameter of the same name. */
bool api_wants_categories(struct http_exchange *x);

/* A parameter as text: its ptr is never NULL. */
bole_slice api_param(struct http_exchange *x, bole_slice name);

/* What drew on `budget` has failed with *err. When that was because others hold the memory, *err says so from now on, with
 * BOLE_E_NOMEM, whatever the place where it ran out made of it. */
void api_explain_memory(const struct budget *budget, struct bole_err *err);

/* The answer to a failed request, as Loki gives it: text/plain without a newline; a limit that a query ran into is its own
 * fault (400), memory that others hold is 429, a deadline is 504. */
void api_reply_query_error(struct http_exchange *x, const struct budget *budget, struct bole_err *err);

/* Answers 200 with the JSON in `body` (taken), or 500 when the buffer ran out of memory. */
void api_reply_json(struct http_exchange *x, struct buf *body);

#endif
