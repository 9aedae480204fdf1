/* bench.h - what programs that measure share: the clock, the input, and the end when something fails. Not for the program. */
#ifndef BASE_BENCH_H
#define BASE_BENCH_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/slice.h"

/* CPU time, not the clock's on the wall: other people use the machine as well. CLOCK_THREAD_CPUTIME_ID is this thread's. */
static inline double bench_cpu_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void bench_check(bole_status st, const struct bole_err *err)
{
    if (st >= 0)
        return;
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, err->msg);
    exit(1);
}

/* p, which is not NULL. */
static inline void *bench_must(void *p)
{
    if (!p) {
        perror(program_invocation_short_name);
        exit(1);
    }
    return p;
}

/* The file's first `max` bytes, for ever. */
static inline bole_slice bench_read(const char *path, size_t max)
{
    FILE *f = bench_must(fopen(path, "rb"));
    uint8_t *bytes = bench_must(malloc(max));
    size_t len = fread(bytes, 1, max, f);
    fclose(f);
    return bole_slice_from(bytes, len);
}

#endif
