#include "receive/receive_fixture.h"
#include "receive/socket.h"

#define NOW    "1795255200000000000"
#define M(text) NOW " {host=\"10.0.0.1\", job=\"syslog\"} \"" text "\" facility=\"user\" severity=\"info\" sender=\"10.0.0.1\"\n"
#define OPEN   "1 open 20 relp_version=0\nabcde\n"
#define OPENED "1 rsp 56 200 OK\nrelp_version=0\nrelp_software=bole\ncommands=syslog\n"

static const struct {
    bole_slice  bytes;
    const char *replies, *stored;
    bool        over;
} cases[] = {
    {S(OPEN "2 syslog 5 <14>a\n3 syslog 6 <14>b\n\n4 close 0\n"), OPENED "2 rsp 6 200 OK\n3 rsp 6 200 OK\n4 rsp 0\n0 serverclose 0\n",
     M("a") M("b"), true},
    {S(OPEN "2 syslog 7 <14>a\0b\n"), OPENED "2 rsp 6 200 OK\n", M("a\\u0000b")},
    {S(OPEN "2 syslog 0\n3 syslog 0 \n"), OPENED "2 rsp 6 200 OK\n3 rsp 6 200 OK\n", ""},
    {S(OPEN "2 starttls 0\n"), OPENED "2 rsp 23 500 unsupported command\n", ""},
    {S("1 syslog 5 <14>a\n"), "1 rsp 27 500 the session is not open\n", ""},
    {S("<14>hello\n"), "", "", true},
    {S("1 syslog x a\n"), "", "", true},
    {S("1234567890 open 0\n"), "", "", true},
    {S(OPEN "2 syslog 5 <14>abc"), OPENED, "", true},
    {S(" open 0\n"), "", "", true},
    {S("1 open 5\n"), "", "", true},
};

struct stream {
    struct fixture f;
    _Alignas(16) uint8_t session[64];
    struct buf     bytes, replies;
    struct socket_result result;
    bool           over;
};

static void stream_init(struct stream *s)
{
    *s = (struct stream){0};
    fixture_init(&s->f);
    buf_init(&s->bytes, NULL);
    buf_init(&s->replies, NULL);
    CHECK(relp_protocol.session_size <= sizeof s->session);
}

static void stream_deinit(struct stream *s)
{
    buf_deinit(&s->bytes);
    buf_deinit(&s->replies);
    fixture_deinit(&s->f);
}

static void stream_take(struct stream *s, bole_slice more)
{
    if (s->over)
        return;
    buf_put(&s->bytes, more);
    struct socket_input in = {.in = fixture_input(&s->f, buf_slice(&s->bytes), ""), .sender = S("10.0.0.1"), .session = s->session};
    relp_protocol.take(s->f.receiver, &in, &s->result);
    CHECK(s->result.used <= s->bytes.len);
    if (s->result.used)
        memmove(s->bytes.ptr, s->bytes.ptr + s->result.used, s->bytes.len - s->result.used);
    s->bytes.len -= s->result.used;
    s->over = s->result.over;
    buf_put(&s->replies, s->result.reply);
    if (s->result.records.request)
        ingest_commit(s->result.records.request, NULL, NULL);
}

static void check(struct stream *s, const char *replies, const char *stored)
{
    CHECK_EQ_SLICE(buf_slice(&s->replies), bole_slice_str(replies));
    buf_reset(&s->f.text);
    fake_ingest_print(&s->f.ingest, &s->f.text);
    fake_ingest_clear(&s->f.ingest);
    CHECK_EQ_SLICE(buf_slice(&s->f.text), bole_slice_str(stored));
}

TEST(relp_every_frame_is_answered)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t piece = 1; piece <= 64; piece *= 64) {
            struct stream s;
            stream_init(&s);
            for (bole_slice rest = cases[i].bytes; rest.len; rest = bole_slice_sub(rest, piece))
                stream_take(&s, bole_slice_from(rest.ptr, rest.len < piece ? rest.len : piece));
            check(&s, cases[i].replies, cases[i].stored);
            CHECK_EQ_U64(s.over, cases[i].over);
            stream_deinit(&s);
        }
}

TEST(relp_a_message_over_the_limit_is_cut)
{
    struct stream s;
    stream_init(&s);
    stream_take(&s, S(OPEN));
    buf_printf(&s.bytes, "2 syslog %u <14>", RECORD_LINE_MAX + 30);
    while (s.bytes.len < RECORD_LINE_MAX + 20)
        buf_put_u8(&s.bytes, 'x');
    stream_take(&s, (bole_slice){0});
    CHECK_EQ_U64(s.result.cut, 1);
    CHECK_EQ_U64(s.f.ingest.rows_total, 1);
    CHECK_EQ_U64(s.bytes.len, 0);
    fake_ingest_clear(&s.f.ingest);
    /* number, command and length are 16 bytes: 20 of the 30 bytes behind the limit are missing */
    stream_take(&s, S("xxxxxxxxxxxxxxxxxxxxxxxxxx\n3 syslog 5 <14>a\n"));
    check(&s, OPENED "2 rsp 6 200 OK\n3 rsp 6 200 OK\n", M("a"));
    stream_deinit(&s);
}

TEST(relp_what_is_refused_for_now_is_not_answered)
{
    struct stream s;
    stream_init(&s);
    stream_take(&s, S(OPEN));
    s.f.ingest.refuse = BOLE_E_FULL;
    stream_take(&s, S("2 syslog 5 <14>a\n"));
    CHECK_EQ_U64(s.result.records.status, 503);
    CHECK_EQ_U64(s.result.used, 0);
    CHECK_EQ_U64(s.result.reply.len, 0);
    s.f.ingest.refuse = BOLE_OK;
    stream_take(&s, (bole_slice){0});
    check(&s, OPENED "2 rsp 6 200 OK\n", M("a"));
    stream_deinit(&s);
}
