/*
 * partition.h - rows of many batches, sorted into the row groups of a segment.
 *
 * A group holds rows of one tenant and one family, or, where several families of a tenant are smaller than
 * FAMILY_OWN_BYTES, of those together. Of a family with KINDS_FROM_BYTES or more the lines of a kind
 * (codec/line_kind.h) with KIND_OWN_BYTES have groups of their own, but for the KINDS_MIXED_BYTES that came last. Rows
 * from a cut are divided by UTC day as well; those stamped more than PARTITION_AHEAD_NS after they were received, or more
 * than PARTITION_BEHIND_NS before, are kept apart, so that one wrong clock does not spoil the time range of a group. Rows
 * for a merge are of one day already.
 *
 * Threads: one.
 * Errors:  BOLE_E_NOMEM, and those of segment_file.h. Memory: 32 bytes a row beside what segment_write.h needs.
 */
#ifndef STORE_PARTITION_H
#define STORE_PARTITION_H

#include "store/segment/segment_write.h"

#define PARTITION_AHEAD_NS  DAY_NS
#define PARTITION_BEHIND_NS (7 * DAY_NS)
#define FAMILY_OWN_BYTES    (1u << 20) /* of lines and values */
#define KINDS_FROM_BYTES    (2u * GROUP_RAW_MAX)
#define KINDS_MIXED_BYTES   (GROUP_RAW_MAX / 8)
#define KIND_OWN_BYTES      (GROUP_RAW_MAX / 8)
#define STREAM_ORDER_MIN    65u        /* streams from which on `by_stream` has an effect */

struct partition_options {
    bool    by_day;
    bool    by_stream;  /* rows of many streams are ordered by stream, else all by time */
    uint8_t generation; /* of the groups, as the next */
    size_t  weight_max;
    uint64_t family;    /* of the groups; 0: by what generates the text, and the kind of the lines */
};

/* At least one row of the sources must be alive. */
bole_status partition_write(const struct row_source *sources, size_t source_count,
                            const struct partition_options *options,
                            struct segment_file *file, struct bole_err *err);

#endif
