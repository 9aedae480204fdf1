/* `| json` read out of the columns of a segment against the parser itself, which goes over the lines of the mem store. */
#include "query/columns/shape_fixture.h"

static const char *const keys[] = {"a", "b", "a_extracted", "app", "n", "msg", "x.y", "  a ", "\xc3\xa9", "list", "1st", ""};
static const char *const strings[] = {"", "plain", "two words", "quo\\\"te", "back\\\\", "\\u00e9", "\xc3\xa9t\xc3\xa9", "\xff", "null", "12", "{\\\"a\\\":1}",
                                      "end\\\\\\\\", "a,b}", "[x"};
static const char *const scalars[] = {"0", "12", "-3", "1.50", "1e3", "007", "true", "false", "null"};
static const char *const arrays[] = {"", "1,2", "\"a\",\"b]\"", "[1],[2]", "\"\\\"]\"", "{\"a\":1}", " "};
static const char *const odd[] = {"{\"a\":1} trailing {", "{\"a\":1,}", "{}", "[1]", "{\"a\": nope}", "{\"a\":\"open", "{\"a\" 1}", "text", "{\"a\":1]"};

/* Lines of one program have the same keys, mostly in the same order, and a kind of value for each. */
struct program {
    const char *keys[6];
    unsigned    kinds[6], count;
    const char *joint;
};

static struct program draw_program(struct random *random)
{
    struct program p = {.count = 1 + (unsigned)random_below(random, 6), .joint = random_below(random, 2) ? "," : " , "};
    for (unsigned i = 0; i < p.count; i++) {
        p.keys[i] = PICK(random, keys);
        p.kinds[i] = (unsigned)random_below(random, 7);
    }
    return p;
}

static void put_value(struct random *random, unsigned kind, struct buf *b)
{
    switch (kind) {
    case 0: buf_printf(b, "%u", (unsigned)random_below(random, 100000)); return;
    case 1: buf_printf(b, "\"user-%u\"", (unsigned)random_below(random, 30)); return;
    case 2: buf_printf(b, "\"%s\"", PICK(random, strings)); return;
    case 3: buf_put_str(b, PICK(random, scalars)); return;
    case 4: buf_printf(b, "[%s]", PICK(random, arrays)); return;
    case 5: buf_printf(b, "{\"%s\":%u,\"b\":\"%s\"}", PICK(random, keys), (unsigned)random_below(random, 9), PICK(random, strings)); return;
    default: buf_printf(b, "\"at %u, of %x\"", (unsigned)random_below(random, 9), (unsigned)random_below(random, 1u << 20)); return;
    }
}

static void put_line(struct random *random, const struct program *p, bool is_valid, struct buf *b)
{
    if (!is_valid && random_below(random, 10) == 0) {
        buf_put_str(b, PICK(random, odd));
    } else {
        buf_put_str(b, "{");
        for (unsigned i = 0; i < p->count; i++) {
            buf_printf(b, "%s\"%s\":", i ? p->joint : "", p->keys[i]);
            put_value(random, random_below(random, 25) ? p->kinds[i] : (unsigned)random_below(random, 7), b);
        }
        buf_put_str(b, random_below(random, 30) ? "}" : "} and more");
    }
}

/* A few programs write in turns. */
struct writer {
    struct random  random;
    struct program programs[3];
    bool           is_valid;
};

static void put_some_line(struct buf *b, void *ctx)
{
    struct writer *w = ctx;
    put_line(&w->random, &w->programs[random_below(&w->random, 3)], w->is_valid, b);
}

static struct writer writer_of(uint64_t round)
{
    struct writer w;
    random_seed(&w.random, round);
    for (unsigned i = 0; i < 3; i++)
        w.programs[i] = draw_program(&w.random);
    return w;
}

static void compare(struct shape_fixture *f)
{
    static const char *const queries[] = {
        "sum by (a) (count_over_time({app=\"web\"} | json [200s]))",
        "sum by (b_extracted, a) (count_over_time({app=\"web\"} | json [200s]))",
        "sum by (a, a_extracted) (count_over_time({app=\"web\"} | json [200s]))",
        "sum by (app, app_extracted) (count_over_time({app=\"web\"} | json [200s]))",
        "sum(count_over_time({app=\"web\"} | json | a > 5000 [200s]))",
        "sum(count_over_time({app=\"web\"} | json | n >= 1 or msg = \"plain\" [200s]))",
        "topk(3, sum by (msg) (count_over_time({app=\"web\"} |= \"msg\" | json | msg != \"\" [200s])))",
        "sum by (x_y, list) (rate({app=\"web\"} | json [7s]))",
        "sum by (a_b, n_a, msg_n, _1st) (count_over_time({app=\"web\"} | json | drop b [200s]))",
        "sum by (b) (sum_over_time({app=\"web\"} | json | unwrap n [200s]))",
        "sum(count_over_time({app=\"web\"} | json | a = \"null\" [200s]))",
        "count_over_time({app=\"web\"} | json | a = \"12\" | keep app [200s])",
        "sum by (a, n) (count_over_time({app=\"web\"} | json | __error__ = \"\" [200s]))",
        "sum by (b, __error__) (count_over_time({app=\"web\"} | json | __error__ != \"x\" [200s]))",
        "sum by (list) (absent_over_time({app=\"web\"} | json | list = \"x\" [200s]))",
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        shape_compare(f, queries[i], i == 7 ? RANGE(0, 120, 10) : AT(150));
}

TEST(values_of_columns_are_what_the_parser_finds_in_lines)
{
    for (uint64_t round = 0; round < 150; round++) {
        struct writer w = writer_of(round);
        struct shape_fixture f;
        w.is_valid = round % 4;
        shape_open(&f, round);
        shape_fill(&f, 400, round % 5 == 1, put_some_line, &w);
        compare(&f);
        shape_close(&f);
    }
}
