/*
 * load - sends real log lines over HTTP as fast as the server acknowledges them, and says what that cost.
 *
 * One thread, one epoll, N connections with one request in flight each. The bodies are made before the clock starts, so
 * that the generator's own share of the machine is small. CPU seconds of the server are read from /proc.
 *
 *   load --url 127.0.0.1:3100 --mode loki --connections 8 --lines 1000 --seconds 10 --pid 1234 bench/samples/sshd.log.zst
 *   load --url 127.0.0.1:3100 --once --span 3600 --metadata --pid 1234 FILE    every line once, over the last hour
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "client/push.h"

enum {
    BODIES_SIZE_TARGET = 64 << 20,
    BODIES_MAX = 20000,
    RETRY_AFTER_US = 2000,
    RETRIES_MAX = 100000,
    ANSWER_MAX = 256 << 10,
    LATENCIES_MAX = 4 << 20
};

enum mode { MODE_LOKI, MODE_JSONLINE, MODE_BULK, MODE_OTLP, MODE_SPLUNK, MODE_DATADOG, MODE_GELF, MODE_RAW, MODES };
static const char *const mode_names[] = {"loki", "jsonline", "bulk", "otlp", "splunk", "datadog", "gelf", "raw"};

struct options {
    const char *url;
    enum mode mode;
    unsigned connections, lines, streams;
    double seconds;
    bool once;           /* every line of the files once, however long it takes */
    double span_s;       /* their stamps end now and began so long ago; 0: 100 us apart, from now on */
    bool metadata;       /* a level and a trace id with each line */
    long pid;
    const char *path;    /* of the request, when not the mode's own */
    const char *files[16];
    size_t file_count;
};

struct request {
    bole_slice bytes; /* head and body */
    uint32_t lines;
    uint64_t line_bytes;
};

struct connection {
    int fd;
    const struct request *request;
    size_t sent;
    size_t answered; /* bytes in answer */
    uint64_t begin_ns;
    char answer[ANSWER_MAX];
};

struct result {
    uint64_t requests, lines, line_bytes, errors, retries, reconnects;
    float *latency_ms;
    size_t latency_count;
    char first_error[200];
};

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- lines ---- */

static void read_file(const char *path, struct buf *out)
{
    struct buf raw;
    buf_init(&raw, NULL);
    FILE *f = fopen(path, "rb");
    if (!f)
        die(path);
    size_t n;
    do {
        buf_reserve(&raw, 1 << 20);
        n = fread(raw.ptr + raw.len, 1, 1 << 20, f);
        raw.len += n;
    } while (n);
    fclose(f);
    unsigned long long size = ZSTD_getFrameContentSize(raw.ptr, raw.len);
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
        if (raw.len >= 4 && raw.ptr[0] == 0x28 && raw.ptr[1] == 0xb5) { /* a stream without its size: a generous guess */
            buf_reserve(out, raw.len * 60);
            size_t got = ZSTD_decompress(out->ptr + out->len, out->cap - out->len, raw.ptr, raw.len);
            if (ZSTD_isError(got))
                die("decompressing");
            out->len += got;
        } else {
            buf_put(out, buf_slice(&raw));
        }
    } else {
        buf_reserve(out, size);
        out->len += ZSTD_decompress(out->ptr + out->len, size, raw.ptr, raw.len);
    }
    if (out->len && out->ptr[out->len - 1] != '\n')
        buf_put_u8(out, '\n');
    buf_deinit(&raw);
}

/* ---- requests ---- */

struct generator {
    const struct options *options;
    bole_slice text, rest;   /* all lines; what is left of this pass over them */
    uint64_t line_number;
    int64_t time_ns, step_ns;
    struct bole_push *push;
    struct buf body;
};

/* False at the end of the one pass. Empty lines are left out. */
static bool next_line(struct generator *g, bole_slice *ret_line)
{
    do {
        if (!g->rest.len && g->options->once)
            return false;
        if (!g->rest.len)
            g->rest = g->text;
        *ret_line = bole_slice_cut(g->rest, '\n', &g->rest);
    } while (!ret_line->len);
    return true;
}

static uint64_t random_of(uint64_t number)
{
    return hash64(bole_slice_from(&number, sizeof number));
}

/* What agents add: a level, and an id that some lines in a row share. */
struct metadata {
    char trace_id[33];
    struct bole_field fields[2];
};

static size_t make_metadata(const struct generator *g, struct metadata *m)
{
    static const char *const levels[] = {"info", "info", "info", "info", "info", "info", "warn", "error"};
    if (!g->options->metadata)
        return 0;
    uint64_t trace = g->line_number / 8;
    snprintf(m->trace_id, sizeof m->trace_id, "%016llx%016llx", (unsigned long long)random_of(trace),
             (unsigned long long)random_of(~trace));
    m->fields[0] = (struct bole_field){S("level"), bole_slice_str(levels[random_of(g->line_number) % 8])};
    m->fields[1] = (struct bole_field){S("trace_id"), bole_slice_str(m->trace_id)};
    return 2;
}

static const char *content_type(enum mode mode)
{
    return mode == MODE_LOKI ? PUSH_TYPE : mode == MODE_OTLP ? "application/x-protobuf" : "application/x-ndjson";
}

static const char *default_path(enum mode mode)
{
    switch (mode) {
    case MODE_LOKI: return PUSH_PATH;
    case MODE_JSONLINE:
    case MODE_RAW: return "/insert/jsonline?_stream_fields=service,host&_time_field=_time&_msg_field=_msg";
    case MODE_BULK: return "/elasticsearch/_bulk";
    case MODE_OTLP: return "/v1/logs";
    case MODE_SPLUNK: return "/services/collector";
    case MODE_DATADOG: return "/api/v2/logs";
    case MODE_GELF: return "/gelf";
    case MODES: break;
    }
    return "";
}

/* How each protocol in JSON calls what all of them say. */
static const struct {
    const char *before, *time, *service, *prefix, *line, *after;
} names[MODES] = {
    [MODE_JSONLINE] = {"", "_time", "service", "", "_msg", "\n"},
    [MODE_BULK] = {"{\"create\":{}}\n", "@timestamp", "service", "", "message", "\n"},
    [MODE_SPLUNK] = {"", "time", "source", "", "event", ""},
    [MODE_DATADOG] = {"", "timestamp", "service", "", "message", "\n"},
    [MODE_GELF] = {"", "timestamp", "_service", "_", "short_message", "\n"},
};

static void put_json_line(struct generator *g, bole_slice line, uint64_t stream, const struct metadata *m, size_t fields)
{
    enum mode mode = g->options->mode;
    buf_printf(&g->body, "%s{\"%s\":\"%lld\",\"%s\":\"bench\",\"host\":\"host-%llu\",", names[mode].before, names[mode].time,
               (long long)g->time_ns, names[mode].service, (unsigned long long)stream);
    for (size_t i = 0; i < fields; i++)
        buf_printf(&g->body, "\"%s%.*s\":\"%.*s\",", names[mode].prefix, BOLE_SLICE_ARG(m->fields[i].name),
                   BOLE_SLICE_ARG(m->fields[i].value));
    buf_printf(&g->body, "\"%s\":", names[mode].line);
    buf_put_json(&g->body, line, false);
    buf_printf(&g->body, "}%s", names[mode].after);
}

/* ---- OTLP: receive/otlp_proto.c has the messages ---- */

static void put_message(struct buf *out, unsigned field, bole_slice message)
{
    buf_put_varint(out, (uint64_t)field << 3 | 2);
    buf_put_varint(out, message.len);
    buf_put(out, message);
}

static void put_attribute(struct buf *out, unsigned field, bole_slice key, bole_slice value)
{
    struct buf pair, any;
    buf_init(&pair, NULL);
    buf_init(&any, NULL);
    put_message(&any, 1, value);
    put_message(&pair, 1, key);
    put_message(&pair, 2, buf_slice(&any));
    put_message(out, field, buf_slice(&pair));
    buf_deinit(&pair);
    buf_deinit(&any);
}

static void put_log_record(struct generator *g, bole_slice line, uint64_t stream, const struct metadata *m, size_t fields)
{
    struct buf record, body;
    char host[32];
    buf_init(&record, NULL);
    buf_init(&body, NULL);
    buf_put_u8(&record, 1 << 3 | 1);
    buf_put_u64(&record, (uint64_t)g->time_ns);
    put_message(&body, 1, line);
    put_message(&record, 5, buf_slice(&body));
    int len = snprintf(host, sizeof host, "host-%llu", (unsigned long long)stream);
    put_attribute(&record, 6, S("host"), bole_slice_from(host, (size_t)len));
    for (size_t i = 0; i < fields; i++)
        put_attribute(&record, 6, m->fields[i].name, m->fields[i].value);
    put_message(&g->body, 2, buf_slice(&record));
    buf_deinit(&record);
    buf_deinit(&body);
}

/* The records of a request become one of a single resource. */
static void wrap_log_records(struct generator *g)
{
    struct buf resource, logs;
    buf_init(&resource, NULL);
    buf_init(&logs, NULL);
    put_attribute(&resource, 1, S("service.name"), S("bench"));
    put_message(&logs, 1, buf_slice(&resource));
    put_message(&logs, 2, buf_slice(&g->body));
    buf_reset(&g->body);
    put_message(&g->body, 1, buf_slice(&logs));
    buf_deinit(&resource);
    buf_deinit(&logs);
}

static void put_line(struct generator *g, bole_slice line)
{
    struct bole_err err;
    struct metadata m;
    char labels[64];
    size_t fields = make_metadata(g, &m);
    /* Stamps as agents take them, in microseconds; hosts come in no order. */
    uint64_t random = random_of(g->line_number++), stream = (random >> 32) % g->options->streams;
    int64_t base_ns = g->time_ns;
    if (g->options->span_s > 0)
        g->time_ns += (int64_t)(random % (uint64_t)(g->step_ns + 1)) / NS_PER_US * NS_PER_US;
    switch (g->options->mode) {
    case MODE_LOKI:
        snprintf(labels, sizeof labels, "{service=\"bench\", host=\"host-%llu\"}", (unsigned long long)stream);
        if (bole_push_add(g->push, bole_slice_str(labels), g->time_ns, line, m.fields, fields, &err) < 0)
            die(err.msg);
        break;
    case MODE_OTLP: put_log_record(g, line, stream, &m, fields); break;
    case MODE_BULK:
    case MODE_SPLUNK:
    case MODE_DATADOG:
    case MODE_GELF:
    case MODE_JSONLINE: put_json_line(g, line, stream, &m, fields); break;
    case MODE_RAW:
        buf_put(&g->body, line);
        buf_put_u8(&g->body, '\n');
        break;
    case MODES: break;
    }
    g->time_ns = base_ns + g->step_ns;
}

/* Empty when there are no more lines. */
static bole_slice make_body(struct generator *g, struct request *r)
{
    struct bole_err err;
    bole_slice body = {0}, line;
    buf_reset(&g->body);
    bole_push_clear(g->push);
    while (r->lines < g->options->lines && next_line(g, &line)) {
        r->lines++;
        r->line_bytes += line.len;
        put_line(g, line);
    }
    if (g->options->mode == MODE_OTLP && r->lines)
        wrap_log_records(g);
    if (g->options->mode != MODE_LOKI || !r->lines)
        return buf_slice(&g->body);
    if (push_encode(g->push, &body, &err) < 0)
        die(err.msg);
    return body;
}

static uint64_t count_lines(bole_slice text)
{
    uint64_t count = 0;
    for (bole_slice rest = text; rest.len;)
        count += bole_slice_cut(rest, '\n', &rest).len > 0;
    return count;
}

static void put_request(const struct options *o, bole_slice body, struct request *r)
{
    struct buf bytes;
    buf_init(&bytes, NULL);
    buf_printf(&bytes, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
               o->path ? o->path : default_path(o->mode), o->url, content_type(o->mode), body.len);
    buf_put(&bytes, body);
    r->bytes = buf_slice(&bytes); /* lives until the program ends */
}

static struct request *make_requests(const struct options *o, size_t *ret_count)
{
    struct buf text;
    buf_init(&text, NULL);
    for (size_t i = 0; i < o->file_count; i++)
        read_file(o->files[i], &text);
    struct bole_err err;
    struct generator g = {.options = o, .text = buf_slice(&text), .time_ns = clock_now_ns(&clock_system), .step_ns = 100000};
    uint64_t lines = count_lines(g.text);
    if (!lines)
        die("no lines");
    if (o->span_s > 0) {
        g.step_ns = (int64_t)(o->span_s * 1e6 / (double)lines) * NS_PER_US;
        g.time_ns = (g.time_ns - (int64_t)(o->span_s * 1e9)) / NS_PER_US * NS_PER_US;
    }
    if (o->once)
        g.rest = g.text;
    if (bole_push_create(NULL, &g.push, &err) < 0)
        die(err.msg);
    size_t count = 0, total = 0, max = o->once ? (size_t)(lines / o->lines + 1) : BODIES_MAX;
    struct request *requests = calloc(max, sizeof *requests);
    while (count < max && (o->once || total < BODIES_SIZE_TARGET)) {
        struct request *r = &requests[count];
        bole_slice body = make_body(&g, r);
        if (!r->lines)
            break;
        put_request(o, body, r);
        total += r->bytes.len;
        count++;
    }
    *ret_count = count;
    bole_push_destroy(g.push);
    buf_deinit(&g.body);
    buf_deinit(&text);
    return requests;
}

/* ---- connections ---- */

static int dial(const char *url)
{
    char host[256];
    snprintf(host, sizeof host, "%s", strstr(url, "://") ? strstr(url, "://") + 3 : url);
    char *port = strrchr(host, ':');
    if (!port)
        die("--url needs host:port");
    *port++ = 0;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(host, port, &hints, &found))
        die("resolving the address");
    int fd = socket(found->ai_family, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen))
        die("connecting");
    freeaddrinfo(found);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void arm(int epoll, struct connection *c, bool more_to_send, int op)
{
    struct epoll_event e = {.events = EPOLLIN | (more_to_send ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(epoll, op, c->fd, &e);
}

/* The server closes with some refusals, or before a body has come that it will not take: that is no end of the run. */
static void reconnect(const struct options *o, int epoll, struct connection *c, struct result *r)
{
    close(c->fd);
    if (++r->reconnects > RETRIES_MAX)
        die("the server keeps closing connections");
    c->fd = dial(o->url);
    c->sent = c->answered = 0;
    arm(epoll, c, true, EPOLL_CTL_ADD);
}

/* True when the whole request is on its way, or will never be: then the answer, or the end, is there to be read. */
static bool send_some(struct connection *c)
{
    while (c->sent < c->request->bytes.len) {
        ssize_t n = send(c->fd, c->request->bytes.ptr + c->sent, c->request->bytes.len - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return true;
        if (n < 0)
            die("sending");
        c->sent += (size_t)n;
    }
    return true;
}

static bool closes_after(const struct connection *c)
{
    return memmem(c->answer, c->answered, "onnection: close\r\n", 18) != NULL;
}

/* Status of a complete answer, 0 while it is not complete. Answers here are short and have a length. */
static int answer_status(const struct connection *c)
{
    const char *end = memmem(c->answer, c->answered, "\r\n\r\n", 4);
    if (!end)
        return 0;
    const char *length = memmem(c->answer, c->answered, "ontent-Length: ", 15);
    if (!length)
        length = memmem(c->answer, c->answered, "ontent-length: ", 15);
    size_t body = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
    return c->answered >= (size_t)(end - c->answer) + 4 + body ? atoi(c->answer + 9) : 0;
}

static void finish(struct connection *c, int status, struct result *r)
{
    r->requests++;
    if (status / 100 == 2) {
        r->lines += c->request->lines;
        r->line_bytes += c->request->line_bytes;
        if (r->latency_count < LATENCIES_MAX)
            r->latency_ms[r->latency_count++] = (float)(clock_mono_ns(&clock_system) - c->begin_ns) / 1e6f;
    } else if (status == 429 || status == 503) {
        r->retries++;
    } else if (r->errors++ == 0) {
        snprintf(r->first_error, sizeof r->first_error, "%.*s", (int)(c->answered < 199 ? c->answered : 199), c->answer);
    }
}

static void run(const struct options *o, const struct request *requests, size_t request_count, struct result *r)
{
    int epoll = epoll_create1(0);
    struct connection *connections = calloc(o->connections, sizeof *connections);
    size_t next = 0;
    uint64_t deadline = clock_mono_ns(&clock_system) + (uint64_t)(o->seconds * 1e9);
    unsigned open = o->connections;
    if (o->once && open > request_count)
        open = (unsigned)request_count;
    for (unsigned i = 0, n = open; i < n; i++) {
        struct connection *c = &connections[i];
        c->fd = dial(o->url);
        c->request = &requests[next++ % request_count];
        c->begin_ns = clock_mono_ns(&clock_system);
        arm(epoll, c, !send_some(c), EPOLL_CTL_ADD);
    }
    while (open) {
        struct epoll_event events[256];
        int n = epoll_wait(epoll, events, 256, 1000);
        uint64_t now = clock_mono_ns(&clock_system);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT && send_some(c))
                arm(epoll, c, false, EPOLL_CTL_MOD);
            if (!(events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
                continue;
            ssize_t got = recv(c->fd, c->answer + c->answered, sizeof c->answer - c->answered, 0);
            if (got < 0 && errno == EAGAIN)
                continue;
            if (got <= 0) {
                reconnect(o, epoll, c, r); /* the same again */
                continue;
            }
            c->answered += (size_t)got;
            int status = answer_status(c);
            if (!status)
                continue;
            finish(c, status, r);
            bool refused = status == 429 || status == 503;
            if (o->once ? !refused && next >= request_count : now >= deadline) {
                close(c->fd);
                open--;
                continue;
            }
            if (refused && r->retries > RETRIES_MAX)
                die("the server takes no more");
            if (refused)
                usleep(RETRY_AFTER_US); /* the same again: nothing is left out */
            else
                c->request = &requests[next++ % request_count];
            c->begin_ns = now;
            if (closes_after(c)) {
                reconnect(o, epoll, c, r);
                continue;
            }
            c->sent = c->answered = 0;
            if (!send_some(c))
                arm(epoll, c, true, EPOLL_CTL_MOD);
        }
    }
    free(connections);
    close(epoll);
}

/* ---- figures ---- */

struct process_figures {
    double cpu_s;
    uint64_t rss_kb, peak_kb;
};

static struct process_figures process_figures(long pid)
{
    struct process_figures p = {0};
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        die("reading the server's /proc");
    unsigned long user, system;
    if (!fgets(line, sizeof line, f) ||
        sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        die("reading the server's stat");
    fclose(f);
    p.cpu_s = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    snprintf(path, sizeof path, "/proc/%ld/status", pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        sscanf(line, "VmRSS: %lu", &p.rss_kb);
        sscanf(line, "VmHWM: %lu", &p.peak_kb);
    }
    if (f)
        fclose(f);
    return p;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double percentile(const struct result *r, double p)
{
    return r->latency_count ? (double)r->latency_ms[(size_t)((double)(r->latency_count - 1) * p)] : 0;
}

static const struct argp_option options_table[] = {
    {"url", 'u', "HOST:PORT", 0, "The server (default 127.0.0.1:3100)", 0},
    {"mode", 'm', "MODE", 0,
     "loki, otlp (protobuf), jsonline, bulk, splunk, datadog, gelf, or raw: the lines are JSON records already (default loki)",
     0},
    {"once", 'o', 0, 0, "Send every line of the files once, instead of going round for --seconds", 0},
    {"span", 'S', "S", 0, "Spread the stamps over the last S seconds (default: 100 us apart, from now on)", 0},
    {"metadata", 'M', 0, 0, "Add a level and a trace id to each line", 0},
    {"path", 'p', "PATH", 0, "Request path, when the mode's own does not fit the peer", 0},
    {"connections", 'c', "N", 0, "Connections, one request in flight each (default 8)", 0},
    {"lines", 'l', "N", 0, "Lines per request (default 1000)", 0},
    {"streams", 's', "N", 0, "Streams (default 4)", 0},
    {"seconds", 'd', "S", 0, "How long (default 10)", 0},
    {"pid", 'P', "PID", 0, "The server's process, for its CPU and memory", 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    switch (key) {
    case 'u': o->url = arg; return 0;
    case 'p': o->path = arg; return 0;
    case 'c': o->connections = (unsigned)atoi(arg); return 0;
    case 'l': o->lines = (unsigned)atoi(arg); return 0;
    case 's': o->streams = (unsigned)atoi(arg); return 0;
    case 'o': o->once = true; return 0;
    case 'S': o->span_s = atof(arg); return 0;
    case 'M': o->metadata = true; return 0;
    case 'd': o->seconds = atof(arg); return 0;
    case 'P': o->pid = atol(arg); return 0;
    case 'm':
        for (int i = 0; i < MODES; i++)
            if (!strcmp(arg, mode_names[i])) {
                o->mode = (enum mode)i;
                return 0;
            }
        argp_error(state, "unknown mode '%s'", arg);
        return EINVAL;
    case ARGP_KEY_ARG:
        if (o->file_count == 16)
            argp_error(state, "at most 16 files");
        o->files[o->file_count++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (!o->file_count || !o->connections || !o->lines || !o->streams)
            argp_error(state, "a file with log lines is needed, and counts above zero");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp argp = {options_table, parse_option, "FILE...", "Sends log lines and says what that cost.",
                                     NULL,          NULL,         NULL};
    struct options o = {.url = "127.0.0.1:3100", .connections = 8, .lines = 1000, .streams = 4, .seconds = 10};
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    size_t request_count;
    struct request *requests = make_requests(&o, &request_count);
    struct result r = {.latency_ms = malloc(LATENCIES_MAX * sizeof(float))};
    struct process_figures before = {0}, after = {0};
    struct rusage own_before, own_after;
    if (o.pid)
        before = process_figures(o.pid);
    getrusage(RUSAGE_SELF, &own_before);
    uint64_t begin = clock_mono_ns(&clock_system);
    run(&o, requests, request_count, &r);
    double wall = (double)(clock_mono_ns(&clock_system) - begin) / 1e9;
    getrusage(RUSAGE_SELF, &own_after);
    if (o.pid)
        after = process_figures(o.pid);
    qsort(r.latency_ms, r.latency_count, sizeof(float), by_value);
    double own = (double)(own_after.ru_utime.tv_sec - own_before.ru_utime.tv_sec + own_after.ru_stime.tv_sec -
                          own_before.ru_stime.tv_sec) +
                 (double)(own_after.ru_utime.tv_usec - own_before.ru_utime.tv_usec + own_after.ru_stime.tv_usec -
                          own_before.ru_stime.tv_usec) /
                     1e6;
    printf("mode=%s connections=%u lines_per_request=%u wall_s=%.2f requests=%llu errors=%llu retries=%llu reconnects=%llu "
           "lines=%llu "
           "bytes=%llu\n",
           mode_names[o.mode], o.connections, o.lines, wall, (unsigned long long)r.requests, (unsigned long long)r.errors,
           (unsigned long long)r.retries, (unsigned long long)r.reconnects, (unsigned long long)r.lines,
           (unsigned long long)r.line_bytes);
    printf("lines/s=%.0f MB/s=%.1f requests/s=%.0f ack_ms_p50=%.2f p99=%.2f max=%.2f generator_cpu_s=%.2f\n",
           (double)r.lines / wall, (double)r.line_bytes / wall / 1e6, (double)r.requests / wall, percentile(&r, 0.5),
           percentile(&r, 0.99), percentile(&r, 1), own);
    if (o.pid && r.lines) {
        double cpu = after.cpu_s - before.cpu_s;
        printf("server_cpu_s=%.2f us_per_request=%.2f us_per_line=%.3f cpu_s_per_GB=%.2f rss_mb=%.1f peak_mb=%.1f\n", cpu,
               cpu * 1e6 / (double)r.requests, cpu * 1e6 / (double)r.lines, cpu / ((double)r.line_bytes / 1e9),
               (double)after.rss_kb / 1024, (double)after.peak_kb / 1024);
    }
    if (r.errors)
        printf("first error: %s\n", r.first_error);
    free(r.latency_ms);
    free(requests);
    return r.errors || !r.lines;
}
