/*
 * api_push.h - what the doors that take records over HTTP share: from the request to a receiver, from the commit to the
 * answer. A handler calls push_begin, its decoder, push_finish.
 */
#ifndef SERVE_API_PUSH_H
#define SERVE_API_PUSH_H

#include "serve/api_internal.h"

/* The receiver of this loop; tenant, body and so on. False: an answer was given. */
bool push_begin(struct api *a, struct http_exchange *x, struct receiver **ret_receiver, struct receive_input *ret_in);

/* Commits what the receiver returned and answers when it is durable. `headers`: as in http_reply, or NULL; they live as
 * long as the exchange. */
void push_finish(struct api *a, struct http_exchange *x, enum metrics_door door, const struct receive_result *result,
                 const char *headers);

#endif
