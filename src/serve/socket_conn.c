/*
 * One connection. Its bytes stand in one buffer: [being committed | not taken yet | room]. What is being committed stays
 * until the commit is answered; if that fails, the same bytes are taken again with the session as it was before. While
 * ingest has no room nothing is taken, the buffer fills, nothing is read any more, and the sender waits.
 *
 * Meanwhile reading goes on behind the bytes that are being committed, so that the next group is there when the last one
 * is durable. A connection that has nothing waiting owns no buffer.
 *
 * The socket is watched edge-triggered: `readable` and `writable` remember what was told until EAGAIN takes it back.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "serve/sockets_private.h"

enum {
    ROOM_MIN = 16 * 1024,        /* bytes of a buffer */
    ROOM_BUSY = 512 * 1024,      /* of one that only a longer message makes larger */
    TURNS_MAX = 32,              /* reads in a row before others have their turn */
    STEP_MIN = 1024,             /* a message that has begun moves on by as much, or ends, before its patience is over */
};
#define HANDSHAKE_TIMEOUT_NS ((uint64_t)(10 * NS_PER_S))
#define EVICTABLE_NS ((uint64_t)(60 * NS_PER_S)) /* silent for as long, a connection may make room for another */

struct socket_conn {
    struct socket_conn *older, *newer;
    struct socket_door *door;
    struct loop_watch   watch;
    struct loop_task    turn_task, done_task, free_task;
    struct loop_timer   patience; /* for the peer */
    struct loop_timer   retry;    /* set: ingest, or memory, is asked again then */
    struct tls_session *tls;
    uint64_t            heard_ns;
    uint64_t            moved_ns;    /* a message began, ended, or moved on */
    size_t              moved_bytes; /* since then */
    uint8_t            *bytes;
    size_t              len, room;
    size_t              taken;   /* bytes that are being committed */
    size_t              wanted;  /* bytes for the next call of the protocol to make sense */
    struct buf          out;
    size_t              out_at;
    bole_status         answer;  /* of the commit */
    uint64_t            records; /* in it */
    bool                readable, writable, ended; /* ended: nothing more will be read */
    bool                hung_up; /* the peer's end stands behind what can be read: a short read is not all */
    bool                handshaking, fresh, committing, turn_posted, over, dead;
    char                sender[NET_ADDR_TEXT_MAX + TLS_NAME_MAX];
    size_t              sender_len;
    _Alignas(16) uint8_t sessions[]; /* now; as it was before the commit under way */
};

static struct sockets *sockets_of(const struct socket_conn *c)
{
    return c->door->sockets;
}

static const struct socket_protocol *protocol_of(const struct socket_conn *c)
{
    return c->door->options.protocol;
}

struct socket_conn *socket_conn_next(struct socket_conn *c)
{
    return c->newer;
}

/* ---- the list of all, by age of the last bytes ---- */

static void unlink_conn(struct socket_conn *c)
{
    struct sockets *s = sockets_of(c);
    *(c->older ? &c->older->newer : &s->oldest) = c->newer;
    *(c->newer ? &c->newer->older : &s->newest) = c->older;
    c->older = c->newer = NULL;
}

static void link_newest(struct socket_conn *c)
{
    struct sockets *s = sockets_of(c);
    c->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = c;
    s->newest = c;
    c->heard_ns = loop_now_ns(s->loop);
}

bool socket_conn_evict(struct sockets *s)
{
    struct socket_conn *c = s->oldest;
    if (!c || loop_now_ns(s->loop) - c->heard_ns < EVICTABLE_NS)
        return false;
    count_up(&c->door->count.evicted, 1);
    socket_conn_close(c);
    return true;
}

/* ---- memory ---- */

static void drop_buffer(struct socket_conn *c)
{
    budget_give(&sockets_of(c)->budget, c->room);
    free(c->bytes);
    c->bytes = NULL;
    c->len = c->room = 0;
}

/* Room for at least one byte more. False: there is none to be had now, or ever. */
static bool make_room(struct socket_conn *c)
{
    struct sockets *s = sockets_of(c);
    if (c->len < c->room)
        return true;
    size_t most = c->taken + c->wanted > ROOM_BUSY ? c->taken + c->wanted : ROOM_BUSY;
    if (c->taken == 0 && !c->fresh && c->len == c->room && c->room >= most) /* a message whose length is not known */
        most = protocol_of(c)->message_max;
    size_t room = c->room ? 2 * c->room : ROOM_MIN;
    if (room > most)
        room = most;
    if (room <= c->room)
        return false;
    if (!budget_take(&s->budget, room - c->room)) {
        loop_timer_set(s->loop, &c->retry, loop_now_ns(s->loop) + SOCKETS_RETRY_NS);
        return false;
    }
    uint8_t *bytes = realloc(c->bytes, room);
    if (!bytes) {
        budget_give(&s->budget, room - c->room);
        return false;
    }
    c->bytes = bytes;
    c->room = room;
    return true;
}

/* ---- the end ---- */

static void free_conn(struct loop_task *task)
{
    struct socket_conn *c = (struct socket_conn *)((char *)task - offsetof(struct socket_conn, free_task));
    tls_session_destroy(c->tls);
    drop_buffer(c);
    buf_deinit(&c->out);
    free(c);
}

static void free_later(struct socket_conn *c)
{
    c->free_task.run = free_conn;
    loop_defer(sockets_of(c)->loop, &c->free_task);
}

void socket_conn_close(struct socket_conn *c)
{
    struct sockets *s = sockets_of(c);
    if (c->dead)
        return;
    c->dead = true;
    if (c->tls && !c->handshaking)
        tls_close_notify(c->tls);
    loop_timer_clear(s->loop, &c->patience);
    loop_timer_clear(s->loop, &c->retry);
    loop_unwatch(s->loop, &c->watch);
    close(c->watch.fd);
    unlink_conn(c);
    s->conn_count--;
    atomic_fetch_sub_explicit(&c->door->count.connections, 1, memory_order_relaxed);
    if (!c->committing && !c->turn_posted)
        free_later(c);
    sockets_check_drained(s);
}

static void fail(struct socket_conn *c, const char *why, bole_slice detail)
{
    LOG(WARN, "connection ended", " door=%s peer=%s reason=%s detail=%s", c->door->options.name,
        LOGQ(bole_slice_from(c->sender, c->sender_len)), LOGQS(why), LOGQ(detail));
    count_up(&c->door->count.failed, 1);
    socket_conn_close(c);
}

/* ---- from bytes to records ---- */

static void move_on(struct socket_conn *c)
{
    c->moved_ns = loop_now_ns(sockets_of(c)->loop);
    c->moved_bytes = 0;
}

/* The commit, or what had nothing to commit, is done: its bytes go. */
static void finish_take(struct socket_conn *c)
{
    if (c->taken && c->taken < c->len)
        memmove(c->bytes, c->bytes + c->taken, c->len - c->taken);
    if (c->taken)
        move_on(c);
    c->len -= c->taken;
    c->taken = 0;
    c->fresh = c->len > 0;
}

static void take_back(struct socket_conn *c)
{
    size_t size = protocol_of(c)->session_size;
    memcpy(c->sessions, c->sessions + size, size);
    buf_reset(&c->out);
    c->taken = c->wanted = 0;
    c->over = false;
    c->fresh = true;
    count_up(&c->door->count.pauses, 1);
    loop_timer_set(sockets_of(c)->loop, &c->retry, loop_now_ns(sockets_of(c)->loop) + SOCKETS_RETRY_NS);
}

static void run_done(struct loop_task *task)
{
    struct socket_conn *c = (struct socket_conn *)((char *)task - offsetof(struct socket_conn, done_task));
    struct sockets *s = sockets_of(c);
    s->commits--;
    c->committing = false;
    if (c->answer == BOLE_OK) {
        count_up(&c->door->count.records, c->records);
        if (protocol_of(c)->stored)
            protocol_of(c)->stored(s->receiver, c->sessions);
    }
    if (c->dead) {
        if (!c->turn_posted)
            free_later(c);
        sockets_check_drained(s);
        return;
    }
    if (c->answer == BOLE_OK)
        finish_take(c);
    else
        take_back(c);
    socket_conn_pump(c);
}

static void on_committed(bole_status status, const struct bole_err *err, void *ctx)
{
    struct socket_conn *c = ctx;
    if (status != BOLE_OK) {
        process_forget(sockets_of(c)->options.receive.process);
        LOG(WARN, "records are not stored yet", " door=%s reason=%s", c->door->options.name, err ? LOGQS(err->msg) : "unknown");
    }
    c->answer = status;
    loop_post(sockets_of(c)->loop, &c->done_task);
}

static bool can_take(const struct socket_conn *c)
{
    bool more = c->fresh && c->len >= c->wanted;
    return c->len && !c->committing && !c->retry.link && !c->over && c->out.len == 0 && (more || c->ended);
}

/* False: there is no whole message. */
static bool take(struct socket_conn *c)
{
    const struct socket_protocol *p = protocol_of(c);
    struct sockets *s = sockets_of(c);
    struct socket_result result;
    struct socket_input in = {.in = sockets_input(s, bole_slice_from(c->bytes, c->len)),
                              .sender = bole_slice_from(c->sender, c->sender_len), .at_end = c->ended,
                              .session = c->sessions, .settings = &c->door->options.settings};
    in.in.client = in.sender;
    memcpy(c->sessions + p->session_size, c->sessions, p->session_size);
    p->take(s->receiver, &in, &result);
    if (is_later(&result.records)) {
        take_back(c);
        return false;
    }
    sockets_count_result(c->door, &result);
    if (result.records.status > 299) {
        fail(c, "refused", result.records.body);
        return false;
    }
    c->taken = result.used;
    c->wanted = result.wanted;
    c->over = result.over;
    buf_put(&c->out, result.reply);
    if (result.records.request) {
        c->committing = true;
        c->records = result.records.accepted;
        s->commits++;
        ingest_commit(result.records.request, on_committed, c);
        return true;
    }
    finish_take(c);
    c->fresh = result.used && c->fresh;
    if (c->ended && !result.used) { /* the rest is no message and never will be */
        LOG(WARN, "a message was not finished", " door=%s peer=%s bytes=%zu", c->door->options.name,
            LOGQ(bole_slice_from(c->sender, c->sender_len)), c->len);
        count_up(&c->door->count.failed, 1);
        c->len = 0;
    }
    return result.used || result.reply.len;
}

/* ---- bytes in and out ---- */

static ssize_t receive(struct socket_conn *c, void *ret_bytes, size_t len)
{
    return c->tls ? tls_recv(c->tls, ret_bytes, len) : net_recv(sockets_of(c)->options.net, c->watch.fd, ret_bytes, len);
}

static bool can_read(const struct socket_conn *c)
{
    return c->readable && !c->ended && !c->over && !c->handshaking && !c->retry.link;
}

/* False: nothing came. */
static bool read_more(struct socket_conn *c)
{
    struct sockets *s = sockets_of(c);
    if (!make_room(c)) {
        if (!c->committing && !c->retry.link && !c->fresh)
            fail(c, "a message is larger than the limit", (bole_slice){0});
        return false;
    }
    size_t room = c->room - c->len;
    ssize_t n = receive(c, c->bytes + c->len, room);
    if (n == -EAGAIN) {
        c->readable = false;
        return false;
    }
    if (n < 0) {
        LOG(DEBUG, "connection lost", " door=%s reason=%s", c->door->options.name, LOGQS(strerror((int)-n)));
        c->ended = true; /* what came before is as good as ever */
        return c->len > 0;
    }
    c->ended = n == 0;
    if (!c->tls && !c->hung_up && (size_t)n < room && s->options.net->short_is_empty)
        c->readable = false;
    c->moved_bytes += (size_t)n;
    if (c->len == 0 || c->moved_bytes >= STEP_MIN)
        move_on(c);
    c->len += (size_t)n;
    c->fresh = true;
    count_up(&c->door->count.bytes, (uint64_t)n);
    unlink_conn(c);
    link_newest(c);
    return true;
}

static bool can_send(const struct socket_conn *c)
{
    return c->out.len > 0 && c->writable && !c->committing && !c->handshaking;
}

static bool send_some(struct socket_conn *c)
{
    struct iovec iov = {c->out.ptr + c->out_at, c->out.len - c->out_at};
    ssize_t n = c->tls ? tls_send(c->tls, &iov, 1) : net_send(sockets_of(c)->options.net, c->watch.fd, &iov, 1);
    if (n == -EAGAIN) {
        c->writable = false;
        return false;
    }
    if (n < 0) {
        socket_conn_close(c);
        return false;
    }
    c->out_at += (size_t)n;
    if (c->out_at == c->out.len) {
        buf_reset(&c->out);
        c->out_at = 0;
    }
    return true;
}

/* What the certificate says stands behind the address, as in "10.0.0.1/web-3". */
static void name_client(struct socket_conn *c)
{
    char name[TLS_NAME_MAX];
    bole_slice client = tls_client_name(c->tls, name);
    if (!client.len)
        return;
    c->sender[c->sender_len++] = '/';
    memcpy(c->sender + c->sender_len, client.ptr, client.len);
    c->sender_len += client.len;
}

static bool shake_hands(struct socket_conn *c)
{
    int rc = tls_handshake(c->tls);
    if (rc == -EAGAIN)
        return false;
    if (rc < 0) {
        fail(c, "TLS handshake failed", (bole_slice){0});
        return false;
    }
    c->handshaking = false;
    name_client(c);
    return true;
}

/* ---- all that can be done without waiting ---- */

static void set_patience(struct socket_conn *c)
{
    struct sockets *s = sockets_of(c);
    bool inside = c->len > c->taken && !c->committing && (!c->retry.link || !c->fresh); /* of a message */
    uint64_t wait_ns = c->handshaking ? HANDSHAKE_TIMEOUT_NS : c->out.len && !c->committing ? s->options.write_timeout_ns : 0;
    if (wait_ns || inside)
        loop_timer_set(s->loop, &c->patience,
                       (wait_ns ? loop_now_ns(s->loop) + wait_ns : c->moved_ns + s->options.message_timeout_ns));
    else
        loop_timer_clear(s->loop, &c->patience);
}

static void settle(struct socket_conn *c)
{
    bool quiet = !c->committing && c->out.len == 0 && !c->retry.link;
    bool emptied = c->ended || (sockets_of(c)->draining && !c->readable);
    if (quiet && sockets_of(c)->draining && emptied && c->len && !c->ended) { /* half a message is better than none */
        c->ended = true;
        if (can_take(c) && take(c)) {
            settle(c);
            return;
        }
        quiet = !c->dead && !c->committing && c->out.len == 0 && !c->retry.link;
    }
    if (c->dead)
        return;
    if (quiet && (c->over || (emptied && c->len == 0))) {
        socket_conn_close(c);
        return;
    }
    if (c->len == 0 && !c->committing)
        drop_buffer(c);
    set_patience(c);
}

static void run_turn(struct loop_task *task)
{
    struct socket_conn *c = (struct socket_conn *)((char *)task - offsetof(struct socket_conn, turn_task));
    c->turn_posted = false;
    if (!c->dead)
        socket_conn_pump(c);
    else if (!c->committing)
        free_later(c);
}

void socket_conn_pump(struct socket_conn *c)
{
    bool moved = true;
    for (unsigned turn = 0; moved && !c->dead; turn++) {
        if (turn == TURNS_MAX) {
            if (!c->turn_posted)
                loop_defer(sockets_of(c)->loop, &c->turn_task);
            c->turn_posted = true;
            return;
        }
        moved = c->handshaking && shake_hands(c);
        if (!c->dead && can_read(c))
            moved = read_more(c) || moved;
        if (!c->dead && can_take(c))
            moved = take(c) || moved;
        if (!c->dead && can_send(c))
            moved = send_some(c) || moved;
    }
    if (!c->dead)
        settle(c);
}

static void on_event(struct loop_watch *w, uint32_t events)
{
    struct socket_conn *c = (struct socket_conn *)((char *)w - offsetof(struct socket_conn, watch));
    if (c->dead)
        return;
    c->hung_up = c->hung_up || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
    c->readable = c->readable || c->hung_up || (events & EPOLLIN);
    c->writable = c->writable || (events & EPOLLOUT);
    socket_conn_pump(c);
}

static void on_retry(struct loop_timer *t)
{
    socket_conn_pump((struct socket_conn *)((char *)t - offsetof(struct socket_conn, retry)));
}

/* The rest of a message does not come: it is taken as it is. */
static void on_impatient(struct loop_timer *t)
{
    struct socket_conn *c = (struct socket_conn *)((char *)t - offsetof(struct socket_conn, patience));
    if (c->handshaking || c->out.len) {
        fail(c, "timeout", (bole_slice){0});
        return;
    }
    c->ended = true;
    socket_conn_pump(c);
}

void socket_conn_accept(struct socket_door *door, int fd, const struct net_addr *peer)
{
    struct sockets *s = door->sockets;
    struct socket_conn *c = calloc(1, sizeof *c + 2 * door->options.protocol->session_size);
    struct bole_err err;
    if (c && door->options.tls)
        c->tls = tls_session_create(door->options.tls, s->options.net, fd);
    if (!c || (door->options.tls && !c->tls)) {
        free(c);
        close(fd);
        count_up(&door->count.refused, 1);
        return;
    }
    c->door = door;
    c->handshaking = c->tls != NULL;
    c->watch = (struct loop_watch){.fd = fd, .on_event = on_event};
    c->turn_task.run = run_turn;
    c->done_task.run = run_done;
    c->patience.on_fire = on_impatient;
    c->retry.on_fire = on_retry;
    c->sender_len = net_ip_format(peer, c->sender);
    buf_init(&c->out, &s->budget);
    link_newest(c);
    s->conn_count++;
    count_up(&door->count.connections, 1);
    count_up(&door->count.connections_total, 1);
    if (loop_watch_edge(s->loop, &c->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP, &err) < 0) {
        fail(c, "not watched", bole_slice_str(err.msg));
        return;
    }
    if (door->options.protocol->start) {
        struct socket_input in = {.in = sockets_input(s, (bole_slice){0}), .session = c->sessions,
                                  .sender = bole_slice_from(c->sender, c->sender_len), .settings = &door->options.settings};
        bole_slice greeting = {0};
        door->options.protocol->start(&in, s->options.random, &greeting);
        buf_put(&c->out, greeting);
    }
    settle(c);
}
