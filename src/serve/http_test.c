/* The server as its clients and handlers see it: over real sockets, in one process. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"
#include "os/thread.h"
#include "base/content.h"
#include "serve/http_testing.h"

#define HOST "Host: localhost\r\n"
enum { HTTP_DATE_LENGTH = 25 }; /* without " GMT" */
#define MS(n) ((uint64_t)(n) * NS_PER_MS)

/* ---- handlers ---- */

static void echo(struct http_exchange *x, void *ctx)
{
    static const uint8_t zeros[HTTP_BODY_PAD];
    (void)ctx;
    CHECK(memcmp(http_body(x).ptr + http_body(x).len, zeros, HTTP_BODY_PAD) == 0);
    http_reply(x, &(struct http_reply){.content_type = "text/plain", .body = http_body(x)});
}

static void length(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    http_reply_text(x, 200, "%zu", http_body(x).len);
}

static void hello(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    http_reply(x, &(struct http_reply){.content_type = "text/plain", .body = S("hello"), .body_static = true});
}

static void no_content(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    http_reply(x, &(struct http_reply){.status = 204});
}

static void show_param(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    bole_slice value = http_param(x, S("q"));
    http_reply_text(x, 200, "%s|%.*s|%.*s", value.ptr ? "set" : "absent", BOLE_SLICE_ARG(value),
                    BOLE_SLICE_ARG(http_path_param(x, S("name"))));
}

static void show_remote(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    http_reply_text(x, 200, "%.*s %.*s", BOLE_SLICE_ARG(http_remote(x)), BOLE_SLICE_ARG(http_header(x, S("x-Thing"))));
}

static struct budget *big_budget;

static void big(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    struct buf b;
    buf_init(&b, big_budget);
    for (int i = 0; i < 100000; i++)
        buf_printf(&b, "line %d\n", i);
    http_reply_buf(x, 200, "text/plain", &b);
}

/* Answers from a thread of its own, after a while. */
enum { LATER_MAX = 100 };
static pthread_t later_threads[LATER_MAX];
static atomic_uint later_count;

static void *answer_later(void *arg)
{
    usleep(20 * 1000);
    http_reply_text(arg, 200, "later");
    return NULL;
}

static void deferred(struct http_exchange *x, void *ctx)
{
    unsigned i = atomic_fetch_add(&later_count, 1);
    (void)ctx;
    CHECK(i < LATER_MAX && thread_start("later", answer_later, x, &later_threads[i], NULL) == BOLE_OK);
}

/* Whoever answers must be through before the server is destroyed. */
static void destroy_after_answers(struct http_server *s)
{
    http_server_drain(s, MS(1000));
    for (unsigned i = 0; i < later_count; i++)
        pthread_join(later_threads[i], NULL);
    later_count = 0;
    http_server_destroy(s);
}

static void stream(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    if (http_stream_begin(x, 200, "text/plain") != BOLE_OK) {
        http_reply_text(x, 503, "no stream");
        return;
    }
    for (int i = 0; i < 3; i++)
        (void)http_stream_write(x, S("part;"));
    http_stream_end(x);
}

static atomic_int stream_status;

static void endless_stream(struct http_exchange *x, void *ctx)
{
    static uint8_t block[32768];
    (void)ctx;
    bole_status st = http_stream_begin(x, 200, "application/octet-stream");
    while (st == BOLE_OK)
        st = http_stream_write(x, (bole_slice){block, sizeof block});
    stream_status = st;
    http_stream_end(x);
}

static atomic_int saw_cancel;

static void until_cancelled(struct http_exchange *x, void *ctx)
{
    (void)ctx;
    for (int i = 0; i < 1000 && !http_cancelled(x); i++)
        usleep(5 * 1000);
    saw_cancel = http_cancelled(x);
    http_reply_text(x, 200, "done");
}

static const struct http_route routes[] = {
    {.methods = HTTP_POST, .path = "/echo", .handler = echo},
    {.methods = HTTP_POST, .path = "/length", .handler = length},
    {.methods = HTTP_GET, .path = "/hello", .handler = hello},
    {.methods = HTTP_GET, .path = "/bare", .handler = hello, .flags = HTTP_NO_HEAD | HTTP_OR_NOTHING},
    {.methods = HTTP_POST, .path = "/hello", .handler = no_content, .flags = HTTP_WRITE},
    {.methods = HTTP_POST, .path = "/raw", .handler = echo, .flags = HTTP_RAW_BODY},
    {.methods = HTTP_POST, .path = "/pool", .handler = echo, .flags = HTTP_POOL, .decoded_max_bytes = 100000},
    {.methods = HTTP_POST, .path = "/small", .handler = echo, .body_max_bytes = 10},
    {.methods = HTTP_GET | HTTP_POST, .path = "/param", .handler = show_param},
    {.methods = HTTP_GET, .path = "/label/{name}/values", .handler = show_param},
    {.methods = HTTP_GET, .path = "/files/{name*}", .handler = show_param},
    {.methods = HTTP_GET, .path = "/remote", .handler = show_remote},
    {.methods = HTTP_GET, .path = "/big", .handler = big},
    {.methods = HTTP_GET, .path = "/deferred", .handler = deferred},
    {.methods = HTTP_GET, .path = "/stream", .handler = stream, .flags = HTTP_POOL},
    {.methods = HTTP_GET, .path = "/endless", .handler = endless_stream, .flags = HTTP_POOL},
    {.methods = HTTP_GET, .path = "/slow", .handler = until_cancelled, .flags = HTTP_POOL},
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

/* ---- requests and answers ---- */

static bool has_date(const char *answer)
{
    const char *date = strstr(answer, "\r\nDate: ");
    return date && date[11] == ',' && strncmp(date + 8 + HTTP_DATE_LENGTH, " GMT\r\n", 6) == 0;
}

TEST(http_answers_with_the_minimal_head)
{
    struct http_server *s = start();
    char text[4096];
    CHECK_EQ_U64(client_ask(s, "GET /hello HTTP/1.1\r\n" HOST "\r\n", text, sizeof text), 200);
    CHECK(has_date(text));
    CHECK(strstr(text, "\r\nContent-Type: text/plain\r\n"));
    CHECK(strstr(text, "\r\nContent-Length: 5\r\n"));
    CHECK(strcmp(strstr(text, "\r\n\r\n"), "\r\n\r\nhello") == 0);
    http_server_destroy(s);
}

TEST(http_keeps_the_connection_and_counts)
{
    struct http_server *s = start();
    int fd = client_connect(s);
    for (int i = 0; i < 5; i++) {
        client_send_str(fd, "POST /hello HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
        CHECK_EQ_U64(client_status(fd), 204);
    }
    struct http_stats stats;
    http_server_stats(s, &stats);
    CHECK_EQ_U64(stats.connections_open, 1);
    CHECK_EQ_U64(stats.connections_total, 1);
    CHECK_EQ_U64(stats.requests_total, 5);
    CHECK_EQ_U64(stats.by_class[2], 5);
    CHECK(stats.bytes_in_total > 0 && stats.bytes_out_total > 0);
    close(fd);
    http_server_destroy(s);
}

TEST(http_closes_when_the_client_asks_for_it)
{
    struct http_server *s = start();
    static const char *const requests[] = {
        "GET /hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", "GET /hello HTTP/1.0\r\n\r\n"};
    for (size_t i = 0; i < 2; i++) {
        char text[4096];
        int fd = client_connect(s);
        client_send_str(fd, requests[i]);
        client_answer(fd, text, sizeof text);
        CHECK(strstr(text, "200 OK") && strstr(text, "\r\nConnection: close\r\n"));
        CHECK(client_is_closed(fd));
        close(fd);
    }
    http_server_destroy(s);
}

TEST(http_answers_head_without_body)
{
    struct http_server *s = start();
    int fd = client_connect(s);
    char text[4096] = {0};
    client_send_str(fd, "HEAD /hello HTTP/1.1\r\n" HOST "\r\nGET /hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    size_t at = 0;
    for (ssize_t n; (n = recv(fd, text + at, sizeof text - 1 - at, 0)) > 0; at += (size_t)n)
        ;
    char *second = strstr(text + 1, "HTTP/1.1 200");
    CHECK(second != NULL);
    CHECK(strstr(text, "Content-Length: 5\r\n") < second);
    CHECK(memcmp(second - 4, "\r\n\r\n", 4) == 0);
    close(fd);
    http_server_destroy(s);
}

TEST(http_says_404_and_405_and_keeps_the_connection)
{
    struct http_server *s = start();
    char text[4096];
    int fd = client_connect(s);
    client_send_str(fd, "POST /nowhere HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody");
    client_answer(fd, text, sizeof text);
    CHECK(strstr(text, "HTTP/1.1 404 ") && strstr(text, "404 page not found\n"));
    client_send_str(fd, "DELETE /hello HTTP/1.1\r\n" HOST "\r\n");
    client_answer(fd, text, sizeof text);
    CHECK(strstr(text, "HTTP/1.1 405 ") && strstr(text, "\r\nAllow: GET, HEAD, POST\r\n"));
    client_send_str(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    CHECK_EQ_U64(client_status(fd), 200);
    close(fd);
    http_server_destroy(s);
}

TEST(http_refuses_methods_as_a_route_says)
{
    static const struct { const char *request, *status; } cases[] = {
        {"GET /bare HTTP/1.1\r\n" HOST "\r\n", "200"},
        {"HEAD /bare HTTP/1.1\r\n" HOST "\r\n", "405"},
        {"PUT /bare HTTP/1.1\r\n" HOST "\r\n", "405"},
        {"OPTIONS /bare HTTP/1.1\r\n" HOST "\r\n", "405"},
        {"POST /bare HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "404"},
        {"DELETE /bare HTTP/1.1\r\n" HOST "\r\n", "404"},
        {"OPTIONS /nowhere HTTP/1.1\r\n" HOST "\r\n", "404"},
    };
    struct http_server *s = start();
    char text[4096];
    int fd = client_connect(s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        client_send_str(fd, cases[i].request);
        client_answer(fd, text, sizeof text);
        if (strncmp(text + 9, cases[i].status, 3) != 0)
            fail_msg("%s: %.40s", cases[i].request, text);
    }
    close(fd);
    http_server_destroy(s);
}

TEST(http_sends_paths_that_are_not_clean_to_those_that_are)
{
    static const struct { const char *path, *location; } cases[] = {
        {"//hello", "/hello"},         {"/label//values?a=%2F&b=//", "/label/values?a=%2F&b=//"},
        {"/x/../hello", "/hello"},     {"/x/./hello/", "/x/hello/"},
        {"/../..", "/"},               {"//evil.example//..", "/"},
        {"/a%2Fb//c", "/a%2Fb/c"},
    };
    struct http_server *s = start();
    char text[4096], request[256], want[256];
    int fd = client_connect(s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" HOST "\r\n", cases[i].path);
        client_send_str(fd, request);
        client_answer(fd, text, sizeof text);
        snprintf(want, sizeof want, "\r\nLocation: %s\r\n", cases[i].location);
        if (strncmp(text, "HTTP/1.1 301 ", 13) != 0 || !strstr(text, want))
            fail_msg("%s: %s", cases[i].path, text);
    }
    close(fd);
    http_server_destroy(s);
}

TEST(http_finds_parameters_in_path_query_and_form)
{
    static const struct { const char *request, *want; } cases[] = {
        {"GET /param?q=a%20b+c HTTP/1.1\r\n" HOST "\r\n", "set|a b c|"},
        {"GET /param?q= HTTP/1.1\r\n" HOST "\r\n", "set||"},
        {"GET /param?p=1 HTTP/1.1\r\n" HOST "\r\n", "absent||"},
        {"GET /param?q={a=\"b\"}|=%22c%22 HTTP/1.1\r\n" HOST "\r\n", "set|{a=\"b\"}|=\"c\"|"},
        {"GET /label/a%2Fb/values HTTP/1.1\r\n" HOST "\r\n", "absent||a/b"},
        {"GET /files/x/y/z HTTP/1.1\r\n" HOST "\r\n", "absent||x/y/z"},
        {"GET /files/ HTTP/1.1\r\n" HOST "\r\n", "absent||"},
        {"GET /%68ello HTTP/1.1\r\n" HOST "\r\n", "hello"},
        {"GET http://localhost/param?q=1 HTTP/1.1\r\n" HOST "\r\n", "set|1|"},
        {"GET https://localhost/param?q=1 HTTP/1.1\r\n" HOST "\r\n", "set|1|"},
        {"POST /param?q=2 HTTP/1.1\r\n" HOST "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
         "Content-Length: 3\r\n\r\nq=1", "set|1|"},
    };
    struct http_server *s = start();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[4096];
        CHECK_EQ_U64(client_ask(s, cases[i].request, text, sizeof text), 200);
        CHECK_EQ_SLICE(bole_slice_str(strstr(text, "\r\n\r\n") + 4), bole_slice_str(cases[i].want));
    }
    char text[4096];
    CHECK_EQ_U64(client_ask(s, "POST /param HTTP/1.1\r\n" HOST "Content-Type: application/x-www-form-urlencoded\r\n"
                               "Content-Length: 4\r\n\r\nq=%2", text, sizeof text), 400);
    http_server_destroy(s);
}

TEST(http_knows_its_peer_and_its_header)
{
    struct http_server *s = start();
    char text[4096];
    CHECK_EQ_U64(client_ask(s, "GET /remote HTTP/1.1\r\n" HOST "X-THING: \t v \t \r\nX-Empty:\r\n\r\n", text, sizeof text), 200);
    char *body = strstr(text, "\r\n\r\n") + 4;
    CHECK(strncmp(body, "127.0.0.1 ", 10) == 0);
    CHECK(strcmp(strchr(body, ' '), " v") == 0);
    http_server_destroy(s);
}

static void fail_with(struct http_exchange *x, void *ctx)
{
    struct bole_err err = {.code = *(bole_status *)ctx, .msg = "because"};
    http_reply_err(x, &err);
}

TEST(http_translates_errors)
{
    static const struct { bole_status code; unsigned status; } cases[] = {
        {BOLE_E_INVALID, 400}, {BOLE_E_LIMIT, 429}, {BOLE_E_FULL, 503}, {BOLE_E_NOTFOUND, 404}, {BOLE_E_CANCELLED, 499},
        {BOLE_E_UNSUPPORTED, 501}, {BOLE_E_IO, 500}, {BOLE_E_CORRUPT, 500}, {BOLE_E_NOMEM, 429},
    };
    bole_status code = BOLE_OK;
    struct http_options o = options();
    o.fallback = fail_with;
    o.fallback_ctx = &code;
    struct http_server *s = testing_server(&o);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[4096];
        code = cases[i].code;
        CHECK_EQ_U64(client_ask(s, "GET /nowhere HTTP/1.1\r\n" HOST "\r\n", text, sizeof text), cases[i].status);
        CHECK((strstr(text, "\r\nRetry-After: 1\r\n") != NULL) == (cases[i].status == 429 || cases[i].status == 503));
        CHECK(strcmp(strstr(text, "\r\n\r\n") + 4, "because") == 0);
    }
    http_server_destroy(s);
}

static void never_answer(struct http_exchange *x, void *ctx)
{
    (void)x, (void)ctx;
}

static atomic_uint rounds;

static void on_round(unsigned loop_index, void *ctx)
{
    CHECK(loop_index < *(unsigned *)ctx);
    atomic_fetch_add(&rounds, 1);
}

TEST(http_server_is_destroyed_around_a_handler_that_never_answers)
{
    static const struct http_route forgetful[] = {{.methods = HTTP_GET, .path = "/never", .handler = never_answer}};
    struct http_options o = {.routes = forgetful, .route_count = 1, .listen = S("127.0.0.1:0"), .loop_count = 2};
    struct http_server *s = NULL;
    struct bole_err err;
    CHECK_OK(http_server_create(&o, &s, &err), err);
    http_server_on_round(s, on_round, &o.loop_count);
    CHECK_OK(http_server_start(s, &err), err);
    int fd = client_connect(s);
    client_send_str(fd, "GET /never HTTP/1.1\r\n" HOST "\r\n");
    usleep(50 * 1000);
    http_server_destroy(s);
    CHECK(client_is_closed(fd));
    CHECK(rounds > 0);
    close(fd);
}

/* ---- bodies ---- */

static void echo_in_pieces(const struct http_server *s, const char *head, bole_slice wire, bole_slice want, size_t piece)
{
    int fd = client_connect(s);
    size_t size = want.len + 4096;
    char *text = malloc(size);
    client_send_str(fd, head);
    for (bole_slice rest = wire; rest.len; rest = bole_slice_sub(rest, piece))
        client_send(fd, (bole_slice){rest.ptr, rest.len < piece ? rest.len : piece});
    size_t len = client_answer(fd, text, size);
    char *body = strstr(text, "\r\n\r\n");
    CHECK(body != NULL);
    CHECK_EQ_SLICE(bole_slice_from(body + 4, len - (size_t)(body + 4 - text)), want);
    free(text);
    close(fd);
}

TEST(http_reads_announced_bodies_of_every_size)
{
    struct http_server *s = start();
    static const size_t sizes[] = {1, 100, 65535, 65536, 70000, 1 << 20, (1 << 20) + 1, 5000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char head[128];
        uint8_t *body = malloc(sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++)
            body[k] = (uint8_t)('a' + k % 23);
        snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", sizes[i]);
        echo_in_pieces(s, head, (bole_slice){body, sizes[i]}, (bole_slice){body, sizes[i]}, 30000);
        free(body);
    }
    http_server_destroy(s);
}

TEST(http_reads_chunked_bodies_in_any_pieces)
{
    static const char head[] = "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n";
    bole_slice wire = S("3\r\nabc\r\n0A;ext=\"q;\";b\r\n0123456789\r\n0\r\nTrailer: ignored\r\n\r\n");
    struct http_server *s = start();
    for (size_t piece = 1; piece < wire.len; piece += 3)
        echo_in_pieces(s, head, wire, S("abc0123456789"), piece);
    echo_in_pieces(s, head, S("0\r\n\r\n"), S(""), 100);
    echo_in_pieces(s, "POST /echo HTTP/1.1\r\n" HOST "\r\n", S(""), S(""), 1);
    http_server_destroy(s);
}

TEST(http_refuses_bodies_over_the_limit)
{
    struct http_server *s = start();
    char text[4096];
    CHECK_EQ_U64(client_ask(s, "POST /small HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n0123456789", text, sizeof text), 200);
    CHECK_EQ_U64(client_ask(s, "POST /small HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n01234567890", text, sizeof text), 413);
    CHECK_EQ_U64(client_ask(s, "POST /small HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nb\r\n", text, sizeof text), 413);
    CHECK_EQ_U64(client_ask(s, "POST /small HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", text,
                            sizeof text), 400);
    CHECK(strstr(text, "\r\nConnection: close\r\n"));
    http_server_destroy(s);
}

/* Asks `path` with a gzip body of `size` letters; the answer's body goes to ret_body. */
static unsigned ask_gzip(const struct http_server *s, const char *path, size_t size, struct buf *ret_body)
{
    struct buf plain, packed, request;
    buf_init(&plain, NULL);
    buf_init(&packed, NULL);
    buf_init(&request, NULL);
    for (size_t i = 0; i < size; i++)
        buf_put_u8(&plain, 'z');
    CHECK(content_gzip(buf_slice(&plain), &packed));
    buf_printf(&request, "POST %s HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", path, packed.len);
    buf_put(&request, buf_slice(&packed));
    int fd = client_connect(s);
    client_send(fd, buf_slice(&request));
    CHECK(buf_reserve(ret_body, size + 4096));
    ret_body->len = client_answer(fd, (char *)ret_body->ptr, ret_body->cap);
    close(fd);
    buf_deinit(&plain);
    buf_deinit(&packed);
    buf_deinit(&request);
    return (unsigned)strtoul((char *)ret_body->ptr + 9, NULL, 10);
}

TEST(http_decompresses_bodies_up_to_the_limit)
{
    struct http_server *s = start();
    struct buf answer;
    buf_init(&answer, NULL);
    CHECK_EQ_U64(ask_gzip(s, "/echo", 200000, &answer), 200);
    CHECK(strstr((char *)answer.ptr, "Content-Length: 200000\r\n"));
    CHECK_EQ_U64(ask_gzip(s, "/pool", 100000, &answer), 200);
    CHECK_EQ_U64(ask_gzip(s, "/pool", 100001, &answer), 413);
    CHECK(strstr((char *)answer.ptr, "larger than 100000 bytes after decompression"));
    CHECK_EQ_U64(ask_gzip(s, "/raw", 100000, &answer), 200); /* left as it came */
    CHECK(strstr((char *)answer.ptr, "\r\n\r\n\x1f\x8b"));
    char text[4096];
    CHECK_EQ_U64(client_ask(s, "POST /echo HTTP/1.1\r\n" HOST "Content-Encoding: zstd\r\nContent-Length: 3\r\n\r\nabc", text,
                            sizeof text), 400);
    CHECK(strstr(text, "zstd body: "));
    buf_deinit(&answer);
    http_server_destroy(s);
}

TEST(http_compresses_answers_for_those_who_accept_it)
{
    static const struct { const char *accept; bool gzip; } cases[] = {
        {"", false}, {"Accept-Encoding: gzip\r\n", true}, {"Accept-Encoding: br, GZIP;q=0.5\r\n", true},
        {"Accept-Encoding: gzip;q=0\r\n", false}, {"Accept-Encoding: gzip; q=0.000\r\n", false}, {"Accept-Encoding: xgzip\r\n", false},
    };
    struct http_server *s = start();
    char *text = malloc(2 << 20), request[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(request, sizeof request, "GET /big HTTP/1.1\r\n" HOST "%s\r\n", cases[i].accept);
        CHECK_EQ_U64(client_ask(s, request, text, 2 << 20), 200);
        CHECK((strstr(text, "\r\nContent-Encoding: gzip\r\n") != NULL) == cases[i].gzip);
        CHECK((strstr(text, "\r\nContent-Length: 1088890\r\n") == NULL) == cases[i].gzip);
    }
    free(text);
    http_server_destroy(s);
}

/* A body of `len` blanks to /length; packed when the header says so. */
static unsigned ask_in_chunks(struct http_server *s, const char *coding, size_t len, char *ret_text, size_t size)
{
    struct buf plain, packed;
    int fd = client_connect(s);
    buf_init(&plain, NULL);
    buf_init(&packed, NULL);
    CHECK(buf_reserve(&plain, len));
    memset(plain.ptr, ' ', len);
    plain.len = len;
    bole_slice body = buf_slice(&plain);
    if (coding[0]) {
        CHECK(content_gzip(body, &packed));
        body = buf_slice(&packed);
    }
    char line[200];
    snprintf(line, sizeof line, "POST /length HTTP/1.1\r\n" HOST "%sTransfer-Encoding: chunked\r\n\r\n", coding);
    client_send_str(fd, line);
    while (body.len) {
        size_t n = body.len < 60000 ? body.len : 60000;
        snprintf(line, sizeof line, "%zx\r\n", n);
        client_send_str(fd, line);
        client_send(fd, bole_slice_from(body.ptr, n));
        client_send_str(fd, "\r\n");
        body = bole_slice_sub(body, n);
    }
    client_send_str(fd, "0\r\n\r\n");
    client_answer(fd, ret_text, size);
    close(fd);
    buf_deinit(&plain);
    buf_deinit(&packed);
    return strncmp(ret_text, "HTTP/1.1 ", 9) == 0 ? (unsigned)strtoul(ret_text + 9, NULL, 10) : 0;
}

TEST(http_lives_within_its_budget)
{
    struct budget budget;
    struct http_options o = options();
    char text[4096], head[128];
    budget_init(&budget, NULL, 600000);
    o.budget = big_budget = &budget;
    struct http_server *s = testing_server(&o);
    snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", 700000);
    /* It will never fit, in one piece, in chunks or unpacked: waiting is no advice. */
    CHECK_EQ_U64(client_ask(s, head, text, sizeof text), 413);
    CHECK(strstr(text, "\r\n\r\nthe body is larger than 262500 bytes: send smaller requests, or raise the server's --memory-limit"));
    CHECK_EQ_U64(ask_in_chunks(s, "", 270000, text, sizeof text), 413);
    CHECK(strstr(text, "raise the server's --memory-limit"));
    CHECK_EQ_U64(ask_in_chunks(s, "Content-Encoding: gzip\r\n", 270000, text, sizeof text), 413);
    CHECK(strstr(text, "the body is larger than 262500 bytes after decompression: send smaller requests, or raise the server's --memory-limit"));
    for (int i = 0; i < 1000 && budget.used_bytes > 100000; i++)
        usleep(5 * 1000); /* an answer arrives before its request's memory is given back */
    CHECK(budget_take(&budget, 400000)); /* now somebody else has it */
    CHECK_EQ_U64(ask_in_chunks(s, "", 250000, text, sizeof text), 503);
    CHECK(strstr(text, "\r\nRetry-After: 1\r\n"));
    budget_give(&budget, 400000);
    CHECK_EQ_U64(ask_in_chunks(s, "", 250000, text, sizeof text), 200);
    CHECK_EQ_U64(client_ask(s, "GET /big HTTP/1.1\r\n" HOST "\r\n", text, sizeof text), 503); /* the handler's answer is too large */
    CHECK(strstr(text, "\r\nConnection: close\r\n"));
    CHECK_EQ_U64(client_ask(s, "GET /hello HTTP/1.1\r\n" HOST "\r\n", text, sizeof text), 200);
    http_server_destroy(s);
    CHECK_EQ_U64(budget.used_bytes, 0);
    big_budget = NULL;
}

TEST(http_refusal_reaches_a_client_that_sends_all_of_its_body_first)
{
    enum { BODY = 20 << 20 };
    struct http_server *s = start();
    int fd = client_connect(s);
    char text[4096];
    uint8_t *body = calloc(1, BODY);
    snprintf(text, sizeof text, "POST /small HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", BODY);
    client_send_str(fd, text);
    for (size_t at = 0; at < BODY;) {
        ssize_t n = send(fd, body + at, BODY - at, MSG_NOSIGNAL);
        CHECK(n > 0); /* many clients end here and never look for the answer */
        at += (size_t)n;
    }
    CHECK_EQ_U64(client_status(fd), 413);
    free(body);
    close(fd);
    http_server_destroy(s);
}

TEST(http_tells_a_waiting_client_to_continue)
{
    struct http_server *s = start();
    char text[4096];
    int fd = client_connect(s);
    client_send_str(fd, "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    client_answer(fd, text, sizeof text);
    CHECK(strcmp(text, "HTTP/1.1 100 Continue\r\n\r\n") == 0);
    client_send_str(fd, "ok");
    CHECK_EQ_U64(client_status(fd), 200);
    close(fd);
    /* Too large: refused without asking for the body first. */
    CHECK_EQ_U64(client_ask(s, "POST /small HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 99\r\n\r\n", text,
                            sizeof text), 413);
    http_server_destroy(s);
}

/* ---- pipelining, deferring, streaming ---- */

TEST(http_answers_a_pipeline_in_order)
{
    struct http_server *s = start();
    int fd = client_connect(s);
    enum { ROUNDS = 200 };
    struct buf b;
    buf_init(&b, NULL);
    for (int i = 0; i < ROUNDS; i++)
        buf_printf(&b, "GET /param?q=%d HTTP/1.1\r\n" HOST "\r\n%s", i, i % 50 == 7 ? "GET /deferred HTTP/1.1\r\n" HOST "\r\n" : "");
    client_send(fd, buf_slice(&b));
    for (int i = 0; i < ROUNDS; i++) {
        char text[4096], want[64];
        client_answer(fd, text, sizeof text);
        snprintf(want, sizeof want, "\r\n\r\nset|%d|", i);
        CHECK(strstr(text, want) != NULL);
        if (i % 50 == 7) {
            client_answer(fd, text, sizeof text);
            CHECK(strstr(text, "\r\n\r\nlater") != NULL);
        }
    }
    buf_deinit(&b);
    close(fd);
    destroy_after_answers(s);
}

TEST(http_answers_deferred_exchanges_from_other_threads)
{
    struct http_server *s = start();
    int fds[50];
    for (int i = 0; i < 50; i++) {
        fds[i] = client_connect(s);
        client_send_str(fds[i], "GET /deferred HTTP/1.1\r\n" HOST "\r\n");
    }
    for (int i = 0; i < 50; i++) {
        CHECK_EQ_U64(client_status(fds[i]), 200);
        close(fds[i]);
    }
    destroy_after_answers(s);
}

TEST(http_drops_the_answer_of_a_client_that_went_away)
{
    struct http_server *s = start();
    for (int i = 0; i < 20; i++) {
        int fd = client_connect(s);
        client_send_str(fd, "GET /deferred HTTP/1.1\r\n" HOST "\r\n");
        struct linger reset = {1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
    }
    usleep(60 * 1000); /* their threads answer meanwhile */
    char text[4096];
    CHECK_EQ_U64(client_ask(s, "GET /hello HTTP/1.1\r\n" HOST "\r\n", text, sizeof text), 200);
    destroy_after_answers(s);
}

TEST(http_takes_an_answer_after_the_drain)
{
    struct http_server *s = start();
    int fd = client_connect(s);
    client_send_str(fd, "GET /deferred HTTP/1.1\r\n" HOST "\r\n");
    usleep(5 * 1000);
    http_server_drain(s, 0); /* does not wait for the answer of 20 ms later to be sent */
    close(fd);
    destroy_after_answers(s);
}

TEST(http_streams_in_chunks)
{
    struct http_server *s = start();
    int fd = client_connect(s);
    for (int i = 0; i < 3; i++) {
        char text[4096];
        client_send_str(fd, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
        client_answer(fd, text, sizeof text);
        CHECK(has_date(text));
        CHECK(strcmp(strstr(text, "\r\n\r\n") + 4, "5\r\npart;\r\n5\r\npart;\r\n5\r\npart;\r\n0\r\n\r\n") == 0);
    }
    close(fd);
    http_server_destroy(s);
}

TEST(http_streams_bare_bytes_to_http10)
{
    struct http_server *s = start();
    int fd = client_connect(s);
    char text[4096] = {0};
    client_send_str(fd, "GET /stream HTTP/1.0\r\n\r\n");
    size_t at = 0;
    for (ssize_t n; (n = recv(fd, text + at, sizeof text - 1 - at, 0)) > 0; at += (size_t)n)
        ;
    CHECK(strcmp(strstr(text, "\r\n\r\n") + 4, "part;part;part;") == 0);
    close(fd);
    http_server_destroy(s);
}

TEST(http_stops_a_stream_whose_client_does_not_read)
{
    struct http_options o = options();
    o.write_timeout_ns = MS(150);
    struct http_server *s = testing_server(&o);
    stream_status = 0;
    int fd = client_connect(s);
    client_send_str(fd, "GET /endless HTTP/1.1\r\n" HOST "\r\n");
    for (int i = 0; i < 1000 && stream_status == 0; i++)
        usleep(10 * 1000);
    CHECK_EQ_STATUS(stream_status, BOLE_E_CANCELLED);
    close(fd);
    http_server_destroy(s);
}

/* More of them than the pool can ever have threads. */
/* More clients that do not read than the pool has threads; while they come, others ask now and then, or not before all are there. */
static void check_others_are_served(bool meanwhile)
{
    enum { STUCK = 131 };
    struct http_server *s = start();
    int stuck[STUCK];
    char text[4096];
    for (int i = 0; i < STUCK; i++) {
        stuck[i] = client_connect(s);
        client_send_str(stuck[i], "GET /endless HTTP/1.1\r\n" HOST "\r\n");
        if (meanwhile && i % 7 == 0)
            CHECK_EQ_U64(client_ask(s, "GET /stream HTTP/1.0\r\n\r\n", text, sizeof text), 200);
    }
    CHECK_EQ_U64(client_ask(s, "GET /stream HTTP/1.0\r\n\r\n", text, sizeof text), 200);
    for (int i = 0; i < STUCK; i++)
        close(stuck[i]);
    http_server_destroy(s);
}

TEST(http_serves_others_while_clients_do_not_read)
{
    check_others_are_served(true);
    check_others_are_served(false);
}

TEST(http_tells_a_handler_that_its_client_has_gone)
{
    struct http_server *s = start();
    saw_cancel = -1;
    int fd = client_connect(s);
    client_send_str(fd, "GET /slow HTTP/1.1\r\n" HOST "\r\n");
    usleep(50 * 1000);
    CHECK_EQ_I64(saw_cancel, -1);
    close(fd);
    for (int i = 0; i < 400 && saw_cancel == -1; i++)
        usleep(10 * 1000);
    CHECK_EQ_I64(saw_cancel, 1);
    http_server_destroy(s);
}

TEST(http_answers_a_client_that_shut_its_sending_side)
{
    struct http_server *s = start();
    int fd = client_connect(s);
    client_send_str(fd, "GET /deferred HTTP/1.1\r\n" HOST "\r\n");
    shutdown(fd, SHUT_WR);
    CHECK_EQ_U64(client_status(fd), 200);
    CHECK(client_is_closed(fd));
    close(fd);
    destroy_after_answers(s);
}
