/*
 * native_fields.c - /api/v1/fields: which fields the rows of a query have, with true counts.
 */
#include <math.h>

#include "base/err.h"
#include "query/fields.h"
#include "serve/api_work.h"
#include "serve/loki_json.h"
#include "serve/loki_params.h"

enum { VALUES_DEFAULT = 10, ONLY_MAX = 100 };

struct request {
    struct api_work     *work;
    struct query        *query;
    struct query_request range;
    struct query_fields  fields;
    bole_slice           only[ONLY_MAX];
    uint64_t             values;   /* shown of each */
    struct arena         arena;
    struct query_stats   stats;
};

/* JSON has no infinity and no NaN. */
static void put_number(struct buf *b, const char *name, double v)
{
    buf_printf(b, "%s:", name);
    if (isfinite(v))
        loki_put_number(b, v);
    else
        buf_put_str(b, "null");
}

static void put_numbers(struct buf *b, struct field_info *f)
{
    static const struct { const char *name; double q; } quantiles[] = {
        {",\"p25\"", 0.25}, {",\"p50\"", 0.5}, {",\"p75\"", 0.75}, {",\"p90\"", 0.9}, {",\"p95\"", 0.95}, {",\"p99\"", 0.99}};
    buf_printf(b, ",\"numbers\":{\"rows\":%llu", (unsigned long long)f->number_count);
    put_number(b, ",\"min\"", tdigest_quantile(&f->numbers, 0));
    put_number(b, ",\"max\"", tdigest_quantile(&f->numbers, 1));
    put_number(b, ",\"avg\"", f->number_sum / (double)f->number_count);
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        put_number(b, quantiles[i].name, tdigest_quantile(&f->numbers, quantiles[i].q));
    buf_put_u8(b, '}');
}

static void put_field(struct request *r, struct field_info *f, struct buf *b)
{
    static const char *const origins[] = {"label", "metadata", "parsed"};
    buf_put_str(b, "{\"name\":");
    buf_put_json(b, f->name, false);
    buf_printf(b, ",\"origin\":\"%s\",\"type\":\"%s\",\"rows\":%llu,\"distinct\":%llu,\"distinct_exact\":%s,\"values\":[",
               origins[f->origin], f->number_count == f->rows ? "number" : "string", (unsigned long long)f->rows,
               (unsigned long long)distinct_count_value(&f->distinct), f->distinct.registers ? "false" : "true");
    for (uint32_t i = 0; i < f->value_count && i < r->values; i++) {
        buf_put_str(b, i ? ",{\"value\":" : "{\"value\":");
        buf_put_json(b, f->values[i].text, false);
        buf_printf(b, ",\"rows\":%llu}", (unsigned long long)f->values[i].rows);
    }
    buf_printf(b, "],\"values_error\":%llu", (unsigned long long)f->values_error);
    if (f->number_count)
        put_numbers(b, f);
    buf_put_u8(b, '}');
}

static void reply(struct request *r)
{
    struct buf b;
    buf_init(&b, r->work->api->options.query_budget);
    buf_printf(&b, "{\"status\":\"success\",\"data\":{\"rows\":%llu,\"complete\":%s,\"fields\":[",
               (unsigned long long)r->fields.rows, r->fields.too_many ? "false" : "true");
    for (size_t i = 0; i < r->fields.field_count; i++) {
        if (i)
            buf_put_u8(&b, ',');
        put_field(r, r->fields.fields[i], &b);
    }
    buf_printf(&b, "],\"stats\":{\"exec_ms\":%llu,\"rows_scanned\":%llu,\"bytes_scanned\":%llu}}",
               (unsigned long long)((clock_mono_ns(r->work->api->options.clock) - r->work->started_ns) / NS_PER_MS),
               (unsigned long long)r->stats.rows_scanned, (unsigned long long)r->stats.bytes_scanned);
    if (r->stats.bad_chunks)
        buf_printf(&b, ",\"warnings\":[\"" API_DAMAGE_TEXT "\"]", (unsigned long long)r->stats.bad_chunks);
    buf_put_u8(&b, '}');
    api_reply_json(r->work->x, &b);
}

static bole_status parse_choices(struct request *r, struct bole_err *err)
{
    struct http_exchange *x = r->work->x;
    bole_slice limit = http_param(x, S("limit")), parse = http_param(x, S("parse")), name;
    size_t at = 0;
    r->values = VALUES_DEFAULT;
    bole_status st = limit.len ? loki_parse_limit(limit, &r->values, err) : BOLE_OK;
    if (st == BOLE_OK && r->values > FIELD_VALUES_MAX)
        st = bole_fail(err, BOLE_E_INVALID, "limit: at most %u values of each field", FIELD_VALUES_MAX);
    r->fields.parse = !bole_slice_eq(parse, S("none"));
    if (st == BOLE_OK && parse.len && r->fields.parse && !bole_slice_eq(parse, S("auto")))
        st = bole_fail(err, BOLE_E_INVALID, "parse: '%.*s' is neither auto nor none", (int)(parse.len > 40 ? 40 : parse.len),
                       (const char *)parse.ptr);
    while (st == BOLE_OK && http_param_next(x, S("field"), &at, &name)) {
        if (r->fields.only_count == ONLY_MAX)
            return bole_fail(err, BOLE_E_INVALID, "field: at most %d", ONLY_MAX);
        r->only[r->fields.only_count++] = name;
    }
    r->fields.only = r->fields.only_count ? r->only : NULL;
    return st;
}

static bole_status prepare(struct request *r, struct bole_err *err)
{
    struct http_exchange *x = r->work->x;
    struct loki_text text = {
        .start = http_param(x, S("start")), .end = http_param(x, S("end")), .since = http_param(x, S("since"))};
    bole_status st =
        loki_parse_bounds(&text, clock_now_ns(r->work->api->options.clock), &r->range.start_ns, &r->range.end_ns, err);
    if (st == BOLE_OK && r->range.end_ns < r->range.start_ns)
        st = bole_fail(err, BOLE_E_INVALID, "end timestamp must not be before or equal to start time");
    if (st == BOLE_OK)
        st = parse_choices(r, err);
    return st == BOLE_OK ? query_parse_words(api_param(x, S("query")), &r->work->budget, &r->query, err) : st;
}

static void fields(struct http_exchange *x, void *ctx)
{
    struct api_work work;
    struct bole_err err = {0};
    if (!api_work_begin(&work, ctx, x))
        return;
    struct request r = {.work = &work, .range = api_work_request(&work)};
    arena_init(&r.arena, &work.budget);
    r.fields.arena = &r.arena;
    bole_status st = prepare(&r, &err);
    if (st == BOLE_OK)
        st = query_fields(r.query, &r.range, &r.fields, &r.stats, &err);
    api_work_count(&work, st, &r.stats);
    if (st < 0)
        api_reply_query_error(x, &work.budget, &err);
    else
        reply(&r);
    query_destroy(r.query);
    arena_deinit(&r.arena);
}

static const struct http_route routes[] = {
    {HTTP_GET | HTTP_POST, "/api/v1/fields", fields, .flags = HTTP_POOL},
};

const struct api_table native_fields_table = {routes, sizeof routes / sizeof *routes};
