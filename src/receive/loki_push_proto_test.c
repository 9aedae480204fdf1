#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "receive/proto_writer.h"
#include "receive/receive_fixture.h"

enum { STREAMS_MANY = 20000 }; /* more than the cache keeps */

struct request { /* being written */
    struct buf message, stream, packed;
};

static void request_init(struct request *r)
{
    buf_init(&r->message, NULL);
    buf_init(&r->stream, NULL);
    buf_init(&r->packed, NULL);
}

static void request_deinit(struct request *r)
{
    buf_deinit(&r->message);
    buf_deinit(&r->stream);
    buf_deinit(&r->packed);
}

static void begin_stream(struct request *r, const char *labels)
{
    buf_reset(&r->stream);
    proto_bytes(&r->stream, 1, bole_slice_str(labels));
}

static void end_stream(struct request *r)
{
    proto_bytes(&r->message, 1, buf_slice(&r->stream));
}

static void send_message(struct fixture *f, struct request *r, bole_slice message)
{
    proto_pack(message, &r->packed);
    fixture_push(f, buf_slice(&r->packed), "application/x-protobuf");
}

TEST(protobuf_push_stores_byte_for_byte)
{
    struct fixture f;
    struct request r;
    fixture_init(&f);
    request_init(&r);
    begin_stream(&r, "{b=\"2\", a=\"1\"}");
    proto_entry(&r.stream, 1, 5, S("nul \0 bad \xff end"), (bole_slice[]){S("z.z"), S("1"), S("a"), S(""), S("b"),
                                                                          S("\xfe\0")}, 3);
    proto_entry(&r.stream, -1, 0, S(""), NULL, 0);
    proto_number(&r.stream, 3, 0xffffffffffffffffull); /* hash */
    end_stream(&r);
    begin_stream(&r, "{c=\"3\"}");
    proto_entry(&r.stream, 9223372036, 854775807, S("latest"), NULL, 0);
    end_stream(&r);
    proto_bytes(&r.message, 2, S("loki")); /* format */
    proto_number(&r.message, 77, 1);       /* unknown fields of every type */
    proto_tag(&r.message, 78, 1);
    buf_put_u64(&r.message, 1);
    proto_tag(&r.message, 79, 5);
    buf_put_u32(&r.message, 1);
    send_message(&f, &r, buf_slice(&r.message));
    CHECK_EQ_U64(f.ingest.asked_bytes, r.message.len);
    CHECK_EQ_U64(f.result.accepted, 3);
    ingest_commit(f.result.request, NULL, NULL);
    const struct batch *b = f.ingest.batches[0];
    CHECK_EQ_U64(b->row_count, 3);
    CHECK_EQ_I64(b->time_ns[0], 1000000005);
    CHECK_EQ_I64(b->time_ns[1], -1000000000);
    CHECK_EQ_I64(b->time_ns[2], INT64_MAX);
    CHECK_EQ_SLICE(batch_line(b, 0), S("nul \0 bad \xff end"));
    CHECK_EQ_U64(b->field_end[0], 2);
    CHECK_EQ_SLICE(batch_field(b, 0).key, S("b"));
    CHECK_EQ_SLICE(batch_field(b, 0).value, S("\xfe\0"));
    CHECK_EQ_SLICE(batch_field(b, 1).key, S("z_z"));
    CHECK_EQ_U64(b->streams[0].flags, BATCH_STREAM_COLLAPSE);
    CHECK_EQ_SLICE(b->streams[0].tenant, S("default"));
    CHECK_EQ_SLICE(labels_find(b->streams[0].labels, S("a")), S("1"));
    request_deinit(&r);
    fixture_deinit(&f);
}

TEST(protobuf_labels_may_stand_behind_the_entries)
{
    struct fixture f;
    struct request r;
    fixture_init(&f);
    request_init(&r);
    proto_entry(&r.stream, 1, 0, S("x"), NULL, 0);
    proto_bytes(&r.stream, 1, S("{a=\"1\"}"));
    end_stream(&r);
    send_message(&f, &r, buf_slice(&r.message));
    fixture_check(&f, 204, "", "1000000000 {a=\"1\"} \"x\"\n");
    request_deinit(&r);
    fixture_deinit(&f);
}

TEST(protobuf_bad_streams_and_entries_leave_their_neighbours)
{
    static const struct {
        const char *labels;
        int64_t     seconds, nanos;
        const char *answer;
    } cases[] = {
        {"{}", 1, 0, "error at least one label pair is required per stream"},
        {"{a=\"\"}", 1, 0, "error at least one label pair is required per stream"},
        {"", 1, 0, "couldn't parse labels: parse error at line 1, col 1: expecting {: "},
        {"{a=b}", 1, 0, "couldn't parse labels: parse error at line 1, col 4: expecting a quoted value: {a=b}"},
        {"{a=\"1\"", 1, 0,
         "couldn't parse labels: parse error at line 1, col 7: unexpected end, expecting } or ,: {a=\"1\""},
        {"{a=\"1\", a=\"2\"}", 1, 0, "stream '{a=\"1\", a=\"2\"}' has duplicate label name: 'a'"},
        {"{a=\"1\"}", 9223372037, 0,
         "entry for stream '{a=\"1\"}' has a timestamp out of range: seconds 9223372037, nanos 0"},
        {"{a=\"1\"}", 9223372036, 854775808,
         "entry for stream '{a=\"1\"}' has a timestamp out of range: seconds 9223372036, nanos 854775808"},
        {"{a=\"1\"}", 1, 1000000000,
         "entry for stream '{a=\"1\"}' has a timestamp out of range: seconds 1, nanos 1000000000"},
        {"{a=\"1\"}", 1, -1, "entry for stream '{a=\"1\"}' has a timestamp out of range: seconds 1, nanos -1"},
    };
    struct fixture f;
    struct request r;
    fixture_init(&f);
    request_init(&r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_reset(&r.message);
        begin_stream(&r, cases[i].labels);
        proto_entry(&r.stream, cases[i].seconds, cases[i].nanos, S("bad"), NULL, 0);
        end_stream(&r);
        begin_stream(&r, "{n=\"1\"}");
        proto_entry(&r.stream, 2, 0, S("good"), NULL, 0);
        end_stream(&r);
        send_message(&f, &r, buf_slice(&r.message));
        CHECK_EQ_U64(f.result.rejected, 1);
        fixture_check(&f, 400, cases[i].answer, "2000000000 {n=\"1\"} \"good\"\n");
    }
    request_deinit(&r);
    fixture_deinit(&f);
}

TEST(protobuf_equal_errors_are_told_once)
{
    struct fixture f;
    struct request r;
    fixture_init(&f);
    request_init(&r);
    begin_stream(&r, "{a=\"1\"}");
    for (int i = 0; i < 3; i++)
        proto_entry(&r.stream, 1, -1, S("bad"), NULL, 0);
    end_stream(&r);
    send_message(&f, &r, buf_slice(&r.message));
    CHECK_EQ_U64(f.result.rejected_by[RECEIVE_BAD_TIMESTAMP], 3);
    fixture_check(&f, 400,
                  "3 errors like: entry for stream '{a=\"1\"}' has a timestamp out of range: seconds 1, nanos -1", "");
    request_deinit(&r);
    fixture_deinit(&f);
}

TEST(malformed_protobuf_stores_nothing)
{
    static const struct {
        bole_slice  message;
        unsigned    status;
        const char *answer;
    } cases[] = {
        {S(""), 422, "error at least one valid stream is required for ingestion"},
        {S("\x12\x01x"), 422, "error at least one valid stream is required for ingestion"},
        {S("\x0a"), 400, "protobuf: the message ends inside a number, at byte 0 of the decompressed request"},
        {S("\x0a\x05x"), 400, "protobuf: a field is longer than its message, at byte 0 of the decompressed request"},
        {S("\x0a\xff\xff\xff\xff\x07"), 400,
         "protobuf: a field is longer than its message, at byte 0 of the decompressed request"},
        {S("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 400,
         "protobuf: a field is longer than its message, at byte 0 of the decompressed request"},
        {S("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), 400,
         "protobuf: a number has more than 64 bits, at byte 0 of the decompressed request"},
        {S("\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), 400,
         "protobuf: a number has more than 64 bits, at byte 0 of the decompressed request"},
        {S("\x08\x01"), 400, "protobuf: a field has the wrong type, at byte 0 of the decompressed request"},
        {S("\x00"), 400, "protobuf: bad field number, at byte 0 of the decompressed request"},
        {S("\x0b\x0c"), 400, "protobuf: a field has the wrong type, at byte 0 of the decompressed request"},
        {S("\x1b\x1c"), 400, "protobuf: groups are not supported, at byte 0 of the decompressed request"},
        {S("\x1e"), 400, "protobuf: bad field type, at byte 0 of the decompressed request"},
        {S("\x19\x01\x02"), 400, "protobuf: a field is longer than its message, at byte 0 of the decompressed request"},
        /* one good entry first: it goes again */
        {S("\x0a\x11\x0a\x07{a=\"1\"}\x12\x06\x0a\x02\x08\x01\x12\x00\x0a"), 400,
         "protobuf: the message ends inside a number, at byte 19 of the decompressed request"},
        {S("\x0a\x10\x0a\x07{a=\"1\"}\x12\x05\x0a\x02\x08\x01\x12"), 400,
         "protobuf: the message ends inside a number, at byte 17 of the decompressed request"},
        {S("\x0a\x0f\x0a\x07{a=\"1\"}\x12\x04\x0a\x02\x0d\x01"), 400,
         "protobuf: a field has the wrong type, at byte 15 of the decompressed request"},
    };
    struct fixture f;
    struct request r;
    fixture_init(&f);
    request_init(&r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        send_message(&f, &r, cases[i].message);
        CHECK(f.result.request == NULL);
        fixture_check(&f, cases[i].status, cases[i].answer, "");
    }
    request_deinit(&r);
    fixture_deinit(&f);
}

TEST(bodies_that_are_no_snappy_are_refused)
{
    static const struct {
        bole_slice  body;
        const char *type;
        unsigned    status;
        const char *answer;
    } cases[] = {
        {S(""), "application/x-protobuf", 400, "snappy: corrupt input"},
        {S("hello"), "text/plain", 400, "snappy: corrupt input"},
        {S("{\"streams\":[]}"), "", 400, "snappy: corrupt input"},
        {S("\xff\xff\xff\xff\x0f"), "", 400, "snappy: corrupt input"},     /* 4 GB claimed by five bytes */
        {S("\x80\x80\x80\x80\x80\x80"), "", 400, "snappy: corrupt input"}, /* a length without end */
        {S("\x05\x01zz"), "", 400, "snappy: corrupt input"},
    };
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture_push(&f, cases[i].body, cases[i].type);
        fixture_check(&f, cases[i].status, cases[i].answer, "");
    }
    fixture_deinit(&f);
}

TEST(decompressed_size_is_capped_before_it_is_allocated)
{
    struct fixture f;
    struct request r;
    fixture_init(&f);
    request_init(&r);
    f.options.decoded_max_bytes = 1000;
    for (int i = 0; i < 1001; i++)
        buf_put_u8(&r.message, 0);
    send_message(&f, &r, buf_slice(&r.message));
    fixture_check(&f, 413, "decompressed message size too large than max (1001 vs 1000)", "");
    request_deinit(&r);
    fixture_deinit(&f);
}

TEST(content_encodings)
{
    static const char json[] = "{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"1\",\"x\"]]}]}";
    struct fixture f;
    struct request r;
    fixture_init(&f);
    request_init(&r);
    struct receive_input in = fixture_input(&f, S(json), "Application/JSON ; charset=x");
    in.content_encoding = S("br");
    receive_loki_push(f.receiver, &in, &f.result);
    fixture_check(&f, 400, "Content-Encoding \"br\" not supported", "");
    proto_pack(S(json), &r.packed);
    in.body = buf_slice(&r.packed);
    in.content_encoding = S("snappy");
    receive_loki_push(f.receiver, &in, &f.result);
    fixture_check(&f, 204, "", "1 {a=\"1\"} \"x\"\n");
    request_deinit(&r);
    fixture_deinit(&f);
}

static void write_sample(struct request *r)
{
    begin_stream(r, "{app=\"x\", job=\"y\"}");
    for (int i = 0; i < 3; i++)
        proto_entry(&r->stream, 1000 + i, i, S("a line of text"), (bole_slice[]){S("trace_id"), S("abc"), S("user.id"),
                                                                                 S("7")}, 2);
    end_stream(r);
}

TEST(protobuf_truncated_or_damaged_anywhere_never_stores_a_part)
{
    struct fixture f;
    struct request r;
    fixture_init(&f);
    request_init(&r);
    write_sample(&r);
    for (size_t len = 1; len < r.message.len; len++) {
        uint8_t *exact = malloc(len); /* a read behind it is found by the sanitizer */
        memcpy(exact, r.message.ptr, len);
        send_message(&f, &r, bole_slice_from(exact, len));
        fixture_check(&f, 400, (const char *)arena_printf(&f.arena, "%.*s", BOLE_SLICE_ARG(f.result.body)).ptr, "");
        free(exact);
    }
    struct random rnd;
    random_seed(&rnd, 5);
    for (int round = 0; round < 5000; round++) {
        struct buf copy;
        buf_init(&copy, NULL);
        buf_put(&copy, buf_slice(&r.message));
        for (int n = 0; n < 3; n++)
            copy.ptr[random_below(&rnd, copy.len)] = (uint8_t)random_next(&rnd);
        send_message(&f, &r, buf_slice(&copy));
        CHECK(f.result.status == 204 || f.result.status == 400 || f.result.status == 422);
        CHECK(f.result.status == 400 || f.result.rejected == 0);
        if (f.result.request)
            ingest_commit(f.result.request, NULL, NULL);
        fake_ingest_clear(&f.ingest);
        buf_deinit(&copy);
    }
    request_deinit(&r);
    fixture_deinit(&f);
}

TEST(many_streams_pass_through_a_bounded_cache)
{
    struct fixture f;
    struct request r;
    fixture_init(&f);
    request_init(&r);
    for (int request = 0; request < 3; request++) {
        buf_reset(&r.message);
        for (unsigned i = 0; i < STREAMS_MANY; i++) {
            char labels[64];
            snprintf(labels, sizeof labels, "{request=\"%d\", stream=\"%u\"}", request, i);
            begin_stream(&r, labels);
            proto_entry(&r.stream, 1, 0, S("x"), NULL, 0);
            end_stream(&r);
        }
        send_message(&f, &r, buf_slice(&r.message));
        CHECK_EQ_U64(f.result.accepted, STREAMS_MANY);
        ingest_commit(f.result.request, NULL, NULL);
        fake_ingest_clear(&f.ingest);
    }
    request_deinit(&r);
    fixture_deinit(&f);
}

TEST(a_stream_belongs_to_the_tenant_that_sent_it)
{
    struct fixture f;
    struct request r;
    fixture_init(&f);
    request_init(&r);
    write_sample(&r);
    proto_pack(buf_slice(&r.message), &r.packed);
    struct receive_input in = fixture_input(&f, buf_slice(&r.packed), "");
    for (int i = 0; i < 2; i++) {
        in.tenant = i ? S("other") : S("first");
        receive_loki_push(f.receiver, &in, &f.result);
        ingest_commit(f.result.request, NULL, NULL);
        CHECK_EQ_SLICE(f.ingest.batches[i]->streams[0].tenant, in.tenant);
    }
    request_deinit(&r);
    fixture_deinit(&f);
}
