#include "agent/agent.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/checkpoint.h"
#include "agent/files.h"
#include "agent/gather.h"
#include "agent/watch.h"
#include "base/err.h"
#include "base/log.h"
#include "os/thread.h"

enum { OPEN_MAX_DEFAULT = 4096, OPEN_MAX_LEAST = 16 };
/* between two looks at inotify: a busy writer makes an event per write */
#define WATCH_PAUSE_NS   (20 * (uint64_t)NS_PER_MS)
#define RETRY_FIRST_NS   (100 * (uint64_t)NS_PER_MS)
#define FILE_RETRY_NS    (10000 * (uint64_t)NS_PER_MS)
#define STOP_SEND_NS     (10000 * (uint64_t)NS_PER_MS)
#define IDLE_RELEASE_NS  (2000 * (uint64_t)NS_PER_MS) /* without a batch: its memory is given back */
#define MIB (1024ull * 1024)

const char *const agent_default_includes[] = {"/var/log/**", NULL};

const char *const agent_default_excludes[] = {
    "/var/log/journal/**", "/var/log/private/**", "*.journal", "*.journal~",
    "wtmp", "wtmp.*", "wtmp-*", "btmp", "btmp.*", "btmp-*", "lastlog", "faillog", "tallylog", "utmp",
    "*.[0-9]", "*.[0-9][0-9]", "*.[0-9][0-9][0-9]", "*.old", "*.prev",
    "*-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]", "*.log-[0-9][0-9][0-9][0-9]*", "*.log.[0-9]*",
    "*.gz", "*.xz", "*.zst", "*.bz2", "*.lz4", "*.zip", "*.tar", "*.tgz", "*.sw[a-z]", "*~", ".*", "README", NULL,
};

struct agent {
    struct agent_options options; /* texts are not used after agent_create */
    char   *checkpoint_path;
    int     stop_fd;              /* eventfd: readable when the thread shall end */
    int     wake_fd;              /* eventfd: there is something else to look at */
    pthread_t thread;
    bool    runs;
    bool    stopped;

    pthread_mutex_t lock;         /* everything below; given up while waiting and while the sink works */
    struct watch   *watch;
    struct files   *files;
    struct journal *journal;      /* NULL: not wanted */
    struct pipe_input *pipes[PIPE_INPUTS_MAX];
    size_t pipe_count;
    struct gather   gather;
    struct buf      marks;        /* of the gathered batch, for a sink with a spool */
    bool     files_last;          /* whose turn it is to fill the batch first */
    bool     pending;             /* the gathered batch is not durable yet */
    bool     dirty;               /* the checkpoint is older than what is durable */
    uint64_t read_after_ns;       /* linger */
    uint64_t watch_after_ns;
    uint64_t send_after_ns;       /* backoff */
    uint64_t backoff_ns;
    uint64_t checkpoint_after_ns;
    uint64_t checkpoint_failures; /* in a row */
    char     checkpoint_error[256]; /* of the last of them */
    uint64_t tell_checkpoint_ns, tell_memory_ns, tell_spool_ns; /* not said again before */
    uint64_t release_at_ns;       /* UINT64_MAX: nothing to release */
    struct agent_status status;
    pthread_mutex_t   sums_lock;
    struct agent_sums sums; /* as last asked for */
};

/* ---- the sink ---- */

static uint64_t now_ns(const struct agent *a)
{
    return clock_mono_ns(a->options.clock);
}

/* What goes on for hours is said once a minute. */
static bool may_tell(const struct agent *a, uint64_t *tell_after_ns)
{
    uint64_t now = now_ns(a);
    if (now < *tell_after_ns)
        return false;
    *tell_after_ns = now + AGENT_TELL_NS;
    return true;
}

/* Where the inputs stand when what was gathered is durable. */
static void make_marks(struct agent *a)
{
    buf_reset(&a->marks);
    files_marks(a->files, &a->marks);
    bole_slice cursor = a->journal ? journal_taken(a->journal) : (bole_slice){0};
    if (cursor.len)
        checkpoint_put_journal(cursor, &a->marks);
}

static bool pipes_have_work(const struct agent *a)
{
    for (size_t i = 0; i < a->pipe_count; i++)
        if (pipe_input_has_work(a->pipes[i]))
            return true;
    return false;
}

static bool has_work(const struct agent *a)
{
    return files_has_work(a->files) || (a->journal && journal_has_work(a->journal)) || pipes_have_work(a);
}

static void gather_pipes(struct agent *a)
{
    for (size_t i = 0; i < a->pipe_count && !a->gather.full; i++)
        if (pipe_input_has_work(a->pipes[i]))
            pipe_input_gather(a->pipes[i], &a->gather);
}

static void gather_inputs(struct agent *a)
{
    bool more = has_work(a);
    struct bole_err err = {0};
    if (!more)
        return;
    if (gather_prepare(&a->gather, 0, &err) < 0) {
        if (may_tell(a, &a->tell_memory_ns))
            LOG(ERROR, "agent waits for memory", " reason=%s", LOGQS(err.msg));
        a->read_after_ns = now_ns(a) + RETRY_FIRST_NS;
        return;
    }
    if (a->files_last)
        gather_pipes(a);
    if (a->journal && a->files_last)
        journal_gather(a->journal, &a->gather);
    files_gather(a->files, &a->gather);
    if (a->journal && !a->files_last)
        journal_gather(a->journal, &a->gather);
    if (!a->files_last)
        gather_pipes(a);
    a->files_last = !a->files_last;
    a->pending = a->gather.record_count > 0;
    if (a->pending && tail_sink_has_spool(a->options.sink))
        make_marks(a);
    a->backoff_ns = 0;
    a->send_after_ns = 0;
    if (!a->pending) { /* bytes that hold no record, such as the rest of a cut line, are done with */
        files_commit(a->files);
        gather_reset(&a->gather);
        a->read_after_ns = now_ns(a) + a->options.linger_ns;
        a->release_at_ns = now_ns(a) + IDLE_RELEASE_NS;
    }
}

static void settle_batch(struct agent *a, bole_status st, uint64_t refused, const struct tail_batch *batch)
{
    uint64_t now = now_ns(a);
    a->status.batches_sent++;
    a->status.records_sent += batch->record_count - refused;
    a->status.bytes_sent += batch->size_bytes;
    a->status.records_refused += refused;
    if (refused)
        LOG(WARN, "records refused for good", " records=%llu of=%zu", (unsigned long long)refused, batch->record_count);
    files_commit(a->files);
    if (a->journal)
        journal_commit(a->journal);
    a->read_after_ns = a->gather.full ? now : now + a->options.linger_ns;
    a->release_at_ns = now + IDLE_RELEASE_NS;
    gather_reset(&a->gather);
    a->pending = false;
    a->dirty = true;
    if (st == BOLE_OK)
        a->status.last_error[0] = 0;
}

static void send_batch(struct agent *a)
{
    struct tail_batch batch = gather_batch(&a->gather);
    struct bole_err err = {0};
    uint64_t refused = 0;
    if (a->marks.failed)
        make_marks(a);
    batch.marks = buf_slice(&a->marks);
    pthread_mutex_unlock(&a->lock);
    bole_status st = a->marks.failed ? bole_fail(&err, BOLE_E_NOMEM, "no memory for the positions of the inputs")
                                     : tail_sink_send(a->options.sink, &batch, &refused, &err);
    pthread_mutex_lock(&a->lock);
    if (st != BOLE_OK)
        snprintf(a->status.last_error, sizeof a->status.last_error, "%s", err.msg);
    if (st == BOLE_E_INVALID) {
        LOG(ERROR, "batch refused for good", " records=%zu reason=%s", batch.record_count, LOGQS(err.msg));
        refused = batch.record_count;
    }
    if (st == BOLE_OK || st == BOLE_E_INVALID) {
        settle_batch(a, st, refused, &batch);
        return;
    }
    a->status.retries++;
    a->backoff_ns = a->backoff_ns ? a->backoff_ns * 2 : RETRY_FIRST_NS;
    if (a->backoff_ns > a->options.retry_max_ns)
        a->backoff_ns = a->options.retry_max_ns;
    a->send_after_ns = now_ns(a) + a->backoff_ns;
    if (!tail_sink_has_spool(a->options.sink) || may_tell(a, &a->tell_spool_ns)) /* the lanes tell what is wrong themselves */
        LOG(WARN, "batch not taken yet: it is sent again", " records=%zu wait_ms=%llu reason=%s", batch.record_count,
        (unsigned long long)(a->backoff_ns / NS_PER_MS), LOGQS(err.msg));
}

/* ---- the checkpoint ---- */

/* Reading goes on after a failure: lines that come twice after a crash are better than lines that do not come. */
static void note_checkpoint(struct agent *a, bole_status st, const struct bole_err *err)
{
    if (st == BOLE_OK) {
        if (a->checkpoint_failures)
            LOG(INFO, "checkpoint is written again", " failures=%llu", (unsigned long long)a->checkpoint_failures);
        a->checkpoint_failures = 0;
        a->checkpoint_error[0] = 0;
        a->tell_checkpoint_ns = 0;
        return;
    }
    a->checkpoint_failures++;
    snprintf(a->checkpoint_error, sizeof a->checkpoint_error, "%s", err->msg);
    if (may_tell(a, &a->tell_checkpoint_ns))
        LOG(ERROR, "checkpoint not written: lines come twice after a crash", " failures=%llu reason=%s",
            (unsigned long long)a->checkpoint_failures, LOGQS(err->msg));
}

static void save_checkpoint(struct agent *a)
{
    struct checkpoint c;
    struct bole_err err = {0};
    checkpoint_init(&c);
    c.saved_ns = clock_now_ns(a->options.clock);
    if (a->journal)
        c.journal_cursor = journal_cursor(a->journal);
    if (tail_sink_has_spool(a->options.sink))
        a->options.sink->ops->checkpoint(a->options.sink, &c);
    bole_status st = files_checkpoint(a->files, &c, &err);
    if (st == BOLE_OK)
        st = checkpoint_save(a->options.fs, a->checkpoint_path, &c, &err);
    if (st == BOLE_OK && tail_sink_has_spool(a->options.sink))
        a->options.sink->ops->saved(a->options.sink);
    checkpoint_deinit(&c);
    a->checkpoint_after_ns = now_ns(a) + AGENT_CHECKPOINT_NS;
    a->dirty = st < 0;
    note_checkpoint(a, st, &err);
}

static bool checkpoint_is_due(const struct agent *a)
{
    return a->dirty && a->checkpoint_path && now_ns(a) >= a->checkpoint_after_ns;
}

/* ---- rounds ---- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When there is something to do that no descriptor will tell of. */
static uint64_t next_deadline(struct agent *a)
{
    uint64_t due = least(files_tick(a->files), watch_scan_due_ns(a->watch));
    if (a->journal)
        due = least(due, journal_tick(a->journal));
    for (size_t i = 0; i < a->pipe_count; i++)
        due = least(due, pipe_input_tick(a->pipes[i]));
    if (a->pending)
        due = least(due, a->send_after_ns);
    else if (has_work(a))
        due = least(due, a->read_after_ns);
    if (a->dirty && a->checkpoint_path)
        due = least(due, a->checkpoint_after_ns);
    return least(due, a->release_at_ns);
}

/* Waits for inputs, the clock or the end. While lines are left to be read for a moment (linger), or inotify has just
 * been looked at, a busy writer must not wake the thread with each of its writes. */
static bool wait_for_work(struct agent *a, uint64_t wait_ns)
{
    uint64_t now = now_ns(a), due = least(next_deadline(a), now + wait_ns);
    struct pollfd fds[4 + PIPE_INPUTS_MAX] = {
        {.fd = a->stop_fd, .events = POLLIN}, {.fd = -1}, {.fd = -1}, {.fd = a->wake_fd, .events = POLLIN}};
    if (now >= a->watch_after_ns)
        fds[1] = (struct pollfd){.fd = watch_fd(a->watch), .events = POLLIN};
    else if (watch_fd(a->watch) >= 0)
        due = least(due, a->watch_after_ns);
    if (a->journal && !journal_has_work(a->journal))
        fds[2] = (struct pollfd){.fd = journal_fd(a->journal), .events = journal_poll_events(a->journal)};
    for (size_t i = 0; i < a->pipe_count; i++)
        fds[4 + i] = (struct pollfd){.fd = pipe_input_has_work(a->pipes[i]) ? -1 : pipe_input_fd(a->pipes[i]), .events = POLLIN};
    struct timespec timeout = {0};
    if (due > now) {
        timeout.tv_sec = (time_t)((due - now) / NS_PER_S);
        timeout.tv_nsec = (long)((due - now) % NS_PER_S);
    }
    pthread_mutex_unlock(&a->lock);
    int ready = ppoll(fds, 4 + a->pipe_count, &timeout, NULL);
    pthread_mutex_lock(&a->lock);
    for (size_t i = 0; i < a->pipe_count && ready > 0; i++)
        if (fds[4 + i].revents)
            pipe_input_wake(a->pipes[i]);
    uint64_t woken;
    ssize_t n = ready > 0 && fds[3].revents ? read(a->wake_fd, &woken, sizeof woken) : 0;
    (void)n;
    return ready > 0 && fds[0].revents;
}

static bool work(struct agent *a)
{
    uint64_t now = now_ns(a), sent = a->status.batches_sent;
    if (now >= a->watch_after_ns || now >= watch_scan_due_ns(a->watch)) {
        bool any = watch_run(a->watch);
        a->watch_after_ns = any ? now + WATCH_PAUSE_NS : 0;
    }
    files_tick(a->files);
    a->dirty |= files_take_changed(a->files);
    if (!a->pending && now >= a->read_after_ns)
        gather_inputs(a);
    if (a->pending && now >= a->send_after_ns)
        send_batch(a);
    if (checkpoint_is_due(a))
        save_checkpoint(a);
    if (!a->pending && now_ns(a) >= a->release_at_ns) {
        gather_release(&a->gather);
        a->release_at_ns = UINT64_MAX;
    }
    return a->status.batches_sent != sent;
}

bool agent_step(struct agent *a, uint64_t wait_ns)
{
    pthread_mutex_lock(&a->lock);
    wait_for_work(a, wait_ns);
    bool sent = work(a);
    pthread_mutex_unlock(&a->lock);
    return sent;
}

static void *run(void *arg)
{
    struct agent *a = arg;
    pthread_mutex_lock(&a->lock);
    do
        work(a);
    while (!wait_for_work(a, UINT64_MAX / 2));
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

bole_status agent_start(struct agent *a, struct bole_err *err)
{
    bole_status st = thread_start("bole-agent", run, a, &a->thread, err);
    a->runs = st == BOLE_OK;
    return st;
}

/* What was read of pipes is nowhere else: it is sent, if it is taken within some seconds. */
static void send_pipes(struct agent *a)
{
    for (size_t i = 0; i < a->pipe_count; i++)
        pipe_input_close(a->pipes[i]);
    uint64_t until = now_ns(a) + STOP_SEND_NS;
    while ((a->pending || pipes_have_work(a)) && now_ns(a) < until) {
        if (!a->pending && gather_prepare(&a->gather, 0, NULL) == BOLE_OK) {
            gather_pipes(a);
            a->pending = a->gather.record_count > 0;
            make_marks(a);
        }
        if (!a->pending)
            gather_reset(&a->gather);
        else
            send_batch(a);
    }
    if (a->pending || pipes_have_work(a))
        LOG(ERROR, "the last lines of a pipe are lost: nobody takes them", " records=%zu", a->gather.record_count);
}

void agent_stop(struct agent *a)
{
    if (a->runs) {
        uint64_t one = 1;
        ssize_t n = write(a->stop_fd, &one, sizeof one);
        (void)n; /* an eventfd takes a 1 */
        pthread_join(a->thread, NULL);
        a->runs = false;
    }
    pthread_mutex_lock(&a->lock);
    if (!a->stopped && a->pipe_count)
        send_pipes(a);
    if (!a->stopped && a->checkpoint_path) {
        watch_run(a->watch); /* what has appeared since is known to the next life, though nothing of it was read */
        save_checkpoint(a);
    }
    a->stopped = true;
    pthread_mutex_unlock(&a->lock);
}

/* ---- status ---- */

void agent_get_status(struct agent *a, struct agent_status *ret_status)
{
    pthread_mutex_lock(&a->lock);
    *ret_status = a->status;
    if (!a->status.last_error[0])
        memcpy(ret_status->last_error, a->checkpoint_error, sizeof ret_status->last_error);
    ret_status->inputs = files_count(a->files) + (a->journal != NULL) + a->pipe_count;
    ret_status->directories = watch_directory_count(a->watch);
    ret_status->waiting = a->pending;
    pthread_mutex_unlock(&a->lock);
}

struct each {
    void (*fn)(const struct agent_input *input, void *ctx);
    void *ctx;
};

static struct agent_input input_of(const struct tail *t)
{
    return (struct agent_input){
        .kind = AGENT_FILE,
        .path = bole_slice_str(t->path),
        .state = tail_state_name(t->state),
        .reason = t->reason,
        .offset = t->durable.offset,
        .size = t->size,
        .lag_bytes = t->state != TAIL_SKIPPED && t->size > t->durable.offset ? t->size - t->durable.offset : 0,
        .lines = t->count.lines,
        .bytes = t->count.bytes,
        .cut_lines = t->count.cut_lines,
        .split_lines = t->count.split_lines,
        .skipped_bytes = t->count.skipped_bytes,
        .truncations = t->count.truncations,
        .errors = t->count.errors,
    };
}

static void each_file(const struct tail *t, void *ctx)
{
    const struct each *each = ctx;
    struct agent_input input = input_of(t);
    each->fn(&input, each->ctx);
}

static void each_pipe(const struct pipe_input *p, const struct each *each)
{
    struct agent_input input = input_of(pipe_input_tail(p));
    input.kind = AGENT_PIPE;
    input.offset = input.size = input.lag_bytes = 0;
    pipe_input_state(p, &input.state, &input.reason);
    each->fn(&input, each->ctx);
}

static void each_journal(const struct journal *j, const struct each *each)
{
    static const char *const states[] = {"absent", "reading", "following", "failed"};
    struct journal_status status;
    journal_get_status(j, &status);
    struct agent_input input = {.kind = AGENT_JOURNAL,
                                .path = S("journal"),
                                .state = states[status.state],
                                .reason = status.reason,
                                .lines = status.entries,
                                .bytes = status.bytes,
                                .errors = status.errors};
    each->fn(&input, each->ctx);
}

static void each_input(struct agent *a, void (*fn)(const struct agent_input *input, void *ctx), void *ctx)
{
    struct each each = {fn, ctx};
    files_each(a->files, each_file, &each);
    if (a->journal)
        each_journal(a->journal, &each);
    for (size_t i = 0; i < a->pipe_count; i++)
        each_pipe(a->pipes[i], &each);
}

void agent_each_input(struct agent *a, void (*fn)(const struct agent_input *input, void *ctx), void *ctx)
{
    pthread_mutex_lock(&a->lock);
    each_input(a, fn, ctx);
    pthread_mutex_unlock(&a->lock);
}

static void add_input(const struct agent_input *in, void *ctx)
{
    struct agent_sums *s = ctx;
    s->inputs++;
    s->unread += strcmp(in->state, "skipped") == 0 || strcmp(in->state, "unreadable") == 0 || strcmp(in->state, "failed") == 0;
    s->lag_bytes += in->lag_bytes;
    s->lines += in->lines;
    s->bytes += in->bytes;
    s->cut_lines += in->cut_lines;
    s->split_lines += in->split_lines;
    s->skipped_bytes += in->skipped_bytes;
    s->truncations += in->truncations;
    s->errors += in->errors;
}

void agent_get_sums(struct agent *a, struct agent_sums *ret_sums)
{
    struct agent_sums sums = {0};
    bool fresh = pthread_mutex_trylock(&a->lock) == 0; /* a disk that hangs would hold whoever asks */
    if (fresh) {
        each_input(a, add_input, &sums);
        pthread_mutex_unlock(&a->lock);
    }
    pthread_mutex_lock(&a->sums_lock);
    if (fresh)
        a->sums = sums;
    *ret_sums = a->sums;
    pthread_mutex_unlock(&a->sums_lock);
}

bool agent_pipes_are_over(struct agent *a)
{
    pthread_mutex_lock(&a->lock);
    bool over = !a->pending;
    for (size_t i = 0; i < a->pipe_count; i++)
        over &= pipe_input_is_over(a->pipes[i]);
    pthread_mutex_unlock(&a->lock);
    return over;
}

/* ---- life ---- */

static void on_check(void *ctx, const char *path) { files_check(ctx, path); }
static void on_touched(void *ctx, const char *path) { files_touched(ctx, path); }
static void on_moved(void *ctx, const char *origin, const char *current) { files_moved(ctx, origin, current); }
static void on_scanned(void *ctx) { files_scan_done(ctx); }

static size_t open_max_default(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 > OPEN_MAX_DEFAULT)
        return OPEN_MAX_DEFAULT;
    return limit.rlim_cur / 2 > OPEN_MAX_LEAST ? limit.rlim_cur / 2 : OPEN_MAX_LEAST;
}

static void set_defaults(struct agent_options *o)
{
    const uint64_t s = NS_PER_S;
    o->first_bytes = o->first_bytes ? o->first_bytes : 64 * MIB;
    o->first_entries = o->first_entries ? o->first_entries : 50000;
    o->scan_interval_ns = o->scan_interval_ns ? o->scan_interval_ns : 15 * s;
    o->partial_wait_ns = o->partial_wait_ns ? o->partial_wait_ns : 5 * s;
    o->rotated_wait_ns = o->rotated_wait_ns ? o->rotated_wait_ns : 600 * s;
    o->deleted_wait_ns = o->deleted_wait_ns ? o->deleted_wait_ns : 10 * s;
    o->linger_ns = o->linger_ns ? o->linger_ns : AGENT_LINGER_NS;
    o->retry_max_ns = o->retry_max_ns ? o->retry_max_ns : AGENT_RETRY_MAX_NS;
    o->open_max = o->open_max ? o->open_max : open_max_default();
    o->job = o->job ? o->job : "varlogs";
}

static bole_status create_watch(struct agent *a, struct bole_err *err)
{
    const struct agent_options *o = &a->options;
    struct watch_options watch = {.includes = o->includes,
                                  .include_count = o->include_count,
                                  .excludes = o->excludes,
                                  .exclude_count = o->exclude_count,
                                  .inputs = o->inputs,
                                  .clock = o->clock,
                                  .scan_interval_ns = o->scan_interval_ns,
                                  .no_inotify = o->no_inotify,
                                  .check = on_check,
                                  .touched = on_touched,
                                  .moved = on_moved,
                                  .scanned = on_scanned,
                                  .ctx = a->files};
    return watch_create(&watch, &a->watch, err);
}

bole_status agent_set_globs(struct agent *a, const struct agent_wanted *wanted, struct bole_err *err)
{
    pthread_mutex_lock(&a->lock);
    struct agent_options before = a->options;
    struct watch *old = a->watch;
    a->options.includes = wanted->includes;
    a->options.include_count = wanted->include_count;
    a->options.excludes = wanted->excludes;
    a->options.exclude_count = wanted->exclude_count;
    a->options.inputs = wanted->inputs;
    bole_status st = create_watch(a, err);
    if (st == BOLE_OK) {
        watch_destroy(old);
        files_set_inputs(a->files, wanted->inputs);
    } else {
        a->options = before;
    }
    a->watch_after_ns = 0;
    pthread_mutex_unlock(&a->lock);
    uint64_t one = 1;
    ssize_t n = write(a->wake_fd, &one, sizeof one); /* its first look is a scan */
    (void)n;
    return st;
}

struct restoring {
    struct agent *agent;
    bole_status status;
    struct bole_err *err;
    char *cursor; /* of the journal, from malloc; NULL: that of the checkpoint holds */
};

static void restore_marks(void *ctx, bole_slice marks)
{
    struct restoring *r = ctx;
    struct checkpoint c;
    checkpoint_init(&c);
    if (r->status == BOLE_OK)
        r->status = checkpoint_decode_entries(marks, &c, r->err);
    if (r->status == BOLE_OK)
        r->status = files_restore_marks(r->agent->files, &c, r->err);
    if (r->status == BOLE_OK && c.journal_cursor.len) {
        free(r->cursor);
        r->cursor = strndup((const char *)c.journal_cursor.ptr, c.journal_cursor.len);
        if (!r->cursor)
            r->status = bole_fail(r->err, BOLE_E_NOMEM, "no memory for the journal's position");
    }
    checkpoint_deinit(&c);
}

/* What the spool has is ahead of the checkpoint. */
static bole_status restore_spool(struct agent *a, const struct checkpoint *c, char **ret_cursor, struct bole_err *err)
{
    struct restoring r = {.agent = a, .err = err};
    struct tail_sink *sink = a->options.sink;
    bole_status st = tail_sink_has_spool(sink) ? sink->ops->restore(sink, c, restore_marks, &r, err) : BOLE_OK;
    if (st >= 0)
        st = r.status;
    *ret_cursor = r.cursor;
    return st;
}

static bole_status create_inputs(struct agent *a, const struct checkpoint *c, struct bole_err *err)
{
    const struct agent_options *o = &a->options;
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    bole_slice host_slice = bole_slice_str(o->host ? o->host : host);
    struct files_options files = {.clock = o->clock,
                                  .host = host_slice,
                                  .job = bole_slice_str(o->job),
                                  .multiline = o->multiline,
                                  .inputs = o->inputs,
                                  .kube = o->kube,
                                  .first_bytes = o->first_bytes,
                                  .partial_wait_ns = o->partial_wait_ns,
                                  .rotated_wait_ns = o->rotated_wait_ns,
                                  .deleted_wait_ns = o->deleted_wait_ns,
                                  .retry_ns = FILE_RETRY_NS,
                                  .open_max = o->open_max};
    bole_status st = files_create(&files, &a->files, err);
    char *cursor = NULL;
    if (st == BOLE_OK)
        st = files_restore(a->files, c, err);
    if (st == BOLE_OK)
        st = restore_spool(a, c, &cursor, err);
    if (st == BOLE_OK)
        st = create_watch(a, err);
    if (st == BOLE_OK && o->journal) {
        struct journal_options journal = {.api = o->journal_api,
                                          .clock = o->clock,
                                          .host = host_slice,
                                          .cursor = cursor ? bole_slice_str(cursor) : c->journal_cursor,
                                          .first_entries = o->first_entries,
                                          .retry_ns = FILE_RETRY_NS};
        st = journal_create(&journal, &a->journal, err);
    }
    for (size_t i = 0; i < o->pipe_count && i < PIPE_INPUTS_MAX && st == BOLE_OK; i++) {
        struct pipe_input_options pipe = o->pipes[i];
        pipe.clock = o->clock;
        pipe.host = host_slice;
        pipe.partial_wait_ns = o->partial_wait_ns;
        pipe.multiline = multiline_find(o->multiline, bole_slice_str(pipe.name));
        st = pipe_input_create(&pipe, &a->pipes[i], err);
        a->pipe_count += st == BOLE_OK;
    }
    free(cursor);
    return st;
}

bole_status agent_create(const struct agent_options *options, struct agent **ret_agent, struct bole_err *err)
{
    struct checkpoint c;
    checkpoint_init(&c);
    bole_status st = BOLE_OK;
    struct agent *a = calloc(1, sizeof *a);
    if (!a) {
        st = bole_fail(err, BOLE_E_NOMEM, "no memory for the agent");
        goto cleanup;
    }
    a->options = *options;
    set_defaults(&a->options);
    pthread_mutex_init(&a->lock, NULL);
    pthread_mutex_init(&a->sums_lock, NULL);
    gather_init(&a->gather);
    buf_init(&a->marks, NULL);
    a->release_at_ns = UINT64_MAX;
    a->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    a->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (a->stop_fd < 0 || a->wake_fd < 0) {
        st = bole_fail_errno(err, errno, "agent: eventfd");
        goto cleanup;
    }
    if (options->checkpoint_path) {
        a->checkpoint_path = strdup(options->checkpoint_path);
        st = a->checkpoint_path ? checkpoint_load(options->fs, a->checkpoint_path, &c, err) :
                                  bole_fail(err, BOLE_E_NOMEM, "no memory for the agent");
    }
    if (st == BOLE_OK)
        st = create_inputs(a, &c, err);
    if (st < 0)
        goto cleanup;
    *ret_agent = a;
    a = NULL;
cleanup:
    agent_destroy(a);
    checkpoint_deinit(&c);
    return st;
}

void agent_destroy(struct agent *a)
{
    if (!a)
        return;
    if (a->files && a->watch)
        agent_stop(a);
    watch_destroy(a->watch);
    files_destroy(a->files);
    journal_destroy(a->journal);
    for (size_t i = 0; i < a->pipe_count; i++)
        pipe_input_destroy(a->pipes[i]);
    gather_deinit(&a->gather);
    buf_deinit(&a->marks);
    if (a->stop_fd >= 0)
        close(a->stop_fd);
    if (a->wake_fd >= 0)
        close(a->wake_fd);
    pthread_mutex_destroy(&a->lock);
    pthread_mutex_destroy(&a->sums_lock);
    free(a->checkpoint_path);
    free(a);
}
