/*
 * Crashes: whatever call fails, whenever the power goes, whatever of the unsynced survives, every acknowledged group is
 * there exactly once and in order.
 */
#include <errno.h>

#include "queue/wal_fixture.h"

/* A life of a queue that uses everything: several files, a large group, releases, reuse, a clean stop in the middle.
 * False: the queue died on the way. */
static bool live(struct fixture *f)
{
    struct bole_err err = {0};
    static const size_t sizes[] = {5, 3000, 7000, 4000, 1, 8000, 30000, 900, 12000, 12000, 511};
    for (int round = 0; round < 2; round++) {
        if (fixture_try_open(f, &err) < 0)
            return false;
        fixture_verify(f);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            if (fixture_append(f, sizes[i]) != BOLE_OK) {
                if (fixture_is_dead())
                    return false;
                fixture_append_ok(f, sizes[i]); /* only one call fails: the second try must do */
            }
            if (i % 4 == 3)
                fixture_release(f, f->last_lsn - 2);
            if (fixture_is_dead())
                return false;
        }
        fixture_release(f, round ? f->last_lsn : f->last_lsn - 1);
        if (fixture_is_dead())
            return false;
        fixture_close(f);
    }
    return true;
}

static void reopen_and_verify(struct fixture *f, uint64_t seed, uint64_t n)
{
    fs_mem_set_faults(f->disk, &(struct fs_mem_faults){0});
    fixture_power_cut(f, seed);
    fixture_open(f);
    fixture_verify(f);
    fixture_append_ok(f, 2000); /* and it serves again */
    fixture_append_ok(f, 20000);
    fixture_power_cut(f, seed + 1);
    fixture_open(f);
    CHECK(fixture_verify(f) >= 2);
}

/* SQLite's loop: the n-th call fails, for n = 1, 2, ... until a run needs fewer calls. */
TEST(any_call_may_fail_and_the_power_go_after_it)
{
    static const struct {
        int code;
        bool is_short;
    } faults[] = {{EIO, false}, {EIO, true}, {ENOSPC, false}, {ENOSPC, true}};
    for (size_t k = 0; k < sizeof faults / sizeof *faults; k++)
        for (uint64_t seed = 0; seed < 4; seed++) {
            bool done = false;
            for (uint64_t n = 1; !done; n++) {
                struct fixture f;
                fixture_init(&f, 77);
                fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.fail_call_index = n,
                                                                  .fail_errno = faults[k].code,
                                                                  .fail_is_short = faults[k].is_short});
                bool lived = live(&f);
                done = fs_mem_call_count(f.disk) < n;
                CHECK(lived || !done);
                CHECK(n < 10000);
                reopen_and_verify(&f, seed * 1000 + (seed ? n : 0), n);
                fixture_deinit(&f);
            }
        }
}

/* The same, but the process is killed and nothing else: what was written is seen again, synced or not. */
TEST(any_call_may_fail_and_the_process_start_again)
{
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        struct fixture f;
        fixture_init(&f, 78);
        fs_mem_set_faults(f.disk,
                          &(struct fs_mem_faults){.fail_call_index = n, .fail_errno = EIO, .fail_is_short = true});
        live(&f);
        done = fs_mem_call_count(f.disk) < n;
        fs_mem_set_faults(f.disk, &(struct fs_mem_faults){0});
        fixture_close(&f);
        fixture_open(&f);
        fixture_verify(&f);
        /* What a start has shown stays, also when the power goes at once: it was in the page cache only until now. */
        uint64_t shown = f.last_lsn;
        fixture_power_cut(&f, 0);
        fixture_open(&f);
        fixture_verify(&f);
        CHECK_EQ_U64(f.last_lsn, shown);
        fixture_deinit(&f);
    }
}

static void random_life(struct fixture *f, struct random *r, bool with_helper)
{
    f->options.no_helper = !with_helper;
    f->options.file_size_min = 8192;
    f->options.file_size_max = 32768;
    fixture_open(f);
    for (unsigned step = 0; step < 120; step++) {
        switch (random_below(r, 16)) {
        case 0: {
            uint64_t room = f->last_lsn - f->released_lsn;
            CHECK_EQ_STATUS(fixture_release(f, f->released_lsn + random_below(r, room + 1)), BOLE_OK);
            break;
        }
        case 1: CHECK_EQ_STATUS(fixture_release(f, f->last_lsn), BOLE_OK); break;
        case 2:
            fixture_close(f);
            FIXTURE_MUST(f, fixture_check(f).problems == 0);
            fixture_open(f);
            fixture_verify(f);
            break;
        case 3:
            fixture_power_cut(f, random_below(r, 3) ? random_next(r) : 0);
            FIXTURE_MUST(f, fixture_check(f).problems == 0);
            fixture_open(f);
            fixture_verify(f);
            break;
        case 4:
            if (with_helper)
                break; /* which call of which thread fails would be chance */
            fs_mem_set_faults(f->disk, &(struct fs_mem_faults){.fail_call_index = 1 + random_below(r, 12),
                                                               .fail_errno = random_below(r, 2) ? EIO : ENOSPC,
                                                               .fail_is_short = random_below(r, 2)});
            for (int i = 0; i < 6 && !fixture_is_dead(); i++)
                fixture_append(f, 1 + random_below(r, 9000));
            fs_mem_set_faults(f->disk, &(struct fs_mem_faults){0});
            fixture_power_cut(f, random_next(r));
            fixture_open(f);
            fixture_verify(f);
            break;
        default: fixture_append_ok(f, 1 + random_below(r, random_below(r, 4) ? 3000 : 20000));
        }
    }
    fixture_verify(f);
}

TEST(random_operations_agree_with_the_model)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct fixture f;
        struct random r;
        random_seed(&r, seed);
        fixture_init(&f, seed);
        random_life(&f, &r, seed % 4 == 0);
        fixture_deinit(&f);
    }
}

TEST(a_power_cut_in_any_write_leaves_whole_groups)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct fixture f;
        fixture_init(&f, seed);
        fixture_open(&f);
        fixture_append_ok(&f, 700);
        fixture_append_ok(&f, 3000);
        /* The sync is the second call of this append: all of the write is in the cache, any of it on the disk. */
        fs_mem_set_faults(f.disk,
                          &(struct fs_mem_faults){.fail_call_index = 1, .fail_errno = EIO, .fail_is_short = true});
        CHECK(fixture_append(&f, 6000) < 0);
        CHECK(!fixture_is_dead()); /* a failed write is wiped; a failed sync is the end */
        fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.fail_call_index = 2, .fail_errno = EIO});
        CHECK(fixture_append(&f, 6000) < 0);
        CHECK(fixture_is_dead());
        reopen_and_verify(&f, seed, 0);
        fixture_deinit(&f);
    }
}

TEST(a_failed_sync_ends_the_queue)
{
    struct fixture f;
    struct bole_err err = {0};
    fixture_init(&f, 1);
    fixture_open(&f);
    fixture_append_ok(&f, 100);
    fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.fail_call_index = 2, .fail_errno = EIO});
    CHECK_EQ_STATUS(fixture_append(&f, 100), BOLE_E_IO);
    CHECK(fixture_is_dead());
    uint64_t calls = fs_mem_call_count(f.disk);
    CHECK_EQ_STATUS(fixture_append(&f, 100), BOLE_E_IO);
    CHECK_EQ_STATUS(queue_release(f.q, 1, &err), BOLE_E_IO);
    fixture_close(&f);
    CHECK_EQ_U64(fs_mem_call_count(f.disk), calls); /* it never touched the disk again: no retry */
    fixture_open(&f);
    f.in_doubt = 2; /* the attempt whose sync failed, not the one after */
    fixture_verify(&f);
    fixture_deinit(&f);
}

/* Of a new file's name, and of the removal of released ones.
 * Mutant: let wal_sync_dir return the failure, and the queue goes on and asks again (red). */
TEST(a_failed_sync_of_names_ends_the_queue)
{
    for (int releases = 0; releases < 2; releases++) {
        struct fixture f;
        struct bole_err err = {0};
        fixture_init(&f, 1);
        fixture_open(&f);
        for (int i = 0; i < 24; i++)
            fixture_append_ok(&f, 3000); /* six files, the last one full */
        fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.dir_sync_errno = EIO});
        if (releases)
            fixture_release(&f, 23);
        else
            CHECK_EQ_STATUS(fixture_append(&f, 3000), BOLE_E_IO);
        CHECK(fixture_is_dead());
        uint64_t calls = fs_mem_call_count(f.disk);
        CHECK_EQ_STATUS(fixture_append(&f, 1), BOLE_E_IO);
        CHECK_EQ_STATUS(queue_release(f.q, 24, &err), BOLE_E_IO);
        fixture_close(&f);
        CHECK_EQ_U64(fs_mem_call_count(f.disk), calls); /* it never touched the disk again */
        fs_mem_set_faults(f.disk, &(struct fs_mem_faults){0});
        fixture_power_cut(&f, 0);
        fixture_open(&f);
        f.in_doubt = 0;
        fixture_verify(&f);
        fixture_deinit(&f);
    }
}

TEST(a_full_disk_refuses_and_serves_again_when_there_is_room)
{
    for (int with_helper = 0; with_helper < 2; with_helper++) {
        struct fixture f;
        struct queue_stats stats;
        fixture_init(&f, 2);
        f.options.no_helper = !with_helper;
        fixture_open(&f);
        fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.capacity_bytes = 6 * FIXTURE_FILE_SIZE});
        bole_status st;
        while ((st = fixture_append(&f, 3000)) == BOLE_OK)
            CHECK(f.last_lsn < 100);
        CHECK_EQ_STATUS(st, BOLE_E_FULL);
        CHECK(!fixture_is_dead());
        CHECK(f.last_lsn >= 4 * 4);
        queue_stats(f.q, &stats);
        CHECK(stats.room_bytes < 3100 && stats.is_full);
        CHECK_EQ_STATUS(fixture_append(&f, 3000), BOLE_E_FULL);
        if (stats.room_bytes > 64)
            fixture_append_ok(&f, 1); /* what still fits is still taken */
        fixture_verify(&f);

        /* A release needs no room, and makes some. */
        CHECK_EQ_STATUS(fixture_release(&f, f.last_lsn - 3), BOLE_OK);
        fixture_append_ok(&f, 3000);
        queue_stats(f.q, &stats);
        CHECK(with_helper || !stats.is_full); /* a helper may have found it full again */
        while (fixture_append(&f, 3000) == BOLE_OK)
            CHECK(f.last_lsn < 200);
        /* So does a larger disk. */
        fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.capacity_bytes = 20 * FIXTURE_FILE_SIZE});
        fixture_append_ok(&f, 3000);
        fixture_power_cut(&f, 0);
        fixture_open(&f);
        fixture_verify(&f);
        fixture_deinit(&f);
    }
}

/* A write that failed half-way is wiped, durably, before append returns: it would be whole again otherwise should the
 * missing bytes happen to be zeros, and its group was refused. */
TEST(a_refused_group_never_comes_back)
{
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct fixture f;
        struct bole_err err = {0};
        static const uint8_t zeros[3000];
        uint64_t lsn;
        fixture_init(&f, 3);
        fixture_open(&f);
        fixture_append_ok(&f, 100);
        bole_slice half_zero[] = {S("begins, and the rest is zeros"), {zeros, sizeof zeros}};
        fs_mem_set_faults(f.disk,
                          &(struct fs_mem_faults){.fail_call_index = 1, .fail_errno = ENOSPC, .fail_is_short = true});
        CHECK_EQ_STATUS(queue_append(f.q, half_zero, 2, &lsn, &err), BOLE_E_FULL);
        CHECK(!fixture_is_dead());
        fixture_power_cut(&f, seed);
        CHECK_EQ_U64(fixture_check(&f).frames, 1);
        fixture_open(&f);
        CHECK_EQ_U64(fixture_verify(&f), 1);
        fixture_deinit(&f);
    }
}
