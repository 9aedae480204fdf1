/*
 * logproto.PushRequest, read straight from the decompressed body:
 *
 *   PushRequest  1: repeated Stream streams, 2: string format (ignored)
 *   Stream       1: string labels, 2: repeated Entry entries, 3: uint64 hash (ignored)
 *   Entry        1: Timestamp, 2: string line, 3: repeated LabelPair structuredMetadata, 4: parsed (ignored)
 *   Timestamp    1: int64 seconds, 2: int32 nanos
 *   LabelPair    1: string name, 2: string value
 *
 * A stream is gone through twice: its labels may stand behind its entries, though no client writes it so; the first
 * pass touches only the lengths.
 */
#include "receive/loki_push.h"
#include "receive/wire.h"

struct decoder {
    struct door   *d;
    const uint8_t *start;
};

static bool malformed(struct decoder *x, const struct wire *w)
{
    return door_refuse(x->d, 400, "protobuf: %s, at byte %zu of the decompressed request", w->error,
                       (size_t)(w->field_at - x->start));
}

static bool read_time(struct decoder *x, bole_slice message, int64_t *ret_seconds, int64_t *ret_nanos)
{
    struct wire w = wire_of(message);
    for (uint32_t field; (field = wire_field(&w));) {
        switch (field) {
        case 1: *ret_seconds = (int64_t)wire_number(&w); break;
        case 2: *ret_nanos = (int32_t)wire_number(&w); break;
        default: wire_skip(&w);
        }
    }
    return w.error ? malformed(x, &w) : true;
}

static bool read_pair(struct decoder *x, bole_slice message, struct batch_field *ret_field)
{
    struct wire w = wire_of(message);
    *ret_field = (struct batch_field){0};
    for (uint32_t field; (field = wire_field(&w));) {
        switch (field) {
        case 1: ret_field->key = wire_bytes(&w); break;
        case 2: ret_field->value = wire_bytes(&w); break;
        default: wire_skip(&w);
        }
    }
    return w.error ? malformed(x, &w) : true;
}

/* Nanoseconds since 1970, when they are some and fit. */
static bool to_ns(int64_t seconds, int64_t nanos, int64_t *ret_ns)
{
    return nanos >= 0 && nanos < NS_PER_S && !__builtin_mul_overflow(seconds, NS_PER_S, ret_ns) &&
           !__builtin_add_overflow(*ret_ns, nanos, ret_ns);
}

static bool read_entry(struct decoder *x, struct stream_entry *s, bole_slice message)
{
    struct door *d = x->d;
    struct batch_field *fields = d->r->fields;
    int64_t seconds = 0, nanos = 0, time_ns;
    bole_slice line = {0};
    size_t pairs = 0; /* sent, of which at most FIELDS_ROOM - 1 are kept */
    struct wire w = wire_of(message);
    arena_reset(&d->r->scratch);
    for (uint32_t field; (field = wire_field(&w));) {
        switch (field) {
        case 1:
            if (!read_time(x, wire_bytes(&w), &seconds, &nanos))
                return false;
            break;
        case 2: line = wire_bytes(&w); break;
        case 3:
            if (!read_pair(x, wire_bytes(&w), &fields[pairs < FIELDS_ROOM - 1 ? pairs : FIELDS_ROOM - 1]))
                return false;
            pairs++;
            break;
        default: wire_skip(&w);
        }
    }
    if (w.error)
        return malformed(x, &w);
    if (pairs > RECORD_FIELDS_MAX || !to_ns(seconds, nanos, &time_ns)) {
        bole_slice stream = door_stream_text(d, s);
        if (pairs > RECORD_FIELDS_MAX)
            door_reject(d, RECEIVE_FIELD_LIMIT, 1,
                        "stream '%.*s' has too many structured metadata labels: '%zu', limit: '%u'",
                        BOLE_SLICE_ARG(stream), pairs, RECORD_FIELDS_MAX);
        else
            door_reject(d, RECEIVE_BAD_TIMESTAMP, 1,
                        "entry for stream '%.*s' has a timestamp out of range: seconds %lld, nanos %lld",
                        BOLE_SLICE_ARG(stream), (long long)seconds, (long long)nanos);
        return true;
    }
    return loki_push_entry(d, s, time_ns, line, fields, pairs);
}

static bool read_stream(struct decoder *x, bole_slice message)
{
    bole_slice labels = {0};
    uint64_t entries = 0;
    struct wire w = wire_of(message);
    for (uint32_t field; (field = wire_field(&w));) {
        if (field == 1)
            labels = wire_bytes(&w);
        else
            wire_skip(&w);
        entries += field == 2;
    }
    if (w.error)
        return malformed(x, &w);
    struct stream_entry *s = loki_push_stream(x->d, labels);
    if (!s)
        return false;
    if (s->refused.ptr)
        loki_push_reject_stream(x->d, s, entries);
    w = wire_of(message);
    for (uint32_t field; (field = wire_field(&w));) {
        if (field != 2) {
            wire_skip(&w);
            continue;
        }
        bole_slice entry = wire_bytes(&w);
        if (w.error)
            return malformed(x, &w);
        if (!s->refused.ptr && !read_entry(x, s, entry))
            return false;
    }
    return true;
}

bool loki_push_proto(struct door *d, bole_slice message)
{
    struct decoder x = {.d = d, .start = message.ptr};
    struct wire w = wire_of(message);
    size_t streams = 0;
    for (uint32_t field; (field = wire_field(&w));) {
        if (field != 1) {
            wire_skip(&w);
            continue;
        }
        bole_slice stream = wire_bytes(&w);
        streams++;
        if (!w.error && !read_stream(&x, stream))
            return false;
    }
    if (w.error)
        return malformed(&x, &w);
    if (streams == 0)
        return door_refuse(d, 422, "error at least one valid stream is required for ingestion");
    return true;
}
