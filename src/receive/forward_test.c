#include <stdio.h>
#include <stdlib.h>

#include <zstd.h>

#include "base/content.h"
#include "receive/receive_fixture.h"
#include "receive/socket.h"

/* 2026-11-21T10:00:00Z is now; 6b 01 6b a0 are its seconds. */
#define NOW   "1795255200000000000"
#define SECS  "\x6b\x01\x6b\xa0"
#define TIME  "\xce" SECS
#define EVENT "\xd7\x00" SECS "\x00\x00\x00\x07"

struct stream {
    struct fixture f;
    struct socket_settings settings;
    _Alignas(16) uint8_t session[512];
    struct buf     bytes;
    struct socket_result result;
    bool           fails; /* the commits */
};

static void stream_init(struct stream *s)
{
    *s = (struct stream){0};
    fixture_init(&s->f);
    buf_init(&s->bytes, NULL);
    CHECK(forward_protocol.session_size <= sizeof s->session);
}

static void stream_deinit(struct stream *s)
{
    buf_deinit(&s->bytes);
    fixture_deinit(&s->f);
}

static struct socket_input input_of(struct stream *s)
{
    return (struct socket_input){.in = fixture_input(&s->f, buf_slice(&s->bytes), ""), .session = s->session,
                                 .settings = &s->settings};
}

static void stream_take(struct stream *s, bole_slice more)
{
    buf_put(&s->bytes, more);
    struct socket_input in = input_of(s);
    forward_protocol.take(s->f.receiver, &in, &s->result);
    CHECK(s->result.used <= s->bytes.len);
    if (s->result.used)
        memmove(s->bytes.ptr, s->bytes.ptr + s->result.used, s->bytes.len - s->result.used);
    s->bytes.len -= s->result.used;
    if (!s->result.records.request)
        return;
    ingest_commit(s->result.records.request, NULL, NULL);
    if (!s->fails)
        forward_protocol.stored(s->f.receiver, s->session);
}

static void check_stored(struct fixture *f, const char *stored)
{
    buf_reset(&f->text);
    fake_ingest_print(&f->ingest, &f->text);
    fake_ingest_clear(&f->ingest);
    CHECK_EQ_SLICE(buf_slice(&f->text), bole_slice_str(stored));
}

#define APP  " {service_name=\"app\"} "
#define TAG  " tag=\"app\"\n"

static const struct {
    bole_slice  bytes;
    const char *stored, *reply;
    bool        over;
} cases[] = {
    /* Message, with both kinds of time */
    {S("\x93\xa3" "app" TIME "\x81\xa7message\xa1m"), NOW APP "\"m\"" TAG, ""},
    {S("\x93\xa3" "app" EVENT "\x81\xa3log\xc4\x01m"), "1795255200000000007" APP "\"m\"" TAG, ""},
    {S("\x93\xa3" "app\xc7\x08\x00" SECS "\x00\x00\x00\x07\x81\xa3log\xd9\x01m"), "1795255200000000007" APP "\"m\"" TAG, ""},
    {S("\x94\xa3" "app" TIME "\x81\xa3log\xa1m\xc0"), NOW APP "\"m\"" TAG, ""},
    {S("\x94\xa3" "app" TIME "\x81\xa3log\xa1m\x81\xa5" "chunk\xa2id"), NOW APP "\"m\"" TAG, "\x81\xa3" "ack\xa2id"},
    {S("\x93\xa3" "app\xcb\x41\xda\xc0\x5a\xe8\x20\x00\x00\x81\xa3log\xa1m"), "1795255200500000000" APP "\"m\"" TAG, ""},
    /* Forward; an empty one is acknowledged, too */
    {S("\x93\xa3" "app\x92\x92" TIME "\x81\xa3log\xa1" "a\x92" TIME "\x81\xa3log\xa1" "b\x81\xa5" "chunk\xa1" "c"),
     NOW APP "\"a\"" TAG NOW APP "\"b\"" TAG, "\x81\xa3" "ack\xa1" "c"},
    {S("\x93\xa3" "app\x90\x81\xa5" "chunk\xa1" "c"), "", "\x81\xa3" "ack\xa1" "c"},
    /* Fluent Bit's entries with metadata */
    {S("\x92\xa3" "app\x91\x92\x92" TIME "\x81\xa1k\xa1v\x81\xa3log\xa1" "a"), NOW APP "\"a\" k=\"v\"" TAG, ""},
    /* PackedForward, as str and as bin */
    {S("\x92\xa3" "app\xab\x92" TIME "\x81\xa2zz\x01"), NOW APP "\"{\\\"zz\\\":1}\" zz=\"1\"" TAG, ""},
    {S("\x92\xa3" "app\xc4\x0b\x92" TIME "\x81\xa2zz\x01"), NOW APP "\"{\\\"zz\\\":1}\" zz=\"1\"" TAG, ""},
    /* values of every type; a record without a line has its JSON as one */
    {S("\x93\xa3" "app" TIME "\x88\xa1" "a\xc0\xa1" "b\xc3\xa1" "c\xff\xa1" "d\xd1\xff\x00\xa1" "e\xca\x3f\xc0\x00\x00\xa1"
       "f\x93\x01\xa1\"\x81\xa1x\xc2\xa1g\x81\xa1h\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa1i\xd4\x05\xab"),
     NOW APP "\"{\\\"a\\\":null,\\\"b\\\":true,\\\"c\\\":-1,\\\"d\\\":-256,\\\"e\\\":1.5,\\\"f\\\":[1,\\\"\\\\\\\"\\\",{\\\"x\\\":false}],"
     "\\\"g\\\":{\\\"h\\\":18446744073709551615},\\\"i\\\":\\\"ab\\\"}\" b=\"true\" c=\"-1\" d=\"-256\" e=\"1.5\" "
     "f=\"[1,\\\"\\\\\\\"\\\",{\\\"x\\\":false}]\" g_h=\"18446744073709551615\" i=\"ab\"" TAG, ""},
    /* labels of the record stand above the tag */
    {S("\x93\xa3" "app" TIME "\x82\xa3log\xa1m\xa7service\xa3web"), NOW " {service_name=\"web\"} \"m\" service=\"web\"" TAG, ""},
    /* heartbeats */
    {S("\xc0\xc0\x93\xa3" "app" TIME "\x81\xa3log\xa1m"), NOW APP "\"m\"" TAG, ""},
    /* what is broken ends the connection; what stood in front of it is stored, and not acknowledged with it */
    {S("\x93\xa3" "app" TIME "\x81\xa3log\xa1m\xc1"), NOW APP "\"m\"" TAG, "", true},
    {S("\xa1x"), "", "", true},
    {S("\x91\xa3" "app"), "", "", true},
    {S("\x92\xa3" "app\x01"), "", "", true},
    {S("\x93\x01" TIME "\x80"), "", "", true},
    {S("\x93\xa3" "app\xa1x\x81\xaa" "compressed\xa4gzip"), "", "", true},
    {S("\x93\xa3" "app\xa1x\x81\xaa" "compressed\xa4zstd"), "", "", true},
    {S("\x93\xa3" "app\xa1x\x81\xaa" "compressed\xa3lz4"), "", "", true},
    {S("\xdd\xff\xff\xff\xff"), "", "", true},
    {S("\xdf\x7f\xff\xff\xff"), "", "", true},
    {S("\xc6\xff\xff\xff\xff"), "", "", true},
};

TEST(forward_messages_of_every_mode)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stream s;
        stream_init(&s);
        stream_take(&s, cases[i].bytes);
        check_stored(&s.f, cases[i].stored);
        CHECK_EQ_SLICE(s.result.reply, bole_slice_str(cases[i].reply));
        CHECK_EQ_U64(s.result.over, cases[i].over);
        CHECK_EQ_U64(s.result.records.rejected_by[RECEIVE_MALFORMED], cases[i].over);
        stream_deinit(&s);
    }
}

#define ACK "\x81\xa3" "ack\xa1" "c"

static const struct {
    bole_slice  bytes;
    const char *stored, *reply;
    uint64_t    refused;
} wrong_events[] = {
    {S("\x93\xa3" "app" TIME "\xa1x\x93\xa3" "app" TIME "\x81\xa3log\xa1m"), NOW APP "\"m\"" TAG, "", 1},
    {S("\x94\xa3" "app\x81\x01\x01\x80\x81\xa5" "chunk\xa1" "c"), "", ACK, 1},
    {S("\x93\xa3" "app" TIME "\x81\x01\x01"), "", "", 1},
    {S("\x93\xa3" "app\x95\x92" TIME "\x81\xa3log\xa1" "a\x07\x92" TIME "\x07\x92\xa1x\x80\x92" TIME "\x81\xa3log\xa1" "b\x81\xa5" "chunk\xa1" "c"),
     NOW APP "\"a\"" TAG NOW APP "\"b\"" TAG, ACK, 3},
    {S("\x93\xa3" "app\xb7\x92" TIME "\x81\xa3log\xa1" "a\x91\x01\x92\x01\x81\x01\x02\x92\x01\x81\x81\xa5" "chunk\xa1" "c"), NOW APP "\"a\"" TAG, ACK, 3},
};

TEST(forward_an_event_that_is_wrong_harms_no_neighbour)
{
    for (size_t i = 0; i < sizeof wrong_events / sizeof *wrong_events; i++) {
        struct stream s;
        stream_init(&s);
        stream_take(&s, wrong_events[i].bytes);
        check_stored(&s.f, wrong_events[i].stored);
        CHECK_EQ_SLICE(s.result.reply, bole_slice_str(wrong_events[i].reply));
        CHECK(!s.result.over);
        CHECK_EQ_U64(s.bytes.len, 0);
        CHECK_EQ_U64(s.result.records.rejected, wrong_events[i].refused);
        stream_deinit(&s);
    }
}

/* Thousands of them are not told one by one. */
TEST(forward_entries_that_are_all_wrong_are_given_up)
{
    enum { COUNT = 60000 };
    struct stream s;
    stream_init(&s);
    buf_put(&s.bytes, S("\x92\xa3" "app\xdc\xea\x60"));
    for (int i = 0; i < COUNT; i++)
        buf_put_u8(&s.bytes, 1);
    stream_take(&s, (bole_slice){0});
    CHECK(!s.result.over && s.bytes.len == 0);
    CHECK(s.result.records.rejected < COUNT / 100);
    check_stored(&s.f, "");
    stream_deinit(&s);
}

TEST(forward_bytes_may_come_in_any_pieces)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].over)
            continue;
        struct stream s;
        struct buf replies;
        stream_init(&s);
        buf_init(&replies, NULL);
        for (size_t at = 0; at < cases[i].bytes.len; at++) {
            if (s.bytes.len)
                CHECK(s.result.wanted > s.bytes.len && s.result.wanted <= s.bytes.len + cases[i].bytes.len - at);
            stream_take(&s, bole_slice_from(cases[i].bytes.ptr + at, 1));
            buf_put(&replies, s.result.reply);
        }
        CHECK_EQ_U64(s.bytes.len, 0);
        check_stored(&s.f, cases[i].stored);
        CHECK_EQ_SLICE(buf_slice(&replies), bole_slice_str(cases[i].reply));
        buf_deinit(&replies);
        stream_deinit(&s);
    }
}

static void put_packed(struct buf *out, bole_slice entries, const char *coding)
{
    buf_put(out, S("\x93\xa3" "app\xc6"));
    const uint8_t size[] = {(uint8_t)(entries.len >> 24), (uint8_t)(entries.len >> 16), (uint8_t)(entries.len >> 8), (uint8_t)entries.len};
    buf_put(out, bole_slice_from(size, 4));
    buf_put(out, entries);
    buf_put(out, S("\x82\xaa" "compressed\xa4"));
    buf_put_str(out, coding);
    buf_put(out, S("\xa5" "chunk\xa1" "c"));
}

TEST(forward_compressed_entries_may_be_several_members)
{
    struct stream s;
    struct buf packed;
    stream_init(&s);
    buf_init(&packed, NULL);
    CHECK(content_gzip(S("\x92" TIME "\x81\xa3log\xa1" "a"), &packed));
    CHECK(content_gzip(S("\x92" TIME "\x81\xa3log\xa1" "b"), &packed));
    put_packed(&s.bytes, buf_slice(&packed), "gzip");
    stream_take(&s, (bole_slice){0});
    CHECK_EQ_SLICE(s.result.reply, S("\x81\xa3" "ack\xa1" "c"));
    check_stored(&s.f, NOW APP "\"a\"" TAG NOW APP "\"b\"" TAG);
    buf_deinit(&packed);
    stream_deinit(&s);
}

TEST(forward_compressed_entries_may_be_zstd)
{
    struct stream s;
    uint8_t bytes[512];
    stream_init(&s);
    bole_slice entries = S("\x92" TIME "\x81\xa3log\xa1" "a");
    size_t len = ZSTD_compress(bytes, sizeof bytes, entries.ptr, entries.len, 1);
    put_packed(&s.bytes, bole_slice_from(bytes, len), "zstd");
    stream_take(&s, (bole_slice){0});
    CHECK_EQ_SLICE(s.result.reply, S("\x81\xa3" "ack\xa1" "c"));
    check_stored(&s.f, NOW APP "\"a\"" TAG);
    stream_deinit(&s);
}

/* A client that did not get its acknowledgement comes again, over another connection. */
TEST(forward_a_chunk_that_comes_again_is_acknowledged_and_not_stored)
{
    const bole_slice a = S("\x94\xa3" "app" TIME "\x81\xa3log\xa1" "a\x81\xa5" "chunk\xa1" "c"), ack = S("\x81\xa3" "ack\xa1" "c"),
                     b = S("\x94\xa3" "app" TIME "\x81\xa3log\xa1" "b\x81\xa5" "chunk\xa1" "c"), /* the same name for another chunk */
                     plain = S("\x93\xa3" "app" TIME "\x81\xa3log\xa1" "p");
    struct stream s;
    stream_init(&s);
    s.fails = true; /* what was not stored is no copy */
    stream_take(&s, a);
    fake_ingest_clear(&s.f.ingest);
    s.fails = false;
    stream_take(&s, a);
    CHECK_EQ_SLICE(s.result.reply, ack);
    check_stored(&s.f, NOW APP "\"a\"" TAG);
    memset(s.session, 0, sizeof s.session);
    stream_take(&s, a);
    CHECK_EQ_SLICE(s.result.reply, ack);
    check_stored(&s.f, "");
    stream_take(&s, b);
    check_stored(&s.f, NOW APP "\"b\"" TAG);
    stream_take(&s, plain);
    stream_take(&s, plain); /* without a chunk nobody says that it is the same */
    check_stored(&s.f, NOW APP "\"p\"" TAG NOW APP "\"p\"" TAG);
    for (unsigned i = 0; i < 100; i++) { /* many at once: all are answered */
        buf_put(&s.bytes, S("\x94\xa3" "app" TIME "\x81\xa3log\xcd"));
        buf_put_u8(&s.bytes, 0);
        buf_put_u8(&s.bytes, (uint8_t)i);
        buf_put(&s.bytes, S("\x81\xa5" "chunk\xa1" "c"));
    }
    size_t acks = 0;
    while (s.bytes.len) {
        stream_take(&s, (bole_slice){0});
        acks += s.result.reply.len / ack.len;
    }
    CHECK_EQ_U64(acks, 100);
    stream_deinit(&s);
}

TEST(forward_a_bomb_is_refused)
{
    struct stream s;
    stream_init(&s);
    struct buf packed;
    size_t size = (size_t)70 << 20;
    uint8_t *zeros = calloc(1, size);
    buf_init(&packed, NULL);
    CHECK(zeros && content_gzip(bole_slice_from(zeros, size), &packed));
    put_packed(&s.bytes, buf_slice(&packed), "gzip");
    stream_take(&s, (bole_slice){0});
    CHECK(s.result.over && s.result.reply.len == 0);
    free(zeros);
    buf_deinit(&packed);
    stream_deinit(&s);
}

TEST(forward_deep_nesting_is_refused)
{
    for (int maps = 0; maps < 2; maps++) {
        struct stream s;
        stream_init(&s);
        buf_put(&s.bytes, S("\x93\xa3" "app" TIME));
        for (int i = 0; i < 100000; i++)
            buf_put(&s.bytes, maps || i == 0 ? S("\x81\xa1k") : S("\x91"));
        buf_put_u8(&s.bytes, 1);
        stream_take(&s, (bole_slice){0});
        CHECK_EQ_U64(s.result.records.rejected, 1);
        check_stored(&s.f, "");
        stream_deinit(&s);
    }
}

TEST(forward_a_shared_key_is_asked_for)
{
    for (int good = 0; good < 2; good++) {
        struct stream s;
        struct random random;
        bole_slice greeting = {0};
        stream_init(&s);
        s.settings.shared_key = S("secret");
        random_seed(&random, 1);
        struct socket_input in = input_of(&s);
        forward_protocol.start(&in, &random, &greeting);
        CHECK(greeting.len == 48 && memcmp(greeting.ptr, "\x92\xa4HELO\x83\xa5nonce\xc4\x10", 15) == 0);
        CHECK(memcmp(greeting.ptr + 31, "\xa4" "auth\xa0\xa9keepalive\xc3", 17) == 0);
        buf_put(&s.bytes, S("\x96\xa4PING\xa6" "client\xa4salt\xd9\x80"));
        for (int i = 0; i < 128; i++)
            buf_put_u8(&s.bytes, 'a');
        buf_put(&s.bytes, good ? S("\xa0\xa0") : S("\xa0\xa0\x93\xa3" "app" TIME "\x81\xa3log\xa1m"));
        stream_take(&s, (bole_slice){0});
        CHECK(s.result.over); /* the digest is wrong: nothing behind it is taken */
        CHECK(s.result.reply.len > 7 && memcmp(s.result.reply.ptr, "\x95\xa4PONG\xc2", 7) == 0);
        check_stored(&s.f, "");
        stream_deinit(&s);
    }
    struct stream s;
    stream_init(&s);
    s.settings.shared_key = S("secret");
    struct random random;
    random_seed(&random, 1);
    bole_slice greeting;
    struct socket_input in = input_of(&s);
    forward_protocol.start(&in, &random, &greeting);
    stream_take(&s, S("\x93\xa3" "app" TIME "\x81\xa3log\xa1m")); /* no PING */
    CHECK(s.result.over);
    check_stored(&s.f, "");
    stream_deinit(&s);
}
