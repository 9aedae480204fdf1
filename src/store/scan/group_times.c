#include "store/scan/group_times.h"

#include "base/bytes.h"

void group_times_init(struct group_times *t, struct budget *budget)
{
    *t = (struct group_times){0};
    buf_init(&t->times, budget);
}

void group_times_deinit(struct group_times *t)
{
    buf_deinit(&t->times);
}

static int64_t *times_of(struct group_times *t)
{
    return (int64_t *)(void *)t->times.ptr;
}

/* Modulo 2^64, as packed: damaged columns hold anything. */
static int64_t scaled(const struct group_times *t, uint64_t packed)
{
    return (int64_t)(packed * (uint64_t)t->scale);
}

static int64_t first_of(const struct group_times *t, uint32_t block)
{
    return scaled(t, packed_first(&t->packed, block));
}

static uint32_t block_count(const struct group_times *t)
{
    return (t->group->row_count + PACK_BLOCK - 1) / PACK_BLOCK;
}

/* The compiler compares several at a time. */
static bool run_sorted(const int64_t *times, uint32_t count)
{
    uint64_t unsorted = 0;
    for (uint32_t r = 1; r < count; r++)
        unsorted |= times[r] < times[r - 1];
    return !unsorted;
}

static void read_block(struct group_times *t, uint32_t block)
{
    packed_read_scaled(&t->packed, block, (uint64_t)t->scale, (uint64_t *)times_of(t) + block * PACK_BLOCK);
    t->loaded |= 1ull << block;
}

/* Sorted for certain, without a look at the rows: steps of this many bits cannot do otherwise. */
static bool block_rises(const struct group_times *t, uint32_t block)
{
    int64_t first = (int64_t)packed_first(&t->packed, block), last, scaled;
    uint64_t rise;
    return t->scale > 0 && packed_rises(&t->packed, block, &rise) && !__builtin_mul_overflow(first, t->scale, &scaled) &&
           !__builtin_add_overflow(first, rise, &last) && !__builtin_mul_overflow(last, t->scale, &scaled);
}

static void load_block(struct group_times *t, uint32_t block)
{
    uint32_t from = block * PACK_BLOCK, left = t->group->row_count - from, count = left < PACK_BLOCK ? left : PACK_BLOCK;
    int64_t *times = times_of(t) + from;
    read_block(t, block);
    bool is_last = block + 1 == block_count(t);
    int64_t last = times[count - 1];
    bool fits = is_last ? last == t->group->max_time_ns : last <= first_of(t, block + 1);
    if (fits && (block_rises(t, block) || run_sorted(times, count)))
        return;
    t->is_bad = true;
    for (uint32_t r = 1; r < count; r++)
        times[r] = times[0];
}

/* ---- opening ---- */

static bool firsts_fit(const struct group_times *t)
{
    int64_t before = t->group->min_time_ns;
    if (first_of(t, 0) != before)
        return false;
    for (uint32_t block = 1; block < block_count(t); block++) {
        if (first_of(t, block) < before)
            return false;
        before = first_of(t, block);
    }
    return before <= t->group->max_time_ns;
}

static bool load_runs(struct group_times *t)
{
    const struct segment_group *g = t->group;
    const int64_t *times = times_of(t);
    int64_t min = INT64_MAX, max = INT64_MIN;
    bool sorted = true;
    for (uint32_t block = 0; block < block_count(t); block++)
        read_block(t, block);
    for (uint32_t i = 0, from = 0; i < g->stream_count; i++) {
        uint32_t count = g->streams[i].rows;
        sorted = sorted && run_sorted(times + from, count);
        min = times[from] < min ? times[from] : min;
        max = times[from + count - 1] > max ? times[from + count - 1] : max;
        from += count;
    }
    return sorted && min == g->min_time_ns && max == g->max_time_ns;
}

bole_status group_times_open(struct group_times *t, bole_slice raw, const struct segment_group *group)
{
    t->group = group;
    t->loaded = 0;
    t->is_bad = false;
    if (raw.len < 8 || !packed_open(&t->packed, bole_slice_sub(raw, 8), PACK_DELTA, group->row_count))
        return BOLE_E_CORRUPT;
    t->scale = (int64_t)load_u64(raw.ptr);
    buf_reset(&t->times);
    if (!buf_reserve(&t->times, group->row_count * sizeof(int64_t)))
        return BOLE_E_LIMIT;
    return (group->order == GROUP_BY_STREAM ? load_runs(t) : firsts_fit(t)) ? BOLE_OK : BOLE_E_CORRUPT;
}

/* ---- looking ---- */

const int64_t *group_times_load(struct group_times *t, uint32_t from, uint32_t to)
{
    for (uint32_t block = from / PACK_BLOCK; block * PACK_BLOCK < to; block++)
        if (!(t->loaded >> block & 1))
            load_block(t, block);
    return times_of(t);
}

uint32_t group_times_find(struct group_times *t, uint32_t from, uint32_t to, int64_t time_ns)
{
    if (from >= to)
        return to;
    if (t->group->order == GROUP_BY_TIME) { /* the last block that begins before that time, or the first: */
        uint32_t low = from / PACK_BLOCK, high = (to - 1) / PACK_BLOCK;
        while (low < high) {
            uint32_t middle = high - (high - low) / 2;
            if (first_of(t, middle) < time_ns)
                low = middle;
            else
                high = middle - 1;
        }
        from = low * PACK_BLOCK > from ? low * PACK_BLOCK : from;
        to = (low + 1) * PACK_BLOCK < to ? (low + 1) * PACK_BLOCK : to;
    }
    const int64_t *times = group_times_load(t, from, to);
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (times[middle] < time_ns)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}
