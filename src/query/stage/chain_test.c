/* Chains against RE2, which says what is right. */
#include "query/stage/chain.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/random.h"
#include "base/test.h"
#include "shim/regex.h"

enum { GROUPS_MAX = 12 };

struct both {
    struct arena  arena;
    struct regex *regex;
    struct chain *chain;
};

/* False: RE2 does not take it. */
static bool open_both(struct both *b, bole_slice pattern)
{
    struct bole_err err;
    *b = (struct both){0};
    arena_init(&b->arena, NULL);
    if (regex_compile(pattern, 0, NULL, &b->regex, &err) < 0)
        return false;
    b->chain = chain_compile(pattern, &b->arena);
    return true;
}

static void close_both(struct both *b)
{
    regex_destroy(b->regex);
    arena_deinit(&b->arena);
}

static enum chain_answer compare(const struct both *b, bole_slice line)
{
    bole_slice wanted[GROUPS_MAX], got[GROUPS_MAX];
    size_t count = regex_group_count(b->regex) + 1;
    CHECK(count <= GROUPS_MAX);
    enum chain_answer answer = chain_find(b->chain, line, got, count);
    if (answer == CHAIN_UNKNOWN)
        return answer;
    bool same = regex_find(b->regex, line, 0, wanted, count) == (answer == CHAIN_YES);
    for (size_t g = 0; same && answer == CHAIN_YES && g < count; g++)
        same = got[g].ptr == wanted[g].ptr && got[g].len == wanted[g].len;
    if (!same)
        fail_msg("pattern <%.*s>, line <%.*s>", BOLE_SLICE_ARG(regex_pattern(b->regex)), BOLE_SLICE_ARG(line));
    return answer;
}

TEST(which_patterns_are_chains)
{
    static const struct { const char *pattern; bool is_chain; } cases[] = {
        {"^(?P<ip>\\S+) .*\"(?P<method>[A-Z]+) (?P<path>\\S+)", true}, {"(?P<word>[A-Za-z]+)[^A-Za-z]*$", true},
        {"(?P<ip>\\d+\\.\\d+\\.\\d+\\.\\d+)", true}, {"(?<a>x{2,3}?)(?:y)", true}, {"took (?P<ms>\\d{1,9})ms", true}, {"[]a-]+", true},
        {"(?P<a>a|b)", false}, {"(?P<a>ab)+", false}, {"(?i)(?P<a>x)", false}, {"\\b(?P<a>x)", false}, {"(?P<a>^x)", false},
        {"(?P<a>x$)", false}, {"(?P<a>\\pL)", false}, {"(?P<a>[[:alpha:]])", false}, {"(?P<a>\xc3\xa9)", false}, {"a$b", false},
        {"(?P<a>\\x41)", false}, {"\\Qa\\E", false}, {"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct both b;
        CHECK(open_both(&b, bole_slice_str(cases[i].pattern)));
        if (!b.chain == cases[i].is_chain)
            fail_msg("%s", cases[i].pattern);
        close_both(&b);
    }
}

TEST(a_chain_leaves_to_re2_what_is_not_ascii_or_takes_long)
{
    struct both b;
    uint8_t many[4000];
    memset(many, 'a', sizeof many);
    CHECK(open_both(&b, S("(?P<x>a+)b")));
    CHECK(compare(&b, S("caab")) == CHAIN_YES);
    CHECK(compare(&b, S("caac")) == CHAIN_NO);
    CHECK(compare(&b, (bole_slice){0}) == CHAIN_NO);
    CHECK(compare(&b, S("caab\xc3\xa9")) == CHAIN_UNKNOWN);
    CHECK(compare(&b, S("caab\xff")) == CHAIN_UNKNOWN);
    CHECK(compare(&b, bole_slice_from(many, sizeof many)) == CHAIN_NO); /* not tried from every place */
    close_both(&b);
    CHECK(open_both(&b, S("(?P<x>a*)a*a*a*b")));
    CHECK(compare(&b, bole_slice_from(many, sizeof many)) == CHAIN_UNKNOWN);
    close_both(&b);
}

/* ---- drawn ones ---- */

static const char *const sets[] = {"a", "b", " ", "\\.", ".", "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "[ab]", "[^a]", "[^ab ]", "[a-c1-3]", "[]a]",
                                   "[^\\d ]", "[\\w.-]", "[\\n-\\r]", "\\n", "\"", "[^\"]", "}", "]", "\\[", "[a\\]]", "[.-9]"};
static const char *const counts[] = {"", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,3}?", "{2,}", "{0}"};

#define PICK(random, list) list[random_below(random, sizeof list / sizeof *list)]

static void draw_pattern(struct random *random, struct buf *b)
{
    unsigned depth = 0, groups = 0;
    buf_reset(b);
    if (random_below(random, 4) == 0)
        buf_put_str(b, "^");
    for (uint64_t n = 1 + random_below(random, 6); n; n--) {
        if (groups < GROUPS_MAX - 1 && random_below(random, 3) == 0) {
            buf_put_str(b, random_below(random, 3) ? "(" : "(?:");
            groups++;
            depth++;
        }
        buf_put_str(b, PICK(random, sets));
        buf_put_str(b, PICK(random, counts));
        for (; depth && random_below(random, 2); depth--)
            buf_put_str(b, ")");
    }
    for (; depth; depth--)
        buf_put_str(b, ")");
    if (random_below(random, 4) == 0)
        buf_put_str(b, "$");
}

static void draw_line(struct random *random, struct buf *b)
{
    static const char bytes[] = {'a', 'a', 'a', 'b', 'b', ' ', ' ', '.', '1', '2', '"', '\n', ']', '[', '-', '}', 'z', 'A', '\r', 0, 0x7f};
    buf_reset(b);
    for (uint64_t n = 1 + random_below(random, 20); n; n--)
        buf_put_u8(b, (uint8_t)PICK(random, bytes));
}

TEST(a_chain_finds_what_re2_finds)
{
    struct buf pattern, line;
    struct random random;
    unsigned chains = 0, found = 0;
    buf_init(&pattern, NULL);
    buf_init(&line, NULL);
    random_seed(&random, 1);
    for (unsigned round = 0; round < 5000; round++) {
        struct both b;
        draw_pattern(&random, &pattern);
        if (open_both(&b, buf_slice(&pattern)) && b.chain) {
            chains++;
            for (unsigned i = 0; i < 20; i++) {
                draw_line(&random, &line);
                bole_slice exact = {malloc(line.len), line.len}; /* a byte behind it is not to be looked at */
                memcpy((uint8_t *)exact.ptr, line.ptr, line.len);
                found += compare(&b, exact) == CHAIN_YES;
                free((void *)exact.ptr);
            }
        }
        close_both(&b);
    }
    CHECK(chains > 4500 && found > 20000);
    buf_deinit(&pattern);
    buf_deinit(&line);
}
