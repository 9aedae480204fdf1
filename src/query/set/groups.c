#include "query/set/groups.h"

#include "base/hash.h"
#include "query/labelset.h"

enum { SLOTS_MIN = 64 };

void groups_init(struct groups *g, struct arena *arena, size_t data_size)
{
    *g = (struct groups){.arena = arena, .data_size = data_size};
    buf_init(&g->key, arena->budget);
}

void groups_deinit(struct groups *g)
{
    buf_deinit(&g->key);
}

static bool make_key(struct groups *g, const struct row *r, const struct ast_column *columns)
{
    char room[TIME_TEXT_MAX];
    buf_reset(&g->key);
    for (const struct ast_column *c = columns; c; c = c->next) {
        bole_slice text = set_text(r, c->name, room);
        buf_put_varint(&g->key, text.len);
        buf_put(&g->key, text);
    }
    return !g->key.failed;
}

/* Where it is, or would be. */
static struct group **slot_of(const struct groups *g, uint64_t hash, bole_slice key)
{
    size_t i = hash & (g->slot_count - 1);
    while (g->slots[i] && !(g->slots[i]->hash == hash && bole_slice_eq(g->slots[i]->key, key)))
        i = (i + 1) & (g->slot_count - 1);
    return &g->slots[i];
}

static bool grow(struct groups *g)
{
    size_t slot_count = g->slot_count ? 2 * g->slot_count : SLOTS_MIN, cap = slot_count / 2;
    struct group **slots = arena_array(g->arena, slot_count, sizeof *slots);
    struct group **at = slots ? arena_array(g->arena, cap, sizeof *at) : NULL;
    if (!at)
        return false;
    if (g->count)
        memcpy(at, g->at, g->count * sizeof *at);
    g->at = at;
    g->cap = cap;
    g->slots = slots;
    g->slot_count = slot_count;
    for (size_t i = 0; i < g->count; i++)
        *slot_of(g, at[i]->hash, at[i]->key) = at[i];
    return true;
}

struct group *groups_find(struct groups *g, const struct row *r, const struct ast_column *columns)
{
    if (!g->count || !make_key(g, r, columns))
        return NULL;
    bole_slice key = buf_slice(&g->key);
    return *slot_of(g, hash64(key), key);
}

struct group *groups_get(struct groups *g, const struct row *r, const struct ast_column *columns)
{
    if (!make_key(g, r, columns) || (g->count == g->cap && !grow(g)))
        return NULL;
    bole_slice key = buf_slice(&g->key);
    uint64_t hash = hash64(key);
    struct group **slot = slot_of(g, hash, key);
    if (*slot)
        return *slot;
    struct group *group = arena_alloc(g->arena, sizeof *group);
    if (!group)
        return NULL;
    *group = (struct group){hash, (uint32_t)g->count, arena_copy(g->arena, key), arena_zalloc(g->arena, g->data_size)};
    if (!group->key.ptr || !group->data)
        return NULL;
    *slot = group;
    g->at[g->count++] = group;
    return group;
}

struct group *groups_get_series(struct groups *g, const struct set_row *row, const struct ast_column *columns)
{
    if (row->series && *row->series != LABEL_SET_NONE)
        return g->at[*row->series];
    struct group *group = groups_get(g, row->row, columns);
    if (row->series && group)
        *row->series = group->index;
    return group;
}

bool groups_are_of_labels(const struct ast_column *columns)
{
    for (; columns; columns = columns->next)
        if (set_column_name(columns->name).ptr != columns->name.ptr)
            return false;
    return true;
}

bole_slice group_next_value(bole_slice *key)
{
    struct reader r = reader_of(*key);
    bole_slice value = reader_bytes(&r, (size_t)reader_varint(&r));
    *key = (bole_slice){r.next, reader_left(&r)};
    return value.len ? value : (bole_slice){0};
}

int group_cmp(const void *a, const void *b)
{
    bole_slice x = (*(struct group *const *)a)->key, y = (*(struct group *const *)b)->key;
    int c = 0;
    while (!c && x.len && y.len) {
        struct set_value v = set_value_of(group_next_value(&x)), w = set_value_of(group_next_value(&y));
        c = set_value_cmp(&v, &w, false);
    }
    return c;
}
