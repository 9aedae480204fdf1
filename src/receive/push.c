/*
 * push.c - Bole's own door: one encoded batch (docs/format/batch.md), as agents and other Boles send it.
 *
 * The batch is taken apart and every record goes the way of all records: names are cleaned, limits hold, rules see it,
 * and the batch that is stored is this server's own. So nothing that a sender puts into one can break what other doors
 * keep, and a batch of which some records are refused keeps its place in the lane.
 */
#include "receive/loki_push.h"

#include "base/err.h"
#include "record/batch.h"

static struct stream_entry *find_stream(struct door *d, const struct batch_stream *s)
{
    struct label labels[LABELS_MAX];
    size_t count = 0;
    uint8_t flags = s->flags & BATCH_STREAM_COLLAPSE;
    bole_slice key = s->labels;
    enum door_kind kind = flags ? DOOR_PUSH_COLLAPSE : DOOR_PUSH;
    struct stream_entry *e = door_find_stream(d, kind, key);
    if (e)
        return e;
    struct reader r = reader_of(s->labels);
    arena_reset(&d->r->scratch);
    while (count < LABELS_MAX && labels_next(&r, &labels[count])) {
        labels[count].name = label_name_clean(labels[count].name, &d->r->scratch);
        if (!labels[count++].name.ptr) {
            door_no_memory(d, "a stream's labels");
            return NULL;
        }
    }
    struct buf shown;
    buf_init(&shown, NULL);
    labels_print(s->labels, &shown);
    if (reader_left(&r) > 0)
        e = door_refuse_stream(d, kind, key, RECEIVE_LABEL_LIMIT, "a stream has more than %u labels", LABELS_MAX);
    else
        e = door_make_stream(d, kind, key, buf_slice(&shown), labels, count, flags);
    buf_deinit(&shown);
    return e;
}

static bool add_row(struct door *d, const struct batch *b, uint32_t row, struct stream_entry **streams)
{
    uint32_t first = batch_field_first(b, row), count = b->field_end[row] - first, stream = b->row_stream[row];
    if (!streams[stream])
        streams[stream] = find_stream(d, &b->streams[stream]);
    struct stream_entry *s = streams[stream];
    if (!s)
        return false;
    if (s->refused.ptr) {
        door_reject(d, s->reason, 1, "%.*s", BOLE_SLICE_ARG(s->refused));
        return true;
    }
    arena_reset(&d->r->scratch);
    if (count > RECORD_FIELDS_MAX) {
        door_reject(d, RECEIVE_FIELD_LIMIT, 1, "a record has %u fields, the limit is %u", count, RECORD_FIELDS_MAX);
        return true;
    }
    for (uint32_t i = 0; i < count; i++)
        d->r->fields[i] = batch_field(b, first + i);
    return loki_push_entry(d, s, b->time_ns[row], batch_line(b, row), d->r->fields, count);
}

/* False: the request is over. Without authentication a batch speaks for the tenant that the request names, and no other. */
static bool check(struct door *d, const struct batch *b)
{
    for (uint32_t i = 0; i < b->stream_count; i++)
        if (!bole_slice_eq(b->streams[i].tenant, d->in->tenant))
            return door_refuse(d, 400, "a stream is of tenant \"%.*s\", the request of \"%.*s\" (X-Scope-OrgID)",
                               BOLE_SLICE_ARG(b->streams[i].tenant), BOLE_SLICE_ARG(d->in->tenant));
    if (!batch_has_producer(b) && b->producer_sequence)
        return door_refuse(d, 400, "a sequence without a producer");
    if (batch_has_producer(b) && b->producer_sequence == 0)
        return door_refuse(d, 400, "a producer's first sequence is 1");
    return b->row_count > 0 || door_refuse(d, 400, "a batch without records");
}

static bool decode(struct door *d, struct batch **ret_batch)
{
    struct bole_err err;
    size_t size;
    bole_status st = batch_decode(d->in->body, d->r->options.budget, ret_batch, &size, &err);
    if (st == BOLE_E_LIMIT || st == BOLE_E_NOMEM)
        return door_no_memory(d, "a batch");
    if (st < 0)
        return door_refuse(d, 400, "%s", err.msg);
    if (size == d->in->body.len)
        return true;
    batch_unref(*ret_batch);
    *ret_batch = NULL;
    return door_refuse(d, 400, "%zu bytes behind the batch: a request carries one", d->in->body.len - size);
}

static void answer(struct door *d)
{
    struct receive_result *result = d->result;
    struct buf body;
    buf_init(&body, NULL);
    buf_printf(&body, "{\"sequence\":%llu,\"stored\":%llu,\"duplicate\":false,\"rejected\":%llu",
               (unsigned long long)(d->lane ? d->lane->sequence : 0), (unsigned long long)result->accepted,
               (unsigned long long)result->rejected);
    for (size_t i = 0; i < result->error_count; i++) {
        buf_put_str(&body, i ? "," : ",\"errors\":[");
        buf_put_json(&body, result->errors[i].text, false);
    }
    buf_put_str(&body, result->error_count ? "]}\n" : "}\n");
    result->status = 200;
    result->content_type = "application/json";
    result->body = body.failed ? (bole_slice){0} : arena_copy(d->in->arena, buf_slice(&body));
    buf_deinit(&body);
    if (!result->body.ptr)
        door_no_memory(d, "an answer");
}

/* The batch's records; its place in a lane is kept even when none is left. */
static bool take(struct door *d, const struct batch *b)
{
    struct stream_entry **streams = arena_array(d->in->arena, b->stream_count, sizeof *streams);
    if (!streams)
        return door_no_memory(d, "the streams of a batch");
    memset(streams, 0, b->stream_count * sizeof *streams);
    if (batch_has_producer(b) && !d->in->debug) {
        d->lane = arena_alloc(d->in->arena, sizeof *d->lane);
        if (!d->lane)
            return door_no_memory(d, "a lane");
        *d->lane = (struct ingest_lane){.sequence = b->producer_sequence};
        memcpy(d->lane->producer, b->producer, sizeof b->producer);
    }
    if (!door_begin(d, b->body_size))
        return false;
    for (uint32_t row = 0; row < b->row_count; row++)
        if (!add_row(d, b, row, streams))
            return false;
    answer(d);
    return true;
}

void receive_push(struct receiver *r, const struct receive_input *in, struct receive_result *ret_result)
{
    struct door d = door_open(r, in, ret_result);
    d.name = "push";
    struct batch *batch = NULL;
    if (decode(&d, &batch) && check(&d, batch))
        take(&d, batch);
    batch_unref(batch);
    door_close(&d);
}
