/*
 * clock.h - time as an argument, so that a test can stop it.
 *
 * Units: nanoseconds. now_ns is UTC since 1970; mono_ns only goes forward and has no meaning but its differences.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

#define NS_PER_US 1000ll
#define NS_PER_MS 1000000ll
#define NS_PER_S  1000000000ll

struct clock {
    int64_t (*now_ns)(const struct clock *self);
    uint64_t (*mono_ns)(const struct clock *self);
};

extern const struct clock clock_system;

static inline int64_t clock_now_ns(const struct clock *c) { return c->now_ns(c); }
static inline uint64_t clock_mono_ns(const struct clock *c) { return c->mono_ns(c); }

/* CPU time of the calling thread. */
uint64_t clock_cpu_ns(void);

/* A clock that stands still until the test moves it. Threads: any. */
struct clock_manual {
    struct clock  base;
    _Atomic int64_t  now;
    _Atomic uint64_t mono;
};

void clock_manual_init(struct clock_manual *c, int64_t now_ns);
void clock_manual_advance(struct clock_manual *c, uint64_t by_ns);

#endif
