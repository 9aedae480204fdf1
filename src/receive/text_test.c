#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/test.h"
#include "base/timefmt.h"
#include "receive/text.h"

#define NOW_NS (1795255200 * NS_PER_S) /* 2026-11-21T10:00:00Z */

static const struct {
    const char *line;
    const char *time; /* NULL: none */
} lines[] = {
    {"2026-11-21T10:00:00.123Z something", "2026-11-21T10:00:00.123Z"},
    {"2026-11-21T10:00:00+0200 [x]", "2026-11-21T08:00:00Z"},
    {"2026-11-21t10:00:00-05:30", "2026-11-21T15:30:00Z"},
    {"2026-11-21 10:00:00,123 INFO", "2026-11-21T10:00:00.123Z"},
    {"2026-11-21 10:00:00.123456789123 INFO", "2026-11-21T10:00:00.123456789Z"},
    {"2026-11-21 10:00:00 +0100 x", "2026-11-21T09:00:00Z"},
    {"2026-11-21 10:00:00 UTC [12] LOG", "2026-11-21T10:00:00Z"},
    {"2026-11-21 10:00:00 -- x", "2026-11-21T10:00:00Z"},
    {"2026-11-21 10:00:00, then", "2026-11-21T10:00:00Z"},
    {"2026/11/21 10:00:00 [error] 12#0: x", "2026-11-21T10:00:00Z"},
    {"17/06/09 20:10:40 INFO executor", "2017-06-09T20:10:40Z"},
    {"[2026-11-21 10:00:00,5] x", "2026-11-21T10:00:00.5Z"},
    {"- 2023-10-27 16:13:52,001 x", "2023-10-27T16:13:52.001Z"},
    {"\"2026-11-21 10:00:00\" x", "2026-11-21T10:00:00Z"},
    {"Nov 21 09:00:00 host sshd[1]: x", "2026-11-21T09:00:00Z"},
    {"Nov  1 09:00:00.25 host x", "2026-11-01T09:00:00.25Z"},
    {"Nov 1 09:00:00 host x", "2026-11-01T09:00:00Z"},
    {"Nov 22 09:59:00 host x", "2026-11-22T09:59:00Z"}, /* less than a day ahead */
    {"Nov 22 10:01:00 host x", "2025-11-22T10:01:00Z"},
    {"Dec 31 23:59:59 host x", "2025-12-31T23:59:59Z"},
    {"Feb 29 10:00:00 host x", "2024-02-29T10:00:00Z"},
    {"Nov 21 2025 09:00:00 cisco", "2025-11-21T09:00:00Z"},
    {"Nov 21 09:00:00 2019 x", "2019-11-21T09:00:00Z"},
    {"Nov 21 09:00:00 10.0.0.1 x", "2026-11-21T09:00:00Z"},
    {"Nov 21 09:00:00 2019-x", "2026-11-21T09:00:00Z"},
    {"[Sat Nov 21 10:00:00.123456 2026] [core:error]", "2026-11-21T10:00:00.123456Z"},
    {"Sat, 21 Nov 2026 10:00:00 GMT x", "2026-11-21T10:00:00Z"},
    {"1234:M 21 Nov 2026 10:00:00.100 * Ready", "2026-11-21T10:00:00.1Z"},
    {"<34>Nov 21 09:00:00 host x", "2026-11-21T09:00:00Z"},
    {"<34>1 2026-11-21T10:00:00Z host x", "2026-11-21T10:00:00Z"},
    {"I1121 09:00:00.5 12 file.go:1] x", "2026-11-21T09:00:00.5Z"},
    {"1.2.3.4 - - [21/Nov/2026:10:00:00 +0200] \"GET / HTTP/1.1\" 200 1", "2026-11-21T08:00:00Z"},
    {"1795255200 x", "2026-11-21T10:00:00Z"},
    {"1795255200.5 x", "2026-11-21T10:00:00.5Z"},
    {"[1795255200123]", "2026-11-21T10:00:00.123Z"},
    {"1795255200", "2026-11-21T10:00:00Z"},
    {"type=SYSCALL msg=audit(1795255200.123:45): x", "2026-11-21T10:00:00.123Z"},
    {"level=info ts=2026-11-21T10:00:00Z x", "2026-11-21T10:00:00Z"},
    {"time=\"2026-11-21T10:00:00Z\" level=info", "2026-11-21T10:00:00Z"},
    {"{\"log\":\"x\",\"time\":\"2026-11-21T10:00:00.5Z\"}", "2026-11-21T10:00:00.5Z"},
    {"{\"ts\": 1795255200.5,\"x\":1}", "2026-11-21T10:00:00.5Z"},
    {"", NULL},
    {"plain text without a stamp", NULL},
    {"2026-13-21T10:00:00Z", NULL},
    {"2026-02-29T10:00:00Z", NULL},
    {"2026-11-21T24:00:00Z", NULL},
    {"2026-11-21T10:60:00Z", NULL},
    {"2026-11-21", NULL},
    {"2026-11/21 10:00:00", NULL},
    {"9999-11-21T10:00:00Z", NULL},
    {"Nov 31 10:00:00 x", NULL},
    {"Nov 21 1:00:00 x", NULL},
    {"Nova 21 10:00:00", NULL},
    {"123456789 too short", NULL},
    {"1795255200abc", NULL},
    {"99999999999999999999999999 x", NULL},
    {"xts=2026-11-21T10:00:00Z", NULL},
    {"{\"a\":\"2026-11-21T10:00:00Z\"}", NULL},
    {"\tat java.lang.Thread.run(Thread.java:745)", NULL},
};

TEST(lines_say_their_time)
{
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        int64_t ns = 0;
        char text[TIME_TEXT_MAX] = "";
        bool found = text_time(bole_slice_str(lines[i].line), NOW_NS, &ns);
        if (found)
            time_format_rfc3339(ns, -1, text);
        if (found != (lines[i].time != NULL))
            print_error("%s\n", lines[i].line);
        CHECK(found == (lines[i].time != NULL));
        CHECK_EQ_SLICE(bole_slice_str(text), bole_slice_str(lines[i].time));
    }
}

TEST(stamps_without_a_zone_are_local)
{
    int64_t ns;
    CHECK(text_time_local(S("2026-11-21 10:00:00 x"), NOW_NS, 7200, &ns));
    CHECK_EQ_I64(ns, NOW_NS - 7200 * NS_PER_S);
    CHECK(text_time_local(S("2026-11-21T10:00:00Z x"), NOW_NS, 7200, &ns));
    CHECK_EQ_I64(ns, NOW_NS);
    CHECK(text_time_local(S("Jan  1 01:00:00 x"), time_from_civil(2026, 12, 31, 23, 30, 0) * NS_PER_S, 7200, &ns));
    CHECK_EQ_I64(ns, time_from_civil(2026, 12, 31, 23, 0, 0) * NS_PER_S);
}

TEST(a_stamp_without_a_year_goes_on_from_the_line_before)
{
    const int64_t latest = time_from_civil(2026, 2, 3, 0, 0, 0) * NS_PER_S;
    static const struct { unsigned year, month, day; const char *line, *wanted; } cases[] = {
        {2024, 12, 31, "Jan  1 00:00:01 x", "2025-01-01T00:00:01Z"},
        {2025, 1, 1, "Dec 31 23:59:59 x", "2024-12-31T23:59:59Z"},
        {2024, 3, 1, "Nov 30 00:00:00 x", "2024-11-30T00:00:00Z"},
        {2023, 12, 1, "Feb 29 12:00:00 x", "2024-02-29T12:00:00Z"},
        {2026, 2, 1, "Feb  2 00:00:00 x", "2026-02-02T00:00:00Z"},
        {2026, 2, 1, "Feb 10 00:00:00 x", "2025-02-10T00:00:00Z"},
        {2025, 12, 31, "2020-01-01T00:00:00Z x", "2020-01-01T00:00:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t before = time_from_civil(cases[i].year, cases[i].month, cases[i].day, 0, 0, 0) * NS_PER_S, ns;
        char text[TIME_TEXT_MAX];
        CHECK(text_time(bole_slice_str(cases[i].line), text_time_reference(before, latest), &ns));
        time_format_rfc3339(ns, -1, text);
        CHECK_EQ_SLICE(bole_slice_str(text), bole_slice_str(cases[i].wanted));
    }
    CHECK_EQ_I64(text_time_reference(0, latest), latest);
    CHECK_EQ_I64(text_time_reference(INT64_MAX, latest), latest);
}

TEST(any_bytes_may_be_asked_for_a_time)
{
    static const char alphabet[] = "0123456789-/:T. ,ZNovSatI[<>1(={\"ts\0\xff";
    struct random rnd;
    random_seed(&rnd, 9);
    for (int round = 0; round < 50000; round++) {
        size_t len = random_below(&rnd, 40);
        uint8_t *line = malloc(len ? len : 1); /* exact size: the sanitizer finds a read behind it */
        int64_t ns;
        for (size_t i = 0; i < len; i++)
            line[i] = (uint8_t)alphabet[random_below(&rnd, sizeof alphabet - 1)];
        text_time(bole_slice_from(line, len), (int64_t)random_next(&rnd), &ns);
        time_value_parse(bole_slice_from(line, len), &ns);
        free(line);
    }
}

TEST(time_values)
{
    static const struct {
        const char *text;
        bool        good;
        int64_t     ns;
    } times[] = {
        {"0", true, 0}, {"1", true, 1000000000}, {"-1", true, -1000000000}, {"1.5", true, 1500000000},
        {"1795255200", true, 1795255200000000000}, {"2147483647", true, 2147483647000000000},
        {"2147483648", true, 2147483648000000000}, {"4102444800", true, 4102444800000000000}, {"9223372036", true, 9223372036000000000},
        {"9223372037", false, 0}, {"-9223372036", true, -9223372036000000000}, {"10000000000", true, 10000000000000000}, {"1795255200123", true, 1795255200123000000},
        {"1795255200123.5", true, 1795255200123500000}, {"1795255200123456", true, 1795255200123456000},
        {"1795255200123456789", true, 1795255200123456789}, {"1.7952552e9", true, 1795255200000000000},
        {"1795255200.123456789123", true, 1795255200123456789}, {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0}, {"1e30", false, 0}, {"1x", false, 0}, {"-", false, 0}, {"", false, 0},
        {".5", false, 0},
        {"2026-11-21T10:00:00Z", true, 1795255200000000000}, {"2026-11-21 10:00:00.25", true, 1795255200250000000},
        {"2026-11-21T12:00:00+02:00", true, 1795255200000000000}, {"2026-11-21", true, 1795219200000000000},
        {"2026-11-21T25:00:00Z", false, 0}, {"2026-11-21T", false, 0},
        {"2026-11-21T10:00:00.0000000000000000000000000000000", true, 1795255200000000000},
        {"2026-11-21T10:00:00Z ", false, 0}, {"2026-11-31", false, 0}, {"2026-11-211", false, 0},
    };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        int64_t ns = 0;
        bool good = time_value_parse(bole_slice_str(times[i].text), &ns);
        CHECK(good == times[i].good);
        CHECK(!good || ns == times[i].ns);
    }
}
