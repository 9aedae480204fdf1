/* The sink into ingest, with the queue and the store in memory. */
#include "agent/sink.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/test.h"
#include "ingest/ingest.h"

struct fixture {
    struct budget budget;
    struct queue *queue;
    struct store *store;
    struct ingest *in;
    struct tail_sink *sink;
    uint64_t committed_rows; /* committer thread; read after the answer */
    int64_t  last_time_ns;
};

static void on_commit(uint64_t lsn, struct batch *const *batches, size_t batch_count, void *ctx)
{
    struct fixture *f = ctx;
    for (size_t i = 0; i < batch_count; i++) {
        f->committed_rows += batches[i]->row_count;
        f->last_time_ns = batches[i]->max_time_ns;
    }
}

static void setup(struct fixture *f, size_t budget_bytes)
{
    struct bole_err err;
    *f = (struct fixture){0};
    budget_init(&f->budget, NULL, budget_bytes);
    struct queue_options q = {.uri = S("mem:"), .fs = &fs_posix, .clock = &clock_system, .random = &random_system};
    CHECK_OK(queue_open(&q, &f->queue, &err), err);
    struct store_options s = {.uri = S("mem:"), .fs = &fs_posix, .clock = &clock_system};
    CHECK_OK(store_open(&s, &f->store, &err), err);
    struct ingest_options o = {.queue = f->queue, .store = f->store, .clock = &clock_system, .budget = &f->budget,
                               .fs = &fs_posix, .worker_count = 2, .on_commit = on_commit, .on_commit_ctx = f};
    CHECK_OK(ingest_create(&o, &f->in, &err), err);
    CHECK_OK(tail_sink_ingest(f->in, 1, S("default"), NULL, &f->sink, &err), err);
}

static void teardown(struct fixture *f)
{
    tail_sink_destroy(f->sink);
    ingest_destroy(f->in);
    store_destroy(f->store);
    queue_destroy(f->queue);
}

static const bole_slice labels = {(const uint8_t *)"\3job\1x", 6};

TEST(a_batch_is_stored_when_send_returns)
{
    struct fixture f;
    struct bole_err err = {0};
    uint64_t refused = 7;
    setup(&f, SIZE_MAX);
    struct batch_field level = {S("detected_level"), S("info")};
    struct tail_record records[] = {{.time_ns = 1, .labels = labels, .line = S("one"), .fields = &level,
                                     .field_count = 1},
                                    {.time_ns = 2, .labels = labels, .line = S("two")}};
    struct tail_batch batch = {records, 2, 26};
    CHECK_OK(tail_sink_send(f.sink, &batch, &refused, &err), err);
    CHECK_EQ_U64(refused, 0);
    CHECK_EQ_U64(f.committed_rows, 2);
    CHECK_EQ_I64(f.last_time_ns, 2);
    CHECK_OK(tail_sink_send(f.sink, &batch, &refused, &err), err);
    CHECK_EQ_U64(f.committed_rows, 4);
    teardown(&f);
}

TEST(a_record_over_a_limit_is_refused_and_its_neighbours_are_stored)
{
    struct fixture f;
    struct bole_err err = {0};
    uint64_t refused = 0;
    setup(&f, SIZE_MAX);
    uint8_t *large = calloc(1, RECORD_LINE_MAX + 1);
    struct tail_record records[] = {{.time_ns = 1, .labels = labels, .line = S("one")},
                                    {.time_ns = 2, .labels = labels, .line = {large, RECORD_LINE_MAX + 1}},
                                    {.time_ns = 3, .labels = labels, .line = S("three")}};
    struct tail_batch batch = {records, 3, RECORD_LINE_MAX + 9};
    CHECK_OK(tail_sink_send(f.sink, &batch, &refused, &err), err);
    CHECK_EQ_U64(refused, 1);
    CHECK_EQ_U64(f.committed_rows, 2);
    free(large);
    teardown(&f);
}

/* Full memory must not be taken for a record over a limit: that record would be gone. */
TEST(full_memory_means_later_and_nothing_is_stored)
{
    struct fixture f;
    struct bole_err err = {0};
    uint64_t refused = 0;
    setup(&f, 8u << 20);
    uint8_t *line = calloc(1, 100000);
    struct tail_record records[64];
    for (size_t i = 0; i < 64; i++)
        records[i] = (struct tail_record){.time_ns = 1, .labels = labels, .line = {line, 100000}};
    struct tail_batch batch = {records, 64, 100}; /* a size too small, so that admission lets it in */
    CHECK(budget_take(&f.budget, 7u << 20));
    CHECK_EQ_STATUS(tail_sink_send(f.sink, &batch, &refused, &err), BOLE_AGAIN);
    CHECK_EQ_U64(f.committed_rows, 0);
    budget_give(&f.budget, 7u << 20);
    batch.record_count = 4;
    CHECK_OK(tail_sink_send(f.sink, &batch, &refused, &err), err);
    CHECK_EQ_U64(f.committed_rows, 4);
    free(line);
    teardown(&f);
}

TEST(a_bad_tenant_is_refused_at_once)
{
    struct tail_sink *sink;
    CHECK_EQ_STATUS(tail_sink_ingest(NULL, 0, S("no/slashes"), NULL, &sink, NULL), BOLE_E_INVALID);
}
