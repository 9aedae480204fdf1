#include "cmd/fs_progress.h"

#include <stdlib.h>

#include "base/err.h"

struct counted_file {
    struct file         base;
    struct file        *inner;
    struct fs_progress *fs;
};

static struct file *inner_file(struct file *f)
{
    return ((struct counted_file *)f)->inner;
}

static struct fs *inner_fs(struct fs *f)
{
    return ((struct fs_progress *)f)->inner;
}

static bole_status counted_read(struct file *f, uint64_t offset, void *bytes, size_t len, size_t *ret_len,
                                struct bole_err *err)
{
    struct fs_progress *fs = ((struct counted_file *)f)->fs;
    bole_status st = file_read(inner_file(f), offset, bytes, len, ret_len, err);
    fs->read_bytes += st == BOLE_OK ? len : 0;
    progress_update(fs->progress, fs->read_bytes);
    return st;
}

static bole_status plain_write(struct file *f, uint64_t offset, const struct iovec *iov, int iov_count,
                               struct bole_err *err)
{
    return file_write(inner_file(f), offset, iov, iov_count, err);
}

static bole_status plain_sync(struct file *f, struct bole_err *err)
{
    return file_sync(inner_file(f), err);
}

static bole_status plain_size(struct file *f, uint64_t *ret_bytes, struct bole_err *err)
{
    return file_size(inner_file(f), ret_bytes, err);
}

static bole_status plain_truncate(struct file *f, uint64_t size, struct bole_err *err)
{
    return file_truncate(inner_file(f), size, err);
}

static bole_status plain_lock(struct file *f, struct bole_err *err)
{
    return file_lock(inner_file(f), err);
}

static void plain_close(struct file *f)
{
    file_close(inner_file(f));
    free(f);
}

static const struct file_ops counted_file_ops = {
    .read = counted_read, .write = plain_write, .sync = plain_sync, .size = plain_size,
    .truncate = plain_truncate, .lock = plain_lock, .close = plain_close,
};

static bole_status counted_open(struct fs *self, const char *path, unsigned flags, struct file **ret_file,
                                struct bole_err *err)
{
    struct counted_file *f = malloc(sizeof *f);
    if (!f)
        return bole_fail(err, BOLE_E_NOMEM, "no memory to open %s", path);
    *f = (struct counted_file){.base.ops = &counted_file_ops, .fs = (struct fs_progress *)self};
    bole_status st = fs_open(inner_fs(self), path, flags, &f->inner, err);
    if (st < 0) {
        free(f);
        return st;
    }
    *ret_file = &f->base;
    return st;
}

static bole_status plain_rename(struct fs *self, const char *from, const char *to, struct bole_err *err)
{
    return fs_rename(inner_fs(self), from, to, err);
}

static bole_status plain_unlink(struct fs *self, const char *path, struct bole_err *err)
{
    return fs_unlink(inner_fs(self), path, err);
}

static bole_status plain_make_dir(struct fs *self, const char *path, struct bole_err *err)
{
    return fs_make_dir(inner_fs(self), path, err);
}

static bole_status plain_list_dir(struct fs *self, const char *path, bole_status (*fn)(const char *name, void *ctx),
                                  void *ctx, struct bole_err *err)
{
    return fs_list_dir(inner_fs(self), path, fn, ctx, err);
}

static bole_status plain_free_space(struct fs *self, const char *path, uint64_t *ret_bytes, struct bole_err *err)
{
    return fs_free_space(inner_fs(self), path, ret_bytes, err);
}

static const struct fs_ops counted_fs_ops = {
    .open = counted_open, .rename = plain_rename, .unlink = plain_unlink, .make_dir = plain_make_dir,
    .list_dir = plain_list_dir, .free_space = plain_free_space,
};

void fs_progress_init(struct fs_progress *f, struct fs *inner, struct progress *progress)
{
    *f = (struct fs_progress){.base.ops = &counted_fs_ops, .inner = inner, .progress = progress};
}
