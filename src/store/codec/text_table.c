/*
 * Encoding goes in passes over the lines: split and intern; drop templates of too few rows; give slots columns; bring the
 * values of each column together; encode the columns. A column of strings becomes a table itself where that is smaller: its
 * distinct values are then the lines.
 */
#include "store/codec/text_table.h"

#include <assert.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/err.h"
#include "base/random.h"
#include "store/codec/array.h"
#include "store/codec/mix.h"

enum {
    COLUMNS_MAX = TEXT_COLUMNS_MAX - SPLIT_SLOTS_MAX - 1, /* when there are more, no template is added */
    TEMPLATE_SLOTS_MAX = TEXT_SLOTS_MAX - SPLIT_SLOTS_MAX - 1,
    ROW_SLOTS_MAX = 2 * 1024 * 1024, /* of all rows: lines behind are stored whole, or memory would have no bound */
    ROWS_PER_TRY = 4,            /* of the templates tried, the most frequent are kept */
    ROWS_MIN = 3,                /* of a template: fewer are smaller as they are */
    NEST_TEXT_MIN = 8 * 1024,        /* bytes of a column that are worth a table */
    NEST_SAMPLE_BYTES = 2 * 1024 * 1024, /* that decide whether it gets one; few show no repetition */
    NEST_FIELDS_MIN = 256, /* bytes of an average value that may be better split in fields than in parts */
    NEST_PACKED_MIN = 1024, /* a column that takes less, compressed, is good enough as it is */
};

static void work_init(struct text_work *w)
{
    *w = (struct text_work){0};
    template_table_init(&w->templates);
    buf_init(&w->heads, NULL);
}

static void work_deinit(struct text_work *w)
{
    template_table_deinit(&w->templates);
    column_table_deinit(&w->columns);
    free(w->row_template);
    free(w->slots);
    free(w->number);
    free(w->order);
    free(w->values);
    free(w->hashes);
    free(w->gathered);
    free(w->cuts);
    buf_deinit(&w->heads);
}

static bole_status no_memory(const struct text_writer *e, struct bole_err *err)
{
    return e->torn ? bole_fail(err, BOLE_E_CORRUPT, "text: a line was split wrong")
                   : bole_fail(err, BOLE_E_NOMEM, "text: no memory to encode lines");
}

bool text_writer_init(struct text_writer *w, struct text_memory *memory)
{
    w->memory = memory;
    work_init(&w->root);
    work_init(&w->inner);
    chunks_init(&w->chunks);
    chunks_init(&w->trial);
    buf_init(&w->trial_map, NULL);
    buf_init(&w->packed, NULL);
    bool ok = splitter_init(&w->splitter);
    ok &= distinct_init(&w->distinct);
    w->values = values_encoder_create();
    w->seed = random_next(&random_system);
    w->numbers = malloc(VALUES_COUNT_MAX * sizeof *w->numbers);
    w->of_id = malloc(VALUES_COUNT_MAX * sizeof *w->of_id);
    w->zstd = ZSTD_createCCtx();
    return ok && w->values && w->numbers && w->of_id && w->zstd;
}

void text_writer_deinit(struct text_writer *w)
{
    splitter_deinit(&w->splitter);
    distinct_deinit(&w->distinct);
    values_encoder_destroy(w->values);
    work_deinit(&w->root);
    work_deinit(&w->inner);
    chunks_deinit(&w->chunks);
    chunks_deinit(&w->trial);
    buf_deinit(&w->trial_map);
    buf_deinit(&w->packed);
    free(w->numbers);
    free(w->of_id);
    ZSTD_freeCCtx(w->zstd);
}

size_t text_packed_size(struct text_writer *w, const struct chunks *c)
{
    size_t sum = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        bole_slice raw = chunks_at(c, i);
        buf_reset(&w->packed);
        if (!buf_reserve(&w->packed, ZSTD_compressBound(raw.len)))
            return SIZE_MAX;
        size_t n = ZSTD_compressCCtx(w->zstd, w->packed.ptr, w->packed.cap, raw.ptr, raw.len, 1);
        sum += ZSTD_isError(n) || n > raw.len ? raw.len : n;
    }
    return sum;
}

/* ---- split ---- */

static bool add_slots(struct text_work *w, const struct split_slot *slots, uint32_t count)
{
    if (!array_reserve(&w->slots, &w->slot_cap, (size_t)w->slot_count + count, sizeof *w->slots))
        return false;
    if (count) /* before the first slot there is no array */
        memcpy(w->slots + w->slot_count, slots, count * sizeof *slots);
    w->slot_count += count;
    return true;
}

/* Whether the bytes up to `end` begin with the literal, which has 8 bytes behind it. */
static inline bool is_literal(const uint8_t *p, const uint8_t *end, const uint8_t *literal, size_t len)
{
    if (len > (size_t)(end - p))
        return false;
    for (; len > 8; p += 8, literal += 8, len -= 8)
        if (load_u64(p) != load_u64(literal))
            return false;
    uint64_t differ = end - p >= 8 ? load_u64(p) ^ load_u64(literal) : load_short(p, len) ^ load_short(literal, len);
    return len == 0 || !(differ << (64 - 8 * len));
}

/* Whether the line is the literals of the template with the slots between them: who split it is not trusted. */
static inline bool is_template(const struct text_work *w, uint32_t number, const struct split_slot *slots, uint32_t slot_count,
                               bole_slice line)
{
    const struct template *p = &w->templates.list[number];
    const uint32_t *pieces = w->templates.pieces + p->piece_at;
    const uint8_t *literal = w->templates.text.ptr + p->text_at, *at = line.ptr, *end = line.ptr + line.len;
    if (p->slot_count != slot_count)
        return false;
    for (uint32_t k = 0; k < slot_count; k++) {
        if (!is_literal(at, end, literal, pieces[k]) || slots[k].offset != (size_t)(at - line.ptr) + pieces[k] ||
            slots[k].len > (size_t)(end - at) - pieces[k])
            return false;
        literal += pieces[k];
        at += pieces[k] + slots[k].len;
    }
    return (size_t)(end - at) == pieces[slot_count] && is_literal(at, end, literal, pieces[slot_count]);
}

static bool split_rows(struct text_writer *e, struct text_work *w, enum split how, const bole_slice *lines, uint32_t count)
{
    uint32_t limit = count / ROWS_PER_TRY + 1;
    split_begin(&e->splitter, how, w == &e->inner, lines, count);
    template_table_reset(&w->templates);
    w->slot_count = 0;
    if (!array_reserve(&w->row_template, &w->row_cap, count, sizeof *w->row_template))
        return false;
    for (uint32_t row = 0; row < count; row++) {
        uint32_t slot_count = 0, number = TEMPLATE_NONE;
        if (how != SPLIT_WHOLE && !split_classify(&e->splitter, lines[row]))
            return false;
        if (how != SPLIT_WHOLE && how != SPLIT_NUMBERS)
            number = template_guess(&w->templates, &e->splitter, lines[row], &slot_count);
        if (number == TEMPLATE_NONE) {
            slot_count = split_line(&e->splitter, lines[row]);
            number = w->templates.slot_count > TEMPLATE_SLOTS_MAX ? TEMPLATE_NONE
                     : template_intern(&w->templates, &e->splitter, lines[row], slot_count, limit);
        }
        if (number != TEMPLATE_NONE && w->slot_count > ROW_SLOTS_MAX) {
            w->templates.list[number].rows--;
            number = TEMPLATE_NONE;
        }
        w->row_template[row] = number;
        if (number == TEMPLATE_NONE)
            continue;
        if (!add_slots(w, e->splitter.slots, slot_count) || !buf_reserve(&w->templates.text, 8))
            return false;
        if (w == &e->root && !is_template(w, number, e->splitter.slots, slot_count, lines[row])) {
            e->torn = true;
            return false;
        }
    }
    return !w->templates.no_memory && !e->splitter.no_memory;
}

/* ---- templates and columns ---- */

static int descending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

/* Templates of enough rows, most rows first, are numbered and given columns. */
static bool choose_templates(struct text_work *w, uint32_t row_count, uint32_t rows_min)
{
    const struct template_table *t = &w->templates;
    column_table_reset(&w->columns);
    w->order_count = 0;
    w->whole_rows = row_count;
    if (!array_reserve(&w->number, &w->number_cap, t->count, sizeof *w->number) ||
        !array_reserve(&w->order, &w->order_cap, t->count, sizeof *w->order))
        return false;
    for (uint32_t i = 0; i < t->count; i++)
        w->order[i] = ((uint64_t)t->list[i].rows << 32) | (UINT32_MAX - i);
    qsort(w->order, t->count, sizeof *w->order, descending);
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t template = UINT32_MAX - (uint32_t)w->order[i];
        bool keep = t->list[template].rows >= rows_min && w->order_count <= row_count / TEXT_ROWS_PER_TEMPLATE &&
                    w->columns.count < COLUMNS_MAX && template_columns(&w->templates, template, &w->columns);
        w->number[template] = keep ? w->order_count : TEMPLATE_NONE;
        if (keep) {
            w->order[w->order_count++] = template;
            w->whole_rows -= t->list[template].rows;
        }
    }
    return !t->no_memory && (!w->whole_rows || column_table_add(&w->columns, w->whole_rows) != UINT32_MAX);
}

struct gathering { /* of one table */
    uint64_t              seed;
    struct text_gathered *columns;
    bole_slice           *values;
    uint64_t             *hashes;
};

/* room: bytes that may be read from the value on. */
static inline void gather_value(const struct gathering *g, uint32_t column, bole_slice value, size_t room)
{
    uint32_t at = g->columns[column].end++;
    struct distinct_hashes h = distinct_hashes(g->seed, value, room);
    g->values[at] = value;
    g->hashes[at] = h.hash;
    g->columns[column].check += h.check;
}

static bool reserve_values(struct text_work *w)
{
    uint64_t total = 0;
    if (!array_reserve(&w->gathered, &w->gathered_cap, w->columns.count, sizeof *w->gathered))
        return false;
    for (uint32_t c = 0; c < w->columns.count; c++) {
        w->columns.list[c].first = (uint32_t)total;
        w->gathered[c] = (struct text_gathered){.end = (uint32_t)total};
        total += w->columns.list[c].count;
    }
    return total <= UINT32_MAX && array_reserve(&w->values, &w->value_cap, total, sizeof *w->values) &&
           array_reserve(&w->hashes, &w->hash_cap, total, sizeof *w->hashes);
}

/* Values of all rows, column by column; row_template becomes the number in the map. */
static void gather_values(struct text_work *w, uint64_t seed, const bole_slice *lines, uint32_t row_count)
{
    const struct gathering g = {seed, w->gathered, w->values, w->hashes};
    const struct split_slot *slot = w->slots;
    for (uint32_t row = 0; row < row_count; row++) {
        uint32_t template = w->row_template[row], number = template == TEMPLATE_NONE ? template : w->number[template];
        const struct template *p = template == TEMPLATE_NONE ? NULL : &w->templates.list[template];
        if (number == TEMPLATE_NONE) {
            gather_value(&g, w->columns.count - 1, lines[row], lines[row].len);
            slot += p ? p->slot_count : 0;
            w->row_template[row] = w->order_count;
            continue;
        }
        const uint32_t *columns = w->templates.columns + p->slot_at;
        for (uint32_t k = 0; k < p->slot_count; k++, slot++)
            gather_value(&g, columns[k], bole_slice_from(lines[row].ptr + slot->offset, slot->len), lines[row].len - slot->offset);
        w->row_template[row] = number;
    }
}

uint32_t text_map_templates(const struct text_work *w)
{
    return w->order_count + (w->whole_rows > 0);
}

/* ---- the map ---- */

static const struct template whole = {.slot_count = 1};

const struct template *text_map_template(const struct text_work *w, uint32_t number)
{
    return number < w->order_count ? &w->templates.list[w->order[number]] : &whole;
}

static void put_templates(const struct text_work *w, struct buf *map)
{
    uint32_t count = text_map_templates(w);
    buf_put_varint(map, count);
    buf_put_varint(map, w->columns.count);
    for (uint32_t i = 0; i < count; i++) {
        const struct template *p = text_map_template(w, i);
        buf_put_varint(map, p == &whole ? w->whole_rows : p->rows);
        buf_put_varint(map, p->slot_count);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct template *p = text_map_template(w, i);
        for (uint32_t k = 0; k <= p->slot_count; k++)
            buf_put_varint(map, p == &whole ? 0 : w->templates.pieces[p->piece_at + k]);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct template *p = text_map_template(w, i);
        int64_t expected = 0;
        for (uint32_t k = 0; k < p->slot_count; k++) {
            int64_t column = p == &whole ? w->columns.count - 1 : w->templates.columns[p->slot_at + k];
            buf_put_varint(map, text_zigzag(column - expected));
            expected = column + 1;
        }
    }
}

static void put_literals(const struct text_work *w, struct buf *map)
{
    size_t len = 0;
    for (uint32_t i = 0; i < w->order_count; i++)
        len += text_map_template(w, i)->text_len;
    buf_put_varint(map, len);
    for (uint32_t i = 0; i < w->order_count; i++)
        buf_put(map, template_text(&w->templates, text_map_template(w, i)));
}

/* ---- columns ---- */

/* A first guess, so that the times of a column's rows are only brought together for stamps. */
static bool may_be_stamp(bole_slice v)
{
    return v.len >= 15 && v.len <= 40 && memchr(v.ptr, ':', v.len);
}

/* The times of the rows whose template has the column. */
static const int64_t *column_times(struct text_writer *e, const struct text_work *w, uint32_t column, const struct text_input *in)
{
    if (w->columns.list[column].count == in->count)
        return in->time_ns;
    uint32_t n = 0, templates = text_map_templates(w);
    memset(e->has_column, 0, templates * sizeof *e->has_column);
    for (uint32_t i = 0; i < templates; i++) {
        const struct template *p = text_map_template(w, i);
        e->has_column[i] = p == &whole && column == w->columns.count - 1;
        for (uint32_t k = 0; p != &whole && k < p->slot_count; k++)
            e->has_column[i] |= w->templates.columns[p->slot_at + k] == column;
    }
    for (uint32_t row = 0; row < in->count; row++) { /* no branch that nobody could predict */
        e->numbers[n] = in->time_ns[row];
        n += e->has_column[w->row_template[row]];
    }
    assert(n == w->columns.list[column].count);
    return e->numbers;
}

struct distinct_sink { bole_slice *next, *end; };

static void add_distinct(void *ctx, bole_slice value)
{
    struct distinct_sink *sink = ctx;
    assert(sink->next < sink->end);
    *sink->next++ = value;
}

/* A column as values.h stores it. Afterwards only its distinct values are left. */
static bole_status put_values(struct text_writer *e, struct text_work *w, struct chunks *chunks, uint32_t number,
                              const struct text_input *in, struct buf *map, struct bole_err *err)
{
    struct column *column = &w->columns.list[number];
    bole_slice *values = w->values + column->first;
    struct buf *numbers = &chunks->open[CHUNKS_NUMBERS], *text = &chunks->open[CHUNKS_TEXT];
    size_t numbers_from = numbers->len, text_from = text->len;
    const int64_t *times = in->time_ns && may_be_stamp(values[0]) ? column_times(e, w, number, in) : NULL;
    struct values_input vin = {values, column->count, times, w->hashes + column->first};
    buf_reset(&w->heads);
    bole_status st = values_encode(e->values, &vin, &w->heads, numbers, text, err);
    if (st < 0)
        return st;
    buf_put_varint(map, TEXT_COLUMN_VALUES);
    chunks_place(chunks, CHUNKS_NUMBERS, numbers_from, map);
    chunks_place(chunks, CHUNKS_TEXT, text_from, map);
    buf_put(map, buf_slice(&w->heads));
    struct distinct_sink sink = {values, values + column->count};
    values_encoder_distinct(e->values, add_distinct, &sink);
    column->count = (uint32_t)(sink.next - values);
    return BOLE_OK;
}

static void put_row_numbers(struct text_work *w, struct chunks *chunks, uint32_t row_count, struct buf *map)
{
    struct buf *numbers = &chunks->open[CHUNKS_NUMBERS];
    unsigned planes = text_planes(text_map_templates(w));
    size_t from = numbers->len;
    if (buf_reserve(numbers, (size_t)planes * row_count)) {
        for (unsigned plane = 0; plane < planes; plane++)
            for (uint32_t row = 0; row < row_count; row++)
                numbers->ptr[numbers->len++] = (uint8_t)(w->row_template[row] >> (8 * plane));
    }
    chunks_place(chunks, CHUNKS_NUMBERS, from, map);
}

typedef bole_status put_column_fn(struct text_writer *e, struct text_work *w, struct chunks *chunks, uint32_t number,
                                  const struct text_input *in, struct buf *map, struct bole_err *err);

static bool find_templates(struct text_writer *e, struct text_work *w, enum split how, const struct text_input *in)
{
    return split_rows(e, w, how, in->lines, in->count) && choose_templates(w, in->count, ROWS_MIN);
}

/* After find_templates. */
static bole_status put_table(struct text_writer *e, struct text_work *w, struct chunks *chunks, const struct text_input *in,
                             put_column_fn *put_column, struct buf *map, struct bole_err *err)
{
    if (!reserve_values(w))
        return no_memory(e, err);
    gather_values(w, e->seed, in->lines, in->count);
    put_templates(w, map);
    for (uint32_t c = 0; c < w->columns.count; c++) {
        bole_status st = put_column(e, w, chunks, c, in, map, err);
        if (st < 0)
            return st;
    }
    put_row_numbers(w, chunks, in->count, map);
    put_literals(w, map);
    return map->failed || w->heads.failed || chunks->no_memory ? no_memory(e, err) : BOLE_OK;
}

/* ---- tables of values ---- */

/* Numbers the values in e->numbers and brings the distinct ones to the front; returns how many. 0: too many for a dictionary. */
static uint32_t number_values(struct text_writer *e, bole_slice *values, const uint64_t *hashes, uint32_t count)
{
    struct distinct *d = &e->distinct;
    struct distinct_input in = {values, hashes, count, count / 2 + 1};
    if (!distinct_number(d, &in, e->numbers))
        return 0;
    for (uint32_t id = 0; id < d->count; id++)
        values[id] = values[d->first[id]];
    return d->count;
}

static bole_status put_nest(struct text_writer *e, struct text_work *w, uint32_t number, enum split how, struct buf *map,
                            struct bole_err *err)
{
    struct column *column = &w->columns.list[number];
    bole_slice *values = w->values + column->first;
    uint32_t count = column->count, distinct = number_values(e, values, w->hashes + column->first, count);
    if (distinct) {
        struct buf *numbers = &e->chunks.open[CHUNKS_NUMBERS];
        size_t from = numbers->len;
        struct ints_head head;
        buf_reset(&w->heads);
        ints_plan(e->numbers, count, true, &head);
        ints_put(&head, e->numbers, count, &w->heads, numbers);
        buf_put_varint(map, TEXT_COLUMN_DICTIONARY);
        buf_put_varint(map, distinct);
        chunks_place(&e->chunks, CHUNKS_NUMBERS, from, map);
        buf_put(map, buf_slice(&w->heads));
        column->count = distinct;
    } else {
        buf_put_varint(map, TEXT_COLUMN_TABLE);
    }
    struct text_input in = {values, NULL, column->count, 0};
    bool found = find_templates(e, &e->inner, how, &in);
    return found ? put_table(e, &e->inner, &e->chunks, &in, put_values, map, err) : no_memory(e, err);
}

/* The size of these values as a table split so, SIZE_MAX where it has no template; SPLIT_KINDS: as a plain column. */
static bole_status try_nest(struct text_writer *e, enum split how, const bole_slice *values, uint32_t count, size_t *ret_size,
                            struct bole_err *err)
{
    struct text_input in = {values, NULL, count, 0};
    *ret_size = SIZE_MAX;
    if (!find_templates(e, &e->inner, how == SPLIT_KINDS ? SPLIT_WHOLE : how, &in))
        return no_memory(e, err);
    if (how != SPLIT_KINDS && !e->inner.order_count)
        return BOLE_OK;
    chunks_reset(&e->trial);
    buf_reset(&e->trial_map);
    bole_status st = put_table(e, &e->inner, &e->trial, &in, put_values, &e->trial_map, err);
    if (st < 0)
        return st;
    chunks_finish(&e->trial, buf_slice(&e->trial_map));
    *ret_size = text_packed_size(e, &e->trial);
    return BOLE_OK;
}

static size_t bytes_of(const bole_slice *values, uint32_t count)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += values[i].len;
    return bytes;
}

/* Whether the values of a column are smaller as a table, and split in which way: tried on the first ones. */
static bole_status choose_nest(struct text_writer *e, const struct text_work *w, const struct column *column, enum split *ret_how,
                               struct bole_err *err)
{
    static const enum split splits[] = {SPLIT_KINDS, SPLIT_NUMBERS, SPLIT_PARTS, SPLIT_FIELDS, SPLIT_SHAPE};
    bole_slice *values = e->nest_sample;
    uint32_t count = 0;
    size_t bytes = 0, best = SIZE_MAX;
    for (; count < column->count && count < TEXT_NEST_SAMPLE && bytes < NEST_SAMPLE_BYTES; count++) {
        values[count] = w->values[column->first + count];
        e->nest_hashes[count] = w->hashes[column->first + count];
        bytes += values[count].len;
    }
    uint32_t distinct = number_values(e, values, e->nest_hashes, count);
    *ret_how = SPLIT_KINDS;
    if (distinct && bytes_of(values, distinct) < NEST_PACKED_MIN)
        return BOLE_OK;
    for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
        if (splits[i] == SPLIT_SHAPE && (values[0].len == 0 || values[0].ptr[0] != '{'))
            continue;
        if (splits[i] == SPLIT_FIELDS && bytes / count < NEST_FIELDS_MIN)
            continue;
        size_t size;
        bole_status st = try_nest(e, splits[i], values, distinct ? distinct : count, &size, err);
        if (st < 0)
            return st;
        if (best == SIZE_MAX || size < best - best / 32) {
            best = size;
            *ret_how = splits[i];
        }
        if (best * column->count / count < NEST_PACKED_MIN)
            break;
    }
    return BOLE_OK;
}

/* Numbers are best left to values.h. */
static bool may_be_text(bole_slice v)
{
    for (size_t i = 0; i < v.len; i++)
        if ((v.ptr[i] < '0' || v.ptr[i] > '9') && v.ptr[i] != '.' && v.ptr[i] != '-')
            return true;
    return false;
}

static bool is_worth_a_table(const struct text_work *w, const struct column *column)
{
    const bole_slice *values = w->values + column->first;
    size_t bytes = 0;
    for (uint32_t i = 0; i < column->count && bytes < NEST_TEXT_MIN; i++)
        bytes += values[i].len;
    return bytes >= NEST_TEXT_MIN &&
           (may_be_text(values[0]) || may_be_text(values[column->count / 2]) || may_be_text(values[column->count - 1]));
}

static bole_status put_column(struct text_writer *e, struct text_work *w, struct chunks *chunks, uint32_t number,
                              const struct text_input *in, struct buf *map, struct bole_err *err)
{
    const struct column *column = &w->columns.list[number];
    uint64_t key = mix(column->key, in->family);
    enum split how;
    if (e->sample || !is_worth_a_table(w, column)) /* splits compare with plain columns as they do with tables */
        return put_values(e, w, chunks, number, in, map, err);
    if (!text_memory_nest(e->memory, key, &how) || e->learn) {
        bole_status st = choose_nest(e, w, column, &how, err);
        if (st < 0)
            return st;
        text_memory_set_nest(e->memory, key, how);
    }
    return how == SPLIT_KINDS ? put_values(e, w, chunks, number, in, map, err) : put_nest(e, w, number, how, map, err);
}

bole_status text_put_table(struct text_writer *e, enum split how, const struct text_input *in, struct buf *map,
                           struct bole_err *err)
{
    e->torn = false;
    return find_templates(e, &e->root, how, in) ? put_table(e, &e->root, &e->chunks, in, put_column, map, err) : no_memory(e, err);
}

enum { PIECES_AHEAD = 8 /* values lie all over the lines */ };

void text_table_pieces(const struct text_writer *e, void (*fn)(void *ctx, bole_slice piece), void *ctx)
{
    const struct text_work *w = &e->root;
    for (uint32_t i = 0; i < w->order_count; i++) {
        const struct template *p = text_map_template(w, i);
        const uint8_t *literal = template_text(&w->templates, p).ptr;
        for (uint32_t k = 0; k <= p->slot_count; k++) {
            uint32_t len = w->templates.pieces[p->piece_at + k];
            if (len)
                fn(ctx, bole_slice_from(literal, len));
            literal += len;
        }
    }
    for (uint32_t c = 0; c < w->columns.count; c++) {
        const bole_slice *values = w->values + w->columns.list[c].first;
        uint32_t count = w->columns.list[c].count;
        for (uint32_t i = 0; i < count; i++) {
            __builtin_prefetch(values[i + PIECES_AHEAD < count ? i + PIECES_AHEAD : i].ptr);
            fn(ctx, values[i]);
        }
    }
}

static struct cut_slot cut_slot_of(void *ctx, uint32_t column)
{
    struct text_work *w = ctx;
    struct cut_slot s = w->cuts[column];
    const bole_slice *values = w->values + w->columns.list[column].first;
    if (s.len_max != UINT32_MAX)
        return s;
    s = (struct cut_slot){.len_min = UINT32_MAX};
    for (uint32_t i = 0; i < w->columns.list[column].count; i++) {
        bole_slice v = values[i];
        s.dots = s.dots || (v.len && memchr(v.ptr, '.', v.len));
        s.dashes = s.dashes || (v.len && memchr(v.ptr, '-', v.len));
        s.len_min = v.len < s.len_min ? (uint32_t)v.len : s.len_min;
        s.len_max = v.len > s.len_max ? (uint32_t)v.len : s.len_max;
    }
    return w->cuts[column] = s;
}

bool text_table_cuts(struct text_writer *e)
{
    struct text_work *w = &e->root;
    if (!array_reserve(&w->cuts, &w->cut_cap, w->columns.count, sizeof *w->cuts))
        return true;
    for (uint32_t c = 0; c < w->columns.count; c++)
        w->cuts[c].len_max = UINT32_MAX;
    for (uint32_t i = 0; i < w->order_count; i++) {
        const struct template *p = text_map_template(w, i);
        const struct cut_template cut = {template_text(&w->templates, p).ptr, w->templates.pieces + p->piece_at,
                                         w->templates.columns + p->slot_at, p->slot_count};
        if (cut_possible(&cut, cut_slot_of, w))
            return true;
    }
    return false;
}
