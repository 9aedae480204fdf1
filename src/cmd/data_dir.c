#include "cmd/data_dir.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "cmd/cmd.h"
#include "cmd/lock.h"
#include "cmd/server.h"

#define SEGMENTS "segments/"
#define CATALOG  "catalog.db"

enum { CATALOG_SIZE_MAX = 1 << 30 };

struct name {
    struct name *next;
    bole_slice key;
    bool is_known; /* to the catalogue */
};

struct data_dir {
    char path[PATH_MAX / 2];
    struct file *lock;
    struct objects *segments;
    struct object_writer *writer; /* of the segment that comes */
    struct buf catalog;
    bool has_catalog, in_catalog;
    struct arena arena;
    struct name *received;
};

static bole_status no_memory(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_NOMEM, "no memory for the names of the segments");
}

struct contents {
    bool any, has_log;
};

static bole_status note_name(const char *name, void *ctx)
{
    struct contents *c = ctx;
    c->any |= strcmp(name, DATA_LOCK_NAME) != 0;
    c->has_log |= !strcmp(name, "wal");
    return BOLE_OK;
}

static bole_status check_contents(const char *path, bool must_be_empty, struct bole_err *err)
{
    struct contents c = {0};
    bole_status st = fs_list_dir(&fs_posix, path, note_name, &c, err);
    if (st == BOLE_E_NOTFOUND)
        return BOLE_OK;
    if (st >= 0 && must_be_empty && c.any)
        return bole_fail(err, BOLE_E_INVALID, "%s is not empty: name a directory that is not there yet", path);
    if (st >= 0 && c.has_log)
        return bole_fail(err, BOLE_E_INVALID, "%s is the data directory of a server: a backup needs one of its own", path);
    return st;
}

bole_status data_dir_open(const char *path, bool must_be_empty, struct data_dir **ret_dir, struct bole_err *err)
{
    char text[PATH_MAX];
    struct data_dir *d = calloc(1, sizeof *d);
    if (!d)
        return bole_fail(err, BOLE_E_NOMEM, "no memory");
    arena_init(&d->arena, NULL);
    buf_init(&d->catalog, NULL);
    bole_status st = BOLE_OK;
    if (snprintf(d->path, sizeof d->path, "%s", path) >= (int)sizeof d->path)
        st = bole_fail(err, BOLE_E_INVALID, "the name of the directory is too long");
    if (st >= 0)
        st = check_contents(d->path, must_be_empty, err);
    if (st >= 0)
        st = fs_make_dir(&fs_posix, d->path, err);
    if (st >= 0) {
        snprintf(text, sizeof text, "%s/" DATA_LOCK_NAME, d->path);
        st = lock_take(text, true, &d->lock, err);
    }
    if (st >= 0) {
        snprintf(text, sizeof text, "file:%s/segments", d->path);
        st = objects_open(&(struct objects_options){.uri = bole_slice_str(text), .fs = &fs_posix}, &d->segments, err);
    }
    if (st < 0) {
        data_dir_close(d);
        return st;
    }
    *ret_dir = d;
    return BOLE_OK;
}

void data_dir_close(struct data_dir *d)
{
    if (!d)
        return;
    object_writer_destroy(d->writer);
    objects_destroy(d->segments);
    file_close(d->lock);
    buf_deinit(&d->catalog);
    arena_deinit(&d->arena);
    free(d);
}

/* ---- what is there ---- */

struct listing {
    struct data_dir *d;
    struct name *first;
    size_t count;
};

static struct name *add_name(struct data_dir *d, struct name *next, bole_slice key)
{
    struct name *n = arena_alloc(&d->arena, sizeof *n);
    if (!n)
        return NULL;
    *n = (struct name){.next = next, .key = arena_copy(&d->arena, key)};
    return n->key.ptr ? n : NULL;
}

static bole_status list_key(bole_slice key, void *ctx)
{
    struct listing *l = ctx;
    struct name *n = add_name(l->d, l->first, key);
    if (!n)
        return BOLE_E_NOMEM;
    l->first = n;
    l->count++;
    return BOLE_OK;
}

static int by_key(const void *a, const void *b)
{
    return bole_slice_cmp((*(struct name *const *)a)->key, (*(struct name *const *)b)->key);
}

/* *ret_names: of the arena. */
static bole_status list_sorted(struct data_dir *d, struct name ***ret_names, size_t *ret_count, struct bole_err *err)
{
    struct listing l = {.d = d};
    bole_status st = objects_list(d->segments, (bole_slice){0}, list_key, &l, err);
    struct name **names = st < 0 ? NULL : arena_array(&d->arena, l.count + 1, sizeof *names);
    if (st == BOLE_E_NOMEM || (st >= 0 && !names))
        return no_memory(err);
    if (st < 0)
        return st;
    size_t count = 0;
    for (struct name *n = l.first; n; n = n->next)
        names[count++] = n;
    qsort(names, count, sizeof *names, by_key);
    *ret_names = names;
    *ret_count = count;
    return BOLE_OK;
}

bole_status data_dir_list(struct data_dir *d, struct buf *ret_lines, struct bole_err *err)
{
    struct name **names;
    size_t count;
    bole_status st = list_sorted(d, &names, &count, err);
    for (size_t i = 0; st >= 0 && i < count; i++) {
        uint64_t size;
        st = objects_size(d->segments, names[i]->key, &size, err);
        buf_printf(ret_lines, SEGMENTS "%.*s %llu\n", BOLE_SLICE_ARG(names[i]->key), (unsigned long long)size);
    }
    return st >= 0 && ret_lines->failed ? no_memory(err) : st;
}

/* ---- files come ---- */

bole_status data_dir_begin(struct data_dir *d, bole_slice name, struct bole_err *err)
{
    bole_slice key = bole_slice_sub(name, sizeof SEGMENTS - 1);
    d->in_catalog = bole_slice_eq(name, S(CATALOG));
    if (d->has_catalog)
        return bole_fail(err, BOLE_E_CORRUPT, "this is no backup of Bole: \"%.*s\" comes after " CATALOG,
                         BOLE_SLICE_ARG(name));
    if (d->in_catalog)
        return BOLE_OK;
    if (!bole_slice_starts(name, S(SEGMENTS)) || memchr(key.ptr, '/', key.len))
        return bole_fail(err, BOLE_E_CORRUPT, "this is no backup of Bole: there is a file \"%.*s\"", BOLE_SLICE_ARG(name));
    struct name *n = add_name(d, d->received, key);
    if (!n)
        return no_memory(err);
    bole_status st = objects_create(d->segments, key, &d->writer, err);
    if (st >= 0)
        d->received = n;
    return st;
}

bole_status data_dir_write(struct data_dir *d, bole_slice bytes, struct bole_err *err)
{
    if (!d->in_catalog)
        return object_writer_write(d->writer, bytes, err);
    buf_put(&d->catalog, bytes);
    return d->catalog.failed || d->catalog.len > CATALOG_SIZE_MAX
               ? bole_fail(err, BOLE_E_NOMEM, "no memory for the catalogue of the backup")
               : BOLE_OK;
}

bole_status data_dir_end(struct data_dir *d, struct bole_err *err)
{
    if (d->in_catalog) {
        d->has_catalog = true;
        return BOLE_OK;
    }
    bole_status st = object_writer_finish(d->writer, err);
    object_writer_destroy(d->writer);
    d->writer = NULL;
    return st;
}

/* ---- the catalogue ---- */

/* What a process that was killed has left of the catalogue before: its log would be taken for one of the new file. */
static bole_status remove_log(struct data_dir *d, const char *suffix, struct bole_err *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/" CATALOG "%s", d->path, suffix);
    bole_status st = fs_unlink(&fs_posix, path, err);
    return st == BOLE_E_NOTFOUND ? BOLE_OK : st;
}

static bole_status open_catalog(struct data_dir *d, struct catalog **ret_catalog, struct bole_err *err)
{
    char uri[PATH_MAX];
    snprintf(uri, sizeof uri, "sqlite:%s/" CATALOG, d->path);
    return catalog_open(&(struct catalog_options){.uri = bole_slice_str(uri), .fs = &fs_posix}, ret_catalog, err);
}

struct sweep {
    struct name **names;
    size_t count;
};

static bole_status mark_known(const struct catalog_segment *s, void *ctx)
{
    const struct sweep *w = ctx;
    struct name wanted = {.key = s->key}, *key = &wanted, **found;
    found = bsearch(&key, w->names, w->count, sizeof *w->names, by_key);
    if (found)
        (*found)->is_known = true;
    return BOLE_OK;
}

static bole_status remove_unknown(struct data_dir *d, struct bole_err *err)
{
    struct catalog *catalog;
    struct sweep w;
    bole_status st = list_sorted(d, &w.names, &w.count, err);
    if (st >= 0)
        st = open_catalog(d, &catalog, err);
    if (st < 0)
        return st;
    st = catalog_segments(catalog, mark_known, &w, err);
    for (size_t i = 0; st >= 0 && i < w.count; i++)
        if (!w.names[i]->is_known)
            st = objects_remove(d->segments, w.names[i]->key, err);
    catalog_destroy(catalog);
    return st;
}

bole_status data_dir_finish(struct data_dir *d, struct bole_err *err)
{
    char path[PATH_MAX];
    if (!d->has_catalog)
        return bole_fail(err, BOLE_E_CORRUPT, "the backup is not complete: " CATALOG ", its last file, is missing");
    snprintf(path, sizeof path, "%s/" CATALOG, d->path);
    bole_status st = remove_log(d, "-wal", err);
    if (st >= 0)
        st = remove_log(d, "-shm", err);
    if (st >= 0)
        st = fs_write_file(&fs_posix, path, buf_slice(&d->catalog), err);
    return st < 0 ? st : remove_unknown(d, err);
}

/* ---- is it what was sent? ---- */

struct verifying {
    struct data_dir *d;
    struct store_check_stats stats;
    struct data_dir_result *result;
};

static bole_status verify_segment(const struct catalog_segment *s, void *ctx)
{
    struct verifying *v = ctx;
    v->result->segments++;
    v->result->rows += s->row_count;
    v->result->bytes += s->size_bytes;
    for (const struct name *n = v->d->received; n; n = n->next)
        if (bole_slice_eq(n->key, s->key)) {
            v->result->new_segments++;
            v->result->new_bytes += s->size_bytes;
            store_check_segment(v->d->segments, s, data_dir_print_problem, NULL, &v->stats);
        }
    return BOLE_OK;
}

void data_dir_print_problem(const struct store_problem *p, void *ctx)
{
    (void)ctx;
    printf("%.*s: offset %llu: %s\n", BOLE_SLICE_ARG(p->file), (unsigned long long)p->offset, p->what);
}

bole_status data_dir_verify(struct data_dir *d, struct data_dir_result *ret_result, struct bole_err *err)
{
    struct verifying v = {.d = d, .result = ret_result};
    struct catalog *catalog;
    *ret_result = (struct data_dir_result){0};
    bole_status st = open_catalog(d, &catalog, err);
    if (st < 0)
        return st;
    st = catalog_segments(catalog, verify_segment, &v, err);
    catalog_destroy(catalog);
    ret_result->problems = v.stats.problems;
    return st;
}

void data_dir_print(const char *path, const struct data_dir_result *r)
{
    printf("%s: %llu row%s in %llu segment%s, %s; new: %llu segment%s, %s\n", path, (unsigned long long)r->rows,
           plural_s(r->rows), (unsigned long long)r->segments, plural_s(r->segments), cmd_size_text(r->bytes).text,
           (unsigned long long)r->new_segments, plural_s(r->new_segments), cmd_size_text(r->new_bytes).text);
}
