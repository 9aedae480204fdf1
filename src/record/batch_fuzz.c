/* Any bytes: batch_decode refuses them or gives a batch that encodes and decodes to itself. */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "record/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(bole_slice encoded)
{
    struct batch *b, *again;
    size_t taken;
    if (batch_decode(encoded, NULL, &b, &taken, NULL) != BOLE_OK)
        return;
    size_t sum = 0;
    for (uint32_t row = 0; row < b->row_count; row++) {
        sum += batch_line(b, row).len + b->streams[b->row_stream[row]].labels.len;
        for (uint32_t f = batch_field_first(b, row); f < b->field_end[row]; f++)
            sum += batch_field(b, f).value.len;
    }
    struct buf out;
    buf_init(&out, NULL);
    if (taken > encoded.len || sum > b->body_size * (size_t)(b->row_count + 1) ||
        batch_encode(b, BATCH_LZ4, &out, NULL) != BOLE_OK ||
        batch_decode(buf_slice(&out), NULL, &again, &taken, NULL) != BOLE_OK)
        abort();
    batch_unref(again);
    batch_unref(b);
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    use(bole_slice_from(data, size));
    /* Once more with a header and a checksum that fit, so that the body's own checks are reached. */
    struct buf framed;
    buf_init(&framed, NULL);
    if (size > 16 && size < BATCH_BODY_MAX) {
        buf_put(&framed, S("BOLB\1\0\0\0"));
        buf_put_u32(&framed, (uint32_t)size - 16);
        buf_put_u32(&framed, (uint32_t)size - 16);
        buf_put_u32(&framed, load_u32(data + 16 - 16 + (size >= 28 ? 24 : 0)));
        buf_put_u32(&framed, 0);
        buf_put(&framed, bole_slice_from(data, 16)); /* times */
        buf_put_zeros(&framed, BATCH_HEADER_SIZE - framed.len);
        buf_put(&framed, bole_slice_from(data + 16, size - 16));
        store_u32(framed.ptr + 76, crc32c(crc32c(0, framed.ptr, 76), framed.ptr + BATCH_HEADER_SIZE, size - 16));
        use(buf_slice(&framed));
    }
    buf_deinit(&framed);
    return 0;
}
