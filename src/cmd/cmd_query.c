/*
 * Log queries stream from /api/v1/query, row by row, so a result may be larger than memory. Metric queries come whole
 * from Loki's own endpoints. Which of the two it is, and where a syntax error stands, our own parser says before
 * anything is sent.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/timefmt.h"
#include "cmd/explain.h"
#include "cmd/pager.h"
#include "cmd/print.h"
#include "cmd/query_grpc.h"
#include "cmd/url.h"
#include "query/units.h"
#include "shim/number.h"

#define DEFAULT_SINCE_NS (3600 * NS_PER_S)
#define DAY_NS           (24 * 3600 * NS_PER_S)
enum { OPTION_EXPLAIN = 1000 }; /* has no letter */
enum { DEFAULT_LIMIT = 100, BUSY_TRIES_MAX = 30 }; /* tries, a second apart */

struct query_options {
    struct query_argument query;
    int64_t from_ns, to_ns;
    const char *step; /* as it was given, and what it says; NULL: the server's choice */
    int64_t     step_ns;
    const char *grpc; /* address of a gRPC door, asked instead of --addr; NULL: HTTP */
    int64_t limit; /* 0: all */
    int64_t since_ns; /* counted back from to_ns; 0: from_ns holds */
    bool forward, instant, explain, stats, no_pager;
};

enum { KEY_GRPC = 300, KEY_SINCE = 256, KEY_STATS, KEY_NO_PAGER, KEY_IGNORED };

static const struct argp_option options_table[] = {
    RANGE_OPTIONS("1h"),
    {"limit", 'n', "N", 0, "At most N lines, the newest ones; 0: all (default 100)", 0},
    {"forward", 'F', 0, 0, "Oldest first", 0},
    {"step", 's', "DURATION", 0, "Distance of the points of a metric query", 0},
    {"instant", 'i', 0, 0, "A metric query at --to only", 0},
    {"explain", OPTION_EXPLAIN, 0, 0, "Tell what the query does and what it costs instead of its answer", 0},
    {"now", 'e', 0, OPTION_ALIAS | OPTION_HIDDEN, 0, 0},
    {"since", KEY_SINCE, "DURATION", 0, "Start so long before --to", 0},
    {"stats", KEY_STATS, 0, 0, "Tell on standard error what the query cost", 0},
    {"grpc", KEY_GRPC, "HOST:PORT", 0, "Ask the server's gRPC door, usually port 4317; https://HOST:PORT where it has TLS", 0},
    {"no-pager", KEY_NO_PAGER, 0, 0, "On a terminal: do not show long answers through $PAGER", 0},
    {"batch", KEY_IGNORED, "N", OPTION_HIDDEN, 0, 0}, /* logcli's: rows stream here */
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct query_options *o = state->input;
    double seconds;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->query; return 0;
    case 'f': o->from_ns = cmd_time_ns(state, "from", arg); return 0;
    case 'e': o->to_ns = cmd_time_ns(state, "to", arg); return 0;
    case 'F': o->forward = true; return 0;
    case 's':
        if (number_parse(bole_slice_str(arg), &seconds) && seconds > 0 && seconds < 1e9)
            o->step_ns = (int64_t)(seconds * 1e9);
        else if (!units_prometheus_duration(bole_slice_str(arg), &o->step_ns))
            argp_error(state, "--step: '%s' is no duration, such as 30s, nor seconds", arg);
        o->step = arg;
        return 0;
    case 'i': o->instant = true; return 0;
    case OPTION_EXPLAIN: o->explain = true; return 0;
    case 'n': o->limit = cmd_count(state, "limit", arg); return 0;
    case KEY_SINCE: o->since_ns = cmd_duration_ns(state, "since", arg); return 0;
    case KEY_STATS: o->stats = true; return 0;
    case KEY_GRPC: o->grpc = arg; return 0;
    case KEY_NO_PAGER: o->no_pager = true; return 0;
    case KEY_IGNORED: return 0;
    case ARGP_KEY_END:
        if (o->since_ns)
            o->from_ns = o->to_ns - o->since_ns;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&query_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    options_table, parse_option, NULL,
    "Searches with LogQL, or for plain words.\v"
    "Examples:\n"
    "  bole query 'error -debug user:bob'      words, anywhere\n"
    "  bole query '{job=\"varlogs\"}'           the newest 100 of the last hour\n"
    "  bole query '{job=\"varlogs\"} |= \"error\"' --from 24h\n"
    "  bole query '{app=\"api\"} | json | status >= 500' -n 0 -o json\n"
    "  bole query 'sum by (app) (rate({app=~\".+\"}[5m]))' --instant\n"
    "  bole query '{app=\"api\"} |= \"error\" | json' --explain\n"
    "  bole query '{app=\"api\"}' --grpc 127.0.0.1:4317\n",
    children, NULL, NULL};

/* ---- rows ---- */

/* An export into a file or a pipe, started by somebody who waits for it. */
static bool shows_progress(const struct query_options *o)
{
    return !o->limit && isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
}

static void put_log_url(const struct query_options *o, struct buf *url)
{
    buf_put_str(url, "/api/v1/query");
    url_param(url, "query", bole_slice_str(o->query.text));
    url_param_i64(url, "start", o->from_ns);
    url_param_i64(url, "end", o->to_ns);
    url_param(url, "direction", o->forward ? S("forward") : S("backward"));
    if (o->limit)
        url_param_i64(url, "limit", o->limit);
    if (o->stats || shows_progress(o))
        url_param(url, "events", shows_progress(o) ? S("rows,stats,progress") : S("rows,stats"));
}

/* ---- what is told beside the rows, on standard error ---- */

struct events {
    const struct query_options *options;
    const struct printer       *printer;
    bool                        has_bar;
};

static uint64_t member_count(struct json_value v, const char *name)
{
    struct json_value member;
    double number = 0;
    return json_doc_member(v, name, &member) && json_doc_number(member, &number) && number > 0 ? (uint64_t)number : 0;
}

static void clear_bar(struct events *e)
{
    if (e->has_bar)
        fputs("\r\033[K", stderr);
    e->has_bar = false;
}

static void put_bar(struct events *e, struct json_value progress)
{
    enum { WIDTH = 30 };
    static const char full[] = "##############################";
    struct json_value done;
    double part = 0;
    if (!json_doc_member(progress, "done", &done) || !json_doc_number(done, &part) || !(part >= 0 && part <= 1))
        return;
    fprintf(stderr, "\r[%-*.*s] %3d %%, %llu lines, %s read\033[K", WIDTH, (int)(part * WIDTH), full, (int)(part * 100),
            (unsigned long long)e->printer->count, cmd_size_text(member_count(progress, "bytes_scanned")).text);
    e->has_bar = true;
}

static void put_stats(struct json_value s)
{
    static const struct { const char *name, *shown;
    } lines[] = {{"exec_ms", "time, ms"},           {"rows_returned", "lines returned"},
                 {"rows_scanned", "lines scanned"}, {"bytes_scanned", "bytes scanned"},
                 {"parts_total", "parts"},          {"parts_pruned", "parts pruned"}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        fprintf(stderr, "%-16s %llu\n", lines[i].shown, (unsigned long long)member_count(s, lines[i].name));
}

static void take_event(bole_slice type, struct json_value event, void *ctx)
{
    struct events *e = ctx;
    if (bole_slice_eq(type, S("progress")) && shows_progress(e->options))
        put_bar(e, event);
    if (!bole_slice_eq(type, S("stats")))
        return;
    clear_bar(e);
    if (e->options->stats)
        put_stats(event);
}

/* An empty screen leaves open whether there is nothing or the range was wrong. */
static void tell_nothing(const char *what, const struct query_options *o)
{
    char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
    int64_t age_ns = clock_now_ns(&clock_system) - o->from_ns;
    const char *wider = age_ns < DAY_NS        ? "; a wider range: --from 24h"
                        : age_ns < 30 * DAY_NS ? "; a wider range: --from 30d"
                                               : "";
    time_format_rfc3339(o->from_ns, 0, from);
    time_format_rfc3339(o->to_ns, 0, to);
    fprintf(stderr, "no %s between %s and %s%s\n", what, from, to, wider);
}

/* A server that runs as many exports as it may says 429 before the first row: one of them will end. */
static bole_status get_rows(struct bole_client *c, const char *url, struct printer *p, struct bole_err *err)
{
    bole_status st = bole_client_get(c, url, printer_take_rows, p, err);
    for (int i = 0; st == BOLE_E_LIMIT && !p->count && i < BUSY_TRIES_MAX && !cmd_stopped; i++) {
        if (i == 0)
            fprintf(stderr, "the server is busy, trying again (%s)\n", err->msg);
        sleep(1);
        st = cmd_stopped ? bole_fail(err, BOLE_E_CANCELLED, "stopped")
                         : bole_client_get(c, url, printer_take_rows, p, err);
    }
    return st;
}

static bole_status run_log_query(struct bole_client *c, const struct query_options *o, struct bole_err *err)
{
    struct printer printer;
    struct events events = {.options = o, .printer = &printer};
    struct buf url;
    buf_init(&url, NULL);
    printer_init(&printer, &o->query.print);
    printer.wants_header = o->query.print.format == PRINT_CSV;
    printer.on_event = take_event;
    printer.on_event_ctx = &events;
    put_log_url(o, &url);
    if (!o->no_pager)
        pager_start();
    bole_status st = get_rows(c, url_text(&url), &printer, err);
    clear_bar(&events);
    if (st == BOLE_OK)
        st = printer_finish(&printer, err);
    pager_end();
    if (st == BOLE_OK && !printer.count && isatty(STDERR_FILENO))
        tell_nothing("lines", o);
    buf_deinit(&url);
    printer_deinit(&printer);
    return st;
}

/* ---- metrics ---- */

struct metric_printer {
    enum print_format format;
    struct buf *out;
    struct json_value labels; /* of the series being printed */
    bool any;
};

struct point {
    double seconds;
    bole_slice value;
    int index;
};

static bool read_point(bole_slice name, struct json_value v, void *ctx)
{
    struct point *p = ctx;
    if (p->index++ == 0)
        json_doc_number(v, &p->seconds);
    else
        p->value = json_doc_string(v);
    return true;
}

static bool put_point(bole_slice name, struct json_value v, void *ctx)
{
    struct metric_printer *printer = ctx;
    struct point p = {0};
    json_doc_each(v, read_point, &p);
    if (!(p.seconds > -UNIX_S_MAX && p.seconds < UNIX_S_MAX))
        p.seconds = 0;
    struct print_point point = {.time_ns = llround(p.seconds * 1e3) * NS_PER_MS, .labels = printer->labels,
                                .value = p.value};
    print_point(&point, printer->format, printer->out);
    printer->any = true;
    return true;
}

static bool put_series(bole_slice name, struct json_value series, void *ctx)
{
    struct metric_printer *p = ctx;
    struct json_value v;
    p->labels = (struct json_value){0};
    json_doc_member(series, "metric", &p->labels);
    if (json_doc_member(series, "values", &v))
        json_doc_each(v, put_point, p);
    if (json_doc_member(series, "value", &v))
        put_point((bole_slice){0}, v, p);
    return true;
}

static bool tell_warning(bole_slice name, struct json_value v, void *ctx)
{
    fprintf(stderr, "warning: %.*s\n", BOLE_SLICE_ARG(json_doc_string(v)));
    return true;
}

/* False: there was no point. */
static bool put_metrics(struct json_value root, enum print_format format, struct buf *out)
{
    struct metric_printer printer = {.format = format, .out = out};
    struct json_value data, result, type, warnings;
    if (format == PRINT_CSV)
        buf_put_str(out, "time,labels,value\n");
    if (json_doc_member(root, "data", &data) && json_doc_member(data, "result", &result) &&
        json_doc_member(data, "resultType", &type)) {
        if (bole_slice_eq(json_doc_string(type), S("scalar")))
            put_point((bole_slice){0}, result, &printer);
        else
            json_doc_each(result, put_series, &printer);
    }
    if (json_doc_member(root, "warnings", &warnings))
        json_doc_each(warnings, tell_warning, NULL);
    return printer.any;
}

static bole_status print_metrics(bole_slice body, const struct query_options *o, struct bole_err *err)
{
    struct buf out;
    buf_init(&out, NULL);
    struct json_doc *doc = json_doc_create();
    struct json_value root;
    bole_status st = json_doc_parse(doc, body, &root, err);
    if (st == BOLE_OK) {
        bool any = put_metrics(root, o->query.print.format, &out);
        st = print_flush(&out, err);
        if (st == BOLE_OK && !any && isatty(STDERR_FILENO))
            tell_nothing("points", o);
    }
    json_doc_destroy(doc);
    buf_deinit(&out);
    return st;
}

static bole_status run_metric_query(struct bole_client *c, const struct query_options *o, struct bole_err *err)
{
    struct buf url, body;
    buf_init(&url, NULL);
    buf_init(&body, NULL);
    buf_put_str(&url, o->instant ? "/loki/api/v1/query" : "/loki/api/v1/query_range");
    url_param(&url, "query", bole_slice_str(o->query.text));
    url_param_i64(&url, o->instant ? "time" : "end", o->to_ns);
    if (!o->instant)
        url_param_i64(&url, "start", o->from_ns);
    if (o->step)
        url_param(&url, "step", bole_slice_str(o->step));
    bole_status st = bole_client_get(c, url_text(&url), cmd_keep_bytes, &body, err);
    if (st == BOLE_OK)
        st = print_metrics(buf_slice(&body), o, err);
    buf_deinit(&url);
    buf_deinit(&body);
    return st;
}

/* ---- explain ---- */

static bole_status print_explanation(bole_slice body, const struct query_options *o, struct bole_err *err)
{
    struct buf out;
    struct json_value root;
    struct json_doc *doc = json_doc_create();
    buf_init(&out, NULL);
    bole_status st = json_doc_parse(doc, body, &root, err);
    if (st == BOLE_OK && o->query.print.format != PRINT_TEXT)
        buf_put(&out, body);
    else if (st == BOLE_OK && !explain_print(root, &out))
        st = bole_fail(err, BOLE_E_IO, "the server gave no explanation: is it older than this program?");
    if (st == BOLE_OK)
        st = print_flush(&out, err);
    json_doc_destroy(doc);
    buf_deinit(&out);
    return st;
}

static bole_status run_explain(struct bole_client *c, const struct query_options *o, struct bole_err *err)
{
    struct buf url, body;
    buf_init(&url, NULL);
    buf_init(&body, NULL);
    put_log_url(o, &url);
    buf_put_str(&url, o->instant ? "&explain=1&instant=1" : "&explain=1");
    if (o->step)
        url_param(&url, "step", bole_slice_str(o->step));
    bole_status st = bole_client_get(c, url_text(&url), cmd_keep_bytes, &body, err);
    if (st == BOLE_OK)
        st = print_explanation(buf_slice(&body), o, err);
    buf_deinit(&url);
    buf_deinit(&body);
    return st;
}

/* ---- over gRPC ---- */

static bole_status run_grpc(const struct query_options *o, bool is_log, struct bole_err *err)
{
    struct printer printer;
    uint64_t points = 0;
    struct query_grpc q = {.address = o->grpc, .argument = &o->query, .start_ns = o->from_ns, .end_ns = o->to_ns,
                           .limit = o->limit < UINT32_MAX ? (uint32_t)o->limit : 0, .forward = o->forward, .instant = o->instant,
                           .stats = o->stats, .step_ns = o->step_ns};
    printer_init(&printer, &o->query.print);
    printer.wants_header = is_log && o->query.print.format == PRINT_CSV;
    if (!is_log && o->query.print.format == PRINT_CSV)
        buf_put_str(&printer.out, "time,labels,value\n");
    if (!o->no_pager)
        pager_start();
    bole_status st = printer_flush(&printer, err);
    if (st == BOLE_OK)
        st = query_grpc_run(&q, &printer, &points, err);
    if (st == BOLE_OK)
        st = printer_finish(&printer, err);
    pager_end();
    if (st == BOLE_OK && !printer.count && !points && isatty(STDERR_FILENO))
        tell_nothing(is_log ? "lines" : "points", o);
    printer_deinit(&printer);
    return st;
}

int cmd_query(int argc, char **argv)
{
    struct query_options o = {.to_ns = clock_now_ns(&clock_system), .limit = DEFAULT_LIMIT};
    o.from_ns = o.to_ns - DEFAULT_SINCE_NS;
    cmd_parse(&argp, argc, argv, &o);
    bool is_log;
    struct bole_err err;
    if (!cmd_check_query(o.query.text, true, &is_log))
        return EXIT_USAGE;
    if (is_log && o.instant) {
        fputs("error: --instant is for metric queries, such as 'count_over_time({app=\"api\"}[5m])'\n", stderr);
        return EXIT_USAGE;
    }
    if (o.grpc && o.explain) {
        fputs("error: --explain is not told over gRPC\n", stderr);
        return EXIT_USAGE;
    }
    struct bole_client *client = NULL;
    cmd_catch_signals();
    signal(SIGPIPE, SIG_IGN);
    if (o.grpc)
        return cmd_end(run_grpc(&o, is_log, &err), &err);
    bole_status st = cmd_client(&o.query.connection, &client, &err);
    if (st == BOLE_OK)
        st = o.explain ? run_explain(client, &o, &err)
             : is_log  ? run_log_query(client, &o, &err)
                       : run_metric_query(client, &o, &err);
    bole_client_destroy(client);
    return cmd_end(st, &err);
}
