/*
 * fields.c - see fields.h.
 *
 * Values are found by hash alone: two of the same 64 bits are taken for one.
 */
#include "query/fields.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "query/exec.h"
#include "query/set/value.h"
#include "query/source.h"
#include "query/stage/parse_json.h"

enum { SLOT_COUNT = 4 * FIELD_VALUES_MAX, FIELD_SLOTS = 4096 };

/* The values of one field; their texts lie in one of two arenas, so that those given up do not stay. */
struct field_table {
    struct arena texts[2];
    unsigned     current;
    uint16_t     slots[SLOT_COUNT]; /* index + 1 into values; 0: free */
};

struct gather {
    struct query_fields *f;
    struct query_stats  *stats;
    struct field_info   *slots[FIELD_SLOTS]; /* open addressing */
    uint64_t             hashes[FIELD_SLOTS];
};

/* ---- values ---- */

static uint16_t *find_slot(struct field_info *i, uint64_t hash)
{
    size_t at = hash % SLOT_COUNT;
    while (i->table->slots[at] && i->values[i->table->slots[at] - 1].hash != hash)
        at = (at + 1) % SLOT_COUNT;
    return &i->table->slots[at];
}

static int by_rows(const void *a, const void *b)
{
    const struct field_value *x = a, *y = b;
    if (x->rows != y->rows)
        return x->rows < y->rows ? 1 : -1;
    return bole_slice_cmp(x->text, y->text);
}

/* Keeps the more frequent half. False: no memory. */
static bool give_up_rarest(struct field_info *i)
{
    struct field_table *t = i->table;
    struct arena *to = &t->texts[!t->current];
    qsort(i->values, i->value_count, sizeof *i->values, by_rows);
    i->value_count /= 2;
    i->values_error += i->values[i->value_count].rows; /* what was given up before may have been as many again */
    memset(t->slots, 0, sizeof t->slots);
    for (uint32_t k = 0; k < i->value_count; k++) {
        i->values[k].text = arena_copy(to, i->values[k].text);
        if (!i->values[k].text.ptr)
            return false;
        *find_slot(i, i->values[k].hash) = (uint16_t)(k + 1);
    }
    arena_reset(&t->texts[t->current]);
    t->current = !t->current;
    return true;
}

/* NULL: no memory. */
static struct field_value *get_value(struct field_info *i, bole_slice text, uint64_t hash)
{
    uint16_t *slot = find_slot(i, hash);
    if (*slot)
        return &i->values[*slot - 1];
    if (i->value_count == FIELD_VALUES_MAX) {
        if (!give_up_rarest(i))
            return NULL;
        slot = find_slot(i, hash);
    }
    struct field_value *v = &i->values[i->value_count];
    *v = (struct field_value){.hash = hash};
    v->is_number = set_number(text, &v->number);
    if (text.len > FIELD_VALUE_MAX)
        text.len = FIELD_VALUE_MAX;
    v->text = arena_copy(&i->table->texts[i->table->current], text);
    *slot = (uint16_t)++i->value_count;
    return v->text.ptr ? v : NULL;
}

static bool add_value(struct gather *g, struct field_info *i, bole_slice text, uint32_t rows)
{
    uint64_t hash = hash64(text);
    struct field_value *v = get_value(i, text, hash);
    if (!v || !distinct_count_add(&i->distinct, hash, g->f->arena))
        return false;
    v->rows += rows;
    i->rows += rows;
    if (!v->is_number)
        return true;
    i->number_count += rows;
    i->number_sum += v->number * rows;
    bool ok = true;
    for (uint32_t k = 0; k < rows && ok; k++)
        ok = tdigest_add(&i->numbers, v->number, g->f->arena);
    return ok;
}

/* ---- fields ---- */

static bool is_wanted(const struct query_fields *f, bole_slice name)
{
    for (size_t i = 0; i < f->only_count; i++)
        if (bole_slice_eq(f->only[i], name))
            return true;
    return !f->only;
}

static struct field_info *new_field(struct query_fields *f, const struct row_label *l)
{
    struct field_info *i = arena_zalloc(f->arena, sizeof *i);
    if (!i)
        return NULL;
    i->name = arena_copy(f->arena, l->name);
    i->origin = l->origin;
    i->values = arena_array(f->arena, FIELD_VALUES_MAX, sizeof *i->values);
    i->table = arena_zalloc(f->arena, sizeof *i->table);
    if (!i->name.ptr || !i->values || !i->table)
        return NULL;
    arena_init(&i->table->texts[0], f->arena->budget);
    arena_init(&i->table->texts[1], f->arena->budget);
    f->fields[f->field_count++] = i;
    return i;
}

/* False: no memory. *ret NULL: one too many. */
static bool get_field(struct gather *g, const struct row_label *l, struct field_info **ret)
{
    uint64_t hash = hash64_seed(l->name, l->origin);
    size_t at = hash % FIELD_SLOTS;
    *ret = NULL;
    for (; g->slots[at]; at = (at + 1) % FIELD_SLOTS)
        if (g->hashes[at] == hash && g->slots[at]->origin == l->origin && bole_slice_eq(g->slots[at]->name, l->name)) {
            *ret = g->slots[at];
            return true;
        }
    if (g->f->field_count == FIELDS_MAX) {
        g->f->too_many = true;
        return true;
    }
    g->hashes[at] = hash;
    g->slots[at] = *ret = new_field(g->f, l);
    return *ret;
}

/* ---- rows ---- */

static void parse_line(struct row *r)
{
    static const struct ast_stage logfmt = {.kind = STAGE_LOGFMT};
    bole_slice line = bole_slice_trim(r->line);
    if (line.len && line.ptr[0] == '{')
        parse_json(r);
    else if (line.len && memchr(line.ptr, '=', line.len))
        parse_logfmt(r, &logfmt);
}

static bole_status add_row(struct source *s, const struct source_row *row, void *ctx, struct bole_err *err)
{
    (void)s, (void)err;
    struct gather *g = ctx;
    struct row *r = row->row;
    if (g->f->parse)
        parse_line(r);
    g->stats->rows_out += row->count;
    g->f->rows += row->count;
    bool ok = !r->out_of_memory;
    for (size_t i = 0; i < r->count && ok; i++) {
        struct field_info *field = NULL;
        if (!is_wanted(g->f, r->labels[i].name))
            continue;
        ok = get_field(g, &r->labels[i], &field) && (!field || add_value(g, field, r->labels[i].value, row->count));
    }
    return ok ? BOLE_OK : BOLE_E_LIMIT;
}

static int by_field_rows(const void *a, const void *b)
{
    const struct field_info *x = *(struct field_info *const *)a, *y = *(struct field_info *const *)b;
    if (x->rows != y->rows)
        return x->rows < y->rows ? 1 : -1;
    int c = bole_slice_cmp(x->name, y->name);
    return c ? c : (int)x->origin - (int)y->origin;
}

/* The texts of the values move to the caller's arena. */
static bool finish(struct query_fields *f)
{
    bool ok = true;
    for (size_t i = 0; i < f->field_count; i++) {
        struct field_info *field = f->fields[i];
        if (field->value_count)
            qsort(field->values, field->value_count, sizeof *field->values, by_rows);
        for (uint32_t k = 0; k < field->value_count && ok; k++) {
            field->values[k].text = arena_copy(f->arena, field->values[k].text);
            ok = field->values[k].text.ptr;
        }
        arena_deinit(&field->table->texts[0]);
        arena_deinit(&field->table->texts[1]);
    }
    if (f->field_count)
        qsort(f->fields, f->field_count, sizeof *f->fields, by_field_rows);
    return ok;
}

static bool has_parser(const struct ast_stage *stages)
{
    for (const struct ast_stage *s = stages; s; s = s->next)
        if (s->kind >= STAGE_JSON && s->kind <= STAGE_UNPACK)
            return true;
    return false;
}

bole_status query_fields(const struct query *q, const struct query_request *request, struct query_fields *f,
                         struct query_stats *stats, struct bole_err *err)
{
    if (query_type(q) != QUERY_LOG)
        return bole_fail(err, BOLE_E_INVALID, "fields are those of a log query");
    const struct ast_log *log = &q->ast->root->log;
    if (log->sets)
        return bole_fail(err, BOLE_E_INVALID,
                         "fields are those of rows as they are stored: without distinct, stats and the like");
    struct view *own = request->view ? NULL : store_view(request->store), *view = request->view ? request->view : own;
    struct gather *g = arena_zalloc(f->arena, sizeof *g);
    f->fields = arena_array(f->arena, FIELDS_MAX, sizeof *f->fields);
    bole_status st = view ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "no memory for the query");
    if (st == BOLE_OK && (!g || !f->fields))
        st = query_out_of_memory(request, err);
    if (st == BOLE_OK) {
        *g = (struct gather){.f = f, .stats = stats};
        f->parse = f->parse && !has_parser(log->stages);
        struct source_options options = {
            .request = request,
            .view = view,
            .log = log,
            .from_ns = request->start_ns,
            .to_ns = request->end_ns,
            .direction = BACKWARD,
            .wants_line = true,
            .wants_labels = true,
            .arena = f->arena,
            .stats = stats,
        };
        struct source_sink sink = {.row = add_row, .ctx = g};
        st = source_run(&options, &sink, err);
        if (!finish(f) || (st == BOLE_E_LIMIT && !err->code))
            st = query_out_of_memory(request, err);
    }
    store_view_release(request->store, own);
    return st;
}
