/*
 * loop.h - one event loop: descriptors (epoll, edge-triggered), timers, and tasks handed over by other threads.
 *
 * Watches, timers and tasks are embedded in their owner's structs: the loop allocates nothing after its creation.
 *
 * Units:   nanoseconds of the clock's mono_ns. Timers fire late by at most LOOP_TICK_NS plus the work of a round.
 * Threads: loop_post, loop_stop: any. Everything else: the thread in loop_run, or any one thread while none runs.
 */
#ifndef OS_LOOP_H
#define OS_LOOP_H

#include <stdatomic.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/slice.h"

#define LOOP_TICK_NS ((uint64_t)(16 * NS_PER_MS))

struct loop;

struct loop_watch {
    int fd;
    void (*on_event)(struct loop_watch *self, uint32_t epoll_events);
};

struct loop_timer {
    struct loop_timer *next, **link; /* link NULL: not set */
    uint64_t deadline_ns;
    void (*on_fire)(struct loop_timer *self); /* the timer is no longer set when this is called */
};

struct loop_task {
    struct loop_task *next;
    void (*run)(struct loop_task *self); /* may free itself */
};

/* clock_system, or a clock that a test moves: then the loop looks at it every few milliseconds. */
bole_status loop_create(const struct clock *clock, struct loop **ret_loop, struct bole_err *err);
void loop_destroy(struct loop *l); /* runs what was posted, forgets timers and watches; NULL is fine */

/* events of epoll(7) without EPOLLET, which loop_watch_edge adds: each change is told once, and who is told must read or
 * write until EAGAIN. Close the descriptor to end the watch; the struct must stay until the round is over: free it with
 * loop_defer. */
bole_status loop_watch_edge(struct loop *l, struct loop_watch *w, uint32_t events, struct bole_err *err);
/* Level-triggered: told again in every round. For listeners. */
bole_status loop_watch_level(struct loop *l, struct loop_watch *w, uint32_t events, struct bole_err *err);
void loop_unwatch(struct loop *l, struct loop_watch *w);

void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t deadline_ns); /* moves it when it is set */
void loop_timer_clear(struct loop *l, struct loop_timer *t);                     /* one that is not set is fine */

/* Runs the task on the loop's thread. Tasks of one thread keep their order. A sleeping loop is woken by one eventfd
 * write per burst, a loop at work by none. */
void loop_post(struct loop *l, struct loop_task *task);

/* Runs what was posted, on the caller's thread: for a loop that has stopped and others still post to. */
void loop_run_posted(struct loop *l);

/* Loop thread only: runs the task at the end of this round, after every event of the round was delivered; one deferred
 * by a deferred task runs in the next round, which does not sleep. */
void loop_defer(struct loop *l, struct loop_task *task);

/* Called at the end of each round; before loop_run only. */
void loop_on_round(struct loop *l, void (*fn)(void *ctx), void *ctx);

void loop_run(struct loop *l);  /* until loop_stop */
void loop_stop(struct loop *l);

uint64_t loop_now_ns(const struct loop *l); /* mono_ns at the start of this round */
bool loop_is_current(const struct loop *l); /* the caller's thread is in loop_run of l */

#endif
