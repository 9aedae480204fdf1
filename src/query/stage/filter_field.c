/*
 * filter_field.c - key:value of a query in words. The label or field of that name decides; where there is none, the line
 * itself may say it, as JSON or logfmt. The row stays as it is.
 */
#include "query/pipeline.h"
#include "query/stage/parse_json.h"

static bool in_line(const struct ast_stage *s, struct row *r)
{
    const struct row_hints only = {.some_labels = true, .names = &s->text, .name_count = 1}, *hints = r->hints;
    struct ast_stage logfmt = {.kind = STAGE_LOGFMT};
    bole_slice error = r->error, details = r->error_details;
    size_t count = r->count;
    r->hints = &only;
    if (r->line.len && r->line.ptr[0] == '{')
        parse_json(r);
    else
        parse_logfmt(r, &logfmt);
    const struct row_label *l = row_find(r, s->text);
    bool found = l && regex_match(s->regex, l->value);
    r->count = count;
    r->error = error;
    r->error_details = details;
    r->hints = hints;
    return found;
}

bool filter_field(const struct ast_stage *s, struct row *r)
{
    const struct row_label *l = row_find(r, s->text);
    bool found = l ? regex_match(s->regex, l->value) : in_line(s, r);
    return found != s->strict;
}
