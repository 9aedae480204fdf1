#include "cmd/listing.h"

#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/print.h"
#include "cmd/url.h"

int listing_run(const struct connection_options *options,
                bole_status (*run)(struct listing *l, const void *ctx, struct bole_err *err), const void *ctx)
{
    struct listing l = {.doc = json_doc_create()};
    struct bole_err err;
    buf_init(&l.url, NULL);
    buf_init(&l.body, NULL);
    buf_init(&l.out, NULL);
    cmd_catch_signals();
    bole_status st = cmd_client(options, &l.client, &err);
    if (st == BOLE_OK)
        st = run(&l, ctx, &err);
    if (st == BOLE_OK && l.out.len)
        st = print_flush(&l.out, &err);
    bole_client_destroy(l.client);
    json_doc_destroy(l.doc);
    buf_deinit(&l.url);
    buf_deinit(&l.body);
    buf_deinit(&l.out);
    return cmd_end(st, &err);
}

bole_status listing_get(struct listing *l, struct bole_err *err)
{
    buf_reset(&l->body);
    bole_status st = bole_client_get(l->client, url_text(&l->url), cmd_keep_bytes, &l->body, err);
    return st == BOLE_OK ? listing_parse(l, err) : st;
}

bole_status listing_parse(struct listing *l, struct bole_err *err)
{
    return l->doc ? json_doc_parse(l->doc, buf_slice(&l->body), &l->root, err) : bole_fail(err, BOLE_E_NOMEM, "no memory");
}

bole_status listing_each(struct listing *l, const char *member, bool (*fn)(bole_slice name, struct json_value value, void *ctx),
                         void *ctx, struct bole_err *err)
{
    struct json_value list;
    bole_status st = listing_get(l, err);
    if (st == BOLE_OK && json_doc_member(l->root, member, &list))
        json_doc_each(list, fn, ctx ? ctx : &l->out);
    return st;
}

void listing_hint(const struct listing *l, const char *what)
{
    if (l->out.len == 0 && isatty(STDERR_FILENO))
        fprintf(stderr, "no %s in this range; a wider one: --since 30d\n", what);
}

bole_slice listing_text(struct json_value v, const char *name)
{
    struct json_value member;
    bole_slice text = {0};
    if (json_doc_member(v, name, &member))
        text = json_doc_string(member);
    return text.ptr ? text : S("");
}

double listing_number(struct json_value v, const char *name)
{
    struct json_value member;
    double n = 0;
    if (json_doc_member(v, name, &member))
        json_doc_number(member, &n);
    return n;
}
