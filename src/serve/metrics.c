/*
 * metrics.c - see metrics.h.
 *
 * Every figure is one call of `figure` or `seconds` inside its family's function; what is done with it (a line of text, a
 * member of a JSON object) is the writer's matter, so that the two forms cannot drift apart.
 */
#include "serve/metrics.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/fs.h"
#include "serve/loki_json.h"

struct writer {
    struct buf *out;
    bool        json;
    bool        first;  /* of the family: JSON commas */
    const char *family; /* "ingest" */
};

enum kind { COUNTER, GAUGE };

static void put_name(struct writer *w, const char *name, const char *help, enum kind kind)
{
    if (w->json) {
        buf_printf(w->out, "%s\"%s\":", w->first ? "" : ",", name);
        w->first = false;
        return;
    }
    const char *prefix = strcmp(w->family, "process") == 0 ? "" : "bole_";
    buf_printf(w->out, "# HELP %s%s_%s %s\n# TYPE %s%s_%s %s\n%s%s_%s ", prefix, w->family, name, help, prefix, w->family,
               name, kind == COUNTER ? "counter" : "gauge", prefix, w->family, name);
}

static void put_end(struct writer *w)
{
    if (!w->json)
        buf_put_u8(w->out, '\n');
}

static void figure(struct writer *w, const char *name, enum kind kind, uint64_t value, const char *help)
{
    put_name(w, name, help, kind);
    buf_put_uint(w->out, value);
    put_end(w);
}

static void seconds(struct writer *w, const char *name, enum kind kind, double value, const char *help)
{
    put_name(w, name, help, kind);
    loki_put_number(w->out, value);
    put_end(w);
}

static void open_family(struct writer *w, const char *family)
{
    w->family = family;
    if (w->json)
        buf_printf(w->out, ",\"%s\":{", family);
    w->first = true;
}

static void close_family(struct writer *w)
{
    if (w->json)
        buf_put_u8(w->out, '}');
}

static void write_ingest(struct writer *w, struct ingest *ingest)
{
    struct ingest_stats s;
    ingest_get_stats(ingest, &s);
    open_family(w, "ingest");
    figure(w, "rows_total", COUNTER, s.rows_total, "Records acknowledged.");
    figure(w, "bytes_total", COUNTER, s.bytes_total, "Bytes of records acknowledged.");
    figure(w, "groups_total", COUNTER, s.groups_total, "Commit groups: one sync each.");
    figure(w, "requests_total", COUNTER, s.requests_total, "Requests that brought records.");
    figure(w, "refused_full_total", COUNTER, s.refused_full_total, "Requests refused because the disk has no room.");
    figure(w, "no_room", GAUGE, s.no_room, "1 while requests are refused because the disk has no room.");
    figure(w, "refused_limit_total", COUNTER, s.refused_limit_total, "Requests refused because memory has no room.");
    figure(w, "lane_resent_total", COUNTER, s.lane_resent_total, "Batches of lanes that were sent again and are stored once.");
    figure(w, "lane_gaps_total", COUNTER, s.lane_gaps_total, "Batches of lanes refused because one before them is missing.");
    figure(w, "bad_batches_total", COUNTER, s.bad_batches_total, "Batches of the queue that do not decode.");
    seconds(w, "commit_seconds_total", COUNTER, (double)s.commit_ns_total / 1e9, "Time spent in group commits.");
    close_family(w);
}

static void write_queue(struct writer *w, struct queue *queue)
{
    struct queue_stats s;
    queue_stats(queue, &s);
    open_family(w, "queue");
    figure(w, "appended_lsn", GAUGE, s.appended_lsn, "Last durable group.");
    figure(w, "released_lsn", GAUGE, s.released_lsn, "Last group the store has taken over.");
    figure(w, "disk_bytes", GAUGE, s.bytes_on_disk, "Size of the queue on the disk.");
    figure(w, "groups_total", COUNTER, s.groups_total, "Groups appended.");
    figure(w, "bytes_total", COUNTER, s.bytes_total, "Bytes appended.");
    figure(w, "syncs_total", COUNTER, s.syncs_total, "Syncs.");
    seconds(w, "sync_seconds_total", COUNTER, (double)s.sync_ns_total / 1e9, "Time spent in syncs.");
    figure(w, "torn_tail_bytes", GAUGE, s.torn_tail_bytes, "Bytes of a torn write cut off at the start.");
    figure(w, "corrupt_frames", GAUGE, s.corrupt_frames, "Acknowledged groups that are damaged or gone, at least.");
    close_family(w);
}

static void write_store(struct writer *w, struct store *store)
{
    struct store_stats s;
    store_stats(store, &s);
    open_family(w, "store");
    figure(w, "position_lsn", GAUGE, s.position_lsn, "Last group that is durable in the store itself.");
    figure(w, "head_rows", GAUGE, s.head_rows, "Records in the head.");
    figure(w, "head_bytes", GAUGE, s.head_bytes, "Memory of the head.");
    figure(w, "head_streams", GAUGE, s.head_streams, "Streams in the head.");
    figure(w, "segments", GAUGE, s.segment_count, "Segments.");
    figure(w, "segment_rows", GAUGE, s.segment_rows, "Records in segments.");
    figure(w, "segment_bytes", GAUGE, s.segment_bytes, "Size of the segments on the disk.");
    figure(w, "raw_bytes", GAUGE, s.raw_bytes, "Bytes of the lines in segments before compression.");
    figure(w, "cuts_total", COUNTER, s.cuts_total, "Times the head was cut into segments.");
    figure(w, "bad_chunks_total", COUNTER, s.bad_chunks, "Chunks whose checksum failed.");
    figure(w, "merges_total", COUNTER, s.merges.merges, "Merges of segments.");
    figure(w, "merge_failures_total", COUNTER, s.merges.failures, "Merges that failed and are tried again.");
    figure(w, "merge_read_bytes_total", COUNTER, s.merges.bytes_read, "Size of the segments that were merged.");
    figure(w, "merge_written_bytes_total", COUNTER, s.merges.bytes_written, "Size of the segments that merges made.");
    figure(w, "merge_copied_groups_total", COUNTER, s.merges.groups_copied, "Row groups that merges copied as they were.");
    figure(w, "merge_encoded_groups_total", COUNTER, s.merges.groups_encoded, "Row groups that merges encoded anew.");
    figure(w, "retention_segments_total", COUNTER, s.retention.segments, "Segments dropped because they were kept long enough.");
    figure(w, "retention_rows_total", COUNTER, s.retention.rows, "Records removed because they were kept long enough.");
    figure(w, "retention_bytes_total", COUNTER, s.retention.bytes, "Size of the segments that retention dropped.");
    close_family(w);
}

static void write_responses(struct writer *w, const struct http_stats *s)
{
    if (w->json) {
        for (unsigned class = 1; class < 6; class++)
            buf_printf(w->out, ",\"responses_%uxx_total\":%llu", class, (unsigned long long)s->by_class[class]);
        return;
    }
    buf_put_str(w->out,
                "# HELP bole_http_responses_total Answers by class of status.\n# TYPE bole_http_responses_total counter\n");
    for (unsigned class = 1; class < 6; class++)
        buf_printf(w->out, "bole_http_responses_total{code=\"%uxx\"} %llu\n", class, (unsigned long long)s->by_class[class]);
}

static void write_http(struct writer *w, struct http_server *server)
{
    struct http_stats s;
    http_server_stats(server, &s);
    open_family(w, "http");
    figure(w, "connections", GAUGE, s.connections_open, "Connections open now.");
    figure(w, "connections_total", COUNTER, s.connections_total, "Connections accepted.");
    figure(w, "requests_total", COUNTER, s.requests_total, "Requests read.");
    figure(w, "received_bytes_total", COUNTER, s.bytes_in_total, "Bytes read from clients.");
    figure(w, "sent_bytes_total", COUNTER, s.bytes_out_total, "Bytes written to clients.");
    figure(w, "refused_total", COUNTER, s.refused_total, "Requests refused before any handler saw them.");
    write_responses(w, &s);
    close_family(w);
}

const char *metrics_door_name(enum metrics_door door)
{
    static const char *const names[METRICS_DOOR_COUNT] = {
        [DOOR_HTTP_LOKI] = "loki",
        [DOOR_HTTP_JSON_LINES] = "jsonline",
        [DOOR_HTTP_ELASTIC] = "elasticsearch",
        [DOOR_HTTP_OTLP] = "otlp",
        [DOOR_HTTP_GELF] = "gelf",
        [DOOR_HTTP_DATADOG] = "datadog",
        [DOOR_HTTP_SPLUNK] = "splunk",
        [DOOR_HTTP_JOURNAL] = "journald",
        [DOOR_GRPC_OTLP] = "otlp_grpc",
        [DOOR_GRPC_PUSH] = "bole_grpc",
        [DOOR_HTTP_PUSH] = "push",
        [DOOR_HTTP_FIREHOSE] = "firehose",
        [DOOR_HTTP_CLOUDWATCH] = "cloudwatch",
    };
    return names[door];
}

static const struct {
    const char *name, *help;
    size_t      at; /* in struct metrics_door_counters */
} door_figures[] = {
    {"requests_total", "Requests that brought records, by door.", offsetof(struct metrics_door_counters, requests_total)},
    {"records_total", "Records made durable, by door.", offsetof(struct metrics_door_counters, records_total)},
    {"bytes_total", "Bytes of the lines and fields of these records, by door.",
     offsetof(struct metrics_door_counters, bytes_total)},
};

static void write_doors(struct writer *w, struct metrics_counters *c)
{
    for (size_t f = 0; f < sizeof door_figures / sizeof *door_figures; f++) {
        const char *name = door_figures[f].name;
        if (!w->json)
            buf_printf(w->out, "# HELP bole_receive_%s %s\n# TYPE bole_receive_%s counter\n", name, door_figures[f].help, name);
        for (unsigned i = 0; i < METRICS_DOOR_COUNT; i++) {
            atomic_uint_fast64_t *value = (atomic_uint_fast64_t *)((char *)&c->doors[i] + door_figures[f].at);
            if (w->json)
                buf_printf(w->out, ",\"%s_%s\":", metrics_door_name(i), name);
            else
                buf_printf(w->out, "bole_receive_%s{door=\"%s\"} ", name, metrics_door_name(i));
            buf_put_uint(w->out, *value);
            buf_put_str(w->out, w->json ? "" : "\n");
        }
    }
}

static void write_receive(struct writer *w, struct metrics_counters *c, struct sources *senders)
{
    open_family(w, "receive");
    if (senders)
        figure(w, "sources", GAUGE, sources_number(senders), "Clients that ever sent, see /api/v1/sources.");
    figure(w, "utf8_replaced_total", COUNTER, c->utf8_replaced_total, "Records in which invalid UTF-8 was replaced.");
    if (!w->json)
        buf_put_str(
            w->out,
            "# HELP bole_receive_rejected_total Records refused, by reason.\n# TYPE bole_receive_rejected_total counter\n");
    for (unsigned i = 0; i < RECEIVE_REASON_COUNT; i++)
        buf_printf(w->out, w->json ? ",\"rejected_%s_total\":%llu" : "bole_receive_rejected_total{reason=\"%s\"} %llu\n",
                   receive_reason_name(i), (unsigned long long)c->rejected_total[i]);
    write_doors(w, c);
    close_family(w);
}

static void write_limits(struct writer *w, struct limits *limits)
{
    open_family(w, "limits");
    if (!w->json)
        buf_put_str(w->out, "# HELP bole_limits_refused_total Requests (bytes, records, body, ratio) and records (record, "
                            "fields) over a tenant's limit.\n"
                            "# TYPE bole_limits_refused_total counter\n");
    for (unsigned k = 0; k < LIMIT_KIND_COUNT; k++) {
        buf_printf(w->out, w->json ? "%s\"refused_%s_total\":%llu" : "%sbole_limits_refused_total{limit=\"%s\"} %llu\n",
                   w->json && k ? "," : "", limit_kind_name(k), (unsigned long long)limits_refused(limits, k));
    }
    close_family(w);
}

static void write_dead_letters(struct writer *w, struct dead_letters *letters)
{
    struct dead_letters_stats s;
    dead_letters_get_stats(letters, &s);
    open_family(w, "dead_letters");
    figure(w, "count", GAUGE, s.count, "Dead letters kept now.");
    figure(w, "bytes", GAUGE, s.size_bytes, "Size of their files.");
    figure(w, "kept_total", COUNTER, s.kept_total, "Records that could not be processed and were kept.");
    figure(w, "dropped_total", COUNTER, s.dropped_total, "The oldest of them that went for room.");
    figure(w, "lost_total", COUNTER, s.lost_total, "Those that could not be written.");
    close_family(w);
}

/* Per rule, by what it did; in JSON the sum of all rules. */
static void write_pipeline(struct writer *w, struct process *process)
{
    struct process_figures *f = malloc(sizeof *f);
    struct pipeline *held = NULL;
    if (!f)
        return;
    process_get_figures(process, f, &held);
    open_family(w, "process_rules");
    figure(w, "reloads_total", COUNTER, f->reloads_total, "Times the file of the pipeline was read again.");
    figure(w, "reload_errors_total", COUNTER, f->reload_errors_total, "Times it was wrong, and the old one stayed.");
    if (!w->json)
        buf_printf(w->out, "# HELP bole_process_info The pipeline in force.\n# TYPE bole_process_info gauge\n"
                           "bole_process_info{version=\"%s\"} 1\n"
                           "# HELP bole_process_records_total Records that a rule applied to, by what it did with them.\n"
                           "# TYPE bole_process_records_total counter\n", f->version);
    for (unsigned k = 0; k < PROCESS_OUTCOME_COUNT; k++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < f->rule_count; i++) {
            const struct process_rule_figures *r = &f->rules[i];
            sum += r->outcomes[k];
            if (w->json)
                continue;
            buf_printf(w->out, "bole_process_records_total{rule=\"%u\",name=", r->number);
            buf_put_json(w->out, r->name, false);
            buf_printf(w->out, ",step=\"%s\",outcome=\"%s\"} %llu\n", r->step, process_outcome_name(k),
                       (unsigned long long)r->outcomes[k]);
        }
        if (w->json)
            buf_printf(w->out, ",\"%s_total\":%llu", process_outcome_name(k), (unsigned long long)sum);
    }
    close_family(w);
    pipeline_unref(held);
    free(f);
}

struct socket_figure {
    const char *name, *help;
    enum kind   kind;
    size_t      at; /* in struct socket_stats */
};

#define SOCKET_FIGURE(field, kind, help) {#field, help, kind, offsetof(struct socket_stats, field)}
static const struct socket_figure socket_figures[] = {
    SOCKET_FIGURE(connections, GAUGE, "Connections open now."),
    SOCKET_FIGURE(connections_total, COUNTER, "Connections accepted."),
    SOCKET_FIGURE(refused_total, COUNTER, "Connections refused: there were too many."),
    SOCKET_FIGURE(evicted_total, COUNTER, "Silent connections closed to make room for new ones."),
    SOCKET_FIGURE(failed_total, COUNTER, "Connections ended for what they sent, or did not send in time."),
    SOCKET_FIGURE(bytes_total, COUNTER, "Bytes received."),
    SOCKET_FIGURE(datagrams_total, COUNTER, "Datagrams received."),
    SOCKET_FIGURE(records_total, COUNTER, "Records made durable."),
    SOCKET_FIGURE(cut_total, COUNTER, "Messages over the limit, of which the beginning was kept."),
    SOCKET_FIGURE(pauses_total, COUNTER, "Times that nothing more was read because there was no room for records."),
};

static uint64_t socket_value(const struct socket_stats *s, const struct socket_figure *f)
{
    uint64_t value;
    memcpy(&value, (const char *)s + f->at, sizeof value);
    return value;
}

static void write_sockets_text(struct writer *w, const struct sockets *sockets)
{
    struct socket_stats s;
    size_t figures = sizeof socket_figures / sizeof *socket_figures, doors = sockets_count(sockets);
    for (size_t f = 0; f < figures; f++) {
        const char *name = socket_figures[f].name;
        buf_printf(w->out, "# HELP bole_socket_%s %s\n# TYPE bole_socket_%s %s\n", name, socket_figures[f].help, name,
                   socket_figures[f].kind == COUNTER ? "counter" : "gauge");
        for (size_t i = 0; i < doors; i++) {
            sockets_stats(sockets, i, &s);
            buf_printf(w->out, "bole_socket_%s{door=\"%s\"} %llu\n", name, s.name,
                       (unsigned long long)socket_value(&s, &socket_figures[f]));
        }
    }
    buf_put_str(w->out, "# HELP bole_socket_lost_total Records and messages that are not stored, by reason.\n"
                        "# TYPE bole_socket_lost_total counter\n");
    for (size_t i = 0; i < doors; i++) {
        sockets_stats(sockets, i, &s);
        for (unsigned k = 0; k < SOCKET_DROP_COUNT; k++)
            buf_printf(w->out, "bole_socket_lost_total{door=\"%s\",reason=\"%s\"} %llu\n", s.name, socket_drop_name(k),
                       (unsigned long long)s.dropped_total[k]);
        for (unsigned k = 0; k < RECEIVE_REASON_COUNT; k++)
            buf_printf(w->out, "bole_socket_lost_total{door=\"%s\",reason=\"%s\"} %llu\n", s.name, receive_reason_name(k),
                       (unsigned long long)s.rejected_total[k]);
    }
}

static void write_sockets_json(struct writer *w, const struct sockets *sockets)
{
    struct socket_stats s;
    buf_put_str(w->out, ",\"socket\":{");
    for (size_t i = 0; i < sockets_count(sockets); i++) {
        sockets_stats(sockets, i, &s);
        uint64_t lost = 0;
        for (unsigned k = 0; k < SOCKET_DROP_COUNT; k++)
            lost += s.dropped_total[k];
        for (unsigned k = 0; k < RECEIVE_REASON_COUNT; k++)
            lost += s.rejected_total[k];
        buf_printf(w->out, "%s\"%s\":{\"lost_total\":%llu", i ? "," : "", s.name, (unsigned long long)lost);
        for (size_t f = 0; f < sizeof socket_figures / sizeof *socket_figures; f++)
            buf_printf(w->out, ",\"%s\":%llu", socket_figures[f].name,
                       (unsigned long long)socket_value(&s, &socket_figures[f]));
        buf_put_u8(w->out, '}');
    }
    buf_put_u8(w->out, '}');
}

static void write_query(struct writer *w, struct metrics_counters *c)
{
    open_family(w, "query");
    figure(w, "requests_total", COUNTER, c->queries_total, "Queries run.");
    figure(w, "errors_total", COUNTER, c->query_errors_total, "Queries that failed.");
    seconds(w, "seconds_total", COUNTER, (double)c->query_ns_total / 1e9, "Time spent in queries.");
    figure(w, "rows_scanned_total", COUNTER, c->query_rows_total, "Records that queries looked at.");
    figure(w, "bytes_scanned_total", COUNTER, c->query_bytes_total, "Bytes of lines that queries looked at.");
    close_family(w);
    open_family(w, "tail");
    figure(w, "clients", GAUGE, c->tails_open, "Live tails open now.");
    figure(w, "clients_total", COUNTER, c->tails_total, "Live tails opened.");
    figure(w, "rows_total", COUNTER, c->tail_rows_total, "Records sent to live tails.");
    figure(w, "dropped_total", COUNTER, c->tail_dropped_total, "Records dropped for clients that read too slowly.");
    close_family(w);
}

static void write_memory(struct writer *w, struct budget *budget)
{
    open_family(w, "memory");
    figure(w, "budget_used_bytes", GAUGE, atomic_load(&budget->used_bytes), "Bytes drawn on the memory budget.");
    if (budget->limit_bytes != SIZE_MAX)
        figure(w, "budget_limit_bytes", GAUGE, budget->limit_bytes, "Limit of the memory budget.");
    close_family(w);
}

/* One small file of /proc as text; empty when there is none. */
static const char *read_proc(struct fs *fs, const char *path, char text[1024])
{
    struct file *f = NULL;
    size_t len = 0;
    if (fs_open(fs, path, FS_READ, &f, NULL) == BOLE_OK && file_read(f, 0, text, 1023, &len, NULL) < 0)
        len = 0;
    file_close(f);
    text[len < 1023 ? len : 1023] = 0;
    return text;
}

static bole_status count_name(const char *name, void *ctx)
{
    (void)name;
    ++*(uint64_t *)ctx;
    return BOLE_OK;
}

/* proc(5), /proc/self/stat: the command's name, which may hold anything, ends at the last ')'; state is field 3, utime and
 * stime are 14 and 15, num_threads 20, vsize 23, rss 24. */
static void write_process(struct writer *w, struct fs *fs, int64_t started_ns)
{
    char text[1024];
    const char *after = strrchr(read_proc(fs, "/proc/self/stat", text), ')');
    unsigned long long utime, stime, threads, vsize, rss;
    if (!after || sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %llu %*d %*u %llu %llu",
                         &utime, &stime, &threads, &vsize, &rss) != 5)
        return;
    uint64_t fds = 0;
    open_family(w, "process");
    seconds(w, "cpu_seconds_total", COUNTER, (double)(utime + stime) / (double)sysconf(_SC_CLK_TCK),
            "CPU time, user and system.");
    figure(w, "resident_memory_bytes", GAUGE, rss * (uint64_t)sysconf(_SC_PAGESIZE), "Memory held.");
    figure(w, "virtual_memory_bytes", GAUGE, vsize, "Address space.");
    figure(w, "threads", GAUGE, threads, "Threads.");
    if (fs_list_dir(fs, "/proc/self/fd", count_name, &fds, NULL) == BOLE_OK && fds)
        figure(w, "open_fds", GAUGE, fds - 1, "Open file descriptors."); /* one is the listing's own */
    seconds(w, "start_time_seconds", GAUGE, (double)started_ns / 1e9, "Start of the process since 1970.");
    close_family(w);
}

static void write_agent(struct writer *w, const struct metrics_sources *s)
{
    struct metrics_figure figures[METRICS_FIGURES_MAX];
    size_t count = s->agent_figures(s->agent_ctx, figures);
    if (!count)
        return;
    open_family(w, "agent");
    for (size_t i = 0; i < count; i++)
        figure(w, figures[i].name, figures[i].is_gauge ? GAUGE : COUNTER, figures[i].value, figures[i].help);
    close_family(w);
}

static void write_all(struct writer *w, const struct metrics_sources *s)
{
    if (s->ingest)
        write_ingest(w, s->ingest);
    if (s->process)
        write_pipeline(w, s->process);
    if (s->dead_letters)
        write_dead_letters(w, s->dead_letters);
    if (s->limits)
        write_limits(w, s->limits);
    if (s->queue)
        write_queue(w, s->queue);
    if (s->store)
        write_store(w, s->store);
    if (s->server)
        write_http(w, s->server);
    if (s->sockets)
        (w->json ? write_sockets_json : write_sockets_text)(w, s->sockets);
    if (s->counters) {
        write_receive(w, s->counters, s->senders);
        write_query(w, s->counters);
    }
    if (s->agent_figures)
        write_agent(w, s);
    if (s->budget)
        write_memory(w, s->budget);
    if (s->fs)
        write_process(w, s->fs, s->started_ns);
}

void metrics_write(const struct metrics_sources *sources, struct buf *out)
{
    struct writer w = {.out = out};
    buf_put_str(out, "# HELP bole_build_info Version of the program.\n# TYPE bole_build_info gauge\n"
                     "bole_build_info{version=\"" BOLE_VERSION "\"} 1\n");
    write_all(&w, sources);
}

void metrics_write_json(const struct metrics_sources *sources, struct buf *out)
{
    struct writer w = {.out = out, .json = true};
    buf_put_str(out, "{\"version\":\"" BOLE_VERSION "\"");
    write_all(&w, sources);
    buf_put_u8(out, '}');
}
