#include "store/index/hash_set.h"

enum { FIRST_BITS = 12 };

bool hash_set_grow(struct hash_set *s)
{
    struct hash_set larger = {
        .bits = s->bits ? s->bits + 1 : FIRST_BITS, .multiplier = s->multiplier, .budget = s->budget};
    if (!budget_take(s->budget, hash_set_size(&larger)))
        return false;
    larger.slots = calloc((size_t)1 << larger.bits, sizeof *larger.slots);
    if (!larger.slots) {
        budget_give(s->budget, hash_set_size(&larger));
        return false;
    }
    for (size_t i = 0; i < hash_set_size(s) / sizeof *s->slots; i++)
        if (s->slots[i])
            *hash_set_slot(&larger, s->slots[i]) = s->slots[i];
    larger.count = s->count;
    hash_set_deinit(s);
    *s = larger;
    return true;
}

void hash_set_deinit(struct hash_set *s)
{
    free(s->slots);
    budget_give(s->budget, hash_set_size(s));
    s->slots = NULL;
    s->count = 0;
    s->bits = 0;
}
