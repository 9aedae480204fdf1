/* aggregate.c - sum, avg, min, max, count, stddev, stdvar, topk, bottomk, sort over the series of one step. */
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "query/matrix.h"

struct grouping {
    struct label_sets sets;
    uint32_t         *group; /* [operand->count] */
};

static bole_status group_rows(struct eval *e, const struct expr *x, const struct matrix *m, struct grouping *g)
{
    size_t widest = 0;
    for (size_t i = 0; i < m->count; i++)
        widest = m->rows[i].label_count > widest ? m->rows[i].label_count : widest;
    struct label *room = arena_array(e->arena, widest + 1, sizeof *room);
    g->sets = (struct label_sets){.arena = e->arena};
    g->group = arena_array(e->arena, m->count + 1, sizeof *g->group);
    if (!room || !g->group)
        return eval_out_of_memory(e);
    for (size_t i = 0; i < m->count; i++) {
        const struct matrix_row *row = &m->rows[i];
        size_t n = x->grouping
                       ? labels_reduce(row->labels, row->label_count, x->grouping->names, !x->grouping->without, room)
                       : 0;
        if (x->grouping && x->grouping->without)
            n = labels_drop_empty(room, n); /* `by` shows them */
        g->group[i] = label_sets_intern(&g->sets, room, n);
        if (g->group[i] == LABEL_SET_NONE)
            return eval_out_of_memory(e);
    }
    return BOLE_OK;
}

/* One group at one step. */
struct state {
    double   value, mean;
    uint64_t count;
};

static void add(enum token_kind op, struct state *s, double v)
{
    double delta;
    s->count++;
    switch (op) {
    case TOKEN_SUM: s->value += v; break;
    case TOKEN_AVG: s->mean += (v - s->mean) / (double)s->count; break;
    case TOKEN_MAX: s->value = s->count == 1 || s->value < v || isnan(s->value) ? v : s->value; break;
    case TOKEN_MIN: s->value = s->count == 1 || s->value > v || isnan(s->value) ? v : s->value; break;
    case TOKEN_STDDEV: case TOKEN_STDVAR:
        if (s->count == 1) { /* one value alone does not deviate, not even NaN */
            s->mean = v;
            break;
        }
        delta = v - s->mean;
        s->mean += delta / (double)s->count;
        s->value += delta * (v - s->mean);
        break;
    default: break;
    }
}

static double result(enum token_kind op, const struct state *s)
{
    switch (op) {
    case TOKEN_AVG: return s->mean;
    case TOKEN_COUNT: return (double)s->count;
    case TOKEN_STDDEV: return sqrt(s->value / (double)s->count);
    case TOKEN_STDVAR: return s->value / (double)s->count;
    default: return s->value;
    }
}

static bole_status reduce(struct eval *e, const struct expr *x, const struct matrix *m, const struct grouping *g,
                          struct matrix *ret)
{
    struct state *states = arena_array(e->arena, g->sets.count * e->steps + 1, sizeof *states);
    if (!states)
        return eval_out_of_memory(e);
    for (size_t i = 0; i < m->count; i++)
        for (size_t k = 0; k < e->steps; k++)
            if (matrix_has(&m->rows[i], k))
                add(x->op, &states[g->group[i] * e->steps + k], m->rows[i].values[k]);
    for (size_t i = 0; i < g->sets.count; i++) {
        struct matrix_row *row = matrix_add(e, ret, g->sets.sets[i].labels, g->sets.sets[i].count);
        if (!row)
            return BOLE_E_LIMIT;
        for (size_t k = 0; k < e->steps; k++)
            if (states[i * e->steps + k].count)
                matrix_set(row, k, result(x->op, &states[i * e->steps + k]));
    }
    return BOLE_OK;
}

/* ---- topk, bottomk, sort ---- */

struct candidate {
    double   value;
    uint32_t group;
    uint32_t row;
};

/* Any number goes before NaN, whatever the order of the numbers. */
static int cmp_values(double a, double b, bool descending)
{
    if (isnan(a) || isnan(b))
        return isnan(a) - isnan(b);
    int c = (a > b) - (a < b);
    return descending ? -c : c;
}

static int cmp_candidates(const void *x, const void *y, bool descending)
{
    const struct candidate *a = x, *b = y;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    int c = cmp_values(a->value, b->value, descending);
    return c ? c : (a->row > b->row) - (a->row < b->row);
}

static int cmp_descending(const void *a, const void *b) { return cmp_candidates(a, b, true); }
static int cmp_ascending(const void *a, const void *b) { return cmp_candidates(a, b, false); }

/* The first k of each group at each step, with all their labels. */
static bole_status pick(struct eval *e, const struct expr *x, const struct matrix *m, const struct grouping *g,
                        struct matrix *ret)
{
    struct candidate *c = arena_array(e->arena, m->count + 1, sizeof *c);
    for (size_t i = 0; i < m->count && c; i++)
        if (!matrix_add(e, ret, m->rows[i].labels, m->rows[i].label_count))
            return BOLE_E_LIMIT;
    if (!c)
        return eval_out_of_memory(e);
    for (size_t k = 0; k < e->steps; k++) {
        size_t n = 0, rank = 0;
        for (size_t i = 0; i < m->count; i++)
            if (matrix_has(&m->rows[i], k))
                c[n++] = (struct candidate){m->rows[i].values[k], g->group[i], (uint32_t)i};
        qsort(c, n, sizeof *c, x->op == TOKEN_BOTTOMK ? cmp_ascending : cmp_descending);
        for (size_t i = 0; i < n; i++) {
            rank = i && c[i].group == c[i - 1].group ? rank + 1 : 0;
            if ((double)rank < x->number)
                matrix_set(&ret->rows[c[i].row], k, c[i].value);
        }
    }
    return BOLE_OK;
}

/* Orders an instant vector; over a range there is no order to give. */
static bole_status sort(struct eval *e, const struct expr *x, const struct matrix *m, struct matrix *ret)
{
    *ret = *m;
    struct candidate *c = arena_array(e->arena, m->count + 1, sizeof *c);
    struct matrix_row *rows = arena_array(e->arena, m->count + 1, sizeof *rows);
    size_t n = 0;
    if (!c || !rows)
        return eval_out_of_memory(e);
    if (e->request->step_ns > 0)
        return BOLE_OK;
    for (size_t i = 0; i < m->count; i++)
        if (matrix_has(&m->rows[i], 0))
            c[n++] = (struct candidate){m->rows[i].values[0], 0, (uint32_t)i};
    qsort(c, n, sizeof *c, x->op == TOKEN_SORT ? cmp_ascending : cmp_descending);
    for (size_t i = 0; i < n; i++)
        rows[i] = m->rows[c[i].row];
    *ret = (struct matrix){.rows = rows, .count = n, .cap = m->count + 1, .is_ordered = true};
    return BOLE_OK;
}

bole_status eval_aggregate(struct eval *e, const struct expr *x, const struct matrix *operand, struct matrix *ret)
{
    struct grouping g;
    if (operand->is_scalar)
        return eval_not_a_vector(e);
    if (x->op == TOKEN_APPROX_TOPK && e->request->step_ns > 0)
        return bole_fail(e->err, BOLE_E_CONFLICT, "count min sketches are only supported on instant queries");
    if (x->op == TOKEN_SORT || x->op == TOKEN_SORT_DESC)
        return sort(e, x, operand, ret);
    bole_status st = group_rows(e, x, operand, &g);
    if (st < 0)
        return st;
    if (x->op == TOKEN_TOPK || x->op == TOKEN_BOTTOMK || x->op == TOKEN_APPROX_TOPK)
        return pick(e, x, operand, &g, ret);
    return reduce(e, x, operand, &g, ret);
}
