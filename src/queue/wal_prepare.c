/*
 * The next file is made ready before it is needed: zeros written and synced (or a released file with a new id), header,
 * name and directory synced. An append into it then overwrites blocks that exist, and fdatasync has no metadata to
 * write: 0.3 ms instead of 1.7 ms for 64 KB where this was measured. This is also the one place where the log takes
 * room on the disk, so the disk's reserve is kept here.
 *
 * Nothing here touches acknowledged groups, so a failure, a failed sync of the file included, only discards the file in
 * preparation; a failed sync of the directory is the end. The state names a file before groups go to it:
 * docs/format/wal.md.
 */
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "os/thread.h"
#include "queue/wal_internal.h"

#define TMP_NAME "next" WAL_TMP_SUFFIX

void wal_file_discard(struct wal *w, struct wal_file *f)
{
    char path[PATH_MAX];
    struct bole_err err = {0};
    pthread_mutex_lock(&w->lock);
    bool dead = w->dead; /* then the disk is left as it is */
    pthread_mutex_unlock(&w->lock);
    if (!dead && wal_path(path, sizeof path, w->dir, f->name) && fs_unlink(w->fs, path, &err) < 0 &&
        err.code != BOLE_E_NOTFOUND)
        LOG(WARN, "wal file stays until the next start", " reason=%s", LOGQS(err.msg));
    wal_file_destroy(f);
}

/* Enough for the group that waits, as large as the one before, twice that while the backlog grows. Lock held. */
static uint64_t wanted_size(const struct wal *w)
{
    uint64_t size = w->file_size_min, backlog = 0;
    for (size_t i = 0; i < w->file_count; i++)
        backlog += w->files[i]->end;
    if (w->current) {
        size = w->current->size;
        if (backlog >= size)
            size *= 2;
    }
    size = size < w->file_size_min ? w->file_size_min : size > w->file_size_max ? w->file_size_max : size;
    uint64_t need = (WAL_HEADER_SIZE + w->spare_need + WAL_HEADER_SIZE - 1) & ~(uint64_t)(WAL_HEADER_SIZE - 1);
    return size < need ? need : size;
}

static uint64_t draw_id(struct random *r)
{
    uint64_t id;
    do
        id = random_next(r);
    while (id == 0);
    return id;
}

static bole_status write_header(struct wal_file *f, struct bole_err *err)
{
    _Alignas(4096) uint8_t block[WAL_HEADER_SIZE]; /* for FS_DIRECT */
    struct wal_header h = {f->reused ? WAL_FLAG_REUSED : 0, f->id, f->sequence, f->base_lsn, f->size};
    wal_header_encode(&h, block);
    struct iovec iov = {block, sizeof block};
    bole_status st = file_write(f->file, 0, &iov, 1, err);
    return st < 0 ? st : file_sync(f->file, err);
}

static bole_status give_name(struct wal *w, struct wal_file *f, const char *from, struct bole_err *err)
{
    char old_path[PATH_MAX], new_path[PATH_MAX], name[WAL_NAME_SIZE];
    wal_file_name(f->sequence, name);
    if (!wal_path(old_path, sizeof old_path, w->dir, from) || !wal_path(new_path, sizeof new_path, w->dir, name))
        return bole_fail(err, BOLE_E_INVALID, "wal: the path of %s is too long", w->dir);
    bole_status st = fs_rename(w->fs, old_path, new_path, err);
    if (st < 0)
        return st;
    memcpy(f->name, name, sizeof name);
    st = wal_sync_dir(w, err);
    if (st < 0)
        return st;
    /* Opened anew, because a file names itself in its errors as it was called when it was opened. */
    file_close(f->file);
    f->file = NULL;
    return fs_open(w->fs, new_path, FS_WRITE, &f->file, err);
}

/* Are `size` more bytes there, and the reserve besides? */
static bole_status check_room(struct wal *w, uint64_t size, uint64_t reserve, struct bole_err *err)
{
    uint64_t room = 0;
    bole_status st = fs_free_space(w->fs, w->dir, &room, err);
    if (st >= 0 && (room < reserve || room - reserve < size))
        st = bole_fail(err, BOLE_E_FULL, "wal: %llu bytes free in %s, the next file takes %llu and %llu are reserved",
                       (unsigned long long)room, w->dir, (unsigned long long)size, (unsigned long long)reserve);
    return st;
}

/* A released file starts a new life. Its first life ends with the first byte of the new header. It takes no room, but
 * what goes into it will take some in the store. */
static bole_status reuse_file(struct wal *w, struct wal_file *f, uint64_t reserve, struct bole_err *err)
{
    char old_name[WAL_NAME_SIZE];
    bole_status st = check_room(w, 0, reserve, err);
    if (st < 0)
        return st;
    memcpy(old_name, f->name, sizeof old_name);
    f->reused = true;
    f->end = WAL_HEADER_SIZE;
    f->first_lsn = f->last_lsn = 0;
    f->damage_count = 0;
    st = write_header(f, err);
    return st < 0 ? st : give_name(w, f, old_name, err);
}

/* The room is looked at before each step: others write to the disk meanwhile. */
static bole_status fill(struct wal *w, struct wal_file *f, uint64_t size, uint64_t reserve, struct bole_err *err)
{
    for (uint64_t at = 0; at < size; at += WAL_FILL_SYNC_SIZE) {
        uint64_t to = size - at < WAL_FILL_SYNC_SIZE ? size : at + WAL_FILL_SYNC_SIZE;
        bole_status st = check_room(w, size - at, reserve, err);
        if (st >= 0)
            st = wal_zero(f->file, (struct wal_span){at, to}, err);
        if (st >= 0)
            st = file_sync(f->file, err);
        if (st < 0)
            return st;
    }
    f->size = size;
    return BOLE_OK;
}

static bole_status make_file(struct wal *w, struct wal_file *f, uint64_t size, uint64_t reserve, struct bole_err *err)
{
    char path[PATH_MAX];
    memcpy(f->name, TMP_NAME, sizeof TMP_NAME);
    if (!wal_path(path, sizeof path, w->dir, TMP_NAME))
        return bole_fail(err, BOLE_E_INVALID, "wal: the path of %s is too long", w->dir);
    /* Direct: a hundred megabytes of zeros would be copied to memory and push out what is read. */
    bole_status st = fs_open(w->fs, path, FS_WRITE | FS_CREATE | FS_TRUNCATE | FS_DIRECT, &f->file, err);
    if (st >= 0)
        st = fill(w, f, size, reserve, err);
    if (st >= 0)
        st = write_header(f, err);
    return st < 0 ? st : give_name(w, f, TMP_NAME, err);
}

/* One try, no lock held. On failure the file is gone, from the disk as well. */
static bole_status prepare(struct wal *w, struct wal_file **ret_file, struct wal_file *old, uint64_t size,
                           uint64_t reserve, struct wal_header h, struct bole_err *err)
{
    struct wal_file *f = old ? old : wal_file_create();
    if (!f)
        return bole_fail(err, BOLE_E_NOMEM, "wal: no memory for a file");
    f->id = h.file_id;
    f->sequence = h.sequence;
    f->base_lsn = h.base_lsn;
    f->header_whole = true;
    bole_status st = old ? reuse_file(w, f, reserve, err) : make_file(w, f, size, reserve, err);
    if (st < 0) {
        wal_file_discard(w, f);
        return st;
    }
    *ret_file = f;
    return BOLE_OK;
}

/* A released file of a fitting size; the others are too small by now and go. Lock held. */
static struct wal_file *take_reusable(struct wal *w, uint64_t size, struct wal_file **ret_unfit,
                                      size_t *ret_unfit_count)
{
    struct wal_file *fit = NULL;
    size_t kept = 0;
    *ret_unfit_count = 0;
    for (size_t i = 0; i < w->reuse_count; i++) {
        struct wal_file *f = w->reuse[i];
        if (f->size < size)
            ret_unfit[(*ret_unfit_count)++] = f;
        else if (!fit)
            fit = f;
        else
            w->reuse[kept++] = f;
    }
    w->reuse_count = kept;
    return fit;
}

/* Names it in the state beside the file that groups go to now. release_lock held until it is the spare, lest a state
 * without it is written meanwhile. On failure it is gone. */
static bole_status name_in_state(struct wal *w, struct wal_file **made, struct bole_err *err)
{
    struct wal_state next = wal_state_now(w);
    next.spare = (*made)->sequence;
    bole_status st = wal_state_write(w, next, err);
    if (st < 0) {
        wal_file_discard(w, *made);
        *made = NULL;
    }
    return st;
}

void wal_prepare_spare(struct wal *w)
{
    struct wal_file *unfit[WAL_REUSE_MAX], *old, *made = NULL;
    size_t unfit_count;
    struct bole_err err = {0};
    uint64_t size = wanted_size(w), need = WAL_HEADER_SIZE + w->spare_need;
    uint64_t reserve = fs_reserve(w->reserve_bytes, w->prepare_failed);
    struct wal_header h = {0, draw_id(w->random), w->next_sequence++, w->appended_lsn};
    old = take_reusable(w, size, unfit, &unfit_count);
    pthread_mutex_unlock(&w->lock);

    for (size_t i = 0; i < unfit_count; i++)
        wal_file_discard(w, unfit[i]);
    pthread_mutex_lock(&w->release_lock);
    bole_status st = wal_state_create(w, &err); /* now, because on a full disk a release must not need room */
    pthread_mutex_unlock(&w->release_lock);
    if (st >= 0)
        st = prepare(w, &made, old, size, reserve, h, &err);
    else if (old)
        wal_file_discard(w, old);
    /* A smaller file is better than none. */
    while (st == BOLE_E_FULL && size > w->file_size_min && size / 2 >= need) {
        size = size / 2 > w->file_size_min ? size / 2 : w->file_size_min;
        st = prepare(w, &made, NULL, size, reserve, h, &err);
    }

    pthread_mutex_lock(&w->release_lock);
    if (st >= 0)
        st = name_in_state(w, &made, &err);
    pthread_mutex_lock(&w->lock);
    struct wal_file *small = made ? w->spare : NULL; /* when a group was larger than files are */
    w->spare = made ? made : w->spare;
    w->spare_need = 0;
    w->prepare_now = false;
    uint64_t now = clock_mono_ns(w->clock);
    if (st < 0 && (!w->failure_told_ns || now - w->failure_told_ns >= WAL_FAILURE_LOG_NS)) {
        LOG(WARN, "wal cannot make its next file", " reason=%s", LOGQS(err.msg));
        w->failure_told_ns = now;
    }
    w->prepare_failed = st < 0 && !w->spare;
    err.code = st < 0 ? BOLE_E_FULL : BOLE_OK; /* whatever it was, there is no room for now: the helper tries again */
    w->prepare_err = err;
    w->prepare_attempts++;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->release_lock);
    if (small) {
        pthread_mutex_unlock(&w->lock);
        wal_file_discard(w, small);
        pthread_mutex_lock(&w->lock);
    }
}

/* Says in the state what is durable, so that damage to the last group is not taken for a torn write. Only when nothing
 * was appended for a tick: under load every frame says it of the one before. Lock held. */
static void note_durable(struct wal *w)
{
    uint64_t appended = w->appended_lsn;
    struct bole_err err = {0};
    bool idle = appended == w->seen_lsn;
    w->seen_lsn = appended;
    if (!idle || appended == w->noted_lsn)
        return;
    w->noted_lsn = appended;
    pthread_mutex_unlock(&w->lock);
    pthread_mutex_lock(&w->release_lock);
    if (w->state_file && w->state.durable_lsn < appended && wal_state_write(w, wal_state_now(w), &err) < 0)
        LOG(WARN, "wal state not written", " reason=%s", LOGQS(err.msg));
    pthread_mutex_unlock(&w->release_lock);
    pthread_mutex_lock(&w->lock);
}

static void wait_a_tick(struct wal *w)
{
    struct timespec until = thread_deadline(WAL_HELPER_TICK_NS);
    while (!w->stopping && !w->prepare_now)
        if (pthread_cond_timedwait(&w->changed, &w->lock, &until) != 0)
            break;
}

void *wal_helper_run(void *arg)
{
    struct wal *w = arg;
    pthread_mutex_lock(&w->lock);
    while (!w->stopping) {
        if (w->prepare_now && !w->dead) {
            wal_prepare_spare(w);
        } else if (!w->dead && (w->prepare_failed || w->noted_lsn != w->appended_lsn)) {
            wait_a_tick(w);
            w->prepare_now = w->prepare_now || w->prepare_failed;
            if (!w->stopping)
                note_durable(w);
        } else {
            w->helper_sleeps = true;
            pthread_cond_wait(&w->changed, &w->lock);
            w->helper_sleeps = false;
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}
