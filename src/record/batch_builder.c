/*
 * The builder keeps each column of the body in an array of its own; sealing lays them end to end. Streams and keys are
 * found through small open-addressing tables of (hash, index) that are rebuilt when they grow.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/hash.h"
#include "record/batch_body.h"

struct heap { /* entries back to back, each known by its end */
    struct buf bytes;
    struct buf ends; /* u32 each */
};

struct index { /* of a heap's entries */
    uint32_t *slots; /* entry index + 1; 0: free */
    uint32_t  slot_count; /* a power of two, or 0 */
};

struct batch_builder {
    struct buf time, row_stream, field_end, field_key;
    struct heap lines, values, streams, keys;
    struct index stream_index, key_index;
    uint32_t rows, fields, stream_count, key_count;
    int64_t min_time_ns, max_time_ns;
    struct buf scratch; /* a stream's entry while it is looked up */
};

struct batch_builder *batch_builder_create(struct budget *budget)
{
    struct batch_builder *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    struct buf *const bufs[] = {&b->time, &b->row_stream, &b->field_end, &b->field_key, &b->lines.bytes, &b->lines.ends,
                                &b->values.bytes, &b->values.ends, &b->streams.bytes, &b->streams.ends, &b->keys.bytes,
                                &b->keys.ends, &b->scratch};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_init(bufs[i], budget);
    b->min_time_ns = INT64_MAX;
    b->max_time_ns = INT64_MIN;
    return b;
}

static void heap_deinit(struct heap *h)
{
    buf_deinit(&h->bytes);
    buf_deinit(&h->ends);
}

void batch_builder_destroy(struct batch_builder *b)
{
    if (!b)
        return;
    buf_deinit(&b->time);
    buf_deinit(&b->row_stream);
    buf_deinit(&b->field_end);
    buf_deinit(&b->field_key);
    heap_deinit(&b->lines);
    heap_deinit(&b->values);
    heap_deinit(&b->streams);
    heap_deinit(&b->keys);
    buf_deinit(&b->scratch);
    free(b->stream_index.slots);
    free(b->key_index.slots);
    free(b);
}

static uint32_t heap_end(const struct heap *h, uint32_t index)
{
    return load_u32(h->ends.ptr + 4 * (size_t)index);
}

static bole_slice heap_get(const struct heap *h, uint32_t index)
{
    uint32_t from = index ? heap_end(h, index - 1) : 0;
    return bole_slice_from(h->bytes.ptr + from, heap_end(h, index) - from);
}

/* Room for one more entry, so that the append cannot fail halfway through a record. */
static bool heap_reserve(struct heap *h, size_t len, size_t entries)
{
    return buf_reserve(&h->bytes, len) && buf_reserve(&h->ends, 4 * entries);
}

static void heap_append(struct heap *h, bole_slice s)
{
    buf_put(&h->bytes, s);
    buf_put_u32(&h->ends, (uint32_t)h->bytes.len);
}

static void index_insert(struct index *x, uint64_t hash, uint32_t entry)
{
    uint32_t mask = x->slot_count - 1, at = (uint32_t)hash & mask;
    while (x->slots[at])
        at = (at + 1) & mask;
    x->slots[at] = entry + 1;
}

/* Fits `count` entries of h plus one more at a load of at most a half. */
static bool index_fit(struct index *x, const struct heap *h, uint32_t count)
{
    uint32_t slot_count = x->slot_count ? x->slot_count : 16;
    while (slot_count < 2 * (count + 1))
        slot_count *= 2;
    if (slot_count == x->slot_count)
        return true;
    uint32_t *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return false;
    free(x->slots);
    x->slots = slots;
    x->slot_count = slot_count;
    for (uint32_t i = 0; i < count; i++)
        index_insert(x, hash64(heap_get(h, i)), i);
    return true;
}

static bool index_find(const struct index *x, const struct heap *h, bole_slice s, uint64_t hash, uint32_t *ret_entry)
{
    if (!x->slot_count)
        return false;
    uint32_t mask = x->slot_count - 1;
    for (uint32_t at = (uint32_t)hash & mask; x->slots[at]; at = (at + 1) & mask)
        if (bole_slice_eq(heap_get(h, x->slots[at] - 1), s)) {
            *ret_entry = x->slots[at] - 1;
            return true;
        }
    return false;
}

/* Finds s among the entries or adds it. */
static bool intern(struct index *x, struct heap *h, uint32_t *count, bole_slice s, uint32_t *ret_entry)
{
    uint64_t hash = hash64(s);
    if (index_find(x, h, s, hash, ret_entry))
        return true;
    if (!index_fit(x, h, *count) || !heap_reserve(h, s.len, 1))
        return false;
    heap_append(h, s);
    index_insert(x, hash, *count);
    *ret_entry = (*count)++;
    return true;
}

static bole_status no_memory(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_LIMIT, "no room for more records within the memory limit");
}

bole_status batch_builder_stream(struct batch_builder *b, bole_slice tenant, bole_slice labels, uint8_t flags,
                                 uint32_t *ret_stream, struct bole_err *err)
{
    assert(tenant_valid(tenant));
    if (batch_builder_size(b) + tenant.len + labels.len + 16 > BATCH_BODY_MAX)
        return BOLE_AGAIN;
    buf_reset(&b->scratch);
    buf_put_u8(&b->scratch, flags);
    buf_put_varint(&b->scratch, tenant.len);
    buf_put(&b->scratch, tenant);
    buf_put(&b->scratch, labels);
    if (b->scratch.failed ||
        !intern(&b->stream_index, &b->streams, &b->stream_count, buf_slice(&b->scratch), ret_stream))
        return no_memory(err);
    return BOLE_OK;
}

static bole_status check_limits(bole_slice line, const struct batch_field *fields, size_t field_count,
                                size_t *ret_fields_size, struct bole_err *err)
{
    if (line.len > RECORD_LINE_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "line of %zu bytes, the limit is %u", line.len, RECORD_LINE_MAX);
    if (field_count > RECORD_FIELDS_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "record has %zu fields, the limit is %u", field_count, RECORD_FIELDS_MAX);
    size_t size = 0;
    for (size_t i = 0; i < field_count; i++) {
        if (fields[i].key.len > RECORD_FIELDS_SIZE_MAX || fields[i].value.len > RECORD_FIELDS_SIZE_MAX)
            size = RECORD_FIELDS_SIZE_MAX;
        size += fields[i].key.len + fields[i].value.len;
    }
    if (size > RECORD_FIELDS_SIZE_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "fields of a record have more than %u bytes", RECORD_FIELDS_SIZE_MAX);
    *ret_fields_size = size;
    return BOLE_OK;
}

bole_status batch_builder_add(struct batch_builder *b, int64_t time_ns, uint32_t stream, bole_slice line,
                              const struct batch_field *fields, size_t field_count, struct bole_err *err)
{
    assert(stream < b->stream_count);
    size_t fields_size;
    bole_status st = check_limits(line, fields, field_count, &fields_size, err);
    if (st < 0)
        return st;
    /* 20 bytes of columns per row, 8 per field and, if its key is new, 4 more: an upper bound is enough here. */
    if (b->rows + 1 >= SEQ_ROWS_MAX ||
        batch_builder_size(b) + line.len + fields_size + 20 + 12 * field_count > BATCH_BODY_MAX)
        return BOLE_AGAIN;
    if (!buf_reserve(&b->time, 8) || !buf_reserve(&b->row_stream, 4) || !buf_reserve(&b->field_end, 4) ||
        !buf_reserve(&b->field_key, 4 * field_count) || !heap_reserve(&b->lines, line.len, 1) ||
        !heap_reserve(&b->values, fields_size, field_count))
        return no_memory(err);
    for (size_t i = 0; i < field_count; i++) {
        if (fields[i].value.len == 0)
            continue;
        uint32_t key;
        if (!intern(&b->key_index, &b->keys, &b->key_count, fields[i].key, &key)) {
            /* Values of this record's first fields go again; a key that nobody uses does no harm. */
            b->field_key.len = 4 * (size_t)b->fields;
            b->values.ends.len = 4 * (size_t)b->fields;
            b->values.bytes.len = b->fields ? heap_end(&b->values, b->fields - 1) : 0;
            return no_memory(err);
        }
        buf_put_u32(&b->field_key, key);
        heap_append(&b->values, fields[i].value);
    }
    b->fields = (uint32_t)(b->field_key.len / 4);
    buf_put_u64(&b->time, (uint64_t)time_ns);
    buf_put_u32(&b->row_stream, stream);
    buf_put_u32(&b->field_end, b->fields);
    heap_append(&b->lines, line);
    b->rows++;
    b->min_time_ns = time_ns < b->min_time_ns ? time_ns : b->min_time_ns;
    b->max_time_ns = time_ns > b->max_time_ns ? time_ns : b->max_time_ns;
    return BOLE_OK;
}

uint32_t batch_builder_rows(const struct batch_builder *b)
{
    return b->rows;
}

static struct batch_counts counts(const struct batch_builder *b)
{
    return (struct batch_counts){
        .streams = b->stream_count,
        .keys = b->key_count,
        .rows = b->rows,
        .fields = b->fields,
        .stream_heap = (uint32_t)b->streams.bytes.len,
        .key_heap = (uint32_t)b->keys.bytes.len,
        .value_heap = (uint32_t)b->values.bytes.len,
        .line_heap = (uint32_t)b->lines.bytes.len,
    };
}

size_t batch_builder_size(const struct batch_builder *b)
{
    struct batch_counts c = counts(b);
    return batch_body_size(&c);
}

struct batch_mark batch_builder_mark(const struct batch_builder *b)
{
    return (struct batch_mark){
        .rows = b->rows,
        .fields = b->fields,
        .lines = b->lines.bytes.len,
        .values = b->values.bytes.len,
        .min_time_ns = b->min_time_ns,
        .max_time_ns = b->max_time_ns,
    };
}

static void heap_truncate(struct heap *h, size_t bytes, uint32_t entries)
{
    h->bytes.len = bytes;
    h->ends.len = 4 * (size_t)entries;
    h->bytes.failed = h->ends.failed = false;
}

void batch_builder_rollback(struct batch_builder *b, const struct batch_mark *m)
{
    b->time.len = 8 * (size_t)m->rows;
    b->row_stream.len = b->field_end.len = 4 * (size_t)m->rows;
    b->field_key.len = 4 * (size_t)m->fields;
    b->time.failed = b->row_stream.failed = b->field_end.failed = b->field_key.failed = false;
    heap_truncate(&b->lines, m->lines, m->rows);
    heap_truncate(&b->values, m->values, m->fields);
    /* Streams and keys stay: they are found again, and an unused one costs a few bytes. Only an empty builder drops
     * them. */
    if (m->rows == 0) {
        heap_truncate(&b->streams, 0, 0);
        heap_truncate(&b->keys, 0, 0);
        b->stream_count = b->key_count = 0;
        if (b->stream_index.slots)
            memset(b->stream_index.slots, 0, b->stream_index.slot_count * sizeof *b->stream_index.slots);
        if (b->key_index.slots)
            memset(b->key_index.slots, 0, b->key_index.slot_count * sizeof *b->key_index.slots);
    }
    b->rows = m->rows;
    b->fields = m->fields;
    b->min_time_ns = m->min_time_ns;
    b->max_time_ns = m->max_time_ns;
}

static uint8_t *lay(uint8_t *at, const struct buf *b)
{
    if (b->len)
        memcpy(at, b->ptr, b->len);
    return at + b->len;
}

bole_status batch_builder_seal(struct batch_builder *b, int64_t received_ns, struct budget *budget,
                               struct batch **ret_batch, struct bole_err *err)
{
    if (b->rows == 0)
        return bole_fail(err, BOLE_E_INVALID, "a batch without records");
    struct batch_counts c = counts(b);
    struct batch proto = {
        .body_size = (uint32_t)batch_body_size(&c),
        .min_time_ns = b->min_time_ns,
        .max_time_ns = b->max_time_ns,
        .received_ns = received_ns,
    };
    assert(proto.body_size <= BATCH_BODY_MAX);
    proto.body = malloc(proto.body_size);
    if (!proto.body)
        return no_memory(err);
    const uint32_t head[] = {c.streams, c.keys, c.rows, c.fields, c.stream_heap, c.key_heap, c.value_heap, c.line_heap};
    for (size_t i = 0; i < 8; i++)
        store_u32(proto.body + 4 * i, head[i]);
    const struct buf *const parts[] = {&b->time,          &b->row_stream,  &b->lines.ends,   &b->field_end,
                                       &b->field_key,     &b->values.ends, &b->streams.ends, &b->keys.ends,
                                       &b->streams.bytes, &b->keys.bytes,  &b->values.bytes, &b->lines.bytes};
    uint8_t *at = proto.body + BATCH_BODY_COUNTS_SIZE;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        at = lay(at, parts[i]);
    assert(at == proto.body + proto.body_size);
    bole_status st = batch_from_body(&proto, false, budget, ret_batch, err);
    if (st < 0)
        return st;
    static const struct batch_mark empty = {.min_time_ns = INT64_MAX, .max_time_ns = INT64_MIN};
    batch_builder_rollback(b, &empty);
    return BOLE_OK;
}
