#include <stdlib.h>

#include "receive/proto_writer.h"
#include "receive/receive_fixture.h"

/* One stream with one label and its records, built by the tests' own encoder. */
static void put_pair(struct buf *b, unsigned field, const char *name, const char *value)
{
    struct buf pair;
    buf_init(&pair, NULL);
    proto_bytes(&pair, 1, bole_slice_str(name));
    proto_bytes(&pair, 2, bole_slice_str(value));
    proto_bytes(b, field, buf_slice(&pair));
    buf_deinit(&pair);
}

static void put_record(struct buf *stream, int64_t ns, bole_slice line, const char *field, const char *value)
{
    struct buf record;
    buf_init(&record, NULL);
    if (ns) {
        proto_tag(&record, 1, 1);
        buf_put_u64(&record, (uint64_t)ns);
    }
    proto_bytes(&record, 2, line);
    if (field)
        put_pair(&record, 3, field, value);
    proto_bytes(stream, 2, buf_slice(&record));
    buf_deinit(&record);
}

struct request {
    struct fixture f;
    struct buf     message, stream;
    uint64_t       id;
};

static void begin(struct request *r)
{
    fixture_init(&r->f);
    buf_init(&r->message, NULL);
    buf_init(&r->stream, NULL);
}

static void end(struct request *r)
{
    buf_deinit(&r->message);
    buf_deinit(&r->stream);
    fixture_deinit(&r->f);
}

static void put_stream(struct request *r)
{
    proto_bytes(&r->message, 2, buf_slice(&r->stream));
    buf_reset(&r->stream);
}

static void push(struct request *r)
{
    struct receive_input in = fixture_input(&r->f, buf_slice(&r->message), "");
    receive_bole_push(r->f.receiver, &in, &r->id, &r->f.result);
}

TEST(streams_and_records_are_stored_as_they_are_named)
{
    struct request r;
    begin(&r);
    put_record(&r.stream, 7, S("a\0b\xff"), "trace.id", "t");
    put_pair(&r.stream, 1, "job", "x"); /* behind the record, which no encoder does and every reader takes */
    put_pair(&r.stream, 1, "app.name", "y");
    put_stream(&r);
    put_pair(&r.stream, 1, "app", "z");
    put_record(&r.stream, 0, S(""), NULL, NULL);
    put_stream(&r);
    proto_number(&r.message, 1, 41);
    push(&r);
    CHECK_EQ_U64(r.id, 41);
    CHECK_EQ_U64(r.f.result.accepted, 2);
    fixture_check(&r.f, 200, "",
                  "7 {app_name=\"y\", job=\"x\"} \"a\\u0000b\xef\xbf\xbd\" trace_id=\"t\"\n1795255200000000000 {app=\"z\"} \"\"\n");
    end(&r);
}

TEST(a_bad_record_or_stream_does_not_harm_its_neighbours)
{
    struct request r;
    begin(&r);
    char *long_line = calloc(1, RECORD_LINE_MAX + 1);
    put_pair(&r.stream, 1, "app", "y");
    put_record(&r.stream, 1, bole_slice_from(long_line, RECORD_LINE_MAX + 1), NULL, NULL);
    put_record(&r.stream, 2, S("good"), NULL, NULL);
    put_stream(&r);
    put_record(&r.stream, 3, S("without a label"), NULL, NULL);
    put_stream(&r);
    put_pair(&r.stream, 1, "app", "y");
    put_pair(&r.stream, 1, "app", "z");
    put_record(&r.stream, 4, S("the first of a label holds"), NULL, NULL);
    put_stream(&r);
    proto_number(&r.message, 1, 1ull << 63);
    push(&r);
    CHECK_EQ_U64(r.id, 1ull << 63);
    CHECK_EQ_U64(r.f.result.accepted, 2);
    CHECK_EQ_U64(r.f.result.rejected, 2);
    CHECK(r.f.result.body.len > 0);
    r.f.result.body = S("");
    fixture_check(&r.f, 200, "", "2 {app=\"y\"} \"good\"\n4 {app=\"y\"} \"the first of a label holds\"\n");
    free(long_line);
    end(&r);
}

TEST(every_cut_message_is_refused_whole_or_is_a_shorter_one)
{
    struct request r;
    begin(&r);
    proto_number(&r.message, 1, 5);
    put_pair(&r.stream, 1, "app", "y");
    put_record(&r.stream, 2, S("line"), "k", "v");
    put_stream(&r);
    size_t whole = r.message.len;
    for (size_t len = 0; len < whole; len++) {
        bole_slice body = bole_slice_from(r.message.ptr, len);
        struct receive_input in = fixture_input(&r.f, body, "");
        receive_bole_push(r.f.receiver, &in, &r.id, &r.f.result);
        CHECK(r.f.result.status == 400 || len == 0 || len == 2);
        CHECK(!r.f.result.request);
        CHECK_EQ_U64(r.f.result.accepted, 0);
    }
    end(&r);
}

TEST(what_ingest_has_no_room_for_is_told)
{
    struct request r;
    begin(&r);
    put_pair(&r.stream, 1, "app", "y");
    put_record(&r.stream, 2, S("line"), NULL, NULL);
    put_stream(&r);
    r.f.ingest.refuse = BOLE_E_LIMIT;
    push(&r);
    CHECK_EQ_U64(r.f.result.status, 429);
    CHECK(!r.f.result.request);
    end(&r);
}
