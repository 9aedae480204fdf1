/*
 * rpc.c - see rpc.h.
 *
 * Threads of an open door: the module's workers (`grpc-N`), which decode, and `grpc-answers`, which takes from the committer
 * what is to be said once records are durable: the committer must not wait for a socket. While there are calls it looks twenty
 * times a second whether a read has to make room.
 *
 * Memory: the library takes what clients send before anybody has seen it, so what it may hold is what may be on its way. Of
 * each call that is AHEAD bytes, of each read a whole message: both are counted (`calls_max`, `reads.max`). A read holds its place until
 * its message was taken; one that takes longer than its patience while others wait is broken off. The more wait the shorter that
 * is, so that whoever comes has its turn after a few RPC_READ_PATIENCE_NS, however many begin messages and do not end them.
 *
 * Order of locks: rpc.lock, a method's own, reads.lock, a call's, the module's.
 */
#include "rpc/rpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/content.h"
#include "base/err.h"
#include "base/log.h"
#include "os/thread.h"
#include "record/record.h"
#include "serve/api_internal.h"

enum {
    MEMORY_PART = 8,
    MESSAGE_PART = 8 /* of that */,
    PEM_MAX = 1024 * 1024,
    RETRY_S = 1,
    DRAIN_LOOK_MS = 10,
    READS_LOOK_MS = 50
};
enum { AHEAD = 64 * 1024, CALLS_MIN = 64 };

struct rpc {
    struct rpc_options  options;       /* then read-only */
    const struct rpc_module *module;
    struct rpc_transport *transport;
    unsigned            port, worker_count, started;
    struct receiver    *receivers[RPC_WORKERS_MAX];
    pthread_t           threads[RPC_WORKERS_MAX], answers;
    bool                answers_started;
    atomic_uint         next_worker;   /* for threads that start */
    atomic_bool         stopping;
    pthread_mutex_t     lock;
    pthread_cond_t      wake;          /* of the thread for answers */
    struct rpc_task    *first, **last; /* guarded by lock */
    bool                answers_stop;  /* guarded by lock */
    struct rpc_call    *calls;         /* guarded by lock */
    unsigned            blocked;       /* guarded by lock: threads of rpc_block */
    pthread_cond_t      unblocked;     /* one of them has ended */
    atomic_uint         open_count;
    unsigned            calls_max;     /* then read-only */
    struct {
        pthread_mutex_t lock;
        unsigned max, count; /* max: then read-only; count guarded by lock: under way, or their message is being taken */
        struct read_list { struct rpc_call *first, *last; unsigned count; } waiting, under_way; /* guarded by lock; oldest first */
    } reads;
};

static const struct rpc_service *const services[] = {&rpc_otlp_service, &rpc_bole_service, &rpc_health_service,
                                                     &rpc_reflection_service, &rpc_old_reflection_service};
enum { SERVICE_COUNT = sizeof services / sizeof *services };

/* ---- what a call is told ---- */

static const struct rpc_method *find_method(bole_slice path)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        for (size_t k = 0; k < services[i]->method_count; k++)
            if (bole_slice_eq(path, bole_slice_str(services[i]->methods[k]->path)))
                return services[i]->methods[k];
    return NULL;
}

/* True: the door was shut meanwhile, and nobody has told the call. */
static bool link_call(struct rpc *r, struct rpc_call *c)
{
    pthread_mutex_lock(&r->lock);
    c->next = r->calls;
    if (r->calls)
        r->calls->prev = c;
    else
        pthread_cond_signal(&r->wake); /* somebody has to look at reads now */
    r->calls = c;
    bool stopping = atomic_load(&r->stopping);
    pthread_mutex_unlock(&r->lock);
    atomic_fetch_add(&r->open_count, 1);
    return stopping;
}

static bool on_begin(void *ctx, unsigned worker, struct rpc_wire *wire, bole_slice path, void **ret_call)
{
    struct rpc *r = ctx;
    static const struct rpc_method refused_method = {.path = "refused"};
    const struct rpc_method *m = find_method(path);
    bool is_full = m && atomic_load(&r->open_count) >= r->calls_max;
    if (is_full)
        m = &refused_method;
    struct rpc_call *c = m ? calloc(1, sizeof *c + m->state_size) : NULL;
    if (!c)
        return false;
    *c = (struct rpc_call){.rpc = r, .method = m, .wire = wire, .worker = worker, .state = c + 1};
    c->last = &c->first;
    pthread_mutex_init(&c->lock, NULL);
    thread_cond_init(&c->moved);
    arena_init(&c->arena, r->options.budget);
    buf_init(&c->end_text, NULL);
    *ret_call = c;
    if (is_full)
        rpc_finish_later(c, RPC_RESOURCE_EXHAUSTED, S("too many calls at once: try again"));
    else if (m->begin)
        m->begin(c);
    else
        rpc_read(c);
    if (link_call(r, c) && m->stop)
        m->stop(c);
    return true;
}

/* ---- reads ---- */

static void unlist_read(struct read_list *list, struct rpc_call *c)
{
    *(c->read_prev ? &c->read_prev->read_next : &list->first) = c->read_next;
    *(c->read_next ? &c->read_next->read_prev : &list->last) = c->read_prev;
    c->read_prev = c->read_next = NULL;
    list->count--;
}

static void list_read(struct read_list *list, struct rpc_call *c)
{
    c->read_prev = list->last;
    *(list->last ? &list->last->read_next : &list->first) = c;
    list->last = c;
    list->count++;
}

/* reads.lock held. Nothing is read of a call that is over: it may go at any time. */
static void start_read(struct rpc *r, struct rpc_call *c)
{
    pthread_mutex_lock(&c->lock);
    bool reads = !c->is_finished;
    if (reads)
        r->module->read(c->wire);
    pthread_mutex_unlock(&c->lock);
    c->read = reads ? RPC_READ_UNDER_WAY : RPC_NO_READ;
    if (!reads)
        return;
    c->read_ns = clock_mono_ns(r->options.clock);
    list_read(&r->reads.under_way, c);
    r->reads.count++;
}

/* reads.lock held. */
static void start_waiting(struct rpc *r)
{
    struct rpc_call *c;
    while (r->reads.count < r->reads.max && (c = r->reads.waiting.first)) {
        unlist_read(&r->reads.waiting, c);
        start_read(r, c);
    }
}

/* reads.lock held. For each one that waits, one that has had its time makes room. */
static void break_off_slow(struct rpc *r)
{
    struct rpc_call *slow = r->reads.under_way.first;
    uint64_t now_ns = clock_mono_ns(r->options.clock);
    uint64_t patience_ns = RPC_READ_PATIENCE_NS / (1 + r->reads.waiting.count / r->reads.max);
    for (unsigned n = r->reads.waiting.count; n && slow && now_ns - slow->read_ns >= patience_ns; n--) {
        struct rpc_call *next = slow->read_next;
        r->module->break_off(slow->wire, RPC_UNAVAILABLE, "no message came for a while, and others wait: call again");
        unlist_read(&r->reads.under_way, slow);
        slow->read_ns = now_ns; /* it was told */
        list_read(&r->reads.under_way, slow);
        slow = next;
    }
}

void rpc_read(struct rpc_call *c)
{
    struct rpc *r = c->rpc;
    pthread_mutex_lock(&r->reads.lock);
    if (c->read == RPC_READ_DONE) {
        c->reads_again = true;
    } else if (c->read == RPC_NO_READ) {
        c->read = RPC_READ_WAITS;
        list_read(&r->reads.waiting, c);
        start_waiting(r);
        if (c->read == RPC_READ_WAITS)
            break_off_slow(r);
    }
    pthread_mutex_unlock(&r->reads.lock);
}

/* The message is there, or will not come: it is not slow any more. */
static void stop_read(struct rpc_call *c)
{
    struct rpc *r = c->rpc;
    pthread_mutex_lock(&r->reads.lock);
    if (c->read == RPC_READ_UNDER_WAY) {
        unlist_read(&r->reads.under_way, c);
        c->read = RPC_READ_DONE;
    }
    pthread_mutex_unlock(&r->reads.lock);
}

/* Its memory is free. */
static void release_read(struct rpc_call *c)
{
    struct rpc *r = c->rpc;
    pthread_mutex_lock(&r->reads.lock);
    if (c->read == RPC_READ_DONE) {
        r->reads.count--;
        c->read = c->reads_again ? RPC_READ_WAITS : RPC_NO_READ;
        if (c->reads_again)
            list_read(&r->reads.waiting, c);
        c->reads_again = false;
        start_waiting(r);
    }
    pthread_mutex_unlock(&r->reads.lock);
}

/* A client that is gone sends nothing: what waits for its message is told so at once, without a place. */
static void read_cancelled(struct rpc_call *c)
{
    struct rpc *r = c->rpc;
    pthread_mutex_lock(&r->reads.lock);
    if (c->read == RPC_READ_WAITS) {
        unlist_read(&r->reads.waiting, c);
        start_read(r, c);
    }
    pthread_mutex_unlock(&r->reads.lock);
}

static void forget_read(struct rpc_call *c)
{
    struct rpc *r = c->rpc;
    pthread_mutex_lock(&r->reads.lock);
    if (c->read == RPC_READ_WAITS)
        unlist_read(&r->reads.waiting, c);
    if (c->read == RPC_READ_UNDER_WAY) {
        unlist_read(&r->reads.under_way, c);
        r->reads.count--;
    }
    c->read = RPC_NO_READ;
    start_waiting(r);
    pthread_mutex_unlock(&r->reads.lock);
}

/* ---- messages ---- */

static bool join(const bole_slice *parts, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++)
        buf_put(out, parts[i]);
    return !out->failed;
}

/* One message as bytes that lie together and are not compressed. False: *ret_end says why not. */
static bool unpack(const bole_slice *parts, size_t count, enum rpc_coding coding, struct buf *joined, struct buf *decoded,
                   bole_slice *ret_bytes, struct rpc_end *ret_end, struct bole_err *err)
{
    *ret_bytes = count == 1 ? parts[0] : S("");
    if (count > 1 && !join(parts, count, joined)) {
        *ret_end = (struct rpc_end){.code = RPC_UNAVAILABLE, .text = S("no memory for the message: send it again later")};
        return false;
    }
    if (count > 1)
        *ret_bytes = buf_slice(joined);
    if (coding == RPC_IDENTITY)
        return true;
    bole_status st =
        content_decode(coding == RPC_GZIP ? CONTENT_GZIP : CONTENT_DEFLATE, *ret_bytes, RPC_DECODED_MAX, decoded, err);
    *ret_end = (struct rpc_end){.code = st == BOLE_E_NOMEM ? RPC_UNAVAILABLE : st == BOLE_E_LIMIT ? RPC_RESOURCE_EXHAUSTED
                                                                                                 : RPC_INVALID_ARGUMENT,
                                .text = bole_slice_str(err->msg)};
    *ret_bytes = buf_slice(decoded);
    return st == BOLE_OK;
}

static void on_message(void *call, const bole_slice *parts, size_t part_count, enum rpc_coding coding)
{
    struct rpc_call *c = call;
    struct buf joined, decoded;
    struct rpc_end end;
    struct bole_err err = {0};
    bole_slice bytes;
    c->has_message = true;
    stop_read(c);
    buf_init(&joined, c->rpc->options.budget);
    buf_init(&decoded, c->rpc->options.budget);
    if (unpack(parts, part_count, coding, &joined, &decoded, &bytes, &end, &err))
        c->method->message(c, bytes);
    else if (c->method->broken)
        c->method->broken(c, &end);
    else
        rpc_finish(c, &end);
    buf_deinit(&joined);
    buf_deinit(&decoded);
    release_read(c);
}

static void on_read_end(void *call)
{
    struct rpc_call *c = call;
    stop_read(c);
    release_read(c);
    if (c->method->read_end)
        c->method->read_end(c);
    else if (!c->has_message)
        rpc_finish(c, &(struct rpc_end){.code = RPC_INVALID_ARGUMENT, .text = S("the call has no message")});
}

/* ---- what it sends ----
 *
 * One message at a time is on its way, which is the library's rule, too; the others wait in order. The end comes behind them, or
 * at once when nobody reads any more. */

static void free_unsent(struct rpc_call *c)
{
    while (c->first) {
        struct rpc_unsent *u = c->first;
        c->first = u->next;
        buf_deinit(&u->bytes);
        free(u);
    }
    c->last = &c->first;
    c->unsent_bytes = 0;
}

/* Under the call's lock. */
static void finish_if_sent(struct rpc_call *c)
{
    if (!c->is_over || c->is_sending || c->first || c->is_finished)
        return;
    c->is_finished = true;
    c->rpc->module->finish(c->wire, &c->end);
}

static void on_sent(void *call, bool ok)
{
    struct rpc_call *c = call;
    pthread_mutex_lock(&c->lock);
    struct rpc_unsent *u = c->first;
    if (!ok || !u) {
        free_unsent(c);
        c->is_sending = false;
    } else {
        c->first = u->next;
        if (!c->first)
            c->last = &c->first;
        c->rpc->module->send(c->wire, buf_slice(&u->bytes));
        c->unsent_bytes -= u->bytes.len;
        buf_deinit(&u->bytes);
        free(u);
    }
    finish_if_sent(c);
    bool drained = ok && !c->is_sending && !c->is_finished;
    pthread_cond_signal(&c->moved);
    pthread_mutex_unlock(&c->lock);
    if (drained && c->method->drained)
        c->method->drained(c);
}

static bool put_unsent(struct rpc_call *c, bole_slice message)
{
    struct rpc_unsent *u = calloc(1, sizeof *u);
    if (!u)
        return false;
    buf_init(&u->bytes, c->rpc->options.budget);
    buf_put(&u->bytes, message);
    if (u->bytes.failed) {
        buf_deinit(&u->bytes);
        free(u);
        return false;
    }
    *c->last = u;
    c->last = &u->next;
    c->unsent_bytes += message.len;
    return true;
}

bool rpc_write(struct rpc_call *call, bole_slice message)
{
    pthread_mutex_lock(&call->lock);
    bool ok = !call->is_over && !atomic_load(&call->cancelled);
    if (ok && call->is_sending) {
        ok = put_unsent(call, message);
    } else if (ok) {
        call->is_sending = true;
        call->rpc->module->send(call->wire, message);
    }
    pthread_mutex_unlock(&call->lock);
    return ok;
}

size_t rpc_unsent_bytes(struct rpc_call *call)
{
    pthread_mutex_lock(&call->lock);
    size_t bytes = call->unsent_bytes + call->is_sending;
    pthread_mutex_unlock(&call->lock);
    return bytes;
}

bool rpc_wait(struct rpc_call *call)
{
    struct timespec until = thread_deadline(RPC_PATIENCE_NS);
    bool in_time = true;
    pthread_mutex_lock(&call->lock);
    while ((call->is_sending || call->first) && !atomic_load(&call->cancelled) && in_time)
        in_time = pthread_cond_timedwait(&call->moved, &call->lock, &until) == 0;
    pthread_mutex_unlock(&call->lock);
    if (!in_time)
        call->rpc->module->break_off(call->wire, RPC_DEADLINE_EXCEEDED, "the client takes nothing");
    return in_time && !atomic_load(&call->cancelled);
}

static void on_cancelled(void *call)
{
    struct rpc_call *c = call;
    pthread_mutex_lock(&c->lock);
    atomic_store(&c->cancelled, true);
    free_unsent(c);
    finish_if_sent(c);
    pthread_cond_signal(&c->moved);
    pthread_mutex_unlock(&c->lock);
    read_cancelled(c);
    if (c->method->cancelled)
        c->method->cancelled(c);
}

static void on_ended(void *call)
{
    struct rpc_call *c = call;
    struct rpc *r = c->rpc;
    pthread_mutex_lock(&r->lock);
    if (c->prev)
        c->prev->next = c->next;
    else
        r->calls = c->next;
    if (c->next)
        c->next->prev = c->prev;
    pthread_mutex_unlock(&r->lock);
    forget_read(c);
    if (c->method->ended)
        c->method->ended(c);
    pthread_mutex_lock(&c->lock); /* whoever finished the call has let go of it */
    pthread_mutex_unlock(&c->lock);
    free_unsent(c);
    buf_deinit(&c->end_text);
    pthread_cond_destroy(&c->moved);
    pthread_mutex_destroy(&c->lock);
    arena_deinit(&c->arena);
    free(c);
    atomic_fetch_sub(&r->open_count, 1);
}

static void on_log(const char *text)
{
    LOG(WARN, "gRPC's library", " says=%s", LOGQS(text));
}

static const struct rpc_events events = {.begin = on_begin, .message = on_message, .read_end = on_read_end, .sent = on_sent,
                                         .cancelled = on_cancelled, .ended = on_ended, .log = on_log};

/* ---- for methods ---- */

struct api *rpc_api(const struct rpc *r)
{
    return r->options.api;
}

struct budget *rpc_budget(const struct rpc *r)
{
    return r->options.budget;
}

struct receiver *rpc_receiver(const struct rpc_call *call)
{
    return call->rpc->receivers[call->worker];
}

struct process *rpc_process(const struct rpc *r)
{
    return r->options.receive.process;
}

const struct rpc_service *const *rpc_services(size_t *ret_count)
{
    *ret_count = SERVICE_COUNT;
    return services;
}

bool rpc_has_service(bole_slice name)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        if (bole_slice_eq(name, bole_slice_str(services[i]->name)))
            return true;
    return false;
}

/* The header, once; *ret_end otherwise. */
static bool tenant_header(const struct rpc_call *call, bole_slice *ret_text, struct rpc_end *ret_end)
{
    const bole_slice name = S("x-scope-orgid");
    const struct rpc_module *m = call->rpc->module;
    size_t at = 0;
    *ret_text = m->metadata(call->wire, name, &at);
    bool twice = ret_text->ptr && m->metadata(call->wire, name, &at).ptr;
    if (twice) /* as over HTTP: none of the two can be trusted */
        *ret_end = (struct rpc_end){.code = RPC_INVALID_ARGUMENT, .text = S("x-scope-orgid is there more than once")};
    if (!ret_text->len)
        *ret_text = S("default");
    return !twice;
}

static bool check_tenant(bole_slice tenant, struct rpc_end *ret_end)
{
    if (!tenant_valid(tenant))
        *ret_end = (struct rpc_end){.code = RPC_INVALID_ARGUMENT, .text = S("x-scope-orgid is no valid tenant")};
    return tenant_valid(tenant);
}

bool rpc_tenant(const struct rpc_call *call, bole_slice *ret_tenant, struct rpc_end *ret_end)
{
    return tenant_header(call, ret_tenant, ret_end) && check_tenant(*ret_tenant, ret_end);
}

bool rpc_tenants(const struct rpc_call *call, bole_slice *ret_tenants, struct rpc_end *ret_end)
{
    if (!tenant_header(call, ret_tenants, ret_end))
        return false;
    bole_slice rest = *ret_tenants;
    do
        if (!check_tenant(bole_slice_cut(rest, '|', &rest), ret_end))
            return false;
    while (rest.ptr); /* cut leaves no pointer behind the last one */
    return true;
}

void rpc_client(const struct rpc_call *call, char ret_address[RPC_ADDRESS_MAX], struct receive_input *in)
{
    const struct rpc_module *m = call->rpc->module;
    size_t at = 0;
    m->peer(call->wire, ret_address, RPC_ADDRESS_MAX);
    in->client = bole_slice_str(ret_address);
    in->agent = m->metadata(call->wire, S("user-agent"), &at);
}

void rpc_greet(struct rpc_call *call)
{
    call->rpc->module->greet(call->wire);
}

static void put_field(struct buf *out, unsigned field, bole_slice bytes)
{
    buf_put_varint(out, (uint64_t)field << 3 | 2);
    buf_put_varint(out, bytes.len);
    buf_put(out, bytes);
}

/* google.rpc.Status with google.rpc.RetryInfo: OTLP's clients come again after RESOURCE_EXHAUSTED only when this is there. */
static void put_retry(struct buf *out, enum rpc_code code, bole_slice text)
{
    static const uint8_t delay[] = {1 << 3, RETRY_S}, info[] = {1 << 3 | 2, sizeof delay, 1 << 3, RETRY_S};
    struct buf any;
    buf_init(&any, NULL);
    put_field(&any, 1, S("type.googleapis.com/google.rpc.RetryInfo"));
    put_field(&any, 2, bole_slice_from(info, sizeof info));
    buf_put_u8(out, 1 << 3);
    buf_put_varint(out, code);
    put_field(out, 2, text);
    put_field(out, 3, buf_slice(&any));
    buf_deinit(&any);
}

void rpc_finish(struct rpc_call *call, const struct rpc_end *end)
{
    pthread_mutex_lock(&call->lock);
    if (!call->is_over) {
        struct buf *text = &call->end_text;
        buf_put(text, end->text);
        buf_put(text, end->message);
        if (end->details.len)
            buf_put(text, end->details);
        else if (end->code == RPC_UNAVAILABLE)
            put_retry(text, end->code, end->text);
        bole_slice all = text->failed ? S("") : buf_slice(text), rest = bole_slice_sub(all, text->failed ? 0 : end->text.len);
        call->end = (struct rpc_end){.code = text->failed ? RPC_UNAVAILABLE : end->code,
                                     .text = bole_slice_from(all.ptr, all.len - rest.len)};
        if (end->message.ptr && !text->failed)
            call->end.message = bole_slice_from(rest.ptr ? rest.ptr : (const uint8_t *)"", end->message.len);
        call->end.details = bole_slice_sub(rest, call->end.message.len);
        call->is_over = true;
    }
    finish_if_sent(call);
    pthread_mutex_unlock(&call->lock);
}

void rpc_finish_later(struct rpc_call *call, enum rpc_code code, bole_slice text)
{
    struct buf details;
    buf_init(&details, NULL);
    put_retry(&details, code, text);
    rpc_finish(call, &(struct rpc_end){.code = code, .text = text, .details = buf_slice(&details)});
    buf_deinit(&details);
}

enum rpc_code rpc_code_of(bole_status status)
{
    switch (status) {
    case BOLE_OK:
    case BOLE_END:
    case BOLE_AGAIN: return RPC_OK;
    case BOLE_E_INVALID: return RPC_INVALID_ARGUMENT;
    case BOLE_E_LIMIT: return RPC_RESOURCE_EXHAUSTED;
    case BOLE_E_NOTFOUND: return RPC_NOT_FOUND;
    case BOLE_E_UNSUPPORTED: return RPC_UNIMPLEMENTED;
    case BOLE_E_NOMEM:
    case BOLE_E_FULL: return RPC_UNAVAILABLE;
    case BOLE_E_CANCELLED: return RPC_CANCELLED;
    case BOLE_E_CONFLICT: return RPC_ABORTED;
    case BOLE_E_DENIED: return RPC_PERMISSION_DENIED;
    case BOLE_E_CORRUPT: return RPC_DATA_LOSS;
    case BOLE_E_IO: return RPC_INTERNAL;
    }
    return RPC_INTERNAL;
}

void rpc_fail(struct rpc_call *call, const struct bole_err *err)
{
    rpc_finish(call, &(struct rpc_end){.code = rpc_code_of(err->code), .text = bole_slice_str(err->msg)});
}

void rpc_count(struct rpc *r, const struct receive_result *result)
{
    struct metrics_counters *c = &r->options.api->counters;
    if (result->utf8_replaced)
        atomic_fetch_add(&c->utf8_replaced_total, result->utf8_replaced);
    for (size_t i = 0; result->rejected && i < RECEIVE_REASON_COUNT; i++)
        atomic_fetch_add(&c->rejected_total[i], result->rejected_by[i]);
}

void rpc_count_durable(struct rpc *r, enum metrics_door door, uint64_t records, uint64_t bytes)
{
    struct metrics_door_counters *c = &r->options.api->counters.doors[door];
    atomic_fetch_add(&c->requests_total, 1);
    atomic_fetch_add(&c->records_total, records);
    atomic_fetch_add(&c->bytes_total, bytes);
}

/* ---- threads ---- */

void rpc_post(struct rpc *r, struct rpc_task *task)
{
    pthread_mutex_lock(&r->lock);
    task->next = NULL;
    *r->last = task;
    r->last = &task->next;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
}

/* r->lock held; let go of meanwhile. */
static void wait_for_answers(struct rpc *r)
{
    if (!r->calls) {
        pthread_cond_wait(&r->wake, &r->lock);
        return;
    }
    struct timespec until = thread_deadline(READS_LOOK_MS * NS_PER_MS);
    if (pthread_cond_timedwait(&r->wake, &r->lock, &until) == 0)
        return;
    pthread_mutex_unlock(&r->lock);
    pthread_mutex_lock(&r->reads.lock);
    break_off_slow(r);
    pthread_mutex_unlock(&r->reads.lock);
    pthread_mutex_lock(&r->lock);
}

static void *run_answers(void *arg)
{
    struct rpc *r = arg;
    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (!r->first && !r->answers_stop)
            wait_for_answers(r);
        struct rpc_task *task = r->first;
        if (!task)
            break;
        r->first = NULL;
        r->last = &r->first;
        pthread_mutex_unlock(&r->lock);
        for (struct rpc_task *next; task; task = next) {
            next = task->next;
            task->run(task);
        }
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

struct blocked {
    struct rpc_call *call;
    void (*run)(struct rpc_call *call);
};

static void *run_blocked(void *arg)
{
    struct blocked b = *(struct blocked *)arg;
    struct rpc *r = b.call->rpc;
    free(arg);
    b.run(b.call);
    pthread_mutex_lock(&r->lock);
    r->blocked--;
    pthread_cond_signal(&r->unblocked);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

bool rpc_block(struct rpc_call *call, void (*run)(struct rpc_call *call))
{
    struct rpc *r = call->rpc;
    pthread_t thread;
    struct blocked *b = malloc(sizeof *b);
    if (!b)
        return false;
    *b = (struct blocked){call, run};
    pthread_mutex_lock(&r->lock);
    bool ok = r->blocked < RPC_BLOCKED_MAX && thread_start("grpc-block", run_blocked, b, &thread, NULL) == BOLE_OK;
    r->blocked += ok;
    pthread_mutex_unlock(&r->lock);
    if (ok)
        pthread_detach(thread);
    else
        free(b);
    return ok;
}

static void *run_worker(void *arg)
{
    struct rpc *r = arg;
    r->module->run(r->transport, atomic_fetch_add(&r->next_worker, 1));
    return NULL;
}

/* ---- life ---- */

unsigned rpc_worker_count(void)
{
    unsigned cpus = thread_cpu_count();
    return cpus < RPC_WORKERS_MAX ? cpus : RPC_WORKERS_MAX;
}

unsigned rpc_port(const struct rpc *r)
{
    return r->port;
}

bool rpc_has_tls(const struct rpc *r)
{
    return r->options.tls_cert_path != NULL;
}

static bole_status read_pem(const char *path, struct buf *out, struct bole_err *err)
{
    FILE *f = path ? fopen(path, "re") : NULL;
    if (path && !f)
        return bole_fail_errno(err, errno, "reading %s", path);
    if (f && buf_reserve(out, PEM_MAX))
        out->len = fread(out->ptr, 1, PEM_MAX - 1, f);
    if (f)
        fclose(f);
    buf_put_u8(out, 0);
    return out->failed ? bole_fail(err, BOLE_E_NOMEM, "no memory for %s", path) : BOLE_OK;
}

static bole_status open_transport(struct rpc *r, struct bole_err *err)
{
    const struct rpc_options *o = &r->options;
    struct buf cert, key;
    buf_init(&cert, NULL);
    buf_init(&key, NULL);
    bole_status st = read_pem(o->tls_cert_path, &cert, err);
    if (st == BOLE_OK)
        st = read_pem(o->tls_key_path, &key, err);
    if (st == BOLE_OK) {
        size_t memory = o->budget ? o->budget->limit_bytes / MEMORY_PART : SIZE_MAX;
        size_t message = memory / MESSAGE_PART < RPC_MESSAGE_MAX ? memory / MESSAGE_PART : RPC_MESSAGE_MAX,
               calls = memory / AHEAD;
        r->reads.max = memory / message < RPC_READS_MAX ? (unsigned)(memory / message) : RPC_READS_MAX;
        r->calls_max = calls < CALLS_MIN ? CALLS_MIN : calls < RPC_CALLS_MAX ? (unsigned)calls : RPC_CALLS_MAX;
        struct rpc_open open = {.address = o->listen, .worker_count = r->worker_count, .memory_max = memory,
                                .message_max = message,
                                .tls_cert = o->tls_cert_path ? (const char *)cert.ptr : NULL,
                                .tls_key = o->tls_key_path ? (const char *)key.ptr : NULL, .events = &events, .ctx = r};
        st = r->module->open(&open, &r->transport, &r->port, err);
    }
    buf_deinit(&cert);
    buf_deinit(&key);
    return st;
}

bole_status rpc_create(const struct rpc_options *options, struct rpc **ret_rpc, struct bole_err *err)
{
    struct rpc *r = calloc(1, sizeof *r);
    if (!r)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the gRPC door");
    r->options = *options;
    r->options.receive.clock = options->clock;
    r->options.receive.budget = options->budget;
    r->worker_count = rpc_worker_count();
    r->last = &r->first;
    pthread_mutex_init(&r->lock, NULL);
    thread_cond_init(&r->wake);
    pthread_mutex_init(&r->reads.lock, NULL);
    pthread_cond_init(&r->unblocked, NULL);
    r->module = options->module;
    bole_status st = r->module ? BOLE_OK : rpc_module_load(&r->module, err);
    for (unsigned i = 0; st == BOLE_OK && i < r->worker_count; i++)
        st = receiver_create(&r->options.receive, options->ingest, options->first_worker + i, &r->receivers[i], err);
    if (st == BOLE_OK)
        st = open_transport(r, err);
    if (st < 0) {
        bole_err_context(err, "door grpc");
        rpc_destroy(r);
        return st;
    }
    *ret_rpc = r;
    return BOLE_OK;
}

bole_status rpc_start(struct rpc *r, struct bole_err *err)
{
    bole_status st = thread_start("grpc-answers", run_answers, r, &r->answers, err);
    r->answers_started = st == BOLE_OK;
    while (st == BOLE_OK && r->started < r->worker_count) {
        char name[16];
        snprintf(name, sizeof name, "grpc-%u", r->started);
        st = thread_start(name, run_worker, r, &r->threads[r->started], err);
        r->started += st == BOLE_OK;
    }
    return st;
}

static void ask_to_stop(struct rpc *r)
{
    pthread_mutex_lock(&r->lock);
    atomic_store(&r->stopping, true);
    for (struct rpc_call *c = r->calls; c; c = c->next)
        if (c->method->stop)
            c->method->stop(c);
    pthread_mutex_unlock(&r->lock);
}

void rpc_drain(struct rpc *r, uint64_t grace_ns)
{
    if (!r || !r->started)
        return;
    uint64_t end_ns = clock_mono_ns(r->options.clock) + grace_ns;
    r->module->shut(r->transport);
    ask_to_stop(r);
    while (atomic_load(&r->open_count) && clock_mono_ns(r->options.clock) < end_ns)
        nanosleep(&(struct timespec){.tv_nsec = DRAIN_LOOK_MS * 1000000}, NULL);
    r->module->cancel(r->transport);
    for (unsigned i = 0; i < r->started; i++)
        pthread_join(r->threads[i], NULL);
    r->started = 0;
    pthread_mutex_lock(&r->lock);
    while (r->blocked) /* their calls are over: they are about to end */
        pthread_cond_wait(&r->unblocked, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

void rpc_destroy(struct rpc *r)
{
    if (!r)
        return;
    rpc_drain(r, 0);
    if (r->answers_started) {
        pthread_mutex_lock(&r->lock);
        r->answers_stop = true;
        pthread_cond_signal(&r->wake);
        pthread_mutex_unlock(&r->lock);
        pthread_join(r->answers, NULL);
    }
    if (r->transport)
        r->module->close(r->transport);
    for (unsigned i = 0; i < r->worker_count; i++)
        receiver_destroy(r->receivers[i]);
    pthread_cond_destroy(&r->wake);
    pthread_cond_destroy(&r->unblocked);
    pthread_mutex_destroy(&r->reads.lock);
    pthread_mutex_destroy(&r->lock);
    free(r);
}
