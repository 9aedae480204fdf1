#include "store/group_order.h"

#include "base/err.h"

enum { GAP_ROWS = 256 /* ranges this close are one: a vector costs about as much */ };

static const int64_t *times_of(const struct group_scan *g)
{
    return (const int64_t *)(const void *)g->times.ptr;
}

/* First row of from .. to - 1 with a time of at least time_ns, else to. */
static uint32_t lower_bound(const int64_t *times, uint32_t from, uint32_t to, int64_t time_ns)
{
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (times[middle] < time_ns)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static bole_status no_room(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_LIMIT, "a row group does not fit into the query's memory limit");
}

static void add_range(struct group_scan *g, uint32_t from, uint32_t to)
{
    struct row_range *last = g->range_count ? &g->ranges[g->range_count - 1] : NULL;
    if (from >= to)
        return;
    if (last && from - last->to <= GAP_ROWS)
        last->to = to;
    else
        g->ranges[g->range_count++] = (struct row_range){from, to};
}

/* What the query's range of time leaves of the rows from .. to - 1, which are sorted. */
static void add_rows(struct group_scan *g, uint32_t from, uint32_t to)
{
    const struct store_query *q = g->ctx->query;
    if (g->ctx->takes_all)
        add_range(g, from, to);
    else
        add_range(g, lower_bound(times_of(g), from, to, q->from_ns), lower_bound(times_of(g), from, to, q->to_ns));
}

static bole_status add_runs(struct group_scan *g, struct bole_err *err)
{
    const struct segment_group *group = g->group;
    g->run_ends = arena_array(&g->arena, group->stream_count, sizeof *g->run_ends);
    if (!g->run_ends)
        return no_room(err);
    for (uint32_t i = 0, from = 0; i < group->stream_count; from = g->run_ends[i++]) {
        g->run_ends[i] = from + group->streams[i].rows;
        if (g->stream_map[i] != STREAM_NONE)
            add_rows(g, from, g->run_ends[i]);
    }
    return BOLE_OK;
}

bole_status group_order_open(struct group_scan *g, struct bole_err *err)
{
    const struct segment_group *group = g->group;
    bole_status st = BOLE_OK;
    g->range_count = g->range_at = 0;
    g->from = g->to = 0;
    g->ranges = arena_array(&g->arena, group->order == GROUP_BY_STREAM ? group->stream_count : 1, sizeof *g->ranges);
    if (!g->ranges)
        return no_room(err);
    if (group->order == GROUP_BY_STREAM)
        st = add_runs(g, err);
    else
        add_rows(g, 0, group->row_count);
    return st < 0 ? st : group_order_next(g) ? BOLE_OK : BOLE_END;
}

bool group_order_next(struct group_scan *g)
{
    if (g->range_at == g->range_count)
        return false;
    bool backward = g->ctx->query->direction == BACKWARD;
    const struct row_range *r = backward ? &g->ranges[--g->range_count] : &g->ranges[g->range_at++];
    g->from = r->from;
    g->to = r->to;
    return true;
}

bool group_order_times_valid(const struct group_scan *g, const int64_t *times)
{
    const struct segment_group *group = g->group;
    int64_t min = INT64_MAX, max = INT64_MIN;
    bool sorted = true;
    for (uint32_t from = 0, end, run = 0; from < group->row_count; from = end, run++) {
        end = group->order == GROUP_BY_STREAM ? from + group->streams[run].rows : group->row_count;
        for (uint32_t r = from + 1; r < end; r++)
            sorted = sorted && times[r] >= times[r - 1];
        min = times[from] < min ? times[from] : min;
        max = times[end - 1] > max ? times[end - 1] : max;
    }
    return sorted && min == group->min_time_ns && max == group->max_time_ns;
}

void group_order_streams(const struct group_scan *g, uint32_t row_count, uint32_t *ret_streams)
{
    uint32_t from = 0, to = g->group->stream_count - 1; /* the run of the first row is one of these */
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (g->run_ends[middle] <= g->first_row)
            from = middle + 1;
        else
            to = middle;
    }
    for (uint32_t r = 0; r < row_count; r++) {
        while (g->first_row + r >= g->run_ends[from])
            from++;
        ret_streams[r] = from;
    }
}
