/*
 * loki_json_test.c - numbers, stamps, labels and statistics as a real Loki writes them.
 */
#include <math.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/test.h"
#include "record/labels.h"
#include "serve/loki_json.h"

#include <stdio.h>
#include <stdlib.h>

TEST(loki_number_is_the_shortest_decimal_without_exponent)
{
    static const struct {
        double value;
        bole_slice text;
    } cases[] = {
        {0, S("0")},
        {-0.0, S("-0")},
        {1, S("1")},
        {-17, S("-17")},
        {0.1, S("0.1")},
        {3.45, S("3.45")},
        {0.013333333333333334, S("0.013333333333333334")},
        {0.000002999, S("0.000002999")},
        {2.999e23, S("299900000000000000000000")},
        {1e15, S("1000000000000000")},
        {1e21, S("1000000000000000000000")},
        {123456789012345678.0, S("123456789012345680")},
        {-1234.5, S("-1234.5")},
        {1.0 / 3, S("0.3333333333333333")},
        {9007199254740993.0, S("9007199254740992")},
        {100, S("100")},
        {1e-7, S("0.0000001")},
        {NAN, S("NaN")},
        {INFINITY, S("+Inf")},
        {-INFINITY, S("-Inf")},
    };
    struct buf b;
    buf_init(&b, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_reset(&b);
        loki_put_number(&b, cases[i].value);
        CHECK_EQ_SLICE(buf_slice(&b), cases[i].text);
    }
    buf_deinit(&b);
}

TEST(loki_number_reads_back_as_itself)
{
    struct random r;
    struct buf b;
    random_seed(&r, 20261121);
    buf_init(&b, NULL);
    for (int i = 0; i < 5000; i++) {
        union {
            uint64_t bits;
            double value;
        } v = {.bits = random_next(&r)};
        if (!isfinite(v.value))
            continue;
        buf_reset(&b);
        loki_put_number(&b, v.value);
        CHECK(!memchr(b.ptr, 'e', b.len));
        buf_put_u8(&b, 0);
        CHECK(strtod((const char *)b.ptr, NULL) == v.value);
    }
    buf_deinit(&b);
}

TEST(loki_stamp_is_float_seconds_cut_to_milliseconds)
{
    static const struct {
        int64_t ns;
        bole_slice text;
    } cases[] = {
        {1795210200 * NS_PER_S, S("1795210200")},
        {1795210200 * NS_PER_S + 500 * NS_PER_MS, S("1795210200.5")},
        {1568404331324 * NS_PER_MS, S("1568404331.324")},
        {1568404331020 * NS_PER_MS + 999999, S("1568404331.02")},
        {4 * NS_PER_S, S("4")},
        {0, S("0")},
        {-1500 * NS_PER_MS, S("-1.5")},
    };
    struct buf b;
    buf_init(&b, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_reset(&b);
        loki_put_stamp(&b, cases[i].ns);
        CHECK_EQ_SLICE(buf_slice(&b), cases[i].text);
    }
    buf_deinit(&b);
}

TEST(loki_labels_are_sorted_and_escaped_for_html)
{
    struct label labels[] = {{S("job"), S("a<b>&\"c\"")}, {S("app"), S("x\ny")}};
    struct bole_err err = {0};
    struct buf canonical, b;
    buf_init(&canonical, NULL);
    buf_init(&b, NULL);
    CHECK_OK(labels_encode(labels, 2, &canonical, &err), err);
    loki_put_labels(&b, buf_slice(&canonical));
    loki_put_labels(&b, (bole_slice){0});
    CHECK_EQ_SLICE(buf_slice(&b), S("{\"app\":\"x\\ny\",\"job\":\"a\\u003cb\\u003e\\u0026\\\"c\\\"\"}{}"));
    buf_deinit(&canonical);
    buf_deinit(&b);
}

TEST(loki_sample_is_a_number_and_a_text)
{
    struct buf b;
    buf_init(&b, NULL);
    loki_put_sample(&b, 4 * NS_PER_S, 2);
    CHECK_EQ_SLICE(buf_slice(&b), S("[4,\"2\"]"));
    buf_deinit(&b);
}

static bool contains(const struct buf *b, const char *needle)
{
    return memmem(b->ptr, b->len, needle, strlen(needle)) != NULL;
}

TEST(loki_stats_hold_what_user_interfaces_show)
{
    struct loki_stats stats = {.exec_ns = 500 * NS_PER_MS, .queue_ns = 2 * NS_PER_MS, .bytes_scanned = 1000, .lines_scanned = 10,
                               .lines_passed = 4, .entries_returned = 3, .parts_total = 5, .parts_pruned = 2};
    struct buf b;
    buf_init(&b, NULL);
    loki_put_stats(&b, &stats);
    CHECK(contains(&b, "{\"summary\":{\"bytesProcessedPerSecond\":2000,\"linesProcessedPerSecond\":20,"
                       "\"totalBytesProcessed\":1000,\"totalLinesProcessed\":10,\"execTime\":0.5,\"queueTime\":0.002,"));
    CHECK(contains(&b, "\"totalEntriesReturned\":3,"));
    CHECK(contains(&b, "\"totalPostFilterLines\":4,"));
    CHECK(contains(&b, "\"index\":{\"totalChunks\":5,\"postFilterChunks\":3,"));
    CHECK(contains(&b, "\"instantMetricResult\":{\"entriesFound\":0"));
    buf_deinit(&b);
}

TEST(loki_stats_without_time_have_no_speed)
{
    struct loki_stats stats = {.bytes_scanned = 1000};
    struct buf b;
    buf_init(&b, NULL);
    loki_put_stats(&b, &stats);
    CHECK(contains(&b, "\"bytesProcessedPerSecond\":0,"));
    CHECK(contains(&b, "\"execTime\":0,"));
    buf_deinit(&b);
}
