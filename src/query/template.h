/*
 * template.h - the Go templates of line_format and label_format: {{.label}}, {{.label | ToUpper}}, {{if ...}}.
 *
 * Supported: text, fields, literals, pipelines, parentheses, if/else if/else/end, {{- trimming -}}, comments, and the
 * functions in the table of template_funcs.c. Everything else (range, with, define, variables) is refused when the
 * query is parsed, with a text that names it: no template is half understood.
 *
 * Threads: a compiled template is read-only.
 */
#ifndef QUERY_TEMPLATE_H
#define QUERY_TEMPLATE_H

#include "query/ast.h"
#include "query/row.h"

#define TEMPLATE_OUTPUT_MAX (4u * 1024 * 1024)  /* bytes one row may grow to */
#define TEMPLATE_WORK_MAX   (64u * 1024 * 1024) /* bytes that the functions of one row may read and make */

struct line_template;

/* Regular expressions in it belong to the tree. */
bole_status template_compile(bole_slice text, struct ast *owner, struct line_template **ret_template,
                             struct bole_err *err);

/* The text goes to the row's scratch. False: the template failed, err says why, and nothing was written. */
bool template_run(const struct line_template *t, struct row *r, bole_slice *ret_text, struct bole_err *err);

/* Calls fn with every label that the template reads. */
void template_labels(const struct line_template *t, void (*fn)(bole_slice name, void *ctx), void *ctx);

#endif
