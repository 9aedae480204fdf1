/*
 * segment_write.h - rows of sealed batches become row groups of a segment file.
 *
 * Owner:   sources, their batches and the file are borrowed until segment_writer_destroy.
 * Threads: one.
 * Errors:  BOLE_E_NOMEM, and those of segment_file.h. The working memory is bounded by GROUP_JOINED_RAW_MAX and the number of
 *          streams and keys, about 8 MB.
 */
#ifndef STORE_SEGMENT_WRITE_H
#define STORE_SEGMENT_WRITE_H

#include "record/batch.h"
#include "store/segment/segment_file.h"

struct row_source { /* a batch and where its rows stand in their group's numbering */
    const struct batch *batch;
    uint64_t lsn;
    uint32_t first_row;
    const uint64_t *seqs; /* [batch->row_count] numbers of the rows; NULL: those of lsn, from first_row on */
    const uint64_t *dead; /* bit r: row r is as if it had never come; NULL: no row is */
};

struct row_ref {
    int64_t  time_ns;
    uint32_t source; /* index into the sources */
    uint32_t row;
};

/* What is the same for all rows of a group. */
struct group_kind {
    bole_slice       tenant;
    uint64_t         family;      /* hash of what generates the text, and the kind of lines; 0: several */
    bole_slice       family_name;
    enum group_order order;
    uint8_t          generation;
    size_t           weight_max;  /* bytes of a group, as GROUP_RAW_MAX, which 0 is */
};

static inline uint64_t row_source_seq(const struct row_source *s, uint32_t row)
{
    return s->seqs ? s->seqs[row] : seq_make(s->lsn, s->first_row + row);
}

struct segment_writer;

/* NULL: no memory. */
struct segment_writer *segment_writer_create(const struct row_source *sources, size_t source_count,
                                             struct segment_file *file);
void segment_writer_destroy(struct segment_writer *w); /* NULL is fine */

/* Appends rows, in the order that kind names, as one or more row groups. */
bole_status segment_writer_add(struct segment_writer *w, const struct group_kind *kind, const struct row_ref *rows,
                               size_t row_count, struct bole_err *err);

#endif
