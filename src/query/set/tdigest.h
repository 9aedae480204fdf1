/*
 * tdigest.h - quantiles of many numbers in bounded memory.
 *
 * Exact up to TDIGEST_EXACT_MAX numbers, which are held (linear interpolation, as quantile_over_time). Beyond, a merging
 * t-digest: Dunning and Ertl, "Computing extremely accurate quantiles using t-digests" (2019), with its scale function k1 and
 * delta 400: what is answered for q has a rank within 2 pi * sqrt(q * (1 - q)) / 400 of it, that is 0.8 % at the median and
 * 0.16 % at 0.99; at most 17 KB. min and max are exact.
 *
 * Owner: the arena. Threads: one.
 */
#ifndef QUERY_SET_TDIGEST_H
#define QUERY_SET_TDIGEST_H

#include "base/arena.h"

enum { TDIGEST_EXACT_MAX = 512, TDIGEST_DELTA = 400, TDIGEST_CENTROIDS_MAX = 2 * TDIGEST_DELTA + 2 };

struct centroid {
    double mean, weight;
};

struct tdigest { /* zeroed: empty */
    double          *waiting; /* [waiting_count], not merged yet */
    uint32_t         waiting_count, waiting_cap;
    struct centroid *centroids; /* by mean; NULL: none */
    uint32_t         centroid_count;
    double           weight; /* of all centroids */
    double           min, max;
};

bool tdigest_add(struct tdigest *t, double value, struct arena *arena); /* false: no memory. Finite values only */
double tdigest_quantile(struct tdigest *t, double q);                   /* 0 <= q <= 1; NaN when empty */

#endif
