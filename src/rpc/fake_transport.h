/*
 * fake_transport.h - a module for tests and fuzz targets of the door: they play the clients. Every operation checks the rules of
 * module.h: one message on its way at a time, one end, nothing behind it.
 */
#ifndef RPC_FAKE_TRANSPORT_H
#define RPC_FAKE_TRANSPORT_H

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>

#include "rpc/rpc.h"

struct rpc_wire { /* one call, as the test sees it */
    struct rpc_transport *t;
    void       *call;
    const char *tenant, *second_tenant;
    struct buf  sent;       /* messages, each behind a byte with its length */
    atomic_uint sends;      /* under way: 0 or 1. What a thread of the door has set before is there for who has seen it */
    atomic_uint reads, broken_off;
    atomic_bool is_finished; /* likewise */
    enum rpc_code code;
    char        text[200];
    size_t      details_len;
};

struct rpc_transport {
    const struct rpc_events *events;
    void *ctx;
};

static struct rpc_transport transport; /* of the one door */

static inline const char *fake_version(void)
{
    return "fake";
}

static inline bole_status fake_open(const struct rpc_open *o, struct rpc_transport **ret_transport, unsigned *ret_port,
                                    struct bole_err *err)
{
    transport = (struct rpc_transport){o->events, o->ctx};
    *ret_transport = &transport;
    *ret_port = 4317;
    return BOLE_OK;
}

static inline void fake_run(struct rpc_transport *t, unsigned worker)
{
}

static inline void fake_nothing(struct rpc_transport *t)
{
}

static inline bole_slice fake_metadata(struct rpc_wire *w, bole_slice name, size_t *at)
{
    const char *const values[] = {w->tenant, w->second_tenant};
    while (*at < 2 && bole_slice_eq(name, S("x-scope-orgid"))) {
        const char *value = values[(*at)++];
        if (value)
            return bole_slice_str(value);
    }
    return (bole_slice){0};
}

static inline void fake_greet(struct rpc_wire *w)
{
}

static inline void fake_read(struct rpc_wire *w)
{
    w->reads++;
}

static inline void fake_send(struct rpc_wire *w, bole_slice message)
{
    assert(w->sends == 0); /* one at a time */
    assert(!w->is_finished);
    buf_put_u8(&w->sent, (uint8_t)message.len);
    buf_put(&w->sent, message);
    w->sends++;
}

static inline void fake_finish(struct rpc_wire *w, const struct rpc_end *end)
{
    assert(w->sends == 0);
    assert(!w->is_finished);
    w->code = end->code;
    w->details_len = end->details.len;
    snprintf(w->text, sizeof w->text, "%.*s", BOLE_SLICE_ARG(end->text));
    if (end->message.ptr) {
        buf_put_u8(&w->sent, (uint8_t)end->message.len);
        buf_put(&w->sent, end->message);
    }
    w->is_finished = true;
}

static inline void fake_break_off(struct rpc_wire *w, enum rpc_code code, const char *text)
{
    w->broken_off++;
}

static inline void fake_peer(struct rpc_wire *w, char *ret_text, size_t size)
{
    snprintf(ret_text, size, "10.0.0.7");
}

static const struct rpc_module fake_module = {.abi = RPC_MODULE_ABI,
                                              .version = fake_version,
                                              .open = fake_open,
                                              .run = fake_run,
                                              .shut = fake_nothing,
                                              .cancel = fake_nothing,
                                              .close = fake_nothing,
                                              .metadata = fake_metadata,
                                              .greet = fake_greet,
                                              .read = fake_read,
                                              .send = fake_send,
                                              .finish = fake_finish,
                                              .break_off = fake_break_off,
                                              .peer = fake_peer};

/* ---- a client's side ---- */

static inline bool call(struct rpc_wire *w, const char *path)
{
    w->t = &transport;
    buf_init(&w->sent, NULL);
    return transport.events->begin(transport.ctx, 0, w, bole_slice_str(path), &w->call);
}

static inline void say(struct rpc_wire *w, bole_slice bytes, enum rpc_coding coding)
{
    /* In three parts, as it may come. */
    const bole_slice parts[] = {{bytes.ptr, bytes.len / 3}, {bytes.ptr + bytes.len / 3, 0}, bole_slice_sub(bytes, bytes.len / 3)};
    transport.events->message(w->call, parts, 3, coding);
}

static inline void left(struct rpc_wire *w, bool ok)
{
    assert(w->sends == 1);
    w->sends = 0;
    transport.events->sent(w->call, ok);
}

#endif
