/*
 * api_intake.c - the intakes of GELF, Datadog and Splunk: their paths, and what their clients ask before and after.
 */
#include "receive/json.h"
#include "serve/api_push.h"

#define FIREHOSE_MAX (64u * 1024 * 1024) /* bytes of one delivery */
#define JOURNAL_MAX (256u * 1024 * 1024) /* bytes of one upload */

/* ---- GELF ---- */

/* GELF's libraries say one thing and send another (pygelf: "gzip,deflate" over zlib), as over UDP, where the first bytes
 * alone tell: JSON begins with none of these. */
static bool undo_coding(struct http_exchange *x)
{
    enum content_coding coding = content_coding_guess(http_body(x));
    if (coding == CONTENT_IDENTITY)
        coding = content_coding_of(http_header(x, S("content-encoding")));
    return coding == CONTENT_UNKNOWN || http_undo_coding(x, coding);
}

static void gelf(struct http_exchange *x, void *ctx)
{
    struct push p;
    if (!undo_coding(x) || !push_begin(&p, x, ctx))
        return;
    receive_gelf(p.receiver, &p.in, &p.result);
    push_finish(&p, DOOR_HTTP_GELF, NULL);
}

/* ---- systemd-journal-upload ---- */

static void journal_upload(struct http_exchange *x, void *ctx)
{
    struct push p;
    if (!push_begin(&p, x, ctx))
        return;
    struct journal_piece piece = {.offset = http_body_offset(x), .more = http_body_open(x)};
    receive_journal_upload(p.receiver, &p.in, &piece, &p.result);
    if (piece.offset && (p.result.status == 429 || p.result.status == 503)) {
        /* Told to wait, the uploader would end, and begin anew with what is stored already. */
        http_body_later(x, (p.result.retry_after_s ? p.result.retry_after_s : 1) * (uint64_t)NS_PER_S);
        return;
    }
    p.more = piece.more && !p.in.debug;
    p.taken = piece.taken;
    /* No Accept-Encoding: from v258 on the uploader would then compress, and what is compressed does not come in pieces, so that a
     * long backlog would be too large for ever. */
    push_finish(&p, DOOR_HTTP_JOURNAL, NULL);
}

/* ---- Datadog ---- */

static void datadog(struct http_exchange *x, struct api *a, bool v1)
{
    struct push p;
    if (!push_begin(&p, x, a))
        return;
    receive_datadog(p.receiver, &p.in, v1, &p.result);
    push_finish(&p, DOOR_HTTP_DATADOG, NULL);
}

static void datadog_v1(struct http_exchange *x, void *ctx)
{
    datadog(x, ctx, true);
}

static void datadog_v2(struct http_exchange *x, void *ctx)
{
    datadog(x, ctx, false);
}

/* An agent asks whether its key is good. */
static void datadog_validate(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    http_reply(x, &(struct http_reply){.content_type = "application/json", .body = S("{\"valid\":true}"), .body_static = true});
}

/* ---- AWS ---- */

static void firehose(struct http_exchange *x, void *ctx)
{
    struct push p;
    if (!push_begin(&p, x, ctx))
        return;
    struct firehose_params params = {.request_id = http_header(x, S("x-amz-firehose-request-id")),
                                     .source_arn = http_header(x, S("x-amz-firehose-source-arn")),
                                     .common_attributes = http_header(x, S("x-amz-firehose-common-attributes"))};
    receive_firehose(p.receiver, &p.in, &params, &p.result);
    push_finish(&p, DOOR_HTTP_FIREHOSE, NULL);
}

static void cloudwatch(struct http_exchange *x, void *ctx)
{
    struct push p;
    if (!push_begin(&p, x, ctx))
        return;
    receive_cloudwatch(p.receiver, &p.in, &p.result);
    push_finish(&p, DOOR_HTTP_CLOUDWATCH, NULL);
}

/* ---- Splunk ---- */

/* Numbers of acknowledgements go on behind those of the process before: what that one has answered is on disk as well. */
static uint64_t first_ack(const struct api *a)
{
    enum { ACKS_PER_S = 1 << 20 };
    return (uint64_t)(a->started_ns / NS_PER_S) * ACKS_PER_S;
}

static bool has_channel(struct http_exchange *x)
{
    return http_header(x, S("x-splunk-request-channel")).len || http_param(x, S("channel")).len;
}

static void splunk(struct http_exchange *x, struct api *a, bool raw)
{
    struct push p;
    if (!push_begin(&p, x, a))
        return;
    struct splunk_params params = {.raw = raw, .acknowledge = has_channel(x), .host = http_param(x, S("host")),
                                   .source = http_param(x, S("source")), .sourcetype = http_param(x, S("sourcetype")),
                                   .index = http_param(x, S("index"))};
    if (params.acknowledge)
        params.ack_id = first_ack(a) + atomic_fetch_add(&a->splunk_acks, 1);
    receive_splunk(p.receiver, &p.in, &params, &p.result);
    push_finish(&p, DOOR_HTTP_SPLUNK, NULL);
}

static void splunk_event(struct http_exchange *x, void *ctx)
{
    splunk(x, ctx, false);
}

static void splunk_raw(struct http_exchange *x, void *ctx)
{
    splunk(x, ctx, true);
}

/* {"acks":[0,1]}: what has been answered is on disk, so all numbers that were given out are acknowledged. */
static bool put_acks(const struct api *a, struct json *j, struct buf *out)
{
    uint64_t end = first_ack(a) + atomic_load(&a->splunk_acks);
    bole_slice name, number;
    bool any = false;
    if (!json_open(j, '{'))
        return false;
    for (bool first = true; json_member(j, &first, &name);) {
        if (!bole_slice_eq(name, S("acks"))) {
            if (!json_skip(j, NULL))
                return false;
            continue;
        }
        if (!json_open(j, '['))
            return false;
        for (bool start = true; json_element(j, &start); any = true) {
            if (!json_scalar(j, &number) || number.len > 18)
                return false;
            uint64_t id = 0;
            bool digits = true;
            for (size_t i = 0; i < number.len; i++) {
                digits &= number.ptr[i] >= '0' && number.ptr[i] <= '9';
                id = 10 * id + (uint64_t)(number.ptr[i] - '0');
            }
            if (!digits)
                return false;
            buf_printf(out, "%s\"%llu\":%s", any ? "," : "", (unsigned long long)id, id < end ? "true" : "false");
        }
    }
    return json_finish(j);
}

static void splunk_ack(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct json_positions positions;
    struct bole_err err;
    struct buf out;
    buf_init(&out, a->options.budget);
    buf_put_str(&out, "{\"acks\":{");
    struct json_index *index = has_channel(x) ? json_index_create() : NULL;
    bool good = index && json_index_build(index, http_body(x), &positions, &err) == BOLE_OK;
    if (good) {
        struct json j = json_of(http_body(x), &positions);
        good = put_acks(a, &j, &out);
    }
    json_index_destroy(index);
    buf_put_str(&out, "}}");
    if (good && !out.failed)
        http_reply_buf(x, 200, "application/json", &out);
    else
        http_reply(x, &(struct http_reply){.status = 400, .content_type = "application/json", .body_static = true,
                                           .body = has_channel(x) ? S("{\"text\":\"Invalid data format\",\"code\":6}")
                                                                  : S("{\"text\":\"Data channel is missing\",\"code\":10}")});
    buf_deinit(&out);
}

static void splunk_health(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    bool stopping = atomic_load(&a->stopping);
    http_reply(x, &(struct http_reply){.status = stopping ? 503 : 200, .content_type = "application/json", .body_static = true,
                                       .body = stopping ? S("{\"text\":\"HEC is unhealthy, queues are full\",\"code\":18}")
                                                        : S("{\"text\":\"HEC is healthy\",\"code\":17}")});
}

#define BOTH(path, handler) \
    {HTTP_POST, path, handler, .flags = HTTP_WRITE | HTTP_NO_FORM}, {HTTP_POST, path "/1.0", handler, .flags = HTTP_WRITE | HTTP_NO_FORM}

static const struct http_route routes[] = {
    {HTTP_POST, "/gelf", gelf, .flags = HTTP_WRITE | HTTP_NO_FORM | HTTP_RAW_BODY},
    /* The first upload is the whole journal. */
    {HTTP_POST, "/upload", journal_upload, .flags = HTTP_WRITE | HTTP_NO_FORM | HTTP_PIECES, .body_max_bytes = JOURNAL_MAX, .decoded_max_bytes = JOURNAL_MAX},
    {HTTP_POST, "/insert/journald/upload", journal_upload, .flags = HTTP_WRITE | HTTP_NO_FORM | HTTP_PIECES, .body_max_bytes = JOURNAL_MAX,
     .decoded_max_bytes = JOURNAL_MAX},
    /* A delivery may have 64 MiB. */
    {HTTP_POST, "/firehose", firehose, .flags = HTTP_WRITE | HTTP_NO_FORM, .body_max_bytes = FIREHOSE_MAX},
    {HTTP_POST, "/cloudwatch", cloudwatch, .flags = HTTP_WRITE | HTTP_NO_FORM},
    {HTTP_POST, "/api/v2/logs", datadog_v2, .flags = HTTP_WRITE | HTTP_NO_FORM},
    {HTTP_POST, "/v1/input", datadog_v1, .flags = HTTP_WRITE | HTTP_NO_FORM},
    {HTTP_POST, "/v1/input/{key}", datadog_v1, .flags = HTTP_WRITE | HTTP_NO_FORM},
    {HTTP_GET, "/api/v1/validate", datadog_validate},
    BOTH("/services/collector", splunk_event),
    BOTH("/services/collector/event", splunk_event),
    BOTH("/services/collector/raw", splunk_raw),
    {HTTP_GET | HTTP_POST, "/services/collector/ack", splunk_ack, .flags = HTTP_NO_FORM},
    {HTTP_GET, "/services/collector/health", splunk_health},
    {HTTP_GET, "/services/collector/health/1.0", splunk_health},
};

const struct api_table intake_table = {routes, sizeof routes / sizeof *routes};
