/* format.c - line_format, label_format, drop, keep, decolorize: stages that change a row and never drop it. */
#include <string.h>

#include "query/pipeline.h"
#include "query/template/template.h"

/* A failing template leaves the line as it was. */
void format_line(struct row *r, const struct ast_stage *s)
{
    bole_slice line;
    if (template_run(s->template, r, &line))
        r->line = line;
    else
        row_fail(r, ERROR_TEMPLATE, line, false);
}

/* Templates of one stage read the labels as they were when the first of them ran. */
void format_labels(struct row *r, const struct ast_stage *s)
{
    struct row before = *r;
    bool is_copied = false;
    for (const struct ast_pair *pair = s->pairs; pair; pair = pair->next) {
        if (pair->is_rename) {
            const struct row_label *source = row_find(r, pair->value);
            if (!source)
                continue; /* an absent source changes nothing */
            row_set(r, ORIGIN_PARSED, pair->name, source->value);
            row_delete(r, pair->value);
            continue;
        }
        if (!is_copied) {
            before = *r;
            before.labels = arena_alloc(r->scratch, (r->count + 1) * sizeof *before.labels);
            if (!before.labels) {
                r->out_of_memory = true;
                return;
            }
            memcpy(before.labels, r->labels, r->count * sizeof *before.labels);
            is_copied = true;
        }
        bole_slice value;
        if (template_run(pair->template, &before, &value))
            row_set(r, ORIGIN_PARSED, pair->name, value);
        else
            row_fail(r, ERROR_TEMPLATE, value, false);
        r->out_of_memory |= before.out_of_memory;
        r->template_bytes = before.template_bytes;
    }
}

static bool pair_matches(const struct ast_pair *pair, bole_slice value)
{
    return !pair->has_match || match_text(pair->match, pair->value, pair->regex, value);
}

void drop_labels(struct row *r, const struct ast_stage *s)
{
    for (const struct ast_pair *pair = s->pairs; pair; pair = pair->next) {
        if (!pair_matches(pair, row_text(r, pair->name)))
            continue;
        if (bole_slice_eq(pair->name, LABEL_ERROR))
            r->error = (bole_slice){0};
        else if (bole_slice_eq(pair->name, LABEL_ERROR_DETAILS))
            r->error_details = (bole_slice){0};
        else if (pair->has_match || row_find(r, pair->name))
            row_delete(r, pair->name);
    }
}

static bool is_kept(const struct ast_stage *s, const struct row_label *l)
{
    if (bole_slice_eq(l->name, LABEL_PRESERVE) || bole_slice_eq(l->name, LABEL_ERROR) ||
        bole_slice_eq(l->name, LABEL_ERROR_DETAILS) || (bole_slice_eq(l->name, LABEL_TENANT) && l->origin == ORIGIN_STREAM))
        return true; /* Loki adds the tenant's name when the pipeline has run */
    for (const struct ast_pair *pair = s->pairs; pair; pair = pair->next)
        if (bole_slice_eq(pair->name, l->name) && pair_matches(pair, l->value))
            return true;
    return false;
}

void keep_labels(struct row *r, const struct ast_stage *s)
{
    for (size_t i = r->count; i-- > 0;)
        if (!is_kept(s, &r->labels[i]))
            row_delete(r, r->labels[i].name);
}

/* ---- decolorize ---- */

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_final(uint8_t c)
{
    return c && strchr("0123456789ABCDEFGHIJKLMNOPRZcfghijklmnqrty=><~", c);
}

/* Up to four digits. */
static const uint8_t *skip_number(const uint8_t *p, const uint8_t *end)
{
    for (const uint8_t *from = p; p < end && p < from + 4 && *p >= '0' && *p <= '9';)
        p++;
    return p;
}

/*
 * Behind ESC (or U+009B) come brackets and the like, then either text up to a BEL, or numbers and a final byte. That is
 * what Loki's pattern takes for an ANSI sequence; ECMA-48 has more. Where no final byte follows the numbers, their last
 * digit is it. NULL: this is none.
 */
static const uint8_t *escape_end(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *text, *from, *next;
    while (p < end && *p && strchr("[]()#;?", *p))
        p++;
    for (text = p; text < end && (is_alnum(*text) || *text == ';');)
        text++;
    if (text < end && *text == 0x07)
        return text + 1;
    from = p;
    for (next = skip_number(p, end); next > p; next = next < end && *next == ';' ? skip_number(next + 1, end) : p)
        p = next;
    if (p < end && is_final(*p))
        return p + 1;
    while (p > from && !is_final(p[-1]))
        p--;
    return p > from ? p : NULL;
}

static size_t escape_begin(const uint8_t *p, const uint8_t *end)
{
    if (*p == 0x1b)
        return 1;
    return end - p >= 2 && p[0] == 0xc2 && p[1] == 0x9b ? 2 : 0;
}

void decolorize(struct row *r)
{
    const uint8_t *p = r->line.ptr, *end = p + r->line.len;
    if (r->line.len == 0 || (!memchr(p, 0x1b, r->line.len) && !memmem(p, r->line.len, "\xc2\x9b", 2)))
        return;
    uint8_t *out = arena_bytes(r->scratch, r->line.len);
    size_t n = 0;
    if (!out) {
        r->out_of_memory = true;
        return;
    }
    while (p < end) {
        size_t begin = escape_begin(p, end);
        const uint8_t *behind = begin ? escape_end(p + begin, end) : NULL;
        if (behind)
            p = behind;
        else
            out[n++] = *p++;
    }
    r->line = (bole_slice){out, n};
}
