/*
 * loki_patterns.c - patterns: what the lines of a selector look like, mined as the question comes.
 *
 * Source: grafana/loki pkg/loghttp/patterns.go and pkg/util/marshal (WriteQueryPatternsResponseJSON), observed: a sample stands at
 * a multiple of the step, the most frequent pattern comes first, each level on its own.
 */
#include "base/err.h"
#include "query/columns/mined_lines.h"
#include "serve/loki_json.h"
#include "serve/loki_params.h"
#include "serve/loki_select.h"

enum { PATTERNS_SHOWN_MAX = 1000 };

struct patterns {
    struct loki_select *select;
    struct miner        miner;
    struct mined_lines  lines;
    int64_t             first_ns, step_ns; /* step i is [first + i * step, first + (i + 1) * step) */
    struct query_stats  stats;
};

static bool add_vector(struct patterns *p, struct scan *scan, struct vector *v)
{
    struct column level = v->field(v, S("detected_level"));
    bole_slice own = {0};
    uint32_t own_of = UINT32_MAX;
    for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r)) {
        if (v->time_ns[r] < p->select->query.from_ns || v->time_ns[r] >= p->select->query.to_ns)
            continue;
        if (v->stream[r] != own_of)
            own = labels_find(store_scan_stream(scan, own_of = v->stream[r]), S("detected_level"));
        uint32_t step = (uint32_t)(((uint64_t)v->time_ns[r] - (uint64_t)p->first_ns) / (uint64_t)p->step_ns);
        if (!mined_lines_add(&p->lines, v, r, own.ptr ? own : column_get(&level, r), step))
            return false;
        p->stats.rows_out++;
    }
    return true;
}

static bole_status mine(struct patterns *p, struct bole_err *err)
{
    struct loki_select *s = p->select;
    struct scan *scan = NULL;
    struct vector *v;
    struct store_query query = s->query;
    query.projection = PROJECT_LINE;
    query.ignores_seq = true;
    query.reader = mined_lines_reader(&p->lines);
    bole_status st = store_scan_open(s->work.api->options.store, s->view, &query, &scan, err);
    while (st == BOLE_OK && (st = store_scan_next(scan, &v, err)) == BOLE_OK) {
        struct store_scan_stats scanned;
        store_scan_stats(scan, &scanned);
        st = query_check_scanned(s->work.api->options.max_query_bytes, p->stats.bytes_scanned + scanned.bytes_scanned, err);
        if (st == BOLE_OK && api_work_is_over(&s->work))
            st = bole_fail(err, BOLE_E_CANCELLED, "the query was cancelled");
        else if (st == BOLE_OK && !add_vector(p, scan, v))
            st = bole_fail(err, BOLE_E_LIMIT,
                           "the patterns need more memory than one query may use: a larger step, or a shorter range");
    }
    if (scan) {
        struct store_scan_stats stats;
        store_scan_stats(scan, &stats);
        p->stats.rows_scanned += stats.rows_scanned;
        p->stats.bytes_scanned += stats.bytes_scanned;
    }
    store_scan_close(scan);
    return st == BOLE_END ? BOLE_OK : st;
}

static void put_pattern(struct patterns *p, const struct miner_pattern *pattern, struct buf *b)
{
    bool any = false;
    buf_put_str(b, "{\"pattern\":");
    buf_put_json(b, pattern->text, true);
    buf_put_str(b, ",\"level\":");
    buf_put_json(b, pattern->level, true);
    buf_put_str(b, ",\"samples\":[");
    for (uint32_t i = 0; i < p->miner.step_count; i++)
        if (pattern->counts[i]) {
            buf_printf(b, "%s[%lld,%u]", any ? "," : "", (long long)((p->first_ns + (int64_t)i * p->step_ns) / NS_PER_S),
                       pattern->counts[i]);
            any = true;
        }
    buf_put_str(b, "]}");
}

static void reply(struct patterns *p)
{
    size_t count;
    struct buf body;
    struct miner_pattern **ranked = miner_ranked(&p->miner, &count);
    buf_init(&body, NULL);
    buf_put_str(&body, "{\"status\":\"success\",\"data\":[");
    for (size_t i = 0; ranked && i < count && i < PATTERNS_SHOWN_MAX; i++) {
        if (i)
            buf_put_u8(&body, ',');
        put_pattern(p, ranked[i], &body);
    }
    buf_put_str(&body, "]}\n");
    body.failed |= !ranked;
    api_reply_json(p->select->work.x, &body);
}

static bole_status prepare(struct patterns *p, struct bole_err *err)
{
    struct http_exchange *x = p->select->work.x;
    struct loki_range range;
    struct loki_text text = {.start = http_param(x, S("start")),
                             .end = http_param(x, S("end")),
                             .since = http_param(x, S("since")),
                             .step = http_param(x, S("step"))};
    bole_status st = loki_parse_range(&text, clock_now_ns(p->select->work.api->options.clock), &range, err);
    if (st == BOLE_OK)
        st = loki_select_matchers(p->select, http_param(x, S("query")), LOKI_NARROW, err);
    if (st < 0)
        return st;
    p->step_ns = range.step_ns;
    p->first_ns = loki_align(range.start_ns, range.step_ns);
    p->select->query.from_ns = range.start_ns;
    p->select->query.to_ns = range.end_ns;
    uint32_t steps = (uint32_t)(((uint64_t)range.end_ns - (uint64_t)p->first_ns) / (uint64_t)range.step_ns) + 1;
    struct budget *budget = &p->select->work.budget;
    return miner_init(&p->miner, budget, steps) && mined_lines_init(&p->lines, &p->miner, budget)
               ? BOLE_OK
               : bole_fail(err, BOLE_E_LIMIT, "the patterns need more memory than one query may use");
}

static void patterns(struct http_exchange *x, void *ctx)
{
    struct loki_select s;
    struct bole_err err = {0};
    if (!loki_select_begin(&s, ctx, x))
        return;
    struct patterns p = {.select = &s};
    bole_status st = prepare(&p, &err);
    for (size_t i = 0; i < s.work.tenant_count && st == BOLE_OK; i++)
        if (loki_select_tenant(&s, i))
            st = mine(&p, &err);
    api_work_count(&s.work, st, &p.stats);
    if (st < 0)
        api_reply_query_error(x, &s.work.budget, &err);
    else
        reply(&p);
    mined_lines_deinit(&p.lines);
    miner_deinit(&p.miner);
    loki_select_end(&s);
}

static const struct http_route routes[] = {
    {HTTP_GET | HTTP_POST, "/loki/api/v1/patterns", patterns, .flags = LOKI_METHODS | HTTP_POOL},
};

const struct api_table loki_patterns_table = {routes, sizeof routes / sizeof *routes};
