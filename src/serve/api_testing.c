#include "serve/api_testing.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void must(bole_status st, const struct bole_err *err, const char *what)
{
    if (st == BOLE_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err->msg);
    abort();
}

static struct world *open_world(const struct api_options *options, struct fs *fs)
{
    struct bole_err err = {0};
    struct world *w = calloc(1, sizeof *w);
    w->answer = malloc(WORLD_ANSWER_MAX);
    budget_init(&w->budget, NULL, 256u * 1024 * 1024);
    struct store_options store = {
        .uri = fs ? S("segments:/data") : S("mem:"), .fs = fs, .clock = &clock_system, .budget = &w->budget};
    must(store_open(&store, &w->store, &err), &err, "store");
    struct queue_options queue = {.uri = S("mem:"), .clock = &clock_system, .random = &random_system,
                                  .min_lsn = store_position(w->store)};
    must(queue_open(&queue, &w->queue, &err), &err, "queue");
    struct api_options o = options ? *options : (struct api_options){0};
    o.queue = w->queue;
    o.store = w->store;
    o.clock = &clock_system;
    o.fs = &fs_posix;
    o.budget = &w->budget;
    must(api_create(&o, &w->api, &err), &err, "api");
    must(ingest_create(&(struct ingest_options){.queue = w->queue,
                                                .store = w->store,
                                                .clock = &clock_system,
                                                .budget = &w->budget,
                                                .worker_count = WORLD_LOOPS + 2,
                                                /* and gRPC's */ .on_commit = api_on_commit,
                                                .on_commit_ctx = w->api},
                       &w->ingest, &err),
         &err, "ingest");
    struct http_options http = {.listen = S("127.0.0.1:0"),
                                .fallback = api_fallback,
                                .fallback_ctx = w->api,
                                .loop_count = WORLD_LOOPS,
                                .pool_count = 2,
                                .budget = &w->budget,
                                .clock = &clock_system};
    api_routes(w->api, &http.routes, &http.route_count);
    must(http_server_create(&http, &w->server, &err), &err, "server");
    must(api_attach(w->api, w->ingest, w->server, WORLD_LOOPS, &err), &err, "attach");
    must(http_server_start(w->server, &err), &err, "start");
    return w;
}

struct world *world_open(const struct api_options *options)
{
    return open_world(options, NULL);
}

struct world *world_open_on(struct fs *fs)
{
    return open_world(NULL, fs);
}

void world_close(struct world *w)
{
    http_server_drain(w->server, 2 * NS_PER_S);
    api_stop(w->api);
    ingest_destroy(w->ingest);
    http_server_destroy(w->server);
    api_destroy(w->api);
    store_destroy(w->store);
    queue_destroy(w->queue);
    free(w->answer);
    free(w);
}

static unsigned read_answer(struct world *w, int fd)
{
    size_t len = client_answer(fd, w->answer, WORLD_ANSWER_MAX);
    char *body = strstr(w->answer, "\r\n\r\n");
    w->body = body ? bole_slice_from(body + 4, len - (size_t)(body + 4 - w->answer)) : (bole_slice){0};
    return strncmp(w->answer, "HTTP/1.1 ", 9) == 0 ? (unsigned)strtoul(w->answer + 9, NULL, 10) : 0;
}

static unsigned ask(struct world *w, bole_slice request)
{
    int fd = client_connect(w->server);
    client_send(fd, request);
    unsigned status = read_answer(w, fd);
    close(fd);
    return status;
}

/* A target as people write it: what a URL may not hold is escaped here. */
static void put_target(struct buf *b, const char *target)
{
    for (; *target; target++)
        if (*target <= ' ' || strchr("\"<>`{}|\\^+", *target))
            buf_printf(b, "%%%02X", (unsigned char)*target);
        else
            buf_put_u8(b, (uint8_t)*target);
}

unsigned world_post(struct world *w, const char *target, const char *headers, bole_slice body)
{
    struct buf b;
    buf_init(&b, NULL);
    buf_put_str(&b, body.ptr ? "POST " : "GET ");
    put_target(&b, target);
    buf_printf(&b, " HTTP/1.1\r\nHost: localhost\r\n%s", headers);
    if (body.ptr)
        buf_printf(&b, "Content-Length: %zu\r\n", body.len);
    buf_put_str(&b, "\r\n");
    buf_put(&b, body);
    unsigned status = ask(w, buf_slice(&b));
    buf_deinit(&b);
    return status;
}

unsigned world_get(struct world *w, const char *target, const char *headers)
{
    return world_post(w, target, headers, (bole_slice){0});
}

void world_push(struct world *w, const char *json)
{
    unsigned status = world_post(w, "/loki/api/v1/push", "Content-Type: application/json\r\n", bole_slice_str(json));
    if (status != 204) {
        fprintf(stderr, "push: %u %.*s\n", status, BOLE_SLICE_ARG(w->body));
        abort();
    }
}

bool world_body_has(const struct world *w, const char *text)
{
    return memmem(w->body.ptr, w->body.len, text, strlen(text)) != NULL;
}

bool world_join_chunks(struct world *w)
{
    uint8_t *to = (uint8_t *)w->body.ptr;
    const uint8_t *from = to, *end = to + w->body.len;
    for (;;) {
        const uint8_t *line = memmem(from, (size_t)(end - from), "\r\n", 2);
        if (!line)
            return false;
        size_t len = strtoul((const char *)from, NULL, 16);
        from = line + 2;
        if (len == 0)
            break;
        if (len + 2 > (size_t)(end - from))
            return false;
        memmove(to, from, len);
        to += len;
        from += len + 2;
    }
    w->body.len = (size_t)(to - w->body.ptr);
    return true;
}

/* ---- WebSockets, the client's side ---- */

int world_open_socket(struct world *w, const char *target, const char *headers)
{
    struct buf b;
    buf_init(&b, NULL);
    buf_put_str(&b, "GET ");
    put_target(&b, target);
    buf_printf(&b, " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", headers);
    int fd = client_connect(w->server);
    client_send(fd, buf_slice(&b));
    buf_deinit(&b);
    if (read_answer(w, fd) == 101)
        return fd;
    close(fd);
    return -1;
}

static bool read_all(int fd, uint8_t *to, size_t len)
{
    while (len) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n = poll(&p, 1, CLIENT_WAIT_MS) == 1 ? recv(fd, to, len, 0) : -1;
        if (n <= 0)
            return false;
        to += n;
        len -= (size_t)n;
    }
    return true;
}

/* Frames of a server are not masked (RFC 6455, 5.1), and ours are not fragmented. */
bool world_read_socket(int fd, char *ret_text, size_t size, unsigned *ret_code)
{
    uint8_t head[2], more[8];
    *ret_code = 0;
    while (read_all(fd, head, 2)) {
        size_t len = head[1] & 127, extra = len == 126 ? 2 : len == 127 ? 8 : 0;
        if (!read_all(fd, more, extra))
            return false;
        for (size_t i = 0; i < extra; i++)
            len = (i ? len << 8 : 0) | more[i];
        if (len >= size || !read_all(fd, (uint8_t *)ret_text, len))
            return false;
        ret_text[len] = 0;
        switch (head[0] & 15) {
        case 1:
            return true;
        case 8:
            *ret_code = len >= 2 ? (unsigned)(uint8_t)ret_text[0] << 8 | (uint8_t)ret_text[1] : 0;
            return false;
        default:
            break;
        }
    }
    return false;
}
