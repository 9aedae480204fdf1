#include "store/codec/ints.h"

#include <assert.h>

#include "base/err.h"
#include "base/unset.h"

enum {
    BLOCK = 1024,
    SAMPLE = 512, /* values that the estimate looks at */
    CONTEXTS = 2048,
};

static unsigned planes_of(uint64_t highest)
{
    return highest ? (71u - (unsigned)__builtin_clzll(highest)) / 8 : 0;
}

static uint64_t zigzag(uint64_t v)
{
    return v << 1 ^ (0 - (v >> 63));
}

static uint64_t unzigzag(uint64_t v)
{
    return v >> 1 ^ (0 - (v & 1));
}

/* ---- what the planes hold ---- */

/* The numbers from .. from + count - 1 as they are stored. *fresh: the ids below it have been seen. */
static void stored(const struct ints_head *h, const int64_t *values, uint32_t from, uint32_t count, uint64_t *fresh,
                   uint64_t *ret)
{
    switch (h->mode) {
    case INTS_PLAIN:
        for (uint32_t i = 0; i < count; i++)
            ret[i] = (uint64_t)values[from + i] - (uint64_t)h->lowest;
        return;
    case INTS_DELTA: {
        uint64_t before = (uint64_t)values[from ? from - 1 : 0];
        for (uint32_t i = 0; i < count; i++) {
            ret[i] = zigzag((uint64_t)values[from + i] - before);
            before = (uint64_t)values[from + i];
        }
        return;
    }
    case INTS_FRESH:
        for (uint32_t i = 0; i < count; i++) {
            uint64_t id = (uint64_t)values[from + i];
            ret[i] = id == *fresh ? 0 : id + 1;
            *fresh += id == *fresh;
        }
        return;
    }
}

/* ---- estimate ---- */

/* log2 in 1/256: the exponent, and the mantissa by a parabola that is right to 1 %. */
static uint32_t log2_fixed(uint32_t v)
{
    unsigned exponent = 31u - (unsigned)__builtin_clz(v);
    uint32_t m = (uint32_t)(((uint64_t)v << 8) >> exponent) - 256;
    return exponent * 256 + m + (88 * m * (256 - m) >> 16);
}

/*
 * Bytes that a plane takes behind zstd-1, about. A byte that follows the four before it as it did the last time is part
 * of a match; where matches are costs a bit or less a byte; the others cost their entropy. Chooses as well as
 * compressing each candidate does, at a fraction of the time.
 */
static uint64_t plane_cost(const uint64_t *values, uint32_t count, unsigned plane)
{
    uint16_t last[CONTEXTS] UNSET;
    uint32_t histogram[256] = {0}, misses = 0, kinds = 0, context = 0;
    uint8_t bytes[SAMPLE] UNSET;
    memset(last, 0xff, sizeof last);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t c = bytes[i] = (uint8_t)(values[i] >> (8 * plane));
        uint16_t *slot = &last[context * 2654435761u >> 21];
        bool hit = *slot != UINT16_MAX && bytes[*slot] == c;
        *slot = (uint16_t)i;
        histogram[c] += !hit;
        misses += !hit;
        context = context << 8 | c;
    }
    if (misses == 0)
        return 0;
    uint64_t bits = 0, all = log2_fixed(misses);
    for (unsigned i = 0; i < count && i < 256; i++) { /* by the bytes there are, when they are few */
        uint32_t *times = &histogram[count < 256 ? bytes[i] : i];
        if (*times) {
            bits += *times * (all - log2_fixed(*times));
            kinds++;
            *times = 0;
        }
    }
    if (misses < count)
        bits += misses * (uint64_t)(log2_fixed(count) - log2_fixed(misses)) +
                (count - misses) * (uint64_t)(log2_fixed(count) - log2_fixed(count - misses));
    return bits / 256 / 8 + kinds * 2 / 5; /* the table of a code takes about 3 bits a symbol */
}

static uint64_t cost(const struct ints_head *h, const int64_t *values, uint32_t count)
{
    uint32_t n = count < SAMPLE ? count : SAMPLE, from = (count - n) / 2;
    uint64_t sample[SAMPLE] UNSET, fresh = 0, sum = 0;
    if (h->mode == INTS_FRESH)
        for (uint32_t i = 0; i < from; i++)
            fresh += (uint64_t)values[i] == fresh;
    stored(h, values, from, n, &fresh, sample);
    for (unsigned p = 0; p < h->planes; p++)
        sum += plane_cost(sample, n, p);
    return sum * count / n;
}

/* ---- writing ---- */

void ints_plan_plain(const int64_t *values, uint32_t count, struct ints_head *ret_head)
{
    assert(count > 0 && count <= INTS_COUNT_MAX);
    int64_t lowest = values[0], highest = values[0];
    for (uint32_t i = 1; i < count; i++) {
        lowest = values[i] < lowest ? values[i] : lowest;
        highest = values[i] > highest ? values[i] : highest;
    }
    uint64_t range = (uint64_t)highest - (uint64_t)lowest;
    *ret_head = (struct ints_head){INTS_PLAIN, planes_of(range), lowest, range, 0};
}

uint64_t ints_plan(const int64_t *values, uint32_t count, bool fresh, struct ints_head *ret_head)
{
    struct ints_head plain, other;
    ints_plan_plain(values, count, &plain);
    *ret_head = other = plain;
    if (plain.range == 0)
        return 0;
    uint64_t highest = plain.range + 1; /* that is stored */
    if (fresh) {
        other.mode = INTS_FRESH;
    } else {
        other.mode = INTS_DELTA;
        other.first = (uint64_t)values[0] - (uint64_t)plain.lowest;
        highest = 0;
        for (uint32_t i = 1; i < count; i++)
            highest |= zigzag((uint64_t)values[i] - (uint64_t)values[i - 1]);
    }
    other.planes = planes_of(highest);
    uint64_t plain_cost = cost(&plain, values, count),
             other_cost = other.planes > plain.planes ? plain_cost : cost(&other, values, count);
    if (other_cost < plain_cost)
        *ret_head = other;
    return other_cost < plain_cost ? other_cost : plain_cost;
}

void ints_align(struct ints_head *h)
{
    if (h->mode != INTS_PLAIN || h->lowest < 0)
        return;
    for (unsigned bits = 8 * h->planes; bits > 0; bits -= 8) {
        uint64_t cut = (uint64_t)h->lowest & (bits < 64 ? (1ull << bits) - 1 : ~0ull);
        if (h->range + cut < cut || planes_of(h->range + cut) != h->planes)
            continue;
        h->lowest -= (int64_t)cut;
        h->range += cut;
        return;
    }
}

void ints_put(const struct ints_head *h, const int64_t *values, uint32_t count, struct buf *head, struct buf *numbers)
{
    buf_put_u8(head, (uint8_t)(h->mode << 4 | h->planes));
    buf_put_varint(head, zigzag((uint64_t)h->lowest));
    buf_put_varint(head, h->range);
    if (h->mode == INTS_DELTA)
        buf_put_varint(head, h->first);
    if (!h->planes || !buf_reserve(numbers, ints_size(h, count)))
        return;
    uint8_t *out = numbers->ptr + numbers->len;
    uint64_t block[BLOCK] UNSET, fresh = 0;
    for (uint32_t from = 0; from < count; from += BLOCK) {
        uint32_t n = count - from < BLOCK ? count - from : BLOCK;
        stored(h, values, from, n, &fresh, block);
        for (unsigned p = 0; p < h->planes; p++) {
            uint8_t *plane = out + (size_t)p * count + from;
            for (uint32_t i = 0; i < n; i++)
                plane[i] = (uint8_t)(block[i] >> (8 * p));
        }
    }
    numbers->len += ints_size(h, count);
}

/* ---- reading ---- */

bool ints_open(struct ints_head *h, struct reader *heads)
{
    uint8_t kind = reader_u8(heads);
    *h = (struct ints_head){.mode = kind >> 4, .planes = kind & 15};
    h->lowest = (int64_t)unzigzag(reader_varint(heads));
    h->range = reader_varint(heads);
    switch (h->mode) {
    case INTS_PLAIN:
        return !heads->failed && h->planes == planes_of(h->range);
    case INTS_DELTA:
        h->first = reader_varint(heads);
        return !heads->failed && h->planes <= 8 && h->range > 0 && h->first <= h->range;
    case INTS_FRESH:
        return !heads->failed && h->lowest == 0 && h->range > 0 && h->range < INTS_COUNT_MAX &&
               h->planes == planes_of(h->range + 1);
    }
    return false;
}

static void gather(const uint8_t *numbers, unsigned planes, uint32_t count, uint32_t from, uint32_t n, uint64_t *ret)
{
    for (uint32_t i = 0; i < n; i++)
        ret[i] = 0;
    for (unsigned p = 0; p < planes; p++) {
        const uint8_t *plane = numbers + (size_t)p * count + from;
        for (uint32_t i = 0; i < n; i++)
            ret[i] |= (uint64_t)plane[i] << (8 * p);
    }
}

/* What is stored to offsets from the lowest value, in place. *state: the offset before, or the ids seen. */
static void undo(const struct ints_head *h, uint64_t *v, uint32_t n, uint64_t *state)
{
    uint64_t at = *state;
    if (h->mode == INTS_DELTA)
        for (uint32_t i = 0; i < n; i++)
            v[i] = at += unzigzag(v[i]);
    else if (h->mode == INTS_FRESH)
        for (uint32_t i = 0; i < n; i++) {
            bool fresh = v[i] == 0;
            v[i] = fresh ? at : v[i] - 1;
            at += fresh;
        }
    *state = at;
}

static void narrow(const uint64_t *v, uint32_t n, unsigned width, uint8_t *out)
{
    switch (width) {
    case 1:
        for (uint32_t i = 0; i < n; i++)
            out[i] = (uint8_t)v[i];
        break;
    case 2:
        for (uint32_t i = 0; i < n; i++)
            ((uint16_t *)(void *)out)[i] = (uint16_t)v[i];
        break;
    case 4:
        for (uint32_t i = 0; i < n; i++)
            ((uint32_t *)(void *)out)[i] = (uint32_t)v[i];
        break;
    default:
        memcpy(out, v, n * sizeof *v);
    }
}

static bool bytes_are_at_most(const uint8_t *p, uint32_t count, uint64_t limit)
{
    uint8_t highest = 0;
    for (uint32_t i = 0; i < count; i++)
        highest = p[i] > highest ? p[i] : highest;
    return highest <= limit;
}

/* ---- numbers that fit into 16 bits: ids and lengths, most of all there is ---- */

static void gather_short(const uint8_t *numbers, unsigned planes, uint32_t count, uint32_t from, uint32_t n, uint16_t *ret)
{
    const uint8_t *low = numbers + from, *high = numbers + count + from;
    if (planes == 1)
        for (uint32_t i = 0; i < n; i++)
            ret[i] = low[i];
    else
        for (uint32_t i = 0; i < n; i++)
            ret[i] = (uint16_t)(low[i] | high[i] << 8);
}

/* False: an id lies above the range. Which ids are new no processor foresees: no branch hangs on it. */
static bool undo_fresh(uint16_t *v, uint32_t n, uint32_t range, uint32_t *fresh)
{
    uint32_t next = *fresh;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t is_fresh = v[i] == 0, mask = 0 - is_fresh;
        v[i] = (uint16_t)((next & mask) | ((v[i] - 1u) & ~mask));
        next += is_fresh;
    }
    *fresh = next;
    return next <= range + 1;
}

/* False: a number lies above the range. A step is at most 2^15, so that 32 bits do not overflow before it is seen. */
static bool undo_delta(uint16_t *v, uint32_t n, uint32_t range, uint32_t *state)
{
    uint32_t at = *state;
    bool over = false;
    for (uint32_t i = 0; i < n; i++) {
        at += (uint32_t)v[i] >> 1 ^ (0 - (v[i] & 1u));
        over |= at > range;
        v[i] = (uint16_t)at;
        at = v[i]; /* what is over is over, and cannot come back by going round */
    }
    *state = at;
    return !over;
}

static bool undo_short(const struct ints_head *h, uint16_t *v, uint32_t n, uint32_t *state)
{
    uint32_t range = (uint32_t)h->range;
    uint16_t limit = (uint16_t)range, over = 0;
    bool ok = h->mode == INTS_DELTA   ? undo_delta(v, n, range, state)
              : h->mode == INTS_FRESH ? undo_fresh(v, n, range, state)
                                      : true;
    for (uint32_t i = 0; i < n; i++)
        over |= (uint16_t)-(v[i] > limit);
    return ok && !over;
}

static bool load_short(const struct ints_head *h, uint32_t count, const uint8_t *numbers, unsigned width, uint8_t *out)
{
    uint16_t block[BLOCK] UNSET;
    uint32_t state = (uint32_t)h->first;
    for (uint32_t from = 0; from < count; from += BLOCK) {
        uint32_t n = count - from < BLOCK ? count - from : BLOCK;
        gather_short(numbers, h->planes, count, from, n, block);
        if (!undo_short(h, block, n, &state))
            return false;
        if (width == 2)
            memcpy(out + 2 * (size_t)from, block, 2 * (size_t)n);
        else
            for (uint32_t i = 0; i < n; i++)
                out[from + i] = (uint8_t)block[i];
    }
    return true;
}

/* PLAIN numbers of three or four planes: no step is taken in 64 bits, which would halve what is done at once. */
static bool load_words(const struct ints_head *h, uint32_t count, const uint8_t *numbers, uint32_t *out)
{
    const uint8_t *p0 = numbers, *p1 = p0 + count, *p2 = p1 + count, *p3 = h->planes > 3 ? p2 + count : p2;
    uint32_t highest = 0, mask = h->planes > 3 ? ~0u : 0xffffffu;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = (p0[i] | (uint32_t)p1[i] << 8 | (uint32_t)p2[i] << 16 | (uint32_t)p3[i] << 24) & mask;
        highest = out[i] > highest ? out[i] : highest;
    }
    return highest <= h->range;
}

bole_status ints_load(struct ints *n, const struct ints_head *h, uint32_t count, const uint8_t *numbers,
                      struct arena *arena)
{
    unsigned planes = planes_of(h->range), width = planes <= 2 ? planes : planes <= 4 ? 4 : 8;
    *n = (struct ints){.at = numbers, .width = width, .lowest = h->lowest};
    if (h->mode == INTS_PLAIN && width <= 1)
        return width == 0 || bytes_are_at_most(numbers, count, h->range) ? BOLE_OK : BOLE_E_CORRUPT;
    uint8_t *at = arena_alloc(arena, (size_t)width * count);
    if (!at)
        return BOLE_E_LIMIT;
    n->at = at;
    if (width <= 2 && (h->planes == 1 || h->planes == 2))
        return load_short(h, count, numbers, width, at) ? BOLE_OK : BOLE_E_CORRUPT;
    if (h->mode == INTS_PLAIN && width == 4)
        return load_words(h, count, numbers, (uint32_t *)(void *)at) ? BOLE_OK : BOLE_E_CORRUPT;
    uint64_t block[BLOCK] UNSET, state = h->first;
    for (uint32_t from = 0; from < count; from += BLOCK) {
        uint32_t some = count - from < BLOCK ? count - from : BLOCK;
        uint64_t highest = 0;
        gather(numbers, h->planes, count, from, some, block);
        undo(h, block, some, &state);
        for (uint32_t i = 0; i < some; i++)
            highest = block[i] > highest ? block[i] : highest;
        if (highest > h->range)
            return BOLE_E_CORRUPT;
        narrow(block, some, width, at + (size_t)width * from);
    }
    return BOLE_OK;
}

/* ---- some of many ids ---- */

/* Of n <= INTS_RUN ids: how many are new, and whether one lies above the range. Compilers make vectors of both loops. */
static uint32_t count_fresh(const uint8_t *low, const uint8_t *high, uint32_t n)
{
    uint8_t fresh = 0;
    for (uint32_t i = 0; i < n; i++)
        fresh = (uint8_t)(fresh + !(low[i] | high[i]));
    return fresh;
}

static bool any_above(const uint8_t *low, const uint8_t *high, uint32_t n, uint16_t stored_max)
{
    uint16_t above = 0;
    for (uint32_t i = 0; i < n; i++)
        above |= (uint16_t)-((uint16_t)(low[i] | high[i] << 8) > stored_max);
    return above;
}

static const uint8_t no_plane[INTS_RUN];

static const uint8_t *high_plane(const struct ints *n, uint32_t from)
{
    return n->planes > 1 ? (const uint8_t *)n->at + n->count + from : no_plane;
}

bole_status ints_load_few(struct ints *n, const struct ints_head *h, uint32_t count, const uint8_t *numbers,
                          struct arena *arena)
{
    if (h->mode != INTS_FRESH || h->planes > 2)
        return ints_load(n, h, count, numbers, arena);
    *n = (struct ints){.at = numbers, .width = INTS_SOUGHT, .lowest = h->lowest, .count = count, .planes = h->planes};
    uint16_t *before = arena_alloc(arena, (count / INTS_RUN + 1) * sizeof *before);
    if (!before)
        return BOLE_E_LIMIT;
    uint32_t fresh = 0;
    for (uint32_t from = 0; from < count; from += INTS_RUN) {
        uint32_t some = count - from < INTS_RUN ? count - from : INTS_RUN;
        before[from / INTS_RUN] = (uint16_t)fresh;
        fresh += count_fresh(numbers + from, high_plane(n, from), some);
        if (any_above(numbers + from, high_plane(n, from), some, (uint16_t)(h->range + 1)))
            return BOLE_E_CORRUPT;
    }
    n->fresh_before = before;
    return fresh <= h->range + 1 ? BOLE_OK : BOLE_E_CORRUPT;
}

uint64_t ints_seek(const struct ints *n, uint32_t index)
{
    const uint8_t *low = n->at;
    uint32_t run = index / INTS_RUN * INTS_RUN, stored = low[index];
    if (n->planes > 1)
        stored |= (uint32_t)low[n->count + index] << 8;
    return stored ? stored - 1 : n->fresh_before[index / INTS_RUN] + count_fresh(low + run, high_plane(n, run), index - run);
}

bole_status ints_load_rest(struct ints *n, const struct ints_head *h, struct arena *arena)
{
    return n->width == INTS_SOUGHT ? ints_load(n, h, n->count, n->at, arena) : BOLE_OK;
}
