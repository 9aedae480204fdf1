/*
 * A directory is watched before it is read, so nothing that appears in between is missed. Watching again what is
 * watched already gives the same descriptor, so each scan simply watches everything it meets, and what it has not met
 * is dropped.
 *
 * Renames: inotify tells both halves with one cookie. From the first rename of a matching name on, the file is a
 * carrier {the name it had, the name it has}, moved along by further renames in the queue. Only when the queue is empty
 * are the carriers looked at; if by then more renames have arrived, what was found may have been another file: the
 * carriers are moved along and looked at once more. Looking at a file that is known costs a stat.
 */
#include "agent/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/glob.h"
#include "base/err.h"
#include "base/log.h"

enum {
    DIRECTORY_EVENTS = IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF |
                       IN_MOVE_SELF | IN_ONLYDIR,
    TARGET_EVENTS = IN_MODIFY | IN_ATTRIB,
    EVENTS_SIZE = 16 * 1024,
    READS_MAX = 64,      /* of the queue at a time, and */
    LOOKS_MAX = 16,      /* at the carriers: a storm must not keep the files from being read */
    CARRIERS_MAX = 4096, /* renamed files waiting to be looked at */
    BUCKETS = 256,
};

struct place { /* a watched directory, or a watched target of a symbolic link */
    struct place *next;
    int      wd;
    bool     is_directory;
    uint64_t seen_scan;
    char     path[];
};

struct carrier {
    struct carrier *next;
    char *origin, *current;
};

struct watch {
    struct watch_options options;
    char   **globs;            /* includes, then excludes */
    int      fd;
    struct place *places[BUCKETS]; /* by wd */
    size_t   place_count;
    uint64_t scan;
    uint64_t scan_due_ns;
    bool     scan_wanted;      /* the queue ran over, or a directory moved */
    bool     told_limit;
    struct carrier *carriers;
    size_t   carrier_count;
    bool     renamed;          /* in this read of the queue */
    uint32_t from_cookie;      /* a first half that waits for its second; 0: none */
    char     from[WATCH_PATH_SIZE];
};

/* ---- names ---- */

static bool is_excluded(const struct watch *w, bole_slice path)
{
    for (size_t i = 0; i < w->options.exclude_count; i++)
        if (glob_match(bole_slice_str(w->globs[w->options.include_count + i]), path))
            return true;
    return false;
}

/* A file that is asked for by its plain name is read whatever the excludes say. */
static bool is_wanted(const struct watch *w, const char *path)
{
    bole_slice s = bole_slice_str(path);
    for (size_t i = 0; i < w->options.include_count; i++) {
        bole_slice include = bole_slice_str(w->globs[i]);
        if (glob_match(include, s) && (glob_is_plain(include) || !is_excluded(w, s)))
            return true;
    }
    bool is_plain;
    return inputs_find(w->options.inputs, s, &is_plain) && (is_plain || !is_excluded(w, s));
}

/* The includes, then those of the inputs; NULL behind the last. */
static const char *wanted_glob(const struct watch *w, size_t index)
{
    size_t count = w->options.include_count;
    return index < count ? w->globs[index] : inputs_glob(w->options.inputs, index - count);
}

static bool leads_somewhere(const struct watch *w, const char *directory)
{
    bole_slice s = bole_slice_str(directory);
    if (is_excluded(w, s))
        return false;
    const char *glob;
    for (size_t i = 0; (glob = wanted_glob(w, i)); i++)
        if (glob_leads(bole_slice_str(glob), s))
            return true;
    return false;
}

static bool join(char ret_path[WATCH_PATH_SIZE], const char *directory, const char *name)
{
    int n = snprintf(ret_path, WATCH_PATH_SIZE, "%s%s%s", directory, strcmp(directory, "/") ? "/" : "", name);
    return n > 0 && (unsigned)n < WATCH_PATH_SIZE;
}

/* ---- places ---- */

static struct place **place_slot(struct watch *w, int wd)
{
    struct place **at = &w->places[(unsigned)wd % BUCKETS];
    while (*at && (*at)->wd != wd)
        at = &(*at)->next;
    return at;
}

static void forget_place(struct watch *w, struct place **at)
{
    struct place *p = *at;
    *at = p->next;
    free(p);
    w->place_count--;
}

static void tell_limit(struct watch *w, const char *path, const char *why)
{
    if (!w->told_limit)
        LOG(WARN, "not every directory is watched: changes there are seen by the scan only", " first=%s reason=%s",
            LOGQS(path), LOGQS(why));
    w->told_limit = true;
}

static void watch_place(struct watch *w, const char *path, bool is_directory)
{
    if (w->fd < 0)
        return;
    if (w->place_count >= WATCH_DIRECTORIES_MAX) {
        tell_limit(w, path, "too many directories");
        return;
    }
    int wd = inotify_add_watch(w->fd, path, is_directory ? DIRECTORY_EVENTS : TARGET_EVENTS);
    if (wd < 0) {
        if (errno == ENOSPC || errno == ENOMEM)
            tell_limit(w, path, "fs.inotify.max_user_watches is reached");
        return;
    }
    struct place **at = place_slot(w, wd);
    size_t len = strlen(path) + 1;
    if (*at && strcmp((*at)->path, path) != 0)
        forget_place(w, at); /* the directory was renamed, or two links have one target */
    if (!*at) {
        struct place *p = malloc(sizeof *p + len);
        if (!p)
            return;
        p->wd = wd;
        memcpy(p->path, path, len);
        p->next = *at;
        *at = p;
        w->place_count++;
    }
    (*at)->is_directory = is_directory;
    (*at)->seen_scan = w->scan;
}

static void forget_unseen_places(struct watch *w)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct place **at = &w->places[i]; *at;) {
            if ((*at)->seen_scan == w->scan) {
                at = &(*at)->next;
                continue;
            }
            inotify_rm_watch(w->fd, (*at)->wd);
            forget_place(w, at);
        }
}

/* ---- the scan ---- */

/* The directory that holds the link tells nothing about what is written to its target. */
static void watch_target(struct watch *w, const char *path)
{
    struct stat target;
    if (stat(path, &target) == 0 && S_ISREG(target.st_mode))
        watch_place(w, path, false);
}

static void check_name(struct watch *w, const char *path, bool is_link)
{
    if (!is_wanted(w, path))
        return;
    if (is_link)
        watch_target(w, path);
    w->options.check(w->options.ctx, path);
}

/* The type of a directory entry; file systems may leave it open. */
static unsigned char entry_type(int dir_fd, const struct dirent *e)
{
    if (e->d_type != DT_UNKNOWN)
        return e->d_type;
    struct stat st;
    if (fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return DT_UNKNOWN;
    return S_ISDIR(st.st_mode) ? DT_DIR : S_ISLNK(st.st_mode) ? DT_LNK : DT_REG;
}

/* path has room for WATCH_PATH_SIZE bytes and is the same again afterwards: one buffer serves the whole walk. */
static void scan_directory(struct watch *w, char *path, unsigned depth)
{
    watch_place(w, path, true);
    /* Only the root of a glob, which the operator wrote, may itself be a link. */
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0));
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    size_t len = strlen(path);
    const char *slash = len && path[len - 1] == '/' ? "" : "/";
    for (struct dirent *e; (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        int n = snprintf(path + len, WATCH_PATH_SIZE - len, "%s%s", slash, e->d_name);
        if (n < 0 || (size_t)n >= WATCH_PATH_SIZE - len)
            continue;
        unsigned char type = entry_type(dirfd(dir), e);
        if (type != DT_DIR)
            check_name(w, path, type == DT_LNK);
        else if (depth < WATCH_DEPTH_MAX && leads_somewhere(w, path))
            scan_directory(w, path, depth + 1);
    }
    path[len] = 0;
    closedir(dir);
}

static bool is_first_of_its_root(const struct watch *w, size_t index, bole_slice root)
{
    for (size_t i = 0; i < index; i++)
        if (bole_slice_eq(glob_root(bole_slice_str(wanted_glob(w, i))), root))
            return false;
    return true;
}

static void scan_all(struct watch *w)
{
    w->scan++;
    w->scan_wanted = false;
    w->scan_due_ns = clock_mono_ns(w->options.clock) + w->options.scan_interval_ns;
    const char *glob;
    for (size_t i = 0; (glob = wanted_glob(w, i)); i++) {
        char path[WATCH_PATH_SIZE];
        bole_slice root = glob_root(bole_slice_str(glob));
        if (root.len >= sizeof path || !is_first_of_its_root(w, i, root))
            continue;
        memcpy(path, root.ptr, root.len);
        path[root.len] = 0;
        scan_directory(w, path, 0);
    }
    if (w->fd >= 0)
        forget_unseen_places(w);
    w->options.scanned(w->options.ctx);
}

/* ---- renames ---- */

static void free_carrier(struct watch *w, struct carrier **at)
{
    struct carrier *c = *at;
    *at = c->next;
    free(c->origin);
    free(c->current);
    free(c);
    w->carrier_count--;
}

/* What had this name is no more: overwritten by a rename, or deleted. */
static void drop_carriers_at(struct watch *w, const char *path)
{
    for (struct carrier **at = &w->carriers; *at;) {
        if (strcmp((*at)->current, path) == 0)
            free_carrier(w, at);
        else
            at = &(*at)->next;
    }
}

/* True when `to` is now the name of a carrier. */
static bool carry(struct watch *w, const char *from, const char *to)
{
    w->renamed = true;
    drop_carriers_at(w, to);
    for (struct carrier *c = w->carriers; c; c = c->next)
        if (strcmp(c->current, from) == 0) {
            char *copy = strdup(to);
            if (copy) {
                free(c->current);
                c->current = copy;
            }
            return copy != NULL;
        }
    if (!is_wanted(w, from) || w->carrier_count == CARRIERS_MAX)
        return false;
    struct carrier *c = calloc(1, sizeof *c);
    if (!c)
        return false;
    *c = (struct carrier){.next = w->carriers, .origin = strdup(from), .current = strdup(to)};
    w->carriers = c;
    w->carrier_count++;
    if (c->origin && c->current)
        return true;
    free_carrier(w, &w->carriers);
    return false;
}

static void look_at_carriers(struct watch *w)
{
    for (struct carrier *c = w->carriers; c; c = c->next) {
        w->options.moved(w->options.ctx, c->origin, c->current);
        if (is_wanted(w, c->current))
            w->options.check(w->options.ctx, c->current);
    }
}

/* ---- events ---- */

static void on_directory_event(struct watch *w, const struct inotify_event *e, char *path)
{
    if (e->mask & IN_MOVED_FROM)
        w->scan_wanted = true; /* its files are there no more; where they are now only a walk knows */
    else if (e->mask & (IN_CREATE | IN_MOVED_TO) && leads_somewhere(w, path))
        scan_directory(w, path, 1);
}

static bool is_link(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static void on_name_event(struct watch *w, const struct inotify_event *e, const char *path)
{
    bool carried = false;
    if (e->mask & IN_MOVED_FROM) {
        w->from_cookie = e->cookie;
        snprintf(w->from, sizeof w->from, "%s", path);
    } else if (e->mask & IN_MOVED_TO && w->from_cookie == e->cookie) {
        w->from_cookie = 0;
        carried = carry(w, w->from, path);
    } else if (e->mask & (IN_MOVED_TO | IN_DELETE)) {
        w->renamed |= w->carriers != NULL;
        drop_carriers_at(w, path);
    }
    if (carried || !is_wanted(w, path))
        return; /* a carrier is looked at when the queue is empty */
    if (e->mask & IN_MODIFY)
        w->options.touched(w->options.ctx, path);
    else
        check_name(w, path, e->mask & (IN_CREATE | IN_MOVED_TO) && is_link(path));
}

static void on_event(struct watch *w, const struct inotify_event *e)
{
    if (e->mask & IN_Q_OVERFLOW) {
        LOG(WARN, "inotify queue ran over: scanning");
        w->scan_wanted = true;
        return;
    }
    struct place **at = place_slot(w, e->wd), *p = *at;
    if (!p)
        return;
    char path[WATCH_PATH_SIZE];
    if (e->mask & IN_IGNORED)
        forget_place(w, at);
    else if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF))
        w->scan_wanted = true;
    else if (!p->is_directory)
        w->options.touched(w->options.ctx, p->path);
    else if (e->len == 0 || !join(path, p->path, e->name))
        return;
    else if (e->mask & IN_ISDIR)
        on_directory_event(w, e, path);
    else
        on_name_event(w, e, path);
}

/* One read of the queue; false when it was empty. */
static bool read_events(struct watch *w)
{
    _Alignas(struct inotify_event) char events[EVENTS_SIZE];
    ssize_t n = read(w->fd, events, sizeof events);
    if (n <= 0)
        return false;
    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *e = (const struct inotify_event *)(events + at);
        on_event(w, e);
        at += (ssize_t)(sizeof *e + e->len);
    }
    return true;
}

static bool read_queue(struct watch *w)
{
    unsigned reads = 0;
    w->renamed = false;
    while (reads < READS_MAX && read_events(w))
        reads++;
    return reads > 0;
}

static bool drain(struct watch *w)
{
    bool any = read_queue(w);
    for (unsigned i = 0; w->carriers && i < LOOKS_MAX; i++) {
        look_at_carriers(w);
        read_queue(w); /* did anything change hands while they were looked at? */
        if (!w->renamed)
            while (w->carriers)
                free_carrier(w, &w->carriers);
    }
    return any;
}

bool watch_run(struct watch *w)
{
    bool any = w->fd >= 0 && drain(w);
    if (w->scan_wanted || clock_mono_ns(w->options.clock) >= w->scan_due_ns)
        scan_all(w);
    return any;
}

int watch_fd(const struct watch *w)
{
    return w->fd;
}

uint64_t watch_scan_due_ns(const struct watch *w)
{
    return w->scan_due_ns;
}

size_t watch_directory_count(const struct watch *w)
{
    return w->place_count;
}

/* ---- life ---- */

static bole_status copy_globs(struct watch *w, struct bole_err *err)
{
    const struct watch_options *o = &w->options;
    w->globs = calloc(o->include_count + o->exclude_count + 1, sizeof *w->globs);
    if (!w->globs)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the globs");
    for (size_t i = 0; i < o->include_count + o->exclude_count; i++) {
        const char *glob = i < o->include_count ? o->includes[i] : o->excludes[i - o->include_count];
        if (i < o->include_count && glob[0] != '/')
            return bole_fail(err, BOLE_E_INVALID, "not an absolute path: %s", glob);
        w->globs[i] = strdup(glob);
        if (!w->globs[i])
            return bole_fail(err, BOLE_E_NOMEM, "no memory for the globs");
    }
    return BOLE_OK;
}

bole_status watch_create(const struct watch_options *options, struct watch **ret_watch, struct bole_err *err)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for watching files");
    w->options = *options;
    w->fd = -1;
    bole_status st = copy_globs(w, err);
    if (st < 0) {
        watch_destroy(w);
        return st;
    }
    if (!options->no_inotify) {
        w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (w->fd < 0)
            LOG(WARN, "no inotify: files are found and followed by the scan only", " reason=%s",
                LOGQS(strerror(errno)));
    }
    *ret_watch = w;
    return BOLE_OK;
}

void watch_destroy(struct watch *w)
{
    if (!w)
        return;
    while (w->carriers)
        free_carrier(w, &w->carriers);
    for (size_t i = 0; i < BUCKETS; i++)
        while (w->places[i])
            forget_place(w, &w->places[i]);
    for (size_t i = 0; w->globs && w->globs[i]; i++)
        free(w->globs[i]);
    free(w->globs);
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}
