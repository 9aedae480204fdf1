#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "receive/receive_fixture.h"
#include "receive/socket.h"

/* 2026-11-21T10:00:00Z is now. */
#define NOW "1795255200000000000"

static void set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static void init(struct fixture *f)
{
    fixture_init(f);
    f->options.service_names = service_name_candidates;
    f->options.service_name_count = service_name_candidate_count;
}

struct stream { /* the bytes of one connection, and what is left of them */
    struct fixture f;
    _Alignas(16) uint8_t session[64];
    struct buf     bytes;
    struct socket_result result;
};

static void stream_init(struct stream *s)
{
    *s = (struct stream){0};
    init(&s->f);
    buf_init(&s->bytes, NULL);
    CHECK(syslog_protocol.session_size <= sizeof s->session);
}

static void stream_deinit(struct stream *s)
{
    buf_deinit(&s->bytes);
    fixture_deinit(&s->f);
}

static void stream_take(struct stream *s, bole_slice more, bool at_end)
{
    buf_put(&s->bytes, more);
    struct socket_input in = {.in = fixture_input(&s->f, buf_slice(&s->bytes), ""), .sender = S("10.0.0.1"),
                              .at_end = at_end, .session = s->session};
    syslog_protocol.take(s->f.receiver, &in, &s->result);
    CHECK(s->result.used <= s->bytes.len);
    memmove(s->bytes.ptr, s->bytes.ptr + s->result.used, s->bytes.len - s->result.used);
    s->bytes.len -= s->result.used;
    if (s->result.records.request)
        ingest_commit(s->result.records.request, NULL, NULL);
}

static void check_stored(struct fixture *f, const char *stored)
{
    buf_reset(&f->text);
    fake_ingest_print(&f->ingest, &f->text);
    fake_ingest_clear(&f->ingest);
    CHECK_EQ_SLICE(buf_slice(&f->text), bole_slice_str(stored));
}

/* ---- one message ---- */

#define LABELS(host, service) " {host=\"" host "\", job=\"syslog\", service_name=\"" service "\"} "
#define NO_APP(host)          LABELS(host, "syslog")
#define SENDER                " sender=\"10.0.0.1\"\n"
#define PRI34                 " facility=\"auth\" severity=\"crit\""

static const struct {
    const char *zone, *text, *stored;
} messages[] = {
    /* RFC 5424, its own examples first */
    {"UTC", "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' failed for lonvick on /dev/pts/8",
     "1065910455003000000" LABELS("mymachine.example.com", "su") "\"'su root' failed for lonvick on /dev/pts/8\"" PRI34
     " msg_id=\"ID47\"" SENDER},
    {"UTC", "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.",
     "1061727255000003000" LABELS("192.0.2.1", "myproc") "\"%% It's time to make the do-nuts.\" facility=\"local4\" "
     "severity=\"notice\" proc_id=\"8710\"" SENDER},
    {"UTC", "<165>1 2003-10-11T22:14:15.003Z m evntslog - ID47 [exampleSDID@32473 iut=\"3\" eventSource=\"Application\" "
     "eventID=\"1011\"][examplePriority@32473 class=\"high\"]",
     "1065910455003000000" LABELS("m", "evntslog") "\"\" exampleSDID_32473_iut=\"3\" exampleSDID_32473_eventSource=\"Application\" "
     "exampleSDID_32473_eventID=\"1011\" examplePriority_32473_class=\"high\" facility=\"local4\" severity=\"notice\" "
     "msg_id=\"ID47\"" SENDER},
    /* escapes, an element without parameters, a name that comes twice */
    {"UTC", "<34>1 - - - - - [a x=\"q\\\"b\\\\s\\]e\\n\" x=\"2\" y=\"\"][b] m",
     NOW NO_APP("10.0.0.1") "\"m\" a_x=\"q\\\"b\\\\s]e\\\\n\" b=\"true\"" PRI34 SENDER},
    /* structured data that cannot be read stays in the line */
    {"UTC", "<34>1 - h a - - [a x=\"1\" y] m", NOW LABELS("h", "a") "\"[a x=\\\"1\\\" y] m\"" PRI34 SENDER},
    {"UTC", "<34>1 - h a - - [a x=\"1", NOW LABELS("h", "a") "\"[a x=\\\"1\"" PRI34 SENDER},
    {"UTC", "<34>1 - h a - - oops", NOW LABELS("h", "a") "\"oops\"" PRI34 SENDER},
    {"UTC", "<34>1 - h a - -", NOW LABELS("h", "a") "\"\"" PRI34 SENDER},
    /* what has no header of RFC 5424 is text */
    {"UTC", "<34>1 tomorrow h a - - - m", NOW NO_APP("10.0.0.1") "\"1 tomorrow h a - - - m\"" PRI34 SENDER},
    {"UTC", "<34>1 - h\xff a - - - m", NOW NO_APP("10.0.0.1") "\"1 - h\xef\xbf\xbd" " a - - - m\"" PRI34 SENDER},
    /* RFC 3164 and what is sent in its name */
    {"UTC", "<34>Oct 11 22:14:15 mymachine su: 'su root' failed", "1791756855000000000" LABELS("mymachine", "su")
     "\"'su root' failed\"" PRI34 SENDER},
    {"UTC", "<34>Nov  1 22:14:15 10.2.3.4 postfix/smtpd[123]: connect",
     "1793571255000000000" LABELS("10.2.3.4", "postfix/smtpd") "\"connect\"" PRI34 " proc_id=\"123\"" SENDER},
    {"UTC", "<34>Nov 21 09:59:59.123456 h a[x-1] no colon", "1795255199123456000" LABELS("h", "a") "\"no colon\"" PRI34
     " proc_id=\"x-1\"" SENDER},
    {"UTC", "<34>2026-11-21T12:00:00.5+02:00 h a: iso", "1795255200500000000" LABELS("h", "a") "\"iso\"" PRI34 SENDER},
    {"UTC", "<34>Nov 21 2026 10:00:00 h a: year", NOW LABELS("h", "a") "\"year\"" PRI34 SENDER},
    {"UTC", "<34>Nov 21 10:00:00 a[1]: no host", NOW LABELS("10.0.0.1", "a") "\"no host\"" PRI34 " proc_id=\"1\"" SENDER},
    {"UTC", "<34>Nov 21 10:00:00 a: no host", NOW LABELS("10.0.0.1", "a") "\"no host\"" PRI34 SENDER},
    {"UTC", "<34>Nov 21 10:00:00 h last message repeated 3 times", NOW NO_APP("h") "\"last message repeated 3 times\"" PRI34 SENDER},
    {"UTC", "<34>Nov 21 10:00:00 (\"U7PG2\",v4) hostapd: x", NOW NO_APP("10.0.0.1") "\"(\\\"U7PG2\\\",v4) hostapd: x\"" PRI34 SENDER},
    {"UTC", "<34>Nov 21 10:00:00", NOW NO_APP("10.0.0.1") "\"\"" PRI34 SENDER},
    {"UTC", "<34>Nov 21 10:00:00 alone", NOW NO_APP("10.0.0.1") "\"alone\"" PRI34 SENDER},
    {"UTC", "<34>app[7]: no stamp", NOW LABELS("10.0.0.1", "app") "\"no stamp\"" PRI34 " proc_id=\"7\"" SENDER},
    {"UTC", "<34>ERROR: no program", NOW NO_APP("10.0.0.1") "\"ERROR: no program\"" PRI34 SENDER},
    {"UTC", "<34>http://x y", NOW NO_APP("10.0.0.1") "\"http://x y\"" PRI34 SENDER},
    {"UTC", "<34>a[1 2]: x", NOW NO_APP("10.0.0.1") "\"a[1 2]: x\"" PRI34 SENDER},
    {"UTC", "<34>a[1", NOW NO_APP("10.0.0.1") "\"a[1\"" PRI34 SENDER},
    {"UTC", "<34>a", NOW NO_APP("10.0.0.1") "\"a\"" PRI34 SENDER},
    {"UTC", "<34>{\"a\":1}", NOW NO_APP("10.0.0.1") "\"{\\\"a\\\":1}\"" PRI34 SENDER},
    {"UTC", "<34>", NOW NO_APP("10.0.0.1") "\"\"" PRI34 SENDER},
    /* CEF and LEEF are their own language */
    {"UTC", "<34>Nov 21 10:00:00 fw CEF:0|V|P|1|100|n|5|src=1.2.3.4", NOW NO_APP("fw")
     "\"CEF:0|V|P|1|100|n|5|src=1.2.3.4\"" PRI34 SENDER},
    {"UTC", "<34>Nov 21 10:00:00 fw CEF: 0|V|P", NOW NO_APP("fw") "\"CEF: 0|V|P\"" PRI34 SENDER},
    {"UTC", "<34>LEEF:2.0|V|P|1|e|^|a=b", NOW NO_APP("10.0.0.1") "\"LEEF:2.0|V|P|1|e|^|a=b\"" PRI34 SENDER},
    /* Cisco */
    {"UTC", "<34>45: *Nov 21 10:00:00.123: %SYS-5-CONFIG_I: Configured", "1795255200123000000" NO_APP("10.0.0.1")
     "\"%SYS-5-CONFIG_I: Configured\"" PRI34 " msg_id=\"SYS-5-CONFIG_I\"" SENDER},
    {"UTC", "<34>45: router1: .Nov 21 10:00:00.123 UTC: %SYS-5-CONFIG_I: Configured", "1795255200123000000" NO_APP("router1")
     "\"%SYS-5-CONFIG_I: Configured\"" PRI34 " msg_id=\"SYS-5-CONFIG_I\"" SENDER},
    {"UTC", "<34>Nov 21 2026 10:00:00: %ASA-6-302013: Built", NOW NO_APP("10.0.0.1") "\"%ASA-6-302013: Built\"" PRI34
     " msg_id=\"ASA-6-302013\"" SENDER},
    {"UTC", "<34>Nov 21 2026 10:00:00 asa : %ASA-6-302013: Built", NOW NO_APP("asa") "\"%ASA-6-302013: Built\"" PRI34
     " msg_id=\"ASA-6-302013\"" SENDER},
    {"UTC", "<34>:Nov 21 10:00:00 GMT: %ASA-6-1: Built", NOW NO_APP("10.0.0.1") "\"%ASA-6-1: Built\"" PRI34
     " msg_id=\"ASA-6-1\"" SENDER},
    {"UTC", "<34>date=2026-11-21 time=10:00:00 devname=\"FG\"", NOW NO_APP("10.0.0.1")
     "\"date=2026-11-21 time=10:00:00 devname=\\\"FG\\\"\"" PRI34 SENDER},
    /* no priority */
    {"UTC", "hello world", NOW NO_APP("10.0.0.1") "\"hello world\"" SENDER},
    {"UTC", "Nov 21 10:00:00 h a[1]: from a file", NOW LABELS("h", "a") "\"from a file\" proc_id=\"1\"" SENDER},
    {"UTC", "<192>x", NOW NO_APP("10.0.0.1") "\"<192>x\"" SENDER},
    {"UTC", "<>x", NOW NO_APP("10.0.0.1") "\"<>x\"" SENDER},
    {"UTC", "<1", NOW NO_APP("10.0.0.1") "\"<1\"" SENDER},
    {"UTC", "<0001>x", NOW NO_APP("10.0.0.1") "\"<0001>x\"" SENDER},
    /* zones: local time of here, of the season of the stamp; a sender further east; never for what names its zone */
    {"Europe/Berlin", "<34>Nov 21 11:00:00 h a: x", NOW LABELS("h", "a") "\"x\"" PRI34 SENDER},
    {"Europe/Berlin", "<34>Jul 21 12:00:00 h a: x", "1784628000000000000" LABELS("h", "a") "\"x\"" PRI34 SENDER},
    {"UTC", "<34>Nov 21 15:45:10 h a: Nepal", "1795255210000000000" LABELS("h", "a") "\"Nepal\"" PRI34 SENDER},
    {"UTC", "<34>2026-11-21T15:45:00Z h a: ahead", "1795275900000000000" LABELS("h", "a") "\"ahead\"" PRI34 SENDER},
    {"UTC", "<34>Nov 21 10:04:00 h a: ahead", "1795255440000000000" LABELS("h", "a") "\"ahead\"" PRI34 SENDER},
    /* years */
    {"UTC", "<34>Dec 31 23:59:59 h a: last year", "1767225599000000000" LABELS("h", "a") "\"last year\"" PRI34 SENDER},
};

TEST(syslog_messages_of_every_kind_keep_what_they_say)
{
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct fixture f;
        init(&f);
        set_zone(messages[i].zone);
        struct socket_datagram datagram = {bole_slice_str(messages[i].text), S("10.0.0.1")};
        struct socket_input in = {.in = fixture_input(&f, datagram.bytes, "")};
        struct socket_result result;
        /* the text lies at the end of its memory, so that a byte too far is seen */
        uint8_t *copy = malloc(datagram.bytes.len);
        memcpy(copy, datagram.bytes.ptr, datagram.bytes.len);
        datagram.bytes.ptr = copy;
        syslog_protocol.take_datagrams(f.receiver, &in, &datagram, 1, &result);
        free(copy);
        CHECK_EQ_U64(result.used, 1);
        CHECK(result.records.request != NULL);
        ingest_commit(result.records.request, NULL, NULL);
        check_stored(&f, messages[i].stored);
        fixture_deinit(&f);
    }
    set_zone("UTC");
}

TEST(syslog_severity_is_the_level)
{
    static const char *const levels[] = {"critical", "critical", "critical", "error", "warn", "info", "info", "debug"};
    struct fixture f;
    init(&f);
    f.options.detect_level = true;
    for (unsigned i = 0; i < 8; i++) {
        char text[64], want[32];
        struct socket_datagram datagram = {{(uint8_t *)text, (size_t)snprintf(text, sizeof text, "<%u>fatal trace", 8 + i)}, {0}};
        struct socket_input in = {.in = fixture_input(&f, datagram.bytes, "")};
        struct socket_result result;
        syslog_protocol.take_datagrams(f.receiver, &in, &datagram, 1, &result);
        ingest_commit(result.records.request, NULL, NULL);
        buf_reset(&f.text);
        fake_ingest_print(&f.ingest, &f.text);
        fake_ingest_clear(&f.ingest);
        snprintf(want, sizeof want, "detected_level=\"%s\"", levels[i]);
        CHECK(memmem(f.text.ptr, f.text.len, want, strlen(want)));
    }
    fixture_deinit(&f);
}

TEST(syslog_datagrams_lose_their_line_ends_only)
{
    struct fixture f;
    init(&f);
    struct socket_datagram datagrams[] = {{S("<14>a\n"), S("1.1.1.1")}, {S("<14>b\0"), S("2.2.2.2")}, {S("\0\n"), {0}},
                                          {S("<14>c\nd\0e\xff\r\n"), S("::1")}};
    struct socket_input in = {.in = fixture_input(&f, S("<14>a\n<14>b\0\0\n<14>c\nd\0e\xff\r\n"), "")};
    struct socket_result result;
    syslog_protocol.take_datagrams(f.receiver, &in, datagrams, 4, &result);
    CHECK_EQ_U64(result.records.rejected_by[RECEIVE_MALFORMED], 1);
    ingest_commit(result.records.request, NULL, NULL);
    check_stored(&f, NOW NO_APP("1.1.1.1") "\"a\" facility=\"user\" severity=\"info\" sender=\"1.1.1.1\"\n"
                     NOW NO_APP("2.2.2.2") "\"b\" facility=\"user\" severity=\"info\" sender=\"2.2.2.2\"\n"
                     NOW NO_APP("::1") "\"c\\nd\\u0000e\xef\xbf\xbd\" facility=\"user\" severity=\"info\" sender=\"::1\"\n");
    /* no room: nothing is taken, and the same call is good later */
    f.ingest.refuse = BOLE_E_LIMIT;
    syslog_protocol.take_datagrams(f.receiver, &in, datagrams, 4, &result);
    CHECK_EQ_U64(result.used, 0);
    CHECK_EQ_U64(result.records.status, 429);
    fixture_deinit(&f);
}

/* ---- framing ---- */

#define M(text) NOW NO_APP("10.0.0.1") "\"" text "\" facility=\"user\" severity=\"info\"" SENDER

static const struct {
    bole_slice  bytes;
    const char *stored;
    size_t      left; /* bytes, before the end is told */
} streams[] = {
    {S("<14>a\n<14>b\r\n\n<14>c"), M("a") M("b") M("c"), 5},
    {S("5 <14>a7 <14>b\nc5 <14>d"), M("a") M("b\\nc") M("d"), 0},
    {S("5 <14>a<14>b\n5 <14>c\n<14>d\n"), M("a") M("b") M("c") M("d"), 0}, /* both in one connection */
    {S("6 <14>a\n7 <14>b\r\n7 <14>c\n\n"), M("a") M("b") M("c\\n"), 0}, /* rsyslog */
    {S("7 <14>a\0b"), M("a\\u0000b"), 0},
    {S("<14>a\nb\0<14>c\nd\0"), M("a\\nb") M("c\\nd"), 0}, /* Python */
    {S("<14>a\0"), M("a"), 0},
    {S("<14>a\n<14>b\0<14>c\n"), M("a") M("b\\u0000<14>c"), 0}, /* the first one ended with a line feed */
    {S("10 items\n"), NOW NO_APP("10.0.0.1") "\"10 items\"" SENDER, 0},
    {S("2026 x\n"), NOW NO_APP("10.0.0.1") "\"2026 x\"" SENDER, 0},
    {S("9 <14>a"), NOW NO_APP("10.0.0.1") "\"a\" facility=\"user\" severity=\"info\" sender=\"10.0.0.1\" truncated=\"true\"\n", 7},
    {S("12"), NOW NO_APP("10.0.0.1") "\"12\"" SENDER, 2},
    {S("\n\r\n\0"), "", 0},
};

TEST(syslog_both_framings_are_told_apart_message_by_message)
{
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        struct stream s;
        stream_init(&s);
        stream_take(&s, streams[i].bytes, false);
        CHECK_EQ_U64(s.bytes.len, streams[i].left);
        stream_take(&s, (bole_slice){0}, true);
        check_stored(&s.f, streams[i].stored);
        stream_deinit(&s);
    }
}

TEST(syslog_bytes_may_come_in_any_pieces)
{
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        if (memchr(streams[i].bytes.ptr, 0, streams[i].bytes.len) && streams[i].bytes.ptr[0] == '<')
            continue; /* a NUL ends the first message when nothing stands behind it: that depends on the pieces */
        struct stream s;
        stream_init(&s);
        for (size_t at = 0; at < streams[i].bytes.len; at++)
            stream_take(&s, bole_slice_from(streams[i].bytes.ptr + at, 1), false);
        stream_take(&s, (bole_slice){0}, true);
        check_stored(&s.f, streams[i].stored);
        stream_deinit(&s);
    }
}

TEST(syslog_says_how_much_a_counted_message_still_needs)
{
    struct stream s;
    stream_init(&s);
    stream_take(&s, S("100 <14>abc"), false);
    CHECK_EQ_U64(s.result.wanted, 104);
    CHECK_EQ_U64(s.result.used, 0);
    stream_deinit(&s);
}

/* The beginning of a message over the limit is kept and said to be cut; its neighbours are whole. */
static void check_cut(const char *head, const char *between)
{
    struct stream s;
    stream_init(&s);
    buf_put_str(&s.bytes, head);
    buf_put_str(&s.bytes, "<14>");
    while (s.bytes.len < RECORD_LINE_MAX + 20)
        buf_put_u8(&s.bytes, 'x');
    stream_take(&s, (bole_slice){0}, false);
    CHECK_EQ_U64(s.result.cut, 1);
    CHECK_EQ_U64(s.f.ingest.rows_total, 1);
    CHECK(s.bytes.len <= 20);
    fake_ingest_clear(&s.f.ingest);
    for (int i = 0; i < 3; i++)
        stream_take(&s, S("xxxxxxxxxx"), false);
    CHECK_EQ_U64(s.bytes.len, 0);
    stream_take(&s, bole_slice_str(between), false);
    stream_take(&s, S("<14>next\n"), false);
    check_stored(&s.f, M("next"));
    stream_deinit(&s);
}

TEST(syslog_a_message_over_the_limit_is_cut)
{
    check_cut("", "\n");
    char count[32];
    snprintf(count, sizeof count, "%u ", RECORD_LINE_MAX + 20 - 7 + 30); /* the number and its blank are 7 bytes */
    check_cut(count, "");
}

TEST(syslog_what_is_refused_for_now_is_whole_when_it_comes_again)
{
    struct stream s;
    stream_init(&s);
    uint8_t before[sizeof s.session];
    s.f.ingest.room = 1;
    memcpy(before, s.session, sizeof before);
    struct socket_input in = {.in = fixture_input(&s.f, S("<14>a\n<14>b\n"), ""), .sender = S("10.0.0.1"), .session = s.session};
    syslog_protocol.take(s.f.receiver, &in, &s.result);
    CHECK_EQ_U64(s.result.records.status, 429);
    CHECK(s.result.records.request == NULL);
    memcpy(s.session, before, sizeof before);
    s.f.ingest.room = 100;
    stream_take(&s, S("<14>a\n<14>b\n"), false);
    check_stored(&s.f, M("a") M("b"));
    stream_deinit(&s);
}
