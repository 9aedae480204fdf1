/* sink_http.h - the agent's sink that sends to a Bole (or any Loki) over HTTP: libbole behind agent/sink.h. */
#ifndef CMD_SINK_HTTP_H
#define CMD_SINK_HTTP_H

#include "agent/sink.h"
#include "bole/client.h"

/* Borrows the client for its life. */
bole_status sink_http_create(struct bole_client *client, struct tail_sink **ret_sink, struct bole_err *err);

#endif
