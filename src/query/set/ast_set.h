/*
 * ast_set.h - Bole's additions to LogQL in the tree: stages that look at many rows at once.
 *
 * They stand behind a log pipeline, where Loki's parser finds an error: `| distinct a`, `| stats count() by (a)`. A name
 * of ours with a comparison behind it (`| top = "x"`) is the label filter that it is for Loki.
 *
 * Owner, threads: as ast.h.
 */
#ifndef QUERY_SET_AST_SET_H
#define QUERY_SET_AST_SET_H

#include "query/ast.h"

enum set_kind {
    SET_DISTINCT, SET_DEDUP, SET_SORT, SET_TOP_BY, SET_TOP_VALUES, SET_STATS, SET_JOIN, SET_CONTEXT,
    SET_PATTERNS,
};

#define SET_TOP_MAX     1000000u /* N of top */
#define SET_CONTEXT_MAX 1000u    /* lines before and after of context */
#define SET_JOINS_MAX   8u       /* levels of joins in subqueries of joins */

struct ast_column {
    bole_slice         name; /* of a label; or __line__, __timestamp__ */
    bool               descending; /* sort */
    struct ast_column *next;
};

enum stat_kind {
    STAT_COUNT, STAT_COUNT_DISTINCT, STAT_SUM, STAT_AVG, STAT_MIN, STAT_MAX, STAT_QUANTILE, STAT_FIRST, STAT_LAST,
};

struct ast_stat {
    enum stat_kind   kind;
    bole_slice       column; /* empty: count() */
    double           quantile;
    bole_slice       name;     /* of the column that it makes */
    bool             is_named; /* by `as` */
    struct ast_stat *next;
};

struct ast_set {
    enum set_kind      kind;
    struct ast_column *columns;  /* DISTINCT, DEDUP: NULL is the line; STATS: by; JOIN: on */
    uint32_t           count;    /* TOP */
    uint32_t           before, after; /* CONTEXT */
    struct ast_stat   *stats;    /* STATS */
    struct expr       *subquery; /* JOIN: a log query */
    bool               is_left;  /* JOIN: rows without a partner stay */
    struct ast_stage  *stages;   /* ordinary ones behind it, up to the next set */
    struct ast_set    *next;
};

#endif
