/*
 * loki_params_test.c - what a real Loki answers to times, steps, limits and directions, as tables.
 */
#include "base/clock.h"
#include "base/test.h"
#include "serve/loki_params.h"

#define NOW (1795210200ll * NS_PER_S)

TEST(loki_time_reads_ns_seconds_floats_and_rfc3339)
{
    static const struct {
        bole_slice text;
        int64_t ns;
    } cases[] = {
        {S(""), 42},
        {S("1795210200000000001"), 1795210200000000001ll},
        {S("1795210200"), 1795210200000000000ll},
        {S("4"), 4000000000ll},
        {S("-4"), -4000000000ll},
        {S("0"), 0},
        {S("17952102000"), 17952102000ll}, /* eleven digits: ns */
        {S("1795210200.5"), 1795210200500000000ll},
        {S("1795210200.1239"), 1795210200124000000ll},
        {S("2026-11-20T21:30:00Z"), 1795210200000000000ll},
        {S("2026-11-20T22:30:00.25+01:00"), 1795210200250000000ll},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bole_err err = {0};
        int64_t ns = 0;
        CHECK_OK(loki_parse_time(cases[i].text, 42, &ns, &err), err);
        CHECK_EQ_I64(ns, cases[i].ns);
    }
}

TEST(loki_time_refuses_what_is_none_in_gos_words)
{
    static const struct {
        bole_slice text;
        const char *message;
    } cases[] = {
        {S("abc"), "strconv.ParseInt: parsing \"abc\": invalid syntax"},
        {S("99999999999999999999"), "strconv.ParseInt: parsing \"99999999999999999999\": value out of range"},
        {S("1.2.3"), "strconv.ParseInt: parsing \"1.2.3\": invalid syntax"},
        {S("0x10"), "strconv.ParseInt: parsing \"0x10\": invalid syntax"},
        {S("nan."), "strconv.ParseInt: parsing \"nan.\": invalid syntax"},
        {S("1e400."), "strconv.ParseInt: parsing \"1e400.\": invalid syntax"},
        {S("99999999999."), "strconv.ParseInt: parsing \"99999999999.\": invalid syntax"},
        {S("-"), "strconv.ParseInt: parsing \"-\": invalid syntax"},
        {S("2026-13-01T00:00:00Z"), "strconv.ParseInt: parsing \"2026-13-01T00:00:00Z\": invalid syntax"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bole_err err = {0};
        int64_t ns = 7;
        CHECK_EQ_STATUS(loki_parse_time(cases[i].text, 42, &ns, &err), BOLE_E_INVALID);
        assert_string_equal(err.msg, cases[i].message);
        CHECK_EQ_I64(ns, 7);
    }
}

TEST(loki_step_takes_seconds_and_prometheus_durations_only)
{
    static const struct {
        bole_slice text;
        int64_t ns; /* -1: refused */
    } cases[] = {
        {S("15"), 15000000000}, {S("2.5"), 2500000000},     {S("2500ms"), 2500000000}, {S("1h30m"), 5400000000000},
        {S("1d"), 86400000000000}, {S("15000ms"), 15000000000}, {S("1e2"), 100000000000}, {S("2.5s"), -1},
        {S("10us"), -1},        {S("5ns"), -1},              {S("x"), -1},              {S("1e300"), -1},
        {S("m"), -1},           {S("0x10"), -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bole_err err = {0};
        int64_t ns = -1;
        bole_status st = loki_parse_duration(cases[i].text, &ns, &err);
        CHECK_EQ_STATUS(st, cases[i].ns < 0 ? BOLE_E_INVALID : BOLE_OK);
        CHECK_EQ_I64(ns, cases[i].ns);
    }
    struct bole_err err;
    int64_t ns;
    loki_parse_duration(S("2.5s"), &ns, &err);
    assert_string_equal(err.msg, "cannot parse \"2.5s\" to a valid duration");
    loki_parse_duration(S("1e300"), &ns, &err);
    assert_string_equal(err.msg, "cannot parse \"1e300\" to a valid duration. It overflows int64");
}

TEST(loki_bounds_default_to_the_last_hour_and_since_counts_from_the_end)
{
    static const struct {
        bole_slice start, end, since;
        int64_t from_now_s, to_now_s; /* relative to now */
    } cases[] = {
        {.from_now_s = -3600, .to_now_s = 0},
        {.since = S("5m"), .from_now_s = -300, .to_now_s = 0},
        {.since = S("5m"), .end = S("1795210100"), .from_now_s = -400, .to_now_s = -100},
        {.since = S("5m"), .end = S("1795210300"), .from_now_s = -300, .to_now_s = 100}, /* an end to come: from now */
        {.since = S("5m"), .start = S("1795210000"), .from_now_s = -200, .to_now_s = 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bole_err err = {0};
        int64_t start, end;
        struct loki_text text = {.start = cases[i].start, .end = cases[i].end, .since = cases[i].since};
        CHECK_OK(loki_parse_bounds(&text, NOW, &start, &end, &err), err);
        CHECK_EQ_I64(start, NOW + cases[i].from_now_s * NS_PER_S);
        CHECK_EQ_I64(end, NOW + cases[i].to_now_s * NS_PER_S);
    }
}

TEST(loki_range_query_without_parameters_has_lokis_defaults)
{
    struct bole_err err = {0};
    struct loki_range range;
    CHECK_OK(loki_parse_range(&(struct loki_text){0}, NOW, &range, &err), err);
    CHECK_EQ_U64(range.limit, 100);
    CHECK_EQ_U64(range.direction, BACKWARD);
    CHECK_EQ_I64(range.step_ns, 14 * NS_PER_S); /* 3600 / 250 = 14.4 */
    CHECK_EQ_I64(range.interval_ns, 0);
    struct loki_text text = {.start = S("1795204800"), .end = S("1795210200")}; /* 90 minutes */
    CHECK_OK(loki_parse_range(&text, NOW, &range, &err), err);
    CHECK_EQ_I64(range.step_ns, 21 * NS_PER_S);
}

TEST(loki_range_query_refuses_with_lokis_texts)
{
    static const struct {
        struct loki_text text;
        const char *message;
    } cases[] = {
        {{.limit = S("0")}, "limit must be a positive value"},
        {{.limit = S("-5")}, "limit must be a positive value"},
        {{.limit = S("ten")}, "strconv.Atoi: parsing \"ten\": invalid syntax"},
        {{.limit = S("99999999999999999999")}, "strconv.Atoi: parsing \"99999999999999999999\": value out of range"},
        {{.direction = S("x")}, "invalid direction 'x'"},
        {{.step = S("2.5s")}, "cannot parse \"2.5s\" to a valid duration"},
        {{.step = S("0")}, "zero or negative query resolution step widths are not accepted. Try a positive integer"},
        {{.step = S("-1")}, "zero or negative query resolution step widths are not accepted. Try a positive integer"},
        {{.step = S("0.1")},
         "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter"},
        {{.start = S("-9000000000000000000"), .end = S("9000000000000000000"), .step = S("838000")},
         "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter"},
        {{.start = S("1795210200"), .end = S("1795210199")}, "end timestamp must not be before or equal to start time"},
        {{.interval = S("-5")}, "interval must be >= 0"},
        {{.interval = S("1.5m")}, "cannot parse \"1.5m\" to a valid duration"},
        {{.start = S("x")}, "could not parse 'start' parameter: strconv.ParseInt: parsing \"x\": invalid syntax"},
        {{.end = S("x")}, "could not parse 'end' parameter: strconv.ParseInt: parsing \"x\": invalid syntax"},
        {{.since = S("1.5h")}, "could not parse 'since' parameter: unknown unit \".\" in duration \"1.5h\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bole_err err = {0};
        struct loki_range range = {.limit = 7};
        CHECK_EQ_STATUS(loki_parse_range(&cases[i].text, NOW, &range, &err), BOLE_E_INVALID);
        assert_string_equal(err.msg, cases[i].message);
        CHECK_EQ_U64(range.limit, 7); /* results are written on success only */
    }
}

TEST(loki_range_query_accepts_the_borders)
{
    struct bole_err err = {0};
    struct loki_range range;
    struct loki_text same = {.start = S("1795210200"), .end = S("1795210200")};
    CHECK_OK(loki_parse_range(&same, NOW, &range, &err), err);
    struct loki_text points = {.start = S("1795199200"), .end = S("1795210200"), .step = S("1"), .direction = S("FORWARD")};
    CHECK_OK(loki_parse_range(&points, NOW, &range, &err), err); /* exactly 11,000 steps */
    CHECK_EQ_U64(range.direction, FORWARD);
    points.start = S("1795199199");
    CHECK_EQ_STATUS(loki_parse_range(&points, NOW, &range, &err), BOLE_E_INVALID);
}

TEST(loki_limit_cap_names_both_numbers)
{
    struct bole_err err = {0};
    CHECK_OK(loki_check_limit(1000000, 1000000, &err), err);
    CHECK_EQ_STATUS(loki_check_limit(2000000, 1000000, &err), BOLE_E_INVALID);
    assert_string_equal(err.msg, "max entries limit per query exceeded, limit > max_entries_limit_per_query (2000000 > 1000000)");
}

TEST(loki_instant_query_is_a_range_of_one_moment)
{
    struct bole_err err = {0};
    struct loki_range range;
    CHECK_OK(loki_parse_instant(&(struct loki_text){.time = S("4"), .limit = S("1")}, NOW, &range, &err), err);
    CHECK_EQ_I64(range.start_ns, 4 * NS_PER_S);
    CHECK_EQ_I64(range.end_ns, 4 * NS_PER_S);
    CHECK_OK(loki_parse_instant(&(struct loki_text){0}, NOW, &range, &err), err);
    CHECK_EQ_I64(range.end_ns, NOW);
    CHECK_EQ_STATUS(loki_parse_instant(&(struct loki_text){.time = S("soon")}, NOW, &range, &err), BOLE_E_INVALID);
    CHECK_EQ_STATUS(loki_parse_instant(&(struct loki_text){.direction = S("up")}, NOW, &range, &err), BOLE_E_INVALID);
}

TEST(loki_tail_delay_is_at_most_five_seconds)
{
    struct bole_err err = {0};
    uint32_t seconds = 9;
    CHECK_OK(loki_parse_delay(S(""), &seconds, &err), err);
    CHECK_EQ_U64(seconds, 0);
    CHECK_OK(loki_parse_delay(S("5"), &seconds, &err), err);
    CHECK_EQ_U64(seconds, 5);
    CHECK_EQ_STATUS(loki_parse_delay(S("6"), &seconds, &err), BOLE_E_INVALID);
    assert_string_equal(err.msg, "delay_for can't be greater than 5");
    CHECK_EQ_STATUS(loki_parse_delay(S("-1"), &seconds, &err), BOLE_E_INVALID);
    CHECK_EQ_STATUS(loki_parse_delay(S("1s"), &seconds, &err), BOLE_E_INVALID);
}
