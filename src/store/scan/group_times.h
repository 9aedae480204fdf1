/*
 * group_times.h - the TIME column of an open row group, decoded where somebody looks.
 *
 * The column is packed in blocks of PACK_BLOCK rows that begin with their first time (pack.h): a search decodes one block,
 * and rows that nobody asks for are never decoded. A group by stream is decoded at once.
 *
 * Owner:   the memory is kept from group to group, until deinit; not that of the chunk.
 * Threads: one at a time.
 * Errors:  what is not sorted, or not as the directory says, is refused when opening as far as the first times of blocks
 *          tell. Inside a block it is found when that is decoded: the block's rows then have its first time, and is_bad
 *          is set.
 */
#ifndef STORE_GROUP_TIMES_H
#define STORE_GROUP_TIMES_H

#include "store/segment/pack.h"
#include "store/segment/segment_group.h"

struct group_times {
    const struct segment_group *group;
    struct buf    times;  /* i64 each, where `loaded` says so */
    struct packed packed;
    int64_t       scale;
    uint64_t      loaded; /* bit per block */
    bool          is_bad;
};
_Static_assert(PACK_BLOCKS_MAX <= 64, "a bit for each block");

void group_times_init(struct group_times *t, struct budget *budget);
void group_times_deinit(struct group_times *t);

/* raw: the chunk's bytes, borrowed until the next call. BOLE_E_CORRUPT: they are no such column, without a message.
 * BOLE_E_LIMIT: no room. */
bole_status group_times_open(struct group_times *t, bole_slice raw, const struct segment_group *group);

/* The times of all rows; those from .. to - 1 are loaded. */
const int64_t *group_times_load(struct group_times *t, uint32_t from, uint32_t to);

/* The first row of from .. to - 1, which lie by time, with a time of at least time_ns; else to. */
uint32_t group_times_find(struct group_times *t, uint32_t from, uint32_t to, int64_t time_ns);

#endif
