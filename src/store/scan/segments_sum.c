/*
 * Counting. aggregate() runs a scan that asks for no lines (unless a predicate looks at them): row groups are counted where
 * they lie (group_count.h), what comes as vectors all the same (the head, fields of many values) is added up in a small table;
 * streams() and volume() answer from the directories, which know rows and bytes of every stream, and look at rows only in
 * the head.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "store/scan/head_removal.h"
#include "store/segments.h"
#include "store/scan/stream_table.h"

/* ---- the table ---- */

enum { TALLY_SLOTS = 4096, TALLY_FULL = TALLY_SLOTS / 2 };

struct cell {
    uint64_t   amount; /* 0: free */
    bole_slice value;  /* valid as long as the vector */
    uint32_t   stream, bucket;
};

struct tally {
    struct scan *scan;
    store_cell_fn *fn;
    void *ctx;
    uint32_t used_count;
    uint16_t used[TALLY_FULL]; /* cells */
    struct cell cells[TALLY_SLOTS];
};

static bole_status tally_flush(struct tally *t)
{
    bole_status st = BOLE_OK;
    for (uint32_t i = 0; i < t->used_count; i++) {
        struct cell *c = &t->cells[t->used[i]];
        if (st >= 0)
            st = t->fn(c->stream, segments_scan_stream(t->scan, c->stream), c->value, c->bucket, c->amount, t->ctx);
        c->amount = 0;
    }
    t->used_count = 0;
    return st;
}

static bole_status tally_add(struct tally *t, uint32_t stream, uint32_t bucket, bole_slice value, uint64_t amount)
{
    uint64_t hash = (stream * 0x9e3779b97f4a7c15u ^ bucket) * 0xff51afd7ed558ccdu;
    if (value.ptr)
        hash ^= hash64(value);
    for (uint32_t at = (uint32_t)(hash >> 32) % TALLY_SLOTS;; at = (at + 1) % TALLY_SLOTS) {
        struct cell *c = &t->cells[at];
        if (!c->amount) {
            *c = (struct cell){amount, value, stream, bucket};
            t->used[t->used_count++] = (uint16_t)at;
            return t->used_count == TALLY_FULL ? tally_flush(t) : BOLE_OK;
        }
        if (c->stream == stream && c->bucket == bucket && (c->value.ptr == NULL) == (value.ptr == NULL) &&
            bole_slice_eq(c->value, value)) {
            c->amount += amount;
            return BOLE_OK;
        }
    }
}

/* Times mostly stay in the bucket of the row before: (after_ns, to_ns]. */
struct bucket_memory {
    int64_t  after_ns, to_ns;
    uint32_t bucket;
};

static bool find_bucket(const struct store_aggregation *a, struct bucket_memory *m, int64_t time_ns,
                        uint32_t *ret_bucket)
{
    bool found = (time_ns > m->after_ns && time_ns <= m->to_ns) ||
                 group_count_bucket(a, time_ns, &m->bucket, &m->after_ns, &m->to_ns);
    *ret_bucket = m->bucket;
    return found;
}

static bole_status add_vector(struct tally *t, const struct store_aggregation *a, struct vector *v,
                              struct bucket_memory *memory)
{
    const uint32_t *lengths = segments_scan_lengths(t->scan);
    struct column field = a->field.ptr ? v->field(v, a->field) : (struct column){.kind = COLUMN_ABSENT};
    bole_status st = BOLE_OK;
    for (uint32_t r = vector_first(v); st >= 0 && r < v->row_count; r = vector_next(v, r)) {
        uint32_t bucket;
        uint64_t amount = a->what == AGGREGATE_COUNT ? 1 : lengths[r];
        if (!amount || !find_bucket(a, memory, v->time_ns[r], &bucket))
            continue;
        bool hidden = segments_scan_hides_field(t->scan, v->stream[r]);
        st = tally_add(t, v->stream[r], bucket, hidden ? (bole_slice){0} : column_get(&field, r), amount);
    }
    /* Values of a field live as long as the vector. */
    return st >= 0 && a->field.ptr ? tally_flush(t) : st;
}

bole_status segments_aggregate(struct store *self, struct view *view, struct store_query *query,
                               const struct store_aggregation *aggregation, store_cell_fn *fn, void *ctx,
                               struct store_scan_stats *ret_stats, struct bole_err *err)
{
    if (aggregation->bucket_ns <= 0)
        return bole_fail(err, BOLE_E_INVALID, "a bucket must be longer than nothing");
    struct store_query q = *query;
    q.projection = 0;
    struct scan *scan;
    bole_status st = segments_scan_open(self, view, &q, &scan, err);
    if (st < 0)
        return st;
    struct tally *t = budget_take(query->budget, sizeof *t) ? calloc(1, sizeof *t) : NULL;
    if (!t)
        st = bole_fail(err, BOLE_E_LIMIT, "an aggregation does not fit into the query's memory limit");
    if (st >= 0) {
        *t = (struct tally){.scan = scan, .fn = fn, .ctx = ctx};
        struct group_counter counter = {aggregation, fn, ctx};
        segments_scan_count_only(scan, &counter);
        struct bucket_memory memory = {0};
        struct vector *v;
        while ((st = segments_scan_next(scan, &v, err)) == BOLE_OK &&
               (st = add_vector(t, aggregation, v, &memory)) >= 0)
            ;
        if (st == BOLE_END)
            st = tally_flush(t);
        free(t);
        budget_give(query->budget, sizeof *t);
    }
    if (ret_stats)
        segments_scan_stats(scan, ret_stats);
    segments_scan_close(scan);
    return st;
}

/* ---- streams and volume ---- */

struct stream_sum {
    uint64_t rows, bytes;
};

struct summing {
    const struct store_query *query;
    const struct removal *removals; /* of the view */
    size_t   removal_count;
    struct arena entry_arena;
    struct arena arena;
    struct stream_table streams;
    struct stream_sum *sums; /* [capacity] by stream index */
    uint32_t capacity;
};

static bole_status add_sum(struct summing *s, uint32_t stream, uint64_t rows, uint64_t bytes, struct bole_err *err)
{
    if (stream >= s->capacity) {
        uint32_t capacity = s->streams.capacity;
        struct stream_sum *sums = arena_grow(&s->arena, s->sums, s->capacity * sizeof *sums, capacity * sizeof *sums);
        if (!sums)
            return bole_fail(err, BOLE_E_LIMIT, "the streams of this query do not fit into its memory limit");
        memset(sums + s->capacity, 0, (capacity - s->capacity) * sizeof *sums);
        s->sums = sums;
        s->capacity = capacity;
    }
    s->sums[stream].rows += rows;
    s->sums[stream].bytes += bytes;
    return BOLE_OK;
}

static bole_status sum_entry(struct summing *s, const struct head_entry *e, struct bole_err *err)
{
    const struct batch *b = e->batch;
    const struct store_query *q = s->query;
    bole_status st = BOLE_OK;
    uint32_t known = UINT32_MAX, stream = STREAM_NONE; /* the batch's stream of the row before, and its index here */
    if (b->max_time_ns < q->from_ns || b->min_time_ns >= q->to_ns)
        return BOLE_OK;
    struct head_removal removal;
    arena_reset(&s->entry_arena);
    st = head_removal_begin(&removal, s->removals, s->removal_count, e, &s->entry_arena, err);
    for (uint32_t r = 0; st >= 0 && r < b->row_count; r++) {
        if (b->time_ns[r] < q->from_ns || b->time_ns[r] >= q->to_ns || head_entry_is_dead(e, r) ||
            head_removal_names(&removal, r))
            continue;
        if (b->row_stream[r] != known) {
            known = b->row_stream[r];
            stream = STREAM_NONE;
            if (bole_slice_eq(b->streams[known].tenant, q->tenant))
                st = stream_table_find(&s->streams, b->streams[known].labels, &stream, err);
        }
        if (st >= 0 && stream != STREAM_NONE)
            st = add_sum(s, stream, 1, batch_line(b, r).len, err);
    }
    return st;
}

static bool is_deleted(const struct summing *s, const struct segment_directory *d, const struct segment_group *g, uint32_t stream)
{
    for (size_t i = 0; i < s->removal_count; i++)
        if (removal_of_stream(&s->removals[i], g, d->labels[g->streams[stream].id]) == REMOVES_ALL)
            return true;
    return false;
}

static bole_status sum_group(struct summing *s, const struct segment_directory *d, const struct segment_group *g,
                             struct bole_err *err)
{
    bole_status st = BOLE_OK;
    for (uint32_t i = 0; st >= 0 && i < g->stream_count; i++) {
        uint32_t stream;
        st = stream_table_find(&s->streams, d->labels[g->streams[i].id], &stream, err);
        if (st >= 0 && stream != STREAM_NONE && !is_deleted(s, d, g, i))
            st = add_sum(s, stream, g->streams[i].rows, g->streams[i].bytes, err);
    }
    return st;
}

static bole_status sum_segment(struct summing *s, struct segment *segment, struct segment_reader *reader,
                               struct bole_err *err)
{
    const struct store_query *q = s->query;
    if (segment->info.max_time_ns < q->from_ns || segment->info.min_time_ns >= q->to_ns)
        return BOLE_OK;
    struct segment_directory *d;
    struct bole_err why;
    bole_status st = segment_directory_get(segment, reader, &d, &why);
    if (segment_is_damage(st)) {
        segment_note_damage(segment, segment->info.size_bytes, &why);
        return BOLE_OK;
    }
    if (st < 0) {
        if (err)
            *err = why;
        return st;
    }
    for (uint32_t i = 0; st >= 0 && i < d->group_count; i++) {
        const struct segment_group *g = &d->groups[i];
        if (bole_slice_eq(g->tenant, q->tenant) && g->max_time_ns >= q->from_ns && g->min_time_ns < q->to_ns)
            st = sum_group(s, d, g, err);
    }
    segment_directory_unref(d);
    return st;
}

static bole_status sum_view(struct summing *s, struct segments_store *store, const struct view *view,
                            const struct store_query *query, struct bole_err *err)
{
    s->query = query;
    s->removal_count = view_removals(view, &s->removals);
    arena_init(&s->arena, query->budget);
    arena_init(&s->entry_arena, query->budget);
    stream_table_init(&s->streams, &s->arena, query->matchers, query->matcher_count);
    bole_status st = BOLE_OK;
    struct head_cursor cursor = {.snapshot = &view->head};
    const struct head_entry *e;
    while (st >= 0 && (e = head_next(&cursor)))
        st = sum_entry(s, e, err);
    struct segment_reader reader;
    segment_reader_init(&reader, store->objects, query->budget);
    for (size_t i = 0; st >= 0 && i < view->set->count; i++) {
        if (query->cancelled && query->cancelled(query->cancelled_ctx))
            st = bole_fail(err, BOLE_E_CANCELLED, "the query was cancelled");
        else
            st = sum_segment(s, view->set->segments[i], &reader, err);
    }
    segment_reader_deinit(&reader);
    arena_deinit(&s->entry_arena);
    return st;
}

bole_status segments_streams(struct store *self, struct view *view, const struct store_query *query,
                             bole_status (*fn)(bole_slice labels, void *ctx), void *ctx, struct bole_err *err)
{
    struct summing s = {0};
    bole_status st = sum_view(&s, segments_of(self), view, query, err);
    for (uint32_t i = 0; st >= 0 && i < s.capacity; i++)
        if (s.sums[i].rows)
            st = fn(s.streams.labels[i], ctx);
    arena_deinit(&s.arena);
    return st;
}

bole_status segments_volume(struct store *self, struct view *view, const struct store_query *query,
                            bole_status (*fn)(bole_slice labels, uint64_t rows, uint64_t bytes, void *ctx), void *ctx,
                            struct bole_err *err)
{
    struct summing s = {0};
    bole_status st = sum_view(&s, segments_of(self), view, query, err);
    for (uint32_t i = 0; st >= 0 && i < s.capacity; i++)
        if (s.sums[i].rows)
            st = fn(s.streams.labels[i], s.sums[i].rows, s.sums[i].bytes, ctx);
    arena_deinit(&s.arena);
    return st;
}
