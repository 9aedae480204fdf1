/*
 * loki_streams_test.c - entries into streams, with and without categories.
 */
#include <stdio.h>

#include "base/test.h"
#include "serve/loki_streams.h"

struct fixture {
    struct buf labels[2]; /* canonical */
    struct buf out;
};

static void setup(struct fixture *f)
{
    struct label a[] = {{S("app"), S("a")}}, b[] = {{S("app"), S("b")}, {S("host"), S("h")}};
    struct bole_err err = {0};
    for (int i = 0; i < 2; i++)
        buf_init(&f->labels[i], NULL);
    buf_init(&f->out, NULL);
    CHECK_OK(labels_encode(a, 1, &f->labels[0], &err), err);
    CHECK_OK(labels_encode(b, 2, &f->labels[1], &err), err);
}

static void teardown(struct fixture *f)
{
    buf_deinit(&f->labels[0]);
    buf_deinit(&f->labels[1]);
    buf_deinit(&f->out);
}

static const struct label metadata[] = {{S("trace"), S("1")}, {S("pod"), S("p")}};
static const struct label parsed[] = {{S("level"), S("")}, {S("msg"), S("<x>")}};

static bole_slice write_all(struct fixture *f, struct loki_streams *s)
{
    struct bole_err err = {0};
    buf_reset(&f->out);
    CHECK_OK(loki_streams_write(s, &f->out, &err), err);
    return buf_slice(&f->out);
}

static void add_three(struct fixture *f, struct loki_streams *s, bool copy)
{
    struct bole_err err = {0};
    struct loki_entry entries[] = {
        {.time_ns = 3, .line = S("three"), .stream = buf_slice(&f->labels[1])},
        {.time_ns = 2, .line = S("two"), .stream = buf_slice(&f->labels[0]), .metadata = metadata, .metadata_count = 2},
        {.time_ns = 1, .line = S("one"), .stream = buf_slice(&f->labels[0]), .metadata = metadata, .metadata_count = 1,
         .parsed = parsed, .parsed_count = 2},
    };
    for (size_t i = 0; i < 3; i++)
        CHECK_OK(loki_streams_add(s, &entries[i], copy, &err), err);
}

TEST(loki_streams_without_entries_are_an_empty_list)
{
    struct fixture f;
    struct loki_streams s;
    setup(&f);
    loki_streams_init(&s, NULL, false);
    CHECK_EQ_SLICE(write_all(&f, &s), S("[]"));
    loki_streams_deinit(&s);
    teardown(&f);
}

TEST(loki_streams_categorized_keep_metadata_and_parsed_apart)
{
    struct fixture f;
    struct loki_streams s;
    setup(&f);
    loki_streams_init(&s, NULL, true);
    add_three(&f, &s, false);
    CHECK_EQ_SLICE(write_all(&f, &s),
                   S("[{\"stream\":{\"app\":\"a\"},\"values\":[[\"2\",\"two\",{\"structuredMetadata\":{\"pod\":\"p\",\"trace\":\"1\"}}],"
                     "[\"1\",\"one\",{\"structuredMetadata\":{\"trace\":\"1\"},\"parsed\":{\"level\":\"\",\"msg\":\"\\u003cx\\u003e\"}}]]},"
                     "{\"stream\":{\"app\":\"b\",\"host\":\"h\"},\"values\":[[\"3\",\"three\",{}]]}]"));
    loki_streams_deinit(&s);
    teardown(&f);
}

TEST(loki_streams_merged_split_a_stream_by_its_metadata)
{
    struct fixture f;
    struct loki_streams s;
    setup(&f);
    loki_streams_init(&s, NULL, false);
    add_three(&f, &s, false);
    CHECK_EQ_U64(s.entry_count, 3);
    CHECK_EQ_SLICE(write_all(&f, &s),
                   S("[{\"stream\":{\"app\":\"a\",\"level\":\"\",\"msg\":\"\\u003cx\\u003e\",\"trace\":\"1\"},\"values\":[[\"1\",\"one\"]]},"
                     "{\"stream\":{\"app\":\"a\",\"pod\":\"p\",\"trace\":\"1\"},\"values\":[[\"2\",\"two\"]]},"
                     "{\"stream\":{\"app\":\"b\",\"host\":\"h\"},\"values\":[[\"3\",\"three\"]]}]"));
    loki_streams_deinit(&s);
    teardown(&f);
}

TEST(loki_streams_hold_copies_when_asked)
{
    for (int categorize = 0; categorize < 2; categorize++) {
        struct fixture f;
        struct loki_streams s;
        struct buf before;
        setup(&f);
        buf_init(&before, NULL);
        loki_streams_init(&s, NULL, categorize);
        add_three(&f, &s, true);
        buf_put(&before, write_all(&f, &s));
        memset(f.labels[0].ptr, 'x', f.labels[0].len);
        memset(f.labels[1].ptr, 'x', f.labels[1].len);
        CHECK_EQ_SLICE(write_all(&f, &s), buf_slice(&before));
        loki_streams_reset(&s);
        CHECK_EQ_SLICE(write_all(&f, &s), S("[]"));
        buf_deinit(&before);
        loki_streams_deinit(&s);
        teardown(&f);
    }
}

TEST(loki_streams_tell_many_streams_apart)
{
    struct fixture f;
    struct loki_streams s;
    struct bole_err err = {0};
    setup(&f);
    loki_streams_init(&s, NULL, false);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 5000; i++) {
            char text[16];
            snprintf(text, sizeof text, "%d", i);
            struct label one = {S("id"), bole_slice_str(text)};
            struct loki_entry e = {.line = S("x"), .stream = buf_slice(&f.labels[0]), .metadata = &one, .metadata_count = 1};
            CHECK_OK(loki_streams_add(&s, &e, true, &err), err);
        }
    CHECK_EQ_U64(s.stream_count, 5000);
    CHECK_EQ_U64(s.entry_count, 10000);
    loki_streams_deinit(&s);
    teardown(&f);
}

TEST(loki_streams_stop_at_the_budget)
{
    struct fixture f;
    struct loki_streams s;
    struct budget budget;
    struct bole_err err = {0};
    setup(&f);
    budget_init(&budget, NULL, 256 * 1024);
    loki_streams_init(&s, &budget, true);
    static const uint8_t line[4096];
    struct loki_entry e = {.line = {line, sizeof line}, .stream = buf_slice(&f.labels[0])};
    bole_status st = BOLE_OK;
    for (int i = 0; i < 100 && st == BOLE_OK; i++)
        st = loki_streams_add(&s, &e, true, &err);
    CHECK_EQ_STATUS(st, BOLE_E_LIMIT);
    CHECK(s.entry_count > 10 && s.entry_count < 64);
    loki_streams_deinit(&s);
    CHECK_EQ_U64(atomic_load(&budget.used_bytes), 0);
    teardown(&f);
}

TEST(loki_streams_write_each_name_once)
{
    struct label twice[] = {{S("b"), S("1")}, {S("a"), S("2")}, {S("b"), S("3")}}, scratch[3];
    struct buf out;
    buf_init(&out, NULL);
    loki_put_label_array(&out, twice, 3, scratch);
    CHECK_EQ_SLICE(buf_slice(&out), S("{\"a\":\"2\",\"b\":\"1\"}"));
    buf_deinit(&out);
}
