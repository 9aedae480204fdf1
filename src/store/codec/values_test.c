#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/bytes.h"
#include "base/test.h"
#include "store/codec/values_sample.h"

struct column {
    struct buf head, numbers, text;
    struct arena arena;
    struct values values;
};

static struct values_encoder *encoder(void)
{
    static struct values_encoder *e;
    if (!e)
        e = values_encoder_create();
    CHECK(e != NULL);
    return e;
}

static void column_deinit(struct column *c)
{
    buf_deinit(&c->head);
    buf_deinit(&c->numbers);
    buf_deinit(&c->text);
    arena_deinit(&c->arena);
}

/* Encodes and loads; the parts lie in memory of their exact size, so that a read past them is seen. */
static void column_init(struct column *c, const struct values_input *in)
{
    struct bole_err err = {0};
    *c = (struct column){0};
    buf_init(&c->head, NULL);
    buf_init(&c->numbers, NULL);
    buf_init(&c->text, NULL);
    arena_init(&c->arena, NULL);
    CHECK_OK(values_encode(encoder(), in, &c->head, &c->numbers, &c->text, &err), err);
    bole_slice heads = buf_slice(&c->head);
    CHECK_OK(values_open(&c->values, in->count, &heads, &c->arena, &err), err);
    CHECK_EQ_U64(heads.len, 0);
    CHECK_EQ_U64(values_numbers_size(&c->values), c->numbers.len);
    CHECK_EQ_U64(values_text_size(&c->values), c->text.len);
    c->numbers.ptr = realloc(c->numbers.ptr, c->numbers.cap = c->numbers.len ? c->numbers.len : 1);
    c->text.ptr = realloc(c->text.ptr, c->text.cap = c->text.len ? c->text.len : 1);
    CHECK_OK(values_load(&c->values, buf_slice(&c->numbers), buf_slice(&c->text), in->time_ns, &c->arena, &err), err);
}

/* Every value comes back, as values_put writes it and as values_len says; the stamp holds for all of them. */
static void check_values(const struct values *v, const struct values_input *in)
{
    size_t longest = 0;
    for (uint32_t i = 0; i < in->count; i++)
        longest = in->values[i].len > longest ? in->values[i].len : longest;
    CHECK_EQ_U64(v->stamp.max_len >= longest, 1);
    uint8_t *out = malloc(longest + 16);
    for (uint32_t i = 0; i < in->count; i++) {
        bole_slice want = in->values[i];
        CHECK_EQ_U64(values_len(v, i), want.len);
        CHECK(values_put(v, i, out) == out + want.len);
        CHECK_EQ_SLICE(bole_slice_from(out, want.len), want);
        CHECK(want.len >= v->stamp.min_len && want.len <= v->stamp.max_len);
        if (v->type == VALUES_DICT || v->type == VALUES_CONST)
            CHECK_EQ_SLICE(values_distinct(v, values_id(v, i)), want);
        else
            CHECK_EQ_U64(values_distinct_count(v), 0);
    }
    free(out);
}

static bool model_matches(bole_slice s, enum values_match how, bole_slice needle)
{
    if (needle.len > s.len)
        return false;
    for (size_t at = 0; at <= s.len - needle.len; at++) {
        if ((how == VALUES_STARTS && at > 0) || (how == VALUES_ENDS && at + needle.len < s.len) ||
            (how == VALUES_EQUALS && needle.len != s.len))
            continue;
        if (bole_slice_eq(bole_slice_from(s.ptr + at, needle.len), needle))
            return true;
    }
    return false;
}

static void check_find(const struct values *v, const struct values_input *in, bole_slice needle)
{
    uint64_t bits[VALUES_COUNT_MAX / 64];
    bool any = false;
    for (unsigned how = VALUES_CONTAINS; how <= VALUES_ENDS; how++) {
        memset(bits, 0xa5, sizeof bits);
        values_find(v, how, needle, bits);
        for (uint32_t i = 0; i < in->count; i++) {
            bool want = model_matches(in->values[i], how, needle);
            CHECK_EQ_U64(bits[i / 64] >> i % 64 & 1, want);
            any |= want && how == VALUES_CONTAINS;
        }
        if (in->count % 64)
            CHECK_EQ_U64(bits[in->count / 64] >> in->count % 64, 0);
    }
    if (any)
        CHECK(values_may_contain(v, needle));
}

/* Needles: a value, a piece of one, a piece with one byte changed, bytes across two values, nothing. */
static void check_finds(const struct values *v, const struct values_input *in, struct random *r)
{
    for (unsigned n = 0; n < 12; n++) {
        uint8_t text[80];
        uint32_t i = (uint32_t)random_below(r, in->count);
        bole_slice s = in->values[i], next = in->values[(i + 1) % in->count];
        size_t len = s.len < 40 ? s.len : 40, more = next.len < 40 ? next.len : 40;
        memcpy(text, s.ptr + s.len - len, len);
        memcpy(text + len, next.ptr, more);
        size_t from = n % 3 ? (size_t)random_below(r, len + 1) : 0;
        size_t end = n % 4 == 3 ? len + more : n % 3 ? from + (size_t)random_below(r, len - from + 1) : len;
        if (n % 5 == 4 && end > from)
            text[from + random_below(r, end - from)] ^= (uint8_t)(1 << random_below(r, 8));
        check_find(v, in, bole_slice_from(text + from, end - from));
    }
    check_find(v, in, (bole_slice){0});
}

TEST(columns_of_every_kind_come_back_and_are_searched_like_the_model)
{
    uint64_t seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : (uint64_t)time(NULL);
    printf("seed %" PRIu64 "\n", seed);
    struct random r;
    random_seed(&r, seed);
    static const uint32_t counts[] = {1, 2, 3, 63, 64, 65, 300, 2000};
    for (unsigned round = 0; round < 40 * VALUES_SAMPLE_KINDS; round++) {
        struct values_sample s;
        struct column c;
        values_sample_init(&s, &r, round % VALUES_SAMPLE_KINDS, counts[random_below(&r, 8)]);
        struct values_input in = {s.values, s.count, random_next(&r) & 1 ? s.time_ns : NULL};
        column_init(&c, &in);
        check_values(&c.values, &in);
        check_finds(&c.values, &in, &r);
        column_deinit(&c);
        values_sample_deinit(&s);
    }
}
