/*
 * segment_file.h - a segment on its way into objects: chunks of row groups one after the other, then sections and
 * footer.
 *
 * Where the chunks come from is not its matter: segment_write.h encodes rows, segment_copy.h takes groups from another
 * file.
 *
 * Owner:   label sets and tenants are copied.
 * Threads: one.
 * Errors:  BOLE_E_NOMEM, and those of objects.h. After one the file can only be destroyed, which leaves nothing behind.
 */
#ifndef STORE_SEGMENT_FILE_H
#define STORE_SEGMENT_FILE_H

#include "base/arena.h"
#include "objects/objects.h"
#include "store/segment/chunk.h"
#include "store/index/token_map.h"
#include "store/segment/interner.h"
#include "store/segment/segment_group.h"

struct segment_file {
    struct object_writer *object;
    uint64_t           written;  /* bytes of the file before `out` */
    struct buf         out;      /* the chunks of a group are appended here, then segment_file_add is called */
    struct chunk_codec codec;
    struct arena       names;
    struct interner    streams, tenants;
    struct text_memory *text_memory; /* borrowed; set it after creating, or leave it NULL */
    struct buf         directory, scratch;
    uint32_t           group_count;
    struct token_builder *tokens;
    bool               has_pieces; /* of the group in hand */
    struct segment_totals totals;
};

/* Memory is drawn from the budget (may be NULL). */
bole_status segment_file_create(struct objects *objects, bole_slice key, const uint8_t store_id[SEGMENT_ID_SIZE],
                                uint32_t level, int64_t created_ns, struct budget *budget,
                                struct segment_file **ret_file, struct bole_err *err);
void segment_file_destroy(struct segment_file *f); /* NULL is fine */

/* The number of a stream in this file; false: no memory. */
bool segment_file_stream(struct segment_file *f, uint8_t flags, bole_slice labels, uint32_t *ret_id);

/* A piece of text of the row group in hand, for the token index: index/token_map.h says what pieces are. A group without any
 * is one that the index never excludes. ctx: the file. */
void segment_file_piece(void *ctx, bole_slice piece);

/* Pieces of the row group in hand may cut addresses and UUIDs (text_encoder_cuts). */
void segment_file_cuts(struct segment_file *f);

/* Ends a row group: its chunks are those appended to `out` since the last one, described by g (but for what is said
 * there to be of groups that were read). */
bole_status segment_file_add(struct segment_file *f, const struct segment_group *g, struct bole_err *err);

/* Durable on return. At least one group must have been added. The totals' tenant lives as long as f. */
bole_status segment_file_finish(struct segment_file *f, struct segment_totals *ret_totals, uint64_t *ret_size,
                                struct bole_err *err);

#endif
