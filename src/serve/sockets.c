/*
 * One event loop for all doors. A protocol's `take` is called on it with what a connection, or a UDP socket, has; the
 * commit's answer comes back as a task (socket_conn.c, socket_udp.c).
 *
 * Connections stand in a list by the age of their last bytes. A silent one is never closed for its silence alone: senders
 * of plain syslog lose what they write to a connection that was closed under them. When there are too many, the one that
 * has been silent longest makes room for a new one.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "os/thread.h"
#include "serve/sockets_private.h"

enum { ACCEPT_BURST = 64, CONNECTIONS_DEFAULT = 4096, BUDGET_PART = 8, PORT_TRIES = 16 };
#define ACCEPT_PAUSE_NS ((uint64_t)(100 * NS_PER_MS))

const char *socket_drop_name(enum socket_drop drop)
{
    static const char *const names[SOCKET_DROP_COUNT] = {
        [SOCKET_DROP_BUFFER] = "socket_buffer", [SOCKET_DROP_MEMORY] = "memory",
        [SOCKET_DROP_COMMIT] = "commit_failed", [SOCKET_DROP_INCOMPLETE] = "incomplete"};
    return names[drop];
}

struct receive_input sockets_input(struct sockets *s, bole_slice body)
{
    arena_reset(&s->arena);
    return (struct receive_input){.tenant = s->options.tenant, .body = body, .arena = &s->arena};
}

void sockets_count_result(struct socket_door *door, const struct socket_result *result)
{
    for (size_t i = 0; result->records.rejected && i < RECEIVE_REASON_COUNT; i++)
        count_up(&door->count.rejected[i], result->records.rejected_by[i]);
    count_up(&door->count.cut, result->cut);
    count_up(&door->count.dropped[SOCKET_DROP_INCOMPLETE], result->incomplete);
}

/* ---- accepting ---- */

static void resume_accepting(struct socket_door *door)
{
    struct bole_err err;
    if (door->listener.fd >= 0 && loop_watch_level(door->sockets->loop, &door->listener, EPOLLIN, &err) < 0)
        loop_timer_set(door->sockets->loop, &door->accept_timer, loop_now_ns(door->sockets->loop) + ACCEPT_PAUSE_NS);
}

static void on_accept_timer(struct loop_timer *t)
{
    resume_accepting((struct socket_door *)((char *)t - offsetof(struct socket_door, accept_timer)));
}

static void on_listener(struct loop_watch *w, uint32_t events)
{
    struct socket_door *door = (struct socket_door *)((char *)w - offsetof(struct socket_door, listener));
    struct sockets *s = door->sockets;
    (void)events;
    for (int i = 0; i < ACCEPT_BURST; i++) {
        struct net_addr peer = {0};
        int fd = net_accept(s->options.net, w->fd, &peer);
        if (fd == -EAGAIN)
            return;
        if (fd == -ECONNABORTED || fd == -EINTR)
            continue;
        if (fd < 0) { /* out of descriptors: look again a little later, not in every round */
            LOG(WARN, "cannot take more connections", " door=%s reason=%s", door->options.name, LOGQS(strerror(-fd)));
            loop_unwatch(s->loop, w);
            loop_timer_set(s->loop, &door->accept_timer, loop_now_ns(s->loop) + ACCEPT_PAUSE_NS);
            return;
        }
        if (s->conn_count >= s->options.connection_max && !socket_conn_evict(s)) {
            LOG(WARN, "connection refused: there are too many", " door=%s limit=%zu", door->options.name,
                s->options.connection_max);
            count_up(&door->count.refused, 1);
            close(fd);
            continue;
        }
        net_keep_alive(fd);
        socket_conn_accept(door, fd, &peer);
    }
}

/* ---- draining ---- */

static void stop_listening(struct socket_door *door)
{
    if (door->listener.fd < 0)
        return;
    if (!door->accept_timer.link)
        loop_unwatch(door->sockets->loop, &door->listener);
    loop_timer_clear(door->sockets->loop, &door->accept_timer);
    close(door->listener.fd);
    door->listener.fd = -1;
}

void sockets_check_drained(struct sockets *s)
{
    if (!s->draining || s->commits || (s->oldest && !s->forced))
        return;
    for (size_t i = 0; i < s->door_count; i++)
        if (!s->forced && !udp_is_idle(s->doors[i].udp))
            return;
    loop_stop(s->loop);
}

static void on_drain(struct loop_task *task)
{
    struct sockets *s = (struct sockets *)((char *)task - offsetof(struct sockets, drain_task));
    s->draining = true;
    loop_timer_set(s->loop, &s->drain_timer, loop_now_ns(s->loop) + s->grace_ns);
    for (size_t i = 0; i < s->door_count; i++) {
        stop_listening(&s->doors[i]);
        if (s->doors[i].udp)
            udp_drain(s->doors[i].udp);
    }
    size_t left = s->conn_count; /* who is read from becomes the newest, and would be met again */
    for (struct socket_conn *c = s->oldest, *next; c && left; c = next, left--) {
        next = socket_conn_next(c);
        socket_conn_pump(c);
    }
    sockets_check_drained(s);
}

/* The grace is over. Commits that are under way are waited for still: ingest always answers. */
static void on_drain_timer(struct loop_timer *t)
{
    struct sockets *s = (struct sockets *)((char *)t - offsetof(struct sockets, drain_timer));
    s->forced = true;
    while (s->oldest)
        socket_conn_close(s->oldest);
    sockets_check_drained(s);
}

/* ---- life ---- */

/* The port that TCP got is asked for again for UDP; a free one that UDP does not get is given back for another. */
static bole_status open_door(struct socket_door *door, struct bole_err *err)
{
    struct net_addr wanted;
    bole_status st = net_addr_parse(door->options.listen, &wanted, err);
    bool udp = door->options.protocol->take_datagrams && !door->options.tls;
    for (int tries = 0; st == BOLE_OK; tries++) {
        st = net_listen(&wanted, &door->listener.fd, &door->bound, err);
        if (st < 0 || !udp)
            break;
        st = udp_create(door, &door->bound, err);
        if (st == BOLE_OK || err->sys_errno != EADDRINUSE || wanted.port != 0 || tries == PORT_TRIES)
            break;
        close(door->listener.fd);
        door->listener.fd = -1;
        st = BOLE_OK;
    }
    if (st == BOLE_OK)
        st = loop_watch_level(door->sockets->loop, &door->listener, EPOLLIN, err);
    if (st < 0)
        bole_err_context(err, "door %s", door->options.name);
    return st;
}

static void complete_options(struct sockets_options *o)
{
    if (!o->connection_max)
        o->connection_max = CONNECTIONS_DEFAULT;
    if (!o->message_timeout_ns)
        o->message_timeout_ns = 60 * (uint64_t)NS_PER_S;
    if (!o->write_timeout_ns)
        o->write_timeout_ns = 30 * (uint64_t)NS_PER_S;
    if (!o->net)
        o->net = &net_posix;
    o->receive.clock = o->clock;
    o->receive.budget = o->budget;
}

bole_status sockets_create(const struct sockets_options *options, struct sockets **ret_sockets, struct bole_err *err)
{
    struct sockets *s = calloc(1, sizeof *s);
    if (!s)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for the doors");
    s->options = *options;
    complete_options(&s->options);
    budget_init(&s->budget, options->budget, options->budget ? options->budget->limit_bytes / BUDGET_PART : SIZE_MAX);
    arena_init(&s->arena, options->budget);
    s->drain_task.run = on_drain;
    s->drain_timer.on_fire = on_drain_timer;
    s->doors = calloc(options->door_count, sizeof *s->doors);
    bole_status st = s->doors ? BOLE_OK : bole_fail(err, BOLE_E_NOMEM, "no memory for the doors");
    if (st == BOLE_OK)
        st = loop_create(options->clock, &s->loop, err);
    if (st == BOLE_OK)
        st = receiver_create(&s->options.receive, options->ingest, options->worker, &s->receiver, err);
    while (st == BOLE_OK && s->door_count < options->door_count) {
        struct socket_door *door = &s->doors[s->door_count];
        door->sockets = s;
        door->options = options->doors[s->door_count++];
        door->listener = (struct loop_watch){.fd = -1, .on_event = on_listener};
        door->accept_timer.on_fire = on_accept_timer;
        st = open_door(door, err);
    }
    if (st < 0) {
        sockets_destroy(s);
        return st;
    }
    *ret_sockets = s;
    return BOLE_OK;
}

static void *run_loop(void *arg)
{
    loop_run(((struct sockets *)arg)->loop);
    return NULL;
}

bole_status sockets_start(struct sockets *s, struct bole_err *err)
{
    bole_status st = thread_start("bole-sockets", run_loop, s, &s->thread, err);
    s->thread_started = st == BOLE_OK;
    return st;
}

void sockets_drain(struct sockets *s, uint64_t grace_ns)
{
    if (!s || !s->thread_started)
        return;
    s->grace_ns = grace_ns;
    loop_post(s->loop, &s->drain_task);
    pthread_join(s->thread, NULL);
    s->thread_started = false;
}

void sockets_destroy(struct sockets *s)
{
    if (!s)
        return;
    sockets_drain(s, 0);
    for (size_t i = 0; i < s->door_count; i++) {
        stop_listening(&s->doors[i]);
        udp_destroy(s->doors[i].udp);
    }
    while (s->oldest)
        socket_conn_close(s->oldest);
    loop_destroy(s->loop); /* frees what was closed */
    receiver_destroy(s->receiver);
    arena_deinit(&s->arena);
    free(s->doors);
    free(s);
}

/* ---- what others ask ---- */

size_t sockets_count(const struct sockets *s)
{
    return s ? s->door_count : 0;
}

unsigned sockets_port(const struct sockets *s, size_t door_index)
{
    return s->doors[door_index].bound.port;
}

bool sockets_has_udp(const struct sockets *s, size_t door_index)
{
    return s->doors[door_index].udp != NULL;
}

void sockets_stats(const struct sockets *s, size_t door_index, struct socket_stats *ret_stats)
{
    const struct socket_door *door = &s->doors[door_index];
    const struct socket_counters *c = &door->count;
    *ret_stats = (struct socket_stats){
        .name = door->options.name, .connections = c->connections, .connections_total = c->connections_total,
        .refused_total = c->refused, .evicted_total = c->evicted, .failed_total = c->failed, .bytes_total = c->bytes,
        .datagrams_total = c->datagrams, .records_total = c->records, .cut_total = c->cut, .pauses_total = c->pauses};
    for (size_t i = 0; i < RECEIVE_REASON_COUNT; i++)
        ret_stats->rejected_total[i] = c->rejected[i];
    for (size_t i = 0; i < SOCKET_DROP_COUNT; i++)
        ret_stats->dropped_total[i] = c->dropped[i];
}
