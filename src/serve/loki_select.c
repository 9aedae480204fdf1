/*
 * loki_select.c - see loki_select.h.
 */
#include "serve/loki_select.h"

#include "base/err.h"
#include "query/pipeline.h"
#include "serve/loki_params.h"

bool loki_select_begin(struct loki_select *s, struct api *api, struct http_exchange *x)
{
    *s = (struct loki_select){0};
    struct bole_err err = {0};
    struct loki_text text = {
        .start = http_param(x, S("start")), .end = http_param(x, S("end")), .since = http_param(x, S("since"))};
    if (!api_work_begin(&s->work, api, x))
        return false;
    bole_status st = loki_parse_bounds(&text, clock_now_ns(api->options.clock), &s->start_ns, &s->end_ns, &err);
    if (st == BOLE_OK && s->end_ns < s->start_ns)
        st = bole_fail(&err, BOLE_E_INVALID, "end timestamp must not be before or equal to start time");
    if (st == BOLE_OK && !(s->view = store_view(api->options.store)))
        st = bole_fail(&err, BOLE_E_NOMEM, "no memory for a view of the store");
    if (st < 0) {
        api_reply_query_error(x, &s->work.budget, &err);
        return false;
    }
    s->query = (struct store_query){.tenant = s->work.tenant, .from_ns = s->start_ns,
                                    .to_ns = s->end_ns == INT64_MAX ? INT64_MAX : s->end_ns + 1, .budget = &s->work.budget,
                                    .cancelled = api_work_is_over, .cancelled_ctx = &s->work};
    return true;
}

void loki_select_end(struct loki_select *s)
{
    query_selector_destroy(s->selector);
    store_view_release(s->work.api->options.store, s->view);
}

/* Puts the matchers on __tenant_id__, which the store does not know, behind the others. */
static bole_status part_matchers(struct loki_select *s, struct bole_err *err)
{
    size_t count = s->query.matcher_count, kept = 0, apart = 0;
    s->matchers = arena_array(http_arena(s->work.x), count + 1, sizeof *s->matchers);
    if (!s->matchers)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the selector");
    for (size_t i = 0; i < count; i++) {
        bool apart_now = bole_slice_eq(s->query.matchers[i].name, LABEL_TENANT);
        s->matchers[apart_now ? count - ++apart : kept++] = s->query.matchers[i];
    }
    s->query.matchers = s->matchers;
    s->query.matcher_count = kept;
    s->tenant_matcher_count = apart;
    return BOLE_OK;
}

/* What a query with this selector would be refused for. */
static bole_status check_narrow(bole_slice selector, struct bole_err *err)
{
    struct query *q = NULL;
    bole_status st = query_parse(selector, NULL, &q, err);
    query_destroy(q);
    return st;
}

bole_status loki_select_matchers(struct loki_select *s, bole_slice selector, enum loki_selector kind, struct bole_err *err)
{
    query_selector_destroy(s->selector);
    s->selector = NULL;
    s->query.matchers = NULL;
    s->query.matcher_count = 0;
    s->tenant_matcher_count = 0;
    if (!selector.len && (kind == LOKI_NARROW_OR_ALL || kind == LOKI_ANY_BRACES))
        return BOLE_OK;
    bole_status st = query_selector_parse(selector.len ? selector : S("{}"), &s->selector, err);
    if (st == BOLE_OK)
        s->query.matchers = query_selector_matchers(s->selector, &s->query.matcher_count);
    bool braces = selector.len && !s->query.matcher_count && (kind == LOKI_BRACES || kind == LOKI_ANY_BRACES);
    if (st == BOLE_OK && !braces)
        st = check_narrow(selector, err);
    return st == BOLE_OK && s->work.tenant_count > 1 ? part_matchers(s, err) : st;
}

bool loki_select_tenant(struct loki_select *s, size_t i)
{
    s->query.tenant = s->work.tenants[i];
    for (size_t k = 0; k < s->tenant_matcher_count; k++) {
        const struct store_matcher *m = &s->matchers[s->query.matcher_count + k];
        if (!match_text(m->op, m->value, m->regex, s->query.tenant))
            return false;
    }
    return true;
}
