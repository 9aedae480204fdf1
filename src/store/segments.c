/*
 * How a cut keeps rows from being lost or seen twice:
 *
 *   1. under the lock, the head's list is closed behind its last entry; inserts go on in a new block
 *   2. without the lock, the closed part becomes a segment file, put durably (data, then directory)
 *   3. one transaction of the catalogue adds the segment and moves the position to the last LSN of the closed part
 *   4. under the lock, in one step, the segment enters the set and the closed part leaves the head
 *
 * A crash before 3 leaves a file that the catalogue does not know: it is removed at the next start, and the queue gives
 * the rows again. A crash after 3 starts from the new position. A view taken before 4 sees the rows in the head, one taken
 * after it in the segment. A failure in 2 or 3 leaves everything as it was; the next cut tries again with a new file.
 *
 * Rows that Loki's rule makes one record (collapse.h) are found before their group becomes visible: a row is dead on arrival
 * or never. Looking takes longer than inserting, so it has a lock that no reader waits for.
 */
#include "store/life/segments_delete.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/cut.h"

/* ---- sets and views ---- */

struct segment_set *segment_set_create(size_t count)
{
    struct segment_set *set = calloc(1, sizeof *set + count * sizeof *set->segments);
    if (!set)
        return NULL;
    atomic_init(&set->refs, 1);
    set->count = count;
    return set;
}

struct segment_set *segment_set_ref(struct segment_set *set)
{
    atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
    return set;
}

void segment_set_unref(struct segment_set *set)
{
    if (!set || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < set->count; i++)
        segment_unref(set->segments[i]);
    free(set);
}

struct segment_set *segments_borrow_set(struct segments_store *s)
{
    pthread_mutex_lock(&s->lock);
    struct segment_set *set = segment_set_ref(s->set);
    pthread_mutex_unlock(&s->lock);
    return set;
}

static struct view *segments_view(struct store *self)
{
    struct segments_store *s = segments_of(self);
    struct view *view = malloc(sizeof *view);
    if (!view)
        return NULL;
    pthread_mutex_lock(&s->lock);
    view->set = segment_set_ref(s->set);
    view->deletions = s->deletions ? deletion_set_ref(s->deletions) : NULL;
    view->head = head_snapshot(&s->head);
    pthread_mutex_unlock(&s->lock);
    return view;
}

static void segments_view_release(struct store *self, struct view *view)
{
    segment_set_unref(view->set);
    deletion_set_unref(view->deletions);
    head_snapshot_release(&view->head);
    free(view);
}

/* ---- rows come in ---- */

static uint64_t segments_position(struct store *self)
{
    struct segments_store *s = segments_of(self);
    pthread_mutex_lock(&s->lock);
    uint64_t lsn = s->position_lsn;
    pthread_mutex_unlock(&s->lock);
    return lsn;
}

/* Rows of the group are numbered across its batches; dead ones keep their number. */
static void make_entries(struct segments_store *s, uint64_t lsn, struct batch *const *batches, size_t batch_count,
                         struct head_entry *ret_entries)
{
    uint32_t first_row = 0;
    for (size_t i = 0; i < batch_count; i++) {
        uint64_t *dead = collapse_batch(&s->collapse, lsn, batches[i]);
        ret_entries[i] = (struct head_entry){batches[i], lsn, first_row, dead};
        assert(batches[i]->row_count <= SEQ_ROWS_MAX - first_row);
        first_row += batches[i]->row_count;
    }
}

static bole_status segments_insert(struct store *self, uint64_t lsn, struct batch *const *batches, size_t batch_count,
                                   struct bole_err *err)
{
    struct segments_store *s = segments_of(self);
    uint64_t now = clock_mono_ns(s->clock);
    struct head_entry *entries = malloc((batch_count + 1) * sizeof *entries);
    if (!entries)
        return bole_fail(err, BOLE_E_NOMEM, "store: no memory for group %llu", (unsigned long long)lsn);
    pthread_mutex_lock(&s->insert_lock);
    pthread_mutex_lock(&s->lock);
    bole_status st = head_reserve(&s->head, batch_count, err);
    if (st >= 0)
        st = producers_reserve(&s->producers, batch_count, err);
    pthread_mutex_unlock(&s->lock);
    if (st >= 0) { /* what is remembered is inserted: nothing fails from here on */
        make_entries(s, lsn, batches, batch_count, entries);
        pthread_mutex_lock(&s->lock);
        head_insert(&s->head, entries, batch_count, now);
        for (size_t i = 0; i < batch_count; i++)
            producers_note(&s->producers, batches[i]);
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_unlock(&s->insert_lock);
    free(entries);
    return st;
}

static bole_status segments_producer(struct store *self, const uint8_t id[BATCH_PRODUCER_SIZE], uint64_t *ret_sequence,
                                     struct bole_err *err)
{
    struct segments_store *s = segments_of(self);
    pthread_mutex_lock(&s->lock);
    bole_status st = producers_find(&s->producers, id, ret_sequence, err);
    pthread_mutex_unlock(&s->lock);
    return st;
}

static bool segments_wants_cut(struct store *self)
{
    struct segments_store *s = segments_of(self);
    uint64_t now = clock_mono_ns(s->clock);
    pthread_mutex_lock(&s->lock);
    const struct head *h = &s->head;
    bool wants = h->entry_count > 0 && (h->size_bytes >= s->head_max_bytes || h->row_count >= HEAD_ROWS_MAX ||
                                        now - h->oldest_mono_ns >= s->cut_interval_ns);
    pthread_mutex_unlock(&s->lock);
    return wants;
}

/* ---- the cut ---- */

/* Step 2: *ret_info describes the durable file of *ret_file, which it borrows names from. */
static bole_status put_segment(struct segments_store *s, const struct head_snapshot *closed, struct segment_file **ret_file,
                               struct catalog_segment *ret_info, char ret_key[SEGMENT_KEY_SIZE], struct bole_err *err)
{
    struct segment_totals totals;
    uint64_t size, id = catalog_next_segment_id(s->catalog);
    segment_key_of(id, ret_key);
    bole_slice key = bole_slice_str(ret_key);
    struct segment_file *file;
    bole_status st = segment_file_create(s->objects, key, s->id, 0, clock_now_ns(s->clock), NULL, &file, err);
    if (st < 0)
        return st;
    file->text_memory = s->text_memory;
    st = cut_write(closed, file, err);
    if (st >= 0)
        st = segment_file_finish(file, &totals, &size, err);
    if (st < 0) {
        segment_file_destroy(file);
        return st;
    }
    *ret_info = segment_describe(id, key, size, &totals);
    *ret_file = file;
    return BOLE_OK;
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = (*(struct segment *const *)a)->info.id, y = (*(struct segment *const *)b)->info.id;
    return (x > y) - (x < y);
}

static bool is_removed(const struct segments_change *change, const struct segment *segment)
{
    for (size_t i = 0; i < change->remove_count; i++)
        if (change->remove[i] == segment)
            return true;
    return false;
}

/* Everything that step 4 needs is made before step 3, so that it cannot fail. Under change_lock: s->set stays what it is. */
static struct segment_set *changed_set(struct segments_store *s, const struct segments_change *change)
{
    struct segment_set *set = segment_set_create(s->set->count - change->remove_count + change->add_count);
    if (!set)
        return NULL;
    set->count = 0; /* what is filled */
    for (size_t i = 0; i < s->set->count; i++)
        if (!is_removed(change, s->set->segments[i]))
            set->segments[set->count++] = segment_ref(s->set->segments[i]);
    for (size_t i = 0; i < change->add_count; i++) {
        struct segment *segment = segment_create(&s->cache, &change->add[i]);
        if (!segment) {
            segment_set_unref(set);
            return NULL;
        }
        set->segments[set->count++] = segment;
    }
    qsort(set->segments, set->count, sizeof *set->segments, by_id);
    return set;
}

static bole_status commit(struct segments_store *s, const struct segments_change *change, struct bole_err *err)
{
    uint64_t *ids = malloc((change->remove_count + 1) * sizeof *ids);
    if (!ids)
        return bole_fail(err, BOLE_E_NOMEM, "store: no memory to change the catalogue");
    for (size_t i = 0; i < change->remove_count; i++)
        ids[i] = change->remove[i]->info.id;
    struct catalog_change c = {.add = change->add, .add_count = change->add_count, .remove_ids = ids,
                               .remove_count = change->remove_count, .put = change->put,
                               .put_count = change->put_count, .position_lsn = change->cut ? change->cut->last_lsn : 0};
    bole_status st = catalog_commit(s->catalog, &c, err);
    free(ids);
    return st;
}

/* Step 4. Returns the set before. */
static struct segment_set *install(struct segments_store *s, struct segment_set *set, const struct head_snapshot *cut)
{
    uint64_t now = clock_mono_ns(s->clock);
    if (cut) {
        pthread_mutex_lock(&s->insert_lock);
        collapse_forget(&s->collapse, cut->last_lsn);
    }
    pthread_mutex_lock(&s->lock);
    struct segment_set *old = s->set;
    s->set = set;
    if (cut) {
        head_drop(&s->head, cut, now);
        s->position_lsn = cut->last_lsn;
        s->cuts_total++;
    }
    pthread_mutex_unlock(&s->lock);
    if (cut)
        pthread_mutex_unlock(&s->insert_lock);
    return old;
}

bole_status segments_change(struct segments_store *s, const struct segments_change *change, struct bole_err *err)
{
    struct segment_set *old = NULL;
    pthread_mutex_lock(&s->change_lock);
    struct segment_set *set = changed_set(s, change);
    bole_status st = set ? commit(s, change, err) : bole_fail(err, BOLE_E_NOMEM, "store: no memory for one more segment");
    if (st >= 0) {
        for (size_t i = 0; i < change->remove_count; i++)
            atomic_store(&change->remove[i]->is_doomed, true);
        old = install(s, set, change->cut);
    }
    pthread_mutex_unlock(&s->change_lock);
    segment_set_unref(st < 0 ? set : old);
    return st;
}

/* Step 3 and 4, with the marks of the producers: some may be of groups behind the cut already, whose rows the queue still
 * has. */
static bole_status change_with_marks(struct segments_store *s, struct segments_change *change, struct bole_err *err)
{
    struct arena arena;
    struct catalog_item *items;
    arena_init(&arena, NULL);
    pthread_mutex_lock(&s->lock);
    bole_status st = producers_save(&s->producers, clock_now_ns(s->clock), &arena, &items, &change->put_count, err);
    pthread_mutex_unlock(&s->lock);
    if (st >= 0) {
        change->put = items;
        st = segments_change(s, change, err);
    }
    if (st >= 0) {
        pthread_mutex_lock(&s->lock);
        producers_saved(&s->producers, items, change->put_count);
        pthread_mutex_unlock(&s->lock);
    }
    arena_deinit(&arena);
    return st;
}

static bole_status cut_closed(struct segments_store *s, const struct head_snapshot *closed, struct bole_err *err)
{
    struct catalog_segment info;
    struct segment_file *file;
    char key[SEGMENT_KEY_SIZE];
    if (closed->row_count == 0) /* every row is dead: there is nothing to keep but the position */
        return change_with_marks(s, &(struct segments_change){.cut = closed}, err);
    bole_status st = put_segment(s, closed, &file, &info, key, err);
    if (st < 0)
        return st;
    st = change_with_marks(s, &(struct segments_change){.add = &info, .add_count = 1, .cut = closed}, err);
    segment_file_destroy(file);
    if (st < 0 && st != BOLE_E_IO)
        objects_remove(s->objects, info.key, NULL);
    return st;
}

static bole_status segments_cut(struct store *self, uint64_t *ret_lsn, struct bole_err *err)
{
    struct segments_store *s = segments_of(self);
    pthread_mutex_lock(&s->insert_lock);
    pthread_mutex_lock(&s->lock);
    struct head_snapshot closed = head_close(&s->head);
    uint64_t position = s->position_lsn;
    s->is_cutting = true;
    pthread_mutex_unlock(&s->lock);
    if (closed.entry_count)
        collapse_turn(&s->collapse);
    pthread_mutex_unlock(&s->insert_lock);
    bole_status st = BOLE_OK;
    if (closed.entry_count)
        st = cut_closed(s, &closed, err);
    if (st < 0)
        bole_err_context(err, "cutting the head");
    else
        *ret_lsn = closed.entry_count ? closed.last_lsn : position;
    head_snapshot_release(&closed);
    pthread_mutex_lock(&s->lock);
    s->is_cutting = false;
    pthread_cond_broadcast(&s->cut_done);
    pthread_mutex_unlock(&s->lock);
    segments_wake_merger(s);
    return st;
}

/* ---- notes ---- */

static bole_status segments_put_notes(struct store *self, const struct catalog_item *items, size_t count, struct bole_err *err)
{
    return catalog_commit(segments_of(self)->catalog, &(struct catalog_change){.put = items, .put_count = count}, err);
}

static bole_status segments_notes(struct store *self, bole_slice space,
                                  bole_status (*fn)(bole_slice key, bole_slice value, void *ctx), void *ctx, struct bole_err *err)
{
    return catalog_items(segments_of(self)->catalog, space, fn, ctx, err);
}

/* ---- statistics ---- */

static void segments_stats(struct store *self, struct store_stats *ret_stats)
{
    struct segments_store *s = segments_of(self);
    pthread_mutex_lock(&s->lock);
    *ret_stats = (struct store_stats){
        .position_lsn = s->position_lsn,
        .known_lsn = s->head.last_lsn,
        .head_rows = s->head.row_count,
        .head_bytes = s->head.size_bytes,
        .segment_count = s->set->count,
        .cuts_total = s->cuts_total,
        .bad_chunks = atomic_load_explicit(&s->cache.bad_chunks, memory_order_relaxed),
        .merges = segments_merge_stats(s),
        .retention = segments_retention_stats(s),
    };
    for (size_t i = 0; s->deletions && i < s->deletions->count; i++)
        if (s->deletions->removals[i].max_lsn > ret_stats->known_lsn)
            ret_stats->known_lsn = s->deletions->removals[i].max_lsn;
    struct segment_set *set = segment_set_ref(s->set);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < set->count; i++) {
        ret_stats->segment_rows += set->segments[i]->info.row_count;
        ret_stats->segment_bytes += set->segments[i]->info.size_bytes;
        ret_stats->raw_bytes += set->segments[i]->info.raw_bytes;
    }
    segment_set_unref(set);
}

const struct store_ops store_segments_ops = {
    .scheme = "segments",
    .open = segments_open,
    .position = segments_position,
    .insert = segments_insert,
    .producer = segments_producer,
    .wants_cut = segments_wants_cut,
    .cut = segments_cut,
    .merge = segments_merge,
    .delete_rows = segments_delete,
    .deletes = segments_deletes,
    .delete_cancel = segments_delete_cancel,
    .view = segments_view,
    .view_release = segments_view_release,
    .scan_open = segments_scan_open,
    .scan_next = segments_scan_next,
    .scan_stream = segments_scan_stream,
    .scan_stream_count = segments_scan_stream_count,
    .scan_set_bound = segments_scan_set_bound,
    .scan_stats = segments_scan_stats,
    .scan_close = segments_scan_close,
    .aggregate = segments_aggregate,
    .streams = segments_streams,
    .volume = segments_volume,
    .backup = segments_backup,
    .put_notes = segments_put_notes,
    .notes = segments_notes,
    .stats = segments_stats,
    .destroy = segments_destroy,
};
