/* `| logfmt` read out of the columns of a segment against the parser itself, which goes over the lines of the mem store. */
#include "query/columns/shape_fixture.h"

static const char *const keys[] = {"a", "b", "a_extracted", "app", "n", "msg", "x.y", "\xc3\xa9", "1st", "level"};
static const char *const words[] = {"", "plain", "12", "-", "a=b", "\"", "x\"y", "\xc3\xa9t\xc3\xa9", "\xff", "\xef\xbf\xbd", "back\\", "=", "two words", "n=7", "\t"};
static const char *const quoted[] = {"", "plain", "two words", "a=1 b=2", "quo\\\"te", "back\\\\", "\\u00e9", "\xc3\xa9", "\xff", "\\x", "x\\", "\" n=1 \"", "tab\t"};
static const char *const odd[] = {"a=\"open", "=1 a=2", "\"a\"=3 b=4", "a=1=2 n=3", "", "   ", "a", "a=\"x\"y n=4", "text and b=5"};

/* Lines of one program have the same keys, mostly in the same order, and a kind of value for each. */
struct program {
    const char *keys[6];
    unsigned    kinds[6], count;
    bool        has_prefix;
};

static struct program draw_program(struct random *random)
{
    struct program p = {.count = 1 + (unsigned)random_below(random, 6), .has_prefix = random_below(random, 3) == 0};
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
    case 1: buf_printf(b, "user-%u", (unsigned)random_below(random, 30)); return;
    case 2: buf_printf(b, "\"%s\"", PICK(random, quoted)); return;
    case 3: buf_put_str(b, PICK(random, words)); return;
    case 4: buf_printf(b, "%ums", (unsigned)random_below(random, 300)); return;
    case 5: buf_printf(b, "\"took %u of %s\"", (unsigned)random_below(random, 100), PICK(random, quoted)); return;
    default: buf_printf(b, "%08x", (unsigned)random_below(random, 1u << 20)); return;
    }
}

static void put_line(struct random *random, const struct program *p, struct buf *b)
{
    if (p->has_prefix)
        buf_printf(b, "2024-01-02T03:04:%02uZ [%s] ", (unsigned)random_below(random, 60), PICK(random, words));
    for (unsigned i = 0; i < p->count; i++) {
        buf_printf(b, "%s%s=", i ? random_below(random, 20) ? " " : "" : "", p->keys[i]);
        put_value(random, random_below(random, 25) ? p->kinds[i] : (unsigned)random_below(random, 7), b);
    }
    if (random_below(random, 30) == 0)
        buf_printf(b, " %s", PICK(random, odd));
}

/* A few programs write in turns. */
struct writer {
    struct random  random;
    struct program programs[3];
};

static void put_some_line(struct buf *b, void *ctx)
{
    struct writer *w = ctx;
    put_line(&w->random, &w->programs[random_below(&w->random, 3)], b);
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
        "sum by (a) (count_over_time({app=\"web\"} | logfmt [200s]))",
        "sum by (b_extracted, a) (count_over_time({app=\"web\"} | logfmt [200s]))",
        "sum by (a, a_extracted) (count_over_time({app=\"web\"} | logfmt [200s]))",
        "sum by (app, app_extracted) (count_over_time({app=\"web\"} | logfmt [200s]))",
        "sum(count_over_time({app=\"web\"} | logfmt | a > 5000 [200s]))",
        "sum(count_over_time({app=\"web\"} | logfmt | n >= 1 or msg = \"plain\" [200s]))",
        "topk(3, sum by (msg) (count_over_time({app=\"web\"} |= \"msg\" | logfmt | msg != \"\" [200s])))",
        "sum by (x_y, level) (rate({app=\"web\"} | logfmt [7s]))",
        "sum by (_1st, _) (count_over_time({app=\"web\"} | logfmt | drop b [200s]))",
        "sum by (b) (sum_over_time({app=\"web\"} | logfmt | unwrap n | __error__ = \"\" [200s]))",
        "sum by (a) (count_over_time({app=\"web\"} | logfmt --keep-empty [200s]))",
        "sum by (a, __error__) (count_over_time({app=\"web\"} | logfmt --strict | __error__ != \"x\" [200s]))",
        "sum by (z) (count_over_time({app=\"web\"} | logfmt z=\"a\", n [200s]))",
        "count_over_time({app=\"web\"} | logfmt | a = \"12\" | keep app [200s])",
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        shape_compare(f, queries[i], i == 7 ? RANGE(0, 120, 10) : AT(150));
}

TEST(values_of_columns_are_what_logfmt_finds_in_lines)
{
    for (uint64_t round = 0; round < 250; round++) {
        struct writer w = writer_of(round);
        struct shape_fixture f;
        shape_open(&f, round);
        shape_fill(&f, 400, round % 5 == 1, put_some_line, &w);
        compare(&f);
        shape_close(&f);
    }
}
