/* parser_impl.h - what parser.c, parser_log.c and parser_metric.c share. Once failed, a parser makes no progress and
 * keeps its first error. */
#ifndef QUERY_PARSER_IMPL_H
#define QUERY_PARSER_IMPL_H

#include "query/parser.h"

/* The canonical text of the deepest tree must parse: parentheses and right operands cost up to three calls per level.
 * That is about 300 KB of stack. */
#define PARSER_DEPTH_MAX (3 * QUERY_DEPTH_MAX + 8)

struct parser {
    struct lexer     lexer;
    struct token     token; /* the one not yet taken */
    struct ast      *ast;
    struct budget   *budget;
    bole_slice       query;
    bool             loki_only; /* without Bole's additions */
    unsigned         depth; /* of the recursion */
    bole_status      status;
    struct bole_err *err;
};

static inline bool parser_failed(const struct parser *p) { return p->status < 0; }

/* Kinds stand in groups: the functions of a family are neighbours. */
static inline bool token_is_between(enum token_kind kind, enum token_kind first, enum token_kind last)
{
    return kind >= first && kind <= last;
}

bole_status parser_begin(struct parser *p, bole_slice text, struct budget *budget, struct bole_err *err);
/* Gives the tree away, or destroys it and says why: also where there is text left. */
bole_status parser_end(struct parser *p, struct ast **ret_ast);
void parser_advance(struct parser *p);
bool parser_accept(struct parser *p, enum token_kind kind);
/* Takes the token or fails with what was expected. */
bool parser_expect(struct parser *p, enum token_kind kind);

/* `syntax error: unexpected X, expecting A or B` at the current token; kinds end with TOKEN_END. Loki lists at most
 * four. */
void parser_unexpected(struct parser *p, const enum token_kind *expected);
#define UNEXPECTED(p, ...) parser_unexpected(p, (const enum token_kind[]){__VA_ARGS__ __VA_OPT__(, ) TOKEN_END})

/* An error without a place: `parse error : ...`. */
void parser_fail(struct parser *p, bole_status status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* What is wrong though the syntax is right: parsing goes on, and check.c tells it. The first counts. */
void parser_blame(struct parser *p, const struct bole_err **wrong, bole_status status, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

void *parser_alloc(struct parser *p, size_t size); /* zeroed; NULL after failing */
bole_slice parser_text(struct parser *p);          /* copy of the current token's text */

/* An expression over its operands (NULL: none); NULL after failing, also when it is nested too deeply. */
struct expr *parser_new_expr(struct parser *p, enum expr_kind kind, enum token_kind op, const struct expr *left,
                             const struct expr *right);

bool parser_enter(struct parser *p); /* one level deeper; pairs with parser_leave on success */
void parser_leave(struct parser *p);

struct ast_matcher *parse_selector(struct parser *p, const struct bole_err **wrong); /* wrong NULL: it may select all */
/* Stages as long as they go on; stops behind the pipe of `| unwrap`, or where that cannot follow of an addition of Bole's
 * (set/parser_set.c), which is then the current token: true. */
bool parse_stages(struct parser *p, struct ast_stage **tail, bool unwrap_may_follow);
/* More stages behind those that are there. */
void parse_pipeline(struct parser *p, struct ast_log *log);
bool parser_at_set(const struct parser *p);
void parse_sets(struct parser *p, struct ast_set **tail);
struct label_filter *parse_label_filter(struct parser *p);
struct expr *parse_expr(struct parser *p);
struct expr *parse_range_aggregation(struct parser *p); /* at its name, as the next four */
struct expr *parse_aggregate(struct parser *p);
struct expr *parse_label_replace(struct parser *p);
struct expr *parse_vector(struct parser *p);
struct expr *parse_variants(struct parser *p);
/* (a, b) behind by, on, group_left; the list may be empty. */
struct ast_pair *parse_names(struct parser *p);
/* `-5`, `+1`, `0.5`; NaN where Go would not read it (`0x1`), which Loki tells when the syntax is right and in words of each place. */
bool parse_signed_number(struct parser *p, bole_slice *ret_text, double *ret_value);
void parser_check_number(struct parser *p, struct expr *e, bole_slice text, const char *role);

#endif
