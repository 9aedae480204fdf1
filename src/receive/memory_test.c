/* Memory that runs out at any point: what is sent is stored wholly or told to come again, never taken for malformed. */
#include <stdlib.h>

#include "receive/proto_writer.h"
#include "receive/receive_fixture.h"

/* Long enough that a text does not fit the block that the scratch arena keeps, short enough that the cache of streams
 * still has room: then only the text runs out of memory. */
enum { LONG = 2300 };

static void put_times(struct buf *b, const char *piece, size_t len)
{
    for (size_t at = 0; at < len; at += strlen(piece))
        buf_put_str(b, piece);
}

static void send_json(struct fixture *f)
{
    struct buf b;
    buf_init(&b, NULL);
    buf_put_str(&b, "{\"streams\":[{\"stream\":{\"app\":\"");
    put_times(&b, "\\u0041b", LONG);
    buf_put_str(&b, "\"},\"values\":[[\"1\",\"x\",{\"dotted.key\":\"v\\n\",\"9x\":\"w\"}],[\"2\",\"");
    put_times(&b, "\\\"one\\\"", LONG);
    put_times(&b, "bad \xff byte", LONG);
    buf_put_str(&b, "\"]]},{\"stream\":{\"no name\":\"1\"},\"values\":[[\"3\",\"y\"]]}]}");
    fixture_push(f, buf_slice(&b), "application/json");
    buf_deinit(&b);
}

static void send_json_old(struct fixture *f)
{
    struct buf b;
    buf_init(&b, NULL);
    buf_put_str(&b, "{\"streams\":[{\"labels\":\"{app=\\\"");
    put_times(&b, "x\\\\n", LONG);
    buf_put_str(&b, "\\\", b=\\\"2\\\"}\",\"entries\":[{\"ts\":\"1970-01-01T00:00:01Z\",\"line\":\"a \\t b\"}]}]}");
    fixture_push(f, buf_slice(&b), "application/json");
    buf_deinit(&b);
}

static void send_lines(struct fixture *f)
{
    struct buf b;
    buf_init(&b, NULL);
    buf_put_str(&b, "{\"_msg\":\"a \\u00e9\",\"o\":{\"p\":[1,\"\xff\"],\"q.r\":\"z\"},\"app\":\"web\"}\n{\"_msg\":\"");
    put_times(&b, "\\t\\n", LONG);
    put_times(&b, "\\t\\n", LONG);
    buf_put_str(&b, "\"}\n{\"no message\":\"");
    put_times(&b, "bad \xff", LONG);
    buf_put_str(&b, "\"}\n");
    struct receive_input in = fixture_input(f, buf_slice(&b), "");
    receive_json_lines(f->receiver, &in, &(struct json_lines_params){.stream_fields = S("app,o.p"),
                                                                     .extra_fields = S("x.y=1")}, &f->result);
    buf_deinit(&b);
}

static void send_elastic(struct fixture *f)
{
    struct buf b;
    buf_init(&b, NULL);
    buf_put_str(&b, "{\"index\":{\"_index\":\"i\\u00e9\",\"_id\":\"");
    put_times(&b, "\\n", LONG);
    buf_put_str(&b, "\"}}\n{\"message\":\"m\",\"o\":{\"p\":[1,\"\xff\"]}}\n{\"delete\":{}}\n{\"create\":{}}\n{\"message\":\"");
    put_times(&b, "\\t\\n", LONG);
    buf_put_str(&b, "\"}\n");
    struct receive_input in = fixture_input(f, buf_slice(&b), "");
    receive_elastic_bulk(f->receiver, &in, S("index"), &f->result);
    buf_deinit(&b);
}

static void send_otlp_json(struct fixture *f)
{
    struct buf b;
    buf_init(&b, NULL);
    buf_put_str(&b, "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"s\\u0041\"}}]},"
                    "\"scopeLogs\":[{\"logRecords\":[{\"traceId\":\"ab\",\"body\":{\"stringValue\":\"");
    put_times(&b, "\\t\\n", LONG);
    buf_put_str(&b, "\"},\"attributes\":[{\"key\":\"traceId\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"");
    put_times(&b, "x", LONG);
    buf_put_str(&b, "\"},{}]}}}]}]}]}]}");
    struct receive_input in = fixture_input(f, buf_slice(&b), "application/json");
    receive_otlp_logs(f->receiver, &in, &f->result);
    buf_deinit(&b);
}

static void send_otlp_proto(struct fixture *f)
{
    struct buf body, record, any, pair;
    buf_init(&body, NULL), buf_init(&record, NULL), buf_init(&any, NULL), buf_init(&pair, NULL);
    proto_number(&record, 2, 9);
    proto_bytes(&record, 9, S("\1\2\3"));
    put_times(&any, "a", LONG);
    proto_bytes(&pair, 7, buf_slice(&any));
    proto_bytes(&record, 5, buf_slice(&pair));
    buf_reset(&body);
    proto_bytes(&body, 2, buf_slice(&record));
    buf_reset(&record);
    proto_bytes(&record, 2, buf_slice(&body));
    buf_reset(&body);
    proto_bytes(&body, 1, buf_slice(&record));
    struct receive_input in = fixture_input(f, buf_slice(&body), "");
    receive_otlp_logs(f->receiver, &in, &f->result);
    buf_deinit(&body), buf_deinit(&record), buf_deinit(&any), buf_deinit(&pair);
}

static void send_proto(struct fixture *f)
{
    struct buf labels, message, stream, packed;
    buf_init(&labels, NULL);
    buf_init(&message, NULL);
    buf_init(&stream, NULL);
    buf_init(&packed, NULL);
    buf_put_str(&labels, "{a=\"");
    put_times(&labels, "x\\t", LONG);
    buf_put_str(&labels, "\"}");
    proto_bytes(&stream, 1, buf_slice(&labels));
    proto_entry(&stream, 1, 5, S("a line"), (bole_slice[]){S("z.z"), S("1"), S("a"), S("2")}, 2);
    proto_bytes(&message, 1, buf_slice(&stream));
    proto_pack(buf_slice(&message), &packed);
    fixture_push(f, buf_slice(&packed), "application/x-protobuf");
    buf_deinit(&labels);
    buf_deinit(&message);
    buf_deinit(&stream);
    buf_deinit(&packed);
}

/* What is stored goes behind `text`, which is freed by the caller. */
static void take_stored(struct fixture *f, struct buf *text)
{
    buf_init(text, NULL);
    if (f->result.request)
        ingest_commit(f->result.request, NULL, NULL);
    f->result.request = NULL;
    fake_ingest_print(&f->ingest, text);
    fake_ingest_clear(&f->ingest);
}

/* A receiver that has been in use: its caches have blocks with room. */
static void warm_up(struct fixture *f)
{
    struct buf ignored;
    fixture_push(f, S("{\"streams\":[{\"stream\":{\"a\":\"\\u0041\"},\"values\":[[\"1\",\"x\"]]}]}"),
                 "application/json");
    take_stored(f, &ignored);
    buf_deinit(&ignored);
}

/* The memory that is left grows a little each round; the request comes again when there is enough. */
static void starve(void (*send)(struct fixture *f))
{
    struct fixture f;
    struct buf wanted, stored;
    fixture_init(&f);
    send(&f);
    unsigned status = f.result.status, refused = 0, taken = 0;
    take_stored(&f, &wanted);
    fixture_deinit(&f);
    CHECK(wanted.len > 0);
    for (size_t room = 0; taken < 3; room += 256) {
        struct budget all, own;
        budget_init(&all, NULL, SIZE_MAX);
        budget_init(&own, &all, SIZE_MAX);
        fixture_init(&f);
        f.options.budget = &own;
        warm_up(&f);
        all.limit_bytes = all.used_bytes + room;
        for (int try = 0; try < 2; try++) {
            send(&f);
            unsigned said = f.result.status;
            take_stored(&f, &stored);
            if (try == 0 && said != status) {
                CHECK_EQ_U64(said, 429);
                CHECK_EQ_U64(stored.len, 0);
                refused++;
            } else {
                CHECK_EQ_U64(said, status);
                CHECK_EQ_SLICE(buf_slice(&stored), buf_slice(&wanted));
                taken += try == 0;
            }
            buf_deinit(&stored);
            all.limit_bytes = SIZE_MAX;
        }
        fixture_deinit(&f);
        CHECK_EQ_U64(all.used_bytes, 0);
        CHECK(room < 1 << 20);
    }
    CHECK(refused > 0);
    buf_deinit(&wanted);
}

TEST(memory_that_runs_out_anywhere_is_told_as_memory)
{
    starve(send_json);
    starve(send_json_old);
    starve(send_lines);
    starve(send_elastic);
    starve(send_otlp_json);
    starve(send_otlp_proto);
    starve(send_proto);
}

/* Waiting does not help a request that is too large for the limit itself: it must be told so, whoever else is there. */
TEST(a_request_that_can_never_fit_is_told_so)
{
    enum { LIMIT = 16 << 20 };
    static const struct { size_t len; size_t others; unsigned status; } cases[] = {
        {100, 0, 200},
        {100, LIMIT, 429},
        {3 << 20, 0, 200},
        {3 << 20, LIMIT, 429},
        {5 << 20, 0, 413},
        {5 << 20, LIMIT, 413},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        struct budget budget;
        budget_init(&budget, NULL, LIMIT);
        fixture_init(&f);
        f.options.budget = &budget;
        char *body = malloc(cases[i].len);
        memset(body, '\n', cases[i].len);
        memcpy(body, "{\"_msg\":\"a\",\"app\":\"x\"}", 22);
        struct receive_input in = fixture_input(&f, bole_slice_from(body, cases[i].len), "");
        CHECK(budget_take(&budget, cases[i].others));
        receive_json_lines(f.receiver, &in, &(struct json_lines_params){.stream_fields = S("app")}, &f.result);
        CHECK_EQ_U64(f.result.status, cases[i].status);
        if (cases[i].status == 413)
            CHECK_EQ_SLICE(
                f.result.body,
                S("the request needs more than the 14 MB of memory that one may have: send smaller requests, or raise "
                  "the server's --memory-limit"));
        struct buf stored;
        take_stored(&f, &stored);
        buf_deinit(&stored);
        budget_give(&budget, cases[i].others);
        free(body);
        fixture_deinit(&f);
    }
}
