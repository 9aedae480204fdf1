#include "query/text.h"

#include "base/utf8.h"

uint8_t *text_extend(struct text *t, size_t len)
{
    if (!t->failed && len > t->limit - t->len)
        t->failed = true;
    if (!t->failed && len > t->cap - t->len) {
        size_t cap = t->cap * 2 > t->len + len ? t->cap * 2 : t->len + len + 64;
        uint8_t *p = t->ptr ? arena_grow(t->arena, t->ptr, t->cap, cap) : arena_alloc(t->arena, cap);
        t->failed = !p;
        if (p) {
            t->ptr = p;
            t->cap = cap;
        }
    }
    if (t->failed)
        return NULL;
    t->len += len;
    return t->ptr + t->len - len;
}

void text_put(struct text *t, bole_slice s)
{
    uint8_t *to = s.len ? text_extend(t, s.len) : NULL;
    if (to)
        memcpy(to, s.ptr, s.len);
}

void text_put_times(struct text *t, bole_slice s, size_t times)
{
    size_t total, done = s.len;
    if (s.len == 0 || times == 0)
        return;
    if (__builtin_mul_overflow(s.len, times, &total))
        total = SIZE_MAX; /* more than any limit */
    uint8_t *to = text_extend(t, total);
    if (!to)
        return;
    memcpy(to, s.ptr, s.len);
    for (size_t n; done < total; done += n) { /* twice as much each time */
        n = done < total - done ? done : total - done;
        memcpy(to + done, to, n);
    }
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

static bole_slice group_by_name(const struct regex *regex, bole_slice name, const bole_slice *groups,
                                size_t group_count)
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

struct replacing {
    struct text        *out;
    const struct regex *regex;
    size_t              group_count;
    const uint8_t      *copied; /* the subject up to here is done */
    bole_slice          replacement;
    bool                literal;
};

static bool replace_match(const bole_slice *groups, void *ctx)
{
    struct replacing *r = ctx;
    text_put(r->out, (bole_slice){r->copied, (size_t)(groups[0].ptr - r->copied)});
    if (r->literal)
        text_put(r->out, r->replacement);
    else
        text_put_expanded(r->out, r->replacement, r->regex, groups, r->group_count);
    r->copied = groups[0].ptr + groups[0].len;
    return !r->out->failed;
}

void text_put_replaced(struct text *t, const struct regex *regex, bole_slice subject, bole_slice replacement,
                       bool literal)
{
    bole_slice s = {subject.ptr ? subject.ptr : (const uint8_t *)"", subject.len};
    struct replacing r = {.out = t, .regex = regex, .group_count = regex_group_count(regex) + 1, .copied = s.ptr,
                          .replacement = replacement, .literal = literal};
    regex_each(regex, s, r.group_count, replace_match, &r);
    text_put(t, bole_slice_sub(s, (size_t)(r.copied - s.ptr)));
}
