/*
 * The sealed batch: layout, checks, encoding. The builder is in batch_builder.c.
 *
 * Encoded batch, little endian (docs/format/batch.md, version 1):
 *
 *   offset size
 *        0    4  "BOLB"
 *        4    1  version, 1
 *        5    1  codec of the payload: 0 plain, 1 LZ4 block, 2 zstd frame
 *        6    2  zero
 *        8    4  size of the body (the payload decompressed), at most BATCH_BODY_MAX
 *       12    4  size of the payload
 *       16    4  rows, 1 .. SEQ_ROWS_MAX; 0 with a producer only: the mark of a batch of which nothing is left
 *       20    4  version of the pipeline that made it, 0: none
 *       24    8  lowest time, ns since 1970 UTC
 *       32    8  highest time
 *       40    8  time of receipt
 *       48   16  producer, all zero: none
 *       64    8  the producer's sequence
 *       72    4  zero
 *       76    4  crc32c of bytes 0..75 and of the payload
 *       80    -  payload
 *
 * Body, every number 4 bytes unless said otherwise:
 *
 *   streams, keys, rows, fields, size of the stream heap, of the key heap, of the value heap, of the line heap
 *   time of each row (8 bytes each)
 *   stream of each row; end of its line in the line heap; end of its fields in the field columns
 *   key of each field; end of its value in the value heap
 *   end of each stream in the stream heap; end of each key in the key heap
 *   stream heap: for each stream 1 byte flags, varint length of the tenant, tenant, canonical label set
 *   key heap; value heap; line heap
 */
#include "record/batch.h"

#include <assert.h>
#include <lz4.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/hash.h"
#include "record/batch_body.h"

enum {
    HEADER_MAGIC = 0,
    HEADER_VERSION = 4,
    HEADER_CODEC = 5,
    HEADER_BODY_SIZE = 8,
    HEADER_PAYLOAD_SIZE = 12,
    HEADER_ROWS = 16,
    HEADER_PIPELINE = 20,
    HEADER_MIN_TIME = 24,
    HEADER_MAX_TIME = 32,
    HEADER_RECEIVED = 40,
    HEADER_PRODUCER = 48,
    HEADER_SEQUENCE = 64,
    HEADER_ZERO = 72,
    HEADER_CRC = 76,
};
_Static_assert(HEADER_CRC + sizeof(uint32_t) == BATCH_HEADER_SIZE, "batch header layout");

enum {
    VERSION = 1, ZSTD_LEVEL = 1,
    LZ4_ACCELERATION = 4, /* a fifth less CPU for an eighth more bytes in the log, which soon are of no use */
};

struct batch *batch_ref(struct batch *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

static size_t footprint(const struct batch *b)
{
    return sizeof *b + b->body_size + b->stream_count * sizeof *b->streams + b->key_count * sizeof *b->keys;
}

void batch_unref(struct batch *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    budget_give(b->budget, footprint(b));
    free(b->streams);
    free(b->keys);
    free(b->body);
    free(b);
}

/* ---- the body ---- */

size_t batch_body_size(const struct batch_counts *c)
{
    return BATCH_BODY_COUNTS_SIZE + (size_t)c->rows * (8 + 3 * 4) + (size_t)c->fields * 8 +
           ((size_t)c->streams + c->keys) * 4 + (size_t)c->stream_heap + c->key_heap + c->value_heap + c->line_heap;
}

/* Every end must lie between the one before it and the size of its heap; the last one at the heap's end. */
static bool ends_valid(const uint32_t *ends, uint32_t count, uint32_t heap_size)
{
    uint32_t previous = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (ends[i] < previous)
            return false;
        previous = ends[i];
    }
    return previous == heap_size;
}

static bool indexes_valid(const uint32_t *indexes, uint32_t count, uint32_t limit)
{
    uint32_t highest = 0;
    for (uint32_t i = 0; i < count; i++)
        highest = indexes[i] > highest ? indexes[i] : highest;
    return count == 0 || highest < limit;
}

static bool stream_parse(bole_slice entry, struct batch_stream *s)
{
    struct reader r = reader_of(entry);
    s->flags = reader_u8(&r);
    s->tenant = reader_bytes(&r, reader_varint(&r));
    s->labels = reader_bytes(&r, reader_left(&r));
    s->hash = hash64(bole_slice_sub(entry, 1));
    return !r.failed;
}

/* Points the columns of b into b->body. False when the sizes or, with `check`, the contents do not fit together. */
static bool body_attach(struct batch *b, bool check)
{
    struct reader r = reader_of(bole_slice_from(b->body, b->body_size));
    struct batch_counts c;
    c.streams = reader_u32(&r);
    c.keys = reader_u32(&r);
    c.rows = reader_u32(&r);
    c.fields = reader_u32(&r);
    c.stream_heap = reader_u32(&r);
    c.key_heap = reader_u32(&r);
    c.value_heap = reader_u32(&r);
    c.line_heap = reader_u32(&r);
    if (r.failed || batch_body_size(&c) != b->body_size || (c.rows == 0 && !batch_has_producer(b)))
        return false;
    b->row_count = c.rows;
    b->field_count = c.fields;
    b->time_ns = (const int64_t *)(const void *)r.next;
    b->row_stream = (const uint32_t *)(b->time_ns + c.rows);
    b->line_end = b->row_stream + c.rows;
    b->field_end = b->line_end + c.rows;
    b->field_key = b->field_end + c.rows;
    b->value_end = b->field_key + c.fields;
    const uint32_t *stream_end = b->value_end + c.fields, *key_end = stream_end + c.streams;
    const uint8_t *stream_heap = (const uint8_t *)(key_end + c.keys);
    const uint8_t *key_heap = stream_heap + c.stream_heap;
    b->values = key_heap + c.key_heap;
    b->lines = b->values + c.value_heap;
    if (check && !(ends_valid(stream_end, c.streams, c.stream_heap) && ends_valid(key_end, c.keys, c.key_heap) &&
                   ends_valid(b->line_end, c.rows, c.line_heap) && ends_valid(b->field_end, c.rows, c.fields) &&
                   ends_valid(b->value_end, c.fields, c.value_heap) &&
                   indexes_valid(b->row_stream, c.rows, c.streams) && indexes_valid(b->field_key, c.fields, c.keys)))
        return false;
    /* calloc(0) may give NULL: one more costs nothing. */
    b->streams = calloc(c.streams + 1u, sizeof *b->streams);
    b->keys = calloc(c.keys + 1u, sizeof *b->keys);
    if (!b->streams || !b->keys)
        return false;
    b->stream_count = c.streams;
    b->key_count = c.keys;
    for (uint32_t i = 0; i < c.streams; i++) {
        uint32_t from = i ? stream_end[i - 1] : 0;
        if (stream_end[i] == from ||
            !stream_parse(bole_slice_from(stream_heap + from, stream_end[i] - from), &b->streams[i]))
            return false;
        if (check && !(tenant_valid(b->streams[i].tenant) && labels_valid(b->streams[i].labels)))
            return false;
    }
    for (uint32_t i = 0; i < c.keys; i++) {
        uint32_t from = i ? key_end[i - 1] : 0;
        b->keys[i] = bole_slice_from(key_heap + from, key_end[i] - from);
    }
    return true;
}

static bool times_valid(const struct batch *b)
{
    int64_t lowest = INT64_MAX, highest = INT64_MIN;
    for (uint32_t i = 0; i < b->row_count; i++) {
        lowest = b->time_ns[i] < lowest ? b->time_ns[i] : lowest;
        highest = b->time_ns[i] > highest ? b->time_ns[i] : highest;
    }
    return lowest == b->min_time_ns && highest == b->max_time_ns;
}

bole_status batch_from_body(struct batch *proto, bool check, struct budget *budget, struct batch **ret_batch,
                            struct bole_err *err)
{
    struct batch *b = malloc(sizeof *b);
    if (!b) {
        free(proto->body);
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a batch");
    }
    *b = *proto;
    atomic_init(&b->refs, 1);
    b->budget = NULL;
    b->streams = NULL;
    b->keys = NULL;
    bole_status st = BOLE_OK;
    if (!body_attach(b, check) || (check && !times_valid(b)))
        st = bole_fail(err, BOLE_E_CORRUPT, "batch: the columns do not fit together");
    else if (!budget_take(budget, footprint(b)))
        st = bole_fail(err, BOLE_E_LIMIT, "no room for a batch of %u bytes within the memory limit", b->body_size);
    if (st < 0) {
        batch_unref(b);
        return st;
    }
    b->budget = budget;
    *ret_batch = b;
    return BOLE_OK;
}

bole_status batch_create_mark(const uint8_t producer[BATCH_PRODUCER_SIZE], uint64_t sequence, int64_t received_ns,
                              struct budget *budget, struct batch **ret_batch, struct bole_err *err)
{
    struct batch proto = {.body = calloc(1, BATCH_BODY_COUNTS_SIZE), .body_size = BATCH_BODY_COUNTS_SIZE,
                          .min_time_ns = INT64_MAX, .max_time_ns = INT64_MIN, .received_ns = received_ns,
                          .producer_sequence = sequence};
    _Static_assert(BATCH_MARK_SIZE == BATCH_BODY_COUNTS_SIZE, "a mark is the counts alone");
    memcpy(proto.producer, producer, sizeof proto.producer);
    assert(batch_has_producer(&proto));
    if (!proto.body)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a batch");
    return batch_from_body(&proto, false, budget, ret_batch, err);
}

/* ---- the encoded form ---- */

/* Compresses into dst; 0 when it does not get smaller. */
static size_t compress(enum batch_codec codec, const uint8_t *body, size_t size, uint8_t *dst)
{
    if (codec == BATCH_LZ4) {
        int n = LZ4_compress_fast((const char *)body, (char *)dst, (int)size, (int)size - 1, LZ4_ACCELERATION);
        return n > 0 ? (size_t)n : 0;
    }
    if (codec == BATCH_ZSTD) {
        size_t n = ZSTD_compress(dst, size - 1, body, size, ZSTD_LEVEL);
        return ZSTD_isError(n) ? 0 : n;
    }
    return 0;
}

bole_status batch_encode(const struct batch *b, enum batch_codec codec, struct buf *out, struct bole_err *err)
{
    if (!buf_reserve(out, BATCH_HEADER_SIZE + (size_t)b->body_size))
        return bole_fail(err, BOLE_E_NOMEM, "no memory to encode a batch");
    uint8_t *header = out->ptr + out->len, *payload = header + BATCH_HEADER_SIZE;
    size_t payload_size = compress(codec, b->body, b->body_size, payload);
    if (payload_size == 0) {
        codec = BATCH_PLAIN;
        payload_size = b->body_size;
        memcpy(payload, b->body, payload_size);
    }
    memcpy(header + HEADER_MAGIC, "BOLB", 4);
    header[HEADER_VERSION] = VERSION;
    header[HEADER_CODEC] = (uint8_t)codec;
    store_u16(header + HEADER_CODEC + 1, 0);
    store_u32(header + HEADER_BODY_SIZE, b->body_size);
    store_u32(header + HEADER_PAYLOAD_SIZE, (uint32_t)payload_size);
    store_u32(header + HEADER_ROWS, b->row_count);
    store_u32(header + HEADER_PIPELINE, b->pipeline_version);
    store_u64(header + HEADER_MIN_TIME, (uint64_t)b->min_time_ns);
    store_u64(header + HEADER_MAX_TIME, (uint64_t)b->max_time_ns);
    store_u64(header + HEADER_RECEIVED, (uint64_t)b->received_ns);
    memcpy(header + HEADER_PRODUCER, b->producer, sizeof b->producer);
    store_u64(header + HEADER_SEQUENCE, b->producer_sequence);
    store_u32(header + HEADER_ZERO, 0);
    store_u32(header + HEADER_CRC, crc32c(crc32c(0, header, HEADER_CRC), payload, payload_size));
    out->len += BATCH_HEADER_SIZE + payload_size;
    return BOLE_OK;
}

struct batch_stamp batch_stamp_of(bole_slice encoded)
{
    struct batch_stamp s = {.sequence = load_u64(encoded.ptr + HEADER_SEQUENCE),
                            .row_count = load_u32(encoded.ptr + HEADER_ROWS)};
    memcpy(s.producer, encoded.ptr + HEADER_PRODUCER, sizeof s.producer);
    return s;
}

void batch_restamp(uint8_t *encoded, size_t size, const uint8_t producer[BATCH_PRODUCER_SIZE], uint64_t sequence)
{
    memcpy(encoded + HEADER_PRODUCER, producer, BATCH_PRODUCER_SIZE);
    store_u64(encoded + HEADER_SEQUENCE, sequence);
    store_u32(encoded + HEADER_CRC,
              crc32c(crc32c(0, encoded, HEADER_CRC), encoded + BATCH_HEADER_SIZE, size - BATCH_HEADER_SIZE));
}

static bool decompress(enum batch_codec codec, bole_slice payload, uint8_t *body, size_t size)
{
    switch (codec) {
    case BATCH_PLAIN:
        if (payload.len != size)
            return false;
        memcpy(body, payload.ptr, size);
        return true;
    case BATCH_LZ4:
        return LZ4_decompress_safe((const char *)payload.ptr, (char *)body, (int)payload.len, (int)size) == (int)size;
    case BATCH_ZSTD: return ZSTD_decompress(body, size, payload.ptr, payload.len) == size;
    }
    return false;
}

bole_status batch_decode(bole_slice encoded, struct budget *budget, struct batch **ret_batch, size_t *ret_size,
                         struct bole_err *err)
{
    if (encoded.len < BATCH_HEADER_SIZE || memcmp(encoded.ptr, "BOLB", 4) != 0)
        return bole_fail(err, BOLE_E_CORRUPT, "batch: no batch header");
    const uint8_t *h = encoded.ptr;
    if (h[HEADER_VERSION] != VERSION)
        return bole_fail(err, BOLE_E_UNSUPPORTED,
                         "batch: format version %u is newer than this program (%u): upgrade Bole", h[HEADER_VERSION],
                         VERSION);
    struct batch proto = {
        .body_size = load_u32(h + HEADER_BODY_SIZE),
        .pipeline_version = load_u32(h + HEADER_PIPELINE),
        .min_time_ns = load_i64(h + HEADER_MIN_TIME),
        .max_time_ns = load_i64(h + HEADER_MAX_TIME),
        .received_ns = load_i64(h + HEADER_RECEIVED),
        .producer_sequence = load_u64(h + HEADER_SEQUENCE),
    };
    memcpy(proto.producer, h + HEADER_PRODUCER, sizeof proto.producer);
    uint32_t payload_size = load_u32(h + HEADER_PAYLOAD_SIZE), rows = load_u32(h + HEADER_ROWS);
    if (proto.body_size < BATCH_BODY_COUNTS_SIZE || proto.body_size > BATCH_BODY_MAX || rows > SEQ_ROWS_MAX ||
        payload_size > encoded.len - BATCH_HEADER_SIZE)
        return bole_fail(err, BOLE_E_CORRUPT, "batch: sizes in the header are out of range");
    bole_slice payload = {h + BATCH_HEADER_SIZE, payload_size};
    if (crc32c(crc32c(0, h, HEADER_CRC), payload.ptr, payload.len) != load_u32(h + HEADER_CRC))
        return bole_fail(err, BOLE_E_CORRUPT, "batch: checksum does not match");
    proto.body = malloc(proto.body_size);
    if (!proto.body)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a batch");
    if (!decompress((enum batch_codec)h[HEADER_CODEC], payload, proto.body, proto.body_size)) {
        free(proto.body);
        return bole_fail(err, BOLE_E_CORRUPT, "batch: the payload does not decompress");
    }
    struct batch *b;
    bole_status st = batch_from_body(&proto, true, budget, &b, err);
    if (st < 0)
        return st;
    if (b->row_count != rows) {
        batch_unref(b);
        return bole_fail(err, BOLE_E_CORRUPT, "batch: header and body differ in rows");
    }
    *ret_batch = b;
    *ret_size = BATCH_HEADER_SIZE + payload_size;
    return BOLE_OK;
}
