/*
 * files_private.h - what files.c (names), files_table.c (the set itself) and files_read.c (turns, the clock) share.
 */
#ifndef AGENT_FILES_PRIVATE_H
#define AGENT_FILES_PRIVATE_H

#include "agent/files.h"

enum { FILES_BUCKETS = 1024 };
#define FILES_POD_WAIT_NS (10000 * (uint64_t)NS_PER_MS) /* for the API to tell of a pod */
#define FILES_POD_LOOK_NS (500 * (uint64_t)NS_PER_MS)   /* between two looks */

struct files {
    struct files_options options;
    uint8_t     *texts;         /* host and job */
    struct tail *all;
    size_t       count, open_count;
    struct tail *by_id[FILES_BUCKETS];   /* by inode: device numbers may change over a restart */
    struct tail *by_path[FILES_BUCKETS]; /* those that own their path */
    struct tail *ready_first, *ready_last;
    uint64_t     scan;          /* scans that have ended, plus 1 */
    int64_t      restored_ns;   /* UTC, when the checkpoint was written; 0: this is the first time */
    bool         changed;       /* a file was opened or dropped since files_take_changed */
};

static inline uint64_t files_now_ns(const struct files *f)
{
    return clock_mono_ns(f->options.clock);
}

/* Nothing of it is unread, and the sink has made all of it durable. */
static inline bool files_is_done(const struct tail *t)
{
    return !t->is_ready && t->partial == 0 && tail_is_at(t, &t->durable);
}

/* The one that owns the path; NULL: none. */
struct tail *files_find_path(struct files *f, const char *path);
/* An open file is itself; of a closed one the device may have got another number. NULL: none. */
struct tail *files_find_id(struct files *f, const struct source_id *id);
void files_link_id(struct files *f, struct tail *t);
void files_unlink_id(struct files *f, struct tail *t);
void files_own_path(struct files *f, struct tail *t);
void files_disown_path(struct files *f, struct tail *t);

/* Puts it into the queue of those that are read, when it is open and not there yet. */
void files_mark_ready(struct files *f, struct tail *t);
/* It is not read, for this reason; told in the log once, until it can be read again. */
void files_set_unread(struct tail *t, enum tail_state state, const char *reason);
void files_set_unreadable(struct files *f, struct tail *t, const char *reason); /* the same, and tried again */

/* What is known of the pod by now. False: it is asked for, the file waits. */
bool files_know_pod(struct files *f, struct tail *t);

/* Without identity or file; NULL after logging why. */
struct tail *files_add(struct files *f, const char *path);
void files_close(struct files *f, struct tail *t);
void files_drop(struct files *f, struct tail *t); /* closes and forgets it */

#endif
