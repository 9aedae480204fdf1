/*
 * A scan visits parts from the asked end of the time range: a heap holds head batches, segments (known by their time range
 * only) and row groups. A segment that comes to the top is replaced by its row groups that may hold something, so that a
 * query for the newest rows never opens the directories of older segments.
 */
#include <stdlib.h>

#include "base/err.h"
#include "store/scan/group_removal.h"
#include "store/scan/head_scan.h"
#include "store/segment/segment_tokens.h"
#include "store/segments.h"

enum part_kind { PART_HEAD, PART_SEGMENT, PART_GROUP };

struct part {
    int64_t order; /* the part with the greatest comes first */
    enum part_kind kind;
    uint32_t group;
    const struct head_entry *entry;
    struct segment *segment;
    struct segment_directory *directory; /* of a group: counted */
};

struct segments_scan {
    struct scan base;
    struct segments_store *store;
    struct scan_context ctx;
    struct head_scan head;
    struct group_scan group;
    const struct group_counter *counter; /* NULL: everything comes as vectors */
    struct part *parts; /* heap */
    size_t part_count, part_capacity;
};

static struct segments_scan *scan_of(const struct scan *scan)
{
    return (struct segments_scan *)scan;
}

/* ---- the heap ---- */

static bool push_part(struct segments_scan *s, struct part part)
{
    if (s->part_count == s->part_capacity) {
        size_t capacity = s->part_capacity ? s->part_capacity * 2 : 64;
        struct part *parts =
            arena_grow(&s->ctx.arena, s->parts, s->part_capacity * sizeof *parts, capacity * sizeof *parts);
        if (!parts)
            return false;
        s->parts = parts;
        s->part_capacity = capacity;
    }
    size_t at = s->part_count++;
    for (; at && s->parts[(at - 1) / 2].order < part.order; at = (at - 1) / 2)
        s->parts[at] = s->parts[(at - 1) / 2];
    s->parts[at] = part;
    return true;
}

static struct part pop_part(struct segments_scan *s)
{
    struct part top = s->parts[0], last = s->parts[--s->part_count];
    size_t at = 0;
    for (size_t child = 1; child < s->part_count; child = 2 * at + 1) {
        if (child + 1 < s->part_count && s->parts[child + 1].order > s->parts[child].order)
            child++;
        if (s->parts[child].order <= last.order)
            break;
        s->parts[at] = s->parts[child];
        at = child;
    }
    s->parts[at] = last;
    return top;
}

static bole_status no_room(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_LIMIT, "the list of parts does not fit into the query's memory limit");
}

/* Pushes a part with times min_ns .. max_ns unless the query's range or the bound excludes it. Takes the reference on a
 * directory in every case. */
static bool consider(struct segments_scan *s, struct part part, int64_t min_ns, int64_t max_ns)
{
    const struct store_query *q = s->ctx.query;
    s->ctx.stats.parts_total++;
    s->ctx.stats.segments_total += part.kind == PART_SEGMENT;
    bool wanted = max_ns >= q->from_ns && min_ns < q->to_ns && scan_context_in_bound(&s->ctx, min_ns, max_ns);
    /* ~ turns the order around without leaving the range of the type. */
    part.order = q->direction == BACKWARD ? max_ns : ~min_ns;
    if (wanted && push_part(s, part))
        return true;
    segment_directory_unref(part.directory);
    s->ctx.stats.parts_pruned += !wanted;
    s->ctx.stats.segments_pruned += !wanted && part.kind == PART_SEGMENT;
    return !wanted;
}

/* ---- opening ---- */

static bole_status push_view(struct segments_scan *s, const struct view *view, struct bole_err *err)
{
    struct head_cursor cursor = {.snapshot = &view->head};
    const struct head_entry *e;
    while ((e = head_next(&cursor)))
        if (!consider(s, (struct part){.kind = PART_HEAD, .entry = e}, e->batch->min_time_ns, e->batch->max_time_ns))
            return no_room(err);
    for (size_t i = 0; i < view->set->count; i++) {
        struct segment *segment = view->set->segments[i];
        if (!consider(s, (struct part){.kind = PART_SEGMENT, .segment = segment}, segment->info.min_time_ns,
                      segment->info.max_time_ns))
            return no_room(err);
    }
    return BOLE_OK;
}

static void scan_init(struct segments_scan *s, struct segments_store *store, struct store_query *query)
{
    struct budget *budget = query->budget;
    struct scan_context *ctx = &s->ctx;
    s->base.ops = &store_segments_ops;
    s->store = store;
    ctx->query = query;
    ctx->bound_ns = query->direction == BACKWARD ? INT64_MIN : INT64_MAX;
    ctx->needs_lines = query->projection & PROJECT_LINE;
    ctx->needs_seqs = !query->ignores_seq;
    arena_init(&ctx->arena, budget);
    arena_init(&ctx->vector_arena, budget);
    buf_init(&ctx->row_fields, budget);
    stream_table_init(&ctx->streams, &ctx->arena, query->matchers, query->matcher_count);
    for (size_t i = 0; i < query->predicate_count; i++) {
        query->predicates[i].consumed = CONSUMED_WHOLLY;
        ctx->needs_lines = ctx->needs_lines || predicate_is_on_line(&query->predicates[i]);
    }
    scan_context_cast_shadows(ctx);
    s->head.ctx = ctx;
    s->head.scan = &s->base;
    arena_init(&s->head.part_arena, budget);
    group_scan_init(&s->group, ctx, &s->base, store->objects);
    s->group.reader.cache = &store->cache.chunks;
}

bole_status segments_scan_open(struct store *self, struct view *view, struct store_query *query, struct scan **ret_scan,
                               struct bole_err *err)
{
    if (!budget_take(query->budget, sizeof(struct segments_scan)))
        return bole_fail(err, BOLE_E_LIMIT, "a scan does not fit into the query's memory limit");
    struct segments_scan *s = calloc(1, sizeof *s);
    if (!s) {
        budget_give(query->budget, sizeof *s);
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a scan");
    }
    scan_init(s, segments_of(self), query);
    s->ctx.removal_count = view_removals(view, &s->ctx.removals);
    bole_status st = push_view(s, view, err);
    if (st < 0) {
        segments_scan_close(&s->base);
        return st;
    }
    *ret_scan = &s->base;
    return BOLE_OK;
}

void segments_scan_close(struct scan *scan)
{
    struct segments_scan *s = scan_of(scan);
    struct budget *budget = s->ctx.query->budget;
    for (size_t i = 0; i < s->part_count; i++)
        segment_directory_unref(s->parts[i].directory);
    group_scan_deinit(&s->group);
    arena_deinit(&s->head.part_arena);
    buf_deinit(&s->ctx.row_fields);
    arena_deinit(&s->ctx.vector_arena);
    arena_deinit(&s->ctx.arena);
    free(s);
    budget_give(budget, sizeof *s);
}

/* ---- visiting ---- */

/* Sets the bits of the groups that the query's range of time reaches and the token index does not exclude. */
static void find_candidates(struct segments_scan *s, struct segment *segment, struct segment_directory *d,
                            uint64_t *ret_groups)
{
    const struct store_query *q = s->ctx.query;
    for (uint32_t i = 0; i < d->group_count; i++)
        if (d->groups[i].max_time_ns >= q->from_ns && d->groups[i].min_time_ns < q->to_ns)
            ret_groups[i / 64] |= 1ull << i % 64;
    segment_tokens_prune(segment, d, q, ret_groups, &s->ctx.stats);
}

/* Replaces a segment by its groups of the query's tenant. */
static bole_status expand_segment(struct segments_scan *s, struct segment *segment, struct bole_err *err)
{
    struct segment_directory *d;
    struct bole_err why;
    bole_status st = segment_directory_get(segment, &s->group.reader, &d, &why);
    if (segment_is_damage(st)) {
        segment_note_damage(segment, segment->info.size_bytes, &why);
        s->ctx.stats.bad_chunks++;
        return BOLE_OK;
    }
    if (st < 0) {
        if (err)
            *err = why;
        return st;
    }
    s->ctx.stats.parts_total--; /* its groups count instead */
    uint64_t *candidates = arena_array(&s->group.arena, (d->group_count + 63) / 64, sizeof *candidates);
    if (!candidates)
        st = no_room(err);
    else
        find_candidates(s, segment, d, candidates);
    for (uint32_t i = 0; st >= 0 && i < d->group_count; i++) {
        const struct segment_group *g = &d->groups[i];
        if (!bole_slice_eq(g->tenant, s->ctx.query->tenant))
            continue;
        if (!(candidates[i / 64] >> i % 64 & 1)) {
            s->ctx.stats.parts_total++;
            s->ctx.stats.parts_pruned++;
            s->ctx.stats.pruned_by_tokens += g->max_time_ns >= s->ctx.query->from_ns && g->min_time_ns < s->ctx.query->to_ns;
            continue;
        }
        struct part part = {.kind = PART_GROUP, .group = i, .segment = segment, .directory = segment_directory_ref(d)};
        if (!consider(s, part, g->min_time_ns, g->max_time_ns))
            st = no_room(err);
    }
    segment_directory_unref(d);
    return st;
}

/* Opens a group for its vectors, or counts it. Takes the part's reference on its directory. BOLE_END: there is nothing in it. */
static bole_status open_group(struct segments_scan *s, const struct part *part, struct bole_err *err)
{
    bole_status st = BOLE_E_UNSUPPORTED;
    if (s->counter && !group_removal_touches(&s->ctx, part->directory, &part->directory->groups[part->group]))
        st = group_count_rollup(&s->group, s->counter, part->segment, part->directory, part->group, err);
    if (st != BOLE_E_UNSUPPORTED) {
        segment_directory_unref(part->directory);
        return st < 0 ? st : BOLE_OK;
    }
    st = group_scan_open(&s->group, part->segment, part->directory, part->group, err);
    if (st != BOLE_OK || !s->counter)
        return st;
    st = group_count_rows(&s->group, s->counter, err);
    if (st == BOLE_E_UNSUPPORTED)
        return BOLE_OK;
    group_scan_close(&s->group);
    return st < 0 ? st : BOLE_OK;
}

/* The top of the heap. BOLE_AGAIN: something was done, look at the heap again. BOLE_END: nothing left within the bound. */
static bole_status open_part(struct segments_scan *s, struct bole_err *err)
{
    const struct store_query *q = s->ctx.query;
    if (q->cancelled && q->cancelled(q->cancelled_ctx))
        return bole_fail(err, BOLE_E_CANCELLED, "the query was cancelled");
    if (s->part_count == 0)
        return BOLE_END;
    int64_t reach = q->direction == BACKWARD ? s->parts[0].order : ~s->parts[0].order;
    if (!scan_context_in_bound(&s->ctx, reach, reach)) {
        s->ctx.stats.pruned_by_bound += s->part_count;
        s->ctx.stats.parts_pruned += s->part_count; /* the heap's order: all others reach less far */
        return BOLE_END;
    }
    struct part part = pop_part(s);
    bole_status st = BOLE_OK;
    switch (part.kind) {
    case PART_HEAD: st = head_scan_open(&s->head, part.entry, err); break;
    case PART_GROUP: st = open_group(s, &part, err); break;
    case PART_SEGMENT: st = expand_segment(s, part.segment, err); break;
    }
    s->ctx.stats.parts_pruned += st == BOLE_END;
    return st < 0 ? st : BOLE_AGAIN;
}

bole_status segments_scan_next(struct scan *scan, struct vector **ret_vector, struct bole_err *err)
{
    struct segments_scan *s = scan_of(scan);
    bole_status st = BOLE_AGAIN;
    while (st == BOLE_AGAIN || st == BOLE_END) {
        if (s->ctx.deferred < 0)
            return bole_fail(err, s->ctx.deferred, "%s", s->ctx.deferred_err.msg);
        if (s->head.entry)
            st = head_scan_next(&s->head, err);
        else if (s->group.group)
            st = group_scan_next(&s->group, err);
        else if ((st = open_part(s, err)) == BOLE_END)
            return BOLE_END;
    }
    if (st == BOLE_OK)
        *ret_vector = &s->ctx.vector;
    return st;
}

bole_slice segments_scan_stream(const struct scan *scan, uint32_t stream)
{
    return scan_of(scan)->ctx.streams.labels[stream];
}

uint32_t segments_scan_stream_count(const struct scan *scan)
{
    return scan_of(scan)->ctx.streams.count;
}

void segments_scan_set_bound(struct scan *scan, int64_t bound_ns)
{
    scan_of(scan)->ctx.bound_ns = bound_ns;
}

void segments_scan_stats(const struct scan *scan, struct store_scan_stats *ret_stats)
{
    *ret_stats = scan_of(scan)->ctx.stats;
}

void segments_scan_count_only(struct scan *scan, const struct group_counter *counter)
{
    scan_of(scan)->counter = counter;
    scan_of(scan)->ctx.streams.label = counter->aggregation->field;
    scan_of(scan)->ctx.needs_lengths = counter->aggregation->what == AGGREGATE_BYTES;
    scan_of(scan)->ctx.needs_seqs = false;
}

bool segments_scan_hides_field(const struct scan *scan, uint32_t stream)
{
    return scan_of(scan)->ctx.streams.has_label[stream];
}

const uint32_t *segments_scan_lengths(const struct scan *scan)
{
    return scan_of(scan)->ctx.line_length;
}
