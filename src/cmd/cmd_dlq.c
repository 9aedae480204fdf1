#include <string.h>

#include "cmd/listing.h"
#include "cmd/print.h"
#include "cmd/url.h"

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

/* ---- list, show ---- */

static bool put_letter(bole_slice name, struct json_value v, void *ctx)
{
    struct buf *out = ctx;
    (void)name;
    bole_slice id = listing_text(v, "id"), time = listing_text(v, "time"), door = listing_text(v, "door"),
               why = listing_text(v, "why"), text = listing_text(v, "text");
    buf_printf(out, "%-6.*s %.*s  %-13.*s  %.*s\n       ", BOLE_SLICE_ARG(id), BOLE_SLICE_ARG(time), BOLE_SLICE_ARG(door),
               BOLE_SLICE_ARG(why));
    print_safe(out, text);
    buf_put_u8(out, '\n');
    return true;
}

static bole_status list(struct listing *l, const struct dlq_options *o, struct bole_err *err)
{
    bole_status st;
    bole_slice next = S("");
    do {
        buf_reset(&l->url);
        buf_put_str(&l->url, "/api/v1/dlq?limit=1000");
        if (next.len)
            url_param(&l->url, "after", next);
        st = o->json ? listing_get(l, err) : listing_each(l, "letters", put_letter, NULL, err);
        if (st != BOLE_OK)
            break;
        if (o->json)
            buf_put(&l->out, buf_slice(&l->body)), buf_put_u8(&l->out, '\n');
        next = listing_text(l->root, "next");
        st = print_flush(&l->out, err);
    } while (st == BOLE_OK && next.len && !cmd_stopped);
    return st;
}

static void put_path(struct buf *url, const char *id)
{
    buf_reset(url);
    buf_put_str(url, "/api/v1/dlq/");
    url_segment(url, bole_slice_str(id));
}

static bole_status show(struct listing *l, const struct dlq_options *o, struct bole_err *err)
{
    bole_status st = BOLE_OK;
    for (size_t i = 0; st == BOLE_OK && i < o->id_count; i++) {
        put_path(&l->url, o->ids[i]);
        if (o->raw)
            url_param(&l->url, "raw", S("true"));
        st = bole_client_get(l->client, url_text(&l->url), cmd_keep_bytes, &l->out, err);
        if (st == BOLE_OK && !o->raw)
            buf_put_u8(&l->out, '\n');
    }
    return st;
}

/* ---- redrive, purge ---- */

static bool put_error(bole_slice name, struct json_value v, void *ctx)
{
    (void)name;
    buf_put_str(ctx, "  ");
    print_safe(ctx, json_doc_string(v));
    buf_put_u8(ctx, '\n');
    return true;
}

/* One id, or all page by page: what is refused stays, so pages go on behind it. */
static bole_status redrive(struct listing *l, const char *id, double ret_sums[2], struct bole_err *err)
{
    bole_status st;
    bole_slice next = S("");
    struct json_value errors;
    do {
        buf_reset(&l->url);
        buf_put_str(&l->url, "/api/v1/dlq/redrive");
        if (id)
            url_param(&l->url, "id", bole_slice_str(id));
        if (next.len)
            url_param(&l->url, "after", next);
        buf_reset(&l->body);
        st = bole_client_post(l->client, url_text(&l->url), "text/plain", (bole_slice){0}, cmd_keep_bytes, &l->body, err);
        if (st == BOLE_OK)
            st = listing_parse(l, err);
        if (st != BOLE_OK)
            break;
        ret_sums[0] += listing_number(l->root, "redriven");
        ret_sums[1] += listing_number(l->root, "refused");
        if (json_doc_member(l->root, "errors", &errors))
            json_doc_each(errors, put_error, &l->out);
        next = listing_text(l->root, "next");
    } while (!id && next.len && !bole_slice_eq(next, S("0")) && !cmd_stopped);
    return st;
}

static bole_status redrive_all(struct listing *l, const struct dlq_options *o, struct bole_err *err)
{
    double sums[2] = {0};
    bole_status st = BOLE_OK;
    for (size_t i = 0; st == BOLE_OK && i < (o->all ? 1 : o->id_count); i++)
        st = redrive(l, o->all ? NULL : o->ids[i], sums, err);
    buf_printf(&l->out, "redriven %.0f, refused again %.0f\n", sums[0], sums[1]);
    return st;
}

static bole_status purge(struct listing *l, const struct dlq_options *o, struct bole_err *err)
{
    bole_status st = o->all ? bole_client_delete(l->client, "/api/v1/dlq", err) : BOLE_OK;
    for (size_t i = 0; st == BOLE_OK && i < o->id_count; i++) {
        put_path(&l->url, o->ids[i]);
        st = bole_client_delete(l->client, url_text(&l->url), err);
    }
    return st;
}

static bole_status act(struct listing *l, const void *ctx, struct bole_err *err)
{
    const struct dlq_options *o = ctx;
    switch (o->action[0]) {
    case 'l': return list(l, o, err);
    case 's': return show(l, o, err);
    case 'r': return redrive_all(l, o, err);
    default: return purge(l, o, err);
    }
}

int cmd_dlq(int argc, char **argv)
{
    struct dlq_options o = {0};
    cmd_parse(&argp, argc, argv, &o);
    return listing_run(&o.connection, act, &o);
}
