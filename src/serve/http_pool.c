/*
 * Threads for handlers that may block, fed by one bounded queue. As many handlers run at once as the pool was made for; one that waits
 * for its client to read does not count, and a thread is started in its place, so that clients who do not read keep nobody
 * else waiting. When there are so many of them that no thread is left, the one that has waited longest is given up.
 */
#include <stdlib.h>

#include "base/err.h"
#include "os/thread.h"
#include "serve/http_private.h"

enum { POOL_QUEUE_MAX = 256, POOL_THREAD_MAX = 128 };

struct http_pool {
    const struct clock *clock;
    pthread_mutex_t lock;                /* guards all below */
    pthread_cond_t  changed;
    struct http_exchange *first, **last;
    unsigned queued;
    bool     stopping;
    unsigned ended_count;
    unsigned running, running_max;       /* handlers that do not wait for their clients; one that comes back may be too many */
    struct pool_wait *waits, **last_wait; /* the longest first */
    unsigned wait_count;
    unsigned thread_count;
    pthread_t threads[POOL_THREAD_MAX];
};

/* lock held. */
static bool job_may_run(const struct http_pool *p)
{
    return p->first && p->running < p->running_max;
}

static struct http_exchange *next_job(struct http_pool *p)
{
    pthread_mutex_lock(&p->lock);
    while (!job_may_run(p) && (p->first || !p->stopping))
        pthread_cond_wait(&p->changed, &p->lock);
    struct http_exchange *x = p->first;
    if (x) {
        p->first = x->next;
        p->queued--;
        p->running++;
        if (!p->first)
            p->last = &p->first;
    }
    pthread_mutex_unlock(&p->lock);
    return x;
}

/* One handler less is running. lock held. */
static void stopped_running(struct http_pool *p)
{
    p->running--;
    if (p->stopping)
        pthread_cond_broadcast(&p->changed);
    else if (p->first)
        pthread_cond_signal(&p->changed);
}

static void *run(void *arg)
{
    struct http_pool *p = arg;
    struct http_exchange *x;
    while ((x = next_job(p)) != NULL) {
        exchange_run(x);
        exchange_mark(x, X_RETURNED);
        pthread_mutex_lock(&p->lock);
        stopped_running(p);
        pthread_mutex_unlock(&p->lock);
    }
    pthread_mutex_lock(&p->lock);
    p->ended_count++;
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* lock held, or nobody else there. */
static bole_status add_thread(struct http_pool *p, struct bole_err *err)
{
    bole_status st = thread_start("http-pool", run, p, &p->threads[p->thread_count], err);
    if (st == BOLE_OK)
        p->thread_count++;
    return st;
}

/* Somebody waits for a thread, and every thread for a client? lock held. */
static void give_up_longest(struct http_pool *p)
{
    struct pool_wait *w = p->waits;
    if (p->first && p->wait_count == p->thread_count && clock_mono_ns(p->clock) - w->since_ns >= POOL_PATIENCE_NS)
        stream_give_up(w->x);
}

void pool_wait_begin(struct http_pool *p, struct pool_wait *w, struct http_exchange *x)
{
    struct bole_err err;
    *w = (struct pool_wait){.x = x, .since_ns = clock_mono_ns(p->clock)};
    pthread_mutex_lock(&p->lock);
    w->link = p->last_wait;
    *p->last_wait = w;
    p->last_wait = &w->next;
    p->wait_count++;
    stopped_running(p);
    if (p->thread_count - p->wait_count < p->running_max && p->thread_count < POOL_THREAD_MAX && !p->stopping)
        (void)add_thread(p, &err); /* else there are fewer, as when it is at its limit */
    give_up_longest(p);
    pthread_mutex_unlock(&p->lock);
}

void pool_wait_on(struct http_pool *p)
{
    pthread_mutex_lock(&p->lock);
    give_up_longest(p);
    pthread_mutex_unlock(&p->lock);
}

void pool_wait_end(struct http_pool *p, struct pool_wait *w)
{
    pthread_mutex_lock(&p->lock);
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    else
        p->last_wait = w->link;
    p->wait_count--;
    p->running++;
    pthread_mutex_unlock(&p->lock);
}

bole_status pool_create(unsigned running_max, const struct clock *clock, struct http_pool **ret_pool, struct bole_err *err)
{
    struct http_pool *p = calloc(1, sizeof *p);
    if (!p)
        return bole_fail(err, BOLE_E_NOMEM, "http pool");
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->last = &p->first;
    p->last_wait = &p->waits;
    p->clock = clock;
    p->running_max = running_max < POOL_THREAD_MAX / 2 ? running_max : POOL_THREAD_MAX / 2;
    while (p->thread_count < p->running_max) {
        bole_status st = add_thread(p, err);
        if (st < 0) {
            pool_destroy(p);
            return st;
        }
    }
    *ret_pool = p;
    return BOLE_OK;
}

bool pool_stop(struct http_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->changed);
    bool all_ended = p->ended_count == p->thread_count;
    pthread_mutex_unlock(&p->lock);
    return all_ended;
}

void pool_destroy(struct http_pool *p)
{
    if (!p)
        return;
    (void)pool_stop(p);
    for (unsigned i = 0; i < p->thread_count; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

bool pool_submit(struct http_pool *p, struct http_exchange *x)
{
    pthread_mutex_lock(&p->lock);
    bool room = p->queued < POOL_QUEUE_MAX && !p->stopping;
    if (room) {
        x->next = NULL;
        *p->last = x;
        p->last = &x->next;
        p->queued++;
        pthread_cond_signal(&p->changed);
        give_up_longest(p);
    }
    pthread_mutex_unlock(&p->lock);
    return room;
}
