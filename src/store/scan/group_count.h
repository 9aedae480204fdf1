/*
 * group_count.h - rows or bytes of one row group per bucket, stream and value of a field, without making rows.
 *
 * Whole minutes come from the group's rollup where there is one and nothing is filtered; else row numbers are counted: rows
 * lie by time, so a bucket is a range of rows, and within it only stream and value are looked at.
 *
 * Threads: the scan's.
 */
#ifndef STORE_GROUP_COUNT_H
#define STORE_GROUP_COUNT_H

#include "store/scan/group_scan.h"

struct group_counter {
    const struct store_aggregation *aggregation;
    store_cell_fn *fn;
    void          *ctx;
};

/* Bucket i is (start + (i-1) * bucket, start + i * bucket]; false outside of all. The range of the bucket, cut to int64_t. */
bool group_count_bucket(const struct store_aggregation *a, int64_t time_ns, uint32_t *ret_bucket, int64_t *ret_after_ns,
                        int64_t *ret_to_ns);

/* Counts a group that has not been opened, from its rollup alone. BOLE_END: done, or the group is damaged and left out.
 * BOLE_E_UNSUPPORTED: nothing was counted; open it and count rows. Takes no reference. */
bole_status group_count_rollup(struct group_scan *g, const struct group_counter *c, struct segment *segment,
                               struct segment_directory *directory, uint32_t group, struct bole_err *err);

/* Counts the rows of the open group. BOLE_END: done. BOLE_E_UNSUPPORTED: nothing was counted, the field is not a dictionary. */
bole_status group_count_rows(struct group_scan *g, const struct group_counter *c, struct bole_err *err);

#endif
