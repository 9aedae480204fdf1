/*
 * limits.h - how much a tenant may send: bytes and records a second, sizes of requests and records. docs/limits.md
 *
 * The rates are buckets of tokens that hold one second's worth. A request is let in when there is anything in the bucket and
 * pays afterwards for what was taken of it, so that a large one is never refused for ever; what it owes keeps the next
 * ones out until it is paid. One look and one payment per request: records cost nothing.
 *
 * Threads: limits_add before any other call; the rest any.
 */
#ifndef RECEIVE_LIMITS_H
#define RECEIVE_LIMITS_H

#include "base/slice.h"

#define LIMITS_MAX 256u /* rules */

struct tenant_limit { /* 0: no limit */
    double bytes_per_s, records_per_s; /* of lines and fields, as stored */
    size_t body_bytes;   /* of a request over HTTP, decompressed */
    size_t ratio;        /* of that to what was sent */
    size_t record_bytes; /* of line and fields */
    size_t fields;       /* of a record */
};

enum limit_kind { LIMIT_BYTES, LIMIT_RECORDS, LIMIT_BODY, LIMIT_RATIO, LIMIT_RECORD, LIMIT_FIELDS, LIMIT_KIND_COUNT };
const char *limit_kind_name(enum limit_kind kind);

struct limits;
struct limits *limits_create(void); /* NULL: no memory */
void limits_destroy(struct limits *l); /* NULL is fine */

/* "bytes=10MB,records=5000,body=8MB,ratio=100,record=64KB,fields=64" for everybody, or "TENANT:..." for one; what a tenant's rule does
 * not name is everybody's. A later rule overrules an earlier one. BOLE_E_INVALID says what is wrong. */
bole_status limits_add(struct limits *l, bole_slice rule, struct bole_err *err);

struct tenant_limit limits_of(const struct limits *l, bole_slice tenant);

/* False: the tenant owes; *ret_wait_ns until it may send again, *ret_kind for what. */
bool limits_admit(struct limits *l, bole_slice tenant, uint64_t mono_ns, uint64_t *ret_wait_ns, enum limit_kind *ret_kind);
void limits_charge(struct limits *l, bole_slice tenant, uint64_t records, uint64_t bytes);

void limits_count(struct limits *l, enum limit_kind kind); /* one more request or record was refused */
uint64_t limits_refused(struct limits *l, enum limit_kind kind);

#endif
