/*
 * Queries are put together from parts: a selector, line filters around real needles, a parser, a filter on what it
 * found, and around that an aggregation. Sums of floating point numbers may come in another order and so differ in the
 * last digits; nothing else may.
 */
#include "logql.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/test.h"
#include "query/parser.h"
#include "query/query.h"
#include "question.h"

/* ---- text ---- */

static void put_selector(struct world *w, struct buf *b)
{
    static const char *const selectors[] = {
        "{app=\"app0\"}",           "{app=~\"app[0-2]\"}",         "{app=~\".+\"}", "{app=~\".+\", env=\"prod\"}",
        "{app=~\".+\", pod!=\"\"}", "{app=\"app1\", env!~\"t.*\"}"};
    bole_slice pod = labels_find(w->streams[world_below(w, w->stream_count)].labels, S("pod"));
    if (pod.ptr && world_chance(w, 25)) {
        buf_put_str(b, "{pod=");
        ast_print_string(pod, b);
        buf_put_str(b, "}");
    } else {
        buf_put_str(b, selectors[world_below(w, 6)]);
    }
}

static void put_line_filter(struct world *w, struct arena *arena, struct buf *b)
{
    static const char *const ops[] = {" |= ", " |= ", " |= ", " != ", " |~ ", " |~ ", " !~ "};
    const char *op = ops[world_below(w, 7)];
    buf_put_str(b, op);
    ast_print_string(strchr(op, '~') ? question_pattern(w, arena) : question_needle(w, arena), b);
    if (op[1] == '|' && world_chance(w, 15)) {
        buf_put_str(b, " or ");
        ast_print_string(strchr(op, '~') ? question_pattern(w, arena) : question_needle(w, arena), b);
    }
}

static void put_label_filter(struct world *w, struct arena *arena, struct buf *b)
{
    static const char *const filters[] = {"status >= 400",
                                          "status = \"200\"",
                                          "size > 500",
                                          "size <= 500 and status != \"404\"",
                                          "level =~ \"(?i)err.*\"",
                                          "duration > 100ms",
                                          "size > 1kb",
                                          "user = \"user7\"",
                                          "key1 = \"INFO\"",
                                          "id != \"\"",
                                          "ip = ip(\"10.0.0.0/9\")",
                                          "nested_in =~ \".+\" or count_of < 7",
                                          "key2 > 10",
                                          "x != \"\"",
                                          "__error__ = \"\"",
                                          "msg =~ \"\\\\d+\""};
    buf_put_str(b, " | ");
    if (world_chance(w, 80)) {
        buf_put_str(b, filters[world_below(w, sizeof filters / sizeof *filters)]);
        return;
    }
    buf_printf(b, "%s = ", (const char *const[]){"msg", "id", "path", "key0", "trace"}[world_below(w, 5)]);
    ast_print_string(question_needle(w, arena), b);
}

static void put_parser(struct world *w, struct buf *b)
{
    static const char *const parsers[] = {" | json",
                                          " | json",
                                          " | json",
                                          " | json",
                                          " | json",
                                          " | json status, size",
                                          " | json v=\"nested.in\", id",
                                          " | logfmt",
                                          " | logfmt",
                                          " | logfmt status, user",
                                          " | logfmt --strict",
                                          " | regexp `(?P<ip>\\d+\\.\\d+\\.\\d+\\.\\d+)`",
                                          " | regexp `\\s(?P<size>\\d+)\\s.*?(?P<x>\\w+)`",
                                          " | regexp `^(?P<ip>\\S+) .*\"(?P<x>[A-Z]+) (?P<path>\\S+)`",
                                          " | regexp `(?P<x>[A-Za-z]+)[^A-Za-z]*$`",
                                          " | regexp `(?P<user>\\w+)=(?P<x>[^ ,]*)`",
                                          " | regexp `^(?P<x>.*?): (?P<level>[A-Za-z]+)`",
                                          " | regexp `(?P<x>\\d+)\\D*$`",
                                          " | regexp `\\[(?P<x>[^\\]]*)\\].*?(?P<level>[A-Z]{2,})`",
                                          " | pattern `<ip> <_> <user> <_>`",
                                          " | pattern `<ip> - <user> [<_>] \"<x> <path> <_>\" <status> <_>`",
                                          " | pattern `<_>=<x> <user>=<path> <_>`",
                                          " | pattern `<x>: <_>`",
                                          " | pattern `<_>[<x>]<_>`",
                                          " | unpack",
                                          " | json | line_format `{{.status}} {{.msg}}`",
                                          " | label_format x=app",
                                          " | decolorize"};
    buf_put_str(b, parsers[world_below(w, sizeof parsers / sizeof *parsers)]);
}

static void put_pipeline(struct world *w, struct arena *arena, struct buf *b)
{
    put_selector(w, b);
    for (uint64_t n = world_chance(w, 40) ? 0 : 1 + world_below(w, 2); n; n--)
        put_line_filter(w, arena, b);
    if (world_chance(w, 60)) {
        put_parser(w, b);
        if (world_chance(w, 40))
            buf_put_str(b, " | __error__ = \"\"");
        if (world_chance(w, 20))
            put_line_filter(w, arena, b);
    }
    for (uint64_t n = world_chance(w, 60) ? 0 : 1 + world_below(w, 2); n; n--)
        put_label_filter(w, arena, b);
    if (world_chance(w, 10))
        buf_put_str(b, world_chance(w, 50) ? " | drop user, id" : " | keep app, status, level");
}

static void put_metric(struct world *w, struct arena *arena, struct buf *b)
{
    static const char *const counts[] = {"count_over_time", "count_over_time", "rate",
                                         "bytes_over_time", "bytes_rate",      "absent_over_time"};
    static const char *const unwraps[] = {
        "sum_over_time",   "max_over_time", "min_over_time", "avg_over_time", "quantile_over_time(0.9, ",
        "stddev_over_time"};
    static const char *const values[] = {"size", "status", "duration(duration)", "bytes(size)", "key2", "count_of"};
    static const char *const sums[] = {"sum by (app) (",      "sum by (env, level) (", "sum (",
                                       "count by (status) (", "max by (app, key1) (",  "sum without (pod) (",
                                       "sum by (pod) (",     "sum by (x) (",           "sum by (x, ip) (",
                                       "sum by (user, x) (", "sum by (path, status) ("};
    static const char *const ranges[] = {"[1m]", "[5m]", "[1m30s]", "[1h]", "[7s]"};
    bool is_summed = world_chance(w, 75), is_unwrap = world_chance(w, 25);
    bool is_top = is_summed && world_chance(w, 20);
    if (is_top)
        buf_put_str(b, "topk(5, ");
    if (is_summed)
        buf_put_str(b, sums[world_below(w, sizeof sums / sizeof *sums)]);
    const char *function = is_unwrap ? unwraps[world_below(w, 6)] : counts[world_below(w, 6)];
    buf_put_str(b, function);
    buf_put_str(b, strchr(function, '(') ? "" : "(");
    put_pipeline(w, arena, b);
    if (is_unwrap)
        buf_printf(b, " | unwrap %s%s", values[world_below(w, 6)], world_chance(w, 60) ? " | __error__=\"\"" : "");
    buf_printf(b, " %s)%s", ranges[world_below(w, 5)], is_top ? "))" : is_summed ? ")" : "");
}

/* ---- comparing ---- */

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

static bool same_row_labels(const struct row_label *a, size_t a_count, const struct row_label *b, size_t b_count)
{
    for (size_t i = 0; a_count == b_count && i < a_count; i++)
        if (!bole_slice_eq(a[i].name, b[i].name) || !bole_slice_eq(a[i].value, b[i].value) ||
            a[i].origin != b[i].origin)
            return false;
    return a_count == b_count;
}

static bool same_stream(const struct query_stream *a, const struct query_stream *b)
{
    if (a->entry_count != b->entry_count || !same_row_labels(a->labels, a->label_count, b->labels, b->label_count))
        return false;
    for (size_t i = 0; i < a->entry_count; i++) {
        const struct query_entry *x = &a->entries[i], *y = &b->entries[i];
        if (x->time_ns != y->time_ns || x->seq != y->seq || !bole_slice_eq(x->line, y->line) ||
            !same_row_labels(x->labels, x->label_count, y->labels, y->label_count))
            return false;
    }
    return true;
}

static bool same_series(const struct query_series *a, const struct query_series *b)
{
    if (a->point_count != b->point_count || a->label_count != b->label_count)
        return false;
    for (size_t i = 0; i < a->label_count; i++)
        if (!bole_slice_eq(a->labels[i].name, b->labels[i].name) ||
            !bole_slice_eq(a->labels[i].value, b->labels[i].value))
            return false;
    for (size_t i = 0; i < a->point_count; i++)
        if (a->points[i].time_ns != b->points[i].time_ns || !same_number(a->points[i].value, b->points[i].value))
            return false;
    return true;
}

/* NULL when they are the same, else what differs. */
static const char *difference(const struct query_result *a, const struct query_result *b)
{
    if (a->type != b->type || a->stream_count != b->stream_count || a->series_count != b->series_count)
        return "the number of streams or series";
    for (size_t i = 0; i < a->stream_count; i++)
        if (!same_stream(&a->streams[i], &b->streams[i]))
            return "a stream";
    for (size_t i = 0; i < a->series_count; i++)
        if (!same_series(&a->series[i], &b->series[i]))
            return "a series";
    return a->type == QUERY_SCALAR && !same_number(a->scalar.value, b->scalar.value) ? "the scalar" : NULL;
}

static uint64_t entries_of(const struct query_result *r)
{
    return r ? r->stats.entries + r->series_count : 0;
}

/* ---- asking ---- */

static bool run_query(struct world *w, struct world_view *view, const struct query *query, bole_slice text)
{
    static const int64_t steps[] = {0, 60 * NS_PER_S, 60 * NS_PER_S, 15 * NS_PER_S, 300 * NS_PER_S};
    int64_t minute = 60 * NS_PER_S, end = world_chance(w, 50) ? w->now_ns / minute * minute : w->now_ns + 1;
    struct query_request request = {.store = w->engine,
                                    .view = view->engine,
                                    .tenant = w->tenants[world_chance(w, 90) ? 0 : 1],
                                    .start_ns = end - (int64_t)(1 + world_below(w, 120)) * minute,
                                    .end_ns = end,
                                    .step_ns = query_type(query) == QUERY_METRIC ? steps[world_below(w, 5)] : 0,
                                    .limit =
                                        world_chance(w, 50) ? 1 + (uint32_t)world_below(w, 200) : QUERY_ENTRIES_MAX,
                                    .direction = (enum store_direction)world_below(w, 2),
                                    .categorize = world_chance(w, 50)};
    struct query_result *a = NULL, *b = NULL;
    struct bole_err err_a = {0}, err_b = {0};
    bole_status st_a = query_exec(query, &request, &a, &err_a);
    request.store = w->model;
    request.view = view->model;
    bole_status st_b = query_exec(query, &request, &b, &err_b);
    const char *what = st_a != st_b ? "the status" : st_a < 0 ? NULL : difference(a, b);
    if (what) {
        print_error("the engine differs in %s: %s (%llu entries), not %s (%llu entries)\nBOLE_SEED=%llu asked again "
                    "gives the same: %.*s\n"
                    "from %lld to %lld, step %lld, limit %u, %s\n",
                    what, st_a < 0 ? err_a.msg : "ok", (unsigned long long)entries_of(a), st_b < 0 ? err_b.msg : "ok",
                    (unsigned long long)entries_of(b), (unsigned long long)w->seed, BOLE_SLICE_ARG(text),
                    (long long)request.start_ns, (long long)request.end_ns, (long long)request.step_ns, request.limit,
                    request.direction == BACKWARD ? "backward" : "forward");
        fail();
    }
    bool is_answered = entries_of(a) > 0;
    query_result_destroy(a);
    query_result_destroy(b);
    return is_answered;
}

bool logql_ask(struct world *w, struct world_view *view)
{
    struct arena arena;
    struct buf text;
    struct query *query = NULL;
    struct bole_err err;
    bole_status st = BOLE_E_INVALID;
    arena_init(&arena, NULL);
    buf_init(&text, NULL);
    for (unsigned i = 0; st < 0 && i < 50; i++) { /* patterns with bad UTF-8 are refused */
        buf_reset(&text);
        world_chance(w, 50) ? put_pipeline(w, &arena, &text) : put_metric(w, &arena, &text);
        st = query_parse(buf_slice(&text), NULL, &query, &err);
    }
    CHECK_OK(st, err);
    bool is_answered = run_query(w, view, query, buf_slice(&text));
    query_destroy(query);
    buf_deinit(&text);
    arena_deinit(&arena);
    return is_answered;
}
