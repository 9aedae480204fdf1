#include "query/set/kept.h"

#include <stdlib.h>

#include "base/err.h"

bool kept_init(struct kept *k, struct set_exec *x, size_t max, const struct ast_column *order)
{
    *k = (struct kept){.x = x, .max = max, .order = order, .store = log_entries_create(x->request->budget)};
    for (const struct ast_column *c = order; c; c = c->next)
        k->value_count++;
    return k->store != NULL;
}

void kept_deinit(struct kept *k)
{
    for (size_t i = 0; i < k->count; i++)
        kept_drop(k, k->at[i]);
    if (k->at)
        budget_give(k->x->request->budget, k->cap * sizeof *k->at);
    free(k->at);
    log_entries_destroy(k->store);
    *k = (struct kept){0};
}

/* ---- streams ---- */

static struct set_base *base_slot(const struct set_exec *x, const struct row_label *base)
{
    size_t i = ((uintptr_t)base >> 4) * 0x9e3779b97f4a7c15u >> 20 & (x->base_slots - 1);
    while (x->bases[i].of && x->bases[i].of != base)
        i = (i + 1) & (x->base_slots - 1);
    return &x->bases[i];
}

static bool base_grow(struct set_exec *x)
{
    struct set_exec old = *x;
    x->base_slots = old.base_slots ? 2 * old.base_slots : 64;
    x->bases = arena_array(x->arena, x->base_slots, sizeof *x->bases);
    for (size_t i = 0; x->bases && i < old.base_slots; i++)
        if (old.bases[i].of)
            *base_slot(x, old.bases[i].of) = old.bases[i];
    return x->bases != NULL;
}

/* The labels of a stream in the arena of the execution: for each stream once, known by where they lie. */
static const struct row_label *base_copy(struct set_exec *x, const struct row_label *base, size_t count)
{
    if (!count)
        return NULL;
    if (2 * (x->base_count + 2) > x->base_slots && !base_grow(x))
        return NULL;
    struct set_base *slot = base_slot(x, base);
    if (slot->of)
        return slot->copy;
    struct row_label *copy = arena_array(x->arena, count, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = (struct row_label){arena_copy(x->arena, base[i].name), arena_copy(x->arena, base[i].value), base[i].origin};
        if (!copy[i].name.ptr || !copy[i].value.ptr)
            return NULL;
    }
    if (copy) {
        *slot = (struct set_base){base, copy};
        *base_slot(x, copy) = (struct set_base){copy, copy}; /* of a row that is kept again */
        x->base_count += 2;
    }
    return copy;
}

/* ---- rows ---- */

/* A value's text lies in the row that was copied; here it is again. */
static void copy_values(struct kept_row *r, const struct set_value *values, size_t count, uint8_t *room)
{
    for (size_t i = 0; i < count; i++) {
        r->values[i] = values[i];
        r->values[i].text.ptr = room;
        if (values[i].text.len)
            memcpy(room, values[i].text.ptr, values[i].text.len);
        room += values[i].text.len;
    }
}

struct kept_row *kept_make(struct kept *k, const struct set_row *row, const struct set_value *values, bole_slice key)
{
    struct budget *budget = k->x->request->budget;
    size_t size = sizeof(struct kept_row) + k->value_count * sizeof *values + key.len;
    for (size_t i = 0; i < k->value_count; i++)
        size += values[i].text.len;
    const struct row_label *base = base_copy(k->x, row->row->base, row->row->base_count);
    struct kept_row *r = base || !row->row->base_count ? budget_alloc(budget, size) : NULL;
    if (!r)
        return NULL;
    *r = (struct kept_row){.place = row->place, .base = base, .base_count = row->row->base_count, .size_bytes = size};
    if (!log_entry_make(k->store, row->row, row->seq, k->x->room, &r->entry)) {
        budget_give(budget, size);
        free(r);
        return NULL;
    }
    uint8_t *texts = (uint8_t *)(r->values + k->value_count);
    r->key = (bole_slice){texts, key.len};
    if (key.len)
        memcpy(texts, key.ptr, key.len);
    copy_values(r, values, k->value_count, texts + key.len);
    return r;
}

void kept_drop(struct kept *k, struct kept_row *r)
{
    if (!r)
        return;
    log_entry_drop(k->store, &r->entry);
    budget_give(k->x->request->budget, r->size_bytes);
    free(r);
}

/* ---- the heap ---- */

static int compare(const struct kept *k, const struct set_value *a, struct set_place a_place, const struct set_value *b,
                   struct set_place b_place)
{
    size_t i = 0;
    int c = 0;
    for (const struct ast_column *column = k->order; column && !c; column = column->next, i++)
        c = set_value_cmp(&a[i], &b[i], column->descending);
    return c ? c : set_place_cmp(a_place, b_place);
}

static bool comes_first(const struct kept *k, size_t a, size_t b)
{
    const struct kept_row *x = k->at[a], *y = k->at[b];
    return compare(k, x->values, x->place, y->values, y->place) < 0;
}

static void swap(struct kept *k, size_t a, size_t b)
{
    struct kept_row *r = k->at[a];
    k->at[a] = k->at[b];
    k->at[b] = r;
    k->at[a]->index = a;
    k->at[b]->index = b;
}

static void sift_up(struct kept *k, size_t i)
{
    for (; i && comes_first(k, (i - 1) / 2, i); i = (i - 1) / 2)
        swap(k, i, (i - 1) / 2);
}

static void sift_down(struct kept *k, size_t i, size_t count)
{
    for (;;) {
        size_t last = i, left = 2 * i + 1, right = left + 1;
        if (left < count && comes_first(k, last, left))
            last = left;
        if (right < count && comes_first(k, last, right))
            last = right;
        if (last == i)
            return;
        swap(k, i, last);
        i = last;
    }
}

bool kept_wants(const struct kept *k, const struct set_value *values, struct set_place place)
{
    return !kept_is_full(k) || (k->count && compare(k, values, place, k->at[0]->values, k->at[0]->place) < 0);
}

static bool grow(struct kept *k)
{
    struct budget *budget = k->x->request->budget;
    size_t cap = k->cap ? 2 * k->cap : 64;
    if (!budget_take(budget, (cap - k->cap) * sizeof *k->at))
        return false;
    struct kept_row **at = realloc(k->at, cap * sizeof *at);
    if (!at) {
        budget_give(budget, (cap - k->cap) * sizeof *k->at);
        return false;
    }
    k->at = at;
    k->cap = cap;
    return true;
}

bool kept_push(struct kept *k, struct kept_row *r, struct kept_row **ret_out)
{
    *ret_out = NULL;
    if (kept_is_full(k)) {
        *ret_out = k->at[0];
        k->at[0] = r;
        r->index = 0;
        sift_down(k, 0, k->count);
        return true;
    }
    if (k->count == k->cap && !grow(k))
        return false;
    r->index = k->count;
    k->at[k->count++] = r;
    sift_up(k, r->index);
    return true;
}

bool kept_replace(struct kept *k, struct kept_row *r, const struct set_row *row)
{
    struct query_entry entry;
    const struct row_label *base = base_copy(k->x, row->row->base, row->row->base_count);
    if ((!base && row->row->base_count) || !log_entry_make(k->store, row->row, row->seq, k->x->room, &entry))
        return false;
    log_entry_drop(k->store, &r->entry);
    r->entry = entry;
    r->place = row->place;
    r->base = base;
    r->base_count = row->row->base_count;
    sift_down(k, r->index, k->count);
    return true;
}

void kept_sort(struct kept *k)
{
    for (size_t left = k->count; left > 1; left--) {
        swap(k, 0, left - 1);
        sift_down(k, 0, left - 1);
    }
}

/* ---- back to rows ---- */

void kept_load(struct set_exec *x, const struct kept_row *r)
{
    struct row *row = &x->row;
    arena_reset(&x->scratch);
    row_begin(row, r->entry.time_ns, r->entry.line, NULL, 0);
    row->base = r->base;
    row->base_count = r->base_count;
    for (size_t i = 0; i < r->entry.label_count; i++) {
        const struct row_label *l = &r->entry.labels[i];
        if (bole_slice_eq(l->name, LABEL_ERROR))
            row->error = l->value;
        else if (bole_slice_eq(l->name, LABEL_ERROR_DETAILS))
            row->error_details = l->value;
        else
            row->labels[row->count++] = *l;
    }
}

bole_status kept_emit(struct set_op *op, const struct kept_row *r, struct set_place place, struct bole_err *err)
{
    kept_load(op->x, r);
    struct set_row row = {.row = &op->x->row, .seq = r->entry.seq, .place = place};
    return set_emit(op, &row, err);
}

bole_status kept_emit_all(struct set_op *op, struct kept *k, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    kept_sort(k);
    for (size_t i = 0; i < k->count && st == BOLE_OK; i++)
        st = kept_emit(op, k->at[i], (struct set_place){i, 0}, err);
    return st;
}
