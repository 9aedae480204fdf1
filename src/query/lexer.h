/*
 * lexer.h - LogQL text to tokens.
 *
 * Words are keywords in any letter case, and function names only when `(`, `by` or `without` follows: elsewhere they
 * are identifiers, so that `{rate="1"}` is a selector; so is a character that means nothing else. The three unit
 * syntaxes of a query (5m, 1.5KB, [5m]) are tokens of their own.
 *
 * Owner:   tokens borrow from the query text and from the arena.
 * Errors:  a token of kind TOKEN_ERROR; `message` says why, without the place.
 */
#ifndef QUERY_LEXER_H
#define QUERY_LEXER_H

#include "base/arena.h"

/* X(kind, word, name in error messages). Kinds from TOKEN_BY on are words, from TOKEN_FIRST_FUNCTION on functions. The
 * order of the first part is the order in which Loki lists what it expects. */
#define TOKEN_KINDS(X)                                                                                                 \
    X(END, NULL, "$end") X(ERROR, NULL, "error") X(DOT, NULL, ".") X(RBRACKET, NULL, "]")                              \
    X(IDENTIFIER, NULL, "IDENTIFIER") X(STRING, NULL, "STRING") X(NUMBER, NULL, "NUMBER")                              \
    X(PARSER_FLAG, NULL, "FUNCTION_FLAG") X(DURATION, NULL, "DURATION") X(RANGE, NULL, "RANGE") X(BYTES, NULL, "BYTES") \
    X(EQ, NULL, "=") X(RE, NULL, "=~") X(NRE, NULL, "!~") X(LBRACE, NULL, "{") X(RBRACE, NULL, "}")                    \
    X(COMMA, NULL, ",") X(PIPE_RE, NULL, "|~") X(PIPE_EQ, NULL, "|=") X(PIPE_PATTERN, NULL, "|>")                      \
    X(NOT_PATTERN, NULL, "!>") X(LPAREN, NULL, "(") X(RPAREN, NULL, ")") X(PIPE, NULL, "|") X(NEQ, NULL, "!=")         \
    X(CMP_EQ, NULL, "==") X(GT, NULL, ">") X(GTE, NULL, ">=") X(LT, NULL, "<") X(LTE, NULL, "<=")                      \
    X(ADD, NULL, "+") X(SUB, NULL, "-") X(MUL, NULL, "*") X(DIV, NULL, "/") X(MOD, NULL, "%") X(POW, NULL, "^")        \
    X(BY, "by", "by") X(WITHOUT, "without", "without") X(BOOL, "bool", "bool") X(OR, "or", "or")                       \
    X(AND, "and", "and") X(UNLESS, "unless", "unless") X(ON, "on", "on") X(IGNORING, "ignoring", "ignoring")           \
    X(GROUP_LEFT, "group_left", "group_left") X(GROUP_RIGHT, "group_right", "group_right")                             \
    X(JSON, "json", "json") X(LOGFMT, "logfmt", "logfmt") X(REGEXP, "regexp", "regexp")                                \
    X(PATTERN, "pattern", "pattern") X(UNPACK, "unpack", "unpack") X(LINE_FORMAT, "line_format", "line_format")        \
    X(LABEL_FORMAT, "label_format", "label_format") X(UNWRAP, "unwrap", "unwrap") X(OFFSET, "offset", "offset")        \
    X(DECOLORIZE, "decolorize", "decolorize") X(DROP, "drop", "drop") X(KEEP, "keep", "keep")                          \
    X(VARIANTS, "variants", "variants") X(OF, "of", "of")                                                              \
    X(RATE, "rate", "RATE") X(RATE_COUNTER, "rate_counter", "RATE_COUNTER")                                            \
    X(COUNT_OVER_TIME, "count_over_time", "COUNT_OVER_TIME") X(BYTES_RATE, "bytes_rate", "BYTES_RATE")                 \
    X(BYTES_OVER_TIME, "bytes_over_time", "BYTES_OVER_TIME") X(AVG_OVER_TIME, "avg_over_time", "AVG_OVER_TIME")        \
    X(SUM_OVER_TIME, "sum_over_time", "SUM_OVER_TIME") X(MIN_OVER_TIME, "min_over_time", "MIN_OVER_TIME")              \
    X(MAX_OVER_TIME, "max_over_time", "MAX_OVER_TIME") X(STDVAR_OVER_TIME, "stdvar_over_time", "STDVAR_OVER_TIME")     \
    X(STDDEV_OVER_TIME, "stddev_over_time", "STDDEV_OVER_TIME")                                                        \
    X(QUANTILE_OVER_TIME, "quantile_over_time", "QUANTILE_OVER_TIME")                                                  \
    X(FIRST_OVER_TIME, "first_over_time", "FIRST_OVER_TIME") X(LAST_OVER_TIME, "last_over_time", "LAST_OVER_TIME")     \
    X(ABSENT_OVER_TIME, "absent_over_time", "ABSENT_OVER_TIME")                                                        \
    X(SUM, "sum", "SUM") X(AVG, "avg", "AVG") X(MAX, "max", "MAX") X(MIN, "min", "MIN") X(COUNT, "count", "COUNT")     \
    X(STDDEV, "stddev", "STDDEV") X(STDVAR, "stdvar", "STDVAR") X(BOTTOMK, "bottomk", "BOTTOMK")                       \
    X(TOPK, "topk", "TOPK") X(APPROX_TOPK, "approx_topk", "APPROX_TOPK") X(SORT, "sort", "SORT")                       \
    X(SORT_DESC, "sort_desc", "SORT_DESC") X(LABEL_REPLACE, "label_replace", "label_replace")                          \
    X(VECTOR, "vector", "VECTOR") X(BYTES_CONV, "bytes", "BYTES_CONV") X(DURATION_CONV, "duration", "DURATION_CONV")   \
    X(DURATION_SECONDS_CONV, "duration_seconds", "DURATION_SECONDS_CONV") X(IP, "ip", "ip")

enum token_kind {
#define X(kind, word, name) TOKEN_##kind,
    TOKEN_KINDS(X)
#undef X
    TOKEN_KIND_COUNT,
    TOKEN_FIRST_WORD = TOKEN_BY,
    TOKEN_FIRST_FUNCTION = TOKEN_RATE,
};

struct token {
    enum token_kind kind;
    size_t          offset;      /* of its first byte in the query */
    bole_slice      text;        /* as written; STRING: unquoted */
    double          number;      /* NUMBER; NaN: none that Go would read */
    int64_t         duration_ns; /* DURATION, RANGE */
    uint64_t        size_bytes;  /* BYTES */
    const char     *message;     /* ERROR: why; else NULL */
    bool            has_no_line; /* Go's scanner forgets the line of what it did not read in one go: errors say line 0 */
};

struct lexer {
    bole_slice    query;
    size_t        at;
    struct arena *arena; /* unquoted strings */
};

struct token lexer_next(struct lexer *lx);

/* "$end", "STRING", "}", "RATE": as Loki's parser prints the kind. */
const char *token_name(enum token_kind kind);

/* 1-based line and column (in code points) of an offset, as Go's text/scanner counts them. */
void lexer_place(bole_slice query, size_t offset, size_t *ret_line, size_t *ret_column);

#endif
