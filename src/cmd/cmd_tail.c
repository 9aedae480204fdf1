#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "cmd/print.h"
#include "cmd/url.h"

enum { DEFAULT_HISTORY = 10 };

struct tail_options {
    struct connection_options connection;
    const char *query;
    unsigned long history;
    enum print_format format;
};

static const struct argp_option options_table[] = {
    {"history", 'n', "N", 0, "Begin with the newest N lines that are there (default 10)", 0},
    {"output", 'o', "FORMAT", 0, "text, json, csv, raw (default text)", 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct tail_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->connection; return 0;
    case 'n': o->history = strtoul(arg, NULL, 10); return 0;
    case 'o': o->format = print_format_parse(state, arg); return 0;
    case ARGP_KEY_ARG:
        if (o->query)
            argp_error(state, "one query, please; quote it for the shell: '{app=\"api\"} |= \"error\"'");
        o->query = arg;
        return 0;
    case ARGP_KEY_END:
        if (!o->query)
            argp_error(state, "a query is needed, such as '{job=\"varlogs\"}'");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&connection_argp, 0, "Connection:", 9}, {0}};
static const struct argp argp = {
    options_table, parse_option, "QUERY",
    "Follows what arrives, until Ctrl-C.\v"
    "Examples:\n"
    "  bole tail '{job=\"varlogs\"}'\n"
    "  bole tail '{app=\"api\"} |= \"error\"' -o raw | tee errors.log\n",
    children, NULL, NULL};

struct tail {
    const struct tail_options *options;
    struct json_doc *doc;
    struct buf out;
    bool colours;
    struct json_value labels; /* of the stream being printed */
};

struct entry {
    struct print_record record;
    int index;
};

static bool read_entry(bole_slice name, struct json_value v, void *ctx)
{
    struct entry *e = ctx;
    if (e->index == 0) {
        char digits[24];
        snprintf(digits, sizeof digits, "%.*s", BOLE_SLICE_ARG(json_doc_string(v)));
        e->record.time_ns = strtoll(digits, NULL, 10);
    } else if (e->index == 1) {
        e->record.line = json_doc_string(v);
    }
    e->index++;
    return true;
}

static bool print_entry(bole_slice name, struct json_value v, void *ctx)
{
    struct tail *t = ctx;
    struct entry e = {.record.labels = t->labels};
    json_doc_each(v, read_entry, &e);
    print_record(&e.record, t->options->format, t->colours, &t->out);
    return true;
}

static bool print_stream(bole_slice name, struct json_value stream, void *ctx)
{
    struct tail *t = ctx;
    struct json_value values;
    t->labels = (struct json_value){0};
    json_doc_member(stream, "stream", &t->labels);
    if (json_doc_member(stream, "values", &values))
        json_doc_each(values, print_entry, t);
    return true;
}

static bool count_one(bole_slice name, struct json_value v, void *ctx)
{
    ++*(unsigned *)ctx;
    return true;
}

static bole_status on_frame(bole_slice text, void *ctx, struct bole_err *err)
{
    struct tail *t = ctx;
    struct json_value frame, v;
    bole_status st = json_doc_parse(t->doc, text, &frame, err);
    if (st < 0)
        return st;
    if (json_doc_member(frame, "streams", &v))
        json_doc_each(v, print_stream, t);
    unsigned dropped = 0;
    if (json_doc_member(frame, "dropped_entries", &v) && json_doc_each(v, count_one, &dropped) && dropped)
        fprintf(stderr, "(%u lines came faster than they could be sent and are not shown; they are stored)\n", dropped);
    return print_flush(&t->out, err);
}

static bole_status follow(struct bole_client *c, struct tail *t, struct bole_err *err)
{
    struct buf url;
    char number[24];
    buf_init(&url, NULL);
    buf_put_str(&url, "/loki/api/v1/tail");
    url_param(&url, "query", bole_slice_str(t->options->query));
    snprintf(number, sizeof number, "%lu", t->options->history);
    url_param(&url, "limit", bole_slice_str(number));
    bole_status st = bole_client_follow(c, url_text(&url), on_frame, t, err);
    buf_deinit(&url);
    return st;
}

int cmd_tail(int argc, char **argv)
{
    struct tail_options o = {.history = DEFAULT_HISTORY};
    cmd_parse(&argp, argc, argv, &o);
    struct tail t = {.options = &o, .colours = o.format == PRINT_TEXT && cmd_colours()};
    struct bole_client *client = NULL;
    struct bole_err err;
    cmd_catch_signals();
    signal(SIGPIPE, SIG_IGN);
    t.doc = json_doc_create();
    bole_status st = cmd_client(&o.connection, &client, &err);
    if (st == BOLE_OK)
        st = follow(client, &t, &err);
    bole_client_destroy(client);
    json_doc_destroy(t.doc);
    buf_deinit(&t.out);
    return st < 0 && st != BOLE_E_CANCELLED ? cmd_fail(&err) : EXIT_OK;
}
