/* proto_writer.h - writes Loki's PushRequest: the tests' own encoder, so that the decoder is not tested against
 * itself. */
#ifndef RECEIVE_PROTO_WRITER_H
#define RECEIVE_PROTO_WRITER_H

#include <snappy-c.h>

#include "base/buf.h"
#include "base/test.h"

static inline void proto_tag(struct buf *b, unsigned field, unsigned type)
{
    buf_put_varint(b, (uint64_t)field << 3 | type);
}

static inline void proto_bytes(struct buf *b, unsigned field, bole_slice s)
{
    proto_tag(b, field, 2);
    buf_put_varint(b, s.len);
    buf_put(b, s);
}

static inline void proto_number(struct buf *b, unsigned field, uint64_t v)
{
    proto_tag(b, field, 0);
    buf_put_varint(b, v);
}

/* One Entry, as field 2 of a Stream; pairs are name, value, name, value... */
static inline void proto_entry(struct buf *stream, int64_t seconds, int64_t nanos, bole_slice line,
                               const bole_slice *pairs, size_t pair_count)
{
    struct buf entry, part;
    buf_init(&entry, NULL);
    buf_init(&part, NULL);
    if (seconds)
        proto_number(&part, 1, (uint64_t)seconds);
    if (nanos)
        proto_number(&part, 2, (uint64_t)nanos);
    proto_bytes(&entry, 1, buf_slice(&part));
    proto_bytes(&entry, 2, line);
    for (size_t i = 0; i < pair_count; i++) {
        buf_reset(&part);
        proto_bytes(&part, 1, pairs[2 * i]);
        proto_bytes(&part, 2, pairs[2 * i + 1]);
        proto_bytes(&entry, 3, buf_slice(&part));
    }
    proto_bytes(stream, 2, buf_slice(&entry));
    buf_deinit(&entry);
    buf_deinit(&part);
}

/* message in a snappy block; out is emptied first. */
static inline void proto_pack(bole_slice message, struct buf *out)
{
    size_t len = snappy_max_compressed_length(message.len);
    buf_reset(out);
    CHECK(buf_reserve(out, len));
    CHECK(snappy_compress((const char *)message.ptr, message.len, (char *)out->ptr, &len) == SNAPPY_OK);
    out->len = len;
}

#endif
