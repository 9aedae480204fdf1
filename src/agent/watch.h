/*
 * watch.h - which names match the globs, and when something happens to them.
 *
 * inotify watches the directories below which a glob can match (and the targets of symbolic links); a scan of all of
 * them is the net below it, for file systems that tell nothing, for a queue that ran over, for watches that were
 * refused.
 *
 * A file that loses a matching name before anybody has opened it, as in a fast row of rotations, is followed through
 * its renames and reported under the name that it has at the end.
 *
 * Directories are not followed through symbolic links, so a walk cannot go in circles.
 *
 * Units:   nanoseconds of mono_ns.
 * Threads: one at a time. Callbacks are made from watch_run.
 */
#ifndef AGENT_WATCH_H
#define AGENT_WATCH_H

#include "agent/inputs.h"
#include "base/clock.h"
#include "base/slice.h"

#define WATCH_DEPTH_MAX       24u   /* directories below the root of a glob */
#define WATCH_DIRECTORIES_MAX 8192u
#define WATCH_PATH_SIZE       4096u /* bytes of a path with its NUL; longer ones are not looked at */

struct watch;

struct watch_options {
    const char *const *includes; /* globs of absolute paths (glob.h); copied */
    size_t include_count;
    const char *const *excludes; /* globs of paths, or of last components; a directory that matches is not entered. An
                                  * include without wildcards stands above them. */
    size_t exclude_count;
    const struct inputs *inputs; /* more that is wanted, each but for its own excludes; outlives the watch; NULL: none */
    const struct clock *clock;
    uint64_t scan_interval_ns;
    bool no_inotify;             /* the scan alone: for tests */

    void (*check)(void *ctx, const char *path);   /* this name matches: look at what it leads to now */
    void (*touched)(void *ctx, const char *path); /* its file was written to */
    void (*moved)(void *ctx, const char *origin, const char *current); /* had a matching name, is now there */
    void (*scanned)(void *ctx);                   /* every matching name has been checked since the last call */
    void *ctx;
};

bole_status watch_create(const struct watch_options *options, struct watch **ret_watch, struct bole_err *err);
void watch_destroy(struct watch *w); /* NULL is fine */

/* Handles what has happened, and scans when that is due (the first call does). True when inotify had something to
 * tell. */
bool watch_run(struct watch *w);

int watch_fd(const struct watch *w);           /* readable when something has happened; -1: there is only the scan */
uint64_t watch_scan_due_ns(const struct watch *w);
size_t watch_directory_count(const struct watch *w);

#endif
