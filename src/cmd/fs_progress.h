/*
 * fs_progress.h - the files of another fs, with a bar that moves as they are read.
 *
 * Owner:   the struct and what it points to outlive every file that was opened through it.
 * Threads: one.
 */
#ifndef CMD_FS_PROGRESS_H
#define CMD_FS_PROGRESS_H

#include "cmd/progress.h"
#include "os/fs.h"

struct fs_progress {
    struct fs        base;
    struct fs       *inner;
    struct progress *progress;
    uint64_t         read_bytes;
};

void fs_progress_init(struct fs_progress *f, struct fs *inner, struct progress *progress);

#endif
