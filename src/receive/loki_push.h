/* loki_push.h - what the two forms of Loki's push share. Not for other modules. */
#ifndef RECEIVE_LOKI_PUSH_H
#define RECEIVE_LOKI_PUSH_H

#include "receive/door.h"

/* Decoders: records go to the door. False: the request is over (door_refuse was called). */
bool loki_push_json(struct door *d, bole_slice body);
bool loki_push_proto(struct door *d, bole_slice message);

/* The stream of a label text, `{a="b"}`. NULL: the request is over. */
struct stream_entry *loki_push_stream(struct door *d, bole_slice text);

/* A stream's labels may not be taken: its `count` entries are refused with it. A stream without entries harms
 * nobody. */
static inline void loki_push_reject_stream(struct door *d, const struct stream_entry *s, uint64_t count)
{
    if (count > 0)
        door_reject(d, s->reason, count, "%.*s", BOLE_SLICE_ARG(s->refused));
}

/* One entry: metadata names are cleaned, empty values dropped, names sorted and made unique, then door_add. */
bool loki_push_entry(struct door *d, struct stream_entry *s, int64_t time_ns, bole_slice line,
                     struct batch_field *fields, size_t field_count);

#endif
