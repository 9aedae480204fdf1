/*
 * parse_logfmt.c - `| logfmt` and `| logfmt a="b"`.
 *
 * A bad pair is passed over up to the next blank; with --strict it ends the line with an error. The first of a repeated
 * key wins. Empty values count only with --keep-empty.
 */
#include <stdio.h>

#include "query/label_name.h"
#include "query/pipeline.h"
#include "base/utf8.h"

struct pairs {
    const uint8_t *begin, *next, *end;
    bole_slice     key, value;
    bool           is_escaped;
    const char    *error; /* of the pair just read; NULL: none */
    char           error_text[64];
};

static bool is_blank(uint8_t c)
{
    return c <= ' ';
}

static bool bad_byte(struct pairs *p)
{
    snprintf(p->error_text, sizeof p->error_text, "logfmt syntax error at pos %zu : unexpected '%c'",
             (size_t)(p->next - p->begin) + 1, *p->next);
    p->error = p->error_text;
    while (p->next < p->end && !is_blank(*p->next))
        p->next++;
    return true;
}

static bool bad_quote(struct pairs *p)
{
    snprintf(p->error_text, sizeof p->error_text, "logfmt syntax error at pos %zu : unterminated quoted value",
             (size_t)(p->end - p->begin) + 1);
    p->error = p->error_text;
    p->next = p->end;
    return true;
}

static bool take_quoted(struct pairs *p)
{
    const uint8_t *from = ++p->next;
    for (; p->next < p->end && *p->next != '"'; p->next++)
        if (*p->next == '\\' && p->next + 1 < p->end) {
            p->is_escaped = true;
            p->next++;
        }
    if (p->next >= p->end)
        return bad_quote(p);
    p->value = (bole_slice){from, (size_t)(p->next - from)};
    p->next++;
    return true;
}

/* The next pair into key, value and error; false at the end of the line. */
static bool next_pair(struct pairs *p)
{
    p->key = p->value = (bole_slice){0};
    p->error = NULL;
    p->is_escaped = false;
    while (p->next < p->end && is_blank(*p->next))
        p->next++;
    if (p->next == p->end)
        return false;
    const uint8_t *from = p->next;
    while (p->next < p->end && *p->next != '=' && *p->next != '"' && !is_blank(*p->next))
        p->next++;
    if (p->next < p->end && (*p->next == '"' || p->next == from))
        return bad_byte(p);
    p->key = (bole_slice){from, (size_t)(p->next - from)};
    if (p->next == p->end || is_blank(*p->next))
        return true;
    p->next++; /* = */
    if (p->next == p->end || is_blank(*p->next))
        return true;
    if (*p->next == '"')
        return take_quoted(p);
    from = p->next;
    while (p->next < p->end && !is_blank(*p->next)) {
        if (*p->next == '=' || *p->next == '"')
            return bad_byte(p);
        p->next++;
    }
    p->value = (bole_slice){from, (size_t)(p->next - from)};
    return true;
}

/* Escapes as in JSON; ptr NULL for an invalid one. */
static bole_slice unquote(struct row *r, bole_slice s)
{
    uint8_t *out = arena_bytes(r->scratch, s.len);
    size_t n = 0;
    if (!out) {
        r->out_of_memory = true;
        return (bole_slice){0};
    }
    for (size_t i = 0; i < s.len; i++) {
        static const char from[] = "\"\\/'bfnrt", to[] = "\"\\/'\b\f\n\r\t";
        if (s.ptr[i] != '\\') {
            out[n++] = s.ptr[i];
            continue;
        }
        uint8_t c = ++i < s.len ? s.ptr[i] : 0;
        const char *hit = c ? strchr(from, c) : NULL;
        unsigned code = 0;
        char hex[5] = {0};
        if (hit) {
            out[n++] = (uint8_t)to[hit - from];
        } else if (c == 'u' && s.len - i > 4 &&
                   (memcpy(hex, s.ptr + i + 1, 4), strspn(hex, "0123456789abcdefABCDEF") == 4) &&
                   sscanf(hex, "%x", &code) == 1) {
            n += utf8_encode(code, out + n);
            i += 4;
        } else {
            return (bole_slice){0};
        }
    }
    return (bole_slice){out, n};
}

static bool has_bad_utf8(bole_slice s)
{
    return !utf8_valid(s) || (s.len >= 3 && memmem(s.ptr, s.len, "\xEF\xBF\xBD", 3));
}

/* The pair's value as text; false when the quoting is wrong. */
static bool pair_value(struct row *r, struct pairs *p, bole_slice *ret_value)
{
    *ret_value = p->value;
    if (p->is_escaped) {
        *ret_value = unquote(r, p->value);
        if (!ret_value->ptr)
            return false;
    }
    if (has_bad_utf8(*ret_value))
        *ret_value = (bole_slice){0};
    return true;
}

static void set_pair(struct row *r, const struct ast_stage *s, bole_slice key, bole_slice value)
{
    bole_slice name = label_name_from_key(r, key);
    if (name.len == 0 || (value.len == 0 && !s->keep_empty) || !row_may_want(r, name))
        return;
    name = row_parsed_name(r, name);
    if (!row_has_parsed(r, name) && row_wants(r, name))
        row_set(r, ORIGIN_PARSED, name, value);
}

static void set_expression(struct row *r, const struct ast_stage *s, bole_slice key, bole_slice value)
{
    for (const struct ast_pair *pair = s->pairs; pair; pair = pair->next)
        if (bole_slice_eq(pair->value, key)) {
            bole_slice name = row_parsed_name(r, pair->name);
            if (!row_has_parsed(r, name))
                row_set(r, ORIGIN_PARSED, name, value);
        }
}

void parse_logfmt(struct row *r, const struct ast_stage *s)
{
    if (r->hints && r->hints->no_labels)
        return;
    struct pairs p = {.begin = r->line.ptr, .next = r->line.ptr, .end = r->line.ptr + r->line.len};
    const char *error = NULL;
    while (next_pair(&p)) {
        bole_slice value;
        if (!p.error && !pair_value(r, &p, &value))
            p.error = "logfmt syntax error : invalid quoted value";
        if (p.error) {
            error = p.error;
            if (s->strict)
                break;
            continue;
        }
        if (s->pairs)
            set_expression(r, s, p.key, value);
        else
            set_pair(r, s, p.key, value);
    }
    if (s->strict && error)
        row_fail(r, ERROR_LOGFMT, row_copy(r, bole_slice_str(error)), true);
    for (const struct ast_pair *pair = s->pairs; pair; pair = pair->next)
        if (!row_find(r, pair->name)) /* what was not found is there, and empty */
            row_set(r, ORIGIN_PARSED, pair->name, S(""));
}
