/* set_test.c - Bole's additions: syntax, and each operator on a few rows. */
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "query/parser.h"
#include "query/query_fixture.h"

/* ---- syntax ---- */

static struct buf print_parsed(bole_slice text, bool loki_only)
{
    struct ast *ast = NULL;
    struct bole_err err = {0};
    struct buf b;
    buf_init(&b, NULL);
    if ((loki_only ? ast_parse_loki : ast_parse)(text, NULL, &ast, &err) == BOLE_OK)
        ast_print(ast->root, &b);
    else
        buf_printf(&b, "!%s", err.msg);
    ast_destroy(ast);
    return b;
}

TEST(additions_print_as_text_that_means_the_same)
{
    static const struct { const char *text, *wanted; } cases[] = {
        {"{a=\"b\"} | distinct", "{a=\"b\"} | distinct"},
        {"{a=\"b\"} | json | distinct x , y | x=\"1\"", "{a=\"b\"} | json | distinct x, y | x=\"1\""},
        {"{a=\"b\"} | distinct (x, json)", "{a=\"b\"} | distinct x, json"},
        {"{a=\"b\"}|dedup|~\"x\"", "{a=\"b\"} | dedup |~ \"x\""},
        {"{a=\"b\"} | dedup by level, __line__", "{a=\"b\"} | dedup by (level, __line__)"},
        {"{a=\"b\"} | sort by x desc, y asc, z", "{a=\"b\"} | sort by x desc, y, z"},
        {"{a=\"b\"} | sort by desc desc", "{a=\"b\"} | sort by desc desc"},
        {"{a=\"b\"} | top 10 by took", "{a=\"b\"} | top 10 by (took)"},
        {"{a=\"b\"} | top 10 user", "{a=\"b\"} | top 10 (user)"},
        {"{a=\"b\"} | top 3 (by)", "{a=\"b\"} | top 3 (by)"},
        {"{a=\"b\"} | stats count()", "{a=\"b\"} | stats count()"},
        {"{a=\"b\"} | stats count(), p99(took), quantile(0.999,took) as worst by user, host",
         "{a=\"b\"} | stats count(), quantile(0.99, took), quantile(0.999, took) as worst by (user, host)"},
        {"{a=\"b\"} | stats sum(bytes), avg(x), min(x), max(x), first(x), last(x), count_distinct(ip), count(json) by (rate)",
         "{a=\"b\"} | stats sum(bytes), avg(x), min(x), max(x), first(x), last(x), count_distinct(ip), count(json) by (rate)"},
        {"({a=\"b\"} | distinct x) | y=\"1\" | sort by x", "{a=\"b\"} | distinct x | y=\"1\" | sort by x"},
        {"{a=\"b\"} | stats count() by (x) | count > 5 | sort by count desc | line_format \"{{.x}}\"",
         "{a=\"b\"} | stats count() by (x) | count>5 | sort by count desc | line_format \"{{.x}}\""},
        {"{a=\"b\"} | join ({c=\"d\"} | json | stats count() by (x)) on (x, y) left | n>1",
         "{a=\"b\"} | join ({c=\"d\"} | json | stats count() by (x)) on (x, y) left | n>1"},
        {"{a=\"b\"} | join ({c=\"d\"}) by x inner", "{a=\"b\"} | join ({c=\"d\"}) on (x)"},
        {"{a=\"b\"} | context 5 |= \"x\"", "{a=\"b\"} | context 5 |= \"x\""},
        {"{a=\"b\"} | context after=3", "{a=\"b\"} | context before=0 after=3"},
        {"{a=\"b\"} | context before=3 after=3", "{a=\"b\"} | context 3"},
        {"{a=\"b\"} | patterns | count > 5", "{a=\"b\"} | patterns | count>5"},
        {"{a=\"b\"} | patterns |= \"x\"", "{a=\"b\"} | patterns |= \"x\""},
        /* Loki's label filters stay what they are. */
        {"{a=\"b\"} | distinct=\"x\" | top > 5 | stats != \"y\" | dedup =~ \"z\" | sort == 1",
         "{a=\"b\"} | distinct=\"x\" | top>5 | stats!=\"y\" | dedup=~\"z\" | sort=1"},
        {"{distinct=\"b\", stats=\"c\"} | json top=\"x\" | keep sort, stats", "{distinct=\"b\", stats=\"c\"} | json top=\"x\" | keep sort,stats"},
        /* Refused, with the place. */
        {"{a=\"b\"} | sort x", "!parse error at line 1, col 16: syntax error: unexpected IDENTIFIER, expecting by"},
        {"{a=\"b\"} | top user", "!parse error at line 1, col 15: syntax error: unexpected IDENTIFIER, expecting NUMBER"},
        {"{a=\"b\"} | top 0 user", "!parse error : a whole number from 1 to 1000000 is needed, not 0"},
        {"{a=\"b\"} | top 1.5 user", "!parse error : a whole number from 1 to 1000000 is needed, not 1.5"},
        {"{a=\"b\"} | stats", "!parse error : stats has no function : there are count, count_distinct, sum, avg, min, max, "
                              "quantile, p50 (or other digits), first, last"},
        {"{a=\"b\"} | stats median(x)", "!parse error : stats has no function median: there are count, count_distinct, sum, "
                                        "avg, min, max, quantile, p50 (or other digits), first, last"},
        {"{a=\"b\"} | stats sum()", "!parse error at line 1, col 21: syntax error: unexpected ), expecting IDENTIFIER"},
        {"{a=\"b\"} | stats quantile(2, x)", "!parse error : a quantile lies between 0 and 1"},
        {"{a=\"b\"} | stats count(), count() by (x)", "!parse error : stats makes two columns called count: name one of them with `as`"},
        {"{a=\"b\"} | stats count() as x by (x)", "!parse error : stats makes two columns called x: name one of them with `as`"},
        {"{a=\"b\"} | join (rate({c=\"d\"}[1m])) on (x)", "!parse error : join takes a log query in its parentheses, not a metric query"},
        {"{a=\"b\"} | join {c=\"d\"} on (x)", "!parse error at line 1, col 16: syntax error: unexpected {, expecting ("},
        {"{a=\"b\"} | join ({c=\"d\"})", "!parse error at line 1, col 25: syntax error: unexpected $end, expecting on"},
        {"{a=\"b\"} | context", "!parse error : context takes a number of lines, `context 5`, or `context before=2 after=10`"},
        {"{a=\"b\"} | context 1001", "!parse error : a whole number from 0 to 1000 is needed, not 1001"},
        {"{a=\"b\"} | distinct \"x\"", "!parse error at line 1, col 20: syntax error: unexpected STRING"},
        {"count_over_time({a=\"b\"} | distinct x [5m])", "!parse error at line 1, col 36: syntax error: unexpected IDENTIFIER"},
        {"count_over_time(({a=\"b\"} | distinct x)[5m])", "!parse error at line 1, col 37: syntax error: unexpected IDENTIFIER"},
        {"sum({a=\"b\"} | distinct x)", "!"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf b = print_parsed(bole_slice_str(cases[i].text), false);
        bool starts = bole_slice_starts(buf_slice(&b), bole_slice_str(cases[i].wanted));
        if (!starts || (*cases[i].wanted != '!' && b.len != strlen(cases[i].wanted)))
            print_error("%s\n  got  %.*s\n  want %s\n", cases[i].text, BOLE_SLICE_ARG(buf_slice(&b)), cases[i].wanted);
        CHECK(starts && (*cases[i].wanted == '!' || b.len == strlen(cases[i].wanted)));
        struct buf again = print_parsed(buf_slice(&b), false);
        if (*cases[i].wanted != '!')
            CHECK_EQ_SLICE(buf_slice(&again), buf_slice(&b));
        buf_deinit(&again);
        buf_deinit(&b);
    }
}

TEST(plain_words_are_stages_on_all_streams)
{
    static const struct { const char *text, *wanted; } cases[] = {
        {"error", "{} |~ \"(?i)error\""},
        {"  error   timeout ", "{} |~ \"(?i)error\" |~ \"(?i)timeout\""},
        {"-debug 500", "{} !~ \"(?i)debug\" |= \"500\""},
        {"x -debug 500 -12.5", "{} |~ \"(?i)x\" !~ \"(?i)debug\" |= \"500\" != \"12.5\""},
        {"-debug", "{} !~ \"(?i)debug\""},
        {"\"two words\"", "{} |~ \"(?i)two\\\\ words\""},
        {"user:bob -app:\"my app\" http.status:500", "{} | user:\"(?i)bob\" | not app:\"(?i)my\\\\ app\" | http_status:\"(?i)500\""},
        {"http://x/y std::string 12:30 Error: C:\\x -- --flag a-b",
         "{} |~ \"(?i)http\\\\:\\\\/\\\\/x\\\\/y\" |~ \"(?i)std\\\\:\\\\:string\" |= \"12:30\" |~ \"(?i)Error\\\\:\" "
         "|~ \"(?i)C\\\\:\\\\\\\\x\" |= \"--\" |~ \"(?i)\\\\-\\\\-flag\" |~ \"(?i)a\\\\-b\""},
        {"error | json | stats count() by (app)", "{} |~ \"(?i)error\" | json | stats count() by (app)"},
        {"error|= \"x\"", "{} |~ \"(?i)error\" |= \"x\""},
        {"rate", "{} |~ \"(?i)rate\""},
        /* LogQL, right or wrong. */
        {"{a=\"b\"}", "{a=\"b\"}"},
        {"42", "42"},
        {"{a=\"b\"", "!parse error at line 1, col 7: syntax error: unexpected $end, expecting } or ,"},
        {"sum(rate({a=\"b\"}[5m])", "!parse error"},
        {"app=\"x\"", "!parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"},
        {"error \"no end", "!parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"},
        {"error | nosuch", "!parse error at line 1, col 15: syntax error: unexpected $end"},
        {"", "!parse error : syntax error: unexpected $end"},
        {"| json", "!parse error at line 1, col 1: syntax error: unexpected |"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ast *ast = NULL;
        struct bole_err err = {0};
        struct buf b;
        buf_init(&b, NULL);
        if (ast_parse_words(bole_slice_str(cases[i].text), NULL, &ast, &err) == BOLE_OK)
            ast_print(ast->root, &b);
        else
            buf_printf(&b, "!%s", err.msg);
        ast_destroy(ast);
        bool starts = bole_slice_starts(buf_slice(&b), bole_slice_str(cases[i].wanted));
        if (!starts)
            print_error("%s\n  got  %.*s\n  want %s\n", cases[i].text, BOLE_SLICE_ARG(buf_slice(&b)), cases[i].wanted);
        CHECK(starts && (*cases[i].wanted == '!' || b.len == strlen(cases[i].wanted)));
        buf_deinit(&b);
    }
}

/* What parses without the additions has the same tree with them. */
static bool check_same(bole_slice text)
{
    struct buf loki = print_parsed(text, true), bole = print_parsed(text, false);
    bool is_loki = loki.len && loki.ptr[0] != '!';
    if (is_loki && !bole_slice_eq(buf_slice(&loki), buf_slice(&bole)))
        print_error("%.*s\n", BOLE_SLICE_ARG(text));
    CHECK(!is_loki || bole_slice_eq(buf_slice(&loki), buf_slice(&bole)));
    buf_deinit(&loki);
    buf_deinit(&bole);
    return is_loki;
}

TEST(random_queries_of_loki_mean_the_same)
{
    static const char *const words[] = {
        "distinct", "dedup", "sort", "top", "stats", "by", "(", ")", "=", "!=", "=~", "!~", ">", "==", "<=", "\"x\"", "5", "1.5s",
        "count", "sum", "|", "|=", "|~", "json", "logfmt", "x", "desc", ",", "and", "or", "keep", "drop", "label_format", "1KB",
        "join", "on", "context", "patterns", "before", "as", "p90", "unwrap",
    };
    struct random random;
    random_seed(&random, 11);
    size_t accepted = 0;
    for (int i = 0; i < 100000; i++) {
        char text[256] = "{a=\"b\"} |";
        for (size_t n = 1 + random_below(&random, 8); n; n--) {
            strcat(text, " ");
            strcat(text, words[random_below(&random, sizeof words / sizeof words[0])]);
        }
        accepted += check_same(bole_slice_str(text));
    }
    CHECK(accepted > 500);
}

/* Every C string of the other tests that is a query. */
TEST(the_queries_of_the_other_tests_mean_the_same)
{
    static const char *const files[] = {"parser_test.c", "query_test.c", "stages_test.c", "columns/json_shape_test.c",
                                        "template/template_test.c"};
    const char *folder = getenv("QUERY_SOURCES");
    size_t accepted = 0;
    for (size_t i = 0; folder && i < sizeof files / sizeof files[0]; i++) {
        char path[1024], text[65536];
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        FILE *f = fopen(path, "r");
        CHECK(f);
        size_t len = 0;
        bool inside = false;
        for (int c; (c = fgetc(f)) != EOF;) {
            if (c == '\\')
                c = fgetc(f);
            else if (c == '"') {
                accepted += inside && check_same((bole_slice){(uint8_t *)text, len});
                inside = !inside;
                len = 0;
                continue;
            }
            if (inside && len < sizeof text)
                text[len++] = (char)c;
        }
        fclose(f);
    }
    CHECK(!folder || accepted > 200);
}

/* ---- operators ---- */

static const struct test_row rows[] = {
    {10, "{app=\"a\"}", NULL, "level=info user=ann took=12ms n=5"},
    {20, "{app=\"a\"}", NULL, "level=info user=bob took=1.5s n=3"},
    {30, "{app=\"a\"}", NULL, "level=warn user=bob took=40ms n=10"},
    {40, "{app=\"b\"}", NULL, "level=warn user=cid took=2s n=x"},
    {50, "{app=\"b\"}", "{trace=\"7\"}", "level=info user=ann"},
};

static void check_all(const char *const (*cases)[2], size_t count, const struct test_row *data, size_t data_count)
{
    struct fixture f;
    open_fixture(&f);
    insert(&f, data, data_count);
    for (size_t i = 0; i < count; i++)
        expect(&f, cases[i][0], LOGS(), cases[i][1]);
    close_fixture(&f);
}
#define CHECK_ALL(cases, data) check_all(cases, sizeof cases / sizeof cases[0], data, sizeof data / sizeof data[0])

TEST(distinct_keeps_the_first_row_of_the_answer)
{
    struct fixture f;
    open_fixture(&f);
    insert(&f, rows, 5);
    expect(&f, "{app=~\".+\"} | logfmt | distinct user | line_format \"{{.user}}\" | keep user", LOGS(),
           "10:\"ann\"{p:user=\"ann\"}\n20:\"bob\"{p:user=\"bob\"}\n40:\"cid\"{p:user=\"cid\"}\n");
    expect(&f, "{app=~\".+\"} | logfmt | distinct user | keep user | line_format \"\"", LOGS(.direction = BACKWARD),
           "50:\"\"{p:user=\"ann\"}\n40:\"\"{p:user=\"cid\"}\n30:\"\"{p:user=\"bob\"}\n");
    expect(&f, "{app=~\".+\"} | distinct app", LOGS(.limit = 1, .direction = BACKWARD),
           "50:\"level=info user=ann\"{s:app=\"b\", m:trace=\"7\"}\n");
    expect(&f, "{app=~\".+\"} | line_format \"same\" | distinct | drop app, trace", LOGS(), "10:\"same\"{}\n");
    expect(&f, "{app=~\".+\"} | logfmt | distinct app, level | line_format \"{{.app}} {{.level}}\" | keep x", LOGS(),
           "10:\"a info\"{}\n30:\"a warn\"{}\n40:\"b warn\"{}\n50:\"b info\"{}\n");
    /* A filter behind it has all values to choose from, not those of the first lines. */
    expect(&f, "{app=~\".+\"} | logfmt | distinct user | user=\"cid\" | keep user | line_format \"\"", LOGS(.limit = 1),
           "40:\"\"{p:user=\"cid\"}\n");
    close_fixture(&f);
}

TEST(dedup_folds_rows_that_follow_each_other)
{
    static const struct test_row repeated[] = {
        {1, "{a=\"1\"}", NULL, "x"}, {2, "{a=\"2\"}", NULL, "x"}, {3, "{a=\"1\"}", NULL, "y"}, {4, "{a=\"1\"}", NULL, "x"},
        {5, "{a=\"1\"}", NULL, "x"}, {6, "{a=\"2\"}", NULL, "x"},
    };
    struct fixture f;
    open_fixture(&f);
    insert(&f, repeated, 6);
    expect(&f, "{a=~\".+\"} | dedup", LOGS(),
           "1:\"x\"{s:a=\"1\", p:dedup_count=\"2\"}\n3:\"y\"{s:a=\"1\", p:dedup_count=\"1\"}\n4:\"x\"{s:a=\"1\", p:dedup_count=\"3\"}\n");
    expect(&f, "{a=~\".+\"} | dedup", LOGS(.direction = BACKWARD, .limit = 1), "6:\"x\"{s:a=\"2\", p:dedup_count=\"3\"}\n");
    expect(&f, "{a=~\".+\"} | dedup by a | keep dedup_count", LOGS(),
           "1:\"x\"{p:dedup_count=\"1\"}\n2:\"x\"{p:dedup_count=\"1\"}\n3:\"y\"{p:dedup_count=\"3\"}\n6:\"x\"{p:dedup_count=\"1\"}\n");
    expect(&f, "{a=~\".+\"} | dedup by (a, __line__) | dedup_count > 1", LOGS(), "4:\"x\"{s:a=\"1\", p:dedup_count=\"2\"}\n");
    close_fixture(&f);
}

TEST(dedup_looks_further_until_the_answer_is_full)
{
    enum { COUNT = 20000 };
    static struct test_row many[COUNT];
    struct fixture f;
    open_fixture(&f);
    for (int i = 0; i < COUNT; i++)
        many[i] = (struct test_row){i, "{a=\"1\"}", NULL, i < COUNT - 2 ? "same" : "other"};
    for (int i = 0; i < COUNT; i += 5000)
        insert(&f, many + i, 5000);
    expect(&f, "{a=\"1\"} | dedup", LOGS(.end_ns = COUNT * SEC, .limit = 2),
           "0:\"same\"{s:a=\"1\", p:dedup_count=\"19998\"}\n19998:\"other\"{s:a=\"1\", p:dedup_count=\"2\"}\n");
    close_fixture(&f);
}

TEST(sort_orders_numbers_durations_and_texts)
{
    static const char *const cases[][2] = {
        {"{app=~\".+\"} | logfmt | sort by took desc | line_format \"{{.took}}\" | keep x", /* absent: last */
         "40:\"2s\"{}\n20:\"1.5s\"{}\n30:\"40ms\"{}\n10:\"12ms\"{}\n50:\"\"{}\n"},
        {"{app=~\".+\"} | logfmt | sort by n | line_format \"{{.n}}\" | keep x", "20:\"3\"{}\n10:\"5\"{}\n30:\"10\"{}\n40:\"x\"{}\n50:\"\"{}\n"},
        {"{app=~\".+\"} | logfmt | sort by level, n desc | line_format \"{{.level}} {{.n}}\" | keep x",
         "10:\"info 5\"{}\n20:\"info 3\"{}\n50:\"info \"{}\n40:\"warn x\"{}\n30:\"warn 10\"{}\n"},
        {"{app=~\".+\"} | sort by __timestamp__ desc | line_format \"\" | keep x", "50:\"\"{}\n40:\"\"{}\n30:\"\"{}\n20:\"\"{}\n10:\"\"{}\n"},
        {"{app=~\".+\"} | logfmt | label_format all=\"{{range $k, $v := .}}{{$k}}{{end}}\" | all =~ \".*took.*\" | top 1 by n | line_format \"{{.n}}\" | keep x",
         "40:\"x\"{}\n"},
        {"{app=~\".+\"} | logfmt | top 2 by took | line_format \"{{.took}}\" | keep x", "40:\"2s\"{}\n20:\"1.5s\"{}\n"},
        {"{app=~\".+\"} | logfmt | top 10 by n | line_format \"{{.n}}\" | keep x", "40:\"x\"{}\n30:\"10\"{}\n10:\"5\"{}\n20:\"3\"{}\n"},
    };
    CHECK_ALL(cases, rows);
}

TEST(top_counts_values)
{
    static const char *const cases[][2] = {
        {"{app=~\".+\"} | logfmt | top 2 user", "\"user=ann count=2\"\n\"user=bob count=2\"\n"},
        {"{app=~\".+\"} | top 5 app", "\"app=a count=3\"\n\"app=b count=2\"\n"},
        {"{app=~\".+\"} | logfmt | top 9 app, level",
         "\"app=a level=info count=2\"\n\"app=a level=warn count=1\"\n\"app=b level=info count=1\"\n\"app=b level=warn count=1\"\n"},
        {"{app=~\".+\"} | top 5 nosuch", ""},
        {"{app=~\".+\"} | logfmt | label_format count=user | top 1 count", "\"count=ann times=2\"\n"},
        {"{app=\"a\"} | top 1 __line__", "\"line=\\\"level=info user=ann took=12ms n=5\\\" count=1\"\n"},
    };
    CHECK_ALL(cases, rows);
}

TEST(stats_aggregate_by_any_labels)
{
    static const char *const cases[][2] = {
        {"{app=~\".+\"} | stats count()", "\"count=5\"\n"},
        {"{app=\"nosuch\"} | stats count(), sum(x)", "\"count=0\"\n"},
        {"{app=\"nosuch\"} | stats count() by (app)", ""},
        {"{app=~\".+\"} | stats count() by (app)", "\"app=a count=3\"\n\"app=b count=2\"\n"},
        {"{app=~\".+\"} | logfmt | stats count(), count(n), sum(n), avg(n), min(n), max(n) by (app)",
         "\"app=a count=3 count_n=3 sum_n=18 avg_n=6 min_n=3 max_n=10\"\n\"app=b count=2 count_n=1 min_n=x max_n=x\"\n"},
        {"{app=~\".+\"} | logfmt | stats sum(took), p50(took), quantile(1, took) as worst, min(took), max(took)",
         "\"sum_took=3.552 p50_took=0.77 worst=2 min_took=12ms max_took=2s\"\n"},
        {"{app=~\".+\"} | logfmt | stats first(user), last(user), count_distinct(user) by (level)",
         "\"level=info first_user=ann last_user=ann count_distinct_user=2\"\n\"level=warn first_user=bob last_user=cid "
         "count_distinct_user=2\"\n"},
        {"{app=~\".+\"} | stats count() by (trace)", "\"trace=7 count=1\"\n\"count=4\"\n"},
        {"{app=~\".+\"} | logfmt | stats count() as c by (user) | c > 1 | sort by user desc", "\"user=bob c=2\"\n\"user=ann c=2\"\n"},
        {"{app=~\".+\"} | logfmt | stats count() as c by (user) | stats sum(c), count()", "\"sum_c=5 count=3\"\n"},
        {"{app=~\".+\"} | logfmt | stats min(__timestamp__), max(__timestamp__) by (app)",
         "\"app=a min_timestamp=1970-01-01T00:00:10.000000000Z max_timestamp=1970-01-01T00:00:30.000000000Z\"\n"
         "\"app=b min_timestamp=1970-01-01T00:00:40.000000000Z max_timestamp=1970-01-01T00:00:50.000000000Z\"\n"},
        {"{app=\"b\"} | json | stats count() by (__error__)", "\"__error__=JSONParserErr count=2\"\n"},
        {"{app=\"b\"} | json | stats count()", "\"count=2\"\n"},
        {"{app=\"a\"} | logfmt | stats count() by (user) | line_format \"{{.user}}: {{.count}}\"", "\"ann: 1\"\n\"bob: 2\"\n"},
    };
    CHECK_ALL(cases, rows);
}

TEST(a_table_is_streams_for_clients_of_loki)
{
    struct fixture f;
    struct query *q = NULL;
    struct query_result *r = NULL;
    struct bole_err err = {0};
    open_fixture(&f);
    insert(&f, rows, 5);
    CHECK_OK(query_parse(S("{app=~\".+\"} | top 9 app"), NULL, &q, &err), err);
    CHECK_EQ_U64(query_type(q), QUERY_LOG);
    struct query_request request = LOGS(.store = f.store, .tenant = S("t"), .direction = BACKWARD, .budget = &f.budget);
    CHECK_OK(query_exec(q, &request, &r, &err), err);
    CHECK_EQ_U64(r->type, QUERY_STREAMS);
    CHECK_EQ_U64(r->stream_count, 2);
    CHECK_EQ_U64(r->column_count, 2);
    CHECK_EQ_SLICE(r->columns[0], S("app"));
    CHECK_EQ_SLICE(r->columns[1], S("count"));
    /* One time, inside of the asked range, and streams in the order of the rows: whoever sorts by time keeps it. */
    CHECK_EQ_U64(r->row_count, 2);
    CHECK_EQ_SLICE(r->rows[0]->line, S("app=a count=3"));
    CHECK_EQ_I64(r->rows[0]->time_ns, 1000 * SEC - 1);
    CHECK_EQ_I64(r->rows[1]->time_ns, 1000 * SEC - 1);
    CHECK_EQ_SLICE(r->streams[0].entries[0].line, r->rows[0]->line);
    CHECK_EQ_SLICE(r->streams[1].entries[0].line, r->rows[1]->line);
    query_result_destroy(r);
    query_destroy(q);
    close_fixture(&f);
}

TEST(too_many_groups_are_refused_with_advice)
{
    struct fixture f;
    static struct test_row many[5000];
    static char lines[5000][64];
    open_fixture(&f);
    for (int i = 0; i < 5000; i++) {
        snprintf(lines[i], sizeof lines[i], "id=%d", i);
        many[i] = (struct test_row){i * 0.01, "{a=\"1\"}", NULL, lines[i]};
    }
    insert(&f, many, 5000);
    static const char *const cases[][2] = {
        {"{a=\"1\"} | logfmt | stats count() by (id)", "groups of stats need more than the query's memory limit of 1 MB: group by fewer"},
        {"{a=\"1\"} | logfmt | top 3 id", "different values need more than the query's memory limit of 1 MB: name labels"},
        {"{a=\"1\"} | logfmt | distinct id | id != \"x\"", "distinct values need more than"},
        {"{a=\"1\"} | logfmt | sort by id | id != \"x\"", "rows to be sorted need more than"},
        {"{a=\"1\"} | dedup | id != \"x\"", "rows to be put in order need more than"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct budget small;
        struct query *q = NULL;
        struct query_result *r = NULL;
        struct bole_err err = {0};
        budget_init(&small, NULL, 1u << 20);
        CHECK_OK(query_parse(bole_slice_str(cases[i][0]), NULL, &q, &err), err);
        struct query_request request = LOGS(.store = f.store, .tenant = S("t"), .budget = &small);
        CHECK_EQ_STATUS(query_exec(q, &request, &r, &err), BOLE_E_LIMIT);
        if (!strstr(err.msg, cases[i][1]))
            print_error("%s: %s\n", cases[i][0], err.msg);
        CHECK(strstr(err.msg, cases[i][1]));
        CHECK_EQ_U64(small.used_bytes, 0);
        query_destroy(q);
    }
    /* A hundred of them are an answer. */
    struct buf b = answer(&f, "{a=\"1\"} | logfmt | distinct id", LOGS());
    CHECK(b.len && b.ptr[0] != '!');
    buf_deinit(&b);
    close_fixture(&f);
}

TEST(join_gives_each_row_the_labels_of_its_partner)
{
    static const struct test_row both[] = {
        {10, "{app=\"gw\"}", NULL, "id=1 status=500"}, {20, "{app=\"gw\"}", NULL, "id=2 status=200"},
        {30, "{app=\"gw\"}", NULL, "id=3 status=500"}, {40, "{app=\"gw\"}", NULL, "status=500"},
        {11, "{app=\"db\"}", NULL, "id=1 msg=locked"}, {12, "{app=\"db\"}", NULL, "id=1 msg=again"},
        {21, "{app=\"db\"}", NULL, "id=2 status=x"},    {22, "{app=\"db\"}", NULL, "msg=nobody"},
    };
    static const char *const cases[][2] = {
        {"{app=\"gw\"} | logfmt | join ({app=\"db\"} | logfmt) on (id)", /* the first of several partners */
         "10:\"id=1 status=500\"{s:app=\"gw\", p:app_joined=\"db\", p:id=\"1\", p:joined_line=\"id=1 msg=locked\", p:msg=\"locked\", p:status=\"500\"}\n"
         "20:\"id=2 status=200\"{s:app=\"gw\", p:app_joined=\"db\", p:id=\"2\", p:joined_line=\"id=2 status=x\", p:status=\"200\", p:status_joined=\"x\"}\n"},
        {"{app=\"gw\"} | logfmt | join ({app=\"db\"} | logfmt | stats count() as seen by (id)) on id left | keep id, seen | line_format \"\"",
         "10:\"\"{p:id=\"1\", p:seen=\"2\"}\n20:\"\"{p:id=\"2\", p:seen=\"1\"}\n30:\"\"{p:id=\"3\"}\n40:\"\"{}\n"},
        {"{app=\"gw\"} | logfmt | stats count() by (id) | join ({app=\"db\"} | logfmt | stats count() as seen by (id)) on (id) | sort by seen desc | keep id, seen",
         "\"id=1 count=1\"\n\"id=2 count=1\"\n"},
        {"{app=\"gw\"} | logfmt | join ({app=\"none\"}) on (id)", ""},
        {"{app=\"gw\"} | logfmt | join ({app=\"db\"} | logfmt | join ({app=\"gw\"} | logfmt | status=\"500\") on (id)) on (id) | line_format \"{{.msg}}\" | keep x",
         "10:\"locked\"{}\n"},
    };
    CHECK_ALL(cases, both);
    struct fixture f;
    open_fixture(&f);
    insert(&f, both, sizeof both / sizeof both[0]);
    expect(&f, "{app=\"gw\"} | logfmt | join ({app=\"db\"} | logfmt) on (id) | line_format \"{{.msg}}\" | keep x",
           LOGS(.direction = BACKWARD), "20:\"\"{}\n10:\"again\"{}\n");
    expect(&f, "{app=\"gw\"} | logfmt | join ({app=\"db\"} | logfmt) on (id) | line_format \"{{.msg}}\" | keep x",
           LOGS(.direction = BACKWARD, .limit = 1), "20:\"\"{}\n");
    close_fixture(&f);
}

TEST(context_shows_lines_around_matches_once)
{
    static const struct test_row lines[] = {
        {1, "{a=\"1\"}", NULL, "one"},   {2, "{a=\"1\"}", NULL, "two"},   {3, "{a=\"1\"}", NULL, "HIT 3"}, {4, "{a=\"1\"}", NULL, "four"},
        {5, "{a=\"1\"}", NULL, "HIT 5"}, {6, "{a=\"1\"}", NULL, "six"},   {7, "{a=\"1\"}", NULL, "seven"}, {3, "{a=\"1\", b=\"x\"}", NULL, "other"},
        {3, "{a=\"2\"}", NULL, "else"},  {9, "{a=\"2\"}", NULL, "HIT 9"},
    };
    static const char *const cases[][2] = {
        {"{a=~\".+\"} |= \"HIT\" | context 1 | drop a",
         "2:\"two\"{p:context=\"around\"}\n3:\"HIT 3\"{p:context=\"match\"}\n3:\"else\"{p:context=\"around\"}\n4:\"four\"{p:context=\"around\"}\n"
         "5:\"HIT 5\"{p:context=\"match\"}\n6:\"six\"{p:context=\"around\"}\n9:\"HIT 9\"{p:context=\"match\"}\n"},
        {"{a=\"1\"} |= \"HIT 3\" | context before=2 | keep x", "1:\"one\"{}\n2:\"two\"{}\n3:\"HIT 3\"{}\n"},
        {"{a=\"1\"} |= \"HIT 5\" | context after=9 | keep x", "5:\"HIT 5\"{}\n6:\"six\"{}\n7:\"seven\"{}\n"},
        {"{a=\"1\"} |= \"HIT 5\" | context 0", "5:\"HIT 5\"{s:a=\"1\", p:context=\"match\"}\n"},
        {"{a=\"1\", b=\"x\"} | context 5", "3:\"other\"{s:a=\"1\", s:b=\"x\", p:context=\"match\"}\n"},
        {"{a=\"1\"} |= \"nosuch\" | context 5", ""},
        {"{a=\"1\"} | stats count() | context 5", "!context: the rows of a table have no stream: put it in front of stats and top\n"},
    };
    CHECK_ALL(cases, lines);
    struct fixture f;
    open_fixture(&f);
    insert(&f, lines, sizeof lines / sizeof lines[0]);
    expect(&f, "{a=\"1\"} |= \"HIT\" | context 2 | keep x", LOGS(.direction = BACKWARD, .limit = 3), "7:\"seven\"{}\n6:\"six\"{}\n5:\"HIT 5\"{}\n");
    expect(&f, "{a=\"1\"} |= \"HIT\" | context 2 | keep x", LOGS(.start_ns = 3 * SEC, .end_ns = 6 * SEC),
           "3:\"HIT 3\"{}\n4:\"four\"{}\n5:\"HIT 5\"{}\n"); /* inside of the range */
    close_fixture(&f);
}

TEST(words_find_lines_labels_and_fields)
{
    static const struct test_row mixed[] = {
        {1, "{app=\"web\"}", NULL, "GET /index Error"},           {2, "{app=\"web\"}", "{user=\"bob\"}", "error of nobody"},
        {3, "{app=\"db\"}", NULL, "level=error user=Bob x=\"a b\""}, {4, "{app=\"db\"}", NULL, "{\"user\":{\"name\":\"bob\"},\"n\":500}"},
        {5, "{user=\"ann\"}", NULL, "user=bob"},                    {6, "{app=\"web\"}", NULL, "two words here"},
    };
    static const char *const cases[][2] = {
        {"ERROR | keep x", "{} 1:\"GET /index Error\" 2:\"error of nobody\" 3:\"level=error user=Bob x=\\\"a b\\\"\"\n"},
        {"error -index | keep x", "{} 2:\"error of nobody\" 3:\"level=error user=Bob x=\\\"a b\\\"\"\n"},
        {"user:bob | line_format \"\" | keep x", "{} 2:\"\" 3:\"\"\n"},
        {"user.name:bob n:500", "{app=\"db\"} 4:\"{\\\"user\\\":{\\\"name\\\":\\\"bob\\\"},\\\"n\\\":500}\"\n"},
        {"app:WEB -error", "{app=\"web\"} 6:\"two words here\"\n"},
        {"-user:bob -app:web -n:500", "{user=\"ann\"} 5:\"user=bob\"\n"},
        {"\"o words\"", "{app=\"web\"} 6:\"two words here\"\n"},
        {"x:\"a b\" | keep y", "{} 3:\"level=error user=Bob x=\\\"a b\\\"\"\n"},
        {"words here missing", ""},
        {"error | stats count()", "\"count=3\"\n"},
    };
    CHECK_ALL(cases, mixed);
}

TEST(patterns_show_what_lines_look_like)
{
    static const struct test_row lines[] = {
        {1, "{a=\"1\"}", NULL, "user 17 logged in from 10.0.0.1"}, {2, "{a=\"1\"}", NULL, "user 4 logged in from 10.0.0.7"},
        {3, "{a=\"2\"}", NULL, "user 17 logged in from 10.0.0.2"}, {4, "{a=\"1\"}", NULL, "disk full"},
    };
    static const char *const cases[][2] = {
        {"{a=~\".+\"} | patterns",
         "\"pattern=\\\"user <_> logged in from <_>\\\" count=3 example=\\\"user 17 logged in from 10.0.0.1\\\"\"\n"
         "\"pattern=\\\"disk full\\\" count=1 example=\\\"disk full\\\"\"\n"},
        {"{a=~\".+\"} | patterns | count > 1 | stats sum(count)", "\"sum_count=3\"\n"},
        {"{a=~\".+\"} |> \"user <_> logged in from <_>\" | stats count()", "\"count=3\"\n"}, /* as it is printed */
        {"{a=\"1\"} | line_format \"{{.a}}\" | patterns", "\"pattern=1 count=3 example=1\"\n"},
        {"{a=\"none\"} | patterns", ""},
    };
    CHECK_ALL(cases, lines);
}

static bool count_down(void *ctx)
{
    return (*(int *)ctx)-- <= 0;
}

TEST(a_chain_ends_when_nobody_wants_its_rows)
{
    enum { COUNT = 20000 };
    static struct test_row many[COUNT];
    struct fixture f;
    open_fixture(&f);
    for (int i = 0; i < COUNT; i++)
        many[i] = (struct test_row){i, "{a=\"1\"}", NULL, "x"};
    insert(&f, many, COUNT);
    int questions = 1000000;
    struct query_request request = LOGS(.end_ns = COUNT * SEC, .cancelled = count_down, .cancelled_ctx = &questions);
    struct buf b = answer(&f, "{a=\"1\"} | sort by __timestamp__ | dedup_count=\"\" | stats max(__line__)", request);
    CHECK_EQ_SLICE(buf_slice(&b), S("\"max_line=x\"\n"));
    buf_deinit(&b);
    int all = 1000000 - questions;
    questions = 1000000;
    b = answer(&f, "{a=\"1\"} | stats max(__line__)", request);
    buf_deinit(&b);
    CHECK(all >= 1000000 - questions + 4); /* one for every 4,096 rows that sort gives on */
    questions = 1000000 - questions;
    b = answer(&f, "{a=\"1\"} | sort by __timestamp__ | stats max(__line__)", request);
    CHECK_EQ_SLICE(buf_slice(&b), S("!the query was cancelled\n"));
    buf_deinit(&b);
    close_fixture(&f);
}
