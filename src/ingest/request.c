/*
 * A worker's work waits in two places: the open batch, which small requests share, and a list of units, batches that are
 * sealed and encoded already because they were full or came from one large request. A request waits on the unit (or the
 * open batch) that holds its last record; units leave in order, so then its earlier ones are durable as well.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "ingest/ingest_private.h"

enum {
    SMALL_REQUEST_MAX = 64 * 1024, /* bytes; larger ones build batches of their own */
    MEMORY_FACTOR = 3,             /* a record's bytes are held at most this often until it is in the head */
};

/* ---- units ---- */

void unit_destroy(struct unit *u)
{
    if (!u)
        return;
    batch_unref(u->batch);
    buf_deinit(&u->encoded);
    free(u);
}

static void units_destroy(struct unit *u)
{
    while (u) {
        struct unit *next = u->next;
        unit_destroy(u);
        u = next;
    }
}

/* Of the builder's rows, or, without one, the mark of a lane. */
static bole_status seal(struct ingest *in, struct batch_builder *builder, const struct ingest_lane *lane,
                        struct batch **ret_batch, struct bole_err *err)
{
    int64_t now = clock_now_ns(in->options.clock);
    if (!builder)
        return batch_create_mark(lane->producer, lane->sequence, now, in->options.budget, ret_batch, err);
    bole_status st = batch_builder_seal(builder, now, in->options.budget, ret_batch, err);
    if (st == BOLE_OK && lane) {
        memcpy((*ret_batch)->producer, lane->producer, sizeof lane->producer);
        (*ret_batch)->producer_sequence = lane->sequence;
    }
    return st;
}

bole_status unit_create(struct ingest *in, struct batch_builder *builder, const struct ingest_lane *lane, struct unit **ret_unit,
                        struct bole_err *err)
{
    struct unit *u = calloc(1, sizeof *u);
    if (!u)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a batch");
    /* All memory first: sealing empties the builder, and its rows may belong to requests that know nothing of this one. */
    buf_init(&u->encoded, in->options.budget);
    bole_status st = BOLE_OK;
    if (!buf_reserve(&u->encoded, BATCH_HEADER_SIZE + (builder ? batch_builder_size(builder) : BATCH_MARK_SIZE)))
        st = bole_fail(err, BOLE_E_LIMIT, "no room to encode a batch within the memory limit");
    if (st == BOLE_OK)
        st = seal(in, builder, lane, &u->batch, err);
    if (st < 0) {
        unit_destroy(u);
        return st;
    }
    st = batch_encode(u->batch, BATCH_LZ4, &u->encoded, err);
    assert(st == BOLE_OK); /* it fails without room only */
    buf_fit(&u->encoded);
    *ret_unit = u;
    return BOLE_OK;
}

/* ---- requests ---- */

static void signal_work(struct ingest *in)
{
    pthread_mutex_lock(&in->lock);
    if (!in->pending) {
        in->pending = true;
        pthread_cond_signal(&in->work);
    }
    pthread_mutex_unlock(&in->lock);
}

static void worker_append(struct worker *w, struct unit *first, struct unit *last)
{
    if (w->last)
        w->last->next = first;
    else
        w->first = first;
    w->last = last;
}

/* With the worker's lock held: what the open batch holds becomes a unit, so that there is room again. */
static bole_status seal_open(struct ingest *in, struct worker *w, struct bole_err *err)
{
    struct unit *u;
    bole_status st = unit_create(in, w->open, NULL, &u, err);
    if (st < 0)
        return st;
    u->waiters = w->open_waiters;
    w->open_waiters = NULL;
    worker_append(w, u, u);
    return BOLE_OK;
}

static bole_status admit(struct ingest *in, size_t size_bytes, struct bole_err *err)
{
    struct budget *b = in->options.budget;
    if (in->no_room) {
        atomic_fetch_add(&in->count.refused_full, 1);
        return bole_fail(err, BOLE_E_FULL, "the disk of the data directory is full, or takes no new file (the log of the "
                                           "server says why): service returns by itself");
    }
    if (b && b->limit_bytes != SIZE_MAX) {
        size_t used = atomic_load_explicit(&b->used_bytes, memory_order_relaxed);
        if (used > b->limit_bytes || ingest_memory(size_bytes) > b->limit_bytes - used) {
            atomic_fetch_add(&in->count.refused_limit, 1);
            ingest_make_room(in);
            return bole_fail(err, BOLE_E_LIMIT, "the memory for records on their way to disk is full: send again later");
        }
    }
    return BOLE_OK;
}

/* Builders of large requests are used again: memory fresh from the machine costs more than what is put there. */
static struct batch_builder *take_large(struct worker *w, struct budget *budget)
{
    struct batch_builder *b = w->large;
    w->large = NULL;
    return b ? b : batch_builder_create(budget);
}

static void give_large(struct ingest_request *r)
{
    if (r->own && !r->worker->large && batch_builder_rows(r->own) == 0) {
        r->worker->large = r->own;
        r->own = NULL;
    }
}

static bole_status begin_large(struct ingest *in, struct worker *w, struct ingest_lane *lane, struct ingest_request **ret_request,
                               struct bole_err *err)
{
    struct ingest_request *r = malloc(sizeof *r);
    struct batch_builder *own = r ? take_large(w, in->options.budget) : NULL;
    if (!own) {
        free(r);
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a batch");
    }
    *r = (struct ingest_request){.own = own, .lane = lane};
    *ret_request = r;
    return BOLE_OK;
}

/* Takes the worker's lock, unless it fails. */
static bole_status begin_small(struct ingest *in, struct worker *w, struct ingest_request **ret_request, struct bole_err *err)
{
    pthread_mutex_lock(&w->lock);
    bole_status st = batch_builder_size(w->open) > BATCH_BODY_TARGET ? seal_open(in, w, err) : BOLE_OK;
    struct ingest_request *r = st < 0 ? NULL : w->spares;
    if (r)
        w->spares = r->next;
    else if (st == BOLE_OK && !(r = malloc(sizeof *r)))
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for a request");
    if (st < 0) {
        pthread_mutex_unlock(&w->lock);
        return st;
    }
    *r = (struct ingest_request){.mark = batch_builder_mark(w->open)};
    *ret_request = r;
    return BOLE_OK;
}

static bole_status begin(struct ingest *in, unsigned worker, size_t size_bytes, struct ingest_lane *lane,
                         struct ingest_request **ret_request, struct bole_err *err)
{
    assert(worker < in->options.worker_count);
    struct worker *w = &in->workers[worker];
    struct ingest_request *r = NULL;
    bole_status st = admit(in, size_bytes, err);
    if (st == BOLE_OK)
        st = lane || size_bytes > SMALL_REQUEST_MAX ? begin_large(in, w, lane, &r, err) : begin_small(in, w, &r, err);
    if (st < 0)
        return st;
    r->in = in;
    r->worker = w;
    r->generation = atomic_fetch_add(&in->generation, 1);
    *ret_request = r;
    return BOLE_OK;
}

bole_status ingest_begin(struct ingest *in, unsigned worker, size_t size_bytes, struct ingest_request **ret_request,
                         struct bole_err *err)
{
    return begin(in, worker, size_bytes, NULL, ret_request, err);
}

bole_status ingest_begin_lane(struct ingest *in, unsigned worker, size_t size_bytes, struct ingest_lane *lane,
                              struct ingest_request **ret_request, struct bole_err *err)
{
    return begin(in, worker, size_bytes, lane, ret_request, err);
}

/* What `builder` has becomes one more part of a large request; without one, the mark of its lane. */
static bole_status seal_own(struct ingest_request *r, struct batch_builder *builder, struct bole_err *err)
{
    struct unit *u;
    bole_status st = unit_create(r->in, builder, r->lane, &u, err);
    if (st < 0)
        return st;
    struct extent one = {0};
    extent_add(&one, u);
    if (r->lane && !extents_fit(&r->extent, &one)) {
        unit_destroy(u); /* half of it would take the place of all of it */
        return bole_fail(err, BOLE_E_LIMIT, "a batch of a lane has become larger than what is stored in one step");
    }
    u->owner = r;
    if (r->last)
        r->last->next = u;
    else
        r->first = u;
    r->last = u;
    extent_add(&r->extent, u);
    r->held_bytes += u->batch->body_size + u->encoded.cap;
    r->generation = atomic_fetch_add(&r->in->generation, 1);
    return BOLE_OK;
}

static bole_status copy_rows(const struct batch *b, uint32_t from, uint32_t to, struct batch_builder *builder,
                             struct bole_err *err)
{
    for (uint32_t row = from; row < to; row++) {
        struct batch_field fields[RECORD_FIELDS_MAX];
        uint32_t first = batch_field_first(b, row), count = b->field_end[row] - first, stream;
        const struct batch_stream *s = &b->streams[b->row_stream[row]];
        for (uint32_t i = 0; i < count; i++)
            fields[i] = batch_field(b, first + i);
        bole_status st = batch_builder_stream(builder, s->tenant, s->labels, s->flags, &stream, err);
        if (st == BOLE_OK)
            st = batch_builder_add(builder, b->time_ns[row], stream, batch_line(b, row), fields, count, err);
        if (st != BOLE_OK)
            return st == BOLE_AGAIN ? bole_fail(err, BOLE_E_LIMIT, "a batch does not fit into a batch") : st;
    }
    return BOLE_OK;
}

/* A small request outgrew the open batch: its records move to a batch of its own, the others' stay. */
static bole_status become_large(struct ingest_request *r, struct bole_err *err)
{
    struct worker *w = r->worker;
    struct batch *all = NULL;
    struct batch_builder *own = take_large(w, r->in->options.budget);
    bole_status st = own ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "no memory for a batch");
    if (st == BOLE_OK)
        st = batch_builder_seal(w->open, 0, r->in->options.budget, &all, err);
    if (st == BOLE_OK) {
        st = copy_rows(all, 0, r->mark.rows, w->open, err);
        assert(st == BOLE_OK); /* they were in this very builder a moment ago: its memory is still there */
        st = copy_rows(all, r->mark.rows, all->row_count, own, err);
    }
    batch_unref(all);
    if (st < 0) {
        batch_builder_destroy(own);
        return st;
    }
    pthread_mutex_unlock(&w->lock);
    r->own = own;
    r->generation = atomic_fetch_add(&r->in->generation, 1);
    return BOLE_OK;
}

static bole_status try_add(struct ingest_request *r, int64_t time_ns, struct ingest_stream *s, bole_slice line,
                           const struct batch_field *fields, size_t field_count, struct bole_err *err)
{
    struct batch_builder *builder = r->own ? r->own : r->worker->open;
    if (s->generation != r->generation) {
        bole_status st = batch_builder_stream(builder, s->tenant, s->labels, s->flags, &s->index, err);
        if (st != BOLE_OK)
            return st;
        s->generation = r->generation;
    }
    return batch_builder_add(builder, time_ns, s->index, line, fields, field_count, err);
}

bole_status ingest_add(struct ingest_request *r, int64_t time_ns, struct ingest_stream *s, bole_slice line,
                       const struct batch_field *fields, size_t field_count, struct bole_err *err)
{
    bole_status st = try_add(r, time_ns, s, line, fields, field_count, err);
    if (st == BOLE_AGAIN && !r->own) {
        st = become_large(r, err);
        if (st == BOLE_OK)
            st = try_add(r, time_ns, s, line, fields, field_count, err);
    }
    if (st == BOLE_AGAIN) {
        st = seal_own(r, r->own, err);
        if (st == BOLE_OK)
            st = try_add(r, time_ns, s, line, fields, field_count, err);
    }
    assert(st != BOLE_AGAIN); /* an empty batch takes any record that keeps the limits of record.h */
    r->rows += st == BOLE_OK;
    return st;
}

uint32_t ingest_rows(const struct ingest_request *r)
{
    return r->rows;
}

size_t ingest_held_bytes(const struct ingest_request *r)
{
    return r->held_bytes;
}

size_t ingest_memory(size_t size_bytes)
{
    size_t need;
    return __builtin_mul_overflow(size_bytes, (size_t)MEMORY_FACTOR, &need) ? SIZE_MAX : need;
}

void request_end(struct ingest_request *r, bole_status status, const struct bole_err *err)
{
    if (r->done)
        r->done(status, err, r->done_ctx);
    batch_builder_destroy(r->own);
    units_destroy(r->first);
}

void request_finish(struct ingest_request *r, bole_status status, const struct bole_err *err)
{
    request_end(r, status, err);
    free(r);
}

void ingest_commit(struct ingest_request *r, void (*done)(bole_status status, const struct bole_err *err, void *ctx), void *ctx)
{
    struct ingest *in = r->in;
    struct worker *w = r->worker;
    struct bole_err err = {0};
    r->done = done;
    r->done_ctx = ctx;
    bole_status st = BOLE_OK;
    if (r->own && batch_builder_rows(r->own))
        st = seal_own(r, r->own, &err);
    else if (r->lane && !r->first)
        st = seal_own(r, NULL, &err);
    if (r->own)
        pthread_mutex_lock(&w->lock);
    bool waits = st == BOLE_OK && (r->rows > 0 || r->lane);
    if (waits && r->own) {
        worker_append(w, r->first, r->last);
        r->next = r->last->waiters;
        r->last->waiters = r;
        r->first = r->last = NULL;
    } else if (waits) {
        r->next = w->open_waiters;
        w->open_waiters = r;
    }
    give_large(r);
    pthread_mutex_unlock(&w->lock);
    atomic_fetch_add_explicit(&in->count.requests, 1, memory_order_relaxed);
    if (waits)
        signal_work(in);
    else
        request_finish(r, st, &err);
}

void ingest_rollback(struct ingest_request *r)
{
    if (!r->own) {
        batch_builder_rollback(r->worker->open, &r->mark);
        pthread_mutex_unlock(&r->worker->lock);
    }
    request_finish(r, BOLE_OK, NULL);
}
