#include "base/buf.h"
#include "base/err.h"
#include "cmd/print.h"
#include "shim/json_doc.h"

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

static bole_slice text_of(struct json_value v, const char *name)
{
    struct json_value member;
    bole_slice text = {0};
    if (json_doc_member(v, name, &member))
        text = json_doc_string(member);
    return text.ptr ? text : S("");
}

static double number_of(struct json_value v, const char *name)
{
    struct json_value member;
    double n = 0;
    if (json_doc_member(v, name, &member))
        json_doc_number(member, &n);
    return n;
}

static bool put_source(bole_slice name, struct json_value v, void *ctx)
{
    struct buf *out = ctx;
    (void)name;
    bole_slice last = text_of(v, "last_seen"), door = text_of(v, "door"), client = text_of(v, "client");
    buf_printf(out, "%.*s  %-13.*s  %-22.*s  %10.0f  %8.1f/s  %8.1fs  %6.0f  ", BOLE_SLICE_ARG(last), BOLE_SLICE_ARG(door), BOLE_SLICE_ARG(client),
               number_of(v, "records"), number_of(v, "records_per_second"), number_of(v, "lag_seconds"), number_of(v, "errors"));
    print_safe(out, text_of(v, "agent"));
    buf_put_u8(out, '\n');
    return true;
}

static bole_status put_table(bole_slice answer, struct buf *out, struct bole_err *err)
{
    struct json_doc *doc = json_doc_create();
    struct json_value root, sources;
    bole_status st = doc ? json_doc_parse(doc, answer, &root, err) : bole_fail(err, BOLE_E_NOMEM, "no memory");
    if (st == BOLE_OK && json_doc_member(root, "sources", &sources)) {
        buf_printf(out, "%-24s  %-13s  %-22s  %10s  %10s  %9s  %6s  %s\n", "LAST SEEN", "DOOR", "CLIENT", "RECORDS", "RATE", "LAG", "ERRORS", "AGENT");
        json_doc_each(sources, put_source, out);
    }
    json_doc_destroy(doc);
    return st;
}

int cmd_sources(int argc, char **argv)
{
    struct sources_options o = {0};
    cmd_parse(&argp, argc, argv, &o);
    struct bole_client *client = NULL;
    struct bole_err err;
    struct buf answer, out;
    buf_init(&answer, NULL);
    buf_init(&out, NULL);
    cmd_catch_signals();
    bole_status st = cmd_client(&o.connection, &client, &err);
    if (st == BOLE_OK)
        st = bole_client_get(client, "/api/v1/sources", cmd_keep_bytes, &answer, &err);
    if (st == BOLE_OK && o.json) {
        buf_put(&out, buf_slice(&answer));
        buf_put_u8(&out, '\n');
    } else if (st == BOLE_OK) {
        st = put_table(buf_slice(&answer), &out, &err);
    }
    if (st == BOLE_OK)
        st = print_flush(&out, &err);
    bole_client_destroy(client);
    buf_deinit(&answer);
    buf_deinit(&out);
    return cmd_end(st, &err);
}
