/*
 * bole.v1.PushRequest (proto/bole/v1/logs.proto), read straight from the message:
 *
 *   PushRequest  1: uint64 id, 2: repeated Stream
 *   Stream       1: map labels, 2: repeated Record
 *   Record       1: sfixed64 time, 2: bytes line, 3: map fields, others ignored
 *   map entry    1: name, 2: value
 *
 * A stream is gone through twice, as its labels may stand behind its records; the first pass touches only the lengths.
 */
#include "receive/door.h"
#include "receive/loki_push.h"
#include "receive/wire.h"

struct decoder {
    struct door   *d;
    const uint8_t *start;
    struct buf     key; /* of a stream in the cache: its labels as they were sent */
};

static bool malformed(struct decoder *x, const struct wire *w)
{
    return door_refuse(x->d, 400, "protobuf: %s, at byte %zu of the message", w->error, (size_t)(w->field_at - x->start));
}

static bool read_pair(struct decoder *x, bole_slice message, bole_slice *ret_name, bole_slice *ret_value)
{
    struct wire w = wire_of(message);
    *ret_name = *ret_value = S("");
    for (uint32_t field; (field = wire_field(&w));) {
        switch (field) {
        case 1: *ret_name = wire_bytes(&w); break;
        case 2: *ret_value = wire_bytes(&w); break;
        default: wire_skip(&w);
        }
    }
    return w.error ? malformed(x, &w) : true;
}

static bool read_record(struct decoder *x, struct stream_entry *s, bole_slice message)
{
    struct door *d = x->d;
    struct batch_field *fields = d->r->fields;
    int64_t time_ns = 0;
    bole_slice line = S("");
    size_t count = 0; /* sent, of which at most FIELDS_ROOM - 1 are kept */
    struct wire w = wire_of(message);
    arena_reset(&d->r->scratch);
    for (uint32_t field; (field = wire_field(&w));) {
        switch (field) {
        case 1: time_ns = (int64_t)wire_i64(&w); break;
        case 2: line = wire_bytes(&w); break;
        case 3: {
            struct batch_field *f = &fields[count < FIELDS_ROOM - 1 ? count : FIELDS_ROOM - 1];
            if (!read_pair(x, wire_bytes(&w), &f->key, &f->value))
                return false;
            count++;
            break;
        }
        default: wire_skip(&w);
        }
    }
    if (w.error)
        return malformed(x, &w);
    if (count > RECORD_FIELDS_MAX) {
        door_reject(d, RECEIVE_FIELD_LIMIT, 1, "a record has %zu fields, limit %u", count, RECORD_FIELDS_MAX);
        return true;
    }
    return loki_push_entry(d, s, time_ns ? time_ns : d->now_ns, line, fields, count);
}

/* What is wrong with a name is told by whoever encodes the labels. */
static struct stream_entry *make_stream(struct decoder *x, const struct label *labels, size_t count)
{
    struct door *d = x->d;
    bole_slice key = buf_slice(&x->key);
    struct buf shown;
    buf_init(&shown, d->r->options.budget);
    buf_put_str(&shown, "{");
    for (size_t i = 0; i < count && i < LABELS_MAX; i++) {
        buf_printf(&shown, "%s%.*s=", i ? ", " : "", BOLE_SLICE_ARG(labels[i].name));
        buf_put_json(&shown, labels[i].value, false);
    }
    buf_put_str(&shown, "}");
    struct stream_entry *s = shown.failed ? NULL : door_make_stream(d, DOOR_BOLE_PUSH, key, buf_slice(&shown), labels, count, 0);
    if (shown.failed)
        door_no_memory(d, "a stream's labels");
    buf_deinit(&shown);
    return s;
}

/* NULL: the request is over. */
static struct stream_entry *read_labels(struct decoder *x, bole_slice message)
{
    struct door *d = x->d;
    struct label labels[LABELS_MAX + 1];
    size_t count = 0;
    struct wire w = wire_of(message);
    buf_reset(&x->key);
    arena_reset(&d->r->scratch);
    for (uint32_t field; (field = wire_field(&w));) {
        if (field != 1) {
            wire_skip(&w);
            continue;
        }
        bole_slice pair = wire_bytes(&w);
        struct label *l = &labels[count < LABELS_MAX ? count : LABELS_MAX];
        if (!read_pair(x, pair, &l->name, &l->value))
            return NULL;
        bole_slice name = label_name_clean(l->name, &d->r->scratch);
        if (!name.ptr && l->name.len)
            return door_no_memory(d, "a label's name"), NULL;
        l->name = name;
        count++;
        buf_put_varint(&x->key, pair.len);
        buf_put(&x->key, pair);
    }
    if (w.error)
        return malformed(x, &w), NULL;
    if (x->key.failed)
        return door_no_memory(d, "a stream's labels"), NULL;
    struct stream_entry *s = door_find_stream(d, DOOR_BOLE_PUSH, buf_slice(&x->key));
    if (s)
        return s;
    if (count > LABELS_MAX || x->key.len > LABELS_SIZE_MAX)
        return door_refuse_stream(d, DOOR_BOLE_PUSH, buf_slice(&x->key), RECEIVE_LABEL_LIMIT,
                                  "a stream has %zu labels in %zu bytes, limits %u and %u", count, x->key.len, LABELS_MAX,
                                  LABELS_SIZE_MAX);
    return make_stream(x, labels, count);
}

static bool read_stream(struct decoder *x, bole_slice message)
{
    struct stream_entry *s = read_labels(x, message);
    uint64_t records = 0;
    struct wire w = wire_of(message);
    if (!s)
        return false;
    for (uint32_t field; (field = wire_field(&w));) {
        if (field != 2) {
            wire_skip(&w);
            continue;
        }
        bole_slice record = wire_bytes(&w);
        if (w.error)
            break;
        records++;
        if (!s->refused.ptr && !read_record(x, s, record))
            return false;
    }
    if (w.error)
        return malformed(x, &w);
    if (s->refused.ptr)
        loki_push_reject_stream(x->d, s, records);
    return true;
}

static bool read_request(struct decoder *x, bole_slice message)
{
    struct wire w = wire_of(message);
    for (uint32_t field; (field = wire_field(&w));) {
        if (field != 2) {
            wire_skip(&w);
            continue;
        }
        bole_slice stream = wire_bytes(&w);
        if (!w.error && !read_stream(x, stream))
            return false;
    }
    return w.error ? malformed(x, &w) : true;
}

/* First of all, since an answer needs it whatever is wrong with the rest. */
static uint64_t find_id(bole_slice message)
{
    struct wire w = wire_of(message);
    uint64_t id = 0;
    for (uint32_t field; (field = wire_field(&w));)
        if (field == 1)
            id = wire_number(&w);
        else
            wire_skip(&w);
    return id;
}

void receive_bole_push(struct receiver *r, const struct receive_input *in, uint64_t *ret_id, struct receive_result *ret_result)
{
    struct door d = door_open(r, in, ret_result);
    d.name = "bole_grpc";
    struct decoder x = {.d = &d, .start = in->body.ptr};
    buf_init(&x.key, r->options.budget);
    *ret_id = find_id(in->body);
    if (door_begin(&d, in->body.len) && read_request(&x, in->body)) {
        ret_result->status = 200;
        if (ret_result->rejected)
            ret_result->body = door_error_text(&d);
    }
    buf_deinit(&x.key);
    door_close(&d);
}
