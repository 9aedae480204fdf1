/* files.c - what becomes of a file when names appear, change hands and go. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/files_private.h"
#include "agent/unpack.h"
#include "base/err.h"

enum {
    UNSEEN_MAX = 1024, /* files without a name of ours that are remembered */
    PATH_SIZE = 4096,
};
#define UNSEEN_KEEP_NS (7 * 24 * 3600 * NS_PER_S) /* a file that is not there is remembered for a week */

/* ---- opening ---- */

/* Closes the file that has been quiet for longest, to make room for another. */
static bool park_one(struct files *f)
{
    struct tail *oldest = NULL;
    for (struct tail *t = f->all; t; t = t->next)
        if (t->fd >= 0 && t->owns_path && files_is_done(t) && (!oldest || t->grown_ns < oldest->grown_ns))
            oldest = t;
    if (!oldest)
        return false;
    files_close(f, oldest);
    oldest->state = TAIL_PARKED;
    return true;
}

static void attach(struct files *f, struct tail *t, int fd, const struct source_info *info)
{
    assert(t->fd < 0);
    files_unlink_id(f, t);
    tail_attach(t, fd, info, files_now_ns(f));
    files_link_id(f, t);
    f->open_count++;
    f->changed = true;
    files_mark_ready(f, t);
}

/* Goes on where a closed file was left. False: the inode is another file by now, or was written anew; it is dropped. */
static bool resume_file(struct files *f, struct tail *t, int fd, const struct source_info *info)
{
    struct bole_err err = {0};
    struct tail_mark mark = t->durable;
    struct source_print print = t->print;
    attach(f, t, fd, info);
    bole_status st = tail_resume(t, &mark, &print, &err);
    if (st == BOLE_E_CONFLICT) {
        files_drop(f, t);
        return false;
    }
    if (st < 0)
        files_set_unreadable(f, t, err.msg);
    return true;
}

/* Was a file of this name read in an earlier life? Then the one that has it now is newer than the checkpoint. */
static bool had_path(const struct files *f, const char *path)
{
    for (const struct tail *t = f->all; t; t = t->next)
        if (t->fd < 0 && t->id.inode && strcmp(t->path, path) == 0)
            return true;
    return false;
}

/* What was there before us is read from its last first_bytes on; what was made while we were away, or appears while we
 * run, from its beginning. */
static void begin_file(struct files *f, struct tail *t)
{
    struct bole_err err = {0};
    bool born_since = f->restored_ns && (t->id.birth_ns > f->restored_ns || had_path(f, t->path));
    if (f->scan == 1 && !born_since && tail_seek_last(t, f->options.first_bytes, &err) < 0)
        files_set_unreadable(f, t, err.msg);
}

/* Opens what is at `where` and makes it, or what is known of it, a tail that is named `path` when it is new. */
static bole_status open_file(struct files *f, const char *where, const char *path, struct tail **ret_tail,
                             struct bole_err *err)
{
    struct source_info info = {0};
    int fd = -1;
    if (f->open_count >= f->options.open_max && !park_one(f))
        return bole_fail(err, BOLE_E_LIMIT, "%zu files are open already", f->open_count);
    bole_status st = source_open(where, &fd, &info, err);
    if (st < 0)
        return st;
    struct tail *t = files_find_id(f, &info.id);
    if (t && t->fd >= 0) {
        source_close(fd);
    } else if (!t || !resume_file(f, t, fd, &info)) {
        bool anew = t != NULL;
        if (anew && source_open(where, &fd, &info, err) < 0)
            return bole_fail(err, BOLE_E_NOTFOUND, "%s: went away", where);
        t = files_add(f, path);
        if (!t) {
            source_close(fd);
            return bole_fail(err, BOLE_E_NOMEM, "no memory for a file");
        }
        attach(f, t, fd, &info);
        if (!anew)
            begin_file(f, t);
    }
    *ret_tail = t;
    return BOLE_OK;
}

/* Makes the tail the one that its path leads to; a new name does not change its labels. */
static bool take_path(struct files *f, struct tail *t, const char *path)
{
    if (strcmp(t->path, path) != 0) {
        char *copy = strdup(path);
        if (!copy)
            return false;
        files_disown_path(f, t);
        free(t->path);
        t->path = copy;
    }
    if (!t->owns_path)
        files_own_path(f, t);
    if (t->state == TAIL_ROTATED || t->state == TAIL_DELETED)
        t->state = TAIL_READING;
    files_mark_ready(f, t);
    return true;
}

/* ---- names that lose their file ---- */

/* It is compressed by now: what was not read of it is in the copy. */
static void chase_compressed(struct files *f, struct tail *t)
{
    int fd = -1;
    struct source_info info;
    if (f->open_count >= f->options.open_max || unpack_find(t->path, &t->print, t->durable.offset, &fd, NULL) < 0)
        return;
    if (source_stat_fd(fd, &info, NULL) < 0) {
        source_close(fd);
        return;
    }
    info.id = t->id; /* it stands for the file that is gone */
    if (resume_file(f, t, fd, &info))
        t->state = TAIL_DELETED;
}

/* Looks for a closed file under another name in its directory, and reads what it still holds; it may be dropped. False:
 * no descriptor is left for it, it stays marked for the next scan. */
static bool chase(struct files *f, struct tail *t)
{
    char directory[PATH_SIZE], where[PATH_SIZE], path[PATH_SIZE];
    t->chase = false;
    int n = snprintf(path, sizeof path, "%s", t->path);
    const char *slash = n > 0 && (size_t)n < sizeof path ? strrchr(path, '/') : NULL;
    if (!slash)
        return true;
    snprintf(directory, sizeof directory, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    struct tail *found = NULL;
    if (source_find(directory, &t->id, sizeof where, where, NULL) < 0) {
        chase_compressed(f, t);
        return true;
    }
    if (open_file(f, where, path, &found, NULL) == BOLE_E_LIMIT) {
        t->chase = true;
        return false;
    }
    if (found == t)
        t->state = TAIL_ROTATED;
    else if (found && !found->owns_path)
        files_drop(f, found); /* the inode is another file by now, which has no name of ours */
    return true;
}

/* The file is not at its path any more. */
static void lose_path(struct files *f, struct tail *t)
{
    files_disown_path(f, t);
    if (t->fd >= 0) {
        struct source_info info = {.links = 1};
        source_stat_fd(t->fd, &info, NULL);
        t->state = info.links ? TAIL_ROTATED : TAIL_DELETED;
        t->grown_ns = files_now_ns(f);
        files_mark_ready(f, t);
    } else if (t->state == TAIL_PARKED) {
        chase(f, t);
    } else {
        files_drop(f, t);
    }
}

/* ---- names ---- */

/* A path that is there and is not read: kept, so that its state can be shown. What is open already stays open. */
static void show_unread(struct files *f, const char *path, enum tail_state state, const char *reason)
{
    struct tail *t = files_find_path(f, path);
    if (!t) {
        t = files_add(f, path);
        if (!t)
            return;
        files_own_path(f, t);
    }
    t->seen_scan = f->scan;
    if (t->fd >= 0)
        return;
    if (state == TAIL_UNREADABLE)
        files_set_unreadable(f, t, reason);
    else
        files_set_unread(t, state, reason);
}

/* While there is no room for it, a file that is known keeps its place without being open; else it would be forgotten, and read
 * from its beginning when there is. */
static bool park_known(struct files *f, const char *path, bool if_unchanged)
{
    struct source_info info;
    struct tail *t = source_stat(path, &info, NULL) == BOLE_OK ? files_find_id(f, &info.id) : NULL, *shown;
    if (!t || t->fd >= 0 || (if_unchanged && info.size_bytes != t->size))
        return false;
    shown = files_find_path(f, path);
    if (shown != t) {
        if (shown)
            lose_path(f, shown);
        if (files_find_id(f, &info.id) != t || t->fd >= 0 || !take_path(f, t, path))
            return false;
    }
    t->state = TAIL_PARKED;
    return true;
}

static void open_path(struct files *f, const char *at)
{
    char path[PATH_SIZE]; /* `at` may belong to a tail that goes away */
    if (snprintf(path, sizeof path, "%s", at) >= (int)sizeof path)
        return;
    struct bole_err err = {0};
    struct tail *t = NULL, *shown;
    if (f->open_count >= f->options.open_max && park_known(f, path, true))
        return; /* nothing to read, and nobody had to be looked for to close */
    bole_status st = open_file(f, path, path, &t, &err);
    if (st == BOLE_E_NOTFOUND)
        return; /* gone again, or switched: the next event or scan says more */
    if (st == BOLE_E_LIMIT && park_known(f, path, false))
        return;
    if (st < 0) {
        show_unread(f, path, TAIL_UNREADABLE, err.msg);
        return;
    }
    shown = files_find_path(f, path);
    if (shown && shown != t)
        lose_path(f, shown);
    take_path(f, t, path);
}

static bool leads_to(const char *path, const struct source_id *id)
{
    struct source_info info;
    return source_stat(path, &info, NULL) == BOLE_OK && source_id_same(&info.id, id, true);
}

/* The path leads to the file that owns it. */
static void check_known(struct files *f, struct tail *t, const struct source_info *info)
{
    t->seen_scan = f->scan;
    t->seen_ns = clock_now_ns(f->options.clock);
    if (t->fd >= 0) {
        if (info->size_bytes != t->size || info->modified_ns != t->modified_ns)
            files_mark_ready(f, t);
    } else if (t->state == TAIL_SKIPPED) {
        bool shorter = info->size_bytes < t->size;
        t->size = info->size_bytes;
        if (shorter)
            open_path(f, t->path); /* truncated: it may hold text now */
    } else if (info->size_bytes != t->size || f->open_count < f->options.open_max) {
        open_path(f, t->path);
    }
}

static bool check_bad_path(struct files *f, const char *path, bole_status st, const struct source_info *info,
                           const struct bole_err *err)
{
    static const char *const kinds[] = {"file", "directory", "device, FIFO or socket", "symbolic links in a circle",
                                        "symbolic link to a file of another owner"};
    struct tail *t = files_find_path(f, path);
    if (st == BOLE_OK)
        return false;
    if (st == BOLE_E_NOTFOUND || (st == BOLE_E_UNSUPPORTED && info->kind == SOURCE_DIRECTORY)) {
        if (t)
            lose_path(f, t);
    } else if (st == BOLE_E_UNSUPPORTED) {
        if (t && t->fd >= 0)
            lose_path(f, t);
        show_unread(f, path, TAIL_SKIPPED, kinds[info->kind]);
    } else {
        show_unread(f, path, TAIL_UNREADABLE, err->msg);
    }
    return true;
}

void files_check(struct files *f, const char *path)
{
    struct source_info info = {0};
    struct bole_err err = {0};
    bole_status st = source_stat(path, &info, &err);
    if (check_bad_path(f, path, st, &info, &err))
        return;
    struct tail *t = files_find_path(f, path);
    if (t && t->id.inode && source_id_same(&t->id, &info.id, t->fd >= 0)) {
        check_known(f, t, &info);
        return;
    }
    if (t && t->id.inode)
        lose_path(f, t);
    t = files_find_id(f, &info.id);
    if (t && t->owns_path && leads_to(t->path, &info.id))
        return; /* two names of one file: it is read under the first */
    open_path(f, path);
}

void files_touched(struct files *f, const char *path)
{
    struct tail *t = files_find_path(f, path);
    if (t && t->fd >= 0)
        files_mark_ready(f, t);
    else
        files_check(f, path);
}

void files_moved(struct files *f, const char *origin, const char *current)
{
    struct source_info info;
    struct tail *t = NULL;
    if (source_stat(current, &info, NULL) < 0)
        return;
    t = files_find_id(f, &info.id);
    if (t && (t->fd >= 0 || t->state == TAIL_SKIPPED))
        return;
    bole_status st = open_file(f, current, origin, &t, NULL);
    if (st == BOLE_OK && !t->owns_path)
        t->state = TAIL_ROTATED;
    if (st == BOLE_E_LIMIT && !t && (t = files_add(f, origin))) {
        t->state = TAIL_PARKED;
        t->id = info.id;
        t->seen_ns = clock_now_ns(f->options.clock);
        files_link_id(f, t);
    }
    if (st == BOLE_E_LIMIT && t)
        t->chase = true;
}

/* Forgets files without a name of ours that have not been seen for long, or are too many. */
static void forget_unseen(struct files *f)
{
    int64_t now = clock_now_ns(f->options.clock);
    size_t unseen = 0;
    for (struct tail *t = f->all, *next; t; t = next) {
        next = t->next;
        if (t->fd < 0 && !t->owns_path && (++unseen > UNSEEN_MAX || now - t->seen_ns > UNSEEN_KEEP_NS))
            files_drop(f, t);
    }
}

void files_scan_done(struct files *f)
{
    /* Losing a path opens and drops others, so each pass looks for one that has not been settled. */
    for (struct tail *t = f->all; t;) {
        if (t->owns_path && t->seen_scan != f->scan) {
            lose_path(f, t);
            t = f->all;
        } else {
            t = t->next;
        }
    }
    for (struct tail *t = f->all; t;) {
        bool chased = t->chase && !t->owns_path && t->fd < 0;
        if (!chased)
            t = t->next;
        else
            t = chase(f, t) ? f->all : NULL;
    }
    forget_unseen(f);
    f->scan++;
}
