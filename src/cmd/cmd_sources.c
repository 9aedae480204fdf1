#include "cmd/listing.h"
#include "cmd/print.h"

struct sources_options {
    struct connection_options connection;
    bool json;
};

static const struct argp_option options_table[] = {
    {"json", 'j', 0, 0, "The server's answer as it is", 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct sources_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->connection; return 0;
    case 'j': o->json = true; return 0;
    case ARGP_KEY_ARG: argp_error(state, "no argument is expected, but there is '%s'", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {CONNECTION_CHILD, {0}};
static const struct argp argp = {
    options_table, parse_option, NULL,
    "Lists who sends: every client that ever brought records, the one seen last first.\v"
    "Examples:\n"
    "  bole sources\n"
    "  bole sources --json | jq '.sources[] | select(.lag_seconds > 60)'\n",
    children, NULL, NULL};

static bool put_source(bole_slice name, struct json_value v, void *ctx)
{
    struct buf *out = ctx;
    (void)name;
    bole_slice last = listing_text(v, "last_seen"), door = listing_text(v, "door"), client = listing_text(v, "client");
    buf_printf(out, "%.*s  %-13.*s  %-22.*s  %10.0f  %8.1f/s  %8.1fs  %6.0f  ", BOLE_SLICE_ARG(last), BOLE_SLICE_ARG(door),
               BOLE_SLICE_ARG(client), listing_number(v, "records"), listing_number(v, "records_per_second"),
               listing_number(v, "lag_seconds"), listing_number(v, "errors"));
    print_safe(out, listing_text(v, "agent"));
    buf_put_u8(out, '\n');
    return true;
}

static bole_status list(struct listing *l, const void *ctx, struct bole_err *err)
{
    const struct sources_options *o = ctx;
    buf_put_str(&l->url, "/api/v1/sources");
    if (!o->json) {
        buf_printf(&l->out, "%-24s  %-13s  %-22s  %10s  %10s  %9s  %6s  %s\n", "LAST SEEN", "DOOR", "CLIENT", "RECORDS", "RATE",
                   "LAG", "ERRORS", "AGENT");
        return listing_each(l, "sources", put_source, NULL, err);
    }
    bole_status st = listing_get(l, err);
    if (st == BOLE_OK) {
        buf_put(&l->out, buf_slice(&l->body));
        buf_put_u8(&l->out, '\n');
    }
    return st;
}

int cmd_sources(int argc, char **argv)
{
    struct sources_options o = {0};
    cmd_parse(&argp, argc, argv, &o);
    return listing_run(&o.connection, list, &o);
}
