#include "base/test.h"
#include "query/stage/simple_regex.h"

/* "same": it means what it says; "all": any text passes; else what is searched for in its stead. */
static void check_simple(const char *pattern, bool is_label, const char *wanted)
{
    struct arena arena;
    struct simple_regex simple;
    arena_init(&arena, NULL);
    CHECK(simple_regex_find(bole_slice_str(pattern), is_label, &arena, &simple));
    bole_slice got = simple.passes_all ? S("all") : simple.pattern.ptr ? simple.pattern : S("same");
    if (!bole_slice_eq(got, bole_slice_str(wanted)))
        print_error("%s\n   got: %.*s\n  want: %s\n", pattern, BOLE_SLICE_ARG(got), wanted);
    CHECK_EQ_SLICE(got, bole_slice_str(wanted));
    arena_deinit(&arena);
}

TEST(simple_expressions_of_labels_are_searches)
{
    static const struct { const char *pattern, *wanted; } cases[] = {
        {"in.*", "(?:in)"}, {".*in", "(?:in)"}, {".*in.*", "(?:in)"}, {"in.*?", "(?:in)"}, {"(in).*", "(?:in)"},
        {"a\\.b.*", "(?:a\\.b)"}, {"a[.]b.*", "(?:a\\.b)"}, {"[eE].*", "(?i:e)"}, {"(?i)ERR.*", "(?i:err)"}, {"ü.*", "(?:ü)"},
        {"ab|cd.*", "(?:\\Aab\\z)|(?:cd)"}, {"ab|", "(?:\\Aab\\z)"}, {"ab|.*", "(?:\\Aab\\z)"}, {".+", "(?s:.)"},
        {"a(bc|de).*", "(?:abc)|(?:ade)"}, {"a(|bc)", "(?:a)|(?:abc)"}, {".*a(bc|.*)", "(?:abc)|(?:a)"}, {"{.*", "(?:\\{)"},
        {"abc.*|abd.*", "(?:abc)|(?:abd)"}, {"abc|abx.*", "(?:abc)|(?:abx)"}, /* the texts joined, abc is not whole any more */
        {"abc|abd|x.*", "same"}, /* ab[c-d] */ {"abc|ab.*", "(?:abc)|(?:ab)"}, {"a.*b", "same"}, {".+a", "same"}, {"a+.*", "same"}, {"^a.*", "same"},
        {"a.*.*.*", "same"}, {"(?s)a.*", "same"}, {"a{2}.*", "same"}, {"\\d.*", "same"}, {"[ab].*", "same"}, {"(ab|cd).*", "same"},
        {"ab|cd", "same"}, {"(ab)|(cd)", "same"}, {"a|b", "same"}, {"ab", "same"}, {"(?i)ab", "same"},
        {".*", "all"}, {"", "all"}, {"()", "all"}, {"|", "all"}, {".*|.*", "all"}, {"(.*)", "all"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_simple(cases[i].pattern, true, cases[i].wanted);
}

TEST(of_lines_only_what_would_let_all_pass_matters)
{
    static const struct { const char *pattern, *wanted; } cases[] = {
        {"in.*", "same"}, {"ab|cd", "same"}, {"ab|", "(?:ab)"}, {"|ab|cd", "(?:ab)|(?:cd)"}, {".*|ab", "(?:ab)"}, {".+", "(?s:.)"}, {".*", "all"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_simple(cases[i].pattern, false, cases[i].wanted);
}

TEST(what_is_deep_or_long_is_left_as_it_is)
{
    static char deep[16000];
    for (size_t i = 0; i + 1 < sizeof deep; i++)
        deep[i] = "(|"[i % 2];
    check_simple(deep, true, "same");
    for (size_t i = 0; i + 1 < sizeof deep; i++)
        deep[i] = i < 8000 ? 'a' : "b|c("[i % 4];
    check_simple(deep, true, "same");
    struct budget budget;
    budget_init(&budget, NULL, 2000);
    struct arena arena;
    struct simple_regex simple;
    arena_init(&arena, &budget);
    CHECK(!simple_regex_find(bole_slice_str("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa(b|c(d|e(f|g)))"), true, &arena, &simple));
    arena_deinit(&arena);
}
