/* values_sample.h - columns for tests: made from a seed, of every kind that a type is for and of what only looks like
 * it. */
#ifndef STORE_CODEC_VALUES_SAMPLE_H
#define STORE_CODEC_VALUES_SAMPLE_H

#include "base/random.h"
#include "store/codec/values.h"

struct values_sample {
    bole_slice *values;  /* [count] */
    int64_t    *time_ns; /* [count] */
    uint32_t    count;
    struct arena arena;
};

#define VALUES_SAMPLE_KINDS 24u

void values_sample_init(struct values_sample *s, struct random *r, unsigned kind, uint32_t count);
void values_sample_deinit(struct values_sample *s);

/* Bytes that may be anything as a column: count, head, then parts of the size that the head asks for. Aborts when a
 * column that was accepted does not keep its contract. Returns whether one was. */
bool values_sample_attack(bole_slice bytes);

#endif
