/*
 * logfmt_shape.h - `| logfmt` without building lines: what the parser would do with lines of one shape, as json_shape.h. What
 * cannot be said is left to parse_logfmt.c, which alone says what is right.
 *
 * Threads: one at a time.
 */
#ifndef QUERY_LOGFMT_SHAPE_H
#define QUERY_LOGFMT_SHAPE_H

#include "query/ast.h"
#include "query/columns/json_shape.h"

/* A reader for the labels that the hints want. False: too many, not only some of them, or the stage has flags or expressions. */
bool logfmt_shape_reader_init(struct json_shape_reader *r, const struct ast_stage *stage, const struct row_hints *hints,
                              struct arena *scratch);

/* What parse_logfmt would do with the values ([value_count], ptr NULL: none). */
void logfmt_shape_set(const struct json_shape_reader *s, struct row *r, const bole_slice *values);

#endif
