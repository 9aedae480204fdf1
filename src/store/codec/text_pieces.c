#include "store/codec/text_cut.h"
#include "store/codec/text_private.h"

enum { PUT_ROOM = 16 /* values_put may write so much too much */ };

static void literal_pieces(const struct text_table *table, text_piece_fn *fn, void *ctx)
{
    for (uint32_t i = 0; i < table->template_count; i++) {
        const struct text_template *p = &table->templates[i];
        const uint8_t *literal = p->literals;
        for (uint32_t k = 0; k <= p->slot_count; literal += p->pieces[k++])
            if (p->pieces[k])
                fn(ctx, bole_slice_from(literal, p->pieces[k]));
    }
}

/* Values that are no dictionary, one by one; what is the same as the one before only once. */
static bole_status value_pieces(const struct values *v, text_piece_fn *fn, void *ctx, struct buf *scratch, struct bole_err *err)
{
    size_t room = v->stamp.max_len + PUT_ROOM, last_len = SIZE_MAX;
    buf_reset(scratch);
    if (!buf_reserve(scratch, 2 * room))
        return text_no_room(err);
    uint8_t *value = scratch->ptr, *last = value + room;
    for (uint32_t i = 0; i < v->count; i++) {
        size_t len = (size_t)(values_put(v, i, value) - value);
        if (len == last_len && memcmp(value, last, len) == 0)
            continue;
        fn(ctx, bole_slice_from(value, len));
        uint8_t *swap = value;
        value = last;
        last = swap;
        last_len = len;
    }
    return BOLE_OK;
}

bole_status text_values_pieces(const struct values *v, text_piece_fn *fn, void *ctx, struct buf *scratch, struct bole_err *err)
{
    uint32_t distinct = values_distinct_count(v);
    if (!distinct)
        return value_pieces(v, fn, ctx, scratch, err);
    for (uint32_t id = 0; id < distinct; id++)
        fn(ctx, values_distinct(v, id));
    return BOLE_OK;
}

static bole_status column_pieces(struct text *t, uint32_t column, text_piece_fn *fn, void *ctx, struct buf *scratch,
                                 struct bole_err *err)
{
    struct text_column *c = &t->root.columns[column];
    bole_status st = text_load_column(t, &t->root, column, err);
    if (st < 0)
        return st;
    if (c->kind == TEXT_COLUMN_VALUES)
        return text_values_pieces(&c->values, fn, ctx, scratch, err);
    for (uint32_t i = 0; i < c->table->row_count; i++)
        fn(ctx, bole_slice_from(c->lines + c->starts[i], c->starts[i + 1] - c->starts[i]));
    return BOLE_OK;
}

bole_status text_pieces(struct text *t, text_piece_fn *fn, void *ctx, struct bole_err *err)
{
    struct buf scratch;
    bole_status st = BOLE_OK;
    buf_init(&scratch, t->source.arena->budget);
    literal_pieces(&t->root, fn, ctx);
    for (uint32_t c = 0; st >= 0 && c < t->root.column_count; c++)
        st = column_pieces(t, c, fn, ctx, &scratch, err);
    buf_deinit(&scratch);
    return st;
}

static struct cut_slot cut_slot_of(void *ctx, uint32_t column)
{
    const struct text *t = ctx;
    struct text_slot s = text_slot(t, column);
    return (struct cut_slot){text_slot_may_have(t, column, S(".")), text_slot_may_have(t, column, S("-")), s.len_min, s.len_max};
}

bool text_cuts(const struct text *t)
{
    bool cuts = false;
    for (uint32_t i = 0; i < t->root.template_count && !cuts; i++) {
        const struct text_template *p = &t->root.templates[i];
        const struct cut_template cut = {p->literals, p->pieces, p->columns, p->slot_count};
        cuts = cut_possible(&cut, cut_slot_of, (void *)t);
    }
    return cuts;
}
