#include "store/segments_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/test.h"

enum { ROWS_PER_BATCH = ROWS_PER_GROUP / BATCHES_PER_GROUP };

struct clock_manual fixture_clock;

__attribute__((constructor)) static void begin(void)
{
    log_set_level(LOG_LEVEL_ERROR + 1); /* damage is logged; a thousand times it would only hide a failure */
    clock_manual_init(&fixture_clock, 1790000000ll * NS_PER_S);
}

unsigned fixture_fatal_count;

static void count_fatal(const struct bole_err *err)
{
    fixture_fatal_count++;
}

bole_status fixture_try_open(struct fs *fs, struct store **ret_store, struct bole_err *err)
{
    struct store_options options = {
        .uri = S("segments:/data"), .fs = fs, .clock = &fixture_clock.base, .on_fatal = count_fatal};
    return store_open(&options, ret_store, err);
}

struct store *fixture_open_store(struct fs *fs)
{
    struct store *s = NULL;
    struct bole_err err;
    CHECK_OK(fixture_try_open(fs, &s, &err), err);
    return s;
}

/* Group `lsn`: ROWS_PER_GROUP rows whose line says which they are. */
void fixture_insert(struct store *s, uint64_t lsn)
{
    struct batch_builder *b = batch_builder_create(NULL);
    struct batch *batches[BATCHES_PER_GROUP];
    struct bole_err err;
    for (uint32_t i = 0; i < ROWS_PER_GROUP; i++) {
        char line[64];
        uint32_t stream;
        int n = snprintf(line, sizeof line, "group %llu row %u", (unsigned long long)lsn, i);
        CHECK_OK(batch_builder_stream(b, S("default"), i % 3 ? S("\3app\1a") : S("\3app\1b"), 0, &stream, &err), err);
        CHECK_OK(batch_builder_add(b, 1790000000ll * NS_PER_S + i % 7, stream, bole_slice_from(line, (size_t)n), NULL,
                                   0, &err),
                 err);
        if ((i + 1) % ROWS_PER_BATCH == 0)
            CHECK_OK(batch_builder_seal(b, 1790000000ll * NS_PER_S, NULL, &batches[i / ROWS_PER_BATCH], &err), err);
    }
    CHECK_OK(store_insert(s, lsn, batches, BATCHES_PER_GROUP, &err), err);
    for (size_t i = 0; i < BATCHES_PER_GROUP; i++)
        batch_unref(batches[i]);
    batch_builder_destroy(b);
}

void fixture_insert_groups(struct store *s, uint64_t from, uint64_t to)
{
    for (uint64_t lsn = from; lsn <= to; lsn++)
        fixture_insert(s, lsn);
}

/* Every row of groups 1 .. n is there once, and no other; returns n. */
uint64_t fixture_check_view(struct store *s, struct view *view)
{
    struct store_query q = {
        .tenant = S("default"), .from_ns = INT64_MIN, .to_ns = INT64_MAX, .projection = PROJECT_LINE};
    struct scan *scan;
    struct vector *v;
    struct bole_err err;
    uint64_t rows = 0, highest = 0;
    uint8_t *seen = calloc(GROUPS_MAX, ROWS_PER_GROUP);
    bole_status st;
    CHECK_OK(store_scan_open(s, view, &q, &scan, &err), err);
    while ((st = store_scan_next(scan, &v, &err)) == BOLE_OK)
        for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r), rows++) {
            char line[64];
            uint64_t lsn = seq_lsn(v->seq[r]);
            uint32_t row = seq_row(v->seq[r]);
            snprintf(line, sizeof line, "group %llu row %u", (unsigned long long)lsn, row);
            CHECK_EQ_SLICE(column_get(&v->line, r), bole_slice_str(line));
            CHECK(row < ROWS_PER_GROUP && lsn < GROUPS_MAX && !seen[lsn * ROWS_PER_GROUP + row]);
            seen[lsn * ROWS_PER_GROUP + row] = 1;
            highest = lsn > highest ? lsn : highest;
        }
    CHECK_OK(st == BOLE_END ? BOLE_OK : st, err);
    store_scan_close(scan);
    free(seen);
    CHECK_EQ_U64(rows, highest * ROWS_PER_GROUP);
    return highest;
}

uint64_t fixture_check_store(struct store *s)
{
    struct view *view = store_view(s);
    CHECK(view != NULL);
    uint64_t groups = fixture_check_view(s, view);
    store_view_release(s, view);
    return groups;
}

void fixture_fail_on_problem(const struct store_problem *problem, void *ctx)
{
    print_error("%.*s at %llu: %s\n", BOLE_SLICE_ARG(problem->file), (unsigned long long)problem->offset,
                problem->what);
}

uint64_t fixture_problems_of(struct fs *fs, store_problem_fn *fn, void *ctx)
{
    struct store_check_stats stats;
    struct bole_err err;
    CHECK_OK(store_check(S("/data"), fs, fn, ctx, &stats, &err), err);
    return stats.problems;
}

void fixture_cut(struct store *s, uint64_t expected_lsn)
{
    struct bole_err err;
    uint64_t lsn = 0;
    CHECK_OK(store_cut(s, &lsn, &err), err);
    CHECK_EQ_U64(lsn, expected_lsn);
}
