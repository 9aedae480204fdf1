/*
 * batch.h - what flows: records as columns, in memory and in the one encoded form (docs/format/batch.md).
 *
 * A builder takes records one by one and seals them into an immutable batch. The body of a sealed batch *is* the
 * encoded body before compression: encoding adds a header and a checksum, decoding checks it and sets pointers. So what
 * is in the write-ahead log, in the head that is searched, and on the wire between nodes are the same bytes.
 *
 * Units:   times are ns since 1970 UTC; sizes are bytes.
 * Owner:   builders belong to their creator; batches are counted: batch_ref, batch_unref.
 * Threads: a builder one at a time; a batch any number of readers.
 */
#ifndef RECORD_BATCH_H
#define RECORD_BATCH_H

#include <stdatomic.h>
#include <string.h>

#include "base/buf.h"
#include "record/labels.h"
#include "record/record.h"

#define BATCH_HEADER_SIZE 80u
#define BATCH_PRODUCER_SIZE 16u
/* so that an encoded batch is at most 1 MiB, even stored plain */
#define BATCH_BODY_MAX    (1024u * 1024 - BATCH_HEADER_SIZE)
#define BATCH_MARK_SIZE   32u /* body of a batch without records */
#define BATCH_BODY_TARGET (512u * 1024) /* a builder this full is better sealed */

enum batch_codec { BATCH_PLAIN = 0, BATCH_LZ4 = 1, BATCH_ZSTD = 2 };

enum batch_stream_flags {
    /* came through a door where an identical (time, line, fields) is the same record: Loki's rule */
    BATCH_STREAM_COLLAPSE = 1,
};

/* ---- sealed ---- */

struct batch_stream {
    bole_slice tenant;
    bole_slice labels; /* canonical: record/labels.h */
    uint64_t   hash;   /* hash64 of tenant and labels together */
    uint8_t    flags;
};

struct batch_field {
    bole_slice key;
    bole_slice value;
};

struct batch {
    atomic_uint   refs;
    struct budget *budget;     /* gets the bytes back with the last reference; or NULL */
    uint8_t      *body;
    uint32_t      body_size;
    uint32_t      row_count, field_count, stream_count, key_count;
    uint32_t      pipeline_version;
    int64_t       min_time_ns, max_time_ns;
    int64_t       received_ns;
    uint8_t       producer[BATCH_PRODUCER_SIZE]; /* all zero: none */
    uint64_t      producer_sequence;

    const int64_t  *time_ns;    /* [row_count] */
    const uint32_t *row_stream; /* [row_count] index into streams */
    const uint32_t *line_end;   /* [row_count] cumulative */
    const uint32_t *field_end;  /* [row_count] cumulative index into the field columns */
    const uint32_t *field_key;  /* [field_count] index into keys */
    const uint32_t *value_end;  /* [field_count] cumulative */
    const uint8_t  *lines, *values;
    struct batch_stream *streams; /* [stream_count] */
    bole_slice          *keys;    /* [key_count] */
};

static inline bole_slice batch_line(const struct batch *b, uint32_t row)
{
    uint32_t from = row ? b->line_end[row - 1] : 0;
    return (bole_slice){b->lines + from, b->line_end[row] - from};
}

static inline uint32_t batch_field_first(const struct batch *b, uint32_t row)
{
    return row ? b->field_end[row - 1] : 0;
}

static inline struct batch_field batch_field(const struct batch *b, uint32_t index)
{
    uint32_t from = index ? b->value_end[index - 1] : 0;
    return (struct batch_field){b->keys[b->field_key[index]], {b->values + from, b->value_end[index] - from}};
}

static inline bool batch_has_producer(const struct batch *b)
{
    static const uint8_t none[BATCH_PRODUCER_SIZE];
    return memcmp(b->producer, none, sizeof none) != 0;
}

/* A batch without records, which says no more than that the producer has come so far: all that it sent was dropped. */
bole_status batch_create_mark(const uint8_t producer[BATCH_PRODUCER_SIZE], uint64_t sequence, int64_t received_ns,
                              struct budget *budget, struct batch **ret_batch, struct bole_err *err);

struct batch *batch_ref(struct batch *b);
void batch_unref(struct batch *b); /* NULL is fine */

/* Appends header and body to out, compressed with `codec` where that makes it smaller. */
bole_status batch_encode(const struct batch *b, enum batch_codec codec, struct buf *out, struct bole_err *err);

/* What stands in an encoded batch's header (BATCH_HEADER_SIZE bytes at least; nothing is checked), and the same batch under
 * another producer and sequence. */
struct batch_stamp {
    uint8_t  producer[BATCH_PRODUCER_SIZE];
    uint64_t sequence;
    uint32_t row_count;
};
struct batch_stamp batch_stamp_of(bole_slice encoded);
void batch_restamp(uint8_t *encoded, size_t size, const uint8_t producer[BATCH_PRODUCER_SIZE], uint64_t sequence);

/* Checks everything (checksum, bounds, order, canonical label sets) and gives a batch with its own copy of the bytes,
 * drawn from the budget. *ret_size is how many bytes of `encoded` it took: batches may stand back to back. */
bole_status batch_decode(bole_slice encoded, struct budget *budget, struct batch **ret_batch, size_t *ret_size,
                         struct bole_err *err);

/* ---- builder ---- */

struct batch_builder;

struct batch_builder *batch_builder_create(struct budget *budget); /* NULL: no memory */
void batch_builder_destroy(struct batch_builder *b);

/* Finds or adds a stream of this batch. Labels are canonical; both slices are copied. */
bole_status batch_builder_stream(struct batch_builder *b, bole_slice tenant, bole_slice labels, uint8_t flags,
                                 uint32_t *ret_stream, struct bole_err *err);
/* Appends one record; everything is copied. Fields with an empty value are left out. BOLE_E_LIMIT: this record breaks a
 * limit of record.h (the message names it). BOLE_AGAIN: the batch has no room for it: seal and use a fresh one. In both
 * cases nothing was added. */
bole_status batch_builder_add(struct batch_builder *b, int64_t time_ns, uint32_t stream, bole_slice line,
                              const struct batch_field *fields, size_t field_count, struct bole_err *err);

uint32_t batch_builder_rows(const struct batch_builder *b);
size_t   batch_builder_size(const struct batch_builder *b); /* of the body, when sealed now */

/* Where the builder stands, so that a request found bad halfway can take its records back. */
struct batch_mark {
    uint32_t rows, fields;
    size_t   lines, values; /* bytes */
    int64_t  min_time_ns, max_time_ns;
};
struct batch_mark batch_builder_mark(const struct batch_builder *b);
void batch_builder_rollback(struct batch_builder *b, const struct batch_mark *mark);

/* Makes the immutable batch and empties the builder, which keeps its memory for the next one. No rows:
 * BOLE_E_INVALID. */
bole_status batch_builder_seal(struct batch_builder *b, int64_t received_ns, struct budget *budget,
                               struct batch **ret_batch, struct bole_err *err);

#endif
