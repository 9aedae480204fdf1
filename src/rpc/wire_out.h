/* wire_out.h - writes protobuf's wire format into a buffer (receive/wire.h reads it). Default values are left out by the caller. */
#ifndef RPC_WIRE_OUT_H
#define RPC_WIRE_OUT_H

#include "base/buf.h"

static inline void wire_put_number(struct buf *b, unsigned field, uint64_t value)
{
    buf_put_varint(b, (uint64_t)field << 3);
    buf_put_varint(b, value);
}

static inline void wire_put_fixed64(struct buf *b, unsigned field, uint64_t value)
{
    buf_put_varint(b, (uint64_t)field << 3 | 1);
    buf_put_u64(b, value);
}

static inline void wire_put_bytes(struct buf *b, unsigned field, bole_slice bytes)
{
    buf_put_varint(b, (uint64_t)field << 3 | 2);
    buf_put_varint(b, bytes.len);
    buf_put(b, bytes);
}

/* A message inside: what is put between the two calls. wire_open returns what wire_close takes. */
size_t wire_open(struct buf *b, unsigned field);
void wire_close(struct buf *b, size_t at);

/* A string: invalid UTF-8 becomes U+FFFD, which readers would refuse the whole message for. */
void wire_put_text(struct buf *b, unsigned field, bole_slice text);

/* An entry of a map<string, string>. */
void wire_put_pair(struct buf *b, unsigned field, bole_slice name, bole_slice value);

#endif
