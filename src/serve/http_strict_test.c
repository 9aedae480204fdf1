/* What must be refused, what must be accepted, limits, time-outs, drain, Host and Origin: over sockets. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"
#include "os/thread.h"
#include "serve/http_testing.h"

#define HOST "Host: localhost\r\n"
#define MS(n) ((uint64_t)(n) * NS_PER_MS)

static void echo(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    http_reply(x, &(struct http_reply){.body = http_body(x)});
}

static void hello(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    http_reply(x, &(struct http_reply){.body = S("hello"), .body_static = true});
}

static void slow(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    usleep(150 * 1000);
    http_reply_text(x, 200, "slow");
}

static void huge(struct http_exchange *x, void *ctx)
{
    static uint8_t block[64 << 20];
    (void)ctx;
    http_reply(x, &(struct http_reply){.body = {block, sizeof block}, .body_static = true});
}

static const struct http_route routes[] = {
    {.methods = HTTP_POST, .path = "/echo", .handler = echo, .flags = HTTP_WRITE, .body_max_bytes = 1000, .decoded_max_bytes = 5000},
    {.methods = HTTP_POST, .path = "/large", .handler = echo, .flags = HTTP_WRITE, .body_max_bytes = 10000},
    {.methods = HTTP_GET, .path = "/hello", .handler = hello},
    {.methods = HTTP_GET, .path = "/slow", .handler = slow, .flags = HTTP_POOL},
    {.methods = HTTP_GET, .path = "/huge", .handler = huge},
};

static struct http_options options(void)
{
    return (struct http_options){.routes = routes, .route_count = sizeof routes / sizeof *routes};
}

static struct http_server *start(void)
{
    struct http_options o = options();
    return testing_server(&o);
}

/* ---- refused ---- */

static const struct { unsigned status; const char *name; const uint8_t *bytes; size_t len; } malformed[] = {
#define BAD(status, name, bytes) {status, name, (const uint8_t *)bytes, sizeof(bytes) - 1},
#include "http_malformed.h"
#undef BAD
};
enum { MALFORMED_COUNT = sizeof malformed / sizeof *malformed };

/* The answer says so and the connection is closed: what follows the bad bytes is never taken for a request. */
static void check_refused(const struct http_server *s, size_t i, size_t piece)
{
    char text[4096];
    int fd = client_connect(s);
    for (bole_slice rest = {malformed[i].bytes, malformed[i].len}; rest.len; rest = bole_slice_sub(rest, piece))
        client_send(fd, (bole_slice){rest.ptr, rest.len < piece ? rest.len : piece});
    client_answer(fd, text, sizeof text);
    unsigned status = strncmp(text, "HTTP/1.1 ", 9) == 0 ? (unsigned)atoi(text + 9) : 0;
    if (status != malformed[i].status)
        fail_msg("%s (pieces of %zu): %u instead of %u", malformed[i].name, piece, status, malformed[i].status);
    if (!strstr(text, "\r\nConnection: close\r\n") || !client_is_closed(fd))
        fail_msg("%s: the connection stays open", malformed[i].name);
    close(fd);
}

TEST(http_refuses_malformed_requests)
{
    struct http_server *s = start();
    CHECK(MALFORMED_COUNT >= 60);
    for (size_t i = 0; i < MALFORMED_COUNT; i++)
        check_refused(s, i, SIZE_MAX);
    struct http_stats stats;
    http_server_stats(s, &stats);
    CHECK_EQ_U64(stats.refused_total, MALFORMED_COUNT);
    http_server_destroy(s);
}

/* ---- a net that gives one byte per receive and takes three per send ---- */

static int accept_posix(struct net *self, int listener, struct net_addr *ret_peer)
{
    (void)self;
    return net_accept(&net_posix, listener, ret_peer);
}

static ssize_t recv_one(struct net *self, int fd, void *ret_bytes, size_t len)
{
    (void)self;
    return net_recv(&net_posix, fd, ret_bytes, len < 1 ? len : 1);
}

static ssize_t send_three(struct net *self, int fd, const struct iovec *iov, int iov_count)
{
    struct iovec first = iov[0];
    (void)self, (void)iov_count;
    first.iov_len = first.iov_len < 3 ? first.iov_len : 3;
    return net_send(&net_posix, fd, &first, 1);
}

static const struct net_ops trickle_ops = {accept_posix, recv_one, send_three};
static struct net trickle = {.ops = &trickle_ops};

TEST(http_refuses_malformed_requests_byte_by_byte)
{
    struct http_options o = options();
    o.net = &trickle;
    struct http_server *s = testing_server(&o);
    for (size_t i = 0; i < MALFORMED_COUNT; i++)
        check_refused(s, i, SIZE_MAX);
    http_server_destroy(s);
}

/* ---- accepted ---- */

static const struct { const char *name, *bytes; } accepted[] = {
    {"one empty line in front", "\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n"},
    {"empty value", "GET /hello HTTP/1.1\r\n" HOST "X-Empty:\r\n\r\n"},
    {"blanks and tabs around a value", "GET /hello HTTP/1.1\r\nHost: \t localhost \t\r\n\r\n"},
    {"no blank behind the colon", "GET /hello HTTP/1.1\r\nHost:localhost\r\n\r\n"},
    {"bytes above 127 in a value", "GET /hello HTTP/1.1\r\n" HOST "X: \xc3\xa4\xff\r\n\r\n"},
    {"names in any case", "POST /echo HTTP/1.1\r\nhOST: localhost\r\ncontent-LENGTH: 1\r\n\r\nx"},
    {"absolute form", "GET http://localhost:3100/hello HTTP/1.1\r\nHost: localhost:3100\r\n\r\n"},
    {"absolute form, capitals", "GET HTTP://LOCALHOST/hello HTTP/1.1\r\nHost: localhost\r\n\r\n"},
    {"HTTP/1.0 without Host", "GET /hello HTTP/1.0\r\n\r\n"},
    {"Host with a port", "GET /hello HTTP/1.1\r\nHost: localhost:3100\r\n\r\n"},
    {"Host with a final dot", "GET /hello HTTP/1.1\r\nHost: localhost.\r\n\r\n"},
    {"Host below localhost", "GET /hello HTTP/1.1\r\nHost: logs.localhost\r\n\r\n"},
    {"Host as IPv4", "GET /hello HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n"},
    {"Host as other loopback address", "GET /hello HTTP/1.1\r\nHost: 127.9.9.9\r\n\r\n"},
    {"Host as IPv6", "GET /hello HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"},
    {"zero length", "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"},
    {"zeros before the length", "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 0001\r\n\r\nx"},
    {"chunked in capitals", "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n"},
    {"chunk extensions", "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;a;b=c;d=\"e;f\"\r\nx\r\n0;z\r\n\r\n"},
    {"trailer", "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\nX: y\r\n\r\n"},
    {"leading zeros of a chunk size", "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0001\r\nx\r\n000\r\n\r\n"},
    {"body of a GET", "GET /hello HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}"},
    {"identity", "POST /echo HTTP/1.1\r\n" HOST "Content-Encoding: identity\r\nContent-Length: 1\r\n\r\nx"},
    {"write from our own page", "POST /echo HTTP/1.1\r\n" HOST "Origin: http://localhost\r\nContent-Length: 1\r\n\r\nx"},
    {"read from a foreign page", "GET /hello HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\n\r\n"},
    {"unknown fields twice", "GET /hello HTTP/1.1\r\n" HOST "X: a\r\nX: b\r\nAccept: a\r\nAccept: b\r\n\r\n"},
};

static void check_accepted(struct net *net)
{
    struct http_options o = options();
    o.net = net;
    struct http_server *s = testing_server(&o);
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        char text[4096];
        unsigned status = client_ask(s, accepted[i].bytes, text, sizeof text);
        if (status != 200)
            fail_msg("%s: %s", accepted[i].name, text);
    }
    http_server_destroy(s);
}

TEST(http_accepts_what_is_unusual_but_right)
{
    check_accepted(&net_posix);
    check_accepted(&trickle);
}

TEST(http_says_that_a_request_ended_early)
{
    static const char *const requests[] = {"GET /hello HTTP/1.1\r\nHo", "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabc",
                                           "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nabc"};
    struct http_server *s = start();
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        int fd = client_connect(s);
        client_send_str(fd, requests[i]);
        shutdown(fd, SHUT_WR);
        CHECK_EQ_U64(client_status(fd), 400);
        CHECK(client_is_closed(fd));
        close(fd);
    }
    http_server_destroy(s);
}

TEST(http_limits_the_head)
{
    struct http_options o = options();
    o.header_max_bytes = 2048;
    struct http_server *s = testing_server(&o);
    char text[4096], request[8192];
    memset(text, 'a', sizeof text);
    snprintf(request, sizeof request, "GET /hello HTTP/1.1\r\n" HOST "X: %.2040s\r\n\r\n", text);
    CHECK_EQ_U64(client_ask(s, request, text, sizeof text), 431);
    memset(text, 'a', sizeof text);
    snprintf(request, sizeof request, "GET /%.2047s HTTP/1.1\r\n" HOST "\r\n", text);
    CHECK_EQ_U64(client_ask(s, request, text, sizeof text), 414);
    memset(text, 'a', sizeof text);
    snprintf(request, sizeof request, "GET /hello HTTP/1.1\r\n" HOST "X: %.2040s", text);
    request[2048] = 0; /* the limit is reached without an end in sight */
    CHECK_EQ_U64(client_ask(s, request, text, sizeof text), 431);
    size_t at = (size_t)snprintf(request, sizeof request, "GET /hello HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 100; i++)
        at += (size_t)snprintf(request + at, sizeof request - at, "A%d:\r\n", i);
    snprintf(request + at, sizeof request - at, "\r\n");
    CHECK_EQ_U64(client_ask(s, request, text, sizeof text), 431); /* 101 fields */
    http_server_destroy(s);
}

TEST(http_refuses_more_framing_than_data)
{
    struct http_server *s = start();
    struct buf b;
    char text[4096], extension[1000];
    memset(extension, 'e', sizeof extension);
    buf_init(&b, NULL);
    buf_put_str(&b, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 900; i++)
        buf_printf(&b, "1;%.900s\r\nx\r\n", extension);
    int fd = client_connect(s);
    client_send(fd, buf_slice(&b));
    client_answer(fd, text, sizeof text);
    CHECK(strstr(text, "HTTP/1.1 400 ") && strstr(text, "more framing than data"));
    buf_deinit(&b);
    close(fd);
    http_server_destroy(s);
}

TEST(http_checks_host_names_as_configured)
{
    static const bole_slice names[] = {{(const uint8_t *)"logs.example.com", 16}};
    struct http_options o = options();
    o.host_names = names;
    o.host_name_count = 1;
    struct http_server *s = testing_server(&o);
    char text[4096];
    CHECK_EQ_U64(client_ask(s, "GET /hello HTTP/1.1\r\nHost: LOGS.example.com:443\r\n\r\n", text, sizeof text), 200);
    CHECK_EQ_U64(client_ask(s, "GET /hello HTTP/1.1\r\nHost: logs.example.org\r\n\r\n", text, sizeof text), 403);
    CHECK_EQ_U64(client_ask(s, "GET /hello HTTP/1.1\r\nHost: 10.1.2.3\r\n\r\n", text, sizeof text), 403);
    CHECK_EQ_U64(client_ask(s, "POST /echo HTTP/1.1\r\n" HOST "Origin: https://logs.example.com\r\nContent-Length: 0\r\n\r\n", text,
                            sizeof text), 200);
    http_server_destroy(s);

    static const bole_slice any[] = {{(const uint8_t *)"*", 1}};
    o = options();
    o.host_names = any;
    o.host_name_count = 1;
    s = testing_server(&o);
    CHECK_EQ_U64(client_ask(s, "POST /echo HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n", text, sizeof text), 200);
    CHECK_EQ_U64(client_ask(s, "POST /echo HTTP/1.1\r\nHost: a.example\r\nOrigin: http://a.example\r\nContent-Length: 0\r\n\r\n", text,
                            sizeof text), 200);
    CHECK_EQ_U64(client_ask(s, "POST /echo HTTP/1.1\r\nHost: a.example\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\n\r\n", text,
                            sizeof text), 403);
    http_server_destroy(s);

    o = options();
    o.listen = S(":0"); /* every address: literals cannot be rebound, names can */
    s = testing_server(&o);
    CHECK_EQ_U64(client_ask(s, "GET /hello HTTP/1.1\r\nHost: 10.1.2.3:3100\r\n\r\n", text, sizeof text), 200);
    CHECK_EQ_U64(client_ask(s, "GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", text, sizeof text), 403);
    http_server_destroy(s);
}

/* ---- time ---- */

TEST(http_gives_up_on_slow_clients)
{
    static const struct { const char *bytes; unsigned status; } cases[] = {
        {"GET /hello HTTP/1.1\r\nHos", 408},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nhalf", 408},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nab", 408},
        {"", 0}, /* nothing was asked: closed without a word */
    };
    struct http_options o = options();
    o.header_timeout_ns = o.body_timeout_ns = o.idle_timeout_ns = MS(100);
    struct http_server *s = testing_server(&o);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = client_connect(s);
        client_send_str(fd, cases[i].bytes);
        CHECK_EQ_U64(client_status(fd), cases[i].status);
        CHECK(client_is_closed(fd));
        close(fd);
    }
    http_server_destroy(s);
}

TEST(http_limits_the_head_as_a_whole_but_the_body_by_its_steps)
{
    struct http_options o = options();
    o.header_timeout_ns = o.body_timeout_ns = MS(200);
    struct http_server *s = testing_server(&o);
    int fd = client_connect(s);
    char step[1025] = {0};
    memset(step, 'x', sizeof step - 1);
    client_send_str(fd, "POST /large HTTP/1.1\r\n" HOST "Content-Length: 8192\r\n\r\n");
    for (int i = 0; i < 8; i++) {
        usleep(50 * 1000);
        client_send_str(fd, step); /* 400 ms in all, but never silent for long */
    }
    CHECK_EQ_U64(client_status(fd), 200);
    for (int i = 0; i < 8; i++) {
        client_send_str(fd, "G");
        usleep(50 * 1000);
    }
    CHECK_EQ_U64(client_status(fd), 408);
    close(fd);
    http_server_destroy(s);
}

/* Announced and in chunks: a byte now and then is no progress. */
TEST(http_gives_up_on_a_body_that_only_trickles)
{
    static const char *const heads[] = {"POST /large HTTP/1.1\r\n" HOST "Content-Length: 5000\r\n\r\n",
                                        "POST /large HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"};
    struct http_options o = options();
    o.body_timeout_ns = MS(300);
    struct http_server *s = testing_server(&o);
    for (size_t i = 0; i < 2; i++) {
        int fd = client_connect(s), steps = 0;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        client_send_str(fd, heads[i]);
        for (; steps < 1000 && poll(&p, 1, 20) == 0; steps++)
            client_send_str(fd, i ? "1\r\nx\r\n" : "x");
        CHECK(steps < 1000);
        CHECK_EQ_U64(client_status(fd), 408);
        close(fd);
    }
    http_server_destroy(s);
}

TEST(http_gives_up_on_a_client_that_does_not_read)
{
    struct http_options o = options();
    o.write_timeout_ns = MS(100);
    struct http_server *s = testing_server(&o);
    struct http_stats stats;
    int fd = client_connect(s);
    client_send_str(fd, "GET /huge HTTP/1.1\r\n" HOST "\r\n");
    for (int i = 0; i < 500; i++) {
        usleep(10 * 1000);
        http_server_stats(s, &stats);
        if (stats.connections_open == 0)
            break;
    }
    CHECK_EQ_U64(stats.connections_total, 1);
    CHECK_EQ_U64(stats.connections_open, 0);
    close(fd);
    http_server_destroy(s);
}

TEST(http_keeps_to_a_clock_that_a_test_moves)
{
    struct clock_manual clock;
    clock_manual_init(&clock, 0);
    struct http_options o = options();
    o.clock = &clock.base;
    struct http_server *s = testing_server(&o);
    struct http_stats stats;
    char text[4096];
    int fd = client_connect(s);
    client_send_str(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    client_answer(fd, text, sizeof text);
    CHECK(strstr(text, "\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"));
    clock_manual_advance(&clock, 119 * NS_PER_S);
    usleep(30 * 1000);
    http_server_stats(s, &stats);
    CHECK_EQ_U64(stats.connections_open, 1);
    clock_manual_advance(&clock, 2 * NS_PER_S);
    CHECK(client_is_closed(fd));
    close(fd);
    http_server_destroy(s);
}

/* ---- many connections ---- */

TEST(http_waits_with_accepting_at_its_limit)
{
    struct http_options o = options();
    o.connection_max = 3;
    struct http_server *s = testing_server(&o);
    int fds[5];
    for (int i = 0; i < 5; i++) {
        fds[i] = client_connect(s); /* the kernel's backlog takes them */
        client_send_str(fds[i], "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    }
    for (int i = 0; i < 3; i++)
        CHECK_EQ_U64(client_status(fds[i]), 200);
    struct http_stats stats;
    usleep(50 * 1000);
    http_server_stats(s, &stats);
    CHECK_EQ_U64(stats.connections_total, 3);
    close(fds[0]);
    close(fds[1]);
    CHECK_EQ_U64(client_status(fds[3]), 200);
    CHECK_EQ_U64(client_status(fds[4]), 200);
    for (int i = 2; i < 5; i++)
        close(fds[i]);
    http_server_destroy(s);
}

static atomic_int accept_failures;

static int accept_fails(struct net *self, int listener, struct net_addr *ret_peer)
{
    (void)self;
    return atomic_fetch_add(&accept_failures, 1) < 2 ? -EMFILE : net_accept(&net_posix, listener, ret_peer);
}

TEST(http_does_not_spin_when_descriptors_run_out)
{
    static const struct net_ops ops = {accept_fails, recv_one, send_three};
    struct net net = {.ops = &ops};
    struct http_options o = options();
    char text[4096];
    o.net = &net;
    accept_failures = 0;
    struct http_server *s = testing_server(&o);
    CHECK_EQ_U64(client_ask(s, "GET /hello HTTP/1.1\r\n" HOST "\r\n", text, sizeof text), 200);
    CHECK(accept_failures <= 6); /* two that failed, at 100 ms from each other, one that did not, and its "no more" */
    http_server_destroy(s);
}

static size_t resident_bytes(void)
{
    size_t pages = 0, ignored;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f) {
        if (fscanf(f, "%zu %zu", &ignored, &pages) != 2)
            pages = 0;
        fclose(f);
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

TEST(http_holds_thousands_of_idle_connections_cheaply)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    size_t count = limit.rlim_cur > 20200 ? 10000 : limit.rlim_cur > 400 ? (limit.rlim_cur - 200) / 2 : 100;
    int *fds = calloc(count, sizeof *fds);
    struct http_server *s = start();
    size_t before = resident_bytes();
    for (size_t i = 0; i < count; i++) {
        fds[i] = client_connect(s);
        CHECK(fds[i] >= 0);
        client_send_str(fds[i], "GET /hello HTTP/1.1\r\n" HOST "\r\n");
        if (i % 100 == 99)
            CHECK_EQ_U64(client_status(fds[i]), 200);
    }
    struct http_stats stats;
    for (int i = 0; i < 1000; i++) {
        http_server_stats(s, &stats);
        if (stats.requests_total == count)
            break;
        usleep(10 * 1000);
    }
    CHECK_EQ_U64(stats.requests_total, count);
    CHECK_EQ_U64(stats.connections_open, count);
    size_t each = (resident_bytes() - before) / count;
    print_message("%zu idle connections: %zu bytes of RSS each\n", count, each);
    CHECK(each < 4096); /* with the sanitizers' red zones */
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    free(fds);
    http_server_destroy(s);
}

TEST(http_says_503_when_the_pool_is_full)
{
    struct http_options o = options();
    o.loop_count = o.pool_count = 1; /* one loop: served in the order of their coming */
    struct http_server *s = testing_server(&o);
    enum { CLIENTS = 300 };
    int fds[CLIENTS];
    unsigned refused = 0;
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(s);
        client_send_str(fds[i], "GET /slow HTTP/1.1\r\n" HOST "\r\n");
    }
    for (int i = CLIENTS - 1; i >= 258; i--) { /* one at work and 256 waiting: the last ones hear it at once */
        char text[4096];
        client_answer(fds[i], text, sizeof text);
        refused += strstr(text, "HTTP/1.1 503 ") && strstr(text, "\r\nRetry-After: 1\r\n");
    }
    CHECK(refused >= CLIENTS - 260);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    uint64_t from = clock_mono_ns(&clock_system);
    http_server_destroy(s);
    CHECK(clock_mono_ns(&clock_system) - from < MS(3000)); /* those waiting in vain were not run */
}

/* ---- drain ---- */

static void *drain_thread(void *s)
{
    http_server_drain(s, 5 * NS_PER_S);
    return NULL;
}

TEST(http_drains_what_is_in_flight)
{
    struct http_server *s = start();
    pthread_t thread;
    int idle = client_connect(s), busy = client_connect(s), half = client_connect(s);
    client_send_str(idle, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    CHECK_EQ_U64(client_status(idle), 200);
    client_send_str(busy, "GET /slow HTTP/1.1\r\n" HOST "\r\n");
    client_send_str(half, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\na");
    usleep(50 * 1000);
    CHECK(thread_start("drain", drain_thread, s, &thread, NULL) == BOLE_OK);
    CHECK(client_is_closed(idle));
    client_send_str(half, "b");
    char text[4096];
    client_answer(half, text, sizeof text);
    CHECK(strstr(text, "HTTP/1.1 200 ") && strstr(text, "\r\nConnection: close\r\n"));
    CHECK_EQ_U64(client_status(busy), 200);
    CHECK(client_is_closed(busy));
    close(idle);
    close(busy);
    close(half);
    pthread_join(thread, NULL);
    int late = client_connect(s);
    CHECK(late < 0);
    http_server_destroy(s);
}

TEST(http_drain_does_not_wait_beyond_its_grace)
{
    struct http_server *s = start();
    int half = client_connect(s);
    client_send_str(half, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\na");
    usleep(30 * 1000);
    uint64_t from = clock_mono_ns(&clock_system);
    http_server_drain(s, MS(100));
    uint64_t took = clock_mono_ns(&clock_system) - from;
    CHECK(took >= MS(90) && took < MS(1500));
    CHECK(client_is_closed(half));
    close(half);
    http_server_destroy(s);
}

TEST(http_server_that_never_ran_is_destroyed)
{
    struct http_options o = options();
    struct http_server *s = NULL;
    struct bole_err err;
    o.listen = S("127.0.0.1:0");
    CHECK_OK(http_server_create(&o, &s, &err), err);
    int waiting = client_connect(s);
    http_server_destroy(s);
    CHECK(client_is_closed(waiting));
    close(waiting);
    o.listen = S("127.0.0.1");
    CHECK_EQ_STATUS(http_server_create(&o, &s, &err), BOLE_E_INVALID);
    o.listen = S("192.0.2.1:1"); /* not an address of this machine */
    CHECK_EQ_STATUS(http_server_create(&o, &s, &err), BOLE_E_IO);
    CHECK(strstr(err.msg, "192.0.2.1:1"));
}
