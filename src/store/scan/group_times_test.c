#include <stdlib.h>

#include "base/random.h"
#include "base/test.h"
#include "store/scan/group_times.h"

enum { ROWS = 10 * PACK_BLOCK + 77 };

struct fixture {
    struct group_times times;
    struct buf raw;
    struct segment_group group;
    int64_t values[ROWS]; /* as they are packed */
};

static struct fixture *create(int64_t first, uint64_t step_max)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct random r;
    random_seed(&r, step_max);
    int64_t time = first;
    for (uint32_t i = 0; i < ROWS; i++)
        f->values[i] = time += (int64_t)random_below(&r, step_max);
    f->group = (struct segment_group){.row_count = ROWS, .order = GROUP_BY_TIME};
    group_times_init(&f->times, NULL);
    return f;
}

static void destroy(struct fixture *f)
{
    group_times_deinit(&f->times);
    buf_deinit(&f->raw);
    free(f);
}

static bole_status open_scaled(struct fixture *f, int64_t scale)
{
    buf_reset(&f->raw);
    buf_put_u64(&f->raw, (uint64_t)scale);
    pack(&f->raw, PACK_DELTA, (const uint64_t *)f->values, ROWS);
    f->group.min_time_ns = f->values[0] * scale;
    f->group.max_time_ns = f->values[ROWS - 1] * scale;
    return group_times_open(&f->times, buf_slice(&f->raw), &f->group);
}

TEST(times_are_found_and_decoded_block_by_block)
{
    static const struct { int64_t first; uint64_t step_max; int64_t scale; } cases[] = {
        {1789999520, 3, 1000000000}, {-500000, 2, 1000}, {1789999520568367373, 1000000, 1}, {7, 1, 1}};
    for (size_t c = 0; c < 4; c++) {
        struct fixture *f = create(cases[c].first, cases[c].step_max);
        struct random r;
        random_seed(&r, c);
        for (unsigned i = 0; i < 300; i++) {
            CHECK_EQ_STATUS(open_scaled(f, cases[c].scale), BOLE_OK);
            uint32_t from = (uint32_t)random_below(&r, ROWS), to = from + (uint32_t)random_below(&r, ROWS + 1 - from);
            int64_t time = (f->values[random_below(&r, ROWS)] + (int64_t)random_below(&r, 3) - 1) * cases[c].scale;
            uint32_t expected = from;
            while (expected < to && f->values[expected] * cases[c].scale < time)
                expected++;
            CHECK_EQ_U64(group_times_find(&f->times, from, to, time), expected);
            CHECK(__builtin_popcountll(f->times.loaded) <= 1);
            const int64_t *times = group_times_load(&f->times, from, to);
            for (uint32_t row = from; row < to; row++)
                CHECK_EQ_I64(times[row], f->values[row] * cases[c].scale);
            CHECK(!f->times.is_bad);
        }
        destroy(f);
    }
}

TEST(times_that_are_not_sorted_are_refused_or_found_when_decoded)
{
    struct fixture *f = create(1000, 5);
    f->values[3 * PACK_BLOCK] = 0;
    CHECK_EQ_STATUS(open_scaled(f, 1), BOLE_E_CORRUPT); /* the first of a block */
    f->values[3 * PACK_BLOCK] = f->values[3 * PACK_BLOCK - 1];
    f->values[5 * PACK_BLOCK + 9] = 0;
    CHECK_EQ_STATUS(open_scaled(f, 1), BOLE_OK);
    group_times_load(&f->times, 0, 5 * PACK_BLOCK);
    CHECK(!f->times.is_bad);
    const int64_t *times = group_times_load(&f->times, 0, ROWS);
    CHECK(f->times.is_bad);
    for (uint32_t row = 1; row < ROWS; row++)
        CHECK(times[row] >= times[row - 1]); /* so that whoever goes on ends */
    f->values[5 * PACK_BLOCK + 9] = f->values[5 * PACK_BLOCK + 8];
    f->values[ROWS - 2] = f->values[ROWS - 1] + 1; /* behind the last */
    CHECK_EQ_STATUS(open_scaled(f, 1), BOLE_OK);
    group_times_load(&f->times, ROWS - 1, ROWS);
    CHECK(f->times.is_bad);
    destroy(f);
}

/* Steps that rise before they are scaled say nothing when they go round at 2^64 behind that. */
TEST(times_that_go_round_are_found_when_decoded)
{
    struct fixture *f = create(1000, 5);
    int64_t scale = 1ll << 30, half = 1ll << 33;
    CHECK_EQ_STATUS(open_scaled(f, scale), BOLE_OK);
    group_times_load(&f->times, 0, ROWS);
    CHECK(!f->times.is_bad);
    for (uint32_t row = 5 * PACK_BLOCK + 9; row < ROWS; row++)
        f->values[row] += row == 5 * PACK_BLOCK + 9 ? half : 2 * half;
    buf_reset(&f->raw);
    buf_put_u64(&f->raw, (uint64_t)scale);
    pack(&f->raw, PACK_DELTA, (const uint64_t *)f->values, ROWS);
    CHECK_EQ_STATUS(group_times_open(&f->times, buf_slice(&f->raw), &f->group), BOLE_OK);
    group_times_load(&f->times, 0, ROWS);
    CHECK(f->times.is_bad);
    destroy(f);
}

TEST(times_that_the_directory_does_not_say_are_refused)
{
    struct fixture *f = create(1000, 5);
    CHECK_EQ_STATUS(open_scaled(f, 1), BOLE_OK);
    f->group.min_time_ns--;
    CHECK_EQ_STATUS(group_times_open(&f->times, buf_slice(&f->raw), &f->group), BOLE_E_CORRUPT);
    f->group.min_time_ns++;
    f->group.max_time_ns++;
    CHECK_EQ_STATUS(group_times_open(&f->times, buf_slice(&f->raw), &f->group), BOLE_OK);
    group_times_load(&f->times, ROWS - 1, ROWS);
    CHECK(f->times.is_bad);
    f->raw.len--;
    CHECK_EQ_STATUS(group_times_open(&f->times, buf_slice(&f->raw), &f->group), BOLE_E_CORRUPT);
    destroy(f);
}

