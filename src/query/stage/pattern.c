#include "query/stage/pattern.h"

#include "base/err.h"

/* `<name>` at the start of s; ret_len counts its brackets. */
static bool capture_at(bole_slice s, bole_slice *ret_name)
{
    if (s.len < 3 || s.ptr[0] != '<')
        return false;
    size_t i = 1;
    for (; i < s.len && s.ptr[i] != '>'; i++) {
        uint8_t c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 1 || c < '0' || c > '9'))
            return false;
    }
    *ret_name = (bole_slice){s.ptr + 1, i - 1};
    return i < s.len && i > 1;
}

static bool is_unnamed(const struct pattern_piece *piece)
{
    return bole_slice_eq(piece->text, S("_"));
}

static bole_status check(const struct pattern *p, bool is_filter, struct bole_err *err)
{
    for (size_t i = 0; i + 1 < p->count; i++)
        if (p->pieces[i].is_capture && p->pieces[i + 1].is_capture)
            return bole_fail(err, BOLE_E_INVALID, "found consecutive capture '<%.*s><%.*s>': invalid expression",
                             BOLE_SLICE_ARG(p->pieces[i].text), BOLE_SLICE_ARG(p->pieces[i + 1].text));
    for (size_t i = 0; i < p->count; i++)
        for (size_t j = i + 1; j < p->count; j++)
            if (p->pieces[i].is_capture && p->pieces[j].is_capture && !is_unnamed(&p->pieces[i]) &&
                bole_slice_eq(p->pieces[i].text, p->pieces[j].text))
                return bole_fail(err, BOLE_E_INVALID, "duplicate capture name (%.*s): invalid expression",
                                 BOLE_SLICE_ARG(p->pieces[i].text));
    for (size_t i = 0; i < p->count && is_filter; i++)
        if (p->pieces[i].is_capture && !is_unnamed(&p->pieces[i]))
            return bole_fail(err, BOLE_E_INVALID, "named captures are not allowed: found '<%.*s>'",
                             BOLE_SLICE_ARG(p->pieces[i].text));
    if (!is_filter && p->count == 0)
        return bole_fail(err, BOLE_E_INVALID,
                         "parse error at line 1, col 1: syntax error: unexpected $end, expecting IDENTIFIER or LITERAL");
    if (!is_filter && !p->named_count)
        return bole_fail(err, BOLE_E_INVALID, "at least one capture is required");
    return BOLE_OK;
}

enum { PIECES_MAX = 1000 }; /* the checks are quadratic */

bole_status pattern_compile(bole_slice text, bool is_filter, struct arena *arena, struct pattern **ret_pattern,
                            struct bole_err *err)
{
    struct pattern *p = arena_zalloc(arena, sizeof *p);
    size_t brackets = 0;
    for (size_t i = 0; i < text.len; i++)
        brackets += text.ptr[i] == '<';
    if (brackets > PIECES_MAX / 2)
        return bole_fail(err, BOLE_E_LIMIT, "a pattern may have at most %d captures", PIECES_MAX / 2);
    bole_slice copy = arena_copy(arena, text);
    if (p)
        p->pieces = arena_array(arena, 2 * brackets + 1, sizeof *p->pieces);
    if (!p || !p->pieces || !copy.ptr)
        return bole_fail(err, BOLE_E_LIMIT, "memory limit of the query reached");
    size_t literal = 0;
    for (size_t i = 0; i <= copy.len;) {
        bole_slice name = {0};
        bool capture = capture_at(bole_slice_sub(copy, i), &name);
        if ((capture || i == copy.len) && i > literal)
            p->pieces[p->count++] = (struct pattern_piece){false, {copy.ptr + literal, i - literal}};
        if (!capture) {
            i++;
            continue;
        }
        p->pieces[p->count++] = (struct pattern_piece){true, name};
        p->named_count += !bole_slice_eq(name, S("_"));
        i += name.len + 2;
        literal = i;
    }
    *ret_pattern = p;
    return check(p, is_filter, err);
}

static const uint8_t *find(bole_slice text, bole_slice literal)
{
    return text.len < literal.len ? NULL : memmem(text.ptr, text.len, literal.ptr, literal.len);
}

/* As Loki's does: a first literal may stand anywhere, a capture in front of a literal or at the end must hold something, and a
 * literal at the end ends the line. */
bool pattern_matches(const struct pattern *p, bole_slice line)
{
    bole_slice rest = line;
    if (line.len == 0 || p->count == 0)
        return line.len == 0 && p->count == 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct pattern_piece *piece = &p->pieces[i];
        if (piece->is_capture)
            continue;
        const uint8_t *hit = find(rest, piece->text);
        if (!hit || (i > 0 && hit == rest.ptr))
            return false;
        rest = bole_slice_sub(rest, (size_t)(hit - rest.ptr) + piece->text.len);
    }
    return p->pieces[p->count - 1].is_capture == (rest.len > 0);
}

void pattern_capture(const struct pattern *p, bole_slice line, bool (*fn)(bole_slice name, bole_slice value, void *ctx),
                     void *ctx)
{
    bole_slice rest = line;
    size_t i = 0;
    if (line.len == 0)
        return;
    if (!p->pieces[0].is_capture) {
        if (!bole_slice_starts(rest, p->pieces[0].text))
            return;
        rest = bole_slice_sub(rest, p->pieces[0].text.len);
        i = 1;
    }
    for (; i < p->count; i += 2) {
        const struct pattern_piece *capture = &p->pieces[i];
        const uint8_t *hit = i + 1 < p->count ? find(rest, p->pieces[i + 1].text) : NULL;
        bole_slice value = hit ? (bole_slice){rest.ptr, (size_t)(hit - rest.ptr)} : rest;
        if (!is_unnamed(capture) && !fn(capture->text, value, ctx))
            return;
        if (!hit)
            return; /* the text ran out: the capture has all of the rest */
        rest = bole_slice_sub(rest, value.len + p->pieces[i + 1].text.len);
    }
}
