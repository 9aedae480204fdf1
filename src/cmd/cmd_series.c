#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "cmd/print.h"
#include "cmd/url.h"

enum { SELECTORS_MAX = 256, KEY_SINCE = 256 };

struct series_options {
    struct connection_options connection;
    const char *selectors[SELECTORS_MAX];
    size_t      selector_count;
    int64_t     from_ns, to_ns, since_ns;
    bool        json;
};

static const struct argp_option options_table[] = {
    RANGE_OPTIONS("24h"),
    {"since", KEY_SINCE, "DURATION", 0, "Start so long before --to", 0},
    {"output", 'o', "FORMAT", 0, "text, json (default text)", 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct series_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->connection; return 0;
    case 'f': o->from_ns = cmd_time_ns(state, "from", arg); return 0;
    case 'e': o->to_ns = cmd_time_ns(state, "to", arg); return 0;
    case KEY_SINCE: o->since_ns = cmd_duration_ns(state, "since", arg); return 0;
    case 'o':
        o->json = !strcmp(arg, "json") || !strcmp(arg, "jsonl");
        if (!o->json && strcmp(arg, "text"))
            argp_error(state, "--output: '%s' is neither text nor json", arg);
        return 0;
    case ARGP_KEY_ARG: cmd_append(state, o->selectors, &o->selector_count, SELECTORS_MAX, "SELECTOR", arg); return 0;
    case ARGP_KEY_END:
        if (o->since_ns)
            o->from_ns = o->to_ns - o->since_ns;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {CONNECTION_CHILD, {0}};
static const struct argp argp = {
    options_table, parse_option, "[SELECTOR...]",
    "Lists the streams that there are, one per line.\v"
    "Examples:\n"
    "  bole series                          all of the last day\n"
    "  bole series '{app=\"api\"}' --since 7d\n",
    children, NULL, NULL};

struct lines {
    struct buf *out;
    bool        json, first; /* first: of the labels of one stream */
};

static bool put_label(bole_slice name, struct json_value value, void *ctx)
{
    struct lines *l = ctx;
    if (!l->first)
        buf_put(l->out, l->json ? S(",") : S(", "));
    l->first = false;
    if (l->json)
        buf_put_json(l->out, name, false);
    else
        buf_put(l->out, name);
    buf_put_u8(l->out, l->json ? ':' : '=');
    buf_put_json(l->out, json_doc_string(value), false);
    return true;
}

static bool put_stream(bole_slice name, struct json_value stream, void *ctx)
{
    struct lines *l = ctx;
    (void)name;
    l->first = true;
    buf_put_u8(l->out, '{');
    json_doc_each(stream, put_label, l);
    buf_put(l->out, S("}\n"));
    return true;
}

static bole_status list(struct bole_client *c, const struct series_options *o, struct bole_err *err)
{
    struct buf url, body, out;
    buf_init(&url, NULL);
    buf_init(&body, NULL);
    buf_init(&out, NULL);
    struct json_doc *doc = json_doc_create();
    struct json_value root, data;
    buf_put_str(&url, "/loki/api/v1/series");
    for (size_t i = 0; i < o->selector_count; i++)
        url_param(&url, "match[]", bole_slice_str(o->selectors[i]));
    url_param_i64(&url, "start", o->from_ns);
    url_param_i64(&url, "end", o->to_ns);
    bole_status st = bole_client_get(c, url_text(&url), cmd_keep_bytes, &body, err);
    if (st == BOLE_OK)
        st = json_doc_parse(doc, buf_slice(&body), &root, err);
    if (st == BOLE_OK && json_doc_member(root, "data", &data))
        json_doc_each(data, put_stream, &(struct lines){.out = &out, .json = o->json});
    bool any = out.len > 0;
    if (st == BOLE_OK)
        st = print_flush(&out, err);
    if (st == BOLE_OK && !any && isatty(STDERR_FILENO))
        fputs("no streams in this range; a wider one: --since 30d\n", stderr);
    json_doc_destroy(doc);
    buf_deinit(&url);
    buf_deinit(&body);
    buf_deinit(&out);
    return st;
}

int cmd_series(int argc, char **argv)
{
    struct series_options o = {.to_ns = clock_now_ns(&clock_system)};
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
