/*
 * poster.h - how a lane's batch gets to the server: HTTP in service, a model of the server in tests.
 *
 * Threads: a poster is used by one thread at a time; each lane has its own.
 */
#ifndef AGENT_POSTER_H
#define AGENT_POSTER_H

#include <stdbool.h>

#include "bole/types.h"

struct poster { const struct poster_ops *ops; };

struct poster_answer {
    bool     duplicate;     /* the server had it before */
    uint64_t rejected;      /* records of it that will never be taken */
    char     reason[256];   /* why, for the first of them; "" */
    uint64_t wanted;        /* of BOLE_E_CONFLICT: the sequence that the server wants */
    unsigned retry_after_s; /* the server wants to be asked again after so long; 0: it said nothing */
};

struct poster_ops {
    /* BOLE_OK: the server has called the batch of this sequence durable. BOLE_E_CONFLICT: a gap. Anything else: not known,
     * or not possible now; err says why. */
    bole_status (*post)(struct poster *self, bole_slice batch, uint64_t sequence, struct poster_answer *ret_answer,
                        struct bole_err *err);
    void (*destroy)(struct poster *self);
};

static inline bole_status poster_post(struct poster *p, bole_slice batch, uint64_t sequence, struct poster_answer *ret_answer,
                                      struct bole_err *err)
{
    return p->ops->post(p, batch, sequence, ret_answer, err);
}

static inline void poster_destroy(struct poster *p) /* NULL is fine */
{
    if (p)
        p->ops->destroy(p);
}

#endif
