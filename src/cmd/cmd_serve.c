#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/retention.h"
#include "cmd/server.h"
#include "cmd/settings.h"
#include "ingest/ingest.h"
#include "os/memory.h"
#include "process/dead_letters.h"
#include "query/units.h"
#include "receive/limits.h"

enum {
    GLOBS_MAX = 64,
    KEY_HOST = 256,
    KEY_TLS_CERT,
    KEY_TLS_KEY,
    KEY_INSECURE,
    KEY_TAIL,
    KEY_TAIL_SYSTEM,
    KEY_LOG_LEVEL,
    KEY_DETECT_LEVEL,
    KEY_SERVICE_NAMES,
    KEY_STREAM_LABELS,
    KEY_DISK_RESERVE,
    KEY_MAX_QUERY_BYTES,
    KEY_RETENTION_SIZE,
    KEY_RETENTION_RULE,
    KEY_DELETE_DELAY,
    KEY_SYSLOG,
    KEY_SYSLOG_TLS,
    KEY_DOOR_CLIENT_CA,
    KEY_DOOR_CLIENT_OPTIONAL,
    KEY_DOOR_TENANT,
    KEY_DOOR_TLS_CERT,
    KEY_DOOR_TLS_KEY,
    KEY_GELF,
    KEY_FORWARD,
    KEY_FORWARD_TLS,
    KEY_FORWARD_KEY,
    KEY_RELP,
    KEY_RELP_TLS,
    KEY_GRPC,
    KEY_DEAD_LETTERS,
    KEY_LIMIT,
    KEY_PROCESS
};

#define MEMORY_LIMIT_MIN ((size_t)64 * 1000 * 1000) /* bytes */

struct serve_options {
    struct server_options server;
    struct retention retention;
    const char *config_path; /* NULL: none */
    struct settings settings;
    const char *names[SERVER_HOST_NAMES_MAX];
    const char *globs[GLOBS_MAX];
    const char *limits[LIMITS_MAX];
};

static const struct argp_option options_table[] = {
    {"config", 'c', "FILE", 0, "Settings from this YAML file, see docs/configuration.md (BOLE_CONFIG)", 0},
    {"data", 'd', "DIR", 0, "Where everything is kept (BOLE_DATA; default ./data)", 0},
    {"listen", 'l', "HOST:PORT", 0, "The HTTP door (BOLE_LISTEN; default 127.0.0.1:3100); port 0 takes a free one", 0},
    {"listen-grpc", KEY_GRPC, "HOST:PORT", 0, "OTLP over gRPC and Bole's own service, usually port 4317 (BOLE_DOORS_GRPC)", 1},
    {"listen-syslog", KEY_SYSLOG, "HOST:PORT", 0, "Syslog over TCP and UDP, usually port 5140 (BOLE_DOORS_SYSLOG)", 1},
    {"listen-syslog-tls", KEY_SYSLOG_TLS, "HOST:PORT", 0, "Syslog over TLS, usually port 6514 (BOLE_DOORS_SYSLOG_TLS)", 1},
    {"listen-gelf", KEY_GELF, "HOST:PORT", 0, "GELF over TCP and UDP, usually port 12201 (BOLE_DOORS_GELF)", 1},
    {"listen-forward", KEY_FORWARD, "HOST:PORT", 0, "Fluent's forward protocol, usually port 24224 (BOLE_DOORS_FORWARD)", 1},
    {"listen-forward-tls", KEY_FORWARD_TLS, "HOST:PORT", 0, "The same over TLS (BOLE_DOORS_FORWARD_TLS)", 1},
    {"forward-shared-key-file", KEY_FORWARD_KEY, "FILE", 0, "Its clients must know the first line of this file", 1},
    {"listen-relp", KEY_RELP, "HOST:PORT", 0, "RELP, usually port 2514 (BOLE_DOORS_RELP)", 1},
    {"listen-relp-tls", KEY_RELP_TLS, "HOST:PORT", 0, "The same over TLS (BOLE_DOORS_RELP_TLS)", 1},
    {"door-tls-cert", KEY_DOOR_TLS_CERT, "FILE", 0,
     "Certificate chain (PEM) for these doors over TLS, and gRPC (default that of --tls-cert)", 1},
    {"door-tls-key", KEY_DOOR_TLS_KEY, "FILE", 0, "Its private key (PEM)", 1},
    {"door-tls-client-ca", KEY_DOOR_CLIENT_CA, "FILE", 0,
     "Clients of syslog, forward and RELP over TLS must show a certificate that one of these (PEM) has signed", 1},
    {"door-tls-client-optional", KEY_DOOR_CLIENT_OPTIONAL, 0, 0, "They may also show none", 1},
    {"door-tenant", KEY_DOOR_TENANT, "NAME", 0, "The tenant of what comes in at these doors (default default)", 1},
    {"tail", KEY_TAIL, "GLOB", 0, "Read these files as they grow; may be repeated", 1},
    {"tail-system", KEY_TAIL_SYSTEM, 0, 0, "Read this machine's /var/log and its journal", 1},
    {"detect-level", KEY_DETECT_LEVEL, "BOOL", 0, "Add detected_level (BOLE_RECEIVE_DETECT_LEVEL; default true)", 1},
    {"discover-service-name", KEY_SERVICE_NAMES, "LABELS", 0,
     "Labels that service_name is taken from, separated by commas; empty: off "
     "(BOLE_RECEIVE_DISCOVER_SERVICE_NAME; default Loki's list)",
     1},
    {"stream-labels", KEY_STREAM_LABELS, "LABELS", 0,
     "Labels of records that come without, separated by commas, each as NAME or NAME=FIELD|FIELD "
     "(BOLE_RECEIVE_STREAM_LABELS; default: service_name, host, namespace, container, env)",
     1},
    {"process", KEY_PROCESS, "FILE", 0,
     "Rules that records pass before they are stored, see docs/process.md; SIGHUP reads them again (BOLE_PROCESS_FILE)", 1},
    {"limit", KEY_LIMIT, "LIMIT", 0,
     "What a tenant may send: [TENANT:]bytes=10MB,records=5000 (a second),body=8MB,ratio=100,record=64KB,fields=64; without a "
     "tenant for all; may be "
     "repeated (BOLE_LIMITS)",
     1},
    {"dead-letters", KEY_DEAD_LETTERS, "SIZE", 0,
     "What cannot be processed is kept in so many bytes, the oldest goes first; 0: not at all (BOLE_DEAD_LETTERS_SIZE; default "
     "64MiB)",
     1},
    {"retention", 'r', "TIME", 0, "Records older than this are removed: 30d, 1y (BOLE_RETENTION_TIME; default 0: never)", 2},
    {"retention-size", KEY_RETENTION_SIZE, "SIZE", 0,
     "The oldest records are removed when all take more room than this (BOLE_RETENTION_SIZE; default: no limit)", 2},
    {"retention-rule", KEY_RETENTION_RULE, "RULE", 0,
     "A time for some: '{app=\"debug\"}=7d', 'TENANT:=90d', 'TENANT:{app=\"audit\"}=0'; the first rule that names a stream "
     "holds; may be repeated",
     2},
    {"delete-delay", KEY_DELETE_DELAY, "TIME", 0,
     "A request to delete can be taken back as long; the records are out of sight at once (default 24h)", 2},
    {"memory-limit", 'm', "SIZE", 0, "Ceiling for ingest, queries and caches (default a quarter of the machine, at most 4GB)", 2},
    {"max-query-bytes", KEY_MAX_QUERY_BYTES, "SIZE", 0, "Bytes of log lines that one query may look at (default: no limit)", 2},
    {"disk-reserve", KEY_DISK_RESERVE, "SIZE", 0, "Free disk space below which writes are refused (default 256MiB)", 2},
    {"host", KEY_HOST, "NAME", 0,
     "A further name that this server is called by (Host and Origin headers), beside its addresses and the machine's name; '*': "
     "any, when foreign web pages need not be kept out; may be repeated",
     3},
    {"tls-cert", KEY_TLS_CERT, "FILE", 0, "Certificate chain (PEM): speak HTTPS", 3},
    {"tls-key", KEY_TLS_KEY, "FILE", 0, "Its private key (PEM)", 3},
    {"insecure", KEY_INSECURE, 0, 0, "Listen beyond loopback without authentication", 3},
    {"log-level", KEY_LOG_LEVEL, "LEVEL", 0, "debug, info, warn, error (default info)", 4},
    {0},
};

/* Every flag but --config, by the name that it has in the file and in the environment. */
static const struct setting settings_table[] = {
    {"data", 'd', SETTING_ONE},
    {"listen", 'l', SETTING_ONE},
    {"hosts", KEY_HOST, SETTING_LIST},
    {"insecure", KEY_INSECURE, SETTING_ONE},
    {"memory_limit", 'm', SETTING_ONE},
    {"max_query_bytes", KEY_MAX_QUERY_BYTES, SETTING_ONE},
    {"disk_reserve", KEY_DISK_RESERVE, SETTING_ONE},
    {"log_level", KEY_LOG_LEVEL, SETTING_ONE},
    {"tls.cert", KEY_TLS_CERT, SETTING_ONE},
    {"tls.key", KEY_TLS_KEY, SETTING_ONE},
    {"doors.grpc", KEY_GRPC, SETTING_ONE},
    {"doors.syslog", KEY_SYSLOG, SETTING_ONE},
    {"doors.syslog_tls", KEY_SYSLOG_TLS, SETTING_ONE},
    {"doors.tls_client_ca", KEY_DOOR_CLIENT_CA, SETTING_ONE},
    {"doors.tls_client_optional", KEY_DOOR_CLIENT_OPTIONAL, SETTING_ONE},
    {"doors.gelf", KEY_GELF, SETTING_ONE},
    {"doors.forward", KEY_FORWARD, SETTING_ONE},
    {"doors.forward_tls", KEY_FORWARD_TLS, SETTING_ONE},
    {"doors.forward_shared_key_file", KEY_FORWARD_KEY, SETTING_ONE},
    {"doors.relp", KEY_RELP, SETTING_ONE},
    {"doors.relp_tls", KEY_RELP_TLS, SETTING_ONE},
    {"doors.tls_cert", KEY_DOOR_TLS_CERT, SETTING_ONE},
    {"doors.tls_key", KEY_DOOR_TLS_KEY, SETTING_ONE},
    {"doors.tenant", KEY_DOOR_TENANT, SETTING_ONE},
    {"tail.files", KEY_TAIL, SETTING_LIST},
    {"tail.system", KEY_TAIL_SYSTEM, SETTING_ONE},
    {"receive.detect_level", KEY_DETECT_LEVEL, SETTING_ONE},
    {"receive.discover_service_name", KEY_SERVICE_NAMES, SETTING_COMMAS},
    {"receive.stream_labels", KEY_STREAM_LABELS, SETTING_COMMAS},
    {"process.file", KEY_PROCESS, SETTING_ONE},
    {"limits", KEY_LIMIT, SETTING_LIST},
    {"dead_letters.size", KEY_DEAD_LETTERS, SETTING_ONE},
    {"retention.time", 'r', SETTING_ONE},
    {"retention.size", KEY_RETENTION_SIZE, SETTING_ONE},
    {"retention.rules", KEY_RETENTION_RULE, SETTING_LIST},
    {"retention.delete_delay", KEY_DELETE_DELAY, SETTING_ONE},
};

static void set_memory_limit(struct argp_state *state, const char *what, const char *text)
{
    struct serve_options *o = state->input;
    o->server.memory_limit_bytes = cmd_size(state, what, text);
    if (o->server.memory_limit_bytes < MEMORY_LIMIT_MIN)
        argp_error(state, "%s: %s is too little, 64MB is the least", what, text);
}

static void set_retention(struct argp_state *state, const char *what, const char *text)
{
    struct serve_options *o = state->input;
    struct bole_err err;
    if (retention_parse_time(bole_slice_str(text), &o->retention.store.keep_ns, &err) < 0)
        argp_error(state, "%s: %s", what, err.msg);
}

static void add_rule(struct argp_state *state, const char *what, const char *text)
{
    struct serve_options *o = state->input;
    struct bole_err err;
    if (retention_add_rule(&o->retention, text, &err) < 0)
        argp_error(state, "%s: %s", what, err.msg);
}

static void set_delete_delay(struct argp_state *state, const char *what, const char *text)
{
    struct serve_options *o = state->input;
    if (!units_prometheus_duration(bole_slice_str(text), &o->server.delete_delay_ns))
        argp_error(state, "%s: '%s' is no time; write 24h, 30m or 0", what, text);
}

static void set(struct argp_state *state, int key, const char *value, const char *what)
{
    struct serve_options *o = state->input;
    struct server_options *s = &o->server;
    switch (key) {
    case 'd': s->data_dir = value; break;
    case 'l': s->listen = value; break;
    case 'm': set_memory_limit(state, what, value); break;
    case 'r': set_retention(state, what, value); break;
    case KEY_RETENTION_SIZE: o->retention.store.max_bytes = cmd_size(state, what, value); break;
    case KEY_RETENTION_RULE: add_rule(state, what, value); break;
    case KEY_DELETE_DELAY: set_delete_delay(state, what, value); break;
    case KEY_MAX_QUERY_BYTES: s->max_query_bytes = cmd_size(state, what, value); break;
    case KEY_DISK_RESERVE: s->disk_reserve_bytes = cmd_size(state, what, value); break;
    case KEY_TAIL: cmd_append(state, o->globs, &s->tail_glob_count, GLOBS_MAX, what, value); break;
    case KEY_TAIL_SYSTEM: s->tail_system = settings_truth(state, what, value); break;
    case KEY_DETECT_LEVEL: s->no_detect_level = !settings_truth(state, what, value); break;
    case KEY_SERVICE_NAMES: s->service_names = value; break;
    case KEY_STREAM_LABELS: s->stream_labels = value; break;
    case KEY_PROCESS: s->process_file = value; break;
    case KEY_LIMIT: cmd_append(state, o->limits, &s->limit_count, LIMITS_MAX, what, value); break;
    case KEY_DEAD_LETTERS: s->dead_letters_size = cmd_size(state, what, value); break;
    case KEY_GRPC: s->grpc = value; break;
    case KEY_SYSLOG: s->doors[DOOR_SYSLOG_PLAIN] = value; break;
    case KEY_SYSLOG_TLS: s->doors[DOOR_SYSLOG_TLS] = value; break;
    case KEY_GELF: s->doors[DOOR_GELF] = value; break;
    case KEY_FORWARD: s->doors[DOOR_FORWARD] = value; break;
    case KEY_FORWARD_TLS: s->doors[DOOR_FORWARD_TLS] = value; break;
    case KEY_FORWARD_KEY: s->forward_key_path = value; break;
    case KEY_RELP: s->doors[DOOR_RELP] = value; break;
    case KEY_RELP_TLS: s->doors[DOOR_RELP_TLS] = value; break;
    case KEY_DOOR_CLIENT_CA: s->door_client_ca = value; break;
    case KEY_DOOR_CLIENT_OPTIONAL: s->door_client_optional = settings_truth(state, what, value); break;
    case KEY_DOOR_TLS_CERT: s->door_tls_cert = value; break;
    case KEY_DOOR_TLS_KEY: s->door_tls_key = value; break;
    case KEY_DOOR_TENANT: s->door_tenant = value; break;
    case KEY_HOST: cmd_append(state, o->names, &s->host_name_count, SERVER_HOST_NAMES_MAX, what, value); break;
    case KEY_TLS_CERT: s->tls_cert = value; break;
    case KEY_TLS_KEY: s->tls_key = value; break;
    case KEY_INSECURE: s->insecure = settings_truth(state, what, value); break;
    case KEY_LOG_LEVEL: settings_log_level(state, what, value); break;
    default: assert(!"a setting without a place");
    }
}

static void check(struct argp_state *state, const struct server_options *s)
{
    if (!strrchr(s->listen, ':'))
        argp_error(state, "the address '%s' (--listen, BOLE_LISTEN) has no port; write 127.0.0.1:3100", s->listen);
    if (!s->tls_cert != !s->tls_key)
        argp_error(state, "--tls-cert and --tls-key go together");
    if (!s->door_tls_cert != !s->door_tls_key)
        argp_error(state, "--door-tls-cert and --door-tls-key go together");
    bool has_tls = s->doors[DOOR_SYSLOG_TLS] || s->doors[DOOR_FORWARD_TLS] || s->doors[DOOR_RELP_TLS];
    if (has_tls && !s->tls_cert && !s->door_tls_cert)
        argp_error(state, "%s needs --door-tls-cert and --door-tls-key",
                   s->doors[DOOR_SYSLOG_TLS]    ? "--listen-syslog-tls"
                   : s->doors[DOOR_FORWARD_TLS] ? "--listen-forward-tls"
                                                : "--listen-relp-tls");
}

/* A first round over the flags that looks for the file alone: what it says must not overrule other flags. */
static error_t find_config(int key, char *arg, struct argp_state *state)
{
    struct serve_options *o = state->input;
    if (key == ARGP_KEY_INIT)
        state->name = (char *)"bole serve";
    if (key == 'c')
        o->config_path = arg;
    return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct serve_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->name = (char *)"bole serve"; /* argp itself sets it after this call only */
        settings_apply(&o->settings, o->config_path, settings_table, sizeof settings_table / sizeof *settings_table, state,
                       set);
        return 0;
    case 'c': return 0;
    case ARGP_KEY_ARG: argp_error(state, "no argument is expected, but there is '%s'", arg); return EINVAL;
    case ARGP_KEY_END: check(state, &o->server); return 0;
    }
    return settings_set_flag(options_table, key, arg, state, set);
}

static const struct argp config_argp = {.options = options_table, .parser = find_config};
static const struct argp argp = {
    options_table, parse_option, NULL,
    "Collects, stores and searches logs; the UI and Loki's API are on the same port.\v"
    "Examples:\n"
    "  bole serve --tail-system                         this machine's own logs\n"
    "  bole serve --data /var/lib/bole --tail '/srv/*/log/*.log'\n"
    "  bole serve --config /etc/bole/bole.yml\n"
    "  curl -s localhost:3100/insert/jsonline -d '{\"_msg\":\"hello\"}'\n",
    NULL, NULL, NULL};

int cmd_serve(int argc, char **argv)
{
    struct serve_options o = {.server = {.data_dir = "data", .listen = "127.0.0.1:3100",
                                         .disk_reserve_bytes = INGEST_RESERVE_DEFAULT,
                                         .dead_letters_size = DEAD_LETTERS_SIZE_DEFAULT,
                                         .delete_delay_ns = 24 * 3600 * (int64_t)NS_PER_S}};
    o.server.host_names = o.names;
    o.server.tail_globs = o.globs;
    o.server.limits = o.limits;
    o.server.retention = &o.retention;
    o.config_path = getenv("BOLE_CONFIG");
    cmd_parse(&config_argp, argc, argv, &o);
    cmd_parse(&argp, argc, argv, &o);
    memory_set_up();
    sigset_t signals;
    cmd_become_service(&signals);
    struct server *server;
    struct bole_err err;
    if (server_create(&o.server, &server, &err) < 0)
        return cmd_fail(&err);
    printf("Bole is ready: %s\n", server_url(server));
    fflush(stdout);
    int number;
    while (sigwait(&signals, &number) == 0 && number == SIGHUP)
        server_reload(server);
    LOG(INFO, "stopping: requests in flight are finished first, another signal ends at once", " signal=%d", number);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    uint64_t begin_ns = clock_mono_ns(&clock_system);
    server_destroy(server);
    retention_deinit(&o.retention);
    settings_deinit(&o.settings);
    LOG(INFO, "stopped", " took_ms=%llu", (unsigned long long)((clock_mono_ns(&clock_system) - begin_ns) / NS_PER_MS));
    return EXIT_OK;
}
