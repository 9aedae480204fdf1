/* Any bytes as a chunked body, in pieces of a size that the input chooses: data never exceeds input, same end state. */
#include <assert.h>

#include "serve/http_chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum http_chunk_state decode(bole_slice in, size_t step, uint64_t *ret_sum)
{
    static struct http_chunk c;
    size_t total = 0, all = in.len;
    *ret_sum = 0;
    http_chunk_reset(&c);
    while (in.len && c.state != CHUNK_DONE && c.state != CHUNK_BAD) {
        bole_slice piece = {in.ptr, in.len < step ? in.len : step}, data;
        in = bole_slice_sub(in, piece.len);
        while (piece.len && c.state != CHUNK_DONE && c.state != CHUNK_BAD) {
            http_chunk_next(&c, &piece, &data);
            for (size_t i = 0; i < data.len; i++)
                *ret_sum = *ret_sum * 31 + data.ptr[i];
            total += data.len;
        }
    }
    assert(total <= all);
    return c.state;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint64_t whole, pieces;
    enum http_chunk_state want = decode((bole_slice){bytes, len}, SIZE_MAX, &whole);
    enum http_chunk_state got = decode((bole_slice){bytes, len}, len ? 1 + bytes[len - 1] % 7u : 1, &pieces);
    assert(want == got && whole == pieces);
    return 0;
}
