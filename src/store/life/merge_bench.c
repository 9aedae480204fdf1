/*
 * What many label sets on one application cost, and what merges do about it: merge_bench FILE [streams [MB]]. Lines of FILE
 * (repeated to about 256 MB, or MB), every row of a stream drawn at random, are cut; then all lines and the newest 100 of one
 * stream are read, before and after a merge of everything,
 * and after what an idle machine does. CPU time of one thread, medians.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/bench.h"
#include "store/store.h"

enum { INPUT_MAX = 128 << 20, TOTAL = 256 << 20, ROUNDS = 31 };

struct bench {
    struct store *store;
    struct batch_builder *builder;
    unsigned streams;
    uint64_t lsn, rows, bytes, wanted;
    int64_t  now_ns;
};

static bole_slice labels_of(unsigned stream, char text[64])
{
    char pod[32];
    snprintf(pod, sizeof pod, "pod-%u", stream);
    int n = snprintf(text, 64, "%c%s%c%s%c%s%c%s", 3, "app", 3, "web", 3, "pod", (char)strlen(pod), pod);
    return bole_slice_from(text, (size_t)n);
}

static void insert(struct bench *b, bool last)
{
    struct batch *batch;
    struct bole_err err;
    uint64_t lsn;
    bench_check(batch_builder_seal(b->builder, b->now_ns, NULL, &batch, &err), &err);
    bench_check(store_insert(b->store, ++b->lsn, &batch, 1, &err), &err);
    batch_unref(batch);
    if (last || store_wants_cut(b->store))
        bench_check(store_cut(b->store, &lsn, &err), &err);
}

static void fill(struct bench *b, bole_slice input)
{
    struct bole_err err;
    while (b->bytes < b->wanted)
        for (bole_slice rest = input; rest.len && b->bytes < b->wanted;) {
            char labels[64];
            uint32_t stream;
            bole_slice line = bole_slice_cut(rest, '\n', &rest);
            unsigned s = (unsigned)((b->rows * 0xff51afd7ed558ccdu >> 33) % b->streams);
            bench_check(batch_builder_stream(b->builder, S("default"), labels_of(s, labels), 0, &stream, &err), &err);
            b->now_ns += 3 * NS_PER_MS;
            bench_check(batch_builder_add(b->builder, b->now_ns, stream, line, NULL, 0, &err), &err);
            b->rows++;
            b->bytes += line.len;
            if (batch_builder_size(b->builder) >= BATCH_BODY_TARGET)
                insert(b, false);
        }
    insert(b, true);
}

/* CPU milliseconds for lines of one stream; wanted 0: all of them. */
static double read_stream(struct bench *b, unsigned stream, unsigned wanted, uint64_t *ret_rows)
{
    char pod[32];
    struct bole_err err;
    snprintf(pod, sizeof pod, "pod-%u", stream);
    struct store_matcher m[] = {{.op = MATCH_EQ, .name = S("app"), .value = S("web")},
                                {.op = MATCH_EQ, .name = S("pod"), .value = bole_slice_str(pod)}};
    struct store_query q = {.tenant = S("default"), .from_ns = INT64_MIN, .to_ns = INT64_MAX, .matchers = m,
                            .matcher_count = 2, .projection = PROJECT_LINE};
    struct scan *scan;
    struct vector *v;
    double from = bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    struct view *view = store_view(b->store);
    int64_t oldest = INT64_MAX;
    *ret_rows = 0;
    bench_check(store_scan_open(b->store, view, &q, &scan, &err), &err);
    while (store_scan_next(scan, &v, &err) == BOLE_OK) {
        for (uint32_t r = vector_first(v); r < v->row_count; r = vector_next(v, r)) {
            oldest = v->time_ns[r] < oldest ? v->time_ns[r] : oldest;
            ++*ret_rows;
        }
        if (wanted && *ret_rows >= wanted) /* not exactly the newest, but what an executor does in the end */
            store_scan_set_bound(scan, oldest);
    }
    store_scan_close(scan);
    store_view_release(b->store, view);
    return (bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID) - from) * 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(struct bench *b, const char *when)
{
    struct store_stats stats;
    store_stats(b->store, &stats);
    printf("%-8s %2llu segments, %.2f MB", when, (unsigned long long)stats.segment_count,
           (double)stats.segment_bytes / 1e6);
    for (unsigned wanted = 0; wanted <= 100; wanted += 100) {
        double took[ROUNDS];
        uint64_t rows = 0;
        for (unsigned i = 0; i < ROUNDS; i++)
            took[i] = read_stream(b, i * 97 % b->streams, wanted, &rows);
        qsort(took, ROUNDS, sizeof *took, by_value);
        printf("; %s: %.2f ms (%llu rows)", wanted ? "newest 100" : "all lines", took[ROUNDS / 2],
               (unsigned long long)rows);
    }
    printf("\n");
}

static void run_merges(struct bench *b, enum store_merge_what what, const char *when)
{
    struct store_merge_stats m;
    struct bole_err err;
    double from = bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    bench_check(store_merge(b->store, what, &m, &err), &err);
    double took = bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID) - from;
    printf("%s in %.2f s (%.1f s per GB): %llu groups copied, %llu encoded anew\n", when, took, took * 1e9 / (double)b->bytes,
           (unsigned long long)m.groups_copied, (unsigned long long)m.groups_encoded);
    report(b, when);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/merge-bench-XXXXXX", uri[64], cleanup[64];
    if (argc < 2 || !mkdtemp(dir))
        return 2;
    snprintf(uri, sizeof uri, "segments:%s", dir);
    struct store_options options = {.uri = bole_slice_str(uri), .fs = &fs_posix, .clock = &clock_system};
    struct bench b = {.streams = argc > 2 ? (unsigned)atoi(argv[2]) : 3000, .now_ns = clock_now_ns(&clock_system),
                      .wanted = argc > 3 ? (uint64_t)atoi(argv[3]) << 20 : TOTAL};
    struct bole_err err;
    b.now_ns -= b.now_ns % NS_PER_MS + 3600 * NS_PER_S;
    bench_check(store_open(&options, &b.store, &err), &err);
    b.builder = batch_builder_create(NULL);
    double from = bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    fill(&b, bench_read(argv[1], INPUT_MAX));
    printf("%u streams, %.1f MB of lines, %llu rows; inserted and cut in %.2f s\n", b.streams, (double)b.bytes / 1e6,
           (unsigned long long)b.rows, bench_cpu_s(CLOCK_PROCESS_CPUTIME_ID) - from);
    report(&b, "cut");
    run_merges(&b, STORE_MERGE_EVERYTHING, "merged");
    run_merges(&b, STORE_MERGE_IDLE, "joined");
    batch_builder_destroy(b.builder);
    store_destroy(b.store);
    snprintf(cleanup, sizeof cleanup, "rm -r %s", dir);
    return system(cleanup) != 0;
}
