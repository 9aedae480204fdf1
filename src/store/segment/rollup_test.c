#include <stdlib.h>

#include "base/random.h"
#include "base/test.h"
#include "store/segment/rollup.h"

struct found {
    struct rollup_entry entries[64];
    uint32_t count;
};

static bool collect(const struct rollup_entry *e, void *ctx)
{
    struct found *f = ctx;
    CHECK(f->count < 64);
    f->entries[f->count++] = *e;
    return true;
}

TEST(a_minute_ends_with_its_last_nanosecond)
{
    CHECK_EQ_I64(rollup_minute(0), 0);
    CHECK_EQ_I64(rollup_minute(1), 1);
    CHECK_EQ_I64(rollup_minute(60000000000), 1);
    CHECK_EQ_I64(rollup_minute(60000000001), 2);
    CHECK_EQ_I64(rollup_minute(-1), 0);
    CHECK_EQ_I64(rollup_minute(-60000000000), -1);
    CHECK_EQ_I64(rollup_minute(INT64_MIN), INT64_MIN / 60000000000);
    CHECK_EQ_I64(rollup_minute(INT64_MAX), INT64_MAX / 60000000000 + 1);
}

TEST(minutes_of_streams_come_back_in_order)
{
    struct rollup_builder b = {0};
    struct buf out;
    struct found f = {0};
    buf_init(&out, NULL);
    rollup_begin(&b, 3);
    for (int i = 0; i < 20; i++) /* stream by stream, as a clustered group has them */
        rollup_add(&b, 2, i * 6000000000ll, 10);
    for (int i = 0; i < 20; i++)
        rollup_add(&b, 0, 60000000000 + i, 1);
    CHECK(rollup_finish(&b, 40, &out));
    CHECK(rollup_read(buf_slice(&out), 3, 40, collect, &f));
    struct rollup_entry want[] = {{0, 2, 1, 10}, {1, 0, 1, 1}, {1, 2, 10, 100}, {2, 0, 19, 19}, {2, 2, 9, 90}};
    CHECK_EQ_U64(f.count, 5);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ_I64(f.entries[i].minute, want[i].minute);
        CHECK_EQ_U64(f.entries[i].stream, want[i].stream);
        CHECK_EQ_U64(f.entries[i].rows, want[i].rows);
        CHECK_EQ_U64(f.entries[i].bytes, want[i].bytes);
    }
    rollup_deinit(&b);
    buf_deinit(&out);
}

TEST(a_rollup_that_would_not_help_is_not_written)
{
    struct rollup_builder b = {0};
    struct buf out;
    buf_init(&out, NULL);
    rollup_begin(&b, 1);
    for (int i = 0; i < 20; i++)
        rollup_add(&b, 0, i * ROLLUP_MINUTE_NS, 1);
    CHECK(!rollup_finish(&b, 20, &out));
    CHECK_EQ_U64(out.len, 0);
    rollup_deinit(&b);
    buf_deinit(&out);
}

static bool ignore(const struct rollup_entry *e, void *ctx)
{
    (void)ctx;
    CHECK(e->stream < 4);
    return true;
}

TEST(damaged_rollups_are_refused_or_harmless)
{
    struct rollup_builder b = {0};
    struct buf out;
    struct random random;
    random_seed(&random, 7);
    buf_init(&out, NULL);
    rollup_begin(&b, 4);
    for (int i = 0; i < 400; i++)
        rollup_add(&b, (uint32_t)(i * 7 / 5) % 4, i * 1500000000ll, (uint64_t)i);
    CHECK(rollup_finish(&b, 400, &out));
    CHECK(rollup_read(buf_slice(&out), 4, 400, ignore, NULL));
    CHECK(!rollup_read(buf_slice(&out), 4, 399, ignore, NULL));
    CHECK(!rollup_read(bole_slice_from(out.ptr, out.len - 1), 4, 400, ignore, NULL));
    for (int i = 0; i < 20000; i++) {
        size_t at = random_next(&random) % out.len;
        uint8_t kept = out.ptr[at];
        out.ptr[at] = (uint8_t)random_next(&random);
        rollup_read(buf_slice(&out), 4, 400, ignore, NULL);
        out.ptr[at] = kept;
    }
    rollup_deinit(&b);
    buf_deinit(&out);
}
