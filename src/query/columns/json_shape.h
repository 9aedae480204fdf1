/*
 * json_shape.h - `| json` without building lines: what the parser would do with lines of one shape, whatever stands in their
 * slots, as far as that can be said. What cannot is left to parse_json.c, which alone says what is right.
 *
 * Threads: one at a time.
 */
#ifndef QUERY_JSON_SHAPE_H
#define QUERY_JSON_SHAPE_H

#include "query/row.h"
#include "store/scan/line_shape.h"

struct json_shape_reader { /* of `| logfmt`, too: logfmt_shape.h */
    struct line_reader reader;
    bole_slice         names[LINE_VALUES_MAX]; /* labels as the parser names them, before any _extracted */
    struct arena      *scratch;                /* reset by each call */
    const struct row_hints *hints;
};

/* A reader for the labels that the hints want, whatever they will be called. False: too many, or not only some of them. */
bool json_shape_reader_init(struct json_shape_reader *r, const struct row_hints *hints, struct arena *scratch);

/* What parse_json would do with the values ([value_count], ptr NULL: none). */
void json_shape_set(const struct json_shape_reader *s, struct row *r, const bole_slice *values);

/* ---- for json_shape.c and logfmt_shape.c ---- */

/* A line of the shape, with a 0 for each slot. */
struct shape_text {
    uint8_t  *bytes;     /* [len] */
    uint32_t  len;
    uint32_t *at;        /* [slot_count + 1] where the slots lie in it; the last: its length */
    uint32_t  next_slot; /* the first that has not been met */
};

/* False: no room, or too long. */
bool shape_text_write(struct shape_text *t, const struct line_shape *s, struct arena *arena);

/* The literal bytes that a place of the line stands for; the slots in front of it have been met. */
static inline bole_slice in_literals(const struct shape_text *t, const struct line_shape *s, uint32_t at, size_t len)
{
    return bole_slice_from(s->literals + at - t->next_slot, len);
}

/* Which value has this name; below 0: none. */
int json_shape_find(const struct json_shape_reader *r, bole_slice name);
/* Both a name and what it is called when it is taken: which of them is first would count. */
bool json_shape_collides(const struct json_shape_reader *r, const struct line_value *values);

#endif
