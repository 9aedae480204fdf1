/*
 * WebSockets (RFC 6455). Framing, masking, fragments, UTF-8 and control frames are wslay's. It is not thread-safe, so only
 * the loop calls it: other threads leave messages in `inbox`, and the loop takes all of them over whenever the connection
 * has nothing left to send. So a client that does not read fills the inbox, and the sender hears BOLE_AGAIN.
 *
 * Such a client takes memory from all others, so it is cut off early. What is sent to it is no sign of life: the system
 * takes bytes for it whether it reads or not. Only what comes from it is, or room in a socket that was full. The socket's
 * buffer is small, so that room comes often while it reads, and not for long when it does not.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <openssl/evp.h>
#include <wslay/wslay.h>

#include "base/bytes.h"
#include "base/err.h"
#include "serve/http_private.h"

enum {
    RECEIVE_MAX = 64 * 1024, /* bytes of one message from the client */
    KEY_SIZE = 24,           /* 16 bytes in base64 */
    ACCEPT_SIZE = 28,        /* 20 bytes in base64 */
    LENGTH_PREFIX = 4,       /* of a message in the inbox */
    CLOSE_REASON_MAX = 123,  /* a control frame's payload is at most 125 bytes, two are the code */
    SOCKET_BUFFER = 256 * 1024, /* bytes asked for; Linux takes twice that */
};

/* Parts of the time that a silent connection is left alone, and of the one for sending. */
enum { PING_PART = 4, PONG_PART = 12, STUCK_PART = 3 }; /* by default 30 s, 10 s, 10 s */

struct http_ws {
    pthread_mutex_t lock;
    struct buf inbox;               /* guarded by lock: messages, each with its length in front */
    uint16_t close_code;            /* guarded by lock; 0: not asked to close */
    char     close_reason[CLOSE_REASON_MAX + 1]; /* guarded by lock */
    bool     gone;                  /* guarded by lock; nothing is taken any more */
    struct http_ws_callbacks callbacks; /* set by accept, then read-only */
    void    *ctx;
    /* Loop thread only: */
    wslay_event_context_ptr wslay;
    bole_slice received;            /* being given to wslay */
    uint64_t heard_ns;              /* the last sign of life, or the ping since then */
    bool     ping_sent, told_gone, out_of_memory;
};

/* ---- what wslay calls ---- */

static ssize_t on_wslay_recv(wslay_event_context_ptr wslay, uint8_t *ret_bytes, size_t len, int flags, void *arg)
{
    struct http_exchange *x = arg;
    bole_slice *from = &x->ws->received;
    (void)flags;
    if (from->len == 0) {
        wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t n = len < from->len ? len : from->len;
    memcpy(ret_bytes, from->ptr, n);
    *from = bole_slice_sub(*from, n);
    return (ssize_t)n;
}

static ssize_t on_wslay_send(wslay_event_context_ptr wslay, const uint8_t *bytes, size_t len, int flags, void *arg)
{
    struct http_exchange *x = arg;
    (void)flags;
    buf_put(&x->conn->out, (bole_slice){bytes, len});
    if (x->conn->out.failed) {
        x->ws->out_of_memory = true;
        wslay_event_set_error(wslay, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
    }
    return (ssize_t)len;
}

static void on_wslay_message(wslay_event_context_ptr wslay, const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
    struct http_exchange *x = arg;
    static const char only_text[] = "text messages only";
    if (m->opcode == WSLAY_TEXT_FRAME && x->ws->callbacks.on_text)
        x->ws->callbacks.on_text(x, (bole_slice){m->msg, m->msg_length}, x->ws->ctx);
    else if (m->opcode == WSLAY_BINARY_FRAME)
        wslay_event_queue_close(wslay, WSLAY_CODE_UNSUPPORTED_DATA, (const uint8_t *)only_text, sizeof only_text - 1);
}

/* ---- opening ---- */

/* Sec-WebSocket-Accept: base64 of the SHA-1 of key and GUID (RFC 6455, 4.2.2). */
static bool accept_value(bole_slice key, char ret_text[ACCEPT_SIZE + 1])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t joined[KEY_SIZE + sizeof guid], digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    memcpy(joined, key.ptr, KEY_SIZE);
    memcpy(joined + KEY_SIZE, guid, sizeof guid - 1);
    if (EVP_Digest(joined, KEY_SIZE + sizeof guid - 1, digest, &digest_len, EVP_sha1(), NULL) != 1 || digest_len != 20)
        return false;
    return EVP_EncodeBlock((unsigned char *)ret_text, digest, (int)digest_len) == ACCEPT_SIZE;
}

static bool key_ok(bole_slice key)
{
    uint8_t bytes[KEY_SIZE];
    return key.len == KEY_SIZE && key.ptr[KEY_SIZE - 1] == '=' && key.ptr[KEY_SIZE - 2] == '=' &&
           EVP_DecodeBlock(bytes, key.ptr, KEY_SIZE) == 18;
}

static void wake(struct http_exchange *x)
{
    struct loop *loop = x->hl->loop;
    if (!atomic_exchange(&x->wake_posted, true))
        loop_post(loop, &x->wake_task);
}

static void ws_destroy(struct http_ws *ws)
{
    if (!ws)
        return;
    if (ws->wslay)
        wslay_event_context_free(ws->wslay);
    buf_deinit(&ws->inbox);
    pthread_mutex_destroy(&ws->lock);
    free(ws);
}

static struct http_ws *ws_create(struct http_exchange *x, const struct http_ws_callbacks *callbacks, void *ctx)
{
    static const struct wslay_event_callbacks wslay_callbacks = {
        .recv_callback = on_wslay_recv, .send_callback = on_wslay_send, .on_msg_recv_callback = on_wslay_message};
    struct http_ws *ws = calloc(1, sizeof *ws);
    if (!ws)
        return NULL;
    pthread_mutex_init(&ws->lock, NULL);
    buf_init(&ws->inbox, x->hl->server->options.budget);
    ws->callbacks = *callbacks;
    ws->ctx = ctx;
    if (wslay_event_context_server_init(&ws->wslay, &wslay_callbacks, x) != 0) {
        ws_destroy(ws);
        return NULL;
    }
    wslay_event_config_set_max_recv_msg_length(ws->wslay, RECEIVE_MAX);
    return ws;
}

bole_status http_ws_accept(struct http_exchange *x, const struct http_ws_callbacks *callbacks, void *ctx, struct bole_err *err)
{
    char value[ACCEPT_SIZE + 1], headers[128];
    bole_slice key = http_header(x, S("sec-websocket-key"));
    if (!x->head.upgrade_websocket || x->close_after)
        return bole_fail(err, BOLE_E_INVALID, "not a request to open a WebSocket");
    if (!bole_slice_eq(http_header(x, S("sec-websocket-version")), S("13")))
        return bole_fail(err, BOLE_E_INVALID, "websocket: Sec-WebSocket-Version is not 13");
    if (!key_ok(key))
        return bole_fail(err, BOLE_E_INVALID, "websocket: Sec-WebSocket-Key is not 16 bytes in base64");
    if (!accept_value(key, value))
        return bole_fail(err, BOLE_E_NOMEM, "websocket: no SHA-1");
    snprintf(headers, sizeof headers, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n", value);
    struct http_ws *ws = ws_create(x, callbacks, ctx);
    if (!ws || !exchange_build_head(x, 101, NULL, SIZE_MAX, headers)) {
        ws_destroy(ws);
        return bole_fail(err, BOLE_E_NOMEM, "websocket");
    }
    x->ws = ws;
    wake(x);
    return BOLE_OK;
}

/* ---- any thread ---- */

bole_status http_ws_send(struct http_exchange *x, bole_slice text)
{
    struct http_ws *ws = x->ws;
    bole_status st = BOLE_OK;
    if (text.len > HTTP_WS_BUFFER_MAX - LENGTH_PREFIX)
        return BOLE_E_LIMIT;
    pthread_mutex_lock(&ws->lock);
    bool first = ws->inbox.len == 0;
    if (ws->gone || ws->close_code) {
        st = BOLE_E_CANCELLED;
    } else if (text.len + LENGTH_PREFIX > HTTP_WS_BUFFER_MAX - ws->inbox.len) {
        st = BOLE_AGAIN;
    } else if (!buf_reserve(&ws->inbox, text.len + LENGTH_PREFIX)) {
        ws->inbox.failed = false;
        st = BOLE_AGAIN;
    } else {
        buf_put_u32(&ws->inbox, (uint32_t)text.len);
        buf_put(&ws->inbox, text);
    }
    pthread_mutex_unlock(&ws->lock);
    if (st == BOLE_OK && first)
        wake(x);
    return st;
}

void http_ws_close(struct http_exchange *x, uint16_t code, const char *reason)
{
    struct http_ws *ws = x->ws;
    pthread_mutex_lock(&ws->lock);
    bool ask = !ws->gone && !ws->close_code;
    if (ask) {
        ws->close_code = code;
        snprintf(ws->close_reason, sizeof ws->close_reason, "%s", reason ? reason : "");
    }
    pthread_mutex_unlock(&ws->lock);
    if (ask)
        wake(x);
}

/* ---- the loop ---- */

void ws_wake(struct http_exchange *x)
{
    struct http_conn *c = x->conn;
    if (c->state == CONN_WS)
        return; /* the pump takes what there is */
    memcpy(x->answer.head + x->answer.date_at, loop_date(x->hl), HTTP_DATE_SIZE);
    buf_put(&c->out, (bole_slice){x->answer.head, x->answer.head_len});
    counter_add(&x->hl->counters.by_class[1], 1);
    int size = SOCKET_BUFFER;
    (void)setsockopt(c->watch.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    conn_set_state(c, CONN_WS);
    ws_heard(x);
    if (c->out.failed)
        conn_close(c);
    else if (x->hl->draining)
        ws_drain(x);
}

static void queue_messages(struct http_ws *ws, bole_slice messages)
{
    while (messages.len > LENGTH_PREFIX || (messages.len == LENGTH_PREFIX && load_u32(messages.ptr) == 0)) {
        size_t len = load_u32(messages.ptr);
        struct wslay_event_msg m = {WSLAY_TEXT_FRAME, messages.ptr + LENGTH_PREFIX, len};
        if (wslay_event_queue_msg(ws->wslay, &m) == WSLAY_ERR_NOMEM)
            ws->out_of_memory = true;
        messages = bole_slice_sub(messages, LENGTH_PREFIX + len);
    }
}

bool ws_take(struct http_exchange *x)
{
    struct http_ws *ws = x->ws;
    pthread_mutex_lock(&ws->lock);
    struct buf messages = ws->inbox;
    buf_init(&ws->inbox, messages.budget);
    uint16_t code = ws->close_code;
    pthread_mutex_unlock(&ws->lock);
    queue_messages(ws, buf_slice(&messages));
    buf_deinit(&messages);
    if (code && !wslay_event_get_close_sent(ws->wslay)) /* close_reason does not change once the code is set */
        wslay_event_queue_close(ws->wslay, code, (const uint8_t *)ws->close_reason, strlen(ws->close_reason));
    size_t before = x->conn->out.len;
    if (wslay_event_send(ws->wslay) != 0 || ws->out_of_memory) {
        conn_close(x->conn);
        return false;
    }
    return x->conn->out.len > before;
}

bool ws_is_over(const struct http_exchange *x)
{
    return !wslay_event_want_read(x->ws->wslay) && !wslay_event_want_write(x->ws->wslay);
}

static bool is_closing(const struct http_exchange *x)
{
    return wslay_event_get_close_sent(x->ws->wslay);
}

void ws_receive(struct http_exchange *x, bole_slice bytes)
{
    struct http_ws *ws = x->ws;
    ws_heard(x);
    ws->received = bytes;
    /* A message that is too large or malformed makes wslay queue the close frame that says so. */
    int rc = wslay_event_recv(ws->wslay);
    ws->received = (bole_slice){0};
    if (rc != 0)
        conn_close(x->conn);
}

void ws_heard(struct http_exchange *x)
{
    x->ws->heard_ns = loop_now_ns(x->hl->loop);
    x->ws->ping_sent = false;
}

/* When what is there to be sent has waited too long without a byte being taken. */
static uint64_t stuck_deadline(const struct http_exchange *x)
{
    return x->conn->since_ns + (is_closing(x) ? HTTP_LINGER_NS : x->hl->server->options.write_timeout_ns / STUCK_PART);
}

uint64_t ws_deadline(const struct http_exchange *x)
{
    uint64_t idle = x->hl->server->options.idle_timeout_ns, stuck = stuck_deadline(x);
    uint64_t silent = x->ws->heard_ns + idle / (x->ws->ping_sent ? PONG_PART : PING_PART);
    if (is_closing(x))
        return stuck;
    return conn_has_unsent(x->conn) && stuck < silent ? stuck : silent;
}

void ws_time_is_up(struct http_exchange *x)
{
    struct http_ws *ws = x->ws;
    struct wslay_event_msg ping = {WSLAY_PING, NULL, 0};
    bool stuck = conn_has_unsent(x->conn) && loop_now_ns(x->hl->loop) >= stuck_deadline(x);
    if (stuck || ws->ping_sent || is_closing(x) || wslay_event_queue_msg(ws->wslay, &ping) != 0) {
        conn_close(x->conn);
        return;
    }
    ws_heard(x); /* time for the answer */
    ws->ping_sent = true;
}

void ws_drain(struct http_exchange *x)
{
    http_ws_close(x, WSLAY_CODE_GOING_AWAY, "the server is shutting down");
}

void ws_gone(struct http_exchange *x)
{
    struct http_ws *ws = x->ws;
    if (ws->told_gone)
        return;
    ws->told_gone = true;
    pthread_mutex_lock(&ws->lock);
    ws->gone = true;
    buf_deinit(&ws->inbox);
    pthread_mutex_unlock(&ws->lock);
    exchange_mark(x, X_ANSWERED);
}

void ws_finish(struct http_exchange *x)
{
    struct http_ws *ws = x->ws;
    if (ws->callbacks.on_close)
        ws->callbacks.on_close(x, ws->ctx);
    x->ws = NULL;
    ws_destroy(ws);
}
