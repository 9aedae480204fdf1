/*
 * fs.h - files, the seam for fault injection: every byte Bole stores goes through here.
 *
 * Implementations: fs_posix (system calls), fs_mem (a disk in memory that can forget what was not synced, fail the n-th
 * call, run full, flip bits; for tests).
 *
 * Units:   bytes. Paths are NUL-terminated.
 * Owner:   the caller owns every struct file it opened.
 * Threads: any; one file is written by one thread at a time, read by any.
 * Errors:  BOLE_E_IO with sys_errno; BOLE_E_NOTFOUND, BOLE_E_FULL (no room), BOLE_E_CONFLICT (exists, locked),
 *          BOLE_E_LIMIT (no descriptor left: nothing happened, try again later). A failed sync, of a file or of a
 *          directory, is final: the pages may be marked clean (ATC'20), so nobody may retry it and believe the answer.
 */
#ifndef OS_FS_H
#define OS_FS_H

#include <sys/uio.h>

#include "base/slice.h"

struct fs { const struct fs_ops *ops; };
struct file { const struct file_ops *ops; };

enum fs_open_flags {
    FS_READ = 0,
    FS_WRITE = 1,      /* read and write */
    FS_CREATE = 2,     /* make it if it is not there */
    FS_EXCLUSIVE = 4,  /* with FS_CREATE: BOLE_E_CONFLICT when it is */
    FS_TRUNCATE = 8,
    FS_DIRECT = 32,    /* a hint: writes go past the memory that the system keeps of files. Then they begin and end, in the
                        * file and in memory, at multiples of 4096 */
    FS_DIRECTORY = 16, /* alone: a directory, to be synced (then what was created, renamed and removed in it is durable)
                        * and closed, nothing else. Held open, a sync needs no descriptor: whatever fails is the sync */
};

struct fs_ops {
    bole_status (*open)(struct fs *self, const char *path, unsigned flags, struct file **ret_file, struct bole_err *err);
    bole_status (*rename)(struct fs *self, const char *from, const char *to, struct bole_err *err);
    bole_status (*unlink)(struct fs *self, const char *path, struct bole_err *err);
    /* Parents too; an existing one is fine. What was made is durable on return: no sync of the parent is needed. */
    bole_status (*make_dir)(struct fs *self, const char *path, struct bole_err *err);
    /* Calls fn for every name (without . and ..) in no order; fn returning a failure stops and is returned. fn may open,
     * rename and unlink; whether a name that appears or goes meanwhile is seen is left open. */
    bole_status (*list_dir)(struct fs *self, const char *path, bole_status (*fn)(const char *name, void *ctx), void *ctx,
                            struct bole_err *err);
    bole_status (*free_space)(struct fs *self, const char *path, uint64_t *ret_bytes, struct bole_err *err);
};

struct file_ops {
    /* Reads exactly len bytes at offset; a shorter file is BOLE_END with *ret_len bytes read (ret_len may be NULL). */
    bole_status (*read)(struct file *self, uint64_t offset, void *ret_bytes, size_t len, size_t *ret_len, struct bole_err *err);
    /* Writes all of it, over short writes and EINTR; a gap before offset reads as zeros. After a failure any part of it
     * may be there. */
    bole_status (*write)(struct file *self, uint64_t offset, const struct iovec *iov, int iov_count, struct bole_err *err);
    bole_status (*sync)(struct file *self, struct bole_err *err);        /* fdatasync: data and length */
    bole_status (*size)(struct file *self, uint64_t *ret_bytes, struct bole_err *err);
    bole_status (*truncate)(struct file *self, uint64_t size, struct bole_err *err);
    /* BOLE_E_CONFLICT when another process or struct file holds it; released by close. */
    bole_status (*lock)(struct file *self, struct bole_err *err);
    void (*close)(struct file *self);
};

/* Thin names for the calls above, so that code reads as verbs. */
static inline bole_status fs_open(struct fs *fs, const char *path, unsigned flags, struct file **ret_file, struct bole_err *err)
{ return fs->ops->open(fs, path, flags, ret_file, err); }
static inline bole_status fs_rename(struct fs *fs, const char *from, const char *to, struct bole_err *err)
{ return fs->ops->rename(fs, from, to, err); }
static inline bole_status fs_unlink(struct fs *fs, const char *path, struct bole_err *err)
{ return fs->ops->unlink(fs, path, err); }
static inline bole_status fs_make_dir(struct fs *fs, const char *path, struct bole_err *err)
{ return fs->ops->make_dir(fs, path, err); }
static inline bole_status fs_list_dir(struct fs *fs, const char *path, bole_status (*fn)(const char *name, void *ctx), void *ctx,
                                      struct bole_err *err)
{ return fs->ops->list_dir(fs, path, fn, ctx, err); }
static inline bole_status fs_free_space(struct fs *fs, const char *path, uint64_t *ret_bytes, struct bole_err *err)
{ return fs->ops->free_space(fs, path, ret_bytes, err); }

static inline bole_status file_read(struct file *f, uint64_t offset, void *ret_bytes, size_t len, size_t *ret_len,
                                    struct bole_err *err)
{ return f->ops->read(f, offset, ret_bytes, len, ret_len, err); }
static inline bole_status file_write(struct file *f, uint64_t offset, const struct iovec *iov, int iov_count,
                                     struct bole_err *err)
{ return f->ops->write(f, offset, iov, iov_count, err); }
static inline bole_status file_sync(struct file *f, struct bole_err *err) { return f->ops->sync(f, err); }
static inline bole_status file_size(struct file *f, uint64_t *ret_bytes, struct bole_err *err)
{
    return f->ops->size(f, ret_bytes, err);
}
static inline bole_status file_truncate(struct file *f, uint64_t size, struct bole_err *err)
{
    return f->ops->truncate(f, size, err);
}
static inline bole_status file_lock(struct file *f, struct bole_err *err) { return f->ops->lock(f, err); }
static inline void file_close(struct file *f) { if (f) f->ops->close(f); }

extern struct fs fs_posix;

/* Free space that a reserve asks for: an eighth more to begin again than to stop, so that nothing stops and begins
 * again all the time at the edge. */
static inline uint64_t fs_reserve(uint64_t reserve_bytes, bool stopped)
{
    uint64_t more = stopped ? reserve_bytes / 8 : 0;
    return reserve_bytes > UINT64_MAX - more ? UINT64_MAX : reserve_bytes + more;
}

/* Write a whole file so that after a crash it is the old one or the new one: tmp, sync, rename, directory sync. After a
 * failure nobody knows which of the two it will be. */
bole_status fs_write_file(struct fs *fs, const char *path, bole_slice bytes, struct bole_err *err);

/* ---- fs_mem: a disk in memory that misbehaves on request ---- */

struct fs_mem_faults {
    uint64_t fail_call_index;   /* the n-th mutating call (open that creates or truncates, write, sync, truncate, rename,
                                 * unlink, make_dir) fails, counted from 1; 0: none */
    int      fail_errno;        /* with this errno */
    bool     fail_is_short;     /* a failing write writes half of its bytes first */
    uint64_t capacity_bytes;    /* sum of file sizes; 0: endless; beyond it ENOSPC */
    bool     no_descriptors;    /* every open fails with EMFILE */
    int      dir_sync_errno;    /* every sync of a directory fails with it; 0: none */
};
struct fs *fs_mem_create(void); /* NULL: no memory */
void fs_mem_destroy(struct fs *fs);
void fs_mem_set_faults(struct fs *fs, const struct fs_mem_faults *faults); /* resets the call counter */
uint64_t fs_mem_call_count(const struct fs *fs);
/* Forgets everything that was not synced: file contents per last sync, names per last directory sync. With a seed, each
 * unsynced write of 512-byte sectors survives or not by chance, as a real disk may do, and so does each unsynced change of
 * a name; seed 0: none survives. What was written before a failed sync never survives unless it is written again: the
 * pages count as clean. Files that are open stay usable as handles but fail with EIO; their locks are gone. */
void fs_mem_power_cut(struct fs *fs, uint64_t seed);
/* Flips one bit of a stored file, for corruption tests; past its end nothing happens. */
void fs_mem_flip_bit(struct fs *fs, const char *path, uint64_t offset, unsigned bit);
/* Reads that touch these bytes of a file fail with EIO from now on, as on a bad sector; len 0: no more. */
void fs_mem_make_unreadable(struct fs *fs, const char *path, uint64_t offset, uint64_t len);

#endif
