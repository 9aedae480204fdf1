/*
 * http_chunk.h - decoder of the chunked transfer coding (RFC 9112, 7.1), strict and incremental.
 *
 * Extensions are skipped, the trailer's fields are checked and forgotten. What frames the data is bounded, too: a peer
 * cannot keep the server busy with extensions, tiny chunks aside, or with a trailer without end.
 */
#ifndef SERVE_HTTP_CHUNK_H
#define SERVE_HTTP_CHUNK_H

#include "base/slice.h"

#define HTTP_CHUNK_LINE_MAX    1024        /* bytes of a size line or a trailer line, with CRLF */
#define HTTP_CHUNK_TRAILER_MAX (8u * 1024) /* bytes of all trailer lines */

enum http_chunk_state { CHUNK_LINE, CHUNK_DATA, CHUNK_DATA_CR, CHUNK_DATA_LF, CHUNK_TRAILER, CHUNK_DONE, CHUNK_BAD };

struct http_chunk {
    enum http_chunk_state state;
    const char *reason;      /* with CHUNK_BAD */
    uint64_t left;           /* data bytes still to come of this chunk */
    uint64_t framing_bytes;  /* everything that was not data, so far */
    uint32_t trailer_bytes;
    uint32_t line_len;
    uint8_t  line[HTTP_CHUNK_LINE_MAX]; /* the line being received */
};

void http_chunk_reset(struct http_chunk *c);

/* Eats bytes from the front of *in up to the next piece of data, which goes to *ret_data (a part of in, maybe empty).
 * Call it until in is empty or the state is CHUNK_DONE (the rest of in is the next request's) or CHUNK_BAD. */
void http_chunk_next(struct http_chunk *c, bole_slice *in, bole_slice *ret_data);

#endif
