#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "cmd/print.h"
#include "cmd/url.h"
#include "shim/json_doc.h"

enum { IDS_MAX = 1024 };

struct dlq_options {
    struct connection_options connection;
    const char *action;
    const char *ids[IDS_MAX];
    size_t id_count;
    bool   raw, all, json;
};

static const struct argp_option options_table[] = {
    {"raw", 'R', 0, 0, "show: the bytes as they came, and nothing else", 0},
    {"json", 'j', 0, 0, "list: a JSON object per line", 0},
    {"all", 'a', 0, 0, "redrive, purge: all of the tenant", 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct dlq_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->connection; return 0;
    case 'R': o->raw = true; return 0;
    case 'j': o->json = true; return 0;
    case 'a': o->all = true; return 0;
    case ARGP_KEY_ARG:
        if (!o->action)
            o->action = arg;
        else
            cmd_append(state, o->ids, &o->id_count, IDS_MAX, "ID", arg);
        return 0;
    case ARGP_KEY_END: {
        static const char *const actions[] = {"list", "show", "redrive", "purge"};
        bool known = false;
        for (size_t i = 0; o->action && i < 4; i++)
            known |= strcmp(o->action, actions[i]) == 0;
        if (!known)
            argp_error(state, "one of list, show, redrive, purge, please");
        bool list = known && strcmp(o->action, "list") == 0, show = known && strcmp(o->action, "show") == 0;
        if (list ? o->id_count > 0 : show ? o->id_count == 0 : !o->all == !o->id_count)
            argp_error(state, list ? "list takes no ids" : show ? "which ones? give their ids" : "give ids, or --all");
        return 0;
    }
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {CONNECTION_CHILD, {0}};
static const struct argp argp = {
    options_table, parse_option, "list|show|redrive|purge [ID...]",
    "Dead letters: records that could not be processed, kept with the reason and their bytes.\v"
    "Examples:\n"
    "  bole dlq list                 what there is, the oldest first\n"
    "  bole dlq show 17              all about one; --raw gives its bytes alone\n"
    "  bole dlq redrive --all        through their door again, after a rule was mended\n"
    "  bole dlq purge 17 18          throws them away\n",
    children, NULL, NULL};

static bole_slice text_of(struct json_value v, const char *name)
{
    struct json_value member;
    bole_slice text = {0};
    if (json_doc_member(v, name, &member))
        text = json_doc_string(member);
    return text.ptr ? text : S("");
}

struct answer { /* one, parsed */
    struct buf body;
    struct json_doc *doc;
    struct json_value root;
};

static bole_status parse(struct answer *a, struct bole_err *err)
{
    return a->doc ? json_doc_parse(a->doc, buf_slice(&a->body), &a->root, err) : bole_fail(err, BOLE_E_NOMEM, "no memory");
}

/* ---- list, show ---- */

static bool put_letter(bole_slice name, struct json_value v, void *ctx)
{
    struct buf *out = ctx;
    (void)name;
    bole_slice id = text_of(v, "id"), time = text_of(v, "time"), door = text_of(v, "door"), why = text_of(v, "why"), text = text_of(v, "text");
    buf_printf(out, "%-6.*s %.*s  %-13.*s  %.*s\n       ", BOLE_SLICE_ARG(id), BOLE_SLICE_ARG(time), BOLE_SLICE_ARG(door), BOLE_SLICE_ARG(why));
    print_safe(out, text);
    buf_put_u8(out, '\n');
    return true;
}

static bole_status list(struct bole_client *c, const struct dlq_options *o, struct answer *a, struct buf *out, struct bole_err *err)
{
    struct buf url;
    bole_status st;
    bole_slice next = S("");
    buf_init(&url, NULL);
    do {
        buf_reset(&url);
        buf_put_str(&url, "/api/v1/dlq?limit=1000");
        if (next.len)
            url_param(&url, "after", next);
        buf_reset(&a->body);
        st = bole_client_get(c, url_text(&url), cmd_keep_bytes, &a->body, err);
        if (st == BOLE_OK)
            st = parse(a, err);
        struct json_value letters;
        if (st != BOLE_OK)
            break;
        if (o->json)
            buf_put(out, buf_slice(&a->body)), buf_put_u8(out, '\n');
        else if (json_doc_member(a->root, "letters", &letters))
            json_doc_each(letters, put_letter, out);
        next = text_of(a->root, "next");
        st = print_flush(out, err);
    } while (st == BOLE_OK && next.len && !cmd_stopped);
    buf_deinit(&url);
    return st;
}

static void put_path(struct buf *url, const char *id)
{
    buf_reset(url);
    buf_put_str(url, "/api/v1/dlq/");
    url_segment(url, bole_slice_str(id));
}

static bole_status show(struct bole_client *c, const struct dlq_options *o, struct buf *out, struct bole_err *err)
{
    struct buf url;
    bole_status st = BOLE_OK;
    buf_init(&url, NULL);
    for (size_t i = 0; st == BOLE_OK && i < o->id_count; i++) {
        put_path(&url, o->ids[i]);
        if (o->raw)
            url_param(&url, "raw", S("true"));
        st = bole_client_get(c, url_text(&url), cmd_keep_bytes, out, err);
        if (st == BOLE_OK && !o->raw)
            buf_put_u8(out, '\n');
    }
    buf_deinit(&url);
    return st;
}

/* ---- redrive, purge ---- */

static double number_of(struct json_value v, const char *name)
{
    struct json_value member;
    double n = 0;
    if (json_doc_member(v, name, &member))
        json_doc_number(member, &n);
    return n;
}

static bool put_error(bole_slice name, struct json_value v, void *ctx)
{
    (void)name;
    buf_put_str(ctx, "  ");
    print_safe(ctx, json_doc_string(v));
    buf_put_u8(ctx, '\n');
    return true;
}

/* One id, or all page by page: what is refused stays, so pages go on behind it. */
static bole_status redrive(struct bole_client *c, const char *id, struct answer *a, double ret_sums[2], struct buf *out, struct bole_err *err)
{
    struct buf url;
    bole_status st;
    bole_slice next = S("");
    struct json_value errors;
    buf_init(&url, NULL);
    do {
        buf_reset(&url);
        buf_put_str(&url, "/api/v1/dlq/redrive");
        if (id)
            url_param(&url, "id", bole_slice_str(id));
        if (next.len)
            url_param(&url, "after", next);
        buf_reset(&a->body);
        st = bole_client_post(c, url_text(&url), "text/plain", (bole_slice){0}, cmd_keep_bytes, &a->body, err);
        if (st == BOLE_OK)
            st = parse(a, err);
        if (st != BOLE_OK)
            break;
        ret_sums[0] += number_of(a->root, "redriven");
        ret_sums[1] += number_of(a->root, "refused");
        if (json_doc_member(a->root, "errors", &errors))
            json_doc_each(errors, put_error, out);
        next = text_of(a->root, "next");
    } while (!id && next.len && !bole_slice_eq(next, S("0")) && !cmd_stopped);
    buf_deinit(&url);
    return st;
}

static bole_status redrive_all(struct bole_client *c, const struct dlq_options *o, struct answer *a, struct buf *out, struct bole_err *err)
{
    double sums[2] = {0};
    bole_status st = BOLE_OK;
    for (size_t i = 0; st == BOLE_OK && i < (o->all ? 1 : o->id_count); i++)
        st = redrive(c, o->all ? NULL : o->ids[i], a, sums, out, err);
    buf_printf(out, "redriven %.0f, refused again %.0f\n", sums[0], sums[1]);
    return st;
}

static bole_status purge(struct bole_client *c, const struct dlq_options *o, struct bole_err *err)
{
    struct buf url;
    bole_status st = o->all ? bole_client_delete(c, "/api/v1/dlq", err) : BOLE_OK;
    buf_init(&url, NULL);
    for (size_t i = 0; st == BOLE_OK && i < o->id_count; i++) {
        put_path(&url, o->ids[i]);
        st = bole_client_delete(c, url_text(&url), err);
    }
    buf_deinit(&url);
    return st;
}

int cmd_dlq(int argc, char **argv)
{
    struct dlq_options o = {0};
    cmd_parse(&argp, argc, argv, &o);
    struct bole_client *client = NULL;
    struct bole_err err;
    struct buf out;
    struct answer a = {.doc = json_doc_create()};
    buf_init(&out, NULL);
    buf_init(&a.body, NULL);
    cmd_catch_signals();
    bole_status st = cmd_client(&o.connection, &client, &err);
    if (st == BOLE_OK && strcmp(o.action, "list") == 0)
        st = list(client, &o, &a, &out, &err);
    else if (st == BOLE_OK && strcmp(o.action, "show") == 0)
        st = show(client, &o, &out, &err);
    else if (st == BOLE_OK && strcmp(o.action, "redrive") == 0)
        st = redrive_all(client, &o, &a, &out, &err);
    else if (st == BOLE_OK)
        st = purge(client, &o, &err);
    if (st == BOLE_OK && out.len)
        st = print_flush(&out, &err);
    bole_client_destroy(client);
    json_doc_destroy(a.doc);
    buf_deinit(&a.body);
    buf_deinit(&out);
    return cmd_end(st, &err);
}
