/*
 * merge.h - segments become others with the same rows: fewer, larger, of one UTC day each.
 *
 * Groups that are full are copied byte for byte. Small ones of one tenant, family and day are encoded anew together,
 * and so are those that many label sets share, once, to bring the rows of each label set together (regroup.h). A row is
 * encoded at most GENERATION_MAX times after its cut, and once more when groups are joined: while a machine is idle, such of
 * half a group of GROUP_JOINED_RAW_MAX at most become groups of that size. Of kinds of lines that a head has little of, that is a
 * seventh less to store; it takes as long as a cut (docs/decisions/0007-life-of-segments.md).
 *
 * A tenant with MERGE_OWN_RAW or more of a day gets a segment of its own, so that it can be dropped as a whole; smaller
 * ones share one: thousands of small tenants do not make thousands of small files a day.
 *
 * What a removal names is left out; there may be no result at all. Digests of what went in, of what came out and of what was
 * left out add up.
 *
 * The result is durable, but not in the catalogue.
 *
 * Threads: one.
 * Memory:  of the directories, one row group, or what regroup.h needs; from the budget.
 * Errors:  of segment_file.h and regroup.h; nothing is left behind. *ret_culprit is the input that could not be read,
 *          NULL when it was something else.
 */
#ifndef STORE_MERGE_H
#define STORE_MERGE_H

#include "store/life/merge_plan.h"
#include "store/life/regroup.h"

#define GENERATION_MAX 2u

enum merge_how {
    MERGE_PLAIN,
    MERGE_JOINS, /* groups are joined */
    MERGE_PACKS, /* the result's chunks are compressed with more effort, and it is final */
};

struct merge_options {
    struct objects *objects;
    struct catalog *catalog; /* gives out ids */
    struct budget  *budget;
    struct fs      *fs;
    const char     *spill_path; /* as in regroup.h */
    const struct removal *removals; /* what is left out; sums as in regroup.h */
    struct removal_sum   *sums;
    size_t          removal_count;
    struct text_memory *text_memory; /* codec/text.h; may be NULL */
    enum merge_how  how;
    uint8_t         store_id[SEGMENT_ID_SIZE];
    int64_t         now_ns;
    bole_status (*yield)(void *ctx, struct bole_err *err); /* as in regroup.h */
    void           *yield_ctx;
};

struct merge_stats {
    uint64_t groups_copied, groups_encoded; /* encoded: of those that went in */
    uint64_t bytes_read, bytes_written;     /* of files */
};

/* Whether MERGE_JOINS of a segment that was merged is worth its while: about an eighth of the rows or more would be encoded. */
bool merge_joins_much(const struct segment_directory *d);

struct merge; /* a finished one */

bole_status merge_run(struct segment *const *inputs, size_t input_count, const struct merge_options *options,
                      struct merge **ret_merge, struct segment **ret_culprit, struct bole_err *err);
/* Rows for the catalogue; what they point to lives as long as the merge. */
const struct catalog_segment *merge_results(const struct merge *m, size_t *ret_count);
struct merge_stats merge_statistics(const struct merge *m);
/* Removes the files that were written: the catalogue did not take them. */
void merge_undo(struct merge *m);
void merge_destroy(struct merge *m); /* NULL is fine */

#endif
