/*
 * The mapping is one to one, but for two things. SQLite leaves it to the VFS to make names durable: a file that was
 * made here syncs its directory with its first own sync. And SQLite treats a failed sync as an error like others that
 * it may retry; here it ends the process, because the kernel may have dropped the pages and would let the retry
 * succeed. A directory is opened before anything in it changes, so that want of a descriptor is never taken for a
 * failed sync.
 */
#include "catalog/sqlite_vfs.h"

#include <limits.h>
#include <stdio.h>

#include "base/err.h"

enum { SECTOR_SIZE = 4096 };

struct vfs_file {
    sqlite3_file base;
    struct sqlite_vfs *vfs;
    struct file *file;
    struct file *dir; /* the name is new: synced with the first sync; else NULL */
    bool delete_on_close;
    char path[PATH_MAX];
};

static struct vfs_file *file_of(sqlite3_file *f)
{
    return (struct vfs_file *)f;
}

static struct sqlite_vfs *vfs_of(sqlite3_vfs *v)
{
    return v->pAppData;
}

static int sqlite_code(bole_status st, int otherwise)
{
    switch (st) {
    case BOLE_OK: return SQLITE_OK;
    case BOLE_E_FULL: return SQLITE_FULL;
    case BOLE_E_NOMEM: return SQLITE_IOERR_NOMEM;
    case BOLE_E_CONFLICT: return SQLITE_BUSY;
    default: return otherwise;
    }
}

static void parent_of(const char *path, char ret_dir[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(ret_dir, PATH_MAX, ".");
    else
        snprintf(ret_dir, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

/* True when the sync may be believed. */
static bool sync_succeeded(struct sqlite_vfs *v, bole_status st)
{
    if (st >= 0)
        return true;
    v->dead = true;
    v->on_fatal(&v->last);
    return false;
}

static bole_status open_parent(struct sqlite_vfs *v, const char *path, struct file **ret_dir)
{
    char dir[PATH_MAX];
    parent_of(path, dir);
    return fs_open(v->fs, dir, FS_DIRECTORY, ret_dir, &v->last);
}

/* Takes dir. */
static int sync_parent(struct sqlite_vfs *v, struct file *dir)
{
    bool synced = sync_succeeded(v, file_sync(dir, &v->last));
    file_close(dir);
    return synced ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
}

/* ---- a file ---- */

static int vfs_close(sqlite3_file *self)
{
    struct vfs_file *f = file_of(self);
    file_close(f->file);
    file_close(f->dir);
    if (f->delete_on_close)
        fs_unlink(f->vfs->fs, f->path, NULL);
    return SQLITE_OK;
}

static int vfs_read(sqlite3_file *self, void *ret_bytes, int len, sqlite3_int64 offset)
{
    struct vfs_file *f = file_of(self);
    size_t got = 0;
    bole_status st =
        f->vfs->dead ? BOLE_E_IO : file_read(f->file, (uint64_t)offset, ret_bytes, (size_t)len, &got, &f->vfs->last);
    if (st == BOLE_END) {
        memset((uint8_t *)ret_bytes + got, 0, (size_t)len - got); /* as xRead asks */
        return SQLITE_IOERR_SHORT_READ;
    }
    return sqlite_code(st, SQLITE_IOERR_READ);
}

static int vfs_write(sqlite3_file *self, const void *bytes, int len, sqlite3_int64 offset)
{
    struct vfs_file *f = file_of(self);
    struct iovec iov = {(void *)bytes, (size_t)len};
    bole_status st = f->vfs->dead ? BOLE_E_IO : file_write(f->file, (uint64_t)offset, &iov, 1, &f->vfs->last);
    return sqlite_code(st, SQLITE_IOERR_WRITE);
}

static int vfs_truncate(sqlite3_file *self, sqlite3_int64 size)
{
    struct vfs_file *f = file_of(self);
    bole_status st = f->vfs->dead ? BOLE_E_IO : file_truncate(f->file, (uint64_t)size, &f->vfs->last);
    return sqlite_code(st, SQLITE_IOERR_TRUNCATE);
}

static int vfs_sync(sqlite3_file *self, int flags)
{
    struct vfs_file *f = file_of(self);
    if (f->vfs->dead)
        return SQLITE_IOERR_FSYNC;
    if (!sync_succeeded(f->vfs, file_sync(f->file, &f->vfs->last)))
        return SQLITE_IOERR_FSYNC;
    struct file *dir = f->dir;
    f->dir = NULL;
    return dir ? sync_parent(f->vfs, dir) : SQLITE_OK;
}

static int vfs_file_size(sqlite3_file *self, sqlite3_int64 *ret_size)
{
    struct vfs_file *f = file_of(self);
    uint64_t size = 0;
    bole_status st = file_size(f->file, &size, &f->vfs->last);
    *ret_size = (sqlite3_int64)size;
    return sqlite_code(st, SQLITE_IOERR_FSTAT);
}

static int vfs_lock(sqlite3_file *self, int level)
{
    return SQLITE_OK;
}

static int vfs_check_reserved(sqlite3_file *self, int *ret_reserved)
{
    *ret_reserved = 0;
    return SQLITE_OK;
}

static int vfs_control(sqlite3_file *self, int op, void *arg)
{
    return SQLITE_NOTFOUND;
}

static int vfs_sector_size(sqlite3_file *self)
{
    return SECTOR_SIZE;
}

/* A write leaves what lies beside it alone, as SQLite takes for granted on every system: else it would fill up a sector behind
 * the last frame of a commit, and when that fails, on a full disk, the commit fails here and stands after the next start.
 * Nothing else is promised: SQLite orders and syncs by itself. */
static int vfs_characteristics(sqlite3_file *self)
{
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods io_methods = {
    .iVersion = 1, /* no shared memory: the WAL index is on the heap */
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_file_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_lock,
    .xCheckReservedLock = vfs_check_reserved,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector_size,
    .xDeviceCharacteristics = vfs_characteristics,
};

/* ---- the file system ---- */

/* BOLE_OK, BOLE_E_NOTFOUND, or that nobody knows. */
static bole_status look_for(struct sqlite_vfs *v, const char *path)
{
    struct file *f = NULL;
    struct bole_err err;
    bole_status st = fs_open(v->fs, path, FS_READ, &f, &err);
    if (st < 0 && st != BOLE_E_NOTFOUND)
        v->last = err;
    file_close(f);
    return st;
}

static int vfs_open(sqlite3_vfs *self, const char *path, sqlite3_file *ret_file, int flags, int *ret_flags)
{
    struct sqlite_vfs *v = vfs_of(self);
    struct vfs_file *f = file_of(ret_file);
    memset(f, 0, sizeof *f);
    f->vfs = v;
    /* temp_store=MEMORY: a file without a name is never asked for. */
    if (v->dead || !path || strlen(path) >= sizeof f->path)
        return SQLITE_CANTOPEN;
    strcpy(f->path, path);
    f->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    unsigned mode = (flags & SQLITE_OPEN_READWRITE ? FS_WRITE : FS_READ) |
                    (flags & SQLITE_OPEN_CREATE ? FS_CREATE : 0) | (flags & SQLITE_OPEN_EXCLUSIVE ? FS_EXCLUSIVE : 0);
    bole_status st = BOLE_OK;
    if ((flags & SQLITE_OPEN_CREATE) && look_for(v, path) == BOLE_E_NOTFOUND)
        st = open_parent(v, path, &f->dir);
    if (st >= 0)
        st = fs_open(v->fs, path, mode, &f->file, &v->last);
    if (st >= 0 && (flags & SQLITE_OPEN_MAIN_DB))
        st = file_lock(f->file, &v->last);
    if (st < 0) { /* pMethods is NULL: SQLite will not call xClose */
        file_close(f->file);
        file_close(f->dir);
        return sqlite_code(st, SQLITE_CANTOPEN);
    }
    f->base.pMethods = &io_methods;
    if (ret_flags)
        *ret_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *self, const char *path, int sync_dir)
{
    struct sqlite_vfs *v = vfs_of(self);
    struct file *dir = NULL;
    bole_status st = v->dead ? BOLE_E_IO : BOLE_OK;
    if (st >= 0 && sync_dir)
        st = open_parent(v, path, &dir);
    if (st >= 0)
        st = fs_unlink(v->fs, path, &v->last);
    if (st >= 0)
        return dir ? sync_parent(v, dir) : SQLITE_OK;
    file_close(dir);
    return st == BOLE_E_NOTFOUND ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
}

static int vfs_access(sqlite3_vfs *self, const char *path, int flags, int *ret_yes)
{
    bole_status st = look_for(vfs_of(self), path);
    *ret_yes = st >= 0;
    return st >= 0 || st == BOLE_E_NOTFOUND ? SQLITE_OK : SQLITE_IOERR_ACCESS;
}

static int vfs_full_path(sqlite3_vfs *self, const char *path, int size, char *ret_path)
{
    return snprintf(ret_path, (size_t)size, "%s", path) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

/* Salts and the clock are of no interest to a test: SQLite's own. */
static int vfs_randomness(sqlite3_vfs *self, int len, char *ret_bytes)
{
    sqlite3_vfs *own = sqlite3_vfs_find(NULL);
    return own->xRandomness(own, len, ret_bytes);
}

static int vfs_sleep(sqlite3_vfs *self, int microseconds)
{
    sqlite3_vfs *own = sqlite3_vfs_find(NULL);
    return own->xSleep(own, microseconds);
}

static int vfs_current_time(sqlite3_vfs *self, double *ret_days)
{
    sqlite3_vfs *own = sqlite3_vfs_find(NULL);
    return own->xCurrentTime(own, ret_days);
}

static int vfs_last_error(sqlite3_vfs *self, int size, char *ret_text)
{
    return vfs_of(self)->last.sys_errno;
}

bole_status sqlite_vfs_register(struct sqlite_vfs *v, struct fs *fs, void (*on_fatal)(const struct bole_err *err),
                                struct bole_err *err)
{
    *v = (struct sqlite_vfs){.fs = fs, .on_fatal = on_fatal};
    snprintf(v->name, sizeof v->name, "bole-%p", (void *)v); /* two catalogues in one process need two names */
    v->base = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = sizeof(struct vfs_file),
        .mxPathname = PATH_MAX - 16,
        .zName = v->name,
        .pAppData = v,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_current_time,
        .xGetLastError = vfs_last_error,
    };
    int rc = sqlite3_vfs_register(&v->base, 0);
    return rc == SQLITE_OK ? BOLE_OK : bole_fail(err, BOLE_E_IO, "catalogue: %s", sqlite3_errstr(rc));
}

void sqlite_vfs_unregister(struct sqlite_vfs *v)
{
    sqlite3_vfs_unregister(&v->base);
}
