/*
 * Room for groups: how much of the disk the log takes, what it leaves, and that it serves again by itself whatever kept
 * it from making a file.
 */
#include <errno.h>

#include "queue/wal_fixture.h"
#include "queue/wal_format.h"

enum { GROUP_SIZE = 3000 };
#define CAPACITY ((uint64_t)40 * FIXTURE_FILE_SIZE)
#define RESERVE  ((uint64_t)16 * FIXTURE_FILE_SIZE)

static struct queue_stats stats_of(struct fixture *f)
{
    struct queue_stats s;
    queue_stats(f->q, &s);
    return s;
}

static uint64_t free_bytes(struct fixture *f)
{
    struct bole_err err = {0};
    uint64_t bytes = 0;
    CHECK_OK(fs_free_space(f->disk, FIXTURE_DIR, &bytes, &err), err);
    return bytes;
}

static void append_until_full(struct fixture *f)
{
    bole_status st;
    while ((st = fixture_append(f, GROUP_SIZE)) == BOLE_OK)
        CHECK(f->last_lsn < 4000);
    CHECK_EQ_STATUS(st, BOLE_E_FULL);
    CHECK(stats_of(f).is_full && !fixture_is_dead());
}

/* However fast groups come: it is looked at before the bytes are taken, not now and then.
 * Mutant: drop the reserve from check_room, and the disk is filled to the last byte (red). */
TEST(the_reserve_is_never_touched)
{
    for (int with_helper = 0; with_helper < 2; with_helper++) {
        struct fixture f;
        fixture_init(&f, 2);
        f.options.no_helper = !with_helper;
        f.options.reserve_bytes = RESERVE;
        f.options.file_size_max = 8 * FIXTURE_FILE_SIZE; /* growing files are not the way around it, either */
        fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.capacity_bytes = CAPACITY});
        fixture_open(&f);
        append_until_full(&f);
        CHECK(free_bytes(&f) >= RESERVE && free_bytes(&f) < RESERVE + FIXTURE_FILE_SIZE);
        CHECK_EQ_STATUS(fixture_append(&f, 8 * FIXTURE_FILE_SIZE), BOLE_E_FULL); /* a file of its own counts whole */
        CHECK(free_bytes(&f) >= RESERVE);
        fixture_verify(&f);
        fixture_deinit(&f);
    }
}

/* At the edge it would stop and begin again with every file. Mutant: fs_reserve without the eighth (red). */
TEST(service_returns_when_more_than_the_reserve_is_free)
{
    struct fixture f;
    fixture_init(&f, 2);
    f.options.reserve_bytes = RESERVE;
    fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.capacity_bytes = CAPACITY});
    fixture_open(&f);
    append_until_full(&f);
    uint64_t more = RESERVE + FIXTURE_FILE_SIZE - free_bytes(&f); /* room for one more file, but for the eighth */
    fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.capacity_bytes = CAPACITY + more});
    CHECK_EQ_STATUS(fixture_append(&f, GROUP_SIZE), BOLE_E_FULL);
    CHECK(stats_of(&f).is_full);
    fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.capacity_bytes = CAPACITY + more + RESERVE / 8});
    fixture_append_ok(&f, GROUP_SIZE);
    CHECK(!stats_of(&f).is_full);
    append_until_full(&f);
    fixture_verify(&f);
    fixture_deinit(&f);
}

/* What the store writes instead goes into the reserve; so a file used again is room taken as well, and a full log does
 * not keep files for that. */
TEST(a_full_log_gives_all_released_files_back)
{
    struct fixture f;
    fixture_init(&f, 2);
    f.options.reserve_bytes = RESERVE;
    fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.capacity_bytes = CAPACITY});
    fixture_open(&f);
    append_until_full(&f);
    uint64_t before = free_bytes(&f);
    CHECK_EQ_STATUS(fixture_release(&f, f.last_lsn), BOLE_OK);
    CHECK(free_bytes(&f) >= before + 20 * FIXTURE_FILE_SIZE);
    CHECK_EQ_U64(fixture_count(&f, ".old"), 0);
    fixture_append_ok(&f, GROUP_SIZE);
    fixture_deinit(&f);
}

/* A file that waits to be used again needs no room, but its groups will. */
TEST(below_the_reserve_no_file_is_used_again)
{
    struct fixture f;
    fixture_init(&f, 2);
    f.options.reserve_bytes = RESERVE;
    fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.capacity_bytes = CAPACITY});
    fixture_open(&f);
    for (int i = 0; i < 14; i++)
        fixture_append_ok(&f, GROUP_SIZE);
    CHECK_EQ_STATUS(fixture_release(&f, 12), BOLE_OK);
    CHECK(fixture_count(&f, ".old") > 0);
    fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.capacity_bytes = CAPACITY - free_bytes(&f) + RESERVE - 1});
    bole_status st = BOLE_OK;
    for (int i = 0; i < 8 && st == BOLE_OK; i++)
        st = fixture_append(&f, GROUP_SIZE);
    CHECK_EQ_STATUS(st, BOLE_E_FULL);
    fixture_verify(&f);
    fixture_deinit(&f);
}

/* Nothing acknowledged is touched by making a file: want of descriptors, of permission, even a disk that refuses writes
 * is "later" to whoever appends, and over when it is over. */
TEST(without_a_descriptor_groups_wait_and_service_returns)
{
    for (int with_helper = 0; with_helper < 2; with_helper++) {
        struct fixture f;
        fixture_init(&f, 3);
        f.options.no_helper = !with_helper;
        fixture_open(&f);
        fixture_append_ok(&f, GROUP_SIZE);
        fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.no_descriptors = true});
        append_until_full(&f); /* what is open serves on */
        CHECK_EQ_STATUS(fixture_append(&f, GROUP_SIZE), BOLE_E_FULL);
        CHECK_EQ_STATUS(fixture_release(&f, f.last_lsn - 1), BOLE_OK); /* needs none */
        fixture_verify(&f);
        CHECK(!fixture_is_dead());
        fs_mem_set_faults(f.disk, &(struct fs_mem_faults){0});
        fixture_append_ok(&f, GROUP_SIZE);
        CHECK(with_helper || !stats_of(&f).is_full);
        fixture_power_cut(&f, 0);
        fixture_open(&f);
        CHECK_EQ_U64(fixture_verify(&f), 2);
        fixture_deinit(&f);
    }
}

TEST(whatever_call_keeps_a_file_from_being_made_is_no_error_of_the_request)
{
    static const int codes[] = {EACCES, EROFS, EMFILE, EDQUOT, EIO};
    for (size_t k = 0; k < sizeof codes / sizeof *codes; k++)
        for (uint64_t n = 1;; n++) {
            struct fixture f;
            fixture_init(&f, 3);
            fixture_open(&f);
            for (int i = 0; i < 4; i++)
                fixture_append_ok(&f, GROUP_SIZE); /* the file is full */
            fs_mem_set_faults(f.disk, &(struct fs_mem_faults){.fail_call_index = n, .fail_errno = codes[k]});
            bole_status st = fixture_append(&f, GROUP_SIZE);
            bool done = stats_of(&f).bytes_on_disk > FIXTURE_FILE_SIZE; /* now it is the group that is written */
            CHECK(done || fixture_is_dead() || st == BOLE_E_FULL);
            fs_mem_set_faults(f.disk, &(struct fs_mem_faults){0});
            if (!fixture_is_dead())
                fixture_append_ok(&f, GROUP_SIZE);
            fixture_power_cut(&f, 0);
            fixture_open(&f);
            fixture_verify(&f);
            fixture_deinit(&f);
            if (done)
                break;
            CHECK(n < 100);
        }
}
