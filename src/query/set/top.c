/* top.c - `| top 10 a, b`: the most frequent values and how often each came. Rows without any of them do not count. */
#include <stdio.h>
#include <stdlib.h>

#include "query/set/groups.h"
#include "query/set/set.h"

struct top {
    struct set_op    op;
    struct groups    groups; /* data: uint64_t, how many */
    struct set_cell *cells;
};

bole_slice set_top_count_name(const struct ast_set *set)
{
    for (const struct ast_column *c = set->columns; c; c = c->next)
        if (bole_slice_eq(c->name, S("count")))
            return S("times");
    return S("count");
}

static bole_status top_init(struct set_op *op, struct bole_err *err)
{
    struct top *t = (struct top *)op;
    size_t count = 1;
    for (const struct ast_column *c = op->set->columns; c; c = c->next)
        count++;
    groups_init(&t->groups, op->x->arena, sizeof(uint64_t));
    t->cells = arena_array(op->x->arena, count, sizeof *t->cells);
    return t->cells ? BOLE_OK : query_out_of_memory(op->x->request, err);
}

static void top_needs(const struct set_op *op, struct set_needs *needs)
{
    for (const struct ast_column *c = op->set->columns; c; c = c->next)
        set_needs_name(needs, c->name);
    needs->labels_decide = groups_are_of_labels(op->set->columns);
}

static bole_status top_row(struct set_op *op, const struct set_row *row, struct bole_err *err)
{
    struct top *t = (struct top *)op;
    struct group *g = groups_are_of_labels(op->set->columns) ? groups_get_series(&t->groups, row, op->set->columns)
                                                             : groups_get(&t->groups, row->row, op->set->columns);
    if (!g)
        return set_out_of_memory(op, t->groups.count, "different values",
                                 "name labels with fewer values, filter earlier, or narrow the time range", err);
    *(uint64_t *)g->data += set_row_count(row);
    return BOLE_OK;
}

static int cmp_counts(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)(*(struct group *const *)a)->data, y = *(const uint64_t *)(*(struct group *const *)b)->data;
    return x != y ? (x < y ? 1 : -1) : group_cmp(a, b);
}

/* The rows that have none of the labels. */
static bool is_absent(const struct group *g, const struct ast_column *columns)
{
    bole_slice key = g->key;
    for (; columns; columns = columns->next)
        if (group_next_value(&key).ptr)
            return false;
    return true;
}

static bole_status top_finish(struct set_op *op, struct bole_err *err)
{
    struct top *t = (struct top *)op;
    bole_status st = BOLE_OK;
    if (t->groups.count)
        qsort(t->groups.at, t->groups.count, sizeof *t->groups.at, cmp_counts);
    for (size_t i = 0, rank = 0; i < t->groups.count && rank < op->set->count && st == BOLE_OK; i++) {
        const struct group *g = t->groups.at[i];
        bole_slice key = g->key;
        char number[32];
        size_t n = 0;
        if (is_absent(g, op->set->columns))
            continue;
        for (const struct ast_column *c = op->set->columns; c; c = c->next)
            t->cells[n++] = (struct set_cell){set_column_name(c->name), group_next_value(&key)};
        int len = snprintf(number, sizeof number, "%llu", (unsigned long long)*(const uint64_t *)g->data);
        t->cells[n++] = (struct set_cell){set_top_count_name(op->set), {(const uint8_t *)number, (size_t)len}};
        st = set_emit_table(op, rank++, t->cells, n, err);
    }
    return st;
}

static void top_destroy(struct set_op *op)
{
    groups_deinit(&((struct top *)op)->groups);
}

const struct set_type set_top_values = {
    .is_table = true, .size = sizeof(struct top), .init = top_init, .row = top_row, .finish = top_finish, .destroy = top_destroy,
    .needs = top_needs,
};
