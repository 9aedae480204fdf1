/*
 * exec_log.c - the newest or oldest N entries of a log query.
 *
 * Rows come out of a store in no promised order, so the best N so far are kept in a heap whose root is the worst of them:
 * a row that cannot beat the root is left out before its line is even looked at, and once the heap is full the root's time
 * bounds the scan. An evicted entry's memory is freed at once: what is held is the answer, not the matches.
 *
 * An answer may have a million entries, so each costs little more than its line: equal label sets are held once, and the
 * heap becomes the result where it lies, sorted into streams.
 *
 * `interval` depends on the order of all matches, so it takes two passes: the first collects (time, seq) of what matches,
 * the second fetches the chosen ones.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "query/exec.h"
#include "query/labelset.h"
#include "query/source.h"

struct key {
    int64_t  time_ns;
    uint64_t seq;
};

/* The labels of one or more entries; the texts stand behind them. */
struct label_block {
    struct label_block *next;   /* in its bucket */
    uint64_t            hash;
    size_t              size_bytes; /* drawn from the budget */
    uint32_t            refs;   /* entries that have it */
    uint32_t            stream; /* in the end: the one its entries belong to */
    size_t              count;
    struct row_label    labels[]; /* sorted by name */
};

/* What becomes the result: entries, which own their lines, and their labels, which are those of blocks. */
struct log_entries {
    struct budget       *budget;
    struct query_entry  *at;
    size_t               count, cap;
    struct label_block **buckets; /* [bucket_count], a power of two or 0 */
    size_t               bucket_count, block_count;
};

enum { LINE_OVERHEAD = 16, BUCKETS_MIN = 64 }; /* LINE_OVERHEAD: what malloc takes beside a line */

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

static void *budget_alloc(struct budget *budget, size_t size)
{
    void *p = NULL;
    if (budget_take(budget, size)) {
        p = malloc(size);
        if (!p)
            budget_give(budget, size);
    }
    return p;
}

/* ---- labels: equal sets once ---- */

static uint64_t hash_labels(const struct row_label *labels, size_t count)
{
    uint64_t h = count;
    for (size_t i = 0; i < count; i++)
        h = hash64_seed(labels[i].value, hash64_seed(labels[i].name, h + labels[i].origin));
    return h;
}

static bool has_labels(const struct label_block *b, const struct row_label *labels, size_t count)
{
    if (b->count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (b->labels[i].origin != labels[i].origin || !bole_slice_eq(b->labels[i].name, labels[i].name) ||
            !bole_slice_eq(b->labels[i].value, labels[i].value))
            return false;
    return true;
}

static struct label_block **bucket_of(struct log_entries *kept, uint64_t hash)
{
    return &kept->buckets[hash & (kept->bucket_count - 1)];
}

static void block_insert(struct log_entries *kept, struct label_block *b)
{
    struct label_block **bucket = bucket_of(kept, b->hash);
    b->next = *bucket;
    *bucket = b;
}

/* Twice the buckets. */
static bool buckets_grow(struct log_entries *kept)
{
    struct log_entries old = *kept;
    size_t count = old.bucket_count ? 2 * old.bucket_count : BUCKETS_MIN;
    size_t more = (count - old.bucket_count) * sizeof *kept->buckets;
    if (!budget_take(kept->budget, more))
        return false;
    kept->buckets = calloc(count, sizeof *kept->buckets);
    if (!kept->buckets) {
        budget_give(kept->budget, more);
        kept->buckets = old.buckets;
        return false;
    }
    kept->bucket_count = count;
    for (size_t i = 0; i < old.bucket_count; i++)
        for (struct label_block *b = old.buckets[i], *next; b; b = next) {
            next = b->next;
            block_insert(kept, b);
        }
    free(old.buckets);
    return true;
}

static struct label_block *block_make(struct log_entries *kept, const struct row_label *labels, size_t count, uint64_t hash)
{
    size_t size = sizeof(struct label_block) + count * sizeof *labels;
    for (size_t i = 0; i < count; i++)
        size += labels[i].name.len + labels[i].value.len;
    if (kept->block_count == kept->bucket_count && !buckets_grow(kept))
        return NULL;
    struct label_block *b = budget_alloc(kept->budget, size);
    if (!b)
        return NULL;
    *b = (struct label_block){.hash = hash, .size_bytes = size, .count = count};
    uint8_t *p = (uint8_t *)(b->labels + count);
    for (size_t i = 0; i < count; i++) {
        b->labels[i] = labels[i];
        bole_slice *texts[] = {&b->labels[i].name, &b->labels[i].value};
        for (size_t k = 0; k < 2; k++) {
            if (texts[k]->len)
                memcpy(p, texts[k]->ptr, texts[k]->len);
            texts[k]->ptr = p;
            p += texts[k]->len;
        }
    }
    block_insert(kept, b);
    kept->block_count++;
    return b;
}

/* One more reference to the block of these labels; NULL without memory. */
static struct label_block *block_get(struct log_entries *kept, const struct row_label *labels, size_t count)
{
    uint64_t hash = hash_labels(labels, count);
    struct label_block *b = kept->bucket_count ? *bucket_of(kept, hash) : NULL;
    while (b && !(b->hash == hash && has_labels(b, labels, count)))
        b = b->next;
    if (!b)
        b = block_make(kept, labels, count, hash);
    if (b)
        b->refs++;
    return b;
}

static struct label_block *block_of(const struct query_entry *e)
{
    return (struct label_block *)((char *)e->labels - offsetof(struct label_block, labels));
}

static void block_drop(struct log_entries *kept, struct label_block *b)
{
    if (--b->refs)
        return;
    struct label_block **link = bucket_of(kept, b->hash);
    while (*link != b)
        link = &(*link)->next;
    *link = b->next;
    kept->block_count--;
    budget_give(kept->budget, b->size_bytes);
    free(b);
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

/* ---- entries ---- */

static bool entry_make(struct log_exec *x, const struct source_row *row, struct query_entry *ret)
{
    const struct row *r = row->row;
    struct label_block *b = block_get(x->kept, x->sorted, exec_row_labels(r, x->sorted));
    uint8_t *line = b ? budget_alloc(x->kept->budget, r->line.len + LINE_OVERHEAD) : NULL;
    if (!line) {
        if (b)
            block_drop(x->kept, b);
        return false;
    }
    if (r->line.len)
        memcpy(line, r->line.ptr, r->line.len);
    *ret = (struct query_entry){r->time_ns, row->seq, {line, r->line.len}, b->labels, b->count};
    return true;
}

static void entry_drop(struct log_entries *kept, const struct query_entry *e)
{
    budget_give(kept->budget, e->line.len + LINE_OVERHEAD);
    free((uint8_t *)e->line.ptr);
    block_drop(kept, block_of(e));
}

void log_entries_destroy(struct log_entries *kept)
{
    if (!kept)
        return;
    for (size_t i = 0; i < kept->count; i++)
        entry_drop(kept, &kept->at[i]);
    budget_give(kept->budget, kept->cap * sizeof *kept->at + kept->bucket_count * sizeof *kept->buckets);
    free(kept->at);
    free(kept->buckets);
    free(kept);
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
    return !after || comes_first(x, &(struct key){after->time_ns, after->seq}, &(struct key){time_ns, seq});
}

static bool heap_wants(int64_t time_ns, uint64_t seq, void *ctx)
{
    struct log_exec *x = ctx;
    if (!is_behind(time_ns, seq, ctx))
        return false;
    const struct query_entry *root = x->kept->at;
    return x->kept->count < x->request->limit || comes_first(x, &(struct key){time_ns, seq}, &(struct key){root->time_ns, root->seq});
}

static bool heap_grow(struct log_exec *x)
{
    struct log_entries *kept = x->kept;
    size_t cap = kept->cap ? kept->cap * 2 : 64;
    cap = cap < x->request->limit ? cap : x->request->limit;
    size_t more = (cap - kept->cap) * sizeof *kept->at;
    if (!budget_take(kept->budget, more))
        return false;
    struct query_entry *at = realloc(kept->at, cap * sizeof *at);
    if (!at) {
        budget_give(kept->budget, more);
        return false;
    }
    kept->at = at;
    kept->cap = cap;
    return true;
}

static bole_status heap_row(struct source *s, const struct source_row *row, void *ctx, struct bole_err *err)
{
    struct log_exec *x = ctx;
    struct log_entries *kept = x->kept;
    struct query_entry e;
    x->stats->rows_out++;
    if ((kept->count == kept->cap && kept->count < x->request->limit && !heap_grow(x)) || !entry_make(x, row, &e))
        return query_out_of_memory(x->request, err);
    if (kept->count < x->request->limit) {
        kept->at[kept->count++] = e;
        sift_up(x, kept->count - 1);
    } else {
        entry_drop(kept, &kept->at[0]);
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

/* ---- the result ---- */

/* The labels that tell streams apart: all of them, or with `categorize` those of the stored stream. */
static const struct row_label *next_shown(const struct label_block *b, size_t *at, bool categorize)
{
    while (*at < b->count) {
        const struct row_label *l = &b->labels[(*at)++];
        if (!categorize || l->origin == ORIGIN_STREAM)
            return l;
    }
    return NULL;
}

static int cmp_shown(const struct label_block *x, const struct label_block *y, bool categorize)
{
    size_t at = 0, other_at = 0;
    for (;;) {
        const struct row_label *a = next_shown(x, &at, categorize), *b = next_shown(y, &other_at, categorize);
        if (!a || !b)
            return (a != NULL) - (b != NULL);
        int c = bole_slice_cmp(a->name, b->name);
        c = c ? c : bole_slice_cmp(a->value, b->value);
        if (c)
            return c;
    }
}

static int cmp_all(const void *a, const void *b)
{
    return cmp_shown(*(struct label_block *const *)a, *(struct label_block *const *)b, false);
}

static int cmp_categorized(const void *a, const void *b)
{
    return cmp_shown(*(struct label_block *const *)a, *(struct label_block *const *)b, true);
}

static bool set_labels(struct arena *arena, struct query_stream *s, const struct label_block *b, bool categorize)
{
    s->labels = b->labels;
    s->label_count = b->count;
    if (!categorize)
        return true;
    struct row_label *labels = arena_array(arena, b->count + 1, sizeof *labels);
    size_t at = 0;
    s->labels = labels;
    s->label_count = 0;
    for (const struct row_label *l; labels && (l = next_shown(b, &at, true));)
        labels[s->label_count++] = *l;
    return labels != NULL;
}

/* Numbers the streams in the order of their labels and gives each block the number of its own. */
static bool name_streams(const struct log_exec *x, struct query_result *result)
{
    const struct log_entries *kept = x->kept;
    bool categorize = x->request->categorize;
    struct label_block **blocks = arena_array(&result->arena, kept->block_count + 1, sizeof *blocks);
    size_t count = 0, stream_count = 0;
    for (size_t i = 0; blocks && i < kept->bucket_count; i++)
        for (struct label_block *b = kept->buckets[i]; b; b = b->next)
            blocks[count++] = b;
    if (count)
        qsort(blocks, count, sizeof *blocks, categorize ? cmp_categorized : cmp_all);
    for (size_t i = 0; i < count; i++) {
        stream_count += i == 0 || cmp_shown(blocks[i - 1], blocks[i], categorize) != 0;
        blocks[i]->stream = (uint32_t)stream_count - 1;
    }
    struct query_stream *streams = blocks ? arena_array(&result->arena, stream_count + 1, sizeof *streams) : NULL;
    for (size_t i = 0; streams && i < count; i++)
        if ((i == 0 || blocks[i]->stream != blocks[i - 1]->stream) &&
            !set_labels(&result->arena, &streams[blocks[i]->stream], blocks[i], categorize))
            return false;
    result->streams = streams;
    result->stream_count = stream_count;
    return streams != NULL;
}

/* Moves the entries, which are in the order of the answer, so that those of each stream stand together and keep it. */
static bool part_entries(const struct log_exec *x, struct query_result *result)
{
    struct query_entry *at = x->kept->at;
    size_t count = x->kept->count, first = 0;
    uint32_t *place = arena_array(&result->arena, count + 1, sizeof *place);
    if (!place)
        return false;
    for (size_t i = 0; i < count; i++)
        result->streams[block_of(&at[i])->stream].entry_count++;
    for (size_t i = 0; i < result->stream_count; i++) {
        struct query_stream *s = &result->streams[i];
        s->entries = at + first;
        first += s->entry_count;
        s->entry_count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct query_stream *s = &result->streams[block_of(&at[i])->stream];
        place[i] = (uint32_t)(s->entries - at + (ptrdiff_t)s->entry_count++);
    }
    for (size_t i = 0; i < count; i++)
        while (place[i] != i) { /* each exchange puts one entry into its place */
            uint32_t to = place[i];
            place[i] = place[to];
            place[to] = to;
            struct query_entry e = at[i];
            at[i] = at[to];
            at[to] = e;
        }
    return true;
}

bole_status exec_log(const struct expr *e, const struct query_request *request, struct view *view, struct query_result *result,
                     struct bole_err *err)
{
    struct log_exec x = {.request = request, .stats = &result->stats, .kept = calloc(1, sizeof *x.kept)};
    struct arena plan;
    arena_init(&plan, request->budget);
    struct source_options options = {
        .request = request, .view = view, .log = &e->log, .from_ns = request->start_ns, .to_ns = request->end_ns,
        .direction = request->direction, .wants_line = true, .wants_labels = true, .arena = &plan, .stats = &result->stats,
    };
    struct source_sink sink = {.wants = heap_wants, .row = heap_row, .ctx = &x};
    bole_status st = BOLE_OK;
    x.sorted = arena_alloc(&plan, (ROW_LABELS_MAX + 2) * sizeof *x.sorted);
    if (!x.sorted || !x.kept)
        st = query_out_of_memory(request, err);
    else
        x.kept->budget = request->budget;
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
        if (!name_streams(&x, result) || !part_entries(&x, result))
            st = query_out_of_memory(request, err);
        result->stats.entries = x.kept->count;
    }
    result->log = x.kept;
    budget_give(request->budget, x.key_cap * sizeof *x.keys);
    free(x.keys);
    arena_deinit(&plan);
    return st;
}
