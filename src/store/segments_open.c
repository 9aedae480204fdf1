/*
 * Opening reads the catalogue and the names of the files, no segment: ten thousand segments cost milliseconds.
 *
 * A file that the catalogue does not know is what a crash in the middle of a cut left, and is removed, but only when its
 * header carries this store's id: if the catalogue was lost and made anew, its id is new, too, and the start is refused
 * before anything is touched.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/random.h"
#include "os/thread.h"
#include "store/codec/text.h"
#include "store/life/segments_delete.h"

/* ---- the store's id ---- */

static bole_status make_id(struct segments_store *s, struct bole_err *err)
{
    for (size_t i = 0; i < SEGMENT_ID_SIZE; i += 8) {
        uint64_t v = random_next(&random_system); /* an identity must be unique in tests, too */
        memcpy(s->id + i, &v, 8);
    }
    return catalog_put(s->catalog, S("store"), S("id"), bole_slice_from(s->id, SEGMENT_ID_SIZE), err);
}

static bole_status load_id(struct segments_store *s, struct bole_err *err)
{
    struct arena arena;
    bole_slice id = {0};
    arena_init(&arena, NULL);
    bole_status st = catalog_get(s->catalog, S("store"), S("id"), &arena, &id, err);
    if (st >= 0 && id.len != SEGMENT_ID_SIZE)
        st = bole_fail(err, BOLE_E_CORRUPT, "the id of the store in the catalogue is not well formed");
    else if (st >= 0)
        memcpy(s->id, id.ptr, SEGMENT_ID_SIZE);
    arena_deinit(&arena);
    return st == BOLE_E_NOTFOUND ? make_id(s, err) : st;
}

/* ---- segments of the catalogue ---- */

struct loader {
    struct segments_store *s;
    struct segment_set *set; /* count is what is filled, capacity what there is room for */
    size_t capacity;
    bool   out_of_memory;
};

static bole_status load_segment(const struct catalog_segment *info, void *ctx)
{
    struct loader *l = ctx;
    if (l->set->count == l->capacity) {
        size_t capacity = l->capacity * 2;
        struct segment_set *grown = realloc(l->set, sizeof *grown + capacity * sizeof *grown->segments);
        if (!grown)
            return BOLE_E_NOMEM;
        l->set = grown;
        l->capacity = capacity;
    }
    struct segment *segment = segment_create(&l->s->cache, info);
    if (!segment)
        return BOLE_E_NOMEM;
    l->set->segments[l->set->count++] = segment;
    return BOLE_OK;
}

static bole_status load_segments(struct segments_store *s, struct bole_err *err)
{
    struct loader l = {.s = s, .capacity = 64};
    l.set = segment_set_create(l.capacity);
    if (!l.set)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the list of segments");
    l.set->count = 0;
    bole_status st = catalog_segments(s->catalog, load_segment, &l, err);
    s->set = l.set;
    return st == BOLE_E_NOMEM ? bole_fail(err, st, "no memory for the list of segments") : st;
}

/* ---- files without an entry ---- */

struct unknown_keys {
    struct segments_store *s;
    struct arena arena;
    struct unknown_key {
        struct unknown_key *next;
        bole_slice key;
    } *first;
    size_t known_count;
};

static bool is_known(const struct segment_set *set, bole_slice key)
{
    size_t from = 0, to = set->count;
    while (from < to) { /* by id, and keys are ids of one length in hex */
        size_t middle = from + (to - from) / 2;
        int order = bole_slice_cmp(set->segments[middle]->info.key, key);
        if (order == 0)
            return true;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return false;
}

static bole_status collect_unknown(bole_slice key, void *ctx)
{
    struct unknown_keys *u = ctx;
    if (is_known(u->s->set, key)) {
        u->known_count++;
        return BOLE_OK;
    }
    struct unknown_key *k = arena_alloc(&u->arena, sizeof *k);
    if (!k)
        return BOLE_E_NOMEM;
    *k = (struct unknown_key){u->first, arena_copy(&u->arena, key)};
    u->first = k;
    return k->key.ptr ? BOLE_OK : BOLE_E_NOMEM;
}

static bole_status remove_unknown(struct segments_store *s, bole_slice key, struct bole_err *err)
{
    struct segment_reader reader;
    uint8_t id[SEGMENT_ID_SIZE];
    struct bole_err why;
    segment_reader_init(&reader, s->objects, NULL);
    reader.key = key;
    bole_status st = segment_store_id(&reader, id, &why);
    segment_reader_deinit(&reader);
    if (st < 0) {
        LOG(WARN, "a file that is not a segment of this store is left alone", " file=%s reason=%s", LOGQ(key),
            LOGQS(why.msg));
        return BOLE_OK;
    }
    if (memcmp(id, s->id, sizeof id) != 0)
        return bole_fail(
            err, BOLE_E_CORRUPT,
            "segment %.*s belongs to another catalogue: was catalog.db lost or exchanged? put the right one back",
            BOLE_SLICE_ARG(key));
    LOG(INFO, "removing a segment that a crash left behind", " file=%s", LOGQ(key));
    return objects_remove(s->objects, key, err);
}

static bole_status reconcile_files(struct segments_store *s, struct bole_err *err)
{
    struct unknown_keys u = {.s = s};
    arena_init(&u.arena, NULL);
    bole_status st = objects_list(s->objects, (bole_slice){0}, collect_unknown, &u, err);
    if (st == BOLE_E_NOMEM)
        st = bole_fail(err, st, "no memory for the names of the segments");
    for (struct unknown_key *k = u.first; st >= 0 && k; k = k->next)
        st = remove_unknown(s, k->key, err);
    if (st >= 0 && u.known_count < s->set->count)
        LOG(ERROR, "segments of the catalogue have no file: their rows are missing from answers", " count=%zu",
            s->set->count - u.known_count);
    arena_deinit(&u.arena);
    return st;
}

/* ---- life ---- */

static bole_status open_parts(struct segments_store *s, const struct store_options *options, const char *dir,
                              struct bole_err *err)
{
    char uri[PATH_MAX + 32];
    bole_status st = fs_make_dir(s->fs, dir, err);
    if (st >= 0) {
        snprintf(uri, sizeof uri, "sqlite:%s/catalog.db", dir);
        struct catalog_options catalog = {.uri = bole_slice_str(uri), .fs = s->fs, .on_fatal = options->on_fatal};
        st = catalog_open(&catalog, &s->catalog, err);
    }
    if (st >= 0) {
        snprintf(uri, sizeof uri, "file:%s/segments", dir);
        struct objects_options objects = {.uri = bole_slice_str(uri), .fs = s->fs, .on_fatal = options->on_fatal};
        st = objects_open(&objects, &s->objects, err);
    }
    if (st < 0)
        return st;
    s->cache.objects = s->objects;
    st = load_id(s, err);
    if (st >= 0)
        st = load_segments(s, err);
    if (st >= 0)
        st = catalog_position(s->catalog, &s->position_lsn, err);
    /* Before anything is taken for a leftover: a catalogue that went back in time would have good segments removed. */
    if (st >= 0 && s->position_lsn < options->min_position)
        st = bole_fail(err, BOLE_E_CORRUPT,
                       "the catalogue of %s has lost its newest entries (it knows group %llu, the log has forgotten up to "
                       "%llu): put catalog.db and catalog.db-wal back from a copy, or have it made of the segments (bole restore "
                       "--from-segments); no segment was touched", dir,
                       (unsigned long long)s->position_lsn, (unsigned long long)options->min_position);
    if (st >= 0)
        st = reconcile_files(s, err);
    if (st >= 0)
        st = segments_load_deletes(s, err);
    if (st >= 0)
        st = producers_load(&s->producers, s->catalog, err);
    s->head.last_lsn = s->position_lsn;
    return st;
}

bole_status segments_open(const struct store_options *options, struct store **ret_store, struct bole_err *err)
{
    bole_slice path = bole_slice_sub(options->uri, sizeof "segments:" - 1);
    char dir[PATH_MAX];
    if (path.len == 0 || path.len > PATH_MAX / 2 || memchr(path.ptr, 0, path.len))
        return bole_fail(err, BOLE_E_INVALID, "store: \"%.*s\" names no directory", BOLE_SLICE_ARG(options->uri));
    snprintf(dir, sizeof dir, "%.*s", BOLE_SLICE_ARG(path));
    struct segments_store *s = calloc(1, sizeof *s + path.len + 1);
    if (!s)
        return bole_fail(err, BOLE_E_NOMEM, "store: no memory");
    memcpy(s->dir, path.ptr, path.len);
    s->base.ops = &store_segments_ops;
    s->fs = options->fs;
    s->clock = options->clock;
    s->budget = options->budget;
    s->retention = options->retention;
    s->delete_delay_ns = options->delete_delay_ns;
    s->head_max_bytes = options->head_max_bytes ? options->head_max_bytes : HEAD_BYTES_DEFAULT;
    s->cut_interval_ns = options->cut_interval_ns ? options->cut_interval_ns : CUT_INTERVAL_DEFAULT_NS;
    pthread_mutex_init(&s->deletes_lock, NULL);
    pthread_mutex_init(&s->change_lock, NULL);
    pthread_mutex_init(&s->insert_lock, NULL);
    pthread_mutex_init(&s->lock, NULL);
    thread_cond_init(&s->cut_done);
    segment_cache_init(&s->cache, NULL, options->budget);
    s->text_memory = text_memory_create(); /* without, every segment finds out anew */
    head_init(&s->head);
    collapse_init(&s->collapse, options->budget, &random_system);
    bole_status st = open_parts(s, options, dir, err);
    if (st >= 0)
        st = segments_start_merger(s, options->merges, err);
    if (st < 0) {
        bole_err_context(err, "opening the store in %s", dir);
        segments_destroy(&s->base);
        return st;
    }
    *ret_store = &s->base;
    return BOLE_OK;
}

void segments_destroy(struct store *self)
{
    struct segments_store *s = segments_of(self);
    segments_stop_merger(s);
    collapse_deinit(&s->collapse);
    head_deinit(&s->head);
    producers_deinit(&s->producers);
    deletion_set_unref(s->deletions);
    segment_set_unref(s->set);
    segment_cache_deinit(&s->cache);
    text_memory_destroy(s->text_memory);
    catalog_destroy(s->catalog);
    objects_destroy(s->objects);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->insert_lock);
    pthread_mutex_destroy(&s->change_lock);
    pthread_mutex_destroy(&s->deletes_lock);
    pthread_cond_destroy(&s->cut_done);
    free(s);
}
