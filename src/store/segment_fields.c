/*
 * The fields of a group, three passes. The first counts each key; the FIELD_COLUMNS_MAX most frequent keys get a column of
 * their own. The second lays the entries (row, field) of each such key end to end, in row order, and puts everything else
 * (rarer keys, a second value of one key) into the column that takes the rest. The third writes column by column: as a
 * dictionary when at least every second value is a repetition, else as bytes.
 */
#include "store/segment_fields.h"

#include <assert.h>
#include <stdlib.h>

#include "store/pack.h"

enum { DICT_TRIAL = 1024 /* distinct values after which a column that does not repeat itself gives up */ };

struct entry {
    uint32_t row;
    uint32_t field; /* index in the row's batch */
};

struct key_use {
    uint32_t key;
    uint32_t count;  /* values in this group */
    uint32_t column; /* or NO_COLUMN */
    uint32_t filled; /* entries placed so far */
    uint32_t first;  /* entry */
    uint32_t last_row;
};
#define NO_COLUMN UINT32_MAX
#define NO_ROW    UINT32_MAX

struct field_writer {
    uint32_t *use_of_key;   /* [key_capacity] index into uses + 1; 0: not in this group */
    uint32_t  key_capacity;
    struct key_use *uses;
    uint32_t  use_count, use_capacity;
    struct entry *entries;
    uint32_t  entry_capacity;
    struct interner values;
    struct buf scratch, rest;
    uint32_t   lengths[GROUP_ROWS_MAX]; /* or ids */
    uint32_t   rest_lengths[GROUP_ROWS_MAX];
    bole_slice slices[GROUP_ROWS_MAX];
};

struct field_writer *field_writer_create(void)
{
    return calloc(1, sizeof(struct field_writer)); /* interner and buffers start empty as zeros */
}

void field_writer_destroy(struct field_writer *f)
{
    if (!f)
        return;
    free(f->use_of_key);
    free(f->uses);
    free(f->entries);
    interner_deinit(&f->values);
    buf_deinit(&f->scratch);
    buf_deinit(&f->rest);
    free(f);
}

void bytes_column_put(const struct bytes_column *c, enum chunk_kind kind, struct chunk_codec *z, struct buf *scratch,
                      struct buf *out, struct buf *directory)
{
    /* Pages first, to count them: their sizes go behind the number of chunks. */
    uint32_t page_rows[GROUP_RAW_MAX / PAGE_RAW_TARGET * 4], page_count = 0;
    size_t raw = 0;
    uint32_t first = 0;
    for (uint32_t row = 0; row < c->row_count; row++) {
        raw += c->lengths[row] - (c->lengths[row] ? c->bias : 0);
        if (raw >= PAGE_RAW_TARGET || row + 1 == c->row_count) {
            assert(page_count <
                   sizeof page_rows / sizeof *page_rows); /* a group ends with the row that passes its limit */
            page_rows[page_count++] = row + 1 - first;
            first = row + 1;
            raw = 0;
        }
    }
    buf_put_varint(directory, 1 + page_count);
    buf_reset(scratch);
    pack_u32(scratch, c->lengths, c->row_count);
    buf_put_varint(directory, chunk_put(out, z, kind, c->row_count, buf_slice(scratch)));
    buf_put_varint(directory, c->row_count);
    for (uint32_t page = 0, row = 0; page < page_count; page++) {
        buf_reset(scratch);
        for (uint32_t end = row + page_rows[page]; row < end; row++)
            buf_put(scratch, c->value(c->ctx, row));
        out->failed |= scratch->failed;
        buf_put_varint(directory, chunk_put(out, z, kind, page_rows[page], buf_slice(scratch)));
        buf_put_varint(directory, page_rows[page]);
    }
}

/* ---- pass 1: which keys ---- */

static struct key_use *use_of(struct field_writer *f, uint32_t key)
{
    if (f->use_of_key[key])
        return &f->uses[f->use_of_key[key] - 1];
    if (f->use_count == f->use_capacity) {
        uint32_t capacity = f->use_capacity ? f->use_capacity * 2 : 64;
        struct key_use *uses = realloc(f->uses, capacity * sizeof *uses);
        if (!uses)
            return NULL;
        f->uses = uses;
        f->use_capacity = capacity;
    }
    f->uses[f->use_count] = (struct key_use){.key = key, .column = NO_COLUMN, .last_row = NO_ROW};
    f->use_of_key[key] = f->use_count + 1;
    return &f->uses[f->use_count++];
}

static bool reserve_keys(struct field_writer *f, uint32_t key_count)
{
    for (uint32_t i = 0; i < f->use_count; i++)
        f->use_of_key[f->uses[i].key] = 0;
    f->use_count = 0;
    if (key_count <= f->key_capacity)
        return true;
    uint32_t *grown = realloc(f->use_of_key, key_count * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + f->key_capacity, 0, (key_count - f->key_capacity) * sizeof *grown);
    f->use_of_key = grown;
    f->key_capacity = key_count;
    return true;
}

static bool count_keys(struct field_writer *f, const struct group_rows *g, uint32_t *ret_total, uint64_t *ret_bytes)
{
    uint32_t total = 0;
    uint64_t bytes = 0;
    for (uint32_t row = 0; row < g->row_count; row++) {
        const struct batch *b = g->sources[g->rows[row].source].batch;
        const uint32_t *key_ids = g->key_ids[g->rows[row].source];
        uint32_t first = batch_field_first(b, g->rows[row].row), end = b->field_end[g->rows[row].row];
        for (uint32_t i = first; i < end; i++) {
            struct key_use *use = use_of(f, key_ids[b->field_key[i]]);
            if (!use)
                return false;
            use->count++;
            bytes += b->keys[b->field_key[i]].len;
        }
        if (end > first)
            bytes += b->value_end[end - 1] - (first ? b->value_end[first - 1] : 0);
        total += end - first;
    }
    *ret_total = total;
    *ret_bytes = bytes;
    return true;
}

static int by_count(const void *a, const void *b)
{
    const struct key_use *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : (x->key > y->key) - (x->key < y->key);
}

/* Chooses the keys with a column and gives every use its place among the entries. */
static uint32_t choose_columns(struct field_writer *f)
{
    qsort(f->uses, f->use_count, sizeof *f->uses, by_count);
    uint32_t columns = f->use_count < FIELD_COLUMNS_MAX ? f->use_count : FIELD_COLUMNS_MAX, first = 0;
    for (uint32_t i = 0; i < f->use_count; i++) {
        struct key_use *use = &f->uses[i];
        f->use_of_key[use->key] = i + 1;
        if (i >= columns)
            continue;
        use->column = i;
        use->first = first;
        first += use->count;
    }
    return columns;
}

/* ---- pass 2: where each value goes ---- */

static void put_rest(struct field_writer *f, struct batch_field field)
{
    buf_put_varint(&f->rest, field.key.len);
    buf_put(&f->rest, field.key);
    buf_put_varint(&f->rest, field.value.len);
    buf_put(&f->rest, field.value);
}

static void place_entries(struct field_writer *f, const struct group_rows *g)
{
    buf_reset(&f->rest);
    for (uint32_t row = 0; row < g->row_count; row++) {
        const struct batch *b = g->sources[g->rows[row].source].batch;
        const uint32_t *key_ids = g->key_ids[g->rows[row].source];
        size_t rest_before = f->rest.len;
        for (uint32_t i = batch_field_first(b, g->rows[row].row); i < b->field_end[g->rows[row].row]; i++) {
            struct key_use *use = &f->uses[f->use_of_key[key_ids[b->field_key[i]]] - 1];
            if (use->column == NO_COLUMN || use->last_row == row)
                put_rest(f, batch_field(b, i));
            else
                f->entries[use->first + use->filled++] = (struct entry){row, i};
            use->last_row = row;
        }
        f->rest_lengths[row] = (uint32_t)(f->rest.len - rest_before);
    }
}

/* ---- pass 3: columns ---- */

static bole_slice entry_value(const struct group_rows *g, const struct entry *e)
{
    return batch_field(g->sources[g->rows[e->row].source].batch, e->field).value;
}

/* Fills f->lengths with ids. False when the values do not repeat enough. */
static bool make_dict(struct field_writer *f, const struct group_rows *g, const struct entry *entries, uint32_t count)
{
    bole_slice last = {0};
    uint32_t id = 0;
    interner_reset(&f->values);
    memset(f->lengths, 0, g->row_count * sizeof *f->lengths);
    for (uint32_t i = 0; i < count; i++) {
        bole_slice value = entry_value(g, &entries[i]);
        if (i == 0 || !bole_slice_eq(value, last)) {
            if (!interner_put(&f->values, 0, value, &id))
                return false; /* no memory for a dictionary: bytes need none */
            if (f->values.count > DICT_TRIAL && f->values.count > i / 2)
                return false;
        }
        last = value;
        f->lengths[entries[i].row] = id + 1;
    }
    return f->values.count <= count / 2 + 1;
}

static void put_dict(struct field_writer *f, const struct group_rows *g, struct chunk_codec *z, struct buf *out,
                     struct buf *directory)
{
    buf_put_varint(directory, 2);
    buf_reset(&f->scratch);
    pack_u32(&f->scratch, f->lengths, g->row_count);
    buf_put_varint(directory, chunk_put(out, z, CHUNK_FIELD_DICT, g->row_count, buf_slice(&f->scratch)));
    buf_put_varint(directory, g->row_count);
    buf_reset(&f->scratch);
    for (uint32_t i = 0; i < f->values.count; i++) {
        buf_put_varint(&f->scratch, f->values.items[i].text.len);
        buf_put(&f->scratch, f->values.items[i].text);
    }
    out->failed |= f->scratch.failed;
    buf_put_varint(directory, chunk_put(out, z, CHUNK_FIELD_DICT, f->values.count, buf_slice(&f->scratch)));
    buf_put_varint(directory, f->values.count);
}

static bole_slice slice_of_row(const void *ctx, uint32_t row)
{
    return ((const bole_slice *)ctx)[row];
}

static void put_bytes(struct field_writer *f, const struct group_rows *g, const struct entry *entries, uint32_t count,
                      struct chunk_codec *z, struct buf *out, struct buf *directory)
{
    memset(f->lengths, 0, g->row_count * sizeof *f->lengths);
    memset(f->slices, 0, g->row_count * sizeof *f->slices);
    for (uint32_t i = 0; i < count; i++) {
        bole_slice value = entry_value(g, &entries[i]);
        f->slices[entries[i].row] = value;
        f->lengths[entries[i].row] = (uint32_t)value.len + 1;
    }
    struct bytes_column c = {f->lengths, g->row_count, 1, slice_of_row, f->slices};
    bytes_column_put(&c, CHUNK_FIELD_BYTES, z, &f->scratch, out, directory);
}

static void put_rest_column(struct field_writer *f, const struct group_rows *g, struct chunk_codec *z, struct buf *out,
                            struct buf *directory)
{
    size_t at = 0;
    for (uint32_t row = 0; row < g->row_count; row++) {
        f->slices[row] = bole_slice_from(f->rest.ptr + at, f->rest_lengths[row]);
        at += f->rest_lengths[row];
    }
    struct bytes_column c = {f->rest_lengths, g->row_count, 0, slice_of_row, f->slices};
    buf_put_u8(directory, CHUNK_FIELD_REST);
    bytes_column_put(&c, CHUNK_FIELD_REST, z, &f->scratch, out, directory);
}

static void put_column(struct field_writer *f, const struct group_rows *g, const struct key_use *use,
                       struct chunk_codec *z, struct buf *out, struct buf *directory)
{
    const struct entry *entries = f->entries + use->first;
    bole_slice key = g->keys->items[use->key].text;
    bool is_dict = make_dict(f, g, entries, use->filled);
    buf_put_u8(directory, is_dict ? CHUNK_FIELD_DICT : CHUNK_FIELD_BYTES);
    buf_put_varint(directory, key.len);
    buf_put(directory, key);
    if (is_dict)
        put_dict(f, g, z, out, directory);
    else
        put_bytes(f, g, entries, use->filled, z, out, directory);
}

bool field_writer_put(struct field_writer *f, const struct group_rows *g, struct chunk_codec *z, struct buf *out,
                      struct buf *directory, uint32_t *ret_columns, uint64_t *ret_bytes)
{
    uint32_t total = 0;
    *ret_columns = 0;
    if (!reserve_keys(f, g->keys->count) || !count_keys(f, g, &total, ret_bytes))
        return false;
    if (total == 0)
        return true;
    if (total > f->entry_capacity) {
        free(f->entries);
        f->entries = malloc(total * sizeof *f->entries);
        f->entry_capacity = f->entries ? total : 0;
        if (!f->entries)
            return false;
    }
    uint32_t columns = choose_columns(f);
    place_entries(f, g);
    for (uint32_t i = 0; i < columns; i++)
        put_column(f, g, &f->uses[i], z, out, directory);
    if (f->rest.len)
        put_rest_column(f, g, z, out, directory);
    *ret_columns = columns + (f->rest.len > 0);
    return !f->rest.failed && !f->scratch.failed;
}
