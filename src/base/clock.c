#include "base/clock.h"

#include <time.h>

static int64_t system_now_ns(const struct clock *self)
{
    (void)self;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static uint64_t system_mono_ns(const struct clock *self)
{
    (void)self;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)(t.tv_sec * NS_PER_S + t.tv_nsec);
}

const struct clock clock_system = {.now_ns = system_now_ns, .mono_ns = system_mono_ns};

uint64_t clock_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)(t.tv_sec * NS_PER_S + t.tv_nsec);
}

static int64_t manual_now_ns(const struct clock *self)
{
    return ((const struct clock_manual *)self)->now;
}

static uint64_t manual_mono_ns(const struct clock *self)
{
    return ((const struct clock_manual *)self)->mono;
}

void clock_manual_init(struct clock_manual *c, int64_t now_ns)
{
    c->base = (struct clock){.now_ns = manual_now_ns, .mono_ns = manual_mono_ns};
    c->now = now_ns;
    c->mono = 1;
}

void clock_manual_advance(struct clock_manual *c, uint64_t by_ns)
{
    c->now += (int64_t)by_ns;
    c->mono += by_ns;
}
