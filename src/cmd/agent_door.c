#include "cmd/agent_door.h"

#include <stdlib.h>

#include "base/err.h"
#include "cmd/agent_figures.h"
#include "serve/http.h"

#define GRACE_NS (1000 * (uint64_t)NS_PER_MS)

struct agent_door {
    struct http_server *http;
    struct agent_door_options options;
    struct http_route routes[3];
};

/* ---- what there is to tell ---- */

static void put_member(struct buf *out, const char *name, uint64_t value)
{
    buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)value);
}

static void put_input(const struct agent_input *in, void *ctx)
{
    struct buf *out = ctx;
    buf_put_str(out, !out->len || out->ptr[out->len - 1] == '[' ? "{\"path\":" : ",{\"path\":");
    buf_put_json(out, in->path, false);
    buf_printf(out, ",\"state\":\"%s\",\"reason\":", in->state);
    buf_put_json(out, bole_slice_str(in->reason), false);
    put_member(out, "offset", in->offset);
    put_member(out, "size", in->size);
    put_member(out, "lag_bytes", in->lag_bytes);
    put_member(out, "lines", in->lines);
    put_member(out, "bytes", in->bytes);
    put_member(out, "cut_lines", in->cut_lines);
    put_member(out, "split_lines", in->split_lines);
    put_member(out, "skipped_bytes", in->skipped_bytes);
    put_member(out, "truncations", in->truncations);
    put_member(out, "errors", in->errors);
    buf_put_u8(out, '}');
}

static const char *state_of(const struct spool_stats *s)
{
    return s->is_full ? "spool full" : s->is_away ? "server away" : s->groups ? "sending" : "idle";
}

static size_t get_figures(struct agent_door *d, struct metrics_figure ret_figures[METRICS_FIGURES_MAX])
{
    struct spool_stats s;
    struct agent_status a;
    size_t count = agent_figures(d->options.agent, ret_figures);
    spool_get_stats(d->options.spool, &s);
    agent_get_status(d->options.agent, &a);
    const struct metrics_figure figures[] = {
        {"watched_directories", "Directories that inotify watches.", true, a.directories},
        {"records_refused_total", "Records over a limit, or refused by a rule of this agent.", false, a.records_refused},
        {"spool_groups", "Groups of batches that the server has not called durable.", true, s.groups},
        {"spool_bytes", "Their bytes, compressed.", true, s.bytes},
        {"spool_full", "1: the server is away and nothing more is read.", true, s.is_full},
        {"server_away", "1: the server has not answered for seconds.", true, s.is_away},
        {"sent_batches_total", "Batches that the server has called durable.", false, s.batches_sent},
        {"sent_records_total", "Their records.", false, s.records_sent},
        {"sent_bytes_total", "Their bytes, compressed.", false, s.bytes_sent},
        {"sent_duplicates_total", "Of them, those that the server had before.", false, s.duplicates},
        {"rejected_records_total", "Records that the server will never take.", false, s.records_rejected},
        {"retries_total", "Batches that were not taken at once.", false, s.retries},
        {"gaps_total", "Answers that another batch is wanted.", false, s.gaps},
        {"new_producers_total", "Lanes that had to begin again.", false, s.new_producers},
        {"dropped_batches_total", "Batches dropped from a full spool.", false, s.batches_dropped},
        {"dropped_records_total", "Their records.", false, s.records_dropped},
    };
    _Static_assert(AGENT_FIGURES + sizeof figures / sizeof *figures <= METRICS_FIGURES_MAX, "room for the figures");
    memcpy(ret_figures + count, figures, sizeof figures);
    return count + sizeof figures / sizeof *figures;
}

/* ---- HTTP ---- */

static void answer_metrics(struct http_exchange *x, void *ctx)
{
    struct agent_door *d = ctx;
    struct metrics_figure figures[METRICS_FIGURES_MAX];
    struct buf out;
    buf_init(&out, NULL);
    size_t count = get_figures(d, figures);
    for (size_t i = 0; i < count; i++)
        buf_printf(&out, "# HELP bole_agent_%s %s\n# TYPE bole_agent_%s %s\nbole_agent_%s %llu\n", figures[i].name,
                   figures[i].help, figures[i].name, figures[i].is_gauge ? "gauge" : "counter", figures[i].name,
                   (unsigned long long)figures[i].value);
    http_reply_buf(x, 200, "text/plain; version=0.0.4", &out);
    buf_deinit(&out);
}

static void answer_status(struct http_exchange *x, void *ctx)
{
    struct agent_door *d = ctx;
    struct buf out;
    struct metrics_figure figures[METRICS_FIGURES_MAX];
    struct spool_stats s;
    struct agent_status a;
    buf_init(&out, NULL);
    spool_get_stats(d->options.spool, &s);
    agent_get_status(d->options.agent, &a);
    buf_printf(&out, "{\"state\":\"%s\",\"server\":", state_of(&s));
    buf_put_json(&out, bole_slice_str(d->options.server_url), false);
    buf_put_str(&out, ",\"last_error\":");
    buf_put_json(&out, bole_slice_str(s.last_error[0] ? s.last_error : a.last_error), false);
    buf_put_str(&out, ",\"inputs\":[");
    agent_each_input(d->options.agent, put_input, &out);
    buf_put_str(&out, "],\"figures\":{\"version\":1");
    size_t count = get_figures(d, figures);
    for (size_t i = 0; i < count; i++)
        put_member(&out, figures[i].name, figures[i].value);
    buf_put_str(&out, "}}\n");
    http_reply_buf(x, 200, "application/json", &out);
    buf_deinit(&out);
}

static void answer_ready(struct http_exchange *x, void *ctx)
{
    struct spool_stats s;
    spool_get_stats(((struct agent_door *)ctx)->options.spool, &s);
    http_reply_text(x, s.is_full ? 503 : 200, "%s\n", state_of(&s));
}

bole_status agent_door_open(const struct agent_door_options *options, struct agent_door **ret_door, struct bole_err *err)
{
    struct agent_door *d = calloc(1, sizeof *d);
    if (!d)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the agent's door");
    d->options = *options;
    d->routes[0] = (struct http_route){.methods = HTTP_GET, .path = "/metrics", .handler = answer_metrics, .ctx = d};
    d->routes[1] = (struct http_route){.methods = HTTP_GET, .path = "/api/v1/agent", .handler = answer_status, .ctx = d};
    d->routes[2] = (struct http_route){.methods = HTTP_GET, .path = "/ready", .handler = answer_ready, .ctx = d};
    const struct http_options http = {.listen = bole_slice_str(options->listen),
                                      .routes = d->routes,
                                      .route_count = 3,
                                      .loop_count = 1,
                                      .pool_count = 1,
                                      .connection_max = 64,
                                      .body_max_bytes = 4096,
                                      .clock = &clock_system};
    bole_status st = http_server_create(&http, &d->http, err);
    if (st == BOLE_OK)
        st = http_server_start(d->http, err);
    if (st < 0) {
        agent_door_close(d);
        return st;
    }
    *ret_door = d;
    return BOLE_OK;
}

void agent_door_close(struct agent_door *d)
{
    if (!d)
        return;
    if (d->http)
        http_server_drain(d->http, GRACE_NS);
    http_server_destroy(d->http);
    free(d);
}
