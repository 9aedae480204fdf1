/*
 * histogram.c - the rows of a log query counted per bucket and level, as a chart above the rows shows them.
 *
 * A query without stages is counted by the store, without a row. Else rows go through the pipeline but neither lines nor parsed
 * labels are made that no stage looks at; a stage's errors are data here as in the rows: such a row counts.
 */
#include "base/err.h"
#include "query/exec.h"
#include "query/labelset.h"
#include "query/source.h"

#define LEVEL_NAME    S("detected_level")
#define LEVEL_UNKNOWN S("unknown")
#define LEVEL_OTHER   S("other")

enum { HINTS_MAX = 256 };

struct counter {
    int64_t                 from_ns, to_ns;
    struct query_histogram *h;
    struct query_stats     *stats;
    bool                    out_of_memory;
};

/* The number of the level; QUERY_LEVELS_MAX without memory. */
static uint32_t level_index(struct query_histogram *h, bole_slice name)
{
    if (!name.len)
        name = LEVEL_UNKNOWN;
    for (uint32_t i = 0; i < h->level_count; i++)
        if (bole_slice_eq(h->levels[i], name))
            return i;
    if (h->level_count >= QUERY_LEVELS_MAX - 1 && !bole_slice_eq(name, LEVEL_OTHER))
        return level_index(h, LEVEL_OTHER);
    uint64_t *counts = arena_array(h->arena, h->bucket_count, sizeof *counts);
    bole_slice copy = arena_copy(h->arena, name);
    if (!counts || !copy.ptr)
        return QUERY_LEVELS_MAX;
    h->levels[h->level_count] = copy;
    h->counts[h->level_count] = counts;
    return h->level_count++;
}

static bool count(struct counter *c, uint32_t level, uint32_t bucket, uint64_t rows)
{
    c->out_of_memory |= level == QUERY_LEVELS_MAX;
    if (level < QUERY_LEVELS_MAX && bucket < c->h->bucket_count)
        c->h->counts[level][bucket] += rows;
    return !c->out_of_memory;
}

static bole_status count_row(struct source *s, const struct source_row *row, void *ctx, struct bole_err *err)
{
    (void)s, (void)err;
    struct counter *c = ctx;
    uint64_t from = (uint64_t)row->row->time_ns - (uint64_t)c->h->start_ns;
    uint32_t level =
        row->series && *row->series != LABEL_SET_NONE ? *row->series : level_index(c->h, row_text(row->row, LEVEL_NAME));
    if (row->series)
        *row->series = level;
    c->stats->rows_out++;
    return count(c, level, (uint32_t)(from / (uint64_t)c->h->bucket_ns), 1) ? BOLE_OK : BOLE_E_LIMIT;
}

static bole_status count_cell(uint32_t stream, bole_slice labels, bole_slice field_value, uint32_t bucket, uint64_t value,
                              void *ctx)
{
    (void)stream;
    struct counter *c = ctx;
    bole_slice own = labels_find(labels, LEVEL_NAME);
    return count(c, level_index(c->h, own.ptr ? own : field_value), bucket, value) ? BOLE_OK : BOLE_E_LIMIT;
}

/* BOLE_E_UNSUPPORTED: scan instead. */
static bole_status count_in_store(struct counter *c, const struct expr *e, const struct query_request *request, struct view *view,
                                  struct bole_err *err)
{
    if (e->log.stages || request->tenant_count > 1 || request->stream.ptr)
        return BOLE_E_UNSUPPORTED;
    size_t matcher_count = 0;
    struct store_matcher *matchers = source_matchers(e->log.matchers, c->h->arena, &matcher_count);
    if (!matchers)
        return query_out_of_memory(request, err);
    struct store_query query = {
        .tenant = request->tenant, .from_ns = c->from_ns, .to_ns = c->to_ns, .matchers = matchers, .matcher_count = matcher_count,
        .budget = request->budget, .cancelled = request->cancelled, .cancelled_ctx = request->cancelled_ctx,
    };
    /* The store's buckets have their end, ours their beginning. */
    struct store_aggregation aggregation = {
        .what = AGGREGATE_COUNT, .start_ns = c->h->start_ns - 1 + c->h->bucket_ns, .bucket_ns = c->h->bucket_ns,
        .bucket_count = c->h->bucket_count, .field = LEVEL_NAME,
    };
    struct store_scan_stats scan = {0};
    bole_status st = store_aggregate(request->store, view, &query, &aggregation, count_cell, c, &scan, err);
    c->stats->parts_total += scan.parts_total;
    c->stats->parts_pruned += scan.parts_pruned;
    c->stats->bad_chunks += scan.bad_chunks;
    return st;
}

/* What the stages must find, and the level: nothing else is parsed. */
struct wants {
    struct row_hints hints;
    bole_slice       names[HINTS_MAX];
    bool             too_many;
};

static void want(bole_slice name, void *ctx)
{
    struct wants *w = ctx;
    if (bole_slice_eq(name, LABEL_ERROR))
        w->hints.keeps_errors = true;
    if (w->hints.name_count < HINTS_MAX)
        w->names[w->hints.name_count++] = name;
    else
        w->too_many = true;
}

static bole_status count_rows(struct counter *c, const struct expr *e, const struct query_request *request, struct view *view,
                              struct bole_err *err)
{
    struct wants wants = {0};
    struct arena plan;
    arena_init(&plan, request->budget);
    want(LEVEL_NAME, &wants);
    for (const struct ast_stage *s = e->log.stages; s; s = s->next)
        stage_required_labels(s, want, &wants);
    wants.hints.names = wants.names;
    wants.hints.some_labels = !wants.too_many;
    struct source_options options = {
        .request = request, .view = view, .log = &e->log, .hints = &wants.hints, .from_ns = c->from_ns,
        .to_ns = c->to_ns, .direction = FORWARD, .wants_labels = true, .arena = &plan, .stats = c->stats,
    };
    struct source_sink sink = {.row = count_row, .ctx = c};
    bole_status st = source_run(&options, &sink, err);
    arena_deinit(&plan);
    return st;
}

bole_status query_histogram(const struct query *q, const struct query_request *request, struct query_histogram *h,
                            struct query_stats *stats, struct bole_err *err)
{
    if (query_type(q) != QUERY_LOG)
        return bole_fail(err, BOLE_E_INVALID, "only the rows of a log query can be counted");
    struct view *own = request->view ? NULL : store_view(request->store), *view = request->view ? request->view : own;
    if (!view)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the query");
    int64_t end_ns = h->start_ns + (int64_t)h->bucket_count * h->bucket_ns;
    struct counter c = {.h = h, .stats = stats, .from_ns = h->start_ns > request->start_ns ? h->start_ns : request->start_ns,
                        .to_ns = end_ns < request->end_ns ? end_ns : request->end_ns};
    bole_status st = count_in_store(&c, q->ast->root, request, view, err);
    if (st == BOLE_E_UNSUPPORTED)
        st = count_rows(&c, q->ast->root, request, view, err);
    if (c.out_of_memory)
        st = query_out_of_memory(request, err);
    store_view_release(request->store, own);
    return st;
}
