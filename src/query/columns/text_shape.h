/*
 * text_shape.h - `| regexp` and `| pattern` without building lines: what they would capture in lines of one shape, derived from
 * what stands in the slots that count.
 *
 * Threads: one at a time.
 */
#ifndef QUERY_TEXT_SHAPE_H
#define QUERY_TEXT_SHAPE_H

#include "query/ast.h"
#include "query/row.h"
#include "store/scan/line_shape.h"

struct text_shape_reader {
    struct line_reader      reader;
    const struct ast_stage *stage;
    bole_slice              names[LINE_VALUES_MAX];
    size_t                  places[LINE_VALUES_MAX]; /* of the value: which group, or which piece of the pattern */
    size_t                  group_count;             /* of the regexp, and one more */
    struct arena           *scratch;                 /* reset by each call */
};

/* A reader for the captures of the stage that the row's hints may want. False: there are none or too many. reader.derive is NULL
 * where all must be left to the lines. */
bool text_shape_reader_init(struct text_shape_reader *r, const struct ast_stage *stage, const struct row *row,
                            struct arena *scratch);

/* What parse_regexp or parse_pattern would do with the values ([value_count], ptr NULL: none). */
void text_shape_set(const struct text_shape_reader *s, struct row *r, const bole_slice *values);

#endif
