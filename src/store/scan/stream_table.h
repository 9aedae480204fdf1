/*
 * stream_table.h - the streams of one scan: matchers are evaluated once per distinct label set, streams that pass get
 * dense indexes in the order they are met.
 *
 * Owner:   label sets are copied into the arena given at init, which must outlive the table.
 * Threads: one.
 */
#ifndef STORE_STREAM_TABLE_H
#define STORE_STREAM_TABLE_H

#include "base/arena.h"
#include "store/store.h"

#define STREAM_NONE UINT32_MAX /* a stream that the matchers refuse */

struct stream_entry {
    uint64_t   hash;
    bole_slice labels;
    uint32_t   index; /* or STREAM_NONE */
};

struct stream_table {
    struct arena *arena;
    const struct store_matcher *matchers;
    size_t matcher_count;
    bool   compares;            /* no regular expressions: matching costs less than remembering who does not */
    struct stream_entry *slots; /* open addressing; labels.ptr NULL: free */
    uint32_t slot_count;        /* a power of two, or 0 */
    uint32_t used;
    bole_slice *labels;         /* [count], by index */
    bole_slice label;           /* set by whoever wants to know ... */
    bool      *has_label;       /* ... [count] which streams have a label of that name */
    uint32_t count, capacity;
};

void stream_table_init(struct stream_table *t, struct arena *arena, const struct store_matcher *matchers, size_t matcher_count);

/* BOLE_E_LIMIT when the arena has no more room. */
bole_status stream_table_find(struct stream_table *t, bole_slice labels, uint32_t *ret_index, struct bole_err *err);

#endif
