#include "store/segment/pack.h"

#include <assert.h>

#include "base/bytes.h"
#include "base/unset.h"

enum {
    NARROW = 56,           /* bits: a value lies in 8 bytes wherever it begins */
    EIGHTS_WIDTH_MAX = 16, /* four of them lie in 8 bytes */
    STEP_BITS_MAX = 48,    /* a block of such steps does not go round at 2^64 */
};
enum { BASE_SIZE = 8, PLAIN_HEADER = BASE_SIZE + 1, DELTA_HEADER = 2 * BASE_SIZE + 1 };

static unsigned width_of(uint64_t max)
{
    return max ? 64u - (unsigned)__builtin_clzll(max) : 0;
}

static uint64_t mask_of(unsigned width)
{
    return width == 64 ? ~0ull : (1ull << width) - 1;
}

static size_t bits_size(uint32_t count, unsigned width)
{
    return ((size_t)count * width + 7) / 8;
}

/* ---- writing ---- */

static void put_bits(struct buf *out, const uint64_t *values, uint32_t count, uint64_t base, unsigned width)
{
    size_t size = bits_size(count, width);
    if (width == 0 || !buf_reserve(out, size + sizeof(uint64_t)))
        return;
    uint8_t *p = out->ptr + out->len;
    uint64_t word = 0;
    unsigned fill = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t v = values[i] - base;
        word |= v << fill;
        if (fill + width >= 64) {
            store_u64(p, word);
            p += 8;
            word = fill ? v >> (64 - fill) : 0; /* a shift by 64 is undefined */
            fill = fill + width - 64;
        } else {
            fill += width;
        }
    }
    store_u64(p, word);
    out->len += size;
}

static void put_plain_block(struct buf *out, const uint64_t *values, uint32_t count)
{
    uint64_t lowest = values[0], highest = values[0];
    for (uint32_t i = 1; i < count; i++) {
        lowest = values[i] < lowest ? values[i] : lowest;
        highest = values[i] > highest ? values[i] : highest;
    }
    unsigned width = width_of(highest - lowest);
    buf_put_u64(out, lowest);
    buf_put_u8(out, (uint8_t)width);
    put_bits(out, values, count, lowest, width);
}

static void put_delta_block(struct buf *out, const uint64_t *values, uint32_t count)
{
    uint64_t steps[PACK_BLOCK] UNSET, lowest = 0, highest = 0;
    for (uint32_t i = 1; i < count; i++) {
        uint64_t step = values[i] - values[i - 1];
        lowest = i == 1 || step < lowest ? step : lowest;
        highest = step > highest ? step : highest;
        steps[i - 1] = step;
    }
    unsigned width = width_of(highest - lowest);
    buf_put_u64(out, values[0]);
    buf_put_u64(out, lowest);
    buf_put_u8(out, (uint8_t)width);
    put_bits(out, steps, count - 1, lowest, width);
}

void pack(struct buf *out, enum pack_mode mode, const uint64_t *values, uint32_t count)
{
    assert(count > 0 && count <= PACK_VALUES_MAX);
    for (uint32_t at = 0; at < count; at += PACK_BLOCK) {
        uint32_t n = count - at < PACK_BLOCK ? count - at : PACK_BLOCK;
        (mode == PACK_DELTA ? put_delta_block : put_plain_block)(out, values + at, n);
    }
    buf_put_zeros(out, PACK_SLACK);
}

void pack_u32(struct buf *out, const uint32_t *values, uint32_t count)
{
    assert(count > 0 && count <= PACK_VALUES_MAX);
    uint64_t wide[PACK_BLOCK] UNSET;
    for (uint32_t at = 0; at < count; at += PACK_BLOCK) {
        uint32_t n = count - at < PACK_BLOCK ? count - at : PACK_BLOCK;
        for (uint32_t i = 0; i < n; i++)
            wide[i] = values[at + i];
        put_plain_block(out, wide, n);
    }
    buf_put_zeros(out, PACK_SLACK);
}

/* ---- reading ---- */

bool packed_open(struct packed *p, bole_slice bytes, enum pack_mode mode, uint32_t count)
{
    if (count == 0 || count > PACK_VALUES_MAX || bytes.len < PACK_SLACK)
        return false;
    *p = (struct packed){.bytes = bytes.ptr, .count = count, .mode = mode};
    size_t end = bytes.len - PACK_SLACK, at = 0, header = mode == PACK_DELTA ? DELTA_HEADER : PLAIN_HEADER;
    for (uint32_t block = 0; block * PACK_BLOCK < count; block++) {
        uint32_t n = count - block * PACK_BLOCK < PACK_BLOCK ? count - block * PACK_BLOCK : PACK_BLOCK;
        if (end - at < header)
            return false;
        unsigned width = bytes.ptr[at + header - 1];
        size_t size = bits_size(mode == PACK_DELTA ? n - 1 : n, width);
        if (width > 64 || end - at - header < size)
            return false;
        p->block_at[block] = (uint32_t)at;
        at += header + size;
    }
    return at == end;
}

uint64_t packed_first(const struct packed *p, uint32_t block)
{
    assert(p->mode == PACK_DELTA && block * PACK_BLOCK < p->count);
    return load_u64(p->bytes + p->block_at[block]);
}

static void read_bits(const uint8_t *bits, uint32_t from, uint32_t count, unsigned width, uint64_t base,
                      uint64_t *ret_values)
{
    uint64_t mask = mask_of(width);
    size_t bit = (size_t)from * width;
    if (width <= NARROW) {
        for (uint32_t i = 0; i < count; i++, bit += width)
            ret_values[i] = base + (load_u64(bits + bit / 8) >> bit % 8 & mask);
        return;
    }
    for (uint32_t i = 0; i < count; i++, bit += width) { /* may reach into a ninth byte */
        const uint8_t *at = bits + bit / 8;
        uint64_t v = load_u64(at) >> bit % 8;
        if (bit % 8)
            v |= (uint64_t)at[8] << (64 - bit % 8);
        ret_values[i] = base + (v & mask);
    }
}

static void read_delta_block(const struct packed *p, const uint8_t *b, uint32_t from, uint32_t count,
                             uint64_t *ret_values)
{
    uint64_t steps[PACK_BLOCK] UNSET, value = load_u64(b), lowest = load_u64(b + BASE_SIZE);
    unsigned width = b[DELTA_HEADER - 1];
    if (from == 0 && width <= NARROW) { /* whole blocks, as they are mostly read: in one go */
        uint64_t mask = mask_of(width);
        ret_values[0] = value;
        for (size_t i = 1, bit = 0; i < count; i++, bit += width)
            ret_values[i] = value += lowest + (load_u64(b + DELTA_HEADER + bit / 8) >> bit % 8 & mask);
        return;
    }
    read_bits(b + DELTA_HEADER, 0, from + count - 1, width, lowest, steps);
    for (uint32_t i = 0; i < from; i++)
        value += steps[i];
    ret_values[0] = value;
    for (uint32_t i = 1; i < count; i++)
        ret_values[i] = value += steps[from + i - 1];
}

void packed_read(const struct packed *p, uint32_t from, uint32_t count, uint64_t *ret_values)
{
    assert(from <= p->count && count <= p->count - from);
    while (count) {
        uint32_t block = from / PACK_BLOCK, first = from % PACK_BLOCK;
        uint32_t n = PACK_BLOCK - first < count ? PACK_BLOCK - first : count;
        const uint8_t *b = p->bytes + p->block_at[block];
        if (p->mode == PACK_DELTA)
            read_delta_block(p, b, first, n, ret_values);
        else
            read_bits(b + PLAIN_HEADER, first, n, b[PLAIN_HEADER - 1], load_u64(b), ret_values);
        from += n;
        count -= n;
        ret_values += n;
    }
}

static uint32_t rows_of_block(const struct packed *p, uint32_t block)
{
    uint32_t left = p->count - block * PACK_BLOCK;
    return left < PACK_BLOCK ? left : PACK_BLOCK;
}

void packed_read_scaled(const struct packed *p, uint32_t block, uint64_t scale, uint64_t *ret_values)
{
    assert(p->mode == PACK_DELTA && block * PACK_BLOCK < p->count);
    const uint8_t *b = p->bytes + p->block_at[block], *bits = b + DELTA_HEADER;
    uint32_t count = rows_of_block(p, block);
    uint64_t value = load_u64(b) * scale, lowest = load_u64(b + BASE_SIZE);
    unsigned width = b[DELTA_HEADER - 1];
    uint64_t mask = mask_of(width);
    if (width > NARROW) {
        packed_read(p, block * PACK_BLOCK, count, ret_values);
        for (uint32_t i = 0; i < count; i++)
            ret_values[i] *= scale;
        return;
    }
    ret_values[0] = value;
    for (size_t i = 1, bit = 0; i < count; i++, bit += width)
        ret_values[i] = value += (lowest + (load_u64(bits + bit / 8) >> bit % 8 & mask)) * scale;
}

bool packed_rises(const struct packed *p, uint32_t block, uint64_t *ret_rise)
{
    assert(p->mode == PACK_DELTA && block * PACK_BLOCK < p->count);
    const uint8_t *b = p->bytes + p->block_at[block];
    uint64_t lowest = load_u64(b + BASE_SIZE);
    unsigned width = b[DELTA_HEADER - 1];
    if (width > STEP_BITS_MAX || lowest >> STEP_BITS_MAX)
        return false;
    *ret_rise = (lowest + mask_of(width)) * (rows_of_block(p, block) - 1);
    return true;
}

#if defined(__x86_64__)
#include <immintrin.h>

/* Whole eights of values of up to 16 bits: one instruction spreads four of them, or all if they are narrow. */
__attribute__((target("bmi2,avx2")))
static void read_eights_avx2(const uint8_t *bits, uint32_t eights, unsigned width, uint32_t base, uint32_t *ret_values)
{
    uint64_t bytes = mask_of(width) * 0x0101010101010101u, pairs = mask_of(width) * 0x0001000100010001u;
    __m256i bases = _mm256_set1_epi32((int)base);
    for (uint32_t i = 0; i < eights; i++, bits += width) {
        __m256i values;
        if (width <= 8) {
            values = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)_pdep_u64(load_u64(bits), bytes)));
        } else {
            uint64_t second = load_u64(bits + width / 2) >> width % 2 * 4;
            values = _mm256_cvtepu16_epi32(
                _mm_set_epi64x((long long)_pdep_u64(second, pairs), (long long)_pdep_u64(load_u64(bits), pairs)));
        }
        _mm256_storeu_si256((__m256i *)(void *)(ret_values + 8 * i), _mm256_add_epi32(values, bases));
    }
}
#endif

void packed_eights_portable(const uint8_t *bits, uint32_t eights, unsigned width, uint32_t base, uint32_t *ret_values)
{
    uint32_t mask = (uint32_t)mask_of(width);
    for (uint32_t i = 0; i < eights; i++, bits += width, ret_values += 8) {
        uint64_t word = load_u64(bits), second = load_u64(bits + width / 2) >> width % 2 * 4;
        for (unsigned k = 0; k < 4; k++, word >>= width, second >>= width) {
            ret_values[k] = base + ((uint32_t)word & mask);
            ret_values[k + 4] = base + ((uint32_t)second & mask);
        }
    }
}

void packed_eights(const uint8_t *bits, uint32_t eights, unsigned width, uint32_t base, uint32_t *ret_values)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("bmi2") && __builtin_cpu_supports("avx2")) {
        read_eights_avx2(bits, eights, width, base, ret_values);
        return;
    }
#endif
    packed_eights_portable(bits, eights, width, base, ret_values);
}

/* `count` values from number `from` of a block on, cut to 32 bits. Eight of them begin and end on a whole byte; such as are
 * wider than ids of streams are read one by one. */
static void read_block_u32(const uint8_t *bits, uint32_t from, uint32_t count, unsigned width, uint32_t base,
                           uint32_t *ret_values)
{
    uint32_t mask = (uint32_t)mask_of(width);
    for (uint32_t end = from + count; from < end;) {
        uint32_t eights = from % 8 || width > EIGHTS_WIDTH_MAX ? 0 : (end - from) / 8;
        size_t bit = (size_t)from * width;
        if (eights)
            packed_eights(bits + bit / 8, eights, width, base, ret_values);
        else /* the low 32 bits of a value lie in 8 bytes at any width */
            *ret_values = base + ((uint32_t)(load_u64(bits + bit / 8) >> bit % 8) & mask);
        from += eights ? 8 * eights : 1;
        ret_values += eights ? 8 * eights : 1;
    }
}

void packed_read_u32(const struct packed *p, uint32_t from, uint32_t count, uint32_t *ret_values)
{
    assert(p->mode == PACK_PLAIN && from <= p->count && count <= p->count - from);
    while (count) {
        uint32_t block = from / PACK_BLOCK, first = from % PACK_BLOCK;
        uint32_t n = PACK_BLOCK - first < count ? PACK_BLOCK - first : count;
        const uint8_t *b = p->bytes + p->block_at[block];
        read_block_u32(b + PLAIN_HEADER, first, n, b[PLAIN_HEADER - 1], load_u32(b), ret_values);
        from += n;
        count -= n;
        ret_values += n;
    }
}

bool packed_below(const struct packed *p, uint64_t limit)
{
    for (uint32_t block = 0; block * PACK_BLOCK < p->count; block++) {
        const uint8_t *b = p->bytes + p->block_at[block];
        uint64_t lowest = load_u64(b), span = mask_of(b[BASE_SIZE]);
        if (lowest >= limit)
            return false;
        /* The bits may allow more than is there: only the values say, and only when the bits are not enough. */
        if (span < limit - lowest)
            continue;
        if (b[BASE_SIZE] > 32) /* than the highest value needs */
            return false;
        uint32_t offsets[PACK_BLOCK] UNSET, highest = 0;
        uint32_t n = p->count - block * PACK_BLOCK < PACK_BLOCK ? p->count - block * PACK_BLOCK : PACK_BLOCK;
        read_block_u32(b + PLAIN_HEADER, 0, n, b[BASE_SIZE], 0, offsets);
        for (uint32_t i = 0; i < n; i++)
            highest = offsets[i] > highest ? offsets[i] : highest;
        if (highest >= limit - lowest)
            return false;
    }
    return true;
}
