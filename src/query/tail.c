/*
 * tail.c - a log query over rows as they are committed.
 *
 * A batch holds few streams and many rows: matchers run once per stream of the batch.
 */
#include <stdlib.h>

#include "base/err.h"
#include "query/exec.h"
#include "query/pipeline.h"
#include "query/source.h"
#include "query/stage/hints.h"

struct query_tail {
    const struct expr      *e;
    struct budget          *budget;
    struct arena            arena;   /* as long as the tail */
    struct arena            batch;   /* as long as one batch */
    struct arena            scratch; /* as long as one row */
    bole_slice              tenant;
    struct store_matcher   *matchers;
    size_t                  matcher_count;
    struct pipeline         pipeline;
    struct row_hints        hints;
    struct row_label       *labels, *sorted; /* ROW_LABELS_MAX + 2 each */
};

struct tail_stream {
    bool              matches;
    struct row_label *labels;
    size_t            count;
};

static bole_status out_of_memory(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_LIMIT, "the live tail ran out of memory");
}

static bool plan_tail(struct query_tail *t)
{
    size_t count = 0;
    t->pipeline.stages = pipeline_order(t->e->log.stages, &t->arena, &count);
    t->matchers = source_matchers(t->e->log.matchers, &t->arena, &t->matcher_count);
    t->labels = arena_array(&t->arena, ROW_LABELS_MAX + 2, sizeof *t->labels);
    t->sorted = arena_array(&t->arena, ROW_LABELS_MAX + 2, sizeof *t->sorted);
    t->pipeline.count = count;
    return t->pipeline.stages && t->matchers && t->labels && t->sorted && t->tenant.ptr &&
           hints_of_log(&t->e->log, &t->arena, &t->hints);
}

bole_status query_tail_create(const struct query *q, bole_slice tenant, struct budget *budget,
                              struct query_tail **ret_tail, struct bole_err *err)
{
    if (query_type(q) != QUERY_LOG)
        return bole_fail(err, BOLE_E_INVALID, "only log queries can be tailed");
    if (q->ast->root->log.sets)
        return bole_fail(err, BOLE_E_INVALID, "a live tail has no end: distinct, sort, stats and the like cannot be tailed");
    struct query_tail *t = calloc(1, sizeof *t);
    if (!t)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the live tail");
    t->e = q->ast->root;
    t->budget = budget;
    arena_init(&t->arena, budget);
    arena_init(&t->batch, budget);
    arena_init(&t->scratch, budget);
    t->tenant = arena_copy(&t->arena, tenant);
    if (!plan_tail(t)) {
        query_tail_destroy(t);
        return out_of_memory(err);
    }
    *ret_tail = t;
    return BOLE_OK;
}

void query_tail_destroy(struct query_tail *t)
{
    if (!t)
        return;
    arena_deinit(&t->arena);
    arena_deinit(&t->batch);
    arena_deinit(&t->scratch);
    free(t);
}

static bool matches_stream(const struct query_tail *t, const struct batch_stream *s)
{
    return bole_slice_eq(s->tenant, t->tenant) && store_matches(s->labels, t->matchers, t->matcher_count);
}

/* NULL: no memory. *ret_any: one of them matches. */
static struct tail_stream *match_streams(struct query_tail *t, const struct batch *b, bool *ret_any)
{
    struct tail_stream *streams = arena_array(&t->batch, b->stream_count + 1, sizeof *streams);
    *ret_any = false;
    for (uint32_t i = 0; i < b->stream_count && streams; i++) {
        struct tail_stream *s = &streams[i];
        s->matches = matches_stream(t, &b->streams[i]);
        if (!s->matches)
            continue;
        *ret_any = true;
        s->labels = arena_array(&t->batch, labels_count(b->streams[i].labels) + 1, sizeof *s->labels);
        if (!s->labels)
            return NULL;
        struct reader r = reader_of(b->streams[i].labels);
        struct label l;
        for (; labels_next(&r, &l); s->count++)
            s->labels[s->count] = (struct row_label){l.name, l.value, ORIGIN_STREAM};
    }
    return streams;
}

static bole_status run_row(struct query_tail *t, const struct tail_stream *stream, const struct batch *b, uint32_t at,
                           uint64_t seq, bole_status (*fn)(const struct query_entry *entry, void *ctx), void *ctx,
                           struct bole_err *err)
{
    struct row row = {.labels = t->labels, .scratch = &t->scratch, .hints = &t->hints};
    arena_reset(&t->scratch);
    row_begin(&row, b->time_ns[at], batch_line(b, at), stream->labels, stream->count);
    for (uint32_t f = batch_field_first(b, at); f < b->field_end[at]; f++) {
        struct batch_field field = batch_field(b, f);
        row_add_fields(&row, &field, 1);
    }
    bool pass = pipeline_run(&t->pipeline, &row);
    if (row.out_of_memory)
        return out_of_memory(err);
    if (!pass)
        return BOLE_OK;
    size_t count = exec_row_labels(&row, t->sorted);
    struct query_entry entry = {row.time_ns, seq, row.line, t->sorted, count};
    return fn(&entry, ctx);
}

bole_status query_tail_batch(struct query_tail *t, uint64_t lsn, uint32_t first_row, const struct batch *b,
                             bole_status (*fn)(const struct query_entry *entry, void *ctx), void *ctx,
                             struct bole_err *err)
{
    bool any;
    bole_status st = BOLE_OK;
    arena_reset(&t->batch);
    struct tail_stream *streams = match_streams(t, b, &any);
    if (!streams)
        return out_of_memory(err);
    for (uint32_t at = 0; any && at < b->row_count && st == BOLE_OK; at++)
        if (streams[b->row_stream[at]].matches)
            st = run_row(t, &streams[b->row_stream[at]], b, at, seq_make(lsn, first_row + at), fn, ctx, err);
    return st;
}
