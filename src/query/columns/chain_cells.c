/*
 * chain.c's search over a line of which some parts are not known. A part whose bytes are all in a link's set is taken whole, one
 * that has none of them ends the link; where it may be either, or where the next link could begin inside it, the line asks.
 */
#include "query/columns/line_cells.h"
#include "query/stage/chain_private.h"

struct search {
    const struct chain *chain;
    struct line_cells  *line;
    uint32_t            at[CHAIN_LINKS_MAX + 1]; /* cells: where each link begins */
    size_t              steps_left;
    bool                gave_up;                 /* or the line asks */
};

enum relation { HAS_NONE, HAS_ALL, HAS_SOME };

/* What the set of a link has of the bytes of an unknown part. Nothing is said of bytes above ASCII. */
static enum relation relation(const struct chain_link *l, const struct line_slot *slot)
{
    uint64_t in = (slot->low[0] & l->low[0]) | (slot->low[1] & l->low[1]);
    uint64_t out = (slot->low[0] & ~l->low[0]) | (slot->low[1] & ~l->low[1]);
    return slot->high || (in && out) ? HAS_SOME : in ? HAS_ALL : HAS_NONE;
}

static bool give_up(struct search *s)
{
    s->gave_up = true;
    return false;
}

static bool ask(struct search *s, uint32_t cell)
{
    line_cells_ask(s->line, cell);
    return give_up(s);
}

static bool is_unknown(const struct search *s, uint32_t cell)
{
    return s->line->cells[cell] >= CELL_SLOT;
}

/* There is one. */
static uint32_t first_unknown(const struct search *s, uint32_t p)
{
    while (!is_unknown(s, p))
        p++;
    return p;
}

/* Bytes that the cell stands for, at least. */
static uint32_t bytes_of(const struct search *s, uint32_t cell)
{
    return is_unknown(s, cell) ? line_cells_values(s->line, cell).len_min : 1;
}

/* May the link have this cell, the whole of it? False is said by *ret_has, too; the function is false when it cannot be said. */
static bool takes_cell(struct search *s, const struct chain_link *l, uint32_t cell, bool *ret_has)
{
    uint16_t c = s->line->cells[cell];
    if (c < CELL_SLOT) {
        *ret_has = l->has[c];
        return c < CHAIN_ASCII || give_up(s);
    }
    struct line_slot slot = line_cells_values(s->line, cell);
    enum relation r = relation(l, &slot);
    *ret_has = r == HAS_ALL;
    return (r == HAS_ALL && l->max == UINT32_MAX) || (r == HAS_NONE && slot.len_min > 0) || ask(s, cell);
}

static bool spend(struct search *s, size_t steps)
{
    if (steps > s->steps_left)
        return give_up(s);
    s->steps_left -= steps;
    return true;
}

struct run { uint32_t cells, unknown; uint64_t bytes; }; /* unknown: how many of the cells; bytes: at least */

/* How far known bytes go on from here, one way or the other. */
static uint32_t known_run(const uint16_t *cells, const struct chain_link *l, uint32_t p, uint32_t room, bool is_backward)
{
    uint32_t n = 0;
    if (is_backward)
        while (n < room && cells[p - 1 - n] < CHAIN_ASCII && l->has[cells[p - 1 - n]])
            n++;
    else
        while (n < room && cells[p + n] < CHAIN_ASCII && l->has[cells[p + n]])
            n++;
    return n;
}

/* What the link can have from here on. False: fewer bytes than it must have, or gave up. */
static bool span(struct search *s, const struct chain_link *l, uint32_t p, bool is_backward, struct run *ret)
{
    uint32_t room = is_backward ? p : s->line->count - p, unknown = UINT32_MAX;
    struct run r = {0};
    while (r.cells < room && r.bytes < l->max) {
        uint64_t limit = l->max - r.bytes < room - r.cells ? l->max - r.bytes : room - r.cells;
        uint32_t n = known_run(s->line->cells, l, is_backward ? p - r.cells : p + r.cells, (uint32_t)limit, is_backward);
        r.cells += n;
        r.bytes += n;
        if (n == limit)
            continue;
        uint32_t cell = is_backward ? p - 1 - r.cells : p + r.cells;
        bool has;
        if (!takes_cell(s, l, cell, &has))
            return false;
        if (!has)
            break;
        r.bytes += bytes_of(s, cell);
        r.cells++;
        r.unknown++; /* a known byte ends the link */
        unknown = cell;
    }
    *ret = r;
    return r.bytes >= l->min || (r.unknown && ask(s, unknown));
}

static bool try_from(struct search *s, unsigned i, uint32_t p);

/* Can link i not begin inside an unknown part? */
static bool begins_outside(const struct search *s, unsigned i, uint32_t cell)
{
    const struct chain *c = s->chain;
    struct line_slot slot = line_cells_values(s->line, cell);
    return i == c->link_count ? c->at_end : c->links[i].min > 0 && relation(&c->links[i], &slot) == HAS_NONE;
}

/* Is it known that link i does not begin at this cell? */
static bool begins_not(const struct search *s, unsigned i, uint32_t p)
{
    if (i == s->chain->link_count || s->chain->links[i].min == 0)
        return false;
    return p == s->line->count ||
           (!is_unknown(s, p) && s->line->cells[p] < CHAIN_ASCII && !s->chain->links[i].has[s->line->cells[p]]);
}

/* Behind the fewest cells first. */
static bool try_lazy(struct search *s, unsigned i, uint32_t p, struct run r)
{
    const struct chain_link *l = &s->chain->links[i];
    uint64_t bytes = 0;
    for (uint32_t q = p, unknown = UINT32_MAX;; q++) {
        if (bytes < l->min && unknown != UINT32_MAX)
            return ask(s, unknown);
        if (bytes >= l->min && !begins_not(s, i + 1, q) && try_from(s, i + 1, q))
            return true;
        if (s->gave_up || q == p + r.cells)
            return false;
        if (is_unknown(s, q) && !begins_outside(s, i + 1, q))
            return ask(s, q);
        bytes += bytes_of(s, q);
        unknown = is_unknown(s, q) ? q : unknown;
    }
}

/* Behind the most cells first. */
static bool try_greedy(struct search *s, unsigned i, uint32_t p, struct run r)
{
    const struct chain_link *l = &s->chain->links[i];
    const uint8_t *next = i + 1 < s->chain->link_count && l[1].min > 0 ? l[1].has : NULL;
    const uint16_t *cells = s->line->cells;
    uint64_t bytes = r.bytes;
    uint32_t unknown_count = r.unknown, end = s->line->count;
    for (uint32_t q = p + r.cells;; q--) {
        /* Places where the next link does not begin, with known bytes in front of them. */
        while (next && q > p && bytes > l->min && cells[q - 1] < CELL_SLOT &&
               (q == end || (cells[q] < CHAIN_ASCII && !next[cells[q]]))) {
            q--;
            bytes--;
        }
        if (bytes < l->min && unknown_count == 0)
            return false;
        if (bytes >= l->min && !begins_not(s, i + 1, q) && try_from(s, i + 1, q))
            return true;
        if (s->gave_up || q == p)
            return false;
        if (is_unknown(s, q - 1) && !begins_outside(s, i + 1, q - 1))
            return ask(s, q - 1);
        bytes -= bytes_of(s, q - 1);
        unknown_count -= is_unknown(s, q - 1);
        if (bytes < l->min && unknown_count) /* they may be enough or not */
            return ask(s, first_unknown(s, p));
    }
}

static bool is_end(struct search *s, uint32_t p)
{
    if (p == s->line->count)
        return true;
    return is_unknown(s, p) && bytes_of(s, p) == 0 && ask(s, p);
}

static bool try_from(struct search *s, unsigned i, uint32_t p)
{
    const struct chain *c = s->chain;
    for (; i < c->link_count; i++) {
        const struct chain_link *l = &c->links[i];
        struct run r;
        s->at[i] = p;
        if (!span(s, l, p, false, &r) || !spend(s, r.cells + 1u))
            return false;
        if (r.cells > 0 && !l->is_sure && l->min != l->max)
            return spend(s, r.cells) && (l->is_lazy ? try_lazy : try_greedy)(s, i, p, r);
        p += r.cells;
    }
    s->at[i] = p;
    return !c->at_end || is_end(s, p);
}

static bool try_backward(struct search *s)
{
    uint32_t p = s->line->count;
    struct run r;
    s->at[s->chain->link_count] = p;
    for (unsigned i = s->chain->link_count; i-- > 0;) {
        if (!span(s, &s->chain->links[i], p, true, &r))
            return false;
        p -= r.cells;
        s->at[i] = p;
    }
    return true;
}

static uint32_t run_of(struct search *s, const struct chain_link *l, uint32_t p)
{
    uint32_t from = p;
    for (bool has; p < s->line->count && takes_cell(s, l, p, &has) && has; p++) {}
    return p - from;
}

static bool try_all(struct search *s)
{
    const struct chain_link *first = s->chain->links;
    if (s->chain->at_begin)
        return try_from(s, 0, 0);
    if (s->chain->is_backward)
        return try_backward(s);
    for (uint32_t p = 0, n; !s->gave_up;) {
        for (bool has; first->min > 0 && p < s->line->count; p++) {
            if (!takes_cell(s, first, p, &has))
                return false;
            if (has && is_unknown(s, p) && bytes_of(s, p) == 0)
                return ask(s, p);
            if (has)
                break;
        }
        if (first->min > 0 && p == s->line->count)
            return false;
        if (try_from(s, 0, p))
            return true;
        if (s->gave_up || p == s->line->count)
            return false;
        /* From a later place in a run without a limit there are only ways to go on that have been tried. */
        n = first->max == UINT32_MAX ? run_of(s, first, p) : 1;
        if (s->gave_up || (n == 0 && is_unknown(s, p) && !ask(s, p)))
            return false;
        p += n ? n : 1;
    }
    return false;
}

enum chain_answer chain_find_cells(const struct chain *c, struct line_cells *line, struct cell_range *ret_groups,
                                   size_t group_count)
{
    struct search s = {.chain = c, .line = line, .steps_left = (size_t)line->count * CHAIN_STEPS_PER_BYTE + CHAIN_STEPS_MIN};
    if (!try_all(&s))
        return s.gave_up ? CHAIN_UNKNOWN : CHAIN_NO;
    for (size_t g = 0; g < group_count; g++)
        ret_groups[g] = (struct cell_range){s.at[c->groups[g].from], s.at[c->groups[g].to]};
    return CHAIN_YES;
}
