#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "receive/json.h"
#include "receive/receive_fixture.h"

static const struct {
    const char *body;
    unsigned    status;
    const char *answer;
    const char *stored;
} cases[] = {
    {"{\"streams\":[{\"stream\":{\"b\":\"2\",\"a\":\"1\"},\"values\":[[\"1\",\"x\"],[\"2\",\"y\"]]}]}", 204, "",
     "1 {a=\"1\", b=\"2\"} \"x\"\n2 {a=\"1\", b=\"2\"} \"y\"\n"},
    {" { \"streams\" : [ { \"values\" : [ [ \"5\" , \"late labels\" ] ] , \"stream\" : { \"a\" : \"1\" } } ] } \n", 204,
     "", "5 {a=\"1\"} \"late labels\"\n"},
    {"{\"other\":[{\"x\":[1,2.5e3,null]}],\"streams\":[{\"stream\":{\"a\":\"1\"},\"more\":true,\"values\":[[\"-7\","
     "\"\"]]}]}",
     204, "", "-7 {a=\"1\"} \"\"\n"},
    /* Structured metadata: sorted, cleaned, without empty values; a cleaned name is written over its equal. */
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\",{\"z\":\"26\",\"dotted.key\":\"d\",\"e\":\"\","
     "\"9x\":\"n\"}]]}]}",
     204, "", "1 {a=\"1\"} \"x\" dotted_key=\"d\" key_9x=\"n\" z=\"26\"\n"},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\",{\"k\":\"1\",\"k\":\"2\",\"a_b\":\"clean\",\"a."
     "b\":\"dot\",\"a-b\":\"dash\"}]]}]}",
     204, "", "1 {a=\"1\"} \"x\" a_b=\"dash\" k=\"2\"\n"},
    /* An empty value takes the name away, but not what a cleaned name writes there. */
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\",{\"k\":\"1\",\"k\":\"\",\"k\":\"2\",\"a.b\":\"dot\",\"a_b\":\"\"}],"
     "[\"1\",\"y\",{\"k\":\"\",\"a_b\":\"clean\",\"a.b\":\"\",\"k\":\"1\"}]]}]}",
     204, "", "1 {a=\"1\"} \"x\" a_b=\"dot\"\n1 {a=\"1\"} \"y\"\n"},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\",{}],[\"1\",\"y\",{\"t\":\"1\"},\"ignored\",7]]}]"
     "}",
     204, "", "1 {a=\"1\"} \"x\"\n1 {a=\"1\"} \"y\" t=\"1\"\n"},
    /* Escapes, NUL, surrogates. */
    {"{\"streams\":[{\"stream\":{\"a\":\"q\\\"\\u00e9\"},\"values\":[[\"1\",\"\\t\\u0000\\\\ \\ud83d\\ude00\"]]}]}",
     204, "", "1 {a=\"q\\\"\xc3\xa9\"} \"\\t\\u0000\\\\ \xf0\x9f\x98\x80\"\n"},
    /* Nothing to store is no error, if only there is a stream. */
    {"{\"streams\":[{\"stream\":{},\"values\":[]}]}", 204, "", ""},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":null}]}", 204, "", ""},
    {"{\"streams\":[]}", 422, "error at least one valid stream is required for ingestion", ""},
    {"{}", 422, "error at least one valid stream is required for ingestion", ""},
    {"{\"streams\":null}", 422, "error at least one valid stream is required for ingestion", ""},
    /* A stream that cannot be taken does not take its neighbours down. */
    {"{\"streams\":[{\"stream\":{},\"values\":[[\"1\",\"x\"]]},{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"y\"]]}]}",
     400, "error at least one label pair is required per stream", "1 {a=\"1\"} \"y\"\n"},
    {"{\"streams\":[{\"values\":[[\"1\",\"x\"]],\"entries\":[],\"stream\":{\"a\":\"1\"}}]}", 400,
     "invalid JSON at byte 44: entries twice, and no labels before them", ""},
    {"{\"streams\":[{\"values\":[[\"1\",\"x\"]]}]}", 400, "error at least one label pair is required per stream", ""},
    {"{\"streams\":[{\"stream\":{\"a\":\"\"},\"values\":[[\"1\",\"x\"]]}]}", 400,
     "error at least one label pair is required per stream", ""},
    {"{\"streams\":[{\"stream\":{\"a-b\":\"1\"},\"values\":[[\"1\",\"x\"],[\"2\",\"x\"]]},{\"stream\":{\"a\":\"1\"},"
     "\"values\":[[\"1\",\"y\"]]}]}",
     400, "couldn't parse labels: 'a-b' is not a label name: {\"a-b\":\"1\"}", "1 {a=\"1\"} \"y\"\n"},
    {"{\"streams\":[{\"stream\":{\"a\":1},\"values\":[[\"1\",\"x\"]]}]}", 400,
     "couldn't parse labels: a value is not a string: {\"a\":1}", ""},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\",\"a\":\"2\"},\"values\":[[\"1\",\"x\"]]}]}", 204, "",
     "1 {a=\"2\"} \"x\"\n"},
    /* Nor does an entry. */
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\"],[\"abc\",\"bad\"],[\"3\",\"z\"]]}]}", 400,
     "streams[0].values[1]: the timestamp is not a number of nanoseconds: abc",
     "1 {a=\"1\"} \"x\"\n3 {a=\"1\"} \"z\"\n"},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[1,\"x\"],[\"2\",\"y\"]]}]}", 400,
     "streams[0].values[0]: expecting [\"nanoseconds\", \"line\"] of two strings", "2 {a=\"1\"} \"y\"\n"},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\"],7,{\"x\":[1]},[\"1\",2],[],[\"2\",\"y\"]]}]}", 400,
     "1 errors like: streams[0].values[0]: expecting [\"nanoseconds\", \"line\"] of two strings; "
     "1 errors like: streams[0].values[1]: expecting [\"nanoseconds\", \"line\"] of two strings; "
     "1 errors like: streams[0].values[2]: expecting [\"nanoseconds\", \"line\"] of two strings; "
     "1 errors like: streams[0].values[3]: expecting [\"nanoseconds\", \"line\"] of two strings; "
     "1 errors like: streams[0].values[4]: expecting [\"nanoseconds\", \"line\"] of two strings",
     "2 {a=\"1\"} \"y\"\n"},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\",{\"k\":1}],[\"2\",\"y\",\"no\"],[\"3\",\"z\"]]}]"
     "}",
     400,
     "1 errors like: streams[0].values[0]: structured metadata is not an object of strings; "
     "1 errors like: streams[0].values[1]: structured metadata is not an object of strings",
     "3 {a=\"1\"} \"z\"\n"},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\",{\"\":\"v\"}]]}]}", 400,
     "stream '{a=\"1\"}' has structured metadata with an empty name", ""},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"9223372036854775808\",\"x\"],[\"9223372036854775807\","
     "\"y\"],[\"-9223372036854775808\",\"z\"],[\"+1\",\"p\"],[\"\",\"e\"],[\"-\",\"m\"],[\" 1\",\"b\"]]}]}",
     400, NULL, "9223372036854775807 {a=\"1\"} \"y\"\n-9223372036854775808 {a=\"1\"} \"z\"\n"},
    /* What cannot be parsed to its end stores nothing. */
    {"", 400, "invalid JSON: empty JSON text", ""},
    {" ", 400, "invalid JSON: empty JSON text", ""},
    {"[]", 400, "invalid JSON at byte 0: expecting {", ""},
    {"7", 400, "invalid JSON at byte 0: expecting {", ""},
    {"{\"streams\":{}}", 400, "invalid JSON at byte 11: expecting [", ""},
    {"{\"streams\":[1]}", 400, "invalid JSON at byte 12: expecting {", ""},
    {"{\"streams\":[{\"stream\":7}]}", 400, "invalid JSON at byte 22: expecting an object of labels", ""},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":{}}]}", 400, "invalid JSON at byte 41: expecting [", ""},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\"]]}]} x", 400,
     "invalid JSON at byte 56: unexpected text behind the value", ""},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\"]]}]}{}", 400,
     "invalid JSON at byte 55: unexpected text behind the value", ""},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\"],]}]}", 400,
     "invalid JSON at byte 52: expecting a value", ""},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\"] [\"2\",\"y\"]]}]}", 400,
     "invalid JSON at byte 52: expecting , or ]", ""},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\",},\"values\":[[\"1\",\"x\"]]}]}", 400,
     "invalid JSON at byte 31: expecting a string", ""},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\\q\"]]}]}", 400,
     "invalid JSON at byte 49: invalid escape in a string", ""},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\\u12g4\"]]}]}", 400,
     "invalid JSON at byte 49: invalid escape in a string", ""},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\n\"]]}]}", 400,
     "invalid JSON: a string holds a control character that is not escaped, at byte 49", ""},
    {"{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x]]}]}", 400, 
     "invalid JSON: a string does not end, which began at byte 47", ""},
    {"{\"x\":01,\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\"]]}]}", 400,
     "invalid JSON at byte 5: expecting a value", ""},
    {"{\"x\":nul,\"streams\":[]}", 400, "invalid JSON at byte 5: expecting a value", ""},
    {"{\"x\":1.,\"streams\":[]}", 400, "invalid JSON at byte 5: expecting a value", ""},
    {"{\"x\":1e,\"streams\":[]}", 400, "invalid JSON at byte 5: expecting a value", ""},
    {"{\"x\":-,\"streams\":[]}", 400, "invalid JSON at byte 5: expecting a value", ""},
    {"{\"x\" 1}", 400, "invalid JSON at byte 5: expecting :", ""},
    {"{\"x\":\"a\"b}", 400, "invalid JSON at byte 8: expecting , or }", ""},
    /* The old form. */
    {"{\"streams\":[{\"labels\":\"{job=\\\"x\\\"}\",\"entries\":[{\"ts\":\"1970-01-01T00:00:01.5Z\",\"line\":\"l\"}]}]"
     "}",
     204, "", "1500000000 {job=\"x\"} \"l\"\n"},
    {"{\"streams\":[{\"entries\":[{\"timestamp\":\"1970-01-01T00:00:01Z\",\"line\":\"l\"},{\"ts\":\"no\",\"line\":"
     "\"l\"},{\"ts\":\"1970-01-01T00:00:01Z\"},5],\"labels\":\"{job=\\\"x\\\"}\"}]}",
     400,
     "1 errors like: streams[0].values[1]: the timestamp is not RFC 3339: no; "
     "1 errors like: streams[0].values[2]: expecting an object with ts and line; "
     "1 errors like: streams[0].values[3]: expecting an object with ts and line",
     "1000000000 {job=\"x\"} \"l\"\n"},
    {"{\"streams\":[{\"labels\":\"{job=x}\",\"entries\":[{\"ts\":\"1970-01-01T00:00:01Z\",\"line\":\"l\"}]}]}", 400,
     "couldn't parse labels: parse error at line 1, col 6: expecting a quoted value: {job=x}", ""},
};

TEST(json_push_stores_and_refuses)
{
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int again = 0; again < 2; again++) { /* the second time with labels from the cache */
            fixture_push(&f, bole_slice_str(cases[i].body), "application/json; charset=utf-8");
            if (cases[i].answer)
                fixture_check(&f, cases[i].status, cases[i].answer, cases[i].stored);
            else
                fixture_check(&f, cases[i].status,
                              (const char *)arena_printf(&f.arena, "%.*s", BOLE_SLICE_ARG(f.result.body)).ptr,
                              cases[i].stored);
        }
    }
    fixture_deinit(&f);
}

TEST(json_push_repairs_bad_utf8_of_one_record_only)
{
    struct fixture f;
    fixture_init(&f);
    fixture_push(
        &f,
        S("{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"good \xc3\xa9\"],[\"2\",\"bad \xff\xc3 \\n\"],"
          "[\"3\",\"x\",{\"k\":\"\xf0\x9f\"}],[\"4\",\"lone \\ud800 \\udc00\\u0041\"],[\"5\",\"fine\"]]}]}"),
        "application/json");
    CHECK_EQ_U64(f.result.utf8_replaced, 3);
    CHECK_EQ_U64(f.result.accepted, 5);
    fixture_check(&f, 204, "",
                  "1 {a=\"1\"} \"good \xc3\xa9\"\n2 {a=\"1\"} \"bad \xef\xbf\xbd\xef\xbf\xbd \\n\"\n"
                  "3 {a=\"1\"} \"x\" k=\"\xef\xbf\xbd\xef\xbf\xbd\"\n4 {a=\"1\"} \"lone \xef\xbf\xbd \xef\xbf\xbd"
                  "A\"\n5 {a=\"1\"} \"fine\"\n");
    fixture_push(&f, S("{\"streams\":[{\"stream\":{\"a\":\"1\"},\xff\"values\":[[\"1\",\"x\"]]}]}"),
                 "application/json");
    fixture_check(&f, 400, "invalid JSON at byte 32: expecting a string", "");
    fixture_deinit(&f);
}

TEST(json_push_truncated_anywhere_stores_nothing)
{
    static const char body[] =
        "{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\"],[\"2\",\"y\",{\"k\":\"\\u00e9\"}]]}]}";
    struct fixture f;
    fixture_init(&f);
    /* Each one ends right before a page that may not be touched: the tokenizer needs no padding. */
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && mprotect(pages + page, page, PROT_NONE) == 0);
    for (size_t len = 0; len < sizeof body; len++) {
        memcpy(pages + page - len, body, len);
        fixture_push(&f, bole_slice_from(pages + page - len, len), "application/json");
        bool whole = len == sizeof body - 1;
        CHECK_EQ_U64(f.result.status, whole ? 204 : 400);
        CHECK((f.result.request != NULL) == whole);
        if (f.result.request)
            ingest_commit(f.result.request, NULL, NULL);
    }
    munmap(pages, 2 * page);
    fixture_deinit(&f);
}

TEST(json_push_limits_are_per_entry)
{
    struct fixture f;
    fixture_init(&f);
    struct buf body;
    buf_init(&body, NULL);
    buf_put_str(&body, "{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"");
    for (size_t i = 0; i <= RECORD_LINE_MAX; i++)
        buf_put_u8(&body, 'x');
    buf_put_str(&body, "\"],[\"2\",\"m\",{");
    for (size_t i = 0; i <= RECORD_FIELDS_MAX; i++)
        buf_printf(&body, "%s\"k%zu\":\"v\"", i ? "," : "", i);
    buf_put_str(&body, "}],[\"3\",\"s\",{\"k\":\"");
    for (size_t i = 0; i <= RECORD_FIELDS_SIZE_MAX; i++)
        buf_put_u8(&body, 'v');
    buf_put_str(&body, "\"}],[\"4\",\"neighbour\"]]}]}");
    fixture_push(&f, buf_slice(&body), "application/json");
    CHECK_EQ_U64(f.result.rejected, 3);
    CHECK_EQ_U64(f.result.rejected_by[RECEIVE_LINE_TOO_LONG], 1);
    CHECK_EQ_U64(f.result.rejected_by[RECEIVE_FIELD_LIMIT], 2);
    fixture_check(
        &f, 400,
        "1 errors like: max entry size '786432' bytes exceeded for stream '{a=\"1\"}' while adding an entry with "
        "length '786433' bytes; "
        "1 errors like: streams[0].values[1]: too many structured metadata labels; "
        "1 errors like: stream '{a=\"1\"}' has structured metadata too large: '131074' bytes, limit: '131072' bytes",
        "4 {a=\"1\"} \"neighbour\"\n");
    buf_deinit(&body);
    fixture_deinit(&f);
}

TEST(json_push_nesting_and_label_counts_are_bounded)
{
    struct fixture f;
    fixture_init(&f);
    struct buf body;
    buf_init(&body, NULL);
    buf_put_str(&body, "{\"x\":");
    for (int i = 0; i < 100000; i++)
        buf_put_u8(&body, '[');
    fixture_push(&f, buf_slice(&body), "application/json");
    fixture_check(&f, 400, "invalid JSON at byte 69: nested too deeply", "");
    buf_reset(&body);
    buf_put_str(&body, "{\"streams\":[{\"stream\":{");
    for (int i = 0; i < 70; i++)
        buf_printf(&body, "%s\"l%d\":\"v\"", i ? "," : "", i);
    buf_put_str(&body, "},\"values\":[[\"1\",\"x\"]]}]}");
    fixture_push(&f, buf_slice(&body), "application/json");
    CHECK_EQ_U64(f.result.status, 400);
    CHECK_EQ_U64(f.result.rejected_by[RECEIVE_LABEL_LIMIT], 1);
    CHECK(bole_slice_starts(f.result.body, S("entry for stream '{\"l0\":\"v\",")));
    CHECK(f.result.request == NULL);
    buf_deinit(&body);
    fixture_deinit(&f);
}

TEST(detection_adds_level_and_service)
{
    struct fixture f;
    fixture_init(&f);
    f.options.detect_level = true;
    f.options.service_names = service_name_candidates;
    f.options.service_name_count = service_name_candidate_count;
    fixture_push(
        &f,
        S("{\"streams\":[{\"stream\":{\"job\":\"j\"},\"values\":[[\"1\",\"an error "
          "here\"],[\"2\",\"x\",{\"severity\":\"WARNING\"}],"
          "[\"3\",\"x\",{\"detected_level\":\"Err\",\"level\":\"info\"}],[\"4\",\"error\",{\"severity_number\":\"5\"}],"
          "[\"5\",\"x\"]]},"
          "{\"stream\":{\"level\":\"CRITICAL\",\"other\":\"x\"},\"values\":[[\"6\",\"info\",{\"level\":\"debug\"}]]},"
          "{\"stream\":{},\"values\":[[\"7\",\"x\"]]}]}"),
        "application/json");
    fixture_check(&f, 400, "error at least one label pair is required per stream",
                  "1 {job=\"j\", service_name=\"j\"} \"an error here\" detected_level=\"error\"\n"
                  "2 {job=\"j\", service_name=\"j\"} \"x\" severity=\"WARNING\" detected_level=\"warn\"\n"
                  "3 {job=\"j\", service_name=\"j\"} \"x\" detected_level=\"error\" level=\"info\"\n"
                  "4 {job=\"j\", service_name=\"j\"} \"error\" severity_number=\"5\" detected_level=\"debug\"\n"
                  "5 {job=\"j\", service_name=\"j\"} \"x\" detected_level=\"unknown\"\n"
                  "6 {level=\"CRITICAL\", other=\"x\", service_name=\"unknown_service\"} \"info\" level=\"debug\" "
                  "detected_level=\"critical\"\n");
    fixture_deinit(&f);
}

/* Whatever is quoted may be long: what is wrong with it must still be there. */
TEST(long_labels_do_not_hide_what_is_wrong_with_them)
{
    enum { LONG = 6000 };
    struct fixture f;
    struct buf b;
    char text[LONG + 1];
    memset(text, 'x', LONG);
    text[LONG] = 0;
    fixture_init(&f);
    for (int round = 0; round < 3; round++) {
        static const char *const reasons[] = {"' has 70 label names; limit 64", "' has label value too long: 'xx",
                                              "' has label name too long: 'xx"};
        buf_init(&b, NULL);
        buf_put_str(&b, "{\"streams\":[{\"stream\":{\"a\":\"1\"");
        if (round == 1)
            buf_printf(&b, ",\"b\":\"%s\"", text);
        if (round == 2)
            buf_printf(&b, ",\"%s\":\"1\"", text);
        for (int i = 1; i < 70 && round == 0; i++)
            buf_printf(&b, ",\"a_rather_long_name_of_a_label_%d\":\"1\"", i);
        buf_put_str(&b, "},\"values\":[[\"1\",\"x\"]]}]}");
        fixture_push(&f, buf_slice(&b), "application/json");
        CHECK_EQ_U64(f.result.status, 400);
        CHECK(memmem(f.result.body.ptr, f.result.body.len, reasons[round], strlen(reasons[round])));
        CHECK(f.result.body.len < 1100);
        buf_deinit(&b);
    }
    fixture_deinit(&f);
}

TEST(refusals_of_ingest_are_passed_on)
{
    static const char body[] = "{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\"],[\"2\",\"y\"]]}]}";
    struct fixture f;
    fixture_init(&f);
    f.ingest.refuse = BOLE_E_LIMIT;
    fixture_push(&f, S(body), "application/json");
    fixture_check(&f, 429, "no room: send again later", "");
    f.ingest.refuse = BOLE_E_FULL;
    fixture_push(&f, S(body), "application/json");
    fixture_check(&f, 503, "no room: send again later", "");
    f.ingest.refuse = BOLE_OK;
    f.ingest.room = 1; /* memory fills up at the second record: all or nothing */
    fixture_push(&f, S(body), "application/json");
    fixture_check(&f, 429, "no memory for more records: send again later", "");
    fixture_deinit(&f);
}
