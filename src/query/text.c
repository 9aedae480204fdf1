#include "query/text.h"

#include "base/utf8.h"

void text_put(struct text *t, bole_slice s)
{
    if (t->failed || s.len == 0)
        return;
    if (s.len > t->limit - t->len) {
        t->failed = true;
        return;
    }
    if (s.len > t->cap - t->len) {
        size_t cap = t->cap * 2 > t->len + s.len ? t->cap * 2 : t->len + s.len + 64;
        uint8_t *p = t->ptr ? arena_grow(t->arena, t->ptr, t->cap, cap) : arena_alloc(t->arena, cap);
        if (!p) {
            t->failed = true;
            return;
        }
        t->ptr = p;
        t->cap = cap;
    }
    memcpy(t->ptr + t->len, s.ptr, s.len);
    t->len += s.len;
}

size_t text_runes(bole_slice s)
{
    size_t runes = 0;
    for (size_t i = 0; i < s.len; runes++) {
        size_t n = utf8_length(s.ptr + i, s.len - i);
        i += n ? n : 1;
    }
    return runes;
}

size_t text_rune_offset(bole_slice s, size_t index)
{
    size_t i = 0;
    for (; i < s.len && index; index--) {
        size_t n = utf8_length(s.ptr + i, s.len - i);
        i += n ? n : 1;
    }
    return i;
}

static bool is_name_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bole_slice group_by_name(const struct regex *regex, bole_slice name, const bole_slice *groups, size_t group_count)
{
    size_t number = 0, digits = 0;
    while (digits < name.len && digits < 6 && name.ptr[digits] >= '0' && name.ptr[digits] <= '9')
        number = number * 10 + (name.ptr[digits++] - '0');
    if (digits == name.len)
        return number < group_count ? groups[number] : (bole_slice){0};
    for (size_t g = 1; g < group_count; g++)
        if (bole_slice_eq(regex_group_name(regex, g), name))
            return groups[g];
    return (bole_slice){0};
}

/* The reference behind a `$` at s[0]; false when it is a plain dollar. */
static bool take_reference(bole_slice s, bole_slice *ret_name, size_t *ret_used)
{
    bool braces = s.len > 1 && s.ptr[1] == '{';
    size_t from = braces ? 2 : 1, i = from;
    while (i < s.len && is_name_char(s.ptr[i]))
        i++;
    if (i == from || (braces && (i >= s.len || s.ptr[i] != '}')))
        return false;
    *ret_name = (bole_slice){s.ptr + from, i - from};
    *ret_used = i + braces;
    return true;
}

void text_put_expanded(struct text *t, bole_slice replacement, const struct regex *regex, const bole_slice *groups,
                       size_t group_count)
{
    bole_slice rest = replacement;
    while (rest.len) {
        const uint8_t *dollar = memchr(rest.ptr, '$', rest.len);
        size_t plain = dollar ? (size_t)(dollar - rest.ptr) : rest.len;
        text_put(t, (bole_slice){rest.ptr, plain});
        rest = bole_slice_sub(rest, plain);
        bole_slice name;
        size_t used = 1;
        if (rest.len == 0)
            return;
        if (rest.len > 1 && rest.ptr[1] == '$') {
            text_put(t, S("$"));
            used = 2;
        } else if (take_reference(rest, &name, &used)) {
            text_put(t, group_by_name(regex, name, groups, group_count));
        } else {
            text_put(t, S("$"));
        }
        rest = bole_slice_sub(rest, used);
    }
}

void text_put_replaced(struct text *t, const struct regex *regex, bole_slice subject, bole_slice replacement, bool literal)
{
    bole_slice groups[REGEX_GROUPS_MAX + 1];
    size_t count = regex_group_count(regex) + 1, copied = 0, at = 0;
    const uint8_t *base = subject.ptr ? subject.ptr : (const uint8_t *)"";
    bole_slice s = {base, subject.len};
    bool replaced_before = false;
    while (!t->failed && at <= s.len && regex_find(regex, s, at, groups, count)) {
        size_t from = (size_t)(groups[0].ptr - base), to = from + groups[0].len;
        /* An empty match right behind the one before is none, as in Go. */
        if (groups[0].len || !replaced_before || from > copied) {
            text_put(t, (bole_slice){base + copied, from - copied});
            if (literal)
                text_put(t, replacement);
            else
                text_put_expanded(t, replacement, regex, groups, count);
            copied = to;
            replaced_before = true;
        }
        size_t step = to < s.len ? utf8_length(base + to, s.len - to) : 1;
        at = groups[0].len ? to : to + (step ? step : 1);
    }
    text_put(t, bole_slice_sub(s, copied));
}
