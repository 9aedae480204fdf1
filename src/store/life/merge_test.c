/* Merges of a store: rows stay, files go, whatever fails in the middle. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/test.h"
#include "store/life/merge_plan.h"
#include "store/segments_fixture.h"

enum { CUTS = 6, GROUPS = 2 * CUTS };

static struct store_merge_stats merge(struct store *s, bool everything)
{
    struct store_merge_stats stats;
    struct bole_err err;
    CHECK_OK(store_merge(s, everything ? STORE_MERGE_EVERYTHING : STORE_MERGE_DUE, &stats, &err), err);
    return stats;
}

static struct store_stats stats_of(struct store *s)
{
    struct store_stats stats;
    store_stats(s, &stats);
    return stats;
}

/* Two groups per cut. */
static void insert_cuts(struct store *s, uint64_t from_group, unsigned cuts)
{
    for (uint64_t i = 0; i < cuts; i++, from_group += 2) {
        fixture_insert_groups(s, from_group, from_group + 1);
        fixture_cut(s, from_group + 1);
    }
}

static bole_status count_name(const char *name, void *ctx)
{
    ++*(size_t *)ctx;
    return BOLE_OK;
}

static size_t files_of(struct fs *fs)
{
    size_t count = 0;
    CHECK_EQ_STATUS(fs_list_dir(fs, "/data/segments", count_name, &count, NULL), BOLE_OK);
    return count;
}

TEST(merged_segments_hold_the_same_rows_and_the_old_files_are_gone)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    CHECK_EQ_U64(merge(s, true).merges, 0);
    insert_cuts(s, 1, CUTS);
    uint64_t raw = stats_of(s).raw_bytes;
    CHECK_EQ_U64(merge(s, false).merges, 0); /* too few and too young */
    struct store_merge_stats m = merge(s, true);
    CHECK_EQ_U64(m.merges, 1);
    CHECK_EQ_U64(m.segments_in, CUTS);
    CHECK_EQ_U64(m.segments_out, 1);
    CHECK_EQ_U64(fixture_check_store(s), GROUPS);
    CHECK_EQ_U64(stats_of(s).segment_count, 1);
    CHECK_EQ_U64(stats_of(s).raw_bytes, raw);
    CHECK_EQ_U64(files_of(fs), 1);
    CHECK_EQ_U64(merge(s, true).merges, 0);
    fixture_insert_groups(s, GROUPS + 1, GROUPS + 3);
    store_destroy(s);
    CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
    s = fixture_open_store(fs);
    CHECK_EQ_U64(fixture_check_store(s), GROUPS);
    store_destroy(s);
    fs_mem_destroy(fs);
}

TEST(a_view_keeps_its_segments_until_it_is_released)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    insert_cuts(s, 1, CUTS);
    struct view *before = store_view(s);
    merge(s, true);
    insert_cuts(s, GROUPS + 1, 1);
    struct view *after = store_view(s);
    merge(s, true);
    CHECK_EQ_U64(files_of(fs), CUTS + 2 + 1);
    CHECK_EQ_U64(fixture_check_view(s, before), GROUPS);
    CHECK_EQ_U64(fixture_check_view(s, after), GROUPS + 2);
    store_view_release(s, before);
    CHECK_EQ_U64(files_of(fs), 2 + 1);
    CHECK_EQ_U64(fixture_check_view(s, after), GROUPS + 2);
    store_view_release(s, after);
    CHECK_EQ_U64(files_of(fs), 1);
    store_destroy(s);
    fs_mem_destroy(fs);
}

/* Fails the n-th call that changes the disk in the middle of a merge; then with lost power, with luck and without. */
TEST(no_failure_in_a_merge_loses_or_doubles_a_row)
{
    for (unsigned round = 0;; round++) {
        unsigned n = round / 4 + 1, how = round % 4;
        struct fs *fs = fs_mem_create();
        struct store *s = fixture_open_store(fs);
        struct store_merge_stats stats;
        struct bole_err err;
        fixture_fatal_count = 0;
        insert_cuts(s, 1, CUTS);
        fixture_insert_groups(s, GROUPS + 1, GROUPS + 2);
        fs_mem_set_faults(fs, &(struct fs_mem_faults){
                                  .fail_call_index = n, .fail_errno = how == 3 ? 28 : 5, .fail_is_short = how == 1});
        bole_status st = store_merge(s, STORE_MERGE_EVERYTHING, &stats, &err);
        uint64_t calls = fs_mem_call_count(fs);
        fs_mem_set_faults(fs, &(struct fs_mem_faults){0});
        if (st < 0 && st != BOLE_E_IO)
            CHECK_EQ_U64(files_of(fs), CUTS);
        CHECK_EQ_U64(fixture_check_store(s), GROUPS + 2); /* whatever the disk says, what was searchable stays so */
        if (st < 0 && fixture_fatal_count == 0 && how != 0) { /* it was not fatal: the next try succeeds */
            CHECK_EQ_U64(merge(s, true).merges, 1);
            CHECK_EQ_U64(fixture_check_store(s), GROUPS + 2);
        }
        fs_mem_power_cut(fs, how);
        store_destroy(s);
        s = fixture_open_store(fs);
        CHECK_EQ_U64(store_position(s), GROUPS);
        fixture_insert_groups(s, GROUPS + 1, GROUPS + 2);
        CHECK_EQ_U64(fixture_check_store(s), GROUPS + 2);
        CHECK_EQ_U64(files_of(fs), stats_of(s).segment_count); /* no file is left over */
        store_destroy(s);
        CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
        fs_mem_destroy(fs);
        if (calls < n && how == 3)
            break;
        CHECK(n < 80);
    }
}

TEST(a_full_disk_stops_a_merge_before_it_begins)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    struct store_merge_stats stats;
    struct bole_err err;
    insert_cuts(s, 1, CUTS);
    fs_mem_set_faults(fs, &(struct fs_mem_faults){.capacity_bytes = 100 << 20});
    CHECK_EQ_STATUS(store_merge(s, STORE_MERGE_EVERYTHING, &stats, &err), BOLE_E_FULL);
    CHECK_EQ_U64(stats_of(s).merges.failures, 1);
    CHECK_EQ_U64(files_of(fs), CUTS);
    fs_mem_set_faults(fs, &(struct fs_mem_faults){0});
    CHECK_EQ_U64(merge(s, true).merges, 1);
    CHECK_EQ_U64(fixture_check_store(s), GROUPS);
    store_destroy(s);
    fs_mem_destroy(fs);
}

/* The damaged one stays as it is, with everything in it that can still be read; the others are merged. */
TEST(a_damaged_segment_is_left_out)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    insert_cuts(s, 1, CUTS);
    fs_mem_flip_bit(fs, "/data/segments/0000000000000003.seg", 60, 1);
    struct store_merge_stats m = merge(s, true);
    CHECK_EQ_U64(m.segments_in, CUTS - 1);
    CHECK_EQ_U64(stats_of(s).segment_count, 2);
    CHECK_EQ_U64(files_of(fs), 2);
    fs_mem_flip_bit(fs, "/data/segments/0000000000000003.seg", 60, 1);
    CHECK_EQ_U64(fixture_check_store(s), GROUPS);
    CHECK_EQ_U64(merge(s, true).merges, 0); /* not until the next start */
    store_destroy(s);
    s = fixture_open_store(fs);
    CHECK_EQ_U64(merge(s, true).merges, 2);
    CHECK_EQ_U64(stats_of(s).segment_count, 1);
    CHECK_EQ_U64(fixture_check_store(s), GROUPS);
    store_destroy(s);
    fs_mem_destroy(fs);
}

TEST(a_merge_that_finds_no_memory_fails_and_gives_back_what_it_took)
{
    struct fs *fs = fs_mem_create();
    bole_status last = BOLE_E_LIMIT; /* or NOMEM: a buffer does not say which */
    unsigned refused = 0;
    for (size_t limit = 10000; last < 0; limit += limit / 8) {
        struct budget budget;
        struct store *s;
        struct bole_err err;
        struct store_merge_stats stats;
        budget_init(&budget, NULL, limit);
        struct store_options options = {.uri = S("segments:/data"), .fs = fs, .clock = &fixture_clock.base,
                                        .budget = &budget};
        CHECK_OK(store_open(&options, &s, &err), err);
        if (stats_of(s).segment_count == 0)
            insert_cuts(s, 1, CUTS);
        last = store_merge(s, STORE_MERGE_EVERYTHING, &stats, &err);
        CHECK(last == BOLE_OK || last == BOLE_E_LIMIT || last == BOLE_E_NOMEM);
        refused += last < 0;
        CHECK_EQ_U64(files_of(fs), last < 0 ? CUTS : 1);
        store_destroy(s);
        CHECK_EQ_U64(atomic_load(&budget.used_bytes), 0);
        s = fixture_open_store(fs);
        CHECK_EQ_U64(fixture_check_store(s), GROUPS);
        store_destroy(s);
        CHECK(limit < 100 << 20);
    }
    CHECK(refused > 5);
    fs_mem_destroy(fs);
}

/* ---- what is copied, and what is encoded anew ---- */

enum { LINE_SIZE = 600 };

/* A cut of rows of one family, a nanosecond apart. */
static void insert_rows(struct store *s, uint64_t lsn, unsigned rows, size_t weight, unsigned streams, int64_t first_ns)
{
    static uint8_t line[LINE_SIZE];
    struct batch_builder *b = batch_builder_create(NULL);
    struct batch *batches[64];
    size_t count = 0;
    struct bole_err err;
    for (unsigned i = 0; i < rows; i++) {
        char pod[16], labels[32];
        uint32_t stream;
        int pod_size = snprintf(pod, sizeof pod, "%u", i * 7919 % streams);
        int n = snprintf(labels, sizeof labels, "\3app\3web\3pod%c%s", (char)pod_size, pod);
        snprintf((char *)line, sizeof line, "row %llu of group %llu", (unsigned long long)i, (unsigned long long)lsn);
        CHECK_OK(batch_builder_stream(b, S("default"), bole_slice_from(labels, (size_t)n), 0, &stream, &err), err);
        CHECK_OK(batch_builder_add(b, first_ns + i, stream, bole_slice_from(line, weight), NULL, 0, &err), err);
        if (batch_builder_size(b) > BATCH_BODY_TARGET || i + 1 == rows)
            CHECK_OK(batch_builder_seal(b, first_ns, NULL, &batches[count++], &err), err);
    }
    CHECK_OK(store_insert(s, lsn, batches, count, &err), err);
    for (size_t i = 0; i < count; i++)
        batch_unref(batches[i]);
    batch_builder_destroy(b);
    fixture_cut(s, lsn);
}

struct shape { /* of the directories of all segments */
    unsigned groups, highest_generation, groups_of_stream;
    uint64_t rows;
};

static struct shape shape_of(struct store *self, bole_slice labels)
{
    struct segments_store *s = segments_of(self);
    struct segment_reader reader;
    struct shape shape = {0};
    struct bole_err err;
    segment_reader_init(&reader, s->objects, NULL);
    for (size_t i = 0; i < s->set->count; i++) {
        struct segment_directory *d;
        CHECK_OK(segment_directory_get(s->set->segments[i], &reader, &d, &err), err);
        for (uint32_t g = 0; g < d->group_count; g++) {
            const struct segment_group *group = &d->groups[g];
            shape.groups++;
            shape.highest_generation = group->generation > shape.highest_generation ? group->generation :
                shape.highest_generation;
            shape.rows += group->row_count;
            for (uint32_t k = 0; k < group->stream_count; k++)
                shape.groups_of_stream += bole_slice_eq(d->labels[group->streams[k].id], labels);
        }
        segment_directory_unref(d);
    }
    segment_reader_deinit(&reader);
    return shape;
}

#define NOON (1790000000ll * NS_PER_S)

TEST(full_groups_are_copied_and_small_ones_become_full)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    /* 20,000 rows of 600 bytes are two groups of 6 MB: full enough. */
    static const unsigned rows[] = {20000, 5000, 5000};
    for (uint64_t lsn = 1; lsn <= 3; lsn++)
        insert_rows(s, lsn, rows[lsn - 1], LINE_SIZE, 3, NOON + (int64_t)lsn * NS_PER_S);
    CHECK_EQ_U64(shape_of(s, S("")).groups, 4);
    struct store_merge_stats m = merge(s, true);
    CHECK_EQ_U64(m.groups_copied, 2);
    CHECK_EQ_U64(m.groups_encoded, 2);
    struct shape shape = shape_of(s, S(""));
    CHECK_EQ_U64(shape.groups, 3);
    CHECK_EQ_U64(shape.rows, 30000);
    CHECK_EQ_U64(shape.highest_generation, 1);
    insert_rows(s, 4, 10, LINE_SIZE, 3, NOON);
    m = merge(s, true); /* the cut becomes a segment of its day, and that is merged with the other one */
    CHECK_EQ_U64(m.merges, 2);
    CHECK_EQ_U64(m.groups_copied, 1 + 4);
    CHECK_EQ_U64(m.groups_encoded, 0);
    store_destroy(s);
    CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
    fs_mem_destroy(fs);
}

static bool use_idle_time(struct store *s)
{
    struct bole_err err;
    bool done;
    CHECK_OK(segments_use_idle_time(segments_of(s), &done, &err), err);
    return done;
}

/* Three cuts with 5 MB each of one family: a merge copies them, since they are more than half of a group. */
TEST(groups_are_joined_when_nothing_else_is_to_do)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    for (uint64_t lsn = 1; lsn <= 3; lsn++)
        insert_rows(s, lsn, 9000, LINE_SIZE, 3, NOON + (int64_t)lsn * NS_PER_S);
    CHECK_EQ_U64(shape_of(s, S("")).groups, 3);
    CHECK(!use_idle_time(s)); /* something came a moment ago */
    clock_manual_advance(&fixture_clock, 2 * MERGE_QUIET_NS);
    CHECK(use_idle_time(s));
    CHECK_EQ_U64(shape_of(s, S("")).groups, 1);
    CHECK_EQ_U64(shape_of(s, S("")).rows, 27000);
    clock_manual_advance(&fixture_clock, 2 * MERGE_QUIET_NS);
    CHECK(!use_idle_time(s));
    for (uint64_t lsn = 4; lsn <= 5; lsn++)
        insert_rows(s, lsn, 9000, LINE_SIZE, 3, NOON + (int64_t)lsn * NS_PER_S);
    CHECK_EQ_U64(merge(s, true).groups_encoded, 0);
    CHECK_EQ_U64(shape_of(s, S("")).groups, 3);
    clock_manual_advance(&fixture_clock, 2 * MERGE_QUIET_NS);
    CHECK(use_idle_time(s)); /* two fifths of what was merged */
    struct shape shape = shape_of(s, S(""));
    CHECK_EQ_U64(shape.groups, 2);
    CHECK_EQ_U64(shape.rows, 45000);
    CHECK_EQ_U64(shape.highest_generation, 1);
    struct store_merge_stats stats;
    struct bole_err err;
    CHECK_OK(store_merge(s, STORE_MERGE_IDLE, &stats, &err), err);
    CHECK_EQ_U64(stats.merges, 0);
    clock_manual_init(&fixture_clock, NOON);
    store_destroy(s);
    CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
    fs_mem_destroy(fs);
}

TEST(damage_is_not_copied)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    for (uint64_t lsn = 1; lsn <= 2; lsn++)
        insert_rows(s, lsn, 16000, LINE_SIZE, 3, NOON);
    fs_mem_flip_bit(fs, "/data/segments/0000000000000002.seg", SEGMENT_HEADER_SIZE + 40, 3); /* of the first chunk */
    merge(s, true);
    CHECK_EQ_U64(stats_of(s).segment_count, 2);
    fs_mem_flip_bit(fs, "/data/segments/0000000000000002.seg", SEGMENT_HEADER_SIZE + 40, 3); /* of the first chunk */
    store_destroy(s);
    CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
    fs_mem_destroy(fs);
}

TEST(no_row_is_encoded_more_than_twice_after_its_cut)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    uint64_t encoded = 0, rows = 0;
    clock_manual_advance(&fixture_clock, 2 * DAY_NS); /* the day is over: small groups need not wait for more */
    for (uint64_t lsn = 1; lsn <= 60; lsn++) {
        insert_rows(s, lsn, 700, LINE_SIZE, 3, NOON + (int64_t)lsn * NS_PER_S);
        rows += 700;
        encoded += merge(s, lsn % 3 == 0).groups_encoded;
    }
    struct shape shape = shape_of(s, S(""));
    CHECK_EQ_U64(shape.rows, rows);
    CHECK(shape.highest_generation <= 2);
    CHECK(encoded >= 60 && shape.groups < 20);
    clock_manual_init(&fixture_clock, NOON);
    store_destroy(s);
    CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
    fs_mem_destroy(fs);
}

/* 600 label sets in every group of two cuts: afterwards each lies in one group, or in two. */
TEST(rows_of_many_streams_are_brought_together_once)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    for (uint64_t lsn = 1; lsn <= 2; lsn++)
        insert_rows(s, lsn, 20000, LINE_SIZE, 600, NOON + (int64_t)lsn * NS_PER_S);
    bole_slice pod = S("\3app\3web\3pod\3" "123");
    CHECK_EQ_U64(shape_of(s, pod).groups_of_stream, 4);
    merge(s, true);
    struct shape shape = shape_of(s, pod);
    CHECK_EQ_U64(shape.rows, 40000);
    CHECK(shape.groups >= 3 && shape.groups <= 4);
    CHECK(shape.groups_of_stream <= 2);
    CHECK_EQ_U64(shape.highest_generation, 1);
    insert_rows(s, 3, 10, LINE_SIZE, 3, NOON);
    struct store_merge_stats m = merge(s, true);
    CHECK_EQ_U64(m.merges, 2);
    CHECK_EQ_U64(m.groups_encoded, 0); /* copied from here on */
    store_destroy(s);
    CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
    fs_mem_destroy(fs);
}

/* One stream is larger than all groups it could be put into, many are tiny. */
TEST(a_stream_larger_than_a_group_does_not_need_more_memory)
{
    struct fs *fs = fs_mem_create();
    struct budget budget;
    struct store *s;
    struct bole_err err;
    budget_init(&budget, NULL, 60 << 20);
    struct store_options options = {.uri = S("segments:/data"), .fs = fs, .clock = &fixture_clock.base,
                                    .budget = &budget};
    CHECK_OK(store_open(&options, &s, &err), err);
    for (uint64_t lsn = 1; lsn <= 8; lsn++)
        insert_rows(s, lsn, 12000, LINE_SIZE, lsn % 4 ? 1 : 100, NOON + (int64_t)lsn * NS_PER_S);
    merge(s, true);
    struct shape shape = shape_of(s, S(""));
    CHECK_EQ_U64(shape.rows, 8 * 12000);
    store_destroy(s);
    CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
    fs_mem_destroy(fs);
}

/* Chunks of a day that is over are compressed with more effort, once; rows and answers stay. */
TEST(old_segments_are_compressed_again_once)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    struct bole_err err;
    bool packed = false;
    insert_cuts(s, 1, CUTS);
    for (uint64_t lsn = GROUPS + 1; lsn <= GROUPS + 2; lsn++)
        insert_rows(s, lsn, 20000, 40, 50, NOON + (int64_t)lsn * NS_PER_S);
    merge(s, true);
    CHECK_OK(segments_use_idle_time(segments_of(s), &packed, &err), err);
    CHECK(!packed); /* its day goes on */
    struct store_stats before = stats_of(s);
    clock_manual_advance(&fixture_clock, 3 * DAY_NS);
    CHECK_OK(segments_use_idle_time(segments_of(s), &packed, &err), err);
    CHECK(packed);
    struct store_stats after = stats_of(s);
    CHECK(after.segment_bytes < before.segment_bytes);
    CHECK_EQ_U64(after.segment_rows, before.segment_rows);
    CHECK_EQ_U64(segments_of(s)->set->segments[0]->info.level, LEVEL_PACKED);
    CHECK_OK(segments_use_idle_time(segments_of(s), &packed, &err), err);
    CHECK(!packed);
    CHECK_EQ_U64(merge(s, true).merges, 0);
    CHECK_EQ_U64(files_of(fs), 1);
    CHECK_EQ_U64(shape_of(s, S("")).rows, before.segment_rows);
    clock_manual_init(&fixture_clock, NOON);
    store_destroy(s);
    CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
    fs_mem_destroy(fs);
}

/* ---- tenants and days ---- */

static void insert_tenant(struct store *s, uint64_t lsn, bole_slice tenant, unsigned rows, int64_t time_ns)
{
    static uint8_t line[LINE_SIZE];
    struct batch_builder *b = batch_builder_create(NULL);
    struct batch *batches[100];
    size_t count = 0;
    struct bole_err err;
    for (unsigned i = 0; i < rows; i++) {
        uint32_t stream;
        CHECK_OK(batch_builder_stream(b, tenant, S("\3app\3web"), 0, &stream, &err), err);
        CHECK_OK(batch_builder_add(b, time_ns, stream, bole_slice_from(line, LINE_SIZE), NULL, 0, &err), err);
        if (batch_builder_size(b) > BATCH_BODY_TARGET || i + 1 == rows)
            CHECK_OK(batch_builder_seal(b, NOON, NULL, &batches[count++], &err), err);
    }
    CHECK_OK(store_insert(s, lsn, batches, count, &err), err);
    for (size_t i = 0; i < count; i++)
        batch_unref(batches[i]);
    batch_builder_destroy(b);
}

TEST(merges_divide_by_day_and_by_large_tenant)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    unsigned large = MERGE_OWN_RAW / LINE_SIZE / 2 + 1;
    for (uint64_t lsn = 1; lsn <= 8; lsn += 4) {
        insert_tenant(s, lsn, S("large"), large, NOON);
        insert_tenant(s, lsn + 1, S("small"), 10, NOON);
        insert_tenant(s, lsn + 2, S("tiny"), 1, NOON);
        insert_tenant(s, lsn + 3, S("small"), 10, NOON - DAY_NS);
        fixture_cut(s, lsn + 3);
    }
    CHECK_EQ_U64(merge(s, true).segments_out, 3);
    const struct segment_set *set = segments_of(s)->set;
    CHECK_EQ_U64(set->count, 3);
    unsigned days[2] = {0}, of_large = 0, shared = 0;
    for (size_t i = 0; i < 3; i++) {
        const struct catalog_segment *info = &set->segments[i]->info;
        int64_t day = day_of_range(info->min_time_ns, info->max_time_ns);
        CHECK(day != DAY_MIXED);
        days[day == day_of_time(NOON)]++;
        of_large += bole_slice_eq(info->tenant, S("large")) && info->row_count == 2 * large;
        shared += info->tenant.len == 0 && info->row_count == 22;
    }
    CHECK(days[0] == 1 && days[1] == 2 && of_large == 1 && shared == 1);
    CHECK_EQ_U64(merge(s, true).merges, 0);
    store_destroy(s);
    CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
    fs_mem_destroy(fs);
}

/* ---- other threads ---- */

static void *insert_and_cut(void *arg)
{
    struct store *s = arg;
    for (uint64_t lsn = 1; lsn <= 400; lsn++) {
        fixture_insert(s, lsn);
        if (lsn % 4 == 0)
            fixture_cut(s, lsn);
    }
    return NULL;
}

TEST(readers_see_every_row_once_while_segments_are_merged)
{
    struct fs *fs = fs_mem_create();
    struct store *s;
    struct bole_err err;
    struct store_options options = {.uri = S("segments:/data"), .fs = fs, .clock = &fixture_clock.base, .merges = true};
    CHECK_OK(store_open(&options, &s, &err), err);
    pthread_t writer;
    uint64_t groups = 0;
    CHECK_EQ_U64(pthread_create(&writer, NULL, insert_and_cut, s), 0);
    while (groups < 400) {
        uint64_t seen = fixture_check_store(s);
        CHECK(seen >= groups);
        groups = seen;
    }
    pthread_join(writer, NULL);
    merge(s, true);
    CHECK(stats_of(s).merges.merges > 1);
    CHECK_EQ_U64(stats_of(s).segment_count, 1);
    CHECK_EQ_U64(fixture_check_store(s), 400);
    CHECK_EQ_U64(files_of(fs), 1);
    store_destroy(s);
    fs_mem_destroy(fs);
}
