#include "receive/inflate.h"

#include <zlib.h>

#include "base/err.h"

enum { STEP = 64 * 1024, EITHER = 32 + MAX_WBITS /* zlib or gzip, as the first bytes say */ };

static bole_status inflate_members(z_stream *z, size_t max_bytes, struct buf *out, struct bole_err *err)
{
    size_t start = out->len;
    for (;;) {
        if (!buf_reserve(out, STEP))
            return bole_fail(err, BOLE_E_NOMEM, "no memory to decompress");
        z->next_out = out->ptr + out->len;
        z->avail_out = STEP;
        int rc = inflate(z, Z_NO_FLUSH);
        out->len += STEP - z->avail_out;
        if (out->len - start > max_bytes)
            return bole_fail(err, BOLE_E_LIMIT, "more than %zu bytes after decompression", max_bytes);
        if (rc == Z_STREAM_END && z->avail_in == 0)
            return BOLE_OK;
        if (rc == Z_STREAM_END)
            rc = inflateReset2(z, EITHER);
        if (rc != Z_OK || (z->avail_in == 0 && z->avail_out != 0))
            return bole_fail(err, BOLE_E_INVALID, "compressed data is broken: %s", z->msg ? z->msg : "it ends too early");
    }
}

bole_status inflate_body(bole_slice in, size_t max_bytes, struct buf *out, struct bole_err *err)
{
    z_stream z = {.next_in = (Bytef *)in.ptr, .avail_in = (uInt)in.len};
    if (in.len > UINT32_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "too much compressed data");
    if (inflateInit2(&z, EITHER) != Z_OK)
        return bole_fail(err, BOLE_E_NOMEM, "no memory to decompress");
    bole_status st = inflate_members(&z, max_bytes, out, err);
    inflateEnd(&z);
    return st;
}
