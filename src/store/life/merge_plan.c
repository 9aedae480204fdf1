#include "store/life/merge_plan.h"

#include <stdlib.h>

#include "store/segment/partition.h"

bool merge_day_is_over(int64_t day, int64_t now_ns)
{
    return day != DAY_MIXED && day < day_of_time(now_ns - MERGE_DAY_OVER_NS);
}

static bool is_stuck(const struct segment *s)
{
    return atomic_load_explicit(&s->is_stuck, memory_order_relaxed);
}

/* ---- cuts ---- */

static size_t plan_cuts(const struct segment_set *set, int64_t now_ns, bool everything, struct segment **ret_picked)
{
    size_t count = 0, scattered = 0;
    uint64_t raw = 0;
    bool is_full = false;
    int64_t oldest = INT64_MAX;
    for (size_t i = 0; i < set->count; i++) { /* by id: the oldest come first */
        struct segment *s = set->segments[i];
        if (s->info.level > 0 || is_stuck(s))
            continue;
        is_full = count == MERGE_INPUTS_MAX || (count > 0 && raw + s->info.raw_bytes > MERGE_TARGET_RAW);
        if (is_full)
            break;
        ret_picked[count++] = s;
        raw += s->info.raw_bytes;
        scattered += s->info.group_streams >= STREAM_ORDER_MIN;
        oldest = s->info.created_ns < oldest ? s->info.created_ns : oldest;
    }
    bool is_due = is_full || count >= MERGE_CUTS || scattered >= MERGE_SCATTERED_CUTS ||
                  (count > 1 && oldest < now_ns - MERGE_CUT_AGE_NS) || everything;
    return is_due ? count : 0;
}

/* ---- merged ones ---- */

struct candidate {
    struct segment *segment;
    int64_t    day;
    bole_slice tenant; /* of one that is large enough to be alone */
};

static int by_partition(const struct candidate *x, const struct candidate *y)
{
    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    return bole_slice_cmp(x->tenant, y->tenant);
}

static int by_partition_and_size(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    int order = by_partition(x, y);
    if (order)
        return order;
    uint64_t rx = x->segment->info.raw_bytes, ry = y->segment->info.raw_bytes;
    return rx != ry ? (rx > ry) - (rx < ry) : (x->segment->info.id > y->segment->info.id) - (x->segment->info.id <
                                                                                             y->segment->info.id);
}

/* candidates[0 .. count - 1] are one partition, the smallest first. How many of them, from the first on. */
static size_t plan_partition(const struct candidate *candidates, size_t count, bool is_over, bool everything)
{
    uint64_t raw = 0;
    size_t best = 0;
    for (size_t i = 0; i < count && i < MERGE_INPUTS_MAX; i++) {
        uint64_t own = candidates[i].segment->info.raw_bytes;
        if (raw + own > MERGE_TARGET_RAW)
            break;
        if (everything || own <= raw)
            best = i + 1;
        raw += own;
    }
    return best >= (is_over || everything ? 2 : MERGE_FAN_IN) ? best : 0;
}

static size_t plan_merged(const struct segment_set *set, int64_t now_ns, bool everything, struct segment **ret_picked)
{
    struct candidate *all = malloc((set->count + 1) * sizeof *all);
    size_t count = 0, picked = 0;
    if (!all)
        return 0; /* a merge can wait */
    for (size_t i = 0; i < set->count; i++) {
        const struct catalog_segment *info = &set->segments[i]->info;
        if (info->level == 0 || info->level >= LEVEL_FINAL || is_stuck(set->segments[i]))
            continue;
        all[count++] = (struct candidate){.segment = set->segments[i],
                                          .day = day_of_range(info->min_time_ns, info->max_time_ns),
                                          .tenant = info->raw_bytes < MERGE_OWN_RAW ? (bole_slice){0} : info->tenant};
    }
    qsort(all, count, sizeof *all, by_partition_and_size);
    for (size_t first = 0, end; picked == 0 && first < count; first = end) {
        for (end = first + 1; end < count && by_partition(&all[first], &all[end]) == 0; end++)
            ;
        picked = plan_partition(all + first, end - first, merge_day_is_over(all[first].day, now_ns), everything);
        for (size_t i = 0; i < picked; i++)
            ret_picked[i] = all[first + i].segment;
    }
    free(all);
    return picked;
}

static bool is_quiet(const struct segment *s, int64_t now_ns)
{
    return s->info.created_ns < now_ns - MERGE_QUIET_NS;
}

size_t merge_plan_joins(const struct segment_set *set, int64_t now_ns, struct segment **ret_picked)
{
    size_t count = plan_cuts(set, now_ns, true, ret_picked);
    bool quiet = count > 1;
    for (size_t i = 0; i < count; i++)
        quiet = quiet && is_quiet(ret_picked[i], now_ns);
    if (quiet)
        return count;
    for (size_t i = 0; i < set->count; i++) {
        struct segment *s = set->segments[i];
        if (s->info.level > 0 && s->info.level < LEVEL_PACKED && !is_stuck(s) && !s->is_joined && is_quiet(s, now_ns)) {
            ret_picked[0] = s;
            return 1;
        }
    }
    return 0;
}

struct segment *merge_plan_pack(const struct segment_set *set, int64_t now_ns)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct catalog_segment *info = &set->segments[i]->info;
        if (info->level > 0 && info->level < LEVEL_PACKED && !is_stuck(set->segments[i]) &&
            info->created_ns < now_ns - MERGE_PACK_AGE_NS &&
            merge_day_is_over(day_of_range(info->min_time_ns, info->max_time_ns), now_ns))
            return set->segments[i];
    }
    return NULL;
}

size_t merge_plan(const struct segment_set *set, int64_t now_ns, bool everything, struct segment **ret_picked)
{
    size_t count = plan_cuts(set, now_ns, everything, ret_picked);
    return count ? count : plan_merged(set, now_ns, everything, ret_picked);
}
