/*
 * query.c - bole.v1.Logs/Query: a LogQL query, its rows sent while it runs.
 *
 * Rows are fetched in pages, each behind the last row of the one before, all on one view (serve/native_query.c does the same
 * for HTTP), and sent in messages of ROWS_TARGET. The next one is made when the client has taken the one before, so that a slow
 * reader costs a thread and a page, and one that takes nothing at all is broken off.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "receive/wire.h"
#include "rpc/rows.h"
#include "serve/api_work.h"
#include "serve/native_row.h"

enum { PAGE_ROWS = 5000, LIMIT_DEFAULT = 100, POINTS_DEFAULT = 250 };
enum { ROWS = 1, SERIES = 2, COLUMNS = 3, WARNINGS = 4, STATS = 5 }; /* of QueryResponse */
#define SINCE_DEFAULT_NS (3600 * (int64_t)NS_PER_S)

struct query_call {
    struct rpc_call     *call;
    struct api_work      work;
    bole_slice           text;
    int64_t              step_ns;
    uint64_t             limit;
    bool                 is_instant;
    struct query        *query;
    struct query_request request;
    struct query_place   last;     /* of the last row sent, or the id that came with the request */
    struct query_stats   stats;
    struct buf           out;
    bool                 is_gone;  /* nobody reads */
};

/* ---- the request ---- */

static bole_status read_request(struct query_call *q, bole_slice message, struct bole_err *err)
{
    struct wire w = wire_of(message);
    bole_slice after = {0};
    for (uint32_t field; (field = wire_field(&w));) {
        switch (field) {
        case 1: q->text = arena_copy(&q->call->arena, wire_bytes(&w)); break;
        case 2: q->request.start_ns = (int64_t)wire_i64(&w); break;
        case 3: q->request.end_ns = (int64_t)wire_i64(&w); break;
        case 4: q->limit = (uint32_t)wire_number(&w); break;
        case 5: q->request.direction = wire_number(&w) ? FORWARD : BACKWARD; break;
        case 6: after = wire_bytes(&w); break;
        case 7: q->step_ns = (int64_t)wire_number(&w); break;
        case 8: q->is_instant = wire_number(&w) != 0; break;
        default: wire_skip(&w);
        }
    }
    if (w.error)
        return bole_fail(err, BOLE_E_INVALID, "protobuf: %s, at byte %zu of the message", w.error,
                         (size_t)(w.field_at - message.ptr));
    if (!q->text.ptr)
        q->text = S("");
    if (!after.len)
        return BOLE_OK;
    q->request.after = &q->last;
    return native_parse_id(after, &q->last, err);
}

static bole_status complete_range(struct query_call *q, struct bole_err *err)
{
    struct query_request *r = &q->request;
    if (!r->end_ns)
        r->end_ns = clock_now_ns(q->work.api->options.clock);
    if (!r->start_ns && __builtin_sub_overflow(r->end_ns, SINCE_DEFAULT_NS, &r->start_ns))
        r->start_ns = INT64_MIN;
    if (r->end_ns < r->start_ns || q->step_ns < 0)
        return bole_fail(err, BOLE_E_INVALID, q->step_ns < 0 ? "the step is negative" : "the end lies before the start");
    if (!q->limit)
        q->limit = LIMIT_DEFAULT;
    return BOLE_OK;
}

/* ---- rows ---- */

/* Sends what is there and waits until it has left. False: nobody reads. */
static bool flush(struct query_call *q)
{
    if (q->out.len && !q->is_gone)
        q->is_gone = q->out.failed || !rpc_write(q->call, buf_slice(&q->out)) || !rpc_wait(q->call);
    buf_reset(&q->out);
    return !q->is_gone;
}

static bool send_rows(struct query_call *q, const struct query_entry *const *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        rows_put(&q->out, ROWS, rows[i]);
        q->last = (struct query_place){rows[i]->time_ns, rows[i]->seq};
        q->request.after = &q->last;
        q->limit--;
        q->stats.entries++;
        if (q->out.failed || (q->out.len >= ROWS_TARGET && !flush(q)))
            return false;
    }
    return true;
}

static bole_status out_of_memory(const struct query_call *q, struct bole_err *err)
{
    return q->out.failed ? bole_fail(err, BOLE_E_NOMEM, "no memory for a page of rows") : BOLE_OK;
}

/* BOLE_END: there are no more, or nobody wants them. */
static bole_status run_page(struct query_call *q, struct bole_err *err)
{
    struct query_request r = q->request;
    struct query_result *result = NULL;
    size_t count;
    r.limit = q->limit < PAGE_ROWS ? (uint32_t)q->limit : PAGE_ROWS;
    if (!query_request_clip(&r))
        return BOLE_END;
    bole_status st = query_exec(q->query, &r, &result, err);
    if (st < 0)
        return st;
    query_stats_add(&q->stats, &result->stats);
    const struct query_entry **rows = native_sort(result, r.direction, &count);
    if (!rows)
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for a page of rows");
    else if (!send_rows(q, rows, count))
        st = q->out.failed ? out_of_memory(q, err) : BOLE_END;
    else if (count < r.limit || !q->limit)
        st = BOLE_END;
    free(rows);
    query_result_destroy(result);
    return st == BOLE_OK ? query_check_scanned(r.max_scan_bytes, q->stats.bytes_scanned, err) : st;
}

static bole_status run_rows(struct query_call *q, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    while (st == BOLE_OK)
        st = run_page(q, err);
    return st < 0 ? st : BOLE_OK;
}

/* What an addition of ours has put in order comes at once. */
static bole_status run_set(struct query_call *q, struct bole_err *err)
{
    struct query_request r = q->request;
    struct query_result *result = NULL;
    r.after = NULL;
    r.limit = q->limit < QUERY_ENTRIES_MAX ? (uint32_t)q->limit : QUERY_ENTRIES_MAX;
    bole_status st = query_exec(q->query, &r, &result, err);
    if (st < 0)
        return st;
    query_stats_add(&q->stats, &result->stats);
    for (size_t i = 0; i < result->column_count; i++)
        wire_put_text(&q->out, COLUMNS, result->columns[i]);
    send_rows(q, result->rows, result->row_count);
    query_result_destroy(result);
    return out_of_memory(q, err);
}

/* ---- series ---- */

static void put_point(struct buf *out, struct query_point p)
{
    uint64_t bits;
    memcpy(&bits, &p.value, sizeof bits);
    size_t at = wire_open(out, 2);
    wire_put_fixed64(out, 1, (uint64_t)p.time_ns);
    wire_put_fixed64(out, 2, bits);
    wire_close(out, at);
}

static void put_series(struct buf *out, const struct query_series *s)
{
    size_t at = wire_open(out, SERIES);
    for (size_t i = 0; i < s->label_count; i++)
        wire_put_pair(out, 1, s->labels[i].name, s->labels[i].value);
    for (size_t i = 0; i < s->point_count; i++)
        put_point(out, s->points[i]);
    wire_close(out, at);
}

static int64_t default_step(const struct query_request *r)
{
    int64_t range_ns;
    if (__builtin_sub_overflow(r->end_ns, r->start_ns, &range_ns))
        range_ns = INT64_MAX;
    int64_t step_ns = range_ns / POINTS_DEFAULT / NS_PER_S * NS_PER_S;
    return step_ns < NS_PER_S ? NS_PER_S : step_ns;
}

static bole_status run_metric(struct query_call *q, struct bole_err *err)
{
    struct query_result *result = NULL;
    struct query_request r = q->request;
    r.after = NULL;
    r.step_ns = q->is_instant ? 0 : q->step_ns ? q->step_ns : default_step(&r);
    bole_status st = query_exec(q->query, &r, &result, err);
    if (st < 0)
        return st;
    query_stats_add(&q->stats, &result->stats);
    struct query_series scalar = {.points = &result->scalar, .point_count = 1};
    if (result->type == QUERY_SCALAR)
        put_series(&q->out, &scalar);
    for (size_t i = 0; i < result->series_count && !q->out.failed; i++) {
        put_series(&q->out, &result->series[i]);
        if (q->out.len >= ROWS_TARGET && !flush(q))
            break;
    }
    query_result_destroy(result);
    return out_of_memory(q, err);
}

/* ---- the answer ---- */

static void put_warnings(struct query_call *q)
{
    uint64_t damaged = q->stats.bad_chunks, lost = api_lost_groups(q->work.api);
    char text[256];
    int len = snprintf(text, sizeof text, API_DAMAGE_TEXT, (unsigned long long)damaged);
    if (damaged)
        wire_put_bytes(&q->out, WARNINGS, bole_slice_from(text, (size_t)len));
    len = snprintf(text, sizeof text, API_LOST_TEXT, (unsigned long long)lost);
    if (lost)
        wire_put_bytes(&q->out, WARNINGS, bole_slice_from(text, (size_t)len));
}

static void fail(struct query_call *q, struct bole_err *err)
{
    enum rpc_code code = rows_code_of(&q->work.budget, err);
    rpc_finish(q->call, &(struct rpc_end){.code = code, .text = bole_slice_str(err->msg)});
}

static void finish(struct query_call *q, bole_status st, struct bole_err *err)
{
    struct buf *out = &q->out;
    api_work_count(&q->work, st, &q->stats);
    if (st < 0) {
        fail(q, err);
        return;
    }
    put_warnings(q);
    size_t at = wire_open(out, STATS);
    wire_put_number(out, 1, q->stats.entries);
    wire_put_number(out, 2, q->stats.rows_scanned);
    wire_put_number(out, 3, q->stats.bytes_scanned);
    wire_put_number(out, 4, clock_mono_ns(q->work.api->options.clock) - q->work.started_ns);
    wire_close(out, at);
    rpc_finish(q->call, &(struct rpc_end){.code = out->failed ? RPC_RESOURCE_EXHAUSTED : RPC_OK, .message = buf_slice(out)});
}

static bool is_over(void *ctx)
{
    struct query_call *q = ctx;
    return atomic_load(&q->call->cancelled) || clock_mono_ns(q->work.api->options.clock) > q->work.deadline_ns;
}

static bole_status run_parsed(struct query_call *q, struct bole_err *err)
{
    struct api *a = q->work.api;
    if (query_type(q->query) != QUERY_LOG)
        return run_metric(q, err);
    if (query_is_set(q->query))
        return run_set(q, err);
    bool is_export = q->limit > PAGE_ROWS; /* takes as long as its reader, so there may be few of them */
    bole_status st = BOLE_OK;
    if (is_export)
        q->work.deadline_ns = UINT64_MAX;
    if (is_export && atomic_fetch_add(&a->exports_open, 1) >= a->options.exports_max)
        st = bole_fail(err, BOLE_E_NOMEM, "exports running already: %u: try again later", a->options.exports_max);
    if (st == BOLE_OK)
        st = run_rows(q, err);
    if (is_export)
        atomic_fetch_sub(&a->exports_open, 1);
    return st;
}

static void run(struct rpc_call *call)
{
    struct query_call *q = call->state;
    struct bole_err err = {0};
    struct store *store = q->work.api->options.store;
    bole_status st = query_parse_words(q->text, &q->work.budget, &q->query, &err);
    if (st == BOLE_OK && !(q->request.view = store_view(store)))
        st = bole_fail(&err, BOLE_E_NOMEM, "no memory for a view of the store");
    if (st == BOLE_OK)
        st = run_parsed(q, &err);
    query_destroy(q->query);
    store_view_release(store, q->request.view);
    finish(q, st, &err);
}

static void query_message(struct rpc_call *call, bole_slice bytes)
{
    struct query_call *q = call->state;
    struct rpc_end end;
    bole_slice tenants;
    struct bole_err err = {0};
    struct query_request asked;
    q->call = call;
    buf_init(&q->out, rpc_api(call->rpc)->options.query_budget);
    if (!rpc_tenants(call, &tenants, &end)) {
        rpc_finish(call, &end);
        return;
    }
    bole_status st = api_work_start(&q->work, rpc_api(call->rpc), tenants, &call->arena) ? BOLE_OK : BOLE_E_NOMEM;
    if (st == BOLE_OK)
        st = read_request(q, bytes, &err);
    if (st == BOLE_OK)
        st = complete_range(q, &err);
    if (st < 0) {
        fail(q, &err);
        return;
    }
    asked = q->request;
    q->request = api_work_request(&q->work);
    q->request.start_ns = asked.start_ns;
    q->request.end_ns = asked.end_ns;
    q->request.direction = asked.direction;
    q->request.after = asked.after;
    q->request.step_ns = NS_PER_S;
    q->request.categorize = true;
    q->request.cancelled = is_over;
    q->request.cancelled_ctx = q;
    if (!rpc_block(call, run))
        rpc_finish_later(call, RPC_RESOURCE_EXHAUSTED, S("too many queries at once: try again later"));
}

static void query_ended(struct rpc_call *call)
{
    struct query_call *q = call->state;
    if (q->call)
        buf_deinit(&q->out);
}

const struct rpc_method rpc_query_method = {
    .path = "/bole.v1.Logs/Query", .state_size = sizeof(struct query_call), .message = query_message, .ended = query_ended};
