/*
 * A connection: reading, parsing, dispatching, sending.
 *
 * It is watched once, edge-triggered, for everything, so that a request costs one recv and one send and no epoll_ctl.
 * A receive that filled less than it asked for has emptied the socket; the next arrival is a new edge. conn_pump does
 * whatever can be done without waiting and leaves one timer behind.
 *
 * Bytes are received into the loop's scratch buffer and parsed there: a connection that waits for a request owns no
 * buffer. Only what was not consumed (half a head, pipelined requests) is kept in `in`. Announced bodies are received in
 * place.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/http_private.h"

enum {
    PUMP_BYTES_MAX = 1 << 20,    /* received for one connection before the others get their turn */
    HEAD_RECV_MIN = 1024,
};

static const struct http_options *options_of(const struct http_conn *c)
{
    return &c->hl->server->options;
}

static bool input_waits(const struct http_conn *c)
{
    return c->in.len > c->in_at;
}

void conn_set_state(struct http_conn *c, enum conn_state state)
{
    c->state = (uint8_t)state;
    c->moved_bytes = 0;
    c->since_ns = loop_now_ns(c->hl->loop);
}

/* ---- sending ---- */

static bool sends_answer(const struct http_conn *c)
{
    return c->state == CONN_WRITE;
}

static size_t answer_size(const struct http_exchange *x)
{
    return x->answer.head_len + x->answer.body.len;
}

bool conn_has_unsent(const struct http_conn *c)
{
    return c->out.len > c->out_at || sends_answer(c);
}

static int fill_iov(const struct http_conn *c, struct iovec iov[3])
{
    int n = 0;
    if (c->out.len > c->out_at)
        iov[n++] = (struct iovec){c->out.ptr + c->out_at, c->out.len - c->out_at};
    if (!sends_answer(c))
        return n;
    const struct http_answer *a = &c->x->answer;
    size_t at = c->x->answer_at;
    if (at < a->head_len)
        iov[n++] = (struct iovec){a->head + at, a->head_len - at};
    size_t body_at = at > a->head_len ? at - a->head_len : 0;
    if (body_at < a->body.len)
        iov[n++] = (struct iovec){(uint8_t *)a->body.ptr + body_at, a->body.len - body_at};
    return n;
}

static void count_sent(struct http_conn *c, size_t n)
{
    counter_add(&c->hl->counters.bytes_out, n);
    c->since_ns = loop_now_ns(c->hl->loop);
    size_t from_out = c->out.len - c->out_at < n ? c->out.len - c->out_at : n;
    c->out_at += from_out;
    if (c->out.len && c->out_at == c->out.len) {
        buf_deinit(&c->out);
        c->out_at = 0;
    }
    if (n > from_out)
        c->x->answer_at += n - from_out;
}

/* After the last answer: a reset, which close() sends when unread bytes wait in the socket, could overtake it. */
static void start_linger(struct http_conn *c)
{
    if (c->tls)
        tls_close_notify(c->tls);
    (void)shutdown(c->watch.fd, SHUT_WR);
    buf_deinit(&c->in);
    c->in_at = 0;
    c->linger_bytes = 0;
    c->closing = false;
    conn_set_state(c, CONN_LINGER);
}

static void request_done(struct http_conn *c)
{
    bool close_after = c->x->close_after || c->hl->draining;
    exchange_release(c->x);
    c->x = NULL;
    if (!close_after) {
        conn_set_state(c, CONN_IDLE);
        return;
    }
    if (c->out.len > c->out_at) { /* the answer was put behind others: close when they are sent */
        c->closing = true;
        conn_set_state(c, CONN_IDLE);
        return;
    }
    start_linger(c);
}

/* Sends what there is until the socket is full. */
static void flush(struct http_conn *c)
{
    while (!c->send_blocked && c->state != CONN_CLOSED) {
        struct iovec iov[3];
        int count = fill_iov(c, iov);
        if (count == 0)
            break;
        ssize_t n = c->tls ? tls_send(c->tls, iov, count) : net_send(options_of(c)->net, c->watch.fd, iov, count);
        if (n == -EAGAIN) {
            c->send_blocked = true;
        } else if (n < 0) {
            conn_close(c);
        } else {
            count_sent(c, (size_t)n);
            if (sends_answer(c) && c->x->answer_at == answer_size(c->x))
                request_done(c);
        }
    }
    if (c->closing && c->state == CONN_IDLE && !conn_has_unsent(c))
        start_linger(c);
}

/* The answer is complete. When another request has already arrived the answer waits for the next one's, so that a
 * pipelining client costs one send for many. */
static void start_answer(struct http_conn *c)
{
    struct http_exchange *x = c->x;
    struct http_answer *a = &x->answer;
    if (a->date_at)
        memcpy(a->head + a->date_at, loop_date(c->hl), HTTP_DATE_SIZE);
    counter_add(&c->hl->counters.by_class[a->status / 100 % 6], 1);
    x->answer_at = 0;
    if (c->more_input && answer_size(x) <= HTTP_COALESCE_MAX && c->out.len - c->out_at <= HTTP_COALESCE_MAX) {
        if (buf_reserve(&c->out, answer_size(x))) {
            buf_put(&c->out, (bole_slice){a->head, a->head_len});
            buf_put(&c->out, a->body);
            request_done(c);
            return;
        }
        c->out.failed = false; /* no room to gather: send it by itself */
    }
    conn_set_state(c, CONN_WRITE);
    flush(c);
}

/* ---- exchanges ---- */

/* Runs on_task at the end of the round: it goes on pumping, or frees what is closed. */
static void run_later(struct http_conn *c)
{
    if (!c->task_pending)
        loop_defer(c->hl->loop, &c->task);
    c->task_pending = true;
}

void conn_refuse(struct http_conn *c, unsigned status, const char *text)
{
    c->x->close_after = true;
    counter_add(&c->hl->counters.refused, 1);
    exchange_refuse(c->x, status, text);
    start_answer(c);
}

void conn_dispatch(struct http_conn *c)
{
    struct http_exchange *x = c->x;
    counter_add(&c->hl->counters.requests, x->body_gone == 0);
    if (c->hl->draining)
        x->close_after = true;
    if (x->refusal) {
        exchange_refuse(x, x->refusal, NULL);
        start_answer(c);
        return;
    }
    conn_set_state(c, CONN_HANDLER);
    x->with_handler = true;
    if (x->route && (x->route->flags & HTTP_POOL)) {
        if (!pool_submit(c->hl->server->pool, x)) {
            x->with_handler = false;
            exchange_refuse(x, 503, "too many slow requests are waiting: try again");
            start_answer(c);
        }
        return;
    }
    exchange_run(x);
    if (atomic_fetch_or(&x->bits, X_RETURNED) & X_ANSWERED)
        conn_finish(x);
}

/* The handler's side is through with the exchange, and so is every task it posted; the connection is gone. */
static void release_after_close(struct http_conn *c)
{
    if (!c->x->ended || atomic_load(&c->x->wake_posted))
        return;
    exchange_release(c->x);
    c->x = NULL;
    run_later(c);
}

/* Back from its handler for more of its body. */
static void go_on(struct http_conn *c)
{
    struct http_exchange *x = c->x;
    x->piece_done = false;
    atomic_store(&x->bits, 0);
    if (x->piece_wait_ns) {
        arena_reset(&x->piece_arena);
        conn_set_state(c, CONN_LATER);
        return;
    }
    request_drop_piece(x);
    conn_set_state(c, CONN_BODY);
}

void conn_finish(struct http_exchange *x)
{
    struct http_conn *c = x->conn;
    x->with_handler = false;
    if (x->piece_done && c->state != CONN_CLOSED) {
        go_on(c);
        return;
    }
    x->ended = true;
    if (x->ws)
        ws_finish(x);
    if (c->state == CONN_CLOSED)
        release_after_close(c);
    else if (x->stream)
        c->state = CONN_STREAM; /* the pump sends the rest and sees that it is over */
    else
        start_answer(c);
}

static void on_done(struct loop_task *task)
{
    struct http_exchange *x = (struct http_exchange *)((char *)task - offsetof(struct http_exchange, done_task));
    struct http_conn *c = x->conn;
    conn_finish(x);
    conn_pump(c);
}

static void on_wake(struct loop_task *task)
{
    struct http_exchange *x = (struct http_exchange *)((char *)task - offsetof(struct http_exchange, wake_task));
    struct http_conn *c = x->conn;
    atomic_store(&x->wake_posted, false);
    if (c->state == CONN_CLOSED) { /* before the loop knew of the stream or WebSocket, maybe */
        if (x->stream)
            stream_gone(x);
        if (x->ws)
            ws_gone(x);
        release_after_close(c);
        return;
    }
    if (x->ws)
        ws_wake(x);
    else
        c->state = CONN_STREAM;
    conn_pump(c);
}

/* Moves what the writer left into the connection's buffer and sends it; goes on when all of a finished stream is sent. */
static void pump_stream(struct http_conn *c)
{
    while (c->state == CONN_STREAM && !conn_has_unsent(c) && stream_take(c->x, &c->out))
        flush(c);
    if (c->state != CONN_STREAM || conn_has_unsent(c) || !c->x->ended || atomic_load(&c->x->wake_posted))
        return;
    counter_add(&c->hl->counters.by_class[c->x->answer.status / 100 % 6], 1);
    request_done(c);
    run_later(c); /* input may be waiting */
}

static void pump_ws(struct http_conn *c)
{
    while (c->state == CONN_WS && !conn_has_unsent(c) && ws_take(c->x))
        flush(c);
    if (c->state == CONN_WS && !conn_has_unsent(c) && ws_is_over(c->x))
        conn_close(c);
}

/* ---- receiving ---- */

static bool begin_request(struct http_conn *c)
{
    c->x = exchange_create(c->hl);
    if (!c->x) {
        conn_close(c);
        return false;
    }
    c->x->conn = c;
    memcpy(c->x->remote, c->remote, c->remote_len);
    c->x->remote_len = c->remote_len;
    c->x->done_task.run = on_done;
    c->x->wake_task.run = on_wake;
    conn_set_state(c, CONN_HEAD);
    return true;
}

static bool wants_input(const struct http_conn *c)
{
    if (c->send_blocked || c->closing)
        return false;
    switch ((enum conn_state)c->state) {
    case CONN_IDLE: case CONN_HEAD: case CONN_BODY: case CONN_WS: case CONN_LINGER: return true;
    default: return false;
    }
}

/* Gives bytes to the state; returns how many it took, 0 when it needs more at once. */
static size_t feed(struct http_conn *c, bole_slice bytes)
{
    if (c->state == CONN_IDLE && !begin_request(c))
        return bytes.len;
    switch ((enum conn_state)c->state) {
    case CONN_HEAD: return request_feed_head(c, bytes);
    case CONN_BODY: return request_feed_body(c, bytes);
    case CONN_WS: ws_receive(c->x, bytes); break;
    case CONN_LINGER:
        c->linger_bytes += bytes.len;
        if (c->linger_bytes > HTTP_LINGER_MAX)
            conn_close(c);
        break;
    default: break;
    }
    return bytes.len;
}

/* False when the buffered bytes are not enough to go on. */
static bool feed_buffered(struct http_conn *c)
{
    size_t used = feed(c, (bole_slice){c->in.ptr + c->in_at, c->in.len - c->in_at});
    if (c->in.len == 0) /* dropped meanwhile */
        return true;
    c->in_at += used;
    if (c->in_at >= c->in.len) {
        buf_deinit(&c->in);
        c->in_at = 0;
    }
    return used > 0;
}

/* Bytes of the scratch buffer; a body that came with its head goes to its place at once, what is not taken is kept. */
static void feed_scratch(struct http_conn *c, bole_slice bytes)
{
    do
        bytes = bole_slice_sub(bytes, feed(c, bytes));
    while (bytes.len && c->state == CONN_BODY);
    if (bytes.len == 0 || c->state == CONN_CLOSED || c->state == CONN_LINGER || c->closing)
        return;
    buf_put(&c->in, bytes);
    if (c->in.failed && c->state == CONN_HEAD)
        conn_refuse(c, 503, "out of memory for requests: try again");
    else if (c->in.failed)
        conn_close(c);
}

static void peer_has_closed(struct http_conn *c)
{
    c->readable = false;
    if (c->state == CONN_HEAD || c->state == CONN_BODY)
        conn_refuse(c, 400, "the request ends before it is complete");
    else
        conn_close(c);
}

static void receive_failed(struct http_conn *c, ssize_t n)
{
    if (n == -EAGAIN)
        c->readable = false;
    else if (n == 0)
        peer_has_closed(c);
    else
        conn_close(c);
}

/* One receive, into the place where the bytes are wanted. */
static ssize_t receive(struct http_conn *c)
{
    uint8_t *to = c->hl->scratch;
    size_t room = HTTP_SCRATCH_SIZE;
    bool in_place = c->state == CONN_BODY && !c->x->head.chunked, buffered = input_waits(c);
    if (in_place) {
        to = request_body_room(c->x, &room);
        if (!to) {
            conn_refuse(c, 503, "out of memory for requests: try again");
            return 0;
        }
    } else if (buffered) { /* half a head: the rest goes behind it */
        if (!buf_reserve(&c->in, HEAD_RECV_MIN)) {
            conn_close(c);
            return 0;
        }
        to = c->in.ptr + c->in.len;
        room = c->in.cap - c->in.len;
    }
    ssize_t n = c->tls ? tls_recv(c->tls, to, room) : net_recv(options_of(c)->net, c->watch.fd, to, room);
    if (n <= 0) {
        receive_failed(c, n);
        return n;
    }
    counter_add(&c->hl->counters.bytes_in, (uint64_t)n);
    if (!c->tls && (size_t)n < room && options_of(c)->net->short_is_empty)
        c->readable = c->peer_closed; /* emptied; only the end of the stream may still be there */
    if (in_place) {
        request_count_body(c, (size_t)n, false);
    } else if (buffered)
        c->in.len += (size_t)n;
    else
        feed_scratch(c, (bole_slice){to, (size_t)n});
    return n;
}

static void handshake(struct http_conn *c)
{
    int rc = tls_handshake(c->tls);
    if (rc == 0) {
        conn_set_state(c, CONN_IDLE);
        c->readable = true; /* the session may hold bytes already */
    } else if (rc != -EAGAIN) {
        conn_close(c);
    }
}

static uint64_t time_limit(const struct http_conn *c)
{
    const struct http_options *o = options_of(c);
    if (c->state == CONN_CLOSED)
        return 0;
    if (conn_has_unsent(c))
        return o->write_timeout_ns;
    switch ((enum conn_state)c->state) {
    case CONN_HANDSHAKE: case CONN_HEAD: return o->header_timeout_ns;
    case CONN_BODY: return o->body_timeout_ns;
    case CONN_IDLE: return o->idle_timeout_ns;
    case CONN_LINGER: return HTTP_LINGER_NS;
    case CONN_LATER: return c->x->piece_wait_ns;
    default: return 0; /* the handler's time is its own */
    }
}

static void arm_timer(struct http_conn *c)
{
    uint64_t limit = time_limit(c);
    if (c->state == CONN_WS)
        loop_timer_set(c->hl->loop, &c->timer, ws_deadline(c->x));
    else if (limit)
        loop_timer_set(c->hl->loop, &c->timer, c->since_ns + limit);
    else
        loop_timer_clear(c->hl->loop, &c->timer);
}

void conn_pump(struct http_conn *c)
{
    size_t received = 0;
    if (c->state == CONN_CLOSED)
        return;
    if (c->state == CONN_HANDSHAKE)
        handshake(c);
    flush(c);
    while (wants_input(c)) {
        if (input_waits(c) && feed_buffered(c))
            continue;
        if (!c->readable || !wants_input(c))
            break;
        if (received >= PUMP_BYTES_MAX) {
            run_later(c);
            break;
        }
        ssize_t n = receive(c);
        received += n > 0 ? (size_t)n : 0;
    }
    flush(c);
    pump_stream(c);
    pump_ws(c);
    arm_timer(c);
}

/* ---- events ---- */

static void on_event(struct loop_watch *w, uint32_t events)
{
    struct http_conn *c = (struct http_conn *)((char *)w - offsetof(struct http_conn, watch));
    if (c->state == CONN_CLOSED)
        return;
    if (events & (EPOLLERR | EPOLLHUP)) {
        conn_close(c);
        return;
    }
    if (events & EPOLLRDHUP) {
        c->peer_closed = true;
        if (c->x)
            atomic_store_explicit(&c->x->cancelled, true, memory_order_relaxed);
    }
    if (events & (EPOLLIN | EPOLLRDHUP))
        c->readable = true;
    if (events & EPOLLOUT) {
        if (c->send_blocked && c->state == CONN_WS)
            ws_heard(c->x); /* its system has taken what was there */
        c->send_blocked = false;
    }
    conn_pump(c);
}

static void on_timer(struct loop_timer *t)
{
    struct http_conn *c = (struct http_conn *)((char *)t - offsetof(struct http_conn, timer));
    if (c->state == CONN_WS)
        ws_time_is_up(c->x);
    else if (conn_has_unsent(c))
        conn_close(c); /* the client does not read */
    else if (c->state == CONN_HEAD)
        conn_refuse(c, 408, "the header did not arrive in time");
    else if (c->state == CONN_BODY)
        conn_refuse(c, 408, "the body did not arrive in time");
    else if (c->state == CONN_LATER)
        conn_dispatch(c);
    else
        conn_close(c);
    conn_pump(c);
}

static void on_task(struct loop_task *task)
{
    struct http_conn *c = (struct http_conn *)((char *)task - offsetof(struct http_conn, task));
    c->task_pending = false;
    if (c->state != CONN_CLOSED) {
        conn_pump(c);
    } else if (!c->x) {
        *c->link = c->next;
        if (c->next)
            c->next->link = c->link;
        free(c);
    }
}

struct http_conn *conn_create(struct http_loop *hl, int fd, const struct net_addr *peer)
{
    struct http_conn *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    *c = (struct http_conn){.watch = {fd, on_event}, .timer.on_fire = on_timer, .hl = hl};
    c->remote_len = (uint8_t)net_ip_format(peer, c->remote);
    buf_init(&c->in, hl->server->options.budget);
    buf_init(&c->out, hl->server->options.budget);
    return c;
}

void conn_adopt(struct http_conn *c)
{
    struct http_loop *hl = c->hl;
    struct bole_err err;
    c->task.run = on_task;
    c->next = hl->conns;
    c->link = &hl->conns;
    if (c->next)
        c->next->link = &c->next;
    hl->conns = c;
    conn_set_state(c, CONN_IDLE);
    if (hl->server->tls) {
        c->tls = tls_session_create(hl->server->tls, hl->server->options.net, c->watch.fd);
        c->state = CONN_HANDSHAKE;
    }
    bool failed = hl->draining || (hl->server->tls && !c->tls);
    if (failed || loop_watch_edge(hl->loop, &c->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP, &err) < 0)
        conn_close(c);
    else
        arm_timer(c);
}

void conn_close(struct http_conn *c)
{
    if (c->state == CONN_CLOSED)
        return;
    struct http_exchange *x = c->x;
    enum conn_state before = (enum conn_state)c->state;
    c->state = CONN_CLOSED;
    loop_timer_clear(c->hl->loop, &c->timer);
    tls_session_destroy(c->tls);
    c->tls = NULL;
    close(c->watch.fd);
    c->watch.fd = -1;
    buf_deinit(&c->in);
    buf_deinit(&c->out);
    c->in_at = c->out_at = 0;
    server_conn_closed(c->hl->server);
    if (x) {
        atomic_store_explicit(&x->cancelled, true, memory_order_relaxed);
        if (before == CONN_STREAM)
            stream_gone(x);
        if (before == CONN_WS)
            ws_gone(x);
        if (!x->with_handler && !atomic_load(&x->wake_posted)) {
            c->x = NULL;
            exchange_release(x);
        }
    }
    if (!c->x)
        run_later(c);
}

void conn_drain(struct http_conn *c)
{
    if (c->state == CONN_IDLE && !conn_has_unsent(c) && !input_waits(c))
        conn_close(c);
    else if (c->state == CONN_WS)
        ws_drain(c->x);
    else if (c->state == CONN_HANDSHAKE)
        conn_close(c);
}
