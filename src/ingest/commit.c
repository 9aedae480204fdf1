/*
 * The committer takes units and open batches from all workers, as many as fit one group. Taking an open batch is a swap
 * with an empty builder, so a worker never waits for a sync or a compression. The cutter moves the head into segments
 * beside it, so that a commit never waits for a segment.
 *
 * The units of one request go into one group, so that it is stored wholly or not at all, unless no group could hold them.
 * Such a request has a group for itself when it is too large to share one; the workers take turns in being first, or the
 * others could keep it waiting for ever.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "ingest/ingest_private.h"
#include "os/memory.h"
#include "os/thread.h"

enum {
    GROUP_SIZE_TARGET = 8 * 1024 * 1024, /* encoded bytes: enough to make the sync cheap, far under the limit */
    SPARE_REQUESTS_MAX = 256,            /* of a worker, twice */
};
#define HOUSEKEEPING_NS (1000 * (uint64_t)NS_PER_MS) /* free space and age of the head are looked at this often */
#define RETRY_MAX_NS    (16 * (uint64_t)NS_PER_S)    /* a cut that failed is tried again after 1, 2, 4 ... 16 s */
#define REFUSAL_LOG_NS  (60 * (uint64_t)NS_PER_S)    /* one line, however many groups are refused */
#define OPEN_LOG_NS     (10 * (uint64_t)NS_PER_S)    /* of writes taken, before it is told that they are */

/* ---- the committer ---- */

struct group {
    struct unit  *units[GROUP_BATCHES_MAX];
    struct extent extent;
};

bool extents_fit(const struct extent *a, const struct extent *b)
{
    size_t size_max = a->units ? GROUP_SIZE_TARGET : QUEUE_GROUP_SIZE_MAX;
    return a->units + b->units <= GROUP_BATCHES_MAX && a->bytes + b->bytes <= size_max && a->rows + b->rows < SEQ_ROWS_MAX;
}

static void group_add(struct group *g, struct unit *u)
{
    g->units[g->extent.units] = u;
    extent_add(&g->extent, u);
}

/* Freed on this thread what its worker's thread has allocated would cost both of them. */
static void keep_spare(struct ingest_request *r)
{
    struct worker *w = r->worker;
    if (w->over_count == SPARE_REQUESTS_MAX) {
        free(r);
        return;
    }
    r->next = w->over;
    w->over = r;
    w->over_count++;
}

static void finish_waiters(struct ingest_request *r, bole_status status, const struct bole_err *err)
{
    while (r) {
        struct ingest_request *next = r->next;
        if (r->stored_rows && r->failure.code < 0)
            bole_err_context(&r->failure, "the first %u of %u records are stored, the others are not", r->stored_rows, r->rows);
        if (r->failure.code < 0)
            request_end(r, r->failure.code, &r->failure);
        else
            request_end(r, status, err);
        keep_spare(r);
        r = next;
    }
}

/* A unit's end. What happened to one part of a large request decides about the whole of it. */
static void unit_finish(struct unit *u, bole_status status, const struct bole_err *err)
{
    if (status < 0 && u->owner && u->owner->failure.code == BOLE_OK) {
        u->owner->failure = *err;
        u->owner->failure.code = status;
    } else if (status == BOLE_OK && u->owner) {
        u->owner->stored_rows += u->batch->row_count;
    }
    finish_waiters(u->waiters, status, err);
    unit_destroy(u);
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
    if (!w->spares) {
        w->spares = w->over;
        w->over = NULL;
        w->over_count = 0;
    }
    pthread_mutex_unlock(&w->lock);
    if (!taken)
        return;
    struct unit *u;
    struct bole_err err;
    bole_status st = unit_create(in, w->spare, NULL, &u, &err);
    if (st < 0) {
        static const struct batch_mark empty = {.min_time_ns = INT64_MAX, .max_time_ns = INT64_MIN};
        batch_builder_rollback(w->spare, &empty);
        finish_waiters(waiters, st, &err);
        return;
    }
    u->waiters = waiters;
    group_add(g, u);
}

/* How much has to be taken together with u, the first of its worker. */
static struct extent extent_from(const struct unit *u)
{
    struct extent nothing = {0}, one = {0};
    extent_add(&one, u);
    return u->owner && extents_fit(&nothing, &u->owner->extent) ? u->owner->extent : one;
}

/* The worker's next units that belong together, in a list; NULL: there are none, or they do not fit. */
static struct unit *pop_units(struct worker *w, const struct group *g)
{
    pthread_mutex_lock(&w->lock);
    struct unit *first = w->first;
    struct extent together = first ? extent_from(first) : (struct extent){0};
    if (first && extents_fit(&g->extent, &together)) {
        struct unit *last = first;
        for (size_t i = 1; i < together.units; i++)
            last = last->next;
        w->first = last->next;
        if (!w->first)
            w->last = NULL;
        last->next = NULL;
    } else {
        first = NULL;
    }
    pthread_mutex_unlock(&w->lock);
    return first;
}

/* ---- lanes ---- */

/* The last of what the producer has in the group; NULL: nothing. */
static struct unit *find_producer(const struct group *g, const struct ingest_lane *lane)
{
    for (size_t i = g->extent.units; i-- > 0;) {
        const struct ingest_request *owner = g->units[i]->owner;
        if (owner && owner->lane && memcmp(owner->lane->producer, lane->producer, sizeof lane->producer) == 0)
            return g->units[i];
    }
    return NULL;
}

/* Whether a request is the next one of its lane. This thread alone moves marks on, so that nothing comes between the look
 * and the append. A resend of what is in this very group must not be acknowledged before that is: it is AWAITED. */
static void lane_decide(struct ingest *in, const struct group *g, struct ingest_request *r)
{
    struct ingest_lane *lane = r->lane;
    uint64_t stored, mark;
    bole_status st = store_producer(in->options.store, lane->producer, &stored, &r->failure);
    const struct unit *before = find_producer(g, lane);
    mark = before ? before->owner->lane->sequence : stored;
    if (st < 0 && !before) {
        r->failure.code = st;
    } else if (lane->sequence == mark + 1) {
        r->lane_state = LANE_TAKEN;
    } else if (lane->sequence <= mark) {
        r->lane_state = lane->sequence <= stored ? LANE_STORED : LANE_AWAITED;
        lane->was_stored = true;
        atomic_fetch_add_explicit(&in->count.lane_resent, 1, memory_order_relaxed);
    } else {
        lane->wanted = mark + 1;
        bole_fail(&r->failure, BOLE_E_CONFLICT, "gap: sequence %llu came where %llu is wanted",
                  (unsigned long long)lane->sequence, (unsigned long long)lane->wanted);
        atomic_fetch_add_explicit(&in->count.lane_gaps, 1, memory_order_relaxed);
    }
}

/* The end of a unit that is not stored because its like is. */
static void finish_resent(const struct group *g, struct unit *u)
{
    struct unit *like = u->owner->lane_state == LANE_AWAITED ? find_producer(g, u->owner->lane) : NULL;
    if (like && u->waiters) {
        u->waiters->next = like->waiters; /* a lane's unit has one */
        like->waiters = u->waiters;
        u->waiters = NULL;
    }
    unit_finish(u, BOLE_OK, NULL);
}

static void take_unit(struct ingest *in, struct unit *u, struct group *g)
{
    struct ingest_request *r = u->owner;
    if (r && r->lane && r->lane_state == LANE_OPEN && r->failure.code == BOLE_OK)
        lane_decide(in, g, r);
    if (r && r->failure.code < 0)
        unit_finish(u, r->failure.code, &r->failure);
    else if (r && r->lane && r->lane_state != LANE_TAKEN)
        finish_resent(g, u);
    else
        group_add(g, u);
}

static void take_units(struct ingest *in, struct worker *w, struct group *g)
{
    struct unit *u, *next;
    while ((u = pop_units(w, g)))
        for (; u; u = next) {
            next = u->next;
            take_unit(in, u, g);
        }
}

/* When nothing more fits, the door shuts until the queue has room, and the head is cut: that gives some back. */
static void group_refused(struct ingest *in, bole_status st, const struct bole_err *err)
{
    struct queue_stats queue;
    uint64_t now = clock_mono_ns(in->options.clock);
    queue_stats(in->options.queue, &queue);
    if (st == BOLE_E_FULL && queue.is_full && !atomic_exchange(&in->no_room, true))
        ingest_make_room(in);
    if (in->refusal_told_ns && now - in->refusal_told_ns < REFUSAL_LOG_NS)
        return;
    in->refusal_told_ns = now;
    LOG(ERROR, "records refused: the queue did not take them", " reason=%s", LOGQS(err->msg));
}

static bole_status commit_group(struct ingest *in, struct group *g, struct bole_err *err)
{
    bole_slice parts[GROUP_BATCHES_MAX];
    struct batch *batches[GROUP_BATCHES_MAX];
    uint64_t bytes = 0, lsn, begin = clock_mono_ns(in->options.clock);
    for (size_t i = 0; i < g->extent.units; i++) {
        parts[i] = buf_slice(&g->units[i]->encoded);
        batches[i] = g->units[i]->batch;
        bytes += batches[i]->body_size;
    }
    bole_status st = queue_append(in->options.queue, parts, g->extent.units, &lsn, err);
    if (st < 0) {
        group_refused(in, st, err);
        return st;
    }
    st = store_insert(in->options.store, lsn, batches, g->extent.units, err);
    if (st < 0) {
        /* Durable but not searchable: promising either would be wrong. A restart reads the group from the queue. */
        LOG(ERROR, "the store did not take a durable group: stopping", " lsn=%llu reason=%s", (unsigned long long)lsn,
            LOGQS(err->msg));
        _exit(1);
    }
    if (in->options.on_commit)
        in->options.on_commit(lsn, batches, g->extent.units, in->options.on_commit_ctx);
    atomic_fetch_add_explicit(&in->count.rows, g->extent.rows, memory_order_relaxed);
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

/* The head is full again while the one before it is still being cut: what comes waits for the cut, so that memory does not
 * grow with the speed of the clients. A cut that fails ends the wait as well; then the memory limit decides. */
static void wait_for_cut(struct ingest *in)
{
    if (!atomic_load(&in->cutting) || !store_wants_cut(in->options.store))
        return;
    pthread_mutex_lock(&in->cutter_lock);
    while (atomic_load(&in->cutting))
        pthread_cond_wait(&in->cut_over, &in->cutter_lock);
    pthread_mutex_unlock(&in->cutter_lock);
}

/* One group of whatever is there. True when there was something. */
static bool commit_round(struct ingest *in)
{
    static const struct extent open = {.units = 1, .bytes = BATCH_HEADER_SIZE + BATCH_BODY_MAX, .rows = SEQ_ROWS_MAX / 4};
    struct group g = {0};
    unsigned count = in->options.worker_count, first = in->turn++ % count;
    wait_for_cut(in);
    for (unsigned i = 0; i < count; i++)
        take_units(in, &in->workers[(first + i) % count], &g);
    for (unsigned i = 0; i < count && extents_fit(&g.extent, &open); i++)
        take_open(in, &in->workers[(first + i) % count], &g);
    if (g.extent.units == 0)
        return false;
    struct bole_err err = {0};
    bole_status st = commit_group(in, &g, &err);
    for (size_t i = 0; i < g.extent.units; i++)
        unit_finish(g.units[i], st, &err);
    if (store_wants_cut(in->options.store))
        wake_cutter(in);
    return true;
}

void *committer_main(void *arg)
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

bole_status ingest_cut(struct ingest *in, struct bole_err *err)
{
    uint64_t lsn;
    pthread_mutex_lock(&in->cut_lock);
    atomic_store(&in->cutting, true);
    bole_status st = store_cut(in->options.store, &lsn, err);
    if (st == BOLE_OK)
        st = queue_release(in->options.queue, lsn, err);
    pthread_mutex_lock(&in->cutter_lock);
    atomic_store(&in->cutting, false);
    pthread_cond_broadcast(&in->cut_over);
    pthread_mutex_unlock(&in->cutter_lock);
    pthread_mutex_unlock(&in->cut_lock);
    return st;
}

struct flush {
    struct flush   *next;
    bool            done;
    bole_status     status;
    struct bole_err err;
};

bole_status ingest_ask_cut(struct ingest *in, struct bole_err *err)
{
    struct flush f = {0};
    pthread_mutex_lock(&in->cutter_lock);
    f.next = in->flushes;
    in->flushes = &f;
    pthread_cond_signal(&in->cutter_wake);
    while (!f.done)
        pthread_cond_wait(&in->cut_over, &in->cutter_lock);
    pthread_mutex_unlock(&in->cutter_lock);
    if (f.status < 0 && err)
        *err = f.err;
    return f.status;
}

/* cutter_lock held. */
static void answer(struct ingest *in, struct flush *flushes, bole_status st, const struct bole_err *err)
{
    for (struct flush *f = flushes, *next; f; f = next) {
        next = f->next; /* its thread may go on as soon as the lock is free */
        f->status = st;
        if (st < 0)
            f->err = *err;
        f->done = true;
    }
    pthread_cond_broadcast(&in->cut_over);
}

void ingest_make_room(struct ingest *in)
{
    pthread_mutex_lock(&in->cutter_lock);
    in->cut_wanted = in->room_wanted = true;
    pthread_cond_signal(&in->cutter_wake);
    pthread_mutex_unlock(&in->cutter_lock);
}

/* Cuts give room back, so on a full disk the door opens and shuts for a while: it is told as open when it stays so. */
static void tell_room(struct ingest *in, uint64_t free_bytes)
{
    unsigned long long free = free_bytes, reserve = in->options.reserve_bytes;
    if (in->no_room && !in->shut_told)
        LOG(WARN, "no room for records: writes are refused until there is", " free_bytes=%llu reserve_bytes=%llu", free,
            reserve);
    else if (!in->no_room && in->shut_told && clock_mono_ns(in->options.clock) - in->opened_ns >= OPEN_LOG_NS)
        LOG(INFO, "there is room again: writes are taken", " free_bytes=%llu", free);
    else
        return;
    in->shut_told = in->no_room;
}

void ingest_watch_room(struct ingest *in)
{
    struct queue_stats queue;
    uint64_t free_bytes = UINT64_MAX, reserve = fs_reserve(in->options.reserve_bytes, in->no_room);
    queue_stats(in->options.queue, &queue);
    if (in->options.data_dir && fs_free_space(in->options.fs, in->options.data_dir, &free_bytes, NULL) < 0)
        return;
    if (free_bytes < reserve && !atomic_exchange(&in->no_room, true))
        ingest_make_room(in);
    else if (free_bytes >= reserve && !queue.is_full && atomic_exchange(&in->no_room, false))
        in->opened_ns = clock_mono_ns(in->options.clock);
    tell_room(in, free_bytes);
}

/* Until the next tick, or a cut is wanted or waited for; a cut that failed is not wanted before its time. cutter_lock held. */
static void wait_for_work(struct ingest *in, bool failed)
{
    struct timespec until = thread_deadline(HOUSEKEEPING_NS);
    while (!in->cutter_stop && !in->flushes && (failed || !in->cut_wanted))
        if (pthread_cond_timedwait(&in->cutter_wake, &in->cutter_lock, &until) != 0)
            break;
}

/* What is left of a failed cut: told once, tried again less and less often. */
struct retry {
    uint64_t delay_ns, due_ns; /* mono; 0: the last cut succeeded */
};

static void cut_ended(struct ingest *in, bole_status st, const struct bole_err *err, struct retry *retry)
{
    if (st >= 0) {
        *retry = (struct retry){0};
        return;
    }
    if (!retry->delay_ns)
        LOG(ERROR, "moving records into segments failed, they stay in the queue: it is tried again", " reason=%s",
            LOGQS(err->msg));
    uint64_t longer = retry->delay_ns ? 2 * retry->delay_ns : HOUSEKEEPING_NS;
    retry->delay_ns = longer < RETRY_MAX_NS ? longer : RETRY_MAX_NS;
    retry->due_ns = clock_mono_ns(in->options.clock) + retry->delay_ns;
}

void *cutter_main(void *arg)
{
    struct ingest *in = arg;
    struct retry retry = {0};
    struct memory_watch memory = {0};
    pthread_setname_np(pthread_self(), "bole-cut");
    pthread_mutex_lock(&in->cutter_lock);
    for (;;) {
        wait_for_work(in, retry.delay_ns != 0);
        if (in->cutter_stop)
            break;
        bool wanted = in->room_wanted || retry.delay_ns;
        struct flush *flushes = in->flushes;
        in->flushes = NULL;
        in->cut_wanted = in->room_wanted = false;
        pthread_mutex_unlock(&in->cutter_lock);
        ingest_watch_room(in);
        memory_return(&memory);
        struct bole_err err;
        bole_status st = BOLE_OK;
        wanted = wanted || store_wants_cut(in->options.store);
        if (flushes || (wanted && clock_mono_ns(in->options.clock) >= retry.due_ns)) {
            st = ingest_cut(in, &err);
            cut_ended(in, st, &err, &retry);
        }
        pthread_mutex_lock(&in->cutter_lock);
        if (flushes)
            answer(in, flushes, st, &err);
    }
    pthread_mutex_unlock(&in->cutter_lock);
    return NULL;
}
