#include "os/fs.h"

#include <limits.h>
#include <stdio.h>

#include "base/err.h"

/* The directory part of path: "a/b" gives "a", "b" gives ".", "/b" gives "/". */
static void parent_of(const char *path, char *ret_dir, size_t size)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(ret_dir, size, ".");
    else
        snprintf(ret_dir, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static bole_status write_and_sync(struct fs *fs, const char *path, bole_slice bytes, struct bole_err *err)
{
    struct file *f;
    bole_status st = fs_open(fs, path, FS_WRITE | FS_CREATE | FS_TRUNCATE, &f, err);
    if (st < 0)
        return st;
    struct iovec iov = {(void *)bytes.ptr, bytes.len};
    if (bytes.len)
        st = file_write(f, 0, &iov, 1, err);
    if (st >= 0)
        st = file_sync(f, err);
    file_close(f);
    return st;
}

bole_status fs_write_file(struct fs *fs, const char *path, bole_slice bytes, struct bole_err *err)
{
    char tmp[PATH_MAX], dir_path[PATH_MAX];
    struct file *dir;
    size_t len = strlen(path);
    if (len + sizeof ".tmp" > sizeof tmp)
        return bole_fail(err, BOLE_E_INVALID, "path of %zu bytes is too long", len);
    memcpy(tmp, path, len);
    memcpy(tmp + len, ".tmp", sizeof ".tmp");
    parent_of(path, dir_path, sizeof dir_path);

    bole_status st = fs_open(fs, dir_path, FS_DIRECTORY, &dir, err);
    if (st < 0)
        return st;
    st = write_and_sync(fs, tmp, bytes, err);
    if (st >= 0)
        st = fs_rename(fs, tmp, path, err);
    if (st >= 0)
        st = file_sync(dir, err);
    else
        fs_unlink(fs, tmp, NULL);
    file_close(dir);
    return st;
}
