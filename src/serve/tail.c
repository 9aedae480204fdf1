/*
 * tail.c - see tail.h.
 *
 * One ring for all clients, one thread that empties it: each batch is looked at once per client, and the committer's
 * share is a lock held for a few pointer moves (not even that while nobody tails).
 *
 * A tail has three holders: the thread's list, its connection (until on_close), and, while it reads history, its handler.
 * Only the thread takes it out of the list; on_close only cuts the connection.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "os/thread.h"
#include "serve/api_internal.h"
#include "serve/tail_hub.h"

#define RETRY_NS ((uint64_t)(20 * NS_PER_MS)) /* a client that took no more is tried again so often */

struct ring_item {
    uint64_t      lsn;
    uint32_t      first_row; /* of the batch in its group */
    struct batch *batch;
};

struct tail_hub {
    struct api       *api;
    pthread_t         thread;
    atomic_uint       open_count; /* committers skip everything while it is 0 */
    _Atomic uint64_t  position;   /* LSN of the last group that came through tail_hub_commit */

    pthread_mutex_t   lock;
    pthread_cond_t    wake;
    struct ring_item  ring[TAIL_RING_MAX]; /* guarded by lock */
    size_t            ring_first, ring_count, ring_bytes; /* guarded by lock */
    uint64_t          lost_rows;  /* guarded by lock: of items pushed out unread */
    int64_t           lost_time_ns;
    struct tail_member *joining;    /* guarded by lock */
    bool              kicked;     /* guarded by lock: a tail has news of its own */
    bool              stop;       /* guarded by lock */
    bool              stopped;    /* the wiring's thread */

    struct tail_member *tails;      /* tail thread only */
};

/* ---- the committer's side ---- */

static void drop_oldest(struct tail_hub *hub)
{
    struct ring_item *item = &hub->ring[hub->ring_first];
    hub->lost_rows += item->batch->row_count;
    if (item->batch->max_time_ns > hub->lost_time_ns)
        hub->lost_time_ns = item->batch->max_time_ns;
    hub->ring_bytes -= item->batch->body_size;
    hub->ring_first = (hub->ring_first + 1) % TAIL_RING_MAX;
    hub->ring_count--;
    batch_unref(item->batch);
}

void tail_hub_commit(struct tail_hub *hub, uint64_t lsn, struct batch *const *batches, size_t batch_count)
{
    atomic_store(&hub->position, lsn);
    if (!atomic_load(&hub->open_count))
        return;
    uint32_t first_row = 0;
    pthread_mutex_lock(&hub->lock);
    for (size_t i = 0; i < batch_count; i++) {
        while (hub->ring_count == TAIL_RING_MAX ||
               (hub->ring_count && hub->ring_bytes + batches[i]->body_size > TAIL_RING_SIZE_MAX))
            drop_oldest(hub);
        hub->ring[(hub->ring_first + hub->ring_count) % TAIL_RING_MAX] =
            (struct ring_item){lsn, first_row, batch_ref(batches[i])};
        hub->ring_count++;
        hub->ring_bytes += batches[i]->body_size;
        first_row += batches[i]->row_count;
    }
    pthread_cond_signal(&hub->wake);
    pthread_mutex_unlock(&hub->lock);
}

void tail_hub_set_position(struct tail_hub *hub, uint64_t lsn)
{
    atomic_store(&hub->position, lsn);
}

/* ---- the tail thread ---- */

struct work { /* what one round takes from the committer */
    struct ring_item items[TAIL_RING_MAX];
    size_t           item_count;
    uint64_t         lost_rows;
    int64_t          lost_time_ns;
    bool             stop;
};

_Static_assert(sizeof(struct work) < 64 * 1024, "lives on the thread's stack");

/* Waits for something to do, at most until `busy` clients want to be tried again. */
static void take_work(struct tail_hub *hub, bool busy, struct work *w)
{
    struct timespec until = thread_deadline(RETRY_NS);
    pthread_mutex_lock(&hub->lock);
    while (!hub->stop && !hub->kicked && !hub->ring_count && !hub->joining)
        if (!busy)
            pthread_cond_wait(&hub->wake, &hub->lock);
        else if (pthread_cond_timedwait(&hub->wake, &hub->lock, &until))
            break;
    for (w->item_count = 0; w->item_count < hub->ring_count; w->item_count++)
        w->items[w->item_count] = hub->ring[(hub->ring_first + w->item_count) % TAIL_RING_MAX];
    hub->ring_count = hub->ring_bytes = 0;
    w->lost_rows = hub->lost_rows;
    w->lost_time_ns = hub->lost_time_ns;
    hub->lost_rows = 0;
    hub->lost_time_ns = INT64_MIN;
    while (hub->joining) {
        struct tail_member *t = hub->joining;
        hub->joining = t->next;
        t->next = hub->tails;
        hub->tails = t;
    }
    w->stop = hub->stop;
    hub->kicked = false;
    pthread_mutex_unlock(&hub->lock);
}

static void feed_tails(struct tail_hub *hub, struct work *w)
{
    for (struct tail_member *t = hub->tails; t && w->lost_rows; t = t->next)
        t->ops->lost(t, w->lost_rows, w->lost_time_ns);
    for (size_t i = 0; i < w->item_count; i++) {
        for (struct tail_member *t = hub->tails; t; t = t->next)
            if (w->items[i].lsn > t->position)
                t->ops->feed(t, w->items[i].lsn, w->items[i].first_row, w->items[i].batch);
        batch_unref(w->items[i].batch);
    }
}

/* Sends what is there; true when somebody has more. Tails without a connection leave the list here. */
static bool flush_tails(struct tail_hub *hub)
{
    bool busy = false;
    for (struct tail_member **link = &hub->tails; *link;) {
        struct tail_member *t = *link;
        bole_status st = t->ops->flush(t);
        if (st < 0) {
            *link = t->next;
            atomic_fetch_sub(&hub->open_count, 1);
            t->ops->unref(t);
            continue;
        }
        busy |= st == BOLE_AGAIN;
        link = &t->next;
    }
    atomic_store(&hub->api->counters.tails_open, atomic_load(&hub->open_count));
    return busy;
}

static void *run(void *arg)
{
    struct tail_hub *hub = arg;
    struct work w;
    bool busy = false;
    do {
        take_work(hub, busy, &w);
        feed_tails(hub, &w);
        busy = flush_tails(hub);
    } while (!w.stop);
    while (hub->tails) {
        struct tail_member *t = hub->tails;
        hub->tails = t->next;
        t->ops->close(t);
        t->ops->unref(t);
    }
    atomic_store(&hub->api->counters.tails_open, 0);
    return NULL;
}

/* ---- joining ----
 *
 * A row reaches a tail exactly once, as history or live, by its LSN: the position read here is the border. A group above
 * it stores its LSN after that read, so it finds open_count raised and comes through the ring. */

bole_status tail_hub_join(struct tail_hub *hub, struct tail_member *t, struct bole_err *err)
{
    if (atomic_fetch_add(&hub->open_count, 1) >= hub->api->options.tails_max) {
        atomic_fetch_sub(&hub->open_count, 1);
        return bole_fail(err, BOLE_E_LIMIT, "max concurrent tail requests limit exceeded, count > limit (%u > %u)",
                         hub->api->options.tails_max + 1, hub->api->options.tails_max);
    }
    pthread_mutex_lock(&hub->lock);
    bool stop = hub->stop;
    if (!stop) {
        t->position = atomic_load(&hub->position);
        t->next = hub->joining;
        t->ops->ref(t);
        hub->joining = t;
        pthread_cond_signal(&hub->wake);
    }
    pthread_mutex_unlock(&hub->lock);
    if (stop) {
        atomic_fetch_sub(&hub->open_count, 1);
        return bole_fail(err, BOLE_E_CANCELLED, "server is stopping");
    }
    atomic_fetch_add(&hub->api->counters.tails_total, 1);
    return BOLE_OK;
}

void tail_hub_wake(struct tail_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    hub->kicked = true;
    pthread_cond_signal(&hub->wake);
    pthread_mutex_unlock(&hub->lock);
}

/* ---- life ---- */

bole_status tail_hub_create(struct api *api, struct tail_hub **ret_hub, struct bole_err *err)
{
    struct tail_hub *hub = calloc(1, sizeof *hub);
    if (!hub)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for live tail");
    hub->api = api;
    hub->lost_time_ns = INT64_MIN;
    pthread_mutex_init(&hub->lock, NULL);
    thread_cond_init(&hub->wake);
    bole_status st = thread_start("bole-tail", run, hub, &hub->thread, err);
    if (st < 0) {
        hub->stopped = true;
        tail_hub_destroy(hub);
        return st;
    }
    *ret_hub = hub;
    return BOLE_OK;
}

void tail_hub_stop(struct tail_hub *hub)
{
    if (!hub || hub->stopped)
        return;
    pthread_mutex_lock(&hub->lock);
    hub->stop = true;
    pthread_cond_signal(&hub->wake);
    pthread_mutex_unlock(&hub->lock);
    pthread_join(hub->thread, NULL);
    hub->stopped = true;
}

void tail_hub_destroy(struct tail_hub *hub)
{
    if (!hub)
        return;
    tail_hub_stop(hub);
    while (hub->ring_count)
        drop_oldest(hub);
    pthread_cond_destroy(&hub->wake);
    pthread_mutex_destroy(&hub->lock);
    free(hub);
}
