/*
 * regroup.h - rows of several row groups are encoded anew: small groups become large ones, and rows of many streams are
 * brought together by stream.
 *
 * The groups are of one tenant, one family (or shared by several) and one day. Nothing is lost or doubled: the digests
 * of what was read, of what was written and of what was left out must add up, else it is BOLE_E_CORRUPT.
 *
 * Threads: one.
 * Memory:  drawn from the budget but for what segment_write.h and partition.h need: rows of one group, and 128 KB for
 *          each group that the result has. What is more waits in a file without a name.
 * Errors:  of group_read.h and segment_file.h; those of `yield`.
 */
#ifndef STORE_REGROUP_H
#define STORE_REGROUP_H

#include "store/life/removal.h"
#include "store/segment/segment.h"
#include "store/segment/segment_file.h"

/* Bytes of lines and fields of all groups of one call. All of the result's groups reach over its whole time: more makes
 * the reading of one stream cheaper, less that of a short time of all. */
#define REGROUP_RAW_MAX (32u * GROUP_RAW_MAX)

struct regroup_input {
    struct segment           *segment;
    struct segment_directory *directory;
    uint32_t                  group;
};

static inline const struct segment_group *regroup_group(const struct regroup_input *in)
{
    return &in->directory->groups[in->group];
}

/* Rows that a removal took out. */
struct removal_sum {
    uint64_t      rows;
    struct digest digest;
};

struct regroup_options {
    struct objects *objects;
    struct budget  *budget;
    struct fs      *fs;
    const char     *spill_path; /* where a file may be made; it is removed at once */
    uint8_t         generation; /* of the new groups */
    bool            joins;      /* what fits into GROUP_JOINED_RAW_MAX becomes one group */
    const struct removal *removals;  /* rows to leave out; each is added to the sum of the first that names it */
    struct removal_sum   *sums;      /* [removal_count] */
    size_t          removal_count;
    bole_status (*yield)(void *ctx, struct bole_err *err); /* called now and then: may wait,
        or stop the work; NULL: not */
    void           *yield_ctx;
};

/* *ret_failed: the input that could not be read; not written when it was something else. */
bole_status regroup(const struct regroup_input *inputs, size_t input_count, const struct regroup_options *options,
                    struct segment_file *file, size_t *ret_failed, struct bole_err *err);

#endif
