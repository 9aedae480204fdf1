#include "store/segment/segment_group.h"

struct segment_totals segment_totals_empty(uint32_t level, int64_t created_ns)
{
    return (struct segment_totals){.min_time_ns = INT64_MAX,
                                   .max_time_ns = INT64_MIN,
                                   .min_lsn = UINT64_MAX,
                                   .created_ns = created_ns,
                                   .level = level,
                                   .keep_ns = INT64_MIN};
}

void segment_totals_add(struct segment_totals *t, const struct segment_group *g)
{
    int64_t keep = g->max_time_ns < g->received_ns ? g->max_time_ns : g->received_ns;
    if (t->row_count == 0)
        t->tenant = g->tenant;
    else if (!bole_slice_eq(t->tenant, g->tenant))
        t->tenant = (bole_slice){0};
    t->row_count += g->row_count;
    t->raw_bytes += segment_group_raw(g);
    t->min_time_ns = g->min_time_ns < t->min_time_ns ? g->min_time_ns : t->min_time_ns;
    t->max_time_ns = g->max_time_ns > t->max_time_ns ? g->max_time_ns : t->max_time_ns;
    t->min_lsn = g->min_lsn < t->min_lsn ? g->min_lsn : t->min_lsn;
    t->max_lsn = g->max_lsn > t->max_lsn ? g->max_lsn : t->max_lsn;
    t->keep_ns = keep > t->keep_ns ? keep : t->keep_ns;
    t->group_streams = g->stream_count > t->group_streams ? g->stream_count : t->group_streams;
    t->digest = digest_add(t->digest, g->digest);
}
