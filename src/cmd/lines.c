/*
 * Bytes go from the file through `input` and the decoder of its packing to `bytes`, which holds at least the longest
 * line. Reading waits in poll, so that a slow pipe can be told from one that ended. A packed file that ends within a
 * frame is an error: half a file must not pass for a whole one; nor does the half line at such an end for a line.
 */
#include "cmd/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"
#include "record/record.h"

enum { CHUNK = 256 * 1024, BUFFER_SIZE = RECORD_LINE_MAX + CHUNK,
       GZIP_WINDOW = 15 + 16, /* 16: gzip's header and no other */
       XZ_MEMORY_MAX = 256 << 20 /* bytes; xz -9 needs 65 MB */ };

enum packing { PACKING_UNKNOWN, PACKING_NONE, PACKING_GZIP, PACKING_XZ, PACKING_ZSTD };

static const bole_slice gzip_magic = S("\x1f\x8b"), xz_magic = S("\xfd" "7zXZ\0"), zstd_magic = S("\x28\xb5\x2f\xfd");

struct lines {
    int           fd;
    const char   *path;
    bool          waits;    /* a pipe or a terminal */
    enum packing  packing;
    z_stream      gzip;
    lzma_stream   xz;
    ZSTD_DStream *zstd;
    uint8_t      *input;    /* CHUNK */
    size_t        input_begin, input_end;
    bool          input_over;
    bool          in_frame; /* of the packing: more input must come */
    bool          full;     /* the decoder filled `bytes`: it may hold more */
    struct stat   info;
    uint64_t      size, consumed, cut;
    int64_t       modified_ns; /* 0: not a file */
    uint8_t      *bytes;    /* BUFFER_SIZE */
    size_t        begin, end;
    bool          at_end, skipping; /* skipping: the rest of a line that was cut */
};

bole_status lines_open(const char *path, struct lines **ret_lines, struct bole_err *err)
{
    bool is_stdin = !strcmp(path, "-");
    struct stat info;
    int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0) {
        bole_status st = bole_fail_errno(err, errno, "opening %s", path);
        if (fd >= 0)
            close(fd);
        return st;
    }
    if (S_ISDIR(info.st_mode)) {
        close(fd);
        return bole_fail(err, BOLE_E_INVALID, "%s is a directory: name its files, for instance %s/*.log", path, path);
    }
    struct lines *l = calloc(1, sizeof *l);
    if (!l) {
        close(fd);
        return bole_fail(err, BOLE_E_NOMEM, "no memory to read %s", path);
    }
    l->fd = fd;
    l->path = path;
    l->info = info;
    l->waits = !S_ISREG(info.st_mode);
    l->size = l->waits ? 0 : (uint64_t)info.st_size;
    if (l->waits || __builtin_mul_overflow(info.st_mtim.tv_sec, NS_PER_S, &l->modified_ns))
        l->modified_ns = 0;
    l->bytes = malloc(BUFFER_SIZE);
    l->input = malloc(CHUNK);
    if (!l->bytes || !l->input) {
        lines_close(l);
        return bole_fail(err, BOLE_E_NOMEM, "no memory to read %s", path);
    }
    *ret_lines = l;
    return BOLE_OK;
}

void lines_close(struct lines *l)
{
    if (!l)
        return;
    close(l->fd);
    if (l->packing == PACKING_GZIP)
        inflateEnd(&l->gzip);
    lzma_end(&l->xz);
    ZSTD_freeDStream(l->zstd);
    free(l->input);
    free(l->bytes);
    free(l);
}

/* ---- from the file ---- */

/* Reads behind what is there. BOLE_AGAIN: nothing came in time. */
static bole_status read_input(struct lines *l, struct bole_err *err)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};
    if (l->input_begin == l->input_end)
        l->input_begin = l->input_end = 0;
    if (l->waits && poll(&p, 1, LINES_WAIT_MS) <= 0)
        return BOLE_AGAIN;
    ssize_t n = read(l->fd, l->input + l->input_end, CHUNK - l->input_end);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? BOLE_AGAIN : bole_fail_errno(err, errno, "reading %s", l->path);
    l->input_end += (size_t)n;
    l->consumed += (uint64_t)n;
    l->input_over = n == 0;
    return BOLE_OK;
}

static bool may_become(bole_slice input, bole_slice magic)
{
    return memcmp(input.ptr, magic.ptr, input.len < magic.len ? input.len : magic.len) == 0;
}

/* A new stream; the memory of the one before it is used again. */
static bole_status begin_xz(struct lines *l, struct bole_err *err)
{
    l->in_frame = true;
    if (lzma_stream_decoder(&l->xz, XZ_MEMORY_MAX, 0) != LZMA_OK)
        return bole_fail(err, BOLE_E_NOMEM, "no memory to read %s", l->path);
    return BOLE_OK;
}

/* Stays unknown while the first bytes may still become a magic number. */
static bole_status find_packing(struct lines *l, struct bole_err *err)
{
    bole_slice input = bole_slice_from(l->input, l->input_end);
    bool gzip = may_become(input, gzip_magic), xz = may_become(input, xz_magic), zstd = may_become(input, zstd_magic);
    if (gzip && input.len >= gzip_magic.len) {
        if (inflateInit2(&l->gzip, GZIP_WINDOW) != Z_OK)
            return bole_fail(err, BOLE_E_NOMEM, "no memory to read %s", l->path);
        l->packing = PACKING_GZIP;
        l->in_frame = true;
    } else if (xz && input.len >= xz_magic.len) {
        l->packing = PACKING_XZ;
        return begin_xz(l, err);
    } else if (zstd && input.len >= zstd_magic.len) {
        l->zstd = ZSTD_createDStream();
        if (!l->zstd)
            return bole_fail(err, BOLE_E_NOMEM, "no memory to read %s", l->path);
        l->packing = PACKING_ZSTD;
    } else if ((!gzip && !xz && !zstd) || l->input_over)
        l->packing = PACKING_NONE;
    return BOLE_OK;
}

/* ---- decoders: from input to the end of bytes ---- */

static void decode_plain(struct lines *l)
{
    size_t room = BUFFER_SIZE - l->end, n = l->input_end - l->input_begin;
    n = n < room ? n : room;
    memcpy(l->bytes + l->end, l->input + l->input_begin, n);
    l->input_begin += n;
    l->end += n;
}

static bole_status decode_gzip(struct lines *l, struct bole_err *err)
{
    if (!l->in_frame) { /* another member, or something behind the last one, which gzip ignores too */
        if (l->input_begin < l->input_end && l->input[l->input_begin] != gzip_magic.ptr[0])
            l->input_begin = l->input_end;
        if (l->input_begin == l->input_end)
            return BOLE_OK;
        inflateReset(&l->gzip);
        l->in_frame = true;
    }
    l->gzip.next_in = l->input + l->input_begin;
    l->gzip.avail_in = (unsigned)(l->input_end - l->input_begin);
    l->gzip.next_out = l->bytes + l->end;
    l->gzip.avail_out = (unsigned)(BUFFER_SIZE - l->end);
    int rc = inflate(&l->gzip, Z_NO_FLUSH);
    l->input_begin = l->input_end - l->gzip.avail_in;
    l->end = BUFFER_SIZE - l->gzip.avail_out;
    l->in_frame = rc != Z_STREAM_END;
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
        return bole_fail(err, BOLE_E_CORRUPT, "%s: %s", l->path, l->gzip.msg ? l->gzip.msg : zError(rc));
    return BOLE_OK;
}

static const char *xz_error(lzma_ret rc)
{
    switch (rc) {
    case LZMA_MEM_ERROR: return "no memory to unpack it";
    case LZMA_MEMLIMIT_ERROR: return "it needs more than 256 MB to be unpacked";
    case LZMA_OPTIONS_ERROR: return "packed in a way that is not known here";
    default: return "the packed data is broken";
    }
}

static bole_status decode_xz(struct lines *l, struct bole_err *err)
{
    if (!l->in_frame) { /* zeros, then another stream */
        while (l->input_begin < l->input_end && l->input[l->input_begin] == 0)
            l->input_begin++;
        if (l->input_begin == l->input_end)
            return BOLE_OK;
        bole_status st = begin_xz(l, err);
        if (st < 0)
            return st;
    }
    l->xz.next_in = l->input + l->input_begin;
    l->xz.avail_in = l->input_end - l->input_begin;
    l->xz.next_out = l->bytes + l->end;
    l->xz.avail_out = BUFFER_SIZE - l->end;
    lzma_ret rc = lzma_code(&l->xz, LZMA_RUN);
    l->input_begin = l->input_end - l->xz.avail_in;
    l->end = BUFFER_SIZE - l->xz.avail_out;
    l->in_frame = rc != LZMA_STREAM_END;
    if (rc != LZMA_OK && rc != LZMA_STREAM_END && rc != LZMA_BUF_ERROR)
        return bole_fail(err, BOLE_E_CORRUPT, "%s: %s", l->path, xz_error(rc));
    return BOLE_OK;
}

static bole_status decode_zstd(struct lines *l, struct bole_err *err)
{
    ZSTD_inBuffer in = {l->input, l->input_end, l->input_begin};
    ZSTD_outBuffer out = {l->bytes, BUFFER_SIZE, l->end};
    if (!l->in_frame && in.pos == in.size)
        return BOLE_OK;
    size_t rc = ZSTD_decompressStream(l->zstd, &out, &in);
    if (ZSTD_isError(rc))
        return bole_fail(err, BOLE_E_CORRUPT, "%s: %s", l->path, ZSTD_getErrorName(rc));
    l->input_begin = in.pos;
    l->end = out.pos;
    l->in_frame = rc != 0;
    return BOLE_OK;
}

static bole_status decode(struct lines *l, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    switch (l->packing) {
    case PACKING_UNKNOWN: break;
    case PACKING_NONE: decode_plain(l); break;
    case PACKING_GZIP: st = decode_gzip(l, err); break;
    case PACKING_XZ: st = decode_xz(l, err); break;
    case PACKING_ZSTD: st = decode_zstd(l, err); break;
    }
    l->full = l->end == BUFFER_SIZE;
    return st;
}

/* More bytes, or at_end. */
static bole_status fill(struct lines *l, struct bole_err *err)
{
    memmove(l->bytes, l->bytes + l->begin, l->end - l->begin);
    l->end -= l->begin;
    l->begin = 0;
    bole_status st = BOLE_OK;
    for (size_t before = l->end; st == BOLE_OK && l->end == before && !l->at_end;) {
        bool has_input = l->packing != PACKING_UNKNOWN && l->input_begin < l->input_end;
        if (has_input || l->full)
            st = decode(l, err);
        else if (l->input_over)
            l->at_end = true;
        else {
            st = read_input(l, err);
            if (st == BOLE_OK && l->packing == PACKING_UNKNOWN)
                st = find_packing(l, err);
        }
    }
    return st;
}

static bole_status ends_within(const struct lines *l, struct bole_err *err)
{
    const char *what = l->packing == PACKING_GZIP ? "gzip member" : l->packing == PACKING_XZ ? "stream" : "frame";
    return bole_fail(err, BOLE_E_CORRUPT, "%s: ends in the middle of a %s", l->path, what);
}

bole_status lines_next(struct lines *l, bole_slice *ret_line, struct bole_err *err)
{
    for (;;) {
        size_t have = l->end - l->begin;
        uint8_t *from = l->bytes + l->begin, *newline = have ? memchr(from, '\n', have) : NULL;
        bool whole = newline || l->at_end, too_long = !newline && have >= RECORD_LINE_MAX;
        if (l->at_end && !newline && l->in_frame)
            return ends_within(l, err);
        if (l->at_end && have == 0)
            return BOLE_END;
        if (!whole && !too_long) {
            bole_status st = fill(l, err);
            if (st != BOLE_OK)
                return st;
            continue;
        }
        size_t len = newline ? (size_t)(newline - from) : have;
        bool was_skipping = l->skipping;
        l->begin += newline ? len + 1 : have;
        l->skipping = !newline && !l->at_end;
        if (was_skipping)
            continue;
        l->cut += too_long || len > RECORD_LINE_MAX;
        *ret_line = bole_slice_from(from, len > RECORD_LINE_MAX ? RECORD_LINE_MAX : len);
        return BOLE_OK;
    }
}

bole_status lines_bytes(struct lines *l, uint64_t *left, struct buf *out, struct bole_err *err)
{
    size_t have = l->end - l->begin;
    if (have == 0 && l->at_end)
        return l->in_frame ? ends_within(l, err) : BOLE_END;
    if (have == 0) {
        bole_status st = fill(l, err);
        return st < 0 ? st : BOLE_AGAIN;
    }
    size_t n = have < *left ? have : (size_t)*left;
    if (out)
        buf_put(out, bole_slice_from(l->bytes + l->begin, n));
    l->begin += n;
    *left -= n;
    return *left ? BOLE_AGAIN : BOLE_OK;
}

const struct stat *lines_stat(const struct lines *l)
{
    return &l->info;
}

uint64_t lines_size(const struct lines *l)
{
    return l->size;
}

int64_t lines_modified_ns(const struct lines *l)
{
    return l->modified_ns;
}

uint64_t lines_consumed(const struct lines *l)
{
    return l->consumed;
}

uint64_t lines_cut(const struct lines *l)
{
    return l->cut;
}
