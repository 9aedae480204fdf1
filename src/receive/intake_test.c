/* GELF, Datadog and Splunk: JSON objects, each with names of its own. */
#include <stdlib.h>

#include "base/random.h"
#include "receive/receive_fixture.h"

#define NOW  "1795255200000000000"
#define NONE "{service_name=\"unknown_service\"}"

enum which { GELF, DATADOG, DATADOG_V1, SPLUNK, SPLUNK_ACK, SPLUNK_RAW };

static void push(struct fixture *f, enum which which, bole_slice body)
{
    struct receive_input in = fixture_input(f, body, "application/json");
    struct splunk_params params = {.raw = which == SPLUNK_RAW, .acknowledge = which == SPLUNK_ACK, .ack_id = 7};
    if (which == SPLUNK_RAW)
        params.host = S("h"), params.source = S("src"), params.sourcetype = S("st"), params.index = S("main");
    if (which == GELF)
        receive_gelf(f->receiver, &in, &f->result);
    else if (which == DATADOG || which == DATADOG_V1)
        receive_datadog(f->receiver, &in, which == DATADOG_V1, &f->result);
    else
        receive_splunk(f->receiver, &in, &params, &f->result);
}

#define DD_ERROR(detail) "{\"errors\":[{\"status\":\"400\",\"title\":\"Bad Request\",\"detail\":\"" detail "\"}]}"
#define HEC(text, code, ...) "{\"text\":\"" text "\",\"code\":" code __VA_ARGS__ "}"
#define NUMBER(n) ",\"invalid-event-number\":" n

static const struct {
    enum which  which;
    const char *body;
    unsigned    status;
    const char *answer, *stored;
} cases[] = {
    {GELF, "{\"version\":\"1.1\",\"host\":\"h\",\"short_message\":\"m\",\"timestamp\":1.5,\"level\":5,\"_user_id\":9,\"_service\":\"api\",\"line\":3}", 202, "",
     "1500000000 {host=\"h\", service_name=\"api\"} \"m\" user_id=\"9\" service=\"api\" line=\"3\" level=\"5\"\n"},
    {GELF, "{\"short_message\":\"m\",\"full_message\":\"m\\nat x\"}\n{\"full_message\":\"f\"} {\"short_message\":\"s\",\"full_message\":\"trace\"}", 202, "",
     NOW " " NONE " \"m\\nat x\"\n" NOW " " NONE " \"f\"\n" NOW " " NONE " \"s\\ntrace\"\n"},
    {GELF, "[{\"short_message\":\"a\"},{\"host\":\"h\"},{\"short_message\":\"b\",\"_o\":{\"p\":[1]}}]", 400, "message 2: there is no short_message",
     NOW " " NONE " \"a\"\n" NOW " " NONE " \"b\" o_p=\"[1]\"\n"},
    {GELF, "", 400, "there is no message", ""},
    {GELF, "{\"short_message\":\"a\"}{\"short_message\":", 400, "message 2: invalid JSON at byte 38: expecting a value", ""},
    {GELF, "7", 400, "message 1: invalid JSON at byte 0: expecting {", ""},

    {DATADOG, "[{\"message\":\"m\",\"ddsource\":\"nginx\",\"ddtags\":\"env:prod, version:5.1,a:b:c\",\"hostname\":\"h\",\"service\":\"pay\",\"status\":\"warn\","
              "\"timestamp\":1795255200123},{\"message\":\"n\"}]", 202, "{}",
     "1795255200123000000 {env=\"prod\", host=\"h\", service_name=\"pay\"} \"m\" ddsource=\"nginx\" hostname=\"h\" service=\"pay\" status=\"warn\" version=\"5.1\" a=\"b:c\"\n"
     NOW " " NONE " \"n\"\n"},
    {DATADOG_V1, " {\"message\":\"m\",\"ddtags\":\"x:1,plain,x:2\"}", 200, "{}", NOW " " NONE " \"m\" x=\"1\" ddtags=\"x:1,plain,x:2\"\n"},
    {DATADOG, "{\"message\":\"m\",\"ddtags\":[\"x:1\",\"y:2\"]} {\"message\":\"n\",\"ddtags\":{\"x\":\"1\"}}", 202, "{}",
     NOW " " NONE " \"m\" ddtags=\"[\\\"x:1\\\",\\\"y:2\\\"]\"\n" NOW " " NONE " \"n\" ddtags_x=\"1\"\n"},
    {DATADOG, "[{\"a\":1},{\"timestamp\":\"never\"}]", 400, DD_ERROR("log 2: field timestamp: \\\"never\\\" is no time"),
     NOW " " NONE " \"{\\\"a\\\":1}\" a=\"1\"\n"},
    {DATADOG, "", 202, "{}", ""},
    {DATADOG, "[]", 202, "{}", ""},
    {DATADOG, "[{\"message\":\"m\"},7]", 400, DD_ERROR("log 2: invalid JSON at byte 17: expecting {"), ""},
    {DATADOG, "[{\"message\":\"m\"}", 400, DD_ERROR("log 1: invalid JSON at byte 16: expecting , or ]"), ""},

    {SPLUNK, "{\"event\":\"a\",\"time\":1795255201.25,\"host\":\"h\",\"source\":\"s\",\"sourcetype\":\"st\",\"index\":\"main\",\"fields\":{\"k\":\"v\",\"n\":2}}"
             "{\"event\":{\"message\":\"b\",\"app\":\"x\",\"o\":{\"p\":true}},\"time\":\"1795255202\"}\n\n{\"event\":{\"n\":1}}{\"event\":17}", 200, HEC("Success", "0"),
     "1795255201250000000 {host=\"h\", index=\"main\", sourcetype=\"st\"} \"a\" source=\"s\" k=\"v\" n=\"2\"\n"
     "1795255202000000000 {service_name=\"x\"} \"b\" app=\"x\" o_p=\"true\"\n" NOW " " NONE " \"{\\\"n\\\":1}\" n=\"1\"\n" NOW " " NONE " \"17\"\n"},
    {SPLUNK_ACK, "{\"event\":\"a\"}", 200, HEC("Success", "0", ",\"ackId\":7"), NOW " " NONE " \"a\"\n"},
    {SPLUNK, "{\"event\":\"a\"}{\"host\":\"h\"}{\"event\":\"\"}{\"event\":\"b\"}", 400, HEC("Event field is required", "12", NUMBER("1")),
     NOW " " NONE " \"a\"\n" NOW " " NONE " \"b\"\n"},
    {SPLUNK, "{\"event\":\"\"}", 400, HEC("Event field cannot be blank", "13", NUMBER("0")), ""},
    {SPLUNK, "{\"event\":null}", 400, HEC("Event field is required", "12", NUMBER("0")), ""},
    {SPLUNK, "{\"event\":\"a\"}{\"event\":\"b\",\"time\":\"soon\"}", 400, HEC("Invalid data format", "6", NUMBER("1")), NOW " " NONE " \"a\"\n"},
    {SPLUNK, "{\"event\":\"a\"}{\"event\":", 400, HEC("Invalid data format", "6", NUMBER("1")), ""},
    {SPLUNK, "{\"event\":\"a", 400, HEC("Invalid data format", "6"), ""},
    {SPLUNK, "", 400, HEC("No data", "5"), ""},
    {SPLUNK_RAW, "1970-01-01T00:00:05Z one\r\n\n  two\xff", 200, HEC("Success", "0"),
     "5000000000 {host=\"h\", index=\"main\", sourcetype=\"st\"} \"1970-01-01T00:00:05Z one\" source=\"src\"\n"
     NOW " {host=\"h\", index=\"main\", sourcetype=\"st\"} \"  two\xef\xbf\xbd\" source=\"src\"\n"},
    {SPLUNK_RAW, "\n", 400, HEC("No data", "5"), ""},
};

TEST(intakes_store_and_answer)
{
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int again = 0; again < 2; again++) { /* the second time with streams from the cache */
            push(&f, cases[i].which, bole_slice_str(cases[i].body));
            fixture_check(&f, cases[i].status, cases[i].answer, cases[i].stored);
        }
    fixture_deinit(&f);
}

TEST(intakes_take_the_level_that_the_protocol_has)
{
    struct fixture f;
    fixture_init(&f);
    f.options.detect_level = true;
    push(&f, GELF, S("{\"short_message\":\"no error\",\"level\":3}"));
    fixture_check(&f, 202, "", NOW " " NONE " \"no error\" detected_level=\"error\" level=\"3\"\n");
    push(&f, GELF, S("{\"short_message\":\"fatal\",\"level\":\"odd\"}"));
    fixture_check(&f, 202, "", NOW " " NONE " \"fatal\" level=\"odd\" detected_level=\"odd\"\n");
    push(&f, DATADOG, S("{\"message\":\"m\",\"status\":\"WARNING\"}"));
    fixture_check(&f, 202, "{}", NOW " " NONE " \"m\" status=\"WARNING\" detected_level=\"warn\"\n");
    push(&f, SPLUNK, S("{\"event\":\"m\",\"fields\":{\"severity\":\"ERROR\"}}"));
    fixture_check(&f, 200, HEC("Success", "0"), NOW " " NONE " \"m\" severity=\"ERROR\" detected_level=\"error\"\n");
    push(&f, DATADOG, S("{\"message\":\"m\",\"log\":{\"level\":\"ERROR\"}}")); /* as the elastic common schema has it */
    fixture_check(&f, 202, "{}", NOW " " NONE " \"m\" log_level=\"ERROR\" detected_level=\"error\"\n");
    push(&f, SPLUNK, S("{\"event\":{\"msg\":\"m\",\"level\":40}}"));
    fixture_check(&f, 200, HEC("Success", "0"), NOW " " NONE " \"m\" level=\"40\" detected_level=\"warn\"\n");
    fixture_deinit(&f);
}

TEST(intakes_without_room_store_nothing)
{
    static const char *const bodies[] = {"{\"short_message\":\"a\"}{\"short_message\":\"b\"}", "[{\"message\":\"a\"},{\"message\":\"b\"}]", "",
                                         "{\"event\":\"a\"}{\"event\":\"b\"}"};
    struct fixture f;
    fixture_init(&f);
    for (enum which which = GELF; which <= SPLUNK; which++) {
        if (!*bodies[which])
            continue;
        f.ingest.room = 1;
        push(&f, which, bole_slice_str(bodies[which]));
        CHECK_EQ_U64(f.result.status, which == SPLUNK ? 503 : 429);
        CHECK(!f.result.request);
    }
    fixture_check(&f, 503, HEC("Server is busy", "9"), "");
    fixture_deinit(&f);
}

TEST(intakes_damaged_anywhere_never_break)
{
    struct fixture f;
    struct random rnd;
    fixture_init(&f);
    random_seed(&rnd, 23);
    for (int round = 0; round < 30000; round++) {
        size_t i = random_below(&rnd, sizeof cases / sizeof *cases), len = strlen(cases[i].body);
        if (len == 0)
            continue;
        if (round % 2)
            len = 1 + random_below(&rnd, len);
        char *copy = malloc(len); /* a read behind it is found by the sanitizer */
        memcpy(copy, cases[i].body, len);
        for (int n = 0; n < 2; n++)
            copy[random_below(&rnd, len)] = "{}[]\":,\\\n 0e\xff\0a"[random_below(&rnd, 16)];
        push(&f, cases[i].which, bole_slice_from(copy, len));
        CHECK(f.result.status == 200 || f.result.status == 202 || f.result.status == 400);
        if (f.result.request)
            ingest_commit(f.result.request, NULL, NULL);
        fake_ingest_clear(&f.ingest);
        free(copy);
    }
    fixture_deinit(&f);
}
