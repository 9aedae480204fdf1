/* The parsers by themselves: what they decide does not depend on how the bytes arrive. */
#include "serve/http_head.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "base/test.h"
#include "serve/http_chunk.h"
#include "serve/http_host.h"
#include "serve/http_route.h"

enum { HEAD_MAX = 4096 };

struct outcome { enum http_parse result; unsigned status; size_t used; };

/* Gives the parser the first byte, the first two..., in steps; every time in a fresh allocation of exactly that size, so
 * that a read beyond it is caught and the bytes may have moved. */
static struct outcome parse_in_steps(bole_slice bytes, size_t step, struct http_head *h)
{
    struct outcome o = {HTTP_PARSE_MORE, 0, 0};
    http_head_reset(h);
    for (size_t len = step < bytes.len ? step : bytes.len; o.result == HTTP_PARSE_MORE; len = len + step < bytes.len ? len + step : bytes.len) {
        uint8_t *copy = malloc(len ? len : 1);
        memcpy(copy, bytes.ptr, len);
        o.result = http_head_parse(h, copy, len, HEAD_MAX, &o.used);
        free(copy);
        if (len == bytes.len)
            break;
    }
    o.status = h->status;
    return o;
}

static void check_every_step(bole_slice bytes)
{
    struct http_head *whole = malloc(sizeof *whole), *pieces = malloc(sizeof *pieces);
    struct outcome want = parse_in_steps(bytes, bytes.len ? bytes.len : 1, whole);
    for (size_t step = 1; step < 6; step++) {
        struct outcome got = parse_in_steps(bytes, step, pieces);
        CHECK_EQ_I64(got.result, want.result);
        CHECK_EQ_U64(got.status, want.status);
        CHECK_EQ_U64(got.used, want.used);
        if (want.result != HTTP_PARSE_DONE)
            continue;
        CHECK_EQ_U64(pieces->field_count, whole->field_count);
        CHECK(memcmp(pieces->fields, whole->fields, whole->field_count * sizeof *whole->fields) == 0);
        CHECK_EQ_U64(pieces->content_length, whole->content_length);
        CHECK_EQ_U64(pieces->path.at, whole->path.at);
    }
    free(whole);
    free(pieces);
}

static const struct { unsigned status; bole_slice bytes; } malformed[] = {
#define BAD(status, name, bytes) {status, {(const uint8_t *)bytes, sizeof(bytes) - 1}},
#include "http_malformed.h"
#undef BAD
};

TEST(http_head_decides_the_same_for_every_cut)
{
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        check_every_step(malformed[i].bytes);
}

/* Characters are looked at eight at a time: each of them, at every place, beside a rule that looks at one. */
TEST(http_head_refuses_each_character_at_every_place)
{
    static const char base[] = "GET /0123456789abcdef?0123456789abcdefghi HTTP/1.1\r\nHost: localhost\r\n\r\n";
    enum { PATH = 5, QUERY = 22, END = 41 };
    struct http_head *h = malloc(sizeof *h);
    for (size_t at = PATH; at < END; at++)
        for (unsigned c = 0; c < 256; c++) {
            uint8_t bytes[sizeof base - 1];
            memcpy(bytes, base, sizeof bytes);
            bytes[at] = (uint8_t)c;
            bool good = c > ' ' && c < 0x7f && c != '#' && (c != '\\' || at >= QUERY);
            CHECK_EQ_I64(parse_in_steps((bole_slice){bytes, sizeof bytes}, sizeof bytes, h).result,
                         good ? HTTP_PARSE_DONE : HTTP_PARSE_REFUSED);
        }
    free(h);
}

TEST(http_head_survives_mutations)
{
    static const char base[] = "POST /echo?a=b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\nX-Y:\tz \r\n"
                               "Connection: keep-alive, upgrade\r\n\r\n";
    struct random random;
    random_seed(&random, 20261121);
    for (int round = 0; round < 3000; round++) {
        uint8_t bytes[sizeof base - 1];
        memcpy(bytes, base, sizeof bytes);
        for (uint64_t n = 1 + random_below(&random, 3); n; n--)
            bytes[random_below(&random, sizeof bytes)] = "\r\n\0 \t:,/x0\x80\x7f"[random_below(&random, 12)];
        check_every_step((bole_slice){bytes, sizeof bytes});
    }
}

TEST(http_head_finds_its_parts)
{
    bole_slice bytes = S("\r\nPOST /a%20b?q=1&r HTTP/1.1\r\nHost: h:1\r\nconnection: a,b\r\nContent-Length:  007 \r\n"
                         "Connection: Close\r\nX:\r\n\r\nrest");
    struct http_head h;
    struct outcome o = parse_in_steps(bytes, bytes.len, &h);
    CHECK_EQ_I64(o.result, HTTP_PARSE_DONE);
    CHECK_EQ_U64(o.used, bytes.len - 4);
    CHECK_EQ_U64(h.method, HTTP_POST);
    CHECK_EQ_U64(h.content_length, 7);
    CHECK(!h.keep_alive && !h.chunked && !h.http10);
    CHECK_EQ_U64(h.field_count, 5);
    CHECK_EQ_SLICE(http_span_slice(bytes.ptr, h.path), S("/a%20b"));
    CHECK_EQ_SLICE(http_span_slice(bytes.ptr, h.query), S("q=1&r"));
    CHECK_EQ_SLICE(http_span_slice(bytes.ptr, h.authority), S("h:1"));
    CHECK_EQ_SLICE(http_span_slice(bytes.ptr, h.fields[4].value), S(""));
}

TEST(http_head_tells_a_websocket)
{
    struct http_head h;
    bole_slice yes = S("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: h2c, WebSocket\r\n\r\n");
    bole_slice no = S("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n");
    CHECK_EQ_I64(parse_in_steps(yes, 1000, &h).result, HTTP_PARSE_DONE);
    CHECK(h.upgrade_websocket);
    CHECK_EQ_I64(parse_in_steps(no, 1000, &h).result, HTTP_PARSE_DONE);
    CHECK(!h.upgrade_websocket);
}

/* ---- chunks ---- */

static enum http_chunk_state decode(bole_slice in, size_t step, struct buf *out, size_t *ret_left)
{
    struct http_chunk c;
    http_chunk_reset(&c);
    buf_init(out, NULL);
    while (in.len && c.state != CHUNK_DONE && c.state != CHUNK_BAD) {
        bole_slice piece = {in.ptr, in.len < step ? in.len : step}, data;
        size_t offered = piece.len;
        while (piece.len && c.state != CHUNK_DONE && c.state != CHUNK_BAD) {
            http_chunk_next(&c, &piece, &data);
            buf_put(out, data);
        }
        in = bole_slice_sub(in, offered - piece.len);
    }
    *ret_left = in.len;
    return c.state;
}

TEST(http_chunk_decides_the_same_for_every_cut)
{
    static const char base[] = "5\r\nhello\r\n1F;x=y\r\n0123456789012345678901234567890\r\n000\r\nA: b\r\n\r\nGET";
    struct random random;
    random_seed(&random, 99);
    for (int round = 0; round < 3000; round++) {
        uint8_t bytes[sizeof base - 1];
        memcpy(bytes, base, sizeof bytes);
        for (uint64_t n = round ? 1 + random_below(&random, 2) : 0; n; n--)
            bytes[random_below(&random, sizeof bytes)] = "\r\n\0 ;0F:\x80g"[random_below(&random, 10)];
        struct buf want, got;
        size_t want_left, got_left;
        enum http_chunk_state state = decode((bole_slice){bytes, sizeof bytes}, SIZE_MAX, &want, &want_left);
        if (round == 0) {
            CHECK_EQ_I64(state, CHUNK_DONE);
            CHECK_EQ_U64(want_left, 3);
            CHECK_EQ_SLICE(buf_slice(&want), S("hello0123456789012345678901234567890"));
        }
        for (size_t step = 1; step < 5; step++) {
            CHECK_EQ_I64(decode((bole_slice){bytes, sizeof bytes}, step, &got, &got_left), state);
            CHECK_EQ_SLICE(buf_slice(&got), buf_slice(&want));
            if (state == CHUNK_DONE)
                CHECK_EQ_U64(got_left, want_left);
            buf_deinit(&got);
        }
        buf_deinit(&want);
    }
}

TEST(http_chunk_bounds_lines_and_trailer)
{
    struct buf in, out;
    size_t left;
    buf_init(&in, NULL);
    buf_put_str(&in, "1;");
    for (int i = 0; i < HTTP_CHUNK_LINE_MAX; i++)
        buf_put_u8(&in, 'e');
    CHECK_EQ_I64(decode(buf_slice(&in), 100, &out, &left), CHUNK_BAD);
    buf_deinit(&out);
    buf_reset(&in);
    buf_put_str(&in, "0\r\n");
    for (size_t i = 0; i < HTTP_CHUNK_TRAILER_MAX; i += 6)
        buf_put_str(&in, "A: b\r\n");
    CHECK_EQ_I64(decode(buf_slice(&in), 100, &out, &left), CHUNK_BAD);
    buf_deinit(&out);
    buf_deinit(&in);
}

/* ---- hosts ---- */

TEST(http_host_knows_its_own)
{
    struct http_hosts h = {0};
    struct bole_err err;
    CHECK_OK(net_addr_parse(S("192.168.1.5:3100"), &h.listen, &err), err);
    static const char *const ours[] = {"localhost", "LocalHost:1", "a.b.localhost", "127.0.0.1", "127.1.2.3:9", "[::1]", "[::1]:99999",
                                       "192.168.1.5", "192.168.1.5:80", "[::ffff:127.0.0.1]:1", "localhost."};
    static const char *const foreign[] = {"", "example.com", "localhost.com", "notlocalhost", ".localhost", "192.168.1.6", "[::2]",
                                          "127.0.0.1.example.com", "localhost:1:2", "localhost:1a", "[::1", "::1", "[::1]x", "0x7f.1",
                                          "2130706433", "localhost..", "localhost:123456"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (!http_host_is_ours(&h, bole_slice_str(ours[i])))
            fail_msg("%s is ours", ours[i]);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (http_host_is_ours(&h, bole_slice_str(foreign[i])))
            fail_msg("%s is not ours", foreign[i]);
}

TEST(http_origin_must_be_the_same_server)
{
    static const bole_slice names[] = {{(const uint8_t *)"logs.example", 12}};
    static const struct { const char *origin, *authority; bool ours, tls; } cases[] = {
        {"http://localhost:3100", "localhost:3100", true},
        {"http://LOCALHOST:3100", "localhost:3100", true},
        {"http://localhost", "localhost", true},
        {"http://localhost:80", "localhost", true},
        {"https://localhost", "localhost:443", true, .tls = true},
        {"https://localhost:443", "localhost", true, .tls = true},
        {"https://localhost:3100", "localhost:3100", true, .tls = true},
        {"https://localhost:3100", "localhost:3100", false},
        {"https://localhost", "localhost", false},
        {"https://localhost", "localhost:443", false},
        {"http://localhost:3100", "localhost:3100", false, .tls = true},
        {"http://localhost", "localhost", false, .tls = true},
        {"https://logs.example", "localhost:3100", true}, /* a proxy speaks TLS for us */
        {"http://logs.example:8080", "localhost:3100", true, .tls = true},
        {"http://localhost:3000", "localhost:3100", false},
        {"http://127.0.0.1:3100", "localhost:3100", false},
        {"http://evil.example:3100", "localhost:3100", false},
        {"null", "localhost:3100", false},
        {"", "localhost:3100", false},
        {"http://", "localhost:3100", false},
        {"localhost:3100", "localhost:3100", false},
        {"file://localhost:3100", "localhost:3100", false},
        {"http://localhost:3100/", "localhost:3100", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_hosts h = {.names = names, .name_count = 1, .tls = cases[i].tls};
        if (http_origin_is_ours(&h, bole_slice_str(cases[i].origin), bole_slice_str(cases[i].authority)) != cases[i].ours)
            fail_msg("origin \"%s\" for %s, tls %d", cases[i].origin, cases[i].authority, cases[i].tls);
    }
}

/* ---- routes ---- */

static void nothing(struct http_exchange *x, void *ctx)
{
    (void)x, (void)ctx;
}

TEST(http_routes_prefer_the_literal_and_collect_methods)
{
    static const struct http_route table[] = {
        {.methods = HTTP_GET, .path = "/a/{x}", .handler = nothing},
        {.methods = HTTP_GET, .path = "/a/b", .handler = nothing},
        {.methods = HTTP_POST, .path = "/a/b", .handler = nothing},
        {.methods = HTTP_DELETE, .path = "/a/{x}/c/{y}", .handler = nothing},
        {.methods = HTTP_GET, .path = "/f/{rest*}", .handler = nothing},
    };
    static const struct { const char *path; unsigned method; int route; unsigned allowed; const char *first_param; } cases[] = {
        {"/a/b", HTTP_GET, 1, HTTP_GET | HTTP_POST, NULL},
        {"/a/b", HTTP_POST, 2, HTTP_GET | HTTP_POST, NULL},
        {"/a/b", HTTP_PUT, -1, HTTP_GET | HTTP_POST, NULL},
        {"/a/z", HTTP_GET, 0, HTTP_GET, "z"},
        {"/a/%62", HTTP_POST, 2, HTTP_GET | HTTP_POST, NULL},
        {"/a/z%2Fy", HTTP_GET, 0, HTTP_GET, "z%2Fy"},
        {"/a/1/c/2", HTTP_DELETE, 3, HTTP_DELETE, "1"},
        {"/a//c/2", HTTP_DELETE, -1, 0, NULL},
        {"/a/", HTTP_GET, -1, 0, NULL},
        {"/a", HTTP_GET, -1, 0, NULL},
        {"/f/", HTTP_GET, 4, HTTP_GET, ""},
        {"/f/x/y", HTTP_GET, 4, HTTP_GET, "x/y"},
        {"/f", HTTP_GET, -1, 0, NULL},
        {"/", HTTP_GET, -1, 0, NULL},
    };
    struct http_routes *r;
    struct bole_err err;
    CHECK_OK(http_routes_create(table, sizeof table / sizeof *table, &r, &err), err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_match m;
        http_routes_match(r, bole_slice_str(cases[i].path), cases[i].method, &m);
        if (m.route != (cases[i].route < 0 ? NULL : &table[cases[i].route]))
            fail_msg("%s: another route", cases[i].path);
        if (cases[i].route < 0)
            CHECK((m.allowed & cases[i].allowed) == cases[i].allowed);
        if (cases[i].first_param)
            CHECK_EQ_SLICE(m.params[0].value, bole_slice_str(cases[i].first_param));
    }
    http_routes_destroy(r);
}

TEST(http_form_decodes_and_refuses)
{
    struct arena a;
    struct http_form_pair *pairs = NULL;
    size_t count = 0;
    arena_init(&a, NULL);
    CHECK_EQ_STATUS(http_form_parse(&a, S("a=1&&b=x%3Dy+z&c&=d&a=%E2%82%AC"), &pairs, &count), BOLE_OK);
    CHECK_EQ_U64(count, 5);
    CHECK_EQ_SLICE(pairs[1].value, S("x=y z"));
    CHECK(pairs[2].value.ptr != NULL && pairs[2].value.len == 0);
    CHECK_EQ_SLICE(pairs[4].value, S("\xe2\x82\xac"));
    CHECK_EQ_STATUS(http_form_parse(&a, S("&e=f&g&h="), &pairs, &count), BOLE_OK); /* behind the others, nothing to decode */
    CHECK_EQ_U64(count, 8);
    CHECK_EQ_SLICE(pairs[4].value, S("\xe2\x82\xac"));
    CHECK_EQ_SLICE(pairs[5].value, S("f"));
    CHECK(pairs[6].value.ptr != NULL && pairs[6].value.len == 0);
    CHECK(pairs[7].value.ptr != NULL && pairs[7].value.len == 0);
    CHECK_EQ_STATUS(http_form_parse(&a, S("a=%4"), &pairs, &count), BOLE_E_INVALID);
    CHECK_EQ_STATUS(http_form_parse(&a, S("%g0=1"), &pairs, &count), BOLE_E_INVALID);
    arena_deinit(&a);
}
