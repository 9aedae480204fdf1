/*
 * content.h - content codings: decoding with a cap on what comes out, gzip for answers.
 *
 * gzip (RFC 1952), deflate (RFC 1950, and the bare RFC 1951 some clients send), zstd (RFC 8878), snappy (the framing
 * format, or one raw block when its magic is missing).
 *
 * Threads: any.
 */
#ifndef BASE_CONTENT_H
#define BASE_CONTENT_H

#include "base/buf.h"

enum content_coding { CONTENT_IDENTITY, CONTENT_GZIP, CONTENT_DEFLATE, CONTENT_ZSTD, CONTENT_SNAPPY, CONTENT_UNKNOWN };

/* The value of Content-Encoding. A list of two is unknown: nested codings only serve to multiply a bomb. */
enum content_coding content_coding_of(bole_slice header);

/* By the first bytes, where JSON would be the other possibility: gzip, deflate with the zlib header, or identity. */
enum content_coding content_coding_guess(bole_slice body);

/* What comes out may be CONTENT_RATIO_MAX times what goes in, besides CONTENT_RATIO_FREE bytes: logs become 5 to 200 times
 * smaller, and what becomes more than a thousand times larger is there to hurt. */
#define CONTENT_RATIO_MAX  1000u
#define CONTENT_RATIO_FREE (1u << 20)

/* Appends the decoded bytes to out, at most max_bytes. BOLE_E_INVALID: malformed or cut short; BOLE_E_LIMIT: more than
 * max_bytes, or than the ratio allows, would come out; BOLE_E_NOMEM. */
bole_status content_decode(enum content_coding coding, bole_slice in, size_t max_bytes, struct buf *out, struct bole_err *err);

/* Compresses with the fastest level into out; false (out is then of no use) without memory. */
bool content_gzip(bole_slice in, struct buf *out);

#endif
