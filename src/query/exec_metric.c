/* exec_metric.c - evaluating a metric query: the tree from its leaves up, every node over all steps at once. */
#include "base/clock.h"
#include "base/err.h"
#include "query/exec.h"
#include "query/matrix.h"
#include "query/source.h"
#include "query/text.h"

bole_status eval_not_a_vector(struct eval *e)
{
    return bole_fail(e->err, BOLE_E_CONFLICT,
                     "unexpected expr type (*syntax.LiteralExpr) for Evaluator type (*logql.DefaultEvaluator) ");
}

bole_status eval_label_replace(struct eval *e, const struct expr *x, const struct matrix *operand, struct matrix *ret)
{
    size_t group_count = regex_group_count(x->regex) + 1;
    *ret = *operand;
    if (operand->is_scalar)
        return eval_not_a_vector(e);
    ret->rows = arena_array(e->arena, operand->count + 1, sizeof *ret->rows);
    ret->cap = operand->count + 1;
    for (size_t i = 0; i < operand->count && ret->rows; i++) {
        bole_slice groups[REGEX_GROUPS_MAX + 1];
        struct matrix_row *row = &ret->rows[i];
        *row = operand->rows[i];
        const struct label *source = label_set_find(row->labels, row->label_count, x->source);
        if (!regex_find(x->regex, source ? source->value : S(""), 0, groups, group_count))
            continue;
        struct text value = text_begin(e->arena, LABEL_VALUE_MAX * 16);
        text_put_expanded(&value, x->replacement, x->regex, groups, group_count);
        struct label *labels = arena_array(e->arena, row->label_count + 1, sizeof *labels);
        if (!labels || value.failed)
            return eval_out_of_memory(e);
        struct ast_pair destination = {.name = x->destination};
        row->label_count = labels_reduce(row->labels, row->label_count, &destination, false, labels);
        if (value.len) /* an empty value deletes the label */
            labels[row->label_count++] = (struct label){x->destination, text_slice(&value)};
        row->label_count = labels_drop_empty(labels, row->label_count);
        labels_sort(labels, row->label_count);
        row->labels = labels;
    }
    return ret->rows ? BOLE_OK : eval_out_of_memory(e);
}

static bole_status eval_vector(struct eval *e, double value, struct matrix *ret)
{
    struct matrix_row *row = matrix_add(e, ret, NULL, 0);
    if (!row)
        return BOLE_E_LIMIT;
    for (size_t k = 0; k < e->steps; k++)
        matrix_set(row, k, value);
    return BOLE_OK;
}

/*
 * Does Loki take the windows of this instant query apart into hours? It adds them up again with sum without (), which loses labels
 * whose value is empty (range.c). One part that cannot be taken apart keeps the whole as it is.
 */
static bool splits_hours(const struct expr *x)
{
    static const enum token_kind aggregates[] = {TOKEN_SUM, TOKEN_COUNT, TOKEN_MAX, TOKEN_MIN, TOKEN_AVG, TOKEN_TOPK, TOKEN_SORT, TOKEN_SORT_DESC},
        ranges[] = {TOKEN_RATE, TOKEN_BYTES_RATE, TOKEN_BYTES_OVER_TIME, TOKEN_COUNT_OVER_TIME, TOKEN_SUM_OVER_TIME, TOKEN_MAX_OVER_TIME,
                    TOKEN_MIN_OVER_TIME};
    bool found = false;
    switch (x->kind) {
    case EXPR_RANGE:
        for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
            found |= x->op == ranges[i];
        return found && x->range_ns > 3600 * NS_PER_S;
    case EXPR_AGGREGATE:
        for (size_t i = 0; i < sizeof aggregates / sizeof *aggregates; i++)
            found |= x->op == aggregates[i];
        return found && splits_hours(x->left);
    case EXPR_LABEL_REPLACE: return splits_hours(x->left);
    case EXPR_BINARY:
        return (x->left->kind == EXPR_LITERAL || splits_hours(x->left)) && (x->right->kind == EXPR_LITERAL || splits_hours(x->right));
    case EXPR_LITERAL: case EXPR_VECTOR: case EXPR_LOG: break;
    }
    return false;
}

/* Functions over which sum by (...) can be pushed down: sums of them are again sums. */
static bool can_push_sum(const struct expr *x)
{
    const struct expr *range = x->left;
    return x->op == TOKEN_SUM && range->kind == EXPR_RANGE && !range->grouping &&
           (range->op == TOKEN_RATE || range->op == TOKEN_COUNT_OVER_TIME || range->op == TOKEN_BYTES_OVER_TIME ||
            range->op == TOKEN_BYTES_RATE || range->op == TOKEN_SUM_OVER_TIME);
}

static bole_status eval_unary(struct eval *e, const struct expr *x, struct matrix *ret)
{
    struct matrix operand = {0};
    static const struct ast_grouping everything = {0};
    bole_status st;
    if (x->kind == EXPR_AGGREGATE && can_push_sum(x))
        st = eval_range(e, x->left, x->grouping ? x->grouping : &everything, &operand);
    else
        st = eval_expr(e, x->left, &operand);
    if (st < 0)
        return st;
    return x->kind == EXPR_AGGREGATE ? eval_aggregate(e, x, &operand, ret) : eval_label_replace(e, x, &operand, ret);
}

bole_status eval_expr(struct eval *e, const struct expr *x, struct matrix *ret)
{
    struct matrix left = {0}, right = {0};
    bole_status st;
    *ret = (struct matrix){0};
    switch (x->kind) {
    case EXPR_LITERAL: *ret = (struct matrix){.is_scalar = true, .scalar = x->number}; return BOLE_OK;
    case EXPR_VECTOR: return eval_vector(e, x->number, ret);
    case EXPR_RANGE: return eval_range(e, x, NULL, ret);
    case EXPR_AGGREGATE: case EXPR_LABEL_REPLACE: return eval_unary(e, x, ret);
    case EXPR_BINARY:
        st = eval_expr(e, x->left, &left);
        st = st < 0 ? st : eval_expr(e, x->right, &right);
        return st < 0 ? st : eval_binary(e, x, &left, &right, ret);
    case EXPR_LOG: break;
    }
    return bole_fail(e->err, BOLE_E_INVALID, "a log query has no value");
}

/* ---- the result ---- */

static bool overlaps(const struct matrix_row *a, const struct matrix_row *b, size_t steps)
{
    for (size_t w = 0; w <= steps / 64; w++)
        if (a->present[w] & b->present[w])
            return true;
    return false;
}

/* Over a range, rows with equal labels that never meet (the two sides of `or`) are one series. */
static void merge_rows(const struct eval *e, struct matrix *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->count; i++) {
        struct matrix_row *last = n ? &m->rows[n - 1] : NULL, *row = &m->rows[i];
        if (!last || matrix_row_cmp(last, row) != 0 || overlaps(last, row, e->steps)) {
            m->rows[n++] = *row;
            continue;
        }
        for (size_t k = 0; k < e->steps; k++)
            if (matrix_has(row, k))
                matrix_set(last, k, row->values[k]);
    }
    m->count = n;
}

static bool copy_series(const struct eval *e, const struct matrix_row *row, struct arena *arena,
                        struct query_series *ret)
{
    struct label_sets copy = {.arena = arena};
    size_t points = 0;
    for (size_t w = 0; w <= e->steps / 64; w++)
        points += (size_t)__builtin_popcountll(row->present[w]);
    ret->points = arena_array(arena, points + 1, sizeof *ret->points);
    if (!ret->points || label_sets_intern(&copy, row->labels, row->label_count) == LABEL_SET_NONE)
        return false;
    ret->labels = copy.sets[0].labels;
    ret->label_count = row->label_count;
    for (size_t k = 0; k < e->steps; k++)
        if (matrix_has(row, k))
            ret->points[ret->point_count++] = (struct query_point){e->start_ns + (int64_t)k * e->step_ns, row->values[k] + 0.0};
    return true;
}

static bole_status build_result(struct eval *e, struct matrix *m, struct query_result *result)
{
    bool is_range = e->request->step_ns > 0;
    if (m->is_scalar && !is_range) {
        result->type = QUERY_SCALAR;
        result->scalar = (struct query_point){e->start_ns, m->scalar};
        return BOLE_OK;
    }
    if (m->is_scalar) {
        double value = m->scalar;
        *m = (struct matrix){0};
        if (eval_vector(e, value, m) < 0)
            return BOLE_E_LIMIT;
    }
    result->type = is_range ? QUERY_MATRIX : QUERY_VECTOR;
    result->series = arena_array(&result->arena, m->count + 1, sizeof *result->series);
    if (!result->series)
        return eval_out_of_memory(e);
    if (!m->is_ordered)
        matrix_sort(m);
    if (is_range)
        merge_rows(e, m);
    for (size_t i = 0; i < m->count; i++) {
        struct query_series *s = &result->series[result->series_count];
        if (!copy_series(e, &m->rows[i], &result->arena, s))
            return eval_out_of_memory(e);
        result->series_count += s->point_count > 0;
        if (s->point_count == 0)
            *s = (struct query_series){0};
    }
    return BOLE_OK;
}

bole_status exec_metric(const struct expr *x, const struct query_request *request, struct view *view,
                        struct query_result *result, struct bole_err *err)
{
    struct bole_err unwanted;
    struct arena arena;
    bool is_range = request->step_ns > 0;
    struct eval e = {
        .request = request, .view = view, .arena = &arena, .stats = &result->stats, .err = err ? err : &unwanted,
        .start_ns = is_range ? request->start_ns : request->end_ns, .step_ns = is_range ? request->step_ns : 1,
        .steps = 1,
    };
    e.splits_hours = !is_range && splits_hours(x);
    if (is_range)
        e.steps = (size_t)(((uint64_t)request->end_ns - (uint64_t)request->start_ns) / (uint64_t)request->step_ns) + 1;
    struct matrix m;
    arena_init(&arena, request->budget);
    bole_status st = eval_expr(&e, x, &m);
    if (st == BOLE_OK)
        st = build_result(&e, &m, result);
    arena_deinit(&arena);
    return st;
}
