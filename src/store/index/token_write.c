/*
 * The map is written from sorted pairs: block by block, and within a block part by part, each in a pass of its own over the
 * pairs. Sorting is in place: hashes are spread evenly, so two rounds by eight bits leave a few pairs to insertion.
 */
#include "store/index/token_builder.h"

#include <assert.h>

#include "base/crc32c.h"
#include "base/err.h"

#define FALSE_POSITIVE_BITS 10u   /* one absent token in 2^10 is taken for present */
#define BLOCK_ENTRIES_MAX   1200u /* on average; half of it at least */

/* ---- sorting ---- */

static void sort_few(uint64_t *p, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint64_t v = p[i];
        size_t k = i;
        for (; k > 0 && p[k - 1] > v; k--)
            p[k] = p[k - 1];
        p[k] = v;
    }
}

/* American flag sort (McIlroy, Bostic, McIlroy 1993): counts, then swaps each element to the part it belongs to. */
static void sort(uint64_t *p, size_t n, int shift)
{
    if (n <= 32) {
        sort_few(p, n);
        return;
    }
    size_t next[256] = {0}, end[256], at = 0;
    for (size_t i = 0; i < n; i++)
        next[p[i] >> shift & 255]++;
    for (unsigned d = 0; d < 256; d++) {
        size_t count = next[d];
        next[d] = at;
        end[d] = at += count;
    }
    for (unsigned d = 0; d < 256; d++)
        while (next[d] < end[d]) {
            uint64_t v = p[next[d]];
            unsigned to = v >> shift & 255;
            p[next[d]] = p[next[to]];
            p[next[to]++] = v;
        }
    for (unsigned d = 0; shift > 0 && d < 256; d++)
        sort(p + (d ? end[d - 1] : 0), end[d] - (d ? end[d - 1] : 0), shift - 8);
}

/* ---- bits ---- */

struct bits {
    struct buf *out;
    uint64_t    pending;
    uint32_t    count; /* of pending, below 8 between calls */
};

static void bits_put(struct bits *b, uint64_t value, uint32_t width) /* width <= 56 */
{
    b->pending |= value << b->count;
    for (b->count += width; b->count >= 8; b->count -= 8, b->pending >>= 8)
        buf_put_u8(b->out, (uint8_t)b->pending);
}

static void bits_flush(struct bits *b)
{
    if (b->count)
        buf_put_u8(b->out, (uint8_t)b->pending);
    b->pending = b->count = 0;
}

static void bits_put_ones(struct bits *b, uint32_t count)
{
    for (; count > 32; count -= 32)
        bits_put(b, UINT32_MAX, 32);
    bits_put(b, (1ull << count) - 1, count);
}

/* ---- keys ---- */

struct map_writer {
    const uint64_t     *pairs;
    size_t              count;
    struct token_layout l;
    uint32_t            key_bits;
    uint32_t            group_count; /* of the key at hand */
    uint16_t            groups[TOKEN_GROUPS_MAX]; /* ascending */
};

static uint64_t key_of(const struct map_writer *w, size_t i) { return w->pairs[i] >> (64 - w->key_bits); }

/* The end of the pairs that share the key of pair i. */
static size_t key_end(const struct map_writer *w, size_t i)
{
    uint64_t key = key_of(w, i);
    while (++i < w->count && key_of(w, i) == key)
        ;
    return i;
}

/* Row groups of pairs [i, end). Two tokens can share a key: their groups are put together. */
static void read_groups(struct map_writer *w, size_t i, size_t end)
{
    w->group_count = 0;
    for (; i < end; i++) {
        uint16_t group = w->pairs[i] & (TOKEN_GROUPS_MAX - 1);
        uint32_t k = w->group_count;
        while (k > 0 && w->groups[k - 1] > group)
            k--;
        if (k > 0 && w->groups[k - 1] == group)
            continue;
        memmove(&w->groups[k + 1], &w->groups[k], (w->group_count++ - k) * sizeof *w->groups);
        w->groups[k] = group;
    }
}

static uint32_t slot_of(const struct map_writer *w)
{
    if (w->group_count == 1)
        return w->groups[0];
    return w->group_count > list_groups_max(w->l.group_count) ? w->l.group_count : w->l.group_count + 1;
}

static void put_list(const struct map_writer *w, struct bits *b)
{
    uint32_t width = 31u - (uint32_t)__builtin_clz(w->group_count - 1), next = 0;
    uint32_t rice = list_rice_bits(w->l.group_count, w->group_count);
    bits_put_ones(b, width);
    bits_put(b, 0, 1);
    bits_put(b, (w->group_count - 1) ^ 1u << width, width);
    for (uint32_t i = 0; i < w->group_count; i++) {
        uint32_t gap = w->groups[i] - next;
        bits_put_ones(b, gap >> rice);
        bits_put(b, 0, 1);
        bits_put(b, gap & ((1u << rice) - 1), rice);
        next = w->groups[i] + 1u;
    }
}

/* ---- blocks ---- */

/* The pairs [from, to) as one block. */
static void put_block(struct map_writer *w, size_t from, size_t to, struct buf *out)
{
    const struct token_layout *l = &w->l;
    uint32_t entries = 0, bucket = 0;
    uint64_t bucket_mask = (1ull << l->bucket_bits) - 1, rest_mask = (1ull << l->rest_bits) - 1;
    for (size_t i = from; i < to; i = key_end(w, i))
        entries++;
    buf_put_u32(out, entries);
    struct bits b = {.out = out};
    for (size_t i = from; i < to; i = key_end(w, i)) {
        for (; bucket < (key_of(w, i) >> l->rest_bits & bucket_mask); bucket++)
            bits_put(&b, 0, 1);
        bits_put(&b, 1, 1);
    }
    for (; bucket <= bucket_mask; bucket++)
        bits_put(&b, 0, 1);
    bits_flush(&b);
    for (size_t i = from; i < to; i = key_end(w, i))
        bits_put(&b, key_of(w, i) & rest_mask, l->rest_bits);
    bits_flush(&b);
    for (size_t i = from, end; i < to; i = end) {
        end = key_end(w, i);
        read_groups(w, i, end);
        bits_put(&b, slot_of(w), l->slot_bits);
    }
    bits_flush(&b);
    for (size_t i = from, end; i < to; i = end) {
        end = key_end(w, i);
        read_groups(w, i, end);
        if (slot_of(w) == l->group_count + 1)
            put_list(w, &b);
    }
    bits_flush(&b);
}

static uint32_t log2_floor(uint64_t v) { return 63u - (uint32_t)__builtin_clzll(v | 1); }

static void lay_out(struct map_writer *w, uint32_t spare_bits)
{
    struct token_layout *l = &w->l;
    l->key_count = 0;
    w->key_bits = TOKEN_KEY_BITS_MAX;
    for (size_t i = 0; i < w->count; i = key_end(w, i))
        l->key_count++;
    while (l->key_count >> l->block_bits > BLOCK_ENTRIES_MAX)
        l->block_bits++;
    l->bucket_bits = log2_floor(l->key_count) + 1 - l->block_bits; /* half an entry to one entry per bucket */
    assert(l->bucket_bits <= TOKEN_BUCKET_BITS_MAX);
    w->key_bits = l->block_bits + l->bucket_bits;
    while (l->key_count << FALSE_POSITIVE_BITS > 1ull << w->key_bits)
        w->key_bits++;
    w->key_bits += spare_bits;
    if (w->key_bits > TOKEN_KEY_BITS_MAX)
        w->key_bits = TOKEN_KEY_BITS_MAX;
    l->rest_bits = w->key_bits - l->block_bits - l->bucket_bits;
    l->slot_bits = log2_floor(l->group_count + 1) + 1;
    l->key_count = 0;
    for (size_t i = 0; i < w->count; i = key_end(w, i)) /* keys are shorter than what was counted before */
        l->key_count++;
}

bole_status token_map_write(uint64_t *pairs, size_t count, uint32_t group_count, uint32_t spare_bits,
                            struct token_layout *ret_layout, struct buf *table, struct buf *blocks, struct bole_err *err)
{
    struct map_writer w = {.pairs = pairs, .count = count, .l = {.group_count = group_count}};
    sort(pairs, count, 56);
    lay_out(&w, spare_bits);
    size_t i = 0;
    for (uint64_t block = 0; block < 1ull << w.l.block_bits; block++) {
        size_t from = i, start = blocks->len;
        while (i < count && key_of(&w, i) >> (w.key_bits - w.l.block_bits) == block)
            i++;
        put_block(&w, from, i, blocks);
        buf_put_u32(table, (uint32_t)blocks->len);
        if (!blocks->failed)
            buf_put_u32(table, crc32c(0, blocks->ptr + start, blocks->len - start));
        if (blocks->len > UINT32_MAX)
            return bole_fail(err, BOLE_E_LIMIT, "index: the token map is larger than 4 GB");
    }
    if (blocks->failed || table->failed)
        return bole_fail(err, BOLE_E_NOMEM, "index: no memory for the token map");
    *ret_layout = w.l;
    return BOLE_OK;
}
