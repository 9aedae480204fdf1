/* fuzz_door.h - one receiver over a fake ingest for the fuzz targets, and what must hold for every answer. */
#ifndef RECEIVE_FUZZ_DOOR_H
#define RECEIVE_FUZZ_DOOR_H

#include <stdlib.h>

#include "process/service_name.h"
#include "receive/fake_ingest.h"
#include "receive/receive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_door {
    struct ingest       ingest;
    struct clock_manual clock;
    struct receiver    *receiver;
    struct arena        arena;
    struct receive_result result;
};

/* The same one for every input: its caches are under test as well. */
static inline struct fuzz_door *fuzz_door(void)
{
    static struct fuzz_door d;
    if (!d.receiver) {
        fake_ingest_init(&d.ingest);
        d.ingest.discard = true;
        clock_manual_init(&d.clock, 1795255200 * NS_PER_S);
        arena_init(&d.arena, NULL);
        struct receive_options options = {.clock = &d.clock.base,
                                          .detect_level = true,
                                          .service_names = service_name_candidates,
                                          .service_name_count = service_name_candidate_count,
                                          .decoded_max_bytes = 1 << 20};
        if (receiver_create(&options, &d.ingest, 0, &d.receiver, NULL) != BOLE_OK)
            abort();
    }
    arena_reset(&d.arena);
    return &d;
}

static inline void fuzz_settle(struct fuzz_door *d)
{
    const struct receive_result *r = &d->result;
    uint64_t rejected = 0;
    for (size_t i = 0; i < RECEIVE_REASON_COUNT; i++)
        rejected += r->rejected_by[i];
    bool stored = r->request != NULL;
    if (rejected != r->rejected || (stored != (r->accepted > 0) && !r->lane) ||
        (stored && ingest_rows(r->request) != r->accepted) || (stored && r->status >= 300 && r->rejected == 0) ||
        (r->rejected > 0 && r->body.len == 0) || r->utf8_replaced > r->accepted || r->status < 200 || r->status > 503)
        abort();
    if (stored)
        ingest_commit(r->request, NULL, NULL);
    if (d->ingest.open_requests)
        abort();
}

#endif
