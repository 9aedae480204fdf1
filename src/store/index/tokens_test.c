#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/random.h"
#include "base/test.h"
#include "store/index/tokens.h"

#define TEXT_MAX  9000u
#define FOUND_MAX (4 * TEXT_MAX)

/* ---- a slow, obvious model ---- */

static bool is_word(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static bool is_hex(int c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static bool is_digit(int c) { return c >= '0' && c <= '9'; }

struct span { enum token_kind kind; uint32_t start, len; };

static int compare(const void *a, const void *b) { return memcmp(a, b, sizeof(struct span)); }

static size_t sort_unique(struct span *s, size_t count)
{
    size_t kept = 0;
    qsort(s, count, sizeof *s, compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || compare(&s[kept - 1], &s[i]) != 0)
            s[kept++] = s[i];
    return kept;
}

static bool is_octet(const uint8_t *p, uint32_t len)
{
    char text[4] = {0}, again[16];
    if (len < 1 || len > 3)
        return false;
    memcpy(text, p, len);
    for (uint32_t i = 0; i < len; i++)
        if (!is_digit(text[i]))
            return false;
    snprintf(again, sizeof again, "%d", atoi(text));
    return atoi(text) <= 255 && strcmp(again, text) == 0;
}

static bool all_hex(bole_slice t, uint32_t start, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        if (!is_hex(t.ptr[start + i]))
            return false;
    return true;
}

static bool joined(bole_slice t, struct span a, struct span b, char sign)
{
    return a.start + a.len + 1 == b.start && t.ptr[b.start - 1] == sign;
}

/* The compounds that end with words[i]. */
static void model_compounds(bole_slice t, const struct span *words, size_t i, struct span *out, size_t *n, bool *skip)
{
    if (i >= 3 && joined(t, words[i - 3], words[i - 2], '.') && joined(t, words[i - 2], words[i - 1], '.') &&
        joined(t, words[i - 1], words[i], '.') && is_octet(t.ptr + words[i - 2].start, words[i - 2].len) &&
        is_octet(t.ptr + words[i - 1].start, words[i - 1].len)) {
        uint32_t first = 0, last = 0, end = words[i - 3].start + words[i - 3].len;
        for (uint32_t n_digits = 1; n_digits <= 3; n_digits++) {
            if (n_digits <= words[i - 3].len && is_octet(t.ptr + end - n_digits, n_digits))
                first = n_digits;
            if (n_digits <= words[i].len && is_octet(t.ptr + words[i].start, n_digits))
                last = n_digits;
        }
        if (first && last)
            out[(*n)++] = (struct span){TOKEN_QUAD, end - first, words[i].start + last - (end - first)};
    }
    if (i < 4 || words[i - 4].len < 8 || words[i].len < 12)
        return;
    bool uuid = all_hex(t, words[i - 4].start + words[i - 4].len - 8, 8) && all_hex(t, words[i].start, 12);
    for (size_t k = i - 3; k <= i; k++)
        uuid = uuid && joined(t, words[k - 1], words[k], '-') &&
               (k == i || (words[k].len == 4 && all_hex(t, words[k].start, 4)));
    if (!uuid)
        return;
    out[(*n)++] = (struct span){TOKEN_UUID, words[i - 4].start + words[i - 4].len - 8, 36};
    skip[i - 3] = skip[i - 2] = skip[i - 1] = true;
    skip[i - 4] |= words[i - 4].len == 8;
}

static size_t model(bole_slice t, bool compounds, struct span *out)
{
    static struct span words[TEXT_MAX];
    static bool skip[TEXT_MAX];
    size_t count = 0, n = 0;
    memset(skip, 0, sizeof skip);
    for (uint32_t i = 0, end; i < t.len; i = end) {
        for (end = i; end < t.len && is_word(t.ptr[end]); end++)
            ;
        if (end > i) {
            words[count++] = (struct span){TOKEN_WORD, i, end - i};
            continue;
        }
        for (; end < t.len && t.ptr[end] > 127; end++)
            ;
        if (end > i)
            out[n++] = (struct span){TOKEN_HIGH, i, end - i};
        else
            end++;
    }
    for (size_t i = 0; compounds && i < count; i++)
        model_compounds(t, words, i, out, &n, skip);
    for (size_t i = 0; i < count; i++)
        if (!skip[i])
            out[n++] = words[i];
    return sort_unique(out, n);
}

/* ---- texts ---- */

/* Text that is likely to hold compounds, halves of compounds, chains, and sometimes giants. */
static bole_slice random_text(struct random *r, uint8_t *out, size_t max)
{
    static const char *const parts[] = {
        "10.1.2.3",
        "255.0.0.256",
        "1.2.3.4.5",
        "v10.1.2.3",
        "10.01.2.3",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "f81d4fae-7dec-11d0-",
        "x_F81D4FAE-7dec-11d0-A765-00a0c91e6bf6ff",
        "-a765-00a0c91e6bf6",
        "blk_-123",
        "00:11:22:33:44:55",
        "gr\303\266\303\237e",
        "\xe6\x97\xa5\xe6\x9c\xac",
        "NullPointerException",
        " ",
        " ",
        ".",
        "-",
        "\"",
        "a",
        "0",
        "_",
        "7",
        "[",
        "\n",
    };
    size_t len = 0, wanted = random_below(r, max);
    size_t kinds = random_below(r, 4) ? sizeof parts / sizeof *parts : 11; /* without blanks: long chains */
    while (len < wanted) {
        const char *part = parts[random_below(r, kinds)];
        size_t n = strlen(part);
        if (random_below(r, 200) == 0 && max - len > 3000) {
            n = random_below(r, 3000);
            memset(out + len, random_below(r, 3) ? 'k' : 0xd0, n);
        } else if (len + n <= max) {
            memcpy(out + len, part, n);
        } else {
            break;
        }
        len += n;
        if (kinds == 11 && len < max)
            out[len++] = random_below(r, 2) ? '.' : '-';
    }
    return bole_slice_from(out, len);
}

static size_t run(struct tokens *t, bole_slice text, enum tokens_mode mode, struct span *out)
{
    const struct token *found;
    size_t count, n = 0;
    tokens_begin(t, text, mode);
    while (tokens_next(t, &found, &count))
        for (size_t i = 0; i < count; i++) {
            out[n++] = (struct span){found[i].kind, found[i].start, found[i].len};
            if (mode == TOKENS_COMPOUNDS || found[i].kind == TOKEN_ODD)
                continue;
            uint8_t lower[TOKEN_LEN_MAX];
            size_t len = found[i].len < TOKEN_LEN_MAX ? found[i].len : TOKEN_LEN_MAX;
            for (size_t k = 0; k < len; k++) {
                uint8_t c = text.ptr[found[i].start + k];
                lower[k] = c >= 'A' && c <= 'Z' ? c + 32 : c;
            }
            CHECK(found[i].hash == hash64(bole_slice_from(lower, len)));
            CHECK(bole_slice_eq(tokens_lower(t, &found[i]), bole_slice_from(lower, len)));
        }
    return sort_unique(out, n);
}

static bool has_giant(const struct span *s, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (s[i].len > 300)
            return true;
    return false;
}

static const struct span *find(const struct span *s, size_t count, struct span wanted)
{
    return bsearch(&wanted, s, count, sizeof *s, compare);
}

struct fixture {
    struct random random;
    struct tokens tokens;
    uint8_t text[TEXT_MAX];
    struct span want[FOUND_MAX], got[FOUND_MAX];
};

static struct fixture *fixture(uint64_t seed)
{
    struct fixture *f = malloc(sizeof *f);
    CHECK(f != NULL);
    random_seed(&f->random, seed);
    return f;
}

TEST(tokens_are_those_of_the_model)
{
    struct fixture *f = fixture(1);
    for (int round = 0; round < 3000; round++) {
        bole_slice text = random_text(&f->random, f->text, round % 10 ? 300 : TEXT_MAX);
        size_t want = model(text, false, f->want), got = run(&f->tokens, text, TOKENS_WORDS, f->got);
        CHECK_EQ_U64(got, want);
        CHECK(memcmp(f->got, f->want, got * sizeof *f->got) == 0);
        bool giant = has_giant(f->want, want), odd = false;
        want = model(text, true, f->want);
        got = run(&f->tokens, text, TOKENS_ALL, f->got);
        for (size_t i = 0; i < got; i++)
            odd |= f->got[i].kind == TOKEN_ODD;
        /* Near a giant token compounds may be missed, but then ODD says so. */
        for (size_t i = 0; i < want; i++)
            if (!find(f->got, got, f->want[i]))
                CHECK(giant && odd &&
                      (f->want[i].kind == TOKEN_UUID || f->want[i].kind == TOKEN_QUAD || f->want[i].kind == TOKEN_ODD));
        for (size_t i = 0; i < got && !giant; i++)
            CHECK(find(f->want, want, f->got[i]));
    }
    free(f);
}

TEST(tokens_of_the_pieces_are_those_of_the_line)
{
    struct fixture *f = fixture(2);
    uint64_t cuts = 0;
    for (int round = 0; round < 1500; round++) {
        bole_slice line = random_text(&f->random, f->text, 200);
        size_t want = run(&f->tokens, line, TOKENS_ALL, f->want), got = 0, from = 0;
        for (size_t at = 1; at <= line.len; at++) {
            if (at < line.len && (random_below(&f->random, 2) || !tokens_is_border(&f->tokens, line, at)))
                continue;
            size_t n = run(&f->tokens, (bole_slice){line.ptr + from, at - from}, TOKENS_ALL, f->got + got);
            for (size_t i = 0; i < n; i++)
                f->got[got + i].start += (uint32_t)from;
            got += n;
            from = at;
            cuts++;
        }
        got = sort_unique(f->got, got);
        CHECK_EQ_U64(got, want);
        CHECK(memcmp(f->got, f->want, got * sizeof *f->got) == 0);
    }
    CHECK(cuts > 5000);
    free(f);
}

TEST(tokens_say_what_must_not_be_cut)
{
    static const struct { const char *text; size_t at; bool border;
    } cases[] = {
        {"ab cd", 1, false},
        {"ab cd", 2, true},
        {"a.b", 1, true},
        {"10.1.2.3 x", 2, false},
        {"10.1.2.3 x", 8, true},
        {"10.1.2 x", 2, true},
        {"v10.1.2.3", 3, false},
        {"1.2.3.4.5", 7, false},
        {"1.2.3.4.5", 1, false},
        {"1.2.3.400", 8, false},
        {"5.0.1700.107", 3, true},
        {"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", 9, false},
        {"x-f81d4fae-7dec-11d0-a765-00a0c91e6bf6", 2, true},
        {"x_f81d4fae-7dec-11d0-a765-00a0c91e6bf6", 2, false},
        {"gr\xc3\xb6"
         "e",
         2, true},
        {"gr\xc3\xb6"
         "e",
         3, false},
    };
    struct fixture *f = fixture(3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(tokens_is_border(&f->tokens, bole_slice_str(cases[i].text), cases[i].at) == cases[i].border);
    free(f);
}

TEST(token_classification_is_the_same_in_every_form)
{
    struct random r;
    uint8_t bytes[256], lower[2][320];
    struct token_masks masks[2][5];
    size_t forms = 0;
    random_seed(&r, 4);
    while (tokens_classify_form(forms))
        forms++;
    token_classify_fn *portable = tokens_classify_form(forms - 1);
    for (size_t form = 0; form + 1 < forms; form++)
        for (size_t round = 0; round < 4000; round++) {
            size_t len = 1 + random_below(&r, sizeof bytes);
            for (size_t i = 0; i < len; i++)
                bytes[i] = round < 256 ? (uint8_t)(round + i) : (uint8_t)random_next(&r);
            memset(masks, 0xff, sizeof masks);
            portable(bytes, len, lower[0], masks[0]);
            tokens_classify_form(form)(bytes, len, lower[1], masks[1]);
            CHECK(memcmp(lower[0], lower[1], len) == 0);
            CHECK(memcmp(masks[0], masks[1], sizeof masks[0]) == 0);
        }
    for (size_t i = 0; i < 256; i++) {
        uint8_t c = (uint8_t)i;
        portable(&c, 1, lower[0], masks[0]);
        CHECK_EQ_U64(masks[0][0].word, is_word(c));
        CHECK_EQ_U64(masks[0][0].high, c > 127);
        CHECK_EQ_U64(masks[0][0].dot, c == '.');
        CHECK_EQ_U64(masks[0][0].dash, c == '-');
        CHECK_EQ_U64(lower[0][0], c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
}
