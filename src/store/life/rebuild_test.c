/* rebuild_test.c - a catalogue is lost; the segments say what was in it, whatever a merge had come to. */
#include "store/life/rebuild.h"

#include <stdio.h>

#include "base/err.h"
#include "base/test.h"
#include "store/segment/segment.h"
#include "store/segments_fixture.h"

enum { SEGMENTS_MAX = 16 };

struct saved {
    struct buf bytes[SEGMENTS_MAX];
};

static void path_of(uint64_t id, char ret_path[64])
{
    char key[SEGMENT_KEY_SIZE];
    segment_key_of(id, key);
    snprintf(ret_path, 64, "/data/segments/%s", key);
}

static bool read_file(struct fs *fs, const char *path, struct buf *ret_bytes)
{
    struct file *f;
    uint64_t size;
    buf_init(ret_bytes, NULL);
    if (fs_open(fs, path, FS_READ, &f, NULL) < 0)
        return false;
    CHECK_EQ_STATUS(file_size(f, &size, NULL), BOLE_OK);
    CHECK(buf_reserve(ret_bytes, size));
    CHECK_EQ_STATUS(file_read(f, 0, ret_bytes->ptr, size, NULL, NULL), BOLE_OK);
    ret_bytes->len = size;
    file_close(f);
    return true;
}

/* All there are. */
static void save(struct fs *fs, struct saved *s)
{
    for (uint64_t id = 1; id < SEGMENTS_MAX; id++) {
        char path[64];
        struct buf bytes;
        path_of(id, path);
        if (!read_file(fs, path, &bytes))
            continue;
        buf_deinit(&s->bytes[id]);
        s->bytes[id] = bytes;
    }
}

static void put_back(struct fs *fs, uint64_t id, struct saved *s)
{
    char path[64];
    path_of(id, path);
    CHECK(s->bytes[id].len > 0);
    CHECK_EQ_STATUS(fs_write_file(fs, path, buf_slice(&s->bytes[id]), NULL), BOLE_OK);
}

static void drop(struct saved *s)
{
    for (size_t i = 0; i < SEGMENTS_MAX; i++)
        buf_deinit(&s->bytes[i]);
}

/* Segments 1 to `cuts`, of 10 groups each. */
static struct store *store_of_cuts(struct fs *fs, uint64_t cuts)
{
    struct store *s = fixture_open_store(fs);
    for (uint64_t i = 0; i < cuts; i++) {
        fixture_insert_groups(s, i * 10 + 1, i * 10 + 10);
        fixture_cut(s, i * 10 + 10);
    }
    return s;
}

static void merge_all(struct store *s)
{
    struct store_merge_stats stats;
    struct bole_err err;
    CHECK_OK(store_merge(s, STORE_MERGE_EVERYTHING, &stats, &err), err);
}

static void count_problem(const struct store_problem *p, void *ctx)
{
    ++*(unsigned *)ctx;
}

static struct store_rebuild_stats rebuild(struct fs *fs, unsigned expected_problems)
{
    struct store_rebuild_stats stats;
    struct bole_err err;
    unsigned problems = 0;
    CHECK_EQ_STATUS(fs_unlink(fs, "/data/catalog.db", NULL), BOLE_OK);
    CHECK_OK(store_rebuild(S("/data"), fs, 0, count_problem, &problems, &stats, &err), err);
    CHECK_EQ_U64(problems, expected_problems);
    return stats;
}

/* The store is whole again, and stays so over the removal of what was superseded. */
static void check_restored(struct fs *fs, uint64_t groups)
{
    for (int start = 0; start < 2; start++) {
        struct store *s = fixture_open_store(fs);
        CHECK_EQ_U64(fixture_check_store(s), groups);
        CHECK_EQ_U64(store_position(s), groups);
        store_destroy(s);
        CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
    }
}

static struct fs *disk(void)
{
    struct fs *fs = fs_mem_create();
    CHECK_EQ_STATUS(fs_make_dir(fs, "/data", NULL), BOLE_OK);
    return fs;
}

TEST(segments_of_cuts_make_the_catalogue_again)
{
    struct fs *fs = disk();
    store_destroy(store_of_cuts(fs, 3));
    struct store_rebuild_stats stats = rebuild(fs, 0);
    CHECK_EQ_U64(stats.segments, 3);
    CHECK_EQ_U64(stats.rows, 30 * ROWS_PER_GROUP);
    CHECK_EQ_U64(stats.max_lsn, 30);
    check_restored(fs, 30);
    fs_mem_destroy(fs);
}

/* Whichever of the inputs of a merge are still there beside its result. */
TEST(rows_that_a_merge_left_in_two_files_are_there_once)
{
    for (unsigned there = 0; there < 8; there++) {
        struct fs *fs = disk();
        struct saved saved = {0};
        struct store *s = store_of_cuts(fs, 3);
        save(fs, &saved);
        merge_all(s);
        fixture_insert_groups(s, 31, 35);
        fixture_cut(s, 35);
        store_destroy(s);
        for (uint64_t id = 1; id <= 3; id++)
            if (there >> (id - 1) & 1)
                put_back(fs, id, &saved);
        struct store_rebuild_stats stats = rebuild(fs, 0);
        CHECK_EQ_U64(stats.rows, 35 * ROWS_PER_GROUP);
        CHECK_EQ_U64(stats.superseded, there == 7 ? 1 : (unsigned)__builtin_popcount(there));
        check_restored(fs, 35);
        drop(&saved);
        fs_mem_destroy(fs);
    }
}

TEST(a_merge_of_merges_counts_once)
{
    for (unsigned there = 0; there < 4; there++) {
        struct fs *fs = disk();
        struct saved saved = {0};
        struct store *s = store_of_cuts(fs, 2);
        save(fs, &saved);
        merge_all(s);
        save(fs, &saved); /* 3: the result */
        fixture_insert_groups(s, 21, 30);
        fixture_cut(s, 30);
        merge_all(s);
        store_destroy(s);
        if (there & 1)
            put_back(fs, 1, &saved);
        if (there & 2)
            put_back(fs, 3, &saved);
        CHECK_EQ_U64(rebuild(fs, 0).rows, 30 * ROWS_PER_GROUP);
        check_restored(fs, 30);
        drop(&saved);
        fs_mem_destroy(fs);
    }
}

TEST(a_segment_that_cannot_be_read_is_moved_aside)
{
    struct fs *fs = disk();
    struct buf bytes;
    char path[64];
    store_destroy(store_of_cuts(fs, 3));
    path_of(2, path);
    CHECK(read_file(fs, path, &bytes));
    fs_mem_flip_bit(fs, path, bytes.len - 20, 3); /* in the footer */
    buf_deinit(&bytes);
    struct store_rebuild_stats stats = rebuild(fs, 1);
    CHECK_EQ_U64(stats.damaged, 1);
    CHECK_EQ_U64(stats.rows, 20 * ROWS_PER_GROUP);
    fs_mem_power_cut(fs, 0); /* back in its place it would be taken for a leftover */
    store_destroy(fixture_open_store(fs));
    CHECK(!read_file(fs, path, &bytes));
    CHECK(read_file(fs, "/data/damaged/0000000000000002.seg", &bytes));
    buf_deinit(&bytes);
    fs_mem_destroy(fs);
}

TEST(a_catalogue_that_is_there_is_kept_aside_and_nothing_is_lost_on_the_way)
{
    struct fs *fs = disk();
    struct store_rebuild_stats stats;
    struct bole_err err;
    struct buf bytes;
    unsigned problems = 0;
    store_destroy(store_of_cuts(fs, 2));
    CHECK_OK(store_rebuild(S("/data"), fs, 0, count_problem, &problems, &stats, &err), err);
    CHECK(read_file(fs, "/data/catalog.db.old", &bytes));
    buf_deinit(&bytes);
    CHECK_EQ_STATUS(store_rebuild(S("/data"), fs, 0, count_problem, &problems, &stats, &err), BOLE_E_CONFLICT);
    check_restored(fs, 20);
    fs_mem_destroy(fs);
}

TEST(what_the_log_has_forgotten_moves_the_position)
{
    struct fs *fs = disk();
    struct store_rebuild_stats stats;
    struct bole_err err;
    unsigned problems = 0;
    store_destroy(store_of_cuts(fs, 1));
    CHECK_OK(store_rebuild(S("/data"), fs, 77, count_problem, &problems, &stats, &err), err);
    CHECK_EQ_U64(stats.max_lsn, 10);
    struct store *s = fixture_open_store(fs);
    CHECK_EQ_U64(store_position(s), 77);
    store_destroy(s);
    fs_mem_destroy(fs);
}

TEST(a_directory_without_segments_is_told)
{
    struct fs *fs = disk();
    struct store_rebuild_stats stats;
    struct bole_err err;
    CHECK_EQ_STATUS(store_rebuild(S("/data"), fs, 0, NULL, NULL, &stats, &err), BOLE_E_NOTFOUND);
    fs_mem_destroy(fs);
}
