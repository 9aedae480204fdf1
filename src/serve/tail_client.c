/*
 * tail_client.c - see tail_client.h.
 *
 * The handler joins the hub, then opens the WebSocket, then reads history: what is committed meanwhile waits in `out`,
 * behind the history that is put in front of it. Nothing is sent before. The join comes first so that a client that has
 * seen the 101 counts as a tail, and has whatever is committed from then on live.
 */
#include "serve/tail_client.h"

#include <stdlib.h>

#include "base/err.h"
#include "serve/api_work.h"
#include "serve/loki_json.h"
#include "serve/loki_params.h"
#include "serve/native_row.h"

enum { RESUME_PAGE_ROWS = 5000 };
#define FUTURE_NS (86400 * (int64_t)NS_PER_S) /* how far ahead of now a row of the history may be stamped */

#define RPC_400 "rpc error: code = Code(400) desc = " /* as Loki tells what its parts told each other */
#define WS_REASON_MAX 123                            /* bytes; RFC 6455, 5.5 */

enum { CLOSE_GOING_AWAY = 1001, CLOSE_ERROR = 1011, CLOSE_TRY_AGAIN = 1013 }; /* RFC 6455, 7.4.1 and IANA's registry */

static void on_close(struct http_exchange *x, void *ctx);

static const struct http_ws_callbacks callbacks = {.on_close = on_close};

/* ---- life ---- */

static void on_ref(struct tail_member *m)
{
    atomic_fetch_add(&((struct tail *)m)->refs, 1);
}

static void tail_unref(struct tail *t)
{
    if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    tail_out_deinit(&t->out);
    tail_out_deinit(&t->history);
    query_tail_destroy(t->matcher);
    query_destroy(t->query);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

static void on_unref(struct tail_member *m)
{
    tail_unref((struct tail *)m);
}

static const struct tail_ops ops;

static struct tail *tail_create(struct api *a, bole_slice tenant)
{
    struct tail *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->member.ops = &ops;
    t->api = a;
    t->hub = a->tails;
    memcpy(t->tenant_text, tenant.ptr, tenant.len);
    t->tenant = bole_slice_from(t->tenant_text, tenant.len);
    atomic_init(&t->refs, 1);
    pthread_mutex_init(&t->lock, NULL);
    budget_init(&t->budget, a->options.tail_budget, SIZE_MAX);
    tail_out_init(&t->out, &t->budget, TAIL_PLAIN, LOKI_ALL_ORIGINS);
    tail_out_init(&t->history, &t->budget, TAIL_PLAIN, LOKI_ALL_ORIGINS);
    return t;
}

/* ---- the hub's thread ---- */

static void on_lost(struct tail_member *m, uint64_t row_count, int64_t time_ns)
{
    tail_out_lost(&((struct tail *)m)->out, row_count, time_ns);
}

static bole_status send_text(bole_slice text, void *ctx)
{
    struct tail *t = ctx;
    pthread_mutex_lock(&t->lock);
    bole_status st = t->x ? http_ws_send(t->x, text) : BOLE_E_CANCELLED;
    pthread_mutex_unlock(&t->lock);
    return st;
}

/* BOLE_OK: history stands in front of `out`. BOLE_AGAIN: it is still being read. */
static bole_status take_history(struct tail *t)
{
    if (t->history_sent)
        return BOLE_OK;
    pthread_mutex_lock(&t->lock);
    bole_status st = t->gone ? BOLE_E_CANCELLED : t->history_over ? BOLE_OK : BOLE_AGAIN;
    pthread_mutex_unlock(&t->lock);
    if (st == BOLE_OK) {
        tail_out_prepend(&t->out, &t->history);
        t->history_sent = true;
    }
    return st;
}

static bool is_gone(struct tail *t)
{
    pthread_mutex_lock(&t->lock);
    bool gone = t->gone;
    pthread_mutex_unlock(&t->lock);
    return gone;
}

static void tell_metrics(struct tail *t)
{
    atomic_fetch_add(&t->api->counters.tail_rows_total, t->out.entries_total - t->told_entries);
    atomic_fetch_add(&t->api->counters.tail_dropped_total, t->out.dropped_total - t->told_dropped);
    t->told_entries = t->out.entries_total;
    t->told_dropped = t->out.dropped_total;
}

static bole_status on_flush(struct tail_member *m)
{
    struct tail *t = (struct tail *)m;
    bole_status st = take_history(t);
    if (st < 0)
        return st;
    if (st == BOLE_AGAIN) /* the handler wakes the hub */
        return BOLE_OK;
    tell_metrics(t);
    if (tail_out_is_empty(&t->out)) {
        t->oldest_ns = 0;
        return is_gone(t) ? BOLE_E_CANCELLED : BOLE_OK;
    }
    uint64_t now_ns = clock_mono_ns(t->api->options.clock);
    if (!t->oldest_ns)
        t->oldest_ns = now_ns;
    if (now_ns - t->oldest_ns < t->delay_ns)
        return BOLE_AGAIN;
    st = tail_out_flush(&t->out, send_text, t);
    if (st == BOLE_OK)
        t->oldest_ns = 0;
    return st;
}

static void tail_close(struct tail *t, uint16_t code, const char *reason)
{
    pthread_mutex_lock(&t->lock);
    if (t->x)
        http_ws_close(t->x, code, reason);
    else
        t->close_code = code; /* not open yet: attach closes it */
    pthread_mutex_unlock(&t->lock);
}

static void on_stop(struct tail_member *m)
{
    tail_close((struct tail *)m, CLOSE_GOING_AWAY, "server is stopping");
}

static bole_status take_entry(const struct query_entry *entry, void *ctx)
{
    struct tail *t = ctx;
    tail_out_add(&t->out, entry);
    return BOLE_OK;
}

static void on_feed(struct tail_member *m, uint64_t lsn, uint32_t first_row, const struct batch *batch)
{
    struct tail *t = (struct tail *)m;
    /* Without memory to match a batch none of its rows may pass for unwanted. */
    if (query_tail_batch(t->matcher, lsn, first_row, batch, take_entry, t, NULL) < 0)
        tail_out_lost(&t->out, batch->row_count, batch->max_time_ns);
}

static const struct tail_ops ops = {
    .feed = on_feed, .lost = on_lost, .flush = on_flush, .close = on_stop, .ref = on_ref, .unref = on_unref};

/* ---- history ---- */

/* Oldest first. What was committed after the tail joined comes live, what came up to the cursor is known. Returns the place of
 * the last row; *ret_count 0: there is none. False: no memory. */
static bool add_history(struct tail *t, const struct query_result *r, uint64_t known_seq, struct query_place *ret_last,
                        size_t *ret_count)
{
    const struct query_entry **order = native_sort(r, FORWARD, ret_count);
    if (!order)
        return false;
    for (size_t i = 0; i < *ret_count; i++)
        if (seq_lsn(order[i]->seq) <= t->member.position && order[i]->seq > known_seq)
            tail_out_add(&t->history, order[i]);
    if (*ret_count)
        *ret_last = (struct query_place){order[*ret_count - 1]->time_ns, order[*ret_count - 1]->seq};
    free(order);
    return true;
}

struct tail_request { /* as the client asked */
    int64_t  start_ns, end_ns;
    uint32_t limit;
    uint32_t delay_s;
    bool     resumes;
    struct query_place cursor;
};

static bole_status read_page(struct tail *t, const struct query_request *q, uint64_t known_seq, struct query_place *ret_last,
                             size_t *ret_count, struct bole_err *err)
{
    struct query_result *result = NULL;
    bole_status st = query_exec(t->query, q, &result, err);
    *ret_count = 0;
    if (st == BOLE_OK && !add_history(t, result, known_seq, ret_last, ret_count))
        st = bole_fail(err, BOLE_E_LIMIT, "no memory for the history of the tail");
    query_result_destroy(result);
    return st;
}

/* The newest `limit` rows since start, which may be none; behind a cursor all that were committed after it: what does not fit
 * is dropped and counted as of every tail. A row stamped in the future is history, too. */
static bole_status read_history(struct tail *t, struct api_work *work, const struct tail_request *request, struct bole_err *err)
{
    struct query_request q = api_work_request(work);
    struct query_place last;
    size_t count = 0;
    q.start_ns = request->start_ns;
    q.end_ns = request->end_ns;
    q.step_ns = NS_PER_S;
    q.limit = request->limit;
    q.direction = request->resumes ? FORWARD : BACKWARD;
    bole_status st = request->start_ns < request->end_ns ? read_page(t, &q, request->cursor.seq, &last, &count, err) : BOLE_OK;
    while (st == BOLE_OK && request->resumes && count == q.limit) {
        struct query_place after = last;
        q.after = &after;
        q.start_ns = after.time_ns;
        st = read_page(t, &q, request->cursor.seq, &last, &count, err);
    }
    api_work_count(work, st, NULL);
    return st;
}

/* A later tail goes on behind all that was there when this one joined, shown or not. */
static void end_history(struct tail *t, int64_t now_ns)
{
    pthread_mutex_lock(&t->lock);
    t->history.latest = (struct query_place){now_ns, seq_make(t->member.position + 1, 0) - 1};
    t->history_over = true;
    pthread_mutex_unlock(&t->lock);
    tail_hub_wake(t->hub);
}

/* ---- the connection ---- */

static void cut(struct tail *t)
{
    pthread_mutex_lock(&t->lock);
    t->x = NULL;
    t->gone = true;
    pthread_mutex_unlock(&t->lock);
    tail_hub_wake(t->hub);
}

/* Comes after the handler has returned. */
static void on_close(struct http_exchange *x, void *ctx)
{
    (void)x;
    struct tail *t = ctx;
    cut(t);
    tail_unref(t);
}

static void attach(struct tail *t, struct http_exchange *x)
{
    pthread_mutex_lock(&t->lock);
    t->x = x;
    if (t->close_code)
        http_ws_close(x, t->close_code, NULL);
    pthread_mutex_unlock(&t->lock);
}

static bole_status parse_bounds(struct http_exchange *x, int64_t now_ns, struct tail_request *request, struct bole_err *err)
{
    struct loki_text text = {.start = http_param(x, S("start")), .end = http_param(x, S("end")), .since = http_param(x, S("since"))};
    int64_t end_ns; /* is checked and means nothing */
    bole_status st = loki_parse_bounds(&text, now_ns, &request->start_ns, &end_ns, err);
    if (st < 0 || text.start.len || !request->resumes || request->cursor.time_ns > now_ns)
        return st;
    if (__builtin_sub_overflow(request->cursor.time_ns, LOKI_SINCE_DEFAULT, &request->start_ns))
        request->start_ns = INT64_MIN;
    return st;
}

/* In Loki's order, of whose mistakes the first is told. */
static bole_status parse_request(struct tail *t, struct http_exchange *x, struct tail_request *ret_request, struct bole_err *err)
{
    struct tail_request request = {0};
    uint64_t limit;
    int64_t now_ns = clock_now_ns(t->api->options.clock);
    bole_slice cursor = http_param(x, S("cursor"));
    t->is_ours = cursor.ptr != NULL;
    bole_status st = query_parse(api_param(x, S("query")), &t->budget, &t->query, err);
    if (st == BOLE_OK && cursor.len)
        st = native_parse_id(cursor, &request.cursor, err);
    request.resumes = cursor.len > 0;
    if (st == BOLE_OK)
        st = loki_parse_limit(http_param(x, S("limit")), &limit, err);
    if (st == BOLE_OK && t->is_ours) /* Loki gives what it can */
        st = loki_check_limit(limit, t->api->options.entries_max, err);
    if (st == BOLE_OK)
        st = parse_bounds(x, now_ns, &request, err);
    if (st == BOLE_OK)
        st = loki_parse_delay(http_param(x, S("delay_for")), &request.delay_s, err);
    if (st < 0)
        return st;
    if (limit > t->api->options.entries_max)
        limit = t->api->options.entries_max;
    request.limit = limit < QUERY_ENTRIES_MAX ? (uint32_t)limit : QUERY_ENTRIES_MAX;
    if (request.resumes)
        request.limit = RESUME_PAGE_ROWS;
    request.end_ns = now_ns + FUTURE_NS;
    *ret_request = request;
    return BOLE_OK;
}

/* What Loki finds out only when the connection stands, as the reason of its end; NULL: nothing. */
static const char *late_refusal(const struct tail *t, const struct tail_request *request)
{
    if (query_type(t->query) != QUERY_LOG)
        return "only log selector is supported";
    if (!t->is_ours && request->start_ns > clock_now_ns(t->api->options.clock))
        return RPC_400 "this data is no longer available, it is past now - max_query_lookback (0s)";
    return NULL;
}

static void choose_form(struct tail *t, struct http_exchange *x)
{
    bool categorize = api_wants_categories(x);
    t->out.form = bole_slice_starts(http_path(x), S("/api/prom/")) ? TAIL_LEGACY : categorize ? TAIL_CATEGORIZED : TAIL_PLAIN;
    t->out.origins = categorize ? 1u << ORIGIN_STREAM : LOKI_ALL_ORIGINS;
    t->history.form = t->out.form;
    t->history.origins = t->out.origins;
    if (query_is_selector(t->query) && !t->is_ours) /* what no stage has seen comes without its metadata, live only */
        t->out.origins = 1u << ORIGIN_STREAM;
}

/* From the join on the hub's thread has the matcher; the handler keeps a reference for itself. BOLE_END: accepted, and
 * closed again, with the refusal or because there are too many. */
static bole_status open_tail(struct tail *t, struct http_exchange *x, const char *refusal, struct bole_err *err)
{
    struct bole_err full = {0};
    bool joined = !refusal && tail_hub_join(t->hub, &t->member, &full) == BOLE_OK;
    on_ref(&t->member); /* on_close's */
    bole_status st = http_ws_accept(x, &callbacks, t, err);
    if (st < 0) {
        cut(t); /* the hub lets go of it */
        tail_unref(t);
        return st;
    }
    attach(t, x);
    if (joined)
        return BOLE_OK;
    char reason[WS_REASON_MAX + 1];
    err_print(reason, sizeof reason, "%s%s", t->is_ours || refusal ? "" : RPC_400, refusal ? refusal : full.msg);
    tail_close(t, refusal || !t->is_ours ? CLOSE_ERROR : CLOSE_TRY_AGAIN, reason);
    return BOLE_END;
}

static bole_status begin_tail(struct tail *t, struct http_exchange *x, struct tail_request *ret_request, struct bole_err *err)
{
    bole_status st = parse_request(t, x, ret_request, err);
    if (st == BOLE_OK && !http_is_upgrade(x))
        st = bole_fail(err, BOLE_E_INVALID, "Bad Request\n");
    const char *refusal = st == BOLE_OK ? late_refusal(t, ret_request) : NULL;
    if (st == BOLE_OK && !refusal)
        st = query_tail_create(t->query, t->tenant, &t->budget, &t->matcher, err);
    if (st < 0)
        return st;
    choose_form(t, x);
    t->delay_ns = ret_request->delay_s * (uint64_t)NS_PER_S;
    t->out.shows_cursor = t->is_ours;
    t->out.latest = ret_request->cursor;
    return open_tail(t, x, refusal, err);
}

static void tail(struct http_exchange *x, void *ctx)
{
    struct api *a = ctx;
    struct api_work work;
    struct bole_err err = {0};
    struct tail_request request = {0};
    if (!api_work_begin(&work, a, x))
        return;
    if (work.tenant_count > 1) {
        http_reply_text(x, 400, "multiple org IDs present");
        return;
    }
    struct tail *t = tail_create(a, work.tenant);
    bole_status st = t ? begin_tail(t, x, &request, &err) : bole_fail(&err, BOLE_E_NOMEM, "no memory for a tail");
    if (st < 0) {
        api_reply_query_error(x, t ? &t->budget : &work.budget, &err);
    } else if (st == BOLE_OK) {
        if (read_history(t, &work, &request, &err) < 0) {
            api_explain_memory(&work.budget, &err);
            tail_close(t, CLOSE_ERROR, err.msg);
        }
        end_history(t, clock_now_ns(a->options.clock));
    }
    tail_unref(t);
}

static const struct http_route routes[] = {
    {HTTP_GET | HTTP_POST, "/loki/api/v1/tail", tail, .flags = LOKI_METHODS | HTTP_POOL | HTTP_UPGRADE},
    {HTTP_GET | HTTP_POST, "/api/prom/tail", tail, .flags = LOKI_METHODS | HTTP_POOL | HTTP_UPGRADE},
};

const struct api_table tail_table = {routes, sizeof routes / sizeof *routes};
