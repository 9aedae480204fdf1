/*
 * dedup.c - `| dedup`: of rows that follow each other with the same line (or the same values of `by`) the first, with a label
 * dedup_count that says how many there were.
 *
 * What follows what is known only when all rows in between are: so rows are held. Where a number of lines is asked for, only
 * the first `window` rows of the answer are; when they hold too few runs the execution begins again with a larger window.
 */
#include "base/hash.h"
#include "query/set/kept.h"

struct dedup {
    struct set_op op;
    struct kept   kept;
    struct buf    key;
};

static bool has_window(const struct set_op *op)
{
    return op->limit != SIZE_MAX && op == op->x->bounder;
}

static bole_status dedup_init(struct set_op *op, struct bole_err *err)
{
    struct dedup *d = (struct dedup *)op;
    buf_init(&d->key, op->x->request->budget);
    size_t max = has_window(op) ? op->x->window : SIZE_MAX;
    return kept_init(&d->kept, op->x, max, NULL) ? BOLE_OK : query_out_of_memory(op->x->request, err);
}

static bool make_key(struct dedup *d, const struct row *r)
{
    char room[TIME_TEXT_MAX];
    buf_reset(&d->key);
    for (const struct ast_column *c = d->op.set->columns; c; c = c->next) {
        bole_slice text = set_text(r, c->name, room);
        buf_put_varint(&d->key, text.len);
        buf_put(&d->key, text);
    }
    return !d->key.failed;
}

static bole_status dedup_row(struct set_op *op, const struct set_row *row, struct bole_err *err)
{
    struct dedup *d = (struct dedup *)op;
    struct kept_row *r = NULL, *out = NULL;
    if (!kept_wants(&d->kept, NULL, row->place))
        return BOLE_OK;
    bool ok = make_key(d, row->row) && (r = kept_make(&d->kept, row, NULL, buf_slice(&d->key))) && kept_push(&d->kept, r, &out);
    if (!ok) {
        kept_drop(&d->kept, r);
        return set_out_of_memory(op, d->kept.count, "rows to be put in order",
                                 "narrow the time range, filter earlier, or ask for fewer lines", err);
    }
    kept_drop(&d->kept, out);
    if (kept_is_full(&d->kept))
        set_bound(op, d->kept.at[0]->place);
    return BOLE_OK;
}

static bool is_same(const struct dedup *d, const struct kept_row *a, const struct kept_row *b)
{
    return d->op.set->columns ? bole_slice_eq(a->key, b->key) : bole_slice_eq(a->entry.line, b->entry.line);
}

/* One past the last row of the run that begins at `from`. */
static size_t run_end(const struct dedup *d, size_t from)
{
    size_t to = from + 1;
    while (to < d->kept.count && is_same(d, d->kept.at[from], d->kept.at[to]))
        to++;
    return to;
}

static bole_status emit_run(struct dedup *d, const struct kept_row *first, size_t count, uint64_t rank, struct bole_err *err)
{
    struct set_exec *x = d->op.x;
    kept_load(x, first);
    bole_slice text = arena_printf(&x->scratch, "%zu", count);
    if (!text.ptr)
        return query_out_of_memory(x->request, err);
    row_set(&x->row, ORIGIN_PARSED, S("dedup_count"), text);
    struct set_row row = {.row = &x->row, .seq = first->entry.seq, .place = {rank, 0}};
    return set_emit(&d->op, &row, err);
}

static bole_status dedup_finish(struct set_op *op, struct bole_err *err)
{
    struct dedup *d = (struct dedup *)op;
    bool is_cut = has_window(op) && kept_is_full(&d->kept); /* the last run may go on */
    size_t runs = 0;
    bole_status st = BOLE_OK;
    kept_sort(&d->kept);
    for (size_t from = 0, to; is_cut && from < d->kept.count; from = to, runs++)
        to = run_end(d, from);
    if (is_cut && runs <= op->limit) {
        op->x->again = true;
        return BOLE_OK;
    }
    runs = 0;
    for (size_t from = 0, to; from < d->kept.count && st == BOLE_OK && runs < op->limit; from = to) {
        to = run_end(d, from);
        st = emit_run(d, d->kept.at[from], to - from, runs++, err);
    }
    return st;
}

static void dedup_destroy(struct set_op *op)
{
    struct dedup *d = (struct dedup *)op;
    kept_deinit(&d->kept);
    buf_deinit(&d->key);
}

const struct set_type set_dedup = {
    .size = sizeof(struct dedup), .init = dedup_init, .row = dedup_row, .finish = dedup_finish, .destroy = dedup_destroy,
};
