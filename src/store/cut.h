/*
 * cut.h - everything in a snapshot of the head, as the row groups of one segment.
 *
 * Rows go to row groups of one tenant and one UTC day, sorted by (time, seq). Rows stamped more than CUT_AHEAD_NS after
 * they were received or more than CUT_BEHIND_NS before go to groups of their own, so that one wrong clock does not spoil
 * the time range of a group.
 *
 * Threads: any, without a lock.
 * Errors:  BOLE_E_NOMEM, and those of segment_file.h. Memory: 40 bytes a row.
 */
#ifndef STORE_CUT_H
#define STORE_CUT_H

#include "store/head.h"
#include "store/segment_write.h"

#define CUT_AHEAD_NS  (86400ll * 1000000000)
#define CUT_BEHIND_NS (7 * 86400ll * 1000000000)

/* The snapshot must have rows; dead ones are left out. The file is the caller's to finish. */
bole_status cut_write(const struct head_snapshot *head, struct segment_file *file, struct bole_err *err);

#endif
