/*
 * group_scan.h - vectors of one row group of a segment. What a group can say at once about all its rows (times, streams,
 * fields, needles) is said when it is opened, as a bitmap; vectors are made of what is left, and only their lines are built.
 *
 * What a group needs in memory is its times and numbers (16 bytes a row) and the columns that are asked for; all of it drawn
 * from the query's budget.
 *
 * Threads: the scan's.
 * Errors:  a bad chunk is noted, counted in the statistics, and what hangs on it is left out: the group for its times,
 *          streams, lines and predicates' fields, a field for a field that is only shown.
 */
#ifndef STORE_GROUP_SCAN_H
#define STORE_GROUP_SCAN_H

#include "store/codec/text.h"
#include "store/scan/group_times.h"
#include "store/segment/pack.h"
#include "store/scan/scan_context.h"
#include "store/segment/segment.h"

struct field_state;

struct group_scan {
    struct scan_context *ctx;
    struct scan *scan;
    struct segment_reader reader;          /* kept from group to group, as the buffers below */
    struct segment *segment;               /* NULL: nothing open */
    struct segment_directory *directory;   /* counted */
    const struct segment_group *group;
    struct arena arena;                    /* as long as the group */
    struct buf raw, seqs, bits, lines;
    struct segment_directory *mapped;      /* counted; NULL: none */
    struct buf stream_of_id;               /* u32 each: the scan's streams, by id of the mapped directory */
    struct group_times times;
    bool seqs_loaded;
    struct packed streams;
    uint32_t *stream_map;                  /* of the group's streams */
    uint32_t *run_ends;                    /* GROUP_BY_STREAM: where the rows of each of the group's streams end */
    struct text *text;                     /* NULL: not opened */
    struct group_lines *values;            /* for the query's reader of lines; NULL: not opened */
    const struct segment_chunk *bad;       /* the chunk that `text` could not load */
    uint32_t from, to;                     /* rows that have not been visited lie between these */
    uint32_t first_row;                    /* of the current vector */
    uint32_t taken_count;                  /* vectors */
    uint32_t number;                       /* of the group, in the scan: from 1 on */
    uint64_t vector_number;                /* of the current vector: what belongs to it says so */
    uint32_t line_ends[VECTOR_ROWS_MAX];
    struct field_state *fields;            /* [group->column_count] */
};

void group_scan_init(struct group_scan *g, struct scan_context *ctx, struct scan *scan, struct objects *objects);
void group_scan_deinit(struct group_scan *g);

/* Lets go of all memory of the group before, to read of another segment. */
void group_scan_begin(struct group_scan *g, const struct segment *segment);

/* Takes the caller's reference on the directory. BOLE_END: nothing in it for this query. */
bole_status group_scan_open(struct group_scan *g, struct segment *segment, struct segment_directory *take_directory,
                            uint32_t group, struct bole_err *err);
/* BOLE_OK: the context's vector has selected rows. BOLE_END: the group is done. */
bole_status group_scan_next(struct group_scan *g, struct bole_err *err);

void group_scan_close(struct group_scan *g); /* before its end, too */

/* Index of each of the group's streams in the scan's table, in the arena of g. */
bole_status group_scan_map_streams(struct group_scan *g, struct segment_directory *d, const struct segment_group *group,
                                   uint32_t **ret_map, struct bole_err *err);

/* Index into the group's streams of the rows first .. first + count - 1. */
void group_scan_streams(const struct group_scan *g, uint32_t first, uint32_t count, uint32_t *ret_streams);

/* Clears the bits of the rows that fail a regular expression, which otherwise happens vector by vector. BOLE_END: damaged. */
bole_status group_scan_select_regex(struct group_scan *g, struct bole_err *err);

/* For group_removal.c; of an open group. BOLE_END: a damaged chunk, which has been set aside. */
bole_status group_scan_load_seqs(struct group_scan *g, struct bole_err *err); /* into g->seqs */
bole_status group_scan_open_text(struct group_scan *g, struct bole_err *err);
/* Clears the bits, of the whole group, of rows whose line does not contain the needle. */
bole_status group_scan_keep_containing(struct group_scan *g, bole_slice needle, uint64_t *bits, struct bole_err *err);
/* The lines of the rows first .. first + count - 1 whose bit is set; valid until the next call for lines. */
bole_status group_scan_lines(struct group_scan *g, uint32_t first, uint32_t count, const uint64_t *bits,
                             struct line_block *ret_lines, struct bole_err *err);

static inline const int64_t *group_scan_times(struct group_scan *g)
{
    return group_times_load(&g->times, 0, g->group->row_count);
}
static inline uint64_t *group_scan_bits(const struct group_scan *g) { return (uint64_t *)(void *)g->bits.ptr; }
static inline uint32_t group_scan_words(const struct group_scan *g) { return (g->group->row_count + 63) / 64; }

bole_status group_scan_set_times_aside(struct group_scan *g); /* when they are found to be bad: BOLE_END */

/* Turns damage of a chunk into BOLE_END, noted and counted; other failures are returned. */
bole_status group_scan_set_aside(struct group_scan *g, const struct segment_chunk *c, bole_status st, const struct bole_err *why);

#endif
