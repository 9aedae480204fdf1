/*
 * Reading back what was written, column by column: building every line costs three times as much.
 *
 *   lines to slots   While values are gathered, each line is compared with the literals of its template and with the ends of
 *                    its slots; of each value two hashes are taken where it lies in the line (text_table.c). From here on
 *                    a line is its template and these values, whatever the splitter thought.
 *   the map          Read by text_open: template of every row, pieces, literals and columns of every template are what they
 *                    were then. Which value of a column belongs to which row follows from them alone.
 *   values           Decoded as for a reader: distinct ones, or all where there is no dictionary. Each row's has the hash
 *                    of its value in the line, and the sum of the second hashes is that of the lines: so it is found when
 *                    the encoder took two values of one hash for the same.
 *   whole lines      Some stretches of lines are built and compared byte by byte, for what puts values into lines.
 *
 * The hashes are seeded; what differs has both of 64 bits alike once in 2^64 times at most.
 */
#include "base/unset.h"
#include "store/codec/text_table.h"
#include "store/codec/values_private.h"

/* ---- the map ---- */

static bool same_numbers(const struct text_table *t, const struct text_work *w)
{
    uint32_t differ = 0;
    for (uint32_t row = 0; row < t->row_count; row++)
        differ |= t->numbers[row] ^ w->row_template[row];
    return !differ;
}

static bool same_template(const struct text_template *read, const struct text_work *w, uint32_t number)
{
    const struct template *p = text_map_template(w, number);
    if (read->slot_count != p->slot_count || read->literals_len != p->text_len)
        return false;
    if (number == w->order_count) /* lines that are one slot */
        return read->columns[0] == w->columns.count - 1;
    size_t slots = p->slot_count * sizeof(uint32_t);
    return memcmp(read->pieces, w->templates.pieces + p->piece_at, slots + sizeof(uint32_t)) == 0 &&
           (slots == 0 || memcmp(read->columns, w->templates.columns + p->slot_at, slots) == 0) &&
           bole_slice_eq(bole_slice_from(read->literals, read->literals_len), template_text(&w->templates, p));
}

static bool same_map(struct text *t, const struct text_work *w)
{
    const struct text_table *root = &t->root;
    bool same = root->template_count == text_map_templates(w) && root->column_count == w->columns.count &&
                text_load_rows(t, &t->root, NULL) >= 0 && same_numbers(root, w);
    for (uint32_t i = 0; same && i < root->template_count; i++)
        same = same_template(&root->templates[i], w, i);
    return same;
}

/* ---- values ---- */

struct column_check {
    const struct text_column *column;
    const uint64_t *hashes; /* [column->values.count] of the values in the lines */
    struct distinct_hashes *of_id; /* [VALUES_COUNT_MAX] scratch */
    uint64_t seed, check, differ;
};

static inline void check_hashes(struct column_check *k, uint32_t index, struct distinct_hashes h)
{
    k->differ |= h.hash ^ k->hashes[index];
    k->check += h.check;
}

static inline void check_value(struct column_check *k, uint32_t index, bole_slice value)
{
    check_hashes(k, index, distinct_hashes(k->seed, value, value.len));
}

static bole_slice line_at(const struct text_column *c, uint32_t line)
{
    return bole_slice_from(c->lines + c->starts[line], c->starts[line + 1] - c->starts[line]);
}

/* Each distinct value once. */
static void check_dictionary(struct column_check *k, const struct ints *ids, uint32_t distinct)
{
    const struct text_column *c = k->column;
    for (uint32_t id = 0; id < distinct; id++) {
        bole_slice value = c->kind == TEXT_COLUMN_DICTIONARY ? line_at(c, id) : values_distinct(&c->values, id);
        k->of_id[id] = distinct_hashes(k->seed, value, value.len);
    }
    for (uint32_t i = 0; i < c->values.count; i++)
        check_hashes(k, i, k->of_id[ints_offset(ids, i)]);
}

static void check_numbers(struct column_check *k, struct arena *arena)
{
    const struct values *v = &k->column->values;
    uint8_t *out = arena_bytes(arena, (size_t)v->stamp.max_len + 16);
    k->differ = !out;
    for (uint32_t i = 0; out && i < v->count; i++) {
        size_t len = (size_t)(values_put(v, i, out) - out);
        check_hashes(k, i, distinct_hashes(k->seed, bole_slice_from(out, len), len + 16));
    }
}

static void check_texts(struct column_check *k)
{
    const struct text_column *c = k->column;
    for (uint32_t i = 0; i < c->values.count; i++)
        check_value(k, i, c->kind == TEXT_COLUMN_TABLE ? line_at(c, i) : values_raw(&c->values, i));
}

static void check_values(struct column_check *k, struct arena *arena)
{
    const struct text_column *c = k->column;
    const struct values_detail *d = c->values.detail;
    if (c->kind == TEXT_COLUMN_DICTIONARY)
        check_dictionary(k, &c->ids, c->table->row_count);
    else if (c->kind == TEXT_COLUMN_TABLE || c->values.type == VALUES_RAW)
        check_texts(k);
    else if (c->values.type == VALUES_DICT)
        check_dictionary(k, &d->ids, d->count);
    else if (c->values.type == VALUES_CONST)
        check_dictionary(k, &(struct ints){0}, 1);
    else
        check_numbers(k, arena);
}

static bool same_column(struct text *t, const struct text_writer *e, uint32_t number)
{
    const struct column *written = &e->root.columns.list[number];
    const struct text_column *c = &t->root.columns[number];
    if (c->values.count != e->root.gathered[number].end - written->first || text_load_column(t, &t->root, number, NULL) < 0)
        return false;
    struct column_check k = {c, e->root.hashes + written->first, e->of_id, e->seed, 0, 0};
    check_values(&k, t->source.arena);
    return !k.differ && k.check == e->root.gathered[number].check;
}

/* ---- whole lines ---- */

enum { STRETCHES = 16, STRETCH_ROWS = 16 };

static bool same_lines(struct text *t, const struct text_input *in, uint32_t first, uint32_t count, struct buf *lines)
{
    static const uint64_t all[VALUES_COUNT_MAX / 64] = {[0 ... VALUES_COUNT_MAX / 64 - 1] = UINT64_MAX};
    uint32_t ends[STRETCH_ROWS] UNSET, start = 0;
    buf_reset(lines);
    if (text_lines(t, first, count, all, lines, ends, NULL) < 0)
        return false;
    for (uint32_t i = 0; i < count; start = ends[i++])
        if (!bole_slice_eq(bole_slice_from(lines->ptr + start, ends[i] - start), in->lines[first + i]))
            return false;
    return true;
}

static bool same_stretches(struct text *t, const struct text_input *in, struct buf *lines)
{
    bool same = true;
    for (uint32_t i = 0; same && i < STRETCHES; i++) {
        bool few = in->count <= STRETCHES * STRETCH_ROWS; /* then they are all lines */
        uint32_t first = few ? i * STRETCH_ROWS : (uint32_t)((uint64_t)(in->count - STRETCH_ROWS) * i / (STRETCHES - 1));
        if (first < in->count)
            same = same_lines(t, in, first, in->count - first < STRETCH_ROWS ? in->count - first : STRETCH_ROWS, lines);
    }
    return same;
}

/* ---- the whole ---- */

static bole_status load_own(void *ctx, uint32_t chunk, bole_slice *ret_raw, struct bole_err *err)
{
    *ret_raw = chunks_at(ctx, chunk);
    return BOLE_OK;
}

bool text_verify(struct text_writer *e, const struct text_input *in, struct arena *arena, struct buf *lines)
{
    struct text_source source = {load_own, &e->chunks, e->chunks.count, in->count, in->time_ns, arena};
    struct text *t;
    bool same = text_open(&source, &t, NULL) >= 0 && same_map(t, &e->root);
    for (uint32_t c = 0; same && c < t->root.column_count; c++)
        same = same_column(t, e, c);
    return same && same_stretches(t, in, lines);
}
