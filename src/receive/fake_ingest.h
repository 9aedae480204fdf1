/*
 * fake_ingest.h - stands in for ingest in the tests, fuzz targets and measurements of this module: no queue, no store,
 * no threads. What was committed is kept in batches.
 */
#ifndef RECEIVE_FAKE_INGEST_H
#define RECEIVE_FAKE_INGEST_H

#include "ingest/ingest.h"

enum { FAKE_BATCHES_MAX = 4096 };

struct ingest {
    _Atomic bole_status   refuse;   /* what ingest_begin answers; any thread may change it */
    uint64_t              room;     /* records until memory is "full" */
    bool                  discard;  /* committed batches are only counted: for measurements */
    struct batch_builder *builder;
    struct batch         *batches[FAKE_BATCHES_MAX]; /* of the open request, from `committed` on */
    size_t                batch_count, committed;
    uint64_t              generation, rows_total;
    size_t                asked_bytes; /* of the last admission */
    struct ingest_lane    lane;       /* of the last request that was of one */
    unsigned              open_requests;
};

void fake_ingest_init(struct ingest *in);
void fake_ingest_deinit(struct ingest *in);
void fake_ingest_clear(struct ingest *in); /* forgets what was committed */

/* All committed records in order, one per line: time {labels} "line" key="value" ..., as buf_put_json quotes. */
void fake_ingest_print(const struct ingest *in, struct buf *out);

#endif
