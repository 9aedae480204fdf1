/*
 * Where a token ends follows from where the next begins: between them only blanks can stand, because anything else
 * would have been a token itself. So the closing quote of a string is the last byte that is no blank before the next
 * token, and no string is read to find its end.
 */
#include "receive/json.h"

#include "base/hex.h"
#include "base/utf8.h"

struct json json_of(bole_slice text, const struct json_positions *positions)
{
    return (struct json){
        .text = text.ptr, .next = positions->at, .limit = (uint32_t)text.len, .bad_utf8 = positions->bad_utf8};
}

bool json_fail(struct json *j, const char *what)
{
    if (!j->error) {
        j->error = what;
        j->error_at = *j->next < j->limit ? *j->next : j->limit;
    }
    return false;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Behind the last byte of the token at the cursor, which is taken. */
static uint32_t take_token(struct json *j)
{
    uint32_t from = *j->next++;
    uint32_t to = *j->next < j->limit ? *j->next : j->limit;
    while (to > from + 1 && is_blank(j->text[to - 1]))
        to--;
    return to;
}

bool json_string(struct json *j, bole_slice *ret_raw)
{
    if (json_peek(j) != '"')
        return json_fail(j, "expecting a string");
    uint32_t from = *j->next, to = take_token(j);
    if (to < from + 2 || j->text[to - 1] != '"') {
        j->next--;
        return json_fail(j, "the string does not end");
    }
    *ret_raw = bole_slice_from(j->text + from + 1, to - from - 2);
    return true;
}

bool json_member(struct json *j, bool *first, bole_slice *ret_key)
{
    uint8_t c = json_peek(j);
    if (c == '}' && !j->error) {
        j->next++;
        return false;
    }
    if (!*first) {
        if (c != ',')
            return json_fail(j, "expecting , or }");
        j->next++;
    }
    *first = false;
    if (!json_string(j, ret_key))
        return false;
    if (json_peek(j) != ':')
        return json_fail(j, "expecting :");
    j->next++;
    return true;
}

bool json_element(struct json *j, bool *first)
{
    uint8_t c = json_peek(j);
    if (*first) {
        *first = false;
        if (c != ']')
            return c ? true : json_fail(j, "the array does not end");
    } else if (c == ',') {
        j->next++;
        return json_peek(j) ? true : json_fail(j, "the array does not end");
    } else if (c != ']') {
        return json_fail(j, "expecting , or ]");
    }
    j->next++;
    return false;
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
    if (p == digits || (*digits == '0' && p - digits > 1))
        return false;
    if (p < end && *p == '.') {
        digits = ++p;
        p = skip_digits(p, end);
        if (p == digits)
            return false;
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        digits = p;
        p = skip_digits(p, end);
        if (p == digits)
            return false;
    }
    return p == end;
}

bool json_scalar(struct json *j, bole_slice *ret_text)
{
    uint8_t c = json_peek(j);
    if (!c)
        return json_fail(j, "expecting a value");
    uint32_t from = *j->next;
    bole_slice s = bole_slice_from(j->text + from, take_token(j) - from);
    bool good = c == 't' ? bole_slice_eq(s, S("true")) : c == 'f' ? bole_slice_eq(s, S("false"))
              : c == 'n' ? bole_slice_eq(s, S("null")) : is_number(s);
    if (!good) {
        j->next--;
        return json_fail(j, "expecting a value");
    }
    *ret_text = s;
    return true;
}

static bool skip(struct json *j, unsigned depth)
{
    bole_slice ignored;
    bool first = true;
    if (depth > JSON_DEPTH_MAX)
        return json_fail(j, "nested too deeply");
    switch (json_peek(j)) {
    case '"': return json_string(j, &ignored);
    case '{':
        j->next++;
        while (json_member(j, &first, &ignored))
            skip(j, depth + 1);
        break;
    case '[':
        j->next++;
        while (json_element(j, &first))
            skip(j, depth + 1);
        break;
    default: return json_scalar(j, &ignored);
    }
    return !j->error;
}

bool json_skip(struct json *j, bole_slice *ret_text)
{
    uint32_t from = *j->next;
    if (!skip(j, 1))
        return false;
    /* The last token is still there to tell where it ended. */
    j->next--;
    uint32_t to = take_token(j);
    if (ret_text)
        *ret_text = bole_slice_from(j->text + from, to - from);
    return true;
}

bool json_finish(struct json *j)
{
    if (*j->next < j->limit)
        json_fail(j, "unexpected text behind the value");
    return !j->error;
}

/* ---- text of strings ---- */

static bool bad_escape(struct json *j, const uint8_t *at)
{
    json_fail(j, "invalid escape in a string");
    j->error_at = (uint32_t)(at - j->text);
    return false;
}

/* One escape at p, behind its backslash; returns what follows it, NULL when it is none. */
static const uint8_t *unescape(struct json *j, const uint8_t *p, const uint8_t *end, uint8_t **out)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *hit = p < end && *p ? strchr(letters, *p) : NULL;
    if (hit) {
        *(*out)++ = (uint8_t)values[hit - letters];
        return p + 1;
    }
    int high = p < end && *p == 'u' ? hex_four(p + 1, end) : -1;
    if (high < 0) {
        bad_escape(j, p - 1);
        return NULL;
    }
    p += 5;
    uint32_t code = (uint32_t)high;
    if (high >= 0xd800 && high < 0xe000) {
        int low = high < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex_four(p + 2, end) : -1;
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
            p += 6;
        } else {
            j->replaced = true; /* utf8_encode writes a lone surrogate as U+FFFD */
        }
    }
    *out += utf8_encode(code, *out);
    return p;
}

/* Invalid bytes become U+FFFD, one for one. */
static void copy_repaired(struct json *j, bole_slice text, uint8_t **out)
{
    if (!j->bad_utf8 || utf8_valid(text)) {
        memcpy(*out, text.ptr, text.len);
        *out += text.len;
        return;
    }
    for (size_t i = 0, n; i < text.len; i += n ? n : 1) {
        n = utf8_length(text.ptr + i, text.len - i);
        if (n) {
            memcpy(*out, text.ptr + i, n);
            *out += n;
        } else {
            *out += utf8_encode(0xfffd, *out);
            j->replaced = true;
        }
    }
}

/* Room for a repaired copy: an invalid byte becomes three, an escape is never shorter than what it stands for. */
static uint8_t *alloc_copy(struct json *j, bole_slice text, struct arena *arena)
{
    uint8_t *bytes = arena_bytes(arena, j->bad_utf8 ? 3 * text.len : text.len);
    if (!bytes) {
        json_fail(j, "no memory for a string");
        j->no_memory = true;
    }
    return bytes;
}

bole_slice json_text(struct json *j, bole_slice raw, struct arena *arena)
{
    bool escaped = !j->plain && raw.len && memchr(raw.ptr, '\\', raw.len);
    if (!escaped && (!j->bad_utf8 || utf8_valid(raw)))
        return raw;
    uint8_t *bytes = alloc_copy(j, raw, arena), *out = bytes;
    const uint8_t *p = raw.ptr, *end = raw.ptr + raw.len;
    while (bytes && p < end) {
        const uint8_t *stop = memchr(p, '\\', (size_t)(end - p));
        copy_repaired(j, bole_slice_from(p, (size_t)((stop ? stop : end) - p)), &out);
        p = stop ? unescape(j, stop + 1, end, &out) : end;
        if (!p)
            return (bole_slice){0};
    }
    return bole_slice_from(bytes, (size_t)(out - bytes));
}

bole_slice json_repair(struct json *j, bole_slice text, struct arena *arena)
{
    if (!j->bad_utf8 || utf8_valid(text))
        return text;
    uint8_t *bytes = alloc_copy(j, text, arena), *out = bytes;
    if (bytes)
        copy_repaired(j, text, &out);
    return bole_slice_from(bytes, (size_t)(out - bytes));
}
