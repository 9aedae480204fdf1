/*
 * What is derived is kept as a tree per template: a node asks for a slot, and the id of the value that a row has there leads on
 * to the next, down to a leaf with values. A row then costs a step per slot that counts. Values of columns that are no
 * dictionaries seldom come twice: what they lead to is a leaf for that row alone.
 */
#include "store/scan/group_derive.h"

#include "base/err.h"

enum { NODES_MAX = 1 << 18, PATH_MAX = 12 };
enum { ASKED_MAX = 16 };                                          /* single rows of a vector */
enum { MISSED_MIN = 64, MISSED_SHARE = 32, MISSED_LATER = 16 };   /* of the rows of a template: one in so many */
enum { DIRECT_SMALL = 64, DIRECT_MAX = 8192, DIRECT_SUM = 1 << 19 }; /* children by id as an array */

#define NONE UINT32_MAX

struct node {
    enum { NODE_WHOLE, NODE_LEAF, NODE_ASKS } kind;
    uint32_t  slot, column;       /* ASKS: the value in which slot leads on */
    uint32_t  parent, id;         /* how it was reached: by value `id` of the parent's column; NONE: a root */
    uint32_t *children;           /* [distinct] ASKS: node + 1, or 0; NULL: they are among the edges */
    struct line_value *values;    /* ASKS: what is read already and waits for text of slots; or NULL */
};

struct edge { uint64_t key; uint32_t node; }; /* key: node and id, and 1 more; 0: none */

struct derive_column {
    uint64_t    number;    /* of the vector that ids and values are of */
    uint64_t    asked_number;
    uint32_t    asked;     /* single rows of that vector */
    uint32_t   *ids;       /* [row] of a dictionary */
    bole_slice *values;    /* [row] of others */
    uint32_t    distinct;
    bool        is_known;  /* what they are like */
    struct line_slot like;
};

struct shape {
    struct line_shape line;
    struct text_shape text;
    const bole_slice *constants;    /* [slot_count] what stands in the slots of all lines; ptr NULL: not known */
    uint32_t          missed;       /* how often there was no node for a row yet */
};

struct group_derive {
    struct group_scan        *g;
    const struct line_reader *reader;
    const uint16_t           *templates;
    struct shape            **shapes;  /* [template] */
    uint32_t                 *roots;   /* [template] node + 1; 0: not asked yet */
    struct derive_column     *columns; /* [column] */
    struct node              *nodes;   /* [node_capacity] */
    bole_slice               *values[LINE_VALUES_MAX]; /* [node_capacity] each: of leaves */
    uint32_t                  node_count, node_capacity;
    struct edge              *edges;   /* [edge_capacity], open addressing */
    uint32_t                  edge_count, edge_capacity, direct_sum;
    bool                      any_whole; /* rows that come as lines */
    struct vector            *v;
    struct bole_err          *err;
};

static bole_status no_room(struct group_derive *d)
{
    return bole_fail(d->err, BOLE_E_LIMIT, "the values of a row group do not fit into the query's memory limit");
}

/* ---- shapes ---- */

static struct line_slot slot_of(const struct line_shape *s, uint32_t slot)
{
    const struct group_derive *d = s->self;
    uint32_t column = ((const struct shape *)(const void *)s)->text.columns[slot]; /* its first member */
    struct derive_column *c = &d->columns[column];
    if (!c->is_known) {
        struct text_slot t = text_slot(d->g->text, column);
        uint8_t layout[TEXT_LAYOUT_MAX];
        size_t len = text_slot_layout(d->g->text, column, layout);
        c->like = (struct line_slot){
            .low = {t.low[0], t.low[1]}, .high = t.high, .len_min = t.len_min, .len_max = t.len_max,
            .distinct = text_slot_distinct_count(d->g->text, column),
            .layout = len ? arena_copy(&d->g->arena, bole_slice_from(layout, len)) : (bole_slice){0}};
        c->is_known = true;
    }
    return c->like;
}

static struct shape *shape_of(struct group_derive *d, uint32_t template)
{
    struct arena *arena = &d->g->arena;
    struct shape *s = d->shapes[template];
    if (s)
        return s;
    struct text_shape text = text_shape(d->g->text, template);
    bole_slice *constants = arena_array(arena, text.slot_count + 1u, sizeof *constants);
    s = arena_zalloc(arena, sizeof *s);
    if (!s || !constants)
        return NULL;
    for (uint32_t k = 0; k < text.slot_count; k++)
        constants[k] = text_slot_constant(d->g->text, text.columns[k]);
    *s = (struct shape){
        .line = {.slot_count = text.slot_count, .pieces = text.pieces, .literals = text.literals, .slot = slot_of, .self = d},
        .text = text,
        .constants = constants};
    return d->shapes[template] = s;
}

/* ---- values of the vector ---- */

static bole_status load_column(struct group_derive *d, uint32_t column)
{
    struct derive_column *c = &d->columns[column];
    struct group_scan *g = d->g;
    uint32_t rows = d->v->row_count;
    if (c->number == g->vector_number)
        return BOLE_OK;
    struct arena *arena = &g->ctx->vector_arena;
    c->number = g->vector_number;
    c->distinct = text_slot_distinct_count(g->text, column);
    c->ids = c->distinct ? arena_alloc(arena, rows * sizeof *c->ids) : NULL;
    c->values = c->distinct ? NULL : arena_alloc(arena, rows * sizeof *c->values);
    if (c->ids)
        return text_slot_ids(g->text, column, g->first_row, rows, group_scan_bits(g), c->ids, d->err);
    return c->values ? text_slot_values(g->text, column, g->first_row, rows, group_scan_bits(g), arena, c->values, d->err)
                     : no_room(d);
}

/* Of a dictionary, for one row. The whole column pays as soon as some rows have asked for it. */
static bole_status id_at(struct group_derive *d, uint32_t column, uint32_t row, bool is_root, uint32_t *ret_id)
{
    struct derive_column *c = &d->columns[column];
    if (c->asked_number != d->g->vector_number) {
        c->asked_number = d->g->vector_number;
        c->asked = 0;
    }
    if (c->number == d->g->vector_number || is_root || c->asked++ >= ASKED_MAX) {
        bole_status st = load_column(d, column);
        *ret_id = st >= 0 ? c->ids[row] : 0;
        return st;
    }
    return text_slot_ids(d->g->text, column, d->g->first_row + row, 1, group_scan_bits(d->g), ret_id, d->err);
}

static bole_slice value_at(const struct group_derive *d, uint32_t column, uint32_t row)
{
    const struct derive_column *c = &d->columns[column];
    return c->ids ? text_slot_distinct(d->g->text, column, c->ids[row]) : c->values[row];
}

/* ---- nodes ---- */

static bool has_room(struct group_derive *d)
{
    if (d->node_count < d->node_capacity)
        return true;
    uint32_t old = d->node_capacity, capacity = old ? old * 2 : 64;
    struct arena *arena = &d->g->arena;
    d->nodes = arena_grow(arena, d->nodes, old * sizeof *d->nodes, capacity * sizeof *d->nodes);
    bool ok = d->nodes;
    for (uint32_t i = 0; ok && i < d->reader->value_count; i++) {
        d->values[i] = arena_grow(arena, d->values[i], old * sizeof *d->values[i], capacity * sizeof *d->values[i]);
        ok = d->values[i];
    }
    d->node_capacity = ok ? capacity : 0;
    return ok;
}

static struct edge *find_edge(const struct group_derive *d, uint64_t key)
{
    uint64_t hash = key * 0x9e3779b97f4a7c15u;
    struct edge *e = &d->edges[hash >> 32 & (d->edge_capacity - 1)];
    while (e->key && e->key != key)
        e = e + 1 < d->edges + d->edge_capacity ? e + 1 : d->edges;
    return e;
}

static uint64_t key_of(uint32_t node, uint32_t id) { return ((uint64_t)node << 32 | id) + 1; }

static bool add_edge(struct group_derive *d, uint64_t key, uint32_t node)
{
    if (d->edge_count * 2 >= d->edge_capacity) {
        struct edge *old = d->edges;
        uint32_t count = d->edge_capacity;
        d->edge_capacity = count ? count * 2 : 256;
        d->edges = arena_array(&d->g->arena, d->edge_capacity, sizeof *d->edges);
        for (uint32_t i = 0; d->edges && i < count; i++)
            if (old[i].key)
                *find_edge(d, old[i].key) = old[i];
    }
    if (!d->edges)
        return false;
    *find_edge(d, key) = (struct edge){key, node};
    d->edge_count++;
    return true;
}

/* NONE: there is none yet. */
static inline uint32_t child_of(const struct group_derive *d, uint32_t node, uint32_t id)
{
    const struct node *n = &d->nodes[node];
    if (n->children)
        return n->children[id] - 1;
    const struct edge *e = d->edges ? find_edge(d, key_of(node, id)) : NULL;
    return e && e->key ? e->node : NONE;
}

/* ---- what stands in slots ---- */

/* The values of a leaf, or the next slot that one of them is. Texts are copied. */
static bole_status settle(struct group_derive *d, const struct shape *s, uint32_t node, struct line_value *values,
                          const bole_slice *known)
{
    struct node *n = &d->nodes[node];
    uint32_t count = d->reader->value_count, i = 0;
    for (; i < count; i++)
        if (values[i].slot >= 0 && known[values[i].slot].ptr)
            values[i] = (struct line_value){LINE_SLOT_LITERAL, known[values[i].slot]};
    for (i = 0; i < count && values[i].slot < 0; i++) {}
    if (i < count) {
        n->kind = NODE_ASKS;
        n->slot = (uint32_t)values[i].slot;
        n->column = s->text.columns[n->slot];
        n->values = arena_array(&d->g->arena, count, sizeof *n->values);
        if (!n->values)
            return no_room(d);
    }
    for (uint32_t k = 0; k < count; k++) {
        bole_slice text = values[k].slot == LINE_SLOT_LITERAL ? arena_copy(&d->g->arena, values[k].text) : (bole_slice){0};
        if (values[k].slot == LINE_SLOT_LITERAL && !text.ptr)
            return no_room(d);
        d->values[k][node] = text;
        if (i < count)
            n->values[k] = (struct line_value){values[k].slot, text};
    }
    n->kind = i < count ? NODE_ASKS : NODE_LEAF;
    return BOLE_OK;
}

/* Says what the new node is. waiting: what its parent has read already. */
static bole_status derive(struct group_derive *d, const struct shape *s, uint32_t node, const struct line_value *waiting,
                          const bole_slice *known)
{
    struct line_value values[LINE_VALUES_MAX];
    struct node *n = &d->nodes[node];
    if (waiting) {
        memcpy(values, waiting, d->reader->value_count * sizeof *values);
        return settle(d, s, node, values, known);
    }
    enum line_answer answer = d->reader->derive(d->reader->ctx, &s->line, known, &n->slot, values);
    if (answer == LINE_READ)
        return settle(d, s, node, values, known);
    n->kind = answer == LINE_ASKS ? NODE_ASKS : NODE_WHOLE;
    n->column = answer == LINE_ASKS ? s->text.columns[n->slot] : 0;
    return BOLE_OK;
}

/* What is known in front of a node, in the vector's arena. */
static bole_slice *known_at(const struct group_derive *d, const struct shape *s, uint32_t node)
{
    bole_slice *known = arena_array(&d->g->ctx->vector_arena, s->line.slot_count + 1u, sizeof *known);
    if (known)
        memcpy(known, s->constants, s->line.slot_count * sizeof *known);
    for (const struct node *n = &d->nodes[node]; known && n->parent != NONE; n = &d->nodes[n->parent])
        known[d->nodes[n->parent].slot] = text_slot_distinct(d->g->text, d->nodes[n->parent].column, n->id);
    return known;
}

/* Room for the children of a new node that asks for a dictionary, where that is not much. */
static bool prepare_children(struct group_derive *d, uint32_t node)
{
    struct node *n = &d->nodes[node];
    uint32_t count = n->kind == NODE_ASKS ? text_slot_distinct_count(d->g->text, n->column) : 0;
    if (count == 0 || count > (n->parent == NONE ? DIRECT_MAX : DIRECT_SMALL) || d->direct_sum + count > DIRECT_SUM)
        return true;
    d->direct_sum += count;
    n->children = arena_array(&d->g->arena, count, sizeof *n->children);
    return n->children;
}

static bole_status add_root(struct group_derive *d, const struct shape *s, uint32_t *ret_node)
{
    if (!has_room(d))
        return no_room(d);
    uint32_t node = *ret_node = d->node_count++;
    d->nodes[node] = (struct node){.parent = NONE};
    bole_status st = derive(d, s, node, NULL, s->constants);
    return st < 0 || prepare_children(d, node) ? st : no_room(d);
}

static bole_status add_child(struct group_derive *d, const struct shape *s, uint32_t parent, uint32_t id, uint32_t *ret_node)
{
    bole_slice *known = known_at(d, s, parent);
    if (!known || !has_room(d))
        return no_room(d);
    struct node *p = &d->nodes[parent];
    uint32_t node = *ret_node = d->node_count++;
    known[p->slot] = text_slot_distinct(d->g->text, p->column, id);
    d->nodes[node] = (struct node){.parent = parent, .id = id};
    if (p->children)
        p->children[id] = node + 1;
    else if (!add_edge(d, key_of(parent, id), node))
        return no_room(d);
    bole_status st = derive(d, s, node, p->values, known);
    return st < 0 || prepare_children(d, node) ? st : no_room(d);
}

/* The rest of the way for one row alone, to a node of its own. */
static bole_status add_own(struct group_derive *d, const struct shape *s, uint32_t from, uint32_t row, uint32_t *ret_node)
{
    bole_slice *known = known_at(d, s, from);
    if (!known || !has_room(d))
        return no_room(d);
    uint32_t node = *ret_node = d->node_count++;
    d->nodes[node] = d->nodes[from];
    for (unsigned i = 0; d->nodes[node].kind == NODE_ASKS && i < PATH_MAX; i++) {
        uint32_t column = d->nodes[node].column;
        bole_status st = load_column(d, column);
        if (st < 0)
            return st;
        known[d->nodes[node].slot] = value_at(d, column, row);
        st = derive(d, s, node, d->nodes[node].values, known);
        if (st < 0)
            return st;
    }
    d->nodes[node].kind = d->nodes[node].kind == NODE_LEAF ? NODE_LEAF : NODE_WHOLE;
    return BOLE_OK;
}

/* Where values hardly come twice lines are built sooner. Many are met for the first time among the first rows. */
static bool is_worth(const struct group_derive *d, const struct shape *s, uint32_t row)
{
    uint64_t seen = (uint64_t)s->text.row_count * (row + 1) / d->g->group->row_count; /* about */
    return s->missed <= MISSED_MIN || s->missed <= s->text.row_count / MISSED_SHARE || s->missed <= seen / MISSED_LATER;
}

/* Where the tree has no way for a row yet. NONE: it is left to the line. */
static bole_status go_on(struct group_derive *d, uint32_t row, uint32_t *ret_node)
{
    uint32_t template = d->templates[d->g->first_row + row], at = NONE;
    struct shape *s = shape_of(d, template);
    *ret_node = NONE;
    if (!s)
        return no_room(d);
    if (!is_worth(d, s, d->g->first_row + row) || d->node_count >= NODES_MAX) {
        d->any_whole = true;
        return BOLE_OK;
    }
    bole_status st = d->roots[template] ? BOLE_OK : add_root(d, s, &at);
    if (st < 0)
        return st;
    if (d->roots[template])
        at = d->roots[template] - 1;
    d->roots[template] = at + 1;
    for (unsigned i = 0; st >= 0 && d->nodes[at].kind == NODE_ASKS; i++) {
        uint32_t column = d->nodes[at].column, id = 0;
        bool is_dictionary = text_slot_distinct_count(d->g->text, column);
        st = is_dictionary ? id_at(d, column, row, i == 0, &id) : BOLE_OK;
        if (st < 0)
            return st;
        uint32_t child = is_dictionary ? child_of(d, at, id) : NONE;
        s->missed += child == NONE;
        if (child != NONE)
            at = child;
        else if (is_dictionary && i < PATH_MAX)
            st = add_child(d, s, at, id, &at);
        else
            st = add_own(d, s, at, row, &at);
    }
    *ret_node = at;
    d->any_whole = d->any_whole || (st >= 0 && d->nodes[at].kind == NODE_WHOLE);
    return st;
}

/* Nodes of the selected rows of the vector from `row` on, up to the first for which the tree has no way yet, which is returned. */
static uint32_t follow(const struct group_derive *d, const struct vector *v, uint32_t row, uint32_t *restrict index)
{
    const uint16_t *templates = d->templates + d->g->first_row;
    const struct derive_column *columns = d->columns;
    const struct node *nodes = d->nodes;
    const uint32_t *roots = d->roots;
    uint64_t number = d->g->vector_number;
    for (uint32_t w = row / 64; w * 64 < v->row_count; w++) {
        uint64_t left = v->selected[w] & (w == row / 64 ? ~0ull << row % 64 : ~0ull);
        for (; left; left &= left - 1) {
            uint32_t r = w * 64 + (uint32_t)__builtin_ctzll(left), at = roots[templates[r]] - 1; /* NONE: no root */
            while (at != NONE && nodes[at].kind == NODE_ASKS) {
                const struct derive_column *c = &columns[nodes[at].column];
                if (c->number != number || !c->ids)
                    return r;
                at = nodes[at].children ? nodes[at].children[c->ids[r]] - 1 : child_of(d, at, c->ids[r]);
            }
            if (at == NONE)
                return r;
            index[r] = at;
        }
    }
    return v->row_count;
}

/* ---- */

struct group_derive *group_derive_open(struct group_scan *g, const uint16_t *templates)
{
    struct group_derive *d = arena_zalloc(&g->arena, sizeof *d);
    if (!d)
        return NULL;
    *d = (struct group_derive){.g = g, .reader = g->ctx->query->reader, .templates = templates};
    d->shapes = arena_array(&g->arena, text_template_count(g->text), sizeof *d->shapes);
    d->columns = arena_array(&g->arena, text_column_count(g->text) + 1u, sizeof *d->columns);
    d->roots = arena_array(&g->arena, text_template_count(g->text), sizeof *d->roots);
    return d->shapes && d->columns && d->roots ? d : NULL;
}

bole_status group_derive_fill(struct group_derive *d, struct vector *v, uint64_t *whole, struct bole_err *err)
{
    struct arena *arena = &d->g->ctx->vector_arena;
    uint32_t *index = arena_alloc(arena, v->row_count * sizeof *index);
    const bole_slice **values = arena_array(arena, LINE_VALUES_MAX, sizeof *values);
    d->err = err;
    d->v = v;
    if (!index || !values)
        return no_room(d);
    for (uint32_t r = follow(d, v, 0, index); r < v->row_count; r = follow(d, v, r + 1, index)) {
        bole_status st = go_on(d, r, &index[r]);
        if (st < 0)
            return st;
    }
    for (uint32_t r = vector_first(v); d->any_whole && r < v->row_count; r = vector_next(v, r))
        if (index[r] == NONE || d->nodes[index[r]].kind == NODE_WHOLE)
            whole[(d->g->first_row + r) / 64] |= 1ull << (d->g->first_row + r) % 64;
    memcpy(values, d->values, sizeof d->values);
    v->values = values;
    v->value_index = index;
    v->value_epoch = d->g->number;
    return BOLE_OK;
}
