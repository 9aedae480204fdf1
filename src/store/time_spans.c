#include "store/time_spans.h"

#include <stdlib.h>
#include <string.h>

enum {
    SPANS_MAX = 16, /* as many requests may overtake each other */
    CAPACITY_MIN = 4,
};

struct span {
    int64_t min_ns, max_ns;
};

struct stream_spans {
    uint64_t    stream;
    uint32_t    count;
    struct span spans[SPANS_MAX + 1]; /* ascending, apart from each other; one more while one is put in */
};

static size_t size_of(uint32_t capacity)
{
    return capacity * (sizeof(struct stream_spans) + 2 * sizeof(uint32_t));
}

void time_spans_deinit(struct time_spans *t)
{
    budget_give(t->budget, size_of(t->capacity));
    free(t->streams);
    free(t->slots);
    *t = (struct time_spans){.budget = t->budget, .multiplier = t->multiplier};
}

void time_spans_reset(struct time_spans *t)
{
    if (t->slots)
        memset(t->slots, 0, 2 * t->capacity * sizeof *t->slots);
    t->count = 0;
    t->is_full = false;
}

/* The slot of a stream, or the free one it would take. */
static uint32_t *slot_of(const struct time_spans *t, uint64_t stream)
{
    uint32_t mask = 2 * t->capacity - 1, at = (uint32_t)(stream * t->multiplier >> 32) & mask;
    while (t->slots[at] && t->streams[t->slots[at] - 1].stream != stream)
        at = (at + 1) & mask;
    return &t->slots[at];
}

static bool grow(struct time_spans *t)
{
    uint32_t capacity = t->capacity ? 2 * t->capacity : CAPACITY_MIN;
    if (capacity > TIME_SPANS_STREAMS_MAX || !budget_take(t->budget, size_of(capacity) - size_of(t->capacity)))
        return false;
    struct stream_spans *streams = realloc(t->streams, capacity * sizeof *streams);
    if (streams)
        t->streams = streams;
    uint32_t *slots = calloc(2 * capacity, sizeof *slots);
    if (!streams || !slots) {
        free(slots);
        budget_give(t->budget, size_of(capacity) - size_of(t->capacity));
        return false;
    }
    free(t->slots);
    t->slots = slots;
    t->capacity = capacity;
    for (uint32_t i = 0; i < t->count; i++)
        *slot_of(t, streams[i].stream) = i + 1;
    return true;
}

/* The first span that does not end before min_ns. */
static uint32_t first_from(const struct stream_spans *s, int64_t min_ns)
{
    uint32_t i = s->count;
    while (i > 0 && s->spans[i - 1].max_ns >= min_ns)
        i--;
    return i;
}

bool time_spans_may_hold(const struct time_spans *t, uint64_t stream, int64_t min_ns, int64_t max_ns)
{
    if (t->is_full)
        return true;
    uint32_t slot = t->capacity ? *slot_of(t, stream) : 0;
    if (!slot)
        return false;
    const struct stream_spans *s = &t->streams[slot - 1];
    uint32_t i = first_from(s, min_ns);
    return i < s->count && s->spans[i].min_ns <= max_ns;
}

static void remove_at(struct stream_spans *s, uint32_t i)
{
    memmove(&s->spans[i], &s->spans[i + 1], (--s->count - i) * sizeof *s->spans);
}

/* Puts a span where it belongs; those that it meets become one with it. True: there were some. */
static bool put(struct stream_spans *s, struct span n)
{
    uint32_t i = first_from(s, n.min_ns);
    bool met = i < s->count && s->spans[i].min_ns <= n.max_ns;
    while (i < s->count && s->spans[i].min_ns <= n.max_ns) {
        n.min_ns = s->spans[i].min_ns < n.min_ns ? s->spans[i].min_ns : n.min_ns;
        n.max_ns = s->spans[i].max_ns > n.max_ns ? s->spans[i].max_ns : n.max_ns;
        remove_at(s, i);
    }
    memmove(&s->spans[i + 1], &s->spans[i], (s->count++ - i) * sizeof *s->spans);
    s->spans[i] = n;
    if (s->count > SPANS_MAX) { /* the two oldest become one: what is missing between them comes least likely */
        s->spans[1].min_ns = s->spans[0].min_ns;
        remove_at(s, 0);
    }
    return met;
}

bool time_spans_add(struct time_spans *t, uint64_t stream, int64_t min_ns, int64_t max_ns)
{
    if (t->is_full)
        return true;
    uint32_t *slot = t->capacity ? slot_of(t, stream) : NULL;
    if (!slot || !*slot) {
        if (t->count == t->capacity && !grow(t)) {
            t->is_full = true;
            return true;
        }
        t->streams[t->count] = (struct stream_spans){.stream = stream, .count = 0};
        slot = slot_of(t, stream);
        *slot = ++t->count;
    }
    return put(&t->streams[*slot - 1], (struct span){min_ns, max_ns});
}
