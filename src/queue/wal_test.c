/*
 * Damage: whatever stands in the directory, what is whole is delivered, what is lost is counted and kept aside, and
 * nothing wrong is ever delivered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/log.h"
#include "queue/wal_fixture.h"
#include "queue/wal_format.h"

static const char first_path[] = FIXTURE_DIR "/0000000000000001.wal";

/* A closed log with groups of these sizes. The power is cut, so that nothing tells what was durable but the frames. */
static void fill(struct fixture *f, uint64_t seed, const size_t *sizes, size_t count, bool clean_stop)
{
    fixture_init(f, seed);
    fixture_open(f);
    for (size_t i = 0; i < count; i++)
        fixture_append_ok(f, sizes[i]);
    if (clean_stop)
        fixture_close(f);
    else
        fixture_power_cut(f, 0);
}

/* A log of four files and more, three or four groups each; not clean. */
static void fill_files(struct fixture *f)
{
    size_t sizes[16];
    for (size_t i = 0; i < 16; i++)
        sizes[i] = 3000;
    fill(f, 4, sizes, 16, false);
}

/* Offset of frame `index` of the first file. */
static uint64_t frame_offset(const size_t *sizes, size_t index)
{
    uint64_t at = WAL_HEADER_SIZE;
    for (size_t i = 0; i < index; i++)
        at += wal_frame_size(sizes[i]);
    return at;
}

static struct queue_stats stats_of(struct fixture *f)
{
    struct queue_stats s;
    queue_stats(f->q, &s);
    return s;
}

/* The last group is gone from the model: it was written, but never acknowledged. */
static void forget_last(struct fixture *f)
{
    f->acked[f->last_lsn] = 0;
    f->last_lsn--;
}

/* ---- torn tails ---- */

enum tear { TEAR_ZEROS, TEAR_NOISE, TEAR_TRUNCATE };

static void tear_at(struct fixture *f, uint64_t from, uint64_t to, enum tear how)
{
    size_t size;
    uint8_t *bytes = fixture_load(f, first_path, &size);
    for (uint64_t i = from; i < to; i++) /* never what was there, never what a frame begins with */
        bytes[i] = how == TEAR_ZEROS ? 0 : (uint8_t)(bytes[i] ^ (1 + i % 255));
    fixture_store(f, first_path, bytes, how == TEAR_TRUNCATE ? from : size);
    free(bytes);
}

TEST(a_last_frame_torn_at_any_byte_is_cut)
{
    static const size_t sizes[] = {40, 300, 200};
    uint64_t from = frame_offset(sizes, 2), to = from + WAL_FRAME_HEADER_SIZE + sizes[2];
    for (int how = TEAR_ZEROS; how <= TEAR_NOISE; how++) /* no crash makes a file shorter than it was made */
        for (uint64_t at = from; at < to; at++) {
            struct fixture f;
            fill(&f, 1, sizes, 3, false);
            tear_at(&f, at, to, how);
            forget_last(&f);
            CHECK_EQ_U64(fixture_check(&f).problems, 0);
            fixture_open(&f);
            CHECK_EQ_U64(fixture_verify(&f), 2);
            uint64_t traces = how == TEAR_NOISE ? to - from : at - from;
            CHECK_EQ_U64(stats_of(&f).torn_tail_bytes > 0, traces > 0);
            fixture_append_ok(&f, 100); /* shorter than what was there: nothing of it may show behind */
            fixture_power_cut(&f, at);
            fixture_open(&f);
            CHECK_EQ_U64(fixture_verify(&f), 3);
            CHECK_EQ_U64(stats_of(&f).torn_tail_bytes, 0);
            fixture_deinit(&f);
        }
}

TEST(garbage_behind_the_last_frame_is_cut)
{
    static const size_t sizes[] = {40, 300};
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct fixture f;
        struct random r;
        random_seed(&r, seed);
        fill(&f, seed, sizes, 2, seed % 2);
        size_t size, end = frame_offset(sizes, 2);
        uint8_t *bytes = fixture_load(&f, first_path, &size);
        bytes = realloc(bytes, size + 1000);
        size_t to = end + random_below(&r, size + 1000 - end);
        for (size_t i = end; i < to; i++)
            bytes[i] = (uint8_t)random_next(&r);
        if (to < size)
            to = size; /* inside the file, else it has grown */
        fixture_store(&f, first_path, bytes, to);
        free(bytes);
        fixture_open(&f);
        CHECK_EQ_U64(fixture_verify(&f), 2);
        for (int i = 0; i < 10; i++)
            fixture_append_ok(&f, 1 + random_below(&r, 3000));
        fixture_power_cut(&f, seed);
        CHECK_EQ_U64(fixture_check(&f).problems, 0);
        fixture_open(&f);
        CHECK_EQ_U64(fixture_verify(&f), 12);
        fixture_deinit(&f);
    }
}

/* ---- corruption ---- */

TEST(damage_to_the_last_group_after_a_clean_stop_is_no_torn_tail)
{
    static const size_t sizes[] = {40, 300, 200};
    for (int how = TEAR_ZEROS; how <= TEAR_TRUNCATE; how++) {
        struct fixture f;
        fill(&f, 1, sizes, 3, true);
        uint64_t from = frame_offset(sizes, 2);
        tear_at(&f, from + 100, from + WAL_FRAME_HEADER_SIZE + sizes[2], how);
        f.lost_max = 1;
        CHECK_EQ_U64(fixture_check(&f).lost_groups, 1);
        for (int start = 0; start < 3; start++) { /* told at every start until it is released */
            fixture_open(&f);
            CHECK_EQ_U64(fixture_verify(&f), 2 + start);
            CHECK_EQ_U64(stats_of(&f).corrupt_frames, 1);
            CHECK_EQ_U64(stats_of(&f).torn_tail_bytes, 0);
            CHECK_EQ_U64(fixture_count(&f, ".bad"), 1);
            fixture_append_ok(&f, 500);
            CHECK_EQ_U64(f.last_lsn, 4 + start); /* the number of the lost one is not used again */
            fixture_power_cut(&f, 0);
        }
        fixture_open(&f);
        CHECK_EQ_STATUS(fixture_release(&f, 3), BOLE_OK);
        fixture_power_cut(&f, 0);
        f.lost_max = 0;
        fixture_open(&f);
        CHECK_EQ_U64(fixture_verify(&f), 3);
        fixture_deinit(&f);
    }
}

TEST(a_flipped_bit_costs_its_group_and_no_other)
{
    enum { GROUPS = 60, FLIPS = 400 };
    struct random r;
    random_seed(&r, 5);
    for (unsigned flip = 0; flip < FLIPS; flip++) {
        struct fixture f;
        char path[64];
        size_t file_count = 0, lost = 0;
        fixture_init(&f, flip);
        fixture_open(&f);
        for (int i = 0; i < GROUPS; i++)
            fixture_append_ok(&f, 1 + random_below(&r, i % 7 ? 2000 : 15000));
        fixture_power_cut(&f, 0);
        while (fixture_file(&f, file_count, path))
            file_count++;
        /* Any file with groups behind it; header, frame header, payload, padding and tail alike. */
        CHECK(fixture_file(&f, random_below(&r, file_count - 1), path));
        fs_mem_flip_bit(f.disk, path, random_below(&r, FIXTURE_FILE_SIZE), (unsigned)random_below(&r, 8));
        f.lost_max = 1;
        uint64_t counted = fixture_check(&f).lost_groups;
        fixture_open(&f);
        lost = GROUPS - fixture_verify(&f);
        CHECK(lost <= 1);
        CHECK_EQ_U64(stats_of(&f).corrupt_frames, lost);
        CHECK_EQ_U64(counted, lost);
        CHECK(fixture_count(&f, ".bad") >= lost); /* a bit in the zeros behind the frames is kept, too */
        fixture_append_ok(&f, 100);
        CHECK_EQ_U64(f.last_lsn, GROUPS + 1);
        fixture_close(&f);
        fixture_open(&f);
        CHECK_EQ_U64(fixture_verify(&f), GROUPS + 1 - lost);
        fixture_deinit(&f);
    }
}

TEST(the_damaged_bytes_are_kept_aside)
{
    static const size_t sizes[] = {40, 300, 200};
    struct fixture f;
    fill(&f, 1, sizes, 3, false);
    uint64_t from = frame_offset(sizes, 1), to = frame_offset(sizes, 2);
    size_t size, bad_size;
    fs_mem_flip_bit(f.disk, first_path, from + 50, 3);
    uint8_t *bytes = fixture_load(&f, first_path, &size);
    f.lost_max = 1;
    fixture_open(&f);
    CHECK_EQ_U64(fixture_verify(&f), 2);
    uint8_t *bad = fixture_load(&f, FIXTURE_DIR "/0000000000000001-0000000000001048.bad", &bad_size);
    CHECK_EQ_U64(from, 0x1048);
    CHECK_EQ_SLICE(bole_slice_from(bad, bad_size), bole_slice_from(bytes + from, to - from));
    CHECK_EQ_U64(fixture_check(&f).problems, 2); /* the damage, and the file that keeps it */
    free(bytes);
    free(bad);
    fixture_deinit(&f);
}

TEST(a_bit_that_flips_after_opening_is_found_when_read)
{
    static const size_t sizes[] = {40, 300, 200};
    struct fixture f;
    fill(&f, 1, sizes, 3, false);
    fixture_open(&f);
    CHECK_EQ_U64(fixture_verify(&f), 3);
    f.lost_max = 2;
    fs_mem_flip_bit(f.disk, first_path, frame_offset(sizes, 1) + 40, 0);
    CHECK_EQ_U64(fixture_verify(&f), 2);
    fs_mem_flip_bit(f.disk, first_path, frame_offset(sizes, 2) + 40, 0);
    CHECK_EQ_U64(fixture_verify(&f), 1);
    CHECK_EQ_U64(fixture_verify(&f), 1);
    CHECK_EQ_U64(stats_of(&f).corrupt_frames, 2); /* counted once */
    fixture_deinit(&f);
}

TEST(bytes_that_the_disk_does_not_give_count_as_damaged)
{
    struct fixture f;
    char path[64];
    fill_files(&f);
    CHECK(fixture_file(&f, 1, path));
    fs_mem_make_unreadable(f.disk, path, WAL_HEADER_SIZE + 5000, 1);
    f.lost_max = 2; /* the sector holds the end of one group and the beginning of the next */
    fixture_open(&f);
    CHECK(fixture_verify(&f) >= 14);
    CHECK(stats_of(&f).corrupt_frames >= 1);
    fixture_deinit(&f);
}

/* At the end nobody can tell a torn write from a group: nothing is cut, and the next try may succeed. */
TEST(a_tail_that_the_disk_does_not_give_is_not_cut)
{
    struct fixture f;
    struct bole_err err = {0};
    char path[64];
    fill_files(&f);
    CHECK(fixture_file(&f, 3, path));
    fs_mem_make_unreadable(f.disk, path, WAL_HEADER_SIZE + 3 * wal_frame_size(3000) + 10, 1);
    CHECK_EQ_STATUS(fixture_try_open(&f, &err), BOLE_E_IO);
    CHECK(strstr(err.msg, "behind its last whole group"));
    fs_mem_make_unreadable(f.disk, path, 0, 0);
    fixture_open(&f);
    CHECK_EQ_U64(fixture_verify(&f), 16);
    fixture_deinit(&f);
}

/* ---- stale bytes ---- */

/* Files are used again and hold old frames, whole and with a good checksum, behind and between the new ones.
 * Mutant: leave the file id out of wal_frame_is_plausible, and the survey counts old frames as groups (red here). */
TEST(stale_frames_of_reused_files_are_not_there)
{
    struct fixture f;
    char path[64];
    fixture_init(&f, 9);
    fixture_open(&f);
    unsigned reused = 0;
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < 12; i++)
            fixture_append_ok(&f, 1000);
        CHECK_EQ_STATUS(fixture_release(&f, f.last_lsn - 3), BOLE_OK);
        fixture_power_cut(&f, 0);
        struct wal_check_result result = fixture_check(&f);
        CHECK_EQ_U64(result.problems, 0);
        for (size_t i = 0; fixture_file(&f, i, path); i++) {
            size_t size;
            uint8_t *bytes = fixture_load(&f, path, &size);
            reused += load_u32(bytes + HEADER_FLAGS) & WAL_FLAG_REUSED;
            free(bytes);
        }
        fixture_open(&f);
        CHECK_EQ_U64(fixture_verify(&f), 3);
        CHECK_EQ_U64(stats_of(&f).torn_tail_bytes, 0);
        CHECK(stats_of(&f).bytes_on_disk <= 6 * FIXTURE_FILE_SIZE);
    }
    CHECK(reused > 20);
    fixture_deinit(&f);
}

/* The hardest case: frames that would be the very next ones, in a file that has begun a new life.
 * Mutant: the same as above; then groups 3 to 5 come back from the dead. */
TEST(frames_of_another_life_do_not_continue_this_one)
{
    static const size_t sizes[] = {1000, 1000, 1000, 1000, 1000};
    struct fixture f, g;
    size_t size;
    fill(&f, 1, sizes, 5, false);
    fill(&g, 2, sizes, 2, false);
    uint8_t *old = fixture_load(&f, first_path, &size), *now = fixture_load(&g, first_path, &size);
    uint64_t end = frame_offset(sizes, 2);
    memcpy(now + end, old + end, size - end);
    struct wal_header h;
    uint32_t version;
    CHECK_EQ_STATUS(wal_header_decode(now, &h, &version), BOLE_OK);
    h.flags = WAL_FLAG_REUSED;
    wal_header_encode(&h, now);
    fixture_store(&g, first_path, now, size);
    CHECK_EQ_U64(fixture_check(&g).frames, 2);
    fixture_open(&g);
    CHECK_EQ_U64(fixture_verify(&g), 2);
    CHECK_EQ_U64(stats_of(&g).appended_lsn, 2);
    free(old);
    free(now);
    fixture_deinit(&f);
    fixture_deinit(&g);
}

/* ---- the directory ---- */

static void unlink_path(struct fixture *f, const char *path)
{
    struct bole_err err = {0};
    CHECK_OK(fs_unlink(f->disk, path, &err), err);
}

TEST(a_missing_middle_file_is_counted_and_the_rest_delivered)
{
    struct fixture f;
    char path[64];
    fill_files(&f);
    CHECK(fixture_file(&f, 1, path));
    unlink_path(&f, path);
    f.lost_max = 4;
    struct wal_check_result result = fixture_check(&f);
    CHECK_EQ_U64(result.lost_groups, 4);
    CHECK_EQ_U64(result.problems, 1);
    fixture_open(&f);
    CHECK_EQ_U64(fixture_verify(&f), 12);
    CHECK_EQ_U64(stats_of(&f).corrupt_frames, 4);
    fixture_deinit(&f);
}

TEST(files_cut_short_lose_only_what_was_cut)
{
    for (size_t size = 0; size < FIXTURE_FILE_SIZE; size += 100) {
        struct fixture f;
        char path[64];
        size_t old_size;
        fill_files(&f);
        CHECK(fixture_file(&f, 1, path));
        uint8_t *bytes = fixture_load(&f, path, &old_size);
        fixture_store(&f, path, bytes, size);
        free(bytes);
        f.lost_max = 4;
        uint64_t left = size < WAL_HEADER_SIZE ? 0 : (size - WAL_HEADER_SIZE) / wal_frame_size(3000);
        left = left > 4 ? 4 : left;
        fixture_open(&f);
        CHECK_EQ_U64(fixture_verify(&f), 12 + left);
        CHECK_EQ_U64(stats_of(&f).corrupt_frames, 4 - left);
        fixture_deinit(&f);
    }
}

TEST(swapped_and_copied_files_are_put_in_order)
{
    struct fixture f;
    struct bole_err err = {0};
    char one[64], two[64];
    size_t size;
    fill_files(&f);
    CHECK(fixture_file(&f, 0, one) && fixture_file(&f, 2, two));
    CHECK_OK(fs_rename(f.disk, one, FIXTURE_DIR "/x", &err), err);
    CHECK_OK(fs_rename(f.disk, two, one, &err), err);
    CHECK_OK(fs_rename(f.disk, FIXTURE_DIR "/x", two, &err), err);
    CHECK_EQ_U64(fixture_check(&f).problems, 2);
    fixture_open(&f);
    CHECK_EQ_U64(fixture_verify(&f), 16);
    fixture_append_ok(&f, 9000);
    fixture_close(&f);

    uint8_t *bytes = fixture_load(&f, two, &size);
    fixture_store(&f, FIXTURE_DIR "/00000000000000aa.wal", bytes, size);
    free(bytes);
    fixture_open(&f);
    CHECK_EQ_U64(fixture_verify(&f), 17);
    fixture_append_ok(&f, 9000);
    fixture_power_cut(&f, 0);
    fixture_open(&f);
    CHECK_EQ_U64(fixture_verify(&f), 18);
    CHECK_EQ_U64(stats_of(&f).corrupt_frames, 0);
    CHECK_EQ_STATUS(fixture_release(&f, 18), BOLE_OK);
    CHECK_EQ_U64(fixture_verify(&f), 0);
    fixture_deinit(&f);
}

TEST(leftovers_go_and_strangers_stay)
{
    struct fixture f;
    fill_files(&f);
    fixture_store(&f, FIXTURE_DIR "/next.tmp", (const uint8_t *)"x", 1);
    fixture_store(&f, FIXTURE_DIR "/00000000000000ff.wal", NULL, 0);
    fixture_store(&f, FIXTURE_DIR "/00000000000000fe.wal", (const uint8_t *)"not ours", 8);
    fixture_store(&f, FIXTURE_DIR "/notes.txt", (const uint8_t *)"by the operator", 15);
    fixture_open(&f);
    CHECK_EQ_U64(fixture_verify(&f), 16);
    CHECK_EQ_U64(fixture_count(&f, "notes.txt"), 1);
    CHECK_EQ_U64(fixture_count(&f, ".tmp"), 0);
    CHECK_EQ_U64(fixture_count(&f, "00000000000000ff.wal"), 0);
    CHECK_EQ_U64(fixture_count(&f, "00000000000000fe.bad"), 1);
    fixture_append_ok(&f, 14000);
    fixture_close(&f);
    CHECK_EQ_U64(fixture_count(&f, "0000000000000100.wal"), 1); /* numbers go on above every name seen */
    fixture_deinit(&f);
}

TEST(a_damaged_header_is_read_from_its_copy_or_done_without)
{
    for (unsigned copies = 1; copies <= 3; copies++) {
        struct fixture f;
        char path[64];
        size_t size;
        fill_files(&f);
        CHECK(fixture_file(&f, 1, path));
        uint8_t *bytes = fixture_load(&f, path, &size);
        if (copies & 1)
            memset(bytes, 0, WAL_HEADER_SECOND);
        if (copies & 2)
            memset(bytes + WAL_HEADER_SECOND, 0xff, WAL_HEADER_SIZE - WAL_HEADER_SECOND);
        fixture_store(&f, path, bytes, size);
        free(bytes);
        CHECK_EQ_U64(fixture_check(&f).problems, 1);
        fixture_open(&f);
        CHECK_EQ_U64(fixture_verify(&f), 16);
        fixture_deinit(&f);
    }
}

TEST(a_lost_state_brings_released_groups_back_and_loses_none)
{
    static const char state_path[] = FIXTURE_DIR "/state";
    for (int how = 0; how < 4; how++) {
        struct fixture f;
        uint8_t damaged[WAL_STATE_SIZE];
        size_t size;
        fill_files(&f);
        fixture_open(&f);
        CHECK_EQ_STATUS(fixture_release(&f, 2), BOLE_OK);
        CHECK_EQ_STATUS(fixture_release(&f, 5), BOLE_OK);
        fixture_power_cut(&f, 0);
        uint8_t *bytes = fixture_load(&f, state_path, &size);
        memcpy(damaged, bytes, sizeof damaged);
        free(bytes);
        if (how == 0)
            unlink_path(&f, state_path);
        if (how & 1)
            damaged[STATE_RELEASED] ^= 1;
        if (how & 2)
            damaged[WAL_STATE_SECOND + STATE_RELEASED] ^= 1;
        if (how)
            fixture_store(&f, state_path, damaged, sizeof damaged);
        f.released_lsn = 0; /* at least what is not released comes; what is may */
        fixture_open(&f);
        CHECK(fixture_verify(&f) >= 11);
        fixture_append_ok(&f, 10);
        CHECK_EQ_U64(f.last_lsn, 17);
        fixture_deinit(&f);
    }
}

TEST(numbers_go_on_when_everything_is_released_and_the_state_lost)
{
    struct fixture f;
    fixture_init(&f, 6);
    fixture_open(&f);
    for (int i = 0; i < 50; i++)
        fixture_append_ok(&f, 3000);
    CHECK_EQ_STATUS(fixture_release(&f, 50), BOLE_OK);
    fixture_close(&f);
    unlink_path(&f, FIXTURE_DIR "/state");
    f.released_lsn = 0;
    fixture_open(&f);
    CHECK(stats_of(&f).appended_lsn >=
          40); /* from the file headers; the store's own position (min_lsn) says the rest */
    CHECK_EQ_U64(stats_of(&f).corrupt_frames, 0);
    fixture_deinit(&f);
}

TEST(files_of_a_later_format_are_refused)
{
    static const struct {
        const char *path;
        uint64_t second;
        uint64_t crc;
    } blocks[] = {{first_path, WAL_HEADER_SECOND, HEADER_CRC}, {FIXTURE_DIR "/state", WAL_STATE_SECOND, STATE_CRC}};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        struct bole_err err = {0};
        size_t size;
        fill_files(&f);
        uint8_t *bytes = fixture_load(&f, blocks[i].path, &size);
        for (uint64_t at = 0; at <= blocks[i].second; at += blocks[i].second) {
            store_u32(bytes + at + HEADER_VERSION, WAL_VERSION + 1);
            store_u32(bytes + at + blocks[i].crc, crc32c(0, bytes + at, blocks[i].crc));
        }
        fixture_store(&f, blocks[i].path, bytes, size);
        free(bytes);
        CHECK_EQ_STATUS(fixture_try_open(&f, &err), BOLE_E_UNSUPPORTED);
        CHECK(strstr(err.msg, "version 2") && strstr(err.msg, "newer bole"));
        struct wal_check_result result;
        CHECK_EQ_STATUS(wal_check(f.disk, FIXTURE_DIR, NULL, NULL, &result, &err), BOLE_E_UNSUPPORTED);
        f.q = NULL;
        fixture_deinit(&f);
    }
}

/* ---- sizes, the lock ---- */

TEST(files_grow_with_the_backlog_and_shrink_when_all_is_released)
{
    struct fixture f;
    fixture_init(&f, 8);
    f.options.file_size_max = 8 * FIXTURE_FILE_SIZE;
    fixture_open(&f);
    for (int i = 0; i < 200; i++)
        fixture_append_ok(&f, 3000);
    char path[64];
    size_t size, largest = 0;
    for (size_t i = 0; fixture_file(&f, i, path); i++) {
        free(fixture_load(&f, path, &size));
        largest = size > largest ? size : largest;
    }
    CHECK_EQ_U64(largest, 8 * FIXTURE_FILE_SIZE);
    CHECK_EQ_STATUS(fixture_release(&f, f.last_lsn), BOLE_OK);
    CHECK(stats_of(&f).bytes_on_disk <= 2 * FIXTURE_FILE_SIZE);
    fixture_append_ok(&f, 3000);
    CHECK(stats_of(&f).bytes_on_disk <= 2 * FIXTURE_FILE_SIZE);
    fixture_power_cut(&f, 0);
    fixture_open(&f);
    CHECK_EQ_U64(fixture_verify(&f), 1);
    fixture_deinit(&f);
}

TEST(a_group_larger_than_a_file_gets_a_file_of_its_size)
{
    struct fixture f;
    fixture_init(&f, 8);
    fixture_open(&f);
    for (int i = 0; i < 5; i++) {
        fixture_append_ok(&f, 100);
        fixture_append_ok(&f, (size_t)(10 * FIXTURE_FILE_SIZE + i));
    }
    fixture_power_cut(&f, 0);
    CHECK_EQ_U64(fixture_check(&f).problems, 0);
    fixture_open(&f);
    CHECK_EQ_U64(fixture_verify(&f), 10);
    fixture_deinit(&f);
}

TEST(a_directory_has_one_owner)
{
    struct fixture f;
    struct bole_err err = {0};
    struct queue *second = NULL;
    char pid[32];
    fixture_init(&f, 8);
    fixture_open(&f);
    CHECK_EQ_STATUS(wal_open(&f.options, &second, &err), BOLE_E_CONFLICT);
    snprintf(pid, sizeof pid, "process %d", (int)getpid());
    CHECK(strstr(err.msg, FIXTURE_DIR) && strstr(err.msg, pid));
    fixture_append_ok(&f, 10); /* the first one is none the worse */
    fixture_close(&f);
    fixture_open(&f);
    fixture_deinit(&f);
}

TEST(an_empty_directory_is_opened_without_a_sync)
{
    struct fixture f;
    fixture_init(&f, 8);
    fixture_open(&f);
    CHECK(fs_mem_call_count(f.disk) <= 4); /* directory, lock file with the process id */
    CHECK_EQ_U64(stats_of(&f).bytes_on_disk, 0);
    fixture_close(&f);
    fixture_open(&f);
    CHECK_EQ_U64(fixture_verify(&f), 0);
    fixture_deinit(&f);
}

TEST(check_of_a_directory_that_is_not_there_says_so)
{
    struct fixture f;
    struct bole_err err = {0};
    struct wal_check_result result;
    fixture_init(&f, 8);
    CHECK_EQ_STATUS(wal_check(f.disk, "nowhere", NULL, NULL, &result, &err), BOLE_E_NOTFOUND);
    fixture_deinit(&f);
}

/* ---- the fuzz target, so that it cannot rot ---- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

TEST(recovery_survives_random_files)
{
    struct random r;
    random_seed(&r, 11);
    log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
    for (int i = 0; i < 400; i++) {
        uint8_t data[1500];
        size_t size = random_below(&r, sizeof data);
        for (size_t j = 0; j < size; j++)
            data[j] = random_below(&r, 2) ? (uint8_t)random_below(&r, 4) : (uint8_t)random_next(&r);
        LLVMFuzzerTestOneInput(data, size);
    }
}
