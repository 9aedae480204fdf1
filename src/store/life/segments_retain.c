/*
 * Retention in the life of a store, before merges and on their thread:
 *
 *   1. segments all of whose rows have been kept long enough, and the oldest ones while all of them take more room than they
 *      may, leave the catalogue in one transaction; their files go with their last readers
 *   2. a segment of which only some streams have been kept long enough is written anew without them: once per rule that
 *      names rows in it, since a stream is due when the newest row of the whole segment has been kept long enough for it
 *
 * When a segment is due follows from its labels, which do not change: its directory is looked at once.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "store/life/removal.h"
#include "store/segments.h"

static bole_status no_memory(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_NOMEM, "store: no memory for what is due");
}

static int64_t due_after(int64_t newest_ns, int64_t keep_ns)
{
    int64_t due;
    return __builtin_add_overflow(newest_ns, keep_ns, &due) ? INT64_MAX : due;
}

/* ---- when a segment is due ---- */

struct bounds { int64_t first, last; };

static void widen(struct bounds *b, int64_t keep_ns)
{
    b->first = keep_ns < b->first ? keep_ns : b->first;
    b->last = keep_ns > b->last ? keep_ns : b->last;
}

/* How long any row may be kept, at least and at most. */
static struct bounds bounds_of_rules(const struct store_retention *r)
{
    int64_t keep = r->keep_ns > 0 ? r->keep_ns : INT64_MAX;
    struct bounds b = {keep, keep};
    for (size_t i = 0; i < r->rule_count; i++)
        widen(&b, r->rules[i].keep_ns > 0 ? r->rules[i].keep_ns : INT64_MAX);
    return b;
}

static bole_status bounds_of_segment(struct segments_store *s, struct segment *segment, struct bounds *ret_bounds,
                                     struct bole_err *err)
{
    struct segment_reader reader;
    struct segment_directory *d;
    struct bounds b = {INT64_MAX, 0};
    segment_reader_init(&reader, s->objects, s->budget);
    bole_status st = segment_directory_get(segment, &reader, &d, err);
    segment_reader_deinit(&reader);
    if (st < 0)
        return st;
    for (uint32_t g = 0; g < d->group_count; g++)
        for (uint32_t i = 0; i < d->groups[g].stream_count; i++)
            widen(&b, retention_keep_ns(s->retention, d->groups[g].tenant, d->labels[d->groups[g].streams[i].id]));
    segment_directory_unref(d);
    *ret_bounds = b;
    return BOLE_OK;
}

/* Fills due_ns and gone_ns as far as that is needed to say what is due now. */
static bole_status look_at(struct segments_store *s, struct segment *segment, const struct bounds *rules, int64_t now_ns,
                           struct bole_err *err)
{
    int64_t newest = segment->info.keep_ns;
    struct bounds b = *rules;
    if (segment->is_looked_at || due_after(newest, rules->first) >= now_ns)
        return BOLE_OK;
    if (rules->first != rules->last) {
        bole_status st = bounds_of_segment(s, segment, &b, err);
        if (segment_is_damage(st)) /* nobody can say whose rows they are: they stay as long as any */
            b = (struct bounds){rules->last, rules->last};
        else if (st < 0)
            return st;
    }
    segment->due_ns = due_after(newest, b.first);
    segment->gone_ns = due_after(newest, b.last);
    segment->is_looked_at = true;
    return BOLE_OK;
}

/* ---- what is dropped as it is ---- */

static int by_age(const void *a, const void *b)
{
    const struct catalog_segment *x = &(*(struct segment *const *)a)->info, *y = &(*(struct segment *const *)b)->info;
    if (x->keep_ns != y->keep_ns)
        return x->keep_ns < y->keep_ns ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static bool is_gone(const struct segment *segment, int64_t now_ns)
{
    return segment->is_looked_at && segment->gone_ns < now_ns;
}

/* The order of `all` changes: what is dropped comes first. Returns how many those are. */
static size_t choose(const struct store_retention *r, struct segment **all, size_t count, int64_t now_ns)
{
    uint64_t left = 0;
    size_t chosen = 0;
    qsort(all, count, sizeof *all, by_age);
    for (size_t i = 0; i < count; i++)
        if (!is_gone(all[i], now_ns))
            left += all[i]->info.size_bytes;
    for (size_t i = 0; i < count; i++) {
        bool gone = is_gone(all[i], now_ns);
        if (!gone && (r->max_bytes == 0 || left <= r->max_bytes))
            continue;
        left -= gone ? 0 : all[i]->info.size_bytes;
        struct segment *one = all[i];
        all[i] = all[chosen];
        all[chosen++] = one;
    }
    return chosen;
}

static bole_status drop(struct segments_store *s, struct segment **segments, size_t count, struct bole_err *err)
{
    struct store_retention_stats sum = {.segments = count};
    for (size_t i = 0; i < count; i++) {
        sum.rows += segments[i]->info.row_count;
        sum.bytes += segments[i]->info.size_bytes;
    }
    bole_status st = segments_change(s, &(struct segments_change){.remove = segments, .remove_count = count}, err);
    if (st < 0)
        return st;
    segments_count_retention(s, &sum);
    LOG(INFO, "segments have been kept long enough", " count=%zu rows=%llu bytes=%llu", count, (unsigned long long)sum.rows,
        (unsigned long long)sum.bytes);
    return BOLE_OK;
}

bole_status segments_retain(struct segments_store *s, struct bole_err *err)
{
    if (!s->retention)
        return BOLE_OK;
    int64_t now = clock_now_ns(s->clock);
    struct bounds rules = bounds_of_rules(s->retention);
    struct segment_set *set = segments_borrow_set(s);
    struct segment **all = malloc((set->count + 1) * sizeof *all);
    bole_status st = all ? BOLE_OK : no_memory(err);
    for (size_t i = 0; st >= 0 && i < set->count; i++)
        st = look_at(s, all[i] = set->segments[i], &rules, now, err);
    size_t chosen = st >= 0 ? choose(s->retention, all, set->count, now) : 0;
    if (chosen)
        st = drop(s, all, chosen, err);
    free(all);
    segment_set_unref(set);
    return st;
}

struct segment *segments_half_due(struct segments_store *s, const struct segment_set *set)
{
    int64_t now = clock_now_ns(s->clock);
    for (size_t i = 0; s->retention && i < set->count; i++) {
        struct segment *segment = set->segments[i];
        if (segment->is_looked_at && segment->due_ns < now && !is_gone(segment, now) && !atomic_load(&segment->is_stuck))
            return segment;
    }
    return NULL;
}
