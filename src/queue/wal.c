/*
 * One thread appends: it writes header and payload with one pwritev into blocks that exist, syncs, and only then is the
 * group counted. There is no timer and no buffer: what arrives during a sync is the next group, and that is made above.
 *
 * A write that fails (a full disk under a file system that copies on write, a quota) is wiped before the call returns,
 * so that no part of it can come back. A sync that fails ends the process: nobody can know any more what the disk
 * holds.
 */
#include "queue/wal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "os/thread.h"
#include "queue/wal_internal.h"

static struct wal *wal_of(struct queue *self)
{
    return (struct wal *)self;
}

bole_status wal_fatal(struct wal *w, struct bole_err *err)
{
    pthread_mutex_lock(&w->lock);
    w->dead = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    bole_err_context(err, "wal %s: the disk no longer keeps what it is given", w->dir);
    if (w->on_fatal) {
        w->on_fatal(err);
    } else {
        LOG(ERROR, "wal failed", " reason=%s", LOGQS(err->msg));
        _exit(1);
    }
    return BOLE_E_IO;
}

bole_status wal_sync_dir(struct wal *w, struct bole_err *err)
{
    struct bole_err why = {0};
    if (file_sync(w->dir_file, &why) >= 0)
        return BOLE_OK;
    bole_status st = wal_fatal(w, &why);
    if (err)
        *err = why;
    return st;
}

bole_status wal_files_add(struct wal *w, struct wal_file *f, struct bole_err *err)
{
    if (w->file_count == w->file_cap) {
        size_t cap = w->file_cap ? w->file_cap * 2 : 16;
        struct wal_file **grown = realloc(w->files, cap * sizeof *grown);
        if (!grown)
            return bole_fail(err, BOLE_E_NOMEM, "wal: no memory for %zu files", cap);
        w->files = grown;
        w->file_cap = cap;
    }
    w->files[w->file_count++] = f;
    return BOLE_OK;
}

/* ---- append ---- */

static bole_status dead_status(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_IO, "wal: a sync failed, the queue cannot be used any more");
}

/* Waits until there is a spare that takes `size` bytes of frame. Lock held. */
static bole_status await_spare(struct wal *w, uint64_t size, struct bole_err *err)
{
    while (!w->dead) {
        if (w->spare && wal_file_room(w->spare) >= size)
            return BOLE_OK;
        uint64_t attempts = w->prepare_attempts;
        w->spare_need = size;
        w->prepare_now = true;
        if (w->has_helper)
            pthread_cond_broadcast(&w->changed);
        else
            wal_prepare_spare(w);
        while (w->prepare_attempts == attempts && !w->dead)
            pthread_cond_wait(&w->changed, &w->lock);
        if (w->prepare_err.code < 0 && !w->dead) {
            if (err)
                *err = w->prepare_err;
            return w->prepare_err.code;
        }
    }
    return dead_status(err);
}

/* Makes current a file with room for a frame, and marks it as in use. */
static bole_status take_current(struct wal *w, uint64_t size, struct wal_file **ret_file, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    pthread_mutex_lock(&w->lock);
    if (w->dead)
        st = dead_status(err);
    else if (w->appended_lsn >= QUEUE_LSN_MAX)
        st = bole_fail(err, BOLE_E_LIMIT, "wal: all %llu group numbers are used", (unsigned long long)QUEUE_LSN_MAX);
    else if (!w->current || wal_file_room(w->current) < size) {
        st = await_spare(w, size, err);
        if (st >= 0)
            st = wal_files_add(w, w->spare, err);
        if (st >= 0) {
            w->current = w->spare;
            w->spare = NULL;
            w->prepare_now = w->has_helper;
            pthread_cond_broadcast(&w->changed);
        }
    }
    if (st >= 0) {
        w->appending = true;
        *ret_file = w->current;
    }
    pthread_mutex_unlock(&w->lock);
    return st;
}

enum { PAGE = 4096 };

/* Header, parts and padding as one vector. The padding goes to the end of a page: one that is written whole need not be read
 * before. */
static bole_status gather(struct wal *w, uint8_t *header, const bole_slice *parts, size_t part_count, uint64_t padding,
                          int *ret_count, struct bole_err *err)
{
    static const uint8_t zeros[WAL_FRAME_ALIGN + PAGE];
    if (part_count + 2 > w->iov_cap) {
        if (part_count > INT_MAX - 2)
            return bole_fail(err, BOLE_E_LIMIT, "wal: a group of %zu parts", part_count);
        struct iovec *grown = realloc(w->iov, (part_count + 2) * sizeof *grown);
        if (!grown)
            return bole_fail(err, BOLE_E_NOMEM, "wal: no memory for %zu parts", part_count);
        w->iov = grown;
        w->iov_cap = part_count + 2;
    }
    int n = 0;
    w->iov[n++] = (struct iovec){header, WAL_FRAME_HEADER_SIZE};
    for (size_t i = 0; i < part_count; i++)
        if (parts[i].len)
            w->iov[n++] = (struct iovec){(void *)parts[i].ptr, parts[i].len};
    if (padding)
        w->iov[n++] = (struct iovec){(void *)zeros, (size_t)padding};
    *ret_count = n;
    return BOLE_OK;
}

/* After a failed write: zeros over all that may be there, durable before anything else is written; where the disk takes
 * not even those, the file ends here. */
static bole_status wipe(struct wal *w, struct wal_file *f, uint64_t size)
{
    struct bole_err err = {0};
    bole_status st = wal_zero(f->file, (struct wal_span){f->end, f->end + size}, &err);
    if (st < 0) {
        st = file_truncate(f->file, f->end, &err);
        if (st >= 0) {
            pthread_mutex_lock(&w->lock);
            f->size = f->end;
            pthread_mutex_unlock(&w->lock);
        }
    }
    if (st >= 0)
        st = file_sync(f->file, &err);
    return st < 0 ? wal_fatal(w, &err) : BOLE_OK;
}

static void count_append(struct wal *w, struct wal_file *f, uint64_t lsn, uint64_t frame_size, uint64_t payload_size,
                         uint64_t took_ns)
{
    pthread_mutex_lock(&w->lock);
    f->end += frame_size;
    f->first_lsn = f->first_lsn ? f->first_lsn : lsn;
    f->last_lsn = lsn;
    w->appended_lsn = lsn;
    w->stats.groups_total++;
    w->stats.syncs_total++;
    w->stats.bytes_total += payload_size;
    w->stats.sync_ns_total += took_ns;
    if (w->helper_sleeps)
        pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static bole_status append_to(struct wal *w, struct wal_file *f, const bole_slice *parts, size_t part_count,
                             uint64_t payload_size, uint64_t *ret_lsn, struct bole_err *err)
{
    uint8_t header[WAL_FRAME_HEADER_SIZE];
    struct bole_err fatal = {0};
    uint64_t size = wal_frame_size(payload_size), lsn = w->appended_lsn + 1; /* only this thread moves it */
    uint64_t page_end = (f->end + size + PAGE - 1) / PAGE * PAGE, end = page_end < f->size ? page_end : f->size;
    int iov_count = 0;
    bole_status st = gather(w, header, parts, part_count, end - f->end - WAL_FRAME_HEADER_SIZE - payload_size,
                            &iov_count, err);
    if (st < 0)
        return st;
    wal_frame_encode(f->id, lsn, w->appended_lsn, parts, part_count, header);
    uint64_t start_ns = clock_mono_ns(w->clock);
    st = file_write(f->file, f->end, w->iov, iov_count, err);
    if (st < 0) {
        bole_status wiped = wipe(w, f, size);
        return wiped < 0 ? wiped : st;
    }
    if (file_sync(f->file, &fatal) < 0) {
        if (err)
            *err = fatal;
        return wal_fatal(w, &fatal);
    }
    count_append(w, f, lsn, size, payload_size, clock_mono_ns(w->clock) - start_ns);
    *ret_lsn = lsn;
    return BOLE_OK;
}

static bole_status wal_append(struct queue *self, const bole_slice *parts, size_t part_count, uint64_t *ret_lsn,
                              struct bole_err *err)
{
    struct wal *w = wal_of(self);
    struct wal_file *f = NULL;
    uint64_t payload_size;
    bole_status st = queue_group_size(parts, part_count, &payload_size, err);
    if (st >= 0)
        st = take_current(w, wal_frame_size(payload_size), &f, err);
    if (st < 0)
        return st;
    st = append_to(w, f, parts, part_count, payload_size, ret_lsn, err);
    pthread_mutex_lock(&w->lock);
    w->appending = false;
    pthread_mutex_unlock(&w->lock);
    return st;
}

/* ---- read ---- */

struct reading {
    struct wal_file *file;
    uint64_t end;
};

/* Pins the files that hold groups above lsn, so that they stay while they are read. */
static bole_status pin_files(struct wal *w, uint64_t after_lsn, struct reading **ret_files, size_t *ret_count,
                             uint64_t *ret_after, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    size_t count = 0;
    pthread_mutex_lock(&w->lock);
    struct reading *files = calloc(w->file_count + 1, sizeof *files);
    if (!files)
        st = bole_fail(err, BOLE_E_NOMEM, "wal: no memory to read %zu files", w->file_count);
    else if (w->dead)
        st = dead_status(err);
    if (after_lsn < w->released_lsn)
        after_lsn = w->released_lsn;
    for (size_t i = 0; i < w->file_count && st >= 0; i++) {
        struct wal_file *f = w->files[i];
        if (f->last_lsn <= after_lsn)
            continue;
        f->pins++;
        files[count++] = (struct reading){f, f->end};
    }
    pthread_mutex_unlock(&w->lock);
    *ret_files = files;
    *ret_count = count;
    *ret_after = after_lsn;
    return st;
}

static void unpin_files(struct wal *w, struct reading *files, size_t count)
{
    pthread_mutex_lock(&w->lock);
    bool released = false;
    for (size_t i = 0; i < count; i++) {
        files[i].file->pins--;
        released = released || files[i].file->last_lsn <= w->released_lsn;
    }
    pthread_mutex_unlock(&w->lock);
    free(files);
    if (released) {
        pthread_mutex_lock(&w->release_lock);
        wal_trim(w);
        pthread_mutex_unlock(&w->release_lock);
    }
}

/* Damage; `lost` groups are not delivered because of it. What was known is not told again. */
static void note_damage(struct wal *w, struct wal_file *f, struct wal_span span, uint64_t lost)
{
    uint64_t more = 0;
    pthread_mutex_lock(&w->lock);
    wal_file_add_damage(f, (struct wal_damage){span, lost}, &more, NULL);
    w->stats.corrupt_frames += more;
    pthread_mutex_unlock(&w->lock);
    if (!more)
        return;
    LOG(ERROR, "wal damaged", " file=%s offset=%llu size=%llu groups_lost=%llu", LOGQS(f->name),
        (unsigned long long)span.from, (unsigned long long)(span.to - span.from), (unsigned long long)more);
    wal_quarantine(w, f, span);
}

typedef bole_status group_fn(uint64_t lsn, bole_slice payload, void *ctx, struct bole_err *err);

static bole_status read_file(struct wal *w, const struct reading *r, struct wal_window *window, uint64_t *last_lsn,
                             group_fn *fn, void *ctx, struct bole_err *err)
{
    struct wal_scan scan;
    struct wal_item item = {0};
    struct wal_span suspect = {0};
    wal_scan_init(&scan, r->file, r->end, window);
    for (;;) {
        bole_status st = wal_scan_next(&scan, &item, err);
        if (st < 0)
            return st;
        if (item.kind == WAL_ITEM_TAIL)
            break;
        if (item.kind == WAL_ITEM_GAP) {
            suspect = item.span;
            continue;
        }
        if (suspect.to) {
            note_damage(w, r->file, suspect, item.lsn > *last_lsn ? item.lsn - *last_lsn - 1 : 0);
            suspect = (struct wal_span){0};
        }
        if (item.lsn <= *last_lsn)
            continue;
        st = fn(item.lsn, item.payload, ctx, err);
        if (st != BOLE_OK)
            return st;
        *last_lsn = item.lsn;
    }
    if (item.span.from < r->end) {
        note_damage(w, r->file, (struct wal_span){item.span.from, r->end},
                    r->file->last_lsn > *last_lsn ? r->file->last_lsn - *last_lsn : 0);
    }
    return BOLE_OK;
}

static bole_status wal_read(struct queue *self, uint64_t after_lsn, group_fn *fn, void *ctx, struct bole_err *err)
{
    struct wal *w = wal_of(self);
    struct wal_window window = {0};
    struct reading *files = NULL;
    size_t count = 0;
    uint64_t last_lsn = 0;
    bole_status st = pin_files(w, after_lsn, &files, &count, &last_lsn, err);
    for (size_t i = 0; i < count && st == BOLE_OK; i++)
        st = read_file(w, &files[i], &window, &last_lsn, fn, ctx, err);
    unpin_files(w, files, count);
    wal_window_deinit(&window);
    return st;
}

/* ---- opening and closing ---- */

static void wal_stats(struct queue *self, struct queue_stats *ret_stats)
{
    struct wal *w = wal_of(self);
    pthread_mutex_lock(&w->lock);
    struct queue_stats s = w->stats;
    s.appended_lsn = w->appended_lsn;
    s.released_lsn = w->released_lsn;
    for (size_t i = 0; i < w->file_count; i++)
        s.bytes_on_disk += w->files[i]->size;
    for (size_t i = 0; i < w->reuse_count; i++)
        s.bytes_on_disk += w->reuse[i]->size;
    s.room_bytes = w->current ? wal_file_room(w->current) : 0;
    if (w->spare) {
        s.bytes_on_disk += w->spare->size;
        s.room_bytes += wal_file_room(w->spare);
    }
    s.is_full = w->prepare_failed;
    pthread_mutex_unlock(&w->lock);
    *ret_stats = s;
}

static bole_status take_lock(struct wal *w, struct bole_err *err)
{
    char path[PATH_MAX], pid[32] = "";
    size_t len = 0;
    if (!wal_path(path, sizeof path, w->dir, WAL_LOCK_NAME))
        return bole_fail(err, BOLE_E_INVALID, "wal: the path of %s is too long", w->dir);
    bole_status st = fs_open(w->fs, path, FS_WRITE | FS_CREATE, &w->lock_file, err);
    if (st >= 0)
        st = file_lock(w->lock_file, err);
    if (st == BOLE_E_CONFLICT) {
        file_read(w->lock_file, 0, pid, sizeof pid - 1, &len, NULL);
        pid[strspn(pid, "0123456789")] = 0;
        return bole_fail(err, BOLE_E_CONFLICT, "wal: %s is in use by %s%s", w->dir, *pid ? "process " : "somebody else",
                         pid);
    }
    if (st < 0)
        return st;
    /* For the message above only: that the disk is full is no reason not to start. */
    snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    struct iovec iov = {pid, strlen(pid)};
    if (file_truncate(w->lock_file, 0, NULL) >= 0)
        file_write(w->lock_file, 0, &iov, 1, NULL);
    return BOLE_OK;
}

static void stop_helper(struct wal *w)
{
    if (!w->has_helper)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->helper, NULL);
}

/* Frees everything; nothing is written. */
static void wal_free(struct wal *w)
{
    for (size_t i = 0; i < w->file_count; i++)
        wal_file_destroy(w->files[i]);
    for (size_t i = 0; i < w->reuse_count; i++)
        wal_file_destroy(w->reuse[i]);
    wal_file_destroy(w->spare);
    free(w->files);
    free(w->iov);
    file_close(w->state_file);
    file_close(w->dir_file);
    file_close(w->lock_file);
    pthread_mutex_destroy(&w->lock);
    pthread_mutex_destroy(&w->release_lock);
    pthread_cond_destroy(&w->changed);
    free(w);
}

static void wal_destroy(struct queue *self)
{
    struct wal *w = wal_of(self);
    struct bole_err err = {0};
    stop_helper(w);
    pthread_mutex_lock(&w->release_lock);
    struct wal_state last = wal_state_now(w);
    last.current = last.spare = 0; /* a clean stop */
    bool news = w->state.durable_lsn < last.durable_lsn || w->state.current || w->state.spare;
    if (!w->dead && w->state_file && news && wal_state_write(w, last, &err) < 0)
        LOG(WARN, "wal state not written", " reason=%s", LOGQS(err.msg));
    pthread_mutex_unlock(&w->release_lock);
    wal_free(w);
}

static void init_locks(struct wal *w)
{
    thread_cond_init(&w->changed);
    pthread_mutex_init(&w->lock, NULL);
    pthread_mutex_init(&w->release_lock, NULL);
}

static bole_status open_dir(struct wal *w, const struct wal_options *o, struct bole_err *err)
{
    bole_status st = fs_make_dir(w->fs, w->dir, err);
    if (st >= 0)
        st = fs_open(w->fs, w->dir, FS_DIRECTORY, &w->dir_file, err);
    if (st >= 0)
        st = take_lock(w, err);
    if (st >= 0)
        st = wal_recover(w, o->min_lsn, err);
    if (st < 0)
        return st;
    pthread_mutex_lock(&w->release_lock);
    wal_trim(w);
    pthread_mutex_unlock(&w->release_lock);
    if (w->dead)
        return dead_status(err);
    if (!o->no_helper) {
        w->prepare_now = !w->spare;
        st = thread_start("wal", wal_helper_run, w, &w->helper, err);
        w->has_helper = st >= 0;
    }
    return st;
}

bole_status wal_open(const struct wal_options *options, struct queue **ret_queue, struct bole_err *err)
{
    struct wal *w = calloc(1, sizeof *w);
    if (!w)
        return bole_fail(err, BOLE_E_NOMEM, "wal: no memory");
    w->base.ops = &queue_wal_ops;
    w->fs = options->fs;
    w->clock = options->clock;
    w->random = options->random;
    w->on_fatal = options->on_fatal;
    w->file_size_min = options->file_size_min ? options->file_size_min : WAL_FILE_SIZE_MIN;
    w->file_size_max = options->file_size_max ? options->file_size_max : WAL_FILE_SIZE_MAX;
    w->reserve_bytes = options->reserve_bytes;
    init_locks(w);
    int n = snprintf(w->dir, sizeof w->dir, "%s", options->dir);
    bole_status st = n > 0 && (size_t)n < sizeof w->dir
                         ? open_dir(w, options, err)
                         : bole_fail(err, BOLE_E_INVALID, "wal: no directory, or one of too long a name");
    if (st < 0) {
        wal_free(w);
        return st;
    }
    *ret_queue = &w->base;
    return BOLE_OK;
}

static bole_status wal_open_uri(const struct queue_options *options, struct queue **ret_queue, struct bole_err *err)
{
    char dir[PATH_MAX];
    bole_slice rest;
    bole_slice_cut(options->uri, ':', &rest);
    if (rest.len == 0 || rest.len >= sizeof dir || memchr(rest.ptr, 0, rest.len))
        return bole_fail(err, BOLE_E_INVALID, "wal: a uri is wal:DIRECTORY, not %.*s", BOLE_SLICE_ARG(options->uri));
    memcpy(dir, rest.ptr, rest.len);
    dir[rest.len] = 0;
    struct wal_options o = {
        .dir = dir,
        .fs = options->fs,
        .clock = options->clock,
        .random = options->random,
        .min_lsn = options->min_lsn,
        .on_fatal = options->on_fatal,
        .reserve_bytes = options->reserve_bytes,
    };
    return wal_open(&o, ret_queue, err);
}

const struct queue_ops queue_wal_ops = {
    .scheme = "wal",
    .open = wal_open_uri,
    .append = wal_append,
    .read = wal_read,
    .release = wal_release,
    .stats = wal_stats,
    .destroy = wal_destroy,
};
