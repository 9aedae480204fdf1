/*
 * binary.c - arithmetic, comparison and set operators between scalars and vectors.
 *
 * Rows of both sides are put into groups by the labels that matching looks at, once; then each step looks only at the
 * rows of a group that have a value there. Errors of matching are per step, as in Loki: two series that never meet at
 * one step do not clash.
 */
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "query/matrix.h"

/* a^b as Go has it, last digit and all: the whole part of b by squaring, the rest by way of the logarithm. */
static double power(double a, double b)
{
    double whole, rest = modf(fabs(b), &whole), result = 1;
    if (!isfinite(a) || !isfinite(b) || a == 0 || whole >= 0x1p62 || fabs(b) == 0.5 || (a < 0 && rest != 0))
        return fabs(b) == 0.5 && a > 0 && isfinite(a) ? b > 0 ? sqrt(a) : 1 / sqrt(a) : pow(a, b);
    if (rest > 0.5) {
        rest--;
        whole++;
    }
    if (rest != 0)
        result = exp(rest * log(a));
    int power, exponent = 0;
    double square = frexp(a, &power);
    long result_power = 0, square_power = power;
    for (int64_t n = (int64_t)whole; n; n >>= 1) {
        if (labs(square_power) > 1 << 12) { /* no double any more, whatever follows */
            result_power += square_power;
            break;
        }
        if (n & 1) {
            result *= square;
            result_power += square_power;
        }
        square *= square;
        square_power *= 2;
        if (fabs(square) < 0.5) {
            square += square;
            square_power--;
        }
    }
    if (b < 0) {
        result = 1 / result;
        result_power = -result_power;
    }
    exponent = result_power > 1 << 14 ? 1 << 14 : result_power < -(1 << 14) ? -(1 << 14) : (int)result_power;
    return ldexp(result, exponent);
}

/* What the operator makes of two values; false: a comparison that does not hold. */
static bool apply(enum token_kind op, double a, double b, double *ret)
{
    switch (op) {
    case TOKEN_ADD: *ret = a + b; return true;
    case TOKEN_SUB: *ret = a - b; return true;
    case TOKEN_MUL: *ret = a * b; return true;
    case TOKEN_DIV: *ret = b == 0 ? NAN : a / b; return true; /* Loki: NaN, never Inf */
    case TOKEN_MOD: *ret = b == 0 ? NAN : fmod(a, b); return true;
    case TOKEN_POW: *ret = power(a, b); return true;
    case TOKEN_CMP_EQ: return a == b;
    case TOKEN_NEQ: return a != b;
    case TOKEN_GT: return a > b;
    case TOKEN_GTE: return a >= b;
    case TOKEN_LT: return a < b;
    case TOKEN_LTE: return a <= b;
    default: return false;
    }
}

static bool is_comparison(enum token_kind op)
{
    return op == TOKEN_NEQ || (op >= TOKEN_CMP_EQ && op <= TOKEN_LTE);
}

/* The value of the result; `kept` is what a comparison that holds returns. False: nothing at this step. */
static bool merge(const struct expr *x, double a, double b, double kept, double *ret)
{
    double value = kept;
    bool holds = apply(x->op, a, b, &value);
    if (is_comparison(x->op) && x->return_bool) {
        *ret = holds;
        return true;
    }
    *ret = value;
    return holds;
}

static bole_status scalar_and_vector(struct eval *e, const struct expr *x, const struct matrix *left,
                                     const struct matrix *right, struct matrix *ret)
{
    const struct matrix *vector = left->is_scalar ? right : left;
    for (size_t i = 0; i < vector->count; i++) {
        const struct matrix_row *from = &vector->rows[i];
        struct matrix_row *row = matrix_add(e, ret, from->labels, from->label_count);
        if (!row)
            return BOLE_E_LIMIT;
        for (size_t k = 0; k < e->steps; k++) {
            double v = from->values[k], value;
            if (matrix_has(from, k) &&
                merge(x, left->is_scalar ? left->scalar : v, right->is_scalar ? right->scalar : v, v, &value))
                matrix_set(row, k, value);
        }
    }
    return BOLE_OK;
}

/* ---- vector and vector ---- */

struct rows { /* of one side in one group */
    uint32_t *index;
    size_t    count;
};

struct side {
    const struct matrix *m;
    uint32_t            *group; /* [m->count] */
    struct rows         *rows;  /* [groups] */
};

struct join {
    struct label_sets sets; /* group: the labels that matching looks at */
    struct side       left, right;
    struct label     *room;
};

/* To matching a label with an empty value is none. */
static size_t drop_empty(struct label *labels, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (labels[i].value.len)
            labels[n++] = labels[i];
    return n;
}

static bole_status assign_groups(struct eval *e, const struct expr *x, struct join *j, struct side *side)
{
    side->group = arena_array(e->arena, side->m->count + 1, sizeof *side->group);
    if (!side->group)
        return eval_out_of_memory(e);
    for (size_t i = 0; i < side->m->count; i++) {
        const struct matrix_row *row = &side->m->rows[i];
        const struct ast_pair *names = x->matching ? x->matching->names : NULL;
        size_t n = labels_reduce(row->labels, row->label_count, names, x->matching && x->matching->on, j->room);
        side->group[i] = label_sets_intern(&j->sets, j->room, drop_empty(j->room, n));
        if (side->group[i] == LABEL_SET_NONE)
            return eval_out_of_memory(e);
    }
    return BOLE_OK;
}

static bole_status list_rows(struct eval *e, const struct join *j, struct side *side)
{
    uint32_t *all = arena_array(e->arena, side->m->count + 1, sizeof *all);
    side->rows = arena_array(e->arena, j->sets.count + 1, sizeof *side->rows);
    if (!all || !side->rows)
        return eval_out_of_memory(e);
    for (size_t i = 0; i < side->m->count; i++)
        side->rows[side->group[i]].count++;
    for (size_t g = 0; g < j->sets.count; g++) {
        side->rows[g].index = all;
        all += side->rows[g].count;
        side->rows[g].count = 0;
    }
    for (size_t i = 0; i < side->m->count; i++) {
        struct rows *r = &side->rows[side->group[i]];
        r->index[r->count++] = (uint32_t)i;
    }
    return BOLE_OK;
}

static bole_status join_sides(struct eval *e, const struct expr *x, const struct matrix *left,
                              const struct matrix *right, struct join *j)
{
    size_t widest = 0;
    *j = (struct join){.sets = {.arena = e->arena}, .left = {.m = left}, .right = {.m = right}};
    for (size_t i = 0; i < left->count; i++)
        widest = left->rows[i].label_count > widest ? left->rows[i].label_count : widest;
    for (size_t i = 0; i < right->count; i++)
        widest = right->rows[i].label_count > widest ? right->rows[i].label_count : widest;
    j->room = arena_array(e->arena, 2 * widest + 1, sizeof *j->room);
    if (!j->room)
        return eval_out_of_memory(e);
    bole_status st = assign_groups(e, x, j, &j->left);
    st = st < 0 ? st : assign_groups(e, x, j, &j->right);
    st = st < 0 ? st : list_rows(e, j, &j->left);
    return st < 0 ? st : list_rows(e, j, &j->right);
}

/* For each group the steps at which it has a row; NULL: no memory. */
static uint64_t *steps_present(struct eval *e, const struct join *j, const struct side *side)
{
    size_t words = e->steps / 64 + 1;
    uint64_t *there = arena_array(e->arena, j->sets.count * words + 1, sizeof *there);
    for (size_t i = 0; i < side->m->count && there; i++)
        for (size_t w = 0; w < words; w++)
            there[side->group[i] * words + w] |= side->m->rows[i].present[w];
    return there;
}

enum where { WHERE_THERE, WHERE_NOT_THERE, EVERYWHERE };

/* Rows of `side` at the steps where the other side has (or has not) a row of the same group. */
static bole_status copy_where(struct eval *e, const struct join *j, const struct side *side, const struct side *other,
                              enum where where, struct matrix *ret)
{
    size_t words = e->steps / 64 + 1;
    uint64_t *there = steps_present(e, j, other);
    if (!there)
        return eval_out_of_memory(e);
    for (size_t i = 0; i < side->m->count; i++) {
        const struct matrix_row *from = &side->m->rows[i];
        struct matrix_row *row = matrix_add(e, ret, from->labels, from->label_count);
        if (!row)
            return BOLE_E_LIMIT;
        memcpy(row->values, from->values, e->steps * sizeof *row->values);
        for (size_t w = 0; w < words; w++) {
            uint64_t bits = there[side->group[i] * words + w];
            row->present[w] = from->present[w] & (where == EVERYWHERE ? ~0ull : where == WHERE_THERE ? bits : ~bits);
        }
    }
    return BOLE_OK;
}

static bole_status set_operation(struct eval *e, const struct expr *x, const struct join *j, struct matrix *ret)
{
    if (x->op == TOKEN_AND || x->op == TOKEN_UNLESS)
        return copy_where(e, j, &j->left, &j->right, x->op == TOKEN_AND ? WHERE_THERE : WHERE_NOT_THERE, ret);
    bole_status st = copy_where(e, j, &j->left, &j->right, EVERYWHERE, ret);
    return st < 0 ? st : copy_where(e, j, &j->right, &j->left, WHERE_NOT_THERE, ret);
}

/* The labels of the many side, with those that group_left (x) brings from the one side; what that lacks is deleted. */
static size_t include_labels(const struct expr *x, const struct matrix_row *many, const struct matrix_row *one,
                             struct label *room)
{
    size_t n = drop_empty(room, labels_reduce(many->labels, many->label_count, x->matching->include, false, room));
    for (const struct ast_pair *name = x->matching->include; name; name = name->next) {
        const struct label *l = label_set_find(one->labels, one->label_count, name->name);
        if (l && l->value.len && !label_set_find(room, n, name->name))
            room[n++] = *l;
    }
    labels_sort(room, n);
    return n;
}

struct output { /* rows of the result that one group made */
    uint32_t row;
    size_t   matched_step; /* step + 1 */
};

static bole_status fail_matching(struct eval *e, const char *text)
{
    return bole_fail(e->err, BOLE_E_CONFLICT, "%s", text);
}

struct match_group {
    const struct expr *x;
    struct join       *j;
    const struct side *many, *one; /* one-to-one: left and right */
    uint32_t           group;
    struct label_sets  sets;       /* labels of the outputs, by number */
    struct output     *outputs;    /* [output_cap], by the same number */
    size_t             output_cap;
    uint32_t          *last_one;   /* per row of the many side: the one side's row it met last, + 1 */
    uint32_t          *last_output;
};

static bole_status begin_group(struct eval *e, struct match_group *g, uint32_t group)
{
    size_t many = g->many->rows[group].count;
    g->group = group;
    g->sets = (struct label_sets){.arena = e->arena};
    g->last_one = arena_array(e->arena, many + 1, sizeof *g->last_one);
    g->last_output = arena_array(e->arena, many + 1, sizeof *g->last_output);
    return g->last_one && g->last_output ? BOLE_OK : eval_out_of_memory(e);
}

static bole_status add_output(struct eval *e, struct match_group *g, uint32_t number, struct matrix *ret)
{
    if (number >= g->output_cap) {
        size_t cap = g->output_cap ? g->output_cap * 2 : 8;
        struct output *p = arena_grow(e->arena, g->outputs, g->output_cap * sizeof *p, cap * sizeof *p);
        if (!p)
            return eval_out_of_memory(e);
        g->outputs = p;
        g->output_cap = cap;
    }
    if (!matrix_add(e, ret, g->sets.sets[number].labels, g->sets.sets[number].count))
        return BOLE_E_LIMIT;
    g->outputs[number] = (struct output){(uint32_t)ret->count - 1, 0};
    return BOLE_OK;
}

/* The output row of a pair of rows, made when its labels are new. `at` is the many row's place in its group. */
static bole_status find_output(struct eval *e, struct match_group *g, size_t at, uint32_t one, struct matrix *ret,
                               struct output **ret_output)
{
    const struct matrix_row *m = &g->many->m->rows[g->many->rows[g->group].index[at]], *o = &g->one->m->rows[one];
    bool one_to_one = !g->x->matching || g->x->matching->cardinality == MATCH_ONE_TO_ONE;
    const struct label_set *group = &g->j->sets.sets[g->group];
    if (g->last_one[at] != one + 1) {
        size_t before = g->sets.count, n = one_to_one ? group->count : include_labels(g->x, m, o, g->j->room);
        uint32_t number = label_sets_intern(&g->sets, one_to_one ? group->labels : g->j->room, n);
        if (number == LABEL_SET_NONE)
            return eval_out_of_memory(e);
        bole_status st = g->sets.count > before ? add_output(e, g, number, ret) : BOLE_OK;
        if (st < 0)
            return st;
        g->last_one[at] = one + 1;
        g->last_output[at] = number;
    }
    *ret_output = &g->outputs[g->last_output[at]];
    return BOLE_OK;
}

static bole_status match_pair(struct eval *e, struct match_group *g, size_t at, uint32_t one, size_t step,
                              struct matrix *ret)
{
    const struct matrix_row *m = &g->many->m->rows[g->many->rows[g->group].index[at]], *o = &g->one->m->rows[one];
    bool one_to_one = !g->x->matching || g->x->matching->cardinality == MATCH_ONE_TO_ONE;
    bool swapped = g->many == &g->j->right;
    struct output *out = NULL;
    bole_status st = find_output(e, g, at, one, ret, &out);
    if (st < 0)
        return st;
    if (out->matched_step == step + 1)
        return fail_matching(
            e, one_to_one
                   ? "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                   : "multiple matches for labels: grouping labels must ensure unique matches");
    out->matched_step = step + 1;
    double left = swapped ? o->values[step] : m->values[step], right = swapped ? m->values[step] : o->values[step],
           value;
    if (merge(g->x, left, right, left, &value)) /* a comparison returns the left side's value, whichever side is many */
        matrix_set(&ret->rows[out->row], step, value);
    return BOLE_OK;
}

static bole_status match_step(struct eval *e, struct match_group *g, size_t step, struct matrix *ret)
{
    const struct rows *one_rows = &g->one->rows[g->group], *many_rows = &g->many->rows[g->group];
    uint32_t one = UINT32_MAX;
    for (size_t i = 0; i < one_rows->count; i++) {
        if (!matrix_has(&g->one->m->rows[one_rows->index[i]], step))
            continue;
        if (one != UINT32_MAX)
            return fail_matching(e, g->one == &g->j->right
                                        ? "found duplicate series on the right hand-side;many-to-many matching not "
                                          "allowed: matching labels must be unique on one side"
                                        : "found duplicate series on the left hand-side;many-to-many matching not "
                                          "allowed: matching labels must be unique on one side");
        one = one_rows->index[i];
    }
    bole_status st = BOLE_OK;
    for (size_t i = 0; i < many_rows->count && st == BOLE_OK && one != UINT32_MAX; i++)
        if (matrix_has(&g->many->m->rows[many_rows->index[i]], step))
            st = match_pair(e, g, i, one, step, ret);
    return st;
}

static bole_status match_vectors(struct eval *e, const struct expr *x, struct join *j, struct matrix *ret)
{
    bool group_right = x->matching && x->matching->cardinality == MATCH_GROUP_RIGHT;
    struct match_group g = {.x = x, .j = j, .many = group_right ? &j->right : &j->left,
                            .one = group_right ? &j->left : &j->right};
    bole_status st = BOLE_OK;
    for (uint32_t group = 0; group < j->sets.count && st == BOLE_OK; group++) {
        st = begin_group(e, &g, group);
        for (size_t k = 0; k < e->steps && st == BOLE_OK; k++)
            st = match_step(e, &g, k, ret);
        if (st == BOLE_OK && e->request->cancelled && e->request->cancelled(e->request->cancelled_ctx))
            st = bole_fail(e->err, BOLE_E_CANCELLED, "the query was cancelled");
    }
    return st;
}

bole_status eval_binary(struct eval *e, const struct expr *x, const struct matrix *left, const struct matrix *right,
                        struct matrix *ret)
{
    if (left->is_scalar && right->is_scalar) {
        double value = 0;
        bool holds = apply(x->op, left->scalar, right->scalar, &value);
        *ret = (struct matrix){.is_scalar = true, .scalar = is_comparison(x->op) ? holds : value};
        return BOLE_OK;
    }
    if (left->is_scalar || right->is_scalar)
        return scalar_and_vector(e, x, left, right, ret);
    struct join j;
    bole_status st = join_sides(e, x, left, right, &j);
    if (st < 0)
        return st;
    if (x->op == TOKEN_AND || x->op == TOKEN_OR || x->op == TOKEN_UNLESS)
        return set_operation(e, x, &j, ret);
    return match_vectors(e, x, &j, ret);
}
