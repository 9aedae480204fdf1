/* template_call.c - how a function is found, what it takes, and what its work counts for; the tables are elsewhere. */
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "query/template/template_impl.h"

static const struct template_func *const tables[] = {template_text_funcs, template_number_funcs, template_time_funcs,
                                                     template_go_funcs};

bool call_fail(struct call *c, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    va_start(args, fmt);
    err_vprint(text, sizeof text, fmt, args);
    va_end(args);
    c->reason = row_copy(c->row, bole_slice_str(text));
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

char template_func_param(const struct template_func *f, size_t index)
{
    size_t count = strlen(f->args);
    return count == 0 ? '*' : f->args[index < count ? index : count - 1];
}

const char *template_param_type(char letter)
{
    switch (letter) {
    case 's': return "string";
    case 'i': return "int";
    case 'f': return "float64";
    case 't': return "time.Time";
    case 'd': return "time.Duration";
    case 'v': return "reflect.Value";
    default: return "interface {}";
    }
}

bool call_charge(struct call *c, size_t bytes)
{
    c->row->template_bytes += bytes;
    return c->row->template_bytes <= TEMPLATE_WORK_MAX || call_fail(c, "the template works on too much text");
}

/* Every text that a function reads or makes counts: the size of a template says nothing about its work. */
static bool charge(struct call *c, const struct value *values, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += values[i].kind == VALUE_TEXT   ? values[i].text.len
                 : values[i].kind == VALUE_LIST ? values[i].list.count * sizeof values[i]
                 : values[i].kind == VALUE_MAP  ? values[i].map->count * sizeof *values[i].map->entries
                                                : 0;
    return call_charge(c, bytes);
}

bool template_func_call(struct call *c, struct value *ret)
{
    return charge(c, c->args, c->arg_count) && c->func->fn(c, ret) && charge(c, ret, 1);
}
