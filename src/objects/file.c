/*
 * Objects as files below one directory. A put writes "KEY~" (a name that no key can have), syncs it, renames it and syncs
 * the directory: after a crash the object is the old one, the new one or not there, never half. What a crash leaves under
 * a name with '~' is removed when the directory is opened.
 *
 * A file is opened for every read: two system calls beside the read itself, which brings some hundred kilobytes.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "objects/objects.h"

enum { IOV_BATCH = 64, DEPTH_MAX = 16 };

struct file_objects {
    struct objects base;
    struct fs *fs;
    char root[];
};

static struct file_objects *file_objects_of(struct objects *self)
{
    return (struct file_objects *)self;
}

static bole_status path_of(struct file_objects *o, bole_slice key, const char *suffix, char ret_path[PATH_MAX], struct bole_err *err)
{
    bole_status st = objects_check_key(key, err);
    if (st < 0)
        return st;
    int n = snprintf(ret_path, PATH_MAX, "%s/%.*s%s", o->root, BOLE_SLICE_ARG(key), suffix);
    return n < PATH_MAX ? BOLE_OK : bole_fail(err, BOLE_E_INVALID, "objects: the path of \"%.*s\" is too long", BOLE_SLICE_ARG(key));
}

static void parent_of(const char *path, char ret_dir[PATH_MAX])
{
    snprintf(ret_dir, PATH_MAX, "%.*s", (int)(strrchr(path, '/') - path), path); /* every path here has the root in front */
}

static bole_status write_parts(struct file *f, const bole_slice *parts, size_t part_count, struct bole_err *err)
{
    uint64_t offset = 0;
    for (size_t i = 0; i < part_count;) {
        struct iovec iov[IOV_BATCH];
        int n = 0;
        uint64_t size = 0;
        for (; i < part_count && n < IOV_BATCH; i++)
            if (parts[i].len) {
                iov[n++] = (struct iovec){(void *)parts[i].ptr, parts[i].len};
                size += parts[i].len;
            }
        bole_status st = n ? file_write(f, offset, iov, n, err) : BOLE_OK;
        if (st < 0)
            return st;
        offset += size;
    }
    return file_sync(f, err);
}

static bole_status file_put(struct objects *self, bole_slice key, const bole_slice *parts, size_t part_count, struct bole_err *err)
{
    struct file_objects *o = file_objects_of(self);
    char path[PATH_MAX], tmp[PATH_MAX], dir[PATH_MAX];
    bole_status st = path_of(o, key, "", path, err);
    if (st >= 0)
        st = path_of(o, key, "~", tmp, err);
    if (st < 0)
        return st;
    parent_of(path, dir);
    if (memchr(key.ptr, '/', key.len))
        st = fs_make_dir(o->fs, dir, err);
    if (st < 0)
        return st;
    struct file *f;
    st = fs_open(o->fs, tmp, FS_WRITE | FS_CREATE | FS_TRUNCATE, &f, err);
    if (st < 0)
        return st;
    st = write_parts(f, parts, part_count, err);
    file_close(f);
    if (st >= 0)
        st = fs_rename(o->fs, tmp, path, err);
    if (st < 0) {
        fs_unlink(o->fs, tmp, NULL);
        return st;
    }
    return fs_sync_dir(o->fs, dir, err);
}

static bole_status file_open_object(struct objects *self, bole_slice key, struct file **ret_file, struct bole_err *err)
{
    struct file_objects *o = file_objects_of(self);
    char path[PATH_MAX];
    bole_status st = path_of(o, key, "", path, err);
    return st < 0 ? st : fs_open(o->fs, path, FS_READ, ret_file, err);
}

static bole_status file_objects_read(struct objects *self, bole_slice key, uint64_t offset, size_t len, uint8_t *ret_bytes,
                                     struct bole_err *err)
{
    struct file *f;
    size_t got = 0;
    bole_status st = file_open_object(self, key, &f, err);
    if (st < 0)
        return st;
    st = file_read(f, offset, ret_bytes, len, &got, err);
    file_close(f);
    if (st == BOLE_END)
        return bole_fail(err, BOLE_E_CORRUPT, "%s/%.*s ends at %llu, wanted %zu bytes at %llu", file_objects_of(self)->root,
                         BOLE_SLICE_ARG(key), (unsigned long long)(offset + got), len, (unsigned long long)offset);
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
    char path[PATH_MAX], dir[PATH_MAX];
    bole_status st = path_of(o, key, "", path, err);
    if (st < 0)
        return st;
    st = fs_unlink(o->fs, path, err);
    if (st == BOLE_E_NOTFOUND)
        return BOLE_OK;
    parent_of(path, dir);
    return st < 0 ? st : fs_sync_dir(o->fs, dir, err);
}

/* ---- listing ---- */

struct names {
    struct arena arena;
    struct name {
        struct name *next;
        bole_slice   text;
    } *first;
};

static bole_status remember_name(const char *name, void *ctx)
{
    struct names *names = ctx;
    struct name *n = arena_alloc(&names->arena, sizeof *n);
    if (!n)
        return BOLE_E_NOMEM;
    *n = (struct name){names->first, arena_copy(&names->arena, bole_slice_str(name))};
    names->first = n;
    return n->text.ptr ? BOLE_OK : BOLE_E_NOMEM;
}

static bole_status stop_at_once(const char *name, void *ctx)
{
    return BOLE_E_CANCELLED;
}

/* A name is a directory when it can be listed. */
static bool is_directory(struct fs *fs, const char *path)
{
    bole_status st = fs_list_dir(fs, path, stop_at_once, NULL, NULL);
    return st >= 0 || st == BOLE_E_CANCELLED;
}

/* What to do with every file that is found. */
struct walk {
    struct file_objects *o;
    bole_status (*fn)(struct walk *walk, bole_slice key, struct bole_err *err);
    bole_slice prefix;
    bole_status (*user_fn)(bole_slice key, void *ctx);
    void *user_ctx;
};

static bole_status walk_dir(struct walk *w, bole_slice dir, unsigned depth, struct bole_err *err)
{
    if (depth > DEPTH_MAX)
        return bole_fail(err, BOLE_E_INVALID, "objects: %s is nested too deeply", w->o->root);
    struct names names = {0};
    arena_init(&names.arena, NULL);
    bole_slice dir_path = arena_printf(&names.arena, "%s%s%.*s", w->o->root, dir.len ? "/" : "", BOLE_SLICE_ARG(dir));
    bole_status st = dir_path.ptr ? fs_list_dir(w->o->fs, (const char *)dir_path.ptr, remember_name, &names, err) : BOLE_E_NOMEM;
    for (struct name *name = names.first; st >= 0 && name; name = name->next) {
        bole_slice key = arena_printf(&names.arena, "%.*s%s%.*s", BOLE_SLICE_ARG(dir), dir.len ? "/" : "", BOLE_SLICE_ARG(name->text));
        bole_slice path = arena_printf(&names.arena, "%s/%.*s", w->o->root, BOLE_SLICE_ARG(key));
        if (!key.ptr || !path.ptr)
            st = BOLE_E_NOMEM;
        else if (is_directory(w->o->fs, (const char *)path.ptr))
            st = walk_dir(w, key, depth + 1, err);
        else
            st = w->fn(w, key, err);
    }
    arena_deinit(&names.arena);
    return st == BOLE_E_NOMEM ? bole_fail(err, st, "objects: no memory to list %s", w->o->root) : st;
}

static bole_status tell_key(struct walk *w, bole_slice key, struct bole_err *err)
{
    return bole_slice_starts(key, w->prefix) && objects_check_key(key, NULL) >= 0 ? w->user_fn(key, w->user_ctx) : BOLE_OK;
}

static bole_status remove_leftover(struct walk *w, bole_slice key, struct bole_err *err)
{
    char path[PATH_MAX];
    if (key.ptr[key.len - 1] != '~')
        return BOLE_OK;
    snprintf(path, sizeof path, "%s/%.*s", w->o->root, BOLE_SLICE_ARG(key));
    return fs_unlink(w->o->fs, path, err);
}

static bole_status file_list(struct objects *self, bole_slice prefix, bole_status (*fn)(bole_slice key, void *ctx), void *ctx,
                             struct bole_err *err)
{
    struct walk w = {file_objects_of(self), tell_key, prefix, fn, ctx};
    return walk_dir(&w, (bole_slice){0}, 0, err);
}

/* ---- life ---- */

static void file_destroy(struct objects *self)
{
    free(self);
}

static bole_status file_open_store(bole_slice uri, struct fs *fs, struct objects **ret_objects, struct bole_err *err)
{
    bole_slice root = bole_slice_sub(uri, sizeof "file:" - 1);
    if (root.len == 0 || root.len > PATH_MAX / 2 || memchr(root.ptr, 0, root.len))
        return bole_fail(err, BOLE_E_INVALID, "objects: \"%.*s\" names no directory", BOLE_SLICE_ARG(uri));
    struct file_objects *o = calloc(1, sizeof *o + root.len + 1);
    if (!o)
        return bole_fail(err, BOLE_E_NOMEM, "objects: no memory");
    o->base.ops = &objects_file_ops;
    o->fs = fs;
    memcpy(o->root, root.ptr, root.len);
    bole_status st = fs_make_dir(fs, o->root, err);
    if (st >= 0)
        st = walk_dir(&(struct walk){.o = o, .fn = remove_leftover}, (bole_slice){0}, 0, err);
    if (st < 0) {
        free(o);
        return st;
    }
    *ret_objects = &o->base;
    return BOLE_OK;
}

const struct objects_ops objects_file_ops = {
    .scheme = "file",
    .open = file_open_store,
    .put = file_put,
    .read = file_objects_read,
    .size = file_objects_size,
    .remove = file_remove,
    .list = file_list,
    .destroy = file_destroy,
};
