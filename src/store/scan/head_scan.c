#include "store/scan/head_scan.h"

#include "base/err.h"

bole_status head_scan_open(struct head_scan *h, const struct head_entry *entry, struct bole_err *err)
{
    const struct batch *b = entry->batch;
    bool any = false;
    arena_reset(&h->part_arena);
    h->stream_map = arena_array(&h->part_arena, b->stream_count, sizeof *h->stream_map);
    if (!h->stream_map)
        return bole_fail(err, BOLE_E_LIMIT, "the streams of a batch do not fit into the query's memory limit");
    for (uint32_t i = 0; i < b->stream_count; i++) {
        h->stream_map[i] = STREAM_NONE;
        if (!bole_slice_eq(b->streams[i].tenant, h->ctx->query->tenant))
            continue;
        bole_status st = stream_table_find(&h->ctx->streams, b->streams[i].labels, &h->stream_map[i], err);
        if (st < 0)
            return st;
        any = any || h->stream_map[i] != STREAM_NONE;
    }
    if (!any)
        return BOLE_END;
    bole_status st = head_removal_begin(&h->removal, h->ctx->removals, h->ctx->removal_count, entry, &h->part_arena, err);
    if (st < 0)
        return st;
    h->entry = entry;
    h->left = b->row_count;
    return BOLE_OK;
}

static size_t head_fields(struct vector *v, uint32_t row, const struct batch_field **ret_fields);
static struct column head_field(struct vector *v, bole_slice key);

static void select_rows(struct head_scan *h, struct vector *v)
{
    const struct batch *b = h->entry->batch;
    const struct store_query *q = h->ctx->query;
    bool all_in_range = b->min_time_ns >= q->from_ns && b->max_time_ns < q->to_ns;
    for (uint32_t r = 0; r < v->row_count; r++) {
        uint32_t stream = h->stream_map[b->row_stream[h->first_row + r]];
        h->ctx->stream[r] = stream;
        if (stream == STREAM_NONE || head_entry_is_dead(h->entry, h->first_row + r) ||
            (!all_in_range && (v->time_ns[r] < q->from_ns || v->time_ns[r] >= q->to_ns)) ||
            (h->removal.count && head_removal_names(&h->removal, h->first_row + r)))
            vector_deselect(v, r);
    }
}

bole_status head_scan_next(struct head_scan *h, struct bole_err *err)
{
    struct scan_context *ctx = h->ctx;
    const struct store_query *q = ctx->query;
    const struct batch *b = h->entry->batch;
    struct vector *v = &ctx->vector;
    while (h->left) {
        uint32_t n = h->left < VECTOR_ROWS_MAX ? h->left : VECTOR_ROWS_MAX;
        h->first_row = q->direction == BACKWARD ? h->left - n : b->row_count - h->left;
        h->left -= n;
        scan_context_begin(ctx, h->scan, n);
        ctx->part = h;
        v->time_ns = b->time_ns + h->first_row;
        v->fields = head_fields;
        v->field = head_field;
        for (uint32_t r = 0; r < n; r++)
            ctx->seq[r] = seq_make(h->entry->lsn, h->entry->first_row + h->first_row + r);
        select_rows(h, v);
        struct line_block lines = {b->lines, b->line_end + h->first_row,
                                   h->first_row ? b->line_end[h->first_row - 1] : 0};
        ctx->stats.rows_scanned += n;
        ctx->stats.bytes_scanned += lines.ends[n - 1] - lines.start;
        for (size_t i = 0; i < q->predicate_count && !vector_is_empty(v); i++)
            if (!predicate_is_on_line(&q->predicates[i])) {
                struct column c = head_field(v, q->predicates[i].name);
                predicate_apply_field(&q->predicates[i], v, &c, NULL);
            }
        scan_context_lines(ctx, &lines);
        if (ctx->needs_lengths)
            for (uint32_t r = 0; r < n; r++)
                ctx->line_length[r] = (uint32_t)line_block_get(&lines, r).len;
        if (!vector_is_empty(v))
            return BOLE_OK;
    }
    h->entry = NULL;
    return BOLE_END;
}

/* ---- fields ---- */

static size_t head_fields(struct vector *v, uint32_t row, const struct batch_field **ret_fields)
{
    struct head_scan *h = scan_context_of(v)->part;
    const struct batch *b = h->entry->batch;
    struct buf *out = &h->ctx->row_fields;
    uint32_t at = h->first_row + row, first = batch_field_first(b, at), count = b->field_end[at] - first;
    buf_reset(out);
    if (!buf_reserve(out, (count + 1) * sizeof(struct batch_field))) {
        scan_context_defer(h->ctx, BOLE_E_LIMIT, "the fields of a row do not fit into the query's memory limit");
        return 0;
    }
    struct batch_field *fields = (struct batch_field *)(void *)out->ptr;
    for (uint32_t i = 0; i < count; i++)
        fields[i] = batch_field(b, first + i);
    *ret_fields = fields;
    return count;
}

static struct column head_field(struct vector *v, bole_slice key)
{
    struct head_scan *h = scan_context_of(v)->part;
    const struct batch *b = h->entry->batch;
    uint32_t key_index = 0;
    while (key_index < b->key_count && !bole_slice_eq(b->keys[key_index], key))
        key_index++;
    if (key_index == b->key_count)
        return (struct column){.kind = COLUMN_ABSENT};
    bole_slice *values = arena_array(&h->ctx->vector_arena, v->row_count, sizeof *values);
    if (!values) {
        scan_context_defer(h->ctx, BOLE_E_LIMIT, "a column does not fit into the query's memory limit");
        return (struct column){.kind = COLUMN_ABSENT};
    }
    bool any = false;
    for (uint32_t r = 0; r < v->row_count; r++)
        for (uint32_t i = batch_field_first(b, h->first_row + r); i < b->field_end[h->first_row + r]; i++)
            if (b->field_key[i] == key_index) {
                values[r] = batch_field(b, i).value;
                any = true;
                break;
            }
    return any ? (struct column){.kind = COLUMN_PLAIN, .values = values} : (struct column){.kind = COLUMN_ABSENT};
}
