/* bole.c - bole.v1.Logs: its methods, one file each. proto/bole/v1/logs.proto */
#include "rpc/rpc.h"

static const struct rpc_method *const methods[] = {&rpc_push_method, &rpc_query_method, &rpc_tail_method};
const struct rpc_service rpc_bole_service = {"bole.v1.Logs", methods, sizeof methods / sizeof *methods};
