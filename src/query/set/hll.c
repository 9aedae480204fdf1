#include "query/set/hll.h"

#include <math.h>

enum { SLOTS_MIN = 8, RANK_MAX = 64 - HLL_BITS + 1 }; /* RANK_MAX: all bits behind the register's number are 0 */

/* ---- exact ---- */

static uint64_t *slot_of(const struct distinct_count *d, uint64_t hash)
{
    size_t i = hash & (d->slot_count - 1);
    while (d->hashes[i] && d->hashes[i] != hash)
        i = (i + 1) & (d->slot_count - 1);
    return &d->hashes[i];
}

static bool grow(struct distinct_count *d, struct arena *arena)
{
    struct distinct_count more = {.slot_count = d->slot_count ? 2 * d->slot_count : SLOTS_MIN, .count = d->count};
    more.hashes = arena_array(arena, more.slot_count, sizeof *more.hashes);
    if (!more.hashes)
        return false;
    for (size_t i = 0; i < d->slot_count; i++)
        if (d->hashes[i])
            *slot_of(&more, d->hashes[i]) = d->hashes[i];
    *d = more;
    return true;
}

/* ---- estimated ---- */

static void add_to_registers(uint8_t *registers, uint64_t hash)
{
    uint64_t rest = hash << HLL_BITS;
    uint8_t rank = rest ? (uint8_t)(__builtin_clzll(rest) + 1) : RANK_MAX;
    uint8_t *r = &registers[hash >> (64 - HLL_BITS)];
    if (rank > *r)
        *r = rank;
}

static bool to_registers(struct distinct_count *d, struct arena *arena)
{
    d->registers = arena_zalloc(arena, HLL_REGISTERS);
    for (size_t i = 0; d->registers && i < d->slot_count; i++)
        if (d->hashes[i])
            add_to_registers(d->registers, d->hashes[i]);
    d->hashes = NULL;
    return d->registers != NULL;
}

bool distinct_count_add(struct distinct_count *d, uint64_t hash, struct arena *arena)
{
    hash += hash == 0; /* 0 is a free slot */
    if (!d->registers) {
        if (2 * d->count >= d->slot_count && d->count < DISTINCT_EXACT_MAX && !grow(d, arena))
            return false;
        uint64_t *slot = slot_of(d, hash);
        if (*slot)
            return true;
        if (d->count < DISTINCT_EXACT_MAX) {
            *slot = hash;
            d->count++;
            return true;
        }
        if (!to_registers(d, arena))
            return false;
    }
    add_to_registers(d->registers, hash);
    return true;
}

/* Ertl's sums over the registers that are still empty, and over those that are full. */
static double sigma(double x)
{
    double y = 1, z = x, before;
    if (x == 1)
        return INFINITY;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double tau(double x)
{
    double y = 1, z = 1 - x, before;
    if (x == 0 || x == 1)
        return 0;
    do {
        x = sqrt(x);
        before = z;
        y /= 2;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

uint64_t distinct_count_value(const struct distinct_count *d)
{
    uint32_t counts[RANK_MAX + 1] = {0};
    const double m = HLL_REGISTERS;
    if (!d->registers)
        return d->count;
    for (size_t i = 0; i < HLL_REGISTERS; i++)
        counts[d->registers[i]]++;
    double z = m * tau(1 - counts[RANK_MAX] / m);
    for (int k = RANK_MAX - 1; k > 0; k--)
        z = (z + counts[k]) / 2;
    z += m * sigma(counts[0] / m);
    return (uint64_t)llround(m * m / (2 * log(2)) / z);
}
