/*
 * hints.h - what a query needs from its parsers, by Loki's rules.
 *
 * A metric query that leaves only some labels parses only these, and stops when it has them: an error further on is not seen
 * then. And a parser asks a label filter of a later stage as soon as it has set that label: a row that fails is out, whatever
 * stages between the two would have done to the label.
 *
 * Owner:   hints live in the arena; names and filters are borrowed from the tree.
 * Threads: read-only when made.
 */
#ifndef QUERY_HINTS_H
#define QUERY_HINTS_H

#include "query/ast.h"
#include "query/row.h"

/* Of a log query. False: no memory. */
bool hints_of_log(const struct ast_log *log, struct arena *arena, struct row_hints *ret);

struct hints_metric {
    const struct ast_unwrap *unwrap;    /* or NULL */
    const struct ast_pair   *names;     /* of by or without */
    bool                     without;
    bool                     no_labels; /* all samples are one series */
};

/* Of a range aggregation. False: no memory. */
bool hints_of_metric(const struct ast_log *log, const struct hints_metric *metric, struct arena *arena, struct row_hints *ret);

#endif
