#include "receive/sources.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/test.h"

static struct source who(const char *client)
{
    return (struct source){.tenant = S("t"), .door = S("loki"), .client = bole_slice_str(client), .agent = S("x/1.0")};
}

static void put(const struct source *s, void *ctx)
{
    buf_printf(ctx, "%.*s %.*s %llu %llu %llu %llu %lld %.1f;", BOLE_SLICE_ARG(s->client), BOLE_SLICE_ARG(s->agent), (unsigned long long)s->batches,
               (unsigned long long)s->records, (unsigned long long)s->bytes, (unsigned long long)s->errors, (long long)(s->lag_ns / (int64_t)NS_PER_S),
               s->records_per_s);
}

static void check(struct sources *s, int64_t now_ns, const char *wanted)
{
    struct buf out;
    struct bole_err err;
    buf_init(&out, NULL);
    CHECK_OK(sources_each(s, S("t"), now_ns, put, &out, &err), err);
    CHECK_EQ_SLICE(buf_slice(&out), bole_slice_str(wanted));
    buf_deinit(&out);
}

struct saved { struct sources *to; int count, removed; };

static bool restore(bole_slice key, bole_slice value, void *ctx)
{
    struct saved *saved = ctx;
    CHECK_EQ_U64(key.len, SOURCE_KEY_SIZE);
    saved->count++;
    saved->removed += !value.ptr;
    if (value.ptr)
        sources_restore(saved->to, value);
    return true;
}

TEST(what_is_counted_is_there_after_a_restart)
{
    struct sources *s = sources_create(), *again = sources_create();
    int64_t now = 1000 * (int64_t)NS_PER_S;
    struct source a = who("10.0.0.1"), b = who("10.0.0.2");
    sources_count(s, &a, &(struct source_batch){60, 1000, 1, now - 3 * (int64_t)NS_PER_S}, now);
    sources_count(s, &b, &(struct source_batch){0, 0, 2, INT64_MIN}, now + 1);
    sources_count(s, &b, &(struct source_batch){600, 5, 0, now + 9 * (int64_t)NS_PER_S}, now + 2);
    const char *wanted = "10.0.0.2 x/1.0 1 600 5 2 -8 10.0;10.0.0.1 x/1.0 1 60 1000 1 3 1.0;";
    check(s, now + 2, wanted);
    struct saved saved = {again};
    sources_save(s, restore, &saved);
    CHECK(saved.count == 2);
    check(again, now + 2, wanted);
    check(again, now + 60 * (int64_t)NS_PER_S, "10.0.0.2 x/1.0 1 600 5 2 -8 3.7;10.0.0.1 x/1.0 1 60 1000 1 3 0.4;");
    sources_saved(s, false);
    sources_save(s, restore, &saved);
    CHECK(saved.count == 4);
    sources_saved(s, true);
    sources_save(s, restore, &saved);
    CHECK(saved.count == 4);
    sources_destroy(s);
    sources_destroy(again);
}

TEST(sources_are_bounded_and_the_oldest_goes)
{
    struct sources *s = sources_create(), *again = sources_create();
    char name[32];
    for (int i = 0; i < (int)SOURCES_MAX + 20; i++) {
        snprintf(name, sizeof name, "client %d", i);
        struct source a = who(name);
        sources_count(s, &a, &(struct source_batch){1, 1, 0, 0}, i + 1);
    }
    CHECK_EQ_U64(sources_number(s), SOURCES_MAX);
    struct saved saved = {again};
    sources_save(s, restore, &saved);
    CHECK(saved.removed == 20 && saved.count == (int)SOURCES_MAX + 20);
    CHECK_EQ_U64(sources_number(again), SOURCES_MAX);
    sources_destroy(s);
    sources_destroy(again);
}

TEST(nonsense_is_not_restored)
{
    struct sources *s = sources_create();
    uint8_t bytes[300];
    memset(bytes, 0xff, sizeof bytes);
    for (size_t len = 0; len < sizeof bytes; len++)
        sources_restore(s, bole_slice_from(bytes, len));
    CHECK_EQ_U64(sources_number(s), 0);
    sources_destroy(s);
}
