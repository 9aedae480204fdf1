#include "receive/door.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/unset.h"
#include "process/level.h"
#include "process/service_name.h"

enum {
    KEEP_DECODED = 1024 * 1024,      /* bytes of buffers that a large request leaves behind for the next */
    KEEP_INDEX = 8 * 1024 * 1024,
    MESSAGE_MAX = 1024,              /* bytes of one error */
    QUOTED_MAX = 256,                /* bytes of one text in it */
    DEAD_MAX = 256,                  /* letters of one request */
    SHOWN_MAX = 1000,                /* records of a request that is only shown */
};

const char *receive_reason_name(enum receive_reason reason)
{
    static const char *const names[RECEIVE_REASON_COUNT] = {
        [RECEIVE_MALFORMED] = "malformed",         [RECEIVE_BAD_LABELS] = "invalid_labels",
        [RECEIVE_MISSING_LABELS] = "missing_labels", [RECEIVE_LABEL_LIMIT] = "label_limit",
        [RECEIVE_BAD_TIMESTAMP] = "bad_timestamp", [RECEIVE_BAD_ENTRY] = "bad_entry",
        [RECEIVE_LINE_TOO_LONG] = "line_too_long", [RECEIVE_FIELD_LIMIT] = "structured_metadata_too_large",
        [RECEIVE_SCHEMA] = "schema",               [RECEIVE_RATE] = "rate_limited",
    };
    return names[reason];
}

/* ---- the receiver ---- */

bole_status receiver_create(const struct receive_options *options, struct ingest *ingest, unsigned worker,
                            struct receiver **ret_receiver, struct bole_err *err)
{
    struct receiver *r = calloc(1, sizeof *r);
    if (!r)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a receiver");
    r->options = *options;
    if (!r->options.decoded_max_bytes)
        r->options.decoded_max_bytes = RECEIVE_DECODED_MAX;
    r->ingest = ingest;
    r->worker = worker;
    stream_cache_init(&r->streams, options->budget);
    arena_init(&r->scratch, options->budget);
    buf_init(&r->decoded, options->budget);
    process_run_init(&r->run, options->budget);
    r->index = json_index_create();
    r->fields = malloc(FIELDS_ROOM * sizeof *r->fields);
    if (!r->index || !r->fields) {
        receiver_destroy(r);
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a receiver");
    }
    *ret_receiver = r;
    return BOLE_OK;
}

void receiver_destroy(struct receiver *r)
{
    if (!r)
        return;
    stream_cache_deinit(&r->streams);
    arena_deinit(&r->scratch);
    buf_deinit(&r->decoded);
    process_run_deinit(&r->run);
    json_index_destroy(r->index);
    free(r->fields);
    free(r->chunks);
    json_lines_destroy(r->lines);
    free(r);
}

/* ---- one request ---- */

struct door door_open(struct receiver *r, const struct receive_input *in, struct receive_result *result)
{
    *result = (struct receive_result){0};
    stream_cache_trim(&r->streams);
    arena_reset(&r->scratch);
    struct door d = {.r = r, .in = in, .result = result, .now_ns = clock_now_ns(r->options.clock),
                     .client = in->client, .newest_ns = INT64_MIN};
    buf_init(&d.shown, r->options.budget);
    buf_init(&d.explained, r->options.budget);
    if (process_run_begin(&r->run, r->options.process, r->options.clock))
        r->run.dry = in->debug;
    if (r->options.limits)
        d.limit = limits_of(r->options.limits, in->tenant);
    return d;
}

bool door_fits(struct door *d, size_t more)
{
    size_t max = budget_task_max(d->r->options.budget), need = d->in->body.len + d->r->decoded.cap + d->index_bytes;
    if (d->result->request)
        need += ingest_held_bytes(d->result->request);
    if (!__builtin_add_overflow(need, more, &need) && need <= max)
        return true;
    return door_refuse(
        d, 413,
        "the request needs more than the %zu MB of memory that one may have: send smaller requests, or raise the "
        "server's --memory-limit",
        max >> 20);
}

bool door_no_memory(struct door *d, const char *what)
{
    enum { NEXT = 4 * 1024 * 1024 }; /* what it takes to go on: a batch, its encoded form, buffers that grow */
    return door_fits(d, NEXT) && door_refuse(d, 429, "no memory for %s: send again later", what);
}

/* False: the tenant sends more than it may. */
static bool within_rate(struct door *d)
{
    uint64_t wait_ns;
    enum limit_kind kind;
    if (!d->r->options.limits ||
        limits_admit(d->r->options.limits, d->in->tenant, clock_mono_ns(d->r->options.clock), &wait_ns, &kind))
        return true;
    door_refuse(d, 429, "tenant %.*s sends more than %.0f %s a second: send again in %.1f s", BOLE_SLICE_ARG(d->in->tenant),
                kind == LIMIT_BYTES ? d->limit.bytes_per_s : d->limit.records_per_s, limit_kind_name(kind),
                (double)wait_ns / NS_PER_S);
    d->result->retry_after_s = (unsigned)((wait_ns + NS_PER_S - 1) / NS_PER_S);
    return false;
}

bool door_begin(struct door *d, size_t size_bytes)
{
    UNSET struct bole_err err;
    if (d->in->debug)
        return true;
    if (!within_rate(d))
        return false;
    if (!door_fits(d, ingest_memory(size_bytes)))
        return false;
    d->result->lane = d->lane;
    bole_status st = d->lane ? ingest_begin_lane(d->r->ingest, d->r->worker, size_bytes, d->lane, &d->result->request, &err)
                             : ingest_begin(d->r->ingest, d->r->worker, size_bytes, &d->result->request, &err);
    if (st == BOLE_OK)
        return true;
    d->result->request = NULL;
    return door_refuse(d, st == BOLE_E_FULL ? 503 : st == BOLE_E_LIMIT ? 429 : 500, "%s", err.msg);
}

__attribute__((format(printf, 2, 0))) static bole_slice print(char text[MESSAGE_MAX], const char *fmt, va_list args)
{
    return bole_slice_from(text, err_vprint(text, MESSAGE_MAX, fmt, args));
}

static void take_back(struct receive_result *result)
{
    if (result->request)
        ingest_rollback(result->request);
    result->request = NULL;
    result->accepted = result->accepted_bytes = result->utf8_replaced = 0;
}

bool door_refuse(struct door *d, unsigned status, const char *fmt, ...)
{
    char text[MESSAGE_MAX];
    va_list args;
    va_start(args, fmt);
    bole_slice said = arena_copy(d->in->arena, print(text, fmt, args));
    va_end(args);
    if (d->result->accepted)
        process_forget(d->r->options.process);
    take_back(d->result);
    d->over = true;
    d->result->status = status;
    d->result->content_type = "text/plain; charset=utf-8";
    d->result->body = said.ptr ? said : S("refused");
    return false;
}

static bool keeps_letters(const struct door *d)
{
    return d->r->options.dead_letters && !d->in->debug && !d->in->redriven && d->dead_count < DEAD_MAX;
}

void door_bury(struct door *d, enum dead_letter_kind kind, enum receive_reason reason, bole_slice why, bole_slice bytes)
{
    if (!keeps_letters(d) || reason == RECEIVE_RATE)
        return;
    if (!d->dead)
        d->dead = arena_array(d->in->arena, DEAD_MAX, sizeof *d->dead);
    if (!d->dead)
        return;
    bool cut = bytes.len > DEAD_LETTER_BYTES_MAX;
    bole_slice copy = arena_copy(d->in->arena, bole_slice_from(bytes.ptr, cut ? DEAD_LETTER_BYTES_MAX : bytes.len));
    why = arena_copy(d->in->arena, why);
    if (copy.ptr && why.ptr)
        d->dead[d->dead_count++] = (struct dead_letter){.time_ns = d->now_ns,
                                                        .kind = kind,
                                                        .cut = cut,
                                                        .tenant = d->in->tenant,
                                                        .door = bole_slice_str(d->name ? d->name : ""),
                                                        .reason = bole_slice_str(receive_reason_name(reason)),
                                                        .why = why,
                                                        .bytes = copy};
}

/* What came since the last time is the client's. */
static void count_source(struct door *d)
{
    const struct receive_result *result = d->result;
    struct source_batch *told = &d->told;
    struct source_batch now = {result->accepted - told->records, result->accepted_bytes - told->bytes,
                               result->rejected - told->errors, d->newest_ns};
    if (d->over)
        now = (struct source_batch){.errors = 1, .newest_ns = INT64_MIN};
    struct source who = {
        .tenant = d->in->tenant, .door = bole_slice_str(d->name ? d->name : ""), .client = d->client, .agent = d->in->agent};
    *told = (struct source_batch){result->accepted, result->accepted_bytes, result->rejected, 0};
    d->newest_ns = INT64_MIN;
    if (d->r->options.sources && !d->in->debug && !d->in->redriven && (now.records || now.errors))
        sources_count(d->r->options.sources, &who, &now, d->now_ns);
}

void door_sender(struct door *d, bole_slice client)
{
    if (bole_slice_eq(client, d->client))
        return;
    count_source(d);
    d->client = client;
}

static void keep_dead(struct door *d)
{
    for (size_t i = 0; i < d->dead_count && !d->over; i++)
        dead_letters_keep(d->r->options.dead_letters, &d->dead[i]);
}

void door_reject(struct door *d, enum receive_reason reason, uint64_t count, const char *fmt, ...)
{
    struct receive_result *result = d->result;
    result->rejected += count;
    result->rejected_by[reason] += count;
    char text[MESSAGE_MAX];
    va_list args;
    va_start(args, fmt);
    bole_slice said = print(text, fmt, args);
    va_end(args);
    if (d->suspect.ptr)
        door_bury(d, DEAD_LETTER_RAW, reason, said, d->suspect);
    d->reject_reason = reason;
    d->reject_text = arena_copy(&d->r->scratch, said);
    for (size_t i = 0; i < result->error_count; i++)
        if (bole_slice_eq(result->errors[i].text, said)) {
            result->errors[i].count++;
            return;
        }
    if (result->error_count == RECEIVE_ERRORS_MAX)
        return;
    said = arena_copy(d->in->arena, said);
    if (said.ptr)
        result->errors[result->error_count++] = (struct receive_error){said, 1};
}

bole_slice door_error_text(struct door *d)
{
    const struct receive_result *result = d->result;
    struct buf text;
    buf_init(&text, NULL);
    for (size_t i = 0; i < result->error_count; i++) {
        if (i > 0)
            buf_put(&text, S("; "));
        if (result->error_count > 1 || result->errors[i].count > 1)
            buf_printf(&text, "%llu errors like: ", (unsigned long long)result->errors[i].count);
        buf_put(&text, result->errors[i].text);
    }
    bole_slice copy = arena_copy(d->in->arena, buf_slice(&text));
    buf_deinit(&text);
    return copy.ptr ? copy : S("refused");
}

bool door_index(struct door *d, bole_slice text, struct json_positions *ret_positions, struct bole_err *ret_why)
{
    struct receiver *r = d->r;
    size_t need = text.len > JSON_INDEX_TEXT_MAX ? 0 : 4 * text.len; /* when every byte is a token */
    ret_why->msg[0] = 0;
    if (need > KEEP_INDEX && need > d->index_bytes) {
        if (!door_fits(d, need - d->index_bytes))
            return false;
        if (!budget_take(r->options.budget, need - d->index_bytes))
            return door_no_memory(d, "the index of JSON text");
        d->index_bytes = need;
    }
    bole_status st = json_index_build(r->index, text, ret_positions, ret_why);
    if (st == BOLE_E_NOMEM)
        return door_no_memory(d, "the index of JSON text");
    if (st == BOLE_E_LIMIT)
        return door_refuse(d, 413, "%s", ret_why->msg);
    return true;
}

/* One record as it would be stored, or what kept it from that. */
static bool show(struct door *d, const struct stream_entry *s, int64_t time_ns, bole_slice line,
                 const struct batch_field *fields, size_t field_count, enum process_outcome outcome)
{
    struct buf *out = &d->shown;
    struct reader labels = reader_of(s->stream.labels);
    struct label label;
    bool first = true;
    if (d->result->accepted >= SHOWN_MAX)
        return true;
    buf_printf(out, "%s{\"time\":\"%lld\",\"stream\":{", out->len ? ",\n" : "", (long long)time_ns);
    for (; labels_next(&labels, &label); first = false) {
        buf_put_str(out, first ? "" : ",");
        buf_put_json(out, label.name, false);
        buf_put_u8(out, ':');
        buf_put_json(out, label.value, false);
    }
    buf_put_str(out, "},\"line\":");
    buf_put_json(out, line, false);
    buf_put_str(out, ",\"fields\":{");
    first = true;
    for (size_t i = 0; i < field_count; i++) {
        if (fields[i].value.len == 0)
            continue;
        buf_put_str(out, first ? "" : ",");
        buf_put_json(out, fields[i].key, false);
        buf_put_u8(out, ':');
        buf_put_json(out, fields[i].value, false);
        first = false;
    }
    buf_put_u8(out, '}');
    if (outcome > PROCESS_CHANGED)
        buf_printf(out, ",\"outcome\":\"%s\"", process_outcome_name(outcome));
    if (d->explained.len) {
        buf_put_str(out, ",\"process\":[");
        buf_put(out, buf_slice(&d->explained));
        buf_put_u8(out, ']');
    }
    buf_put_u8(out, '}');
    return !out->failed || door_no_memory(d, "what is shown");
}

/* ?debug=1: instead of the protocol's own answer. */
static void answer_shown(struct door *d)
{
    struct receive_result *result = d->result;
    struct buf text;
    buf_init(&text, d->r->options.budget);
    buf_printf(&text, "{\"accepted\":%llu,\"rejected\":%llu,\"errors\":[", (unsigned long long)result->accepted,
               (unsigned long long)result->rejected);
    for (size_t i = 0; i < result->error_count; i++) {
        buf_put_str(&text, i ? "," : "");
        buf_put_json(&text, result->errors[i].text, false);
    }
    buf_put_u8(&text, ']');
    if (d->r->run.pipeline)
        buf_printf(&text, ",\"rules\":\"%.*s\"", BOLE_SLICE_ARG(pipeline_version(d->r->run.pipeline)));
    buf_put_str(&text, ",\"records\":[");
    buf_put(&text, buf_slice(&d->shown));
    buf_put_str(&text, "]}\n");
    bole_slice body = text.failed ? (bole_slice){0} : arena_copy(d->in->arena, buf_slice(&text));
    buf_deinit(&text);
    if (!body.ptr) {
        door_no_memory(d, "what is shown");
        return;
    }
    result->body = body;
    result->status = 200;
    result->content_type = "application/json";
}

void door_close(struct door *d)
{
    struct receiver *r = d->r;
    if (d->in->debug && !d->over)
        answer_shown(d);
    keep_dead(d);
    count_source(d);
    if (d->result->accepted && r->options.limits && !d->in->debug)
        limits_charge(r->options.limits, d->in->tenant, d->result->accepted, d->result->accepted_bytes);
    buf_deinit(&d->shown);
    buf_deinit(&d->explained);
    process_run_end(&r->run);
    budget_give(r->options.budget, d->index_bytes);
    if (d->result->request && !d->lane && ingest_rows(d->result->request) == 0)
        take_back(d->result);
    if (r->decoded.cap > KEEP_DECODED)
        buf_deinit(&r->decoded);
    json_index_trim(r->index, KEEP_INDEX);
    arena_reset(&r->scratch);
}

/* ---- streams ---- */

bole_slice door_stream_text(struct door *d, const struct stream_entry *s)
{
    struct buf text;
    buf_init(&text, NULL);
    labels_print(s->stream.labels, &text);
    bole_slice copy = arena_copy(&d->r->scratch, buf_slice(&text));
    buf_deinit(&text);
    return copy;
}

static struct stream_entry *keep_stream(struct door *d, enum door_kind kind, bole_slice key,
                                        const struct stream_entry *proto)
{
    struct stream_entry *e = stream_cache_add(&d->r->streams, kind, key, d->in->tenant, proto);
    if (!e)
        door_no_memory(d, "a stream's labels");
    return e;
}

struct stream_entry *door_refuse_stream(struct door *d, enum door_kind kind, bole_slice key, enum receive_reason reason,
                                        const char *fmt, ...)
{
    char text[MESSAGE_MAX];
    va_list args;
    va_start(args, fmt);
    struct stream_entry proto = {.refused = print(text, fmt, args), .reason = reason};
    va_end(args);
    return keep_stream(d, kind, key, &proto);
}

static bole_slice level_of_labels(const struct label *labels, size_t count)
{
    unsigned best = LEVEL_RANK_NONE;
    bole_slice level = {0};
    for (size_t i = 0; i < count; i++) {
        unsigned rank = labels[i].value.len ? level_name_rank(labels[i].name) : LEVEL_RANK_NONE;
        if (rank < best) {
            best = rank;
            level = level_normalize(labels[i].value);
        }
    }
    return level;
}

/* Why these labels are not taken, in Loki's words; false when they are. */
static bool breaks_limit(bole_slice text, const struct label *labels, size_t count, char ret_why[MESSAGE_MAX])
{
    if (count > LABELS_MAX) {
        err_print(ret_why, MESSAGE_MAX, "entry for stream '%.*s' has %zu label names; limit %u", BOLE_SLICE_ARG(text),
                  count, LABELS_MAX);
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        bool name = labels[i].name.len > LABEL_NAME_MAX;
        if (name || labels[i].value.len > LABEL_VALUE_MAX) {
            char stream[QUOTED_MAX], label[QUOTED_MAX]; /* each with a gap of its own: the reason stands between them */
            bole_slice long_one = name ? labels[i].name : labels[i].value;
            err_print(stream, sizeof stream, "%.*s", BOLE_SLICE_ARG(text));
            err_print(label, sizeof label, "%.*s", BOLE_SLICE_ARG(long_one));
            err_print(ret_why, MESSAGE_MAX, "stream '%s' has label %s too long: '%s'", stream, name ? "name" : "value", label);
            return true;
        }
    }
    return false;
}

struct stream_entry *door_make_stream(struct door *d, enum door_kind kind, bole_slice key, bole_slice shown,
                                      const struct label *labels, size_t label_count, uint8_t flags)
{
    struct label all[LABELS_MAX + 1];
    size_t count = 0;
    char why[MESSAGE_MAX];
    for (size_t i = 0; i < label_count; i++)
        if (labels[i].value.len && count++ < LABELS_MAX)
            all[count - 1] = labels[i];
    if (count == 0)
        return door_refuse_stream(d, kind, key, RECEIVE_MISSING_LABELS,
                                  "error at least one label pair is required per stream");
    struct label service = {0};
    if (count <= LABELS_MAX)
        service = service_name_discover(all, count, d->r->options.service_names, d->r->options.service_name_count);
    if (service.name.ptr)
        all[count++] = service;
    if (breaks_limit(shown, all, count, why))
        return door_refuse_stream(d, kind, key, RECEIVE_LABEL_LIMIT, "%s", why);
    struct buf canonical;
    struct bole_err err;
    buf_init(&canonical, d->r->options.budget);
    bole_slice level = level_of_labels(all, count);
    bole_status st = labels_encode(all, count, &canonical, &err);
    struct stream_entry *e;
    if (st == BOLE_OK) {
        struct stream_entry proto = {.level = level, .stream = {.labels = buf_slice(&canonical), .flags = flags}};
        e = keep_stream(d, kind, key, &proto);
    } else if (st == BOLE_E_NOMEM) {
        e = NULL;
        door_no_memory(d, "a stream's labels");
    } else {
        e = door_refuse_stream(d, kind, key, st == BOLE_E_LIMIT ? RECEIVE_LABEL_LIMIT : RECEIVE_BAD_LABELS, "%s",
                               err.msg);
    }
    buf_deinit(&canonical);
    return e;
}

/* ---- records ---- */

/* Loki's order: see process/level.h. A level that is there already is only spelled normally. */
static bole_slice detect_level(const struct door *d, const struct stream_entry *s, struct batch_field *fields, size_t count,
                               bole_slice line)
{
    unsigned best = LEVEL_RANK_NONE;
    bole_slice named = {0}, number = {0};
    for (size_t i = 0; i < count; i++) {
        bole_slice key = fields[i].key;
        if (bole_slice_eq(key, LEVEL_FIELD)) {
            fields[i].value = level_normalize(fields[i].value);
            return (bole_slice){0};
        }
        unsigned rank = d->maps ? level_logger_rank(key) : level_name_rank(key);
        if (rank < best) {
            best = rank;
            named = fields[i].value;
        } else if (bole_slice_eq(key, LEVEL_SEVERITY_NUMBER)) {
            number = fields[i].value;
        }
    }
    if (s->level.ptr)
        return s->level;
    if (named.ptr)
        return d->maps ? level_of_logger(named) : level_normalize(named);
    return number.ptr ? level_of_severity_number(number) : level_of_line(line);
}

/* A record that was understood, as the rules before the one that refused it left it: what they took out must not reach the disk here
 * either. */
static void bury_record(struct door *d, const struct process_record *rec, enum receive_reason reason, bole_slice why)
{
    struct batch_builder *builder = keeps_letters(d) ? batch_builder_create(NULL) : NULL;
    struct batch *b = NULL;
    struct buf encoded;
    uint32_t stream;
    buf_init(&encoded, NULL);
    if (builder && batch_builder_stream(builder, d->in->tenant, rec->labels, 0, &stream, NULL) == BOLE_OK &&
        batch_builder_add(builder, rec->time_ns, stream, rec->line, rec->fields, rec->field_count, NULL) == BOLE_OK &&
        batch_builder_seal(builder, d->now_ns, NULL, &b, NULL) == BOLE_OK &&
        batch_encode(b, BATCH_PLAIN, &encoded, NULL) == BOLE_OK)
        door_bury(d, DEAD_LETTER_BATCH, reason, why, buf_slice(&encoded));
    batch_unref(b);
    batch_builder_destroy(builder);
    buf_deinit(&encoded);
}

/* A record may have more than the tenant may send. Asked behind the rules: what is kept of it is then without what they take out. */
static bool breaks_tenants_limit(struct door *d, const struct process_record *rec, size_t fields_size)
{
    const struct tenant_limit *t = &d->limit;
    size_t bytes = rec->line.len + fields_size;
    bool size = t->record_bytes && bytes > t->record_bytes, count = t->fields && rec->field_count > t->fields;
    if (!size && !count)
        return false;
    d->suspect = (bole_slice){0}; /* it was understood */
    if (size)
        door_reject(d, RECEIVE_LINE_TOO_LONG, 1, "a record of %zu bytes, tenant %.*s may have %zu", bytes,
                    BOLE_SLICE_ARG(d->in->tenant), t->record_bytes);
    else
        door_reject(d, RECEIVE_FIELD_LIMIT, 1, "a record of %zu fields, tenant %.*s may have %zu", rec->field_count,
                    BOLE_SLICE_ARG(d->in->tenant), t->fields);
    bury_record(d, rec, d->reject_reason, d->reject_text);
    limits_count(d->r->options.limits, size ? LIMIT_RECORD : LIMIT_FIELDS);
    return true;
}

/* Why the record is not taken, in Loki's words; false when it is. */
static bool refuse_record(struct door *d, const struct stream_entry *s, bole_slice line, size_t field_count,
                          size_t fields_size)
{
    if (line.len <= RECORD_LINE_MAX && field_count <= RECORD_FIELDS_MAX && fields_size <= RECORD_FIELDS_SIZE_MAX)
        return false;
    bole_slice stream = door_stream_text(d, s);
    if (line.len > RECORD_LINE_MAX)
        door_reject(
            d, RECEIVE_LINE_TOO_LONG, 1,
            "max entry size '%u' bytes exceeded for stream '%.*s' while adding an entry with length '%zu' bytes",
            RECORD_LINE_MAX, BOLE_SLICE_ARG(stream), line.len);
    else if (field_count > RECORD_FIELDS_MAX)
        door_reject(d, RECEIVE_FIELD_LIMIT, 1,
                    "stream '%.*s' has too many structured metadata labels: '%zu', limit: '%u'", BOLE_SLICE_ARG(stream),
                    field_count, RECORD_FIELDS_MAX);
    else
        door_reject(d, RECEIVE_FIELD_LIMIT, 1,
                    "stream '%.*s' has structured metadata too large: '%zu' bytes, limit: '%u' bytes",
                    BOLE_SLICE_ARG(stream), fields_size, RECORD_FIELDS_SIZE_MAX);
    return true;
}

/* The stream that a rule made of another one. NULL: the request is over. */
static struct stream_entry *routed_stream(struct door *d, const struct stream_entry *s, const struct process_record *rec)
{
    struct buf key;
    buf_init(&key, d->r->options.budget);
    buf_put_u8(&key, s->stream.flags);
    buf_put_varint(&key, rec->tenant.len);
    buf_put(&key, rec->tenant);
    buf_put(&key, rec->labels);
    struct stream_entry *e = key.failed ? NULL : stream_cache_find(&d->r->streams, DOOR_ROUTED, buf_slice(&key), rec->tenant);
    if (!e && !key.failed) {
        struct stream_entry proto = {.stream = {.labels = rec->labels, .flags = s->stream.flags}};
        e = stream_cache_add(&d->r->streams, DOOR_ROUTED, buf_slice(&key), rec->tenant, &proto);
    }
    buf_deinit(&key);
    if (!e)
        door_no_memory(d, "a stream's labels");
    return e;
}

/* Through the pipeline. KEPT: the record goes on as it is now; DROPPED: it ends here; NO_MEMORY: the request is over. */
static enum process_outcome process(struct door *d, struct stream_entry **s, struct process_record *rec)
{
    struct process_run *run = &d->r->run;
    const bole_slice tenant = (*s)->stream.tenant, labels = (*s)->stream.labels;
    bole_slice reason;
    *rec = (struct process_record){rec->time_ns, tenant, labels, rec->line, rec->fields, rec->field_count};
    run->explain = d->in->debug ? &d->explained : NULL;
    buf_reset(&d->explained);
    enum process_outcome outcome = process_run_record(run, rec);
    switch (outcome) {
    case PROCESS_REFUSED_SCHEMA:
    case PROCESS_REFUSED_RATE:
        reason = process_run_reason(run);
        if (outcome == PROCESS_REFUSED_SCHEMA)
            bury_record(d, rec, RECEIVE_SCHEMA, reason);
        d->suspect = (bole_slice){0}; /* it was understood */
        door_reject(d, outcome == PROCESS_REFUSED_RATE ? RECEIVE_RATE : RECEIVE_SCHEMA, 1, "%.*s", BOLE_SLICE_ARG(reason));
        break;
    case PROCESS_DROPPED:
        d->result->accepted++; /* as the operator wants it: its sender is done with it */
        break;
    case PROCESS_NO_MEMORY:
        door_no_memory(d, "a record's rules");
        return outcome;
    default:
        if (rec->labels.ptr != labels.ptr || rec->tenant.ptr != tenant.ptr)
            *s = routed_stream(d, *s, rec);
        return *s ? outcome : PROCESS_NO_MEMORY;
    }
    if (d->in->debug && !show(d, *s, rec->time_ns, rec->line, rec->fields, rec->field_count, outcome))
        return PROCESS_NO_MEMORY;
    return outcome;
}

static size_t size_of(const struct batch_field *fields, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += fields[i].key.len + fields[i].value.len;
    return size;
}

bool door_add(struct door *d, struct stream_entry *s, int64_t time_ns, bole_slice line, struct batch_field *fields,
              size_t field_count)
{
    if (d->r->options.detect_level && line.len <= RECORD_LINE_MAX) {
        bole_slice level = detect_level(d, s, fields, field_count, line);
        if (level.len)
            fields[field_count++] = (struct batch_field){LEVEL_FIELD, level};
    }
    size_t size = size_of(fields, field_count);
    if (refuse_record(d, s, line, field_count, size))
        return true;
    enum process_outcome outcome = PROCESS_KEPT;
    struct process_record rec = {time_ns, s->stream.tenant, s->stream.labels, line, fields, field_count};
    if (d->r->run.pipeline) {
        outcome = process(d, &s, &rec);
        if (outcome > PROCESS_CHANGED)
            return outcome != PROCESS_NO_MEMORY;
        if (outcome == PROCESS_CHANGED &&
            refuse_record(d, s, rec.line, rec.field_count, size = size_of(rec.fields, rec.field_count)))
            return true;
    }
    if ((d->limit.record_bytes || d->limit.fields) && breaks_tenants_limit(d, &rec, size))
        return true;
    /* The record keeps all limits, so that only memory can be what is missing. To clear a message per record costs. */
    if (d->in->debug ? !show(d, s, rec.time_ns, rec.line, rec.fields, rec.field_count, outcome)
                     : ingest_add(d->result->request, rec.time_ns, &s->stream, rec.line, rec.fields, rec.field_count, NULL) != BOLE_OK)
        return d->over ? false : door_no_memory(d, "more records");
    d->result->accepted++;
    d->result->accepted_bytes += rec.line.len + size;
    d->newest_ns = rec.time_ns > d->newest_ns ? rec.time_ns : d->newest_ns;
    return true;
}
