/*
 * query_bench - CPU time of queries.
 *
 *   query_bench plan STORE-URI                reading queries of some 200 bytes, and with planning them, on an empty store
 *   query_bench [ROWS] [STORE-URI]            typical ones on invented rows, by default in the mem store
 *   query_bench FILE STORE-URI QUERY...       each on the lines of FILE, 100 a second, in segments; median of 5
 *   query_bench =FILE STORE-URI QUERY...      the same where the store has the lines from the time before
 *                                             ("60+17 QUERY": every 60 seconds from 17 seconds on)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bench.h"
#include "base/random.h"
#include "os/memory.h"
#include "query/query.h"

static void fill(struct store *store, uint64_t rows)
{
    struct batch_builder *b = batch_builder_create(NULL);
    struct random random;
    struct bole_err err = {0};
    random_seed(&random, 1);
    for (uint64_t i = 0, lsn = 1; i < rows; lsn++) {
        for (unsigned k = 0; k < 1000; k++, i++) {
            char labels_text[64], line[256];
            uint64_t host = random_below(&random, 10), status = random_below(&random, 20) ? 200 : 500;
            struct buf encoded;
            uint32_t stream;
            struct label labels[] = {
                {S("app"), S("web")},
                {S("host"), {(uint8_t *)labels_text, (size_t)snprintf(labels_text, 64, "host-%u", (unsigned)host)}}};
            buf_init(&encoded, NULL);
            labels_encode(labels, 2, &encoded, &err);
            int n = snprintf(
                line, sizeof line,
                "{\"level\":\"%s\",\"status\":%u,\"path\":\"/api/v1/items/%u\",\"duration\":\"%ums\",\"bytes\":%u}",
                status == 500 ? "error" : "info", (unsigned)status, (unsigned)random_below(&random, 100000),
                (unsigned)random_below(&random, 900), (unsigned)random_below(&random, 100000));
            batch_builder_stream(b, S("t"), buf_slice(&encoded), 0, &stream, &err);
            batch_builder_add(b, (int64_t)i * 1000000, stream, (bole_slice){(uint8_t *)line, (size_t)n}, NULL, 0, &err);
            buf_deinit(&encoded);
        }
        struct batch *batch = NULL;
        if (batch_builder_seal(b, 0, NULL, &batch, &err) < 0 || store_insert(store, lsn, &batch, 1, &err) < 0) {
            fprintf(stderr, "%s\n", err.msg);
            exit(1);
        }
        batch_unref(batch);
    }
    batch_builder_destroy(b);
}

/* ---- the lines of a file ---- */

#define ROW_NS 10000000 /* from one to the next */

static uint64_t fill_from(struct store *store, const char *path, uint64_t *ret_rows)
{
    struct batch_builder *b = batch_builder_create(NULL);
    struct bole_err err = {0};
    bool is_there = path[0] == '=';
    FILE *f = fopen(path + is_there, "rb");
    char *line = NULL;
    size_t cap = 0;
    uint64_t bytes = 0, rows = 0, lsn = 1;
    if (!f)
        exit(2);
    for (ssize_t n; is_there && (n = getline(&line, &cap, f)) > 0; rows++)
        bytes += (uint64_t)n;
    for (ssize_t n; !is_there && (n = getline(&line, &cap, f)) > 0; rows++) {
        struct buf encoded;
        uint32_t stream;
        char host[2] = {(char)('0' + rows / 100 % 8), 0};
        struct label labels[] = {{S("app"), S("web")}, {S("host"), bole_slice_str(host)}};
        struct batch *batch = NULL;
        buf_init(&encoded, NULL);
        labels_encode(labels, 2, &encoded, &err);
        batch_builder_stream(b, S("t"), buf_slice(&encoded), 0, &stream, &err);
        batch_builder_add(b, (int64_t)rows * ROW_NS, stream, bole_slice_from(line, (size_t)n - (line[n - 1] == '\n')), NULL, 0,
                          &err);
        buf_deinit(&encoded);
        bytes += (uint64_t)n;
        if (batch_builder_size(b) < BATCH_BODY_TARGET)
            continue;
        uint64_t position;
        if (batch_builder_seal(b, 0, NULL, &batch, &err) < 0 || store_insert(store, lsn++, &batch, 1, &err) < 0 ||
            (store_wants_cut(store) && store_cut(store, &position, &err) < 0)) {
            fprintf(stderr, "%s\n", err.msg);
            exit(1);
        }
        batch_unref(batch);
    }
    struct batch *batch = NULL;
    uint64_t position;
    if (!is_there && batch_builder_seal(b, 0, NULL, &batch, &err) >= 0 && store_insert(store, lsn, &batch, 1, &err) >= 0)
        batch_unref(batch);
    if (!is_there)
        store_cut(store, &position, &err);
    batch_builder_destroy(b);
    free(line);
    fclose(f);
    *ret_rows = rows;
    return bytes;
}

static double answer_size(const struct query_result *r)
{
    double sum = (double)r->stats.entries;
    for (size_t i = 0; i < r->series_count; i++)
        for (size_t k = 0; k < r->series[i].point_count; k++)
            sum += r->series[i].points[k].value;
    return sum;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ask(struct store *store, uint64_t rows, double mb, const char *text)
{
    enum { TIMES = 5 };
    double spent[TIMES], answer = 0;
    struct bole_err err = {0};
    int64_t step_s = 0, from_s = 0;
    int skip = 0;
    if (sscanf(text, "%" SCNd64 "+%" SCNd64 " %n", &step_s, &from_s, &skip) < 2)
        step_s = from_s = skip = 0;
    for (int i = 0; i < TIMES; i++) {
        struct query *q = NULL;
        struct query_result *r = NULL;
        struct query_request request = {.store = store,
                                        .tenant = S("t"),
                                        .start_ns = from_s * NS_PER_S,
                                        .end_ns = (int64_t)rows * ROW_NS,
                                        .step_ns = step_s * NS_PER_S,
                                        .limit = 100,
                                        .direction = BACKWARD};
        double from = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
        bole_status st = query_parse(bole_slice_str(text + skip), NULL, &q, &err);
        st = st < 0 ? st : query_exec(q, &request, &r, &err);
        spent[i] = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - from;
        if (st < 0)
            printf("! %s\n", err.msg);
        answer = st < 0 ? 0 : answer_size(r);
        query_result_destroy(r);
        query_destroy(q);
    }
    qsort(spent, TIMES, sizeof *spent, by_value);
    printf("%8.2f ms %8.4f ms/MB %7.1f ns/row  %12.0f  %s\n", spent[TIMES / 2] * 1e3, spent[TIMES / 2] * 1e3 / mb,
           spent[TIMES / 2] * 1e9 / (double)rows, answer, text);
    fflush(stdout);
}

static int ask_about_file(int argc, char **argv)
{
    struct store *store = NULL;
    struct bole_err err = {0};
    struct store_options options = {.uri = bole_slice_str(argv[2]), .fs = &fs_posix, .clock = &clock_system};
    uint64_t rows;
    if (store_open(&options, &store, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    double mb = (double)fill_from(store, argv[1], &rows) / 1e6;
    printf("%.1f MB, %llu rows\n", mb, (unsigned long long)rows);
    for (int i = 3; i < argc; i++)
        ask(store, rows, mb, argv[i]);
    store_destroy(store);
    return 0;
}

static double plan_us(struct store *store, const char *text, bool execute)
{
    enum { ROUNDS = 2000 };
    double from = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct query *q = NULL;
        struct query_result *r = NULL;
        struct bole_err err;
        struct query_request request = {
            .store = store, .tenant = S("t"), .end_ns = 3600 * NS_PER_S, .step_ns = 60 * NS_PER_S, .limit = 100};
        if (query_parse(bole_slice_str(text), NULL, &q, &err) < 0 || (execute && query_exec(q, &request, &r, &err) < 0)) {
            fprintf(stderr, "%s\n", err.msg);
            exit(1);
        }
        query_result_destroy(r);
        query_destroy(q);
    }
    return (bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - from) * 1e6 / ROUNDS;
}

static double median_plan_us(struct store *store, const char *text, bool execute)
{
    double a = plan_us(store, text, execute), b = plan_us(store, text, execute), c = plan_us(store, text, execute);
    double low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

static int plan(struct store *store)
{
    static const char *const queries[] = {
        "sum by (status, method) (rate({app=\"web\", env=\"prod\", region=\"eu-west-1\"} |= \"checkout\" != \"health\" | json "
        "| status >= 500 | method = \"POST\" | duration > 250ms | line_format \"{{.msg}}\" [5m]))",
        "{app=\"web\", env=~\"prod|staging\"} |= \"error\" != \"timeout\" | logfmt | level = \"error\" and (status >= 500 or "
        "duration > 1s) | label_format who=\"{{.user}}@{{.host}}\", took=duration | drop user, host | keep who",
        "topk(5, sum by (path) (quantile_over_time(0.99, {app=\"web\", env=\"prod\"} | pattern `<_> \"<method> <path> <_>\" "
        "<status> "
        "<took>` | status != \"404\" | unwrap duration(took) | __error__ = \"\" [10m]) by (path))) > 0.25",
        "{app=\"web\"} |~ \"user-[0-9]+ (failed|refused)\" | regexp \"user-(?P<user>[0-9]+) (?P<what>failed|refused) after "
        "(?P<took>"
        "[0-9.]+m?s)\" | took > 100ms | user != \"17\" | what =~ \"fail.*\" | line_format \"{{.user}} {{.what}}\"",
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        printf("%8.1f us read %8.1f us and planned %4zu bytes  %s\n", median_plan_us(store, queries[i], false),
               median_plan_us(store, queries[i], true), strlen(queries[i]), queries[i]);
    store_destroy(store);
    return 0;
}

int main(int argc, char **argv)
{
    memory_set_up(); /* as the server */
    bool is_plan = argc == 3 && strcmp(argv[1], "plan") == 0;
    if (argc > 3)
        return ask_about_file(argc, argv);
    uint64_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 300000;
    struct store *store = NULL;
    struct bole_err err = {0};
    struct store_options options = {.uri = bole_slice_str(argc > 2 ? argv[2] : "mem:"), .fs = &fs_posix, .clock = &clock_system};
    if (store_open(&options, &store, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    if (is_plan)
        return plan(store);
    fill(store, rows);
    static const char *const queries[] = {
        "{app=\"web\"}", "{app=\"web\"} |= \"items/4242\"", "{app=\"web\"} |~ \"items/42[0-9]{2}\\\"\"",
        "{app=\"web\"} | json | status=500",
        "sum(rate({app=\"web\"}[1m]))", "sum by (host) (count_over_time({app=\"web\"}[1m]))",
        "count_over_time({app=\"web\"} |= \"error\" [1m])",
        "sum by (status) (count_over_time({app=\"web\"} | json [1m]))",
        "sum by (status, level) (count_over_time({app=\"web\"} | json [1m]))",
        "quantile_over_time(0.99, {app=\"web\"} | json | unwrap duration(duration) [1m]) by (host)",
        "sum by (host) (bytes_over_time({app=\"web\"}[1m]))",
    };
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        struct query *q = NULL;
        struct query_result *r = NULL;
        struct query_request request = {.store = store, .tenant = S("t"), .start_ns = 0,
                                        .end_ns = (int64_t)rows * 1000000,
                                        .step_ns = 60 * NS_PER_S, .limit = 100, .direction = BACKWARD};
        double from = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
        bole_status st = query_parse(bole_slice_str(queries[i]), NULL, &q, &err);
        st = st < 0 ? st : query_exec(q, &request, &r, &err);
        double spent = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - from;
        printf("%8.1f ms %7.1f ns/row  %s%s%s\n", spent * 1e3, spent * 1e9 / (double)rows, queries[i],
               st < 0 ? "  !" : "", st < 0 ? err.msg : "");
        query_result_destroy(r);
        query_destroy(q);
    }
    store_destroy(store);
    return 0;
}
