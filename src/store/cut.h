/*
 * cut.h - everything in a snapshot of the head, as one segment file in memory.
 *
 * Rows go to row groups of one tenant and one UTC day, sorted by (time, seq). Rows stamped more than CUT_AHEAD_NS after
 * they were received or more than CUT_BEHIND_NS before go to groups of their own, so that one wrong clock does not spoil
 * the time range of a group.
 *
 * Owner:   the file belongs to *ret_writer.
 * Threads: any, without a lock.
 * Errors:  BOLE_E_NOMEM. Memory: 40 bytes a row beside the file.
 */
#ifndef STORE_CUT_H
#define STORE_CUT_H

#include "store/head.h"
#include "store/segment_write.h"

#define CUT_AHEAD_NS  (86400ll * 1000000000)
#define CUT_BEHIND_NS (7 * 86400ll * 1000000000)

/* The snapshot must have rows; dead ones are left out. */
bole_status cut_write(const struct head_snapshot *head, const uint8_t store_id[SEGMENT_ID_SIZE], int64_t created_ns,
                      struct segment_writer **ret_writer, bole_slice *ret_file, struct segment_totals *ret_totals, struct bole_err *err);

#endif
