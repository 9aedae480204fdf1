#include "store/index/long_tokens.h"

#include <assert.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/random.h"

#define BYTES_MAX  (8u << 20)
#define ZSTD_LEVEL 6

enum { ENTRY_ROW = 0, ENTRY_BUCKET = 1, ENTRY_LEN = 2, ENTRY_HEAD = 4 };

void long_tokens_init(struct long_tokens *l, uint32_t text_max, struct budget *budget)
{
    *l = (struct long_tokens){.seen = {.multiplier = random_next(&random_system) | 1, .budget = budget}};
    l->text_max = text_max;
    l->secret = random_next(&random_system);
    buf_init(&l->bytes, budget);
}

void long_tokens_deinit(struct long_tokens *l)
{
    buf_deinit(&l->bytes);
    hash_set_deinit(&l->seen);
}

void long_tokens_reset(struct long_tokens *l)
{
    buf_reset(&l->bytes);
    hash_set_reset(&l->seen);
    memset(l->size, 0, sizeof l->size);
    memset(l->dense, 0, sizeof l->dense);
}

/* False: there is no room for this text. */
static bool keep(struct long_tokens *l, uint32_t row, uint32_t bucket, bole_slice text, uint32_t group)
{
    uint64_t limit = (uint64_t)l->text_max * (unit_is_id(row) ? 1 : 2) * (1 + group / 8);
    uint32_t size = (uint32_t)text.len + ENTRY_HEAD;
    if (text.len > TOKEN_TEXT_LEN_MAX)
        return false;
    enum hash_set_result seen = hash_set_add(&l->seen, hash64_seed(text, l->secret + row));
    if (seen != HASH_SET_NEW)
        return seen == HASH_SET_THERE;
    if (l->size[row][bucket] + size > limit || l->bytes.len + size > BYTES_MAX || !buf_reserve(&l->bytes, size))
        return false;
    l->size[row][bucket] += size;
    buf_put_u8(&l->bytes, (uint8_t)row);
    buf_put_u8(&l->bytes, (uint8_t)bucket);
    buf_put_u16(&l->bytes, (uint16_t)text.len);
    buf_put(&l->bytes, text);
    return true;
}

enum long_kept long_tokens_add(struct long_tokens *l, uint32_t row, bole_slice text, uint32_t group)
{
    uint32_t bucket = shape_bucket(text.len);
    assert(text.len >= TOKEN_TEXT_LEN_MIN);
    if (l->dense[row] >> bucket & 1)
        return LONG_IS_DENSE;
    if (keep(l, row, bucket, text, group))
        return LONG_HAS_TEXT;
    l->bytes.failed = false; /* no room for this one says nothing about the next */
    l->dense[row] |= 1ull << bucket;
    return LONG_BECAME_DENSE;
}

/* ---- entries ---- */

static bole_slice entry_text(const uint8_t *entry)
{
    return (bole_slice){entry + ENTRY_HEAD, load_u16(entry + ENTRY_LEN)};
}

static uint8_t *next_entry(const struct long_tokens *l, size_t *at)
{
    uint8_t *entry = l->bytes.ptr + *at;
    if (*at == l->bytes.len)
        return NULL;
    *at += ENTRY_HEAD + entry_text(entry).len;
    return entry;
}

void long_tokens_each(const struct long_tokens *l, uint32_t row, uint32_t bucket,
                      void (*fn)(void *ctx, bole_slice text), void *ctx)
{
    size_t at = 0;
    for (const uint8_t *entry; (entry = next_entry(l, &at)) != NULL;)
        if (entry[ENTRY_ROW] == row && entry[ENTRY_BUCKET] == bucket)
            fn(ctx, entry_text(entry));
}

/* ---- writing ---- */

static int compare(const void *a, const void *b)
{
    const uint8_t *x = *(const uint8_t *const *)a, *y = *(const uint8_t *const *)b;
    return x[ENTRY_ROW] != y[ENTRY_ROW] ? x[ENTRY_ROW] - y[ENTRY_ROW] : bole_slice_cmp(entry_text(x), entry_text(y));
}

/* Lower-cases and sorts the entries whose shape is not dense, each text once per row. */
static size_t gather(struct long_tokens *l, const uint8_t **ret_entries)
{
    size_t count = 0, kept = 0, at = 0;
    for (uint8_t *entry; (entry = next_entry(l, &at)) != NULL;) {
        if (l->dense[entry[ENTRY_ROW]] >> entry[ENTRY_BUCKET] & 1)
            continue;
        for (uint8_t *p = entry + ENTRY_HEAD; p < l->bytes.ptr + at; p++)
            *p |= (uint8_t)((uint8_t)(*p - 'A') < 26) << 5;
        ret_entries[count++] = entry;
    }
    qsort(ret_entries, count, sizeof *ret_entries, compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || compare(&ret_entries[kept - 1], &ret_entries[i]) != 0)
            ret_entries[kept++] = ret_entries[i];
    return kept;
}

static bool put_block(ZSTD_CCtx *z, uint8_t row, size_t longest, bole_slice raw, struct buf *table, struct buf *blocks)
{
    size_t bound = ZSTD_compressBound(raw.len);
    if (!buf_reserve(blocks, bound))
        return false;
    size_t size = ZSTD_compressCCtx(z, blocks->ptr + blocks->len, bound, raw.ptr, raw.len, ZSTD_LEVEL);
    if (ZSTD_isError(size))
        return false;
    buf_put_u8(table, row);
    buf_put_u8(table, 0);
    buf_put_u16(table, (uint16_t)longest);
    buf_put_u32(table, (uint32_t)size);
    buf_put_u32(table, (uint32_t)raw.len);
    buf_put_u32(table, crc32c(0, blocks->ptr + blocks->len, size));
    blocks->len += size;
    return !table->failed;
}

static bool put_blocks(ZSTD_CCtx *z, const uint8_t **entries, size_t count, struct buf *raw, struct buf *table,
                       struct buf *blocks)
{
    for (size_t i = 0, next; i < count; i = next) {
        uint8_t row = entries[i][ENTRY_ROW];
        size_t longest = 0;
        buf_reset(raw);
        for (next = i; next < count && entries[next][ENTRY_ROW] == row && raw->len < TOKEN_TEXT_RAW; next++) {
            bole_slice text = entry_text(entries[next]);
            buf_put(raw, text);
            buf_put_u8(raw, '\n');
            longest = text.len > longest ? text.len : longest;
        }
        if (raw->failed || !put_block(z, row, longest, buf_slice(raw), table, blocks))
            return false;
    }
    return true;
}

bole_status long_tokens_write(struct long_tokens *l, struct buf *table, struct buf *blocks, struct bole_err *err)
{
    struct buf raw;
    buf_init(&raw, l->bytes.budget);
    const uint8_t **entries = malloc((l->bytes.len / (ENTRY_HEAD + TOKEN_TEXT_LEN_MIN) + 1) * sizeof *entries);
    ZSTD_CCtx *z = ZSTD_createCCtx();
    bool ok = entries && z && put_blocks(z, entries, gather(l, entries), &raw, table, blocks);
    ZSTD_freeCCtx(z);
    free(entries);
    buf_deinit(&raw);
    return ok ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "index: no memory for the text of long tokens");
}
