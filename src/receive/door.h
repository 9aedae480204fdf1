/* door.h - what all decoders share: one request on its way through. Not for other modules. */
#ifndef RECEIVE_DOOR_H
#define RECEIVE_DOOR_H

#include "receive/receive.h"
#include "receive/stream_cache.h"
#include "shim/json.h"

struct receiver {
    struct receive_options options;
    struct ingest      *ingest;
    unsigned            worker;
    struct json_index  *index;
    struct stream_cache streams;
    struct arena        scratch; /* of one record, emptied when the next begins: texts with escapes, cleaned names */
    struct buf          decoded; /* a decompressed body */
    struct batch_field *fields;  /* [FIELDS_ROOM] of one record */
    struct process_run  run;     /* its pipeline is NULL: records are taken as they are */
    int64_t             zone_quarter; /* the quarter of an hour that this offset from UTC is of; where zone_known */
    int                 zone_offset_s;
    bool                zone_known;
    struct json_lines  *lines;   /* json_lines.c: what stays between requests; NULL: none yet */
    uint64_t           *chunks;  /* forward.c: of messages that were stored; NULL: none yet */
};

/* A record may have a few fields more than the limit while it is put together: repeated names go, the level comes. */
#define FIELDS_ROOM (2 * RECORD_FIELDS_MAX)

struct door {
    struct receiver            *r;
    const struct receive_input *in;
    struct receive_result      *result;
    int64_t                     now_ns;
    struct tenant_limit         limit;
    bole_slice                  client;  /* who sends, in->client to begin with: door_sender */
    struct source_batch         told;    /* of the request, what is counted for its senders already */
    int64_t                     newest_ns; /* time of a record since then */
    struct ingest_lane         *lane; /* set in front of door_begin: the request is of one */
    size_t                      index_bytes; /* drawn from the budget by its index of JSON tokens */
    /* The last record that was refused, for doors that answer record by record; in the scratch arena. */
    bole_slice                  reject_text;
    enum receive_reason         reject_reason;
    const char                 *name;    /* of the door, in dead letters */
    bole_slice                  suspect; /* as it came, of the record at hand; ptr NULL: not known */
    struct dead_letter         *dead;    /* kept when the request is taken: [DEAD_MAX], in the input's arena */
    size_t                      dead_count;
    struct buf                  shown; /* of a request that is only shown: its records as JSON */
    struct buf                  explained; /* of the record: what the pipeline's rules did, as JSON */
    bool                        maps; /* its records are made of names and values: mapping.h */
    bool                        over; /* nothing more is taken: the result has its final status */
};

/* Starts a request: an empty result, caches trimmed. */
struct door door_open(struct receiver *r, const struct receive_input *in, struct receive_result *result);

/* False when a request that needs `more` bytes of memory beyond what it holds can never be taken, however long it
 * waits: then it is over, with 413. What is beyond that may still be refused for now, with 429. */
bool door_fits(struct door *d, size_t more);

/* Admission. False: ingest refused, the result says so. */
bool door_begin(struct door *d, size_t size_bytes);

/* Finds the tokens of a JSON text. False: memory for them is not to be had, the request is over. Else *ret_why is
 * empty, or says what is wrong with the text. */
bool door_index(struct door *d, bole_slice text, struct json_positions *ret_positions, struct bole_err *ret_why);

/* There is no memory for something: 413 when there never will be, else 429 with `what`. Always false. */
bool door_no_memory(struct door *d, const char *what);

/* Takes all records back; the whole request is answered with this status and text. Always false. */
bool door_refuse(struct door *d, unsigned status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Keeps what is refused as a dead letter, should the request be taken: else its sender has it still. `bytes` may go. */
void door_bury(struct door *d, enum dead_letter_kind kind, enum receive_reason reason, bole_slice why, bole_slice bytes);

/* Refuses `count` records for one reason; the text is kept for the answer. */
void door_reject(struct door *d, enum receive_reason reason, uint64_t count, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The spellings of a stream that the cache holds. */
enum door_kind {
    DOOR_LABEL_TEXT,
    DOOR_JSON_OBJECT,
    DOOR_FIELDS,
    DOOR_SYSLOG,
    DOOR_ROUTED,
    DOOR_BOLE_PUSH,
    DOOR_PUSH,
    DOOR_PUSH_COLLAPSE
};

/* The stream of `key` when it was seen before. Its handle is good for the whole request. */
static inline struct stream_entry *door_find_stream(struct door *d, enum door_kind kind, bole_slice key)
{
    return stream_cache_find(&d->r->streams, kind, key, d->in->tenant);
}

/* Makes the stream of `key` from its labels (in any order; names are label names already): service_name discovery,
 * limits, canonical form. `shown` is what messages call it. A stream that cannot be taken comes back with `refused`
 * set.
 * NULL: the request is over. */
struct stream_entry *door_make_stream(struct door *d, enum door_kind kind, bole_slice key, bole_slice shown,
                                      const struct label *labels, size_t label_count, uint8_t flags);
/* The same for one whose labels could not even be read. */
struct stream_entry *door_refuse_stream(struct door *d, enum door_kind kind, bole_slice key, enum receive_reason reason,
                                        const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Checks the limits, adds detected_level when that is on, sends the record through the pipeline, hands it to ingest. The fields are d->r->fields or
 * have room for one more. False: the request is over. */
bool door_add(struct door *d, struct stream_entry *s, int64_t time_ns, bole_slice line, struct batch_field *fields,
              size_t field_count);

/* The stream's labels as Loki prints them, for messages; in the scratch arena. */
bole_slice door_stream_text(struct door *d, const struct stream_entry *s);

/* The records from now on are of another client of this request (datagrams). */
void door_sender(struct door *d, bole_slice client);

/* The errors as Loki joins them: "2 errors like: a; 1 errors like: b". */
bole_slice door_error_text(struct door *d);

void json_lines_destroy(struct json_lines *l); /* NULL is fine */

/* The last step of every door. An empty request gives its place in ingest back; result->request is final. */
void door_close(struct door *d);

#endif
