#include "store/scan/group_removal.h"

#include "base/err.h"

static bole_status no_room(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_LIMIT, "a row group does not fit into the query's memory limit");
}

static void set_bit(uint64_t *bits, uint32_t row)
{
    bits[row / 64] |= 1ull << (row % 64);
}

/* parts: [stream_count] */
static bool parts_of_streams(const struct group_scan *g, const struct removal *r, uint8_t *ret_parts)
{
    bool any = false;
    for (uint32_t i = 0; i < g->group->stream_count; i++) {
        ret_parts[i] = (uint8_t)removal_of_stream(r, g->group, g->directory->labels[g->group->streams[i].id]);
        any = any || ret_parts[i] != REMOVES_NONE;
    }
    return any;
}

/* By stream, time and number; lines come later. */
static void find_candidates(struct group_scan *g, const struct removal *r, const uint8_t *parts, uint64_t *bits)
{
    const int64_t *times = group_scan_times(g);
    const uint64_t *seqs = (const uint64_t *)(const void *)g->seqs.ptr; /* loaded when LSNs matter */
    bool by_lsn = !r->is_retention && g->group->max_lsn > r->max_lsn;
    uint32_t streams[VECTOR_ROWS_MAX];
    for (uint32_t first = 0, n; first < g->group->row_count; first += n) {
        n = g->group->row_count - first < VECTOR_ROWS_MAX ? g->group->row_count - first : VECTOR_ROWS_MAX;
        group_scan_streams(g, first, n, streams);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t row = first + i;
            if (parts[streams[i]] == REMOVES_ALL ||
                (parts[streams[i]] == REMOVES_SOME && removal_names_row(r, times[row], by_lsn ? seq_lsn(seqs[row]) : 0)))
                set_bit(bits, row);
        }
    }
}

static bole_status keep_named_lines(struct group_scan *g, const struct removal *r, uint64_t *bits, struct bole_err *err)
{
    bole_status st = group_scan_open_text(g, err);
    for (size_t i = 0; st == BOLE_OK && i < r->predicate_count; i++)
        if (r->predicates[i].kind == PREDICATE_LINE_CONTAINS && r->predicates[i].value.len)
            st = group_scan_keep_containing(g, r->predicates[i].value, bits, err);
    for (uint32_t first = 0, n; st == BOLE_OK && first < g->group->row_count; first += n) {
        struct line_block lines;
        n = g->group->row_count - first < VECTOR_ROWS_MAX ? g->group->row_count - first : VECTOR_ROWS_MAX;
        st = group_scan_lines(g, first, n, bits, &lines, err);
        for (uint32_t i = 0; st == BOLE_OK && i < n; i++)
            if ((bits[(first + i) / 64] >> (first + i) % 64 & 1) && !removal_names_line(r, line_block_get(&lines, i)))
                bits[(first + i) / 64] &= ~(1ull << (first + i) % 64);
    }
    return st;
}

bole_status group_removal_find(struct group_scan *g, const struct removal *r, uint64_t *ret_bits, struct bole_err *err)
{
    uint8_t *parts = arena_array(&g->arena, g->group->stream_count, sizeof *parts);
    if (!parts)
        return no_room(err);
    memset(ret_bits, 0, group_scan_words(g) * sizeof *ret_bits);
    if (!parts_of_streams(g, r, parts))
        return BOLE_OK;
    bole_status st = BOLE_OK;
    if (!r->is_retention && g->group->max_lsn > r->max_lsn)
        st = group_scan_load_seqs(g, err);
    if (st != BOLE_OK)
        return st;
    find_candidates(g, r, parts, ret_bits);
    if (g->times.is_bad)
        return group_scan_set_times_aside(g);
    return r->predicate_count ? keep_named_lines(g, r, ret_bits, err) : BOLE_OK;
}

bool group_removal_touches(const struct scan_context *ctx, const struct segment_directory *d, const struct segment_group *g)
{
    for (size_t i = 0; i < ctx->removal_count; i++)
        if (removal_of_group(&ctx->removals[i], d, g) != REMOVES_NONE)
            return true;
    return false;
}

bole_status group_removal_apply(struct group_scan *g, struct bole_err *err)
{
    const struct scan_context *ctx = g->ctx;
    uint64_t *bits = group_scan_bits(g), *removed = NULL, any = 1;
    bole_status st = BOLE_OK;
    for (size_t i = 0; st == BOLE_OK && i < ctx->removal_count; i++) {
        enum removal_part part = removal_of_group(&ctx->removals[i], g->directory, g->group);
        if (part == REMOVES_NONE)
            continue;
        if (part == REMOVES_ALL)
            return BOLE_END;
        if (!removed && !(removed = arena_array(&g->arena, group_scan_words(g), sizeof *removed)))
            return no_room(err);
        st = group_removal_find(g, &ctx->removals[i], removed, err);
        any = 0;
        for (uint32_t w = 0; st == BOLE_OK && w < group_scan_words(g); w++)
            any |= bits[w] &= ~removed[w];
    }
    return st == BOLE_OK && !any ? BOLE_END : st;
}
