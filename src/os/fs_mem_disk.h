/*
 * fs_mem_disk.h - the disk behind fs_mem: what is in the cache, what is on the platter, and what a power cut leaves.
 *
 * For tests: running out of memory aborts. Threads: one at a time; fs_mem.c locks.
 */
#ifndef OS_FS_MEM_DISK_H
#define OS_FS_MEM_DISK_H

#include <sys/uio.h>

#include "base/slice.h"

struct bytes {
    uint8_t *ptr;
    size_t size, cap;
};

struct mem_write;
struct file;

struct mem_inode {
    struct mem_inode *next;
    struct bytes cache, disk;
    struct mem_write *log; /* between the two */
    size_t log_count, log_cap;
    unsigned refs; /* tables, name log and handles */
    unsigned live; /* live names and handles: they take room on the disk */
    uint64_t number;
    const struct file *locked_by;
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

struct name_change;

struct mem_disk {
    struct mem_inode *inodes;
    struct name_table live, durable;
    struct name_table dirs; /* inode is NULL; durable at once, as make_dir promises */
    struct name_change *changes; /* between live and durable */
    size_t change_count, change_cap;
    uint64_t inode_count;
};

void *mem_must(void *p); /* aborts on NULL */

void mem_inode_write(struct mem_inode *n, uint64_t offset, const void *bytes, size_t len); /* into the cache */
void mem_inode_truncate(struct mem_inode *n, uint64_t size);
void mem_inode_sync(struct mem_inode *n);
void mem_inode_sync_failed(struct mem_inode *n); /* the pages count as clean */
struct mem_inode *mem_inode_create(struct mem_disk *d);
void mem_inode_unref(struct mem_disk *d, struct mem_inode *n);

struct mem_name *mem_names_find(const struct name_table *t, const char *path);
/* `gone` disappears and `path` points to n, in one step; either may be NULL. */
void mem_disk_change_names(struct mem_disk *d, const char *gone, const char *path, struct mem_inode *n);
/* Changes of names in dir (NULL: everywhere) become durable, or are lost for good. */
void mem_disk_sync_names(struct mem_disk *d, const char *dir, bool works);
void mem_disk_add_dir(struct mem_disk *d, const char *path);
bool mem_disk_has_dir(const struct mem_disk *d, const char *path);
bool mem_path_is_in_dir(const char *path, const char *dir);

uint64_t mem_disk_used(const struct mem_disk *d); /* sum of file sizes */
void mem_disk_power_cut(struct mem_disk *d, uint64_t seed);
void mem_disk_deinit(struct mem_disk *d);

#endif
