/* Slots of templates for callers who read values instead of lines. */
#include <assert.h>

#include "base/err.h"
#include "store/codec/text_private.h"
#include "store/codec/values_private.h"

struct text_shape text_shape(const struct text *t, uint32_t template)
{
    assert(template < t->root.template_count);
    const struct text_template *p = &t->root.templates[template];
    return (struct text_shape){p->slot_count, p->rows, p->pieces, p->literals, p->columns};
}

bole_status text_row_templates(struct text *t, const uint16_t **ret_templates, struct bole_err *err)
{
    bole_status st = text_load_rows(t, &t->root, err);
    *ret_templates = t->root.numbers;
    return st;
}

bool text_slot_may_have(const struct text *t, uint32_t column, bole_slice bytes)
{
    return t->root.columns[column].values.stamp.classes & values_classes(bytes);
}

static bool is_number(const struct text_column *c)
{
    const struct values_detail *d = c->values.detail;
    return c->kind == TEXT_COLUMN_VALUES && d->stored == VALUES_INT && !d->shape.prefix.len && !d->shape.suffix.len;
}

/* Those of `forms` that all literals have. */
static unsigned literal_forms(const struct text_template *p, unsigned forms)
{
    const uint8_t *literal = p->literals;
    for (uint32_t k = 0; forms && k <= p->slot_count; k++) {
        bole_slice piece = bole_slice_from(literal, p->pieces[k]);
        forms &= values_forms(&piece, 1, values_classes(piece));
        literal += p->pieces[k];
    }
    return forms;
}

/* What is made of parts that have a form has it, too. */
static unsigned table_forms(const struct text_table *table)
{
    unsigned forms = VALUES_QUOTED | VALUES_ITEMS;
    for (uint32_t i = 0; forms && i < table->column_count; i++)
        forms &= values_forms_of(&table->columns[i].values);
    for (uint32_t i = 0; forms && i < table->template_count; i++)
        forms = literal_forms(&table->templates[i], forms);
    return forms;
}

static unsigned column_forms(struct text_column *c)
{
    if (!c->forms_known)
        c->forms = c->kind == TEXT_COLUMN_VALUES ? values_forms_of(&c->values) : table_forms(c->table);
    c->forms_known = true;
    return c->forms;
}

bool text_slot_are(const struct text *t, uint32_t column, enum values_forms form)
{
    struct text_column *c = &t->root.columns[column];
    return column_forms(c) & form || (form == VALUES_SCALARS && is_number(c));
}

static bole_slice line_of_table(const struct text_column *c, uint32_t line)
{
    return bole_slice_from(c->lines + c->starts[line], c->starts[line + 1] - c->starts[line]);
}

static bool is_dictionary(const struct text_column *c)
{
    return c->kind == TEXT_COLUMN_DICTIONARY || (c->kind == TEXT_COLUMN_VALUES && values_distinct_count(&c->values));
}

static uint32_t distinct_count(const struct text_column *c)
{
    return c->kind == TEXT_COLUMN_DICTIONARY ? c->table->row_count : values_distinct_count(&c->values);
}

static bole_slice distinct(const struct text_column *c, uint32_t id)
{
    return c->kind == TEXT_COLUMN_DICTIONARY ? line_of_table(c, id) : values_distinct(&c->values, id);
}

static inline uint32_t id_of(const struct text_column *c, uint32_t index)
{
    const struct values_detail *d = c->values.detail;
    if (c->kind == TEXT_COLUMN_DICTIONARY)
        return (uint32_t)ints_offset(&c->ids, index);
    return c->values.type == VALUES_CONST ? 0 : (uint32_t)ints_offset(&d->ids, index);
}

/* A value that lies somewhere as text; ptr NULL: a number, which must be printed. */
static inline bole_slice text_of(const struct text_column *c, uint32_t index)
{
    if (c->kind == TEXT_COLUMN_TABLE)
        return line_of_table(c, index);
    if (is_dictionary(c))
        return distinct(c, id_of(c, index));
    return c->values.type == VALUES_RAW ? values_raw(&c->values, index) : (bole_slice){0};
}

struct text_slot text_slot(const struct text *t, uint32_t column)
{
    struct values_stamp stamp = t->root.columns[column].values.stamp;
    struct text_slot s = {.high = stamp.classes >> values_class(0x80) & 1, .len_min = stamp.min_len, .len_max = stamp.max_len};
    for (unsigned c = 0; c < 128; c++)
        s.low[c / 64] |= (stamp.classes >> values_class((uint8_t)c) & 1) << c % 64;
    return s;
}

static uint8_t *put_layout(uint8_t *out, bole_slice text)
{
    memcpy(out, text.len ? text.ptr : (const uint8_t *)"", text.len);
    return out + text.len;
}

_Static_assert(TEXT_LAYOUT_MAX >= 2 * VALUES_AFFIX_MAX + DATETIME_LEN_MAX + 16, "a layout fits");

size_t text_slot_layout(const struct text *t, uint32_t column, uint8_t ret_layout[TEXT_LAYOUT_MAX])
{
    const struct text_column *c = &t->root.columns[column];
    const struct values_detail *d = c->values.detail;
    if (c->kind != TEXT_COLUMN_VALUES || c->values.type == VALUES_CONST || d->stored < VALUES_INT)
        return 0;
    uint8_t *at = put_layout(ret_layout, d->shape.prefix), *out = at;
    if (d->stored == VALUES_TIME) {
        int64_t lowest, highest;
        datetime_range(&d->shape.time, &lowest, &highest);
        out = datetime_print(&d->shape.time, lowest, out);
    } else {
        *out++ = '0';
    }
    for (; at < out; at++)
        if ((unsigned)*at - '0' < 10 || (unsigned)(*at | 0x20) - 'a' < 26)
            *at = '0';
    return (size_t)(put_layout(out, d->shape.suffix) - ret_layout);
}

bole_slice text_slot_constant(const struct text *t, uint32_t column)
{
    const struct text_column *c = &t->root.columns[column];
    bool is_constant = c->kind == TEXT_COLUMN_VALUES && c->values.type == VALUES_CONST;
    bole_slice value = is_constant ? values_distinct(&c->values, 0) : (bole_slice){0};
    return is_constant && !value.ptr ? S("") : value;
}

/* ---- dictionaries ---- */

uint32_t text_slot_distinct_count(const struct text *t, uint32_t column)
{
    const struct text_column *c = &t->root.columns[column];
    return is_dictionary(c) ? distinct_count(c) : 0;
}

bole_slice text_slot_distinct(const struct text *t, uint32_t column, uint32_t id)
{
    bole_slice value = distinct(&t->root.columns[column], id);
    return value.ptr ? value : S(""); /* a column of nothing but empty values has no text */
}

bole_status text_slot_ids(struct text *t, uint32_t column, uint32_t first, uint32_t count, const uint64_t *bits, uint32_t *ids,
                          struct bole_err *err)
{
    const struct text_column *c = &t->root.columns[column];
    const uint64_t *rows;
    bole_status st = text_load_column(t, &t->root, column, err);
    if (st >= 0)
        st = text_column_rows(t, &t->root, column, &rows, err);
    if (st < 0)
        return st;
    uint32_t index = text_rank(&t->root, rows, column, first), end = first + count;
    for (uint32_t w = first / 64; w * 64 < end; w++) {
        uint64_t in = (w * 64 < first ? ~0ull << first % 64 : ~0ull) & (end - w * 64 < 64 ? (1ull << end % 64) - 1 : ~0ull);
        for (uint64_t left = rows[w] & in; left; left &= left - 1, index++)
            if (bits[w] & left & -left)
                ids[w * 64 + (uint32_t)__builtin_ctzll(left) - first] = id_of(c, index);
    }
    return BOLE_OK;
}

/* ---- checks ---- */

struct check {
    const struct text_column *column;
    bool (*holds)(unsigned check, bole_slice value);
    unsigned number;
    uint64_t *refused; /* bit per value */
    bool any;
};

static void refuse(struct check *k, uint32_t index)
{
    k->refused[index / 64] |= 1ull << index % 64;
    k->any = true;
}

static bole_status check_distinct(struct check *k, struct arena *arena, struct bole_err *err)
{
    uint32_t count = distinct_count(k->column);
    uint8_t *bad = arena_zalloc(arena, count);
    if (!bad)
        return text_no_room(err);
    for (uint32_t id = 0; id < count; id++) {
        bad[id] = !k->holds(k->number, distinct(k->column, id));
        k->any = k->any || bad[id];
    }
    for (uint32_t i = 0; k->any && i < k->column->values.count; i++)
        if (bad[id_of(k->column, i)])
            refuse(k, i);
    return BOLE_OK;
}

static bole_status check_numbers(struct check *k, struct arena *arena, struct bole_err *err)
{
    const struct values *v = &k->column->values;
    uint8_t *out = arena_bytes(arena, (size_t)v->stamp.max_len + 16);
    if (!out)
        return text_no_room(err);
    for (uint32_t i = 0; i < v->count; i++)
        if (!k->holds(k->number, bole_slice_from(out, (size_t)(values_put(v, i, out) - out))))
            refuse(k, i);
    return BOLE_OK;
}

bole_status text_refused(struct text *t, uint32_t column, bool (*holds)(unsigned check, bole_slice value), unsigned check,
                         uint64_t *bits, bool *ret_any, struct bole_err *err)
{
    struct text_column *c = &t->root.columns[column];
    struct arena *arena = t->source.arena;
    bole_slice constant = text_slot_constant(t, column);
    *ret_any = false;
    if (constant.ptr && holds(check, constant))
        return BOLE_OK;
    bole_status st = text_load_column(t, &t->root, column, err);
    if (st < 0)
        return st;
    size_t words = (t->root.row_count + 63) / 64;
    struct check k = {c, holds, check, arena_array(arena, words, sizeof(uint64_t)), false};
    uint64_t *of_rows = arena_array(arena, words, sizeof *of_rows);
    if (!k.refused || !of_rows)
        return text_no_room(err);
    if (is_dictionary(c))
        st = check_distinct(&k, arena, err);
    else if (c->kind == TEXT_COLUMN_VALUES && c->values.type != VALUES_RAW)
        st = check_numbers(&k, arena, err);
    else
        for (uint32_t i = 0; i < c->values.count; i++)
            if (!holds(check, text_of(c, i)))
                refuse(&k, i);
    *ret_any = k.any;
    if (st < 0 || !k.any)
        return st;
    const uint64_t *rows;
    st = text_column_rows(t, &t->root, column, &rows, err);
    if (st < 0)
        return st;
    text_spread_bits(k.refused, rows, words, of_rows);
    for (size_t w = 0; w < words; w++)
        bits[w] |= of_rows[w];
    return BOLE_OK;
}

/* ---- values ---- */

bole_status text_slot_values(struct text *t, uint32_t column, uint32_t first, uint32_t count, const uint64_t *bits,
                             struct arena *arena, bole_slice *values, struct bole_err *err)
{
    struct text_column *c = &t->root.columns[column];
    const uint64_t *rows;
    bole_status st = text_load_column(t, &t->root, column, err);
    if (st >= 0)
        st = text_column_rows(t, &t->root, column, &rows, err);
    if (st < 0)
        return st;
    bool prints = c->kind == TEXT_COLUMN_VALUES && !is_dictionary(c) && c->values.type != VALUES_RAW;
    uint32_t index = text_rank(&t->root, rows, column, first), size = c->values.stamp.max_len;
    for (uint32_t row = first; row < first + count; row++) {
        if (!(rows[row / 64] >> row % 64 & 1))
            continue;
        if (bits[row / 64] >> row % 64 & 1) {
            uint8_t *out = prints ? arena_bytes(arena, (size_t)size + 16) : NULL;
            if (prints && !out)
                return text_no_room(err);
            bole_slice value =
                prints ? bole_slice_from(out, (size_t)(values_put(&c->values, index, out) - out)) : text_of(c, index);
            values[row - first] = value.ptr ? value : S(""); /* a column of nothing but empty values has no text */
        }
        index++;
    }
    return BOLE_OK;
}
