#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/random.h"
#include "base/test.h"
#include "store/codec/ints.h"

static uint64_t seed_of_test(void)
{
    uint64_t seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : (uint64_t)time(NULL);
    printf("seed %" PRIu64 "\n", seed);
    return seed;
}

TEST(integers_come_back_in_every_mode_and_width)
{
    struct random r;
    random_seed(&r, seed_of_test());
    int64_t *values = malloc(5000 * sizeof *values);
    unsigned modes[3] = {0}, sought[3] = {0};
    for (unsigned round = 0; round < 400; round++) {
        uint32_t count = 1 + (uint32_t)random_below(&r, round % 8 ? 5000 : 200), fresh = 0;
        unsigned width = (unsigned)random_below(&r, 65), kind = round % 4;
        uint64_t mask = width == 64 ? ~0ull : (1ull << width) - 1, at = random_next(&r);
        for (uint32_t i = 0; i < count; i++) {
            uint64_t noise = random_next(&r) & mask;
            bool new_id = fresh == 0 || (fresh < count && random_below(&r, 3));
            values[i] = kind == 0   ? (int64_t)noise
                        : kind == 1 ? (int64_t)(at += noise)
                        : kind == 2 ? (int64_t)(at + noise)
                                    : (int64_t)(new_id ? fresh++ : random_below(&r, fresh));
        }
        struct buf head = {0}, numbers = {0};
        struct ints_head h, again;
        struct ints n;
        struct arena arena;
        arena_init(&arena, NULL);
        ints_plan(values, count, kind == 3, &h);
        modes[h.mode]++;
        if (round % 5 == 0)
            ints_align(&h);
        ints_put(&h, values, count, &head, &numbers);
        struct reader reader = reader_of(buf_slice(&head));
        CHECK(ints_open(&again, &reader));
        CHECK_EQ_U64(reader_left(&reader), 0);
        CHECK_EQ_U64(ints_size(&again, count), numbers.len);
        CHECK_EQ_STATUS(ints_load(&n, &again, count, numbers.ptr, &arena), BOLE_OK);
        for (uint32_t i = 0; i < count; i++)
            CHECK_EQ_I64(ints_at(&n, i), values[i]);
        CHECK_EQ_STATUS(ints_load_few(&n, &again, count, numbers.ptr, &arena), BOLE_OK);
        sought[n.width == INTS_SOUGHT ? again.planes : 0]++;
        for (uint32_t i = 0; i < count; i++)
            CHECK_EQ_I64(ints_at(&n, i), values[i]);
        CHECK_EQ_STATUS(ints_load_rest(&n, &again, &arena), BOLE_OK);
        CHECK(n.width != INTS_SOUGHT);
        for (uint32_t i = 0; i < count; i++)
            CHECK_EQ_I64(ints_at(&n, i), values[i]);
        buf_deinit(&head);
        buf_deinit(&numbers);
        arena_deinit(&arena);
    }
    CHECK(modes[INTS_PLAIN] && modes[INTS_DELTA] && modes[INTS_FRESH] && sought[1] && sought[2]);
    free(values);
}

TEST(a_number_above_its_range_is_corrupt)
{
    static const int64_t small[] = {3, 5, 9, 250}, large[] = {3, 5, 90000, 100000},
                         steps[] = {100000, 100001, 100002, 300003};
    static const struct { const int64_t *values; enum ints_mode mode; } cases[] = {
        {small, INTS_PLAIN}, {large, INTS_PLAIN}, {steps, INTS_DELTA}};
    for (unsigned i = 0; i < 3; i++) {
        struct buf head = {0}, numbers = {0};
        struct ints_head h;
        struct ints n;
        struct arena arena;
        arena_init(&arena, NULL);
        ints_plan_plain(cases[i].values, 4, &h);
        if (cases[i].mode == INTS_DELTA)
            h = (struct ints_head){INTS_DELTA, 3, h.lowest, h.range, 0};
        ints_put(&h, cases[i].values, 4, &head, &numbers);
        CHECK_EQ_STATUS(ints_load(&n, &h, 4, numbers.ptr, &arena), BOLE_OK);
        numbers.ptr[numbers.len - 1]++;
        CHECK_EQ_STATUS(ints_load(&n, &h, 4, numbers.ptr, &arena), BOLE_E_CORRUPT);
        buf_deinit(&head);
        buf_deinit(&numbers);
        arena_deinit(&arena);
    }
}

TEST(an_id_above_its_range_is_corrupt)
{
    static const int64_t ids[] = {0, 1, 0, 1, 2};
    static const uint8_t bad[] = {0, 4, 200}; /* one more new id than there are; above all; far above */
    struct ints_head h = {INTS_FRESH, 1, 0, 2, 0};
    struct buf head = {0}, numbers = {0};
    struct ints n;
    struct arena arena;
    arena_init(&arena, NULL);
    ints_put(&h, ids, 5, &head, &numbers);
    CHECK_EQ_STATUS(ints_load(&n, &h, 5, numbers.ptr, &arena), BOLE_OK);
    CHECK_EQ_STATUS(ints_load_few(&n, &h, 5, numbers.ptr, &arena), BOLE_OK);
    for (unsigned i = 0; i < sizeof bad; i++) {
        numbers.ptr[2] = bad[i];
        CHECK_EQ_STATUS(ints_load(&n, &h, 5, numbers.ptr, &arena), BOLE_E_CORRUPT);
        CHECK_EQ_STATUS(ints_load_few(&n, &h, 5, numbers.ptr, &arena), BOLE_E_CORRUPT);
    }
    buf_deinit(&head);
    buf_deinit(&numbers);
    arena_deinit(&arena);
}
