#include <string.h>

#include "base/clock.h"
#include "cmd/listing.h"
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

static bole_status list(struct listing *l, const void *ctx, struct bole_err *err)
{
    const struct series_options *o = ctx;
    buf_put_str(&l->url, "/loki/api/v1/series");
    for (size_t i = 0; i < o->selector_count; i++)
        url_param(&l->url, "match[]", bole_slice_str(o->selectors[i]));
    url_param_i64(&l->url, "start", o->from_ns);
    url_param_i64(&l->url, "end", o->to_ns);
    bole_status st = listing_each(l, "data", put_stream, &(struct lines){.out = &l->out, .json = o->json}, err);
    if (st == BOLE_OK)
        listing_hint(l, "streams");
    return st;
}

int cmd_series(int argc, char **argv)
{
    struct series_options o = {.to_ns = clock_now_ns(&clock_system)};
    o.from_ns = o.to_ns - 24 * 3600 * NS_PER_S;
    cmd_parse(&argp, argc, argv, &o);
    bool is_log;
    for (size_t i = 0; i < o.selector_count; i++)
        if (!cmd_check_query(o.selectors[i], false, &is_log))
            return EXIT_USAGE;
    return listing_run(&o.connection, list, &o);
}
