/* batch_body.h - what batch.c and batch_builder.c share: the arithmetic of the body. Not for other modules. */
#ifndef RECORD_BATCH_BODY_H
#define RECORD_BATCH_BODY_H

#include "record/batch.h"

#define BATCH_BODY_COUNTS_SIZE 32u /* eight counts of 4 bytes */

struct batch_counts {
    uint32_t streams, keys, rows, fields;
    uint32_t stream_heap, key_heap, value_heap, line_heap;
};

/* Fits size_t for any counts; whoever builds keeps it under BATCH_BODY_MAX. */
size_t batch_body_size(const struct batch_counts *counts);

/* Makes a batch from proto's header values and its malloc'ed body, which is taken on success and on failure. `check`
 * verifies all contents: for bytes that come from outside. */
bole_status batch_from_body(struct batch *proto, bool check, struct budget *budget, struct batch **ret_batch,
                            struct bole_err *err);

#endif
