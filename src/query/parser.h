/*
 * parser.h - LogQL text to a tree, and the tree back to text.
 *
 * Errors:  BOLE_E_INVALID in Loki's words: `parse error at line 1, col 9: syntax error: unexpected $end, expecting } or
 *          ,` for syntax, `parse error : invalid aggregation ...` for what is only found afterwards, `parse error :
 *          stage '...' : ...` for a stage's own arguments. BOLE_E_LIMIT: too long, nested too deeply, or out of memory.
 * Threads: any; a tree is read-only.
 */
#ifndef QUERY_PARSER_H
#define QUERY_PARSER_H

#include "base/buf.h"
#include "query/ast.h"

/* The text is copied. */
bole_status ast_parse(bole_slice text, struct budget *budget, struct ast **ret_ast, struct bole_err *err);
/* The same without Bole's additions. What it takes, ast_parse takes with the same tree. */
bole_status ast_parse_loki(bole_slice text, struct budget *budget, struct ast **ret_ast, struct bole_err *err);
/* The same, and where that is an error a query in plain words (set/words.c), on all streams. Its text does not parse. */
bole_status ast_parse_words(bole_slice text, struct budget *budget, struct ast **ret_ast, struct bole_err *err);
void ast_destroy(struct ast *ast); /* NULL is fine */

/* A selector alone, `{a="b"}`, as `match[]` and index/stats take it; with a pipeline behind it BOLE_E_INVALID "only
 * label matchers are supported". `{}` is allowed. */
bole_status ast_parse_selector(bole_slice text, struct budget *budget, struct ast **ret_ast, struct bole_err *err);

/* What check.c finds in a tree that the parser has made; part of all of the above. */
bole_status ast_check(const struct expr *e, struct budget *budget, struct bole_err *err);

/* Canonical text: parsing it gives the same tree. */
void ast_print(const struct expr *e, struct buf *out);
void ast_print_sets(const struct ast_set *sets, struct buf *out);
void ast_print_stage(const struct ast_stage *stage, struct buf *out);
void ast_print_matchers(const struct ast_matcher *matchers, struct buf *out);
void ast_print_string(bole_slice s, struct buf *out); /* quoted as Go's %q */

/* "rate", "sum", "+", "unless". */
const char *ast_op_name(enum token_kind op);

#endif
