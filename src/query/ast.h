/*
 * ast.h - a LogQL query as a tree.
 *
 * Lists are linked in the order of the text. Regular expressions are compiled by the parser and belong to the query.
 *
 * Owner:   everything lives in the query's arena; slices point into it, never into the caller's text.
 * Threads: read-only after parsing: any number may run the same tree.
 */
#ifndef QUERY_AST_H
#define QUERY_AST_H

#include "query/lexer.h"
#include "shim/regex.h"
#include "store/store.h"

#define QUERY_TEXT_MAX  (128u * 1024) /* bytes of a query */
#define QUERY_DEPTH_MAX 128u          /* levels of a tree: what recursion over it may need */

/* ---- log pipelines ---- */

struct ast_matcher {
    enum match_op       op;
    bole_slice          name;
    bole_slice          value;
    struct regex       *regex; /* RE, NRE: anchored */
    struct ast_matcher *next;
};

struct ip_pattern; /* ip.h */

/* One alternative of a line filter's or-chain. */
struct ast_needle {
    bole_slice         text;
    struct regex      *regex; /* |~ !~ */
    bool               is_ip; /* ip("...") */
    bool               is_text; /* ip("...") that is looked for as text */
    bool               passes_all; /* |~ ".*" and the like */
    bool               is_idle; /* counts for nothing */
    struct ip_pattern *ip;
    struct pattern    *pattern; /* |> !>; pattern.h */
    struct ast_needle *next;
};

enum compare_op { COMPARE_EQ, COMPARE_NE, COMPARE_GT, COMPARE_GE, COMPARE_LT, COMPARE_LE };

enum label_filter_kind {
    LABEL_FILTER_TEXT, LABEL_FILTER_NUMBER, LABEL_FILTER_DURATION, LABEL_FILTER_BYTES, LABEL_FILTER_IP,
    LABEL_FILTER_AND, LABEL_FILTER_OR,
};

struct label_filter {
    enum label_filter_kind kind;
    bole_slice             name;
    enum match_op          match;     /* TEXT; IP: EQ or NE */
    bole_slice             text;      /* TEXT, IP */
    struct regex          *regex;     /* TEXT with RE, NRE: anchored, unless simple: stage/simple_regex.h */
    bool                   passes_all; /* TEXT: =~".*" and the like */
    struct ip_pattern     *ip;        /* NULL: there is no such address, and no row passes */
    const struct bole_err *wrong;     /* IP: why not; an error where it is a stage of its own */
    enum compare_op        compare;   /* NUMBER, DURATION, BYTES */
    double                 number;
    int64_t                duration_ns;
    uint64_t               size_bytes;
    struct label_filter   *children;  /* AND, OR: two or more, evaluated from the left */
    struct label_filter   *last_child;
    unsigned               depth;     /* of the tree below, leaves 0 */
    struct label_filter   *next;      /* sibling */
};

/* `name="path"` of json and logfmt, `a=b` or a="template" of label_format, names of drop and keep, by() and on(). */
struct ast_pair {
    bole_slice           name;
    bole_slice           value;
    bool                 is_rename; /* label_format: value is a label */
    bool                 has_match; /* drop, keep */
    enum match_op        match;
    struct regex        *regex;
    struct json_path    *path;      /* json: parse_json.h */
    struct line_template *template; /* label_format: template.h */
    struct ast_pair     *next;
};

enum stage_kind {
    STAGE_LINE_FILTER, STAGE_JSON, STAGE_LOGFMT, STAGE_REGEXP, STAGE_PATTERN, STAGE_UNPACK, STAGE_LINE_FORMAT,
    STAGE_LABEL_FORMAT, STAGE_LABEL_FILTER, STAGE_DROP, STAGE_KEEP, STAGE_DECOLORIZE,
    STAGE_FIELD_WORD, /* key:value of a query in words: set/words.c */
};

enum line_filter_op { LINE_CONTAINS, LINE_NOT_CONTAINS, LINE_MATCHES, LINE_NOT_MATCHES, LINE_PATTERN,
                      LINE_NOT_PATTERN };

struct ast_stage {
    enum stage_kind      kind;
    enum line_filter_op  line_op;  /* LINE_FILTER */
    struct ast_needle   *needles;  /* LINE_FILTER */
    bool                 strict;   /* LOGFMT; FIELD_WORD: must not be so */
    bool                 keep_empty;
    bole_slice           text;     /* REGEXP, PATTERN, LINE_FORMAT; FIELD_WORD: the name */
    struct regex        *regex;    /* REGEXP; FIELD_WORD: anchored */
    struct chain        *chain;    /* REGEXP: the same, where it is one; else NULL: chain.h */
    struct pattern      *pattern;  /* PATTERN */
    struct line_template *template; /* LINE_FORMAT */
    struct ast_pair     *pairs;    /* JSON, LOGFMT, LABEL_FORMAT, DROP, KEEP */
    struct label_filter *filter;   /* LABEL_FILTER */
    const struct bole_err *wrong;  /* as of an expression */
    struct ast_stage    *next;
};

struct ast_set; /* set/ast_set.h */

struct ast_log {
    struct ast_matcher *matchers;
    struct ast_stage   *stages;
    struct ast_set     *sets;  /* Bole's own stages behind these; NULL: none */
    const struct bole_err *wrong; /* of the matchers, as of an expression */
};

/* ---- metrics ---- */

enum unwrap_conversion { UNWRAP_NUMBER, UNWRAP_DURATION, UNWRAP_DURATION_SECONDS, UNWRAP_BYTES };

struct ast_unwrap {
    bole_slice             label;
    enum unwrap_conversion conversion;
    struct ast_stage      *filters; /* label filters behind unwrap */
};

struct ast_grouping {
    bool             without;
    struct ast_pair *names; /* NULL: by () or without () */
};

enum match_cardinality { MATCH_ONE_TO_ONE, MATCH_GROUP_LEFT, MATCH_GROUP_RIGHT };

struct ast_matching {
    bool                   on; /* else ignoring */
    struct ast_pair       *names;
    enum match_cardinality cardinality;
    struct ast_pair       *include;
};

enum expr_kind { EXPR_LOG, EXPR_RANGE, EXPR_AGGREGATE, EXPR_BINARY, EXPR_LITERAL, EXPR_VECTOR, EXPR_LABEL_REPLACE };

struct expr {
    enum expr_kind       kind;
    unsigned             depth;      /* of the tree below, leaves 1 */
    const struct bole_err *wrong;    /* what is wrong with it though the syntax is right: check.c. Nowhere in a parsed query */
    enum token_kind      op;         /* RANGE, AGGREGATE: the function; BINARY: the operator */
    struct ast_log       log;        /* LOG, RANGE */
    struct ast_unwrap   *unwrap;     /* RANGE; or NULL */
    bool                 has_range;  /* RANGE, while it is parsed */
    int64_t              range_ns, offset_ns;
    struct ast_grouping *grouping;   /* RANGE, AGGREGATE; or NULL */
    bool                 has_number; /* quantile_over_time, topk... have a parameter */
    double               number;     /* that parameter; LITERAL, VECTOR: the value */
    struct expr         *left;       /* AGGREGATE, LABEL_REPLACE: the operand; BINARY */
    struct expr         *right;
    bool                 return_bool;
    struct ast_matching *matching;   /* BINARY; NULL: match on all labels */
    bole_slice           destination, replacement, source, pattern; /* LABEL_REPLACE */
    struct regex        *regex;      /* LABEL_REPLACE: anchored */
};

struct ast_regex { /* so that the query can destroy them */
    struct regex     *regex;
    struct ast_regex *next;
};

struct ast {
    struct arena      arena;
    struct expr      *root;
    struct ast_regex *regexes;
};

/* Compiles a regex that is destroyed with the tree. */
bole_status ast_regex_compile(struct ast *ast, bole_slice pattern, unsigned flags, struct regex **ret_regex,
                              struct bole_err *err);

#endif
