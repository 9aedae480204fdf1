/*
 * exec_log.c - the newest or oldest N entries of a log query.
 *
 * Rows come out of a store in no promised order, so the best N so far are kept in a heap whose root is the worst of them:
 * a row that cannot beat the root is left out before its line is even looked at, and once the heap is full the root's time
 * bounds the scan. An evicted entry's memory is freed at once: what is held is the answer, not the matches.
 *
 * `interval` depends on the order of all matches, so it takes two passes: the first collects (time, seq) of what matches,
 * the second fetches the chosen ones.
 */
#include <stdlib.h>

#include "base/err.h"
#include "query/exec.h"
#include "query/labelset.h"
#include "query/source.h"

struct key {
    int64_t  time_ns;
    uint64_t seq;
};

struct kept {
    struct key        key;
    bole_slice        line;
    struct row_label *labels; /* one malloc with the texts behind it */
    size_t            label_count;
    size_t            size_bytes; /* drawn from the budget */
};

struct log_exec {
    const struct query_request *request;
    struct query_stats         *stats;
    struct kept                *heap;
    size_t                      count, cap;
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

static void kept_free(struct log_exec *x, struct kept *k)
{
    budget_give(x->request->budget, k->size_bytes);
    free(k->labels);
    *k = (struct kept){0};
}

static void sift_up(struct log_exec *x, size_t i)
{
    while (i && comes_first(x, &x->heap[(i - 1) / 2].key, &x->heap[i].key)) {
        struct kept swap = x->heap[i];
        x->heap[i] = x->heap[(i - 1) / 2];
        x->heap[(i - 1) / 2] = swap;
        i = (i - 1) / 2;
    }
}

static void sift_down(struct log_exec *x, size_t i)
{
    for (;;) {
        size_t last = i, left = 2 * i + 1, right = left + 1;
        if (left < x->count && comes_first(x, &x->heap[last].key, &x->heap[left].key))
            last = left;
        if (right < x->count && comes_first(x, &x->heap[last].key, &x->heap[right].key))
            last = right;
        if (last == i)
            return;
        struct kept swap = x->heap[i];
        x->heap[i] = x->heap[last];
        x->heap[last] = swap;
        i = last;
    }
}

size_t exec_row_labels(const struct row *r, struct row_label *out)
{
    size_t n = r->count;
    if (n)
        memcpy(out, r->labels, n * sizeof *out);
    if (r->error.len)
        out[n++] = (struct row_label){LABEL_ERROR, r->error, ORIGIN_PARSED};
    if (r->error_details.len)
        out[n++] = (struct row_label){LABEL_ERROR_DETAILS, r->error_details, ORIGIN_PARSED};
    row_labels_sort(out, n);
    return n;
}

static bool kept_make(struct log_exec *x, const struct source_row *row, struct kept *ret)
{
    const struct row *r = row->row;
    size_t count = exec_row_labels(r, x->sorted);
    size_t size = count * sizeof *x->sorted + r->line.len + 1;
    for (size_t i = 0; i < count; i++)
        size += x->sorted[i].name.len + x->sorted[i].value.len;
    if (!budget_take(x->request->budget, size))
        return false;
    struct row_label *labels = malloc(size);
    if (!labels) {
        budget_give(x->request->budget, size);
        return false;
    }
    uint8_t *p = (uint8_t *)(labels + count);
    *ret = (struct kept){{r->time_ns, row->seq}, {p, r->line.len}, labels, count, size};
    if (r->line.len)
        memcpy(p, r->line.ptr, r->line.len);
    p += r->line.len;
    for (size_t i = 0; i < count; i++) {
        bole_slice *texts[] = {&x->sorted[i].name, &x->sorted[i].value};
        for (size_t k = 0; k < 2; k++) {
            if (texts[k]->len)
                memcpy(p, texts[k]->ptr, texts[k]->len);
            texts[k]->ptr = p;
            p += texts[k]->len;
        }
        labels[i] = x->sorted[i];
    }
    return true;
}

static bool heap_wants(int64_t time_ns, uint64_t seq, void *ctx)
{
    struct log_exec *x = ctx;
    struct key key = {time_ns, seq};
    return x->count < x->request->limit || comes_first(x, &key, &x->heap[0].key);
}

static bool heap_grow(struct log_exec *x)
{
    size_t cap = x->cap ? x->cap * 2 : 64;
    size_t more = (cap - x->cap) * sizeof *x->heap;
    if (!budget_take(x->request->budget, more))
        return false;
    struct kept *heap = realloc(x->heap, cap * sizeof *heap);
    if (!heap) {
        budget_give(x->request->budget, more);
        return false;
    }
    x->heap = heap;
    x->cap = cap;
    return true;
}

static bole_status heap_row(struct source *s, const struct source_row *row, void *ctx, struct bole_err *err)
{
    struct log_exec *x = ctx;
    struct kept k;
    x->stats->rows_out++;
    if (x->count == x->cap && x->count < x->request->limit && !heap_grow(x))
        return query_out_of_memory(x->request, err);
    if (!kept_make(x, row, &k))
        return query_out_of_memory(x->request, err);
    if (x->count < x->request->limit) {
        x->heap[x->count++] = k;
        sift_up(x, x->count - 1);
    } else {
        kept_free(x, &x->heap[0]);
        x->heap[0] = k;
        sift_down(x, 0);
    }
    if (x->count == x->request->limit)
        source_set_bound(s, x->heap[0].key.time_ns);
    return BOLE_OK;
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

/* ---- the result ---- */

static bool is_shown(const struct log_exec *x, const struct row_label *l)
{
    return !x->request->categorize || l->origin == ORIGIN_STREAM;
}

/* Copies an entry into the result's arena. */
static bool copy_entry(struct arena *arena, const struct kept *k, struct query_entry *ret)
{
    struct row_label *labels = arena_alloc(arena, k->size_bytes);
    if (!labels)
        return false;
    memcpy(labels, k->labels, k->size_bytes);
    uint8_t *to = (uint8_t *)(labels + k->label_count);
    const uint8_t *from = (const uint8_t *)(k->labels + k->label_count);
    for (size_t i = 0; i < k->label_count; i++) {
        labels[i].name.ptr = to + (labels[i].name.ptr - from);
        labels[i].value.ptr = to + (labels[i].value.ptr - from);
    }
    *ret = (struct query_entry){k->key.time_ns, k->key.seq, {to, k->line.len}, labels, k->label_count};
    return true;
}

static int cmp_streams(const void *a, const void *b)
{
    const struct query_stream *x = a, *y = b;
    for (size_t i = 0; i < x->label_count && i < y->label_count; i++) {
        int c = bole_slice_cmp(x->labels[i].name, y->labels[i].name);
        c = c ? c : bole_slice_cmp(x->labels[i].value, y->labels[i].value);
        if (c)
            return c;
    }
    return (x->label_count > y->label_count) - (x->label_count < y->label_count);
}

/* The number of the stream that an entry belongs to, by the labels that tell streams apart. */
static uint32_t stream_of(struct log_exec *x, struct label_sets *sets, const struct kept *k, struct label *room)
{
    size_t n = 0;
    for (size_t i = 0; i < k->label_count; i++)
        if (is_shown(x, &k->labels[i]))
            room[n++] = (struct label){k->labels[i].name, k->labels[i].value};
    return label_sets_intern(sets, room, n);
}

static bool build_streams(struct log_exec *x, struct label_sets *sets, struct query_result *result)
{
    struct label *room = arena_array(&result->arena, ROW_LABELS_MAX + 2, sizeof *room);
    uint32_t *stream_of_entry = arena_array(&result->arena, x->count + 1, sizeof *stream_of_entry);
    if (!room || !stream_of_entry)
        return false;
    for (size_t i = 0; i < x->count; i++) {
        stream_of_entry[i] = stream_of(x, sets, &x->heap[i], room);
        if (stream_of_entry[i] == LABEL_SET_NONE)
            return false;
    }
    struct query_stream *streams = arena_array(&result->arena, sets->count + 1, sizeof *streams);
    for (size_t i = 0; i < x->count && streams; i++)
        streams[stream_of_entry[i]].entry_count++;
    for (size_t i = 0; i < sets->count && streams; i++) {
        struct query_stream *s = &streams[i];
        struct row_label *labels = arena_array(&result->arena, sets->sets[i].count + 1, sizeof *labels);
        s->entries = arena_array(&result->arena, s->entry_count, sizeof *s->entries);
        if (!labels || !s->entries)
            return false;
        for (size_t k = 0; k < sets->sets[i].count; k++)
            labels[k] = (struct row_label){sets->sets[i].labels[k].name, sets->sets[i].labels[k].value, ORIGIN_STREAM};
        s->labels = labels;
        s->label_count = sets->sets[i].count;
        s->entry_count = 0;
    }
    for (size_t i = 0; i < x->count && streams; i++) {
        struct query_stream *s = &streams[stream_of_entry[i]];
        if (!copy_entry(&result->arena, &x->heap[i], &s->entries[s->entry_count++]))
            return false;
        kept_free(x, &x->heap[i]);
    }
    if (!streams)
        return false;
    if (sets->count)
        qsort(streams, sets->count, sizeof *streams, cmp_streams);
    result->streams = streams;
    result->stream_count = sets->count;
    result->stats.entries = x->count;
    return true;
}

/* Into the order of the answer: the root of the heap is the last of what is left. */
static void sort_heap(struct log_exec *x)
{
    size_t total = x->count;
    while (x->count > 1) {
        struct kept last = x->heap[0];
        x->heap[0] = x->heap[--x->count];
        x->heap[x->count] = last;
        sift_down(x, 0);
    }
    x->count = total;
}

static void log_exec_deinit(struct log_exec *x)
{
    for (size_t i = 0; i < x->count; i++)
        kept_free(x, &x->heap[i]);
    budget_give(x->request->budget, x->cap * sizeof *x->heap + x->key_cap * sizeof *x->keys);
    free(x->heap);
    free(x->keys);
}

bole_status exec_log(const struct expr *e, const struct query_request *request, struct view *view, struct query_result *result,
                     struct bole_err *err)
{
    struct log_exec x = {.request = request, .stats = &result->stats};
    struct arena plan;
    arena_init(&plan, request->budget);
    struct source_options options = {
        .request = request, .view = view, .log = &e->log, .from_ns = request->start_ns, .to_ns = request->end_ns,
        .direction = request->direction, .wants_line = true, .wants_labels = true, .arena = &plan, .stats = &result->stats,
    };
    struct source_sink sink = {.wants = heap_wants, .row = heap_row, .ctx = &x};
    bole_status st = BOLE_OK;
    x.sorted = arena_alloc(&plan, (ROW_LABELS_MAX + 2) * sizeof *x.sorted);
    if (!x.sorted)
        st = query_out_of_memory(request, err);
    if (st == BOLE_OK && request->interval_ns > 0) {
        struct source_sink keys = {.row = collect_key, .ctx = &x};
        st = source_run(&options, &keys, err);
        choose_keys(&x);
        sink.wants = is_chosen;
    }
    if (st == BOLE_OK)
        st = source_run(&options, &sink, err);
    struct label_sets sets = {.arena = &result->arena};
    result->type = QUERY_STREAMS;
    if (st == BOLE_OK) {
        sort_heap(&x);
        if (!build_streams(&x, &sets, result))
            st = query_out_of_memory(request, err);
    }
    log_exec_deinit(&x);
    arena_deinit(&plan);
    return st;
}
