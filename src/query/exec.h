/* exec.h - what the executors of log and metric queries share with query.c. */
#ifndef QUERY_EXEC_H
#define QUERY_EXEC_H

#include "query/ast.h"
#include "query/query.h"

struct query {
    struct ast *ast;
};

/* Fills result->streams and, also on failure, result->log; result->arena is ready. */
bole_status exec_log(const struct expr *e, const struct query_request *request, struct view *view,
                     struct query_result *result, struct bole_err *err);
/* Fills result->series or result->scalar. */
bole_status exec_metric(const struct expr *e, const struct query_request *request, struct view *view,
                        struct query_result *result, struct bole_err *err);

/* The labels of a row as a result shows them: sorted, errors among them. Room for count + 2. Returns how many. */
size_t exec_row_labels(const struct row *r, struct row_label *out);

#endif
