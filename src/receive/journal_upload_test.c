#include <stdlib.h>

#include "base/random.h"
#include "receive/receive_fixture.h"

#define NOW "1795255200000000000"

static void push(struct fixture *f, bole_slice body)
{
    struct receive_input in = fixture_input(f, body, "application/vnd.fdo.journal");
    receive_journal_upload(f->receiver, &in, &(struct journal_piece){0}, &f->result);
}

#define BODY(text) {(const uint8_t *)(text), sizeof(text) - 1}
#define BINARY "MESSAGE\n\x07\0\0\0\0\0\0\0two\nl\0x\n"

static const struct {
    bole_slice  body;
    unsigned    status;
    const char *answer, *stored;
} cases[] = {
    {BODY("__CURSOR=c\n__REALTIME_TIMESTAMP=1795255201000002\n__MONOTONIC_TIMESTAMP=5\n_HOSTNAME=h\n_SYSTEMD_UNIT=ssh@1.service\nPRIORITY=3\n"
          "MESSAGE=one = 1\n\n__REALTIME_TIMESTAMP=1795255202000000\n_COMM=bash\n" BINARY "X=\n\n\n"), 202, "OK.\n",
     "1795255201000002000 {host=\"h\", job=\"systemd-journal\", service_name=\"ssh\"} \"one = 1\" _HOSTNAME=\"h\" _SYSTEMD_UNIT=\"ssh@1.service\" "
     "PRIORITY=\"3\"\n1795255202000000000 {job=\"systemd-journal\", service_name=\"bash\"} \"two\\nl\\u0000x\" _COMM=\"bash\"\n"},
    {BODY("MESSAGE=without an empty line"), 202, "OK.\n", NOW " {job=\"systemd-journal\", service_name=\"journald\"} \"without an empty line\"\n"},
    {BODY("MESSAGE=a\n__REALTIME_TIMESTAMP=never\n\nMESSAGE=b\n\n"), 202, "1 refused: entry 1: field __REALTIME_TIMESTAMP: \"never\" is no time\n",
     NOW " {job=\"systemd-journal\", service_name=\"journald\"} \"b\"\n"},
    {BODY(""), 202, "OK.\n", ""},
    {BODY("MESSAGE=a\n\nMESSAGE\n\x7f\0\0\0\0\0\0\0x\n"), 400, "journal export: a field is longer than the request, at byte 11", ""},
    {BODY("MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xffx\n"), 400, "journal export: a field is longer than the request, at byte 0", ""},
    {BODY("MESSAGE\n\1"), 400, "journal export: a field ends too early, at byte 0", ""},
    {BODY("=a\n"), 400, "journal export: a field without a name, at byte 0", ""},
};

TEST(journal_upload_is_stored)
{
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int again = 0; again < 2; again++) {
            push(&f, cases[i].body);
            fixture_check(&f, cases[i].status, cases[i].answer, cases[i].stored);
        }
    fixture_deinit(&f);
}

/* However it is cut, the records are the same. */
TEST(journal_upload_may_come_in_pieces)
{
    struct fixture f;
    struct buf stored;
    fixture_init(&f);
    buf_init(&stored, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t size = 1; size < 40; size += 3) {
            struct journal_piece piece = {.more = true};
            buf_reset(&stored);
            for (size_t end = size; piece.more; end += size) {
                piece.more = end < cases[i].body.len;
                size_t at = (size_t)piece.offset, to = piece.more ? end : cases[i].body.len;
                struct receive_input in = fixture_input(&f, bole_slice_from(cases[i].body.ptr + at, to - at), "");
                receive_journal_upload(f.receiver, &in, &piece, &f.result);
                CHECK(f.result.status != 202 || !piece.more || piece.taken <= to - at);
                if (f.result.status != 202)
                    break;
                if (f.result.request)
                    ingest_commit(f.result.request, NULL, NULL);
                fake_ingest_print(&f.ingest, &stored);
                fake_ingest_clear(&f.ingest);
                piece.offset += piece.taken;
            }
            CHECK_EQ_U64(f.result.status, cases[i].status);
            if (cases[i].status == 202)
                CHECK_EQ_SLICE(buf_slice(&stored), bole_slice_str(cases[i].stored));
            else
                CHECK_EQ_SLICE(f.result.body, bole_slice_str(cases[i].answer));
        }
    buf_deinit(&stored);
    fixture_deinit(&f);
}

TEST(journal_upload_takes_the_level_from_the_priority_and_leaves_long_fields_out)
{
    struct fixture f;
    struct buf body;
    fixture_init(&f);
    f.options.detect_level = true;
    buf_init(&body, NULL);
    buf_put_str(&body, "MESSAGE=no error\nPRIORITY=4\nCOREDUMP=");
    for (int i = 0; i < 20000; i++)
        buf_put_u8(&body, 'x');
    buf_put_str(&body, "\n\n");
    push(&f, buf_slice(&body));
    fixture_check(&f, 202, "OK.\n", NOW " {job=\"systemd-journal\", service_name=\"journald\"} \"no error\" PRIORITY=\"4\" detected_level=\"warn\"\n");
    buf_deinit(&body);
    fixture_deinit(&f);
}

TEST(journal_upload_damaged_anywhere_never_breaks)
{
    struct fixture f;
    struct random rnd;
    fixture_init(&f);
    random_seed(&rnd, 29);
    for (int round = 0; round < 20000; round++) {
        bole_slice from = cases[random_below(&rnd, 3)].body;
        size_t len = round % 2 ? from.len : 1 + random_below(&rnd, from.len);
        char *copy = malloc(len); /* a read behind it is found by the sanitizer */
        memcpy(copy, from.ptr, len);
        for (int n = 0; n < 3; n++)
            copy[random_below(&rnd, len)] = "=\n\0\1\xff_9a"[random_below(&rnd, 8)];
        push(&f, bole_slice_from(copy, len));
        CHECK(f.result.status == 202 || f.result.status == 400);
        if (f.result.request)
            ingest_commit(f.result.request, NULL, NULL);
        fake_ingest_clear(&f.ingest);
        free(copy);
    }
    fixture_deinit(&f);
}
