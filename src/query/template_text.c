/* template_text.c - the functions of templates that turn text into text: Loki's own names and sprig's. */
#include "query/template_impl.h"

/* ---- text ---- */

enum { LOWER, UPPER, TITLE };

static bool fn_case(struct call *c, struct value *ret)
{
    bole_slice s = row_copy(c->row, c->args[0].text);
    uint8_t *p = (uint8_t *)s.ptr;
    bool word_begins = true;
    for (size_t i = 0; i < s.len; i++) {
        bool lower = p[i] >= 'a' && p[i] <= 'z', upper = p[i] >= 'A' && p[i] <= 'Z';
        if (c->func->detail == LOWER ? upper : lower && (c->func->detail == UPPER || word_begins))
            p[i] ^= 0x20;
        word_begins = p[i] == ' ' || p[i] == '\t' || p[i] == '\n';
    }
    *ret = value_text(s);
    return true;
}

enum { TRIM_LEFT = 1, TRIM_RIGHT = 2 };

static bole_slice trim_set(bole_slice s, bole_slice set, int sides)
{
    bool in_set[256] = {0}; /* a set may be as long as a line */
    for (size_t i = 0; i < set.len; i++)
        in_set[set.ptr[i]] = true;
    while ((sides & TRIM_LEFT) && s.len && in_set[s.ptr[0]])
        s = bole_slice_sub(s, 1);
    while ((sides & TRIM_RIGHT) && s.len && in_set[s.ptr[s.len - 1]])
        s.len--;
    return s;
}

static bool fn_trim_space(struct call *c, struct value *ret)
{
    *ret = value_text(trim_set(c->args[0].text, S(" \t\n\v\f\r"), TRIM_LEFT | TRIM_RIGHT));
    return true;
}

static bool fn_trim_set(struct call *c, struct value *ret) /* (s, set): Go's order */
{
    *ret = value_text(trim_set(c->args[0].text, c->args[1].text, c->func->detail));
    return true;
}

static bool fn_trim_all(struct call *c, struct value *ret) /* (set, s): sprig's order */
{
    *ret = value_text(trim_set(c->args[1].text, c->args[0].text, TRIM_LEFT | TRIM_RIGHT));
    return true;
}

static bole_slice trim_affix(bole_slice s, bole_slice affix, int side)
{
    if (s.len < affix.len)
        return s;
    bole_slice end = {s.ptr + (side == TRIM_LEFT ? 0 : s.len - affix.len), affix.len};
    if (!bole_slice_eq(end, affix))
        return s;
    return side == TRIM_LEFT ? bole_slice_sub(s, affix.len) : (bole_slice){s.ptr, s.len - affix.len};
}

static bool fn_trim_affix(struct call *c, struct value *ret)
{
    *ret = value_text(trim_affix(c->args[0].text, c->args[1].text, c->func->detail));
    return true;
}

static bool fn_trim_affix_sprig(struct call *c, struct value *ret)
{
    *ret = value_text(trim_affix(c->args[1].text, c->args[0].text, c->func->detail));
    return true;
}

/* As Go's strings.Replace: an empty `old` is found in front of every rune and at the end. */
static bool replace(struct call *c, bole_slice s, bole_slice old, bole_slice new, int64_t limit, struct value *ret)
{
    struct text out = call_begin(c);
    for (bool first = true; limit != 0 && !out.failed; limit--, first = false) {
        const uint8_t *hit = old.len && s.len ? memmem(s.ptr, s.len, old.ptr, old.len) : NULL;
        if (old.len ? !hit : !first && !s.len)
            break;
        size_t before = old.len ? (size_t)(hit - s.ptr) : first ? 0 : text_rune_offset(s, 1);
        text_put(&out, (bole_slice){s.ptr, before});
        text_put(&out, new);
        s = bole_slice_sub(s, before + old.len);
    }
    text_put(&out, s);
    return call_finish(c, &out, ret);
}

static bool fn_replace(struct call *c, struct value *ret) /* Replace s old new n */
{
    return replace(c, c->args[0].text, c->args[1].text, c->args[2].text, c->args[3].integer, ret);
}

static bool fn_replace_sprig(struct call *c, struct value *ret) /* replace old new s */
{
    return replace(c, c->args[2].text, c->args[0].text, c->args[1].text, -1, ret);
}

enum { CONTAINS, HAS_PREFIX, HAS_SUFFIX };

static bool fn_contains(struct call *c, struct value *ret)
{
    bole_slice part = c->args[0].text, s = c->args[1].text;
    bool found = part.len == 0;
    if (!found && s.len >= part.len)
        switch (c->func->detail) {
        case CONTAINS: found = memmem(s.ptr, s.len, part.ptr, part.len) != NULL; break;
        case HAS_PREFIX: found = bole_slice_starts(s, part); break;
        default: found = memcmp(s.ptr + s.len - part.len, part.ptr, part.len) == 0;
        }
    *ret = value_bool(found);
    return true;
}

static const char negative_count[] = "strings: negative Repeat count"; /* Go's text */

static bool fn_repeat(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    if (c->args[0].integer < 0)
        return call_fail(c, negative_count);
    text_put_times(&out, c->args[1].text, (uint64_t)c->args[0].integer);
    return call_finish(c, &out, ret);
}

/* Bytes, as sprig's substr; out of range is cut to the text. */
static bole_slice cut(bole_slice s, int64_t from, int64_t to)
{
    int64_t len = (int64_t)s.len;
    from = from < 0 ? 0 : from > len ? len : from;
    to = to < from ? from : to > len ? len : to;
    return (bole_slice){s.ptr + from, (size_t)(to - from)};
}

static bool fn_substr(struct call *c, struct value *ret)
{
    bole_slice s = c->args[2].text;
    int64_t to = c->args[1].integer < 0 ? (int64_t)s.len : c->args[1].integer;
    *ret = value_text(s.len ? cut(s, c->args[0].integer, to) : s);
    return true;
}

static bool fn_trunc(struct call *c, struct value *ret)
{
    int64_t n = c->args[0].integer, len = (int64_t)c->args[1].text.len;
    bole_slice s = c->args[1].text;
    *ret = value_text(!s.len ? s : n >= 0 ? cut(s, 0, n) : cut(s, n < -len ? 0 : len + n, len));
    return true;
}

static bool fn_indent(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    bole_slice s = c->args[1].text;
    if (c->args[0].integer < 0)
        return call_fail(c, negative_count);
    if (c->func->detail)
        text_put(&out, S("\n"));
    for (const uint8_t *end = s.ptr; end && !out.failed;) {
        end = s.len ? memchr(s.ptr, '\n', s.len) : NULL;
        size_t len = end ? (size_t)(end - s.ptr) + 1 : s.len;
        text_put_times(&out, S(" "), (uint64_t)c->args[0].integer);
        text_put(&out, (bole_slice){s.ptr, len});
        s = bole_slice_sub(s, len);
    }
    return call_finish(c, &out, ret);
}

/* Cut or padded to a width; alignRight keeps the end. */
static bool fn_align(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    bole_slice s = c->args[1].text;
    size_t runes = text_runes(s), width = c->args[0].integer > 0 ? (size_t)c->args[0].integer : 0;
    bool right = c->func->detail;
    if (runes >= width) {
        size_t at = text_rune_offset(s, right ? runes - width : width);
        *ret = value_text(right ? bole_slice_sub(s, at) : (bole_slice){s.ptr, at});
        return true;
    }
    if (!right)
        text_put(&out, s);
    text_put_times(&out, S(" "), width - runes);
    if (right)
        text_put(&out, s);
    return call_finish(c, &out, ret);
}

static bool fn_regex_replace(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    text_put_replaced(&out, c->regex, c->args[1].text, c->args[2].text, c->func->detail);
    return call_finish(c, &out, ret);
}

static bool count_match(const bole_slice *groups, void *ctx)
{
    ++*(int64_t *)ctx;
    return true;
}

static bool fn_count(struct call *c, struct value *ret)
{
    int64_t n = 0;
    regex_each(c->regex, c->args[1].text, 1, count_match, &n);
    *ret = value_int(n);
    return true;
}

static bool fn_default(struct call *c, struct value *ret)
{
    *ret = value_is_true(&c->args[1]) ? c->args[1] : c->args[0];
    return true;
}

/* ---- encodings ---- */

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool fn_b64enc(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    bole_slice s = c->args[0].text;
    for (size_t i = 0; i < s.len; i += 3) {
        size_t n = s.len - i < 3 ? s.len - i : 3;
        uint32_t v = (uint32_t)s.ptr[i] << 16 | (n > 1 ? (uint32_t)s.ptr[i + 1] << 8 : 0) | (n > 2 ? s.ptr[i + 2] : 0);
        uint8_t four[4];
        for (size_t k = 0; k < 4; k++)
            four[k] = k <= n ? (uint8_t)base64_alphabet[v >> (18 - 6 * k) & 63] : '=';
        text_put(&out, (bole_slice){four, 4});
    }
    return call_finish(c, &out, ret);
}

static bool fn_b64dec(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    bole_slice s = trim_set(c->args[0].text, S("="), TRIM_RIGHT);
    uint32_t v = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < s.len; i++) {
        const char *hit = s.ptr[i] ? strchr(base64_alphabet, s.ptr[i]) : NULL;
        if (!hit)
            return call_fail(c, "illegal base64 data");
        v = v << 6 | (uint32_t)(hit - base64_alphabet);
        bits += 6;
        if (bits >= 8) {
            uint8_t byte = (uint8_t)(v >> (bits - 8));
            text_put(&out, (bole_slice){&byte, 1});
            bits -= 8;
        }
    }
    return call_finish(c, &out, ret);
}

static const char hex_digits[] = "0123456789ABCDEF";

static bool fn_urlencode(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    bole_slice s = c->args[0].text;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t b = s.ptr[i];
        bool plain = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '-' ||
                     b == '_' || b == '.' || b == '~';
        const uint8_t hex[] = {'%', (uint8_t)hex_digits[b >> 4], (uint8_t)hex_digits[b & 15]};
        text_put(&out, plain ? (bole_slice){&b, 1} : b == ' ' ? S("+") : (bole_slice){hex, sizeof hex});
    }
    return call_finish(c, &out, ret);
}

static int hex_value(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

static bool fn_urldecode(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    bole_slice s = c->args[0].text;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t b = s.ptr[i] == '+' ? ' ' : s.ptr[i];
        if (b == '%') {
            int high = i + 2 < s.len ? hex_value(s.ptr[i + 1]) : -1, low = i + 2 < s.len ? hex_value(s.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return call_fail(c, "invalid URL escape");
            b = (uint8_t)(high << 4 | low);
            i += 2;
        }
        text_put(&out, (bole_slice){&b, 1});
    }
    return call_finish(c, &out, ret);
}

/* ---- the table ---- */

const struct template_func template_text_funcs[] = {
    {"ToLower", fn_case, 1, 1, "s", .detail = LOWER}, {"ToUpper", fn_case, 1, 1, "s", .detail = UPPER},
    {"lower", fn_case, 1, 1, "s", .detail = LOWER}, {"upper", fn_case, 1, 1, "s", .detail = UPPER},
    {"title", fn_case, 1, 1, "s", .detail = TITLE}, {"TrimSpace", fn_trim_space, 1, 1, "s"},
    {"trim", fn_trim_space, 1, 1, "s"}, {"Trim", fn_trim_set, 2, 2, "ss", .detail = TRIM_LEFT | TRIM_RIGHT},
    {"TrimLeft", fn_trim_set, 2, 2, "ss", .detail = TRIM_LEFT},
    {"TrimRight", fn_trim_set, 2, 2, "ss", .detail = TRIM_RIGHT},
    {"TrimPrefix", fn_trim_affix, 2, 2, "ss", .detail = TRIM_LEFT},
    {"TrimSuffix", fn_trim_affix, 2, 2, "ss", .detail = TRIM_RIGHT}, {"trimAll", fn_trim_all, 2, 2, "ss"},
    {"trimPrefix", fn_trim_affix_sprig, 2, 2, "ss", .detail = TRIM_LEFT},
    {"trimSuffix", fn_trim_affix_sprig, 2, 2, "ss", .detail = TRIM_RIGHT}, {"Replace", fn_replace, 4, 4, "sssi"},
    {"replace", fn_replace_sprig, 3, 3, "sss"}, {"contains", fn_contains, 2, 2, "ss", .detail = CONTAINS},
    {"hasPrefix", fn_contains, 2, 2, "ss", .detail = HAS_PREFIX},
    {"hasSuffix", fn_contains, 2, 2, "ss", .detail = HAS_SUFFIX}, {"repeat", fn_repeat, 2, 2, "is"},
    {"substr", fn_substr, 3, 3, "iis"}, {"trunc", fn_trunc, 2, 2, "is"}, {"indent", fn_indent, 2, 2, "is"},
    {"nindent", fn_indent, 2, 2, "is", .detail = 1}, {"alignLeft", fn_align, 2, 2, "is"},
    {"alignRight", fn_align, 2, 2, "is", .detail = 1}, {"regexReplaceAll", fn_regex_replace, 3, 3, "sss", true},
    {"regexReplaceAllLiteral", fn_regex_replace, 3, 3, "sss", true, 1}, {"count", fn_count, 2, 2, "ss", true},
    {"default", fn_default, 2, 2, "**"}, {"b64enc", fn_b64enc, 1, 1, "s"}, {"b64dec", fn_b64dec, 1, 1, "s"},
    {"urlencode", fn_urlencode, 1, 1, "s"}, {"urldecode", fn_urldecode, 1, 1, "s"},
    {0},
};
