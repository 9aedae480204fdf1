/*
 * exec_log.c - the newest or oldest N entries of a log query.
 *
 * Rows come out of a store in no promised order, so the best N so far are kept in a heap whose root is the worst of them:
 * a row that cannot beat the root is left out before its line is even looked at, and once the heap is full the root's time
 * bounds the scan. An evicted entry's memory is freed at once: what is held is the answer, not the matches.
 *
 * An answer may have a million entries, so each costs little more than its line: equal label sets are held once
 * (entries.h), and the heap becomes the result where it lies, sorted into streams.
 *
 * `interval` depends on the order of all matches, so it takes two passes: the first collects (time, seq) of what matches,
 * the second fetches the chosen ones.
 */
#include <stdlib.h>

#include "base/err.h"
#include "query/entries.h"
#include "query/exec.h"
#include "query/source.h"
#include "query/stage/hints.h"

struct key {
    int64_t  time_ns;
    uint64_t seq;
};

struct log_exec {
    const struct query_request *request;
    struct query_stats         *stats;
    struct log_entries         *kept;   /* a heap until all rows are seen */
    struct row_label           *sorted; /* ROW_LABELS_MAX + 2 */
    /* With an interval: */
    struct key                 *keys;   /* pass 1: all matches; pass 2: the chosen ones, sorted by (time, seq) */
    size_t                      key_count, key_cap;
};

static int key_cmp(const struct key *a, const struct key *b)
{
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    return (a->seq > b->seq) - (a->seq < b->seq);
}

/* True when a is shown before b. */
static bool comes_first(const struct log_exec *x, const struct key *a, const struct key *b)
{
    int c = key_cmp(a, b);
    return x->request->direction == FORWARD ? c < 0 : c > 0;
}

/* ---- the heap: the entry shown last is its root ---- */

static bool shown_before(const struct log_exec *x, size_t a, size_t b)
{
    const struct query_entry *at = x->kept->at;
    return comes_first(x, &(struct key){at[a].time_ns, at[a].seq}, &(struct key){at[b].time_ns, at[b].seq});
}

static void swap_entries(struct log_exec *x, size_t a, size_t b)
{
    struct query_entry e = x->kept->at[a];
    x->kept->at[a] = x->kept->at[b];
    x->kept->at[b] = e;
}

static void sift_up(struct log_exec *x, size_t i)
{
    for (; i && shown_before(x, (i - 1) / 2, i); i = (i - 1) / 2)
        swap_entries(x, i, (i - 1) / 2);
}

static void sift_down(struct log_exec *x, size_t i, size_t count)
{
    for (;;) {
        size_t last = i, left = 2 * i + 1, right = left + 1;
        if (left < count && shown_before(x, last, left))
            last = left;
        if (right < count && shown_before(x, last, right))
            last = right;
        if (last == i)
            return;
        swap_entries(x, i, last);
        i = last;
    }
}

/* Where the answer goes on behind another one. */
static bool is_behind(int64_t time_ns, uint64_t seq, void *ctx)
{
    struct log_exec *x = ctx;
    const struct query_place *after = x->request->after;
    if (x->request->known_seq && seq <= x->request->known_seq)
        return false;
    return !after || comes_first(x, &(struct key){after->time_ns, after->seq}, &(struct key){time_ns, seq});
}

static bool heap_wants(int64_t time_ns, uint64_t seq, void *ctx)
{
    struct log_exec *x = ctx;
    if (!is_behind(time_ns, seq, ctx))
        return false;
    const struct query_entry *root = x->kept->at;
    return x->kept->count < x->request->limit ||
           comes_first(x, &(struct key){time_ns, seq}, &(struct key){root->time_ns, root->seq});
}

static bole_status heap_row(struct source *s, const struct source_row *row, void *ctx, struct bole_err *err)
{
    struct log_exec *x = ctx;
    struct log_entries *kept = x->kept;
    struct query_entry e;
    x->stats->rows_out++;
    if ((kept->count == kept->cap && kept->count < x->request->limit && !log_entries_grow(kept, x->request->limit)) ||
        !log_entry_make(kept, row->row, row->seq, x->sorted, &e))
        return query_out_of_memory(x->request, err);
    if (kept->count < x->request->limit) {
        kept->at[kept->count++] = e;
        sift_up(x, kept->count - 1);
    } else {
        log_entry_drop(kept, &kept->at[0]);
        kept->at[0] = e;
        sift_down(x, 0, kept->count);
    }
    if (kept->count == x->request->limit)
        source_set_bound(s, kept->at[0].time_ns);
    return BOLE_OK;
}

/* Into the order of the answer: the root of the heap is the last of what is left. */
static void sort_heap(struct log_exec *x)
{
    for (size_t left = x->kept->count; left > 1; left--) {
        swap_entries(x, 0, left - 1);
        sift_down(x, 0, left - 1);
    }
}

/* ---- interval ---- */

static bole_status collect_key(struct source *s, const struct source_row *row, void *ctx, struct bole_err *err)
{
    struct log_exec *x = ctx;
    (void)s;
    if (x->key_count == x->key_cap) {
        size_t cap = x->key_cap ? x->key_cap * 2 : 1024;
        if (!budget_take(x->request->budget, (cap - x->key_cap) * sizeof *x->keys))
            return query_out_of_memory(x->request, err);
        struct key *keys = realloc(x->keys, cap * sizeof *keys);
        if (!keys) {
            budget_give(x->request->budget, (cap - x->key_cap) * sizeof *x->keys);
            return query_out_of_memory(x->request, err);
        }
        x->keys = keys;
        x->key_cap = cap;
    }
    x->keys[x->key_count++] = (struct key){row->row->time_ns, row->seq};
    return BOLE_OK;
}

static int cmp_keys(const void *a, const void *b)
{
    return key_cmp(a, b);
}

/* After a shown entry all that are closer than the interval are left out, in the asked direction, across all streams. */
static void choose_keys(struct log_exec *x)
{
    bool forward = x->request->direction == FORWARD;
    size_t chosen = 0, n = x->key_count;
    int64_t last = 0;
    if (n)
        qsort(x->keys, n, sizeof *x->keys, cmp_keys);
    for (size_t i = 0; i < n && chosen < x->request->limit; i++) {
        struct key k = x->keys[forward ? i : n - 1 - i];
        uint64_t distance = forward ? (uint64_t)k.time_ns - (uint64_t)last : (uint64_t)last - (uint64_t)k.time_ns;
        if (chosen && distance < (uint64_t)x->request->interval_ns)
            continue;
        last = k.time_ns;
        /* The chosen stand at the end from which they were taken: never over one that is still to be read. */
        x->keys[forward ? chosen : n - 1 - chosen] = k;
        chosen++;
    }
    if (!forward && chosen)
        memmove(x->keys, x->keys + (n - chosen), chosen * sizeof *x->keys);
    x->key_count = chosen;
}

static bool is_chosen(int64_t time_ns, uint64_t seq, void *ctx)
{
    struct log_exec *x = ctx;
    struct key key = {time_ns, seq};
    return x->key_count && bsearch(&key, x->keys, x->key_count, sizeof key, cmp_keys);
}

bole_status exec_log(const struct expr *e, const struct query_request *request, struct view *view, struct query_result *result,
                     struct bole_err *err)
{
    struct log_exec x = {.request = request, .stats = &result->stats, .kept = log_entries_create(request->budget)};
    struct arena plan;
    arena_init(&plan, request->budget);
    struct source_options options = {
        .request = request, .view = view, .log = &e->log, .from_ns = request->start_ns, .to_ns = request->end_ns,
        .direction = request->direction, .wants_line = true, .wants_labels = true, .arena = &plan, .stats = &result->stats,
    };
    struct row_hints hints;
    options.hints = &hints;
    struct source_sink sink = {.wants = heap_wants, .row = heap_row, .ctx = &x};
    bole_status st = BOLE_OK;
    x.sorted = arena_alloc(&plan, (ROW_LABELS_MAX + 2) * sizeof *x.sorted);
    if (!x.sorted || !x.kept || !hints_of_log(&e->log, &plan, &hints))
        st = query_out_of_memory(request, err);
    if (st == BOLE_OK && request->interval_ns > 0) {
        struct source_sink keys = {.wants = is_behind, .row = collect_key, .ctx = &x};
        st = source_run(&options, &keys, err);
        choose_keys(&x);
        sink.wants = is_chosen;
    }
    if (st == BOLE_OK)
        st = source_run(&options, &sink, err);
    result->type = QUERY_STREAMS;
    if (st == BOLE_OK) {
        sort_heap(&x);
        if (!log_entries_part(x.kept, request->categorize, false, result))
            st = query_out_of_memory(request, err);
        result->stats.entries = x.kept->count;
    }
    result->log = x.kept;
    budget_give(request->budget, x.key_cap * sizeof *x.keys);
    free(x.keys);
    arena_deinit(&plan);
    return st;
}
