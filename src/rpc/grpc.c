/*
 * grpc.c - the gRPC module: rpc/module.h on gRPC core's C surface. Nothing outside this file knows that library.
 *
 * One completion queue per worker. A call belongs to the queue that it was accepted on, so that its events come on one
 * thread; batches may be started from anywhere, under the call's lock, which gRPC asks for. A call is freed when `finish` was
 * called and no batch of its is under way; since every batch ends on the worker's queue, so does the call.
 *
 * Messages are not decompressed by the library: it has no limit for what comes out (1.51), so a bomb of 4 MB is 4 GB. They come
 * as they were sent, with their coding, and whoever reads them has a limit.
 */
#include "rpc/module.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { PARTS_MAX = 64, STREAMS_MAX = 32 /* of one connection */, NEXT_WAIT_MS = 200 };
enum { AHEAD_MAX = 64 * 1024 /* bytes of a call that come before anybody reads them */ };
enum { METADATA_MAX = 16 * 1024, PING_GAP_MIN_MS = 10000, KEEPALIVE_MS = 60000, KEEPALIVE_TIMEOUT_MS = 20000,
       IDLE_MS = 600000 /* a connection without calls; clients make a new one by themselves */ };

enum tag_kind { TAG_ACCEPT, TAG_GREETED, TAG_READ, TAG_SENT, TAG_FINISHED, TAG_CLOSED, TAG_SHUT };

struct tag {
    enum tag_kind    kind;
    struct rpc_wire *wire; /* NULL: the door's own */
};

struct rpc_wire {
    struct rpc_transport *t;
    unsigned         worker;
    grpc_call       *call;
    grpc_call_details details;
    grpc_metadata_array metadata;
    void            *handler;    /* NULL: nobody took it */
    struct tag       accept, greeted, read, sent, finished, closed;
    grpc_byte_buffer *incoming;
    int              was_cancelled;
    pthread_mutex_t  lock;
    unsigned         pending;    /* guarded by lock: batches under way */
    bool             has_greeted, has_finished; /* guarded by lock */
};

struct rpc_transport {
    const struct rpc_events *events;
    void        *ctx;
    grpc_server *server;
    grpc_resource_quota *quota;
    struct tag   shut;
    unsigned     worker_count;
    atomic_uint  calls;          /* taken and not ended */
    atomic_bool  is_shut, queues_shut;
    grpc_completion_queue *queues[]; /* [worker_count] */
};

/* ---- life of a call ---- */

static void shut_queues(struct rpc_transport *t)
{
    if (!atomic_load(&t->is_shut) || atomic_load(&t->calls) || atomic_exchange(&t->queues_shut, true))
        return;
    for (unsigned i = 0; i < t->worker_count; i++)
        grpc_completion_queue_shutdown(t->queues[i]);
}

static void free_wire(struct rpc_wire *w)
{
    grpc_metadata_array_destroy(&w->metadata);
    grpc_call_details_destroy(&w->details);
    if (w->call)
        grpc_call_unref(w->call);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* Asks for the next call on this worker's queue. */
static void accept_next(struct rpc_transport *t, unsigned worker)
{
    struct rpc_wire *w = calloc(1, sizeof *w);
    if (!w)
        abort(); /* a door without it is shut for ever */
    *w = (struct rpc_wire){.t = t,
                           .worker = worker,
                           .accept = {TAG_ACCEPT, w},
                           .greeted = {TAG_GREETED, w},
                           .read = {TAG_READ, w},
                           .sent = {TAG_SENT, w},
                           .finished = {TAG_FINISHED, w},
                           .closed = {TAG_CLOSED, w}};
    pthread_mutex_init(&w->lock, NULL);
    grpc_call_details_init(&w->details);
    grpc_metadata_array_init(&w->metadata);
    if (grpc_server_request_call(t->server, &w->call, &w->details, &w->metadata, t->queues[worker], t->queues[worker],
                                 &w->accept) != GRPC_CALL_OK)
        free_wire(w); /* the door is being shut */
}

/* Under the call's lock. */
static void start(struct rpc_wire *w, const grpc_op *ops, size_t count, struct tag *tag)
{
    if (grpc_call_start_batch(w->call, ops, count, tag, NULL) != GRPC_CALL_OK)
        abort(); /* only a mistake of ours is refused */
    w->pending++;
}

static size_t put_greeting(struct rpc_wire *w, grpc_op *ops)
{
    if (w->has_greeted)
        return 0;
    w->has_greeted = true;
    ops[0] = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA};
    return 1;
}

static grpc_slice copy_of(bole_slice s)
{
    return grpc_slice_from_copied_buffer((const char *)s.ptr, s.len);
}

static grpc_byte_buffer *buffer_of(bole_slice s)
{
    grpc_slice slice = copy_of(s);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

static void wire_greet(struct rpc_wire *w)
{
    grpc_op op;
    pthread_mutex_lock(&w->lock);
    if (put_greeting(w, &op))
        start(w, &op, 1, &w->greeted);
    pthread_mutex_unlock(&w->lock);
}

static void wire_read(struct rpc_wire *w)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &w->incoming};
    pthread_mutex_lock(&w->lock);
    start(w, &op, 1, &w->read);
    pthread_mutex_unlock(&w->lock);
}

static void wire_send(struct rpc_wire *w, bole_slice message)
{
    grpc_op ops[2];
    grpc_byte_buffer *buffer = buffer_of(message);
    pthread_mutex_lock(&w->lock);
    size_t count = put_greeting(w, ops);
    ops[count++] = (grpc_op){.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = buffer};
    start(w, ops, count, &w->sent);
    pthread_mutex_unlock(&w->lock);
    grpc_byte_buffer_destroy(buffer);
}

static void wire_finish(struct rpc_wire *w, const struct rpc_end *end)
{
    grpc_op ops[3];
    grpc_metadata details = {.key = grpc_slice_from_static_string("grpc-status-details-bin")};
    grpc_slice text = copy_of(end->text);
    grpc_byte_buffer *buffer = end->message.ptr ? buffer_of(end->message) : NULL;
    details.value = copy_of(end->details);
    pthread_mutex_lock(&w->lock);
    size_t count = put_greeting(w, ops);
    if (buffer)
        ops[count++] = (grpc_op){.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = buffer};
    ops[count++] = (grpc_op){.op = GRPC_OP_SEND_STATUS_FROM_SERVER,
                             .data.send_status_from_server = {.status = (grpc_status_code)end->code, .status_details = &text,
                                                              .trailing_metadata = &details,
                                                              .trailing_metadata_count = end->details.len ? 1 : 0}};
    w->has_finished = true;
    start(w, ops, count, &w->finished);
    pthread_mutex_unlock(&w->lock);
    grpc_byte_buffer_destroy(buffer);
    grpc_slice_unref(text);
    grpc_slice_unref(details.value);
}

static void wire_break_off(struct rpc_wire *w, enum rpc_code code, const char *text)
{
    grpc_call_cancel_with_status(w->call, (grpc_status_code)code, text, NULL);
}

/* Of "ipv4:10.0.0.1:4317", "ipv6:%5B::1%5D:4317" (or with brackets) the address. */
static void wire_peer(struct rpc_wire *w, char *ret_text, size_t size)
{
    char *uri = grpc_call_get_peer(w->call);
    const char *from = uri ? strchr(uri, ':') : NULL, *to = from ? strrchr(from, ':') : NULL;
    size_t len = 0;
    for (from += from != NULL; from && from < to && len + 1 < size; len++) {
        bool opens = strncmp(from, "%5B", 3) == 0, closes = strncmp(from, "%5D", 3) == 0;
        ret_text[len] = opens ? '[' : closes ? ']' : *from;
        from += opens || closes ? 3 : 1;
    }
    ret_text[len] = 0;
    gpr_free(uri);
}

static bole_slice slice_of(const grpc_slice *s)
{
    return (bole_slice){GRPC_SLICE_START_PTR(*s), GRPC_SLICE_LENGTH(*s)};
}

static bole_slice wire_metadata(struct rpc_wire *w, bole_slice name, size_t *at)
{
    while (*at < w->metadata.count) {
        const grpc_metadata *m = &w->metadata.metadata[(*at)++];
        if (bole_slice_eq(slice_of(&m->key), name))
            return slice_of(&m->value);
    }
    return (bole_slice){0};
}

/* ---- events, on the worker's thread ---- */

static void on_accept(struct rpc_wire *w, bool taken)
{
    struct rpc_transport *t = w->t;
    if (!taken) {
        free_wire(w);
        return;
    }
    atomic_fetch_add(&t->calls, 1);
    accept_next(t, w->worker);
    grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER, .data.recv_close_on_server.cancelled = &w->was_cancelled};
    pthread_mutex_lock(&w->lock);
    start(w, &op, 1, &w->closed);
    pthread_mutex_unlock(&w->lock);
    if (t->events->begin(t->ctx, w->worker, w, slice_of(&w->details.method), &w->handler))
        return;
    w->handler = NULL;
    wire_finish(w, &(struct rpc_end){.code = RPC_UNIMPLEMENTED, .text = S("there is no such method")});
}

static void tell_message(struct rpc_wire *w, grpc_byte_buffer *buffer)
{
    const struct rpc_events *e = w->t->events;
    grpc_compression_algorithm algorithm = buffer->data.raw.compression;
    enum rpc_coding coding = algorithm == GRPC_COMPRESS_GZIP      ? RPC_GZIP
                             : algorithm == GRPC_COMPRESS_DEFLATE ? RPC_DEFLATE
                                                                  : RPC_IDENTITY;
    const grpc_slice_buffer *slices = &buffer->data.raw.slice_buffer;
    bole_slice few[PARTS_MAX], *parts = slices->count <= PARTS_MAX ? few : malloc(slices->count * sizeof *parts);
    for (size_t i = 0; parts && i < slices->count; i++)
        parts[i] = slice_of(&slices->slices[i]);
    e->message(w->handler, parts, parts ? slices->count : 0, coding);
    if (parts != few)
        free(parts);
}

static void on_read(struct rpc_wire *w)
{
    grpc_byte_buffer *buffer = w->incoming;
    w->incoming = NULL;
    if (buffer)
        tell_message(w, buffer);
    else
        w->t->events->read_end(w->handler);
    grpc_byte_buffer_destroy(buffer);
}

static void end_if_over(struct rpc_wire *w)
{
    struct rpc_transport *t = w->t;
    pthread_mutex_lock(&w->lock);
    bool over = --w->pending == 0 && w->has_finished;
    pthread_mutex_unlock(&w->lock);
    if (!over)
        return;
    if (w->handler)
        t->events->ended(w->handler);
    free_wire(w);
    atomic_fetch_sub(&t->calls, 1);
    shut_queues(t);
}

static void on_event(struct tag *tag, bool success)
{
    struct rpc_wire *w = tag->wire;
    switch (tag->kind) {
    case TAG_ACCEPT: on_accept(w, success); return;
    case TAG_READ: on_read(w); break;
    case TAG_SENT: w->t->events->sent(w->handler, success); break;
    case TAG_CLOSED:
        if (w->was_cancelled && w->handler)
            w->t->events->cancelled(w->handler);
        break;
    default: break;
    }
    end_if_over(w);
}

static void transport_run(struct rpc_transport *t, unsigned worker)
{
    accept_next(t, worker);
    for (;;) {
        grpc_event event = grpc_completion_queue_next(t->queues[worker], gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN)
            return;
        struct tag *tag = event.tag;
        if (tag->kind == TAG_SHUT) {
            atomic_store(&t->is_shut, true);
            shut_queues(t);
        } else {
            on_event(tag, event.success);
        }
    }
}

/* ---- the door ---- */

static const struct rpc_events *log_events; /* the library has one log for all its doors */

static void on_log(gpr_log_func_args *args)
{
    char text[600];
    const struct rpc_events *e = log_events;
    snprintf(text, sizeof text, "%s", args->message);
    if (e)
        e->log(text);
}

static grpc_server_credentials *credentials_of(const struct rpc_open *o)
{
    if (!o->tls_cert)
        return grpc_insecure_server_credentials_create();
    grpc_ssl_pem_key_cert_pair pair = {.private_key = o->tls_key, .cert_chain = o->tls_cert};
    return grpc_ssl_server_credentials_create_ex(NULL, &pair, 1, GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE, NULL);
}

static grpc_arg integer(const char *key, int value)
{
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = value};
}

static int as_int(size_t value)
{
    return value < INT32_MAX ? (int)value : INT32_MAX;
}

static void create_server(struct rpc_transport *t, const struct rpc_open *o)
{
    t->quota = grpc_resource_quota_create("bole");
    grpc_resource_quota_resize(t->quota, o->memory_max);
    grpc_arg args[] = {
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, as_int(o->message_max)),
        integer(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        integer(GRPC_ARG_MAX_CONCURRENT_STREAMS, STREAMS_MAX),
        integer(GRPC_ARG_MAX_METADATA_SIZE, METADATA_MAX),
        integer(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, AHEAD_MAX),
        integer(GRPC_ARG_HTTP2_BDP_PROBE, 0), /* a window that grows by itself has no ceiling */
        integer(GRPC_ARG_ALLOW_REUSEPORT, 0), /* or two programs would share the port without a word */
        integer(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, PING_GAP_MIN_MS),
        integer(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
        integer(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS),
        integer(GRPC_ARG_MAX_CONNECTION_IDLE_MS, IDLE_MS),
        {.type = GRPC_ARG_POINTER, .key = (char *)GRPC_ARG_RESOURCE_QUOTA,
         .value.pointer = {t->quota, grpc_resource_quota_arg_vtable()}},
    };
    t->server = grpc_server_create(&(grpc_channel_args){sizeof args / sizeof *args, args}, NULL);
    for (unsigned i = 0; i < o->worker_count; i++) {
        t->queues[i] = grpc_completion_queue_create_for_next(NULL);
        grpc_server_register_completion_queue(t->server, t->queues[i], NULL);
    }
}

static void transport_close(struct rpc_transport *t);

static bole_status transport_open(const struct rpc_open *o, struct rpc_transport **ret_transport, unsigned *ret_port,
                                  struct bole_err *err)
{
    struct rpc_transport *t = calloc(1, sizeof *t + o->worker_count * sizeof t->queues[0]);
    if (!t)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the gRPC door");
    log_events = o->events;
    gpr_set_log_function(on_log);
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
    grpc_init();
    *t = (struct rpc_transport){.events = o->events, .ctx = o->ctx, .worker_count = o->worker_count, .shut = {TAG_SHUT, NULL}};
    create_server(t, o);
    grpc_server_credentials *credentials = credentials_of(o);
    int port = credentials ? grpc_server_add_http2_port(t->server, o->address, credentials) : 0;
    if (credentials)
        grpc_server_credentials_release(credentials);
    grpc_server_start(t->server);
    if (!port) {
        transport_close(t);
        return bole_fail(err, BOLE_E_INVALID, credentials ? "cannot listen on %s: is another program there?"
                                                          : "%s: the certificate or its key is not what TLS needs", o->address);
    }
    *ret_transport = t;
    *ret_port = (unsigned)port;
    return BOLE_OK;
}

static void transport_shut(struct rpc_transport *t)
{
    grpc_server_shutdown_and_notify(t->server, t->queues[0], &t->shut);
}

static void transport_cancel(struct rpc_transport *t)
{
    grpc_server_cancel_all_calls(t->server);
}

static void transport_close(struct rpc_transport *t)
{
    if (!t)
        return;
    if (!atomic_load(&t->queues_shut)) { /* nobody ran it */
        transport_shut(t);
        transport_cancel(t);
        grpc_completion_queue_next(t->queues[0], gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        atomic_store(&t->is_shut, true);
        shut_queues(t);
        for (unsigned i = 0; i < t->worker_count; i++)
            while (grpc_completion_queue_next(t->queues[i], gpr_inf_future(GPR_CLOCK_REALTIME), NULL).type != GRPC_QUEUE_SHUTDOWN)
                ;
    }
    grpc_server_destroy(t->server);
    for (unsigned i = 0; i < t->worker_count; i++)
        grpc_completion_queue_destroy(t->queues[i]);
    grpc_resource_quota_unref(t->quota);
    log_events = NULL;
    grpc_shutdown_blocking();
    free(t);
}

/* ---- a client's call ---- */

struct rpc_dial {
    grpc_channel *channel;
    grpc_call    *call;
    grpc_completion_queue *queue;
    grpc_metadata_array initial, trailing;
    grpc_status_code code;
    grpc_slice    text;
    grpc_byte_buffer *incoming;
    grpc_slice    message;
    bool          has_message, reading, sent, over; /* over: the status is there */
};

enum { DIAL_SENT = 1, DIAL_READ, DIAL_OVER };

static void start_dialled(struct rpc_dial *d, const grpc_op *ops, size_t count, uintptr_t tag)
{
    if (grpc_call_start_batch(d->call, ops, count, (void *)tag, NULL) != GRPC_CALL_OK)
        abort();
}

static void dial_read(struct rpc_dial *d)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &d->incoming};
    d->reading = true;
    start_dialled(d, &op, 1, DIAL_READ);
}

static void dial_send(struct rpc_dial *d, const struct rpc_dial_options *o, bole_slice message)
{
    grpc_metadata metadata[2];
    size_t count = 0;
    char bearer[4096];
    if (o->tenant)
        metadata[count++] = (grpc_metadata){.key = grpc_slice_from_static_string("x-scope-orgid"),
                                            .value = grpc_slice_from_copied_string(o->tenant)};
    if (o->token) {
        snprintf(bearer, sizeof bearer, "Bearer %s", o->token);
        metadata[count++] = (grpc_metadata){.key = grpc_slice_from_static_string("authorization"),
                                            .value = grpc_slice_from_copied_string(bearer)};
    }
    grpc_byte_buffer *buffer = buffer_of(message);
    const grpc_op begin[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA, .data.send_initial_metadata = {.count = count, .metadata = metadata}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = buffer},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA, .data.recv_initial_metadata.recv_initial_metadata = &d->initial},
    };
    const grpc_op end = {
        .op = GRPC_OP_RECV_STATUS_ON_CLIENT,
        .data.recv_status_on_client = {.trailing_metadata = &d->trailing, .status = &d->code, .status_details = &d->text}};
    start_dialled(d, begin, sizeof begin / sizeof *begin, DIAL_SENT);
    start_dialled(d, &end, 1, DIAL_OVER);
    dial_read(d);
    grpc_byte_buffer_destroy(buffer);
    for (size_t i = 0; i < count; i++)
        grpc_slice_unref(metadata[i].value);
}

static void dial_hang_up(struct rpc_dial *d);

static bole_status dial_open(const struct rpc_dial_options *o, bole_slice message, struct rpc_dial **ret_dial,
                             struct bole_err *err)
{
    struct rpc_dial *d = calloc(1, sizeof *d);
    if (!d)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for a call");
    gpr_set_log_function(on_log);
    grpc_init();
    grpc_metadata_array_init(&d->initial);
    grpc_metadata_array_init(&d->trailing);
    d->text = grpc_empty_slice();
    grpc_channel_credentials *credentials =
        o->tls ? grpc_ssl_credentials_create(o->tls_roots, NULL, NULL, NULL) : grpc_insecure_credentials_create();
    grpc_arg args[] = {integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, -1)};
    d->channel = grpc_channel_create(o->address, credentials, &(grpc_channel_args){1, args});
    grpc_channel_credentials_release(credentials);
    d->queue = grpc_completion_queue_create_for_next(NULL);
    d->call = grpc_channel_create_call(d->channel, NULL, GRPC_PROPAGATE_DEFAULTS, d->queue,
                                       grpc_slice_from_static_string(o->path), NULL, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    dial_send(d, o, message);
    *ret_dial = d;
    return BOLE_OK;
}

static bole_status status_of(grpc_status_code code)
{
    switch (code) {
    case GRPC_STATUS_INVALID_ARGUMENT: return BOLE_E_INVALID;
    case GRPC_STATUS_RESOURCE_EXHAUSTED: return BOLE_E_LIMIT;
    case GRPC_STATUS_UNIMPLEMENTED: return BOLE_E_UNSUPPORTED;
    case GRPC_STATUS_CANCELLED:
    case GRPC_STATUS_DEADLINE_EXCEEDED: return BOLE_E_CANCELLED;
    case GRPC_STATUS_PERMISSION_DENIED:
    case GRPC_STATUS_UNAUTHENTICATED: return BOLE_E_DENIED;
    default: return BOLE_E_IO;
    }
}

static void take_incoming(struct rpc_dial *d)
{
    d->reading = false;
    if (!d->incoming)
        return;
    grpc_byte_buffer_reader reader;
    if (grpc_byte_buffer_reader_init(&reader, d->incoming)) {
        d->message = grpc_byte_buffer_reader_readall(&reader);
        d->has_message = true;
        grpc_byte_buffer_reader_destroy(&reader);
    }
    grpc_byte_buffer_destroy(d->incoming);
    d->incoming = NULL;
}

static bool wait_event(struct rpc_dial *d, gpr_timespec until)
{
    grpc_event event = grpc_completion_queue_next(d->queue, until, NULL);
    if (event.type != GRPC_OP_COMPLETE)
        return false;
    switch ((uintptr_t)event.tag) {
    case DIAL_SENT: d->sent = true; break;
    case DIAL_READ: take_incoming(d); break;
    case DIAL_OVER: d->over = true; break;
    }
    return true;
}

static bole_status dial_next(struct rpc_dial *d, bole_slice *ret_message, struct bole_err *err)
{
    gpr_timespec until = gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_millis(NEXT_WAIT_MS, GPR_TIMESPAN));
    if (d->has_message) {
        grpc_slice_unref(d->message);
        d->has_message = false;
        dial_read(d);
    }
    while (!d->has_message && (d->reading || !d->over))
        if (!wait_event(d, until))
            return BOLE_AGAIN;
    if (d->has_message) {
        *ret_message = slice_of(&d->message);
        return BOLE_OK;
    }
    if (d->code == GRPC_STATUS_OK)
        return BOLE_END;
    bole_slice text = slice_of(&d->text);
    return bole_fail(err, status_of(d->code), "%.*s", BOLE_SLICE_ARG(text));
}

static void dial_hang_up(struct rpc_dial *d)
{
    if (!d)
        return;
    grpc_call_cancel(d->call, NULL);
    while (!d->sent || d->reading || !d->over)
        wait_event(d, gpr_inf_future(GPR_CLOCK_REALTIME));
    if (d->has_message)
        grpc_slice_unref(d->message);
    grpc_slice_unref(d->text);
    grpc_call_unref(d->call);
    grpc_metadata_array_destroy(&d->initial);
    grpc_metadata_array_destroy(&d->trailing);
    grpc_channel_destroy(d->channel);
    grpc_completion_queue_shutdown(d->queue);
    while (grpc_completion_queue_next(d->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL).type != GRPC_QUEUE_SHUTDOWN)
        ;
    grpc_completion_queue_destroy(d->queue);
    grpc_shutdown_blocking();
    free(d);
}

extern const struct rpc_module bole_rpc_module;
__attribute__((visibility("default"))) const struct rpc_module bole_rpc_module = {
    .abi = RPC_MODULE_ABI,
    .version = grpc_version_string,
    .open = transport_open,
    .run = transport_run,
    .shut = transport_shut,
    .cancel = transport_cancel,
    .close = transport_close,
    .metadata = wire_metadata,
    .greet = wire_greet,
    .read = wire_read,
    .send = wire_send,
    .finish = wire_finish,
    .break_off = wire_break_off,
    .peer = wire_peer,
    .dial = dial_open,
    .next = dial_next,
    .hang_up = dial_hang_up,
};
