/*
 * Nearly every row comes later than all others of its stream, or in a gap between them: it is new, and goes to the end of
 * a list. Only when rows come of times that were there before does a generation become a hash table with linear probing,
 * filled to three quarters. The upper half of a hash, scaled to the capacity, is a row's place: a bigger table has
 * everything in the same order, so that growing reads and writes from front to back. With it goes the list of batches that
 * the rows are in.
 *
 * While a batch is in memory its rows are compared in full. Keeping it longer than the head does would double the memory of
 * the head; so a row that has been cut is taken for the same when 96 bits are: with a million rows remembered, an innocent
 * row is mistaken once in 10^22.
 */
#define XXH_INLINE_ALL
#include "store/collapse.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum {
    CAPACITY_MIN = 1024,
    ENTRIES_MIN = 16,
    AHEAD = 32, /* rows whose places are fetched from memory while others are hashed */
    NEAR = 64,  /* rows back that one is compared with those of the same time */
};

struct identity {
    uint64_t hash; /* not 0 */
    uint32_t check;
};

void collapse_init(struct collapse *c, struct budget *budget, struct random *random)
{
    *c = (struct collapse){.budget = budget, .now.spans.budget = budget, .before.spans.budget = budget};
    for (size_t i = 0; i < sizeof c->secret; i += sizeof(uint64_t)) {
        uint64_t bits = random_next(random);
        memcpy(c->secret + i, &bits, sizeof bits);
    }
    c->now.spans.multiplier = c->before.spans.multiplier = random_next(random) | 1;
}

static void generation_drop(struct collapse *c, struct collapse_generation *g)
{
    budget_give(c->budget, g->capacity * sizeof *g->slots + g->entry_capacity * sizeof *g->entries);
    free(g->slots);
    free(g->entries);
    time_spans_deinit(&g->spans);
    *g = (struct collapse_generation){.spans = g->spans};
}

void collapse_deinit(struct collapse *c)
{
    generation_drop(c, &c->now);
    generation_drop(c, &c->before);
}

/* ---- what makes a row the same ---- */

static XXH128_hash_t hash128(const struct collapse *c, const void *bytes, size_t len)
{
    return XXH3_128bits_withSecret(bytes, len, c->secret, sizeof c->secret);
}

enum { MEMO_SIZE = 8 };

struct field_hash { /* of the batch at hand: values like a level are the same for many rows */
    bole_slice    value; /* ptr is NULL: none yet */
    uint32_t      key;
    XXH128_hash_t hash;
};

static XXH128_hash_t hash_field(const struct collapse *c, const struct batch *b, uint32_t index,
                                struct field_hash memo[MEMO_SIZE])
{
    struct batch_field f = batch_field(b, index);
    struct field_hash *m = &memo[b->field_key[index] % MEMO_SIZE];
    if (m->value.ptr && m->key == b->field_key[index] && bole_slice_eq(m->value, f.value))
        return m->hash;
    XXH128_hash_t key = hash128(c, f.key.ptr, f.key.len), value = hash128(c, f.value.ptr, f.value.len);
    uint64_t pair[] = {key.low64, key.high64, value.low64, value.high64};
    *m = (struct field_hash){f.value, b->field_key[index], hash128(c, pair, sizeof pair)};
    return m->hash;
}

static struct identity identify(const struct collapse *c, const struct batch *b, uint32_t row,
                                struct field_hash memo[MEMO_SIZE])
{
    uint64_t place[] = {b->streams[b->row_stream[row]].hash, (uint64_t)b->time_ns[row]};
    bole_slice line = batch_line(b, row);
    XXH128_hash_t sum = hash128(c, line.ptr, line.len), h = hash128(c, place, sizeof place);
    sum.low64 ^= h.low64;
    sum.high64 ^= h.high64;
    for (uint32_t i = batch_field_first(b, row); i < b->field_end[row]; i++) {
        h = hash_field(c, b, i, memo);
        sum.low64 += h.low64; /* adding forgets the order */
        sum.high64 += h.high64;
    }
    return (struct identity){sum.low64 ? sum.low64 : 1, (uint32_t)sum.high64};
}

static int by_key_and_value(const void *a, const void *b)
{
    const struct batch_field *x = a, *y = b;
    int c = bole_slice_cmp(x->key, y->key);
    return c ? c : bole_slice_cmp(x->value, y->value);
}

static bool same_field(struct batch_field x, struct batch_field y)
{
    return bole_slice_eq(x.key, y.key) && bole_slice_eq(x.value, y.value);
}

/* The fields come in another order, if they are the same. Without memory they are not. */
static bool same_sorted_fields(const struct batch *a, uint32_t a_first, const struct batch *b, uint32_t b_first, uint32_t count)
{
    struct batch_field *x = malloc(2 * count * sizeof *x), *y = x + count;
    if (!x)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        x[i] = batch_field(a, a_first + i);
        y[i] = batch_field(b, b_first + i);
    }
    qsort(x, count, sizeof *x, by_key_and_value);
    qsort(y, count, sizeof *y, by_key_and_value);
    uint32_t same = 0;
    while (same < count && same_field(x[same], y[same]))
        same++;
    free(x);
    return same == count;
}

static bool same_fields(const struct batch *a, uint32_t a_row, const struct batch *b, uint32_t b_row)
{
    uint32_t a_first = batch_field_first(a, a_row), b_first = batch_field_first(b, b_row);
    uint32_t count = a->field_end[a_row] - a_first, same = 0;
    if (b->field_end[b_row] - b_first != count)
        return false;
    while (same < count && same_field(batch_field(a, a_first + same), batch_field(b, b_first + same)))
        same++;
    return same == count || same_sorted_fields(a, a_first + same, b, b_first + same, count - same);
}

static bool same_rows(const struct batch *a, uint32_t a_row, const struct batch *b, uint32_t b_row)
{
    const struct batch_stream *s = &a->streams[a->row_stream[a_row]], *t = &b->streams[b->row_stream[b_row]];
    return a->time_ns[a_row] == b->time_ns[b_row] && bole_slice_eq(batch_line(a, a_row), batch_line(b, b_row)) &&
           bole_slice_eq(s->tenant, t->tenant) && bole_slice_eq(s->labels, t->labels) && same_fields(a, a_row, b, b_row);
}

/* ---- a generation ---- */

static size_t place_of(const struct collapse_generation *g, uint64_t hash)
{
    return (size_t)((hash >> 32) * g->capacity >> 32);
}

static size_t after(const struct collapse_generation *g, size_t place)
{
    return place + 1 < g->capacity ? place + 1 : 0;
}

static size_t full_at(const struct collapse_generation *g)
{
    return g->is_table ? g->capacity - g->capacity / 4 : g->capacity;
}

/* The hash is right: is the row it stands for this one? */
static bool is_row(const struct collapse_generation *g, uint32_t known, const struct batch *b, uint32_t row)
{
    size_t from = 0, to = g->entry_count; /* the entry is in [from, to) */
    while (to - from > 1) {
        size_t middle = from + (to - from) / 2;
        if (g->entries[middle].first_row <= known)
            from = middle;
        else
            to = middle;
    }
    const struct collapse_entry *e = &g->entries[from];
    return !e->batch || same_rows(e->batch, known - e->first_row, b, row);
}

static bool find(const struct collapse_generation *g, struct identity id, const struct batch *b, uint32_t row)
{
    if (g->used == 0 || !g->is_table)
        return false;
    for (size_t at = place_of(g, id.hash); g->slots[at].hash; at = after(g, at))
        if (g->slots[at].hash == id.hash && g->slots[at].check == id.check && is_row(g, g->slots[at].row, b, row))
            return true;
    return false;
}

static void put(struct collapse_generation *g, struct collapse_slot slot)
{
    size_t at = g->is_table ? place_of(g, slot.hash) : g->used;
    while (g->is_table && g->slots[at].hash)
        at = after(g, at);
    g->slots[at] = slot;
    g->used++;
}

/* A table of these rows with this capacity in place of what there is. Without memory all stays as it is. */
static void make_table(struct collapse *c, struct collapse_generation *g, size_t capacity)
{
    struct collapse_generation bigger = {.capacity = capacity > CAPACITY_MIN ? capacity : CAPACITY_MIN, .is_table = true};
    if (bigger.capacity > UINT32_MAX || !budget_take(c->budget, bigger.capacity * sizeof *bigger.slots))
        return;
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (!bigger.slots) {
        budget_give(c->budget, bigger.capacity * sizeof *bigger.slots);
        return;
    }
    size_t end = g->is_table ? g->capacity : g->used;
    for (size_t i = 0; i < end; i++)
        if (g->slots[i].hash)
            put(&bigger, g->slots[i]);
    budget_give(c->budget, g->capacity * sizeof *g->slots);
    free(g->slots);
    g->slots = bigger.slots;
    g->capacity = bigger.capacity;
    g->is_table = true;
}

static size_t table_for(size_t rows) { return rows / 3 * 4 + 4; }

static void grow_list(struct collapse *c, struct collapse_generation *g, size_t capacity)
{
    capacity = capacity > CAPACITY_MIN ? capacity : CAPACITY_MIN;
    if (capacity > UINT32_MAX || !budget_take(c->budget, (capacity - g->capacity) * sizeof *g->slots))
        return;
    struct collapse_slot *slots = realloc(g->slots, capacity * sizeof *slots);
    if (!slots) {
        budget_give(c->budget, (capacity - g->capacity) * sizeof *g->slots);
        return;
    }
    g->slots = slots;
    g->capacity = capacity;
}

/* Makes room for `more` rows, or not. */
static void grow(struct collapse *c, struct collapse_generation *g, size_t more)
{
    if (g->used + more <= full_at(g))
        return;
    size_t expected = g->capacity ? g->used + more : c->before.used + more; /* heads are like each other */
    size_t enough = g->is_table ? table_for(expected) : expected, half_more = g->capacity + g->capacity / 2;
    size_t capacity = enough > half_more ? enough : half_more;
    if (g->is_table)
        make_table(c, g, capacity);
    else
        grow_list(c, g, capacity);
}

/* Rows can be found from here on; there will be `more`. */
static void index_rows(struct collapse *c, struct collapse_generation *g, size_t more)
{
    if (g->is_table)
        return;
    if (g->used == 0) {
        if (g->slots)
            memset(g->slots, 0, g->capacity * sizeof *g->slots);
        g->is_table = true;
        return;
    }
    make_table(c, g, table_for(g->used + more));
}

static bool push_entry(struct collapse *c, struct collapse_generation *g, uint64_t lsn, const struct batch *b)
{
    if (b->row_count > UINT32_MAX - g->row_count)
        return false;
    if (g->entry_count == g->entry_capacity) {
        size_t capacity = g->entry_capacity ? g->entry_capacity * 2 : ENTRIES_MIN;
        size_t more = (capacity - g->entry_capacity) * sizeof *g->entries;
        if (!budget_take(c->budget, more))
            return false;
        struct collapse_entry *entries = realloc(g->entries, capacity * sizeof *entries);
        if (!entries) {
            budget_give(c->budget, more);
            return false;
        }
        g->entries = entries;
        g->entry_capacity = capacity;
    }
    g->entries[g->entry_count++] = (struct collapse_entry){b, lsn, g->row_count};
    return true;
}

/* ---- rows come in ---- */

static bool collapses(const struct batch *b, uint32_t row)
{
    return b->streams[b->row_stream[row]].flags & BATCH_STREAM_COLLAPSE;
}

static uint32_t count_collapsing(const struct batch *b)
{
    bool any = false;
    uint32_t count = 0;
    for (uint32_t i = 0; i < b->stream_count; i++)
        any = any || (b->streams[i].flags & BATCH_STREAM_COLLAPSE);
    for (uint32_t r = 0; any && r < b->row_count; r++)
        count += collapses(b, r);
    return count;
}

/* Inlined by force: GCC takes a call for pure that does nothing but prefetch, and leaves it out. */
__attribute__((always_inline)) static inline void prefetch(const struct collapse_generation *g, uint64_t hash)
{
    if (g->is_table)
        __builtin_prefetch(&g->slots[place_of(g, hash)]);
}

static void mark_dead(uint64_t **dead, const struct batch *b, uint32_t row)
{
    if (!*dead)
        *dead = calloc((b->row_count + 63) / 64, sizeof **dead);
    if (*dead)
        (*dead)[row / 64] |= 1ull << (row % 64);
}

/* What is known of a stream of the batch at hand. */
struct batch_span {
    int64_t  min_ns, max_ns;
    uint32_t rows;
    uint32_t run; /* the first row of the last time */
};

/* Marks rows that are the same as one of the same time before them. False: too many are of one time. */
static bool compare_run(const struct batch *b, uint32_t run, uint32_t row, uint64_t **dead)
{
    if (row - run > NEAR)
        return false;
    for (uint32_t k = run; k < row; k++)
        if (b->row_stream[k] == b->row_stream[row] && same_rows(b, k, b, row)) {
            mark_dead(dead, b, row);
            break;
        }
    return true;
}

/* Fills spans, and dead while rows of each stream ascend. False: they do not. */
static bool measure(const struct batch *b, struct batch_span *spans, uint64_t **dead)
{
    bool ascends = true;
    for (uint32_t row = 0; row < b->row_count; row++) {
        struct batch_span *s = &spans[b->row_stream[row]];
        int64_t time = b->time_ns[row];
        if (!collapses(b, row))
            continue;
        if (s->rows++ == 0) {
            *s = (struct batch_span){time, time, 1, row};
        } else if (time > s->max_ns) {
            s->max_ns = time;
            s->run = row;
        } else if (time == s->max_ns) {
            ascends = ascends && compare_run(b, s->run, row, dead);
        } else {
            s->min_ns = time < s->min_ns ? time : s->min_ns;
            ascends = false;
        }
    }
    return ascends;
}

/* Remembers the times of a batch. True when they alone say that its rows are new, but for those in *ret_dead. */
static bool is_new_by_time(struct collapse *c, const struct batch *b, uint64_t **ret_dead)
{
    struct batch_span *spans = calloc(b->stream_count, sizeof *spans);
    if (!spans) {
        c->now.spans.is_full = true;
        return false;
    }
    bool is_new = measure(b, spans, ret_dead);
    for (uint32_t i = 0; i < b->stream_count; i++) {
        const struct batch_span *s = &spans[i];
        uint64_t stream = b->streams[i].hash;
        if (s->rows && time_spans_may_hold(&c->before.spans, stream, s->min_ns, s->max_ns))
            is_new = false;
        if (s->rows && time_spans_add(&c->now.spans, stream, s->min_ns, s->max_ns))
            is_new = false;
    }
    free(spans);
    if (!is_new) {
        free(*ret_dead);
        *ret_dead = NULL;
    }
    return is_new;
}

static void remember(struct collapse_generation *g, struct identity id, uint32_t row)
{
    if (g->used < full_at(g))
        put(g, (struct collapse_slot){id.hash, id.check, g->row_count + row});
}

static bool is_marked(const uint64_t *dead, uint32_t row)
{
    return dead && dead[row / 64] >> (row % 64) & 1;
}

static void remember_all(struct collapse *c, const struct batch *b, const uint64_t *dead)
{
    struct field_hash memo[MEMO_SIZE] = {0};
    for (uint32_t row = 0; row < b->row_count; row++)
        if (collapses(b, row) && !is_marked(dead, row))
            remember(&c->now, identify(c, b, row, memo), row);
}

/* With the rows of both generations in tables. */
static uint64_t *look_up_all(struct collapse *c, const struct batch *b, bool remembers)
{
    struct collapse_generation *g = &c->now;
    struct field_hash memo[MEMO_SIZE] = {0};
    uint64_t *dead = NULL;
    for (uint32_t first = 0; first < b->row_count; first += AHEAD) {
        struct identity ids[AHEAD];
        uint32_t end = b->row_count - first < AHEAD ? b->row_count : first + AHEAD;
        for (uint32_t r = first; r < end; r++)
            if (collapses(b, r)) {
                ids[r - first] = identify(c, b, r, memo);
                prefetch(&c->before, ids[r - first].hash);
                prefetch(g, ids[r - first].hash);
            }
        for (uint32_t r = first; r < end; r++) {
            if (!collapses(b, r))
                continue;
            struct identity id = ids[r - first];
            if (find(&c->before, id, b, r) || find(g, id, b, r))
                mark_dead(&dead, b, r);
            else if (remembers)
                remember(g, id, r);
        }
    }
    return dead;
}

uint64_t *collapse_batch(struct collapse *c, uint64_t lsn, const struct batch *b)
{
    struct collapse_generation *g = &c->now;
    uint32_t collapsing = count_collapsing(b);
    uint64_t *dead = NULL;
    if (!collapsing)
        return NULL;
    bool is_new = is_new_by_time(c, b, &dead);
    if (!is_new) {
        index_rows(c, &c->before, 0);
        index_rows(c, g, g->used / 2 + collapsing);
    }
    grow(c, g, collapsing);
    bool remembers = push_entry(c, g, lsn, b);
    size_t used_before = g->used;
    if (!is_new)
        dead = look_up_all(c, b, remembers);
    else if (remembers)
        remember_all(c, b, dead);
    if (g->used > used_before)
        g->row_count += b->row_count;
    else if (remembers)
        g->entry_count--; /* no row stands for anything */
    return dead;
}

/* ---- cuts ---- */

void collapse_turn(struct collapse *c)
{
    if (c->before.cut_count < c->before.entry_count || c->now.used == 0)
        return;
    struct collapse_generation old = c->before;
    c->before = c->now;
    c->now = (struct collapse_generation){.slots = old.slots, .capacity = old.capacity, .entries = old.entries,
                                          .entry_capacity = old.entry_capacity, .spans = old.spans};
    time_spans_reset(&c->now.spans);
}

static void generation_forget(struct collapse_generation *g, uint64_t lsn)
{
    for (; g->cut_count < g->entry_count && g->entries[g->cut_count].lsn <= lsn; g->cut_count++)
        g->entries[g->cut_count].batch = NULL;
}

void collapse_forget(struct collapse *c, uint64_t lsn)
{
    generation_forget(&c->before, lsn);
    generation_forget(&c->now, lsn);
}
