/*
 * A pipe is a tail without a file: what was read stands in a buffer, and what is not taken of it stays there.
 */
#include "agent/pipe_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/event.h"
#include "agent/line_taker.h"
#include "base/err.h"
#include "base/log.h"

#define BUFFER_LEAST     (64u * 1024)
#define BACKOFF_FIRST_NS (1000 * (uint64_t)NS_PER_MS)
#define BACKOFF_MAX_NS   (60000 * (uint64_t)NS_PER_MS)

extern char **environ;

struct pipe_input {
    struct pipe_input_options options;
    char    *command;
    int      fd;           /* -1: none is open */
    pid_t    pid;          /* of the command; 0: it does not run */
    struct tail *tail;
    uint8_t *bytes;        /* what was read and is not done with */
    size_t   cap, len;
    bool     has_work;     /* the descriptor, or the buffer, has something */
    bool     at_end;       /* nothing more will come of this run */
    bool     closed;       /* nor of another */
    uint64_t start_ns;     /* of the last run */
    uint64_t next_start_ns;
    uint64_t backoff_ns;
    char     reason[96];
};

static uint64_t now_ns(const struct pipe_input *p)
{
    return clock_mono_ns(p->options.clock);
}

/* ---- the command ---- */

static bole_status start_command(struct pipe_input *p, struct bole_err *err)
{
    int ends[2];
    char *argv[] = {(char *)"/bin/sh", (char *)"-c", p->command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, ended_by;
    sigemptyset(&none);
    sigemptyset(&ended_by);
    sigaddset(&ended_by, SIGPIPE); /* the agent ignores it, which commands would inherit */
    if (pipe2(ends, O_CLOEXEC) != 0)
        return bole_fail_errno(err, errno, "pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &ended_by);
    int rc = posix_spawn(&p->pid, argv[0], &actions, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    close(ends[1]);
    if (rc != 0) {
        close(ends[0]);
        p->pid = 0;
        return bole_fail_errno(err, rc, "starting %s", p->options.name);
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    p->fd = ends[0];
    return BOLE_OK;
}

static void set_next_start(struct pipe_input *p)
{
    uint64_t now = now_ns(p);
    if (p->options.interval_ns) {
        uint64_t due = p->start_ns + p->options.interval_ns;
        p->next_start_ns = due > now ? due : now;
        return;
    }
    bool ran_well = now - p->start_ns >= BACKOFF_MAX_NS;
    p->backoff_ns = ran_well || !p->backoff_ns ? BACKOFF_FIRST_NS : p->backoff_ns * 2;
    p->backoff_ns = p->backoff_ns < BACKOFF_MAX_NS ? p->backoff_ns : BACKOFF_MAX_NS;
    p->next_start_ns = now + p->backoff_ns;
}

/* Its output has ended: so has it, or it will soon. */
static void reap(struct pipe_input *p)
{
    int status = 0;
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    if (p->pid) {
        kill(-p->pid, SIGTERM);
        for (int i = 0; i < 100 && waitpid(p->pid, &status, WNOHANG) == 0; i++) {
            if (i == 50)
                kill(-p->pid, SIGKILL);
            usleep(10000);
        }
        p->pid = 0;
        if (WIFSIGNALED(status))
            snprintf(p->reason, sizeof p->reason, "ended by signal %d", WTERMSIG(status));
        else
            snprintf(p->reason, sizeof p->reason, "ended with %d", WEXITSTATUS(status));
        if (!p->closed && (status != 0 || !p->options.interval_ns))
            LOG(WARN, "command ended: it is started again", " name=%s reason=%s", LOGQS(p->options.name), LOGQS(p->reason));
    }
    set_next_start(p);
}

static void run_again(struct pipe_input *p)
{
    struct bole_err err = {0};
    p->start_ns = now_ns(p);
    p->at_end = false;
    p->reason[0] = 0;
    if (start_command(p, &err) < 0) {
        snprintf(p->reason, sizeof p->reason, "%.*s", (int)sizeof p->reason - 1, err.msg);
        LOG(WARN, "command not started: it is tried again", " name=%s reason=%s", LOGQS(p->options.name), LOGQS(err.msg));
        p->at_end = true;
        set_next_start(p);
    }
}

/* ---- reading ---- */

static bool make_room(struct pipe_input *p)
{
    if (p->len < p->cap)
        return true;
    size_t cap = p->cap ? p->cap * 2 : BUFFER_LEAST;
    uint8_t *bytes = cap <= 2 * TAIL_ROOM_MAX ? realloc(p->bytes, cap) : NULL;
    if (!bytes)
        return false;
    p->bytes = bytes;
    p->cap = cap;
    return true;
}

/* What there is, as far as there is room. */
static void fill(struct pipe_input *p)
{
    while (p->fd >= 0 && p->len < TAIL_ROOM_MAX && make_room(p)) {
        struct pollfd ready = {.fd = p->fd, .events = POLLIN}; /* standard input may block: it is somebody else's, too */
        ssize_t n = poll(&ready, 1, 0) > 0 ? read(p->fd, p->bytes + p->len, p->cap - p->len) : -1;
        if (n < 0)
            return; /* nothing now */
        p->tail->grown_ns = now_ns(p);
        p->len += (size_t)n;
        if (n == 0) {
            p->at_end = true;
            if (p->command) {
                reap(p);
            } else {
                close(p->fd);
                p->fd = -1;
            }
        }
    }
}

/* The last line of all has no end: it gets one. */
static void end_last_line(struct pipe_input *p)
{
    if (p->at_end && p->len && p->bytes[p->len - 1] != '\n' && make_room(p))
        p->bytes[p->len++] = '\n';
}

void pipe_input_gather(struct pipe_input *p, struct gather *g)
{
    struct line_taker taker;
    struct tail *t = p->tail;
    fill(p);
    end_last_line(p);
    if (gather_room(g) < p->len && g->record_count == 0)
        gather_prepare(g, p->len + 1, NULL);
    size_t room = gather_room(g), n = p->len < room ? p->len : room;
    if (p->len && (n == 0 || !line_taker_begin(&taker, g, t, clock_now_ns(p->options.clock)))) {
        g->full = true;
        return;
    }
    p->has_work = false;
    if (n) {
        struct tail_turn turn = {.bytes = g->bytes + g->used,
                                 .room = n < p->len ? n : TAIL_ROOM_MAX,
                                 .now_ns = now_ns(p),
                                 .take = line_taker_take,
                                 .ctx = &taker,
                                 .arena = &g->fields};
        turn.flush = turn.now_ns - t->grown_ns >= p->options.partial_wait_ns;
        if (p->at_end)
            t->event_ns = 0; /* nothing is added to it any more */
        memcpy(turn.bytes, p->bytes, n);
        size_t taken = tail_take(t, &turn, (bole_slice){turn.bytes, n}, n < p->len || n >= TAIL_ROOM_MAX);
        g->used += taken > turn.used ? taken : turn.used;
        memmove(p->bytes, p->bytes + taken, p->len - taken);
        p->len -= taken;
        t->partial = (uint32_t)p->len;
        p->has_work = turn.more || (taken && p->at_end && p->len) || (p->at_end && t->event_bytes);
        g->full |= turn.more && !taken;
    }
    if (p->len == 0 && p->cap > BUFFER_LEAST) {
        free(p->bytes);
        p->bytes = NULL;
        p->cap = 0;
    }
}

/* ---- for the agent ---- */

int pipe_input_fd(const struct pipe_input *p)
{
    return p->len < TAIL_ROOM_MAX ? p->fd : -1;
}

uint64_t pipe_input_tick(struct pipe_input *p)
{
    uint64_t due = UINT64_MAX, now = now_ns(p);
    const struct tail *t = p->tail;
    if (p->command && p->fd < 0 && !p->closed) {
        if (now >= p->next_start_ns)
            run_again(p);
        due = p->fd < 0 ? p->next_start_ns : UINT64_MAX;
    }
    if (t->event_bytes || t->partial) {
        uint64_t wait = t->event_bytes ? event_due_ns(t) : t->grown_ns + p->options.partial_wait_ns;
        p->has_work |= now >= wait;
        due = wait < due ? wait : due;
    }
    return p->has_work ? UINT64_MAX : due;
}

void pipe_input_wake(struct pipe_input *p)
{
    p->has_work = true;
}

bool pipe_input_has_work(const struct pipe_input *p)
{
    return p->has_work;
}

void pipe_input_close(struct pipe_input *p)
{
    p->closed = true;
    fill(p); /* what was written before */
    if (p->command)
        reap(p);
    p->at_end = p->has_work = true;
}

bool pipe_input_is_over(const struct pipe_input *p)
{
    return p->len == 0 && p->at_end && (p->closed || !p->command);
}

void pipe_input_state(const struct pipe_input *p, const char **ret_state, const char **ret_reason)
{
    bool ended = p->at_end && (p->closed || !p->command);
    *ret_state = ended ? "ended" : p->fd < 0 ? "waiting" : p->has_work ? "reading" : "following";
    *ret_reason = p->reason;
}

const struct tail *pipe_input_tail(const struct pipe_input *p)
{
    return p->tail;
}

bole_status pipe_input_create(const struct pipe_input_options *options, struct pipe_input **ret_input, struct bole_err *err)
{
    struct pipe_input *p = calloc(1, sizeof *p);
    struct file_labels *labels = NULL;
    if (!p)
        return bole_fail(err, BOLE_E_NOMEM, "no memory for an input");
    p->options = *options;
    p->fd = options->command ? -1 : STDIN_FILENO;
    p->command = options->command ? strdup(options->command) : NULL;
    struct label names[] = {{S("service_name"), bole_slice_str(options->name)}};
    struct file_labels_options l = {.host = options->host,
                                    .job = options->command ? S("command") : S("stdin"),
                                    .extra = names,
                                    .extra_count = sizeof names / sizeof *names};
    bole_status st = file_labels_create(bole_slice_str(options->name), &l, &labels, err);
    if (st == BOLE_OK && (!(p->tail = tail_create(options->name, labels)) || (options->command && !p->command)))
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for an input");
    if (st < 0) {
        p->fd = -1;
        pipe_input_destroy(p);
        return st;
    }
    p->options.name = p->tail->path;
    p->tail->multiline = options->multiline;
    p->tail->caught_up = true;
    *ret_input = p;
    return BOLE_OK;
}

void pipe_input_destroy(struct pipe_input *p)
{
    if (!p)
        return;
    p->closed = true;
    if (p->command)
        reap(p);
    tail_destroy(p->tail);
    free(p->command);
    free(p->bytes);
    free(p);
}
