/* segment_fields.h - the field columns of one row group while it is written. For segment_write.c only. */
#ifndef STORE_SEGMENT_FIELDS_H
#define STORE_SEGMENT_FIELDS_H

#include "store/chunk.h"
#include "store/interner.h"
#include "store/segment_write.h"

/* One row group on its way into the file. */
struct group_rows {
    const struct row_source *sources;
    const struct row_ref    *rows;
    uint32_t                 row_count;
    const uint32_t *const   *key_ids; /* per source: its key index to the segment's key id */
    const struct interner   *keys;    /* of all sources */
    uint64_t                 family;  /* what generates the lines, hashed; 0: several */
};

struct field_writer; /* buffers, kept from group to group */

struct field_writer *field_writer_create(void);
void field_writer_destroy(struct field_writer *f);

/* Appends chunks to out and column entries to directory; false when there is no memory. */
bool field_writer_put(struct field_writer *f, const struct group_rows *g, struct chunk_codec *z, struct buf *out,
                      struct buf *directory, uint32_t *ret_columns, uint64_t *ret_bytes);

/* A column of byte strings: `lengths` (already with 1 added where 0 means absent), then pages of `bytes`. Shared by lines
 * and fields. The caller has written kind and key to the directory; this adds the chunks. */
struct bytes_column {
    const uint32_t *lengths;   /* [row_count] as stored */
    uint32_t        row_count;
    uint32_t        bias;      /* 1: stored lengths are length + 1, 0 absent */
    bole_slice    (*value)(const void *ctx, uint32_t row);
    const void     *ctx;
};
void bytes_column_put(const struct bytes_column *c, enum chunk_kind kind, struct chunk_codec *z, struct buf *scratch, struct buf *out,
                      struct buf *directory);

#endif
