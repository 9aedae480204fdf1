#include "query/stage/hints.h"

#include "base/buf.h"
#include "base/test.h"
#include "query/parser.h"

/* As in range.c: the hints of the query's one range aggregation, whose series are what `sum` around it groups by, in words. */
static void check_hints(const char *query, const char *wanted)
{
    struct ast *ast;
    struct bole_err err;
    struct arena arena;
    struct row_hints hints;
    struct buf text;
    arena_init(&arena, NULL);
    buf_init(&text, NULL);
    CHECK_OK(ast_parse(bole_slice_str(query), NULL, &ast, &err), err);
    const struct expr *e = ast->root, *range = e->kind == EXPR_AGGREGATE ? e->left : e;
    const struct ast_grouping *g = e->grouping;
    struct hints_metric metric = {
        .unwrap = range->unwrap, .names = g ? g->names : NULL, .without = g && g->without,
        .no_labels = e->kind == EXPR_AGGREGATE && (!g || (!g->names && !g->without)),
    };
    CHECK(e->kind == EXPR_LOG ? hints_of_log(&e->log, &arena, &hints) : hints_of_metric(&range->log, &metric, &arena, &hints));
    buf_put_str(&text, hints.no_labels ? "none" : hints.some_labels ? "some" : "all");
    for (size_t i = 0; i < hints.name_count; i++)
        buf_printf(&text, " %.*s", BOLE_SLICE_ARG(hints.names[i]));
    buf_put_str(&text, hints.keeps_errors ? "; errors" : "");
    for (size_t i = 0; i < hints.early_count; i++)
        buf_printf(&text, "%s%.*s%s", i ? ", " : "; early ", BOLE_SLICE_ARG(hints.early[i].name), hints.early[i].filter ? "" : " (idle)");
    if (!bole_slice_eq(buf_slice(&text), bole_slice_str(wanted)))
        print_error("%s\n", query);
    CHECK_EQ_SLICE(buf_slice(&text), bole_slice_str(wanted));
    buf_deinit(&text);
    ast_destroy(ast);
    arena_deinit(&arena);
}

TEST(parsers_are_told_what_a_query_needs)
{
    static const struct { const char *query, *wanted; } cases[] = {
        {"{a=\"b\"} | json | level=\"x\"", "all; early level"},
        {"{a=\"b\"} | json | level=\"x\" or level=\"y\"", "all"},
        {"{a=\"b\"} | json | level=~\".*\" | status=\"5\" | user=\"x\"", "all; early status (idle), user"},
        {"count_over_time({a=\"b\"} | json [1m])", "all"},
        {"sum(count_over_time({a=\"b\"} | json [1m]))", "none"},
        {"sum(count_over_time({a=\"b\"} | json | level=\"x\" [1m]))", "some level; early level"},
        {"sum(count_over_time({a=\"b\"} | json | level=~\".*\" [1m]))", "none"},
        {"sum by (user, level) (count_over_time({a=\"b\"} | json | level=\"x\" [1m]))", "some level user"},
        {"sum by (app_extracted) (count_over_time({a=\"b\"} | json [1m]))", "some app_extracted app"},
        {"sum by (__error__) (count_over_time({a=\"b\"} | json [1m]))", "some __error__; errors"},
        {"sum without (user) (count_over_time({a=\"b\"} | json | level=\"x\" [1m]))", "all; early level"},
        {"sum by (user) (sum_over_time({a=\"b\"} | json | unwrap n | level=\"x\" [1m]))", "some level user n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_hints(cases[i].query, cases[i].wanted);
}
