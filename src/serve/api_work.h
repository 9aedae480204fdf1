/*
 * api_work.h - one request's share of the process: whose data, how much memory, how long.
 *
 * A query may ask several tenants at once: X-Scope-OrgID: a|b.
 *
 * Threads: the request's pool thread.
 */
#ifndef SERVE_API_WORK_H
#define SERVE_API_WORK_H

#include "query/query.h"
#include "serve/api_internal.h"

/* printf format; told with every answer that lacks rows. */
#define API_DAMAGE_TEXT "the answer is not complete: damaged chunks left out: %llu"
/* The same, for api_lost_groups: told with every answer, since nobody knows which lack rows. */
#define API_LOST_TEXT "rows may be missing: groups of the write-ahead log damaged or gone: %llu, see `bole check`"

struct api_work {
    struct api           *api;
    struct http_exchange *x;
    bole_slice            tenant;     /* the first of tenants */
    const bole_slice     *tenants;    /* [tenant_count] sorted, each once; in the exchange's arena */
    size_t                tenant_count;
    struct budget         budget;     /* of this request, on the process's */
    uint64_t              started_ns, deadline_ns; /* mono */
};

/* False: a tenant was no valid name and was answered. The struct stays where it is: the budget is pointed to. */
bool api_work_begin(struct api_work *w, struct api *api, struct http_exchange *x);

/* The same where no HTTP is: tenants as api_tenants gives them, the arena for their list. x is NULL, so that cancellation is the
 * caller's. False: no memory. */
bool api_work_start(struct api_work *w, struct api *api, bole_slice tenants, struct arena *arena);

/* The callback `cancelled` of queries and scans: the client is gone or the time is over. */
bool api_work_is_over(void *ctx);

/* Store, tenant, budget, cancellation, clock; the rest is the caller's. */
struct query_request api_work_request(struct api_work *w);

/* Groups that were acknowledged and that the queue could not give back, at least. */
uint64_t api_lost_groups(struct api *api);

/* Counts the query in the metrics; stats may be NULL. */
void api_work_count(struct api_work *w, bole_status st, const struct query_stats *stats);

#endif
