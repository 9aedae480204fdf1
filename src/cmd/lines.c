/*
 * zlib reads plain files and gzip alike; a zstd file is told by its magic number and decompressed here. Both fill one
 * buffer that holds at least the longest line.
 */
#include "cmd/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/err.h"
#include "base/slice.h"
#include "record/record.h"

enum { CHUNK = 256 * 1024, BUFFER_SIZE = RECORD_LINE_MAX + CHUNK };

struct lines {
    int           fd;       /* of a zstd file; else -1 */
    gzFile        gz;
    ZSTD_DStream *zstd;
    uint8_t      *input;    /* CHUNK bytes of a zstd file */
    ZSTD_inBuffer in;
    const char   *path;
    uint64_t      size, consumed, cut;
    uint8_t      *bytes;    /* BUFFER_SIZE */
    size_t        begin, end;
    bool          at_end, skipping; /* skipping: the rest of a line that was cut */
};

static bool is_zstd(int fd)
{
    uint8_t magic[4];
    return pread(fd, magic, 4, 0) == 4 && memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0;
}

bole_status lines_open(const char *path, struct lines **ret_lines, struct bole_err *err)
{
    bool is_stdin = !strcmp(path, "-");
    int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return bole_fail_errno(err, errno, "opening %s", path);
    struct lines *l = calloc(1, sizeof *l);
    struct stat info;
    if (!l || !(l->bytes = malloc(BUFFER_SIZE))) {
        close(fd);
        free(l);
        return bole_fail(err, BOLE_E_NOMEM, "no memory to read %s", path);
    }
    l->fd = -1;
    l->path = path;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        l->size = (uint64_t)info.st_size;
    if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
        close(fd);
        lines_close(l);
        return bole_fail(err, BOLE_E_INVALID, "%s is a directory: name its files, for instance %s/*.log", path, path);
    }
    if (is_zstd(fd)) {
        l->fd = fd;
        l->zstd = ZSTD_createDStream();
        l->input = malloc(CHUNK);
        if (!l->zstd || !l->input) {
            lines_close(l);
            return bole_fail(err, BOLE_E_NOMEM, "no memory to read %s", path);
        }
    } else {
        l->gz = gzdopen(fd, "rb");
        if (!l->gz) {
            close(fd);
            lines_close(l);
            return bole_fail(err, BOLE_E_NOMEM, "no memory to read %s", path);
        }
        gzbuffer(l->gz, CHUNK);
    }
    *ret_lines = l;
    return BOLE_OK;
}

void lines_close(struct lines *l)
{
    if (!l)
        return;
    if (l->gz)
        gzclose(l->gz);
    if (l->fd >= 0)
        close(l->fd);
    ZSTD_freeDStream(l->zstd);
    free(l->input);
    free(l->bytes);
    free(l);
}

static bole_status fill_zstd(struct lines *l, struct bole_err *err)
{
    ZSTD_outBuffer out = {l->bytes, BUFFER_SIZE, l->end};
    while (out.pos == l->end && !l->at_end) {
        if (l->in.pos == l->in.size) {
            ssize_t n = read(l->fd, l->input, CHUNK);
            if (n < 0)
                return bole_fail_errno(err, errno, "reading %s", l->path);
            l->in = (ZSTD_inBuffer){l->input, (size_t)n, 0};
            l->consumed += (uint64_t)n;
            l->at_end = n == 0;
        }
        size_t rc = ZSTD_decompressStream(l->zstd, &out, &l->in);
        if (ZSTD_isError(rc))
            return bole_fail(err, BOLE_E_CORRUPT, "%s: %s", l->path, ZSTD_getErrorName(rc));
    }
    l->end = out.pos;
    return BOLE_OK;
}

static bole_status fill_gz(struct lines *l, struct bole_err *err)
{
    int n = gzread(l->gz, l->bytes + l->end, (unsigned)(BUFFER_SIZE - l->end < CHUNK ? BUFFER_SIZE - l->end : CHUNK));
    if (n < 0) {
        int code;
        return bole_fail(err, BOLE_E_CORRUPT, "%s: %s", l->path, gzerror(l->gz, &code));
    }
    l->end += (size_t)n;
    l->at_end = n == 0;
    l->consumed = (uint64_t)gzoffset(l->gz);
    return BOLE_OK;
}

static bole_status fill(struct lines *l, struct bole_err *err)
{
    memmove(l->bytes, l->bytes + l->begin, l->end - l->begin);
    l->end -= l->begin;
    l->begin = 0;
    return l->gz ? fill_gz(l, err) : fill_zstd(l, err);
}

bole_status lines_next(struct lines *l, bole_slice *ret_line, struct bole_err *err)
{
    for (;;) {
        size_t have = l->end - l->begin;
        uint8_t *from = l->bytes + l->begin, *newline = have ? memchr(from, '\n', have) : NULL;
        bool whole = newline || l->at_end, too_long = !newline && have >= RECORD_LINE_MAX;
        if (l->at_end && have == 0)
            return BOLE_END;
        if (!whole && !too_long) {
            bole_status st = fill(l, err);
            if (st < 0)
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

uint64_t lines_size(const struct lines *l)
{
    return l->size;
}

uint64_t lines_consumed(const struct lines *l)
{
    return l->consumed;
}

uint64_t lines_cut(const struct lines *l)
{
    return l->cut;
}
