/*
 * segment_write.h - rows of sealed batches become one segment file, in memory.
 *
 * Owner:   sources and their batches are borrowed until segment_writer_finish; the finished file belongs to the writer.
 * Threads: one.
 * Errors:  BOLE_E_NOMEM only. The file is about a tenth of the rows' bytes, at worst a little more than them; the working
 *          memory beside it is bounded by GROUP_RAW_MAX and the number of streams and keys, about 8 MB.
 */
#ifndef STORE_SEGMENT_WRITE_H
#define STORE_SEGMENT_WRITE_H

#include "record/batch.h"
#include "store/segment_format.h"

struct row_source { /* a batch and where its rows stand in their group's numbering */
    const struct batch *batch;
    uint64_t lsn;
    uint32_t first_row;
};

struct row_ref {
    int64_t  time_ns;
    uint32_t source; /* index into the sources */
    uint32_t row;
};

struct segment_totals {
    uint64_t row_count, raw_bytes; /* bytes of lines and fields */
    int64_t  min_time_ns, max_time_ns;
    uint64_t min_lsn, max_lsn;
    int64_t  created_ns;
};

struct segment_writer;

/* NULL: no memory. */
struct segment_writer *segment_writer_create(const struct row_source *sources, size_t source_count,
                                             const uint8_t store_id[SEGMENT_ID_SIZE], int64_t created_ns);
void segment_writer_destroy(struct segment_writer *w); /* NULL is fine */

/* Appends rows of one tenant, sorted by (time, seq), as one or more row groups. */
bole_status segment_writer_add(struct segment_writer *w, bole_slice tenant, const struct row_ref *rows, size_t row_count,
                               struct bole_err *err);

/* The whole file, valid until the writer is destroyed. At least one row must have been added. */
bole_status segment_writer_finish(struct segment_writer *w, bole_slice *ret_file, struct segment_totals *ret_totals,
                                  struct bole_err *err);

#endif
