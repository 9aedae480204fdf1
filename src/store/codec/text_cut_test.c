#include "store/codec/text_cut.h"

#include <stdio.h>

#include "base/random.h"
#include "base/test.h"

/* ---- what it says ---- */

struct sample {
    const char *template; /* a % per slot */
    struct cut_slot slots[4];
    bool possible;
};

#define WORD   {false, false, 1, 9}
#define PART   {false, false, 1, 3}
#define LONG   {false, false, 5, 9}
#define HOST   {true, true, 3, 20}

static const struct sample samples[] = {
    {"from % port %", {HOST, WORD}, false},
    {"connected to %. ", {HOST}, false},
    {"connected to %.", {HOST}, false},
    {".%:%", {HOST, WORD}, false},
    {"took %.% ms", {PART, PART}, false},
    {"version %.%.%", {PART, PART, PART}, false},
    {"address %.%.%.%", {PART, PART, PART, PART}, true},
    {"address %.%.%.%", {PART, LONG, PART, PART}, false},
    {"address %.%.%.%", {LONG, PART, PART, LONG}, true}, /* their ends may be octets */
    {"Chrome/%.0.0.0 Safari", {LONG}, true},
    {"Chrome/%.0.0x.0 Safari", {LONG}, false},
    {"www.%.com", {HOST}, false},
    {"%.1 ", {HOST}, true},
    {"%%", {HOST, HOST}, true},
    {"%%", {PART, PART}, false},
    {"id %-%-%-%-", {WORD, WORD, WORD, WORD}, false},
    {"id f81d4fae-%-11d0-%-%", {WORD, WORD, WORD}, true},
    {"id f81d4fae-%-11g0-%-%", {WORD, WORD, WORD}, false},
    {"day 2025-%-01-%-7", {PART, PART}, false},
    {"1.2.3.4 f81d4fae-7dec-11d0-a765-00a0c91e6bf6 %", {HOST}, false},
    {"%", {HOST}, false},
};

struct pieces { uint8_t literals[64]; uint32_t lengths[8], columns[8], slot_count; };

static struct cut_template cut_up(const char *text, struct pieces *p)
{
    size_t n = 0;
    *p = (struct pieces){.columns = {0, 1, 2, 3, 4, 5, 6}};
    for (; *text; text++)
        if (*text == '%')
            p->slot_count++;
        else {
            p->literals[n++] = (uint8_t)*text;
            p->lengths[p->slot_count]++;
        }
    return (struct cut_template){p->literals, p->lengths, p->columns, p->slot_count};
}

static struct cut_slot slot_of(void *ctx, uint32_t column)
{
    return ((const struct cut_slot *)ctx)[column];
}

TEST(cut_knows_templates_that_compounds_may_lie_across)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct pieces p;
        struct cut_template t = cut_up(samples[i].template, &p);
        bool possible = cut_possible(&t, slot_of, (void *)samples[i].slots);
        if (possible != samples[i].possible)
            print_error("%s\n", samples[i].template);
        CHECK_EQ_U64(possible, samples[i].possible);
    }
}

/* ---- against compounds in lines ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }
static bool is_word(char c) { return is_hex(c) || c == 'g'; }

/* Where a compound that begins at `at` ends, at the latest; 0: none. */
static size_t quad_end(const char *s, size_t at)
{
    for (unsigned part = 0;; part++) {
        size_t digits = 0;
        while (digits < 3 && is_digit(s[at + digits]))
            digits++;
        if (!digits || part == 3)
            return digits ? at + digits : 0;
        at += digits;
        if (s[at++] != '.')
            return 0;
    }
}

static size_t uuid_end(const char *s, size_t at)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == 'x' ? !is_hex(s[at + i]) : s[at + i] != '-')
            return 0;
    return at + sizeof form - 1;
}

static void put_some(struct random *r, char *out, size_t *len, size_t most, const char *letters)
{
    for (size_t n = random_below(r, most + 1); n; n--)
        out[(*len)++] = letters[random_below(r, strlen(letters))];
}

/* A line in the making: borders are where pieces meet. */
struct line { char text[256]; size_t len, borders[16], border_count; };

static void put_piece(struct line *l, const char *text, size_t len)
{
    memcpy(l->text + l->len, text, len);
    l->len += len;
    l->text[l->len] = '\0';
    l->borders[l->border_count++] = l->len;
}

static bool cuts_words(const struct line *l)
{
    for (size_t i = 0; i < l->border_count; i++)
        if (l->borders[i] && is_word(l->text[l->borders[i] - 1]) && is_word(l->text[l->borders[i]]))
            return true;
    return false;
}

static bool cuts_compounds(const struct line *l)
{
    for (size_t at = 0; at < l->len; at++) {
        size_t quad = quad_end(l->text, at), uuid = uuid_end(l->text, at), end = quad > uuid ? quad : uuid;
        for (size_t i = 0; i < l->border_count; i++)
            if (l->borders[i] > at && l->borders[i] < end)
                return true;
    }
    return false;
}

static void put_value(struct random *r, char *out, size_t *len)
{
    static const char *const whole[] = {"1.2.3.4", "12345678", "abcd", "1234", "0123456789ab", "-1234-", "9.", ".8", "7", "1.2"};
    const char *text = whole[random_below(r, sizeof whole / sizeof *whole)];
    if (random_below(r, 3))
        put_some(r, out, len, 4, "17.-fg");
    else {
        memcpy(out + *len, text, strlen(text));
        *len += strlen(text);
    }
}

static const char *const literals[] = {".", "-", "", " ", "1.", ".1", "-1234-", "12345678-", "g.", ".1g", "-abcd-1234-", ".2.3."};
enum { LITERALS = sizeof literals / sizeof *literals, SLOTS = 4, VALUES = 3 };

TEST(cut_is_certain_where_it_says_no)
{
    struct random r;
    random_seed(&r, random_next(&random_system));
    unsigned cut = 0, clear = 0;
    for (unsigned round = 0; round < 200000; round++) {
        struct pieces p = {.columns = {0, 1, 2, 3}, .slot_count = SLOTS};
        struct cut_slot slots[SLOTS];
        char values[VALUES][SLOTS][32];
        size_t lengths[VALUES][SLOTS], n = 0;
        struct line lines[VALUES] = {0};
        for (unsigned k = 0; k <= SLOTS; k++) {
            const char *text = literals[random_below(&r, LITERALS)];
            p.lengths[k] = (uint32_t)strlen(text);
            memcpy(p.literals + n, text, p.lengths[k]);
            n += p.lengths[k];
            for (unsigned v = 0; v < VALUES; v++)
                put_piece(&lines[v], text, p.lengths[k]);
            if (k == SLOTS)
                break;
            slots[k] = (struct cut_slot){.len_min = UINT32_MAX};
            for (unsigned v = 0; v < VALUES; v++) {
                size_t len = 0;
                put_value(&r, values[v][k], &len);
                lengths[v][k] = len;
                slots[k].dots |= len && memchr(values[v][k], '.', len);
                slots[k].dashes |= len && memchr(values[v][k], '-', len);
                slots[k].len_min = len < slots[k].len_min ? (uint32_t)len : slots[k].len_min;
                slots[k].len_max = len > slots[k].len_max ? (uint32_t)len : slots[k].len_max;
                put_piece(&lines[v], values[v][k], lengths[v][k]);
            }
        }
        struct cut_template t = {p.literals, p.lengths, p.columns, SLOTS};
        bool possible = cut_possible(&t, slot_of, slots), cuts = false;
        for (unsigned v = 0; v < VALUES; v++)
            cuts |= !cuts_words(&lines[v]) && cuts_compounds(&lines[v]);
        if (cuts && !possible)
            print_error("%s | %s | %s\n", lines[0].text, lines[1].text, lines[2].text);
        CHECK(possible || !cuts);
        cut += cuts;
        clear += !possible;
    }
    CHECK(cut > 100 && clear > 1000);
}
