/*
 * metrics.h - the program's figures: gathered once per request, written as Prometheus text or as JSON.
 *
 * Names are stable: bole_* for Bole's own, process_* as every Prometheus client has them.
 * Format:  Prometheus text exposition 0.0.4. Units: seconds and bytes, as its conventions ask.
 * Threads: any.
 */
#ifndef SERVE_METRICS_H
#define SERVE_METRICS_H

#include <stdatomic.h>

#include "ingest/ingest.h"
#include "queue/queue.h"
#include "receive/receive.h"
#include "serve/http.h"
#include "serve/sockets.h"
#include "store/store.h"

/* Doors that take records over HTTP and gRPC; metrics_door_name is the value of the label `door`. */
enum metrics_door {
    DOOR_HTTP_LOKI,
    DOOR_HTTP_JSON_LINES,
    DOOR_HTTP_ELASTIC,
    DOOR_HTTP_OTLP,
    DOOR_HTTP_GELF,
    DOOR_HTTP_DATADOG,
    DOOR_HTTP_SPLUNK,
    DOOR_HTTP_JOURNAL,
    DOOR_GRPC_OTLP,
    DOOR_GRPC_PUSH,
    DOOR_HTTP_PUSH,
    DOOR_HTTP_FIREHOSE,
    DOOR_HTTP_CLOUDWATCH,
    METRICS_DOOR_COUNT
};
const char *metrics_door_name(enum metrics_door door);

struct metrics_door_counters {
    atomic_uint_fast64_t requests_total, records_total, bytes_total;
};

struct metrics_counters { /* counted by the API itself */
    atomic_uint_fast64_t queries_total, query_errors_total, query_ns_total, query_rows_total, query_bytes_total;
    atomic_uint_fast64_t rejected_total[RECEIVE_REASON_COUNT], utf8_replaced_total;
    struct metrics_door_counters doors[METRICS_DOOR_COUNT];
    atomic_uint_fast64_t tails_open, tails_total, tail_rows_total, tail_dropped_total;
};

struct metrics_figure { /* of a part of the program that this one does not know; the texts are constants */
    const char *name, *help;
    bool        is_gauge;
    uint64_t    value;
};
enum { METRICS_FIGURES_MAX = 32 };

struct metrics_sources { /* NULL: its figures are left out */
    struct ingest      *ingest;
    struct queue       *queue;
    struct store       *store;
    struct http_server *server;
    const struct sockets *sockets;
    struct budget      *budget;
    struct fs          *fs;
    struct metrics_counters *counters;
    struct process     *process;
    struct dead_letters *dead_letters;
    struct limits      *limits;
    struct sources     *senders;
    size_t            (*agent_figures)(void *ctx, struct metrics_figure *ret_figures); /* as in api_options */
    void               *agent_ctx;
    int64_t             started_ns; /* UTC */
};

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_write(const struct metrics_sources *sources, struct buf *out);

/* {"ingest":{"rows_total":1,...},"queue":{...},...}: the same figures by the same names, for /api/v1/status. */
void metrics_write_json(const struct metrics_sources *sources, struct buf *out);

#endif
