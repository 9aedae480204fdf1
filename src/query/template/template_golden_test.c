/*
 * template_golden_test.c - thousands of templates against what Loki's own formatter answers. The table and how it is made:
 * tests/golden/templates/README.md.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/test.h"
#include "query/parser.h"
#include "query/template/template.h"

enum { TIMESTAMP = 1479772800, TIMESTAMP_NS = 123456789, REPORTED_MAX = 40 };

static const struct row_label labels_sorted[] = {
    {S("a"), S("1")}, {S("app"), S("shop")}, {S("b"), S("two words")}, {S("bytes"), S("1.5MB")},
    {S("dur"), S("1h2m3.5s")}, {S("e"), S("1e3")}, {S("f"), S("3.75")}, {S("hex"), S("0x1f")},
    {S("html"), S("<a href=\"x\">'&'</a>")}, {S("inf"), S("+Inf")},
    {S("json"), S("{\"a\":1,\"b\":[1,2.5,\"x\",null,true,{\"k\":\"v\"}],\"c\":{\"d\":{\"e\":\"deep\"}},\"n\":null,\"t\":true,"
                  "\"big\":12345678901234567890,\"s\":\"q\\\"\\u00e9\\ud83d\\ude00\"}")},
    {S("list"), S("[3,1,2]")}, {S("nan"), S("NaN")}, {S("neg"), S("-42")}, {S("s"), S("Hello, W\xc3\xb6rld")},
    {S("t"), S("2023-02-28T23:59:59Z")}, {S("ts"), S("1479772800")},
    {S("u"), S("\xc3\x80\xc3\x89 stra\xc3\x9f" "e \xc7\x86")}, {S("ws"), S("  \tpad \n")},
};

static const char default_line[] = "GET /index.html?q=1 200 \"x\" 5ms";

/* \\ \n \t \xHH; in place. */
static bole_slice unescape(char *s)
{
    char *to = s;
    for (const char *p = s; *p; p++) {
        char hex[3] = {0};
        if (*p != '\\') {
            *to++ = *p;
            continue;
        }
        switch (*++p) {
        case 'n': *to++ = '\n'; break;
        case 't': *to++ = '\t'; break;
        case 'x':
            memcpy(hex, p + 1, 2);
            *to++ = (char)strtol(hex, NULL, 16);
            p += 2;
            break;
        default: *to++ = *p;
        }
    }
    return (bole_slice){(const uint8_t *)s, (size_t)(to - s)};
}

struct runner {
    struct ast      *ast; /* owns the templates */
    struct arena     scratch;
    struct row       row;
    struct row_label labels[64];
};

/* As the query's error says it: a long one loses its middle. */
static bole_slice parse_error(bole_slice text, struct bole_err *err, char shown[256], bole_slice *wanted)
{
    size_t n = err_print(shown, 256, "%.*s", BOLE_SLICE_ARG(*wanted));
    *wanted = (bole_slice){(const uint8_t *)shown, n};
    bole_err_context(err, "invalid line template");
    return bole_slice_str(err->msg);
}

static bool check_case(struct runner *r, char *fields[4])
{
    bole_slice template = unescape(fields[1]), line = unescape(fields[2]), wanted = unescape(fields[3]), answer;
    struct line_template *t = NULL;
    struct bole_err err = {0};
    char shown[256];
    const char *kind = "parse";
    if (line.len == 0)
        line = bole_slice_str(default_line);
    arena_reset(&r->scratch);
    r->row = (struct row){.scratch = &r->scratch, .labels = r->labels};
    row_begin(&r->row, TIMESTAMP * NS_PER_S + TIMESTAMP_NS, line, labels_sorted,
              sizeof labels_sorted / sizeof *labels_sorted);
    if (template_compile(template, S("line"), r->ast, &t, &err) < 0)
        answer = parse_error(template, &err, shown, &wanted);
    else
        kind = template_run(t, &r->row, &answer) ? "ok" : "fail";
    if (strcmp(kind, fields[0]) == 0 && bole_slice_eq(answer, wanted))
        return true;
    print_error("%.*s\n  wanted %-5s %.*s\n  answer %-5s %.*s\n", BOLE_SLICE_ARG(template), fields[0],
                BOLE_SLICE_ARG(wanted), kind, BOLE_SLICE_ARG(answer));
    return false;
}

static bool split(char *text, char *fields[4])
{
    for (int i = 0; i < 4; i++) {
        fields[i] = text;
        text = strchr(text, i < 3 ? '\t' : '\n');
        if (!text)
            return false;
        *text++ = 0;
    }
    return true;
}

TEST(templates_answer_as_lokis_own)
{
    char path[4096], *text = NULL, *fields[4] = {0};
    size_t size = 0, cases = 0, wrong = 0;
    const char *dir = getenv("BOLE_GOLDEN");
    struct runner *r = calloc(1, sizeof *r);
    struct bole_err err;
    CHECK(dir && r);
    snprintf(path, sizeof path, "%s/templates/answers.tsv", dir);
    FILE *f = fopen(path, "r");
    CHECK(f);
    arena_init(&r->scratch, NULL);
    CHECK_OK(ast_parse(S("{a=\"b\"}"), NULL, &r->ast, &err), err);
    while (getline(&text, &size, f) > 0 && wrong < REPORTED_MAX) {
        CHECK(split(text, fields));
        cases++;
        wrong += !check_case(r, fields);
    }
    CHECK(cases > 800);
    CHECK_EQ_U64(wrong, 0);
    free(text);
    fclose(f);
    ast_destroy(r->ast);
    arena_deinit(&r->scratch);
    free(r);
}
