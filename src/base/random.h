/*
 * random.h - random numbers as an argument: from the kernel in service, from a printed seed in a test.
 *
 * Threads: random_system any; a seeded generator one at a time.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t (*next)(struct random *self);
    uint64_t state; /* of the seeded form */
};

extern struct random random_system;                        /* getrandom(2) */
void random_seed(struct random *r, uint64_t seed);         /* splitmix64 (Steele, Lea, Flood 2014) */

static inline uint64_t random_next(struct random *r) { return r->next(r); }
/* tests: bias is fine */
static inline uint64_t random_below(struct random *r, uint64_t n) { return n ? random_next(r) % n : 0; }

#endif
