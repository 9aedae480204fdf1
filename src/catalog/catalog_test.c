#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/test.h"
#include "catalog/catalog.h"

static const char uri[] = "sqlite:/data/catalog.db";
static unsigned fatal_count;

static void count_fatal(const struct bole_err *err)
{
    fatal_count++;
}

static bole_status try_open(struct fs *fs, struct catalog **ret_catalog, struct bole_err *err)
{
    struct catalog_options options = {.uri = bole_slice_str(uri), .fs = fs, .on_fatal = count_fatal};
    return catalog_open(&options, ret_catalog, err);
}

static struct catalog *open_catalog(struct fs *fs)
{
    struct catalog *c = NULL;
    struct bole_err err;
    CHECK_OK(try_open(fs, &c, &err), err);
    return c;
}

static struct fs *disk(void)
{
    struct fs *fs = fs_mem_create();
    CHECK_EQ_STATUS(fs_make_dir(fs, "/data", NULL), BOLE_OK);
    return fs;
}

static struct catalog_segment segment(uint64_t id)
{
    return (struct catalog_segment){.id = id,
                                    .key = S("0001.seg"),
                                    .size_bytes = 10 * id,
                                    .raw_bytes = 100 * id,
                                    .row_count = id,
                                    .min_time_ns = -5,
                                    .max_time_ns = INT64_MAX,
                                    .min_lsn = id,
                                    .max_lsn = id,
                                    .created_ns = 7,
                                    .keep_ns = -6,
                                    .level = 3,
                                    .group_streams = 4,
                                    .tenant = id % 2 ? S("team-a") : S(""),
                                    .digest = {(uint8_t)id, [15] = 0xff}};
}

static bole_status commit(struct catalog *c, uint64_t add_id, uint64_t remove_id, uint64_t lsn, struct bole_err *err)
{
    struct catalog_segment s = segment(add_id);
    return catalog_commit(c, &(struct catalog_change){.add = &s, .add_count = add_id != 0, .remove_ids = &remove_id,
                                                      .remove_count = remove_id != 0, .position_lsn = lsn}, err);
}

struct content {
    uint64_t count, id_sum, position;
};

static bole_status add_up(const struct catalog_segment *s, void *ctx)
{
    struct content *content = ctx;
    struct catalog_segment expected = segment(s->id);
    CHECK_EQ_SLICE(s->key, expected.key);
    CHECK(s->size_bytes == expected.size_bytes && s->raw_bytes == expected.raw_bytes &&
          s->row_count == expected.row_count);
    CHECK(s->min_time_ns == -5 && s->max_time_ns == INT64_MAX && s->min_lsn == s->id && s->created_ns == 7);
    CHECK(s->keep_ns == -6 && s->level == 3 && memcmp(s->digest, expected.digest, sizeof s->digest) == 0);
    CHECK_EQ_SLICE(s->tenant, expected.tenant);
    content->count++;
    content->id_sum += s->id;
    return BOLE_OK;
}

static struct content content_of(struct catalog *c)
{
    struct content content = {0};
    struct bole_err err;
    CHECK_OK(catalog_segments(c, add_up, &content, &err), err);
    CHECK_OK(catalog_position(c, &content.position, &err), err);
    return content;
}

TEST(a_change_is_kept_over_a_restart)
{
    struct fs *fs = disk();
    struct catalog *c = open_catalog(fs);
    struct bole_err err;
    CHECK_EQ_U64(content_of(c).position, 0);
    CHECK_EQ_U64(catalog_next_segment_id(c), 1);
    CHECK_EQ_U64(catalog_next_segment_id(c), 2);
    CHECK_OK(commit(c, 1, 0, 10, &err), err);
    CHECK_OK(commit(c, 5, 0, 20, &err), err);
    CHECK_OK(commit(c, 6, 1, 0, &err), err);
    CHECK_OK(catalog_put(c, S("store"), S("name"), S("a\0b"), &err), err);
    CHECK_OK(catalog_put(c, S("store"), S("empty"), S(""), &err), err);
    catalog_destroy(c);
    c = open_catalog(fs);
    struct content content = content_of(c);
    CHECK_EQ_U64(content.count, 2);
    CHECK_EQ_U64(content.id_sum, 11);
    CHECK_EQ_U64(content.position, 20);
    CHECK_EQ_U64(catalog_next_segment_id(c), 7);
    struct arena arena;
    arena_init(&arena, NULL);
    bole_slice value;
    CHECK_OK(catalog_get(c, S("store"), S("name"), &arena, &value, &err), err);
    CHECK_EQ_SLICE(value, S("a\0b"));
    CHECK_OK(catalog_get(c, S("store"), S("empty"), &arena, &value, &err), err);
    CHECK_EQ_U64(value.len, 0);
    CHECK_EQ_STATUS(catalog_get(c, S("other"), S("name"), &arena, &value, &err), BOLE_E_NOTFOUND);
    arena_deinit(&arena);
    catalog_destroy(c);
    fs_mem_destroy(fs);
}

static bole_status join_item(bole_slice key, bole_slice value, void *ctx)
{
    struct buf *all = ctx;
    buf_put(all, key);
    buf_put_u8(all, '=');
    buf_put(all, value);
    buf_put_u8(all, ';');
    return BOLE_OK;
}

TEST(items_change_with_segments_or_not_at_all)
{
    struct fs *fs = disk();
    struct catalog *c = open_catalog(fs);
    struct bole_err err;
    struct buf all;
    uint64_t missing = 77;
    struct catalog_item items[] = {{S("deletes"), S("b"), S("2")}, {S("deletes"), S("a"), S("1")}, {S("other"), S("a"), S("x")}};
    buf_init(&all, NULL);
    CHECK_OK(catalog_commit(c, &(struct catalog_change){.put = items, .put_count = 3}, &err), err);
    items[0].value = S("3");
    struct catalog_change bad = {.put = items, .put_count = 1, .remove_ids = &missing, .remove_count = 1};
    CHECK_EQ_STATUS(catalog_commit(c, &bad, &err), BOLE_E_NOTFOUND);
    CHECK_OK(catalog_items(c, S("deletes"), join_item, &all, &err), err);
    CHECK_EQ_SLICE(buf_slice(&all), S("a=1;b=2;"));
    CHECK_OK(catalog_commit(c, &(struct catalog_change){.put = items, .put_count = 1}, &err), err);
    catalog_destroy(c);
    c = open_catalog(fs);
    buf_reset(&all);
    CHECK_OK(catalog_items(c, S("deletes"), join_item, &all, &err), err);
    CHECK_EQ_SLICE(buf_slice(&all), S("a=1;b=3;"));
    items[0].value = (bole_slice){0}; /* goes */
    CHECK_OK(catalog_commit(c, &(struct catalog_change){.put = items, .put_count = 1}, &err), err);
    buf_reset(&all);
    CHECK_OK(catalog_items(c, S("deletes"), join_item, &all, &err), err);
    CHECK_EQ_SLICE(buf_slice(&all), S("a=1;"));
    buf_deinit(&all);
    catalog_destroy(c);
    fs_mem_destroy(fs);
}

TEST(an_image_holds_the_same)
{
    struct fs *fs = disk(), *other = disk();
    struct catalog *c = open_catalog(fs);
    struct bole_err err;
    struct buf image;
    buf_init(&image, NULL);
    CHECK_OK(commit(c, 1, 0, 10, &err), err);
    CHECK_OK(commit(c, 2, 0, 20, &err), err);
    CHECK_OK(catalog_image(c, &image, &err), err);
    CHECK_OK(commit(c, 3, 1, 30, &err), err); /* too late for it */
    CHECK_OK(fs_write_file(other, "/data/catalog.db", buf_slice(&image), &err), err);
    struct catalog *copy = open_catalog(other);
    struct content content = content_of(copy);
    CHECK_EQ_U64(content.count, 2);
    CHECK_EQ_U64(content.id_sum, 3);
    CHECK_EQ_U64(content.position, 20);
    CHECK_EQ_U64(content_of(c).position, 30);
    buf_deinit(&image);
    catalog_destroy(copy);
    catalog_destroy(c);
    fs_mem_destroy(other);
    fs_mem_destroy(fs);
}

TEST(a_bad_change_changes_nothing)
{
    struct fs *fs = disk();
    struct catalog *c = open_catalog(fs);
    struct bole_err err;
    CHECK_OK(commit(c, 3, 0, 10, &err), err);
    CHECK_EQ_STATUS(commit(c, 4, 0, 9, &err), BOLE_E_CONFLICT);   /* the position goes back */
    CHECK_EQ_STATUS(commit(c, 3, 0, 11, &err), BOLE_E_CONFLICT);  /* the id is taken */
    CHECK_EQ_STATUS(commit(c, 4, 99, 11, &err), BOLE_E_NOTFOUND); /* nothing to remove */
    struct content content = content_of(c);
    CHECK_EQ_U64(content.id_sum, 3);
    CHECK_EQ_U64(content.position, 10);
    catalog_destroy(c);
    fs_mem_destroy(fs);
}

TEST(a_second_process_is_refused)
{
    struct fs *fs = disk();
    struct catalog *c = open_catalog(fs), *second;
    struct bole_err err;
    CHECK_EQ_STATUS(try_open(fs, &second, &err), BOLE_E_CONFLICT);
    catalog_destroy(c);
    fs_mem_destroy(fs);
}

/* Fails the n-th call that changes something, cuts the power with and without luck, and looks again. */
TEST(after_any_failure_and_power_cut_it_is_the_old_or_the_new_state)
{
    for (unsigned round = 0;; round++) {
        unsigned n = round / 3 + 1, seed = round % 3;
        struct fs *fs = disk();
        struct bole_err err;
        struct catalog *c = open_catalog(fs);
        for (uint64_t id = 1; id <= 3; id++)
            CHECK_OK(commit(c, id, 0, id, &err), err);
        fatal_count = 0;
        fs_mem_set_faults(fs, &(struct fs_mem_faults){
                                  .fail_call_index = n, .fail_errno = n % 2 ? 28 : 5, .fail_is_short = seed == 1});
        bole_status st = commit(c, 4, 1, 4, &err);
        if (st >= 0)
            st = commit(c, 5, 0, 5, &err) < 0 ? BOLE_END : BOLE_OK;
        uint64_t calls = fs_mem_call_count(fs);
        fs_mem_set_faults(fs, &(struct fs_mem_faults){0});
        if (st != BOLE_OK && fatal_count == 0) { /* not fatal: it must be of use again at once */
            CHECK_OK(commit(c, 9, 0, 9, &err), err);
        }
        fs_mem_power_cut(fs, seed);
        catalog_destroy(c);
        c = open_catalog(fs);
        struct content content = content_of(c);
        bool known = content.position == 3 ? content.id_sum == 6
                   : content.position == 4 ? content.id_sum == 9
                   : content.position == 5 ? content.id_sum == 14
                                           : content.position == 9 && (content.id_sum == 15 || content.id_sum == 18);
        CHECK(known);
        if (st == BOLE_OK)
            CHECK_EQ_U64(content.position, 5);
        if (st == BOLE_END)
            CHECK(content.position >= 4);
        catalog_destroy(c);
        fs_mem_destroy(fs);
        if (calls < n && seed == 2)
            break;
        CHECK(n < 100);
    }
}

TEST(a_power_cut_while_it_is_made_leaves_one_that_can_be_made)
{
    for (unsigned n = 1;; n++) {
        struct fs *fs = disk();
        struct catalog *c = NULL;
        struct bole_err err;
        fs_mem_set_faults(fs, &(struct fs_mem_faults){.fail_call_index = n, .fail_errno = 5});
        bole_status st = try_open(fs, &c, &err);
        uint64_t calls = fs_mem_call_count(fs);
        fs_mem_set_faults(fs, &(struct fs_mem_faults){0});
        fs_mem_power_cut(fs, n);
        catalog_destroy(st < 0 ? NULL : c);
        c = open_catalog(fs);
        CHECK_EQ_U64(content_of(c).position, 0);
        catalog_destroy(c);
        fs_mem_destroy(fs);
        if (calls < n)
            break;
        CHECK(n < 200);
    }
}

TEST(a_failed_sync_is_fatal)
{
    struct fs *fs = disk();
    struct catalog *c = open_catalog(fs);
    struct bole_err err;
    fatal_count = 0;
    for (unsigned n = 1; fatal_count == 0; n++) {
        CHECK(n < 20);
        fs_mem_set_faults(fs, &(struct fs_mem_faults){.fail_call_index = n, .fail_errno = 5});
        CHECK(commit(c, 1, 0, 1, &err) < 0);
    }
    fs_mem_set_faults(fs, &(struct fs_mem_faults){0});
    CHECK_EQ_STATUS(commit(c, 1, 0, 1, &err), BOLE_E_IO); /* the hook came back: dead for good */
    CHECK_EQ_U64(fatal_count, 1);
    catalog_destroy(c);
    fs_mem_destroy(fs);
}

/* After a failed sync the pages are in the cache, marked clean: the next start sees them, and must not trust them. */
TEST(what_a_start_has_seen_survives_a_power_cut)
{
    unsigned seen_new = 0;
    for (unsigned n = 1;; n++) {
        struct fs *fs = disk();
        struct catalog *c = open_catalog(fs);
        struct bole_err err;
        CHECK_OK(commit(c, 1, 0, 1, &err), err);
        fs_mem_set_faults(fs, &(struct fs_mem_faults){.fail_call_index = n, .fail_errno = 5});
        commit(c, 2, 0, 2, &err);
        uint64_t calls = fs_mem_call_count(fs);
        fs_mem_set_faults(fs, &(struct fs_mem_faults){0});
        catalog_destroy(c);
        c = open_catalog(fs);
        uint64_t position = content_of(c).position;
        seen_new += position == 2;
        fs_mem_power_cut(fs, 0);
        catalog_destroy(c);
        c = open_catalog(fs);
        CHECK_EQ_U64(content_of(c).position, position);
        catalog_destroy(c);
        fs_mem_destroy(fs);
        if (calls < n)
            break;
        CHECK(n < 100);
    }
    CHECK(seen_new >= 2); /* a sync that failed, and the round in which nothing did */
}

TEST(a_full_disk_is_said_and_survived)
{
    struct fs *fs = disk();
    struct catalog *c = open_catalog(fs);
    struct bole_err err;
    uint64_t id = 1;
    fs_mem_set_faults(fs, &(struct fs_mem_faults){.capacity_bytes = 60000});
    bole_status st = BOLE_OK;
    while (st >= 0) {
        st = commit(c, id, 0, id, &err);
        id += st >= 0;
        CHECK(id < 1000);
    }
    CHECK_EQ_STATUS(st, BOLE_E_FULL);
    fs_mem_set_faults(fs, &(struct fs_mem_faults){0});
    CHECK_OK(commit(c, id, 0, id, &err), err);
    CHECK_EQ_U64(content_of(c).count, id);
    catalog_destroy(c);
    fs_mem_destroy(fs);
}

static void count_problem(const char *problem, void *ctx)
{
    ++*(unsigned *)ctx;
}

/* Bits of a stored catalogue are flipped one at a time: the rows come back right or the file is refused. */
TEST(flipped_bits_never_give_wrong_rows)
{
    struct fs *fs = disk();
    struct bole_err err;
    struct catalog *c = open_catalog(fs);
    for (uint64_t id = 1; id <= 20; id++)
        CHECK_OK(commit(c, id, 0, id, &err), err);
    catalog_destroy(c);
    struct file *f;
    uint64_t size;
    unsigned refused = 0, problems = 0;
    CHECK_OK(fs_open(fs, "/data/catalog.db", FS_READ, &f, &err), err);
    CHECK_OK(file_size(f, &size, &err), err);
    file_close(f);
    for (uint64_t at = 0; at < size; at += 13) {
        fs_mem_flip_bit(fs, "/data/catalog.db", at, (unsigned)at % 8);
        struct content content = {0};
        bole_status st = try_open(fs, &c, &err);
        if (st >= 0) {
            st = catalog_segments(c, add_up, &content, &err);
            if (st >= 0)
                st = catalog_position(c, &content.position, &err);
            if (st >= 0)
                CHECK_EQ_STATUS(catalog_check(c, count_problem, &problems, &err), BOLE_OK);
            catalog_destroy(c);
        }
        refused += st < 0;
        if (st >= 0)
            CHECK(content.count == 20 && content.id_sum == 210 && content.position == 20);
        fs_mem_flip_bit(fs, "/data/catalog.db", at, (unsigned)at % 8);
    }
    CHECK(refused > 50);
    CHECK(problems > 0);
    fs_mem_destroy(fs);
}

static void change_by_hand(const char *path, const char *sql)
{
    sqlite3 *db;
    CHECK_EQ_STATUS(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_EQ_STATUS(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

TEST(foreign_newer_and_hostile_files_are_refused)
{
    static const struct {
        const char *sql;
        bole_status status;
        const char *message;
    } cases[] = {
        {"UPDATE schema_version SET version = 4", BOLE_E_UNSUPPORTED, "start the newer Bole"},
        {"UPDATE schema_version SET version = 0", BOLE_E_CORRUPT, "none that a release"},
        {"PRAGMA application_id = 1", BOLE_E_CORRUPT, "not a catalogue of Bole"},
        {"DROP TABLE segment", BOLE_E_CORRUPT, "no such table"},
        {"DROP TABLE segment; CREATE VIEW segment AS SELECT 1 AS id", BOLE_E_CORRUPT, "no such column"},
        {"UPDATE state SET position_lsn = 5", BOLE_E_CORRUPT, "checksum of the position"},
        {"UPDATE state SET position_lsn = 'x', crc = zeroblob(10000)", BOLE_E_CORRUPT, "checksum of the position"},
        {"DELETE FROM state", BOLE_E_CORRUPT, "missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char dir[] = "/tmp/bole-catalog-XXXXXX", path[64], file_uri[80];
        CHECK(mkdtemp(dir) != NULL);
        snprintf(path, sizeof path, "%s/c.db", dir);
        snprintf(file_uri, sizeof file_uri, "sqlite:%s", path);
        struct catalog_options options = {.uri = bole_slice_str(file_uri), .fs = &fs_posix};
        struct catalog *c;
        struct bole_err err;
        CHECK_OK(catalog_open(&options, &c, &err), err);
        catalog_destroy(c);
        change_by_hand(path, cases[i].sql);
        bole_status st = catalog_open(&options, &c, &err);
        CHECK_EQ_STATUS(st, cases[i].status);
        CHECK(strstr(err.msg, cases[i].message) != NULL);
        unlink(path);
        rmdir(dir);
    }
}

/* What is open is enough to commit; to open needs descriptors, and that there is none is no failed sync and no absent
 * file. */
TEST(without_a_descriptor_commits_go_on_and_opening_is_refused)
{
    struct fs *fs = disk();
    struct catalog *c = open_catalog(fs), *second = NULL;
    struct bole_err err;
    fatal_count = 0;
    fs_mem_set_faults(fs, &(struct fs_mem_faults){.no_descriptors = true});
    for (uint64_t id = 1; id <= 600; id++) /* more than a checkpoint of SQLite's log */
        CHECK_OK(commit(c, id, 0, id, &err), err);
    catalog_destroy(c);
    CHECK(try_open(fs, &second, &err) < 0);
    fs_mem_set_faults(fs, &(struct fs_mem_faults){0});
    c = open_catalog(fs);
    CHECK_EQ_U64(content_of(c).count, 600);
    CHECK_EQ_U64(fatal_count, 0);
    catalog_destroy(c);
    fs_mem_destroy(fs);
}
