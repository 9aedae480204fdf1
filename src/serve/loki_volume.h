/*
 * loki_volume.h - bytes per series or per label name, for index/volume and index/volume_range.
 *
 * By series: streams are grouped by the target labels, or by the labels that the selector names, or, when that names
 * none, by all of theirs. By labels: a stream's bytes count for each of those names. With target labels, streams that
 * have none of one of them are left out.
 *
 * Source: grafana/loki pkg/storage/stores/series/index (volume), pkg/util PrepareLabelsAndMatchers; largest first.
 */
#ifndef SERVE_LOKI_VOLUME_H
#define SERVE_LOKI_VOLUME_H

#include "serve/loki_set.h"
#include "store/store.h"

struct loki_volume {
    struct loki_set set;          /* key: the metric as JSON; data: uint64_t[bucket_count] */
    struct buf      key;          /* scratch */
    uint32_t        bucket_count;
    uint64_t        exec_ns;      /* the caller's: told with the answer */
    bool            by_labels;
    bool            targeted;     /* names are target labels: all must be there */
    bool            all_names;
    bole_slice     *names;
    size_t          name_count;
};

void loki_volume_init(struct loki_volume *v, struct budget *budget, uint32_t bucket_count);
void loki_volume_deinit(struct loki_volume *v); /* all zero is fine */

/* Which labels count. target_labels: names with commas between; aggregate_by: "", "series" or "labels". The slices are
 * borrowed. */
bole_status loki_volume_choose(struct loki_volume *v, const struct store_matcher *matchers, size_t matcher_count,
                               bole_slice target_labels, bole_slice aggregate_by, struct bole_err *err);

bole_status loki_volume_add(struct loki_volume *v, bole_slice labels, uint32_t bucket, uint64_t bytes);

/* The whole answer, at most `limit` series. Vector: bucket 0 at time_ns. Range: bucket i is [first + i * step, first + (i + 1) *
 * step); its point stands a millisecond before it ends, that of the last one at end_ns. It is a vector when no series has two points. */
void loki_volume_write_vector(struct loki_volume *v, uint64_t limit, int64_t time_ns, struct buf *out);
void loki_volume_write_range(struct loki_volume *v, uint64_t limit, int64_t first_ns, int64_t step_ns, int64_t end_ns,
                              struct buf *out);

#endif
