/*
 * api_test.c - the API from the outside: real server, real ingest, queue and store in memory, bytes over a socket.
 */
#include <stdio.h>

#include "base/test.h"
#include "serve/api_testing.h"
#include "serve/web.h"

#define RANGE "start=1795210000&end=1795220000"

static const char two_streams[] =
    "{\"streams\":[{\"stream\":{\"app\":\"web\",\"host\":\"h1\"},\"values\":[[\"1795210200000000000\",\"GET /a\",{\"trace\":\"1\"}],"
    "[\"1795210201000000000\",\"GET /b\"]]},"
    "{\"stream\":{\"app\":\"db\"},\"values\":[[\"1795210202000000000\",\"slow <query>\"]]}]}";

TEST(api_push_is_searchable_when_it_was_answered)
{
    struct world *w = world_open(NULL);
    world_push(w, two_streams);
    static const struct {
        const char *target;
        const char *body;
    } cases[] = {
        {"/loki/api/v1/labels?" RANGE, "{\"status\":\"success\",\"data\":[\"app\",\"host\"]}"},
        {"/loki/api/v1/label?" RANGE, "{\"status\":\"success\",\"data\":[\"app\",\"host\"]}"},
        {"/loki/api/v1/labels?query={app=\"db\"}&" RANGE, "{\"status\":\"success\",\"data\":[\"app\"]}"},
        {"/loki/api/v1/label/app/values?" RANGE, "{\"status\":\"success\",\"data\":[\"db\",\"web\"]}"},
        {"/loki/api/v1/label/none/values?" RANGE, "{\"status\":\"success\"}"},
        {"/loki/api/v1/labels?start=1&end=2", "{\"status\":\"success\"}"},
        {"/loki/api/v1/series?" RANGE, "{\"status\":\"success\",\"data\":[{\"app\":\"db\"},{\"app\":\"web\",\"host\":\"h1\"}]}"},
        {"/loki/api/v1/series?match[]={}&" RANGE, "{\"status\":\"success\",\"data\":[{\"app\":\"db\"},{\"app\":\"web\",\"host\":\"h1\"}]}"},
        {"/loki/api/v1/series?match[]={app=\"web\"}&match={host=~\"h.\"}&" RANGE,
         "{\"status\":\"success\",\"data\":[{\"app\":\"web\",\"host\":\"h1\"}]}"},
        {"/loki/api/v1/series?match[]={app=\"nope\"}&" RANGE, "{\"status\":\"success\",\"data\":[]}"},
        {"/loki/api/v1/detected_labels?" RANGE,
         "{\"detectedLabels\":[{\"label\":\"app\",\"cardinality\":2},{\"label\":\"host\",\"cardinality\":1}]}"},
        {"/loki/api/v1/detected_labels?start=1&end=2", "{}"},
        {"/api/prom/label?" RANGE, "{\"values\":[\"app\",\"host\"]}"},
        {"/api/prom/label/app/values?" RANGE, "{\"values\":[\"db\",\"web\"]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_EQ_U64(world_get(w, cases[i].target, ""), 200);
        CHECK_EQ_SLICE(w->body, bole_slice_str(cases[i].body));
        CHECK(strstr(w->answer, "Content-Type: application/json; charset=UTF-8\r\n"));
    }
    world_close(w);
}

TEST(api_index_counts_what_was_pushed)
{
    struct world *w = world_open(NULL);
    world_push(w, two_streams);
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/index/stats?query={app=~\".+\"}&" RANGE, ""), 200);
    CHECK(world_body_has(w, "{\"streams\":2,\"chunks\":2,\"bytes\":") && world_body_has(w, ",\"entries\":3}"));
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/index/stats?query={app=\"web\"} |= \"x\"&" RANGE, ""), 400);
    CHECK_EQ_SLICE(w->body, S("only label matchers are supported"));
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/index/volume?query={app=~\".+\"}&" RANGE, ""), 200);
    CHECK(world_body_has(w, "{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"app\":"));
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/index/volume?query={app=\"db\"}&aggregateBy=x&" RANGE, ""), 400);
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/index/volume_range?query={app=~\".+\"}&step=1000&" RANGE, ""), 200);
    CHECK(world_body_has(w, "\"resultType\":\"vector\",\"result\":[{\"metric\":{\"app\":"));
    CHECK(world_body_has(w, "\"value\":[1795210999.999,"));
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/index/volume_range?query={app=~\".+\"}&step=1&" RANGE, ""), 200);
    CHECK(world_body_has(w, "\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"app\":"));
    CHECK(world_body_has(w, "\"values\":[[1795210200.999,"));
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/index/volume_range?query={app=\"nope\"}&step=1&" RANGE, ""), 200);
    CHECK(world_body_has(w, "\"resultType\":\"vector\",\"result\":[]"));
    world_close(w);
}

TEST(api_tenants_do_not_see_each_other)
{
    struct world *w = world_open(NULL);
    world_push(w, two_streams);
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/labels?" RANGE, "X-Scope-OrgID: other\r\n"), 200);
    CHECK_EQ_SLICE(w->body, S("{\"status\":\"success\"}"));
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/labels?" RANGE, "X-Scope-OrgID: default\r\n"), 200);
    CHECK(world_body_has(w, "host"));
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/labels?" RANGE, "X-Scope-OrgID: a/b\r\n"), 400);
    CHECK_EQ_U64(world_post(w, "/loki/api/v1/push", "X-Scope-OrgID: ..\r\nContent-Type: application/json\r\n", S("{}")), 400);
    world_close(w);
}

TEST(api_refuses_bad_requests_as_text_without_a_newline)
{
    static const struct {
        const char *target;
        unsigned status;
        const char *body;
    } cases[] = {
        {"/loki/api/v1/labels?start=x", 400, "could not parse 'start' parameter: strconv.ParseInt: parsing \"x\": invalid syntax"},
        {"/loki/api/v1/series?start=2&end=1", 400, "end timestamp must not be before or equal to start time"},
        {"/loki/api/v1/nope", 404, "404 page not found\n"},
        {"/api/nope", 404, "404 page not found\n"},
        {"/loki/api/v1/format_query?query={a=\"b\"", 400, NULL},
    };
    struct world *w = world_open(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_EQ_U64(world_get(w, cases[i].target, "Accept: text/html\r\n"), cases[i].status);
        if (cases[i].body)
            CHECK_EQ_SLICE(w->body, bole_slice_str(cases[i].body));
    }
    CHECK(world_body_has(w, "{\"status\":\"invalid-query\",\"error\":\"parse error at line 1, col 7: "));
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/format_query?query={a=\"b\"}|=`x`", ""), 200);
    CHECK_EQ_SLICE(w->body, S("{\"status\":\"success\",\"data\":\"{a=\\\"b\\\"} |= \\\"x\\\"\"}"));
    world_close(w);
}

TEST(api_form_posts_ask_as_query_strings_do)
{
    struct world *w = world_open(NULL);
    world_push(w, two_streams);
    CHECK_EQ_U64(world_post(w, "/loki/api/v1/series", "Content-Type: application/x-www-form-urlencoded\r\n",
                            S("match%5B%5D=%7Bapp%3D%22db%22%7D&start=1795210000&end=1795220000")), 200);
    CHECK_EQ_SLICE(w->body, S("{\"status\":\"success\",\"data\":[{\"app\":\"db\"}]}"));
    world_close(w);
}

TEST(api_operators_find_their_doors)
{
    struct world *w = world_open(&(struct api_options){.config_text = S("listen: 127.0.0.1:0\n")});
    world_push(w, two_streams);
    CHECK_EQ_U64(world_get(w, "/ready", ""), 200);
    CHECK_EQ_SLICE(w->body, S("ready\n"));
    CHECK_EQ_U64(world_get(w, "/healthz", ""), 200);
    CHECK_EQ_U64(world_get(w, "/config", ""), 200);
    CHECK_EQ_SLICE(w->body, S("listen: 127.0.0.1:0\n"));
    CHECK_EQ_U64(world_get(w, "/services", ""), 200);
    CHECK(world_body_has(w, "ingest => Running\n"));
    CHECK_EQ_U64(world_post(w, "/flush", "", S("")), 204);
    CHECK_EQ_U64(world_post(w, "/api/v1/merge", "", S("")), 200);
    CHECK(world_body_has(w, "\"merges_run\":0"));
    CHECK_EQ_U64(world_post(w, "/api/v1/merge?force=true", "", S("")), 200);
    CHECK_EQ_U64(world_post(w, "/api/v1/merge?idle=true", "", S("")), 200);
    CHECK(world_body_has(w, "\"merges_run\":0"));
    CHECK_EQ_U64(world_post(w, "/log_level?log_level=loud", "", S("")), 400);
    CHECK_EQ_SLICE(w->body, S("{\"status\":\"failed\",\"message\":\"unrecognized log level \\\"loud\\\"\"}"));
    CHECK_EQ_U64(world_post(w, "/log_level?log_level=warn", "", S("")), 200);
    CHECK_EQ_U64(world_get(w, "/log_level", ""), 200);
    CHECK_EQ_SLICE(w->body, S("{\"message\":\"Current log level is warn\"}"));
    CHECK_EQ_U64(world_post(w, "/log_level?log_level=info", "", S("")), 200);
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/status/buildinfo", ""), 200);
    CHECK(world_body_has(w, "{\"version\":\"" BOLE_VERSION "\""));
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/drilldown-limits", ""), 200);
    CHECK(world_body_has(w, "\"pattern_ingester_enabled\":true"));
    world_close(w);
}

/* Every sample has its HELP and TYPE in front, every name is said once. */
static void check_exposition(bole_slice text)
{
    char name[128] = "";
    while (text.len) {
        bole_slice line = bole_slice_cut(text, '\n', &text), rest, word;
        CHECK(line.len > 0);
        if (bole_slice_starts(line, S("# HELP "))) {
            word = bole_slice_cut(bole_slice_sub(line, 7), ' ', &rest);
            CHECK(word.len < sizeof name && rest.len > 0);
            CHECK(!bole_slice_eq(word, bole_slice_str(name)));
            snprintf(name, sizeof name, "%.*s", BOLE_SLICE_ARG(word));
        } else if (bole_slice_starts(line, S("# TYPE "))) {
            word = bole_slice_cut(bole_slice_sub(line, 7), ' ', &rest);
            CHECK_EQ_SLICE(word, bole_slice_str(name));
            CHECK(bole_slice_eq(rest, S("counter")) || bole_slice_eq(rest, S("gauge")));
        } else {
            CHECK(bole_slice_starts(line, bole_slice_str(name)));
            CHECK(line.ptr[strlen(name)] == ' ' || line.ptr[strlen(name)] == '{');
        }
    }
}

TEST(api_metrics_are_well_formed_and_count)
{
    struct world *w = world_open(NULL);
    world_push(w, two_streams);
    CHECK_EQ_U64(world_post(w, "/loki/api/v1/push", "Content-Type: application/json\r\n",
                            S("{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[1,\"not a text\"]]}]}")), 400);
    CHECK_EQ_U64(world_get(w, "/metrics", ""), 200);
    check_exposition(w->body);
    CHECK(world_body_has(w, "\nbole_ingest_rows_total 3\n"));
    CHECK(world_body_has(w, "\nbole_http_responses_total{code=\"2xx\"} 1\n"));
    CHECK(world_body_has(w, "\nprocess_resident_memory_bytes "));
    CHECK(world_body_has(w, "\nbole_store_head_rows 3\n"));
    CHECK(!world_body_has(w, " NaN") && !world_body_has(w, "Inf"));
    CHECK_EQ_U64(world_get(w, "/api/v1/status", ""), 200);
    CHECK(world_body_has(w, "\"ingest\":{\"rows_total\":3,"));
    world_close(w);
}

TEST(api_json_lines_choose_their_fields_by_parameter_or_header)
{
    struct world *w = world_open(NULL);
    bole_slice line = S("{\"t\":\"2026-11-20T21:30:00Z\",\"text\":\"hello\",\"app\":\"x\",\"n\":1}\n");
    CHECK_EQ_U64(world_post(w, "/insert/jsonline?_stream_fields=app&_time_field=t&_msg_field=text", "", line) / 100, 2);
    CHECK_EQ_U64(world_post(w, "/insert/jsonline?_time_field=t",
                            "VL-Stream-Fields: app,n\r\nVL-Msg-Field: text\r\nContent-Type: application/stream+json\r\n", line) / 100, 2);
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/series?" RANGE, ""), 200);
    CHECK(world_body_has(w, "{\"app\":\"x\"}") && world_body_has(w, "{\"app\":\"x\",\"n\":\"1\"}"));
    world_close(w);
}

TEST(api_push_undoes_gzip_and_refuses_what_it_cannot_read)
{
    static const uint8_t gzip_of_nothing[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    struct world *w = world_open(NULL);
    CHECK_EQ_U64(world_post(w, "/loki/api/v1/push", "Content-Type: application/json\r\nContent-Encoding: br\r\n", S("{}")), 400);
    CHECK_EQ_SLICE(w->body, S("Content-Encoding \"br\" not supported"));
    CHECK_EQ_U64(world_post(w, "/loki/api/v1/push", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", S("no gzip")), 400);
    CHECK_EQ_U64(world_post(w, "/loki/api/v1/push", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
                            bole_slice_from(gzip_of_nothing, sizeof gzip_of_nothing)) / 100, 4);
    CHECK_EQ_U64(world_post(w, "/loki/api/v1/push", "Content-Type: application/json\r\n", S("{\"streams\":[]}")), 422);
    CHECK_EQ_U64(world_post(w, "/loki/api/v1/push", "", S("no snappy")), 400);
    CHECK_EQ_SLICE(w->body, S("snappy: corrupt input"));
    CHECK_EQ_U64(world_get(w, "/loki/api/v1/push", ""), 404); /* as in Loki, where a GET has no route at all */
    world_close(w);
}

/* A push needs three times its size on its way. */
TEST(api_push_without_memory_is_told_to_come_again)
{
    struct fs *fs = fs_mem_create();
    struct world *w = world_open_on(fs); /* the program's store: what is durable it takes */
    struct buf b;
    buf_init(&b, NULL);
    buf_put_str(&b, "{\"_msg\":\"");
    for (int i = 0; i < 100000; i++)
        buf_put_u8(&b, 'x');
    buf_put_str(&b, "\"}\n");
    for (size_t room = 40000; room < 400000; room += 20000) {
        size_t taken = w->budget.limit_bytes - w->budget.used_bytes - room;
        CHECK(budget_take(&w->budget, taken));
        unsigned status = world_post(w, "/insert/jsonline", "", buf_slice(&b));
        budget_give(&w->budget, taken);
        if (status == 200)
            break;
        CHECK(status == 503 || status == 429); /* no room for the body; room for that, but not for its records */
        CHECK(world_body_has(w, "memory") || w->body.len == 0);
        CHECK(strstr(w->answer, "\r\nRetry-After: 1\r\n"));
    }
    CHECK_EQ_U64(world_post(w, "/insert/jsonline", "", buf_slice(&b)), 200);
    buf_deinit(&b);
    world_close(w);
    fs_mem_destroy(fs);
}

TEST(api_refuses_a_tenant_that_is_told_twice)
{
    struct world *w = world_open(NULL);
    static const char *const headers[] = {"X-Scope-OrgID: a\r\nx-scope-orgid: b\r\n", "X-Scope-OrgID: a\r\nX-Scope-OrgID: a\r\n",
                                          "X-Scope-OrgID:\r\nX-Scope-OrgID: a\r\n"};
    char push[200];
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        CHECK_EQ_U64(world_get(w, "/loki/api/v1/labels?" RANGE, headers[i]), 400);
        CHECK_EQ_SLICE(w->body, S("X-Scope-OrgID is there more than once"));
        snprintf(push, sizeof push, "%sContent-Type: application/json\r\n", headers[i]);
        CHECK_EQ_U64(world_post(w, "/loki/api/v1/push", push, bole_slice_str(two_streams)), 400);
    }
    world_close(w);
}

TEST(api_foreign_origins_cannot_write)
{
    struct world *w = world_open(NULL);
    CHECK_EQ_U64(world_post(w, "/loki/api/v1/push", "Origin: http://evil.example\r\nContent-Type: application/json\r\n",
                            bole_slice_str(two_streams)), 403);
    CHECK_EQ_U64(world_post(w, "/flush", "Origin: http://evil.example\r\n", S("")), 403);
    CHECK_EQ_U64(world_post(w, "/log_level?log_level=debug", "Origin: http://evil.example\r\n", S("")), 403);
    world_close(w);
}

TEST(api_serves_the_interface_with_its_guards)
{
    struct world *w = world_open(NULL);
    CHECK_EQ_U64(world_get(w, "/", ""), 200);
    CHECK(strstr(w->answer, "Content-Security-Policy: default-src 'self';"));
    CHECK(strstr(w->answer, "X-Content-Type-Options: nosniff\r\n"));
    CHECK(strstr(w->answer, "Content-Type: text/html; charset=utf-8\r\n"));
    CHECK(world_body_has(w, web_file_count ? "id=\"root\"" : "npm run build"));
    CHECK_EQ_U64(world_get(w, "/explore", "Accept: text/html\r\n"), 200);
    CHECK_EQ_U64(world_get(w, "/explore", "Accept: application/json\r\n"), 404);
    CHECK_EQ_U64(world_get(w, "/assets/missing.js", "Accept: text/html\r\n"), 404);
    CHECK_EQ_U64(world_post(w, "/explore", "Accept: text/html\r\n", S("")), 404);
    if (web_file_count) {
        char again[256];
        const struct web_file *index = web_find(S("/"));
        snprintf(again, sizeof again, "If-None-Match: W/%s\r\n", index->etag);
        CHECK_EQ_U64(world_get(w, "/", again), 304);
        CHECK_EQ_U64(w->body.len, 0);
        CHECK_EQ_U64(world_get(w, "/index.html", "Accept-Encoding: gzip\r\n"), 200);
        CHECK(strstr(w->answer, "Content-Encoding: gzip\r\n") && strstr(w->answer, "Cache-Control: no-cache\r\n"));
        CHECK_EQ_SLICE(w->body, bole_slice_from(index->gzip_bytes, index->gzip_size));
    }
    world_close(w);
}
