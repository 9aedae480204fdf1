/*
 * segment_tokens.h - which row groups of a segment can hold what a query looks for, by the segment's token index.
 *
 * Threads: any.
 * Errors:  none: an index that is missing or damaged proves nothing, so every group stays. Damage is noted and counted.
 */
#ifndef STORE_SEGMENT_TOKENS_H
#define STORE_SEGMENT_TOKENS_H

#include "store/segment/segment.h"
#include "store/store.h"

/* Clears the bits of groups ([(group_count + 63) / 64] words) that certainly have no row for the query. The index stays open
 * with the directory. */
void segment_tokens_prune(struct segment *s, struct segment_directory *d, const struct store_query *q, uint64_t *groups,
                          struct store_scan_stats *stats);

#endif
