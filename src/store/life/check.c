/*
 * A segment has no byte outside of something with a checksum: header, chunks without gaps (the directory's offsets are the
 * sums of its sizes), sections without gaps, footer, tail. So reading all of them is reading the file.
 */
#include "store/life/check.h"

#include <limits.h>
#include <stdio.h>

#include "base/crc32c.h"
#include "base/err.h"
#include "store/life/segments_delete.h"
#include "store/segment/segment.h"

struct checking {
    store_problem_fn *fn;
    void *ctx;
    struct store_check_stats *stats;
    char file[OBJECTS_KEY_MAX + 16];
};

static void report(struct checking *c, uint64_t offset, const char *what)
{
    c->stats->problems++;
    c->fn(&(struct store_problem){bole_slice_str(c->file), offset, what}, c->ctx);
}

static void set_file(struct checking *c, bole_slice key)
{
    snprintf(c->file, sizeof c->file, "segments/%.*s", BOLE_SLICE_ARG(key));
}

/* ---- one segment ---- */

static void check_chunk(struct checking *c, struct segment_reader *reader, const struct segment_chunk *chunk,
                        enum chunk_kind kind, struct buf *raw)
{
    struct bole_err err;
    c->stats->chunks++;
    c->stats->bytes += chunk->size;
    if (segment_chunk_read(reader, chunk, kind, raw, &err) < 0)
        report(c, chunk->offset, err.msg);
}

static void check_group(struct checking *c, struct segment_reader *reader, const struct segment_group *g)
{
    struct buf raw;
    buf_init(&raw, NULL);
    c->stats->rows += g->row_count;
    for (uint32_t i = 0; i < g->column_count; i++)
        for (uint32_t k = 0; k < g->columns[i].chunk_count; k++)
            check_chunk(c, reader, &g->columns[i].chunks[k], g->columns[i].kind, &raw);
    buf_deinit(&raw);
}

/* By the footer's checksum, so that sections this program does not know are covered, too. */
static void check_section(struct checking *c, struct segment_reader *reader, const struct segment_section *s)
{
    struct bole_err err;
    buf_reset(&reader->stored);
    c->stats->chunks++;
    c->stats->bytes += s->size;
    if (!buf_reserve(&reader->stored, (size_t)s->size))
        report(c, s->offset, "no memory to look at a section");
    else if (objects_read(reader->objects, reader->key, s->offset, (size_t)s->size, reader->stored.ptr, &err) < 0)
        report(c, s->offset, err.msg);
    else if (crc32c(0, reader->stored.ptr, (size_t)s->size) != s->crc)
        report(c, s->offset, "checksum of a section does not match the footer");
}

static void check_totals(struct checking *c, const struct catalog_segment *info, const struct segment_directory *d)
{
    struct catalog_segment t = segment_describe(info->id, info->key, info->size_bytes, &d->totals);
    if (t.row_count != info->row_count || t.raw_bytes != info->raw_bytes || t.min_time_ns != info->min_time_ns ||
        t.max_time_ns != info->max_time_ns || t.min_lsn != info->min_lsn || t.max_lsn != info->max_lsn ||
        t.created_ns != info->created_ns || t.keep_ns != info->keep_ns || t.level != info->level ||
        t.group_streams != info->group_streams || !bole_slice_eq(t.tenant, info->tenant))
        report(c, d->footer_offset, "rows, bytes, times, numbers or tenant are not those of the catalogue");
    else if (memcmp(t.digest, info->digest, sizeof t.digest) != 0)
        report(c, d->footer_offset, "the digest of the rows is not that of the catalogue");
}

static void check_contents(struct checking *c, struct segment_reader *reader, const struct catalog_segment *info)
{
    struct segment_directory *d;
    struct bole_err err;
    uint8_t id[SEGMENT_ID_SIZE];
    if (segment_store_id(reader, id, &err) < 0)
        report(c, 0, err.msg);
    if (segment_directory_read(reader, info->size_bytes, NULL, &d, &err) < 0) {
        report(c, info->size_bytes, err.msg);
        return;
    }
    check_totals(c, info, d);
    for (uint32_t i = 0; i < d->section_count; i++)
        check_section(c, reader, &d->sections[i]);
    for (uint32_t i = 0; i < d->group_count; i++)
        check_group(c, reader, &d->groups[i]);
    segment_directory_unref(d);
}

static void check_segment(struct checking *c, struct objects *objects, const struct catalog_segment *info)
{
    struct bole_err err;
    uint64_t size;
    set_file(c, info->key);
    c->stats->segments++;
    bole_status st = objects_size(objects, info->key, &size, &err);
    if (st < 0) {
        report(c, 0, st == BOLE_E_NOTFOUND ? "in the catalogue, but there is no such file" : err.msg);
        return;
    }
    if (size != info->size_bytes)
        report(c, size, "the file is not as long as the catalogue says");
    struct segment_reader reader;
    segment_reader_init(&reader, objects, NULL);
    reader.key = info->key;
    check_contents(c, &reader, info);
    segment_reader_deinit(&reader);
}

void store_check_segment(struct objects *objects, const struct catalog_segment *info, store_problem_fn *fn, void *ctx,
                         struct store_check_stats *stats)
{
    struct checking c = {.fn = fn, .ctx = ctx, .stats = stats};
    check_segment(&c, objects, info);
}

/* ---- a directory ---- */

struct known_key {
    struct known_key *next;
    bole_slice key;
};

struct directory_check {
    struct checking checking;
    struct objects *objects;
    struct arena arena;
    struct known_key *known; /* keys of the catalogue */
};

static bole_status check_row(const struct catalog_segment *info, void *ctx)
{
    struct directory_check *d = ctx;
    struct known_key *k = arena_alloc(&d->arena, sizeof *k);
    if (!k)
        return BOLE_E_NOMEM;
    *k = (struct known_key){d->known, arena_copy(&d->arena, info->key)};
    d->known = k;
    check_segment(&d->checking, d->objects, info);
    return k->key.ptr ? BOLE_OK : BOLE_E_NOMEM;
}

static bole_status check_file(bole_slice key, void *ctx)
{
    struct directory_check *d = ctx;
    for (const struct known_key *k = d->known; k; k = k->next)
        if (bole_slice_eq(k->key, key))
            return BOLE_OK;
    set_file(&d->checking, key);
    report(&d->checking, 0, "not in the catalogue (a cut that a crash stopped leaves one; the next start removes it)");
    return BOLE_OK;
}

static void report_catalog(const char *problem, void *ctx)
{
    struct directory_check *d = ctx;
    snprintf(d->checking.file, sizeof d->checking.file, "catalog.db");
    report(&d->checking, 0, problem);
}

static void accept_fatal(const struct bole_err *err)
{
    /* Nothing was promised to anybody: the failed call says it. */
}

/* A damaged catalogue is a problem to report, not a reason to stop. */
static bole_status open_catalog(struct directory_check *d, const char *dir, struct fs *fs, struct catalog **ret_catalog,
                                struct bole_err *err)
{
    char path[PATH_MAX], uri[PATH_MAX + 16];
    struct file *f;
    snprintf(path, sizeof path, "%s/catalog.db", dir);
    bole_status st = fs_open(fs, path, FS_READ, &f, err); /* opening through SQLite would make a new one */
    if (st < 0)
        return st == BOLE_E_NOTFOUND
                   ? bole_fail(err, st, "%s is not the directory of a store: there is no catalog.db", dir)
                   : st;
    file_close(f);
    snprintf(uri, sizeof uri, "sqlite:%s", path);
    struct catalog_options options = {.uri = bole_slice_str(uri), .fs = fs, .on_fatal = accept_fatal};
    st = catalog_open(&options, ret_catalog, err);
    if (st == BOLE_E_CORRUPT) {
        report_catalog(err->msg, d);
        return BOLE_END;
    }
    return st;
}

/* What was there is what was removed and what is left, step by step. */
static bole_status check_delete(const struct store_delete_info *i, void *ctx)
{
    struct directory_check *d = ctx;
    struct digest removed = {0};
    uint64_t rows = 0;
    bool adds_up = true;
    for (uint32_t k = 0; k < i->step_count; k++) {
        const struct store_delete_step *s = &i->steps[k];
        adds_up = adds_up && digest_eq(s->before, digest_add(digest_add(s->removed, s->others), s->after));
        removed = digest_add(removed, s->removed);
        rows += s->rows;
    }
    d->checking.stats->deletes += i->state == STORE_DELETE_DONE;
    d->checking.stats->deleted_rows += i->rows;
    if (!adds_up || rows != i->rows || !digest_eq(removed, i->digest)) {
        char text[64];
        snprintf(text, sizeof text, "the proof of delete %s does not add up", i->id);
        report_catalog(text, d);
    }
    return BOLE_OK;
}

static bole_status check_all(struct directory_check *d, struct catalog *catalog, struct bole_err *err)
{
    bole_status st = catalog_check(catalog, report_catalog, d, err);
    if (st >= 0)
        st = catalog_segments(catalog, check_row, d, err);
    if (st >= 0)
        st = deletions_list(catalog, (bole_slice){0}, check_delete, d, err);
    if (st == BOLE_E_CORRUPT) /* catalog_check has reported it */
        st = BOLE_OK;
    if (st >= 0)
        st = objects_list(d->objects, (bole_slice){0}, check_file, d, err);
    return st == BOLE_E_NOMEM ? bole_fail(err, st, "no memory for the names of the segments") : st;
}

bole_status store_check(bole_slice dir, struct fs *fs, store_problem_fn *fn, void *ctx,
                        struct store_check_stats *ret_stats, struct bole_err *err)
{
    char path[PATH_MAX / 2], uri[PATH_MAX];
    struct catalog *catalog = NULL;
    struct bole_err own_err;
    err = err ? err : &own_err;
    *ret_stats = (struct store_check_stats){0};
    if (dir.len == 0 || dir.len >= sizeof path || memchr(dir.ptr, 0, dir.len))
        return bole_fail(err, BOLE_E_INVALID, "\"%.*s\" names no directory", BOLE_SLICE_ARG(dir));
    snprintf(path, sizeof path, "%.*s", BOLE_SLICE_ARG(dir));
    struct directory_check d = {.checking = {.fn = fn, .ctx = ctx, .stats = ret_stats}};
    arena_init(&d.arena, NULL);
    bole_status st = open_catalog(&d, path, fs, &catalog, err);
    if (st == BOLE_OK) {
        snprintf(uri, sizeof uri, "file:%s/segments", path);
        st = objects_open(&(struct objects_options){.uri = bole_slice_str(uri), .fs = fs}, &d.objects, err);
    }
    if (st == BOLE_OK)
        st = check_all(&d, catalog, err);
    objects_destroy(d.objects);
    catalog_destroy(catalog);
    arena_deinit(&d.arena);
    return st < 0 ? st : BOLE_OK;
}
