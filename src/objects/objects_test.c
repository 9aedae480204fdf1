/* One test for every implementation; what only files can do (a crash) stands below it. */
#include "base/err.h"
#include "base/test.h"
#include "objects/objects.h"

static const char *const uris[] = {"file:/data/objects", "mem:"};

static unsigned fatal_count; /* on_fatal has no argument; tests are one thread */

static void count_fatal(const struct bole_err *err)
{
    fatal_count++;
}

static struct objects *open_store(const char *uri, struct fs *fs)
{
    struct objects *o;
    struct bole_err err;
    struct objects_options options = {.uri = bole_slice_str(uri), .fs = fs, .on_fatal = count_fatal};
    CHECK_OK(objects_open(&options, &o, &err), err);
    return o;
}

static void put(struct objects *o, const char *key, bole_slice a, bole_slice b)
{
    struct bole_err err;
    bole_slice parts[] = {a, b};
    CHECK_OK(objects_put(o, bole_slice_str(key), parts, 2, &err), err);
}

static void check_content(struct objects *o, const char *key, bole_slice expected)
{
    struct bole_err err;
    uint8_t bytes[64];
    uint64_t size;
    CHECK_OK(objects_size(o, bole_slice_str(key), &size, &err), err);
    CHECK_EQ_U64(size, expected.len);
    CHECK_OK(objects_read(o, bole_slice_str(key), 0, expected.len, bytes, &err), err);
    CHECK_EQ_SLICE(bole_slice_from(bytes, expected.len), expected);
}

static bole_status count_key(bole_slice key, void *ctx)
{
    CHECK(bole_slice_starts(key, S("a")));
    ++*(size_t *)ctx;
    return BOLE_OK;
}

static size_t count(struct objects *o, const char *prefix)
{
    struct bole_err err;
    size_t n = 0;
    CHECK_OK(objects_list(o, bole_slice_str(prefix), count_key, &n, &err), err);
    return n;
}

static void conform(struct objects *o)
{
    uint8_t bytes[8];
    put(o, "a/one.seg", S("hello"), S(" world"));
    put(o, "a/two.seg", S(""), S("x"));
    put(o, "a-b", S(""), S(""));
    check_content(o, "a/one.seg", S("hello world"));
    check_content(o, "a-b", S(""));
    put(o, "a/one.seg", S("new"), S(""));
    check_content(o, "a/one.seg", S("new"));
    CHECK_OK(objects_read(o, S("a/one.seg"), 1, 2, bytes, NULL), (struct bole_err){0});
    CHECK_EQ_SLICE(bole_slice_from(bytes, 2), S("ew"));
    CHECK_EQ_STATUS(objects_read(o, S("a/one.seg"), 1, 3, bytes, NULL), BOLE_E_CORRUPT);
    CHECK_EQ_STATUS(objects_read(o, S("a/three"), 0, 1, bytes, NULL), BOLE_E_NOTFOUND);
    CHECK_EQ_STATUS(objects_size(o, S("a/three"), &(uint64_t){0}, NULL), BOLE_E_NOTFOUND);
    CHECK_EQ_U64(count(o, ""), 3);
    CHECK_EQ_U64(count(o, "a/"), 2);
    CHECK_EQ_STATUS(objects_remove(o, S("a/one.seg"), NULL), BOLE_OK);
    CHECK_EQ_STATUS(objects_remove(o, S("a/one.seg"), NULL), BOLE_OK);
    CHECK_EQ_U64(count(o, "a/"), 1);
    static const char *const bad_keys[] = {"", "/a", "a/", "a//b", ".", "a/../b", "a b", "a~", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof bad_keys / sizeof *bad_keys; i++)
        CHECK_EQ_STATUS(objects_put(o, bole_slice_str(bad_keys[i]), NULL, 0, NULL), BOLE_E_INVALID);
}

TEST(every_implementation_keeps_replaces_and_forgets)
{
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        struct fs *fs = fs_mem_create();
        struct objects *o = open_store(uris[i], fs);
        conform(o);
        objects_destroy(o);
        fs_mem_destroy(fs);
    }
}

TEST(an_object_is_not_there_before_it_is_finished)
{
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        struct fs *fs = fs_mem_create();
        struct objects *o = open_store(uris[i], fs);
        struct object_writer *w;
        struct bole_err err;
        for (unsigned finished = 0; finished < 2; finished++) {
            CHECK_OK(objects_create(o, S("a/big"), &w, &err), err);
            CHECK_OK(object_writer_write(w, S("one "), &err), err);
            CHECK_OK(object_writer_write(w, S("two"), &err), err);
            CHECK_EQ_U64(count(o, "a"), 0);
            if (finished)
                CHECK_OK(object_writer_finish(w, &err), err);
            object_writer_destroy(w);
            CHECK_EQ_U64(count(o, "a"), finished);
        }
        check_content(o, "a/big", S("one two"));
        objects_destroy(o);
        fs_mem_destroy(fs);
    }
}

TEST(an_unknown_scheme_names_the_known_ones)
{
    struct objects *o;
    struct bole_err err;
    CHECK_EQ_STATUS(objects_open(&(struct objects_options){.uri = S("ftp:x")}, &o, &err), BOLE_E_INVALID);
    CHECK(strstr(err.msg, "file:DIR, mem:") != NULL);
    CHECK_EQ_STATUS(objects_open(&(struct objects_options){.uri = S("file:")}, &o, &err), BOLE_E_INVALID);
}

/* Fails the n-th call that changes something and cuts the power: the object is the old one or the new one. */
TEST(a_file_put_is_all_or_nothing)
{
    for (unsigned n = 1;; n++) {
        struct fs *fs = fs_mem_create();
        struct objects *o = open_store(uris[0], fs);
        put(o, "seg", S("old"), S(""));
        fs_mem_set_faults(fs, &(struct fs_mem_faults){.fail_call_index = n, .fail_errno = 5, .fail_is_short = n % 2});
        bole_slice fresh = S("fresh");
        bole_status st = objects_put(o, S("seg"), &fresh, 1, NULL);
        uint64_t calls = fs_mem_call_count(fs);
        fs_mem_set_faults(fs, &(struct fs_mem_faults){0});
        fs_mem_power_cut(fs, n);
        objects_destroy(o);
        o = open_store(uris[0], fs);
        uint64_t size;
        CHECK_EQ_STATUS(objects_size(o, S("seg"), &size, NULL), BOLE_OK);
        check_content(o, "seg", st < 0 && size == 3 ? S("old") : S("fresh"));
        objects_destroy(o);
        fs_mem_destroy(fs);
        if (calls < n)
            break;
        CHECK(n < 100);
    }
}

/* The kernel may have dropped the new name, and would let the next sync succeed: nothing is promised any more. Goes red
 * when the failed sync is an error like others. */
TEST(a_failed_sync_of_names_is_the_end)
{
    static const struct {
        bool removes;
        unsigned sync_index; /* of the directory, among the calls that change something */
    } cases[] = {{false, 5}, {true, 2}};
    for (size_t i = 0; i < 2; i++) {
        struct fs *fs = fs_mem_create();
        struct objects *o = open_store(uris[0], fs);
        put(o, "seg", S("old"), S(""));
        bole_slice fresh = S("fresh");
        fatal_count = 0;
        fs_mem_set_faults(fs, &(struct fs_mem_faults){.fail_call_index = cases[i].sync_index, .fail_errno = 5});
        CHECK_EQ_STATUS(cases[i].removes ? objects_remove(o, S("seg"), NULL)
                                         : objects_put(o, S("seg"), &fresh, 1, NULL), BOLE_E_IO);
        CHECK_EQ_U64(fatal_count, 1);
        uint64_t calls = fs_mem_call_count(fs);
        CHECK_EQ_U64(calls, cases[i].sync_index);
        CHECK_EQ_STATUS(objects_put(o, S("seg"), &fresh, 1, NULL), BOLE_E_IO);
        CHECK_EQ_STATUS(objects_remove(o, S("seg"), NULL), BOLE_E_IO);
        CHECK_EQ_U64(fs_mem_call_count(fs), calls); /* the disk was not asked again */
        objects_destroy(o);
        fs_mem_destroy(fs);
    }
}

TEST(a_failed_sync_of_data_costs_that_put_only)
{
    struct fs *fs = fs_mem_create();
    struct objects *o = open_store(uris[0], fs);
    bole_slice fresh = S("fresh");
    fatal_count = 0;
    fs_mem_set_faults(fs, &(struct fs_mem_faults){.fail_call_index = 3, .fail_errno = 5});
    CHECK_EQ_STATUS(objects_put(o, S("seg"), &fresh, 1, NULL), BOLE_E_IO);
    put(o, "seg", fresh, S(""));
    fs_mem_power_cut(fs, 0);
    objects_destroy(o);
    o = open_store(uris[0], fs);
    check_content(o, "seg", fresh);
    CHECK_EQ_U64(fatal_count, 0);
    objects_destroy(o);
    fs_mem_destroy(fs);
}

TEST(without_a_descriptor_a_put_waits_and_nothing_is_left_behind)
{
    struct fs *fs = fs_mem_create();
    struct objects *o = open_store(uris[0], fs);
    bole_slice fresh = S("fresh");
    fatal_count = 0;
    put(o, "a", S("x"), S(""));
    fs_mem_set_faults(fs, &(struct fs_mem_faults){.no_descriptors = true});
    CHECK_EQ_STATUS(objects_put(o, S("seg"), &fresh, 1, NULL), BOLE_E_LIMIT);
    CHECK_EQ_STATUS(objects_read(o, S("a"), 0, 1, (uint8_t[1]){0}, NULL), BOLE_E_LIMIT); /* not "damaged" */
    CHECK_EQ_STATUS(objects_remove(o, S("a"), NULL), BOLE_OK); /* needs none */
    CHECK_EQ_U64(fatal_count, 0);
    fs_mem_set_faults(fs, &(struct fs_mem_faults){0});
    CHECK_EQ_U64(count(o, ""), 0);
    put(o, "seg", fresh, S(""));
    objects_destroy(o);
    fs_mem_destroy(fs);
}
