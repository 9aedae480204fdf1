/*
 * rollup.h - how many rows and bytes each stream of a row group had in each minute: counts and rates without the rows.
 *
 * Minute m holds the times (m - 60 s, m], because LogQL's windows are (t - range, t]. A window that begins or ends inside a
 * minute needs the rows of that minute.
 *
 * Format:  docs/format/segment.md, chunk ROLLUP: i64 first minute (its end / 60 s); then per minute with rows, ascending:
 *          varint minutes since the one before (0 for the first), varint streams - 1, and per stream, ascending: varint
 *          index in the group's list minus that of the one before - 1 (the first: the index), varint rows, varint bytes.
 * Threads: a builder one; reading any.
 */
#ifndef STORE_ROLLUP_H
#define STORE_ROLLUP_H

#include "base/buf.h"

#define ROLLUP_MINUTE_NS 60000000000ll

struct rollup_entry {
    int64_t  minute; /* its end / ROLLUP_MINUTE_NS */
    uint32_t stream; /* index in the group's list */
    uint32_t rows;
    uint64_t bytes;  /* of lines */
};

/* The minute a time falls into; the time of its end may lie beyond the range of int64_t. */
static inline int64_t rollup_minute(int64_t time_ns)
{
    return time_ns / ROLLUP_MINUTE_NS + (time_ns % ROLLUP_MINUTE_NS > 0);
}

struct rollup_builder {
    struct rollup_entry *entries;
    uint32_t  count, capacity;
    uint32_t *last_of_stream; /* [stream_capacity] index of its newest entry + 1; 0: none */
    uint32_t  stream_capacity;
    int64_t   minute, after_ns, until_ns; /* of the last row: its minute, (after_ns, until_ns] */
    bool      failed;         /* no memory */
};

void rollup_deinit(struct rollup_builder *b);
/* Begins a group of so many streams. */
void rollup_begin(struct rollup_builder *b, uint32_t stream_count);
/* Rows of one stream must come with times that never go back. */
void rollup_add(struct rollup_builder *b, uint32_t stream, int64_t time_ns, uint64_t bytes);
/* Appends the chunk's bytes. False: no memory, or so many entries that the rows themselves are as quick; nothing written. */
bool rollup_finish(struct rollup_builder *b, uint32_t row_count, struct buf *out);

/* Calls fn for every entry, by minute and stream. False when the bytes are not a rollup of so many streams and rows. */
bool rollup_read(bole_slice raw, uint32_t stream_count, uint64_t row_count,
                 bool (*fn)(const struct rollup_entry *e, void *ctx), void *ctx);

#endif
