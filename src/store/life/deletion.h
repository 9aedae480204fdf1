/*
 * deletion.h - requests to delete rows, as the catalogue holds them and as readers see those that are not finished.
 *
 * The catalogue has an item per request (space "deletes", its id) and one per merge that took rows out for it (space
 * "delete-steps", the id, '/', a number of 8 hex digits). Both begin with a version byte; numbers are little endian, a text is
 * a varint length and its bytes:
 *
 *   request  u8 version, u8 state, i64 created, i64 finished, i64 from, i64 to, u64 max_lsn, u64 first_clean_id, u64 rows,
 *            u64 x 2 digest, u32 steps, tenant, query, varint matchers {u8 op, name, value}, varint predicates {u8 kind, value}
 *   step     u8 version, i64 time, u64 rows, u64 x 8 digests (before, removed, others, after), varint inputs {varint id},
 *            varint results {varint id}
 *
 * Units:   times ns since 1970 UTC.
 * Owner:   a deletion is counted and owns what its removal points to. What changes in it is its store's, under merge_lock.
 * Threads: the removal is read by any.
 */
#ifndef STORE_DELETION_H
#define STORE_DELETION_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "store/life/removal.h"

#define DELETION_SPACE       S("deletes")
#define DELETION_STEP_SPACE  S("delete-steps")
#define DELETION_KEY_SIZE    (STORE_DELETE_ID_SIZE + 10) /* of a step, with its NUL */

struct deletion {
    atomic_uint    refs;
    struct removal removal;
    struct store_delete_info info; /* its texts lie in the arena; steps are not here */
    uint64_t first_clean_id; /* segments from this id on were written without its rows; 0: it has not begun */
    uint64_t *clean_ids;     /* older ones that hold none of its rows; malloc'd */
    size_t   clean_count;
    struct regex **regexes;
    size_t   regex_count;
    struct arena arena;
};

bole_status deletion_create(const struct store_delete_request *request, struct deletion **ret_deletion, struct bole_err *err);
bole_status deletion_decode(bole_slice id, bole_slice value, struct deletion **ret_deletion, struct bole_err *err);
void deletion_encode(const struct deletion *d, struct buf *out);
struct deletion *deletion_ref(struct deletion *d);
void deletion_unref(struct deletion *d); /* NULL is fine */

void deletion_step_key(const char *id, uint32_t number, char ret_key[DELETION_KEY_SIZE]);
void deletion_step_encode(const struct store_delete_step *step, struct buf *out);
/* Ids lie in the arena. */
bole_status deletion_step_decode(bole_slice value, struct arena *arena, struct store_delete_step *ret_step, struct bole_err *err);

/* Unchanging; what readers leave out. */
struct deletion_set {
    atomic_uint refs;
    size_t      count;
    struct removal *removals; /* [count] those of the deletions */
    struct deletion *deletions[]; /* counted */
};

/* The deletions of `before` (NULL: none) without `less` and with `more` (either may be NULL). NULL: no memory. */
struct deletion_set *deletion_set_create(const struct deletion_set *before, const struct deletion *less, struct deletion *more);
struct deletion_set *deletion_set_ref(struct deletion_set *set);
void deletion_set_unref(struct deletion_set *set);

#endif
