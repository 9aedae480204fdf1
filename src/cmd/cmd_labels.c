#include "base/clock.h"
#include "cmd/listing.h"
#include "cmd/url.h"

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

static bole_status list(struct listing *l, const void *ctx, struct bole_err *err)
{
    const struct labels_options *o = ctx;
    buf_put_str(&l->url, o->name ? "/loki/api/v1/label/" : "/loki/api/v1/labels");
    if (o->name) {
        url_segment(&l->url, bole_slice_str(o->name));
        buf_put_str(&l->url, "/values");
    }
    url_param_i64(&l->url, "start", o->from_ns);
    url_param_i64(&l->url, "end", o->to_ns);
    bole_status st = listing_each(l, "data", put_line, NULL, err);
    if (st == BOLE_OK)
        listing_hint(l, o->name ? "values" : "labels");
    return st;
}

int cmd_labels(int argc, char **argv)
{
    struct labels_options o = {.to_ns = clock_now_ns(&clock_system)};
    o.from_ns = o.to_ns - 24 * 3600 * NS_PER_S;
    cmd_parse(&argp, argc, argv, &o);
    return listing_run(&o.connection, list, &o);
}
