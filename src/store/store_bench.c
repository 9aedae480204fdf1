/*
 * What the store costs: store_bench FILE [streams [MB]]. Lines of FILE (repeated to about 256 MB, or MB) are inserted as
 * batches, with two fields when FIELDS is set in the environment and under Loki's duplicate rule when COLLAPSE is, cut,
 * and, if no MB are given, scanned for a needle that is not there, and counted. CPU time of one thread.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/bench.h"
#include "store/store.h"

enum { INPUT_MAX = 128 << 20, TOTAL = 256 << 20, AGGREGATE_REPEATS = 10 };

struct bench {
    struct store *store;
    struct batch_builder *builder;
    unsigned  streams;
    uint64_t  lsn, rows, bytes, wanted;
    int64_t   now_ns;
    double    insert_s, cut_s;
    unsigned  cuts;
};

static void insert(struct bench *b)
{
    struct batch *batch;
    struct bole_err err;
    bench_check(batch_builder_seal(b->builder, b->now_ns, NULL, &batch, &err), &err);
    double from = bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    bench_check(store_insert(b->store, ++b->lsn, &batch, 1, &err), &err);
    b->insert_s += bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID) - from;
    batch_unref(batch);
    if (!store_wants_cut(b->store))
        return;
    from = bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t lsn;
    bench_check(store_cut(b->store, &lsn, &err), &err);
    b->cut_s += bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID) - from;
    b->cuts++;
}

static void add_line(struct bench *b, bole_slice line)
{
    char pod[32], trace[32], labels_text[64];
    unsigned s = (unsigned)((b->rows * 0xff51afd7ed558ccdu >> 33) % b->streams);
    struct bole_err err;
    uint32_t stream;
    snprintf(pod, sizeof pod, "pod-%u", s);
    int n = snprintf(labels_text, sizeof labels_text, "%c%s%c%s%c%s%c%s", 3, "app", 3, "web", 3, "pod",
                     (char)strlen(pod), pod);
    snprintf(trace, sizeof trace, "%016llx", (unsigned long long)(b->rows * 0x9e3779b97f4a7c15u));
    struct batch_field fields[] = {{S("level"), s % 7 ? S("info") : S("error")},
                                   {S("trace_id"), bole_slice_str(trace)}};
    bench_check(batch_builder_stream(b->builder, S("default"), bole_slice_from(labels_text, (size_t)n),
                              getenv("COLLAPSE") ? BATCH_STREAM_COLLAPSE : 0, &stream, &err),
         &err);
    b->now_ns += 3 * NS_PER_MS + (int64_t)(b->rows * 0x9e3779b97f4a7c15u >> 44);
    bench_check(batch_builder_add(b->builder, b->now_ns, stream, line, fields, getenv("FIELDS") ? 2 : 0, &err), &err);
    b->rows++;
    b->bytes += line.len;
    if (batch_builder_size(b->builder) >= BATCH_BODY_TARGET)
        insert(b);
}

static void fill(struct bench *b, bole_slice input)
{
    while (b->bytes < b->wanted)
        for (bole_slice rest = input; rest.len && b->bytes < b->wanted;)
            add_line(b, bole_slice_cut(rest, '\n', &rest));
    insert(b);
    struct bole_err err;
    uint64_t lsn;
    double from = bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    bench_check(store_cut(b->store, &lsn, &err), &err);
    b->cut_s += bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID) - from;
}

static void scan(struct bench *b, const char *what, bole_slice needle, unsigned projection)
{
    struct bole_err err;
    struct store_predicate p = {.kind = PREDICATE_LINE_CONTAINS, .value = needle};
    struct store_query q = {.tenant = S("default"),
                            .from_ns = INT64_MIN,
                            .to_ns = INT64_MAX,
                            .predicates = &p,
                            .predicate_count = needle.len > 0,
                            .projection = projection};
    struct view *view = store_view(b->store);
    struct scan *s;
    struct vector *v;
    uint64_t hits = 0;
    double from = bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    bench_check(store_scan_open(b->store, view, &q, &s, &err), &err);
    bole_status st;
    while ((st = store_scan_next(s, &v, &err)) == BOLE_OK)
        for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r))
            hits++;
    bench_check(st, &err);
    struct store_scan_stats stats;
    store_scan_stats(s, &stats);
    store_scan_close(s);
    store_view_release(b->store, view);
    double took = bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID) - from;
    printf("%-22s %8.1f MB/s %8.2f ns/row  %llu hits, %llu bad\n", what, (double)b->bytes / 1e6 / took,
           took * 1e9 / (double)b->rows, (unsigned long long)hits, (unsigned long long)stats.bad_chunks);
}

static bole_status count_cell(uint32_t stream, bole_slice labels, bole_slice value, uint32_t bucket, uint64_t amount, void *ctx)
{
    *(uint64_t *)ctx += amount;
    return BOLE_OK;
}

/* offset_ns: of the buckets' borders from whole minutes. */
static void aggregate(struct bench *b, const char *what, bole_slice field, int kind, int64_t offset_ns)
{
    struct bole_err err;
    struct store_query q = {.tenant = S("default"), .from_ns = INT64_MIN, .to_ns = INT64_MAX};
    struct store_aggregation a = {.what = kind,
                                  .start_ns = b->now_ns / (60 * NS_PER_S) * (60 * NS_PER_S) - 999 * 60 * NS_PER_S + offset_ns,
                                  .bucket_ns = 60 * NS_PER_S,
                                  .bucket_count = 1001,
                                  .field = field};
    struct view *view = store_view(b->store);
    uint64_t total = 0;
    double from = bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned i = 0; i < AGGREGATE_REPEATS; i++) {
        total = 0;
        bench_check(store_aggregate(b->store, view, &q, &a, count_cell, &total, NULL, &err), &err);
    }
    double took = (bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID) - from) / AGGREGATE_REPEATS;
    store_view_release(b->store, view);
    printf("%-22s %8.2f ns/row  total %llu\n", what, took * 1e9 / (double)b->rows, (unsigned long long)total);
}

static void ask(struct bench *b)
{
    scan(b, "absent needle", S("n0t-there-at-all"), 0);
    scan(b, "all lines", (bole_slice){0}, PROJECT_LINE);
    scan(b, "all rows, no lines", (bole_slice){0}, 0);
    scan(b, "all lines and fields", (bole_slice){0}, PROJECT_LINE | PROJECT_FIELDS);
    aggregate(b, "count, whole minutes", (bole_slice){0}, AGGREGATE_COUNT, 0);
    aggregate(b, "count, not aligned", (bole_slice){0}, AGGREGATE_COUNT, 7);
    aggregate(b, "bytes, whole minutes", (bole_slice){0}, AGGREGATE_BYTES, 0);
    aggregate(b, "bytes, not aligned", (bole_slice){0}, AGGREGATE_BYTES, 7);
    aggregate(b, "count by level", S("level"), AGGREGATE_COUNT, 0);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    char dir[] = "/tmp/store-bench-XXXXXX", uri[64];
    if (!mkdtemp(dir))
        return 1;
    snprintf(uri, sizeof uri, "segments:%s", dir);
    struct store_options options = {.uri = bole_slice_str(uri), .fs = &fs_posix, .clock = &clock_system};
    struct bench b = {.streams = argc > 2 ? (unsigned)atoi(argv[2]) : 8, .now_ns = clock_now_ns(&clock_system),
                      .wanted = argc > 3 ? (uint64_t)atoi(argv[3]) << 20 : TOTAL};
    struct bole_err err;
    bench_check(store_open(&options, &b.store, &err), &err);
    b.builder = batch_builder_create(NULL);
    fill(&b, bench_read(argv[1], INPUT_MAX));
    struct store_stats stats;
    store_stats(b.store, &stats);
    printf("rows %llu, lines %.1f MB (%.0f B), %u streams, %u cuts\n", (unsigned long long)b.rows,
           (double)b.bytes / 1e6, (double)b.bytes / (double)b.rows, b.streams, b.cuts + 1);
    printf("%-22s %8.1f MB/s %8.2f ns/row\n", "cut", (double)b.bytes / 1e6 / b.cut_s, b.cut_s * 1e9 / (double)b.rows);
    printf("%-22s %8.2f ns/row\n", "insert", b.insert_s * 1e9 / (double)b.rows);
    printf("%-22s %8.1f MB, raw / disk %.2f (lines and fields), %.2f (lines)\n", "disk",
           (double)stats.segment_bytes / 1e6, (double)stats.raw_bytes / (double)stats.segment_bytes,
           (double)b.bytes / (double)stats.segment_bytes);
    if (argc <= 3)
        ask(&b);
    batch_builder_destroy(b.builder);
    store_destroy(b.store);
    char cleanup[64];
    snprintf(cleanup, sizeof cleanup, "rm -r %s", dir);
    return system(cleanup) != 0;
}
