/* sort.c - `| sort by a desc, b` and `| top 10 by a`: all rows, or the first of them, in the order of values (value.h). */
#include "query/set/kept.h"

struct sort {
    struct set_op     op;
    struct kept       kept;
    struct set_value *values; /* [value_count] of the row at hand */
    char            (*stamps)[TIME_TEXT_MAX]; /* [value_count] */
};

static bole_status sort_init(struct set_op *op, struct bole_err *err)
{
    struct sort *s = (struct sort *)op;
    size_t top = op->set->kind == SET_TOP_BY ? op->set->count : SIZE_MAX;
    bool ok = kept_init(&s->kept, op->x, top < op->limit ? top : op->limit, op->set->columns);
    s->values = arena_array(op->x->arena, s->kept.value_count + 1, sizeof *s->values);
    s->stamps = arena_array(op->x->arena, s->kept.value_count + 1, sizeof *s->stamps);
    return ok && s->values && s->stamps ? BOLE_OK : query_out_of_memory(op->x->request, err);
}

static bole_status sort_row(struct set_op *op, const struct set_row *row, struct bole_err *err)
{
    struct sort *s = (struct sort *)op;
    size_t i = 0;
    for (const struct ast_column *c = op->set->columns; c; c = c->next, i++)
        s->values[i] = set_value_of(set_text(row->row, c->name, s->stamps[i]));
    if (op->set->kind == SET_TOP_BY && s->values[0].kind == VALUE_ABSENT)
        return BOLE_OK;
    if (!kept_wants(&s->kept, s->values, row->place))
        return BOLE_OK;
    struct kept_row *r = kept_make(&s->kept, row, s->values, (bole_slice){0}), *out = NULL;
    if (!r || !kept_push(&s->kept, r, &out)) {
        kept_drop(&s->kept, r);
        return set_out_of_memory(op, s->kept.count, "rows to be sorted",
                                 "ask for fewer with `top N by`, filter earlier, or narrow the time range", err);
    }
    kept_drop(&s->kept, out);
    return BOLE_OK;
}

static bole_status sort_finish(struct set_op *op, struct bole_err *err)
{
    return kept_emit_all(op, &((struct sort *)op)->kept, err);
}

static void sort_destroy(struct set_op *op)
{
    kept_deinit(&((struct sort *)op)->kept);
}

static void sort_needs(const struct set_op *op, struct set_needs *needs)
{
    for (const struct ast_column *c = op->set->columns; c; c = c->next)
        set_needs_name(needs, c->name);
}

static const struct kept *sort_kept(const struct set_op *op)
{
    return &((const struct sort *)op)->kept;
}

const struct set_type set_sort = {
    .size = sizeof(struct sort), .init = sort_init, .row = sort_row, .finish = sort_finish, .destroy = sort_destroy,
    .needs = sort_needs, .kept = sort_kept,
};
