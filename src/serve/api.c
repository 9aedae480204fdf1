/*
 * api.c - the parts put together: one table of routes, tenants, errors, the last resort for paths that nobody took.
 */
#include <stdlib.h>

#include "base/err.h"
#include "record/record.h"
#include "serve/api_internal.h"
#include "serve/loki_json.h"
#include "serve/web.h"

#define DEADLINE_TEXT                                                                                                    \
    "Request timed out, decrease the duration of the request or add more label matchers (prefer exact match over regex " \
    "match) to reduce the amount of data processed."

static const struct api_table *const tables[] = {&loki_query_table, &loki_label_table, &loki_detect_table, &loki_index_table,
                                                 &loki_meta_table, &loki_patterns_table, &loki_delete_table, &native_query_table,
                                                 &native_context_table, &native_fields_table, &native_admin_table,
                                                 &native_backup_table, &native_dlq_table, &native_saved_table, &native_sources_table, &tail_table,
                                                 /* doors */
                                                 &push_table, &elastic_table, &intake_table};
enum { TABLE_COUNT = sizeof tables / sizeof *tables };

static void fill_defaults(struct api_options *o)
{
    if (!o->query_memory_bytes)
        o->query_memory_bytes = API_QUERY_MEMORY_DEFAULT;
    if (!o->query_timeout_ns)
        o->query_timeout_ns = API_QUERY_TIMEOUT_DEFAULT;
    if (!o->entries_max)
        o->entries_max = API_ENTRIES_MAX_DEFAULT;
    if (!o->tails_max)
        o->tails_max = API_TAILS_MAX_DEFAULT;
    if (!o->query_budget)
        o->query_budget = o->budget;
    if (!o->tail_budget)
        o->tail_budget = o->budget;
    if (!o->exports_max)
        o->exports_max = API_EXPORTS_MAX_DEFAULT;
}

static bool join_tables(struct api *a)
{
    for (size_t t = 0; t < TABLE_COUNT; t++)
        a->route_count += tables[t]->count;
    a->routes = calloc(a->route_count, sizeof *a->routes);
    if (!a->routes)
        return false;
    size_t at = 0;
    for (size_t t = 0; t < TABLE_COUNT; t++)
        for (size_t i = 0; i < tables[t]->count; i++, at++) {
            a->routes[at] = tables[t]->routes[i];
            a->routes[at].ctx = a;
        }
    return true;
}

bole_status api_create(const struct api_options *options, struct api **ret_api, struct bole_err *err)
{
    struct api *a = calloc(1, sizeof *a);
    if (!a)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the api");
    a->options = *options;
    fill_defaults(&a->options);
    pthread_mutex_init(&a->saved_lock, NULL);
    a->started_ns = clock_now_ns(options->clock);
    bole_status st = join_tables(a) ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "no memory for the routes");
    if (st == BOLE_OK)
        st = tail_hub_create(a, &a->tails, err);
    if (st == BOLE_OK)
        st = source_keeper_create(a, err);
    if (st < 0) {
        api_destroy(a);
        return st;
    }
    *ret_api = a;
    return BOLE_OK;
}

bole_status api_attach(struct api *a, struct ingest *ingest, struct http_server *server, unsigned loop_count,
                       struct bole_err *err)
{
    struct queue_stats queue = {0};
    queue_stats(a->options.queue, &queue);
    tail_hub_set_position(a->tails, queue.appended_lsn);
    a->ingest = ingest;
    a->server = server;
    struct receive_options receive = a->options.receive;
    receive.clock = a->options.clock;
    receive.budget = a->options.budget;
    a->receivers = calloc(loop_count, sizeof *a->receivers);
    if (!a->receivers)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for receivers");
    bole_status st = BOLE_OK;
    while (st == BOLE_OK && a->receiver_count < loop_count) {
        st = receiver_create(&receive, ingest, a->receiver_count, &a->receivers[a->receiver_count], err);
        a->receiver_count += st == BOLE_OK;
    }
    return st;
}

void api_attach_sockets(struct api *a, const struct sockets *sockets)
{
    a->sockets = sockets;
}

void api_routes(struct api *a, const struct http_route **ret_routes, size_t *ret_count)
{
    *ret_routes = a->routes;
    *ret_count = a->route_count;
}

void api_on_commit(uint64_t lsn, struct batch *const *batches, size_t batch_count, void *ctx)
{
    struct api *a = ctx;
    tail_hub_commit(a->tails, lsn, batches, batch_count);
}

void api_stop(struct api *a)
{
    atomic_store(&a->stopping, true);
    tail_hub_stop(a->tails);
}

void api_destroy(struct api *a)
{
    if (!a)
        return;
    source_keeper_destroy(a);
    tail_hub_destroy(a->tails);
    for (unsigned i = 0; i < a->receiver_count; i++)
        receiver_destroy(a->receivers[i]);
    free(a->receivers);
    free(a->routes);
    pthread_mutex_destroy(&a->saved_lock);
    free(a);
}

/* Paths of the API answer 404 as Loki does, also when a browser asks: a page would hide the mistake. */
static bool is_api_path(bole_slice path)
{
    static const bole_slice prefixes[] = {S("/loki/"), S("/api/"), S("/otlp/"), S("/prometheus/"), S("/elasticsearch/")};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (bole_slice_starts(path, prefixes[i]))
            return true;
    return false;
}

void api_fallback(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    if (is_api_path(http_path(x)) || !web_serve(x))
        http_reply_text(x, 404, "404 page not found\n");
}

/* False: it is there twice, which was answered. */
static bool tenant_header(struct http_exchange *x, bole_slice *ret_text)
{
    bole_slice name = S("x-scope-orgid"), second;
    size_t at = 0;
    *ret_text = (bole_slice){0};
    if (http_header_next(x, name, &at, ret_text) && http_header_next(x, name, &at, &second)) {
        /* A proxy that adds its own may have let the client's through: none of the two can be trusted. */
        http_reply_text(x, 400, "X-Scope-OrgID is there more than once");
        return false;
    }
    if (!ret_text->len)
        *ret_text = S("default");
    return true;
}

static bool check_tenant(struct http_exchange *x, bole_slice tenant)
{
    if (!tenant_valid(tenant))
        http_reply_text(x, 400, "X-Scope-OrgID is no valid tenant: 1 to %u letters, digits and !-_.*'()", TENANT_MAX);
    return tenant_valid(tenant);
}

bool api_tenant(struct http_exchange *x, bole_slice *ret_tenant)
{
    return tenant_header(x, ret_tenant) && check_tenant(x, *ret_tenant);
}

bool api_tenants(struct http_exchange *x, bole_slice *ret_tenants)
{
    bole_slice rest;
    if (!tenant_header(x, ret_tenants))
        return false;
    rest = *ret_tenants;
    do
        if (!check_tenant(x, bole_slice_cut(rest, '|', &rest)))
            return false;
    while (rest.ptr); /* cut leaves no pointer behind the last one */
    return true;
}

bool api_wants_categories(struct http_exchange *x)
{
    bole_slice flags = http_header(x, S("x-loki-response-encoding-flags"));
    if (!flags.len)
        flags = http_param(x, S("X-Loki-Response-Encoding-Flags"));
    while (flags.len)
        if (bole_slice_eq(bole_slice_trim(bole_slice_cut(flags, ',', &flags)), S("categorize-labels")))
            return true;
    return false;
}

bole_slice api_param(struct http_exchange *x, bole_slice name)
{
    bole_slice value = http_param(x, name);
    return value.ptr ? value : S("");
}

void api_explain_memory(const struct budget *budget, struct bole_err *err)
{
    if (budget->crowded_out && err->code != BOLE_E_CANCELLED)
        bole_fail(err, BOLE_E_NOMEM,
                  "the memory that all queries share is used up: try again later, ask for less, or raise the server's "
                  "--memory-limit");
}

void api_reply_query_error(struct http_exchange *x, const struct budget *budget, struct bole_err *err)
{
    api_explain_memory(budget, err);
    switch (err->code) {
    case BOLE_E_INVALID:
    case BOLE_E_LIMIT:
    case BOLE_E_UNSUPPORTED:
        http_reply_text(x, 400, "%s", err->msg);
        break;
    case BOLE_E_CANCELLED:
        if (http_cancelled(x))
            http_reply_text(x, 499, "The request was cancelled by the client.");
        else
            http_reply_text(x, 504, DEADLINE_TEXT);
        break;
    default:
        http_reply_err(x, err);
    }
}

void api_reply_json(struct http_exchange *x, struct buf *body)
{
    if (body->failed)
        http_reply_text(x, 500, "no memory for the answer");
    else
        http_reply_buf(x, 200, LOKI_JSON_TYPE, body);
    buf_deinit(body);
}
