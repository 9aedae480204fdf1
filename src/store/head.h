/*
 * head.h - rows that are durable in the queue but not yet in a segment, searchable as the batches they came in.
 *
 * A list of blocks of entries, only ever added to at the end and cut off at the front. A snapshot is where the list began
 * and how many entries it had: taking one costs the same however long the list is, and blocks die with the last snapshot
 * that can reach them.
 *
 * Owner:   the head takes a reference on each batch and owns the bitmaps; snapshots are counted.
 * Threads: head_* under the owner's lock, snapshots read by any number of threads without it.
 */
#ifndef STORE_HEAD_H
#define STORE_HEAD_H

#include <stdatomic.h>

#include "record/batch.h"

#define HEAD_BLOCK_ENTRIES 256u

struct head_entry {
    struct batch   *batch;
    uint64_t        lsn;
    uint32_t        first_row; /* number of the batch's first row within the LSN */
    const uint64_t *dead;      /* bit r: row r is a duplicate, as if it had never come; malloc'd, or NULL: no row is */
};

static inline bool head_entry_is_dead(const struct head_entry *e, uint32_t row)
{
    return e->dead && e->dead[row / 64] >> (row % 64) & 1;
}

struct head_block {
    atomic_uint        refs;
    atomic_uint        count;   /* of entries; grows under the owner's lock */
    bool               closed;  /* takes no more entries: a cut ends here */
    struct head_block *next;    /* counted; set once */
    struct head_entry  entries[HEAD_BLOCK_ENTRIES];
};

struct head {
    struct head_block *first, *last; /* first is counted; both NULL while empty */
    struct head_block *spare;        /* from head_reserve */
    size_t   entry_count;
    uint64_t row_count, size_bytes;  /* rows that are not dead */
    uint64_t last_lsn;               /* of the last insert, also when it has been cut since */
    uint64_t oldest_mono_ns;         /* when the oldest entry came in */
};

struct head_snapshot {
    struct head_block *first; /* counted; NULL: no entries */
    size_t   entry_count;
    uint64_t row_count, size_bytes;
    uint64_t last_lsn;
};

void head_init(struct head *h);
void head_deinit(struct head *h);

/* Room for so many entries, unless head_close comes between: then the next head_insert cannot fail. BOLE_E_NOMEM. */
bole_status head_reserve(struct head *h, size_t entry_count, struct bole_err *err);
/* The entries of one group, which become visible together. Takes their bitmaps, and references of its own on batches. */
void head_insert(struct head *h, const struct head_entry *entries, size_t entry_count, uint64_t mono_ns);

struct head_snapshot head_snapshot(const struct head *h);
void head_snapshot_release(struct head_snapshot *s);

/* A snapshot of everything, after which the list goes on in a new block: head_drop can take it off exactly. */
struct head_snapshot head_close(struct head *h);
void head_drop(struct head *h, const struct head_snapshot *closed, uint64_t mono_ns);

/* Goes through the entries of a snapshot: start with {.snapshot = s}; NULL at the end. */
struct head_cursor {
    const struct head_snapshot *snapshot;
    struct head_block *block;
    size_t   done;
    uint32_t at;
};
const struct head_entry *head_next(struct head_cursor *c);

#endif
