#include "store/life/rebuild.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/life/repair.h"
#include "store/segment/seqs.h"
#include "store/segment/segment.h"

struct found {
    struct catalog_segment info;
    char    key_text[SEGMENT_KEY_SIZE];
    uint8_t store_id[SEGMENT_ID_SIZE];
    struct bole_err why;       /* it cannot be read: what is wrong */
    bool    is_damaged;
    bool    has_older, has_newer; /* others with some of its rows */
    uint64_t covered_rows;     /* of its rows, those that are in older segments */
    size_t  component;         /* the first segment that it is connected with by rows */
};

struct rebuilding {
    struct fs *fs;
    char   path[PATH_MAX / 2];
    struct objects *objects;
    struct segment_reader reader;
    struct arena arena;        /* names of tenants */
    struct found *all;         /* by id */
    size_t count, capacity;
    store_problem_fn *fn;
    void  *ctx;
    struct store_rebuild_stats *stats;
};

static bole_status no_memory(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_NOMEM, "no memory to look through the segments");
}

/* ---- what is there ---- */

static bool id_of_key(bole_slice key, uint64_t *ret_id)
{
    char text[SEGMENT_KEY_SIZE], again[SEGMENT_KEY_SIZE];
    snprintf(text, sizeof text, "%.*s", BOLE_SLICE_ARG(key));
    *ret_id = strtoull(text, NULL, 16);
    segment_key_of(*ret_id, again);
    return *ret_id > 0 && bole_slice_eq(key, bole_slice_str(again));
}

static bole_status note_key(bole_slice key, void *ctx)
{
    struct rebuilding *r = ctx;
    uint64_t id;
    if (!id_of_key(key, &id)) /* not a name that a store gives */
        return BOLE_OK;
    if (r->count == r->capacity) {
        size_t capacity = r->capacity ? r->capacity * 2 : 64;
        struct found *grown = realloc(r->all, capacity * sizeof *grown);
        if (!grown)
            return BOLE_E_NOMEM;
        r->all = grown;
        r->capacity = capacity;
    }
    struct found *f = &r->all[r->count++];
    *f = (struct found){.info.id = id};
    segment_key_of(id, f->key_text);
    return BOLE_OK;
}

static int by_id(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return (x->info.id > y->info.id) - (x->info.id < y->info.id);
}

static bole_status describe(struct rebuilding *r, struct found *f)
{
    struct segment_directory *d;
    uint64_t size;
    r->reader.key = bole_slice_str(f->key_text);
    bole_status st = objects_size(r->objects, r->reader.key, &size, &f->why);
    if (st >= 0)
        st = segment_store_id(&r->reader, f->store_id, &f->why);
    if (st >= 0)
        st = segment_directory_read(&r->reader, size, NULL, &d, &f->why);
    if (st < 0)
        return st;
    f->info = segment_describe(f->info.id, r->reader.key, size, &d->totals);
    f->info.tenant = arena_copy(&r->arena, d->totals.tenant);
    segment_directory_unref(d);
    return f->info.tenant.ptr || !f->info.tenant.len ? BOLE_OK : BOLE_E_NOMEM;
}

static bole_status describe_all(struct rebuilding *r, struct bole_err *err)
{
    const struct found *first = NULL;
    bole_status st = objects_list(r->objects, (bole_slice){0}, note_key, r, err);
    if (st < 0)
        return st == BOLE_E_NOMEM ? no_memory(err) : st;
    if (r->count == 0)
        return bole_fail(err, BOLE_E_NOTFOUND, "there are no segments in %s/segments", r->path);
    qsort(r->all, r->count, sizeof *r->all, by_id);
    for (size_t i = 0; i < r->count; i++) {
        struct found *f = &r->all[i];
        st = describe(r, f);
        f->is_damaged = segment_is_damage(st);
        f->component = i;
        if (st < 0 && !f->is_damaged)
            return no_memory(err);
        if (f->is_damaged)
            continue;
        first = first ? first : f;
        if (memcmp(first->store_id, f->store_id, sizeof f->store_id) != 0)
            return bole_fail(err, BOLE_E_CONFLICT, "segments %s and %s are of different stores: move those of one of them away",
                             first->key_text, f->key_text);
    }
    return BOLE_OK;
}

/* ---- which rows are there twice ---- */

static void report(struct rebuilding *r, const struct found *f, const char *what)
{
    char file[SEGMENT_KEY_SIZE + 16];
    snprintf(file, sizeof file, "segments/%s", f->key_text);
    r->fn(&(struct store_problem){bole_slice_str(file), 0, what}, r->ctx);
}

static bole_status read_group_seqs(struct rebuilding *r, const struct segment_group *g, struct buf *raw, uint64_t *ret_seqs,
                                   struct bole_err *err)
{
    struct packed streams;
    struct buf stream_bytes;
    bool by_time = g->order == GROUP_BY_TIME;
    buf_init(&stream_bytes, NULL);
    bole_status st = segment_chunk_read(&r->reader, &g->seq->chunks[0], CHUNK_SEQ, raw, err);
    if (st >= 0 && by_time)
        st = segment_chunk_read(&r->reader, &g->stream->chunks[0], CHUNK_STREAM, &stream_bytes, err);
    if (st >= 0 && by_time && (!packed_open(&streams, buf_slice(&stream_bytes), PACK_PLAIN, g->row_count) ||
                               !packed_below(&streams, g->stream_count)))
        st = bole_fail(err, BOLE_E_CORRUPT, "the stream column is not well formed");
    if (st >= 0) {
        st = seqs_of_group(buf_slice(raw), by_time ? &streams : NULL, g->row_count, g->stream_count, ret_seqs);
        if (st < 0)
            bole_fail(err, st, "the row numbers are not well formed");
    }
    buf_deinit(&stream_bytes);
    return st;
}

/* BOLE_END: they cannot be read, which has been reported. */
static bole_status read_seqs(struct rebuilding *r, struct found *f, uint64_t *ret_seqs, struct bole_err *err)
{
    struct segment_directory *d;
    struct buf raw;
    uint64_t at = 0;
    r->reader.key = bole_slice_str(f->key_text);
    bole_status st = segment_directory_read(&r->reader, f->info.size_bytes, NULL, &d, err);
    if (st < 0)
        return st;
    buf_init(&raw, NULL);
    for (uint32_t i = 0; st >= 0 && i < d->group_count; i++) {
        const struct segment_group *g = &d->groups[i];
        st = read_group_seqs(r, g, &raw, ret_seqs + at, err);
        at += g->row_count;
    }
    buf_deinit(&raw);
    segment_directory_unref(d);
    if (!segment_is_damage(st))
        return st;
    report(r, f, "its numbers of rows are damaged: what is in another segment, too, may now be there twice");
    return BOLE_END;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool may_share_rows(const struct found *a, const struct found *b)
{
    const struct catalog_segment *x = &a->info, *y = &b->info;
    return !a->is_damaged && !b->is_damaged && x->min_lsn <= y->max_lsn && y->min_lsn <= x->max_lsn &&
           x->min_time_ns <= y->max_time_ns && y->min_time_ns <= x->max_time_ns &&
           (!x->tenant.len || !y->tenant.len || bole_slice_eq(x->tenant, y->tenant));
}

static void connect(struct rebuilding *r, size_t a, size_t b)
{
    size_t from = r->all[b].component, to = r->all[a].component;
    for (size_t i = 0; i < r->count; i++)
        if (r->all[i].component == from)
            r->all[i].component = to;
}

/* seqs: of the newer, sorted; is_covered: a bit per one of them that some older segment has. */
static bole_status compare(struct rebuilding *r, size_t older, size_t newer, const uint64_t *seqs, uint64_t *is_covered,
                           struct bole_err *err)
{
    struct found *a = &r->all[older], *b = &r->all[newer];
    uint64_t *mine = malloc(a->info.row_count * sizeof *mine + 1);
    if (!mine)
        return no_memory(err);
    bole_status st = read_seqs(r, a, mine, err);
    bool any = false;
    for (uint64_t i = 0; st == BOLE_OK && i < a->info.row_count; i++) {
        const uint64_t *at = bsearch(&mine[i], seqs, b->info.row_count, sizeof *seqs, by_number);
        if (!at)
            continue;
        size_t row = (size_t)(at - seqs);
        any = true;
        b->covered_rows += !(is_covered[row / 64] >> row % 64 & 1);
        is_covered[row / 64] |= 1ull << row % 64;
    }
    free(mine);
    if (any) {
        a->has_newer = b->has_older = true;
        connect(r, older, newer);
    }
    return st < 0 ? st : BOLE_OK;
}

static bole_status find_older(struct rebuilding *r, size_t newer, struct bole_err *err)
{
    struct found *b = &r->all[newer];
    size_t first = 0;
    while (first < newer && !may_share_rows(&r->all[first], b))
        first++;
    if (first == newer)
        return BOLE_OK;
    uint64_t *seqs = malloc(b->info.row_count * sizeof *seqs + 1);
    uint64_t *is_covered = calloc(b->info.row_count / 64 + 1, sizeof *is_covered);
    bole_status st = seqs && is_covered ? read_seqs(r, b, seqs, err) : no_memory(err);
    if (st == BOLE_OK)
        qsort(seqs, b->info.row_count, sizeof *seqs, by_number);
    for (size_t i = first; st == BOLE_OK && i < newer; i++)
        if (may_share_rows(&r->all[i], b))
            st = compare(r, i, newer, seqs, is_covered, err);
    free(seqs);
    free(is_covered);
    return st;
}

/* Of segments that are connected by rows, only one generation counts. */
static bool counts(const struct rebuilding *r, const struct found *f)
{
    bool all_covered = true;
    for (size_t i = 0; i < r->count; i++) {
        const struct found *o = &r->all[i];
        if (o->component == f->component && o->has_older && o->covered_rows < o->info.row_count)
            all_covered = false;
    }
    return !f->is_damaged && !(all_covered ? f->has_older : f->has_newer);
}

/* ---- the new catalogue ---- */

static bole_status move_aside(struct rebuilding *r, struct found *f, struct bole_err *err)
{
    r->stats->damaged++;
    report(r, f, f->why.msg);
    return store_move_damaged(r->fs, r->path, bole_slice_str(f->key_text), err);
}

/* The database and what a killed process has left of its log. */
static bole_status move_catalog(struct rebuilding *r, struct bole_err *err)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char from[PATH_MAX], to[PATH_MAX];
    struct file *f;
    bole_status st = BOLE_OK;
    snprintf(to, sizeof to, "%s/catalog.db.old", r->path);
    if (fs_open(r->fs, to, FS_READ, &f, NULL) == BOLE_OK) {
        file_close(f);
        return bole_fail(err, BOLE_E_CONFLICT, "%s is there already: move it away first", to);
    }
    for (size_t i = 0; st >= 0 && i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(from, sizeof from, "%s/catalog.db%s", r->path, suffixes[i]);
        snprintf(to, sizeof to, "%s/catalog.db.old%s", r->path, suffixes[i]);
        st = fs_rename(r->fs, from, to, err);
        st = st == BOLE_E_NOTFOUND ? BOLE_OK : st;
    }
    return st;
}

static bole_status write_catalog(struct rebuilding *r, const struct catalog_segment *add, size_t add_count,
                                 const uint8_t *store_id, uint64_t position, struct bole_err *err)
{
    char uri[PATH_MAX];
    struct catalog *catalog;
    struct catalog_item id = {S("store"), S("id"), bole_slice_from(store_id, SEGMENT_ID_SIZE)};
    snprintf(uri, sizeof uri, "sqlite:%s/catalog.db", r->path);
    bole_status st = catalog_open(&(struct catalog_options){.uri = bole_slice_str(uri), .fs = r->fs}, &catalog, err);
    if (st < 0)
        return st;
    st = catalog_commit(catalog, &(struct catalog_change){.add = add, .add_count = add_count, .put = &id, .put_count = 1,
                                                          .position_lsn = position}, err);
    catalog_destroy(catalog);
    return st;
}

static bole_status put_catalog(struct rebuilding *r, uint64_t min_position, struct bole_err *err)
{
    struct catalog_segment *add = malloc((r->count + 1) * sizeof *add);
    const uint8_t *store_id = NULL;
    size_t add_count = 0;
    if (!add)
        return no_memory(err);
    for (size_t i = 0; i < r->count; i++) {
        struct found *f = &r->all[i];
        if (f->is_damaged)
            continue;
        store_id = f->store_id;
        r->stats->max_lsn = f->info.max_lsn > r->stats->max_lsn ? f->info.max_lsn : r->stats->max_lsn;
        if (counts(r, f)) {
            f->info.key = bole_slice_str(f->key_text);
            r->stats->rows += f->info.row_count;
            add[add_count++] = f->info;
        } else {
            r->stats->superseded++;
        }
    }
    r->stats->segments = add_count;
    bole_status st = store_id ? move_catalog(r, err)
                              : bole_fail(err, BOLE_E_CORRUPT, "no segment in %s/segments can be read", r->path);
    for (size_t i = 0; st >= 0 && i < r->count; i++)
        if (r->all[i].is_damaged)
            st = move_aside(r, &r->all[i], err);
    if (st >= 0)
        st = write_catalog(r, add, add_count, store_id,
                           r->stats->max_lsn > min_position ? r->stats->max_lsn : min_position, err);
    free(add);
    return st;
}

bole_status store_rebuild(bole_slice dir, struct fs *fs, uint64_t min_position, store_problem_fn *fn, void *ctx,
                          struct store_rebuild_stats *ret_stats, struct bole_err *err)
{
    struct rebuilding r = {.fs = fs, .fn = fn, .ctx = ctx, .stats = ret_stats};
    char uri[PATH_MAX];
    *ret_stats = (struct store_rebuild_stats){0};
    if (dir.len == 0 || dir.len >= sizeof r.path || memchr(dir.ptr, 0, dir.len))
        return bole_fail(err, BOLE_E_INVALID, "\"%.*s\" names no directory", BOLE_SLICE_ARG(dir));
    snprintf(r.path, sizeof r.path, "%.*s", BOLE_SLICE_ARG(dir));
    snprintf(uri, sizeof uri, "file:%s/segments", r.path);
    bole_status st = objects_open(&(struct objects_options){.uri = bole_slice_str(uri), .fs = fs}, &r.objects, err);
    if (st < 0)
        return st;
    arena_init(&r.arena, NULL);
    segment_reader_init(&r.reader, r.objects, NULL);
    st = describe_all(&r, err);
    for (size_t i = 1; st >= 0 && i < r.count; i++)
        st = find_older(&r, i, err);
    if (st >= 0)
        st = put_catalog(&r, min_position, err);
    segment_reader_deinit(&r.reader);
    objects_destroy(r.objects);
    arena_deinit(&r.arena);
    free(r.all);
    return st;
}
