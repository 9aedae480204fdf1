/* files_table.c - the set of files: by path, by identity, the queue of those with work; kept in checkpoints. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/files_private.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"

/* ---- tables ---- */

static struct tail **id_bucket(struct files *f, uint64_t inode)
{
    return &f->by_id[hash64_seed((bole_slice){(const uint8_t *)&inode, sizeof inode}, 0) % FILES_BUCKETS];
}

static struct tail **path_bucket(struct files *f, const char *path)
{
    return &f->by_path[hash64(bole_slice_str(path)) % FILES_BUCKETS];
}

struct tail *files_find_path(struct files *f, const char *path)
{
    struct tail *t = *path_bucket(f, path);
    while (t && strcmp(t->path, path) != 0)
        t = t->next_by_path;
    return t;
}

struct tail *files_find_id(struct files *f, const struct source_id *id)
{
    struct tail *t = *id_bucket(f, id->inode);
    while (t && !source_id_same(&t->id, id, t->fd >= 0))
        t = t->next_by_id;
    return t;
}

void files_link_id(struct files *f, struct tail *t)
{
    struct tail **bucket = id_bucket(f, t->id.inode);
    t->next_by_id = *bucket;
    *bucket = t;
}

void files_unlink_id(struct files *f, struct tail *t)
{
    for (struct tail **at = id_bucket(f, t->id.inode); *at; at = &(*at)->next_by_id)
        if (*at == t) {
            *at = t->next_by_id;
            return;
        }
}

void files_own_path(struct files *f, struct tail *t)
{
    assert(!t->owns_path && !files_find_path(f, t->path));
    struct tail **bucket = path_bucket(f, t->path);
    t->next_by_path = *bucket;
    *bucket = t;
    t->owns_path = true;
    t->seen_scan = f->scan;
    t->seen_ns = clock_now_ns(f->options.clock);
}

void files_disown_path(struct files *f, struct tail *t)
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

void files_mark_ready(struct files *f, struct tail *t)
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

static struct file_labels_options label_options(const struct files *f, const char *path)
{
    return (struct file_labels_options){.host = f->options.host,
                                        .job = f->options.job,
                                        .input = inputs_find(f->options.inputs, bole_slice_str(path), NULL)};
}

struct tail *files_add(struct files *f, const char *path)
{
    struct bole_err err = {0};
    struct file_labels *labels = NULL;
    struct tail *t = NULL;
    struct file_labels_options options = label_options(f, path);
    if (file_labels_create(bole_slice_str(path), &options, &labels, &err) == BOLE_OK)
        t = tail_create(path, labels);
    if (!t) {
        LOG(ERROR, "file not read", " path=%s reason=%s", LOGQS(path), LOGQS(err.msg[0] ? err.msg : "no memory"));
        return NULL;
    }
    t->multiline = multiline_find(f->options.multiline, bole_slice_str(path));
    t->next = f->all;
    f->all = t;
    f->count++;
    return t;
}

bool files_know_pod(struct files *f, struct tail *t)
{
    struct container_name name;
    struct file_labels_options options = label_options(f, t->path);
    struct file_labels *labels;
    struct arena arena;
    bole_slice path = bole_slice_str(t->path);
    if (!f->options.kube || t->pod_due_ns == UINT64_MAX || !t->labels->is_container ||
        (options.input && options.input->no_auto_labels))
        return true;
    arena_init(&arena, NULL);
    bool known = container_of_path(path, &name) && kube_find(f->options.kube, &name, &arena, &options);
    if (known && file_labels_create(path, &options, &labels, NULL) == BOLE_OK) {
        free(t->labels);
        t->labels = labels;
        t->pod_due_ns = UINT64_MAX;
    }
    arena_deinit(&arena);
    if (t->pod_due_ns == 0)
        t->pod_due_ns = files_now_ns(f) + FILES_POD_WAIT_NS;
    return known || files_now_ns(f) >= t->pod_due_ns || !kube_may_know_more(f->options.kube);
}

/* Of a pod what the API says is asked for again. Whether a file is a container's is settled when it is first seen: where its
 * streams stand is remembered. */
void files_set_inputs(struct files *f, const struct inputs *inputs)
{
    f->options.inputs = inputs;
    for (struct tail *t = f->all; t; t = t->next) {
        struct file_labels_options options = label_options(f, t->path);
        struct file_labels *labels;
        if (file_labels_create(bole_slice_str(t->path), &options, &labels, NULL) < 0)
            continue;
        if (labels->is_container != t->labels->is_container) {
            free(labels);
            continue;
        }
        free(t->labels);
        t->labels = labels;
        t->pod_due_ns = 0;
    }
}

void files_close(struct files *f, struct tail *t)
{
    unready(f, t);
    if (t->fd >= 0)
        f->open_count--;
    tail_detach(t);
}

void files_drop(struct files *f, struct tail *t)
{
    files_close(f, t);
    files_disown_path(f, t);
    files_unlink_id(f, t);
    for (struct tail **at = &f->all; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            break;
        }
    f->count--;
    f->changed = true;
    tail_destroy(t);
}
void files_set_unread(struct tail *t, enum tail_state state, const char *reason)
{
    t->state = state;
    if (reason != t->reason)
        snprintf(t->reason, sizeof t->reason, "%.*s", (int)sizeof t->reason - 1, reason);
    if (!t->told_unread && state == TAIL_UNREADABLE)
        LOG(WARN, "file cannot be read: it is tried again", " path=%s reason=%s", LOGQS(t->path), LOGQS(t->reason));
    else if (!t->told_unread)
        LOG(INFO, "file is not read", " path=%s reason=%s", LOGQS(t->path), LOGQS(t->reason));
    t->told_unread = true;
}

void files_set_unreadable(struct files *f, struct tail *t, const char *reason)
{
    t->count.errors++;
    t->retry_ns = files_now_ns(f) + f->options.retry_ns;
    files_set_unread(t, TAIL_UNREADABLE, reason);
}

/* ---- checkpoints, status ---- */

bool files_take_changed(struct files *f)
{
    bool changed = f->changed;
    f->changed = false;
    return changed;
}

static struct checkpoint_file entry_of(const struct files *f, const struct tail *t, const struct tail_mark *mark)
{
    return (struct checkpoint_file){
        .path = bole_slice_str(t->path),
        .id = t->id,
        .print = t->print,
        .mark = *mark,
        .seen_ns = t->fd >= 0 || t->owns_path ? clock_now_ns(f->options.clock) : t->seen_ns,
    };
}

bole_status files_checkpoint(const struct files *f, struct checkpoint *c, struct bole_err *err)
{
    c->files = arena_array(&c->arena, f->count, sizeof *c->files);
    if (!c->files)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a checkpoint of %zu files", f->count);
    for (const struct tail *t = f->all; t; t = t->next)
        if (t->id.inode && t->state != TAIL_SKIPPED)
            c->files[c->file_count++] = entry_of(f, t, &t->durable);
    return BOLE_OK;
}

void files_marks(const struct files *f, struct buf *out)
{
    for (const struct tail *t = f->all; t; t = t->next) {
        if (tail_is_at(t, &t->durable))
            continue;
        struct tail_mark mark = tail_mark(t);
        struct checkpoint_file entry = entry_of(f, t, &mark);
        checkpoint_put_file(&entry, out);
    }
}

/* None of them is open yet, and every number is as it was written. */
static struct tail *find_restored(struct files *f, const struct source_id *id)
{
    struct tail *t = *id_bucket(f, id->inode);
    while (t && (t->id.inode != id->inode || t->id.device != id->device || t->id.birth_ns != id->birth_ns))
        t = t->next_by_id;
    return t;
}

static bole_status restore_file(struct files *f, const struct checkpoint_file *from, struct tail *t, struct bole_err *err)
{
    if (!t) {
        t = files_add(f, (const char *)from->path.ptr);
        if (!t)
            return bole_fail(err, BOLE_E_NOMEM, "no memory for the files of the checkpoint");
        t->id = from->id;
        t->state = TAIL_PARKED;
        t->chase = true; /* when the first scan does not meet it */
        files_link_id(f, t);
    }
    t->print = from->print;
    t->durable = from->mark;
    t->offset = t->size = from->mark.offset;
    t->in_cut_line = from->mark.in_cut_line;
    t->ahead = from->mark.ahead;
    t->ahead_stream = from->mark.ahead_stream;
    t->seen_ns = from->seen_ns;
    return BOLE_OK;
}

bole_status files_restore(struct files *f, const struct checkpoint *c, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    for (size_t i = 0; i < c->file_count && st == BOLE_OK; i++)
        st = restore_file(f, &c->files[i], NULL, err);
    f->restored_ns = c->saved_ns;
    return st;
}

bole_status files_restore_marks(struct files *f, const struct checkpoint *marks, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    for (size_t i = 0; i < marks->file_count && st == BOLE_OK; i++)
        st = restore_file(f, &marks->files[i], find_restored(f, &marks->files[i].id), err);
    return st;
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
