/*
 * miner.c - see miner.h.
 *
 * Two ways for a line. Its shape (punctuation, words without digits, the places of the others) was seen before: the pattern is
 * remembered, and only words with digits that the pattern still has are compared. Else the patterns of the same punctuation are
 * tried: the most similar one takes the line and loses the words in which they differ.
 */
#include "query/miner.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/hash.h"

enum { MEMO_SIZE = 1 << 14, BUCKET_COUNT = 1 << 12, TRIES_MAX = 64 /* patterns of one bucket that a line is compared with */ };
enum { FLAG_DIGIT = 1, FLAG_WILD = 2 };

struct word {
    bole_slice text;
    bole_slice gap;  /* the punctuation in front of it */
    uint8_t    flags;
};

struct miner_line {
    struct word words[MINER_WORDS_MAX + 1]; /* the last one: what is left of the line */
    uint32_t    count;
    bole_slice  end;  /* the punctuation behind the last word */
    uint64_t    key;  /* punctuation and level */
    uint64_t    shape; /* key, and the words without digits */
};

struct miner_cluster {
    struct miner_cluster *next; /* in its bucket */
    uint64_t              key;
    struct miner_pattern  pattern;
    bole_slice            end;
    uint32_t              count;
    struct word           words[]; /* copies */
};

struct miner_memo {
    uint64_t              shape; /* 0: free */
    struct miner_cluster *cluster;
};

bool miner_init(struct miner *m, struct budget *budget, uint32_t step_count)
{
    *m = (struct miner){.step_count = step_count};
    arena_init(&m->arena, budget);
    m->patterns = arena_array(&m->arena, MINER_PATTERNS_MAX, sizeof *m->patterns);
    m->buckets = arena_array(&m->arena, BUCKET_COUNT, sizeof *m->buckets);
    m->memo = arena_array(&m->arena, MEMO_SIZE, sizeof *m->memo);
    m->line = arena_array(&m->arena, 1, sizeof *m->line);
    return m->patterns && m->buckets && m->memo && m->line;
}

void miner_deinit(struct miner *m)
{
    arena_deinit(&m->arena);
}

/* ---- cutting a line ---- */

/* Blanks and marks end a word; a colon may. */
enum byte_class { BYTE_DIGIT = 1, BYTE_BLANK = 2, BYTE_MARK = 4, BYTE_COLON = 8, BYTE_ENDS = BYTE_BLANK | BYTE_MARK };

static const uint8_t class_of[256] = {
    ['0' ... '9'] = BYTE_DIGIT, [' '] = BYTE_BLANK, ['\t'] = BYTE_BLANK, ['\r'] = BYTE_BLANK, ['\n'] = BYTE_BLANK,
    ['='] = BYTE_MARK, [','] = BYTE_MARK, [';'] = BYTE_MARK, ['"'] = BYTE_MARK, ['\''] = BYTE_MARK, ['('] = BYTE_MARK,
    [')'] = BYTE_MARK, ['['] = BYTE_MARK, [']'] = BYTE_MARK, ['{'] = BYTE_MARK, ['}'] = BYTE_MARK, ['<'] = BYTE_MARK,
    ['>'] = BYTE_MARK, ['|'] = BYTE_MARK, [':'] = BYTE_COLON,
};

/* A colon structures a line behind a key or a quote, but not inside of a time or an address. */
static bool colon_ends(bole_slice line, size_t at)
{
    return at + 1 == line.len || class_of[line.ptr[at + 1]] & BYTE_ENDS || (at && line.ptr[at - 1] == '"');
}

/* Where the word that begins here ends. */
static size_t word_end(bole_slice line, size_t at, bool *ret_digit)
{
    unsigned seen = 0, c;
    for (; at < line.len; at++) {
        c = class_of[line.ptr[at]];
        if (c & BYTE_ENDS || (c & BYTE_COLON && colon_ends(line, at)))
            break;
        seen |= c;
    }
    *ret_digit = seen & BYTE_DIGIT;
    return at;
}

static size_t gap_end(bole_slice line, size_t at)
{
    while (at < line.len && (class_of[line.ptr[at]] & BYTE_ENDS || (line.ptr[at] == ':' && colon_ends(line, at))))
        at++;
    return at;
}

/* Runs of blanks count as one. */
static uint64_t hash_gap(bole_slice gap, uint64_t h)
{
    for (size_t i = 0; i < gap.len; i++) {
        bool blank = class_of[gap.ptr[i]] == BYTE_BLANK;
        if (!blank || !i || class_of[gap.ptr[i - 1]] != BYTE_BLANK)
            h = (h ^ (blank ? ' ' : gap.ptr[i])) * 0x100000001b3;
    }
    return h * 0x9e3779b97f4a7c15 + 1;
}

/* Words are short and many. Whoever makes two of one hash has them taken for the same in his own patterns. */
static uint64_t hash_word(bole_slice s, uint64_t h)
{
    const uint64_t k = 0x9e3779b97f4a7c15;
    const uint8_t *p = s.ptr, *end = p + s.len;
    h = (h ^ s.len) * k;
    for (; end - p > 8; p += 8)
        h = (h ^ h >> 29 ^ load_u64(p)) * k;
    uint64_t rest = s.len >= 8 ? load_u64(end - 8) : s.len >= 4 ? (uint64_t)load_u32(p) << 32 | load_u32(end - 4)
                                                                : (uint64_t)p[0] << 16 | (uint64_t)p[s.len / 2] << 8 | end[-1];
    h = (h ^ h >> 29 ^ rest) * k;
    return h ^ h >> 32;
}

static void add_word(struct miner_line *l, bole_slice gap, bole_slice text, bool digit)
{
    struct word *w = &l->words[l->count++];
    *w = (struct word){text, gap, 0};
    if (digit || text.len > MINER_WORD_MAX)
        w->flags |= FLAG_DIGIT;
    if (text.len > MINER_WORD_MAX)
        w->flags |= FLAG_WILD;
    l->key = hash_gap(gap, l->key);
    l->shape = w->flags ? l->shape * 31 + 7 : hash_word(text, l->shape);
}

static void cut_line(struct miner_line *l, bole_slice line, bole_slice level)
{
    size_t at = 0;
    l->count = 0;
    l->key = l->shape = hash64(level) | 1;
    while (at < line.len && l->count < MINER_WORDS_MAX) {
        size_t from = at, word = gap_end(line, at);
        bool digit;
        at = word_end(line, word, &digit);
        bole_slice gap = bole_slice_from(line.ptr + from, word - from);
        if (at == word) {
            l->end = gap;
            l->key = hash_gap(gap, l->key);
            l->shape = hash64_seed(S(""), l->shape + l->key);
            return;
        }
        add_word(l, gap, bole_slice_from(line.ptr + word, at - word), digit);
    }
    l->end = (bole_slice){0};
    if (at < line.len) {
        add_word(l, (bole_slice){0}, bole_slice_sub(line, at), true);
        l->words[l->count - 1].flags |= FLAG_WILD;
    }
    l->shape = hash64_seed(S(""), l->shape + l->key);
}

/* ---- patterns ---- */

/* Words with a hole: a hole is a digit, so that the shape is right already. */
static void open_holes(struct miner_line *l, bole_slice line, const uint32_t *holes, size_t hole_count)
{
    for (uint32_t i = 0; i < l->count && hole_count; i++) {
        size_t end = (size_t)(l->words[i].text.ptr - line.ptr) + l->words[i].text.len;
        for (; hole_count && *holes < end; holes++, hole_count--)
            l->words[i].flags |= FLAG_WILD;
    }
}

static bool copy_word(struct arena *a, const struct word *w, struct word *ret)
{
    *ret = *w;
    ret->gap = arena_copy(a, w->gap);
    ret->text = w->flags & FLAG_WILD ? S("") : arena_copy(a, w->text);
    return ret->gap.ptr && ret->text.ptr;
}

/* NULL: no memory. */
static struct miner_cluster *new_cluster(struct miner *m, bole_slice level)
{
    const struct miner_line *l = m->line;
    struct miner_cluster *c = arena_zalloc(&m->arena, sizeof *c + l->count * sizeof *c->words);
    if (!c)
        return NULL;
    c->key = l->key;
    c->count = l->count;
    c->end = arena_copy(&m->arena, l->end);
    c->pattern = (struct miner_pattern){.level = arena_copy(&m->arena, level), .cluster = c,
                                        .counts = arena_array(&m->arena, m->step_count, sizeof *c->pattern.counts)};
    bool ok = c->end.ptr && c->pattern.level.ptr && c->pattern.counts;
    for (uint32_t i = 0; ok && i < l->count; i++)
        ok = copy_word(&m->arena, &l->words[i], &c->words[i]);
    if (!ok)
        return NULL;
    struct miner_cluster **bucket = &m->buckets[l->key % BUCKET_COUNT];
    c->next = *bucket;
    *bucket = c;
    m->patterns[m->pattern_count++] = &c->pattern;
    return c;
}

/* How many of the words that decide are the same: 0 to 1. A word that the pattern has lost counts less than half, so that one
 * which has lost much takes no more. Another punctuation: -1. */
static double similarity(const struct miner_cluster *c, const struct miner_line *l)
{
    uint32_t same = 0, lost = 0, all = 0;
    if (c->key != l->key || c->count != l->count)
        return -1;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct word *ours = &c->words[i], *theirs = &l->words[i];
        if (theirs->flags || ours->flags & FLAG_DIGIT)
            continue;
        all++;
        lost += ours->flags & FLAG_WILD ? 1 : 0;
        same += !(ours->flags & FLAG_WILD) && bole_slice_eq(ours->text, theirs->text);
    }
    return all ? (same + 0.4 * lost) / all : 1;
}

/* is_known: of a shape that was taken before. */
static void take_line(struct miner_cluster *c, const struct miner_line *l, bool is_known)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (!(c->words[i].flags & FLAG_WILD) && (!is_known || l->words[i].flags) && !bole_slice_eq(c->words[i].text, l->words[i].text))
            c->words[i].flags |= FLAG_WILD;
}

/* The pattern that the line is most like, or a new one. */
static struct miner_cluster *find_cluster(struct miner *m, bole_slice level)
{
    struct miner_cluster *best = NULL;
    double most = 0.499; /* half of the words */
    unsigned tries = 0;
    for (struct miner_cluster *c = m->buckets[m->line->key % BUCKET_COUNT]; c && tries < TRIES_MAX; c = c->next, tries++) {
        double s = similarity(c, m->line);
        if (s > most) {
            most = s;
            best = c;
        }
    }
    if (best || m->pattern_count < MINER_PATTERNS_MAX - 1)
        return best ? best : new_cluster(m, level);
    /* No room: everything else is one pattern, which has no words. */
    struct miner_line *l = m->line;
    l->count = 1;
    l->words[0] = (struct word){.flags = FLAG_WILD};
    l->end = (bole_slice){0};
    l->key = 0;
    struct miner_cluster *rest = m->buckets[0];
    while (rest && rest->key != 0)
        rest = rest->next;
    return rest ? rest : new_cluster(m, S("unknown"));
}

struct miner_pattern *miner_find(struct miner *m, bole_slice line, const uint32_t *holes, size_t hole_count, bole_slice level)
{
    if (!level.len)
        level = S("unknown");
    cut_line(m->line, line, level);
    open_holes(m->line, line, holes, hole_count);
    uint64_t shape = m->line->shape ? m->line->shape : 1;
    struct miner_memo *memo = &m->memo[shape % MEMO_SIZE];
    bool is_known = memo->shape == shape && memo->cluster->count == m->line->count;
    struct miner_cluster *c = is_known ? memo->cluster : find_cluster(m, level);
    if (!c)
        return NULL;
    *memo = (struct miner_memo){shape, c};
    take_line(c, m->line, is_known);
    return &c->pattern;
}

bool miner_set_example(struct miner *m, struct miner_pattern *p, bole_slice line)
{
    p->example = arena_copy(&m->arena, bole_slice_from(line.ptr, line.len < MINER_EXAMPLE_MAX ? line.len : MINER_EXAMPLE_MAX));
    return p->example.ptr;
}

bool miner_add(struct miner *m, bole_slice line, bole_slice level, uint32_t step)
{
    struct miner_pattern *p = miner_find(m, line, NULL, 0, level);
    if (!p)
        return false;
    miner_count(p, step);
    return !m->keeps_examples || p->example.ptr || miner_set_example(m, p, line);
}

/* ---- the result ---- */

static void print(const struct miner_cluster *c, struct buf *out)
{
    for (uint32_t i = 0; i < c->count; i++) {
        const struct word *w = &c->words[i];
        bool wild = w->flags & FLAG_WILD;
        bool blanks = wild && w->gap.len > 1 && bole_slice_trim(w->gap).len == 0;
        bool joined = wild && !w->gap.len && i && c->words[i - 1].flags & FLAG_WILD; /* two in a row say no more than one */
        buf_put(out, blanks ? S(" ") : w->gap); /* the variable takes what other lines have more */
        if (!joined)
            buf_put(out, wild ? S("<_>") : w->text);
    }
    buf_put(out, c->end);
}

static int by_text(const void *a, const void *b)
{
    const struct miner_pattern *x = *(struct miner_pattern *const *)a, *y = *(struct miner_pattern *const *)b;
    int c = bole_slice_cmp(x->text, y->text);
    return c ? c : bole_slice_cmp(x->level, y->level);
}

static int by_total(const void *a, const void *b)
{
    const struct miner_pattern *x = *(struct miner_pattern *const *)a, *y = *(struct miner_pattern *const *)b;
    return x->total != y->total ? (x->total < y->total ? 1 : -1) : by_text(a, b);
}

static void add_counts(const struct miner *m, struct miner_pattern *to, const struct miner_pattern *from)
{
    to->total += from->total;
    for (uint32_t i = 0; i < m->step_count; i++)
        to->counts[i] = to->counts[i] > UINT32_MAX - from->counts[i] ? UINT32_MAX : to->counts[i] + from->counts[i];
}

struct miner_pattern **miner_ranked(struct miner *m, size_t *ret_count)
{
    struct buf text;
    size_t kept = 0;
    bool ok = true;
    buf_init(&text, m->arena.budget);
    for (size_t i = 0; i < m->pattern_count && ok; i++) {
        buf_reset(&text);
        print(m->patterns[i]->cluster, &text);
        m->patterns[i]->text = arena_copy(&m->arena, buf_slice(&text));
        ok = !text.failed && m->patterns[i]->text.ptr;
    }
    buf_deinit(&text);
    if (m->pattern_count)
        qsort(m->patterns, m->pattern_count, sizeof *m->patterns, by_text);
    for (size_t i = 0; i < m->pattern_count && ok; i++)
        if (kept && by_text(&m->patterns[kept - 1], &m->patterns[i]) == 0)
            add_counts(m, m->patterns[kept - 1], m->patterns[i]);
        else
            m->patterns[kept++] = m->patterns[i];
    m->pattern_count = kept;
    if (kept)
        qsort(m->patterns, kept, sizeof *m->patterns, by_total);
    *ret_count = kept;
    return ok ? m->patterns : NULL;
}
