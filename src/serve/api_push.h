/*
 * api_push.h - what the doors that take records over HTTP share: from the request to a receiver, from the commit to the
 * answer. A handler calls push_begin, its decoder, push_finish.
 */
#ifndef SERVE_API_PUSH_H
#define SERVE_API_PUSH_H

#include "serve/api_internal.h"

struct push { /* on the handler's stack */
    struct api           *a;
    struct http_exchange *x;
    struct receiver      *receiver; /* of this loop */
    struct receive_input  in;
    struct receive_result result;   /* the decoder fills it */
    bool                  more;     /* of the body will follow when `taken` of it is durable (HTTP_PIECES) */
    size_t                taken;
};

/* Fills all but the result. False: an answer was given. */
bool push_begin(struct push *p, struct http_exchange *x, struct api *a);

/* Commits what the decoder returned and answers when it is durable. `headers`: as in http_reply, or NULL; they live as
 * long as the exchange. */
void push_finish(struct push *p, enum metrics_door door, const char *headers);

#endif
