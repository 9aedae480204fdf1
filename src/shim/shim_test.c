#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/buf.h"
#include "base/random.h"
#include "base/test.h"
#include "shim/number.h"
#include "shim/regex.h"

TEST(number_format_is_short_and_has_no_exponent)
{
    static const struct { double value; const char *text, *g; } cases[] = {
        {0.000002999, "0.000002999", "2.999e-06"}, {2.999e23, "299900000000000000000000", "2.999e+23"},
        {1e23, "100000000000000000000000", "1e+23"}, {0, "0", "0"}, {-0.0, "-0", "-0"}, {1, "1", "1"},
        {-1.5, "-1.5", "-1.5"}, {0.1, "0.1", "0.1"}, {100, "100", "100"}, {123456, "123456", "123456"},
        {1000000, "1000000", "1e+06"}, {0.0001, "0.0001", "0.0001"}, {0.00001, "0.00001", "1e-05"},
        {1.0 / 3, "0.3333333333333333", "0.3333333333333333"},
        {9007199254740993.0, "9007199254740992", "9.007199254740992e+15"},
        {NAN, "NaN", "NaN"}, {INFINITY, "+Inf", "+Inf"}, {-INFINITY, "-Inf", "-Inf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[NUMBER_TEXT_MAX];
        CHECK_EQ_SLICE(bole_slice_from(text, number_format(cases[i].value, text)), bole_slice_str(cases[i].text));
        CHECK_EQ_SLICE(bole_slice_from(text, number_format_g(cases[i].value, text)), bole_slice_str(cases[i].g));
    }
}

TEST(number_format_fits_its_room_at_both_ends)
{
    double ends[] = {5e-324, -2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308};
    for (size_t i = 0; i < 4; i++) {
        char text[NUMBER_TEXT_MAX];
        size_t len = number_format(ends[i], text);
        double back = 0;
        CHECK(len < NUMBER_TEXT_MAX);
        CHECK(number_parse(bole_slice_from(text, len), &back) && back == ends[i]);
    }
}

TEST(number_parse_takes_what_go_takes)
{
    static const struct { const char *text; double value; } good[] = {
        {"1", 1}, {"+5", 5}, {"-.5", -0.5}, {"5.", 5}, {"1e3", 1000}, {"1E-2", 0.01}, {"0x1p3", 8}, {"-0X1.8p1", -3},
        {"1_000", 1000}, {"0x_1p0", 1}, {"inf", INFINITY}, {"-Infinity", -INFINITY}, {"+Inf", INFINITY}, {"1e-400", 0},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        double v = 99;
        CHECK(number_parse(bole_slice_str(good[i].text), &v));
        CHECK(v == good[i].value);
    }
    double v = 0;
    CHECK(number_parse(S("NaN"), &v) && isnan(v));
    static const char *bad[] = {"", "0x10", "0o17", "0b1", "1__0", "_1", "1_", "1e", "1e400", "--1", "+-1", "1 ", " 1",
                                "nan(1)", "+nan", "0x", "0xp1", "1,0", "e5", ".", "abc", "1d"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!number_parse(bole_slice_str(bad[i]), &v));
}

static struct regex *compiled(const char *pattern, unsigned flags)
{
    struct regex *r = NULL;
    struct bole_err err = {0};
    CHECK_OK(regex_compile(bole_slice_str(pattern), flags, NULL, &r, &err), err);
    return r;
}

TEST(regex_matches_as_go_does)
{
    static const struct { const char *pattern, *subject; size_t len; unsigned flags; bool match; } cases[] = {
        {"a+b", "xaab", 4, 0, true},       {"a+b", "xaab", 4, REGEX_ANCHORED, false}, {"error", "an error", 8, 0, true},
        {"error", "an error", 8, REGEX_ANCHORED, false}, {"", "x", 1, 0, true}, {"", "x", 1, REGEX_ANCHORED, false},
        {"", "", 0, REGEX_ANCHORED, true}, {".*", "a\nb", 3, REGEX_ANCHORED, true}, {"a.b", "a\nb", 3, 0, false},
        {"^b", "a\nb", 3, 0, false},       {"(?i)ERR", "err", 3, 0, true}, {"a|b", "xb", 2, REGEX_ANCHORED, false},
        {"a|xb", "xb", 2, REGEX_ANCHORED, true}, {"a.b", "a\xff" "b", 3, 0, true}, {"a[^x]b", "a\xff" "b", 3, 0, true},
        {"a..b", "a\xff" "b", 3, 0, false}, {"\\.", "a.b", 3, 0, true}, {"\\.", "ab", 2, 0, false},
        {"a\\\\C", "a\\C", 3, 0, true},    {"ab?c", "xac", 3, 0, true}, {"ab{0}c", "ac", 2, 0, true},
        {"x(y|z)w", "xzw", 3, 0, true},
        {"\\Qa.b\\E", "a.b", 3, 0, true},  {"\\Qa.b\\E", "axb", 3, 0, false}, {"é", "caf\xc3\xa9", 5, 0, true},
        {"é?x", "x", 1, 0, true},          {"a\0b", "a", 1, 0, true}, {"[]a]+", "]a", 2, REGEX_ANCHORED, true},
        {"(?:foo)+bar", "foobar", 6, 0, true}, {"\\x41bc", "Abc", 3, 0, true}, {"\\pLx", "yx", 2, 0, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct regex *r = compiled(cases[i].pattern, cases[i].flags);
        bool match = regex_match(r, bole_slice_from(cases[i].subject, cases[i].len));
        if (match != cases[i].match)
            print_error("/%s/ against \"%s\"\n", cases[i].pattern, cases[i].subject);
        CHECK(match == cases[i].match);
        regex_destroy(r);
    }
}

/* A literal at every place of texts of every length, in memory of just their size; and beginnings of it everywhere. */
TEST(regex_finds_its_literal_wherever_it_stands)
{
    static const char *const literals[] = {"a", "ab", "aaab", "GET /healthz", "session=0123456789012345678901234567"};
    for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
        bole_slice literal = bole_slice_str(literals[i]);
        struct regex *r;
        struct bole_err err;
        CHECK_OK(regex_compile(literal, 0, NULL, &r, &err), err);
        for (size_t len = 0; len <= 90; len++)
            for (size_t at = 0; at <= len; at++) {
                bool whole = at + literal.len <= len;
                uint8_t *text = malloc(len ? len : 1);
                for (size_t k = 0; k < len; k++) /* what comes near it: all but its last byte, again and again */
                    text[k] = literal.len > 1 ? literal.ptr[k % (literal.len - 1)] : 'x';
                if (whole)
                    memcpy(text + at, literal.ptr, literal.len);
                bole_slice groups[1], subject = bole_slice_from(text, len);
                const uint8_t *wanted = memmem(text, len, literal.ptr, literal.len);
                CHECK(regex_find(r, subject, 0, groups, 1) == (wanted != NULL));
                CHECK(!wanted || groups[0].ptr == wanted);
                free(text);
            }
        regex_destroy(r);
    }
}

TEST(regex_names_its_literal_and_its_needle)
{
    static const struct { const char *pattern, *literal, *needle; } cases[] = {
        {"plain text", "plain text", "plain text"}, {"a\\.b", "a.b", "a.b"}, {"err.*code=5\\d\\d", NULL, "code=5"},
        {"abc+d", NULL, "abc"}, {"abcd?", NULL, "abc"}, {"foo|bar", NULL, ""}, {"x(foo|bar)longer", NULL, "longer"},
        {"(?i)abc", NULL, ""}, {"ab(?i)cdef", NULL, ""}, {"caf\xc3\xa9*s", NULL, "caf"}, {"ab{2,3}c", NULL, "a"},
        {"[abc]def", NULL, "def"}, {"(secret)", NULL, ""}, {"\\d+ms", NULL, "ms"}, {"\\x{41}bcd", NULL, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct regex *r = compiled(cases[i].pattern, 0);
        bole_slice literal = {0};
        CHECK(regex_is_literal(r, &literal) == (cases[i].literal != NULL));
        CHECK_EQ_SLICE(literal, bole_slice_str(cases[i].literal));
        CHECK_EQ_SLICE(regex_needle(r), bole_slice_str(cases[i].needle));
        regex_destroy(r);
    }
}

TEST(regex_captures_by_name_and_keeps_the_subjects_own_bytes)
{
    struct regex *r = compiled("(?<verb>\\w+) (?P<path>\\S+)( x)?", 0);
    bole_slice g[4];
    CHECK_EQ_U64(regex_group_count(r), 3);
    CHECK_EQ_SLICE(regex_group_name(r, 1), S("verb"));
    CHECK_EQ_SLICE(regex_group_name(r, 2), S("path"));
    CHECK_EQ_SLICE(regex_group_name(r, 3), S(""));
    CHECK(regex_find(r, S("\xff\xfe GET /a\xff" "b end"), 0, g, 4));
    CHECK_EQ_SLICE(g[1], S("GET"));
    CHECK_EQ_SLICE(g[2], S("/a\xff" "b"));
    CHECK(g[3].ptr == NULL);
    CHECK(!regex_find(r, S("one"), 0, g, 4));
    regex_destroy(r);
}

static bool print_match(const bole_slice *groups, void *ctx)
{
    buf_printf(ctx, "[%.*s]", BOLE_SLICE_ARG(groups[0]));
    return true;
}

static bool end_at_once(const bole_slice *groups, void *ctx)
{
    ++*(int *)ctx;
    return false;
}

TEST(regex_shows_all_matches_as_go_finds_them)
{
    static const struct { const char *pattern, *subject, *wanted; } cases[] = {
        {"b", "abcb", "[b][b]"}, {"b", "", ""}, {"", "a\xc3\xa9", "[][][]"}, {"a*", "baac", "[][aa][]"},
        {"x*", "", "[]"},
        {"\\w+", "one two", "[one][two]"}, {"\\b", "ab", "[][]"}, {"^a", "aaa", "[a]"},
        {".", "\xff" "a\xfe", "[\xff][a][\xfe]"},
        {"\\d+ms", "a 1ms b 22ms c", "[1ms][22ms]"}, {"[^a]+", "\xff\xfe" "a\xc3" "a", "[\xff\xfe][\xc3]"},
        {"a.?", "\xff" "a\xfe" "a", "[a\xfe][a]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct regex *r = compiled(cases[i].pattern, 0);
        struct buf b;
        buf_init(&b, NULL);
        regex_each(r, bole_slice_str(cases[i].subject), 1, print_match, &b);
        CHECK_EQ_SLICE(buf_slice(&b), bole_slice_str(cases[i].wanted));
        buf_deinit(&b);
        regex_destroy(r);
    }
    struct regex *r = compiled("\\w", 0);
    int count = 0;
    regex_each(r, S("abc"), 1, end_at_once, &count);
    CHECK_EQ_I64(count, 1);
    regex_destroy(r);
}

TEST(regex_refuses_bad_patterns_in_gos_words)
{
    static const struct { const char *pattern, *message; } cases[] = {
        {"a(b", "error parsing regexp: missing closing ): `a(b`"},
        {"[a", "error parsing regexp: missing closing ]: `[a`"},
        {"*", "error parsing regexp: missing argument to repetition operator: `*`"},
        {"\\C", "error parsing regexp: invalid escape sequence: `\\C`"},
        {"\\q", "error parsing regexp: invalid escape sequence: `\\q`"},
        {"a\\", "error parsing regexp: trailing backslash at end of expression: ``"},
        {"(?<n", "error parsing regexp: invalid named capture: `(?<n`"},
        {"a**", "error parsing regexp: invalid nested repetition operator: `**`"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (unsigned flags = 0; flags <= REGEX_WHOLE; flags++) {
            struct regex *r = NULL;
            struct bole_err err = {0};
            CHECK_EQ_STATUS(regex_compile(bole_slice_str(cases[i].pattern), flags, NULL, &r, &err), BOLE_E_INVALID);
            CHECK_EQ_SLICE(bole_slice_str(err.msg), bole_slice_str(cases[i].message));
        }
    struct regex *r = NULL;
    CHECK_EQ_STATUS(regex_compile(S("a)(b"), REGEX_ANCHORED, NULL, &r, NULL), BOLE_E_INVALID);
    CHECK_EQ_STATUS(regex_compile(S("((a{1000}){1000}){1000}"), 0, NULL, &r, NULL), BOLE_E_INVALID);
    CHECK_EQ_STATUS(regex_compile(S("(\\pL{500}){2}"), 0, NULL, &r, NULL), BOLE_E_LIMIT);
}

static size_t random_text(struct random *random, const char *const *pieces, size_t count, unsigned most, char *out)
{
    size_t n = 0;
    for (unsigned i = random_below(random, most + 1); i-- > 0;) {
        const char *piece = pieces[random_below(random, count)];
        memcpy(out + n, piece, strlen(piece));
        n += strlen(piece);
    }
    return n;
}

/* Expressions whose program waits for the first search, beside the same in a form that RE2 is always asked about. */
TEST(regexes_that_are_compiled_late_are_those_that_compile_and_find_the_same)
{
    static const char *const pieces[] = {"a", "b", "c", "ab", "x", " ", "\xc3\xa9", ".", ".*", "\\.", "\\d", "\\S+", "\\b", "\\w*?", "[a-c]", "[^a]", "[b-]", "[-b]",
                                         "[\\d.]+", "[z-a]", "[]", "[a", "[[:alpha:]]", "(", "(?:", "(?P<n>", "(?<m>", "(?i)", ")", "|", "*", "+", "?", "^", "$", "{2}", "\\",
                                         "\\_", "_", "-", "]"};
    static const char *const letters[] = {"a", "b", "c", "x", " ", "1", ".", "\xc3\xa9", "\xff", "-", "_", "\n"};
    const char *text = getenv("BOLE_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : 1;
    struct random random;
    random_seed(&random, seed);
    unsigned taken = 0;
    for (unsigned round = 0; round < 20000; round++) {
        char pattern[256], forced[300], subject[64];
        size_t len = random_text(&random, pieces, sizeof pieces / sizeof *pieces, 9, pattern);
        size_t forced_len = (size_t)snprintf(forced, sizeof forced, "(?:%.*s){1}", (int)len, pattern);
        unsigned flags = (unsigned)random_below(&random, REGEX_WHOLE + 1);
        struct regex *late = NULL, *known = NULL;
        bool ok = regex_compile(bole_slice_from(pattern, len), flags, NULL, &late, NULL) == BOLE_OK;
        bool expected = regex_compile(bole_slice_from(forced, forced_len), flags, NULL, &known, NULL) == BOLE_OK;
        bool same = !ok || expected; /* a stray ")" or a count of a count may make the other one wrong */
        taken += ok;
        if (ok && expected)
            same = regex_group_count(late) == regex_group_count(known);
        for (size_t g = 1; ok && expected && same && g <= regex_group_count(late); g++)
            same = bole_slice_eq(regex_group_name(late, g), regex_group_name(known, g));
        for (unsigned i = 0; ok && expected && same && i < 8; i++) {
            bole_slice s = bole_slice_from(subject, random_text(&random, letters, sizeof letters / sizeof *letters, 6, subject));
            same = regex_match(late, s) == regex_match(known, s);
            if (!same)
                print_error("flags %u: %d and %d for \"%.*s\"\n", flags, regex_match(late, s), regex_match(known, s), (int)s.len, subject);
        }
        if (!same)
            print_error("BOLE_SEED=%" PRIu64 ": /%.*s/\n", seed, (int)len, pattern);
        CHECK(same);
        regex_destroy(late);
        regex_destroy(known);
    }
    CHECK(taken > 2000);
}

TEST(regex_draws_on_its_budget_and_gives_it_back)
{
    struct budget b;
    budget_init(&b, NULL, 100000);
    struct regex *r = NULL;
    struct bole_err err = {0};
    CHECK_OK(regex_compile(S("a.*b"), 0, &b, &r, &err), err);
    CHECK(b.used_bytes > 0);
    regex_destroy(r);
    CHECK_EQ_U64(b.used_bytes, 0);
    budget_init(&b, NULL, 10);
    CHECK_EQ_STATUS(regex_compile(S("a.*b"), 0, &b, &r, &err), BOLE_E_LIMIT);
}
