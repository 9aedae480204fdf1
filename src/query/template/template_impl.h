/*
 * template_impl.h - what the files of templates share.
 *
 *   template_lex.c     text to tokens            template_text.c      functions: text, encodings
 *   template_parse.c   tokens to nodes           template_number.c    functions: numbers, the record
 *   template_node.c    nodes as text, for errors template_time.c      functions and methods of time
 *   template.c         running                   template_go.c        functions that all Go templates have
 *   template_value.c   values, conversions       template_printf.c    fmt's verbs
 *   template_call.c    arguments, calls          template_json.c      fromJson
 *
 * A value is what Go's reflection would see: its kind, the name of its type, and whether it is `boxed`, that is, held in
 * an interface{}: error texts and nil depend on it.
 */
#ifndef QUERY_TEMPLATE_IMPL_H
#define QUERY_TEMPLATE_IMPL_H

#include "query/template/gotime_print.h"
#include "query/template/template.h"
#include "query/text.h"

enum {
    TEMPLATE_NESTING_MAX = 100,  /* of parentheses and of actions */
    TEMPLATE_ARGS_MAX    = 64,   /* of one call */
    TEMPLATE_NODES_MAX   = 32768,
    TEMPLATE_DEPTH_MAX   = 600,  /* of nodes that run within each other, templates that call themselves included */
    TEMPLATE_VARS_MAX    = 4096, /* alive at one time */
    TEMPLATE_STEP_BYTES  = 64,   /* one node that runs costs as much as working on so much text */
};

/* ---- values ---- */

enum value_kind {
    VALUE_NIL, VALUE_TEXT, VALUE_INT, VALUE_FLOAT, VALUE_BOOL, VALUE_TIME, VALUE_LIST, VALUE_MAP,
    VALUE_ROW,     /* the labels of the row, a map that is made only when somebody needs it whole */
    VALUE_MISSING, /* nothing comes from the pipe */
};

enum int_type { INT_PLAIN, INT_64, INT_BYTE, INT_DURATION, INT_MONTH, INT_WEEKDAY };

struct value {
    enum value_kind kind;
    enum int_type   int_type;
    bool            boxed;
    union {
        bole_slice              text;
        int64_t                 integer;
        double                  number;
        bool                    truth;
        struct gotime           time;
        struct { const struct value *items; size_t count; } list;
        const struct value_map *map;
    };
};

struct value_entry {
    bole_slice   key;
    struct value value;
};

struct value_map { /* sorted by key, each once */
    bool                is_text; /* map[string]string; else map[string]interface {} */
    size_t              count;
    struct value_entry *entries;
};

static inline struct value value_text(bole_slice s) { return (struct value){.kind = VALUE_TEXT, .text = s}; }
static inline struct value value_int(int64_t v) { return (struct value){.kind = VALUE_INT, .integer = v}; }
static inline struct value value_int64(int64_t v)
{
    return (struct value){.kind = VALUE_INT, .int_type = INT_64, .integer = v};
}
static inline struct value value_float(double v) { return (struct value){.kind = VALUE_FLOAT, .number = v}; }
static inline struct value value_bool(bool v) { return (struct value){.kind = VALUE_BOOL, .truth = v}; }
static inline struct value value_time(struct gotime t) { return (struct value){.kind = VALUE_TIME, .time = t}; }

/* What is in the box. */
static inline struct value value_unboxed(struct value v)
{
    v.boxed = false;
    return v;
}

/* The name of the type inside the box; value_static_type: "interface {}" for a box. nil has none: "nil". */
const char *value_type(const struct value *v);
const char *value_static_type(const struct value *v);

/* As spf13/cast converts, which sprig uses: what is no number counts as 0. */
double value_to_float(const struct value *v);
int64_t value_to_int(const struct value *v);
bool value_is_true(const struct value *v);
bool value_parse_uint(bole_slice s, uint64_t *ret); /* strconv.ParseUint with base 0 */
bool value_string(const struct value *v, struct text *out); /* String(); false: its type has none */
/* NULL: no such key. */
const struct value *value_map_find(const struct value_map *m, bole_slice key);
int value_entry_cmp(const void *a, const void *b); /* for qsort */

void value_print(const struct value *v, struct text *out); /* as Go's %v */
void value_quote(struct text *out, bole_slice s, bool ascii_only); /* strconv.Quote */
void value_quote_rune(struct text *out, uint32_t rune, bool ascii_only);

/* ---- calls ---- */

struct call {
    const struct template_func *func;
    struct row                 *row;
    struct value               *args;
    size_t                      arg_count;
    const struct regex         *regex; /* of a function whose first argument is one, when it was a literal */
    const struct node          *first;  /* argument as written; NULL: it came from the pipe */
    bole_slice                  reason; /* of a failure */
};

/* False after call_fail. Text results live in the row's scratch or where the arguments live. */
typedef bool template_fn(struct call *c, struct value *ret);

/*
 * Parameters, one letter each: s string, i int, f float64, t time.Time, * interface{}, v reflect.Value (what Go's own
 * functions take). The last one stands for all that follow when args_max is ARGS_MANY.
 */
struct template_func {
    const char  *name;
    template_fn *fn;
    unsigned     args_min, args_max;
    const char  *args;
    bool         is_regex; /* the first argument is a regular expression: a literal is compiled with the query */
    int          detail;   /* which of the functions that share fn */
};

enum { ARGS_MANY = 255 }; /* args_max of a function that takes any number */

/* The tables; the last row has no name. */
extern const struct template_func template_text_funcs[], template_number_funcs[], template_time_funcs[],
    template_go_funcs[];

const struct template_func *template_func_find(bole_slice name);
const struct template_func *template_method_find(const struct value *receiver, bole_slice name);
/* The letter of parameter `index`. */
char template_func_param(const struct template_func *f, size_t index);
const char *template_param_type(char letter); /* as Go names it */

/* Counts the text, then calls. */
bool template_func_call(struct call *c, struct value *ret);
/* `and`, `or`: they take only the arguments that they need. */
bool template_func_is_logic(const struct template_func *f, bool *ret_stop_at);

/* For the functions: failing returns false with the text; a result is built between begin and finish. */
bool call_fail(struct call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct text call_begin(struct call *c);
bool call_finish(struct call *c, const struct text *t, struct value *ret);
bool call_charge(struct call *c, size_t bytes);

/* fmt.Sprintf, Sprint, Sprintln */
void template_printf(struct call *c, bole_slice format, const struct value *args, size_t count, struct text *out);
void template_print(const struct value *args, size_t count, bool is_line, struct text *out);

void text_put_url(struct text *out, bole_slice s); /* url.QueryEscape */

/* nil for text that is not JSON; false: no room. */
bool template_json(struct row *r, bole_slice text, struct value *ret);

/* ---- syntax ---- */

enum token_type {
    LEX_ERROR, LEX_EOF, LEX_TEXT, LEX_LEFT, LEX_RIGHT, LEX_SPACE, LEX_ASSIGN, LEX_DECLARE, LEX_PIPE, LEX_STRING,
    LEX_RAW_STRING, LEX_CHAR_CONSTANT, LEX_VARIABLE, LEX_FIELD, LEX_NUMBER, LEX_COMPLEX, LEX_IDENTIFIER,
    LEX_BOOL, LEX_LEFT_PAREN, LEX_RIGHT_PAREN, LEX_CHAR,
    LEX_KEYWORD, /* those behind it are keywords, as is the dot */
    LEX_BLOCK, LEX_BREAK, LEX_CONTINUE, LEX_DOT, LEX_DEFINE, LEX_ELSE, LEX_END, LEX_IF, LEX_NIL, LEX_RANGE, LEX_TEMPLATE,
    LEX_WITH,
};

struct lex_token {
    enum token_type type;
    bole_slice      text; /* ERROR: the message */
    size_t          pos;
    unsigned        line;
};

struct template_lexer {
    bole_slice    input;
    size_t        pos, start;
    unsigned      line, start_line;
    int           parens;
    bool          in_action;
    struct arena *arena; /* error texts */
};

struct lex_token template_lex(struct template_lexer *l);

/* A Go string literal with its quotes. False: invalid syntax. */
bool template_unquote(struct arena *arena, bole_slice quoted, bole_slice *ret);
/* One character of a literal from s, with escapes; quote may be escaped. False: invalid syntax. */
bool template_unquote_char(bole_slice *s, uint8_t quote, uint32_t *ret_rune, bool *ret_is_byte);

enum node_kind {
    NODE_TEXT, NODE_ACTION, NODE_IF, NODE_WITH, NODE_RANGE, NODE_TEMPLATE, NODE_BREAK, NODE_CONTINUE, NODE_END,
    NODE_ELSE, NODE_PIPE, NODE_COMMAND, NODE_DOT, NODE_NIL, NODE_BOOL, NODE_NUMBER, NODE_STRING, NODE_FIELD,
    NODE_VARIABLE, NODE_CHAIN, NODE_IDENTIFIER,
};

struct node_name {
    bole_slice        name;
    struct node_name *next;
};

struct node {
    enum node_kind              kind;
    bool                        is_assign; /* PIPE: = and not := */
    bool                        is_range_int; /* NUMBER fits an int */
    bool                        is_float;     /* NUMBER is one, too */
    bool                        is_uint;
    bool                        has_else;
    size_t                      pos;
    struct node                *next;    /* of a list, the commands of a pipe, the arguments of a command */
    struct node                *child;   /* PIPE: commands; COMMAND: arguments; CHAIN: what has the fields; ACTION, IF, WITH,
                                            RANGE, TEMPLATE: the pipe, NULL: none */
    struct node                *decls;   /* PIPE: variables */
    struct node                *list;    /* IF, WITH, RANGE */
    struct node                *else_list;
    bole_slice                  text;    /* TEXT; IDENTIFIER, VARIABLE, TEMPLATE: the name; STRING, NUMBER: as written */
    struct node_name           *names;   /* FIELD, VARIABLE, CHAIN: the fields */
    struct value                value;   /* BOOL, STRING, NUMBER: as a constant */
    double                      as_float; /* NUMBER */
    int64_t                     as_int;
    const struct template_func *func;    /* IDENTIFIER */
    const struct regex         *regex;
};

struct template_part { /* one that `define` or `block` made, or the whole */
    bole_slice            name;
    struct node          *nodes;
    struct template_part *next;
};

struct line_template {
    bole_slice            source;
    bole_slice            name;      /* "line", "label" */
    struct template_part *parts;
    struct template_part *root;
    bole_slice            only_label; /* the template is {{.label}} and nothing else */
};

/* Fills t->parts and t->root. The error is Go's text. */
bole_status template_parse(struct line_template *t, struct ast *owner, struct bole_err *err);

void node_print(const struct node *n, struct text *out);
/* Behind trimming spaces nothing is left. */
bool node_list_is_empty(const struct node *n);
void node_where(const struct line_template *t, const struct node *n, size_t *ret_line, size_t *ret_column);

#endif
