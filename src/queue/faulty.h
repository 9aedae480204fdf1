/*
 * faulty.h - a queue around a queue that refuses and delays appends on request, for tests of whatever stands on top.
 *
 * Owner:   destroys the queue it was given.
 * Threads: as queue.h; faults may be set by any thread at any time.
 */
#ifndef QUEUE_FAULTY_H
#define QUEUE_FAULTY_H

#include "queue/queue.h"

struct queue_faults {
    uint64_t    fail_from, fail_count; /* appends fail_from .. fail_from + fail_count - 1 fail, counted from 1; 0: none */
    bole_status status;                /* with this: BOLE_E_FULL, BOLE_E_IO. The inner queue does not see them */
    uint64_t    append_delay_ns;       /* each append takes this much longer, as on a slow disk */
};

/* Takes `inner`, also on failure. */
bole_status queue_faulty_create(struct queue *inner, struct queue **ret_queue, struct bole_err *err);
void queue_faulty_set(struct queue *faulty, const struct queue_faults *faults); /* resets the count */
uint64_t queue_faulty_append_count(struct queue *faulty);

#endif
