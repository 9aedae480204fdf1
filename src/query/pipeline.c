#include "query/pipeline.h"

#include "query/explain.h"

#include "query/stage/parse_json.h"
#include "query/template/template.h"

static bool run_stage(const struct ast_stage *s, struct row *r)
{
    switch (s->kind) {
    case STAGE_LINE_FILTER: return filter_line(s, r->line);
    case STAGE_LABEL_FILTER: return filter_label(s->filter, r);
    case STAGE_JSON:
        if (s->pairs)
            parse_json_paths(r, s->pairs);
        else
            parse_json(r);
        return !r->is_out;
    case STAGE_LOGFMT: parse_logfmt(r, s); return !r->is_out;
    case STAGE_REGEXP: parse_regexp(r, s); return !r->is_out;
    case STAGE_PATTERN: parse_pattern(r, s); return !r->is_out;
    case STAGE_UNPACK: parse_unpack(r); return !r->is_out;
    case STAGE_LINE_FORMAT: format_line(r, s); return true;
    case STAGE_LABEL_FORMAT: format_labels(r, s); return true;
    case STAGE_DROP: drop_labels(r, s); return true;
    case STAGE_KEEP: keep_labels(r, s); return true;
    case STAGE_DECOLORIZE: decolorize(r); return true;
    case STAGE_FIELD_WORD: return filter_field(s, r);
    }
    return true;
}

static bool run_explained(const struct pipeline *p, struct row *r)
{
    bool passes = true;
    for (size_t i = 0; i < p->count && passes; i++) {
        struct explain_stage *cost = p->costs[i];
        uint64_t begin = clock_mono_ns(p->clock);
        passes = run_stage(p->stages[i], r);
        cost->ns += clock_mono_ns(p->clock) - begin;
        cost->rows_in++;
        cost->rows_out += passes;
    }
    return passes;
}

bool pipeline_run(const struct pipeline *p, struct row *r)
{
    if (p->costs)
        return run_explained(p, r);
    for (size_t i = 0; i < p->count; i++)
        if (!run_stage(p->stages[i], r))
            return false;
    return true;
}

/* What a line filter does not move in front of. */
static bool is_fence(const struct ast_stage *s)
{
    return s->kind == STAGE_LINE_FILTER || s->kind == STAGE_LABEL_FILTER || s->kind == STAGE_LINE_FORMAT ||
           s->kind == STAGE_UNPACK;
}

bool stage_reads_line(const struct ast_stage *s)
{
    return s->kind != STAGE_LABEL_FILTER && s->kind != STAGE_DROP && s->kind != STAGE_KEEP;
}

const struct ast_stage **pipeline_order(const struct ast_stage *stages, struct arena *arena, size_t *ret_count)
{
    size_t count = 0, n = 0;
    for (const struct ast_stage *s = stages; s; s = s->next)
        count++;
    const struct ast_stage **out = arena_array(arena, count + 1, sizeof *out);
    for (const struct ast_stage *s = stages; out && s; s = s->next) {
        size_t at = n++;
        for (; s->kind == STAGE_LINE_FILTER && at && !is_fence(out[at - 1]); at--)
            out[at] = out[at - 1];
        out[at] = s;
    }
    *ret_count = count;
    return out;
}

bool stage_changes_line(const struct ast_stage *s)
{
    return s->kind == STAGE_LINE_FORMAT || s->kind == STAGE_UNPACK || s->kind == STAGE_DECOLORIZE;
}

bool stage_is_idle_format(const struct ast_stage *s)
{
    for (const struct ast_stage *later = s->next; later && s->kind == STAGE_LINE_FORMAT; later = later->next)
        if (later->kind == STAGE_LINE_FILTER || later->kind <= STAGE_UNPACK)
            return false;
    return s->kind == STAGE_LINE_FORMAT;
}

bool stage_uses_labels(const struct ast_stage *s)
{
    return s->kind != STAGE_LINE_FILTER && s->kind != STAGE_DECOLORIZE;
}

static void filter_names(const struct label_filter *f, void (*fn)(bole_slice name, void *ctx), void *ctx)
{
    if (f->name.len && !f->passes_all)
        fn(f->name, ctx);
    for (const struct label_filter *child = f->children; child; child = child->next)
        filter_names(child, fn, ctx);
}

void stage_required_labels(const struct ast_stage *s, void (*fn)(bole_slice name, void *ctx), void *ctx)
{
    if (s->kind == STAGE_LABEL_FILTER)
        filter_names(s->filter, fn, ctx);
    if (s->kind == STAGE_FIELD_WORD)
        fn(s->text, ctx);
    if (s->kind == STAGE_LINE_FORMAT)
        template_labels(s->template, fn, ctx);
    for (const struct ast_pair *pair = s->pairs; pair; pair = pair->next) {
        if (s->kind == STAGE_LABEL_FORMAT && pair->is_rename)
            fn(pair->value, ctx);
        else if (s->kind == STAGE_LABEL_FORMAT)
            template_labels(pair->template, fn, ctx);
    }
}

bool match_text(enum match_op op, bole_slice wanted, const struct regex *regex, bole_slice value)
{
    switch (op) {
    case MATCH_EQ: return bole_slice_eq(value, wanted);
    case MATCH_NE: return !bole_slice_eq(value, wanted);
    case MATCH_RE: return regex_match(regex, value);
    case MATCH_NRE: return !regex_match(regex, value);
    }
    return false;
}
