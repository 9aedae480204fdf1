/*
 * distinct.c - `| distinct a, b`: of the rows with the same values the one that the answer shows first.
 *
 * Where only N rows are asked for, N keys are held: a key that N others beat can be forgotten, since its place only gets
 * better when a better row of it comes, which then is a new key like any other.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "query/set/kept.h"

enum { SLOTS_MIN = 256 };

struct distinct {
    struct set_op     op;
    struct kept       kept;
    struct kept_row **slots; /* [slot_count], a power of two or 0; chained by link */
    size_t            slot_count;
    struct buf        key;
};

static bole_status distinct_init(struct set_op *op, struct bole_err *err)
{
    struct distinct *d = (struct distinct *)op;
    buf_init(&d->key, op->x->request->budget);
    return kept_init(&d->kept, op->x, op->limit, NULL) ? BOLE_OK : query_out_of_memory(op->x->request, err);
}

/* The values one after the other, each behind its length. */
static bool make_key(struct distinct *d, const struct row *r)
{
    char room[TIME_TEXT_MAX];
    buf_reset(&d->key);
    if (!d->op.set->columns)
        buf_put(&d->key, r->line);
    for (const struct ast_column *c = d->op.set->columns; c; c = c->next) {
        bole_slice text = set_text(r, c->name, room);
        buf_put_varint(&d->key, text.len);
        buf_put(&d->key, text);
    }
    return !d->key.failed;
}

static struct kept_row **slot_of(const struct distinct *d, uint64_t hash)
{
    return &d->slots[hash & (d->slot_count - 1)];
}

static bool grow(struct distinct *d)
{
    struct budget *budget = d->op.x->request->budget;
    size_t count = d->slot_count ? 2 * d->slot_count : SLOTS_MIN;
    if (!budget_take(budget, (count - d->slot_count) * sizeof *d->slots))
        return false;
    struct kept_row **slots = calloc(count, sizeof *slots);
    if (!slots) {
        budget_give(budget, (count - d->slot_count) * sizeof *d->slots);
        return false;
    }
    free(d->slots);
    d->slots = slots;
    d->slot_count = count;
    for (size_t i = 0; i < d->kept.count; i++) {
        struct kept_row *r = d->kept.at[i];
        r->link = *slot_of(d, r->hash);
        *slot_of(d, r->hash) = r;
    }
    return true;
}

static void unlink_row(struct distinct *d, struct kept_row *r)
{
    struct kept_row **at = slot_of(d, r->hash);
    while (*at != r)
        at = &(*at)->link;
    *at = r->link;
}

static bool insert(struct distinct *d, const struct set_row *row, uint64_t hash)
{
    struct kept_row *out, *r;
    if (d->kept.count >= d->slot_count && !grow(d))
        return false;
    r = kept_make(&d->kept, row, NULL, buf_slice(&d->key));
    if (!r || !kept_push(&d->kept, r, &out)) {
        kept_drop(&d->kept, r);
        return false;
    }
    if (out)
        unlink_row(d, out);
    kept_drop(&d->kept, out);
    r->hash = hash;
    r->link = *slot_of(d, hash);
    *slot_of(d, hash) = r;
    if (kept_is_full(&d->kept))
        set_bound(&d->op, d->kept.at[0]->place);
    return true;
}

static bole_status distinct_row(struct set_op *op, const struct set_row *row, struct bole_err *err)
{
    struct distinct *d = (struct distinct *)op;
    struct kept_row *r = NULL;
    bool ok = make_key(d, row->row);
    uint64_t hash = hash64(buf_slice(&d->key));
    for (r = ok && d->slot_count ? *slot_of(d, hash) : NULL; r; r = r->link)
        if (r->hash == hash && bole_slice_eq(r->key, buf_slice(&d->key)))
            break;
    if (r && ok)
        ok = set_place_cmp(row->place, r->place) >= 0 || kept_replace(&d->kept, r, row);
    else if (ok && kept_wants(&d->kept, NULL, row->place))
        ok = insert(d, row, hash);
    if (r && kept_is_full(&d->kept))
        set_bound(op, d->kept.at[0]->place);
    return ok ? BOLE_OK
              : set_out_of_memory(op, d->kept.count, "distinct values",
                                  "name labels with fewer values, filter earlier, or narrow the time range", err);
}

static bole_status distinct_finish(struct set_op *op, struct bole_err *err)
{
    return kept_emit_all(op, &((struct distinct *)op)->kept, err);
}

static void distinct_destroy(struct set_op *op)
{
    struct distinct *d = (struct distinct *)op;
    kept_deinit(&d->kept);
    budget_give(op->x->request->budget, d->slot_count * sizeof *d->slots);
    free(d->slots);
    buf_deinit(&d->key);
}

static void distinct_needs(const struct set_op *op, struct set_needs *needs)
{
    for (const struct ast_column *c = op->set->columns; c; c = c->next)
        set_needs_name(needs, c->name);
}

static const struct kept *distinct_kept(const struct set_op *op)
{
    return &((const struct distinct *)op)->kept;
}

const struct set_type set_distinct = {
    .size = sizeof(struct distinct), .init = distinct_init, .row = distinct_row, .finish = distinct_finish,
    .destroy = distinct_destroy,
    .needs = distinct_needs, .kept = distinct_kept,
};
