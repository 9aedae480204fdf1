/*
 * Encoding goes in passes over the lines: split and intern; drop templates of too few rows; give slots columns; bring the
 * values of each column together; encode the columns; read everything back and compare.
 */
#include <assert.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/err.h"
#include "store/codec/array.h"
#include "store/codec/chunks.h"
#include "store/codec/template.h"
#include "store/codec/text_private.h"

enum {
    ROWS_PER_TEMPLATE = 16, /* more templates than rows / 16: the rest of the lines is stored whole */
    COLUMNS_MAX = 1000,
    SAMPLE_ROWS = 2048,     /* that a split is chosen by, in stretches of */
    SAMPLE_STRETCH = 128,
    FAMILIES = 1024,        /* that are remembered: by family % FAMILIES, the newer one stays */
    ROWS_MIN = 3,           /* of a template: fewer are smaller as they are */
};

/* Scratch memory for one table of lines. */
struct work {
    struct template_table templates;
    struct column_table   columns;
    uint32_t             *row_template; /* [row] as split */
    uint32_t              row_cap;
    struct split_slot    *slots;        /* of all rows, in order */
    uint32_t              slot_count, slot_cap;
    uint32_t             *number;       /* of template: its number in the map; TEMPLATE_NONE: its lines are stored whole */
    uint32_t              number_cap;
    uint64_t             *order;        /* templates of the map */
    uint32_t              order_count, order_cap;
    bole_slice           *values;       /* of all columns, column by column; after encoding its distinct values */
    uint32_t              value_count, value_cap;
    uint32_t             *cursor;       /* of column */
    uint32_t              cursor_cap;
    uint32_t              whole_rows;   /* stored as one slot; if there are any their template is the last one of the map */
};

/* What is remembered of a family from one row group to the next. */
struct family {
    uint64_t   family;
    uint64_t   per_mille; /* encoded bytes of raw ones when the split was chosen */
    enum split how;
    bool       used, try_again;
};

struct text_encoder {
    struct splitter        splitter;
    struct values_encoder *values;
    struct work            root;
    struct chunks          chunks;
    struct buf             map, heads;
    int64_t               *times;       /* [VALUES_COUNT_MAX] of a column's rows */
    bool                   has_column[VALUES_COUNT_MAX / ROWS_PER_TEMPLATE + 2]; /* of templates */
    bole_slice             sample_lines[SAMPLE_ROWS];
    int64_t                sample_times[SAMPLE_ROWS];
    struct family          families[FAMILIES];
    ZSTD_CCtx             *zstd;        /* for trials */
    struct buf             packed;
    enum split             split;       /* of the last row group */
    enum split             fixed;       /* SPLIT_KINDS: by trial */
    uint64_t               mismatches;  /* row groups that did not read back: stored whole */
};

static void work_init(struct work *w)
{
    *w = (struct work){0};
    template_table_init(&w->templates);
}

static void work_deinit(struct work *w)
{
    template_table_deinit(&w->templates);
    column_table_deinit(&w->columns);
    free(w->row_template);
    free(w->slots);
    free(w->number);
    free(w->order);
    free(w->values);
    free(w->cursor);
}

struct text_encoder *text_encoder_create(void)
{
    struct text_encoder *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->fixed = SPLIT_KINDS;
    bool ok = splitter_init(&e->splitter);
    work_init(&e->root);
    chunks_init(&e->chunks);
    buf_init(&e->map, NULL);
    buf_init(&e->heads, NULL);
    buf_init(&e->packed, NULL);
    e->zstd = ZSTD_createCCtx();
    e->values = values_encoder_create();
    e->times = malloc(VALUES_COUNT_MAX * sizeof *e->times);
    if (!ok || !e->values || !e->times || !e->zstd) {
        text_encoder_destroy(e);
        return NULL;
    }
    return e;
}

void text_encoder_destroy(struct text_encoder *e)
{
    if (!e)
        return;
    splitter_deinit(&e->splitter);
    values_encoder_destroy(e->values);
    work_deinit(&e->root);
    chunks_deinit(&e->chunks);
    buf_deinit(&e->map);
    buf_deinit(&e->heads);
    buf_deinit(&e->packed);
    ZSTD_freeCCtx(e->zstd);
    free(e->times);
    free(e);
}

/* ---- split ---- */

static bool add_slots(struct work *w, const struct split_slot *slots, uint32_t count)
{
    if (!array_reserve(&w->slots, &w->slot_cap, (size_t)w->slot_count + count, sizeof *w->slots))
        return false;
    memcpy(w->slots + w->slot_count, slots, count * sizeof *slots);
    w->slot_count += count;
    return true;
}

static bool split_rows(struct text_encoder *e, struct work *w, enum split how, const bole_slice *lines, uint32_t count)
{
    uint32_t limit = count / ROWS_PER_TEMPLATE + 1;
    template_table_reset(&w->templates);
    w->slot_count = 0;
    if (!array_reserve(&w->row_template, &w->row_cap, count, sizeof *w->row_template))
        return false;
    for (uint32_t row = 0; row < count; row++) {
        uint32_t slot_count = 0, number = TEMPLATE_NONE;
        if (how != SPLIT_WHOLE && !split_classify(&e->splitter, lines[row]))
            return false;
        if (how != SPLIT_WHOLE && how != SPLIT_NUMBERS)
            number = template_guess(&w->templates, &e->splitter, lines[row]);
        if (number == TEMPLATE_NONE) {
            slot_count = split_line(&e->splitter, how, lines[row]);
            number = template_intern(&w->templates, &e->splitter, how, lines[row], slot_count, limit);
        } else {
            slot_count = w->templates.list[number].slot_count;
        }
        w->row_template[row] = number;
        if (number != TEMPLATE_NONE && !add_slots(w, e->splitter.slots, slot_count))
            return false;
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
static bool choose_templates(struct work *w, uint32_t row_count, uint32_t rows_min)
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
        bool keep = t->list[template].rows >= rows_min && template_columns(&w->templates, template, &w->columns, COLUMNS_MAX);
        w->number[template] = keep ? w->order_count : TEMPLATE_NONE;
        if (keep) {
            w->order[w->order_count++] = template;
            w->whole_rows -= t->list[template].rows;
        }
    }
    return !w->whole_rows || column_table_add(&w->columns, w->whole_rows) != UINT32_MAX;
}

/* Values of all rows, column by column; row_template becomes the number in the map. */
static bool gather_values(struct work *w, const bole_slice *lines, uint32_t row_count)
{
    uint64_t total = 0;
    if (!array_reserve(&w->cursor, &w->cursor_cap, w->columns.count, sizeof *w->cursor))
        return false;
    for (uint32_t c = 0; c < w->columns.count; c++) {
        w->columns.list[c].first = w->cursor[c] = (uint32_t)total;
        total += w->columns.list[c].count;
    }
    if (total > UINT32_MAX || !array_reserve(&w->values, &w->value_cap, total, sizeof *w->values))
        return false;
    const struct split_slot *slot = w->slots;
    for (uint32_t row = 0; row < row_count; row++) {
        uint32_t template = w->row_template[row], number = template == TEMPLATE_NONE ? template : w->number[template];
        const struct template *p = template == TEMPLATE_NONE ? NULL : &w->templates.list[template];
        if (number == TEMPLATE_NONE) {
            w->values[w->cursor[w->columns.count - 1]++] = lines[row];
            slot += p ? p->slot_count : 0;
            w->row_template[row] = w->order_count;
            continue;
        }
        const uint32_t *columns = w->templates.columns + p->slot_at;
        for (uint32_t k = 0; k < p->slot_count; k++, slot++)
            w->values[w->cursor[columns[k]]++] = bole_slice_from(lines[row].ptr + slot->offset, slot->len);
        w->row_template[row] = number;
    }
    return true;
}

static uint32_t map_templates(const struct work *w)
{
    return w->order_count + (w->whole_rows > 0);
}

/* ---- the map ---- */

static const struct template whole = {.slot_count = 1};

static const struct template *map_template(const struct work *w, uint32_t number)
{
    return number < w->order_count ? &w->templates.list[w->order[number]] : &whole;
}

static void put_templates(const struct work *w, struct buf *map)
{
    uint32_t count = map_templates(w);
    buf_put_varint(map, count);
    buf_put_varint(map, w->columns.count);
    for (uint32_t i = 0; i < count; i++) {
        const struct template *p = map_template(w, i);
        buf_put_varint(map, p == &whole ? w->whole_rows : p->rows);
        buf_put_varint(map, p->slot_count);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct template *p = map_template(w, i);
        for (uint32_t k = 0; k <= p->slot_count; k++)
            buf_put_varint(map, p == &whole ? 0 : w->templates.pieces[p->piece_at + k]);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct template *p = map_template(w, i);
        int64_t expected = 0;
        for (uint32_t k = 0; k < p->slot_count; k++) {
            int64_t column = p == &whole ? w->columns.count - 1 : w->templates.columns[p->slot_at + k];
            buf_put_varint(map, text_zigzag(column - expected));
            expected = column + 1;
        }
    }
}

static void put_literals(const struct work *w, struct buf *map)
{
    size_t len = 0;
    for (uint32_t i = 0; i < w->order_count; i++)
        len += map_template(w, i)->text_len;
    buf_put_varint(map, len);
    for (uint32_t i = 0; i < w->order_count; i++)
        buf_put(map, template_text(&w->templates, map_template(w, i)));
}

/* ---- columns ---- */

/* A first guess, so that the times of a column's rows are only brought together for stamps. */
static bool may_be_stamp(bole_slice v)
{
    return v.len >= 15 && v.len <= 40 && memchr(v.ptr, ':', v.len);
}

/* The times of the rows whose template has the column. */
static const int64_t *column_times(struct text_encoder *e, const struct work *w, uint32_t column, const struct text_input *in)
{
    if (w->columns.list[column].count == in->count)
        return in->time_ns;
    uint32_t n = 0, templates = map_templates(w);
    memset(e->has_column, 0, templates * sizeof *e->has_column);
    for (uint32_t i = 0; i < templates; i++) {
        const struct template *p = map_template(w, i);
        e->has_column[i] = p == &whole && column == w->columns.count - 1;
        for (uint32_t k = 0; p != &whole && k < p->slot_count; k++)
            e->has_column[i] |= w->templates.columns[p->slot_at + k] == column;
    }
    for (uint32_t row = 0; row < in->count; row++)
        if (e->has_column[w->row_template[row]])
            e->times[n++] = in->time_ns[row];
    assert(n == w->columns.list[column].count);
    return e->times;
}

struct distinct_sink { bole_slice *next, *end; };

static void add_distinct(void *ctx, bole_slice value)
{
    struct distinct_sink *sink = ctx;
    assert(sink->next < sink->end);
    *sink->next++ = value;
}

static bole_status put_column(struct text_encoder *e, struct work *w, uint32_t number, const struct text_input *in,
                              struct buf *map, struct bole_err *err)
{
    struct column *column = &w->columns.list[number];
    bole_slice *values = w->values + column->first;
    struct buf *numbers = &e->chunks.open[CHUNKS_NUMBERS], *text = &e->chunks.open[CHUNKS_TEXT];
    size_t numbers_from = numbers->len, text_from = text->len;
    struct values_input vin = {values, column->count, may_be_stamp(values[0]) ? column_times(e, w, number, in) : NULL};
    buf_reset(&e->heads);
    bole_status st = values_encode(e->values, &vin, &e->heads, numbers, text, err);
    if (st < 0)
        return st;
    buf_put_varint(map, chunks_place(&e->chunks, CHUNKS_NUMBERS, numbers_from));
    buf_put_varint(map, chunks_place(&e->chunks, CHUNKS_TEXT, text_from));
    buf_put(map, buf_slice(&e->heads));
    struct distinct_sink sink = {values, values + column->count};
    values_encoder_distinct(e->values, add_distinct, &sink);
    column->count = (uint32_t)(sink.next - values);
    return BOLE_OK;
}

static void put_row_numbers(struct text_encoder *e, const struct work *w, uint32_t row_count, struct buf *map)
{
    struct buf *numbers = &e->chunks.open[CHUNKS_NUMBERS];
    unsigned planes = text_planes(map_templates(w));
    size_t from = numbers->len;
    if (buf_reserve(numbers, (size_t)planes * row_count)) {
        for (unsigned plane = 0; plane < planes; plane++)
            for (uint32_t row = 0; row < row_count; row++)
                numbers->ptr[numbers->len++] = (uint8_t)(w->row_template[row] >> (8 * plane));
    }
    buf_put_varint(map, chunks_place(&e->chunks, CHUNKS_NUMBERS, from));
}

static bole_status no_memory(const struct text_input *in, struct bole_err *err)
{
    return bole_fail(err, BOLE_E_NOMEM, "text: no memory to encode %u lines", in->count);
}

static bole_status encode_as(struct text_encoder *e, enum split how, const struct text_input *in, struct bole_err *err)
{
    struct work *w = &e->root;
    split_begin(&e->splitter, in->lines, in->count);
    chunks_reset(&e->chunks);
    buf_reset(&e->map);
    if (!split_rows(e, w, how, in->lines, in->count) || !choose_templates(w, in->count, ROWS_MIN) ||
        !gather_values(w, in->lines, in->count))
        return no_memory(in, err);
    buf_put_u8(&e->map, TEXT_VERSION);
    put_templates(w, &e->map);
    for (uint32_t c = 0; c < w->columns.count; c++) {
        bole_status st = put_column(e, w, c, in, &e->map, err);
        if (st < 0)
            return st;
    }
    put_row_numbers(e, w, in->count, &e->map);
    put_literals(w, &e->map);
    chunks_finish(&e->chunks, buf_slice(&e->map));
    return e->map.failed || e->heads.failed || e->chunks.no_memory ? no_memory(in, err) : BOLE_OK;
}

/* ---- reading back ---- */

static bole_status load_own(void *ctx, uint32_t chunk, bole_slice *ret_raw, struct bole_err *err)
{
    *ret_raw = chunks_at(ctx, chunk);
    return BOLE_OK;
}

/* Whether the chunks give the lines back. Anything but a yes is a no. */
static bool reads_back(struct text_encoder *e, const struct text_input *in)
{
    enum { STEP = 256 };
    static const uint64_t all[VALUES_COUNT_MAX / 64] = {[0 ... VALUES_COUNT_MAX / 64 - 1] = UINT64_MAX};
    uint32_t ends[STEP];
    struct arena arena;
    struct buf out;
    arena_init(&arena, NULL);
    buf_init(&out, NULL);
    struct text_source source = {load_own, &e->chunks, e->chunks.count, in->count, in->time_ns, &arena};
    struct text *t;
    bool same = text_open(&source, &t, NULL) >= 0;
    for (uint32_t row = 0; same && row < in->count; row += STEP) {
        uint32_t n = in->count - row < STEP ? in->count - row : STEP;
        buf_reset(&out);
        same = text_lines(t, row, n, all, &out, ends, NULL) >= 0;
        for (uint32_t i = 0; same && i < n; i++) {
            uint32_t start = i ? ends[i - 1] : 0;
            same = bole_slice_eq(bole_slice_from(out.ptr + start, ends[i] - start), in->lines[row + i]);
        }
    }
    arena_deinit(&arena);
    buf_deinit(&out);
    return same;
}

/* ---- choosing a split ---- */

/* Some stretches of the lines, far apart. */
static uint32_t take_sample(struct text_encoder *e, const struct text_input *in)
{
    uint32_t n = 0, stretches = SAMPLE_ROWS / SAMPLE_STRETCH;
    for (uint32_t i = 0; i < stretches; i++) {
        uint32_t first = in->count <= SAMPLE_ROWS ? i * SAMPLE_STRETCH
                                                  : (uint32_t)((uint64_t)(in->count - SAMPLE_STRETCH) * i / (stretches - 1));
        for (uint32_t k = 0; k < SAMPLE_STRETCH && first + k < in->count; k++, n++) {
            e->sample_lines[n] = in->lines[first + k];
            e->sample_times[n] = in->time_ns[first + k];
        }
    }
    return n;
}

/* What the chunks take when they are compressed. */
static size_t packed_size(struct text_encoder *e)
{
    size_t sum = 0;
    for (uint32_t i = 0; i < e->chunks.count; i++) {
        bole_slice raw = chunks_at(&e->chunks, i);
        buf_reset(&e->packed);
        if (!buf_reserve(&e->packed, ZSTD_compressBound(raw.len)))
            return SIZE_MAX;
        size_t n = ZSTD_compressCCtx(e->zstd, e->packed.ptr, e->packed.cap, raw.ptr, raw.len, 1);
        sum += ZSTD_isError(n) || n > raw.len ? raw.len : n;
    }
    return sum;
}

static uint64_t encoded_per_mille(const struct text_encoder *e, const struct text_input *in)
{
    uint64_t raw = 1, encoded = 0;
    for (uint32_t i = 0; i < in->count; i++)
        raw += in->lines[i].len;
    for (uint32_t i = 0; i < e->chunks.count; i++)
        encoded += chunks_at(&e->chunks, i).len;
    return encoded * 1000 / raw;
}

static bole_status try_splits(struct text_encoder *e, const struct text_input *in, enum split *ret_how, struct bole_err *err)
{
    static const enum split splits[] = {SPLIT_SHAPE, SPLIT_FIELDS, SPLIT_QUOTED, SPLIT_DIGITS};
    struct text_input sample = {e->sample_lines, e->sample_times, take_sample(e, in), in->family};
    uint32_t shaped = split_count_shaped(&e->splitter, sample.lines, sample.count);
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
        if (splits[i] == SPLIT_SHAPE && shaped < sample.count / 2)
            continue;
        bole_status st = encode_as(e, splits[i], &sample, err);
        if (st < 0)
            return st;
        size_t size = packed_size(e);
        if (size < best - best / 64) { /* the ones in front are better to search */
            best = size;
            *ret_how = splits[i];
        }
    }
    return BOLE_OK;
}

static bole_status choose_split(struct text_encoder *e, const struct text_input *in, enum split *ret_how, struct bole_err *err)
{
    struct family *f = &e->families[in->family % FAMILIES];
    *ret_how = e->fixed;
    if (e->fixed != SPLIT_KINDS)
        return BOLE_OK;
    if (f->used && f->family == in->family && !f->try_again) {
        *ret_how = f->how;
        return BOLE_OK;
    }
    bole_status st = try_splits(e, in, ret_how, err);
    if (st >= 0)
        *f = (struct family){.family = in->family, .how = *ret_how, .used = true};
    return st;
}

/* A split that no longer does what it did is chosen anew the next time. */
static void judge_split(struct text_encoder *e, const struct text_input *in)
{
    struct family *f = &e->families[in->family % FAMILIES];
    uint64_t per_mille = encoded_per_mille(e, in);
    if (!f->per_mille)
        f->per_mille = per_mille;
    f->try_again = per_mille > f->per_mille + f->per_mille / 2 + 5;
}

bole_status text_encode(struct text_encoder *e, const struct text_input *in,
                        bole_status (*put)(void *ctx, bole_slice raw, struct bole_err *err), void *ctx, struct bole_err *err)
{
    assert(in->count > 0 && in->count <= VALUES_COUNT_MAX);
    bole_status st = choose_split(e, in, &e->split, err);
    if (st >= 0)
        st = encode_as(e, e->split, in, err);
    if (st >= 0 && !reads_back(e, in)) {
        e->mismatches++;
        st = encode_as(e, e->split = SPLIT_WHOLE, in, err);
    }
    if (st >= 0)
        judge_split(e, in);
    for (uint32_t i = 0; st >= 0 && i < e->chunks.count; i++)
        st = put(ctx, chunks_at(&e->chunks, i), err);
    return st;
}

void text_encoder_pieces(const struct text_encoder *e, void (*fn)(void *ctx, bole_slice piece), void *ctx)
{
    const struct work *w = &e->root;
    for (uint32_t i = 0; i < w->order_count; i++) {
        const struct template *p = map_template(w, i);
        const uint8_t *literal = template_text(&w->templates, p).ptr;
        for (uint32_t k = 0; k <= p->slot_count; k++) {
            uint32_t len = w->templates.pieces[p->piece_at + k];
            if (len)
                fn(ctx, bole_slice_from(literal, len));
            literal += len;
        }
    }
    for (uint32_t c = 0; c < w->columns.count; c++)
        for (uint32_t i = 0; i < w->columns.list[c].count; i++)
            fn(ctx, w->values[w->columns.list[c].first + i]);
}

uint64_t text_encoder_mismatches(const struct text_encoder *e)
{
    return e->mismatches;
}

enum split text_encoder_split(const struct text_encoder *e)
{
    return e->split;
}

void text_encoder_fix_split(struct text_encoder *e, enum split how)
{
    e->fixed = how;
}
