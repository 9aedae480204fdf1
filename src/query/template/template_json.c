/* template_json.c - fromJson: JSON to values as Go's encoding/json makes them, strictly by RFC 8259. Anything else is nil. */
#include <stdlib.h>

#include "base/hex.h"
#include "base/utf8.h"
#include "query/template/template_impl.h"
#include "shim/number.h"

enum { JSON_DEPTH_MAX = 200 };

struct json_reader {
    const uint8_t *next, *end;
    struct arena  *arena;
    unsigned       depth;
    bool           failed, no_room;
};

static bool fail(struct json_reader *r)
{
    r->failed = true;
    return false;
}

static uint8_t peek(struct json_reader *r)
{
    while (r->next < r->end && (*r->next == ' ' || *r->next == '\t' || *r->next == '\n' || *r->next == '\r'))
        r->next++;
    return r->next < r->end ? *r->next : 0;
}

static bool take(struct json_reader *r, uint8_t c)
{
    if (peek(r) != c || r->next == r->end)
        return false;
    r->next++;
    return true;
}

static bool take_word(struct json_reader *r, bole_slice word)
{
    if ((size_t)(r->end - r->next) < word.len || memcmp(r->next, word.ptr, word.len) != 0)
        return fail(r);
    r->next += word.len;
    return true;
}

/* ---- strings ---- */

/* Behind `\u`; half a pair of surrogates becomes U+FFFD. */
static const uint8_t *put_escape(const uint8_t *p, const uint8_t *end, uint8_t *out, size_t *n)
{
    int c = hex_four(p, end);
    if (c < 0)
        return NULL;
    p += 4;
    int low = c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex_four(p + 2, end) : -1;
    if (low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
    }
    *n += utf8_encode((uint32_t)c, out + *n);
    return p;
}

/* r->next stands on the quote. */
static bool read_string(struct json_reader *r, bole_slice *ret)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const uint8_t *p = r->next + 1, *close = p;
    while (close < r->end && *close != '"')
        close += *close == '\\' && close + 1 < r->end ? 2 : 1;
    if (close >= r->end)
        return fail(r);
    uint8_t *out = arena_bytes(r->arena, (size_t)(close - p) * 3 + 4); /* a bad byte becomes three */
    size_t n = 0;
    r->no_room |= !out;
    if (!out)
        return fail(r);
    while (p < close) {
        const char *hit;
        size_t len;
        if (*p < 0x20)
            return fail(r);
        if (*p != '\\') {
            uint32_t c = utf8_decode(p, (size_t)(close - p), &len);
            n += utf8_encode(c, out + n);
            p += len;
        } else if (p[1] == 'u') {
            p = put_escape(p + 2, close, out, &n);
            if (!p)
                return fail(r);
        } else if (p[1] && (hit = strchr(letters, p[1]))) {
            out[n++] = (uint8_t)values[hit - letters];
            p += 2;
        } else {
            return fail(r);
        }
    }
    r->next = close + 1;
    *ret = (bole_slice){out, n};
    return true;
}

/* ---- numbers ---- */

static size_t digits_at(const struct json_reader *r, const uint8_t *p)
{
    size_t n = 0;
    while (p + n < r->end && p[n] >= '0' && p[n] <= '9')
        n++;
    return n;
}

static bool read_number(struct json_reader *r, struct value *ret)
{
    const uint8_t *begin = r->next, *p = begin + (*begin == '-');
    size_t n = digits_at(r, p);
    if (n == 0 || (n > 1 && *p == '0'))
        return fail(r);
    p += n;
    if (p < r->end && *p == '.') {
        n = digits_at(r, p + 1);
        if (n == 0)
            return fail(r);
        p += n + 1;
    }
    if (p < r->end && (*p | 0x20) == 'e') {
        p++;
        p += p < r->end && (*p == '+' || *p == '-');
        n = digits_at(r, p);
        if (n == 0)
            return fail(r);
        p += n;
    }
    double v;
    r->next = p;
    /* What is too large for a double is nil, and no error. */
    *ret = number_parse((bole_slice){begin, (size_t)(p - begin)}, &v) ? value_float(v) : (struct value){0};
    return true;
}

/* ---- lists and maps ---- */

static bool read_value(struct json_reader *r, struct value *ret);

/* Room for one more; a list grows by half as much again as it has. */
static void *grow(struct json_reader *r, void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return items;
    size_t larger = *cap ? *cap * 2 : 4;
    void *p = arena_grow(r->arena, items, *cap * size, larger * size);
    r->no_room |= !p;
    r->failed |= !p;
    *cap = larger;
    return p;
}

static bool read_list(struct json_reader *r, struct value *ret)
{
    struct value *items = NULL;
    size_t count = 0, cap = 0;
    r->next++;
    while (peek(r) != ']' || count) {
        items = grow(r, items, count, &cap, sizeof *items);
        if (!items || !read_value(r, &items[count]))
            return false;
        items[count++].boxed = true;
        if (!take(r, ','))
            break;
    }
    if (!take(r, ']'))
        return fail(r);
    *ret = (struct value){.kind = VALUE_LIST, .list = {items, count}};
    return true;
}

struct numbered { /* so that sorting keeps equal keys in order */
    struct value_entry entry;
    size_t             index;
};

static int numbered_cmp(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;
    int order = bole_slice_cmp(x->entry.key, y->entry.key);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* By key; of equal ones the last counts. */
static bool make_map(struct json_reader *r, struct numbered *fields, size_t count, struct value *ret)
{
    struct value_map *m = arena_zalloc(r->arena, sizeof *m);
    if (m)
        m->entries = arena_alloc(r->arena, (count ? count : 1) * sizeof *m->entries);
    r->no_room |= !m || !m->entries;
    if (!m || !m->entries)
        return fail(r);
    if (count)
        qsort(fields, count, sizeof *fields, numbered_cmp);
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || !bole_slice_eq(fields[i].entry.key, fields[i + 1].entry.key))
            m->entries[m->count++] = fields[i].entry;
    *ret = (struct value){.kind = VALUE_MAP, .map = m};
    return true;
}

static bool read_map(struct json_reader *r, struct value *ret)
{
    struct numbered *fields = NULL;
    size_t count = 0, cap = 0;
    r->next++;
    while (peek(r) != '}' || count) {
        fields = grow(r, fields, count, &cap, sizeof *fields);
        if (!fields || peek(r) != '"' || !read_string(r, &fields[count].entry.key))
            return fail(r);
        if (!take(r, ':') || !read_value(r, &fields[count].entry.value))
            return fail(r);
        fields[count].entry.value.boxed = true;
        fields[count].index = count;
        count++;
        if (!take(r, ','))
            break;
    }
    return take(r, '}') ? make_map(r, fields, count, ret) : fail(r);
}

static bool read_value(struct json_reader *r, struct value *ret)
{
    bole_slice text;
    bool done = false;
    *ret = (struct value){0};
    if (++r->depth > JSON_DEPTH_MAX)
        return fail(r);
    switch (peek(r)) {
    case '{': done = read_map(r, ret); break;
    case '[': done = read_list(r, ret); break;
    case 't': *ret = value_bool(true); done = take_word(r, S("true")); break;
    case 'f': *ret = value_bool(false); done = take_word(r, S("false")); break;
    case 'n': done = take_word(r, S("null")); break;
    case '"':
        done = read_string(r, &text);
        if (done)
            *ret = value_text(text);
        break;
    default: done = r->next < r->end && read_number(r, ret);
    }
    r->depth--;
    return done || fail(r);
}

bool template_json(struct row *row, bole_slice text, struct value *ret)
{
    struct json_reader r = {.next = text.ptr, .end = text.ptr + text.len, .arena = row->scratch};
    bool done = text.len > 0 && read_value(&r, ret) && (peek(&r), r.next == r.end);
    if (!done)
        *ret = (struct value){0};
    ret->boxed = true;
    return !r.no_room;
}
