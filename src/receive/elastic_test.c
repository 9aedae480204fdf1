#include <stdlib.h>

#include "base/random.h"
#include "receive/receive_fixture.h"

#define NOW "1795255200000000000"

static void bulk(struct fixture *f, bole_slice body, const char *index)
{
    struct receive_input in = fixture_input(f, body, "application/x-ndjson");
    receive_elastic_bulk(f->receiver, &in, bole_slice_str(index), &f->result);
}

#define OK(...)  "{\"errors\":false,\"took\":0,\"items\":[" __VA_ARGS__ "]}"
#define BAD(...) "{\"errors\":true,\"took\":0,\"items\":[" __VA_ARGS__ "]}"
#define CREATED(action, index) "{\"" action "\":{\"_index\":\"" index "\",\"_version\":1,\"result\":\"created\",\"status\":201}}"
#define REFUSED(action, index, type, reason) \
    "{\"" action "\":{\"_index\":\"" index "\",\"status\":400,\"error\":{\"type\":\"" type "\",\"reason\":\"" reason "\"}}}"
#define WHOLE(status, type, reason) \
    "{\"error\":{\"root_cause\":[{\"type\":\"" type "\",\"reason\":\"" reason "\"}],\"type\":\"" type "\",\"reason\":\"" reason \
    "\"},\"status\":" status "}"
#define ILLEGAL  "illegal_argument_exception"
#define PARSING  "mapper_parsing_exception"
#define UNKNOWN  "service_name=\"unknown_service\""

static const struct {
    const char *body, *index;
    unsigned    status;
    const char *answer, *stored;
} cases[] = {
    {"{\"index\":{\"_index\":\"logs\"}}\n{\"@timestamp\":\"1970-01-01T00:00:01Z\",\"message\":\"a\"}\n"
     "{\"create\":{}}\n{\"@timestamp\":2,\"message\":\"b\"}\n", "web", 200,
     OK(CREATED("index", "logs") "," CREATED("create", "web")),
     "1000000000 {index=\"logs\"} \"a\"\n2000000000 {index=\"web\"} \"b\"\n"},
    /* The elastic common schema: nested, labels by the shared rules; a field that is a label under another name stays. */
    {"{\"create\":{\"_index\":\"i\",\"_id\":\"x 1\"}}\n"
     "{\"@timestamp\":\"1970-01-01T00:00:01Z\",\"message\":\"m\",\"host\":{\"name\":\"h\",\"os\":{\"type\":\"linux\"}},"
     "\"service\":{\"name\":\"api\"},\"log\":{\"level\":\"info\"},\"tags\":[\"a\",\"b\"]}", "", 200,
     OK("{\"create\":{\"_index\":\"i\",\"_id\":\"x 1\",\"_version\":1,\"result\":\"created\",\"status\":201}}"),
     "1000000000 {host=\"h\", index=\"i\", service_name=\"api\"} \"m\" _id=\"x 1\" host_name=\"h\" host_os_type=\"linux\" "
     "log_level=\"info\" tags=\"[\\\"a\\\",\\\"b\\\"]\"\n"},
    /* The line: message, else log, else msg... else the document. */
    {"{\"index\":{}}\n{\"log\":\"l\",\"msg\":\"m\"}\n{\"index\":{}}\n{\"msg\":\"m\"}\n{\"index\":{}}\n{\"k\":1}\n", "i", 200,
     OK(CREATED("index", "i") "," CREATED("index", "i") "," CREATED("index", "i")),
     NOW " {index=\"i\"} \"l\" msg=\"m\"\n" NOW " {index=\"i\"} \"m\"\n" NOW " {index=\"i\"} \"{\\\"k\\\":1}\" k=\"1\"\n"},
    /* A time that only the line says. */
    {"{\"index\":{}}\n{\"message\":\"1970-01-01T00:00:05Z boom\"}\n", "i", 200, OK(CREATED("index", "i")),
     "5000000000 {index=\"i\"} \"1970-01-01T00:00:05Z boom\"\n"},
    /* No index anywhere. */
    {"{\"index\":{}}\n{\"message\":\"a\"}", "", 200, OK(CREATED("index", "")), NOW " {" UNKNOWN "} \"a\"\n"},
    /* An _id may be a number; what else an action says is passed over; blank lines are nothing. */
    {"\n\r\n{\"index\":{\"_id\":7,\"routing\":{\"a\":[1]},\"_index\":null,\"pipeline\":\"p\"},\"attempts\":0}\r\n{\"message\":\"a\"}\r\n\n", "i", 200,
     OK("{\"index\":{\"_index\":\"i\",\"_id\":\"7\",\"_version\":1,\"result\":\"created\",\"status\":201}}"),
     NOW " {index=\"i\"} \"a\" _id=\"7\"\n"},
    /* Each item has its own result, in order; neighbours of bad ones are stored. */
    {"{\"delete\":{\"_id\":\"1\"}}\n{\"update\":{\"_id\":\"2\"}}\n{\"doc\":{}}\n{\"index\":{}}\n{\"message\":\"a\"}\n"
     "{\"create\":{}}\n{\"message\":\n{\"create\":{}}\n[1]\n{\"create\":{}}\n\n{\"create\":{}}\n{\"@timestamp\":\"soon\"}\n"
     "{\"index\":{}}\n{\"message\":\"b\"}\n", "i", 200,
     BAD("{\"delete\":{\"_index\":\"i\",\"_id\":\"1\",\"status\":400,\"error\":{\"type\":\"" ILLEGAL
         "\",\"reason\":\"[delete] is not supported: logs are appended, never changed\"}}},"
         "{\"update\":{\"_index\":\"i\",\"_id\":\"2\",\"status\":400,\"error\":{\"type\":\"" ILLEGAL
         "\",\"reason\":\"[update] is not supported: logs are appended, never changed\"}}}," CREATED("index", "i") ","
         REFUSED("create", "i", PARSING, "failed to parse: line 7: invalid JSON at byte 11: expecting a value") ","
         REFUSED("create", "i", PARSING, "failed to parse: line 9: invalid JSON at byte 0: expecting {") ","
         REFUSED("create", "i", PARSING, "failed to parse: line 11: invalid JSON at byte 0: expecting {") ","
         REFUSED("create", "i", PARSING, "line 13: field _timestamp: \\\"soon\\\" is no time") "," CREATED("index", "i")),
     NOW " {index=\"i\"} \"a\"\n" NOW " {index=\"i\"} \"b\"\n"},
    /* A string that does not end would swallow what follows. */
    {"{\"index\":{}}\n{\"message\":\"a\n{\"index\":{}}\n{\"message\":\"b\"}\n{\"update\":{}}\n{\"doc\":\"\n", "i", 200,
     BAD(REFUSED("index", "i", PARSING, "failed to parse: line 2: a string does not end, which began at byte 11") "," CREATED("index", "i") ","
         REFUSED("update", "i", ILLEGAL, "[update] is not supported: logs are appended, never changed")),
     NOW " {index=\"i\"} \"b\"\n"},
    {"{\"index\":{}}\n{\"message\":\"a\"}\n{\"index\":{}}\n", "i", 200,
     BAD(CREATED("index", "i") "," REFUSED("index", "i", PARSING, "failed to parse: line 4: the request ends in front of the document")),
     NOW " {index=\"i\"} \"a\"\n"},
    {"{\"index\":{}}\n{\"a\":{\"b\":\"1\",\"b\":\"2\"},\"a.b\":\"3\",\"message\":\"x\",\"message\":\"y\"}", "i", 200, OK(CREATED("index", "i")),
     NOW " {index=\"i\"} \"x\" a_b=\"1\"\n"},
    /* Requests that cannot be read. */
    {"", "i", 400, WHOLE("400", ILLEGAL, "request body is required"), ""},
    {"\n\n", "i", 400, WHOLE("400", ILLEGAL, "request body is required"), ""},
    {"{\"index\":{}}\n{\"message\":\"a\"}\n{\"message\":\"b\"}\n", "i", 400,
     WHOLE("400", ILLEGAL, "Malformed action/metadata line [3]: expecting create, index, update or delete"), ""},
    {"[]\n{}\n", "i", 400, WHOLE("400", ILLEGAL, "Malformed action/metadata line [1]: expecting {"), ""},
    {"{}\n{}\n", "i", 400, WHOLE("400", ILLEGAL, "Malformed action/metadata line [1]: expecting an action"), ""},
    {"{\"index\":[]}\n{}\n", "i", 400, WHOLE("400", ILLEGAL, "Malformed action/metadata line [1]: expecting {"), ""},
    {"{\"index\":{\"_index\":{}}}\n{}\n", "i", 400, WHOLE("400", ILLEGAL, "Malformed action/metadata line [1]: expecting a string"), ""},
    {"{\"index\":{},\"n\":[}\n{}\n", "i", 400, WHOLE("400", ILLEGAL, "Malformed action/metadata line [1]: expecting a value"), ""},
    {"{\"index\":{}} x\n{}\n", "i", 400,
     WHOLE("400", ILLEGAL, "Malformed action/metadata line [1]: unexpected text behind the value"), ""},
    {"{\"index", "i", 400, WHOLE("400", ILLEGAL, "Malformed action/metadata line [1]: a string does not end, which began at byte 1"), ""},
    {"{\"index\":{}}\n{}\n", "\xff", 400, WHOLE("400", ILLEGAL, "Invalid index name: it is not UTF-8"), ""},
};

TEST(elastic_bulk_answers_for_every_item)
{
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int again = 0; again < 2; again++) { /* the second time with streams from the cache */
            bulk(&f, bole_slice_str(cases[i].body), cases[i].index);
            fixture_check(&f, cases[i].status, cases[i].answer, cases[i].stored);
        }
    fixture_deinit(&f);
}

TEST(elastic_bulk_is_the_same_in_chunks_of_any_cut)
{
    struct fixture f;
    fixture_init(&f);
    struct buf body, answer, stored;
    buf_init(&body, NULL);
    buf_init(&answer, NULL);
    buf_init(&stored, NULL);
    struct random rnd;
    random_seed(&rnd, 5);
    buf_put_str(&answer, "{\"errors\":true,\"took\":0,\"items\":[");
    for (unsigned i = 0; i < 10000; i++) {
        int pad = (int)random_below(&rnd, 60);
        static const char text[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl";
        buf_printf(&body, "{\"create\":{\"_index\":\"i\"}}\n");
        if (i == 3000 || i == 7000) {
            buf_put_str(&body, "{\"message\":\"unfinished\n");
            buf_printf(&answer, "," REFUSED("create", "i", PARSING, "failed to parse: line %u: a string does not end, which began at byte 11"), 2 * i + 2);
            continue;
        }
        buf_printf(&body, "{\"message\":\"%u %.*s\",\"@timestamp\":%u}\n", i, pad, text, i + 1);
        buf_printf(&stored, "%u000000000 {index=\"i\"} \"%u %.*s\"\n", i + 1, i, pad, text);
        buf_printf(&answer, "%s" CREATED("create", "i"), i ? "," : "");
    }
    buf_put_str(&answer, "]}");
    bulk(&f, buf_slice(&body), "");
    buf_put_u8(&answer, 0);
    buf_put_u8(&stored, 0);
    fixture_check(&f, 200, (const char *)answer.ptr, (const char *)stored.ptr);
    buf_deinit(&body);
    buf_deinit(&answer);
    buf_deinit(&stored);
    fixture_deinit(&f);
}

TEST(elastic_bulk_limits_are_per_document)
{
    struct fixture f;
    fixture_init(&f);
    struct buf body;
    buf_init(&body, NULL);
    buf_put_str(&body, "{\"index\":{}}\n{\"message\":\"");
    for (size_t i = 0; i <= RECORD_LINE_MAX; i++)
        buf_put_u8(&body, 'x');
    buf_put_str(&body, "\"}\n{\"index\":{}}\n{\"message\":\"m\"");
    for (size_t i = 0; i <= RECORD_FIELDS_MAX; i++)
        buf_printf(&body, ",\"k%zu\":\"v\"", i);
    buf_put_str(&body, "}\n{\"index\":{}}\n");
    for (size_t i = 0; i < 100; i++)
        buf_put_str(&body, "{\"e\":");
    buf_put_str(&body, "\n{\"index\":{\"_index\":\"");
    for (size_t i = 0; i <= LABEL_VALUE_MAX; i++)
        buf_put_u8(&body, 'i');
    buf_put_str(&body, "\"}}\n{\"message\":\"m\"}\n{\"index\":{}}\n{\"message\":\"neighbour\"}\n");
    bulk(&f, buf_slice(&body), "i");
    CHECK_EQ_U64(f.result.status, 200);
    CHECK_EQ_U64(f.result.accepted, 1);
    CHECK_EQ_U64(f.result.rejected_by[RECEIVE_LINE_TOO_LONG], 1);
    CHECK_EQ_U64(f.result.rejected_by[RECEIVE_FIELD_LIMIT], 1);
    CHECK_EQ_U64(f.result.rejected_by[RECEIVE_LABEL_LIMIT], 1);
    CHECK_EQ_U64(f.result.rejected_by[RECEIVE_MALFORMED], 1);
    ingest_commit(f.result.request, NULL, NULL);
    buf_deinit(&body);
    fixture_deinit(&f);
}

TEST(elastic_bulk_without_room_stores_nothing)
{
    struct fixture f;
    fixture_init(&f);
    f.ingest.room = 1;
    bulk(&f, S("{\"index\":{}}\n{\"message\":\"1\"}\n{\"index\":{}}\n{\"message\":\"2\"}\n"), "i");
    fixture_check(&f, 429, WHOLE("429", "es_rejected_execution_exception", "no memory for more records: send again later"), "");
    f.ingest.refuse = BOLE_E_FULL;
    bulk(&f, S("{\"index\":{}}\n{\"message\":\"1\"}\n"), "i");
    CHECK_EQ_U64(f.result.status, 503);
    CHECK(!f.result.request);
    fixture_deinit(&f);
}

TEST(elastic_document_by_itself)
{
    static const struct {
        const char *body, *id;
        unsigned    status;
        const char *answer, *stored;
    } docs[] = {
        {"{\n \"message\": \"a\",\n \"n\": 1\n}", NULL, 201, "{\"_index\":\"i\",\"_version\":1,\"result\":\"created\"}",
         NOW " {index=\"i\"} \"a\" n=\"1\"\n"},
        {"{\"message\":\"a\"}", "7", 201, "{\"_index\":\"i\",\"_id\":\"7\",\"_version\":1,\"result\":\"created\"}",
         NOW " {index=\"i\"} \"a\" _id=\"7\"\n"},
        {" ", NULL, 400, WHOLE("400", ILLEGAL, "request body is required"), ""},
        {"{\"a\":", NULL, 400, WHOLE("400", PARSING, "failed to parse: line 1: invalid JSON at byte 5: expecting a value"), ""},
        {"{\"a", NULL, 400, WHOLE("400", PARSING, "failed to parse: line 1: a string does not end, which began at byte 1"), ""},
    };
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof docs / sizeof *docs; i++) {
        struct receive_input in = fixture_input(&f, bole_slice_str(docs[i].body), "application/json");
        receive_elastic_doc(f.receiver, &in, S("i"), bole_slice_str(docs[i].id), &f.result);
        fixture_check(&f, docs[i].status, docs[i].answer, docs[i].stored);
    }
    fixture_deinit(&f);
}

TEST(elastic_bulk_shown_is_not_stored)
{
    struct fixture f;
    fixture_init(&f);
    struct receive_input in = fixture_input(&f, S("{\"index\":{}}\n{\"message\":\"a\",\"k\":\"v\"}\n{\"delete\":{}}\n"), "");
    in.debug = true;
    receive_elastic_bulk(f.receiver, &in, S("i"), &f.result);
    fixture_check(&f, 200,
                  "{\"accepted\":1,\"rejected\":1,\"errors\":[\"[delete] is not supported: logs are appended, never changed\"],"
                  "\"records\":[{\"time\":\"" NOW "\",\"stream\":{\"index\":\"i\"},\"line\":\"a\","
                  "\"fields\":{\"k\":\"v\"}}]}\n",
                  "");
    fixture_deinit(&f);
}

TEST(elastic_bulk_damaged_anywhere_never_breaks)
{
    static const char body[] = "{\"index\":{\"_index\":\"a\\u00e9\",\"_id\":1}}\n{\"message\":\"a\",\"o\":{\"p\":[1,{\"q\":null}]}}\n"
                               "{\"delete\":{}}\n{\"create\":{}}\n{\"@timestamp\":\"2026-11-21T10:00:00.5Z\"}\n";
    struct fixture f;
    fixture_init(&f);
    struct random rnd;
    random_seed(&rnd, 13);
    for (int round = 0; round < 20000; round++) {
        size_t len = 1 + random_below(&rnd, sizeof body - 1);
        char *copy = malloc(len); /* a read behind it is found by the sanitizer */
        memcpy(copy, body, len);
        for (int n = 0; n < 3; n++)
            copy[random_below(&rnd, len)] = "{}[]\":,\\\n 0e\xff\0a"[random_below(&rnd, 16)];
        bulk(&f, bole_slice_from(copy, len), "i");
        CHECK(f.result.status == 200 || f.result.status == 400);
        if (f.result.request)
            ingest_commit(f.result.request, NULL, NULL);
        fake_ingest_clear(&f.ingest);
        free(copy);
    }
    fixture_deinit(&f);
}

TEST(stream_labels_are_read_from_their_setting)
{
    struct arena arena;
    arena_init(&arena, NULL);
    const struct receive_label *labels;
    size_t count;
    struct bole_err err;
    CHECK_OK(receive_labels_parse(S(" host = host.name | host|node ,region,, "), &arena, &labels, &count, &err), err);
    CHECK_EQ_U64(count, 2);
    CHECK_EQ_SLICE(labels[0].name, S("host"));
    CHECK_EQ_U64(labels[0].from_count, 3);
    CHECK_EQ_SLICE(labels[0].from[1], S("host.name"));
    CHECK_EQ_SLICE(labels[0].from[2], S("node"));
    CHECK_EQ_SLICE(labels[1].from[0], S("region"));
    CHECK_OK(receive_labels_parse(S(""), &arena, &labels, &count, &err), err);
    CHECK_EQ_U64(count, 0);
    CHECK(receive_labels_parse(S("a.b=c"), &arena, &labels, &count, &err) == BOLE_E_INVALID);
    CHECK(receive_labels_parse(S("=c"), &arena, &labels, &count, &err) == BOLE_E_INVALID);
    CHECK(receive_labels_parse(S("a,b,a"), &arena, &labels, &count, &err) == BOLE_E_INVALID);
    arena_deinit(&arena);
}
