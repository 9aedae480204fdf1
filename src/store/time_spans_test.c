/* Spans of times per stream, against every single time that was put in. */
#include <stdlib.h>

#include "base/random.h"
#include "base/test.h"
#include "store/time_spans.h"

static struct time_spans start(struct budget *budget)
{
    return (struct time_spans){.budget = budget, .multiplier = 0x9e3779b97f4a7c15};
}

TEST(time_spans_know_gaps)
{
    struct time_spans t = start(NULL);
    CHECK(!time_spans_may_hold(&t, 7, INT64_MIN, INT64_MAX));
    CHECK(!time_spans_add(&t, 7, 10, 20));
    CHECK(!time_spans_add(&t, 7, 40, 50));
    CHECK(!time_spans_may_hold(&t, 7, 21, 39));
    CHECK(!time_spans_may_hold(&t, 8, 10, 50));
    CHECK(time_spans_may_hold(&t, 7, 20, 20));
    CHECK(!time_spans_add(&t, 7, 25, 30));
    CHECK(time_spans_add(&t, 7, 30, 40));
    CHECK(time_spans_may_hold(&t, 7, 35, 35));
    time_spans_reset(&t);
    CHECK(!time_spans_may_hold(&t, 7, 10, 50));
    time_spans_deinit(&t);
}

/* Never a time too few; streams that ascend never one too many. */
TEST(time_spans_hold_every_time_that_was_added)
{
    enum { STREAMS = 100, TIMES = 4000 };
    static bool seen[STREAMS][TIMES];
    struct random r;
    struct time_spans t = start(NULL);
    random_seed(&r, 11);
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < 20000; i++) {
        uint64_t s = random_next(&r) % STREAMS;
        int64_t from = (int64_t)(random_next(&r) % (TIMES - 20)), to = from + (int64_t)(random_next(&r) % 20);
        bool there = false;
        for (int64_t k = from; k <= to; k++)
            there = there || seen[s][k];
        CHECK(!there || time_spans_may_hold(&t, s, from, to));
        CHECK(time_spans_may_hold(&t, s, from, to) == time_spans_add(&t, s, from, to));
        for (int64_t k = from; k <= to; k++)
            seen[s][k] = true;
        CHECK(time_spans_may_hold(&t, s, from, to));
    }
    for (int64_t k = 0; k < 1000; k++)
        CHECK(!time_spans_add(&t, STREAMS + 1, 3 * k, 3 * k + 1));
    time_spans_deinit(&t);
}

TEST(time_spans_take_everything_for_seen_without_room)
{
    struct budget budget;
    budget_init(&budget, NULL, 100 * 1024);
    struct time_spans t = start(&budget);
    uint64_t s = 0;
    while (!time_spans_add(&t, s, 1, 2))
        s++;
    CHECK(s > 100 && t.is_full && time_spans_may_hold(&t, 1ull << 40, 5, 5));
    time_spans_deinit(&t);
    CHECK_EQ_U64(atomic_load(&budget.used_bytes), 0);

    t = start(NULL);
    for (s = 0; s < TIME_SPANS_STREAMS_MAX; s++)
        CHECK(!time_spans_add(&t, s, 1, 2));
    CHECK(time_spans_add(&t, s, 1, 2));
    time_spans_deinit(&t);
}
