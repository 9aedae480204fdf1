#include "agent/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"

bool source_id_same(const struct source_id *a, const struct source_id *b, bool strict)
{
    bool births_known = a->birth_ns && b->birth_ns;
    if (a->inode != b->inode || (births_known && a->birth_ns != b->birth_ns))
        return false;
    return a->device == b->device || (!strict && births_known);
}

static int64_t stamp_ns(const struct statx_timestamp *t)
{
    return t->tv_sec * NS_PER_S + t->tv_nsec;
}

static void fill_info(const struct statx *sx, struct source_info *ret_info)
{
    *ret_info = (struct source_info){
        .kind = S_ISREG(sx->stx_mode) ? SOURCE_FILE : S_ISDIR(sx->stx_mode) ? SOURCE_DIRECTORY : SOURCE_SPECIAL,
        .id = {.device = makedev(sx->stx_dev_major, sx->stx_dev_minor),
               .inode = sx->stx_ino,
               .birth_ns = sx->stx_mask & STATX_BTIME ? stamp_ns(&sx->stx_btime) : 0},
        .size_bytes = sx->stx_size,
        .modified_ns = stamp_ns(&sx->stx_mtime),
        .links = sx->stx_nlink,
    };
}

enum { STATX_WANTED = STATX_BASIC_STATS | STATX_BTIME };

static bole_status unsupported(enum source_kind kind, const char *path, struct bole_err *err)
{
    static const char *const why[] = {"is a file", "is a directory", "is a device, FIFO or socket",
                                      "symbolic links in a circle", "is a symbolic link to a file of another owner"};
    return bole_fail(err, BOLE_E_UNSUPPORTED, "%s: %s", path, why[kind]);
}

bole_status source_stat(const char *path, struct source_info *ret_info, struct bole_err *err)
{
    struct statx name, target;
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_WANTED, &name) != 0)
        return bole_fail_errno(err, errno, "%s", path);
    if (!S_ISLNK(name.stx_mode)) {
        fill_info(&name, ret_info);
        return ret_info->kind == SOURCE_FILE ? BOLE_OK : unsupported(ret_info->kind, path, err);
    }
    if (statx(AT_FDCWD, path, 0, STATX_WANTED, &target) != 0) {
        int cause = errno;
        if (cause != ELOOP)
            return bole_fail_errno(err, cause, "%s: target of the symbolic link", path);
        fill_info(&name, ret_info);
        ret_info->kind = SOURCE_LOOP;
        ret_info->is_link = true;
        return unsupported(SOURCE_LOOP, path, err);
    }
    fill_info(&target, ret_info);
    ret_info->is_link = true;
    if (ret_info->kind == SOURCE_FILE && name.stx_uid != 0 && name.stx_uid != geteuid() &&
        name.stx_uid != target.stx_uid)
        ret_info->kind = SOURCE_FOREIGN;
    return ret_info->kind == SOURCE_FILE ? BOLE_OK : unsupported(ret_info->kind, path, err);
}

bole_status source_stat_fd(int fd, struct source_info *ret_info, struct bole_err *err)
{
    struct statx sx;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_WANTED, &sx) != 0)
        return bole_fail_errno(err, errno, "open file");
    fill_info(&sx, ret_info);
    return BOLE_OK;
}

bole_status source_open(const char *path, int *ret_fd, struct source_info *ret_info, struct bole_err *err)
{
    /* Opening a device can act on it (a tape rewinds), so the path is looked at first; what was opened is then looked
     * at again, because the path may have changed hands in between. */
    struct source_info before;
    bole_status st = source_stat(path, &before, err);
    if (st < 0) {
        if (st == BOLE_E_UNSUPPORTED)
            *ret_info = before;
        return st;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (before.is_link ? 0 : O_NOFOLLOW));
    if (fd < 0)
        return bole_fail_errno(err, errno, "%s", path);
    struct source_info info;
    st = source_stat_fd(fd, &info, err);
    if (st == BOLE_OK && info.kind != SOURCE_FILE)
        st = unsupported(info.kind, path, err);
    /* A link that was switched after the check has not been checked: come back for it. */
    if (st == BOLE_OK && before.is_link && !source_id_same(&before.id, &info.id, true))
        st = bole_fail(err, BOLE_E_NOTFOUND, "%s: switched while it was opened", path);
    if (st < 0) {
        close(fd);
        return st;
    }
    info.is_link = before.is_link;
    *ret_info = info;
    *ret_fd = fd;
    return BOLE_OK;
}

void source_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

bole_status source_read(int fd, uint64_t offset, void *ret_bytes, size_t len, size_t *ret_len, struct bole_err *err)
{
    ssize_t n;
    do
        n = pread(fd, ret_bytes, len, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return bole_fail_errno(err, errno, "reading at %llu", (unsigned long long)offset);
    *ret_len = (size_t)n;
    return BOLE_OK;
}

bole_status source_find(const char *directory, const struct source_id *id, size_t path_size, char *ret_path,
                        struct bole_err *err)
{
    DIR *dir = opendir(directory);
    if (!dir)
        return bole_fail_errno(err, errno, "%s", directory);
    bole_status st = BOLE_E_NOTFOUND;
    for (struct dirent *e; st == BOLE_E_NOTFOUND && (e = readdir(dir));) {
        struct statx sx;
        struct source_info info;
        /* d_ino is not asked: on overlay file systems it is not what stat says. */
        if (statx(dirfd(dir), e->d_name, AT_SYMLINK_NOFOLLOW, STATX_WANTED, &sx) != 0)
            continue;
        fill_info(&sx, &info);
        int n = snprintf(ret_path, path_size, "%s/%s", directory, e->d_name);
        if (info.kind == SOURCE_FILE && source_id_same(&info.id, id, false) && n > 0 && (size_t)n < path_size)
            st = BOLE_OK;
    }
    closedir(dir);
    return st == BOLE_OK ? st
                         : bole_fail(err, st, "%s: no file with inode %llu", directory, (unsigned long long)id->inode);
}

bole_status source_print(int fd, uint32_t len, struct source_print *ret_print, struct bole_err *err)
{
    uint8_t bytes[SOURCE_PRINT_MAX];
    size_t have = 0, want = len < sizeof bytes ? len : sizeof bytes;
    while (have < want) {
        size_t n;
        bole_status st = source_read(fd, have, bytes + have, want - have, &n, err);
        if (st < 0)
            return st;
        if (n == 0)
            break;
        have += n;
    }
    *ret_print = (struct source_print){.len = (uint32_t)have, .hash = hash64((bole_slice){bytes, have})};
    return BOLE_OK;
}

bole_status source_skip_hole(int fd, uint64_t offset, uint64_t size, uint64_t *ret_offset, struct bole_err *err)
{
    off_t data = lseek(fd, (off_t)offset, SEEK_DATA);
    if (data < 0) {
        if (errno == ENXIO) { /* nothing but a hole up to the end */
            *ret_offset = size;
            return BOLE_OK;
        }
        if (errno != EINVAL && errno != EOPNOTSUPP)
            return bole_fail_errno(err, errno, "looking for data behind %llu", (unsigned long long)offset);
        data = (off_t)offset; /* this file system does not know its holes: they are read as NUL bytes below */
    }
    uint64_t at = (uint64_t)data;
    uint8_t bytes[4096];
    for (;;) {
        size_t n, zeros = 0;
        bole_status st = source_read(fd, at, bytes, sizeof bytes, &n, err);
        if (st < 0)
            return st;
        while (zeros < n && bytes[zeros] == 0)
            zeros++;
        at += zeros;
        if (zeros < n || n == 0)
            break;
    }
    *ret_offset = at;
    return BOLE_OK;
}

enum source_encoding source_encoding(bole_slice first_bytes, size_t *ret_mark_len)
{
    static const struct {
        bole_slice mark;
        enum source_encoding encoding;
    } marks[] = {{S("\xef\xbb\xbf"), SOURCE_BYTES}, {S("\xff\xfe"), SOURCE_UTF16LE}, {S("\xfe\xff"), SOURCE_UTF16BE}};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (bole_slice_starts(first_bytes, marks[i].mark)) {
            *ret_mark_len = marks[i].mark.len;
            return marks[i].encoding;
        }
    *ret_mark_len = 0;
    return SOURCE_BYTES;
}

const char *source_sniff(bole_slice first_bytes)
{
    static const struct {
        bole_slice magic;
        const char *name;
    } known[] = {
        {S("\x1f\x8b"), "gzip"},          {S("\xfd" "7zXZ"), "xz"},        {S("\x28\xb5\x2f\xfd"), "zstd"},
        {S("BZh9"), "bzip2"},             {S("PK\x03\x04"), "zip"},        {S("LPKSHHRH"), "journal"},
        {S("SQLite format 3"), "sqlite"}, {S("\x7f" "ELF"), "executable"},
    };
    size_t mark;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (bole_slice_starts(first_bytes, known[i].magic))
            return known[i].name;
    if (source_encoding(first_bytes, &mark) >= SOURCE_UTF16LE)
        return NULL;
    /* Text has the odd control byte (a NUL from a crash, colours of a terminal); records of a binary format, such as
     * wtmp's, are full of them. */
    size_t controls = 0;
    for (size_t i = 0; i < first_bytes.len; i++)
        controls += first_bytes.ptr[i] < 0x20 && !memchr("\t\n\v\f\r\b\033", first_bytes.ptr[i], 7);
    return controls > 2 && controls * 5 > first_bytes.len ? "binary" : NULL;
}
