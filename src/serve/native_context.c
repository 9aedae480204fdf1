/*
 * native_context.c - /api/v1/context: a row by its id, and what stands around it.
 *
 * Without a query the neighbours are those of the row's own stream, of exactly its labels. The row is found by its place: its
 * moment is scanned for its number, which also says the stream.
 */
#include <stdlib.h>

#include "base/err.h"
#include "serve/api_work.h"
#include "serve/loki_json.h"
#include "serve/loki_params.h"
#include "serve/native_row.h"

enum { AROUND_DEFAULT = 10, AROUND_MAX = 5000 };

struct context {
    struct api_work     *work;
    struct query_place   place;
    struct query        *query;
    struct query_request request;
    struct buf           stream; /* canonical labels of the row's stream */
    uint64_t             before, after;
    struct buf           body;
    uint64_t             bad_chunks;
};

/* ---- the row's stream ---- */

static bool find_in(struct scan *scan, const struct vector *v, struct query_place place, struct buf *ret_labels)
{
    for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r))
        if (v->time_ns[r] == place.time_ns && v->seq[r] == place.seq) {
            buf_put(ret_labels, store_scan_stream(scan, v->stream[r]));
            return true;
        }
    return false;
}

/* BOLE_E_NOTFOUND: there is no such row of this tenant, or not any more. */
static bole_status find_stream(struct context *c, struct bole_err *err)
{
    struct store *store = c->request.store;
    struct scan *scan = NULL;
    struct vector *v;
    struct store_query query = {.tenant = c->request.tenant, .from_ns = c->place.time_ns, .to_ns = c->place.time_ns + 1,
                                .budget = c->request.budget, .cancelled = api_work_is_over, .cancelled_ctx = c->work};
    bole_status st = store_scan_open(store, c->request.view, &query, &scan, err);
    bool found = false;
    while (st == BOLE_OK && !found && (st = store_scan_next(scan, &v, err)) == BOLE_OK)
        found = find_in(scan, v, c->place, &c->stream);
    store_scan_close(scan);
    if (st < 0)
        return st;
    if (c->stream.failed)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the labels of the row");
    return found ? BOLE_OK : bole_fail(err, BOLE_E_NOTFOUND, "no row has this id: it is deleted, too old, or of another tenant");
}

/* One tenant of several after the other: an id is of one of them. */
static bole_status find_row(struct context *c, struct bole_err *err)
{
    bole_status st = BOLE_E_NOTFOUND;
    for (size_t i = 0; i < c->work->tenant_count && st == BOLE_E_NOTFOUND; i++) {
        c->request.tenant = c->work->tenants[i];
        st = find_stream(c, err);
    }
    c->request.tenant_count = 1;
    return st;
}

/* {a="b",c="d"}: narrow enough to be found by the index; request.stream keeps out what has more labels. */
static bole_status parse_own(struct context *c, struct bole_err *err)
{
    struct buf text;
    buf_init(&text, c->request.budget);
    labels_print(buf_slice(&c->stream), &text);
    bole_status st = text.failed ? bole_fail(err, BOLE_E_NOMEM, "no memory for the selector")
                                 : query_parse(buf_slice(&text), c->request.budget, &c->query, err);
    buf_deinit(&text);
    c->request.stream = buf_slice(&c->stream);
    return st;
}

/* ---- its neighbours ---- */

/* Appends up to `limit` rows behind `after` in the direction, oldest first, with commas between. */
static bole_status put_side(struct context *c, enum store_direction direction, struct query_place after, uint64_t limit,
                            struct bole_err *err)
{
    struct query_request request = c->request;
    struct query_result *result = NULL;
    size_t count = 0;
    request.direction = direction;
    request.after = &after;
    request.limit = (uint32_t)limit;
    request.start_ns = direction == FORWARD ? after.time_ns : INT64_MIN;
    request.end_ns = direction == FORWARD ? INT64_MAX : after.time_ns + 1;
    bole_status st = limit ? query_exec(c->query, &request, &result, err) : BOLE_END;
    if (st != BOLE_OK)
        return st == BOLE_END ? BOLE_OK : st;
    const struct query_entry **rows = native_sort(result, FORWARD, &count);
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_put_u8(&c->body, ',');
        native_put_row(&c->body, rows[i], NATIVE_ROW_PARSED);
    }
    if (result->stats.bad_chunks > c->bad_chunks)
        c->bad_chunks = result->stats.bad_chunks;
    query_result_destroy(result);
    bool ok = rows;
    free(rows);
    return ok ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "no memory for the rows");
}

/* The place in front of this one: the row itself is the first behind it. */
static struct query_place in_front_of(struct query_place place)
{
    return place.seq ? (struct query_place){place.time_ns, place.seq - 1} : (struct query_place){place.time_ns - 1, UINT64_MAX};
}

/* From the row's own stream to what the request asks for. */
static bole_status take_query(struct context *c, bole_slice text, struct bole_err *err)
{
    query_destroy(c->query);
    c->query = NULL;
    c->request.stream = (bole_slice){0};
    bole_status st = query_parse(text, c->request.budget, &c->query, err);
    if (st == BOLE_OK && query_type(c->query) != QUERY_LOG)
        st = bole_fail(err, BOLE_E_INVALID, "rows come from log queries only");
    if (st == BOLE_OK && query_is_set(c->query))
        st = bole_fail(err, BOLE_E_INVALID, "a context is of lines as they come: without distinct, sort, stats and the like");
    return st;
}

static bole_status put_context(struct context *c, struct bole_err *err)
{
    bole_slice query = http_param(c->work->x, S("query"));
    buf_put_str(&c->body, "{\"status\":\"success\",\"data\":{\"row\":");
    bole_status st = put_side(c, FORWARD, in_front_of(c->place), 1, err);
    if (st == BOLE_OK && query.len)
        st = take_query(c, query, err);
    buf_put_str(&c->body, ",\"before\":[");
    if (st == BOLE_OK)
        st = put_side(c, BACKWARD, c->place, c->before, err);
    buf_put_str(&c->body, "],\"after\":[");
    if (st == BOLE_OK)
        st = put_side(c, FORWARD, c->place, c->after, err);
    buf_put_str(&c->body, "]}");
    if (c->bad_chunks)
        buf_printf(&c->body, ",\"warnings\":[\"" API_DAMAGE_TEXT "\"]", (unsigned long long)c->bad_chunks);
    buf_put_u8(&c->body, '}');
    return st;
}

/* ---- the request ---- */

static bole_status parse_around(struct http_exchange *x, bole_slice name, uint64_t *ret_count, struct bole_err *err)
{
    bole_slice text = http_param(x, name);
    *ret_count = AROUND_DEFAULT;
    if (!text.len)
        return BOLE_OK;
    *ret_count = 0;
    if (bole_slice_eq(text, S("0")))
        return BOLE_OK;
    bole_status st = loki_parse_limit(text, ret_count, err);
    if (st == BOLE_OK && *ret_count > AROUND_MAX)
        st = bole_fail(err, BOLE_E_INVALID, "%.*s: at most %d rows", BOLE_SLICE_ARG(name), AROUND_MAX);
    return st;
}

static bole_status prepare(struct context *c, struct bole_err *err)
{
    struct http_exchange *x = c->work->x;
    bole_status st = native_parse_id(api_param(x, S("id")), &c->place, err);
    if (st == BOLE_OK && (c->place.time_ns == INT64_MAX || c->place.time_ns == INT64_MIN))
        st = bole_fail(err, BOLE_E_NOTFOUND, "no row has this id");
    if (st == BOLE_OK)
        st = parse_around(x, S("before"), &c->before, err);
    if (st == BOLE_OK)
        st = parse_around(x, S("after"), &c->after, err);
    if (st == BOLE_OK && !(c->request.view = store_view(c->request.store)))
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for a view of the store");
    if (st == BOLE_OK)
        st = find_row(c, err);
    return st == BOLE_OK ? parse_own(c, err) : st;
}

static void context(struct http_exchange *x, void *ctx)
{
    struct api_work work;
    struct bole_err err = {0};
    if (!api_work_begin(&work, ctx, x))
        return;
    struct context c = {.work = &work, .request = api_work_request(&work)};
    c.request.step_ns = NS_PER_S;
    c.request.categorize = true;
    buf_init(&c.stream, &work.budget);
    buf_init(&c.body, work.api->options.query_budget);
    bole_status st = prepare(&c, &err);
    if (st == BOLE_OK)
        st = put_context(&c, &err);
    api_work_count(&work, st, NULL);
    if (st == BOLE_OK)
        api_reply_json(x, &c.body);
    else if (st == BOLE_E_NOTFOUND)
        http_reply_text(x, 404, "%s", err.msg);
    else
        api_reply_query_error(x, &work.budget, &err);
    buf_deinit(&c.body);
    buf_deinit(&c.stream);
    query_destroy(c.query);
    store_view_release(c.request.store, c.request.view);
}

static const struct http_route routes[] = {
    {HTTP_GET | HTTP_POST, "/api/v1/context", context, .flags = HTTP_POOL},
};

const struct api_table native_context_table = {routes, sizeof routes / sizeof *routes};
