#include "query/entries.h"

#include <stdlib.h>

#include "base/hash.h"
#include "query/exec.h"
#include "query/labelset.h"
#include "query/parser.h"

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

enum { LINE_OVERHEAD = 16, BUCKETS_MIN = 64 }; /* LINE_OVERHEAD: what malloc takes beside a line */

void *budget_alloc(struct budget *budget, size_t size)
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
    if (r->error_details.len && (r->error.len || r->is_changed)) /* Loki forgets them with the error of a row that is as it was */
        out[n++] = (struct row_label){LABEL_ERROR_DETAILS, r->error_details, ORIGIN_PARSED};
    row_labels_sort(out, n);
    return n;
}

/* ---- entries ---- */

struct log_entries *log_entries_create(struct budget *budget)
{
    struct log_entries *kept = calloc(1, sizeof *kept);
    if (kept)
        kept->budget = budget;
    return kept;
}

bool log_entry_make(struct log_entries *kept, const struct row *r, uint64_t seq, struct row_label *room, struct query_entry *ret)
{
    struct label_block *b = block_get(kept, room, exec_row_labels(r, room));
    uint8_t *line = b ? budget_alloc(kept->budget, r->line.len + LINE_OVERHEAD) : NULL;
    if (!line) {
        if (b)
            block_drop(kept, b);
        return false;
    }
    if (r->line.len)
        memcpy(line, r->line.ptr, r->line.len);
    *ret = (struct query_entry){r->time_ns, seq, {line, r->line.len}, b->labels, b->count};
    return true;
}

void log_entry_drop(struct log_entries *kept, const struct query_entry *e)
{
    budget_give(kept->budget, e->line.len + LINE_OVERHEAD);
    free((uint8_t *)e->line.ptr);
    block_drop(kept, block_of(e));
}

bool log_entries_grow(struct log_entries *kept, size_t max)
{
    size_t cap = kept->cap ? kept->cap * 2 : 64;
    cap = cap < max ? cap : max;
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

void log_entries_destroy(struct log_entries *kept)
{
    if (!kept)
        return;
    for (size_t i = 0; i < kept->count; i++)
        log_entry_drop(kept, &kept->at[i]);
    budget_give(kept->budget, kept->cap * sizeof *kept->at + kept->bucket_count * sizeof *kept->buckets);
    free(kept->at);
    free(kept->buckets);
    free(kept);
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

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Two texts that end in a byte which is in neither, in the order of their printed forms. */
static int cmp_printed(bole_slice a, bole_slice b, uint8_t end)
{
    size_t i = 0;
    while (i < a.len && i < b.len && a.ptr[i] == b.ptr[i])
        i++;
    if (i == a.len && i == b.len)
        return 0;
    uint8_t x = i < a.len ? a.ptr[i] : end, y = i < b.len ? b.ptr[i] : end;
    if ((i == a.len || is_plain(x)) && (i == b.len || is_plain(y)))
        return x < y ? -1 : 1;
    struct buf text_a, text_b; /* an escape or UTF-8: rare */
    buf_init(&text_a, NULL);
    buf_init(&text_b, NULL);
    ast_print_string(a, &text_a);
    ast_print_string(b, &text_b);
    int c = bole_slice_cmp(buf_slice(&text_a), buf_slice(&text_b));
    buf_deinit(&text_a);
    buf_deinit(&text_b);
    return c;
}

/* Loki sorts streams by their labels as it prints them: `{a="b", c="d"}` stands before `{a="b"}`, and `a1` before `a`. */
static int cmp_shown(const struct label_block *x, const struct label_block *y, bool categorize)
{
    size_t at = 0, other_at = 0;
    for (;;) {
        const struct row_label *a = next_shown(x, &at, categorize), *b = next_shown(y, &other_at, categorize);
        if (!a || !b)
            return (a == NULL) - (b == NULL);
        int c = cmp_printed(a->name, b->name, '=');
        c = c ? c : cmp_printed(a->value, b->value, '"');
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

/* Numbers the streams anew, in the order in which their first entries stand. */
static bool number_by_entry(const struct log_entries *kept, struct label_block *const *blocks, size_t stream_count,
                            struct arena *arena)
{
    uint32_t *number = arena_array(arena, stream_count + 1, sizeof *number), next = 0; /* and one more, 0: none yet */
    for (size_t i = 0; number && i < kept->count; i++) {
        uint32_t *n = &number[block_of(&kept->at[i])->stream];
        *n = *n ? *n : ++next;
    }
    for (size_t i = 0; number && i < kept->block_count; i++)
        blocks[i]->stream = number[blocks[i]->stream] - 1;
    return number;
}

/* Numbers the streams, in the order of their labels or with `ordered` of their entries, and gives each block the number of its
 * own. */
static bool name_streams(const struct log_entries *kept, bool categorize, bool ordered, struct query_result *result)
{
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
    if (ordered && blocks && !number_by_entry(kept, blocks, stream_count, &result->arena))
        return false;
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
bool log_entries_part(struct log_entries *kept, bool categorize, bool ordered, struct query_result *result)
{
    struct query_entry *at = kept->at;
    size_t count = kept->count, first = 0;
    if (!name_streams(kept, categorize, ordered, result))
        return false;
    uint32_t *place = arena_array(&result->arena, count + 1, sizeof *place);
    const struct query_entry **rows = ordered ? arena_array(&result->arena, count + 1, sizeof *rows) : NULL;
    if (!place || (ordered && !rows))
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
        if (ordered)
            rows[i] = &at[place[i]];
    }
    result->rows = rows;
    result->row_count = ordered ? count : 0;
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
