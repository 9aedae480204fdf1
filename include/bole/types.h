/*
 * types.h - the vocabulary of Bole: status, caller-owned error, borrowed bytes.
 *
 * Everything else, inside the tree and in the client library, is said in these three types.
 */
#ifndef BOLE_TYPES_H
#define BOLE_TYPES_H

#include <stddef.h>
#include <stdint.h>

/* Zero is success, positive an ordinary outcome, negative a failure. */
typedef enum bole_status {
    BOLE_OK = 0,
    BOLE_END = 1,           /* nothing more to come */
    BOLE_AGAIN = 2,         /* not now: try later */
    BOLE_E_INVALID = -1,    /* the input is wrong; the message says where */
    BOLE_E_IO = -2,         /* a system call or a peer failed */
    BOLE_E_CORRUPT = -3,    /* stored bytes do not match their checksum or format */
    BOLE_E_LIMIT = -4,      /* a limit or a budget is used up */
    BOLE_E_NOMEM = -5,      /* the allocator returned nothing */
    BOLE_E_NOTFOUND = -6,
    BOLE_E_UNSUPPORTED = -7,
    BOLE_E_FULL = -8,       /* no room on the disk: service returns by itself */
    BOLE_E_CANCELLED = -9,  /* the caller went away or asked to stop */
    BOLE_E_CONFLICT = -10,  /* somebody else holds it, or it exists already */
    BOLE_E_DENIED = -11,    /* the peer wants other credentials */
} bole_status;

/* Written once where the cause is known; gains context on the way up. Lower case, no full stop. */
struct bole_err {
    bole_status code;
    int         sys_errno; /* 0 when no system call was involved */
    char        msg[1024]; /* "wal: segment 7: short read at 4096"; long enough for Loki's words about a query */
};

typedef struct bole_slice {
    const uint8_t *ptr;
    size_t         len;
} bole_slice; /* borrowed, never freed */

#endif
