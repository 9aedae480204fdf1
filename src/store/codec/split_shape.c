/*
 * JSON and logfmt: keys, punctuation and white space are the template, values are slots, and a slot's key is its path, so that
 * a path has one column whatever else the line holds. Strings are slots without their quotes, with escapes as they are. An
 * array without objects is one slot; of an array with objects each element has slots of its own.
 *
 * What is neither is split in fields: a family may print both.
 */
#include "base/unset.h"
#include "store/codec/mix.h"
#include "store/codec/split.h"

enum { DEPTH_MAX = 32, ELEMENTS_MAX = 16, LOGFMT_PAIRS_MIN = 2 };

struct parser {
    struct splitter *s;
    bole_slice       line;
    size_t           at;
    uint32_t         count; /* of slots */
    bool             keys;  /* wanted: without, paths are not hashed */
    bool             full;  /* the last slot took the rest of the line */
};

static void skip_space(struct parser *p)
{
    while (p->at < p->line.len && (p->line.ptr[p->at] == ' ' || (p->line.ptr[p->at] >= '\t' && p->line.ptr[p->at] <= '\r')))
        p->at++;
}

static bool is_next(const struct parser *p, uint8_t c)
{
    return p->at < p->line.len && p->line.ptr[p->at] == c;
}

static bool take(struct parser *p, uint8_t c)
{
    bool yes = is_next(p, c);
    p->at += yes;
    return yes;
}

static void add_value(struct parser *p, uint64_t path, size_t start, size_t end, enum slot_kind kind)
{
    if (p->keys)
        p->s->keys[p->count] = path | 1ull << 63;
    p->full = !split_add_slot(p->s, &p->count, p->line, start, end, kind);
    p->at = end;
}

size_t split_array_end(const struct splitter *s, bole_slice line, size_t from, bool *ret_has_object)
{
    unsigned depth = 1;
    *ret_has_object = false;
    for (size_t at = from; at < line.len; at++)
        switch (line.ptr[at]) {
        case '"': at = split_string_end(s, line, at + 1); break;
        case '[': depth++; break;
        case '{': *ret_has_object = true; break;
        case ']':
            if (--depth == 0)
                return at;
            break;
        default: break;
        }
    return line.len;
}

/* ---- JSON ---- */

struct level { uint64_t path; uint32_t elements; bool array; };

static bool is_scalar(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '.';
}

/* A value that needs no level of its own; false when it is not one. An object or an array with objects: *ret_open. */
static bool take_value(struct parser *p, uint64_t path, uint8_t *ret_open)
{
    *ret_open = 0;
    if (p->at == p->line.len)
        return false;
    uint8_t c = p->line.ptr[p->at];
    if (c == '"') {
        size_t end = split_string_end(p->s, p->line, p->at + 1);
        if (end >= p->line.len)
            return false;
        add_value(p, path, p->at + 1, end, SLOT_STRING);
        p->at++;
        return true;
    }
    if (c == '{') {
        *ret_open = c;
        return true;
    }
    if (c == '[') {
        bool has_object;
        size_t end = split_array_end(p->s, p->line, p->at + 1, &has_object);
        if (end == p->line.len)
            return false;
        if (has_object) {
            *ret_open = c;
        } else {
            add_value(p, path, p->at + 1, end, SLOT_ARRAY);
            p->at++;
        }
        return true;
    }
    size_t end = p->at;
    while (end < p->line.len && is_scalar(p->line.ptr[end]))
        end++;
    if (end == p->at)
        return false;
    add_value(p, path, p->at, end, SLOT_SCALAR);
    return true;
}

/* "key" : in front of a value. */
static bool take_key(struct parser *p, uint64_t parent, uint64_t *ret_path)
{
    if (!take(p, '"'))
        return false;
    size_t end = split_string_end(p->s, p->line, p->at);
    if (end >= p->line.len)
        return false;
    if (p->keys)
        *ret_path = mix_bytes(parent, p->line.ptr + p->at, end - p->at);
    p->at = end + 1;
    skip_space(p);
    if (!take(p, ':'))
        return false;
    skip_space(p);
    return true;
}

static bool parse_json(struct parser *p)
{
    struct level levels[DEPTH_MAX] UNSET;
    unsigned depth = 0;
    skip_space(p);
    if (!take(p, '{'))
        return false;
    levels[depth++] = (struct level){.path = 1};
    bool first = true; /* of its object or array */
    while (depth) {
        struct level *top = &levels[depth - 1];
        skip_space(p);
        if (take(p, top->array ? ']' : '}')) {
            depth--;
            first = false;
            continue;
        }
        if (!first && !take(p, ','))
            return false;
        skip_space(p);
        uint64_t path = top->path;
        uint8_t open = 0;
        if (top->array && top->elements++ == ELEMENTS_MAX) {
            bool has_object;
            size_t end = split_array_end(p->s, p->line, p->at, &has_object);
            if (end >= p->line.len)
                return false;
            add_value(p, mix(path, 2), p->at, end, SLOT_OTHER);
        } else if ((!top->array && !take_key(p, path, &path)) || !take_value(p, path, &open)) {
            return false;
        } else if (open) {
            if (depth == DEPTH_MAX)
                return false;
            p->at++;
            levels[depth++] = (struct level){.path = mix(path, open), .array = open == '['};
        }
        first = open != 0;
        if (p->full)
            return true;
    }
    skip_space(p);
    return p->at == p->line.len;
}

/* ---- logfmt ---- */

static bool is_key(uint8_t c)
{
    return c > ' ' && c != '=' && c != '"' && c < 0x7f;
}

static bool parse_logfmt(struct parser *p)
{
    uint32_t pairs = 0;
    uint64_t path = 3;
    for (;;) {
        skip_space(p);
        size_t start = p->at;
        while (p->at < p->line.len && is_key(p->line.ptr[p->at]))
            p->at++;
        size_t end = p->at;
        if (end == p->line.len && start == end)
            return pairs >= LOGFMT_PAIRS_MIN;
        if (start == end)
            return false;
        if (!take(p, '=')) { /* a word without value */
            if (pairs == 0)
                return false;
            add_value(p, mix(path, 4), start, end, SLOT_BLANK);
        } else {
            if (p->keys)
                path = mix_bytes(3, p->line.ptr + start, end - start);
            pairs++;
            start = p->at;
            if (take(p, '"')) {
                end = split_string_end(p->s, p->line, p->at);
                if (end >= p->line.len)
                    return false;
                add_value(p, path, start + 1, end, SLOT_STRING);
                p->at++;
            } else {
                const uint8_t *blank = memchr(p->line.ptr + start, ' ', p->line.len - start);
                add_value(p, path, start, blank ? (size_t)(blank - p->line.ptr) : p->line.len, SLOT_BLANK);
            }
        }
        if (p->full)
            return true;
        if (p->at < p->line.len && p->line.ptr[p->at] > ' ')
            return false;
    }
}

/* ---- the splitter ---- */

static bool parse(struct splitter *s, bole_slice line, bool keys, uint32_t *ret_count)
{
    struct parser p = {.s = s, .line = line, .keys = keys};
    bool ok = parse_json(&p);
    if (!ok) {
        p.at = 0;
        p.count = 0;
        p.full = false;
        ok = parse_logfmt(&p);
    }
    *ret_count = p.count;
    return ok;
}

uint32_t split_shape(struct splitter *s, bole_slice line)
{
    uint32_t count;
    return parse(s, line, false, &count) ? count : split_fields(s, line, false);
}

bool split_shape_keys(struct splitter *s, bole_slice line)
{
    uint32_t count;
    if (parse(s, line, true, &count))
        return true;
    split_fields(s, line, false); /* the slots are overwritten by now */
    return false;
}

uint32_t split_count_shaped(struct splitter *s, const bole_slice *lines, uint32_t count)
{
    uint32_t shaped = 0, slot_count;
    for (uint32_t i = 0; i < count; i++)
        shaped += split_classify(s, lines[i]) && parse(s, lines[i], false, &slot_count);
    return shaped;
}
