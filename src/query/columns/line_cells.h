/*
 * line_cells.h - a line of which some parts are not known: what `| regexp` and `| pattern` search when the store keeps lines as
 * literals with values between them (store/scan/line_shape.h).
 *
 * A search goes on as long as what the unknown parts may hold has no say in it. Where it has, the search ends and the line asks
 * for that slot.
 *
 * Threads: one at a time.
 */
#ifndef QUERY_LINE_CELLS_H
#define QUERY_LINE_CELLS_H

#include "query/stage/chain.h"
#include "store/scan/line_shape.h"

enum { CELL_SLOT = 256, LINE_CELLS_MAX = 65536 };

struct line_cells {
    const struct line_shape *shape;
    uint16_t *cells; /* [count] a byte, or CELL_SLOT and more: the slot of that number */
    uint32_t  count;
    int64_t   asks;  /* the slot that counts; below 0: none */
};

struct cell_range { uint32_t from, to; };

/* known [slot_count]: ptr NULL: not known. Room for all slots is in the scratch. False: no room, or too long. */
bool line_cells_init(struct line_cells *l, const struct line_shape *shape, const bole_slice *known, struct arena *scratch);

/* False, and asks is set. */
bool line_cells_ask(struct line_cells *l, uint32_t cell);

/* What slot that is, and what it may hold. */
static inline uint32_t line_cells_slot(const struct line_cells *l, uint32_t cell) { return l->cells[cell] - (uint32_t)CELL_SLOT; }
static inline struct line_slot line_cells_values(const struct line_cells *l, uint32_t cell)
{
    return l->shape->slot(l->shape, line_cells_slot(l, cell));
}

/* A part of the line as a value: one slot, or text, which is in the scratch. False: it asks, or there is no room. */
bool line_cells_value(struct line_cells *l, struct cell_range range, struct arena *scratch, struct line_value *ret);

/* As chain_find. CHAIN_UNKNOWN: the line asks, or it cannot be said. */
enum chain_answer chain_find_cells(const struct chain *c, struct line_cells *line, struct cell_range *ret_groups,
                                   size_t group_count);

#endif
