/*
 * One UDP socket. A handful of datagrams becomes one request to ingest. When ingest has no room the handful is kept and
 * nothing more is received: the kernel's buffer takes the burst, and what it then drops it counts itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "serve/sockets_private.h"

enum { HANDFUL = 64, TURNS_MAX = 16 };
#define KERNEL_BUFFER ((size_t)8 << 20) /* bytes asked for */

struct udp {
    struct socket_door    *door;
    struct loop_watch      watch; /* fd -1: closed */
    struct loop_task       turn_task;
    struct loop_timer      retry; /* set: ingest is asked again then */
    struct net_datagrams  *room;
    struct socket_datagram datagrams[HANDFUL];
    char                   senders[HANDFUL][NET_ADDR_TEXT_MAX];
    unsigned               held;  /* datagrams received and not taken */
    uint32_t               dropped_before; /* by the kernel, as it said last */
    bool                   readable, turn_posted;
    _Alignas(16) uint8_t   session[];
};

struct commit { /* of one handful */
    struct loop_task    task;
    struct socket_door *door;
    uint64_t            records;
    bole_status         answer;
};

static void run_done(struct loop_task *task)
{
    struct commit *c = (struct commit *)task;
    struct sockets *s = c->door->sockets;
    if (c->answer == BOLE_OK)
        count_up(&c->door->count.records, c->records);
    else
        count_up(&c->door->count.dropped[SOCKET_DROP_COMMIT], c->records);
    free(c);
    s->commits--;
    sockets_check_drained(s);
}

static void on_committed(bole_status status, const struct bole_err *err, void *ctx)
{
    struct commit *c = ctx;
    if (status != BOLE_OK) {
        process_forget(c->door->sockets->options.receive.process);
        LOG(WARN, "records are lost", " door=%s count=%llu reason=%s", c->door->options.name, (unsigned long long)c->records,
            err ? LOGQS(err->msg) : "unknown");
    }
    c->answer = status;
    loop_post(c->door->sockets->loop, &c->task);
}

static void commit(struct udp *u, const struct receive_result *result)
{
    struct commit *c = malloc(sizeof *c);
    if (!c) {
        ingest_rollback(result->request);
        process_forget(u->door->sockets->options.receive.process);
        count_up(&u->door->count.dropped[SOCKET_DROP_MEMORY], result->accepted);
        return;
    }
    *c = (struct commit){.task.run = run_done, .door = u->door, .records = result->accepted};
    u->door->sockets->commits++;
    ingest_commit(result->request, on_committed, c);
}

/* False: ingest has no room now. */
static bool take_held(struct udp *u)
{
    struct sockets *s = u->door->sockets;
    struct socket_result result;
    size_t size = 0;
    for (unsigned i = 0; i < u->held; i++)
        size += u->datagrams[i].bytes.len;
    /* of the body only the size means something: datagrams do not lie side by side */
    struct socket_input in = {.in = sockets_input(s, bole_slice_from(NULL, size)), .session = u->session,
                              .settings = &u->door->options.settings};
    u->door->options.protocol->take_datagrams(s->receiver, &in, u->datagrams, u->held, &result);
    if (result.used == 0) {
        count_up(&u->door->count.pauses, 1);
        loop_timer_set(s->loop, &u->retry, loop_now_ns(s->loop) + SOCKETS_RETRY_NS);
        return false;
    }
    if (result.records.status > 299)
        count_up(&u->door->count.dropped[SOCKET_DROP_MEMORY], u->held);
    else
        sockets_count_result(u->door, &result);
    u->held = 0;
    if (result.records.request)
        commit(u, &result.records);
    return true;
}

static bool receive(struct udp *u)
{
    uint32_t dropped = u->dropped_before;
    int n = net_recv_datagrams(u->watch.fd, u->room, &dropped);
    if (n <= 0) {
        u->readable = n != -EAGAIN && n != 0;
        return u->readable; /* another error is an ICMP message's: it is gone now */
    }
    count_up(&u->door->count.dropped[SOCKET_DROP_BUFFER], dropped - u->dropped_before); /* the counter may wrap */
    u->dropped_before = dropped;
    uint64_t bytes = 0;
    for (int i = 0; i < n; i++) {
        struct net_addr from;
        bole_slice datagram = net_datagram(u->room, (unsigned)i, &from);
        size_t len = net_ip_format(&from, u->senders[i]);
        u->datagrams[i] = (struct socket_datagram){datagram, bole_slice_from(u->senders[i], len)};
        bytes += datagram.len;
    }
    u->held = (unsigned)n;
    count_up(&u->door->count.datagrams, (uint64_t)n);
    count_up(&u->door->count.bytes, bytes);
    return true;
}

static void close_socket(struct udp *u)
{
    if (u->watch.fd < 0)
        return;
    loop_timer_clear(u->door->sockets->loop, &u->retry);
    loop_unwatch(u->door->sockets->loop, &u->watch);
    close(u->watch.fd);
    u->watch.fd = -1;
}

static void pump(struct udp *u)
{
    struct sockets *s = u->door->sockets;
    for (unsigned turn = 0; u->watch.fd >= 0 && !u->retry.link && (u->held || u->readable); turn++) {
        if (turn == TURNS_MAX) {
            if (!u->turn_posted)
                loop_defer(s->loop, &u->turn_task);
            u->turn_posted = true;
            return;
        }
        if (u->held)
            take_held(u);
        else
            receive(u);
    }
    if (s->draining && !u->held && !u->readable) {
        close_socket(u);
        sockets_check_drained(s);
    }
}

static void run_turn(struct loop_task *task)
{
    struct udp *u = (struct udp *)((char *)task - offsetof(struct udp, turn_task));
    u->turn_posted = false;
    pump(u);
}

static void on_event(struct loop_watch *w, uint32_t events)
{
    struct udp *u = (struct udp *)((char *)w - offsetof(struct udp, watch));
    (void)events;
    u->readable = true;
    pump(u);
}

static void on_retry(struct loop_timer *t)
{
    pump((struct udp *)((char *)t - offsetof(struct udp, retry)));
}

bole_status udp_create(struct socket_door *door, const struct net_addr *addr, struct bole_err *err)
{
    struct net_addr bound;
    struct udp *u = calloc(1, sizeof *u + door->options.protocol->session_size);
    if (!u || !(u->room = net_datagrams_create(HANDFUL))) {
        free(u);
        return bole_fail(err, BOLE_E_NOMEM, "no memory for datagrams");
    }
    u->door = door;
    u->watch = (struct loop_watch){.fd = -1, .on_event = on_event};
    u->turn_task.run = run_turn;
    u->retry.on_fire = on_retry;
    bole_status st = net_open_udp(addr, KERNEL_BUFFER, &u->watch.fd, &bound, err);
    if (st == BOLE_OK)
        st = loop_watch_edge(door->sockets->loop, &u->watch, EPOLLIN, err);
    if (st < 0) {
        udp_destroy(u);
        return st;
    }
    door->udp = u;
    return BOLE_OK;
}

void udp_drain(struct udp *u)
{
    u->readable = true;
    pump(u);
}

bool udp_is_idle(const struct udp *u)
{
    return !u || u->watch.fd < 0;
}

void udp_destroy(struct udp *u)
{
    if (!u)
        return;
    close_socket(u);
    if (u->door->options.protocol->end_datagrams)
        u->door->options.protocol->end_datagrams(u->session);
    net_datagrams_destroy(u->room);
    free(u);
}
