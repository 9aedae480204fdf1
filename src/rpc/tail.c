/*
 * tail.c - bole.v1.Logs/Tail: rows of a log query as they are committed.
 *
 * Joins the hub of live tails (serve/tail_hub.h) first, then sends history from a thread that may block; what is committed
 * meanwhile waits. Live rows are written by the hub's thread, which blocks for nobody: while a message is on its way the rows
 * behind it are gathered, up to WAITING_MAX bytes; what does not fit is dropped and counted, and the next message says how many.
 *
 * A tail has two holders, the hub and its call, whose state points to it; the last one frees it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "receive/wire.h"
#include "rpc/rows.h"
#include "serve/api_work.h"
#include "serve/native_row.h"
#include "serve/tail_hub.h"

enum { WAITING_MAX = 1024 * 1024, HISTORY_MAX = 5000, PAGE_ROWS = 1000 };
enum { ROWS = 1, DROPPED = 2, CURSOR = 3 }; /* of TailResponse */
#define HISTORY_NS (3600 * (int64_t)NS_PER_S)
#define FUTURE_NS  (86400 * (int64_t)NS_PER_S) /* how far ahead of now a row of the history may be stamped */

struct rpc_tail {
    struct tail_member member;  /* first */
    atomic_uint        refs;
    struct api        *api;
    struct budget      budget;  /* its own, without a limit, on that of all tails */
    struct query      *query;
    struct query_tail *matcher; /* hub's thread */
    bole_slice         tenant;  /* in tenant_text */
    char               tenant_text[TENANT_MAX];
    struct buf         rows;    /* hub's thread: rows that wait, as in a TailResponse */
    uint64_t           row_count, dropped, told_dropped; /* hub's thread */
    struct query_place latest;  /* hub's thread: the live row with the highest seq, sent or dropped, or the cursor */
    pthread_mutex_t    lock;
    struct rpc_call   *call;    /* guarded by lock; NULL: it was finished */
    bool               reads_history; /* guarded by lock: a thread has the call, which cannot end before */
    bool               history_over;  /* guarded by lock: live rows may be written */
    bool               is_over; /* guarded by lock */
    enum rpc_code      code;    /* guarded by lock: where is_over */
    char               text[1024];
};

struct tail_call { /* a call's state */
    struct rpc_tail   *tail;    /* NULL: there was no memory for it, and the call is over */
    struct api_work    work;
    uint32_t           history;
    bool               resumes;
    struct query_place cursor;
    struct query_place latest; /* history's thread: the row with the highest seq that it sent, or the cursor */
};

/* ---- life ---- */

static void on_ref(struct tail_member *m)
{
    atomic_fetch_add(&((struct rpc_tail *)m)->refs, 1);
}

static void on_unref(struct tail_member *m)
{
    struct rpc_tail *t = (struct rpc_tail *)m;
    if (atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    buf_deinit(&t->rows);
    query_tail_destroy(t->matcher);
    query_destroy(t->query);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* Under the lock, which is given back: whoever comes last finishes the call. */
static void settle(struct rpc_tail *t)
{
    struct rpc_call *call = t->is_over && !t->reads_history ? t->call : NULL;
    if (call)
        t->call = NULL;
    pthread_mutex_unlock(&t->lock);
    if (call)
        rpc_finish(call, &(struct rpc_end){.code = t->code, .text = bole_slice_str(t->text)});
}

static void end_locked(struct rpc_tail *t, enum rpc_code code, const char *text)
{
    if (t->is_over)
        return;
    t->is_over = true;
    t->code = code;
    snprintf(t->text, sizeof t->text, "%s", text);
}

/* With its own reference, or under one that stays. */
static void end_tail(struct rpc_tail *t, enum rpc_code code, const char *text)
{
    pthread_mutex_lock(&t->lock);
    end_locked(t, code, text);
    settle(t);
}

/* ---- the hub's thread ---- */

static void on_lost(struct tail_member *m, uint64_t row_count, int64_t time_ns)
{
    ((struct rpc_tail *)m)->dropped += row_count;
}

static bole_status take_entry(const struct query_entry *entry, void *ctx)
{
    struct rpc_tail *t = ctx;
    if (entry->seq > t->latest.seq)
        t->latest = (struct query_place){entry->time_ns, entry->seq};
    size_t before = t->rows.len;
    if (before < WAITING_MAX)
        rows_put(&t->rows, ROWS, entry);
    if (before >= WAITING_MAX || t->rows.failed) {
        t->rows.len = before;
        t->rows.failed = false;
        t->dropped++;
        return BOLE_OK;
    }
    t->row_count++;
    return BOLE_OK;
}

static void on_feed(struct tail_member *m, uint64_t lsn, uint32_t first_row, const struct batch *batch)
{
    struct rpc_tail *t = (struct rpc_tail *)m;
    /* Without memory to match a batch none of its rows may pass for unwanted. */
    if (query_tail_batch(t->matcher, lsn, first_row, batch, take_entry, t, NULL) < 0)
        t->dropped += batch->row_count;
}

static void put_end(struct buf *out, uint64_t dropped, struct query_place latest)
{
    if (dropped)
        wire_put_number(out, DROPPED, dropped);
    if (latest.seq)
        rows_put_id(out, CURSOR, latest);
}

/* Writes what waits, when nothing is on its way. Under the tail's lock. */
static bole_status write_rows(struct rpc_tail *t)
{
    if (rpc_unsent_bytes(t->call))
        return BOLE_AGAIN;
    size_t rows = t->rows.len;
    put_end(&t->rows, t->dropped - t->told_dropped, t->latest);
    bool ok = !t->rows.failed && rpc_write(t->call, buf_slice(&t->rows));
    if (!ok) { /* memory, or the client has just gone: the next round knows */
        t->rows.failed = false;
        t->rows.len = rows;
        return BOLE_AGAIN;
    }
    atomic_fetch_add(&t->api->counters.tail_rows_total, t->row_count);
    atomic_fetch_add(&t->api->counters.tail_dropped_total, t->dropped - t->told_dropped);
    t->told_dropped = t->dropped;
    t->row_count = 0;
    buf_deinit(&t->rows); /* a quiet tail holds nothing */
    return BOLE_OK;
}

static bole_status on_flush(struct tail_member *m)
{
    struct rpc_tail *t = (struct rpc_tail *)m;
    pthread_mutex_lock(&t->lock);
    bool waits = t->rows.len || t->dropped != t->told_dropped;
    bole_status st = t->is_over ? BOLE_E_CANCELLED : waits && t->history_over ? write_rows(t) : BOLE_OK;
    pthread_mutex_unlock(&t->lock);
    return st;
}

static void on_stop(struct tail_member *m)
{
    end_tail((struct rpc_tail *)m, RPC_UNAVAILABLE, "the server is stopping");
}

static const struct tail_ops ops = {
    .feed = on_feed, .lost = on_lost, .flush = on_flush, .close = on_stop, .ref = on_ref, .unref = on_unref};

/* ---- history ---- */

static bool is_over(void *ctx)
{
    return atomic_load(&((struct rpc_call *)ctx)->cancelled);
}

/* Sends what came before the tail joined; what came up to the cursor is known. False: nobody reads. */
static bool send_history(struct rpc_call *call, const struct query_entry *const *rows, size_t count, struct buf *out)
{
    struct tail_call *c = call->state;
    for (size_t i = 0; i < count; i++) {
        if (seq_lsn(rows[i]->seq) > c->tail->member.position || rows[i]->seq <= c->cursor.seq)
            continue;
        rows_put(out, ROWS, rows[i]);
        if (rows[i]->seq > c->latest.seq)
            c->latest = (struct query_place){rows[i]->time_ns, rows[i]->seq};
    }
    if (!out->len)
        return true;
    bool ok = !out->failed && rpc_write(call, buf_slice(out)) && rpc_wait(call);
    buf_reset(out);
    return ok;
}

static bole_status read_page(struct rpc_call *call, const struct query_request *q, struct buf *out, struct query_place *ret_last,
                             size_t *ret_count, struct bole_err *err)
{
    struct tail_call *c = call->state;
    struct query_result *result = NULL;
    *ret_count = 0;
    bole_status st = query_exec(c->tail->query, q, &result, err);
    const struct query_entry **rows = st == BOLE_OK ? native_sort(result, FORWARD, ret_count) : NULL;
    if (st == BOLE_OK && !rows)
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for the history of the tail");
    if (st == BOLE_OK && *ret_count)
        *ret_last = (struct query_place){rows[*ret_count - 1]->time_ns, rows[*ret_count - 1]->seq};
    if (st == BOLE_OK && !send_history(call, rows, *ret_count, out))
        st = bole_fail(err, BOLE_E_CANCELLED, "nobody reads the history of the tail");
    free(rows);
    query_result_destroy(result);
    return st;
}

/* The newest rows of the last hour, as many as are wanted; behind a cursor all that were stored after it. */
static bole_status read_history(struct rpc_call *call, struct buf *out, struct bole_err *err)
{
    struct tail_call *c = call->state;
    struct query_request q = api_work_request(&c->work);
    int64_t now_ns = clock_now_ns(c->work.api->options.clock);
    int64_t since_ns = c->resumes && c->cursor.time_ns < now_ns ? c->cursor.time_ns : now_ns;
    struct query_place last;
    size_t count;
    if (!c->resumes && !c->history)
        return BOLE_OK;
    q.start_ns = since_ns < INT64_MIN + HISTORY_NS ? INT64_MIN : since_ns - HISTORY_NS;
    q.end_ns = now_ns + FUTURE_NS;
    q.step_ns = NS_PER_S;
    q.categorize = true;
    q.cancelled = is_over;
    q.cancelled_ctx = call;
    q.limit = c->resumes ? PAGE_ROWS : c->history;
    q.direction = c->resumes ? FORWARD : BACKWARD;
    bole_status st = read_page(call, &q, out, &last, &count, err);
    while (st == BOLE_OK && c->resumes && count == q.limit) {
        struct query_place after = last;
        q.after = &after;
        q.start_ns = after.time_ns;
        st = read_page(call, &q, out, &last, &count, err);
    }
    return st;
}

static void run_history(struct rpc_call *call)
{
    struct tail_call *c = call->state;
    struct rpc_tail *t = c->tail;
    struct tail_hub *hub = t->api->tails;
    struct bole_err err = {0};
    struct buf out;
    buf_init(&out, t->api->options.tail_budget);
    bole_status st = read_history(call, &out, &err);
    put_end(&out, 0, c->latest); /* not before: history comes in the order of time, and a cursor names the order of storage */
    if (st == BOLE_OK && out.len)
        rpc_write(call, buf_slice(&out));
    buf_deinit(&out);
    enum rpc_code code = st < 0 ? rows_code_of(&c->work.budget, &err) : RPC_OK;
    on_ref(&t->member); /* the call's may go with it */
    pthread_mutex_lock(&t->lock);
    t->reads_history = false;
    t->history_over = true;
    if (st < 0)
        end_locked(t, code, err.msg);
    settle(t);
    tail_hub_wake(hub);
    on_unref(&t->member);
}

/* ---- the call ---- */

static bole_status read_request(struct rpc_call *call, bole_slice message, bole_slice *ret_query, struct bole_err *err)
{
    struct tail_call *c = call->state;
    struct wire w = wire_of(message);
    bole_slice after = {0};
    uint64_t history = 0;
    *ret_query = S("");
    for (uint32_t field; (field = wire_field(&w));) {
        switch (field) {
        case 1: *ret_query = wire_bytes(&w); break;
        case 2: history = wire_number(&w); break;
        case 3: after = wire_bytes(&w); break;
        default: wire_skip(&w);
        }
    }
    if (w.error)
        return bole_fail(err, BOLE_E_INVALID, "protobuf: %s, at byte %zu of the message", w.error,
                         (size_t)(w.field_at - message.ptr));
    if (history > HISTORY_MAX)
        return bole_fail(err, BOLE_E_INVALID, "history: at most %d rows", HISTORY_MAX);
    c->history = (uint32_t)history;
    c->resumes = after.len > 0;
    return c->resumes ? native_parse_id(after, &c->cursor, err) : BOLE_OK;
}

static bole_status prepare(struct rpc_call *call, bole_slice message, struct bole_err *err)
{
    struct tail_call *c = call->state;
    struct rpc_tail *t = c->tail;
    struct rpc_end refusal;
    bole_slice tenant, text;
    if (!rpc_tenant(call, &tenant, &refusal))
        return bole_fail(err, BOLE_E_INVALID, "%.*s", BOLE_SLICE_ARG(refusal.text));
    memcpy(t->tenant_text, tenant.ptr, tenant.len);
    t->tenant = bole_slice_from(t->tenant_text, tenant.len);
    bole_status st = read_request(call, message, &text, err);
    if (st == BOLE_OK && !api_work_start(&c->work, t->api, t->tenant, &call->arena))
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for a tail");
    if (st == BOLE_OK)
        st = query_parse(text, &t->budget, &t->query, err);
    if (st == BOLE_OK && query_type(t->query) != QUERY_LOG)
        st = bole_fail(err, BOLE_E_INVALID, "only log queries can be followed");
    if (st == BOLE_OK)
        st = query_tail_create(t->query, t->tenant, &t->budget, &t->matcher, err);
    return st;
}

static void tail_begin(struct rpc_call *call)
{
    struct tail_call *c = call->state;
    struct rpc_tail *t = calloc(1, sizeof *t);
    if (!t) {
        rpc_finish_later(call, RPC_RESOURCE_EXHAUSTED, S("no memory for a tail"));
        return;
    }
    t->member.ops = &ops;
    t->api = rpc_api(call->rpc);
    t->call = call;
    atomic_init(&t->refs, 1);
    pthread_mutex_init(&t->lock, NULL);
    budget_init(&t->budget, t->api->options.tail_budget, SIZE_MAX);
    buf_init(&t->rows, &t->budget);
    c->tail = t;
    rpc_read(call);
}

/* From the join on the hub's thread has the matcher. The client is greeted behind it: who has seen that has whatever is committed
 * from then on. */
static void tail_message(struct rpc_call *call, bole_slice message)
{
    struct tail_call *c = call->state;
    struct rpc_tail *t = c->tail;
    struct bole_err err = {0};
    pthread_mutex_lock(&t->lock);
    bool is_over = t->is_over;
    t->reads_history = !is_over;
    pthread_mutex_unlock(&t->lock);
    if (is_over)
        return;
    bole_status st = prepare(call, message, &err);
    enum rpc_code code = st < 0 ? rows_code_of(&t->budget, &err) : RPC_OK;
    t->latest = c->latest = c->cursor;
    if (st == BOLE_OK && (st = tail_hub_join(t->api->tails, &t->member, &err)) < 0)
        code = RPC_RESOURCE_EXHAUSTED;
    if (st == BOLE_OK) {
        rpc_greet(call);
        if (rpc_block(call, run_history))
            return;
        st = bole_fail(&err, BOLE_E_LIMIT, "too many queries at once: try again later");
        code = RPC_RESOURCE_EXHAUSTED;
    }
    pthread_mutex_lock(&t->lock);
    t->reads_history = false;
    end_locked(t, code, err.msg);
    settle(t);
    tail_hub_wake(t->api->tails);
}

static void tail_broken(struct rpc_call *call, const struct rpc_end *end)
{
    end_tail(((struct tail_call *)call->state)->tail, end->code, "the message cannot be unpacked");
}

static void tail_read_end(struct rpc_call *call)
{
    struct tail_call *c = call->state;
    if (c->tail && !call->has_message)
        end_tail(c->tail, RPC_INVALID_ARGUMENT, "the call has no message");
}

static void tail_cancelled(struct rpc_call *call)
{
    struct tail_call *c = call->state;
    if (!c->tail)
        return;
    end_tail(c->tail, RPC_CANCELLED, "");
    tail_hub_wake(c->tail->api->tails);
}

static void tail_stop(struct rpc_call *call)
{
    struct tail_call *c = call->state;
    if (c->tail)
        end_tail(c->tail, RPC_UNAVAILABLE, "the server is stopping");
}

static void tail_ended(struct rpc_call *call)
{
    struct tail_call *c = call->state;
    if (c->tail)
        on_unref(&c->tail->member);
}

const struct rpc_method rpc_tail_method = {
    .path = "/bole.v1.Logs/Tail", .state_size = sizeof(struct tail_call), .begin = tail_begin, .message = tail_message,
    .broken = tail_broken, .read_end = tail_read_end, .cancelled = tail_cancelled, .stop = tail_stop, .ended = tail_ended,
};
