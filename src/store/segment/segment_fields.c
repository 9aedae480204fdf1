/*
 * The fields of a group, three passes. The first counts each key; the FIELD_COLUMNS_MAX most frequent keys get a column of
 * their own. The second lays the entries (row, field) of each such key end to end, in row order, and puts everything else
 * (rarer keys, a second value of one key) into the column that takes the rest. The third writes column by column.
 */
#include "store/segment/segment_fields.h"

#include <stdlib.h>

#include "store/codec/values.h"
#include "store/scan/rest.h"

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
    struct values_encoder *encoder;
    struct buf scratch, numbers, text, rest;
    uint32_t   rest_lengths[GROUP_ROWS_MAX];
    bole_slice slices[GROUP_ROWS_MAX]; /* values of the column in hand */
    int64_t    times[GROUP_ROWS_MAX];  /* of their rows */
};

struct field_writer *field_writer_create(void)
{
    struct field_writer *f = calloc(1, sizeof *f); /* buffers start empty as zeros */
    if (f && !(f->encoder = values_encoder_create())) {
        free(f);
        return NULL;
    }
    return f;
}

void field_writer_destroy(struct field_writer *f)
{
    if (!f)
        return;
    free(f->use_of_key);
    free(f->uses);
    free(f->entries);
    values_encoder_destroy(f->encoder);
    buf_deinit(&f->scratch);
    buf_deinit(&f->numbers);
    buf_deinit(&f->text);
    buf_deinit(&f->rest);
    free(f);
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

enum { COLUMN_VALUES_MIN = 4 /* fewer are shorter among the rest */ };

/* Chooses the keys with a column and gives every use its place among the entries. */
static uint32_t choose_columns(struct field_writer *f)
{
    qsort(f->uses, f->use_count, sizeof *f->uses, by_count);
    uint32_t columns = f->use_count < FIELD_COLUMNS_MAX ? f->use_count : FIELD_COLUMNS_MAX, first = 0;
    while (columns && f->uses[columns - 1].count < COLUMN_VALUES_MIN)
        columns--;
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
                rest_put(&f->rest, batch_field(b, i));
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

/* Encodes the first `count` values of f->slices and puts the chunks of a column that `count` rows have. */
static bool put_values(struct field_writer *f, uint32_t count, uint32_t row_count, enum chunk_kind kind,
                       struct segment_file *file, struct buf *directory)
{
    struct values_input in = {.values = f->slices, .count = count, .time_ns = f->times};
    buf_reset(&f->numbers);
    buf_reset(&f->text);
    if (values_encode(f->encoder, &in, &f->scratch, &f->numbers, &f->text, NULL) < 0)
        return false;
    if (kind == CHUNK_REST)
        values_encoder_distinct(f->encoder, rest_pieces, &(struct rest_pieces){segment_file_piece, file});
    else
        values_encoder_distinct(f->encoder, segment_file_piece, file);
    buf_put(&f->scratch, buf_slice(&f->numbers));
    buf_put_varint(directory, f->text.len ? 2 : 1);
    buf_put_varint(directory, chunk_put(&file->out, &file->codec, kind, row_count, buf_slice(&f->scratch)));
    buf_put_varint(directory, row_count);
    if (f->text.len) {
        buf_put_varint(directory, chunk_put(&file->out, &file->codec, kind, row_count, buf_slice(&f->text)));
        buf_put_varint(directory, row_count);
    }
    return !f->scratch.failed && !f->text.failed;
}

static bool put_rest_column(struct field_writer *f, const struct group_rows *g, struct segment_file *file, struct buf *directory)
{
    size_t at = 0;
    for (uint32_t row = 0; row < g->row_count; row++) {
        f->slices[row] = bole_slice_from(f->rest.ptr + at, f->rest_lengths[row]);
        f->times[row] = g->rows[row].time_ns;
        at += f->rest_lengths[row];
    }
    buf_put_u8(directory, CHUNK_REST);
    buf_reset(&f->scratch);
    buf_put_varint(&f->scratch, g->row_count);
    return put_values(f, g->row_count, g->row_count, CHUNK_REST, file, directory);
}

static bool put_column(struct field_writer *f, const struct group_rows *g, const struct key_use *use,
                       struct segment_file *file, struct buf *directory)
{
    const struct entry *entries = f->entries + use->first;
    bole_slice key = g->keys->items[use->key].text;
    buf_put_u8(directory, CHUNK_FIELD);
    buf_put_varint(directory, key.len);
    buf_put(directory, key);
    buf_reset(&f->scratch);
    buf_put_varint(&f->scratch, use->filled);
    size_t bits = f->scratch.len;
    if (use->filled < g->row_count)
        buf_put_zeros(&f->scratch, (g->row_count + 7) / 8);
    if (f->scratch.failed)
        return false;
    for (uint32_t i = 0; i < use->filled; i++) {
        uint32_t row = entries[i].row;
        f->slices[i] = entry_value(g, &entries[i]);
        f->times[i] = g->rows[row].time_ns;
        if (use->filled < g->row_count)
            f->scratch.ptr[bits + row / 8] |= (uint8_t)(1u << row % 8);
    }
    return put_values(f, use->filled, g->row_count, CHUNK_FIELD, file, directory);
}

bool field_writer_put(struct field_writer *f, const struct group_rows *g, struct segment_file *file, struct buf *directory,
                      uint32_t *ret_columns, uint64_t *ret_bytes)
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
        if (!put_column(f, g, &f->uses[i], file, directory))
            return false;
    *ret_columns = columns + (f->rest.len > 0);
    return !f->rest.failed && (f->rest.len == 0 || put_rest_column(f, g, file, directory));
}
