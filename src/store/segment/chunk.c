#include "store/segment/chunk.h"

#include <zstd.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"

enum {
    CHUNK_CRC = 0,
    CHUNK_KIND = 4,
    CHUNK_VERSION = 5,
    CHUNK_CODEC = 6,
    CHUNK_ZERO = 7,
    CHUNK_SIZE = 8,
    CHUNK_RAW_SIZE = 12,
    CHUNK_ROWS = 16,
};
_Static_assert(CHUNK_ROWS + sizeof(uint32_t) == CHUNK_HEADER_SIZE, "chunk header layout");

enum { CODEC_PLAIN = 0, CODEC_ZSTD = 1 };
enum { ENCODING_VERSION = 1, ZSTD_LEVEL = 2, COMPRESS_MIN = 64 /* smaller does not pay */ };

void chunk_codec_deinit(struct chunk_codec *z)
{
    ZSTD_freeCCtx(z->compress);
    ZSTD_freeDCtx(z->decompress);
    *z = (struct chunk_codec){0};
}

/* 0: better stored plain. */
static size_t compress(struct chunk_codec *z, bole_slice raw, uint8_t *dst, size_t dst_size)
{
    if (raw.len < COMPRESS_MIN)
        return 0;
    if (!z->compress)
        z->compress = ZSTD_createCCtx();
    size_t n =
        z->compress ? ZSTD_compressCCtx(z->compress, dst, dst_size, raw.ptr, raw.len, z->level ? z->level : ZSTD_LEVEL) : 0;
    return ZSTD_isError(n) || n > raw.len - raw.len / 16 ? 0 : n;
}

size_t chunk_put(struct buf *out, struct chunk_codec *z, enum chunk_kind kind, uint32_t rows, bole_slice raw)
{
    if (raw.len > CHUNK_RAW_MAX)
        out->failed = true;
    if (!buf_reserve(out, CHUNK_HEADER_SIZE + ZSTD_compressBound(raw.len)))
        return 0;
    uint8_t *header = out->ptr + out->len, *payload = header + CHUNK_HEADER_SIZE;
    size_t size = compress(z, raw, payload, ZSTD_compressBound(raw.len));
    uint8_t codec = size ? CODEC_ZSTD : CODEC_PLAIN;
    if (!size && raw.len)
        memcpy(payload, raw.ptr, raw.len);
    size = size ? size : raw.len;
    header[CHUNK_KIND] = (uint8_t)kind;
    header[CHUNK_VERSION] = ENCODING_VERSION;
    header[CHUNK_CODEC] = codec;
    header[CHUNK_ZERO] = 0;
    store_u32(header + CHUNK_SIZE, (uint32_t)size);
    store_u32(header + CHUNK_RAW_SIZE, (uint32_t)raw.len);
    store_u32(header + CHUNK_ROWS, rows);
    store_u32(header + CHUNK_CRC, crc32c(0, header + CHUNK_KIND, CHUNK_HEADER_SIZE - CHUNK_KIND + size));
    out->len += CHUNK_HEADER_SIZE + size;
    return CHUNK_HEADER_SIZE + size;
}

bole_status chunk_check(bole_slice stored, enum chunk_kind kind, struct chunk *ret_chunk, struct bole_err *err)
{
    const uint8_t *h = stored.ptr;
    if (stored.len < CHUNK_HEADER_SIZE)
        return bole_fail(err, BOLE_E_CORRUPT, "chunk: %zu bytes are less than a header", stored.len);
    if (crc32c(0, h + CHUNK_KIND, stored.len - CHUNK_KIND) != load_u32(h + CHUNK_CRC))
        return bole_fail(err, BOLE_E_CORRUPT, "chunk: checksum does not match");
    if (h[CHUNK_VERSION] != ENCODING_VERSION)
        return bole_fail(err, BOLE_E_UNSUPPORTED,
                         "chunk: encoding version %u is newer than this program (%d): upgrade Bole", h[CHUNK_VERSION],
                         ENCODING_VERSION);
    *ret_chunk = (struct chunk){
        .kind = h[CHUNK_KIND],
        .rows = load_u32(h + CHUNK_ROWS),
        .raw_size = load_u32(h + CHUNK_RAW_SIZE),
        .codec = h[CHUNK_CODEC],
        .payload = {h + CHUNK_HEADER_SIZE, stored.len - CHUNK_HEADER_SIZE},
    };
    if (h[CHUNK_KIND] != kind)
        return bole_fail(err, BOLE_E_CORRUPT, "chunk: kind %u where kind %u was expected", h[CHUNK_KIND], kind);
    if (load_u32(h + CHUNK_SIZE) != ret_chunk->payload.len || ret_chunk->raw_size > CHUNK_RAW_MAX ||
        (ret_chunk->codec == CODEC_PLAIN && ret_chunk->raw_size != ret_chunk->payload.len))
        return bole_fail(err, BOLE_E_CORRUPT, "chunk: sizes do not fit together");
    return BOLE_OK;
}

bole_status chunk_decompress(struct chunk_codec *z, const struct chunk *c, uint8_t *ret_raw, struct bole_err *err)
{
    if (c->codec == CODEC_PLAIN) {
        if (c->raw_size)
            memcpy(ret_raw, c->payload.ptr, c->raw_size);
        return BOLE_OK;
    }
    if (c->codec != CODEC_ZSTD)
        return bole_fail(err, BOLE_E_UNSUPPORTED, "chunk: codec %u is unknown to this program: upgrade Bole", c->codec);
    if (!z->decompress && !(z->decompress = ZSTD_createDCtx()))
        return bole_fail(err, BOLE_E_NOMEM, "chunk: no memory to decompress");
    size_t n = ZSTD_decompressDCtx(z->decompress, ret_raw, c->raw_size, c->payload.ptr, c->payload.len);
    if (ZSTD_isError(n) || n != c->raw_size)
        return bole_fail(err, BOLE_E_CORRUPT, "chunk: does not decompress to %u bytes: %s", c->raw_size,
                         ZSTD_isError(n) ? ZSTD_getErrorName(n) : "too short");
    return BOLE_OK;
}
