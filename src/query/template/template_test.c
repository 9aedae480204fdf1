/* template_test.c - templates one by one on a line: what the functions answer, and what they may cost. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/test.h"
#include "query/parser.h"
#include "query/template/template.h"

enum { LONG_LINE = 700 * 1024 };

struct fixture {
    struct ast      *ast;
    struct arena     scratch;
    struct row       row;
    struct row_label labels[1];
    bole_slice       text;
    struct bole_err  err;
};

static void open_template(struct fixture *f, const char *template)
{
    struct buf query;
    buf_init(&query, NULL);
    buf_printf(&query, "{a=\"b\"} | line_format `%s`", template);
    *f = (struct fixture){0};
    arena_init(&f->scratch, NULL);
    CHECK_OK(ast_parse(buf_slice(&query), NULL, &f->ast, &f->err), f->err);
    buf_deinit(&query);
    f->row = (struct row){.scratch = &f->scratch, .labels = f->labels};
}

static void close_template(struct fixture *f)
{
    arena_deinit(&f->scratch);
    ast_destroy(f->ast);
}

static bool run(struct fixture *f, bole_slice line)
{
    arena_reset(&f->scratch);
    row_begin(&f->row, NS_PER_S, line, NULL, 0);
    return template_run(f->ast->root->log.stages->template, &f->row, &f->text);
}

/* wanted begins with "!" where the template must fail: the end of the message. */
static void check(const char *template, const char *line, const char *wanted)
{
    struct fixture f;
    open_template(&f, template);
    bool done = run(&f, bole_slice_str(line));
    bool as_wanted = done && wanted[0] != '!' && bole_slice_eq(f.text, bole_slice_str(wanted));
    if (!done && wanted[0] == '!')
        as_wanted = bole_slice_ends(f.text, bole_slice_str(wanted + 1));
    if (!as_wanted)
        print_error("%s on \"%s\": %.*s\n", template, line, BOLE_SLICE_ARG(f.text));
    CHECK(as_wanted);
    close_template(&f);
}

static void put_name(bole_slice name, void *ctx)
{
    buf_put(ctx, name);
    buf_put_str(ctx, " ");
}

TEST(text_functions_answer_as_go_and_sprig_do)
{
    static const struct { const char *template, *line, *wanted; } cases[] = {
        {"{{ repeat 3 \"ab\" }}{{ repeat 0 \"x\" }}{{ repeat 5 \"\" }}", "", "ababab"},
        {"{{ repeat -1 \"x\" }}", "", "!strings: negative Repeat count"},
        {"{{ repeat -1 \"\" }}", "", "!strings: negative Repeat count"},
        {"{{ replace \"\" \"-\" __line__ }}", "a\xc3\xa9z", "-a-\xc3\xa9-z-"},
        {"{{ replace \"\" \"-\" __line__ }}", "", "-"},
        {"{{ Replace __line__ \"\" \"-\" 2 }}", "abc", "-a-bc"},
        {"{{ Replace __line__ \"b\" \"\" 1 }}", "abcb", "acb"},
        {"{{ Replace __line__ \"b\" \"x\" 0 }}", "abcb", "abcb"},
        {"{{ indent 2 __line__ }}", "a\n\nb", "  a\n  \n  b"},
        {"{{ indent 0 __line__ }}", "\na\n", "\na\n"},
        {"{{ nindent 1 __line__ }}", "a\nb", "\n a\n b"},
        {"{{ nindent 1 \"\" }}", "", "\n "},
        {"{{ indent -1 __line__ }}", "a", "!strings: negative Repeat count"},
        {"{{ Trim __line__ \"ba\" }}|{{ TrimLeft __line__ \"a\" }}|{{ trimAll \"b\" __line__ }}", "abxab",
         "x|bxab|abxa"},
        {"{{ alignLeft 4 __line__ }}|{{ alignRight 4 __line__ }}", "\xc3\xa9", "\xc3\xa9   |   \xc3\xa9"},
        {"{{ urlencode __line__ }}", "a-_.~ /\xc3", "a-_.~+%2F%C3"},
        {"{{ regexReplaceAll \"x*\" __line__ \"-\" }}", "abxd", "-a-b-d-"},
        {"{{ regexReplaceAll \"(a+)(b)?\" __line__ \"<$1$2>\" }}", "xaab\xff" "a", "x<aab>\xff<a>"},
        {"{{ regexReplaceAll \".\" __line__ \"<$0>\" }}", "\xff" "a\xc3\xa9\xfe", "<\xff><a><\xc3\xa9><\xfe>"},
        {"{{ regexReplaceAllLiteral \"b\" __line__ \"$0\" }}", "abb", "a$0$0"},
        {"{{ count \"\" __line__ }} {{ count \"a*\" __line__ }} {{ count \"a\" __line__ }}", "b\xc3\xa9", "3 3 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(cases[i].template, cases[i].line, cases[i].wanted);
}

TEST(printf_takes_widths_and_precisions_within_bounds)
{
    static const struct { const char *template, *wanted; } cases[] = {
        {"{{ printf \"%.300f\" 1e300 | len }} {{ printf \"%.1000f\" 1e308 | len }}", "602 1310"},
        {"{{ printf \"%.1000e\" -1e-300 | len }} {{ printf \"%.5000f\" 1.5 | len }}", "1008 5002"},
        {"{{ printf \"%1000000d\" 1 | len }} {{ printf \"%.1000000s\" \"ab\" }}", "1000000 ab"},
        {"{{ printf \"%1000000d%1000000d%1000000d%1000000d%1000000d\" 1 2 3 4 5 }}", "!the result is too large"},
        {"{{ printf \"%999999999d\" 1 }}", "%!(NOVERB)%!(EXTRA int=1)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(cases[i].template, "", cases[i].wanted);
}

TEST(loops_and_templates_that_call_themselves_come_to_an_end)
{
    static const struct { const char *template, *wanted; } cases[] = {
        {"{{ range 9000000000000000000 }}{{ end }}", "!the template takes too many steps or works on too much text"},
        {"{{ range 100000 }}{{ range 100000 }}{{ $x := 1 }}{{ end }}{{ end }}",
         "!the template takes too many steps or works on too much text"},
        {"{{ define \"x\" }}{{ template \"x\" . }}{{ end }}{{ template \"x\" . }}",
         "!exceeded maximum template depth (600)"},
        {"{{ define \"x\" }}{{ range 9 }}{{ template \"y\" }}{{ end }}{{ end }}{{ define \"y\" }}{{ template \"x\" }}{{ "
         "end }}{{ template \"x\" }}",
         "!exceeded maximum template depth (600)"},
        {"{{ range 5000 }}{{ repeat 1000 \"a\" }}{{ end }}", "!the result of a template is too large"},
        {"{{ range $i, $v := fromJson __line__ }}{{ $v }}{{ end }}", "123"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(cases[i].template, "[1,2,3]", cases[i].wanted);
}

/* Depth that is text: parentheses, actions, JSON. */
TEST(nesting_is_bounded)
{
    enum { DEEP = 5000 };
    static const struct { const char *open, *middle, *close; } cases[] = {
        {"(", ".a", ")"}, {"if .a}}{{", ".a", "}}{{end"}, {"if .a}}{{else ", "if .a}}", "{{end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf query;
        struct ast *ast = NULL;
        struct bole_err err;
        buf_init(&query, NULL);
        buf_printf(&query, "{a=\"b\"} | line_format `{{");
        for (int k = 0; k < DEEP; k++)
            buf_put_str(&query, cases[i].open);
        buf_put_str(&query, cases[i].middle);
        for (int k = 0; k < DEEP; k++)
            buf_put_str(&query, cases[i].close);
        buf_put_str(&query, "}}`");
        CHECK(ast_parse(buf_slice(&query), NULL, &ast, &err) < 0);
        CHECK(strstr(err.msg, "nested too deeply"));
        buf_deinit(&query);
    }
    struct fixture f;
    char *json = malloc(2 * DEEP);
    CHECK(json);
    memset(json, '[', DEEP);
    memset(json + DEEP, ']', DEEP);
    open_template(&f, "{{ fromJson __line__ }}");
    CHECK(run(&f, (bole_slice){(const uint8_t *)json, 2 * DEEP}));
    CHECK_EQ_SLICE(f.text, S("<no value>")); /* what is no JSON is nil, too */
    close_template(&f);
    free(json);
}

TEST(what_a_template_reads_is_told)
{
    struct fixture f;
    struct buf names;
    buf_init(&names, NULL);
    open_template(&f, "{{ $x := .a }}{{ range $.b }}{{ with .c }}{{ (fromJson .d).e }}{{ end }}{{ else }}{{ index . \"f\" }}{{ "
                      "end }}");
    template_labels(f.ast->root->log.stages->template, put_name, &names);
    CHECK_EQ_SLICE(buf_slice(&names), S("a b c e d f "));
    close_template(&f);
    buf_deinit(&names);
}

TEST(a_long_layout_of_a_date_is_printed_whole)
{
    struct fixture f;
    struct buf template;
    buf_init(&template, NULL);
    buf_put_str(&template, "{{ date \"");
    for (int i = 0; i < 500; i++)
        buf_put_str(&template, "1");
    buf_put_str(&template, "\" (unixToTime \"1479772800\") }}"); /* in November: each 1 becomes 11 */
    buf_put_u8(&template, 0);
    open_template(&f, (const char *)template.ptr);
    CHECK(run(&f, S("")));
    CHECK_EQ_U64(f.text.len, 1000);
    close_template(&f);
    buf_deinit(&template);
}

/* ---- what a template may cost ---- */

/* Of this thread: what else the machine does is not the template's fault. */
static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static bole_slice long_line(const char *unit)
{
    size_t size = strlen(unit);
    uint8_t *p = malloc(LONG_LINE);
    CHECK(p);
    for (size_t i = 0; i < LONG_LINE; i++)
        p[i] = (uint8_t)unit[i % size];
    return (bole_slice){p, LONG_LINE};
}

/* 500 rows, each asking for far more than a row may grow to: what cannot fit must not be written up to the limit
 * first. */
TEST(a_result_that_cannot_fit_is_refused_before_it_is_made)
{
    static const char *const templates[] = {
        "{{ repeat 1000000000 \"a\" }}", "{{ repeat 8000000000000000000 \"abc\" }}", "{{ indent 1000000000 \"x\" }}",
        "{{ nindent 8000000000000000000 \"x\" }}", "{{ alignLeft 1000000000 \"a\" }}",
        "{{ alignRight 8000000000000000000 \"a\" }}",
    };
    for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++) {
        struct fixture f;
        open_template(&f, templates[i]);
        uint64_t begin = cpu_ns();
        for (int row = 0; row < 500; row++)
            CHECK(!run(&f, S("")));
        CHECK(bole_slice_ends(f.text, S("the result is too large")));
        CHECK(cpu_ns() - begin < NS_PER_S);
        close_template(&f);
    }
}

/* One row of the longest lines, in well under the time that work of the square of its size takes. */
TEST(work_grows_with_the_line_and_not_with_its_square)
{
    static const struct { const char *template, *unit; bool fits; } cases[] = {
        {"{{ regexReplaceAll \"[a-z]\" __line__ \"x\" }}", "a", true},
        /* a copy without the bad bytes: one, not one per match */
        {"{{ regexReplaceAll \".\" __line__ \"x\" }}", "a\xff", true},
        {"{{ count \"[a-z]\" __line__ }}", "a", true},
        {"{{ regexReplaceAll \"\" __line__ (repeat 1000 \"x\") }}", "a", false},
        {"{{ Trim __line__ (print (repeat 1000000 \"b\") \"a\") }}", "a", true},
        {"{{ indent 1000 (__line__) }}", "\n", false},
        {"{{ replace \"\" (repeat 1000 \"x\") __line__ }}", "a", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture f;
        bole_slice line = long_line(cases[i].unit);
        open_template(&f, cases[i].template);
        uint64_t begin = cpu_ns();
        CHECK(run(&f, line) == cases[i].fits);
        uint64_t took_ms = (cpu_ns() - begin) / NS_PER_MS;
        if (took_ms >= 10000)
            print_error("%s: %llu ms\n", cases[i].template, (unsigned long long)took_ms);
        CHECK(took_ms < 10000);
        close_template(&f);
        free((void *)line.ptr);
    }
}

/* A template of 128 KB may name thousands of calls. */
TEST(the_work_of_all_calls_on_one_row_is_bounded)
{
    struct fixture f;
    struct buf template;
    buf_init(&template, NULL);
    for (int i = 0; i < 1000; i++)
        buf_put_str(&template, "{{ repeat 4000000 \"a\" | len }}");
    buf_put_u8(&template, 0);
    open_template(&f, (const char *)template.ptr);
    CHECK(!run(&f, S("")));
    CHECK(bole_slice_ends(f.text, S("works on too much text")));
    CHECK(f.row.template_bytes < TEMPLATE_WORK_MAX + 2 * TEMPLATE_OUTPUT_MAX);
    close_template(&f);
    buf_deinit(&template);

    open_template(&f, "{{ len __line__ }}");
    for (int row = 0; row < 1000; row++)
        CHECK(run(&f, bole_slice_from("abc", 3))); /* each row has its own bound */
    CHECK(f.row.template_bytes < 200); /* made by __line__, read by len, and one step */
    close_template(&f);
}

TEST(nothing_is_run_behind_a_text_that_has_outgrown_its_row)
{
    struct fixture f;
    open_template(&f, "{{ repeat 4000000 \"a\" }}{{ repeat 4000000 \"a\" }}{{ repeat 4000000 \"a\" }}");
    CHECK(!run(&f, S("")));
    CHECK(bole_slice_ends(f.text, S("the result of a template is too large")));
    CHECK(f.row.template_bytes < 2 * TEMPLATE_OUTPUT_MAX + 2);
    close_template(&f);
}
