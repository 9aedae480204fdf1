/*
 * The end of the log is gone: its newest file was deleted or cut short. While groups are appended nothing can tell how
 * many there were, but that some were is never passed over: it is counted and told at every start until it is released.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "queue/wal_fixture.h"
#include "queue/wal_format.h"

enum { GROUPS = 16, GROUP_SIZE = 3000, GROUPS_PER_FILE = 4 };

enum stop { STOP_POWER_CUT, STOP_AFTER_RELEASE, STOP_CLEAN };

/* Four files of four groups. The state names the last two; it was written last when the fourth was made, or by a
 * release of the first group, or by a clean stop. */
static void fill(struct fixture *f, enum stop stop)
{
    fixture_init(f, 4);
    fixture_open(f);
    for (int i = 0; i < GROUPS; i++)
        fixture_append_ok(f, GROUP_SIZE);
    if (stop == STOP_CLEAN) {
        fixture_close(f);
    } else {
        if (stop == STOP_AFTER_RELEASE)
            CHECK_EQ_STATUS(fixture_release(f, 1), BOLE_OK);
        fixture_power_cut(f, 0);
    }
}

static void unlink_path(struct fixture *f, const char *path)
{
    struct bole_err err = {0};
    struct file *dir = NULL;
    CHECK_OK(fs_unlink(f->disk, path, &err), err);
    CHECK_OK(fs_open(f->disk, FIXTURE_DIR, FS_DIRECTORY, &dir, &err), err);
    CHECK_OK(file_sync(dir, &err), err);
    file_close(dir);
}

static struct queue_stats stats_of(struct fixture *f)
{
    struct queue_stats s;
    queue_stats(f->q, &s);
    return s;
}

/* The model: groups up to `found` are there, as many as `counted` behind them count as lost, the others never were. */
static void expect(struct fixture *f, uint64_t found, uint64_t counted)
{
    for (uint64_t lsn = found + counted + 1; lsn <= f->last_lsn; lsn++)
        f->acked[lsn] = 0;
    f->last_lsn = found + counted;
    f->lost_max = counted;
}

/* Told at every start, whatever is appended, until it is released; then never again. */
static void check_told_until_released(struct fixture *f, uint64_t counted)
{
    uint64_t lost_lsn = f->last_lsn;
    CHECK_EQ_U64(fixture_check(f).lost_groups, counted);
    for (int start = 0; start < 3; start++) {
        fixture_open(f);
        fixture_verify(f);
        CHECK_EQ_U64(stats_of(f).corrupt_frames, counted);
        CHECK_EQ_U64(stats_of(f).torn_tail_bytes, 0);
        if (start)
            fixture_append_ok(f, GROUP_SIZE);
        if (start % 2)
            fixture_close(f);
        else
            fixture_power_cut(f, 0);
    }
    fixture_open(f);
    CHECK_EQ_STATUS(fixture_release(f, lost_lsn), BOLE_OK);
    fixture_power_cut(f, 0);
    f->lost_max = 0;
    fixture_open(f);
    CHECK_EQ_U64(fixture_verify(f), 2);
}

/* Mutant: leave the names out of the state, and the first two rows are red: the start says nothing. */
TEST(a_deleted_newest_file_is_noticed)
{
    static const struct {
        enum stop stop;
        unsigned deleted; /* of the newest files */
        uint64_t counted;
    } cases[] = {
        {STOP_POWER_CUT, 1, 1}, {STOP_POWER_CUT, 2, 4}, {STOP_POWER_CUT, 4, 12},
        {STOP_AFTER_RELEASE, 1, 4}, {STOP_CLEAN, 1, 4}, {STOP_CLEAN, 3, 12},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        char path[64];
        fill(&f, cases[i].stop);
        for (unsigned n = 0; n < cases[i].deleted; n++) {
            CHECK(fixture_file(&f, 3 - n, path));
            unlink_path(&f, path);
        }
        expect(&f, GROUPS - cases[i].deleted * GROUPS_PER_FILE, cases[i].counted);
        check_told_until_released(&f, cases[i].counted);
        fixture_deinit(&f);
    }
}

/* As it is in a server: an empty file is ready behind the one that groups go to. */
TEST(a_deleted_file_in_use_is_noticed_although_an_empty_one_follows_it)
{
    for (unsigned which = 0; which < 2; which++) { /* the one in use; the empty one, which might have been */
        struct fixture f;
        char path[64];
        fixture_init(&f, 4);
        f.options.no_helper = false;
        fixture_open(&f);
        for (int i = 0; i < GROUPS; i++)
            fixture_append_ok(&f, GROUP_SIZE);
        while (stats_of(&f).room_bytes < FIXTURE_FILE_SIZE - WAL_HEADER_SIZE) /* until the empty one is ready */
            usleep(1000);
        fixture_power_cut(&f, 0);
        f.options.no_helper = true;
        CHECK(fixture_file(&f, 3 + which, path));
        unlink_path(&f, path);
        uint64_t counted = fixture_check(&f).lost_groups;
        CHECK(counted >= 1 && counted <= (which ? 1 : GROUPS_PER_FILE));
        expect(&f, which ? GROUPS : GROUPS - GROUPS_PER_FILE, counted);
        fixture_open(&f);
        CHECK_EQ_U64(fixture_verify(&f), f.last_lsn - counted);
        CHECK_EQ_U64(stats_of(&f).corrupt_frames, counted);
        fixture_deinit(&f);
    }
}

TEST(a_deleted_file_counts_for_nothing_when_all_its_groups_are_elsewhere)
{
    struct fixture f;
    char path[64];
    fill(&f, STOP_POWER_CUT);
    fixture_open(&f);
    CHECK_EQ_STATUS(fixture_release(&f, GROUPS), BOLE_OK);
    fixture_close(&f);
    while (fixture_file(&f, 0, path))
        unlink_path(&f, path);
    CHECK_EQ_U64(fixture_check(&f).problems, 0);
    fixture_open(&f);
    CHECK_EQ_U64(fixture_verify(&f), 0);
    fixture_append_ok(&f, 100);
    fixture_deinit(&f);
}

/* Cut at any place. What was cut off is counted, at least as one; where nothing was cut off but zeros, nothing is.
 * Mutant: leave the size out of the header, and every cut at a frame's end is red. */
TEST(a_newest_file_cut_short_is_noticed)
{
    const uint64_t frame = wal_frame_size(GROUP_SIZE), frames_end = WAL_HEADER_SIZE + GROUPS_PER_FILE * frame;
    for (int clean = 0; clean < 2; clean++)
        for (uint64_t size = 0; size < FIXTURE_FILE_SIZE; size += size + 100 > frames_end ? 8 : 100) {
            struct fixture f;
            char path[64];
            size_t old_size;
            fill(&f, clean ? STOP_CLEAN : STOP_POWER_CUT);
            CHECK(fixture_file(&f, 3, path));
            uint8_t *bytes = fixture_load(&f, path, &old_size);
            fixture_store(&f, path, bytes, size);
            free(bytes);
            uint64_t left = size < WAL_HEADER_SIZE ? 0 : (size - WAL_HEADER_SIZE) / frame;
            left = left > GROUPS_PER_FILE ? GROUPS_PER_FILE : left;
            uint64_t lost = GROUPS_PER_FILE - left;
            bool one_more = size < frames_end + WAL_FRAME_HEADER_SIZE; /* there may have been */
            uint64_t counted = clean ? lost : one_more;
            expect(&f, GROUPS - lost, counted);
            fixture_open(&f);
            CHECK_EQ_U64(fixture_verify(&f), GROUPS - lost);
            CHECK_EQ_U64(stats_of(&f).corrupt_frames, counted);
            fixture_deinit(&f);
        }
}

TEST(a_newest_file_cut_at_the_end_of_a_frame_is_told_until_it_is_released)
{
    struct fixture f;
    char path[64];
    size_t old_size;
    fill(&f, STOP_POWER_CUT);
    CHECK(fixture_file(&f, 3, path));
    uint8_t *bytes = fixture_load(&f, path, &old_size);
    fixture_store(&f, path, bytes, WAL_HEADER_SIZE + 2 * wal_frame_size(GROUP_SIZE));
    free(bytes);
    expect(&f, GROUPS - 2, 1);
    check_told_until_released(&f, 1);
    fixture_deinit(&f);
}

/* Any call of a start that has damage to deal with may fail: the next start finds the same. */
TEST(any_call_of_a_start_may_fail)
{
    static const int codes[] = {EIO, ENOSPC};
    for (size_t k = 0; k < 2; k++)
        for (uint64_t seed = 0; seed < 4; seed++) {
            bool done = false;
            for (uint64_t n = 1; !done; n++) {
                struct fixture f;
                struct bole_err err = {0};
                char path[64];
                fill(&f, STOP_POWER_CUT);
                CHECK(fixture_file(&f, 1, path));
                fs_mem_flip_bit(f.disk, path, WAL_HEADER_SIZE + 100, 1);
                CHECK(fixture_file(&f, 3, path));
                unlink_path(&f, path);
                expect(&f, GROUPS - GROUPS_PER_FILE, 1);
                f.lost_max = 2;
                fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.fail_call_index = n, .fail_errno = codes[k]});
                if (fixture_try_open(&f, &err) < 0)
                    f.q = NULL;
                done = fs_mem_call_count(f.disk) < n;
                CHECK(n < 1000);
                fs_mem_set_faults(f.disk, &(struct fs_mem_faults){0});
                if (seed)
                    fixture_power_cut(&f, seed);
                else
                    fixture_close(&f); /* killed: what was written is seen */
                CHECK_EQ_U64(fixture_check(&f).lost_groups, 2);
                fixture_open(&f);
                CHECK_EQ_U64(fixture_verify(&f), GROUPS - GROUPS_PER_FILE - 1);
                CHECK_EQ_U64(stats_of(&f).corrupt_frames, 2);
                fixture_deinit(&f);
            }
        }
}
