#include "query/stage/parse_json.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/test.h"

/* In memory of its own, so that a byte in front of it or behind it is noticed. */
static bole_slice exact(const char *text)
{
    bole_slice s = {malloc(strlen(text) + !*text), strlen(text)};
    memcpy((uint8_t *)s.ptr, text, s.len);
    return s;
}

TEST(paths_are_refused_in_lokis_words)
{
    static const struct { const char *path, *message; } cases[] = {
        {"", "[]: syntax error: unexpected $end, expecting LSB or FIELD"},
        {"!", "[!]: syntax error: unexpected $end, expecting LSB or FIELD"},
        {"a!", "[a!]: unexpected char !"},
        {"a ü", "[a ü]: unexpected char ü"},
        {"a-b", "[a-b]: unexpected char -"},
        {"a.", "[a.]: syntax error: unexpected $end, expecting FIELD"},
        {".a", "[.a]: syntax error: unexpected DOT, expecting LSB or FIELD"},
        {"a b", "[a b]: syntax error: unexpected FIELD"},
        {"a[", "[a[]: syntax error: unexpected $end, expecting STRING or INDEX"},
        {"a[b]", "[a[b]]: syntax error: unexpected FIELD, expecting STRING or INDEX"},
        {"a[\"b\"", "[a[\"b\"]: syntax error: unexpected $end, expecting RSB"},
        {"a]", "[a]]: syntax error: unexpected RSB"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        struct json_path *path;
        struct bole_err err = {0};
        bole_slice text = exact(cases[i].path);
        arena_init(&arena, NULL);
        CHECK_EQ_STATUS(json_path_compile(text, &arena, &path, &err), BOLE_E_INVALID);
        static const char before[] = "cannot parse expression ";
        CHECK_EQ_SLICE(bole_slice_sub(bole_slice_str(err.msg), sizeof before - 1), bole_slice_str(cases[i].message));
        arena_deinit(&arena);
        free((void *)text.ptr);
    }
}

/* The value of `x` for one path in one line; an error as "!" and its kind. */
static bole_slice found(struct arena *arena, const char *path, bole_slice line)
{
    struct row_label labels[16];
    struct row row = {.labels = labels, .scratch = arena, .hints = &(struct row_hints){0}};
    struct ast_pair pair = {.name = S("x")};
    struct bole_err err;
    CHECK_OK(json_path_compile(bole_slice_str(path), arena, &pair.path, &err), err);
    row_begin(&row, 0, line, NULL, 0);
    parse_json_paths(&row, &pair);
    CHECK(!row.out_of_memory);
    return row_has_error(&row) ? arena_printf(arena, "!%.*s", BOLE_SLICE_ARG(row.error)) : row_text(&row, S("x"));
}

TEST(a_path_finds_what_loki_finds)
{
    static const struct { const char *path, *line, *wanted; } cases[] = {
        {"a", "{\"a\":\"b\"}", "b"},
        {"a", "{\"b\":{\"a\":1},\"a\":2}", "2"},
        {"a.b", "{\"a\":{\"b\":1.50}}", "1.50"},
        {"a[\"b c\"]", "{\"a\":{\"b c\":true}}", "true"},
        {"a[1]", "{\"a\":[1,\"two\"]}", "two"},
        {"a[2]", "{\"a\":[1,2]}", ""},
        {"a[0].b", "{\"a\":[{\"b\":\"c\"}]}", "c"},
        {"a", "{\"a\":{\"b\":[1, 2]}}", "{\"b\":[1, 2]}"},
        {"a", "{\"a\":1,\"a\":2}", "1"},
        {"a", "{\"a\":\"\\u00fc\\n\"}", "ü\n"},
        {"a", "{\"b\":1}", ""},
        {"a", "[1]", ""},
        {"a", "nothing", "!JSONParserErr"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        bole_slice line = exact(cases[i].line);
        arena_init(&arena, NULL);
        CHECK_EQ_SLICE(found(&arena, cases[i].path, line), bole_slice_str(cases[i].wanted));
        arena_deinit(&arena);
        free((void *)line.ptr);
    }
}

TEST(a_torn_line_reads_nothing_behind_its_end)
{
    static const char whole[] = "{\"q\":[{\"z\":\"\\u00fc\"},[1]],\"a\":{\"b\":[{\"c\":\"d\"},-1.5e3,null]}}";
    for (size_t len = 0; len < sizeof whole; len++) {
        struct arena arena;
        bole_slice line = {malloc(len + !len), len};
        memcpy((uint8_t *)line.ptr, whole, len);
        arena_init(&arena, NULL);
        found(&arena, "a.b[0].c", line);
        found(&arena, "a.b[2]", line);
        found(&arena, "q[1]", line);
        arena_deinit(&arena);
        free((void *)line.ptr);
    }
}
