#include <stdlib.h>

#include <zlib.h>

#include "receive/receive_fixture.h"
#include "receive/socket.h"

#define NOW "1795255200000000000"
#define SENT " sender=\"10.0.0.1\"\n"

struct door {
    struct fixture f;
    _Alignas(16) uint8_t session[64];
    struct socket_result result;
    uint64_t incomplete, malformed;
};

static void door_init(struct door *d)
{
    *d = (struct door){0};
    fixture_init(&d->f);
    CHECK(gelf_protocol.session_size <= sizeof d->session);
}

static void door_deinit(struct door *d)
{
    gelf_protocol.end_datagrams(d->session);
    fixture_deinit(&d->f);
}

static void send_from(struct door *d, bole_slice packet, bole_slice sender)
{
    /* the text lies at the end of its memory, so that a byte too far is seen */
    uint8_t *copy = malloc(packet.len + !packet.len);
    memcpy(copy, packet.ptr, packet.len);
    struct socket_datagram datagram = {bole_slice_from(copy, packet.len), sender};
    struct socket_input in = {.in = fixture_input(&d->f, datagram.bytes, ""), .session = d->session};
    gelf_protocol.take_datagrams(d->f.receiver, &in, &datagram, 1, &d->result);
    free(copy);
    CHECK_EQ_U64(d->result.used, 1);
    d->incomplete += d->result.incomplete;
    d->malformed += d->result.records.rejected_by[RECEIVE_MALFORMED];
    if (d->result.records.request)
        ingest_commit(d->result.records.request, NULL, NULL);
}

static void send(struct door *d, bole_slice packet)
{
    send_from(d, packet, S("10.0.0.1"));
}

static void check_stored(struct fixture *f, const char *stored)
{
    buf_reset(&f->text);
    fake_ingest_print(&f->ingest, &f->text);
    fake_ingest_clear(&f->ingest);
    CHECK_EQ_SLICE(buf_slice(&f->text), bole_slice_str(stored));
}

static const struct {
    const char *text, *stored;
    bool        malformed;
} cases[] = {
    {"{\"version\":\"1.1\",\"host\":\"h\",\"short_message\":\"m\",\"full_message\":\"m\\nmore\\r\\n\",\"timestamp\":1795255200.5,\"level\":3,"
     "\"_user_id\":9001,\"_a.b\":\"x\",\"_ok\":true,\"_none\":null}",
     "1795255200500000000 {host=\"h\"} \"m\\nmore\" user_id=\"9001\" a_b=\"x\" ok=\"true\" level=\"3\"" SENT},
    {"{\"host\":\"h\",\"short_message\":\"m\",\"_sender\":\"x\"}", NOW " {host=\"h\"} \"m\" sender=\"x\"\n"},
    /* services by facility, or better */
    {"{\"host\":\"h\",\"short_message\":\"m\",\"facility\":\"my.logger\"}",
     NOW " {host=\"h\", service_name=\"my.logger\"} \"m\" facility=\"my.logger\"" SENT},
    {"{\"host\":\"h\",\"short_message\":\"m\",\"facility\":\"f\",\"_service\":\"s\"}",
     NOW " {host=\"h\", service_name=\"s\"} \"m\" service=\"s\" facility=\"f\"" SENT},
    {"not json", "", true},
    {"[1]", "", true},
    {"{\"host\":\"h\"", "", true},
    {"", "", true},
};

TEST(gelf_messages_keep_what_they_say)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct door d;
        door_init(&d);
        send(&d, bole_slice_str(cases[i].text));
        check_stored(&d.f, cases[i].stored);
        CHECK_EQ_U64(d.malformed, cases[i].malformed);
        door_deinit(&d);
    }
}

TEST(gelf_severity_is_the_level)
{
    struct door d;
    door_init(&d);
    d.f.options.detect_level = true;
    send(&d, S("{\"short_message\":\"fatal\",\"host\":\"h\",\"level\":4}"));
    check_stored(&d.f, NOW " {host=\"h\"} \"fatal\" detected_level=\"warn\" level=\"4\"" SENT);
    door_deinit(&d);
}

static size_t compress_text(int window_bits, bole_slice plain, uint8_t *ret_bytes, size_t room)
{
    z_stream z = {.next_in = (Bytef *)plain.ptr, .avail_in = (uInt)plain.len, .next_out = ret_bytes, .avail_out = (uInt)room};
    CHECK(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK && deflate(&z, Z_FINISH) == Z_STREAM_END);
    size_t len = room - z.avail_out;
    deflateEnd(&z);
    return len;
}

#define PLAIN S("{\"host\":\"h\",\"short_message\":\"hello\"}")
#define HELLO NOW " {host=\"h\"} \"hello\"" SENT

TEST(gelf_datagrams_may_be_compressed)
{
    static const int kinds[] = {15, 9, 31}; /* zlib, zlib with a small window, gzip */
    uint8_t bytes[512];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct door d;
        door_init(&d);
        size_t len = compress_text(kinds[i], PLAIN, bytes, sizeof bytes);
        send(&d, bole_slice_from(bytes, len));
        check_stored(&d.f, HELLO);
        send(&d, bole_slice_from(bytes, len - 3)); /* cut off */
        bytes[len / 2] ^= 0x55;
        send(&d, bole_slice_from(bytes, len));
        CHECK_EQ_U64(d.malformed, 2);
        door_deinit(&d);
    }
    /* a bomb */
    struct door d;
    door_init(&d);
    size_t size = 16u << 20;
    uint8_t *zeros = calloc(1, size), *bomb = malloc(65536);
    CHECK(zeros && bomb);
    send(&d, bole_slice_from(bomb, compress_text(31, bole_slice_from(zeros, size), bomb, 65536)));
    CHECK_EQ_U64(d.result.records.rejected_by[RECEIVE_LINE_TOO_LONG], 1);
    free(zeros);
    free(bomb);
    door_deinit(&d);
}

/* Chunk `number` of `count` of PLAIN. */
static bole_slice chunk(uint8_t ret_bytes[128], char id, unsigned number, unsigned count)
{
    size_t from = number < count ? PLAIN.len * number / count : 0, to = number < count ? PLAIN.len * (number + 1) / count : 1;
    memcpy(ret_bytes, "\x1e\x0fxxxxxxxx", 10);
    ret_bytes[9] = (uint8_t)id;
    ret_bytes[10] = (uint8_t)number;
    ret_bytes[11] = (uint8_t)count;
    memcpy(ret_bytes + 12, PLAIN.ptr + from, to - from);
    return bole_slice_from(ret_bytes, 12 + to - from);
}

TEST(gelf_chunks_come_in_any_order)
{
    struct door d;
    uint8_t bytes[128];
    door_init(&d);
    static const unsigned order[] = {3, 0, 3, 2, 1};
    for (size_t i = 0; i < 5; i++) {
        CHECK_EQ_U64(d.f.ingest.rows_total, 0);
        send(&d, chunk(bytes, 'a', order[i], 4));
        send_from(&d, chunk(bytes, 'a', 0, 4), S("10.0.0.2")); /* another message */
    }
    check_stored(&d.f, HELLO);
    send(&d, chunk(bytes, 'b', 0, 1));
    check_stored(&d.f, HELLO);
    /* what is no chunk, or does not fit */
    send(&d, chunk(bytes, 'c', 2, 2));
    send(&d, chunk(bytes, 'c', 0, 129));
    send(&d, S("\x1e\x0fxxx"));
    send(&d, chunk(bytes, 'd', 0, 2));
    send(&d, chunk(bytes, 'd', 1, 3));
    CHECK_EQ_U64(d.malformed, 4);
    CHECK_EQ_U64(d.incomplete, 0);
    door_deinit(&d);
}

TEST(gelf_chunks_wait_for_five_seconds)
{
    struct door d;
    uint8_t bytes[128];
    door_init(&d);
    send(&d, chunk(bytes, 'a', 0, 2));
    clock_manual_advance(&d.f.clock, 4900 * NS_PER_MS);
    send(&d, chunk(bytes, 'a', 1, 2));
    CHECK_EQ_U64(d.f.ingest.rows_total, 1);
    send(&d, chunk(bytes, 'b', 0, 2));
    clock_manual_advance(&d.f.clock, 5100 * NS_PER_MS);
    send(&d, chunk(bytes, 'b', 1, 2));
    CHECK_EQ_U64(d.f.ingest.rows_total, 1);
    CHECK_EQ_U64(d.incomplete, 1);
    door_deinit(&d);
}

TEST(gelf_unfinished_messages_are_bounded)
{
    struct door d;
    uint8_t *bytes = malloc(65000);
    door_init(&d);
    CHECK(bytes != NULL);
    memset(bytes, 'x', 65000);
    for (unsigned i = 0; i < 1000; i++) {
        chunk(bytes, 'a', 0, 2);
        memcpy(bytes + 2, &i, sizeof i);
        send(&d, bole_slice_from(bytes, 65000));
    }
    CHECK(d.incomplete >= 1000 - 256);
    free(bytes);
    door_deinit(&d);
}

TEST(gelf_tcp_messages_end_with_nul)
{
    bole_slice body = S("{\"host\":\"h\",\"short_message\":\"hello\"}\0\n{\"host\":\"h\",\"short_message\":\"hello\"}\0bad\0{\"host\":\"h\","
                        "\"short_message\":\"hello\"}");
    for (size_t piece = 1; piece <= 1024; piece *= 1024) {
        struct door d;
        struct buf bytes;
        uint64_t malformed = 0;
        door_init(&d);
        buf_init(&bytes, NULL);
        for (bole_slice rest = body; bytes.len || rest.len;) {
            size_t n = rest.len < piece ? rest.len : piece;
            buf_put(&bytes, bole_slice_from(rest.ptr, n));
            rest = bole_slice_sub(rest, n);
            struct socket_input in = {.in = fixture_input(&d.f, buf_slice(&bytes), ""), .sender = S("10.0.0.1"),
                                      .at_end = rest.len == 0, .session = d.session};
            gelf_protocol.take(d.f.receiver, &in, &d.result);
            malformed += d.result.records.rejected_by[RECEIVE_MALFORMED];
            memmove(bytes.ptr, bytes.ptr + d.result.used, bytes.len - d.result.used);
            bytes.len -= d.result.used;
            if (d.result.records.request)
                ingest_commit(d.result.records.request, NULL, NULL);
        }
        check_stored(&d.f, HELLO HELLO HELLO);
        CHECK_EQ_U64(malformed, 1);
        memset(d.session, 0, sizeof d.session); /* it was a connection's, not the door's */
        buf_deinit(&bytes);
        door_deinit(&d);
    }
}
