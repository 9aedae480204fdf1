/* format.c - line_format, label_format, drop, keep, decolorize: stages that change a row and never drop it. */
#include "query/pipeline.h"
#include "query/template.h"

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
            struct row_label copy = source ? *source : (struct row_label){0};
            if (!source)
                continue; /* an absent source changes nothing */
            row_set(r, copy.origin, pair->name, copy.value);
            if (!bole_slice_eq(pair->name, pair->value))
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
        else
            row_delete(r, pair->name);
    }
}

static bool is_kept(const struct ast_stage *s, const struct row_label *l)
{
    if (bole_slice_eq(l->name, LABEL_PRESERVE))
        return true;
    for (const struct ast_pair *pair = s->pairs; pair; pair = pair->next)
        if (bole_slice_eq(pair->name, l->name) && pair_matches(pair, l->value))
            return true;
    return false;
}

void keep_labels(struct row *r, const struct ast_stage *s)
{
    for (size_t i = r->count; i-- > 0;)
        if (!is_kept(s, &r->labels[i]))
            r->labels[i] = r->labels[--r->count];
}

/* ANSI escapes (ECMA-48): CSI sequences and the few that Loki's pattern knows: ESC [ parameters final byte. */
void decolorize(struct row *r)
{
    bole_slice line = r->line;
    if (line.len == 0 || !memchr(line.ptr, 0x1b, line.len))
        return;
    uint8_t *out = arena_bytes(r->scratch, line.len);
    size_t n = 0;
    if (!out) {
        r->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < line.len;) {
        if (line.ptr[i] != 0x1b || i + 1 >= line.len || line.ptr[i + 1] != '[') {
            out[n++] = line.ptr[i++];
            continue;
        }
        size_t end = i + 2;
        while (end < line.len && line.ptr[end] >= 0x20 && line.ptr[end] <= 0x3f)
            end++;
        if (end < line.len && line.ptr[end] >= 0x40 && line.ptr[end] <= 0x7e)
            i = end + 1;
        else
            out[n++] = line.ptr[i++];
    }
    r->line = (bole_slice){out, n};
}
