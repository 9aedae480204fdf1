#include "store/life/repair.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/life/regroup.h"
#include "store/segment/segment_copy.h"

struct damaged {
    struct damaged *next;
    struct catalog_segment info;
};

struct repairing {
    const char *dir;
    struct fs *fs;
    struct objects *objects;
    struct catalog *catalog;
    struct segment_cache cache;
    struct segment_reader reader;
    uint8_t id[SEGMENT_ID_SIZE];
    struct arena arena;
    struct damaged *first;
    store_problem_fn *fn;
    void *ctx;
    struct store_repair_stats *stats;
};

static void ignore_problem(const struct store_problem *problem, void *ctx)
{
}

static void accept_fatal(const struct bole_err *err)
{
    /* Nothing was promised to anybody: the failed call says it. */
}

/* ---- one segment ---- */

/* *ret_lost: its rows cannot be read. A failure is of what is written. */
static bole_status save_group(struct repairing *r, struct segment_file *file, const struct regroup_input *in, bool *ret_lost,
                              struct bole_err *err)
{
    char spill[PATH_MAX];
    struct regroup_options options = {.objects = r->objects, .fs = r->fs, .spill_path = spill,
                                      .generation = regroup_group(in)->generation};
    bool unreadable = false;
    uint32_t before = file->group_count;
    size_t failed = 1;
    snprintf(spill, sizeof spill, "%s/segments/repair~", r->dir);
    bole_status st = segment_copy_group(file, in->segment, in->directory, in->group, &unreadable, err);
    if (st >= 0 || !unreadable)
        return st;
    st = regroup(in, 1, &options, file, &failed, err);
    *ret_lost = failed == 0;
    return failed == 0 && file->group_count == before ? BOLE_OK : st;
}

static bole_status save_groups(struct repairing *r, struct segment *segment, struct segment_directory *d,
                               struct segment_file *file, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    for (uint32_t g = 0; st >= 0 && g < d->group_count; g++) {
        struct regroup_input in = {segment, d, g};
        bool lost = false;
        st = save_group(r, file, &in, &lost, err);
        *(lost ? &r->stats->lost_rows : &r->stats->kept_rows) += d->groups[g].row_count;
    }
    return st;
}

bole_status store_move_damaged(struct fs *fs, const char *dir, bole_slice key, struct bole_err *err)
{
    char from[PATH_MAX], to[PATH_MAX];
    struct file *d;
    snprintf(to, sizeof to, "%s/" DAMAGED_DIR, dir);
    bole_status st = fs_make_dir(fs, to, err);
    snprintf(from, sizeof from, "%s/segments/%.*s", dir, BOLE_SLICE_ARG(key));
    snprintf(to, sizeof to, "%s/" DAMAGED_DIR "/%.*s", dir, BOLE_SLICE_ARG(key));
    if (st >= 0)
        st = fs_rename(fs, from, to, err);
    static const char *const parts[] = {DAMAGED_DIR, "segments"};
    for (size_t i = 0; st >= 0 && i < 2; i++) {
        snprintf(to, sizeof to, "%s/%s", dir, parts[i]);
        st = fs_open(fs, to, FS_DIRECTORY, &d, err);
        if (st >= 0) {
            st = file_sync(d, err);
            file_close(d);
        }
    }
    return st;
}

/* The segment leaves the catalogue, what could be saved of it comes; then its file is moved. */
static bole_status replace(struct repairing *r, const struct catalog_segment *old, const struct catalog_segment *new,
                           struct bole_err *err)
{
    struct catalog_change change = {.add = new, .add_count = new ? 1 : 0, .remove_ids = &old->id, .remove_count = 1};
    bole_status st = catalog_commit(r->catalog, &change, err);
    if (st >= 0)
        st = store_move_damaged(r->fs, r->dir, old->key, err);
    return st == BOLE_E_NOTFOUND ? BOLE_OK : st; /* the file was what was missing */
}

static bole_status rewrite(struct repairing *r, const struct catalog_segment *old, struct segment *segment,
                           struct segment_directory *d, struct bole_err *err)
{
    struct segment_file *file;
    struct segment_totals totals;
    char key[SEGMENT_KEY_SIZE];
    uint64_t size, id = catalog_next_segment_id(r->catalog);
    segment_key_of(id, key);
    bole_status st = segment_file_create(r->objects, bole_slice_str(key), r->id, old->level, old->created_ns, NULL, &file, err);
    if (st < 0)
        return st;
    st = save_groups(r, segment, d, file, err);
    if (st >= 0 && file->group_count == 0) {
        st = replace(r, old, NULL, err);
    } else if (st >= 0 && (st = segment_file_finish(file, &totals, &size, err)) >= 0) {
        struct catalog_segment new = segment_describe(id, bole_slice_str(key), size, &totals);
        st = replace(r, old, &new, err);
    }
    segment_file_destroy(file);
    return st;
}

static bole_status repair_segment(struct repairing *r, const struct catalog_segment *old, struct bole_err *err)
{
    struct segment_directory *d;
    struct segment *segment = segment_create(&r->cache, old);
    if (!segment)
        return bole_fail(err, BOLE_E_NOMEM, "no memory to repair a segment");
    bole_status st = segment_directory_get(segment, &r->reader, &d, err);
    if (st >= 0) {
        st = rewrite(r, old, segment, d, err);
        segment_directory_unref(d);
    } else if (segment_is_damage(st)) {
        r->stats->lost_rows += old->row_count;
        st = replace(r, old, NULL, err);
    }
    segment_unref(segment);
    return st;
}

/* ---- all ---- */

static bole_status look_at(const struct catalog_segment *info, void *ctx)
{
    struct repairing *r = ctx;
    struct store_check_stats stats = {0};
    store_check_segment(r->objects, info, r->fn, r->ctx, &stats);
    if (stats.problems == 0)
        return BOLE_OK;
    struct damaged *d = arena_alloc(&r->arena, sizeof *d);
    if (!d)
        return BOLE_E_NOMEM;
    *d = (struct damaged){r->first, *info};
    d->info.key = arena_copy(&r->arena, info->key);
    d->info.tenant = arena_copy(&r->arena, info->tenant);
    r->first = d;
    r->stats->damaged++;
    return d->info.key.ptr && d->info.tenant.ptr ? BOLE_OK : BOLE_E_NOMEM;
}

/* ---- files that the catalogue does not know ---- */

struct stray {
    struct stray *next;
    bole_slice key;
    bool is_known;
};

struct straying {
    struct arena *arena;
    struct stray *first;
};

static bole_status note_file(bole_slice key, void *ctx)
{
    struct straying *y = ctx;
    struct stray *one = arena_alloc(y->arena, sizeof *one);
    if (!one)
        return BOLE_E_NOMEM;
    *one = (struct stray){y->first, arena_copy(y->arena, key), false};
    y->first = one;
    return one->key.ptr ? BOLE_OK : BOLE_E_NOMEM;
}

static bole_status mark_known(const struct catalog_segment *info, void *ctx)
{
    struct straying *y = ctx;
    for (struct stray *one = y->first; one; one = one->next)
        one->is_known = one->is_known || bole_slice_eq(one->key, info->key);
    return BOLE_OK;
}

/* What a crash has left, of a cut, a merge or an earlier repair. */
static bole_status move_strays(struct repairing *r, struct bole_err *err)
{
    struct straying y = {.arena = &r->arena};
    bole_status st = objects_list(r->objects, (bole_slice){0}, note_file, &y, err);
    if (st == BOLE_E_NOMEM)
        return bole_fail(err, st, "no memory for the names of the segments");
    if (st >= 0)
        st = catalog_segments(r->catalog, mark_known, &y, err);
    for (struct stray *one = y.first; st >= 0 && one; one = one->next)
        if (!one->is_known)
            st = store_move_damaged(r->fs, r->dir, one->key, err);
    return st;
}

static bole_status open_parts(struct repairing *r, struct bole_err *err)
{
    char path[PATH_MAX], uri[PATH_MAX + 16];
    struct file *f;
    bole_slice id;
    snprintf(path, sizeof path, "%s/catalog.db", r->dir);
    bole_status st = fs_open(r->fs, path, FS_READ, &f, err); /* opening through SQLite would make a new one */
    if (st < 0)
        return st;
    file_close(f);
    snprintf(uri, sizeof uri, "sqlite:%s", path);
    st = catalog_open(&(struct catalog_options){.uri = bole_slice_str(uri), .fs = r->fs, .on_fatal = accept_fatal},
                        &r->catalog, err);
    if (st >= 0)
        st = catalog_get(r->catalog, S("store"), S("id"), &r->arena, &id, err);
    if (st >= 0 && id.len != SEGMENT_ID_SIZE)
        st = bole_fail(err, BOLE_E_CORRUPT, "the id of the store in the catalogue is not well formed");
    if (st < 0)
        return st;
    memcpy(r->id, id.ptr, SEGMENT_ID_SIZE);
    snprintf(uri, sizeof uri, "file:%s/segments", r->dir);
    return objects_open(&(struct objects_options){.uri = bole_slice_str(uri), .fs = r->fs, .on_fatal = accept_fatal},
                        &r->objects, err);
}

bole_status store_repair(bole_slice dir, struct fs *fs, store_problem_fn *fn, void *ctx, struct store_repair_stats *ret_stats,
                         struct bole_err *err)
{
    char path[PATH_MAX / 2];
    if (dir.len == 0 || dir.len >= sizeof path || memchr(dir.ptr, 0, dir.len))
        return bole_fail(err, BOLE_E_INVALID, "\"%.*s\" names no directory", BOLE_SLICE_ARG(dir));
    snprintf(path, sizeof path, "%.*s", BOLE_SLICE_ARG(dir));
    *ret_stats = (struct store_repair_stats){0};
    struct repairing r = {.dir = path, .fs = fs, .fn = fn ? fn : ignore_problem, .ctx = ctx, .stats = ret_stats};
    arena_init(&r.arena, NULL);
    bole_status st = open_parts(&r, err);
    segment_cache_init(&r.cache, r.objects, NULL);
    segment_reader_init(&r.reader, r.objects, NULL);
    if (st >= 0)
        st = catalog_segments(r.catalog, look_at, &r, err);
    if (st == BOLE_E_NOMEM)
        st = bole_fail(err, st, "no memory for the list of damaged segments");
    for (struct damaged *d = r.first; st >= 0 && d; d = d->next)
        st = repair_segment(&r, &d->info, err);
    if (st >= 0)
        st = move_strays(&r, err);
    segment_reader_deinit(&r.reader);
    segment_cache_deinit(&r.cache);
    catalog_destroy(r.catalog);
    objects_destroy(r.objects);
    arena_deinit(&r.arena);
    return st;
}
