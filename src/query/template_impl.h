/* template_impl.h - what template.c (syntax, execution) and template_funcs.c (functions) share. */
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
    unsigned     args_min, args_max; /* without limit: 255 */
    const char  *args;               /* wanted kind of each: s text, i int, n anything as a number, * anything */
    bool         is_regex;           /* the first argument is a regular expression: compiled with the query */
    int          detail;             /* which of the functions that share fn */
};

const struct template_func *template_func_find(bole_slice name);
/* Checks and converts the arguments, then calls. */
bool template_func_call(struct call *c, struct value *ret);

void value_print(const struct value *v, struct text *out); /* as Go's %v */
bool value_is_true(const struct value *v);

#endif
