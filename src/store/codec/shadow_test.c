/* A shadow may accept too much but never too little: RE2 says what too little is. */
#include "store/codec/shadow.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/random.h"
#include "base/test.h"
#include "shim/regex.h"

static const char *const pieces[] = {
    "a", "b", "k", "S", "0", "9", "_", " ", "é", "ſ", "\\.", "\\x41", "\\x{e9}", "\\n", ".", "[a-c]", "[^a]", "[^aé]", "\\d", "\\D", "\\w",
    "\\W", "\\s", "\\S", "[[:alpha:]]", "[[:^alpha:]]", "[[:space:]]", "[^[:^upper:]]", "[^\\W]", "[\\s\\d]", "[]a]", "[^]]", "[a-]",
    "[\\x00-\\x1f]", "\\pL", "\\PL", "\\p{Greek}", "[\\pLx]", "[^\\pL]", "^", "$", "\\b", "\\B", "\\A", "\\z", "[K]", "[^K]", "[ſ]", "[^ſ]", "{", "a{,2}",
};
static const char *const counts[] = {"*", "+", "?", "*?", "+?", "??", "{0}", "{1}", "{2}", "{2,}", "{0,2}", "{1,3}", "{14}", "{3,20}"};
static const char *const flags[] = {"(?i)", "(?i:", "(?s:", "(?-i:", "(?:", "(", "(?P<n>", "(?m)"};
static const char *const words[] = {"a", "b", "c", "A", "K", "k", "s", "S", "ſ", "K", "é", "É", "0", "9", "_", " ", "\n", "\t", ".", "]", "{",
                                    "}", "-", ",", "\x01", "\xff", "\x80", "α", "aab", "09", "kS"};

#define PICK(random, list) list[random_below(random, sizeof list / sizeof *list)]

static void put_pattern(struct random *random, struct buf *b, unsigned depth)
{
    for (uint64_t n = 1 + random_below(random, 4); n; n--) {
        if (depth < 3 && random_below(random, 4) == 0) {
            const char *open = PICK(random, flags);
            buf_put_str(b, open);
            if (open[strlen(open) - 1] == ')')
                continue;
            put_pattern(random, b, depth + 1);
            buf_put_str(b, ")");
        } else {
            buf_put_str(b, PICK(random, pieces));
        }
        if (random_below(random, 3) == 0)
            buf_put_str(b, PICK(random, counts));
        if (random_below(random, 8) == 0)
            buf_put_str(b, "|");
    }
}

static void put_subject(struct random *random, struct buf *b)
{
    buf_reset(b);
    for (uint64_t n = random_below(random, 24); n; n--)
        buf_put_str(b, PICK(random, words));
}

static struct shadow_bytes bytes_in(bole_slice s)
{
    struct shadow_bytes b = {0};
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= 0x80)
            b.high = true;
        else
            b.low[s.ptr[i] / 64] |= 1ull << s.ptr[i] % 64;
    }
    return b;
}

/* A match in s must be seen whichever way s is gone over. */
static void check_subject(struct random *random, const struct regex *r, struct shadow *shadow, bole_slice s)
{
    if (!regex_match(r, s))
        return;
    size_t cut = random_below(random, s.len + 1);
    bole_slice head = bole_slice_from(s.ptr, cut), tail = bole_slice_sub(s, cut);
    bool passed = false, known_head = false, known_tail = false, either = false;
    struct shadow_bytes in_head = bytes_in(head), in_tail = bytes_in(tail);
    uint32_t behind = shadow_pass_any(shadow, shadow_pass(shadow, SHADOW_START, head, &known_head), &in_tail, 0, (uint32_t)tail.len + 1, &known_head);
    shadow_pass(shadow, shadow_pass_any(shadow, SHADOW_START, &in_head, (uint32_t)cut, UINT32_MAX, &known_tail), tail, &known_tail);
    shadow_pass(shadow, shadow_union(shadow, behind, SHADOW_START), s, &either);
    shadow_pass(shadow, SHADOW_START, s, &passed);
    if (shadow_run(shadow, SHADOW_START, s) != SHADOW_ACCEPT || !passed || !known_head || !known_tail || !either ||
        shadow_find(shadow, s, 0) == s.len)
        fail_msg("the shadow of `%.*s` refuses \"%.*s\" (%d%d%d%d)", BOLE_SLICE_ARG(regex_pattern(r)), BOLE_SLICE_ARG(s), passed, known_head,
                 known_tail, either);
}

TEST(what_matches_is_accepted)
{
    struct random random;
    struct arena arena;
    struct buf pattern, subject;
    unsigned cast = 0;
    random_seed(&random, 7);
    arena_init(&arena, NULL);
    buf_init(&pattern, NULL);
    buf_init(&subject, NULL);
    for (unsigned i = 0; i < 6000; i++) {
        struct regex *r;
        struct bole_err err;
        buf_reset(&pattern);
        put_pattern(&random, &pattern, 0);
        if (regex_compile(buf_slice(&pattern), 0, NULL, &r, &err) < 0)
            continue;
        arena_reset(&arena);
        struct shadow *shadow = shadow_create(buf_slice(&pattern), &arena);
        cast += shadow != NULL;
        for (unsigned k = 0; shadow && k < 40; k++) {
            put_subject(&random, &subject);
            check_subject(&random, r, shadow, buf_slice(&subject));
        }
        regex_destroy(r);
    }
    CHECK(cast > 1000);
    buf_deinit(&pattern);
    buf_deinit(&subject);
    arena_deinit(&arena);
}

TEST(what_cannot_match_is_refused)
{
    static const struct { const char *pattern, *refused; } cases[] = {
        {"[0-9]{3}[a-z]", "12a 1234 123Z"}, {"(?i)error", "Eror ERRO R"}, {"ab+c", "ac abb"}, {"x|yz", "y z"}, {"é", "e"}, {"[^a-z]", "abc"},
    };
    struct arena arena;
    arena_init(&arena, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shadow *s = shadow_create(bole_slice_str(cases[i].pattern), &arena);
        CHECK(s != NULL);
        if (shadow_run(s, SHADOW_START, bole_slice_str(cases[i].refused)) == SHADOW_ACCEPT)
            fail_msg("%s", cases[i].pattern);
    }
    struct shadow *s = shadow_create(S("[0-9]{3}[a-z]"), &arena);
    struct shadow_bytes digits = bytes_in(S("0123456789"));
    bool accepts = false;
    uint32_t behind = shadow_pass_any(s, SHADOW_START, &digits, 1, 20, &accepts);
    CHECK(!accepts && behind != SHADOW_START);
    CHECK(shadow_run(s, behind, S(" a")) == SHADOW_START);
    CHECK_EQ_U64(shadow_find(s, S("no 12x and then, far behind, 123Z and 456q"), 0), 38);
    arena_deinit(&arena);
}

TEST(patterns_that_say_nothing_have_no_shadow)
{
    static const char *const patterns[] = {"", "a*", "(a|)", "\\Qab\\E", "^$", "a**|b?"};
    struct arena arena;
    arena_init(&arena, NULL);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (shadow_create(bole_slice_str(patterns[i]), &arena))
            fail_msg("%s", patterns[i]);
    arena_deinit(&arena);
}
