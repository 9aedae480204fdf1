/*
 * head_removal.h - which rows of a batch of the head have to go (removal.h).
 *
 * Threads: one.
 */
#ifndef STORE_HEAD_REMOVAL_H
#define STORE_HEAD_REMOVAL_H

#include "base/arena.h"
#include "store/head.h"
#include "store/life/removal.h"

struct head_removal {
    const struct head_entry *entry;
    const struct removal *removals;
    size_t   count;  /* 0: every row stays */
    uint8_t *named;  /* [count][streams of the batch] */
};

/* Deletes only. BOLE_E_LIMIT: no room in the arena, where it lives. */
bole_status head_removal_begin(struct head_removal *h, const struct removal *removals, size_t count,
                               const struct head_entry *entry, struct arena *arena, struct bole_err *err);
bool head_removal_names(const struct head_removal *h, uint32_t row);

#endif
