/*
 * rest.h - fields of a row that have no column of their own, as one value of the REST column (docs/format/segment.md).
 *
 * Threads: pure functions.
 */
#ifndef STORE_REST_H
#define STORE_REST_H

#include "base/buf.h"
#include "base/bytes.h"
#include "record/batch.h"
#include "store/codec/text.h"

static inline void rest_put(struct buf *out, struct batch_field field)
{
    buf_put_varint(out, field.key.len);
    buf_put(out, field.key);
    buf_put_varint(out, field.value.len);
    buf_put(out, field.value);
}

/* The next field; false behind the last one, or when the bytes are damaged. */
static inline bool rest_next(struct reader *in, struct batch_field *ret_field)
{
    if (reader_left(in) == 0)
        return false;
    ret_field->key = reader_bytes(in, reader_varint(in));
    ret_field->value = reader_bytes(in, reader_varint(in));
    return !in->failed;
}

/* For the token index: the values one by one, as a length may be a letter that would become part of the value's first word. */
struct rest_pieces {
    text_piece_fn *fn;
    void          *ctx;
};

/* A text_piece_fn; ctx: a struct rest_pieces. */
static inline void rest_pieces(void *ctx, bole_slice row)
{
    const struct rest_pieces *to = ctx;
    struct reader in = reader_of(row);
    struct batch_field field;
    while (rest_next(&in, &field))
        to->fn(to->ctx, field.value);
}

#endif
