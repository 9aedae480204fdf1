/*
 * digest.h - what a set of records holds, in 128 bits that do not depend on how or where the records are stored.
 *
 * The digest of a set is the sum of its records' hashes modulo 2^128, so that digests of parts add up to that of the
 * whole and what was deleted can be subtracted. It shows that nothing was lost, doubled or changed by accident; it is
 * no proof against somebody who makes up records (XXH3 is not cryptographic).
 *
 *   record  H(i64 time, u64 seq, stream, line, fields)
 *   stream  H(H(tenant), H(canonical label set: record/labels.h))
 *   line    H(its bytes)
 *   fields  sum modulo 2^128 over all fields of H(H(key), H(value))
 *
 * H is XXH3-128 without a seed; a hash is its low and its high 64 bits, little endian. Part of the format
 * (docs/format/segment.md).
 *
 * Threads: pure functions.
 */
#ifndef STORE_DIGEST_H
#define STORE_DIGEST_H

#include "record/batch.h"

#define DIGEST_SIZE 16u /* bytes when stored */

struct digest { uint64_t lo, hi; };

static inline struct digest digest_add(struct digest a, struct digest b)
{
    uint64_t lo = a.lo + b.lo;
    return (struct digest){lo, a.hi + b.hi + (lo < a.lo)};
}

static inline struct digest digest_sub(struct digest a, struct digest b)
{
    return (struct digest){a.lo - b.lo, a.hi - b.hi - (a.lo < b.lo)};
}

static inline bool digest_eq(struct digest a, struct digest b) { return a.lo == b.lo && a.hi == b.hi; }

struct digest digest_of_stream(bole_slice tenant, bole_slice labels);
struct digest digest_of_field(bole_slice key, bole_slice value);
struct digest digest_of_record(struct digest stream, int64_t time_ns, uint64_t seq, bole_slice line,
                               struct digest fields);

/* Fields that were met last: a level is the same in many rows. Starts as zeros; borrows from the batches. */
struct digest_memo {
    struct { bole_slice key, value; struct digest digest; } fields[8];
};

/* The record in this row of a batch. */
struct digest digest_of_row(struct digest stream, const struct batch *b, uint32_t row, uint64_t seq,
                            struct digest_memo *memo);

#endif
