#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "receive/receive_fixture.h"

static void push_lines(struct fixture *f, bole_slice body, struct json_lines_params params)
{
    struct receive_input in = fixture_input(f, body, "");
    receive_json_lines(f->receiver, &in, &params, &f->result);
}

#define NOW  "1795255200000000000"
#define NONE "{service_name=\"unknown_service\"}"

static const struct {
    const char *body;
    const char *stream, *time, *msg, *ignore, *extra;
    unsigned    status;
    const char *answer;
    const char *stored;
} cases[] = {
    {"", .status = 200, .answer = "{\"accepted\":0,\"rejected\":0}", .stored = ""},
    {"\n \r\n\n", .status = 200, .answer = "{\"accepted\":0,\"rejected\":0}", .stored = ""},
    {"{\"_msg\":\"a\",\"_time\":\"1970-01-01T00:00:01Z\"}\n{\"_msg\":\"b\",\"_time\":\"2\"}", .status = 200,
     .answer = "{\"accepted\":2,\"rejected\":0}", .stored = "1000000000 " NONE " \"a\"\n2000000000 " NONE " \"b\"\n"},
    /* Values as written, nested objects by dots (cleaned to label names), arrays as text, null and "" are not there. */
    {"{\"_msg\":\"m\",\"n\":1.50,\"big\":12345678901234567890,\"e\":-1e3,\"t\":true,\"f\":false,\"z\":null,\"s\":\"\","
     "\"o\":{\"p\":{\"q\":\"x\"},\"r\":{}},\"a\":[1, {\"b\":null}]}\r\n",
     .status = 200, .answer = "{\"accepted\":1,\"rejected\":0}",
     .stored = NOW " " NONE " \"m\" n=\"1.50\" big=\"12345678901234567890\" e=\"-1e3\" t=\"true\" f=\"false\" "
                            "o_p_q=\"x\" a=\"[1, {\\\"b\\\":null}]\"\n"},
    {"{\"_msg\":\"m\",\"a\":\"1\",\"a\":\"2\",\"x.y\":\"1\",\"x\":{\"y\":\"2\"},\"x_y\":\"3\",\"\":\"no name\"}",
     .status = 200, .answer = "{\"accepted\":1,\"rejected\":0}", .stored = NOW " " NONE " \"m\" a=\"1\" x_y=\"1\"\n"},
    /* No message: the line itself. */
    {" {\"a\":\"1\"} \n", .status = 200, .answer = "{\"accepted\":1,\"rejected\":0}",
     .stored = NOW " " NONE " \"{\\\"a\\\":\\\"1\\\"}\" a=\"1\"\n"},
    {"{}", .status = 200, .answer = "{\"accepted\":1,\"rejected\":0}", .stored = NOW " " NONE " \"{}\"\n"},
    {"{\"k\\u0041\":\"q\\\"\\n\\u0000\",\"_msg\":\"\\ud83d\\ude00\"}", .status = 200,
     .answer = "{\"accepted\":1,\"rejected\":0}",
     .stored = NOW " " NONE " \"\xf0\x9f\x98\x80\" kA=\"q\\\"\\n\\u0000\"\n"},
    /* Streams. */
    {"{\"_msg\":\"m\",\"host\":\"h\",\"k8s\":{\"pod\":\"p\"},\"x\":\"1\"}\n{\"_msg\":\"n\",\"host\":\"h\"}\n{\"_msg\":"
     "\"o\"}",
     .stream = "host, k8s.pod", .status = 200, .answer = "{\"accepted\":3,\"rejected\":0}",
     .stored = NOW " {host=\"h\", k8s_pod=\"p\"} \"m\" x=\"1\"\n" NOW " {host=\"h\"} \"n\"\n" NOW " " NONE " \"o\"\n"},
    {"{\"_msg\":\"m\",\"name\":\"no\",\"app\":\"a\"}\n{\"_msg\":\"m\",\"app\":\"a\",\"service\":\"s\"}\n{\"_msg\":"
     "\"m\",\"service\":{\"name\":\"n\"}}",
     .status = 200, .answer = "{\"accepted\":3,\"rejected\":0}",
     .stored = NOW " {service_name=\"a\"} \"m\" name=\"no\" app=\"a\"\n" NOW
                   " {service_name=\"s\"} \"m\" app=\"a\" service=\"s\"\n" NOW " {service_name=\"n\"} \"m\"\n"},
    /* Candidates: the first of the list that is there; the others stay fields. */
    {"{\"message\":\"a\",\"log\":\"b\",\"ts\":1,\"t2\":2}\n{\"message\":\"a\",\"ts\":5}\n{\"log\":\"\",\"message\":"
     "\"c\",\"t2\":\"\"}",
     .time = "t2,ts", .msg = "log,message", .status = 200, .answer = "{\"accepted\":3,\"rejected\":0}",
     .stored = "2000000000 " NONE " \"b\" message=\"a\" ts=\"1\"\n5000000000 " NONE " \"a\"\n" NOW " " NONE " \"c\"\n"},
    {"{\"_msg\":\"m\",\"a\":\"1\",\"b\":{\"c\":\"2\"},\"d\":\"3\"}", .ignore = "a,b.c", .status = 200,
     .answer = "{\"accepted\":1,\"rejected\":0}", .stored = NOW " " NONE " \"m\" d=\"3\"\n"},
    {"{\"_msg\":\"m\",\"env\":\"own\",\"a\":\"1\"}", .extra = "env=prod,dc=x=y", .stream = "dc,a", .status = 200,
     .answer = "{\"accepted\":1,\"rejected\":0}", .stored = NOW " {a=\"1\", dc=\"x=y\"} \"m\" env=\"prod\"\n"},
    /* An array of them. */
    {" [{\"_msg\":\"a\",\"x\":\"1\"},\n {\"y\":\"2\", \"x\":3}] \n", .extra = "z=9", .status = 200,
     .answer = "{\"accepted\":2,\"rejected\":0}",
     .stored = NOW " " NONE " \"a\" z=\"9\" x=\"1\"\n" NOW " " NONE " \"{\\\"y\\\":\\\"2\\\", \\\"x\\\":3}\" z=\"9\" y=\"2\" x=\"3\"\n"},
    {"[]", .status = 200, .answer = "{\"accepted\":0,\"rejected\":0}", .stored = ""},
    {"[{\"_msg\":\"a\"},7]", .status = 400, .answer = "element 2: invalid JSON at byte 14: expecting {", .stored = ""},
    {"[{\"_msg\":\"a\"},[]]", .status = 400, .answer = "element 2: invalid JSON at byte 14: expecting {", .stored = ""},
    {"[{\"_msg\":\"a\"},{\"_msg\":\"b\",\"_time\":\"x\"}]", .status = 200,
     .answer = "{\"accepted\":1,\"rejected\":1,\"errors\":[\"element 2: field _time: \\\"x\\\" is no time\"]}", .stored = NOW " " NONE " \"a\"\n"},
    {"{}", .extra = "env", .status = 400, .answer = "extra_fields: \"env\" is not name=value", .stored = ""},
    /* Times. */
    {"{\"_msg\":\"m\",\"_time\":0}\n{\"_msg\":\"m\",\"_time\":\"0\"}\n{\"_msg\":\"m\",\"_time\":\"-\"}\n{\"_msg\":"
     "\"m\",\"_time\":null}",
     .status = 200, .answer = "{\"accepted\":4,\"rejected\":0}",
     .stored = NOW " " NONE " \"m\"\n" NOW " " NONE " \"m\"\n" NOW " " NONE " \"m\"\n" NOW " " NONE " \"m\"\n"},
    {"{\"_msg\":\"m\",\"_time\":\"yesterday\"}\n{\"_msg\":\"n\",\"_time\":1}", .status = 200,
     .answer = "{\"accepted\":1,\"rejected\":1,\"errors\":[\"line 1: field _time: \\\"yesterday\\\" is no time\"]}",
     .stored = "1000000000 " NONE " \"n\"\n"},
    /* Broken lines leave their neighbours, whatever is broken. */
    {"{\"_msg\":\"a\"}\nnot json\n{\"_msg\":\"b\"}\n{\"_msg\":\"c\"} x\n[1]\n7\n{\"_msg\":\"d\",}\n{\"_msg\":\"e\"}",
     .status = 200,
     .answer = "{\"accepted\":3,\"rejected\":5,\"errors\":[\"line 2: invalid JSON at byte 0: expecting {\",\"line 4: "
               "invalid JSON at byte 13: unexpected text behind the value\","
               "\"line 5: invalid JSON at byte 0: expecting {\",\"line 6: invalid JSON at byte 0: expecting {\",\"line "
               "7: invalid JSON at byte 12: expecting a string\"]}",
     .stored = NOW " " NONE " \"a\"\n" NOW " " NONE " \"b\"\n" NOW " " NONE " \"e\"\n"},
    {"{\"_msg\":\"a\"}\n{\"_msg\":\"b\n\n{\"_msg\":\"c\ttab\"}\n{\"_msg\":\"d\"}\n{\"_msg", .status = 200,
     .answer = "{\"accepted\":2,\"rejected\":3,\"errors\":[\"line 2: invalid JSON: a string does not end, which began at byte 8\","
               "\"line 4: invalid JSON: a string holds a control character that is not escaped, at byte 10\",\"line 6: "
               "invalid JSON: a string does not end, which began at byte 1\"]}",
     .stored = NOW " " NONE " \"a\"\n" NOW " " NONE " \"d\"\n"},
    {"{\"_msg\":\"a\\q\"}\n{\"_msg\":\"b\"}", .status = 200,
     .answer =
         "{\"accepted\":1,\"rejected\":1,\"errors\":[\"line 1: invalid JSON at byte 10: invalid escape in a string\"]}",
     .stored = NOW " " NONE " \"b\"\n"},
    {"{\"a\":1\n}\n", .status = 400,
     .answer = "{\"accepted\":0,\"rejected\":2,\"errors\":[\"line 1: invalid JSON at byte 6: expecting , or }\",\"line "
               "2: invalid JSON at byte 0: expecting {\"]}",
     .stored = ""},
    {"nope", .status = 400,
     .answer = "{\"accepted\":0,\"rejected\":1,\"errors\":[\"line 1: invalid JSON at byte 0: expecting {\"]}",
     .stored = ""},
};

TEST(json_lines_are_stored_and_refused_one_by_one)
{
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int again = 0; again < 2; again++) { /* the second time with streams from the cache */
            push_lines(&f, bole_slice_str(cases[i].body),
                       (struct json_lines_params){
                           .stream_fields = bole_slice_str(cases[i].stream),
                           .time_field = bole_slice_str(cases[i].time),
                           .msg_field = bole_slice_str(cases[i].msg), .ignore_fields = bole_slice_str(cases[i].ignore),
                           .extra_fields = bole_slice_str(cases[i].extra)});
            fixture_check(&f, cases[i].status, cases[i].answer, cases[i].stored);
        }
    fixture_deinit(&f);
}

TEST(json_lines_repair_bad_utf8_of_one_record_only)
{
    struct fixture f;
    fixture_init(&f);
    push_lines(&f,
               S("{\"_msg\":\"good \xc3\xa9\"}\n{\"_msg\":\"bad "
                 "\xff\"}\n{\"k\":\"\xc3\"}\n{\"_msg\":\"a\",\"l\":[\"\xfe\"]}\n{\"_msg\":\"fine\"}\n\xff\n"),
               (struct json_lines_params){0});
    CHECK_EQ_U64(f.result.utf8_replaced, 3);
    fixture_check(&f, 200,
                  "{\"accepted\":5,\"rejected\":1,\"errors\":[\"line 6: invalid JSON at byte 0: expecting {\"]}",
                  NOW " " NONE " \"good \xc3\xa9\"\n" NOW " " NONE " \"bad \xef\xbf\xbd\"\n" NOW " " NONE
                      " \"{\\\"k\\\":\\\"\xef\xbf\xbd\\\"}\" k=\"\xef\xbf\xbd\"\n" NOW " " NONE
                      " \"a\" l=\"[\\\"\xef\xbf\xbd\\\"]\"\n" NOW " " NONE " \"fine\"\n");
    fixture_deinit(&f);
}

TEST(json_lines_are_the_same_in_chunks_of_any_cut)
{
    struct fixture f;
    fixture_init(&f);
    struct buf body, expected;
    buf_init(&body, NULL);
    buf_init(&expected, NULL);
    struct random rnd;
    random_seed(&rnd, 3);
    uint64_t bad = 0;
    for (unsigned i = 0; i < 20000; i++) {
        size_t pad = random_below(&rnd, 60);
        if (i == 7000 || i == 15000) { /* a broken line in the middle of a chunk */
            buf_put_str(&body, "{\"_msg\":\"unfinished\n");
            bad++;
            continue;
        }
        buf_printf(&body, "{\"_msg\":\"line %u\",\"_time\":%u,\"pad\":\"%.*s\"}\n", i, i + 1, (int)pad,
                   "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl");
        buf_printf(&expected, "%u000000000 " NONE " \"line %u\"%s%.*s%s\n", i + 1, i, pad ? " pad=\"" : "", (int)pad,
                   "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl", pad ? "\"" : "");
    }
    push_lines(&f, buf_slice(&body), (struct json_lines_params){0});
    CHECK_EQ_U64(f.result.rejected, bad);
    CHECK_EQ_U64(f.result.accepted, 20000 - bad);
    ingest_commit(f.result.request, NULL, NULL);
    fake_ingest_print(&f.ingest, &f.text);
    CHECK_EQ_SLICE(buf_slice(&f.text), buf_slice(&expected));
    buf_deinit(&body);
    buf_deinit(&expected);
    fixture_deinit(&f);
}

TEST(json_lines_limits_are_per_line)
{
    struct fixture f;
    fixture_init(&f);
    struct buf body;
    buf_init(&body, NULL);
    buf_put_str(&body, "{\"_msg\":\"");
    for (size_t i = 0; i <= RECORD_LINE_MAX; i++)
        buf_put_u8(&body, 'x');
    buf_put_str(&body, "\"}\n{\"_msg\":\"m\"");
    for (size_t i = 0; i <= RECORD_FIELDS_MAX; i++)
        buf_printf(&body, ",\"k%zu\":\"v\"", i);
    buf_put_str(&body, "}\n{\"_msg\":\"m\",\"s\":\"");
    for (size_t i = 0; i <= LABEL_VALUE_MAX; i++)
        buf_put_u8(&body, 'v');
    buf_put_str(&body, "\"}\n{\"_msg\":\"deep\",\"d\":");
    for (size_t i = 0; i < 100; i++)
        buf_put_str(&body, "{\"e\":");
    buf_put_str(&body, "\n{\"_msg\":\"neighbour\"}\n{\"_msg\":\"");
    for (size_t i = 0; i <= 8 * 1024 * 1024; i++)
        buf_put_u8(&body, 'x');
    buf_put_str(&body, "\"}\n");
    push_lines(&f, buf_slice(&body), (struct json_lines_params){.stream_fields = S("s")});
    CHECK_EQ_U64(f.result.accepted, 1);
    CHECK_EQ_U64(f.result.rejected_by[RECEIVE_LINE_TOO_LONG], 2);
    CHECK_EQ_U64(f.result.rejected_by[RECEIVE_FIELD_LIMIT], 1);
    CHECK_EQ_U64(f.result.rejected_by[RECEIVE_LABEL_LIMIT], 1);
    CHECK_EQ_U64(f.result.rejected_by[RECEIVE_MALFORMED], 1);
    ingest_commit(f.result.request, NULL, NULL);
    buf_deinit(&body);
    fixture_deinit(&f);
}

TEST(json_lines_service_that_is_no_name_is_only_a_field)
{
    struct fixture f;
    fixture_init(&f);
    struct buf body;
    buf_init(&body, NULL);
    buf_put_str(&body, "{\"_msg\":\"m\",\"app\":\"");
    for (size_t i = 0; i <= LABEL_VALUE_MAX; i++)
        buf_put_u8(&body, 'v');
    buf_put_str(&body, "\"}");
    push_lines(&f, buf_slice(&body), (struct json_lines_params){0});
    ingest_commit(f.result.request, NULL, NULL);
    CHECK_EQ_SLICE(labels_find(f.ingest.batches[0]->streams[0].labels, S("service_name")), S("unknown_service"));
    CHECK_EQ_U64(batch_field(f.ingest.batches[0], 0).value.len, LABEL_VALUE_MAX + 1);
    buf_deinit(&body);
    fixture_deinit(&f);
}

TEST(json_lines_parameters_do_not_mix_in_the_cache)
{
    struct fixture f;
    fixture_init(&f);
    push_lines(&f, S("{\"_msg\":\"m\",\"a\":\"1\",\"b\":\"1\"}"), (struct json_lines_params){.stream_fields = S("a")});
    fixture_check(&f, 200, "{\"accepted\":1,\"rejected\":0}", NOW " {a=\"1\"} \"m\" b=\"1\"\n");
    push_lines(&f, S("{\"_msg\":\"m\",\"a\":\"1\",\"b\":\"1\"}"), (struct json_lines_params){.stream_fields = S("b")});
    fixture_check(&f, 200, "{\"accepted\":1,\"rejected\":0}", NOW " {b=\"1\"} \"m\" a=\"1\"\n");
    fixture_deinit(&f);
}

/* Names stay in the receiver from one request to the next, as long as they are few. */
TEST(json_lines_names_of_many_requests_take_no_more_memory)
{
    struct fixture f;
    struct budget budget;
    size_t few = 0;
    fixture_init(&f);
    budget_init(&budget, NULL, SIZE_MAX);
    f.options.budget = &budget;
    for (int i = 0; i < 10000; i++) {
        char line[64], stored[96];
        int n = snprintf(line, sizeof line, "{\"_msg\":\"m\",\"a\":\"1\",\"a%d\":\"2\"}", i);
        snprintf(stored, sizeof stored, NOW " " NONE " \"m\" a=\"1\" a%d=\"2\"\n", i);
        push_lines(&f, bole_slice_from(line, (size_t)n), (struct json_lines_params){0});
        fixture_check(&f, 200, "{\"accepted\":1,\"rejected\":0}", stored);
        few = i == 1000 ? atomic_load(&budget.used_bytes) : few;
    }
    CHECK(atomic_load(&budget.used_bytes) < few + 256 * 1024);
    fixture_deinit(&f);
    CHECK_EQ_U64(atomic_load(&budget.used_bytes), 0);
}

TEST(json_lines_full_memory_takes_everything_back)
{
    struct fixture f;
    fixture_init(&f);
    f.ingest.room = 2;
    push_lines(&f, S("{\"_msg\":\"1\"}\n{\"_msg\":\"2\"}\n{\"_msg\":\"3\"}\n"), (struct json_lines_params){0});
    fixture_check(&f, 429, "no memory for more records: send again later", "");
    fixture_deinit(&f);
}

TEST(json_lines_damaged_anywhere_never_break)
{
    static const char body[] = "{\"_msg\":\"a "
                               "\\u00e9\",\"_time\":\"2026-11-21T10:00:00.5Z\",\"o\":{\"p\":[1,{\"q\":null}]}}\n{\"_"
                               "msg\":\"b\",\"n\":-1.5e3}\n";
    struct fixture f;
    fixture_init(&f);
    struct random rnd;
    random_seed(&rnd, 11);
    for (int round = 0; round < 20000; round++) {
        size_t len = 1 + random_below(&rnd, sizeof body - 1);
        char *copy = malloc(len); /* a read behind it is found by the sanitizer */
        memcpy(copy, body, len);
        for (int n = 0; n < 3; n++)
            copy[random_below(&rnd, len)] = "{}[]\":,\\\n 0e\xff\0a"[random_below(&rnd, 16)];
        push_lines(&f, bole_slice_from(copy, len), (struct json_lines_params){.stream_fields = S("n,o.p")});
        CHECK(f.result.status == 200 || f.result.status == 400);
        if (f.result.request)
            ingest_commit(f.result.request, NULL, NULL);
        fake_ingest_clear(&f.ingest);
        free(copy);
    }
    fixture_deinit(&f);
}
