#include "process/dead_letters.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/test.h"

static struct clock_manual now;

static struct dead_letters *open_letters(struct fs *fs, uint64_t max_bytes)
{
    struct dead_letters *d;
    struct bole_err err;
    clock_manual_init(&now, 1790000000ll * NS_PER_S);
    CHECK_OK(dead_letters_open(fs, &now.base, "/dead", max_bytes, &d, &err), err);
    return d;
}

static void keep(struct dead_letters *d, bole_slice tenant, bole_slice bytes)
{
    dead_letters_keep(d, &(struct dead_letter){.time_ns = 5, .tenant = tenant, .door = S("gelf"), .reason = S("malformed"),
                                               .why = S("it is bad"), .bytes = bytes});
}

static bool print(const struct dead_letter *l, void *ctx)
{
    buf_printf(ctx, "%llu %.*s;", (unsigned long long)l->id, BOLE_SLICE_ARG(l->bytes));
    CHECK_EQ_SLICE(l->door, S("gelf"));
    CHECK_EQ_SLICE(l->why, S("it is bad"));
    return true;
}

static void check(struct dead_letters *d, bole_slice tenant, const char *wanted)
{
    struct buf out;
    struct bole_err err;
    buf_init(&out, NULL);
    CHECK_OK(dead_letters_each(d, tenant, 0, print, &out, &err), err);
    CHECK_EQ_SLICE(buf_slice(&out), bole_slice_str(wanted));
    buf_deinit(&out);
}

TEST(letters_are_there_after_a_restart_and_gone_ones_are_not)
{
    struct fs *fs = fs_mem_create();
    struct dead_letters *d = open_letters(fs, 1 << 20);
    keep(d, S("a"), S("one"));
    keep(d, S("b"), S("two"));
    keep(d, S("a"), S("three"));
    check(d, S("b"), "2 two;");
    CHECK(!dead_letters_remove(d, S("a"), 2)); /* another tenant's */
    CHECK(dead_letters_remove(d, S("a"), 1));
    CHECK(!dead_letters_remove(d, S("a"), 1));
    for (int restart = 0; restart < 2; restart++) {
        check(d, S("a"), "3 three;");
        check(d, S("b"), "2 two;");
        dead_letters_close(d);
        d = open_letters(fs, 1 << 20);
    }
    keep(d, S("a"), S("four"));
    check(d, S("a"), "3 three;4 four;");
    CHECK_EQ_U64(dead_letters_purge(d, S("a")), 2);
    dead_letters_close(d);
    d = open_letters(fs, 1 << 20);
    check(d, S("a"), "");
    check(d, S("b"), "2 two;");
    CHECK_EQ_U64(dead_letters_purge(d, S("b")), 1);
    keep(d, S("b"), S("five"));
    check(d, S("b"), "5 five;");
    dead_letters_close(d);
    fs_mem_destroy(fs);
}

TEST(a_write_that_was_cut_off_costs_itself)
{
    for (uint64_t cut = 1; cut < 60; cut++) {
        struct fs *fs = fs_mem_create();
        struct dead_letters *d = open_letters(fs, 1 << 20);
        struct file *f;
        struct bole_err err;
        uint64_t size;
        keep(d, S("a"), S("one"));
        keep(d, S("a"), S("two"));
        dead_letters_close(d);
        CHECK_OK(fs_open(fs, "/dead/0000000000000001.dead", FS_WRITE, &f, &err), err);
        CHECK_OK(file_size(f, &size, &err), err);
        uint64_t half = size / 2; /* both are of one size */
        CHECK_OK(file_truncate(f, cut < half ? size - cut : half, &err), err);
        file_close(f);
        d = open_letters(fs, 1 << 20);
        keep(d, S("a"), S("three"));
        check(d, S("a"), "1 one;2 three;");
        dead_letters_close(d);
        d = open_letters(fs, 1 << 20);
        check(d, S("a"), "1 one;2 three;");
        dead_letters_close(d);
        fs_mem_destroy(fs);
    }
}

TEST(room_is_bounded_and_the_oldest_goes_first)
{
    enum { MAX = 64 * 1024 };
    struct fs *fs = fs_mem_create();
    struct dead_letters *d = open_letters(fs, MAX);
    struct dead_letters_stats stats;
    char bytes[1000] = "x";
    for (int i = 0; i < 1000; i++) {
        keep(d, S("a"), bole_slice_from(bytes, sizeof bytes));
        dead_letters_get_stats(d, &stats);
        CHECK(stats.size_bytes <= MAX);
        if (i % 100 == 99) {
            dead_letters_close(d);
            d = open_letters(fs, MAX);
        }
    }
    keep(d, S("a"), S("last"));
    dead_letters_get_stats(d, &stats);
    CHECK(stats.count > MAX / 1100 / 2 && stats.count < MAX / 1000);
    CHECK(dead_letters_remove(d, S("a"), 1001));
    CHECK(!dead_letters_remove(d, S("a"), 1));
    char *large = calloc(1, 2 << 20);
    keep(d, S("a"), bole_slice_from(large, 2 << 20)); /* cut off, and room enough for one at least */
    dead_letters_get_stats(d, &stats);
    CHECK(stats.count >= 1);
    free(large);
    dead_letters_close(d);
    fs_mem_destroy(fs);
}

TEST(a_full_disk_is_counted)
{
    struct fs *fs = fs_mem_create();
    struct dead_letters *d = open_letters(fs, 1 << 20);
    struct dead_letters_stats stats;
    keep(d, S("a"), S("one"));
    fs_mem_set_faults(fs, &(struct fs_mem_faults){.capacity_bytes = 1});
    keep(d, S("a"), S("two"));
    fs_mem_set_faults(fs, &(struct fs_mem_faults){0});
    keep(d, S("a"), S("three"));
    dead_letters_get_stats(d, &stats);
    CHECK_EQ_U64(stats.lost_total, 1);
    check(d, S("a"), "1 one;2 three;");
    dead_letters_close(d);
    fs_mem_destroy(fs);
}
