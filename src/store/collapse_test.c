/* Loki's duplicate rule in every store, and its limits in `segments:`. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/test.h"
#include "store/collapse.h"
#include "store/store.h"

#define FLAG BATCH_STREAM_COLLAPSE
#define NOW  (1790000000ll * NS_PER_S)

__attribute__((constructor)) static void be_quiet(void)
{
    log_set_level(LOG_LEVEL_ERROR + 1);
}

struct sample {
    const char *tenant, *labels, *line;
    int64_t     time_ns;
    struct batch_field fields[3];
    size_t      field_count;
};

static const struct sample original = {"default", "\3app\1a", "line", NOW, {{S("k"), S("v")}, {S("l"), S("w")}}, 2};

struct world {
    struct fs *fs;
    struct clock_manual clock;
    struct budget budget;
    struct store *store;
    uint64_t lsn;
};

static void open_store(struct world *w, const char *uri)
{
    struct store_options options = {
        .uri = bole_slice_str(uri), .fs = w->fs, .clock = &w->clock.base, .budget = &w->budget};
    struct bole_err err;
    CHECK_OK(store_open(&options, &w->store, &err), err);
    w->lsn = store_position(w->store);
}

static void world_init(struct world *w, const char *uri)
{
    *w = (struct world){.fs = fs_mem_create()};
    clock_manual_init(&w->clock, NOW);
    budget_init(&w->budget, NULL, SIZE_MAX);
    open_store(w, uri);
}

static void world_deinit(struct world *w)
{
    store_destroy(w->store);
    CHECK_EQ_U64(atomic_load(&w->budget.used_bytes), 0);
    fs_mem_destroy(w->fs);
}

static void add(struct batch_builder *b, const struct sample *s, uint8_t flags)
{
    uint32_t stream;
    struct bole_err err;
    CHECK_OK(batch_builder_stream(b, bole_slice_str(s->tenant), bole_slice_str(s->labels), flags, &stream, &err), err);
    CHECK_OK(batch_builder_add(b, s->time_ns, stream, bole_slice_str(s->line), s->fields, s->field_count, &err), err);
}

static struct batch *seal(struct batch_builder *b)
{
    struct batch *batch;
    struct bole_err err;
    CHECK_OK(batch_builder_seal(b, NOW, NULL, &batch, &err), err);
    return batch;
}

/* One group; its batches are given away. */
static void insert(struct world *w, struct batch **batches, size_t count)
{
    struct bole_err err;
    CHECK_OK(store_insert(w->store, ++w->lsn, batches, count, &err), err);
    for (size_t i = 0; i < count; i++)
        batch_unref(batches[i]);
}

static void send_flagged(struct world *w, const struct sample *s, uint8_t flags)
{
    struct batch_builder *b = batch_builder_create(NULL);
    add(b, s, flags);
    struct batch *batch = seal(b);
    insert(w, &batch, 1);
    batch_builder_destroy(b);
}

static void send(struct world *w, const struct sample *s)
{
    send_flagged(w, s, FLAG);
}

static void cut(struct world *w)
{
    struct bole_err err;
    uint64_t lsn = 0;
    CHECK_OK(store_cut(w->store, &lsn, &err), err);
    CHECK_EQ_U64(lsn, w->lsn);
}

static bole_status add_cell(uint32_t stream, bole_slice labels, bole_slice value, uint32_t bucket, uint64_t amount, void *ctx)
{
    *(uint64_t *)ctx += amount;
    return BOLE_OK;
}

static bole_status add_volume(bole_slice labels, uint64_t rows, uint64_t bytes, void *ctx)
{
    *(uint64_t *)ctx += rows;
    return BOLE_OK;
}

/* Rows of a tenant, which scan, aggregate and volume must agree on; *ret_seq is the lowest seq. */
static uint64_t count_of(struct world *w, const char *tenant, uint64_t *ret_seq)
{
    struct store_query q = {.tenant = bole_slice_str(tenant), .from_ns = INT64_MIN, .to_ns = INT64_MAX};
    struct store_aggregation a = {
        .what = AGGREGATE_COUNT, .start_ns = NOW, .bucket_ns = 3600 * NS_PER_S, .bucket_count = 2};
    struct view *view = store_view(w->store);
    struct scan *scan;
    struct vector *v;
    struct bole_err err;
    uint64_t rows = 0, cells = 0, volume = 0;
    *ret_seq = UINT64_MAX;
    CHECK_OK(store_scan_open(w->store, view, &q, &scan, &err), err);
    while (store_scan_next(scan, &v, &err) == BOLE_OK)
        for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r), rows++)
            *ret_seq = v->seq[r] < *ret_seq ? v->seq[r] : *ret_seq;
    store_scan_close(scan);
    bole_status st = store_aggregate(w->store, view, &q, &a, add_cell, &cells, NULL, &err);
    if (st != BOLE_E_UNSUPPORTED)
        CHECK_EQ_U64(cells, rows);
    CHECK_OK(store_volume(w->store, view, &q, add_volume, &volume, &err), err);
    CHECK_EQ_U64(volume, rows);
    store_view_release(w->store, view);
    return rows;
}

static uint64_t count(struct world *w)
{
    uint64_t seq;
    return count_of(w, "default", &seq);
}

/* ---- every store ---- */

static const char *const uris[] = {"mem:", "segments:/data"};

enum placement { SAME_BATCH, SAME_GROUP, NEXT_GROUP, AFTER_A_CUT, PLACEMENTS };

static void send_both(struct world *w, const struct sample *second, uint8_t flags, enum placement placement)
{
    if (placement >= NEXT_GROUP) {
        send_flagged(w, &original, flags);
        if (placement == AFTER_A_CUT)
            cut(w);
        send_flagged(w, second, flags);
        return;
    }
    struct batch_builder *b = batch_builder_create(NULL);
    struct batch *batches[2];
    size_t n = 0;
    add(b, &original, flags);
    if (placement == SAME_GROUP)
        batches[n++] = seal(b);
    add(b, second, flags);
    batches[n++] = seal(b);
    insert(w, batches, n);
    batch_builder_destroy(b);
}

static const struct {
    struct sample sample;
    uint8_t  flags;
    unsigned records;
} cases[] = {
    {{"default", "\3app\1a", "line", NOW, {{S("k"), S("v")}, {S("l"), S("w")}}, 2}, FLAG, 1},
    {{"default", "\3app\1a", "line", NOW, {{S("l"), S("w")}, {S("k"), S("v")}}, 2}, FLAG, 1}, /* order does not count */
    {{"default", "\3app\1a", "line", NOW, {{S("k"), S("v")}, {S("l"), S("w")}}, 2}, 0, 2},
    {{"default", "\3app\1a", "line", NOW + 1, {{S("k"), S("v")}, {S("l"), S("w")}}, 2}, FLAG, 2},
    {{"default", "\3app\1a", "Line", NOW, {{S("k"), S("v")}, {S("l"), S("w")}}, 2}, FLAG, 2},
    {{"default", "\3app\1b", "line", NOW, {{S("k"), S("v")}, {S("l"), S("w")}}, 2}, FLAG, 2},
    {{"other", "\3app\1a", "line", NOW, {{S("k"), S("v")}, {S("l"), S("w")}}, 2}, FLAG, 2},
    {{"default", "\3app\1a", "line", NOW, {{S("k"), S("w")}, {S("l"), S("v")}}, 2}, FLAG, 2}, /* values change places */
    {{"default", "\3app\1a", "line", NOW, {{S("k"), S("v")}}, 1}, FLAG, 2},
    {{"default", "\3app\1a", "line", NOW, {{S("k"), S("v")}, {S("l"), S("w")}, {S("k"), S("v")}}, 3}, FLAG, 2},
    {{"default", "\3app\1a", "line", NOW, {{S("k"), S("v")}, {S("k"), S("v")}}, 2}, FLAG, 2},
    {{"default", "\3app\1a", "line", NOW, {{S("v"), S("k")}, {S("w"), S("l")}}, 2}, FLAG, 2},
};

TEST(identical_records_are_one_and_nothing_else_is)
{
    for (size_t u = 0; u < 2; u++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            for (enum placement p = 0; p < PLACEMENTS; p++) {
                struct world w;
                uint64_t seq, other_seq;
                world_init(&w, uris[u]);
                send_both(&w, &cases[i].sample, cases[i].flags, p);
                CHECK_EQ_U64(count_of(&w, "default", &seq) + count_of(&w, "other", &other_seq), cases[i].records);
                CHECK_EQ_U64(seq, seq_make(1, 0)); /* the first stays */
                cut(&w);
                CHECK_EQ_U64(count_of(&w, "default", &seq) + count_of(&w, "other", &other_seq), cases[i].records);
                CHECK_EQ_U64(seq, seq_make(1, 0));
                world_deinit(&w);
            }
}

TEST(a_stream_without_the_flag_keeps_what_one_with_it_has)
{
    for (size_t u = 0; u < 2; u++) {
        struct world w;
        world_init(&w, uris[u]);
        send_flagged(&w, &original, 0);
        send_flagged(&w, &original, FLAG);
        send_flagged(&w, &original, 0);
        send_flagged(&w, &original, FLAG);
        CHECK_EQ_U64(count(&w), 3);
        world_deinit(&w);
    }
}

enum { MANY = 5000 };

/* Rows [from, to) of a long list, as one group. */
static void send_many(struct world *w, unsigned from, unsigned to)
{
    struct batch_builder *b = batch_builder_create(NULL);
    for (unsigned i = from; i < to; i++) {
        char line[32];
        struct sample s = original;
        snprintf(line, sizeof line, "line %u", i);
        s.line = line;
        s.labels = i % 3 ? "\3app\1a" : "\3app\1b";
        add(b, &s, FLAG);
    }
    struct batch *batch = seal(b);
    insert(w, &batch, 1);
    batch_builder_destroy(b);
}

TEST(a_long_resend_that_overlaps_adds_only_what_is_new)
{
    for (size_t u = 0; u < 2; u++) {
        struct world w;
        world_init(&w, uris[u]);
        for (unsigned from = 0; from < MANY - 500; from += 250)
            send_many(&w, from, from + 500); /* every other half is there already */
        CHECK_EQ_U64(count(&w), MANY - 250);
        cut(&w);
        send_many(&w, 0, MANY);
        CHECK_EQ_U64(count(&w), MANY);
        world_deinit(&w);
    }
}

enum { WINDOWS = 60, WINDOW_ROWS = 90, PER_TIME = 3 };

/* A window of three streams whose rows ascend: each time PER_TIME rows, one of which is there twice. */
static void send_window(struct world *w, unsigned window)
{
    struct batch_builder *b = batch_builder_create(NULL);
    for (unsigned i = 0; i < WINDOW_ROWS; i++) {
        static const char *const labels[] = {"\3app\1a", "\3app\1b", "\3app\1c"}, *const lines[] = {"x", "y", "x"};
        struct sample s = original;
        s.labels = labels[i / PER_TIME % 3];
        s.line = lines[i % PER_TIME];
        s.time_ns = NOW + window * 1000 + i / PER_TIME;
        add(b, &s, FLAG);
    }
    struct batch *batch = seal(b);
    insert(w, &batch, 1);
    batch_builder_destroy(b);
}

TEST(windows_that_overtake_each_other_and_come_again_are_there_once)
{
    for (size_t u = 0; u < 2; u++)
        for (unsigned round = 0; round < 8; round++) {
            struct world w;
            struct random random;
            bool sent[WINDOWS] = {0};
            uint64_t windows = 0;
            world_init(&w, uris[u]);
            random_seed(&random, round);
            for (unsigned i = 0; i < 2 * WINDOWS; i++) {
                unsigned ahead = round == 0 ? 1 : 20, window = i / 2 + (unsigned)random_below(&random, ahead);
                window = round == 0 && i % 2 ? window + 1 : window; /* always new, or there already */
                if (window >= WINDOWS)
                    continue;
                send_window(&w, window);
                windows += !sent[window];
                sent[window] = true;
                if (i == WINDOWS)
                    cut(&w);
                if (i % 10 == 0)
                    CHECK_EQ_U64(count(&w), windows * WINDOW_ROWS / PER_TIME * (PER_TIME - 1));
            }
            CHECK_EQ_U64(count(&w), windows * WINDOW_ROWS / PER_TIME * (PER_TIME - 1));
            world_deinit(&w);
        }
}

/* ---- segments: what is remembered, and for how long ---- */

TEST(rows_cut_two_generations_ago_are_forgotten)
{
    struct world w;
    struct sample other = original;
    other.line = "another";
    world_init(&w, "segments:/data");
    send(&w, &original);
    cut(&w);
    send(&w, &other);
    send(&w, &original);
    CHECK_EQ_U64(count(&w), 2);
    cut(&w);
    send(&w, &other);
    CHECK_EQ_U64(count(&w), 2);
    send(&w, &original);
    CHECK_EQ_U64(count(&w), 3);
    world_deinit(&w);
}

TEST(a_head_of_duplicates_only_moves_the_position)
{
    struct world w;
    struct store_stats stats;
    world_init(&w, "segments:/data");
    send(&w, &original);
    cut(&w);
    send(&w, &original);
    store_stats(w.store, &stats);
    CHECK_EQ_U64(stats.head_rows, 0);
    CHECK(stats.head_bytes > 0);
    cut(&w);
    store_stats(w.store, &stats);
    CHECK_EQ_U64(stats.segment_count, 1);
    CHECK_EQ_U64(stats.head_bytes, 0);
    store_destroy(w.store);
    open_store(&w, "segments:/data");
    CHECK_EQ_U64(w.lsn, 2);
    CHECK_EQ_U64(count(&w), 1);
    world_deinit(&w);
}

TEST(a_replay_of_the_head_gives_the_same_rows)
{
    struct world w;
    for (unsigned round = 0; round < 2; round++) {
        if (round == 0)
            world_init(&w, "segments:/data");
        else
            open_store(&w, "segments:/data");
        CHECK_EQ_U64(w.lsn, 0);
        send_many(&w, 0, 100);
        send_many(&w, 50, 150);
        CHECK_EQ_U64(count(&w), 150);
        if (round == 0)
            store_destroy(w.store);
    }
    world_deinit(&w);
}

TEST(a_cut_that_fails_forgets_nothing)
{
    struct world w;
    struct bole_err err;
    uint64_t lsn;
    world_init(&w, "segments:/data");
    send_many(&w, 0, 100);
    for (unsigned i = 0; i < 3; i++) {
        fs_mem_set_faults(w.fs, &(struct fs_mem_faults){.capacity_bytes = 1});
        CHECK_EQ_STATUS(store_cut(w.store, &lsn, &err), BOLE_E_FULL);
        fs_mem_set_faults(w.fs, &(struct fs_mem_faults){0});
        send_many(&w, 0, 200);
        CHECK_EQ_U64(count(&w), 200);
    }
    cut(&w);
    send_many(&w, 0, 200);
    CHECK_EQ_U64(count(&w), 200);
    world_deinit(&w);
}

TEST(without_memory_the_rule_is_skipped)
{
    struct world w;
    world_init(&w, "segments:/data");
    size_t used = atomic_load(&w.budget.used_bytes);
    w.budget.limit_bytes = used + 20000; /* for a table of 1,024 rows, but no bigger one */
    send_many(&w, 0, 500);
    CHECK(atomic_load(&w.budget.used_bytes) > used);
    send_many(&w, 500, 2500);
    send_many(&w, 0, 500);
    CHECK_EQ_U64(count(&w), 2500);
    send_many(&w, 500, 2500);
    CHECK(count(&w) > 4000); /* most of them were not remembered, but all are there */
    w.budget.limit_bytes = SIZE_MAX;
    world_deinit(&w);
}

/* ---- other threads ---- */

enum { ROUNDS = 200, ROWS_PER_ROUND = 40 };

static void *send_all_twice(void *arg)
{
    struct world *w = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        send_many(w, i * ROWS_PER_ROUND, (i + 1) * ROWS_PER_ROUND);
        if (i % 7 == 0)
            cut(w);
        send_many(w, i * ROWS_PER_ROUND, (i + 1) * ROWS_PER_ROUND);
    }
    return NULL;
}

TEST(readers_never_see_a_duplicate)
{
    struct world w;
    pthread_t writer;
    uint64_t rows = 0;
    world_init(&w, "segments:/data");
    CHECK_EQ_U64(pthread_create(&writer, NULL, send_all_twice, &w), 0);
    while (rows < ROUNDS * ROWS_PER_ROUND) {
        uint64_t seen = count(&w);
        CHECK(seen >= rows && seen % ROWS_PER_ROUND == 0 && seen <= ROUNDS * ROWS_PER_ROUND);
        rows = seen;
    }
    pthread_join(writer, NULL);
    CHECK_EQ_U64(count(&w), rows);
    world_deinit(&w);
}
