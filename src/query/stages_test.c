/* stages_test.c - what the stages of a pipeline make of one line, as tables. */
#include <stdio.h>

#include "query/query_fixture.h"

/* One line through one pipeline: what comes out as labels and line, or nothing. */
struct stage_case {
    /* `line{labels}`; "" dropped; fields: {m="meta", clash="field"}, stream: {app="x", clash="stream"} */
    const char *pipeline, *line, *wanted;
};

static void check_stages(const struct stage_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct fixture f;
        char query[1024];
        open_fixture(&f);
        struct test_row row = {1, "{app=\"x\"}", NULL, cases[i].line};
        insert(&f, &row, 1);
        snprintf(query, sizeof query, "{app=\"x\"} %s", cases[i].pipeline);
        struct buf b = answer(&f, query, LOGS(.categorize = true));
        char wanted[1024] = "";
        if (cases[i].wanted[0] == '!')
            snprintf(wanted, sizeof wanted, "%s\n", cases[i].wanted);
        else if (cases[i].wanted[0])
            snprintf(wanted, sizeof wanted, "%s", cases[i].wanted);
        /* {app="x"} 1:"line"{labels} */
        bole_slice got = buf_slice(&b);
        const uint8_t *at = got.len && got.ptr[0] != '!' ? memmem(got.ptr, got.len, " 1:", 3) : NULL;
        if (at)
            got = (bole_slice){at + 3, got.len - (size_t)(at + 3 - got.ptr) - 1};
        if (!bole_slice_eq(got, bole_slice_str(wanted)))
            print_error("%s   on   %s\n   got: %.*s\n  want: %s\n", cases[i].pipeline, cases[i].line, (int)got.len,
                        (const char *)got.ptr, wanted);
        CHECK(bole_slice_eq(got, bole_slice_str(wanted)));
        buf_deinit(&b);
        close_fixture(&f);
    }
}
#define CHECK_STAGES(cases) check_stages(cases, sizeof cases / sizeof cases[0])

TEST(line_filters)
{
    static const struct stage_case cases[] = {
        {"|= \"b\"", "abc", "\"abc\"{s:app=\"x\"}"}, {"|= \"B\"", "abc", ""},
        {"|= \"\"", "abc", "\"abc\"{s:app=\"x\"}"},
        {"!= \"b\"", "abc", ""}, {"!= \"x\" != \"y\"", "abc", "\"abc\"{s:app=\"x\"}"},
        {"|= \"x\" or \"c\"", "abc", "\"abc\"{s:app=\"x\"}"},
        {"!= \"x\" or \"c\"", "abc", ""}, {"|~ \"^a.c$\"", "abc", "\"abc\"{s:app=\"x\"}"},
        {"|~ \"b\"", "abc", "\"abc\"{s:app=\"x\"}"},
        {"!~ \"(?i)ABC\"", "abc", ""}, {"|~ \"x\" or \"a.\"", "abc", "\"abc\"{s:app=\"x\"}"},
        {"!~ \"x\" or \"a.\"", "abc", ""},
        {"|> \"abc\"", "abc", "\"abc\"{s:app=\"x\"}"}, {"|> \"ab\"", "abc", ""},
        {"|> \"a<_>c\"", "abc", "\"abc\"{s:app=\"x\"}"},
        {"|> \"<_>a\"", "aba", ""}, {"|> \"b<_>\"", "abc", "\"abc\"{s:app=\"x\"}"}, {"!> \"a<_>\"", "abc", ""},
        {"!> \"b<_>\"", "abc", ""},
        {"|= ip(\"10.0.0.0/8\")", "from 10.2.3.4:80", "\"from 10.2.3.4:80\"{s:app=\"x\"}"},
        {"|= ip(\"1.2.3.4\")", "1.2.3.4.5", ""},
        {"!= ip(\"10.0.0.0/8\")", "from 10.2.3.4", ""},
        {"|= ip(\"192.168.0.1-192.168.0.9\")", "x 192.168.0.7 y", "\"x 192.168.0.7 y\"{s:app=\"x\"}"},
        {"|= ip(\"2001:db8::/32\")", "a 2001:db8::5 b", "\"a 2001:db8::5 b\"{s:app=\"x\"}"},
        {"|= \"zzz\" or ip(\"1.2.3.4\")", "at 1.2.3.4", "\"at 1.2.3.4\"{s:app=\"x\"}"},
        {"| line_format \"new\" |= \"abc\"", "abc", ""},
        {"| line_format \"new\" |= \"new\"", "abc", "\"new\"{s:app=\"x\"}"},
    };
    CHECK_STAGES(cases);
}

#define JSON_OBJECT_ERROR                                                                                              \
    "p:__error__=\"JSONParserErr\", p:__error_details__=\"Value looks like object, but can't find closing '}' "        \
    "symbol\", "

TEST(json_is_lenient_as_in_loki)
{
    static const struct stage_case cases[] = {
        {"| json",
         "{\"a\":1,\"b\":\"x\",\"c\":true,\"d\":null,\"e\":[1],\"f\":{\"g\":\"h\",\"i\":{\"j\":2}},\"k\":\"\"}",
         "\"{\\\"a\\\":1,\\\"b\\\":\\\"x\\\",\\\"c\\\":true,\\\"d\\\":null,\\\"e\\\":[1],\\\"f\\\":{\\\"g\\\":"
         "\\\"h\\\",\\\"i\\\":{\\\"j\\\":2}},\\\"k\\\":\\\"\\\"}\""
         "{p:a=\"1\", s:app=\"x\", p:b=\"x\", p:c=\"true\", p:f_g=\"h\", p:f_i_j=\"2\", p:k=\"\"}"},
        {"| json | line_format \"\"", "{\"a\":1} trailing", "\"\"{p:a=\"1\", s:app=\"x\"}"},
        {"| json | line_format \"\"", " {\"a\":1,}", "\"\"{p:a=\"1\", s:app=\"x\"}"},
        {"| json | line_format \"\"", "{\"a\":01,\"b\":1.50,\"c\":1e3,\"d\":-0.0,\"e\":12345678901234567890}",
         "\"\"{p:a=\"01\", s:app=\"x\", p:b=\"1.50\", p:c=\"1e3\", p:d=\"-0.0\", p:e=\"12345678901234567890\"}"},
        {"| json | line_format \"\"", "{\"a\":1,\"a\":2}", "\"\"{p:a=\"1\", s:app=\"x\"}"},
        {"| json | line_format \"\"", "{\"a_b\":1,\"a\":{\"b\":2}}", "\"\"{p:a_b=\"1\", s:app=\"x\"}"},
        {"| json | line_format \"\"", "{\"\xc3\xbcn\xc3\xaf\":1,\"9digit\":2,\"\":3,\"a-b.c\":4}",
         "\"\"{p:_9digit=\"2\", p:_n_=\"1\", p:a_b_c=\"4\", s:app=\"x\"}"},
        {"| json | line_format \"\"", "{\"app\":\"y\"}", "\"\"{s:app=\"x\", p:app_extracted=\"y\"}"},
        {"| json | line_format \"\"", "{\"a\":\"\\ud800\",\"b\":\"\\u00e9\\n\\ud83d\\ude00\"}",
         "\"\"{p:a=\"\", s:app=\"x\", p:b=\"\xc3\xa9\\n\xf0\x9f\x98\x80\"}"},
        {"| json", "plain", "\"plain\"{" JSON_OBJECT_ERROR "s:app=\"x\"}"},
        {"| json", "", "\"\"{" JSON_OBJECT_ERROR "s:app=\"x\"}"},
        {"| json", "[1]", "\"[1]\"{" JSON_OBJECT_ERROR "s:app=\"x\"}"},
        {"| json | __error__=\"\"", "plain", ""},
        {"| __error__=\"\" | json", "plain", "\"plain\"{" JSON_OBJECT_ERROR "s:app=\"x\"}"},
        {"| json | line_format \"\"", "{\"a\":1,\"b\":",
         "\"\"{p:__error__=\"JSONParserErr\", p:__error_details__=\"Malformed JSON error\", p:a=\"1\", s:app=\"x\"}"},
        {"| json x=\"a.b[1]\", y=\"[\\\"c d\\\"]\", z=\"n\", w=\"o\", v=\"a\" | line_format \"\"",
         "{\"a\":{\"b\":[1,\"two\"]},\"c d\":true,\"n\":null}",
         "\"\"{s:app=\"x\", p:v=\"{\\\"b\\\":[1,\\\"two\\\"]}\", p:w=\"\", p:x=\"two\", p:y=\"true\", p:z=\"\"}"},
        {"| json x=\"a\"", " {}", "\" {}\"{p:__error__=\"JSONParserErr\", s:app=\"x\"}"},
        {"| json x=\"a\"", "{\"a\":1", "\"{\\\"a\\\":1\"{s:app=\"x\", p:x=\"1\"}"},
        {"| json app=\"a\" | line_format \"\"", "{\"a\":1}", "\"\"{s:app=\"x\", p:app_extracted=\"1\"}"},
        {"| unpack", "{\"a\":\"1\",\"b\":2,\"_entry\":\"line\"}", "\"line\"{p:a=\"1\", s:app=\"x\"}"},
        {"| unpack |= \"li\"", "{\"_entry\":\"line\"}", "\"line\"{s:app=\"x\"}"},
        {"| unpack", "{\"a\":\"1\"}", "\"{\\\"a\\\":\\\"1\\\"}\"{s:app=\"x\"}"},
        {"| unpack", "x",
         "\"x\"{p:__error__=\"JSONParserErr\", p:__error_details__=\"expecting json object(6), but it is not\", "
         "s:app=\"x\"}"},
    };
    CHECK_STAGES(cases);
}

TEST(logfmt_skips_what_it_cannot_read)
{
    static const struct stage_case cases[] = {
        {"| logfmt | line_format \"\"", "a=1 b=\"two words\" c=\"q\\\"q\" d",
         "\"\"{p:a=\"1\", s:app=\"x\", p:b=\"two words\", p:c=\"q\\\"q\"}"},
        {"| logfmt | line_format \"\"", "dup=1 dup=2 a=b=c x= ok=1", "\"\"{s:app=\"x\", p:dup=\"1\", p:ok=\"1\"}"},
        {"| logfmt --keep-empty | line_format \"\"", "flag x= y=1",
         "\"\"{s:app=\"x\", p:flag=\"\", p:x=\"\", p:y=\"1\"}"},
        {"| logfmt --strict | line_format \"\"", "a=1 b=c=d e=2",
         "\"\"{p:__error__=\"LogfmtParserErr\", p:__error_details__=\"logfmt syntax error at pos 8 : unexpected '='\", "
         "p:a=\"1\", s:app=\"x\"}"},
        {"| logfmt", "a plain sentence", "\"a plain sentence\"{s:app=\"x\"}"},
        {"| logfmt | line_format \"\"", "a.b=1 2c=3 app=y",
         "\"\"{p:_2c=\"3\", p:a_b=\"1\", s:app=\"x\", p:app_extracted=\"y\"}"},
        {"| logfmt x=\"a\", y, z | line_format \"\"", "a=1 y=2", "\"\"{s:app=\"x\", p:x=\"1\", p:y=\"2\", p:z=\"\"}"},
        {"| logfmt", "a=\"unterminated", "\"a=\\\"unterminated\"{s:app=\"x\"}"},
        {"| logfmt | line_format \"\"", "a=\"x\xff\" b=1", "\"\"{p:a=\"x \", s:app=\"x\", p:b=\"1\"}"},
    };
    CHECK_STAGES(cases);
}

TEST(regexp_and_pattern_set_captures)
{
    static const struct stage_case cases[] = {
        {"| regexp \"(?P<m>\\\\w+) (?<p>\\\\S+)( (?P<o>x))?\" | line_format \"\"", "GET /a",
         "\"\"{s:app=\"x\", p:m=\"GET\", p:o=\"\", p:p=\"/a\"}"},
        {"| regexp \"(?P<m>\\\\d+)\"", "none", "\"none\"{s:app=\"x\"}"},
        {"| regexp \"(?P<app>\\\\w+)\" | line_format \"\"", "y", "\"\"{s:app=\"x\", p:app_extracted=\"y\"}"},
        {"| pattern \"<ip> - <_> <rest>\" | line_format \"\"", "1.2.3.4 - - GET /",
         "\"\"{s:app=\"x\", p:ip=\"1.2.3.4\", p:rest=\"GET /\"}"},
        {"| pattern \"<a>,<b>,<c>\" | line_format \"\"", "1,2", "\"\"{p:a=\"1\", s:app=\"x\", p:b=\"2\"}"},
        {"| pattern \"x<a>\"", "yz", "\"yz\"{s:app=\"x\"}"},
    };
    CHECK_STAGES(cases);
}

/* What has been seen of a stream's captures once is not worked out again; where a value is unwrapped it is. */
TEST(regexp_counts_the_same_when_outcomes_are_remembered)
{
    static const char *const lines[] = {"GET /a 200", "GET /b 200", "PUT /a", "PUT /a 500", "get", "", "GET /\xc3\xa9 7", "GET /\xff 7", "GET / 200"};
    static const char *const streams[] = {"{app=\"x\"}", "{app=\"x\", m=\"mine\"}", "{app=\"x\", p=\"mine\", p_extracted=\"too\"}"};
    static const char *const pipelines[] = {
        "regexp \"^(?P<m>[A-Z]+) (?P<p>\\\\S+)\"", "regexp \"^(?P<m>[A-Z]+) (?P<p>\\\\S+)( (?P<n>\\\\d+))?\"", "regexp \"(?P<n>\\\\d+)|(?P<p>/a)\"",
        "regexp \"(?P<p>\\\\S*)$\" | p != \"200\"", "regexp \"(?P<p>[A-Z]+) \" | app_extracted = \"\" | p = \"GET\"",
        "regexp \"(?P<n>\\\\d+)\" | n > 7", "regexp \"(?P<n>\\\\S+)\" | n > 7", "regexp \"(?P<n>.*)\" | m != \"mine\" | label_format p=n",
    };
    static const char *const by[] = {"p", "m, p", "m_extracted, n", "p_extracted, app", "app"};
    for (unsigned has_fields = 0; has_fields < 2; has_fields++) {
        struct fixture f;
        struct test_row rows[60];
        struct fs *fs = fs_mem_create();
        struct store_options options = {.uri = S("segments:/data"), .fs = fs, .clock = &clock_system};
        struct bole_err err;
        uint64_t position;
        f = (struct fixture){0};
        budget_init(&f.budget, NULL, 64u << 20);
        CHECK_OK(store_open(&options, &f.store, &err), err);
        for (unsigned i = 0; i < 60; i++)
            rows[i] = (struct test_row){1 + i, streams[i / 2 % 3], has_fields && i % 4 == 0 ? "{m=\"field\"}" : NULL, lines[i * 7 % 9]};
        insert(&f, rows, 60);
        CHECK_OK(store_cut(f.store, &position, &err), err); /* rows of a segment are known to have no fields */
        for (unsigned i = 0; i < sizeof pipelines / sizeof *pipelines * 5; i++) {
            char query[400];
            snprintf(query, sizeof query, "sum by (%s) (count_over_time({app=\"x\"} | %s [100s]))", by[i % 5], pipelines[i / 5]);
            struct buf got = answer(&f, query, AT(100));
            snprintf(query, sizeof query, "sum by (%s) (sum_over_time({app=\"x\"} | %s | label_format one=\"1\" | unwrap one [100s]))", by[i % 5],
                     pipelines[i / 5]);
            struct buf wanted = answer(&f, query, AT(100));
            bool is_refused = wanted.len > 0 && wanted.ptr[0] == '!' && got.len > 0 && got.ptr[0] == '!'; /* `one` is named there */
            if (is_refused)
                got.len = wanted.len = strcspn((char *)got.ptr, "{");
            if (got.len == 0 || !bole_slice_eq(buf_slice(&got), buf_slice(&wanted)))
                fail_msg("%s\ngot:\n%.*s\nwanted:\n%.*s", query, (int)got.len, got.ptr, (int)wanted.len, wanted.ptr);
            buf_deinit(&got);
            buf_deinit(&wanted);
        }
        close_fixture(&f);
        fs_mem_destroy(fs);
    }
}

TEST(label_filters_compare_by_the_kind_of_their_value)
{
    static const struct stage_case cases[] = {
        {"| logfmt | v=\"1\" | line_format \"\"", "v=1", "\"\"{s:app=\"x\", p:v=\"1\"}"},
        {"| logfmt | v=\"1.0\"", "v=1", ""},
        {"| logfmt | v=1.0 | drop v", "v=1", "\"v=1\"{s:app=\"x\"}"},
        {"| nosuch=\"\"", "l", "\"l\"{s:app=\"x\"}"},
        {"| nosuch!=\"a\"", "l", "\"l\"{s:app=\"x\"}"},
        {"| nosuch=~\".*\"", "l", "\"l\"{s:app=\"x\"}"},
        {"| nosuch=\"a\"", "l", ""},
        {"| nosuch!=1", "l", ""},
        {"| nosuch<1s", "l", ""},
        {"| nosuch!=ip(\"1.2.3.4\")", "l", ""},
        {"| app=~\"x|y\"", "l", "\"l\"{s:app=\"x\"}"},
        {"| app!~\"x\"", "l", ""},
        {"| logfmt | v>=200 | drop v", "v=200.0", "\"v=200.0\"{s:app=\"x\"}"},
        {"| logfmt | d>1h | drop d", "d=90m", "\"d=90m\"{s:app=\"x\"}"},
        {"| logfmt | d>1d | drop d", "d=90m", ""},
        {"| logfmt | s>1KB | drop s", "s=2,048", "\"s=2,048\"{s:app=\"x\"}"},
        {"| logfmt | s=1B | drop s", "s=1.5B", "\"s=1.5B\"{s:app=\"x\"}"},
        {"| logfmt | s>1MB | drop s", "s=2mb", "\"s=2mb\"{s:app=\"x\"}"},
        {"| logfmt | v>1", "v=0x10",
         "\"v=0x10\"{p:__error__=\"LabelFilterErr\", p:__error_details__=\"strconv.ParseFloat: parsing \\\"0x10\\\": "
         "invalid syntax\", s:app=\"x\", p:v=\"0x10\"}"},
        {"| logfmt | d>1s", "d=90",
         "\"d=90\"{p:__error__=\"LabelFilterErr\", p:__error_details__=\"time: missing unit in duration \\\"90\\\"\", "
         "s:app=\"x\", p:d=\"90\"}"},
        {"| logfmt | d>1s", "d=1d",
         "\"d=1d\"{p:__error__=\"LabelFilterErr\", p:__error_details__=\"time: unknown unit \\\"d\\\" in duration "
         "\\\"1d\\\"\", s:app=\"x\", p:d=\"1d\"}"},
        {"| logfmt | v>1 or app=\"x\" | drop v, __error_details__", "v=a",
         "\"v=a\"{p:__error__=\"LabelFilterErr\", s:app=\"x\"}"},
        {"| logfmt | app=\"x\" or v>1 | drop v", "v=a", "\"v=a\"{s:app=\"x\"}"},
        {"| logfmt | app=\"y\" and v>1", "v=a", ""},
        {"| logfmt | a=\"1\" and b=\"2\" or c=\"3\" | keep app", "c=3", "\"c=3\"{s:app=\"x\"}"},
        {"| logfmt | a=\"1\", b=\"2\" or c=\"3\"", "c=3", ""},
        {"| logfmt | ip=ip(\"10.0.0.0/8\") | drop ip", "ip=10.1.1.1", "\"ip=10.1.1.1\"{s:app=\"x\"}"},
        {"| json | nosuch=ip(\"1.1.1.1\") | drop __error_details__", "x",
         "\"x\"{p:__error__=\"JSONParserErr\", s:app=\"x\"}"},
        {"| logfmt | v>1 | drop __error__, __error_details__, v", "v=a", "\"v=a\"{s:app=\"x\"}"},
        {"| logfmt | v=0x1p3 | drop v", "v=8", "\"v=8\"{s:app=\"x\"}"},
    };
    CHECK_STAGES(cases);
}

TEST(templates)
{
    static const struct stage_case cases[] = {
        {"| logfmt | line_format \"{{.a}}-{{.nosuch}}-{{ .app | ToUpper }}\" | drop a", "a=1", "\"1--X\"{s:app=\"x\"}"},
        {"| line_format \"{{__line__ | trunc 3}} {{__timestamp__ | unixEpoch}}\"", "abcdef", "\"abc 1\"{s:app=\"x\"}"},
        {"| line_format `{{if eq .app \"y\"}}Y{{else if eq .app \"x\"}}X{{else}}?{{end}}`", "l", "\"X\"{s:app=\"x\"}"},
        {"| line_format `{{ add 1 2 }} {{ divf 1 4 }} {{ mul 2 \"3\" }} {{ sub 5 7 }} {{ div \"a\" 1 }} {{ round 1.5 0 "
         "}}`",
         "l", "\"3 0.25 6 -2 0 2\"{s:app=\"x\"}"},
        {"| line_format `{{ div 1 0 }}`", "l",
         "\"l\"{p:__error__=\"TemplateFormatErr\", p:__error_details__=\"template: line:1:3: executing \\\"line\\\" at <div "
         "1 0>: error calling div: runtime error: integer divide by zero\", s:app=\"x\"}"},
        {"| line_format `{{ regexReplaceAll \"(a+)b\" __line__ \"<$1>\" }} {{ replace \"a\" \"z\" __line__ }}`", "xaab",
         "\"x<aa> xzzb\"{s:app=\"x\"}"},
        {"| line_format `{{ printf \"%-5s|%05.1f|%d|%v\" .app (float64 \"2.25\") 7 true }}`", "l",
         "\"x    |002.2|7|true\"{s:app=\"x\"}"},
        {"| line_format `{{ alignLeft 3 __line__ }}|{{ alignRight 6 __line__ }}|{{ default \"d\" .nosuch }}|{{ .app | "
         "printf \"%s!\" }}`",
         "abcd", "\"abc|  abcd|d|x!\"{s:app=\"x\"}"},
        {"| line_format `{{ date \"2006-01-02T15:04:05.000Z07:00\" __timestamp__ }}`", "l",
         "\"1970-01-01T00:00:01.000Z\"{s:app=\"x\"}"},
        {"| line_format `{{ b64enc __line__ }} {{ \"aGk=\" | b64dec }} {{ urlencode \"a b&\" }} {{ urldecode \"a%20b\" "
         "}}`",
         "hey", "\"aGV5 hi a+b%26 a b\"{s:app=\"x\"}"},
        {"| line_format `a {{- \" b \" -}} c {{/* no */}}d`", "l", "\"a b c d\"{s:app=\"x\"}"},
        {"| line_format `{{ if and .app (not .nosuch) }}yes{{end}}`", "l", "\"yes\"{s:app=\"x\"}"},
        {"| line_format `{{ bytes \"1KB\" }} {{ duration \"1.5m\" }} {{ count \"a\" __line__ }}`", "banana",
         "\"1000 90 3\"{s:app=\"x\"}"},
        {"| label_format a=app, b=`{{.app}}y`", "l", "\"l\"{p:a=\"x\", p:b=\"y\"}"},
        {"| label_format b=`{{.app}}y`, a=app", "l", "\"l\"{p:a=\"x\", p:b=\"xy\"}"},
        {"| label_format a=nope", "l", "\"l\"{s:app=\"x\"}"},
        {"| label_format b=`{{.nope}}`", "l", "\"l\"{s:app=\"x\", p:b=\"\"}"},
        {"| label_format zz=\"\" | zz=\"\"", "l", "\"l\"{s:app=\"x\", p:zz=\"\"}"},
        {"| label_format app=`{{.app}}2`", "l", "\"l\"{p:app=\"x2\"}"},
    };
    CHECK_STAGES(cases);
}

TEST(drop_keep_and_decolorize)
{
    static const struct stage_case cases[] = {
        {"| logfmt | drop a", "a=1 b=2", "\"a=1 b=2\"{s:app=\"x\", p:b=\"2\"}"},
        {"| logfmt | drop a=\"2\"", "a=1", "\"a=1\"{p:a=\"1\", s:app=\"x\"}"},
        {"| logfmt | drop a=~\"1|2\"", "a=1", "\"a=1\"{s:app=\"x\"}"},
        {"| logfmt | keep a", "a=1 b=2", "\"a=1 b=2\"{p:a=\"1\"}"},
        {"| logfmt | keep a=\"1\"", "a=1 b=2", "\"a=1 b=2\"{p:a=\"1\"}"},
        {"| logfmt | keep a=\"9\"", "a=1 b=2", "\"a=1 b=2\"{}"},
        {"| drop app | json | line_format \"\"", "{\"app\":\"y\"}", "\"\"{p:app_extracted=\"y\"}"},
        {"| decolorize", "\x1b[31mred\x1b[0m plain \x1b[", "\"red plain \\x1b[\"{s:app=\"x\"}"},
        {"| json | drop __error__, __error_details__", "x", "\"x\"{s:app=\"x\"}"},
    };
    CHECK_STAGES(cases);
}

TEST(fields_clash_and_split_streams)
{
    struct fixture f;
    open_fixture(&f);
    static const struct test_row rows[] = {
        {1, "{app=\"x\", c=\"stream\"}", "{c=\"field\", status=\"4\", trace=\"t1\"}",
         "{\"c\":\"json\",\"status\":500}"},
        {2, "{app=\"x\", c=\"stream\"}", "{trace=\"t2\"}", "plain"},
    };
    insert(&f, rows, 2);
    expect(&f, "{app=\"x\"} | trace=\"t1\"", LOGS(),
           "{app=\"x\", c=\"stream\", c_extracted=\"field\", status=\"4\", trace=\"t1\"} "
           "1:\"{\\\"c\\\":\\\"json\\\",\\\"status\\\":500}\"\n");
    /* Three of one name: the field loses. */
    expect(&f, "{app=\"x\"} | trace=\"t1\" | json | line_format \"\"", LOGS(),
           "{app=\"x\", c=\"stream\", c_extracted=\"json\", status=\"4\", status_extracted=\"500\", trace=\"t1\"} "
           "1:\"\"\n");
    expect(&f, "{app=\"x\"} | json | line_format \"\" | drop __error_details__", LOGS(.categorize = true),
           "{app=\"x\", c=\"stream\"} 1:\"\"{s:app=\"x\", s:c=\"stream\", p:c_extracted=\"json\", m:status=\"4\", "
           "p:status_extracted=\"500\", m:trace=\"t1\"}"
           " 2:\"\"{p:__error__=\"JSONParserErr\", s:app=\"x\", s:c=\"stream\", m:trace=\"t2\"}\n");
    expect(&f, "count_over_time({app=\"x\"}[10s])", AT(5),
           "{app=\"x\", c=\"stream\", c_extracted=\"field\", status=\"4\", trace=\"t1\"} 1\n{app=\"x\", c=\"stream\", "
           "trace=\"t2\"} 1\n");
    expect(&f, "sum by (trace) (count_over_time({app=\"x\"}[10s]))", AT(5), "{trace=\"t1\"} 1\n{trace=\"t2\"} 1\n");
    expect(&f, "sum by (status) (count_over_time({app=\"x\"}[10s]))", AT(5), "{} 1\n{status=\"4\"} 1\n");
    expect(&f, "sum by (c, trace) (count_over_time({app=\"x\"}[10s]))", AT(5),
           "{c=\"stream\", trace=\"t1\"} 1\n{c=\"stream\", trace=\"t2\"} 1\n");
    expect(&f, "sum by (c_extracted) (count_over_time({app=\"x\"}[10s]))", AT(5), "{} 1\n{c_extracted=\"field\"} 1\n");
    close_fixture(&f);
}
