/*
 * parse_logfmt.c - `| logfmt` and `| logfmt a="b"`.
 *
 * A bad pair is passed over up to the next blank; with --strict it ends the line with an error. The first of a repeated
 * key wins, but for one that is asked for by name. Empty values count only with --keep-empty.
 */
#include <stdio.h>

#include "base/utf8.h"
#include "base/hex.h"
#include "query/pipeline.h"
#include "query/stage/label_name.h"

struct pairs {
    const uint8_t *begin, *next, *end;
    bole_slice     key, value;
    bool           is_escaped;
    bool           is_bad;         /* the pair just read */
    char           error_text[64]; /* of the last bad one */
};

static bool is_blank(uint8_t c)
{
    return c <= ' ';
}

static bool bad_pair(struct pairs *p, const char *text)
{
    snprintf(p->error_text, sizeof p->error_text, "logfmt syntax error at pos %zu : %s", (size_t)(p->next - p->begin) + 1, text);
    p->is_bad = true;
    return true;
}

/* Passed over up to the next blank. */
static bool bad_byte(struct pairs *p)
{
    char text[] = "unexpected '='";
    text[sizeof text - 3] = (char)*p->next;
    bad_pair(p, text);
    while (p->next < p->end && !is_blank(*p->next))
        p->next++;
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
    if (p->next >= p->end) {
        p->next = p->end;
        return bad_pair(p, "unterminated quoted value");
    }
    p->value = (bole_slice){from, (size_t)(p->next - from)};
    p->next++;
    return true;
}

static bool has_bad_utf8(bole_slice s)
{
    return !utf8_valid(s) || (s.len >= 3 && memmem(s.ptr, s.len, "\xEF\xBF\xBD", 3));
}

/* The next pair, or a bad one; false at the end of the line. */
static bool next_pair(struct pairs *p)
{
    p->key = p->value = (bole_slice){0};
    p->is_escaped = p->is_bad = false;
    while (p->next < p->end && is_blank(*p->next))
        p->next++;
    if (p->next == p->end)
        return false;
    const uint8_t *from = p->next;
    bool is_multibyte = false;
    for (; p->next < p->end && *p->next != '=' && *p->next != '"' && !is_blank(*p->next); p->next++)
        is_multibyte |= *p->next >= 0x80;
    if (p->next < p->end && (*p->next == '"' || p->next == from))
        return bad_byte(p);
    p->key = (bole_slice){from, (size_t)(p->next - from)};
    if (is_multibyte && has_bad_utf8(p->key)) {
        bad_pair(p, "invalid key");
        while (p->next < p->end && !is_blank(*p->next))
            p->next++;
        return true;
    }
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

/* A \u escape, and the second of a pair; half of a pair is U+FFFD. 0: it is none. */
static size_t take_unicode(const uint8_t **p, const uint8_t *end, uint8_t out[4])
{
    int code = hex_four(*p, end);
    if (code < 0)
        return 0;
    *p += 4;
    if (code >= 0xd800 && code < 0xe000) {
        int low = code < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u' ? hex_four(*p + 2, end) : -1;
        bool is_pair = low >= 0xdc00 && low < 0xe000;
        *p += is_pair ? 6 : 0;
        code = is_pair ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
    }
    return utf8_encode((uint32_t)code, out);
}

/* Escapes as in JSON; ptr NULL for an invalid one. */
static bole_slice unquote(struct row *r, bole_slice s)
{
    static const char from[] = "\"\\/'bfnrt", to[] = "\"\\/'\b\f\n\r\t";
    uint8_t *out = arena_bytes(r->scratch, s.len);
    size_t n = 0;
    r->out_of_memory |= !out;
    for (const uint8_t *p = s.ptr, *end = s.ptr + s.len; out && p < end;) {
        if (*p != '\\') {
            out[n++] = *p++;
            continue;
        }
        uint8_t c = ++p < end ? *p++ : 0;
        const char *hit = c ? strchr(from, c) : NULL;
        size_t len = c == 'u' ? take_unicode(&p, end, out + n) : hit ? 1 : 0;
        if (len == 0)
            return (bole_slice){0};
        if (hit)
            out[n] = (uint8_t)to[hit - from];
        n += len;
    }
    return (bole_slice){out, n};
}

/* The value without its escapes; false when they are wrong. */
static bool pair_value(struct row *r, struct pairs *p)
{
    if (!p->is_escaped)
        return true;
    p->value = unquote(r, p->value);
    return p->value.ptr || !bad_pair(p, "invalid quoted value");
}

/* False: the parser is to stop. */
static bool set_pair(struct row *r, const struct ast_stage *s, bole_slice key, bole_slice value)
{
    bole_slice name = label_name_from_key(r, key);
    if (name.len == 0 || (value.len == 0 && !s->keep_empty) || !row_may_want(r, name))
        return true;
    name = row_parsed_name(r, name);
    if (row_has_parsed(r, name) || !row_wants(r, name))
        return true;
    return row_parsed(r, name, row_valid_text(r, value)) && !row_has_all(r);
}

static const struct ast_pair *find_pair(const struct ast_pair *pairs, bole_slice name)
{
    while (pairs && !bole_slice_eq(pairs->name, name))
        pairs = pairs->next;
    return pairs;
}

/*
 * `s="status"` takes status, and also s: Loki looks the key up among both. A name that a metric query does not ask for is
 * not taken, even where it is only the key of one that is. The last of a repeated key wins. False: the parser is to stop.
 */
static bool set_expression(struct row *r, const struct ast_stage *s, bole_slice key, bole_slice value)
{
    bole_slice name = label_name_from_key(r, key);
    const struct ast_pair *pair = find_pair(s->pairs, name);
    if (name.len == 0 || (!pair && (!row_wants(r, name) || row_has_parsed(r, name))))
        return true;
    for (const struct ast_pair *p = s->pairs; p; p = p->next)
        if (bole_slice_eq(p->value, name) && !find_pair(p->next, p->name)) { /* the last of a name counts */
            pair = p;
            break;
        }
    if (!pair)
        return true;
    bole_slice settled = row_parsed_name(r, pair->name);
    if (!bole_slice_eq(settled, pair->name) && (row_has_parsed(r, settled) || !row_wants(r, settled)))
        return false;
    row_set(r, ORIGIN_PARSED, settled, has_bad_utf8(value) ? S("") : value);
    return !row_has_all(r);
}

static void read_pairs(struct row *r, const struct ast_stage *s)
{
    struct pairs p = {.begin = r->line.ptr, .next = r->line.ptr, .end = r->line.ptr + r->line.len};
    bool goes_on = true;
    while (goes_on && next_pair(&p)) {
        if (p.is_bad || !pair_value(r, &p)) {
            if (s->strict)
                break;
            continue;
        }
        goes_on = s->pairs ? set_expression(r, s, p.key, p.value) : set_pair(r, s, p.key, p.value);
    }
    if (s->strict && p.error_text[0] && !r->is_out) {
        row_fail(r, ERROR_LOGFMT, row_copy(r, bole_slice_str(p.error_text)), true);
        r->is_out = !s->pairs && !row_passes_early(r, LABEL_ERROR);
    }
}

void parse_logfmt(struct row *r, const struct ast_stage *s)
{
    if (row_needs_no_parser(r))
        return;
    for (const struct ast_pair *pair = s->pairs; pair; pair = pair->next) /* what is not found is there, and empty */
        if (bole_slice_eq(row_parsed_name(r, pair->name), pair->name))
            row_set(r, ORIGIN_PARSED, pair->name, S(""));
    read_pairs(r, s);
}
