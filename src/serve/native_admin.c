/*
 * native_admin.c - what operators ask: probes, metrics, status, log level, flush, merge.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "query/parser.h"
#include "serve/api_internal.h"
#include "serve/loki_json.h"

static void ready(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    if (atomic_load(&a->stopping))
        http_reply_text(x, 503, "stopping\n");
    else
        http_reply_text(x, 200, "ready\n");
}

static void healthz(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    http_reply_text(x, 200, "ok\n");
}

static struct metrics_sources sources_of(struct api *a)
{
    return (struct metrics_sources){.ingest = a->ingest,
                                    .queue = a->options.queue,
                                    .store = a->options.store,
                                    .server = a->server,
                                    .sockets = a->sockets,
                                    .budget = a->options.budget,
                                    .fs = a->options.fs,
                                    .counters = &a->counters,
                                    .process = a->options.receive.process,
                                    .dead_letters = a->options.receive.dead_letters,
                                    .limits = a->options.receive.limits,
                                    .senders = a->options.receive.sources,
                                    .agent_figures = a->options.agent_figures,
                                    .agent_ctx = a->options.agent_ctx,
                                    .started_ns = a->started_ns};
}

static void metrics(struct http_exchange *x, void *ctx)
{
    struct metrics_sources sources = sources_of(ctx);
    struct buf body;
    buf_init(&body, NULL);
    metrics_write(&sources, &body);
    if (body.failed)
        http_reply_text(x, 500, "no memory for the metrics");
    else
        http_reply_buf(x, 200, METRICS_TYPE, &body);
    buf_deinit(&body);
}

static void status(struct http_exchange *x, void *ctx)
{
    struct metrics_sources sources = sources_of(ctx);
    struct buf body;
    buf_init(&body, NULL);
    metrics_write_json(&sources, &body);
    api_reply_json(x, &body);
}

static void config(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct process *process = a->options.receive.process;
    struct buf text;
    buf_init(&text, NULL);
    buf_put(&text, a->options.config_text);
    struct process_figures *f = process ? malloc(sizeof *f) : NULL;
    if (f) {
        struct pipeline *held;
        process_get_figures(process, f, &held);
        buf_put_str(&text, "process:\n  file: ");
        buf_put_json(&text, bole_slice_str(f->path), false);
        buf_printf(&text, "\n  # version %s, rules %zu\n", f->version, f->rule_count);
        pipeline_unref(held);
    }
    http_reply_buf(x, 200, "text/yaml; charset=utf-8", &text);
    free(f);
    buf_deinit(&text);
}

/* The parts of the one process, in Loki's form; they start and stop together. */
static void services(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    const char *state = atomic_load(&a->stopping) ? "Stopping" : "Running";
    struct ingest_stats s;
    ingest_get_stats(a->ingest, &s);
    http_reply_text(x, 200, "server => %s\ningest => %s%s\nqueue => %s\nstore => %s\nquery => %s\ntail => %s\n", state, state,
                    s.no_room ? ", refuses records: the disk has no room" : "", state, state, state, state);
}

static void log_level_get(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    struct buf body;
    buf_init(&body, NULL);
    buf_printf(&body, "{\"message\":\"Current log level is %s\"}", log_level_name(log_get_level()));
    api_reply_json(x, &body);
}

static void log_level_set(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    enum log_level level;
    struct buf body;
    buf_init(&body, NULL);
    bool known = log_parse_level(api_param(x, S("log_level")), &level) == 0;
    if (known) {
        log_set_level(level);
        buf_printf(&body, "{\"status\":\"success\",\"message\":\"Log level set to %s\"}", log_level_name(level));
    } else {
        struct buf text;
        buf_init(&text, NULL);
        buf_put_str(&text, "unrecognized log level ");
        ast_print_string(api_param(x, S("log_level")), &text);
        buf_put_str(&body, "{\"status\":\"failed\",\"message\":");
        buf_put_json(&body, buf_slice(&text), true);
        buf_put_u8(&body, '}');
        buf_deinit(&text);
    }
    http_reply_buf(x, known ? 200 : 400, LOKI_JSON_TYPE, &body);
    buf_deinit(&body);
}

static void flush(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct bole_err err = {0};
    if (!a->ingest)
        http_reply_text(x, 503, "starting");
    else if (ingest_flush(a->ingest, &err) < 0)
        http_reply_err(x, &err);
    else
        http_reply(x, &(struct http_reply){.status = 204});
}

/* What is due, with force=true everything that makes fewer segments, or with idle=true what an idle machine does; answers when it
 * is done. */
static void merge(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct store_merge_stats m;
    struct bole_err err = {0};
    struct buf body;
    bool force = bole_slice_eq(api_param(x, S("force")), S("true")), idle = bole_slice_eq(api_param(x, S("idle")), S("true"));
    enum store_merge_what what = idle ? STORE_MERGE_IDLE : force ? STORE_MERGE_EVERYTHING : STORE_MERGE_DUE;
    if (store_merge(a->options.store, what, &m, &err) < 0) {
        http_reply_err(x, &err);
        return;
    }
    buf_init(&body, NULL);
    buf_printf(&body, "{\"status\":\"success\",\"merges_run\":%llu,\"segments_in\":%llu,\"segments_out\":%llu,"
               "\"read_bytes\":%llu,\"written_bytes\":%llu}", (unsigned long long)m.merges, (unsigned long long)m.segments_in,
               (unsigned long long)m.segments_out, (unsigned long long)m.bytes_read, (unsigned long long)m.bytes_written);
    api_reply_json(x, &body);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/ready", ready},
    {HTTP_GET, "/healthz", healthz},
    {HTTP_GET, "/metrics", metrics},
    {HTTP_GET, "/config", config},
    {HTTP_GET, "/services", services},
    {HTTP_GET, "/log_level", log_level_get},
    {HTTP_POST, "/log_level", log_level_set, .flags = HTTP_WRITE},
    {HTTP_POST, "/flush", flush, .flags = HTTP_WRITE | HTTP_POOL},
    {HTTP_POST, "/api/v1/merge", merge, .flags = HTTP_WRITE | HTTP_POOL},
    {HTTP_GET, "/api/v1/status", status},
};

const struct api_table native_admin_table = {routes, sizeof routes / sizeof *routes};
