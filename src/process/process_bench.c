/*
 * process_bench.c - what ten typical rules cost per line, in CPU time of one thread.
 *
 *   BENCH_FILE=some.log process_bench
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/bench.h"
#include "base/test.h"
#include "process/pipeline.h"
#include "record/labels.h"

enum { LINES_MAX = 200000, ROUNDS = 3, INPUT_MAX = 64 << 20 };

static const char *const rules[] = { /* bench/rules.yml */
    "- redact: {detect: [email, card, iban, secret]}\n",
    "- redact: {patterns: 'session=(\\w+)'}\n",
    "- {match: {line: 'GET /healthz'}, drop: true}\n",
    "- {match: '{service=\"orders\"}', require: [user, amount]}\n",
    "- {match: '{service=\"orders\"}', types: {amount: number}}\n",
    "- set: {site: north}\n",
    "- {match: {line: 'maxEvents '}, derive: 'maxEvents (?P<max_events>\\d+)'}\n",
    "- {match: {level: debug}, sample: 10%}\n",
    "- rate: {records: 100000000, by: stream}\n",
    "- {match: '{service=\"legacy\"}', route: {labels: {team: old}}}\n",
};
enum { RULES = sizeof rules / sizeof *rules };

static bole_slice lines[LINES_MAX];
static size_t line_count;

/* Best of a few rounds, ns per line, of the rules from..to. */
static double measure(size_t from, size_t to, bole_slice labels)
{
    struct process_run run;
    struct process_record r;
    struct buf text;
    struct bole_err err;
    double best = 1e18;
    buf_init(&text, NULL);
    buf_put_str(&text, "rules:\n");
    for (size_t i = from; i < to; i++)
        buf_put_str(&text, rules[i]);
    process_run_init(&run, NULL);
    CHECK_OK(pipeline_parse(buf_slice(&text), "bench", &run.pipeline, &err), err);
    for (int round = 0; round < ROUNDS; round++) {
        double start = 1e9 * bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
        for (size_t i = 0; i < line_count; i++) {
            struct batch_field field = {S("detected_level"), S("info")};
            r = (struct process_record){0, S("default"), labels, lines[i], &field, 1};
            process_run_record(&run, &r);
        }
        double ns = (1e9 * bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - start) / (double)line_count;
        best = ns < best ? ns : best;
    }
    process_run_deinit(&run);
    buf_deinit(&text);
    return best;
}

TEST(process_bench)
{
    const char *path = getenv("BENCH_FILE");
    struct label set[] = {{S("app"), S("web")}, {S("env"), S("prod")}};
    struct buf labels;
    struct bole_err err;
    size_t total = 0;
    bole_slice rest = bench_read(path ? path : "", INPUT_MAX);
    while (rest.len && line_count < LINES_MAX) {
        lines[line_count] = bole_slice_cut(rest, '\n', &rest);
        total += lines[line_count++].len;
    }
    buf_init(&labels, NULL);
    CHECK_OK(labels_encode(set, 2, &labels, &err), err);
    printf("%zu lines of %.1f bytes\n", line_count, (double)total / (double)line_count);
    for (size_t i = 0; i < RULES; i++)
        printf("%7.1f ns/line  %s", measure(i, i + 1, buf_slice(&labels)), rules[i]);
    printf("%7.1f ns/line  all of them\n", measure(0, RULES, buf_slice(&labels)));
    buf_deinit(&labels);
}
