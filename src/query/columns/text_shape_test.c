/* `| regexp` and `| pattern` out of the columns of a segment against the parsers themselves, which go over lines. */
#include "query/columns/text_shape.h"

#include <stdio.h>

#include "query/pipeline.h"
#include "query/columns/shape_fixture.h"
#include "query/stage/chain.h"
#include "query/stage/pattern.h"

static const char *const regexps[] = {
    "(?P<a>[A-Za-z]+)[^A-Za-z]*$", "^(?P<a>\\S+) (?P<b>\\S+)", "^(?P<a>\\S+) .*\"(?P<b>[A-Z]+) (?P<c>\\S+)", "(?P<a>\\d+)ms$", "(?P<a>\\d+)",
    "x=(?P<a>[^ ]*) ", "x=(?P<a>.*?)-(?P<b>\\w*)", "(?P<a>\\d{2,3})-(?P<b>.)", "(?P<a>.*)-(?P<b>.*)", "(?P<a>.+?)-+(?P<b>\\w+)", " (?P<a>\\w*)$",
    "^(?P<a>.{3})", "(?P<a>x*)(?P<b>\\d+)-", "^(?P<a>-?)(?P<b>\\d+)", "(?P<a>[a-c]+?)(?P<b>[b-d]*) ", "(?P<a>[^-]+)-(?P<b>[^-]+)-(?P<c>[^-]+)",
    "(?P<a>\\w+) (?P<b>\\w+) (?P<c>\\w+)$", "(?P<a>a|b)", "(?i)(?P<a>x)", "\\[(?P<a>[^\\]]*)\\]", "(?P<a>\\d*)-(?P<b>\\d*)-", "^(?P<a>\\w+)$",
    "(?P<a>\\d+)[^-]*$", "(?P<a>\\D{0,2})(?P<b>\\d{1,})", "(?P<a>.*)(?P<b>\\d+)", "(?P<a>\\S*)(?P<b>\\w)", "(?P<a>.*?)(?P<b>[a-z]+)$",
};
static const char *const patterns[] = {
    "<a> <b>", "<a> <_> <b>", "x=<a> <_>", "<_>x=<a>-<b>", "<a>-<b>-<c>", "<_>[<a>]<_>", "[<a>] <b>", "<_>\"<a> <b>\"<c>", "<_>ms<a>", "- <a>",
    "<a> - <b>", "<_>--<a>", "<_> a<b>",
};
static const char *const literals[] = {"", "", " ", " ", "-", "x=", "[", "] ", "\" ", " \"", "ms", "GET ", "--", "a", "7", "\xc3\xa9", " - "};
static const char *const values[] = {"",  "-", "7", "42", "1234", "abc", "b", "GET", "a b", "x=1", "-5", "\"", "ms", "c-d", "\xc3\xa9", "\xff",
                                     "]", " ", "aXb", "x", "0.5", "\n"};

/* ---- a shape with slots of which some values are known ---- */

enum { SLOTS_MAX = 4, VALUES_MAX = 3 };

struct made_shape {
    struct line_shape line; /* first: slot_of looks behind it */
    uint32_t          pieces[SLOTS_MAX + 1];
    uint8_t           literals[64];
    bole_slice        values[SLOTS_MAX][VALUES_MAX];
};

static struct line_slot slot_of(const struct line_shape *s, uint32_t slot)
{
    const struct made_shape *m = (const struct made_shape *)(const void *)s;
    struct line_slot like = {.len_min = UINT32_MAX};
    for (unsigned i = 0; i < VALUES_MAX; i++) {
        bole_slice v = m->values[slot][i];
        like.len_min = v.len < like.len_min ? (uint32_t)v.len : like.len_min;
        like.len_max = v.len > like.len_max ? (uint32_t)v.len : like.len_max;
        for (size_t k = 0; k < v.len; k++)
            if (v.ptr[k] < 128)
                like.low[v.ptr[k] / 64] |= 1ull << v.ptr[k] % 64;
            else
                like.high = true;
    }
    return like;
}

static void make_shape(struct random *random, struct made_shape *m)
{
    *m = (struct made_shape){.line = {.slot_count = (uint32_t)random_below(random, SLOTS_MAX + 1), .pieces = m->pieces,
                                      .literals = m->literals, .slot = slot_of}};
    size_t at = 0;
    for (uint32_t k = 0; k <= m->line.slot_count; k++)
        for (unsigned n = 0; n < 2; n++) {
            bole_slice literal = bole_slice_str(PICK(random, literals));
            memcpy(m->literals + at, literal.ptr, literal.len);
            at += literal.len;
            m->pieces[k] += (uint32_t)literal.len;
        }
    for (uint32_t k = 0; k < m->line.slot_count; k++) {
        bool is_number = random_below(random, 2);
        for (unsigned i = 0; i < VALUES_MAX; i++)
            m->values[k][i] = bole_slice_str(is_number ? values[2 + random_below(random, 3)] : PICK(random, values));
    }
}

static bole_slice line_of(const struct made_shape *m, const unsigned *chosen, struct arena *arena)
{
    uint8_t *out = arena_bytes(arena, 256);
    size_t n = 0, literal = 0;
    for (uint32_t k = 0; k <= m->line.slot_count; k++) {
        memcpy(out + n, m->literals + literal, m->pieces[k]);
        n += m->pieces[k];
        literal += m->pieces[k];
        if (k == m->line.slot_count)
            break;
        bole_slice v = m->values[k][chosen[k]];
        memcpy(out + n, v.ptr, v.len);
        n += v.len;
    }
    return bole_slice_from(out, n);
}

/* What the reader finds when it gets what it asks for; false: it wants the line. */
static bool derive_values(struct text_shape_reader *r, const struct made_shape *m, const unsigned *chosen, bole_slice *ret, unsigned *ret_asked)
{
    bole_slice known[SLOTS_MAX + 1] = {{0}};
    for (unsigned turn = 0; turn <= m->line.slot_count; turn++) {
        struct line_value found[LINE_VALUES_MAX];
        uint32_t slot = UINT32_MAX;
        enum line_answer answer = r->reader.derive(r->reader.ctx, &m->line, known, &slot, found);
        if (answer == LINE_WHOLE)
            return false;
        for (uint32_t i = 0; answer == LINE_READ && i < r->reader.value_count; i++)
            ret[i] = found[i].slot == LINE_SLOT_LITERAL ? found[i].text
                     : found[i].slot == LINE_SLOT_NONE  ? (bole_slice){0}
                                                        : m->values[found[i].slot][chosen[found[i].slot]];
        if (answer == LINE_READ)
            return true;
        CHECK(slot < m->line.slot_count && !known[slot].ptr);
        known[slot] = m->values[slot][chosen[slot]];
        ++*ret_asked;
    }
    fail_msg("asks without end");
    return false;
}

struct expected { const struct text_shape_reader *reader; bole_slice *values; };

static bool expect_capture(bole_slice name, bole_slice value, void *ctx)
{
    const struct expected *e = ctx;
    for (uint32_t i = 0; i < e->reader->reader.value_count; i++)
        if (bole_slice_eq(e->reader->names[i], name))
            e->values[i] = value.ptr ? value : S("");
    return true;
}

static void check_line(struct text_shape_reader *r, const struct made_shape *m, bole_slice line, const bole_slice *got, const char *text)
{
    bole_slice wanted[LINE_VALUES_MAX] = {{0}}, groups[LINE_VALUES_MAX];
    struct expected e = {r, wanted};
    if (r->stage->kind == STAGE_PATTERN)
        pattern_capture(r->stage->pattern, line, expect_capture, &e);
    else if (regex_find(r->stage->regex, line, 0, groups, r->group_count))
        for (uint32_t i = 0; i < r->reader.value_count; i++)
            wanted[i] = groups[r->places[i]].ptr ? groups[r->places[i]] : S("");
    for (uint32_t i = 0; i < r->reader.value_count; i++)
        if (!bole_slice_eq(got[i], wanted[i]) || !got[i].ptr != !wanted[i].ptr)
            fail_msg("%s on <%.*s>: %.*s is <%.*s>, not <%.*s>", text, BOLE_SLICE_ARG(line), BOLE_SLICE_ARG(r->names[i]),
                     BOLE_SLICE_ARG(got[i]), BOLE_SLICE_ARG(wanted[i]));
}

static struct ast_stage make_stage(bool is_pattern, const char *text, struct arena *arena)
{
    struct bole_err err;
    struct ast_stage s = {.kind = is_pattern ? STAGE_PATTERN : STAGE_REGEXP};
    if (is_pattern) {
        CHECK_OK(pattern_compile(bole_slice_str(text), false, arena, &s.pattern, &err), err);
        return s;
    }
    CHECK_OK(regex_compile(bole_slice_str(text), 0, NULL, &s.regex, &err), err);
    s.chain = chain_compile(bole_slice_str(text), arena);
    return s;
}

TEST(what_is_derived_holds_for_every_line_of_the_shape)
{
    unsigned asked = 0, read = 0, whole = 0;
    struct random random;
    struct arena arena, scratch;
    arena_init(&arena, NULL);
    arena_init(&scratch, NULL);
    random_seed(&random, 5);
    for (unsigned round = 0; round < 40000; round++) {
        bool is_pattern = random_below(&random, 3) == 0;
        const char *text = is_pattern ? PICK(&random, patterns) : PICK(&random, regexps);
        struct ast_stage stage = make_stage(is_pattern, text, &arena);
        struct row row = {0};
        struct text_shape_reader reader;
        struct made_shape m;
        make_shape(&random, &m);
        CHECK(text_shape_reader_init(&reader, &stage, &row, &scratch));
        for (unsigned n = 0; reader.reader.derive && n < 6; n++) {
            unsigned chosen[SLOTS_MAX];
            bole_slice got[LINE_VALUES_MAX];
            for (unsigned k = 0; k < SLOTS_MAX; k++)
                chosen[k] = (unsigned)random_below(&random, VALUES_MAX);
            bool is_read = derive_values(&reader, &m, chosen, got, &asked);
            if (is_read)
                check_line(&reader, &m, line_of(&m, chosen, &arena), got, text);
            read += is_read;
            whole += !is_read;
        }
        regex_destroy(stage.regex);
        arena_reset(&arena);
    }
    arena_deinit(&scratch);
    arena_deinit(&arena);
    CHECK(read > 2 * whole); /* those with bytes above ASCII */
    CHECK(asked < 2 * read); /* it would be no use to ask for everything */
}

/* ---- a store ---- */

struct program {
    const char *literals[6];
    unsigned    kinds[6], count;
};

static struct program draw_program(struct random *random)
{
    struct program p = {.count = 1 + (unsigned)random_below(random, 6)};
    for (unsigned i = 0; i < p.count; i++) {
        p.literals[i] = PICK(random, literals);
        p.kinds[i] = (unsigned)random_below(random, 7);
    }
    return p;
}

static void put_line(struct random *random, const struct program *p, struct buf *b)
{
    for (unsigned i = 0; i < p->count; i++) {
        buf_printf(b, "%s%s", p->literals[i], random_below(random, 4) ? " " : "");
        switch (random_below(random, 40) ? p->kinds[i] : random_below(random, 7)) {
        case 0: buf_printf(b, "%u", (unsigned)random_below(random, 100000)); break;
        case 1: buf_printf(b, "user-%u", (unsigned)random_below(random, 30)); break;
        case 2: buf_put_str(b, PICK(random, values)); break;
        case 3: buf_printf(b, "10.0.%u.%u", (unsigned)random_below(random, 9), (unsigned)random_below(random, 256)); break;
        case 4: buf_printf(b, "%08x", (unsigned)random_next(random)); break;
        case 5: buf_printf(b, "\"GET /%s/%u\"", PICK(random, values), (unsigned)random_below(random, 9)); break;
        default: buf_printf(b, "took %ums", (unsigned)random_below(random, 2000)); break;
        }
    }
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

static void compare(struct shape_fixture *f, struct random *random)
{
    static const char *const forms[] = {
        "sum by (a) (count_over_time({app=\"web\"} %s [200s]))",
        "sum by (b_extracted, a) (count_over_time({app=\"web\"} %s [200s]))",
        "sum by (a, b) (rate({app=\"web\"} %s [7s]))",
        "sum by (c) (count_over_time({app=\"web\"} |= \"-\" %s | a != \"\" [13s]))",
        "sum(count_over_time({app=\"web\"} %s | a > 50 [200s]))",
        "topk(3, sum by (a, a_extracted) (count_over_time({app=\"web\"} %s | drop c [200s])))",
        "sum by (c) (sum_over_time({app=\"web\"} %s | unwrap b | __error__=\"\" [200s]))",
        "sum by (a) (bytes_over_time({app=\"web\"} %s [20s]))",
        "sum by (app) (count_over_time({app=\"web\"} %s [20s]))",
        "count_over_time({app=\"web\"} %s | a = \"7\" | keep app [200s])",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char stage[128], query[300];
        bool is_pattern = random_below(random, 3) == 0;
        snprintf(stage, sizeof stage, "| %s `%s`", is_pattern ? "pattern" : "regexp", is_pattern ? PICK(random, patterns) : PICK(random, regexps));
        bole_slice after, before = bole_slice_cut(bole_slice_str(forms[i]), '%', &after);
        snprintf(query, sizeof query, "%.*s%s%s", BOLE_SLICE_ARG(before), stage, (const char *)after.ptr + 1);
        shape_compare(f, query, i == 2 || i == 3 ? RANGE(0, 120, 10) : AT(150));
    }
}

TEST(captures_out_of_columns_are_what_the_parsers_find_in_lines)
{
    for (uint64_t round = 0; round < 200; round++) {
        struct writer w = writer_of(round);
        struct shape_fixture f;
        shape_open(&f, round);
        shape_fill(&f, 600, round % 5 == 1, put_some_line, &w);
        compare(&f, &w.random);
        shape_close(&f);
    }
}
