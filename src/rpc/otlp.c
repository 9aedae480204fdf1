/*
 * otlp.c - opentelemetry.proto.collector.logs.v1.LogsService: the decoder of OTLP over HTTP, behind gRPC.
 */
#include "process/pipeline.h"
#include "receive/wire.h"
#include "rpc/rpc.h"

struct export {
    struct rpc_task  task;
    struct rpc_call *call;
    struct rpc_end   end;      /* when everything is durable */
    uint64_t         records, bytes;
    struct process  *process;
    bole_status      status;   /* of the commit */
    struct bole_err  err;
};

static void answer(struct rpc_task *task)
{
    struct export *e = (struct export *)task;
    if (e->status == BOLE_OK)
        rpc_count_durable(e->call->rpc, DOOR_GRPC_OTLP, e->records, e->bytes);
    if (e->status == BOLE_OK)
        rpc_finish(e->call, &e->end);
    else if (e->status == BOLE_E_LIMIT)
        rpc_finish_later(e->call, RPC_RESOURCE_EXHAUSTED, bole_slice_str(e->err.msg));
    else
        rpc_fail(e->call, &e->err);
}

static void on_done(bole_status status, const struct bole_err *err, void *ctx)
{
    struct export *e = ctx;
    e->status = status;
    if (status != BOLE_OK) {
        e->err = *err;
        process_forget(e->process);
    }
    rpc_post(e->call->rpc, &e->task);
}

/* The receiver's error is a google.rpc.Status, as over HTTP. */
static bole_slice text_of_status(bole_slice status)
{
    struct wire w = wire_of(status);
    bole_slice text = S("");
    for (uint32_t field; (field = wire_field(&w));)
        if (field == 2)
            text = wire_bytes(&w);
        else
            wire_skip(&w);
    return text;
}

static void refuse(struct rpc_call *call, const struct receive_result *result)
{
    bole_slice text = text_of_status(result->body);
    switch (result->status) {
    case 429: rpc_finish_later(call, RPC_RESOURCE_EXHAUSTED, text); break;
    case 503: rpc_finish_later(call, RPC_UNAVAILABLE, text); break;
    case 413: rpc_finish(call, &(struct rpc_end){.code = RPC_RESOURCE_EXHAUSTED, .text = text}); break; /* never */
    default:
        rpc_finish(call, &(struct rpc_end){.code = result->status < 500 ? RPC_INVALID_ARGUMENT : RPC_INTERNAL, .text = text});
    }
}

static void export_message(struct rpc_call *call, bole_slice bytes)
{
    struct export *e = call->state;
    char address[RPC_ADDRESS_MAX];
    struct receive_input in = {.body = bytes, .arena = &call->arena};
    struct receive_result result;
    if (!rpc_tenant(call, &in.tenant, &e->end)) {
        rpc_finish(call, &e->end);
        return;
    }
    rpc_client(call, address, &in);
    receive_otlp_logs(rpc_receiver(call), &in, &result);
    rpc_count(call->rpc, &result);
    if (result.status != 200) {
        refuse(call, &result);
        return;
    }
    *e = (struct export){.task.run = answer, .call = call, .end = {.message = result.body}, .records = result.accepted,
                         .bytes = result.accepted_bytes, .process = rpc_process(call->rpc)};
    if (result.request)
        ingest_commit(result.request, on_done, e); /* the call may be over from here on */
    else
        rpc_finish(call, &e->end);
}

static const struct rpc_method export_method = {.path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
                                                .state_size = sizeof(struct export),
                                                .message = export_message};
static const struct rpc_method *const methods[] = {&export_method};
const struct rpc_service rpc_otlp_service = {"opentelemetry.proto.collector.logs.v1.LogsService", methods, 1};
