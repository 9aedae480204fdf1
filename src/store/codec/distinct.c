#include "store/codec/distinct.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "store/codec/values_private.h"

enum {
    SLOTS_MIN = 1024,
    PROBES_PER_VALUE = 16, /* a good hash needs 1.5 at load 1/2, and no column comes near this by chance */
};

bool distinct_init(struct distinct *d)
{
    *d = (struct distinct){.entries = malloc(DISTINCT_MAX * sizeof *d->entries),
                           .slots = malloc(2 * DISTINCT_MAX * sizeof *d->slots)};
    return d->entries && d->slots;
}

void distinct_deinit(struct distinct *d)
{
    free(d->entries);
    free(d->slots);
    *d = (struct distinct){0};
}

void distinct_reset(struct distinct *d, uint32_t value_count)
{
    d->count = 0;
    d->mask = SLOTS_MIN - 1;
    d->probes_left = value_count * PROBES_PER_VALUE + SLOTS_MIN;
    memset(d->slots, 0, SLOTS_MIN * sizeof *d->slots);
}

static void grow(struct distinct *d)
{
    d->mask = d->mask * 2 + 1;
    memset(d->slots, 0, ((size_t)d->mask + 1) * sizeof *d->slots);
    for (uint32_t id = 0; id < d->count; id++) {
        uint32_t at = d->entries[id].hash & d->mask;
        while (d->slots[at])
            at = (at + 1) & d->mask;
        d->slots[at] = id + 1;
    }
}

static struct distinct_entry entry_of(bole_slice value)
{
    struct distinct_entry e = {.value = value};
    if (value.len > 16) {
        e.first = hash64(value);
        e.hash = (uint32_t)(e.first >> 32);
        return e;
    }
    e.first = load_short(value.ptr, value.len);
    e.last = value.len > 8 ? load_u64(value.ptr + value.len - 8) : 0;
    /* Multiply and fold (wyhash): every input bit reaches the bits that are used. */
    unsigned __int128 m =
        (unsigned __int128)(e.first ^ 0xa0761d6478bd642full) * (e.last ^ value.len ^ 0xe7037ed1a0b428dbull);
    e.hash = (uint32_t)((uint64_t)(m >> 64) ^ (uint64_t)m);
    return e;
}

static bool same(const struct distinct_entry *a, const struct distinct_entry *b)
{
    return a->hash == b->hash && a->first == b->first && a->last == b->last && a->value.len == b->value.len &&
           (a->value.len <= 16 || memcmp(a->value.ptr, b->value.ptr, a->value.len) == 0);
}

uint32_t distinct_add(struct distinct *d, bole_slice value)
{
    struct distinct_entry e = entry_of(value);
    uint32_t at = e.hash & d->mask;
    for (uint32_t slot; (slot = d->slots[at]) != 0; at = (at + 1) & d->mask) {
        if (same(&d->entries[slot - 1], &e))
            return slot - 1;
        if (d->probes_left-- == 0) {
            d->probes_left = 0;
            return DISTINCT_NONE;
        }
    }
    d->entries[d->count] = e;
    d->slots[at] = ++d->count;
    if (d->count > d->mask / 2 && d->count < DISTINCT_MAX)
        grow(d);
    return d->count - 1;
}
