/*
 * loki_query.c - LogQL over HTTP: query, query_range, format_query.
 */
#include "base/err.h"
#include "query/parser.h"
#include "serve/api_internal.h"
#include "serve/loki_json.h"

/* ---- format_query ---- */

/* The one endpoint whose refusal is JSON. */
static void reply_invalid(struct http_exchange *x, const struct bole_err *err)
{
    struct buf body;
    buf_init(&body, NULL);
    buf_put_str(&body, "{\"status\":\"invalid-query\",\"error\":");
    buf_put_json(&body, bole_slice_str(err->msg), true);
    buf_put_u8(&body, '}');
    http_reply_buf(x, 400, LOKI_JSON_TYPE, &body);
    buf_deinit(&body);
}

static void format_query(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct bole_err err = {0};
    struct ast *ast = NULL;
    if (ast_parse(api_param(x, S("query")), a->options.budget, &ast, &err) < 0) {
        reply_invalid(x, &err);
        return;
    }
    struct buf text, body;
    buf_init(&text, a->options.budget);
    buf_init(&body, NULL);
    ast_print(ast->root, &text);
    buf_put_str(&body, "{\"status\":\"success\",\"data\":");
    buf_put_json(&body, buf_slice(&text), true);
    buf_put_u8(&body, '}');
    body.failed |= text.failed;
    api_reply_json(x, &body);
    buf_deinit(&text);
    ast_destroy(ast);
}

static const struct http_route routes[] = {
    {HTTP_GET | HTTP_POST, "/loki/api/v1/format_query", format_query},
};

const struct api_table loki_query_table = {routes, sizeof routes / sizeof *routes};
