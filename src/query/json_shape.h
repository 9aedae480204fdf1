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

struct json_shape_reader {
    struct line_reader reader;
    bole_slice         names[LINE_VALUES_MAX]; /* labels as the parser names them, before any _extracted */
    struct arena      *scratch;                /* reset by each call */
    const struct row_hints *hints;
};

/* A reader for the labels that the hints want, whatever they will be called. False: too many, or not only some of them. */
bool json_shape_reader_init(struct json_shape_reader *r, const struct row_hints *hints, struct arena *scratch);

/* What parse_json would do with the values ([value_count], ptr NULL: none). */
void json_shape_set(const struct json_shape_reader *s, struct row *r, const bole_slice *values);

#endif
