#include "receive/fake_ingest.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"

struct ingest_request {
    struct ingest *in;
    uint32_t rows;
};

void fake_ingest_init(struct ingest *in)
{
    *in = (struct ingest){.room = UINT64_MAX, .generation = 1, .builder = batch_builder_create(NULL)};
    assert(in->builder);
}

static void drop(struct ingest *in, size_t from)
{
    while (in->batch_count > from)
        batch_unref(in->batches[--in->batch_count]);
}

void fake_ingest_clear(struct ingest *in)
{
    in->committed = 0;
    drop(in, 0);
}

void fake_ingest_deinit(struct ingest *in)
{
    assert(in->open_requests == 0);
    fake_ingest_clear(in);
    batch_builder_destroy(in->builder);
}

bole_status ingest_begin(struct ingest *in, unsigned worker, size_t size_bytes, struct ingest_request **ret_request,
                         struct bole_err *err)
{
    if (in->refuse != BOLE_OK)
        return bole_fail(err, in->refuse, "no room: send again later");
    struct ingest_request *r = calloc(1, sizeof *r);
    assert(r && in->open_requests == 0);
    r->in = in;
    in->open_requests++;
    in->generation++;
    in->asked_bytes = size_bytes;
    *ret_request = r;
    return BOLE_OK;
}

bole_status ingest_begin_lane(struct ingest *in, unsigned worker, size_t size_bytes, struct ingest_lane *lane,
                              struct ingest_request **ret_request, struct bole_err *err)
{
    bole_status st = ingest_begin(in, worker, size_bytes, ret_request, err);
    in->lane = *lane;
    return st;
}

static void seal(struct ingest *in)
{
    bole_status st = batch_builder_seal(in->builder, 0, NULL, &in->batches[in->batch_count], NULL);
    assert(st == BOLE_OK && in->batch_count < FAKE_BATCHES_MAX - 1);
    in->batch_count++;
    in->generation++;
}

static bole_status try_add(struct ingest *in, int64_t time_ns, struct ingest_stream *s, bole_slice line,
                           const struct batch_field *fields, size_t field_count, struct bole_err *err)
{
    if (s->generation != in->generation) {
        bole_status st = batch_builder_stream(in->builder, s->tenant, s->labels, s->flags, &s->index, err);
        if (st != BOLE_OK)
            return st;
        s->generation = in->generation;
    }
    return batch_builder_add(in->builder, time_ns, s->index, line, fields, field_count, err);
}

bole_status ingest_add(struct ingest_request *r, int64_t time_ns, struct ingest_stream *s, bole_slice line,
                       const struct batch_field *fields, size_t field_count, struct bole_err *err)
{
    struct ingest *in = r->in;
    if (in->room == 0)
        return bole_fail(err, BOLE_E_LIMIT, "no room for more records within the memory limit");
    bole_status st = try_add(in, time_ns, s, line, fields, field_count, err);
    if (st == BOLE_AGAIN) {
        seal(in);
        st = try_add(in, time_ns, s, line, fields, field_count, err);
    }
    assert(st != BOLE_AGAIN);
    if (st == BOLE_OK) {
        in->room--;
        r->rows++;
    }
    return st;
}

size_t ingest_held_bytes(const struct ingest_request *r)
{
    (void)r;
    return 0;
}

size_t ingest_memory(size_t size_bytes)
{
    return 3 * size_bytes;
}

uint32_t ingest_rows(const struct ingest_request *r)
{
    return r->rows;
}

static void finish(struct ingest_request *r)
{
    r->in->open_requests--;
    free(r);
}

void ingest_commit(struct ingest_request *r, void (*done)(bole_status status, const struct bole_err *err, void *ctx),
                   void *ctx)
{
    struct ingest *in = r->in;
    if (batch_builder_rows(in->builder))
        seal(in);
    in->rows_total += r->rows;
    if (in->discard)
        drop(in, in->committed);
    in->committed = in->batch_count;
    if (done)
        done(BOLE_OK, NULL, ctx);
    finish(r);
}

void ingest_rollback(struct ingest_request *r)
{
    static const struct batch_mark empty = {.min_time_ns = INT64_MAX, .max_time_ns = INT64_MIN};
    batch_builder_rollback(r->in->builder, &empty);
    drop(r->in, r->in->committed);
    finish(r);
}

void fake_ingest_print(const struct ingest *in, struct buf *out)
{
    for (size_t i = 0; i < in->committed; i++) {
        const struct batch *b = in->batches[i];
        for (uint32_t row = 0; row < b->row_count; row++) {
            buf_put_int(out, b->time_ns[row]);
            buf_put_u8(out, ' ');
            labels_print(b->streams[b->row_stream[row]].labels, out);
            buf_put_u8(out, ' ');
            buf_put_json(out, batch_line(b, row), false);
            for (uint32_t f = batch_field_first(b, row); f < b->field_end[row]; f++) {
                struct batch_field field = batch_field(b, f);
                buf_put_u8(out, ' ');
                buf_put(out, field.key);
                buf_put_u8(out, '=');
                buf_put_json(out, field.value, false);
            }
            buf_put_u8(out, '\n');
        }
    }
}
