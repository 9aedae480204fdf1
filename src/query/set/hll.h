/*
 * hll.h - how many different values there were, in bounded memory.
 *
 * Exact up to DISTINCT_EXACT_MAX (hashes are held); beyond, HyperLogLog with 2^14 registers: standard error 1.04 / sqrt(2^14)
 * = 0.81 %, 16 KB. Flajolet, Fusy, Gandouet, Meunier: "HyperLogLog: the analysis of a near-optimal cardinality estimation
 * algorithm" (2007); the estimate is the improved one of Ertl: "New cardinality estimation algorithms for HyperLogLog
 * sketches" (2017), which has no bias at any size.
 *
 * Owner: the arena. Threads: one.
 */
#ifndef QUERY_SET_HLL_H
#define QUERY_SET_HLL_H

#include "base/arena.h"

enum { DISTINCT_EXACT_MAX = 1024, HLL_BITS = 14, HLL_REGISTERS = 1 << HLL_BITS };

struct distinct_count { /* zeroed: empty */
    uint64_t *hashes;    /* [slot_count] open addressing, 0 free; NULL once there are registers */
    uint32_t  slot_count, count;
    uint8_t  *registers; /* [HLL_REGISTERS] or NULL */
};

/* False: no memory. hash: 64 good bits of the value. */
bool distinct_count_add(struct distinct_count *d, uint64_t hash, struct arena *arena);
uint64_t distinct_count_value(const struct distinct_count *d);

#endif
