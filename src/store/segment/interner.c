#include "store/segment/interner.h"

#include <stdlib.h>

#include "base/hash.h"

void interner_init(struct interner *in)
{
    *in = (struct interner){0};
}

void interner_deinit(struct interner *in)
{
    free(in->items);
    free(in->slots);
    *in = (struct interner){0};
}

void interner_reset(struct interner *in)
{
    if (in->count)
        memset(in->slots, 0, in->slot_count * sizeof *in->slots);
    in->count = 0;
}

static bool grow(struct interner *in)
{
    uint32_t capacity = in->capacity ? in->capacity * 2 : 32, slot_count = capacity * 2;
    struct interned *items = realloc(in->items, capacity * sizeof *items);
    if (!items)
        return false;
    in->items = items;
    uint32_t *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return false;
    free(in->slots);
    in->slots = slots;
    in->slot_count = slot_count;
    in->capacity = capacity;
    for (uint32_t i = 0; i < in->count; i++) {
        uint32_t at = items[i].hash & (slot_count - 1);
        while (slots[at])
            at = (at + 1) & (slot_count - 1);
        slots[at] = i + 1;
    }
    return true;
}

bool interner_put(struct interner *in, uint32_t tag, bole_slice text, uint32_t *ret_id)
{
    if (in->count == in->capacity && !grow(in))
        return false;
    uint32_t hash = (uint32_t)(hash64(text) + tag), mask = in->slot_count - 1, at = hash & mask;
    for (; in->slots[at]; at = (at + 1) & mask) {
        const struct interned *item = &in->items[in->slots[at] - 1];
        if (item->hash == hash && item->tag == tag && bole_slice_eq(item->text, text)) {
            *ret_id = in->slots[at] - 1;
            return true;
        }
    }
    in->items[in->count] = (struct interned){text, hash, tag};
    *ret_id = in->count;
    in->slots[at] = ++in->count;
    return true;
}
