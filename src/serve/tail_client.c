/*
 * tail_client.c - see tail_client.h.
 *
 * The handler joins the hub first and reads history afterwards: what is committed meanwhile waits in `out`, behind the
 * history that is put in front of it. Nothing is sent before.
 */
#include "serve/tail_client.h"

#include <stdlib.h>

#include "base/err.h"
#include "serve/api_internal.h"
#include "serve/loki_params.h"

/* ---- life ---- */

struct tail *tail_ref(struct tail *t)
{
    atomic_fetch_add(&t->refs, 1);
    return t;
}

void tail_unref(struct tail *t)
{
    if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    tail_out_deinit(&t->out);
    tail_out_deinit(&t->history);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

__attribute__((unused)) static struct tail *tail_create(struct api *a, struct http_exchange *x, bole_slice tenant, bool categorize)
{
    struct tail *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->api = a;
    t->hub = a->tails;
    t->x = x;
    memcpy(t->tenant_text, tenant.ptr, tenant.len);
    t->tenant = bole_slice_from(t->tenant_text, tenant.len);
    atomic_init(&t->refs, 1);
    pthread_mutex_init(&t->lock, NULL);
    tail_out_init(&t->out, a->options.budget, categorize);
    tail_out_init(&t->history, a->options.budget, categorize);
    return t;
}

/* ---- the hub's thread ---- */

void tail_lost(struct tail *t, uint64_t row_count, int64_t time_ns)
{
    tail_out_lost(&t->out, row_count, time_ns);
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
    bole_status st = !t->x ? BOLE_E_CANCELLED : t->history_over ? BOLE_OK : BOLE_AGAIN;
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
    bool gone = !t->x;
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

bole_status tail_flush(struct tail *t)
{
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

void tail_close(struct tail *t, uint16_t code, const char *reason)
{
    pthread_mutex_lock(&t->lock);
    if (t->x)
        http_ws_close(t->x, code, reason);
    pthread_mutex_unlock(&t->lock);
}

void tail_feed(struct tail *t, const struct batch *batch)
{
    (void)t;
    (void)batch;
}

/* ---- the connection ---- */

__attribute__((unused)) static void on_close(struct http_exchange *x, void *ctx)
{
    (void)x;
    struct tail *t = ctx;
    pthread_mutex_lock(&t->lock);
    t->x = NULL;
    pthread_mutex_unlock(&t->lock);
    tail_hub_wake(t->hub);
    tail_unref(t);
}


const struct api_table tail_table = {NULL, 0};
