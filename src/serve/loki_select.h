/*
 * loki_select.h - what the label, series and index endpoints share: a time range, a selector, a budget, a view.
 *
 * Owner:   loki_select_begin takes a view and memory; loki_select_end gives them back, also after a failed begin.
 * Threads: the request's pool thread.
 */
#ifndef SERVE_LOKI_SELECT_H
#define SERVE_LOKI_SELECT_H

#include "query/parser.h"
#include "serve/api_internal.h"
#include "serve/loki_set.h"

struct loki_select {
    struct api           *api;
    struct http_exchange *x;
    struct budget         budget;      /* of this request, on the process's */
    uint64_t              deadline_ns; /* mono */
    struct view          *view;
    struct store_query    query;       /* tenant, range, budget, cancellation; matchers are loki_select_matchers's */
    int64_t               start_ns, end_ns; /* as asked: the end belongs to the range */
};

/* Reads tenant, start, end, since. False: an answer was given. */
bool loki_select_begin(struct loki_select *s, struct api *api, struct http_exchange *x);
void loki_select_end(struct loki_select *s);

/* Parses a selector (empty text: everything) and makes it the query's; *ret_ast owns the matchers and is the caller's. */
bole_status loki_select_matchers(struct loki_select *s, bole_slice selector, struct ast **ret_ast, struct bole_err *err);

#endif
