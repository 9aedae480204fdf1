#include "query/set/tdigest.h"

#include <math.h>
#include <stdlib.h>

#include "query/range_funcs.h"

static int cmp_centroids(const void *a, const void *b)
{
    const struct centroid *x = a, *y = b;
    return (x->mean > y->mean) - (x->mean < y->mean);
}

/* The scale function: a centroid may reach from q to where k is one more. */
static double next_border(double q)
{
    double k = TDIGEST_DELTA / (2 * M_PI) * asin(2 * q - 1) + 1;
    return k >= TDIGEST_DELTA / 4.0 ? 1 : (sin(k * 2 * M_PI / TDIGEST_DELTA) + 1) / 2;
}

/* All of them in order, neighbours put together as far as the borders allow. */
static void merge(struct tdigest *t)
{
    struct centroid all[TDIGEST_CENTROIDS_MAX + TDIGEST_EXACT_MAX];
    size_t count = 0, out = 0;
    for (size_t i = 0; i < t->centroid_count; i++)
        all[count++] = t->centroids[i];
    for (size_t i = 0; i < t->waiting_count; i++)
        all[count++] = (struct centroid){t->waiting[i], 1};
    qsort(all, count, sizeof *all, cmp_centroids);
    t->weight += t->waiting_count;
    t->waiting_count = 0;
    double before = 0, border = next_border(0); /* before: weight of the centroids that are done, as a part of all */
    t->centroids[0] = all[0];
    for (size_t i = 1; i < count; i++) {
        struct centroid *last = &t->centroids[out];
        double reach = before + (last->weight + all[i].weight) / t->weight;
        if (reach <= border || out + 1 == TDIGEST_CENTROIDS_MAX) {
            last->weight += all[i].weight;
            last->mean += (all[i].mean - last->mean) * all[i].weight / last->weight;
        } else {
            before += last->weight / t->weight;
            border = next_border(before);
            t->centroids[++out] = all[i];
        }
    }
    t->centroid_count = (uint32_t)out + 1;
}

static bool grow(struct tdigest *t, struct arena *arena)
{
    uint32_t cap = t->waiting_cap ? 2 * t->waiting_cap : 8;
    double *waiting = arena_alloc(arena, cap * sizeof *waiting);
    if (!waiting)
        return false;
    if (t->waiting_count)
        memcpy(waiting, t->waiting, t->waiting_count * sizeof *waiting);
    t->waiting = waiting;
    t->waiting_cap = cap;
    return true;
}

bool tdigest_add(struct tdigest *t, double value, struct arena *arena)
{
    bool is_first = !t->waiting_cap;
    if (t->waiting_count == TDIGEST_EXACT_MAX) {
        if (!t->centroids)
            t->centroids = arena_alloc(arena, TDIGEST_CENTROIDS_MAX * sizeof *t->centroids);
        if (!t->centroids)
            return false;
        merge(t);
    } else if (t->waiting_count == t->waiting_cap && !grow(t, arena)) {
        return false;
    }
    t->waiting[t->waiting_count++] = value;
    t->min = is_first || value < t->min ? value : t->min;
    t->max = is_first || value > t->max ? value : t->max;
    return true;
}

double tdigest_quantile(struct tdigest *t, double q)
{
    if (!t->centroids)
        return t->waiting_count ? quantile(q, t->waiting, t->waiting_count) : NAN;
    if (t->waiting_count)
        merge(t);
    double target = q * t->weight, before = 0, last_at = 0, last_mean = t->min;
    for (size_t i = 0; i < t->centroid_count; i++) {
        const struct centroid *c = &t->centroids[i];
        double at = before + c->weight / 2; /* half of a centroid's numbers lie below its mean */
        if (target < at)
            return last_mean + (c->mean - last_mean) * (target - last_at) / (at - last_at);
        last_at = at;
        last_mean = c->mean;
        before += c->weight;
    }
    return t->weight > last_at ? last_mean + (t->max - last_mean) * (target - last_at) / (t->weight - last_at) : t->max;
}
