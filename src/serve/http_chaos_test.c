/*
 * Clients that do everything at once: all kinds of answers, half requests, resets, half-closed sides, while other threads
 * answer, stream and send. There is one thing to check, beside the sanitizers: the server is still well, and at the end
 * holds nothing.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"
#include "base/test.h"
#include "os/thread.h"
#include "serve/http_testing.h"

enum { CLIENTS = 4, ROUNDS = 150, SOCKETS_MAX = 64 };

/* ---- a thread that answers and sends, as the committer and the live tail do ---- */

static struct {
    pthread_mutex_t lock;
    struct http_exchange *waiting[1024]; /* guarded by lock */
    size_t waiting_count;                /* guarded by lock */
    struct http_exchange *sockets[SOCKETS_MAX]; /* guarded by lock; NULL: free */
    bool stopping;                       /* guarded by lock */
    pthread_t thread;
} answerer = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *answer_all(void *arg)
{
    bool stopping = false;
    (void)arg;
    while (!stopping) {
        usleep(300);
        pthread_mutex_lock(&answerer.lock);
        for (size_t i = 0; i < answerer.waiting_count; i++)
            http_reply_text(answerer.waiting[i], 200, "deferred");
        answerer.waiting_count = 0;
        for (size_t i = 0; i < SOCKETS_MAX; i++)
            if (answerer.sockets[i])
                (void)http_ws_send(answerer.sockets[i], S("to whom it may concern"));
        stopping = answerer.stopping;
        pthread_mutex_unlock(&answerer.lock);
    }
    return NULL;
}

static void deferred(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    pthread_mutex_lock(&answerer.lock);
    CHECK(answerer.waiting_count < 1024);
    answerer.waiting[answerer.waiting_count++] = x;
    pthread_mutex_unlock(&answerer.lock);
}

static void on_text(struct http_exchange *x, bole_slice text, void *ctx)
{
    (void)ctx;
    if (http_ws_send(x, text) == BOLE_AGAIN)
        http_ws_close(x, 1008, "too slow");
}

static void on_close(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    pthread_mutex_lock(&answerer.lock);
    for (size_t i = 0; i < SOCKETS_MAX; i++)
        if (answerer.sockets[i] == x)
            answerer.sockets[i] = NULL;
    pthread_mutex_unlock(&answerer.lock);
}

static void open_ws(struct http_exchange *x, void *ctx)
{
    static const struct http_ws_callbacks callbacks = {on_text, on_close};
    struct bole_err err;
    (void)ctx;
    pthread_mutex_lock(&answerer.lock);
    size_t i = 0;
    while (i < SOCKETS_MAX && answerer.sockets[i])
        i++;
    if (i == SOCKETS_MAX)
        http_reply_text(x, 503, "full");
    else if (http_ws_accept(x, &callbacks, NULL, &err) < 0)
        http_reply_err(x, &err);
    else
        answerer.sockets[i] = x;
    pthread_mutex_unlock(&answerer.lock);
}

static void stream(struct http_exchange *x, void *ctx)
{
    static uint8_t block[20000];
    (void)ctx;
    if (http_stream_begin(x, 200, "text/plain") < 0) {
        http_reply_text(x, 503, "no stream");
        return;
    }
    for (int i = 0; i < 30 && http_stream_write(x, (bole_slice){block, sizeof block}) == BOLE_OK; i++)
        if (http_cancelled(x))
            break;
    http_stream_end(x);
}

static void echo(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    http_reply(x, &(struct http_reply){.body = http_body(x)});
}

static const struct http_route routes[] = {
    {.methods = HTTP_POST, .path = "/echo", .handler = echo},
    {.methods = HTTP_POST, .path = "/pool", .handler = echo, .flags = HTTP_POOL},
    {.methods = HTTP_GET | HTTP_POST, .path = "/deferred", .handler = deferred},
    {.methods = HTTP_GET, .path = "/stream", .handler = stream, .flags = HTTP_POOL},
    {.methods = HTTP_GET, .path = "/ws", .handler = open_ws, .flags = HTTP_UPGRADE},
    {.methods = HTTP_GET, .path = "/wspool", .handler = open_ws, .flags = HTTP_UPGRADE | HTTP_POOL},
};

/* ---- clients ---- */

#define HOST "Host: localhost\r\n"
#define WS "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static const char *const requests[] = {
    "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello",
    "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "POST /pool HTTP/1.1\r\n" HOST "Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    "GET /deferred HTTP/1.1\r\n" HOST "\r\n",
    "POST /deferred HTTP/1.1\r\n" HOST "Connection: close\r\nContent-Length: 1\r\n\r\nx",
    "GET /stream HTTP/1.1\r\n" HOST "\r\n",
    "HEAD /stream HTTP/1.1\r\n" HOST "\r\n",
    "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET /nowhere HTTP/1.1\r\n" HOST "\r\n",
    "BREW / HTTP/1.1\r\n" HOST "\r\n",
    "GET /ws HTTP/1.1\r\n" HOST WS "\x81\x82\x00\x00\x00\x00ok",
    "GET /wspool HTTP/1.1\r\n" HOST WS "\x88\x80\x00\x00\x00\x00",
};
enum { REQUEST_COUNT = sizeof requests / sizeof *requests };

struct client { const struct http_server *server; uint64_t seed; };

static bole_slice request_bytes(struct random *random)
{
    const char *text = requests[random_below(random, REQUEST_COUNT)];
    /* The WebSocket ones hold NULs behind their head. */
    const char *frame = strstr(text, WS);
    return bole_slice_from(text, frame ? (size_t)(frame - text) + strlen(WS) + (frame[strlen(WS)] == '\x81' ? 8 : 6) : strlen(text));
}

static void one_connection(const struct http_server *s, struct random *random)
{
    char sink[5000];
    int fd = client_connect(s);
    if (fd < 0)
        return;
    for (uint64_t n = 1 + random_below(random, 4); n; n--) {
        bole_slice bytes = request_bytes(random);
        if (random_below(random, 5) == 0)
            bytes.len = random_below(random, bytes.len);
        if (random_below(random, 4) == 0) { /* in two pieces */
            size_t cut = random_below(random, bytes.len + 1);
            client_send(fd, (bole_slice){bytes.ptr, cut});
            usleep((unsigned)random_below(random, 300));
            bytes = bole_slice_sub(bytes, cut);
        }
        client_send(fd, bytes);
        if (random_below(random, 2) == 0)
            (void)!recv(fd, sink, random_below(random, sizeof sink), MSG_DONTWAIT);
        usleep((unsigned)random_below(random, 600));
    }
    struct linger reset = {1, 0};
    switch (random_below(random, 3)) {
    case 0: setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); break;
    case 1: shutdown(fd, SHUT_WR); usleep((unsigned)random_below(random, 2000)); break;
    default: break;
    }
    close(fd);
}

static void *run_client(void *arg)
{
    struct client *c = arg;
    struct random random;
    random_seed(&random, c->seed);
    for (int i = 0; i < ROUNDS; i++)
        one_connection(c->server, &random);
    return NULL;
}

static void chaos(struct net *net, uint64_t seed)
{
    struct bole_err err;
    struct budget budget;
    pthread_t threads[CLIENTS];
    struct client clients[CLIENTS];
    char text[4096];
    budget_init(&budget, NULL, SIZE_MAX);
    struct http_server *s = testing_server(&(struct http_options){
        .routes = routes, .route_count = sizeof routes / sizeof *routes, .net = net, .budget = &budget,
        .write_timeout_ns = 200 * NS_PER_MS, .idle_timeout_ns = 400 * NS_PER_MS});
    answerer.stopping = false;
    CHECK_OK(thread_start("answerer", answer_all, NULL, &answerer.thread, &err), err);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){s, seed + (uint64_t)i};
        CHECK_OK(thread_start("client", run_client, &clients[i], &threads[i], &err), err);
    }
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ_U64(client_ask(s, "GET /deferred HTTP/1.1\r\n" HOST "\r\n", text, sizeof text), 200);
    struct http_stats stats = {.connections_open = 1};
    for (int i = 0; i < 500 && stats.connections_open; i++) {
        usleep(10 * 1000);
        http_server_stats(s, &stats);
    }
    CHECK_EQ_U64(stats.connections_open, 0);
    CHECK(stats.by_class[1] > 0 && stats.by_class[2] > 0 && stats.by_class[4] > 0); /* each kind did happen */
    http_server_drain(s, 100 * NS_PER_MS);
    pthread_mutex_lock(&answerer.lock);
    answerer.stopping = true;
    pthread_mutex_unlock(&answerer.lock);
    pthread_join(answerer.thread, NULL);
    http_server_destroy(s);
    CHECK_EQ_U64(budget.used_bytes, 0);
}

/* ---- a net that cuts everything short ---- */

static int accept_posix(struct net *self, int listener, struct net_addr *ret_peer)
{
    (void)self;
    return net_accept(&net_posix, listener, ret_peer);
}

static ssize_t recv_little(struct net *self, int fd, void *ret_bytes, size_t len)
{
    (void)self;
    return net_recv(&net_posix, fd, ret_bytes, len < 7 ? len : 7);
}

static atomic_uint send_count;

static ssize_t send_little(struct net *self, int fd, const struct iovec *iov, int iov_count)
{
    struct iovec first = iov[0];
    (void)self, (void)iov_count;
    unsigned n = atomic_fetch_add(&send_count, 1);
    if (n % 97 == 13)
        return -EPIPE;
    first.iov_len = first.iov_len < 1000 ? first.iov_len : 1000;
    return net_send(&net_posix, fd, &first, 1);
}

TEST(http_survives_chaos)
{
    chaos(&net_posix, 1);
}

TEST(http_survives_chaos_on_a_bad_net)
{
    static const struct net_ops ops = {accept_posix, recv_little, send_little};
    struct net net = {.ops = &ops};
    chaos(&net, 100);
}
