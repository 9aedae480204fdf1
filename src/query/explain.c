#include "query/explain.h"

#include "base/err.h"
#include "base/timefmt.h"
#include "query/exec.h"
#include "query/parser.h"
#include "query/set/set.h"

void query_explain_init(struct query_explain *x, const struct clock *clock, struct budget *budget)
{
    *x = (struct query_explain){.clock = clock};
    arena_init(&x->arena, budget);
    x->scans_tail = &x->scans;
    x->sets_tail = &x->sets;
}

void query_explain_deinit(struct query_explain *x)
{
    arena_deinit(&x->arena);
}

static void *alloc(struct query_explain *x, size_t size)
{
    void *p = arena_zalloc(&x->arena, size);
    x->failed |= !p;
    return p;
}

/* What was printed, kept. */
static bole_slice take_text(struct query_explain *x, struct buf *b)
{
    bole_slice s = b->failed ? (bole_slice){0} : arena_copy(&x->arena, buf_slice(b));
    x->failed |= !s.ptr;
    buf_deinit(b);
    return s;
}

struct explain_scan *explain_scan_add(struct query_explain *x, const struct ast_log *log, int64_t from_ns, int64_t to_ns)
{
    struct buf b;
    if (!x || x->scan_count++ >= EXPLAIN_SCANS_MAX)
        return NULL;
    struct explain_scan *s = alloc(x, sizeof *s);
    if (!s)
        return NULL;
    buf_init(&b, x->arena.budget);
    ast_print_matchers(log->matchers, &b);
    s->selector = take_text(x, &b);
    s->from_ns = from_ns;
    s->to_ns = to_ns;
    *x->scans_tail = s;
    x->scans_tail = &s->next;
    return s;
}

static void print_predicate(const struct store_predicate *p, struct buf *out)
{
    static const char *const names[] = {[PREDICATE_LINE_CONTAINS] = "|= ", [PREDICATE_LINE_NOT_CONTAINS] = "!= ",
                                        [PREDICATE_LINE_MATCHES] = "|~ ", [PREDICATE_LINE_NOT_MATCHES] = "!~ ",
                                        [PREDICATE_FIELD_EQ] = "=", [PREDICATE_FIELD_NE] = "!="};
    buf_put(out, p->name);
    buf_put_str(out, names[p->kind]);
    ast_print_string(p->value, out);
}

void explain_scan_filters(struct query_explain *x, struct explain_scan *scan, const struct store_predicate *predicates,
                          size_t count)
{
    struct explain_filter **tail = &scan->filters;
    for (size_t i = 0; i < count; i++) {
        struct explain_filter *f = alloc(x, sizeof *f);
        struct buf b;
        if (!f)
            return;
        buf_init(&b, x->arena.budget);
        print_predicate(&predicates[i], &b);
        f->text = take_text(x, &b);
        f->consumed = predicates[i].consumed;
        *tail = f;
        tail = &f->next;
    }
}

static struct explain_stage *add_stage(struct query_explain *x, const struct ast_stage *stage, struct explain_stage ***tail)
{
    struct explain_stage *s = alloc(x, sizeof *s);
    struct buf b;
    if (!s)
        return NULL;
    buf_init(&b, x->arena.budget);
    ast_print_stage(stage, &b);
    s->text = take_text(x, &b);
    s->where = "";
    **tail = s;
    *tail = &s->next;
    return s;
}

void explain_pipeline(struct query_explain *x, struct pipeline *p, struct explain_stage ***tail)
{
    struct explain_stage **costs = arena_array(&x->arena, p->count + 1, sizeof *costs);
    for (size_t i = 0; costs && i < p->count; i++)
        if (!(costs[i] = add_stage(x, p->stages[i], tail)))
            return;
    p->costs = costs;
    p->clock = x->clock;
}

void explain_scan_stages(struct query_explain *x, struct explain_scan *scan, struct pipeline *p, const struct ast_stage *all)
{
    struct explain_stage **tail = &scan->stages, **costs = arena_array(&x->arena, p->count + 1, sizeof *costs);
    size_t i = 0;
    for (const struct ast_stage *stage = all; costs && stage; stage = stage->next) {
        struct explain_stage *s = add_stage(x, stage, &tail);
        if (!s)
            return;
        if (i < p->count && p->stages[i] == stage)
            costs[i++] = s;
        else
            s->where = "store";
    }
    p->costs = costs;
    p->clock = x->clock;
}

struct explain_stage *explain_set(struct query_explain *x, const struct ast_set *set)
{
    struct explain_stage *s = x ? alloc(x, sizeof *s) : NULL;
    struct buf b;
    if (!s)
        return NULL;
    buf_init(&b, x->arena.budget);
    if (set)
        ast_print_set(set, &b);
    s->text = take_text(x, &b);
    s->where = "";
    *x->sets_tail = s;
    x->sets_tail = &s->next;
    return s;
}

bole_status query_explain_run(const struct query *q, struct query_request *request, struct query_explain *x,
                              struct query_stats *ret_stats, struct bole_err *err)
{
    struct query_result *result = NULL;
    struct buf b;
    buf_init(&b, x->arena.budget);
    query_format(q, &b);
    x->query = take_text(x, &b);
    request->explain = x;
    uint64_t begin = clock_mono_ns(x->clock), cpu = clock_cpu_ns();
    bole_status st = query_exec(q, request, &result, err);
    x->all_ns = clock_mono_ns(x->clock) - begin;
    x->cpu_ns = clock_cpu_ns() - cpu;
    request->explain = NULL;
    if (st < 0)
        return st;
    x->rows = result->type == QUERY_STREAMS ? result->stats.entries : result->type == QUERY_SCALAR ? 1 : result->series_count;
    *ret_stats = result->stats;
    query_result_destroy(result);
    return x->failed ? bole_fail(err, BOLE_E_LIMIT, "no memory for the explanation") : BOLE_OK;
}

/* ---- as JSON ---- */

static void put_ms(struct buf *out, const char *name, uint64_t ns)
{
    buf_printf(out, ",\"%s\":%llu.%03llu", name, (unsigned long long)(ns / 1000000), (unsigned long long)(ns / 1000 % 1000));
}

static void put_count(struct buf *out, const char *name, uint64_t count)
{
    buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)count);
}

static void put_stages(const struct explain_stage *s, struct buf *out)
{
    buf_put_str(out, ",\"stages\":[");
    for (; s; s = s->next) {
        buf_put_str(out, "{\"stage\":");
        buf_put_json(out, s->text, false);
        buf_printf(out, ",\"where\":\"%s\"", s->where);
        put_count(out, "rows_in", s->rows_in);
        put_count(out, "rows_out", s->rows_out);
        put_ms(out, "ms", s->ns);
        buf_put_str(out, s->next ? "}," : "}");
    }
    buf_put_u8(out, ']');
}

static void put_filters(const struct explain_filter *f, struct buf *out)
{
    static const char *const consumed[] = {[CONSUMED_NONE] = "no", [CONSUMED_PARTLY] = "partly", [CONSUMED_WHOLLY] = "wholly"};
    buf_put_str(out, ",\"filters\":[");
    for (; f; f = f->next) {
        buf_put_str(out, "{\"filter\":");
        buf_put_json(out, f->text, false);
        buf_printf(out, ",\"store\":\"%s\"}%s", consumed[f->consumed], f->next ? "," : "");
    }
    buf_put_u8(out, ']');
}

static void put_time(struct buf *out, const char *name, int64_t ns)
{
    char text[TIME_TEXT_MAX];
    time_format_rfc3339(ns, -1, text);
    buf_printf(out, ",\"%s\":\"%s\"", name, text);
}

static void put_scan(const struct explain_scan *s, struct buf *out)
{
    const struct store_scan_stats *t = &s->store;
    buf_put_str(out, "{\"selector\":");
    buf_put_json(out, s->selector, false);
    put_time(out, "from", s->from_ns);
    put_time(out, "to", s->to_ns);
    buf_printf(out, ",\"how\":\"%s\",\"reads_line\":%s,\"reads_fields\":%s",
               s->is_count ? "counts of the store, without rows" : "rows", s->reads_line ? "true" : "false",
               s->reads_fields ? "true" : "false");
    put_filters(s->filters, out);
    put_count(out, "segments", t->segments_total);
    put_count(out, "segments_out_by_time", t->segments_pruned);
    put_count(out, "parts", t->parts_total);
    put_count(out, "parts_out", t->parts_pruned);
    put_count(out, "parts_out_by_tokens", t->pruned_by_tokens);
    put_count(out, "parts_out_by_streams", t->pruned_by_streams);
    put_count(out, "parts_out_by_rows", t->pruned_by_rows);
    put_count(out, "parts_out_by_limit", t->pruned_by_bound);
    put_count(out, "rows_scanned", t->rows_scanned);
    put_count(out, "bytes_scanned", t->bytes_scanned);
    put_count(out, "rows_selected", s->rows_selected);
    put_count(out, "rows_out", s->rows_out);
    put_ms(out, "store_ms", s->store_ns);
    put_ms(out, "ms", s->all_ns);
    put_stages(s->stages, out);
    buf_put_u8(out, '}');
}

void query_explain_print(const struct query_explain *x, struct buf *out)
{
    buf_put_str(out, "{\"query\":");
    buf_put_json(out, x->query, false);
    put_ms(out, "ms", x->all_ns);
    put_ms(out, "cpu_ms", x->cpu_ns);
    put_count(out, "rows", x->rows);
    put_count(out, "scan_count", x->scan_count);
    buf_put_str(out, ",\"scans\":[");
    for (const struct explain_scan *s = x->scans; s; s = s->next) {
        put_scan(s, out);
        buf_put_str(out, s->next ? "," : "");
    }
    buf_put_u8(out, ']');
    put_stages(x->sets, out);
    buf_put_u8(out, '}');
}
