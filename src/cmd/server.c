#include "cmd/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "ingest/ingest.h"
#include "serve/api.h"

enum { LOOPS_MAX = 4, DRAIN_GRACE_S = 30 };
#define MEMORY_DEFAULT_MAX ((size_t)4 << 30)

struct server {
    struct budget       budget;
    struct queue       *queue;
    struct store       *store;
    struct api         *api;
    struct ingest      *ingest;
    struct http_server *http;
    char                url[300];
};

static unsigned loop_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > LOOPS_MAX ? LOOPS_MAX : (unsigned)cores;
}

static size_t default_memory_limit(void)
{
    size_t machine = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGE_SIZE);
    return machine / 4 < MEMORY_DEFAULT_MAX ? machine / 4 : MEMORY_DEFAULT_MAX;
}

/* Without authentication nobody but this machine may come in, unless the operator says that he knows. */
static bole_status check_exposure(const struct server_options *o, struct bole_err *err)
{
    bole_slice listen = bole_slice_str(o->listen);
    if (o->insecure || bole_slice_starts(listen, S("127.")) || bole_slice_starts(listen, S("localhost:")) ||
        bole_slice_starts(listen, S("[::1]:")))
        return BOLE_OK;
    return bole_fail(err, BOLE_E_INVALID,
                     "%s is reachable from other machines and there is no authentication yet: listen on 127.0.0.1, or say "
                     "--insecure if the network is trusted", o->listen);
}

static bole_status open_storage(struct server *s, const struct server_options *o, struct bole_err *err)
{
    char queue_uri[4096], store_uri[4096];
    snprintf(queue_uri, sizeof queue_uri, o->data_dir ? "wal:%s/wal" : "mem:", o->data_dir);
    snprintf(store_uri, sizeof store_uri, o->data_dir ? "segments:%s" : "mem:", o->data_dir);
    bole_status st = o->data_dir ? fs_make_dir(&fs_posix, o->data_dir, err) : BOLE_OK;
    if (st < 0) {
        bole_err_context(err, "making the data directory %s", o->data_dir);
        return st;
    }
    struct store_options store = {.uri = bole_slice_str(store_uri), .fs = &fs_posix, .clock = &clock_system, .budget = &s->budget};
    st = store_open(&store, &s->store, err);
    if (st < 0)
        return st;
    /* Numbers go on behind what the store has, also when somebody removed the log's directory. */
    struct queue_options queue = {.uri = bole_slice_str(queue_uri), .fs = &fs_posix, .clock = &clock_system,
                                  .random = &random_system, .min_lsn = store_position(s->store)};
    return queue_open(&queue, &s->queue, err);
}

static bole_status start_serving(struct server *s, const struct server_options *o, struct bole_err *err)
{
    unsigned loops = loop_count();
    struct api_options api = {.queue = s->queue, .store = s->store, .clock = &clock_system, .fs = &fs_posix, .budget = &s->budget};
    bole_status st = api_create(&api, &s->api, err);
    if (st < 0)
        return st;
    struct ingest_options ingest = {.queue = s->queue, .store = s->store, .clock = &clock_system, .budget = &s->budget,
                                    .fs = &fs_posix, .data_dir = o->data_dir, .worker_count = loops + 1, /* and the agent */
                                    .on_commit = api_on_commit, .on_commit_ctx = s->api};
    st = ingest_create(&ingest, &s->ingest, err);
    if (st < 0)
        return st;
    bole_slice names[16];
    for (size_t i = 0; i < o->host_name_count && i < 16; i++)
        names[i] = bole_slice_str(o->host_names[i]);
    struct http_options http = {.listen = bole_slice_str(o->listen), .loop_count = loops, .host_names = names,
                                .host_name_count = o->host_name_count, .any_host = o->insecure, .tls_cert_path = o->tls_cert,
                                .tls_key_path = o->tls_key, .budget = &s->budget, .clock = &clock_system,
                                .fallback = api_fallback, .fallback_ctx = s->api};
    api_routes(s->api, &http.routes, &http.route_count);
    st = http_server_create(&http, &s->http, err);
    if (st < 0)
        return st;
    api_attach(s->api, s->ingest, s->http);
    return http_server_start(s->http, err);
}

static void announce(struct server *s, const struct server_options *o)
{
    const char *colon = strrchr(o->listen, ':');
    int host_len = colon ? (int)(colon - o->listen) : 0;
    const char *host = host_len ? o->listen : "0.0.0.0";
    host_len = host_len ? host_len : (int)strlen(host);
    snprintf(s->url, sizeof s->url, "%s://%.*s:%u", o->tls_cert ? "https" : "http", host_len, host, http_server_port(s->http));
    LOG(INFO, "listening", " address=%.*s:%u door=http", host_len, host, http_server_port(s->http));
}

bole_status server_create(const struct server_options *options, struct server **ret_server, struct bole_err *err)
{
    bole_status st = check_exposure(options, err);
    if (st < 0)
        return st;
    struct server *s = calloc(1, sizeof *s);
    if (!s)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a server");
    budget_init(&s->budget, NULL, options->memory_limit_bytes ? options->memory_limit_bytes : default_memory_limit());
    st = open_storage(s, options, err);
    if (st == BOLE_OK)
        st = start_serving(s, options, err);
    if (st < 0) {
        server_destroy(s);
        return st;
    }
    announce(s, options);
    *ret_server = s;
    return BOLE_OK;
}

const char *server_url(const struct server *s)
{
    return s->url;
}

void server_destroy(struct server *s)
{
    if (!s)
        return;
    if (s->http)
        http_server_drain(s->http, DRAIN_GRACE_S * (uint64_t)NS_PER_S);
    if (s->api)
        api_stop(s->api);
    ingest_destroy(s->ingest);
    http_server_destroy(s->http);
    api_destroy(s->api);
    store_destroy(s->store);
    queue_destroy(s->queue);
    free(s);
}
