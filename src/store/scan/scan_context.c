#include "store/scan/scan_context.h"

#include "base/err.h"
#include "shim/regex.h"

void scan_context_defer(struct scan_context *ctx, bole_status status, const char *what)
{
    if (ctx->deferred >= 0)
        ctx->deferred = bole_fail(&ctx->deferred_err, status, "%s", what);
}

void scan_context_cast_shadows(struct scan_context *ctx)
{
    const struct store_query *q = ctx->query;
    ctx->shadows = arena_array(&ctx->arena, q->predicate_count, sizeof(struct shadow *));
    for (size_t i = 0; ctx->shadows && i < q->predicate_count; i++)
        if (q->predicates[i].kind == PREDICATE_LINE_MATCHES)
            ctx->shadows[i] = shadow_create(regex_pattern(q->predicates[i].regex), &ctx->arena);
}

void scan_context_begin(struct scan_context *ctx, struct scan *scan, uint32_t row_count)
{
    arena_reset(&ctx->vector_arena);
    ctx->vector = (struct vector){.row_count = row_count, .seq = ctx->seq, .stream = ctx->stream, .scan = scan};
    vector_select_all(&ctx->vector);
}

void scan_context_lines(struct scan_context *ctx, const struct line_block *b)
{
    const struct store_query *q = ctx->query;
    struct vector *v = &ctx->vector;
    for (size_t i = 0; i < q->predicate_count && !vector_is_empty(v); i++)
        if (predicate_is_on_line(&q->predicates[i]))
            predicate_apply_lines(&q->predicates[i], v, b);
    if (q->projection & PROJECT_LINE && !vector_is_empty(v))
        scan_context_project(ctx, b);
}

void scan_context_project(struct scan_context *ctx, const struct line_block *b)
{
    for (uint32_t r = 0; r < ctx->vector.row_count; r++)
        ctx->lines[r] = line_block_get(b, r);
    ctx->vector.line = (struct column){.kind = COLUMN_PLAIN, .values = ctx->lines};
}
