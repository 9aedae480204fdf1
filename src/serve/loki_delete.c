/*
 * loki_delete.c - Loki's API for deletes, and what Bole adds to it: the id in the answer, and the proof in the list.
 *
 * Source: grafana/loki pkg/compactor/deletion/request_handler.go.
 */
#include "base/err.h"
#include "serve/api_internal.h"
#include "serve/loki_json.h"
#include "serve/loki_params.h"

/* Loki takes seconds of ten digits and RFC 3339 only; `any` more. */
static bole_status parse_time(struct http_exchange *x, bole_slice name, bool any, int64_t otherwise_ns, int64_t *ret_ns,
                              struct bole_err *err)
{
    bole_slice text = api_param(x, name);
    bool is_loki = !text.len || text.len == 10 || (text.len > 10 && text.ptr[10] == 'T');
    if ((any || is_loki) && loki_parse_time(text, otherwise_ns, ret_ns, err) >= 0)
        return BOLE_OK;
    return bole_fail(err, BOLE_E_INVALID, "invalid %.*s time: require unix seconds or RFC3339 format", BOLE_SLICE_ARG(name));
}

static bole_status parse_range(struct api *a, struct http_exchange *x, bool any, struct store_delete_request *r,
                               struct bole_err *err)
{
    int64_t now = clock_now_ns(a->options.clock);
    if (!api_param(x, S("start")).len)
        return bole_fail(err, BOLE_E_INVALID, "start time not set");
    bole_status st = parse_time(x, S("start"), any, 0, &r->from_ns, err);
    if (st >= 0)
        st = parse_time(x, S("end"), any, now, &r->to_ns, err);
    if (st < 0)
        return st;
    if (r->to_ns > now)
        return bole_fail(err, BOLE_E_INVALID, "deletes in the future are not allowed");
    return r->from_ns >= r->to_ns ? bole_fail(err, BOLE_E_INVALID, "start time can't be greater than or equal to end time") : BOLE_OK;
}

/* Loki says no more than that it is wrong; Bole's own door says where. */
static bole_status parse_query(struct api *a, bool ours, struct store_delete_request *r, struct query **ret_query, struct bole_err *err)
{
    if (!r->query.len)
        return bole_fail(err, BOLE_E_INVALID, "query not set");
    bole_status st = query_parse(r->query, a->options.budget, ret_query, err);
    if (!ours && (st == BOLE_E_INVALID || (st >= 0 && query_type(*ret_query) != QUERY_LOG)))
        st = bole_fail(err, BOLE_E_INVALID, "invalid query expression");
    return st;
}

/* False: the error was answered. */
static bool request_delete(struct http_exchange *x, struct api *a, bool ours, char ret_id[STORE_DELETE_ID_SIZE])
{
    struct store_delete_request r = {.query = api_param(x, S("query"))};
    struct query *q = NULL;
    struct bole_err err = {0};
    if (!api_tenant(x, &r.tenant))
        return false;
    bole_status st = parse_query(a, ours, &r, &q, &err);
    if (st >= 0)
        st = parse_range(a, x, ours, &r, &err);
    if (st >= 0)
        st = query_delete_filters(q, &r, &err);
    if (st >= 0)
        st = store_delete_rows(a->options.store, &r, ret_id, &err);
    query_destroy(q);
    if (st == BOLE_E_LIMIT)
        http_reply_text(x, 429, "%s", err.msg);
    else if (st == BOLE_E_INVALID)
        http_reply_text(x, 400, "%s\n", err.msg); /* with a newline, unlike a query's */
    else if (st < 0)
        api_reply_query_error(x, a->options.budget, &err);
    return st >= 0;
}

/* NULL without memory: the header is left out. */
static const char *id_line(struct http_exchange *x, const char *id)
{
    return (const char *)arena_printf(http_arena(x), "X-Delete-Request-ID: %s\r\n", id).ptr;
}

static void create(struct http_exchange *x, void *ctx)
{
    char id[STORE_DELETE_ID_SIZE];
    if (request_delete(x, ctx, false, id))
        http_reply(x, &(struct http_reply){.status = 204, .headers = id_line(x, id)});
}

static void create_with_id(struct http_exchange *x, void *ctx)
{
    char id[STORE_DELETE_ID_SIZE];
    struct buf body;
    if (!request_delete(x, ctx, true, id))
        return;
    buf_init(&body, NULL);
    buf_printf(&body, "{\"status\":\"success\",\"request_id\":\"%s\"}", id);
    api_reply_json(x, &body);
}

/* ---- the list ---- */

static void put_time(struct buf *b, const char *name, int64_t ns)
{
    buf_printf(b, ",\"%s\":", name);
    loki_put_stamp(b, ns);
}

static void put_digest(struct buf *b, const char *name, struct digest d)
{
    buf_printf(b, ",\"%s\":\"%016llx%016llx\"", name, (unsigned long long)d.hi, (unsigned long long)d.lo);
}

static void put_segments(struct buf *b, const char *name, const uint64_t *ids, size_t count)
{
    buf_printf(b, ",\"%s\":[", name);
    for (size_t i = 0; i < count; i++)
        buf_printf(b, "%s\"%016llx\"", i ? "," : "", (unsigned long long)ids[i]);
    buf_put_u8(b, ']');
}

static void put_step(struct buf *b, const struct store_delete_step *s)
{
    buf_printf(b, "{\"rows\":%llu", (unsigned long long)s->rows);
    put_time(b, "time", s->time_ns);
    put_digest(b, "digest_before", s->before);
    put_digest(b, "digest_removed", s->removed);
    put_digest(b, "digest_removed_by_others", s->others);
    put_digest(b, "digest_after", s->after);
    put_segments(b, "segments_before", s->input_ids, s->input_count);
    put_segments(b, "segments_after", s->result_ids, s->result_count);
    buf_put_u8(b, '}');
}

struct listing {
    struct buf body;
    bool       cancelled; /* also what was taken back, which Loki forgets */
};

static bole_status put_request(const struct store_delete_info *i, void *ctx)
{
    static const char *const states[] = {"received", "in process", "processed", "cancelled"};
    struct listing *l = ctx;
    struct buf *b = &l->body;
    if (i->state == STORE_DELETE_CANCELLED && !l->cancelled)
        return BOLE_OK;
    if (b->len > 1)
        buf_put_str(b, ",\n");
    buf_printf(b, "{\"request_id\":\"%s\"", i->id);
    put_time(b, "start_time", i->from_ns);
    put_time(b, "end_time", i->to_ns);
    buf_put_str(b, ",\"query\":");
    buf_put_json(b, i->query, true);
    buf_printf(b, ",\"status\":\"%s\"", states[i->state]);
    put_time(b, "created_at", i->created_ns);
    buf_put_str(b, ",\"user_id\":\"\""); /* empty in Loki, too */
    if (i->finished_ns)
        put_time(b, "finished_at", i->finished_ns);
    buf_printf(b, ",\"rows\":%llu", (unsigned long long)i->rows);
    put_digest(b, "digest", i->digest);
    buf_put_str(b, ",\"steps\":[");
    for (uint32_t k = 0; k < i->step_count; k++) {
        if (k)
            buf_put_u8(b, ',');
        put_step(b, &i->steps[k]);
    }
    buf_put_str(b, "]}");
    return b->failed ? BOLE_E_NOMEM : BOLE_OK;
}

static void list_requests(struct http_exchange *x, struct api *a, bool cancelled)
{
    struct bole_err err = {0};
    struct listing l = {.cancelled = cancelled};
    bole_slice tenant;
    if (!api_tenant(x, &tenant))
        return;
    buf_init(&l.body, a->options.budget);
    buf_put_u8(&l.body, '[');
    bole_status st = store_deletes(a->options.store, tenant, put_request, &l, &err);
    buf_put_u8(&l.body, ']');
    if (st < 0 && !l.body.failed) {
        http_reply_err(x, &err);
        buf_deinit(&l.body);
    } else {
        api_reply_json(x, &l.body);
    }
}

static void list(struct http_exchange *x, void *ctx)
{
    list_requests(x, ctx, false);
}

static void list_all(struct http_exchange *x, void *ctx)
{
    list_requests(x, ctx, true);
}

static void cancel(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct bole_err err = {0};
    bole_slice tenant, id = api_param(x, S("request_id"));
    if (!api_tenant(x, &tenant))
        return;
    bole_status st = store_delete_cancel(a->options.store, tenant, id, &err);
    if (st == BOLE_OK)
        http_reply(x, &(struct http_reply){.status = 204});
    else if (st == BOLE_E_NOTFOUND)
        http_reply_text(x, 404, "%s\n", err.msg);
    else if (st == BOLE_E_CONFLICT || st == BOLE_E_INVALID)
        http_reply_text(x, 400, "%s\n", err.msg);
    else
        http_reply_err(x, &err);
}

static const struct http_route routes[] = {
    {HTTP_POST | HTTP_PUT, "/loki/api/v1/delete", create, .flags = LOKI_METHODS | HTTP_WRITE | HTTP_POOL},
    {HTTP_GET, "/loki/api/v1/delete", list, .flags = LOKI_METHODS | HTTP_POOL},
    {HTTP_DELETE, "/loki/api/v1/delete", cancel, .flags = LOKI_METHODS | HTTP_WRITE | HTTP_POOL},
    {HTTP_GET, "/api/v1/delete", list_all, .flags = HTTP_POOL},
    {HTTP_POST, "/api/v1/delete", create_with_id, .flags = HTTP_WRITE | HTTP_POOL},
};

const struct api_table loki_delete_table = {routes, sizeof routes / sizeof *routes};
