#include "store/scan/head_removal.h"

#include "base/err.h"

bole_status head_removal_begin(struct head_removal *h, const struct removal *removals, size_t count,
                               const struct head_entry *entry, struct arena *arena, struct bole_err *err)
{
    const struct batch *b = entry->batch;
    bool any = false;
    *h = (struct head_removal){.entry = entry, .removals = removals};
    for (size_t i = 0; i < count; i++)
        any = any || removal_may_touch(&removals[i], b->min_time_ns, b->max_time_ns, entry->lsn);
    if (!any)
        return BOLE_OK;
    h->named = arena_array(arena, count * b->stream_count, 1);
    if (!h->named)
        return bole_fail(err, BOLE_E_LIMIT, "the streams of a batch do not fit into the query's memory limit");
    for (size_t i = 0; i < count; i++)
        for (uint32_t s = 0; s < b->stream_count; s++)
            h->named[i * b->stream_count + s] = removal_names_stream(&removals[i], b->streams[s].tenant, b->streams[s].labels);
    h->count = count;
    return BOLE_OK;
}

bool head_removal_names(const struct head_removal *h, uint32_t row)
{
    const struct batch *b = h->entry->batch;
    for (size_t i = 0; i < h->count; i++)
        if (h->named[i * b->stream_count + b->row_stream[row]] &&
            removal_names_row(&h->removals[i], b->time_ns[row], h->entry->lsn) &&
            removal_names_line(&h->removals[i], batch_line(b, row)))
            return true;
    return false;
}
