/*
 * seqs.h - the numbers of the rows of a row group, as what differs from what is expected: rows of one stream mostly come one
 * behind the other, and in a group that is ordered by time so do those of all streams together, or of each.
 *
 * Format: docs/format/segment.md, SEQ. Threads: pure functions.
 */
#ifndef STORE_SEQS_H
#define STORE_SEQS_H

#include "store/segment/pack.h"

/* next: [stream_count] working memory. streams: [count] below stream_count; NULL: they are not known to the reader. Failure
 * sticks in out. */
void seqs_put(struct buf *out, const uint64_t *seqs, const uint32_t *streams, uint32_t count, uint64_t *next,
              uint32_t stream_count);

/* False: not what seqs_put writes. */
bool seqs_read(bole_slice raw, const uint32_t *streams, uint32_t count, uint64_t *next, uint32_t stream_count,
               uint64_t *ret_seqs);

/* The same with streams as they are stored; NULL: not known. BOLE_E_CORRUPT or BOLE_E_LIMIT. */
bole_status seqs_of_group(bole_slice raw, const struct packed *streams, uint32_t count, uint32_t stream_count,
                          uint64_t *ret_seqs);

#endif
