/* query_test.c - execution on the mem store: rows, a query, the answer as text. */
#include <stdio.h>

#include "base/random.h"
#include "query/query_fixture.h"

/* ---- log queries ---- */

TEST(log_query_selects_streams_times_and_order)
{
    struct fixture f;
    open_fixture(&f);
    static const struct test_row rows[] = {
        {10, "{a=\"1\"}", NULL, "one"}, {30, "{a=\"1\"}", NULL, "three"}, {20, "{a=\"2\", b=\"x\"}", NULL, "two"},
        {40, "{c=\"1\"}", NULL, "four"},
    };
    insert(&f, rows, 4);
    expect(&f, "{a=\"1\"}", LOGS(), "{a=\"1\"} 10:\"one\" 30:\"three\"\n");
    expect(&f, "{a=~\".+\"}", LOGS(.direction = BACKWARD),
           "{a=\"1\"} 30:\"three\" 10:\"one\"\n{a=\"2\", b=\"x\"} 20:\"two\"\n");
    expect(&f, "{a=~\"1|2\", b!=\"x\"}", LOGS(), "{a=\"1\"} 10:\"one\" 30:\"three\"\n");
    expect(&f, "{a=~\"1|2\", b=\"\"}", LOGS(), "{a=\"1\"} 10:\"one\" 30:\"three\"\n");
    expect(&f, "{a=~\".+\"}", LOGS(.limit = 1, .direction = BACKWARD), "{a=\"1\"} 30:\"three\"\n");
    expect(&f, "{a=~\".+\"}", LOGS(.limit = 2), "{a=\"1\"} 10:\"one\"\n{a=\"2\", b=\"x\"} 20:\"two\"\n");
    expect(&f, "{a=~\".+\"}", LOGS(.start_ns = 10 * SEC, .end_ns = 20 * SEC),
           "{a=\"1\"} 10:\"one\"\n"); /* start in, end out */
    expect(&f, "{nosuch=\"1\"}", LOGS(), "");
    expect(&f, "{a=\"1\"}", LOGS(.limit = 0), "!limit must be a positive value\n");
    expect(&f, "{a=\"1\"}", LOGS(.limit = 2000000),
           "!max entries limit per query exceeded, limit > max_entries_limit_per_query (2000000 > 1000000)\n");
    expect(&f, "{a=\"1\"}", LOGS(.start_ns = 5, .end_ns = 4),
           "!end timestamp must not be before or equal to start time\n");
    close_fixture(&f);
}

TEST(log_query_interval_thins_across_streams_in_the_asked_direction)
{
    struct fixture f;
    open_fixture(&f);
    static const struct test_row rows[] = {
        {10, "{a=\"1\"}", NULL, "10"}, {12, "{a=\"2\"}", NULL, "12"}, {15, "{a=\"1\"}", NULL, "15"},
        {19, "{a=\"2\"}", NULL, "19"}, {20, "{a=\"1\"}", NULL, "20"},
    };
    insert(&f, rows, 5);
    expect(&f, "{a=~\".+\"}", LOGS(.interval_ns = 5 * SEC), "{a=\"1\"} 10:\"10\" 15:\"15\" 20:\"20\"\n");
    expect(&f, "{a=~\".+\"}", LOGS(.interval_ns = 5 * SEC, .direction = BACKWARD),
           "{a=\"1\"} 20:\"20\" 15:\"15\" 10:\"10\"\n");
    expect(&f, "{a=~\".+\"} != \"20\"", LOGS(.interval_ns = 5 * SEC, .direction = BACKWARD),
           "{a=\"2\"} 19:\"19\" 12:\"12\"\n");
    expect(&f, "{a=~\".+\"}", LOGS(.interval_ns = 5 * SEC, .limit = 2), "{a=\"1\"} 10:\"10\" 15:\"15\"\n");
    close_fixture(&f);
}

TEST(log_query_keeps_the_best_of_many_rows_in_any_order)
{
    struct fixture f;
    struct random random;
    open_fixture(&f);
    random_seed(&random, 7);
    struct test_row rows[500];
    char lines[500][8];
    for (int i = 0; i < 500; i++) {
        snprintf(lines[i], sizeof lines[i], "%d", i);
        rows[i] = (struct test_row){i, i % 2 ? "{a=\"1\"}" : "{a=\"2\"}", NULL, lines[i]};
    }
    for (int i = 499; i > 0; i--) {
        size_t k = random_below(&random, (uint64_t)i + 1);
        struct test_row swap = rows[i];
        rows[i] = rows[k];
        rows[k] = swap;
    }
    for (int i = 0; i < 500; i += 50)
        insert(&f, rows + i, 50);
    expect(&f, "{a=~\".+\"}", LOGS(.limit = 5, .direction = BACKWARD),
           "{a=\"1\"} 499:\"499\" 497:\"497\" 495:\"495\"\n{a=\"2\"} 498:\"498\" 496:\"496\"\n");
    expect(&f, "{a=~\".+\"}", LOGS(.limit = 3), "{a=\"1\"} 1:\"1\"\n{a=\"2\"} 0:\"0\" 2:\"2\"\n");
    expect(&f, "{a=\"1\"} |= \"33\"", LOGS(.limit = 3), "{a=\"1\"} 33:\"33\" 133:\"133\" 233:\"233\"\n");
    close_fixture(&f);
}

/* ---- metric queries ---- */

static const struct test_row metric_rows[] = {
    {10, "{app=\"a\", host=\"1\"}", NULL, "v=1 d=1s s=1KB"}, {20, "{app=\"a\", host=\"1\"}", NULL, "v=3 d=3s s=2KB"},
    {30, "{app=\"a\", host=\"1\"}", NULL, "v=2 d=2s s=3KB"},
    {20, "{app=\"a\", host=\"2\"}", NULL, "v=10"}, {30, "{app=\"b\", host=\"1\"}", NULL, "v=5"},
};

static void open_metrics(struct fixture *f)
{
    open_fixture(f);
    insert(f, metric_rows, sizeof metric_rows / sizeof metric_rows[0]);
}

TEST(windows_are_open_below_and_closed_above)
{
    struct fixture f;
    open_metrics(&f);
    const char *q = "count_over_time({app=\"a\", host=\"1\"}[10s])";
    expect(&f, q, AT(20), "{app=\"a\", host=\"1\"} 1\n");
    expect(&f, q, AT(19), "{app=\"a\", host=\"1\"} 1\n");
    expect(&f, q, AT(9), "");
    expect(&f, q, RANGE(10, 40, 10), "{app=\"a\", host=\"1\"} 10:1 20:1 30:1\n"); /* no sample: no point */
    expect(&f, "count_over_time({app=\"a\", host=\"1\"}[20s])", RANGE(5, 65, 10),
           "{app=\"a\", host=\"1\"} 15:1 25:2 35:2 45:1\n");
    /* gaps between windows */
    expect(&f, "count_over_time({app=\"a\", host=\"1\"}[5s])", RANGE(0, 60, 15), "{app=\"a\", host=\"1\"} 30:1\n");
    expect(&f, "count_over_time({app=\"a\", host=\"1\"}[10s] offset 10s)", AT(20), "{app=\"a\", host=\"1\"} 1\n");
    expect(&f, "count_over_time({app=\"a\", host=\"1\"}[10s] offset -10s)", AT(20), "{app=\"a\", host=\"1\"} 1\n");
    expect(&f, "count_over_time({app=\"a\", host=\"1\"}[1s] offset -10s)", AT(0), "{app=\"a\", host=\"1\"} 1\n");
    expect(&f, "rate({app=\"a\", host=\"1\"}[20s])", AT(30), "{app=\"a\", host=\"1\"} 0.1\n");
    expect(&f, "rate({app=\"a\", host=\"1\"}[500ms])", AT(30), "{app=\"a\", host=\"1\"} 2\n");
    expect(&f, "bytes_over_time({app=\"a\", host=\"2\"}[30s])", AT(30), "{app=\"a\", host=\"2\"} 4\n");
    expect(&f, "bytes_rate({app=\"a\", host=\"2\"}[20s])", AT(30), "{app=\"a\", host=\"2\"} 0.2\n");
    expect(&f, "bytes_over_time({app=\"a\", host=\"2\"} | line_format \"\" [30s])", AT(30),
           "{app=\"a\", host=\"2\"} 0\n");
    expect(&f, "sum(count_over_time({app=\"a\"}[20s]))", RANGE(10, 50, 10), "{} 10:1 20:3 30:3 40:1\n");
    expect(&f, "sum by (app) (count_over_time({app=~\".+\"}[20s]))", RANGE(10, 50, 20),
           "{app=\"a\"} 10:1 30:3\n{app=\"b\"} 30:1\n");
    close_fixture(&f);
}

TEST(unwrap_functions)
{
    struct fixture f;
    open_metrics(&f);
    static const struct { const char *query, *wanted; } cases[] = {
        {"sum_over_time({app=\"a\", host=\"1\"} | logfmt | unwrap v | d!=\"\" [1m]) ",
         "{app=\"a\", d=\"1s\", host=\"1\", s=\"1KB\"} 1\n{app=\"a\", d=\"2s\", host=\"1\", s=\"3KB\"} 2\n{app=\"a\", "
         "d=\"3s\", host=\"1\", s=\"2KB\"} 3\n"},
        {"sum(sum_over_time({app=\"a\"} | logfmt | unwrap v [1m]))", "{} 16\n"},
        {"sum by (host) (sum_over_time({app=\"a\"} | logfmt | unwrap v [1m]))", "{host=\"1\"} 6\n{host=\"2\"} 10\n"},
        {"avg_over_time({app=\"a\"} | logfmt | unwrap v [1m]) by (app)", "{app=\"a\"} 4\n"},
        {"max_over_time({app=\"a\"} | logfmt | unwrap v [1m]) by (host)", "{host=\"1\"} 3\n{host=\"2\"} 10\n"},
        {"min_over_time({app=\"a\"} | logfmt | unwrap v [1m]) without (host, d, s)", "{app=\"a\"} 1\n"},
        {"first_over_time({app=\"a\", host=\"1\"} | logfmt | unwrap v [1m]) by (app)", "{app=\"a\"} 1\n"},
        {"last_over_time({app=\"a\", host=\"1\"} | logfmt | unwrap v [1m]) by (app)", "{app=\"a\"} 2\n"},
        {"stdvar_over_time({app=\"a\", host=\"1\"} | logfmt | unwrap v [1m]) by (app)",
         "{app=\"a\"} 0.6666666666666666\n"},
        {"quantile_over_time(0.5, {app=\"a\"} | logfmt | unwrap v [1m]) by (app)", "{app=\"a\"} 2.5\n"},
        {"quantile_over_time(1.5, {app=\"a\"} | logfmt | unwrap v [1m]) by (app)", "{app=\"a\"} +Inf\n"},
        {"sum(rate({app=\"a\"} | logfmt | unwrap v [10s]))", "!"},
        {"sum(sum_over_time({app=\"a\"} | logfmt | unwrap duration(d) [1m]))", "{} 6\n"},
        {"sum(sum_over_time({app=\"a\"} | logfmt | unwrap bytes(s) [1m]))", "{} 6000\n"},
        {"sum(sum_over_time({app=\"a\"} | logfmt | unwrap v | v > 2 [1m]))", "{} 13\n"},
        {"sum(sum_over_time({app=\"a\"} | logfmt | unwrap nosuch [1m]))", ""},
        {"sum(sum_over_time({app=\"a\", host=\"2\"} | logfmt | unwrap d [1m]))", ""},
        {"max(rate_counter({app=\"b\"} | logfmt | unwrap v [1m]))", "{} 0\n"},
        {"sum(sum_over_time({app=\"a\"} | logfmt | unwrap d | __error__=\"\" [1m]))", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (cases[i].wanted[0] != '!')
            expect(&f, cases[i].query, AT(60), cases[i].wanted);
    expect(&f, "sum(rate({app=\"a\"} | logfmt | unwrap v [20s]))", AT(30), "{} 0.75\n");
    expect(&f, "max(max_over_time({app=\"a\"} | logfmt | unwrap v [20s])) ", RANGE(10, 50, 20), "{} 10:1 30:10\n");
    close_fixture(&f);
}

/* As in Loki: what looks like extrapolation to the start of the window is so many microseconds. */
TEST(rate_counter_adds_resets)
{
    struct fixture f;
    open_fixture(&f);
    static const struct test_row rows[] = {
        {10, "{a=\"1\"}", NULL, "v=100"}, {20, "{a=\"1\"}", NULL, "v=110"}, {30, "{a=\"1\"}", NULL, "v=10"},
        {40, "{a=\"1\"}", NULL, "v=20"},
        {10, "{a=\"2\"}", NULL, "v=1"}, {20, "{a=\"2\"}", NULL, "v=11"}, {35, "{a=\"3\"}", NULL, "v=7"},
    };
    insert(&f, rows, 7);
    /* Increase 10 + 10 + 10 over 30 s, in a window of 40 s. */
    expect(&f, "rate_counter({a=\"1\"} | logfmt | unwrap v [40s])", AT(45), "{a=\"1\"} 0.7500009999999999\n");
    expect(&f, "rate_counter({a=\"2\"} | logfmt | unwrap v [1m])", AT(60), "{a=\"2\"} 0.16666766666666666\n");
    expect(&f, "rate_counter({a=\"3\"} | logfmt | unwrap v [1m])", AT(60), "{a=\"3\"} 0\n");
    close_fixture(&f);
}

TEST(pipeline_errors_refuse_a_metric_query_unless_filtered)
{
    struct fixture f;
    open_fixture(&f);
    static const struct test_row rows[] = {{1, "{app=\"a\"}", NULL, "{\"v\":1}"}, {2, "{app=\"a\"}", NULL, "broken"},
                                           {3, "{app=\"a\"}", NULL, "{\"v\":\"x\"}"}};
    insert(&f, rows, 3);
#define JSON_DETAILS "Value looks like object, but can't find closing '}' symbol"
    static const struct { const char *query, *wanted; } cases[] = {
        {"sum(count_over_time({app=\"a\"} | json [1m]))", "{} 3\n"}, /* never parsed */
        {"sum by (app) (count_over_time({app=\"a\"} | json | __error__=\"\" [1m]))", "{app=\"a\"} 2\n"},
        {"sum by (__error__) (count_over_time({app=\"a\"} | json [1m]))", "{} 2\n{__error__=\"JSONParserErr\"} 1\n"},
        {"sum(count_over_time({app=\"a\"} | json | __error__!=\"\" [1m]))", "{} 1\n"},
        {"sum(sum_over_time({app=\"a\"} | json | unwrap v | __error__=\"\" [1m]))", "{} 1\n"},
        /* skipped where only lines count */
        {"sum(count_over_time({app=\"a\"} | line_format `{{ div 1 0 }}` [1m]))", "{} 3\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect(&f, cases[i].query, AT(60), cases[i].wanted);
    static const struct { const char *query, *begin; } refused[] = {
        {"sum by (app) (count_over_time({app=\"a\"} | json [1m]))",
         "!pipeline error: 'JSONParserErr' for series: '{__error__=\"JSONParserErr\", "},
        {"sum(sum_over_time({app=\"a\"} | json | unwrap v [1m]))", "!pipeline error: '"},
        {"sum by (__error__) (sum_over_time({app=\"a\"} |= \"x\" | json | unwrap v [1m]))",
         "!pipeline error: 'SampleExtractionErr' for series: "},
        {"bytes_over_time({app=\"a\"} | line_format `{{ div 1 0 }}` [1m])",
         "!pipeline error: 'TemplateFormatErr' for series: "},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct buf b = answer(&f, refused[i].query, AT(60));
        if (!bole_slice_starts(buf_slice(&b), bole_slice_str(refused[i].begin)))
            print_error("%s: %.*s\n", refused[i].query, (int)b.len, (const char *)b.ptr);
        CHECK(bole_slice_starts(buf_slice(&b), bole_slice_str(refused[i].begin)));
        buf_deinit(&b);
    }
    close_fixture(&f);
}

TEST(aggregations_over_series)
{
    struct fixture f;
    open_metrics(&f);
    static const struct { const char *query, *wanted; } cases[] = {
        {"min by (app) (count_over_time({app=~\".+\"}[1m]))", "{app=\"a\"} 1\n{app=\"b\"} 1\n"},
        {"max without (host) (count_over_time({app=~\".+\"}[1m]))", "{app=\"a\"} 3\n{app=\"b\"} 1\n"},
        {"avg(count_over_time({app=~\".+\"}[1m]))", "{} 1.6666666666666667\n"},
        {"count(count_over_time({app=~\".+\"}[1m]))", "{} 3\n"},
        {"stdvar(count_over_time({app=\"a\"}[1m]))", "{} 1\n"}, {"stddev(count_over_time({app=\"a\"}[1m]))", "{} 1\n"},
        {"topk(1, count_over_time({app=~\".+\"}[1m]))", "{app=\"a\", host=\"1\"} 3\n"},
        {"bottomk(2, count_over_time({app=~\".+\"}[1m]))", "{app=\"a\", host=\"2\"} 1\n{app=\"b\", host=\"1\"} 1\n"},
        {"topk by (app) (1, count_over_time({app=~\".+\"}[1m]))",
         "{app=\"a\", host=\"1\"} 3\n{app=\"b\", host=\"1\"} 1\n"},
         {"approx_topk(1, count_over_time({app=~\".+\"}[1m]))", "{app=\"a\", host=\"1\"} 3\n"},
        {"sort_desc(count_over_time({app=~\".+\"}[1m]))",
         "{app=\"a\", host=\"1\"} 3\n{app=\"a\", host=\"2\"} 1\n{app=\"b\", host=\"1\"} 1\n"},
        {"sort(count_over_time({app=~\".+\"}[1m]))",
         "{app=\"a\", host=\"2\"} 1\n{app=\"b\", host=\"1\"} 1\n{app=\"a\", host=\"1\"} 3\n"},
        {"sum by (nothing) (count_over_time({app=~\".+\"}[1m]))", "{} 5\n"},
        {"sum by () (count_over_time({app=~\".+\"}[1m]))", "{} 5\n"},
        {"sum without () (count_over_time({app=\"b\"}[1m]))", "{app=\"b\", host=\"1\"} 1\n"},
        {"sum(count_over_time({app=\"zzz\"}[1m]))", ""},
        {"sum(count_over_time({app=\"zzz\"}[1m])) or vector(0)", "{} 0\n"},
        {"absent_over_time({app=\"zzz\", host=\"1\", x=~\".*\"}[1m])", "{app=\"zzz\", host=\"1\"} 1\n"},
        {"absent_over_time({app=\"a\"}[1m])", ""},
        {"absent_over_time({app=\"a\"} | logfmt | unwrap nosuch [1m])", "{app=\"a\"} 1\n"},
        {"label_replace(count_over_time({app=\"b\"}[1m]), \"n\", \"<$1>\", \"app\", \"(.*)\")",
         "{app=\"b\", host=\"1\", n=\"<b>\"} 1\n"},
         {"label_replace(count_over_time({app=\"b\"}[1m]), \"host\", \"\", \"nosuch\", \".*\")", "{app=\"b\"} 1\n"},
        {"label_replace(count_over_time({app=\"b\"}[1m]), \"n\", \"x\", \"app\", \"zz\")",
         "{app=\"b\", host=\"1\"} 1\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect(&f, cases[i].query, AT(60), cases[i].wanted);
    expect(&f, "approx_topk(1, count_over_time({app=\"a\"}[1m]))", RANGE(0, 60, 30),
           "!count min sketches are only supported on instant queries\n");
    expect(&f, "topk(1, count_over_time({app=~\"a|b\", host=\"1\"}[10s]))", RANGE(20, 30, 10),
           "{app=\"a\", host=\"1\"} 20:1 30:1\n");
    close_fixture(&f);
}

TEST(binary_operators)
{
    struct fixture f;
    open_metrics(&f);
    static const struct { const char *query, *wanted; } cases[] = {
        {"1 + 2 * 3", "scalar 7\n"},
        {"1 / 0", "scalar NaN\n"},
        {"-1 % 0", "scalar NaN\n"},
        {"-2 ^ 2", "scalar 4\n"},
        {"2 ^ 3 ^ 2", "scalar 512\n"},
        {"2 > 1", "scalar 1\n"},
        {"1 > bool 2", "scalar 0\n"},
        {"vector(1) + vector(1)", "{} 2\n"},
        {"vector(1) / 0", "{} NaN\n"},
        {"7 % vector(4)", "{} 3\n"},
        {"vector(3) > 2", "{} 3\n"},
        {"2 < vector(3)", "{} 3\n"},
        {"vector(3) < 2", ""},
        {"vector(3) < bool 2", "{} 0\n"},
        {"count_over_time({app=\"a\"}[1m]) > 1", "{app=\"a\", host=\"1\"} 3\n"},
        {"count_over_time({app=\"a\"}[1m]) * 2", "{app=\"a\", host=\"1\"} 6\n{app=\"a\", host=\"2\"} 2\n"},
        {"count_over_time({app=\"a\"}[1m]) / on (host) count_over_time({app=\"b\"}[1m])", "{host=\"1\"} 3\n"},
        {"count_over_time({app=\"a\"}[1m]) / ignoring (app) count_over_time({app=\"b\"}[1m])", "{host=\"1\"} 3\n"},
        {"count_over_time({app=\"a\"}[1m]) > on (host) count_over_time({app=\"b\"}[1m])", "{host=\"1\"} 3\n"},
        {"count_over_time({app=\"a\"}[1m]) and on (host) count_over_time({app=\"b\"}[1m])",
         "{app=\"a\", host=\"1\"} 3\n"},
        {"count_over_time({app=\"a\"}[1m]) unless on (host) count_over_time({app=\"b\"}[1m])",
         "{app=\"a\", host=\"2\"} 1\n"},
        {"count_over_time({app=\"b\"}[1m]) or count_over_time({app=\"a\", host=\"2\"}[1m])",
         "{app=\"a\", host=\"2\"} 1\n{app=\"b\", host=\"1\"} 1\n"},
        {"count_over_time({app=\"a\"}[1m]) / on (app) count_over_time({app=\"a\", host=\"2\"}[1m])",
         "!multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)\n"},
        {"count_over_time({app=\"a\", host=\"2\"}[1m]) / on (app) count_over_time({app=\"a\"}[1m])",
         "!found duplicate series on the right hand-side;many-to-many matching not allowed: matching labels must be "
         "unique on one side\n"},
        {"count_over_time({app=\"a\"}[1m]) / on (app) group_left () sum by (app) (count_over_time({app=\"a\"}[1m]))",
         "{app=\"a\", host=\"1\"} 0.75\n{app=\"a\", host=\"2\"} 0.25\n"},
        {"sum by (app) (count_over_time({app=\"a\"}[1m])) / on (app) group_right () count_over_time({app=\"a\"}[1m])",
         "{app=\"a\", host=\"1\"} 1.3333333333333333\n{app=\"a\", host=\"2\"} 4\n"},
        {"sum by (app) (count_over_time({app=\"a\"}[1m])) > on (app) group_right () count_over_time({app=\"a\"}[1m])",
         "{app=\"a\", host=\"1\"} 4\n{app=\"a\", host=\"2\"} 4\n"},
        {"count_over_time({app=\"a\", host=\"1\"}[1m]) * on (app) group_left (host) sum by (app) "
         "(count_over_time({app=\"a\"}[1m]))",
         "{app=\"a\"} 12\n"},
        {"count_over_time({app=\"a\"}[1m]) * on (app) group_left (host) sum by (app) "
         "(count_over_time({app=\"a\"}[1m]))",
         "!multiple matches for labels: grouping labels must ensure unique matches\n"},
        {"sum(vector(1) / vector(0)) ^ 0", "{} 1\n"},
        {"vector(1) / vector(0) != 1", "{} NaN\n"},
        {"vector(1) / vector(0) == 1", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect(&f, cases[i].query, AT(60), cases[i].wanted);
    expect(&f, "1", RANGE(0, 20, 10), "{} 0:1 10:1 20:1\n");
    expect(&f, "vector(2)", RANGE(0, 20, 10), "{} 0:2 10:2 20:2\n");
    /* one series */
    expect(&f, "sum(count_over_time({app=\"b\"}[10s])) or vector(0)", RANGE(20, 40, 10), "{} 20:0 30:1 40:0\n");
    close_fixture(&f);
}

TEST(limits_are_errors_and_never_the_end)
{
    struct fixture f;
    open_fixture(&f);
    char line[2001], labels[500][40];
    struct test_row rows[500];
    memset(line, 'x', 2000);
    line[2000] = 0;
    for (int i = 0; i < 500; i++) {
        snprintf(labels[i], sizeof labels[i], "{a=\"1\", n=\"%d\"}", i);
        rows[i] = (struct test_row){i, labels[i], NULL, line};
    }
    for (int i = 0; i < 500; i += 100)
        insert(&f, rows + i, 100);
    /* out of memory at every depth, and nothing leaks */
    for (size_t limit = 1000; limit < 3000000; limit = limit * 5 / 3) {
        budget_init(&f.budget, NULL, limit);
        struct buf b = answer(&f, "{a=\"1\"} |= \"xx\" | json", LOGS(.limit = 1000));
        CHECK(b.len > 0);
        buf_deinit(&b);
        b = answer(&f, "sum by (n) (count_over_time({a=\"1\"} |= \"x\" [10s])) / on (n) rate({a=\"1\"}[20s])",
                   RANGE(0, 500, 1));
        CHECK(b.len > 0);
        buf_deinit(&b);
        CHECK_EQ_U64(f.budget.used_bytes, 0);
    }
    budget_init(&f.budget, NULL, 1u << 20);
    expect(&f, "{a=\"1\"}", LOGS(.limit = 1000),
           "!the query needs more than its memory limit of 1 MB: narrow the time range or the selector, "
           "ask for fewer lines, aggregate by fewer labels, or raise the server's --memory-limit (a query may have a "
           "quarter of it)\n");
    expect(&f, "vector(1)", RANGE(0, 12000, 1),
           "!exceeded maximum resolution of 11000 points per time series. Try increasing the value of the step "
           "parameter\n");
    close_fixture(&f);
}

/* Lines of 100 bytes with two labels and two fields: those are held once, or this limit would be passed twice over. */
TEST(an_answer_costs_little_more_than_its_lines)
{
    enum { ROWS = 20000, PART = 1000, LINE = 100, OTHER = 1 << 20 };
    struct fixture f;
    open_fixture(&f);
    static struct test_row rows[PART];
    static char lines[PART][LINE + 1];
    for (int i = 0; i < ROWS; i += PART) {
        for (int k = 0; k < PART; k++) {
            snprintf(lines[k], sizeof lines[k], "%0*d", LINE, i + k);
            rows[k] = (struct test_row){
                (i + k) / 100.0, k % 3 ? "{app=\"checkout\", env=\"production\"}" : "{app=\"web\", env=\"production\"}",
                k % 2 ? "{level=\"info\", zone=\"a\"}" : "{level=\"warn\", zone=\"a\"}", lines[k]};
        }
        insert(&f, rows, PART);
    }
    for (int categorize = 0; categorize < 2; categorize++) {
        struct query *q;
        struct query_result *r;
        struct bole_err err = {0};
        struct query_request request = LOGS(.limit = ROWS, .categorize = categorize);
        budget_init(&f.budget, NULL, ROWS * (LINE + 100) + OTHER);
        request.store = f.store;
        request.tenant = S("t");
        request.budget = &f.budget;
        CHECK_OK(query_parse(S("{env=\"production\"}"), NULL, &q, &err), err);
        CHECK_OK(query_exec(q, &request, &r, &err), err);
        CHECK_EQ_U64(r->stream_count, categorize ? 2 : 4);
        size_t count = 0;
        for (size_t i = 0; i < r->stream_count; i++)
            for (size_t k = 0; k < r->streams[i].entry_count; k++, count++)
                CHECK(k == 0 || r->streams[i].entries[k - 1].time_ns < r->streams[i].entries[k].time_ns);
        CHECK_EQ_U64(count, ROWS);
        query_result_destroy(r);
        query_destroy(q);
    }
    close_fixture(&f);
}

TEST(extreme_times_do_not_overflow)
{
    struct fixture f;
    open_metrics(&f);
    static const char *const queries[] = {
        "count_over_time({app=\"a\"}[290y])", "sum(count_over_time({app=\"a\"}[290y] offset 290y))",
        "sum(count_over_time({app=\"a\"}[1ms] offset -2540000h))",
        "sum(sum_over_time({app=\"a\"} | logfmt | unwrap v [290y]))",
        "rate_counter({app=\"a\"} | logfmt | unwrap v [290y])",
    };
    static const int64_t times[][3] = {{INT64_MIN, INT64_MIN, 0}, {INT64_MAX, INT64_MAX, 0},
                                       {0, INT64_MAX, INT64_MAX / 7}, {INT64_MIN, INT64_MAX, INT64_MAX / 50},
                                       {INT64_MIN, -1, INT64_MAX / 3}, {INT64_MAX - 5, INT64_MAX, 1}};
    for (size_t q = 0; q < sizeof queries / sizeof queries[0]; q++)
        for (size_t t = 0; t < sizeof times / sizeof times[0]; t++) {
            struct buf b = answer(&f, queries[q], (struct query_request){.start_ns = times[t][0], .end_ns = times[t][1],
                                                                         .step_ns = times[t][2]});
            CHECK(b.len == 0 || b.ptr[0] != '!');
            buf_deinit(&b);
        }
    for (size_t t = 0; t < sizeof times / sizeof times[0]; t++) {
        struct buf b =
            answer(&f, "{app=\"a\"}", LOGS(.start_ns = times[t][0], .end_ns = times[t][1], .interval_ns = times[t][2]));
        CHECK(b.len == 0 || b.ptr[0] != '!');
        buf_deinit(&b);
    }
    close_fixture(&f);
}

static bool always(void *ctx)
{
    ++*(int *)ctx;
    return true;
}

TEST(a_cancelled_query_says_so)
{
    struct fixture f;
    int calls = 0;
    open_metrics(&f);
    expect(&f, "{app=\"a\"}", LOGS(.cancelled = always, .cancelled_ctx = &calls), "!the query was cancelled\n");
    expect(&f, "rate({app=\"a\"} |= \"v\" [1m])",
           (struct query_request){.end_ns = 60 * SEC, .cancelled = always, .cancelled_ctx = &calls},
           "!the query was cancelled\n");
    CHECK(calls > 1);
    close_fixture(&f);
}

static bool never(void *ctx)
{
    ++*(int *)ctx;
    return false;
}

/* They come in one vector, which is asked about once. */
TEST(rows_that_are_much_work_are_asked_about_one_by_one)
{
    struct fixture f;
    struct test_row rows[50];
    int calls = 0, cheap_calls = 0;
    open_fixture(&f);
    for (int i = 0; i < 50; i++)
        rows[i] = (struct test_row){i, "{app=\"a\"}", NULL, "line"};
    insert(&f, rows, 50);
    struct buf b = answer(&f, "{app=\"a\"} | line_format `{{ repeat 1000000 \"a\" | len }}`",
                          LOGS(.cancelled = never, .cancelled_ctx = &calls));
    buf_deinit(&b);
    b = answer(&f, "{app=\"a\"} | line_format `{{ repeat 1 \"a\" | len }}`",
               LOGS(.cancelled = never, .cancelled_ctx = &cheap_calls));
    buf_deinit(&b);
    CHECK(calls >= 50);
    CHECK(cheap_calls < 50);
    close_fixture(&f);
}

/* ---- tail ---- */

struct tail_log {
    struct buf text;
    bole_status status;
};

static bole_status tail_entry(const struct query_entry *e, void *ctx)
{
    struct tail_log *log = ctx;
    buf_printf(&log->text, "%lld/%u ", (long long)(e->time_ns / SEC), seq_row(e->seq));
    buf_put(&log->text, e->line);
    print_row_labels(&log->text, e->labels, e->label_count, true);
    buf_put_str(&log->text, "\n");
    return log->status;
}

TEST(tail_shows_matching_rows_of_a_batch)
{
    struct query *q = NULL;
    struct query_tail *t = NULL;
    struct bole_err err = {0};
    struct tail_log log = {0};
    buf_init(&log.text, NULL);
    static const struct test_row rows[] = {
        {1, "{a=\"1\"}", "{m=\"f\"}", "x=1"}, {2, "{a=\"2\"}", NULL, "x=1"}, {3, "{a=\"1\"}", NULL, "x=2"},
        {4, "{a=\"1\"}", NULL, "x=1 y=2"},
    };
    struct batch *batch = make_batch(rows, 4);
    CHECK_OK(query_parse(S("{a=\"1\"} | logfmt | x=1"), NULL, &q, &err), err);
    CHECK_OK(query_tail_create(q, S("t"), NULL, &t, &err), err);
    CHECK_OK(query_tail_batch(t, 7, 100, batch, tail_entry, &log, &err), err);
    CHECK_EQ_SLICE(buf_slice(&log.text),
                   S("1/100 x=1{s:a=\"1\", m:m=\"f\", p:x=\"1\"}\n4/103 x=1 y=2{s:a=\"1\", p:x=\"1\", p:y=\"2\"}\n"));
    log.status = BOLE_AGAIN;
    buf_reset(&log.text);
    CHECK_EQ_STATUS(query_tail_batch(t, 7, 0, batch, tail_entry, &log, &err), BOLE_AGAIN);
    query_tail_destroy(t);
    CHECK_OK(query_tail_create(q, S("other"), NULL, &t, &err), err); /* another tenant sees nothing */
    buf_reset(&log.text);
    CHECK_OK(query_tail_batch(t, 7, 0, batch, tail_entry, &log, &err), err);
    CHECK_EQ_U64(log.text.len, 0);
    query_tail_destroy(t);
    query_destroy(q);
    CHECK_OK(query_parse(S("rate({a=\"1\"}[1m])"), NULL, &q, &err), err);
    CHECK_EQ_STATUS(query_tail_create(q, S("t"), NULL, &t, &err), BOLE_E_INVALID);
    query_destroy(q);
    batch_unref(batch);
    buf_deinit(&log.text);
}

/* ---- another store, the same answers ---- */

static struct batch *random_batch(struct random *random, int64_t *now_ns)
{
    static const char *const lines[] = {"error code=5", "{\"level\":\"info\",\"n\":1}",
                                        "{\"level\":\"warn\",\"n\":\"2\"}", "k=v n=3 error", "plain", "{\"torn\":"};
    static const char *const labels[] = {"{a=\"1\", b=\"x\"}", "{a=\"1\", b=\"y\"}", "{a=\"2\"}",
                                         "{a=\"3\", level=\"debug\"}"};
    static const char *const fields[] = {NULL, "{level=\"error\"}", "{trace=\"t1\", level=\"info\"}", "{a=\"9\"}"};
    struct test_row rows[40];
    for (int i = 0; i < 40; i++) {
        *now_ns += (int64_t)random_below(random, 2 * SEC);
        rows[i] = (struct test_row){(double)*now_ns / 1e9 - (double)random_below(random, 30),
                                    labels[random_below(random, 4)],
                                    fields[random_below(random, 4)], lines[random_below(random, 6)]};
    }
    return make_batch(rows, 40);
}

TEST(windows_are_those_of_the_naive_count)
{
    struct fixture f;
    struct random random;
    int64_t times[200];
    open_fixture(&f);
    random_seed(&random, 99);
    for (int i = 0; i < 200; i += 40) {
        struct test_row rows[40];
        for (int k = 0; k < 40; k++) {
            times[i + k] = (int64_t)random_below(&random, 100) * SEC;
            rows[k] = (struct test_row){(double)times[i + k] / 1e9, "{a=\"1\"}", NULL, "x=2"};
        }
        insert(&f, rows, 40);
    }
    for (int round = 0; round < 60; round++) {
        int64_t step = 1 + (int64_t)random_below(&random, 20), range = 1 + (int64_t)random_below(&random, 40),
                start = (int64_t)random_below(&random, 60);
        struct query_request request = RANGE(start, start + (int64_t)random_below(&random, 80), step);
        static const char *const queries[][2] = {{"count_over_time({a=\"1\"}", ")"},
                                                 {"sum(count_over_time({a=\"1\"}", "))"},
                                                 {"sum by (z) (sum_over_time({a=\"1\"} | logfmt | unwrap x", "))"}};
        for (size_t q = 0; q < 3; q++) {
            char query[128];
            struct buf wanted;
            buf_init(&wanted, NULL);
            snprintf(query, sizeof query, "%s [%llds]%s", queries[q][0], (long long)range, queries[q][1]);
            for (int64_t t = request.start_ns; t <= request.end_ns; t += request.step_ns) {
                int count = 0;
                for (int i = 0; i < 200; i++)
                    count += times[i] > t - range * SEC && times[i] <= t;
                if (count)
                    buf_printf(&wanted, "%s %lld:%d",
                               wanted.len ? ""
                               : q == 0   ? "{a=\"1\"}"
                                          : "{}",
                               (long long)(t / SEC), q == 2 ? 2 * count : count);
            }
            buf_put(&wanted, wanted.len ? S("\n") : S(""));
            buf_put_u8(&wanted, 0);
            expect(&f, query, request, (char *)wanted.ptr);
            buf_deinit(&wanted);
        }
    }
    close_fixture(&f);
}

TEST(answers_do_not_depend_on_the_store)
{
    static const char *const queries[] = {
        "{a=~\".+\"}",
        "{a=\"1\"} |= \"error\"",
        "{a=~\"1|3\"} != \"error\" != \"plain\"",
        "{a=~\".+\"} |~ \"n.*[12]\"",
        "{a=~\".+\"} |= \"error\" or \"plain\"",
        "{a=~\".+\"} != \"error\" or \"plain\"",
        "{a=\"1\"} | json | level=\"info\"",
        "{a=~\".+\"} |> \"<_>level<_>\" | line_format \"{{.level}}\" |= \"e\"",
        "{a=\"3\"} | trace=\"t1\"",
        "{a=~\".+\"} | level=\"error\"",
        "{a=\"1\"} | level!=\"error\" and trace=\"t1\" |= \"n\"",
        "{a=\"1\"} | a_extracted=\"9\"",
        "{a=\"2\"} | level=\"info\" or trace=\"\"",
        "{a=\"2\"} | line_format \"x\" | level=\"info\"",
        "{a=\"1\"} | drop level | level=\"info\"",
        "sum(count_over_time({a=~\".+\"}[1m]))",
        "sum by (a) (rate({a=~\".+\"}[1m]))",
        "sum by (level) (count_over_time({a=~\".+\"}[90s]))",
        "sum by (a, level) (count_over_time({a=~\".+\"}[30s]))",
        "count_over_time({a=\"1\"}[7s])",
        "sum(count_over_time({a=~\".+\"} |= \"error\" [45s] offset 10s))",
        "sum by (b) (bytes_over_time({a=\"1\"}[1m]))",
        "absent_over_time({a=\"2\"}[2s])",
        "sum by (level) (sum_over_time({a=~\".+\"} | json | unwrap n | __error__=\"\" [1m]))",
        ("max by (a) (max_over_time({a=~\".+\"} | logfmt | unwrap n [1m])) / on (a) group_right () sum by (a, b) "
         "(count_over_time({a=~\".+\"}[1m]))"),
        "topk(2, sum by (a, b) (count_over_time({a=~\".+\"}[1m])))",
        "sum by (a_extracted) (count_over_time({a=~\".+\"}[1m]))",
    };
    struct fixture mem, segments;
    struct random random;
    struct bole_err err = {0};
    struct fs *fs = fs_mem_create();
    int64_t now_ns = 3600 * SEC;
    open_fixture(&mem);
    segments = mem;
    struct store_options options = {.uri = S("segments:/data"), .fs = fs, .clock = &clock_system};
    CHECK_OK(store_open(&options, &segments.store, &err), err);
    random_seed(&random, 42);
    for (uint64_t lsn = 1; lsn <= 20; lsn++) {
        struct batch *batch = random_batch(&random, &now_ns);
        uint64_t cut;
        CHECK_OK(store_insert(mem.store, lsn, &batch, 1, &err), err);
        CHECK_OK(store_insert(segments.store, lsn, &batch, 1, &err), err);
        batch_unref(batch);
        if (lsn % 6 == 0)
            CHECK_OK(store_cut(segments.store, &cut, &err), err);
    }
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        for (int variant = 0; variant < 4; variant++) {
            struct query_request request = {.start_ns = 3600 * SEC, .end_ns = now_ns, .limit = variant ? 1000 : 7,
                                            .direction = variant % 2 ? FORWARD : BACKWARD};
            static const int64_t steps[] = {0, 15, 7, 120};
            request.step_ns = steps[variant] * SEC;
            request.interval_ns = variant == 3 ? 5 * SEC : 0;
            request.categorize = variant == 2;
            struct buf a = answer(&mem, queries[i], request), b = answer(&segments, queries[i], request);
            if (!bole_slice_eq(buf_slice(&a), buf_slice(&b)))
                print_error("%s, variant %d\n--- mem\n%.*s--- segments\n%.*s", queries[i], variant, (int)a.len,
                            (char *)a.ptr, (int)b.len, (char *)b.ptr);
            CHECK(bole_slice_eq(buf_slice(&a), buf_slice(&b)));
            CHECK(a.len == 0 || a.ptr[0] != '!');
            buf_deinit(&a);
            buf_deinit(&b);
        }
    store_destroy(segments.store);
    fs_mem_destroy(fs);
    close_fixture(&mem);
}
