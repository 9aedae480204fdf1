/* Damaged segments written anew: what is well stays, what is lost is said. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/test.h"
#include "store/life/repair.h"
#include "store/segments.h"
#include "store/segments_fixture.h"

enum { CUTS = 6, GROUPS = 2 * CUTS };

static void insert_cuts(struct store *s)
{
    for (uint64_t lsn = 1; lsn < GROUPS; lsn += 2) {
        fixture_insert_groups(s, lsn, lsn + 1);
        fixture_cut(s, lsn + 1);
    }
}

static bole_status count_name(const char *name, void *ctx)
{
    ++*(unsigned *)ctx;
    return BOLE_OK;
}

static uint64_t rows_of(struct fs *fs)
{
    struct store *s = fixture_open_store(fs);
    struct store_stats stats;
    store_stats(s, &stats);
    store_destroy(s);
    return stats.segment_rows;
}

static struct store_repair_stats repair(struct fs *fs)
{
    struct store_repair_stats stats;
    struct bole_err err;
    CHECK_OK(store_repair(S("/data"), fs, NULL, NULL, &stats, &err), err);
    return stats;
}

static void say_nothing(const struct store_problem *problem, void *ctx)
{
}

/* Two segments; a bit of the first is flipped. Afterwards everything is well, and what is missing was said. */
TEST(every_flipped_bit_can_be_repaired)
{
    enum { ROWS = 2 * ROWS_PER_GROUP };
    uint64_t size = 1000, without_loss = 0, with_loss = 0;
    for (uint64_t at = 0; at < size; at += at < 64 || at + 600 > size ? 3 : 29) {
        struct fs *fs = fs_mem_create();
        struct store *s = fixture_open_store(fs);
        struct store_stats stats;
        fixture_insert_groups(s, 1, 2);
        fixture_cut(s, 2);
        store_stats(s, &stats);
        size = stats.segment_bytes;
        fixture_insert_groups(s, 3, 4);
        fixture_cut(s, 4);
        store_destroy(s);
        fs_mem_flip_bit(fs, "/data/segments/0000000000000001.seg", at, (unsigned)(at % 8));
        CHECK(fixture_problems_of(fs, say_nothing, NULL) > 0);
        struct store_repair_stats r = repair(fs);
        CHECK_EQ_U64(r.damaged, 1);
        CHECK_EQ_U64(r.kept_rows + r.lost_rows, ROWS);
        CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
        CHECK_EQ_U64(rows_of(fs), ROWS + r.kept_rows);
        without_loss += r.lost_rows == 0;
        with_loss += r.lost_rows > 0;
        CHECK_EQ_U64(repair(fs).damaged, 0);
        unsigned kept = 0;
        CHECK_EQ_STATUS(fs_list_dir(fs, "/data/" DAMAGED_DIR, count_name, &kept, NULL), BOLE_OK);
        CHECK_EQ_U64(kept, 1);
        fs_mem_destroy(fs);
    }
    CHECK(without_loss > 5 && with_loss > 5);
}

/* Of several groups only the damaged one goes, and a file that is gone is given up. */
TEST(what_is_well_is_kept)
{
    struct fs *fs = fs_mem_create();
    struct store *s = fixture_open_store(fs);
    insert_cuts(s);
    store_destroy(s);
    fs_unlink(fs, "/data/segments/0000000000000002.seg", NULL);
    fs_mem_flip_bit(fs, "/data/segments/0000000000000005.seg", SEGMENT_HEADER_SIZE + 40, 3);
    struct store_repair_stats r = repair(fs);
    CHECK_EQ_U64(r.damaged, 2);
    CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
    CHECK_EQ_U64(rows_of(fs), GROUPS * ROWS_PER_GROUP - r.lost_rows);
    CHECK(r.lost_rows <= 4 * ROWS_PER_GROUP);
    fs_mem_destroy(fs);
}

TEST(no_failure_in_a_repair_loses_what_is_well)
{
    for (unsigned n = 1;; n++) {
        struct fs *fs = fs_mem_create();
        struct store *s = fixture_open_store(fs);
        struct store_repair_stats r;
        struct bole_err err;
        fixture_insert_groups(s, 1, 2);
        fixture_cut(s, 2);
        store_destroy(s);
        fs_mem_flip_bit(fs, "/data/segments/0000000000000001.seg", 3, 3); /* of the header: nothing need be lost */
        fs_mem_set_faults(fs, &(struct fs_mem_faults){.fail_call_index = n, .fail_errno = n % 2 ? 5 : 28});
        store_repair(S("/data"), fs, NULL, NULL, &r, &err);
        bool is_over = fs_mem_call_count(fs) < n;
        fs_mem_set_faults(fs, &(struct fs_mem_faults){0});
        fs_mem_power_cut(fs, n % 4);
        repair(fs);
        CHECK_EQ_U64(rows_of(fs), 2 * ROWS_PER_GROUP);
        CHECK_EQ_U64(fixture_problems_of(fs, fixture_fail_on_problem, NULL), 0);
        fs_mem_destroy(fs);
        if (is_over)
            break;
        CHECK(n < 200);
    }
}
