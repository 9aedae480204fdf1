/*
 * stats.c - `| stats count(), sum(a), p90(b) by (c)`: one row for each set of values of `by`, in their order.
 *
 * A row of the answer needs what the functions need and nothing of the lines: rows are looked at once, in any order. Values
 * that are no numbers (value.h) are passed over by sum, avg and the quantiles; where there was none the column is absent.
 */
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "query/explain.h"
#include "query/set/groups.h"
#include "query/set/hll.h"
#include "query/set/set.h"
#include "query/set/tdigest.h"
#include "shim/number.h"

/* A text that is written over again and again. */
struct held_text {
    uint8_t *ptr;
    size_t   len, cap;
};

struct stat_state {
    uint64_t count;
    union {
        struct { double sum, lost; } sum; /* lost: Neumaier's correction, so that the order of rows does not show */
        struct { struct held_text text; int64_t time_ns; uint64_t seq; } held; /* MIN, MAX, FIRST, LAST */
        struct distinct_count distinct;
        struct tdigest        digest;
    } u;
};

struct stats {
    struct set_op    op;
    struct groups    groups;
    bool             counts_only; /* only the labels of `by` matter */
    size_t           stat_count;
    struct set_cell *cells; /* of the row that is given on */
    size_t           cell_count;
};

static bole_status stats_init(struct set_op *op, struct bole_err *err)
{
    struct stats *s = (struct stats *)op;
    s->counts_only = groups_are_of_labels(op->set->columns);
    for (const struct ast_stat *stat = op->set->stats; stat; stat = stat->next, s->stat_count++)
        s->counts_only &= stat->column.len == 0;
    s->cell_count = s->stat_count;
    for (const struct ast_column *c = op->set->columns; c; c = c->next)
        s->cell_count++;
    groups_init(&s->groups, op->x->arena, s->stat_count * sizeof(struct stat_state));
    s->cells = arena_array(op->x->arena, s->cell_count + 1, sizeof *s->cells);
    return s->cells ? BOLE_OK : query_out_of_memory(op->x->request, err);
}

static void stats_needs(const struct set_op *op, struct set_needs *needs)
{
    for (const struct ast_column *c = op->set->columns; c; c = c->next)
        set_needs_name(needs, c->name);
    for (const struct ast_stat *stat = op->set->stats; stat; stat = stat->next)
        if (stat->column.len)
            set_needs_name(needs, stat->column);
    needs->labels_decide = ((const struct stats *)op)->counts_only;
}

/* ---- one value ---- */

static bool hold(struct held_text *t, bole_slice value, struct arena *arena)
{
    if (value.len > t->cap) {
        size_t cap = value.len < SIZE_MAX / 2 ? 2 * value.len : value.len;
        uint8_t *p = arena_bytes(arena, cap);
        if (!p)
            return false;
        t->ptr = p;
        t->cap = cap;
    }
    memcpy(t->ptr, value.ptr, value.len);
    t->len = value.len;
    return true;
}

static bole_slice held(const struct held_text *t) { return (bole_slice){t->ptr, t->len}; }

static void add_number(struct stat_state *s, double v)
{
    double sum = s->u.sum.sum + v;
    s->u.sum.lost += fabs(s->u.sum.sum) >= fabs(v) ? (s->u.sum.sum - sum) + v : (v - sum) + s->u.sum.sum;
    s->u.sum.sum = sum;
}

/* Is this value to be held instead of the one that is? */
static bool is_better(const struct stat_state *s, enum stat_kind kind, bole_slice text, const struct set_row *row)
{
    if (s->count == 1) /* it is the first one */
        return true;
    if (kind == STAT_MIN || kind == STAT_MAX) {
        struct set_value a = set_value_of(text), b = set_value_of(held(&s->u.held.text));
        int c = set_value_cmp(&a, &b, false);
        return kind == STAT_MIN ? c < 0 : c > 0;
    }
    bool is_before = row->row->time_ns != s->u.held.time_ns ? row->row->time_ns < s->u.held.time_ns : row->seq < s->u.held.seq;
    return is_before == (kind == STAT_FIRST);
}

/* False: no memory. */
static bool add_value(const struct ast_stat *stat, struct stat_state *s, bole_slice text, const struct set_row *row,
                      struct arena *arena)
{
    double v = 0;
    bool wants_number = stat->kind == STAT_SUM || stat->kind == STAT_AVG || stat->kind == STAT_QUANTILE;
    if (stat->column.len && (text.len == 0 || (wants_number && !set_number(text, &v))))
        return true;
    s->count += set_row_count(row);
    switch (stat->kind) {
    case STAT_COUNT: return true;
    case STAT_COUNT_DISTINCT: return distinct_count_add(&s->u.distinct, hash64(text), arena);
    case STAT_SUM:
    case STAT_AVG: add_number(s, v); return true;
    case STAT_QUANTILE: return tdigest_add(&s->u.digest, v, arena);
    case STAT_MIN:
    case STAT_MAX:
    case STAT_FIRST:
    case STAT_LAST: break;
    }
    if (!is_better(s, stat->kind, text, row))
        return true;
    s->u.held.time_ns = row->row->time_ns;
    s->u.held.seq = row->seq;
    return hold(&s->u.held.text, text, arena);
}

static bole_status stats_row(struct set_op *op, const struct set_row *row, struct bole_err *err)
{
    struct stats *s = (struct stats *)op;
    struct group *g = s->counts_only ? groups_get_series(&s->groups, row, op->set->columns)
                                     : groups_get(&s->groups, row->row, op->set->columns);
    struct stat_state *state = g ? g->data : NULL;
    bool ok = g != NULL;
    for (const struct ast_stat *stat = op->set->stats; stat && ok; stat = stat->next) {
        char room[TIME_TEXT_MAX];
        bole_slice text = stat->column.len ? set_text(row->row, stat->column, room) : (bole_slice){0};
        ok = add_value(stat, state++, text, row, op->x->arena);
    }
    return ok ? BOLE_OK
              : set_out_of_memory(op, s->groups.count, "groups of stats",
                                  "group by fewer labels or by ones with fewer values, filter earlier, or narrow the time range",
                                  err);
}

/* ---- counts from the store's own counting ---- */

struct cells {
    struct stats *stats;
    bole_slice    field; /* what the value is of; len 0: there is none */
};

static bole_status add_cell(uint32_t stream, bole_slice labels, bole_slice field_value, uint32_t bucket, uint64_t value, void *ctx)
{
    const struct cells *c = ctx;
    struct stats *s = c->stats;
    struct row row = {.labels = (struct row_label[LABELS_MAX + 1]){{{0}}}};
    struct reader reader = reader_of(labels);
    struct label l;
    while (labels_next(&reader, &l) && row.count < LABELS_MAX)
        row.labels[row.count++] = (struct row_label){l.name, l.value, ORIGIN_STREAM};
    if (field_value.len && !row_find(&row, c->field))
        row_set(&row, ORIGIN_FIELD, c->field, field_value);
    struct group *g = groups_get(&s->groups, &row, s->op.set->columns);
    for (size_t i = 0; g && i < s->stat_count; i++)
        ((struct stat_state *)g->data)[i].count += value;
    s->op.x->stats->rows_out += value;
    if (s->op.cost)
        s->op.cost->rows_in += value;
    return g ? BOLE_OK : BOLE_E_LIMIT;
}

static bole_status stats_count(struct set_op *op, const struct ast_log *log, struct bole_err *err)
{
    struct stats *s = (struct stats *)op;
    const struct query_request *request = op->x->request;
    struct cells cells = {.stats = s};
    int64_t span;
    if (!s->counts_only || log->stages || request->tenant_count > 1 || request->stream.ptr || request->start_ns == INT64_MIN ||
        __builtin_sub_overflow(request->end_ns, request->start_ns, &span) || span <= 0)
        return BOLE_E_UNSUPPORTED;
    size_t matcher_count = 0, name_count = 0;
    struct store_matcher *matchers = source_matchers(log->matchers, op->x->arena, &matcher_count);
    bole_slice *names = arena_array(op->x->arena, s->cell_count + 1, sizeof *names);
    if (!matchers || !names)
        return query_out_of_memory(request, err);
    for (const struct ast_column *c = op->set->columns; c; c = c->next)
        names[name_count++] = c->name;
    struct store_query query = {
        .tenant = request->tenant, .from_ns = request->start_ns, .to_ns = request->end_ns, .matchers = matchers,
        .matcher_count = matcher_count, .budget = request->budget, .cancelled = request->cancelled,
        .cancelled_ctx = request->cancelled_ctx,
    };
    bole_status st = source_only_field(request->store, op->x->view, &query, names, name_count, &cells.field, err);
    if (st < 0)
        return st;
    /* One bucket, which has its end: (start - 1, end - 1]. */
    struct store_aggregation aggregation = {
        .what = AGGREGATE_COUNT, .start_ns = request->end_ns - 1, .bucket_ns = span, .bucket_count = 1, .field = cells.field};
    struct store_scan_stats scan = {0};
    st = query_store_status(
        request, store_aggregate(request->store, op->x->view, &query, &aggregation, add_cell, &cells, &scan, err), err);
    op->x->stats->parts_total += scan.parts_total;
    op->x->stats->parts_pruned += scan.parts_pruned;
    op->x->stats->bad_chunks += scan.bad_chunks;
    struct explain_scan *explain = explain_scan_add(op->x->explain, log, request->start_ns, request->end_ns);
    if (explain) {
        explain->is_count = true;
        explain->store = scan;
    }
    return st;
}

/* ---- the table ---- */

static bole_slice print_value(const struct ast_stat *stat, struct stat_state *s, char room[NUMBER_TEXT_MAX])
{
    double v = (double)s->count;
    if (stat->kind != STAT_COUNT && stat->kind != STAT_COUNT_DISTINCT && s->count == 0)
        return (bole_slice){0};
    switch (stat->kind) {
    case STAT_COUNT: break;
    case STAT_COUNT_DISTINCT: v = (double)distinct_count_value(&s->u.distinct); break;
    case STAT_SUM: v = s->u.sum.sum + s->u.sum.lost; break;
    case STAT_AVG: v = (s->u.sum.sum + s->u.sum.lost) / (double)s->count; break;
    case STAT_QUANTILE: v = tdigest_quantile(&s->u.digest, stat->quantile); break;
    case STAT_MIN:
    case STAT_MAX:
    case STAT_FIRST:
    case STAT_LAST: return held(&s->u.held.text);
    }
    return (bole_slice){(const uint8_t *)room, number_format(v, room)};
}

static bole_status emit_group(struct stats *s, const struct group *g, uint64_t rank, char (*rooms)[NUMBER_TEXT_MAX],
                              struct bole_err *err)
{
    bole_slice key = g->key;
    struct stat_state *state = g->data;
    size_t n = 0;
    for (const struct ast_column *c = s->op.set->columns; c; c = c->next)
        s->cells[n++] = (struct set_cell){set_column_name(c->name), group_next_value(&key)};
    for (const struct ast_stat *stat = s->op.set->stats; stat; stat = stat->next, rooms++)
        s->cells[n++] = (struct set_cell){stat->name, print_value(stat, state++, *rooms)};
    return set_emit_table(&s->op, rank, s->cells, n, err);
}

static bole_status stats_finish(struct set_op *op, struct bole_err *err)
{
    struct stats *s = (struct stats *)op;
    bole_status st = BOLE_OK;
    char (*rooms)[NUMBER_TEXT_MAX] = arena_alloc(op->x->arena, (s->stat_count + 1) * sizeof *rooms);
    if (!rooms)
        return query_out_of_memory(op->x->request, err);
    if (!op->set->columns && !groups_get(&s->groups, NULL, NULL)) /* also of no rows there is a count */
        return query_out_of_memory(op->x->request, err);
    if (s->groups.count)
        qsort(s->groups.at, s->groups.count, sizeof *s->groups.at, group_cmp);
    for (size_t i = 0; i < s->groups.count && st == BOLE_OK; i++)
        st = emit_group(s, s->groups.at[i], i, rooms, err);
    return st;
}

static void stats_destroy(struct set_op *op)
{
    groups_deinit(&((struct stats *)op)->groups);
}

const struct set_type set_stats = {
    .is_table = true, .size = sizeof(struct stats), .init = stats_init, .row = stats_row, .finish = stats_finish,
    .destroy = stats_destroy, .needs = stats_needs, .count = stats_count,
};
