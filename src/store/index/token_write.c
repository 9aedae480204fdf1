/*
 * The map is written from sorted pairs: block by block, and within a block part by part, each in a pass of its own over
 * the pairs. Sorting is in place: hashes are spread evenly, so two rounds or three leave a few pairs to insertion.
 */
#include "store/index/token_write.h"

#include <assert.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/unset.h"

#define STAMP_LEVEL         3
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

enum { FEW = 32, BITS_MAX = 8, PART = 8 /* elements in each part, about */ };

/* American flag sort (McIlroy, Bostic, McIlroy 1993) by the low `bits_left` bits: counts, then swaps each element to the
 * part it belongs to. As many parts as there are elements for: to count and pass over empty ones costs as well. */
static void sort(uint64_t *p, size_t n, unsigned bits_left)
{
    if (n <= FEW) {
        sort_few(p, n);
        return;
    }
    if (!bits_left) /* they are all the same */
        return;
    unsigned bits = 63u - (unsigned)__builtin_clzll(n / PART), shift;
    bits = bits < BITS_MAX ? bits : BITS_MAX;
    bits = bits < bits_left ? bits : bits_left;
    shift = bits_left - bits;
    uint32_t parts = 1u << bits, mask = parts - 1;
    UNSET size_t next[1 << BITS_MAX], end[1 << BITS_MAX];
    size_t at = 0;
    memset(next, 0, parts * sizeof *next);
    for (size_t i = 0; i < n; i++)
        next[p[i] >> shift & mask]++;
    for (uint32_t d = 0; d < parts; d++) {
        size_t count = next[d];
        next[d] = at;
        end[d] = at += count;
    }
    for (uint32_t d = 0; d < parts; d++)
        while (next[d] < end[d]) {
            uint64_t v = p[next[d]];
            uint32_t to = v >> shift & mask;
            p[next[d]] = p[next[to]];
            p[next[to]++] = v;
        }
    for (uint32_t d = 0; d < parts; d++)
        sort(p + (d ? end[d - 1] : 0), end[d] - (d ? end[d - 1] : 0), shift);
}

void map_sort(uint64_t *pairs, size_t count) { sort(pairs, count, 64); }

/* ---- bits ---- */

struct bits {
    struct buf *out;
    uint64_t    pending;
    uint32_t    count; /* of pending, below 8 between calls */
};

static void bits_put(struct bits *b, uint64_t value, uint32_t width) /* width <= 56 */
{
    b->pending |= value << b->count;
    b->count += width;
    if (buf_reserve(b->out, sizeof b->pending)) {
        store_u64(b->out->ptr + b->out->len, b->pending); /* what is too much is written over */
        b->out->len += b->count / 8;
    }
    b->pending >>= b->count & ~7u;
    b->count &= 7;
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
    const uint64_t   *pairs;
    size_t            count;
    struct map_layout l;
    uint32_t          key_bits;
    uint32_t          group_count; /* of the key at hand */
    uint16_t          groups[TOKEN_GROUPS_MAX]; /* ascending */
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
        uint16_t group = w->pairs[i] & PAIR_GROUP_MASK;
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

/* The pairs [from, to) as one block; returns the number of its keys. */
static uint32_t put_block(struct map_writer *w, size_t from, size_t to, struct buf *out)
{
    const struct map_layout *l = &w->l;
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
    return entries;
}

static uint32_t log2_floor(uint64_t v) { return 63u - (uint32_t)__builtin_clzll(v | 1); }

uint64_t map_count_keys(const uint64_t *pairs, size_t count)
{
    uint64_t keys = 0;
    for (size_t i = 0; i < count; i++)
        keys += i == 0 || (pairs[i] ^ pairs[i - 1]) & ~PAIR_GROUP_MASK;
    return keys;
}

struct map_layout map_lay_out(uint64_t key_count, uint32_t group_count, uint64_t merge_keys, uint32_t key_bits_max)
{
    struct map_layout l = {.group_count = group_count, .slot_bits = log2_floor(group_count + 1) + 1};
    while (key_count >> l.block_bits > BLOCK_ENTRIES_MAX)
        l.block_bits++;
    l.bucket_bits = log2_floor(key_count) + 1 - l.block_bits; /* half an entry to one entry per bucket */
    assert(l.block_bits <= TOKEN_BLOCK_BITS_MAX && l.bucket_bits <= TOKEN_BUCKET_BITS_MAX);
    uint32_t bits = map_key_bits(&l);
    uint64_t most = merge_keys > key_count ? merge_keys : key_count;
    while (bits < TOKEN_KEY_BITS_MAX && most << FALSE_POSITIVE_BITS > 1ull << bits)
        bits++;
    if (bits > key_bits_max)
        bits = key_bits_max;
    if (bits < map_key_bits(&l)) /* sources of a merge with shorter keys */
        l.bucket_bits = bits - l.block_bits;
    l.rest_bits = bits - l.block_bits - l.bucket_bits;
    return l;
}

/* ---- sections ---- */

void token_section_init(struct token_section *s, struct budget *budget)
{
    *s = (struct token_section){0};
    buf_init(&s->table, budget);
    buf_init(&s->blocks, budget);
}

void token_section_deinit(struct token_section *s)
{
    buf_deinit(&s->table);
    buf_deinit(&s->blocks);
}

bole_status token_section_put_blocks(struct token_section *s, const uint64_t *pairs, size_t count, uint64_t first,
                                     uint64_t end, struct bole_err *err)
{
    struct map_writer w = {.pairs = pairs, .count = count, .l = s->layout, .key_bits = map_key_bits(&s->layout)};
    size_t i = 0;
    for (uint64_t block = first; block < end; block++) {
        size_t from = i, start = s->blocks.len;
        while (i < count && key_of(&w, i) >> (w.key_bits - w.l.block_bits) == block)
            i++;
        s->key_count += put_block(&w, from, i, &s->blocks);
        buf_put_u32(&s->table, (uint32_t)s->blocks.len);
        if (!s->blocks.failed)
            buf_put_u32(&s->table, crc32c(0, s->blocks.ptr + start, s->blocks.len - start));
        if (s->blocks.len > UINT32_MAX)
            return bole_fail(err, BOLE_E_LIMIT, "index: the token map is larger than 4 GB");
    }
    assert(i == count);
    s->pair_count += count;
    if (s->blocks.failed || s->table.failed)
        return bole_fail(err, BOLE_E_NOMEM, "index: no memory for the token map");
    return BOLE_OK;
}

static bool put_stamps(const struct token_stamp *stamps, uint32_t group_count, struct buf *out)
{
    size_t size = (size_t)group_count * STAMP_SIZE, bound = ZSTD_compressBound(size), stored = 0;
    uint8_t *raw = malloc(size);
    if (raw && buf_reserve(out, bound)) {
        for (uint32_t g = 0; g < group_count; g++)
            for (uint32_t i = 0; i < STAMP_WORDS; i++)
                store_u64(raw + ((size_t)g * STAMP_WORDS + i) * 8, stamps[g].words[i]);
        stored = ZSTD_compress(out->ptr + out->len, bound, raw, size, STAMP_LEVEL);
        if (ZSTD_isError(stored))
            stored = 0;
        out->len += stored;
    }
    free(raw);
    return stored > 0;
}

struct tail { struct buf text_table, texts, stamps; };

static size_t head_size(const struct token_section *s, const struct tail *t)
{
    return HEAD_FIXED_SIZE + s->table.len + t->text_table.len + t->stamps.len;
}

/* The head as it lies in front, with its checksum, then blocks and texts. */
static void put_section(const struct token_section *s, const struct tail *t, struct buf *out)
{
    size_t start = out->len, size = head_size(s, t);
    buf_put_u32(out, 0);
    buf_put(out, S(TOKEN_MAGIC));
    buf_put_u16(out, TOKEN_VERSION);
    buf_put_u16(out, s->compounds ? TOKEN_FLAG_COMPOUNDS : 0);
    buf_put_u32(out, (uint32_t)size);
    buf_put_u64(out, size + s->blocks.len + t->texts.len);
    buf_put_u32(out, s->layout.group_count);
    buf_put_u32(out, (uint32_t)(t->text_table.len / TOKEN_TEXT_ENTRY));
    buf_put_u64(out, s->key_count);
    buf_put_u8(out, (uint8_t)s->layout.block_bits);
    buf_put_u8(out, (uint8_t)s->layout.bucket_bits);
    buf_put_u8(out, (uint8_t)s->layout.rest_bits);
    buf_put_u8(out, (uint8_t)s->layout.slot_bits);
    buf_put_u32(out, (uint32_t)t->stamps.len);
    for (uint32_t row = 0; row < UNIT_ROWS; row++)
        buf_put_u64(out, s->texts->dense[row]);
    buf_put(out, buf_slice(&s->table));
    buf_put(out, buf_slice(&t->text_table));
    buf_put(out, buf_slice(&t->stamps));
    if (!out->failed)
        store_u32(out->ptr + start, crc32c(0, out->ptr + start + HEAD_MAGIC, size - HEAD_MAGIC));
    buf_put(out, buf_slice(&s->blocks));
    buf_put(out, buf_slice(&t->texts));
}

static struct token_index_info info_of(const struct token_section *s, const struct tail *t)
{
    struct token_index_info info = {
        .group_count = s->layout.group_count,
        .key_count = s->key_count,
        .pair_count = s->pair_count,
        .key_bits = map_key_bits(&s->layout),
        .head_size = head_size(s, t),
        .map_size = s->blocks.len,
        .text_size = t->texts.len,
    };
    info.total_size = info.head_size + info.map_size + info.text_size;
    for (uint32_t g = 0; g < info.group_count; g++)
        info.open_groups += s->stamps[g].flags & STAMP_OPEN;
    return info;
}

bole_status token_section_write(struct token_section *s, struct buf *out, struct token_index_info *ret_info,
                                struct bole_err *err)
{
    struct tail t;
    struct buf *parts[] = {&t.text_table, &t.texts, &t.stamps};
    for (size_t i = 0; i < 3; i++)
        buf_init(parts[i], s->blocks.budget);
    bole_status st = long_tokens_write(s->texts, &t.text_table, &t.texts, err);
    if (st >= 0 && put_stamps(s->stamps, s->layout.group_count, &t.stamps)) {
        put_section(s, &t, out);
        *ret_info = info_of(s, &t);
    }
    if (st >= 0 && (!t.stamps.len || out->failed))
        st = bole_fail(err, BOLE_E_NOMEM, "index: no memory for the section");
    for (size_t i = 0; i < 3; i++)
        buf_deinit(parts[i]);
    return st;
}
