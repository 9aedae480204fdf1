/*
 * parse_json.c - one pass over the line; labels found before an error stay, as in Loki.
 *
 * Strings without escapes and without bytes above 127 are used in place; keys are cleaned into the scratch arena only
 * when they need it.
 */
#include "query/stage/parse_json.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/hex.h"
#include "base/utf8.h"
#include "query/stage/json_cursor.h"
#include "query/stage/label_name.h"

static const char malformed_object[] = "Value looks like object, but can't find closing '}' symbol";
static const char malformed_string[] = "Value is string, but can't find closing '\"' symbol";
static const char malformed_json[] = "Malformed JSON error";
static const char malformed_array[] = "Value is array, but can't find closing ']' symbol";
static const char malformed_escape[] = "Encountered an invalid escape sequence in a string";
static const char unknown_type[] = "Unknown value type";
static const char too_deep[] = "objects are nested too deeply";

static bool fail(struct json_cursor *c, const char *error)
{
    c->error = error;
    return false;
}

uint8_t json_peek(struct json_cursor *c)
{
    while (c->next < c->end && (*c->next == ' ' || *c->next == '\t' || *c->next == '\n' || *c->next == '\r'))
        c->next++;
    return c->next < c->end ? *c->next : 0;
}

/* Eight bytes at a time, as strings are most of JSON. */
const uint8_t *json_skip_text(const uint8_t *p, const uint8_t *end)
{
    const uint64_t ones = 0x0101010101010101ull, tops = 0x8080808080808080ull;
    for (; end - p >= 8; p += 8) {
        uint64_t word = load_u64(p), quote = word ^ ones * '"', escape = word ^ ones * '\\';
        uint64_t hits = ((quote - ones) & ~quote & tops) | ((escape - ones) & ~escape & tops); /* exact in the lowest hit */
        if (hits)
            return p + __builtin_ctzll(hits) / 8;
    }
    while (p < end && *p != '"' && *p != '\\')
        p++;
    return p;
}

bool json_take_string(struct json_cursor *c, bole_slice *ret)
{
    const uint8_t *from = ++c->next, *p = json_skip_text(from, c->end);
    while (p < c->end && *p == '\\')
        p = c->end - p < 2 ? c->end : json_skip_text(p + 2, c->end);
    if (p >= c->end) {
        c->next = c->end;
        return fail(c, malformed_string);
    }
    *ret = (bole_slice){from, (size_t)(p - from)};
    c->next = p + 1;
    return true;
}

/* Over an object or array, strings respected, contents unchecked. */
static bool skip_block(struct json_cursor *c)
{
    uint8_t open = *c->next, close = open == '{' ? '}' : ']';
    size_t depth = 0, braces = 0;
    while (c->next < c->end) {
        bole_slice ignored;
        if (*c->next == '"') {
            if (!json_take_string(c, &ignored))
                break;
            continue;
        }
        depth += *c->next == open;
        depth -= *c->next == close;
        if (open == '[' && (*c->next == '{' || *c->next == '}')) {
            braces += *c->next == '{' ? 1 : (size_t)-1;
            c->is_odd |= braces == (size_t)-1;
        }
        c->next++;
        if (depth == 0) {
            c->is_odd |= braces != 0;
            return true;
        }
    }
    return fail(c, open == '{' ? malformed_object : malformed_array);
}

static bool ends_plain(uint8_t c)
{
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A number, true, false or null: up to the next delimiter, kept as written (1.50, 01, 1e3). */
static bool take_plain(struct json_cursor *c, struct json_value *ret)
{
    const uint8_t *from = c->next;
    for (; c->next < c->end && !ends_plain(*c->next); c->next++)
        c->is_odd |= *c->next == '{' || *c->next == '"';
    bole_slice text = {from, (size_t)(c->next - from)};
    uint8_t first = text.len ? text.ptr[0] : 0;
    *ret = (struct json_value){JSON_OTHER, text};
    if (bole_slice_eq(text, S("null")))
        ret->kind = JSON_NULL;
    else if (!(first >= '0' && first <= '9') && first != '-' && !bole_slice_eq(text, S("true")) &&
             !bole_slice_eq(text, S("false")))
        return fail(c, unknown_type);
    return true;
}

bool json_take_value(struct json_cursor *c, struct json_value *ret)
{
    uint8_t first = json_peek(c);
    const uint8_t *from = c->next;
    switch (first) {
    case '"':
        ret->kind = JSON_STRING;
        return json_take_string(c, &ret->text);
    case '{': case '[':
        if (!skip_block(c))
            return false;
        *ret = (struct json_value){first == '{' ? JSON_OBJECT : JSON_ARRAY, {from, (size_t)(c->next - from)}};
        return true;
    default: return c->next == c->end ? fail(c, malformed_json) : take_plain(c, ret);
    }
}

/* ---- going through an object ---- */

bool json_take_key(struct json_cursor *c, bool is_first, bole_slice *ret_key, bool *ret_more)
{
    uint8_t ch = json_peek(c);
    *ret_more = false;
    if (ch == '}') {
        c->next++;
        return true;
    }
    if (c->next == c->end)
        return fail(c, is_first ? malformed_json : malformed_array);
    if (!is_first) {
        if (ch != ',')
            return fail(c, malformed_object);
        c->next++;
        ch = json_peek(c);
        if (ch == '}') { /* a trailing comma is fine */
            c->next++;
            return true;
        }
        if (c->next == c->end)
            return fail(c, malformed_array);
    }
    if (ch != '"')
        return fail(c, malformed_object);
    if (!json_take_string(c, ret_key) || json_peek(c) != ':')
        return fail(c, malformed_json);
    c->next++;
    *ret_more = true;
    return true;
}

/* ---- strings ---- */

/* One escape behind its backslash: bytes written, 0 for an invalid one. Behind the first half of a surrogate pair any two bytes
 * stand for the second `\u`, and a pair that is none is U+FFFD. */
static size_t unescape(const uint8_t **p, const uint8_t *end, uint8_t out[4])
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (*p == end)
        return 0;
    uint8_t c = *(*p)++;
    const char *hit = c ? strchr(from, c) : NULL;
    if (hit) {
        out[0] = (uint8_t)to[hit - from];
        return 1;
    }
    int v = c == 'u' ? hex_four(*p, end) : -1;
    if (v < 0)
        return 0;
    *p += 4;
    uint32_t code = (uint32_t)v;
    if (v >= 0xd800 && v < 0xe000) {
        int low = end - *p >= 6 ? hex_four(*p + 2, end) : -1;
        if (low < 0xdc00)
            return 0;
        *p += 6;
        code = 0x10000 + ((uint32_t)(v - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
        code = code > 0x10ffff ? 0xfffd : code;
    }
    return utf8_encode(code, out);
}

bool json_unescape(struct row *r, bole_slice s, bole_slice *ret)
{
    *ret = s;
    if (s.len == 0 || !memchr(s.ptr, '\\', s.len))
        return true;
    uint8_t *out = arena_bytes(r->scratch, s.len);
    size_t n = 0;
    r->out_of_memory |= !out;
    for (const uint8_t *p = s.ptr, *end = s.ptr + s.len; out && p < end;) {
        if (*p != '\\') {
            out[n++] = *p++;
            continue;
        }
        uint8_t bytes[4];
        p++;
        size_t len = unescape(&p, end, bytes);
        if (len == 0)
            return false;
        memcpy(out + n, bytes, len);
        n += len;
    }
    *ret = (bole_slice){out, n};
    return out != NULL;
}

bole_slice json_string_text(struct row *r, bole_slice s)
{
    bole_slice text;
    return json_unescape(r, s, &text) ? row_valid_text(r, text) : S("");
}

/* ---- | json ---- */

static bole_slice nested_name(struct row *r, bole_slice prefix, bole_slice key)
{
    uint8_t *out = arena_bytes(r->scratch, prefix.len + 1 + key.len);
    if (!out) {
        r->out_of_memory = true;
        return (bole_slice){0};
    }
    memcpy(out, prefix.ptr, prefix.len);
    out[prefix.len] = '_';
    return (bole_slice){out, prefix.len + 1 + label_name_write(label_name_trim(key), out + prefix.len + 1)};
}

bole_slice json_label_name(struct row *r, bole_slice prefix, bole_slice key)
{
    return prefix.len ? nested_name(r, prefix, key) : label_name_from_key(r, key);
}

/* False: the parser is to stop. */
static bool set_label(struct row *r, bole_slice name, const struct json_value *v)
{
    if (v->kind == JSON_NULL || v->kind == JSON_ARRAY || !row_may_want(r, name))
        return true;
    name = row_parsed_name(r, name);
    if (row_has_parsed(r, name) || !row_wants(r, name))
        return true; /* the first of a repeated key wins */
    return row_parsed(r, name, v->kind == JSON_STRING ? json_string_text(r, v->text) : v->text) && !row_has_all(r);
}

struct walk {
    struct row        *r;
    struct json_cursor c;
    bool               is_exact;
};

/*
 * Loki looks for the end of an inner object first, counting braces outside strings, and only then goes into it. Where arrays
 * and numbers hold no stray braces, going straight on finds the same labels and the same end; where they do, or where anything
 * is wrong, the line is gone over again exactly as Loki does. So it is from the beginning where parsing may stop early.
 */
static bool flatten(struct walk *w, bole_slice prefix, unsigned depth);

static bool flatten_inner(struct walk *w, bole_slice name, unsigned depth)
{
    struct json_value block;
    struct json_cursor *c = &w->c, outer = *c;
    if (!row_may_want(w->r, name))
        return json_take_value(c, &block);
    if (!w->is_exact)
        return flatten(w, name, depth + 1);
    if (!json_take_value(c, &block))
        return false;
    const uint8_t *behind = c->next;
    *c = (struct json_cursor){outer.next, behind, NULL, false};
    bool ok = flatten(w, name, depth + 1);
    c->next = behind;
    c->end = outer.end;
    return ok;
}

/* The cursor stands on `{`. False: an error, or the parser is to stop. */
static bool flatten(struct walk *w, bole_slice prefix, unsigned depth)
{
    struct row *r = w->r;
    struct json_cursor *c = &w->c;
    bool is_first = true, more;
    bole_slice key;
    if (depth > JSON_DEPTH_MAX)
        return fail(c, too_deep);
    for (c->next++; json_take_key(c, is_first, &key, &more); is_first = false) {
        if (!more)
            return true;
        if (!json_unescape(r, key, &key))
            return fail(c, malformed_escape);
        bole_slice name = json_label_name(r, prefix, key);
        struct json_value v;
        if (json_peek(c) == '{') {
            if (!flatten_inner(w, name.len ? name : prefix, depth))
                return false;
            continue;
        }
        if (!json_take_value(c, &v) || (name.len && !set_label(r, name, &v)))
            return false;
    }
    return false;
}

void parse_json(struct row *r)
{
    if (row_needs_no_parser(r))
        return;
    struct json_cursor begin = {r->line.ptr, r->line.ptr + r->line.len, NULL, false};
    struct walk w = {r, begin, r->hints && (r->hints->some_labels || r->hints->early_count)};
    if (json_peek(&w.c) != '{') {
        row_fail(r, ERROR_JSON, bole_slice_str(malformed_object), true);
        return;
    }
    size_t count = r->count;
    bool is_changed = r->is_changed;
    flatten(&w, (bole_slice){0}, 0);
    if (!w.is_exact && (w.c.error || w.c.is_odd)) {
        r->count = count; /* parsed labels came behind the others */
        r->is_changed = is_changed;
        w = (struct walk){r, begin, true};
        json_peek(&w.c);
        flatten(&w, (bole_slice){0}, 0);
    }
    if (w.c.error)
        row_fail(r, ERROR_JSON, bole_slice_str(w.c.error), true);
}

/* ---- | unpack ---- */

enum { UNPACK_LOOK, UNPACK_SET };

/* Goes over the strings of the top level; with UNPACK_SET they become labels. False: an error, or the parser is to stop.
 * *ret_entry: the packed line, ptr NULL without one. */
static bool unpack(struct row *r, struct json_cursor *c, int what, bole_slice *ret_entry)
{
    bole_slice key;
    bool is_first = true, more;
    *ret_entry = (bole_slice){0};
    for (c->next++; json_take_key(c, is_first, &key, &more); is_first = false) {
        struct json_value v;
        if (!more)
            return true;
        if (!json_unescape(r, key, &key))
            return fail(c, malformed_escape);
        if (!json_take_value(c, &v))
            return false;
        if (v.kind != JSON_STRING)
            continue;
        if (bole_slice_eq(key, S("_entry"))) {
            if (!json_unescape(r, v.text, ret_entry))
                return fail(c, malformed_escape);
        } else if (what == UNPACK_SET) {
            bole_slice wanted = row_parsed_name(r, key), name = label_name_from_key(r, wanted);
            if (name.len == 0 || !row_wants(r, wanted)) /* Loki asks before it cleans the name */
                continue;
            row_set(r, ORIGIN_PARSED, name, json_string_text(r, v.text)); /* here the last of two counts */
            r->is_out = !row_passes_early(r, name);
            if (r->is_out || r->out_of_memory)
                return false;
        }
    }
    return false;
}

void parse_unpack(struct row *r)
{
    if (r->line.len == 0 || row_needs_no_parser(r))
        return;
    if (r->line.ptr[0] != '{') {
        row_fail(r, ERROR_JSON, S("expecting json object(6), but it is not"), true);
        return;
    }
    struct json_cursor begin = {r->line.ptr, r->line.ptr + r->line.len, NULL, false}, c = begin;
    bole_slice entry;
    unpack(r, &c, UNPACK_LOOK, &entry); /* nothing happens to a line that is not packed */
    if (c.error) {
        row_fail(r, ERROR_JSON, bole_slice_str(c.error), true);
    } else if (entry.ptr) {
        bole_slice again;
        c = begin;
        unpack(r, &c, UNPACK_SET, &again);
        r->line = entry;
    }
}
