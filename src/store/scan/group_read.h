/*
 * group_read.h - every row of a row group, one vector after the other: for merges and checks.
 *
 * Unlike a query's scan, it fails when anything is damaged: a merge that left rows out would lose them for good.
 *
 * Owner:   vectors as in vector.h, until the next call.
 * Threads: one.
 * Errors:  BOLE_E_CORRUPT, BOLE_E_IO: the group cannot be read as a whole. BOLE_E_LIMIT: no room in the budget.
 */
#ifndef STORE_GROUP_READ_H
#define STORE_GROUP_READ_H

#include "store/scan/group_scan.h"
#include "store/life/removal.h"

struct group_reader;

struct group_reader *group_reader_create(struct objects *objects, struct budget *budget); /* NULL: no memory */
void group_reader_destroy(struct group_reader *r); /* NULL is fine */

/* Both must live until the group is done. */
bole_status group_reader_open(struct group_reader *r, struct segment *segment, struct segment_directory *directory,
                              uint32_t group, struct bole_err *err);

/* Rows in the order they lie in, with lines, fields and seq; vector->stream holds the numbers of streams in the
 * directory. BOLE_END when the whole group has been read. */
bole_status group_reader_next(struct group_reader *r, struct vector **ret_vector, struct bole_err *err);

/* The pieces of text of a row group for the token index (index/token_map.h): of its lines, and its fields' values; *ret_cuts:
 * text_cuts. The reader must have no group open. BOLE_E_CORRUPT: something of it is damaged. */
bole_status group_reader_pieces(struct group_reader *r, struct segment *segment, struct segment_directory *directory,
                                uint32_t group, text_piece_fn *fn, void *ctx, bool *ret_cuts, struct bole_err *err);

/* Of the group that is open: what a removal names (removal.h), a bit per row; the arena is the group's. */
bole_status group_reader_find(struct group_reader *r, const struct removal *removal, uint64_t **ret_bits, struct bole_err *err);
void group_reader_close(struct group_reader *r); /* before its end, too */
/* The number within the group of the first row of the last vector. */
uint32_t group_reader_first_row(const struct group_reader *r);

#endif
