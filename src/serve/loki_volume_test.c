/*
 * loki_volume_test.c - which labels count for a volume, largest first; and the set below.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/test.h"
#include "record/labels.h"
#include "serve/loki_volume.h"

static const struct { bole_slice app, host; uint64_t bytes; } streams[] = {
    {S("a"), S("h1"), 10}, {S("a"), S("h2"), 20}, {S("b"), S("h1"), 100}, {S("c"), S(""), 5}};

static void fill(struct loki_volume *v)
{
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        struct label labels[] = {{S("app"), streams[i].app}, {S("host"), streams[i].host}};
        struct buf canonical;
        buf_init(&canonical, NULL);
        CHECK_EQ_STATUS(labels_encode(labels, 2, &canonical, NULL), BOLE_OK);
        CHECK_EQ_STATUS(loki_volume_add(v, buf_slice(&canonical), 0, streams[i].bytes), BOLE_OK);
        buf_deinit(&canonical);
    }
}

/* The result array alone. */
static bole_slice result_of(const struct buf *b)
{
    const uint8_t *from = memmem(b->ptr, b->len, "\"result\":", 9), *to = memmem(b->ptr, b->len, ",\"stats\":", 9);
    CHECK(from && to);
    return bole_slice_from(from + 9, (size_t)(to - from - 9));
}

TEST(loki_volume_groups_by_targets_selector_or_everything)
{
    static const struct store_matcher by_app[] = {{MATCH_RE, S("app"), S(".+"), NULL}};
    static const struct {
        size_t matcher_count;
        bole_slice targets, aggregate_by;
        uint64_t limit;
        const char *result;
    } cases[] = {
        {1, S(""), S(""), 100,
         "[{\"metric\":{\"app\":\"b\"},\"value\":[4,\"100\"]},{\"metric\":{\"app\":\"a\"},\"value\":[4,\"30\"]},"
         "{\"metric\":{\"app\":\"c\"},\"value\":[4,\"5\"]}]"},
        {1, S(""), S("series"), 1, "[{\"metric\":{\"app\":\"b\"},\"value\":[4,\"100\"]}]"},
        {1, S(" host ,"), S(""), 100,
         "[{\"metric\":{\"host\":\"h1\"},\"value\":[4,\"110\"]},{\"metric\":{\"host\":\"h2\"},\"value\":[4,\"20\"]}]"},
        {1, S("host,app"), S("labels"), 100,
         "[{\"metric\":{\"app\":\"\"},\"value\":[4,\"130\"]},{\"metric\":{\"host\":\"\"},\"value\":[4,\"130\"]}]"},
        {0, S(""), S(""), 2,
         "[{\"metric\":{\"app\":\"b\",\"host\":\"h1\"},\"value\":[4,\"100\"]},"
         "{\"metric\":{\"app\":\"a\",\"host\":\"h2\"},\"value\":[4,\"20\"]}]"},
        {1, S("nothing"), S(""), 100, "[]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loki_volume v;
        struct bole_err err = {0};
        struct buf out;
        buf_init(&out, NULL);
        loki_volume_init(&v, NULL, 1);
        CHECK_OK(loki_volume_choose(&v, by_app, cases[i].matcher_count, cases[i].targets, cases[i].aggregate_by, &err), err);
        fill(&v);
        loki_volume_write_vector(&v, cases[i].limit, 4 * NS_PER_S, &out);
        CHECK_EQ_SLICE(result_of(&out), bole_slice_str(cases[i].result));
        loki_volume_deinit(&v);
        buf_deinit(&out);
    }
}

TEST(loki_volume_refuses_an_unknown_aggregation)
{
    struct loki_volume v;
    struct bole_err err = {0};
    loki_volume_init(&v, NULL, 1);
    CHECK_EQ_STATUS(loki_volume_choose(&v, NULL, 0, S(""), S("streams"), &err), BOLE_E_INVALID);
    assert_string_equal(err.msg, "invalid aggregation option");
    loki_volume_deinit(&v);
}

TEST(loki_volume_over_time_has_no_points_where_nothing_is)
{
    struct loki_volume v;
    struct buf out;
    buf_init(&out, NULL);
    loki_volume_init(&v, NULL, 4);
    CHECK_EQ_STATUS(loki_volume_choose(&v, NULL, 0, S(""), S(""), NULL), BOLE_OK);
    CHECK_EQ_STATUS(loki_volume_add(&v, S(""), 0, 1), BOLE_OK);
    CHECK_EQ_STATUS(loki_volume_add(&v, S(""), 1, 2), BOLE_OK);
    CHECK_EQ_STATUS(loki_volume_add(&v, S(""), 3, 8), BOLE_OK);
    loki_volume_write_range(&v, 10, 100 * NS_PER_S, 10 * NS_PER_S, 135 * NS_PER_S, &out);
    CHECK_EQ_SLICE(result_of(&out), S("[{\"metric\":{},\"values\":[[109.999,\"1\"],[119.999,\"2\"],[135,\"8\"]]}]"));
    loki_volume_deinit(&v);
    buf_deinit(&out);
}

TEST(loki_set_finds_what_it_holds_and_sorts_it)
{
    struct loki_set set;
    enum { KEYS = 3000 };
    loki_set_init(&set, NULL);
    for (int round = 0; round < 2; round++)
        for (int i = KEYS; i-- > 0;) {
            char key[16];
            snprintf(key, sizeof key, "%05d", i);
            struct loki_set_item *item = loki_set_get(&set, bole_slice_str(key));
            CHECK(item != NULL);
            item->rows++;
        }
    CHECK_EQ_U64(set.count, KEYS);
    struct loki_set_item **items = loki_set_sorted(&set);
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        snprintf(key, sizeof key, "%05d", i);
        CHECK_EQ_SLICE(items[i]->key, bole_slice_str(key));
        CHECK_EQ_U64(items[i]->rows, 2);
    }
    loki_set_deinit(&set);
}

TEST(loki_set_stops_at_the_budget)
{
    struct loki_set set;
    struct budget budget;
    budget_init(&budget, NULL, 64 * 1024);
    loki_set_init(&set, &budget);
    int added = 0;
    for (; added < 10000; added++) {
        char key[16];
        snprintf(key, sizeof key, "%d", added);
        if (!loki_set_get(&set, bole_slice_str(key)))
            break;
    }
    CHECK(added > 50 && added < 10000);
    loki_set_deinit(&set);
    CHECK_EQ_U64(atomic_load(&budget.used_bytes), 0);
}
