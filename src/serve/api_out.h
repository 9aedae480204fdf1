/*
 * api_out.h - an answer of unknown size: small ones are sent as a whole, large ones in chunks while they are written.
 *
 * Threads: the request's pool thread. A slow client makes api_out_flow wait; one that is gone ends the work.
 */
#ifndef SERVE_API_OUT_H
#define SERVE_API_OUT_H

#include "serve/http.h"

#define API_OUT_WHOLE_MAX (4u * 1024 * 1024)   /* bytes up to which an answer is sent whole (and compressed) */
#define API_OUT_CHUNK     (128u * 1024)        /* bytes of one chunk */

struct api_out {
    struct http_exchange *x;
    const char           *content_type;
    struct buf            buf;      /* write here */
    size_t                hold_max; /* chunked from this size on */
    bool                  streaming, gone;
};

/* at_once: chunked from the first API_OUT_CHUNK on, for answers that are read while they are written. */
void api_out_init(struct api_out *o, struct http_exchange *x, const char *content_type, struct budget *budget, bool at_once);

/* Call between two pieces. False: nobody is there any more, or memory is out; stop and call api_out_end. */
bool api_out_flow(struct api_out *o);

/* Sends what is there even if it is little. */
bool api_out_flush(struct api_out *o);

/* Ends the answer. Nothing was sent yet and memory is out: 503. */
void api_out_end(struct api_out *o);

/* Instead of api_out_end, when nothing was streamed yet: the caller answers otherwise. */
void api_out_drop(struct api_out *o);

#endif
