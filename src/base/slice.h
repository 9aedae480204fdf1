/*
 * slice.h - text and bytes as pointer and length. Log lines hold NUL bytes and bad UTF-8: nothing here stops at a NUL.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <string.h>

#include "bole/types.h"

/* printf("%.*s", BOLE_SLICE_ARG(s)) */
#define BOLE_SLICE_ARG(s) (int)((s).len > 4096 ? 4096 : (s).len), (const char *)(s).ptr

/* A slice of a string literal; of an array its NUL is cut off. */
#define S(literal) ((bole_slice){(const uint8_t *)(literal), sizeof(literal) - 1})

static inline bole_slice bole_slice_from(const void *ptr, size_t len)
{
    return (bole_slice){ptr, len};
}

static inline bole_slice bole_slice_str(const char *text)
{
    return (bole_slice){(const uint8_t *)text, text ? strlen(text) : 0};
}

static inline bool bole_slice_eq(bole_slice a, bole_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Order of bytes, as strcmp and as Go's string order. */
static inline int bole_slice_cmp(bole_slice a, bole_slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

static inline bool bole_slice_starts(bole_slice s, bole_slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool bole_slice_ends(bole_slice s, bole_slice suffix)
{
    return s.len >= suffix.len && (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

static inline bole_slice bole_slice_sub(bole_slice s, size_t from)
{
    return from >= s.len ? (bole_slice){0} : (bole_slice){s.ptr + from, s.len - from};
}

/* The part in front of `sep`; the rest, without `sep`, goes to *ret_rest (empty when there is no `sep`). */
static inline bole_slice bole_slice_cut(bole_slice s, uint8_t sep, bole_slice *ret_rest)
{
    const uint8_t *hit = s.len ? memchr(s.ptr, sep, s.len) : NULL;
    size_t n = hit ? (size_t)(hit - s.ptr) : s.len;
    *ret_rest = hit ? (bole_slice){hit + 1, s.len - n - 1} : (bole_slice){0};
    return (bole_slice){s.ptr, n};
}

/* Without blanks, tabs, CR and LF at both ends. */
bole_slice bole_slice_trim(bole_slice s);

/* ASCII letters only; bytes above 127 are compared as they are. */
bool bole_slice_eq_nocase(bole_slice a, bole_slice b);

#endif
