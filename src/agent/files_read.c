/* files_read.c - whose turn it is to be read, and what is due by the clock. */
#include "agent/event.h"
#include "agent/files_private.h"
#include "agent/line_taker.h"
#include "base/err.h"
#include "base/log.h"

enum {
    TURN_BYTES = 128 * 1024, /* of one file before the next has its turn */
    TURN_MIN = 4 * 1024,     /* less room than this is not worth a read: the batch is full */
};
/* A file without its name is looked at this often: nobody watches the name that it has now. */
#define UNNAMED_LOOK_NS       (1000 * (uint64_t)NS_PER_MS)
#define UNNAMED_LOOK_QUIET_NS (15000 * (uint64_t)NS_PER_MS) /* when it has been quiet for longer than this */

/* ---- time ---- */

/* Closes a file that has no name of ours any more; what was written at the last moment keeps it open. */
static void close_unnamed(struct files *f, struct tail *t)
{
    struct source_info info;
    if (source_stat_fd(t->fd, &info, NULL) == BOLE_OK && info.size_bytes != t->size) {
        files_mark_ready(f, t);
    } else if (t->links == 0) {
        files_drop(f, t);
    } else {
        files_close(f, t);
        t->state = TAIL_PARKED;
        t->seen_ns = clock_now_ns(f->options.clock);
    }
}

static uint64_t tick_unnamed(struct files *f, struct tail *t, uint64_t now)
{
    uint64_t quiet_ns = now - t->grown_ns;
    uint64_t close_due = t->grown_ns + (t->links ? f->options.rotated_wait_ns : f->options.deleted_wait_ns);
    uint64_t look_due = t->looked_ns + (quiet_ns < UNNAMED_LOOK_QUIET_NS ? UNNAMED_LOOK_NS : UNNAMED_LOOK_QUIET_NS);
    if (now >= close_due && files_is_done(t))
        close_unnamed(f, t);
    else if (now >= look_due)
        files_mark_ready(f, t);
    else
        return look_due < close_due || !files_is_done(t) ? look_due : close_due;
    return UINT64_MAX;
}

static uint64_t tick_file(struct files *f, struct tail *t, uint64_t now)
{
    uint64_t due;
    if (t->fd < 0 || t->is_ready)
        return UINT64_MAX;
    if (t->state == TAIL_UNREADABLE)
        due = t->retry_ns;
    else if (t->pod_due_ns && t->pod_due_ns != UINT64_MAX && t->looked_ns == 0)
        due = t->retry_ns;
    else if (t->event_bytes)
        due = event_due_ns(t);
    else if (t->partial)
        due = t->grown_ns + f->options.partial_wait_ns;
    else
        return t->owns_path ? UINT64_MAX : tick_unnamed(f, t, now);
    if (now < due)
        return due;
    files_mark_ready(f, t);
    return UINT64_MAX;
}

uint64_t files_tick(struct files *f)
{
    uint64_t now = files_now_ns(f), next_due = UINT64_MAX;
    for (struct tail *t = f->all, *next; t; t = next) {
        next = t->next;
        uint64_t due = tick_file(f, t, now);
        next_due = due < next_due ? due : next_due;
    }
    return next_due;
}

/* ---- reading ---- */

static void put_back_first(struct files *f, struct tail *t)
{
    t->is_ready = true;
    t->next_ready = f->ready_first;
    f->ready_first = t;
    if (!t->next_ready)
        f->ready_last = t;
}

static void settle(struct files *f, struct tail *t, bool more)
{
    if (t->state == TAIL_SKIPPED) { /* the sniffer has closed it */
        f->open_count--;
        files_set_unread(t, TAIL_SKIPPED, t->reason);
        return;
    }
    t->told_unread = false;
    if (t->count.cut_lines && !t->told_cut)
        LOG(WARN, "a line over the limit was cut, as all such are", " path=%s limit_bytes=%u", LOGQS(t->path), RECORD_LINE_MAX);
    t->told_cut |= t->count.cut_lines > 0;
    if (!t->owns_path)
        t->state = t->links ? TAIL_ROTATED : TAIL_DELETED;
    else
        t->state = more ? TAIL_READING : TAIL_FOLLOWING;
    t->caught_up |= !more;
    if (more)
        files_mark_ready(f, t);
}

static void take_turn(struct files *f, struct tail *t, struct gather *g)
{
    struct bole_err err = {0};
    struct line_taker taker;
    bool ready = line_taker_begin(&taker, g, t, clock_now_ns(f->options.clock));
    size_t room = gather_room(g);
    struct tail_turn turn = {.bytes = g->bytes + g->used,
                             .room = room < TURN_BYTES ? room : TURN_BYTES,
                             .now_ns = files_now_ns(f),
                             .take = line_taker_take,
                             .arena = &g->fields,
                             .ctx = &taker};
    turn.flush = t->partial && turn.now_ns - t->grown_ns >= f->options.partial_wait_ns;
    bole_status st = ready ? tail_turn(t, &turn, &err) : bole_fail(&err, BOLE_E_NOMEM, "no memory");
    if (st == BOLE_OK && turn.want > turn.room && turn.want <= room) {
        turn.room = room;
        st = tail_turn(t, &turn, &err);
    }
    if (st == BOLE_OK && turn.want > room) {
        /* A line longer than what is left: it goes first in a batch of its own size. */
        if (g->record_count)
            g->full = true;
        else
            st = gather_prepare(g, turn.want, &err);
        if (st == BOLE_OK) {
            put_back_first(f, t);
            return;
        }
    }
    g->used += turn.used; /* also after an error: what was taken before it stays taken */
    if (st < 0) {
        files_set_unreadable(f, t, err.msg);
        return;
    }
    settle(f, t, turn.more);
}

bool files_has_work(const struct files *f)
{
    return f->ready_first != NULL;
}

void files_gather(struct files *f, struct gather *g)
{
    while (f->ready_first && !g->full) {
        if (gather_room(g) < TURN_MIN) {
            g->full = true;
            break;
        }
        struct tail *t = f->ready_first;
        f->ready_first = t->next_ready;
        t->is_ready = false;
        if (files_know_pod(f, t))
            take_turn(f, t, g);
        else
            t->retry_ns = files_now_ns(f) + FILES_POD_LOOK_NS;
    }
}

void files_commit(struct files *f)
{
    for (struct tail *t = f->all; t; t = t->next)
        if (!tail_is_at(t, &t->durable))
            t->durable = tail_mark(t);
}
