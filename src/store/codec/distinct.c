#include "store/codec/distinct.h"

#include <stdlib.h>

enum {
    SLOTS_MIN = 1024,
    PROBES_PER_VALUE = 16, /* a good hash needs 1.5 at load 1/2, and no column comes near this by chance */
    ID_BITS = 17,
    LOOK_EVERY = 1024,     /* new values: whether nearly all have been new so far */
};

bool distinct_init(struct distinct *d)
{
    *d = (struct distinct){.hashes = malloc(DISTINCT_MAX * sizeof *d->hashes),
                           .first = malloc(DISTINCT_MAX * sizeof *d->first),
                           .slots = malloc(2 * DISTINCT_MAX * sizeof *d->slots)};
    return d->hashes && d->first && d->slots;
}

void distinct_deinit(struct distinct *d)
{
    free(d->hashes);
    free(d->first);
    free(d->slots);
    *d = (struct distinct){0};
}

static uint32_t slot_value(uint64_t hash, uint32_t id)
{
    return (uint32_t)(hash >> 32) << ID_BITS | (id + 1);
}

static void grow(struct distinct *d)
{
    d->mask = d->mask * 2 + 1;
    memset(d->slots, 0, ((size_t)d->mask + 1) * sizeof *d->slots);
    for (uint32_t id = 0; id < d->count; id++) {
        uint32_t at = (uint32_t)d->hashes[id] & d->mask;
        while (d->slots[at])
            at = (at + 1) & d->mask;
        d->slots[at] = slot_value(d->hashes[id], id);
    }
}

static bool same(const struct distinct *d, const struct distinct_input *in, uint32_t id, uint32_t index)
{
    return d->hashes[id] == in->hashes[index] &&
           (!in->exact || bole_slice_eq(in->values[d->first[id]], in->values[index]));
}

/* The id of the value, a new one if it has none; UINT32_MAX when too many collided. */
static uint32_t add(struct distinct *d, const struct distinct_input *in, uint32_t index)
{
    uint64_t hash = in->hashes[index];
    uint32_t at = (uint32_t)hash & d->mask, tag = slot_value(hash, 0) >> ID_BITS;
    for (uint32_t slot; (slot = d->slots[at]) != 0; at = (at + 1) & d->mask) {
        uint32_t id = (slot & ((1u << ID_BITS) - 1)) - 1;
        if (slot >> ID_BITS == tag && same(d, in, id, index))
            return id;
        if (d->probes_left-- == 0)
            return UINT32_MAX;
    }
    d->slots[at] = slot_value(hash, d->count);
    d->hashes[d->count] = hash;
    d->first[d->count++] = index;
    if (d->count > d->mask / 2 && d->count < DISTINCT_MAX)
        grow(d);
    return d->count - 1;
}

bool distinct_number(struct distinct *d, const struct distinct_input *in, int64_t *ret_ids)
{
    d->count = 0;
    d->mask = SLOTS_MIN - 1;
    d->probes_left = (uint64_t)in->count * PROBES_PER_VALUE + SLOTS_MIN;
    memset(d->slots, 0, SLOTS_MIN * sizeof *d->slots);
    for (uint32_t i = 0; i < in->count; i++) {
        uint32_t before = d->count, id = add(d, in, i);
        if (id == UINT32_MAX || d->count > in->limit)
            return false;
        if (in->hasty && d->count > before && id % LOOK_EVERY == LOOK_EVERY - 1 && id > i - i / 16)
            return false;
        ret_ids[i] = id;
    }
    return true;
}
