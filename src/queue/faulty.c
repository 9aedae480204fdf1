#include "queue/faulty.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"

struct faulty {
    struct queue base;
    struct queue *inner;
    pthread_mutex_t lock; /* guards the rest */
    struct queue_faults faults;
    uint64_t append_count;
};

static const struct queue_ops faulty_ops;

static struct faulty *faulty_of(struct queue *self)
{
    return (struct faulty *)self;
}

bole_status queue_faulty_create(struct queue *inner, struct queue **ret_queue, struct bole_err *err)
{
    struct faulty *f = calloc(1, sizeof *f);
    if (!f) {
        queue_destroy(inner);
        return bole_fail(err, BOLE_E_NOMEM, "queue: no memory");
    }
    f->base.ops = &faulty_ops;
    f->inner = inner;
    pthread_mutex_init(&f->lock, NULL);
    *ret_queue = &f->base;
    return BOLE_OK;
}

void queue_faulty_set(struct queue *self, const struct queue_faults *faults)
{
    struct faulty *f = faulty_of(self);
    pthread_mutex_lock(&f->lock);
    f->faults = *faults;
    f->append_count = 0;
    pthread_mutex_unlock(&f->lock);
}

uint64_t queue_faulty_append_count(struct queue *self)
{
    struct faulty *f = faulty_of(self);
    pthread_mutex_lock(&f->lock);
    uint64_t count = f->append_count;
    pthread_mutex_unlock(&f->lock);
    return count;
}

static void sleep_ns(uint64_t ns)
{
    struct timespec left = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

static bole_status faulty_append(struct queue *self, const bole_slice *parts, size_t part_count, uint64_t *ret_lsn,
                                 struct bole_err *err)
{
    struct faulty *f = faulty_of(self);
    pthread_mutex_lock(&f->lock);
    uint64_t n = ++f->append_count;
    struct queue_faults faults = f->faults;
    pthread_mutex_unlock(&f->lock);
    if (faults.append_delay_ns)
        sleep_ns(faults.append_delay_ns);
    if (faults.fail_from && n >= faults.fail_from && n - faults.fail_from < faults.fail_count)
        return bole_fail(err, faults.status, "queue: append %llu fails by request", (unsigned long long)n);
    return queue_append(f->inner, parts, part_count, ret_lsn, err);
}

static bole_status faulty_read(struct queue *self, uint64_t after_lsn,
                               bole_status (*fn)(uint64_t lsn, bole_slice payload, void *ctx, struct bole_err *err),
                               void *ctx, struct bole_err *err)
{
    return queue_read(faulty_of(self)->inner, after_lsn, fn, ctx, err);
}

static bole_status faulty_release(struct queue *self, uint64_t lsn, struct bole_err *err)
{
    return queue_release(faulty_of(self)->inner, lsn, err);
}

static void faulty_stats(struct queue *self, struct queue_stats *ret_stats)
{
    queue_stats(faulty_of(self)->inner, ret_stats);
}

static void faulty_destroy(struct queue *self)
{
    struct faulty *f = faulty_of(self);
    queue_destroy(f->inner);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static const struct queue_ops faulty_ops = {
    .scheme = "faulty",
    .append = faulty_append,
    .read = faulty_read,
    .release = faulty_release,
    .stats = faulty_stats,
    .destroy = faulty_destroy,
};
