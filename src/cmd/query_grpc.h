/* query_grpc.h - `bole query --grpc`: the same question and the same answer over bole.v1. */
#ifndef CMD_QUERY_GRPC_H
#define CMD_QUERY_GRPC_H

#include "cmd/print.h"

struct query_grpc {
    const char *address;    /* "127.0.0.1:4317" */
    const struct query_argument *argument;
    int64_t     start_ns, end_ns;
    uint32_t    limit;      /* 0: all */
    int64_t     step_ns;    /* of a metric query; 0: the server's choice */
    bool        forward, instant;
    bool        stats;      /* told on standard error */
};

/* Rows go to the printer as /api/v1/query would have sent them; series are printed here. *ret_points: how many. */
bole_status query_grpc_run(const struct query_grpc *q, struct printer *printer, uint64_t *ret_points, struct bole_err *err);

#endif
