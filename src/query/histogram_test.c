/* histogram_test.c - counts per bucket and level; where an answer goes on; several tenants: on the mem store. */
#include <stdio.h>

#include "query/query_fixture.h"

/* "10:error=2 10:info=1 20:unknown=1" */
static struct buf counts_of(struct fixture *f, const char *text, struct query_request request, int64_t bucket_s, uint32_t buckets)
{
    struct buf b;
    struct query *q;
    struct bole_err err;
    struct arena arena;
    struct query_stats stats = {0};
    buf_init(&b, NULL);
    arena_init(&arena, &f->budget);
    request.store = f->store;
    request.tenant = S("t");
    request.budget = &f->budget;
    CHECK_OK(query_parse(bole_slice_str(text), NULL, &q, &err), err);
    struct query_histogram h = {.start_ns = 0, .bucket_ns = bucket_s * SEC, .bucket_count = buckets, .arena = &arena};
    if (query_histogram(q, &request, &h, &stats, &err) < 0)
        buf_printf(&b, "!%s", err.msg);
    for (uint32_t i = 0; i < h.bucket_count; i++)
        for (uint32_t l = 0; l < h.level_count; l++)
            if (h.counts[l][i])
                buf_printf(&b, "%s%lld:%.*s=%llu", b.len ? " " : "", (long long)(i * bucket_s), BOLE_SLICE_ARG(h.levels[l]),
                           (unsigned long long)h.counts[l][i]);
    query_destroy(q);
    arena_deinit(&arena);
    return b;
}

static void check_counts(struct fixture *f, const char *text, struct query_request request, const char *wanted)
{
    struct buf b = counts_of(f, text, request, 10, 10);
    CHECK_EQ_SLICE(buf_slice(&b), bole_slice_str(wanted));
    buf_deinit(&b);
}

TEST(histogram_counts_rows_per_bucket_and_level)
{
    struct fixture f;
    open_fixture(&f);
    static const struct test_row rows[] = {
        {0, "{a=\"1\"}", "{detected_level=\"info\"}", "x=1"},      {9.999, "{a=\"1\"}", "{detected_level=\"error\"}", "x=2"},
        {10, "{a=\"1\"}", NULL, "x=3"},                            {55, "{a=\"2\", detected_level=\"warn\"}", NULL, "{\"x\":4}"},
        {56, "{a=\"2\", detected_level=\"warn\"}", NULL, "x=5"}, {99.9, "{a=\"1\"}", NULL, "x=6"}, {100, "{a=\"1\"}", NULL, "x=7"},
    };
    insert(&f, rows, 7);
    check_counts(&f, "{a=~\".+\"}", LOGS(), "0:info=1 0:error=1 10:unknown=1 50:warn=2 90:unknown=1");
    check_counts(&f, "{a=~\".+\"} |= \"x=\"", LOGS(), "0:info=1 0:error=1 10:unknown=1 50:warn=1 90:unknown=1");
    check_counts(&f, "{a=~\".+\"} | logfmt | x > 2", LOGS(), "10:unknown=1 50:warn=1 90:unknown=1");
    /* A line that a parser cannot read is a row like others, not the end of the query. */
    check_counts(&f, "{a=\"2\"} | json", LOGS(), "50:warn=2");
    check_counts(&f, "{a=\"2\"} | json | __error__=\"\"", LOGS(), "50:warn=1");
    check_counts(&f, "{a=\"1\"}", LOGS(.start_ns = 1, .end_ns = 10 * SEC), "0:error=1");
    check_counts(&f, "{a=\"none\"}", LOGS(), "");
    check_counts(&f, "rate({a=\"1\"}[1m])", LOGS(), "!only the rows of a log query can be counted");
    close_fixture(&f);
}

TEST(histogram_counts_levels_beyond_the_most_as_other)
{
    struct fixture f;
    open_fixture(&f);
    char fields[40][40];
    struct test_row rows[40];
    for (int i = 0; i < 40; i++) {
        snprintf(fields[i], sizeof fields[i], "{detected_level=\"l%d\"}", i);
        rows[i] = (struct test_row){1, "{a=\"1\"}", fields[i], "x"};
    }
    insert(&f, rows, 40);
    struct buf b = counts_of(&f, "{a=\"1\"}", LOGS(), 10, 1);
    CHECK(memmem(b.ptr, b.len, "other=25", 8));
    buf_deinit(&b);
    close_fixture(&f);
}

TEST(an_answer_goes_on_behind_a_row_in_both_directions)
{
    struct fixture f;
    open_fixture(&f);
    static const struct test_row rows[] = {
        {10, "{a=\"1\"}", NULL, "one"}, {20, "{a=\"1\"}", NULL, "two"}, {20, "{a=\"1\"}", NULL, "three"}, {30, "{a=\"1\"}", NULL, "four"},
    };
    insert(&f, rows, 4);
    uint64_t seq = seq_make(f.lsn, 1); /* of "two" */
    struct query_place two = {20 * SEC, seq};
    expect(&f, "{a=\"1\"}", LOGS(.after = &two), "{a=\"1\"} 20:\"three\" 30:\"four\"\n");
    expect(&f, "{a=\"1\"}", LOGS(.after = &two, .direction = BACKWARD), "{a=\"1\"} 10:\"one\"\n");
    expect(&f, "{a=\"1\"}", LOGS(.after = &two, .limit = 1), "{a=\"1\"} 20:\"three\"\n");
    expect(&f, "{a=\"1\"}", LOGS(.after = &two, .interval_ns = 5 * SEC), "{a=\"1\"} 20:\"three\" 30:\"four\"\n");
    close_fixture(&f);
}

TEST(rows_of_exactly_one_stream)
{
    struct fixture f;
    open_fixture(&f);
    static const struct test_row rows[] = {
        {10, "{a=\"1\"}", NULL, "one"}, {20, "{a=\"1\", b=\"2\"}", NULL, "two"},
    };
    insert(&f, rows, 2);
    struct label labels[] = {{S("a"), S("1")}};
    struct bole_err err;
    struct buf stream;
    buf_init(&stream, NULL);
    CHECK_OK(labels_encode(labels, 1, &stream, &err), err);
    expect(&f, "{a=\"1\"}", LOGS(.stream = buf_slice(&stream)), "{a=\"1\"} 10:\"one\"\n");
    buf_deinit(&stream);
    close_fixture(&f);
}
