/*
 * The pattern is read into links: a set of bytes, and how many of them may come. A group begins and ends between two links, so
 * that where the links begin says where the groups lie. Whatever the reader below does not know makes the pattern no chain.
 */
#include "query/stage/chain_private.h"

#include "base/err.h"

enum { DEPTH_MAX = 16 };

/* ---- reading the pattern ---- */

struct reading {
    struct chain  *chain;
    const uint8_t *next, *end;
    unsigned       open[DEPTH_MAX], depth; /* groups; 0: one that captures nothing */
    bool           may_repeat;             /* the last thing was a link that has no count yet */
};

static bool is_next(const struct reading *r, const char *text)
{
    return bole_slice_starts(bole_slice_from(r->next, (size_t)(r->end - r->next)), bole_slice_str(text));
}

static bool takes(struct reading *r, const char *text)
{
    if (!is_next(r, text))
        return false;
    r->next += strlen(text);
    return true;
}

static void add_range(uint8_t *set, unsigned from, unsigned to)
{
    for (; from <= to; from++)
        set[from] = 1;
}

static void invert(uint8_t *set)
{
    for (unsigned b = 0; b < CHAIN_ASCII; b++)
        set[b] = !set[b];
}

/* Behind the backslash: the byte that it stands for, or -1 when a class was added to the set. *ret_known: false for others. */
static int take_escape(struct reading *r, uint8_t *set, bool *ret_known)
{
    uint8_t class[256] = {0};
    *ret_known = r->next < r->end;
    uint8_t c = *ret_known ? *r->next++ : 0;
    switch (c) {
    case 'd': case 'D': add_range(class, '0', '9'); break;
    case 'w': case 'W':
        add_range(class, '0', '9');
        add_range(class, 'A', 'Z');
        add_range(class, 'a', 'z');
        class['_'] = 1;
        break;
    case 's': case 'S': class['\t'] = class['\n'] = class['\f'] = class['\r'] = class[' '] = 1; break;
    case 't': return '\t';
    case 'n': return '\n';
    case 'r': return '\r';
    default:
        *ret_known =
            c > ' ' && c < 0x7f && !(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && c != '_';
        return *ret_known ? c : -1;
    }
    if (c < 'a')
        invert(class);
    for (unsigned b = 0; b < CHAIN_ASCII; b++)
        set[b] |= class[b];
    return -1;
}

/* One end of a range, or a class. -1: a class, or not known. */
static int take_member(struct reading *r, uint8_t *set, bool *ret_known)
{
    if (takes(r, "\\"))
        return take_escape(r, set, ret_known);
    *ret_known = r->next < r->end && *r->next < CHAIN_ASCII && !is_next(r, "[:");
    return *ret_known ? *r->next++ : -1;
}

/* Behind the `[`. */
static bool take_set(struct reading *r, uint8_t *set)
{
    bool is_inverted = takes(r, "^"), known = true;
    for (bool is_first = true; is_first || !takes(r, "]"); is_first = false) {
        bool is_dash = is_next(r, "-");
        int from = take_member(r, set, &known), to = from;
        if (!known || (is_dash && !is_first && !is_next(r, "]")))
            return false;
        if (is_next(r, "-") && !is_next(r, "-]")) {
            r->next++;
            to = from < 0 ? -1 : take_member(r, set, &known);
            if (!known || to < from || to < 0)
                return false;
        }
        if (from >= 0)
            add_range(set, (unsigned)from, (unsigned)to);
    }
    if (is_inverted)
        invert(set);
    return true;
}

static bool take_number(struct reading *r, uint32_t *ret_number)
{
    const uint8_t *begin = r->next;
    uint32_t n = 0;
    for (; r->next < r->end && *r->next >= '0' && *r->next <= '9' && n < 10000; r->next++)
        n = n * 10 + (*r->next - '0');
    *ret_number = n;
    return r->next > begin && n < 10000;
}

/* Behind the `{`. */
static bool take_limits(struct reading *r, struct chain_link *l)
{
    if (!take_number(r, &l->min))
        return false;
    l->max = l->min;
    if (takes(r, ",")) {
        l->max = UINT32_MAX;
        if (!is_next(r, "}") && !take_number(r, &l->max))
            return false;
    }
    return takes(r, "}") && l->min <= l->max;
}

static bool take_count(struct reading *r, struct chain_link *l)
{
    if (takes(r, "*")) {
        l->min = 0;
        l->max = UINT32_MAX;
    } else if (takes(r, "+")) {
        l->max = UINT32_MAX;
    } else if (takes(r, "?")) {
        l->min = 0;
    } else if (!takes(r, "{") || !take_limits(r, l)) {
        return false;
    }
    l->is_lazy = takes(r, "?");
    return true;
}

static bool open_group(struct reading *r)
{
    struct chain *c = r->chain;
    bool is_named = takes(r, "?P<") || takes(r, "?<"), captures = is_named || !is_next(r, "?");
    if (r->depth == DEPTH_MAX || (captures && c->group_count == CHAIN_GROUPS_MAX) || !(captures || takes(r, "?:")))
        return false;
    while (is_named && r->next < r->end && *r->next++ != '>') {}
    r->open[r->depth++] = captures ? ++c->group_count : 0;
    if (captures)
        c->groups[c->group_count].from = c->link_count;
    return true;
}

static bool close_group(struct reading *r)
{
    struct chain *c = r->chain;
    if (r->depth == 0)
        return false;
    unsigned group = r->open[--r->depth];
    if (group)
        c->groups[group].to = c->link_count;
    return true;
}

static bool take_link(struct reading *r)
{
    struct chain *c = r->chain;
    if (c->link_count == CHAIN_LINKS_MAX)
        return false;
    struct chain_link *l = &c->links[c->link_count++];
    bool known = *r->next < CHAIN_ASCII;
    int byte = -1;
    l->min = l->max = 1;
    if (takes(r, "\\")) {
        byte = take_escape(r, l->has, &known);
    } else if (takes(r, "[")) {
        known = take_set(r, l->has);
    } else if (takes(r, ".")) {
        l->has['\n'] = 1;
        invert(l->has);
    } else {
        byte = *r->next++;
    }
    if (known && byte >= 0)
        l->has[byte] = 1;
    return known;
}

/* One thing of the pattern. False: this is no chain. */
static bool take_next(struct reading *r)
{
    bool may_repeat = r->may_repeat;
    r->may_repeat = false;
    switch (*r->next) {
    case '(': r->next++; return open_group(r);
    case ')': r->next++; return close_group(r);
    case '*': case '+': case '?': case '{': return may_repeat && take_count(r, &r->chain->links[r->chain->link_count - 1]);
    case '|': case '^': return false;
    case '$':
        r->chain->at_end = true;
        return ++r->next == r->end;
    default:
        r->may_repeat = true;
        return take_link(r);
    }
}

/* ---- what is known of a chain before it is used ---- */

static bool are_disjoint(const struct chain_link *a, const struct chain_link *b)
{
    for (unsigned i = 0; i < CHAIN_ASCII; i++)
        if (a->has[i] && b->has[i])
            return false;
    return true;
}

/* A byte that this link could have had would have to be taken by one of those up to the first that must take some. */
static bool is_sure(const struct chain *c, unsigned i)
{
    for (unsigned k = i + 1; k < c->link_count; k++) {
        if (!are_disjoint(&c->links[i], &c->links[k]))
            return false;
        if (c->links[k].min > 0)
            return true;
    }
    return c->at_end || !c->links[i].is_lazy;
}

/* The same from the other side; a longer first link is a match that begins further left, which is the one that is wanted. */
static bool is_sure_backward(const struct chain *c, unsigned i)
{
    if (i == 0 || c->links[i].min == c->links[i].max)
        return true;
    for (unsigned k = i; k-- > 0;) {
        if (!are_disjoint(&c->links[i], &c->links[k]))
            return false;
        if (c->links[k].min > 0)
            return true;
    }
    return false;
}

static void prepare_links(struct chain *c)
{
    c->is_backward = c->at_end && !c->at_begin;
    for (unsigned i = 0; i < c->link_count; i++) {
        struct chain_link *l = &c->links[i];
        unsigned count = 0;
        l->only = l->except = -1;
        for (unsigned b = 0; b < CHAIN_ASCII; b++) {
            count += l->has[b];
            l->low[b / 64] |= (uint64_t)l->has[b] << b % 64;
        }
        for (int b = 0; b < CHAIN_ASCII; b++) {
            l->only = count == 1 && l->has[b] ? b : l->only;
            l->except = count == CHAIN_ASCII - 1 && !l->has[b] ? b : l->except;
        }
        l->is_sure = is_sure(c, i);
        c->is_backward = c->is_backward && is_sure_backward(c, i);
    }
}

struct chain *chain_compile(bole_slice pattern, struct arena *arena)
{
    struct chain *c = arena_zalloc(arena, sizeof *c);
    struct reading r = {.chain = c, .next = pattern.ptr, .end = pattern.ptr + pattern.len};
    if (!c)
        return NULL;
    c->at_begin = takes(&r, "^");
    while (r.next < r.end)
        if (!take_next(&r))
            return NULL;
    c->groups[0].to = c->link_count;
    prepare_links(c);
    return r.depth == 0 && c->link_count > 0 ? c : NULL;
}

/* ---- searching ---- */

struct search {
    const struct chain *chain;
    const uint8_t      *end;
    const uint8_t      *at[CHAIN_LINKS_MAX + 1]; /* where each link begins */
    size_t              steps_left;
    bool                gave_up;
};

static bool is_ascii(bole_slice s)
{
    uint8_t any = 0;
    for (size_t i = 0; i < s.len; i++)
        any |= s.ptr[i];
    return any < CHAIN_ASCII;
}

static bool spend(struct search *s, size_t steps)
{
    s->gave_up |= steps > s->steps_left;
    s->steps_left -= s->gave_up ? 0 : steps;
    return !s->gave_up;
}

/* How many bytes of the link's set stand here. */
static size_t span(const struct chain_link *l, const uint8_t *p, const uint8_t *end)
{
    size_t room = (size_t)(end - p), n = 0;
    if (room > l->max)
        room = l->max;
    if (l->except >= 0 && room > 0) {
        const uint8_t *stop = memchr(p, l->except, room);
        return stop ? (size_t)(stop - p) : room;
    }
    while (n < room && l->has[p[n]])
        n++;
    return n;
}

static bool try_from(struct search *s, unsigned i, const uint8_t *p);

/* Of the places lo .. hi - 1 where the next link may begin the one to try first; NULL: none. Most are ruled out by their byte. */
static const uint8_t *first_choice(const struct chain_link *l, const struct chain_link *next, const uint8_t *lo,
                                   const uint8_t *hi)
{
    if (!next)
        return l->is_lazy ? lo : hi - 1;
    if (next->only >= 0)
        return l->is_lazy ? memchr(lo, next->only, (size_t)(hi - lo)) : memrchr(lo, next->only, (size_t)(hi - lo));
    while (lo < hi && !next->has[l->is_lazy ? *lo : hi[-1]])
        l->is_lazy ? lo++ : hi--;
    return lo == hi ? NULL : l->is_lazy ? lo : hi - 1;
}

/* Link i may have min .. n bytes, of which there is more than one choice: true when the rest matches behind one of them. */
static bool try_lengths(struct search *s, unsigned i, const uint8_t *p, size_t n)
{
    const struct chain_link *l = &s->chain->links[i], *next = i + 1 < s->chain->link_count && l[1].min > 0 ? l + 1 : NULL;
    const uint8_t *lo = p + l->min, *hi = p + n + !(next && p + n == s->end);
    while (lo < hi && !s->gave_up) {
        const uint8_t *q = first_choice(l, next, lo, hi);
        if (!q)
            return false;
        if (try_from(s, i + 1, q))
            return true;
        lo = l->is_lazy ? q + 1 : lo;
        hi = l->is_lazy ? hi : q;
    }
    return false;
}

static bool try_from(struct search *s, unsigned i, const uint8_t *p)
{
    const struct chain *c = s->chain;
    for (; i < c->link_count; i++) {
        const struct chain_link *l = &c->links[i];
        s->at[i] = p;
        size_t n = span(l, p, s->end);
        if (n < l->min || !spend(s, n + 1))
            return false;
        if (n > l->min && !l->is_sure)
            return spend(s, n) && try_lengths(s, i, p, n);
        p += n;
    }
    s->at[i] = p;
    return !c->at_end || p == s->end;
}

static bool try_backward(struct search *s, const uint8_t *begin)
{
    const uint8_t *p = s->end;
    s->at[s->chain->link_count] = p;
    for (unsigned i = s->chain->link_count; i-- > 0;) {
        const struct chain_link *l = &s->chain->links[i];
        size_t n = 0;
        for (; n < l->max && p > begin && l->has[p[-1]]; n++)
            p--;
        if (n < l->min)
            return false;
        s->at[i] = p;
    }
    return true;
}

/* The next place where the first link may begin; NULL: none. */
static const uint8_t *find_begin(const struct chain_link *first, const uint8_t *p, const uint8_t *end)
{
    if (first->min == 0)
        return p;
    if (first->only >= 0)
        return p < end ? memchr(p, first->only, (size_t)(end - p)) : NULL;
    while (p < end && !first->has[*p])
        p++;
    return p < end ? p : NULL;
}

static bool try_all(struct search *s, const uint8_t *p)
{
    const struct chain_link *first = s->chain->links;
    if (s->chain->at_begin)
        return try_from(s, 0, p);
    if (s->chain->is_backward)
        return try_backward(s, p);
    while ((p = find_begin(first, p, s->end)) && !s->gave_up) {
        if (try_from(s, 0, p))
            return true;
        /* From a later place in a run without a limit there are only ways to go on that have been tried. */
        size_t n = first->max == UINT32_MAX ? span(first, p, s->end) : 1;
        if (p == s->end)
            return false;
        p += n ? n : 1;
    }
    return false;
}

enum chain_answer chain_find(const struct chain *c, bole_slice line, bole_slice *ret_groups, size_t group_count)
{
    static const uint8_t nothing[1];
    struct search s;
    const uint8_t *begin = line.ptr ? line.ptr : nothing;
    if (!is_ascii(line))
        return CHAIN_UNKNOWN;
    s.chain = c;
    s.end = begin + line.len;
    s.steps_left = line.len * CHAIN_STEPS_PER_BYTE + CHAIN_STEPS_MIN;
    s.gave_up = false;
    if (!try_all(&s, begin))
        return s.gave_up ? CHAIN_UNKNOWN : CHAIN_NO;
    for (size_t g = 0; g < group_count; g++) {
        const uint8_t *from = s.at[c->groups[g].from];
        ret_groups[g] = bole_slice_from(from, (size_t)(s.at[c->groups[g].to] - from));
    }
    return CHAIN_YES;
}
