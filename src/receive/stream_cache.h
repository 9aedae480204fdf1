/*
 * stream_cache.h - from a stream as the client spells it to its canonical labels: agents send the same few streams for
 * ever, so that parsing, sorting and encoding their labels is done once.
 *
 * Entries live until stream_cache_trim, which is called between requests: all slices are good for the whole request.
 * Threads: one at a time.
 */
#ifndef RECEIVE_STREAM_CACHE_H
#define RECEIVE_STREAM_CACHE_H

#include "ingest/ingest.h"
#include "receive/receive.h"

#define STREAM_CACHE_ENTRIES_MAX 16384u
#define STREAM_CACHE_BYTES_MAX   (4u * 1024 * 1024)

struct stream_entry {
    uint64_t            hash, kind;
    bole_slice          key;
    struct ingest_stream stream;
    bole_slice          level;   /* from a label that names one; ptr NULL: there is none */
    bole_slice          refused; /* why this stream is not taken; ptr NULL: it is */
    enum receive_reason reason;
    uint32_t            request; /* the last one that used it */
};

struct stream_cache {
    struct arena          arena;
    struct stream_entry **slots; /* open addressing */
    uint32_t              slot_count, count;
    uint32_t              request;
};

void stream_cache_init(struct stream_cache *c, struct budget *budget);
void stream_cache_deinit(struct stream_cache *c);

/* A new request begins: everything goes when there is too much. */
void stream_cache_trim(struct stream_cache *c);

/* `kind` keeps apart the spellings of different doors. NULL: not there. The handle is set up for this tenant. */
struct stream_entry *stream_cache_find(struct stream_cache *c, uint64_t kind, bole_slice key, bole_slice tenant);

/* Adds what find did not find: copies labels, level and refusal of `proto`. NULL: no memory. */
struct stream_entry *stream_cache_add(struct stream_cache *c, uint64_t kind, bole_slice key, bole_slice tenant,
                                      const struct stream_entry *proto);

#endif
