/*
 * simple_regex.c - see simple_regex.h. First the expression is read as Go reads it, with a stack of what waits for its group or
 * alternation to end; what cannot be simple ends this at once. Then the tree is told as alternatives.
 */
#include "query/stage/simple_regex.h"

#include "base/buf.h"
#include "base/utf8.h"

enum { LEVELS_MAX = 200, CONCAT_PARTS_MAX = 3, PATTERN_MAX = 16 * 1024 };

enum node_kind { LITERAL, ANY, CLASS, EMPTY, CAPTURE, CONCAT, ALTERNATE, ANY_STAR, ANY_PLUS, GROUP, BAR };

struct node {
    enum node_kind kind;
    bool           fold;       /* LITERAL: in any letter case; GROUP: the flag in front of it */
    bool           is_capture; /* GROUP */
    bole_slice     text;       /* LITERAL */
    struct node  **subs;       /* CAPTURE (one), CONCAT, ALTERNATE */
    size_t         count;
};

struct regex_reader {
    bole_slice    text;
    size_t        at;
    struct node **stack;
    size_t        depth;
    bool          fold;  /* (?i) */
    unsigned      level;
    struct arena *arena;
    uint8_t      *bytes; /* of literals: in the order of the text, so that neighbours need no copy */
    struct node   none;  /* what new_node returns when there was no room */
    bool          is_out_of_memory;
};

static struct node *new_node(struct regex_reader *r, enum node_kind kind)
{
    struct node *n = arena_zalloc(r->arena, sizeof *n);
    r->is_out_of_memory |= !n;
    n = n ? n : &r->none;
    n->kind = kind;
    return n;
}

static struct node *new_list(struct regex_reader *r, enum node_kind kind, size_t count)
{
    struct node *n = new_node(r, kind);
    n->subs = arena_array(r->arena, count, sizeof *n->subs);
    n->count = n->subs ? count : 0;
    r->is_out_of_memory |= !n->subs;
    return n;
}

static struct node *new_literal(struct regex_reader *r, bole_slice text, bool fold)
{
    struct node *n = new_node(r, LITERAL);
    n->text = text;
    n->fold = fold;
    return n;
}

static bole_slice join(struct regex_reader *r, bole_slice a, bole_slice b)
{
    if (a.ptr + a.len == b.ptr)
        return bole_slice_from(a.ptr, a.len + b.len);
    uint8_t *bytes = arena_bytes(r->arena, a.len + b.len);
    r->is_out_of_memory |= !bytes;
    if (!bytes)
        return a;
    memcpy(bytes, a.ptr, a.len);
    memcpy(bytes + a.len, b.ptr, b.len);
    return bole_slice_from(bytes, a.len + b.len);
}

/* ---- alternatives ---- */

static bool is_class(const struct node *n)
{
    return n->kind == CLASS || n->kind == ANY || (n->kind == LITERAL && utf8_length(n->text.ptr, n->text.len) == n->text.len);
}

static struct node *merge_class(struct regex_reader *r, struct node *a, const struct node *b)
{
    if (a->kind == ANY || (a->kind == LITERAL && b->kind == LITERAL && a->fold == b->fold && bole_slice_eq(a->text, b->text)))
        return a;
    return new_node(r, CLASS);
}

static const struct node *first_part(const struct node *n)
{
    return n->kind == CONCAT && n->count ? n->subs[0] : n;
}

static size_t common_length(bole_slice a, bole_slice b)
{
    size_t n = 0, least = a.len < b.len ? a.len : b.len;
    while (n < least && a.ptr[n] == b.ptr[n])
        n++;
    while (n && n < a.len && (a.ptr[n] & 0xc0) == 0x80) /* whole characters */
        n--;
    return n;
}

/* Without the first bytes of its literal. */
static struct node *without_start(struct regex_reader *r, struct node *n, size_t len)
{
    if (n->kind == LITERAL)
        return n->text.len == len ? new_node(r, EMPTY) : new_literal(r, bole_slice_sub(n->text, len), n->fold);
    if (!n->count)
        return n;
    struct node *first = without_start(r, n->subs[0], len);
    if (first->kind == EMPTY && n->count == 2)
        return n->subs[1];
    size_t skipped = first->kind == EMPTY;
    struct node *rest = new_list(r, CONCAT, n->count - skipped);
    for (size_t i = 0; i < rest->count; i++)
        rest->subs[i] = n->subs[i + skipped];
    if (!skipped && rest->count)
        rest->subs[0] = first;
    return rest;
}

static struct node *collapse(struct regex_reader *r, struct node **subs, size_t count, enum node_kind kind);

/* The literal that [from, to) begin with, and what follows it in each. */
static struct node *factored(struct regex_reader *r, struct node **subs, size_t from, size_t to, bole_slice start, bool fold)
{
    for (size_t i = from; i < to; i++)
        subs[i] = without_start(r, subs[i], start.len);
    struct node *rest = collapse(r, subs + from, to - from, ALTERNATE), *n = new_list(r, CONCAT, 2);
    if (n->count) {
        n->subs[0] = new_literal(r, start, fold);
        n->subs[1] = rest;
    }
    return n;
}

static size_t factor_literals(struct regex_reader *r, struct node **subs, size_t count)
{
    size_t out = 0, from = 0;
    bole_slice start = {0};
    bool fold = false;
    for (size_t i = 0; i <= count; i++) {
        const struct node *first = i < count ? first_part(subs[i]) : NULL;
        bool is_literal = first && first->kind == LITERAL;
        size_t same = is_literal && start.len && first->fold == fold ? common_length(start, first->text) : 0;
        if (same) {
            start.len = same;
            continue;
        }
        if (i == from + 1)
            subs[out++] = subs[from];
        else if (i > from)
            subs[out++] = factored(r, subs, from, i, start, fold);
        from = i;
        start = is_literal ? first->text : (bole_slice){0};
        fold = is_literal && first->fold;
    }
    return out;
}

/* Neighbours that begin with `.`, or are one character each, are joined around a class; empty ones are one. */
static size_t factor_classes(struct regex_reader *r, struct node **subs, size_t count)
{
    size_t out = 0;
    for (size_t i = 0; i < count; i++) {
        bool both_any = out && first_part(subs[out - 1])->kind == ANY && first_part(subs[i])->kind == ANY;
        subs[both_any ? out - 1 : out] = both_any ? new_node(r, CLASS) : subs[i];
        out += !both_any;
    }
    count = out;
    out = 0;
    for (size_t i = 0; i < count; i++) {
        struct node *last = out ? subs[out - 1] : NULL;
        if (last && is_class(last) && is_class(subs[i]))
            subs[out - 1] = merge_class(r, last, subs[i]);
        else if (!last || last->kind != EMPTY || subs[i]->kind != EMPTY)
            subs[out++] = subs[i];
    }
    return out;
}

/* Lists of the same kind become one. */
static struct node *collapse(struct regex_reader *r, struct node **subs, size_t count, enum node_kind kind)
{
    if (count == 1)
        return subs[0];
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += subs[i]->kind == kind ? subs[i]->count : 1;
    struct node *n = new_list(r, kind, total);
    if (n->count < total || ++r->level > LEVELS_MAX)
        return new_node(r, CLASS); /* nothing simple */
    total = 0;
    for (size_t i = 0; i < count; i++) {
        size_t more = subs[i]->kind == kind ? subs[i]->count : 1;
        memcpy(n->subs + total, subs[i]->kind == kind ? subs[i]->subs : &subs[i], more * sizeof *n->subs);
        total += more;
    }
    if (kind == ALTERNATE)
        n->count = factor_classes(r, n->subs, factor_literals(r, n->subs, n->count));
    r->level--;
    return kind == ALTERNATE && n->count == 1 ? n->subs[0] : n;
}

/* ---- the stack ---- */

/* Literals that stand above each other are one, but for the last: an operator may want that alone. */
static void join_top(struct regex_reader *r)
{
    struct node **top = r->stack + r->depth;
    if (r->depth < 2 || top[-1]->kind != LITERAL || top[-2]->kind != LITERAL || top[-1]->fold != top[-2]->fold)
        return;
    top[-2] = new_literal(r, join(r, top[-2]->text, top[-1]->text), top[-1]->fold);
    r->depth--;
}

static void push(struct regex_reader *r, struct node *n)
{
    join_top(r);
    r->stack[r->depth++] = n;
}

static size_t begin_of_list(const struct regex_reader *r)
{
    size_t i = r->depth;
    while (i && r->stack[i - 1]->kind != GROUP && r->stack[i - 1]->kind != BAR)
        i--;
    return i;
}

static void end_concat(struct regex_reader *r)
{
    join_top(r);
    size_t from = begin_of_list(r), count = r->depth - from;
    r->depth = from;
    push(r, count ? collapse(r, r->stack + from, count, CONCAT) : new_node(r, EMPTY));
}

/* The bar stands above the alternatives before it; false: there is none. */
static bool swap_bar(struct regex_reader *r)
{
    struct node **top = r->stack + r->depth;
    if (r->depth < 2 || top[-2]->kind != BAR)
        return false;
    struct node *last = top[-1];
    if (r->depth >= 3 && is_class(last) && is_class(top[-3])) {
        top[-3] = merge_class(r, top[-3], last);
        r->depth--;
        return true;
    }
    top[-1] = top[-2];
    top[-2] = last;
    return true;
}

static void end_alternatives(struct regex_reader *r)
{
    end_concat(r);
    if (swap_bar(r))
        r->depth--;
    size_t from = begin_of_list(r), count = r->depth - from;
    r->depth = from;
    push(r, collapse(r, r->stack + from, count, ALTERNATE));
}

static void end_branch(struct regex_reader *r)
{
    end_concat(r);
    if (!swap_bar(r))
        push(r, new_node(r, BAR));
}

/* ---- reading ---- */

static bool take(struct regex_reader *r, bole_slice s)
{
    if (!bole_slice_starts(bole_slice_sub(r->text, r->at), s))
        return false;
    r->at += s.len;
    return true;
}

static bool is_letter(uint8_t c)
{
    return (uint8_t)((c | 0x20) - 'a') < 26;
}

static void push_literal(struct regex_reader *r, bole_slice text, bool fold)
{
    memcpy(r->bytes, text.ptr, text.len);
    if (fold && is_letter(*r->bytes))
        *r->bytes |= 0x20;
    push(r, new_literal(r, bole_slice_from(r->bytes, text.len), fold));
    r->bytes += text.len;
}

/* The character behind a backslash; 0: it is more than a character. */
static uint8_t unescaped(uint8_t c)
{
    static const char names[] = "afnrtv", values[] = "\a\f\n\r\t\v";
    const char *name = c ? strchr(names, c) : NULL;
    if (name)
        return (uint8_t)values[name - names];
    return c < 0x80 && !is_letter(c) && !(c >= '0' && c <= '9') && c != '_' ? c : 0;
}

static bool read_escape(struct regex_reader *r)
{
    uint8_t c = r->at < r->text.len ? unescaped(r->text.ptr[r->at]) : 0;
    if (!c)
        return false;
    r->at++;
    push_literal(r, bole_slice_from(&c, 1), r->fold);
    return true;
}

/* `[x]`, `[\x]` and `[xX]`, which are literals. */
static bool read_class(struct regex_reader *r)
{
    uint8_t members[2] = {0};
    size_t count = 0;
    for (; r->at < r->text.len && r->text.ptr[r->at] != ']'; count++) {
        uint8_t c = r->text.ptr[r->at++];
        if (c == '\\')
            c = r->at < r->text.len ? unescaped(r->text.ptr[r->at++]) : 0;
        else if (c == '^' || c == '[' || c == '-')
            return false;
        if (count == 2 || !c || c >= 0x80)
            return false;
        members[count] = c;
    }
    bool both_cases = count == 2 && is_letter(members[0]) && (members[0] ^ members[1]) == 0x20;
    if (!take(r, S("]")) || count == 0 || (count == 2 && !both_cases))
        return false;
    push_literal(r, bole_slice_from(members, 1), both_cases || (r->fold && is_letter(members[0])));
    return true;
}

static bool open_group(struct regex_reader *r)
{
    if (take(r, S("?i)"))) {
        r->fold = true;
        return true;
    }
    struct node *n = new_node(r, GROUP);
    n->fold = r->fold;
    n->is_capture = true;
    if (take(r, S("?i:"))) {
        r->fold = true;
        n->is_capture = false;
    } else if (take(r, S("?:"))) {
        n->is_capture = false;
    } else if (take(r, S("?P<")) || take(r, S("?<"))) {
        while (r->at < r->text.len && r->text.ptr[r->at++] != '>')
            ;
    } else if (take(r, S("?"))) {
        return false;
    }
    push(r, n);
    return true;
}

static bool close_group(struct regex_reader *r)
{
    end_alternatives(r);
    if (r->depth < 2 || r->stack[r->depth - 2]->kind != GROUP)
        return false;
    struct node *inside = r->stack[r->depth - 1], *group = r->stack[r->depth - 2];
    r->depth -= 2;
    r->fold = group->fold;
    if (group->is_capture) {
        struct node *capture = new_list(r, CAPTURE, 1);
        if (!capture->count)
            return false;
        capture->subs[0] = inside;
        inside = capture;
    }
    push(r, inside);
    return true;
}

static bool repeat(struct regex_reader *r, enum node_kind kind)
{
    take(r, S("?"));
    if (!r->depth || r->stack[r->depth - 1]->kind != ANY)
        return false;
    r->stack[r->depth - 1] = new_node(r, kind);
    return true;
}

static bool step(struct regex_reader *r)
{
    uint8_t c = r->text.ptr[r->at++];
    switch (c) {
    case '(': return open_group(r);
    case ')': return close_group(r);
    case '|': end_branch(r); return true;
    case '.': push(r, new_node(r, ANY)); return true;
    case '*': return repeat(r, ANY_STAR);
    case '+': return repeat(r, ANY_PLUS);
    case '\\': return read_escape(r);
    case '[': return read_class(r);
    case '?': case '^': case '$': return false;
    case '{':
        if (r->at < r->text.len && r->text.ptr[r->at] >= '0' && r->text.ptr[r->at] <= '9')
            return false;
        break;
    default: break;
    }
    size_t n = utf8_length(r->text.ptr + r->at - 1, r->text.len - r->at + 1);
    n = n ? n : 1;
    push_literal(r, bole_slice_from(r->text.ptr + r->at - 1, n), r->fold);
    r->at += n - 1;
    return true;
}

/* NULL: not simple. */
static const struct node *read_tree(struct regex_reader *r)
{
    while (r->at < r->text.len && !r->is_out_of_memory)
        if (!step(r))
            return NULL;
    end_alternatives(r);
    return r->depth == 1 && !r->is_out_of_memory ? r->stack[0] : NULL;
}

/* ---- telling ---- */

struct teller {
    struct regex_reader *reader; /* its memory */
    struct buf     out;
    bool           is_label;
    bool           any, any_open, any_byte, any_all; /* alternatives: to be found; not anchored; `.+`; that let all pass */
    unsigned       level;
};

struct base {
    bole_slice text; /* ptr NULL: none */
    bool       fold;
};

static bool put_alternative(struct teller *t, bole_slice text, bool fold, bool is_whole)
{
    if (t->any)
        buf_put_u8(&t->out, '|');
    buf_put(&t->out, fold ? S("(?i:") : S("(?:"));
    buf_put(&t->out, is_whole ? S("\\A") : S(""));
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c < 0x80 && !is_letter(c) && !(c >= '0' && c <= '9') && c != '_')
            buf_put_u8(&t->out, '\\');
        buf_put_u8(&t->out, c);
    }
    buf_put(&t->out, is_whole ? S("\\z)") : S(")"));
    t->any = true;
    t->any_open |= !is_whole;
    return t->out.len <= PATTERN_MAX;
}

static bool put_text(struct teller *t, const struct base *base)
{
    return put_alternative(t, base->text, base->fold, false);
}

static const struct node *inside(const struct node *n)
{
    while (n->kind == CAPTURE)
        n = n->subs[0];
    return n;
}

static bool tell_concat(struct teller *t, const struct node *n, struct base base);

/* Alternatives behind a text. */
static bool tell_suffixes(struct teller *t, const struct node *n, const struct base *base)
{
    for (size_t i = 0; i < n->count; i++) {
        const struct node *sub = inside(n->subs[i]);
        struct base whole = *base;
        if (sub->kind == LITERAL && sub->fold == base->fold)
            whole.text = join(t->reader, base->text, sub->text);
        else if (sub->kind != EMPTY && sub->kind != ANY_STAR && sub->kind != CONCAT)
            return false;
        if (!(sub->kind == CONCAT ? tell_concat(t, sub, whole) : put_text(t, &whole)))
            return false;
    }
    return true;
}

/* At most three parts, of which one is a text; `.*` around it says nothing. */
static bool tell_concat(struct teller *t, const struct node *n, struct base base)
{
    size_t parts = 0, texts = 0;
    bool told = false;
    if (++t->level > LEVELS_MAX)
        return false;
    for (size_t i = 0; i < n->count; i++) {
        const struct node *sub = inside(n->subs[i]);
        if (sub->kind == EMPTY)
            continue;
        if (++parts > CONCAT_PARTS_MAX)
            return false;
        if (sub->kind == LITERAL) {
            if (texts++)
                return false;
            base = (struct base){base.text.ptr ? join(t->reader, base.text, sub->text) : sub->text, sub->fold};
        } else if (sub->kind == ALTERNATE && base.text.ptr) {
            told = true;
            if (!tell_suffixes(t, sub, &base))
                return false;
        } else if (sub->kind != ANY_STAR) {
            return false;
        }
    }
    t->level--;
    return told || (base.text.ptr && put_text(t, &base));
}

static bool tell(struct teller *t, const struct node *n)
{
    n = inside(n);
    switch (n->kind) {
    case ALTERNATE:
        if (++t->level > LEVELS_MAX)
            return false;
        for (size_t i = 0; i < n->count; i++)
            if (!tell(t, n->subs[i]))
                return false;
        t->level--;
        return true;
    case CONCAT: return tell_concat(t, n, (struct base){0});
    case LITERAL: return put_alternative(t, n->text, n->fold, t->is_label);
    case ANY_STAR: case EMPTY: t->any_all = true; return true;
    case ANY_PLUS:
        buf_put(&t->out, t->any ? S("|(?s:.)") : S("(?s:.)")); /* a newline is enough */
        return t->any = t->any_open = t->any_byte = true;
    default: return false;
    }
}

bool simple_regex_find(bole_slice text, bool is_label, struct arena *arena, struct simple_regex *ret)
{
    struct arena work;
    *ret = (struct simple_regex){0};
    arena_init(&work, arena->budget);
    struct regex_reader r = {.text = text, .arena = &work, .bytes = arena_bytes(&work, text.len + 1),
                       .stack = arena_array(&work, 2 * text.len + 4, sizeof *r.stack)};
    struct teller t = {.reader = &r, .is_label = is_label};
    buf_init(&t.out, arena->budget);
    r.is_out_of_memory = !r.bytes || !r.stack;
    const struct node *tree = r.is_out_of_memory ? NULL : read_tree(&r);
    bool is_simple = tree && tell(&t, tree);
    /* Else it means what it says. */
    bool differs = is_simple && t.any && (t.any_all || t.any_byte || (is_label && t.any_open));
    if (differs)
        ret->pattern = arena_copy(arena, buf_slice(&t.out));
    ret->passes_all = is_simple && !t.any;
    bool is_fine = !r.is_out_of_memory && !t.out.failed && (!differs || ret->pattern.ptr);
    buf_deinit(&t.out);
    arena_deinit(&work);
    return is_fine;
}
