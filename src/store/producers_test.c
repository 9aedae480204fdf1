/* The marks of producers, through the store that keeps them. */
#include "store/producers.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/test.h"
#include "store/segments_fixture.h"

static struct batch *batch_of(uint8_t producer, uint64_t sequence, int64_t received_ns)
{
    uint8_t id[BATCH_PRODUCER_SIZE] = {producer, 0xab};
    struct batch *b;
    struct bole_err err;
    CHECK_OK(batch_create_mark(id, sequence, received_ns, NULL, &b, &err), err);
    return b;
}

static void insert(struct store *s, uint64_t lsn, uint8_t producer, uint64_t sequence)
{
    struct batch *b = batch_of(producer, sequence, clock_now_ns(&fixture_clock.base));
    struct bole_err err;
    CHECK_OK(store_insert(s, lsn, &b, 1, &err), err);
    batch_unref(b);
}

static uint64_t mark_of(struct store *s, uint8_t producer)
{
    uint8_t id[BATCH_PRODUCER_SIZE] = {producer, 0xab};
    uint64_t sequence;
    struct bole_err err;
    CHECK_OK(store_producer(s, id, &sequence, &err), err);
    return sequence;
}

TEST(a_cut_takes_the_marks_along)
{
    struct fs *fs = fs_mem_create();
    struct bole_err err;
    CHECK_OK(fs_make_dir(fs, "/data", &err), err);
    struct store *s = fixture_open_store(fs);
    CHECK_EQ_U64(mark_of(s, 1), 0);
    insert(s, 1, 1, 1);
    insert(s, 2, 1, 2);
    insert(s, 3, 2, 9);
    fixture_cut(s, 3);
    insert(s, 4, 1, 3); /* only the queue would have this one */
    CHECK_EQ_U64(mark_of(s, 1), 3);
    store_destroy(s);
    s = fixture_open_store(fs);
    CHECK_EQ_U64(mark_of(s, 1), 2);
    CHECK_EQ_U64(mark_of(s, 2), 9);
    CHECK_EQ_U64(mark_of(s, 3), 0);
    store_destroy(s);
    fs_mem_destroy(fs);
}

TEST(who_is_silent_for_a_week_is_forgotten)
{
    struct fs *fs = fs_mem_create();
    struct bole_err err;
    CHECK_OK(fs_make_dir(fs, "/data", &err), err);
    struct store *s = fixture_open_store(fs);
    insert(s, 1, 1, 5);
    insert(s, 2, 2, 5);
    fixture_cut(s, 2);
    clock_manual_advance(&fixture_clock, PRODUCER_IDLE_NS - NS_PER_S);
    insert(s, 3, 2, 6);
    fixture_cut(s, 3);
    CHECK_EQ_U64(mark_of(s, 1), 5);
    clock_manual_advance(&fixture_clock, 2 * NS_PER_S);
    insert(s, 4, 3, 1);
    fixture_cut(s, 4);
    for (int restart = 0; restart < 2; restart++) {
        CHECK_EQ_U64(mark_of(s, 1), 0);
        CHECK_EQ_U64(mark_of(s, 2), 6);
        CHECK_EQ_U64(mark_of(s, 3), 1);
        store_destroy(s);
        if (!restart)
            s = fixture_open_store(fs);
    }
    fs_mem_destroy(fs);
}

TEST(producers_are_bounded)
{
    struct producers p = {0};
    struct bole_err err;
    uint64_t sequence;
    for (uint32_t i = 0; i < PRODUCERS_MAX; i++) {
        struct batch *b = batch_of(1, i + 1, 0);
        store_u32(b->producer + 4, i);
        CHECK_OK(producers_reserve(&p, 1, &err), err);
        producers_note(&p, b);
        CHECK_OK(producers_find(&p, b->producer, &sequence, &err), err);
        CHECK_EQ_U64(sequence, i + 1);
        batch_unref(b);
    }
    const uint8_t next[BATCH_PRODUCER_SIZE] = {2};
    CHECK_EQ_STATUS(producers_find(&p, next, &sequence, &err), BOLE_E_LIMIT);
    producers_deinit(&p);
}
