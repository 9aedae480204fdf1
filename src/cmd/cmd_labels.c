#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "cmd/url.h"
#include "cmd/print.h"

struct labels_options {
    struct connection_options connection;
    const char *name;
    int64_t from_ns, to_ns, since_ns;
};

enum { KEY_SINCE = 256 };

static const struct argp_option options_table[] = {
    RANGE_OPTIONS("24h"),
    {"since", KEY_SINCE, "DURATION", 0, "Start so long before --to", 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct labels_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->connection; return 0;
    case 'f': o->from_ns = cmd_time_ns(state, "from", arg); return 0;
    case 'e': o->to_ns = cmd_time_ns(state, "to", arg); return 0;
    case KEY_SINCE: o->since_ns = cmd_duration_ns(state, "since", arg); return 0;
    case ARGP_KEY_END:
        if (o->since_ns)
            o->from_ns = o->to_ns - o->since_ns;
        return 0;
    case ARGP_KEY_ARG:
        if (o->name)
            argp_error(state, "at most one label");
        o->name = arg;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {CONNECTION_CHILD, {0}};
static const struct argp argp = {
    options_table, parse_option, "[LABEL]",
    "Lists the labels of streams, or the values of one label.\v"
    "Examples:\n"
    "  bole labels               the names\n"
    "  bole labels filename      the values of one\n",
    children, NULL, NULL};

static bool put_line(bole_slice name, struct json_value v, void *ctx)
{
    buf_put(ctx, json_doc_string(v));
    buf_put_u8(ctx, '\n');
    return true;
}

static bole_status list(struct bole_client *c, const struct labels_options *o, struct bole_err *err)
{
    struct buf url, body, out;
    buf_init(&url, NULL);
    buf_init(&body, NULL);
    buf_init(&out, NULL);
    struct json_doc *doc = json_doc_create();
    struct json_value root, data;
    buf_put_str(&url, o->name ? "/loki/api/v1/label/" : "/loki/api/v1/labels");
    if (o->name) {
        url_segment(&url, bole_slice_str(o->name));
        buf_put_str(&url, "/values");
    }
    url_param_i64(&url, "start", o->from_ns);
    url_param_i64(&url, "end", o->to_ns);
    bole_status st = bole_client_get(c, url_text(&url), cmd_keep_bytes, &body, err);
    if (st == BOLE_OK)
        st = json_doc_parse(doc, buf_slice(&body), &root, err);
    if (st == BOLE_OK && json_doc_member(root, "data", &data))
        json_doc_each(data, put_line, &out);
    bool any = out.len > 0;
    if (st == BOLE_OK)
        st = print_flush(&out, err);
    if (st == BOLE_OK && !any && isatty(STDERR_FILENO))
        fprintf(stderr, "no %s in this range; a wider one: --from 30d\n", o->name ? "values" : "labels");
    json_doc_destroy(doc);
    buf_deinit(&url);
    buf_deinit(&body);
    buf_deinit(&out);
    return st;
}

int cmd_labels(int argc, char **argv)
{
    struct labels_options o = {.to_ns = clock_now_ns(&clock_system)};
    o.from_ns = o.to_ns - 24 * 3600 * NS_PER_S;
    cmd_parse(&argp, argc, argv, &o);
    struct bole_client *client = NULL;
    struct bole_err err;
    cmd_catch_signals();
    bole_status st = cmd_client(&o.connection, &client, &err);
    if (st == BOLE_OK)
        st = list(client, &o, &err);
    bole_client_destroy(client);
    return cmd_end(st, &err);
}
