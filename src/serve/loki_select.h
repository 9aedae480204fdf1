/*
 * loki_select.h - what the label, series and index endpoints share: a time range, a selector, a budget, a view.
 *
 * Owner:   loki_select_begin takes a view and memory; loki_select_end gives them back, not after a failed begin.
 * Threads: the request's pool thread.
 */
#ifndef SERVE_LOKI_SELECT_H
#define SERVE_LOKI_SELECT_H

#include "serve/api_work.h"
#include "serve/loki_set.h"

struct loki_select {
    struct api_work        work;
    struct view           *view;
    struct store_query     query;     /* tenant, range, budget, cancellation; matchers are the selector's */
    struct query_selector *selector; /* NULL: everything */
    struct store_matcher  *matchers; /* of a query over several tenants: the query's, then those on __tenant_id__ */
    size_t                 tenant_matcher_count;
    int64_t                start_ns, end_ns; /* as asked: the end belongs to the range */
};

/* Reads tenant, start, end, since. False: an answer was given. */
bool loki_select_begin(struct loki_select *s, struct api *api, struct http_exchange *x);
void loki_select_end(struct loki_select *s);

enum loki_selector {
    LOKI_NARROW,        /* with a matcher that "" does not pass, as every query */
    LOKI_NARROW_OR_ALL, /* or no selector */
    LOKI_BRACES,        /* or `{}` */
    LOKI_ANY_BRACES,    /* or none, or `{}` */
};

/* Parses a selector and makes it the query's, in place of the one before. `{}` and none: everything. */
bole_status loki_select_matchers(struct loki_select *s, bole_slice selector, enum loki_selector kind, struct bole_err *err);

/* Makes the query one of the i-th tenant, without the matchers on __tenant_id__. False: those leave this tenant out. */
bool loki_select_tenant(struct loki_select *s, size_t i);

#endif
