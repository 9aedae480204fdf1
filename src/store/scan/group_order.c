#include "store/scan/group_order.h"

#include "base/err.h"

static bole_status no_room(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_LIMIT, "a row group does not fit into the query's memory limit");
}

static void set_rows(uint64_t *bits, uint32_t from, uint32_t to)
{
    for (uint32_t row = from; row < to;) {
        uint32_t n = 64 - row % 64 < to - row ? 64 - row % 64 : to - row;
        bits[row / 64] |= (n == 64 ? ~0ull : (1ull << n) - 1) << row % 64;
        row += n;
    }
}

/* The rows from .. to - 1, which lie by time. */
static void select_run(struct group_scan *g, uint32_t from, uint32_t to)
{
    const struct store_query *q = g->ctx->query;
    if (!g->ctx->takes_all && q->from_ns > g->group->min_time_ns)
        from = group_times_find(&g->times, from, to, q->from_ns);
    if (!g->ctx->takes_all && q->to_ns <= g->group->max_time_ns)
        to = group_times_find(&g->times, from, to, q->to_ns);
    if (from >= to)
        return;
    set_rows(group_scan_bits(g), from, to);
    g->from = g->from < g->to ? g->from : from; /* runs come in the order of their rows */
    g->to = to;
}

static bole_status select_streams(struct group_scan *g, struct bole_err *err)
{
    const struct segment_group *group = g->group;
    g->run_ends = arena_array(&g->arena, group->stream_count, sizeof *g->run_ends);
    if (!g->run_ends)
        return no_room(err);
    for (uint32_t i = 0, from = 0; i < group->stream_count; i++) {
        g->run_ends[i] = from + group->streams[i].rows;
        if (g->stream_map[i] != STREAM_NONE)
            select_run(g, from, g->run_ends[i]);
        from = g->run_ends[i];
    }
    return BOLE_OK;
}

bole_status group_order_select(struct group_scan *g, struct bole_err *err)
{
    size_t size = group_scan_words(g) * sizeof(uint64_t);
    buf_reset(&g->bits);
    if (!buf_reserve(&g->bits, size))
        return no_room(err);
    memset(g->bits.ptr, 0, size);
    g->from = g->to = 0;
    bole_status st = BOLE_OK;
    if (g->group->order == GROUP_BY_STREAM)
        st = select_streams(g, err);
    else
        select_run(g, 0, g->group->row_count);
    return st < 0 ? st : g->from < g->to ? BOLE_OK : BOLE_END;
}

void group_order_streams(const struct group_scan *g, uint32_t first, uint32_t count, uint32_t *ret_streams)
{
    uint32_t from = 0, to = g->group->stream_count - 1; /* the run of the first row is one of these */
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (g->run_ends[middle] <= first)
            from = middle + 1;
        else
            to = middle;
    }
    for (uint32_t r = 0; r < count; r++) {
        while (first + r >= g->run_ends[from])
            from++;
        ret_streams[r] = from;
    }
}
