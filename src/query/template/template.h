/*
 * template.h - the templates of line_format and label_format: Go's text/template with the functions that Loki adds.
 *
 * The whole language: pipelines, variables, if, with, range, break, continue, define, template, block, comments and
 * trimming; values are texts, integers, floats, booleans, times, lists and maps. Error texts are Go's and Loki's.
 *
 * Owner:   a template belongs to the tree that it was compiled for.
 * Threads: a compiled template is read-only.
 */
#ifndef QUERY_TEMPLATE_H
#define QUERY_TEMPLATE_H

#include "query/ast.h"
#include "query/row.h"

#define TEMPLATE_OUTPUT_MAX (4u * 1024 * 1024)  /* bytes one row may grow to */
#define TEMPLATE_WORK_MAX   (64u * 1024 * 1024) /* bytes that the functions of one row may read and make, and steps */

struct line_template;

/* name: what errors call it, "line" or "label"; lives as long as the tree. The error is that of Go's template.Parse. */
bole_status template_compile(bole_slice text, bole_slice name, struct ast *owner, struct line_template **ret_template,
                             struct bole_err *err);

/* The text goes to the row's scratch. False: the template failed, and *ret_text is why (__error_details__). */
bool template_run(const struct line_template *t, struct row *r, bole_slice *ret_text);

/* Calls fn with every label that the template reads. */
void template_labels(const struct line_template *t, void (*fn)(bole_slice name, void *ctx), void *ctx);
/* Are those all that it can see? False where it may look at the map of all labels. */
bool template_names_labels(const struct line_template *t);

#endif
