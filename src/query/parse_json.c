/*
 * parse_json.c - one pass over the line; labels found before an error stay, as in Loki.
 *
 * Strings without escapes and without bytes above 127 are used in place; keys are cleaned into the scratch arena only
 * when they need it.
 */
#include "query/parse_json.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/utf8.h"
#include "query/json_cursor.h"
#include "query/label_name.h"

static const char malformed_object[] = "Value looks like object, but can't find closing '}' symbol";
static const char malformed_string[] = "Value is string, but can't find closing '\"' symbol";
static const char malformed_json[] = "Malformed JSON error";
static const char malformed_array[] = "Value is array, but can't find closing ']' symbol";
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
    size_t depth = 0;
    while (c->next < c->end) {
        bole_slice ignored;
        if (*c->next == '"') {
            if (!json_take_string(c, &ignored))
                break;
            continue;
        }
        depth += *c->next == open;
        depth -= *c->next == close;
        c->next++;
        if (depth == 0)
            return true;
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
    while (c->next < c->end && !ends_plain(*c->next))
        c->next++;
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
    default: return take_plain(c, ret);
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
    if (!is_first) {
        if (ch != ',')
            return fail(c, malformed_object);
        c->next++;
        ch = json_peek(c);
        if (ch == '}') { /* a trailing comma is fine */
            c->next++;
            return true;
        }
    }
    if (ch != '"')
        return fail(c, malformed_object);
    if (!json_take_string(c, ret_key))
        return false;
    if (json_peek(c) != ':')
        return fail(c, malformed_json);
    c->next++;
    *ret_more = true;
    return true;
}

/* ---- strings ---- */

static int hex4(const uint8_t *p, const uint8_t *end)
{
    int v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        uint8_t c = p[i];
        int d = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

/* One escape behind its backslash: bytes written, 0 for an invalid one (a lone surrogate, too). */
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
    int v = c == 'u' ? hex4(*p, end) : -1;
    if (v < 0)
        return 0;
    *p += 4;
    uint32_t code = (uint32_t)v;
    if (v >= 0xd800 && v < 0xe000) {
        int low = v < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u' ? hex4(*p + 2, end) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return 0;
        *p += 6;
        code = 0x10000 + ((uint32_t)(v - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
    }
    return utf8_encode(code, out);
}

bole_slice json_string_text(struct row *r, bole_slice s)
{
    bool plain = true;
    for (size_t i = 0; i < s.len && plain; i++)
        plain = s.ptr[i] != '\\' && s.ptr[i] < 0x80;
    if (plain)
        return s;
    uint8_t *out = arena_bytes(r->scratch, s.len);
    size_t n = 0;
    if (!out) {
        r->out_of_memory = true;
        return (bole_slice){0};
    }
    for (const uint8_t *p = s.ptr, *end = s.ptr + s.len; p < end;) {
        uint8_t bytes[4];
        size_t len = 1;
        if (*p == '\\') {
            p++;
            len = unescape(&p, end, bytes);
            if (len == 0)
                return (bole_slice){out, 0};
        } else {
            len = utf8_length(p, (size_t)(end - p));
            memcpy(bytes, p, len ? len : 1);
            p += len ? len : 1;
        }
        if (len == 0 || (len == 3 && memcmp(bytes, "\xEF\xBF\xBD", 3) == 0)) {
            bytes[0] = ' ';
            len = 1;
        }
        memcpy(out + n, bytes, len);
        n += len;
    }
    return (bole_slice){out, n};
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
    return (bole_slice){out, prefix.len + 1 + label_name_write(bole_slice_trim(key), out + prefix.len + 1)};
}

bole_slice json_label_name(struct row *r, bole_slice prefix, bole_slice key)
{
    return prefix.len ? nested_name(r, prefix, key) : label_name_from_key(r, key);
}

static void set_label(struct row *r, bole_slice name, const struct json_value *v)
{
    if (v->kind == JSON_NULL || v->kind == JSON_ARRAY || !row_may_want(r, name))
        return;
    name = row_parsed_name(r, name);
    if (row_has_parsed(r, name) || !row_wants(r, name))
        return; /* the first of a repeated key wins */
    row_set(r, ORIGIN_PARSED, name, v->kind == JSON_STRING ? json_string_text(r, v->text) : v->text);
}

/* c->next stands on `{`. */
static bool flatten(struct row *r, struct json_cursor *c, bole_slice prefix, unsigned depth)
{
    bool is_first = true, more, is_wanted = prefix.len == 0 || row_may_want(r, prefix);
    bole_slice key;
    if (depth > JSON_DEPTH_MAX)
        return fail(c, too_deep);
    for (c->next++; json_take_key(c, is_first, &key, &more); is_first = false) {
        if (!more)
            return true;
        /* Where no name below the prefix is wanted, the prefix stands for all of them: what it leads to is not wanted either. */
        bole_slice name = is_wanted ? json_label_name(r, prefix, json_string_text(r, key)) : prefix;
        struct json_value v;
        if (json_peek(c) == '{' && name.len) {
            if (!flatten(r, c, name, depth + 1))
                return false;
            continue;
        }
        if (!json_take_value(c, &v))
            return false;
        if (name.len)
            set_label(r, name, &v);
    }
    return false;
}

void parse_json(struct row *r)
{
    if (r->hints && r->hints->no_labels)
        return;
    struct json_cursor c = {r->line.ptr, r->line.ptr + r->line.len, NULL};
    if (json_peek(&c) != '{')
        c.error = malformed_object;
    else
        flatten(r, &c, (bole_slice){0}, 0);
    if (c.error)
        row_fail(r, ERROR_JSON, bole_slice_str(c.error), true);
}

/* ---- paths ---- */

struct json_path {
    bool              is_index;
    bole_slice        field;
    size_t            index;
    struct json_path *next;
};

static bool is_field_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c >= 0x80;
}

/* One step: .field, field, [7] or ["any text"]; returns how long it is, 0 when it is none. */
static size_t path_step(bole_slice s, bool is_first, struct json_path *step)
{
    size_t i = 0;
    if (s.ptr[0] == '[') {
        const uint8_t *close;
        if (s.len > 2 && s.ptr[1] == '"') {
            close = memchr(s.ptr + 2, '"', s.len - 2);
            if (!close || close + 1 >= s.ptr + s.len || close[1] != ']')
                return 0;
            step->field = (bole_slice){s.ptr + 2, (size_t)(close - s.ptr) - 2};
            return (size_t)(close - s.ptr) + 2;
        }
        step->is_index = true;
        for (i = 1; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9' && i < 10; i++)
            step->index = step->index * 10 + (s.ptr[i] - '0');
        return i > 1 && i < s.len && s.ptr[i] == ']' ? i + 1 : 0;
    }
    if (s.ptr[0] == '.')
        i = 1;
    else if (!is_first)
        return 0;
    size_t from = i;
    while (i < s.len && is_field_char(s.ptr[i]))
        i++;
    step->field = (bole_slice){s.ptr + from, i - from};
    return i > from && !(s.ptr[from] >= '0' && s.ptr[from] <= '9') ? i : 0;
}

bole_status json_path_compile(bole_slice text, struct arena *arena, struct json_path **ret_path, struct bole_err *err)
{
    struct json_path **tail = ret_path;
    *ret_path = NULL;
    bole_slice rest = arena_copy(arena, text);
    if (!rest.ptr)
        return bole_fail(err, BOLE_E_LIMIT, "memory limit of the query reached");
    if (rest.len == 0)
        return bole_fail(err, BOLE_E_INVALID, "cannot parse expression []: empty expression");
    while (rest.len) {
        struct json_path *step = arena_zalloc(arena, sizeof *step);
        if (!step)
            return bole_fail(err, BOLE_E_LIMIT, "memory limit of the query reached");
        size_t len = path_step(rest, tail == ret_path, step);
        if (len == 0)
            return bole_fail(err, BOLE_E_INVALID, "cannot parse expression [%.*s]: unexpected char %c",
                             BOLE_SLICE_ARG(text), rest.ptr[0]);
        *tail = step;
        tail = &step->next;
        rest = bole_slice_sub(rest, len);
    }
    return BOLE_OK;
}

/* Moves the cursor to the value of a field of the object under it. */
static bool enter_field(struct row *r, struct json_cursor *c, bole_slice field)
{
    bool is_first = true, more;
    bole_slice key;
    struct json_value ignored;
    for (c->next++; json_take_key(c, is_first, &key, &more) && more; is_first = false) {
        if (bole_slice_eq(json_string_text(r, key), field))
            return true;
        if (!json_take_value(c, &ignored))
            return false;
    }
    return false;
}

static bool enter_index(struct json_cursor *c, size_t index)
{
    struct json_value ignored;
    for (c->next++; json_peek(c) != ']' && json_peek(c) != 0; index--) {
        if (index == 0)
            return true;
        if (!json_take_value(c, &ignored) || json_peek(c) != ',')
            return false;
        c->next++;
    }
    return false;
}

static bool find_path(struct row *r, const struct json_path *path, struct json_value *ret)
{
    struct json_cursor c = {r->line.ptr, r->line.ptr + r->line.len, NULL};
    for (; path; path = path->next) {
        uint8_t first = json_peek(&c);
        if (path->is_index ? first != '[' : first != '{')
            return false;
        if (path->is_index ? !enter_index(&c, path->index) : !enter_field(r, &c, path->field))
            return false;
    }
    return json_take_value(&c, ret);
}

void parse_json_paths(struct row *r, const struct ast_pair *pairs)
{
    if (r->line.len == 0 || (r->hints && r->hints->no_labels))
        return;
    if (r->line.ptr[0] != '{' && r->line.ptr[0] != '[' && r->line.ptr[0] != '"') {
        row_fail(r, ERROR_JSON, (bole_slice){0}, true);
        return;
    }
    for (const struct ast_pair *pair = pairs; pair; pair = pair->next) {
        struct json_value v;
        if (!find_path(r, pair->path, &v)) {
            if (!row_find(r, pair->name))
                row_set(r, ORIGIN_PARSED, pair->name, S(""));
            continue;
        }
        bole_slice value = v.kind == JSON_STRING ? json_string_text(r, v.text) : v.kind == JSON_NULL ? S("") : v.text;
        row_set(r, ORIGIN_PARSED, row_parsed_name(r, pair->name), value);
    }
}

/* ---- | unpack ---- */

/* Goes over the strings of the top level; with `set` they become labels. Returns the packed line, ptr NULL without
 * one. */
static bole_slice unpack(struct row *r, struct json_cursor *c, bool set)
{
    bole_slice entry = {0}, key;
    bool is_first = true, more;
    for (c->next++; json_take_key(c, is_first, &key, &more) && more; is_first = false) {
        struct json_value v;
        if (!json_take_value(c, &v))
            break;
        key = json_string_text(r, key);
        if (v.kind != JSON_STRING)
            continue;
        if (bole_slice_eq(key, S("_entry")))
            entry = json_string_text(r, v.text);
        else if (set) {
            bole_slice name = label_name_from_key(r, key);
            if (name.len)
                set_label(r, name, &v);
        }
    }
    return entry;
}

void parse_unpack(struct row *r)
{
    if (r->line.len == 0 || (r->hints && r->hints->no_labels))
        return;
    if (r->line.ptr[0] != '{') {
        row_fail(r, ERROR_JSON, S("expecting json object(6), but it is not"), true);
        return;
    }
    struct json_cursor c = {r->line.ptr, r->line.ptr + r->line.len, NULL};
    bole_slice entry = unpack(r, &c, false); /* nothing happens to a line that is not packed */
    if (c.error) {
        row_fail(r, ERROR_JSON, bole_slice_str(c.error), true);
    } else if (entry.ptr) {
        c = (struct json_cursor){r->line.ptr, r->line.ptr + r->line.len, NULL};
        r->line = unpack(r, &c, true);
    }
}
