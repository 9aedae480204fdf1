/*
 * fs_mem.c - a file system in memory that misbehaves on request: the calls, their faults and their errors. What a disk
 * is stands in fs_mem_disk.c.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "os/fs.h"
#include "os/fs_mem_disk.h"

#define ENDLESS_FREE_SPACE (1ull << 40)

struct fs_mem {
    struct fs base;
    pthread_mutex_t lock; /* guards everything below */
    struct mem_disk disk;
    struct fs_mem_faults faults;
    uint64_t call_count, power_cuts;
};

struct mem_file {
    struct file base;
    struct fs_mem *fs;
    struct mem_inode *inode; /* NULL: a directory */
    uint64_t power_cuts; /* of the disk when it was opened */
    bool writable;
    char path[];
};

static struct fs_mem *mem_of(const struct fs *fs)
{
    return (struct fs_mem *)fs;
}

/* ---- calls ---- */

/* Counts a mutating call; the errno it has to fail with, or 0. */
static int injected_errno(struct fs_mem *m)
{
    m->call_count++;
    return m->call_count == m->faults.fail_call_index ? m->faults.fail_errno : 0;
}

static int handle_errno(const struct mem_file *f, bool writes)
{
    if (f->power_cuts != f->fs->power_cuts)
        return EIO;
    return writes && !f->writable ? EBADF : 0;
}

static bole_status mem_read(struct file *self, uint64_t offset, void *ret_bytes, size_t len, size_t *ret_len,
                            struct bole_err *err)
{
    struct mem_file *f = (struct mem_file *)self;
    pthread_mutex_lock(&f->fs->lock);
    int code = handle_errno(f, false);
    const struct bytes *b = &f->inode->cache;
    size_t got = offset < b->size ? b->size - (size_t)offset : 0;
    got = got < len ? got : len;
    if (!code && f->inode->bad_from < f->inode->bad_to && offset < f->inode->bad_to &&
        offset + len > f->inode->bad_from)
        code = EIO;
    if (!code && got)
        memcpy(ret_bytes, b->ptr + offset, got);
    pthread_mutex_unlock(&f->fs->lock);
    if (code)
        return bole_fail_errno(err, code, "reading %s", f->path);
    if (ret_len)
        *ret_len = got;
    return got == len ? BOLE_OK : BOLE_END;
}

/* Writes at most `limit` bytes of the vector. */
static void write_some(struct mem_inode *n, uint64_t offset, const struct iovec *iov, int iov_count, uint64_t limit)
{
    for (int i = 0; i < iov_count && limit; i++) {
        size_t len = iov[i].iov_len < limit ? iov[i].iov_len : (size_t)limit;
        mem_inode_write(n, offset, iov[i].iov_base, len);
        offset += len;
        limit -= len;
    }
}

static bole_status mem_write(struct file *self, uint64_t offset, const struct iovec *iov, int iov_count,
                             struct bole_err *err)
{
    struct mem_file *f = (struct mem_file *)self;
    struct fs_mem *m = f->fs;
    uint64_t total = 0;
    for (int i = 0; i < iov_count; i++)
        total += iov[i].iov_len;

    pthread_mutex_lock(&m->lock);
    uint64_t allowed = total;
    int code = handle_errno(f, true), injected = injected_errno(m);
    if (!code && injected) {
        code = injected;
        allowed = m->faults.fail_is_short ? total / 2 : 0;
    } else if (!code && m->faults.capacity_bytes && offset + total > f->inode->cache.size) {
        uint64_t used = mem_disk_used(&m->disk),
                 room = m->faults.capacity_bytes > used ? m->faults.capacity_bytes - used : 0;
        uint64_t end_max = f->inode->cache.size + room;
        if (offset + total > end_max) {
            code = ENOSPC;
            allowed = end_max > offset ? end_max - offset : 0;
        }
    }
    if (handle_errno(f, true) == 0)
        write_some(f->inode, offset, iov, iov_count, allowed);
    pthread_mutex_unlock(&m->lock);
    return code ? bole_fail_errno(err, code, "writing %s at %llu", f->path, (unsigned long long)offset) : BOLE_OK;
}

static bole_status mem_sync(struct file *self, struct bole_err *err)
{
    struct mem_file *f = (struct mem_file *)self;
    pthread_mutex_lock(&f->fs->lock);
    int code = handle_errno(f, false), injected = injected_errno(f->fs);
    if (!code && injected) {
        code = injected;
        mem_inode_sync_failed(f->inode);
    } else if (!code) {
        mem_inode_sync(f->inode);
    }
    pthread_mutex_unlock(&f->fs->lock);
    return code ? bole_fail_errno(err, code, "syncing %s", f->path) : BOLE_OK;
}

static bole_status mem_size(struct file *self, uint64_t *ret_bytes, struct bole_err *err)
{
    struct mem_file *f = (struct mem_file *)self;
    pthread_mutex_lock(&f->fs->lock);
    int code = handle_errno(f, false);
    uint64_t size = f->inode->cache.size;
    pthread_mutex_unlock(&f->fs->lock);
    if (code)
        return bole_fail_errno(err, code, "size of %s", f->path);
    *ret_bytes = size;
    return BOLE_OK;
}

static bole_status mem_truncate(struct file *self, uint64_t size, struct bole_err *err)
{
    struct mem_file *f = (struct mem_file *)self;
    pthread_mutex_lock(&f->fs->lock);
    int code = handle_errno(f, true), injected = injected_errno(f->fs);
    code = code ? code : injected;
    if (!code)
        mem_inode_truncate(f->inode, size);
    pthread_mutex_unlock(&f->fs->lock);
    return code ? bole_fail_errno(err, code, "truncating %s", f->path) : BOLE_OK;
}

static bole_status mem_lock(struct file *self, struct bole_err *err)
{
    struct mem_file *f = (struct mem_file *)self;
    pthread_mutex_lock(&f->fs->lock);
    int code = handle_errno(f, false);
    bool taken = f->inode->locked_by && f->inode->locked_by != self;
    if (!code && !taken)
        f->inode->locked_by = self;
    pthread_mutex_unlock(&f->fs->lock);
    if (code)
        return bole_fail_errno(err, code, "locking %s", f->path);
    return taken ? bole_fail(err, BOLE_E_CONFLICT, "%s is locked by somebody else", f->path) : BOLE_OK;
}

static void mem_close(struct file *self)
{
    struct mem_file *f = (struct mem_file *)self;
    struct fs_mem *m = f->fs;
    pthread_mutex_lock(&m->lock);
    if (f->inode) {
        if (f->inode->locked_by == self)
            f->inode->locked_by = NULL;
        f->inode->live--;
        mem_inode_unref(&m->disk, f->inode);
    }
    pthread_mutex_unlock(&m->lock);
    free(f);
}

static bole_status mem_dir_sync(struct file *self, struct bole_err *err)
{
    struct mem_file *f = (struct mem_file *)self;
    pthread_mutex_lock(&f->fs->lock);
    int code = handle_errno(f, false), injected = injected_errno(f->fs);
    if (!code) {
        code = injected ? injected : f->fs->faults.dir_sync_errno;
        mem_disk_sync_names(&f->fs->disk, f->path, code == 0);
    }
    pthread_mutex_unlock(&f->fs->lock);
    return code ? bole_fail_errno(err, code, "syncing directory %s", f->path) : BOLE_OK;
}

static const struct file_ops mem_dir_ops = {.sync = mem_dir_sync, .close = mem_close};

static const struct file_ops mem_file_ops = {
    .read = mem_read,
    .write = mem_write,
    .sync = mem_sync,
    .size = mem_size,
    .truncate = mem_truncate,
    .lock = mem_lock,
    .close = mem_close,
};

/* 0 and the file's inode, made when asked for, NULL of a directory; else an errno. */
static int open_inode(struct fs_mem *m, const char *path, unsigned flags, struct mem_inode **ret_inode)
{
    if (m->faults.no_descriptors)
        return EMFILE;
    if (flags & FS_DIRECTORY)
        return mem_disk_has_dir(&m->disk, path) ? 0 : ENOENT;
    struct mem_name *name = mem_names_find(&m->disk.live, path);
    if (name && (flags & FS_CREATE) && (flags & FS_EXCLUSIVE))
        return EEXIST;
    if (!name && !(flags & FS_CREATE))
        return ENOENT;
    int injected = !name || (flags & FS_TRUNCATE) ? injected_errno(m) : 0;
    if (injected)
        return injected;
    struct mem_inode *n = name ? name->inode : NULL;
    if (!n) {
        const char *slash = strrchr(path, '/');
        char *dir =
            mem_must(slash && slash != path ? strndup(path, (size_t)(slash - path)) : strdup(slash ? "/" : "."));
        bool exists = mem_disk_has_dir(&m->disk, dir);
        free(dir);
        if (!exists)
            return ENOENT;
        n = mem_inode_create(&m->disk);
        mem_disk_change_names(&m->disk, NULL, path, n);
    }
    if (flags & FS_TRUNCATE)
        mem_inode_truncate(n, 0);
    *ret_inode = n;
    return 0;
}

static bole_status mem_open(struct fs *self, const char *path, unsigned flags, struct file **ret_file,
                            struct bole_err *err)
{
    struct fs_mem *m = mem_of(self);
    struct mem_inode *n = NULL;
    pthread_mutex_lock(&m->lock);
    int code = open_inode(m, path, flags, &n);
    if (!code) {
        size_t path_size = strlen(path) + 1;
        struct mem_file *f = mem_must(malloc(sizeof *f + path_size));
        *f = (struct mem_file){{n ? &mem_file_ops : &mem_dir_ops}, m, n, m->power_cuts, (flags & FS_WRITE) != 0};
        memcpy(f->path, path, path_size);
        if (n) {
            n->refs++;
            n->live++;
        }
        *ret_file = &f->base;
    }
    pthread_mutex_unlock(&m->lock);
    if (code == EEXIST)
        return bole_fail(err, BOLE_E_CONFLICT, "%s exists already", path);
    return code ? bole_fail_errno(err, code, "opening %s", path) : BOLE_OK;
}

static bole_status mem_rename(struct fs *self, const char *from, const char *to, struct bole_err *err)
{
    struct fs_mem *m = mem_of(self);
    pthread_mutex_lock(&m->lock);
    int code = injected_errno(m);
    struct mem_name *name = mem_names_find(&m->disk.live, from);
    if (!code && !name)
        code = ENOENT;
    if (!code && strcmp(from, to) != 0)
        mem_disk_change_names(&m->disk, from, to, name->inode);
    pthread_mutex_unlock(&m->lock);
    return code ? bole_fail_errno(err, code, "renaming %s to %s", from, to) : BOLE_OK;
}

static bole_status mem_unlink(struct fs *self, const char *path, struct bole_err *err)
{
    struct fs_mem *m = mem_of(self);
    pthread_mutex_lock(&m->lock);
    int code = injected_errno(m);
    if (!code && !mem_names_find(&m->disk.live, path))
        code = ENOENT;
    if (!code)
        mem_disk_change_names(&m->disk, path, NULL, NULL);
    pthread_mutex_unlock(&m->lock);
    return code ? bole_fail_errno(err, code, "removing %s", path) : BOLE_OK;
}

static bole_status mem_make_dir(struct fs *self, const char *path, struct bole_err *err)
{
    struct fs_mem *m = mem_of(self);
    pthread_mutex_lock(&m->lock);
    int code = injected_errno(m);
    for (size_t i = 1, len = strlen(path); !code && i <= len; i++) {
        if (path[i] != '/' && path[i] != 0)
            continue;
        char *dir = mem_must(strndup(path, i));
        if (mem_names_find(&m->disk.live, dir))
            code = ENOTDIR;
        else
            mem_disk_add_dir(&m->disk, dir);
        free(dir);
    }
    pthread_mutex_unlock(&m->lock);
    return code ? bole_fail_errno(err, code, "making directory %s", path) : BOLE_OK;
}

static bole_status mem_list_dir(struct fs *self, const char *path, bole_status (*fn)(const char *name, void *ctx),
                                void *ctx, struct bole_err *err)
{
    struct fs_mem *m = mem_of(self);
    pthread_mutex_lock(&m->lock);
    if (!mem_disk_has_dir(&m->disk, path)) {
        pthread_mutex_unlock(&m->lock);
        return bole_fail_errno(err, ENOENT, "listing %s", path);
    }
    /* A copy, because fn may change the table. */
    char **names = mem_must(calloc(m->disk.live.count + m->disk.dirs.count + 1, sizeof *names));
    size_t count = 0;
    const struct name_table *tables[] = {&m->disk.live, &m->disk.dirs};
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i < tables[t]->count; i++) {
            const char *full = tables[t]->names[i].path, *slash = strrchr(full, '/');
            if (mem_path_is_in_dir(full, path))
                names[count++] = mem_must(strdup(slash ? slash + 1 : full));
        }
    pthread_mutex_unlock(&m->lock);
    bole_status st = BOLE_OK;
    for (size_t i = 0; i < count; i++) {
        if (st >= 0)
            st = fn(names[i], ctx);
        free(names[i]);
    }
    free(names);
    return st < 0 ? st : BOLE_OK;
}

static bole_status mem_free_space(struct fs *self, const char *path, uint64_t *ret_bytes, struct bole_err *err)
{
    struct fs_mem *m = mem_of(self);
    pthread_mutex_lock(&m->lock);
    uint64_t used = mem_disk_used(&m->disk), capacity = m->faults.capacity_bytes;
    *ret_bytes = !capacity ? ENDLESS_FREE_SPACE : capacity > used ? capacity - used : 0;
    pthread_mutex_unlock(&m->lock);
    return BOLE_OK;
}

static const struct fs_ops mem_ops = {
    .open = mem_open,
    .rename = mem_rename,
    .unlink = mem_unlink,
    .make_dir = mem_make_dir,
    .list_dir = mem_list_dir,
    .free_space = mem_free_space,
};

/* ---- for the test ---- */

struct fs *fs_mem_create(void)
{
    struct fs_mem *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->base.ops = &mem_ops;
    pthread_mutex_init(&m->lock, NULL);
    return &m->base;
}

void fs_mem_destroy(struct fs *fs)
{
    if (!fs)
        return;
    struct fs_mem *m = mem_of(fs);
    mem_disk_deinit(&m->disk);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

void fs_mem_set_faults(struct fs *fs, const struct fs_mem_faults *faults)
{
    struct fs_mem *m = mem_of(fs);
    pthread_mutex_lock(&m->lock);
    m->faults = *faults;
    m->call_count = 0;
    pthread_mutex_unlock(&m->lock);
}

uint64_t fs_mem_call_count(const struct fs *fs)
{
    struct fs_mem *m = mem_of(fs);
    pthread_mutex_lock(&m->lock);
    uint64_t count = m->call_count;
    pthread_mutex_unlock(&m->lock);
    return count;
}

void fs_mem_power_cut(struct fs *fs, uint64_t seed)
{
    struct fs_mem *m = mem_of(fs);
    pthread_mutex_lock(&m->lock);
    mem_disk_power_cut(&m->disk, seed);
    m->power_cuts++;
    pthread_mutex_unlock(&m->lock);
}

void fs_mem_flip_bit(struct fs *fs, const char *path, uint64_t offset, unsigned bit)
{
    struct fs_mem *m = mem_of(fs);
    pthread_mutex_lock(&m->lock);
    struct mem_name *name = mem_names_find(&m->disk.live, path);
    if (name) {
        struct bytes *both[] = {&name->inode->cache, &name->inode->disk};
        for (size_t i = 0; i < 2; i++)
            if (offset < both[i]->size)
                both[i]->ptr[offset] ^= (uint8_t)(1u << bit % 8);
    }
    pthread_mutex_unlock(&m->lock);
}

void fs_mem_make_unreadable(struct fs *fs, const char *path, uint64_t offset, uint64_t len)
{
    struct fs_mem *m = mem_of(fs);
    pthread_mutex_lock(&m->lock);
    struct mem_name *name = mem_names_find(&m->disk.live, path);
    if (name) {
        name->inode->bad_from = offset;
        name->inode->bad_to = offset + len;
    }
    pthread_mutex_unlock(&m->lock);
}
