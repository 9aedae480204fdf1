#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/test.h"
#include "store/codec/distinct.h"
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

static size_t longest_word(bole_slice s)
{
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < s.len; i++) {
        run = isalnum(s.ptr[i]) || s.ptr[i] == '_' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
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
        CHECK(longest_word(want) <= v->stamp.word_max);
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

static uint64_t seed_of_test(void)
{
    uint64_t seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : (uint64_t)time(NULL);
    printf("seed %" PRIu64 "\n", seed);
    return seed;
}

TEST(columns_of_every_kind_come_back_and_are_searched_like_the_model)
{
    struct random r;
    random_seed(&r, seed_of_test());
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

/* ---- which type ---- */

#define TEXT_MAX 64

/* A column of `count` texts that print makes of the row number. */
struct made { bole_slice values[3000]; int64_t time_ns[3000]; char text[3000][TEXT_MAX]; struct values_input in; };

static struct made *make(uint32_t count, void (*print)(uint32_t row, char text[TEXT_MAX]))
{
    struct made *m = malloc(sizeof *m);
    for (uint32_t row = 0; row < count; row++) {
        print(row, m->text[row]);
        m->values[row] = bole_slice_str(m->text[row]);
        m->time_ns[row] = 1735689600000000000 + row * 250000000ll;
    }
    m->in = (struct values_input){m->values, count, m->time_ns};
    return m;
}

static uint64_t scramble(uint32_t row) { return (row + 1) * 0x9e3779b97f4a7c15ull; }

#define PRINTER(name, ...)                                                                                             \
    static void name(uint32_t row, char text[TEXT_MAX])                                                                \
    {                                                                                                                  \
        snprintf(text, TEXT_MAX, __VA_ARGS__);                                                                         \
    }
PRINTER(print_same, "always the same%s", row ? "" : "")
PRINTER(print_words, "%s",
        (const char *[]){"GET", "HEAD", "POST", "", "a longer word than sixteen"}[(scramble(row) >> 32) % 5])
PRINTER(print_mixed, "%c%u-%x", 'a' + row % 26, row, row * row)
PRINTER(print_counter, "%u", 1000 + row * 3)
PRINTER(print_padded, "%05u", (unsigned)(scramble(row) >> 50))
PRINTER(print_unit, "%ums", (unsigned)(scramble(row) >> 44))
PRINTER(print_decimals, "%u.%03u", row % 3, (unsigned)(scramble(row) >> 32) % 1000)
PRINTER(print_signed, "%d", (int)(scramble(row) >> 40) - 5000000)
PRINTER(print_status, "%u", scramble(row) >> 62 ? 404000000 : 200)
PRINTER(print_hex, "0x%016" PRIx64, scramble(row))
PRINTER(print_sha, "%016" PRIX64 "%016" PRIX64 "%08X", scramble(row), scramble(row * 3), row * 77777)
PRINTER(print_ip, "10.%u.%u.%u", row & 3, (unsigned)(scramble(row) >> 60), (unsigned)(scramble(row) >> 40) & 255)
PRINTER(print_uuid, "%08x-1111-4222-8333-%012" PRIx64, (unsigned)(scramble(row) >> 32), scramble(row) >> 16)
PRINTER(print_apache, "01/Jan/2025:00:%02u:%02u -0500", row / 240, row / 4 % 60)
PRINTER(print_epoch, "%u.%03u", 1735689600 + row / 4, row % 4 * 250)

static enum values_type stored_type(const struct made *m, size_t *ret_size, uint32_t *ret_distinct)
{
    struct column c;
    column_init(&c, &m->in);
    check_values(&c.values, &m->in);
    enum values_type type = c.values.type;
    *ret_size = c.numbers.len + c.text.len;
    *ret_distinct = values_distinct_count(&c.values);
    column_deinit(&c);
    return type;
}

TEST(each_type_is_taken_for_what_it_is_for)
{
    static const struct { void (*print)(uint32_t, char *); enum values_type type; size_t size_max; } cases[] = {
        {print_same, VALUES_CONST, 0},       {print_words, VALUES_DICT, 3100},    {print_mixed, VALUES_RAW, 60000},
        {print_counter, VALUES_INT, 3000},   {print_padded, VALUES_INT, 6000},    {print_unit, VALUES_INT, 9000},
        {print_decimals, VALUES_INT, 6000}, {print_signed, VALUES_INT, 9000},    {print_status, VALUES_DICT, 3010},
        {print_hex, VALUES_HEX, 24000},      {print_sha, VALUES_HEX, 60000},      {print_ip, VALUES_IP4, 12000},
        {print_uuid, VALUES_UUID, 48000},    {print_apache, VALUES_TIME, 0},      {print_epoch, VALUES_TIME, 0},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct made *m = make(3000, cases[i].print);
        size_t size;
        uint32_t distinct;
        enum values_type type = stored_type(m, &size, &distinct);
        if (type != cases[i].type || size > cases[i].size_max)
            print_message("%s: type %d, %zu bytes, %u distinct\n", m->text[1], type, size, distinct);
        CHECK_EQ_U64(type, cases[i].type);
        CHECK(size <= cases[i].size_max);
        free(m);
    }
}

TEST(what_a_number_would_print_otherwise_comes_back)
{
    static const char *const cases[][3] = {
        {"-0", "1", "-2"},
        {"01", "1", "2"},
        {"007", "12", "9"},
        {"1.0", "1.00", "2.0"},
        {"-0.0", "1.0", "2.0"},
        {"+1", "2", "3"},
        {"9223372036854775808", "1", "2"},
        {"-9223372036854775808", "1", "-2"},
        {".5", "1.5", "2.5"},
        {"1.", "2.", "3."},
        {"00", "0", "000"},
        {"-05", "-5", "10"},
        {"1.2.3.4", "01.2.3.4", "1.2.3.5"},
        {"1.2.3.256", "1.2.3.4", "1.2.3.5"},
        {"abc1", "ABC2", "abc3"},
        {"0xabc1", "0XABC2", "0xabc3"},
        {"x1y", "x2", "x3y"},
        {"1ms", "2ms", "3s"},
        {"ms", "1ms", "2ms"},
        {"2025-01-01T00:00:00Z", "2025-01-01T00:00:60Z", "2025-01-01T00:00:01Z"},
        {"Jan  1 00:00:00", "Jan 01 00:00:00", "Jan  2 00:00:00"},
        {"2025-02-28", "2025-02-29", "2025-03-01"},
        {"12:00:00.10", "12:00:00.1", "12:00:00"},
        {"12:00:00.000", "12:00:00", "12:00:00.120"},
        {"Mon Dec  5 04:47:44 2005", "Sun Dec  5 04:47:44 2005", "Tue Dec  6 04:47:44 2005"},
        {"", "1", "2"},
        {"1", "", "2"},
        {"12345678-1234-1234-1234-1234567890ab", "12345678-1234-1234-1234-1234567890AB", "x"},
        {"12345678_1234-1234-1234-1234567890ab", "12345678-1234-1234-1234-1234567890ac",
         "12345678-1234-1234-1234-1234567890ad"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (unsigned first = 0; first < 3; first++) { /* the first value is looked at before others */
            bole_slice values[3];
            int64_t time_ns[3] = {1735689600000000000, 1735689601000000000, 1735689602000000000};
            for (unsigned k = 0; k < 3; k++)
                values[k] = bole_slice_str(cases[i][(first + k) % 3]);
            struct values_input in = {values, 3, time_ns};
            struct column c;
            column_init(&c, &in);
            check_values(&c.values, &in);
            column_deinit(&c);
        }
}

TEST(a_dictionary_of_numbers_has_no_text)
{
    struct made *m = make(3000, print_status);
    struct column c;
    column_init(&c, &m->in);
    CHECK_EQ_U64(c.values.type, VALUES_DICT);
    CHECK_EQ_U64(values_distinct_count(&c.values), 2);
    CHECK_EQ_U64(c.text.len, 0);
    CHECK_EQ_SLICE(values_distinct(&c.values, values_id(&c.values, 0)), m->values[0]);
    CHECK(!values_may_contain(&c.values, S("5"))); /* the stamp is of what is there */
    CHECK(values_may_contain(&c.values, S("404")));
    column_deinit(&c);
    free(m);
}

TEST(stamps_of_numbers_rule_out_longer_words)
{
    static const struct {
        void (*print)(uint32_t row, char text[TEXT_MAX]);
        const char *can, *cannot;
    } cases[] = {{print_uuid, "0123456789ab", "0123456789abc"}, {print_ip, "0.1.123", "0.1.1234"},
                 {print_apache, "2025:00:01:02", "20250001020304"}, {print_epoch, "1735689600.25", "17356896000"}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct made *m = make(3000, cases[i].print);
        struct column c;
        column_init(&c, &m->in);
        CHECK(values_may_contain(&c.values, bole_slice_str(cases[i].can)));
        CHECK(!values_may_contain(&c.values, bole_slice_str(cases[i].cannot)));
        column_deinit(&c);
        free(m);
    }
}

TEST(stamps_rule_out_by_length_and_class)
{
    struct made *m = make(100, print_unit);
    struct column c;
    column_init(&c, &m->in);
    CHECK(values_may_contain(&c.values, S("5ms")));
    CHECK(!values_may_contain(&c.values, S("5s!")));
    CHECK(!values_may_contain(&c.values, S("-5")));
    CHECK(!values_may_contain(&c.values, S("12345678901ms")));
    column_deinit(&c);
    free(m);
}

/* The table of docs/format/columns.md as a rule. */
static unsigned class_of_format(uint8_t c)
{
    static const char punctuation[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    const char *mark = c ? strchr(punctuation, c) : NULL;
    if (mark)
        return 32 + (unsigned)(mark - punctuation);
    if (c >= '0' && c <= '9')
        return c - (unsigned)'0';
    if (c >= 'a' && c <= 'z')
        return c <= 'f' ? 10 + c - (unsigned)'a' : 16 + (c - (unsigned)'g') / 2;
    if (c >= 'A' && c <= 'Z')
        return c <= 'F' ? 26 : c <= 'P' ? 27 : 28;
    return c == ' ' ? 29 : c < 0x80 ? 30 : 31;
}

TEST(bytes_are_of_the_classes_that_the_format_says)
{
    for (unsigned c = 0; c < 256; c++) {
        uint8_t byte = (uint8_t)c;
        bole_slice value = {&byte, 1};
        struct values_input in = {&value, 1, NULL};
        struct column column;
        column_init(&column, &in);
        CHECK_EQ_U64(column.values.stamp.classes, 1ull << class_of_format(byte));
        column_deinit(&column);
    }
}

/* The forms of a column that holds the value, alone and beside others. */
TEST(forms_say_what_values_are_as_parts_of_json)
{
    enum { Q = VALUES_QUOTED, N = VALUES_SCALARS, I = VALUES_ITEMS };
    static const struct { const char *value; unsigned forms; } cases[] = {
        {"", Q | I}, {"plain text", Q | I}, {"say \\\"x\\\"", Q}, {"say \"x\"", I}, {"C:\\\\", Q | I}, {"C:\\", I}, {"\\\\\\", I},
        {"12", Q | N | I}, {"-1.5e+3", Q | N | I}, {"007", Q | N | I}, {"1.", Q | I}, {".5", Q | I}, {"1e", Q | I}, {"-", Q | I}, {"1 ", Q | I},
        {"true", Q | N | I}, {"false", Q | N | I}, {"null", Q | I}, {"True", Q | I}, {"[1],[2]", Q | I}, {"]", Q}, {"][", Q}, {"[", Q},
        {"\"]\"", I}, {"\"\\\"]\"", I}, {"\"open", 0}, {"\"end\\\"", 0}, {"\"end\\", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bole_slice value = bole_slice_str(cases[i].value), many[] = {S("7"), value, S("[]"), S("8"), value, S("")};
        struct values_input one = {&value, 1, NULL}, all = {many, 6, NULL};
        struct column alone, beside;
        column_init(&alone, &one);
        column_init(&beside, &all);
        if (values_forms_of(&alone.values) != cases[i].forms)
            fail_msg("<%s> has the forms %u", cases[i].value, values_forms_of(&alone.values));
        CHECK_EQ_U64(values_forms_of(&beside.values), cases[i].forms & (Q | I));
        column_deinit(&alone);
        column_deinit(&beside);
        for (size_t letters = 1; letters < 40; letters++) { /* wherever in a block of bytes it stands */
            char text[64];
            memset(text, 'x', letters);
            strcpy(text + letters, cases[i].value);
            value = bole_slice_str(text);
            column_init(&alone, &one);
            CHECK_EQ_U64(values_forms_of(&alone.values), cases[i].forms & (Q | I));
            column_deinit(&alone);
        }
    }
}

TEST(the_longest_column_and_a_long_value_come_back)
{
    bole_slice *values = calloc(VALUES_COUNT_MAX, sizeof *values);
    char (*text)[8] = calloc(VALUES_COUNT_MAX, sizeof *text);
    size_t long_len = 3 << 20;
    uint8_t *long_value = calloc(1, long_len);
    for (uint32_t i = 0; i < VALUES_COUNT_MAX; i++)
        values[i] = bole_slice_from(text[i], (size_t)snprintf(text[i], sizeof text[i], "%xg", i));
    for (int round = 0; round < 3; round++) {
        struct column c;
        struct values_input in = {values, round == 2 ? 1 : VALUES_COUNT_MAX, NULL};
        column_init(&c, &in);
        check_values(&c.values, &in);
        CHECK_EQ_U64(c.values.type, round == 2 ? VALUES_CONST : VALUES_RAW);
        column_deinit(&c);
        values[0] = bole_slice_from(long_value, long_len);
    }
    free(values);
    free(text);
    free(long_value);
}

/* ---- times ---- */

TEST(a_time_of_day_belongs_to_the_day_of_its_row)
{
    bole_slice values[100];
    int64_t time_ns[100];
    for (unsigned i = 0; i < 100; i++) {
        values[i] = i % 2 ? S("06:06:21") : S("06:06:20");
        time_ns[i] = (1735689600ll + i * 86400 + 6 * 3600 + 6 * 60 + 20 + i % 2) * 1000000000;
    }
    struct values_input in = {values, 100, time_ns};
    struct column c;
    column_init(&c, &in);
    CHECK_EQ_U64(c.values.type, VALUES_TIME);
    CHECK_EQ_U64(c.numbers.len, 0); /* all are as far from their row */
    check_values(&c.values, &in);
    column_deinit(&c);
}

/* ---- what the encoder tells ---- */

struct seen { const struct values_input *in; uint64_t calls; uint8_t *found; };

static void see(void *ctx, bole_slice value)
{
    struct seen *s = ctx;
    s->calls++;
    for (uint32_t i = 0; i < s->in->count; i++)
        if (bole_slice_eq(s->in->values[i], value))
            s->found[i] = 1;
}

TEST(every_distinct_value_is_named_and_seldom_twice)
{
    static void (*const prints[])(uint32_t, char *) = {print_same,    print_words,  print_mixed,
                                                       print_counter, print_apache, print_ip};
    for (unsigned i = 0; i < sizeof prints / sizeof prints[0]; i++) {
        struct made *m = make(1000, prints[i]);
        struct column c;
        uint8_t found[1000] = {0};
        struct seen seen = {&m->in, 0, found};
        column_init(&c, &m->in);
        values_encoder_distinct(encoder(), see, &seen);
        CHECK(memchr(found, 0, sizeof found) == NULL);
        struct distinct d;
        uint64_t hashes[1000];
        int64_t ids[1000];
        CHECK(distinct_init(&d));
        for (uint32_t row = 0; row < 1000; row++)
            hashes[row] = distinct_hash(5, m->values[row]);
        CHECK(distinct_number(&d, &(struct distinct_input){m->values, hashes, 1000, 1000}, ids));
        CHECK(seen.calls <= d.count + d.count / 8);
        distinct_deinit(&d);
        column_deinit(&c);
        free(m);
    }
}

/* Hashes of these, all the same. */
static bool number_colliding(bool exact, uint32_t count, uint32_t *ret_distinct)
{
    static uint8_t text[3000][4];
    static bole_slice values[3000];
    static uint64_t hashes[3000];
    static int64_t ids[3000];
    struct distinct d;
    CHECK(distinct_init(&d));
    for (uint32_t i = 0; i < count; i++) {
        store_u32(text[i], i);
        values[i] = bole_slice_from(text[i], 4);
    }
    bool ok = distinct_number(&d, &(struct distinct_input){values, hashes, count, count, exact}, ids);
    *ret_distinct = d.count;
    distinct_deinit(&d);
    return ok;
}

TEST(values_that_collide_are_told_apart_when_asked_for_and_end_the_dictionary_when_many)
{
    uint32_t n;
    CHECK(number_colliding(true, 50, &n));
    CHECK_EQ_U64(n, 50);
    CHECK(number_colliding(false, 50, &n));
    CHECK_EQ_U64(n, 1);
    CHECK(!number_colliding(true, 3000, &n));
}

TEST(hashes_differ_where_values_differ_in_length_alone)
{
    uint8_t text[64];
    uint64_t seen[sizeof text];
    for (unsigned fill = 0; fill < 2; fill++)
        for (unsigned i = 0; i < sizeof text; i++) {
            memset(text, fill ? 'a' : 0, sizeof text);
            seen[i] = distinct_hash(77, bole_slice_from(text, i));
            for (unsigned k = 0; k < i; k++)
                CHECK(seen[i] != seen[k]);
        }
}

/* ---- bytes that are not to be trusted ---- */

TEST(parts_that_do_not_fit_their_head_are_corrupt)
{
    static void (*const prints[])(uint32_t, char *) = {print_words, print_mixed, print_counter,
                                                       print_hex,   print_ip,    print_padded};
    for (unsigned i = 0; i < sizeof prints / sizeof prints[0]; i++) {
        struct made *m = make(500, prints[i]);
        struct column c;
        struct bole_err err;
        column_init(&c, &m->in);
        bole_slice head = buf_slice(&c.head), numbers = buf_slice(&c.numbers), text = buf_slice(&c.text);
        for (size_t len = 0; len < head.len; len++) {
            struct values v;
            bole_slice cut = bole_slice_from(head.ptr, len);
            CHECK_EQ_STATUS(values_open(&v, 500, &cut, &c.arena, &err), BOLE_E_CORRUPT);
        }
        for (unsigned k = 0; k < 4; k++) {
            struct values v;
            bole_slice again = head, n = numbers, t = text;
            CHECK_EQ_STATUS(values_open(&v, 500, &again, &c.arena, &err), BOLE_OK);
            n.len -= k == 1 && n.len;
            t.len -= k == 2 && t.len;
            bool damaged = n.len < numbers.len || t.len < text.len;
            CHECK_EQ_STATUS(values_load(&v, n, t, m->time_ns, &c.arena, &err), damaged ? BOLE_E_CORRUPT : BOLE_OK);
        }
        column_deinit(&c);
        free(m);
    }
}

/* docs/format/columns.md by hand: what was once stored must stay readable. */
TEST(stored_bytes_are_read_as_the_format_says)
{
#define BYTES(...) {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})}
#define NONE {(const uint8_t[]){0}, 0}
    const int64_t time_ns[3] = {1445096277036999999, 1445096278000000000, -1};
    const struct { bole_slice head, numbers, text; const char *want[3];
    } cases[] = {
        {BYTES(0, 2, 'h', 'i'), NONE, NONE, {"hi", "hi", "hi"}},
        {BYTES(1, 0x80, 0x78, 5, 4, 0x01, 0, 3), BYTES(1, 0, 3), BYTES('a', 'b', 'c', 'd'), {"a", "", "bcd"}},
        {BYTES(2, 0, 0, 2, 0x01, 0, 1, 1, 6, 0x00, 6, 0),
         BYTES(0, 1, 0),
         BYTES('G', 'E', 'T', 'P', 'U', 'T'),
         {"GET", "PUT", "GET"}},
        {BYTES(2, 0, 0, 2, 0x21, 0, 1, 5, 0, 0, 0x01, 2, 1),
         BYTES(0, 0, 1, 0, 1),
         NONE,
         {"0.0.0.1", "0.0.0.2", "0.0.0.1"}},
        {BYTES(3, 2, 't', '=', 1, 's', 3, 2, 0x02, 14, 0xa9, 9),
         BYTES(98, 0, 0xa9, 0, 0, 4),
         NONE,
         {"t=1.05s", "t=0.07s", "t=12.00s"}},
        {BYTES(3, 0, 0, 1, 0, 0x11, 1, 3, 2), BYTES(0, 3, 4), NONE, {"1", "-1", "1"}},
        {BYTES(4, 2, '0', 'x', 0, 2, 0x01, 30, 0xf0, 1), BYTES(0, 0x10, 0xf0), NONE, {"0x0f", "0x1f", "0xff"}},
        {BYTES(4, 0, 0, 0x80 | 17, 0x01, 0, 11, 0x01, 0, 15),
         BYTES(10, 11, 0, 15, 1, 2),
         NONE,
         {"000000000000000AF", "000000000000000B1", "00000000000000002"}},
        {BYTES(5, 0, 0, 0x02, 0x80, 0x80, 0x80, 0xa0, 1, 0x80, 2),
         BYTES(1, 0, 2, 0, 1, 0),
         NONE,
         {"10.0.0.1", "10.0.1.0", "10.0.0.2"}},
        {BYTES(6, 0, 0, 0, 0x00, 2, 0, 0x01, 0, 0xff, 1),
         BYTES(255, 1, 2),
         NONE,
         {"00000000-0000-0001-0000-0000000000ff", "00000000-0000-0001-0000-000000000001",
          "00000000-0000-0001-0000-000000000002"}},
        {BYTES(7, 0, 0, 1, 0x03, ',', 1, 0x01, 0, 1),
         BYTES(0, 1, 0),
         NONE,
         {"2015-10-17 15:37:57,036", "2015-10-17 15:37:58,001", "1969-12-31 23:59:59,999"}},
        {BYTES(7, 1, '[', 1, ']', 39, 0x13, '.', 0, 0x02, 0x80, 0x80, 0x90, 0xdf, 0xc0, 0x4a, 0x90, 3),
         BYTES(0, 0x90, 100, 0, 1, 0),
         NONE,
         {"[1280000000]", "[1280000000.4]", "[1280000000.1]"}},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena;
        struct values v;
        struct bole_err err = {0};
        bole_slice values[3], head = cases[i].head;
        arena_init(&arena, NULL);
        for (unsigned k = 0; k < 3; k++)
            values[k] = bole_slice_str(cases[i].want[k]);
        CHECK_OK(values_open(&v, 3, &head, &arena, &err), err);
        CHECK_EQ_U64(head.len, 0);
        CHECK_OK(values_load(&v, cases[i].numbers, cases[i].text, time_ns, &arena, &err), err);
        check_values(&v, &(struct values_input){values, 3, time_ns});
        arena_deinit(&arena);
    }
}

/* Heads by hand; a number is mode and planes, lowest (zigzag), range. */
TEST(heads_that_cannot_be_are_corrupt)
{
#define ONE_NUMBER 0, 2, 0 /* all values are 1 */
    const struct { bole_slice head; bool good;
    } cases[] = {
        {BYTES(VALUES_CONST, 2, 'h', 'i'), true},
        {BYTES(VALUES_CONST, 3, 'h', 'i'), false},
        {BYTES(8, 0, 0, 0), false},
        {BYTES(VALUES_RAW, 0, 0, 0, 0, 0, 0), true},
        {BYTES(VALUES_RAW, 0, 7, 0, 0, 0, 0), true},
        {BYTES(VALUES_RAW, 0, 8, 0, 0, 0, 0), false}, /* forms that there are not */
        {BYTES(VALUES_RAW, 0, 0, 0, 0, 1, 0), false},
        {BYTES(VALUES_RAW, 0, 0, 5, 0, 2, 0xff, 0xff, 0xff, 0xff, 0x0f), false},
        {BYTES(VALUES_DICT, 0, 0, 2, 1, 0, 1, VALUES_RAW, 0, 0, 0, 0), true},
        {BYTES(VALUES_DICT, 0, 0, 1, 1, 0, 1, VALUES_RAW, 0, 0, 0, 0), false}, /* an id that is not there */
        {BYTES(VALUES_DICT, 0, 0, 2, 1, 2, 1, VALUES_RAW, 0, 0, 0, 0), false}, /* ids do not begin at 0 */
        {BYTES(VALUES_DICT, 0, 0, 0, 0, 0, 0, VALUES_RAW, 0, 0, 0, 0), false},
        {BYTES(VALUES_DICT, 0, 0, 0x81, 0x80, 0x04, 0, 0, 0, VALUES_RAW, 0, 0, 0, 0), false}, /* 65,537 values */
        {BYTES(VALUES_DICT, 0, 0, 2, 1, 0, 1, VALUES_CONST, 0), false},
        {BYTES(VALUES_DICT, 0, 0, 2, 1, 0, 1, VALUES_DICT, 0, 2, 1, 0, 1, VALUES_RAW, 0, 0, 0, 0), false},
        {BYTES(VALUES_INT, 0, 0, 1, 0, ONE_NUMBER), true},
        {BYTES(VALUES_INT, 0, 0, 0, 0, ONE_NUMBER), false},
        {BYTES(VALUES_INT, 0, 0, 20, 0, ONE_NUMBER), false},
        {BYTES(VALUES_INT, 0, 0, 2, 2, ONE_NUMBER), false},
        {BYTES(VALUES_INT, 0, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0),
         false}, /* -2^63 */
        {BYTES(VALUES_INT, 9, 0, 1, 0, ONE_NUMBER), false},
        {BYTES(VALUES_INT, 0, 0, 1, 0, 1, 2, 0), false},
        {BYTES(VALUES_INT, 0, 0, 1, 0, 0, 2, 1), false}, /* planes and range */
        {BYTES(VALUES_INT, 0, 0, 1, 0, 0x11, 2, 9, 9), true},
        {BYTES(VALUES_INT, 0, 0, 1, 0, 0x11, 2, 9, 10), false},
        {BYTES(VALUES_INT, 0, 0, 1, 0, 0x19, 2, 9, 9), false},
        {BYTES(VALUES_INT, 0, 0, 1, 0, 0x11, 2, 0, 0), false},
        {BYTES(VALUES_INT, 0, 0, 1, 0, 0x21, 0, 9), true},
        {BYTES(VALUES_INT, 0, 0, 1, 0, 0x21, 2, 9), false},
        {BYTES(VALUES_INT, 0, 0, 1, 0, 0x31, 0, 9), false},
        {BYTES(VALUES_HEX, 0, 0, 16, ONE_NUMBER), true},
        {BYTES(VALUES_HEX, 0, 0, 0, ONE_NUMBER), false},
        {BYTES(VALUES_HEX, 0, 0, 65, ONE_NUMBER, ONE_NUMBER, ONE_NUMBER, ONE_NUMBER, ONE_NUMBER), false},
        {BYTES(VALUES_IP4, 0, 0, ONE_NUMBER), true},
        {BYTES(VALUES_IP4, 0, 0, 0, 1, 0), false},
        {BYTES(VALUES_IP4, 0, 0, 4, 2, 0xff, 0xff, 0xff, 0xff, 0x0f), false}, /* 256.0.0.0 */
        {BYTES(VALUES_UUID, 0, 0, 1, ONE_NUMBER, ONE_NUMBER), true},
        {BYTES(VALUES_UUID, 0, 0, 2, ONE_NUMBER, ONE_NUMBER), false},
        {BYTES(VALUES_TIME, 0, 0, 0, 3, '.', 1, ONE_NUMBER), true},
        {BYTES(VALUES_TIME, 0, 0, 200, 3, '.', 1, ONE_NUMBER), false},
        {BYTES(VALUES_TIME, 0, 0, 0, 10, '.', 1, ONE_NUMBER), false},
        {BYTES(VALUES_TIME, 0, 0, 0, 0x43, '.', 1, ONE_NUMBER), false},
        {BYTES(VALUES_TIME, 0, 0, 0, 3, '.', 2, ONE_NUMBER), false},
        {BYTES(VALUES_TIME, 0, 0, 0, 0x13, 0, 1, ONE_NUMBER), false},
        {BYTES(VALUES_TIME, 0, 0, 0, 0x24, '.', 1, ONE_NUMBER), false},
        {BYTES(VALUES_TIME, 0, 0, 0, 0, '.', 1, ONE_NUMBER), false},
        {BYTES(VALUES_TIME, 0, 0, 33, 3, '.', 1, ONE_NUMBER), false}, /* a fraction of a day */
        {BYTES(VALUES_DICT, 0, 0, 2, 1, 0, 1, VALUES_TIME, 0, 0, 0, 0, 0, 0, ONE_NUMBER), true},
        {BYTES(VALUES_DICT, 0, 0, 2, 1, 0, 1, VALUES_TIME, 0, 0, 0, 0, 0, 1, ONE_NUMBER),
         false}, /* distinct values have no row */
    };
    struct arena arena;
    arena_init(&arena, NULL);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct values v;
        struct bole_err err;
        bole_slice head = cases[i].head;
        bole_status st = values_open(&v, 10, &head, &arena, &err);
        if (st != (cases[i].good ? BOLE_OK : BOLE_E_CORRUPT) || (cases[i].good && head.len))
            print_message("head %u\n", i);
        CHECK_EQ_STATUS(st, cases[i].good ? BOLE_OK : BOLE_E_CORRUPT);
        CHECK(head.len == (cases[i].good ? 0 : cases[i].head.len));
        for (uint32_t count = 0; count <= 65537; count += 65537) {
            head = cases[i].head;
            CHECK_EQ_STATUS(values_open(&v, count, &head, &arena, &err), BOLE_E_CORRUPT);
        }
    }
    arena_deinit(&arena);
}

TEST(an_id_without_a_value_and_lengths_that_do_not_add_up_are_corrupt)
{
    struct made *m = make(500, print_words);
    struct column c;
    struct bole_err err;
    column_init(&c, &m->in);
    bole_slice head = buf_slice(&c.head);
    struct values v;
    CHECK_EQ_STATUS(values_open(&v, 500, &head, &c.arena, &err), BOLE_OK);
    c.numbers.ptr[77] = 200; /* ids come first */
    CHECK_EQ_STATUS(values_load(&v, buf_slice(&c.numbers), buf_slice(&c.text), NULL, &c.arena, &err), BOLE_E_CORRUPT);
    c.numbers.ptr[77] = 0;
    CHECK_EQ_STATUS(values_load(&v, buf_slice(&c.numbers), buf_slice(&c.text), NULL, &c.arena, &err), BOLE_OK);
    column_deinit(&c);
    free(m);
    m = make(500, print_mixed);
    column_init(&c, &m->in);
    head = buf_slice(&c.head);
    CHECK_EQ_STATUS(values_open(&v, 500, &head, &c.arena, &err), BOLE_OK);
    c.numbers.ptr[0]++;
    CHECK_EQ_STATUS(values_load(&v, buf_slice(&c.numbers), buf_slice(&c.text), NULL, &c.arena, &err), BOLE_E_CORRUPT);
    column_deinit(&c);
    free(m);
}

TEST(a_time_that_cannot_be_printed_is_corrupt)
{
    struct made *m = make(500, print_apache);
    struct column c;
    struct bole_err err;
    struct values v;
    column_init(&c, &m->in);
    bole_slice head = buf_slice(&c.head);
    CHECK_EQ_STATUS(values_open(&v, 500, &head, &c.arena, &err), BOLE_OK);
    m->time_ns[99] = INT64_MAX; /* 2262 */
    CHECK_EQ_STATUS(values_load(&v, buf_slice(&c.numbers), buf_slice(&c.text), m->time_ns, &c.arena, &err),
                    BOLE_E_CORRUPT);
    column_deinit(&c);
    free(m);
}

TEST(any_bytes_are_refused_or_keep_the_contract)
{
    struct random r;
    random_seed(&r, seed_of_test());
    uint8_t bytes[6000];
    unsigned used = 0;
    for (unsigned round = 0; round < 30000; round++) {
        size_t size = random_below(&r, sizeof bytes);
        unsigned small = (unsigned)random_below(&r, 4);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(random_next(&r) & (small == 0 ? 0xff : small == 1 ? 0x0f : small == 2 ? 0x03 : 0x01));
        if (size > 3)
            bytes[3] = (uint8_t)random_below(&r, 8);
        used += values_sample_attack(bole_slice_from(bytes, size));
    }
    CHECK(used > 100); /* else this shows nothing */
}

TEST(damaged_columns_are_refused_or_keep_the_contract)
{
    struct random r;
    random_seed(&r, seed_of_test());
    unsigned used = 0, refused = 0;
    for (unsigned round = 0; round < 100 * VALUES_SAMPLE_KINDS; round++) {
        struct values_sample s;
        struct column c;
        values_sample_init(&s, &r, round % VALUES_SAMPLE_KINDS, 1 + (uint32_t)random_below(&r, 100));
        column_init(&c, &(struct values_input){s.values, s.count, s.time_ns});
        struct buf all = {0};
        buf_put_u16(&all, (uint16_t)s.count);
        buf_put_u8(&all, (uint8_t)c.head.len);
        buf_put(&all, buf_slice(&c.head));
        buf_put(&all, buf_slice(&c.numbers));
        buf_put(&all, buf_slice(&c.text));
        buf_put(&all, bole_slice_from(s.time_ns, s.count * sizeof *s.time_ns));
        for (unsigned k = 0; k < 20 && c.head.len < 256; k++) {
            size_t at = random_below(&r, k % 2 ? 3 + c.head.len : all.len);
            uint8_t was = all.ptr[at];
            all.ptr[at] = k % 4 < 2 ? (uint8_t)random_next(&r) : (uint8_t)(was + 1);
            bool ok = values_sample_attack(buf_slice(&all));
            used += ok;
            refused += !ok;
            all.ptr[at] = was;
        }
        buf_deinit(&all);
        column_deinit(&c);
        values_sample_deinit(&s);
    }
    CHECK(used > 1000 && refused > 1000);
}

TEST(a_column_that_finds_no_room_says_so)
{
    struct made *m = make(3000, print_uuid);
    struct column c;
    column_init(&c, &m->in);
    bool limited = false;
    for (size_t room = 0; room < 400000; room += 10000) {
        struct budget budget;
        struct arena arena;
        struct values v;
        struct bole_err err;
        bole_slice head = buf_slice(&c.head);
        budget_init(&budget, NULL, room);
        arena_init(&arena, &budget);
        bole_status st = values_open(&v, 3000, &head, &arena, &err);
        if (st == BOLE_OK)
            st = values_load(&v, buf_slice(&c.numbers), buf_slice(&c.text), NULL, &arena, &err);
        CHECK(st == BOLE_OK || st == BOLE_E_LIMIT);
        limited |= st == BOLE_E_LIMIT;
        arena_deinit(&arena);
    }
    CHECK(limited);
    column_deinit(&c);
    free(m);
}
