#include <stdlib.h>

#include "base/err.h"
#include "cmd/agent_config.h"
#include "cmd/listing.h"
#include "cmd/print.h"

struct status_options {
    const char *listen;
    bool json;
};

static const struct argp_option options_table[] = {
    {"listen", 'l', "HOST:PORT", 0, "Where the agent listens (BOLE_STATUS_LISTEN; default " AGENT_LISTEN ")", 0},
    {"json", 'j', 0, 0, "The agent's answer as it is", 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct status_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->name = (char *)"bole agent status"; return 0;
    case 'l': o->listen = arg; return 0;
    case 'j': o->json = true; return 0;
    case ARGP_KEY_ARG: argp_error(state, "no argument is expected, but there is '%s'", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options_table, parse_option, NULL, "Shows what the agent on this machine reads, and how far it and the server are.",
    NULL,          NULL,         NULL};

static bool put_input(bole_slice name, struct json_value v, void *ctx)
{
    struct buf *out = ctx;
    (void)name;
    bole_slice reason = listing_text(v, "reason");
    buf_printf(out, "%-10.*s  %12.0f  %12.0f  ", BOLE_SLICE_ARG(listing_text(v, "state")), listing_number(v, "lines"),
               listing_number(v, "lag_bytes"));
    print_safe(out, listing_text(v, "path"));
    if (reason.len) {
        buf_put_str(out, "  (");
        print_safe(out, reason);
        buf_put_u8(out, ')');
    }
    buf_put_u8(out, '\n');
    return true;
}

static void put_head(struct json_value root, struct buf *out)
{
    struct json_value figures;
    bole_slice error = listing_text(root, "last_error");
    buf_printf(out, "%.*s to ", BOLE_SLICE_ARG(listing_text(root, "state")));
    print_safe(out, listing_text(root, "server"));
    if (json_doc_member(root, "figures", &figures))
        buf_printf(out, ": %.0f records sent, %.0f bytes in the spool, %.0f retries, %.0f records dropped",
                   listing_number(figures, "sent_records_total"), listing_number(figures, "spool_bytes"),
                   listing_number(figures, "retries_total"), listing_number(figures, "dropped_records_total"));
    if (error.len) {
        buf_put_str(out, "\nlast error: ");
        print_safe(out, error);
    }
    buf_printf(out, "\n\n%-10s  %12s  %12s  %s\n", "STATE", "LINES", "UNREAD BYTES", "INPUT");
}

static bole_status show(struct listing *l, const void *ctx, struct bole_err *err)
{
    const struct status_options *o = ctx;
    struct json_value inputs;
    buf_put_str(&l->url, "/api/v1/agent");
    bole_status st = listing_get(l, err);
    if (st == BOLE_E_IO && bole_client_http_status(l->client) == 0)
        return bole_fail(err, st, "no agent answers at %s (--listen)", o->listen);
    if (st != BOLE_OK)
        return st;
    if (o->json) {
        buf_put(&l->out, buf_slice(&l->body));
        return BOLE_OK;
    }
    put_head(l->root, &l->out);
    if (json_doc_member(l->root, "inputs", &inputs))
        json_doc_each(inputs, put_input, &l->out);
    return BOLE_OK;
}

int cmd_agent_status(int argc, char **argv)
{
    const char *listen = getenv("BOLE_STATUS_LISTEN");
    struct status_options o = {.listen = listen && *listen ? listen : AGENT_LISTEN};
    cmd_parse(&argp, argc, argv, &o);
    /* What lets us in at the server is not for whoever listens here. */
    struct connection_options connection = {.addr = o.listen, .token = "", .tenant = "", .username = "", .password = ""};
    return listing_run(&connection, show, &o);
}
