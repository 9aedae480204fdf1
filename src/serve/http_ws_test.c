/* WebSockets over a socket: handshake, frames, limits, closing. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"
#include "os/thread.h"
#include "serve/http_testing.h"

#define MS(n) ((uint64_t)(n) * NS_PER_MS)
#define OPEN_WITH(more)                                                                                           \
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" more       \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

enum { OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

static _Atomic(struct http_exchange *) opened;
static atomic_int closed_count;

/* Those that are open, for a thread that sends to all of them. */
enum { OPEN_MAX = 16 };
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct http_exchange *open_ones[OPEN_MAX]; /* guarded by open_lock */
static unsigned open_count;                       /* guarded by open_lock */

static void on_text(struct http_exchange *x, bole_slice text, void *ctx)
{
    (void)ctx;
    if (bole_slice_eq(text, S("bye")))
        http_ws_close(x, 1000, "as you wish");
    else
        (void)http_ws_send(x, text);
}

static void on_close(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    opened = NULL;
    pthread_mutex_lock(&open_lock);
    for (unsigned i = 0; i < open_count; i++)
        if (open_ones[i] == x)
            open_ones[i--] = open_ones[--open_count];
    pthread_mutex_unlock(&open_lock);
    atomic_fetch_add(&closed_count, 1);
}

static void open_ws(struct http_exchange *x, void *ctx)
{
    static const struct http_ws_callbacks callbacks = {on_text, on_close};
    struct bole_err err;
    (void)ctx;
    if (!http_is_upgrade(x)) {
        http_reply_text(x, 400, "no upgrade");
    } else if (http_ws_accept(x, &callbacks, NULL, &err) < 0) {
        http_reply_err(x, &err);
    } else {
        opened = x;
        (void)http_ws_send(x, S("welcome"));
        pthread_mutex_lock(&open_lock);
        if (open_count < OPEN_MAX)
            open_ones[open_count++] = x;
        pthread_mutex_unlock(&open_lock);
    }
}

static void open_slowly(struct http_exchange *x, void *ctx)
{
    open_ws(x, ctx);
    usleep(50 * 1000); /* the client may be gone by then: x must still be there */
    if (http_is_upgrade(x))
        (void)http_path(x);
}

static const struct http_route routes[] = {
    {.methods = HTTP_GET, .path = "/ws", .handler = open_ws, .flags = HTTP_UPGRADE},
    {.methods = HTTP_GET, .path = "/pool", .handler = open_slowly, .flags = HTTP_UPGRADE | HTTP_POOL},
};

static struct http_server *start_patient(uint64_t idle_timeout_ns, uint64_t write_timeout_ns)
{
    closed_count = 0;
    opened = NULL;
    return testing_server(&(struct http_options){.routes = routes, .route_count = 2, .idle_timeout_ns = idle_timeout_ns,
                                                 .write_timeout_ns = write_timeout_ns});
}

static struct http_server *start(uint64_t idle_timeout_ns)
{
    return start_patient(idle_timeout_ns, MS(500));
}

static void wait_closed(int count)
{
    for (int i = 0; i < 500 && closed_count < count; i++)
        usleep(10 * 1000);
    CHECK_EQ_I64(closed_count, count);
}

static void read_exactly(int fd, uint8_t *to, size_t len)
{
    while (len) {
        ssize_t n = recv(fd, to, len, 0);
        if (n <= 0)
            fail_msg("the connection ended inside a frame");
        to += n;
        len -= (size_t)n;
    }
}

/* One unmasked, unfragmented frame of the server. */
static unsigned read_frame(int fd, struct buf *payload)
{
    uint8_t head[10];
    read_exactly(fd, head, 2);
    CHECK_EQ_U64(head[0] & 0x80, 0x80);
    CHECK_EQ_U64(head[1] & 0x80, 0);
    size_t len = head[1];
    if (len == 126) {
        read_exactly(fd, head + 2, 2);
        len = (size_t)head[2] << 8 | head[3];
    } else if (len == 127) {
        read_exactly(fd, head + 2, 8);
        len = 0;
        for (int i = 2; i < 10; i++)
            len = len << 8 | head[i];
    }
    buf_reset(payload);
    CHECK(buf_reserve(payload, len + 1));
    read_exactly(fd, payload->ptr, len);
    payload->len = len;
    return head[0] & 0x0f;
}

static void send_frame(int fd, unsigned first_byte, bole_slice payload, bool masked)
{
    static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
    struct buf b;
    buf_init(&b, NULL);
    buf_put_u8(&b, (uint8_t)first_byte);
    if (payload.len < 126) {
        buf_put_u8(&b, (uint8_t)(payload.len | (masked ? 0x80 : 0)));
    } else {
        buf_put_u8(&b, masked ? 0xff : 0x7f);
        for (int shift = 56; shift >= 0; shift -= 8)
            buf_put_u8(&b, (uint8_t)((uint64_t)payload.len >> shift));
    }
    if (masked)
        buf_put(&b, (bole_slice){mask, 4});
    for (size_t i = 0; i < payload.len; i++)
        buf_put_u8(&b, masked ? payload.ptr[i] ^ mask[i % 4] : payload.ptr[i]);
    client_send(fd, buf_slice(&b));
    buf_deinit(&b);
}

static int open_client(const struct http_server *s, const char *request)
{
    char text[4096];
    struct buf payload;
    int fd = client_connect(s);
    buf_init(&payload, NULL);
    client_send_str(fd, request);
    client_answer(fd, text, sizeof text);
    CHECK(strstr(text, "HTTP/1.1 101 ") && strstr(text, " GMT\r\n"));
    CHECK(strstr(text, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")); /* the example of RFC 6455, 1.3 */
    CHECK_EQ_U64(read_frame(fd, &payload), OP_TEXT);
    CHECK_EQ_SLICE(buf_slice(&payload), S("welcome"));
    buf_deinit(&payload);
    return fd;
}

static void expect_frame(int fd, unsigned opcode, bole_slice want)
{
    struct buf payload;
    buf_init(&payload, NULL);
    CHECK_EQ_U64(read_frame(fd, &payload), opcode);
    CHECK_EQ_SLICE(buf_slice(&payload), want);
    buf_deinit(&payload);
}

static void expect_close(int fd, unsigned code)
{
    struct buf payload;
    buf_init(&payload, NULL);
    CHECK_EQ_U64(read_frame(fd, &payload), OP_CLOSE);
    CHECK(payload.len >= 2);
    CHECK_EQ_U64(payload.ptr[0] << 8 | payload.ptr[1], code);
    buf_deinit(&payload);
}

TEST(ws_echoes_answers_pings_and_closes)
{
    struct http_server *s = start(0);
    int fd = open_client(s, OPEN_WITH(""));
    send_frame(fd, 0x80 | OP_TEXT, S("one"), true);
    expect_frame(fd, OP_TEXT, S("one"));
    send_frame(fd, OP_TEXT, S("two "), true); /* in fragments, with a ping between them */
    send_frame(fd, 0x80 | OP_PING, S("p"), true);
    send_frame(fd, 0x80, S("parts"), true);
    expect_frame(fd, OP_PONG, S("p"));
    expect_frame(fd, OP_TEXT, S("two parts"));
    send_frame(fd, 0x80 | OP_CLOSE, S("\x03\xe8"), true);
    expect_close(fd, 1000);
    CHECK(client_is_closed(fd));
    wait_closed(1);
    close(fd);
    http_server_destroy(s);
}

TEST(ws_closes_when_the_server_wants_to)
{
    struct http_server *s = start(0);
    int fd = open_client(s, OPEN_WITH(""));
    send_frame(fd, 0x80 | OP_TEXT, S("bye"), true);
    expect_close(fd, 1000);
    send_frame(fd, 0x80 | OP_CLOSE, S("\x03\xe8"), true);
    CHECK(client_is_closed(fd));
    wait_closed(1);
    close(fd);
    http_server_destroy(s);
}

TEST(ws_refuses_what_breaks_the_protocol)
{
    static uint8_t large[64 * 1024 + 1];
    memset(large, 'x', sizeof large);
    static const struct { unsigned first_byte; bole_slice payload; bool masked; unsigned code; } cases[] = {
        {0x80 | OP_TEXT, {(const uint8_t *)"x", 1}, false, 1002},         /* not masked (5.1) */
        {0x80 | OP_TEXT, {(const uint8_t *)"\xff\xfe", 2}, true, 1007},   /* not UTF-8 (8.1) */
        {0xc0 | OP_TEXT, {(const uint8_t *)"x", 1}, true, 1002},          /* a reserved bit (5.2) */
        {0x80 | 3, {(const uint8_t *)"x", 1}, true, 1002},                /* a reserved opcode */
        {0x80, {(const uint8_t *)"x", 1}, true, 1002},                    /* a continuation of nothing */
        {0x80 | OP_BINARY, {(const uint8_t *)"x", 1}, true, 1003},
        {0x80 | OP_TEXT, {large, sizeof large}, true, 1009},
        {0x80 | OP_PING, {large, 126}, true, 1002},                       /* a control frame over 125 bytes */
    };
    struct http_server *s = start(0);
    int count = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = open_client(s, OPEN_WITH(""));
        send_frame(fd, cases[i].first_byte, cases[i].payload, cases[i].masked);
        char byte;
        if (cases[i].code && recv(fd, &byte, 1, MSG_PEEK) == 1)
            expect_close(fd, cases[i].code);
        else
            CHECK(cases[i].code == 1002); /* cut off without a word is fine for these */
        shutdown(fd, SHUT_WR);
        CHECK(client_is_closed(fd));
        close(fd);
        wait_closed(++count);
    }
    http_server_destroy(s);
}

TEST(ws_refuses_bad_handshakes)
{
    static const struct { const char *request; unsigned status; } cases[] = {
        {"GET /ws HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n", 400},
        {"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: short\r\n\r\n", 400},
        {"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 400},
        {OPEN_WITH("Origin: http://evil.example\r\n"), 403},
        {OPEN_WITH("Origin: null\r\n"), 403},
    };
    struct http_server *s = start(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[4096];
        CHECK_EQ_U64(client_ask(s, cases[i].request, text, sizeof text), cases[i].status);
    }
    int fd = open_client(s, OPEN_WITH("Origin: http://localhost\r\n"));
    close(fd);
    wait_closed(1);
    http_server_destroy(s);
}

TEST(ws_bounds_what_waits_for_a_slow_client)
{
    struct http_server *s = start(0);
    int fd = open_client(s, OPEN_WITH(""));
    static uint8_t message[64 * 1024];
    memset(message, 'm', sizeof message);
    size_t taken = 0;
    bole_status st = BOLE_OK;
    struct http_exchange *x = opened;
    CHECK(x != NULL);
    CHECK_EQ_STATUS(http_ws_send(x, (bole_slice){message, HTTP_WS_BUFFER_MAX}), BOLE_E_LIMIT);
    while (st == BOLE_OK && taken < 2000) {
        st = http_ws_send(x, (bole_slice){message, sizeof message});
        taken += st == BOLE_OK;
    }
    CHECK_EQ_STATUS(st, BOLE_AGAIN);
    struct buf payload;
    buf_init(&payload, NULL);
    for (size_t i = 0; i < taken; i++) { /* none is lost */
        CHECK_EQ_U64(read_frame(fd, &payload), OP_TEXT);
        CHECK_EQ_U64(payload.len, sizeof message);
    }
    CHECK_EQ_STATUS(http_ws_send(x, S("more")), BOLE_OK);
    expect_frame(fd, OP_TEXT, S("more"));
    buf_deinit(&payload);
    close(fd);
    wait_closed(1);
    http_server_destroy(s);
}

TEST(ws_pings_a_silent_client_and_then_gives_up)
{
    struct http_server *s = start(MS(1200)); /* a ping after a quarter of it */
    int fd = open_client(s, OPEN_WITH(""));
    expect_frame(fd, OP_PING, S(""));
    send_frame(fd, 0x80 | OP_PONG, S(""), true);
    expect_frame(fd, OP_PING, S(""));
    CHECK(client_is_closed(fd));
    wait_closed(1);
    close(fd);
    http_server_destroy(s);
}

/* Sends to all of them for at most four seconds, or until they are gone; true when they are. */
static bool send_until_all_are_gone(size_t size)
{
    static uint8_t message[32 * 1024];
    memset(message, 'm', sizeof message);
    for (int i = 0; i < 400; i++) {
        pthread_mutex_lock(&open_lock);
        unsigned left = open_count;
        for (unsigned k = 0; k < left; k++)
            (void)http_ws_send(open_ones[k], (bole_slice){message, size});
        pthread_mutex_unlock(&open_lock);
        if (left == 0)
            return true;
        usleep(10 * 1000);
    }
    return false;
}

/* What is sent to it goes into the system's buffers and is no sign of life, be it little, so that they are never full, or
 * much. */
TEST(ws_cuts_off_clients_that_do_not_read)
{
    static const struct { size_t size; uint64_t idle_timeout_ns; } cases[] = {
        {10, MS(1200)},   /* a ping after 300 ms, 100 for its answer */
        {32 * 1024, 0},   /* no ping for half a minute, but stuck after 167 ms */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_server *s = start(cases[i].idle_timeout_ns);
        int fds[8];
        for (size_t k = 0; k < 8; k++)
            fds[k] = open_client(s, OPEN_WITH(""));
        CHECK(send_until_all_are_gone(cases[i].size));
        wait_closed(8);
        for (size_t k = 0; k < 8; k++)
            close(fds[k]);
        http_server_destroy(s);
    }
}

struct frame_reader {
    int fd;
    unsigned messages;
};

/* Frames of up to 64 KB, as fast as one in ten milliseconds, up to the end of the connection. */
static void *read_slowly(void *arg)
{
    struct frame_reader *r = arg;
    static uint8_t payload[64 * 1024];
    uint8_t head[4];
    while (recv(r->fd, head, 2, MSG_WAITALL) == 2 && (head[1] < 126 || recv(r->fd, head + 2, 2, MSG_WAITALL) == 2)) {
        size_t len = head[1] < 126 ? head[1] : (size_t)head[2] << 8 | head[3];
        if (len && recv(r->fd, payload, len, MSG_WAITALL) != (ssize_t)len)
            break;
        if ((head[0] & 15) == OP_PING)
            send_frame(r->fd, 0x80 | OP_PONG, S(""), true);
        r->messages += (head[0] & 15) == OP_TEXT;
        usleep(10 * 1000);
    }
    return NULL;
}

/* Its buffers are always full, so that it comes to a ping long after it was sent: later than the 300 ms for the answer. It
 * may be stuck for a second, as a machine with other work makes its thread wait. */
TEST(ws_keeps_a_slow_client_that_reads)
{
    struct http_server *s = start_patient(MS(3600), MS(3000));
    struct frame_reader r = {.fd = open_client(s, OPEN_WITH(""))};
    pthread_t thread;
    CHECK(thread_start("reader", read_slowly, &r, &thread, NULL) == BOLE_OK);
    CHECK(!send_until_all_are_gone(32 * 1024));
    CHECK_EQ_I64(closed_count, 0);
    shutdown(r.fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    CHECK(r.messages > 50);
    close(r.fd);
    wait_closed(1);
    http_server_destroy(s);
}

TEST(ws_is_told_that_the_server_goes_away)
{
    struct http_server *s = start(0);
    int fd = open_client(s, OPEN_WITH(""));
    http_server_drain(s, MS(50));
    expect_close(fd, 1001);
    CHECK_EQ_I64(closed_count, 1);
    close(fd);
    http_server_destroy(s);
}

TEST(ws_stays_until_its_handler_has_returned)
{
    struct http_server *s = start(0);
    for (int i = 0; i < 5; i++) {
        char request[512];
        snprintf(request, sizeof request, "GET /pool%s", &OPEN_WITH("")[strlen("GET /ws")]);
        int fd = open_client(s, request);
        close(fd);
        wait_closed(i + 1);
    }
    http_server_destroy(s);
}
