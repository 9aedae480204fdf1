/* sketch_test.c - distinct counts and quantiles: exact while small, within the promised bounds beyond. */
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/random.h"
#include "base/test.h"
#include "query/set/hll.h"
#include "query/set/tdigest.h"

TEST(distinct_counts_are_exact_while_few_and_close_beyond)
{
    double square = 0;
    size_t trials = 0;
    for (uint64_t round = 0; round < 8; round++) {
        struct distinct_count d = {0};
        struct arena arena;
        arena_init(&arena, NULL);
        for (uint64_t i = 0; i < 300000; i++) {
            uint64_t key[2] = {round, i};
            bole_slice text = {(const uint8_t *)key, sizeof key};
            CHECK(distinct_count_add(&d, hash64(text), &arena));
            if (i % 3 == 0)
                CHECK(distinct_count_add(&d, hash64(text), &arena)); /* again: nothing new */
            if (i < DISTINCT_EXACT_MAX)
                CHECK_EQ_U64(distinct_count_value(&d), i + 1);
            if (i >= DISTINCT_EXACT_MAX && (i & (i - 1)) == 0) {
                double error = (double)distinct_count_value(&d) / (double)(i + 1) - 1;
                CHECK(fabs(error) < 4 * 0.0081);
                square += error * error;
                trials++;
            }
        }
        arena_deinit(&arena);
    }
    CHECK(sqrt(square / (double)trials) < 1.5 * 0.0081);
    CHECK_EQ_U64(distinct_count_value(&(struct distinct_count){0}), 0);
}

static int cmp_doubles(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double draw(struct random *r, int shape, size_t i, size_t n)
{
    double u = ((double)random_below(r, 1u << 30) + 1) / (double)(1u << 30);
    switch (shape) {
    case 0: return u;
    case 1: return exp(-log(u) * 3);                /* a long tail */
    case 2: return (double)i;                       /* in order */
    case 3: return (double)(n - i);                 /* in the other order */
    case 4: return (double)random_below(r, 5);      /* few values */
    case 5: return random_below(r, 100) ? u : 1e9 * u; /* outliers */
    default: return 7;
    }
}

/* Where the answer's rank lies, at best. */
static double rank_error(const double *sorted, size_t n, double value, double q)
{
    size_t low = 0, high = 0;
    for (size_t i = 0; i < n; i++) {
        low += sorted[i] < value;
        high += sorted[i] <= value;
    }
    double from = (double)low / (double)n, to = (double)high / (double)n;
    return q < from ? from - q : q > to ? q - to : 0;
}

TEST(quantiles_are_exact_while_few_and_close_beyond)
{
    enum { N = 50000 };
    static double values[N];
    static const double qs[] = {0, 0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1};
    struct random random;
    random_seed(&random, 5);
    for (int shape = 0; shape < 7; shape++) {
        struct tdigest t = {0};
        struct arena arena;
        arena_init(&arena, NULL);
        for (size_t i = 0; i < N; i++) {
            values[i] = draw(&random, shape, i, N);
            CHECK(tdigest_add(&t, values[i], &arena));
            CHECK(i >= TDIGEST_EXACT_MAX || !t.centroids);
        }
        CHECK(t.centroid_count <= TDIGEST_CENTROIDS_MAX);
        qsort(values, N, sizeof *values, cmp_doubles);
        for (size_t i = 0; i < sizeof qs / sizeof qs[0]; i++) {
            double got = tdigest_quantile(&t, qs[i]), bound = 2 * M_PI * sqrt(qs[i] * (1 - qs[i])) / TDIGEST_DELTA + 2.0 / N;
            if (rank_error(values, N, got, qs[i]) > bound)
                print_error("shape %d q %g: %g is off by %g\n", shape, qs[i], got, rank_error(values, N, got, qs[i]));
            CHECK(rank_error(values, N, got, qs[i]) <= bound);
            CHECK(got >= values[0] && got <= values[N - 1]);
        }
        CHECK(tdigest_quantile(&t, 0) == values[0] && tdigest_quantile(&t, 1) == values[N - 1]);
        arena_deinit(&arena);
    }
    struct tdigest few = {0};
    struct arena arena;
    arena_init(&arena, NULL);
    CHECK(isnan(tdigest_quantile(&few, 0.5)));
    for (int i = 5; i > 0; i--)
        CHECK(tdigest_add(&few, i, &arena));
    CHECK(tdigest_quantile(&few, 0.5) == 3 && tdigest_quantile(&few, 0.25) == 2 && tdigest_quantile(&few, 0.125) == 1.5);
    arena_deinit(&arena);
}
