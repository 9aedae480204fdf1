/* Threads for handlers that may block, fed by one bounded queue. */
#include <stdlib.h>

#include "base/err.h"
#include "os/thread.h"
#include "serve/http_private.h"

enum { POOL_QUEUE_MAX = 256, POOL_THREAD_MAX = 256 };

struct http_pool {
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    struct http_exchange *first, **last; /* guarded by lock */
    unsigned queued;                     /* guarded by lock */
    bool     stopping;                   /* guarded by lock */
    unsigned ended_count;                /* guarded by lock */
    unsigned thread_count;
    pthread_t threads[POOL_THREAD_MAX];
};

static struct http_exchange *next_job(struct http_pool *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->first && !p->stopping)
        pthread_cond_wait(&p->changed, &p->lock);
    struct http_exchange *x = p->first;
    if (x) {
        p->first = x->next;
        p->queued--;
        if (!p->first)
            p->last = &p->first;
    }
    pthread_mutex_unlock(&p->lock);
    return x;
}

static void *run(void *arg)
{
    struct http_exchange *x;
    while ((x = next_job(arg)) != NULL) {
        exchange_run(x);
        exchange_mark(x, X_RETURNED);
    }
    struct http_pool *p = arg;
    pthread_mutex_lock(&p->lock);
    p->ended_count++;
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

bole_status pool_create(unsigned thread_count, struct http_pool **ret_pool, struct bole_err *err)
{
    struct http_pool *p = calloc(1, sizeof *p);
    if (!p)
        return bole_fail(err, BOLE_E_NOMEM, "http pool");
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->last = &p->first;
    if (thread_count > POOL_THREAD_MAX)
        thread_count = POOL_THREAD_MAX;
    while (p->thread_count < thread_count) {
        bole_status st = thread_start("http-pool", run, p, &p->threads[p->thread_count], err);
        if (st < 0) {
            pool_destroy(p);
            return st;
        }
        p->thread_count++;
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
    }
    pthread_mutex_unlock(&p->lock);
    return room;
}
