#include "agent/unpack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "agent/tail.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"

enum { CHUNK = 64 * 1024, PATH_SIZE = 4096 };

/* ---- a compressed file as a stream ---- */

struct unpacker {
    int      fd;
    uint64_t at;          /* in the compressed file */
    uint8_t  in[CHUNK];
    size_t   in_len, in_at;
    z_stream gzip;
    ZSTD_DStream *zstd;   /* NULL: gzip */
    bool     ends;        /* the last frame or member is complete */
};

static bole_status broken(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_CORRUPT, "the compressed copy is damaged");
}

static bole_status unpacker_open(struct unpacker *u, int fd, bool zstd, struct bole_err *err)
{
    *u = (struct unpacker){.fd = fd};
    if (zstd)
        u->zstd = ZSTD_createDStream();
    if (zstd ? !u->zstd : inflateInit2(&u->gzip, 16 + MAX_WBITS) != Z_OK)
        return bole_fail(err, BOLE_E_NOMEM, "no memory to unpack a file");
    return BOLE_OK;
}

static void unpacker_close(struct unpacker *u)
{
    if (u->zstd)
        ZSTD_freeDStream(u->zstd);
    else
        inflateEnd(&u->gzip);
}

static bole_status unpack_gzip(struct unpacker *u, uint8_t *out, size_t *len, struct bole_err *err)
{
    u->gzip.next_in = u->in + u->in_at;
    u->gzip.avail_in = (uInt)(u->in_len - u->in_at);
    u->gzip.next_out = out;
    u->gzip.avail_out = (uInt)*len;
    int rc = inflate(&u->gzip, Z_NO_FLUSH);
    u->in_at = u->in_len - u->gzip.avail_in;
    *len -= u->gzip.avail_out;
    u->ends = rc == Z_STREAM_END;
    if (u->ends)
        inflateReset(&u->gzip); /* gzip files may stand back to back */
    return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR ? BOLE_OK : broken(err);
}

static bole_status unpack_zstd(struct unpacker *u, uint8_t *out, size_t *len, struct bole_err *err)
{
    ZSTD_inBuffer in = {u->in, u->in_len, u->in_at};
    ZSTD_outBuffer to = {out, *len, 0};
    size_t rc = ZSTD_decompressStream(u->zstd, &to, &in);
    u->in_at = in.pos;
    *len = to.pos;
    u->ends = rc == 0;
    return ZSTD_isError(rc) ? broken(err) : BOLE_OK;
}

/* At most *len bytes; 0 at the end. */
static bole_status unpack(struct unpacker *u, uint8_t *out, size_t *len, struct bole_err *err)
{
    size_t room = *len;
    for (;;) {
        if (u->in_at == u->in_len) {
            bole_status st = source_read(u->fd, u->at, u->in, sizeof u->in, &u->in_len, err);
            if (st < 0)
                return st;
            u->in_at = 0;
            u->at += u->in_len;
            if (u->in_len == 0) {
                *len = 0;
                return u->ends ? BOLE_OK : broken(err); /* still being written, or cut short */
            }
        }
        *len = room;
        bole_status st = u->zstd ? unpack_zstd(u, out, len, err) : unpack_gzip(u, out, len, err);
        if (st < 0 || *len)
            return st;
    }
}

/* ---- into a file ---- */

static bole_status nameless_file(int *ret_fd, struct bole_err *err)
{
    const char *dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = P_tmpdir;
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return bole_fail_errno(err, errno, "a file in %s to unpack into", dir);
    *ret_fd = fd;
    return BOLE_OK;
}

static bole_status put(int fd, uint64_t offset, const uint8_t *bytes, size_t len, struct bole_err *err)
{
    while (len) {
        ssize_t n = pwrite(fd, bytes, len, (off_t)offset);
        if (n < 0 && errno != EINTR)
            return bole_fail_errno(err, errno, "unpacking");
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
            offset += (uint64_t)n;
        }
    }
    return BOLE_OK;
}

/* What of [at, at + len) is below `end`, or from `from` on. */
static bole_status put_wanted(int fd, uint64_t at, const uint8_t *bytes, size_t len, uint64_t end, uint64_t from,
                              struct bole_err *err)
{
    bole_status st = BOLE_OK;
    if (at < end)
        st = put(fd, at, bytes, len < end - at ? len : (size_t)(end - at), err);
    if (st == BOLE_OK && at + len > from) {
        size_t skip = at < from ? (size_t)(from - at) : 0;
        st = put(fd, at + skip, bytes + skip, len - skip, err);
    }
    return st;
}

static bole_status unpack_all(struct unpacker *u, const struct source_print *print, uint64_t offset, int to, struct bole_err *err)
{
    static _Thread_local uint8_t out[CHUNK];
    uint64_t at = 0, from = offset > TAIL_GUARD_MAX ? offset - TAIL_GUARD_MAX : 0;
    size_t head = 0; /* bytes of the print that have come; a chunk may be small */
    uint8_t first[SOURCE_PRINT_MAX];
    for (;;) {
        size_t n = sizeof out;
        bole_status st = unpack(u, out, &n, err);
        if (st < 0 || n == 0)
            return st < 0 ? st : head == print->len ? BOLE_OK : bole_fail(err, BOLE_E_NOTFOUND, "another file");
        size_t more = n < print->len - head ? n : print->len - head;
        memcpy(first + head, out, more);
        head += more;
        if (more && head == print->len && hash64((bole_slice){first, head}) != print->hash)
            return bole_fail(err, BOLE_E_NOTFOUND, "another file");
        if (at + n > from + UNPACK_MAX)
            return bole_fail(err, BOLE_E_LIMIT, "more than %llu bytes are left to read", (unsigned long long)UNPACK_MAX);
        st = put_wanted(to, at, out, n, SOURCE_PRINT_MAX, from, err);
        if (st < 0)
            return st;
        at += n;
    }
}

static bole_status try_copy(const char *copy, bool zstd, const struct source_print *print, uint64_t offset, int *ret_fd,
                            struct bole_err *err)
{
    struct source_info info;
    struct unpacker *u = NULL;
    int fd = -1, to = -1;
    bole_status st = source_open(copy, &fd, &info, err);
    if (st == BOLE_OK)
        st = nameless_file(&to, err);
    if (st == BOLE_OK && !(u = malloc(sizeof *u)))
        st = bole_fail(err, BOLE_E_NOMEM, "no memory to unpack a file");
    if (st == BOLE_OK && (st = unpacker_open(u, fd, zstd, err)) == BOLE_OK) {
        st = unpack_all(u, print, offset, to, err);
        unpacker_close(u);
    }
    free(u);
    source_close(fd);
    if (st == BOLE_OK)
        *ret_fd = to;
    else
        source_close(to);
    return st;
}

bole_status unpack_find(const char *path, const struct source_print *print, uint64_t offset, int *ret_fd, struct bole_err *err)
{
    char directory[PATH_SIZE], copy[PATH_SIZE];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t stem = strcspn(name, "."); /* app.log becomes app.log.1.gz, app-20261121.log.gz */
    int n = snprintf(directory, sizeof directory, "%.*s", slash > path ? (int)(slash - path) : 1, path);
    DIR *dir = slash && n > 0 && (size_t)n < sizeof directory && print->len ? opendir(directory) : NULL;
    bole_status st = bole_fail(err, BOLE_E_NOTFOUND, "%s: no compressed copy", path);
    for (struct dirent *e; dir && st == BOLE_E_NOTFOUND && (e = readdir(dir));) {
        bool zstd = bole_slice_ends(bole_slice_str(e->d_name), S(".zst"));
        bool gzip = bole_slice_ends(bole_slice_str(e->d_name), S(".gz"));
        n = snprintf(copy, sizeof copy, "%s/%s", directory, e->d_name);
        if ((!zstd && !gzip) || strncmp(e->d_name, name, stem) != 0 || (size_t)n >= sizeof copy)
            continue;
        struct bole_err why = {0};
        bole_status tried = try_copy(copy, zstd, print, offset, ret_fd, &why);
        if (tried == BOLE_OK)
            st = BOLE_OK;
        else if (tried != BOLE_E_NOTFOUND)
            LOG(WARN, "compressed file not read", " path=%s reason=%s", LOGQS(copy), LOGQS(why.msg));
    }
    if (dir)
        closedir(dir);
    return st;
}
