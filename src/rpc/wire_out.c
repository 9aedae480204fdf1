#include "rpc/wire_out.h"

#include "base/utf8.h"

size_t wire_open(struct buf *b, unsigned field)
{
    buf_put_varint(b, (uint64_t)field << 3 | 2);
    buf_put_u8(b, 0); /* most lengths have one byte */
    return b->len;
}

void wire_close(struct buf *b, size_t at)
{
    if (b->failed)
        return;
    size_t len = b->len - at, more = 0;
    for (size_t rest = len >> 7; rest; rest >>= 7)
        more++;
    buf_put_zeros(b, more);
    if (b->failed)
        return;
    memmove(b->ptr + at + more, b->ptr + at, len);
    for (size_t i = 0; i <= more; i++)
        b->ptr[at - 1 + i] = (uint8_t)((len >> (7 * i) & 0x7f) | (i < more ? 0x80 : 0));
}

void wire_put_text(struct buf *b, unsigned field, bole_slice text)
{
    if (utf8_valid(text)) {
        wire_put_bytes(b, field, text);
        return;
    }
    size_t at = wire_open(b, field), used;
    for (size_t i = 0; i < text.len; i += used) {
        uint8_t bytes[4];
        buf_put(b, bole_slice_from(bytes, utf8_encode(utf8_decode(text.ptr + i, text.len - i, &used), bytes)));
    }
    wire_close(b, at);
}

void wire_put_pair(struct buf *b, unsigned field, bole_slice name, bole_slice value)
{
    size_t at = wire_open(b, field);
    wire_put_text(b, 1, name);
    wire_put_text(b, 2, value);
    wire_close(b, at);
}
