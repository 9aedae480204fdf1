/*
 * api.h - everything HTTP that a user meets: Loki's API, Bole's own, probes, metrics, the embedded UI.
 *
 * Wiring, in this order, because ingest calls back into the API and the API calls ingest:
 *
 *   api_create -> ingest_create(on_commit = api_on_commit, ctx = api) -> http_server_create(api_routes, api_fallback)
 *   -> api_attach -> http_server_start ... http_server_drain -> api_stop -> ingest_destroy -> http_server_destroy
 *   -> api_destroy
 *
 * After a failed api_attach: the same way down.
 *
 * Owner:   everything in the options is borrowed and outlives the api.
 * Threads: handlers run where http.h says; api_on_commit on the committer thread; the rest on the thread that wires.
 */
#ifndef SERVE_API_H
#define SERVE_API_H

#include "ingest/ingest.h"
#include "queue/queue.h"
#include "receive/receive.h"
#include "serve/http.h"
#include "store/store.h"

struct api;

#define API_ENTRIES_MAX_DEFAULT   1000000u                  /* limit= of a log query */
#define API_QUERY_MEMORY_DEFAULT  (256ull * 1024 * 1024)    /* bytes of one query */
#define API_QUERY_TIMEOUT_DEFAULT (60ull * 1000000000)      /* ns */
#define API_TAILS_MAX_DEFAULT     256u                      /* live tails at once */
#define API_EXPORTS_MAX_DEFAULT   1u                        /* exports at once: each holds a pool thread; the pool may have two */

struct metrics_figure;

struct api_options {
    struct queue       *queue;
    struct store       *store;
    const struct clock *clock;
    struct fs          *fs;                  /* reads /proc for the process's own figures; NULL: leaves them out */
    struct budget      *budget;              /* the process's */
    struct budget      *query_budget;        /* of all queries together, a part of it; NULL: budget */
    struct budget      *tail_budget;         /* of all live tails together, a part of it; NULL: budget */
    size_t              query_memory_bytes;  /* 0: the default; at most the budget */
    uint64_t            query_timeout_ns;    /* 0: the default */
    uint64_t            entries_max;         /* 0: the default */
    unsigned            tails_max;           /* 0: the default */
    uint64_t            max_query_bytes;     /* of lines that one query may look at; 0: no limit */
    unsigned            exports_max;         /* 0: the default; fewer than the pool has threads */
    struct receive_options receive;          /* how pushed records are read; its clock and budget are set here */
    /* What reads files into ingest counts; at most METRICS_FIGURES_MAX, returns their number. Any thread, must not wait, until the
     * server has ended. NULL: there is none. */
    size_t            (*agent_figures)(void *ctx, struct metrics_figure *ret_figures);
    void               *agent_ctx;
    bole_slice          config_text;         /* shown by /config; secrets already taken out */
};

bole_status api_create(const struct api_options *options, struct api **ret_api, struct bole_err *err);
/* Before the server is started; both outlive every request. loop_count is the server's, and loop i is ingest's worker i:
 * ingest_options.worker_count must be at least that. */
bole_status api_attach(struct api *a, struct ingest *ingest, struct http_server *server, unsigned loop_count,
                       struct bole_err *err);
/* The doors whose figures are shown; before the server is started, and outlives every request. */
struct sockets;
void api_attach_sockets(struct api *a, const struct sockets *sockets);
/* The table for http_options, with its contexts set; lives as long as the api. */
void api_routes(struct api *a, const struct http_route **ret_routes, size_t *ret_count);
/* http_options.fallback with the api as its context: the UI, else Loki's 404. */
void api_fallback(struct http_exchange *x, void *ctx);
/* ingest_options.on_commit with the api as its context. Never blocks: a slow tail loses rows and is told how many. */
void api_on_commit(uint64_t lsn, struct batch *const *batches, size_t batch_count, void *ctx);
/* /ready answers 503 from now on; live tails are closed and their thread has ended when it returns. */
void api_stop(struct api *a);
void api_destroy(struct api *a); /* NULL is fine */

#endif
