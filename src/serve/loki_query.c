/*
 * loki_query.c - LogQL over HTTP: query, query_range, format_query, and the old /api/prom/query.
 */
#include "base/err.h"
#include "serve/api_out.h"
#include "serve/api_work.h"
#include "serve/loki_json.h"
#include "serve/loki_params.h"

enum answer_form { FORM_RANGE, FORM_INSTANT, FORM_LEGACY };

/* ---- writing a result ---- */

static void put_stream_labels(struct buf *b, const struct query_stream *s)
{
    loki_put_row_labels(b, s->labels, s->label_count, LOKI_ALL_ORIGINS);
}

static bool put_streams(struct api_out *out, const struct query_result *r, bool categorize)
{
    for (size_t i = 0; i < r->stream_count; i++) {
        const struct query_stream *s = &r->streams[i];
        buf_put_str(&out->buf, i ? ",{\"stream\":" : "{\"stream\":");
        put_stream_labels(&out->buf, s);
        buf_put(&out->buf, S(",\"values\":["));
        for (size_t k = 0; k < s->entry_count; k++) {
            if (k)
                buf_put_u8(&out->buf, ',');
            loki_put_entry(&out->buf, &s->entries[k], categorize);
            if (!api_out_flow(out))
                return false;
        }
        buf_put(&out->buf, S("]}"));
    }
    return true;
}

static void put_metric(struct buf *b, const struct query_series *s)
{
    buf_put_u8(b, '{');
    for (size_t i = 0; i < s->label_count; i++) {
        if (i)
            buf_put_u8(b, ',');
        buf_put_json(b, s->labels[i].name, true);
        buf_put_u8(b, ':');
        buf_put_json(b, s->labels[i].value, true);
    }
    buf_put_u8(b, '}');
}

static bool put_series(struct api_out *out, const struct query_result *r)
{
    for (size_t i = 0; i < r->series_count; i++) {
        const struct query_series *s = &r->series[i];
        buf_put_str(&out->buf, i ? ",{\"metric\":" : "{\"metric\":");
        put_metric(&out->buf, s);
        buf_put_str(&out->buf, r->type == QUERY_VECTOR ? ",\"value\":" : ",\"values\":[");
        for (size_t k = 0; k < s->point_count; k++) {
            if (k)
                buf_put_u8(&out->buf, ',');
            loki_put_sample(&out->buf, s->points[k].time_ns, s->points[k].value);
        }
        buf_put_str(&out->buf, r->type == QUERY_VECTOR ? "}" : "]}");
        if (!api_out_flow(out))
            return false;
    }
    return true;
}

static void put_warnings(struct buf *b, struct api *api, const struct query_stats *stats)
{
    unsigned long long bad = stats->bad_chunks, lost = api_lost_groups(api);
    if (!bad && !lost)
        return;
    buf_put_str(b, ",\"warnings\":[");
    if (bad)
        buf_printf(b, "\"" API_DAMAGE_TEXT "\"%s", bad, lost ? "," : "");
    if (lost)
        buf_printf(b, "\"" API_LOST_TEXT "\"", lost);
    buf_put_u8(b, ']');
}

static bool put_value(struct api_out *out, const struct query_result *r, bool categorize)
{
    if (r->type == QUERY_SCALAR) {
        loki_put_sample(&out->buf, r->scalar.time_ns, r->scalar.value);
        return true;
    }
    buf_put_u8(&out->buf, '[');
    bool ok = r->type == QUERY_STREAMS ? put_streams(out, r, categorize) : put_series(out, r);
    buf_put_u8(&out->buf, ']');
    return ok;
}

static struct loki_stats stats_of(const struct query_stats *s)
{
    return (struct loki_stats){.exec_ns = s->exec_ns, .bytes_scanned = s->bytes_scanned, .lines_scanned = s->rows_scanned,
                               .lines_passed = s->rows_out, .entries_returned = s->entries, .parts_total = s->parts_total,
                               .parts_pruned = s->parts_pruned};
}

static void reply_result(struct api_work *work, const struct query_result *r, bool categorize)
{
    static const char *const types[] = {"streams", "vector", "matrix", "scalar"};
    struct loki_stats stats = stats_of(&r->stats);
    struct api_out out;
    api_out_init(&out, work->x, LOKI_JSON_TYPE, work->api->options.query_budget, false);
    buf_put_str(&out.buf, "{\"status\":\"success\"");
    put_warnings(&out.buf, work->api, &r->stats);
    buf_printf(&out.buf, ",\"data\":{\"resultType\":\"%s\"", types[r->type]);
    if (categorize && r->type == QUERY_STREAMS)
        buf_put_str(&out.buf, ",\"encodingFlags\":[\"categorize-labels\"]");
    buf_put_str(&out.buf, ",\"result\":");
    if (put_value(&out, r, categorize)) {
        buf_put_str(&out.buf, ",\"stats\":");
        loki_put_stats(&out.buf, &stats);
        buf_put_str(&out.buf, "}}");
    }
    api_out_end(&out);
}

/* What Loki answered before it had /loki: labels printed, entries as objects. */
static void reply_legacy(struct api_work *work, const struct query_result *r)
{
    struct api_out out;
    struct buf labels;
    struct loki_stats stats = stats_of(&r->stats);
    api_out_init(&out, work->x, LOKI_JSON_TYPE, work->api->options.query_budget, false);
    buf_init(&labels, work->api->options.query_budget);
    buf_put_str(&out.buf, "{\"streams\":[");
    bool ok = true;
    for (size_t i = 0; ok && i < r->stream_count; i++) {
        const struct query_stream *s = &r->streams[i];
        buf_reset(&labels);
        loki_print_labels(&labels, s->labels, s->label_count, LOKI_ALL_ORIGINS);
        buf_put_str(&out.buf, i ? ",{\"labels\":" : "{\"labels\":");
        buf_put_json(&out.buf, buf_slice(&labels), true);
        buf_put_str(&out.buf, ",\"entries\":[");
        for (size_t k = 0; ok && k < s->entry_count; k++) {
            buf_put_str(&out.buf, k ? "," : "");
            loki_put_legacy_entry(&out.buf, s->entries[k].time_ns, s->entries[k].line);
            ok = api_out_flow(&out);
        }
        buf_put_str(&out.buf, "]}");
    }
    buf_put_str(&out.buf, "],\"stats\":");
    loki_put_stats(&out.buf, &stats);
    buf_put_u8(&out.buf, '}');
    out.buf.failed |= labels.failed;
    buf_deinit(&labels);
    api_out_end(&out);
}

/* ---- running ---- */

static struct loki_text text_of(struct http_exchange *x)
{
    return (struct loki_text){.start = http_param(x, S("start")),
                              .end = http_param(x, S("end")),
                              .since = http_param(x, S("since")),
                              .time = http_param(x, S("time")),
                              .limit = http_param(x, S("limit")),
                              .direction = http_param(x, S("direction")),
                              .step = http_param(x, S("step")),
                              .interval = http_param(x, S("interval"))};
}

static bole_status check_type(struct api *a, enum query_type type, enum answer_form form, const struct loki_range *range,
                              struct bole_err *err)
{
    if (type == QUERY_LOG && form == FORM_INSTANT)
        return bole_fail(
            err, BOLE_E_INVALID,
            "log queries are not supported as an instant query type, please change your query to a range query type");
    if (type == QUERY_METRIC && form == FORM_LEGACY)
        return bole_fail(err, BOLE_E_INVALID, "rpc error: code = Code(400) desc = legacy endpoints only support streams result type");
    return type == QUERY_LOG ? loki_check_limit(range->limit, a->options.entries_max, err) : BOLE_OK;
}

/* The query; before /loki a `regexp` beside it was one more line filter. ptr NULL: no memory. */
static bole_slice query_text(struct http_exchange *x, enum answer_form form)
{
    bole_slice query = api_param(x, S("query")), regexp = http_param(x, S("regexp"));
    if (form != FORM_LEGACY || !regexp.len)
        return query;
    struct buf b;
    buf_init(&b, NULL);
    buf_put(&b, query);
    buf_put(&b, S(" |~ "));
    buf_put_json(&b, regexp, false);
    bole_slice text = b.failed ? (bole_slice){0} : arena_copy(http_arena(x), buf_slice(&b));
    buf_deinit(&b);
    return text;
}

static bole_status run(struct api_work *work, enum answer_form form, bool categorize, struct buf *whole_error,
                       struct query_result **ret_result, struct bole_err *err)
{
    struct loki_text text = text_of(work->x);
    struct loki_range range;
    struct query *q = NULL;
    int64_t now_ns = clock_now_ns(work->api->options.clock);
    bole_status st =
        form == FORM_INSTANT ? loki_parse_instant(&text, now_ns, &range, err) : loki_parse_range(&text, now_ns, &range, err);
    if (st == BOLE_OK)
        st = query_parse(query_text(work->x, form), &work->budget, &q, err);
    if (st == BOLE_OK)
        st = check_type(work->api, query_type(q), form, &range, err);
    if (st == BOLE_OK) {
        struct query_request request = api_work_request(work);
        request.start_ns = range.start_ns;
        request.end_ns = range.end_ns;
        request.step_ns = form == FORM_INSTANT ? 0 : range.step_ns;
        request.interval_ns = range.interval_ns;
        request.limit = range.limit < QUERY_ENTRIES_MAX ? (uint32_t)range.limit : QUERY_ENTRIES_MAX;
        request.direction = range.direction;
        request.categorize = categorize;
        request.whole_error = whole_error;
        st = query_exec(q, &request, ret_result, err);
    }
    query_destroy(q);
    return st;
}

static void answer(struct http_exchange *x, struct api *a, enum answer_form form)
{
    struct api_work work;
    struct bole_err err = {0};
    struct query_result *result = NULL;
    bool categorize = form != FORM_LEGACY && api_wants_categories(x);
    if (!api_work_begin(&work, a, x))
        return;
    struct buf whole;
    buf_init(&whole, &work.budget);
    bole_status st = run(&work, form, categorize, &whole, &result, &err);
    api_work_count(&work, st, result ? &result->stats : NULL);
    if (st == BOLE_E_INVALID && whole.len && !whole.failed)
        http_reply(x, &(struct http_reply){.status = 400, .content_type = "text/plain; charset=utf-8", .body = buf_slice(&whole)});
    else if (st < 0)
        api_reply_query_error(x, &work.budget, &err);
    else if (form == FORM_LEGACY)
        reply_legacy(&work, result);
    else
        reply_result(&work, result, categorize);
    query_result_destroy(result);
    buf_deinit(&whole);
}

static void query_range(struct http_exchange *x, void *ctx)
{
    answer(x, ctx, FORM_RANGE);
}

static void query_instant(struct http_exchange *x, void *ctx)
{
    answer(x, ctx, FORM_INSTANT);
}

static void query_legacy(struct http_exchange *x, void *ctx)
{
    answer(x, ctx, FORM_LEGACY);
}

/* ---- format_query ---- */

/* The one endpoint whose refusal is JSON. */
static void reply_invalid(struct http_exchange *x, const struct bole_err *err)
{
    struct buf body;
    buf_init(&body, NULL);
    buf_put_str(&body, "{\"status\":\"invalid-query\",\"error\":");
    buf_put_json(&body, bole_slice_str(err->msg), true);
    buf_put_u8(&body, '}');
    http_reply_buf(x, 400, LOKI_JSON_TYPE, &body);
    buf_deinit(&body);
}

static void format_query(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct bole_err err = {0};
    struct query *q = NULL;
    struct budget budget;
    budget_init(&budget, a->options.query_budget, a->options.query_memory_bytes);
    if (query_parse(api_param(x, S("query")), &budget, &q, &err) < 0) {
        if (budget.crowded_out)
            api_reply_query_error(x, &budget, &err);
        else
            reply_invalid(x, &err);
        return;
    }
    struct buf text, body;
    buf_init(&text, &budget);
    buf_init(&body, NULL);
    query_format(q, &text);
    buf_put_str(&body, "{\"status\":\"success\",\"data\":");
    buf_put_json(&body, buf_slice(&text), true);
    buf_put_u8(&body, '}');
    body.failed |= text.failed;
    api_reply_json(x, &body);
    buf_deinit(&text);
    query_destroy(q);
}

static const struct http_route routes[] = {
    {HTTP_GET | HTTP_POST, "/loki/api/v1/query_range", query_range, .flags = LOKI_METHODS | HTTP_POOL},
    {HTTP_GET | HTTP_POST, "/loki/api/v1/query", query_instant, .flags = LOKI_METHODS | HTTP_POOL},
    {HTTP_GET | HTTP_POST, "/api/prom/query", query_legacy, .flags = LOKI_METHODS | HTTP_POOL},
    {HTTP_GET | HTTP_POST, "/loki/api/v1/format_query", format_query, .flags = HTTP_NO_HEAD | HTTP_POOL},
};

const struct api_table loki_query_table = {routes, sizeof routes / sizeof *routes};
