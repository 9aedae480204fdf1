#include "store/index/token_index.h"

#include <assert.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"

#define FIRST_READ (16u << 10) /* holds the whole head of most segments */

static bole_status corrupt(struct bole_err *err, const char *what)
{
    return bole_fail(err, BOLE_E_CORRUPT, "index: %s", what);
}

static bole_status read_range(const struct token_source *s, uint64_t offset, size_t len, uint8_t *out, struct bole_err *err)
{
    if (s->bytes.ptr) {
        memcpy(out, s->bytes.ptr + offset, len);
        return BOLE_OK;
    }
    return s->read(s->ctx, offset, len, out, err);
}

/* ---- opening ---- */

/* Fixed fields and sizes; what they promise is checked against the size of head and section. */
static bole_status parse_fixed(struct token_index *x, const uint8_t *h, struct bole_err *err)
{
    if (memcmp(h + HEAD_MAGIC, TOKEN_MAGIC, 4) != 0)
        return corrupt(err, "not a token index");
    if (load_u16(h + HEAD_VERSION) != TOKEN_VERSION)
        return bole_fail(err, BOLE_E_UNSUPPORTED, "index: version %u, this program knows %u", load_u16(h + HEAD_VERSION),
                         TOKEN_VERSION);
    x->head_size = load_u32(h + HEAD_SIZE);
    x->group_count = load_u32(h + HEAD_GROUPS);
    x->text_count = load_u32(h + HEAD_TEXTS);
    x->key_count = load_u64(h + HEAD_KEYS);
    x->block_bits = h[HEAD_BLOCK_BITS];
    x->bucket_bits = h[HEAD_BUCKET_BITS];
    x->rest_bits = h[HEAD_REST_BITS];
    x->slot_bits = h[HEAD_SLOT_BITS];
    if (x->group_count < 1 || x->group_count > TOKEN_GROUPS_MAX || x->block_bits > TOKEN_BLOCK_BITS_MAX ||
        x->bucket_bits > TOKEN_BUCKET_BITS_MAX || x->rest_bits > TOKEN_KEY_BITS_MAX ||
        x->block_bits + x->bucket_bits + x->rest_bits < 1 || x->block_bits + x->bucket_bits + x->rest_bits > TOKEN_KEY_BITS_MAX ||
        x->slot_bits != 32u - (uint32_t)__builtin_clz(x->group_count + 1))
        return corrupt(err, "impossible sizes in the head");
    uint64_t blocks = (uint64_t)TOKEN_BLOCK_ENTRY << x->block_bits, texts = (uint64_t)TOKEN_TEXT_ENTRY * x->text_count;
    if (load_u64(h + HEAD_TOTAL) != x->size || x->head_size > x->size || x->head_size > TOKEN_HEAD_MAX ||
        HEAD_FIXED_SIZE + blocks + texts + load_u32(h + HEAD_STAMPS) != x->head_size)
        return corrupt(err, "parts of the head do not add up");
    return BOLE_OK;
}

/* Reads the head: in one read when it is short. */
static bole_status read_head(struct token_index *x, struct bole_err *err)
{
    size_t first = x->size < FIRST_READ ? (size_t)x->size : FIRST_READ;
    if (x->size < HEAD_FIXED_SIZE)
        return corrupt(err, "shorter than its head");
    if (x->source.bytes.ptr) {
        x->head = x->source.bytes.ptr;
        return parse_fixed(x, x->head, err);
    }
    x->head_copy = malloc(first);
    if (!x->head_copy)
        return bole_fail(err, BOLE_E_NOMEM, "index: no memory for its head");
    bole_status st = read_range(&x->source, 0, first, x->head_copy, err);
    if (st >= 0)
        st = parse_fixed(x, x->head_copy, err);
    if (st >= 0 && x->head_size > first) {
        uint8_t *longer = realloc(x->head_copy, x->head_size);
        if (!longer)
            return bole_fail(err, BOLE_E_NOMEM, "index: no memory for its head");
        x->head_copy = longer;
        st = read_range(&x->source, first, x->head_size - first, x->head_copy + first, err);
    }
    x->head = x->head_copy;
    return st;
}

static bole_status read_stamps(struct token_index *x, struct bole_err *err)
{
    uint32_t stored = load_u32(x->head + HEAD_STAMPS);
    size_t size = (size_t)x->group_count * STAMP_SIZE;
    x->stamps = malloc(size);
    if (!x->stamps)
        return bole_fail(err, BOLE_E_NOMEM, "index: no memory for its stamps");
    if (ZSTD_decompress(x->stamps, size, x->head + x->head_size - stored, stored) != size)
        return corrupt(err, "stamps do not decompress");
    for (uint32_t row = 0; row < UNIT_ROWS; row++)
        x->dense[row] = load_u64(x->head + HEAD_DENSE + 8 * row);
    return BOLE_OK; /* stored little endian, which is how a struct of u64 lies in memory: base/bytes.h */
}

/* Blocks and texts must lie end to end and fill the section. */
static bole_status check_tables(struct token_index *x, struct bole_err *err)
{
    const uint8_t *table = x->head + HEAD_FIXED_SIZE;
    uint32_t end = 0;
    for (uint64_t i = 0; i < 1ull << x->block_bits; i++) {
        uint32_t next = load_u32(table + TOKEN_BLOCK_ENTRY * i);
        if (next < end || next - end < 4)
            return corrupt(err, "the block table does not rise");
        end = next;
    }
    x->map_size = end;
    uint64_t offset = (uint64_t)x->head_size + end;
    for (uint32_t i = 0; i < x->text_count; i++) {
        struct text_block t = token_text_block(x, i, &offset);
        if (t.row >= UNIT_ROWS || t.raw_size > TOKEN_TEXT_RAW + TOKEN_TEXT_LEN_MAX + 1)
            return corrupt(err, "an impossible block of long tokens");
    }
    return offset == x->size ? BOLE_OK : corrupt(err, "its parts do not fill it");
}

bole_status token_index_open(const struct token_source *source, struct token_index **ret_index, struct bole_err *err)
{
    struct token_index *x = calloc(1, sizeof *x);
    if (!x)
        return bole_fail(err, BOLE_E_NOMEM, "index: no memory");
    x->source = *source;
    x->size = source->bytes.ptr ? source->bytes.len : source->size;
    bole_status st = read_head(x, err);
    if (st >= 0 && crc32c(0, x->head + HEAD_MAGIC, x->head_size - HEAD_MAGIC) != load_u32(x->head + HEAD_CRC))
        st = corrupt(err, "the head does not match its checksum");
    if (st >= 0) {
        x->has_compounds = load_u16(x->head + HEAD_FLAGS) & TOKEN_FLAG_COMPOUNDS;
        st = check_tables(x, err);
    }
    if (st >= 0)
        st = read_stamps(x, err);
    if (st >= 0) {
        *ret_index = x;
        x = NULL;
    }
    token_index_close(x);
    return st;
}

void token_index_close(struct token_index *x)
{
    if (!x)
        return;
    free(x->head_copy);
    free(x->stamps);
    free(x);
}

struct token_index_info token_index_info(const struct token_index *x)
{
    struct token_index_info info = {
        .group_count = x->group_count, .key_count = x->key_count, .head_size = x->head_size, .map_size = (size_t)x->map_size,
        .text_size = (size_t)(x->size - x->head_size - x->map_size), .total_size = (size_t)x->size,
    };
    for (uint32_t g = 0; g < x->group_count; g++)
        info.open_groups += (x->stamps[g].flags & STAMP_OPEN) != 0;
    return info;
}

/* ---- ranges ---- */

bole_status token_read(struct token_probe *p, uint64_t offset, uint32_t size, uint32_t crc, const uint8_t **ret_bytes,
                       struct bole_err *err)
{
    const struct token_source *s = &p->index->source;
    const uint8_t *bytes = s->bytes.ptr ? s->bytes.ptr + offset : NULL;
    if (!bytes) {
        buf_reset(&p->read);
        if (!buf_reserve(&p->read, size))
            return bole_fail(err, BOLE_E_NOMEM, "index: no memory for a block");
        bole_status st = s->read(s->ctx, offset, size, p->read.ptr, err);
        if (st < 0)
            return st;
        bytes = p->read.ptr;
    }
    if (crc32c(0, bytes, size) != crc)
        return bole_fail(err, BOLE_E_CORRUPT, "index: block at %llu does not match its checksum", (unsigned long long)offset);
    *ret_bytes = bytes;
    return BOLE_OK;
}

struct text_block token_text_block(const struct token_index *x, uint32_t i, uint64_t *offset)
{
    const uint8_t *e = x->head + HEAD_FIXED_SIZE + ((size_t)TOKEN_BLOCK_ENTRY << x->block_bits) + (size_t)TOKEN_TEXT_ENTRY * i;
    struct text_block t = {e[0], load_u16(e + 2), load_u32(e + 4), load_u32(e + 8), load_u32(e + 12), *offset};
    *offset += t.size;
    return t;
}

/* ---- the map ---- */

struct map_block {
    uint64_t   entries;
    bole_slice buckets, rests, slots, lists;
};

/* Up to 56 bits from bit `at` on; bits behind the end are zero. */
static uint64_t bits_at(bole_slice s, uint64_t at, uint32_t width)
{
    size_t byte = (size_t)(at / 8);
    uint64_t v = 0;
    if (byte + 8 <= s.len)
        v = load_u64(s.ptr + byte);
    else if (byte < s.len)
        memcpy(&v, s.ptr + byte, s.len - byte);
    return v >> at % 8 & ((1ull << width) - 1);
}

static bole_status parse_block(const struct token_index *x, bole_slice bytes, struct map_block *ret_block, struct bole_err *err)
{
    struct reader r = reader_of(bytes);
    struct map_block b = {.entries = reader_u32(&r)};
    b.buckets = reader_bytes(&r, (size_t)((b.entries + (1ull << x->bucket_bits) + 7) / 8));
    b.rests = reader_bytes(&r, (size_t)((b.entries * x->rest_bits + 7) / 8));
    b.slots = reader_bytes(&r, (size_t)((b.entries * x->slot_bits + 7) / 8));
    b.lists = reader_bytes(&r, reader_left(&r));
    if (r.failed)
        return corrupt(err, "a block ends before its entries");
    *ret_block = b;
    return BOLE_OK;
}

/* The entries of a bucket: [*ret_first, *ret_end). False: there is no such bucket. */
static bool find_bucket(const struct map_block *b, uint64_t bucket, uint64_t *ret_first, uint64_t *ret_end)
{
    uint64_t zeros = 0, start = 0, limit = b->buckets.len * 8;
    for (uint64_t at = 0; at < limit && zeros < bucket; at += 48) {
        uint64_t word = ~bits_at(b->buckets, at, 48) & ((1ull << 48) - 1), here = (uint64_t)__builtin_popcountll(word);
        if (zeros + here < bucket) {
            zeros += here;
            continue;
        }
        for (; zeros + 1 < bucket; zeros++)
            word &= word - 1;
        start = at + (uint64_t)__builtin_ctzll(word) + 1;
        zeros = bucket;
    }
    uint64_t end = start;
    while (end < limit && bits_at(b->buckets, end, 1))
        end++;
    *ret_first = start - bucket;
    *ret_end = end - bucket;
    return zeros == bucket && *ret_first <= *ret_end && *ret_end <= b->entries;
}

/* Counts ones, at most `max`, and passes the zero behind them. */
static bool read_ones(bole_slice s, uint64_t *at, uint32_t max, uint32_t *ret_count)
{
    uint32_t count = 0;
    uint64_t zeros;
    while (!(zeros = ~bits_at(s, *at + count, 48) & ((1ull << 48) - 1)) && count <= max)
        count += 48;
    count += zeros ? (uint32_t)__builtin_ctzll(zeros) : 0;
    *at += count + 1;
    *ret_count = count;
    return count <= max && *at <= s.len * 8;
}

/* Reads the list at *at; groups NULL: passes over it. */
static bool read_list(const struct token_index *x, bole_slice s, uint64_t *at, uint64_t *groups)
{
    uint32_t width, next = 0;
    if (!read_ones(s, at, 12, &width))
        return false;
    uint32_t count = (uint32_t)(1u << width | bits_at(s, *at, width)) + 1;
    *at += width;
    if (count > x->group_count)
        return false;
    uint32_t rice = list_rice_bits(x->group_count, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t high;
        if (!read_ones(s, at, x->group_count, &high))
            return false;
        uint32_t group = next + (high << rice | (uint32_t)bits_at(s, *at, rice));
        *at += rice;
        if (group >= x->group_count || *at > s.len * 8)
            return false;
        if (groups)
            groups[group / 64] |= 1ull << group % 64;
        next = group + 1;
    }
    return true;
}

static bole_status read_slot(const struct token_index *x, const struct map_block *b, uint64_t entry, uint64_t *groups,
                             struct bole_err *err)
{
    uint64_t slot = bits_at(b->slots, entry * x->slot_bits, x->slot_bits), at = 0;
    if (slot < x->group_count) {
        groups[slot / 64] |= 1ull << slot % 64;
    } else if (slot == x->group_count) {
        for (uint32_t g = 0; g < x->group_count; g++)
            groups[g / 64] |= 1ull << g % 64;
    } else if (slot == x->group_count + 1) {
        for (uint64_t e = 0; e <= entry; e++)
            if (bits_at(b->slots, e * x->slot_bits, x->slot_bits) == slot && !read_list(x, b->lists, &at, e == entry ? groups : NULL))
                return corrupt(err, "a list of row groups does not parse");
    } else {
        return corrupt(err, "an entry without row groups");
    }
    return BOLE_OK;
}

bole_status token_lookup(struct token_probe *p, uint64_t hash, uint64_t *groups, struct bole_err *err)
{
    const struct token_index *x = p->index;
    uint32_t key_bits = x->block_bits + x->bucket_bits + x->rest_bits;
    uint64_t key = hash >> (64 - key_bits), rest = key & ((1ull << x->rest_bits) - 1);
    uint64_t block = key >> (key_bits - x->block_bits), bucket = key >> x->rest_bits & ((1ull << x->bucket_bits) - 1);
    const uint8_t *table = x->head + HEAD_FIXED_SIZE + TOKEN_BLOCK_ENTRY * block, *bytes;
    uint32_t start = block ? load_u32(table - TOKEN_BLOCK_ENTRY) : 0, size = load_u32(table) - start;
    p->lookups++;
    bole_status st = token_read(p, (uint64_t)x->head_size + start, size, load_u32(table + 4), &bytes, err);
    if (st < 0)
        return st;
    struct map_block b;
    st = parse_block(x, bole_slice_from(bytes, size), &b, err);
    if (st < 0)
        return st;
    uint64_t first, end;
    if (!find_bucket(&b, bucket, &first, &end))
        return corrupt(err, "a block without all its buckets");
    for (uint64_t e = first; e < end && st >= 0; e++)
        if (bits_at(b.rests, e * x->rest_bits, x->rest_bits) == rest)
            st = read_slot(x, &b, e, groups, err);
    return st;
}
