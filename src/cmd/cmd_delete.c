#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "cmd/print.h"
#include "cmd/url.h"

struct delete_options {
    struct connection_options connection;
    const char *query, *cancel;
    bool    list;
    int64_t from_ns, to_ns;
};

enum { KEY_CANCEL = 256 };

static const struct argp_option options_table[] = {
    RANGE_OPTIONS("the beginning"),
    {"list", 'L', 0, 0, "Show all requests and what became of them", 0},
    {"cancel", KEY_CANCEL, "ID", 0, "Take a request back that has not begun", 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct delete_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->connection; return 0;
    case 'f': o->from_ns = cmd_time_ns(state, "from", arg); return 0;
    case 'e': o->to_ns = cmd_time_ns(state, "to", arg); return 0;
    case 'L': o->list = true; return 0;
    case KEY_CANCEL: o->cancel = arg; return 0;
    case ARGP_KEY_ARG:
        if (o->query)
            argp_error(state, "one query, please");
        o->query = arg;
        return 0;
    case ARGP_KEY_END:
        if (!!o->query + o->list + !!o->cancel != 1)
            argp_error(state, "a query, or --list, or --cancel ID");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {CONNECTION_CHILD, {0}};
static const struct argp argp = {
    options_table, parse_option, "[QUERY]",
    "Deletes records: those that are stored now, lie in the range and match a selector and line filters.\v"
    "They are out of sight at once, and out of the segments when the server's --delete-delay is over. Prints the id of the "
    "request.\n\n"
    "Examples:\n"
    "  bole delete '{app=\"web\"} |= \"user=4711\"'     everything that is there now\n"
    "  bole delete '{app=\"web\"}' --to 30d           what is older than 30 days\n"
    "  bole delete --list                           JSON, a line per request, with the proof\n"
    "  bole delete --cancel 0123456789abcdef\n",
    children, NULL, NULL};

static void put_text(struct json_value v, const char *name, struct buf *out)
{
    struct json_value member;
    if (json_doc_member(v, name, &member))
        buf_put(out, json_doc_string(member));
}

static bole_status request(struct bole_client *c, const struct delete_options *o, struct buf *out, struct bole_err *err)
{
    struct buf url, body;
    struct json_doc *doc = json_doc_create();
    struct json_value root;
    buf_init(&url, NULL);
    buf_init(&body, NULL);
    buf_put_str(&url, "/api/v1/delete");
    url_param(&url, "query", bole_slice_str(o->query));
    url_param_i64(&url, "start", o->from_ns);
    url_param_i64(&url, "end", o->to_ns);
    bole_status st = bole_client_post(c, url_text(&url), "text/plain", (bole_slice){0}, cmd_keep_bytes, &body, err);
    if (st == BOLE_OK)
        st = doc ? json_doc_parse(doc, buf_slice(&body), &root, err) : bole_fail(err, BOLE_E_NOMEM, "no memory");
    if (st == BOLE_OK) {
        put_text(root, "request_id", out);
        buf_put_u8(out, '\n');
    }
    json_doc_destroy(doc);
    buf_deinit(&url);
    buf_deinit(&body);
    return st;
}

static bole_status list(struct bole_client *c, struct buf *out, struct bole_err *err)
{
    bole_status st = bole_client_get(c, "/api/v1/delete", cmd_keep_bytes, out, err);
    buf_put_u8(out, '\n');
    return st;
}

static bole_status cancel(struct bole_client *c, const char *id, struct bole_err *err)
{
    struct buf url;
    buf_init(&url, NULL);
    buf_put_str(&url, "/loki/api/v1/delete");
    url_param(&url, "request_id", bole_slice_str(id));
    bole_status st = bole_client_delete(c, url_text(&url), err);
    buf_deinit(&url);
    return st;
}

int cmd_delete(int argc, char **argv)
{
    struct delete_options o = {.to_ns = clock_now_ns(&clock_system)};
    cmd_parse(&argp, argc, argv, &o);
    bool is_log;
    if (o.query && !cmd_check_query(o.query, false, &is_log))
        return EXIT_USAGE;
    struct bole_client *client = NULL;
    struct bole_err err;
    struct buf out;
    buf_init(&out, NULL);
    cmd_catch_signals();
    bole_status st = cmd_client(&o.connection, &client, &err);
    if (st == BOLE_OK)
        st = o.list ? list(client, &out, &err) : o.cancel ? cancel(client, o.cancel, &err) : request(client, &o, &out, &err);
    if (st == BOLE_OK && out.len)
        st = print_flush(&out, &err);
    bole_client_destroy(client);
    buf_deinit(&out);
    return cmd_end(st, &err);
}
