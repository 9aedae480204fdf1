/*
 * Opening a directory after whatever happened to it. The survey says what is there; here it is put in order, each step
 * such that a crash in the middle of it leaves a directory that this same code puts in order:
 *
 *   1. damaged bytes are copied to .bad files, unreadable files renamed to them
 *   2. a torn tail is overwritten with zeros, so that its bytes can never match again
 *   3. the last frame is written again and synced: it may be in the page cache only, and pages whose sync failed under
 * the process before us count as clean, so that a sync alone would prove nothing
 *   4. the last file is appended to; or, when groups are missing behind it, left as it is for the curious
 *   5. the state says what was found and which files are used from now on; only then do the others go
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "queue/wal_internal.h"

enum { COPY_SIZE = 1 << 20 };

static void log_problem(const struct wal_problem *p, void *ctx)
{
    const char *dir = ctx;
    unsigned long long offset = p->offset, size = p->size;
    if (p->kind == WAL_PROBLEM_TORN)
        LOG(INFO, "wal tail cut", " dir=%s file=%s offset=%llu size=%llu reason=%s", LOGQS(dir), LOGQS(p->file), offset,
            size, LOGQS(p->text));
    else if (p->kind == WAL_PROBLEM_DAMAGED || p->kind == WAL_PROBLEM_MISSING)
        LOG(ERROR, "wal damaged", " dir=%s file=%s offset=%llu size=%llu reason=%s", LOGQS(dir), LOGQS(p->file), offset,
            size, LOGQS(p->text));
    else
        LOG(WARN, "wal problem", " dir=%s file=%s offset=%llu reason=%s", LOGQS(dir), LOGQS(p->file), offset,
            LOGQS(p->text));
}

static bole_status copy_span(struct file *from, struct wal_span span, struct file *to, struct bole_err *err)
{
    uint8_t *bytes = malloc(COPY_SIZE);
    if (!bytes)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for %d bytes", COPY_SIZE);
    bole_status st = BOLE_OK;
    for (uint64_t at = span.from; at < span.to && st >= 0;) {
        size_t len = span.to - at < COPY_SIZE ? (size_t)(span.to - at) : COPY_SIZE;
        struct iovec iov = {bytes, len};
        st = file_read(from, at, bytes, len, NULL, err);
        if (st >= 0)
            st = file_write(to, at - span.from, &iov, 1, err);
        at += len;
    }
    free(bytes);
    return st < 0 ? st : file_sync(to, err);
}

void wal_quarantine(struct wal *w, const struct wal_file *f, struct wal_span span)
{
    char name[64], path[PATH_MAX];
    struct bole_err err = {0};
    struct file *to = NULL;
    snprintf(name, sizeof name, "%.*s-%016llx" WAL_BAD_SUFFIX, WAL_NAME_DIGITS, f->name, (unsigned long long)span.from);
    if (!wal_path(path, sizeof path, w->dir, name))
        return;
    bole_status st = fs_open(w->fs, path, FS_WRITE | FS_CREATE | FS_EXCLUSIVE, &to, &err);
    if (st == BOLE_E_CONFLICT)
        return; /* by an earlier start */
    if (st >= 0)
        st = copy_span(f->file, span, to, &err);
    if (st >= 0)
        st = wal_sync_dir(w, &err);
    file_close(to);
    if (st < 0) {
        fs_unlink(w->fs, path, NULL);
        LOG(WARN, "damaged bytes not set aside", " file=%s reason=%s", LOGQS(f->name), LOGQS(err.msg));
    }
}

/* A file that cannot be read at all: out of the way, unless there is nothing in it. */
static bole_status set_aside_file(struct wal *w, struct wal_file *f, struct bole_err *err)
{
    char from[PATH_MAX], to[PATH_MAX], name[64];
    snprintf(name, sizeof name, "%.*s" WAL_BAD_SUFFIX, WAL_NAME_DIGITS, f->name);
    if (f->size == 0 || !wal_path(from, sizeof from, w->dir, f->name) || !wal_path(to, sizeof to, w->dir, name)) {
        wal_file_discard(w, f);
        return BOLE_OK;
    }
    bole_status st = fs_rename(w->fs, from, to, err);
    wal_file_destroy(f);
    return st < 0 ? st : wal_sync_dir(w, err);
}

static bole_status remove_leftover(const char *name, void *ctx)
{
    struct wal *w = ctx;
    bole_slice s = bole_slice_str(name);
    char path[PATH_MAX];
    if ((bole_slice_ends(s, S(WAL_TMP_SUFFIX)) || bole_slice_ends(s, S(WAL_OLD_SUFFIX))) &&
        wal_path(path, sizeof path, w->dir, name))
        fs_unlink(w->fs, path, NULL);
    return BOLE_OK;
}

static bole_status cut_tail(struct wal_file *f, struct bole_err *err)
{
    if (f->torn.to <= f->torn.from)
        return BOLE_OK;
    bole_status st = wal_zero(f->file, f->torn, err);
    return st < 0 ? st : file_sync(f->file, err);
}

static bole_status rewrite_frame(struct wal_file *f, struct wal_span span, struct bole_err *err)
{
    size_t len = (size_t)(span.to - span.from);
    uint8_t *bytes = malloc(len);
    if (!bytes)
        return bole_fail(err, BOLE_E_NOMEM, "wal: no memory for %zu bytes", len);
    struct iovec iov = {bytes, len};
    bole_status st = file_read(f->file, span.from, bytes, len, NULL, err);
    if (st >= 0)
        st = file_write(f->file, span.from, &iov, 1, err);
    if (st >= 0)
        st = file_sync(f->file, err);
    free(bytes);
    return st;
}

/* Steps 1 to 3. */
static bole_status repair(struct wal *w, struct wal_survey *sv, struct bole_err *err)
{
    bole_status st = fs_list_dir(w->fs, w->dir, remove_leftover, w, err);
    for (size_t i = 0; i < sv->file_count && st >= 0; i++) {
        struct wal_file *f = sv->files[i];
        for (size_t j = 0; j < f->damage_count; j++)
            wal_quarantine(w, f, f->damages[j].span);
        if (f->id == 0) {
            sv->files[i] = NULL;
            st = set_aside_file(w, f, err);
        } else if (!sv->tail_damaged) {
            st = cut_tail(f, err);
        }
    }
    if (st >= 0 && sv->last_file && sv->last_lsn > sv->state.durable_lsn)
        st = rewrite_frame(sv->last_file, sv->last_frame, err);
    return st;
}

/* The name of an empty file is certainly durable only when the state has it: a process before us may have died between
 * the renaming and the sync. */
static bool is_named(const struct wal_survey *sv, const struct wal_file *f)
{
    return sv->state_certain && (f->sequence == sv->state.current || f->sequence == sv->state.spare);
}

/* Step 4. Files with groups, or with damage in the place of groups, stay; one empty file behind them is the spare. The
 * others stay in sv. */
static bole_status adopt_files(struct wal *w, struct wal_survey *sv, struct bole_err *err)
{
    size_t spare = sv->file_count;
    for (size_t i = 0; i < sv->file_count; i++) {
        struct wal_file *f = sv->files[i];
        if (!f)
            continue;
        if (!f->first_lsn && f->damage_count)
            f->first_lsn = f->last_lsn =
                sv->durable_lsn; /* what was there is lost: it goes when all of it is released */
        if (f->first_lsn) {
            bole_status st = wal_files_add(w, f, err);
            if (st < 0)
                return st;
            sv->files[i] = NULL;
            spare = sv->file_count; /* an empty file in the middle is none */
        } else if (spare == sv->file_count && f->header_whole && f->size >= w->file_size_min && is_named(sv, f) &&
                   wal_file_has_own_name(f)) {
            spare = i;
        }
    }
    if (spare < sv->file_count) {
        w->spare = sv->files[spare];
        sv->files[spare] = NULL;
    }
    struct wal_file *last = w->file_count ? w->files[w->file_count - 1] : NULL;
    if (last && last == sv->last_file && last->header_whole && !sv->tail_damaged)
        w->current = last;
    return BOLE_OK;
}

/* The store is ahead of the queue, which has lost its files or was set back: the groups between are not missing. */
static bole_status skip_to(struct wal *w, uint64_t lsn, struct bole_err *err)
{
    LOG(WARN, "wal is behind the store", " dir=%s last_lsn=%llu store_lsn=%llu", LOGQS(w->dir),
        (unsigned long long)w->appended_lsn, (unsigned long long)lsn);
    bole_status st = wal_state_create(w, err);
    struct wal_state next = wal_state_now(w);
    next.released_lsn = next.durable_lsn = lsn;
    if (st >= 0)
        st = wal_state_write(w, next, err);
    if (st >= 0)
        w->appended_lsn = w->released_lsn = lsn;
    return st;
}

/* Step 5. Written although it may say nothing new: before a file goes because of it, the state must be certain, and
 * what was read may be in the page cache only. */
static bole_status settle(struct wal *w, struct wal_survey *sv, struct bole_err *err)
{
    bole_status st = wal_state_create(w, err);
    struct wal_state next = wal_state_now(w);
    next.released_lsn = w->released_lsn;
    if (st >= 0)
        st = wal_state_write(w, next, err);
    for (size_t i = 0; i < sv->file_count && st >= 0; i++)
        if (sv->files[i]) {
            wal_file_discard(w, sv->files[i]);
            sv->files[i] = NULL;
        }
    return st;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

bole_status wal_recover(struct wal *w, uint64_t min_lsn, struct bole_err *err)
{
    struct wal_survey sv;
    char path[PATH_MAX];
    bole_status st = wal_survey_init(&sv, w->fs, w->dir, FS_WRITE, log_problem, w->dir, err);
    if (st < 0)
        return st;
    st = repair(w, &sv, err);
    if (st >= 0)
        st = adopt_files(w, &sv, err);
    w->state = sv.state;
    w->next_sequence = sv.next_sequence;
    w->released_lsn = sv.state.released_lsn;
    if (!sv.state_certain && sv.first_lsn > w->released_lsn + 1)
        w->released_lsn = sv.first_lsn - 1; /* what is not there was released, as far as anybody can tell */
    w->appended_lsn = max_u64(sv.last_lsn, sv.durable_lsn);
    w->noted_lsn = w->seen_lsn = w->appended_lsn;
    w->stats.torn_tail_bytes = sv.torn_bytes;
    w->stats.corrupt_frames = sv.lost_groups;
    if (st >= 0 && sv.state_found && wal_path(path, sizeof path, w->dir, WAL_STATE_NAME))
        st = fs_open(w->fs, path, FS_WRITE, &w->state_file, err);
    if (st >= 0 && (sv.state_found || sv.file_count))
        st = settle(w, &sv, err);
    if (st >= 0 && min_lsn > w->appended_lsn)
        st = skip_to(w, min_lsn, err);
    wal_survey_deinit(&sv);
    return st;
}
