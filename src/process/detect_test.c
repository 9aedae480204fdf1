#include <stdlib.h>

#include "base/buf.h"
#include "base/test.h"
#include "process/detect.h"

/* "from..to kind" of each hit, as the texts themselves: "email:joe@x.org card:4111..." */
static void print_hits(const struct detector *d, bole_slice text, struct buf *out)
{
    struct detect_hit hit, slow;
    buf_reset(out);
    for (size_t at = 0; detect_next(d, text, at, &hit); at = hit.to) {
        CHECK(detect_next_portable(d, text, at, &slow));
        CHECK_EQ_U64(slow.from, hit.from);
        CHECK_EQ_U64(slow.to, hit.to);
        buf_printf(out, "%s%s:", out->len ? " " : "", detect_kind_name(hit.kind));
        buf_put(out, bole_slice_from(text.ptr + hit.from, hit.to - hit.from));
    }
}

static const struct {
    const char *kind, *text, *hits;
} cases[] = {
    /* e-mail */
    {"email", "mail to joe.doe+x@mail.example.org, please", "email:joe.doe+x@mail.example.org"},
    {"email", "<a@b.co>", "email:a@b.co"},
    {"email", "a@b.co,c@d.io", "email:a@b.co email:c@d.io"},
    {"email", "end of a sentence joe@x.org.", "email:joe@x.org"},
    {"email", "user@db1 @ x@y @@ root@10.0.0.1 a@.b.co", ""},
    {"email", "\"from\":\"j\xc3\xbcrgen@m\xc3\xbcller.de\"", "email:j\xc3\xbcrgen@m\xc3\xbcller.de"},
    {"email", "joe@x.org", "email:joe@x.org"},
    /* cards: brand, length and sum must fit */
    {"card", "paid 4111111111111111 ok", "card:4111111111111111"},
    {"card", "paid 4111 1111 1111 1111 ok", "card:4111 1111 1111 1111"},
    {"card", "paid 4111-1111-1111-1111.", "card:4111-1111-1111-1111"},
    {"card", "amex 378282246310005, 3782 822463 10005", "card:378282246310005 card:3782 822463 10005"},
    {"card", "{\"n\":5555555555554444}", "card:5555555555554444"},
    {"card", "2223003122003222 6011111111111117", "card:2223003122003222 card:6011111111111117"},
    {"card", "4111111111111112 1795255200000000000 2026-11-21 10:00:00,123 4111111111111111x a4111111111111111", ""},
    {"card", "41111111111111111111111111111111", ""},
    /* IBAN: country, length and sum */
    {"iban", "from DE89370400440532013000 to", "iban:DE89370400440532013000"},
    {"iban", "GB82 WEST 1234 5698 7654 32", "iban:GB82 WEST 1234 5698 7654 32"},
    {"iban", "DE89370400440532013001 DE8937040044053201300 XX89370400440532013000 xDE89370400440532013000", ""},
    {"iban", "NO9386011117947", "iban:NO9386011117947"},
    /* keys */
    {"aws_key", "key AKIAIOSFODNN7EXAMPLE!", "aws_key:AKIAIOSFODNN7EXAMPLE"},
    {"aws_key", "AKIAIOSFODNN7EXAMPLEX AKIAshort xAKIAIOSFODNN7EXAMPLE", ""},
    {"jwt", "t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0", "jwt:eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0"},
    {"jwt", "eyJhbGciOiJIUzI1NiJ9.not.that", ""},
    {"bearer", "Authorization: Bearer abcdef0123456789==", "bearer:abcdef0123456789=="},
    {"bearer", "the bearer of news, bearer short", ""},
    {"token", "ghp_abcdefghijklmnopqrstuvwxyz0123456789", "token:ghp_abcdefghijklmnopqrstuvwxyz0123456789"},
    {"token", "xoxb-1234567890-abc sk_live_0123456789abcdef", "token:xoxb-1234567890-abc token:sk_live_0123456789abcdef"},
    {"token", "ghost thing sk_ xox ghp_short", ""},
    {"private_key", "x -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- y", "private_key:-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"},
    {"private_key", "-----BEGIN PRIVATE KEY-----\\nMIIE", "private_key:-----BEGIN PRIVATE KEY-----\\nMIIE"},
    {"private_key", "-----BEGIN CERTIFICATE-----\nMIIE", ""},
    /* passwords by their names */
    {"password", "user=joe password=hunter2 x=1", "password:hunter2"},
    {"password", "{\"db_password\":\"a \\\"b\",\"x\":1}", "password:a \\\"b"},
    {"password", "{\"m\":\"{\\\"password\\\":\\\"abc\\\",\\\"x\\\":1}\"}", "password:abc"},
    {"password", "PWD='x y' Api_Key: k1, secret = s3 client_secret:z", "password:x y password:k1 password:s3 password:z"},
    {"password", "authorization: Basic dXNlcjpwYXNz next", "password:dXNlcjpwYXNz"},
    {"password", "GET https://joe:hunter2@example.org/path", "password:hunter2"},
    {"password", "passwords pass the time; a token of love; https://example.org:80/a@b password= ", ""},
    {"password", "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG", "password:wJalrXUtnFEMI/K7MDENG"},
    /* addresses */
    {"ipv4", "from 10.0.0.1:80 to 192.168.100.200.", "ipv4:10.0.0.1 ipv4:192.168.100.200"},
    {"ipv4", "1.2.3 1.2.3.4.5 256.1.1.1 v1.2.3.4 0.123456 1.2.3.4a", ""},
    {"ipv6", "from 2001:db8::1 and [fe80::1%eth0] ::1", "ipv6:2001:db8::1 ipv6:fe80::1 ipv6:::1"},
    {"ipv6", "10:00:00 00:11:22:33:44:55 std::string a:b", ""},
};

TEST(detectors_find_what_they_should_and_nothing_else)
{
    struct buf out;
    buf_init(&out, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct detector d;
        unsigned kinds = detect_kinds(bole_slice_str(cases[i].kind));
        CHECK(kinds != 0);
        detector_init(&d, kinds);
        print_hits(&d, bole_slice_str(cases[i].text), &out);
        CHECK_EQ_SLICE(buf_slice(&out), bole_slice_str(cases[i].hits));
    }
    buf_deinit(&out);
}

/* A hit is found wherever it stands: at each distance from a block's edge. */
TEST(hits_are_found_at_every_place)
{
    struct detector d;
    struct detect_hit hit;
    uint8_t text[200];
    bole_slice secret = S("4111111111111111");
    detector_init(&d, detect_kinds(S("all")));
    for (size_t at = 0; at + secret.len <= sizeof text; at++) {
        memset(text, ' ', sizeof text);
        memcpy(text + at, secret.ptr, secret.len);
        CHECK(detect_next(&d, bole_slice_from(text, sizeof text), 0, &hit));
        CHECK_EQ_U64(hit.from, at);
        CHECK_EQ_U64(hit.to, at + secret.len);
        CHECK(detect_next(&d, bole_slice_from(text, at + secret.len), 0, &hit));
    }
}

TEST(any_bytes_are_searched_alike_with_and_without_vectors)
{
    static const char *const parts[] = {"@", ".", "a", "joe@x.org", "4111 1111 1111 1111", "378282246310005", "6011-0009-9013-9424", "4222222222222",
                                        "2025-01-01 00:00:00", "4", "1", "-", " ", "10.0.0.1", ":", "::", "fe80",
                                        "password", "=", "\"", "\\", "eyJ", "AKIA", "DE89", "Bearer ", "://", "\n", "\xff", "-----BEGIN ", "PRIVATE KEY",
                                        "ghp_", "token", "auth"};
    struct detector d;
    unsigned seed = 5;
    for (int round = 0; round < 5000; round++) {
        char text[400];
        size_t len = 0;
        detector_init(&d, (unsigned)rand_r(&seed) & ((1u << DETECT_COUNT) - 1));
        for (int n = rand_r(&seed) % 20; n > 0; n--) {
            const char *part = parts[(size_t)rand_r(&seed) % (sizeof parts / sizeof *parts)];
            memcpy(text + len, part, strlen(part));
            len += strlen(part);
            if (rand_r(&seed) % 30 == 0)
                text[len++] = 0;
        }
        uint8_t *exact = malloc(len ? len : 1); /* the sanitizer finds a read behind it */
        memcpy(exact, text, len);
        struct detect_hit a, b;
        for (size_t at = 0;;) {
            bool found = detect_next(&d, bole_slice_from(exact, len), at, &a);
            CHECK(found == detect_next_portable(&d, bole_slice_from(exact, len), at, &b));
            if (!found)
                break;
            CHECK(a.from == b.from && a.to == b.to && a.kind == b.kind);
            CHECK(a.from >= at && a.to > a.from && a.to <= len);
            at = a.to;
        }
        free(exact);
    }
}

/* Beside a detector for each kind and memmem for each literal, some of them too many or too long for the gate. */
static void check_gate(const struct gate *g, unsigned kinds, const bole_slice *literals, const uint32_t *bits, size_t count, bole_slice text)
{
    struct gate_found found = gate_look(g, text), slow = gate_look_portable(g, text);
    struct detect_hit hit;
    CHECK_EQ_U64(found.kinds, slow.kinds);
    CHECK_EQ_U64(found.literals, slow.literals);
    for (unsigned kind = 0; kind < DETECT_COUNT; kind++) {
        struct detector one;
        detector_init(&one, kinds & 1u << kind);
        CHECK_EQ_U64(found.kinds >> kind & 1, kinds >> kind & 1 && detect_next_portable(&one, text, 0, &hit));
    }
    for (size_t i = 0; i < count; i++) {
        size_t len = literals[i].len < GATE_PIECE_MAX ? literals[i].len : GATE_PIECE_MAX;
        CHECK_EQ_U64((found.literals & bits[i]) != 0, bits[i] && text.len && memmem(text.ptr, text.len, literals[i].ptr, len));
    }
}

TEST(a_gate_finds_what_detectors_and_searches_for_each_literal_find)
{
    static const char *const parts[] = {"GET /healthz", "session=", "a", "ab", "abc", "maxEvents ", "@", "joe@x.org", "4111 1111 1111 1111", " ", "\n",
                                        "password=x", "10.0.0.1", "::1", "a literal that is longer than a piece", "a literal that is not", "=", "zz\xff"};
    enum { PARTS = sizeof parts / sizeof *parts, COUNT_MAX = GATE_LITERALS_MAX + 2 };
    unsigned seed = 9;
    for (int round = 0; round < 5000; round++) {
        struct gate g;
        bole_slice literals[COUNT_MAX];
        uint32_t bits[COUNT_MAX], all = 0;
        unsigned kinds = (unsigned)rand_r(&seed) & ((1u << DETECT_COUNT) - 1);
        size_t count = (size_t)rand_r(&seed) % (round % 50 ? 6 : COUNT_MAX + 1), len = 0;
        char text[900];
        gate_init(&g);
        gate_add_kinds(&g, kinds & 0xff);
        for (size_t i = 0; i < count; i++) {
            literals[i] = bole_slice_str(parts[(size_t)rand_r(&seed) % PARTS]);
            bits[i] = gate_add_literal(&g, literals[i]);
            CHECK(!(all & bits[i]));
            CHECK_EQ_U64(bits[i] != 0, i < GATE_LITERALS_MAX);
            all |= bits[i];
        }
        gate_add_kinds(&g, kinds);
        for (int n = rand_r(&seed) % 20; n > 0; n--) {
            const char *part = parts[(size_t)rand_r(&seed) % PARTS];
            size_t some = (size_t)rand_r(&seed) % 4 ? strlen(part) : (size_t)rand_r(&seed) % (strlen(part) + 1);
            memcpy(text + len, part, some);
            len += some;
        }
        uint8_t *exact = malloc(len ? len : 1); /* the sanitizer finds a read behind it */
        memcpy(exact, text, len);
        check_gate(&g, kinds, literals, bits, count, bole_slice_from(exact, len));
        free(exact);
    }
    struct gate g;
    gate_init(&g);
    CHECK_EQ_U64(gate_add_literal(&g, S("")), 0);
}

/* Work stays in proportion: each of these is a megabyte that makes a careless search quadratic. */
TEST(hostile_lines_take_linear_time)
{
    static const char *const parts[] = {"@", "a", "eyJ", "eyJa.", "4111 ", "1.", ":", "fe80:", "password", "password=", "-----BEGIN ", "://a:", "DE89",
                                        "a@b.", "Bearer ", "\\", "token\":\"", "ghp_"};
    enum { SIZE = 1 << 20 };
    uint8_t *text = malloc(SIZE);
    struct detector d;
    struct detect_hit hit;
    struct gate gate;
    detector_init(&d, detect_kinds(S("all")));
    gate_init(&gate);
    gate_add_kinds(&gate, d.kinds);
    gate_add_literal(&gate, S("aaaaaaaaaaaaaaab"));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t n = strlen(parts[i]), hits = 0;
        for (size_t at = 0; at < SIZE; at++)
            text[at] = (uint8_t)parts[i][at % n];
        for (size_t at = 0; detect_next(&d, bole_slice_from(text, SIZE), at, &hit); at = hit.to)
            hits++;
        CHECK(hits <= SIZE);
        gate_look(&gate, bole_slice_from(text, SIZE));
    }
    free(text);
}

TEST(names_of_fields_that_hold_secrets)
{
    static const char *const yes[] = {"password", "db_password", "X-Api-Key", "accessToken", "auth", "client.secret", "userPassword", "pwd",
                                      "passwd", "passphrase", "passcode", "pass", "SECRET_ACCESS_KEY", "secretkey", "credentials", "credential",
                                      "authorization", "private_key"};
    static const char *const no[] = {"compass", "token_type", "passed", "author", "secretary", "cwpwd", ""};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        CHECK(detect_secret_name(bole_slice_str(yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        CHECK(!detect_secret_name(bole_slice_str(no[i])));
}
