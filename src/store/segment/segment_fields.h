/* segment_fields.h - the field columns of one row group while it is written. For segment_write.c only. */
#ifndef STORE_SEGMENT_FIELDS_H
#define STORE_SEGMENT_FIELDS_H

#include "store/segment/chunk.h"
#include "store/segment/interner.h"
#include "store/segment/segment_write.h"

/* One row group on its way into the file. */
struct group_rows {
    const struct row_source *sources;
    const struct row_ref    *rows;
    uint32_t                 row_count;
    const uint32_t *const   *key_ids; /* per source: its key index to the segment's key id */
    const struct interner   *keys;    /* of all sources */
    uint64_t                 family;  /* of codec/text.h: what generates the lines, hashed; 0: several */
};

struct field_writer; /* buffers, kept from group to group */

struct field_writer *field_writer_create(void); /* NULL: no memory */
void field_writer_destroy(struct field_writer *f);

/* Appends chunks to the file and column entries to directory, and gives the index the values; false when there is no
 * memory. */
bool field_writer_put(struct field_writer *f, const struct group_rows *g, struct segment_file *file, struct buf *directory,
                      uint32_t *ret_columns, uint64_t *ret_bytes);

#endif
