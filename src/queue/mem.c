#include "queue/mem.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"

struct mem_group {
    uint64_t lsn;
    size_t size;
    unsigned refs; /* the list, and reads that deliver it */
    uint8_t bytes[];
};

struct mem_queue {
    struct queue base;
    pthread_mutex_t lock;      /* guards everything below */
    struct mem_group **groups; /* by lsn */
    size_t group_count, group_cap;
    struct queue_stats stats;
};

static struct mem_queue *mem_of(struct queue *self)
{
    return (struct mem_queue *)self;
}

static void group_unref(struct mem_group *g)
{
    if (--g->refs == 0)
        free(g);
}

static bole_status mem_open(const struct queue_options *options, struct queue **ret_queue, struct bole_err *err)
{
    struct mem_queue *m = calloc(1, sizeof *m);
    if (!m)
        return bole_fail(err, BOLE_E_NOMEM, "queue mem: no memory");
    m->base.ops = &queue_mem_ops;
    m->stats.appended_lsn = m->stats.released_lsn = options->min_lsn;
    pthread_mutex_init(&m->lock, NULL);
    *ret_queue = &m->base;
    return BOLE_OK;
}

static struct mem_group *group_of(const bole_slice *parts, size_t part_count, uint64_t size)
{
    struct mem_group *g = malloc(sizeof *g + size);
    if (!g)
        return NULL;
    *g = (struct mem_group){.size = (size_t)size, .refs = 1};
    size_t at = 0;
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].len)
            memcpy(g->bytes + at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    return g;
}

static bole_status mem_append(struct queue *self, const bole_slice *parts, size_t part_count, uint64_t *ret_lsn,
                              struct bole_err *err)
{
    struct mem_queue *m = mem_of(self);
    uint64_t size;
    bole_status st = queue_group_size(parts, part_count, &size, err);
    if (st < 0)
        return st;
    struct mem_group *g = group_of(parts, part_count, size);
    if (!g)
        return bole_fail(err, BOLE_E_NOMEM, "queue mem: no memory for %llu bytes", (unsigned long long)size);
    pthread_mutex_lock(&m->lock);
    if (m->group_count == m->group_cap) {
        size_t cap = m->group_cap ? m->group_cap * 2 : 16;
        struct mem_group **grown = realloc(m->groups, cap * sizeof *grown);
        if (grown) {
            m->groups = grown;
            m->group_cap = cap;
        }
    }
    if (m->group_count < m->group_cap) {
        g->lsn = ++m->stats.appended_lsn;
        m->groups[m->group_count++] = g;
        m->stats.groups_total++;
        m->stats.bytes_total += size;
        *ret_lsn = g->lsn;
        g = NULL;
    }
    pthread_mutex_unlock(&m->lock);
    if (!g)
        return BOLE_OK; /* it is the list's now */
    free(g);
    return bole_fail(err, BOLE_E_NOMEM, "queue mem: no memory");
}

/* The first group above lsn, referenced; NULL: none. Lock held. */
static struct mem_group *group_after(struct mem_queue *m, uint64_t lsn)
{
    for (size_t i = 0; i < m->group_count; i++)
        if (m->groups[i]->lsn > lsn) {
            m->groups[i]->refs++;
            return m->groups[i];
        }
    return NULL;
}

static bole_status mem_read(struct queue *self, uint64_t after_lsn,
                            bole_status (*fn)(uint64_t lsn, bole_slice payload, void *ctx, struct bole_err *err),
                            void *ctx, struct bole_err *err)
{
    struct mem_queue *m = mem_of(self);
    bole_status st = BOLE_OK;
    pthread_mutex_lock(&m->lock);
    uint64_t last = m->stats.appended_lsn; /* what comes meanwhile is for the next call */
    for (;;) {
        struct mem_group *g = st == BOLE_OK ? group_after(m, after_lsn) : NULL;
        if (!g)
            break;
        pthread_mutex_unlock(&m->lock);
        if (g->lsn <= last)
            st = fn(g->lsn, bole_slice_from(g->bytes, g->size), ctx, err);
        after_lsn = g->lsn;
        pthread_mutex_lock(&m->lock);
        group_unref(g);
    }
    pthread_mutex_unlock(&m->lock);
    return st;
}

static bole_status mem_release(struct queue *self, uint64_t lsn, struct bole_err *err)
{
    struct mem_queue *m = mem_of(self);
    bole_status st = BOLE_OK;
    size_t kept = 0;
    pthread_mutex_lock(&m->lock);
    if (lsn > m->stats.appended_lsn)
        st = bole_fail(err, BOLE_E_INVALID, "queue mem: release of group %llu, the last one is %llu",
                       (unsigned long long)lsn, (unsigned long long)m->stats.appended_lsn);
    else if (lsn > m->stats.released_lsn)
        m->stats.released_lsn = lsn;
    for (size_t i = 0; i < m->group_count; i++) {
        if (m->groups[i]->lsn > m->stats.released_lsn)
            m->groups[kept++] = m->groups[i];
        else
            group_unref(m->groups[i]);
    }
    m->group_count = kept;
    pthread_mutex_unlock(&m->lock);
    return st;
}

static void mem_stats(struct queue *self, struct queue_stats *ret_stats)
{
    struct mem_queue *m = mem_of(self);
    pthread_mutex_lock(&m->lock);
    *ret_stats = m->stats;
    pthread_mutex_unlock(&m->lock);
    ret_stats->room_bytes = UINT64_MAX;
}

static void mem_destroy(struct queue *self)
{
    struct mem_queue *m = mem_of(self);
    for (size_t i = 0; i < m->group_count; i++)
        group_unref(m->groups[i]);
    free(m->groups);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

const struct queue_ops queue_mem_ops = {
    .scheme = "mem",
    .open = mem_open,
    .append = mem_append,
    .read = mem_read,
    .release = mem_release,
    .stats = mem_stats,
    .destroy = mem_destroy,
};
