/*
 * time_spans.h - the times of streams as far as they have been seen: a few spans per stream.
 *
 * Most streams come in order, so that the time of a row alone says that it is new. What is told of a stream is never too
 * little: spans that lie close are taken for one when they are too many, and of streams beyond TIME_SPANS_STREAMS_MAX, or
 * without memory, every time counts as seen.
 *
 * Units:   times are ns; memory is drawn from the budget: up to 300 bytes per stream.
 * Threads: one at a time.
 */
#ifndef STORE_TIME_SPANS_H
#define STORE_TIME_SPANS_H

#include "base/budget.h"

#define TIME_SPANS_STREAMS_MAX 8192u

struct stream_spans;

struct time_spans { /* starts as zeros but for budget and multiplier */
    struct budget       *budget;
    uint64_t             multiplier; /* random and odd: crafted streams cannot crowd into one place */
    struct stream_spans *streams; /* [capacity] */
    uint32_t            *slots;   /* [2 * capacity] index into streams + 1; 0: free */
    uint32_t             count, capacity;
    bool                 is_full;
};

void time_spans_deinit(struct time_spans *t);
void time_spans_reset(struct time_spans *t); /* forgets all, keeps its memory */

/* A stream has rows from min_ns to max_ns. True when it may have had one of a time among them before. `stream`: a hash of
 * it; two streams with one hash are one stream here. */
bool time_spans_add(struct time_spans *t, uint64_t stream, int64_t min_ns, int64_t max_ns);
bool time_spans_may_hold(const struct time_spans *t, uint64_t stream, int64_t min_ns, int64_t max_ns);

#endif
