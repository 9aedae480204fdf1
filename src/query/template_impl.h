/*
 * template_impl.h - what template.c (syntax, execution), template_funcs.c (values, calls) and the files with the
 * functions share: template_text.c, template_number.c, template_go.c, one table each.
 */
#ifndef QUERY_TEMPLATE_IMPL_H
#define QUERY_TEMPLATE_IMPL_H

#include "query/template.h"
#include "query/text.h"

enum value_kind { VALUE_TEXT, VALUE_INT, VALUE_FLOAT, VALUE_BOOL, VALUE_TIME };

struct value {
    enum value_kind kind;
    bole_slice      text;
    int64_t         integer; /* INT; TIME: ns since 1970 */
    double          number;
    bool            truth;
};

struct call {
    const struct template_func *func;
    struct row                 *row;
    struct value               *args;
    size_t                      arg_count;
    const struct regex         *regex; /* of a function whose first argument is one */
    struct bole_err            *err;
};

/* False after writing call->err. Text results live in the row's scratch or where the arguments live. */
typedef bool template_fn(struct call *c, struct value *ret);

struct template_func {
    const char  *name;
    template_fn *fn;
    unsigned     args_min, args_max;
    const char  *args;               /* wanted kind of each: s text, i int, n anything as a number, * anything */
    bool         is_regex;           /* the first argument is a regular expression: compiled with the query */
    int          detail;             /* which of the functions that share fn */
};

enum { ARGS_MANY = 255 }; /* args_max of a function that takes any number */

/* The tables; the last row has no name. */
extern const struct template_func template_text_funcs[], template_number_funcs[], template_go_funcs[];

const struct template_func *template_func_find(bole_slice name);
/* Checks the arguments, then calls. */
bool template_func_call(struct call *c, struct value *ret);

/* For the functions: failing returns false with the text; a result is built between begin and finish. */
bool call_fail(struct call *c, const char *what);
struct text call_begin(struct call *c);
bool call_finish(struct call *c, const struct text *t, struct value *ret);

static inline struct value value_text(bole_slice s) { return (struct value){.kind = VALUE_TEXT, .text = s}; }
static inline struct value value_int(int64_t v)
{
    return (struct value){.kind = VALUE_INT, .integer = v, .number = (double)v};
}
static inline struct value value_float(double v) { return (struct value){.kind = VALUE_FLOAT, .number = v}; }
static inline struct value value_bool(bool v) { return (struct value){.kind = VALUE_BOOL, .truth = v}; }

/* As sprig converts: where a number is wanted, text that is none counts as 0. */
double value_to_float(const struct value *v);
int64_t value_to_int(const struct value *v);

void value_print(const struct value *v, struct text *out); /* as Go's %v */
bool value_is_true(const struct value *v);

#endif
