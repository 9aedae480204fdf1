/*
 * health.c - grpc.health.v1.Health: serving, until the server stops. https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 *
 *   HealthCheckRequest 1: string service;   HealthCheckResponse 1: enum status (1 serving, 2 not serving, 3 unknown)
 */
#include "receive/wire.h"
#include "rpc/rpc.h"

static const uint8_t serving[] = {1 << 3, 1}, not_serving[] = {1 << 3, 2}, unknown[] = {1 << 3, 3};

/* False: the message cannot be read, and the call is finished. */
static bool read_service(struct rpc_call *call, bole_slice bytes, bole_slice *ret_name)
{
    struct wire w = wire_of(bytes);
    *ret_name = S("");
    for (uint32_t field; (field = wire_field(&w));)
        if (field == 1)
            *ret_name = wire_bytes(&w);
        else
            wire_skip(&w);
    if (w.error)
        rpc_finish(call, &(struct rpc_end){.code = RPC_INVALID_ARGUMENT, .text = bole_slice_str(w.error)});
    return !w.error;
}

static void check(struct rpc_call *call, bole_slice bytes)
{
    bole_slice name;
    if (!read_service(call, bytes, &name))
        return;
    if (name.len && !rpc_has_service(name))
        rpc_finish(call, &(struct rpc_end){.code = RPC_NOT_FOUND, .text = S("there is no such service")});
    else
        rpc_finish(call, &(struct rpc_end){.message = bole_slice_from(serving, sizeof serving)});
}

/* A service that is not known may come to be: the call stays open. */
static void watch(struct rpc_call *call, bole_slice bytes)
{
    bole_slice name;
    if (!read_service(call, bytes, &name))
        return;
    bool is_known = !name.len || rpc_has_service(name);
    rpc_write(call, is_known ? bole_slice_from(serving, sizeof serving) : bole_slice_from(unknown, sizeof unknown));
}

static void watch_cancelled(struct rpc_call *call)
{
    rpc_finish(call, &(struct rpc_end){.code = RPC_CANCELLED});
}

static void watch_stop(struct rpc_call *call)
{
    rpc_finish(call, &(struct rpc_end){.message = bole_slice_from(not_serving, sizeof not_serving)});
}

static const struct rpc_method check_method = {.path = "/grpc.health.v1.Health/Check", .message = check};
static const struct rpc_method watch_method = {
    .path = "/grpc.health.v1.Health/Watch", .message = watch, .cancelled = watch_cancelled, .stop = watch_stop};
static const struct rpc_method *const methods[] = {&check_method, &watch_method};
const struct rpc_service rpc_health_service = {"grpc.health.v1.Health", methods, 2};
