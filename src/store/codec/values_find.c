#include <assert.h>

#include "store/codec/values_private.h"

/*
 * 64 classes: each digit, a to f each (hex), g to z in pairs, A-F, G-P, Q-Z, each ASCII punctuation mark, blank, control
 * bytes, bytes above 127. Part of the format: docs/format/columns.md.
 */
enum { CLASS_LOWER = 10, CLASS_PAIRS = 16, CLASS_UPPER = 26, CLASS_BLANK = 29, CLASS_CONTROL = 30, CLASS_HIGH = 31,
       CLASS_PUNCTUATION = 32 };

static unsigned class_of(uint8_t c)
{
    if (c >= 0x80)
        return CLASS_HIGH;
    if (c < 0x20 || c == 0x7f)
        return CLASS_CONTROL;
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'z')
        return c <= 'f' ? (unsigned)(CLASS_LOWER + c - 'a') : (unsigned)(CLASS_PAIRS + (c - 'g') / 2);
    if (c >= 'A' && c <= 'Z')
        return CLASS_UPPER + (c >= 'G') + (c >= 'Q');
    if (c == ' ')
        return CLASS_BLANK;
    unsigned index = c < '0' ? c - '!' + 0u : c < 'A' ? c - ':' + 15u : c < 'a' ? c - '[' + 22u : c - '{' + 28u;
    return CLASS_PUNCTUATION + index;
}

uint64_t values_classes(bole_slice s)
{
    uint64_t classes = 0;
    for (size_t i = 0; i < s.len; i++)
        classes |= 1ull << class_of(s.ptr[i]);
    return classes;
}

bool values_may_contain(const struct values *v, bole_slice needle)
{
    return needle.len <= v->stamp.max_len && !(values_classes(needle) & ~v->stamp.classes);
}

static bool matches(bole_slice s, enum values_match how, bole_slice needle)
{
    if (needle.len > s.len)
        return false;
    if (needle.len == 0)
        return how != VALUES_EQUALS || s.len == 0;
    switch (how) {
    case VALUES_CONTAINS: return memmem(s.ptr, s.len, needle.ptr, needle.len) != NULL;
    case VALUES_EQUALS: return bole_slice_eq(s, needle);
    case VALUES_STARTS: return memcmp(s.ptr, needle.ptr, needle.len) == 0;
    default: return memcmp(s.ptr + s.len - needle.len, needle.ptr, needle.len) == 0;
    }
}

void values_find(const struct values *v, enum values_match how, bole_slice needle, uint64_t *ret_bits)
{
    const struct values_detail *d = v->detail;
    memset(ret_bits, 0, ((size_t)v->count + 63) / 64 * sizeof *ret_bits);
    if (!values_may_contain(v, needle))
        return;
    uint8_t text[1024];
    for (uint32_t i = 0; i < v->count; i++) {
        bole_slice s;
        if (values_distinct_count(v))
            s = values_distinct(v, values_id(v, i));
        else if (v->type == VALUES_RAW)
            s = bole_slice_from(d->text + d->starts[i], values_len(v, i));
        else
            s = bole_slice_from(text, (size_t)(values_put(v, i, text) - text));
        if (matches(s, how, needle))
            ret_bits[i / 64] |= 1ull << i % 64;
    }
}
