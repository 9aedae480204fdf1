/*
 * segments_delete.h - requests to delete, in the store `segments:`.
 *
 * Threads: requests any; the rest for whoever holds the merge lock.
 */
#ifndef STORE_SEGMENTS_DELETE_H
#define STORE_SEGMENTS_DELETE_H

#include "store/life/regroup.h"
#include "store/segments.h"

/* What one merge has to leave out, and what it says of that in the catalogue. */
struct delete_work {
    int64_t now_ns;
    struct deletion_set *set;
    struct removal     *removals;    /* the running deletes, then retention */
    struct removal_sum *sums;
    struct deletion   **deletions;   /* of the first delete_count removals */
    size_t removal_count, delete_count;
    struct catalog_item *items;
    size_t item_count;
    struct buf bytes;                /* of items */
    uint64_t *ids;
    char (*keys)[DELETION_KEY_SIZE];
};
bole_status delete_work_begin(struct segments_store *s, int64_t now_ns, struct delete_work *w, struct bole_err *err);
/* Fills items for what went out: to be committed together with the results, else delete_work_undo. */
bole_status delete_work_describe(struct delete_work *w, struct segment *const *inputs, size_t input_count,
                                 const struct catalog_segment *results, size_t result_count, struct bole_err *err);
void delete_work_undo(struct delete_work *w);
void delete_work_release(struct delete_work *w); /* also after a failed begin */

bole_status segments_load_deletes(struct segments_store *s, struct bole_err *err);
/* Requests that have waited long enough run from now on. */
bole_status segments_begin_deletes(struct segments_store *s, struct bole_err *err);
/* A segment of the set, not counted, that has to be written anew; NULL: none is left, and what is done is marked so. */
bole_status segments_next_dirty(struct segments_store *s, const struct segment_set *set, struct segment **ret_segment,
                                struct bole_err *err);

bole_status segments_delete(struct store *self, const struct store_delete_request *request,
                            char ret_id[STORE_DELETE_ID_SIZE], struct bole_err *err);
bole_status segments_deletes(struct store *self, bole_slice tenant, store_delete_fn *fn, void *ctx, struct bole_err *err);
bole_status segments_delete_cancel(struct store *self, bole_slice tenant, bole_slice id, struct bole_err *err);

/* Of any catalogue, for `bole check`. ptr NULL: of all tenants. */
bole_status deletions_list(struct catalog *catalog, bole_slice tenant, store_delete_fn *fn, void *ctx, struct bole_err *err);

#endif
