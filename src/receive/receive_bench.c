/*
 * receive_bench.c - what the doors cost in CPU time of one thread, up to the sealed batch.
 *
 *   BENCH_FILE=some.log [BENCH_ONLY=part-of-a-name] receive_bench
 *
 * The file has plain or JSON lines: each becomes the line of a record.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/bench.h"
#include "base/clock.h"
#include "process/level.h"
#include "process/service_name.h"
#include "receive/fake_ingest.h"
#include "receive/proto_writer.h"
#include "receive/receive.h"
#include "receive/text.h"

enum { LINES_MAX = 200000, LINES_PER_REQUEST = 1000, INPUT_MAX = 512 << 20 };

static bole_slice lines[LINES_MAX];
static size_t line_count, line_bytes;

struct workload {
    const char *name;
    struct buf *bodies;
    size_t      body_count;
    const char *content_type;
    bool        json_lines, batches;
    struct json_lines_params params;
};

static void run(const struct workload *w, bool detect, double seconds)
{
    static struct ingest ingest;
    fake_ingest_init(&ingest);
    ingest.discard = true;
    struct receive_options options = {.clock = &clock_system, .detect_level = detect,
                                      .service_names = service_name_candidates,
                                      .service_name_count = service_name_candidate_count};
    struct receiver *r;
    struct receive_result result;
    struct arena arena;
    struct bole_err err;
    arena_init(&arena, NULL);
    CHECK_OK(receiver_create(&options, &ingest, 0, &r, &err), err);
    uint64_t start = (uint64_t)(1e9 * bench_cpu_s(CLOCK_THREAD_CPUTIME_ID)), end = start + (uint64_t)(seconds * 1e9), now;
    size_t bytes = 0;
    do {
        for (size_t i = 0; i < w->body_count; i++) {
            struct receive_input in = {.tenant = S("default"), .body = buf_slice(&w->bodies[i]),
                                       .content_type = bole_slice_str(w->content_type),
                                       .arena = &arena};
            if (w->json_lines)
                receive_json_lines(r, &in, &w->params, &result);
            else if (w->batches)
                receive_push(r, &in, &result);
            else
                receive_loki_push(r, &in, &result);
            CHECK(result.request && result.rejected == 0);
            ingest_commit(result.request, NULL, NULL);
            arena_reset(&arena);
            bytes += in.body.len;
        }
        now = (uint64_t)(1e9 * bench_cpu_s(CLOCK_THREAD_CPUTIME_ID));
    } while (now < end);
    double ns = (double)(now - start);
    printf("%-28s level %-3s %7.1f ns/line  body %7.1f MB/s\n", w->name, detect ? "on" : "off",
           ns / (double)ingest.rows_total, (double)bytes / ns * 1000);
    receiver_destroy(r);
    fake_ingest_deinit(&ingest);
    arena_deinit(&arena);
}

static void measure(const char *name, double seconds, bole_slice (*fn)(bole_slice line))
{
    uint64_t start = (uint64_t)(1e9 * bench_cpu_s(CLOCK_THREAD_CPUTIME_ID)), now, rows = 0;
    size_t sum = 0;
    do {
        for (size_t i = 0; i < line_count; i++)
            sum += fn(lines[i]).len;
        rows += line_count;
        now = (uint64_t)(1e9 * bench_cpu_s(CLOCK_THREAD_CPUTIME_ID));
    } while ((double)(now - start) < seconds * 1e9);
    printf("%-38s %7.1f ns/line  (%zu)\n", name, (double)(now - start) / (double)rows, sum / (rows / line_count));
}

static bole_slice time_of(bole_slice line)
{
    int64_t ns;
    return text_time(line, 1795255200 * NS_PER_S, &ns) ? S("x") : S("");
}

/* The lines of body i as an encoded batch. */
static void build_batch(size_t i, struct buf *body)
{
    struct batch_builder *builder = batch_builder_create(NULL);
    struct batch *b;
    struct bole_err err;
    uint32_t stream;
    CHECK_OK(batch_builder_stream(builder, S("default"), S("\3env\4prod\4host\5web-1\3job\5bench"), 0, &stream, &err), err);
    for (size_t k = i * LINES_PER_REQUEST; k < line_count && k < (i + 1) * LINES_PER_REQUEST; k++)
        CHECK_OK(batch_builder_add(builder, 1795255200 * NS_PER_S, stream, lines[k], NULL, 0, &err), err);
    CHECK_OK(batch_builder_seal(builder, 0, NULL, &b, &err), err);
    CHECK_OK(batch_encode(b, BATCH_ZSTD, body, &err), err);
    batch_unref(b);
    batch_builder_destroy(builder);
}

static void build(struct workload *w, unsigned form)
{
    struct buf message, stream;
    buf_init(&message, NULL);
    buf_init(&stream, NULL);
    w->body_count = (line_count + LINES_PER_REQUEST - 1) / LINES_PER_REQUEST;
    w->bodies = calloc(w->body_count, sizeof *w->bodies);
    for (size_t i = 0; i < w->body_count; i++) {
        struct buf *body = &w->bodies[i];
        buf_init(body, NULL);
        buf_reset(&message);
        buf_reset(&stream);
        if (w->batches) {
            build_batch(i, body);
            continue;
        }
        proto_bytes(&stream, 1, S("{job=\"bench\", host=\"web-1\", env=\"prod\"}"));
        if (form == 1)
            buf_put_str(
                body, "{\"streams\":[{\"stream\":{\"job\":\"bench\",\"host\":\"web-1\",\"env\":\"prod\"},\"values\":[");
        for (size_t k = i * LINES_PER_REQUEST; k < line_count && k < (i + 1) * LINES_PER_REQUEST; k++) {
            if (form == 0)
                proto_entry(&stream, 1795255200, (int64_t)k, lines[k], NULL, 0);
            if (form == 1) {
                buf_printf(body, "%s[\"179525520%010zu\",", k % LINES_PER_REQUEST ? "," : "", k);
                buf_put_json(body, lines[k], false);
                buf_put_u8(body, ']');
            }
            if (form == 2) {
                buf_put_str(body, "{\"_time\":\"2026-11-21T10:00:00.123456Z\",\"service\":\"bench\",\"host\":\"web-1\","
                                  "\"level\":\"info\",\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"_msg\":");
                buf_put_json(body, lines[k], false);
                buf_put_str(body, "}\n");
            }
            if (form == 3) {
                buf_put(body, lines[k]);
                buf_put_u8(body, '\n');
            }
        }
        if (form == 0) {
            proto_bytes(&message, 1, buf_slice(&stream));
            proto_pack(buf_slice(&message), body);
        }
        if (form == 1)
            buf_put_str(body, "]}]}");
    }
    buf_deinit(&message);
    buf_deinit(&stream);
}

TEST(receive_bench)
{
    const char *path = getenv("BENCH_FILE");
    double seconds = 0.7;
    bole_slice rest = bench_read(path ? path : "", INPUT_MAX);
    while (rest.len && line_count < LINES_MAX) {
        lines[line_count] = bole_slice_cut(rest, '\n', &rest);
        line_bytes += lines[line_count].len;
        line_count += lines[line_count].len > 0;
    }
    CHECK(line_count > 0);
    printf("%zu lines of %.1f bytes\n", line_count, (double)line_bytes / (double)line_count);
    measure("level_of_line", seconds, level_of_line);
    measure("text_time", seconds, time_of);
    struct workload loads[] = {
        {.name = "loki protobuf", .content_type = "application/x-protobuf"},
        {.name = "loki json", .content_type = "application/json"},
        {.name = "json lines, line as _msg", .content_type = "", .json_lines = true,
         .params = {.stream_fields = S("service,host")}},
        {.name = "json lines, as they are", .content_type = "", .json_lines = true,
         .params = {.stream_fields = S("service,host"), .time_field = S("_time,timestamp,time,@timestamp")}},
    };
    struct workload push = {.name = "batches with zstd", .content_type = "", .batches = true};
    size_t count = lines[0].ptr[0] == '{' ? 4 : 3;
    const char *only = getenv("BENCH_ONLY");
    for (unsigned i = 0; i < count; i++) {
        if (only && !strstr(loads[i].name, only))
            continue;
        build(&loads[i], i);
        run(&loads[i], false, seconds);
        run(&loads[i], true, seconds);
    }
    build(&push, 0);
    run(&push, false, seconds);
    run(&push, true, seconds);
}
