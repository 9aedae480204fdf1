/*
 * Chunked answers. The writer frames its bytes into `pending`; the loop takes the whole of it whenever the connection's
 * own buffer is empty. The writer waits while HTTP_STREAM_BUFFER_MAX bytes are pending; a client that does not read is
 * cut off by the write timeout, which wakes the writer with BOLE_E_CANCELLED, or by the pool when it has no thread left.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/thread.h"
#include "serve/http_private.h"

struct http_stream {
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    struct buf pending; /* guarded by lock; framed */
    bool gone;          /* guarded by lock */
    bool chunked;       /* HTTP/1.0 gets the bare bytes and a closed connection */
    bool silent;        /* HEAD: nothing after the head */
    bool dated;         /* loop thread only: the head has been sent on, with its date */
};

static void wake(struct http_exchange *x)
{
    struct loop *loop = x->hl->loop;
    if (!atomic_exchange(&x->wake_posted, true))
        loop_post(loop, &x->wake_task);
}

bole_status http_stream_begin(struct http_exchange *x, unsigned status, const char *content_type)
{
    assert(!x->stream && !x->ws);
    struct http_stream *s = calloc(1, sizeof *s);
    if (!s)
        return BOLE_E_NOMEM;
    s->chunked = !x->head.http10;
    s->silent = x->head.head;
    if (!s->chunked)
        x->close_after = true;
    const char *headers = s->chunked ? "Transfer-Encoding: chunked\r\n" : NULL;
    if (!exchange_build_head(x, status ? status : 200, content_type, SIZE_MAX, headers)) {
        free(s);
        return BOLE_E_LIMIT;
    }
    pthread_mutex_init(&s->lock, NULL);
    thread_cond_init(&s->changed);
    buf_init(&s->pending, x->hl->server->options.budget);
    buf_put(&s->pending, (bole_slice){x->answer.head, x->answer.head_len});
    x->stream = s;
    wake(x);
    return BOLE_OK;
}

/* Until the client has taken something of what is pending. */
static void wait_for_client(struct http_exchange *x)
{
    struct http_stream *s = x->stream;
    struct pool_wait wait;
    pool_wait_begin(x->hl->server->pool, &wait, x);
    pthread_mutex_lock(&s->lock);
    while (s->pending.len > HTTP_STREAM_BUFFER_MAX && !s->gone) {
        struct timespec until = thread_deadline(POOL_PATIENCE_NS);
        if (pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0)
            continue;
        pthread_mutex_unlock(&s->lock); /* the pool takes it under its own */
        pool_wait_on(x->hl->server->pool);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    pool_wait_end(x->hl->server->pool, &wait);
}

bole_status http_stream_write(struct http_exchange *x, bole_slice bytes)
{
    struct http_stream *s = x->stream;
    if (bytes.len == 0)
        return BOLE_OK; /* an empty chunk would be the end */
    assert(!loop_is_current(x->hl->loop) && "waiting for the loop on the loop");
    pthread_mutex_lock(&s->lock);
    if (s->pending.len > HTTP_STREAM_BUFFER_MAX && !s->gone) { /* only this thread adds to it */
        pthread_mutex_unlock(&s->lock);
        wait_for_client(x);
        pthread_mutex_lock(&s->lock);
    }
    bool first = s->pending.len == 0;
    if (!s->gone && !s->silent) {
        if (s->chunked)
            buf_printf(&s->pending, "%zx\r\n", bytes.len);
        buf_put(&s->pending, bytes);
        if (s->chunked)
            buf_put(&s->pending, S("\r\n"));
        s->gone = s->pending.failed;
    }
    bole_status st = s->gone ? BOLE_E_CANCELLED : BOLE_OK;
    pthread_mutex_unlock(&s->lock);
    if (first)
        wake(x);
    return st;
}

void http_stream_end(struct http_exchange *x)
{
    struct http_stream *s = x->stream;
    pthread_mutex_lock(&s->lock);
    if (s->pending.failed)
        x->close_after = true; /* without the last chunk the client can tell that it is cut off */
    else if (s->chunked && !s->silent)
        buf_put(&s->pending, S("0\r\n\r\n"));
    pthread_mutex_unlock(&s->lock);
    exchange_mark(x, X_ANSWERED);
}

bool stream_take(struct http_exchange *x, struct buf *out)
{
    struct http_stream *s = x->stream;
    pthread_mutex_lock(&s->lock);
    bool some = s->pending.len > 0;
    if (some) {
        buf_deinit(out);
        *out = s->pending;
        out->failed = false;
        if (!s->dated) /* the head stands at the very start */
            memcpy(out->ptr + x->answer.date_at, loop_date(x->hl), HTTP_DATE_SIZE);
        s->dated = true;
        buf_init(&s->pending, out->budget);
        s->pending.failed = s->gone;
        pthread_cond_signal(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    return some;
}

void stream_gone(struct http_exchange *x)
{
    struct http_stream *s = x->stream;
    pthread_mutex_lock(&s->lock);
    s->gone = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void stream_give_up(struct http_exchange *x)
{
    struct http_stream *s = x->stream;
    pthread_mutex_lock(&s->lock);
    s->gone = s->pending.failed = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void stream_destroy(struct http_stream *s)
{
    if (!s)
        return;
    buf_deinit(&s->pending);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
