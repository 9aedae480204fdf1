/*
 * text_memory.h - which split suited a family, and which a column of strings: what would take a trial to find out again.
 *
 * Owner:   shared by the encoders of a store (text.h): a segment's encoder does not live long enough to learn much.
 * Threads: any.
 */
#ifndef STORE_CODEC_TEXT_MEMORY_H
#define STORE_CODEC_TEXT_MEMORY_H

#include "store/codec/split.h"
#include "store/codec/text.h"

struct text_family {
    uint64_t   family;
    uint64_t   per_mille; /* encoded bytes of raw ones when the split was chosen; 0: not known yet */
    enum split how;
    bool       try_again; /* it no longer does what it did */
};

/* False: nothing is known of the family. */
bool text_memory_family(struct text_memory *m, uint64_t family, struct text_family *ret_family);
void text_memory_set_family(struct text_memory *m, const struct text_family *family);

/* How the values of a column are split into a table; SPLIT_KINDS: they are none. key: of family and column. False: not known. */
bool text_memory_nest(struct text_memory *m, uint64_t key, enum split *ret_how);
void text_memory_set_nest(struct text_memory *m, uint64_t key, enum split how);

#endif
