/* fuzz_socket.h - what must hold for every protocol of a socket, whatever the bytes and the pieces that they come in. */
#ifndef RECEIVE_FUZZ_SOCKET_H
#define RECEIVE_FUZZ_SOCKET_H

#include "receive/fuzz_door.h"
#include "receive/socket.h"

static inline void fuzz_socket_settle(struct fuzz_door *d, const struct socket_result *result)
{
    d->result = result->records;
    if (d->result.rejected && !d->result.body.len) /* nobody is told, so there is no text */
        d->result.body = S("rejected");
    fuzz_settle(d);
}

/* Returns how much of the body was taken; all of it when the connection is over. */
static inline size_t fuzz_socket_take(struct fuzz_door *d, const struct socket_protocol *p, bole_slice body, bool at_end,
                                      void *session)
{
    static const struct socket_settings settings = {.shared_key = S("key")};
    struct socket_result result;
    struct socket_input in = {.in = {.tenant = S("default"), .body = body, .arena = &d->arena}, .sender = S("10.0.0.1"),
                              .at_end = at_end, .session = session, .settings = &settings};
    p->take(d->receiver, &in, &result);
    if (result.used > body.len || (!result.over && result.wanted && result.wanted <= body.len - result.used))
        abort();
    fuzz_socket_settle(d, &result);
    return result.over || result.records.status > 299 ? body.len : result.used;
}

static inline int fuzz_socket(const struct socket_protocol *p, const uint8_t *data, size_t size)
{
    struct fuzz_door *d = fuzz_door();
    _Alignas(16) uint8_t session[1024] = {0};
    struct socket_result result;
    if (size == 0)
        return 0;
    if (p->session_size > sizeof session)
        abort();
    bole_slice all = bole_slice_from(data + 1, size - 1);
    size_t part = data[0] * (size - 1) / 255;
    all = bole_slice_sub(all, fuzz_socket_take(d, p, bole_slice_from(all.ptr, part), false, session));
    all = bole_slice_sub(all, fuzz_socket_take(d, p, all, true, session));
    if (!p->take_datagrams)
        return 0;
    memset(session, 0, sizeof session);
    struct socket_datagram datagrams[] = {{bole_slice_from(data, size), S("10.0.0.1")},
                                          {bole_slice_from(data + part + 1, size - 1 - part), S("::1")}};
    struct socket_input in = {.in = {.tenant = S("default"), .body = datagrams[0].bytes, .arena = &d->arena}, .session = session};
    p->take_datagrams(d->receiver, &in, datagrams, 2, &result);
    if (p->end_datagrams)
        p->end_datagrams(session);
    fuzz_socket_settle(d, &result);
    return 0;
}

#endif
