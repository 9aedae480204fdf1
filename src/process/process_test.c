#include <stdlib.h>

#include "base/test.h"
#include "process/level.h"
#include "process/service_name.h"

static const struct {
    const char *line;
    const char *level;
} lines[] = {
    {"", "unknown"},
    {"foo", "unknown"},
    {"this is a warning log", "warn"},
    {"this is a DEBUG message", "debug"},
    {"debug: something happened", "debug"},
    {"[CRITICAL] disk", "critical"},
    {"[error] this is an error message", "error"},
    {"2026-11-21 10:00:00,123 INFO  [main] o.a.k.Server: started", "info"},
    {"2026-11-21 10:00:00,123 FATAL: no way on", "fatal"},
    {"trace", "trace"},
    {"ERR", "error"},
    {"x err", "error"},
    /* The first word decides, and only a word that stands alone. */
    {"info: error while warning", "info"},
    {"error after info", "error"},
    {"misinformation about information", "unknown"},
    {"interrupt deferred", "unknown"},
    {"misc:error 3", "unknown"},
    {"an_error occurred", "unknown"},
    {"errors", "unknown"},
    {"error;", "unknown"},
    {"error.", "unknown"},
    {"(error)", "error"},
    {"'warn'", "warn"},
    {"a|fatal|b", "fatal"},
    {"warning!", "warn"},
    {"0123456789abcdef error", "error"},
    {"0123456789abcde error", "error"},
    {"0123456789abcd error:", "error"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa err", "error"},
    /* JSON: the first string under a known name, two levels deep, exact spelling. */
    {"{\"level\":\"warn\",\"msg\":\"error\"}", "warn"},
    {" {\"msg\":\"x\", \"Severity\" : \"ERROR\"} ", "error"},
    {"{\"a\":{\"lvl\":\"dbg\"}}", "debug"},
    {"{\"a\":{\"b\":{\"level\":\"warn\"}}}", "warn"}, /* too deep for the name; the word stands between quotes */
    {"{\"a\":{\"b\":{\"level\":\"wrn\"}}}", "unknown"},
    {"{\"a\":[{\"level\":\"wrn\"}],\"level\":\"inf\"}", "info"},
    {"{\"level\":3,\"severity\":\"Information\"}", "info"},
    {"{\"lEvEl\":\"wrn\"}", "unknown"},
    {"{\"level\":\"notice\",\"msg\":\"fatal thing\"}", "fatal"},
    {"{\"msg\":\"\\\"level\\\":\\\"inf\\\"\",\"level\":\"trc\"}", "trace"},
    {"{\"level\":\"in", "unknown"},
    {"{\"level\"}", "unknown"},
    {"{\"level\":}", "unknown"},
    {"{level}", "unknown"},
    {"{\"x\":[[[[\"level\"", "unknown"},
    /* logfmt: case does not matter; level before severity before lvl. */
    {"ts=1 level=warn msg=\"an error\"", "warn"},
    {"ts=1 LeVel=\"wrn\" msg=x", "warn"},
    {"lvl=dbg severity=err", "error"},
    {"severity=err level=inf", "info"},
    {"msg=\"level=dbg\" lvl=trc", "trace"},
    {"level=dbg=x", "unknown"},
    {"a\"b level=inf", "unknown"},
    {"level= error", "error"},
    {"level=notice warn", "warn"},
    {"level=\"inf", "unknown"},
    {"SeverityText=Information", "info"},
};

TEST(level_of_line_follows_loki)
{
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        CHECK_EQ_SLICE(level_of_line(bole_slice_str(lines[i].line)), bole_slice_str(lines[i].level));
        CHECK_EQ_SLICE(level_of_line_portable(bole_slice_str(lines[i].line)), bole_slice_str(lines[i].level));
    }
}

/* The plain rule, word by word and position by position. */
static bole_slice slow_words(bole_slice line)
{
    static const char *const texts[] = {"trace", "debug", "fatal", "critical", "error", "err", "warning", "warn",
                                        "info"};
    static const char *const levels[] = {"trace", "debug", "fatal", "critical", "error", "error", "warn", "warn",
                                         "info"};
    for (size_t at = 0; at < line.len; at++)
        for (size_t w = 0; w < sizeof texts / sizeof *texts; w++) {
            bole_slice text = bole_slice_str(texts[w]);
            size_t end = at + text.len;
            if (end > line.len || !bole_slice_eq_nocase(bole_slice_from(line.ptr + at, text.len), text))
                continue;
            if (at > 0 && (!line.ptr[at - 1] || !strchr(" \t\n[({\"'=|", line.ptr[at - 1])))
                continue;
            if (end == line.len || (line.ptr[end] && strchr(" \t\n[](){}:,!\"'=|", line.ptr[end])))
                return bole_slice_str(levels[w]);
        }
    return S("unknown");
}

TEST(words_are_found_like_a_slow_search_finds_them)
{
    static const char *const parts[] = {"error", "ERR", "warning", "warn", "Info", "debug", "trace", "fatal",
                                        "critical", " ", " ",
                                        "[", "]", ":", "(", "|", "x", "e", "in", "\t", "\x80", "\\", ".", ",", "!", "'",
                                        "yyyyyyy"};
    unsigned seed = 1;
    for (int round = 0; round < 20000; round++) {
        char text[128] = "";
        size_t len = 0;
        for (int n = rand_r(&seed) % 14; n > 0; n--) {
            const char *part = parts[(size_t)rand_r(&seed) % (sizeof parts / sizeof *parts)];
            memcpy(text + len, part, strlen(part));
            len += strlen(part);
        }
        bole_slice line = bole_slice_from(text, len);
        CHECK_EQ_SLICE(level_of_line(line), slow_words(line));
        CHECK_EQ_SLICE(level_of_line_portable(line), slow_words(line));
    }
}

TEST(any_bytes_have_a_level)
{
    static const char alphabet[] = "{}[]\":,\\= levLEVsrityinfoerr\n\0\xff";
    unsigned seed = 7;
    for (int round = 0; round < 20000; round++) {
        size_t len = (size_t)rand_r(&seed) % 100;
        uint8_t *line = malloc(len ? len : 1); /* exact size: the sanitizer finds a read behind it */
        for (size_t i = 0; i < len; i++)
            line[i] = (uint8_t)alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
        bole_slice level = level_of_line(bole_slice_from(line, len));
        CHECK(level.len > 0);
        CHECK_EQ_SLICE(level, level_of_line_portable(bole_slice_from(line, len)));
        free(line);
    }
}

TEST(levels_are_normalized_and_unknown_ones_kept)
{
    CHECK_EQ_SLICE(level_normalize(S("WaRnInG")), S("warn"));
    CHECK_EQ_SLICE(level_normalize(S("Information")), S("info"));
    CHECK_EQ_SLICE(level_normalize(S("notice")), S("notice"));
    CHECK_EQ_SLICE(level_normalize(S("30")), S("30"));
    CHECK_EQ_SLICE(level_of_logger(S("10")), S("trace"));
    CHECK_EQ_SLICE(level_of_logger(S("60")), S("fatal"));
    CHECK_EQ_SLICE(level_of_logger(S("70")), S("70"));
    CHECK_EQ_SLICE(level_of_logger(S("35")), S("35"));
    CHECK_EQ_SLICE(level_of_logger(S("")), S(""));
    CHECK_EQ_SLICE(level_of_logger(S("Err")), S("error"));
    CHECK_EQ_U64(level_name_rank(S("level")), 0);
    CHECK_EQ_U64(level_name_rank(S("SEVERITY_TEXT")), 13);
    CHECK_EQ_U64(level_name_rank(S("lEvel")), LEVEL_RANK_NONE);
    CHECK_EQ_U64(level_name_rank(S("")), LEVEL_RANK_NONE);
    CHECK_EQ_U64(level_name_rank(S("log_level")), LEVEL_RANK_NONE);
    CHECK_EQ_U64(level_logger_rank(S("level")), 0);
    CHECK(level_logger_rank(S("log_level")) > level_name_rank(S("SEVERITY_TEXT")));
    CHECK(level_logger_rank(S("record_level_name")) != LEVEL_RANK_NONE);
    CHECK_EQ_U64(level_logger_rank(S("leveler")), LEVEL_RANK_NONE);
    CHECK_EQ_U64(level_logger_rank(S("")), LEVEL_RANK_NONE);
}

TEST(severity_numbers_map_to_levels)
{
    static const struct {
        const char *text, *level;
    } cases[] = {{"0", "unknown"}, {"1", "trace"}, {"4", "trace"}, {"5", "debug"}, {"9", "info"}, {"12", "info"},
                 {"13", "warn"},
                 {"17", "error"}, {"24", "fatal"}, {"25", "unknown"}, {"foo", "info"}, {"", "info"}, {"-3", "trace"},
                 {"99999999999999999999", "info"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_EQ_SLICE(level_of_severity_number(bole_slice_str(cases[i].text)), bole_slice_str(cases[i].level));
}

TEST(service_name_comes_from_the_first_candidate)
{
    struct label labels[] = {{S("job"), S("j")}, {S("app"), S("a")}, {S("service"), S("")}};
    struct label l = service_name_discover(labels, 3, service_name_candidates, service_name_candidate_count);
    CHECK_EQ_SLICE(l.name, S("service_name"));
    CHECK_EQ_SLICE(l.value, S("a"));
    l = service_name_discover(NULL, 0, service_name_candidates, service_name_candidate_count);
    CHECK_EQ_SLICE(l.value, S("unknown_service"));
    CHECK(service_name_discover(labels, 3, NULL, 0).name.ptr == NULL);
    struct label own[] = {{S("service_name"), S("mine")}, {S("app"), S("a")}};
    CHECK(service_name_discover(own, 2, service_name_candidates, service_name_candidate_count).name.ptr == NULL);
}
