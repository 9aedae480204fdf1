#include "store/scan/group_count.h"

#include "base/err.h"
#include "store/scan/group_fields.h"
#include "store/segment/rollup.h"

static bole_status no_room(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_LIMIT, "the counts of a row group do not fit into the query's memory limit");
}

static int64_t clamp(__int128 v)
{
    return v < INT64_MIN ? INT64_MIN : v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

bool group_count_bucket(const struct store_aggregation *a, int64_t time_ns, uint32_t *ret_bucket, int64_t *ret_after_ns,
                        int64_t *ret_to_ns)
{
    __int128 offset = (__int128)time_ns - a->start_ns + a->bucket_ns - 1; /* rounds up */
    if (offset < 0)
        return false;
    __int128 bucket = offset / a->bucket_ns, to = a->start_ns + bucket * a->bucket_ns;
    if (bucket >= a->bucket_count)
        return false;
    *ret_bucket = (uint32_t)bucket;
    *ret_after_ns = clamp(to - a->bucket_ns);
    *ret_to_ns = clamp(to);
    return true;
}

/* ---- from the rollup ---- */

struct rollup_count {
    const struct group_counter *counter;
    const struct stream_table *streams;
    const struct segment_group *group;
    uint32_t *stream_map;
    bool fits;          /* every minute lies in one bucket, or in none */
    bole_status status; /* of a callback */
};

/* False: the minute reaches over the border of a bucket. */
static bool minute_bucket(const struct store_aggregation *a, int64_t minute, bool *ret_inside, uint32_t *ret_bucket)
{
    __int128 to = (__int128)minute * ROLLUP_MINUTE_NS, offset = to - a->start_ns + a->bucket_ns - 1;
    __int128 first = (__int128)a->start_ns - a->bucket_ns, last = a->start_ns + (__int128)(a->bucket_count - 1) * a->bucket_ns;
    *ret_inside = to > first && to - ROLLUP_MINUTE_NS < last;
    if (!*ret_inside)
        return true;
    if (offset < 0 || offset / a->bucket_ns >= a->bucket_count)
        return false;
    *ret_bucket = (uint32_t)(offset / a->bucket_ns);
    return to - ROLLUP_MINUTE_NS >= a->start_ns + ((__int128)*ret_bucket - 1) * a->bucket_ns;
}

static bool test_minute(const struct rollup_entry *e, void *ctx)
{
    struct rollup_count *r = ctx;
    bool inside;
    uint32_t bucket;
    r->fits = r->fits && minute_bucket(r->counter->aggregation, e->minute, &inside, &bucket);
    return true;
}

static bool count_minute(const struct rollup_entry *e, void *ctx)
{
    struct rollup_count *r = ctx;
    const struct store_aggregation *a = r->counter->aggregation;
    uint64_t amount = a->what == AGGREGATE_COUNT ? e->rows : e->bytes;
    bool inside;
    uint32_t bucket = 0;
    if (amount == 0 || r->stream_map[e->stream] == STREAM_NONE || !minute_bucket(a, e->minute, &inside, &bucket) || !inside)
        return true;
    uint32_t stream = r->stream_map[e->stream];
    r->status = r->counter->fn(stream, r->streams->labels[stream], (bole_slice){0}, bucket, amount, r->counter->ctx);
    return r->status >= 0;
}

/* Rows outside of the query's range must be outside of all buckets, or there are none. */
static bool range_is_covered(const struct store_query *q, const struct store_aggregation *a,
                             const struct segment_group *group)
{
    __int128 last = a->start_ns + (__int128)(a->bucket_count - 1) * a->bucket_ns;
    return (group->min_time_ns >= q->from_ns || (__int128)a->start_ns - a->bucket_ns >= (__int128)q->from_ns - 1) &&
           (group->max_time_ns < q->to_ns || last < q->to_ns);
}

static bool rollup_can_answer(const struct group_scan *g, const struct group_counter *c, const struct segment_group *group)
{
    const struct store_query *q = g->ctx->query;
    return group->rollup && q->predicate_count == 0 && range_is_covered(q, c->aggregation, group);
}

/* A field that every stream hides, or that no row can have, needs no look at the rows. */
static bool field_matters(const struct group_scan *g, const struct segment_group *group, bole_slice key,
                          const uint32_t *stream_map)
{
    bool matters = false;
    if (!key.ptr || (!group->rest && !segment_group_field(group, key)))
        return false;
    for (uint32_t i = 0; i < group->stream_count; i++)
        matters = matters || (stream_map[i] != STREAM_NONE && !g->ctx->streams.has_label[stream_map[i]]);
    return matters;
}

bole_status group_count_rollup(struct group_scan *g, const struct group_counter *c, struct segment *segment,
                               struct segment_directory *directory, uint32_t group, struct bole_err *err)
{
    struct rollup_count r = {
        .counter = c, .streams = &g->ctx->streams, .group = &directory->groups[group], .fits = true};
    struct bole_err why;
    bole_slice raw;
    if (!rollup_can_answer(g, c, r.group))
        return BOLE_E_UNSUPPORTED;
    group_scan_begin(g, segment);
    bole_status st = group_scan_map_streams(g, directory, r.group, &r.stream_map, err);
    if (st < 0)
        return st;
    if (field_matters(g, r.group, c->aggregation->field, r.stream_map))
        return BOLE_E_UNSUPPORTED;
    const struct segment_chunk *chunk = &r.group->rollup->chunks[0];
    st = segment_chunk_read_arena(&g->reader, chunk, CHUNK_ROLLUP, &g->arena, &raw, &why);
    if (st >= 0 && !rollup_read(raw, r.group->stream_count, r.group->row_count, test_minute, &r))
        st = bole_fail(&why, BOLE_E_CORRUPT, "segment %s: at %llu: the rollup is not well formed", segment->key_text,
                       (unsigned long long)chunk->offset);
    if (segment_is_damage(st)) { /* the rows themselves may still be sound */
        segment_note_damage(segment, chunk->offset, &why);
        g->ctx->stats.bad_chunks++;
        return BOLE_E_UNSUPPORTED;
    }
    if (st < 0) {
        if (err)
            *err = why;
        return st;
    }
    if (!r.fits)
        return BOLE_E_UNSUPPORTED;
    if (!rollup_read(raw, r.group->stream_count, r.group->row_count, count_minute, &r))
        st = r.status;
    return st < 0 ? st : BOLE_END;
}

/* ---- from the rows ---- */

/* A cell is (stream, value): number stream * value_count + value id. Up to SPREAD tables, so that rows of the same cell
 * one after the other do not wait for each other. */
enum { SPREAD = 4, CELLS_SPREAD = 4096, CELLS_MAX = 1 << 20 };

struct row_count {
    struct group_scan *g;
    const struct group_counter *counter;
    uint32_t value_count;       /* values of the field, 0: absent; 1 without a field */
    const bole_slice *values;
    const struct field_state *field; /* NULL: no stream shows it, or no row has it */
    uint32_t *shown;            /* [stream_count] mask of a value id: 0 where a label hides the field */
    uint32_t cell_count, spread;
    uint64_t *amounts;          /* [spread][cell_count] */
    uint32_t *touched;          /* [cell_count] cells of the bucket, when there are many */
    uint32_t  touched_count;
    uint32_t *cell;             /* [VECTOR_ROWS_MAX] of rows */
    uint32_t *ids;              /* scratch */
};

static bole_status prepare(struct row_count *r, struct bole_err *err)
{
    struct group_scan *g = r->g;
    const struct store_aggregation *a = r->counter->aggregation;
    r->value_count = 1;
    if (field_matters(g, g->group, a->field, g->stream_map)) {
        bole_status st = group_fields_dict(g, a->field, &r->field, &r->values, &r->value_count, err);
        if (st < 0 || st == BOLE_END)
            return st;
    }
    if ((uint64_t)r->value_count * g->group->stream_count > CELLS_MAX)
        return BOLE_E_UNSUPPORTED;
    r->cell_count = r->value_count * g->group->stream_count;
    r->spread = r->cell_count <= CELLS_SPREAD ? SPREAD : 1;
    r->shown = arena_array(&g->arena, g->group->stream_count, sizeof *r->shown);
    r->amounts = arena_array(&g->arena, (size_t)r->cell_count * r->spread, sizeof *r->amounts);
    r->touched = arena_array(&g->arena, r->cell_count, sizeof *r->touched);
    r->cell = arena_array(&g->arena, VECTOR_ROWS_MAX, sizeof *r->cell);
    r->ids = arena_array(&g->arena, VECTOR_ROWS_MAX, sizeof *r->ids);
    if (!r->shown || !r->amounts || !r->touched || !r->cell || !r->ids)
        return no_room(err);
    for (uint32_t i = 0; i < g->group->stream_count; i++)
        r->shown[i] = g->stream_map[i] != STREAM_NONE && !g->ctx->streams.has_label[g->stream_map[i]] ? ~0u : 0;
    return BOLE_OK;
}

static void find_cells(struct row_count *r, uint32_t first, uint32_t count)
{
    group_scan_streams(r->g, first, count, r->cell);
    if (!r->field)
        return;
    group_fields_ids(r->field, first, count, r->ids);
    for (uint32_t i = 0; i < count; i++)
        r->cell[i] = r->cell[i] * r->value_count + (r->ids[i] & r->shown[r->cell[i]]);
}

static void touch(struct row_count *r, uint32_t cell, uint64_t amount)
{
    if (r->spread == 1 && r->amounts[cell] == 0 && amount)
        r->touched[r->touched_count++] = cell;
    r->amounts[cell] += amount;
}

/* Up to VECTOR_ROWS_MAX rows; lengths NULL: every row counts one. */
static void count_block(struct row_count *r, uint32_t first, uint32_t count, const uint32_t *lengths)
{
    const uint64_t *bits = group_scan_bits(r->g);
    find_cells(r, first, count);
    for (uint32_t i = 0; i < count;) {
        uint32_t row = first + i, n = 64 - row % 64 < count - i ? 64 - row % 64 : count - i;
        uint64_t mask = (n == 64 ? ~0ull : (1ull << n) - 1), set = bits[row / 64] >> row % 64 & mask;
        if (set == mask && r->spread > 1 && !lengths) {
            uint64_t *a = r->amounts, *b = a + r->cell_count, *c = b + r->cell_count, *d = c + r->cell_count;
            const uint32_t *cell = r->cell + i;
            uint32_t k = 0;
            for (; k + SPREAD <= n; k += SPREAD)
                a[cell[k]]++, b[cell[k + 1]]++, c[cell[k + 2]]++, d[cell[k + 3]]++;
            for (; k < n; k++)
                a[cell[k]]++;
        } else {
            for (; set; set &= set - 1) {
                uint32_t k = i + (uint32_t)__builtin_ctzll(set);
                touch(r, r->cell[k], lengths ? lengths[k] : 1);
            }
        }
        i += n;
    }
}

static bole_status emit(struct row_count *r, uint32_t cell, uint32_t bucket)
{
    uint64_t amount = 0;
    for (uint32_t i = 0; i < r->spread; i++) {
        amount += r->amounts[i * r->cell_count + cell];
        r->amounts[i * r->cell_count + cell] = 0;
    }
    if (amount == 0)
        return BOLE_OK;
    uint32_t stream = r->g->stream_map[cell / r->value_count];
    bole_slice value = r->field ? r->values[cell % r->value_count] : (bole_slice){0};
    return r->counter->fn(stream, r->g->ctx->streams.labels[stream], value, bucket, amount, r->counter->ctx);
}

static bole_status emit_bucket(struct row_count *r, uint32_t bucket)
{
    bole_status st = BOLE_OK;
    if (r->spread == 1) {
        for (uint32_t i = 0; st >= 0 && i < r->touched_count; i++)
            st = emit(r, r->touched[i], bucket);
        r->touched_count = 0;
        return st;
    }
    for (uint32_t cell = 0; st >= 0 && cell < r->cell_count; cell++)
        st = emit(r, cell, bucket);
    return st;
}

static bole_status count_range(struct row_count *r, uint32_t from, uint32_t to, uint32_t bucket, struct bole_err *err)
{
    struct group_scan *g = r->g;
    for (uint32_t row = from; row < to;) {
        uint32_t n = VECTOR_ROWS_MAX < to - row ? VECTOR_ROWS_MAX : to - row;
        const uint32_t *lengths = NULL;
        if (r->counter->aggregation->what == AGGREGATE_BYTES) {
            struct bole_err why;
            bole_status st = text_lengths(g->text, row, n, g->ctx->line_length, &why);
            if (st < 0) {
                if (err)
                    *err = why;
                return group_scan_set_aside(g, g->bad, st, &why);
            }
            lengths = g->ctx->line_length;
        }
        count_block(r, row, n, lengths);
        row += n;
    }
    return emit_bucket(r, bucket);
}

/* The first row from `row` on, in the same run of rows by time, with a later time than to_ns. */
static uint32_t rows_until(struct group_scan *g, uint32_t row, uint32_t run_end, int64_t to_ns)
{
    uint32_t to = run_end < g->to ? run_end : g->to;
    return to_ns == INT64_MAX ? to : group_times_find(&g->times, row, to, to_ns + 1);
}

bole_status group_count_rows(struct group_scan *g, const struct group_counter *c, struct bole_err *err)
{
    struct row_count r = {.g = g, .counter = c};
    const struct store_aggregation *a = c->aggregation;
    bole_status st = prepare(&r, err);
    if (st == BOLE_OK)
        st = group_scan_select_regex(g, err);
    uint32_t run = 0;
    for (uint32_t row = g->from; st == BOLE_OK && row < g->to;) {
        uint32_t bucket, next, run_end = g->to;
        int64_t after_ns, to_ns;
        if (g->group->order == GROUP_BY_STREAM) {
            while (g->run_ends[run] <= row)
                run++;
            run_end = g->run_ends[run];
            if (g->stream_map[run] == STREAM_NONE) {
                row = run_end;
                continue;
            }
        }
        if (group_count_bucket(a, group_times_load(&g->times, row, row + 1)[row], &bucket, &after_ns, &to_ns)) {
            next = rows_until(g, row, run_end, to_ns);
            st = g->times.is_bad ? group_scan_set_times_aside(g) : count_range(&r, row, next, bucket, err);
        } else {
            next = row + 1; /* before the first bucket or behind the last: the query's range leaves few such rows */
        }
        row = next;
    }
    return st == BOLE_OK ? BOLE_END : st;
}
