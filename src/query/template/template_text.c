/* template_text.c - the functions of templates that turn text into text: Loki's own names and sprig's. */
#include "base/utf8.h"
#include "base/hex.h"
#include "query/template/letters.h"
#include "query/template/template_impl.h"

enum { REGEX_COST = 64 * 1024 }; /* of compiling one, in bytes of work */
enum { TRIM_SET_MAX = 1024 }; /* bytes of a set that are looked at when it has more than ASCII: work stays linear */

/* ---- text ---- */

enum { LOWER, UPPER, TITLE };

static uint32_t change_case(uint32_t c, int to, bool word_begins)
{
    switch (to) {
    case LOWER: return letter_lower(c);
    case UPPER: return letter_upper(c);
    default: return word_begins ? letter_title(c) : c;
    }
}

/* strings.Title's idea of what stands between words */
static bool is_separator(uint32_t c)
{
    if (c < 0x80)
        return !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_');
    return !letter_is(c) && !digit_is(c) && letter_is_space(c);
}

/* A byte that is no UTF-8 becomes U+FFFD, as in Go, unless the text is plain ASCII. */
static bool fn_case(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    bole_slice s = c->args[0].text;
    bool word_begins = true;
    bool is_ascii = true;
    for (size_t i = 0; i < s.len; i++)
        is_ascii &= s.ptr[i] < 0x80;
    uint8_t *to = text_extend(&out, is_ascii ? s.len : s.len * 3); /* the longest that a byte can become */
    size_t n = 0;
    for (; is_ascii && to && n < s.len; n++) {
        to[n] = (uint8_t)change_case(s.ptr[n], c->func->detail, word_begins);
        word_begins = is_separator(s.ptr[n]);
    }
    for (size_t i = n, len; i < s.len && to; i += len) {
        uint32_t rune = utf8_decode(s.ptr + i, s.len - i, &len);
        uint32_t changed = change_case(rune, c->func->detail, word_begins);
        n += utf8_encode(changed, to + n);
        word_begins = is_separator(rune);
    }
    out.len = to ? n : 0;
    return call_finish(c, &out, ret);
}

enum { TRIM_LEFT = 1, TRIM_RIGHT = 2 };

/* The last rune of a text; a byte that is no UTF-8 is one. */
static uint32_t last_rune(bole_slice s, size_t *ret_length)
{
    for (size_t n = 4; n > 1; n--)
        if (s.len >= n && utf8_length(s.ptr + s.len - n, n) == n)
            return utf8_decode(s.ptr + s.len - n, n, ret_length);
    return utf8_decode(s.ptr + s.len - 1, 1, ret_length);
}

struct rune_set {
    bool       low[128];
    bole_slice text; /* with runes behind ASCII; empty: none */
};

static bool set_has(const struct rune_set *set, uint32_t rune)
{
    if (rune < 0x80)
        return set->low[rune];
    for (size_t i = 0, n; i < set->text.len; i += n)
        if (utf8_decode(set->text.ptr + i, set->text.len - i, &n) == rune)
            return true;
    return false;
}

static bole_slice trim_set(bole_slice s, bole_slice chars, int sides)
{
    struct rune_set set = {0}; /* a set may be as long as a line */
    for (size_t i = 0; i < chars.len; i++) {
        if (chars.ptr[i] < 0x80)
            set.low[chars.ptr[i]] = true;
        else
            set.text = (bole_slice){chars.ptr, chars.len < TRIM_SET_MAX ? chars.len : TRIM_SET_MAX};
    }
    for (size_t n; (sides & TRIM_LEFT) && s.len && set_has(&set, utf8_decode(s.ptr, s.len, &n));)
        s = bole_slice_sub(s, n);
    for (size_t n; (sides & TRIM_RIGHT) && s.len && set_has(&set, last_rune(s, &n));)
        s.len -= n;
    return s;
}

static bool fn_trim_space(struct call *c, struct value *ret)
{
    bole_slice s = c->args[0].text;
    for (size_t n; s.len && letter_is_space(utf8_decode(s.ptr, s.len, &n));)
        s = bole_slice_sub(s, n);
    for (size_t n; s.len && letter_is_space(last_rune(s, &n));)
        s.len -= n;
    *ret = value_text(s);
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
        default: found = bole_slice_ends(s, part);
        }
    *ret = value_bool(found);
    return true;
}

static const char negative_count[] = "strings: negative Repeat count"; /* Go's text */

static bool fn_repeat(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    if (c->args[0].integer < 0)
        return call_fail(c, "%s", negative_count);
    text_put_times(&out, c->args[1].text, (uint64_t)c->args[0].integer);
    return call_finish(c, &out, ret);
}

/* Bytes, as Go slices: what is out of range is an error, with the text of Go's panic. */
static bool fn_substr(struct call *c, struct value *ret)
{
    int64_t from = c->args[0].integer, to = c->args[1].integer;
    bole_slice s = c->args[2].text;
    int64_t len = (int64_t)s.len;
    bool to_end = from >= 0 && (to < 0 || to > len);
    if (from < 0) { /* s[:to] */
        if (to < 0)
            return call_fail(c, "runtime error: slice bounds out of range [:%lld]", (long long)to);
        if (to > len)
            return call_fail(c, "runtime error: slice bounds out of range [:%lld] with length %lld", (long long)to,
                             (long long)len);
        from = 0;
    }
    to = to_end ? len : to;
    if (from > to)
        return call_fail(c, "runtime error: slice bounds out of range [%lld:%lld]", (long long)from, (long long)to);
    *ret = value_text((bole_slice){s.ptr + from, (size_t)(to - from)});
    return true;
}

static bool fn_trunc(struct call *c, struct value *ret)
{
    int64_t n = c->args[0].integer, len = (int64_t)c->args[1].text.len;
    bole_slice s = c->args[1].text;
    if (n < 0 && n > -len)
        s = bole_slice_sub(s, (size_t)(len + n));
    else if (n >= 0 && n < len)
        s.len = (size_t)n;
    *ret = value_text(s);
    return true;
}

static bool fn_indent(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    bole_slice s = c->args[1].text;
    if (c->args[0].integer < 0)
        return call_fail(c, "%s", negative_count);
    if (c->func->detail)
        text_put(&out, S("\n"));
    for (bool more = true; more && !out.failed;) {
        const uint8_t *end = s.len ? memchr(s.ptr, '\n', s.len) : NULL;
        size_t len = end ? (size_t)(end - s.ptr) + 1 : s.len;
        text_put_times(&out, S(" "), (uint64_t)c->args[0].integer);
        text_put(&out, (bole_slice){s.ptr, len});
        s = bole_slice_sub(s, len);
        more = end != NULL;
    }
    return call_finish(c, &out, ret);
}

/* Runes from one to another; a byte that is no UTF-8 becomes U+FFFD, as in Go. */
static void put_runes(struct text *out, bole_slice s)
{
    for (size_t n; s.len && !out->failed; s = bole_slice_sub(s, n)) {
        uint8_t bytes[4];
        uint32_t rune = utf8_decode(s.ptr, s.len, &n);
        text_put(out, (bole_slice){bytes, utf8_encode(rune, bytes)});
    }
}

/* Cut or padded to a width; alignRight keeps the end. */
static bool fn_align(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    bole_slice s = c->args[1].text;
    size_t runes = text_runes(s), width = c->args[0].integer > 0 ? (size_t)c->args[0].integer : 0;
    bool right = c->func->detail;
    if (c->args[0].integer < 0 || runes == width) {
        *ret = value_text(s);
        return true;
    }
    if (runes > width) {
        size_t at = text_rune_offset(s, right ? runes - width : width);
        put_runes(&out, right ? bole_slice_sub(s, at) : (bole_slice){s.ptr, at});
        return call_finish(c, &out, ret);
    }
    if (!right)
        text_put(&out, s);
    text_put_times(&out, S(" "), width - runes);
    if (right)
        text_put(&out, s);
    return call_finish(c, &out, ret);
}

/* ---- regular expressions ---- */

/* The one that was compiled with the query, or one that is made now and is the caller's: *ret_owned. */
static const struct regex *take_regex(struct call *c, struct regex **ret_owned)
{
    struct bole_err err;
    *ret_owned = NULL;
    if (c->regex)
        return c->regex;
    if (!call_charge(c, REGEX_COST))
        return NULL;
    if (regex_compile(c->args[0].text, 0, NULL, ret_owned, &err) < 0)
        call_fail(c, "%s", err.msg);
    return *ret_owned;
}

static bool fn_regex_replace(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    struct regex *owned;
    const struct regex *regex = take_regex(c, &owned);
    if (!regex)
        return false;
    text_put_replaced(&out, regex, c->args[1].text, c->args[2].text, c->func->detail);
    regex_destroy(owned);
    return call_finish(c, &out, ret);
}

static bool count_match(const bole_slice *groups, void *ctx)
{
    (void)groups;
    ++*(int64_t *)ctx;
    return true;
}

static bool fn_count(struct call *c, struct value *ret)
{
    int64_t n = 0;
    struct regex *owned;
    const struct regex *regex = take_regex(c, &owned);
    if (!regex)
        return false;
    regex_each(regex, c->args[1].text, 1, count_match, &n);
    regex_destroy(owned);
    *ret = value_int(n);
    return true;
}

static bool fn_default(struct call *c, struct value *ret)
{
    *ret = c->arg_count > 1 && value_is_true(&c->args[1]) ? c->args[1] : c->args[0];
    return true;
}

static bool fn_from_json(struct call *c, struct value *ret)
{
    return template_json(c->row, c->args[0].text, ret) || call_fail(c, "the result is too large");
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

/* One group of up to four characters; line breaks count for nothing. False: *ret_bad is where the text is none. */
static bool take_four(bole_slice s, size_t *at, uint32_t *ret_bits, int *ret_chars, size_t *ret_bad)
{
    *ret_bits = 0;
    for (*ret_chars = 0; *ret_chars < 4;) {
        if (*at == s.len) {
            *ret_bad = *at - (size_t)*ret_chars;
            return *ret_chars == 0;
        }
        uint8_t ch = s.ptr[(*at)++];
        const char *hit = ch ? strchr(base64_alphabet, ch) : NULL;
        if (hit) {
            *ret_bits = *ret_bits << 6 | (uint32_t)(hit - base64_alphabet);
            ++*ret_chars;
            continue;
        }
        if (ch == '\n' || ch == '\r')
            continue;
        *ret_bad = *at - 1;
        if (ch != '=' || *ret_chars < 2)
            return false;
        if (*ret_chars == 2) { /* two of them */
            while (*at < s.len && (s.ptr[*at] == '\n' || s.ptr[*at] == '\r'))
                ++*at;
            if (*at == s.len) {
                *ret_bad = s.len;
                return false;
            }
            if (s.ptr[*at] != '=') {
                *ret_bad = *at - 1;
                return false;
            }
            ++*at;
        }
        while (*at < s.len && (s.ptr[*at] == '\n' || s.ptr[*at] == '\r'))
            ++*at;
        *ret_bad = *at;
        return *at == s.len; /* nothing may follow */
    }
    return true;
}

/* What is no base64 gives Go's error as text: sprig returns it so. */
static bool fn_b64dec(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    bole_slice s = c->args[0].text;
    uint32_t bits;
    int chars = 4;
    size_t bad = 0;
    for (size_t at = 0; at < s.len && chars == 4;) {
        if (!take_four(s, &at, &bits, &chars, &bad)) {
            *ret = value_text(arena_printf(c->row->scratch, "illegal base64 data at input byte %zu", bad));
            return true;
        }
        bits <<= 6 * (4 - chars);
        const uint8_t bytes[] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};
        text_put(&out, (bole_slice){bytes, chars ? (size_t)chars - 1 : 0});
    }
    return call_finish(c, &out, ret);
}

static const char hex_digits[] = "0123456789ABCDEF";

void text_put_url(struct text *out, bole_slice s)
{
    for (size_t i = 0; i < s.len && !out->failed; i++) {
        uint8_t b = s.ptr[i];
        bool plain = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '-' ||
                     b == '_' || b == '.' || b == '~';
        const uint8_t hex[] = {'%', (uint8_t)hex_digits[b >> 4], (uint8_t)hex_digits[b & 15]};
        text_put(out, plain ? (bole_slice){&b, 1} : b == ' ' ? S("+") : (bole_slice){hex, sizeof hex});
    }
}

static bool fn_urlencode(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    text_put_url(&out, c->args[0].text);
    return call_finish(c, &out, ret);
}

static bool fail_escape(struct call *c, bole_slice escape)
{
    struct text quoted = call_begin(c);
    value_quote(&quoted, escape, false);
    return call_fail(c, "invalid URL escape %.*s", BOLE_SLICE_ARG(text_slice(&quoted)));
}

static bool fn_urldecode(struct call *c, struct value *ret)
{
    struct text out = call_begin(c);
    bole_slice s = c->args[0].text;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t b = s.ptr[i] == '+' ? ' ' : s.ptr[i];
        if (b == '%') {
            int high = i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1, low = i + 2 < s.len ? hex_digit(s.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return fail_escape(c, (bole_slice){s.ptr + i, s.len - i > 3 ? 3 : s.len - i});
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
    {"default", fn_default, 1, ARGS_MANY, "*"}, {"fromJson", fn_from_json, 1, 1, "s"},
    {"b64enc", fn_b64enc, 1, 1, "s"}, {"b64dec", fn_b64dec, 1, 1, "s"},
    {"urlencode", fn_urlencode, 1, 1, "s"}, {"urldecode", fn_urldecode, 1, 1, "s"},
    {0},
};
