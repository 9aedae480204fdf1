#include "query/set/value.h"

#include <math.h>

#include "query/units.h"
#include "shim/number.h"

bole_slice set_text(const struct row *r, bole_slice name, char room[TIME_TEXT_MAX])
{
    if (bole_slice_eq(name, S("__line__")))
        return r->line;
    if (bole_slice_eq(name, S("__timestamp__")))
        return (bole_slice){(const uint8_t *)room, time_format_rfc3339(r->time_ns, 9, room)};
    return row_text(r, name);
}

bole_slice set_column_name(bole_slice name)
{
    bool is_special = bole_slice_eq(name, S("__line__")) || bole_slice_eq(name, S("__timestamp__"));
    return is_special ? (bole_slice){name.ptr + 2, name.len - 4} : name;
}

bool set_number(bole_slice text, double *ret_number)
{
    int64_t ns;
    uint64_t bytes;
    uint8_t c = text.len ? text.ptr[0] : 0;
    if (!((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.') || text.len > 64)
        return false;
    if (number_parse(text, ret_number))
        return isfinite(*ret_number);
    if (units_go_duration(text, &ns, NULL) == BOLE_OK)
        *ret_number = (double)ns / 1e9;
    else if (c != '-' && c != '+' && units_bytes(text, &bytes, NULL) == BOLE_OK)
        *ret_number = (double)bytes;
    else
        return false;
    return true;
}

struct set_value set_value_of(bole_slice text)
{
    struct set_value v = {.kind = VALUE_WORDS, .text = text};
    if (text.len == 0)
        v.kind = VALUE_ABSENT;
    else if (set_number(text, &v.number))
        v.kind = VALUE_NUMERIC;
    return v;
}

int set_value_cmp(const struct set_value *a, const struct set_value *b, bool descending)
{
    if (a->kind == VALUE_ABSENT || b->kind == VALUE_ABSENT)
        return (a->kind == VALUE_ABSENT) - (b->kind == VALUE_ABSENT);
    int c = (a->kind > b->kind) - (a->kind < b->kind);
    if (!c && a->kind == VALUE_NUMERIC)
        c = (a->number > b->number) - (a->number < b->number);
    if (!c)
        c = bole_slice_cmp(a->text, b->text);
    return descending ? -c : c;
}
