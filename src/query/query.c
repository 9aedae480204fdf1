#include "query/query.h"

#include <stdlib.h>

#include "base/err.h"
#include "query/entries.h"
#include "query/exec.h"
#include "query/parser.h"
#include "query/set/set.h"
#include "query/source.h"

static bole_status parse(bole_slice text, bool words, struct budget *budget, struct query **ret_query, struct bole_err *err)
{
    if (!text.len)
        return bole_fail(err, BOLE_E_INVALID, "parse error : syntax error: unexpected $end"); /* without a place, as Loki */
    struct query *q = calloc(1, sizeof *q);
    if (!q)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the query");
    bole_status st = (words ? ast_parse_words : ast_parse)(text, budget, &q->ast, err);
    if (st < 0) {
        query_destroy(q);
        return st;
    }
    *ret_query = q;
    return BOLE_OK;
}

bole_status query_parse(bole_slice text, struct budget *budget, struct query **ret_query, struct bole_err *err)
{
    return parse(text, false, budget, ret_query, err);
}

bole_status query_parse_words(bole_slice text, struct budget *budget, struct query **ret_query, struct bole_err *err)
{
    return parse(text, true, budget, ret_query, err);
}

void query_destroy(struct query *q)
{
    if (!q)
        return;
    ast_destroy(q->ast);
    free(q);
}

enum query_type query_type(const struct query *q)
{
    return q->ast->root->kind == EXPR_LOG ? QUERY_LOG : QUERY_METRIC;
}

bool query_is_set(const struct query *q)
{
    return query_type(q) == QUERY_LOG && q->ast->root->log.sets;
}

bool query_is_selector(const struct query *q)
{
    return query_type(q) == QUERY_LOG && !q->ast->root->log.stages && !q->ast->root->log.sets;
}

bool query_request_clip(struct query_request *r)
{
    int64_t last_ns = r->after ? r->after->time_ns : 0;
    if (r->after && r->direction == FORWARD && r->start_ns < last_ns)
        r->start_ns = last_ns;
    if (r->after && r->direction == BACKWARD && last_ns < r->end_ns)
        r->end_ns = last_ns + 1;
    return r->start_ns < r->end_ns;
}

void query_stats_add(struct query_stats *sum, const struct query_stats *one)
{
    sum->rows_scanned += one->rows_scanned;
    sum->bytes_scanned += one->bytes_scanned;
    sum->parts_total += one->parts_total;
    sum->parts_pruned += one->parts_pruned;
    sum->bad_chunks = one->bad_chunks > sum->bad_chunks ? one->bad_chunks : sum->bad_chunks; /* the same ones come again */
}

void query_format(const struct query *q, struct buf *out)
{
    ast_print(q->ast->root, out);
}

/* ---- selectors ---- */

struct query_selector {
    struct ast           *ast;
    struct store_matcher *matchers;
    size_t                count;
};

bole_status query_selector_parse(bole_slice text, struct query_selector **ret_selector, struct bole_err *err)
{
    struct query_selector *s = calloc(1, sizeof *s);
    if (!s)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the selector");
    bole_status st = ast_parse_selector(text, NULL, &s->ast, err);
    if (st == BOLE_OK) {
        s->matchers = source_matchers(s->ast->root->log.matchers, &s->ast->arena, &s->count);
        if (!s->matchers)
            st = bole_fail(err, BOLE_E_NOMEM, "no memory for the selector");
    }
    if (st < 0) {
        query_selector_destroy(s);
        return st;
    }
    *ret_selector = s;
    return BOLE_OK;
}

void query_selector_destroy(struct query_selector *s)
{
    if (!s)
        return;
    ast_destroy(s->ast);
    free(s);
}

const struct store_matcher *query_selector_matchers(const struct query_selector *s, size_t *ret_count)
{
    *ret_count = s->count;
    return s->matchers;
}

/* ---- executing ---- */

static bole_status check_request(const struct query *q, const struct query_request *r, struct bole_err *err)
{
    bool is_log = query_type(q) == QUERY_LOG;
    if (is_log && r->limit == 0)
        return bole_fail(err, BOLE_E_INVALID, "limit must be a positive value");
    if (is_log && r->limit > QUERY_ENTRIES_MAX)
        return bole_fail(err, BOLE_E_INVALID,
                         "max entries limit per query exceeded, limit > max_entries_limit_per_query (%u > %u)",
                         r->limit, QUERY_ENTRIES_MAX);
    if (r->step_ns < 0)
        return bole_fail(err, BOLE_E_INVALID,
                         "zero or negative query resolution step widths are not accepted. Try a positive integer");
    if (r->end_ns < r->start_ns && (is_log || r->step_ns > 0))
        return bole_fail(err, BOLE_E_INVALID, "end timestamp must not be before or equal to start time");
    uint64_t span = (uint64_t)r->end_ns - (uint64_t)r->start_ns;
    if (!is_log && r->step_ns > 0 && span / (uint64_t)r->step_ns > QUERY_POINTS_MAX)
        return bole_fail(err, BOLE_E_INVALID,
                         "exceeded maximum resolution of %u points per time series. Try increasing the value "
                         "of the step parameter",
                         QUERY_POINTS_MAX);
    return BOLE_OK;
}

bole_status query_exec(const struct query *q, const struct query_request *request, struct query_result **ret_result,
                       struct bole_err *err)
{
    bole_status st = check_request(q, request, err);
    if (st < 0)
        return st;
    struct query_result *result = calloc(1, sizeof *result);
    struct view *own = result && !request->view ? store_view(request->store) : NULL;
    uint64_t begin = request->clock ? clock_mono_ns(request->clock) : 0;
    if (!result || (!own && !request->view)) {
        free(result);
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the query");
    }
    arena_init(&result->arena, request->budget);
    struct view *view = request->view ? request->view : own;
    if (query_type(q) == QUERY_LOG)
        st = (query_is_set(q) ? exec_set : exec_log)(q->ast->root, request, view, result, err);
    else
        st = exec_metric(q->ast->root, request, view, result, err);
    store_view_release(request->store, own);
    result->stats.exec_ns = request->clock ? clock_mono_ns(request->clock) - begin : 0;
    if (st < 0) {
        query_result_destroy(result);
        return st;
    }
    *ret_result = result;
    return BOLE_OK;
}

void query_result_destroy(struct query_result *r)
{
    if (!r)
        return;
    log_entries_destroy(r->log);
    arena_deinit(&r->arena);
    free(r);
}
