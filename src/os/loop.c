/*
 * A round: sleep in epoll_wait until something is ready or a timer is due, deliver events, run posted tasks, fire timers,
 * run deferred tasks, call the round's hook.
 *
 * Posted tasks form a stack that any thread pushes onto with one compare-and-swap and the loop takes as a whole (no ABA:
 * nothing is ever popped one by one). The loop says in `sleeping` that it is about to sleep and looks at the stack once
 * more; who pushes looks at `sleeping` afterwards. One of the two sees the other, so that a wake-up is never lost, and a
 * burst of answers costs one write to the eventfd. It is watched edge-triggered and never read.
 *
 * Timers are a hashed wheel (Varghese and Lauck 1987, scheme 6): setting and clearing are O(1), which matters because
 * each request moves its connection's timer. A timer further away than one turn is looked at once per turn. A bitmap of
 * slots in use finds the next one, so an idle loop does not tick.
 */
#include "os/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"

enum {
    WHEEL_SLOTS = 1024,         /* a turn of 16 s */
    EVENTS_PER_ROUND = 256,
    FOREIGN_CLOCK_WAIT_MS = 2,  /* longest sleep under a clock that somebody moves by hand */
    WAIT_MAX_MS = 60 * 1000,
};

struct loop {
    const struct clock *clock;
    int epoll_fd;
    int wake_fd;
    uint64_t now_ns;
    uint64_t wheel_tick;        /* everything before this tick has fired */
    struct loop_timer *wheel[WHEEL_SLOTS];
    uint64_t wheel_used[WHEEL_SLOTS / 64];
    struct loop_task *deferred, **deferred_end;
    void (*on_round)(void *ctx);
    void *on_round_ctx;
    struct loop_watch wake_watch;
    _Atomic(struct loop_task *) posted; /* newest first */
    atomic_bool sleeping;
    atomic_bool stopping;
};

static _Thread_local const struct loop *current_loop;

static void on_wake(struct loop_watch *self, uint32_t events)
{
    (void)self; /* being awake is all: posted tasks are looked at in every round */
    (void)events;
}

static bole_status watch(struct loop *l, struct loop_watch *w, uint32_t events, struct bole_err *err)
{
    struct epoll_event ev = {.events = events, .data.ptr = w};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, w->fd, &ev) != 0)
        return bole_fail_errno(err, errno, "epoll_ctl");
    return BOLE_OK;
}

bole_status loop_create(const struct clock *clock, struct loop **ret_loop, struct bole_err *err)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l)
        return bole_fail(err, BOLE_E_NOMEM, "event loop");
    bole_status st = BOLE_OK;
    l->clock = clock;
    l->deferred_end = &l->deferred;
    l->now_ns = clock_mono_ns(clock);
    l->wheel_tick = l->now_ns / LOOP_TICK_NS;
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    l->wake_watch = (struct loop_watch){.fd = l->wake_fd, .on_event = on_wake};
    if (l->epoll_fd < 0 || l->wake_fd < 0)
        st = bole_fail_errno(err, errno, "event loop");
    else
        st = watch(l, &l->wake_watch, EPOLLIN | EPOLLET, err);
    if (st < 0) {
        loop_destroy(l);
        return st;
    }
    *ret_loop = l;
    return BOLE_OK;
}

bole_status loop_watch_edge(struct loop *l, struct loop_watch *w, uint32_t events, struct bole_err *err)
{
    return watch(l, w, events | EPOLLET, err);
}

bole_status loop_watch_level(struct loop *l, struct loop_watch *w, uint32_t events, struct bole_err *err)
{
    return watch(l, w, events, err);
}

void loop_unwatch(struct loop *l, struct loop_watch *w)
{
    (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL); /* fails only for one that is not watched */
}

/* ---- timers ---- */

static size_t slot_of(uint64_t tick)
{
    return tick % WHEEL_SLOTS;
}

static uint64_t tick_of(uint64_t deadline_ns)
{
    return deadline_ns / LOOP_TICK_NS + 1; /* the first tick at which the deadline has passed */
}

void loop_timer_clear(struct loop *l, struct loop_timer *t)
{
    if (!t->link)
        return;
    *t->link = t->next;
    if (t->next)
        t->next->link = t->link;
    size_t slot = slot_of(tick_of(t->deadline_ns));
    if (!l->wheel[slot])
        l->wheel_used[slot / 64] &= ~(1ull << (slot % 64));
    t->link = NULL;
    t->next = NULL;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t deadline_ns)
{
    /* A deadline in a tick that is over would wait a whole turn. */
    if (tick_of(deadline_ns) < l->wheel_tick)
        deadline_ns = l->wheel_tick * LOOP_TICK_NS;
    if (t->link && tick_of(t->deadline_ns) == tick_of(deadline_ns)) {
        t->deadline_ns = deadline_ns;
        return;
    }
    loop_timer_clear(l, t);
    size_t slot = slot_of(tick_of(deadline_ns));
    t->deadline_ns = deadline_ns;
    t->next = l->wheel[slot];
    if (t->next)
        t->next->link = &t->next;
    t->link = &l->wheel[slot];
    l->wheel[slot] = t;
    l->wheel_used[slot / 64] |= 1ull << (slot % 64);
}

static void fire_slot(struct loop *l, size_t slot, uint64_t now_tick)
{
    struct loop_timer *due = NULL;
    for (struct loop_timer *t = l->wheel[slot], *next; t; t = next) {
        next = t->next;
        if (tick_of(t->deadline_ns) > now_tick)
            continue;
        loop_timer_clear(l, t);
        t->next = due; /* one that is due may clear or free another that is: so the list must hold together */
        t->link = &due;
        if (due)
            due->link = &t->next;
        due = t;
    }
    while (due) {
        struct loop_timer *t = due;
        due = t->next;
        if (due)
            due->link = &due;
        t->link = NULL;
        t->next = NULL;
        t->on_fire(t);
    }
}

static void fire_timers(struct loop *l)
{
    uint64_t now_tick = l->now_ns / LOOP_TICK_NS;
    if (now_tick < l->wheel_tick)
        return;
    uint64_t from = l->wheel_tick, count = now_tick - from + 1;
    l->wheel_tick = now_tick + 1; /* before firing: what is set from now on belongs to later ticks */
    if (count > WHEEL_SLOTS)
        count = WHEEL_SLOTS;
    for (uint64_t i = 0; i < count; i++) {
        size_t slot = slot_of(from + i);
        if (l->wheel_used[slot / 64] & (1ull << (slot % 64)))
            fire_slot(l, slot, now_tick);
    }
}

/* Ticks until the next slot in use; WHEEL_SLOTS when none is. */
static uint64_t ticks_until_used(const struct loop *l)
{
    for (uint64_t ahead = 0; ahead < WHEEL_SLOTS;) {
        size_t slot = slot_of(l->wheel_tick + ahead);
        uint64_t word = l->wheel_used[slot / 64] >> (slot % 64);
        if (word)
            return ahead + (uint64_t)__builtin_ctzll(word);
        ahead += 64 - slot % 64;
    }
    return WHEEL_SLOTS;
}

static int wait_ms(const struct loop *l)
{
    if (l->deferred)
        return 0;
    uint64_t ahead = ticks_until_used(l);
    uint64_t ms = WAIT_MAX_MS;
    if (ahead < WHEEL_SLOTS) {
        uint64_t due_ns = (l->wheel_tick + ahead) * LOOP_TICK_NS, now_ns = clock_mono_ns(l->clock);
        ms = due_ns > now_ns ? (due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
    }
    if (l->clock != &clock_system && ms > FOREIGN_CLOCK_WAIT_MS)
        ms = FOREIGN_CLOCK_WAIT_MS;
    return ms > WAIT_MAX_MS ? WAIT_MAX_MS : (int)ms;
}

/* ---- tasks ---- */

void loop_post(struct loop *l, struct loop_task *task)
{
    struct loop_task *head = atomic_load_explicit(&l->posted, memory_order_relaxed);
    do
        task->next = head;
    while (!atomic_compare_exchange_weak(&l->posted, &head, task));
    /* From here on the task may have run and be gone. */
    if (atomic_load(&l->sleeping) && atomic_exchange(&l->sleeping, false)) {
        uint64_t one = 1;
        ssize_t n = write(l->wake_fd, &one, sizeof one);
        (void)n; /* EAGAIN after 2^64 wake-ups: it is awake then */
    }
}

void loop_run_posted(struct loop *l)
{
    if (!atomic_load_explicit(&l->posted, memory_order_relaxed))
        return;
    struct loop_task *newest = atomic_exchange(&l->posted, NULL), *oldest = NULL;
    while (newest) {
        struct loop_task *t = newest;
        newest = t->next;
        t->next = oldest;
        oldest = t;
    }
    while (oldest) {
        struct loop_task *t = oldest;
        oldest = t->next;
        t->run(t);
    }
}

void loop_defer(struct loop *l, struct loop_task *task)
{
    task->next = NULL;
    *l->deferred_end = task;
    l->deferred_end = &task->next;
}

static void run_deferred(struct loop *l)
{
    struct loop_task *t = l->deferred;
    l->deferred = NULL;
    l->deferred_end = &l->deferred;
    while (t) {
        struct loop_task *next = t->next;
        t->run(t);
        t = next;
    }
}

/* ---- the round ---- */

void loop_on_round(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
    l->on_round = fn;
    l->on_round_ctx = ctx;
}

static int wait_for_events(struct loop *l, struct epoll_event *events)
{
    int timeout_ms = wait_ms(l);
    if (timeout_ms > 0) {
        atomic_store(&l->sleeping, true);
        if (atomic_load(&l->posted) || atomic_load(&l->stopping))
            timeout_ms = 0;
    }
    int n = epoll_wait(l->epoll_fd, events, EVENTS_PER_ROUND, timeout_ms);
    atomic_store_explicit(&l->sleeping, false, memory_order_relaxed);
    assert(n >= 0 || errno == EINTR);
    return n;
}

void loop_run(struct loop *l)
{
    struct epoll_event events[EVENTS_PER_ROUND];
    current_loop = l;
    while (!atomic_load_explicit(&l->stopping, memory_order_relaxed)) {
        int n = wait_for_events(l, events);
        l->now_ns = clock_mono_ns(l->clock);
        for (int i = 0; i < n; i++) {
            struct loop_watch *w = events[i].data.ptr;
            w->on_event(w, events[i].events);
        }
        loop_run_posted(l);
        fire_timers(l);
        run_deferred(l);
        if (l->on_round)
            l->on_round(l->on_round_ctx);
    }
    current_loop = NULL;
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->stopping, true);
    uint64_t one = 1;
    ssize_t n = write(l->wake_fd, &one, sizeof one);
    (void)n;
}

uint64_t loop_now_ns(const struct loop *l)
{
    return l->now_ns;
}

bool loop_is_current(const struct loop *l)
{
    return current_loop == l;
}

void loop_destroy(struct loop *l)
{
    if (!l)
        return;
    while (atomic_load(&l->posted) || l->deferred) {
        loop_run_posted(l);
        run_deferred(l);
    }
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    if (l->epoll_fd >= 0)
        close(l->epoll_fd);
    free(l);
}
