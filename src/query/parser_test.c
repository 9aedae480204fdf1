#include "base/random.h"
#include "base/test.h"
#include "query/parser.h"

static void check_error(const char *query, const char *message)
{
    struct ast *ast = NULL;
    struct bole_err err = {0};
    bole_status st = ast_parse(bole_slice_str(query), NULL, &ast, &err);
    if (st >= 0 || strcmp(err.msg, message) != 0)
        print_error("%s\n   got: %s\n  want: %s\n", query, st < 0 ? err.msg : "(parsed)", message);
    CHECK(st < 0);
    CHECK_EQ_SLICE(bole_slice_str(err.msg), bole_slice_str(message));
}

TEST(parser_errors_point_at_line_and_column)
{
    static const struct { const char *query, *message; } cases[] = {
        {"{job=\"x\"", "parse error at line 1, col 9: syntax error: unexpected $end, expecting } or ,"},
        {"", "parse error : syntax error: unexpected $end"},
        {"{", "parse error at line 1, col 2: syntax error: unexpected $end, expecting IDENTIFIER or }"},
        {"{a", "parse error at line 1, col 3: syntax error: unexpected $end, expecting = or =~ or !~ or !="},
        {"{a=", "parse error at line 1, col 4: syntax error: unexpected $end, expecting STRING"},
        {"{a=b}", "parse error at line 1, col 4: syntax error: unexpected IDENTIFIER, expecting STRING"},
        {"{a=\"b\",}", "parse error at line 1, col 8: syntax error: unexpected }, expecting IDENTIFIER"},
        {"{a=\"b\" c=\"d\"}", "parse error at line 1, col 8: syntax error: unexpected IDENTIFIER, expecting } or ,"},
        {"{a=\"b\"} \"foo\"", "parse error at line 1, col 9: syntax error: unexpected STRING"},
        {"{a=\"b\"} foo", "parse error at line 1, col 9: syntax error: unexpected IDENTIFIER"},
        {"{a=\"b\"} |~", "parse error at line 1, col 11: syntax error: unexpected $end, expecting STRING or ip"},
        {"{a=\"b\"}\n |= 5", "parse error at line 2, col 5: syntax error: unexpected NUMBER, expecting STRING or ip"},
        {"{a=\"\xc3\xa9\"", "parse error at line 1, col 7: syntax error: unexpected $end, expecting } or ,"},
        {"{a=\"b", "parse error at line 1, col 4: literal not terminated"},
        {"{a=\"\\q\"}", "parse error at line 1, col 4: invalid char escape"},
        {"rate({a=\"b\"}[5minutes])", "parse error at line 0, col 13: unknown unit \"minutes\" in duration \"5minutes\""},
        {"rate({a=\"b\"}[5\"\t\xc3\xbc])", "parse error at line 0, col 13: unknown unit \"\\\"\\t\xc3\xbc\" in duration \"5\\\"\\t\xc3\xbc\""},
        {"rate({a=\"b\"}[60])", "parse error at line 0, col 13: not a valid duration string: \"60\""},
        {"rate({a=\"b\"}[5m)", "parse error at line 0, col 13: missing closing ']' in duration"},
        {"rate({a=\"b\"})", "parse error at line 1, col 13: syntax error: unexpected )"},
        {"sum({a=\"b\"})", "parse error at line 1, col 12: syntax error: unexpected )"},
        {"(rate({a=\"b\"}[1m])", "parse error at line 1, col 19: syntax error: unexpected $end"},
        {"({a=\"b\"} ]", "parse error at line 1, col 10: syntax error: unexpected ]"},
        {"rate({a=\"b\"} | x=1 unwrap y [1m])", "parse error at line 1, col 20: syntax error: unexpected unwrap"},
        {"{a=\"b\"} | x > 0b1", "parse error at line 1, col 15: decimal literal has no digits"},
        {"vector(abc)", "parse error at line 1, col 8: syntax error: unexpected IDENTIFIER, expecting NUMBER"},
        {"sum by (", "parse error at line 1, col 9: syntax error: unexpected $end, expecting IDENTIFIER or )"},
        {"sum by (a", "parse error at line 1, col 10: syntax error: unexpected $end, expecting , or )"},
        {"-sum(rate({a=\"b\"}[1m]))", "parse error at line 1, col 2: syntax error: unexpected SUM, expecting NUMBER"},
        {"quantile_over_time(-0.5, {a=\"b\"} | unwrap x [1m])",
         "parse error at line 1, col 20: syntax error: unexpected -, expecting NUMBER or { or ("},
        {"{a=\"b\"} | nosuch", "parse error at line 1, col 17: syntax error: unexpected $end"},
        {"{a=\"b\"} | x == \"y\"",
         "parse error at line 1, col 16: syntax error: unexpected STRING"},
        {"{a=\"b\"} &", "parse error at line 1, col 9: syntax error: unexpected IDENTIFIER"},
        {"{json=\"b\"}", "parse error at line 1, col 2: syntax error: unexpected json, expecting IDENTIFIER or }"},
        {"bool 1", "parse error at line 1, col 1: syntax error: unexpected bool"},
        {"rate({a=\"b\"}[1m] offset 5)",
         "parse error at line 1, col 25: syntax error: unexpected NUMBER, expecting DURATION"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_error(cases[i].query, cases[i].message);
}

TEST(parser_finds_what_the_grammar_does_not)
{
#define SELECTIVE                                                                                                      \
    "parse error : queries require at least one regexp or equality matcher that does not have an empty-compatible "    \
    "value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will"
    static const struct { const char *query, *message; } cases[] = {
        {"{}", SELECTIVE},
        {"{a=~\".*\"}", SELECTIVE},
        {"{a!=\"x\"}", SELECTIVE},
        {"{a=\"\"}", SELECTIVE},
        {"{a!~\"x\"}", SELECTIVE},
        {"avg_over_time({a=\"b\"}[5m])", "parse error : invalid aggregation avg_over_time without unwrap"},
        {"count_over_time({a=\"b\"} | unwrap x [5m])", "parse error : invalid aggregation count_over_time with unwrap"},
        {"sum_over_time({a=\"b\"} | unwrap x [5m]) by (a)",
         "parse error : grouping not allowed for sum_over_time aggregation"},
        {"rate({a=\"b\"}[5m]) by (a)", "parse error : grouping not allowed for rate aggregation"},
        {"rate_counter({a=\"b\"} | unwrap x [5m]) by (a)",
         "parse error : grouping not allowed for rate_counter aggregation"},
        {"absent_over_time({a=\"b\"}[5m]) by (a)",
         "parse error : grouping not allowed for absent_over_time aggregation"},
        {"topk(rate({a=\"b\"}[5m]))", "parse error : parameter required for operation topk"},
        {"topk(0, rate({a=\"b\"}[5m]))", "parse error : invalid parameter (must be greater than 0) topk(0"},
        {"bottomk(1.2, rate({a=\"b\"}[5m]))", "parse error : invalid parameter bottomk(1.2,"},
        {"sum(3, rate({a=\"b\"}[5m]))", "parse error : unsupported parameter for operation sum(3,"},
        {"approx_topk(3, rate({a=\"b\"}[5m])) by (x)",
         "parse error : grouping not allowed for approx_topk aggregation"},
        {"quantile_over_time({a=\"b\"} | unwrap x [5m])",
         "parse error : parameter required for operation quantile_over_time"},
        {"1 and rate({a=\"b\"}[5m])",
         "parse error : unexpected literal for left leg of logical/set binary operation (and): 1.000000"},
        {"rate({a=\"b\"}[5m]) or 2",
         "parse error : unexpected literal for right leg of logical/set binary operation (or): 2.000000"},
        {"{a=\"b\"} | logfmt x=\"a-b\"",
         "parse error : stage '| logfmt x=\"a-b\"' : cannot parse expression [a-b]: unexpected char -"},
        {"{a=\"b\"} | json x=\"a-b\"",
         "parse error : stage '| json x=\"a-b\"' : cannot parse expression [a-b]: unexpected char -"},
        {"{a=\"b\"} |~ \"(\"", "parse error : stage '|~ \"(\"' : error parsing regexp: missing closing ): `(`"},
        {"{a=~\"(\"}", "parse error : error parsing regexp: missing closing ): `(`"},
        {"{a=\"b\"} | regexp \"x\"",
         "parse error : invalid regexp parser: at least one named capture must be supplied"},
        {"{a=\"b\"} | pattern \"x\"", "parse error : invalid pattern parser: at least one capture is required"},
        {"{a=\"b\"} | pattern \"<a><b>\"",
         "parse error : invalid pattern parser: found consecutive capture '<a><b>': invalid expression"},
        {"{a=\"b\"} |> \"x<a>\"", "parse error : stage '|> \"x<a>\"' : named captures are not allowed: found '<a>'"},
        {"{a=\"b\"} |= ip(\"1.2.3\")", "parse error : stage '|= ip(\"1.2.3\")' : ip: invalid pattern: \"1.2.3\""},
        {"{a=\"b\"} | label_format x=y, x=z", "parse error : stage '| label_format x=y,x=z' : multiple label name 'x' "
                                              "not allowed in a single format operation"},
        {"{a=\"b\"} | line_format \"{{.x | nosuch}}\"",
         "parse error : stage '| line_format \"{{.x | nosuch}}\"' : invalid line template: template: line:1: function "
         "\"nosuch\" not defined"},
        {"{a=\"b\"} | label_format x=\"{{range .x}}\"",
         "parse error : stage '| label_format x=\"{{range .x}}\"' : invalid template for label 'x': template: label:1: "
         "unexpected EOF"},
        {"label_replace(rate({a=\"b\"}[5m]), \"x\", \"$1\", \"y\", \"(\")",
         "parse error : invalid regex in label_replace: error parsing regexp: missing closing ): `^(?:()$`"},
        {"variants(rate({a=\"b\"}[5m])) of ({a=\"b\"}[5m])", "multi variant queries are disabled for this instance"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_error(cases[i].query, cases[i].message);
}

/* Syntax first, then a metric query from outside to inside, then stages as they run. */
TEST(of_several_errors_that_is_told_which_loki_tells)
{
    static const struct { const char *query, *message; } cases[] = {
        {"{a=\"b\"} |~ \"[\" | foo", "parse error at line 1, col 21: syntax error: unexpected $end"},
        {"{a=~\".*\"} | foo", "parse error at line 1, col 16: syntax error: unexpected $end"},
        {"sum_over_time({a=\"b\"}[1m]) + foo", "parse error at line 1, col 30: syntax error: unexpected IDENTIFIER"},
        {"sort(sum_over_time({a=\"b\"}[1m])) by (a)", "parse error : sort and sort_desc doesn't allow grouping by "},
        {"rate({a=\"b\"} |~ \"[\" [1m]) + sum_over_time({a=\"b\"}[1m])",
         "parse error : invalid aggregation sum_over_time without unwrap"},
        {"{a=\"b\"} |~ \"[\" | json |~ \"(\" or \"x\"",
         "parse error : stage '|~ \"[\" |~ \"(\" or \"x\"' : error parsing regexp: missing closing ): `(`"},
        {"{a=\"b\"} |~ \"[\" | json x=\"-\" | line_format \"{{\"",
         "parse error : stage '|~ \"[\"' : error parsing regexp: missing closing ]: `[`"},
        {"{a=\"b\"} | json x=\"-\" | line_format \"{{\"",
         "parse error : stage '| json x=\"-\"' : cannot parse expression [-]: syntax error: unexpected $end, expecting LSB or FIELD"},
        {"{a=\"b\"} | json x=\"-\" | regexp \"[\"",
         "parse error : invalid regexp parser: error parsing regexp: missing closing ]: `[`"},
        {"{a=\"b\"} !~ \"[\" or \"(\"",
         "parse error : stage '!~ \"[\" !~ \"(\"' : error parsing regexp: missing closing ): `(`"},
        {"{a=\"b\"} |~ \"[\" or \"(\"",
         "parse error : stage '|~ \"[\" or \"(\"' : error parsing regexp: missing closing ]: `[`"},
        {"sum by (a) label_replace(rate({a=\"b\"}[1m]), \"a\", \"b\", \"c\", \"d\")",
         "parse error at line 1, col 12: syntax error: unexpected label_replace, expecting ("},
        {"{a=\"b\"} !~ \"x\" or \"(\"",
         "parse error : stage '!~ \"x\" !~ \"(\"' : error parsing regexp: missing closing ): `(`"},
        {"{a=\"b\"} | label_format x=\"{{\", x=y",
         "parse error : stage '| label_format x=\"{{\",x=y' : multiple label name 'x' not allowed in a single format operation"},
        {"0x1 {a=\"b\"}", "parse error at line 1, col 5: syntax error: unexpected {"},
        {"0x1", "parse error : unable to parse literal as a float: strconv.ParseFloat: parsing \"0x1\": invalid syntax"},
        {"vector(0x1)", "parse error : unable to parse vectorExpr as a float: strconv.ParseFloat: parsing \"0x1\": invalid syntax"},
        {"topk(0x1, rate({a=\"b\"}[1m]))", "parse error : invalid parameter topk(0x1,"},
        {"topk(1.0, rate({a=\"b\"}[1m]))", "parse error : invalid parameter topk(1.0,"},
        {"1..5", "parse error at line 1, col 3: syntax error: unexpected NUMBER"},
        {"{a=\"b\"} |= \"\\'\"", "parse error at line 1, col 12: invalid char escape"},
        {"quantile_over_time(0x1, {a=\"b\"} | unwrap x [1m])",
         "parse error : invalid parameter for operation quantile_over_time: strconv.ParseFloat: parsing \"0x1\": invalid syntax"},
        {"{a=\"b\"} | $ x=\"y\"", "parse error at line 1, col 13: syntax error: unexpected IDENTIFIER"},
        {"{a=\"b\"} | distinct | join ({a=\"b\"} |~ \"(\") on (a)",
         "parse error : stage '|~ \"(\"' : error parsing regexp: missing closing ): `(`"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_error(cases[i].query, cases[i].message);
}

TEST(parser_bounds_length_and_nesting)
{
    struct buf b;
    struct ast *ast = NULL;
    buf_init(&b, NULL);
    static const char *const nests[][3] = {{"(", "1", ")"}, {"sum(", "1", ")"}, {"1^", "1", ""}, {"", "1", "+1"},
                                           {"{a=\"b\"}|(", "a=1", ")"}, {"rate((", "{a=\"b\"}[1m]", ")"}};
    for (size_t n = 0; n < 6; n++) {
        buf_reset(&b);
        for (int i = 0; i < 20000; i++)
            buf_put_str(&b, n == 4 && i ? "(" : n == 5 && i ? "(" : nests[n][0]);
        buf_put_str(&b, nests[n][1]);
        for (int i = 0; i < 20000; i++)
            buf_put_str(&b, nests[n][2]);
        CHECK_EQ_STATUS(ast_parse(buf_slice(&b), NULL, &ast, NULL), BOLE_E_LIMIT);
    }
    buf_reset(&b);
    buf_put_str(&b, "{a=\"b\"} | x=\"0\"");
    for (int i = 0; i < 2000; i++)
        buf_put_str(&b, i % 2 ? " and y=\"1\"" : ", z=\"2\"");
    CHECK_EQ_STATUS(ast_parse(buf_slice(&b), NULL, &ast, NULL), BOLE_OK); /* long chains need no depth */
    ast_destroy(ast);
    buf_reset(&b);
    buf_put_zeros(&b, QUERY_TEXT_MAX + 1);
    CHECK_EQ_STATUS(ast_parse(buf_slice(&b), NULL, &ast, NULL), BOLE_E_LIMIT);
    buf_deinit(&b);
    struct budget small;
    budget_init(&small, NULL, 100);
    CHECK_EQ_STATUS(ast_parse(S("{a=\"b\"}"), &small, &ast, NULL), BOLE_E_LIMIT);
    CHECK_EQ_U64(small.used_bytes, 0);
}

/* Query and its canonical text; NULL: the same. */
static const struct { const char *query, *printed; } round_trips[] = {
    {"{a=\"b\"}", NULL}, {"{ a = `b` , c!=\"d\",e=~\"f.*\",g!~\"h\" }", "{a=\"b\", c!=\"d\", e=~\"f.*\", g!~\"h\"}"},
    {"{a=\"b\"} |= \"x\" != \"y\" |~ \"z\" !~ \"w\" |> \"<_> q\" !> \"r <_>\"", NULL},
    {"{a=\"b\"} |= \"x\" or \"y\" or ip(\"1.2.3.4/8\")", NULL}, {"{a=\"b\"} != ip(\"::1\")", NULL},
    {"{a=\"b\"} # comment\n |= \"x\"", "{a=\"b\"} |= \"x\""},
    {"{a=\"b\"} |= `a\"\\`", "{a=\"b\"} |= \"a\\\"\\\\\""},
    {"{a=\"b\"} |= \"\\u00e9\\n\\xff\"", "{a=\"b\"} |= \"\xc3\xa9\\n\\xff\""},
    {"{a=\"b\"} | json", NULL}, {"{a=\"b\"} | json x=\"a.b[0]\", y", "{a=\"b\"} | json x=\"a.b[0]\",y=\"y\""},
    {"{a=\"b\"} | logfmt --strict --keep-empty x=\"y\"", NULL}, {"{a=\"b\"} | LOGFMT", "{a=\"b\"} | logfmt"},
    {"{a=\"b\"} | regexp \"(?P<x>.)\" | pattern \"<x> y\" | unpack | decolorize", NULL},
    {"{a=\"b\"} | line_format \"{{.x}} {{ .y | ToUpper }}\"", NULL},
    {"{a=\"b\"} | label_format x=y, z=\"{{.w}}\"", "{a=\"b\"} | label_format x=y,z=\"{{.w}}\""},
    {"{a=\"b\"} | drop x, y=\"z\" | keep w, v=~\"u\"", "{a=\"b\"} | drop x,y=\"z\" | keep w,v=~\"u\""},
    {"{a=\"b\"} | x=\"1\" and y>2 or z<=3", "{a=\"b\"} | ( ( x=\"1\" , y>2 ) or z<=3 )"},
    {"{a=\"b\"} | x=\"1\", y==2.5 or z!=3ms", "{a=\"b\"} | ( x=\"1\" , ( y=2.5 or z!=3ms ) )"},
    {"{a=\"b\"} | x>1KB y<1MiB", "{a=\"b\"} | ( x>1000B , y<1000000B )"},
    {"{a=\"b\"} | x=ip(\"10.0.0.1-10.0.0.9\")", NULL},
    {"{a=\"b\"} | x>-5 | y>=1d", NULL}, {"{a=\"b\"} | x>1.5h", "{a=\"b\"} | x>1h30m"},
    {"{a=\"b\"} | x>1us", "{a=\"b\"} | x>1\xc2\xb5s"},
    {"rate({a=\"b\"}[5m])", NULL}, {"count_over_time(({a=\"b\"} |= \"x\")[90s] offset 1h)",
                                    "count_over_time({a=\"b\"} |= \"x\"[1m30s] offset 1h)"},
    {"rate({a=\"b\"}[5m] | json | x=\"y\")", "rate({a=\"b\"} | json | x=\"y\"[5m])"},
    {"sum_over_time({a=\"b\"} | unwrap duration(x) | y=\"z\" [1m])",
     "sum_over_time({a=\"b\"} | unwrap duration(x) | y=\"z\"[1m])"},
    {"quantile_over_time(0.99, {a=\"b\"} | unwrap bytes(x)[1m]) by (c, d)",
     "quantile_over_time(0.99,{a=\"b\"} | unwrap bytes(x)[1m]) by (c,d)"},
    {"sum by (x, y) (rate({a=\"b\"}[1m]))", "sum by (x,y)(rate({a=\"b\"}[1m]))"},
    {"sum(rate({a=\"b\"}[1m])) without ()", "sum without ()(rate({a=\"b\"}[1m]))"},
    {"topk(5, rate({a=\"b\"}[1m]))", "topk(5,rate({a=\"b\"}[1m]))"},
    {"SUM(rate({a=\"b\"}[1m]))", "sum(rate({a=\"b\"}[1m]))"},
    {"1 + 2 * 3 ^ 4 ^ 5 - -6", "((1 + (2 * (3 ^ (4 ^ 5)))) - -6)"}, {"-2^2", "(-2 ^ 2)"},
    {"1 > bool 2", "(1 > bool 2)"},
    {"1 > 2 == 3", "((1 > 2) == 3)"}, {"sum(1)", NULL}, {"sum(1 + 2)", "sum((1 + 2))"},
    {"vector(1e6)", "vector(1e+06)"}, {"0x1p3", "8"},
    {"rate({a=\"b\"}[1m]) / on (x) group_left (y) rate({a=\"b\"}[1m])",
     "(rate({a=\"b\"}[1m]) / on (x) group_left (y) rate({a=\"b\"}[1m]))"},
    {"rate({a=\"b\"}[1m]) unless ignoring(x) rate({a=\"b\"}[1m]) or vector(0)",
     "((rate({a=\"b\"}[1m]) unless ignoring (x) rate({a=\"b\"}[1m])) or vector(0))"},
    {"label_replace(rate({a=\"b\"}[1m]), \"x\", \"$1\", \"y\", \"(.*)\")",
     "label_replace(rate({a=\"b\"}[1m]),\"x\",\"$1\",\"y\",\"(.*)\")"},
    {"{rate=\"1\", sum=\"2\", ip=\"3\"}", NULL},
    {"sum by (rate) (rate({a=\"b\"}[1m]))", "sum by (rate)(rate({a=\"b\"}[1m]))"},
    {"{a=\"b\"} | x=1 or y=2, z=3", "{a=\"b\"} | ( x=1 or ( y=2 , z=3 ) )"},
    {"{a=\"b\"} | x=1, y=2 or z=3 and w=4 v=5", "{a=\"b\"} | ( x=1 , ( y=2 or ( z=3 , w=4 , v=5 ) ) )"},
    {"{a=\"b\"} | (x=1 or y=2) and z=3 or w=4", "{a=\"b\"} | ( ( ( x=1 or y=2 ) , z=3 ) or w=4 )"},
    {"rate({a=\"b\"}[90m])", "rate({a=\"b\"}[1h30m])"}, {"rate({a=\"b\"}[500ms])", NULL},
    {"rate({a=\"b\"}[1w])", NULL},
};

TEST(parser_and_printer_agree)
{
    for (size_t i = 0; i < sizeof round_trips / sizeof round_trips[0]; i++) {
        bole_slice text = bole_slice_str(round_trips[i].query);
        struct ast *ast = NULL;
        struct bole_err err = {0};
        struct buf b;
        buf_init(&b, NULL);
        for (int round = 0; round < 2; round++) {
            bole_status st = ast_parse(text, NULL, &ast, &err);
            if (st < 0)
                print_error("%s\n", round_trips[i].query);
            CHECK_OK(st, err);
            buf_reset(&b);
            ast_print(ast->root, &b);
            ast_destroy(ast);
            CHECK_EQ_SLICE(buf_slice(&b),
                           bole_slice_str(round_trips[i].printed ? round_trips[i].printed : round_trips[i].query));
            text = bole_slice_str(round_trips[i].printed ? round_trips[i].printed : round_trips[i].query);
        }
        buf_deinit(&b);
    }
}

TEST(parser_survives_mutations_of_good_queries)
{
    struct random r;
    random_seed(&r, 20261121);
    for (int round = 0; round < 3000; round++) {
        const char *query = round_trips[random_below(&r, sizeof round_trips / sizeof round_trips[0])].query;
        size_t len = strlen(query);
        uint8_t copy[512];
        memcpy(copy, query, len);
        for (uint64_t n = 1 + random_below(&r, 3); n; n--)
            copy[random_below(&r, len)] = (uint8_t)(" (){}[]|=~!<>\"`,.0a\\-#\xff" [random_below(&r, 24)]);
        struct ast *ast = NULL;
        if (ast_parse((bole_slice){copy, len}, NULL, &ast, NULL) == BOLE_OK)
            ast_destroy(ast);
    }
}

TEST(selector_alone_refuses_a_pipeline)
{
    struct ast *ast = NULL;
    struct bole_err err = {0};
    CHECK_OK(ast_parse_selector(S("{}"), NULL, &ast, &err), err);
    CHECK(ast->root->log.matchers == NULL);
    ast_destroy(ast);
    CHECK_EQ_STATUS(ast_parse_selector(S("{a=\"b\"} | json"), NULL, &ast, &err), BOLE_E_INVALID);
    CHECK_EQ_SLICE(bole_slice_str(err.msg), S("only label matchers are supported"));
}
