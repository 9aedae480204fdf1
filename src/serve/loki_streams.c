/*
 * loki_streams.c - see loki_streams.h.
 *
 * A stream's key is the JSON of its labels: that is what must be written anyway, equal sets have equal text, and its
 * order of bytes is the order in which Loki sorts streams (it compares the printed form, too).
 */
#include "serve/loki_streams.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"

enum { TABLE_SIZE_FIRST = 64 };

struct entry {
    struct entry     *next;
    struct loki_entry of;
};

struct loki_stream {
    uint64_t      hash;
    bole_slice    key;
    bole_slice    source; /* categorized: the canonical labels it was made of */
    struct entry *first, *last;
};

void loki_streams_init(struct loki_streams *s, struct budget *budget, bool categorize)
{
    *s = (struct loki_streams){.categorize = categorize};
    arena_init(&s->arena, budget);
    buf_init(&s->key, budget);
}

void loki_streams_deinit(struct loki_streams *s)
{
    arena_deinit(&s->arena);
    buf_deinit(&s->key);
}

void loki_streams_reset(struct loki_streams *s)
{
    struct arena arena = s->arena;
    struct buf key = s->key;
    bool categorize = s->categorize;
    arena_reset(&arena);
    *s = (struct loki_streams){.arena = arena, .key = key, .categorize = categorize};
}

static int compare_labels(const void *a, const void *b)
{
    const struct label *x = a, *y = b;
    return bole_slice_cmp(x->name, y->name);
}

/* Stable, and quick on what is nearly always a short list or one sorted already. */
static void sort_labels(struct label *labels, size_t count)
{
    bool sorted = true;
    for (size_t i = 1; i < count && sorted; i++)
        sorted = compare_labels(&labels[i - 1], &labels[i]) <= 0;
    if (sorted)
        return;
    if (count > 64) {
        qsort(labels, count, sizeof *labels, compare_labels); /* of a repeated name either may count then */
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct label one = labels[i];
        size_t at = i;
        for (; at > 0 && compare_labels(&labels[at - 1], &one) > 0; at--)
            labels[at] = labels[at - 1];
        labels[at] = one;
    }
}

static void put_sorted(struct buf *out, const struct label *labels, size_t count)
{
    buf_put_u8(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i && bole_slice_eq(labels[i - 1].name, labels[i].name))
            continue;
        if (i)
            buf_put_u8(out, ',');
        buf_put_json(out, labels[i].name, true);
        buf_put_u8(out, ':');
        buf_put_json(out, labels[i].value, true);
    }
    buf_put_u8(out, '}');
}

void loki_put_label_array(struct buf *out, const struct label *labels, size_t count, struct label *scratch)
{
    if (count)
        memcpy(scratch, labels, count * sizeof *labels);
    sort_labels(scratch, count);
    put_sorted(out, scratch, count);
}

static bool reserve_sorted(struct loki_streams *s, size_t count)
{
    if (count <= s->sorted_max && s->sorted)
        return true;
    size_t max = count < 32 ? 32 : count * 2;
    s->sorted = arena_array(&s->arena, max, sizeof *s->sorted);
    s->sorted_max = s->sorted ? max : 0;
    return s->sorted != NULL;
}

/* Leaves the JSON of the labels that name the entry's stream in s->key. */
static bool make_key(struct loki_streams *s, const struct loki_entry *e)
{
    size_t count = labels_count(e->stream);
    size_t total = s->categorize ? count : count + e->metadata_count + e->parsed_count;
    if (!reserve_sorted(s, total))
        return false;
    struct reader r = reader_of(e->stream);
    size_t at = 0;
    while (at < count && labels_next(&r, &s->sorted[at]))
        at++;
    if (!s->categorize) {
        for (size_t i = 0; i < e->metadata_count; i++)
            s->sorted[at++] = e->metadata[i];
        for (size_t i = 0; i < e->parsed_count; i++)
            s->sorted[at++] = e->parsed[i];
        sort_labels(s->sorted, at);
    }
    buf_reset(&s->key);
    put_sorted(&s->key, s->sorted, at);
    return !s->key.failed;
}

static struct loki_stream **find_slot(struct loki_stream **table, size_t size, uint64_t hash, bole_slice key)
{
    size_t at = hash & (size - 1);
    while (table[at] && !(table[at]->hash == hash && bole_slice_eq(table[at]->key, key)))
        at = (at + 1) & (size - 1);
    return &table[at];
}

static bool grow_table(struct loki_streams *s)
{
    size_t size = s->table_size ? s->table_size * 2 : TABLE_SIZE_FIRST;
    struct loki_stream **table = arena_array(&s->arena, size, sizeof *table);
    if (!table)
        return false;
    for (size_t i = 0; i < s->table_size; i++)
        if (s->table[i])
            *find_slot(table, size, s->table[i]->hash, s->table[i]->key) = s->table[i];
    s->table = table;
    s->table_size = size;
    return true;
}

static struct loki_stream *find_stream(struct loki_streams *s, const struct loki_entry *e)
{
    if (s->categorize && s->last && bole_slice_eq(s->last->source, e->stream))
        return s->last;
    if (!make_key(s, e) || ((s->stream_count + 1) * 2 > s->table_size && !grow_table(s)))
        return NULL;
    bole_slice key = buf_slice(&s->key);
    uint64_t hash = hash64(key);
    struct loki_stream **slot = find_slot(s->table, s->table_size, hash, key);
    if (*slot)
        return *slot;
    struct loki_stream *stream = arena_zalloc(&s->arena, sizeof *stream);
    if (!stream)
        return NULL;
    stream->hash = hash;
    stream->key = arena_copy(&s->arena, key);
    stream->source = s->categorize ? arena_copy(&s->arena, e->stream) : (bole_slice){0};
    if (!stream->key.ptr || (s->categorize && !stream->source.ptr))
        return NULL;
    *slot = stream;
    s->stream_count++;
    return stream;
}

static bool copy_labels(struct arena *a, const struct label **labels, size_t count)
{
    struct label *copy = arena_array(a, count, sizeof *copy);
    if (!copy)
        return false;
    for (size_t i = 0; i < count; i++) {
        copy[i].name = arena_copy(a, (*labels)[i].name);
        copy[i].value = arena_copy(a, (*labels)[i].value);
        if (!copy[i].name.ptr || !copy[i].value.ptr)
            return false;
    }
    *labels = copy;
    return true;
}

/* Merged entries have said all about their labels with the stream they are in. */
static bool copy_entry(struct loki_streams *s, struct loki_entry *e)
{
    e->stream = (bole_slice){0};
    e->line = arena_copy(&s->arena, e->line);
    if (!s->categorize)
        e->metadata_count = e->parsed_count = 0;
    return e->line.ptr && copy_labels(&s->arena, &e->metadata, e->metadata_count) &&
           copy_labels(&s->arena, &e->parsed, e->parsed_count);
}

static size_t size_of(const struct label *labels, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += labels[i].name.len + labels[i].value.len;
    return size;
}

bole_status loki_streams_add(struct loki_streams *s, const struct loki_entry *entry, bool copy, struct bole_err *err)
{
    struct loki_stream *stream = find_stream(s, entry);
    struct entry *e = stream ? arena_zalloc(&s->arena, sizeof *e) : NULL;
    if (!e)
        return bole_fail(err, BOLE_E_LIMIT, "the answer needs more memory than one query may use");
    e->of = *entry;
    if (copy && !copy_entry(s, &e->of))
        return bole_fail(err, BOLE_E_LIMIT, "the answer needs more memory than one query may use");
    if (stream->last)
        stream->last->next = e;
    else
        stream->first = e;
    stream->last = e;
    s->last = stream;
    s->entry_count++;
    s->size_bytes += entry->line.len + size_of(entry->metadata, entry->metadata_count) +
                     size_of(entry->parsed, entry->parsed_count);
    return BOLE_OK;
}

static void put_category(struct buf *out, bool *first, const char *name, const struct label *labels, size_t count,
                         struct label *scratch)
{
    if (!count)
        return;
    buf_printf(out, "%s\"%s\":", *first ? "" : ",", name);
    loki_put_label_array(out, labels, count, scratch);
    *first = false;
}

static void put_entry(const struct loki_streams *s, struct buf *out, const struct loki_entry *e, struct label *scratch)
{
    buf_put(out, S("[\""));
    buf_put_int(out, e->time_ns);
    buf_put(out, S("\","));
    buf_put_json(out, e->line, true);
    if (s->categorize) {
        bool first = true;
        buf_put(out, S(",{"));
        put_category(out, &first, "structuredMetadata", e->metadata, e->metadata_count, scratch);
        put_category(out, &first, "parsed", e->parsed, e->parsed_count, scratch);
        buf_put_u8(out, '}');
    }
    buf_put_u8(out, ']');
}

static size_t most_labels(const struct loki_stream *stream)
{
    size_t most = 1;
    for (const struct entry *e = stream->first; e; e = e->next) {
        most = e->of.metadata_count > most ? e->of.metadata_count : most;
        most = e->of.parsed_count > most ? e->of.parsed_count : most;
    }
    return most;
}

static bool put_stream(const struct loki_streams *s, struct buf *out, const struct loki_stream *stream)
{
    struct label *scratch = malloc(most_labels(stream) * sizeof *scratch);
    if (!scratch)
        return false;
    buf_put(out, S("{\"stream\":"));
    buf_put(out, stream->key);
    buf_put(out, S(",\"values\":["));
    for (const struct entry *e = stream->first; e; e = e->next) {
        if (e != stream->first)
            buf_put_u8(out, ',');
        put_entry(s, out, &e->of, scratch);
    }
    buf_put(out, S("]}"));
    free(scratch);
    return true;
}

static int compare_streams(const void *a, const void *b)
{
    const struct loki_stream *const *x = a, *const *y = b;
    return bole_slice_cmp((*x)->key, (*y)->key);
}

bole_status loki_streams_write(const struct loki_streams *s, struct buf *out, struct bole_err *err)
{
    const struct loki_stream **order = calloc(s->stream_count + 1, sizeof *order);
    bool ok = order != NULL;
    size_t count = 0;
    for (size_t i = 0; ok && i < s->table_size; i++)
        if (s->table[i])
            order[count++] = s->table[i];
    if (count)
        qsort(order, count, sizeof *order, compare_streams);
    buf_put_u8(out, '[');
    for (size_t i = 0; ok && i < count; i++) {
        if (i)
            buf_put_u8(out, ',');
        ok = put_stream(s, out, order[i]);
    }
    buf_put_u8(out, ']');
    free(order);
    return ok && !out->failed ? BOLE_OK : bole_fail(err, BOLE_E_LIMIT, "the answer needs more memory than one query may use");
}
