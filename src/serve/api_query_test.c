/*
 * api_query_test.c - LogQL over HTTP: envelopes, forms, refusals, and the export.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/test.h"
#include "serve/api_testing.h"

#define RANGE "&start=1795210000&end=1795220000"
#define CATEGORIZE "X-Loki-Response-Encoding-Flags: categorize-labels\r\n"

static const char rows[] =
    "{\"streams\":[{\"stream\":{\"app\":\"web\",\"host\":\"h1\"},\"values\":[[\"1795210200000000000\",\"GET /a\",{\"trace\":\"1\"}],"
    "[\"1795210201000000000\",\"GET /b\"]]},"
    "{\"stream\":{\"app\":\"db\"},\"values\":[[\"1795210202000000000\",\"slow <query> ms=17\"]]}]}";

/* Body in front of its statistics, which differ from run to run. */
static bole_slice before_stats(const struct world *w)
{
    const uint8_t *at = memmem(w->body.ptr, w->body.len, ",\"stats\":{\"summary\":", 20);
    CHECK(at != NULL);
    return bole_slice_from(w->body.ptr, (size_t)(at - w->body.ptr));
}

TEST(api_query_answers_in_lokis_envelopes)
{
    static const struct {
        const char *target, *headers, *body;
    } cases[] = {
        {"/loki/api/v1/query_range?query={app=\"web\"}" RANGE, CATEGORIZE,
         "{\"status\":\"success\",\"data\":{\"resultType\":\"streams\",\"encodingFlags\":[\"categorize-labels\"],\"result\":["
         "{\"stream\":{\"app\":\"web\",\"host\":\"h1\"},\"values\":[[\"1795210201000000000\",\"GET /b\",{}],"
         "[\"1795210200000000000\",\"GET /a\",{\"structuredMetadata\":{\"trace\":\"1\"}}]]}]"},
        {"/loki/api/v1/query_range?query={app=\"web\"}" RANGE, "",
         "{\"status\":\"success\",\"data\":{\"resultType\":\"streams\",\"result\":["
         "{\"stream\":{\"app\":\"web\",\"host\":\"h1\",\"trace\":\"1\"},\"values\":[[\"1795210200000000000\",\"GET /a\"]]},"
         "{\"stream\":{\"app\":\"web\",\"host\":\"h1\"},\"values\":[[\"1795210201000000000\",\"GET /b\"]]}]"},
        {"/loki/api/v1/query_range?query={app=\"db\"} | logfmt" RANGE, CATEGORIZE,
         "{\"status\":\"success\",\"data\":{\"resultType\":\"streams\",\"encodingFlags\":[\"categorize-labels\"],\"result\":["
         "{\"stream\":{\"app\":\"db\"},\"values\":[[\"1795210202000000000\",\"slow \\u003cquery\\u003e ms=17\",{\"parsed\":{\"ms\":\"17\"}}]]}]"},
        {"/loki/api/v1/query_range?query={app=~\".+\"}&limit=1&direction=FORWARD" RANGE, CATEGORIZE,
         "{\"status\":\"success\",\"data\":{\"resultType\":\"streams\",\"encodingFlags\":[\"categorize-labels\"],\"result\":["
         "{\"stream\":{\"app\":\"web\",\"host\":\"h1\"},\"values\":[[\"1795210200000000000\",\"GET /a\",{\"structuredMetadata\":{\"trace\":\"1\"}}]]}]"},
        {"/loki/api/v1/query_range?query={app=\"none\"}" RANGE, CATEGORIZE,
         "{\"status\":\"success\",\"data\":{\"resultType\":\"streams\",\"encodingFlags\":[\"categorize-labels\"],\"result\":[]"},
        {"/loki/api/v1/query?query=vector(1)+vector(1)&time=4000000000", CATEGORIZE,
         "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{},\"value\":[4000000000,\"2\"]}]"},
        {"/loki/api/v1/query?query=vector(1)+vector(1)&time=4", "",
         "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{},\"value\":[4,\"2\"]}]"},
        {"/loki/api/v1/query?query=1+1&time=4", "",
         "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[4,\"2\"]"},
        {"/loki/api/v1/query_range?query=2&start=10&end=20&step=10", "",
         "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{},\"values\":[[10,\"2\"],[20,\"2\"]]}]"},
        {"/loki/api/v1/query?query=sum by (app) (count_over_time({app=~\".+\"}[5m]))&time=1795210300", "",
         "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"app\":\"db\"},\"value\":[1795210300,\"1\"]},"
         "{\"metric\":{\"app\":\"web\"},\"value\":[1795210300,\"2\"]}]"},
        {"/loki/api/v1/query_range?query=sum(count_over_time({app=~\".+\"}[1s]))&start=1795210199.5&end=1795210202.5&step=1", "",
         "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{},\"values\":[[1795210200.5,\"1\"],"
         "[1795210201.5,\"1\"],[1795210202.5,\"1\"]]}]"},
    };
    struct world *w = world_open(NULL);
    world_push(w, rows);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned status = world_get(w, cases[i].target, cases[i].headers);
        if (status != 200)
            print_error("%s: %.*s\n", cases[i].target, BOLE_SLICE_ARG(w->body));
        CHECK_EQ_U64(status, 200);
        CHECK_EQ_SLICE(before_stats(w), bole_slice_str(cases[i].body));
        CHECK(strstr(w->answer, "Content-Type: application/json; charset=UTF-8\r\n"));
    }
    world_close(w);
}

TEST(api_query_tells_what_it_cost)
{
    struct world *w = world_open(NULL);
    world_push(w, rows);
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/query_range?query={app=\"web\"} |= \"/a\"" RANGE, ""), 200);
    CHECK(world_body_has(w, "\"totalEntriesReturned\":1,"));
    CHECK(!world_body_has(w, "\"totalLinesProcessed\":0,") && !world_body_has(w, "\"totalBytesProcessed\":0,"));
    CHECK_EQ_U64(world_get(w, "/metrics", ""), 200);
    CHECK(world_body_has(w, "\nbole_query_requests_total 1\n") && world_body_has(w, "\nbole_query_errors_total 0\n"));
    world_close(w);
}

TEST(api_query_refuses_with_lokis_texts)
{
    static const struct {
        const char *target;
        unsigned status;
        const char *body;
    } cases[] = {
        {"/loki/api/v1/query?query={app=\"web\"}", 400,
         "log queries are not supported as an instant query type, please change your query to a range query type"},
        {"/loki/api/v1/query_range?query={job=\"x\"", 400,
         "parse error at line 1, col 9: syntax error: unexpected $end, expecting } or ,"},
        {"/loki/api/v1/query_range?query={app=\"web\"}&limit=0", 400, "limit must be a positive value"},
        {"/loki/api/v1/query_range?query={app=\"web\"}&limit=2000000", 400,
         "max entries limit per query exceeded, limit > max_entries_limit_per_query (2000000 > 1000000)"},
        {"/loki/api/v1/query_range?query={app=\"web\"}&direction=x", 400, "invalid direction 'x'"},
        {"/loki/api/v1/query_range?query={app=\"web\"}&step=2.5s", 400, "cannot parse \"2.5s\" to a valid duration"},
        {"/loki/api/v1/query_range?query={app=\"web\"}&start=2&end=1", 400,
         "end timestamp must not be before or equal to start time"},
        {"/api/prom/query?query=rate({app=\"web\"}[5m])" RANGE, 400, "rpc error: code = Code(400) desc = legacy endpoints only support streams result type"},
        {"/api/v1/query?query=rate({app=\"web\"}[5m])" RANGE, 400,
         "rows come from log queries only: use /loki/api/v1/query_range for metrics"},
        {"/api/v1/query?query={app=\"web\"}&direction=up" RANGE, 400, "invalid direction 'up'"},
    };
    struct world *w = world_open(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_EQ_U64(world_get(w, cases[i].target, ""), cases[i].status);
        CHECK_EQ_SLICE(w->body, bole_slice_str(cases[i].body));
        CHECK(strstr(w->answer, "Content-Type: text/plain; charset=utf-8\r\n"));
    }
    /* A metric has no entries: its limit is nobody's business. */
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/query_range?query=rate({app=\"web\"}[5m])&limit=2000000", ""), 200);
    world_close(w);
}

TEST(api_query_refusals_keep_place_and_reason_when_the_query_is_long)
{
    static const struct { const char *before, *after, *begin, *end; } cases[] = {
        {"{app=\"web\"} | json x=\"", "[\"", "parse error : stage '| json x=\"yy", "yy[]: syntax error: unexpected $end, expecting STRING or INDEX"},
        {"{app=\"web\"} | logfmt x=\"", "\\\"\"", "parse error : stage '| logfmt x=\"yy", "]: unexpected char \""},
        {"{app=\"web\"} |~ \"", "(\"", "parse error : stage '|~ \"yyy", "`"},
        {"{app=\"web\"} | a > ", "", "parse error at line 1, col 19: ", ""},
        {"{app=\"", "", "parse error at line 1, col 6: literal not terminated", ""},
    };
    struct world *w = world_open(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t len = 10; len < 4000; len = len * 7 / 3) {
            char *target = malloc(len + 200);
            size_t n = (size_t)sprintf(target, "/loki/api/v1/query_range?query=%s", cases[i].before);
            memset(target + n, 'y', len);
            strcpy(target + n + len, cases[i].after);
            CHECK_EQ_U64(world_get(w, target, ""), 400);
            free(target);
            if (strchr(cases[i].before, '~'))
                CHECK(world_body_has(w, "' : error parsing regexp: missing closing ): `y"));
            bole_slice begin = bole_slice_str(cases[i].begin), end = bole_slice_str(cases[i].end);
            if (!bole_slice_starts(w->body, begin) || w->body.len < end.len ||
                !bole_slice_eq(bole_slice_sub(w->body, w->body.len - end.len), end.len ? end : (bole_slice){0}))
                fail_msg("%zu: %.*s", len, BOLE_SLICE_ARG(w->body));
        }
    world_close(w);
}

TEST(api_query_over_its_memory_or_time_fails_alone)
{
    struct world *w = world_open(&(struct api_options){.query_memory_bytes = 2048});
    world_push(w, rows);
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/query_range?query={app=\"web\"}" RANGE, ""), 400);
    CHECK_EQ_U64(world_get(w, "/ready", ""), 200);
    world_close(w);
    w = world_open(&(struct api_options){.query_timeout_ns = 1});
    world_push(w, rows);
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/query_range?query={app=\"web\"}" RANGE, ""), 504);
    CHECK(world_body_has(w, "Request timed out, "));
    world_close(w);
}

/* Others hold the memory: wherever it runs out, in the parser, in a template or in the store, the query is not at fault. */
TEST(api_query_without_shared_memory_is_told_to_come_again)
{
    static const char *const targets[] = {
        "/loki/api/v1/query_range?query={app=\"web\"}" RANGE,
        "/loki/api/v1/query_range?query={app=\"w\\x65b\"} |= \"a\\tb\" | line_format \"{{.app}}\"" RANGE,
        "/loki/api/v1/query?query=rate({app=\"web\"}[5m])",
        "/loki/api/v1/labels?query={app=\"web\"}" RANGE,
        "/loki/api/v1/series?match[]={app=\"web\"}" RANGE,
        "/loki/api/v1/index/volume?query={app=\"web\"}" RANGE,
        "/loki/api/v1/detected_fields?query={app=\"web\"}" RANGE,
        "/loki/api/v1/format_query?query={app=\"web\"}",
        "/api/v1/query?query={app=\"web\"}" RANGE,
        "/loki/api/v1/tail?query={app=\"web\"}",
    };
    struct budget shared;
    budget_init(&shared, NULL, 1 << 20);
    struct world *w = world_open(&(struct api_options){.query_budget = &shared, .tail_budget = &shared});
    world_push(w, rows);
    for (size_t room = 0; room < 200000; room += 3000)
        for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
            CHECK(budget_take(&shared, shared.limit_bytes - room));
            unsigned status = world_get(w, targets[i], "");
            budget_give(&shared, shared.limit_bytes - room);
            if (status == 200 && room > 0)
                continue;
            if (strstr(targets[i], "/tail") && status == 400) { /* there was enough to see that it is no WebSocket */
                CHECK_EQ_SLICE(w->body, S("Bad Request\n"));
                continue;
            }
            if (status == 503) /* only the answer did not fit any more */
                CHECK_EQ_SLICE(w->body, S("no memory for the answer: try again"));
            else {
                CHECK_EQ_U64(status, 429);
                CHECK_EQ_SLICE(w->body, S("the memory that all queries share is used up: try again later, ask for less, or raise the "
                                          "server's --memory-limit"));
            }
            CHECK(strstr(w->answer, "\r\nRetry-After: 1\r\n"));
        }
    world_close(w);
}

TEST(api_query_over_a_damaged_store_answers_the_rest_with_a_warning)
{
    struct fs *fs = fs_mem_create();
    struct world *w = world_open_on(fs);
    world_push(w, rows);
    CHECK_EQ_U64(world_post(w, "/flush", "", S("")), 204);
    world_push(w, "{\"streams\":[{\"stream\":{\"app\":\"web\"},\"values\":[[\"1795210203000000000\",\"still here\"]]}]}");
    CHECK_EQ_U64(world_post(w, "/flush", "", S("")), 204);
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/query_range?query={app=\"web\"}" RANGE, ""), 200);
    CHECK(!world_body_has(w, "warnings") && world_body_has(w, "GET /a") && world_body_has(w, "still here"));
    world_close(w);
    CHECK_EQ_STATUS(fs_unlink(fs, "/data/segments/0000000000000001.seg", NULL), BOLE_OK);
    w = world_open_on(fs);
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/query_range?query={app=\"web\"}" RANGE, ""), 200);
    CHECK(bole_slice_starts(w->body, S("{\"status\":\"success\",\"warnings\":[\"the answer is not complete: damaged chunks left out: 1\"],\"data\":{\"resultType\":\"streams\",")));
    CHECK(!world_body_has(w, "GET /a") && world_body_has(w, "still here"));
    CHECK_EQ_U64(world_get(w, "/api/v1/query?query={app=\"web\"}" RANGE, ""), 200);
    CHECK(world_body_has(w, "still here"));
    CHECK(world_body_has(w, "\n{\"warning\":\"the answer is not complete: damaged chunks left out: 1\"}\n"));
    world_close(w);
    fs_mem_destroy(fs);
}

TEST(api_legacy_query_answers_as_before_loki_had_its_path)
{
    struct world *w = world_open(NULL);
    world_push(w, rows);
    CHECK_EQ_U64(world_get(w, "/api/prom/query?query={app=\"db\"}" RANGE, ""), 200);
    CHECK(bole_slice_starts(w->body, S("{\"streams\":[{\"labels\":\"{app=\\\"db\\\"}\",\"entries\":[{\"ts\":\"2026-11-20T21:30:02Z\","
                                       "\"line\":\"slow \\u003cquery\\u003e ms=17\"}]}],\"stats\":{\"summary\":{")));
    world_close(w);
}

TEST(api_detected_fields_know_metadata_json_and_logfmt)
{
    struct world *w = world_open(NULL);
    world_push(w, rows);
    world_push(w, "{\"streams\":[{\"stream\":{\"app\":\"j\"},\"values\":[[\"1795210203000000000\",\"{\\\"took\\\":\\\"15ms\\\",\\\"ok\\\":true}\"]]}]}");
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/detected_fields?query={app=~\".+\"}" RANGE, ""), 200);
    CHECK(world_body_has(w, "{\"label\":\"ms\",\"type\":\"int\",\"cardinality\":1,\"parsers\":[\"logfmt\"]}"));
    CHECK(world_body_has(w, "{\"label\":\"ok\",\"type\":\"boolean\",\"cardinality\":1,\"parsers\":[\"json\"],\"jsonPath\":[\"ok\"]}"));
    CHECK(world_body_has(w, "{\"label\":\"took\",\"type\":\"duration\",\"cardinality\":1,\"parsers\":[\"json\"],\"jsonPath\":[\"took\"]}"));
    CHECK(world_body_has(w, "{\"label\":\"trace\",\"type\":\"int\",\"cardinality\":1,\"parsers\":null}"));
    CHECK(world_body_has(w, "],\"limit\":1000}"));
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/detected_field/took/values?query={app=~\".+\"}" RANGE, ""), 200);
    CHECK_EQ_SLICE(w->body, S("{\"values\":[\"15ms\"],\"limit\":1000}"));
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/detected_field/none/values?query={app=~\".+\"}" RANGE, ""), 200);
    CHECK_EQ_SLICE(w->body, S("{}"));
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/detected_fields?query={app=\"none\"}" RANGE, ""), 200);
    CHECK_EQ_SLICE(w->body, S("{}"));
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/detected_fields?query=rate({app=\"x\"}[5m])" RANGE, ""), 400);
    world_close(w);
}

/* About 6 MB of lines: more than is ever sent as a whole. */
static void push_much(struct world *w)
{
    enum { PUSHES = 60, LINES = 100, LINE = 1000 };
    char line[LINE + 1];
    memset(line, 'x', LINE);
    line[LINE] = 0;
    struct buf b;
    buf_init(&b, NULL);
    for (int i = 0; i < PUSHES; i++) {
        buf_reset(&b);
        buf_put_str(&b, "{\"streams\":[{\"stream\":{\"app\":\"much\"},\"values\":[");
        for (int k = 0; k < LINES; k++)
            buf_printf(&b, "%s[\"%lld\",\"%s\"]", k ? "," : "", 1795210000000000000ll + i * LINES + k, line);
        buf_put_str(&b, "]}]}");
        buf_put_u8(&b, 0);
        world_push(w, (const char *)b.ptr);
    }
    buf_deinit(&b);
}

TEST(api_query_streams_a_large_answer_and_survives_a_client_that_leaves)
{
    struct world *w = world_open(NULL);
    push_much(w);
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/query_range?query={app=\"much\"}&limit=100000" RANGE, "Accept-Encoding: gzip\r\n"), 200);
    CHECK(strstr(w->answer, "Transfer-Encoding: chunked\r\n"));
    CHECK(world_join_chunks(w));
    CHECK(w->body.len > 6000000);
    CHECK(world_body_has(w, "\"totalEntriesReturned\":6000,"));
    CHECK(w->body.ptr[w->body.len - 1] == '}');
    for (int i = 0; i < 5; i++) {
        int fd = client_connect(w->server);
        client_send_str(fd, "GET /api/v1/query?query=%7Bapp%3D%22much%22%7D&start=1795210000&end=1795220000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        char some[64];
        CHECK(recv(fd, some, sizeof some, 0) > 0);
        close(fd);
    }
    CHECK_EQ_U64(world_get(w, "/ready", ""), 200);
    world_close(w);
}

/* ---- the export ---- */

TEST(api_export_writes_rows_with_labels_and_fields_apart)
{
    struct world *w = world_open(NULL);
    world_push(w, rows);
    CHECK_EQ_U64(world_get(w, "/api/v1/query?query={app=~\".+\"} | logfmt&direction=forward" RANGE, ""), 200);
    CHECK_EQ_SLICE(w->body, S("{\"id\":\"1795210200000000000-0000000000100000\",\"time\":\"2026-11-20T21:30:00Z\",\"labels\":{\"app\":\"web\",\"host\":\"h1\"},\"line\":\"GET /a\",\"fields\":{\"trace\":\"1\"}}\n"
                              "{\"id\":\"1795210201000000000-0000000000100001\",\"time\":\"2026-11-20T21:30:01Z\",\"labels\":{\"app\":\"web\",\"host\":\"h1\"},\"line\":\"GET /b\",\"fields\":{}}\n"
                              "{\"id\":\"1795210202000000000-0000000000100002\",\"time\":\"2026-11-20T21:30:02Z\",\"labels\":{\"app\":\"db\"},\"line\":\"slow <query> ms=17\",\"fields\":{\"ms\":\"17\"}}\n"));
    CHECK_EQ_U64(world_get(w, "/api/v1/query?query={app=~\".+\"}&limit=1" RANGE, ""), 200);
    CHECK(world_body_has(w, "slow <query>") && !world_body_has(w, "GET"));
    CHECK_EQ_U64(world_get(w, "/api/v1/query?query={app=\"none\"}" RANGE, ""), 200);
    CHECK_EQ_U64(w->body.len, 0);
    world_close(w);
}

TEST(api_export_leaves_threads_of_the_pool_to_the_others)
{
    struct world *w = world_open(&(struct api_options){.exports_max = 1});
    push_much(w);
    int fd = client_connect(w->server); /* asks, and does not read: the export waits for it */
    client_send_str(fd, "GET /api/v1/query?query=%7Bapp%3D%22much%22%7D&start=1795210000&end=1795220000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    char some[64];
    CHECK(recv(fd, some, sizeof some, 0) > 0);
    CHECK_EQ_U64(world_get(w, "/api/v1/query?query={app=\"much\"}" RANGE, ""), 429);
    CHECK(strstr(w->answer, "Retry-After: "));
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/labels?" RANGE, ""), 200);
    close(fd);
    world_close(w);
}

enum { EXPORT_ROWS = 12000, EXPORT_SAME = 7000 }; /* more rows, and more rows of one moment, than one page holds */

/* Row i stands at second i, but EXPORT_SAME of them share one. Its line is its number. */
static int64_t second_of(int i)
{
    return 1795210000 + (i < 2000 ? i : i < 2000 + EXPORT_SAME ? 2000 : i - EXPORT_SAME);
}

static void push_many(struct world *w)
{
    struct buf b;
    buf_init(&b, NULL);
    for (int i = 0; i < EXPORT_ROWS; i++) {
        if (i % 1000 == 0)
            buf_printf(&b, "{\"streams\":[{\"stream\":{\"app\":\"%d\"},\"values\":[", i / 1000 % 3);
        buf_printf(&b, "%s[\"%lld000000000\",\"%d\"]", i % 1000 ? "," : "", (long long)second_of(i), i);
        if (i % 1000 == 999) {
            buf_put_str(&b, "]}]}");
            buf_put_u8(&b, 0);
            world_push(w, (const char *)b.ptr);
            buf_reset(&b);
        }
    }
    buf_deinit(&b);
}

TEST(api_export_in_pages_has_every_row_once_in_order)
{
    struct world *w = world_open(NULL);
    push_many(w);
    for (int forward = 0; forward < 2; forward++) {
        char target[256];
        snprintf(target, sizeof target, "/api/v1/query?query={app=~\".+\"}&direction=%s&start=1795210000&end=1795290000",
                 forward ? "forward" : "backward");
        CHECK_EQ_U64(world_get(w, target, ""), 200);
        CHECK(strstr(w->answer, "Transfer-Encoding: chunked\r\n"));
        CHECK(world_join_chunks(w));
        bole_slice text = w->body;
        for (int i = 0; i < EXPORT_ROWS; i++) {
            char line[32];
            snprintf(line, sizeof line, "\"line\":\"%d\"", forward ? i : EXPORT_ROWS - 1 - i);
            bole_slice row = bole_slice_cut(text, '\n', &text);
            if (!memmem(row.ptr, row.len, line, strlen(line)))
                print_error("row %d: wants %s, is %.*s\n", i, line, BOLE_SLICE_ARG(row));
            CHECK(memmem(row.ptr, row.len, line, strlen(line)) != NULL);
        }
        CHECK_EQ_U64(text.len, 0);
    }
    world_close(w);
}
