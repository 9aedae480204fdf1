#include <errno.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/random.h"
#include "base/test.h"
#include "base/timefmt.h"
#include "base/utf8.h"

TEST(err_context_goes_in_front_and_long_messages_are_cut)
{
    struct bole_err err;
    CHECK_EQ_STATUS(bole_fail_errno(&err, ENOSPC, "writing %s", "a"), BOLE_E_FULL);
    bole_err_context(&err, "segment %d", 7);
    CHECK(bole_slice_starts(bole_slice_str(err.msg), S("segment 7: writing a: No space")));
    for (int i = 0; i < 100; i++)
        bole_err_context(&err, "context number %d", i);
    CHECK(strlen(err.msg) < sizeof err.msg);
}

TEST(err_that_is_too_long_keeps_its_beginning_and_its_end)
{
    struct bole_err err;
    char text[2 * sizeof err.msg], whole[sizeof text + 20];
    for (size_t n = 0; n < sizeof text - 2; n += 2) {
        memcpy(text + n, "é", 3); /* grows by one character each time: cuts fall on every byte of one */
        snprintf(whole, sizeof whole, "%swhere: %s: why", n % 4 ? "x" : "", text);
        bole_fail(&err, BOLE_E_INVALID, "%s", whole);
        bole_slice msg = bole_slice_str(err.msg);
        CHECK(utf8_valid(msg));
        if (strlen(whole) < sizeof err.msg) {
            CHECK_EQ_SLICE(msg, bole_slice_str(whole));
            continue;
        }
        CHECK(strstr(err.msg, "where: é") && strstr(err.msg, "…") && strcmp(err.msg + msg.len - 7, "é: why") == 0);
        CHECK(msg.len >= sizeof err.msg - 4);
        bole_err_context(&err, "context");
        CHECK(bole_slice_starts(bole_slice_str(err.msg), S("context: ")) && strstr(err.msg, "é: why"));
        bole_fail_errno(&err, ENOSPC, "%s", whole);
        CHECK_EQ_STATUS(err.code, BOLE_E_FULL);
        CHECK(strstr(err.msg, "No space") && utf8_valid(bole_slice_str(err.msg)));
    }
}

TEST(slices_start_and_end_as_their_bytes_do)
{
    static const struct {
        bole_slice s, part;
        bool starts, ends;
    } cases[] = {
        {S("a.log"), S(".log"), false, true},
        {S("a.log"), S("a."), true, false},
        {S("abab"), S("ab"), true, true},
        {S("log"), S(".log"), false, false},
        {S(".log"), S(".log"), true, true},
        {S("a"), {0}, true, true},
        {{0}, {0}, true, true},
        {{0}, S("a"), false, false},
        {S("a\0b"), S("\0b"), false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK(bole_slice_starts(cases[i].s, cases[i].part) == cases[i].starts);
        CHECK(bole_slice_ends(cases[i].s, cases[i].part) == cases[i].ends);
    }
}

TEST(arena_gives_aligned_memory_and_stops_at_its_budget)
{
    struct budget budget;
    budget_init(&budget, NULL, 100000);
    struct arena a;
    arena_init(&a, &budget);
    size_t got = 0;
    for (;; got++) {
        uint8_t *p = arena_alloc(&a, 1 + got % 100);
        if (!p)
            break;
        CHECK_EQ_U64((uintptr_t)p % 16, 0);
        memset(p, 0xaa, 1 + got % 100);
        if (!arena_bytes(&a, 3))
            break;
    }
    CHECK(got > 300);
    CHECK(arena_alloc(&a, SIZE_MAX) == NULL);
    CHECK(arena_array(&a, SIZE_MAX / 2, 4) == NULL);
    arena_deinit(&a);
    CHECK_EQ_U64(budget.used_bytes, 0);
}

TEST(budget_takes_from_its_parent_too)
{
    struct budget process, query;
    budget_init(&process, NULL, 100);
    budget_init(&query, &process, 80);
    CHECK(budget_take(&query, 60));
    CHECK(!budget_take(&query, 21));
    CHECK(!query.crowded_out); /* its own limit */
    CHECK(budget_take(&process, 40));
    CHECK(!budget_take(&query, 1));
    CHECK(query.crowded_out);
    CHECK_EQ_U64(query.used_bytes, 60);
    budget_give(&query, 60);
    CHECK_EQ_U64(process.used_bytes, 40);
    CHECK_EQ_U64(budget_task_max(&query), 70);
    CHECK_EQ_U64(budget_task_max(NULL), SIZE_MAX);
}

TEST(crc32c_matches_the_published_vectors_and_both_paths_agree)
{
    uint8_t bytes[4096];
    memset(bytes, 0, 32);
    CHECK_EQ_U64(crc32c(0, bytes, 32), 0x8a9136aa); /* RFC 3720, B.4 */
    memset(bytes, 0xff, 32);
    CHECK_EQ_U64(crc32c(0, bytes, 32), 0x62a8ab43);
    CHECK_EQ_U64(crc32c(0, "123456789", 9), 0xe3069283);
    struct random r;
    random_seed(&r, 1);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)random_next(&r);
    for (size_t len = 0; len < 300; len++) {
        CHECK_EQ_U64(crc32c(7, bytes + len % 13, len), crc32c_portable(7, bytes + len % 13, len));
        CHECK_EQ_U64(crc32c(crc32c(0, bytes, len / 2), bytes + len / 2, len - len / 2), crc32c(0, bytes, len));
    }
}

TEST(varints_round_trip_and_bad_ones_fail)
{
    struct buf b;
    buf_init(&b, NULL);
    static const uint64_t values[] = {0, 1, 127, 128, 300, 1ull << 35, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < 8; i++)
        buf_put_varint(&b, values[i]);
    struct reader r = reader_of(buf_slice(&b));
    for (size_t i = 0; i < 8; i++)
        CHECK_EQ_U64(reader_varint(&r), values[i]);
    CHECK(!r.failed && reader_left(&r) == 0);
    reader_u8(&r);
    CHECK(r.failed);
    r = reader_of(S("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
    reader_varint(&r);
    CHECK(r.failed);
    buf_deinit(&b);
}

TEST(json_strings_are_escaped_as_loki_does)
{
    static const struct {
        bole_slice in;
        const char *out;
    } cases[] = {
        {S("plain"), "\"plain\""},
        {S("a\"b\\c\n\t\r\b\f"), "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\""},
        {S("\0\x01\x1f"), "\"\\u0000\\u0001\\u001f\""},
        {S("<a&b>"), "\"\\u003ca\\u0026b\\u003e\""},
        {S("\xc3\xa4\xe2\x82\xac\xf0\x9f\x8c\xb3"), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x8c\xb3\""},
        {S("\xff" "a\xc3"), "\"\xef\xbf\xbd" "a\xef\xbf\xbd\""},
        {S("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {S("\xe2\x80\xa8"), "\"\\u2028\""},
    };
    struct buf b;
    buf_init(&b, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_reset(&b);
        buf_put_json(&b, cases[i].in, true);
        CHECK_EQ_SLICE(buf_slice(&b), bole_slice_str(cases[i].out));
    }
    buf_deinit(&b);
}

TEST(times_round_trip_and_bad_ones_are_refused)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T10:00:00.123Z", 1795255200123000000},
        {"2024-02-29T23:59:59.999999999Z", 1709251199999999999},
        {"1969-12-31T23:59:59.5Z", -500000000},
        {"1900-03-01T00:00:00Z", -2203891200000000000},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t ns = 1;
        CHECK(time_parse_rfc3339(bole_slice_str(good[i].text), &ns));
        CHECK_EQ_I64(ns, good[i].ns);
        char text[TIME_TEXT_MAX];
        time_format_rfc3339(ns, -1, text);
        assert_string_equal(text, good[i].text);
    }
    int64_t ns;
    CHECK(time_parse_rfc3339(S("2026-11-21 12:30:00+02:30"), &ns) && ns == 1795255200000000000);
    static const char *const bad[] = {"", "2026", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
                                      "2026-01-01T24:00:00Z",
                                      "2026-01-01T00:00:00", "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00.Z",
                                      "9999-01-01T00:00:00Z", "2026-01-01T00:00:00+25:00"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!time_parse_rfc3339(bole_slice_str(bad[i]), &ns));
}

TEST(durations_parse_and_print_as_in_go)
{
    static const struct {
        const char *text;
        int64_t ns;
        const char *printed;
    } cases[] = {
        {"0", 0, "0s"}, {"1s", 1000000000, "1s"}, {"1h30m", 5400000000000, "1h30m0s"}, {"1.5s", 1500000000, "1.5s"},
        {"250ms", 250000000, "250ms"}, {"1d", 86400000000000, "24h0m0s"}, {"1us", 1000, "1\xc2\xb5s"},
        {"1ns", 1, "1ns"}, {"1m0.001s", 60001000000, "1m0.001s"}, {"-2m", -120000000000, "-2m0s"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ns;
        CHECK(duration_parse(bole_slice_str(cases[i].text), true, true, &ns));
        CHECK_EQ_I64(ns, cases[i].ns);
        char text[TIME_TEXT_MAX];
        CHECK_EQ_U64(duration_format(ns, text), strlen(cases[i].printed));
        CHECK(memcmp(text, cases[i].printed, strlen(cases[i].printed)) == 0);
    }
    int64_t ns;
    CHECK(!duration_parse(S("2.5s"), false, false, &ns));
    CHECK(!duration_parse(S(""), true, true, &ns));
    CHECK(!duration_parse(S("5"), true, true, &ns));
    CHECK(!duration_parse(S("-5s"), false, true, &ns));
    CHECK(!duration_parse(S("99999999999h"), false, true, &ns));
}

TEST(utf8_is_checked_as_rfc_3629_says)
{
    CHECK(utf8_valid(S("plain ascii, longer than eight bytes")));
    CHECK(utf8_valid(S("\xf4\x8f\xbf\xbf")));
    static const bole_slice bad[] = {S("\xf4\x90\x80\x80"), S("\xc0\x80"), S("\xed\xa0\x80"), S("12345678\xe2\x82")};
    for (size_t i = 0; i < 4; i++)
        CHECK(!utf8_valid(bad[i]));
    for (uint32_t c = 0; c <= 0x10ffff; c += 97) {
        if (c >= 0xd800 && c < 0xe000)
            continue;
        uint8_t bytes[4];
        size_t n = utf8_encode(c, bytes), length;
        CHECK_EQ_U64(utf8_decode(bytes, n, &length), c);
        CHECK_EQ_U64(length, n);
    }
}
