/*
 * Loop 0 accepts and hands connections round-robin to all loops. It stops accepting at connection_max and begins again
 * when a connection closes; when descriptors run out it looks again after a pause, so that it never spins on a listener
 * that stays readable.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "os/thread.h"
#include "serve/http_private.h"

enum { ACCEPT_BURST = 64, LOOPS_MAX = 64, LOOPS_DEFAULT_MAX = 4, POOL_DEFAULT_MIN = 2 };
#define ACCEPT_PAUSE_NS ((uint64_t)(100 * NS_PER_MS))
#define FORCED_DRAIN_NS ((uint64_t)(2 * NS_PER_S)) /* for handlers to notice that they are cancelled */

/* ---- accepting; loop 0 ---- */

static void pause_accepting(struct http_server *s)
{
    if (s->accept_paused)
        return;
    s->accept_paused = true;
    loop_unwatch(s->loops[0].loop, &s->listener);
}

static void resume_accepting(struct http_server *s)
{
    struct bole_err err;
    if (!s->accept_paused || !s->listening)
        return;
    s->accept_paused = false;
    if (loop_watch_level(s->loops[0].loop, &s->listener, EPOLLIN, &err) < 0) {
        s->accept_paused = true;
        loop_timer_set(s->loops[0].loop, &s->accept_timer, loop_now_ns(s->loops[0].loop) + ACCEPT_PAUSE_NS);
    }
}

static void on_accept_timer(struct loop_timer *t)
{
    resume_accepting((struct http_server *)((char *)t - offsetof(struct http_server, accept_timer)));
}

static void on_resume(struct loop_task *task)
{
    struct http_server *s = (struct http_server *)((char *)task - offsetof(struct http_server, resume_task));
    atomic_store(&s->resume_posted, false);
    resume_accepting(s);
}

void server_conn_closed(struct http_server *s)
{
    uint64_t before = atomic_fetch_sub(&s->open_count, 1);
    if (before == s->options.connection_max && !atomic_exchange(&s->resume_posted, true))
        loop_post(s->loops[0].loop, &s->resume_task);
}

static void adopt(struct loop_task *task)
{
    conn_adopt((struct http_conn *)((char *)task - offsetof(struct http_conn, task)));
}

static bool accept_one(struct http_server *s)
{
    struct net_addr peer = {0};
    int fd = net_accept(s->options.net, s->listener.fd, &peer);
    if (fd == -EAGAIN)
        return false;
    if (fd == -ECONNABORTED || fd == -EINTR)
        return true;
    struct http_loop *hl = &s->loops[s->next_loop++ % s->loop_count];
    struct http_conn *c = fd >= 0 ? conn_create(hl, fd, &peer) : NULL;
    if (!c) {
        LOG(WARN, "cannot take more connections", " reason=%s", fd < 0 ? LOGQS(strerror(-fd)) : "memory");
        if (fd >= 0)
            close(fd);
        pause_accepting(s);
        loop_timer_set(s->loops[0].loop, &s->accept_timer, loop_now_ns(s->loops[0].loop) + ACCEPT_PAUSE_NS);
        return false;
    }
    atomic_fetch_add(&s->open_count, 1);
    atomic_fetch_add_explicit(&s->total_count, 1, memory_order_relaxed);
    c->task.run = adopt;
    if (hl == &s->loops[0])
        conn_adopt(c);
    else
        loop_post(hl->loop, &c->task);
    return true;
}

static void on_listener(struct loop_watch *w, uint32_t events)
{
    struct http_server *s = (struct http_server *)((char *)w - offsetof(struct http_server, listener));
    (void)events;
    for (int i = 0; i < ACCEPT_BURST; i++) {
        if (atomic_load(&s->open_count) >= s->options.connection_max) {
            pause_accepting(s);
            /* One may have closed between the two lines above. */
            if (atomic_load(&s->open_count) < s->options.connection_max)
                resume_accepting(s);
            return;
        }
        if (!accept_one(s))
            return;
    }
}

/* ---- loops ---- */

const char *loop_date(struct http_loop *hl)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t now_ns = clock_now_ns(hl->server->options.clock);
    uint64_t now_s = (uint64_t)(now_ns / NS_PER_S);
    if (now_s != hl->date_s) {
        struct civil c;
        char text[64];
        time_to_civil(now_ns, &c);
        snprintf(text, sizeof text, "%s, %02u %s %04u %02u:%02u:%02u GMT", days[c.weekday % 7], c.day % 100,
                 months[(c.month - 1) % 12], (unsigned)c.year % 10000, c.hour % 100, c.minute % 100, c.second % 100);
        memcpy(hl->date, text, HTTP_DATE_SIZE);
        hl->date_s = now_s;
    }
    return hl->date;
}

static void on_round(void *ctx)
{
    struct http_loop *hl = ctx;
    if (hl->server->on_round)
        hl->server->on_round(hl->index, hl->server->on_round_ctx);
    /* Draining: the last connection is gone. */
    if (hl->draining && !hl->conns)
        loop_stop(hl->loop);
}

static void *run_loop(void *arg)
{
    struct http_loop *hl = arg;
    loop_run(hl->loop);
    return NULL;
}

static void stop_listening(struct http_server *s)
{
    if (!s->listening)
        return;
    s->listening = false;
    loop_timer_clear(s->loops[0].loop, &s->accept_timer);
    if (!s->accept_paused)
        loop_unwatch(s->loops[0].loop, &s->listener);
    close(s->listener.fd);
    s->listener.fd = -1;
}

static void on_drain(struct loop_task *task)
{
    struct http_loop *hl = (struct http_loop *)((char *)task - offsetof(struct http_loop, drain_task));
    if (hl->index == 0)
        stop_listening(hl->server);
    hl->draining = true;
    loop_timer_set(hl->loop, &hl->drain_timer, loop_now_ns(hl->loop) + hl->server->drain_grace_ns);
    for (struct http_conn *c = hl->conns; c; c = c->next) /* closing does not unlink: that is done after the round */
        conn_drain(c);
}

/* The grace is over: close everything, which tells handlers to give up; a little later go without them. What they still
 * hold then stays until they answer, or until the server is destroyed. */
static void on_drain_timer(struct loop_timer *t)
{
    struct http_loop *hl = (struct http_loop *)((char *)t - offsetof(struct http_loop, drain_timer));
    if (hl->drain_forced) {
        loop_stop(hl->loop);
        return;
    }
    hl->drain_forced = true;
    for (struct http_conn *c = hl->conns; c; c = c->next)
        conn_close(c);
    loop_timer_set(hl->loop, t, loop_now_ns(hl->loop) + FORCED_DRAIN_NS);
}

static bole_status loop_init(struct http_server *s, unsigned index, struct bole_err *err)
{
    struct http_loop *hl = &s->loops[index];
    *hl = (struct http_loop){.server = s, .index = index, .date_s = UINT64_MAX};
    hl->drain_task.run = on_drain;
    hl->drain_timer.on_fire = on_drain_timer;
    hl->scratch = malloc(HTTP_SCRATCH_SIZE);
    if (!hl->scratch)
        return bole_fail(err, BOLE_E_NOMEM, "http loop");
    bole_status st = loop_create(s->options.clock, &hl->loop, err);
    if (st == BOLE_OK)
        loop_on_round(hl->loop, on_round, hl);
    return st;
}

/* ---- the server ---- */

#define DEFAULT(field, value)   \
    do {                        \
        if (!o->field)          \
            o->field = (value); \
    } while (0)

static void complete_options(struct http_options *o)
{
    unsigned cpus = thread_cpu_count();
    DEFAULT(loop_count, cpus < LOOPS_DEFAULT_MAX ? cpus : LOOPS_DEFAULT_MAX);
    DEFAULT(pool_count, cpus > POOL_DEFAULT_MIN ? cpus : POOL_DEFAULT_MIN);
    DEFAULT(connection_max, 20000);
    DEFAULT(body_max_bytes, (size_t)32 << 20);
    DEFAULT(decoded_max_bytes, (size_t)128 << 20);
    DEFAULT(header_max_bytes, 32 << 10);
    DEFAULT(header_timeout_ns, (uint64_t)(10 * NS_PER_S));
    DEFAULT(body_timeout_ns, (uint64_t)(60 * NS_PER_S));
    DEFAULT(idle_timeout_ns, (uint64_t)(120 * NS_PER_S));
    DEFAULT(write_timeout_ns, (uint64_t)(30 * NS_PER_S));
    DEFAULT(clock, &clock_system);
    DEFAULT(net, &net_posix);
    if (o->loop_count > LOOPS_MAX)
        o->loop_count = LOOPS_MAX;
}

static bole_status open_listener(struct http_server *s, struct bole_err *err)
{
    struct net_addr wanted;
    bole_status st = net_addr_parse(s->options.listen, &wanted, err);
    if (st == BOLE_OK)
        st = net_listen(&wanted, &s->listener.fd, &s->bound, err);
    if (st == BOLE_OK)
        st = loop_watch_level(s->loops[0].loop, &s->listener, EPOLLIN, err);
    s->listening = st == BOLE_OK;
    return st;
}

bole_status http_server_create(const struct http_options *options, struct http_server **ret_server, struct bole_err *err)
{
    struct http_server *s = calloc(1, sizeof *s);
    if (!s)
        return bole_fail(err, BOLE_E_NOMEM, "http server");
    bole_status st = BOLE_OK;
    s->options = *options;
    complete_options(&s->options);
    s->body_fits = budget_task_max(s->options.budget) / 2; /* a buffer that grows may have twice the room it needs */
    s->listener = (struct loop_watch){.fd = -1, .on_event = on_listener};
    s->accept_timer.on_fire = on_accept_timer;
    s->resume_task.run = on_resume;
    s->loops = calloc(s->options.loop_count, sizeof *s->loops);
    if (!s->loops)
        st = bole_fail(err, BOLE_E_NOMEM, "http server");
    while (st == BOLE_OK && s->loop_count < s->options.loop_count)
        st = loop_init(s, s->loop_count++, err);
    if (st == BOLE_OK)
        st = http_routes_create(s->options.routes, s->options.route_count, &s->routes, err);
    if (st == BOLE_OK && s->options.tls_cert_path)
        st = tls_context_create(s->options.tls_cert_path, s->options.tls_key_path, &s->tls, err);
    if (st == BOLE_OK)
        st = open_listener(s, err);
    if (st < 0) {
        bole_err_context(err, "http");
        http_server_destroy(s);
        return st;
    }
    s->hosts = (struct http_hosts){.listen = s->bound, .names = s->options.host_names, .name_count = s->options.host_name_count,
                                   .tls = s->tls != NULL};
    *ret_server = s;
    return BOLE_OK;
}

bole_status http_server_start(struct http_server *s, struct bole_err *err)
{
    bole_status st = pool_create(s->options.pool_count, s->options.clock, &s->pool, err);
    s->started = true;
    for (unsigned i = 0; st == BOLE_OK && i < s->loop_count; i++) {
        struct http_loop *hl = &s->loops[i];
        char name[16];
        snprintf(name, sizeof name, "http-%u", i);
        st = thread_start(name, run_loop, hl, &hl->thread, err);
        hl->thread_started = st == BOLE_OK;
    }
    return st;
}

unsigned http_server_port(const struct http_server *s)
{
    return s->bound.port;
}

void http_server_on_round(struct http_server *s, void (*fn)(unsigned loop_index, void *ctx), void *ctx)
{
    s->on_round = fn;
    s->on_round_ctx = ctx;
}

void http_server_drain(struct http_server *s, uint64_t grace_ns)
{
    if (s->drained)
        return;
    s->drained = true;
    s->drain_grace_ns = grace_ns;
    for (unsigned i = 0; i < s->loop_count; i++)
        if (s->loops[i].thread_started)
            loop_post(s->loops[i].loop, &s->loops[i].drain_task);
    for (unsigned i = 0; i < s->loop_count; i++)
        if (s->loops[i].thread_started)
            pthread_join(s->loops[i].thread, NULL);
    /* The loops are at rest; a handler that is still running may wait for one: run what it posts. */
    while (s->pool && !pool_stop(s->pool)) {
        for (unsigned i = 0; i < s->loop_count; i++)
            loop_run_posted(s->loops[i].loop);
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
    pool_destroy(s->pool);
    s->pool = NULL;
}

static void loop_deinit(struct http_loop *hl)
{
    if (hl->loop)
        for (struct http_conn *c = hl->conns; c; c = c->next)
            conn_close(c);
    loop_destroy(hl->loop); /* runs the answers that were posted meanwhile, and frees what was closed */
    while (hl->conns) {     /* a handler that never answered */
        struct http_conn *c = hl->conns;
        hl->conns = c->next;
        if (c->x)
            exchange_release(c->x);
        free(c);
    }
    while (hl->free_exchanges) {
        struct http_exchange *x = hl->free_exchanges;
        hl->free_exchanges = x->next;
        arena_deinit(&x->arena);
        free(x);
    }
    free(hl->scratch);
}

void http_server_destroy(struct http_server *s)
{
    if (!s)
        return;
    if (s->started)
        http_server_drain(s, 0);
    if (s->listening && s->loops[0].loop)
        stop_listening(s);
    else if (s->listener.fd >= 0)
        close(s->listener.fd);
    /* Connections that were handed to a loop which had stopped run their adoption here, see that it drains, and close. */
    for (unsigned i = 0; s->loops && i < s->loop_count; i++)
        s->loops[i].draining = true;
    for (unsigned i = s->loop_count; i-- > 0;)
        loop_deinit(&s->loops[i]);
    free(s->loops);
    http_routes_destroy(s->routes);
    tls_context_destroy(s->tls);
    free(s);
}

void http_server_stats(const struct http_server *s, struct http_stats *ret_stats)
{
    struct http_stats t = {.connections_open = s->open_count, .connections_total = s->total_count};
    for (unsigned i = 0; i < s->loop_count; i++) {
        const struct http_counters *c = &s->loops[i].counters;
        t.requests_total += c->requests;
        t.bytes_in_total += c->bytes_in;
        t.bytes_out_total += c->bytes_out;
        t.refused_total += c->refused;
        for (int k = 0; k < 6; k++)
            t.by_class[k] += c->by_class[k];
    }
    *ret_stats = t;
}
