#include "config/config.h"

#include <stdlib.h>

#include "base/test.h"

TEST(config_reads_scalars_lists_and_maps_with_their_places)
{
    struct config *c;
    struct bole_err err;
    CHECK_OK(config_parse(S("# of ours\nlisten: 127.0.0.1:3100\ntail:\n  files:\n    - /a/*.log\n    - '~'\n  none: ~\n"),
                          "b.yml", &c, &err), err);
    const struct config_node *listen = config_get(config_root(c), S("listen"));
    CHECK_EQ_SLICE(listen->text, S("127.0.0.1:3100"));
    CHECK_EQ_U64(listen->line, 2);
    CHECK_EQ_U64(listen->column, 9);
    const struct config_node *tail = config_get(config_root(c), S("tail")), *files = config_get(tail, S("files"));
    CHECK_EQ_U64(tail->key_line, 3);
    CHECK(files->kind == CONFIG_LIST);
    CHECK_EQ_SLICE(files->first->text, S("/a/*.log"));
    CHECK(files->first->next->kind == CONFIG_SCALAR); /* in quotes it is a text */
    CHECK_EQ_U64(files->first->next->line, 6);
    CHECK(!files->first->next->next);
    CHECK(config_get(tail, S("none"))->kind == CONFIG_NULL);
    CHECK(!config_get(tail, S("other")));
    config_destroy(c);
}

TEST(config_takes_a_file_without_settings)
{
    static const char *const texts[] = {"", "\n", "# nothing\n", "---\n", "---\n...\n", "~\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct config *c;
        struct bole_err err;
        CHECK_OK(config_parse(bole_slice_str(texts[i]), "b.yml", &c, &err), err);
        CHECK(config_root(c)->kind == CONFIG_MAP && !config_root(c)->first);
        config_destroy(c);
    }
}

TEST(config_names_the_place_of_what_it_refuses)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a: 1\na: 2\n", "b.yml:2:1: the key \"a\" is here twice"},
        {"a: {b: 1, b: 2}\n", "b.yml:1:11: the key \"b\" is here twice"},
        {"a: [1, 2\nb: 3\n", "b.yml:2:2: did not find expected ',' or ']'"},
        {"a: \"x\n", "b.yml:2:1: found unexpected end of stream"},
        {"\tb: 1\n", "b.yml:1:1: found character that cannot start any token"},
        {"[1]: 2\n", "b.yml:1:1: a key is a text"},
        {"a: &x 1\nb: *x\n", "b.yml:2:4: aliases (*name) are not taken: write the value out"},
        {"- a\n", "b.yml:1:1: the file is a map: \"key: value\" lines"},
        {"just words\n", "b.yml:1:1: the file is a map: \"key: value\" lines"},
        {"a: 1\n---\nb: 2\n", "b.yml:2:1: one document is expected, here begins another"},
        {"a: \xff\n", "b.yml: byte 3: invalid leading UTF-8 octet"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config *c;
        struct bole_err err;
        CHECK_EQ_STATUS(config_parse(bole_slice_str(cases[i].text), "b.yml", &c, &err), BOLE_E_INVALID);
        assert_string_equal(err.msg, cases[i].message);
    }
}

TEST(config_refuses_deep_nesting_and_large_files)
{
    char *text = malloc(CONFIG_SIZE_MAX + 1);
    struct config *c;
    memset(text, '[', CONFIG_SIZE_MAX + 1);
    memcpy(text, "a: ", 3);
    CHECK_EQ_STATUS(config_parse((bole_slice){(uint8_t *)text, 1000}, "b.yml", &c, NULL), BOLE_E_LIMIT);
    CHECK_EQ_STATUS(config_parse((bole_slice){(uint8_t *)text, CONFIG_SIZE_MAX + 1}, "b.yml", &c, NULL), BOLE_E_LIMIT);
    for (size_t i = 3; i + 2 <= CONFIG_SIZE_MAX; i += 2)
        memcpy(text + i, i == 3 ? "[1" : ",1", 2);
    CHECK_EQ_STATUS(config_parse((bole_slice){(uint8_t *)text, CONFIG_SIZE_MAX}, "b.yml", &c, NULL), BOLE_E_LIMIT);
    free(text);
}

TEST(config_says_which_key_was_meant)
{
    static const char *const names[] = {"data", "retention", "receive"};
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"data: x\n\n  \nretension:\n  time: 1d\n", "b.yml:4:1: unknown key \"retension\"; did you mean \"retention\"?"},
        {"colour: red\n", "b.yml:1:1: unknown key \"colour\""},
        {"dat: red\n", "b.yml:1:1: unknown key \"dat\"; did you mean \"data\"?"},
        {"receive: {}\ndata: y\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config *c;
        struct bole_err err;
        CHECK_OK(config_parse(bole_slice_str(cases[i].text), "b.yml", &c, &err), err);
        bole_status st = config_check_keys(c, config_root(c), names, 3, &err);
        CHECK_EQ_STATUS(st, cases[i].message ? BOLE_E_INVALID : BOLE_OK);
        if (cases[i].message)
            assert_string_equal(err.msg, cases[i].message);
        config_destroy(c);
    }
}

TEST(config_knows_the_words_for_true_and_false)
{
    bool value;
    CHECK(config_truth(S("Yes"), &value) && value);
    CHECK(config_truth(S("off"), &value) && !value);
    CHECK(!config_truth(S("maybe"), &value));
}
