/*
 * Every file has two contents: the cache (what reads see) and the disk (what a power cut leaves), and a log of the
 * writes between the two. A sync replays the log onto the disk; a failed sync throws the log away, because that is what
 * Linux does with the dirty marks of the pages (ATC'20). Names work the same way: a live table, a durable table, a log
 * of changes that a directory sync replays.
 *
 * A power cut with a seed keeps, for each 512-byte sector, the first so many writes of the log, so that a sector holds
 * an old or a newer content but never a mixture; the length of the file and each change of a name are drawn apart. That
 * is worse than any one real file system, and right for all of them.
 */
#include "os/fs_mem_disk.h"

#include <stdlib.h>

#include "base/random.h"

enum { SECTOR_SIZE = 512 };

struct mem_write { /* not synced yet; a truncation has no bytes */
    uint64_t offset;
    size_t len;
    uint64_t size_after; /* of the file */
    uint8_t *ptr;
};

struct name_change { /* as mem_disk_change_names was told */
    char *gone, *path;
    struct mem_inode *inode;
};

/* A test tool has no use for running out of memory. */
void *mem_must(void *p)
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
    return mem_must(realloc(items, *cap * item_size));
}

/* ---- contents ---- */

static void bytes_resize(struct bytes *b, size_t size)
{
    if (size > b->cap) {
        size_t cap = b->cap * 2 > size ? b->cap * 2 : size;
        b->ptr = mem_must(realloc(b->ptr, cap));
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
        w->ptr = mem_must(malloc(len));
        memcpy(w->ptr, ptr, len);
    }
}

void mem_inode_write(struct mem_inode *n, uint64_t offset, const void *bytes, size_t len)
{
    bytes_write(&n->cache, offset, bytes, len);
    inode_log(n, offset, bytes, len);
}

void mem_inode_truncate(struct mem_inode *n, uint64_t size)
{
    bytes_resize(&n->cache, size);
    inode_log(n, size, NULL, 0);
}

void mem_inode_sync_failed(struct mem_inode *n)
{
    inode_forget_log(n);
}

void mem_inode_sync(struct mem_inode *n)
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

struct mem_inode *mem_inode_create(struct mem_disk *d)
{
    struct mem_inode *n = mem_must(calloc(1, sizeof *n));
    n->number = ++d->inode_count;
    n->next = d->inodes;
    d->inodes = n;
    return n;
}

void mem_inode_unref(struct mem_disk *d, struct mem_inode *n)
{
    if (!n || --n->refs)
        return;
    struct mem_inode **at = &d->inodes;
    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    inode_forget_log(n);
    free(n->log);
    free(n->cache.ptr);
    free(n->disk.ptr);
    free(n);
}

uint64_t mem_disk_used(const struct mem_disk *d)
{
    uint64_t sum = 0;
    for (const struct mem_inode *n = d->inodes; n; n = n->next)
        sum += n->live ? n->cache.size : 0;
    return sum;
}

/* ---- names ---- */

struct mem_name *mem_names_find(const struct name_table *t, const char *path)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->names[i].path, path) == 0)
            return &t->names[i];
    return NULL;
}

static void names_remove(struct mem_disk *d, struct name_table *t, const char *path)
{
    struct mem_name *name = mem_names_find(t, path);
    if (!name)
        return;
    if (t == &d->live)
        name->inode->live--;
    mem_inode_unref(d, name->inode);
    free(name->path);
    *name = t->names[--t->count];
}

static void names_set(struct mem_disk *d, struct name_table *t, const char *path, struct mem_inode *n)
{
    if (n)
        n->refs++;
    if (n && t == &d->live)
        n->live++;
    names_remove(d, t, path);
    t->names = grown(t->names, t->count, &t->cap, sizeof *t->names);
    t->names[t->count++] = (struct mem_name){mem_must(strdup(path)), n};
}

static void names_clear(struct mem_disk *d, struct name_table *t)
{
    while (t->count)
        names_remove(d, t, t->names[t->count - 1].path);
}

void mem_disk_change_names(struct mem_disk *d, const char *gone, const char *path, struct mem_inode *n)
{
    d->changes = grown(d->changes, d->change_count, &d->change_cap, sizeof *d->changes);
    d->changes[d->change_count++] =
        (struct name_change){gone ? mem_must(strdup(gone)) : NULL, path ? mem_must(strdup(path)) : NULL, n};
    if (n)
        n->refs++;
    if (path)
        names_set(d, &d->live, path, n);
    if (gone)
        names_remove(d, &d->live, gone);
}

bool mem_path_is_in_dir(const char *path, const char *dir)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strcmp(dir, ".") == 0;
    size_t len = slash == path ? 1 : (size_t)(slash - path);
    return strlen(dir) == len && memcmp(path, dir, len) == 0;
}

bool mem_disk_has_dir(const struct mem_disk *d, const char *dir)
{
    return strcmp(dir, ".") == 0 || strcmp(dir, "/") == 0 || mem_names_find(&d->dirs, dir);
}

void mem_disk_sync_names(struct mem_disk *d, const char *dir, bool works)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->change_count; i++) {
        struct name_change *c = &d->changes[i];
        if (dir && !mem_path_is_in_dir(c->path ? c->path : c->gone, dir)) {
            d->changes[kept++] = *c;
            continue;
        }
        if (works && c->path)
            names_set(d, &d->durable, c->path, c->inode);
        if (works && c->gone)
            names_remove(d, &d->durable, c->gone);
        mem_inode_unref(d, c->inode);
        free(c->gone);
        free(c->path);
    }
    d->change_count = kept;
}

void mem_disk_add_dir(struct mem_disk *d, const char *path)
{
    if (!mem_disk_has_dir(d, path))
        names_set(d, &d->dirs, path, NULL);
}

void mem_disk_power_cut(struct mem_disk *d, uint64_t seed)
{
    struct random r;
    random_seed(&r, seed);
    for (size_t i = 0; i < d->change_count; i++) {
        const struct name_change *c = &d->changes[i];
        if (!seed || random_below(&r, 2))
            continue;
        if (c->path)
            names_set(d, &d->durable, c->path, c->inode);
        if (c->gone)
            names_remove(d, &d->durable, c->gone);
    }
    mem_disk_sync_names(d, NULL, false);
    names_clear(d, &d->live);
    for (size_t i = 0; i < d->durable.count; i++)
        names_set(d, &d->live, d->durable.names[i].path, d->durable.names[i].inode);
    for (struct mem_inode *n = d->inodes; n; n = n->next)
        inode_power_cut(n, seed);
}

void mem_disk_deinit(struct mem_disk *d)
{
    mem_disk_sync_names(d, NULL, false);
    struct name_table *tables[] = {&d->live, &d->durable, &d->dirs};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        names_clear(d, tables[i]);
        free(tables[i]->names);
    }
    free(d->changes);
    if (d->inodes) /* a handle outlives its disk: the test forgot a file_close */
        abort();
}
