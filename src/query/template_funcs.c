/* template_funcs.c - values, and how a function is found and called; the functions themselves are in the tables
 * below. */
#include <stdio.h>

#include "base/err.h"
#include "query/gotime.h"
#include "query/template_impl.h"
#include "shim/number.h"

static const struct template_func *const tables[] = {template_text_funcs, template_number_funcs, template_go_funcs};

/* ---- values ---- */

void value_print(const struct value *v, struct text *out)
{
    char text[NUMBER_TEXT_MAX];
    size_t n = 0;
    switch (v->kind) {
    case VALUE_TEXT: text_put(out, v->text); return;
    case VALUE_INT: n = (size_t)snprintf(text, sizeof text, "%lld", (long long)v->integer); break;
    case VALUE_FLOAT: n = number_format_g(v->number, text); break;
    case VALUE_BOOL: text_put(out, v->truth ? S("true") : S("false")); return;
    case VALUE_TIME:
        n = gotime_format(v->integer, S("2006-01-02 15:04:05.999999999 -0700 MST"), text, sizeof text);
        break;
    }
    text_put(out, (bole_slice){(const uint8_t *)text, n});
}

bool value_is_true(const struct value *v)
{
    switch (v->kind) {
    case VALUE_TEXT: return v->text.len > 0;
    case VALUE_INT: return v->integer != 0;
    case VALUE_FLOAT: return v->number != 0;
    case VALUE_BOOL: return v->truth;
    case VALUE_TIME: return true;
    }
    return false;
}

double value_to_float(const struct value *v)
{
    double d = 0;
    switch (v->kind) {
    case VALUE_TEXT: return number_parse(v->text, &d) ? d : 0;
    case VALUE_INT: return (double)v->integer;
    case VALUE_FLOAT: return v->number;
    case VALUE_BOOL: return v->truth;
    case VALUE_TIME: return 0;
    }
    return 0;
}

int64_t value_to_int(const struct value *v)
{
    if (v->kind == VALUE_INT)
        return v->integer;
    double d = value_to_float(v);
    return d >= -9.2e18 && d <= 9.2e18 ? (int64_t)d : 0;
}

/* ---- calls ---- */

bool call_fail(struct call *c, const char *what)
{
    bole_fail(c->err, BOLE_E_INVALID, "template: error calling %s: %s", c->func->name, what);
    return false;
}

struct text call_begin(struct call *c)
{
    return text_begin(c->row->scratch, TEMPLATE_OUTPUT_MAX);
}

bool call_finish(struct call *c, const struct text *t, struct value *ret)
{
    *ret = value_text(text_slice(t));
    return t->failed ? call_fail(c, "the result is too large") : true;
}

const struct template_func *template_func_find(bole_slice name)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct template_func *f = tables[i]; f->name; f++)
            if (bole_slice_eq(name, bole_slice_str(f->name)))
                return f;
    return NULL;
}

/* Every text that a function reads or makes counts: the size of a template says nothing about its work. */
static bool charge(struct call *c, const struct value *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (values[i].kind == VALUE_TEXT)
            c->row->template_bytes += values[i].text.len;
    return c->row->template_bytes <= TEMPLATE_WORK_MAX || call_fail(c, "the template works on too much text");
}

bool template_func_call(struct call *c, struct value *ret)
{
    const char *wanted = c->func->args;
    for (size_t i = 0; i < c->arg_count; i++) {
        struct value *v = &c->args[i];
        if (*wanted == 's' && v->kind != VALUE_TEXT)
            return call_fail(c, "wrong type for value; expected string");
        if (*wanted == 'i' && v->kind != VALUE_INT)
            return call_fail(c, "wrong type for value; expected int");
        if (*wanted && wanted[1]) /* the last letter goes for all that follow */
            wanted++;
    }
    if (!charge(c, c->args, c->arg_count) || !c->func->fn(c, ret))
        return false;
    return charge(c, ret, 1);
}
