/*
 * Log queries stream from /api/v1/query, row by row, so a result may be larger than memory. Metric queries come whole
 * from Loki's own endpoints. Which of the two it is, and where a syntax error stands, our own parser says before anything
 * is sent.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/timefmt.h"
#include "cmd/print.h"
#include "cmd/url.h"
#include "query/parser.h"

#define DEFAULT_SINCE_NS (3600 * NS_PER_S)
enum { DEFAULT_LIMIT = 100 };

struct query_options {
    struct connection_options connection;
    const char *query;
    int64_t from_ns, to_ns;
    const char *step;
    unsigned long long limit; /* 0: all */
    bool forward, instant;
    enum print_format format;
};

static const struct argp_option options_table[] = {
    {"from", 'f', "TIME", 0, "Start: RFC 3339, unix seconds, or so long ago (default 1h)", 0},
    {"to", 'e', "TIME", 0, "End (default now)", 0},
    {"limit", 'n', "N", 0, "At most N lines, the newest ones; 0: all (default 100)", 0},
    {"forward", 'F', 0, 0, "Oldest first", 0},
    {"step", 's', "DURATION", 0, "Distance of the points of a metric query", 0},
    {"instant", 'i', 0, 0, "A metric query at --to only", 0},
    {"output", 'o', "FORMAT", 0, "text, json, csv, raw (default text)", 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct query_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->connection; return 0;
    case 'f': o->from_ns = cmd_time_ns(state, "from", arg); return 0;
    case 'e': o->to_ns = cmd_time_ns(state, "to", arg); return 0;
    case 'F': o->forward = true; return 0;
    case 's': o->step = arg; return 0;
    case 'i': o->instant = true; return 0;
    case 'o': o->format = print_format_parse(state, arg); return 0;
    case 'n': {
        char *end;
        o->limit = strtoull(arg, &end, 10);
        if (!*arg || *end || *arg == '-')
            argp_error(state, "--limit: '%s' is no count", arg);
        return 0;
    }
    case ARGP_KEY_ARG:
        if (o->query)
            argp_error(state, "one query, please; quote it for the shell: '{app=\"api\"} |= \"error\"'");
        o->query = arg;
        return 0;
    case ARGP_KEY_END:
        if (!o->query)
            argp_error(state, "a query is needed, such as '{app=\"api\"} |= \"error\"'");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&connection_argp, 0, "Connection:", 9}, {0}};
static const struct argp argp = {
    options_table, parse_option, "QUERY",
    "Searches with LogQL.\v"
    "Examples:\n"
    "  bole query '{job=\"varlogs\"}'                          the newest 100 lines of the last hour\n"
    "  bole query '{job=\"varlogs\"} |= \"error\"' --from 24h    a day\n"
    "  bole query '{app=\"api\"} | json | status >= 500' -n 0 -o json > errors.ndjson\n"
    "  bole query 'sum by (app) (rate({app=~\".+\"}[5m]))' --instant\n",
    children, NULL, NULL};

/* ---- rows ---- */

struct rows {
    const struct query_options *options;
    struct json_doc *doc;
    struct buf pending; /* a row that has not come whole */
    struct buf out;
    bool colours;
};

static int64_t time_of(struct json_value v)
{
    bole_slice text = json_doc_string(v);
    int64_t ns = 0;
    if (text.len && !time_parse_rfc3339(text, &ns)) {
        char digits[24];
        snprintf(digits, sizeof digits, "%.*s", BOLE_SLICE_ARG(text));
        ns = strtoll(digits, NULL, 10);
    }
    return ns;
}

static bole_status on_row(struct rows *rows, bole_slice text, struct bole_err *err)
{
    struct json_value row, v;
    bole_status st = json_doc_parse(rows->doc, text, &row, err);
    if (st < 0)
        return st;
    if (json_doc_member(row, "error", &v))
        return bole_fail(err, BOLE_E_IO, "%.*s", BOLE_SLICE_ARG(json_doc_string(v)));
    if (json_doc_member(row, "warning", &v)) {
        fprintf(stderr, "warning: %.*s\n", BOLE_SLICE_ARG(json_doc_string(v)));
        return BOLE_OK;
    }
    struct print_record r = {0};
    if (!json_doc_member(row, "time", &v))
        return BOLE_OK; /* statistics and progress, for other readers */
    r.time_ns = time_of(v);
    if (json_doc_member(row, "line", &v))
        r.line = json_doc_string(v);
    json_doc_member(row, "labels", &r.labels);
    json_doc_member(row, "fields", &r.fields);
    print_record(&r, rows->options->format, rows->colours, &rows->out);
    return rows->out.len > 1 << 16 ? print_flush(&rows->out, err) : BOLE_OK;
}

static bole_status on_rows(bole_slice bytes, void *ctx, struct bole_err *err)
{
    struct rows *rows = ctx;
    buf_put(&rows->pending, bytes);
    bole_slice rest = buf_slice(&rows->pending), row;
    bole_status st = BOLE_OK;
    while (st == BOLE_OK && rest.len && memchr(rest.ptr, '\n', rest.len)) {
        row = bole_slice_cut(rest, '\n', &rest);
        if (row.len)
            st = on_row(rows, row, err);
    }
    memmove(rows->pending.ptr, rest.ptr ? rest.ptr : rows->pending.ptr, rest.len);
    rows->pending.len = rest.len;
    return st;
}

static bole_status run_log_query(struct bole_client *c, const struct query_options *o, struct bole_err *err)
{
    struct rows rows = {.options = o, .doc = json_doc_create(), .colours = o->format == PRINT_TEXT && cmd_colours()};
    struct buf url;
    buf_init(&url, NULL);
    char number[24];
    buf_put_str(&url, "/api/v1/query");
    url_param(&url, "query", bole_slice_str(o->query));
    snprintf(number, sizeof number, "%lld", (long long)o->from_ns);
    url_param(&url, "start", bole_slice_str(number));
    snprintf(number, sizeof number, "%lld", (long long)o->to_ns);
    url_param(&url, "end", bole_slice_str(number));
    url_param(&url, "direction", o->forward ? S("forward") : S("backward"));
    if (o->limit) {
        snprintf(number, sizeof number, "%llu", o->limit);
        url_param(&url, "limit", bole_slice_str(number));
    }
    if (o->format == PRINT_CSV)
        buf_put_str(&rows.out, "time,labels,fields,line\n");
    bole_status st = bole_client_get(c, url_text(&url), on_rows, &rows, err);
    if (st == BOLE_OK)
        st = print_flush(&rows.out, err);
    buf_deinit(&url);
    buf_deinit(&rows.pending);
    buf_deinit(&rows.out);
    json_doc_destroy(rows.doc);
    return st;
}

/* ---- metrics ---- */

struct metric_printer {
    enum print_format format;
    struct buf *out;
    struct buf labels;
};

static void put_point(struct metric_printer *p, double seconds, bole_slice value)
{
    char stamp[TIME_TEXT_MAX];
    time_format_rfc3339((int64_t)(seconds * 1e3) * NS_PER_MS, -1, stamp);
    if (p->format == PRINT_CSV)
        buf_printf(p->out, "%s,\"%.*s\",%.*s\n", stamp, BOLE_SLICE_ARG(buf_slice(&p->labels)), BOLE_SLICE_ARG(value));
    else
        buf_printf(p->out, "%s %.*s %.*s\n", stamp, BOLE_SLICE_ARG(buf_slice(&p->labels)), BOLE_SLICE_ARG(value));
}

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

static bool print_point(bole_slice name, struct json_value v, void *ctx)
{
    struct point p = {0};
    json_doc_each(v, read_point, &p);
    put_point(ctx, p.seconds, p.value);
    return true;
}

static bool put_label(bole_slice name, struct json_value v, void *ctx)
{
    struct metric_printer *p = ctx;
    if (p->labels.len > 1)
        buf_put(&p->labels, S(", "));
    buf_put(&p->labels, name);
    /* CSV doubles the quotes that it wraps the labels in. */
    buf_put_str(&p->labels, p->format == PRINT_CSV ? "=\"\"" : "=\"");
    buf_put(&p->labels, json_doc_string(v));
    buf_put_str(&p->labels, p->format == PRINT_CSV ? "\"\"" : "\"");
    return true;
}

static bool print_series(bole_slice name, struct json_value series, void *ctx)
{
    struct metric_printer *p = ctx;
    struct json_value v;
    buf_reset(&p->labels);
    buf_put_u8(&p->labels, '{');
    if (json_doc_member(series, "metric", &v))
        json_doc_each(v, put_label, p);
    buf_put_u8(&p->labels, '}');
    if (json_doc_member(series, "values", &v))
        json_doc_each(v, print_point, p);
    if (json_doc_member(series, "value", &v))
        print_point((bole_slice){0}, v, p);
    return true;
}

static bole_status keep_bytes(bole_slice bytes, void *ctx, struct bole_err *err)
{
    buf_put(ctx, bytes);
    return BOLE_OK;
}

static bole_status print_metrics(bole_slice body, enum print_format format, struct bole_err *err)
{
    struct buf out;
    buf_init(&out, NULL);
    struct metric_printer printer = {.format = format, .out = &out};
    struct json_doc *doc = json_doc_create();
    struct json_value root, data, result, type;
    bole_status st = BOLE_OK;
    if (format == PRINT_JSON || format == PRINT_RAW) {
        buf_put(&out, body);
        buf_put_u8(&out, '\n');
    } else {
        st = json_doc_parse(doc, body, &root, err);
        if (st == BOLE_OK && json_doc_member(root, "data", &data) && json_doc_member(data, "result", &result) &&
            json_doc_member(data, "resultType", &type)) {
            if (format == PRINT_CSV)
                buf_put_str(&out, "time,labels,value\n");
            if (bole_slice_eq(json_doc_string(type), S("scalar"))) {
                buf_put_str(&printer.labels, "{}");
                print_point((bole_slice){0}, result, &printer);
            } else {
                json_doc_each(result, print_series, &printer);
            }
        }
    }
    if (st == BOLE_OK)
        st = print_flush(&out, err);
    json_doc_destroy(doc);
    buf_deinit(&printer.labels);
    buf_deinit(&out);
    return st;
}

static bole_status run_metric_query(struct bole_client *c, const struct query_options *o, struct bole_err *err)
{
    struct buf url, body;
    buf_init(&url, NULL);
    buf_init(&body, NULL);
    char number[24];
    buf_put_str(&url, o->instant ? "/loki/api/v1/query" : "/loki/api/v1/query_range");
    url_param(&url, "query", bole_slice_str(o->query));
    snprintf(number, sizeof number, "%lld", (long long)o->to_ns);
    url_param(&url, o->instant ? "time" : "end", bole_slice_str(number));
    if (!o->instant) {
        snprintf(number, sizeof number, "%lld", (long long)o->from_ns);
        url_param(&url, "start", bole_slice_str(number));
    }
    if (o->step)
        url_param(&url, "step", bole_slice_str(o->step));
    bole_status st = bole_client_get(c, url_text(&url), keep_bytes, &body, err);
    if (st == BOLE_OK)
        st = print_metrics(buf_slice(&body), o->format, err);
    buf_deinit(&url);
    buf_deinit(&body);
    return st;
}

/* Shows where a syntax error stands, under the query, when the query fits a line. */
static void point_at(const char *query, const struct bole_err *err)
{
    unsigned line, column;
    if (sscanf(err->msg, "parse error at line %u, col %u", &line, &column) == 2 && line == 1 && !strchr(query, '\n'))
        fprintf(stderr, "  %s\n  %*s\n", query, (int)column, "^");
}

int cmd_query(int argc, char **argv)
{
    struct query_options o = {.to_ns = clock_now_ns(&clock_system), .limit = DEFAULT_LIMIT};
    o.from_ns = o.to_ns - DEFAULT_SINCE_NS;
    cmd_parse(&argp, argc, argv, &o);
    struct ast *ast;
    struct bole_err err;
    if (ast_parse(bole_slice_str(o.query), NULL, &ast, &err) < 0) {
        cmd_fail(&err);
        point_at(o.query, &err);
        return EXIT_USAGE;
    }
    bool is_log = ast->root->kind == EXPR_LOG;
    ast_destroy(ast);
    struct bole_client *client = NULL;
    cmd_catch_signals();
    signal(SIGPIPE, SIG_IGN);
    bole_status st = cmd_client(&o.connection, &client, &err);
    if (st == BOLE_OK)
        st = is_log ? run_log_query(client, &o, &err) : run_metric_query(client, &o, &err);
    bole_client_destroy(client);
    if (st < 0 && st != BOLE_E_CANCELLED)
        return cmd_fail(&err);
    return EXIT_OK;
}
