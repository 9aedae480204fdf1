/*
 * The store as a plain array of rows: slow and obvious. It consumes no predicate and declines to aggregate, so whatever
 * runs on it exercises the caller's own filters; cleverer stores are tested against it.
 *
 * It is as durable as the process. A view is the number of rows at its time: rows are only ever added.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/backends.h"
#include "store/producers.h"
#include "store/scan/stream_table.h"

struct row {
    bole_slice tenant, labels, line;
    int64_t    time_ns;
    uint64_t   seq;
    const struct batch_field *fields;
    uint32_t   field_count;
    bool       collapses; /* of a stream with BATCH_STREAM_COLLAPSE */
};

struct mem_store {
    struct store base;
    pthread_mutex_t lock;  /* guards everything below */
    struct arena arena;
    struct row *rows;      /* moves when it grows: look at it under the lock */
    size_t row_count, row_capacity;
    uint64_t last_lsn, cut_lsn, raw_bytes, cuts_total;
    struct producers producers;
};

struct view {
    size_t row_count;
};

struct mem_scan {
    struct scan base;
    struct mem_store *store;
    const struct store_query *query;
    struct arena arena, vector_arena;
    struct stream_table streams;
    bool out_of_memory; /* in a callback that could not say so */
    size_t next_row, row_count;
    int64_t bound_ns;
    struct store_scan_stats stats;
    struct vector vector;
    int64_t    time_ns[VECTOR_ROWS_MAX];
    uint64_t   seq[VECTOR_ROWS_MAX];
    uint32_t   stream[VECTOR_ROWS_MAX];
    bole_slice lines[VECTOR_ROWS_MAX], values[VECTOR_ROWS_MAX];
    struct row rows[VECTOR_ROWS_MAX];
};

static struct mem_store *mem_of(struct store *self)
{
    return (struct mem_store *)self;
}

/* ---- rows come in ---- */

static bool copy_fields(struct mem_store *m, struct row *row, const struct batch *b, uint32_t index)
{
    uint32_t first = batch_field_first(b, index);
    row->field_count = b->field_end[index] - first;
    struct batch_field *fields = arena_array(&m->arena, row->field_count, sizeof *fields);
    for (uint32_t i = 0; fields && i < row->field_count; i++) {
        struct batch_field f = batch_field(b, first + i);
        fields[i] = (struct batch_field){arena_copy(&m->arena, f.key), arena_copy(&m->arena, f.value)};
        if (!fields[i].key.ptr || !fields[i].value.ptr)
            return false;
    }
    row->fields = fields;
    return fields != NULL;
}

static uint32_t count_field(const struct row *r, struct batch_field f)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->field_count; i++)
        count += bole_slice_eq(r->fields[i].key, f.key) && bole_slice_eq(r->fields[i].value, f.value);
    return count;
}

static bool same_record(const struct row *a, const struct row *b)
{
    if (a->time_ns != b->time_ns || a->field_count != b->field_count || !bole_slice_eq(a->line, b->line) ||
        !bole_slice_eq(a->labels, b->labels) || !bole_slice_eq(a->tenant, b->tenant))
        return false;
    for (uint32_t i = 0; i < a->field_count; i++)
        if (count_field(a, a->fields[i]) != count_field(b, a->fields[i]))
            return false;
    return true;
}

/* Loki's rule, over everything there is. */
static bool is_duplicate(const struct mem_store *m, const struct row *row)
{
    for (size_t i = 0; i < m->row_count; i++)
        if (m->rows[i].collapses && same_record(&m->rows[i], row))
            return true;
    return false;
}

static bool copy_row(struct mem_store *m, uint64_t seq, const struct batch *b, uint32_t index)
{
    if (m->row_count == m->row_capacity) {
        size_t capacity = m->row_capacity ? m->row_capacity * 2 : 1024;
        struct row *rows = realloc(m->rows, capacity * sizeof *rows);
        if (!rows)
            return false;
        m->rows = rows;
        m->row_capacity = capacity;
    }
    const struct batch_stream *s = &b->streams[b->row_stream[index]];
    struct row *row = &m->rows[m->row_count];
    *row = (struct row){
        .tenant = arena_copy(&m->arena, s->tenant),
        .labels = arena_copy(&m->arena, s->labels),
        .line = arena_copy(&m->arena, batch_line(b, index)),
        .time_ns = b->time_ns[index],
        .seq = seq,
        .collapses = s->flags & BATCH_STREAM_COLLAPSE,
    };
    if (!row->tenant.ptr || !row->labels.ptr || !row->line.ptr || !copy_fields(m, row, b, index))
        return false;
    if (row->collapses && is_duplicate(m, row))
        return true; /* its copies are lost until the end: slow and obvious */
    m->row_count++;
    m->raw_bytes += row->line.len;
    return true;
}

static bole_status mem_insert(struct store *self, uint64_t lsn, struct batch *const *batches, size_t batch_count,
                              struct bole_err *err)
{
    struct mem_store *m = mem_of(self);
    uint32_t row = 0;
    pthread_mutex_lock(&m->lock);
    bool ok = producers_reserve(&m->producers, batch_count, NULL) == BOLE_OK;
    size_t before = m->row_count;
    for (size_t i = 0; ok && i < batch_count; i++)
        for (uint32_t r = 0; ok && r < batches[i]->row_count; r++)
            ok = copy_row(m, seq_make(lsn, row++), batches[i], r);
    for (size_t i = 0; ok && i < batch_count; i++)
        producers_note(&m->producers, batches[i]);
    if (ok)
        m->last_lsn = lsn;
    else
        m->row_count = before;
    pthread_mutex_unlock(&m->lock);
    return ok ? BOLE_OK : bole_fail(err, BOLE_E_LIMIT, "store: the rows do not fit into memory");
}

static bole_status mem_producer(struct store *self, const uint8_t id[BATCH_PRODUCER_SIZE], uint64_t *ret_sequence,
                                struct bole_err *err)
{
    struct mem_store *m = mem_of(self);
    pthread_mutex_lock(&m->lock);
    bole_status st = producers_find(&m->producers, id, ret_sequence, err);
    pthread_mutex_unlock(&m->lock);
    return st;
}

static uint64_t mem_position(struct store *self)
{
    struct mem_store *m = mem_of(self);
    pthread_mutex_lock(&m->lock);
    uint64_t lsn = m->cut_lsn;
    pthread_mutex_unlock(&m->lock);
    return lsn;
}

static bool mem_wants_cut(struct store *self)
{
    return false;
}

static bole_status mem_cut(struct store *self, uint64_t *ret_lsn, struct bole_err *err)
{
    struct mem_store *m = mem_of(self);
    pthread_mutex_lock(&m->lock);
    *ret_lsn = m->cut_lsn = m->last_lsn;
    m->cuts_total++;
    pthread_mutex_unlock(&m->lock);
    return BOLE_OK;
}

/* ---- and out ---- */

static struct view *mem_view(struct store *self)
{
    struct mem_store *m = mem_of(self);
    struct view *view = malloc(sizeof *view);
    if (!view)
        return NULL;
    pthread_mutex_lock(&m->lock);
    view->row_count = m->row_count;
    pthread_mutex_unlock(&m->lock);
    return view;
}

static void mem_view_release(struct store *self, struct view *view)
{
    free(view);
}

static struct mem_scan *scan_of(const struct scan *scan)
{
    return (struct mem_scan *)scan;
}

static bole_status mem_scan_open(struct store *self, struct view *view, struct store_query *query,
                                 struct scan **ret_scan, struct bole_err *err)
{
    if (!budget_take(query->budget, sizeof(struct mem_scan)))
        return bole_fail(err, BOLE_E_LIMIT, "a scan does not fit into the query's memory limit");
    struct mem_scan *s = calloc(1, sizeof *s);
    if (!s) {
        budget_give(query->budget, sizeof *s);
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a scan");
    }
    for (size_t i = 0; i < query->predicate_count; i++)
        query->predicates[i].consumed = CONSUMED_NONE;
    s->base.ops = &store_mem_ops;
    s->store = mem_of(self);
    s->query = query;
    s->row_count = view->row_count;
    s->bound_ns = query->direction == BACKWARD ? INT64_MIN : INT64_MAX;
    s->stats.parts_total = 1;
    arena_init(&s->arena, query->budget);
    arena_init(&s->vector_arena, query->budget);
    stream_table_init(&s->streams, &s->arena, query->matchers, query->matcher_count);
    *ret_scan = &s->base;
    return BOLE_OK;
}

static bool wanted(const struct mem_scan *s, const struct row *row)
{
    bool within_bound = s->query->direction == BACKWARD ? row->time_ns >= s->bound_ns : row->time_ns <= s->bound_ns;
    return within_bound && row->time_ns >= s->query->from_ns && row->time_ns < s->query->to_ns &&
           bole_slice_eq(row->tenant, s->query->tenant);
}

static size_t vector_fields(struct vector *v, uint32_t row, const struct batch_field **ret_fields)
{
    const struct row *r = &scan_of(v->scan)->rows[row];
    *ret_fields = r->fields;
    return r->field_count;
}

static bole_slice row_field(const struct row *r, bole_slice key)
{
    for (uint32_t i = 0; i < r->field_count; i++)
        if (bole_slice_eq(r->fields[i].key, key))
            return r->fields[i].value;
    return (bole_slice){0};
}

static struct column vector_field(struct vector *v, bole_slice key)
{
    struct mem_scan *s = scan_of(v->scan);
    bole_slice *values = arena_array(&s->vector_arena, v->row_count, sizeof *values);
    s->out_of_memory = s->out_of_memory || !values;
    bool any = false;
    for (uint32_t row = 0; values && row < v->row_count; row++) {
        values[row] = row_field(&s->rows[row], key);
        any = any || values[row].ptr;
    }
    return any ? (struct column){.kind = COLUMN_PLAIN, .values = values} : (struct column){.kind = COLUMN_ABSENT};
}

static bole_status take_row(struct mem_scan *s, const struct row *row, uint32_t *at, struct bole_err *err)
{
    if (!wanted(s, row))
        return BOLE_OK;
    uint32_t stream;
    bole_status st = stream_table_find(&s->streams, row->labels, &stream, err);
    if (st < 0 || stream == STREAM_NONE)
        return st;
    s->rows[*at] = *row;
    s->time_ns[*at] = row->time_ns;
    s->seq[*at] = row->seq;
    s->stream[*at] = stream;
    s->lines[*at] = row->line;
    s->stats.rows_scanned++;
    s->stats.bytes_scanned += row->line.len;
    ++*at;
    return BOLE_OK;
}

static bole_status mem_scan_next(struct scan *scan, struct vector **ret_vector, struct bole_err *err)
{
    struct mem_scan *s = scan_of(scan);
    const struct store_query *q = s->query;
    uint32_t n = 0;
    bole_status st = BOLE_OK;
    if (s->out_of_memory)
        return bole_fail(err, BOLE_E_LIMIT, "a column does not fit into the query's memory limit");
    if (q->cancelled && q->cancelled(q->cancelled_ctx))
        return bole_fail(err, BOLE_E_CANCELLED, "the query was cancelled");
    arena_reset(&s->vector_arena);
    pthread_mutex_lock(&s->store->lock);
    while (st >= 0 && n < VECTOR_ROWS_MAX && s->next_row < s->row_count) {
        /* From the asked end in the order of arrival: the newest are most likely there. */
        size_t at = q->direction == BACKWARD ? s->row_count - 1 - s->next_row : s->next_row;
        s->next_row++;
        st = take_row(s, &s->store->rows[at], &n, err);
    }
    pthread_mutex_unlock(&s->store->lock);
    if (st < 0 || n == 0)
        return st < 0 ? st : BOLE_END;
    s->vector = (struct vector){.row_count = n, .time_ns = s->time_ns, .seq = s->seq, .stream = s->stream, .scan = scan,
                                .fields = vector_fields, .field = vector_field};
    if (q->projection & PROJECT_LINE)
        s->vector.line = (struct column){.kind = COLUMN_PLAIN, .values = s->lines};
    vector_select_all(&s->vector);
    *ret_vector = &s->vector;
    return BOLE_OK;
}

static bole_slice mem_scan_stream(const struct scan *scan, uint32_t stream)
{
    return scan_of(scan)->streams.labels[stream];
}

static uint32_t mem_scan_stream_count(const struct scan *scan)
{
    return scan_of(scan)->streams.count;
}

static void mem_scan_set_bound(struct scan *scan, int64_t bound_ns)
{
    scan_of(scan)->bound_ns = bound_ns;
}

static void mem_scan_stats(const struct scan *scan, struct store_scan_stats *ret_stats)
{
    *ret_stats = scan_of(scan)->stats;
}

static void mem_scan_close(struct scan *scan)
{
    struct mem_scan *s = scan_of(scan);
    struct budget *budget = s->query->budget;
    arena_deinit(&s->arena);
    arena_deinit(&s->vector_arena);
    free(s);
    budget_give(budget, sizeof *s);
}

struct stream_volume {
    uint64_t rows, bytes;
};

/* streams and volume: a scan that adds up per stream. */
static bole_status add_up(struct store *self, struct view *view, const struct store_query *query,
                          struct scan **ret_scan, struct stream_volume **ret_volumes, struct bole_err *err)
{
    struct store_query q = *query;
    q.predicate_count = 0;
    struct scan *scan;
    struct vector *v;
    bole_status st = mem_scan_open(self, view, &q, &scan, err);
    if (st < 0)
        return st;
    struct mem_scan *s = scan_of(scan);
    struct stream_volume *volumes = NULL;
    uint32_t capacity = 0;
    while ((st = mem_scan_next(scan, &v, err)) == BOLE_OK) {
        if (s->streams.count > capacity) {
            volumes = arena_grow(&s->arena, volumes, capacity * sizeof *volumes, s->streams.capacity * sizeof *volumes);
            if (!volumes) {
                st = bole_fail(err, BOLE_E_LIMIT, "the streams of this query do not fit into its memory limit");
                break;
            }
            memset(volumes + capacity, 0, (s->streams.capacity - capacity) * sizeof *volumes);
            capacity = s->streams.capacity;
        }
        for (uint32_t r = 0; r < v->row_count; r++) {
            volumes[v->stream[r]].rows++;
            volumes[v->stream[r]].bytes += s->lines[r].len;
        }
    }
    s->query = query; /* q ends here */
    if (st < 0) {
        mem_scan_close(scan);
        return st;
    }
    *ret_scan = scan;
    *ret_volumes = volumes;
    return BOLE_OK;
}

static bole_status mem_streams(struct store *self, struct view *view, const struct store_query *query,
                               bole_status (*fn)(bole_slice labels, void *ctx), void *ctx, struct bole_err *err)
{
    struct scan *scan;
    struct stream_volume *volumes;
    bole_status st = add_up(self, view, query, &scan, &volumes, err);
    if (st < 0)
        return st;
    for (uint32_t i = 0; st >= 0 && i < mem_scan_stream_count(scan); i++)
        st = fn(mem_scan_stream(scan, i), ctx);
    mem_scan_close(scan);
    return st;
}

static bole_status mem_volume(struct store *self, struct view *view, const struct store_query *query,
                              bole_status (*fn)(bole_slice labels, uint64_t rows, uint64_t bytes, void *ctx), void *ctx,
                              struct bole_err *err)
{
    struct scan *scan;
    struct stream_volume *volumes;
    bole_status st = add_up(self, view, query, &scan, &volumes, err);
    if (st < 0)
        return st;
    for (uint32_t i = 0; st >= 0 && i < mem_scan_stream_count(scan); i++)
        st = fn(mem_scan_stream(scan, i), volumes[i].rows, volumes[i].bytes, ctx);
    mem_scan_close(scan);
    return st;
}

/* ---- life ---- */

static void mem_stats(struct store *self, struct store_stats *ret_stats)
{
    struct mem_store *m = mem_of(self);
    pthread_mutex_lock(&m->lock);
    *ret_stats = (struct store_stats){.position_lsn = m->cut_lsn,
                                      .head_rows = m->row_count,
                                      .head_bytes = arena_used(&m->arena),
                                      .raw_bytes = m->raw_bytes,
                                      .cuts_total = m->cuts_total};
    pthread_mutex_unlock(&m->lock);
}

static void mem_destroy(struct store *self)
{
    struct mem_store *m = mem_of(self);
    arena_deinit(&m->arena);
    free(m->rows);
    pthread_mutex_destroy(&m->lock);
    producers_deinit(&m->producers);
    free(m);
}

static bole_status mem_open(const struct store_options *options, struct store **ret_store, struct bole_err *err)
{
    struct mem_store *m = calloc(1, sizeof *m);
    if (!m)
        return bole_fail(err, BOLE_E_NOMEM, "store: no memory");
    m->base.ops = &store_mem_ops;
    pthread_mutex_init(&m->lock, NULL);
    arena_init(&m->arena, options->budget);
    *ret_store = &m->base;
    return BOLE_OK;
}

const struct store_ops store_mem_ops = {
    .scheme = "mem",
    .open = mem_open,
    .position = mem_position,
    .insert = mem_insert,
    .producer = mem_producer,
    .wants_cut = mem_wants_cut,
    .cut = mem_cut,
    .view = mem_view,
    .view_release = mem_view_release,
    .scan_open = mem_scan_open,
    .scan_next = mem_scan_next,
    .scan_stream = mem_scan_stream,
    .scan_stream_count = mem_scan_stream_count,
    .scan_set_bound = mem_scan_set_bound,
    .scan_stats = mem_scan_stats,
    .scan_close = mem_scan_close,
    .streams = mem_streams,
    .volume = mem_volume,
    .stats = mem_stats,
    .destroy = mem_destroy,
};
