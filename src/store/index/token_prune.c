/*
 * A needle is cut into tokens. Each says which row groups can have it:
 *
 *   a word with signs on both sides   those the map gives for it
 *   a word at an open edge            those the map gives for it, and those that can have a longer token with it
 *                                     inside; with fewer than TOKEN_EDGE_LEN bytes nothing is known
 *   a UUID                            those the map gives: it is found wherever its 36 bytes stand
 *   an address at an open edge        those the map gives for it and for every address that its first octet can end, or
 *                                     its last one begin
 *
 * and in every case those that have text which is not in the map. The groups that remain for all tokens are the answer.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "store/index/token_index.h"
#include "store/index/tokens.h"

#define PARTS_MAX  16u  /* tokens of a needle that are looked up: the longest */
#define PARTS_FEW  4u   /* after so many it is enough to be left with one group */
#define QUADS_MAX  512u /* addresses looked up for one at an open edge */
#define OCTETS_MAX 128u

struct part {
    struct token    token;
    bole_slice      text, lower;
    bool            closed_left;   /* of the needle */
    bool            open_left, open_right;
    uint8_t         before, after; /* the bytes around it; 0, unknown, at the ends of the needle */
    bool            fold_case;
    enum shape_class shape;
};

struct group_set { uint64_t words[TOKEN_GROUP_WORDS]; };

static uint32_t word_count(const struct token_index *x) { return (x->group_count + 63) / 64; }

static void set_stamped(const struct token_index *x, uint64_t flags, struct group_set *s)
{
    for (uint32_t g = 0; g < x->group_count; g++)
        if (x->stamps[g].flags & flags)
            s->words[g / 64] |= 1ull << g % 64;
}

/* ---- words ---- */

static bool is_hex(bole_slice text)
{
    return !(shape_kinds(text) & ~shape_allows[SHAPE_HEX]);
}

/* In a line the word may be one of the first four parts of a UUID, which are not in the map by themselves. At an open edge it
 * is too long for one. */
static bool may_be_in_uuid(const struct part *p)
{
    bool first = p->text.len == 8, middle = p->text.len == 4 && (!p->before || p->before == '-');
    return (first || middle) && is_hex(p->text) && (!p->after || p->after == '-');
}

static void set_unlisted(const struct token_index *x, const struct part *p, struct group_set *s)
{
    bool open = p->open_left || p->open_right, any_case = p->fold_case && p->shape == SHAPE_LOWER;
    uint64_t lengths = open ? shape_from(p->text.len) : shape_bit(p->text.len);
    for (uint32_t g = 0; g < x->group_count; g++) {
        const uint64_t *unlisted = x->stamps[g].unlisted;
        uint64_t seen = unlisted[p->shape] | (any_case ? unlisted[SHAPE_UPPER] | unlisted[SHAPE_ALNUM] : 0);
        if (seen & lengths)
            s->words[g / 64] |= 1ull << g % 64;
    }
}

/* False: nothing is known about this token. */
static bool is_usable(const struct part *p)
{
    bool open = p->open_left || p->open_right;
    switch (p->token.kind) {
    case TOKEN_ODD:
        return false;
    case TOKEN_UUID:
        return true;
    case TOKEN_QUAD: /* "00.1.2.3" can be the end of 100.1.2.3 as well as hold 0.1.2.3 */
        return p->token.start != 1 || p->closed_left || p->before != '0' || p->text.ptr[1] != '.';
    case TOKEN_HIGH:
        if (p->fold_case)
            return false;
        break;
    case TOKEN_WORD:
        break;
    }
    return !open || (p->text.len >= TOKEN_EDGE_LEN && p->text.len <= TOKEN_LEN_MAX);
}

static bole_status find_word(struct token_probe *probe, const struct part *p, const uint64_t *candidates,
                             struct group_set *s, struct bole_err *err)
{
    const struct token_index *x = probe->index;
    bool open = p->open_left || p->open_right;
    set_unlisted(x, p, s);
    if (x->has_compounds && may_be_in_uuid(p))
        set_stamped(x, STAMP_UUID, s);
    if (p->fold_case && (memchr(p->lower.ptr, 's', p->lower.len) || memchr(p->lower.ptr, 'k', p->lower.len)))
        set_stamped(x, STAMP_FOLD, s);
    bole_status st = token_lookup(probe, p->token.hash, s->words, err);
    if (st < 0 || !open)
        return st;
    set_stamped(x, STAMP_GIANT, s);
    struct token_edge edge = {p->lower, !p->open_left, !p->open_right, p->fold_case, p->shape};
    return long_search(probe, &edge, candidates, s->words, err);
}

/* ---- addresses ---- */

/* Octets that end (left) or begin with the digits of `octet`, itself among them. */
static uint32_t octets_with(bole_slice octet, bool left, uint16_t ret_octets[OCTETS_MAX])
{
    uint32_t count = 0;
    for (unsigned v = 0; v < 256; v++) {
        char text[4];
        size_t len = (size_t)snprintf(text, sizeof text, "%u", v);
        if (len >= octet.len && memcmp(left ? text + len - octet.len : text, octet.ptr, octet.len) == 0)
            ret_octets[count++] = (uint16_t)v;
    }
    return count;
}

/* False in *ret_known: there are too many addresses to look up. */
static bole_status find_quad(struct token_probe *probe, const struct part *p, struct group_set *s, bool *ret_known,
                             struct bole_err *err)
{
    uint16_t first[OCTETS_MAX], last[OCTETS_MAX];
    const uint8_t *left_dot = memchr(p->lower.ptr, '.', p->lower.len),
                  *right_dot = memrchr(p->lower.ptr, '.', p->lower.len);
    bole_slice left = {p->lower.ptr, (size_t)(left_dot - p->lower.ptr)};
    bole_slice right = {right_dot + 1, p->lower.len - (size_t)(right_dot + 1 - p->lower.ptr)};
    bole_slice middle = {left_dot, (size_t)(right_dot + 1 - left_dot)};
    uint32_t first_count = octets_with(left, true, first), last_count = octets_with(right, false, last);
    bole_status st = BOLE_OK;
    set_stamped(probe->index, STAMP_ODD, s);
    if (!p->open_left && !p->open_right)
        return token_lookup(probe, p->token.hash, s->words, err);
    *ret_known = (p->open_left ? first_count : 1) * (p->open_right ? last_count : 1) <= QUADS_MAX;
    for (uint32_t i = 0; *ret_known && i < first_count; i++)
        for (uint32_t k = 0; k < last_count && st >= 0; k++) {
            char text[16], octet[8];
            bool wanted_left = p->open_left || (size_t)snprintf(octet, sizeof octet, "%u", first[i]) == left.len;
            bool wanted_right = p->open_right || (size_t)snprintf(octet, sizeof octet, "%u", last[k]) == right.len;
            if (!wanted_left || !wanted_right)
                continue;
            int len =
                snprintf(text, sizeof text, "%u%.*s%u", first[i], (int)middle.len, (const char *)middle.ptr, last[k]);
            st = token_lookup(probe, hash64(bole_slice_from(text, (size_t)len)), s->words, err);
        }
    return st;
}

/* ---- needles ---- */

static uint32_t rank(const struct part *p)
{
    return p->text.len + (p->token.kind == TOKEN_UUID || p->token.kind == TOKEN_QUAD ? TOKENS_WINDOW : 0);
}

/* Puts p among the parts, the highest rank first. */
static void keep_part(struct part parts[PARTS_MAX], uint32_t *count, const struct part *p)
{
    uint32_t at = *count;
    while (at > 0 && rank(&parts[at - 1]) < rank(p))
        at--;
    if (at == PARTS_MAX)
        return;
    uint32_t kept = *count < PARTS_MAX ? *count : PARTS_MAX - 1;
    memmove(&parts[at + 1], &parts[at], (kept - at) * sizeof *parts);
    parts[at] = *p;
    *count = kept + 1;
}

/* The tokens of a needle of at most TOKENS_WINDOW bytes that something can be known about. */
static uint32_t cut_needle(struct tokens *t, const struct token_index *x, const struct token_needle *n,
                           struct part parts[PARTS_MAX])
{
    const struct token *found;
    size_t found_count;
    uint32_t count = 0;
    tokens_begin(t, n->text, x->has_compounds ? TOKENS_ALL : TOKENS_WORDS);
    if (!tokens_next(t, &found, &found_count))
        return 0;
    for (size_t i = 0; i < found_count; i++) {
        size_t end = (size_t)found[i].start + found[i].len;
        struct part p = {
            .token = found[i],
            .text = {n->text.ptr + found[i].start, found[i].len},
            .lower = tokens_lower(t, &found[i]),
            .closed_left = n->closed_left,
            .open_left = found[i].start == 0 && !n->closed_left,
            .open_right = end == n->text.len && !n->closed_right,
            .before = found[i].start ? n->text.ptr[found[i].start - 1] : 0,
            .after = end < n->text.len ? n->text.ptr[end] : 0,
            .fold_case = n->fold_case,
        };
        p.shape = shape_class_of(shape_kinds(p.fold_case ? p.lower : p.text));
        if (is_usable(&p))
            keep_part(parts, &count, &p);
    }
    return count;
}

static uint32_t count_bits(const uint64_t *words, uint32_t count)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < count; i++)
        bits += (uint32_t)__builtin_popcountll(words[i]);
    return bits;
}

static bole_status find_part(struct token_probe *probe, const struct part *p, const uint64_t *candidates,
                             struct group_set *s, bool *ret_known, struct bole_err *err)
{
    switch (p->token.kind) {
    case TOKEN_QUAD:
        return find_quad(probe, p, s, ret_known, err);
    case TOKEN_UUID:
        set_stamped(probe->index, STAMP_ODD, s);
        return token_lookup(probe, p->token.hash, s->words, err);
    default:
        return find_word(probe, p, candidates, s, err);
    }
}

/* Clears in `groups` what cannot have this needle. */
static bole_status prune_one(struct token_probe *probe, struct tokens *t, const struct token_needle *needle,
                             uint64_t *groups, struct bole_err *err)
{
    const struct token_index *x = probe->index;
    struct token_needle n = *needle;
    struct part parts[PARTS_MAX];
    if (n.text.len > TOKENS_WINDOW) { /* what holds the needle holds its beginning */
        n.text.len = TOKENS_WINDOW;
        n.closed_right = false;
    }
    if (!n.text.len)
        return BOLE_OK;
    /* U+017F and U+212A stand for s and k: nothing around them is certain. */
    if (n.fold_case &&
        (memmem(n.text.ptr, n.text.len, "\xc5\xbf", 2) || memmem(n.text.ptr, n.text.len, "\xe2\x84\xaa", 3)))
        return BOLE_OK;
    uint32_t count = cut_needle(t, x, &n, parts), words = word_count(x);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t left = count_bits(groups, words);
        if (left == 0 || (left == 1 && i >= PARTS_FEW))
            break;
        struct group_set s = {0};
        bool known = true;
        bole_status st = find_part(probe, &parts[i], groups, &s, &known, err);
        if (st < 0)
            return st;
        set_stamped(x, STAMP_OPEN, &s);
        for (uint32_t w = 0; known && w < words; w++)
            groups[w] &= s.words[w];
    }
    return BOLE_OK;
}

bole_status token_index_prune(const struct token_index *x, const struct token_needle *needles, size_t count,
                              uint64_t *groups, struct bole_err *err)
{
    struct token_probe probe = {.index = x};
    struct group_set result = {0};
    uint32_t words = word_count(x);
    struct tokens *t = malloc(sizeof *t);
    bole_status st = t ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "index: no memory for a needle");
    buf_init(&probe.read, NULL);
    for (size_t i = 0; i < count && st >= 0; i++) {
        struct group_set s = {0};
        memcpy(s.words, groups, words * sizeof *groups);
        st = prune_one(&probe, t, &needles[i], s.words, err);
        for (uint32_t w = 0; w < words; w++)
            result.words[w] |= s.words[w];
    }
    if (st >= 0)
        memcpy(groups, result.words, words * sizeof *groups);
    buf_deinit(&probe.read);
    free(t);
    return st;
}
