#include "base/err.h"
#include "query/exec.h"
#include "query/source.h"

static bole_status refuse(struct bole_err *err)
{
    return bole_fail(err, BOLE_E_INVALID,
                     "a delete takes a selector and line filters of one text each, {app=\"web\"} |= \"text\", and nothing else");
}

static bole_status take_filter(const struct ast_stage *stage, struct store_predicate *ret_predicate, struct bole_err *err)
{
    static const enum store_predicate_kind kinds[] = {[LINE_CONTAINS] = PREDICATE_LINE_CONTAINS,
                                                      [LINE_NOT_CONTAINS] = PREDICATE_LINE_NOT_CONTAINS,
                                                      [LINE_MATCHES] = PREDICATE_LINE_MATCHES,
                                                      [LINE_NOT_MATCHES] = PREDICATE_LINE_NOT_MATCHES};
    const struct ast_needle *n = stage->needles;
    if (stage->kind != STAGE_LINE_FILTER || stage->line_op > LINE_NOT_MATCHES || !n || n->next || n->is_ip || n->pattern)
        return refuse(err);
    *ret_predicate = (struct store_predicate){.kind = kinds[stage->line_op], .value = n->text, .regex = n->regex};
    return BOLE_OK;
}

bole_status query_delete_filters(struct query *q, struct store_delete_request *ret_request, struct bole_err *err)
{
    struct ast *ast = q->ast;
    size_t count = 0, matcher_count;
    bole_status st = BOLE_OK;
    if (query_type(q) != QUERY_LOG || ast->root->log.sets)
        return refuse(err);
    for (const struct ast_stage *s = ast->root->log.stages; s; s = s->next)
        count++;
    struct store_matcher *matchers = source_matchers(ast->root->log.matchers, &ast->arena, &matcher_count);
    struct store_predicate *predicates = arena_array(&ast->arena, count + 1, sizeof *predicates);
    if (!matchers || !predicates)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the query");
    count = 0;
    for (const struct ast_stage *s = ast->root->log.stages; st >= 0 && s; s = s->next)
        st = take_filter(s, &predicates[count++], err);
    if (st < 0)
        return st;
    ret_request->matchers = matchers;
    ret_request->matcher_count = matcher_count;
    ret_request->predicates = predicates;
    ret_request->predicate_count = count;
    return BOLE_OK;
}
