/*
 * files.h - the set of files that are read: what becomes of each when names appear, change hands and go, and whose turn
 * it is.
 *
 * A file is known by its identity, not by its name (source.h). The names come from watch.h. When a name leads to
 * another file, the old one is read on through its open descriptor until it is quiet; when descriptors are scarce, a
 * file that is read to its end may be closed (parked) and is found again by its identity, under whatever name it has by
 * then in its directory.
 *
 * Reading goes round: each file with something new gets one bounded turn at a time.
 *
 * Threads: one at a time; the agent holds its lock.
 */
#ifndef AGENT_FILES_H
#define AGENT_FILES_H

#include "agent/checkpoint.h"
#include "agent/gather.h"
#include "agent/kube.h"
#include "agent/tail.h"
#include "base/clock.h"

struct files;

struct files_options {
    const struct clock *clock;
    bole_slice host, job;      /* labels; copied */
    struct kube *kube;         /* outlives the set; NULL: nothing is known of pods but their names */
    const struct multiline *multiline; /* outlives the set; NULL: each line is a record */
    const struct inputs *inputs;       /* outlives the set; NULL: files have nothing of their own */
    uint64_t first_bytes;      /* of a file that was there before us, at first sight: at most its last so many */
    uint64_t partial_wait_ns;  /* an unfinished last line is taken when nothing came for so long */
    uint64_t rotated_wait_ns;  /* a renamed file is closed when nothing came for so long */
    uint64_t deleted_wait_ns;  /* a deleted one, which holds its disk space until then */
    uint64_t retry_ns;         /* a file that cannot be read is tried again after so long */
    size_t   open_max;         /* descriptors */
};

bole_status files_create(const struct files_options *options, struct files **ret_files, struct bole_err *err);
void files_destroy(struct files *f); /* NULL is fine */

/* Before the first scan: what was read in earlier lives. */
bole_status files_restore(struct files *f, const struct checkpoint *c, struct bole_err *err);
/* And how far they have come since: newer positions of files that are known, or of others. */
bole_status files_restore_marks(struct files *f, const struct checkpoint *marks, struct bole_err *err);

/* For watch.h: look at what is at this path now. */
void files_check(struct files *f, const char *path);
/* Something was written there: cheaper than files_check where the path is known. */
void files_touched(struct files *f, const char *path);
/* A file that had the name `origin` is now at `current`, where nobody would look for it. */
void files_moved(struct files *f, const char *origin, const char *current);
/* Every name that matches has been checked since the last call: the others are gone. */
void files_scan_done(struct files *f);

/* Looks at the clock: unfinished lines that are due, rotated files to close, unreadable ones to try again. Returns when
 * (mono_ns) it must be called again; UINT64_MAX: only after something happened. */
uint64_t files_tick(struct files *f);

/* Other inputs from now on; records that were gathered before keep the labels that they have. */
void files_set_inputs(struct files *f, const struct inputs *inputs);

bool files_has_work(const struct files *f);
/* Reads turns into the batch until it is full or nothing is left to read. */
void files_gather(struct files *f, struct gather *g);
/* Entries (checkpoint.h) of those files of which something was gathered: where they stand when that is durable. */
void files_marks(const struct files *f, struct buf *out);
/* All that was gathered is durable. */
void files_commit(struct files *f);

/* True when the set of known files is another than at the last call: a new file belongs in the checkpoint before
 * anything of it is durable, so that it is found again when it is renamed while we are away. */
bool files_take_changed(struct files *f);
/* Adds every file's durable position to the checkpoint (paths are borrowed). */
bole_status files_checkpoint(const struct files *f, struct checkpoint *c, struct bole_err *err);

size_t files_count(const struct files *f);
void files_each(const struct files *f, void (*fn)(const struct tail *t, void *ctx), void *ctx);

#endif
