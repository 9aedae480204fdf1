#include "store/group_scan.h"

#include <assert.h>

#include "base/bytes.h"
#include "base/err.h"
#include "store/group_fields.h"
#include "store/group_order.h"

void group_scan_init(struct group_scan *g, struct scan_context *ctx, struct scan *scan, struct objects *objects)
{
    struct budget *budget = ctx->query->budget;
    *g = (struct group_scan){.ctx = ctx, .scan = scan};
    segment_reader_init(&g->reader, objects, budget);
    arena_init(&g->arena, budget);
    struct buf *const bufs[] = {&g->time_raw,   &g->times,    &g->seqs,     &g->stream_raw,
                                &g->length_raw, &g->page_raw, &g->page_ends};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_init(bufs[i], budget);
}

static void close_group(struct group_scan *g)
{
    segment_directory_unref(g->directory);
    g->directory = NULL;
    g->segment = NULL;
    g->group = NULL;
}

void group_scan_deinit(struct group_scan *g)
{
    close_group(g);
    segment_reader_deinit(&g->reader);
    arena_deinit(&g->arena);
    struct buf *const bufs[] = {&g->time_raw,   &g->times,    &g->seqs,     &g->stream_raw,
                                &g->length_raw, &g->page_raw, &g->page_ends};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_deinit(bufs[i]);
}

static bole_status no_room(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_LIMIT, "a row group does not fit into the query's memory limit");
}

bole_status group_scan_set_aside(struct group_scan *g, const struct segment_chunk *c, bole_status st,
                                 const struct bole_err *why)
{
    if (!segment_is_damage(st))
        return st;
    segment_note_damage(g->segment, c->offset, why);
    g->ctx->stats.bad_chunks++;
    return BOLE_END;
}

static bole_status malformed(const struct group_scan *g, const struct segment_chunk *c, const char *what,
                             struct bole_err *err)
{
    return bole_fail(err, BOLE_E_CORRUPT, "segment %s: at %llu: %s", g->segment->key_text,
                     (unsigned long long)c->offset, what);
}

static uint8_t *reserve(struct buf *b, size_t size)
{
    buf_reset(b);
    return buf_reserve(b, size) ? b->ptr : NULL;
}

/* ---- columns that every row has ---- */

static int64_t *times_of(const struct group_scan *g)
{
    return (int64_t *)(void *)g->times.ptr;
}

static bole_status load_times(struct group_scan *g, struct bole_err *err)
{
    const struct segment_group *group = g->group;
    const struct segment_chunk *c = &group->time->chunks[0];
    struct packed packed;
    bole_status st = segment_chunk_read(&g->reader, c, CHUNK_TIME, &g->time_raw, err);
    if (st < 0)
        return st;
    if (g->time_raw.len < 8 ||
        !packed_open(&packed, bole_slice_sub(buf_slice(&g->time_raw), 8), PACK_DELTA, group->row_count))
        return malformed(g, c, "the times are not well formed", err);
    uint64_t *times = (uint64_t *)(void *)reserve(&g->times, group->row_count * sizeof *times);
    if (!times)
        return no_room(err);
    packed_read(&packed, 0, group->row_count, times);
    uint64_t scale = load_u64(g->time_raw.ptr);
    for (uint32_t r = 0; r < group->row_count; r++)
        times[r] *= scale;
    if (!group_order_times_valid(g, times_of(g)))
        return malformed(g, c, "the times are not sorted or not those of the directory", err);
    return BOLE_OK;
}

static bole_status load_streams(struct group_scan *g, struct bole_err *err)
{
    const struct segment_chunk *c = &g->group->stream->chunks[0];
    bole_status st = segment_chunk_read(&g->reader, c, CHUNK_STREAM, &g->stream_raw, err);
    if (st < 0)
        return st;
    if (!packed_open(&g->streams, buf_slice(&g->stream_raw), PACK_PLAIN, g->group->row_count) ||
        !packed_below(&g->streams, g->group->stream_count))
        return malformed(g, c, "the stream column is not well formed", err);
    return BOLE_OK;
}

static bole_status load_lengths(struct group_scan *g, struct bole_err *err)
{
    const struct segment_chunk *c = &g->group->line->chunks[0];
    bole_status st = segment_chunk_read(&g->reader, c, CHUNK_LINE, &g->length_raw, err);
    if (st < 0)
        return st;
    if (!packed_open(&g->lengths, buf_slice(&g->length_raw), PACK_PLAIN, g->group->row_count))
        return malformed(g, c, "the line lengths are not well formed", err);
    return BOLE_OK;
}

static bool decode_seqs(bole_slice raw, uint64_t *ret_seqs, uint32_t row_count)
{
    struct reader in = reader_of(raw);
    uint64_t next = 0;
    for (uint32_t row = 0; row < row_count;) {
        uint64_t step = reader_varint(&in), length = reader_varint(&in) + 1;
        if (in.failed || length == 0 || length > row_count - row)
            return false;
        next += step >> 1 ^ (0 - (step & 1)); /* zigzag */
        for (uint64_t i = 0; i < length; i++)
            ret_seqs[row++] = next++;
    }
    return reader_left(&in) == 0;
}

static bole_status load_seqs(struct group_scan *g, struct bole_err *err)
{
    const struct segment_chunk *c = &g->group->seq->chunks[0];
    bole_status st =
        segment_chunk_read(&g->reader, c, CHUNK_SEQ, &g->time_raw, err); /* times are decoded: the buffer is free */
    if (st < 0)
        return st;
    uint64_t *seqs = (uint64_t *)(void *)reserve(&g->seqs, g->group->row_count * sizeof *seqs);
    if (!seqs)
        return no_room(err);
    if (!decode_seqs(buf_slice(&g->time_raw), seqs, g->group->row_count))
        return malformed(g, c, "the row numbers are not well formed", err);
    g->seqs_loaded = true;
    return BOLE_OK;
}

/* ---- opening ---- */

static bole_status map_streams(struct group_scan *g, struct bole_err *err)
{
    const struct segment_group *group = g->group;
    bool any = false;
    g->stream_map = arena_array(&g->arena, group->stream_count, sizeof *g->stream_map);
    if (!g->stream_map)
        return no_room(err);
    for (uint32_t i = 0; i < group->stream_count; i++) {
        if (g->ctx->takes_all) {
            g->stream_map[i] = group->streams[i].id;
            any = true;
            continue;
        }
        bole_status st =
            stream_table_find(&g->ctx->streams, g->directory->labels[group->streams[i].id], &g->stream_map[i], err);
        if (st < 0)
            return st;
        any = any || g->stream_map[i] != STREAM_NONE;
    }
    return any ? BOLE_OK : BOLE_END;
}

static bole_status open_columns(struct group_scan *g, struct bole_err *err)
{
    struct bole_err why;
    bole_status st = load_times(g, &why);
    const struct segment_chunk *c = &g->group->time->chunks[0];
    if (st >= 0) {
        st = group_order_open(g, err);
        if (st != BOLE_OK)
            return st;
        c = &g->group->stream->chunks[0];
        if (g->group->order == GROUP_BY_TIME) /* else the directory says which rows are whose */
            st = load_streams(g, &why);
    }
    if (st >= 0 && (g->ctx->needs_lines || g->ctx->needs_lengths)) {
        c = &g->group->line->chunks[0];
        st = load_lengths(g, &why);
    }
    if (st < 0 && err)
        *err = why;
    return st < 0 ? group_scan_set_aside(g, c, st, &why) : BOLE_OK;
}

bole_status group_scan_open(struct group_scan *g, struct segment *segment, struct segment_directory *take_directory,
                            uint32_t group, struct bole_err *err)
{
    assert(!g->directory);
    arena_reset(&g->arena);
    g->segment = segment;
    g->directory = take_directory;
    g->group = &take_directory->groups[group];
    g->reader.key = segment->info.key;
    g->seqs_loaded = false;
    g->page = 0;
    bole_status st = map_streams(g, err);
    if (st == BOLE_OK)
        st = open_columns(g, err);
    if (st == BOLE_OK && !(g->fields = group_fields_create(g)))
        st = no_room(err);
    if (st != BOLE_OK)
        close_group(g);
    return st;
}

/* ---- lines ---- */

/* Finds the page of a row: its number, first row and number of rows. */
static void find_page(struct group_scan *g, uint32_t row)
{
    if (g->page && row >= g->page_first && row < g->page_first + g->page_rows)
        return;
    const struct segment_column *line = g->group->line;
    uint32_t first = 0, page = 1;
    while (row >= first + line->chunks[page].rows)
        first += line->chunks[page++].rows;
    g->page = page;
    g->page_first = first;
    g->page_rows = line->chunks[page].rows;
    buf_reset(&g->page_ends); /* not loaded yet */
}

static bole_status load_page(struct group_scan *g, struct bole_err *err)
{
    if (g->page_ends.len)
        return BOLE_OK;
    const struct segment_chunk *c = &g->group->line->chunks[g->page];
    bole_status st = segment_chunk_read(&g->reader, c, CHUNK_LINE, &g->page_raw, err);
    if (st < 0)
        return st;
    uint32_t *ends = (uint32_t *)(void *)reserve(&g->page_ends, g->page_rows * sizeof *ends);
    if (!ends)
        return no_room(err);
    packed_read_u32(&g->lengths, g->page_first, g->page_rows, ends);
    uint64_t end = 0;
    for (uint32_t r = 0; r < g->page_rows; r++) {
        end += ends[r];
        ends[r] = (uint32_t)end;
        if (end > g->page_raw.len)
            break;
    }
    if (end != g->page_raw.len)
        return malformed(g, c, "a page of lines is not as long as its lines", err);
    g->page_ends.len = g->page_rows * sizeof *ends;
    return BOLE_OK;
}

/* ---- vectors ---- */

/* Takes the next rows from the asked end: at most one vector, within one page when lines are needed, and cut so that the
 * vectors of a page begin VECTOR_ROWS_MAX apart whichever end they are taken from. */
static uint32_t take_rows(struct group_scan *g)
{
    bool backward = g->ctx->query->direction == BACKWARD;
    uint32_t base = 0, end = g->group->row_count, row = backward ? g->to - 1 : g->from;
    if (g->ctx->needs_lines) {
        find_page(g, row);
        base = g->page_first;
        end = base + g->page_rows;
    }
    uint32_t block = base + (row - base) / VECTOR_ROWS_MAX * VECTOR_ROWS_MAX;
    uint32_t first = block > g->from ? block : g->from;
    uint32_t last = block + VECTOR_ROWS_MAX < end ? block + VECTOR_ROWS_MAX : end;
    last = last < g->to ? last : g->to;
    if (backward)
        g->to = first;
    else
        g->from = last;
    g->first_row = first;
    return last - first;
}

static void select_streams(struct group_scan *g, struct vector *v)
{
    uint32_t *stream = g->ctx->stream;
    if (g->group->order == GROUP_BY_TIME)
        packed_read_u32(&g->streams, g->first_row, v->row_count, stream);
    else
        group_order_streams(g, v->row_count, stream);
    for (uint32_t r = 0; r < v->row_count; r++) {
        stream[r] = g->stream_map[stream[r]];
        if (stream[r] == STREAM_NONE)
            vector_deselect(v, r);
    }
}

/* By stream, a range may hold rows between those of two streams that are outside of the query's time. */
static void select_times(const struct group_scan *g, struct vector *v)
{
    const struct store_query *q = g->ctx->query;
    bool all_in_range = g->group->min_time_ns >= q->from_ns && g->group->max_time_ns < q->to_ns;
    if (g->group->order == GROUP_BY_TIME || g->ctx->takes_all || all_in_range)
        return;
    for (uint32_t r = 0; r < v->row_count; r++)
        if (v->time_ns[r] < q->from_ns || v->time_ns[r] >= q->to_ns)
            vector_deselect(v, r);
}

/* Predicates in the order of their cost: streams, fields, lines. BOLE_END: the field of a predicate is damaged and nothing
 * can be said about the group's rows; BOLE_AGAIN: only the page in hand is. */
static bole_status fill_vector(struct group_scan *g, struct vector *v, struct bole_err *err)
{
    struct scan_context *ctx = g->ctx;
    const struct store_query *q = ctx->query;
    select_streams(g, v);
    select_times(g, v);
    for (size_t i = 0; i < q->predicate_count && !vector_is_empty(v); i++)
        if (!predicate_is_on_line(&q->predicates[i])) {
            bole_status st = group_fields_predicate(g, &q->predicates[i], i, err);
            if (st != BOLE_OK)
                return st;
        }
    if (ctx->needs_lines && !vector_is_empty(v)) {
        struct bole_err why;
        bole_status st = load_page(g, &why);
        if (st < 0) {
            if (err)
                *err = why;
            st = group_scan_set_aside(g, &g->group->line->chunks[g->page], st, &why);
            return st == BOLE_END ? BOLE_AGAIN : st;
        }
        const uint32_t *ends = (const uint32_t *)(const void *)g->page_ends.ptr;
        uint32_t at = g->first_row - g->page_first;
        struct line_block lines = {g->page_raw.ptr, ends + at, at ? ends[at - 1] : 0};
        ctx->stats.bytes_scanned += lines.ends[v->row_count - 1] - lines.start;
        scan_context_lines(ctx, &lines);
    } else {
        ctx->stats.bytes_scanned += g->group->line_bytes * v->row_count / g->group->row_count; /* on average */
    }
    if (ctx->needs_lengths)
        packed_read_u32(&g->lengths, g->first_row, v->row_count, ctx->line_length);
    return BOLE_OK;
}

/* What only rows that go out need. */
static bole_status finish_vector(struct group_scan *g, struct vector *v, struct bole_err *err)
{
    if (g->ctx->needs_seqs) {
        struct bole_err why;
        bole_status st = g->seqs_loaded ? BOLE_OK : load_seqs(g, &why);
        if (st < 0) {
            if (err)
                *err = why;
            return group_scan_set_aside(g, &g->group->seq->chunks[0], st, &why);
        }
        v->seq = (const uint64_t *)(const void *)g->seqs.ptr + g->first_row;
    }
    return g->ctx->query->projection & PROJECT_FIELDS ? group_fields_load_all(g, err) : BOLE_OK;
}

/* The page in hand is damaged: its other rows are not worth a visit. */
static void skip_page(struct group_scan *g)
{
    if (g->ctx->query->direction == BACKWARD)
        g->to = g->page_first > g->from ? g->page_first : g->from;
    else
        g->from = g->page_first + g->page_rows < g->to ? g->page_first + g->page_rows : g->to;
}

static bool vector_in_bound(const struct group_scan *g, const int64_t *times, uint32_t row_count)
{
    int64_t min = times[0], max = times[row_count - 1];
    for (uint32_t r = 0; g->group->order != GROUP_BY_TIME && r < row_count; r++) {
        min = times[r] < min ? times[r] : min;
        max = times[r] > max ? times[r] : max;
    }
    return scan_context_in_bound(g->ctx, min, max);
}

bole_status group_scan_next(struct group_scan *g, struct bole_err *err)
{
    struct scan_context *ctx = g->ctx;
    struct vector *v = &ctx->vector;
    while (g->from < g->to || group_order_next(g)) {
        uint32_t n = take_rows(g);
        const int64_t *times = times_of(g) + g->first_row;
        if (!vector_in_bound(g, times, n)) {
            if (g->group->order == GROUP_BY_TIME)
                break; /* all that follow lie beyond the bound, too */
            continue;
        }
        scan_context_begin(ctx, g->scan, n);
        ctx->part = g;
        g->vector_number++;
        v->time_ns = times;
        v->fields = group_fields_of_row;
        v->field = group_fields_column;
        ctx->stats.rows_scanned += n;
        bole_status st = fill_vector(g, v, err);
        if (st == BOLE_OK && !vector_is_empty(v)) {
            st = finish_vector(g, v, err);
            if (st == BOLE_OK)
                return st;
        }
        if (st < 0)
            return st;
        if (st == BOLE_END)
            break;
        if (st == BOLE_AGAIN)
            skip_page(g);
    }
    close_group(g);
    return BOLE_END;
}
