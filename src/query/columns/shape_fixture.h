/* shape_fixture.h - for tests: the same rows in the mem store, whose lines a parser goes over, and in a segment, of which columns
 * are read. Every answer has to be the same. */
#ifndef QUERY_COLUMNS_SHAPE_FIXTURE_H
#define QUERY_COLUMNS_SHAPE_FIXTURE_H

#include "base/random.h"
#include "query/query_fixture.h"

#define PICK(random, list) list[random_below(random, sizeof list / sizeof *list)]

struct shape_fixture {
    struct fixture lines, segments;
    struct fs     *fs;
    uint64_t       round; /* told where answers differ */
};
void shape_open(struct shape_fixture *f, uint64_t round);
void shape_close(struct shape_fixture *f);

/* Rows of an application with two streams, over 100 seconds from 1 on; `put_line` writes the line of a row into b, which is empty.
 * With fields: every other row has a field `a`. */
void shape_fill(struct shape_fixture *f, unsigned rows, bool has_fields, void (*put_line)(struct buf *b, void *ctx), void *ctx);

void shape_compare(struct shape_fixture *f, const char *query, struct query_request request);

#endif
