/*
 * loki_streams_test.c - entries into streams, with and without categories.
 */
#include <stdio.h>

#include "base/test.h"
#include "serve/loki_streams.h"

static const struct row_label plain[] = {{S("app"), S("b"), ORIGIN_STREAM}, {S("host"), S("h"), ORIGIN_STREAM}};
static const struct row_label with_fields[] = {
    {S("app"), S("a"), ORIGIN_STREAM}, {S("pod"), S("p"), ORIGIN_FIELD}, {S("trace"), S("1"), ORIGIN_FIELD}};
static const struct row_label with_parsed[] = {{S("app"), S("a"), ORIGIN_STREAM},
                                               {S("level"), S(""), ORIGIN_PARSED},
                                               {S("msg"), S("<x>"), ORIGIN_PARSED},
                                               {S("trace"), S("1"), ORIGIN_FIELD}};

static void add_three(struct loki_streams *s)
{
    struct query_entry entries[] = {
        {.time_ns = 3, .line = S("three"), .labels = plain, .label_count = 2},
        {.time_ns = 2, .line = S("two"), .labels = with_fields, .label_count = 3},
        {.time_ns = 1, .line = S("o\"n\"e"), .labels = with_parsed, .label_count = 4},
    };
    struct bole_err err = {0};
    for (size_t i = 0; i < 3; i++)
        CHECK_OK(loki_streams_add(s, &entries[i], &err), err);
}

static void check_written(struct loki_streams *s, const char *expected)
{
    struct buf out;
    struct bole_err err = {0};
    buf_init(&out, NULL);
    CHECK_OK(loki_streams_write(s, &out, &err), err);
    CHECK_EQ_SLICE(buf_slice(&out), bole_slice_str(expected));
    buf_deinit(&out);
}

TEST(loki_streams_without_entries_are_an_empty_list)
{
    struct loki_streams s;
    loki_streams_init(&s, NULL, false);
    check_written(&s, "[]");
    loki_streams_deinit(&s);
}

TEST(loki_streams_categorized_keep_metadata_and_parsed_apart)
{
    struct loki_streams s;
    loki_streams_init(&s, NULL, true);
    add_three(&s);
    check_written(&s, "[{\"stream\":{\"app\":\"a\"},\"values\":[[\"2\",\"two\",{\"structuredMetadata\":{\"pod\":\"p\",\"trace\":\"1\"}}],"
                      "[\"1\",\"o\\\"n\\\"e\",{\"structuredMetadata\":{\"trace\":\"1\"},\"parsed\":{\"level\":\"\",\"msg\":\"\\u003cx\\u003e\"}}]]},"
                      "{\"stream\":{\"app\":\"b\",\"host\":\"h\"},\"values\":[[\"3\",\"three\",{}]]}]");
    loki_streams_deinit(&s);
}

TEST(loki_streams_merged_split_a_stream_by_its_metadata)
{
    struct loki_streams s;
    loki_streams_init(&s, NULL, false);
    add_three(&s);
    CHECK_EQ_U64(s.entry_count, 3);
    check_written(&s, "[{\"stream\":{\"app\":\"a\",\"level\":\"\",\"msg\":\"\\u003cx\\u003e\",\"trace\":\"1\"},\"values\":[[\"1\",\"o\\\"n\\\"e\"]]},"
                      "{\"stream\":{\"app\":\"a\",\"pod\":\"p\",\"trace\":\"1\"},\"values\":[[\"2\",\"two\"]]},"
                      "{\"stream\":{\"app\":\"b\",\"host\":\"h\"},\"values\":[[\"3\",\"three\"]]}]");
    loki_streams_reset(&s);
    check_written(&s, "[]");
    add_three(&s);
    CHECK_EQ_U64(s.entry_count, 3);
    loki_streams_deinit(&s);
}

TEST(loki_streams_tell_many_streams_apart)
{
    struct loki_streams s;
    struct bole_err err = {0};
    loki_streams_init(&s, NULL, false);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 5000; i++) {
            char text[16];
            snprintf(text, sizeof text, "%d", i);
            struct row_label one = {S("id"), bole_slice_str(text), ORIGIN_FIELD};
            CHECK_OK(loki_streams_add(&s, &(struct query_entry){.line = S("x"), .labels = &one, .label_count = 1}, &err), err);
        }
    CHECK_EQ_U64(s.streams.count, 5000);
    CHECK_EQ_U64(s.entry_count, 10000);
    loki_streams_deinit(&s);
}

TEST(loki_streams_stop_at_the_budget_and_write_what_they_have)
{
    static const uint8_t line[4096];
    struct loki_streams s;
    struct budget budget;
    struct bole_err err = {0};
    budget_init(&budget, NULL, 1024 * 1024);
    loki_streams_init(&s, &budget, true);
    bole_status st = BOLE_OK;
    for (int i = 0; i < 1000 && st == BOLE_OK; i++)
        st = loki_streams_add(&s, &(struct query_entry){.line = {line, sizeof line}, .labels = plain, .label_count = 2}, &err);
    CHECK_EQ_STATUS(st, BOLE_E_LIMIT);
    CHECK(s.entry_count > 10 && s.entry_count < 100);
    loki_streams_deinit(&s);
    CHECK_EQ_U64(atomic_load(&budget.used_bytes), 0);
}
