#include "receive/limits.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/test.h"

static struct limits *with(const char *first, const char *second)
{
    struct limits *l = limits_create();
    struct bole_err err;
    CHECK_OK(limits_add(l, bole_slice_str(first), &err), err);
    if (second)
        CHECK_OK(limits_add(l, bole_slice_str(second), &err), err);
    return l;
}

TEST(a_tenants_rule_stands_above_everybodys)
{
    struct limits *l = with("bytes=10MB, records=500,body=1MiB", "acme:records=7,fields=3");
    struct tenant_limit all = limits_of(l, S("other")), acme = limits_of(l, S("acme"));
    CHECK(all.bytes_per_s == 1e7 && all.records_per_s == 500 && all.body_bytes == 1 << 20 && all.fields == 0);
    CHECK(acme.bytes_per_s == 1e7 && acme.records_per_s == 7 && acme.body_bytes == 1 << 20 && acme.fields == 3);
    limits_destroy(l);
}

TEST(wrong_rules_are_told)
{
    static const char *const wrong[] = {"bytes", "bytes=", "bytes=x", "bytes=5XB", "size=5", "../x:bytes=1", "bytes=99999999999999999", "a:b:bytes=1", "bytes=-1"};
    struct limits *l = limits_create();
    struct bole_err err;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_EQ_STATUS(limits_add(l, bole_slice_str(wrong[i]), &err), BOLE_E_INVALID);
    limits_destroy(l);
}

/* However large requests are and whenever they come, over time it is the rate. */
TEST(the_rate_holds_over_time)
{
    static const unsigned sizes[] = {1, 10, 99, 1000, 5000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct limits *l = with("records=1000", NULL);
        uint64_t wait, taken = 0, seconds = 60;
        enum limit_kind kind;
        for (uint64_t ms = 0; ms < seconds * 1000; ms++)
            while (limits_admit(l, S("a"), (1000 + ms) * NS_PER_MS, &wait, &kind)) {
                limits_charge(l, S("a"), sizes[i], 10);
                taken += sizes[i];
            }
        CHECK(taken >= 1000 * seconds && taken <= 1000 * (seconds + 1) + sizes[i]);
        limits_destroy(l);
    }
}

TEST(who_owes_is_told_how_long)
{
    struct limits *l = with("bytes=1000,records=10", NULL);
    uint64_t wait, now = 1000 * NS_PER_S;
    enum limit_kind kind;
    CHECK(limits_admit(l, S("a"), now, &wait, &kind));
    limits_charge(l, S("a"), 1, 5000);
    CHECK(!limits_admit(l, S("a"), now, &wait, &kind));
    CHECK(kind == LIMIT_BYTES && wait >= 4 * NS_PER_S && wait < 5 * NS_PER_S);
    CHECK(limits_admit(l, S("b"), now, &(uint64_t){0}, &kind)); /* a neighbour is not harmed */
    CHECK(!limits_admit(l, S("a"), now + wait - NS_PER_MS * 10, &(uint64_t){0}, &kind));
    CHECK(limits_admit(l, S("a"), now + wait, &wait, &kind));
    CHECK_EQ_U64(limits_refused(l, LIMIT_BYTES), 2);
    limits_destroy(l);
}
