#include "store/codec/values_private.h"

/* The next of " \ [ ] at or after `at`; s.len: there is none, as in most texts. */
static size_t next_mark(bole_slice s, size_t at)
{
    typedef uint8_t block __attribute__((vector_size(16)));
    for (; s.len - at >= sizeof(block); at += sizeof(block)) {
        block bytes;
        uint64_t found[2];
        memcpy(&bytes, s.ptr + at, sizeof bytes);
        bytes = (block)((bytes == '"') | (bytes - '[' < 3));
        memcpy(found, &bytes, sizeof found);
        if (found[0] | found[1])
            return at + (size_t)(found[0] ? __builtin_ctzll(found[0]) : 64 + __builtin_ctzll(found[1])) / 8;
    }
    while (at < s.len && s.ptr[at] != '"' && (s.ptr[at] < '[' || s.ptr[at] > ']'))
        at++;
    return at;
}

static bool is_quoted(bole_slice s)
{
    for (size_t i = next_mark(s, 0); i < s.len; i = next_mark(s, i + 1))
        if (s.ptr[i] == '"' || (s.ptr[i] == '\\' && ++i == s.len))
            return false;
    return true;
}

static const uint8_t *skip_digits(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static bool is_number(bole_slice s)
{
    const uint8_t *p = s.ptr, *end = s.ptr + s.len, *digits;
    p += p < end && *p == '-';
    digits = p;
    p = skip_digits(p, end);
    if (p == digits)
        return false;
    if (p < end && *p == '.') {
        digits = ++p;
        p = skip_digits(p, end);
        if (p == digits)
            return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < end && (*p == '-' || *p == '+');
        digits = p;
        p = skip_digits(p, end);
        if (p == digits)
            return false;
    }
    return p == end;
}

static bool is_scalar(bole_slice s)
{
    return is_number(s) || bole_slice_eq(s, S("true")) || bole_slice_eq(s, S("false"));
}

static bool is_items(bole_slice s)
{
    size_t depth = 0;
    bool in_quotes = false;
    for (size_t i = next_mark(s, 0); i < s.len; i = next_mark(s, i + 1)) {
        uint8_t c = s.ptr[i];
        if (in_quotes && c == '\\' && ++i == s.len)
            return false;
        else if (c == '"')
            in_quotes = !in_quotes;
        else if (!in_quotes && c == '[')
            depth++;
        else if (!in_quotes && c == ']' && depth-- == 0)
            return false;
    }
    return depth == 0 && !in_quotes;
}

static bool all_are(bool (*is)(bole_slice s), const bole_slice *values, uint32_t count)
{
    uint32_t i = 0;
    while (i < count && is(values[i]))
        i++;
    return i == count;
}

unsigned values_forms_of_classes(uint64_t classes)
{
    enum { QUOTE = 33, OPENS = 54, BACKSLASH = 55, CLOSES = 56 }; /* classes of single bytes: columns.md */
    const uint64_t quoted = 1ull << QUOTE | 1ull << BACKSLASH, items = 1ull << QUOTE | 1ull << OPENS | 1ull << CLOSES;
    return (classes & quoted ? 0 : VALUES_QUOTED) | (classes & items ? 0 : VALUES_ITEMS);
}

unsigned values_forms(const bole_slice *values, uint32_t count, uint64_t classes)
{
    unsigned forms = values_forms_of_classes(classes);
    if (!(forms & VALUES_QUOTED) && all_are(is_quoted, values, count))
        forms |= VALUES_QUOTED;
    if (!(forms & VALUES_ITEMS) && all_are(is_items, values, count))
        forms |= VALUES_ITEMS;
    return forms | (all_are(is_scalar, values, count) ? VALUES_SCALARS : 0);
}

unsigned values_forms_of(const struct values *v)
{
    const struct values_detail *d = v->detail;
    bole_slice value = {d->text, v->stamp.max_len};
    return v->type == VALUES_CONST ? values_forms(&value, 1, v->stamp.classes) : v->stamp.forms;
}
