/*
 * fs_posix.c - the file system of the machine. Every call closes over EINTR except the syncs: a sync that failed for
 * any reason has failed (fs.h).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "os/fs.h"

enum { IOV_PER_CALL = 64, FILE_MODE = 0600, DIR_MODE = 0700 }; /* logs are private */

struct posix_file {
    struct file base;
    int fd;
    bool is_dir;
    char path[]; /* for messages */
};

static struct posix_file *posix_of(struct file *f)
{
    return (struct posix_file *)f;
}

static bole_status posix_read(struct file *self, uint64_t offset, void *ret_bytes, size_t len, size_t *ret_len,
                              struct bole_err *err)
{
    struct posix_file *f = posix_of(self);
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(f->fd, (uint8_t *)ret_bytes + got, len - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bole_fail_errno(err, errno, "reading %s at %llu", f->path, (unsigned long long)(offset + got));
        if (n == 0)
            break;
        got += (size_t)n;
    }
    if (ret_len)
        *ret_len = got;
    return got == len ? BOLE_OK : BOLE_END;
}

/* Fills `part` with what is left of the vector after `skip` bytes of its first element. */
static int next_iov(const struct iovec *iov, int iov_count, size_t skip, struct iovec *part)
{
    int n = iov_count < IOV_PER_CALL ? iov_count : IOV_PER_CALL;
    memcpy(part, iov, (size_t)n * sizeof *part);
    part[0].iov_base = (uint8_t *)part[0].iov_base + skip;
    part[0].iov_len -= skip;
    return n;
}

/* Where the file system opens a file for direct writes but wants them otherwise. False: it was not opened so. */
static bool stop_direct(struct posix_file *f)
{
    int flags = fcntl(f->fd, F_GETFL);
    return flags >= 0 && flags & O_DIRECT && fcntl(f->fd, F_SETFL, flags & ~O_DIRECT) == 0;
}

static bole_status posix_write(struct file *self, uint64_t offset, const struct iovec *iov, int iov_count,
                               struct bole_err *err)
{
    struct posix_file *f = posix_of(self);
    size_t skip = 0; /* bytes of iov[0] that are written */
    while (iov_count > 0) {
        if (skip == iov->iov_len) {
            iov++, iov_count--, skip = 0;
            continue;
        }
        struct iovec part[IOV_PER_CALL];
        int part_count = next_iov(iov, iov_count, skip, part);
        ssize_t n = pwritev(f->fd, part, part_count, (off_t)offset);
        if (n < 0 && (errno == EINTR || (errno == EINVAL && stop_direct(f))))
            continue;
        if (n <= 0)
            return bole_fail_errno(err, n < 0 ? errno : ENOSPC, "writing %s at %llu", f->path,
                                   (unsigned long long)offset);
        offset += (uint64_t)n;
        size_t left = (size_t)n;
        while (left >= iov->iov_len - skip) {
            left -= iov->iov_len - skip;
            iov++, iov_count--, skip = 0;
            if (iov_count == 0)
                return BOLE_OK;
        }
        skip += left;
    }
    return BOLE_OK;
}

static bole_status posix_sync(struct file *self, struct bole_err *err)
{
    struct posix_file *f = posix_of(self);
    int rc = f->is_dir ? fsync(f->fd) : fdatasync(f->fd);
    return rc == 0 ? BOLE_OK : bole_fail_errno(err, errno, "syncing %s", f->path);
}

static bole_status posix_size(struct file *self, uint64_t *ret_bytes, struct bole_err *err)
{
    struct posix_file *f = posix_of(self);
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return bole_fail_errno(err, errno, "size of %s", f->path);
    *ret_bytes = (uint64_t)st.st_size;
    return BOLE_OK;
}

static bole_status posix_truncate(struct file *self, uint64_t size, struct bole_err *err)
{
    struct posix_file *f = posix_of(self);
    int rc;
    do
        rc = ftruncate(f->fd, (off_t)size);
    while (rc < 0 && errno == EINTR);
    return rc == 0 ? BOLE_OK : bole_fail_errno(err, errno, "truncating %s to %llu", f->path, (unsigned long long)size);
}

static bole_status posix_lock(struct file *self, struct bole_err *err)
{
    struct posix_file *f = posix_of(self);
    int rc;
    do
        rc = flock(f->fd, LOCK_EX | LOCK_NB);
    while (rc < 0 && errno == EINTR);
    if (rc == 0)
        return BOLE_OK;
    if (errno == EWOULDBLOCK)
        return bole_fail(err, BOLE_E_CONFLICT, "%s is locked by somebody else", f->path);
    return bole_fail_errno(err, errno, "locking %s", f->path);
}

static void posix_close(struct file *self)
{
    /* What matters was synced, and a sync says more than close can. */
    close(posix_of(self)->fd);
    free(self);
}

static const struct file_ops posix_file_ops = {
    .read = posix_read,
    .write = posix_write,
    .sync = posix_sync,
    .size = posix_size,
    .truncate = posix_truncate,
    .lock = posix_lock,
    .close = posix_close,
};

static bole_status posix_open(struct fs *self, const char *path, unsigned flags, struct file **ret_file,
                              struct bole_err *err)
{
    int o = O_CLOEXEC | (flags & FS_WRITE ? O_RDWR : O_RDONLY);
    o |= flags & FS_CREATE ? O_CREAT : 0;
    o |= flags & FS_EXCLUSIVE ? O_EXCL : 0;
    o |= flags & FS_TRUNCATE ? O_TRUNC : 0;
    o |= flags & FS_DIRECTORY ? O_DIRECTORY : 0;
    o |= flags & FS_DIRECT ? O_DIRECT : 0;
    size_t path_size = strlen(path) + 1;
    struct posix_file *f = malloc(sizeof *f + path_size);
    if (!f)
        return bole_fail(err, BOLE_E_NOMEM, "opening %s: no memory", path);
    f->base.ops = &posix_file_ops;
    f->is_dir = (flags & FS_DIRECTORY) != 0;
    memcpy(f->path, path, path_size);
    do {
        f->fd = open(path, o, FILE_MODE);
        if (f->fd < 0 && errno == EINVAL && o & O_DIRECT) { /* as some file systems in memory do */
            o &= ~O_DIRECT;
            errno = EINTR;
        }
    } while (f->fd < 0 && errno == EINTR);
    if (f->fd < 0) {
        int saved = errno;
        free(f);
        if (saved == EEXIST)
            return bole_fail(err, BOLE_E_CONFLICT, "%s exists already", path);
        return bole_fail_errno(err, saved, "opening %s", path);
    }
    *ret_file = &f->base;
    return BOLE_OK;
}

static bole_status posix_rename(struct fs *self, const char *from, const char *to, struct bole_err *err)
{
    return rename(from, to) == 0 ? BOLE_OK : bole_fail_errno(err, errno, "renaming %s to %s", from, to);
}

static bole_status posix_unlink(struct fs *self, const char *path, struct bole_err *err)
{
    return unlink(path) == 0 ? BOLE_OK : bole_fail_errno(err, errno, "removing %s", path);
}

/* One level; made directories are synced into their parent. */
static bole_status make_one_dir(const char *path, const char *parent, struct bole_err *err)
{
    struct stat existing;
    struct file *dir = NULL;
    if (mkdir(path, DIR_MODE) != 0) {
        int saved = errno;
        if (saved == EEXIST && stat(path, &existing) == 0 && S_ISDIR(existing.st_mode))
            return BOLE_OK;
        return bole_fail_errno(err, saved == EEXIST ? ENOTDIR : saved, "making directory %s", path);
    }
    bole_status st = posix_open(NULL, parent, FS_DIRECTORY, &dir, err);
    if (st >= 0)
        st = file_sync(dir, err);
    file_close(dir);
    if (st < 0)
        rmdir(path); /* or the next start would find it, and believe that it stays */
    return st;
}

static bole_status posix_make_dir(struct fs *self, const char *path, struct bole_err *err)
{
    char at[PATH_MAX], parent[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof at)
        return bole_fail(err, BOLE_E_INVALID, "making directory: a path of %zu bytes", len);
    snprintf(parent, sizeof parent, "%s", path[0] == '/' ? "/" : ".");
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        memcpy(at, path, i);
        at[i] = 0;
        bole_status st = make_one_dir(at, parent, err);
        if (st < 0)
            return st;
        memcpy(parent, at, i + 1);
    }
    return BOLE_OK;
}

static bole_status posix_list_dir(struct fs *self, const char *path, bole_status (*fn)(const char *name, void *ctx),
                                  void *ctx, struct bole_err *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return bole_fail_errno(err, errno, "listing %s", path);
    bole_status st = BOLE_OK;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry) {
            if (errno)
                st = bole_fail_errno(err, errno, "listing %s", path);
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        st = fn(entry->d_name, ctx);
        if (st < 0)
            break;
    }
    closedir(dir);
    return st < 0 ? st : BOLE_OK;
}

static bole_status posix_free_space(struct fs *self, const char *path, uint64_t *ret_bytes, struct bole_err *err)
{
    struct statvfs v;
    if (statvfs(path, &v) < 0)
        return bole_fail_errno(err, errno, "free space of %s", path);
    *ret_bytes = (uint64_t)v.f_bavail * v.f_frsize;
    return BOLE_OK;
}

static const struct fs_ops posix_ops = {
    .open = posix_open,
    .rename = posix_rename,
    .unlink = posix_unlink,
    .make_dir = posix_make_dir,
    .list_dir = posix_list_dir,
    .free_space = posix_free_space,
};

struct fs fs_posix = {&posix_ops};
