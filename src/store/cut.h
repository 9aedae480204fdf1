/*
 * cut.h - everything in a snapshot of the head, as the row groups of one segment.
 *
 * Rows are divided by tenant, UTC day and family, and sorted by (time, seq): partition.h.
 *
 * Threads: any, without a lock.
 * Errors:  BOLE_E_NOMEM, and those of segment_file.h. Memory: partition.h.
 */
#ifndef STORE_CUT_H
#define STORE_CUT_H

#include "store/head.h"
#include "store/segment/segment_file.h"

/* The snapshot must have rows; dead ones are left out. The file is the caller's to finish. */
bole_status cut_write(const struct head_snapshot *head, struct segment_file *file, struct bole_err *err);

#endif
