#include "store/codec/ints.h"

#include <assert.h>

#include "base/err.h"

static unsigned planes_of(uint64_t range)
{
    return range ? (71u - (unsigned)__builtin_clzll(range)) / 8 : 0;
}

/* ---- writing ---- */

struct span { int64_t lowest, highest; };

static struct span span_of_values(const int64_t *values, uint32_t count)
{
    struct span s = {values[0], values[0]};
    for (uint32_t i = 1; i < count; i++) {
        s.lowest = values[i] < s.lowest ? values[i] : s.lowest;
        s.highest = values[i] > s.highest ? values[i] : s.highest;
    }
    return s;
}

static int64_t step_to(const int64_t *values, uint32_t index)
{
    return (int64_t)((uint64_t)values[index] - (uint64_t)values[index - 1]);
}

static struct span span_of_steps(const int64_t *values, uint32_t count)
{
    struct span s = {0, 0};
    for (uint32_t i = 1; i < count; i++) {
        int64_t step = step_to(values, i);
        s.lowest = i == 1 || step < s.lowest ? step : s.lowest;
        s.highest = i == 1 || step > s.highest ? step : s.highest;
    }
    return s;
}

static void put_planes(uint8_t *out, unsigned planes, uint32_t count, uint32_t index, uint64_t v)
{
    for (unsigned p = 0; p < planes; p++)
        out[(size_t)p * count + index] = (uint8_t)(v >> (8 * p));
}

void ints_put(const int64_t *values, uint32_t count, struct buf *head, struct buf *numbers)
{
    struct span v = span_of_values(values, count), s = span_of_steps(values, count);
    unsigned planes = planes_of((uint64_t)v.highest - (uint64_t)v.lowest);
    unsigned step_planes = planes_of((uint64_t)s.highest - (uint64_t)s.lowest);
    enum ints_mode mode = step_planes < planes ? INTS_DELTA : INTS_PLAIN;
    if (mode == INTS_DELTA)
        planes = step_planes;
    buf_put_u8(head, (uint8_t)(mode << 4 | planes));
    buf_put_varint(head, zigzag(v.lowest));
    buf_put_varint(head, (uint64_t)v.highest - (uint64_t)v.lowest);
    if (mode == INTS_DELTA) {
        buf_put_varint(head, (uint64_t)values[0] - (uint64_t)v.lowest);
        buf_put_varint(head, zigzag(s.lowest));
    }
    if (!buf_reserve(numbers, (size_t)planes * count))
        return;
    uint8_t *out = numbers->ptr + numbers->len;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t x = mode == INTS_PLAIN ? (uint64_t)values[i] - (uint64_t)v.lowest
                                        : i ? (uint64_t)step_to(values, i) - (uint64_t)s.lowest : 0;
        put_planes(out, planes, count, i, x);
    }
    numbers->len += (size_t)planes * count;
}

/* ---- reading ---- */

bool ints_open(struct ints_head *h, struct reader *heads)
{
    uint8_t kind = reader_u8(heads);
    *h = (struct ints_head){.mode = kind >> 4, .planes = kind & 15};
    h->lowest = unzigzag(reader_varint(heads));
    h->range = reader_varint(heads);
    if (h->mode == INTS_DELTA) {
        h->first = reader_varint(heads);
        h->step = (uint64_t)unzigzag(reader_varint(heads));
    }
    if (heads->failed || h->planes > 8 || h->first > h->range)
        return false;
    return h->mode == INTS_DELTA || (h->mode == INTS_PLAIN && h->planes == planes_of(h->range));
}

static uint64_t get_planes(const uint8_t *numbers, unsigned planes, uint32_t count, uint32_t index)
{
    uint64_t v = 0;
    for (unsigned p = 0; p < planes; p++)
        v |= (uint64_t)numbers[(size_t)p * count + index] << (8 * p);
    return v;
}

static void store_width(uint8_t *at, unsigned width, uint32_t index, uint64_t v)
{
    switch (width) {
    case 1: at[index] = (uint8_t)v; break;
    case 2: store_u16(at + (size_t)index * 2, (uint16_t)v); break;
    case 4: store_u32(at + (size_t)index * 4, (uint32_t)v); break;
    default: store_u64(at + (size_t)index * 8, v);
    }
}

bole_status ints_load(struct ints *n, const struct ints_head *h, uint32_t count, const uint8_t *numbers, struct arena *arena)
{
    unsigned planes = planes_of(h->range), width = planes <= 2 ? planes : planes <= 4 ? 4 : 8;
    *n = (struct ints){.width = width, .lowest = h->lowest};
    uint8_t *at = arena_alloc(arena, (size_t)width * count);
    if (!at)
        return BOLE_E_LIMIT;
    uint64_t v = h->first;
    for (uint32_t i = 0; i < count; i++) {
        if (h->mode == INTS_PLAIN)
            v = get_planes(numbers, h->planes, count, i);
        else if (i)
            v += h->step + get_planes(numbers, h->planes, count, i);
        if (v > h->range)
            return BOLE_E_CORRUPT;
        if (width)
            store_width(at, width, i, v);
    }
    n->at = at;
    return BOLE_OK;
}
