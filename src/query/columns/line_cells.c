#include "query/columns/line_cells.h"

static uint16_t *put_bytes(uint16_t *restrict out, const uint8_t *restrict p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = p[i];
    return out + len;
}

bool line_cells_init(struct line_cells *l, const struct line_shape *shape, const bole_slice *known, struct arena *scratch)
{
    size_t len = shape->slot_count;
    for (uint32_t k = 0; k <= shape->slot_count; k++)
        len += shape->pieces[k] + (k < shape->slot_count && known[k].ptr ? known[k].len : 0);
    *l = (struct line_cells){.shape = shape, .asks = -1};
    if (len > LINE_CELLS_MAX || shape->slot_count > UINT16_MAX - CELL_SLOT)
        return false;
    l->cells = arena_alloc(scratch, (len + 1) * sizeof *l->cells);
    if (!l->cells)
        return false;
    const uint8_t *literal = shape->literals;
    uint16_t *out = l->cells;
    for (uint32_t k = 0; k <= shape->slot_count; k++) {
        out = put_bytes(out, literal, shape->pieces[k]);
        literal += shape->pieces[k];
        if (k < shape->slot_count && known[k].ptr)
            out = put_bytes(out, known[k].ptr, known[k].len);
        else if (k < shape->slot_count)
            *out++ = (uint16_t)(CELL_SLOT + k);
    }
    l->count = (uint32_t)(out - l->cells);
    return true;
}

bool line_cells_ask(struct line_cells *l, uint32_t cell)
{
    l->asks = line_cells_slot(l, cell);
    return false;
}

bool line_cells_value(struct line_cells *l, struct cell_range range, struct arena *scratch, struct line_value *ret)
{
    if (range.to - range.from == 1 && l->cells[range.from] >= CELL_SLOT) {
        *ret = (struct line_value){.slot = (int32_t)line_cells_slot(l, range.from)};
        return true;
    }
    uint8_t *out = arena_bytes(scratch, range.to - range.from + 1u);
    if (!out)
        return false;
    for (uint32_t i = range.from; i < range.to; i++) {
        if (l->cells[i] >= CELL_SLOT)
            return line_cells_ask(l, i);
        out[i - range.from] = (uint8_t)l->cells[i];
    }
    *ret = (struct line_value){LINE_SLOT_LITERAL, bole_slice_from(out, range.to - range.from)};
    return true;
}
