/* post_http.h - a lane's way to a Bole: POST /api/v1/push (docs/receivers/push.md) through libbole. */
#ifndef CMD_POST_HTTP_H
#define CMD_POST_HTTP_H

#include "agent/poster.h"
#include "bole/client.h"

#define POST_TIMEOUT_S 120u /* then the same batch is sent again */

/* Owns the client from now on, also after a failure. */
bole_status post_http_create(struct bole_client *client, struct poster **ret_poster, struct bole_err *err);

#endif
