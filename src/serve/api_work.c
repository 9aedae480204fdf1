/*
 * api_work.c - see api_work.h.
 */
#include "serve/api_work.h"

#include <stdlib.h>

static int compare_names(const void *a, const void *b)
{
    return bole_slice_cmp(*(const bole_slice *)a, *(const bole_slice *)b);
}

/* "a|b|a" is a and b. False: no memory. */
static bool split_tenants(struct api_work *w, bole_slice text, struct arena *arena)
{
    size_t count = 1, kept = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '|';
    bole_slice *names = arena_array(arena, count, sizeof *names);
    if (!names)
        return false;
    for (size_t i = 0; i < count; i++)
        names[i] = bole_slice_cut(text, '|', &text);
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++)
        if (!kept || !bole_slice_eq(names[kept - 1], names[i]))
            names[kept++] = names[i];
    w->tenants = names;
    w->tenant_count = kept;
    w->tenant = names[0];
    return true;
}

bool api_work_start(struct api_work *w, struct api *api, bole_slice tenants, struct arena *arena)
{
    *w = (struct api_work){.api = api};
    if (!split_tenants(w, tenants, arena))
        return false;
    budget_init(&w->budget, api->options.query_budget, api->options.query_memory_bytes);
    w->started_ns = clock_mono_ns(api->options.clock);
    w->deadline_ns = w->started_ns + api->options.query_timeout_ns;
    return true;
}

bool api_work_begin(struct api_work *w, struct api *api, struct http_exchange *x)
{
    bole_slice text;
    if (!api_tenants(x, &text))
        return false;
    if (!api_work_start(w, api, text, http_arena(x))) {
        http_reply_text(x, 503, "no memory for the tenants");
        return false;
    }
    w->x = x;
    return true;
}

bool api_work_is_over(void *ctx)
{
    struct api_work *w = ctx;
    return http_cancelled(w->x) || clock_mono_ns(w->api->options.clock) > w->deadline_ns;
}

struct query_request api_work_request(struct api_work *w)
{
    return (struct query_request){.store = w->api->options.store, .tenant = w->tenant, .tenants = w->tenants,
                                  .tenant_count = w->tenant_count, .limit = 1, .budget = &w->budget,
                                  .cancelled = api_work_is_over, .cancelled_ctx = w, .clock = w->api->options.clock,
                                  .max_scan_bytes = w->api->options.max_query_bytes};
}

uint64_t api_lost_groups(struct api *api)
{
    struct queue_stats queue;
    struct ingest_stats ingest;
    queue_stats(api->options.queue, &queue);
    ingest_get_stats(api->ingest, &ingest);
    return queue.corrupt_frames + ingest.bad_batches_total;
}

void api_work_count(struct api_work *w, bole_status st, const struct query_stats *stats)
{
    struct metrics_counters *c = &w->api->counters;
    atomic_fetch_add(&c->queries_total, 1);
    atomic_fetch_add(&c->query_ns_total, clock_mono_ns(w->api->options.clock) - w->started_ns);
    if (st < 0)
        atomic_fetch_add(&c->query_errors_total, 1);
    if (stats) {
        atomic_fetch_add(&c->query_rows_total, stats->rows_scanned);
        atomic_fetch_add(&c->query_bytes_total, stats->bytes_scanned);
    }
}
