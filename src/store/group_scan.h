/*
 * group_scan.h - vectors of one row group of a segment; columns are read when first needed.
 *
 * What a group needs in memory is its times and numbers (16 bytes a row), one page of lines, and the field columns that
 * are asked for; all of it drawn from the query's budget.
 *
 * Threads: the scan's.
 * Errors:  a bad chunk is noted, counted in the statistics, and what hangs on it is left out: the group for its times,
 *          streams and predicates' fields, a page of lines for a page, a field for a field that is only shown.
 */
#ifndef STORE_GROUP_SCAN_H
#define STORE_GROUP_SCAN_H

#include "store/pack.h"
#include "store/scan_context.h"
#include "store/segment.h"

struct field_state;

struct row_range { uint32_t from, to; }; /* rows from .. to - 1 */

struct group_scan {
    struct scan_context *ctx;
    struct scan *scan;
    struct segment_reader reader;          /* kept from group to group, as the buffers below */
    struct segment *segment;               /* NULL: nothing open */
    struct segment_directory *directory;   /* counted */
    const struct segment_group *group;
    struct arena arena;                    /* as long as the group */
    struct buf time_raw, times, seqs, stream_raw, length_raw, page_raw, page_ends;
    bool seqs_loaded;
    struct packed streams, lengths;
    uint32_t *stream_map;                  /* of the group's streams */
    uint32_t *run_ends;                    /* GROUP_BY_STREAM: where the rows of each of the group's streams end */
    struct row_range *ranges;              /* [range_at] .. [range_count - 1] are not begun yet: group_order.h */
    uint32_t range_at, range_count;
    uint32_t from, to;                     /* rows of the range in hand not visited yet */
    uint32_t first_row;                    /* of the current vector */
    uint64_t vector_number;                /* of the current vector: what belongs to it says so */
    uint32_t page, page_first, page_rows;  /* the page of lines that is loaded; page 0: none */
    struct field_state *fields;            /* [group->column_count] */
};

void group_scan_init(struct group_scan *g, struct scan_context *ctx, struct scan *scan, struct objects *objects);
void group_scan_deinit(struct group_scan *g);

/* Takes the caller's reference on the directory. BOLE_END: nothing in it for this query. */
bole_status group_scan_open(struct group_scan *g, struct segment *segment, struct segment_directory *take_directory, uint32_t group,
                            struct bole_err *err);
/* BOLE_OK: the context's vector has selected rows. BOLE_END: the group is done. */
bole_status group_scan_next(struct group_scan *g, struct bole_err *err);

/* Turns damage of a chunk into BOLE_END, noted and counted; other failures are returned. */
bole_status group_scan_set_aside(struct group_scan *g, const struct segment_chunk *c, bole_status st, const struct bole_err *why);

#endif
