/*
 * fs_mem.c - a disk in memory that misbehaves on request.
 *
 * Every file has two contents: the cache (what reads see) and the disk (what a power cut leaves), and a log of the
 * writes between the two. A sync replays the log onto the disk; a failed sync throws the log away, because that is what
 * Linux does with the dirty marks of the pages (ATC'20). Names work the same way: a live table, a durable table, a log
 * of changes that a directory sync replays.
 *
 * A power cut with a seed keeps, for each 512-byte sector, the first so many writes of the log, so that a sector holds
 * an old or a newer content but never a mixture; the length of the file and each change of a name are drawn apart. That
 * is worse than any one real file system, and right for all of them.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/random.h"
#include "os/fs.h"

enum { SECTOR_SIZE = 512 };
#define ENDLESS_FREE_SPACE (1ull << 40)

struct bytes {
    uint8_t *ptr;
    size_t size, cap;
};

struct mem_write { /* not synced yet; a truncation has no bytes */
    uint64_t offset;
    size_t len;
    uint64_t size_after; /* of the file */
    uint8_t *ptr;
};

struct mem_inode {
    struct mem_inode *next;
    struct bytes cache, disk;
    struct mem_write *log;
    size_t log_count, log_cap;
    unsigned refs; /* tables, name log and handles */
    unsigned live; /* live names and handles: they take room on the disk */
    const struct file *locked_by;
    uint64_t number;
    uint64_t bad_from, bad_to; /* reads of these bytes fail */
};

struct mem_name {
    char *path;
    struct mem_inode *inode;
};

struct name_table {
    struct mem_name *names;
    size_t count, cap;
};

struct name_change { /* `gone` disappears, `path` points to inode; either may be NULL */
    char *gone, *path;
    struct mem_inode *inode;
};

struct fs_mem {
    struct fs base;
    pthread_mutex_t lock; /* guards everything below */
    struct mem_inode *inodes;
    struct name_table live, durable;
    struct name_table dirs; /* inode is NULL; durable at once, as make_dir promises */
    struct name_change *changes;
    size_t change_count, change_cap;
    struct fs_mem_faults faults;
    uint64_t call_count, inode_count, power_cuts;
};

struct mem_file {
    struct file base;
    struct fs_mem *fs;
    struct mem_inode *inode;
    uint64_t power_cuts; /* of the disk when it was opened */
    bool writable;
    char path[];
};

static struct fs_mem *mem_of(const struct fs *fs)
{
    return (struct fs_mem *)fs;
}

/* A test tool has no use for running out of memory. */
static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static void *grown(void *items, size_t count, size_t *cap, size_t item_size)
{
    if (count < *cap)
        return items;
    *cap = *cap ? *cap * 2 : 8;
    return must(realloc(items, *cap * item_size));
}

/* ---- contents ---- */

static void bytes_resize(struct bytes *b, size_t size)
{
    if (size > b->cap) {
        size_t cap = b->cap * 2 > size ? b->cap * 2 : size;
        b->ptr = must(realloc(b->ptr, cap));
        b->cap = cap;
    }
    if (size > b->size)
        memset(b->ptr + b->size, 0, size - b->size);
    b->size = size;
}

static void bytes_write(struct bytes *b, uint64_t offset, const uint8_t *ptr, size_t len)
{
    if (len == 0)
        return;
    if (offset + len > b->size)
        bytes_resize(b, offset + len);
    memcpy(b->ptr + offset, ptr, len);
}

static void bytes_copy(struct bytes *to, const struct bytes *from)
{
    bytes_resize(to, 0);
    bytes_write(to, 0, from->ptr, from->size);
}

static void inode_forget_log(struct mem_inode *n)
{
    for (size_t i = 0; i < n->log_count; i++)
        free(n->log[i].ptr);
    n->log_count = 0;
}

static void inode_log(struct mem_inode *n, uint64_t offset, const uint8_t *ptr, size_t len)
{
    n->log = grown(n->log, n->log_count, &n->log_cap, sizeof *n->log);
    struct mem_write *w = &n->log[n->log_count++];
    *w = (struct mem_write){.offset = offset, .len = len, .size_after = n->cache.size};
    if (len) {
        w->ptr = must(malloc(len));
        memcpy(w->ptr, ptr, len);
    }
}

static void inode_sync(struct mem_inode *n)
{
    for (size_t i = 0; i < n->log_count; i++) {
        bytes_write(&n->disk, n->log[i].offset, n->log[i].ptr, n->log[i].len);
        bytes_resize(&n->disk, n->log[i].size_after);
    }
    inode_forget_log(n);
}

/* How many of the log's writes reached this sector: 0 .. log_count, always the same for one seed. */
static size_t writes_that_reached(const struct mem_inode *n, uint64_t seed, uint64_t sector)
{
    struct random r;
    random_seed(&r, seed ^ n->number * 0x9e3779b97f4a7c15u ^ sector << 20);
    return random_below(&r, n->log_count + 1);
}

static void inode_power_cut(struct mem_inode *n, uint64_t seed)
{
    if (seed && n->log_count) {
        size_t sized = writes_that_reached(n, seed, UINT64_MAX >> 21);
        size_t size = sized ? n->log[sized - 1].size_after : n->disk.size;
        for (size_t i = 0; i < n->log_count; i++) {
            const struct mem_write *w = &n->log[i];
            for (size_t at = 0; at < w->len;) {
                uint64_t sector = (w->offset + at) / SECTOR_SIZE;
                size_t room = (sector + 1) * SECTOR_SIZE - (w->offset + at);
                size_t part = room < w->len - at ? room : w->len - at;
                if (i < writes_that_reached(n, seed, sector))
                    bytes_write(&n->disk, w->offset + at, w->ptr + at, part);
                at += part;
            }
        }
        bytes_resize(&n->disk, size);
    }
    inode_forget_log(n);
    bytes_copy(&n->cache, &n->disk);
    n->locked_by = NULL;
}

static struct mem_inode *inode_create(struct fs_mem *m)
{
    struct mem_inode *n = must(calloc(1, sizeof *n));
    n->number = ++m->inode_count;
    n->next = m->inodes;
    m->inodes = n;
    return n;
}

static void inode_unref(struct fs_mem *m, struct mem_inode *n)
{
    if (!n || --n->refs)
        return;
    struct mem_inode **at = &m->inodes;
    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    inode_forget_log(n);
    free(n->log);
    free(n->cache.ptr);
    free(n->disk.ptr);
    free(n);
}

static uint64_t bytes_used(const struct fs_mem *m)
{
    uint64_t sum = 0;
    for (const struct mem_inode *n = m->inodes; n; n = n->next)
        sum += n->live ? n->cache.size : 0;
    return sum;
}

/* ---- names ---- */

static struct mem_name *names_find(const struct name_table *t, const char *path)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->names[i].path, path) == 0)
            return &t->names[i];
    return NULL;
}

static void names_remove(struct fs_mem *m, struct name_table *t, const char *path)
{
    struct mem_name *name = names_find(t, path);
    if (!name)
        return;
    if (t == &m->live)
        name->inode->live--;
    inode_unref(m, name->inode);
    free(name->path);
    *name = t->names[--t->count];
}

static void names_set(struct fs_mem *m, struct name_table *t, const char *path, struct mem_inode *n)
{
    if (n)
        n->refs++;
    if (n && t == &m->live)
        n->live++;
    names_remove(m, t, path);
    t->names = grown(t->names, t->count, &t->cap, sizeof *t->names);
    t->names[t->count++] = (struct mem_name){must(strdup(path)), n};
}

static void names_clear(struct fs_mem *m, struct name_table *t)
{
    while (t->count)
        names_remove(m, t, t->names[t->count - 1].path);
}

static void change_names(struct fs_mem *m, const char *gone, const char *path, struct mem_inode *n)
{
    m->changes = grown(m->changes, m->change_count, &m->change_cap, sizeof *m->changes);
    m->changes[m->change_count++] =
        (struct name_change){gone ? must(strdup(gone)) : NULL, path ? must(strdup(path)) : NULL, n};
    if (n)
        n->refs++;
    if (path)
        names_set(m, &m->live, path, n);
    if (gone)
        names_remove(m, &m->live, gone);
}

static bool is_in_dir(const char *path, const char *dir)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strcmp(dir, ".") == 0;
    size_t len = slash == path ? 1 : (size_t)(slash - path);
    return strlen(dir) == len && memcmp(path, dir, len) == 0;
}

static bool dir_exists(const struct fs_mem *m, const char *dir)
{
    return strcmp(dir, ".") == 0 || strcmp(dir, "/") == 0 || names_find(&m->dirs, dir);
}

/* Does away with the changes for which `apply` is asked: on the durable table or into nothing. */
static void settle_changes(struct fs_mem *m, const char *dir, bool apply)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->change_count; i++) {
        struct name_change *c = &m->changes[i];
        if (dir && !is_in_dir(c->path ? c->path : c->gone, dir)) {
            m->changes[kept++] = *c;
            continue;
        }
        if (apply && c->path)
            names_set(m, &m->durable, c->path, c->inode);
        if (apply && c->gone)
            names_remove(m, &m->durable, c->gone);
        inode_unref(m, c->inode);
        free(c->gone);
        free(c->path);
    }
    m->change_count = kept;
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
        bytes_write(&n->cache, offset, iov[i].iov_base, len);
        inode_log(n, offset, iov[i].iov_base, len);
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
        uint64_t used = bytes_used(m), room = m->faults.capacity_bytes > used ? m->faults.capacity_bytes - used : 0;
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
        inode_forget_log(f->inode);
    } else if (!code) {
        inode_sync(f->inode);
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
    if (!code) {
        bytes_resize(&f->inode->cache, size);
        inode_log(f->inode, size, NULL, 0);
    }
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
    if (f->inode->locked_by == self)
        f->inode->locked_by = NULL;
    f->inode->live--;
    inode_unref(m, f->inode);
    pthread_mutex_unlock(&m->lock);
    free(f);
}

static const struct file_ops mem_file_ops = {
    .read = mem_read,
    .write = mem_write,
    .sync = mem_sync,
    .size = mem_size,
    .truncate = mem_truncate,
    .lock = mem_lock,
    .close = mem_close,
};

/* 0 and the file's inode, made when asked for; else an errno. */
static int open_inode(struct fs_mem *m, const char *path, unsigned flags, struct mem_inode **ret_inode)
{
    struct mem_name *name = names_find(&m->live, path);
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
        char *dir = must(slash && slash != path ? strndup(path, (size_t)(slash - path)) : strdup(slash ? "/" : "."));
        bool exists = dir_exists(m, dir);
        free(dir);
        if (!exists)
            return ENOENT;
        n = inode_create(m);
        change_names(m, NULL, path, n);
    }
    if (flags & FS_TRUNCATE) {
        bytes_resize(&n->cache, 0);
        inode_log(n, 0, NULL, 0);
    }
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
        struct mem_file *f = must(malloc(sizeof *f + path_size));
        *f = (struct mem_file){{&mem_file_ops}, m, n, m->power_cuts, (flags & FS_WRITE) != 0};
        memcpy(f->path, path, path_size);
        n->refs++;
        n->live++;
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
    struct mem_name *name = names_find(&m->live, from);
    if (!code && !name)
        code = ENOENT;
    if (!code && strcmp(from, to) != 0)
        change_names(m, from, to, name->inode);
    pthread_mutex_unlock(&m->lock);
    return code ? bole_fail_errno(err, code, "renaming %s to %s", from, to) : BOLE_OK;
}

static bole_status mem_unlink(struct fs *self, const char *path, struct bole_err *err)
{
    struct fs_mem *m = mem_of(self);
    pthread_mutex_lock(&m->lock);
    int code = injected_errno(m);
    if (!code && !names_find(&m->live, path))
        code = ENOENT;
    if (!code)
        change_names(m, path, NULL, NULL);
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
        char *dir = must(strndup(path, i));
        if (names_find(&m->live, dir))
            code = ENOTDIR;
        else if (!dir_exists(m, dir))
            names_set(m, &m->dirs, dir, NULL);
        free(dir);
    }
    pthread_mutex_unlock(&m->lock);
    return code ? bole_fail_errno(err, code, "making directory %s", path) : BOLE_OK;
}

static bole_status mem_sync_dir(struct fs *self, const char *path, struct bole_err *err)
{
    struct fs_mem *m = mem_of(self);
    pthread_mutex_lock(&m->lock);
    int code = injected_errno(m);
    if (!dir_exists(m, path))
        code = ENOENT;
    else
        settle_changes(m, path, code == 0);
    pthread_mutex_unlock(&m->lock);
    return code ? bole_fail_errno(err, code, "syncing directory %s", path) : BOLE_OK;
}

static bole_status mem_list_dir(struct fs *self, const char *path, bole_status (*fn)(const char *name, void *ctx),
                                void *ctx, struct bole_err *err)
{
    struct fs_mem *m = mem_of(self);
    pthread_mutex_lock(&m->lock);
    if (!dir_exists(m, path)) {
        pthread_mutex_unlock(&m->lock);
        return bole_fail_errno(err, ENOENT, "listing %s", path);
    }
    /* A copy, because fn may change the table. */
    char **names = must(calloc(m->live.count + m->dirs.count + 1, sizeof *names));
    size_t count = 0;
    const struct name_table *tables[] = {&m->live, &m->dirs};
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i < tables[t]->count; i++) {
            const char *full = tables[t]->names[i].path, *slash = strrchr(full, '/');
            if (is_in_dir(full, path))
                names[count++] = must(strdup(slash ? slash + 1 : full));
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
    uint64_t used = bytes_used(m), capacity = m->faults.capacity_bytes;
    *ret_bytes = !capacity ? ENDLESS_FREE_SPACE : capacity > used ? capacity - used : 0;
    pthread_mutex_unlock(&m->lock);
    return BOLE_OK;
}

static const struct fs_ops mem_ops = {
    .open = mem_open,
    .rename = mem_rename,
    .unlink = mem_unlink,
    .make_dir = mem_make_dir,
    .sync_dir = mem_sync_dir,
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
    settle_changes(m, NULL, false);
    names_clear(m, &m->live);
    names_clear(m, &m->durable);
    names_clear(m, &m->dirs);
    free(m->live.names);
    free(m->durable.names);
    free(m->dirs.names);
    free(m->changes);
    if (m->inodes) /* a handle outlives its disk: the test forgot a file_close */
        abort();
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
    struct random r;
    random_seed(&r, seed);
    for (size_t i = 0; i < m->change_count; i++) {
        const struct name_change *c = &m->changes[i];
        if (!seed || random_below(&r, 2))
            continue;
        if (c->path)
            names_set(m, &m->durable, c->path, c->inode);
        if (c->gone)
            names_remove(m, &m->durable, c->gone);
    }
    settle_changes(m, NULL, false);
    names_clear(m, &m->live);
    for (size_t i = 0; i < m->durable.count; i++)
        names_set(m, &m->live, m->durable.names[i].path, m->durable.names[i].inode);
    for (struct mem_inode *n = m->inodes; n; n = n->next)
        inode_power_cut(n, seed);
    m->power_cuts++;
    pthread_mutex_unlock(&m->lock);
}

void fs_mem_flip_bit(struct fs *fs, const char *path, uint64_t offset, unsigned bit)
{
    struct fs_mem *m = mem_of(fs);
    pthread_mutex_lock(&m->lock);
    struct mem_name *name = names_find(&m->live, path);
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
    struct mem_name *name = names_find(&m->live, path);
    if (name) {
        name->inode->bad_from = offset;
        name->inode->bad_to = offset + len;
    }
    pthread_mutex_unlock(&m->lock);
}
