/*
 * Forgetting: the position is made durable first, then the files below it go, or are kept to be used again. The store's
 * catalogue is the real owner of the position; what stands here is only the permission to forget.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "queue/wal_internal.h"

static bole_status write_new_state(struct wal *w, const char *path, struct bole_err *err)
{
    uint8_t bytes[WAL_STATE_SIZE] = {0};
    struct iovec iov = {bytes, sizeof bytes};
    struct file *file = NULL;
    wal_state_encode(&w->state, bytes + (w->state.count % 2 ? WAL_STATE_SECOND : 0));
    bole_status st = fs_open(w->fs, path, FS_WRITE | FS_CREATE | FS_TRUNCATE, &file, err);
    if (st >= 0)
        st = file_write(file, 0, &iov, 1, err);
    if (st >= 0)
        st = file_sync(file, err);
    file_close(file);
    return st;
}

bole_status wal_state_create(struct wal *w, struct bole_err *err)
{
    char path[PATH_MAX], tmp[PATH_MAX];
    if (w->state_file)
        return BOLE_OK;
    if (!wal_path(path, sizeof path, w->dir, WAL_STATE_NAME) ||
        !wal_path(tmp, sizeof tmp, w->dir, WAL_STATE_NAME WAL_TMP_SUFFIX))
        return bole_fail(err, BOLE_E_INVALID, "wal: the path of %s is too long", w->dir);
    bole_status st = write_new_state(w, tmp, err);
    if (st >= 0)
        st = fs_rename(w->fs, tmp, path, err);
    if (st < 0) {
        fs_unlink(w->fs, tmp, NULL);
        return st;
    }
    st = wal_sync_dir(w, err);
    return st < 0 ? st : fs_open(w->fs, path, FS_WRITE, &w->state_file, err);
}

struct wal_state wal_state_now(struct wal *w)
{
    pthread_mutex_lock(&w->lock);
    struct wal_state now = {
        .count = w->state.count + 1,
        .released_lsn = w->state.released_lsn,
        .durable_lsn = w->appended_lsn,
        .current = w->current ? w->current->sequence : 0,
        .spare = w->spare ? w->spare->sequence : 0,
    };
    pthread_mutex_unlock(&w->lock);
    return now;
}

bole_status wal_state_write(struct wal *w, struct wal_state next, struct bole_err *err)
{
    uint8_t slot[WAL_STATE_SLOT_SIZE];
    wal_state_encode(&next, slot);
    struct iovec iov = {slot, sizeof slot};
    struct bole_err local = {0};
    bole_status st = file_write(w->state_file, next.count % 2 ? WAL_STATE_SECOND : 0, &iov, 1, err);
    if (st < 0)
        return st; /* the other slot stands */
    if (file_sync(w->state_file, &local) < 0) {
        if (err)
            *err = local;
        return wal_fatal(w, &local);
    }
    w->state = next;
    return BOLE_OK;
}

/* When nothing is left to keep: back to small files, so that an idle queue takes little room. Lock held; the files that
 * go are added to `gone`. False: there was no reason to. */
static bool shrink(struct wal *w, struct wal_file **gone, size_t *gone_count)
{
    struct wal_file *f = w->current;
    if (w->appending || w->released_lsn < w->appended_lsn || !f || f->pins || f->size <= w->file_size_min)
        return false;
    gone[(*gone_count)++] = f;
    w->file_count--; /* current is the last one */
    w->current = NULL;
    if (w->spare && w->spare->size > w->file_size_min) {
        gone[(*gone_count)++] = w->spare;
        w->spare = NULL;
    }
    while (w->reuse_count)
        gone[(*gone_count)++] = w->reuse[--w->reuse_count];
    w->prepare_now = !w->spare;
    pthread_cond_broadcast(&w->changed);
    return true;
}

/* Out of the way of the live files, so that a gap in the numbers is always a loss. Not synced: should the old name come
 * back, its groups are released all the same. */
static void keep_for_reuse(struct wal *w, struct wal_file *f)
{
    char from[PATH_MAX], to[PATH_MAX], name[WAL_NAME_SIZE];
    struct bole_err err = {0};
    snprintf(name, sizeof name, "%016llx" WAL_OLD_SUFFIX, (unsigned long long)f->sequence);
    if (!wal_path(from, sizeof from, w->dir, f->name) || !wal_path(to, sizeof to, w->dir, name) ||
        fs_rename(w->fs, from, to, &err) < 0) {
        wal_file_discard(w, f);
        return;
    }
    memcpy(f->name, name, sizeof name);
    pthread_mutex_lock(&w->lock);
    if (w->reuse_count < WAL_REUSE_MAX) {
        w->reuse[w->reuse_count++] = f;
        f = NULL;
    }
    pthread_mutex_unlock(&w->lock);
    if (f)
        wal_file_discard(w, f);
}

/* Takes the released files out of the list: up to keep_max that are worth keeping go to `keep`, the others to `gone`.
 * One that the state still names stays until it does not: its absence would count as a loss. Both locks held. */
static void pick_released(struct wal *w, struct wal_file **keep, size_t keep_max, size_t *keep_count,
                          struct wal_file **gone, size_t *gone_count)
{
    uint64_t size_now = w->current ? w->current->size : w->file_size_min;
    size_t left = 0;
    for (size_t i = 0; i < w->file_count; i++) {
        struct wal_file *f = w->files[i];
        bool named = w->state.current && f->sequence >= w->state.current;
        if (f == w->current || named || f->pins || f->last_lsn > w->released_lsn)
            w->files[left++] = f;
        else if (*keep_count < keep_max && f->size >= size_now && f->size <= 2 * size_now)
            keep[(*keep_count)++] = f;
        else
            gone[(*gone_count)++] = f;
    }
    w->file_count = left;
}

void wal_trim(struct wal *w)
{
    struct wal_file *keep[WAL_REUSE_MAX];
    size_t keep_count = 0, gone_count = 0;
    pthread_mutex_lock(&w->lock);
    struct wal_file **gone = calloc(w->file_count + WAL_REUSE_MAX + 2, sizeof *gone);
    if (!gone) { /* the next release comes */
        pthread_mutex_unlock(&w->lock);
        return;
    }
    bool shrunk = shrink(w, gone, &gone_count);
    /* A file kept for reuse is no room for others: where room is short it goes. */
    size_t keep_max = shrunk || w->prepare_failed ? 0 : WAL_REUSE_MAX - w->reuse_count;
    pick_released(w, keep, keep_max, &keep_count, gone, &gone_count);
    pthread_mutex_unlock(&w->lock);

    struct bole_err err = {0};
    if (shrunk && wal_state_write(w, wal_state_now(w), &err) < 0) /* before what it names goes */
        LOG(WARN, "wal state not written", " reason=%s", LOGQS(err.msg));
    for (size_t i = 0; i < keep_count; i++)
        keep_for_reuse(w, keep[i]);
    for (size_t i = 0; i < gone_count; i++)
        wal_file_discard(w, gone[i]);
    if (gone_count)
        wal_sync_dir(w, NULL);
    free(gone);
}

bole_status wal_release(struct queue *self, uint64_t lsn, struct bole_err *err)
{
    struct wal *w = (struct wal *)self;
    pthread_mutex_lock(&w->release_lock);
    pthread_mutex_lock(&w->lock);
    uint64_t appended = w->appended_lsn, released = w->released_lsn;
    bool dead = w->dead;
    pthread_mutex_unlock(&w->lock);
    bole_status st = BOLE_OK;
    if (dead)
        st = bole_fail(err, BOLE_E_IO, "wal: a sync failed, nothing can be released");
    else if (lsn > appended)
        st = bole_fail(err, BOLE_E_INVALID, "wal: release of group %llu, the last one is %llu", (unsigned long long)lsn,
                       (unsigned long long)appended);
    else if (lsn > released) {
        st = wal_state_create(w, err);
        struct wal_state next = wal_state_now(w);
        next.released_lsn = lsn;
        if (st >= 0)
            st = wal_state_write(w, next, err);
        if (st >= 0) {
            pthread_mutex_lock(&w->lock);
            w->released_lsn = lsn;
            w->noted_lsn = next.durable_lsn;
            pthread_mutex_unlock(&w->lock);
            wal_trim(w);
        }
    }
    pthread_mutex_unlock(&w->release_lock);
    return st;
}

bole_status wal_released_lsn(struct fs *fs, const char *dir, uint64_t *ret_lsn, struct bole_err *err)
{
    char path[PATH_MAX];
    struct file *file = NULL;
    uint8_t bytes[WAL_STATE_SIZE] = {0};
    *ret_lsn = 0;
    if (!wal_path(path, sizeof path, dir, WAL_STATE_NAME))
        return bole_fail(err, BOLE_E_INVALID, "wal: the path of %s is too long", dir);
    bole_status st = fs_open(fs, path, FS_READ, &file, err);
    if (st == BOLE_E_NOTFOUND)
        return BOLE_OK;
    if (st >= 0)
        st = file_read(file, 0, bytes, sizeof bytes, NULL, err); /* a short file is the surveyor's to report */
    file_close(file);
    for (size_t at = 0; st >= 0 && at <= WAL_STATE_SECOND; at += WAL_STATE_SECOND) {
        struct wal_state s;
        uint32_t version;
        if (wal_state_decode(bytes + at, &s, &version) == BOLE_OK && s.released_lsn > *ret_lsn)
            *ret_lsn = s.released_lsn;
    }
    return st < 0 ? st : BOLE_OK;
}
