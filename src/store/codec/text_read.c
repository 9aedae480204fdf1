/*
 * Building lines: a cursor per column counts its values as the rows go by, so that a row costs what it has.
 */
#include <assert.h>

#include "base/err.h"
#include "store/codec/copy.h"
#include "store/codec/text_private.h"

static inline uint32_t line_of(const struct text_column *c, uint32_t index) /* in the table of the column */
{
    return c->kind == TEXT_COLUMN_DICTIONARY ? (uint32_t)ints_offset(&c->ids, index) : index;
}

/* ---- a line of a table of its own, from what it is made of ---- */

static const struct text_template *seek_inner(const struct text_column *c, uint32_t index);
static uint64_t row_len(const struct text_table *table, const struct text_template *p);
static uint8_t *put_row(struct text_table *table, const struct text_template *p, uint8_t *out);

static __attribute__((noinline)) uint64_t inner_len(const struct text_column *c, uint32_t index)
{
    return row_len(c->table, seek_inner(c, index));
}

static __attribute__((noinline)) uint8_t *inner_put(const struct text_column *c, uint32_t index, uint8_t *out)
{
    out = put_row(c->table, seek_inner(c, index), out);
    c->table->cursor_row++;
    return out;
}

/* ---- values of a column that is loaded or prepared ---- */

static inline uint64_t column_len(const struct text_column *c, uint32_t index)
{
    if (c->kind == TEXT_COLUMN_VALUES)
        return values_len(&c->values, index);
    if (!c->lines)
        return inner_len(c, index);
    uint32_t line = line_of(c, index);
    return c->starts[line + 1] - c->starts[line];
}

/* 16 bytes of room behind both: a copy of fixed size is one instruction. */
static inline uint8_t *put_bytes(uint8_t *out, const uint8_t *p, uint32_t len)
{
    if (len <= 16)
        memcpy(out, p, 16);
    else
        copy_long(out, p, len);
    return out + len;
}

static inline uint8_t *column_put(const struct text_column *c, uint32_t index, uint8_t *out)
{
    if (c->kind == TEXT_COLUMN_VALUES)
        return values_put(&c->values, index, out);
    if (!c->lines)
        return inner_put(c, index, out);
    uint32_t line = line_of(c, index), start = c->starts[line];
    return put_bytes(out, c->lines + start, c->starts[line + 1] - start);
}

/* ---- rows ---- */

static bole_status load_template(struct text *t, struct text_table *table, struct text_template *p, bool few,
                                 struct bole_err *err)
{
    uint64_t len_max = p->literals_len;
    for (uint32_t k = 0; k < p->slot_count; k++) {
        bole_status st = (few ? text_prepare_column : text_load_column)(t, table, p->columns[k], err);
        if (st < 0)
            return st;
        len_max += table->columns[p->columns[k]].values.stamp.max_len;
    }
    p->len_max = len_max ? len_max : 1;
    return BOLE_OK;
}

static inline void skip_rows(struct text_table *table, const struct text_template *p, uint32_t rows)
{
    for (uint32_t k = 0; k < p->slot_count; k++)
        table->cursor[p->columns[k]] += rows;
}

enum { COUNTED_TEMPLATES = 8, COUNTED_ROWS = 16 };

/* Moves the cursor on to `row`: far with few templates by how many rows each has until there. */
static void skip_to(struct text_table *table, uint32_t row)
{
    if (table->template_count <= COUNTED_TEMPLATES && row - table->cursor_row >= COUNTED_ROWS) {
        uint32_t rows[COUNTED_TEMPLATES] = {0};
        for (; table->cursor_row < row; table->cursor_row++)
            rows[text_row_template(table, table->cursor_row)]++;
        for (uint32_t i = 0; i < table->template_count; i++)
            skip_rows(table, &table->templates[i], rows[i]);
        return;
    }
    for (; table->cursor_row < row; table->cursor_row++)
        skip_rows(table, &table->templates[text_row_template(table, table->cursor_row)], 1);
}

/* Moves the cursor to `row`, from its block on if that is not where the cursor is. */
static void seek(struct text_table *table, uint32_t row)
{
    uint32_t block = row / table->block;
    if (row < table->cursor_row || block > table->cursor_row / table->block) {
        memcpy(table->cursor, table->before + (size_t)block * table->column_count, table->column_count * sizeof *table->cursor);
        table->cursor_row = block * table->block;
    }
    skip_to(table, row);
}

static const struct text_template *seek_inner(const struct text_column *c, uint32_t index)
{
    uint32_t line = line_of(c, index);
    seek(c->table, line);
    return &c->table->templates[text_row_template(c->table, line)];
}

static uint8_t *put_row(struct text_table *table, const struct text_template *p, uint8_t *out)
{
    const uint8_t *literal = p->literals;
    for (uint32_t k = 0; k < p->slot_count; k++) {
        uint32_t column = p->columns[k];
        out = put_bytes(out, literal, p->pieces[k]);
        literal += p->pieces[k];
        out = column_put(&table->columns[column], table->cursor[column]++, out);
    }
    return put_bytes(out, literal, p->pieces[p->slot_count]);
}

static uint64_t row_len(const struct text_table *table, const struct text_template *p)
{
    uint64_t len = p->literals_len;
    for (uint32_t k = 0; k < p->slot_count; k++)
        len += column_len(&table->columns[p->columns[k]], table->cursor[p->columns[k]]);
    return len;
}

/* What the row at the cursor needs of the tables of its columns, where they are only prepared. */
static bole_status prepare_inner(struct text *t, struct text_table *table, const struct text_template *p, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    for (uint32_t k = 0; st >= 0 && k < p->slot_count; k++) {
        struct text_column *c = &table->columns[p->columns[k]];
        if (c->kind == TEXT_COLUMN_VALUES || c->lines)
            continue;
        uint32_t line = line_of(c, table->cursor[p->columns[k]]);
        struct text_template *inner = &c->table->templates[text_row_template(c->table, line)];
        st = inner->len_max ? BOLE_OK : load_template(t, c->table, inner, true, err);
    }
    return st;
}

static bole_status prepare_row(struct text *t, struct text_table *table, struct text_template *p, struct bole_err *err)
{
    bole_status st = p->len_max ? BOLE_OK : load_template(t, table, p, t->few_left > 0, err);
    return st >= 0 && t->few_left > 0 ? prepare_inner(t, table, p, err) : st;
}

/* Up to this much is reserved for a row without asking how long it is. */
#define LEN_GUESS_MAX 65536u

static bole_status append_row(struct text *t, struct text_table *table, struct buf *out, struct bole_err *err)
{
    struct text_template *p = &table->templates[text_row_template(table, table->cursor_row)];
    bole_status st = prepare_row(t, table, p, err);
    if (st < 0)
        return st;
    uint64_t len = p->len_max <= LEN_GUESS_MAX ? p->len_max : row_len(table, p);
    if (len > UINT32_MAX || !buf_reserve(out, len + 32))
        return bole_fail(err, BOLE_E_LIMIT, "text: no room for a line of %llu bytes", (unsigned long long)len);
    out->len = (size_t)(put_row(table, p, out->ptr + out->len) - out->ptr);
    table->cursor_row++;
    return out->len <= UINT32_MAX ? BOLE_OK : bole_fail(err, BOLE_E_LIMIT, "text: lines of more than 4 GiB");
}

/* `more` rows are going to be built: when they are no longer few, templates are loaded anew as they come. */
static void expect_rows(struct text *t, uint32_t more)
{
    if (t->few_left == 0)
        return;
    t->few_left = more < t->few_left ? t->few_left - more : 0;
    for (uint32_t i = 0; t->few_left == 0 && i < t->root.template_count; i++)
        t->root.templates[i].len_max = 0;
}

bole_status text_append_row(struct text *t, struct text_table *table, uint32_t row, struct buf *out, struct bole_err *err)
{
    bole_status st = text_load_rows(t, table, err);
    if (st < 0)
        return st;
    if (table == &t->root)
        expect_rows(t, 1);
    seek(table, row);
    return append_row(t, table, out, err);
}

bole_status text_load_lines(struct text *t, struct text_column *c, struct bole_err *err)
{
    struct text_table *table = c->table;
    struct arena *arena = t->source.arena;
    bole_status st = text_load_rows(t, table, err);
    for (uint32_t i = 0; st >= 0 && i < table->template_count; i++)
        st = load_template(t, table, &table->templates[i], false, err);
    if (st < 0)
        return st;
    uint32_t *starts = arena_alloc(arena, (table->row_count + 1ull) * sizeof *starts);
    uint64_t at = 0;
    for (uint32_t row = 0; starts && row < table->row_count && at <= UINT32_MAX; row++) {
        const struct text_template *p = &table->templates[text_row_template(table, row)];
        seek(table, row);
        starts[row] = (uint32_t)at;
        at += row_len(table, p);
    }
    if (at > UINT32_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "text: a column of more than 4 GiB");
    uint8_t *lines = starts ? arena_alloc(arena, at + 32) : NULL;
    if (!lines)
        return text_no_room(err);
    starts[table->row_count] = (uint32_t)at;
    for (uint32_t row = 0; row < table->row_count; row++) {
        seek(table, row);
        put_row(table, &table->templates[text_row_template(table, row)], lines + starts[row]);
        table->cursor_row++;
    }
    c->lines = lines;
    c->starts = starts;
    return BOLE_OK;
}

bole_status text_lines(struct text *t, uint32_t first, uint32_t count, const uint64_t *bits, struct buf *out,
                       uint32_t *ret_ends, struct bole_err *err)
{
    struct text_table *table = &t->root;
    assert(first <= table->row_count && count <= table->row_count - first);
    bole_status st = text_load_rows(t, table, err);
    uint32_t asked = 0;
    for (uint32_t row = first; row < first + count; row++)
        asked += bits[row / 64] >> row % 64 & 1;
    expect_rows(t, asked);
    for (uint32_t row = first; st >= 0 && row < first + count; row++) {
        if (bits[row / 64] >> row % 64 & 1) {
            seek(table, row);
            st = append_row(t, table, out, err);
        }
        ret_ends[row - first] = (uint32_t)out->len;
    }
    return st;
}

bole_status text_lengths(struct text *t, uint32_t first, uint32_t count, uint32_t *ret_lengths, struct bole_err *err)
{
    struct text_table *table = &t->root;
    assert(first <= table->row_count && count <= table->row_count - first);
    bole_status st = text_load_rows(t, table, err);
    expect_rows(t, count);
    for (uint32_t row = first; st >= 0 && row < first + count; row++) {
        seek(table, row);
        struct text_template *p = &table->templates[text_row_template(table, row)];
        st = prepare_row(t, table, p, err);
        if (st < 0)
            break;
        uint64_t len = row_len(table, p);
        if (len > UINT32_MAX)
            st = bole_fail(err, BOLE_E_LIMIT, "text: a line of %llu bytes", (unsigned long long)len);
        ret_lengths[row - first] = (uint32_t)len;
    }
    return st;
}

/* ---- for people ---- */

uint32_t text_template_count(const struct text *t)
{
    return t->root.template_count;
}

/* dict+ and raw+ are tables of their own. */
static const char *column_name(const struct text_column *c)
{
    static const char *const types[] = {"const", "raw", "dict", "int", "hex", "ip4", "uuid", "time"};
    static const char *const kinds[] = {[TEXT_COLUMN_DICTIONARY] = "dict+", [TEXT_COLUMN_TABLE] = "raw+"};
    return c->kind == TEXT_COLUMN_VALUES ? types[c->values.type] : kinds[c->kind];
}

void text_template(const struct text *t, uint32_t index, struct buf *out, uint32_t *ret_rows)
{
    assert(index < t->root.template_count);
    const struct text_template *p = &t->root.templates[index];
    const uint8_t *literal = p->literals;
    for (uint32_t k = 0; k <= p->slot_count; k++) {
        buf_put(out, bole_slice_from(literal, p->pieces[k]));
        literal += p->pieces[k];
        if (k < p->slot_count)
            buf_printf(out, "<%u:%s>", p->columns[k], column_name(&t->root.columns[p->columns[k]]));
    }
    *ret_rows = p->rows;
}

uint32_t text_column_count(const struct text *t)
{
    return t->root.column_count;
}

struct text_column_info text_column_info(const struct text *t, uint32_t index)
{
    assert(index < t->root.column_count);
    const struct text_column *c = &t->root.columns[index];
    struct text_column_info info = {c->values.type, c->values.count, 0, c->numbers.len, c->text.len, {0}};
    if (c->kind == TEXT_COLUMN_VALUES) {
        info.distinct = values_distinct_count(&c->values);
        return info;
    }
    info.type = c->kind == TEXT_COLUMN_DICTIONARY ? VALUES_DICT : VALUES_RAW;
    info.distinct = c->kind == TEXT_COLUMN_DICTIONARY ? c->table->row_count : 0;
    info.numbers_size += c->table->numbers_part.len;
    for (uint32_t i = 0; i < c->table->column_count; i++) {
        info.numbers_size += c->table->columns[i].numbers.len;
        info.text_size += c->table->columns[i].text.len;
    }
    info.text_size += c->table->literals.len;
    return info;
}
