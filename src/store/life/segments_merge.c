/*
 * Merges in the life of a store, one at a time:
 *
 *   1. a plan names segments of the set as it is (merge_plan.h); what they become is written, durably (merge.h)
 *   2. one transaction of the catalogue takes them out and puts the results in
 *   3. under the lock, in one step, the set is replaced
 *   4. each old file goes with the last view that holds its segment
 *
 * A crash before 2 leaves files that the catalogue does not know, a crash before 4 such that it knows no more; the next
 * start removes both. Cuts go on meanwhile: a merge only touches segments that were there when it began.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "os/thread.h"
#include "store/life/merge.h"
#include "store/life/segments_delete.h"

#define MERGE_MEMORY_MAX    (64u * 1024 * 1024)  /* of the store's budget, at most */
#define MERGE_DISK_RESERVE  (512ull << 20)       /* free space that a merge leaves: ingest stops below its own reserve
    */
#define MERGE_PAUSE_NS      (60ull * NS_PER_S)   /* between looking for what is due, and after a failure */
#define MERGE_CUT_WAIT_NS   (1ull * NS_PER_S)    /* longer than this no cut holds a merge up before its next step */

struct merger {
    struct budget   budget;
    pthread_mutex_t merge_lock;   /* held by whoever merges */
    pthread_mutex_t lock;
    pthread_cond_t  wake;
    bool            is_due;       /* guarded by lock: look again */
    atomic_bool     stopping;
    pthread_t       thread;
    bool            has_thread;
    struct store_merge_stats stats; /* guarded by lock */
    struct store_retention_stats retention; /* guarded by lock */
};

/* ---- giving way ---- */

/* Between two row groups: rows on their way in come first. */
static bole_status give_way(void *ctx, struct bole_err *err)
{
    struct segments_store *s = ctx;
    struct timespec until = thread_deadline(MERGE_CUT_WAIT_NS);
    pthread_mutex_lock(&s->lock);
    while (s->is_cutting && !atomic_load(&s->merger->stopping) && pthread_cond_timedwait(&s->cut_done, &s->lock,
                                                                                         &until) == 0)
        ;
    pthread_mutex_unlock(&s->lock);
    return atomic_load(&s->merger->stopping) ? bole_fail(err, BOLE_E_CANCELLED, "the store is closing") : BOLE_OK;
}

/* ---- one merge ---- */

static bole_status check_space(struct segments_store *s, struct segment *const *inputs, size_t count,
                               struct bole_err *err)
{
    uint64_t needed = MERGE_DISK_RESERVE, free_bytes;
    for (size_t i = 0; i < count; i++)
        needed += 3 * inputs[i]->info.size_bytes; /* what comes out, and rows that wait in a file: regroup.h */
    bole_status st = fs_free_space(s->fs, s->dir, &free_bytes, err);
    if (st < 0 || free_bytes >= needed)
        return st;
    return bole_fail(err, BOLE_E_FULL, "a merge needs %llu MB of free space, there are %llu",
                     (unsigned long long)(needed >> 20),
                     (unsigned long long)(free_bytes >> 20));
}

static void count_merge(struct segments_store *s, const struct store_merge_stats *one, struct store_merge_stats *sum)
{
    struct store_merge_stats *sums[] = {sum, &s->merger->stats};
    pthread_mutex_lock(&s->merger->lock);
    for (size_t i = 0; i < 2; i++) {
        sums[i]->merges += one->merges;
        sums[i]->segments_in += one->segments_in;
        sums[i]->segments_out += one->segments_out;
        sums[i]->bytes_read += one->bytes_read;
        sums[i]->bytes_written += one->bytes_written;
        sums[i]->groups_copied += one->groups_copied;
        sums[i]->groups_encoded += one->groups_encoded;
        sums[i]->failures += one->failures;
    }
    pthread_mutex_unlock(&s->merger->lock);
}

/* What cannot be read stays where it is, and is not tried again until the next start. */
static void set_aside(struct segment *const *inputs, size_t count, struct segment *culprit, const struct bole_err *why)
{
    for (size_t i = 0; i < count; i++)
        if (!culprit || inputs[i] == culprit)
            atomic_store(&inputs[i]->is_stuck, true);
    LOG(ERROR, "a damaged segment is left out of merges: see bole check", " segment=%s reason=%s",
        culprit ? culprit->key_text : "several", LOGQS(why->msg));
}

/* What was joined is not looked at again: nothing is written twice for it, whatever stays small. */
static void set_joined(struct segments_store *s, const struct catalog_segment *results, size_t count)
{
    struct segment_set *set = segments_borrow_set(s);
    for (size_t i = 0; i < set->count; i++)
        for (size_t k = 0; k < count; k++)
            if (set->segments[i]->info.id == results[k].id)
                set->segments[i]->is_joined = true;
    segment_set_unref(set);
}

static bole_status run_merge(struct segments_store *s, struct segment *const *inputs, size_t count, enum merge_how how,
                             struct delete_work *work, struct store_merge_stats *stats, struct bole_err *err)
{
    char spill_path[PATH_MAX];
    /* What a crash leaves under a name that ends in ~ is removed when the objects are opened. */
    snprintf(spill_path, sizeof spill_path, "%s/segments/merge~", s->dir);
    struct merge_options options = {.objects = s->objects, .catalog = s->catalog, .budget = &s->merger->budget,
                                    .text_memory = s->text_memory, .fs = s->fs, .spill_path = spill_path,
                                    .removals = work->removals, .sums = work->sums, .removal_count = work->removal_count,
                                    .how = how, .now_ns = work->now_ns, .yield = give_way, .yield_ctx = s};
    struct merge *m;
    struct segment *culprit;
    memcpy(options.store_id, s->id, sizeof options.store_id);
    bole_status st = check_space(s, inputs, count, err);
    if (st < 0)
        return st;
    st = merge_run(inputs, count, &options, &m, &culprit, err);
    if (st < 0) {
        if (culprit || st == BOLE_E_CORRUPT)
            set_aside(inputs, count, culprit, err);
        return culprit || st == BOLE_E_CORRUPT ? BOLE_AGAIN : st;
    }
    struct segments_change change = {.remove = inputs, .remove_count = count};
    change.add = merge_results(m, &change.add_count);
    struct merge_stats ms = merge_statistics(m);
    st = delete_work_describe(work, inputs, count, change.add, change.add_count, err);
    change.put = work->items;
    change.put_count = work->item_count;
    if (st >= 0)
        st = segments_change(s, &change, err);
    if (st >= 0 && how == MERGE_JOINS)
        set_joined(s, change.add, change.add_count);
    if (st < 0)
        delete_work_undo(work);
    else if (work->removal_count > work->delete_count)
        segments_count_retention(s, &(struct store_retention_stats){.rows = work->sums[work->delete_count].rows});
    if (st >= 0)
        count_merge(s, &(struct store_merge_stats){1, count, change.add_count, ms.bytes_read, ms.bytes_written,
                                                   ms.groups_copied,
                                                   ms.groups_encoded, 0}, stats);
    else if (st != BOLE_E_IO)
        merge_undo(m);
    merge_destroy(m);
    return st;
}

static bole_status merge_segments(struct segments_store *s, struct segment *const *inputs, size_t count, enum merge_how how,
                                  struct store_merge_stats *stats, struct bole_err *err)
{
    struct delete_work work;
    bole_status st = delete_work_begin(s, clock_now_ns(s->clock), &work, err);
    if (st >= 0)
        st = run_merge(s, inputs, count, how, &work, stats, err);
    delete_work_release(&work);
    return st;
}

/* BOLE_END: nothing is due. */
static bole_status merge_next(struct segments_store *s, bool everything, struct store_merge_stats *stats,
                              struct bole_err *err)
{
    struct segment *inputs[MERGE_INPUTS_MAX];
    struct segment_set *set = segments_borrow_set(s);
    size_t count = merge_plan(set, clock_now_ns(s->clock), everything, inputs);
    if (count == 0 && (inputs[0] = segments_half_due(s, set)))
        count = 1;
    bole_status st = BOLE_OK;
    if (count == 0 && (st = segments_next_dirty(s, set, &inputs[0], err)) >= 0)
        count = inputs[0] != NULL;
    if (st >= 0)
        st = count ? merge_segments(s, inputs, count, MERGE_PLAIN, stats, err) : BOLE_END;
    segment_set_unref(set);
    return st;
}

/* *ret_much: there is enough in the segment to join. What cannot be read is left alone. */
static bole_status looks_worth_joining(struct segments_store *s, struct segment *segment, bool *ret_much, struct bole_err *err)
{
    struct segment_reader reader;
    struct segment_directory *d = NULL;
    segment_reader_init(&reader, s->objects, &s->merger->budget);
    bole_status st = segment_directory_get(segment, &reader, &d, err);
    segment_reader_deinit(&reader);
    *ret_much = st >= 0 && merge_joins_much(d);
    segment->is_joined = !*ret_much && (st >= 0 || segment_is_damage(st));
    segment_directory_unref(d);
    return segment_is_damage(st) ? BOLE_OK : st;
}

/* BOLE_END: nothing more can be joined. */
static bole_status join_next(struct segments_store *s, int64_t now_ns, struct store_merge_stats *stats, struct bole_err *err)
{
    struct segment *inputs[MERGE_INPUTS_MAX];
    struct segment_set *set = segments_borrow_set(s);
    bole_status st = BOLE_OK;
    size_t count;
    bool much = false;
    while ((count = merge_plan_joins(set, now_ns, inputs)) == 1 && !much && st >= 0)
        st = looks_worth_joining(s, inputs[0], &much, err);
    if (st >= 0)
        st = count ? merge_segments(s, inputs, count, MERGE_JOINS, stats, err) : BOLE_END;
    segment_set_unref(set);
    return st;
}

bole_status segments_merge(struct store *self, enum store_merge_what what, struct store_merge_stats *ret_stats,
                           struct bole_err *err)
{
    struct segments_store *s = segments_of(self);
    bole_status st = BOLE_OK;
    *ret_stats = (struct store_merge_stats){0};
    pthread_mutex_lock(&s->merger->merge_lock);
    st = segments_retain(s, err);
    if (st >= 0)
        st = segments_begin_deletes(s, err);
    while (st >= 0 && st != BOLE_END)
        st = merge_next(s, what == STORE_MERGE_EVERYTHING, ret_stats, err);
    if (st == BOLE_END && what == STORE_MERGE_IDLE)
        do
            st = join_next(s, INT64_MAX, ret_stats, err);
        while (st >= 0 && st != BOLE_END);
    pthread_mutex_unlock(&s->merger->merge_lock);
    if (st < 0) {
        bole_err_context(err, "merging segments");
        if (st != BOLE_E_CANCELLED)
            count_merge(s, &(struct store_merge_stats){.failures = 1}, ret_stats);
        return st;
    }
    return BOLE_OK;
}

static bole_status pack_next(struct segments_store *s, int64_t now_ns, struct store_merge_stats *stats, struct bole_err *err)
{
    struct segment_set *set = segments_borrow_set(s);
    struct segment *old = merge_plan_pack(set, now_ns);
    bole_status st = old ? merge_segments(s, &old, 1, MERGE_PACKS, stats, err) : BOLE_END;
    segment_set_unref(set);
    return st;
}

bole_status segments_use_idle_time(struct segments_store *s, bool *ret_done, struct bole_err *err)
{
    struct store_merge_stats stats = {0};
    int64_t now_ns = clock_now_ns(s->clock);
    pthread_mutex_lock(&s->merger->merge_lock);
    bole_status st = join_next(s, now_ns, &stats, err);
    if (st == BOLE_END)
        st = pack_next(s, now_ns, &stats, err);
    pthread_mutex_unlock(&s->merger->merge_lock);
    *ret_done = stats.merges > 0;
    return st < 0 ? st : BOLE_OK;
}

/* ---- the thread ---- */

/* Sleeps until somebody wakes it or the pause is over; at least the pause after a failure. */
static void wait_for_work(struct merger *m, bool failed)
{
    struct timespec until = thread_deadline(MERGE_PAUSE_NS);
    pthread_mutex_lock(&m->lock);
    while (!atomic_load(&m->stopping) && (failed || !m->is_due) && pthread_cond_timedwait(&m->wake, &m->lock,
                                                                                          &until) == 0)
        ;
    m->is_due = false;
    pthread_mutex_unlock(&m->lock);
}

static void *merger_main(void *arg)
{
    struct segments_store *s = arg;
    bool failed = false;
    thread_step_back();
    for (wait_for_work(s->merger, failed); !atomic_load(&s->merger->stopping); wait_for_work(s->merger, failed)) {
        struct store_merge_stats stats;
        struct bole_err err;
        bole_status st = segments_merge(&s->base, STORE_MERGE_DUE, &stats, &err);
        bool done;
        if (st >= 0 && thread_machine_is_idle())
            st = segments_use_idle_time(s, &done, &err);
        failed = st < 0;
        if (failed && st != BOLE_E_CANCELLED)
            LOG(WARN, "a merge has to wait", " reason=%s", LOGQS(err.msg));
        else if (stats.merges)
            LOG(DEBUG, "segments merged", " in=%llu out=%llu", (unsigned long long)stats.segments_in,
                (unsigned long long)stats.segments_out);
    }
    return NULL;
}

bole_status segments_start_merger(struct segments_store *s, bool with_thread, struct bole_err *err)
{
    struct merger *m = calloc(1, sizeof *m);
    if (!m)
        return bole_fail(err, BOLE_E_NOMEM, "store: no memory");
    s->merger = m;
    budget_init(&m->budget, s->budget, MERGE_MEMORY_MAX);
    pthread_mutex_init(&m->merge_lock, NULL);
    pthread_mutex_init(&m->lock, NULL);
    thread_cond_init(&m->wake);
    m->is_due = true;
    bole_status st = with_thread ? thread_start("bole-merge", merger_main, s, &m->thread, err) : BOLE_OK;
    m->has_thread = with_thread && st >= 0;
    return st;
}

void segments_stop_merger(struct segments_store *s)
{
    struct merger *m = s->merger;
    if (!m)
        return;
    pthread_mutex_lock(&s->lock); /* a merge that waits for a cut looks at it under this lock */
    atomic_store(&m->stopping, true);
    pthread_cond_broadcast(&s->cut_done);
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_lock(&m->lock);
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->lock);
    if (m->has_thread)
        pthread_join(m->thread, NULL);
    pthread_mutex_destroy(&m->merge_lock);
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->wake);
    free(m);
    s->merger = NULL;
}

void segments_wake_merger(struct segments_store *s)
{
    pthread_mutex_lock(&s->merger->lock);
    s->merger->is_due = true;
    pthread_cond_signal(&s->merger->wake);
    pthread_mutex_unlock(&s->merger->lock);
}

void segments_count_retention(struct segments_store *s, const struct store_retention_stats *more)
{
    struct store_retention_stats *sum = &s->merger->retention;
    pthread_mutex_lock(&s->merger->lock);
    sum->segments += more->segments;
    sum->bytes += more->bytes;
    sum->rows += more->rows;
    pthread_mutex_unlock(&s->merger->lock);
}

struct store_retention_stats segments_retention_stats(struct segments_store *s)
{
    pthread_mutex_lock(&s->merger->lock);
    struct store_retention_stats stats = s->merger->retention;
    pthread_mutex_unlock(&s->merger->lock);
    return stats;
}

struct store_merge_stats segments_merge_stats(struct segments_store *s)
{
    pthread_mutex_lock(&s->merger->lock);
    struct store_merge_stats stats = s->merger->stats;
    pthread_mutex_unlock(&s->merger->lock);
    return stats;
}
