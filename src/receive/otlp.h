/* otlp.h - what the two forms of OTLP's logs share. Not for other modules. */
#ifndef RECEIVE_OTLP_H
#define RECEIVE_OTLP_H

#include "receive/mapping.h"

#define OTLP_DEPTH_MAX 32u /* of nested values; a record with more is refused */

enum otlp_owner { OTLP_RECORD, OTLP_SCOPE, OTLP_RESOURCE };

struct otlp_attribute {
    struct mapping_key *key;
    bole_slice          value;
};

struct otlp_attributes { /* of the resource and the scope that the records being read belong to */
    struct otlp_attribute *at;
    size_t count, capacity;
};

enum otlp_fixed { OTLP_SEVERITY_TEXT, OTLP_SEVERITY_NUMBER, OTLP_TRACE_ID, OTLP_SPAN_ID, OTLP_FLAGS, OTLP_EVENT_NAME,
                  OTLP_OBSERVED, OTLP_DROPPED, OTLP_FIXED_COUNT };

struct otlp {
    struct mapping m; /* first */
    const uint8_t *start; /* of the body, for messages */
    enum otlp_owner owner;  /* of the attributes being read */
    struct arena  *arena;   /* for texts of theirs */
    struct otlp_attributes lists[3]; /* by owner; a record's own go straight into the mapping */
    struct mapping_key *fixed_keys[OTLP_FIXED_COUNT];
    struct buf text;        /* nested values as JSON */
    bool too_deep;          /* of the record */
    bool no_memory;         /* for one of its texts */
    /* of the record: */
    uint64_t   time_ns, observed_ns;
    bole_slice body;
    bole_slice fixed[OTLP_FIXED_COUNT];
};

/* Attributes that are read next belong to this owner; what it had is forgotten. */
void otlp_begin(struct otlp *o, enum otlp_owner owner);

/* A value with its path: straight into the record, or kept for the records to come. False: the request is over. */
bool otlp_add(struct otlp *o, bole_slice path, bole_slice value);

/* A path below the one in o->m.path, which is lengthened until otlp_leave. False: no memory, the request is over. */
bool otlp_enter(struct otlp *o, bole_slice name);
static inline void otlp_leave(struct otlp *o, size_t path_len)
{
    o->m.path.len = path_len;
}

/* The record is complete. False: the request is over. */
bool otlp_store(struct otlp *o);

/* Text of a number, an id, of bytes (base64), in o->arena. ptr NULL: no memory. */
bole_slice otlp_integer(struct otlp *o, uint64_t value, bool negative);
bole_slice otlp_double(struct otlp *o, double value);
bole_slice otlp_hex(struct otlp *o, bole_slice bytes);
bole_slice otlp_base64(struct otlp *o, bole_slice bytes);
/* What o->text holds from `from` on; it is cut off there. */
bole_slice otlp_text(struct otlp *o, size_t from);

/* Decoders. False: the request is over. */
bool otlp_proto(struct otlp *o, bole_slice body);
bool otlp_json(struct otlp *o, bole_slice body);

#endif
