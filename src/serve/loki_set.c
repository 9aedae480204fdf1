/*
 * loki_set.c - see loki_set.h. An open-addressed table of pointers, doubled when half full.
 */
#include "serve/loki_set.h"

#include <stdlib.h>

#include "base/hash.h"

enum { TABLE_SIZE_FIRST = 64 };

void loki_set_init(struct loki_set *s, struct budget *budget)
{
    *s = (struct loki_set){0};
    arena_init(&s->arena, budget);
}

void loki_set_deinit(struct loki_set *s)
{
    arena_deinit(&s->arena);
}

void loki_set_reset(struct loki_set *s)
{
    arena_reset(&s->arena);
    s->table = NULL;
    s->table_size = s->count = 0;
}

static struct loki_set_item **find_slot(struct loki_set_item **table, size_t size, uint64_t hash, bole_slice key)
{
    size_t at = hash & (size - 1);
    while (table[at] && !(table[at]->hash == hash && bole_slice_eq(table[at]->key, key)))
        at = (at + 1) & (size - 1);
    return &table[at];
}

static bool grow(struct loki_set *s)
{
    size_t size = s->table_size ? s->table_size * 2 : TABLE_SIZE_FIRST;
    struct loki_set_item **table = arena_array(&s->arena, size, sizeof *table);
    if (!table)
        return false;
    for (size_t i = 0; i < s->table_size; i++)
        if (s->table[i])
            *find_slot(table, size, s->table[i]->hash, s->table[i]->key) = s->table[i];
    s->table = table;
    s->table_size = size;
    return true;
}

struct loki_set_item *loki_set_find(const struct loki_set *s, bole_slice key)
{
    return s->table_size ? *find_slot(s->table, s->table_size, hash64(key), key) : NULL;
}

struct loki_set_item *loki_set_get(struct loki_set *s, bole_slice key)
{
    if ((s->count + 1) * 2 > s->table_size && !grow(s))
        return NULL;
    uint64_t hash = hash64(key);
    struct loki_set_item **slot = find_slot(s->table, s->table_size, hash, key);
    if (*slot)
        return *slot;
    struct loki_set_item *item = arena_zalloc(&s->arena, sizeof *item);
    if (!item)
        return NULL;
    item->hash = hash;
    item->key = arena_copy(&s->arena, key);
    if (!item->key.ptr)
        return NULL;
    *slot = item;
    s->count++;
    return item;
}

static int compare_items(const void *a, const void *b)
{
    const struct loki_set_item *const *x = a, *const *y = b;
    return bole_slice_cmp((*x)->key, (*y)->key);
}

struct loki_set_item **loki_set_sorted(struct loki_set *s)
{
    struct loki_set_item **items = arena_array(&s->arena, s->count + 1, sizeof *items);
    if (!items)
        return NULL;
    size_t count = 0;
    for (size_t i = 0; i < s->table_size; i++)
        if (s->table[i])
            items[count++] = s->table[i];
    if (count)
        qsort(items, count, sizeof *items, compare_items);
    return items;
}
