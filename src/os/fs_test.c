#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/random.h"
#include "base/test.h"
#include "os/fs.h"

/* ---- one conformance test for every file system ---- */

struct fixture {
    struct fs *fs;
    char dir[PATH_MAX]; /* empty, exists */
    char path[PATH_MAX + 32];
};

static const char *path_in(struct fixture *f, const char *name)
{
    snprintf(f->path, sizeof f->path, "%s/%s", f->dir, name);
    return f->path;
}

static struct file *open_file(struct fixture *f, const char *name, unsigned flags)
{
    struct bole_err err = {0};
    struct file *file = NULL;
    CHECK_OK(fs_open(f->fs, path_in(f, name), flags, &file, &err), err);
    return file;
}

static void write_text(struct file *file, uint64_t offset, const char *text)
{
    struct bole_err err = {0};
    struct iovec iov = {(void *)text, strlen(text)};
    CHECK_OK(file_write(file, offset, &iov, 1, &err), err);
}

static void check_content(struct fixture *f, const char *name, const char *text)
{
    char got[256];
    size_t len = 0;
    struct bole_err err = {0};
    struct file *file = open_file(f, name, FS_READ);
    CHECK_EQ_STATUS(file_read(file, 0, got, sizeof got, &len, &err), BOLE_END);
    CHECK_EQ_SLICE(bole_slice_from(got, len), bole_slice_str(text));
    file_close(file);
}

static bole_status sync_dir(struct fs *fs, const char *path, struct bole_err *err)
{
    struct file *dir = NULL;
    bole_status st = fs_open(fs, path, FS_DIRECTORY, &dir, err);
    if (st >= 0)
        st = file_sync(dir, err);
    file_close(dir);
    return st;
}

static void check_missing(struct fixture *f, const char *name)
{
    struct bole_err err = {0};
    struct file *file;
    CHECK_EQ_STATUS(fs_open(f->fs, path_in(f, name), FS_READ, &file, &err), BOLE_E_NOTFOUND);
}

static void reads_what_was_written(struct fixture *f)
{
    struct bole_err err = {0};
    struct file *file = open_file(f, "a", FS_WRITE | FS_CREATE);
    struct iovec iov[] = {{(void *)"he", 2}, {NULL, 0}, {(void *)"llo", 3}};
    CHECK_OK(file_write(file, 0, iov, 3, &err), err);
    write_text(file, 7, "gap");
    CHECK_OK(file_sync(file, &err), err);

    char got[16];
    size_t len = 99;
    CHECK_OK(file_read(file, 0, got, 10, NULL, &err), err);
    CHECK(memcmp(got, "hello\0\0gap", 10) == 0);
    CHECK_EQ_STATUS(file_read(file, 8, got, 16, &len, &err), BOLE_END);
    CHECK_EQ_U64(len, 2);
    CHECK_EQ_STATUS(file_read(file, 1000, got, 1, &len, &err), BOLE_END);
    CHECK_EQ_U64(len, 0);

    uint64_t size;
    CHECK_OK(file_truncate(file, 3, &err), err);
    CHECK_OK(file_truncate(file, 5, &err), err);
    CHECK_OK(file_size(file, &size, &err), err);
    CHECK_EQ_U64(size, 5);
    CHECK_OK(file_read(file, 0, got, 5, NULL, &err), err);
    CHECK(memcmp(got, "hel\0\0", 5) == 0);
    file_close(file);

    file = open_file(f, "a", FS_READ);
    CHECK(file_write(file, 0, iov, 1, &err) < 0);
    file_close(file);
}

/* More parts than one system call takes, some of them empty. */
static void writes_long_vectors(struct fixture *f)
{
    enum { PARTS = 3000 };
    struct bole_err err = {0};
    struct iovec *iov = calloc(PARTS, sizeof *iov);
    char *bytes = malloc(PARTS), *got = malloc(PARTS);
    size_t total = 0;
    for (int i = 0; i < PARTS; i++) {
        bytes[i] = (char)('a' + i % 26);
        iov[i] = (struct iovec){bytes + i, i % 7 != 0};
        total += iov[i].iov_len;
    }
    struct file *file = open_file(f, "v", FS_WRITE | FS_CREATE);
    CHECK_OK(file_write(file, 5, iov, PARTS, &err), err);
    CHECK_OK(file_read(file, 5, got, total, NULL, &err), err);
    for (size_t i = 0, at = 0; i < PARTS; i++)
        if (i % 7 != 0)
            CHECK(got[at++] == bytes[i]);
    file_close(file);
    free(iov);
    free(bytes);
    free(got);
}

/* Aligned or not: the flag is a hint. */
static void direct_writes_arrive(struct fixture *f)
{
    static const _Alignas(4096) char block[8192] = {[0 ... 8191] = 'x'};
    char got[8192];
    struct bole_err err = {0};
    struct file *file = open_file(f, "d", FS_WRITE | FS_CREATE | FS_DIRECT);
    struct iovec iov = {(void *)block, sizeof block};
    CHECK_OK(file_write(file, 0, &iov, 1, &err), err);
    CHECK_OK(file_sync(file, &err), err);
    file_close(file);
    file = open_file(f, "d", FS_WRITE | FS_DIRECT);
    write_text(file, 4090, "over the border");
    file_close(file);
    file = open_file(f, "d", FS_READ);
    CHECK_OK(file_read(file, 0, got, sizeof got, NULL, &err), err);
    CHECK(memcmp(got, block, 4090) == 0 && memcmp(got + 4090, "over the border", 15) == 0);
    CHECK(memcmp(got + 4105, block, sizeof got - 4105) == 0);
    file_close(file);
}

static void open_flags_mean_what_they_say(struct fixture *f)
{
    struct bole_err err = {0};
    struct file *file;
    check_missing(f, "a");
    CHECK_EQ_STATUS(fs_open(f->fs, path_in(f, "no/a"), FS_WRITE | FS_CREATE, &file, &err), BOLE_E_NOTFOUND);
    file = open_file(f, "a", FS_WRITE | FS_CREATE | FS_EXCLUSIVE);
    write_text(file, 0, "text");
    file_close(file);
    CHECK_EQ_STATUS(fs_open(f->fs, path_in(f, "a"), FS_WRITE | FS_CREATE | FS_EXCLUSIVE, &file, &err), BOLE_E_CONFLICT);
    file_close(open_file(f, "a", FS_WRITE | FS_CREATE));
    check_content(f, "a", "text");
    file_close(open_file(f, "a", FS_WRITE | FS_TRUNCATE));
    check_content(f, "a", "");
}

static bole_status count_name(const char *name, void *ctx)
{
    unsigned *seen = ctx;
    *seen += strcmp(name, "a") == 0 ? 1 : strcmp(name, "b") == 0 ? 10 : strcmp(name, "sub") == 0 ? 100 : 1000;
    return BOLE_OK;
}

static bole_status refuse_name(const char *name, void *ctx)
{
    ++*(unsigned *)ctx;
    return BOLE_E_LIMIT;
}

static void names_move_and_go(struct fixture *f)
{
    struct bole_err err = {0};
    char to[PATH_MAX + 32], dir[PATH_MAX + 32];
    struct file *file = open_file(f, "x", FS_WRITE | FS_CREATE);
    write_text(file, 0, "x");
    file_close(file);
    unsigned seen = 0;
    snprintf(dir, sizeof dir, "%s/sub/deeper", f->dir);
    CHECK_OK(fs_make_dir(f->fs, dir, &err), err);
    CHECK_OK(fs_make_dir(f->fs, dir, &err), err);
    snprintf(to, sizeof to, "%s/a", f->dir);
    CHECK_OK(fs_rename(f->fs, path_in(f, "x"), to, &err), err);
    file_close(open_file(f, "b", FS_WRITE | FS_CREATE));
    CHECK_OK(fs_list_dir(f->fs, f->dir, count_name, &seen, &err), err);
    CHECK_EQ_U64(seen, 111);
    seen = 0;
    CHECK_EQ_STATUS(fs_list_dir(f->fs, f->dir, refuse_name, &seen, &err), BOLE_E_LIMIT);
    CHECK_EQ_U64(seen, 1);

    snprintf(to, sizeof to, "%s/b", f->dir);
    CHECK_OK(fs_rename(f->fs, path_in(f, "a"), to, &err), err); /* replaces */
    check_content(f, "b", "x");
    check_missing(f, "a");
    CHECK_EQ_STATUS(fs_rename(f->fs, path_in(f, "a"), to, &err), BOLE_E_NOTFOUND);
    CHECK_OK(fs_unlink(f->fs, to, &err), err);
    CHECK_EQ_STATUS(fs_unlink(f->fs, to, &err), BOLE_E_NOTFOUND);
    CHECK_OK(sync_dir(f->fs, f->dir, &err), err);
    CHECK_EQ_STATUS(sync_dir(f->fs, path_in(f, "nowhere"), &err), BOLE_E_NOTFOUND);
    CHECK_EQ_STATUS(fs_list_dir(f->fs, path_in(f, "nowhere"), count_name, &seen, &err), BOLE_E_NOTFOUND);

    file_close(open_file(f, "plain", FS_WRITE | FS_CREATE));
    CHECK(fs_make_dir(f->fs, path_in(f, "plain"), &err) < 0);
    CHECK(sync_dir(f->fs, path_in(f, "plain"), &err) < 0);
    uint64_t room;
    CHECK_OK(fs_free_space(f->fs, f->dir, &room, &err), err);
    CHECK(room > 0);
}

static void an_open_file_outlives_its_name(struct fixture *f)
{
    struct bole_err err = {0};
    char got[4];
    struct file *file = open_file(f, "a", FS_WRITE | FS_CREATE);
    write_text(file, 0, "text");
    CHECK_OK(fs_unlink(f->fs, path_in(f, "a"), &err), err);
    CHECK_OK(file_read(file, 0, got, 4, NULL, &err), err);
    CHECK(memcmp(got, "text", 4) == 0);
    file_close(file);
}

static void a_lock_has_one_holder(struct fixture *f)
{
    struct bole_err err = {0};
    struct file *one = open_file(f, "lock", FS_WRITE | FS_CREATE), *two = open_file(f, "lock", FS_WRITE);
    CHECK_OK(file_lock(one, &err), err);
    CHECK_OK(file_lock(one, &err), err);
    CHECK_EQ_STATUS(file_lock(two, &err), BOLE_E_CONFLICT);
    file_close(one);
    CHECK_OK(file_lock(two, &err), err);
    file_close(two);
}

static void write_file_replaces_whole(struct fixture *f)
{
    struct bole_err err = {0};
    CHECK_OK(fs_write_file(f->fs, path_in(f, "a"), S("first"), &err), err);
    CHECK_OK(fs_write_file(f->fs, path_in(f, "a"), S("2nd"), &err), err);
    check_content(f, "a", "2nd");
    CHECK_OK(fs_write_file(f->fs, path_in(f, "a"), S(""), &err), err);
    check_content(f, "a", "");
    check_missing(f, "a.tmp");
    CHECK(fs_write_file(f->fs, path_in(f, "no/a"), S("x"), &err) < 0);
}

static void (*const conformance[])(struct fixture *) = {
    reads_what_was_written,
    writes_long_vectors,
    direct_writes_arrive,
    open_flags_mean_what_they_say,
    an_open_file_outlives_its_name,
    a_lock_has_one_holder,
    write_file_replaces_whole,
    names_move_and_go,
};

TEST(fs_posix_keeps_the_contract)
{
    for (size_t i = 0; i < sizeof conformance / sizeof *conformance; i++) {
        struct fixture f = {.fs = &fs_posix};
        const char *tmp = getenv("TMPDIR");
        snprintf(f.dir, sizeof f.dir, "%s/bole_fs_test_XXXXXX", tmp ? tmp : "/tmp");
        CHECK(mkdtemp(f.dir));
        conformance[i](&f);
        char command[PATH_MAX + 32];
        snprintf(command, sizeof command, "rm -rf '%s'", f.dir);
        CHECK(system(command) == 0);
    }
}

TEST(fs_mem_keeps_the_contract)
{
    for (size_t i = 0; i < sizeof conformance / sizeof *conformance; i++) {
        struct bole_err err = {0};
        struct fixture f = {.fs = fs_mem_create(), .dir = "/disk"};
        CHECK_OK(fs_make_dir(f.fs, f.dir, &err), err);
        conformance[i](&f);
        fs_mem_destroy(f.fs);
    }
}

/* A directory held open is synced, and all that is open used, when there is no descriptor left; a new file
 * is "later". */
TEST(without_a_descriptor_nothing_new_is_opened_and_what_is_open_works)
{
    struct rlimit old, none;
    CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
    none = old;
    for (int posix = 0; posix < 2; posix++) {
        struct bole_err err = {0};
        struct file *refused = NULL;
        struct fixture f = {.fs = posix ? &fs_posix : fs_mem_create(), .dir = "/tmp/bole_fs_test_XXXXXX"};
        if (posix)
            CHECK(mkdtemp(f.dir));
        else
            CHECK_OK(fs_make_dir(f.fs, f.dir, &err), err);
        struct file *dir = NULL, *file = open_file(&f, "a", FS_WRITE | FS_CREATE);
        CHECK_OK(fs_open(f.fs, f.dir, FS_DIRECTORY, &dir, &err), err);
        none.rlim_cur = 3;
        if (posix)
            CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
        else
            fs_mem_set_faults(f.fs, &(struct fs_mem_faults){.no_descriptors = true});
        CHECK_EQ_STATUS(fs_open(f.fs, path_in(&f, "b"), FS_WRITE | FS_CREATE, &refused, &err), BOLE_E_LIMIT);
        CHECK_EQ_U64(err.sys_errno, EMFILE);
        CHECK_EQ_STATUS(fs_write_file(f.fs, path_in(&f, "c"), S("c"), &err), BOLE_E_LIMIT);
        write_text(file, 0, "text");
        CHECK_OK(file_sync(file, &err), err);
        CHECK_OK(file_sync(dir, &err), err);
        if (posix)
            CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
        else
            fs_mem_set_faults(f.fs, &(struct fs_mem_faults){0});
        check_missing(&f, "b");
        check_missing(&f, "c");
        file_close(dir);
        file_close(file);
        if (posix)
            CHECK(unlink(path_in(&f, "a")) == 0 && rmdir(f.dir) == 0);
        else
            fs_mem_destroy(f.fs);
    }
}

/* ---- what only the disk in memory does ---- */

static struct fixture mem_fixture(void)
{
    struct bole_err err = {0};
    struct fixture f = {.fs = fs_mem_create(), .dir = "d"};
    CHECK_OK(fs_make_dir(f.fs, f.dir, &err), err);
    return f;
}

TEST(power_cut_forgets_what_was_not_synced)
{
    struct bole_err err = {0};
    struct fixture f = mem_fixture();
    struct file *synced = open_file(&f, "synced", FS_WRITE | FS_CREATE);
    write_text(synced, 0, "kept");
    CHECK_OK(file_sync(synced, &err), err);
    struct file *nameless = open_file(&f, "late", FS_WRITE | FS_CREATE);
    CHECK_OK(sync_dir(f.fs, f.dir, &err), err);
    write_text(nameless, 0, "data without sync");
    write_text(synced, 2, "lost");
    struct file *unnamed = open_file(&f, "unnamed", FS_WRITE | FS_CREATE);
    write_text(unnamed, 0, "synced, but its name is not");
    CHECK_OK(file_sync(unnamed, &err), err);

    fs_mem_power_cut(f.fs, 0);
    check_content(&f, "synced", "kept");
    check_content(&f, "late", "");
    check_missing(&f, "unnamed");

    char got[4];
    CHECK_EQ_STATUS(file_read(synced, 0, got, 4, NULL, &err), BOLE_E_IO);
    CHECK_EQ_U64(err.sys_errno, EIO);
    CHECK_EQ_STATUS(file_sync(synced, &err), BOLE_E_IO);
    file_close(synced);
    file_close(nameless);
    file_close(unnamed);
    fs_mem_destroy(f.fs);
}

TEST(power_cut_undoes_renames_and_removals_without_directory_sync)
{
    struct bole_err err = {0};
    struct fixture f = mem_fixture();
    CHECK_OK(fs_write_file(f.fs, path_in(&f, "a"), S("a"), &err), err);
    CHECK_OK(fs_write_file(f.fs, path_in(&f, "b"), S("b"), &err), err);
    CHECK_OK(fs_rename(f.fs, "d/a", "d/c", &err), err);
    CHECK_OK(fs_unlink(f.fs, "d/b", &err), err);
    fs_mem_power_cut(f.fs, 0);
    check_content(&f, "a", "a");
    check_content(&f, "b", "b");
    check_missing(&f, "c");

    CHECK_OK(fs_rename(f.fs, "d/a", "d/c", &err), err);
    CHECK_OK(fs_unlink(f.fs, "d/b", &err), err);
    CHECK_OK(sync_dir(f.fs, "d", &err), err);
    fs_mem_power_cut(f.fs, 0);
    check_content(&f, "c", "a");
    check_missing(&f, "a");
    check_missing(&f, "b");
    fs_mem_destroy(f.fs);
}

TEST(power_cut_with_a_seed_keeps_whole_sectors_by_chance)
{
    enum { SECTORS = 64, SECTOR = 512 };
    static char old[SECTORS * SECTOR], new[SECTORS * SECTOR], got[SECTORS * SECTOR];
    memset(old, 'o', sizeof old);
    memset(new, 'n', sizeof new);
    unsigned news = 0, name_survived = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct bole_err err = {0};
        struct fixture f = mem_fixture();
        CHECK_OK(fs_write_file(f.fs, "d/a", bole_slice_from(old, sizeof old), &err), err);
        struct file *file = open_file(&f, "a", FS_WRITE);
        struct iovec iov = {new + 100, sizeof new - 100};
        CHECK_OK(file_write(file, 100, &iov, 1, &err), err);
        file_close(file);
        CHECK_OK(fs_rename(f.fs, "d/a", "d/b", &err), err);
        fs_mem_power_cut(f.fs, seed);
        bool renamed = fs_open(f.fs, "d/b", FS_READ, &file, &err) == BOLE_OK;
        if (!renamed)
            file = open_file(&f, "a", FS_READ);
        name_survived += renamed;
        CHECK_OK(file_read(file, 0, got, sizeof got, NULL, &err), err);
        CHECK(memcmp(got, old, 100) == 0);
        for (size_t i = 0; i < SECTORS; i++) {
            size_t from = i ? 0 : 100; /* the write began inside the first sector */
            char c = got[i * SECTOR + from];
            CHECK(c == 'o' || c == 'n');
            for (size_t j = from; j < SECTOR; j++)
                CHECK(got[i * SECTOR + j] == c);
            news += c == 'n';
        }
        file_close(file);
        fs_mem_destroy(f.fs);
    }
    CHECK(news > 50 * SECTORS / 4 && news < 50 * SECTORS * 3 / 4);
    CHECK(name_survived > 5 && name_survived < 45);
}

TEST(a_failed_sync_loses_the_writes_before_it_for_good)
{
    struct bole_err err = {0};
    struct fixture f = mem_fixture();
    CHECK_OK(fs_write_file(f.fs, "d/a", S("old"), &err), err);
    struct file *file = open_file(&f, "a", FS_WRITE);
    write_text(file, 0, "new");
    fs_mem_set_faults(f.fs, &(struct fs_mem_faults){.fail_call_index = 1, .fail_errno = EIO});
    CHECK_EQ_STATUS(file_sync(file, &err), BOLE_E_IO);
    CHECK_OK(file_sync(file, &err), err); /* the lie */
    check_content(&f, "a", "new");
    file_close(file);
    fs_mem_power_cut(f.fs, 0);
    check_content(&f, "a", "old");
    fs_mem_destroy(f.fs);
}

TEST(the_nth_call_fails_and_the_disk_fills)
{
    struct bole_err err = {0};
    struct fixture f = mem_fixture();
    struct file *file = open_file(&f, "a", FS_WRITE | FS_CREATE);
    fs_mem_set_faults(f.fs, &(struct fs_mem_faults){.fail_call_index = 2, .fail_errno = EIO, .fail_is_short = true});
    write_text(file, 0, "abcd");
    struct iovec iov = {(void *)"efgh", 4};
    CHECK_EQ_STATUS(file_write(file, 4, &iov, 1, &err), BOLE_E_IO);
    CHECK_EQ_U64(fs_mem_call_count(f.fs), 2);
    check_content(&f, "a", "abcdef");

    fs_mem_set_faults(f.fs, &(struct fs_mem_faults){.capacity_bytes = 8});
    iov.iov_base = (void *)"uvwxyz", iov.iov_len = 6;
    CHECK_EQ_STATUS(file_write(file, 6, &iov, 1, &err), BOLE_E_FULL);
    check_content(&f, "a", "abcdefuv");
    write_text(file, 0, "ABCD"); /* overwriting takes no room */
    uint64_t room;
    CHECK_OK(fs_free_space(f.fs, "d", &room, &err), err);
    CHECK_EQ_U64(room, 0);
    CHECK_OK(fs_unlink(f.fs, "d/a", &err), err);
    file_close(file);
    CHECK_OK(fs_free_space(f.fs, "d", &room, &err), err);
    CHECK_EQ_U64(room, 8);
    fs_mem_destroy(f.fs);
}

/* The old content or the new one, whatever fails and whatever of the unsynced survives. */
TEST(write_file_is_all_or_nothing)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        bool done = false;
        for (uint64_t n = 1; !done; n++) {
            struct bole_err err = {0};
            struct fixture f = mem_fixture();
            CHECK_OK(fs_write_file(f.fs, "d/a", S("old"), &err), err);
            fs_mem_set_faults(
                f.fs, &(struct fs_mem_faults){.fail_call_index = n, .fail_errno = ENOSPC, .fail_is_short = true});
            bole_status st = fs_write_file(f.fs, "d/a", S("new"), &err);
            done = fs_mem_call_count(f.fs) < n;
            CHECK(done == (st == BOLE_OK));
            fs_mem_power_cut(f.fs, seed);
            char got[4];
            size_t len = 0;
            struct file *file = open_file(&f, "a", FS_READ);
            file_read(file, 0, got, sizeof got, &len, &err);
            CHECK_EQ_U64(len, 3);
            CHECK(memcmp(got, "new", 3) == 0 || (!done && memcmp(got, "old", 3) == 0));
            file_close(file);
            fs_mem_destroy(f.fs);
        }
    }
}

TEST(flip_bit_reaches_the_disk)
{
    struct bole_err err = {0};
    struct fixture f = mem_fixture();
    CHECK_OK(fs_write_file(f.fs, "d/a", S("abc"), &err), err);
    fs_mem_flip_bit(f.fs, "d/a", 1, 0);
    fs_mem_flip_bit(f.fs, "d/a", 100, 0);
    check_content(&f, "a", "acc");
    fs_mem_power_cut(f.fs, 0);
    check_content(&f, "a", "acc");
    fs_mem_destroy(f.fs);
}

TEST(unreadable_bytes_fail_the_reads_that_touch_them)
{
    struct bole_err err = {0};
    struct fixture f = mem_fixture();
    char got[8];
    CHECK_OK(fs_write_file(f.fs, "d/a", S("0123456789"), &err), err);
    fs_mem_make_unreadable(f.fs, "d/a", 4, 2);
    struct file *file = open_file(&f, "a", FS_READ);
    CHECK_OK(file_read(file, 0, got, 4, NULL, &err), err);
    CHECK_OK(file_read(file, 6, got, 4, NULL, &err), err);
    CHECK_EQ_STATUS(file_read(file, 2, got, 3, NULL, &err), BOLE_E_IO);
    CHECK_EQ_STATUS(file_read(file, 5, got, 1, NULL, &err), BOLE_E_IO);
    fs_mem_make_unreadable(f.fs, "d/a", 0, 0);
    CHECK_OK(file_read(file, 2, got, 3, NULL, &err), err);
    file_close(file);
    fs_mem_destroy(f.fs);
}
