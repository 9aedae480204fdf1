/*
 * A worker's work waits in two places: the open batch, which small requests share, and a list of units, batches that are
 * sealed and encoded already because they were full or came from one large request. A request waits on the unit (or the
 * open batch) that holds its last record; units leave in order, so then its earlier ones are durable as well.
 *
 * The committer takes units and open batches from all workers, as many as fit one group. Taking an open batch is a swap
 * with an empty builder, so a worker never waits for a sync or a compression.
 */
#include "ingest/ingest.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "os/memory.h"

enum {
    SMALL_REQUEST_MAX = 64 * 1024,           /* bytes; larger ones build batches of their own */
    GROUP_BATCHES_MAX = 256,
    GROUP_SIZE_TARGET = 8 * 1024 * 1024,     /* encoded bytes: enough to make the sync cheap, far under the limit */
    MEMORY_FACTOR = 3,                       /* a record's bytes are held at most this often until it is in the head */
};
#define HOUSEKEEPING_NS (1000 * (uint64_t)NS_PER_MS) /* free space and age of the head are looked at this often */
#define RESERVE_DEFAULT (256ull * 1024 * 1024)

struct unit {
    struct unit           *next;
    struct batch          *batch;
    struct buf             encoded;
    struct ingest_request *waiters;
};

struct ingest_request {
    struct ingest_request *next;    /* in a list of waiters */
    struct ingest         *in;
    struct worker         *worker;
    struct batch_builder  *own;     /* of a large request; NULL: the worker's open batch */
    struct unit           *first, *last; /* sealed parts of a large request */
    struct batch_mark      mark;    /* where a small request began in the open batch */
    uint64_t               generation;
    uint32_t               rows;
    void (*done)(bole_status status, const struct bole_err *err, void *ctx);
    void                  *done_ctx;
};

struct worker {
    pthread_mutex_t        lock;    /* held by a small request from begin to end */
    struct batch_builder  *open;    /* guarded by lock */
    struct batch_builder  *spare;   /* empty; committer and lock holder swap it with open */
    struct ingest_request *open_waiters; /* guarded by lock */
    struct unit           *first, *last; /* guarded by lock */
};

struct ingest {
    struct ingest_options options;  /* read-only after create */
    struct worker        *workers;
    _Atomic uint64_t      generation; /* numbers builders' contents: a stream index is valid for one of them */
    _Atomic bool          disk_full;

    pthread_mutex_t       lock;
    pthread_cond_t        work;     /* something was handed over, or stop */
    pthread_cond_t        settled;  /* a round of the committer ended */
    bool                  pending;  /* guarded by lock */
    bool                  stop;     /* guarded by lock */
    uint64_t              rounds;   /* guarded by lock: commit rounds ended */
    pthread_t             committer;
    bool                  committer_runs;

    pthread_mutex_t       cut_lock; /* one cut at a time */
    pthread_mutex_t       cutter_lock;
    pthread_cond_t        cutter_wake;
    bool                  cut_wanted; /* guarded by cutter_lock */
    bool                  cutter_stop; /* guarded by cutter_lock */
    pthread_t             cutter;
    bool                  cutter_runs;

    struct {
        _Atomic uint64_t rows, bytes, groups, requests, refused_full, refused_limit, commit_ns, bad_batches;
    } count;
};

/* ---- units ---- */

static void unit_destroy(struct unit *u)
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

/* Seals the builder's rows and encodes them. */
static bole_status unit_create(struct ingest *in, struct batch_builder *builder, struct unit **ret_unit, struct bole_err *err)
{
    struct unit *u = calloc(1, sizeof *u);
    if (!u)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a batch");
    buf_init(&u->encoded, NULL);
    bole_status st = batch_builder_seal(builder, clock_now_ns(in->options.clock), in->options.budget, &u->batch, err);
    if (st == BOLE_OK)
        st = batch_encode(u->batch, BATCH_LZ4, &u->encoded, err);
    if (st < 0) {
        unit_destroy(u);
        return st;
    }
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
    bole_status st = unit_create(in, w->open, &u, err);
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
    if (in->disk_full) {
        atomic_fetch_add(&in->count.refused_full, 1);
        return bole_fail(err, BOLE_E_FULL, "the disk of the data directory is full: free some space, service returns by itself");
    }
    if (b && b->limit_bytes != SIZE_MAX) {
        size_t used = atomic_load_explicit(&b->used_bytes, memory_order_relaxed), need;
        if (__builtin_mul_overflow(size_bytes, (size_t)MEMORY_FACTOR, &need) || used > b->limit_bytes || need > b->limit_bytes - used) {
            atomic_fetch_add(&in->count.refused_limit, 1);
            return bole_fail(err, BOLE_E_LIMIT, "the memory for records on their way to disk is full: send again later");
        }
    }
    return BOLE_OK;
}

bole_status ingest_begin(struct ingest *in, unsigned worker, size_t size_bytes, struct ingest_request **ret_request, struct bole_err *err)
{
    assert(worker < in->options.worker_count);
    bole_status st = admit(in, size_bytes, err);
    if (st < 0)
        return st;
    struct ingest_request *r = calloc(1, sizeof *r);
    if (!r)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a request");
    struct worker *w = &in->workers[worker];
    r->in = in;
    r->worker = w;
    if (size_bytes > SMALL_REQUEST_MAX) {
        r->own = batch_builder_create(in->options.budget);
        r->generation = atomic_fetch_add(&in->generation, 1);
        if (!r->own) {
            free(r);
            return bole_fail(err, BOLE_E_NOMEM, "no memory for a batch");
        }
    } else {
        pthread_mutex_lock(&w->lock);
        if (batch_builder_size(w->open) > BATCH_BODY_TARGET)
            st = seal_open(in, w, err);
        if (st < 0) {
            pthread_mutex_unlock(&w->lock);
            free(r);
            return st;
        }
        r->mark = batch_builder_mark(w->open);
        r->generation = atomic_fetch_add(&in->generation, 1);
    }
    *ret_request = r;
    return BOLE_OK;
}

static bole_status seal_own(struct ingest_request *r, struct bole_err *err)
{
    struct unit *u;
    bole_status st = unit_create(r->in, r->own, &u, err);
    if (st < 0)
        return st;
    if (r->last)
        r->last->next = u;
    else
        r->first = u;
    r->last = u;
    r->generation = atomic_fetch_add(&r->in->generation, 1);
    return BOLE_OK;
}

static bole_status copy_rows(const struct batch *b, uint32_t from, uint32_t to, struct batch_builder *builder, struct bole_err *err)
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
    struct batch_builder *own = batch_builder_create(r->in->options.budget);
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
        st = seal_own(r, err);
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

static void request_finish(struct ingest_request *r, bole_status status, const struct bole_err *err)
{
    if (r->done)
        r->done(status, err, r->done_ctx);
    batch_builder_destroy(r->own);
    units_destroy(r->first);
    free(r);
}

void ingest_commit(struct ingest_request *r, void (*done)(bole_status status, const struct bole_err *err, void *ctx), void *ctx)
{
    struct ingest *in = r->in;
    struct worker *w = r->worker;
    struct bole_err err = {0};
    r->done = done;
    r->done_ctx = ctx;
    bole_status st = r->own && batch_builder_rows(r->own) ? seal_own(r, &err) : BOLE_OK;
    if (r->own)
        pthread_mutex_lock(&w->lock);
    bool waits = st == BOLE_OK && r->rows > 0;
    if (waits && r->own) {
        worker_append(w, r->first, r->last);
        r->next = r->last->waiters;
        r->last->waiters = r;
        r->first = r->last = NULL;
    } else if (waits) {
        r->next = w->open_waiters;
        w->open_waiters = r;
    }
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

/* ---- the committer ---- */

struct group {
    struct unit *units[GROUP_BATCHES_MAX];
    size_t       count, size;
    uint64_t     rows;
};

static bool group_has_room(const struct group *g, const struct unit *next)
{
    size_t size = next ? next->encoded.len : BATCH_HEADER_SIZE + BATCH_BODY_MAX;
    uint32_t rows = next ? next->batch->row_count : SEQ_ROWS_MAX / 4;
    return g->count < GROUP_BATCHES_MAX && g->size + size <= GROUP_SIZE_TARGET && g->rows + rows < SEQ_ROWS_MAX;
}

static void group_add(struct group *g, struct unit *u)
{
    g->units[g->count++] = u;
    g->size += u->encoded.len;
    g->rows += u->batch->row_count;
}

static void finish_waiters(struct ingest_request *r, bole_status status, const struct bole_err *err)
{
    while (r) {
        struct ingest_request *next = r->next;
        request_finish(r, status, err);
        r = next;
    }
}

/* The open batch of a worker, taken by swapping builders, sealed and encoded outside the lock. */
static void take_open(struct ingest *in, struct worker *w, struct group *g)
{
    pthread_mutex_lock(&w->lock);
    bool taken = batch_builder_rows(w->open) > 0 && !w->first; /* units before it go first */
    struct ingest_request *waiters = NULL;
    if (taken) {
        struct batch_builder *full = w->open;
        w->open = w->spare;
        w->spare = full;
        waiters = w->open_waiters;
        w->open_waiters = NULL;
    }
    pthread_mutex_unlock(&w->lock);
    if (!taken)
        return;
    struct unit *u;
    struct bole_err err;
    bole_status st = unit_create(in, w->spare, &u, &err);
    if (st < 0) {
        static const struct batch_mark empty = {.min_time_ns = INT64_MAX, .max_time_ns = INT64_MIN};
        batch_builder_rollback(w->spare, &empty);
        finish_waiters(waiters, st, &err);
        return;
    }
    u->waiters = waiters;
    group_add(g, u);
}

static void take_units(struct worker *w, struct group *g)
{
    pthread_mutex_lock(&w->lock);
    while (w->first && group_has_room(g, w->first)) {
        struct unit *u = w->first;
        w->first = u->next;
        if (!w->first)
            w->last = NULL;
        u->next = NULL;
        group_add(g, u);
    }
    pthread_mutex_unlock(&w->lock);
}

static bole_status commit_group(struct ingest *in, struct group *g, struct bole_err *err)
{
    bole_slice parts[GROUP_BATCHES_MAX];
    struct batch *batches[GROUP_BATCHES_MAX];
    uint64_t bytes = 0, lsn, begin = clock_mono_ns(in->options.clock);
    for (size_t i = 0; i < g->count; i++) {
        parts[i] = buf_slice(&g->units[i]->encoded);
        batches[i] = g->units[i]->batch;
        bytes += batches[i]->body_size;
    }
    bole_status st = queue_append(in->options.queue, parts, g->count, &lsn, err);
    if (st < 0) {
        if (st == BOLE_E_FULL)
            in->disk_full = true;
        LOG(ERROR, "records refused: the queue did not take them", " reason=%s", LOGQS(err->msg));
        return st;
    }
    st = store_insert(in->options.store, lsn, batches, g->count, err);
    if (st < 0) {
        /* Durable but not searchable: promising either would be wrong. A restart reads the group from the queue. */
        LOG(ERROR, "the store did not take a durable group: stopping", " lsn=%llu reason=%s", (unsigned long long)lsn, LOGQS(err->msg));
        _exit(1);
    }
    if (in->options.on_commit)
        in->options.on_commit(lsn, batches, g->count, in->options.on_commit_ctx);
    atomic_fetch_add_explicit(&in->count.rows, g->rows, memory_order_relaxed);
    atomic_fetch_add_explicit(&in->count.bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&in->count.groups, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&in->count.commit_ns, clock_mono_ns(in->options.clock) - begin, memory_order_relaxed);
    return BOLE_OK;
}

static void wake_cutter(struct ingest *in)
{
    pthread_mutex_lock(&in->cutter_lock);
    in->cut_wanted = true;
    pthread_cond_signal(&in->cutter_wake);
    pthread_mutex_unlock(&in->cutter_lock);
}

/* One group of whatever is there. True when there was something. */
static bool commit_round(struct ingest *in)
{
    struct group g = {0};
    for (unsigned i = 0; i < in->options.worker_count; i++)
        take_units(&in->workers[i], &g);
    for (unsigned i = 0; i < in->options.worker_count && group_has_room(&g, NULL); i++)
        take_open(in, &in->workers[i], &g);
    if (g.count == 0)
        return false;
    struct bole_err err = {0};
    bole_status st = commit_group(in, &g, &err);
    for (size_t i = 0; i < g.count; i++) {
        finish_waiters(g.units[i]->waiters, st, &err);
        unit_destroy(g.units[i]);
    }
    if (store_wants_cut(in->options.store))
        wake_cutter(in);
    return true;
}

static void *committer_main(void *arg)
{
    struct ingest *in = arg;
    pthread_setname_np(pthread_self(), "bole-commit");
    bool busy = false;
    pthread_mutex_lock(&in->lock);
    for (;;) {
        while (!in->pending && !in->stop && !busy)
            pthread_cond_wait(&in->work, &in->lock);
        if (in->stop && !in->pending && !busy)
            break;
        in->pending = false;
        pthread_mutex_unlock(&in->lock);
        busy = commit_round(in);
        pthread_mutex_lock(&in->lock);
        if (!busy) {
            in->rounds++;
            pthread_cond_broadcast(&in->settled);
        }
    }
    pthread_mutex_unlock(&in->lock);
    return NULL;
}

/* ---- the cutter ---- */

static bole_status cut(struct ingest *in, struct bole_err *err)
{
    uint64_t lsn;
    pthread_mutex_lock(&in->cut_lock);
    bole_status st = store_cut(in->options.store, &lsn, err);
    if (st == BOLE_OK)
        st = queue_release(in->options.queue, lsn, err);
    pthread_mutex_unlock(&in->cut_lock);
    memory_return(); /* the head's batches are free now */
    return st;
}

static void watch_disk(struct ingest *in)
{
    uint64_t free_bytes;
    if (!in->options.data_dir || fs_free_space(in->options.fs, in->options.data_dir, &free_bytes, NULL) < 0)
        return;
    bool full = free_bytes < in->options.reserve_bytes;
    if (full && !in->disk_full)
        LOG(WARN, "disk nearly full: writes are refused until there is room", " free_bytes=%llu reserve_bytes=%llu",
            (unsigned long long)free_bytes, (unsigned long long)in->options.reserve_bytes);
    else if (!full && in->disk_full)
        LOG(INFO, "disk has room again: writes are taken", " free_bytes=%llu", (unsigned long long)free_bytes);
    in->disk_full = full;
}

static void *cutter_main(void *arg)
{
    struct ingest *in = arg;
    pthread_setname_np(pthread_self(), "bole-cut");
    pthread_mutex_lock(&in->cutter_lock);
    while (!in->cutter_stop) {
        if (!in->cut_wanted) {
            struct timespec until;
            clock_gettime(CLOCK_MONOTONIC, &until);
            until.tv_nsec += (long)(HOUSEKEEPING_NS % NS_PER_S);
            until.tv_sec += (time_t)(HOUSEKEEPING_NS / NS_PER_S) + until.tv_nsec / NS_PER_S;
            until.tv_nsec %= NS_PER_S;
            pthread_cond_timedwait(&in->cutter_wake, &in->cutter_lock, &until);
        }
        if (in->cutter_stop)
            break;
        in->cut_wanted = false;
        pthread_mutex_unlock(&in->cutter_lock);
        watch_disk(in);
        struct bole_err err;
        if (store_wants_cut(in->options.store) && cut(in, &err) < 0)
            LOG(ERROR, "moving records into segments failed, they stay in the queue", " reason=%s", LOGQS(err.msg));
        pthread_mutex_lock(&in->cutter_lock);
    }
    pthread_mutex_unlock(&in->cutter_lock);
    return NULL;
}

/* ---- life ---- */

struct replay {
    struct ingest *in;
    uint64_t rows;
};

/* One group of the queue back into the store. A batch that does not decode although its frame did is our own bug or a
 * newer version's work: it stays in the queue's files, is counted, and does not keep the rest away. */
static bole_status replay_group(uint64_t lsn, bole_slice payload, void *ctx, struct bole_err *err)
{
    struct replay *replay = ctx;
    struct ingest *in = replay->in;
    struct batch *batches[GROUP_BATCHES_MAX];
    size_t count = 0, taken;
    bole_status st = BOLE_OK;
    while (payload.len && count < GROUP_BATCHES_MAX) {
        st = batch_decode(payload, in->options.budget, &batches[count], &taken, err);
        if (st == BOLE_E_CORRUPT) {
            LOG(ERROR, "a group of the queue does not decode", " lsn=%llu reason=%s", (unsigned long long)lsn, LOGQS(err->msg));
            atomic_fetch_add(&in->count.bad_batches, 1);
            st = BOLE_OK;
            break;
        }
        if (st < 0)
            break;
        replay->rows += batches[count++]->row_count;
        payload = bole_slice_sub(payload, taken);
    }
    if (st == BOLE_OK && count)
        st = store_insert(in->options.store, lsn, batches, count, err);
    while (count)
        batch_unref(batches[--count]);
    if (st == BOLE_OK && store_wants_cut(in->options.store))
        st = cut(in, err);
    return st;
}

static bole_status replay(struct ingest *in, struct bole_err *err)
{
    struct replay r = {.in = in};
    uint64_t begin = clock_mono_ns(in->options.clock);
    bole_status st = queue_read(in->options.queue, store_position(in->options.store), replay_group, &r, err);
    if (st < 0)
        bole_err_context(err, "reading the queue into the store");
    else if (r.rows)
        LOG(INFO, "records read back from the queue", " rows=%llu ms=%llu", (unsigned long long)r.rows,
            (unsigned long long)((clock_mono_ns(in->options.clock) - begin) / NS_PER_MS));
    return st < 0 ? st : BOLE_OK;
}

static bole_status workers_create(struct ingest *in, struct bole_err *err)
{
    in->workers = calloc(in->options.worker_count, sizeof *in->workers);
    if (!in->workers)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for workers");
    for (unsigned i = 0; i < in->options.worker_count; i++) {
        struct worker *w = &in->workers[i];
        pthread_mutex_init(&w->lock, NULL);
        w->open = batch_builder_create(in->options.budget);
        w->spare = batch_builder_create(in->options.budget);
        if (!w->open || !w->spare)
            return bole_fail(err, BOLE_E_NOMEM, "no memory for workers");
    }
    return BOLE_OK;
}

bole_status ingest_create(const struct ingest_options *options, struct ingest **ret_ingest, struct bole_err *err)
{
    struct ingest *in = calloc(1, sizeof *in);
    if (!in)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for ingest");
    in->options = *options;
    if (!in->options.reserve_bytes)
        in->options.reserve_bytes = RESERVE_DEFAULT;
    in->generation = 1; /* 0 is a handle that was never used */
    pthread_mutex_init(&in->lock, NULL);
    pthread_cond_init(&in->work, NULL);
    pthread_cond_init(&in->settled, NULL);
    pthread_mutex_init(&in->cut_lock, NULL);
    pthread_mutex_init(&in->cutter_lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&in->cutter_wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    bole_status st = workers_create(in, err);
    if (st == BOLE_OK)
        st = replay(in, err);
    if (st == BOLE_OK) {
        watch_disk(in);
        int rc = pthread_create(&in->committer, NULL, committer_main, in);
        in->committer_runs = rc == 0;
        if (rc == 0) {
            rc = pthread_create(&in->cutter, NULL, cutter_main, in);
            in->cutter_runs = rc == 0;
        }
        if (rc)
            st = bole_fail_errno(err, rc, "starting the commit threads");
    }
    if (st < 0) {
        ingest_destroy(in);
        return st;
    }
    *ret_ingest = in;
    return BOLE_OK;
}

void ingest_destroy(struct ingest *in)
{
    if (!in)
        return;
    if (in->committer_runs) {
        pthread_mutex_lock(&in->lock);
        in->stop = true;
        pthread_cond_signal(&in->work);
        pthread_mutex_unlock(&in->lock);
        pthread_join(in->committer, NULL);
    }
    if (in->cutter_runs) {
        pthread_mutex_lock(&in->cutter_lock);
        in->cutter_stop = true;
        pthread_cond_signal(&in->cutter_wake);
        pthread_mutex_unlock(&in->cutter_lock);
        pthread_join(in->cutter, NULL);
    }
    for (unsigned i = 0; in->workers && i < in->options.worker_count; i++) {
        batch_builder_destroy(in->workers[i].open);
        batch_builder_destroy(in->workers[i].spare);
        pthread_mutex_destroy(&in->workers[i].lock);
    }
    free(in->workers);
    pthread_mutex_destroy(&in->lock);
    pthread_cond_destroy(&in->work);
    pthread_cond_destroy(&in->settled);
    pthread_mutex_destroy(&in->cut_lock);
    pthread_mutex_destroy(&in->cutter_lock);
    pthread_cond_destroy(&in->cutter_wake);
    free(in);
}

bole_status ingest_flush(struct ingest *in, struct bole_err *err)
{
    pthread_mutex_lock(&in->lock);
    /* Two rounds: the first may have looked at a worker before the last request was handed over. */
    for (int i = 0; i < 2; i++) {
        uint64_t seen = in->rounds;
        in->pending = true;
        pthread_cond_signal(&in->work);
        while (in->rounds == seen)
            pthread_cond_wait(&in->settled, &in->lock);
    }
    pthread_mutex_unlock(&in->lock);
    return cut(in, err);
}

void ingest_get_stats(const struct ingest *in, struct ingest_stats *ret_stats)
{
    *ret_stats = (struct ingest_stats){
        .rows_total = in->count.rows,
        .bytes_total = in->count.bytes,
        .groups_total = in->count.groups,
        .requests_total = in->count.requests,
        .refused_full_total = in->count.refused_full,
        .refused_limit_total = in->count.refused_limit,
        .commit_ns_total = in->count.commit_ns,
        .bad_batches_total = in->count.bad_batches,
    };
}
