/* One connection whose bytes come in two parts, and the same bytes as a datagram. */
#include "receive/fuzz_door.h"
#include "receive/socket.h"

static size_t take(struct fuzz_door *d, bole_slice body, bool at_end, void *session)
{
    struct socket_result result;
    struct socket_input in = {.in = {.tenant = S("default"), .body = body, .arena = &d->arena}, .sender = S("10.0.0.1"),
                              .at_end = at_end, .session = session};
    syslog_protocol.take(d->receiver, &in, &result);
    if (result.used > body.len || (result.wanted && result.wanted <= body.len - result.used))
        abort();
    d->result = result.records;
    if (d->result.rejected && !d->result.body.len) /* nobody is told, so there is no text */
        d->result.body = S("rejected");
    fuzz_settle(d);
    return result.used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_door *d = fuzz_door();
    if (size == 0)
        return 0;
    _Alignas(16) uint8_t session[64] = {0};
    if (syslog_protocol.session_size > sizeof session)
        abort();
    bole_slice all = bole_slice_from(data + 1, size - 1);
    size_t part = size > 1 ? data[0] * (size - 1) / 255 : 0;
    size_t used = take(d, bole_slice_from(all.ptr, part), false, session);
    all = bole_slice_sub(all, used);
    all = bole_slice_sub(all, take(d, all, true, session));
    if (all.len && take(d, all, true, session) == 0)
        abort(); /* at the end everything goes */
    struct socket_result result;
    struct socket_datagram datagram = {bole_slice_from(data, size), S("10.0.0.1")};
    struct socket_input in = {.in = {.tenant = S("default"), .body = datagram.bytes, .arena = &d->arena}};
    syslog_protocol.take_datagrams(d->receiver, &in, &datagram, 1, &result);
    d->result = result.records;
    if (d->result.rejected)
        d->result.body = S("rejected");
    fuzz_settle(d);
    return 0;
}
