/*
 * segment_group.h - what a segment's directory says of its row groups, and what follows from that for the whole
 * segment.
 *
 * Owner:   what is pointed to belongs to the directory (segment_read.h) or to whoever adds a group (segment_file.h).
 */
#ifndef STORE_SEGMENT_GROUP_H
#define STORE_SEGMENT_GROUP_H

#include "store/segment/digest.h"
#include "store/segment/segment_format.h"

struct segment_chunk {
    uint64_t offset;
    uint32_t size; /* with header */
    uint32_t rows;
};

struct segment_column {
    enum chunk_kind kind;
    bole_slice      key; /* of a field */
    struct segment_chunk *chunks;
    uint32_t        chunk_count;
};

struct segment_stream { /* of one group */
    uint32_t id;        /* index into the directory's labels */
    uint32_t rows;
    uint64_t bytes;     /* of lines */
};

struct segment_group {
    bole_slice tenant;
    uint32_t   row_count;
    int64_t    min_time_ns, max_time_ns;
    int64_t    received_ns;  /* the latest of its rows */
    uint64_t   line_bytes, field_bytes;
    uint64_t   min_lsn, max_lsn;
    enum group_order order;  /* of its rows */
    uint8_t    generation;   /* how often the rows were encoded anew since their cut */
    uint64_t   family;       /* hash of what generates the text; 0: several */
    bole_slice family_name;
    struct digest digest;
    struct segment_stream *streams; /* the STREAM column holds indexes into them; GROUP_BY_STREAM: in the order of the
        rows */
    uint32_t   stream_count;
    bole_slice column_entries; /* as they stand in the directory: they can be copied without being understood */
    uint32_t   column_count;
    /* Of a group that was read: */
    uint64_t   offset, size; /* its chunks lie there, without gaps */
    struct segment_column *columns;
    const struct segment_column *time, *seq, *stream, *text; /* each is there */
    const struct segment_column *rest, *rollup;              /* or NULL */
};

struct segment_totals {
    uint64_t row_count, raw_bytes; /* bytes of lines and fields */
    int64_t  min_time_ns, max_time_ns;
    uint64_t min_lsn, max_lsn;
    int64_t  created_ns;
    /* What the footer does not say, but the directory: */
    uint32_t level;      /* 0: a cut; else a merge */
    uint32_t group_streams; /* the most label sets of one of the groups */
    int64_t  keep_ns;    /* the newest row as retention counts: its stamp, or its receipt when the stamp lies ahead */
    bole_slice tenant;   /* of all its rows; ptr NULL: several */
    struct digest digest;
};

#define DAY_NS    (86400ll * 1000000000)
#define DAY_MIXED INT64_MIN /* not a day of any time */

static inline int64_t day_of_time(int64_t time_ns) { return time_ns / DAY_NS - (time_ns % DAY_NS < 0); } /* UTC,
    since 1970 */

/* Of everything from the one time to the other. */
static inline int64_t day_of_range(int64_t min_time_ns, int64_t max_time_ns)
{
    int64_t day = day_of_time(min_time_ns);
    return day == day_of_time(max_time_ns) ? day : DAY_MIXED;
}

static inline uint64_t segment_group_raw(const struct segment_group *g) { return g->line_bytes + g->field_bytes; }

/* Totals of no groups. */
struct segment_totals segment_totals_empty(uint32_t level, int64_t created_ns);
/* The tenant's name must outlive t. */
void segment_totals_add(struct segment_totals *t, const struct segment_group *g);

#endif
