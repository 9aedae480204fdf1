#include <stdlib.h>

#include "base/random.h"
#include "base/test.h"
#include "store/segment/pack.h"

static void round_trip(const uint64_t *values, uint32_t count, enum pack_mode mode)
{
    struct buf b;
    struct packed p;
    buf_init(&b, NULL);
    pack(&b, mode, values, count);
    CHECK(packed_open(&p, buf_slice(&b), mode, count));
    uint64_t *got = malloc(count * sizeof *got);
    packed_read(&p, 0, count, got);
    CHECK(memcmp(got, values, count * sizeof *got) == 0);
    for (uint32_t from = 0; from < count; from += 1 + count / 7) {
        uint32_t n = count - from < 1500 ? count - from : 1500;
        packed_read(&p, from, n, got);
        CHECK(memcmp(got, values + from, n * sizeof *got) == 0);
        if (mode == PACK_PLAIN) {
            uint32_t *low = (uint32_t *)(void *)got;
            packed_read_u32(&p, from, n, low);
            for (uint32_t i = 0; i < n; i++)
                CHECK_EQ_U64(low[i], (uint32_t)values[from + i]);
        }
    }
    /* Neither a byte less nor one more, nor another count, is this column. */
    CHECK(!packed_open(&p, bole_slice_from(b.ptr, b.len - 1), mode, count));
    buf_put_u8(&b, 0);
    CHECK(!packed_open(&p, buf_slice(&b), mode, count));
    free(got);
    buf_deinit(&b);
}

TEST(integers_of_every_width_come_back)
{
    struct random r;
    random_seed(&r, 7);
    static const uint32_t counts[] = {1, 2, 1023, 1024, 1025, 5000, PACK_VALUES_MAX};
    uint64_t *values = malloc(PACK_VALUES_MAX * sizeof *values);
    for (unsigned width = 0; width <= 64; width++) {
        uint32_t count = counts[width % 7];
        uint64_t mask = width == 64 ? ~0ull : (1ull << width) - 1, base = width % 3 ? random_next(&r) : 0, at = base;
        for (uint32_t i = 0; i < count; i++)
            values[i] = base + (random_next(&r) & mask);
        round_trip(values, count, PACK_PLAIN);
        round_trip(values, count, PACK_DELTA);
        for (uint32_t i = 0; i < count; i++)
            values[i] = at += random_next(&r) & mask; /* goes round at 2^64, as times below 1970 do */
        round_trip(values, count, PACK_DELTA);
    }
    free(values);
}

TEST(narrow_values_are_read_the_same_on_every_machine)
{
    enum { EIGHTS = 500, WIDTH_MAX = 16 };
    struct random r;
    random_seed(&r, 11);
    uint8_t *bits = malloc(EIGHTS * WIDTH_MAX + PACK_SLACK);
    uint32_t *fast = malloc(EIGHTS * 8 * sizeof *fast), *slow = malloc(EIGHTS * 8 * sizeof *slow);
    for (size_t i = 0; i < EIGHTS * WIDTH_MAX + PACK_SLACK; i++)
        bits[i] = (uint8_t)random_next(&r);
    for (unsigned width = 0; width <= WIDTH_MAX; width++) {
        packed_eights(bits, EIGHTS, width, 0xfffffff0u, fast);
        packed_eights_portable(bits, EIGHTS, width, 0xfffffff0u, slow);
        CHECK(memcmp(fast, slow, EIGHTS * 8 * sizeof *fast) == 0);
    }
    free(bits);
    free(fast);
    free(slow);
}

TEST(a_limit_is_checked_against_the_values_not_the_bits)
{
    uint64_t values[] = {0, 3, 4};
    struct buf b;
    struct packed p;
    buf_init(&b, NULL);
    pack(&b, PACK_PLAIN, values, 3);
    CHECK(packed_open(&p, buf_slice(&b), PACK_PLAIN, 3));
    CHECK(packed_below(&p, 5)); /* three bits could hold 7 */
    CHECK(!packed_below(&p, 4));
    buf_deinit(&b);
}

TEST(any_bytes_are_refused_or_read)
{
    struct random r;
    random_seed(&r, 11);
    uint64_t values[4];
    unsigned opened = 0;
    for (unsigned round = 0; round < 20000; round++) {
        size_t size = random_below(&r, 40);
        uint8_t *bytes = malloc(size + 1);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(random_next(&r) & (round % 2 ? 0xff : 3));
        struct packed p;
        uint32_t count = 1 + (uint32_t)random_below(&r, 4);
        if (packed_open(&p, bole_slice_from(bytes, size), round % 3 ? PACK_PLAIN : PACK_DELTA, count)) {
            packed_read(&p, 0, count, values);
            opened++;
        }
        free(bytes);
    }
    CHECK(opened > 100);
}
