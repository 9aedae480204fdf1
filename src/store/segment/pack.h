/*
 * pack.h - columns of integers, bit-packed in blocks of 1,024 values that can be read one by one.
 *
 * Format (docs/format/segment.md), little endian. Each block holds PACK_BLOCK values, the last one what is left:
 *
 *   plain   u64 lowest value, u8 width, then (value - lowest) in `width` bits each
 *   delta   u64 first value, u64 lowest step, u8 width, then (step - lowest step) of the second and later values
 *
 * Bits fill bytes from the low end; a block's bits end on a whole byte. Arithmetic is modulo 2^64, so signed times and
 * steps of any size fit. After the last block stand PACK_SLACK zero bytes, so that a reader may load 8 bytes anywhere.
 *
 * Threads: pure functions; a struct packed is read-only after packed_open.
 */
#ifndef STORE_PACK_H
#define STORE_PACK_H

#include "base/buf.h"

#define PACK_BLOCK      1024u
#define PACK_SLACK      8u
#define PACK_VALUES_MAX 65536u
#define PACK_BLOCKS_MAX (PACK_VALUES_MAX / PACK_BLOCK)

enum pack_mode { PACK_PLAIN = 0, PACK_DELTA = 1 };

/* Appends a column of 1 .. PACK_VALUES_MAX values. Delta suits values that rise slowly. Failure sticks in out. */
void pack(struct buf *out, enum pack_mode mode, const uint64_t *values, uint32_t count);
void pack_u32(struct buf *out, const uint32_t *values, uint32_t count); /* plain */

struct packed {
    const uint8_t *bytes;
    uint32_t       count;
    enum pack_mode mode;
    uint32_t       block_at[PACK_BLOCKS_MAX]; /* offset of each block */
};

/* Points p into `bytes`. False when the bytes are not exactly such a column of `count` values. */
bool packed_open(struct packed *p, bole_slice bytes, enum pack_mode mode, uint32_t count);

/* The first value of block `block`; delta only. */
uint64_t packed_first(const struct packed *p, uint32_t block);

/* True when every value is below `limit`, as far as base and width of the blocks can tell; plain only. */
bool packed_below(const struct packed *p, uint64_t limit);

/* All values of a block, times scale modulo 2^64; delta only. */
void packed_read_scaled(const struct packed *p, uint32_t block, uint64_t scale, uint64_t *ret_values);

/* Whether no value of a block is less than the one before, whatever its bits are, and by how much the last can be above the
 * first; delta only. False: only the values can say. */
bool packed_rises(const struct packed *p, uint32_t block, uint64_t *ret_rise);

/* Values from .. from + count - 1, which must be there. Plain columns cost what they return, delta columns whole blocks. */
void packed_read(const struct packed *p, uint32_t from, uint32_t count, uint64_t *ret_values);
void packed_read_u32(const struct packed *p, uint32_t from, uint32_t count, uint32_t *ret_values); /* values cut to 32 bits */

/* What packed_read_u32 does for whole eights of values of up to 16 bits, and the same on any machine; for tests. */
void packed_eights(const uint8_t *bits, uint32_t eights, unsigned width, uint32_t base, uint32_t *ret_values);
void packed_eights_portable(const uint8_t *bits, uint32_t eights, unsigned width, uint32_t base, uint32_t *ret_values);

#endif
