/*
 * tail_out_test.c - frames, slow clients, and dropped entries that are counted truthfully.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/test.h"
#include "serve/loki_json.h"
#include "serve/tail_out.h"

enum { META_NS = 77 }; /* an entry of this time has metadata */

struct client { /* takes `room` frames, then none */
    unsigned   room;
    struct buf got; /* one frame per line */
};

static bole_status take(bole_slice text, void *ctx)
{
    struct client *c = ctx;
    if (!c->room)
        return BOLE_AGAIN;
    c->room--;
    buf_put(&c->got, text);
    buf_put_u8(&c->got, '\n');
    return BOLE_OK;
}

static bole_status gone(bole_slice text, void *ctx)
{
    (void)text, (void)ctx;
    return BOLE_E_CANCELLED;
}

static bole_status too_large(bole_slice text, void *ctx)
{
    (void)text, (void)ctx;
    return BOLE_E_LIMIT;
}

struct fixture {
    struct tail_out out;
    struct client   client;
};

static void setup(struct fixture *f, struct budget *budget, enum tail_form form)
{
    *f = (struct fixture){.client.room = 1000};
    buf_init(&f->client.got, NULL);
    tail_out_init(&f->out, budget, form, form == TAIL_CATEGORIZED ? 1u << ORIGIN_STREAM : LOKI_ALL_ORIGINS);
}

static void teardown(struct fixture *f)
{
    tail_out_deinit(&f->out);
    buf_deinit(&f->client.got);
}

static void add(struct fixture *f, int64_t time_ns, bole_slice line)
{
    static const struct row_label labels[] = {{S("app"), S("a"), ORIGIN_STREAM}, {S("m"), S("<v>"), ORIGIN_FIELD}};
    tail_out_add(&f->out, &(struct query_entry){.time_ns = time_ns, .line = line, .labels = labels, .label_count = time_ns == META_NS ? 2 : 1});
}

TEST(tail_out_sends_one_frame_of_all_entries_one_by_one_in_the_order_of_time)
{
    struct fixture f;
    setup(&f, NULL, TAIL_PLAIN);
    CHECK(tail_out_is_empty(&f.out));
    CHECK_EQ_STATUS(tail_out_flush(&f.out, take, &f.client), BOLE_OK);
    CHECK_EQ_U64(f.client.got.len, 0); /* nothing happened: no frame */
    add(&f, META_NS, S("three"));
    add(&f, 1, S("one"));
    add(&f, 1, S("two"));
    CHECK_EQ_STATUS(tail_out_flush(&f.out, take, &f.client), BOLE_OK);
    CHECK_EQ_SLICE(buf_slice(&f.client.got),
                   S("{\"streams\":[{\"stream\":{\"app\":\"a\"},\"values\":[[\"1\",\"one\"]]},{\"stream\":{\"app\":\"a\"},\"values\":[[\"1\",\"two\"]]},"
                     "{\"stream\":{\"app\":\"a\",\"m\":\"\\u003cv\\u003e\"},\"values\":[[\"77\",\"three\"]]}]}\n"));
    CHECK(tail_out_is_empty(&f.out));
    teardown(&f);
}

TEST(tail_out_categorized_says_so_in_every_frame)
{
    struct fixture f;
    setup(&f, NULL, TAIL_CATEGORIZED);
    add(&f, 1, S("one"));
    add(&f, META_NS, S("two"));
    tail_out_flush(&f.out, take, &f.client);
    CHECK_EQ_SLICE(buf_slice(&f.client.got),
                   S("{\"streams\":[{\"stream\":{\"app\":\"a\"},\"values\":[[\"1\",\"one\",{}]]},"
                     "{\"stream\":{\"app\":\"a\"},\"values\":[[\"77\",\"two\",{\"structuredMetadata\":{\"m\":\"\\u003cv\\u003e\"}}]]}],"
                     "\"encodingFlags\":[\"categorize-labels\"]}\n"));
    teardown(&f);
}

TEST(tail_out_legacy_prints_labels_and_ends_frames_with_a_newline)
{
    struct fixture f;
    setup(&f, NULL, TAIL_LEGACY);
    add(&f, META_NS, S("<one>"));
    tail_out_flush(&f.out, take, &f.client);
    tail_out_lost(&f.out, 1, 5);
    tail_out_flush(&f.out, take, &f.client);
    CHECK_EQ_SLICE(buf_slice(&f.client.got),
                   S("{\"streams\":[{\"labels\":\"{app=\\\"a\\\", m=\\\"\\u003cv\\u003e\\\"}\",\"entries\":[{\"ts\":\"1970-01-01T00:00:00.000000077Z\","
                     "\"line\":\"\\u003cone\\u003e\"}]}],\"dropped_entries\":null}\n\n"
                     "{\"streams\":[],\"dropped_entries\":[{\"Timestamp\":\"1970-01-01T00:00:00.000000005Z\",\"Labels\":\"{}\"}],\"dropped_count\":1}\n\n"));
    teardown(&f);
}

TEST(tail_out_closes_a_frame_of_a_hundred_entries)
{
    struct fixture f;
    setup(&f, NULL, TAIL_PLAIN);
    for (unsigned i = 0; i < 2 * TAIL_FRAME_ENTRIES_MAX + 1; i++)
        add(&f, i, S("x"));
    CHECK_EQ_STATUS(tail_out_flush(&f.out, take, &f.client), BOLE_OK);
    CHECK_EQ_U64(f.client.room, 997);
    CHECK_EQ_U64(f.out.entries_total, 2 * TAIL_FRAME_ENTRIES_MAX + 1);
    teardown(&f);
}

TEST(tail_out_keeps_what_a_busy_client_did_not_take)
{
    struct fixture f;
    setup(&f, NULL, TAIL_PLAIN);
    f.client.room = 0;
    add(&f, 1, S("one"));
    CHECK_EQ_STATUS(tail_out_flush(&f.out, take, &f.client), BOLE_AGAIN);
    add(&f, 2, S("two"));
    CHECK_EQ_STATUS(tail_out_flush(&f.out, take, &f.client), BOLE_AGAIN);
    f.client.room = 5;
    CHECK_EQ_STATUS(tail_out_flush(&f.out, take, &f.client), BOLE_OK);
    CHECK_EQ_SLICE(buf_slice(&f.client.got), S("{\"streams\":[{\"stream\":{\"app\":\"a\"},\"values\":[[\"1\",\"one\"]]}]}\n"
                                               "{\"streams\":[{\"stream\":{\"app\":\"a\"},\"values\":[[\"2\",\"two\"]]}]}\n"));
    CHECK_EQ_U64(f.out.dropped_total, 0);
    teardown(&f);
}

TEST(tail_out_tells_a_client_that_is_gone_from_a_busy_one)
{
    struct fixture f;
    setup(&f, NULL, TAIL_PLAIN);
    add(&f, 1, S("one"));
    CHECK_EQ_STATUS(tail_out_flush(&f.out, gone, NULL), BOLE_E_CANCELLED);
    teardown(&f);
}

static uint64_t count_of(struct fixture *f, const char *needle)
{
    uint64_t n = 0;
    const uint8_t *at = f->client.got.ptr, *end = at + f->client.got.len, *hit;
    for (; at < end && (hit = memmem(at, (size_t)(end - at), needle, strlen(needle))); at = hit + 1)
        n++;
    return n;
}

/* The sum of all "dropped_count":n of the frames taken. */
static uint64_t dropped_of(struct fixture *f)
{
    static const char name[] = "\"dropped_count\":";
    uint64_t sum = 0;
    buf_put_u8(&f->client.got, 0);
    for (const char *at = (const char *)f->client.got.ptr; (at = strstr(at, name)); at += sizeof name - 1)
        sum += strtoull(at + sizeof name - 1, NULL, 10);
    return sum;
}

TEST(tail_out_of_a_stopped_client_is_bounded_and_every_entry_is_sent_or_counted)
{
    struct fixture f;
    struct budget budget;
    enum { ENTRIES = 20000, LINE = 1000 };
    static uint8_t line[LINE];
    memset(line, 'x', sizeof line);
    budget_init(&budget, NULL, SIZE_MAX);
    setup(&f, &budget, TAIL_PLAIN);
    f.client.room = 0;
    for (int i = 0; i < ENTRIES; i++) {
        add(&f, i, bole_slice_from(line, sizeof line));
        if (i % 100 == 0)
            CHECK_EQ_STATUS(tail_out_flush(&f.out, take, &f.client), BOLE_AGAIN);
    }
    CHECK(atomic_load(&budget.used_bytes) < 2 * TAIL_UNSENT_MAX);
    CHECK(f.out.dropped_total > ENTRIES / 2);
    CHECK_EQ_U64(f.out.entries_total + f.out.dropped_total, ENTRIES);
    f.client.room = 1000000;
    CHECK_EQ_STATUS(tail_out_flush(&f.out, take, &f.client), BOLE_AGAIN); /* what was open is closed by the next one */
    CHECK_EQ_STATUS(tail_out_flush(&f.out, take, &f.client), BOLE_OK);
    CHECK_EQ_U64(count_of(&f, "\"timestamp\":"), TAIL_DROPPED_LISTED_MAX);
    CHECK_EQ_U64(count_of(&f, "xxx\"]"), f.out.entries_total);
    CHECK_EQ_U64(dropped_of(&f), f.out.dropped_total);
    teardown(&f);
    CHECK_EQ_U64(atomic_load(&budget.used_bytes), 0);
}

TEST(tail_out_counts_a_frame_that_no_message_can_hold)
{
    struct fixture f;
    setup(&f, NULL, TAIL_PLAIN);
    add(&f, 1, S("one"));
    add(&f, 2, S("two"));
    CHECK_EQ_STATUS(tail_out_flush(&f.out, too_large, NULL), BOLE_AGAIN);
    CHECK_EQ_U64(f.out.dropped_total, 2);
    CHECK_EQ_U64(f.out.entries_total, 0);
    CHECK_EQ_STATUS(tail_out_flush(&f.out, take, &f.client), BOLE_OK);
    CHECK_EQ_U64(count_of(&f, "{\"timestamp\":\"2\",\"labels\":{}}],\"dropped_count\":2"), 1);
    teardown(&f);
}

TEST(tail_out_reports_rows_that_were_never_matched)
{
    struct fixture f;
    setup(&f, NULL, TAIL_PLAIN);
    tail_out_lost(&f.out, 0, 5);
    CHECK(tail_out_is_empty(&f.out));
    tail_out_lost(&f.out, 300, 7);
    CHECK_EQ_STATUS(tail_out_flush(&f.out, take, &f.client), BOLE_OK);
    CHECK_EQ_SLICE(buf_slice(&f.client.got), S("{\"streams\":[],\"dropped_entries\":[{\"timestamp\":\"7\",\"labels\":{}}],"
                                               "\"dropped_count\":300}\n"));
    teardown(&f);
}

TEST(tail_out_puts_history_in_front_of_what_came_meanwhile)
{
    struct fixture f, old;
    setup(&f, NULL, TAIL_PLAIN);
    setup(&old, NULL, TAIL_PLAIN);
    add(&f, 9, S("live"));
    f.client.room = 0;
    tail_out_flush(&f.out, take, &f.client);
    add(&old, 1, S("old"));
    tail_out_prepend(&f.out, &old.out);
    CHECK(tail_out_is_empty(&old.out));
    f.client.room = 9;
    CHECK_EQ_STATUS(tail_out_flush(&f.out, take, &f.client), BOLE_OK);
    CHECK_EQ_SLICE(buf_slice(&f.client.got), S("{\"streams\":[{\"stream\":{\"app\":\"a\"},\"values\":[[\"1\",\"old\"]]}]}\n"
                                               "{\"streams\":[{\"stream\":{\"app\":\"a\"},\"values\":[[\"9\",\"live\"]]}]}\n"));
    teardown(&f);
    teardown(&old);
}
