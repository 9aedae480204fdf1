/*
 * chunks.h - gathers the parts of encoded columns into chunks: a large part is a chunk of its own, small ones of a kind share
 * one, because each chunk costs a header, a checksum and a start of the compressor without history. A part that is there
 * already is not stored again: columns that go together (an id and a URL with that id in it) have the same numbers.
 *
 * Owner:   bytes are copied in. Errors: failed growth sets no_memory. Threads: one at a time.
 */
#ifndef STORE_CODEC_CHUNKS_H
#define STORE_CODEC_CHUNKS_H

#include "base/buf.h"

enum chunks_kind { CHUNKS_NUMBERS, CHUNKS_TEXT, CHUNKS_KINDS };

struct chunks_part {
    uint64_t hash;
    uint32_t chunk, at, len;
    enum chunks_kind kind;
};

struct chunks {
    struct buf bytes;                          /* of finished chunks */
    struct { size_t at, len; } *list;          /* [count]; a chunk that is still gathered has len 0 */
    uint32_t   count, cap;
    struct buf open[CHUNKS_KINDS];             /* a part is appended here, then placed */
    uint32_t   open_number[CHUNKS_KINDS];      /* 0: none */
    struct chunks_part *parts;                 /* [part_count], all of them */
    uint32_t   part_count, part_cap;
    uint32_t  *index;                          /* [index_size] number of a part + 1, by hash */
    uint32_t   index_size;
    bool       no_memory;
};

void chunks_init(struct chunks *c);
void chunks_deinit(struct chunks *c);
void chunks_reset(struct chunks *c); /* chunk 0 is there, empty: for the map */

/* Bytes were appended to open[kind] from `from` on: that is a part. It gets a place, which the map must be told of:
 * appends varint 0 for an empty part, else varint chunk * 2 when it lies behind the part placed in that chunk before, or varint
 * chunk * 2 + 1, varint offset. */
void chunks_place(struct chunks *c, enum chunks_kind kind, size_t from, struct buf *map);

/* Finishes the open chunks and sets the map. */
void chunks_finish(struct chunks *c, bole_slice map);

static inline bole_slice chunks_at(const struct chunks *c, uint32_t number)
{
    return bole_slice_from(c->bytes.ptr + c->list[number].at, c->list[number].len);
}

#endif
