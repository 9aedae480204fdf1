/*
 * native_query.c - /api/v1/query: the rows of a log query as NDJSON, and what a screen shows around them.
 *
 * Without `events` the rows alone, as an export wants them. With it every line says its type: rows, counts per bucket and
 * level (histogram), progress, stats, a cursor to go on from.
 *
 * The engine gives the first N entries of a range that lie behind one row, so rows are fetched in pages, each behind the last
 * row of the one before, all on one view. Where something is to be told on the way the range is cut into slices, from the
 * asked end: one bucket first, so that something is seen at once, then as many as about SLICE_GOAL_NS take.
 *
 * Rows that an addition of Bole's to LogQL has put in order (distinct, sort, stats...) come at once and in that order; those of
 * a table behind a line with the names of its columns.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "query/explain.h"
#include "serve/api_out.h"
#include "serve/api_work.h"
#include "serve/loki_json.h"
#include "serve/loki_params.h"
#include "serve/native_row.h"

#define NDJSON_TYPE "application/x-ndjson; charset=UTF-8"

enum {
    PAGE_ROWS = 5000,   /* of one execution; a query that wants no more is no export */
    BUCKETS_DEFAULT = 100,
    SLICES_MIN = 8,     /* however fast it goes */
    EXPLAIN_STEPS = 250, /* of a metric query that names no step */
};
#define SLICE_GOAL_NS ((uint64_t)(50 * NS_PER_MS))

enum events { EVENT_ROWS = 1, EVENT_HISTOGRAM = 2, EVENT_PROGRESS = 4, EVENT_STATS = 8, EVENT_CURSOR = 16 };
static const struct { const char *name; unsigned event;
} event_names[] = {
    {"rows", EVENT_ROWS},   {"histogram", EVENT_HISTOGRAM}, {"progress", EVENT_PROGRESS},
    {"stats", EVENT_STATS}, {"cursor", EVENT_CURSOR},
};
enum { EVENT_NAMES = sizeof event_names / sizeof *event_names };

struct stream {
    struct api_work     *work;
    struct query        *query;
    struct query_request request;  /* of the next page; its range: of the slice */
    unsigned             events;
    bool                 typed;
    int64_t              start_ns, end_ns; /* all of it */
    int64_t              bucket_ns;
    uint64_t             rows_left;
    struct query_place   last;     /* of the last row written, or the cursor that came with the request */
    bool                 rows_end; /* no more of them in the range */
    struct query_stats   stats;    /* of everything */
    uint64_t             rows_counted; /* by the histogram */
    struct api_out       out;
};

/* ---- the pieces of the answer ---- */

static void put_counts(struct stream *x, const struct query_histogram *h)
{
    struct buf *b = &x->out.buf;
    bool any = false;
    for (uint32_t k = 0; k < h->bucket_count; k++) {
        uint32_t i = x->request.direction == FORWARD ? k : h->bucket_count - 1 - k;
        bool first = true;
        for (uint32_t l = 0; l < h->level_count; l++) {
            if (!h->counts[l][i])
                continue;
            if (first) {
                buf_put_str(b, any ? ",{\"time\":" : "{\"time\":");
                native_put_time(b, h->start_ns + (int64_t)i * h->bucket_ns);
                buf_put_str(b, ",\"counts\":{");
            } else {
                buf_put_u8(b, ',');
            }
            buf_put_json(b, h->levels[l], false);
            buf_put_u8(b, ':');
            buf_put_uint(b, h->counts[l][i]);
            x->rows_counted += h->counts[l][i];
            first = false;
        }
        if (!first)
            buf_put_str(b, "}}");
        any |= !first;
    }
}

static void put_histogram(struct stream *x, const struct query_histogram *h)
{
    struct buf *b = &x->out.buf;
    buf_printf(b, "{\"type\":\"histogram\",\"step_ms\":");
    loki_put_number(b, (double)x->bucket_ns / (double)NS_PER_MS);
    buf_put_str(b, ",\"from\":");
    native_put_time(b, x->request.start_ns);
    buf_put_str(b, ",\"to\":");
    native_put_time(b, x->request.end_ns);
    buf_put_str(b, ",\"buckets\":[");
    put_counts(x, h);
    buf_put_str(b, "]}\n");
}

static void put_progress(struct stream *x)
{
    struct buf *b = &x->out.buf;
    double all = (double)x->end_ns - (double)x->start_ns;
    double done = x->request.direction == FORWARD ? (double)x->request.end_ns - (double)x->start_ns
                                                  : (double)x->end_ns - (double)x->request.start_ns;
    buf_put_str(b, "{\"type\":\"progress\",\"done\":");
    loki_put_number(b, all > 0 ? (double)(int64_t)(done / all * 1e4) / 1e4 : 1);
    buf_printf(b, ",\"rows_scanned\":%llu,\"bytes_scanned\":%llu}\n", (unsigned long long)x->stats.rows_scanned,
               (unsigned long long)x->stats.bytes_scanned);
}

static void put_stats(struct stream *x)
{
    struct buf *b = &x->out.buf;
    const struct query_stats *s = &x->stats;
    buf_put_str(b, "{\"type\":\"stats\",\"exec_ms\":");
    loki_put_number(b, (double)((clock_mono_ns(x->work->api->options.clock) - x->work->started_ns) / 1000) / 1e3);
    buf_printf(b,
               ",\"rows_returned\":%llu,\"rows_scanned\":%llu,\"bytes_scanned\":%llu,\"parts_total\":%llu,\"parts_pruned\":%llu",
               (unsigned long long)s->entries, (unsigned long long)s->rows_scanned, (unsigned long long)s->bytes_scanned,
               (unsigned long long)s->parts_total, (unsigned long long)s->parts_pruned);
    if (x->events & EVENT_HISTOGRAM)
        buf_printf(b, ",\"rows_matched\":%llu", (unsigned long long)x->rows_counted);
    buf_put_str(b, "}\n");
}

static void put_cursor(struct stream *x)
{
    struct buf *b = &x->out.buf;
    buf_put_str(b, "{\"type\":\"cursor\",\"cursor\":");
    if (x->request.after)
        native_put_id(b, x->last);
    else
        buf_put_str(b, "null");
    buf_printf(b, ",\"more\":%s}\n", x->rows_end ? "false" : "true");
}

static void put_text(struct stream *x, const char *type, const char *text)
{
    struct buf *b = &x->out.buf;
    if (x->typed)
        buf_printf(b, "{\"type\":\"%s\",\"%s\":", type, type);
    else
        buf_printf(b, "{\"%s\":", type);
    buf_put_json(b, bole_slice_str(text), false);
    buf_put(b, S("}\n"));
}

/* ---- rows ---- */

/* False: the client is gone. */
static bool write_page(struct stream *x, const struct query_entry *const *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        native_put_row(&x->out.buf, rows[i], x->typed ? NATIVE_ROW_TYPE | NATIVE_ROW_PARSED : 0);
        buf_put_u8(&x->out.buf, '\n');
        x->last = (struct query_place){rows[i]->time_ns, rows[i]->seq};
        x->request.after = &x->last;
        x->rows_left--;
        x->stats.entries++;
        if (!api_out_flow(&x->out))
            return false;
    }
    return true;
}

/* BOLE_OK: the next page of the slice, please. BOLE_END: there is none, or nobody wants it. */
static bole_status run_page(struct stream *x, struct bole_err *err)
{
    struct query_result *result = NULL;
    struct query_request request = x->request;
    size_t count;
    x->request.limit = request.limit = x->rows_left < PAGE_ROWS ? (uint32_t)x->rows_left : PAGE_ROWS;
    if (!query_request_clip(&request))
        return BOLE_END;
    bole_status st = query_exec(x->query, &request, &result, err);
    if (st < 0)
        return st;
    query_stats_add(&x->stats, &result->stats);
    const struct query_entry **rows = native_sort(result, x->request.direction, &count);
    if (!rows)
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for a page of rows");
    else if (!write_page(x, rows, count) || count < x->request.limit || !x->rows_left)
        st = BOLE_END;
    free(rows);
    query_result_destroy(result);
    if (x->typed && !x->out.gone)
        api_out_flush(&x->out);
    return st;
}

static bole_status run_rows(struct stream *x, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    while (st == BOLE_OK && x->rows_left)
        st = run_page(x, err);
    return st == BOLE_END ? BOLE_OK : st;
}

static void put_columns(struct stream *x, const struct query_result *r)
{
    struct buf *b = &x->out.buf;
    buf_put_str(b, x->typed ? "{\"type\":\"columns\",\"columns\":[" : "{\"columns\":[");
    for (size_t i = 0; i < r->column_count; i++) {
        buf_put_str(b, i ? "," : "");
        buf_put_json(b, r->columns[i], false);
    }
    buf_put_str(b, "]}\n");
}

static bole_status run_ordered_rows(struct stream *x, struct bole_err *err)
{
    struct query_result *result = NULL;
    struct query_request request = x->request;
    request.start_ns = x->start_ns;
    request.end_ns = x->end_ns;
    request.after = NULL;
    request.limit = x->rows_left < QUERY_ENTRIES_MAX ? (uint32_t)x->rows_left : QUERY_ENTRIES_MAX;
    bole_status st = query_exec(x->query, &request, &result, err);
    if (st < 0)
        return st;
    query_stats_add(&x->stats, &result->stats);
    if (result->columns)
        put_columns(x, result);
    write_page(x, result->rows, result->row_count);
    if (result->row_count == QUERY_ENTRIES_MAX && x->rows_left)
        put_text(x, "warning", "the first million rows: stages like sort and stats give no more");
    query_result_destroy(result);
    return BOLE_OK;
}

/* ---- histogram ---- */

/* The bucket that holds t: buckets begin at multiples of their width, so that they stay where they are when the range moves. */
static int64_t bucket_of(const struct stream *x, int64_t t)
{
    int64_t rest = t % x->bucket_ns;
    return t - (rest < 0 ? rest + x->bucket_ns : rest);
}

static bole_status run_histogram(struct stream *x, struct bole_err *err)
{
    struct arena arena;
    arena_init(&arena, x->request.budget);
    int64_t first = bucket_of(x, x->request.start_ns), last = bucket_of(x, x->request.end_ns - 1);
    struct query_histogram h = {.start_ns = first, .bucket_ns = x->bucket_ns, .arena = &arena,
                                .bucket_count = (uint32_t)((last - first) / x->bucket_ns) + 1};
    struct query_stats stats = {0};
    bole_status st = query_histogram(x->query, &x->request, &h, &stats, err);
    query_stats_add(&x->stats, &stats);
    if (st == BOLE_OK)
        put_histogram(x, &h);
    arena_deinit(&arena);
    return st;
}

/* ---- slices ---- */

/* Moves the request's range on to the next slice, of so many buckets. False: the range is through. */
static bool next_slice(struct stream *x, int64_t buckets)
{
    struct query_request *r = &x->request;
    if (r->direction == FORWARD) {
        r->start_ns = r->end_ns;
        r->end_ns = x->end_ns;
        if (r->start_ns < x->end_ns && (x->end_ns - r->start_ns) / x->bucket_ns >= buckets)
            r->end_ns = bucket_of(x, r->start_ns) + buckets * x->bucket_ns;
    } else {
        r->end_ns = r->start_ns;
        r->start_ns = x->start_ns;
        if (r->end_ns > x->start_ns && (r->end_ns - x->start_ns) / x->bucket_ns >= buckets)
            r->start_ns = bucket_of(x, r->end_ns - 1) - (buckets - 1) * x->bucket_ns;
    }
    return r->start_ns < r->end_ns;
}

/* Each execution has this limit; together they have no more. */
static bole_status check_scanned(const struct stream *x, struct bole_err *err)
{
    return query_check_scanned(x->work->api->options.max_query_bytes, x->stats.bytes_scanned, err);
}

static bole_status run_slice(struct stream *x, struct bole_err *err)
{
    bole_status st = x->events & EVENT_ROWS ? run_rows(x, err) : BOLE_OK;
    if (st == BOLE_OK && x->events & EVENT_HISTOGRAM)
        st = run_histogram(x, err);
    if (st == BOLE_OK)
        st = check_scanned(x, err);
    if (st == BOLE_OK && x->events & EVENT_PROGRESS)
        put_progress(x);
    return st;
}

static bool is_cut(const struct stream *x)
{
    return x->events & (EVENT_HISTOGRAM | EVENT_PROGRESS);
}

/* Rows only: one slice. Else more, each sent as soon as it is there. */
static bole_status run_slices(struct stream *x, struct bole_err *err)
{
    const struct clock *clock = x->work->api->options.clock;
    bool cut = is_cut(x);
    int64_t buckets = cut ? 1 : INT64_MAX, most = cut ? (x->end_ns - x->start_ns) / x->bucket_ns / SLICES_MIN + 1 : 0;
    bole_status st = BOLE_OK;
    bool through = false;
    x->request.start_ns = x->end_ns; /* as if the slice before the first one had ended there */
    x->request.end_ns = x->start_ns;
    while (st == BOLE_OK && !through && next_slice(x, buckets)) {
        uint64_t begin_ns = clock_mono_ns(clock);
        st = run_slice(x, err);
        if (st == BOLE_OK && cut && !api_out_flush(&x->out))
            return BOLE_OK; /* nobody is there any more */
        uint64_t took_ns = clock_mono_ns(clock) - begin_ns;
        if (cut && took_ns < SLICE_GOAL_NS)
            buckets = buckets * 2 < most ? buckets * 2 : most;
        else if (cut && took_ns > 4 * SLICE_GOAL_NS && buckets > 1)
            buckets /= 2;
        through = !(x->events & EVENT_HISTOGRAM) && !x->rows_left;
        if (x->out.gone)
            return BOLE_OK;
    }
    /* With all the rows that were wanted it is unknown whether there are more: that is for the next question. */
    x->rows_end = x->rows_left > 0;
    return st;
}

/* The rows first, then what is told about the range, if anything is. */
static bole_status run_set(struct stream *x, struct bole_err *err)
{
    bole_status st = x->events & EVENT_ROWS ? run_ordered_rows(x, err) : BOLE_OK;
    x->events &= ~(unsigned)EVENT_ROWS;
    x->request.after = NULL; /* there is nothing to go on from */
    if (st == BOLE_OK && is_cut(x) && api_out_flush(&x->out))
        st = run_slices(x, err);
    x->rows_end = true;
    return st;
}

/* ---- the request ---- */

static bole_status parse_events(struct stream *x, bole_slice text, struct bole_err *err)
{
    x->typed = text.len > 0;
    x->events = x->typed ? 0 : EVENT_ROWS;
    while (text.len) {
        bole_slice name = bole_slice_trim(bole_slice_cut(text, ',', &text));
        unsigned event = bole_slice_eq(name, S("all")) ? (1u << EVENT_NAMES) - 1 : 0;
        for (size_t i = 0; i < EVENT_NAMES && !event; i++)
            if (bole_slice_eq(name, bole_slice_str(event_names[i].name)))
                event = event_names[i].event;
        if (!event)
            return bole_fail(err, BOLE_E_INVALID, "events: '%.*s' is none of rows, histogram, progress, stats, cursor, all",
                             (int)(name.len > 40 ? 40 : name.len), (const char *)name.ptr);
        x->events |= event;
    }
    return BOLE_OK;
}

/* About BUCKETS_DEFAULT of them, of a width that a person would choose. */
static int64_t default_bucket(int64_t range_ns)
{
    static const int64_t steps_ms[] = {1,      2,      5,       10,      20,      50,       100,      200,      500,
                                       1000,   2000,   5000,    10000,   15000,   30000,    60000,    120000,   300000,
                                       600000, 900000, 1800000, 3600000, 7200000, 10800000, 21600000, 43200000, 86400000};
    enum { COUNT = sizeof steps_ms / sizeof *steps_ms };
    int64_t wanted_ms = range_ns / NS_PER_MS / BUCKETS_DEFAULT;
    for (size_t i = 0; i < COUNT; i++)
        if (steps_ms[i] >= wanted_ms)
            return steps_ms[i] * NS_PER_MS;
    return (wanted_ms / steps_ms[COUNT - 1] + 1) * steps_ms[COUNT - 1] * NS_PER_MS;
}

static bole_status parse_range(struct stream *x, struct bole_err *err)
{
    struct http_exchange *exchange = x->work->x;
    struct loki_text text = {.start = http_param(exchange, S("start")), .end = http_param(exchange, S("end")),
                             .since = http_param(exchange, S("since"))};
    bole_slice step = http_param(exchange, S("step"));
    bole_status st = loki_parse_bounds(&text, clock_now_ns(x->work->api->options.clock), &x->start_ns, &x->end_ns, err);
    if (st == BOLE_OK && x->end_ns < x->start_ns)
        st = bole_fail(err, BOLE_E_INVALID, "end timestamp must not be before or equal to start time");
    x->bucket_ns = NS_PER_S;
    if (st < 0 || !is_cut(x))
        return st;
    if (x->start_ns < INT64_MIN / 4 || x->end_ns > INT64_MAX / 4 * 3)
        return bole_fail(err, BOLE_E_INVALID, "a histogram, or progress, wants a range between the years 1900 and 2180");
    int64_t range_ns = x->end_ns - x->start_ns;
    x->bucket_ns = default_bucket(range_ns);
    if (step.len)
        st = loki_parse_duration(step, &x->bucket_ns, err);
    if (st == BOLE_OK && (x->bucket_ns <= 0 || range_ns / x->bucket_ns > LOKI_POINTS_MAX))
        st = bole_fail(err, BOLE_E_INVALID, "step: more than %d of them in the range, or none", LOKI_POINTS_MAX);
    return st;
}

static bole_status parse_rows(struct stream *x, struct bole_err *err)
{
    struct http_exchange *exchange = x->work->x;
    bole_slice limit = http_param(exchange, S("limit")), cursor = http_param(exchange, S("cursor"));
    bole_status st = limit.len ? loki_parse_limit(limit, &x->rows_left, err) : BOLE_OK;
    if (st == BOLE_OK)
        st = loki_parse_direction(http_param(exchange, S("direction")), &x->request.direction, err);
    if (st == BOLE_OK && cursor.len) {
        st = native_parse_id(cursor, &x->last, err);
        x->request.after = &x->last;
    }
    bole_slice known = http_param(exchange, S("committed_after"));
    struct query_place place = {0};
    if (st == BOLE_OK && known.len)
        st = native_parse_id(known, &place, err);
    x->request.known_seq = place.seq;
    return st;
}

static bool is_true(bole_slice text)
{
    return bole_slice_eq(text, S("1")) || bole_slice_eq(text, S("true"));
}

static bole_status prepare(struct stream *x, bool metric_is_fine, struct bole_err *err)
{
    struct http_exchange *exchange = x->work->x;
    struct store *store = x->work->api->options.store;
    bole_status st = parse_range(x, err);
    if (st == BOLE_OK)
        st = query_parse_words(api_param(exchange, S("query")), &x->work->budget, &x->query, err);
    if (st == BOLE_OK && !metric_is_fine && query_type(x->query) != QUERY_LOG)
        st = bole_fail(err, BOLE_E_INVALID, "rows come from log queries only: use /loki/api/v1/query_range for metrics");
    if (st == BOLE_OK && !(x->request.view = store_view(store)))
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for a view of the store");
    return st;
}

static void finish(struct stream *x, bole_status st, struct bole_err *err)
{
    struct api *a = x->work->api;
    char text[256];
    if (st < 0) {
        api_explain_memory(&x->work->budget, err);
        put_text(x, "error", err->msg);
    } else {
        if (x->events & EVENT_STATS)
            put_stats(x);
        if (x->events & EVENT_CURSOR)
            put_cursor(x);
    }
    if (x->stats.bad_chunks) {
        snprintf(text, sizeof text, API_DAMAGE_TEXT, (unsigned long long)x->stats.bad_chunks);
        put_text(x, "warning", text);
    }
    if (api_lost_groups(a)) {
        snprintf(text, sizeof text, API_LOST_TEXT, (unsigned long long)api_lost_groups(a));
        put_text(x, "warning", text);
    }
    api_out_end(&x->out);
}

static void run(struct stream *x)
{
    struct bole_err err = {0};
    api_out_init(&x->out, x->work->x, NDJSON_TYPE, x->work->api->options.query_budget, true);
    bole_status st = prepare(x, false, &err);
    bool asked = st == BOLE_OK;
    if (asked)
        st = (query_is_set(x->query) ? run_set : run_slices)(x, &err);
    api_work_count(x->work, st, &x->stats);
    if (st < 0 && !(asked && (x->out.streaming || x->stats.entries))) {
        api_out_drop(&x->out);
        api_reply_query_error(x->work->x, &x->work->budget, &err);
    } else {
        finish(x, st, &err);
    }
    query_destroy(x->query);
    store_view_release(x->work->api->options.store, x->request.view);
}

/* As long as its reader takes, so there may be few of them. */
static void run_export(struct stream *x)
{
    struct api *a = x->work->api;
    x->work->deadline_ns = UINT64_MAX;
    if (atomic_fetch_add(&a->exports_open, 1) < a->options.exports_max)
        run(x);
    else
        http_reply_text(x->work->x, 429, "exports running already: %u: try again later", a->options.exports_max);
    atomic_fetch_sub(&a->exports_open, 1);
}

/* ---- explain ---- */

static bole_status prepare_explain(struct stream *x, struct bole_err *err)
{
    struct http_exchange *exchange = x->work->x;
    bole_slice step = http_param(exchange, S("step"));
    bole_status st = prepare(x, true, err);
    if (st < 0)
        return st;
    x->request.start_ns = x->start_ns;
    x->request.end_ns = x->end_ns;
    x->request.limit = x->rows_left < QUERY_ENTRIES_MAX ? (uint32_t)x->rows_left : QUERY_ENTRIES_MAX;
    if (query_type(x->query) == QUERY_LOG)
        return BOLE_OK;
    x->request.step_ns = (x->end_ns - x->start_ns) / EXPLAIN_STEPS / NS_PER_S * NS_PER_S;
    if (x->request.step_ns < NS_PER_S)
        x->request.step_ns = NS_PER_S;
    if (is_true(http_param(exchange, S("instant"))))
        x->request.step_ns = 0;
    return step.len ? loki_parse_duration(step, &x->request.step_ns, err) : BOLE_OK;
}

/* Runs the query, log or metric, and tells what it did instead of its answer. */
static void explain(struct stream *x)
{
    struct api *a = x->work->api;
    struct bole_err err = {0};
    struct query_explain explain;
    struct buf body;
    buf_init(&body, NULL);
    query_explain_init(&explain, a->options.clock, &x->work->budget);
    bole_status st = prepare_explain(x, &err);
    if (st == BOLE_OK)
        st = query_explain_run(x->query, &x->request, &explain, &x->stats, &err);
    api_work_count(x->work, st, &x->stats);
    if (st == BOLE_OK) {
        buf_put_str(&body, "{\"explain\":");
        query_explain_print(&explain, &body);
        buf_put_str(&body, "}\n");
        http_reply_buf(x->work->x, 200, NDJSON_TYPE, &body);
    } else {
        api_reply_query_error(x->work->x, &x->work->budget, &err);
    }
    buf_deinit(&body);
    query_explain_deinit(&explain);
    query_destroy(x->query);
    store_view_release(a->options.store, x->request.view);
}

static void query_rows(struct http_exchange *exchange, void *ctx)
{
    struct api *a = ctx;
    struct api_work work;
    struct bole_err err = {0};
    if (!api_work_begin(&work, a, exchange))
        return;
    struct stream x = {.work = &work, .rows_left = UINT64_MAX, .request = api_work_request(&work)};
    x.request.step_ns = NS_PER_S;
    x.request.categorize = true;
    bole_status st = parse_events(&x, http_param(exchange, S("events")), &err);
    if (st == BOLE_OK)
        st = parse_rows(&x, &err);
    if (st < 0)
        api_reply_query_error(exchange, &work.budget, &err);
    else if (is_true(http_param(exchange, S("explain"))))
        explain(&x);
    else if (x.events & EVENT_ROWS && x.rows_left > PAGE_ROWS)
        run_export(&x);
    else
        run(&x);
}

static const struct http_route routes[] = {
    {HTTP_GET | HTTP_POST, "/api/v1/query", query_rows, .flags = HTTP_POOL},
};

const struct api_table native_query_table = {routes, sizeof routes / sizeof *routes};
