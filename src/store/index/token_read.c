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

static bole_status read_range(const struct token_source *s, uint64_t offset, size_t len, uint8_t *out,
                              struct bole_err *err)
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
        return bole_fail(err, BOLE_E_UNSUPPORTED, "index: version %u, this program knows %u",
                         load_u16(h + HEAD_VERSION), TOKEN_VERSION);
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
        x->block_bits + x->bucket_bits + x->rest_bits < 1 ||
        x->block_bits + x->bucket_bits + x->rest_bits > TOKEN_KEY_BITS_MAX ||
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
    uint8_t *raw = malloc(size);
    bole_status st = BOLE_OK;
    x->stamps = malloc(size);
    if (!x->stamps || !raw)
        st = bole_fail(err, BOLE_E_NOMEM, "index: no memory for its stamps");
    else if (ZSTD_decompress(raw, size, x->head + x->head_size - stored, stored) != size)
        st = corrupt(err, "stamps do not decompress");
    for (uint32_t g = 0; st >= 0 && g < x->group_count; g++)
        for (uint32_t i = 0; i < STAMP_WORDS; i++)
            x->stamps[g].words[i] = load_u64(raw + ((size_t)g * STAMP_WORDS + i) * 8);
    for (uint32_t row = 0; row < UNIT_ROWS; row++)
        x->dense[row] = load_u64(x->head + HEAD_DENSE + 8 * row);
    free(raw);
    return st;
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
        if (t.row >= UNIT_ROWS || t.raw_size > TOKEN_TEXT_RAW_MAX)
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
        .group_count = x->group_count,
        .key_count = x->key_count,
        .key_bits = x->block_bits + x->bucket_bits + x->rest_bits,
        .head_size = x->head_size,
        .map_size = (size_t)x->map_size,
        .text_size = (size_t)(x->size - x->head_size - x->map_size),
        .total_size = (size_t)x->size,
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
        return bole_fail(err, BOLE_E_CORRUPT, "index: block at %llu does not match its checksum",
                         (unsigned long long)offset);
    *ret_bytes = bytes;
    return BOLE_OK;
}

struct text_block token_text_block(const struct token_index *x, uint32_t i, uint64_t *offset)
{
    const uint8_t *e =
        x->head + HEAD_FIXED_SIZE + ((size_t)TOKEN_BLOCK_ENTRY << x->block_bits) + (size_t)TOKEN_TEXT_ENTRY * i;
    struct text_block t = {e[0], load_u16(e + 2), load_u32(e + 4), load_u32(e + 8), load_u32(e + 12), *offset};
    *offset += t.size;
    return t;
}

bole_status token_text_load(struct token_probe *p, const struct text_block *b, void *z, uint8_t *raw,
                            struct bole_err *err)
{
    const uint8_t *bytes;
    bole_status st = token_read(p, b->offset, b->size, b->crc, &bytes, err);
    if (st >= 0 && ZSTD_decompressDCtx(z, raw, b->raw_size, bytes, b->size) != b->raw_size)
        st = corrupt(err, "a block of long tokens does not decompress");
    return st;
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

static bole_status parse_block(const struct token_index *x, bole_slice bytes, struct map_block *ret_block,
                               struct bole_err *err)
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

/* Sets the row groups of an entry. *lists: where its list begins, if it has one; moves on. */
static bole_status read_slot(const struct token_index *x, const struct map_block *b, uint64_t entry, uint64_t *lists,
                             uint64_t *groups, struct bole_err *err)
{
    uint64_t slot = bits_at(b->slots, entry * x->slot_bits, x->slot_bits);
    if (slot > x->group_count + 1)
        return corrupt(err, "an entry without row groups");
    if (slot == x->group_count + 1)
        return read_list(x, b->lists, lists, groups) ? BOLE_OK : corrupt(err, "a list of row groups does not parse");
    for (uint64_t g = slot < x->group_count ? slot : 0, end = slot < x->group_count ? slot + 1 : slot; g < end; g++)
        groups[g / 64] |= 1ull << g % 64;
    return BOLE_OK;
}

/* Where the list of an entry begins: behind those of the entries before it. False: they do not parse. */
static bool find_list(const struct token_index *x, const struct map_block *b, uint64_t entry, uint64_t *ret_at)
{
    *ret_at = 0;
    if (bits_at(b->slots, entry * x->slot_bits, x->slot_bits) != x->group_count + 1)
        return true;
    for (uint64_t e = 0; e < entry; e++)
        if (bits_at(b->slots, e * x->slot_bits, x->slot_bits) == x->group_count + 1 &&
            !read_list(x, b->lists, ret_at, NULL))
            return false;
    return true;
}

static bole_status load_block(struct token_probe *p, uint64_t block, struct map_block *ret_block, struct bole_err *err)
{
    const struct token_index *x = p->index;
    const uint8_t *table = x->head + HEAD_FIXED_SIZE + TOKEN_BLOCK_ENTRY * block, *bytes;
    uint32_t start = block ? load_u32(table - TOKEN_BLOCK_ENTRY) : 0, size = load_u32(table) - start;
    bole_status st = token_read(p, (uint64_t)x->head_size + start, size, load_u32(table + 4), &bytes, err);
    return st < 0 ? st : parse_block(x, bole_slice_from(bytes, size), ret_block, err);
}

bole_status token_lookup(struct token_probe *p, uint64_t hash, uint64_t *groups, struct bole_err *err)
{
    const struct token_index *x = p->index;
    uint32_t key_bits = x->block_bits + x->bucket_bits + x->rest_bits;
    uint64_t key = hash >> (64 - key_bits), rest = key & ((1ull << x->rest_bits) - 1), first = 0, end = 0, lists;
    struct map_block b;
    p->lookups++;
    bole_status st = load_block(p, key >> (key_bits - x->block_bits), &b, err);
    if (st >= 0 && !find_bucket(&b, key >> x->rest_bits & ((1ull << x->bucket_bits) - 1), &first, &end))
        st = corrupt(err, "a block without all its buckets");
    for (uint64_t e = first; st >= 0 && e < end; e++) {
        if (bits_at(b.rests, e * x->rest_bits, x->rest_bits) != rest)
            continue;
        st =
            find_list(x, &b, e, &lists) ? read_slot(x, &b, e, &lists, groups, err) : corrupt(err, "lists do not parse");
    }
    return st;
}

bole_status token_block_each(struct token_probe *p, uint64_t block,
                             void (*fn)(void *ctx, uint64_t key, const uint64_t *groups), void *ctx,
                             struct bole_err *err)
{
    const struct token_index *x = p->index;
    uint64_t entry = 0, lists = 0, bucket = 0, groups[TOKEN_GROUP_WORDS];
    struct map_block b;
    bole_status st = load_block(p, block, &b, err);
    for (uint64_t at = 0; st >= 0 && entry < b.entries && at < b.buckets.len * 8; at++) {
        if (!bits_at(b.buckets, at, 1)) {
            bucket++;
            continue;
        }
        memset(groups, 0, (x->group_count + 63) / 64 * sizeof *groups);
        st = read_slot(x, &b, entry, &lists, groups, err);
        if (st >= 0)
            fn(ctx,
               (block << x->bucket_bits | bucket) << x->rest_bits |
                   bits_at(b.rests, entry * x->rest_bits, x->rest_bits),
               groups);
        entry++;
    }
    if (st >= 0 && (entry < b.entries || bucket >> x->bucket_bits))
        st = corrupt(err, "a block without all its buckets");
    return st;
}
