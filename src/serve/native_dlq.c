/*
 * native_dlq.c - dead letters: looked at, sent through their door again, thrown away. docs/dead-letters.md
 *
 * Reading waits for files, so it runs on the pool. Redriving is a push and runs on a loop, a few letters at a time; a
 * letter goes when its record is durable, so a crash in between leaves both.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "receive/socket.h"
#include "serve/api_internal.h"
#include "serve/loki_json.h"

enum { LIST_DEFAULT = 100, LIST_MAX = 1000, SHOWN_MAX = 256, REDRIVE_MAX = 64, ERRORS_MAX = 8 };

static bool begin(struct api *a, struct http_exchange *x, bole_slice *ret_tenant)
{
    if (!api_tenant(x, ret_tenant))
        return false;
    if (a->options.receive.dead_letters)
        return true;
    http_reply_text(x, 404, "dead letters are switched off (dead_letters.size)");
    return false;
}

/* False: 400 was answered. */
static bool number_of(struct http_exchange *x, bole_slice text, uint64_t otherwise, uint64_t *ret_number)
{
    uint64_t n = 0;
    bool good = text.len <= 18;
    for (size_t i = 0; i < text.len && good; i++) {
        good = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        n = 10 * n + (uint64_t)(text.ptr[i] - '0');
    }
    *ret_number = text.len ? n : otherwise;
    if (!good)
        http_reply_text(x, 400, "\"%.*s\" is no number", BOLE_SLICE_ARG(text));
    return good;
}

/* ---- what is there ---- */

/* A letter as an object; of a batch its record's line, else the bytes. `max` cuts the text off. */
static void put_letter(struct buf *out, const struct dead_letter *l, size_t max)
{
    char time[TIME_TEXT_MAX];
    size_t time_len = time_format_rfc3339(l->time_ns, 3, time);
    struct batch *b = NULL;
    size_t size;
    bole_slice text = l->bytes;
    if (l->kind == DEAD_LETTER_BATCH && batch_decode(l->bytes, NULL, &b, &size, NULL) == BOLE_OK)
        text = batch_line(b, 0);
    buf_printf(out, "{\"id\":\"%llu\",\"time\":\"%.*s\",\"door\":", (unsigned long long)l->id, (int)time_len, time);
    buf_put_json(out, l->door, false);
    buf_put_str(out, ",\"reason\":");
    buf_put_json(out, l->reason, false);
    buf_put_str(out, ",\"why\":");
    buf_put_json(out, l->why, false);
    buf_printf(out, ",\"size\":%zu,\"cut\":%s,\"text\":", l->bytes.len, l->cut ? "true" : "false");
    buf_put_json(out, text.len > max ? bole_slice_from(text.ptr, max) : text, false);
    if (b) {
        struct process_record rec = {
            .time_ns = b->time_ns[0], .tenant = l->tenant, .labels = b->streams[b->row_stream[0]].labels, .line = text};
        struct batch_field fields[RECORD_FIELDS_MAX];
        for (rec.fields = fields; rec.field_count < b->field_end[0] && rec.field_count < RECORD_FIELDS_MAX; rec.field_count++)
            fields[rec.field_count] = batch_field(b, (uint32_t)rec.field_count);
        buf_put_str(out, ",\"record\":");
        process_put_record(out, &rec);
        batch_unref(b);
    }
    buf_put_u8(out, '}');
}

struct listing {
    struct buf out;
    uint64_t   limit, count, last;
    bool       more;
};

static bool list_letter(const struct dead_letter *l, void *ctx)
{
    struct listing *w = ctx;
    w->more = w->count == w->limit;
    if (w->more)
        return false;
    buf_put_str(&w->out, w->count++ ? "," : "");
    put_letter(&w->out, l, SHOWN_MAX);
    w->last = l->id;
    return true;
}

static void list(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct listing w = {0};
    struct dead_letters_stats stats;
    struct bole_err err;
    uint64_t after;
    bole_slice tenant;
    if (!begin(a, x, &tenant) || !number_of(x, api_param(x, S("after")), 0, &after) ||
        !number_of(x, api_param(x, S("limit")), LIST_DEFAULT, &w.limit))
        return;
    w.limit = w.limit < LIST_MAX ? w.limit : LIST_MAX;
    buf_init(&w.out, a->options.budget);
    buf_put_str(&w.out, "{\"letters\":[");
    bole_status st = dead_letters_each(a->options.receive.dead_letters, tenant, after, list_letter, &w, &err);
    dead_letters_get_stats(a->options.receive.dead_letters, &stats);
    buf_put_u8(&w.out, ']');
    if (w.more)
        buf_printf(&w.out, ",\"next\":\"%llu\"", (unsigned long long)w.last);
    buf_put_u8(&w.out, '}');
    if (st < 0)
        http_reply_err(x, &err);
    else
        api_reply_json(x, &w.out);
    if (st < 0)
        buf_deinit(&w.out);
}

struct wanted {
    struct http_exchange *x;
    uint64_t id;
    bool     raw, found;
};

static bool show_letter(const struct dead_letter *l, void *ctx)
{
    struct wanted *w = ctx;
    w->found = l->id == w->id;
    if (!w->found)
        return false;
    struct buf out;
    buf_init(&out, NULL);
    if (w->raw)
        buf_put(&out, l->bytes);
    else
        put_letter(&out, l, SIZE_MAX);
    if (out.failed)
        http_reply_text(w->x, 500, "no memory for a dead letter");
    else
        http_reply_buf(w->x, 200, w->raw ? "application/octet-stream" : LOKI_JSON_TYPE, &out);
    buf_deinit(&out);
    return false;
}

static void show(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct wanted w = {.x = x, .raw = bole_slice_eq(api_param(x, S("raw")), S("true"))};
    struct bole_err err;
    bole_slice tenant;
    if (!begin(a, x, &tenant) || !number_of(x, http_path_param(x, S("id")), 0, &w.id))
        return;
    bole_status st = w.id ? dead_letters_each(a->options.receive.dead_letters, tenant, w.id - 1, show_letter, &w, &err) : BOLE_OK;
    if (w.found)
        return;
    if (st < 0)
        http_reply_err(x, &err);
    else
        http_reply_text(x, 404, "there is no such dead letter");
}

static void remove_letter(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    uint64_t id;
    bole_slice tenant;
    if (!begin(a, x, &tenant) || !number_of(x, http_path_param(x, S("id")), 0, &id))
        return;
    if (dead_letters_remove(a->options.receive.dead_letters, tenant, id))
        http_reply(x, &(struct http_reply){.status = 204});
    else
        http_reply_text(x, 404, "there is no such dead letter");
}

static void purge(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    bole_slice tenant;
    if (!begin(a, x, &tenant))
        return;
    struct buf out;
    buf_init(&out, NULL);
    buf_printf(&out, "{\"purged\":%llu}", (unsigned long long)dead_letters_purge(a->options.receive.dead_letters, tenant));
    api_reply_json(x, &out);
}

/* ---- redrive ---- */

struct redrive { /* in the exchange's arena */
    struct api           *api;
    struct http_exchange *x;
    bole_slice            tenant;
    struct redriven {
        struct redrive *job;
        uint64_t id;
        enum dead_letter_kind kind;
        bole_slice door, bytes;
        bool cut;
    } letters[REDRIVE_MAX];
    size_t                count;
    uint64_t              only;  /* this one alone; 0: all */
    bool                  more;
    atomic_uint           waiting, redriven, refused;
    bole_slice            errors[ERRORS_MAX];
    size_t                error_count;
};

static bool collect_letter(const struct dead_letter *l, void *ctx)
{
    struct redrive *job = ctx;
    if (job->only && l->id != job->only)
        return false;
    job->more = job->count == REDRIVE_MAX;
    if (job->more)
        return false;
    struct redriven *r = &job->letters[job->count];
    *r = (struct redriven){
        job, l->id, l->kind, arena_copy(http_arena(job->x), l->door), arena_copy(http_arena(job->x), l->bytes), l->cut};
    job->more = !r->bytes.ptr || !r->door.ptr; /* no memory for it now */
    job->count += !job->more;
    return !job->more;
}

static void finish(struct redrive *job)
{
    if (atomic_fetch_sub(&job->waiting, 1) != 1)
        return;
    struct buf out;
    buf_init(&out, NULL);
    buf_printf(&out, "{\"redriven\":%u,\"refused\":%u,\"errors\":[", atomic_load(&job->redriven), atomic_load(&job->refused));
    for (size_t i = 0; i < job->error_count; i++) {
        buf_put_str(&out, i ? "," : "");
        buf_put_json(&out, job->errors[i], false);
    }
    buf_put_u8(&out, ']');
    if (job->more)
        buf_printf(&out, ",\"next\":\"%llu\"", (unsigned long long)(job->count ? job->letters[job->count - 1].id : 0));
    buf_put_u8(&out, '}');
    api_reply_json(job->x, &out);
}

static void on_done(bole_status status, const struct bole_err *err, void *ctx)
{
    struct redriven *r = ctx;
    struct redrive *job = r->job;
    if (status == BOLE_OK) {
        dead_letters_remove(job->api->options.receive.dead_letters, job->tenant, r->id);
        atomic_fetch_add(&job->redriven, 1);
    } else {
        atomic_fetch_add(&job->refused, 1);
    }
    finish(job);
}

static void refuse(struct redrive *job, const struct redriven *r, bole_slice why)
{
    atomic_fetch_add(&job->refused, 1);
    bole_slice text = arena_printf(http_arena(job->x), "%llu: %.*s", (unsigned long long)r->id, BOLE_SLICE_ARG(why));
    if (job->error_count < ERRORS_MAX && text.ptr)
        job->errors[job->error_count++] = text;
}

/* Messages of a connection. */
static void receive_messages(const struct socket_protocol *protocol, struct receiver *receiver, const struct receive_input *in,
                             struct receive_result *ret_result)
{
    static const struct socket_settings settings;
    struct socket_result result;
    struct socket_input all = {.in = *in, .at_end = true, .settings = &settings};
    all.session = arena_alloc(in->arena, protocol->session_size);
    all.in.body = bole_slice_str(protocol->opening ? protocol->opening : "");
    *ret_result = (struct receive_result){.status = 503, .body = S("out of memory for requests: try again")};
    if (!all.session)
        return;
    memset(all.session, 0, protocol->session_size);
    protocol->take(receiver, &all, &result);
    all.in.body = in->body;
    protocol->take(receiver, &all, &result);
    *ret_result = result.records;
    if (result.used < in->body.len && ret_result->status < 300) {
        ret_result->status = 400;
        ret_result->body = S("it ends in the middle of a message");
    }
}

/* The way that it came. False: there is none for what came through this door. */
static bool receive(struct receiver *receiver, const struct redriven *r, const struct receive_input *in,
                    struct receive_result *ret_result)
{
    static const struct json_lines_params as_usual;
    if (r->cut)
        return false;
    if (r->kind == DEAD_LETTER_BATCH)
        receive_push(receiver, in, ret_result);
    else if (bole_slice_eq(r->door, S("jsonline")))
        receive_json_lines(receiver, in, &as_usual, ret_result);
    else if (bole_slice_eq(r->door, S("elasticsearch")))
        receive_elastic_doc(receiver, in, (bole_slice){0}, (bole_slice){0}, ret_result);
    else if (bole_slice_eq(r->door, S("gelf")))
        receive_gelf(receiver, in, ret_result);
    else if (bole_slice_eq(r->door, S("journald")))
        receive_journal_upload(receiver, in, &(struct journal_piece){0}, ret_result);
    else if (bole_slice_eq(r->door, S("firehose")) || bole_slice_eq(r->door, S("cloudwatch")))
        receive_firehose_letter(receiver, in, ret_result);
    else if (bole_slice_eq(r->door, S("forward")))
        receive_messages(&forward_protocol, receiver, in, ret_result);
    else if (bole_slice_eq(r->door, S("relp")))
        receive_messages(&relp_protocol, receiver, in, ret_result);
    else
        return false;
    return true;
}

static void redrive_one(struct redrive *job, struct redriven *r, struct receiver *receiver)
{
    struct receive_input in = {.tenant = job->tenant, .body = r->bytes, .redriven = true, .arena = http_arena(job->x)};
    struct receive_result result;
    if (!receive(receiver, r, &in, &result)) {
        refuse(job, r, r->cut ? S("it was cut off") : S("its door takes no single records: show it with raw=true"));
        return;
    }
    if (result.rejected || result.status >= 300) {
        if (result.request)
            ingest_rollback(result.request);
        refuse(job, r, result.error_count ? result.errors[0].text : result.body);
        return;
    }
    atomic_fetch_add(&job->waiting, 1);
    if (result.request)
        ingest_commit(result.request, on_done, r);
    else
        on_done(BOLE_OK, NULL, r); /* a rule drops it now */
}

static void redrive(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct redrive *job = arena_alloc(http_arena(x), sizeof *job);
    struct bole_err err;
    uint64_t after;
    if (!job) {
        http_reply_text(x, 503, "out of memory for requests: try again");
        return;
    }
    *job = (struct redrive){.api = a, .x = x, .waiting = 1};
    if (!begin(a, x, &job->tenant) || !number_of(x, api_param(x, S("id")), 0, &job->only) ||
        !number_of(x, api_param(x, S("after")), job->only ? job->only - 1 : 0, &after))
        return;
    if (http_loop_index(x) >= a->receiver_count || atomic_load(&a->stopping)) {
        http_reply_text(x, 503, "not ready to take records: try again");
        return;
    }
    if (dead_letters_each(a->options.receive.dead_letters, job->tenant, after, collect_letter, job, &err) < 0) {
        http_reply_err(x, &err);
        return;
    }
    if (job->only && !job->count) {
        http_reply_text(x, 404, "there is no such dead letter");
        return;
    }
    for (size_t i = 0; i < job->count; i++)
        redrive_one(job, &job->letters[i], a->receivers[http_loop_index(x)]);
    finish(job);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/dlq", list, .flags = HTTP_POOL},
    {HTTP_DELETE, "/api/v1/dlq", purge, .flags = HTTP_POOL | HTTP_WRITE},
    {HTTP_POST, "/api/v1/dlq/redrive", redrive, .flags = HTTP_WRITE},
    {HTTP_GET, "/api/v1/dlq/{id}", show, .flags = HTTP_POOL},
    {HTTP_DELETE, "/api/v1/dlq/{id}", remove_letter, .flags = HTTP_POOL | HTTP_WRITE},
};

const struct api_table native_dlq_table = {routes, sizeof routes / sizeof *routes};
