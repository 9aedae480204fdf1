/*
 * native_query.c - /api/v1/query: all rows of a log query as NDJSON, in the order of time, in bounded memory.
 *
 * The engine gives the first N entries of a range. So the range is walked in pages, all on one view: the next page begins
 * at the moment where the last one ended, and rows of that moment that were written already are passed over by their
 * seq. A page that brings nothing new (more rows of one nanosecond than it holds) is asked again, twice as large.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "serve/api_out.h"
#include "serve/api_work.h"
#include "serve/loki_json.h"
#include "serve/loki_params.h"

#define NDJSON_TYPE "application/x-ndjson; charset=UTF-8"

enum { PAGE_ROWS = 5000 };

struct export {
    struct api_work     *work;
    struct query        *query;
    struct query_request request;  /* of the next page */
    struct api_out       out;
    uint64_t             rows_left;
    uint64_t             bad_chunks; /* the most that one page met */
    bool                 any;      /* last_* are set */
    int64_t              last_ns;
    uint64_t             last_seq;
};

/* ---- one row ---- */

static void put_row(struct buf *b, const struct query_entry *e)
{
    char time[TIME_TEXT_MAX];
    time_format_rfc3339(e->time_ns, -1, time);
    buf_printf(b, "{\"time\":\"%s\",\"labels\":", time);
    loki_put_row_labels(b, e->labels, e->label_count, 1u << ORIGIN_STREAM);
    buf_put(b, S(",\"line\":"));
    buf_put_json(b, e->line, false);
    buf_put(b, S(",\"fields\":"));
    loki_put_row_labels(b, e->labels, e->label_count, 1u << ORIGIN_FIELD | 1u << ORIGIN_PARSED);
    buf_put(b, S("}\n"));
}

static int compare_forward(const void *a, const void *b)
{
    const struct query_entry *const *x = a, *const *y = b;
    if ((*x)->time_ns != (*y)->time_ns)
        return (*x)->time_ns < (*y)->time_ns ? -1 : 1;
    return ((*x)->seq > (*y)->seq) - ((*x)->seq < (*y)->seq);
}

static int compare_backward(const void *a, const void *b)
{
    return compare_forward(b, a);
}

/* True when the row lies behind the last one written. */
static bool is_new(const struct export *x, const struct query_entry *e)
{
    if (!x->any)
        return true;
    struct query_entry last = {.time_ns = x->last_ns, .seq = x->last_seq};
    const struct query_entry *row = e, *border = &last;
    int order = compare_forward(&row, &border);
    return x->request.direction == FORWARD ? order > 0 : order < 0;
}

/* ---- one page ---- */

static const struct query_entry **sort_page(const struct query_result *r, enum store_direction direction, size_t *ret_count)
{
    size_t count = 0;
    for (size_t i = 0; i < r->stream_count; i++)
        count += r->streams[i].entry_count;
    const struct query_entry **order = calloc(count + 1, sizeof *order);
    if (!order)
        return NULL;
    count = 0;
    for (size_t i = 0; i < r->stream_count; i++)
        for (size_t k = 0; k < r->streams[i].entry_count; k++)
            order[count++] = &r->streams[i].entries[k];
    if (count)
        qsort(order, count, sizeof *order, direction == FORWARD ? compare_forward : compare_backward);
    *ret_count = count;
    return order;
}

/* Writes what is new; *ret_new of the page's *ret_count rows. False: the client is gone. */
static bool write_page(struct export *x, const struct query_entry **rows, size_t count, size_t *ret_new)
{
    *ret_new = 0;
    for (size_t i = 0; i < count && x->rows_left; i++) {
        if (!is_new(x, rows[i]))
            continue;
        put_row(&x->out.buf, rows[i]);
        x->any = true;
        x->last_ns = rows[i]->time_ns;
        x->last_seq = rows[i]->seq;
        x->rows_left--;
        ++*ret_new;
        if (!api_out_flow(&x->out))
            return false;
    }
    return true;
}

/* Where the next page begins: the last moment is asked for again. */
static void move_on(struct export *x)
{
    if (x->request.direction == FORWARD)
        x->request.start_ns = x->last_ns;
    else if (x->last_ns < INT64_MAX)
        x->request.end_ns = x->last_ns + 1;
}

/* BOLE_OK: there may be more. BOLE_END: that was all, or the client is gone. */
static bole_status run_page(struct export *x, struct bole_err *err)
{
    struct query_result *result = NULL;
    bole_status st = query_exec(x->query, &x->request, &result, err);
    api_work_count(x->work, st, result ? &result->stats : NULL);
    if (st < 0)
        return st;
    if (result->stats.bad_chunks > x->bad_chunks)
        x->bad_chunks = result->stats.bad_chunks;
    size_t count = 0, fresh = 0;
    const struct query_entry **rows = sort_page(result, x->request.direction, &count);
    if (!rows)
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for a page of rows");
    else if (!write_page(x, rows, count, &fresh) || count < x->request.limit || !x->rows_left)
        st = BOLE_END;
    else if (fresh)
        move_on(x);
    else if (x->request.limit >= QUERY_ENTRIES_MAX / 2)
        st = bole_fail(err, BOLE_E_LIMIT, "more than %u rows of one nanosecond", x->request.limit);
    else
        x->request.limit *= 2;
    free(rows);
    query_result_destroy(result);
    return st;
}

/* ---- the request ---- */

static bole_status prepare(struct export *x, struct bole_err *err)
{
    struct http_exchange *exchange = x->work->x;
    struct loki_text text = {.start = http_param(exchange, S("start")), .end = http_param(exchange, S("end")),
                             .since = http_param(exchange, S("since"))};
    x->request = api_work_request(x->work);
    x->request.step_ns = NS_PER_S;
    x->request.limit = PAGE_ROWS;
    x->request.categorize = true;
    x->rows_left = UINT64_MAX;
    bole_slice limit = http_param(exchange, S("limit"));
    bole_status st = loki_parse_bounds(&text, clock_now_ns(x->work->api->options.clock), &x->request.start_ns, &x->request.end_ns, err);
    if (st == BOLE_OK && x->request.end_ns < x->request.start_ns)
        st = bole_fail(err, BOLE_E_INVALID, "end timestamp must not be before or equal to start time");
    if (st == BOLE_OK && limit.len)
        st = loki_parse_limit(limit, &x->rows_left, err);
    if (st == BOLE_OK)
        st = loki_parse_direction(http_param(exchange, S("direction")), &x->request.direction, err);
    if (st == BOLE_OK)
        st = query_parse(api_param(exchange, S("query")), &x->work->budget, &x->query, err);
    if (st == BOLE_OK && query_type(x->query) != QUERY_LOG)
        st = bole_fail(err, BOLE_E_INVALID, "rows come from log queries only: use /loki/api/v1/query_range for metrics");
    if (st == BOLE_OK && !(x->request.view = store_view(x->work->api->options.store)))
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for a view of the store");
    return st;
}

static void put_error(struct buf *b, const struct bole_err *err)
{
    buf_put(b, S("{\"error\":"));
    buf_put_json(b, bole_slice_str(err->msg), false);
    buf_put(b, S("}\n"));
}

static void run_export(struct api_work *work)
{
    struct bole_err err = {0};
    struct api *a = work->api;
    struct export x = {.work = work};
    api_out_init(&x.out, work->x, NDJSON_TYPE, a->options.query_budget, true);
    bole_status st = prepare(&x, &err);
    while (st == BOLE_OK)
        st = run_page(&x, &err);
    if (st < 0 && !x.any) {
        api_out_drop(&x.out);
        api_reply_query_error(work->x, &work->budget, &err);
    } else {
        if (st < 0) {
            api_explain_memory(&work->budget, &err);
            put_error(&x.out.buf, &err);
        }
        if (x.bad_chunks)
            buf_printf(&x.out.buf, "{\"warning\":\"" API_DAMAGE_TEXT "\"}\n", (unsigned long long)x.bad_chunks);
        if (api_lost_groups(a))
            buf_printf(&x.out.buf, "{\"warning\":\"" API_LOST_TEXT "\"}\n", (unsigned long long)api_lost_groups(a));
        api_out_end(&x.out);
    }
    query_destroy(x.query);
    store_view_release(a->options.store, x.request.view);
}

static void query_rows(struct http_exchange *exchange, void *ctx)
{
    struct api *a = ctx;
    struct api_work work;
    if (!api_work_begin(&work, a, exchange))
        return;
    work.deadline_ns = UINT64_MAX; /* an export takes as long as its reader */
    if (atomic_fetch_add(&a->exports_open, 1) < a->options.exports_max)
        run_export(&work);
    else
        http_reply_text(exchange, 429, "exports running already: %u: try again later", a->options.exports_max);
    atomic_fetch_sub(&a->exports_open, 1);
}

static const struct http_route routes[] = {
    {HTTP_GET | HTTP_POST, "/api/v1/query", query_rows, .flags = HTTP_POOL},
};

const struct api_table native_query_table = {routes, sizeof routes / sizeof *routes};
