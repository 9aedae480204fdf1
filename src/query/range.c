/*
 * range.c - range aggregations: from rows to one value per series and step.
 *
 * The window of step T is (T-R, T]. A sample at t therefore counts for the steps from ceil((t-start)/step) to
 * floor((t+R-1-start)/step), found by two divisions. Counts and bytes are added at the first of these steps and taken
 * away behind the last, in integers, so that a prefix sum gives every window whatever R and step are; nothing is kept
 * per row. Functions of values keep their samples, which range_funcs.c goes over per window.
 */
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "query/explain.h"
#include "query/matrix.h"
#include "query/range_funcs.h"
#include "query/source.h"
#include "query/stage/hints.h"

enum { AGGREGATE_BUCKETS_MAX = 20000 };

struct series {
    int64_t             *counts; /* [steps + 1] differences */
    int64_t             *bytes;  /* the same, of line bytes */
    struct range_sample *samples;
    size_t               sample_count, sample_cap;
};

struct range_exec {
    struct eval        *e;
    const struct expr  *x;
    struct row_hints    hints;
    bool                no_labels; /* all samples are one series */
    bool                without;
    bool                drops_empty; /* labels without a value */
    const struct ast_pair *names;  /* by or without; NULL: all labels */
    struct label_sets   sets;
    struct series      *series;    /* [series_cap], by number of the set */
    size_t              series_cap;
    struct label       *room;      /* ROW_LABELS_MAX + 3 */
    bool                keeps_samples, counts_bytes;
};

/* ---- which labels ---- */

static void plan_grouping(struct range_exec *r, const struct ast_grouping *outer)
{
    const struct ast_grouping *g = r->x->grouping ? r->x->grouping : outer;
    r->no_labels = (g && !g->without && !g->names) || r->x->op == TOKEN_ABSENT_OVER_TIME;
    r->without = g && g->without;
    r->names = g ? g->names : NULL;
}

/* Parsers that may find any label: of windows behind them Loki puts hours side by side, and takes rates apart under sum alone. */
static bool finds_any_label(const struct ast_log *log)
{
    for (const struct ast_stage *s = log->stages; s; s = s->next)
        if ((s->kind == STAGE_JSON || s->kind == STAGE_LOGFMT) && !s->pairs)
            return true;
    return false;
}

static bool loses_empty(const struct eval *e, const struct expr *x, const struct ast_grouping *outer)
{
    bool is_rate = x->op == TOKEN_RATE || x->op == TOKEN_BYTES_RATE;
    if (e->request->tenant_count > 1) /* see entries.c */
        return true;
    if (!e->splits_hours || (x->grouping && !x->grouping->without && !is_rate))
        return false;
    return !finds_any_label(&x->log) || (outer && (is_rate || x->op == TOKEN_SUM_OVER_TIME));
}

/* Where only lines are counted, a line_format that no later stage reads is not run at all: not even its errors
 * count. */
static struct ast_log without_idle_formats(struct range_exec *r, bool *ret_ok)
{
    struct ast_log log = r->x->log;
    struct ast_stage **tail = &log.stages;
    *ret_ok = true;
    if (r->counts_bytes)
        return log;
    log.stages = NULL;
    for (const struct ast_stage *s = r->x->log.stages; s; s = s->next) {
        if (stage_is_idle_format(s))
            continue;
        struct ast_stage *copy = arena_alloc(r->e->arena, sizeof *copy);
        if (!copy) {
            *ret_ok = false;
            return log;
        }
        *copy = *s;
        copy->next = NULL;
        *tail = copy;
        tail = &copy->next;
    }
    return log;
}

/* ---- which series ---- */

static bool is_named(const struct range_exec *r, bole_slice name)
{
    for (const struct ast_pair *n = r->names; n; n = n->next)
        if (bole_slice_eq(n->name, name))
            return true;
    return false;
}

/* The labels of a row's series. A row with an error keeps all of them: the error must not get lost. */
static size_t series_labels(struct range_exec *r, const struct row *row)
{
    size_t n = 0;
    bool failed = row_has_error(row);
    if (r->no_labels && !failed)
        return 0;
    for (size_t i = 0; i < row->count; i++) {
        const struct row_label *l = &row->labels[i];
        bool unwrapped = r->x->unwrap && bole_slice_eq(l->name, r->x->unwrap->label) && (r->without || !r->names);
        bool is_kept = !r->names || (r->without ? !is_named(r, l->name) : is_named(r, l->name) && !row_is_gone(row, l->name));
        if ((failed || (!unwrapped && is_kept)) && (l->value.len || !r->drops_empty))
            r->room[n++] = (struct label){l->name, l->value};
    }
    if (failed)
        r->room[n++] = (struct label){LABEL_ERROR, row->error};
    if (row->error_details.len && (failed || (!r->names && row->is_changed))) /* `drop __error__` leaves them, as in entries.c */
        r->room[n++] = (struct label){LABEL_ERROR_DETAILS, row->error_details};
    labels_sort(r->room, n);
    return n;
}

static bool grow_series(struct range_exec *r)
{
    size_t cap = r->series_cap ? r->series_cap * 2 : 64;
    struct series *p = arena_array(r->e->arena, cap, sizeof *p);
    if (!p)
        return false;
    if (r->series_cap)
        memcpy(p, r->series, r->series_cap * sizeof *p);
    r->series = p;
    r->series_cap = cap;
    return true;
}

/* The labels of the series, in room, say that there was an error. */
static bole_status pipeline_error(struct range_exec *r, size_t n, bole_slice kind)
{
    struct buf labels, text;
    buf_init(&labels, NULL);
    buf_init(&text, NULL);
    label_set_print(r->room, n, &labels);
    buf_printf(&text,
               "pipeline error: '%.*s' for series: '%.*s'.\n"
               "Use a label filter to intentionally skip this error. (e.g | __error__!=\"%.*s\").\n"
               "To skip all potential errors you can match empty errors.(e.g __error__=\"\")\n"
               "The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__=\"\" )\n",
               BOLE_SLICE_ARG(kind), BOLE_SLICE_ARG(buf_slice(&labels)), BOLE_SLICE_ARG(kind));
    bole_status st = bole_fail(r->e->err, BOLE_E_INVALID, "%.*s", BOLE_SLICE_ARG(buf_slice(&text)));
    struct buf *whole = r->e->request->whole_error;
    if (whole && text.len >= sizeof r->e->err->msg)
        buf_put(whole, buf_slice(&text));
    buf_deinit(&labels);
    buf_deinit(&text);
    return st;
}

static bole_status find_series(struct range_exec *r, const struct source_row *row, uint32_t *ret)
{
    *ret = row->series ? *row->series : LABEL_SET_NONE;
    if (*ret != LABEL_SET_NONE)
        return BOLE_OK;
    size_t before = r->sets.count, n = series_labels(r, row->row);
    const struct label *error =
        row_has_error(row->row) || row_find(row->row, LABEL_ERROR) ? label_set_find(r->room, n, LABEL_ERROR) : NULL;
    if (error && !label_set_find(r->room, n, LABEL_PRESERVE))
        return pipeline_error(r, n, error->value);
    *ret = label_sets_intern(&r->sets, r->room, n);
    if (*ret == LABEL_SET_NONE || (*ret >= r->series_cap && !grow_series(r)))
        return eval_out_of_memory(r->e);
    if (r->sets.count > QUERY_SERIES_MAX)
        return bole_fail(r->e->err, BOLE_E_LIMIT,
                         "maximum number of series (%u) reached for a single query: aggregate by fewer "
                         "labels, or narrow the selector",
                         QUERY_SERIES_MAX);
    if (row->series)
        *row->series = *ret;
    struct series *s = &r->series[*ret];
    if (r->sets.count == before || r->keeps_samples)
        return BOLE_OK;
    s->counts = arena_array(r->e->arena, r->e->steps + 1, sizeof *s->counts);
    if (r->counts_bytes)
        s->bytes = arena_array(r->e->arena, r->e->steps + 1, sizeof *s->bytes);
    return s->counts && (s->bytes || !r->counts_bytes) ? BOLE_OK : eval_out_of_memory(r->e);
}

/* ---- samples ---- */

/* The steps whose window holds t, the offset already added; false when there are none. */
static bool steps_of(const struct range_exec *r, int64_t t, size_t *ret_first, size_t *ret_last)
{
    int64_t from, to, step = r->e->step_ns;
    if (__builtin_sub_overflow(t, r->e->start_ns, &from))
        return false;
    if (__builtin_add_overflow(from, r->x->range_ns - 1, &to))
        to = INT64_MAX;
    if (to < 0)
        return false;
    uint64_t first = from <= 0 ? 0 : ((uint64_t)from + (uint64_t)step - 1) / (uint64_t)step,
             last = (uint64_t)to / (uint64_t)step;
    *ret_first = (size_t)first;
    *ret_last = last < r->e->steps ? (size_t)last : r->e->steps - 1;
    return first <= *ret_last;
}

static bole_status add_sample(struct range_exec *r, struct series *s, const struct range_sample *sample)
{
    if (s->sample_count == s->sample_cap) {
        size_t cap = s->sample_cap ? s->sample_cap * 2 : 8;
        struct range_sample *p = arena_grow(r->e->arena, s->samples, s->sample_cap * sizeof *p, cap * sizeof *p);
        if (!p)
            return eval_out_of_memory(r->e);
        s->samples = p;
        s->sample_cap = cap;
    }
    s->samples[s->sample_count++] = *sample;
    return BOLE_OK;
}

/* Are the windows of both times, and so of those between them, the same? */
static bool range_counts_alike(int64_t from_ns, int64_t to_ns, void *ctx)
{
    const struct range_exec *r = ctx;
    size_t first[2], last[2];
    if (__builtin_add_overflow(from_ns, r->x->offset_ns, &from_ns) || __builtin_add_overflow(to_ns, r->x->offset_ns, &to_ns))
        return false;
    return !r->keeps_samples && steps_of(r, from_ns, &first[0], &last[0]) && steps_of(r, to_ns, &first[1], &last[1]) &&
           first[0] == first[1] && last[0] == last[1];
}

static bole_status range_row(struct source *source, const struct source_row *row, void *ctx, struct bole_err *err)
{
    struct range_exec *r = ctx;
    struct range_sample sample = {.seq = row->seq};
    size_t first, last;
    uint32_t number;
    (void)source, (void)err;
    if (__builtin_add_overflow(row->row->time_ns, r->x->offset_ns, &sample.time_ns) ||
        !steps_of(r, sample.time_ns, &first, &last))
        return BOLE_OK;
    if (r->x->unwrap) {
        if (!unwrap_value(r->x->unwrap, row->row, &sample.value))
            return BOLE_OK;
        for (const struct ast_stage *s = r->x->unwrap->filters; s; s = s->next)
            if (!filter_label(s->filter, row->row))
                return BOLE_OK;
        if (row->row->out_of_memory)
            return eval_out_of_memory(r->e);
    }
    r->e->stats->rows_out += row->count;
    bole_status st = find_series(r, row, &number);
    if (st < 0)
        return st;
    struct series *s = &r->series[number];
    if (r->keeps_samples)
        return add_sample(r, s, &sample);
    s->counts[first] += row->count;
    s->counts[last + 1] -= row->count;
    if (s->bytes) {
        s->bytes[first] += (int64_t)row->row->line.len;
        s->bytes[last + 1] -= (int64_t)row->row->line.len;
    }
    return BOLE_OK;
}

/* ---- from the store's own counting ---- */

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

struct cells {
    struct range_exec *r;
    int64_t            start_ns, bucket_ns;
    bole_slice         field;  /* what the value is of; len 0: there is none */
    uint32_t          *series; /* [stream_cap] of the store's streams without a field, + 1; 0: not known */
    uint32_t           stream_cap;
};

static bole_status series_of_labels(const struct cells *c, bole_slice labels, bole_slice field_value, uint32_t *ret)
{
    struct range_exec *r = c->r;
    struct row row = {.labels = (struct row_label[LABELS_MAX + 1]){{{0}}}};
    struct reader reader = reader_of(labels);
    struct label l;
    while (!r->no_labels && labels_next(&reader, &l) && row.count < LABELS_MAX)
        row.labels[row.count++] = (struct row_label){l.name, l.value, ORIGIN_STREAM};
    if (field_value.len && !row_find(&row, c->field))
        row_set(&row, ORIGIN_FIELD, c->field, field_value);
    return find_series(r, &(struct source_row){.row = &row}, ret);
}

/* A stream comes again with every bucket of every part: its labels are read once. */
static bole_status series_of_stream(struct cells *c, uint32_t stream, bole_slice labels, uint32_t *ret)
{
    if (stream >= c->stream_cap) {
        uint32_t cap = stream < 32 ? 64 : stream * 2, *grown;
        grown = arena_grow(c->r->e->arena, c->series, c->stream_cap * sizeof *grown, cap * sizeof *grown);
        if (!grown)
            return eval_out_of_memory(c->r->e);
        memset(grown + c->stream_cap, 0, (cap - c->stream_cap) * sizeof *grown);
        c->series = grown;
        c->stream_cap = cap;
    }
    bole_status st = c->series[stream] ? BOLE_OK : series_of_labels(c, labels, (bole_slice){0}, ret);
    if (c->series[stream])
        *ret = c->series[stream] - 1;
    else if (st >= 0)
        c->series[stream] = *ret + 1;
    return st;
}

static bole_status add_cell(uint32_t stream, bole_slice labels, bole_slice field_value, uint32_t bucket, uint64_t value,
                            void *ctx)
{
    struct cells *c = ctx;
    struct range_exec *r = c->r;
    size_t first, last;
    uint32_t number;
    bole_status st = field_value.len ? series_of_labels(c, labels, field_value, &number)
                                     : series_of_stream(c, stream, labels, &number);
    int64_t time_ns;
    if (st < 0 || __builtin_add_overflow(c->start_ns + (int64_t)bucket * c->bucket_ns, r->x->offset_ns, &time_ns) ||
        !steps_of(r, time_ns, &first, &last))
        return st;
    r->series[number].counts[first] += (int64_t)value;
    r->series[number].counts[last + 1] -= (int64_t)value;
    return BOLE_OK;
}

static bole_status only_field(struct range_exec *r, const struct source_options *o, const struct store_query *query,
                              bole_slice *ret_field)
{
    bole_slice names[LABELS_MAX];
    size_t count = 0;
    for (const struct ast_pair *n = r->no_labels ? NULL : r->names; n; n = n->next) {
        if (count == LABELS_MAX)
            return BOLE_E_UNSUPPORTED;
        names[count++] = n->name;
    }
    return source_only_field(o->request->store, o->view, query, names, count, ret_field, r->e->err);
}

/* Counting without rows, when the store offers it: no pipeline, and labels that need at most one field. All window
 * edges must lie on the edges of the buckets. BOLE_E_UNSUPPORTED: scan instead. */
static bole_status range_aggregate(struct range_exec *r, const struct source_options *o)
{
    const struct expr *x = r->x;
    bool by_some = r->names && !r->without;
    bool is_count = x->op == TOKEN_COUNT_OVER_TIME || x->op == TOKEN_RATE || x->op == TOKEN_ABSENT_OVER_TIME;
    if (x->log.stages || x->unwrap || !is_count || !(r->no_labels || by_some) || o->request->tenant_count > 1)
        return BOLE_E_UNSUPPORTED;
    int64_t bucket = r->e->steps > 1 ? gcd(r->e->step_ns, x->range_ns) : x->range_ns;
    uint64_t span = (uint64_t)o->to_ns - (uint64_t)o->from_ns, count = span / (uint64_t)bucket;
    if (count > AGGREGATE_BUCKETS_MAX || span % (uint64_t)bucket || o->from_ns == INT64_MIN || o->to_ns == INT64_MAX)
        return BOLE_E_UNSUPPORTED;
    size_t matcher_count = 0;
    struct store_matcher *matchers = source_matchers(x->log.matchers, r->e->arena, &matcher_count);
    if (!matchers)
        return eval_out_of_memory(r->e);
    struct store_query query = {
        .tenant = o->request->tenant, .from_ns = o->from_ns, .to_ns = o->to_ns, .matchers = matchers,
        .matcher_count = matcher_count,
        .budget = o->request->budget, .cancelled = o->request->cancelled, .cancelled_ctx = o->request->cancelled_ctx,
    };
    bole_slice field = {0};
    bole_status st = only_field(r, o, &query, &field);
    if (st < 0)
        return st;
    /* Ranges of the store are [from, to), buckets (from, to]: the first bucket ends one bucket after T0 - R. */
    struct store_aggregation aggregation = {
        .what = AGGREGATE_COUNT, .start_ns = o->from_ns - 1 + bucket, .bucket_ns = bucket,
        .bucket_count = (uint32_t)count,
        .field = field,
    };
    struct cells cells = {.r = r, .start_ns = aggregation.start_ns, .bucket_ns = bucket, .field = field};
    struct store_scan_stats scan = {0};
    st = store_aggregate(o->request->store, o->view, &query, &aggregation, add_cell, &cells, &scan, r->e->err);
    st = query_store_status(o->request, st, r->e->err);
    o->stats->parts_total += scan.parts_total;
    o->stats->parts_pruned += scan.parts_pruned;
    o->stats->bad_chunks += scan.bad_chunks;
    struct explain_scan *explain = explain_scan_add(o->request->explain, o->log, o->from_ns, o->to_ns);
    if (explain) {
        explain->is_count = true;
        explain->store = scan;
    }
    return st;
}

/* ---- windows ---- */

static void finish_counts(struct range_exec *r, const struct series *s, struct matrix_row *row)
{
    double seconds = (double)r->x->range_ns / 1e9;
    bool per_second = r->x->op == TOKEN_RATE || r->x->op == TOKEN_BYTES_RATE;
    int64_t count = 0, bytes = 0;
    for (size_t k = 0; k < r->e->steps; k++) {
        count += s->counts[k];
        bytes += s->bytes ? s->bytes[k] : 0;
        double value = (double)(s->bytes ? bytes : count);
        if (count)
            matrix_set(row, k, per_second ? value / seconds : value);
    }
}

static int cmp_samples(const void *a, const void *b)
{
    const struct range_sample *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static bole_status finish_samples(struct range_exec *r, struct series *s, struct matrix_row *row)
{
    size_t from = 0, to = 0;
    double *scratch = NULL;
    if (r->x->op == TOKEN_QUANTILE_OVER_TIME) {
        scratch = arena_array(r->e->arena, s->sample_count, sizeof *scratch);
        if (!scratch)
            return eval_out_of_memory(r->e);
    }
    qsort(s->samples, s->sample_count, sizeof *s->samples, cmp_samples);
    for (size_t k = 0; k < r->e->steps; k++) {
        int64_t end = r->e->start_ns + (int64_t)k * r->e->step_ns, begin;
        if (__builtin_sub_overflow(end, r->x->range_ns, &begin))
            begin = INT64_MIN;
        while (to < s->sample_count && s->samples[to].time_ns <= end)
            to++;
        while (from < to && s->samples[from].time_ns <= begin)
            from++;
        struct range_window w = {s->samples + from, to - from, begin, end, r->x->number, scratch};
        if (w.count)
            matrix_set(row, k, range_value(r->x->op, &w));
        if (k % 64 == 0 && r->e->request->cancelled && r->e->request->cancelled(r->e->request->cancelled_ctx))
            return bole_fail(r->e->err, BOLE_E_CANCELLED, "the query was cancelled");
    }
    return BOLE_OK;
}

/* The equality matchers' labels; a name that is given twice is left out. */
static size_t absent_labels(const struct ast_matcher *matchers, struct label *out)
{
    size_t n = 0;
    for (const struct ast_matcher *m = matchers; m; m = m->next) {
        bool repeated = false;
        for (const struct ast_matcher *other = matchers; other; other = other->next)
            repeated |= other != m && bole_slice_eq(other->name, m->name);
        if (m->op == MATCH_EQ && m->value.len && !repeated && n < ROW_LABELS_MAX)
            out[n++] = (struct label){m->name, m->value};
    }
    labels_sort(out, n);
    return n;
}

static bole_status finish_absent(struct range_exec *r, struct matrix *ret)
{
    struct label *labels = arena_array(r->e->arena, ROW_LABELS_MAX, sizeof *labels);
    size_t n = labels ? absent_labels(r->x->log.matchers, labels) : 0;
    struct matrix_row *row = labels ? matrix_add(r->e, ret, labels, n) : NULL;
    if (!row)
        return eval_out_of_memory(r->e);
    int64_t count = 0;
    bool any = false;
    for (size_t k = 0; k < r->e->steps; k++) {
        for (size_t i = 0; i < r->sets.count; i++)
            count += r->series[i].counts[k];
        if (count == 0)
            matrix_set(row, k, 1);
        any |= count == 0;
    }
    ret->count = any;
    return BOLE_OK;
}

static bole_status finish(struct range_exec *r, struct matrix *ret)
{
    if (r->x->op == TOKEN_ABSENT_OVER_TIME)
        return finish_absent(r, ret);
    bole_status st = BOLE_OK;
    for (size_t i = 0; i < r->sets.count && st == BOLE_OK; i++) {
        struct matrix_row *row = matrix_add(r->e, ret, r->sets.sets[i].labels, r->sets.sets[i].count);
        if (!row)
            return BOLE_E_LIMIT;
        if (r->keeps_samples)
            st = finish_samples(r, &r->series[i], row);
        else
            finish_counts(r, &r->series[i], row);
    }
    matrix_sort(ret);
    return st;
}

static int64_t clamp_time(__int128 t)
{
    return t > INT64_MAX ? INT64_MAX : t < INT64_MIN ? INT64_MIN : (int64_t)t;
}

bole_status eval_range(struct eval *e, const struct expr *x, const struct ast_grouping *outer, struct matrix *ret)
{
    struct range_exec *r = arena_zalloc(e->arena, sizeof *r);
    if (!r)
        return eval_out_of_memory(e);
    r->e = e;
    r->x = x;
    r->sets.arena = e->arena;
    r->room = arena_array(e->arena, ROW_LABELS_MAX + 3, sizeof *r->room);
    r->counts_bytes = x->op == TOKEN_BYTES_OVER_TIME || x->op == TOKEN_BYTES_RATE;
    r->keeps_samples = x->unwrap && x->op != TOKEN_ABSENT_OVER_TIME;
    r->drops_empty = loses_empty(e, x, outer);
    plan_grouping(r, outer);
    bool ok;
    struct ast_log log = without_idle_formats(r, &ok);
    struct hints_metric metric = {x->unwrap, r->names, r->without, r->no_labels};
    if (!r->room || !ok || !hints_of_metric(&log, &metric, e->arena, &r->hints))
        return eval_out_of_memory(e);
    __int128 first = (__int128)e->start_ns - x->range_ns - x->offset_ns + 1;
    __int128 last = (__int128)e->start_ns + (__int128)(e->steps - 1) * e->step_ns - x->offset_ns + 1;
    struct source_options options = {
        .request = e->request, .view = e->view, .log = &log, .hints = &r->hints, .from_ns = clamp_time(first),
        .to_ns = clamp_time(last), .direction = FORWARD, .wants_line = r->counts_bytes,
        .wants_labels = !r->no_labels || x->unwrap, .wants_hinted = !x->unwrap,
        .labels_decide = !x->unwrap && !r->counts_bytes, .ignores_seq = !r->keeps_samples, .arena = e->arena, .stats = e->stats,
    };
    struct source_sink sink = {.counts_alike = range_counts_alike, .row = range_row, .ctx = r};
    bole_status st = x->range_ns > 0 ? range_aggregate(r, &options) : BOLE_OK; /* a window of 0 holds nothing */
    if (st == BOLE_E_UNSUPPORTED)
        st = source_run(&options, &sink, e->err);
    return st == BOLE_OK ? finish(r, ret) : st;
}
