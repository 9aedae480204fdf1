/* Deliveries of AWS Firehose and payloads of CloudWatch. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <zlib.h>

#include "receive/receive_fixture.h"

#define NOW "1795255200000000000"
#define OK_ANSWER "{\"requestId\":\"r-1\",\"timestamp\":1795255200000"
#define PAYLOAD(type, events) "{\"messageType\":\"" type "\",\"owner\":\"123\",\"logGroup\":\"/aws/lambda/pay\",\"logStream\":\"s/1\"," \
                              "\"subscriptionFilters\":[\"all\"],\"logEvents\":[" events "]}"
#define EVENT(n, text) "{\"id\":\"9\",\"timestamp\":179525520000" n ",\"message\":\"" text "\"}"
#define STORED(n, text) "179525520000" n "000000 {service_name=\"/aws/lambda/pay\"} \"" text "\" log_group=\"/aws/lambda/pay\" log_stream=\"s/1\" " \
                        "owner=\"123\"\n"

static void gzip(const char *text, struct buf *out)
{
    z_stream z = {.next_in = (Bytef *)text, .avail_in = (uInt)strlen(text)};
    CHECK(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    CHECK(buf_reserve(out, deflateBound(&z, strlen(text)) + 64));
    z.next_out = out->ptr + out->len;
    z.avail_out = (uInt)(out->cap - out->len);
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    out->len = out->cap - z.avail_out;
    deflateEnd(&z);
}

/* A record of a delivery: base64 of the text, perhaps with gzip. */
static void put_record(struct buf *out, const char *text, bool zipped)
{
    struct buf bytes;
    buf_init(&bytes, NULL);
    if (zipped)
        gzip(text, &bytes);
    else
        buf_put_str(&bytes, text);
    char *encoded = malloc(bytes.len * 2 + 8);
    EVP_EncodeBlock((unsigned char *)encoded, bytes.ptr ? bytes.ptr : (const unsigned char *)"", (int)bytes.len);
    buf_printf(out, "{\"data\":\"%s\"}", encoded);
    free(encoded);
    buf_deinit(&bytes);
}

static void deliver(struct fixture *f, bole_slice body)
{
    struct receive_input in = fixture_input(f, body, "application/json");
    struct firehose_params params = {.request_id = S("r-1"),
                                     .source_arn = S("arn:aws:firehose:eu-central-1:123:deliverystream/orders"),
                                     .common_attributes = S("{\"commonAttributes\":{\"env\":\"prod\",\"n\":null}}")};
    receive_firehose(f->receiver, &in, &params, &f->result);
}

TEST(a_delivery_holds_text_json_and_payloads)
{
    static const struct { const char *text, *stored; } cases[] = {
        {"plain line\nsecond\n\n", NOW " {env=\"prod\", service_name=\"orders\"} \"plain line\"\n"
                                   NOW " {env=\"prod\", service_name=\"orders\"} \"second\"\n"},
        {"{\"message\":\"m\",\"service\":\"pay\",\"timestamp\":1795255200001}{\"a\":1}",
         "1795255200001000000 {env=\"prod\", service_name=\"pay\"} \"m\" service=\"pay\"\n"
         NOW " {env=\"prod\", service_name=\"orders\"} \"{\\\"a\\\":1}\" a=\"1\"\n"},
        {"{\"half\":\n", NOW " {env=\"prod\", service_name=\"orders\"} \"{\\\"half\\\":\"\n"},
        {PAYLOAD("CONTROL_MESSAGE", EVENT("1", "health")), ""},
        /* Nearly a payload, and not: an object with all that it says. */
        {"{\"messageType\":\"OTHER\",\"logEvents\":[7]}", NOW " {env=\"prod\", service_name=\"orders\"} "
         "\"{\\\"messageType\\\":\\\"OTHER\\\",\\\"logEvents\\\":[7]}\" messageType=\"OTHER\" logEvents=\"[7]\"\n"},
        {"{\"messageType\":\"DATA_MESSAGE\",\"logGroup\":5,\"logEvents\":[7],\"msg\":\"m\"}", NOW " {env=\"prod\", service_name=\"orders\"} "
         "\"m\" messageType=\"DATA_MESSAGE\" logGroup=\"5\" logEvents=\"[7]\"\n"},
        {"{\"messageType\":\"DATA_MESSAGE\",\"logEvents\":[7],\"logEvents\":[],\"msg\":\"m\"}", NOW " {env=\"prod\", service_name=\"orders\"} "
         "\"m\" messageType=\"DATA_MESSAGE\" logEvents=\"[7]\"\n"},
        {"", ""},
    };
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int zipped = 0; zipped < 2; zipped++) {
            struct buf body;
            buf_init(&body, NULL);
            buf_put_str(&body, "{\"requestId\":\"r-1\",\"timestamp\":1,\"records\":[");
            put_record(&body, cases[i].text, zipped);
            buf_put_str(&body, "]}");
            deliver(&f, buf_slice(&body));
            fixture_check(&f, 200, OK_ANSWER "}", cases[i].stored);
            buf_deinit(&body);
        }
    fixture_deinit(&f);
}

TEST(a_common_attribute_that_is_no_text_is_kept)
{
    struct fixture f;
    fixture_init(&f);
    struct receive_input in = fixture_input(&f, S("{\"records\":[{\"data\":\"YQ==\"}]}"), "application/json");
    struct firehose_params params = {.common_attributes = S("{\"commonAttributes\":{\"n\":1,\"l\":[true],\"z\":null}}")};
    receive_firehose(f.receiver, &in, &params, &f.result);
    f.result.body = S("");
    fixture_check(&f, 200, "", NOW " {service_name=\"unknown_service\"} \"a\" n=\"1\" l=\"[true]\"\n");
    fixture_deinit(&f);
}

/* What nothing can be made of costs itself alone: the delivery would come again for hours. */
TEST(a_bad_record_does_not_harm_its_neighbours)
{
    struct fixture f;
    fixture_init(&f);
    struct buf body;
    buf_init(&body, NULL);
    buf_put_str(&body, "{\"records\":[{\"data\":\"%%%%\"},7,{},{\"data\":\"H4sIAAAA\"},");
    put_record(&body, "good", true);
    buf_put_str(&body, "]}");
    deliver(&f, buf_slice(&body));
    CHECK_EQ_U64(f.result.rejected, 4);
    CHECK_EQ_U64(f.result.status, 200);
    f.result.body = S("");
    fixture_check(&f, 200, "", NOW " {env=\"prod\", service_name=\"orders\"} \"good\"\n");
    buf_deinit(&body);
    fixture_deinit(&f);
}

TEST(what_is_no_delivery_is_refused_in_its_form)
{
    static const struct { const char *body, *message; } cases[] = {
        {"{\"records\":[", "the delivery: invalid JSON at byte 12: the array does not end"},
        {"{}", "the delivery has no records"},
        {"[]", "the delivery: invalid JSON at byte 0: expecting {"},
    };
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char answer[256];
        deliver(&f, bole_slice_str(cases[i].body));
        snprintf(answer, sizeof answer, OK_ANSWER ",\"errorMessage\":\"%s\"}", cases[i].message);
        fixture_check(&f, 400, answer, "");
    }
    fixture_deinit(&f);
}

TEST(a_bomb_is_cut_off)
{
    struct fixture f;
    fixture_init(&f);
    f.options.decoded_max_bytes = 1 << 20;
    char *zeros = malloc((2 << 20) + 1);
    memset(zeros, '0', 2 << 20);
    zeros[2 << 20] = 0;
    struct buf body;
    buf_init(&body, NULL);
    buf_put_str(&body, "{\"records\":[");
    put_record(&body, zeros, true);
    buf_put_str(&body, "]}");
    deliver(&f, buf_slice(&body));
    fixture_check(&f, 413, OK_ANSWER ",\"errorMessage\":\"the records have more than 1 MB after decompression\"}", "");
    buf_deinit(&body);
    free(zeros);
    fixture_deinit(&f);
}

static void forward(struct fixture *f, bole_slice body)
{
    struct receive_input in = fixture_input(f, body, "application/json");
    receive_cloudwatch(f->receiver, &in, &f->result);
}

TEST(a_payload_of_cloudwatch_comes_in_three_forms)
{
    static const char payload[] = PAYLOAD("DATA_MESSAGE", EVENT("1", "one\\u00fc") ",7," EVENT("2", "\\ud8") "," EVENT("3", "three"));
    static const char stored[] = STORED("1", "one\xc3\xbc") STORED("3", "three");
    struct fixture f;
    fixture_init(&f);
    struct buf zipped, event;
    buf_init(&zipped, NULL);
    buf_init(&event, NULL);
    gzip(payload, &zipped);
    struct buf record;
    buf_init(&record, NULL);
    put_record(&record, payload, true);
    buf_printf(&event, "{\"awslogs\":%.*s}", (int)record.len, (const char *)record.ptr);
    const bole_slice bodies[] = {bole_slice_str(payload), buf_slice(&zipped), buf_slice(&event)};
    for (size_t i = 0; i < 3; i++) {
        forward(&f, bodies[i]);
        CHECK_EQ_U64(f.result.rejected, 2);
        f.result.body = S("");
        fixture_check(&f, 200, "", stored);
    }
    forward(&f, S(PAYLOAD("DATA_MESSAGE", EVENT("1", "a"))));
    fixture_check(&f, 204, "", STORED("1", "a"));
    forward(&f, S("no json"));
    CHECK_EQ_U64(f.result.status, 400);
    buf_deinit(&zipped);
    buf_deinit(&event);
    buf_deinit(&record);
    fixture_deinit(&f);
}
