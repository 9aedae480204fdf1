/*
 * removal.h - what has to go: rows that somebody asked to delete, and rows that have been kept long enough.
 *
 * A delete names streams, a range of time and perhaps a filter of lines, and means the rows that were there when it was
 * asked for (their LSN is at most max_lsn): readers leave them out from then on, and the segments that hold them are written
 * anew without them. Retention names how long rows of a stream are kept; it is only looked at when segments are written or
 * dropped, and goes by whole streams of a row group.
 *
 * Owner:   a removal borrows its tenant, matchers and predicates.
 * Threads: pure functions.
 */
#ifndef STORE_REMOVAL_H
#define STORE_REMOVAL_H

#include "store/segment/segment_read.h"
#include "store/store.h"

struct removal {
    bool       is_retention;
    /* A delete: */
    bole_slice tenant;
    const struct store_matcher *matchers;
    size_t     matcher_count;
    const struct store_predicate *predicates; /* on lines */
    size_t     predicate_count;
    int64_t    from_ns, to_ns;                /* both inclusive */
    uint64_t   max_lsn;
    /* Retention: */
    const struct store_retention *retention;
    int64_t    now_ns;
};

enum removal_part { REMOVES_NONE, REMOVES_SOME, REMOVES_ALL };

/* What of a group's stream has to go, as far as the directory says; SOME may turn out to be none or all. */
enum removal_part removal_of_stream(const struct removal *r, const struct segment_group *g, bole_slice labels);
/* Of the whole group. Asks for every stream of it. */
enum removal_part removal_of_group(const struct removal *r, const struct segment_directory *d, const struct segment_group *g);

/* False when no row of a segment, or batch, of these times and LSNs can have to go. */
bool removal_may_touch(const struct removal *r, int64_t min_time_ns, int64_t max_time_ns, uint64_t min_lsn);

/* A delete: does it name this row? Of a stream that it names: removal_names_stream. */
bool removal_names_stream(const struct removal *r, bole_slice tenant, bole_slice labels);
bool removal_names_row(const struct removal *r, int64_t time_ns, uint64_t lsn);
bool removal_names_line(const struct removal *r, bole_slice line);

/* How long rows of a stream are kept; INT64_MAX: for ever. */
int64_t retention_keep_ns(const struct store_retention *r, bole_slice tenant, bole_slice labels);

#endif
