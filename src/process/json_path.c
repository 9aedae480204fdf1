/* A text is checked once as a whole; what then looks for values need not look out any more. */
#include "process/json_path.h"

#include "base/utf8.h"

/* ---- paths ---- */

static bool is_name_byte(uint8_t c)
{
    return (c >= '0' && c <= '9') || (uint8_t)((c | 0x20) - 'a') < 26 || c == '_';
}

/* At a name, bare or in quotes. Returns what is behind it; NULL: there is none. */
static const uint8_t *read_name(const uint8_t *p, const uint8_t *end, bole_slice *ret_name)
{
    const uint8_t *start = p;
    if (p < end && *p == '"') {
        const uint8_t *close = memchr(p + 1, '"', (size_t)(end - p - 1));
        *ret_name = close ? bole_slice_from(p + 1, (size_t)(close - p - 1)) : (bole_slice){0};
        return close && !memchr(p, '\\', (size_t)(close - p)) ? close + 1 : NULL;
    }
    while (p < end && is_name_byte(*p))
        p++;
    *ret_name = bole_slice_from(start, (size_t)(p - start));
    return p > start ? p : NULL;
}

static const uint8_t *read_index(const uint8_t *p, const uint8_t *end, size_t *ret_index)
{
    const uint8_t *start = p;
    size_t index = 0;
    for (; p < end && *p >= '0' && *p <= '9' && p - start < 6; p++)
        index = index * 10 + (size_t)(*p - '0');
    *ret_index = index;
    return p > start && p < end && *p == ']' ? p + 1 : NULL;
}

bool json_path_parse(bole_slice text, struct json_path *ret_path)
{
    const uint8_t *p = text.ptr, *end = text.ptr + text.len;
    *ret_path = (struct json_path){0};
    while (p && p < end && ret_path->count < JSON_PATH_STEPS_MAX) {
        size_t i = ret_path->count++;
        if (*p == '[')
            p = read_index(p + 1, end, &ret_path->steps[i].index);
        else if (i == 0 || *p == '.')
            p = read_name(p + (i > 0), end, &ret_path->steps[i].name);
        else
            return false;
    }
    return p == end && ret_path->count > 0;
}

/* ---- values ---- */

static const uint8_t *blanks(const uint8_t *p, const uint8_t *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

static bool is_hex4(const uint8_t *p, const uint8_t *end, unsigned *ret_value)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = p + i < end ? p[i] : 0, low = c | 0x20;
        if (!((c >= '0' && c <= '9') || (low >= 'a' && low <= 'f')))
            return false;
        v = v << 4 | (c <= '9' ? c - '0' + 0u : low - 'a' + 10u);
    }
    *ret_value = v;
    return true;
}

/* Behind the string that begins at p; NULL: it is none. */
static const uint8_t *string_end(const uint8_t *p, const uint8_t *end)
{
    unsigned ignored;
    for (p++; p < end && *p != '"'; p++) {
        if (*p < 0x20)
            return NULL;
        if (*p != '\\')
            continue;
        if (++p == end || !memchr("\"\\/bfnrtu", *p, 9) || (*p == 'u' && !is_hex4(p + 1, end, &ignored)))
            return NULL;
    }
    return p < end ? p + 1 : NULL;
}

static const uint8_t *digits(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *start = p;
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p > start ? p : NULL;
}

static const uint8_t *number_end(const uint8_t *p, const uint8_t *end)
{
    p += p < end && *p == '-';
    p = p < end && *p == '0' ? p + 1 : digits(p, end);
    if (p && p < end && *p == '.')
        p = digits(p + 1, end);
    if (p && p < end && (*p | 0x20) == 'e') {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        p = digits(p, end);
    }
    return p;
}

static const uint8_t *scalar_end(const uint8_t *p, const uint8_t *end)
{
    static const bole_slice words[] = {{(const uint8_t *)"true", 4}, {(const uint8_t *)"false", 5}, {(const uint8_t *)"null", 4}};
    bole_slice rest = bole_slice_from(p, (size_t)(end - p));
    for (size_t i = 0; i < 3; i++)
        if (bole_slice_starts(rest, words[i]))
            return p + words[i].len;
    return p < end && *p == '"' ? string_end(p, end) : number_end(p, end);
}

/* Behind the value that begins at p; NULL: it is none. */
static const uint8_t *value_end(const uint8_t *p, const uint8_t *end, unsigned depth)
{
    if (p == end || (*p != '{' && *p != '['))
        return scalar_end(p, end);
    uint8_t close = *p == '{' ? '}' : ']';
    p = blanks(p + 1, end);
    if (p < end && *p == close)
        return p + 1;
    for (; depth < JSON_PATH_DEPTH_MAX; p = blanks(p + 1, end)) {
        if (close == '}') {
            if (p == end || *p != '"' || !(p = string_end(p, end)) || (p = blanks(p, end)) == end || *p != ':')
                return NULL;
            p = blanks(p + 1, end);
        }
        p = value_end(p, end, depth + 1);
        if (!p || (p = blanks(p, end)) == end)
            return NULL;
        if (*p == close)
            return p + 1;
        if (*p != ',')
            return NULL;
    }
    return NULL;
}

bool json_is_valid(bole_slice text)
{
    const uint8_t *end = text.ptr + text.len, *p = text.len ? value_end(blanks(text.ptr, end), end, 0) : NULL;
    return p && blanks(p, end) == end;
}

/* ---- looking up, in what is valid ---- */

/* The text of the string that stands there, quotes included. */
static bole_slice unescape(bole_slice quoted, struct arena *arena)
{
    bole_slice s = bole_slice_from(quoted.ptr + 1, quoted.len - 2);
    if (!s.len || !memchr(s.ptr, '\\', s.len))
        return s;
    uint8_t *out = arena_bytes(arena, s.len), *to = out;
    const uint8_t *p = s.ptr, *end = s.ptr + s.len;
    while (out && p < end) {
        unsigned c = *p++, low;
        if (c != '\\') {
            *to++ = (uint8_t)c;
            continue;
        }
        c = *p++;
        if (c != 'u') {
            static const char from[] = "bfnrt", as[] = "\b\f\n\r\t";
            const char *at = strchr(from, (int)c);
            *to++ = at ? (uint8_t)as[at - from] : (uint8_t)c;
            continue;
        }
        is_hex4(p, end, &c);
        p += 4;
        if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' && is_hex4(p + 2, end, &low) && low >= 0xdc00 &&
            low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
            p += 6;
        } else if (c >= 0xd800 && c < 0xe000) {
            c = 0xfffd;
        }
        to += utf8_encode(c, to);
    }
    return bole_slice_from(out, (size_t)(to - out));
}

static bool is_name(const uint8_t *p, const uint8_t *behind, bole_slice name, struct arena *arena)
{
    return bole_slice_eq(unescape(bole_slice_from(p, (size_t)(behind - p)), arena), name);
}

/* The member or element of the object or list at p; NULL: there is none. */
static const uint8_t *find_member(const uint8_t *p, const uint8_t *end, bole_slice name, size_t index, struct arena *arena)
{
    const uint8_t *found = NULL;
    uint8_t open = name.ptr ? '{' : '[';
    size_t at = 0;
    if (*p != open || *(p = blanks(p + 1, end)) == open + 2) /* } and ] stand two behind { and [ */
        return NULL;
    for (;; p = blanks(p + 1, end), at++) {
        bool is_it = at == index;
        if (name.ptr) {
            const uint8_t *behind = string_end(p, end);
            is_it = is_name(p, behind, name, arena);
            p = blanks(blanks(behind, end) + 1, end);
        }
        found = is_it ? p : found;
        p = blanks(value_end(p, end, 0), end);
        if (*p != ',' || (!name.ptr && found))
            return found;
    }
}

bole_slice json_path_find(bole_slice text, const struct json_path *path, struct arena *arena)
{
    const uint8_t *end = text.ptr + text.len, *p = blanks(text.ptr, end);
    for (size_t i = 0; i < path->count && p; i++)
        p = find_member(p, end, path->steps[i].name, path->steps[i].index, arena);
    if (!p || *p == 'n')
        return (bole_slice){0};
    bole_slice value = bole_slice_from(p, (size_t)(value_end(p, end, 0) - p));
    return *p == '"' ? unescape(value, arena) : value;
}
