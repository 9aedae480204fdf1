/*
 * Patterns come from the operator, names from whoever may create a file: so the cost must not explode over a name.
 * Within a component one star is retried at a time (the last one: an earlier star never needs more), which is at worst
 * pattern times name. Only `**` recurses, over components.
 */
#include "agent/glob.h"

/* One component against its pattern, brackets included; *at moves behind what was consumed of the pattern. */
static bool match_byte(bole_slice pattern, size_t *at, uint8_t byte)
{
    const uint8_t *p = pattern.ptr;
    size_t i = *at;
    if (p[i] == '?') {
        *at = i + 1;
        return true;
    }
    if (p[i] == '\\' && i + 1 < pattern.len) {
        *at = i + 2;
        return p[i + 1] == byte;
    }
    if (p[i] == '[') {
        size_t j = i + 1;
        bool negated = j < pattern.len && (p[j] == '!' || p[j] == '^');
        j += negated;
        bool hit = false;
        for (size_t first = j; j < pattern.len && (p[j] != ']' || j == first); j++) {
            if (j + 2 < pattern.len && p[j + 1] == '-' && p[j + 2] != ']') {
                hit |= p[j] <= byte && byte <= p[j + 2];
                j += 2;
            } else {
                hit |= p[j] == byte;
            }
        }
        if (j < pattern.len) { /* else the bracket never closes and stands for itself */
            *at = j + 1;
            return hit != negated;
        }
    }
    *at = i + 1;
    return p[i] == byte;
}

static bool match_name(bole_slice pattern, bole_slice name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, star_name = 0;
    while (n < name.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = ++p;
            star_name = n;
        } else if (p < pattern.len && match_byte(pattern, &p, name.ptr[n])) {
            n++;
        } else if (star != SIZE_MAX) {
            p = star;
            n = ++star_name;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

/* `leads`: path is a directory, and a pattern that has components left when the path ends is a match. */
static bool match_path(bole_slice pattern, bole_slice path, bool leads)
{
    for (;;) {
        if (pattern.len == 0)
            return !leads && path.len == 0;
        bole_slice pattern_rest, path_rest;
        bole_slice head = bole_slice_cut(pattern, '/', &pattern_rest);
        if (bole_slice_eq(head, S("**"))) {
            if (leads)
                return true;
            for (;; path = path_rest) {
                if (match_path(pattern_rest, path, false))
                    return true;
                if (path.len == 0)
                    return false;
                bole_slice_cut(path, '/', &path_rest);
            }
        }
        if (path.len == 0)
            return leads;
        if (!match_name(head, bole_slice_cut(path, '/', &path_rest)))
            return false;
        pattern = pattern_rest;
        path = path_rest;
    }
}

static bole_slice without_leading_slash(bole_slice path)
{
    return path.len && path.ptr[0] == '/' ? bole_slice_sub(path, 1) : path;
}

static bole_slice last_component(bole_slice path)
{
    const uint8_t *slash = path.len ? memrchr(path.ptr, '/', path.len) : NULL;
    return slash ? bole_slice_sub(path, (size_t)(slash - path.ptr) + 1) : path;
}

bool glob_match(bole_slice pattern, bole_slice path)
{
    if (pattern.len == 0 || !memchr(pattern.ptr, '/', pattern.len))
        return match_name(pattern, last_component(path));
    return match_path(without_leading_slash(pattern), without_leading_slash(path), false);
}

bool glob_leads(bole_slice pattern, bole_slice directory)
{
    return match_path(without_leading_slash(pattern), without_leading_slash(directory), true);
}

static bool is_wildcard(uint8_t byte)
{
    return memchr("*?[\\", byte, 4) != NULL;
}

bool glob_is_plain(bole_slice pattern)
{
    for (size_t i = 0; i < pattern.len; i++)
        if (is_wildcard(pattern.ptr[i]))
            return false;
    return true;
}

bole_slice glob_root(bole_slice pattern)
{
    size_t end = 0; /* of the last '/' before a wildcard */
    bool any = false;
    for (size_t i = 0; i < pattern.len && !is_wildcard(pattern.ptr[i]); i++)
        if (pattern.ptr[i] == '/') {
            end = i;
            any = true;
        }
    if (any && end == 0)
        end = 1;
    return (bole_slice){pattern.ptr, end};
}
