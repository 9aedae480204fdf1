/* Retention and deletes: what has to go goes and nothing else, whatever fails in the middle. */
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
    int64_t      delete_delay_ns;
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
                                    .retention = &t->retention, .delete_delay_ns = t->delete_delay_ns};
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
    CHECK_OK(store_merge(t->store, STORE_MERGE_DUE, &stats, &err), err);
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
        unsigned n = round / 2 + 1, how = round % 2 ? 3 : n % 3;
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
        store_merge(t.store, STORE_MERGE_DUE, &stats, &err);
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
        CHECK(n < 200);
    }
}

/* ---- deletes ---- */

static struct store_delete_request of_app(const char *app, struct store_matcher *ret_matcher)
{
    *ret_matcher = (struct store_matcher){.op = MATCH_EQ, .name = S("app"), .value = bole_slice_str(app)};
    return (struct store_delete_request){.tenant = S("default"), .query = S("{app=...}"), .matchers = ret_matcher,
                                         .matcher_count = 1, .from_ns = INT64_MIN, .to_ns = INT64_MAX};
}

static void delete_rows(struct setup *t, const struct store_delete_request *r, char ret_id[STORE_DELETE_ID_SIZE])
{
    struct bole_err err;
    CHECK_OK(store_delete_rows(t->store, r, ret_id, &err), err);
}

struct proof {
    unsigned requests, steps, states[4];
    uint64_t rows;
};

static bole_status prove(const struct store_delete_info *i, void *ctx)
{
    struct proof *p = ctx;
    uint64_t rows = 0;
    struct digest removed = {0};
    for (uint32_t k = 0; k < i->step_count; k++) {
        const struct store_delete_step *s = &i->steps[k];
        CHECK(digest_eq(s->before, digest_add(digest_add(s->removed, s->others), s->after)));
        CHECK(s->rows > 0 && s->input_count > 0);
        rows += s->rows;
        removed = digest_add(removed, s->removed);
    }
    CHECK_EQ_U64(rows, i->rows);
    CHECK(digest_eq(removed, i->digest));
    p->requests++;
    p->steps += i->step_count;
    p->states[i->state]++;
    p->rows += i->rows;
    return BOLE_OK;
}

static struct proof proof_of(struct setup *t)
{
    struct proof p = {0};
    struct bole_err err;
    CHECK_OK(store_deletes(t->store, S("default"), prove, &p, &err), err);
    return p;
}

static bole_status count_stream(bole_slice labels, void *ctx)
{
    ++*(unsigned *)ctx;
    return BOLE_OK;
}

static bole_status add_cell(uint32_t stream, bole_slice labels, bole_slice field_value, uint32_t bucket_index,
                                  uint64_t value, void *ctx)
{
    *(uint64_t *)ctx += value;
    return BOLE_OK;
}

/* As streams() and aggregate() see it. */
static void check_sums(struct setup *t, unsigned streams, uint64_t rows)
{
    struct store_query q = {.tenant = S("default"), .from_ns = INT64_MIN, .to_ns = INT64_MAX};
    struct store_aggregation a = {.what = AGGREGATE_COUNT, .start_ns = START + 1000 * DAY, .bucket_ns = 2000 * DAY,
                                  .bucket_count = 1};
    struct view *view = store_view(t->store);
    struct bole_err err;
    unsigned seen = 0;
    uint64_t counted = 0;
    CHECK_OK(store_streams(t->store, view, &q, count_stream, &seen, &err), err);
    bole_status st = store_aggregate(t->store, view, &q, &a, add_cell, &counted, NULL, &err);
    CHECK_OK(st == BOLE_END ? BOLE_OK : st, err);
    store_view_release(t->store, view);
    CHECK_EQ_U64(seen, streams);
    CHECK_EQ_U64(counted, rows);
}

TEST(deleted_rows_are_out_of_sight_at_once_and_out_of_the_segments_later)
{
    struct setup t;
    struct store_matcher m;
    char id[STORE_DELETE_ID_SIZE];
    begin(&t, (struct store_retention){0});
    insert(&t, S("default"), "web", START);
    insert(&t, S("default"), "db", START);
    insert(&t, S("acme"), "web", START);
    cut(&t);
    insert(&t, S("default"), "web", START + DAY);
    insert(&t, S("default"), "db", START + DAY);
    struct view *before = store_view(t.store);
    struct store_delete_request r = of_app("web", &m);
    delete_rows(&t, &r, id);
    insert(&t, S("default"), "web", START); /* came later: it is not meant */
    for (unsigned look = 0; look < 3; look++) {
        CHECK_EQ_U64(rows_of(&t, S("default"), "web"), ROWS);
        CHECK_EQ_U64(rows_of(&t, S("default"), "db"), 2 * ROWS);
        CHECK_EQ_U64(rows_of(&t, S("acme"), "web"), ROWS);
        check_sums(&t, 2, 3 * ROWS);
        if (look == 0) {
            merge(&t); /* it waits for the cut */
            CHECK_EQ_U64(proof_of(&t).states[STORE_DELETE_WAITS], 1);
            CHECK_EQ_U64(stats_of(&t).segment_rows, 3 * ROWS);
            cut(&t);
            store_view_release(t.store, before);
        } else {
            merge(&t);
            struct proof p = proof_of(&t);
            CHECK_EQ_U64(p.states[STORE_DELETE_DONE], 1);
            CHECK_EQ_U64(p.rows, 2 * ROWS);
            CHECK_EQ_U64(p.steps, 2);
            CHECK_EQ_U64(stats_of(&t).segment_rows, 4 * ROWS);
            CHECK_EQ_U64(files_of(&t), stats_of(&t).segment_count);
        }
    }
    store_destroy(t.store);
    open_store(&t);
    CHECK_EQ_U64(rows_of(&t, S("default"), "web"), ROWS);
    CHECK_EQ_U64(proof_of(&t).rows, 2 * ROWS);
    end(&t);
}

TEST(a_delete_names_times_and_lines)
{
    struct setup t;
    struct store_matcher m;
    char id[STORE_DELETE_ID_SIZE];
    begin(&t, (struct store_retention){0});
    insert(&t, S("default"), "web", START);
    cut(&t);
    insert(&t, S("default"), "web", START + DAY);
    struct store_predicate has = {.kind = PREDICATE_LINE_CONTAINS, .value = S("says 4")}; /* 4, 40 .. 49 */
    struct store_predicate both[] = {has, {.kind = PREDICATE_LINE_NOT_CONTAINS, .value = S("45")}};
    struct store_delete_request r = of_app("web", &m);
    r.predicates = both;
    r.predicate_count = 2;
    r.from_ns = START + 41 * NS_PER_S;
    r.to_ns = START + DAY + 42 * NS_PER_S; /* 41 .. 49 without 45 of the one, 4, 40, 41, 42 of the other */
    delete_rows(&t, &r, id);
    for (unsigned look = 0; look < 3; look++) {
        CHECK_EQ_U64(rows_of(&t, S("default"), "web"), 2 * ROWS - 8 - 4);
        check_sums(&t, 1, 2 * ROWS - 8 - 4);
        if (look == 0)
            cut(&t);
        merge(&t);
    }
    CHECK_EQ_U64(stats_of(&t).segment_rows, 2 * ROWS - 8 - 4);
    uint64_t merges = stats_of(&t).merges.merges;
    r.predicates = &(struct store_predicate){.kind = PREDICATE_LINE_CONTAINS, .value = S("nobody says this")};
    r.predicate_count = 1;
    delete_rows(&t, &r, id);
    merge(&t);
    CHECK_EQ_U64(proof_of(&t).states[STORE_DELETE_DONE], 2);
    CHECK_EQ_U64(stats_of(&t).merges.merges, merges); /* nothing is written anew for nothing */
    end(&t);
}

TEST(a_delete_can_be_taken_back_while_it_waits)
{
    struct setup t;
    struct store_matcher m;
    struct bole_err err;
    char id[STORE_DELETE_ID_SIZE];
    begin(&t, (struct store_retention){0});
    store_destroy(t.store);
    t.delete_delay_ns = DAY;
    open_store(&t);
    insert(&t, S("default"), "web", START);
    cut(&t);
    struct store_delete_request r = of_app("web", &m);
    delete_rows(&t, &r, id);
    merge(&t);
    store_destroy(t.store); /* it outlives the process */
    open_store(&t);
    CHECK_EQ_U64(rows_of(&t, S("default"), "web"), 0);
    CHECK_EQ_U64(stats_of(&t).segment_rows, ROWS);
    CHECK_EQ_STATUS(store_delete_cancel(t.store, S("acme"), bole_slice_str(id), &err), BOLE_E_CONFLICT);
    CHECK_EQ_STATUS(store_delete_cancel(t.store, S("default"), S("77"), &err), BOLE_E_NOTFOUND);
    CHECK_OK(store_delete_cancel(t.store, S("default"), bole_slice_str(id), &err), err);
    CHECK_EQ_U64(rows_of(&t, S("default"), "web"), ROWS);
    delete_rows(&t, &r, id);
    set_day(&t, 2);
    merge(&t);
    CHECK_EQ_STATUS(store_delete_cancel(t.store, S("default"), bole_slice_str(id), &err), BOLE_E_CONFLICT);
    CHECK_EQ_U64(stats_of(&t).segment_count, 0);
    struct proof p = proof_of(&t);
    CHECK(p.states[STORE_DELETE_DONE] == 1 && p.states[STORE_DELETE_CANCELLED] == 1 && p.rows == ROWS);
    end(&t);
}

/* What the queue gives again after a crash is still meant. */
TEST(rows_that_come_back_from_the_queue_stay_deleted)
{
    struct setup t;
    struct store_matcher m;
    char id[STORE_DELETE_ID_SIZE];
    begin(&t, (struct store_retention){0});
    insert(&t, S("default"), "web", START);
    struct store_delete_request r = of_app("web", &m);
    delete_rows(&t, &r, id);
    fs_mem_power_cut(t.fs, 0);
    store_destroy(t.store);
    open_store(&t);
    CHECK_EQ_U64(store_position(t.store), 0);
    CHECK_EQ_U64(stats_of(&t).known_lsn, 1); /* a queue that lost the row must not give its number to another one */
    t.lsn = 0;
    insert(&t, S("default"), "web", START);
    CHECK_EQ_U64(rows_of(&t, S("default"), "web"), 0);
    cut(&t);
    merge(&t);
    CHECK_EQ_U64(stats_of(&t).segment_count, 0);
    CHECK_EQ_U64(proof_of(&t).rows, ROWS);
    end(&t);
}

TEST(a_delete_does_not_end_over_what_cannot_be_read)
{
    struct setup t;
    struct store_matcher m;
    char id[STORE_DELETE_ID_SIZE];
    begin(&t, (struct store_retention){0});
    insert(&t, S("default"), "web", START);
    insert(&t, S("default"), "db", START);
    cut(&t);
    uint64_t size = stats_of(&t).segment_bytes;
    fs_mem_flip_bit(t.fs, "/data/segments/0000000000000001.seg", size - 20, 1);
    struct store_delete_request r = of_app("web", &m);
    delete_rows(&t, &r, id);
    merge(&t);
    CHECK_EQ_U64(proof_of(&t).states[STORE_DELETE_RUNS], 1);
    fs_mem_flip_bit(t.fs, "/data/segments/0000000000000001.seg", size - 20, 1);
    store_destroy(t.store);
    open_store(&t);
    merge(&t);
    CHECK_EQ_U64(proof_of(&t).states[STORE_DELETE_DONE], 1);
    CHECK_EQ_U64(rows_of(&t, S("default"), "db"), ROWS);
    end(&t);
}

/* Fails the n-th call that changes the disk, from the request to its end. */
TEST(no_failure_shows_a_deleted_row_or_loses_another_one)
{
    for (unsigned round = 0;; round++) {
        unsigned n = round / 2 + 1, how = round % 2 ? 3 : n % 3;
        struct store_merge_stats stats;
        struct store_matcher m;
        struct bole_err err;
        struct setup t;
        char id[STORE_DELETE_ID_SIZE];
        begin(&t, (struct store_retention){0});
        for (unsigned i = 0; i < 2; i++) {
            insert(&t, S("default"), "web", START + i * DAY);
            insert(&t, S("default"), "db", START + i * DAY);
            cut(&t);
        }
        struct store_delete_request r = of_app("web", &m);
        fs_mem_set_faults(t.fs, &(struct fs_mem_faults){
                                    .fail_call_index = n, .fail_errno = how == 3 ? 28 : 5, .fail_is_short = how == 1});
        bool accepted = store_delete_rows(t.store, &r, id, &err) >= 0;
        store_merge(t.store, STORE_MERGE_DUE, &stats, &err);
        uint64_t calls = fs_mem_call_count(t.fs);
        fs_mem_set_faults(t.fs, &(struct fs_mem_faults){0});
        CHECK(!accepted || rows_of(&t, S("default"), "web") == 0);
        CHECK_EQ_U64(rows_of(&t, S("default"), "db"), 2 * ROWS);
        fs_mem_power_cut(t.fs, how);
        store_destroy(t.store);
        open_store(&t);
        CHECK(!accepted || rows_of(&t, S("default"), "web") == 0);
        CHECK_EQ_U64(rows_of(&t, S("default"), "db"), 2 * ROWS);
        CHECK_EQ_U64(files_of(&t), stats_of(&t).segment_count); /* no file is left over */
        if (proof_of(&t).requests == 0) /* it was refused: asked again */
            delete_rows(&t, &r, id);
        merge(&t);
        CHECK_EQ_U64(rows_of(&t, S("default"), "web"), 0);
        CHECK_EQ_U64(rows_of(&t, S("default"), "db"), 2 * ROWS);
        CHECK_EQ_U64(stats_of(&t).segment_rows, 2 * ROWS);
        struct proof p = proof_of(&t);
        CHECK(p.requests == 1 && p.states[STORE_DELETE_DONE] == 1 && p.rows == 2 * ROWS);
        end(&t);
        if (calls < n && how == 3)
            break;
        CHECK(n < 200);
    }
}
