/*
 * segment_copy.h - row groups that move from one segment file into another as they are.
 *
 * The chunks are copied byte for byte and their entries in the directory are not interpreted; only the numbers of
 * streams are those of the new file. The token index is made anew from the distinct values of the group's columns.
 *
 * Threads: one.
 * Errors:  BOLE_E_CORRUPT when a chunk does not match its checksum, and those of segment_file.h and objects.h.
 */
#ifndef STORE_SEGMENT_COPY_H
#define STORE_SEGMENT_COPY_H

#include "store/segment/segment.h"
#include "store/segment/segment_file.h"

/* *ret_unreadable is set when it was the source that failed. */
bole_status segment_copy_group(struct segment_file *to, struct segment *segment,
                               struct segment_directory *directory,
                               uint32_t group, bool *ret_unreadable, struct bole_err *err);

#endif
