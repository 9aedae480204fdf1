#include "query/source.h"

#include "base/err.h"
#include "base/hash.h"
#include "query/columns/json_shape.h"
#include "query/columns/logfmt_shape.h"
#include "query/columns/text_shape.h"
#include "query/explain.h"
#include "query/labelset.h"
#include "query/stage/pattern.h"

/* What became of a row with these values in a stream. */
struct outcome {
    uint64_t   hash;
    uint32_t   stream, series;
    bool       passes;
    bole_slice values[LINE_VALUES_MAX];
};

/* The same by where the store has the values. */
struct recent {
    uint32_t        epoch, index, stream; /* epoch 0: nothing */
    uint32_t        waiting;              /* rows that have not been given yet */
    struct outcome *outcome;
};

enum { OUTCOMES_MAX = 16384, RECENT_COUNT = 4096 };

_Static_assert((int)REGEXP_GROUPS_FEW <= (int)LINE_VALUES_MAX, "a value for each group");

struct source {
    const struct source_options *options;
    struct store_predicate      *predicates;
    const struct ast_stage     **owners; /* the stage that each predicate stands for */
    bool                        *is_exact; /* the predicate says all that its stage says, together with its siblings */
    size_t                       predicate_count;
    const struct ast_stage     **order;    /* [order_count] all stages as they run */
    size_t                       order_count;
    struct pipeline              pipeline;
    bool                         needs_line, needs_labels;
    bool                         changes_labels; /* a stage may do so */
    struct scan                 *scan;
    struct explain_scan         *explain;    /* NULL: not wanted */
    bole_slice                   shown_tenant; /* len 0: streams are shown without it */
    struct source_stream        *streams;
    size_t                       stream_cap;
    struct row                   row;
    struct arena                 scratch;
    struct store_fields          fields;     /* where only these can show in the answer */
    const struct ast_stage      *parser;     /* the first stage of the pipeline, where only what it sets counts; or NULL */
    struct json_shape_reader     json;       /* what that is, of `| json` and `| logfmt` ... */
    struct text_shape_reader     text;       /* ... of `| regexp` and `| pattern` */
    uint32_t                     value_count;
    bool                         wants_outcomes;
    bool                         is_stored;  /* rows go on as the store has them */
    struct outcome             **outcomes;   /* [2 * OUTCOMES_MAX] open addressing; NULL: none are kept */
    size_t                       outcome_count;
    struct recent               *recent;     /* [RECENT_COUNT] with outcomes */
    uint16_t                    *waiting;    /* [waiting_count] which of them have rows that wait */
    uint32_t                     waiting_count;
};

bole_status query_out_of_memory(const struct query_request *request, struct bole_err *err)
{
    size_t limit = request->budget ? request->budget->limit_bytes : 0;
    if (limit == 0 || limit == SIZE_MAX)
        return bole_fail(err, BOLE_E_LIMIT, "the query ran out of memory: narrow the time range or the selector");
    return bole_fail(
        err, BOLE_E_LIMIT,
        "the query needs more than its memory limit of %zu MB: narrow the time range or the "
        "selector, ask for fewer lines, aggregate by fewer labels, or raise the server's --memory-limit (a query may "
        "have a quarter of it)",
        limit >> 20);
}

bole_status query_store_status(const struct query_request *request, bole_status st, struct bole_err *err)
{
    return st == BOLE_E_LIMIT ? query_out_of_memory(request, err) : st;
}

struct store_matcher *source_matchers(const struct ast_matcher *list, struct arena *arena, size_t *ret_count)
{
    size_t count = 0, i = 0;
    for (const struct ast_matcher *m = list; m; m = m->next)
        count++;
    struct store_matcher *out = arena_array(arena, count + 1, sizeof *out);
    for (const struct ast_matcher *m = list; m && out; m = m->next)
        out[i++] = (struct store_matcher){m->op, m->name, m->value, m->regex};
    *ret_count = count;
    return out;
}

/* ---- counting by labels ---- */

struct only_field {
    const bole_slice *names;
    size_t            count;
    bole_slice        field;
};

static bole_status find_absent(bole_slice labels, void *ctx)
{
    struct only_field *o = ctx;
    for (size_t i = 0; i < o->count; i++) {
        if (labels_find(labels, o->names[i]).ptr || bole_slice_eq(o->names[i], o->field))
            continue;
        if (o->field.len)
            return BOLE_E_UNSUPPORTED;
        o->field = o->names[i];
    }
    return BOLE_OK;
}

bole_status source_only_field(struct store *store, struct view *view, const struct store_query *query, const bole_slice *names,
                              size_t count, bole_slice *ret_field, struct bole_err *err)
{
    struct only_field o = {names, count, {0}};
    for (size_t i = 0; i < count; i++)
        if (row_lost_name(names[i]).len || bole_slice_starts(names[i], S("__")))
            return BOLE_E_UNSUPPORTED;
    if (count == 1)
        o.field = names[0];
    bole_status st = count > 1 ? store_streams(store, view, query, find_absent, &o, err) : BOLE_OK;
    *ret_field = o.field;
    return st;
}

/* ---- planning ---- */

static void add_predicate(struct source *s, const struct ast_stage *owner, enum store_predicate_kind kind,
                          bole_slice value, const struct regex *regex, bool is_exact)
{
    if (value.len == 0 && !regex)
        return;
    s->predicates[s->predicate_count] = (struct store_predicate){.kind = kind, .value = value, .regex = regex};
    s->is_exact[s->predicate_count] = is_exact;
    s->owners[s->predicate_count++] = owner;
}

/* A line filter as predicates. An or-chain is a conjunction only when it is negative. */
static void push_line_filter(struct source *s, const struct ast_stage *stage)
{
    bool negative = stage->line_op == LINE_NOT_CONTAINS || stage->line_op == LINE_NOT_MATCHES;
    bool alone = !stage->needles->next;
    if (stage->line_op == LINE_NOT_PATTERN || (!negative && !alone))
        return;
    for (const struct ast_needle *n = stage->needles; n; n = n->next) {
        if (n->is_ip)
            continue;
        bole_slice literal = n->text;
        bool is_text = !n->regex || regex_is_literal(n->regex, &literal);
        if (n->pattern) {
            for (size_t i = 0; i < n->pattern->count; i++)
                if (!n->pattern->pieces[i].is_capture)
                    add_predicate(s, stage, PREDICATE_LINE_CONTAINS, n->pattern->pieces[i].text, NULL, false);
        } else if (is_text) {
            add_predicate(s, stage, negative ? PREDICATE_LINE_NOT_CONTAINS : PREDICATE_LINE_CONTAINS, literal, NULL,
                          true);
        } else {
            add_predicate(s, stage, negative ? PREDICATE_LINE_NOT_MATCHES : PREDICATE_LINE_MATCHES, n->text, n->regex,
                          true);
        }
    }
}

/* ---- filters on fields ---- */

/* A text filter in front of every stage that sets labels looks at a stream label or at a field. Where no stream that
 * matches has such a label it can only mean the field, and the store may look it up. */
static bool may_be_field(const struct label_filter *f)
{
    return f->kind == LABEL_FILTER_TEXT && (f->match == MATCH_EQ || f->match == MATCH_NE) && f->text.len > 0 &&
           !bole_slice_starts(f->name, S("__")) && !row_lost_name(f->name).len;
}

static void add_field_filter(struct source *s, const struct ast_stage *owner, const struct label_filter *f)
{
    if (f->kind == LABEL_FILTER_AND)
        for (const struct label_filter *child = f->children; child; child = child->next)
            add_field_filter(s, owner, child);
    if (!may_be_field(f))
        return;
    s->predicates[s->predicate_count] = (struct store_predicate){
        .kind = f->match == MATCH_EQ ? PREDICATE_FIELD_EQ : PREDICATE_FIELD_NE, .name = f->name, .value = f->text};
    s->owners[s->predicate_count++] = owner;
}

static bool is_field_predicate(const struct store_predicate *p)
{
    return p->kind == PREDICATE_FIELD_EQ || p->kind == PREDICATE_FIELD_NE;
}

/* Takes out the predicates whose name is a label of this stream. */
static bole_status check_stream(bole_slice labels, void *ctx)
{
    struct source *s = ctx;
    size_t kept = 0;
    for (size_t i = 0; i < s->predicate_count; i++) {
        if (is_field_predicate(&s->predicates[i]) && labels_find(labels, s->predicates[i].name).ptr)
            continue;
        s->predicates[kept] = s->predicates[i];
        s->is_exact[kept] = s->is_exact[i];
        s->owners[kept++] = s->owners[i];
    }
    s->predicate_count = kept;
    return BOLE_OK;
}

static bole_status plan_fields(struct source *s, const struct store_query *query, struct bole_err *err)
{
    size_t before = s->predicate_count;
    const struct source_options *o = s->options;
    for (const struct ast_stage *st = o->log->stages; st; st = st->next) {
        if (st->kind == STAGE_LABEL_FILTER)
            add_field_filter(s, st, st->filter);
        else if (st->kind != STAGE_LINE_FILTER && st->kind != STAGE_LINE_FORMAT && st->kind != STAGE_DECOLORIZE)
            break;
    }
    if (s->predicate_count == before)
        return BOLE_OK;
    struct store_query streams = *query;
    streams.predicates = NULL;
    streams.predicate_count = 0;
    return store_streams(o->request->store, o->view, &streams, check_stream, s, err);
}

static size_t count_filters(const struct label_filter *f)
{
    size_t count = f ? 1 : 0;
    for (const struct label_filter *child = f ? f->children : NULL; child; child = child->next)
        count += count_filters(child);
    return count;
}

static size_t count_predicates(const struct ast_stage *stages)
{
    size_t count = 0;
    for (const struct ast_stage *st = stages; st; st = st->next) {
        count += count_filters(st->filter);
        for (const struct ast_needle *n = st->needles; n; n = n->next)
            count += n->pattern ? n->pattern->count : 1;
    }
    return count;
}

/* Line filters look at the line as it is stored until a stage changes it. */
static bool plan(struct source *s)
{
    struct arena *arena = s->options->arena;
    const struct ast_stage *stages = s->options->log->stages;
    size_t cap = count_predicates(stages) + 1;
    s->order = pipeline_order(stages, arena, &s->order_count);
    s->predicates = arena_array(arena, cap, sizeof *s->predicates);
    s->owners = arena_array(arena, cap, sizeof *s->owners);
    s->is_exact = arena_array(arena, cap, sizeof *s->is_exact);
    if (!s->order || !s->predicates || !s->owners || !s->is_exact)
        return false;
    for (size_t i = 0; i < s->order_count && !stage_changes_line(s->order[i]); i++)
        if (s->order[i]->kind == STAGE_LINE_FILTER)
            push_line_filter(s, s->order[i]);
    return true;
}

/* True when every needle of the stage is a predicate that the store consumed wholly. */
static bool is_consumed(const struct source *s, const struct ast_stage *stage)
{
    size_t needles = 0, consumed = 0;
    for (const struct ast_needle *n = stage->needles; n; n = n->next)
        needles++;
    for (size_t i = 0; i < s->predicate_count; i++)
        consumed += s->owners[i] == stage && s->is_exact[i] && s->predicates[i].consumed == CONSUMED_WHOLLY;
    return stage->kind == STAGE_LINE_FILTER && needles == consumed;
}

/* After the store has said what it consumed: what is left to do here. */
static bool plan_rest(struct source *s)
{
    const struct source_options *o = s->options;
    s->pipeline.stages = arena_array(o->arena, s->order_count + 1, sizeof *s->pipeline.stages);
    if (!s->pipeline.stages)
        return false;
    s->needs_line = o->wants_line;
    s->needs_labels = o->wants_labels;
    for (size_t i = 0; i < s->order_count; i++) {
        const struct ast_stage *st = s->order[i];
        if (is_consumed(s, st))
            continue;
        s->pipeline.stages[s->pipeline.count++] = st;
        s->needs_line |= stage_reads_line(st);
        s->needs_labels |= stage_uses_labels(st);
        s->changes_labels |= stage_uses_labels(st) && st->kind != STAGE_LABEL_FILTER && st->kind != STAGE_LINE_FORMAT;
    }
    return true;
}

/* ---- streams ---- */

/* Room for one more. A label of that name keeps its value under another one, as in Loki. */
static size_t add_tenant(struct row_label *labels, size_t count, bole_slice tenant)
{
    for (size_t i = 0; i < count; i++)
        if (bole_slice_eq(labels[i].name, LABEL_TENANT))
            labels[i].name = S("original_" LABEL_TENANT_TEXT);
    labels[count++] = (struct row_label){LABEL_TENANT, tenant, ORIGIN_STREAM};
    row_labels_sort(labels, count);
    return count;
}

static struct source_stream *stream_at(struct source *s, uint32_t index)
{
    if (index >= s->stream_cap) {
        size_t cap = s->stream_cap * 2 > index + 1u ? s->stream_cap * 2 : index + 16u;
        struct source_stream *p = arena_array(s->options->arena, cap, sizeof *p);
        if (!p)
            return NULL;
        if (s->stream_cap)
            memcpy(p, s->streams, s->stream_cap * sizeof *p);
        s->streams = p;
        s->stream_cap = cap;
    }
    struct source_stream *stream = &s->streams[index];
    if (stream->is_known)
        return stream;
    bole_slice encoded = store_scan_stream(s->scan, index);
    struct row_label *labels = arena_array(s->options->arena, labels_count(encoded) + 2, sizeof *labels);
    struct reader r = reader_of(encoded);
    struct label l;
    if (!labels)
        return NULL;
    for (; labels_next(&r, &l); stream->count++)
        labels[stream->count] = (struct row_label){l.name, l.value, ORIGIN_STREAM};
    if (s->shown_tenant.len)
        stream->count = add_tenant(labels, stream->count, s->shown_tenant);
    stream->labels = labels;
    stream->is_out = s->options->request->stream.ptr && !bole_slice_eq(encoded, s->options->request->stream);
    stream->series = LABEL_SET_NONE;
    stream->is_known = true;
    return stream;
}

/* ---- running ---- */

/* Returns how many fields the row has. */
static size_t begin_row(struct source *s, struct vector *v, uint32_t at, bole_slice line, bool with_fields)
{
    const struct source_stream *stream = &s->streams[v->stream[at]];
    const struct batch_field *fields;
    arena_reset(&s->scratch);
    row_begin(&s->row, v->time_ns[at], line, stream->labels, stream->count);
    size_t count = with_fields ? v->fields(v, at, &fields) : 0;
    row_add_fields(&s->row, fields, count);
    return count;
}

/* Fields that do not matter were left out, but an error names all labels of its row. */
static bool shows_fields(const struct source *s, const struct vector *v)
{
    return v->has_no_fields && s->fields.count && row_has_error(&s->row);
}

static bole_status run_row(struct source *s, struct vector *v, uint32_t at, const struct source_sink *sink,
                           struct bole_err *err)
{
    struct source_stream *stream = stream_at(s, v->stream[at]);
    struct row *r = &s->row;
    size_t field_count;
    if (!stream)
        return query_out_of_memory(s->options->request, err);
    if (stream->is_out)
        return BOLE_OK;
    field_count =
        begin_row(s, v, at, s->needs_line ? column_get(&v->line, at) : (bole_slice){0}, s->needs_labels && !v->has_no_fields);
    s->options->stats->rows_in++;
    bool pass = pipeline_run(&s->pipeline, r);
    if (shows_fields(s, v)) {
        field_count = begin_row(s, v, at, r->line, s->needs_labels);
        pass = pipeline_run(&s->pipeline, r);
    }
    if (r->out_of_memory)
        return query_out_of_memory(s->options->request, err);
    if (!pass)
        return BOLE_OK;
    bool is_plain = field_count == 0 && !s->changes_labels && !row_has_error(r);
    struct source_row row = {r, v->seq[at], is_plain ? &stream->series : NULL, 1};
    return sink->row(s, &row, sink->ctx, err);
}

/* ---- rows of which only some values are known ---- */

/* Where the outcome is, or would be. */
static struct outcome **find_outcome(struct source *s, uint32_t stream, const bole_slice *values, uint64_t *ret_hash)
{
    uint32_t count = s->value_count;
    uint64_t hash = stream;
    for (uint32_t i = 0; i < count; i++)
        hash = hash64_seed(values[i], hash + (values[i].ptr != NULL));
    struct outcome **at = &s->outcomes[hash % (2 * OUTCOMES_MAX)];
    for (; *at; at = at + 1 < s->outcomes + 2 * OUTCOMES_MAX ? at + 1 : s->outcomes) {
        bool same = (*at)->hash == hash && (*at)->stream == stream;
        for (uint32_t i = 0; same && i < count; i++)
            same = bole_slice_eq((*at)->values[i], values[i]) && !(*at)->values[i].ptr == !values[i].ptr;
        if (same)
            break;
    }
    *ret_hash = hash;
    return at;
}

/* NULL: no room, which is no harm. */
static struct outcome *keep_outcome(struct source *s, uint32_t stream, const bole_slice *values, uint64_t hash, bool passes)
{
    struct outcome *o = s->outcome_count < OUTCOMES_MAX ? arena_zalloc(s->options->arena, sizeof *o) : NULL;
    if (!o)
        return NULL;
    *o = (struct outcome){hash, stream, LABEL_SET_NONE, passes, {{0}}};
    for (uint32_t i = 0; i < s->value_count; i++) {
        if (values[i].ptr)
            o->values[i] = arena_copy(s->options->arena, values[i]);
        if (values[i].ptr && !o->values[i].ptr)
            return NULL;
    }
    s->outcome_count++;
    return o;
}

static bole_status give_known(struct source *s, struct vector *v, uint32_t at, struct outcome *known, uint32_t count,
                              const struct source_sink *sink, struct bole_err *err)
{
    s->row.time_ns = v->time_ns[at];
    s->row.count = 0;
    s->row.error = (bole_slice){0};
    struct source_row row = {&s->row, v->seq[at], &known->series, count};
    return known->passes ? sink->row(s, &row, sink->ctx, err) : BOLE_OK;
}

static bool pass_values(struct source *s, struct vector *v, uint32_t at, const bole_slice *values, bool with_fields)
{
    struct row *r = &s->row;
    struct pipeline rest = pipeline_rest(&s->pipeline);
    begin_row(s, v, at, (bole_slice){0}, with_fields);
    if (s->parser->kind == STAGE_JSON)
        json_shape_set(&s->json, r, values);
    else if (s->parser->kind == STAGE_LOGFMT)
        logfmt_shape_set(&s->json, r, values);
    else
        text_shape_set(&s->text, r, values);
    return !r->is_out && pipeline_run(&rest, r);
}

/* As run_row, but the first stage is done already: its values are there. recent: where to keep what becomes of them, or NULL. */
static bole_status run_values(struct source *s, struct vector *v, uint32_t at, const bole_slice *values, struct recent *recent,
                              const struct source_sink *sink, struct bole_err *err)
{
    struct source_stream *stream = stream_at(s, v->stream[at]);
    struct row *r = &s->row;
    uint64_t hash = 0;
    if (!stream)
        return query_out_of_memory(s->options->request, err);
    struct outcome **slot = s->outcomes && v->has_no_fields ? find_outcome(s, v->stream[at], values, &hash) : NULL;
    struct outcome *known = slot ? *slot : NULL;
    if (known && (!known->passes || known->series != LABEL_SET_NONE)) {
        if (recent)
            *recent = (struct recent){v->value_epoch, v->value_index[at], v->stream[at], 0, known};
        return give_known(s, v, at, known, 1, sink, err);
    }
    struct source_row row = {r, v->seq[at], known ? &known->series : NULL, 1};
    bool passes = pass_values(s, v, at, values, !v->has_no_fields);
    if (shows_fields(s, v))
        passes = pass_values(s, v, at, values, true);
    if (r->out_of_memory)
        return query_out_of_memory(s->options->request, err);
    if (slot && !known && !row_has_error(r)) {
        known = *slot = keep_outcome(s, v->stream[at], values, hash, passes);
        row.series = known ? &known->series : NULL;
    }
    return passes ? sink->row(s, &row, sink->ctx, err) : BOLE_OK;
}

/* The values that the store has read. */
static bole_status run_split(struct source *s, struct vector *v, uint32_t at, const struct source_sink *sink,
                             struct bole_err *err)
{
    bole_slice values[LINE_VALUES_MAX];
    for (uint32_t i = 0; i < s->value_count; i++)
        values[i] = v->values[i][v->value_index ? v->value_index[at] : at];
    s->options->stats->rows_in++;
    return run_values(s, v, at, values, NULL, sink, err);
}

/* ---- vectors of which all rows count alike ---- */

static bool counts_alike(const struct source *s, const struct vector *v, const struct source_sink *sink)
{
    const struct source_options *o = s->options;
    if (!s->recent || !s->waiting || !v->value_index || !v->has_no_fields || !sink->counts_alike || sink->wants)
        return false;
    int64_t from = INT64_MAX, to = INT64_MIN;
    for (uint32_t r = 0; r < v->row_count; r++) {
        from = v->time_ns[r] < from ? v->time_ns[r] : from;
        to = v->time_ns[r] > to ? v->time_ns[r] : to;
    }
    return from >= o->from_ns && to < o->to_ns && sink->counts_alike(from, to, sink->ctx);
}

/* Rows that are known wait, and are given once per stream and values. */
static bole_status run_counted(struct source *s, struct vector *v, uint32_t at, const struct source_sink *sink,
                               struct bole_err *err)
{
    uint32_t index = v->value_index[at], stream = v->stream[at], place = (index ^ stream * 0x9e37u) % RECENT_COUNT;
    struct recent *recent = &s->recent[place];
    if (recent->epoch == v->value_epoch && recent->index == index && recent->stream == stream) {
        if (recent->waiting++ == 0)
            s->waiting[s->waiting_count++] = (uint16_t)place;
        return BOLE_OK;
    }
    bole_slice values[LINE_VALUES_MAX];
    for (uint32_t i = 0; i < s->value_count; i++)
        values[i] = v->values[i][index];
    s->options->stats->rows_in++;
    return run_values(s, v, at, values, recent->waiting ? NULL : recent, sink, err);
}

static bole_status give_waiting(struct source *s, struct vector *v, const struct source_sink *sink, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    for (uint32_t i = 0; i < s->waiting_count && st == BOLE_OK; i++) {
        struct recent *recent = &s->recent[s->waiting[i]];
        s->options->stats->rows_in += recent->waiting;
        st = give_known(s, v, 0, recent->outcome, recent->waiting, sink, err);
        recent->waiting = 0;
    }
    s->waiting_count = 0;
    return st;
}

/* The values that the regexp finds. A group that took no part sets an empty label; where nothing matches none is set. */
static bole_status run_regexp(struct source *s, struct vector *v, uint32_t at, const struct source_sink *sink,
                              struct bole_err *err)
{
    bole_slice groups[REGEXP_GROUPS_FEW], values[LINE_VALUES_MAX] = {{0}};
    bool matches = regexp_find(s->parser, column_get(&v->line, at), groups, s->text.group_count);
    for (uint32_t i = 0; matches && i < s->value_count; i++)
        values[i] = groups[s->text.places[i]].ptr ? groups[s->text.places[i]] : S("");
    s->options->stats->rows_in++;
    return run_values(s, v, at, values, NULL, sink, err);
}

/* The first thing left to do, if nobody looks at the line after it. */
static const struct ast_stage *only_reader(const struct source *s)
{
    if (s->options->wants_line || s->pipeline.count == 0)
        return NULL;
    for (size_t i = 1; i < s->pipeline.count; i++)
        if (stage_reads_line(s->pipeline.stages[i]))
            return NULL;
    return s->pipeline.stages[0];
}

/* Where a parser is the only one to look at the line, what it sets decides, and the store may be able to read that. */
static const struct line_reader *plan_values(struct source *s, struct arena *shape_scratch)
{
    const struct source_options *o = s->options;
    const struct ast_stage *stage = only_reader(s);
    const struct line_reader *reader = NULL;
    if (!stage || (o->hints && o->hints->no_labels))
        return NULL;
    if (stage->kind == STAGE_JSON && !stage->pairs && json_shape_reader_init(&s->json, o->hints, shape_scratch))
        reader = &s->json.reader;
    if (stage->kind == STAGE_LOGFMT && logfmt_shape_reader_init(&s->json, stage, o->hints, shape_scratch))
        reader = &s->json.reader;
    if ((stage->kind == STAGE_REGEXP || stage->kind == STAGE_PATTERN) &&
        text_shape_reader_init(&s->text, stage, &s->row, shape_scratch))
        reader = &s->text.reader;
    if (!reader)
        return NULL;
    s->parser = stage;
    s->value_count = reader->value_count;
    s->wants_outcomes = o->labels_decide;
    return reader->read || reader->derive ? reader : NULL;
}

static bool shows_stored(const struct source *s, const struct source_sink *sink)
{
    return sink->stored && s->pipeline.count == 0 && !s->options->request->stream.ptr;
}

/* Which fields of the records can show in the answer, if it depends on labels of some names only and nothing but filters looks at
 * labels: those that are called so, or so without "_extracted". NULL: all. */
static const struct store_fields *plan_only_fields(struct source *s)
{
    const struct row_hints *hints = s->options->hints;
    if (!s->options->wants_hinted || !hints || !hints->some_labels || hints->keeps_errors)
        return NULL;
    for (size_t i = 0; i < s->pipeline.count; i++)
        switch (s->pipeline.stages[i]->kind) {
        case STAGE_LINE_FILTER:
        case STAGE_LABEL_FILTER:
        case STAGE_JSON:
        case STAGE_LOGFMT:
        case STAGE_REGEXP:
        case STAGE_PATTERN: break;
        default: return NULL;
        }
    s->fields = (struct store_fields){hints->names, hints->name_count};
    return &s->fields;
}

/* ---- vectors ---- */

static bole_status check_wanted(const struct query_request *request, struct bole_err *err)
{
    bool over = request->cancelled && request->cancelled(request->cancelled_ctx);
    return over ? bole_fail(err, BOLE_E_CANCELLED, "the query was cancelled") : BOLE_OK;
}

#define COSTLY_ROW_BYTES (256u * 1024) /* worked on by templates: worth a question of its own */

static bole_status run_any(struct source *s, struct vector *v, uint32_t at, bool alike, const struct source_sink *sink,
                           struct bole_err *err)
{
    if (s->is_stored) {
        s->options->stats->rows_in++;
        return sink->stored(v, at, sink->ctx, err);
    }
    bool is_split = v->values && !(v->whole[at / 64] >> at % 64 & 1);
    if (is_split)
        return (alike ? run_counted : run_split)(s, v, at, sink, err);
    return (s->parser && s->parser->kind == STAGE_REGEXP ? run_regexp : run_row)(s, v, at, sink, err);
}

static bole_status run_alike(struct source *s, struct vector *v, const struct source_sink *sink, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    for (uint32_t w = 0; w * 64 < v->row_count && st == BOLE_OK; w++)
        for (uint64_t left = v->selected[w]; left && st == BOLE_OK; left &= left - 1)
            st = run_any(s, v, w * 64 + (uint32_t)__builtin_ctzll(left), true, sink, err);
    return st == BOLE_OK ? give_waiting(s, v, sink, err) : st;
}

/* Half a megabyte, which a query that finds nothing never touches. Without it everything is worked out anew. */
static void make_outcomes(struct source *s)
{
    struct arena *arena = s->options->arena;
    s->outcomes = arena_array(arena, 2 * OUTCOMES_MAX, sizeof *s->outcomes);
    s->recent = arena_array(arena, RECENT_COUNT, sizeof *s->recent);
    s->waiting = arena_array(arena, RECENT_COUNT, sizeof *s->waiting);
    s->wants_outcomes = false;
}

static bole_status run_vector(struct source *s, struct vector *v, const struct source_sink *sink, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    if (s->wants_outcomes)
        make_outcomes(s);
    if (counts_alike(s, v, sink))
        return run_alike(s, v, sink, err);
    for (uint32_t at = vector_first(v); at < v->row_count && st == BOLE_OK; at = vector_next(v, at)) {
        if (v->time_ns[at] < s->options->from_ns || v->time_ns[at] >= s->options->to_ns)
            continue;
        if (!sink->wants || sink->wants(v->time_ns[at], v->seq[at], sink->ctx))
            st = run_any(s, v, at, false, sink, err);
        if (st == BOLE_OK && s->row.template_bytes > COSTLY_ROW_BYTES)
            st = check_wanted(s->options->request, err);
    }
    return st;
}

static uint64_t count_selected(const struct vector *v)
{
    uint64_t count = 0;
    for (uint32_t w = 0; w * 64 < v->row_count; w++)
        count += (uint64_t)__builtin_popcountll(v->selected[w]);
    return count;
}

static bole_status next_vector(struct source *s, struct vector **ret, struct bole_err *err)
{
    struct explain_scan *x = s->explain;
    if (!x)
        return query_store_status(s->options->request, store_scan_next(s->scan, ret, err), err);
    const struct clock *clock = s->options->request->explain->clock;
    uint64_t begin = clock_mono_ns(clock);
    bole_status st = query_store_status(s->options->request, store_scan_next(s->scan, ret, err), err);
    x->store_ns += clock_mono_ns(clock) - begin;
    x->rows_selected += st == BOLE_OK ? count_selected(*ret) : 0;
    return st;
}

static bole_status check_scanned(const struct source *s, struct bole_err *err)
{
    uint64_t most = s->options->request->max_scan_bytes;
    struct store_scan_stats scan;
    if (!most)
        return BOLE_OK;
    store_scan_stats(s->scan, &scan);
    return query_check_scanned(most, s->options->stats->bytes_scanned + scan.bytes_scanned, err);
}

bole_status query_check_scanned(uint64_t most, uint64_t scanned, struct bole_err *err)
{
    if (!most || scanned <= most)
        return BOLE_OK;
    return bole_fail(
        err, BOLE_E_LIMIT,
        "the query looks at more than its limit of %.6g MB of lines: narrow the time range or the selector, or raise the "
        "server's --max-query-bytes",
        (double)most / 1e6);
}

/* Asked by the store, which may look at much before it has a vector. */
static bool is_over(void *ctx)
{
    const struct source *s = ctx;
    const struct query_request *request = s->options->request;
    return (request->cancelled && request->cancelled(request->cancelled_ctx)) || (s->scan && check_scanned(s, NULL) < 0);
}

static bole_status run_scan(struct source *s, const struct source_sink *sink, struct bole_err *err)
{
    const struct query_request *request = s->options->request;
    for (;;) {
        struct vector *v = NULL;
        bole_status st = check_wanted(request, err);
        if (st == BOLE_OK)
            st = next_vector(s, &v, err);
        if (check_scanned(s, err) < 0)
            return BOLE_E_LIMIT;
        if (st != BOLE_OK)
            return st == BOLE_END ? BOLE_OK : st;
        st = run_vector(s, v, sink, err);
        if (st != BOLE_OK)
            return st;
    }
}

static void add_stats(struct source *s)
{
    struct store_scan_stats scan = {0};
    struct query_stats *stats = s->options->stats;
    store_scan_stats(s->scan, &scan);
    stats->rows_scanned += scan.rows_scanned;
    stats->bytes_scanned += scan.bytes_scanned;
    stats->parts_total += scan.parts_total;
    stats->parts_pruned += scan.parts_pruned;
    stats->bad_chunks += scan.bad_chunks;
    if (s->explain)
        s->explain->store = scan;
}

static bole_status run_explained(struct source *s, const struct store_query *query, const struct source_sink *sink,
                                 struct bole_err *err)
{
    const struct source_options *o = s->options;
    struct query_explain *all = o->request->explain;
    struct explain_scan *x = s->explain = explain_scan_add(all, o->log, o->from_ns, o->to_ns);
    uint64_t begin = clock_mono_ns(all->clock), rows_out = o->stats->rows_out;
    if (!x)
        return run_scan(s, sink, err);
    x->reads_line = query->projection & PROJECT_LINE;
    x->reads_fields = query->projection & PROJECT_FIELDS;
    explain_scan_filters(all, x, s->predicates, s->predicate_count);
    explain_scan_stages(all, x, &s->pipeline, o->log->stages);
    if (query->reader && s->pipeline.costs)
        s->pipeline.costs[0]->where = "columns";
    bole_status st = run_scan(s, sink, err);
    x->all_ns = clock_mono_ns(all->clock) - begin;
    x->rows_out = o->stats->rows_out - rows_out;
    return st;
}

/* The matchers that the store knows: those on the tenants have been asked already. */
static size_t without_tenants(struct store_matcher *matchers, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!bole_slice_eq(matchers[i].name, LABEL_TENANT))
            matchers[kept++] = matchers[i];
    return kept;
}

/* shown: the tenant is one of several. */
static bole_status run_tenant(const struct source_options *o, bole_slice tenant, bool shown, const struct source_sink *sink,
                              struct bole_err *err)
{
    const struct query_request *request = o->request;
    struct source s = {.options = o, .shown_tenant = shown ? tenant : (bole_slice){0}};
    size_t matcher_count = 0;
    bole_status st = BOLE_OK;
    struct arena shape_scratch;
    arena_init(&s.scratch, request->budget);
    arena_init(&shape_scratch, request->budget);
    s.row = (struct row){.scratch = &s.scratch, .hints = o->hints};
    s.row.labels = arena_alloc(o->arena, ROW_LABELS_MAX * sizeof *s.row.labels);
    struct store_matcher *matchers = source_matchers(o->log->matchers, o->arena, &matcher_count);
    if (!s.row.labels || !matchers || !plan(&s)) {
        st = query_out_of_memory(request, err);
        goto cleanup;
    }
    if (shown)
        matcher_count = without_tenants(matchers, matcher_count);
    bool reads_line = o->wants_line, reads_labels = o->wants_labels;
    for (const struct ast_stage *stage = o->log->stages; stage; stage = stage->next) {
        reads_line |= stage_reads_line(stage);
        reads_labels |= stage_uses_labels(stage);
    }
    struct store_query query = {
        .tenant = tenant, .from_ns = o->from_ns, .to_ns = o->to_ns, .matchers = matchers,
        .matcher_count = matcher_count, .predicates = s.predicates, .predicate_count = s.predicate_count,
        .projection = (reads_line ? PROJECT_LINE : 0u) | (reads_labels ? PROJECT_FIELDS : 0u),
        .direction = o->direction, .ignores_seq = o->ignores_seq,
        .budget = request->budget, .cancelled = is_over, .cancelled_ctx = &s,
    };
    st = plan_fields(&s, &query, err);
    query.predicate_count = s.predicate_count;
    if (st == BOLE_OK)
        st = query_store_status(request, store_scan_open(request->store, o->view, &query, &s.scan, err), err);
    if (st < 0)
        goto cleanup;
    if (plan_rest(&s)) {
        s.is_stored = shows_stored(&s, sink);
        query.reader = s.is_stored ? sink->reader(sink->ctx) : plan_values(&s, &shape_scratch);
        query.only_fields = plan_only_fields(&s);
        st = request->explain ? run_explained(&s, &query, sink, err) : run_scan(&s, sink, err);
    } else {
        st = query_out_of_memory(request, err);
    }
    add_stats(&s);
cleanup:
    store_scan_close(s.scan);
    arena_deinit(&shape_scratch);
    arena_deinit(&s.scratch);
    return st;
}

static bool is_asked(const struct ast_matcher *matchers, bole_slice tenant)
{
    for (const struct ast_matcher *m = matchers; m; m = m->next)
        if (bole_slice_eq(m->name, LABEL_TENANT) && !match_text(m->op, m->value, m->regex, tenant))
            return false;
    return true;
}

bole_status source_run(const struct source_options *o, const struct source_sink *sink, struct bole_err *err)
{
    const struct query_request *request = o->request;
    bole_status st = BOLE_OK;
    if (request->tenant_count < 2)
        return run_tenant(o, request->tenant, false, sink, err);
    for (size_t i = 0; i < request->tenant_count && st == BOLE_OK; i++)
        if (is_asked(o->log->matchers, request->tenants[i]))
            st = run_tenant(o, request->tenants[i], true, sink, err);
    return st;
}

void source_set_bound(struct source *s, int64_t bound_ns)
{
    store_scan_set_bound(s->scan, bound_ns);
}
