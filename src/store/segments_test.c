/* `segments:` against failing disks, lost power, lost files and other threads. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/test.h"
#include "store/segments_fixture.h"

enum { GROUPS = 12 };

TEST(rows_survive_cuts_and_restarts)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    fixture_cut(s, 0); /* nothing to cut is fine */
    fixture_insert_groups(s, 1, 4);
    fixture_cut(s, 4);
    fixture_insert_groups(s, 5, 8);
    fixture_cut(s, 8);
    CHECK_EQ_U64(fixture_check_store(s), 8);
    fixture_insert_groups(s, 9, 10);
    CHECK_EQ_U64(fixture_check_store(s), 10);
    store_destroy(s);
    CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
    s = fixture_open_store(fs);
    CHECK_EQ_U64(store_position(s), 8);
    CHECK_EQ_U64(fixture_check_store(s), 8);
    fixture_insert_groups(s, 9, 10);
    CHECK_EQ_U64(fixture_check_store(s), 10);
    struct store_stats stats;
    store_stats(s, &stats);
    CHECK_EQ_U64(stats.segment_count, 2);
    CHECK_EQ_U64(stats.segment_rows, 8 * ROWS_PER_GROUP);
    CHECK_EQ_U64(stats.head_rows, 2 * ROWS_PER_GROUP);
    store_destroy(s);
    fs_mem_destroy(fs);
}

TEST(it_wants_a_cut_when_the_head_is_full_or_old)
{
    struct fs *fs = fs_mem_create();
    struct store *s;
    struct bole_err err;
    struct store_options options = {.uri = S("segments:/data"),
                                    .fs = fs,
                                    .clock = &fixture_clock.base,
                                    .head_max_bytes = 20000,
                                    .cut_interval_ns = 1000};
    clock_manual_init(&fixture_clock, 1790000000ll * NS_PER_S);
    CHECK_OK(store_open(&options, &s, &err), err);
    CHECK(!store_wants_cut(s));
    fixture_insert(s, 1);
    CHECK(!store_wants_cut(s));
    clock_manual_advance(&fixture_clock, 1000);
    CHECK(store_wants_cut(s));
    fixture_cut(s, 1);
    CHECK(!store_wants_cut(s));
    fixture_insert_groups(s, 2, 9);
    CHECK(store_wants_cut(s));
    store_destroy(s);
    fs_mem_destroy(fs);
}

/* What the queue does after a restart. */
static void replay(struct store *s)
{
    fixture_insert_groups(s, store_position(s) + 1, GROUPS);
}

/* Fails the n-th call that changes the disk in the middle of a cut; then with lost power, with luck and without. */
TEST(no_failure_in_a_cut_loses_or_doubles_a_row)
{
    for (unsigned round = 0;; round++) {
        unsigned n = round / 4 + 1, how = round % 4;
        struct fs *fs = fs_mem_create();
        struct store *s = fixture_open_store(fs);
        struct bole_err err;
        uint64_t lsn;
        fixture_fatal_count = 0;
        fixture_insert_groups(s, 1, 5);
        fixture_cut(s, 5);
        fixture_insert_groups(s, 6, 9);
        fs_mem_set_faults(fs, &(struct fs_mem_faults){
                                  .fail_call_index = n, .fail_errno = how == 3 ? 28 : 5, .fail_is_short = how == 1});
        bole_status st = store_cut(s, &lsn, &err);
        uint64_t calls = fs_mem_call_count(fs);
        fs_mem_set_faults(fs, &(struct fs_mem_faults){0});
        CHECK_EQ_U64(fixture_check_store(s), 9); /* whatever the disk says, what was searchable stays so */
        if (st >= 0)
            CHECK_EQ_U64(lsn, 9);
        fixture_insert_groups(s, 10, GROUPS);
        if (st < 0 && fixture_fatal_count == 0 && how != 0) { /* it was not fatal: the next try succeeds */
            fixture_cut(s, GROUPS);
            CHECK_EQ_U64(fixture_check_store(s), GROUPS);
        }
        fs_mem_power_cut(fs, how);
        store_destroy(s);
        s = fixture_open_store(fs);
        CHECK(store_position(s) >= (st >= 0 ? 9u : 5u));
        replay(s);
        CHECK_EQ_U64(fixture_check_store(s), GROUPS);
        store_destroy(s);
        CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0); /* no file is left over, either */
        fs_mem_destroy(fs);
        if (calls < n && how == 3)
            break;
        CHECK(n < 60);
    }
}

TEST(no_failure_while_opening_loses_anything)
{
    for (unsigned n = 1;; n++) {
        struct fs *fs = fs_mem_create();
        struct store *s = fixture_open_store(fs);
        struct bole_err err;
        fixture_insert_groups(s, 1, 5);
        fixture_cut(s, 5);
        store_destroy(s);
        fs_mem_set_faults(fs, &(struct fs_mem_faults){.fail_call_index = n, .fail_errno = 5});
        bole_status st = fixture_try_open(fs, &s, &err);
        uint64_t calls = fs_mem_call_count(fs);
        fs_mem_set_faults(fs, &(struct fs_mem_faults){0});
        fs_mem_power_cut(fs, n);
        store_destroy(st < 0 ? NULL : s);
        s = fixture_open_store(fs);
        replay(s);
        CHECK_EQ_U64(fixture_check_store(s), GROUPS);
        store_destroy(s);
        fs_mem_destroy(fs);
        if (calls < n)
            break;
        CHECK(n < 100);
    }
}

TEST(a_full_disk_keeps_the_head_and_passes)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    struct bole_err err;
    uint64_t lsn;
    fixture_insert_groups(s, 1, GROUPS);
    fs_mem_set_faults(fs, &(struct fs_mem_faults){.capacity_bytes = 1});
    CHECK_EQ_STATUS(store_cut(s, &lsn, &err), BOLE_E_FULL);
    CHECK_EQ_U64(fixture_check_store(s), GROUPS);
    CHECK_EQ_U64(store_position(s), 0);
    fs_mem_set_faults(fs, &(struct fs_mem_faults){0});
    fixture_cut(s, GROUPS);
    CHECK_EQ_U64(fixture_check_store(s), GROUPS);
    store_destroy(s);
    CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
    fs_mem_destroy(fs);
}

TEST(a_view_stays_as_it_was)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    fixture_insert_groups(s, 1, 3);
    struct view *before = store_view(s);
    fixture_insert_groups(s, 4, 5);
    fixture_cut(s, 5);
    fixture_insert(s, 6);
    struct view *after = store_view(s);
    fixture_insert_groups(s, 7, 9);
    fixture_cut(s, 9);
    CHECK_EQ_U64(fixture_check_view(s, before), 3);
    CHECK_EQ_U64(fixture_check_view(s, after), 6);
    CHECK_EQ_U64(fixture_check_store(s), 9);
    store_view_release(s, before);
    store_view_release(s, after);
    store_destroy(s);
    fs_mem_destroy(fs);
}

static void *insert_and_cut(void *arg)
{
    struct store *s = arg;
    for (uint64_t lsn = 1; lsn <= 300; lsn++) {
        fixture_insert(s, lsn);
        if (lsn % 20 == 0)
            fixture_cut(s, lsn);
    }
    return NULL;
}

TEST(readers_never_see_a_row_missing_or_twice_while_it_moves)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    pthread_t writer;
    uint64_t groups = 0;
    CHECK_EQ_U64(pthread_create(&writer, NULL, insert_and_cut, s), 0);
    while (groups < 300) {
        uint64_t seen = fixture_check_store(s);
        CHECK(seen >= groups);
        groups = seen;
    }
    pthread_join(writer, NULL);
    store_destroy(s);
    fs_mem_destroy(fs);
}

/* ---- what a person or a disk can do to the directory ---- */

static void remove_catalog(struct fs *fs)
{
    CHECK_EQ_STATUS(fs_unlink(fs, "/data/catalog.db", NULL), BOLE_OK);
    fs_unlink(fs, "/data/catalog.db-wal", NULL);
}

TEST(a_lost_catalogue_stops_the_start_before_segments_are_touched)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    struct bole_err err;
    struct file *f;
    fixture_insert(s, 1);
    fixture_cut(s, 1);
    store_destroy(s);
    remove_catalog(fs);
    CHECK_EQ_STATUS(fixture_try_open(fs, &s, &err), BOLE_E_CORRUPT);
    CHECK(strstr(err.msg, "another catalogue") != NULL);
    CHECK_EQ_STATUS(fixture_try_open(fs, &s, &err),
                    BOLE_E_CORRUPT); /* the new catalogue made by the first try changes nothing */
    CHECK_EQ_STATUS(fs_open(fs, "/data/segments/0000000000000001.seg", FS_READ, &f, &err), BOLE_OK);
    file_close(f);
    fs_mem_destroy(fs);
}

TEST(a_foreign_file_is_left_alone_and_reported)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    struct bole_err err;
    fixture_insert(s, 1);
    fixture_cut(s, 1);
    store_destroy(s);
    CHECK_OK(fs_write_file(fs, "/data/segments/notes.txt", S("mine"), &err), err);
    s = fixture_open_store(fs);
    CHECK_EQ_U64(fixture_check_store(s), 1);
    store_destroy(s);
    struct file *f;
    CHECK_EQ_STATUS(fs_open(fs, "/data/segments/notes.txt", FS_READ, &f, &err), BOLE_OK);
    file_close(f);
    unsigned ignored = 0;
    CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, &ignored), 1);
    fs_mem_destroy(fs);
}

static struct store_scan_stats look_for(struct store *s, bole_slice needle, uint64_t *ret_rows)
{
    struct store_predicate contains = {.kind = PREDICATE_LINE_CONTAINS, .value = needle};
    struct store_query q = {.tenant = S("default"),
                            .from_ns = INT64_MIN,
                            .to_ns = INT64_MAX,
                            .predicates = &contains,
                            .predicate_count = 1,
                            .projection = PROJECT_LINE};
    struct view *view = store_view(s);
    struct store_scan_stats stats;
    struct scan *scan;
    struct vector *v;
    struct bole_err err;
    CHECK_OK(store_scan_open(s, view, &q, &scan, &err), err);
    *ret_rows = 0;
    while (store_scan_next(scan, &v, &err) == BOLE_OK)
        for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r))
            ++*ret_rows;
    store_scan_stats(scan, &stats);
    store_scan_close(scan);
    store_view_release(s, view);
    return stats;
}

TEST(an_address_that_is_nowhere_opens_no_row_group)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    uint64_t rows;
    fixture_insert_groups(s, 1, 4);
    fixture_cut(s, 4);
    CHECK_EQ_U64(look_for(s, S("10.1.2.3"), &rows).pruned_by_tokens, 1); /* although each number is a word of some line */
    CHECK_EQ_U64(rows, 0);
    CHECK_EQ_U64(look_for(s, S("row 3"), &rows).pruned_by_tokens, 0);
    CHECK(rows > 0);
    store_destroy(s);
    fs_mem_destroy(fs);
}

/* A row whose field is called so. */
static void insert_field(struct store *s, uint64_t lsn, bole_slice key)
{
    struct batch_builder *b = batch_builder_create(NULL);
    struct batch_field field = {key, S("value")};
    struct batch *batch;
    struct bole_err err;
    uint32_t stream;
    CHECK_OK(batch_builder_stream(b, S("default"), S("\3app\1a"), 0, &stream, &err), err);
    for (unsigned i = 0; i < 10; i++) /* fewer have no column of their own */
        CHECK_OK(batch_builder_add(b, 1790000000ll * NS_PER_S, stream, S("line"), &field, 1, &err), err);
    CHECK_OK(batch_builder_seal(b, 1790000000ll * NS_PER_S, NULL, &batch, &err), err);
    CHECK_OK(store_insert(s, lsn, &batch, 1, &err), err);
    batch_unref(batch);
    batch_builder_destroy(b);
}

static bool comes_without_fields(struct store *s, const struct store_fields *only)
{
    struct store_query q = {
        .tenant = S("default"), .from_ns = INT64_MIN, .to_ns = INT64_MAX, .projection = PROJECT_FIELDS, .only_fields = only};
    struct view *view = store_view(s);
    struct scan *scan;
    struct vector *v;
    struct bole_err err;
    CHECK_OK(store_scan_open(s, view, &q, &scan, &err), err);
    CHECK_OK(store_scan_next(scan, &v, &err), err);
    bool without = v->has_no_fields;
    store_scan_close(scan);
    store_view_release(s, view);
    return without;
}

TEST(fields_that_do_not_matter_are_as_if_they_were_not_there)
{
    static const bole_slice names[] = {S("level"), S("word")};
    static const struct { bole_slice key; bool matters;
    } cases[] = {{S("level"), true}, {S("word"), true}, {S("words"), false}, {S("__error__"), true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fs *fs = fs_mem_create();
        struct store *s = fixture_open_store(fs);
        insert_field(s, 1, cases[i].key);
        fixture_cut(s, 1);
        CHECK(!comes_without_fields(s, NULL));
        CHECK_EQ_U64(comes_without_fields(s, &(struct store_fields){names, 2}), !cases[i].matters);
        store_destroy(s);
        fs_mem_destroy(fs);
    }
}

TEST(a_question_asked_again_reads_no_file)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    uint64_t rows, again;
    fixture_insert_groups(s, 1, 4);
    fixture_cut(s, 4);
    CHECK_EQ_U64(look_for(s, S("row 3"), &rows).bad_chunks, 0);
    CHECK_EQ_STATUS(fs_unlink(fs, "/data/segments/0000000000000001.seg", NULL), BOLE_OK);
    CHECK_EQ_U64(look_for(s, S("row 3"), &again).bad_chunks, 0);
    CHECK_EQ_U64(again, rows);
    store_destroy(s);
    fs_mem_destroy(fs);
}

static uint64_t rows_with_damage(struct store *s, uint64_t *ret_bad)
{
    struct store_query q = {
        .tenant = S("default"), .from_ns = INT64_MIN, .to_ns = INT64_MAX, .projection = PROJECT_LINE};
    struct view *view = store_view(s);
    struct scan *scan;
    struct vector *v;
    struct bole_err err;
    uint64_t rows = 0;
    CHECK_OK(store_scan_open(s, view, &q, &scan, &err), err);
    while (store_scan_next(scan, &v, &err) == BOLE_OK)
        for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r))
            rows++;
    struct store_scan_stats stats;
    store_scan_stats(scan, &stats);
    *ret_bad = stats.bad_chunks;
    store_scan_close(scan);
    store_view_release(s, view);
    return rows;
}

TEST(a_missing_segment_costs_its_rows_and_a_warning)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    fixture_insert(s, 1);
    fixture_cut(s, 1);
    fixture_insert(s, 2);
    fixture_cut(s, 2);
    store_destroy(s);
    CHECK_EQ_STATUS(fs_unlink(fs, "/data/segments/0000000000000001.seg", NULL), BOLE_OK);
    s = fixture_open_store(fs);
    uint64_t bad;
    CHECK_EQ_U64(rows_with_damage(s, &bad), ROWS_PER_GROUP);
    CHECK_EQ_U64(bad, 1);
    struct store_stats stats;
    rows_with_damage(s, &bad);
    store_stats(s, &stats);
    CHECK_EQ_U64(stats.bad_chunks, 1); /* counted once however often it is met */
    store_destroy(s);
    CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 1);
    fs_mem_destroy(fs);
}

static void expect_catalog(const struct store_problem *problem, void *ctx)
{
    *(bool *)ctx = *(bool *)ctx || bole_slice_eq(problem->file, S("catalog.db"));
}

TEST(check_names_a_damaged_catalogue_and_refuses_what_is_no_store)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    struct bole_err err;
    struct store_check_stats stats;
    bool named = false;
    fixture_insert(s, 1);
    fixture_cut(s, 1);
    CHECK_EQ_STATUS(store_check(S("/data"), fs, expect_catalog, &named, &stats, &err),
                    BOLE_E_CONFLICT); /* it is open */
    store_destroy(s);
    fs_mem_flip_bit(fs, "/data/catalog.db", 20, 3);
    fs_mem_flip_bit(fs, "/data/catalog.db", 0, 3);
    CHECK_OK(store_check(S("/data"), fs, expect_catalog, &named, &stats, &err), err);
    CHECK(named && stats.problems > 0);
    CHECK_EQ_STATUS(store_check(S("/nowhere"), fs, expect_catalog, &named, &stats, &err), BOLE_E_NOTFOUND);
    fs_mem_destroy(fs);
}

TEST(a_query_that_needs_too_much_memory_fails_alone)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    struct bole_err err;
    fixture_insert_groups(s, 1, GROUPS);
    fixture_cut(s, GROUPS);
    bole_status last = BOLE_E_LIMIT;
    unsigned refused = 0;
    for (size_t limit = 1000; last < 0; limit += limit / 8) {
        struct budget budget;
        budget_init(&budget, NULL, limit);
        struct store_query q = {.tenant = S("default"), .from_ns = INT64_MIN, .to_ns = INT64_MAX,
                                .projection = PROJECT_LINE | PROJECT_FIELDS, .budget = &budget};
        struct view *view = store_view(s);
        struct scan *scan;
        struct vector *v;
        last = store_scan_open(s, view, &q, &scan, &err);
        if (last >= 0) {
            while ((last = store_scan_next(scan, &v, &err)) == BOLE_OK)
                ;
            store_scan_close(scan);
        }
        store_view_release(s, view);
        CHECK(last == BOLE_END || last == BOLE_E_LIMIT);
        refused += last == BOLE_E_LIMIT;
        CHECK_EQ_U64(atomic_load(&budget.used_bytes), 0);
        CHECK(limit < 100 << 20);
    }
    CHECK(refused > 5);
    CHECK_EQ_U64(fixture_check_store(s), GROUPS);
    store_destroy(s);
    fs_mem_destroy(fs);
}
