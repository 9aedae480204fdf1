/* Which segments are merged when, and what that costs over days of cuts. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/test.h"
#include "store/life/merge_plan.h"
#include "store/segment/partition.h"

#define MIDNIGHT (20000 * DAY_NS)
#define HOUR     (DAY_NS / 24)
#define MINUTE   (DAY_NS / 1440)
#define MB       (1ull << 20)

struct world {
    struct segment_cache cache;
    struct segment_set *set; /* room for many; `count` are there */
    uint64_t last_id, copied_raw, cut_raw, merges;
};

static void init(struct world *w)
{
    *w = (struct world){.set = segment_set_create(100000)};
    segment_cache_init(&w->cache, NULL, NULL);
    w->set->count = 0;
}

static void deinit(struct world *w)
{
    segment_set_unref(w->set);
    segment_cache_deinit(&w->cache);
}

static struct segment *add(struct world *w, uint32_t level, uint64_t raw, int64_t from_ns, int64_t to_ns,
                           int64_t created_ns)
{
    struct catalog_segment info = {.id = ++w->last_id, .level = level, .raw_bytes = raw, .size_bytes = raw / 10,
                                   .min_time_ns = from_ns, .max_time_ns = to_ns, .created_ns = created_ns, .tenant = S("t")};
    struct segment *s = segment_create(&w->cache, &info);
    w->set->segments[w->set->count++] = s;
    return s;
}

static void take_out(struct world *w, const struct segment *s)
{
    size_t i = 0;
    while (w->set->segments[i] != s)
        i++;
    segment_unref(w->set->segments[i]);
    for (w->set->count--; i < w->set->count; i++)
        w->set->segments[i] = w->set->segments[i + 1];
}

/* What merge_run does, as far as the catalogue can tell, for rows of one tenant. */
static size_t merge(struct world *w, int64_t now_ns, bool everything)
{
    struct segment *picked[MERGE_INPUTS_MAX];
    size_t count = merge_plan(w->set, now_ns, everything, picked);
    uint64_t raw[4] = {0}; /* by day, from the first on */
    int64_t first_day = INT64_MAX;
    uint32_t level = 0;
    if (count == 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        int64_t day = day_of_time(picked[i]->info.min_time_ns);
        first_day = day < first_day ? day : first_day;
        level = picked[i]->info.level > level ? picked[i]->info.level : level;
    }
    for (size_t i = 0; i < count; i++) {
        const struct catalog_segment *info = &picked[i]->info;
        int64_t from = day_of_time(info->min_time_ns), to = day_of_time(info->max_time_ns);
        CHECK(to - first_day < 4);
        raw[from - first_day] += info->raw_bytes / 2;
        raw[to - first_day] += info->raw_bytes - info->raw_bytes / 2;
        w->copied_raw += info->raw_bytes;
    }
    for (size_t i = 0; i < count; i++)
        take_out(w, picked[i]);
    for (int64_t d = 0; d < 4; d++)
        if (raw[d]) {
            int64_t day_ns = (first_day + d) * DAY_NS;
            CHECK(raw[d] <= MERGE_TARGET_RAW);
            add(w, raw[d] >= MERGE_TARGET_RAW / 2 ? LEVEL_FINAL : level + 1, raw[d], day_ns, day_ns + DAY_NS - 1,
                now_ns);
        }
    w->merges++;
    return count;
}

/* Cuts of `raw` bytes every `interval`, `late` of them of the day before, for so many days; the highest number of
 * segments. */
static size_t run(struct world *w, uint64_t raw, int64_t interval, int64_t days, unsigned late_percent)
{
    size_t most = 0;
    unsigned n = 0;
    for (int64_t now = MIDNIGHT; now < MIDNIGHT + days * DAY_NS; now += interval) {
        bool is_late = n++ % 100 < late_percent;
        add(w, 0, raw, is_late ? now - DAY_NS : now - interval, is_late ? now - DAY_NS : now, now);
        w->cut_raw += raw;
        while (merge(w, now, false))
            ;
        most = w->set->count > most ? w->set->count : most;
    }
    return most;
}

TEST(what_an_idle_machine_joins_has_been_there_for_a_minute)
{
    struct world w;
    struct segment *picked[MERGE_INPUTS_MAX];
    init(&w);
    add(&w, 0, MB, MIDNIGHT, MIDNIGHT + 1, MIDNIGHT);
    CHECK_EQ_U64(merge_plan_joins(w.set, MIDNIGHT + HOUR, picked), 0); /* one cut alone */
    add(&w, 0, MB, MIDNIGHT, MIDNIGHT + 1, MIDNIGHT + HOUR);
    CHECK_EQ_U64(merge_plan_joins(w.set, MIDNIGHT + HOUR, picked), 0);
    CHECK_EQ_U64(merge_plan_joins(w.set, MIDNIGHT + HOUR + 2 * MINUTE, picked), 2);
    struct segment *merged = add(&w, 1, MB, MIDNIGHT, MIDNIGHT + 1, MIDNIGHT + HOUR);
    add(&w, LEVEL_PACKED, MB, MIDNIGHT, MIDNIGHT + 1, MIDNIGHT);
    take_out(&w, picked[1]);
    CHECK_EQ_U64(merge_plan_joins(w.set, MIDNIGHT + HOUR, picked), 0);
    CHECK_EQ_U64(merge_plan_joins(w.set, MIDNIGHT + HOUR + 2 * MINUTE, picked), 1);
    CHECK(picked[0] == merged);
    merged->is_joined = true;
    CHECK_EQ_U64(merge_plan_joins(w.set, MIDNIGHT + HOUR + 2 * MINUTE, picked), 0);
    deinit(&w);
}

TEST(segments_stay_few_and_bytes_are_copied_seldom)
{
    static const struct {
        uint64_t raw;
        int64_t  interval, days;
        unsigned late_percent;
        size_t   most;   /* segments at any time */
        double   copies; /* of a byte, on average */
    } cases[] = {
        {64 * MB, MINUTE / 6, 2, 0, 1200, 1.1}, /* half a TB a day: one merge makes a gigabyte, which is final */
        {64 * MB, 5 * MINUTE, 10, 0, 230, 1.1},
        {1 * MB, 5 * MINUTE, 30, 0, 70, 3.5},
        {1 * MB, 5 * MINUTE, 30, 10, 130, 3.5},
        {1000, 5 * MINUTE, 100, 0, 240, 3.5},
        {1000, MINUTE / 60, 1, 0, 60, 7}, /* somebody flushes all the time */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        init(&w);
        size_t most = run(&w, cases[i].raw, cases[i].interval, cases[i].days, cases[i].late_percent);
        double copies = (double)w.copied_raw / (double)w.cut_raw;
        if (most > cases[i].most || copies > cases[i].copies)
            print_error("case %zu: %zu segments at most, %zu in the end, %.2f copies in %llu merges\n", i, most,
                        w.set->count, copies,
                        (unsigned long long)w.merges);
        CHECK(most <= cases[i].most && copies <= cases[i].copies);
        deinit(&w);
    }
}

TEST(everything_ends_with_a_segment_a_day)
{
    struct world w;
    init(&w);
    for (unsigned i = 0; i < 40; i++)
        add(&w, i % 3, 1 * MB, MIDNIGHT + i % 4 * DAY_NS, MIDNIGHT + i % 4 * DAY_NS, MIDNIGHT);
    while (merge(&w, MIDNIGHT, true))
        CHECK(w.merges < 1000);
    CHECK_EQ_U64(w.set->count, 4);
    deinit(&w);
}

TEST(a_few_cuts_wait_for_more_but_not_for_ever)
{
    struct world w;
    struct segment *picked[MERGE_INPUTS_MAX];
    init(&w);
    add(&w, 0, 1 * MB, MIDNIGHT, MIDNIGHT, MIDNIGHT);
    CHECK_EQ_U64(merge_plan(w.set, MIDNIGHT + 100 * DAY_NS, false, picked), 0); /* one alone gains nothing */
    add(&w, 0, 1 * MB, MIDNIGHT, MIDNIGHT, MIDNIGHT);
    CHECK_EQ_U64(merge_plan(w.set, MIDNIGHT + HOUR, false, picked), 0);
    CHECK_EQ_U64(merge_plan(w.set, MIDNIGHT + MERGE_CUT_AGE_NS + 1, false, picked), 2);
    for (unsigned i = 2; i < MERGE_CUTS; i++)
        add(&w, 0, 1 * MB, MIDNIGHT, MIDNIGHT, MIDNIGHT);
    CHECK_EQ_U64(merge_plan(w.set, MIDNIGHT, false, picked), MERGE_CUTS);
    deinit(&w);
}

TEST(cuts_over_which_label_sets_lie_scattered_wait_for_fewer)
{
    struct world w;
    struct segment *picked[MERGE_INPUTS_MAX];
    init(&w);
    add(&w, 0, 1 * MB, MIDNIGHT, MIDNIGHT, MIDNIGHT);
    for (unsigned i = 0; i < MERGE_SCATTERED_CUTS; i++) {
        CHECK_EQ_U64(merge_plan(w.set, MIDNIGHT, false, picked), 0);
        add(&w, 0, 1 * MB, MIDNIGHT, MIDNIGHT, MIDNIGHT)->info.group_streams = STREAM_ORDER_MIN;
    }
    CHECK_EQ_U64(merge_plan(w.set, MIDNIGHT, false, picked), MERGE_SCATTERED_CUTS + 1);
    deinit(&w);
}

TEST(large_final_and_damaged_segments_are_left_alone)
{
    struct world w;
    struct segment *picked[MERGE_INPUTS_MAX];
    init(&w);
    for (unsigned i = 0; i < 4; i++)
        add(&w, LEVEL_FINAL, 1, MIDNIGHT, MIDNIGHT, MIDNIGHT);
    atomic_store(&add(&w, 1, 1 * MB, MIDNIGHT, MIDNIGHT, MIDNIGHT)->is_stuck, true);
    atomic_store(&add(&w, 0, 1 * MB, MIDNIGHT, MIDNIGHT, MIDNIGHT)->is_stuck, true);
    add(&w, 1, 20 * MB, MIDNIGHT, MIDNIGHT, MIDNIGHT);
    CHECK_EQ_U64(merge_plan(w.set, MIDNIGHT + 9 * DAY_NS, true, picked), 0);
    add(&w, 1, 1 * MB, MIDNIGHT, MIDNIGHT, MIDNIGHT);
    CHECK_EQ_U64(merge_plan(w.set, MIDNIGHT + 9 * DAY_NS, false, picked), 0); /* too different in size */
    CHECK_EQ_U64(merge_plan(w.set, MIDNIGHT + 9 * DAY_NS, true, picked), 2);
    deinit(&w);
}
