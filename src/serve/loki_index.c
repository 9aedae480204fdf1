/*
 * loki_index.c - how much there is: index/stats and index/volume, asked of the store's index without reading lines.
 */
#include "base/err.h"
#include "serve/loki_json.h"
#include "serve/loki_params.h"
#include "serve/loki_select.h"
#include "serve/loki_volume.h"

/* ---- stats ---- */

struct totals { uint64_t streams, rows, bytes; };

static bole_status add_totals(bole_slice labels, uint64_t rows, uint64_t bytes, void *ctx)
{
    (void)labels;
    struct totals *t = ctx;
    t->streams++;
    t->rows += rows;
    t->bytes += bytes;
    return BOLE_OK;
}

/* Without an envelope. A chunk in Loki's sense is a part of one stream: a stream counts as one here. */
static void stats(struct http_exchange *x, void *ctx)
{
    struct loki_select s;
    if (!loki_select_begin(&s, ctx, x))
        return;
    struct bole_err err = {0};
    struct totals t = {0};
    bole_status st = loki_select_matchers(&s, http_param(x, S("query")), LOKI_NARROW, &err);
    for (size_t i = 0; i < s.work.tenant_count && st == BOLE_OK; i++)
        if (loki_select_tenant(&s, i))
            st = store_volume(s.work.api->options.store, s.view, &s.query, add_totals, &t, &err);
    if (st < 0) {
        api_reply_query_error(x, &s.work.budget, &err);
    } else {
        struct buf body;
        buf_init(&body, NULL);
        buf_printf(&body, "{\"streams\":%llu,\"chunks\":%llu,\"bytes\":%llu,\"entries\":%llu}", (unsigned long long)t.streams,
                   (unsigned long long)t.streams, (unsigned long long)t.bytes, (unsigned long long)t.rows);
        api_reply_json(x, &body);
    }
    loki_select_end(&s);
}

/* ---- volume ---- */

/* 0 is none here, and none is the default. */
static bole_slice limit_of(struct http_exchange *x)
{
    bole_slice limit = http_param(x, S("limit"));
    return bole_slice_eq(limit, S("0")) ? (bole_slice){0} : limit;
}

static bole_status add_volume(bole_slice labels, uint64_t rows, uint64_t bytes, void *ctx)
{
    (void)rows;
    return loki_volume_add(ctx, labels, 0, bytes);
}

static void volume(struct http_exchange *x, void *ctx)
{
    struct loki_select s;
    if (!loki_select_begin(&s, ctx, x))
        return;
    struct bole_err err = {0};
    struct loki_volume v;
    uint64_t limit;
    loki_volume_init(&v, &s.work.budget, 1);
    bole_status st = loki_parse_limit(limit_of(x), &limit, &err);
    if (st == BOLE_OK)
        st = loki_select_matchers(&s, http_param(x, S("query")), LOKI_BRACES, &err);
    if (st == BOLE_OK)
        st = loki_volume_choose(&v, s.query.matchers, s.query.matcher_count, http_param(x, S("targetLabels")),
                                http_param(x, S("aggregateBy")), &err);
    for (size_t i = 0; i < s.work.tenant_count && st == BOLE_OK; i++)
        if (loki_select_tenant(&s, i))
            st = store_volume(s.work.api->options.store, s.view, &s.query, add_volume, &v, &err);
    if (st < 0) {
        api_reply_query_error(x, &s.work.budget, &err);
    } else {
        struct buf body;
        buf_init(&body, NULL);
        v.exec_ns = clock_mono_ns(s.work.api->options.clock) - s.work.started_ns;
        loki_volume_write_vector(&v, limit, s.end_ns, &body);
        api_reply_json(x, &body);
    }
    loki_volume_deinit(&v);
    loki_select_end(&s);
}

/* ---- volume over time ---- */

static bole_status add_cell(uint32_t stream, bole_slice labels, bole_slice field, uint32_t bucket, uint64_t value, void *ctx)
{
    (void)stream, (void)field;
    return loki_volume_add(ctx, labels, bucket, value);
}

struct step_cells { struct loki_volume *volume; uint32_t bucket; };

static bole_status add_step(bole_slice labels, uint64_t rows, uint64_t bytes, void *ctx)
{
    (void)rows;
    struct step_cells *c = ctx;
    return loki_volume_add(c->volume, labels, c->bucket, bytes);
}

static int64_t step_begin(int64_t first_ns, int64_t step_ns, uint32_t i)
{
    __int128 t = (__int128)first_ns + (__int128)step_ns * i;
    return t < INT64_MAX ? (int64_t)t : INT64_MAX;
}

/* Bucket i is [first + i * step, first + (i + 1) * step), the range cuts off what it must. One pass when the store can count in
 * buckets, whose ends it is told, else one question for each step. */
static bole_status fill_steps(struct loki_select *s, struct loki_volume *v, int64_t first_ns, int64_t step_ns,
                              struct bole_err *err)
{
    struct store *store = s->work.api->options.store;
    struct store_aggregation what = {.what = AGGREGATE_BYTES, .start_ns = step_begin(first_ns, step_ns, 1) - 1, .bucket_ns = step_ns,
                                     .bucket_count = v->bucket_count};
    struct store_scan_stats ignored;
    int64_t span; /* the store counts on 63 bits */
    bool is_long = __builtin_sub_overflow(s->query.to_ns, first_ns, &span) || span > INT64_MAX - step_ns;
    bole_status st = is_long ? BOLE_E_UNSUPPORTED : store_aggregate(store, s->view, &s->query, &what, add_cell, v, &ignored, err);
    if (st != BOLE_E_UNSUPPORTED)
        return st;
    st = BOLE_OK;
    for (uint32_t i = 0; i < v->bucket_count && st == BOLE_OK; i++) {
        struct store_query query = s->query;
        if (i)
            query.from_ns = step_begin(first_ns, step_ns, i);
        if (i + 1 < v->bucket_count)
            query.to_ns = step_begin(first_ns, step_ns, i + 1);
        st = store_volume(store, s->view, &query, add_step, &(struct step_cells){v, i}, err);
    }
    return st;
}

static void volume_range(struct http_exchange *x, void *ctx)
{
    struct loki_select s;
    if (!loki_select_begin(&s, ctx, x))
        return;
    struct bole_err err = {0};
    struct loki_volume v = {0};
    struct loki_range range;
    struct loki_text text = {.start = http_param(x, S("start")),
                             .end = http_param(x, S("end")),
                             .since = http_param(x, S("since")),
                             .step = http_param(x, S("step")),
                             .limit = limit_of(x)};
    bole_status st = loki_parse_range(&text, s.end_ns, &range, &err);
    int64_t first_ns = 0;
    if (st == BOLE_OK) {
        first_ns = loki_align(s.start_ns, range.step_ns);
        if (s.end_ns > s.start_ns)
            s.query.to_ns = s.end_ns; /* a step that began at the end would have no length */
        loki_volume_init(&v, &s.work.budget, (uint32_t)(((uint64_t)s.query.to_ns - 1 - (uint64_t)first_ns) / (uint64_t)range.step_ns) + 1);
        st = loki_select_matchers(&s, http_param(x, S("query")), LOKI_BRACES, &err);
    }
    if (st == BOLE_OK)
        st = loki_volume_choose(&v, s.query.matchers, s.query.matcher_count, http_param(x, S("targetLabels")),
                                http_param(x, S("aggregateBy")), &err);
    for (size_t i = 0; i < s.work.tenant_count && st == BOLE_OK; i++)
        if (loki_select_tenant(&s, i))
            st = fill_steps(&s, &v, first_ns, range.step_ns, &err);
    if (st < 0) {
        api_reply_query_error(x, &s.work.budget, &err);
    } else {
        struct buf body;
        buf_init(&body, NULL);
        v.exec_ns = clock_mono_ns(s.work.api->options.clock) - s.work.started_ns;
        loki_volume_write_range(&v, range.limit, first_ns, range.step_ns, s.end_ns, &body);
        api_reply_json(x, &body);
    }
    loki_volume_deinit(&v);
    loki_select_end(&s);
}

static const struct http_route routes[] = {
    {HTTP_GET | HTTP_POST, "/loki/api/v1/index/stats", stats, .flags = LOKI_METHODS | HTTP_POOL},
    {HTTP_GET | HTTP_POST, "/loki/api/v1/index/volume", volume, .flags = LOKI_METHODS | HTTP_POOL},
    {HTTP_GET | HTTP_POST, "/loki/api/v1/index/volume_range", volume_range, .flags = LOKI_METHODS | HTTP_POOL},
};

const struct api_table loki_index_table = {routes, sizeof routes / sizeof *routes};
