/*
 * merge_plan.h - which segments are worth merging now. A pure function of the catalogue's rows and the time.
 *
 * Cuts come first: MERGE_CUTS of them, or fewer where one label set lies scattered over many (merge.h puts it together),
 * or what has waited for MERGE_CUT_AGE_NS, become segments of one day each, and of
 * one tenant where it is large (merge.h). Those are merged by size, day by day: the smallest ones together, as soon as
 * there are MERGE_FAN_IN of them and the largest is not larger than all others together, so that a byte is copied at
 * most log2(MERGE_TARGET_RAW / its first size) times. Once a day is over (MERGE_DAY_OVER_NS) two are enough. What has
 * grown to half of MERGE_TARGET_RAW is final.
 *
 * So the number of segments is that of the data divided by half of the target, a few per day and tenant, and those of
 * the last hours.
 */
#ifndef STORE_MERGE_PLAN_H
#define STORE_MERGE_PLAN_H

#include "store/segments.h"

#define MERGE_CUTS        16u
#define MERGE_SCATTERED_CUTS 4u /* of row groups with STREAM_ORDER_MIN label sets and more */
#define MERGE_CUT_AGE_NS  (6 * 3600ll * 1000000000)
#define MERGE_FAN_IN      8u
#define MERGE_INPUTS_MAX  64u
#define MERGE_TARGET_RAW  (1ull << 30) /* bytes of lines and fields of a merged segment */
#define MERGE_OWN_RAW     (32ull << 20) /* a tenant with less of a day shares segments */
#define MERGE_PACK_AGE_NS (6 * 3600ll * 1000000000) /* since it was written */
#define MERGE_QUIET_NS    (60ll * 1000000000) /* since a segment was written: what is done while nothing else is to do */
#define MERGE_DAY_OVER_NS (2 * 3600ll * 1000000000) /* after midnight */

/* True when nearly nothing is still to come for this day. */
bool merge_day_is_over(int64_t day, int64_t now_ns);

/* What to merge with groups joined (merge.h) while nothing else is to do, 0: nothing. Two cuts and more, the last of them a minute
 * old; or one segment that was merged and has not been looked at: whether that is worth its while its directory says. */
size_t merge_plan_joins(const struct segment_set *set, int64_t now_ns, struct segment **ret_picked);

/* A segment of a day that is over, old enough that nothing more is merged into it, which is worth compressing with more effort;
 * NULL: none. Of the set, not counted. */
struct segment *merge_plan_pack(const struct segment_set *set, int64_t now_ns);

/* What to merge next, 0: nothing is due. `everything`: also what is not due, as far as it makes fewer segments.
 * ret_picked has room for MERGE_INPUTS_MAX; the segments are those of the set, not counted. */
size_t merge_plan(const struct segment_set *set, int64_t now_ns, bool everything, struct segment **ret_picked);

#endif
