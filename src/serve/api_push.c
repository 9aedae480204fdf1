/*
 * api_push.c - the doors that take records: from the request to a receiver, from the commit to the answer.
 *
 * A push runs on its loop, which is also its ingest worker. The handler returns once the records are handed over; the
 * committer answers when they are durable and searchable.
 */
#include "base/err.h"
#include "serve/api_push.h"

struct commit { /* in the exchange's arena */
    struct http_exchange *x;
    struct metrics_door_counters *counters;
    uint64_t              records, bytes;
    unsigned              status, retry_after_s;
    const char           *content_type;
    bole_slice            body;
    const char           *headers;
    bool                  more;
    size_t                taken;
    struct process       *process;
    const struct ingest_lane *lane;     /* in the arena too; or NULL */
};

static void answer(const struct commit *p)
{
    if (p->more && p->status < 300) {
        http_body_taken(p->x, p->taken);
        return;
    }
    bool later = p->status == 429 || p->status == 503;
    const char *headers = p->headers;
    if (later)
        headers = (const char *)arena_printf(http_arena(p->x), "%sRetry-After: %u\r\n", headers ? headers : "",
                                             p->retry_after_s ? p->retry_after_s : 1)
                      .ptr;
    /* The body is in the exchange's arena, or a constant: no copy is needed. */
    http_reply(p->x, &(struct http_reply){.status = p->status, .content_type = p->content_type, .body = p->body,
                                          .body_static = true, .headers = headers});
}

/* What only the commit could tell about a batch of a lane. False: nothing. */
static bool answer_lane(struct commit *p, bole_status status)
{
    const struct ingest_lane *lane = p->lane;
    bool gap = lane && status == BOLE_E_CONFLICT;
    if (!gap && !(lane && status == BOLE_OK && lane->was_stored))
        return false;
    unsigned long long sequence = lane->sequence, wanted = lane->wanted;
    if (gap)
        p->body = arena_printf(http_arena(p->x), "{\"error\":\"gap\",\"sequence\":%llu,\"wanted\":%llu}\n", sequence, wanted);
    else
        p->body =
            arena_printf(http_arena(p->x), "{\"sequence\":%llu,\"stored\":0,\"duplicate\":true,\"rejected\":0}\n", sequence);
    p->status = gap ? 409 : 200;
    if (gap)
        process_forget(p->process);
    answer(p);
    return true;
}

static void on_done(bole_status status, const struct bole_err *err, void *ctx)
{
    struct commit *p = ctx;
    if (answer_lane(p, status))
        return;
    if (status != BOLE_OK) {
        process_forget(p->process);
        http_reply_err(p->x, err);
        return;
    }
    atomic_fetch_add(&p->counters->requests_total, !p->more);
    atomic_fetch_add(&p->counters->records_total, p->records);
    atomic_fetch_add(&p->counters->bytes_total, p->bytes);
    answer(p);
}

static void count(struct api *a, const struct receive_result *result)
{
    if (result->utf8_replaced)
        atomic_fetch_add(&a->counters.utf8_replaced_total, result->utf8_replaced);
    for (size_t i = 0; result->rejected && i < RECEIVE_REASON_COUNT; i++)
        atomic_fetch_add(&a->counters.rejected_total[i], result->rejected_by[i]);
}

void push_finish(struct push *push, enum metrics_door door, const char *headers)
{
    struct api *a = push->a;
    struct http_exchange *x = push->x;
    const struct receive_result *result = &push->result;
    count(a, result);
    struct commit now = {.x = x,
                         .counters = &a->counters.doors[door],
                         .records = result->accepted,
                         .bytes = result->accepted_bytes,
                         .status = result->status,
                         .content_type = result->content_type,
                         .body = result->body,
                         .headers = headers,
                         .more = push->more,
                         .taken = push->taken,
                         .process = a->options.receive.process,
                         .lane = result->lane,
                         .retry_after_s = result->retry_after_s};
    if (!result->request) {
        answer(&now);
        return;
    }
    struct commit *p = arena_alloc(http_arena(x), sizeof *p);
    if (!p) {
        ingest_rollback(result->request);
        process_forget(now.process);
        http_reply_text(x, 503, "out of memory for requests: try again");
        return;
    }
    *p = now;
    ingest_commit(result->request, on_done, p); /* x may be answered, and be gone, from here on */
}

/* False: the request is over one of its tenant's limits, and was answered. */
static bool keeps_limits(struct limits *limits, struct http_exchange *x, bole_slice tenant)
{
    const struct tenant_limit limit = limits_of(limits, tenant);
    size_t size = http_body(x).len, sent = http_body_sent(x);
    if (limit.body_bytes && size > limit.body_bytes) {
        limits_count(limits, LIMIT_BODY);
        http_reply_text(x, 413, "a request of %zu bytes, tenant %.*s may send %zu at once", size, BOLE_SLICE_ARG(tenant),
                        limit.body_bytes);
        return false;
    }
    if (limit.ratio && size > CONTENT_RATIO_FREE && size / limit.ratio > sent) { /* what is small may be as regular as it likes */
        limits_count(limits, LIMIT_RATIO);
        http_reply_text(x, 413, "a request of %zu bytes became %zu, tenant %.*s may compress by %zu", sent, size,
                        BOLE_SLICE_ARG(tenant), limit.ratio);
        return false;
    }
    return true;
}

bool push_begin(struct push *p, struct http_exchange *x, struct api *a)
{
    bole_slice tenant;
    if (!api_tenant(x, &tenant))
        return false;
    if (http_loop_index(x) >= a->receiver_count || atomic_load(&a->stopping)) {
        http_reply_text(x, 503, "not ready to take records: try again");
        return false;
    }
    struct limits *limits = a->options.receive.limits;
    bool piece = http_body_open(x) || http_body_offset(x); /* has a limit of its own */
    if (limits && !piece && !keeps_limits(limits, x, tenant))
        return false;
    *p = (struct push){.a = a, .x = x};
    p->receiver = a->receivers[http_loop_index(x)];
    p->in = (struct receive_input){.tenant = tenant, .body = http_body(x), .content_type = http_header(x, S("content-type")),
                                   .debug = bole_slice_eq(http_param(x, S("debug")), S("1")), .arena = http_arena(x),
                                   .client = http_remote(x), .agent = http_header(x, S("user-agent"))};
    return true;
}

/* Loki's own protobuf form is a snappy block, whether Content-Encoding says so or not: only the receiver can tell what
 * "snappy" means here. The other codings are undone as for every request. */
static bool undo_coding(struct http_exchange *x, bole_slice *ret_kept)
{
    bole_slice header = http_header(x, S("content-encoding"));
    enum content_coding coding = header.len ? content_coding_of(header) : CONTENT_IDENTITY;
    *ret_kept = coding == CONTENT_SNAPPY ? S("snappy") : S("");
    if (coding == CONTENT_UNKNOWN) {
        http_reply_text(x, 400, "Content-Encoding \"%.*s\" not supported", BOLE_SLICE_ARG(header));
        return false;
    }
    return coding == CONTENT_SNAPPY || http_undo_coding(x, coding);
}

static void loki_push(struct http_exchange *x, void *ctx)
{
    struct push p;
    bole_slice coding;
    if (!undo_coding(x, &coding) || !push_begin(&p, x, ctx))
        return;
    p.in.content_encoding = coding;
    receive_loki_push(p.receiver, &p.in, &p.result);
    push_finish(&p, DOOR_HTTP_LOKI, NULL);
}

/* A query parameter, else the header that means the same. */
static bole_slice either(struct http_exchange *x, bole_slice param, bole_slice header)
{
    bole_slice value = http_param(x, param);
    return value.len ? value : http_header(x, header);
}

static void json_lines(struct http_exchange *x, void *ctx)
{
    struct push p;
    if (!push_begin(&p, x, ctx))
        return;
    struct json_lines_params params = {
        .stream_fields = either(x, S("_stream_fields"), S("vl-stream-fields")),
        .time_field = either(x, S("_time_field"), S("vl-time-field")),
        .msg_field = either(x, S("_msg_field"), S("vl-msg-field")),
        .ignore_fields = either(x, S("ignore_fields"), S("vl-ignore-fields")),
        .extra_fields = either(x, S("extra_fields"), S("vl-extra-fields")),
    };
    receive_json_lines(p.receiver, &p.in, &params, &p.result);
    push_finish(&p, DOOR_HTTP_JSON_LINES, NULL);
}

static void otlp_logs(struct http_exchange *x, void *ctx)
{
    struct push p;
    if (!push_begin(&p, x, ctx))
        return;
    receive_otlp_logs(p.receiver, &p.in, &p.result);
    push_finish(&p, DOOR_HTTP_OTLP, NULL);
}

static void native_push(struct http_exchange *x, void *ctx)
{
    struct push p;
    if (!push_begin(&p, x, ctx))
        return;
    receive_push(p.receiver, &p.in, &p.result);
    push_finish(&p, DOOR_HTTP_PUSH, NULL);
}

static const struct http_route routes[] = {
    {HTTP_POST, "/api/v1/push", native_push, .flags = HTTP_WRITE | HTTP_NO_FORM},
    {HTTP_POST, "/loki/api/v1/push", loki_push, .flags = LOKI_METHODS | HTTP_WRITE | HTTP_NO_FORM | HTTP_RAW_BODY},
    {HTTP_POST, "/api/prom/push", loki_push, .flags = LOKI_METHODS | HTTP_WRITE | HTTP_NO_FORM | HTTP_RAW_BODY},
    {HTTP_POST, "/insert/jsonline", json_lines, .flags = HTTP_WRITE | HTTP_NO_FORM},
    {HTTP_POST, "/v1/logs", otlp_logs, .flags = HTTP_WRITE | HTTP_NO_FORM},
    {HTTP_POST, "/otlp/v1/logs", otlp_logs, .flags = LOKI_METHODS | HTTP_WRITE | HTTP_NO_FORM},
};

const struct api_table push_table = {routes, sizeof routes / sizeof *routes};
