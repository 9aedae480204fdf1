#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "query/entries.h"
#include "query/explain.h"
#include "query/set/kept.h"
#include "query/set/set.h"
#include "query/template/template.h"
#include "query/text.h"

#define WINDOW_MIN  4096u /* rows that dedup looks at first: an answer of a hundred lines seldom needs more */
#define WINDOW_GROW 8u
enum { ROWS_BETWEEN_QUESTIONS = 4096, PLACES_MAX = 10000 /* rows that are read again by themselves */ };

static const struct set_type *const types[] = {
    [SET_DISTINCT] = &set_distinct, [SET_DEDUP] = &set_dedup, [SET_SORT] = &set_sort, [SET_TOP_BY] = &set_sort,
    [SET_TOP_VALUES] = &set_top_values, [SET_STATS] = &set_stats, [SET_JOIN] = &set_join,
    [SET_CONTEXT] = &set_context, [SET_PATTERNS] = &set_patterns,
};

/* ---- rows on their way ---- */

/* Calls one of the two functions of an operator (row NULL: finish). Its cost is its own, without those that it calls. */
static bole_status call(struct set_op *op, const struct set_row *row, struct bole_err *err)
{
    struct set_exec *x = op->x;
    if (!op->cost)
        return row ? op->type->row(op, row, err) : op->type->finish(op, err);
    uint64_t begin = clock_mono_ns(x->explain->clock), outer = x->inner_ns;
    x->inner_ns = 0;
    bole_status st = row ? op->type->row(op, row, err) : op->type->finish(op, err);
    uint64_t ns = clock_mono_ns(x->explain->clock) - begin;
    op->cost->ns += ns > x->inner_ns ? ns - x->inner_ns : 0;
    op->cost->rows_in += row ? set_row_count(row) : 0;
    x->inner_ns = outer + ns;
    return st;
}

static bool run_stages(struct set_op *op, struct row *r)
{
    if (!op->cost)
        return pipeline_run(&op->stages, r);
    uint64_t begin = clock_mono_ns(op->x->explain->clock);
    bool passes = pipeline_run(&op->stages, r);
    op->x->inner_ns += clock_mono_ns(op->x->explain->clock) - begin;
    op->cost->rows_out++;
    return passes;
}

static bool is_cancelled(const struct query_request *r)
{
    return r->cancelled && r->cancelled(r->cancelled_ctx);
}

bole_status set_emit(struct set_op *op, const struct set_row *row, struct bole_err *err)
{
    bool passes = run_stages(op, row->row);
    if (row->row->out_of_memory)
        return query_out_of_memory(op->x->request, err);
    if (++op->x->emitted % ROWS_BETWEEN_QUESTIONS == 0 && is_cancelled(op->x->request))
        return bole_fail(err, BOLE_E_CANCELLED, "the query was cancelled");
    return passes ? call(op->next, row, err) : BOLE_OK;
}

/* Quoted where a logfmt parser needs it. */
static void put_value(struct text *line, bole_slice value)
{
    bool plain = value.len > 0;
    for (size_t i = 0; i < value.len; i++)
        plain &= value.ptr[i] > ' ' && value.ptr[i] != '"' && value.ptr[i] != '=' && value.ptr[i] != '\\' && value.ptr[i] != 0x7f;
    if (plain) {
        text_put(line, value);
        return;
    }
    text_put(line, S("\""));
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        if (c == '"' || c == '\\')
            text_put(line, S("\\"));
        text_put(line, c == '\n' ? S("\\n") : c == '\t' ? S("\\t") : c == '\r' ? S("\\r") : (bole_slice){value.ptr + i, 1});
    }
    text_put(line, S("\""));
}

bole_status set_emit_table(struct set_op *op, uint64_t rank, const struct set_cell *cells, size_t count, struct bole_err *err)
{
    struct set_exec *x = op->x;
    struct row *r = &x->row;
    arena_reset(&x->scratch);
    struct text line = text_begin(&x->scratch, SIZE_MAX);
    row_begin(r, 0, (bole_slice){0}, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        if (!cells[i].value.ptr)
            continue;
        row_set(r, ORIGIN_PARSED, cells[i].name, cells[i].value);
        text_put(&line, line.len ? S(" ") : (bole_slice){0});
        text_put(&line, cells[i].name);
        text_put(&line, S("="));
        put_value(&line, cells[i].value);
    }
    if (line.failed)
        return query_out_of_memory(x->request, err);
    r->line = text_slice(&line);
    struct set_row row = {.row = r, .seq = rank, .place = {rank, 0}};
    return set_emit(op, &row, err);
}

static int64_t place_time(const struct set_exec *x, struct set_place place)
{
    return (int64_t)((x->request->direction == FORWARD ? place.major : ~place.major) ^ 1ull << 63);
}

void set_bound(struct set_op *op, struct set_place place)
{
    struct set_exec *x = op->x;
    if (op != x->bounder || !x->source)
        return;
    op->is_bound = true;
    op->bound = place;
    source_set_bound(x->source, place_time(x, place));
}

bole_status set_out_of_memory(const struct set_op *op, size_t count, const char *what, const char *advice, struct bole_err *err)
{
    size_t limit = op->x->request->budget ? op->x->request->budget->limit_bytes : 0;
    char size[40] = "memory limit";
    if (limit && limit != SIZE_MAX)
        err_print(size, sizeof size, "memory limit of %zu MB", limit >> 20);
    return bole_fail(err, BOLE_E_LIMIT, "%zu %s need more than the query's %s: %s", count, what, size, advice);
}

/* ---- the answer: the last operator ---- */

struct answer {
    struct set_op op;
    struct kept   kept;
};

static bole_status answer_init(struct set_op *op, struct bole_err *err)
{
    struct answer *a = (struct answer *)op;
    return kept_init(&a->kept, op->x, op->limit, NULL) ? BOLE_OK : query_out_of_memory(op->x->request, err);
}

static bole_status answer_row(struct set_op *op, const struct set_row *row, struct bole_err *err)
{
    struct answer *a = (struct answer *)op;
    struct kept_row *out, *r;
    if (!kept_wants(&a->kept, NULL, row->place))
        return op->x->source ? BOLE_OK : BOLE_END; /* behind an operator that holds rows they come in order */
    r = kept_make(&a->kept, row, NULL, (bole_slice){0});
    if (!r || !kept_push(&a->kept, r, &out)) {
        kept_drop(&a->kept, r);
        return query_out_of_memory(op->x->request, err);
    }
    kept_drop(&a->kept, out);
    if (kept_is_full(&a->kept))
        set_bound(op, a->kept.at[0]->place);
    return BOLE_OK;
}

static void answer_destroy(struct set_op *op)
{
    kept_deinit(&((struct answer *)op)->kept);
}

static const struct set_type set_answer = {
    .size = sizeof(struct answer), .init = answer_init, .row = answer_row, .destroy = answer_destroy,
};

/* The rows of a table have no time of their own: all get that of the end where the answer begins. It is the same for all, since
 * logcli asks again behind the last time that it got until nothing new comes: so the whole table comes again, and is known. */
static void stamp(struct answer *a, const struct query_request *request)
{
    for (size_t i = 0; i < a->kept.count; i++) {
        struct query_entry *e = &a->kept.at[i]->entry;
        e->time_ns = request->direction == FORWARD ? request->start_ns : request->end_ns - 1;
        e->seq = request->direction == FORWARD ? i : a->kept.count - 1 - i;
    }
}

/* Moves the entries, with all that they own, into the result. */
static bole_status give(struct answer *a, struct query_result *result, struct bole_err *err)
{
    const struct query_request *request = a->op.x->request;
    struct log_entries *store = a->kept.store;
    kept_sort(&a->kept);
    if (result->columns)
        stamp(a, request);
    if (a->kept.count) {
        store->at = budget_alloc(request->budget, a->kept.count * sizeof *store->at);
        if (!store->at)
            return query_out_of_memory(request, err);
        store->cap = a->kept.count;
    }
    for (size_t i = 0; i < a->kept.count; i++) {
        store->at[store->count++] = a->kept.at[i]->entry;
        budget_give(request->budget, a->kept.at[i]->size_bytes);
        free(a->kept.at[i]);
    }
    a->kept.count = 0;
    a->kept.store = NULL;
    result->log = store;
    result->stats.entries = store->count;
    return log_entries_part(store, request->categorize, true, result) ? BOLE_OK : query_out_of_memory(request, err);
}

/* ---- the chain ---- */

static bool plan_stages(struct set_op *op, const struct ast_stage *stages)
{
    size_t count = 0;
    for (const struct ast_stage *s = stages; s; s = s->next)
        count++;
    op->stages.stages = arena_array(op->x->arena, count + 1, sizeof *op->stages.stages);
    if (!op->stages.stages)
        return false;
    for (const struct ast_stage *s = stages; s; s = s->next)
        op->stages.stages[op->stages.count++] = s;
    return true;
}

/* May the stages take rows out? */
static bool may_drop(const struct ast_stage *stages)
{
    for (; stages; stages = stages->next)
        if (stages->kind == STAGE_LINE_FILTER || stages->kind == STAGE_LABEL_FILTER)
            return true;
    return false;
}

static struct set_op *make_op(struct set_exec *x, const struct set_type *type, const struct ast_set *set, struct set_op *next,
                              size_t limit)
{
    struct set_op *op = arena_zalloc(x->arena, type->size);
    if (!op)
        return NULL;
    op->type = type;
    op->set = set;
    op->x = x;
    op->next = next;
    op->limit = limit;
    return plan_stages(op, set ? set->stages : NULL) ? op : NULL;
}

static void explain_chain(struct set_exec *x, struct set_op *first)
{
    x->explain->sets = NULL; /* of an earlier try */
    x->explain->sets_tail = &x->explain->sets;
    for (struct set_op *op = first; op && op->set; op = op->next) {
        op->cost = explain_set(x->explain, op->set);
        explain_pipeline(x->explain, &op->stages, &x->explain->sets_tail);
    }
}

/* From the end to the front; the number of rows wanted of an operator is known where nothing behind it changes it. */
static struct set_op *make_chain(struct set_exec *x, const struct ast_set *set, struct set_op *last)
{
    if (!set)
        return last;
    struct set_op *next = make_chain(x, set->next, last);
    bool is_last = next == last && !may_drop(set->stages);
    return next ? make_op(x, types[set->kind], set, next, is_last ? last->limit : SIZE_MAX) : NULL;
}

static bole_status init_chain(struct set_op *first, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    for (struct set_op *op = first; op && st == BOLE_OK; op = op->next) {
        if (!op->type->streams && !op->x->bounder)
            op->x->bounder = op;
        st = op->type->init ? op->type->init(op, err) : BOLE_OK;
    }
    return st;
}

static void destroy_chain(struct set_op *op)
{
    for (; op; op = op->next)
        if (op->type->destroy)
            op->type->destroy(op);
}

/* The columns of the last table that is made; NULL: there is none. */
static const struct ast_set *last_table(const struct ast_set *set)
{
    const struct ast_set *table = NULL;
    for (; set; set = set->next)
        table = types[set->kind]->is_table ? set : table;
    return table;
}

enum { COLUMNS_MORE = 64 }; /* labels that later stages have set */

static bool name_columns(const struct ast_set *set, struct query_result *result)
{
    static const bole_slice pattern[] = {
        {(const uint8_t *)"pattern", 7}, {(const uint8_t *)"count", 5}, {(const uint8_t *)"example", 7}};
    size_t count = 3 + COLUMNS_MORE, n = 0;
    for (const struct ast_column *c = set->columns; c; c = c->next)
        count++;
    for (const struct ast_stat *s = set->stats; s; s = s->next)
        count++;
    bole_slice *names = arena_array(&result->arena, count, sizeof *names);
    for (const struct ast_column *c = set->columns; names && c; c = c->next)
        names[n++] = arena_copy(&result->arena, set_column_name(c->name));
    for (const struct ast_stat *s = set->stats; names && s; s = s->next)
        names[n++] = arena_copy(&result->arena, s->name);
    if (names && set->kind == SET_TOP_VALUES)
        names[n++] = set_top_count_name(set);
    for (size_t i = 0; names && set->kind == SET_PATTERNS && i < 3; i++)
        names[n++] = pattern[i];
    for (size_t i = 0; i < n; i++)
        if (!names[i].ptr)
            return false;
    result->columns = names;
    result->column_count = n;
    return names != NULL;
}

static bool has_column(const struct query_result *result, bole_slice name)
{
    for (size_t i = 0; i < result->column_count; i++)
        if (bole_slice_eq(result->columns[i], name))
            return true;
    return false;
}

/* Labels of its rows that the table did not have when it was made. The names live as long as the rows. */
static void name_more_columns(struct query_result *result)
{
    bole_slice *names = (bole_slice *)result->columns;
    size_t max = result->column_count + COLUMNS_MORE;
    for (size_t i = 0; i < result->row_count; i++)
        for (size_t k = 0; k < result->rows[i]->label_count && result->column_count < max; k++)
            if (!has_column(result, result->rows[i]->labels[k].name))
                names[result->column_count++] = result->rows[i]->labels[k].name;
}

/* ---- the source ---- */

struct feed {
    struct set_exec *x;
    struct set_op   *first;
};

struct set_place set_place_of(const struct set_exec *x, int64_t time_ns, uint64_t seq)
{
    uint64_t major = (uint64_t)time_ns ^ 1ull << 63;
    return x->request->direction == FORWARD ? (struct set_place){major, seq} : (struct set_place){~major, ~seq};
}

static int cmp_places(const void *a, const void *b)
{
    return set_place_cmp(*(const struct set_place *)a, *(const struct set_place *)b);
}

static bool is_wanted(int64_t time_ns, uint64_t seq, void *ctx)
{
    const struct feed *f = ctx;
    const struct set_op *b = f->x->bounder;
    struct set_place place = set_place_of(f->x, time_ns, seq);
    if (f->x->places && !bsearch(&place, f->x->places, f->x->place_count, sizeof place, cmp_places))
        return false;
    return !b->is_bound || set_place_cmp(place, b->bound) < 0;
}

static bole_status take_row(struct source *s, const struct source_row *row, void *ctx, struct bole_err *err)
{
    struct feed *f = ctx;
    struct set_row r = {
        .row = row->row, .seq = row->seq, .place = set_place_of(f->x, row->row->time_ns, row->seq), .series = row->series};
    f->x->source = s;
    f->x->stats->rows_out++;
    r.count = row->count;
    return call(f->first, &r, err);
}

static const struct line_reader *stored_reader(void *ctx)
{
    struct set_op *first = ((struct feed *)ctx)->first;
    return first->type->reader(first);
}

static bole_status take_stored(struct vector *v, uint32_t row, void *ctx, struct bole_err *err)
{
    struct feed *f = ctx;
    struct set_op *first = f->first;
    f->x->stats->rows_out++;
    if (!first->cost)
        return first->type->stored(first, v, row, err);
    uint64_t begin = clock_mono_ns(f->x->explain->clock);
    bole_status st = first->type->stored(first, v, row, err);
    first->cost->ns += clock_mono_ns(f->x->explain->clock) - begin;
    first->cost->rows_in++;
    return st;
}

void set_needs_name(struct set_needs *needs, bole_slice name)
{
    struct row_hints *h = needs->hints;
    if (bole_slice_eq(name, S("__line__")))
        needs->line = true;
    if (bole_slice_eq(name, LABEL_ERROR) || bole_slice_eq(name, LABEL_ERROR_DETAILS))
        h->keeps_errors = true;
    if (h->name_count < SET_NAMES_MAX)
        needs->names[h->name_count++] = name;
    else
        needs->all = true;
}

static void need_label(bole_slice name, void *ctx)
{
    set_needs_name(ctx, name);
}

static bool count_alike(int64_t from_ns, int64_t to_ns, void *ctx)
{
    return true;
}

/* is_whole: the rows with all that they have, whatever the operator needs. */
static bole_status run_source(struct set_exec *x, const struct ast_log *log, struct set_op *first, bool is_whole,
                              struct bole_err *err)
{
    struct row_hints hints = {.some_labels = true};
    struct set_needs needs = {.all = true, .hints = &hints, .names = arena_array(x->arena, SET_NAMES_MAX, sizeof(bole_slice))};
    if (!needs.names)
        return query_out_of_memory(x->request, err);
    hints.names = needs.names;
    if (first->type->needs && !is_whole) {
        needs.all = false;
        first->type->needs(first, &needs);
        for (const struct ast_stage *s = log->stages; s; s = s->next)
            stage_required_labels(s, need_label, &needs);
        hints.no_labels = hints.name_count == 0;
    }
    struct source_options options = {
        .request = x->request, .view = x->view, .log = log, .hints = needs.all ? NULL : &hints,
        .from_ns = x->request->start_ns, .to_ns = x->request->end_ns, .direction = x->request->direction,
        .wants_line = needs.all || needs.line, .wants_labels = needs.all || hints.name_count > 0,
        .labels_decide = !needs.all && needs.labels_decide && !needs.line, .arena = x->arena, .stats = x->stats,
    };
    struct feed feed = {x, first};
    struct source_sink sink = {.wants = is_wanted, .row = take_row, .ctx = &feed};
    if (options.labels_decide) { /* groups of rows are counted: neither when nor in what order is of interest */
        options.ignores_seq = true;
        sink.wants = NULL;
        sink.counts_alike = count_alike;
    }
    if (first->type->stored && !is_whole) {
        sink.reader = stored_reader;
        sink.stored = take_stored;
    }
    struct query_stats again = {0}; /* rows that come twice count once */
    if (x->places) {
        bool forward = x->request->direction == FORWARD;
        options.from_ns = place_time(x, x->places[forward ? 0 : x->place_count - 1]);
        options.to_ns = place_time(x, x->places[forward ? x->place_count - 1 : 0]) + 1;
        options.stats = &again;
    }
    bole_status st = source_run(&options, &sink, err);
    x->source = NULL;
    return st == BOLE_END ? BOLE_OK : st;
}

/* What the first pass kept becomes what the second one wants, of an operator that is as new. */
static bool want_kept(struct set_exec *x, struct set_op *first)
{
    const struct kept *kept = first->type->kept(first);
    struct set_place *places = arena_array(x->arena, kept->count + 1, sizeof *places);
    for (size_t i = 0; places && i < kept->count; i++)
        places[i] = kept->at[i]->place;
    if (places)
        qsort(places, kept->count, sizeof *places, cmp_places);
    x->places = places;
    x->place_count = kept->count;
    first->type->destroy(first);
    memset((char *)first + sizeof *first, 0, first->type->size - sizeof *first);
    first->is_bound = false;
    return places != NULL;
}

static bool names_labels(const struct ast_stage *s)
{
    if (s->kind == STAGE_LINE_FORMAT && !template_names_labels(s->template))
        return false;
    for (const struct ast_pair *pair = s->kind == STAGE_LABEL_FORMAT ? s->pairs : NULL; pair; pair = pair->next)
        if (!pair->is_rename && !template_names_labels(pair->template))
            return false;
    return true;
}

/* Are labels that are named the same when only those are parsed? A parser stops when they are there, be they of a stage before it,
 * whose values it would replace; and a template may look at all that there are. */
static bool are_parsed_alone(const struct ast_stage *stages)
{
    bool may_be_there = false;
    for (const struct ast_stage *s = stages; s; s = s->next) {
        bool parses = s->kind >= STAGE_JSON && s->kind <= STAGE_UNPACK;
        if (!names_labels(s) || (parses && may_be_there))
            return false;
        may_be_there |= parses || s->kind == STAGE_LABEL_FORMAT;
    }
    return true;
}

static bool is_decided_by_keys(const struct set_op *first, const struct ast_log *log)
{
    if (!first->type->kept || !first->set->columns || first->type->kept(first)->max > PLACES_MAX)
        return false;
    for (const struct ast_column *c = first->set->columns; c; c = c->next)
        if (bole_slice_eq(c->name, S("__line__")))
            return false;
    return are_parsed_alone(log->stages);
}

static bole_status feed_rows(struct set_exec *x, const struct ast_log *log, struct set_op *first, struct bole_err *err)
{
    bool is_twice = is_decided_by_keys(first, log);
    bole_status st = first->type->count ? first->type->count(first, log, err) : BOLE_E_UNSUPPORTED;
    if (st != BOLE_E_UNSUPPORTED)
        return st;
    st = run_source(x, log, first, first->type->kept && !is_twice, err);
    if (st == BOLE_OK && first->type->again) {
        x->places = first->type->again(first, &x->place_count);
        return x->place_count ? run_source(x, log, first, true, err) : BOLE_OK;
    }
    if (!is_twice || st != BOLE_OK)
        return st;
    if (!want_kept(x, first))
        return query_out_of_memory(x->request, err);
    st = first->type->init(first, err);
    return st == BOLE_OK && x->place_count ? run_source(x, log, first, true, err) : st;
}

static bole_status run_chain(struct set_exec *x, const struct ast_log *log, struct set_op *first, struct bole_err *err)
{
    bole_status st = init_chain(first, err);
    if (st == BOLE_OK)
        st = feed_rows(x, log, first, err);
    for (struct set_op *op = first; op && st == BOLE_OK && !x->again; op = op->next) {
        st = op->type->finish ? call(op, NULL, err) : BOLE_OK;
        st = st == BOLE_END ? BOLE_OK : st;
    }
    return st;
}

static bool init_exec(struct set_exec *x)
{
    x->row = (struct row){.scratch = &x->scratch, .labels = arena_alloc(x->arena, ROW_LABELS_MAX * sizeof(struct row_label))};
    x->room = arena_alloc(x->arena, (ROW_LABELS_MAX + 2) * sizeof *x->room);
    return x->row.labels && x->room;
}

static bole_status run_once(struct set_exec *x, const struct ast_log *log, struct query_result *result, struct bole_err *err)
{
    struct set_op *last = make_op(x, &set_answer, NULL, NULL, x->request->limit);
    struct set_op *first = last ? make_chain(x, log->sets, last) : NULL;
    const struct ast_set *table = last_table(log->sets);
    if (!first || !init_exec(x))
        return query_out_of_memory(x->request, err);
    if (x->explain)
        explain_chain(x, first);
    bole_status st = run_chain(x, log, first, err);
    if (st == BOLE_OK && !x->again && table && !name_columns(table, result))
        st = query_out_of_memory(x->request, err);
    if (st == BOLE_OK && !x->again)
        st = give((struct answer *)last, result, err);
    if (st == BOLE_OK && !x->again && table)
        name_more_columns(result);
    destroy_chain(first);
    return st;
}

static void begin_exec(struct set_exec *x, struct arena *arena)
{
    x->arena = arena;
    arena_init(arena, x->request->budget);
    arena_init(&x->scratch, x->request->budget);
}

static void end_exec(struct set_exec *x)
{
    arena_deinit(&x->scratch);
    arena_deinit(x->arena);
}

bole_status exec_set(const struct expr *e, const struct query_request *request, struct view *view, struct query_result *result,
                     struct bole_err *err)
{
    bole_status st = BOLE_OK;
    size_t window = WINDOW_MIN;
    bool again = true;
    result->type = QUERY_STREAMS;
    while (again && st == BOLE_OK) {
        struct arena arena;
        struct set_exec x = {.request = request, .view = view, .stats = &result->stats, .window = window,
                             .explain = request->explain};
        begin_exec(&x, &arena);
        st = run_once(&x, &e->log, result, err);
        end_exec(&x);
        again = x.again;
        window = window < SIZE_MAX / WINDOW_GROW ? window * WINDOW_GROW : SIZE_MAX;
    }
    return st;
}

/* ---- subqueries ---- */

struct collector {
    struct set_op op;
    set_row_fn   *fn;
    void         *ctx;
};

static bole_status collect_row(struct set_op *op, const struct set_row *row, struct bole_err *err)
{
    struct collector *c = (struct collector *)op;
    return c->fn(row, c->ctx, err);
}

static const struct set_type collector_type = {.size = sizeof(struct collector), .row = collect_row};

bole_status set_subquery(struct set_op *op, const struct expr *e, set_row_fn *fn, void *ctx, struct bole_err *err)
{
    struct set_exec x = {.request = op->x->request, .view = op->x->view, .stats = op->x->stats, .window = SIZE_MAX};
    struct arena arena;
    bole_status st = BOLE_OK;
    begin_exec(&x, &arena);
    struct set_op *last = make_op(&x, &collector_type, NULL, NULL, SIZE_MAX), *first = NULL;
    if (last) {
        ((struct collector *)last)->fn = fn;
        ((struct collector *)last)->ctx = ctx;
        first = make_chain(&x, e->log.sets, last);
    }
    if (!first || !init_exec(&x))
        st = query_out_of_memory(x.request, err);
    if (st == BOLE_OK)
        st = run_chain(&x, &e->log, first, err);
    destroy_chain(first);
    end_exec(&x);
    return st;
}

bool set_is_table(const struct ast_set *sets)
{
    return last_table(sets) != NULL;
}
