/*
 * Deletes in the life of a store. A request means the rows that were there when it came: their LSN is at most max_lsn.
 *
 *   waits  it is in the catalogue, and readers leave its rows out; it can still be taken back
 *   runs   it is old enough, and everything up to max_lsn is in segments. From now on every merge leaves its rows out, and so
 *          segments from first_clean_id on hold none; older ones that do are written anew
 *   done   no older segment holds one. It stays in the catalogue with a step for every merge that took rows out: digest
 *          before, of what was removed, and after, which add up (digest.h)
 *
 * A crash loses nothing of that: a step is committed together with the segments it speaks of. Only which older segments were
 * looked at and hold nothing is found again.
 */
#include "store/life/segments_delete.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/random.h"
#include "store/scan/group_read.h"

enum { ACTIVE_MAX = 100 };

static bole_status no_memory(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_NOMEM, "store: no memory for a request to delete");
}

static struct deletion_set *borrow_deletions(struct segments_store *s)
{
    pthread_mutex_lock(&s->lock);
    struct deletion_set *set = s->deletions ? deletion_set_ref(s->deletions) : NULL;
    pthread_mutex_unlock(&s->lock);
    return set;
}

static bool is_running(struct segments_store *s, const struct deletion *d)
{
    pthread_mutex_lock(&s->deletes_lock);
    bool runs = d->info.state == STORE_DELETE_RUNS;
    pthread_mutex_unlock(&s->deletes_lock);
    return runs;
}

/* Takes the set. */
static void install(struct segments_store *s, struct deletion_set *set)
{
    pthread_mutex_lock(&s->lock);
    struct deletion_set *old = s->deletions;
    s->deletions = set;
    pthread_mutex_unlock(&s->lock);
    deletion_set_unref(old);
}

static bole_status put(struct segments_store *s, const struct deletion *d, struct bole_err *err)
{
    struct buf bytes;
    buf_init(&bytes, NULL);
    deletion_encode(d, &bytes);
    bole_status st = bytes.failed ? no_memory(err)
                                  : catalog_put(s->catalog, DELETION_SPACE, bole_slice_str(d->info.id), buf_slice(&bytes), err);
    buf_deinit(&bytes);
    return st;
}

/* ---- requests ---- */

/* Under deletes_lock. */
static bole_status accept(struct segments_store *s, struct deletion *d, struct bole_err *err)
{
    if (s->deletions && s->deletions->count >= ACTIVE_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "%d requests to delete are not finished yet: try again later", ACTIVE_MAX);
    struct deletion_set *set = deletion_set_create(s->deletions, NULL, d);
    bole_status st = set ? put(s, d, err) : no_memory(err);
    if (st < 0)
        deletion_set_unref(set);
    else
        install(s, set);
    return st;
}

bole_status segments_delete(struct store *self, const struct store_delete_request *request,
                            char ret_id[STORE_DELETE_ID_SIZE], struct bole_err *err)
{
    struct segments_store *s = segments_of(self);
    struct deletion *d;
    bole_status st = deletion_create(request, &d, err);
    if (st < 0)
        return st;
    snprintf(d->info.id, sizeof d->info.id, "%016llx", (unsigned long long)random_next(&random_system));
    d->info.created_ns = clock_now_ns(s->clock);
    pthread_mutex_lock(&s->deletes_lock);
    pthread_mutex_lock(&s->lock);
    d->removal.max_lsn = s->head.last_lsn;
    pthread_mutex_unlock(&s->lock);
    st = accept(s, d, err);
    pthread_mutex_unlock(&s->deletes_lock);
    if (st >= 0)
        memcpy(ret_id, d->info.id, STORE_DELETE_ID_SIZE);
    deletion_unref(d);
    segments_wake_merger(s);
    return st;
}

static struct deletion *find(const struct deletion_set *set, bole_slice tenant, bole_slice id)
{
    for (size_t i = 0; set && i < set->count; i++)
        if (bole_slice_eq(bole_slice_str(set->deletions[i]->info.id), id) &&
            bole_slice_eq(set->deletions[i]->removal.tenant, tenant))
            return set->deletions[i];
    return NULL;
}

/* Under deletes_lock: from now on it is the catalogue's alone. */
static bole_status retire(struct segments_store *s, struct deletion *d, enum store_delete_state state, struct bole_err *err)
{
    enum store_delete_state before = d->info.state;
    struct deletion_set *set = deletion_set_create(s->deletions, d, NULL);
    if (!set)
        return no_memory(err);
    d->info.state = state;
    d->info.finished_ns = clock_now_ns(s->clock);
    bole_status st = put(s, d, err);
    if (st >= 0) {
        install(s, set);
        return BOLE_OK;
    }
    d->info.state = before;
    deletion_set_unref(set);
    return st;
}

bole_status segments_delete_cancel(struct store *self, bole_slice tenant, bole_slice id, struct bole_err *err)
{
    struct segments_store *s = segments_of(self);
    struct arena arena;
    bole_slice value;
    arena_init(&arena, NULL);
    pthread_mutex_lock(&s->deletes_lock);
    struct deletion *d = find(s->deletions, tenant, id);
    bole_status st;
    if (d && d->info.state == STORE_DELETE_WAITS)
        st = retire(s, d, STORE_DELETE_CANCELLED, err);
    else if (d || catalog_get(s->catalog, DELETION_SPACE, id, &arena, &value, NULL) == BOLE_OK)
        st = bole_fail(err, BOLE_E_CONFLICT, "deletion of request which is in process or already processed is not allowed");
    else
        st = bole_fail(err, BOLE_E_NOTFOUND, "could not find delete request with given id");
    pthread_mutex_unlock(&s->deletes_lock);
    arena_deinit(&arena);
    return st;
}

/* ---- the list ---- */

struct listing {
    bole_slice tenant; /* ptr NULL: all */
    struct deletion **found;
    size_t count, capacity;
    struct bole_err *err;
};

static bole_status collect(bole_slice key, bole_slice value, void *ctx)
{
    struct listing *l = ctx;
    struct deletion *d;
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? l->capacity * 2 : 16;
        struct deletion **grown = realloc(l->found, capacity * sizeof *grown);
        if (!grown)
            return no_memory(l->err);
        l->found = grown;
        l->capacity = capacity;
    }
    bole_status st = deletion_decode(key, value, &d, l->err);
    if (st < 0)
        return st;
    if (l->tenant.ptr && !bole_slice_eq(d->removal.tenant, l->tenant))
        deletion_unref(d);
    else
        l->found[l->count++] = d;
    return BOLE_OK;
}

static void release(struct listing *l)
{
    for (size_t i = 0; i < l->count; i++)
        deletion_unref(l->found[i]);
    free(l->found);
}

static bole_status show(struct catalog *catalog, const struct deletion *d, store_delete_fn *fn, void *ctx, struct bole_err *err)
{
    struct store_delete_info info = d->info;
    struct arena arena;
    arena_init(&arena, NULL);
    struct store_delete_step *steps = arena_array(&arena, info.step_count + 1u, sizeof *steps);
    bole_status st = steps ? BOLE_OK : no_memory(err);
    for (uint32_t i = 0; st >= 0 && i < info.step_count; i++) {
        char key[DELETION_KEY_SIZE];
        bole_slice value;
        deletion_step_key(info.id, i, key);
        st = catalog_get(catalog, DELETION_STEP_SPACE, bole_slice_str(key), &arena, &value, err);
        if (st == BOLE_OK)
            st = deletion_step_decode(value, &arena, &steps[i], err);
    }
    info.steps = steps;
    if (st >= 0)
        st = fn(&info, ctx);
    arena_deinit(&arena);
    return st;
}

bole_status deletions_list(struct catalog *catalog, bole_slice tenant, store_delete_fn *fn, void *ctx, struct bole_err *err)
{
    struct listing l = {.tenant = tenant, .err = err};
    bole_status st = catalog_items(catalog, DELETION_SPACE, collect, &l, err);
    for (size_t i = 0; st >= 0 && i < l.count; i++)
        st = show(catalog, l.found[i], fn, ctx, err);
    release(&l);
    return st;
}

bole_status segments_deletes(struct store *self, bole_slice tenant, store_delete_fn *fn, void *ctx, struct bole_err *err)
{
    return deletions_list(segments_of(self)->catalog, tenant, fn, ctx, err);
}

bole_status segments_load_deletes(struct segments_store *s, struct bole_err *err)
{
    struct listing l = {.err = err};
    bole_status st = catalog_items(s->catalog, DELETION_SPACE, collect, &l, err);
    for (size_t i = 0; st >= 0 && i < l.count; i++) {
        if (l.found[i]->info.state >= STORE_DELETE_DONE)
            continue;
        struct deletion_set *set = deletion_set_create(s->deletions, NULL, l.found[i]);
        if (set)
            install(s, set);
        else
            st = no_memory(err);
    }
    release(&l);
    return st;
}

/* ---- from waiting to running ---- */

bole_status segments_begin_deletes(struct segments_store *s, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    int64_t now = clock_now_ns(s->clock);
    pthread_mutex_lock(&s->deletes_lock);
    pthread_mutex_lock(&s->lock);
    uint64_t position = s->position_lsn;
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; st >= 0 && s->deletions && i < s->deletions->count; i++) {
        struct deletion *d = s->deletions->deletions[i];
        if (d->info.state != STORE_DELETE_WAITS || position < d->removal.max_lsn || now - d->info.created_ns < s->delete_delay_ns)
            continue;
        d->info.state = STORE_DELETE_RUNS;
        d->first_clean_id = catalog_next_segment_id(s->catalog);
        st = put(s, d, err);
        if (st < 0)
            d->info.state = STORE_DELETE_WAITS;
    }
    pthread_mutex_unlock(&s->deletes_lock);
    return st;
}

/* ---- in a merge ---- */

bole_status delete_work_begin(struct segments_store *s, int64_t now_ns, struct delete_work *w, struct bole_err *err)
{
    *w = (struct delete_work){.set = borrow_deletions(s), .now_ns = now_ns};
    buf_init(&w->bytes, NULL);
    size_t active = w->set ? w->set->count : 0;
    w->removals = calloc(active + 1, sizeof *w->removals);
    w->sums = calloc(active + 1, sizeof *w->sums);
    w->deletions = calloc(active + 1, sizeof *w->deletions);
    w->items = calloc(2 * active + 1, sizeof *w->items);
    if (!w->removals || !w->sums || !w->deletions || !w->items)
        return no_memory(err);
    for (size_t i = 0; i < active; i++)
        if (is_running(s, w->set->deletions[i])) {
            w->deletions[w->delete_count] = w->set->deletions[i];
            w->removals[w->delete_count++] = w->set->removals[i];
        }
    w->removal_count = w->delete_count;
    if (s->retention) /* last: what somebody asked to delete counts as deleted */
        w->removals[w->removal_count++] = (struct removal){.is_retention = true, .retention = s->retention, .now_ns = now_ns};
    return BOLE_OK;
}

void delete_work_release(struct delete_work *w)
{
    deletion_set_unref(w->set);
    free(w->removals);
    free(w->sums);
    free(w->deletions);
    free(w->items);
    free(w->ids);
    free(w->keys);
    buf_deinit(&w->bytes);
}

static struct digest digest_of_info(const struct catalog_segment *info)
{
    return (struct digest){load_u64(info->digest), load_u64(info->digest + 8)};
}

static void add_item(struct delete_work *w, bole_slice space, bole_slice key, size_t from)
{
    /* The buffer may still move: where the value begins, until all are there. */
    w->items[w->item_count++] = (struct catalog_item){space, key, {(const uint8_t *)from, w->bytes.len - from}};
}

static void add_items(struct delete_work *w, size_t i, struct store_delete_step step)
{
    struct deletion *d = w->deletions[i];
    step.rows = w->sums[i].rows;
    step.removed = w->sums[i].digest;
    for (size_t k = 0; k < w->removal_count; k++)
        if (k != i)
            step.others = digest_add(step.others, w->sums[k].digest);
    size_t at = w->bytes.len;
    deletion_step_encode(&step, &w->bytes);
    deletion_step_key(d->info.id, d->info.step_count, w->keys[i]);
    add_item(w, DELETION_STEP_SPACE, bole_slice_str(w->keys[i]), at);
    d->info.step_count++;
    d->info.rows += step.rows;
    d->info.digest = digest_add(d->info.digest, step.removed);
    at = w->bytes.len;
    deletion_encode(d, &w->bytes);
    add_item(w, DELETION_SPACE, bole_slice_str(d->info.id), at);
}

bole_status delete_work_describe(struct delete_work *w, struct segment *const *inputs, size_t input_count,
                                 const struct catalog_segment *results, size_t result_count, struct bole_err *err)
{
    struct store_delete_step step = {.time_ns = w->now_ns, .input_count = input_count, .result_count = result_count};
    w->ids = calloc(input_count + result_count + 1, sizeof *w->ids);
    w->keys = w->ids ? calloc(w->delete_count + 1, sizeof *w->keys) : NULL;
    if (!w->keys)
        return no_memory(err);
    for (size_t i = 0; i < input_count; i++) {
        w->ids[i] = inputs[i]->info.id;
        step.before = digest_add(step.before, digest_of_info(&inputs[i]->info));
    }
    for (size_t i = 0; i < result_count; i++) {
        w->ids[input_count + i] = results[i].id;
        step.after = digest_add(step.after, digest_of_info(&results[i]));
    }
    step.input_ids = w->ids;
    step.result_ids = w->ids + input_count;
    for (size_t i = 0; i < w->delete_count; i++)
        if (w->sums[i].rows)
            add_items(w, i, step);
    if (w->bytes.failed)
        return no_memory(err);
    for (size_t i = 0; i < w->item_count; i++)
        w->items[i].value.ptr = w->bytes.ptr + (size_t)w->items[i].value.ptr;
    return BOLE_OK;
}

void delete_work_undo(struct delete_work *w)
{
    for (size_t i = 0; w->item_count && i < w->delete_count; i++)
        if (w->sums[i].rows) {
            struct store_delete_info *info = &w->deletions[i]->info;
            info->step_count--;
            info->rows -= w->sums[i].rows;
            info->digest = digest_sub(info->digest, w->sums[i].digest);
        }
}

/* ---- what is left to do ---- */

static bool is_clean(const struct deletion *d, const struct segment *segment)
{
    const struct catalog_segment *info = &segment->info;
    if (info->id >= d->first_clean_id || !removal_may_touch(&d->removal, info->min_time_ns, info->max_time_ns, info->min_lsn) ||
        (info->tenant.len && !bole_slice_eq(info->tenant, d->removal.tenant)))
        return true;
    for (size_t i = 0; i < d->clean_count; i++)
        if (d->clean_ids[i] == info->id)
            return true;
    return false;
}

static bole_status remember_clean(struct deletion *d, uint64_t id, struct bole_err *err)
{
    uint64_t *grown = realloc(d->clean_ids, (d->clean_count + 1) * sizeof *grown);
    if (!grown)
        return no_memory(err);
    d->clean_ids = grown;
    grown[d->clean_count++] = id;
    return BOLE_OK;
}

static bole_status group_holds(struct group_reader *reader, struct segment *segment, struct segment_directory *directory,
                               uint32_t group, const struct removal *r, bool *ret_holds, struct bole_err *err)
{
    uint64_t *bits, any = 0;
    const struct segment_group *g = &directory->groups[group];
    enum removal_part part = removal_of_group(r, directory, g);
    *ret_holds = part == REMOVES_ALL;
    if (part != REMOVES_SOME)
        return BOLE_OK;
    bole_status st = group_reader_open(reader, segment, directory, group, err);
    if (st >= 0)
        st = group_reader_find(reader, r, &bits, err);
    for (uint32_t i = 0; st >= 0 && i < (g->row_count + 63) / 64; i++)
        any |= bits[i];
    group_reader_close(reader);
    *ret_holds = any != 0;
    return st;
}

/* Does an older segment hold a row that has to go? Looks into it. */
static bole_status segment_holds(struct segments_store *s, struct deletion *d, struct segment *segment, bool *ret_holds,
                                 struct bole_err *err)
{
    struct segment_reader reader;
    struct segment_directory *directory = NULL;
    struct group_reader *groups = group_reader_create(s->objects, s->budget);
    *ret_holds = false;
    if (!groups)
        return no_memory(err);
    segment_reader_init(&reader, s->objects, s->budget);
    bole_status st = segment_directory_get(segment, &reader, &directory, err);
    for (uint32_t g = 0; st >= 0 && !*ret_holds && g < directory->group_count; g++)
        st = group_holds(groups, segment, directory, g, &d->removal, ret_holds, err);
    if (st >= 0 && !*ret_holds)
        st = remember_clean(d, segment->info.id, err);
    segment_directory_unref(directory);
    segment_reader_deinit(&reader);
    group_reader_destroy(groups);
    return st;
}

/* The first segment that holds rows of the deletion. One that cannot be read is left out of merges, and counted. */
static bole_status find_dirty(struct segments_store *s, struct deletion *d, const struct segment_set *set,
                              struct segment **ret_segment, size_t *ret_unreadable, struct bole_err *err)
{
    *ret_segment = NULL;
    for (size_t i = 0; i < set->count; i++) {
        struct segment *segment = set->segments[i];
        bool holds;
        if (is_clean(d, segment))
            continue;
        if (atomic_load(&segment->is_stuck)) {
            ++*ret_unreadable;
            continue;
        }
        bole_status st = segment_holds(s, d, segment, &holds, err);
        if (segment_is_damage(st)) {
            LOG(ERROR, "a delete cannot finish: a segment cannot be read", " delete=%s segment=%s reason=%s", d->info.id,
                segment->key_text, LOGQS(err->msg));
            atomic_store(&segment->is_stuck, true);
            ++*ret_unreadable;
        } else if (st < 0) {
            return st;
        } else if (holds) {
            *ret_segment = segment;
            return BOLE_OK;
        }
    }
    return BOLE_OK;
}

static bole_status finish(struct segments_store *s, struct deletion *d, struct bole_err *err)
{
    pthread_mutex_lock(&s->deletes_lock);
    bole_status st = retire(s, d, STORE_DELETE_DONE, err);
    pthread_mutex_unlock(&s->deletes_lock);
    if (st >= 0)
        LOG(INFO, "a delete is done", " delete=%s rows=%llu", d->info.id, (unsigned long long)d->info.rows);
    return st;
}

bole_status segments_next_dirty(struct segments_store *s, const struct segment_set *set, struct segment **ret_segment,
                                struct bole_err *err)
{
    struct deletion_set *deletions = borrow_deletions(s);
    bole_status st = BOLE_OK;
    *ret_segment = NULL;
    for (size_t i = 0; st >= 0 && !*ret_segment && deletions && i < deletions->count; i++) {
        struct deletion *d = deletions->deletions[i];
        size_t unreadable = 0;
        if (!is_running(s, d))
            continue;
        st = find_dirty(s, d, set, ret_segment, &unreadable, err);
        if (st >= 0 && !*ret_segment && unreadable == 0)
            st = finish(s, d, err);
    }
    deletion_set_unref(deletions);
    return st;
}
