/*
 * Objects as the files of one flat directory: the '/' of a key is a '+' in the name (no key has one), so that one
 * directory sync makes a name durable and one listing finds all of them.
 *
 * A writer fills "NAME~" (no key has a '~', either); finish syncs it, renames it and syncs the directory: after a crash the
 * object is the old one, the new one or not there, never half. What a crash leaves under a name with '~' is removed when
 * the directory is opened.
 *
 * A failed sync of the data costs that object alone: its file goes, and the next one begins a new file. A failed sync
 * of the directory is the end: the kernel may have dropped the change of a name, and would let the next sync succeed.
 *
 * A file is opened for every read: two system calls beside the read itself, which brings some hundred kilobytes.
 */
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "objects/objects.h"

struct file_objects {
    struct objects base;
    struct fs *fs;
    void (*on_fatal)(const struct bole_err *err);
    struct file *dir; /* root, for syncs: kept open so that none fails for want of a descriptor */
    atomic_bool dead; /* a sync of it failed */
    char root[];
};

static struct file_objects *file_objects_of(struct objects *self)
{
    return (struct file_objects *)self;
}

static void replace(char *text, char from, char to)
{
    while ((text = strchr(text, from)))
        *text = to;
}

static bole_status path_of(struct file_objects *o, bole_slice key, const char *suffix, char ret_path[PATH_MAX],
                           struct bole_err *err)
{
    bole_status st = objects_check_key(key, err);
    if (st < 0)
        return st;
    /* open_store has made sure that every name fits behind the root. */
    int root = snprintf(ret_path, PATH_MAX, "%s/", o->root);
    snprintf(ret_path + root, (size_t)(PATH_MAX - root), "%.*s%s", BOLE_SLICE_ARG(key), suffix);
    replace(ret_path + root, '/', '+');
    return BOLE_OK;
}

/* ---- the end ---- */

static bole_status check_alive(struct file_objects *o, struct bole_err *err)
{
    return !o->dead ? BOLE_OK : bole_fail(err, BOLE_E_IO, "objects: %s: a sync failed before", o->root);
}

static void log_and_exit(const struct bole_err *err)
{
    LOG(ERROR, "sync of the objects' directory failed: stopping", " reason=%s", LOGQS(err->msg));
    _exit(1);
}

static bole_status sync_names(struct file_objects *o, struct bole_err *err)
{
    struct bole_err why;
    bole_status st = file_sync(o->dir, &why);
    if (st >= 0)
        return BOLE_OK;
    o->dead = true;
    o->on_fatal(&why);
    return check_alive(o, err);
}

/* ---- writing ---- */

struct file_writer {
    struct object_writer base;
    struct file_objects *objects;
    struct file *file;
    uint64_t size;
    bool     is_renamed;
    char     path[PATH_MAX], tmp[PATH_MAX];
};

static bole_status file_writer_write(struct object_writer *self, bole_slice bytes, struct bole_err *err)
{
    struct file_writer *w = (struct file_writer *)self;
    bole_status st = file_write(w->file, w->size, &(struct iovec){(void *)bytes.ptr, bytes.len}, 1, err);
    w->size += bytes.len;
    return st;
}

static bole_status file_writer_finish(struct object_writer *self, struct bole_err *err)
{
    struct file_writer *w = (struct file_writer *)self;
    bole_status st = check_alive(w->objects, err);
    if (st >= 0)
        st = file_sync(w->file, err);
    if (st >= 0)
        st = fs_rename(w->objects->fs, w->tmp, w->path, err);
    if (st < 0)
        return st;
    w->is_renamed = true;
    return sync_names(w->objects, err);
}

static void file_writer_destroy(struct object_writer *self)
{
    struct file_writer *w = (struct file_writer *)self;
    file_close(w->file);
    if (!w->is_renamed)
        fs_unlink(w->objects->fs, w->tmp, NULL);
    free(w);
}

static const struct object_writer_ops file_writer_ops = {
    .write = file_writer_write,
    .finish = file_writer_finish,
    .destroy = file_writer_destroy,
};

static bole_status file_create(struct objects *self, bole_slice key, struct object_writer **ret_writer, struct bole_err *err)
{
    struct file_objects *o = file_objects_of(self);
    struct file_writer *w = calloc(1, sizeof *w);
    if (!w)
        return bole_fail(err, BOLE_E_NOMEM, "objects: no memory");
    w->base.ops = &file_writer_ops;
    w->objects = o;
    bole_status st = check_alive(o, err);
    if (st >= 0)
        st = path_of(o, key, "", w->path, err);
    if (st >= 0)
        st = path_of(o, key, "~", w->tmp, err);
    if (st >= 0)
        st = fs_open(o->fs, w->tmp, FS_WRITE | FS_CREATE | FS_TRUNCATE, &w->file, err);
    if (st < 0) {
        free(w);
        return st;
    }
    *ret_writer = &w->base;
    return BOLE_OK;
}

/* ---- reading ---- */

static bole_status file_open_object(struct objects *self, bole_slice key, struct file **ret_file, struct bole_err *err)
{
    struct file_objects *o = file_objects_of(self);
    char path[PATH_MAX];
    bole_status st = path_of(o, key, "", path, err);
    return st < 0 ? st : fs_open(o->fs, path, FS_READ, ret_file, err);
}

static bole_status file_objects_read(struct objects *self, bole_slice key, uint64_t offset, size_t len,
                                     uint8_t *ret_bytes, struct bole_err *err)
{
    struct file *f;
    size_t got = 0;
    bole_status st = file_open_object(self, key, &f, err);
    if (st < 0)
        return st;
    st = file_read(f, offset, ret_bytes, len, &got, err);
    file_close(f);
    if (st == BOLE_END)
        return bole_fail(err, BOLE_E_CORRUPT, "%s/%.*s ends at %llu, wanted %zu bytes at %llu",
                         file_objects_of(self)->root, BOLE_SLICE_ARG(key), (unsigned long long)(offset + got), len,
                         (unsigned long long)offset);
    return st;
}

static bole_status file_objects_size(struct objects *self, bole_slice key, uint64_t *ret_bytes, struct bole_err *err)
{
    struct file *f;
    bole_status st = file_open_object(self, key, &f, err);
    if (st < 0)
        return st;
    st = file_size(f, ret_bytes, err);
    file_close(f);
    return st;
}

static bole_status file_remove(struct objects *self, bole_slice key, struct bole_err *err)
{
    struct file_objects *o = file_objects_of(self);
    char path[PATH_MAX];
    bole_status st = check_alive(o, err);
    if (st >= 0)
        st = path_of(o, key, "", path, err);
    if (st >= 0)
        st = fs_unlink(o->fs, path, err);
    if (st == BOLE_E_NOTFOUND)
        return BOLE_OK;
    return st < 0 ? st : sync_names(o, err);
}

/* ---- listing ---- */

struct listing {
    bole_slice prefix;
    bole_status (*fn)(bole_slice key, void *ctx);
    void *ctx;
};

static bole_status tell_key(const char *name, void *ctx)
{
    const struct listing *l = ctx;
    char key[OBJECTS_KEY_MAX + 1];
    if (strlen(name) > OBJECTS_KEY_MAX)
        return BOLE_OK;
    strcpy(key, name);
    replace(key, '+', '/');
    bole_slice slice = bole_slice_str(key);
    return bole_slice_starts(slice, l->prefix) && objects_check_key(slice, NULL) >= 0 ? l->fn(slice, l->ctx) : BOLE_OK;
}

static bole_status file_list(struct objects *self, bole_slice prefix, bole_status (*fn)(bole_slice key, void *ctx),
                             void *ctx, struct bole_err *err)
{
    struct file_objects *o = file_objects_of(self);
    return fs_list_dir(o->fs, o->root, tell_key, &(struct listing){prefix, fn, ctx}, err);
}

struct cleaning {
    struct file_objects *o;
    struct bole_err *err;
};

static bole_status remove_leftover(const char *name, void *ctx)
{
    const struct cleaning *c = ctx;
    char path[PATH_MAX];
    size_t len = strlen(name);
    if (name[len - 1] != '~' || len > OBJECTS_KEY_MAX + 1)
        return BOLE_OK;
    snprintf(path, sizeof path, "%s/%s", c->o->root, name);
    return fs_unlink(c->o->fs, path, c->err);
}

/* ---- life ---- */

static void file_destroy(struct objects *self)
{
    file_close(file_objects_of(self)->dir);
    free(self);
}

static bole_status file_open_store(const struct objects_options *options, struct objects **ret_objects,
                                   struct bole_err *err)
{
    bole_slice root = bole_slice_sub(options->uri, sizeof "file:" - 1);
    if (root.len == 0 || root.len > PATH_MAX - OBJECTS_KEY_MAX - sizeof "/~" || memchr(root.ptr, 0, root.len))
        return bole_fail(err, BOLE_E_INVALID, "objects: \"%.*s\" names no directory", BOLE_SLICE_ARG(options->uri));
    struct file_objects *o = calloc(1, sizeof *o + root.len + 1);
    if (!o)
        return bole_fail(err, BOLE_E_NOMEM, "objects: no memory");
    o->base.ops = &objects_file_ops;
    o->fs = options->fs;
    o->on_fatal = options->on_fatal ? options->on_fatal : log_and_exit;
    memcpy(o->root, root.ptr, root.len);
    bole_status st = fs_make_dir(o->fs, o->root, err);
    if (st >= 0)
        st = fs_open(o->fs, o->root, FS_DIRECTORY, &o->dir, err);
    if (st >= 0)
        st = fs_list_dir(o->fs, o->root, remove_leftover, &(struct cleaning){o, err}, err);
    if (st < 0) {
        file_destroy(&o->base);
        return st;
    }
    *ret_objects = &o->base;
    return BOLE_OK;
}

const struct objects_ops objects_file_ops = {
    .scheme = "file",
    .open = file_open_store,
    .create = file_create,
    .read = file_objects_read,
    .size = file_objects_size,
    .remove = file_remove,
    .list = file_list,
    .destroy = file_destroy,
};
