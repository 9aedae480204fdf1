/*
 * line_shape.h - reading values out of lines that a store keeps as literals with values between them, without having the lines
 * built.
 *
 * A reader is asked once per shape of line. It says where each value that it wants lies, and what the values in the slots must
 * be like for that to hold. Or it derives what it wants from what stands in some slots, asking for one after the other, once per
 * combination of values. Lines of a shape that it declines, or with a value that is not as it must be, come whole.
 *
 * Threads: the scan's. Pointers are valid as long as the call, but for literals, which last as long as the vector.
 */
#ifndef STORE_LINE_SHAPE_H
#define STORE_LINE_SHAPE_H

#include <stdbool.h>

#include "base/slice.h"

enum { LINE_VALUES_MAX = 8, LINE_CHECKS_MAX = 8, LINE_SLOT_NONE = -1, LINE_SLOT_LITERAL = -2 };

/* What all values in a slot are. */
enum line_form {
    LINE_QUOTED,  /* as between quotes: none that ends it, and no escape that reaches over its end */
    LINE_SCALARS, /* JSON's numbers, true or false */
    LINE_ITEMS,   /* as between brackets: brackets and quotes come in pairs */
};

struct line_shape {
    uint32_t        slot_count;
    const uint32_t *pieces;   /* [slot_count + 1] lengths of the literals around the slots */
    const uint8_t  *literals; /* end to end */
    /* What the values in a slot are like, as far as it is known without looking at them: */
    bool (*may_have)(const struct line_shape *s, uint32_t slot, bole_slice bytes); /* false: none has any of these bytes */
    bool (*are)(const struct line_shape *s, uint32_t slot, enum line_form form); /* false: that is not known */
    struct line_slot (*slot)(const struct line_shape *s, uint32_t slot);
    const void     *self;
};

struct line_value {
    int32_t    slot; /* or LINE_SLOT_NONE: these lines have no such value; LINE_SLOT_LITERAL: text, part of the literals */
    bole_slice text;
};

/* What the values in a slot are like, as far as it is known without looking at them. */
struct line_slot {
    uint64_t low[2]; /* bit per byte below 0x80 that they may have */
    bool     high;   /* they may have others */
    uint32_t len_min, len_max;
    uint32_t distinct; /* how many they are; 0: nobody has counted them */
    bole_slice layout; /* as text_slot_layout in codec/text.h; ptr NULL: there is none */
};

enum line_answer { LINE_WHOLE, LINE_READ, LINE_ASKS };

struct line_reader {
    uint32_t value_count; /* 1 .. LINE_VALUES_MAX */
    /* ret_checks [slot_count], ret_values [value_count]: both written. A check is a number below LINE_CHECKS_MAX, 0: there is
     * nothing to check. False: the lines are wanted whole. */
    bool (*read)(void *ctx, const struct line_shape *shape, uint8_t *ret_checks, struct line_value *ret_values);
    bool (*check)(unsigned check, bole_slice value);
    /* Instead of the two, or NULL. known [slot_count]: what stands in each slot; ptr NULL: not known. LINE_READ: ret_values
     * [value_count] are written, texts valid until the next call. LINE_ASKS: what stands in *ret_slot, which is not known, counts.
     * LINE_WHOLE: the lines with these values are wanted whole. */
    enum line_answer (*derive)(void *ctx, const struct line_shape *shape, const bole_slice *known, uint32_t *ret_slot,
                               struct line_value *ret_values);
    void *ctx;
};

#endif
