/*
 * regroup.h - rows of several row groups are encoded anew: small groups become large ones, and rows of many streams are
 * brought together by stream.
 *
 * The groups are of one tenant, one family (or shared by several) and one day. Nothing is lost or doubled: the digests
 * of what was read and of what was written must be the same, else it is BOLE_E_CORRUPT.
 *
 * Threads: one.
 * Memory:  drawn from the budget but for what segment_write.h and partition.h need: the rows, compressed when they are
 *          more than one group, and one group of them as it is.
 * Errors:  of group_read.h and segment_file.h; those of `yield`.
 */
#ifndef STORE_REGROUP_H
#define STORE_REGROUP_H

#include "store/segment.h"
#include "store/segment_file.h"

#define REGROUP_RAW_MAX (8u * GROUP_RAW_MAX) /* of all groups of one call */

struct regroup_input {
    struct segment           *segment;
    struct segment_directory *directory;
    uint32_t                  group;
};

static inline const struct segment_group *regroup_group(const struct regroup_input *in)
{
    return &in->directory->groups[in->group];
}

struct regroup_options {
    struct objects *objects;
    struct budget  *budget;
    uint8_t         generation; /* of the new groups */
    bole_status (*yield)(void *ctx, struct bole_err *err); /* called now and then: may wait,
        or stop the work; NULL: not */
    void           *yield_ctx;
};

/* *ret_failed: the input that could not be read; not written when it was something else. */
bole_status regroup(const struct regroup_input *inputs, size_t input_count, const struct regroup_options *options,
                    struct segment_file *file, size_t *ret_failed, struct bole_err *err);

#endif
