/*
 * join.c - `| join (subquery) on (a, b) [left]`: each row gets the labels of the subquery's row with the same values.
 *
 * The subquery runs first, over the same range, and is held: one row for each set of values, that which its answer would
 * show first. So there are never more rows than before, and memory is bounded by the values of the subquery.
 */
#include "base/err.h"
#include "query/entries.h"
#include "query/set/groups.h"
#include "query/set/set.h"

struct partner {
    struct set_place  place;
    struct row_label *labels;
    size_t            count, cap;
    bole_slice        line;
};

struct join {
    struct set_op op;
    struct groups partners; /* data: struct partner */
};

static bool has_key(const struct row *r, const struct ast_column *columns)
{
    char room[TIME_TEXT_MAX];
    for (; columns; columns = columns->next)
        if (set_text(r, columns->name, room).len == 0)
            return false;
    return true;
}

static bool copy_labels(struct arena *arena, struct partner *p, const struct row *r)
{
    if (r->count > p->cap) {
        p->labels = arena_array(arena, r->count, sizeof *p->labels);
        p->cap = r->count;
    }
    for (p->count = 0; p->labels && p->count < r->count; p->count++) {
        struct row_label *l = &p->labels[p->count];
        *l = (struct row_label){arena_copy(arena, r->labels[p->count].name), arena_copy(arena, r->labels[p->count].value),
                                ORIGIN_PARSED};
        if (!l->name.ptr || !l->value.ptr)
            return false;
    }
    return p->labels || !r->count;
}

static bole_status take_partner(const struct set_row *row, void *ctx, struct bole_err *err)
{
    struct join *j = ctx;
    struct arena *arena = j->op.x->arena;
    const struct ast_column *columns = j->op.set->columns;
    if (!has_key(row->row, columns))
        return BOLE_OK;
    struct group *g = groups_get(&j->partners, row->row, columns);
    struct partner *p = g ? g->data : NULL;
    if (p && p->line.ptr && set_place_cmp(p->place, row->place) <= 0)
        return BOLE_OK;
    bool ok = p && copy_labels(arena, p, row->row);
    if (ok) {
        p->place = row->place;
        p->line = arena_copy(arena, row->row->line);
    }
    return ok && p->line.ptr ? BOLE_OK
                             : set_out_of_memory(&j->op, j->partners.count, "different values of the joined query",
                                                 "filter it earlier, or narrow the time range", err);
}

static bole_status join_init(struct set_op *op, struct bole_err *err)
{
    struct join *j = (struct join *)op;
    groups_init(&j->partners, op->x->arena, sizeof(struct partner));
    return set_subquery(op, op->set->subquery, take_partner, j, err);
}

/* A name that the row has already becomes <name>_joined. */
static void add_label(struct row *r, bole_slice name, bole_slice value)
{
    if (row_find(r, name)) {
        bole_slice other = arena_printf(r->scratch, "%.*s_joined", BOLE_SLICE_ARG(name));
        r->out_of_memory |= !other.ptr;
        name = other.ptr ? other : name;
    }
    row_set(r, ORIGIN_PARSED, name, value);
}

static bool is_column(const struct ast_column *columns, bole_slice name)
{
    for (; columns; columns = columns->next)
        if (bole_slice_eq(columns->name, name))
            return true;
    return false;
}

static bole_status join_row(struct set_op *op, const struct set_row *row, struct bole_err *err)
{
    struct join *j = (struct join *)op;
    struct row *r = row->row;
    const struct ast_column *columns = op->set->columns;
    struct group *g = has_key(r, columns) ? groups_find(&j->partners, r, columns) : NULL;
    const struct partner *p = g ? g->data : NULL;
    struct set_row joined = {.row = r, .seq = row->seq, .place = row->place};
    if (!p && !op->set->is_left)
        return BOLE_OK;
    for (size_t i = 0; p && i < p->count; i++)
        if (!is_column(columns, p->labels[i].name))
            add_label(r, p->labels[i].name, p->labels[i].value);
    if (p && !set_is_table(op->set->subquery->log.sets))
        add_label(r, S("joined_line"), p->line);
    return set_emit(op, &joined, err);
}

static void join_destroy(struct set_op *op)
{
    groups_deinit(&((struct join *)op)->partners);
}

const struct set_type set_join = {
    .streams = true, .size = sizeof(struct join), .init = join_init, .row = join_row, .destroy = join_destroy,
};
