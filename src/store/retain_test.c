/* Retention: what is too old goes and nothing else, whatever fails in the middle. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/test.h"
#include "store/segments_fixture.h"
#include "store/segments.h"

#define DAY   (86400ll * NS_PER_S)
#define START (1790000000ll / 86400 * DAY) /* midnight */

enum { ROWS = 100 };

struct setup {
    struct fs   *fs;
    struct store *store;
    struct store_retention retention;
    struct clock_manual clock;
    uint64_t     lsn;
};

static unsigned fatal_count;

static void count_fatal(const struct bole_err *err)
{
    fatal_count++;
}

static void open_store(struct setup *t)
{
    struct bole_err err;
    struct store_options options = {.uri = S("segments:/data"), .fs = t->fs, .clock = &t->clock.base, .on_fatal = count_fatal,
                                    .retention = &t->retention};
    CHECK_OK(store_open(&options, &t->store, &err), err);
}

static void begin(struct setup *t, struct store_retention retention)
{
    *t = (struct setup){.fs = fs_mem_create(), .retention = retention};
    clock_manual_init(&t->clock, START);
    open_store(t);
}

static void end(struct setup *t)
{
    store_destroy(t->store);
    CHECK_EQ_U64(fixture_problems_of(t->fs, fixture_fail_on_problem, NULL), 0);
    fs_mem_destroy(t->fs);
}

/* ROWS rows of {app="NAME"}, a second apart. */
static void insert(struct setup *t, bole_slice tenant, const char *app, int64_t time_ns)
{
    struct batch_builder *b = batch_builder_create(NULL);
    struct batch *batch;
    struct bole_err err;
    uint32_t stream;
    char labels[32];
    int n = snprintf(labels, sizeof labels, "\3app%c%s", (char)strlen(app), app);
    CHECK_OK(batch_builder_stream(b, tenant, bole_slice_from(labels, (size_t)n), 0, &stream, &err), err);
    for (unsigned i = 0; i < ROWS; i++) {
        char line[64];
        int len = snprintf(line, sizeof line, "%s says %u", app, i);
        CHECK_OK(batch_builder_add(b, time_ns + i * NS_PER_S, stream, bole_slice_from(line, (size_t)len), NULL, 0, &err), err);
    }
    CHECK_OK(batch_builder_seal(b, clock_now_ns(&t->clock.base), NULL, &batch, &err), err);
    CHECK_OK(store_insert(t->store, ++t->lsn, &batch, 1, &err), err);
    batch_unref(batch);
    batch_builder_destroy(b);
}

static void cut(struct setup *t)
{
    fixture_cut(t->store, t->lsn);
}

static void merge(struct setup *t)
{
    struct store_merge_stats stats;
    struct bole_err err;
    CHECK_OK(store_merge(t->store, false, &stats, &err), err);
}

static uint64_t rows_of(struct setup *t, bole_slice tenant, const char *app)
{
    struct store_matcher m = {.op = MATCH_EQ, .name = S("app"), .value = bole_slice_str(app)};
    struct store_query q = {.tenant = tenant, .from_ns = INT64_MIN, .to_ns = INT64_MAX, .matchers = &m, .matcher_count = 1};
    struct view *view = store_view(t->store);
    struct scan *scan;
    struct vector *v;
    struct bole_err err;
    uint64_t rows = 0;
    CHECK_OK(store_scan_open(t->store, view, &q, &scan, &err), err);
    while (store_scan_next(scan, &v, &err) == BOLE_OK)
        for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r))
            rows++;
    store_scan_close(scan);
    store_view_release(t->store, view);
    return rows;
}

static struct store_stats stats_of(struct setup *t)
{
    struct store_stats stats;
    store_stats(t->store, &stats);
    return stats;
}

static bole_status count_name(const char *name, void *ctx)
{
    ++*(uint64_t *)ctx;
    return BOLE_OK;
}

static uint64_t files_of(struct setup *t)
{
    uint64_t count = 0;
    CHECK_EQ_STATUS(fs_list_dir(t->fs, "/data/segments", count_name, &count, NULL), BOLE_OK);
    return count;
}

static void set_day(struct setup *t, int64_t days)
{
    clock_manual_init(&t->clock, START + days * DAY);
}

TEST(segments_that_are_old_enough_go_as_they_are)
{
    struct setup t;
    begin(&t, (struct store_retention){.keep_ns = 2 * DAY});
    for (int64_t day = 0; day < 4; day++) {
        set_day(&t, day);
        insert(&t, S("default"), "web", START + day * DAY);
        cut(&t);
    }
    uint64_t before = stats_of(&t).segment_bytes;
    merge(&t); /* it is the beginning of day 3: the rows of day 0 are more than two days old */
    struct store_stats s = stats_of(&t);
    CHECK_EQ_U64(s.retention.segments, 1);
    CHECK_EQ_U64(s.retention.rows, ROWS);
    CHECK_EQ_U64(s.retention.bytes, before - s.segment_bytes);
    CHECK_EQ_U64(rows_of(&t, S("default"), "web"), 3 * ROWS);
    CHECK_EQ_U64(files_of(&t), s.segment_count);
    set_day(&t, 9);
    merge(&t);
    CHECK_EQ_U64(rows_of(&t, S("default"), "web"), 0);
    CHECK_EQ_U64(files_of(&t), 0);
    CHECK_EQ_U64(store_position(t.store), 4); /* the queue need not give anything again */
    end(&t);
}

TEST(without_retention_everything_stays)
{
    struct setup t;
    begin(&t, (struct store_retention){0});
    insert(&t, S("default"), "web", START);
    cut(&t);
    set_day(&t, 10000);
    merge(&t);
    CHECK_EQ_U64(rows_of(&t, S("default"), "web"), ROWS);
    end(&t);
}

/* The first rule that names a stream holds; what is left lies in segments that were written anew. */
TEST(rules_hold_for_tenants_and_streams)
{
    struct store_matcher debug = {.op = MATCH_EQ, .name = S("app"), .value = S("debug")};
    struct store_matcher audit = {.op = MATCH_EQ, .name = S("app"), .value = S("audit")};
    struct store_keep_rule rules[] = {{.matchers = &audit, .matcher_count = 1, .keep_ns = 0},
                                      {.tenant = S("acme"), .keep_ns = 5 * DAY},
                                      {.matchers = &debug, .matcher_count = 1, .keep_ns = DAY}};
    struct setup t;
    begin(&t, (struct store_retention){.rules = rules, .rule_count = 3, .keep_ns = 3 * DAY});
    insert(&t, S("default"), "web", START);
    insert(&t, S("default"), "debug", START);
    insert(&t, S("default"), "audit", START);
    insert(&t, S("acme"), "debug", START);
    insert(&t, S("acme"), "audit", START);
    cut(&t);
    static const struct { int64_t day; uint64_t web, debug, acme; } expected[] = {
        {1, 1, 1, 1}, {2, 1, 0, 1}, {3, 1, 0, 1}, {4, 0, 0, 1}, {5, 0, 0, 1}, {6, 0, 0, 0}, {1000, 0, 0, 0}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        set_day(&t, expected[i].day);
        for (unsigned again = 0; again < 2; again++)
            merge(&t);
        CHECK_EQ_U64(rows_of(&t, S("default"), "web"), expected[i].web * ROWS);
        CHECK_EQ_U64(rows_of(&t, S("default"), "debug"), expected[i].debug * ROWS);
        CHECK_EQ_U64(rows_of(&t, S("acme"), "debug"), expected[i].acme * ROWS);
        CHECK_EQ_U64(rows_of(&t, S("default"), "audit"), ROWS);
        CHECK_EQ_U64(rows_of(&t, S("acme"), "audit"), ROWS);
    }
    CHECK_EQ_U64(stats_of(&t).merges.merges, 3); /* once per rule, not once per look */
    CHECK_EQ_U64(stats_of(&t).retention.rows, 3 * ROWS);
    CHECK_EQ_U64(stats_of(&t).segment_rows, 2 * ROWS);
    CHECK_EQ_U64(files_of(&t), 1);
    end(&t);
}

TEST(the_oldest_go_when_all_are_too_large)
{
    struct setup t;
    begin(&t, (struct store_retention){0});
    for (int64_t day = 5; day-- > 0;) { /* the newest rows come first: age is that of the rows */
        set_day(&t, 6);
        insert(&t, S("default"), "web", START + day * DAY);
        cut(&t);
    }
    t.retention.max_bytes = stats_of(&t).segment_bytes / 2;
    merge(&t);
    struct store_stats s = stats_of(&t);
    CHECK_EQ_U64(s.segment_count, 2);
    CHECK(s.segment_bytes <= t.retention.max_bytes);
    struct segment_set *set = segments_of(t.store)->set;
    for (size_t i = 0; i < set->count; i++)
        CHECK(set->segments[i]->info.min_time_ns >= START + 3 * DAY);
    merge(&t);
    CHECK_EQ_U64(stats_of(&t).segment_count, 2);
    end(&t);
}

TEST(a_stamp_in_the_future_keeps_nothing_for_ever)
{
    struct setup t;
    begin(&t, (struct store_retention){.keep_ns = DAY});
    insert(&t, S("default"), "web", START + 1000 * DAY);
    cut(&t);
    merge(&t);
    CHECK_EQ_U64(rows_of(&t, S("default"), "web"), ROWS);
    set_day(&t, 2);
    merge(&t);
    CHECK_EQ_U64(rows_of(&t, S("default"), "web"), 0);
    end(&t);
}

TEST(a_segment_whose_labels_are_lost_stays_as_long_as_any)
{
    struct store_matcher debug = {.op = MATCH_EQ, .name = S("app"), .value = S("debug")};
    struct store_keep_rule rule = {.matchers = &debug, .matcher_count = 1, .keep_ns = DAY};
    struct setup t;
    begin(&t, (struct store_retention){.rules = &rule, .rule_count = 1, .keep_ns = 3 * DAY});
    insert(&t, S("default"), "debug", START);
    cut(&t);
    uint64_t size = stats_of(&t).segment_bytes;
    fs_mem_flip_bit(t.fs, "/data/segments/0000000000000001.seg", size - 20, 1);
    set_day(&t, 3);
    merge(&t);
    CHECK_EQ_U64(stats_of(&t).segment_count, 1);
    set_day(&t, 4);
    merge(&t);
    CHECK_EQ_U64(stats_of(&t).segment_count, 0);
    end(&t);
}

/* Fails the n-th call that changes the disk while one segment is dropped and another one is written anew. */
TEST(no_failure_keeps_what_is_old_or_loses_what_is_not)
{
    struct store_matcher debug = {.op = MATCH_EQ, .name = S("app"), .value = S("debug")};
    struct store_keep_rule rule = {.matchers = &debug, .matcher_count = 1, .keep_ns = DAY};
    for (unsigned round = 0;; round++) {
        unsigned n = round / 4 + 1, how = round % 4;
        struct store_merge_stats stats;
        struct bole_err err;
        struct setup t;
        begin(&t, (struct store_retention){.rules = &rule, .rule_count = 1, .keep_ns = 3 * DAY});
        insert(&t, S("default"), "old", START);
        cut(&t);
        set_day(&t, 2);
        insert(&t, S("default"), "web", START + 2 * DAY);
        insert(&t, S("default"), "debug", START + 2 * DAY);
        cut(&t);
        set_day(&t, 4);
        fs_mem_set_faults(t.fs, &(struct fs_mem_faults){
                                    .fail_call_index = n, .fail_errno = how == 3 ? 28 : 5, .fail_is_short = how == 1});
        store_merge(t.store, false, &stats, &err);
        uint64_t calls = fs_mem_call_count(t.fs);
        fs_mem_set_faults(t.fs, &(struct fs_mem_faults){0});
        CHECK_EQ_U64(rows_of(&t, S("default"), "web"), ROWS);
        fs_mem_power_cut(t.fs, how);
        store_destroy(t.store);
        open_store(&t);
        uint64_t old = rows_of(&t, S("default"), "old"), half = rows_of(&t, S("default"), "debug");
        CHECK(old == 0 || old == ROWS);
        CHECK(half == 0 || half == ROWS);
        CHECK_EQ_U64(rows_of(&t, S("default"), "web"), ROWS);
        CHECK_EQ_U64(files_of(&t), stats_of(&t).segment_count); /* no file is left over */
        merge(&t);
        CHECK_EQ_U64(rows_of(&t, S("default"), "old") + rows_of(&t, S("default"), "debug"), 0);
        CHECK_EQ_U64(rows_of(&t, S("default"), "web"), ROWS);
        CHECK_EQ_U64(files_of(&t), 1);
        end(&t);
        if (calls < n && how == 3)
            break;
        CHECK(n < 80);
    }
}
