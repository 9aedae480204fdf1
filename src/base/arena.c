/*
 * A chain of blocks, each drawn from the budget as a whole. Blocks double from 4 KiB to 1 MiB, so that a small request
 * stays small and a large one makes few calls; what does not fit gets a block of its own size.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_MIN = 4096, BLOCK_MAX = 1 << 20, ALIGN = 16 };

struct arena_block {
    struct arena_block *older;
    size_t              size; /* with this header */
};
_Static_assert(sizeof(struct arena_block) % ALIGN == 0, "the first allocation of a block must be aligned");

void arena_init(struct arena *a, struct budget *budget)
{
    *a = (struct arena){.budget = budget};
}

static void block_free(struct arena *a, struct arena_block *block)
{
    budget_give(a->budget, block->size);
    free(block);
}

void arena_deinit(struct arena *a)
{
    while (a->block) {
        struct arena_block *older = a->block->older;
        block_free(a, a->block);
        a->block = older;
    }
    a->next = a->end = NULL;
}

void arena_reset(struct arena *a)
{
    while (a->block && a->block->older) {
        struct arena_block *older = a->block->older;
        block_free(a, a->block);
        a->block = older;
    }
    if (a->block) {
        a->next = (uint8_t *)(a->block + 1);
        a->end = (uint8_t *)a->block + a->block->size;
    }
}

static bool block_add(struct arena *a, size_t need)
{
    size_t size = a->block ? a->block->size * 2 : BLOCK_MIN;
    if (size > BLOCK_MAX)
        size = BLOCK_MAX;
    if (need > SIZE_MAX - sizeof(struct arena_block) - ALIGN)
        return false;
    need += sizeof(struct arena_block) + ALIGN;
    if (size < need)
        size = need;
    if (!budget_take(a->budget, size))
        return false;
    struct arena_block *block = malloc(size);
    if (!block) {
        budget_give(a->budget, size);
        return false;
    }
    *block = (struct arena_block){.older = a->block, .size = size};
    a->block = block;
    a->next = (uint8_t *)(block + 1);
    a->end = (uint8_t *)block + size;
    return true;
}

uint8_t *arena_bytes(struct arena *a, size_t size)
{
    if (size > (size_t)(a->end - a->next) || !a->next)
        if (!block_add(a, size))
            return NULL;
    uint8_t *p = a->next;
    a->next += size;
    return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (a->next) {
        size_t skip = (size_t)(-(uintptr_t)a->next & (ALIGN - 1));
        if (skip <= (size_t)(a->end - a->next) && size <= (size_t)(a->end - a->next) - skip) {
            uint8_t *p = a->next + skip;
            a->next = p + size;
            return p;
        }
    }
    return block_add(a, size) ? arena_bytes(a, size) : NULL;
}

void *arena_zalloc(struct arena *a, size_t size)
{
    void *p = arena_alloc(a, size);
    return p ? memset(p, 0, size) : NULL;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t total;
    return __builtin_mul_overflow(count, size, &total) ? NULL : arena_zalloc(a, total);
}

bole_slice arena_copy(struct arena *a, bole_slice s)
{
    uint8_t *p = arena_bytes(a, s.len);
    if (!p)
        return (bole_slice){0};
    if (s.len)
        memcpy(p, s.ptr, s.len);
    return (bole_slice){p, s.len};
}

bole_slice arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    uint8_t *p = n >= 0 ? arena_bytes(a, (size_t)n + 1) : NULL;
    if (p)
        vsnprintf((char *)p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p ? (bole_slice){p, (size_t)n} : (bole_slice){0};
}

void *arena_grow(struct arena *a, void *old, size_t old_size, size_t new_size)
{
    if (old && (uint8_t *)old + old_size == a->next && new_size >= old_size &&
        new_size - old_size <= (size_t)(a->end - a->next)) {
        a->next += new_size - old_size;
        return old;
    }
    void *p = arena_alloc(a, new_size);
    if (p && old)
        memcpy(p, old, old_size < new_size ? old_size : new_size);
    return p;
}

size_t arena_used(const struct arena *a)
{
    size_t used = 0;
    for (const struct arena_block *block = a->block; block; block = block->older)
        used += block->size;
    return used;
}
