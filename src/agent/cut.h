/*
 * cut.h - what one group of the spool says: a cut through the inputs, and the batches of what lies before it.
 *
 * The marks are how far each input has been read that gave something to these batches; they are durable in the same write
 * as the batches, so that after a crash either both are there or neither.
 *
 * A group of the second kind says that a lane has begun again with a new producer: batches of earlier groups from a sequence
 * on go under the new one.
 *
 * Units:   bytes.
 * Owner:   slices of a decoded cut point into the payload.
 * Format:  docs/format/spool.md, version 1; layout repeated at the top of cut.c.
 */
#ifndef AGENT_CUT_H
#define AGENT_CUT_H

#include "agent/checkpoint.h"
#include "record/batch.h"

#define CUT_BATCHES_MAX 64u
#define CUT_LANES_MAX   16u

struct cut_batch {
    uint32_t   lane;
    bole_slice bytes; /* one encoded batch with producer and sequence: docs/format/batch.md */
};

struct cut_move {
    uint32_t lane;
    uint8_t  from[BATCH_PRODUCER_SIZE], to[BATCH_PRODUCER_SIZE];
    uint64_t from_sequence; /* of `from`: it is sequence 1 of `to` */
};

struct cut {
    uint64_t   number;      /* rises over all groups of an agent's life */
    bool       is_move;
    struct cut_move move;   /* of a move; the rest of batches */
    bole_slice marks;       /* entries as in the checkpoint file: checkpoint_entries_decode */
    size_t     batch_count;
    struct cut_batch batches[CUT_BATCHES_MAX];
};

/* All but the bytes of the batches, which follow it as they are. */
void cut_encode_head(const struct cut *c, struct buf *out);
/* BOLE_E_CORRUPT, or BOLE_E_UNSUPPORTED for a later version. Batches are looked at as far as their producer, not decoded. */
bole_status cut_decode(bole_slice payload, struct cut *ret_cut, struct bole_err *err);

#endif
