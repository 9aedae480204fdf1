#include "base/content.h"

#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"

enum {
    OUT_STEP = 64 * 1024,       /* room asked for at a time when the size is not known */
    ZSTD_WINDOW_LOG_MAX = 23,   /* 8 MB, the limit of the zstd content coding (RFC 9659) */
    SNAPPY_CHUNK_MAX = 65536,   /* uncompressed bytes of one chunk of the framing format */
};

enum content_coding content_coding_of(bole_slice header)
{
    static const struct { const char *name; enum content_coding coding; } names[] = {
        {"identity", CONTENT_IDENTITY}, {"gzip", CONTENT_GZIP}, {"x-gzip", CONTENT_GZIP},
        {"deflate", CONTENT_DEFLATE}, {"zstd", CONTENT_ZSTD}, {"snappy", CONTENT_SNAPPY}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bole_slice_eq_nocase(header, bole_slice_str(names[i].name)))
            return names[i].coding;
    return CONTENT_UNKNOWN;
}

static bole_status too_large(struct bole_err *err, size_t max_bytes)
{
    return bole_fail(err, BOLE_E_LIMIT, "the body is larger than %zu bytes after decompression", max_bytes);
}

static bole_status malformed(struct bole_err *err, const char *coding, const char *what)
{
    return bole_fail(err, BOLE_E_INVALID, "%s body: %s", coding, what);
}

/* Room for more output, one byte beyond the cap so that passing it is noticed. */
static bole_status make_room(struct buf *out, size_t start, size_t max_bytes, size_t wish, struct bole_err *err)
{
    size_t have = out->len - start;
    if (have > max_bytes)
        return too_large(err, max_bytes);
    size_t room = max_bytes - have < wish ? max_bytes - have + 1 : wish;
    if (!buf_reserve(out, room))
        return bole_fail(err, BOLE_E_NOMEM, "no memory to decompress the body: try again");
    return BOLE_OK;
}

/* ---- gzip and deflate ---- */

/* window_bits: 31 gzip, 15 zlib, -15 raw. Several gzip members in a row are one body (RFC 1952, 2.2). */
static bole_status inflate_all(int window_bits, const char *name, bole_slice in, size_t max_bytes, struct buf *out,
                               struct bole_err *err)
{
    z_stream z = {.next_in = (Bytef *)in.ptr, .avail_in = 0};
    size_t start = out->len, left = in.len;
    if (inflateInit2(&z, window_bits) != Z_OK)
        return bole_fail(err, BOLE_E_NOMEM, "no memory to decompress the body: try again");
    bole_status st = BOLE_OK;
    for (;;) {
        st = make_room(out, start, max_bytes, in.len < OUT_STEP ? OUT_STEP : in.len, err);
        if (st < 0)
            break;
        if (z.avail_in == 0) {
            z.avail_in = left > UINT32_MAX ? UINT32_MAX : (uInt)left;
            left -= z.avail_in;
        }
        size_t room = out->cap - out->len;
        if (room > max_bytes - (out->len - start) + 1)
            room = max_bytes - (out->len - start) + 1;
        z.next_out = out->ptr + out->len;
        z.avail_out = room > UINT32_MAX ? UINT32_MAX : (uInt)room;
        uInt before = z.avail_out;
        int rc = inflate(&z, Z_NO_FLUSH);
        out->len += before - z.avail_out;
        if (rc == Z_STREAM_END) {
            bool more = z.avail_in + left > 0;
            if (!more || window_bits != 31) {
                st = out->len - start > max_bytes ? too_large(err, max_bytes)
                     : more ? malformed(err, name, "bytes behind its end") : BOLE_OK;
                break;
            }
            if (inflateReset(&z) != Z_OK) {
                st = malformed(err, name, "cannot start its next member");
                break;
            }
        } else if (rc == Z_BUF_ERROR && z.avail_in == 0 && left == 0) {
            st = malformed(err, name, "cut short");
            break;
        } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
            st = rc == Z_MEM_ERROR ? bole_fail(err, BOLE_E_NOMEM, "no memory to decompress the body: try again")
                                   : malformed(err, name, z.msg ? z.msg : "not in this format");
            break;
        }
    }
    inflateEnd(&z);
    return st;
}

/* RFC 9110 means the zlib format; a bare deflate stream is told by its missing two-byte header (RFC 1950, 2.2). */
static bool has_zlib_header(bole_slice in)
{
    return in.len >= 2 && (in.ptr[0] & 0x0f) == 8 && (in.ptr[0] >> 4) <= 7 && ((unsigned)in.ptr[0] << 8 | in.ptr[1]) % 31 == 0;
}

enum content_coding content_coding_guess(bole_slice body)
{
    if (body.len >= 2 && body.ptr[0] == 0x1f && body.ptr[1] == 0x8b)
        return CONTENT_GZIP;
    return has_zlib_header(body) ? CONTENT_DEFLATE : CONTENT_IDENTITY;
}

bool content_gzip(bole_slice in, struct buf *out)
{
    z_stream z = {0};
    if (in.len > UINT32_MAX || deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    uLong bound = deflateBound(&z, in.len);
    bool done = false;
    if (bound <= UINT32_MAX && buf_reserve(out, bound)) {
        z.next_in = (Bytef *)in.ptr;
        z.avail_in = (uInt)in.len;
        z.next_out = out->ptr + out->len;
        z.avail_out = (uInt)bound;
        done = deflate(&z, Z_FINISH) == Z_STREAM_END;
        out->len += bound - z.avail_out;
    }
    deflateEnd(&z);
    return done;
}

/* ---- zstd ---- */

static bole_status zstd_all(bole_slice in, size_t max_bytes, struct buf *out, struct bole_err *err)
{
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    ZSTD_inBuffer from = {in.ptr, in.len, 0};
    size_t start = out->len, hint = 1;
    bole_status st = BOLE_OK;
    if (!ctx)
        return bole_fail(err, BOLE_E_NOMEM, "no memory to decompress the body: try again");
    ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
    do {
        st = make_room(out, start, max_bytes, in.len < OUT_STEP ? OUT_STEP : in.len, err);
        if (st < 0)
            break;
        size_t room = out->cap - out->len;
        if (room > max_bytes - (out->len - start) + 1)
            room = max_bytes - (out->len - start) + 1;
        ZSTD_outBuffer to = {out->ptr + out->len, room, 0};
        size_t consumed = from.pos;
        hint = ZSTD_decompressStream(ctx, &to, &from);
        out->len += to.pos;
        if (ZSTD_isError(hint))
            st = malformed(err, "zstd", ZSTD_getErrorName(hint));
        else if (hint && from.pos == in.len && to.pos == 0 && consumed == from.pos)
            st = malformed(err, "zstd", "cut short");
    } while (st == BOLE_OK && (hint != 0 || from.pos < in.len));
    if (st == BOLE_OK && out->len - start > max_bytes)
        st = too_large(err, max_bytes);
    ZSTD_freeDCtx(ctx);
    return st;
}

/* ---- snappy ---- */

static bole_status snappy_block(bole_slice in, size_t start, size_t max_bytes, struct buf *out, struct bole_err *err)
{
    size_t size;
    if (snappy_uncompressed_length((const char *)in.ptr, in.len, &size) != SNAPPY_OK)
        return malformed(err, "snappy", "no valid length");
    if (size > max_bytes || out->len - start > max_bytes - size)
        return too_large(err, max_bytes);
    /* A snappy element of three bytes yields at most 64: a length beyond that is a lie, and not worth its memory. */
    if (size / 64 > in.len)
        return malformed(err, "snappy", "its length does not fit its bytes");
    if (!buf_reserve(out, size + 1))
        return bole_fail(err, BOLE_E_NOMEM, "no memory to decompress the body: try again");
    if (snappy_uncompress((const char *)in.ptr, in.len, (char *)out->ptr + out->len, &size) != SNAPPY_OK)
        return malformed(err, "snappy", "malformed block");
    out->len += size;
    return BOLE_OK;
}

/*
 * Framing format (google/snappy, framing_format.txt): chunks of type (1 byte), length (3, little endian), data.
 * 0x00 compressed and 0x01 plain begin with a masked CRC-32C of the uncompressed data; 0xff is the stream identifier;
 * 0x80 to 0xfe are skipped; the rest is an error.
 */
static const uint8_t snappy_magic[10] = {0xff, 0x06, 0x00, 0x00, 's', 'N', 'a', 'P', 'p', 'Y'};

static bole_status snappy_chunk(uint8_t type, bole_slice data, size_t start, size_t max_bytes, struct buf *out,
                                struct bole_err *err)
{
    if (type == 0xff && (data.len != 6 || memcmp(data.ptr, snappy_magic + 4, 6) != 0))
        return malformed(err, "snappy", "bad stream identifier");
    if (type >= 0x80)
        return BOLE_OK;
    if (type > 1 || data.len < 4)
        return malformed(err, "snappy", "unknown chunk");
    size_t before = out->len;
    uint32_t want = load_u32(data.ptr);
    data = (bole_slice){data.ptr + 4, data.len - 4};
    if (type == 0) {
        bole_status st = snappy_block(data, start, max_bytes, out, err);
        if (st < 0)
            return st;
    } else {
        if (out->len - start > max_bytes || data.len > max_bytes - (out->len - start))
            return too_large(err, max_bytes);
        buf_put(out, data);
        if (out->failed)
            return bole_fail(err, BOLE_E_NOMEM, "no memory to decompress the body: try again");
    }
    if (out->len - before > SNAPPY_CHUNK_MAX)
        return malformed(err, "snappy", "a chunk of more than 65536 bytes");
    uint32_t crc = crc32c(0, out->ptr + before, out->len - before);
    if (((crc >> 15 | crc << 17) + 0xa282ead8u) != want)
        return malformed(err, "snappy", "checksum of a chunk does not match");
    return BOLE_OK;
}

static bole_status snappy_all(bole_slice in, size_t max_bytes, struct buf *out, struct bole_err *err)
{
    size_t start = out->len;
    if (in.len < sizeof snappy_magic || memcmp(in.ptr, snappy_magic, sizeof snappy_magic) != 0)
        return snappy_block(in, start, max_bytes, out, err);
    struct reader r = reader_of(in);
    bole_status st = BOLE_OK;
    while (st == BOLE_OK && reader_left(&r) > 0) {
        bole_slice head = reader_bytes(&r, 4);
        size_t len = r.failed ? 0 : load_u32(head.ptr) >> 8;
        bole_slice data = reader_bytes(&r, len);
        st = r.failed ? malformed(err, "snappy", "cut short") : snappy_chunk(head.ptr[0], data, start, max_bytes, out, err);
    }
    return st;
}

static bole_status decode(enum content_coding coding, bole_slice in, size_t max_bytes, struct buf *out, struct bole_err *err)
{
    switch (coding) {
    case CONTENT_GZIP: return inflate_all(31, "gzip", in, max_bytes, out, err);
    case CONTENT_DEFLATE: return inflate_all(has_zlib_header(in) ? 15 : -15, "deflate", in, max_bytes, out, err);
    case CONTENT_ZSTD: return zstd_all(in, max_bytes, out, err);
    case CONTENT_SNAPPY: return snappy_all(in, max_bytes, out, err);
    case CONTENT_IDENTITY:
        if (in.len > max_bytes)
            return too_large(err, max_bytes);
        buf_put(out, in);
        return out->failed ? bole_fail(err, BOLE_E_NOMEM, "no memory for the body: try again") : BOLE_OK;
    case CONTENT_UNKNOWN: break;
    }
    return bole_fail(err, BOLE_E_UNSUPPORTED, "unknown content coding");
}

bole_status content_decode(enum content_coding coding, bole_slice in, size_t max_bytes, struct buf *out, struct bole_err *err)
{
    size_t by_ratio =
        in.len < SIZE_MAX / CONTENT_RATIO_MAX - CONTENT_RATIO_FREE ? in.len * CONTENT_RATIO_MAX + CONTENT_RATIO_FREE : SIZE_MAX;
    if (coding == CONTENT_IDENTITY || by_ratio >= max_bytes)
        return decode(coding, in, max_bytes, out, err);
    bole_status st = decode(coding, in, by_ratio, out, err);
    return st == BOLE_E_LIMIT
               ? bole_fail(err, st, "the body becomes more than %u times larger than it was sent", CONTENT_RATIO_MAX)
               : st;
}
