#include "store/segment/chunk_cache.h"

#include "base/test.h"

enum { LEN = 1000, ROOM = 8 };

static struct chunk_entry *ask(struct chunk_cache *c, uint64_t offset) { return chunk_cache_get(c, 1, offset, 5); }

static bool keep(struct chunk_cache *c, uint64_t offset)
{
    struct chunk_entry *e = chunk_cache_offer(c, 1, offset, 5, LEN);
    if (!e)
        return false;
    memset(e->bytes, (int)offset, LEN);
    chunk_cache_keep(c, e);
    chunk_cache_give_back(c, e);
    return true;
}

/* As a query does: looks, and offers what is not there. */
static bool use(struct chunk_cache *c, uint64_t offset)
{
    struct chunk_entry *e = ask(c, offset);
    if (!e) {
        keep(c, offset);
        return false;
    }
    CHECK(e->len == LEN && e->bytes[0] == (uint8_t)offset && e->bytes[LEN - 1] == (uint8_t)offset);
    chunk_cache_give_back(c, e);
    return true;
}

TEST(chunk_cache_gives_what_it_was_given)
{
    struct budget budget;
    struct chunk_cache c;
    budget_init(&budget, NULL, SIZE_MAX);
    chunk_cache_init(&c, ROOM * LEN, &budget);
    CHECK(!use(&c, 7));
    CHECK(use(&c, 7));
    CHECK(!chunk_cache_get(&c, 2, 7, 5)); /* of another segment */
    CHECK(!chunk_cache_get(&c, 1, 7, 4)); /* of another kind */
    struct chunk_entry *unfilled = chunk_cache_offer(&c, 1, 9, 5, LEN);
    chunk_cache_give_back(&c, unfilled);
    CHECK(!ask(&c, 9));
    CHECK(!chunk_cache_offer(&c, 1, 9, 5, ROOM * LEN)); /* it would take the place of all others */
    chunk_cache_deinit(&c);
    CHECK_EQ_U64(budget.used_bytes, 0);
}

TEST(chunk_cache_keeps_what_is_asked_for_most)
{
    struct chunk_cache c;
    chunk_cache_init(&c, ROOM * LEN, NULL);
    for (unsigned round = 0; round < 5; round++)
        for (uint64_t i = 0; i < ROOM; i++)
            use(&c, i);
    for (uint64_t i = 100; i < 400; i++) /* a scan of everything */
        CHECK(!use(&c, i));
    for (uint64_t i = 0; i < ROOM; i++)
        CHECK(use(&c, i));
    for (unsigned round = 0; round < 20; round++) /* something else comes into use */
        use(&c, 500);
    CHECK(use(&c, 500));
    CHECK(c.used_bytes <= ROOM * LEN);
    chunk_cache_deinit(&c);
}

TEST(chunk_cache_forgets_what_is_no_longer_in_use)
{
    struct chunk_cache c;
    chunk_cache_init(&c, ROOM * LEN, NULL);
    for (unsigned round = 0; round < 100; round++)
        for (uint64_t i = 0; i < ROOM; i++)
            use(&c, i);
    unsigned rounds = 0;
    while (!use(&c, 100) + !use(&c, 101) && rounds < 10000)
        rounds++;
    CHECK(rounds < 10000);
    chunk_cache_forget(&c, 2);
    CHECK(use(&c, 100));
    chunk_cache_forget(&c, 1);
    CHECK(c.used_bytes == 0 && !c.newest && !c.oldest);
    CHECK(!use(&c, 100));
    chunk_cache_deinit(&c);
}

TEST(chunk_cache_leaves_to_holders_what_it_forgets)
{
    struct budget budget;
    struct chunk_cache c;
    budget_init(&budget, NULL, SIZE_MAX);
    chunk_cache_init(&c, 4 * LEN, &budget);
    use(&c, 1);
    struct chunk_entry *held = ask(&c, 1);
    for (unsigned round = 0; round < 10; round++)
        for (uint64_t i = 2; i < 8; i++)
            use(&c, i);
    CHECK(!ask(&c, 1));
    CHECK(held->bytes[0] == 1 && held->bytes[LEN - 1] == 1);
    chunk_cache_give_back(&c, held);
    chunk_cache_deinit(&c);
    CHECK_EQ_U64(budget.used_bytes, 0);
}

TEST(chunk_cache_takes_no_more_than_its_budget)
{
    struct budget budget;
    struct chunk_cache c;
    budget_init(&budget, NULL, 2 * LEN);
    chunk_cache_init(&c, ROOM * LEN, &budget);
    CHECK(keep(&c, 1));
    CHECK(!keep(&c, 2));
    chunk_cache_deinit(&c);
    CHECK_EQ_U64(budget.used_bytes, 0);
}
