#include "base/budget.h"

#include <assert.h>

void budget_init(struct budget *b, struct budget *parent, size_t limit_bytes)
{
    b->parent = parent;
    b->limit_bytes = limit_bytes;
    atomic_init(&b->used_bytes, 0);
}

bool budget_take(struct budget *b, size_t bytes)
{
    if (!b)
        return true;
    size_t used = atomic_load_explicit(&b->used_bytes, memory_order_relaxed);
    do {
        if (bytes > b->limit_bytes || used > b->limit_bytes - bytes)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&b->used_bytes, &used, used + bytes, memory_order_relaxed,
                                                    memory_order_relaxed));
    if (budget_take(b->parent, bytes))
        return true;
    atomic_fetch_sub_explicit(&b->used_bytes, bytes, memory_order_relaxed);
    return false;
}

void budget_give(struct budget *b, size_t bytes)
{
    for (; b; b = b->parent) {
        size_t before = atomic_fetch_sub_explicit(&b->used_bytes, bytes, memory_order_relaxed);
        assert(before >= bytes);
        (void)before;
    }
}
