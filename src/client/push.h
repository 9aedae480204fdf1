/* push.h - the encoder behind bole_push, for those who send the bytes themselves (bench). */
#ifndef CLIENT_PUSH_H
#define CLIENT_PUSH_H

#include "bole/client.h"

#define PUSH_PATH "/loki/api/v1/push"
#define PUSH_TYPE "application/x-protobuf"

/* The body of one request with all that waits; valid until the next call on p. */
bole_status push_encode(struct bole_push *p, bole_slice *ret_body, struct bole_err *err);

#endif
