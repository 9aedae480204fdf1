#include "agent/files.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/file_labels.h"
#include "agent/stamp.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"

enum {
    TURN_BYTES = 128 * 1024,  /* of one file before the next has its turn */
    TURN_MIN = 4 * 1024,      /* less room than this is not worth a read: the batch is full */
    BUCKETS = 1024,
    UNSEEN_MAX = 1024,        /* files without a name of ours that are remembered */
    PATH_SIZE = 4096,
};
/* A file without its name is looked at this often: nobody watches the name that it has now. */
#define UNNAMED_LOOK_NS       (1000 * (uint64_t)NS_PER_MS)
#define UNNAMED_LOOK_QUIET_NS (15000 * (uint64_t)NS_PER_MS) /* when it has been quiet for longer than this */
#define UNSEEN_KEEP_NS (7 * 24 * 3600 * NS_PER_S) /* a file that is not there is remembered for a week */

struct files {
    struct files_options options;
    uint8_t     *texts;         /* host and job */
    struct tail *all;
    size_t       count, open_count;
    struct tail *by_id[BUCKETS];   /* by inode: device numbers may change over a restart */
    struct tail *by_path[BUCKETS]; /* those that own their path */
    struct tail *ready_first, *ready_last;
    uint64_t     scan;          /* scans that have ended, plus 1 */
    int64_t      restored_ns;   /* UTC, when the checkpoint was written; 0: this is the first time */
    bool         changed;       /* a file was opened or dropped since files_take_changed */
};

/* ---- tables ---- */

static struct tail **id_bucket(struct files *f, uint64_t inode)
{
    return &f->by_id[hash64_seed((bole_slice){(const uint8_t *)&inode, sizeof inode}, 0) % BUCKETS];
}

static struct tail **path_bucket(struct files *f, const char *path)
{
    return &f->by_path[hash64(bole_slice_str(path)) % BUCKETS];
}

static struct tail *find_path(struct files *f, const char *path)
{
    struct tail *t = *path_bucket(f, path);
    while (t && strcmp(t->path, path) != 0)
        t = t->next_by_path;
    return t;
}

/* An open file is itself; of a closed one the device may have got another number. */
static struct tail *find_id(struct files *f, const struct source_id *id)
{
    struct tail *t = *id_bucket(f, id->inode);
    while (t && !source_id_same(&t->id, id, t->fd >= 0))
        t = t->next_by_id;
    return t;
}

static void link_id(struct files *f, struct tail *t)
{
    struct tail **bucket = id_bucket(f, t->id.inode);
    t->next_by_id = *bucket;
    *bucket = t;
}

static void unlink_id(struct files *f, struct tail *t)
{
    for (struct tail **at = id_bucket(f, t->id.inode); *at; at = &(*at)->next_by_id)
        if (*at == t) {
            *at = t->next_by_id;
            return;
        }
}

static void own_path(struct files *f, struct tail *t)
{
    assert(!t->owns_path && !find_path(f, t->path));
    struct tail **bucket = path_bucket(f, t->path);
    t->next_by_path = *bucket;
    *bucket = t;
    t->owns_path = true;
    t->seen_scan = f->scan;
    t->seen_ns = clock_now_ns(f->options.clock);
}

static void disown_path(struct files *f, struct tail *t)
{
    if (!t->owns_path)
        return;
    for (struct tail **at = path_bucket(f, t->path); *at; at = &(*at)->next_by_path)
        if (*at == t) {
            *at = t->next_by_path;
            break;
        }
    t->owns_path = false;
}

static void mark_ready(struct files *f, struct tail *t)
{
    if (t->is_ready || t->fd < 0)
        return;
    t->is_ready = true;
    t->next_ready = NULL;
    *(f->ready_first ? &f->ready_last->next_ready : &f->ready_first) = t;
    f->ready_last = t;
}

static void unready(struct files *f, struct tail *t)
{
    if (!t->is_ready)
        return;
    struct tail *before = NULL;
    for (struct tail *at = f->ready_first; at != t; at = at->next_ready)
        before = at;
    *(before ? &before->next_ready : &f->ready_first) = t->next_ready;
    if (f->ready_last == t)
        f->ready_last = before;
    t->is_ready = false;
}

static struct tail *add_file(struct files *f, const char *path)
{
    struct buf labels;
    struct bole_err err = {0};
    buf_init(&labels, NULL);
    struct tail *t = NULL;
    if (file_labels(bole_slice_str(path), f->options.host, f->options.job, &labels, &err) == BOLE_OK)
        t = tail_create(path, buf_slice(&labels));
    buf_deinit(&labels);
    if (!t) {
        LOG(ERROR, "file not read", " path=%s reason=%s", LOGQS(path), LOGQS(err.msg[0] ? err.msg : "no memory"));
        return NULL;
    }
    t->next = f->all;
    f->all = t;
    f->count++;
    return t;
}

static void close_file(struct files *f, struct tail *t)
{
    unready(f, t);
    if (t->fd >= 0)
        f->open_count--;
    tail_detach(t);
}

static void drop_file(struct files *f, struct tail *t)
{
    close_file(f, t);
    disown_path(f, t);
    unlink_id(f, t);
    for (struct tail **at = &f->all; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            break;
        }
    f->count--;
    f->changed = true;
    tail_destroy(t);
}

/* ---- opening ---- */

static uint64_t now_ns(const struct files *f)
{
    return clock_mono_ns(f->options.clock);
}

/* Nothing of it is unread, and the sink has made all of it durable. */
static bool is_done(const struct tail *t)
{
    return !t->is_ready && t->partial == 0 && t->durable.offset == t->offset;
}

/* Closes the file that has been quiet for longest, to make room for another. */
static bool park_one(struct files *f)
{
    struct tail *oldest = NULL;
    for (struct tail *t = f->all; t; t = t->next)
        if (t->fd >= 0 && t->owns_path && is_done(t) && (!oldest || t->grown_ns < oldest->grown_ns))
            oldest = t;
    if (!oldest)
        return false;
    close_file(f, oldest);
    oldest->state = TAIL_PARKED;
    return true;
}

static void set_unreadable(struct files *f, struct tail *t, const char *reason)
{
    t->state = TAIL_UNREADABLE;
    t->count.errors++;
    t->retry_ns = now_ns(f) + f->options.retry_ns;
    snprintf(t->reason, sizeof t->reason, "%.*s", (int)sizeof t->reason - 1, reason);
}

static void attach(struct files *f, struct tail *t, int fd, const struct source_info *info)
{
    assert(t->fd < 0);
    unlink_id(f, t);
    tail_attach(t, fd, info, now_ns(f));
    link_id(f, t);
    f->open_count++;
    f->changed = true;
    mark_ready(f, t);
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
        drop_file(f, t);
        return false;
    }
    if (st < 0)
        set_unreadable(f, t, err.msg);
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
        set_unreadable(f, t, err.msg);
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
    struct tail *t = find_id(f, &info.id);
    if (t && t->fd >= 0) {
        source_close(fd);
    } else if (!t || !resume_file(f, t, fd, &info)) {
        bool anew = t != NULL;
        if (anew && source_open(where, &fd, &info, err) < 0)
            return bole_fail(err, BOLE_E_NOTFOUND, "%s: went away", where);
        t = add_file(f, path);
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
        disown_path(f, t);
        free(t->path);
        t->path = copy;
    }
    if (!t->owns_path)
        own_path(f, t);
    if (t->state == TAIL_ROTATED || t->state == TAIL_DELETED)
        t->state = TAIL_READING;
    mark_ready(f, t);
    return true;
}

/* ---- names that lose their file ---- */

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
    if (source_find(directory, &t->id, sizeof where, where, NULL) < 0)
        return true;
    if (open_file(f, where, path, &found, NULL) == BOLE_E_LIMIT) {
        t->chase = true;
        return false;
    }
    if (found == t)
        t->state = TAIL_ROTATED;
    else if (found && !found->owns_path)
        drop_file(f, found); /* the inode is another file by now, which has no name of ours */
    return true;
}

/* The file is not at its path any more. */
static void lose_path(struct files *f, struct tail *t)
{
    disown_path(f, t);
    if (t->fd >= 0) {
        struct source_info info = {.links = 1};
        source_stat_fd(t->fd, &info, NULL);
        t->state = info.links ? TAIL_ROTATED : TAIL_DELETED;
        t->grown_ns = now_ns(f);
        mark_ready(f, t);
    } else if (t->state == TAIL_PARKED) {
        chase(f, t);
    } else {
        drop_file(f, t);
    }
}

/* ---- names ---- */

/* A path that is there and is not read: kept, so that its state can be shown. What is open already stays open. */
static void show_unread(struct files *f, const char *path, enum tail_state state, const char *reason)
{
    struct tail *t = find_path(f, path);
    if (!t) {
        t = add_file(f, path);
        if (!t)
            return;
        own_path(f, t);
    }
    t->seen_scan = f->scan;
    if (t->fd >= 0)
        return;
    if (state == TAIL_UNREADABLE) {
        set_unreadable(f, t, reason);
    } else {
        t->state = state;
        snprintf(t->reason, sizeof t->reason, "%.*s", (int)sizeof t->reason - 1, reason);
    }
}

static void open_path(struct files *f, const char *at)
{
    char path[PATH_SIZE]; /* `at` may belong to a tail that goes away */
    if (snprintf(path, sizeof path, "%s", at) >= (int)sizeof path)
        return;
    struct bole_err err = {0};
    struct tail *t = NULL, *shown;
    bole_status st = open_file(f, path, path, &t, &err);
    if (st == BOLE_E_NOTFOUND)
        return; /* gone again, or switched: the next event or scan says more */
    if (st < 0) {
        show_unread(f, path, TAIL_UNREADABLE, err.msg);
        return;
    }
    shown = find_path(f, path);
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
        if (info->size_bytes != t->size)
            mark_ready(f, t);
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
    struct tail *t = find_path(f, path);
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
    struct tail *t = find_path(f, path);
    if (t && t->id.inode && source_id_same(&t->id, &info.id, t->fd >= 0)) {
        check_known(f, t, &info);
        return;
    }
    if (t && t->id.inode)
        lose_path(f, t);
    t = find_id(f, &info.id);
    if (t && t->owns_path && leads_to(t->path, &info.id))
        return; /* two names of one file: it is read under the first */
    open_path(f, path);
}

void files_touched(struct files *f, const char *path)
{
    struct tail *t = find_path(f, path);
    if (t && t->fd >= 0)
        mark_ready(f, t);
    else
        files_check(f, path);
}

void files_moved(struct files *f, const char *origin, const char *current)
{
    struct source_info info;
    struct tail *t = NULL;
    if (source_stat(current, &info, NULL) < 0)
        return;
    t = find_id(f, &info.id);
    if (t && (t->fd >= 0 || t->state == TAIL_SKIPPED))
        return;
    bole_status st = open_file(f, current, origin, &t, NULL);
    if (st == BOLE_OK && !t->owns_path)
        t->state = TAIL_ROTATED;
    if (st == BOLE_E_LIMIT && !t && (t = add_file(f, origin))) {
        t->state = TAIL_PARKED;
        t->id = info.id;
        t->seen_ns = clock_now_ns(f->options.clock);
        link_id(f, t);
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
            drop_file(f, t);
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

/* ---- time ---- */

/* Closes a file that has no name of ours any more; what was written at the last moment keeps it open. */
static void close_unnamed(struct files *f, struct tail *t)
{
    struct source_info info;
    if (source_stat_fd(t->fd, &info, NULL) == BOLE_OK && info.size_bytes != t->size) {
        mark_ready(f, t);
    } else if (t->links == 0) {
        drop_file(f, t);
    } else {
        close_file(f, t);
        t->state = TAIL_PARKED;
        t->seen_ns = clock_now_ns(f->options.clock);
    }
}

static uint64_t tick_unnamed(struct files *f, struct tail *t, uint64_t now)
{
    uint64_t quiet_ns = now - t->grown_ns;
    uint64_t close_due = t->grown_ns + (t->links ? f->options.rotated_wait_ns : f->options.deleted_wait_ns);
    uint64_t look_due = t->looked_ns + (quiet_ns < UNNAMED_LOOK_QUIET_NS ? UNNAMED_LOOK_NS : UNNAMED_LOOK_QUIET_NS);
    if (now >= close_due && is_done(t))
        close_unnamed(f, t);
    else if (now >= look_due)
        mark_ready(f, t);
    else
        return look_due < close_due || !is_done(t) ? look_due : close_due;
    return UINT64_MAX;
}

static uint64_t tick_file(struct files *f, struct tail *t, uint64_t now)
{
    uint64_t due;
    if (t->fd < 0 || t->is_ready)
        return UINT64_MAX;
    if (t->state == TAIL_UNREADABLE)
        due = t->retry_ns;
    else if (t->partial)
        due = t->grown_ns + f->options.partial_wait_ns;
    else
        return t->owns_path ? UINT64_MAX : tick_unnamed(f, t, now);
    if (now < due)
        return due;
    mark_ready(f, t);
    return UINT64_MAX;
}

uint64_t files_tick(struct files *f)
{
    uint64_t now = now_ns(f), next_due = UINT64_MAX;
    for (struct tail *t = f->all, *next; t; t = next) {
        next = t->next;
        uint64_t due = tick_file(f, t, now);
        next_due = due < next_due ? due : next_due;
    }
    return next_due;
}

/* ---- reading ---- */

struct taking {
    struct gather *gather;
    bole_slice     labels;
    int64_t        now_ns;
    const struct batch_field *level; /* of the line before */
};

static bool take_line(struct tail *t, bole_slice line, void *ctx)
{
    struct taking *taking = ctx;
    taking->level = stamp_level(line, taking->level, &taking->gather->fields);
    struct tail_record record = {.time_ns = stamp_time(t, line, taking->now_ns),
                                 .labels = taking->labels,
                                 .line = line,
                                 .fields = taking->level,
                                 .field_count = taking->level != NULL};
    return gather_add(taking->gather, &record);
}

static void put_back_first(struct files *f, struct tail *t)
{
    t->is_ready = true;
    t->next_ready = f->ready_first;
    f->ready_first = t;
    if (!t->next_ready)
        f->ready_last = t;
}

static void settle(struct files *f, struct tail *t, bool more)
{
    if (t->state == TAIL_SKIPPED) { /* the sniffer has closed it */
        f->open_count--;
        return;
    }
    if (!t->owns_path)
        t->state = t->links ? TAIL_ROTATED : TAIL_DELETED;
    else
        t->state = more ? TAIL_READING : TAIL_FOLLOWING;
    t->caught_up |= !more;
    if (more)
        mark_ready(f, t);
}

static void take_turn(struct files *f, struct tail *t, struct gather *g)
{
    struct bole_err err = {0};
    struct taking taking = {.gather = g,
                            .labels = arena_copy(&g->fields, t->labels),
                            .now_ns = clock_now_ns(f->options.clock)};
    size_t room = gather_room(g);
    struct tail_turn turn = {.bytes = g->bytes + g->used,
                             .room = room < TURN_BYTES ? room : TURN_BYTES,
                             .now_ns = now_ns(f),
                             .take = take_line,
                             .ctx = &taking};
    turn.flush = t->partial && turn.now_ns - t->grown_ns >= f->options.partial_wait_ns;
    bole_status st = taking.labels.ptr ? tail_turn(t, &turn, &err) : bole_fail(&err, BOLE_E_NOMEM, "no memory");
    if (st == BOLE_OK && turn.want > turn.room && turn.want <= room) {
        turn.room = room;
        st = tail_turn(t, &turn, &err);
    }
    if (st == BOLE_OK && turn.want > room) {
        /* A line longer than what is left: it goes first in a batch of its own size. */
        if (g->record_count)
            g->full = true;
        else
            st = gather_prepare(g, turn.want, &err);
        if (st == BOLE_OK) {
            put_back_first(f, t);
            return;
        }
    }
    g->used += turn.used; /* also after an error: what was taken before it stays taken */
    if (st < 0) {
        set_unreadable(f, t, err.msg);
        LOG(WARN, "file cannot be read", " path=%s reason=%s", LOGQS(t->path), LOGQS(err.msg));
        return;
    }
    settle(f, t, turn.more);
}

bool files_has_work(const struct files *f)
{
    return f->ready_first != NULL;
}

void files_gather(struct files *f, struct gather *g)
{
    while (f->ready_first && !g->full) {
        if (gather_room(g) < TURN_MIN) {
            g->full = true;
            break;
        }
        struct tail *t = f->ready_first;
        f->ready_first = t->next_ready;
        t->is_ready = false;
        take_turn(f, t, g);
    }
}

void files_commit(struct files *f)
{
    for (struct tail *t = f->all; t; t = t->next)
        if (t->durable.offset != t->offset || t->durable.in_cut_line != t->in_cut_line)
            t->durable = tail_mark(t);
}

/* ---- checkpoints, status ---- */

bool files_take_changed(struct files *f)
{
    bool changed = f->changed;
    f->changed = false;
    return changed;
}

bole_status files_checkpoint(const struct files *f, struct checkpoint *c, struct bole_err *err)
{
    int64_t now = clock_now_ns(f->options.clock);
    c->files = arena_array(&c->arena, f->count, sizeof *c->files);
    if (!c->files)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a checkpoint of %zu files", f->count);
    for (const struct tail *t = f->all; t; t = t->next)
        if (t->id.inode && t->state != TAIL_SKIPPED)
            c->files[c->file_count++] = (struct checkpoint_file){
                .path = bole_slice_str(t->path),
                .id = t->id,
                .print = t->print,
                .mark = t->durable,
                .seen_ns = t->fd >= 0 || t->owns_path ? now : t->seen_ns,
            };
    return BOLE_OK;
}

bole_status files_restore(struct files *f, const struct checkpoint *c, struct bole_err *err)
{
    for (size_t i = 0; i < c->file_count; i++) {
        const struct checkpoint_file *from = &c->files[i];
        struct tail *t = add_file(f, (const char *)from->path.ptr);
        if (!t)
            return bole_fail(err, BOLE_E_NOMEM, "no memory for the files of the checkpoint");
        t->id = from->id;
        t->print = from->print;
        t->durable = from->mark;
        t->offset = t->size = from->mark.offset;
        t->in_cut_line = from->mark.in_cut_line;
        t->seen_ns = from->seen_ns;
        t->state = TAIL_PARKED;
        t->chase = true; /* when the first scan does not meet it */
        link_id(f, t);
    }
    f->restored_ns = c->saved_ns;
    return BOLE_OK;
}

size_t files_count(const struct files *f)
{
    return f->count;
}

void files_each(const struct files *f, void (*fn)(const struct tail *t, void *ctx), void *ctx)
{
    for (const struct tail *t = f->all; t; t = t->next)
        fn(t, ctx);
}

bole_status files_create(const struct files_options *options, struct files **ret_files, struct bole_err *err)
{
    struct files *f = calloc(1, sizeof *f);
    uint8_t *texts = malloc(options->host.len + options->job.len + 1);
    if (!f || !texts) {
        free(f);
        free(texts);
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the set of files");
    }
    f->options = *options;
    f->texts = texts;
    f->scan = 1;
    if (options->host.len)
        memcpy(texts, options->host.ptr, options->host.len);
    if (options->job.len)
        memcpy(texts + options->host.len, options->job.ptr, options->job.len);
    f->options.host.ptr = texts;
    f->options.job.ptr = texts + options->host.len;
    *ret_files = f;
    return BOLE_OK;
}

void files_destroy(struct files *f)
{
    if (!f)
        return;
    for (struct tail *t = f->all, *next; t; t = next) {
        next = t->next;
        tail_destroy(t);
    }
    free(f->texts);
    free(f);
}
