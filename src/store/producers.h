/*
 * producers.h - how far each producer has come: the sequence of the last of its batches that is durable, so that one that
 * is sent again is stored once. docs/receivers/push.md
 *
 * The marks of what is in the head are also in the queue, inside the batches; a cut puts them into the catalogue together
 * with the position. A producer that was silent for a week is forgotten: it begins again with a new id.
 *
 * Units:   times are ns since 1970 UTC.
 * Threads: one at a time; the owner's lock.
 */
#ifndef STORE_PRODUCERS_H
#define STORE_PRODUCERS_H

#include "catalog/catalog.h"
#include "record/batch.h"

#define PRODUCERS_MAX     65536u /* then new ones are refused */
#define PRODUCER_IDLE_NS  (7 * 86400 * (int64_t)1000000000)
#define PRODUCERS_SPACE   S("producers") /* of the catalogue: id in hex -> sequence, time of receipt, 8 bytes each */

struct producer {
    uint8_t  id[BATCH_PRODUCER_SIZE];
    uint64_t sequence; /* 0: the slot is free */
    int64_t  seen_ns;  /* when its last batch was received */
    bool     is_new;   /* not in the catalogue as it is here */
    bool     is_gone;  /* removed from there: it goes with the next table */
};

struct producers {
    struct producer *slots; /* [slot_count], open addressing */
    uint32_t slot_count, count; /* slot_count is a power of two, or 0 */
};

void producers_deinit(struct producers *p); /* of one that is all zeros: fine */

/* 0: never seen. BOLE_E_LIMIT: that, and there are too many. */
bole_status producers_find(const struct producers *p, const uint8_t id[BATCH_PRODUCER_SIZE], uint64_t *ret_sequence,
                           struct bole_err *err);

/* Room for so many more; then producers_note cannot fail. */
bole_status producers_reserve(struct producers *p, size_t more, struct bole_err *err);
/* The batch is durable; one without a producer says nothing. */
void producers_note(struct producers *p, const struct batch *b);

/* What the catalogue does not know yet as items to put, and what is forgotten as items to remove; *ret_items lives in the
 * arena. producers_saved: they are in the catalogue. Marks noted in between stay new. */
bole_status producers_save(const struct producers *p, int64_t now_ns, struct arena *arena, struct catalog_item **ret_items,
                           size_t *ret_count, struct bole_err *err);
void producers_saved(struct producers *p, const struct catalog_item *items, size_t count);

bole_status producers_load(struct producers *p, struct catalog *catalog, struct bole_err *err);

#endif
