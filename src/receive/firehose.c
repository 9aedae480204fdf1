/*
 * AWS Firehose's HTTP endpoint, and CloudWatch's subscription payloads, which come through it or from a forwarder.
 *
 * A delivery of Firehose is {"requestId":...,"timestamp":...,"records":[{"data":"base64"}]}. A record is what its producer
 * put there: lines of text, of JSON, or a payload of CloudWatch ({"messageType":"DATA_MESSAGE","logGroup":...,
 * "logEvents":[...]}), each perhaps with gzip. Firehose sends a delivery that is not taken again as a whole, for hours:
 * a record that nothing can be made of is refused alone, and its neighbours are stored.
 *
 * The tokens of a JSON text are found with the receiver's one index, so the records of a delivery are listed before the
 * first of them is looked at.
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/content.h"
#include "receive/mapping.h"

enum { ATTRIBUTES_MAX = 64 };

struct pair { bole_slice name, value; };

struct firehose {
    struct mapping m; /* first: what mapping hands back is this */
    struct buf  bytes;     /* of the record, as sent */
    size_t      decoded;   /* bytes of all records so far */
    struct pair attributes[ATTRIBUTES_MAX]; /* the same for all records */
    size_t      attribute_count;
    bole_slice  origin;    /* names the service where no field does: the delivery stream, the log group */
    size_t      service;   /* place of service_name among the labels; or their count */
    /* of a payload of CloudWatch */
    bole_slice  owner, group, stream;
    bool        is_control;
};

static bool begin(struct firehose *f)
{
    struct mapping *m = &f->m;
    m->number++; /* a line may hold many records */
    mapping_begin(m);
    for (size_t i = 0; i < f->attribute_count; i++)
        if (!mapping_add(m, f->attributes[i].name, f->attributes[i].value))
            return false;
    return true;
}

static bool store(struct firehose *f, bole_slice line)
{
    struct mapping *m = &f->m;
    if (f->origin.len && f->service < m->label_count && m->best_label[f->service].rank == MAPPING_NONE)
        mapping_set_label(m, f->service, f->origin);
    return mapping_store(m, line, 0);
}

/* ---- CloudWatch ---- */

static bool text_member(struct firehose *f, bole_slice *ret_text)
{
    bole_slice raw;
    if (!json_string(&f->m.j, &raw))
        return false;
    *ret_text = json_text(&f->m.j, raw, f->m.d->in->arena);
    return ret_text->ptr != NULL;
}

static bool take_event(struct firehose *f)
{
    struct mapping *m = &f->m;
    bole_slice name;
    m->j.replaced = false;
    if (!begin(f) || !json_open(&m->j, '{'))
        return false;
    if (!mapping_add(m, S("log_group"), f->group) || !mapping_add(m, S("log_stream"), f->stream) ||
        !mapping_add(m, S("owner"), f->owner))
        return false;
    for (bool first = true; json_member(&m->j, &first, &name);)
        if (!(bole_slice_eq(name, S("id")) ? json_skip(&m->j, NULL) : mapping_member(m, name)))
            return false; /* the id is of CloudWatch's own making: 56 digits that nobody asks for */
    return !m->j.error && store(f, (bole_slice){0});
}

/* What stands at the cursor is a payload: *ret_events is a cursor on its events. False: it is not, be it that a member is not
 * of its type: then it is an object as any other, with all that it says. */
static bool is_payload(struct firehose *f, struct json *ret_events)
{
    struct json *j = &f->m.j;
    bole_slice name, type = {0};
    const struct { bole_slice name, *text; } texts[] = {
        {S("messageType"), &type}, {S("owner"), &f->owner}, {S("logGroup"), &f->group}, {S("logStream"), &f->stream}};
    bool events = false, known = true;
    f->owner = f->group = f->stream = (bole_slice){0};
    if (!json_open(j, '{'))
        return false;
    for (bool first = true, good = true; good && json_member(j, &first, &name);) {
        bole_slice *text = NULL;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            if (bole_slice_eq(name, texts[i].name))
                text = texts[i].text;
        if (text && json_peek(j) == '"') {
            good = text_member(f, text);
            continue;
        }
        known &= !text || json_peek(j) == 'n';
        if (bole_slice_eq(name, S("logEvents")) && json_peek(j) == '[') {
            known &= !events;
            *ret_events = *j;
            events = true;
        }
        good = json_skip(j, NULL);
    }
    f->is_control = bole_slice_eq(type, S("CONTROL_MESSAGE")); /* "Checking health of destination Firehose." */
    return !j->error && events && known && (f->is_control || bole_slice_eq(type, S("DATA_MESSAGE")));
}

/* The grammar was checked by is_payload: what is wrong with an event is its strings, and it is passed over alone. */
static bool take_payload(struct firehose *f, struct json events)
{
    struct mapping *m = &f->m;
    struct json behind = m->j;
    bole_slice origin = f->origin;
    m->j = events;
    f->origin = f->group;
    json_open(&m->j, '[');
    for (bool first = true; !f->is_control && json_element(&m->j, &first);) {
        struct json event = m->j;
        m->d->suspect = (bole_slice){0}; /* the line holds its neighbours, too */
        if (take_event(f))
            continue;
        if (m->d->over || m->j.no_memory)
            return false;
        const char *why = m->j.error;
        m->j = event;
        json_skip(&m->j, &m->d->suspect);
        door_reject(m->d, RECEIVE_MALFORMED, 1, "an event: %s", why);
    }
    m->j = behind;
    f->origin = origin;
    return true;
}

/* ---- a record ---- */

static bool take_text(struct mapping *m, bole_slice text)
{
    struct firehose *f = (struct firehose *)m;
    m->j.replaced = false;
    m->j.error = NULL;
    return begin(f) && store(f, text);
}

/* One object of a line; objects may follow each other without a line's end. False: the request is over, or m->j has an
 * error. */
static bool take_object(struct firehose *f)
{
    struct mapping *m = &f->m;
    struct json start = m->j, events = m->j;
    if (is_payload(f, &events))
        return take_payload(f, events);
    if (m->j.error)
        return false;
    bole_slice whole = bole_slice_from(start.text + *start.next, m->j.next[-1] + 1 - *start.next);
    m->j = start;
    return begin(f) && mapping_object(m) && store(f, whole);
}

static bool take_line(struct mapping *m, bole_slice line)
{
    struct firehose *f = (struct firehose *)m;
    bool any = false;
    if (bole_slice_trim(line).len == 0)
        return true;
    for (; json_peek(&m->j) == '{'; any = true) {
        m->d->suspect = bole_slice_sub(line, (size_t)(m->j.text + *m->j.next - line.ptr)); /* what is in front of it is stored */
        if (!take_object(f)) {
            if (m->d->over)
                return false;
            if (m->j.no_memory)
                return door_no_memory(m->d, "a string");
            break;
        }
    }
    if (!any)
        return take_text(m, line); /* no JSON, or none that is sound */
    if (*m->j.next < m->j.limit || m->j.error)
        door_reject(m->d, RECEIVE_MALFORMED, 1, "invalid JSON behind an object: %s", m->j.error ? m->j.error : "no object");
    return true;
}

static bool broken_line(struct mapping *m, bole_slice line, enum receive_reason reason, const char *why)
{
    if (reason == RECEIVE_MALFORMED)
        return take_text(m, line);
    door_reject(m->d, reason, 1, "a line of a record: %s", why);
    return true;
}

static bool is_gzip(bole_slice s)
{
    return s.len >= 2 && s.ptr[0] == 0x1f && s.ptr[1] == 0x8b;
}

/* False: the request is over. */
static bool take_bytes(struct firehose *f, bole_slice bytes)
{
    static const struct mapping_lines to = {take_line, broken_line};
    struct door *d = f->m.d;
    size_t max = d->r->options.decoded_max_bytes;
    if (is_gzip(bytes)) {
        struct bole_err err;
        buf_reset(&d->r->decoded);
        bole_status st = content_decode(CONTENT_GZIP, bytes, max - f->decoded, &d->r->decoded, &err);
        if (st == BOLE_E_LIMIT)
            return door_refuse(d, 413, "the records have more than %zu MB after decompression", max >> 20);
        if (st == BOLE_E_NOMEM)
            return door_no_memory(d, "what is decompressed");
        if (st < 0) {
            door_reject(d, RECEIVE_MALFORMED, 1, "a record: %s", err.msg);
            return true;
        }
        bytes = buf_slice(&d->r->decoded);
    }
    f->decoded += bytes.len;
    if (f->decoded > max)
        return door_refuse(d, 413, "the records have more than %zu MB", max >> 20);
    return mapping_each_line(&f->m, bytes, &to);
}

/* A record's text is base64 with padding (RFC 4648). */
static bool take_base64(struct firehose *f, bole_slice text)
{
    struct door *d = f->m.d;
    size_t padding = 0;
    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=')
        padding++;
    buf_reset(&f->bytes);
    d->suspect = text;
    if (text.len > INT32_MAX || !buf_reserve(&f->bytes, text.len / 4 * 3 + 3))
        return door_no_memory(d, "a record");
    int size = text.len % 4 ? -1 : EVP_DecodeBlock(f->bytes.ptr, text.ptr, (int)text.len);
    if (size < 0 || (size_t)size < padding) {
        door_reject(d, RECEIVE_MALFORMED, 1, "a record is no base64");
        return true;
    }
    bool going_on = take_bytes(f, bole_slice_from(f->bytes.ptr, (size_t)size - padding));
    d->suspect = (bole_slice){0};
    return going_on;
}

/* ---- a delivery ---- */

static bool malformed(struct firehose *f, const char *what)
{
    const struct json *j = &f->m.j;
    if (f->m.d->over)
        return false;
    if (j->no_memory)
        return door_no_memory(f->m.d, "a string");
    return door_refuse(f->m.d, 400, "%s: invalid JSON at byte %u: %s", what, j->error_at,
                       j->error ? j->error : "something is missing");
}

static bool open_json(struct firehose *f, bole_slice text, const char *what)
{
    struct json_positions positions;
    struct bole_err why;
    if (!door_index(f->m.d, text, &positions, &why))
        return false;
    if (why.msg[0])
        return door_refuse(f->m.d, 400, "%s: invalid JSON: %s", what, why.msg);
    f->m.j = json_of(text, &positions);
    mapping_document(&f->m, text);
    return true;
}

struct texts { bole_slice *at; size_t count, room; };

static bool keep_text(struct firehose *f, struct texts *t, bole_slice text)
{
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 64;
        bole_slice *grown = arena_array(f->m.d->in->arena, room, sizeof *grown);
        if (!grown)
            return door_no_memory(f->m.d, "the records of a request");
        if (t->count)
            memcpy(grown, t->at, t->count * sizeof *grown);
        t->at = grown;
        t->room = room;
    }
    t->at[t->count++] = text;
    return true;
}

/* {"data":"..."}; what is not of that form is refused alone. */
static bool list_record(struct firehose *f, struct texts *t)
{
    struct json *j = &f->m.j;
    bole_slice name, text = {0};
    if (json_peek(j) != '{') {
        door_reject(f->m.d, RECEIVE_BAD_ENTRY, 1, "a record is no object");
        return json_skip(j, NULL);
    }
    json_open(j, '{');
    for (bool first = true; json_member(j, &first, &name);)
        if (!(bole_slice_eq(name, S("data")) && json_peek(j) == '"' ? text_member(f, &text) : json_skip(j, NULL)))
            return false;
    if (j->error)
        return false;
    if (text.ptr)
        return keep_text(f, t, text);
    door_reject(f->m.d, RECEIVE_BAD_ENTRY, 1, "a record has no data");
    return true;
}

static bool take_delivery(struct firehose *f, bole_slice body)
{
    struct json *j = &f->m.j;
    struct texts texts = {0};
    bole_slice name;
    bool records = false;
    if (!open_json(f, body, "the delivery"))
        return false;
    bool good = json_open(j, '{');
    for (bool first = true; good && json_member(j, &first, &name);) {
        if (!bole_slice_eq(name, S("records"))) {
            good = json_skip(j, NULL);
            continue;
        }
        records = true;
        good = json_open(j, '[');
        for (bool start = true; good && json_element(j, &start);)
            good = list_record(f, &texts);
    }
    if (!good || !json_finish(j))
        return malformed(f, "the delivery");
    if (!records)
        return door_refuse(f->m.d, 400, "the delivery has no records");
    for (size_t i = 0; i < texts.count; i++)
        if (!take_base64(f, texts.at[i]))
            return false;
    return true;
}

/* {"commonAttributes":{"env":"prod"}}, of the header: what is no text has its JSON as one. */
static bool read_attributes(struct firehose *f, bole_slice header)
{
    struct json *j = &f->m.j;
    bole_slice name, raw;
    if (!header.len)
        return true;
    if (!open_json(f, header, "X-Amz-Firehose-Common-Attributes"))
        return false;
    bool good = json_open(j, '{');
    for (bool first = true; good && json_member(j, &first, &name);) {
        bool attributes = bole_slice_eq(name, S("commonAttributes")) && json_peek(j) == '{';
        if (!attributes) {
            good = json_skip(j, NULL);
            continue;
        }
        json_open(j, '{');
        for (bool start = true; good && json_member(j, &start, &raw);) {
            if (f->attribute_count == ATTRIBUTES_MAX)
                return door_refuse(f->m.d, 400, "more than %d common attributes", ATTRIBUTES_MAX);
            struct pair *p = &f->attributes[f->attribute_count];
            p->name = json_text(j, raw, f->m.d->in->arena);
            good = p->name.ptr && (json_peek(j) == '"' ? text_member(f, &p->value) : json_skip(j, &p->value));
            f->attribute_count += good && !bole_slice_eq(p->value, S("null"));
        }
    }
    return (good && json_finish(j)) || malformed(f, "X-Amz-Firehose-Common-Attributes");
}

/* "arn:aws:firehose:eu-central-1:123456789012:deliverystream/orders": orders. */
static bole_slice stream_of(bole_slice arn)
{
    const uint8_t *slash = arn.len ? memrchr(arn.ptr, '/', arn.len) : NULL;
    return slash ? bole_slice_sub(arn, (size_t)(slash + 1 - arn.ptr)) : (bole_slice){0};
}

static void answer(struct door *d, bole_slice request_id)
{
    struct receive_result *result = d->result;
    struct buf out;
    buf_init(&out, NULL);
    if (!d->over)
        result->status = 200;
    buf_put_str(&out, "{\"requestId\":");
    buf_put_json(&out, request_id, false);
    buf_printf(&out, ",\"timestamp\":%lld", (long long)(d->now_ns / NS_PER_MS));
    if (d->over || result->rejected) {
        buf_put_str(&out, ",\"errorMessage\":");
        buf_put_json(&out, d->over ? result->body : door_error_text(d), false);
    }
    buf_put_u8(&out, '}');
    bole_slice body = out.failed ? (bole_slice){0} : arena_copy(d->in->arena, buf_slice(&out));
    buf_deinit(&out);
    result->body = body.ptr ? body : S("{}");
    result->content_type = "application/json";
}

static void set_names(struct firehose *f)
{
    struct mapping *m = &f->m;
    static const bole_slice time_names[] = {S("timestamp"), S("@timestamp"), S("time")};
    static const bole_slice line_names[] = {S("message"), S("msg"), S("log")};
    m->time = MAPPING_NAMES(time_names);
    m->line = MAPPING_NAMES(line_names);
    while (f->service < m->label_count && !bole_slice_eq(m->labels[f->service].name, S("service_name")))
        f->service++;
}

static struct firehose *firehose_create(struct door *d)
{
    struct firehose *f = calloc(1, sizeof *f);
    if (!f) {
        door_no_memory(d, "a request");
        return NULL;
    }
    mapping_init(&f->m, d, "record");
    buf_init(&f->bytes, d->r->options.budget);
    set_names(f);
    return f;
}

static void firehose_destroy(struct firehose *f)
{
    mapping_deinit(&f->m);
    buf_deinit(&f->bytes);
    free(f);
}

void receive_firehose(struct receiver *r, const struct receive_input *in, const struct firehose_params *params,
                      struct receive_result *ret_result)
{
    struct door d = door_open(r, in, ret_result);
    d.name = "firehose";
    struct firehose *f = firehose_create(&d);
    if (f) {
        f->origin = stream_of(params->source_arn);
        if (door_begin(&d, in->body.len) && mapping_ready(&f->m) && read_attributes(f, params->common_attributes))
            take_delivery(f, in->body);
        firehose_destroy(f);
    }
    answer(&d, params->request_id);
    door_close(&d);
}

void receive_firehose_letter(struct receiver *r, const struct receive_input *in, struct receive_result *ret_result)
{
    struct door d = door_open(r, in, ret_result);
    d.name = "firehose";
    struct firehose *f = firehose_create(&d);
    bole_slice text = bole_slice_trim(in->body);
    if (f) {
        if (door_begin(&d, in->body.len) && mapping_ready(&f->m)) {
            bool json = text.len && text.ptr[0] == '{'; /* which no base64 begins with */
            (void)(json ? take_bytes(f, in->body) : take_base64(f, in->body));
        }
        firehose_destroy(f);
    }
    door_close(&d);
}

/* ---- from a forwarder ---- */

/* The text at {"awslogs":{"data":"..."}}, what a Lambda function is called with; ptr NULL: it is not of that form. */
static bool find_event(struct firehose *f, bole_slice body, bole_slice *ret_data)
{
    struct json *j = &f->m.j;
    bole_slice name, inner;
    if (!open_json(f, body, "the body"))
        return false;
    bool good = json_open(j, '{');
    for (bool first = true; good && json_member(j, &first, &name);) {
        bool open = bole_slice_eq(name, S("awslogs")) && json_peek(j) == '{';
        good = open ? json_open(j, '{') : json_skip(j, NULL);
        for (bool start = true; open && good && json_member(j, &start, &inner);)
            good = bole_slice_eq(inner, S("data")) && json_peek(j) == '"' ? text_member(f, ret_data) : json_skip(j, NULL);
    }
    return (good && !j->error) || malformed(f, "the body");
}

void receive_cloudwatch(struct receiver *r, const struct receive_input *in, struct receive_result *ret_result)
{
    struct door d = door_open(r, in, ret_result);
    d.name = "cloudwatch";
    struct firehose *f = firehose_create(&d);
    bole_slice data = {0};
    if (f) {
        if (door_begin(&d, in->body.len) && mapping_ready(&f->m) && (is_gzip(in->body) || find_event(f, in->body, &data)))
            (void)(data.ptr ? take_base64(f, data) : take_bytes(f, in->body));
        firehose_destroy(f);
    }
    if (!d.over) {
        ret_result->status = ret_result->rejected && !ret_result->accepted ? 400 : ret_result->rejected ? 200 : 204;
        if (ret_result->rejected) {
            ret_result->content_type = "text/plain; charset=utf-8";
            ret_result->body = door_error_text(&d);
        }
    }
    door_close(&d);
}
