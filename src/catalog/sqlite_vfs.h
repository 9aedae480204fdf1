/*
 * sqlite_vfs.h - SQLite's files on os/fs, for one connection that has its files for itself.
 *
 * The VFS serves locking_mode=EXCLUSIVE only: it has no shared memory, and its locks do nothing beyond the lock that
 * the open main file holds against other processes.
 *
 * Owner:   the struct belongs to the caller and must outlive the connection.
 * Threads: register and unregister are SQLite's, which are any; the files belong to the connection.
 * Errors:  the first failed sync calls on_fatal. When that returns (in a test), every later call fails.
 */
#ifndef CATALOG_SQLITE_VFS_H
#define CATALOG_SQLITE_VFS_H

#include <sqlite3.h>

#include "os/fs.h"

struct sqlite_vfs {
    sqlite3_vfs base;
    struct fs  *fs;
    void (*on_fatal)(const struct bole_err *err);
    bool        dead;       /* a sync failed */
    struct bole_err last;   /* why the last call failed: SQLite passes on a number only */
    char        name[32];
};

bole_status sqlite_vfs_register(struct sqlite_vfs *v, struct fs *fs, void (*on_fatal)(const struct bole_err *err),
                                struct bole_err *err);
void sqlite_vfs_unregister(struct sqlite_vfs *v);

#endif
