/* miner_test.c - lines in, patterns out. */
#include <stdio.h>

#include "base/random.h"
#include "base/test.h"
#include "query/miner.h"
#include "query/stage/pattern.h"

/* "3 error user <_> logged in\n" for each. */
static struct buf mine(const char *const *lines, size_t count)
{
    struct miner m;
    struct buf b;
    size_t found;
    buf_init(&b, NULL);
    CHECK(miner_init(&m, NULL, 4));
    for (size_t i = 0; i < count; i++)
        CHECK(miner_add(&m, bole_slice_str(lines[i]), S("info"), (uint32_t)(i % 4)));
    struct miner_pattern **patterns = miner_ranked(&m, &found);
    CHECK(patterns);
    for (size_t i = 0; i < found; i++) {
        uint64_t sum = 0;
        for (int k = 0; k < 4; k++)
            sum += patterns[i]->counts[k];
        CHECK_EQ_U64(sum, patterns[i]->total);
        buf_printf(&b, "%llu ", (unsigned long long)sum);
        buf_put(&b, patterns[i]->text);
        buf_put_u8(&b, '\n');
    }
    miner_deinit(&m);
    return b;
}

#define CHECK_MINED(wanted, ...)                                              \
    do {                                                                      \
        static const char *const lines_[] = {__VA_ARGS__};                    \
        struct buf b_ = mine(lines_, sizeof lines_ / sizeof *lines_);         \
        CHECK_EQ_SLICE(buf_slice(&b_), bole_slice_str(wanted));               \
        buf_deinit(&b_);                                                      \
    } while (0)

TEST(miner_puts_a_variable_where_lines_differ)
{
    CHECK_MINED("3 user <_> logged in from <_>\n", "user alice logged in from 10.0.0.1", "user bob logged in from 10.0.0.2",
                "user carol logged in from 10.0.0.1");
    CHECK_MINED("2 GET <_> HTTP/1.1 200 <_>\n", "GET /a/1 HTTP/1.1 200 5", "GET /a/2 HTTP/1.1 200 7");
    CHECK_MINED("2 level=info ts=<_> msg=\"took <_>\"\n", "level=info ts=2026-11-21T18:00:01Z msg=\"took 5ms\"",
                "level=info ts=2026-11-21T18:00:02Z msg=\"took 7ms\"");
    CHECK_MINED("2 {\"level\": \"error\", \"id\": <_>}\n", "{\"level\": \"error\", \"id\": 1}", "{\"level\": \"error\", \"id\": 22}");
    CHECK_MINED("1 only once 5\n", "only once 5");
    CHECK_MINED("2 \n", "", "");
    CHECK_MINED("2 a <_>\n", "a     5", "a 10");
}

TEST(miner_keeps_apart_what_has_little_in_common)
{
    CHECK_MINED("2 connection to <_> failed\n1 disk of host full now\n", "connection to db1 failed", "connection to db2 failed",
                "disk of host full now");
    CHECK_MINED("1 a:b\n1 a=b\n", "a=b", "a:b");
}

TEST(miner_merges_patterns_that_became_the_same)
{
    CHECK_MINED("4 x <_> y\n", "x 1 y", "x 2 y", "x a y", "x b y");
}

TEST(miner_tells_levels_apart)
{
    struct miner m;
    size_t count;
    CHECK(miner_init(&m, NULL, 1));
    miner_add(&m, S("same 1"), S("info"), 0);
    miner_add(&m, S("same 2"), S("error"), 0);
    miner_add(&m, S("same 3"), S(""), 0);
    struct miner_pattern **patterns = miner_ranked(&m, &count);
    CHECK(patterns);
    CHECK_EQ_U64(count, 3);
    CHECK_EQ_SLICE(patterns[0]->level, S("info"));
    CHECK_EQ_SLICE(patterns[1]->level, S("error"));
    CHECK_EQ_SLICE(patterns[2]->level, S("unknown"));
    miner_deinit(&m);
}

TEST(miner_takes_lines_with_holes_for_many)
{
    struct miner m;
    size_t count;
    const uint32_t holes[] = {5, 14}, one[] = {14};
    CHECK(miner_init(&m, NULL, 1));
    miner_count(miner_find(&m, S("user 0 to host0, port 22"), holes, 2, S("")), 0);
    CHECK(miner_add(&m, S("user ann to host7, port 22"), S(""), 0));
    miner_count(miner_find(&m, S("disk 1 of host0, free 22"), one, 1, S("")), 0);
    struct miner_pattern **patterns = miner_ranked(&m, &count);
    CHECK_EQ_U64(count, 2);
    CHECK_EQ_SLICE(patterns[0]->text, S("user <_> to <_>, port 22"));
    CHECK_EQ_U64(patterns[0]->total, 2);
    CHECK_EQ_SLICE(patterns[1]->text, S("disk 1 of <_>, free 22"));
    miner_deinit(&m);
}

/* Whatever comes: every line is counted once, in bounded memory. */
TEST(miner_takes_any_bytes_in_bounded_memory)
{
    struct miner m;
    struct random random;
    struct budget budget;
    size_t count;
    uint64_t sum = 0;
    budget_init(&budget, NULL, 8 << 20);
    random_seed(&random, 11);
    CHECK(miner_init(&m, &budget, 3));
    for (int i = 0; i < 20000; i++) {
        uint8_t line[600];
        size_t len = random_below(&random, sizeof line);
        for (size_t k = 0; k < len; k++)
            line[k] = (uint8_t)random_below(&random, i % 2 ? 256 : 40);
        CHECK(miner_add(&m, bole_slice_from(line, len), i % 3 ? S("a") : S("b"), (uint32_t)(i % 3)));
    }
    CHECK(m.pattern_count <= MINER_PATTERNS_MAX);
    struct miner_pattern **patterns = miner_ranked(&m, &count);
    CHECK(patterns);
    for (size_t i = 0; i < count; i++)
        sum += patterns[i]->total;
    CHECK_EQ_U64(sum, 20000);
    miner_deinit(&m);
    CHECK_EQ_U64(atomic_load(&budget.used_bytes), 0);
}
