/*
 * check.c - what is wrong with a query whose syntax is right. The parser leaves it in the tree, and it is told when the whole has
 * been read, in the order in which Loki comes upon it: metric queries from outside to inside, then stages as they run. Line
 * filters that run one after the other are one stage to Loki, which looks at the last of them first.
 */
#include "base/err.h"
#include "query/parser.h"
#include "query/pipeline.h"
#include "query/set/ast_set.h"

static const struct bole_err *check_expr(const struct expr *e)
{
    if (!e || e->wrong)
        return e ? e->wrong : NULL;
    if (e->log.wrong)
        return e->log.wrong;
    const struct bole_err *wrong = check_expr(e->left);
    for (const struct ast_set *s = e->log.sets; s && !wrong; s = s->next)
        wrong = check_expr(s->subquery);
    return wrong ? wrong : check_expr(e->right);
}

static const struct bole_err *stage_wrong(const struct ast_stage *s)
{
    return s->wrong ? s->wrong : s->filter ? s->filter->wrong : NULL;
}

/* Those from `from` on that are one to Loki. */
static size_t together(const struct ast_stage *const *stages, size_t from, size_t count)
{
    size_t to = from + 1;
    while (to < count && stages[from]->kind == STAGE_LINE_FILTER && stages[to]->kind == STAGE_LINE_FILTER)
        to++;
    return to;
}

static bole_status refuse(const struct ast_stage *const *stages, size_t count, const struct bole_err *wrong,
                          struct budget *budget, struct bole_err *err)
{
    char quoted[sizeof err->msg];
    size_t room = sizeof "parse error : stage '' : " + strlen(wrong->msg);
    struct buf text;
    buf_init(&text, budget);
    for (size_t i = 0; i < count; i++) {
        buf_put(&text, i ? S(" ") : S(""));
        ast_print_stage(stages[i], &text);
    }
    /* Whole where that leaves room for the reason, which may quote as much again. */
    err_print(quoted, text.len + room <= sizeof err->msg ? sizeof quoted : 256, "%.*s", BOLE_SLICE_ARG(buf_slice(&text)));
    buf_deinit(&text);
    return bole_fail(err, wrong->code, "parse error : stage '%s' : %s", quoted, wrong->msg);
}

/* lines_count: the line itself is part of the answer. */
static bole_status check_stages(const struct ast_stage *first, bool lines_count, struct arena *arena, struct bole_err *err)
{
    size_t count;
    const struct ast_stage **stages = pipeline_order(first, arena, &count);
    if (!stages)
        return bole_fail(err, BOLE_E_LIMIT, "parse error : memory limit of the query reached while parsing");
    for (size_t from = 0, to; from < count; from = to) {
        to = together(stages, from, count);
        for (size_t i = to; i-- > from;)
            if (stage_wrong(stages[i]) && (lines_count || !stage_is_idle_format(stages[i])))
                return refuse(stages + from, to - from, stage_wrong(stages[i]), arena->budget, err);
    }
    return BOLE_OK;
}

static bole_status check_pipelines(const struct expr *e, struct arena *arena, struct bole_err *err)
{
    if (!e)
        return BOLE_OK;
    bool lines_count = e->kind != EXPR_RANGE || e->op == TOKEN_BYTES_OVER_TIME || e->op == TOKEN_BYTES_RATE;
    bole_status st = check_stages(e->log.stages, lines_count, arena, err);
    for (const struct ast_set *s = e->log.sets; s && st == BOLE_OK; s = s->next) {
        st = check_pipelines(s->subquery, arena, err);
        st = st == BOLE_OK ? check_stages(s->stages, true, arena, err) : st;
    }
    st = st == BOLE_OK ? check_pipelines(e->left, arena, err) : st;
    return st == BOLE_OK ? check_pipelines(e->right, arena, err) : st;
}

bole_status ast_check(const struct expr *e, struct budget *budget, struct bole_err *err)
{
    const struct bole_err *wrong = check_expr(e);
    if (wrong)
        return bole_fail(err, wrong->code, "parse error : %s", wrong->msg);
    struct arena work;
    arena_init(&work, budget);
    bole_status st = check_pipelines(e, &work, err);
    arena_deinit(&work);
    return st;
}
