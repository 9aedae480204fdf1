#include "serve/api_testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void must(bole_status st, const struct bole_err *err, const char *what)
{
    if (st == BOLE_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err->msg);
    abort();
}

struct world *world_open(const struct api_options *options)
{
    struct bole_err err = {0};
    struct world *w = calloc(1, sizeof *w);
    w->answer = malloc(WORLD_ANSWER_MAX);
    budget_init(&w->budget, NULL, 256u * 1024 * 1024);
    must(queue_open(&(struct queue_options){.uri = S("mem:"), .clock = &clock_system, .random = &random_system}, &w->queue, &err),
         &err, "queue");
    must(store_open(&(struct store_options){.uri = S("mem:"), .clock = &clock_system, .budget = &w->budget}, &w->store, &err), &err,
         "store");
    struct api_options o = options ? *options : (struct api_options){0};
    o.queue = w->queue;
    o.store = w->store;
    o.clock = &clock_system;
    o.fs = &fs_posix;
    o.budget = &w->budget;
    must(api_create(&o, &w->api, &err), &err, "api");
    must(ingest_create(&(struct ingest_options){.queue = w->queue, .store = w->store, .clock = &clock_system, .budget = &w->budget,
                                                .worker_count = WORLD_LOOPS, .on_commit = api_on_commit, .on_commit_ctx = w->api},
                       &w->ingest, &err),
         &err, "ingest");
    struct http_options http = {.listen = S("127.0.0.1:0"), .fallback = api_fallback, .fallback_ctx = w->api, .loop_count = WORLD_LOOPS,
                                .pool_count = 2, .budget = &w->budget, .clock = &clock_system};
    api_routes(w->api, &http.routes, &http.route_count);
    must(http_server_create(&http, &w->server, &err), &err, "server");
    must(api_attach(w->api, w->ingest, w->server, WORLD_LOOPS, &err), &err, "attach");
    must(http_server_start(w->server, &err), &err, "start");
    return w;
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

static unsigned ask(struct world *w, bole_slice request)
{
    int fd = client_connect(w->server);
    client_send(fd, request);
    size_t len = client_answer(fd, w->answer, WORLD_ANSWER_MAX);
    close(fd);
    char *body = strstr(w->answer, "\r\n\r\n");
    w->body = body ? bole_slice_from(body + 4, len - (size_t)(body + 4 - w->answer)) : (bole_slice){0};
    return strncmp(w->answer, "HTTP/1.1 ", 9) == 0 ? (unsigned)strtoul(w->answer + 9, NULL, 10) : 0;
}

/* A target as people write it: what a URL may not hold is escaped here. */
static void put_target(struct buf *b, const char *target)
{
    for (; *target; target++)
        if (*target <= ' ' || strchr("\"<>`{}|\\^", *target))
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
