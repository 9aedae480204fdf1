/*
 * An address is a chain of four parts with dots between them, a UUID one of five with dashes. A template is walked once for
 * either: a chain is a run of bytes that such parts can be of, and of slots, whose values may be anything but what their column
 * rules out. It matters when it has enough signs and is more than one piece.
 */
#include "store/codec/text_cut.h"

struct kind {
    uint8_t  sign;
    uint32_t joins;            /* signs in a compound */
    uint32_t len_min, len_max; /* of a part in the middle */
};

static const struct kind kinds[] = {{'.', 3, 1, 3}, {'-', 4, 4, 4}};

struct chain { uint32_t signs, pieces; };

static bool is_part(const struct kind *k, uint8_t c)
{
    return c == k->sign || (unsigned)c - '0' < 10 || (k->sign == '-' && (unsigned)(c | 0x20) - 'a' < 6);
}

static void add_text(struct chain *c, const struct kind *k, const uint8_t *from, const uint8_t *to)
{
    c->pieces += to > from;
    while (from < to)
        c->signs += *from++ == k->sign;
}

/* A sign at an end of a chain joins nothing. */
static void begin_chain(struct chain *c, const struct kind *k, const uint8_t *from, const uint8_t *to)
{
    while (from < to && *from == k->sign)
        from++;
    add_text(c, k, from, to);
}

static bool is_complete(const struct chain *c, const struct kind *k)
{
    return c->pieces > 1 && c->signs >= k->joins;
}

/* True: with it, what was there before may be a compound. */
static bool add_slot(struct chain *c, const struct kind *k, const struct cut_slot *s)
{
    bool middle = s->len_min == 0 || (s->len_min <= k->len_max && s->len_max >= k->len_min);
    c->pieces++;
    if (k->sign == '.' ? s->dots : s->dashes)
        c->signs = k->joins;
    else if (!middle) { /* it ends one chain and begins another */
        if (is_complete(c, k))
            return true;
        *c = (struct chain){.pieces = 1};
    }
    return false;
}

/* A literal that does not belong to a chain as a whole: one ends in it, the next may begin. True: the one that ends may be a
 * compound. */
static bool end_chain(struct chain *c, const struct kind *k, const uint8_t *from, const uint8_t *head, const uint8_t *end)
{
    while (head > from && head[-1] == k->sign)
        head--;
    add_text(c, k, from, head);
    bool complete = is_complete(c, k);
    const uint8_t *tail = end;
    while (tail > head && is_part(k, tail[-1]))
        tail--;
    *c = (struct chain){0};
    begin_chain(c, k, tail, end);
    return complete;
}

static bool possible(const struct cut_template *t, const struct kind *kind, struct cut_slot (*slot)(void *ctx, uint32_t column),
                     void *ctx)
{
    struct chain c = {0};
    const uint8_t *literal = t->literals;
    for (uint32_t k = 0;; k++) {
        const uint8_t *end = literal + t->pieces[k], *head = literal;
        bool is_last = k == t->slot_count;
        while (head < end && is_part(kind, *head))
            head++;
        if (head < end || is_last) {
            if (end_chain(&c, kind, literal, head, end))
                return true;
        } else if (c.pieces) {
            add_text(&c, kind, literal, end);
        } else {
            begin_chain(&c, kind, literal, end);
        }
        if (is_last)
            return false;
        literal = end;
        bool touches = c.pieces || (t->pieces[k + 1] ? is_part(kind, *end) : k + 1 < t->slot_count);
        if (!touches) {
            c = (struct chain){.pieces = 1};
            continue;
        }
        struct cut_slot s = slot(ctx, t->columns[k]);
        if (add_slot(&c, kind, &s))
            return true;
    }
}

bool cut_possible(const struct cut_template *t, struct cut_slot (*slot)(void *ctx, uint32_t column), void *ctx)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (possible(t, &kinds[i], slot, ctx))
            return true;
    return false;
}
