/*
 * push.c - bole.v1.Logs/Push: messages go into ingest as they come, each is answered when it is durable.
 *
 * What a call may have under way is bounded: while UNANSWERED_MAX messages wait for the disk, or the client does not take its
 * answers, nothing more is read, and HTTP/2's windows make the client wait.
 *
 * Threads: messages on the worker's, answers on the door's own thread; the state is under its lock.
 */
#include <stdlib.h>

#include "process/pipeline.h"
#include "rpc/rpc.h"
#include "rpc/wire_out.h"

enum { UNANSWERED_MAX = 64, UNSENT_MAX = 64 * 1024, RETRY_MS = 1000 };

struct push {
    pthread_mutex_t lock;
    unsigned        unanswered; /* guarded by lock: messages that ingest has */
    bool            is_reading; /* guarded by lock */
    bool            is_over;    /* guarded by lock: nothing more is taken */
    bool            is_ended;   /* guarded by lock: somebody finishes the call */
    enum rpc_code   code;       /* guarded by lock: with which the call ends */
    const char     *text;
};

struct answer {
    struct rpc_task  task;
    struct rpc_call *call;
    uint64_t         id, accepted, rejected, bytes;
    unsigned         status; /* HTTP's */
    bole_status      commit;
    struct buf       text;
};

/* Reads on, or ends the call, as things stand now. `answered`: messages that their answer was given to; behind that the call may
 * be gone, since it ends with the last of them. */
static void settle(struct rpc_call *call, unsigned answered)
{
    struct push *p = call->state;
    bool has_room = rpc_unsent_bytes(call) < UNSENT_MAX;
    pthread_mutex_lock(&p->lock);
    p->unanswered -= answered;
    bool ends = p->is_over && !p->unanswered && !p->is_ended;
    p->is_ended |= ends;
    if (!p->is_over && !p->is_reading && p->unanswered < UNANSWERED_MAX && has_room) {
        p->is_reading = true;
        rpc_read(call);
    }
    struct rpc_end end = {.code = p->code, .text = p->text ? bole_slice_str(p->text) : S("")};
    pthread_mutex_unlock(&p->lock);
    if (ends)
        rpc_finish(call, &end);
}

static void go_on(struct rpc_call *call)
{
    settle(call, 0);
}

static void end_with(struct rpc_call *call, enum rpc_code code, const char *text)
{
    struct push *p = call->state;
    pthread_mutex_lock(&p->lock);
    if (!p->is_over) {
        p->is_over = true;
        p->code = code;
        p->text = text;
    }
    pthread_mutex_unlock(&p->lock);
    go_on(call);
}

/* ---- answers ---- */

static enum rpc_code code_of(const struct answer *a)
{
    if (a->commit != BOLE_OK)
        return rpc_code_of(a->commit);
    switch (a->status) {
    case 200: return RPC_OK;
    case 413:
    case 429: return RPC_RESOURCE_EXHAUSTED;
    case 503: return RPC_UNAVAILABLE;
    default: return a->status < 500 ? RPC_INVALID_ARGUMENT : RPC_INTERNAL;
    }
}

static void put_answer(const struct answer *a, struct buf *out)
{
    enum rpc_code code = code_of(a);
    bool again = a->commit != BOLE_OK || a->status == 429 || a->status == 503;
    wire_put_number(out, 1, a->id);
    if (code == RPC_OK && a->accepted)
        wire_put_number(out, 2, a->accepted);
    if (a->rejected)
        wire_put_number(out, 3, a->rejected);
    if (code != RPC_OK)
        wire_put_number(out, 4, code);
    if (a->text.len)
        wire_put_text(out, 5, buf_slice(&a->text));
    if (code != RPC_OK && again)
        wire_put_number(out, 6, RETRY_MS);
}

/* What cannot be answered for want of memory ends the call: its client must not think that it is stored. */
static void write_answer(struct answer *a)
{
    struct rpc_call *call = a->call;
    struct buf out;
    buf_init(&out, NULL);
    put_answer(a, &out);
    if (!out.failed && code_of(a) == RPC_OK)
        rpc_count_durable(call->rpc, DOOR_GRPC_PUSH, a->accepted, a->bytes);
    if ((a->text.failed || out.failed || !rpc_write(call, buf_slice(&out))) && !atomic_load(&call->cancelled))
        end_with(call, RPC_UNAVAILABLE, "no memory for an answer");
    buf_deinit(&out);
    buf_deinit(&a->text);
    free(a);
}

static void on_durable(struct rpc_task *task)
{
    struct answer *a = (struct answer *)task;
    struct rpc_call *call = a->call;
    write_answer(a);
    settle(call, 1);
}

static void on_done(bole_status status, const struct bole_err *err, void *ctx)
{
    struct answer *a = ctx;
    a->commit = status;
    if (status != BOLE_OK) {
        buf_reset(&a->text);
        buf_put_str(&a->text, err->msg);
        process_forget(rpc_process(a->call->rpc));
    }
    rpc_post(a->call->rpc, &a->task);
}

/* ---- messages ---- */

static void push_begin(struct rpc_call *call)
{
    struct push *p = call->state;
    pthread_mutex_init(&p->lock, NULL);
    rpc_greet(call);
    go_on(call);
}

static void take(struct rpc_call *call, bole_slice bytes, bole_slice tenant)
{
    struct push *p = call->state;
    char address[RPC_ADDRESS_MAX];
    struct receive_input in = {.tenant = tenant, .body = bytes, .arena = &call->arena};
    struct receive_result result;
    struct answer *a = calloc(1, sizeof *a);
    if (!a) {
        end_with(call, RPC_UNAVAILABLE, "no memory for an answer");
        return;
    }
    buf_init(&a->text, NULL);
    arena_reset(&call->arena);
    rpc_client(call, address, &in);
    receive_bole_push(rpc_receiver(call), &in, &a->id, &result);
    rpc_count(call->rpc, &result);
    a->task.run = on_durable;
    a->call = call;
    a->accepted = result.accepted;
    a->rejected = result.rejected;
    a->bytes = result.accepted_bytes;
    a->status = result.status;
    buf_put(&a->text, result.body);
    if (!result.request) {
        write_answer(a);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->unanswered++;
    pthread_mutex_unlock(&p->lock);
    ingest_commit(result.request, on_done, a);
}

static void push_message(struct rpc_call *call, bole_slice bytes)
{
    struct push *p = call->state;
    struct rpc_end end;
    bole_slice tenant;
    pthread_mutex_lock(&p->lock);
    p->is_reading = false;
    bool is_over = p->is_over;
    pthread_mutex_unlock(&p->lock);
    if (is_over)
        return; /* the server stops, or memory was short: it is not answered, so it counts as not taken */
    if (rpc_tenant(call, &tenant, &end))
        take(call, bytes, tenant);
    else
        end_with(call, end.code, (const char *)end.text.ptr);
    go_on(call);
}

/* Answers of what came before are still owed: the end comes behind them. */
static void push_broken(struct rpc_call *call, const struct rpc_end *end)
{
    const char *text = end->code == RPC_RESOURCE_EXHAUSTED ? "a message is too large when it is unpacked"
                       : end->code == RPC_UNAVAILABLE      ? "no memory for a message: send it again later"
                                                           : "a message cannot be unpacked";
    end_with(call, end->code, text);
}

static void push_read_end(struct rpc_call *call)
{
    end_with(call, RPC_OK, NULL);
}

static void push_stop(struct rpc_call *call)
{
    end_with(call, RPC_UNAVAILABLE, "the server is stopping");
}

static void push_ended(struct rpc_call *call)
{
    pthread_mutex_destroy(&((struct push *)call->state)->lock);
}

const struct rpc_method rpc_push_method = {
    .path = "/bole.v1.Logs/Push",
    .state_size = sizeof(struct push),
    .begin = push_begin,
    .message = push_message,
    .broken = push_broken,
    .read_end = push_read_end,
    .drained = go_on,
    .stop = push_stop,
    .ended = push_ended,
};
