/*
 * loki_select.c - see loki_select.h.
 */
#include "serve/loki_select.h"

#include "base/err.h"
#include "serve/loki_params.h"

static bool is_over(void *ctx)
{
    struct loki_select *s = ctx;
    return http_cancelled(s->x) || clock_mono_ns(s->api->options.clock) > s->deadline_ns;
}

bool loki_select_begin(struct loki_select *s, struct api *api, struct http_exchange *x)
{
    *s = (struct loki_select){.api = api, .x = x};
    struct bole_err err = {0};
    bole_slice tenant;
    struct loki_text text = {.start = http_param(x, S("start")), .end = http_param(x, S("end")), .since = http_param(x, S("since"))};
    if (!api_tenant(x, &tenant))
        return false;
    bole_status st = loki_parse_bounds(&text, clock_now_ns(api->options.clock), &s->start_ns, &s->end_ns, &err);
    if (st == BOLE_OK && s->end_ns < s->start_ns)
        st = bole_fail(&err, BOLE_E_INVALID, "end timestamp must not be before or equal to start time");
    if (st == BOLE_OK && !(s->view = store_view(api->options.store)))
        st = bole_fail(&err, BOLE_E_NOMEM, "no memory for a view of the store");
    if (st < 0) {
        api_reply_query_error(x, &err);
        return false;
    }
    budget_init(&s->budget, api->options.budget, api->options.query_memory_bytes);
    s->deadline_ns = clock_mono_ns(api->options.clock) + api->options.query_timeout_ns;
    s->query = (struct store_query){.tenant = tenant, .from_ns = s->start_ns,
                                    .to_ns = s->end_ns == INT64_MAX ? INT64_MAX : s->end_ns + 1, .budget = &s->budget,
                                    .cancelled = is_over, .cancelled_ctx = s};
    return true;
}

void loki_select_end(struct loki_select *s)
{
    store_view_release(s->api->options.store, s->view);
}

bole_status loki_select_matchers(struct loki_select *s, bole_slice selector, struct ast **ret_ast, struct bole_err *err)
{
    s->query.matchers = NULL;
    s->query.matcher_count = 0;
    *ret_ast = NULL;
    if (!selector.len)
        return BOLE_OK;
    struct ast *ast = NULL;
    bole_status st = ast_parse_selector(selector, &s->budget, &ast, err);
    if (st < 0)
        return st;
    size_t count = 0;
    for (const struct ast_matcher *m = ast->root->log.matchers; m; m = m->next)
        count++;
    struct store_matcher *matchers = arena_array(&ast->arena, count, sizeof *matchers);
    if (!matchers) {
        ast_destroy(ast);
        return bole_fail(err, BOLE_E_LIMIT, "the selector needs more memory than one query may use");
    }
    size_t at = 0;
    for (const struct ast_matcher *m = ast->root->log.matchers; m; m = m->next)
        matchers[at++] = (struct store_matcher){m->op, m->name, m->value, m->regex};
    s->query.matchers = matchers;
    s->query.matcher_count = count;
    *ret_ast = ast;
    return BOLE_OK;
}
