#include "cmd/sink_http.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"

struct sink_http {
    struct tail_sink  base;
    struct bole_push *push;
    struct buf        labels; /* the text of `labels_of` */
    bole_slice        labels_of;
};

/* Neighbours share their labels' bytes: the text is made once for them. */
static bole_slice labels_text(struct sink_http *s, bole_slice encoded)
{
    if (s->labels_of.ptr != encoded.ptr || s->labels_of.len != encoded.len) {
        buf_reset(&s->labels);
        labels_print(encoded, &s->labels);
        s->labels_of = encoded;
    }
    return buf_slice(&s->labels);
}

static bole_status add(struct sink_http *s, const struct tail_record *r, struct bole_err *err)
{
    struct bole_field fields[RECORD_FIELDS_MAX];
    size_t count = r->field_count < RECORD_FIELDS_MAX ? r->field_count : RECORD_FIELDS_MAX;
    for (size_t i = 0; i < count; i++)
        fields[i] = (struct bole_field){r->fields[i].key, r->fields[i].value};
    return bole_push_add(s->push, labels_text(s, r->labels), r->time_ns, r->line, fields, count, err);
}

static bole_status sink_send(struct tail_sink *self, const struct tail_batch *batch, uint64_t *ret_refused,
                             struct bole_err *err)
{
    struct sink_http *s = (struct sink_http *)self;
    bole_status st = BOLE_OK;
    s->labels_of = (bole_slice){0};
    *ret_refused = 0;
    /* After a failure the records of that send still wait in the push: the same batch comes again, so they go first. */
    if (bole_push_size(s->push) == 0)
        for (size_t i = 0; i < batch->record_count && st == BOLE_OK; i++)
            st = add(s, &batch->records[i], err);
    bool complete = st == BOLE_OK;
    if (complete)
        st = bole_push_flush(s->push, err);
    if (!complete || st == BOLE_E_INVALID)
        bole_push_clear(s->push); /* half a batch must not pass for a whole one */
    return st == BOLE_E_LIMIT || st == BOLE_E_FULL ? BOLE_AGAIN : st;
}

static void sink_destroy(struct tail_sink *self)
{
    struct sink_http *s = (struct sink_http *)self;
    bole_push_destroy(s->push);
    buf_deinit(&s->labels);
    free(s);
}

static const struct tail_sink_ops sink_ops = {.send = sink_send, .destroy = sink_destroy};

bole_status sink_http_create(struct bole_client *client, struct tail_sink **ret_sink, struct bole_err *err)
{
    struct sink_http *s = calloc(1, sizeof *s);
    if (!s)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the connection to the server");
    s->base.ops = &sink_ops;
    bole_status st = bole_push_create(client, &s->push, err);
    if (st < 0) {
        free(s);
        return st;
    }
    *ret_sink = &s->base;
    return BOLE_OK;
}
