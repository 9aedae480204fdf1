#include "os/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"
#include "base/test.h"
#include "os/net.h"
#include "os/thread.h"

/* ---- timers, under a clock that only the test moves ---- */

struct test_timer {
    struct loop_timer timer;
    struct clock_manual *clock;
    uint64_t due_ns, fired_ns;
};

static void on_fire(struct loop_timer *t)
{
    struct test_timer *tt = (struct test_timer *)t;
    assert_int_equal(tt->fired_ns, 0);
    tt->fired_ns = clock_mono_ns(&tt->clock->base);
}

static void do_nothing(struct loop_task *t)
{
    (void)t;
}

struct stepper {
    struct loop_task nothing; /* deferred in each round so that the loop does not sleep */
    struct loop *loop;
    struct clock_manual *clock;
    uint64_t step_ns;
    int rounds_left;
};

static void step(void *ctx)
{
    struct stepper *s = ctx;
    if (s->rounds_left-- == 0)
        loop_stop(s->loop);
    clock_manual_advance(s->clock, s->step_ns);
    loop_defer(s->loop, &s->nothing);
}

/* Each timer fires once, not early, and late by at most a tick and a round. */
TEST(loop_timers_fire_when_they_are_due)
{
    enum { TIMERS = 500 };
    static struct test_timer timers[TIMERS];
    struct clock_manual clock;
    struct loop *l;
    struct bole_err err;
    struct random random;
    random_seed(&random, 3);
    clock_manual_init(&clock, 0);
    CHECK_OK(loop_create(&clock.base, &l, &err), err);
    uint64_t step_ns = 9 * NS_PER_MS, reach_ns = 40ull * NS_PER_S; /* more than two turns of the wheel */
    for (int i = 0; i < TIMERS; i++) {
        timers[i] = (struct test_timer){.timer.on_fire = on_fire, .clock = &clock};
        timers[i].due_ns = random_below(&random, reach_ns);
        loop_timer_set(l, &timers[i].timer, random_below(&random, reach_ns)); /* and moved */
        loop_timer_set(l, &timers[i].timer, timers[i].due_ns);
        if (i % 5 == 0)
            loop_timer_clear(l, &timers[i].timer);
    }
    struct stepper s = {{NULL, do_nothing}, l, &clock, step_ns, (int)(reach_ns / step_ns) + 10};
    loop_on_round(l, step, &s);
    loop_run(l);
    for (int i = 0; i < TIMERS; i++) {
        if (i % 5 == 0) {
            CHECK_EQ_U64(timers[i].fired_ns, 0);
            continue;
        }
        CHECK(timers[i].fired_ns >= timers[i].due_ns);
        CHECK(timers[i].fired_ns <= timers[i].due_ns + LOOP_TICK_NS + step_ns);
    }
    loop_destroy(l);
}

/* ---- tasks ---- */

struct counter_task {
    struct loop_task task;
    struct loop *loop;
    atomic_int *count;
    int stop_at;
};

static void count_task(struct loop_task *t)
{
    struct counter_task *c = (struct counter_task *)t;
    struct loop *loop = c->loop;
    bool last = atomic_fetch_add(c->count, 1) + 1 == c->stop_at;
    free(c);
    if (last)
        loop_stop(loop);
}

enum { POSTERS = 3, POSTS = 3000 };

struct poster { struct loop *loop; atomic_int *count; };

static void *post_many(void *arg)
{
    struct poster *p = arg;
    for (int i = 0; i < POSTS; i++) {
        struct counter_task *c = malloc(sizeof *c);
        *c = (struct counter_task){{NULL, count_task}, p->loop, p->count, POSTERS * POSTS};
        loop_post(p->loop, &c->task);
        if (i % 100 == 0)
            usleep(300); /* so that the loop falls asleep now and then */
    }
    return NULL;
}

TEST(loop_runs_every_posted_task_and_wakes_for_it)
{
    struct loop *l;
    struct bole_err err;
    pthread_t threads[POSTERS];
    atomic_int count = 0;
    CHECK_OK(loop_create(&clock_system, &l, &err), err);
    struct poster p = {l, &count};
    for (int i = 0; i < POSTERS; i++)
        CHECK_OK(thread_start("poster", post_many, &p, &threads[i], &err), err);
    loop_run(l); /* ends only when the last one has run */
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ_I64(count, POSTERS * POSTS);
    loop_destroy(l);
}

TEST(loop_runs_what_is_left_when_it_is_destroyed)
{
    struct loop *l;
    struct bole_err err;
    atomic_int count = 0;
    CHECK_OK(loop_create(&clock_system, &l, &err), err);
    for (int i = 0; i < 4; i++) {
        struct counter_task *c = malloc(sizeof *c);
        *c = (struct counter_task){{NULL, count_task}, l, &count, -1};
        if (i % 2)
            loop_post(l, &c->task);
        else
            loop_defer(l, &c->task);
    }
    loop_destroy(l);
    CHECK_EQ_I64(count, 4);
}

/* ---- events ---- */

struct test_watch { struct loop_watch watch; struct loop *loop; int events; };

static void on_readable(struct loop_watch *w, uint32_t events)
{
    struct test_watch *t = (struct test_watch *)w;
    t->events += (events & EPOLLIN) != 0;
}

static void write_then_stop(void *ctx)
{
    struct stepper *s = ctx;
    if (s->rounds_left-- == 0)
        loop_stop(s->loop);
}

TEST(loop_tells_an_edge_once_and_a_level_every_round)
{
    struct loop *l;
    struct bole_err err;
    struct clock_manual clock;
    clock_manual_init(&clock, 0);
    CHECK_OK(loop_create(&clock.base, &l, &err), err);
    int edge[2], level[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, edge) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, level) == 0);
    struct test_watch e = {{edge[0], on_readable}, l, 0}, v = {{level[0], on_readable}, l, 0};
    CHECK_OK(loop_watch_edge(l, &e.watch, EPOLLIN, &err), err);
    CHECK_OK(loop_watch_level(l, &v.watch, EPOLLIN, &err), err);
    CHECK(write(edge[1], "x", 1) == 1 && write(level[1], "x", 1) == 1);
    struct stepper s = {{NULL, do_nothing}, l, &clock, 0, 5};
    loop_on_round(l, write_then_stop, &s);
    loop_run(l);
    CHECK_EQ_I64(e.events, 1);
    CHECK_EQ_I64(v.events, 6);
    for (int i = 0; i < 2; i++) {
        close(edge[i]);
        close(level[i]);
    }
    loop_destroy(l);
}

/* ---- addresses ---- */

TEST(net_parses_and_formats_addresses)
{
    static const struct { const char *text, *back; } good[] = {
        {"127.0.0.1:3100", "127.0.0.1:3100"}, {"[::1]:0", "[::1]:0"}, {":80", "[::]:80"}, {"localhost:65535", "127.0.0.1:65535"},
        {"[::ffff:1.2.3.4]:5", "1.2.3.4:5"},
    };
    static const char *const bad[] = {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:1x", "::1:80",
                                      "[127.0.0.1]:80", "example.com:80", "256.0.0.1:80", "[::1:80", "127.0.0.1:000080"};
    struct net_addr a;
    struct bole_err err;
    char text[NET_ADDR_TEXT_MAX];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_OK(net_addr_parse(bole_slice_str(good[i].text), &a, &err), err);
        size_t len = net_addr_format(&a, text);
        CHECK_EQ_SLICE(bole_slice_from(text, len), bole_slice_str(good[i].back));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_EQ_STATUS(net_addr_parse(bole_slice_str(bad[i]), &a, &err), BOLE_E_INVALID);
}

TEST(net_refuses_a_port_that_is_taken)
{
    struct net_addr a, bound, again;
    struct bole_err err;
    int fd, second;
    CHECK_OK(net_addr_parse(S("127.0.0.1:0"), &a, &err), err);
    CHECK_OK(net_listen(&a, &fd, &bound, &err), err);
    CHECK(bound.port != 0);
    CHECK_EQ_STATUS(net_listen(&bound, &second, &again, &err), BOLE_E_IO);
    CHECK_EQ_I64(err.sys_errno, EADDRINUSE);
    close(fd);
}
