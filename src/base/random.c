#include "base/random.h"

#include <assert.h>
#include <sys/random.h>

static uint64_t system_next(struct random *self)
{
    (void)self;
    uint64_t v = 0;
    ssize_t n;
    do
        n = getrandom(&v, sizeof v, 0);
    while (n < 0);
    assert(n == sizeof v); /* up to 256 bytes come whole: getrandom(2) */
    return v;
}

struct random random_system = {.next = system_next};

static uint64_t seeded_next(struct random *self)
{
    uint64_t z = self->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void random_seed(struct random *r, uint64_t seed)
{
    *r = (struct random){.next = seeded_next, .state = seed};
}
