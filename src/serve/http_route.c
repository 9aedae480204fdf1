/*
 * Routes without parameters are found by hash, because the hot paths are such; the few patterns are tried one after the
 * other. A path with escapes is compared segment by segment, each decoded on its own, so that "%2F" inside a parameter
 * never becomes a separator.
 */
#include "serve/http_route.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/hex.h"

struct http_routes {
    const struct http_route *routes;
    size_t    count;
    uint32_t *slots;      /* open addressing; index + 1 of the first route with that literal path; 0: free */
    size_t    slot_count; /* power of two */
    uint32_t *next_same;  /* per route: index + 1 of the next route with the same path; 0: none */
    bool     *is_pattern;
};

static bole_slice path_of(const struct http_route *r)
{
    return bole_slice_str(r->path);
}

static uint32_t *find_slot(const struct http_routes *r, bole_slice path)
{
    size_t at = hash64(path) & (r->slot_count - 1);
    while (r->slots[at] && !bole_slice_eq(path_of(&r->routes[r->slots[at] - 1]), path))
        at = (at + 1) & (r->slot_count - 1);
    return &r->slots[at];
}

static void add_literal(struct http_routes *r, size_t index)
{
    uint32_t *slot = find_slot(r, path_of(&r->routes[index]));
    r->next_same[index] = *slot;
    *slot = (uint32_t)index + 1;
}

bole_status http_routes_create(const struct http_route *routes, size_t count, struct http_routes **ret_routes,
                               struct bole_err *err)
{
    struct http_routes *r = calloc(1, sizeof *r);
    if (!r)
        goto no_memory;
    r->routes = routes;
    r->count = count;
    r->slot_count = 16;
    while (r->slot_count < count * 2)
        r->slot_count *= 2;
    r->slots = calloc(r->slot_count, sizeof *r->slots);
    r->next_same = calloc(count + 1, sizeof *r->next_same);
    r->is_pattern = calloc(count + 1, sizeof *r->is_pattern);
    if (!r->slots || !r->next_same || !r->is_pattern)
        goto no_memory;
    for (size_t i = 0; i < count; i++) {
        assert(routes[i].path[0] == '/' && routes[i].handler);
        r->is_pattern[i] = strchr(routes[i].path, '{') != NULL;
        if (!r->is_pattern[i])
            add_literal(r, i);
    }
    *ret_routes = r;
    return BOLE_OK;
no_memory:
    http_routes_destroy(r);
    return bole_fail(err, BOLE_E_NOMEM, "http routes");
}

void http_routes_destroy(struct http_routes *r)
{
    if (!r)
        return;
    free(r->slots);
    free(r->next_same);
    free(r->is_pattern);
    free(r);
}

/* The byte at s.ptr[*at], decoded; *at moves on. -1: malformed escape. */
static int next_byte(bole_slice s, size_t *at)
{
    uint8_t c = s.ptr[(*at)++];
    if (c != '%')
        return c;
    if (s.len - *at < 2)
        return -1;
    int high = hex_digit(s.ptr[*at]), low = hex_digit(s.ptr[*at + 1]);
    *at += 2;
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool segment_equals(bole_slice raw, bole_slice literal)
{
    size_t at = 0;
    for (size_t i = 0; i < literal.len; i++)
        if (at == raw.len || next_byte(raw, &at) != literal.ptr[i])
            return false;
    return at == raw.len;
}

static bool pattern_matches(bole_slice pattern, bole_slice path, struct http_match *m)
{
    m->param_count = 0;
    bool more = true;
    while (more) {
        pattern = bole_slice_sub(pattern, 1); /* the '/' */
        path = bole_slice_sub(path, 1);
        if (pattern.len > 2 && pattern.ptr[0] == '{' && pattern.ptr[pattern.len - 2] == '*' &&
            pattern.ptr[pattern.len - 1] == '}') {
            m->params[m->param_count].name = (bole_slice){pattern.ptr + 1, pattern.len - 3};
            m->params[m->param_count++].value = path;
            return true;
        }
        const uint8_t *pattern_end = pattern.len ? memchr(pattern.ptr, '/', pattern.len) : NULL;
        const uint8_t *path_end = path.len ? memchr(path.ptr, '/', path.len) : NULL;
        bole_slice want = {pattern.ptr, pattern_end ? (size_t)(pattern_end - pattern.ptr) : pattern.len};
        bole_slice have = {path.ptr, path_end ? (size_t)(path_end - path.ptr) : path.len};
        if (want.len > 2 && want.ptr[0] == '{') {
            if (have.len == 0 || m->param_count == HTTP_PATH_PARAM_MAX)
                return false;
            m->params[m->param_count].name = (bole_slice){want.ptr + 1, want.len - 2};
            m->params[m->param_count++].value = have;
        } else if (!segment_equals(have, want)) {
            return false;
        }
        if (!pattern_end != !path_end)
            return false;
        more = pattern_end != NULL;
        pattern = bole_slice_sub(pattern, want.len);
        path = bole_slice_sub(path, have.len);
    }
    return true;
}

static bool take_route(struct http_match *m, const struct http_route *route, unsigned method)
{
    m->allowed |= route->methods;
    m->flags |= route->flags;
    if (!m->route && (route->methods & method))
        m->route = route;
    return m->route != NULL;
}

void http_routes_match(const struct http_routes *r, bole_slice path, unsigned method, struct http_match *ret_match)
{
    struct http_match m = {0};
    bool escaped = memchr(path.ptr, '%', path.len) != NULL;
    if (!escaped)
        for (uint32_t i = *find_slot(r, path); i; i = r->next_same[i - 1])
            (void)take_route(&m, &r->routes[i - 1], method);
    for (size_t i = 0; i < r->count && !m.route; i++) {
        struct http_match attempt = {0};
        if ((r->is_pattern[i] || escaped) && pattern_matches(path_of(&r->routes[i]), path, &attempt) &&
            take_route(&m, &r->routes[i], method)) {
            m.param_count = attempt.param_count;
            memcpy(m.params, attempt.params, sizeof m.params);
        }
    }
    *ret_match = m;
}

bool http_escapes_ok(bole_slice s)
{
    const uint8_t *escape;
    for (size_t at = 0; at < s.len && (escape = memchr(s.ptr + at, '%', s.len - at));) {
        at = (size_t)(escape - s.ptr);
        if (next_byte(s, &at) < 0)
            return false;
    }
    return true;
}

bool http_decode(struct arena *a, bole_slice s, bool plus, bole_slice *ret_text)
{
    if (s.len == 0 || (!memchr(s.ptr, '%', s.len) && !(plus && memchr(s.ptr, '+', s.len)))) {
        *ret_text = (bole_slice){s.ptr ? s.ptr : (const uint8_t *)"", s.len};
        return true;
    }
    uint8_t *text = arena_bytes(a, s.len);
    size_t len = 0;
    if (!text)
        return false;
    for (size_t at = 0; at < s.len;) {
        bool blank = plus && s.ptr[at] == '+';
        int byte = next_byte(s, &at);
        if (byte < 0)
            return false;
        text[len++] = blank ? ' ' : (uint8_t)byte;
    }
    *ret_text = (bole_slice){text, len};
    return true;
}

static bool is_plain(bole_slice form)
{
    return form.len && !memchr(form.ptr, '%', form.len) && !memchr(form.ptr, '+', form.len);
}

static bool decode_part(struct arena *a, bole_slice s, bool plain, bole_slice *ret_text)
{
    if (!plain)
        return http_decode(a, s, true, ret_text);
    *ret_text = s.ptr ? s : S("");
    return true;
}

bole_status http_form_parse(struct arena *a, bole_slice text, struct http_form_pair **pairs, size_t *pair_count)
{
    size_t max = *pair_count;
    bool plain = is_plain(text);
    for (bole_slice rest = text; rest.len; max++)
        (void)bole_slice_cut(rest, '&', &rest);
    struct http_form_pair *all = arena_array(a, max, sizeof *all);
    if (!all)
        return BOLE_E_LIMIT;
    size_t n = *pair_count;
    if (n)
        memcpy(all, *pairs, n * sizeof *all);
    while (text.len) {
        bole_slice value, pair = bole_slice_cut(text, '&', &text);
        bole_slice name = bole_slice_cut(pair, '=', &value);
        if (pair.len == 0)
            continue;
        if (!plain && !http_escapes_ok(pair))
            return BOLE_E_INVALID;
        if (!decode_part(a, name, plain, &all[n].name) || !decode_part(a, value, plain, &all[n].value))
            return BOLE_E_LIMIT;
        n++;
    }
    *pairs = all;
    *pair_count = n;
    return BOLE_OK;
}

/* The length of `text` without its last segment. */
static size_t parent_len(const uint8_t *text, size_t len)
{
    while (len && text[len - 1] != '/')
        len--;
    return len ? len - 1 : 0;
}

static bool is_dots(bole_slice segment)
{
    return bole_slice_eq(segment, S(".")) || bole_slice_eq(segment, S(".."));
}

bool http_path_is_clean(bole_slice path)
{
    bole_slice rest = bole_slice_sub(path, 1);
    while (rest.len) {
        bole_slice segment = bole_slice_cut(rest, '/', &rest);
        if (!segment.len || is_dots(segment))
            return false;
    }
    return true;
}

bole_slice http_path_clean(struct arena *a, bole_slice path)
{
    bool is_folder = path.ptr[path.len - 1] == '/';
    uint8_t *text = arena_bytes(a, path.len + 1);
    size_t len = 0;
    for (bole_slice rest = path; text && rest.len;) {
        bole_slice segment = bole_slice_cut(rest, '/', &rest);
        if (bole_slice_eq(segment, S("..")))
            len = parent_len(text, len);
        if (!segment.len || is_dots(segment))
            continue;
        text[len++] = '/';
        memcpy(text + len, segment.ptr, segment.len);
        len += segment.len;
    }
    if (text && (is_folder || !len))
        text[len++] = '/';
    return (bole_slice){text, text ? len : 0};
}

bool http_path_ok(bole_slice decoded)
{
    if (memchr(decoded.ptr, 0, decoded.len))
        return false;
    while (decoded.len) {
        if (is_dots(bole_slice_cut(decoded, '/', &decoded)))
            return false;
    }
    return true;
}
