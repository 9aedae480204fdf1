#include "cmd/server.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/err.h"
#include "base/log.h"
#include "cmd/agent_figures.h"
#include "cmd/lock.h"
#include "cmd/retention.h"
#include "ingest/ingest.h"
#include "process/service_name.h"
#include "queue/wal.h"
#include "rpc/rpc.h"
#include "serve/api.h"
#include "serve/sockets.h"

enum {
    LOOPS_MAX = 4,
    POOL_THREADS = 8,
    EXPORTS_MAX = 4,
    DRAIN_GRACE_S = 30,
    DOOR_GRACE_S = 10,
    DOORS_PART = 4 /* of the connections */
};
enum { SECRET_MAX = 1024, TAIL_GLOBS_MAX = 128, SERVICE_NAMES_MAX = 64 };
enum { QUERIES_PART = 2, TAILS_PART = 16, HEAD_PART = 8, QUERY_PART = 4 }; /* of the memory limit */
#define HEAD_MAX ((size_t)32 << 20) /* two of them, and the work on a cut, are 128 MB */
#define MEMORY_DEFAULT_MAX ((size_t)4 << 30)
enum { CONNECTIONS_MAX = 20000, FILES_MIN = 64, FOLLOWED_MAX = 4096 }; /* descriptors */

struct server {
    struct file        *lock; /* of the data directory */
    struct budget       budget;
    struct budget       query_budget, tail_budget; /* parts of it, so that neither keeps records out */
    struct queue       *queue;
    struct store       *store;
    struct dead_letters *dead_letters;
    struct limits *limits;
    struct sources *sources;
    struct process     *process; /* NULL: there are no rules */
    struct api         *api;
    struct ingest      *ingest;
    struct http_server *http;
    struct tls_context *door_tls;
    struct sockets     *sockets; /* NULL: all doors are closed */
    struct rpc         *rpc;     /* NULL: the gRPC door is closed */
    bole_slice          service_names[SERVICE_NAMES_MAX];
    bole_slice          host_names[SERVER_HOST_NAMES_MAX + 1];
    char                machine_name[HOST_NAME_MAX + 1];
    struct arena        arena; /* what settings were read into */
    struct tail_sink   *sink;
    struct agent       *agent;
    _Atomic(struct agent *) counted_agent; /* for requests, which come before there is one */
    char                url[300];
    struct buf          config; /* what is in force, as YAML, for /config */
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

/* Connections leave descriptors to the log, the segments being read and written and the catalogue, and to the files
 * that are followed, of which there may be half of all (agent.h). */
static size_t connection_max(const struct server_options *o)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 2 * CONNECTIONS_MAX)
        return CONNECTIONS_MAX;
    size_t all = (size_t)limit.rlim_cur, kept = FILES_MIN;
    if (o->tail_system || o->tail_glob_count)
        kept += all / 2 < FOLLOWED_MAX ? all / 2 : FOLLOWED_MAX;
    size_t left = all > kept ? all - kept : 0, least = all / 4;
    left = left > least ? left : least;
    return left < CONNECTIONS_MAX ? left : CONNECTIONS_MAX;
}

static const struct door {
    const char *name;
    const struct socket_protocol *protocol;
    bool tls;
} doors[SERVER_DOORS] = {
    [DOOR_SYSLOG_PLAIN] = {"syslog", &syslog_protocol, false},
    [DOOR_SYSLOG_TLS] = {"syslog_tls", &syslog_protocol, true},
    [DOOR_GELF] = {"gelf", &gelf_protocol, false},
    [DOOR_FORWARD] = {"forward", &forward_protocol, false},
    [DOOR_FORWARD_TLS] = {"forward_tls", &forward_protocol, true},
    [DOOR_RELP] = {"relp", &relp_protocol, false},
    [DOOR_RELP_TLS] = {"relp_tls", &relp_protocol, true},
};

static bool is_local(const char *address)
{
    bole_slice listen = bole_slice_str(address);
    return bole_slice_starts(listen, S("127.")) || bole_slice_starts(listen, S("localhost:")) ||
           bole_slice_starts(listen, S("[::1]:"));
}

/* Without authentication nobody but this machine may come in, unless the operator says that he knows. */
static bole_status check_exposure(const struct server_options *o, struct bole_err *err)
{
    const char *exposed = is_local(o->listen) ? NULL : o->listen;
    for (size_t i = 0; i < SERVER_DOORS; i++) {
        bool known_clients = doors[i].tls && o->door_client_ca && !o->door_client_optional;
        if (o->doors[i] && !is_local(o->doors[i]) && !known_clients)
            exposed = o->doors[i];
    }
    if (o->grpc && !is_local(o->grpc))
        exposed = o->grpc;
    if (o->insecure || !exposed)
        return BOLE_OK;
    return bole_fail(err, BOLE_E_INVALID, "%s is reachable from other machines and there is no authentication yet: "
                     "listen on 127.0.0.1%s", exposed, o->scratch ? "" : ", or say --insecure if the network is trusted");
}

static bool has_doors(const struct server_options *o)
{
    for (size_t i = 0; i < SERVER_DOORS; i++)
        if (o->doors[i])
            return true;
    return false;
}

static bole_slice door_tenant(const struct server_options *o)
{
    return o->door_tenant ? bole_slice_str(o->door_tenant) : S("default");
}

/* What JSON quotes, YAML reads. */
static void put_setting(struct buf *out, const char *name, bole_slice value)
{
    buf_printf(out, "%s: ", name);
    buf_put_json(out, value, false);
    buf_put(out, S("\n"));
}

static void put_names(struct buf *out, const char *name, const char *const *names, size_t count)
{
    buf_printf(out, "%s: [", name);
    for (size_t i = 0; i < count; i++) {
        buf_put_str(out, i ? ", " : "");
        buf_put_json(out, bole_slice_str(names[i]), false);
    }
    buf_put(out, S("]\n"));
}

static void put_retention(struct buf *out, const struct server_options *o)
{
    const struct retention *r = o->retention;
    buf_printf(out, "retention:\n  delete_delay: %llds\n", (long long)(o->delete_delay_ns / (int64_t)NS_PER_S));
    if (!r)
        return;
    buf_printf(out, "  time: %llds\n", (long long)(r->store.keep_ns / (int64_t)NS_PER_S));
    if (r->store.max_bytes)
        buf_printf(out, "  size: %llu\n", (unsigned long long)r->store.max_bytes);
    put_names(out, "  rules", r->rule_texts, r->store.rule_count);
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static void put_doors(struct buf *out, const struct server_options *o)
{
    buf_put(out, S("doors:\n"));
    put_setting(out, "  tenant", door_tenant(o));
    if (o->grpc)
        put_setting(out, "  grpc", bole_slice_str(o->grpc));
    for (size_t i = 0; i < SERVER_DOORS; i++) {
        char name[40];
        snprintf(name, sizeof name, "  %s", doors[i].name);
        if (o->doors[i])
            put_setting(out, name, bole_slice_str(o->doors[i]));
    }
    if (o->door_tls_cert)
        put_setting(out, "  tls_cert", bole_slice_str(o->door_tls_cert));
    if (o->door_tls_key)
        put_setting(out, "  tls_key", bole_slice_str(o->door_tls_key));
    if (o->forward_key_path)
        put_setting(out, "  forward_shared_key_file", bole_slice_str(o->forward_key_path));
    if (o->door_client_ca)
        put_setting(out, "  tls_client_ca", bole_slice_str(o->door_client_ca));
    buf_printf(out, "  tls_client_optional: %s\n", truth(o->door_client_optional));
}

/* What is in force, under the names of the configuration file. */
static void describe(struct server *s, const struct server_options *o)
{
    struct buf *out = &s->config;
    put_setting(out, "data", bole_slice_str(o->data_dir));
    put_setting(out, "listen", bole_slice_str(o->listen));
    put_names(out, "hosts", o->host_names, o->host_name_count);
    buf_printf(out, "insecure: %s\nmemory_limit: %zu\nmax_query_bytes: %llu\ndisk_reserve: %llu\n", truth(o->insecure),
               s->budget.limit_bytes, (unsigned long long)o->max_query_bytes, (unsigned long long)o->disk_reserve_bytes);
    if (o->tls_cert) {
        buf_put(out, S("tls:\n"));
        put_setting(out, "  cert", bole_slice_str(o->tls_cert));
        put_setting(out, "  key", bole_slice_str(o->tls_key));
    }
    buf_printf(out, "tail:\n  system: %s\n", truth(o->tail_system));
    put_names(out, "  files", o->tail_globs, o->tail_glob_count);
    buf_printf(out, "receive:\n  detect_level: %s\n", truth(!o->no_detect_level));
    if (o->service_names)
        put_setting(out, "  discover_service_name", bole_slice_str(o->service_names));
    if (o->stream_labels)
        put_setting(out, "  stream_labels", bole_slice_str(o->stream_labels));
    put_names(out, "limits", o->limits, o->limit_count);
    buf_printf(out, "dead_letters:\n  size: %llu\n", (unsigned long long)o->dead_letters_size);
    put_doors(out, o);
    put_retention(out, o);
}

/* The head is filled while the one before it is cut: both, and the segment being written, must fit beside the
 * queries. */
static size_t head_max(const struct server *s)
{
    size_t part = s->budget.limit_bytes / HEAD_PART;
    return part < HEAD_MAX ? part : HEAD_MAX;
}

/* Log and catalogue have locks of their own; this one comes first, so that the answer names who is there. */
static bole_status take_data_dir(struct server *s, const char *dir, struct bole_err *err)
{
    char path[4096];
    bole_status st = fs_make_dir(&fs_posix, dir, err);
    if (st < 0) {
        bole_err_context(err, "the data directory (--data, BOLE_DATA)");
        return st;
    }
    snprintf(path, sizeof path, "%s/" DATA_LOCK_NAME, dir);
    st = lock_take(path, true, &s->lock, err);
    if (st == BOLE_E_CONFLICT)
        bole_err_context(err, "the data directory %s (--data, BOLE_DATA)", dir);
    return st;
}

static bole_status open_storage(struct server *s, const struct server_options *o, struct bole_err *err)
{
    char queue_uri[4096], store_uri[4096];
    snprintf(queue_uri, sizeof queue_uri, o->scratch ? "mem:" : "wal:%s/wal", o->data_dir);
    snprintf(store_uri, sizeof store_uri, "segments:%s", o->data_dir);
    bole_status st = take_data_dir(s, o->data_dir, err);
    if (st < 0)
        return st;
    struct store_options store = {.uri = bole_slice_str(store_uri),
                                  .fs = &fs_posix,
                                  .clock = &clock_system,
                                  .budget = &s->budget,
                                  .head_max_bytes = head_max(s),
                                  .merges = true,
                                  .retention = o->retention ? &o->retention->store : NULL,
                                  .delete_delay_ns = o->delete_delay_ns};
    char wal_dir[4096];
    snprintf(wal_dir, sizeof wal_dir, "%s/wal", o->data_dir);
    st = wal_released_lsn(&fs_posix, wal_dir, &store.min_position, err);
    if (st < 0)
        return st;
    st = store_open(&store, &s->store, err);
    if (st < 0)
        return st;
    struct store_stats known;
    store_stats(s->store, &known);
    /* Numbers go on behind what the store has, also when somebody removed the log's directory or restored a backup. */
    struct queue_options queue = {.uri = bole_slice_str(queue_uri), .fs = &fs_posix, .clock = &clock_system,
                                  .random = &random_system, .min_lsn = known.known_lsn,
                                  .reserve_bytes = o->disk_reserve_bytes};
    return queue_open(&queue, &s->queue, err);
}

static bole_status make_limits(struct server *s, const struct server_options *o, struct bole_err *err)
{
    s->limits = limits_create();
    bole_status st = s->limits ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "no memory for limits");
    for (size_t i = 0; st == BOLE_OK && i < o->limit_count; i++)
        st = limits_add(s->limits, bole_slice_str(o->limits[i]), err);
    return st;
}

static bole_status open_dead_letters(struct server *s, const struct server_options *o, struct bole_err *err)
{
    char dir[4096];
    snprintf(dir, sizeof dir, "%s/dead-letters", o->data_dir);
    return dead_letters_open(&fs_posix, &clock_system, dir, o->dead_letters_size, &s->dead_letters, err);
}

/* What is added to a record, and which of its fields are labels. */
static bole_status receive_switches(struct server *s, const struct server_options *o, struct receive_options *ret_options,
                                    struct bole_err *err)
{
    struct receive_options r = {.detect_level = !o->no_detect_level, .service_names = service_name_candidates,
                                .service_name_count = service_name_candidate_count, .process = s->process,
                                .dead_letters = s->dead_letters, .limits = s->limits, .sources = s->sources};
    if (o->service_names) {
        bole_slice rest = bole_slice_str(o->service_names);
        r.service_names = s->service_names;
        for (r.service_name_count = 0; rest.len && r.service_name_count < SERVICE_NAMES_MAX;) {
            bole_slice name = bole_slice_trim(bole_slice_cut(rest, ',', &rest));
            if (name.len)
                s->service_names[r.service_name_count++] = name;
        }
    }
    bole_status st = BOLE_OK;
    if (o->stream_labels)
        st = receive_labels_parse(bole_slice_str(o->stream_labels), &s->arena, &r.stream_labels, &r.stream_label_count, err);
    if (st < 0)
        bole_err_context(err, "receive.stream_labels");
    else
        *ret_options = r;
    return st;
}

static bole_status make_door_tls(struct server *s, const struct server_options *o, struct bole_err *err)
{
    bole_status st = tls_context_create(o->door_tls_cert ? o->door_tls_cert : o->tls_cert,
                                        o->door_tls_key ? o->door_tls_key : o->tls_key, &s->door_tls, err);
    if (st == BOLE_OK)
        tls_context_one_way(s->door_tls);
    if (st == BOLE_OK && o->door_client_ca)
        st = tls_context_ask_clients(s->door_tls, o->door_client_ca, o->door_client_optional, err);
    return st;
}

/* The first line of a file, in s->arena. */
static bole_status read_secret(struct server *s, const char *path, bole_slice *ret_secret, struct bole_err *err)
{
    char text[SECRET_MAX + 1];
    FILE *f = fopen(path, "re");
    size_t len = f ? fread(text, 1, sizeof text, f) : 0;
    int cause = errno;
    if (f)
        fclose(f);
    else
        return bole_fail_errno(err, cause, "reading %s", path);
    bole_slice rest, line = bole_slice_trim(bole_slice_cut(bole_slice_from(text, len), '\n', &rest));
    if (!line.len || line.len > SECRET_MAX)
        return bole_fail(err, BOLE_E_INVALID, "%s: its first line is no secret of 1 to %d bytes", path, SECRET_MAX);
    *ret_secret = arena_copy(&s->arena, line);
    return ret_secret->ptr ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "no memory for a secret");
}

/* The doors that are not HTTP; their thread is ingest's last worker. */
static bole_status open_doors(struct server *s, const struct server_options *o, const struct receive_options *receive,
                              struct bole_err *err)
{
    struct socket_door_options open[SERVER_DOORS];
    struct sockets_options sockets = {.doors = open, .ingest = s->ingest, .worker = loop_count() + 1,
                                      .receive = *receive, .budget = &s->budget, .clock = &clock_system,
                                      .random = &random_system, .tenant = door_tenant(o),
                                      .connection_max = connection_max(o) / DOORS_PART};
    bole_slice shared_key = {0};
    bole_status st = BOLE_OK;
    for (size_t i = 0; i < SERVER_DOORS && st == BOLE_OK && !s->door_tls; i++)
        if (doors[i].tls && o->doors[i])
            st = make_door_tls(s, o, err);
    if (st == BOLE_OK && o->forward_key_path)
        st = read_secret(s, o->forward_key_path, &shared_key, err);
    for (size_t i = 0; i < SERVER_DOORS; i++)
        if (o->doors[i])
            open[sockets.door_count++] = (struct socket_door_options){
                .name = doors[i].name, .protocol = doors[i].protocol, .listen = bole_slice_str(o->doors[i]),
                .tls = doors[i].tls ? s->door_tls : NULL, .settings.shared_key = shared_key};
    if (st < 0 || !sockets.door_count)
        return st;
    st = sockets_create(&sockets, &s->sockets, err);
    if (st < 0)
        return st;
    api_attach_sockets(s->api, s->sockets);
    return sockets_start(s->sockets, err);
}

static bole_status open_grpc(struct server *s, const struct server_options *o, const struct receive_options *receive,
                             struct bole_err *err)
{
    if (!o->grpc)
        return BOLE_OK;
    struct rpc_options rpc = {.listen = o->grpc,
                              .tls_cert_path = o->door_tls_cert ? o->door_tls_cert : o->tls_cert,
                              .tls_key_path = o->door_tls_key ? o->door_tls_key : o->tls_key,
                              .api = s->api,
                              .ingest = s->ingest,
                              .first_worker = loop_count() + 2,
                              .receive = *receive,
                              .budget = &s->budget,
                              .clock = &clock_system};
    bole_status st = rpc_create(&rpc, &s->rpc, err);
    return st < 0 ? st : rpc_start(s->rpc, err);
}

/* The names that a request may call the server by: a name of the machine cannot be a foreign page's. */
static size_t name_hosts(struct server *s, const struct server_options *o)
{
    size_t count = 0;
    for (size_t i = 0; i < o->host_name_count && i < SERVER_HOST_NAMES_MAX; i++)
        s->host_names[count++] = bole_slice_str(o->host_names[i]);
    if (gethostname(s->machine_name, sizeof s->machine_name - 1) == 0 && s->machine_name[0])
        s->host_names[count++] = bole_slice_str(s->machine_name);
    return count;
}

static size_t count_inputs(void *ctx, struct metrics_figure *ret_figures)
{
    struct agent *a = atomic_load(&((struct server *)ctx)->counted_agent);
    return a ? agent_figures(a, ret_figures) : 0;
}

static bole_status start_serving(struct server *s, const struct server_options *o, struct bole_err *err)
{
    unsigned loops = loop_count();
    struct api_options api = {.queue = s->queue,
                              .store = s->store,
                              .clock = &clock_system,
                              .fs = &fs_posix,
                              .budget = &s->budget,
                              .query_budget = &s->query_budget,
                              .tail_budget = &s->tail_budget,
                              .query_memory_bytes = s->budget.limit_bytes / QUERY_PART,
                              .max_query_bytes = o->max_query_bytes,
                              .exports_max = EXPORTS_MAX,
                              .agent_figures = count_inputs,
                              .agent_ctx = s,
                              .config_text = buf_slice(&s->config)};
    bole_status st = receive_switches(s, o, &api.receive, err);
    if (st == BOLE_OK)
        st = api_create(&api, &s->api, err);
    if (st < 0)
        return st;
    struct ingest_options ingest = {.queue = s->queue, .store = s->store, .clock = &clock_system, .budget = &s->budget,
                                    .fs = &fs_posix, .data_dir = o->data_dir, .reserve_bytes = o->disk_reserve_bytes,
                                    /* and the agent, the socket doors, gRPC */
                                    .worker_count = loops + 2 + (o->grpc ? rpc_worker_count() : 0),
                                    .on_commit = api_on_commit, .on_commit_ctx = s->api};
    st = ingest_create(&ingest, &s->ingest, err);
    if (st < 0)
        return st;
    size_t connections = connection_max(o);
    struct http_options http = {.listen = bole_slice_str(o->listen), .loop_count = loops, .pool_count = POOL_THREADS,
                                .connection_max = has_doors(o) ? connections - connections / DOORS_PART : connections,
                                .host_names = s->host_names, .host_name_count = name_hosts(s, o),
                                .tls_cert_path = o->tls_cert,
                                .tls_key_path = o->tls_key, .budget = &s->budget, .clock = &clock_system,
                                .fallback = api_fallback, .fallback_ctx = s->api};
    api_routes(s->api, &http.routes, &http.route_count);
    st = http_server_create(&http, &s->http, err);
    if (st < 0 && err->sys_errno == EADDRINUSE)
        return bole_fail(err, BOLE_E_CONFLICT, "%s is taken by another program, perhaps another Bole: --listen "
                         "(BOLE_LISTEN) names another address, port 0 a free one", o->listen);
    if (st < 0)
        return st;
    st = api_attach(s->api, s->ingest, s->http, loops, err);
    if (st == BOLE_OK)
        st = open_doors(s, o, &api.receive, err);
    if (st == BOLE_OK)
        st = open_grpc(s, o, &api.receive, err);
    return st < 0 ? st : http_server_start(s->http, err);
}

/* Files and the journal go straight into ingest, as a worker behind those of the loops. */
static bole_status start_agent(struct server *s, const struct server_options *o, struct bole_err *err)
{
    if (!o->tail_system && !o->tail_glob_count)
        return BOLE_OK;
    const char *includes[TAIL_GLOBS_MAX];
    size_t count = 0;
    for (size_t i = 0; o->tail_system && agent_default_includes[i] && count < TAIL_GLOBS_MAX; i++)
        includes[count++] = agent_default_includes[i];
    for (size_t i = 0; i < o->tail_glob_count && count < TAIL_GLOBS_MAX; i++)
        includes[count++] = o->tail_globs[i];
    size_t exclude_count = 0;
    while (agent_default_excludes[exclude_count])
        exclude_count++;
    char checkpoint[4096];
    snprintf(checkpoint, sizeof checkpoint, "%s/agent.checkpoint", o->data_dir);
    bole_status st = tail_sink_ingest(s->ingest, loop_count(), S("default"), s->process, &s->sink, err);
    if (st < 0)
        return st;
    struct agent_options agent = {.includes = includes, .include_count = count, .excludes = agent_default_excludes,
                                  .exclude_count = exclude_count, .journal = o->tail_system,
                                  .checkpoint_path = checkpoint, .fs = &fs_posix,
                                  .clock = &clock_system, .sink = s->sink};
    st = agent_create(&agent, &s->agent, err);
    if (st < 0)
        return st;
    atomic_store(&s->counted_agent, s->agent);
    return agent_start(s->agent, err);
}

/* Of "127.0.0.1:5140", with its length. */
static const char *host_of(const char *address, int *ret_len)
{
    const char *colon = strrchr(address, ':'), *host = colon && colon > address ? address : "0.0.0.0";
    *ret_len = host == address ? (int)(colon - address) : (int)strlen(host);
    return host;
}

static void announce(struct server *s, const struct server_options *o)
{
    int host_len;
    const char *host = host_of(o->listen, &host_len);
    snprintf(s->url, sizeof s->url, "%s://%.*s:%u", o->tls_cert ? "https" : "http", host_len, host,
             http_server_port(s->http));
    LOG(INFO, "listening", " address=%.*s:%u door=http", host_len, host, http_server_port(s->http));
    for (size_t i = 0, open = 0; i < SERVER_DOORS; i++) {
        if (!o->doors[i])
            continue;
        host = host_of(o->doors[i], &host_len);
        LOG(INFO, "listening", " address=%.*s:%u door=%s transport=%s", host_len, host, sockets_port(s->sockets, open),
            doors[i].name, doors[i].tls ? "tls" : sockets_has_udp(s->sockets, open) ? "tcp+udp" : "tcp");
        open++;
    }
    if (!s->rpc)
        return;
    host = host_of(o->grpc, &host_len);
    LOG(INFO, "listening", " address=%.*s:%u door=grpc transport=%s", host_len, host, rpc_port(s->rpc),
        rpc_has_tls(s->rpc) ? "tls" : "tcp");
}

/* OpenSSL's words for a file that is not there are nobody's. */
static bole_status check_readable(const char *path, const char *option, struct bole_err *err)
{
    return !path || access(path, R_OK) == 0 ? BOLE_OK : bole_fail_errno(err, errno, "%s: reading %s", option, path);
}

bole_status server_create(const struct server_options *options, struct server **ret_server, struct bole_err *err)
{
    bole_status st = check_exposure(options, err);
    if (st == BOLE_OK)
        st = check_readable(options->tls_cert, "--tls-cert", err);
    if (st == BOLE_OK)
        st = check_readable(options->tls_key, "--tls-key", err);
    if (st == BOLE_OK)
        st = check_readable(options->door_tls_cert, "--door-tls-cert", err);
    if (st == BOLE_OK)
        st = check_readable(options->door_tls_key, "--door-tls-key", err);
    if (st == BOLE_OK)
        st = check_readable(options->door_client_ca, "--door-tls-client-ca", err);
    if (st == BOLE_OK && !tenant_valid(door_tenant(options)))
        st = bole_fail(err, BOLE_E_INVALID, "--door-tenant: '%s' is no tenant's name", options->door_tenant);
    if (st < 0)
        return st;
    struct server *s = calloc(1, sizeof *s);
    if (!s)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a server");
    budget_init(&s->budget, NULL, options->memory_limit_bytes ? options->memory_limit_bytes : default_memory_limit());
    describe(s, options);
    budget_init(&s->query_budget, &s->budget, s->budget.limit_bytes / QUERIES_PART);
    budget_init(&s->tail_budget, &s->budget, s->budget.limit_bytes / TAILS_PART);
    st = options->process_file ? process_create(options->process_file, &s->process, err) : BOLE_OK;
    if (st == BOLE_OK)
        st = open_storage(s, options, err);
    s->sources = sources_create();
    if (st == BOLE_OK && !s->sources)
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for the sources");
    if (st == BOLE_OK && options->limit_count)
        st = make_limits(s, options, err);
    if (st == BOLE_OK && options->dead_letters_size)
        st = open_dead_letters(s, options, err);
    if (st == BOLE_OK)
        st = start_serving(s, options, err);
    if (st == BOLE_OK)
        st = start_agent(s, options, err);
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

void server_reload(struct server *s)
{
    struct bole_err err;
    bool changed = false;
    if (!s->process)
        LOG(INFO, "there is nothing to read again: the server has no rules", " setting=process.file");
    else if (process_reload(s->process, &changed, &err) < 0)
        LOG(ERROR, "the rules are wrong, those from before stay in force", " reason=%s", LOGQS(err.msg));
    else
        LOG(INFO, "rules read again", " changed=%s", truth(changed));
}

void server_destroy(struct server *s)
{
    if (!s)
        return;
    if (s->agent)
        agent_stop(s->agent);
    sockets_drain(s->sockets, DOOR_GRACE_S * (uint64_t)NS_PER_S);
    rpc_drain(s->rpc, DOOR_GRACE_S * (uint64_t)NS_PER_S);
    if (s->http)
        http_server_drain(s->http, DRAIN_GRACE_S * (uint64_t)NS_PER_S);
    if (s->api)
        api_stop(s->api);
    ingest_destroy(s->ingest);
    http_server_destroy(s->http);
    agent_destroy(s->agent); /* it has stopped; requests asked for its figures until now */
    tail_sink_destroy(s->sink);
    sockets_destroy(s->sockets);
    rpc_destroy(s->rpc);
    tls_context_destroy(s->door_tls);
    api_destroy(s->api);
    process_destroy(s->process);
    dead_letters_close(s->dead_letters);
    limits_destroy(s->limits);
    sources_destroy(s->sources);
    store_destroy(s->store);
    queue_destroy(s->queue);
    file_close(s->lock);
    buf_deinit(&s->config);
    arena_deinit(&s->arena);
    free(s);
}
