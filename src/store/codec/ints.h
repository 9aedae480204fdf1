/*
 * ints.h - a column of integers as byte planes: the low bytes of all values, then the next bytes, and so on. An entropy
 * coder behind it sees high planes that hardly vary and ids that are skewed, which packed bits would hide from it
 * (measured on logs, zstd-1 behind both: planes take half to three quarters of what bit-packed blocks take).
 *
 *   PLAIN  value - lowest
 *   DELTA  zigzag of the step from the value before
 *   FRESH  ids that count up as they come first: 0 for one more than the highest before, else id + 1
 *
 * in as few planes as the largest needs; a PLAIN column of one value has none. The head holds the parameters.
 * Arithmetic is modulo 2^64, so that values of any distance fit.
 *
 * Format:  docs/format/columns.md.
 */
#ifndef STORE_CODEC_INTS_H
#define STORE_CODEC_INTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"

#define INTS_COUNT_MAX 65536u

enum ints_mode { INTS_PLAIN = 0, INTS_DELTA = 1, INTS_FRESH = 2 };

struct ints_head {
    enum ints_mode mode;
    unsigned       planes; /* 0 .. 8 */
    int64_t        lowest;
    uint64_t       range;  /* highest - lowest */
    uint64_t       first;  /* DELTA: first value - lowest */
};

/* Chooses the mode that will compress better. `fresh`: the values are ids in the order in which they come first.
 * Returns about how many bytes the planes will take behind zstd-1. */
uint64_t ints_plan(const int64_t *values, uint32_t count, bool fresh, struct ints_head *ret_head);
void ints_plan_plain(const int64_t *values, uint32_t count,
                     struct ints_head *ret_head); /* without looking for better */

/* Lowers `lowest` of a PLAIN head to as round a number as the same planes can hold, so that bytes that mean something,
 * as those of an address, stay whole. */
void ints_align(struct ints_head *h);

/* Appends head and planes. Failure sticks in the buffers. */
void ints_put(const struct ints_head *h, const int64_t *values, uint32_t count, struct buf *head, struct buf *numbers);

bool ints_open(struct ints_head *h, struct reader *heads); /* false: no such head */

static inline size_t ints_size(const struct ints_head *h, uint32_t count)
{
    return (size_t)h->planes * count;
}

struct ints { /* value i is lowest + at[i] */
    const void *at;
    unsigned    width; /* bytes of an element of at: 0 (no array), 1, 2, 4 or 8; INTS_SOUGHT: at are the planes */
    int64_t     lowest;
    /* INTS_SOUGHT: */
    uint32_t        count;
    unsigned        planes;
    const uint16_t *fresh_before; /* ids seen before each INTS_RUN values */
};

enum { INTS_SOUGHT = 3, INTS_RUN = 64 };

/* numbers: ints_size bytes, borrowed. BOLE_E_CORRUPT when a value is above the range, BOLE_E_LIMIT when the arena is
 * full. */
bole_status ints_load(struct ints *n, const struct ints_head *h, uint32_t count, const uint8_t *numbers,
                      struct arena *arena);

/* The same for some of the values: FRESH ids, whose planes say little without those before them, are looked up one by one. */
bole_status ints_load_few(struct ints *n, const struct ints_head *h, uint32_t count, const uint8_t *numbers,
                          struct arena *arena);
/* As after ints_load. */
bole_status ints_load_rest(struct ints *n, const struct ints_head *h, struct arena *arena);

uint64_t ints_seek(const struct ints *n, uint32_t index); /* ints_offset of INTS_SOUGHT */

static inline uint64_t ints_offset(const struct ints *n, uint32_t index) /* value - lowest */
{
    const uint8_t *at = n->at;
    switch (n->width) {
    case 0: return 0;
    case 1: return at[index];
    case 2: return load_u16(at + (size_t)index * 2);
    case 4: return load_u32(at + (size_t)index * 4);
    case INTS_SOUGHT: return ints_seek(n, index);
    default: return load_u64(at + (size_t)index * 8);
    }
}

static inline int64_t ints_at(const struct ints *n, uint32_t index)
{
    return (int64_t)((uint64_t)n->lowest + ints_offset(n, index));
}

#endif
