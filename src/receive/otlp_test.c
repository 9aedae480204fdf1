#include <stdlib.h>

#include "base/random.h"
#include "receive/proto_writer.h"
#include "receive/receive_fixture.h"

#define NOW  "1795255200000000000"

static void push(struct fixture *f, bole_slice body, const char *content_type)
{
    struct receive_input in = fixture_input(f, body, content_type);
    receive_otlp_logs(f->receiver, &in, &f->result);
}

/* ---- JSON ---- */

#define REQUEST(resource, records) \
    "{\"resourceLogs\":[{\"resource\":{\"attributes\":[" resource "]},\"scopeLogs\":[{\"logRecords\":[" records "]}]}]}"
#define ATTR(key, value) "{\"key\":\"" key "\",\"value\":{" value "}}"
#define STRING(text) "\"stringValue\":\"" text "\""
#define BODY(text) "\"body\":{" STRING(text) "}"
#define NONE "{service_name=\"unknown_service\"}"

static const struct {
    const char *body;
    unsigned    status;
    const char *answer, *stored;
} cases[] = {
    {"{}", 200, "{}", ""},
    {"{\"resourceLogs\":[]}", 200, "{}", ""},
    {"{\"resourceLogs\":null,\"more\":[1,{}]}", 200, "{}", ""},
    /* Everything that there is, as the specification writes it. */
    {"{\"resourceLogs\":[{\"resource\":{\"attributes\":[" ATTR("service.name", STRING("shop")) "," ATTR("host.name", STRING("h")) ","
     ATTR("deployment.environment", STRING("prod")) "," ATTR("os.type", STRING("linux")) "],\"droppedAttributesCount\":1},"
     "\"scopeLogs\":[{\"scope\":{\"name\":\"lib\",\"version\":\"1.2\",\"attributes\":[" ATTR("s", "\"intValue\":7") "]},\"logRecords\":["
     "{\"timeUnixNano\":\"1000000001\",\"observedTimeUnixNano\":\"2000000000\",\"severityNumber\":17,\"severityText\":\"ERROR\","
     BODY("boom") ",\"attributes\":[" ATTR("http.method", STRING("GET")) "," ATTR("ok", "\"boolValue\":true") "],\"droppedAttributesCount\":2,"
     "\"flags\":1,\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"eee19b7ec3c1b174\",\"eventName\":\"e\"}],\"schemaUrl\":\"u\"}]}]}",
     200, "{}",
     "1000000001 {env=\"prod\", host=\"h\", service_name=\"shop\"} \"boom\" http_method=\"GET\" ok=\"true\" severity_text=\"ERROR\" "
     "severity_number=\"17\" trace_id=\"5b8efff798038103d269b633813fc60c\" span_id=\"eee19b7ec3c1b174\" flags=\"1\" event_name=\"e\" "
     "observed_timestamp=\"2000000000\" dropped_attributes_count=\"2\" scope_name=\"lib\" scope_version=\"1.2\" s=\"7\" "
     "host_name=\"h\" deployment_environment=\"prod\" os_type=\"linux\"\n"},
    /* Time: its own, when it was observed, what the line says, now; numbers and strings. */
    {REQUEST("", "{\"timeUnixNano\":5,\"observedTimeUnixNano\":5},{\"timeUnixNano\":\"0\",\"observedTimeUnixNano\":6},"
                 "{" BODY("1970-01-01T00:00:07Z x") "},{" BODY("x") "}"), 200, "{}",
     "5 " NONE " \"\"\n6 " NONE " \"\"\n7000000000 " NONE " \"1970-01-01T00:00:07Z x\"\n" NOW " " NONE " \"x\"\n"},
    {REQUEST("", "{\"timeUnixNano\":\"9223372036854775808\"},{\"timeUnixNano\":9," BODY("kept") "}"), 200,
     "{\"partialSuccess\":{\"rejectedLogRecords\":\"1\",\"errorMessage\":\"record 1: the time is out of range\"}}", "9 " NONE " \"kept\"\n"},
    /* Values of every kind; lists flatten, arrays and bodies that nest are JSON. Blanks of a body are its own. */
    {REQUEST("", "{\"timeUnixNano\":1," BODY("  a\\tb \\u00e9 ") ",\"attributes\":[" ATTR("i", "\"intValue\":\"-7\"") ","
                 ATTR("d", "\"doubleValue\":1.50") "," ATTR("n", "\"doubleValue\":\"NaN\"") "," ATTR("b", "\"bytesValue\":\"AAE=\"") ","
                 ATTR("e", "") ",{\"key\":\"none\"}," ATTR("l", "\"kvlistValue\":{\"values\":[" ATTR("m", STRING("1")) ","
                 ATTR("o", "\"kvlistValue\":{\"values\":[" ATTR("p", "\"boolValue\":false") "]}") "]}") ","
                 ATTR("a", "\"arrayValue\":{\"values\":[{\"intValue\":1},{" STRING("x\\\"") "},{},{\"kvlistValue\":{\"values\":["
                 ATTR("k", "\"doubleValue\":0.5") "]}}]}") "]},"
                 "{\"timeUnixNano\":2,\"body\":{\"kvlistValue\":{\"values\":[" ATTR("msg", STRING("m")) "," ATTR("n", "\"intValue\":\"3\"") "]}}},"
                 "{\"timeUnixNano\":3,\"body\":{\"arrayValue\":{}}},{\"timeUnixNano\":4,\"body\":{\"intValue\":12}},{\"timeUnixNano\":5,\"body\":null}"),
     200, "{}",
     "1 " NONE " \"  a\\tb \xc3\xa9 \" i=\"-7\" d=\"1.50\" n=\"NaN\" b=\"AAE=\" l_m=\"1\" l_o_p=\"false\" "
     "a=\"[1,\\\"x\\\\\\\"\\\",null,{\\\"k\\\":0.5}]\"\n"
     "2 " NONE " \"{\\\"msg\\\":\\\"m\\\",\\\"n\\\":3}\"\n3 " NONE " \"[]\"\n4 " NONE " \"12\"\n5 " NONE " \"\"\n"},
    /* One name of several owners: nothing is lost, nothing is there twice. */
    {"{\"resourceLogs\":[{\"resource\":{\"attributes\":[" ATTR("x", STRING("resource")) "," ATTR("same", STRING("v")) "]},\"scopeLogs\":["
     "{\"scope\":{\"attributes\":[" ATTR("x", STRING("scope")) "]},\"logRecords\":[{\"timeUnixNano\":1,\"traceId\":\"0\",\"spanId\":\"ab\",\"attributes\":["
     ATTR("x", STRING("own")) "," ATTR("same", STRING("v")) "," ATTR("span_id", STRING("z")) "]}]}]}]}", 200, "{}",
     "1 " NONE " \"\" x=\"own\" same=\"v\" span_id=\"z\" attribute_span_id=\"ab\" scope_x=\"scope\" resource_x=\"resource\"\n"},
    /* Members in any order; what belongs to one resource or scope does not reach the next. */
    {"{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"attributes\":[{\"value\":{" STRING("v") "},\"key\":\"k\"}],\"timeUnixNano\":1}],"
     "\"scope\":{\"name\":\"s\"}},{\"logRecords\":[{\"timeUnixNano\":2}]}],\"resource\":{\"attributes\":[" ATTR("service.name", STRING("a")) "]}},"
     "{\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":3}]}]}]}", 200, "{}",
     "1 {service_name=\"a\"} \"\" k=\"v\" scope_name=\"s\"\n2 {service_name=\"a\"} \"\"\n3 " NONE " \"\"\n"},
    /* What is no OTLP. */
    {"", 400, "{\"code\":3,\"message\":\"invalid JSON: empty JSON text\"}", ""},
    {"[]", 400, "{\"code\":3,\"message\":\"invalid JSON at byte 0: expecting {\"}", ""},
    {"{\"resourceLogs\":7}", 400, "{\"code\":3,\"message\":\"invalid JSON at byte 16: expecting [\"}", ""},
    {"{\"resourceLogs\":[{\"scopeLogs\":{}}]}", 400, "{\"code\":3,\"message\":\"invalid JSON at byte 30: expecting [\"}", ""},
    {"{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":\"x\"}]}]}", 400, "{\"code\":3,\"message\":\"invalid JSON at byte 45: expecting [\"}", ""},
    {"{\"resourceLogs\":[{\"scopeLogs\":null}]}", 200, "{}", ""},
    {"{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":1},{\"timeUnixNano\":\"x\"}]}]}]}", 400,
     "{\"code\":3,\"message\":\"invalid JSON at byte 84: expecting a 64-bit number\"}", ""},
    {REQUEST("", "7"), 400, "{\"code\":3,\"message\":\"invalid JSON at byte 75: expecting {\"}", ""},
    {REQUEST("", "{\"body\":\"text\"}"), 400, "{\"code\":3,\"message\":\"invalid JSON at byte 83: expecting {\"}", ""},
    {REQUEST("", "{\"attributes\":{}}"), 400, "{\"code\":3,\"message\":\"invalid JSON at byte 89: expecting [\"}", ""},
    {REQUEST("", "{}") " x", 400, "{\"code\":3,\"message\":\"invalid JSON at byte 84: unexpected text behind the value\"}", ""},
};

TEST(otlp_json_is_stored)
{
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int again = 0; again < 2; again++) { /* the second time with streams from the cache */
            push(&f, bole_slice_str(cases[i].body), "application/json; charset=utf-8");
            fixture_check(&f, cases[i].status, cases[i].answer, cases[i].stored);
        }
    fixture_deinit(&f);
}

/* ---- protobuf: written by the tests themselves ---- */

static void put_fixed64(struct buf *b, unsigned field, uint64_t v)
{
    proto_tag(b, field, 1);
    buf_put_u64(b, v);
}

/* b becomes the message `field` of `out` and is empty again. */
static void wrap(struct buf *out, unsigned field, struct buf *b)
{
    proto_bytes(out, field, buf_slice(b));
    buf_reset(b);
}

static void put_string_attr(struct buf *out, unsigned field, const char *key, const char *value)
{
    struct buf any, pair;
    buf_init(&any, NULL);
    buf_init(&pair, NULL);
    proto_bytes(&any, 1, bole_slice_str(value));
    proto_bytes(&pair, 1, bole_slice_str(key));
    proto_bytes(&pair, 2, buf_slice(&any));
    wrap(out, field, &pair);
    buf_deinit(&any);
    buf_deinit(&pair);
}

/* A record with values of every kind, all fields there are, and one that nobody knows. */
static void put_record(struct buf *out)
{
    struct buf record, pair, any, list, inner;
    double half = 0.5;
    uint64_t bits;
    memcpy(&bits, &half, sizeof bits);
    buf_init(&record, NULL), buf_init(&pair, NULL), buf_init(&any, NULL), buf_init(&list, NULL), buf_init(&inner, NULL);
    put_fixed64(&record, 1, 1000000001);
    put_fixed64(&record, 11, 2000000000);
    proto_number(&record, 2, 17);
    proto_bytes(&record, 3, S("ERROR"));
    proto_bytes(&any, 1, S(" boom \xff"));
    wrap(&record, 5, &any);
    put_string_attr(&record, 6, "http.method", "GET");
    proto_number(&any, 3, (uint64_t)-7);
    proto_bytes(&pair, 1, S("i")), wrap(&pair, 2, &any), wrap(&record, 6, &pair);
    proto_number(&any, 2, 1);
    proto_bytes(&pair, 1, S("t")), wrap(&pair, 2, &any), wrap(&record, 6, &pair);
    put_fixed64(&any, 4, bits);
    proto_bytes(&pair, 1, S("d")), wrap(&pair, 2, &any), wrap(&record, 6, &pair);
    proto_bytes(&any, 7, S("\x00\x01"));
    proto_bytes(&pair, 1, S("b")), wrap(&pair, 2, &any), wrap(&record, 6, &pair);
    put_string_attr(&list, 1, "m", "1");
    wrap(&any, 6, &list);
    proto_bytes(&pair, 1, S("l")), wrap(&pair, 2, &any), wrap(&record, 6, &pair);
    proto_number(&inner, 3, 1), wrap(&list, 1, &inner);
    proto_bytes(&inner, 1, S("x\"")), wrap(&list, 1, &inner);
    wrap(&list, 1, &inner); /* no value */
    put_fixed64(&inner, 4, bits), wrap(&list, 1, &inner);
    wrap(&any, 5, &list);
    proto_bytes(&pair, 1, S("a")), wrap(&pair, 2, &any), wrap(&record, 6, &pair);
    proto_number(&record, 7, 2);
    proto_tag(&record, 8, 5), buf_put_u32(&record, 1);
    proto_bytes(&record, 9, S("\x5b\x8e\xff\xf7\x98\x03\x81\x03\xd2\x69\xb6\x33\x81\x3f\xc6\x0c"));
    proto_bytes(&record, 10, S("\0\0\0\0\0\0\0\0"));
    proto_bytes(&record, 12, S("e"));
    proto_bytes(&record, 99, S("?"));
    wrap(out, 2, &record);
    buf_deinit(&record), buf_deinit(&pair), buf_deinit(&any), buf_deinit(&list), buf_deinit(&inner);
}

static void build(struct buf *out)
{
    struct buf resource, scope, scope_logs, resource_logs;
    buf_init(&resource, NULL), buf_init(&scope, NULL), buf_init(&scope_logs, NULL), buf_init(&resource_logs, NULL);
    proto_bytes(&scope, 1, S("lib"));
    proto_bytes(&scope, 2, S("1.2"));
    put_string_attr(&scope, 3, "s", "7");
    put_record(&scope_logs);
    wrap(&scope_logs, 1, &scope); /* behind the record that it belongs to */
    put_string_attr(&resource, 1, "service.name", "shop");
    put_string_attr(&resource, 1, "os.type", "linux");
    wrap(&resource_logs, 2, &scope_logs);
    wrap(&resource_logs, 1, &resource);
    wrap(out, 1, &resource_logs);
    buf_deinit(&resource), buf_deinit(&scope), buf_deinit(&scope_logs), buf_deinit(&resource_logs);
}

TEST(otlp_protobuf_is_stored)
{
    struct fixture f;
    struct buf body;
    fixture_init(&f);
    buf_init(&body, NULL);
    build(&body);
    for (int again = 0; again < 2; again++) {
        push(&f, buf_slice(&body), again ? "" : "application/x-protobuf");
        fixture_check(&f, 200, "",
                      "1000000001 {service_name=\"shop\"} \" boom \xef\xbf\xbd\" http_method=\"GET\" i=\"-7\" t=\"true\" d=\"0.5\" b=\"AAE=\" l_m=\"1\" "
                      "a=\"[1,\\\"x\\\\\\\"\\\",null,0.5]\" severity_text=\"ERROR\" severity_number=\"17\" "
                      "trace_id=\"5b8efff798038103d269b633813fc60c\" flags=\"1\" event_name=\"e\" observed_timestamp=\"2000000000\" "
                      "dropped_attributes_count=\"2\" scope_name=\"lib\" scope_version=\"1.2\" s=\"7\" os_type=\"linux\"\n");
    }
    push(&f, S(""), "application/x-protobuf");
    fixture_check(&f, 200, "", "");
    push(&f, S("\x0a\x05"), "application/x-protobuf");
    fixture_check(&f, 400, "\x08\x03\x12\x53protobuf: a field is longer than its message, at byte 0 of the decompressed request", "");
    push(&f, S("{}"), "text/plain");
    CHECK_EQ_U64(f.result.status, 415);
    buf_deinit(&body);
    fixture_deinit(&f);
}

TEST(otlp_refuses_single_records_in_the_response)
{
    struct fixture f;
    struct buf body, record, scope_logs, resource_logs, any, outer;
    fixture_init(&f);
    buf_init(&body, NULL), buf_init(&record, NULL), buf_init(&scope_logs, NULL), buf_init(&resource_logs, NULL);
    buf_init(&any, NULL), buf_init(&outer, NULL);
    proto_bytes(&any, 1, S("deep"));
    for (int i = 0; i < 200; i++) { /* an array in an array... */
        wrap(&outer, 1, &any);
        wrap(&any, 5, &outer);
    }
    wrap(&record, 5, &any);
    wrap(&scope_logs, 2, &record);
    put_fixed64(&record, 1, UINT64_MAX);
    wrap(&scope_logs, 2, &record);
    put_fixed64(&record, 1, 1);
    wrap(&scope_logs, 2, &record);
    wrap(&resource_logs, 2, &scope_logs);
    wrap(&body, 1, &resource_logs);
    push(&f, buf_slice(&body), "application/x-protobuf");
    CHECK_EQ_U64(f.result.rejected, 2);
    fixture_check(&f, 200,
                  "\x0a\x6c\x08\x02\x12\x68" "1 errors like: record 1: values are nested too deeply; "
                  "1 errors like: record 2: the time is out of range",
                  "1 " NONE " \"\"\n");
    buf_deinit(&body), buf_deinit(&record), buf_deinit(&scope_logs), buf_deinit(&resource_logs), buf_deinit(&any), buf_deinit(&outer);
    fixture_deinit(&f);
}

TEST(otlp_without_room_stores_nothing)
{
    struct fixture f;
    fixture_init(&f);
    f.ingest.room = 1;
    push(&f, S(REQUEST("", "{},{}")), "application/json");
    fixture_check(&f, 429, "{\"code\":8,\"message\":\"no memory for more records: send again later\"}", "");
    fixture_deinit(&f);
}

TEST(otlp_damaged_anywhere_never_breaks)
{
    struct fixture f;
    struct buf proto;
    struct random rnd;
    fixture_init(&f);
    buf_init(&proto, NULL);
    build(&proto);
    random_seed(&rnd, 17);
    for (int round = 0; round < 20000; round++) {
        bole_slice from = round % 2 ? buf_slice(&proto) : bole_slice_str(cases[3 + (unsigned)round / 2 % 5].body);
        size_t len = round % 3 ? from.len : 1 + random_below(&rnd, from.len);
        char *copy = malloc(len); /* a read behind it is found by the sanitizer */
        memcpy(copy, from.ptr, len);
        for (int n = 0; n < 2; n++)
            copy[random_below(&rnd, len)] = round % 2 ? (char)random_below(&rnd, 256) : "{}[]\":,\\\n 0e\xff\0a"[random_below(&rnd, 16)];
        push(&f, bole_slice_from(copy, len), round % 2 ? "" : "application/json");
        CHECK(f.result.status == 200 || f.result.status == 400);
        if (f.result.request)
            ingest_commit(f.result.request, NULL, NULL);
        fake_ingest_clear(&f.ingest);
        free(copy);
    }
    buf_deinit(&proto);
    fixture_deinit(&f);
}
