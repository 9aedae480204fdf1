/*
 * inflate.h - zlib and gzip bodies inside of protocols. Members in a row are one body (RFC 1952, 2.2).
 */
#ifndef RECEIVE_INFLATE_H
#define RECEIVE_INFLATE_H

#include "base/buf.h"

/* Appends to out, at most max_bytes. BOLE_E_INVALID, BOLE_E_LIMIT: larger, BOLE_E_NOMEM. */
bole_status inflate_body(bole_slice in, size_t max_bytes, struct buf *out, struct bole_err *err);

#endif
