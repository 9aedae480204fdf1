/*
 * group_removal.h - which rows of an open row group have to go (removal.h).
 *
 * Threads: the scan's.
 */
#ifndef STORE_GROUP_REMOVAL_H
#define STORE_GROUP_REMOVAL_H

#include "store/scan/group_scan.h"
#include "store/life/removal.h"

/* Sets the bits of the rows that the removal names, clears all others ([group_scan_words(g)] words). BOLE_END: a damaged
 * chunk would have to say; it has been set aside. */
bole_status group_removal_find(struct group_scan *g, const struct removal *r, uint64_t *ret_bits, struct bole_err *err);

/* Clears the bits of the group for everything that the scan's removals name. BOLE_END: no row is left, or as above. */
bole_status group_removal_apply(struct group_scan *g, struct bole_err *err);

/* False when a group can be answered from its directory and rollup as far as removals go. */
bool group_removal_touches(const struct scan_context *ctx, const struct segment_directory *d, const struct segment_group *g);

#endif
