/*
 * sources.h - who sends: every client that ever brought records, by tenant, door, address and what it calls itself; when it
 * was first and last seen, how much, how fast, how late, how often it was refused. docs/sources.md
 *
 * Counted once per request or handful of datagrams, not per record. Bounded: with SOURCES_MAX the one that was silent
 * longest is forgotten for a new one.
 *
 * Units:   times are ns since 1970 UTC.
 * Owner:   slices of what is handed in or out are borrowed for the call.
 * Threads: any; calls are serialised inside.
 */
#ifndef RECEIVE_SOURCES_H
#define RECEIVE_SOURCES_H

#include "base/buf.h"

#define SOURCES_MAX 10000u

enum { SOURCE_TEXT_MAX = 160, SOURCE_KEY_SIZE = 16 };

struct source {
    bole_slice tenant, door, client, agent; /* client: its address; agent: its User-Agent, or empty */
    int64_t    first_ns, last_ns;
    uint64_t   batches, records, bytes; /* taken */
    uint64_t   errors;                  /* records refused; a whole request that is refused counts as one */
    int64_t    lag_ns;                  /* of its last batch: receipt minus the newest record's time; below 0: that is ahead */
    double     records_per_s;           /* over the last minute or so */
};

struct sources;
struct sources *sources_create(void); /* NULL: no memory */
void sources_destroy(struct sources *s); /* NULL is fine */

struct source_batch {
    uint64_t records, bytes, errors;
    int64_t  newest_ns; /* INT64_MIN: no record */
};
void sources_count(struct sources *s, const struct source *who, const struct source_batch *batch, int64_t now_ns);

/* Those of a tenant, the one seen last first. BOLE_E_NOMEM. */
bole_status sources_each(struct sources *s, bole_slice tenant, int64_t now_ns, void (*fn)(const struct source *source, void *ctx),
                         void *ctx, struct bole_err *err);
size_t sources_number(struct sources *s);

/* For the catalogue: what has changed since the last call, each as a key and its value (empty: forgotten). False from fn: stop,
 * it and the rest are handed out again. */
void sources_save(struct sources *s, bool (*fn)(bole_slice key, bole_slice value, void *ctx), void *ctx);
void sources_saved(struct sources *s, bool kept); /* what was handed out is there; or not: it comes again */
void sources_restore(struct sources *s, bole_slice value); /* one of another time; nonsense is passed over */

#endif
