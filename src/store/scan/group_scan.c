#include "store/scan/group_scan.h"

#include <assert.h>

#include "base/bytes.h"
#include "base/err.h"
#include "shim/regex.h"
#include "store/scan/group_fields.h"
#include "store/scan/group_lines.h"
#include "store/scan/group_order.h"
#include "store/scan/group_removal.h"
#include "store/segment/seqs.h"

enum { SHADOW_SHARE = 16, NEEDLE_MIN = 5 };

static void init_buffers(struct group_scan *g, struct budget *budget)
{
    struct buf *const bufs[] = {&g->raw, &g->seqs, &g->bits, &g->lines, &g->stream_of_id};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_init(bufs[i], budget);
    group_times_init(&g->times, budget);
}

void group_scan_init(struct group_scan *g, struct scan_context *ctx, struct scan *scan, struct objects *objects)
{
    *g = (struct group_scan){.ctx = ctx, .scan = scan};
    segment_reader_init(&g->reader, objects, ctx->query->budget);
    arena_init(&g->arena, ctx->query->budget);
    init_buffers(g, ctx->query->budget);
}

void group_scan_close(struct group_scan *g)
{
    segment_directory_unref(g->directory);
    g->directory = NULL;
    g->segment = NULL;
    g->group = NULL;
}

void group_scan_deinit(struct group_scan *g)
{
    group_scan_close(g);
    segment_directory_unref(g->mapped);
    segment_reader_deinit(&g->reader);
    arena_deinit(&g->arena);
    group_times_deinit(&g->times);
    struct buf *const bufs[] = {&g->raw, &g->seqs, &g->bits, &g->lines, &g->stream_of_id};
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

static bole_status bad_times(const struct group_scan *g, struct bole_err *err)
{
    return malformed(g, &g->group->time->chunks[0], "the times are not sorted or not those of the directory", err);
}

bole_status group_scan_set_times_aside(struct group_scan *g)
{
    struct bole_err why;
    return group_scan_set_aside(g, &g->group->time->chunks[0], bad_times(g, &why), &why);
}

static void *reserve(struct buf *b, size_t size)
{
    buf_reset(b);
    return buf_reserve(b, size) ? b->ptr : NULL;
}

/* ---- columns that every row has ---- */

static bole_status load_times(struct group_scan *g, struct bole_err *err)
{
    const struct segment_chunk *c = &g->group->time->chunks[0];
    bole_slice raw;
    bole_status st = segment_chunk_read_arena(&g->reader, c, CHUNK_TIME, &g->arena, &raw, err);
    if (st < 0)
        return st;
    st = group_times_open(&g->times, raw, g->group);
    return st == BOLE_E_LIMIT ? no_room(err) : st < 0 ? bad_times(g, err) : BOLE_OK;
}

static bole_status load_streams(struct group_scan *g, struct bole_err *err)
{
    const struct segment_chunk *c = &g->group->stream->chunks[0];
    bole_slice raw;
    bole_status st = segment_chunk_read_arena(&g->reader, c, CHUNK_STREAM, &g->arena, &raw, err);
    if (st < 0)
        return st;
    if (!packed_open(&g->streams, raw, PACK_PLAIN, g->group->row_count) ||
        !packed_below(&g->streams, g->group->stream_count))
        return malformed(g, c, "the stream column is not well formed", err);
    return BOLE_OK;
}

static bole_status load_seqs(struct group_scan *g, struct bole_err *err)
{
    const struct segment_chunk *c = &g->group->seq->chunks[0];
    bole_status st = segment_chunk_read(&g->reader, c, CHUNK_SEQ, &g->raw, err);
    if (st < 0)
        return st;
    uint64_t *seqs = reserve(&g->seqs, g->group->row_count * sizeof *seqs);
    if (!seqs)
        return no_room(err);
    st = seqs_of_group(buf_slice(&g->raw), g->group->order == GROUP_BY_TIME ? &g->streams : NULL, g->group->row_count,
                       g->group->stream_count, seqs);
    if (st < 0)
        return st == BOLE_E_CORRUPT ? malformed(g, c, "the row numbers are not well formed", err) : no_room(err);
    g->seqs_loaded = true;
    return BOLE_OK;
}

static bole_status load_text_chunk(void *ctx, uint32_t chunk, bole_slice *ret_raw, struct bole_err *err)
{
    struct group_scan *g = ctx;
    const struct segment_chunk *c = &g->group->text->chunks[chunk];
    bole_status st = segment_chunk_read_arena(&g->reader, c, CHUNK_TEXT, &g->arena, ret_raw, err);
    if (st < 0)
        g->bad = c;
    return st;
}

static const int64_t *text_times(void *ctx)
{
    struct group_scan *g = ctx;
    const int64_t *times = group_scan_times(g);
    if (g->times.is_bad)
        g->bad = &g->group->time->chunks[0];
    return g->times.is_bad ? NULL : times;
}

/* Of how many lines it does not pay to make columns ready for all: of those that are selected, if they are few, or of the
 * first that a query for the newest asks for. */
static uint32_t few_lines(const struct group_scan *g)
{
    enum { FEW_SELECTED = 8, FEW_NEWEST = 32 }; /* one in so many */
    uint32_t selected = 0, rows = g->group->row_count;
    for (uint32_t i = 0; i < group_scan_words(g); i++)
        selected += (uint32_t)__builtin_popcountll(group_scan_bits(g)[i]);
    return selected <= rows / FEW_SELECTED ? selected + 1 : g->ctx->query->direction == BACKWARD ? rows / FEW_NEWEST : 0;
}

static bole_status open_text(struct group_scan *g, struct bole_err *err)
{
    const struct text_source source = {.load = load_text_chunk,
                                       .ctx = g,
                                       .chunk_count = g->group->text->chunk_count,
                                       .row_count = g->group->row_count,
                                       .few = few_lines(g),
                                       .times = text_times,
                                       .arena = &g->arena};
    g->bad = &g->group->text->chunks[0];
    return text_open(&source, &g->text, err);
}

/* A failure of what g->bad names. */
static bole_status text_failed(struct group_scan *g, bole_status st, const struct bole_err *why, struct bole_err *err)
{
    if (st >= 0)
        return BOLE_OK;
    if (err)
        *err = *why;
    return group_scan_set_aside(g, g->bad, st, why);
}

bole_status group_scan_load_seqs(struct group_scan *g, struct bole_err *err)
{
    struct bole_err why;
    g->bad = &g->group->seq->chunks[0];
    return text_failed(g, g->seqs_loaded ? BOLE_OK : load_seqs(g, &why), &why, err);
}

bole_status group_scan_open_text(struct group_scan *g, struct bole_err *err)
{
    struct bole_err why;
    return text_failed(g, g->text ? BOLE_OK : open_text(g, &why), &why, err);
}

bole_status group_scan_keep_containing(struct group_scan *g, bole_slice needle, uint64_t *bits, struct bole_err *err)
{
    struct bole_err why;
    return text_failed(g, text_contains(g->text, needle, bits, &why), &why, err);
}

bole_status group_scan_lines(struct group_scan *g, uint32_t first, uint32_t count, const uint64_t *bits,
                             struct line_block *ret_lines, struct bole_err *err)
{
    struct bole_err why;
    buf_reset(&g->lines);
    *ret_lines = (struct line_block){.ends = g->line_ends};
    bole_status st = text_lines(g->text, first, count, bits, &g->lines, g->line_ends, &why);
    ret_lines->bytes = g->lines.ptr;
    return text_failed(g, st, &why, err);
}

/* ---- opening: what can be said about all rows at once ---- */

#define STREAM_UNKNOWN (STREAM_NONE - 1) /* not an index: streams of one scan are fewer */

/* The map is of one directory at a time, which is kept: its address says which. */
static bool begin_map(struct group_scan *g, struct segment_directory *d)
{
    if (g->mapped == d)
        return true;
    segment_directory_unref(g->mapped);
    g->mapped = NULL;
    uint32_t *map = reserve(&g->stream_of_id, d->stream_count * sizeof *map);
    for (uint32_t i = 0; map && i < d->stream_count; i++)
        map[i] = STREAM_UNKNOWN;
    g->mapped = map ? segment_directory_ref(d) : NULL;
    return map;
}

bole_status group_scan_map_streams(struct group_scan *g, struct segment_directory *d, const struct segment_group *group,
                                   uint32_t **ret_map, struct bole_err *err)
{
    uint32_t *map = *ret_map = arena_array(&g->arena, group->stream_count, sizeof *map);
    if (!map || !begin_map(g, d))
        return no_room(err);
    uint32_t *known = (uint32_t *)(void *)g->stream_of_id.ptr;
    bole_status st = BOLE_OK;
    for (uint32_t i = 0; st >= 0 && i < group->stream_count; i++) {
        uint32_t id = group->streams[i].id;
        if (known[id] == STREAM_UNKNOWN)
            st = stream_table_find(&g->ctx->streams, d->labels[id], &known[id], err);
        map[i] = known[id];
    }
    return st;
}

/* BOLE_END: none is asked for. */
static bole_status map_streams(struct group_scan *g, bool *ret_all, struct bole_err *err)
{
    const struct segment_group *group = g->group;
    *ret_all = true;
    if (g->ctx->takes_all) {
        g->stream_map = arena_array(&g->arena, group->stream_count, sizeof *g->stream_map);
        for (uint32_t i = 0; g->stream_map && i < group->stream_count; i++)
            g->stream_map[i] = group->streams[i].id;
        return g->stream_map ? BOLE_OK : no_room(err);
    }
    bole_status st = group_scan_map_streams(g, g->directory, group, &g->stream_map, err);
    bool any = false;
    for (uint32_t i = 0; st >= 0 && i < group->stream_count; i++) {
        any = any || g->stream_map[i] != STREAM_NONE;
        *ret_all = *ret_all && g->stream_map[i] != STREAM_NONE;
    }
    g->ctx->stats.pruned_by_streams += st >= 0 && !any;
    return st < 0 ? st : any ? BOLE_OK : BOLE_END;
}

void group_scan_streams(const struct group_scan *g, uint32_t first, uint32_t count, uint32_t *ret_streams)
{
    if (g->group->order == GROUP_BY_TIME)
        packed_read_u32(&g->streams, first, count, ret_streams);
    else
        group_order_streams(g, first, count, ret_streams);
}

static bole_status select_streams(struct group_scan *g, struct bole_err *err)
{
    uint32_t *stream = g->ctx->stream; /* scratch */
    uint64_t *bits = group_scan_bits(g);
    bool *wanted = arena_alloc(&g->arena, g->group->stream_count * sizeof *wanted);
    if (!wanted)
        return no_room(err);
    for (uint32_t i = 0; i < g->group->stream_count; i++)
        wanted[i] = g->stream_map[i] != STREAM_NONE;
    for (uint32_t row = g->from / 64 * 64; row < g->to; row += VECTOR_ROWS_MAX) {
        uint32_t n = VECTOR_ROWS_MAX < g->to - row ? VECTOR_ROWS_MAX : g->to - row;
        packed_read_u32(&g->streams, row, n, stream);
        for (uint32_t i = 0; i < n; i += 64) {
            uint64_t word = 0;
            for (uint32_t k = 0; k < 64 && i + k < n; k++)
                word |= (uint64_t)wanted[stream[i + k]] << k;
            bits[(row + i) / 64] &= word;
        }
    }
    return BOLE_OK;
}

static bool is_empty(const struct group_scan *g)
{
    uint64_t any = 0;
    for (uint32_t i = 0; i < group_scan_words(g); i++)
        any |= group_scan_bits(g)[i];
    return !any;
}

static uint32_t count_selected(const struct group_scan *g)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < group_scan_words(g); i++)
        count += (uint32_t)__builtin_popcountll(group_scan_bits(g)[i]);
    return count;
}

static bole_status select_without(struct group_scan *g, bole_slice needle, struct bole_err *err)
{
    uint32_t words = group_scan_words(g);
    uint64_t *bits = group_scan_bits(g), *with = arena_array(&g->arena, words, sizeof *with);
    if (!with)
        return no_room(err);
    memcpy(with, bits, words * sizeof *with);
    bole_status st = text_contains(g->text, needle, with, err);
    for (uint32_t i = 0; st >= 0 && i < words; i++)
        bits[i] &= ~with[i];
    return st;
}

/* Only lines that contain what every match contains, and that may match as far as templates and values can tell. A short text
 * stands in many lines: then the shadow, which knows more, is asked alone. */
static bole_status select_matching(struct group_scan *g, const struct store_predicate *p, struct bole_err *err)
{
    const struct scan_context *ctx = g->ctx;
    bole_slice needle = regex_needle(p->regex);
    struct shadow *shadow = ctx->shadows ? ctx->shadows[p - ctx->query->predicates] : NULL;
    bool is_short = shadow && needle.len < NEEDLE_MIN;
    bole_status st = needle.len && !is_short ? text_contains(g->text, needle, group_scan_bits(g), err) : BOLE_OK;
    /* Few lines are sooner built and looked at. */
    bool worth = shadow && count_selected(g) > g->group->row_count / SHADOW_SHARE;
    return st >= 0 && worth ? text_match(g->text, shadow, group_scan_bits(g), err) : st;
}

/* What templates and columns can decide: needles wholly, regular expressions in part. */
static bole_status select_text(struct group_scan *g, const struct store_predicate *p, struct bole_err *err)
{
    bole_slice needle = p->value;
    switch (p->kind) {
    case PREDICATE_LINE_CONTAINS: return needle.len ? text_contains(g->text, needle, group_scan_bits(g), err) : BOLE_OK;
    case PREDICATE_LINE_MATCHES: return select_matching(g, p, err);
    case PREDICATE_LINE_NOT_CONTAINS:
        if (needle.len)
            return select_without(g, needle, err);
        memset(g->bits.ptr, 0, group_scan_words(g) * sizeof(uint64_t)); /* every line contains nothing */
        return BOLE_OK;
    default: return BOLE_OK;
    }
}

static bole_status no_row(struct group_scan *g)
{
    g->ctx->stats.pruned_by_rows++;
    return BOLE_END;
}

/* Predicates in the order of their cost: streams, fields, lines. BOLE_END: no row is left, or a damaged chunk decides. */
static bole_status select_rows(struct group_scan *g, bool all_streams, struct bole_err *err)
{
    const struct store_query *q = g->ctx->query;
    struct bole_err why;
    if (!all_streams && g->group->order == GROUP_BY_TIME && select_streams(g, err) < 0)
        return BOLE_E_LIMIT;
    for (size_t i = 0; i < q->predicate_count; i++)
        if (!predicate_is_on_line(&q->predicates[i])) {
            bole_status st = group_fields_select(g, &q->predicates[i], err);
            if (st != BOLE_OK)
                return st;
        }
    if (is_empty(g))
        return no_row(g);
    if (!g->ctx->needs_lines && !g->ctx->needs_lengths)
        return BOLE_OK;
    bole_status st = open_text(g, &why);
    for (size_t i = 0; st >= 0 && i < q->predicate_count; i++)
        if (predicate_is_on_line(&q->predicates[i])) {
            st = select_text(g, &q->predicates[i], &why);
            if (st >= 0 && is_empty(g))
                return no_row(g);
        }
    if (st < 0 && err)
        *err = why;
    return st < 0 ? group_scan_set_aside(g, g->bad, st, &why) : BOLE_OK;
}

static bole_status open_columns(struct group_scan *g, struct bole_err *err)
{
    struct bole_err why;
    bool all_streams;
    bole_status st = map_streams(g, &all_streams, err);
    if (st != BOLE_OK)
        return st;
    st = load_times(g, &why);
    const struct segment_chunk *c = &g->group->time->chunks[0];
    if (st >= 0) {
        st = group_order_select(g, err);
        if (st != BOLE_OK)
            return st;
        st = g->times.is_bad ? bad_times(g, &why) : BOLE_OK;
    }
    if (st >= 0 && g->group->order == GROUP_BY_TIME) { /* else the directory says which rows are whose */
        c = &g->group->stream->chunks[0];
        st = load_streams(g, &why);
    }
    if (st < 0) {
        if (err)
            *err = why;
        return group_scan_set_aside(g, c, st, &why);
    }
    g->ctx->stats.rows_scanned += g->to - g->from;
    g->ctx->stats.bytes_scanned += g->group->line_bytes * (g->to - g->from) / g->group->row_count; /* on average */
    st = select_rows(g, all_streams, err);
    return st == BOLE_OK && g->ctx->removal_count ? group_removal_apply(g, err) : st;
}

void group_scan_begin(struct group_scan *g, const struct segment *segment)
{
    g->reader.key = segment->info.key;
    segment_reader_release(&g->reader);
    arena_reset(&g->arena);
}

bole_status group_scan_open(struct group_scan *g, struct segment *segment, struct segment_directory *take_directory,
                            uint32_t group, struct bole_err *err)
{
    assert(!g->segment);
    g->segment = segment;
    g->directory = take_directory;
    g->group = &take_directory->groups[group];
    group_scan_begin(g, segment);
    g->text = NULL;
    g->values = NULL;
    g->seqs_loaded = false;
    g->taken_count = 0;
    g->number++;
    g->fields = group_fields_create(g);
    bole_status st = g->fields ? open_columns(g, err) : no_room(err);
    if (st != BOLE_OK)
        group_scan_close(g);
    return st;
}

/* ---- vectors ---- */

/* Takes the next rows from the asked end: one vector, cut so that vectors begin VECTOR_ROWS_MAX apart whichever end they are
 * taken from. Of the newest rows few may be wanted: their first vectors are smaller. */
static uint32_t take_rows(struct group_scan *g)
{
    bool backward = g->ctx->query->direction == BACKWARD;
    uint32_t size = backward && g->taken_count < 3 ? VECTOR_ROWS_MAX >> (3 - g->taken_count) : VECTOR_ROWS_MAX;
    uint32_t block = (backward ? g->to - 1 : g->from) / size * size;
    uint32_t first = block > g->from ? block : g->from;
    uint32_t last = block + size < g->to ? block + size : g->to;
    g->taken_count++;
    if (backward)
        g->to = first;
    else
        g->from = last;
    g->first_row = first;
    return last - first;
}

static void select_vector(struct group_scan *g, struct vector *v)
{
    const uint64_t *bits = group_scan_bits(g);
    uint32_t word = g->first_row / 64, shift = g->first_row % 64, words = group_scan_words(g);
    for (uint32_t i = 0; i < VECTOR_ROWS_MAX / 64; i++) {
        uint64_t low = word + i < words ? bits[word + i] >> shift : 0;
        uint64_t high = shift && word + i + 1 < words ? bits[word + i + 1] << (64 - shift) : 0;
        v->selected[i] &= low | high;
    }
}

static bool has_regex(const struct store_query *q)
{
    for (size_t i = 0; i < q->predicate_count; i++)
        if (predicate_is_regex(&q->predicates[i]))
            return true;
    return false;
}

/* What the query reads out of lines, and the lines that it cannot be read out of. */
static bole_status fill_values(struct group_scan *g, struct vector *v, struct bole_err *err)
{
    bole_status st = g->values ? BOLE_OK : group_lines_open(g, &g->values, err);
    if (st >= 0)
        st = group_lines_fill(g, g->values, v, err);
    bool any = false;
    for (uint32_t w = 0; w < VECTOR_ROWS_MAX / 64; w++)
        any = any || v->whole[w];
    if (st < 0 || !any)
        return st;
    buf_reset(&g->lines);
    st = text_lines(g->text, g->first_row, v->row_count, group_lines_whole(g->values), &g->lines, g->line_ends, err);
    struct line_block block = {g->lines.ptr, g->line_ends, 0};
    if (st >= 0)
        scan_context_project(g->ctx, &block);
    return st;
}

/* Builds the lines of the selected rows and applies what only they can decide. */
static bole_status fill_lines(struct group_scan *g, struct vector *v, struct bole_err *err)
{
    const struct store_query *q = g->ctx->query;
    bool matches = has_regex(q);
    if (!matches && !(q->projection & PROJECT_LINE))
        return BOLE_OK;
    if (!matches && q->reader)
        return fill_values(g, v, err);
    buf_reset(&g->lines);
    bole_status st = text_lines(g->text, g->first_row, v->row_count, group_scan_bits(g), &g->lines, g->line_ends, err);
    if (st < 0)
        return st;
    struct line_block block = {g->lines.ptr, g->line_ends, 0};
    for (size_t i = 0; matches && i < q->predicate_count && !vector_is_empty(v); i++)
        if (predicate_is_regex(&q->predicates[i]))
            predicate_apply_lines(&q->predicates[i], v, &block);
    if (q->projection & PROJECT_LINE)
        scan_context_project(g->ctx, &block);
    return BOLE_OK;
}

bole_status group_scan_select_regex(struct group_scan *g, struct bole_err *err)
{
    struct vector *v = &g->ctx->vector;
    uint64_t *bits = group_scan_bits(g);
    bole_status st = BOLE_OK;
    struct bole_err why;
    if (!has_regex(g->ctx->query))
        return BOLE_OK;
    for (uint32_t row = 0; st >= 0 && row < g->group->row_count; row += VECTOR_ROWS_MAX) {
        uint32_t left = g->group->row_count - row;
        g->first_row = row;
        scan_context_begin(g->ctx, g->scan, left < VECTOR_ROWS_MAX ? left : VECTOR_ROWS_MAX);
        select_vector(g, v);
        if (vector_is_empty(v))
            continue;
        st = fill_lines(g, v, &why);
        for (uint32_t i = 0; i < (v->row_count + 63) / 64; i++)
            bits[row / 64 + i] &= v->selected[i];
    }
    if (st < 0 && err)
        *err = why;
    return st < 0 ? group_scan_set_aside(g, g->bad, st, &why) : BOLE_OK;
}

/* What only rows that go out need. */
static bole_status finish_vector(struct group_scan *g, struct vector *v, struct bole_err *err)
{
    uint32_t *stream = g->ctx->stream;
    group_scan_streams(g, g->first_row, v->row_count, stream);
    for (uint32_t r = 0; r < v->row_count; r++)
        stream[r] = g->stream_map[stream[r]];
    if (g->ctx->needs_seqs) {
        bole_status st = group_scan_load_seqs(g, err);
        if (st != BOLE_OK)
            return st;
        v->seq = (const uint64_t *)(const void *)g->seqs.ptr + g->first_row;
    }
    return g->ctx->query->projection & PROJECT_FIELDS && !v->has_no_fields ? group_fields_load_all(g, err) : BOLE_OK;
}

/* BOLE_END: a damaged chunk; nothing more can be said about this group. */
static bole_status fill_vector(struct group_scan *g, struct vector *v, struct bole_err *err)
{
    struct bole_err why;
    bole_status st = g->text ? fill_lines(g, v, &why) : BOLE_OK;
    if (st >= 0 && g->ctx->needs_lengths && !vector_is_empty(v))
        st = text_lengths(g->text, g->first_row, v->row_count, g->ctx->line_length, &why);
    if (st >= 0)
        return vector_is_empty(v) ? BOLE_OK : finish_vector(g, v, err);
    if (err)
        *err = why;
    return group_scan_set_aside(g, g->bad, st, &why);
}

static bool vector_in_bound(const struct group_scan *g, const struct vector *v, const int64_t *times)
{
    int64_t min = times[0], max = times[v->row_count - 1];
    if (g->group->order != GROUP_BY_TIME)
        for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r)) {
            min = times[r] < min ? times[r] : min;
            max = times[r] > max ? times[r] : max;
        }
    return scan_context_in_bound(g->ctx, min, max);
}

bole_status group_scan_next(struct group_scan *g, struct bole_err *err)
{
    struct scan_context *ctx = g->ctx;
    struct vector *v = &ctx->vector;
    while (g->from < g->to) {
        uint32_t n = take_rows(g);
        scan_context_begin(ctx, g->scan, n);
        select_vector(g, v);
        if (vector_is_empty(v))
            continue;
        const int64_t *times = group_times_load(&g->times, g->first_row, g->first_row + n) + g->first_row;
        if (g->times.is_bad) {
            group_scan_set_times_aside(g);
            break;
        }
        if (!vector_in_bound(g, v, times)) {
            if (g->group->order == GROUP_BY_TIME)
                break; /* all that follow lie beyond the bound, too */
            continue;
        }
        ctx->part = g;
        g->vector_number++;
        v->has_no_fields = !group_fields_exist(g->group, ctx->query->only_fields);
        v->time_ns = times;
        v->fields = group_fields_of_row;
        v->field = group_fields_column;
        bole_status st = fill_vector(g, v, err);
        if (st < 0)
            return st;
        if (st == BOLE_END)
            break;
        if (!vector_is_empty(v))
            return BOLE_OK;
    }
    group_scan_close(g);
    return BOLE_END;
}
